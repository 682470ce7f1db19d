# idle9.tcl -- the idle connections of idle.tcl once more, by Tcl 9.

source [file join [file dirname [info script]] lib bench.tcl]
bench::configure

# In the Debian root that has it; what is measured there comes back as records.
set script {
    BENCH_ROWS=rows tclsh9.0 bench/idle.tcl --connections "$@" >/dev/null
    cat rows
}
set words [expr {$bench::quick ? "--quick" : {}}]
set said [exec $bench::root/tools/in-trixie sh -ec $script idle {*}$words 2>@stderr]
foreach record [split $said \n] {
    if {[lindex $record 0] eq "row"} {
        set row [lindex $record 1]
        dict append row question ", Tcl 9.0"
        bench::emit [list row $row]
        puts [bench::line $row]
    } else {
        bench::emit $record
    }
}
