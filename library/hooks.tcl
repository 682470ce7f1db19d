# hooks.tcl -- hooks: their spellings, and what surrounds a body (API 4).
#
# A body becomes a lambda once, when it is set.  Around it stands what makes
# the documented words work: the payload's fields as variables, where the body
# names them, and `my` for the service or the cluster.

namespace eval ::cluster::hooks {
    # Bodies by cluster and path, as they were given.
    variable Bodies
    array set Bodies {}
    # Hooks whose failure was reported already; setting one anew forgets it.
    variable Reported
    array set Reported {}

    # Every path: the core's name and whether the payload is written back.
    variable Paths {
        {evaluate receive}   ask
        {channel receive}    ask
        {op receive}         ask
        {service evaluate}   ask
        {service validate}   ask
        {evaluate send}      ask
        {channel send}       ask
        {op send}            ask
        {broadcast}          ask
        {protocol receive}   ask
        {protocol send}      ask
        {tags changed}       tell
        {service discovered} tell
        {service lost}       tell
        {query}              tell
        {event}              tell
    }
    # Other spellings: README, code and first generation (API 4).
    variable Same {
        {evaluate service} {service evaluate}
        {service eval}     {service evaluate}
        {service found}    {service discovered}
        {receive}          {evaluate receive}
        {send}             {evaluate send}
    }
    variable Fields {type channel hid sid known timestamp protocols ruid op
        data raw tags keepalive filter error}
    # Further words that a body may use: whose packet it is, and whether that
    # service is known (service evaluate, service validate).
    variable Computed {
        uuid   {[dict get $payload sid]@[dict get $payload hid]}
        exists {[expr {$service ne {}}]}
    }
}

# The namespace in which bodies run: nothing of ours in it but `my`.
namespace eval ::cluster::hook {}

proc ::cluster::hook::my args {
    upvar 1 service service cluster cluster
    if {[info exists service] && $service ne {}} {
        tailcall $service {*}$args
    }
    tailcall $cluster {*}$args
}

# $cluster hook path ?...? ?body?: sets, with an empty body removes, without
# one returns.
proc ::cluster::hooks::Hook {cluster args} {
    variable Bodies
    variable Reported
    lassign [Place $args] name keys rest
    if {[llength $rest] > 1} {
        Unknown $args
    }
    if {[lindex $name 0] eq "protocol"} {
        CheckProtocols $cluster $keys
    }
    if {![llength $rest]} {
        set key $cluster,$name,[lindex $keys 0]
        return [expr {[info exists Bodies($key)] ? $Bodies($key) : {}}]
    }
    set body [lindex $rest 0]
    set lambda [expr {$body eq {} ? {} : [Lambda $name $body]}]
    foreach key $keys {
        $cluster Hook $name $key $lambda [Reads $body]
        set Bodies($cluster,$name,$key) $body
    }
    unset -nocomplain Reported($cluster,$name)
    return
}

# The cluster is gone: so is what was kept for it.
proc ::cluster::hooks::Forget cluster {
    variable Bodies
    variable Reported
    array unset Bodies $cluster,*
    array unset Reported $cluster,*
}

# The core's name, the keys (channels, an op), and the words behind the path.
proc ::cluster::hooks::Place words {
    variable Paths
    variable Same
    set two [lrange $words 0 1]
    if {[lindex $words 0] in {channel op protocol}} {
        return [PlaceKeyed $words]
    }
    foreach path [list $two [lrange $words 0 0]] {
        if {[dict exists $Same $path]} {
            return [list [dict get $Same $path] {{}} \
                [lrange $words [llength $path] end]]
        }
        if {[dict exists $Paths $path]} {
            return [list $path {{}} [lrange $words [llength $path] end]]
        }
    }
    Unknown $words
}

# channel 5 receive, channel receive 5, channel receive {5 6}, op C send,
# protocol t send.
proc ::cluster::hooks::PlaceKeyed words {
    lassign $words kind first second
    if {[llength $words] < 3} {
        Unknown $words
    }
    if {$first in {receive send}} {
        set way $first
        set keys $second
    } elseif {$second in {receive send}} {
        set way $second
        set keys $first
    } else {
        Unknown $words
    }
    if {$kind eq "op"} {
        set keys [list $keys]
    } elseif {$kind eq "channel"} {
        foreach key $keys {
            if {![string is integer -strict $key] || $key < 0} {
                return -code error -level 3 -errorcode CLUSTER_INVALID_ARGS \
                    "\"$key\" is no channel: must be a number of 0 or more"
            }
        }
    }
    return [list [list $kind $way] $keys [lrange $words 3 end]]
}

