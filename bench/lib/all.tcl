# all.tcl -- runs the questions and prints one table; called by tools/bench.
#
#     all.tcl [--quick] [--doc] [--keep] [QUESTION ...]

source [file join [file dirname [info script]] bench.tcl]
source [file join [file dirname [info script]] plot.tcl]
bench::configure

set questions {codec receive query answers hundred events stream resolve gather
    burst idle idle9 instructions}
set names [lsearch -all -inline -not $argv --*]
foreach name $names {
    if {$name ni $questions} {
        puts stderr "bench: there is no question \"$name\":\
            must be [join $questions {, }]"
        exit 2
    }
}
if {![llength $names]} {
    set names [expr {"--quick" in $argv ? [lrange $questions 0 end-2]
        : $questions}]
}

proc load {} {
    return [lindex [bench::contents /proc/loadavg] 0]
}

# ---- running -----------------------------------------------------------------

set rows [exec mktemp /tmp/clu-rows-XXXXXX]
set ::env(BENCH_ROWS) $rows
set failed {}
set before [load]
puts [bench::heading]
foreach name $names {
    if {[catch {
        exec timeout -k 2 150 [info nameofexecutable] \
            [file join $bench::here $name.tcl] \
            {*}[lsearch -all -inline $argv --*] >@stdout 2>@stderr
    }]} {
        lappend failed $name
    }
}
set records [split [string trim [bench::contents $rows]] \n]
file delete $rows
foreach name $failed {
    puts stderr "bench: $name did not end well"
}

# ---- the page ----------------------------------------------------------------

proc machine {} {
    set model {}
    regexp -line {^model name\s*: (.*)$} [bench::contents /proc/cpuinfo] -> model
    regexp {^[\d.]+} [exec uname -r] kernel
    return "[exec nproc] processors ($model), Linux $kernel, Tcl\
        [info patchlevel], [clock format [clock seconds] -format %Y-%m-%d]"
}

proc drawn {records name} {
    set points {}
    foreach record $records {
        if {[lindex $record 0] eq "point" && [lindex $record 1] eq $name} {
            lappend points [lrange $record 2 4]
        }
    }
    return $points
}

proc draw {file svg} {
    set f [open [file join $::bench::root doc $file] w]
    puts -nonewline $f $svg
    close $f
}

proc plots records {
    set said {}
    set trips [lsearch -all -inline -glob -index 0 \
        [drawn $records round-trip] {*, pinned}]
    if {[llength $trips]} {
        draw bench-round-trip.svg [plot::bars \
            "Round trip, all on one processor: wall median" us $trips]
        append said "!\[round trip\](bench-round-trip.svg)\n\n"
    }
    foreach {name title against} {
        services "Cost of a packet against the number of services"
        "services known"
        resolve "Cost of resolving for the first time against the number of services"
        "services known"
        connections "Cost of a query over t against the number of connections"
        "connections, all but one of them idle"
    } {
        set points [drawn $records $name]
        if {[llength $points]} {
            draw bench-$name.svg [plot::lines $title $against \
                "microseconds of one" $points]
            append said "!\[$title\](bench-$name.svg)\n\n"
        }
    }
    return $said
}

proc page {records before} {
    set text "# How fast\n\nMade by `tools/bench --doc`; do not edit."
    append text " [machine]. The load was $before before and [load] after:\n"
    append text "other programs ran meanwhile, so compare within a row, not\
        with another day.\n\n"
    append text [bench::contents [file join $::bench::here how.md]] \n
    append text "## The table\n\n[bench::heading]\n"
    foreach record $records {
        if {[lindex $record 0] eq "row"} {
            append text [bench::line [lindex $record 1]] \n
        }
    }
    append text "\n## Plots\n\n[plots $records]"
    append text [bench::contents [file join $::bench::here profile.md]]
    set f [open [file join $::bench::root doc bench.md] w]
    fconfigure $f -encoding utf-8
    puts -nonewline $f $text
    close $f
}

if {"--doc" in $argv} {
    page $records $before
}
exit [expr {[llength $failed] > 0}]
