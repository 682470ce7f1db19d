# Runs every test file in a process of its own, a few at a time, and counts.
#
#   tclsh tests/all.tcl [-verbose] [-limit SECONDS] [-jobs N] [-results FILE]
#                       [-not PATTERN] ... [PATTERN ...]
#
# PATTERN selects files by name ("frame", "frame.test", "f*"); -not leaves out
# those it selects. The package is taken from $CLUSTER_BUILD, or ../build;
# $CLUSTER_UNDER are words in front of each tclsh that runs a test file. A file
# is handed a directory of its own as $CLUSTER_TEST_TMP, also tcltest's -tmpdir.
# Its first lines may say:
#
#   # netns            run it in a network namespace with nothing but lo
#   # netns --eth      the same with an eth0 (see tools/in-netns)
#   # limit SECONDS    it needs longer than the usual limit
#
# A file that ends badly, late, without a count or leaves something in its
# directory is a failure. One during which the leak checker itself broke down,
# as it says then, is run once more. With -results each test becomes a line of
# FILE: file, name, and passed, failed or skipped, with tabs between them; a
# file that failed as a whole has the name "-".

package require Tcl 8.6-

namespace eval suite {
    variable root [file dirname [file dirname [file normalize [info script]]]]
    variable build [file join $root build]
    variable limit 120
    variable jobs 2
    variable verbose 0
    variable patterns {}
    variable unwanted {}
    variable results {};    # the channel of -results
    variable waiting {}
    variable running 0
    variable total {passed 0 failed 0 skipped 0}
    variable job;           # by channel: what runs there, since when
    variable repeated {};   # paths that were run once more
    variable under [expr {
        [info exists ::env(CLUSTER_UNDER)] ? $::env(CLUSTER_UNDER) : {}}]
    variable sanitizers;    # by variable: the options we were given
    variable done 0
}

# ---- What to run -------------------------------------------------------------

proc suite::options {arguments} {
    variable limit
    variable jobs
    variable verbose
    variable patterns
    variable unwanted
    variable build
    variable results
    if {[info exists ::env(CLUSTER_BUILD)]} {
        set build [file normalize $::env(CLUSTER_BUILD)]
    }
    # Most files wait most of the time.
    catch {set jobs [expr {2 * [exec nproc]}]}
    while {[llength $arguments]} {
        set arguments [lassign $arguments word]
        switch -glob -- $word {
            -verbose { set verbose 1 }
            -results {
                set arguments [lassign $arguments path]
                set results [open $path w]
            }
            -not {
                set arguments [lassign $arguments pattern]
                lappend unwanted $pattern
            }
            -limit - -jobs {
                set arguments [lassign $arguments value]
                if {![string is integer -strict $value] || $value < 1} {
                    error "$word wants a positive number"
                }
                set [string range $word 1 end] $value
            }
            -* { error "unknown option $word" }
            default { lappend patterns $word }
        }
    }
}

proc suite::wanted {path} {
    variable patterns
    variable unwanted
    expr {![isNamed $path $unwanted]
        && (![llength $patterns] || [isNamed $path $patterns])}
}

proc suite::isNamed {path patterns} {
    set name [file tail $path]
    foreach pattern $patterns {
        if {[string match $pattern $name]
                || [string match $pattern [file rootname $name]]} {
            return 1
        }
    }
    return 0
}

