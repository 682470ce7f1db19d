# history.tcl -- do the histories of members fit what was done to them?
#
#     history::judge [history::read $text]  ->  {violations {...} checked {...}}
#
# A history is text, a line an event: MS WHO KIND ARGUMENT ...  A member's life
# is WHO, its host and which life there: 3.2; the scenario's own is "truth".
#
#   truth   rule heartbeat MS ttl MS
#           start|kill|stop|cont|leave WHO      done to a process
#           net LINE                            told to the weather, weather.h
#   member  sent ID PROTOCOL TO...              its numbers grow
#           received ID PROTOCOL FROM
#           asked Q TIMEOUT WHO...
#           heard Q FROM [slow]                 a question came; slow: it may
#                                               be answered too late
#           answered Q
#           got Q response WHO Q' | error WHO | lost WHO | timeout | done
#           found WHO     lost WHO     view WHO...
#           waited MS                           in all, for a processor
#
# The laws:
#
#   phantom    what came was sent before, to this member; an answer was given
#   order      what comes by a stream comes in the order it was sent, once
#   double     datagrams come twice only where the network doubled them
#   outcome    each service asked has one outcome by the time-out + 100 ms;
#              done is told once, last
#   answered   where nothing stands in the way a question is answered
#   arrived    likewise what was sent arrives, within two seconds
#   false lost nobody is lost who lives behind a network that loses <= 20 %
#   view       3 heartbeats + 1 s after the last trouble all know all alive;
#              who died is gone a second after its ttl, who left at once
#   found      is told once, until lost is

source [file join [file dirname [info script]] truth.tcl]

namespace eval history {
    # Ms after a trouble until nothing of it is left, not even in TCP.
    variable settle 12000
    variable grace 100
    variable soon 1000
}

# {truth {{MS KIND ARG...} ...} WHO {...} ...}
proc history::read {text} {
    set events [dict create truth {}]
    foreach line [split $text \n] {
        if {[llength $line] >= 3} {
            dict lappend events [lindex $line 1] [lreplace $line 1 1]
        }
    }
    return $events
}

# ---- what happened, and laws about it ----------------------------------------

proc history::Violation {at who law text} {
    variable violations
    lappend violations "$at $who $law: $text"
}

proc history::Checked {law} {
    variable checked
    dict incr checked $law
}

# All that was sent and answered, by whom and when.
proc history::Collect {histories} {
    variable sent {}
    variable answered {}
    variable slow {}
    dict for {who events} $histories {
        foreach event $events {
            set rest [lassign $event at kind id]
            switch $kind {
                sent { dict set sent $id \
                    [list $at $who [lindex $rest 0] [lrange $rest 1 end]] }
                answered {
                    if {![dict exists $answered $id,$who]} {
                        dict set answered $id,$who $at
                    }
                }
                heard {
                    if {[lindex $rest 1] eq "slow"} {
                        dict set slow $id,$who 1
                    }
                }
            }
        }
    }
}

proc history::Number {id} {
    return [lindex [split $id .] end]
}

proc history::Doubled {from to at} {
    variable settle
    return [expr {![Free $from $to [expr {$at - $settle}] $at 0]}]
}

proc history::Received {who events} {
    variable sent
    variable received
    set last {}
    foreach event $events {
        lassign $event at kind id protocol from
        if {$kind ne "received"} continue
        Checked received
        if {![dict exists $sent $id]} {
            Violation $at $who phantom "$id from $from was never sent"
            continue
        }
        lassign [dict get $sent $id] when sender - to
        if {$sender ne $from || $when > $at || ($who ni $to && $to ne "*")} {
            Violation $at $who phantom "$id from $from: $sender sent it at\
                $when to $to"
        }
        if {$protocol in {t u}} {
            set n [Number $id]
            if {[dict exists $last $from] && $n <= [dict get $last $from]} {
                Violation $at $who order "$id by $protocol from $from behind\
                    [dict get $last $from]"
            }
            dict set last $from $n
            Checked order
        } elseif {[info exists received($id,$who)]
                && ![Doubled $from $who $at]} {
            Violation $at $who double "$id by $protocol from $from"
        }
        set received($id,$who) $at
    }
}

