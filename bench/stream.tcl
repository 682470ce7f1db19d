# stream.tcl -- cutting a stream into packets: many small ones in one piece, a
#               large one in many pieces.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
package require bpacket
bench::boundary
bench::pin [pid] $bench::cpu

bpacket create io ::packet {1 raw bytes}
bpacket create stream ::in -limit 8000000
set heard 0
proc told {bytes id} {incr ::heard}
in event told

proc framesOf {bytes size} {
    set frame [packet encode [dict create bytes [string repeat x $size]]]
    set ::frame [string length $frame]
    return [string repeat $frame [expr {$bytes / [string length $frame]}]]
}

# Megabytes of one append, for a second of the processor.
proc small bytes {
    set before $::heard
    set began [boundary clock]
    in append $bytes
    in flush
    set took [expr {[boundary clock] - $began}]
    if {$::heard - $before != [string length $bytes] / $::frame} {
        error "[expr {$::heard - $before}] frames came"
    }
    expr {double([string length $bytes]) / $took}
}

# The least that can be: the bytes copied once.
proc copied bytes {
    set began [boundary clock]
    set copy [string range $bytes 1 end]
    expr {double([string length $copy])
        / max(1, [boundary clock] - $began)}
}

# Milliseconds of the processor for a packet that comes in pieces of 1460 bytes.
proc pieces bytes {
    set pieces {}
    for {set at 0} {$at < [string length $bytes]} {incr at 1460} {
        lappend pieces [string range $bytes $at [expr {$at + 1459}]]
    }
    set before $::heard
    set began [boundary clock]
    foreach piece $pieces {
        in append $piece
    }
    in flush
    set took [expr {[boundary clock] - $began}]
    if {$::heard != $before + 1} {error {it did not come}}
    expr {$took / 1000.0}
}

foreach size {1 2 4} {
    set frames($size) [framesOf [expr {$size << 20}] 1024]
    set large($size) [packet encode [dict create \
        bytes [string repeat x [expr {$size << 20}]]]]
}
set got [bench::interleave {
    small {small $::frames(2)} copied {copied $::frames(2)}
    half {small $::frames(1)} double {small $::frames(4)}
    large {pieces $::large(4)} middle {pieces $::large(2)}
}]
set rate [dict get $got small median]
bench::row {
    question {1 KB frames in one 2 MB append, a Tcl callback each} on pinned
    unit MB/s ours $rate p99 [dict get $got small p01]
    limit {{one copy} [dict get $got copied median]}
    peers {{1 MB} [dict get $got half median] {4 MB} [dict get $got double median]}
    bar {>= 300 MB/s, linear}
    met [expr {$rate >= 300
        && [dict get $got double median] > 0.5 * [dict get $got half median]}]
}
set took [dict get $got large median]
bench::row {
    question {one 4 MB packet in pieces of 1460 B} on pinned unit ms
    ours $took p99 [dict get $got large p99]
    peers {{2 MB} [dict get $got middle median]} bar {<= 20 ms, linear}
    met [expr {$took <= 20 && $took < 4 * [dict get $got middle median]}]
}
bench::end
