# support.tcl -- what the gates in Tcl share: members, the sender, the verdict.
#
#     set n [size 10000 100000]           at gate A, and at gate B
#     sender beacons $port ...            runs it to its end: {sent bytes}
#     background name beacons ...         beside us; [ended name] -> as above
#     law {stall <= 20 ms} {$stall <= 20} a bar; missed ones are told
#     figure "$n services, ..."           last: the line, and the exit status

source [file join [file dirname [info script]] .. .. tests support.tcl]
package require cluster

namespace eval gate {
    variable here [file dirname [file normalize [info script]]]
    variable built [file join $::env(CLUSTER_BUILD) gates]
    variable missed {}
    variable running
    array set running {}
}

set seed [expr {[info exists env(CLUSTER_SEED)] ? $env(CLUSTER_SEED) : 1}]
set full [expr {[info exists env(GATE_SIZE)] && $env(GATE_SIZE) eq "B"}]

proc size {a b} {
    return [expr {$::full ? $b : $a}]
}

# A program of ours, made when it is older than its source or what it links.
proc compiled {name args} {
    set source [file join $gate::here $name.c]
    set program [file join $gate::built $name]
    file mkdir $gate::built
    set newest [file mtime $source]
    foreach part $args {
        if {[file isfile $part]} {
            set newest [expr {max($newest, [file mtime $part])}]
        }
    }
    if {![file exists $program] || [file mtime $program] < $newest} {
        exec gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra \
            -o $program $source {*}$args 2>@stderr
    }
    return $program
}

proc sender args {
    return [exec [compiled sender] {*}$args 2>@stderr]
}

proc background {name args} {
    set channel [open |[list [compiled sender] {*}$args 2>@stderr]]
    fconfigure $channel -blocking 0
    set gate::running($name) $channel
}

proc over {name} {
    variable gate::running
    variable gate::said
    append said($name) [read $running($name)]
    return [eof $running($name)]
}

# What it sent, once it is over.
proc ended {name} {
    variable gate::running
    variable gate::said
    while {![over $name]} {
        after 5
    }
    fconfigure $running($name) -blocking 1
    close $running($name)
    unset running($name)
    set text [string trim $said($name)]
    unset said($name)
    return $text
}

# Commands beside each other, count at a time; returns when the last has ended.
# Jobs are {word command} each; of each one is called: ended word ok output.
proc sideBySide {count jobs ended} {
    variable gate::waiting $jobs
    variable gate::working 0
    gate::fill $count $ended
    while {$working} {
        vwait gate::working
        gate::fill $count $ended
    }
}

proc gate::fill {count ended} {
    variable waiting
    variable working
    while {$working < $count && [llength $waiting]} {
        set waiting [lassign $waiting job]
        lassign $job word command
        set channel [open |[list {*}$command 2>@1]]
        fconfigure $channel -blocking 0
        fileevent $channel readable [list gate::heard $channel $word $ended]
        incr working
    }
}

proc gate::heard {channel word ended} {
    variable outputs
    append outputs($channel) [read $channel]
    if {[eof $channel]} {
        fconfigure $channel -blocking 1
        set ok [expr {![catch {close $channel}]}]
        set output [string trimright $outputs($channel) \n]
        unset outputs($channel)
        {*}$ended $word $ok $output
        incr gate::working -1
    }
}

proc law {text condition} {
    if {![uplevel 1 [list expr $condition]]} {
        lappend gate::missed $text
        puts "MISSED: $text ($condition)"
    }
}

proc figure {text} {
    stopAll
    if {[llength $gate::missed]} {
        append text "; missed: [join $gate::missed {; }]"
    }
    puts $text
    exit [expr {[llength $gate::missed] > 0}]
}

# ---- what a member is asked --------------------------------------------------

proc stat {name key} {
    return [dict get [ask $name {$cluster stats}] $key]
}

proc drops {name} {
    set sum 0
    dict for {key value} [ask $name {$cluster stats}] {
        if {[string match drop_* $key]} {
            incr sum $value
        }
    }
    return $sum
}

proc services {name} {
    return [ask $name {$cluster known_services}]
}

# How many of so many queries, one after the other, are answered in 2 s each.
proc answered {from to count} {
    ask $from [list set to $to]
    ask $from {
        proc one {} {
            global cluster to got
            set got {}
            if {[catch {$cluster query -resolve $to -query q -timeout 2000 \
                    -command {apply {event {
                        lassign $event what query
                        if {$what eq "response"} {set ::got 1}
                        if {$what eq "done" && $::got eq {}} {set ::got 0}
                    }}}}]} {
                return 0
            }
            vwait got
            return $got
        }
    }
    set good 0
    for {set i 0} {$i < $count} {incr i} {
        incr good [ask $from one]
    }
    return $good
}

# A heartbeat of 5 ms in the member.  A stall is how much later than due a
# beat comes, less the time the system let others run on our processor
# meanwhile (the second word of schedstat): other work on the machine is no
# stall of ours.
proc watchStalls {name} {
    ask $name {
        proc waited {} {
            set f [open /proc/self/schedstat]
            set ns [lindex [read $f] 1]
            close $f
            return [expr {$ns / 1e6}]
        }
        proc beat {} {
            global last lastWaited stall raw
            set now [expr {[clock microseconds] / 1e3}]
            set waited [waited]
            set late [expr {$now - $last - 5}]
            set raw [expr {max($raw, $late)}]
            set stall [expr {max($stall, $late - ($waited - $lastWaited))}]
            set last $now
            set lastWaited $waited
            after 5 beat
        }
        set stall 0.0
        set raw 0.0
        set last [expr {[clock microseconds] / 1e3}]
        set lastWaited [waited]
        after 5 beat
    }
}

# {of ours, as a clock on the wall saw it} in ms, since the last time.
proc stalls {name} {
    return [ask $name {
        set both [list [format %.1f $stall] [format %.1f $raw]]
        set stall 0.0
        set raw 0.0
        set both
    }]
}

# A member of these tags that answers queries.
proc answering {name args} {
    start $name {*}$args
    ask $name {$cluster hook query {return alive}}
}

proc know {name count} {
    if {![waitFor 3000 {[services $name] >= $count}]} {
        error "$name knows [services $name], not $count"
    }
}