proc history::Arrived {end} {
    variable sent
    variable received
    variable settle
    variable soon
    dict for {id what} $sent {
        lassign $what at from protocol to
        set late [expr {$at + 2 * $soon}]
        foreach one $to {
            if {$late > $end || $one eq "*"
                    || ![Free $from $one [expr {$at - $settle}] $late {0 1}]} {
                continue
            }
            Checked arrived
            if {![info exists received($id,$one)]
                    || $received($id,$one) > $late} {
                Violation $at $from arrived \
                    "$id by $protocol to $one did not, in time"
            }
        }
    }
}

# ---- questions ---------------------------------------------------------------

proc history::Got {who at q what rest open} {
    variable answered
    dict with open {}
    set one [lindex $rest 0]
    if {$what eq "done" || $what eq "timeout"} {
        return
    }
    if {$one ni $asked} {
        Violation $at $who outcome "$what of $one, who was not asked $q"
    }
    if {[dict exists $outcomes $one]} {
        Violation $at $who outcome "$q: $what of $one after\
            [dict get $outcomes $one]"
    }
    if {$what eq "response"} {
        set of [lindex $rest 1]
        if {$of ne $q} {
            Violation $at $who phantom "the answer of $one to $of, for $q"
        } elseif {![dict exists $answered $q,$one]
                || [dict get $answered $q,$one] > $at} {
            Violation $at $who phantom "an answer that $one did not give $q"
        }
    }
}

# What a question must have come to, once it is done.
proc history::Done {who at q open waited} {
    variable grace
    dict with open {}
    if {![Up $who $begun $at]} {
        return                  ;# who leaves ends his questions
    }
    foreach one $asked {
        Checked outcome
        if {![dict exists $outcomes $one] && !$timedOut} {
            Violation $at $who outcome "$q: none of $one"
        }
    }
    set late [expr {$at - $begun - $timeout - $grace - ($waited - $since)}]
    if {$late > 0} {
        Violation $at $who outcome "$q: $late ms late"
    }
    foreach one $asked {
        MustAnswer $who $at $q $one $open
    }
}

# Without TCP, as long as they know each other, there are other ways.
proc history::MustAnswer {who at q one open} {
    variable settle
    variable soon
    variable slow
    dict with open {}
    set end [expr {$begun + min($timeout, 5000)}]
    if {$timeout < $soon || [dict exists $slow $q,$one]} {
        return
    }
    if {[Free $who $one [expr {$begun - $settle}] $end {0 1}]
            || ($timeout >= 5000 && [Free $who $one 0 $end {0 1 3}])} {
        Checked answered
        if {![dict exists $outcomes $one]
                || [dict get $outcomes $one] ne "response"} {
            Violation $at $who answered "$q of $begun: by $one it was not"
        }
    }
}

proc history::Questions {who events end} {
    variable grace
    set open {}
    set over {}
    set heard {}
    set waited 0
    foreach event $events {
        set rest [lassign $event at kind q what]
        switch $kind {
            waited { set waited $q }
            asked {
                dict set open $q [dict create begun $at timeout $what \
                    asked $rest outcomes {} timedOut 0 since $waited]
            }
            heard {
                if {[dict exists $heard $q,$what]
                        && ![Doubled $what $who $at]} {
                    Violation $at $who double "question $q of $what"
                }
                dict set heard $q,$what 1
            }
            got {
                if {![dict exists $open $q]} {
                    Violation $at $who outcome "$what $rest of $q,\
                        [expr {[dict exists $over $q] ? "which is done"
                            : "which was not asked"}]"
                    continue
                }
                Got $who $at $q $what $rest [dict get $open $q]
                if {$what eq "timeout"} {
                    dict set open $q timedOut 1
                } elseif {$what eq "done"} {
                    Done $who $at $q [Filled [dict get $open $q]] $waited
                    dict set over $q 1
                    dict unset open $q
                } elseif {![dict exists $open $q outcomes [lindex $rest 0]]} {
                    dict set open $q outcomes [lindex $rest 0] $what
                }
            }
        }
    }
    dict for {q what} $open {
        set begun [dict get $what begun]
        set late [expr {$begun + [dict get $what timeout] + $grace}]
        if {$late < $end && [Up $who $begun $end]} {
            Violation $late $who outcome "$q of $begun: not done"
        }
    }
}

# Who has no outcome of his own has the time-out.
proc history::Filled {open} {
    foreach one [dict get $open asked] {
        if {![dict exists $open outcomes $one] && [dict get $open timedOut]} {
            dict set open outcomes $one timeout
        }
    }
    return $open
}

# ---- who lives ---------------------------------------------------------------

