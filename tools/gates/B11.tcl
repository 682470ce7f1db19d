# loss 0-50 %, duplicates, reorder, partitions, one-way ones, SIGSTOP, kill -9: order kept, 0 duplicates, 0 phantoms; one outcome by time-out + 100 ms; views true 3 heartbeats + 1 s after heal; 0 false lost at <= 20 % loss
#
# The same scenarios, storm/storm.tcl, and the same laws,
# storm/history.tcl, twice:
#
#   lives   members in virtual time, life.c: many seeds, from CLUSTER_SEED on
#   fields  five processes on five hosts behind the switch, impair.c: a few,
#           side by side, in real time
#
# What a field did is kept in build/gates/field-SEED.history.  A life alone:
#
#   CLUSTER_SEED=N tools/check B11      its first life is that of seed N

source [file join [file dirname [info script]] support.tcl]
foreach part {storm.tcl history.tcl lives.tcl field.tcl} {
    source [file join $gate::here storm $part]
}

set totals {life {} field {}}

proc count {what seed judged} {
    foreach violation [dict get $judged violations] {
        puts "$what $seed: $violation"
    }
    set sums [dict get $::totals $what]
    dict for {law n} [dict get $judged checked] {
        dict incr sums $law $n
    }
    dict set ::totals $what $sums
    return [expr {[llength [dict get $judged violations]] > 0}]
}

proc sum {law} {
    return [expr {[dict get $::totals life $law]
        + [dict get $::totals field $law]}]
}

# ---- lives: while the fields take their time ---------------------------------

set place [exec mktemp -d]
set program [file join $place life]
lives::build $program
set begun [clock seconds]
set lives 0
set broken 0

proc live {} {
    set seed [expr {$::seed + $::lives}]
    incr ::broken [count life $seed [lives::run $::program $seed 10]]
    incr ::lives
    if {[clock seconds] < $::begun + [size 15 300]} {
        after 1 live
    }
}
live

# ---- fields ------------------------------------------------------------------

set fields {}
for {set i 0} {$i < 2} {incr i} {
    set storm::long [size 0 4]
    lappend fields [field::begin [expr {$seed + $i}] [size 4 50]]
    set storm::long 4
}
if {![waitFor [size 120000 1500000] {[field::over [lindex $fields 0]]
        && [field::over [lindex $fields 1]]}]} {
    error "the fields do not end"
}
set wrong 0
set switched {}
foreach f $fields {
    incr wrong [count field [field::Get $f seed] [field::judged $f]]
    foreach line [split [field::Get $f counters] \n] {
        foreach {what n} [lrange $line 3 end] {
            dict incr switched $what $n
        }
    }
}
puts "the switches: $switched"
law "the switches did something" {[dict get $switched passed] > 5000
    && [dict get $switched lost] + [dict get $switched blocked] > 50}

file delete -force $place
puts "checked: $totals"
foreach what {life field} {
    foreach {law least} {received 400 order 200 outcome 400 answered 20
        arrived 50 found 40 view 20} {
        law "$law was checked in a $what" {
            [dict exists $totals $what $law]
            && [dict get $totals $what $law] >= $least}
    }
}
law "0 of $lives lives broke a law, not $broken" {$broken == 0}
law "0 of [llength $fields] fields broke a law, not $wrong" {$wrong == 0}
figure "$lives lives, [llength $fields] fields, $broken and $wrong broke a law;\
    [sum received] messages, [sum outcome] outcomes, [sum view] views"
