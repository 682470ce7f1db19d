# idle.tcl -- a thousand idle connections beside a busy one, and doing nothing.
#
#     idle.tcl [--connections]           without doing nothing

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
set forge [bench::program forge]

# Two pairs: the member that answers has idle connections, or has none.
foreach kind {alone crowded} {
    set port [bench::freePort]
    bench::member echo-$kind -port $port -tags echo -protocols {t c} \
        -maxconnections 4000 -maxpending 2000 -maxpendingsource 2000 \
        -maxservices 5000
    bench::ask echo-$kind {$cluster hook query {return pong}}
    bench::member $kind -port $port -protocols {t c} -maxservices 5000
    bench::until 5000 {[bench::ask $kind {known echo}] ne {}}
    bench::ask $kind {set peers [known echo]}
    bench::together $kind [list echo-$kind]
}
set where [dict get [bench::ask echo-crowded {$cluster props}] t port]
set hid [bench::ask echo-crowded {$cluster hid}]
set accepted {dict get [$cluster stats] links_accepted}
set before [bench::ask echo-crowded $accepted]

# More of them, from a process of their own.
proc more {from to} {
    bench::child forge$to [list $::forge idle $::where $::hid $from $to]
    bench::answer forge$to
    bench::until 5000 \
        {[bench::ask echo-crowded $::accepted] - $::before >= $to}
}

set idle 0
set series "Tcl [info tclversion]"
set steps [expr {$bench::quick ? {300} : {10 30 100 300 1000}}]
foreach step $steps {
    more $idle $step
    set idle $step
    if {$step != [lindex $steps end]} {
        set got [bench::compete {alone crowded} run pinned 20]
        if {$step == [lindex $steps 0]} {
            bench::point connections $series 1 [dict get $got alone cpu]
        }
        bench::point connections $series [expr {$step + 1}] \
            [dict get $got crowded cpu]
    }
}

foreach on {pinned free} {
    set got [bench::compete {alone crowded} run $on]
    set alone [dict get $got alone cpu]
    bench::row {
        question {query over t beside $idle idle connections: processor} on $on
        ours [dict get $got crowded cpu] p99 [dict get $got crowded cpu99]
        limit {{without them} $alone} only pinned bar {<= 1.2 x without them}
        most [expr {1.2 * $alone}]
    }
    if {$on eq "pinned"} {
        bench::point connections $series [expr {$idle + 1}] \
            [dict get $got crowded cpu]
    }
}
if {"--connections" in $argv} {
    bench::end
}

# A member that knows another and has nothing to do.
set seconds [expr {$bench::quick ? 2 : 10}]
set pid [lindex [bench::processes alone] 0]
proc woken pid {
    regexp {voluntary_ctxt_switches:\s+(\d+)} [bench::contents \
        /proc/$pid/status] -> count
    return $count
}
set before [bench::spent $pid]
set woken [woken $pid]
after [expr {1000 * $seconds}]
set share [expr {([bench::spent $pid] - $before) / (1e4 * $seconds)}]
bench::row {
    question {idle for $seconds s: processor} unit % ours $share
    peers {wake-ups [expr {[woken $pid] - $woken}]}
    bar {< 0.01 %} met [expr {$share < 0.01}]
}
bench::end
