# gather.tcl -- how long until all members know all, and with what.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin

# Bytes and packets that went over lo in this namespace, which is ours alone.
proc carried {} {
    regexp -line {^\s*lo:\s*(\d+)\s+(\d+)} [bench::contents /proc/net/dev] \
        -> bytes packets
    return [list $bytes $packets]
}

proc gather count {
    set port [bench::freePort]
    set names {}
    # The processes are there first: what is measured begins with join.
    for {set i 0} {$i < $count} {incr i} {
        bench::child m$i [list [info nameofexecutable] \
            [file join $bench::here lib joiner.tcl] [expr {$count - 1}]]
        lappend names m$i
    }
    foreach name $names {
        bench::answer $name
    }
    set before [carried]
    foreach name $names {
        bench::tell $name "join -port $port -protocols {t u c}"
    }
    set first {}
    set last 0
    foreach name $names {
        lassign [bench::answer $name] joined all
        lappend first $joined
        set last [expr {max($last, $all)}]
    }
    lassign [carried] bytes packets
    set bytes [expr {$bytes - [lindex $before 0]}]
    set packets [expr {$packets - [lindex $before 1]}]
    set links 0
    foreach name $names {
        incr links [bench::ask $name links]
    }
    foreach name $names {
        bench::stop $name
    }
    set sorted [lsort -integer $first]
    return [list [expr {($last - [lindex $sorted end]) / 1000.0}] \
        [expr {($last - [lindex $sorted 0]) / 1000.0}] $bytes $links \
        $packets]
}

# serf: so many agents that join the first one.  Each says on stdout whom it
# came to know, itself included; milliseconds from the last start.
proc serf count {
    if {![bench::has serf]} {
        return -
    }
    set base 20000
    set ::toHear [expr {$count * $count}]
    for {set i 0} {$i < $count} {incr i} {
        set words [list serf agent -node n$i -log-level info \
            -bind 127.0.0.1:[expr {$base + $i}] \
            -rpc-addr 127.0.0.1:[expr {$base + 1000 + $i}]]
        if {$i} {
            lappend words -join 127.0.0.1:$base -retry-join 127.0.0.1:$base \
                -retry-interval 1s
        }
        bench::child serf$i [list {*}$words 2>@1]
        set channel $bench::channels(serf$i)
        fconfigure $channel -blocking 0
        fileevent $channel readable [list serfSaid $channel]
        if {!$i} {
            # The others join it, so it has to be there.
            set timer [after 5000 {incr ::toHear 0}]
            vwait ::toHear
            after cancel $timer
        }
    }
    set began [clock microseconds]
    set late [after 20000 {set ::toHear late}]
    while {$::toHear ne "late" && $::toHear > 0} {
        vwait ::toHear
    }
    after cancel $late
    set took [expr {([clock microseconds] - $began) / 1000.0}]
    for {set i 0} {$i < $count} {incr i} {
        bench::stop serf$i
    }
    return [expr {$::toHear eq "late" ? "-" : $took}]
}

proc serfSaid channel {
    while {[gets $channel line] >= 0} {
        if {[string match "*EventMemberJoin*" $line] && $::toHear ne "late"} {
            incr ::toHear -1
        }
    }
    if {[eof $channel]} {
        fileevent $channel readable {}
    }
}

foreach count [expr {$bench::quick ? {30} : {30 100}}] {
    set times {}
    set bytes {}
    set links {}
    for {set i 0} {$i < ($bench::quick || $count > 30 ? 2 : 7)} {incr i} {
        lassign [gather $count] after - sent made frames
        lappend times $after
        lappend bytes $sent
        lappend links $made
    }
    set bar [expr {$count == 30 ? 200 : 1000}]
    bench::row {
        question {$count members all know all, from the last join} on free unit ms
        ours [bench::median $times] p99 [bench::p99 $times]
        peers {{serf, from its last start} [expr {$bench::quick ? "-" : [serf $count]}]}
        bar {<= $bar ms} most $bar
    }
    bench::row {
        question {$count members: bytes on lo until then} on free unit KB
        ours [expr {[bench::median $bytes] / 1000.0}]
        p99 [expr {[bench::p99 $bytes] / 1000.0}]
        peers {{datagrams, last round} $frames}
        bar {[expr {$count == 30 ? "<= 60 KB" : "-"}]}
        met [expr {$count == 30 ? [bench::median $bytes] <= 60000 : "-"}]
    }
    bench::row {
        question {$count members: connections made} on free unit {}
        ours [bench::median $links] p99 [bench::p99 $links]
        bar {none where a datagram does} met [expr {[bench::median $links] == 0}]
    }
    bench::point gather "all know all, ms" $count [bench::median $times]
}
bench::end
