# truth.tcl -- what was done to members and network, as phases without change.
#
# From history.tcl's events of "truth": who ran when, and what stood in the way
# of packets between two of them.

namespace eval history {}

# What stands in the way of packets between two hosts, one way:
#   0 nothing   1 doubled, reordered   2 lost, up to 20 %   3 no TCP   4 more
proc history::Level {link} {
    dict with link {
        if {$cut || $loss > 20 || ($mute && $loss)} {
            return 4
        }
        return [expr {$mute ? 3 : $loss ? 2 : $twice || $swap ? 1 : 0}]
    }
}

proc history::Named {word hosts} {
    return [expr {$word eq "*" ? $hosts : [split $word ,]}]
}

proc history::Weather {links line hosts} {
    set calm {loss 0 twice 0 swap 0 delay 0 jitter 0 cut 0 mute 0}
    if {$line eq "heal"} {
        return {}
    }
    set rest [lassign $line from to]
    foreach a [Named $from $hosts] {
        foreach b [Named $to $hosts] {
            set old [expr {[dict exists $links $a,$b]
                ? [dict get $links $a,$b] : $calm}]
            dict set links $a,$b [dict merge $old $rest]
        }
    }
    return $links
}

# Fills phases ({from links status} in order) and the times of each life.
proc history::Phases {truth} {
    variable phases {}
    variable lives {}
    variable rule {}
    variable levels
    array unset levels
    set hosts {}
    foreach event $truth {
        if {[lindex $event 1] eq "start"} {
            lappend hosts [lindex [split [lindex $event 2] .] 0]
        }
    }
    set hosts [lsort -unique $hosts]
    set links {}
    set status {}
    foreach event $truth {
        set rest [lassign $event at kind]
        switch $kind {
            rule { set rule $rest }
            end {}
            net { set links [Weather $links $rest $hosts] }
            default {
                dict set status [lindex $rest 0] [dict get \
                    {start up kill down stop stopped cont up leave left} $kind]
                dict set lives [lindex $rest 0] $kind $at
            }
        }
        lappend phases [list $at $links $status]
    }
}

# The phases that overlap a span, by index.
proc history::During {from to} {
    variable phases
    set found {}
    for {set i [expr {[llength $phases] - 1}]} {$i >= 0} {incr i -1} {
        set begin [lindex $phases $i 0]
        if {$begin <= $to} {
            lappend found $i
        }
        if {$begin <= $from} {
            break
        }
    }
    return $found
}

# All that stood in the way between two lives: a list of levels, both ways.
proc history::Between {a b from to} {
    variable phases
    variable levels
    set x [lindex [split $a .] 0]
    set y [lindex [split $b .] 0]
    set found {}
    foreach i [During $from $to] {
        if {![info exists levels($i,$x,$y)]} {
            set links [lindex $phases $i 1]
            set worst 0
            foreach way [list $x,$y $y,$x] {
                if {[dict exists $links $way]} {
                    set worst [expr {max($worst,
                        [Level [dict get $links $way]])}]
                }
            }
            set levels($i,$x,$y) $worst
        }
        lappend found $levels($i,$x,$y)
    }
    return [lsort -unique -integer $found]
}

# Did it run all the time?
proc history::Up {who from to} {
    variable phases
    variable lives
    if {![dict exists $lives $who start]
            || [dict get $lives $who start] > $from} {
        return 0
    }
    foreach i [During $from $to] {
        set status [lindex $phases $i 2]
        if {![dict exists $status $who] || [dict get $status $who] ne "up"} {
            return 0
        }
    }
    return 1
}

proc history::Within {levels allowed} {
    foreach level $levels {
        if {$level ni $allowed} {
            return 0
        }
    }
    return 1
}

# Did both run, and was nothing in the way but that, since so long before or
# since the younger one lives?
proc history::Free {a b since until allowed} {
    variable lives
    foreach who [list $a $b] {
        if {![dict exists $lives $who start]} {
            return 0
        }
        set since [expr {max($since, [dict get $lives $who start])}]
    }
    return [expr {$since <= $until && [Up $a $since $until]
        && [Up $b $since $until]
        && [Within [Between $a $b $since $until] $allowed]}]
}

# Spans without trouble that are long enough: {from to} of what must hold.
proc history::Calm {end} {
    variable phases
    variable rule
    set wait [expr {3 * [dict get $rule heartbeat] + 1000}]
    set spans {}
    set i 0
    foreach phase $phases {
        incr i
        lassign $phase begin links status
        set next [expr {$i < [llength $phases] ? [lindex $phases $i 0] : $end}]
        set calm [expr {"stopped" ni [dict values $status]}]
        dict for {way link} $links {
            if {[Level $link] > 1} {
                set calm 0
            }
        }
        if {$calm && $next > $begin + $wait} {
            lappend spans [list [expr {$begin + $wait}] $next $status]
        }
    }
    return $spans
}
