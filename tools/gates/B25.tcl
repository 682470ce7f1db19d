# compatibility: every byte of the vectors as recorded; 10^4 (B: 10^5) packets with unknown fields and types: 0 disconnects
# netns
#
# The vectors in tests/vectors were recorded of the original; the tests that
# compare with them are run. Then a peer sends what a later version might: on a
# connection and to the group, with fields and types that nobody knows, and in
# between it asks, and is answered on that same connection.

source [file join [file dirname [info script]] support.tcl]
source [file join $support::here frames.tcl]

expr {srand($seed)}

# ---- recorded ----------------------------------------------------------------

set vectors 0
set bytes 0
foreach path [glob [file join $support::here vectors *.jsonl]] {
    set f [open $path]
    while {[gets $f line] >= 0} {
        foreach {- hex} [regexp -all -inline {"([0-9a-f]{8,})"} $line] {
            incr vectors
            incr bytes [expr {[string length $hex] / 2}]
        }
    }
    close $f
}
catch {exec [info nameofexecutable] [file join $support::here all.tcl] \
    bpacket* frame packet wire 2>@1} output
puts $output
set passed 0
set failed 1
regexp {(\d+) passed, (\d+) failed, \d+ skipped$} $output -> passed failed
law "every byte as recorded" {$failed == 0 && $passed > 80}
law "the vectors are there" {$vectors > 300}

# ---- of a later version ------------------------------------------------------

set port [freePort]
answering victim -port $port -protocols {t c}
set hid [ask victim {$cluster hid}]

proc below {n} {
    return [expr {int(rand() * $n)}]
}

proc head {type} {
    return [list sid peer hid $::hid type $type channel 0 protocols {t c}]
}

# A whole packet, but for a field or a type that nobody knows, or both.
proc later {} {
    set fields [head [lindex {0 1 2 3 6 7} [below 6]]]
    lappend fields data [string repeat x [below 300]] tags {a b}
    set what [below 3]
    if {$what != 0} {
        set at [expr {2 * [below [expr {[llength $fields] / 2}]]}]
        set number [expr {16 + [below [lindex {100 10000 1000000000} [below 3]]]}]
        set fields [linsert $fields $at $number [string repeat y [below 60]]]
        incr ::fields
    }
    if {$what != 1} {
        dict set fields type [expr {9 + [below [lindex {3 200 1000000} [below 3]]]}]
        incr ::types
    }
    return [frame $fields]
}

proc question {ruid} {
    return [frame [concat [head 4] [list ruid $ruid data hello]]]
}

proc receive {} {
    append ::received [read $::channel]
    if {[eof $::channel]} {
        incr ::disconnects
        fileevent $::channel readable {}
    }
}

# A peer as the original would be: it is known first, then it talks.
set fields 0
set types 0
set received {}
set disconnects 0
set unanswered 0
set asked 0
waitFor 2000 {[dict exists [ask victim {$cluster props}] t]}
set channel [socket 127.0.0.1 [dict get [ask victim {$cluster props}] t port]]
fconfigure $channel -translation binary -blocking 0 -buffering none
fileevent $channel readable receive
puts -nonewline $channel [frame [concat [head 1] {data {t {port 9}}}]]
waitFor 2000 {[services victim] == 1}
set count [size 10000 100000]
for {set i 0} {$i < $count && !$disconnects} {} {
    set many {}
    for {set n 0} {$n < 100} {incr n; incr i} {
        append many [later]
    }
    # In pieces, so that a packet is in two reads.
    puts -nonewline $channel [string range $many 0 end-50]
    puts -nonewline $channel [string range $many end-49 end][question q$i.]
    incr asked
    if {![waitFor 2000 {[string first q$i. $received] >= 0 || $disconnects}]} {
        incr unanswered
    }
    set received {}
}
set dropped [expr {[stat victim drop_field] + [stat victim drop_type]}]
puts "$i on a connection, $dropped dropped, $unanswered of $asked unanswered"
law "each was dropped and counted: $dropped of $i" {$dropped == $i}
law "0 disconnects" {$disconnects == 0 && [stat victim links_closed] == 0}
law "every question between was answered" {$unanswered == 0 && $asked > 50}
law "nobody was lost" {[services victim] == 1}

set path [exec mktemp]
set f [open $path w]
for {set i 0} {$i < $count / 10} {incr i} {
    puts $f [hex [later]]
}
close $f
sender replay $port $path 1
file delete $path
waitFor 2000 {[stat victim drop_field] + [stat victim drop_type]
    + [stat victim kernel_drops] >= $dropped + $i}
set grouped [expr {[stat victim drop_field] + [stat victim drop_type]
    + [stat victim kernel_drops] - $dropped}]
law "to the group too: $grouped of $i" {$grouped == $i}
puts -nonewline $channel [question lastly]
law "it is answered afterwards" {[waitFor 2000 \
    {[string first lastly $received] >= 0}]}
law "it is still known" {[services victim] == 1 && $disconnects == 0}

figure "$vectors vectors, $bytes bytes, $passed tests passed; [expr {$count + $i}]\
    packets with $fields unknown fields and $types unknown types: $disconnects\
    disconnects"
