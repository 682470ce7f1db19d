# events.tcl -- one-way events of 64 bytes, as many as go: into the core with no
#               hook, and to a hook in Tcl; from a C sender, and from ours.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
set forge [bench::program forge]
set count [expr {$bench::quick ? 60000 : 200000}]

# The receiver: events it was told, or packets its core took.
set receiver {
    proc came protocol {
        if {$::hook} {return $::events}
        dict get [$::cluster stats] protocols $protocol packets_in
    }
    proc told {} {incr ::events}
    proc pour {protocol command count} {
        set want [expr {[came $protocol] + $count}]
        set began [clock microseconds]
        set sender [open |$command w]
        while {[came $protocol] < $want} {
            if {[clock microseconds] - $began > 10000000} {error late}
            after 1 {set ::tick 1}
            vwait ::tick
        }
        set took [expr {[clock microseconds] - $began}]
        set f [open /proc/[pid $sender]/schedstat]
        set spent [lindex [read $f] 0]
        close $f
        close $sender
        dict for {key value} [$::cluster stats] {
            if {[string match drop_* $key] && $key ne "drop_own" && $value} {
                error "$key $value"
            }
        }
        return [list $took [expr {$spent / 1000.0}]]
    }
    set events 0
}

foreach protocol {u t} {
    set port [bench::freePort]
    foreach hook {0 1} {
        set name $protocol$hook
        bench::member $name -port $port -protocols [list $protocol c] \
            -tags $name
        bench::ask $name "[string map {\n ;} $receiver]; set hook $hook"
        if {$hook} {
            bench::ask $name {$cluster hook event {incr ::events}}
        }
    }
    # Our own sender, to the one with a hook.
    bench::member from-$protocol -port $port -protocols [list $protocol c]
    bench::until 5000 {[bench::ask from-$protocol "known ${protocol}1"] ne {}}
    bench::ask from-$protocol "set to \[known ${protocol}1\];\
        set data [string repeat x 64]; set options {-protocols $protocol}"
    bench::ask from-$protocol {
        proc send count {
            set began [clock microseconds]
            for {set i 0} {$i < $count} {incr i} {
                if {[catch {$::cluster send -services $::to -data $::data \
                    {*}$::options}]} {incr i -1; after 1; update}
            }
            expr {[clock microseconds] - $began}
        }
    }
}

# Where the member listens: the path or the port of its protocol.
proc place {name protocol} {
    set props [bench::ask $name {$cluster props}]
    return [dict get $props $protocol [expr {$protocol eq "u"
        ? "path" : "port"}]]
}

# The receiver on the last processor, the sender on the first.
proc pour {protocol hook on} {
    set name $protocol$hook
    bench::pin [bench::processes $name] \
        [expr {$on eq "pinned" ? $bench::cpu : "free"}]
    set command [list taskset -c [expr {$on eq "pinned" ? $bench::cpu
        : "0-$bench::cpu"}] $::forge [expr {$protocol eq "u" ? "unix"
        : "tcp"}] [place $name $protocol] [bench::ask $name {$cluster hid}] \
        $::count]
    set processes [bench::processes $name]
    set before [bench::spent $processes]
    lassign [bench::ask $name [list pour $protocol $command $::count]] took spent
    rate $on $::count $took [expr {[bench::spent $processes] - $before + $spent}]
}

# On one processor by its time, of both sides: what others do meanwhile does not
# count.
proc rate {on count wall spent} {
    expr {1e6 * $count / ($on eq "pinned" ? $spent : $wall)}
}

# Sender and receiver both members.
proc ours {protocol on} {
    foreach name [list from-$protocol ${protocol}1] {
        bench::pin [bench::processes $name] \
            [expr {$on eq "pinned" ? $bench::cpu : "free"}]
    }
    set count [expr {$::count / 10}]
    set want [expr {[bench::ask ${protocol}1 {set events}] + $count}]
    set processes [concat [bench::processes from-$protocol] \
        [bench::processes ${protocol}1]]
    set before [bench::spent $processes]
    set began [clock microseconds]
    bench::ask from-$protocol "send $count"
    bench::until 5000 {[bench::ask ${protocol}1 {set events}] >= $want}
    set wall [expr {[clock microseconds] - $began}]
    rate $on $count $wall [expr {[bench::spent $processes] - $before}]
}

foreach on {pinned free} {
    set pairs {}
    foreach protocol {u t} {
        lappend pairs ${protocol}0 [list pour $protocol 0 $on] \
            ${protocol}1 [list pour $protocol 1 $on] \
            ${protocol}2 [list ours $protocol $on]
    }
    set got [bench::interleave $pairs]
    foreach protocol {u t} {
        foreach hook {0 1 2} words {
            {into C, no hook} {a Tcl hook} {a Tcl hook, sent by Tcl}
        } least {1000000 300000 {}} bar {
            {>= 1,000,000/s} {>= 300,000/s} -
        } {
            set rate [dict get $got $protocol$hook median]
            bench::row {
                question {events of 64 B over $protocol, $words} on $on unit /s
                ours $rate p99 [dict get $got $protocol$hook p01]
                only pinned bar {$bar}
                met [expr {$least eq {} ? "-" : $rate >= $least}]
            }
        }
    }
}
bench::end