proc ::cluster::hooks::CheckProtocols {cluster ids} {
    foreach id $ids {
        if {$id ni [$cluster protocols]} {
            return -code error -level 2 -errorcode CLUSTER_INVALID_ARGS \
                "the cluster does not speak protocol \"$id\": must be one of\
                [join [$cluster protocols] {, }]"
        }
    }
}

proc ::cluster::hooks::Unknown words {
    return -code error -level 3 -errorcode CLUSTER_INVALID_ARGS "there is no\
        hook \"[lrange $words 0 end]\": must be channel N receive|send, op OP\
        receive|send, protocol P receive|send, evaluate receive|send, service\
        evaluate|validate|discovered|lost, tags changed, query, event or\
        broadcast"
}

# The lambda of a body.
proc ::cluster::hooks::Lambda {name body} {
    variable Paths
    if {[lindex $name 0] eq "protocol"} {
        return [list {cluster service proto descriptor chanID} \
            "upvar 1 payload packet;$body" ::cluster::hook]
    }
    if {[dict get $Paths $name] eq "tell"} {
        return [list {cluster service payload proto descriptor services Named} \
            "[FieldVariables $body Named 0]unset Named;$body" ::cluster::hook]
    }
    set head "upvar 1 payload payload;"
    append head [FieldVariables $body payload [expr {[llength $name] == 2}]]
    if {$name in {{service evaluate} {service validate}}} {
        append head [ComputedVariables $body]
    }
    return [list {cluster service proto descriptor services} $head$body \
        ::cluster::hook]
}

# The words of a body that mean the payload or a field of it.
proc ::cluster::hooks::Reads body {
    variable Fields
    return [lmap word [concat payload $Fields] {
        if {![regexp "\\m$word\\M" $body]} continue
        set word
    }]
}

# Sets the variables that the body names, from a dict of that name.  In receive
# and send hooks a payload without data is $data itself (API 4, the README's
# channel 5).
proc ::cluster::hooks::FieldVariables {body dict way} {
    set script {}
    foreach field [Reads $body] {
        if {$field eq "payload"} {
            continue
        }
        append script "if {\[dict exists \$$dict $field\]}\
            {set $field \[dict get \$$dict $field\]}"
        if {$field eq "data" && $way} {
            append script " else {set data \$payload}"
        }
        append script ";"
    }
    return $script
}

proc ::cluster::hooks::ComputedVariables body {
    variable Computed
    set script {}
    dict for {name value} $Computed {
        if {[regexp "\\m$name\\M" $body]} {
            append script "set $name $value;"
        }
    }
    return $script
}

# Runs a lambda that may change the payload; called by the core.  Returns
# {verdict payload}: 0 go on, 1 refused, 2 failed.  For a protocol's hook the
# payload is the packet, and the last word its chanID.
proc ::cluster::hooks::Ask {name lambda cluster service payload proto
                            descriptor services} {
    set code [catch {
        apply $lambda $cluster $service $proto $descriptor $services
    } result options]
    switch -- $code {
        0 - 2   { return [list 0 $payload] }
        1       {
            return [list [Verdict $cluster $name $result $options] $payload]
        }
        default { return [list 1 $payload] }
    }
}

# A veto is silent; any other error is reported.  A bare break or continue in
# a body is a veto too: Tcl makes an error of it, with this code.
proc ::cluster::hooks::Verdict {cluster name result options} {
    set code [dict get $options -errorcode]
    if {[lrange $code 0 1] eq {CLUSTER VETO}
        || $code eq {TCL RESULT UNEXPECTED}} {
        return 1
    }
    Failed $cluster $name $result $options
    return 2
}

# A hook failed: said once, until it is set anew, with its path and its line.
proc ::cluster::hooks::Failed {cluster name result options} {
    variable Reported
    if {[info exists Reported($cluster,$name)]} {
        return
    }
    set Reported($cluster,$name) 1
    set where {}
    if {[dict exists $options -errorinfo]
            && [regexp {\(lambda term .* line (\d+)\)} \
                [dict get $options -errorinfo] -> line]} {
        set where ", line $line of its body"
    }
    ::cluster::log::Say $cluster error "hook \"$name\"$where: $result" $options
}
