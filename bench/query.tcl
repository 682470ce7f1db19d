# query.tcl -- a query and its answer, between two programs: what it costs both
#              sides together, and how long it takes.

source [file join [file dirname [info script]] lib bench.tcl]
source [file join [file dirname [info script]] lib peers.tcl]
bench::begin

# Ours: one pair of members for each protocol.
foreach protocol {u t} {
    set port [bench::freePort]
    bench::member echo-$protocol -port $port -tags echo \
        -protocols [list $protocol c]
    bench::ask echo-$protocol {$cluster hook query {return pong}}
    bench::member $protocol -port $port -protocols [list $protocol c]
    bench::until 5000 {[bench::ask $protocol {known echo}] ne {}}
    bench::ask $protocol {set peers [known echo]}
    bench::together $protocol [list echo-$protocol]
}
bench::child raw-u [list [bench::program pingpong] unix 64]
bench::child raw-t [list [bench::program pingpong] tcp 64]
set peers [peers::start]
set all [concat {u t raw-u raw-t} [lmap {name child} $peers {
    if {$child eq {}} continue
    set child
}]]

proc figures {result key} {
    set list {}
    foreach {name child} $::peers {
        lappend list $name [expr {$child eq {} ? "-"
            : [dict get $result $child $key]}]
    }
    return $list
}

# Cheaper than those the issue names, as far as they are here?
proc cheaper {cpu others} {
    foreach name {comm nng Erlang NATS ZeroMQ} {
        set value [dict get $others $name]
        if {$value ne "-" && $cpu >= $value} {
            return 0
        }
    }
    return 1
}

foreach on {pinned free} {
    set result [bench::compete $all run $on [expr {$bench::quick ? 15 : 40}]]
    set cpus [figures $result cpu]
    set walls [figures $result wall]
    foreach protocol {u t} bar {15 18} {
        set ours [dict get $result $protocol]
        set raw [dict get $result raw-$protocol]
        set cpu [dict get $ours cpu]
        bench::row {
            question {query and answer, $protocol: processor, both sides}
            on $on ours $cpu p99 [dict get $ours cpu99]
            limit {raw [dict get $raw cpu]} peers {$cpus}
            only pinned bar {<= $bar us, and cheaper than comm, nng, Erlang, NATS, ZeroMQ}
            met [expr {$cpu <= $bar && [cheaper $cpu $cpus]}]
        }
        set wall [dict get $ours wall]
        bench::row {
            question {query and answer, $protocol: wall} on $on
            ours $wall p99 [dict get $ours wall99]
            limit {raw [dict get $raw wall]} peers {$walls}
            only pinned bar {<= 4 x raw} most [expr {4 * [dict get $raw wall]}]
        }
        bench::point round-trip "$protocol, $on" $protocol $wall
    }
    foreach {name value} $walls {
        if {$value ne "-"} {
            bench::point round-trip "$name, $on" $name $value
        }
    }
    foreach protocol {u t} {
        bench::point round-trip "raw $protocol, $on" "raw $protocol" \
            [dict get $result raw-$protocol wall]
    }
}
bench::end
