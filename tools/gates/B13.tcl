# descriptors exhausted for 5 s of 64: CPU <= 5 % meanwhile, recovery <= 1 s
# alone
# netns
#
# The application takes all 64 and keeps them; strangers go on connecting, and
# so does a member that is new and will have nothing but TCP.

source [file join [file dirname [info script]] support.tcl]

set port [freePort]
# Members inherit the limit of the shell that starts them.
proc limited {name args} {
    variable ::support::channels
    set channel [open |[list sh -c {ulimit -n 64; exec "$@"} sh \
        [info nameofexecutable] [file join $::support::here member.tcl] \
        {*}$args 2>@stderr] r+]
    fconfigure $channel -translation binary -buffering full
    set channels($name) $channel
    ready $name
}
limited victim -port $port -tags victim
ask victim {$cluster hook query {return alive}}
start good -port $port -tags good
know victim 1
know good 1
waitFor 2000 {[ask good {dict exists [[$cluster resolve victim] props] t}]}
set tcp [dict get [ask good {[$cluster resolve victim] proto_props t}] port]

proc cpu {name} {
    set f [open /proc/[pidOf $name]/schedstat]
    set ns [lindex [read $f] 0]
    close $f
    return [expr {$ns / 1e6}]
}

ask victim {
    set taken {}
    while {![catch {open /dev/null} f]} {lappend taken $f}
}
start late -port $port -tags late
know late 2
waitFor 2000 {[ask late {dict exists [[$cluster resolve victim] props] t}]}
# What it inherited above its limit it has besides.
set open [llength [lmap fd [glob -tails -directory /proc/[pidOf victim]/fd *] {
    if {$fd >= 64} continue
    set fd
}]]
set begin [clock milliseconds]
set used [cpu victim]
background storm half $tcp 40 5
set strangers 0
while {![over storm]} {
    catch {
        close [socket 127.0.0.1 $tcp]
        incr strangers
    }
    waitFor 20 {0}
}
ended storm
set took [expr {[clock milliseconds] - $begin}]
set percent [expr {100.0 * ([cpu victim] - $used) / $took}]

ask late {
    set answers {}
    proc try {} {
        catch {
            $::cluster query -resolve victim -query q -protocols t \
                -timeout 2000 -command {apply {event {
                    lassign $event what query
                    if {$what eq "response"} {
                        lappend ::answers [clock milliseconds]
                    }
                }}}
        }
    }
    try
}
waitFor 200 {[ask late {llength $answers}]}
set early [ask late {llength $answers}]
set begin [clock milliseconds]
ask victim {foreach f $taken {close $f}}
set back [waitFor 2000 {[ask late {try; llength $answers}]}]
set recovered [expr {$back ? [lindex [ask late {set answers}] 0] - $begin : -1}]

law "all 64 were taken: $open" {$open == 64}
law "CPU <= 5 %, not [format %.1f $percent]" {$percent <= 5}
law "no descriptor, no connection" {$early == 0}
law "recovery <= 1 s" {$back && $recovered <= 1000}
law "it answers again" {[answered good victim 5] == 5}
law "nobody was lost" {[services victim] == 2 && [services good] == 2}

figure "$open descriptors for $took ms, [format %.1f $percent] % CPU,\
    $strangers connects meanwhile, recovery $recovered ms"