proc history::Lost {who at one} {
    variable lives
    variable rule
    if {![dict exists $lives $one start]} {
        Violation $at $who phantom "lost $one, who never lived"
        return
    }
    set reach [expr {max([dict get $rule ttl], 4000) + 1000}]
    set from [expr {max($at - $reach, [dict get $lives $one start])}]
    set self [expr {max($from, [dict get $lives $who start])}]
    if {[Up $one $from $at]
            && [Within [Between $who $one $self $at] {0 1 2 3}]} {
        Violation $at $who "false lost" "$one, who lives"
    }
}

proc history::Comings {who events} {
    set known {}
    foreach event $events {
        lassign $event at kind one
        if {$kind eq "found"} {
            Checked found
            if {[dict exists $known $one]} {
                Violation $at $who found "$one twice"
            }
            dict set known $one 1
        } elseif {$kind eq "lost"} {
            Checked lost
            dict unset known $one
            Lost $who $at $one
        }
    }
}

# May this one still think it alive?  What the dead one wrote before its end
# may come from its host's system as long as the network was troubled then.
proc history::MayLinger {who one at} {
    variable lives
    variable rule
    variable settle
    set life [dict get $lives $one]
    if {[dict exists $life kill]} {
        set died [dict get $life kill]
    } elseif {[dict exists $life leave]} {
        set died [dict get $life leave]
    } else {
        return 0
    }
    set until [expr {$died + [dict get $rule ttl] + 1000}]
    if {![Within [Between $who $one $died $until] {0 1}]} {
        incr until $settle
    }
    return [expr {$at <= $until}]
}

proc history::View {who at view status} {
    variable lives
    Checked view
    foreach {one state} $status {
        if {$one eq $who} continue
        if {$state eq "up" && $one ni $view} {
            Violation $at $who view "without $one, who lives"
        }
        if {$state ne "up" && $one in $view && ![MayLinger $who $one $at]} {
            Violation $at $who view "still with $one"
        }
    }
    foreach one $view {
        if {![dict exists $lives $one]} {
            Violation $at $who view "with $one, who never lived"
        }
    }
}

# Each view that holds at some time of a calm span.
proc history::Views {who events end} {
    variable rule
    set views [list [list 0 {}]]
    foreach event $events {
        if {[lindex $event 1] eq "view"} {
            lappend views [list [lindex $event 0] [lrange $event 2 end]]
        }
    }
    foreach span [Calm $end] {
        lassign $span from to status
        if {![dict exists $status $who] || [dict get $status $who] ne "up"} {
            continue
        }
        for {set i 0} {$i < [llength $views]} {incr i} {
            lassign [lindex $views $i] at view
            set until [expr {$i + 1 < [llength $views]
                ? [lindex $views $i+1 0] : $end}]
            if {$at < $to && $until > $from} {
                View $who [expr {max($at, $from)}] $view $status
                View $who [expr {min($until, $to) - 1}] $view $status
            }
        }
    }
}

# Who said goodbye while all was well is known to nobody a second later.
proc history::Goodbyes {histories} {
    variable lives
    variable soon
    dict for {one life} $lives {
        if {![dict exists $life leave]} continue
        set at [dict get $life leave]
        dict for {who events} $histories {
            if {$who in [list truth $one]
                    || ![Up $who [expr {$at - $soon}] [expr {$at + $soon}]]
                    || ![Within [Between $who $one [expr {$at - $soon}] \
                        [expr {$at + $soon}]] {0 1}]} {
                continue
            }
            set view {}
            foreach event $events {
                if {[lindex $event 0] > $at + $soon} break
                if {[lindex $event 1] eq "view"} {
                    set view [lrange $event 2 end]
                }
            }
            Checked goodbye
            if {$one in $view} {
                Violation [expr {$at + $soon}] $who view \
                    "still with $one, who left at $at"
            }
        }
    }
}

proc history::judge {histories} {
    variable violations {}
    variable checked {}
    variable received
    array unset received
    set truth [dict get $histories truth]
    set end [lindex $truth end 0]
    Phases $truth
    Collect $histories
    dict for {who events} $histories {
        if {$who eq "truth"} continue
        Received $who $events
        Questions $who $events $end
        Comings $who $events
        Views $who $events $end
    }
    Arrived $end
    Goodbyes $histories
    return [dict create violations [lsort -dictionary $violations] \
        checked $checked]
}
