# instructions.tcl -- how many instructions it takes, by callgrind: steady where
#                     times are noise, so that a regression shows exactly.
#
#     tools/bench instructions            beside what instructions.txt keeps
#     tools/bench instructions --keep     writes it anew

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
if {![bench::has valgrind]} {
    puts stderr "instructions: no valgrind here"
    bench::end
}
set core [bench::program core]
set kept [file join $bench::here instructions.txt]

# Of a query only what our turns in Tcl's event loop take: whether Tcl waits or we
# do is a matter of time, and differs from run to run.
set turns {--toggle-collect=on_readable --toggle-collect=on_linger}

proc counted args {
    set said [exec valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        {*}$args 2>@1]
    regexp {Collected : (\d+)} $said -> count
    return $count
}

# The difference of two runs: what begins and ends a process is in both.
proc each {few many} {
    upvar 1 command command
    set less [counted {*}[subst $command] $few {*}[uplevel 1 {set behind}]]
    set more [counted {*}[subst $command] $many {*}[uplevel 1 {set behind}]]
    expr {($more - $less) / ($many - $few)}
}

set now {}
foreach {name command few many behind} {
    {encode a heartbeat, C}            {$::core encode}  1000 3000 {}
    {decode a heartbeat, C}            {$::core decode}  1000 3000 {}
    {drop our own packet}              {$::core own}     1000 3000 {}
    {drop by a filter}                 {$::core filter}  1000 3000 {}
    {drop by a channel}                {$::core channel} 1000 3000 {}
    {hear a heartbeat, 10 known}       {$::core heard}   1000 3000 10
    {hear a heartbeat, 10,000 known}   {$::core heard}   1000 3000 10000
    {query and answer over u, both sides}
        {$::turns [info nameofexecutable] $bench::here/lib/one.tcl u}
        100 300 {}
    {query and answer over t, both sides}
        {$::turns [info nameofexecutable] $bench::here/lib/one.tcl t}
        100 300 {}
} {
    dict set now $name [each $few $many]
}

set before {}
if {[file exists $kept]} {
    foreach line [split [bench::contents $kept] \n] {
        if {[regexp {^\s*(\d+)  (.*)$} $line -> count name]} {
            dict set before $name $count
        }
    }
}
dict for {name count} $now {
    set was [expr {[dict exists $before $name] ? [dict get $before $name] : $count}]
    bench::row {
        question {$name} on callgrind unit instructions ours $count
        limit {kept $was} bar {<= 1.05 x kept} most [expr {1.05 * $was}]
    }
}
if {"--keep" in $argv} {
    set f [open $kept w]
    puts $f "# Instructions of one, by callgrind. Made by:"
    puts $f "#     tools/bench instructions --keep"
    dict for {name count} $now {
        puts $f [format "%8d  %s" $count $name]
    }
    close $f
}
bench::end
