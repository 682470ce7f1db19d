# talk.tcl -- query and send: members are asked, and told.

namespace eval ::cluster::shell::talk {
    variable Outcomes {
        name text uuid text outcome text ms number answer text
    }
    variable Sent {name text uuid text outcome text via text}
}

# Who is meant; nobody is an answer of its own.
proc ::cluster::shell::talk::Targets {cluster options} {
    set services [::cluster::shell::members::Matching $cluster $options]
    if {![llength $services]} {
        ::cluster::shell::members::Nobody $cluster {}
    }
    return $services
}

# Those of the options that the package's own send and query know.
proc ::cluster::shell::talk::Passed {options names} {
    return [dict filter $options script {name -} {expr {$name in $names}}]
}

# ---- query -------------------------------------------------------------------

# cluster query ?-option ...? SCRIPT
proc ::cluster::shell::talk::Query {options words} {
    variable Outcomes
    variable Answers {}
    set cluster [::cluster::shell::members::Gather query $options]
    set asked [Targets $cluster $options]
    Ask $cluster $options $asked [lindex $words 0]
    set records [lmap service $asked {dict get $Answers $service}]
    if {[dict get $options -format] eq "table"} {
        Blocks $records
    } else {
        ::cluster::shell::output::Records [dict get $options -format] \
            $Outcomes $records
    }
    Verdict [lmap record $records {dict get $record outcome}]
}

# Each of them owes one outcome, by the end of the time-out at the latest.
proc ::cluster::shell::talk::Ask {cluster options asked script} {
    variable Answers
    variable Open 1
    foreach service $asked {
        dict set Answers $service [dict create name [$service name] \
            uuid [$service uuid] outcome timeout ms {} answer {}]
    }
    ::cluster::shell::terminal::Progress ::cluster::shell::talk::Progress
    $cluster query {*}[Passed $options {-channel -broadcast -timeout}] \
        -services $asked -query $script \
        -command [list ::cluster::shell::talk::Answered [clock microseconds]]
    while {$Open} {
        vwait ::cluster::shell::talk::Open
    }
    ::cluster::shell::terminal::Done
}

proc ::cluster::shell::talk::Progress {} {
    variable Answers
    set open [llength [lsearch -all -index 5 [dict values $Answers] timeout]]
    set all [dict size $Answers]
    return "[expr {$all - $open}] of $all members answered"
}

proc ::cluster::shell::talk::Answered {since event} {
    variable Answers
    variable Open
    lassign $event what query
    switch -- $what {
        response { set answer [$query result] }
        error    { set answer [$query error] }
        lost     { set answer {} }
        done     { set Open 0; return }
        default  { return }
    }
    set service [$query service]
    dict set Answers $service outcome $what
    dict set Answers $service answer $answer
    dict set Answers $service ms [format %.1f \
        [expr {([clock microseconds] - $since) / 1000.0}]]
}

proc ::cluster::shell::talk::Blocks records {
    set colours {response fggreen error fgred lost fgyellow timeout fgyellow}
    foreach record $records {
        dict with record {
            set head "[expr {$name eq {} ? $uuid : "$name  $uuid"}]  $outcome"
            if {$ms ne {}} {
                append head "  $ms ms"
            }
            puts [::cluster::shell::terminal::Paint \
                [dict get $colours $outcome] \
                [::cluster::shell::output::Plain $head]]
            if {$answer ne {}} {
                foreach line [split $answer \n] {
                    puts "  [::cluster::shell::output::Plain $line]"
                }
            }
        }
    }
}

proc ::cluster::shell::talk::Verdict outcomes {
    if {"response" in $outcomes} {
        return
    }
    if {"error" in $outcomes} {
        throw {CLUSTER_SHELL FAILED} "there were only errors"
    }
    ::cluster::shell::Silence "none of [llength $outcomes] answered in time"
}

# ---- send --------------------------------------------------------------------

# cluster send ?-option ...? ?DATA?
proc ::cluster::shell::talk::Send {options words} {
    variable Sent
    set payload [Payload $options $words]
    set cluster [::cluster::shell::members::Gather send $options]
    if {[dict exists $options -broadcast]} {
        set records [Broadcast $cluster [dict merge \
            [Passed $options {-op -channel}] $payload]]
    } else {
        set services [Targets $cluster $options]
        set records [Outcomes [$cluster send -services $services -report 1 \
            {*}[Passed $options {-op -channel}] {*}$payload]]
    }
    if {![Drained $cluster [dict get $options -timeout]]} {
        ::cluster::shell::Silence "it was not taken within\
            [dict get $options -timeout] ms"
    }
    ::cluster::shell::output::Records [dict get $options -format] $Sent $records
    if {"sent" ni [lmap record $records {dict get $record outcome}]} {
        throw {CLUSTER_SHELL FAILED} "nothing was sent"
    }
}

# -data WORD, or what stands on stdin; -raw BYTES.
proc ::cluster::shell::talk::Payload {options words} {
    if {[dict exists $options -raw]} {
        if {[llength $words]} {
            ::cluster::shell::Usage "-raw takes what stands on stdin"
        }
        return [list -raw [::cluster::shell::life::Input -translation binary]]
    }
    if {[llength $words]} {
        return [list -data [lindex $words 0]]
    }
    return [list -data [::cluster::shell::life::Input]]
}

proc ::cluster::shell::talk::Broadcast {cluster words} {
    set sent [$cluster send -broadcast 1 {*}$words]
    return [list [dict create name {} uuid * \
        outcome [expr {$sent eq {} ? "failed" : "sent"}] via c]]
}

proc ::cluster::shell::talk::Outcomes report {
    set records {}
    dict for {service outcome} $report {
        lassign $outcome state what message
        lappend records [dict create name [$service name] \
            uuid [$service uuid] \
            outcome [expr {$state eq "ok" ? "sent" : $message}] \
            via [expr {$state eq "ok" ? $what : {}}]]
    }
    return $records
}

# What is still queued for a connection would be lost when we leave.
proc ::cluster::shell::talk::Drained {cluster ms} {
    return [::cluster::shell::life::Until $ms {
        [dict get [$cluster stats] queued] == 0}]
}
