# burst.tcl -- 20,000 multicast events at once, to ten members with a hook.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
set forge [bench::program forge]
set count 20000
set members 10

set port [bench::freePort]
for {set i 0} {$i < $members} {incr i} {
    bench::member m$i -port $port -protocols {u c} -tags m$i
    bench::ask m$i {set events 0
        $cluster hook event {incr ::events; set ::last [clock microseconds]}
        $cluster hook query {return pong}}
    lappend names m$i
}
bench::until 5000 {[bench::ask m0 {$cluster known_services}] == $members - 1}
bench::ask m0 {set peers [known m1]}
set hid [bench::ask m0 {$cluster hid}]

# Handled, and lost, of one member since the last time.
proc seen name {
    return [bench::ask $name {list $events [dict get [$cluster stats] kernel_drops]}]
}

proc burst {} {
    set before [lmap name $::names {seen $name}]
    set began [clock microseconds]
    set sender [open |[list $::forge burst $::port $::hid $::count] r]
    # A query meanwhile: what the slowest of them took.
    set query 0
    for {set i 0} {$i < 5} {incr i} {
        set query [expr {max($query, [lindex [bench::ask m0 {run 1}] 0])}]
    }
    read $sender
    close $sender
    set sent [expr {[clock microseconds] - $began}]
    settle
    set last $began
    set handled 0
    foreach name $::names was $before {
        incr handled [expr {[lindex [seen $name] 0] - [lindex $was 0]}]
        set last [expr {max($last, [bench::ask $name {set last}])}]
    }
    return [list [expr {($last - $began) / 1000.0}] $handled \
        [expr {$query / 1000.0}] [expr {$sent / 1000.0}]]
}

# Until no member handles any more.
proc settle {} {
    set before {}
    set now [lmap name $::names {seen $name}]
    while {$now ne $before} {
        after 50
        set before $now
        set now [lmap name $::names {seen $name}]
    }
}

foreach key {took query share sent} {
    set $key {}
}
for {set i 0} {$i < ($bench::quick ? 1 : 5)} {incr i} {
    lassign [burst] ms handled slow out
    lappend took $ms
    lappend query $slow
    lappend sent $out
    lappend share [expr {100.0 * $handled / ($count * $members)}]
}
# The system says what it lost with the next datagram that arrives.
exec $forge burst $port $hid 1
settle
set sum 0
foreach name $names {
    incr sum [::tcl::mathop::+ {*}[seen $name]]
}
set counted [expr {100.0 * $sum
    / ([llength $took] * $count * $members + $members)}]
bench::row {
    question {20,000 multicast events to 10 members: the last is handled} on free
    unit ms ours [bench::median $took] p99 [bench::p99 $took]
    limit {{sending them} [bench::median $sent]}
    bar {<= 2,000 ms} most 2000
}
bench::row {
    question {the same: handled, and with the loss counted} on free unit %
    ours [bench::median $share] p99 [bench::p99 $share]
    peers {{handled or counted, all rounds} $counted}
    bar {loss counted} met [expr {abs($counted - 100) < 0.01}]
}
bench::row {
    question {the same: the slowest of five queries meanwhile} on free unit ms
    ours [bench::median $query] p99 [bench::p99 $query]
    bar answered met 1
}
bench::end
