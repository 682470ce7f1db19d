# codec.tcl -- a heartbeat into bytes and back: between Tcl's dicts, and in C
#              beside other codecs.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
package require bpacket
bench::boundary

bpacket create io ::packet {
    1 varint type 2 varint channel 3 string hid 4 string sid 5 varint known
    6 varint timestamp 7 list protocols 8 string ruid 9 string op 10 string data
    11 raw raw 12 list tags 13 boolean keepalive 14 list filter 15 string error
}
set heartbeat [dict create sid s0000000 hid 02:fc:00:00:00:01 type 1 channel 0 \
    protocols [list t u c] \
    data {t {port 40447} u {path /run/user/0/cluster/x.sock} caps 2} \
    known 12 tags [list service_one web]]
set bytes [packet encode $heartbeat]
boundary read $heartbeat
set count [expr {$bench::quick ? 20000 : 50000}]

bench::pin [pid] $bench::cpu
foreach {way ours limit} {
    encode {packet encode $heartbeat} {boundary read $heartbeat}
    decode {packet decode $bytes}     {boundary make}
} {
    set got [bench::interleave [list \
        ours  [list bench::each $count $ours] \
        limit [list bench::each $count $limit]]]
    set us [dict get $got ours median]
    set least [dict get $got limit median]
    bench::row {
        question {$way a heartbeat, Tcl dict} on pinned ours $us
        p99 [dict get $got ours p99] limit {values $least}
        bar {<= 1.0 us and <= 2 x limit}
        met [expr {$us <= 1.0 && $us <= 2 * $least}]
    }
}

# The generated sources of protobuf-c.
catch {
    file mkdir $bench::build/bench
    exec protoc-c -I$bench::here --c_out=$bench::build/bench \
        $bench::here/heartbeat.proto 2>@1
}

proc inC {program what} {
    exec taskset -c $::bench::cpu $program $what [expr {20 * $::count}]
}

foreach {way most} {encode 50 decode 70} {
    set pairs [list ours [list inC [bench::program core] $way] \
        hand [list inC [bench::program core] hand-$way]]
    foreach peer {msgpack protobuf} {
        set program [bench::program $peer]
        if {$program ne {}} {
            lappend pairs $peer [list inC $program $way]
        }
    }
    set got [bench::interleave $pairs]
    set peers {}
    foreach peer {msgpack protobuf} {
        lappend peers $peer-c [expr {[dict exists $got $peer]
            ? [dict get $got $peer median] : "-"}]
    }
    bench::row {
        question {$way a heartbeat, C} on pinned unit ns
        ours [dict get $got ours median] p99 [dict get $got ours p99]
        limit {{by hand} [dict get $got hand median]} peers {$peers}
        bar {<= $most ns} most $most
    }
}
bench::end
