# node.tcl -- what the cluster command does in Tcl: tags and channels.

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
