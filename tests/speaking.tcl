# speaking.tcl -- two clusters that speak a script's protocol, m, and what they
#                 say to each other.
#
#     pair ?-option value ...?    ::a and ::b, services ::ab and ::ba
#     event hello                 from a to b -> what b was told
#     query                       from a to b -> the answers
#     clean

source [file join [file dirname [info script]] protocols.tcl]

proc clean {} {
    destroyAll
    foreach id {m n bad other} {
        cluster protocol register $id {}
    }
    array unset ::told
    array unset ::mailboxes
    set ::calls {}
    set ::log {}
    interp bgerror {} ::tcl::Bgerror
}

# Two clusters that prefer m, told by ::told what to do.
proc pair args {
    clean
    cluster protocol register m ::Told
    collectErrors
    lassign [together [list -protocols {m t c} -tags a {*}$args] \
        [list -protocols {m t c} -tags b {*}$args]] ::a ::b
    set ::ab [serviceOf $::a $::b]
    set ::ba [serviceOf $::b $::a]
    waitFor 1000 {[dict exists [$::ab props] m] && [dict exists [$::ba props] m]}
    set ::calls {}
}

proc count {cluster counter} {
    return [dict get [$cluster stats] $counter]
}

proc carried {cluster protocol {what packets_out}} {
    return [dict get [$cluster stats] protocols $protocol $what]
}

# How long the next two wait: briefly where nothing need come.
set patience 2000

# One event from a to b; what b logs of it.
proc event {{data hello} args} {
    set ::log {}
    $::b hook event {lappend ::log $data}
    $::a send -services [list $::ab] -data $data {*}$args
    waitFor $::patience {[llength $::log] > 0}
    return $::log
}

# A query from a to b; what came of it.
proc query args {
    $::b hook query {string toupper $data}
    set q [$::a query -services [list $::ab] -query hello -timeout 2000 \
        -collect -command {apply {message {
            lassign $message event query
            if {$event eq "response"} {return [$query data]}
            if {$event eq "done"} {set ::answered [dict values [$query results]]}
        }}} {*}$args]
    set ::answered none
    waitFor $::patience {$::answered ne "none"}
    return $::answered
}