proc suite::files {} {
    variable root
    variable build
    set found [concat \
        [lsort [glob -nocomplain -types {f x} $build/ctest/*]] \
        [lsort [glob -nocomplain -types f $root/tests/*.test]]]
    lmap path $found {
        if {![wanted $path]} continue
        set path
    }
}

# ---- One file ----------------------------------------------------------------

# What the first lines of a test file ask for.
proc suite::directives {path} {
    variable limit
    set asked [dict create netns no limit $limit]
    if {[file extension $path] ne ".test"} {
        return $asked
    }
    set in [open $path]
    for {set n 0} {$n < 5 && [gets $in line] >= 0} {incr n} {
        if {[regexp {^# netns\s*(.*)$} $line -> options]} {
            dict set asked netns yes
            dict set asked options $options
        }
        if {[regexp {^# limit (\d+)\s*$} $line -> seconds]} {
            dict set asked limit [expr {max($limit, $seconds)}]
        }
    }
    close $in
    return $asked
}

proc suite::namespaceWorks {} {
    variable root
    variable works
    if {![info exists works]} {
        set works [expr {![catch {exec $root/tools/in-netns true}]}]
    }
    return $works
}

proc suite::command {path asked} {
    variable root
    variable under
    set command [list $path]
    if {[file extension $path] eq ".test"} {
        set command [list {*}$under [info nameofexecutable] $path]
    }
    if {[dict get $asked netns]} {
        set command [list $root/tools/in-netns {*}[dict get $asked options] \
            {*}$command]
    }
    return $command
}

# A session of its own lets us end a file with all its children. The shell
# alone holds our pipes: a child left behind cannot keep us waiting, and when
# we are gone the shell's watcher ends the session.
variable suite::shell {
    exec 3>&1 4<&0 >"$1" 2>&1 </dev/null
    shift
    { read -r _ <&4; kill -KILL 0; } 3>&- &
    "$@" 3>&- 4<&-
    echo $? >&3
}

proc suite::start {path} {
    variable job
    variable running
    variable temporary
    variable shell
    set name [file tail $path]
    set asked [directives $path]
    if {[dict get $asked netns] && ![namespaceWorks]} {
        report $name {passed 0 failed 0 skipped 1} 0 "no network namespace\n"
        return
    }
    set place [file join $temporary $name]
    file mkdir $place
    set ::env(CLUSTER_TEST_TMP) $place
    set ::env(TMPDIR) $place
    set ::env(TCLTEST_OPTIONS) [list -tmpdir $place]
    if {$::suite::results ne {}} {
        lappend ::env(TCLTEST_OPTIONS) -verbose {pass body error skip}
    }
    reportInto $place.report
    set channel [open |[list setsid sh -c $shell sh $place.out \
        {*}[command $path $asked]] r+]
    set milliseconds [expr {1000 * [dict get $asked limit]}]
    set job($channel) [dict create name $name path $path output $place.out \
        began [clock milliseconds] late 0 \
        timer [after $milliseconds [list suite::late $channel]]]
    fconfigure $channel -blocking 0
    fileevent $channel readable [list suite::ended $channel]
    incr running
}

# Sanitizers write here what they find in any process the file starts.
proc suite::reportInto {path} {
    variable sanitizers
    foreach name {ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS} {
        if {![info exists sanitizers($name)]} {
            set sanitizers($name) [expr {
                [info exists ::env($name)] ? "$::env($name):" : ""}]
        }
        set ::env($name) $sanitizers($name)log_path=$path
    }
}

proc suite::reports {output} {
    set text ""
    foreach path [glob -nocomplain [file rootname $output].report.*] {
        set report [contents $path]
        if {[concernsUs $report]} {
            append text $report
        }
    }
    return $text
}

# A program that calls exit leaves what its scripts hold to the system: leaks
# of Tcl's, without a file of ours among their frames.
proc suite::concernsUs {report} {
    variable root
    if {![regexp {LeakSanitizer: detected memory leaks} $report]} {
        return 1
    }
    foreach path [glob $root/generic/*.c $root/unix/*.c $root/tests/c/*.c] {
        if {[string first /[file tail $path]: $report] >= 0} {
            return 1
        }
    }
    return 0
}

proc suite::late {channel} {
    variable job
    dict set job($channel) late 1
    killAll $channel
}

proc suite::killAll {channel} {
    catch {exec kill -KILL -- -[lindex [pid $channel] 0]}
}

proc suite::ended {channel} {
    variable job
    variable running
    set status [string trim [read $channel]]
    if {$status eq "" && ![eof $channel]} {
        return
    }
    set this $job($channel)
    unset job($channel)
    after cancel [dict get $this timer]
    killAll $channel
    catch {close $channel}
    incr running -1
    set output [contents [dict get $this output]]
    set duration [expr {[clock milliseconds] - [dict get $this began]}]
    set found [reports [dict get $this output]]
    if {[checkerBroke $output$found] && [once [dict get $this path]]} {
        puts "[dict get $this name]: the leak checker broke down; once more"
        start [dict get $this path]
        return
    }
    set counts [judge $output [expr {$found eq "" ? $status : "a finding"}]]
    append output $found
    set left [leftIn [file rootname [dict get $this output]]]
    if {[llength $left]} {
        append output "-- left behind: $left\n"
        dict incr counts failed [expr {![dict get $counts failed]}]
    }
    if {[dict get $this late]} {
        append output "-- stopped: over its time limit\n"
    } elseif {$status ne "0"} {
        append output "-- ended with status $status\n"
    }
    report [dict get $this name] $counts $duration $output
    record [dict get $this name] $counts $output
    fill
}

# LeakSanitizer's own tracer can crash while a thread ends. Then it has checked
# nothing, and says so.
proc suite::checkerBroke {output} {
    regexp {LeakSanitizer has encountered a fatal error} $output
}

# Whether this path was not asked for before; its reports are forgotten.
proc suite::once {path} {
    variable repeated
    variable temporary
    if {$path in $repeated} {
        return 0
    }
    lappend repeated $path
    set place [file join $temporary [file tail $path]]
    file delete -force $place {*}[glob -nocomplain $place.report.*]
    return 1
}

# What a file left in its directory. The user's place for sockets may stay,
# with those of members that were killed.
proc suite::leftIn {place} {
    set found [glob -nocomplain -tails -directory $place * .?*]
    return [lsearch -all -inline -not -regexp $found {^(\.\.?|cluster-\d+)$}]
}

proc suite::contents {path} {
    set in [open $path]
    fconfigure $in -encoding utf-8
    catch {fconfigure $in -profile replace}
    try { read $in } finally { close $in }
}

# ---- What came of it ---------------------------------------------------------

# The sums over all counts in the output: tcltest's, or a C test's last line.
proc suite::counted {output} {
    set counts {passed 0 failed 0 skipped 0}
    set seen 0
    set tcltest {Total\t\d+\tPassed\t(\d+)\tSkipped\t(\d+)\tFailed\t(\d+)}
    foreach {- passed skipped failed} [regexp -all -inline $tcltest $output] {
        add counts [list passed $passed failed $failed skipped $skipped]
        set seen 1
    }
    set plain {(\d+) passed, (\d+) failed, (\d+) skipped\s*$}
    if {!$seen && [regexp $plain $output -> passed failed skipped]} {
        add counts [list passed $passed failed $failed skipped $skipped]
        set seen 1
    }
    list $seen $counts
}

proc suite::add {name more} {
    upvar 1 $name counts
    dict for {key value} $more {
        dict incr counts $key $value
    }
}

# A bad end without a failed test, and an empty file, are failures themselves.
proc suite::judge {output status} {
    lassign [counted $output] seen counts
    dict with counts {
        set nothing [expr {$passed + $failed + $skipped == 0}]
        if {!$failed && ($status ne "0" || !$seen || $nothing)} {
            set failed 1
        }
    }
    return $counts
}

proc suite::report {name counts duration output} {
    variable total
    variable verbose
    add total $counts
    dict with counts {
        puts [format "%-24s %4d passed %3d failed %3d skipped %6d ms" \
            $name $passed $failed $skipped $duration]
        if {$verbose || $failed} {
            puts [string trimright $output \n]
        } elseif {$passed == 0} {
            puts "  skipped: [lindex [split [string trim $output] \n] end]"
        }
    }
}

# Each test of a file, for -results: of tcltest's lines or a C test's.
proc suite::record {name counts output} {
    variable results
    if {$results eq {}} {
        return
    }
    set seen {}
    foreach {pattern status} {
        {^\+\+\+\+ (\S+) PASSED$}     passed
        {^==== (\S+) FAILED$}         failed
        {^\+\+\+\+ (\S+) SKIPPED:}    skipped
        {^skipped (\S+)}              skipped
        {^ok (\S+)}                   passed
        {^not ok (\S+)}               failed
    } {
        foreach {- test} [regexp -all -inline -line $pattern $output] {
            if {![dict exists $seen $test]} {
                dict set seen $test $status
            }
        }
    }
    if {[dict get $counts failed] && "failed" ni [dict values $seen]} {
        dict set seen - failed
    }
    dict for {test status} $seen {
        puts $results [join [list $name $test $status] \t]
    }
    flush $results
}

# ---- All of it ---------------------------------------------------------------

proc suite::fill {} {
    variable waiting
    variable running
    variable jobs
    variable done
    while {$running < $jobs && [llength $waiting]} {
        set waiting [lassign $waiting path]
        start $path
    }
    if {!$running} {
        set done 1
    }
}

# Goes with us, however we end. Others may pass, as some tests want.
proc suite::makeTemporary {} {
    variable temporary
    variable keeper
    set temporary [exec mktemp -d /tmp/clu-XXXXXX]
    file attributes $temporary -permissions 0711
    set keeper [open |[list setsid sh -c {read -r _; rm -rf -- "$0"} \
        $temporary] w]
}

proc suite::environment {} {
    variable build
    set ::env(TCLLIBPATH) [list $build]
    set ::env(CLUSTER_BUILD) $build
    set ::env(LC_ALL) C.UTF-8
}

proc suite::main {arguments} {
    variable waiting
    variable total
    options $arguments
    fconfigure stdout -buffering line -encoding utf-8
    makeTemporary
    environment
    set waiting [files]
    fill
    if {!$::suite::done} {
        vwait ::suite::done
    }
    catch {close $::suite::keeper};     # waits for it
    dict with total {
        puts "$passed passed, $failed failed, $skipped skipped"
        exit [expr {$failed || !$passed}]
    }
}

suite::main $argv
