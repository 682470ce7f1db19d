# node.tcl -- what the cluster command does in Tcl: tags, channels, options,
#             and the words of the first generation.

namespace eval ::cluster::node {}

# $cluster tags ?modifier tag ...? ... -> the tags, after the changes in their
# order (API 2, seed 002).  A heartbeat tells the others when something changed.
proc ::cluster::node::Tags {cluster args} {
    set before [$cluster Tags]
    if {![llength $args]} {
        return $before
    }
    set tags [ChangeTags $before $args]
    if {$tags ne $before} {
        $cluster Tags $tags
        $cluster Beat 0 1
    }
    return $tags
}

# The table of modifiers; without one, -append.
proc ::cluster::node::ChangeTags {tags words} {
    set modifier -append
    foreach word $words {
        if {[string match -* $word]} {
            set modifier [TagModifier $word]
            continue
        }
        switch -- $modifier {
            -append  { set tags [AppendTag $tags $word] }
            -remove  { set tags [RemoveTag $tags $word] }
            -map     { set tags [MapTag $tags {*}[TagPair $word]] }
            -mappend { set tags [MappendTag $tags {*}[TagPair $word]] }
            -replace {
                set tags {}
                foreach tag $word {
                    set tags [AppendTag $tags $tag]
                }
                set modifier -append
            }
        }
    }
    return $tags
}

proc ::cluster::node::TagModifier word {
    switch -- $word {
        -append - -remove - -map - -mappend - -replace { return $word }
        -lappend { return -append }
    }
    return -code error -level 2 -errorcode CLUSTER_INVALID_ARGS "unknown\
        modifier \"$word\": must be -append, -lappend, -remove, -replace, -map\
        or -mappend"
}

proc ::cluster::node::TagPair word {
    if {[catch {llength $word} count] || $count != 2} {
        return -code error -level 2 -errorcode CLUSTER_INVALID_ARGS \
            "must be a list of an old and a new tag, not \"$word\""
    }
    return $word
}

proc ::cluster::node::AppendTag {tags tag} {
    if {$tag ni $tags} {
        lappend tags $tag
    }
    return $tags
}

proc ::cluster::node::RemoveTag {tags tag} {
    return [lsearch -all -inline -exact -not $tags $tag]
}

# The old tag becomes the new one where it stands.
proc ::cluster::node::MapTag {tags old new} {
    set at [lsearch -exact $tags $old]
    if {$at < 0} {
        return $tags
    }
    if {$new in $tags && $new ne $old} {
        return [RemoveTag $tags $old]
    }
    return [lreplace $tags $at $at $new]
}

# The old tag goes, the new one comes in any case; an empty one is none.
proc ::cluster::node::MappendTag {tags old new} {
    set tags [RemoveTag $tags $old]
    return [expr {$new eq {} ? $tags : [AppendTag $tags $new]}]
}

# $cluster channel join|leave channels
proc ::cluster::node::Channel {cluster action channels} {
    switch -- $action {
        join - subscribe - enter - add         { set join 1 }
        leave - unsubscribe - exit - remove    { set join 0 }
        default {
            return -code error -errorcode CLUSTER_INVALID_ARGS "unknown action\
                \"$action\": must be join or leave"
        }
    }
    foreach channel $channels {
        $cluster Channel $channel $join
    }
    return
}

# $cluster props ?name ...? -> the properties of our protocols, all of them or
# those named; "protoprops" names them all.
proc ::cluster::node::Props {cluster args} {
    set props [$cluster Props]
    if {![llength $args] || [lsearch -nocase -glob $args protop*] >= 0} {
        return $props
    }
    return [dict filter $props script {name -} {expr {$name in $args}}]
}

# ---- options that change while running ---------------------------------------

