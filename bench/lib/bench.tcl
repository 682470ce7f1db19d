# bench.tcl -- what every question shares: children, processor time, rounds,
#              rows.
#
#     source [file join [file dirname [info script]] lib bench.tcl]
#     bench::begin                       a network namespace of its own
#     bench::child us [list ...]         a process that answers lines by lines
#     bench::compete {us raw} run        rounds of all, interleaved
#     bench::row {question ...}          one row of the table
#     bench::end
#
# A child is told `run COUNT` and answers with one line: the microseconds all
# of it took, the median and the p99 of one.  The processor's time is that of
# the child, of what it started and of its helpers, in all their threads.

package require Tcl 8.6-

namespace eval bench {
    variable here [file dirname [file dirname [file normalize [info script]]]]
    variable root [file dirname $here]
    variable build [file join $root build]
    variable quick 0
    variable rounds 7
    variable cpu 1;         # the one that what is pinned runs on
    variable channels;      # by child: its pipe
    variable pids;          # by child: its processes
    variable tmp {}
    array set channels {}
    array set pids {}
}

proc bench::configure {} {
    variable build
    variable quick
    variable rounds
    variable cpu
    if {[info exists ::env(CLUSTER_BUILD)]} {
        set build [file normalize $::env(CLUSTER_BUILD)]
    }
    set quick [expr {"--quick" in $::argv}]
    set rounds [expr {$quick ? 3 : 7}]
    set cpu [expr {[exec nproc] - 1}]
}

# Options and environment; enters a network namespace unless we are in one.
proc bench::begin {} {
    variable build
    variable tmp
    configure
    if {![info exists ::env(BENCH_INSIDE)]} {
        enter
    }
    if {![info exists ::env(BENCH_ROWS)]} {
        puts [heading]
    }
    set tmp [exec mktemp -d /tmp/clu-bench-XXXXXX]
    set ::env(TCLLIBPATH) [list $build]
    if {$build ni $::auto_path} {
        lappend ::auto_path $build
    }
}

# A namespace of processes as well: none is left behind, however it ends.
proc bench::enter {} {
    variable root
    set ::env(BENCH_INSIDE) 1
    set code [catch {
        exec $root/tools/in-netns unshare --pid --fork --kill-child \
            --mount-proc [info nameofexecutable] \
            [file normalize $::argv0] {*}$::argv >@stdout 2>@stderr <@stdin
    } said]
    if {$code} {
        puts stderr "$::argv0: $said"
    }
    exit $code
}

proc bench::end {} {
    variable channels
    variable tmp
    foreach name [array names channels] {
        stop $name
    }
    file delete -force $tmp
    exit 0
}

# ---- programs ----------------------------------------------------------------

# Compiles bench/NAME.c when it is newer than what is there; its first comment
# may hold a line "Libraries: ...".  Empty when it cannot be: a peer is missing.
proc bench::program {name args} {
    variable here
    variable root
    variable build
    set source [file join $here $name.c]
    set out [file join $build bench $name]
    set core [file join $build libclustercore.a]
    if {[file exists $out] && [file mtime $out] >= [file mtime $source]
        && [file mtime $out] >= [file mtime $core]} {
        return $out
    }
    file mkdir [file dirname $out]
    set head [contents $source 2000]
    set libraries {}
    regexp {Libraries: ([^\n]*)} $head -> libraries
    if {[catch {
        exec gcc -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra \
            -I$root/generic -I$root/unix -I$build/bench {*}$args \
            -o $out $source {*}[string map [list CORE $core] $libraries] 2>@1
    } said]} {
        if {[string match {*bench.h*} $said] || "CORE" in $libraries
            || $libraries eq {}} {
            error "$name: $said"
        }
        return
    }
    return $out
}

proc bench::contents {path {most {}}} {
    set f [open $path]
    try { read $f {*}$most } finally { close $f }
}

# A variable of the build's Makefile.
proc bench::made name {
    variable build
    regexp -line "^$name = (.*)$" [contents [file join $build Makefile]] -> value
    return $value
}

# The commands of bench/boundary.c: what Tcl's values cost by themselves.
proc bench::boundary {} {
    variable here
    variable build
    set out [file join $build bench boundary[info sharedlibextension]]
    set source [file join $here boundary.c]
    if {![file exists $out] || [file mtime $out] < [file mtime $source]} {
        file mkdir [file dirname $out]
        set link [made LINK]
        exec gcc -std=gnu11 -O2 -shared -fPIC {*}[made WITH_TCL] -o $out \
            $source {*}[stub] 2>@1
    }
    load $out Boundary
    return $out
}

