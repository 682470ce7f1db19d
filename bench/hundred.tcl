# hundred.tcl -- a query to a hundred members in a hundred processes.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
set count [expr {$bench::quick ? 30 : 100}]

# ---- ours --------------------------------------------------------------------

set port [bench::freePort]
for {set i 0} {$i < $count} {incr i} {
    bench::member m$i -port $port -tags many -protocols {u t c}
    lappend names m$i
}
foreach name $names {
    bench::tell $name {$cluster hook query {return pong}}
}
foreach name $names {
    bench::answer $name
}
foreach way {multicast u t} options {{-broadcast 1} {-protocols u} {-protocols t}} {
    bench::member ask-$way -port $port -protocols {u t c}
    bench::until 10000 {[bench::ask ask-$way \
        {llength [$cluster resolve many]}] == $count}
    bench::ask ask-$way "set peers \[\$cluster resolve many\]
        set asked {-query ping $options}"
}

# Median and p99 of the walls of so many queries, in milliseconds.
proc asked {way times} {
    lassign [bench::ask ask-$way "run $times"] - median p99
    return [list [expr {$median / 1000.0}] [expr {$p99 / 1000.0}]]
}

set times [expr {$bench::quick ? 5 : 15}]
foreach way {multicast u t} {
    asked $way 2
    set got($way) {}
    set worst($way) {}
}
for {set round 0} {$round < $bench::rounds} {incr round} {
    foreach way {multicast u t} {
        lassign [asked $way $times] median p99
        lappend got($way) $median
        lappend worst($way) $p99
    }
}
foreach name $names {
    bench::stop $name
}

# ---- serf --------------------------------------------------------------------

# Each agent answers by a command, as ours do by a script.
proc agents count {
    set base 20000
    for {set i 0} {$i < $count} {incr i} {
        set words [list serf agent -node n$i -log-level err \
            -bind 127.0.0.1:[expr {$base + $i}] \
            -rpc-addr 127.0.0.1:[expr {$base + 1000 + $i}] \
            -event-handler {query:ping=echo pong}]
        if {$i} {
            lappend words -retry-join 127.0.0.1:$base -retry-interval 1s
        }
        bench::server serf$i $words
    }
    bench::until 20000 {[llength [split [exec serf members \
        -rpc-addr=127.0.0.1:[expr {$base + 1000}] 2>/dev/null] \n]] == $count}
}

# Until the last of so many answers is printed: milliseconds.
proc serfAsked count {
    set began [clock microseconds]
    set channel [open |[list serf query -no-ack -timeout=5s \
        -rpc-addr=127.0.0.1:21000 ping 2>@1]]
    set answers 0
    while {$answers < $count && [gets $channel line] >= 0} {
        incr answers [string match "Response from*" $line]
    }
    set took [expr {([clock microseconds] - $began) / 1000.0}]
    catch {exec kill [pid $channel]}
    catch {close $channel}
    if {$answers < $count} {
        error "$answers of $count agents answered"
    }
    return $took
}

proc serf count {
    if {![bench::has serf]} {
        return -
    }
    if {[catch {
        catch {agents $count}
        set all {}
        for {set i 0} {$i < 3} {incr i} {
            lappend all [serfAsked $count]
        }
    } said]} {
        bench::note "serf is left out: $said"
        return -
    }
    return [bench::median $all]
}

set peer [serf $count]
foreach way {multicast u t} {
    bench::row {
        question {query to $count members in $count processes, $way: wall} on free
        unit ms ours [bench::median $got($way)] p99 [bench::p99 $worst($way)]
        peers {serf $peer}
        bar {<= 30 ms} most 30
    }
}
bench::end