# $cluster configure -> all; -option -> its value; -option value ... -> changes
# them, all or none.
proc ::cluster::node::Configure {cluster args} {
    switch -- [llength $args] {
        0 { return [Options $cluster] }
        1 {
            set options [Options $cluster]
            if {![dict exists $options [lindex $args 0]]} {
                NoOption $cluster [lindex $args 0]
            }
            return [dict get $options [lindex $args 0]]
        }
    }
    if {[llength $args] % 2} {
        return -code error -errorcode CLUSTER_INVALID_ARGS \
            "missing value for option \"[lindex $args end]\""
    }
    set checked {}
    foreach {option value} $args {
        dict set checked $option [CheckOption $cluster $option $value]
    }
    dict for {option value} $checked {
        Change $cluster $option $value
    }
    return
}

# What can change: option -> value now.
proc ::cluster::node::Options cluster {
    set options [dict create -ttl [$cluster ttl] \
        -heartbeat [$cluster config heartbeat] -tags [$cluster tags] \
        -channels [$cluster Channel] \
        -loglevel [::cluster::log::Level $cluster]]
    dict for {limit default} [::cluster::core::limits] {
        catch {set default [$cluster config $limit]}
        dict set options -$limit $default
    }
    return $options
}

proc ::cluster::node::NoOption {cluster option} {
    return -code error -level 2 -errorcode CLUSTER_INVALID_ARGS "unknown\
        option \"$option\": must be [join [dict keys [Options $cluster]] {, }]"
}

proc ::cluster::node::CheckOption {cluster option value} {
    switch -- $option {
        -tags     { return [::cluster::CheckList $option $value] }
        -channels { return [::cluster::CheckNumbers $option $value] }
        -loglevel { return $value }
    }
    if {![dict exists [Options $cluster] $option]} {
        NoOption $cluster $option
    }
    return [::cluster::CheckCount $option $value]
}

proc ::cluster::node::Change {cluster option value} {
    switch -- $option {
        -tags     { Tags $cluster -replace $value }
        -loglevel { ::cluster::log::Level $cluster $value }
        -channels {
            foreach channel [$cluster Channel] {
                if {$channel > 2 && $channel ni $value} {
                    $cluster Channel $channel 0
                }
            }
            foreach channel $value {
                $cluster Channel $channel 1
            }
        }
        default   { $cluster Alter [string range $option 1 end] $value }
    }
}

# ---- the first generation's words (API 6) ------------------------------------

# $cluster broadcast payload, or $cluster broadcast op ?data?: a word that is
# no payload dict is an op.
proc ::cluster::node::Broadcast {cluster payload args} {
    if {![llength $args] && [IsPayload $payload]} {
        return [$cluster Transmit $payload]
    }
    return [$cluster Transmit [dict create op $payload data [lindex $args 0]]]
}

proc ::cluster::node::IsPayload value {
    if {[catch {dict keys $value} keys] || ![llength $keys]} {
        return 0
    }
    foreach key $keys {
        if {$key ni $::cluster::hooks::Fields} {
            return 0
        }
    }
    return 1
}

# $cluster sendto services op ?data?
proc ::cluster::node::Sendto {cluster services op args} {
    return [$cluster send -services $services -op $op \
        -data [lindex $args 0]]
}

# Of the known services, each once: addresses, names, hardware addresses.
proc ::cluster::node::Ips cluster {
    return [Each $cluster ip]
}

proc ::cluster::node::Names cluster {
    return [Each $cluster name]
}

proc ::cluster::node::Macs cluster {
    return [Each $cluster hid]
}

proc ::cluster::node::Each {cluster what} {
    set values {}
    foreach service [$cluster services] {
        set value [$service $what]
        if {$value ne {} && $value ni $values} {
            lappend values $value
        }
    }
    return $values
}

# Called when the cluster's command is deleted.
proc ::cluster::node::Gone {cluster args} {
    ::cluster::hooks::Forget $cluster
    ::cluster::log::Forget $cluster
}

# Called when it is renamed: what is kept by its name is kept by the new one.
proc ::cluster::node::Renamed {old new op} {
    foreach array {::cluster::hooks::Bodies ::cluster::hooks::Reported
            ::cluster::log::Prefix ::cluster::log::Threshold} {
        foreach key [array names $array] {
            if {$key eq $old || [string first $old, $key] == 0} {
                set rest [string range $key [string length $old] end]
                set ${array}($new$rest) [set ${array}($key)]
                unset ${array}($key)
            }
        }
    }
}