# The stub library, as the build links it.
proc bench::stub {} {
    variable build
    regexp {\n\t@\$\(LINK\) -shared -o \$@ \$\^ ([^\n]*) \$\(LIBS\)} \
        [contents [file join $build Makefile]] -> words
    return [string map {' {}} $words]
}

proc bench::has tool {
    return [expr {[auto_execok $tool] ne {}}]
}

# ---- children ----------------------------------------------------------------

proc bench::child {name command} {
    variable channels
    variable pids
    if {"2>@1" ni $command} {
        lappend command 2>@stderr
    }
    set channel [open |$command r+]
    fconfigure $channel -translation binary -buffering full
    set channels($name) $channel
    set pids($name) [pid $channel]
    return $name
}

# A member in a process of its own; the words are options of join.
proc bench::member {name args} {
    variable here
    child $name [list [info nameofexecutable] \
        [file join $here lib member.tcl] {*}$args]
}

proc bench::tell {name script} {
    variable channels
    puts $channels($name) [string map {\n { ; }} [string trim $script]]
    flush $channels($name)
}

# One line.  A child that is silent for so long, or in the middle of a line, is
# named: it would be waited for without end.
proc bench::answer {name {silence 20000}} {
    variable channels
    set channel $channels($name)
    variable heard {}
    set late [after $silence {set ::bench::heard late}]
    fconfigure $channel -blocking 0
    fileevent $channel readable {set ::bench::heard yes}
    while {[gets $channel line] < 0 && ![eof $channel] && $heard ne "late"} {
        vwait ::bench::heard
    }
    after cancel $late
    fileevent $channel readable {}
    fconfigure $channel -blocking 1
    if {$heard eq "late" && $line eq {}} {
        error "$name is silent for $silence ms"
    }
    if {$line eq {} && [eof $channel]} {
        error "$name is gone"
    }
    if {[string match "error *" $line]} {
        error "$name: $line"
    }
    return $line
}

proc bench::ask {name script} {
    tell $name $script
    answer $name
}

# A child that only serves: started, and asked nothing.
proc bench::server {name command} {
    variable channels
    variable pids
    set channels($name) [open |[list {*}$command >/dev/null 2>@stderr] w]
    set pids($name) [pid $channels($name)]
    return $name
}

proc bench::stop name {
    variable channels
    variable pids
    foreach pid [processes $name] {
        catch {exec kill $pid}
    }
    catch {fconfigure $channels($name) -blocking 0}
    catch {close $channels($name)}
    unset -nocomplain channels($name)
    unset -nocomplain pids($name)
}

# What a child is measured with: itself, its children, and its helpers.
proc bench::processes name {
    variable pids
    set found {}
    set waiting $pids($name)
    while {[llength $waiting]} {
        set waiting [lassign $waiting pid]
        lappend found $pid
        catch {
            lappend waiting {*}[contents /proc/$pid/task/$pid/children]
        }
    }
    return $found
}

proc bench::together {name others} {
    variable pids
    foreach other $others {
        lappend pids($name) {*}[processes $other]
    }
}

# Microseconds of processor time so far, all threads of these processes.
proc bench::spent pids {
    set sum 0
    foreach pid $pids {
        foreach file [glob -nocomplain /proc/$pid/task/*/schedstat] {
            catch {incr sum [lindex [contents $file] 0]}
        }
    }
    return [expr {$sum / 1000.0}]
}

# cpus: "free", or the number of one.
proc bench::pin {pids cpus} {
    if {$cpus eq "free"} {
        set cpus 0-[expr {[exec nproc] - 1}]
    }
    foreach pid $pids {
        catch {exec taskset -a -c -p $cpus $pid}
    }
}

# Resident memory in KB.
proc bench::resident pid {
    regexp {VmRSS:\s+(\d+)} [contents /proc/$pid/status] -> kb
    return $kb
}

# Waits until the condition holds, asking again and again; an end is an error.
proc bench::until {ms condition} {
    set end [expr {[clock milliseconds] + $ms}]
    while {![uplevel 1 [list expr $condition]]} {
        if {[clock milliseconds] > $end} {
            error "not within $ms ms: $condition"
        }
        after 5 {set ::bench::tick 1}
        vwait ::bench::tick
    }
}

proc bench::freePort {} {
    set server [socket -server {} -myaddr 127.0.0.1 0]
    set port [lindex [fconfigure $server -sockname] 2]
    close $server
    return $port
}

# ---- rounds ------------------------------------------------------------------

proc bench::median values {
    set sorted [lsort -real $values]
    return [lindex $sorted [expr {[llength $sorted] / 2}]]
}

proc bench::p99 values {
    set sorted [lsort -real $values]
    return [lindex $sorted [expr {int([llength $sorted] * 0.99)}]]
}

# How many operations fill so many milliseconds; also warms it up.
proc bench::calibrate {name command ms} {
    set n 50
    while 1 {
        set took [lindex [ask $name "$command $n"] 0]
        if {$took > $ms * 250 || $n >= 100000} {
            return [expr {max(20, min(200000, int($n * $ms * 1000.0 / $took)))}]
        }
        set n [expr {$n * 4}]
    }
}

# Interleaved rounds: each child in turn does its operations.  Returns by
# child a dict of cpu, cpu99, wall, wall99, each: microseconds an operation.
proc bench::compete {names command {on 0} {ms 60}} {
    variable rounds
    variable cpu
    foreach name $names {
        pin [processes $name] [expr {$on eq "pinned" ? $cpu : "free"}]
        set count($name) [calibrate $name $command $ms]
        foreach key {cpu wall wall99 each} {
            set got($name,$key) {}
        }
    }
    for {set round 0} {$round < $rounds} {incr round} {
        foreach name $names {
            set processes [processes $name]
            set before [spent $processes]
            lassign [ask $name "$command $count($name)"] took median p99
            set after [spent $processes]
            lappend got($name,cpu) \
                [expr {($after - $before) / $count($name)}]
            lappend got($name,wall) $median
            lappend got($name,wall99) $p99
            lappend got($name,each) [expr {double($took) / $count($name)}]
        }
    }
    set result {}
    foreach name $names {
        dict set result $name [dict create \
            cpu [median $got($name,cpu)] cpu99 [p99 $got($name,cpu)] \
            wall [median $got($name,wall)] wall99 [median $got($name,wall99)] \
            each [median $got($name,each)] each99 [p99 $got($name,each)]]
    }
    return $result
}

# Interleaved rounds of things that return a figure; by name a dict of median,
# p99 and, for rates, p01: the worse end.  pairs: name script ...
proc bench::interleave pairs {
    variable rounds
    foreach {name script} $pairs {
        uplevel #0 $script
        set got($name) {}
    }
    for {set round 0} {$round < $rounds} {incr round} {
        foreach {name script} $pairs {
            lappend got($name) [uplevel #0 $script]
        }
    }
    set result {}
    foreach {name script} $pairs {
        dict set result $name median [median $got($name)]
        dict set result $name p99 [p99 $got($name)]
        dict set result $name p01 [lindex [lsort -real $got($name)] 0]
    }
    return $result
}

# Microseconds of one of so many, of this process's processor time: what others
# do meanwhile does not count.  Needs bench::boundary.
proc bench::each {count script} {
    set before [::boundary clock]
    uplevel #0 [list time $script $count]
    return [expr {([::boundary clock] - $before) / $count}]
}

# ---- rows --------------------------------------------------------------------

proc bench::figure {value {unit us}} {
    if {$value eq {} || $value eq "-"} {
        return -
    }
    if {[string is double -strict $value]} {
        set size [expr {abs($value)}]
        set value [expr {$size == int($size) && $size < 1e9 ? int($value)
            : [format [expr {$size < 1 ? "%.3f" : $size < 10 ? "%.2f"
                : $size < 100 ? "%.1f" : "%.0f"}] $value]}]
    }
    return "$value $unit"
}

# Keys: question on unit ours p99 limit (name value) peers (name value ...)
# bar (words) most or least (a number), or met (0, 1, or - where there is no
# bar).  only pinned: the bar does not hold for what runs free.  The text is
# substituted as a whole: words of several parts stand in braces.
proc bench::row fields {
    set row [dict merge {on - unit us p99 - limit {} peers {} bar - met {}} \
        [uplevel 1 [list subst -nobackslashes $fields]]]
    if {[dict exists $row only] && [dict get $row on] ne "pinned"} {
        set row [dict merge $row {bar - met -}]
    }
    set ours [dict get $row ours]
    if {[dict get $row met] eq {} && $ours ne "-"} {
        if {[dict exists $row most]} {
            dict set row met [expr {$ours <= [dict get $row most]}]
        } elseif {[dict exists $row least]} {
            dict set row met [expr {$ours >= [dict get $row least]}]
        }
    }
    emit [list row $row]
    puts [line $row]
    flush stdout
}

# One point of a plot: it is drawn by tools/bench.
proc bench::point {plot series x y} {
    emit [list point $plot $series $x $y]
}

proc bench::note text {
    emit [list note $text]
    puts "  # $text"
}

proc bench::emit list {
    if {[info exists ::env(BENCH_ROWS)]} {
        set f [open $::env(BENCH_ROWS) a]
        puts $f $list
        close $f
    }
}

# A row as a line of the Markdown table.
proc bench::line row {
    dict with row {
        set ratio -
        set against -
        if {[llength $limit] == 2 && $ours ne "-"} {
            lassign $limit name value
            set against "$name [figure $value $unit]"
            set ratio [format %.1f [expr {double($ours) / $value}]]
        }
        set others [lmap {name value} $peers {
            string trim "$name [figure $value {}]"
        }]
        set said [dict get {{} - - - 0 no 1 yes} $met]
        return "| [join [list $question $on [figure $ours $unit] \
            [figure $p99 {}] $against $ratio [join $others {, }] $bar $said] \
            { | }] |"
    }
}

proc bench::heading {} {
    return "| question | on | ours, median | p99, the worse end | limit, same run | ratio |\
        peers | bar | met |\n|---|---|---|---|---|---|---|---|---|"
}
