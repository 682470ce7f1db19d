# slow peer, one of ten stopped under load: queue <= 1 MiB, cut at 10 s, p99 of the others <= 2 x
# alone
# netns
#
# A hub asks nine peers and pours messages into a tenth, which is stopped. A
# second hub, without the tenth, asks the same nine at the same time: so what
# else the machine does is in both figures, and only the stopped one in one.
# B does it by TCP and by Unix sockets.

source [file join [file dirname [info script]] support.tcl]

set place [exec mktemp -d]
set load {
    set others [$cluster resolve peer]
    set slow [$cluster resolve $tag]
    set big [string repeat x 65000]
    set took {}
    set refused 0
    set most 0
    set full 0
    set cut 0
    set nth 0
    proc now {} {
        return [expr {[clock microseconds] / 1000.0}]
    }
    proc heard {began event} {
        if {[lindex $event 0] eq "response"} {
            lappend ::took [expr {[now] - $began}]
        }
    }
    proc pour {} {
        global cluster slow big refused full most cut
        if {[catch {$cluster send -services $slow -data $big}]} {
            incr refused
            if {!$full} {
                set full [now]
            }
        }
        set stats [$cluster stats]
        set most [expr {max($most, [dict get $stats queued])}]
        if {!$cut && [dict get $stats links_stalled]} {
            set cut [now]
        }
    }
    proc turn {} {
        global cluster others nth
        after 10 turn
        $cluster query -services [lindex $others [expr {[incr nth] % 9}]] \
            -query q -timeout 5000 -command [list heard [now]]
        if {[llength $::slow] && !$::cut} {
            pour
        }
    }
    turn
}

proc p99 {name} {
    set all [lsort -real [ask $name {set took}]]
    set at [expr {int(0.99 * [llength $all])}]
    return [expr {$at < 100 ? 1e9 : [format %.2f [lindex $all $at]]}]
}

proc trial {family} {
    set ::port [freePort]
    set how [list -port $::port -protocols [list $family c]]
    if {$family eq "u"} {
        lappend how -u [list path $::place/x.sock]
    }
    for {set i 0} {$i < 9} {incr i} {
        answering p$i {*}$how -tags peer
    }
    answering slow {*}$how -tags slow
    foreach name {hub control} {
        start $name {*}$how -tags $name
        know $name 10
    }
    waitFor 2000 {[services hub] == 11 && [services control] == 11}
    foreach {name tag} {control nobody hub slow} {
        ask $name "set tag $tag; $::load"
    }
    waitFor 2000 {0}
    set before [p99 hub]
    foreach name {control hub} {
        ask $name {set took {}}
    }
    set memory [resident [pidOf hub]]
    freeze slow
    set full [waitFor 10000 {[ask hub {set refused}] > 0}]
    waitFor 13000 {[ask hub {set cut}] > 0}
    set grown [expr {[resident [pidOf hub]] - $memory}]
    set most [ask hub {set most}]
    set after [format %.2f \
        [expr {([ask hub {set cut}] - [ask hub {set full}]) / 1000}]]
    lassign [list [p99 hub] [p99 control]] now beside
    set ratio [expr {$now / max($beside, $before)}]
    puts "$family: [ask hub {llength $took}] asked, p99 $now ms of the hub,\
        $beside ms beside it, $before ms before; $most bytes queued,\
        [ask hub {set refused}] refused, cut after $after s, + $grown KB"
    law "$family: its queue was full" {$full && $most > 900000}
    law "$family: queue <= 1 MiB" {$most <= 1048576}
    law "$family: cut at 10 s, not $after" {$after > 9 && $after < 11}
    law "$family: p99 of the others <= 2 x" {$ratio <= 2}
    law "$family: RSS + <= 4 MB, not $grown KB" {$grown <= 4096}
    law "$family: all the others are there" {[ask hub {
        llength [$cluster resolve peer]}] == 9}
    thaw slow
    law "$family: it comes back" {[waitFor 5000 {[answered hub slow 1]}]}
    stopAll
    return [list $most $after $ratio]
}

set mostQueued 0
set worst 0.0
foreach family [size t {t u}] {
    lassign [trial $family] most after ratio
    set mostQueued [expr {max($mostQueued, $most)}]
    set worst [expr {max($worst, $ratio)}]
}
file delete -force $place
figure "[format %.2f [expr {$mostQueued / 1048576.0}]] MiB queued, cut after\
    [format %.1f $after] s, p99 of the others [format %.2f $worst] x"
