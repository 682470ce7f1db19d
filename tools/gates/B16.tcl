# threads: 8 threads x 4 interpreters, 6 s (B: 60 s) under TSan and under ASan: 0 reports, 0 leaks
# build asan tsan
# netns
#
# threads.c in one process: 32 members that join, ask one another, leave, come
# again, and are deleted with their interpreters.  The Tcl, the package and the
# program are all built with the sanitizer.

source [file join [file dirname [info script]] support.tcl]

set top [file dirname [file dirname $gate::here]]
set seconds [size 6 60]
set port [freePort]

# The program, linked with the sanitizer's Tcl; its place.
proc sanitized {kind flags} {
    set prefix [exec $::top/tools/purify-tcl --$kind 2>@stderr]
    set program $::top/build-$kind/threads
    exec gcc -std=gnu11 -D_GNU_SOURCE -O1 -g {*}$flags -Wall -Wextra \
        -I$prefix/include -o $program $gate::here/threads.c -L$prefix/lib \
        -ltcl8.6 -Wl,-rpath,$prefix/lib -lpthread 2>@stderr
    return $program
}

proc reports {pattern} {
    set n 0
    foreach path [glob -nocomplain $pattern] {
        set f [open $path]
        set text [read $f]
        close $f
        puts $text
        incr n [regexp -all -line \
            {^.*(WARNING: ThreadSanitizer|ERROR: \w+Sanitizer|runtime error:)} \
            $text]
    }
    return $n
}

proc tried {kind flags options} {
    exec $::top/tools/setup --$kind >@stdout 2>@stdout
    set program [sanitized $kind $flags]
    set place [exec mktemp -d]
    set names {TSAN_OPTIONS ASAN_OPTIONS UBSAN_OPTIONS}
    set settings [lmap name $names {
        string cat $name=log_path=$place/report: $options
    }]
    set status [catch {exec env {*}$settings PORT=$::port \
        CLUSTER_SEED=$::seed TCLLIBPATH=$::top/build-$kind \
        timeout -s KILL [expr {$::seconds * 3 + 120}] \
        $program 8 4 $::seconds $gate::here/threads.tcl 2>@stdout} output]
    set found [reports $place/report*]
    file delete -force $place
    lassign [lindex [split $output \n] 0] joined asked answered told broken
    puts "$kind: $output, status $status"
    law "$kind: it ended in order" [list $status == 0]
    law "$kind: 0 reports" [list $found == 0]
    law "$kind: no script failed" "{$broken} eq {0}"
    law "$kind: they joined and talked" [list $joined > 32 && $answered > 50 \
        && $told > 50]
    return [list $found $joined $answered $told]
}

lassign [tried tsan -fsanitize=thread \
    suppressions=$top/tools/tsan-known] races joined answered told
lassign [tried asan {-fsanitize=address,undefined -fno-omit-frame-pointer} \
    detect_leaks=1] faults
figure "$races races, $faults faults and leaks; under TSan $joined joined,\
    $answered answers, $told events"
