# ping.tcl -- ping: how long a packet takes to a member and back.
#
# By multicast it is the wire's own ping, which names one member and is answered
# by its heartbeat; no hook is asked, and an original answers it too. By each
# other protocol it is a query that is a comment, so that a hook which evaluates
# evaluates nothing; whatever comes back, an error too, has made the way.

namespace eval ::cluster::shell::ping {
    variable Columns {
        name text uuid text protocol text sent number lost number
        min number median number p99 number max number
    }
    variable Awaited {};        # the sid whose heartbeat is waited for
    variable Over;              # when the answer came, or "lost"
}

# cluster ping ?ID|filter?
proc ::cluster::shell::ping::Ping {options words} {
    variable Columns
    set options [dict merge {-protocols {t u d c} -count 5 -interval 250} \
        $options]
    set cluster [::cluster::shell::members::Gather ping $options]
    set services [::cluster::shell::members::Matching $cluster $options \
        [lindex $words 0]]
    if {![llength $services]} {
        ::cluster::shell::members::Nobody $cluster $words
    }
    $cluster hook evaluate receive ::cluster::shell::ping::Heard\ \$payload
    set records [Rounds $cluster $options \
        [Ways $services [dict get $options -protocols]]]
    ::cluster::shell::output::Records [dict get $options -format] $Columns \
        $records
    foreach record $records {
        if {[dict get $record lost] < [dict get $record sent]} {
            return
        }
    }
    ::cluster::shell::Silence "nobody answered within\
        [dict get $options -timeout] ms"
}

# Each member by each of its protocols that is asked for.
proc ::cluster::shell::ping::Ways {services protocols} {
    set ways {}
    foreach service $services {
        foreach protocol [$service protocols] {
            if {$protocol in $protocols} {
                lappend ways [list $service $protocol]
            }
        }
    }
    return $ways
}

# One after the other, so that they do not wait for one another, in rounds. A
# first round, which opens the connections, is not counted.
proc ::cluster::shell::ping::Rounds {cluster options ways} {
    variable Round 1
    variable Times {}
    ::cluster::shell::terminal::Progress {
        string cat "round $::cluster::shell::ping::Round"
    }
    set ms [dict get $options -timeout]
    foreach way [lsearch -all -inline -not -exact -index 1 $ways c] {
        Once $cluster {*}$way $ms
    }
    for {} {$Round <= [dict get $options -count]} {incr Round} {
        if {$Round > 1} {
            ::cluster::shell::life::Pause [Interval $options $ways]
        }
        foreach way $ways {
            dict lappend Times $way [Once $cluster {*}$way $ms]
        }
    }
    ::cluster::shell::terminal::Done
    return [lmap way $ways {Summary $way [dict get $Times $way]}]
}

# A member answers pings of the group at most once a second.
proc ::cluster::shell::ping::Interval {options ways} {
    set group [expr {"c" in [lmap way $ways {lindex $way 1}]}]
    return [expr {max($group ? 1010 : 1, [dict get $options -interval])}]
}

# Milliseconds there and back, or an empty string.
proc ::cluster::shell::ping::Once {cluster service protocol ms} {
    variable Awaited
    variable Over {}
    if {[catch {$service sid} sid]} {
        return
    }
    set since [clock microseconds]
    if {$protocol eq "c"} {
        set Awaited $sid
        $cluster broadcast [dict replace [$cluster ping_payload [list $sid]] \
            filter [list $sid]]
        set timer [after $ms [list set ::cluster::shell::ping::Over lost]]
    } else {
        set timer {}
        $cluster query -services $service -protocols $protocol -timeout $ms \
            -query [::cluster::shell::members::Question ping] \
            -command ::cluster::shell::ping::Answered
    }
    while {$Over eq {}} {
        vwait ::cluster::shell::ping::Over
    }
    after cancel $timer
    set Awaited {}
    return [expr {[string is entier $Over] ? ($Over - $since) / 1000.0 : {}}]
}

proc ::cluster::shell::ping::Answered event {
    lassign $event what query
    switch -- $what {
        response { set ::cluster::shell::ping::Over [clock microseconds] }
        error - lost - timeout {
            set came [dict size [$query payload]]
            set ::cluster::shell::ping::Over \
                [expr {$came ? [clock microseconds] : "lost"}]
        }
    }
}

# Its heartbeat is its answer.
proc ::cluster::shell::ping::Heard payload {
    variable Awaited
    if {$Awaited ne {} && [dict get $payload type] == 1
        && [dict get $payload sid] eq $Awaited} {
        set ::cluster::shell::ping::Over [clock microseconds]
    }
}

proc ::cluster::shell::ping::Summary {way times} {
    lassign $way service protocol
    set came [lsort -real [lsearch -all -inline -not -exact $times {}]]
    set count [llength $came]
    set record [dict create name [Say $service name] uuid [Say $service uuid] \
        protocol $protocol sent [llength $times] \
        lost [expr {[llength $times] - $count}]]
    foreach {key part} {min 0 median 0.5 p99 0.99 max 1} {
        set at [expr {int(ceil($part * $count)) - ($part > 0)}]
        dict set record $key \
            [if {$count} {format %.3f [lindex $came $at]}]
    }
    return $record
}

# It may be gone meanwhile.
proc ::cluster::shell::ping::Say {service what} {
    if {[catch {$service $what} value]} {
        return [namespace tail $service]
    }
    return $value
}
