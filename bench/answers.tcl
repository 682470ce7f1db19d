# answers.tcl -- a large answer, many questions at once, and ten who answer.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
set ms [expr {$bench::quick ? 20 : 60}]

# A pair over each protocol; the answer is as long as the question says.
foreach protocol {u t} {
    set port [bench::freePort]
    bench::member echo-$protocol -port $port -tags echo \
        -protocols [list $protocol c]
    bench::ask echo-$protocol {
        set small pong; set large [string repeat x 10000]
        $cluster hook query {return [set ::$data]}
    }
    foreach name [list small-$protocol large-$protocol flood-$protocol] {
        bench::member $name -port $port -protocols [list $protocol c]
        bench::until 5000 {[bench::ask $name {known echo}] ne {}}
        bench::ask $name "set peers \[known echo\]
            set asked \[list -query [expr {[string match large* $name]
                ? "large" : "small"}]\]"
        bench::together $name [list echo-$protocol]
    }
}
bench::child raw [list [bench::program pingpong] tcp 64 10000]
foreach on {pinned free} {
    set got [bench::compete {small-t large-t raw} run $on $ms]
    bench::row {
        question {10 KB answer over t: wall} on $on
        ours [dict get $got large-t wall] p99 [dict get $got large-t wall99]
        limit {{a small one} [dict get $got small-t wall]}
        peers {{raw, 10 KB} [dict get $got raw wall]}
        only pinned bar {<= 3 x a small one}
        most [expr {3 * [dict get $got small-t wall]}]
    }
}
foreach on {pinned free} {
    set got [bench::compete {flood-u flood-t} flood $on $ms]
    foreach protocol {u t} bar {{>= 120,000/s} -} {
        # On one processor by its time, so that others do not count.
        set key [expr {$on eq "pinned" ? "cpu" : "each"}]
        set rate [expr {1e6 / [dict get $got flood-$protocol $key]}]
        bench::row {
            question {queries with 64 open at once, $protocol} on $on unit /s
            ours $rate p99 [expr {1e6 / [dict get $got flood-$protocol ${key}99]}]
            only pinned bar {$bar}
            met [expr {$bar eq "-" ? "-" : $rate >= 120000}]
        }
    }
}
foreach protocol {u t} {
    foreach name {small large flood echo} {
        bench::stop $name-$protocol
    }
}

# Ten members of ten processes, and who asks them all.
set port [bench::freePort]
for {set i 0} {$i < 10} {incr i} {
    bench::member ten$i -port $port -tags ten -protocols {u t c}
    bench::ask ten$i {$cluster hook query {return pong}}
    lappend ten ten$i
}
foreach way {u t c} options {
    {-protocols u} {-protocols t} {-broadcast 1}
} {
    bench::member ask-$way -port $port -protocols {u t c}
    bench::until 5000 {[bench::ask ask-$way \
        {llength [$cluster resolve ten]}] == 10}
    bench::ask ask-$way "set peers \[\$cluster resolve ten\]
        set asked {-query ping $options}"
    bench::together ask-$way $ten
}
bench::child raw-u [list [bench::program pingpong] unix 64]
foreach on {pinned free} {
    set got [bench::compete {ask-u ask-t ask-c raw-u} run $on $ms]
    set over [dict get $got ask-t cpu]
    foreach way {u t c} word {u t multicast} {
        set cpu [dict get $got ask-$way cpu]
        bench::row {
            question {query to 10 members, $word: processor in all} on $on
            ours $cpu p99 [dict get $got ask-$way cpu99]
            limit {{10 raw} [expr {10 * [dict get $got raw-u cpu]}]}
            peers {wall [dict get $got ask-$way wall]}
            only pinned bar {<= 300 us; multicast not dearer than t}
            met [expr {$cpu <= 300 && ($way ne "c" || $cpu <= $over)}]
        }
    }
}
bench::end
