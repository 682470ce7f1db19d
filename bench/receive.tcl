# receive.tcl -- what a packet costs in the engine: one that is not for us, a
#                heartbeat of somebody known, the first one of somebody new.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
set core [bench::program core]
set count [expr {$bench::quick ? 100000 : 300000}]

proc core args {
    expr {[exec taskset -c $::bench::cpu $::core {*}$args] / 1000.0}
}

set got [bench::interleave [list \
    own [list core own $count] filter [list core filter $count] \
    channel [list core channel $count] scan [list core scan $count] \
    {10 known} [list core heard $count 10] \
    {10,000 known} [list core heard $count 10000] \
    {first 1,000} [list core first 1000 1000] \
    {first 10,000} [list core first 1000 10000]]]

foreach what {own filter channel} words {
    {our own} {a filter names others} {another channel}
} {
    bench::row {
        question {a packet not for us: $words} on pinned
        ours [dict get $got $what median] p99 [dict get $got $what p99]
        limit {scan [dict get $got scan median]} bar {<= 0.3 us} most 0.3
    }
}
set few [dict get $got {10 known} median]
foreach services {10 10,000} {
    bench::row {
        question {a heartbeat received, $services services known} on pinned
        ours [dict get $got "$services known" median]
        p99 [dict get $got "$services known" p99]
        limit {{10 known} $few} bar {<= 1.5 us, flat} most 1.5
    }
}
foreach services {1,000 10,000} {
    bench::row {
        question {a service made from its first packet, up to $services} on pinned
        ours [dict get $got "first $services" median]
        p99 [dict get $got "first $services" p99]
        limit {{up to 1,000} [dict get $got {first 1,000} median]}
        bar {<= 8 us, flat} most 8
    }
}

set steps [expr {$bench::quick ? {10 1000 10000}
    : {10 30 100 300 1000 3000 10000 30000}}]
foreach services $steps {
    bench::point services "a heartbeat received" $services \
        [core heard $count $services]
    bench::point services "a service made" $services \
        [core first [expr {min(1000, $services)}] $services]
}
bench::end
