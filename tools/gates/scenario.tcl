# scenario.tcl -- a life of two clusters in one process, for B3 to disturb.
#
# Joins, finds, asks by every protocol, sends, leaves; whatever fails on the
# way is caught, if it fails in the words of the package or of the system. Then
# all of it again: one of two further lives is without the fault and must be
# well.  The last line says "ok" and what was left open.

source [file join [file dirname [info script]] .. .. tests support.tcl]
package require cluster

proc open_ones {} {
    set n 0
    foreach fd [glob -nocomplain -directory /proc/self/fd *] {
        if {![catch {file readlink $fd} to]
                && [regexp {^socket:|eventpoll|timerfd} $to]} {
            incr n
        }
    }
    return $n
}

proc ours {message options} {
    set code [dict get $options -errorcode]
    if {[string match CLUSTER* [lindex $code 0]]
            || [lindex $code 0] eq "POSIX"} {
        return
    }
    puts "not ours: $code: $message"
    exit 3
}

# A step that may fail.
proc may {script} {
    try {
        uplevel 1 $script
    } on error {message options} {
        ours $message $options
    }
}

proc told {event} {
    if {[lindex $event 0] eq "done"} {
        incr ::done
    }
}

proc life {port wait} {
    set ::done 0
    set members {}
    foreach name {a b} {
        may {
            set c [cluster join -port $port -tags $name -protocols {t u d c} \
                -u [list path $::env(PLACE)/$name.sock]]
            $c hook query {return alive}
            lappend members $c
        }
    }
    lassign $members a b
    set asked 0
    set good [expr {$b ne {} && [waitFor $wait {
        [$a known_services] == 1 && [$b known_services] == 1}]}]
    if {$good} {
        foreach protocol {t u d c} {
            may {
                $a query -resolve b -query q -timeout $wait \
                    -protocols $protocol -command told
                incr asked
            }
            may {$b send -resolve a -protocols $protocol -data x}
        }
        may {$a heartbeat}
        # Each question ends, come what may.
        if {![waitFor [expr {$wait + 1000}] {$::done == $asked}]} {
            puts "only $::done of $asked ended"
            exit 4
        }
    }
    foreach c $members {
        may {$c destroy}
    }
    waitFor 500 {![llength [cluster clusters]]}
    return [expr {$good && $asked == 4}]
}

set before [open_ones]
life 23101 400
if {![life 23102 1000] && ![life 23103 2000]} {
    puts "not usable afterwards"
    exit 5
}
waitFor 1000 {[open_ones] == $before}
puts "ok [expr {[open_ones] - $before}]"
