# memory that fails, n-th and n-th on, in >= 40 lives: 0 crashes, hangs, leaks; usable afterwards; NOMEM told (B: every n)
# build asan
# netns
#
# Each life of lives.tcl by faults.tcl, under ASan, three at a time since they
# mostly wait, each in a network of its own, so that none takes the port that
# another just found free; at gate A at places that are drawn, before a release
# at all.  Those of the core alone, at all places, are in
# tests/c/scenario_test.c and where CHECK_NOMEM stands.

source [file join [file dirname [info script]] support.tcl]

set top [file dirname [file dirname $gate::here]]
set kind [expr {[info exists env(B2_BUILD)] ? $env(B2_BUILD) : "asan"}]
set build [file join $top build-$kind]
exec $top/tools/setup --$kind >@stderr 2>@1
exec make -s -C $build faults.so >@stderr 2>@1
set f [open [file join $build Makefile]]
regexp -line {^TCLSH = (.*)$} [read $f] -> tclsh
close $f

set env(CLUSTER_BUILD) $build
set program [file join $gate::here faults.tcl]
set names [exec $tclsh $program names]
set draws [size 16 all]
set patience [size 60 900]
set sum {lives 0 places 0 refused 0}

proc lived {name ok output} {
    puts $output
    foreach {- calls tried refused} [regexp -all -inline -line \
            {^life \S+ (\d+) (\d+) (\d+)$} $output] {
        dict incr ::sum lives
        dict incr ::sum places $tried
        dict incr ::sum refused $refused
    }
    law "$name came to its end" {$ok}
}

sideBySide 3 [lmap name $names {
    list $name [list timeout -s KILL $patience $top/tools/in-netns \
        $tclsh $program $draws $seed $name]
}] lived
law "all [llength $names] lives came to their end" {
    [dict get $sum lives] == [llength $names]}
law ">= 40 lives" {[dict get $sum lives] >= 40}
law "scripts were told" {[dict get $sum refused] > [dict get $sum lives]}
dict with sum {
    figure "$lives lives, memory failed at $places places, scripts told of it\
        $refused times, [llength $gate::missed] went wrong"
}
