# demo.tcl -- three members in three processes find each other, talk, and miss
#             one that is killed.  Exit status 0 when all of it happened.

set here [file dirname [file normalize [info script]]]
set started [clock milliseconds]

# What has to be seen, in any order within a step: member and a glob of a line.
set steps {
    {"they discover one another" {
        {one *Discovered*service_two*} {one *Discovered*service_three*}
        {two *Discovered*service_one*} {two *Discovered*service_three*}
        {three *Discovered*service_one*} {three *Discovered*service_two*}
        {three {Hello, World!}}}}
    {"two is killed; the others notice" {
        {one *Lost*service_two*} {three *Lost*service_two*}}}
}

proc say {who line} {
    set seconds [expr {([clock milliseconds] - $::started) / 1000.0}]
    puts [format "%6.2f s  %-6s %s" $seconds $who $line]
}

proc start {who file} {
    set channel [open |[list [info nameofexecutable] \
        [file join $::here $file] 2>@1] r]
    fconfigure $channel -blocking 0 -buffering line
    fileevent $channel readable [list heard $who $channel]
    set ::channels($who) $channel
    say demo "started service_$who, process [pid $channel]"
}

proc heard {who channel} {
    while {[gets $channel line] >= 0} {
        say $who $line
        set ::missing [lmap want $::missing {
            lassign $want whose pattern
            if {$whose eq $who && [string match $pattern $line]} continue
            set want
        }]
        if {![llength $::missing]} {
            set ::step done
        }
    }
    if {[eof $channel]} {
        fileevent $channel readable {}
        if {$who ni $::killed} {
            set ::step "service_$who ended by itself"
        }
    }
}

proc stop {who signal} {
    lappend ::killed $who
    catch {exec kill -$signal [pid $::channels($who)]}
}

proc expect {name wanted} {
    set ::missing $wanted
    set timer [after 9000 {set ::step "these did not come: $::missing"}]
    vwait ::step
    after cancel $timer
    say demo [expr {$::step eq "done" ? "== $name: yes" : "== $name: NO"}]
    if {$::step ne "done"} {
        puts stderr $::step
        stopAll
        exit 1
    }
}

proc stopAll {} {
    foreach who [array names ::channels] {
        stop $who TERM
    }
}

set killed {}
set missing [lindex $steps 0 1]
start one 1-service-one.tcl
start two 2-service-two.tcl
start three 3-service-three.tcl
expect {*}[lindex $steps 0]
say demo "kill -9 of service_two"
set missing [lindex $steps 1 1]
stop two KILL
expect {*}[lindex $steps 1]
stopAll
