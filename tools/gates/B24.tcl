# soak, 20 s (B: 20 min) of 1000 messages a second, a member killed and restarted every 2 s: descriptors flat, RSS slope <= 100 KB/h in the last half (A: RSS + <= 1 MB in it)
# first
# netns
#
# A hub sends to four others by every protocol, asks them, and hears their
# beacons; one more is killed and comes again, and is sent to as well. Of the
# hub and the four the memory and the descriptors are looked at each second.
# Twenty seconds tell nothing of an hour's slope: there a leak for each message
# or each death shows as a step, and no more is claimed.

source [file join [file dirname [info script]] support.tcl]

set seconds [size 20 1200]
set port [freePort]
set place [exec mktemp -d]
set steady {hub p1 p2 p3 p4}
set options [list -port $port -protocols {t u d c} -heartbeat 500]

proc enter {name} {
    start $name {*}$::options -tags [list all $name] \
        -u [list path $::place/$name.sock]
    ask $name {
        $cluster hook query {return $data}
        set heard 0
        $cluster hook event {incr ::heard}
        unset history
        proc note args {}
    }
}

set work {
    set began [clock milliseconds]
    set sent 0
    set asked 0
    set ended 0
    set to {}
    proc told event {
        if {[lindex $event 0] eq "done"} {
            incr ::ended
        }
    }
    proc one {n} {
        global cluster to asked
        set s [lindex $to [expr {$n % [llength $to]}]]
        # It may have been found dead since.
        if {$n % 10 == 0} {
            incr asked [expr {![catch {$cluster query -services $s \
                -query $n -timeout 1500 -command told}]}]
        } else {
            catch {$cluster send -services $s -data [string repeat x [expr {
                $n % 700}]] -protocols [lindex {t u d c} [expr {$n % 4}]]}
        }
    }
    # What has come due since, so that the rate holds on a busy machine too.
    proc work {} {
        after 10 work
        if {$::sent % 100 < 20} {
            set ::to [$::cluster resolve all]
        }
        set due [expr {[clock milliseconds] - $::began}]
        for {set n 0} {$::sent < $due && $n < 50 && [llength $::to]} {incr n} {
            one [incr ::sent]
        }
    }
    work
}

# The slope of the last half, per hour: the median of those between any two of
# its samples (Theil and Sen).  A leak is in most of them; a buffer that once
# grew, when the machine held us up, is in few.
proc slope {samples} {
    set half [lrange $samples [expr {[llength $samples] / 2}] end]
    set slopes {}
    for {set i 0} {$i < [llength $half]} {incr i} {
        lassign [lindex $half $i] t value
        foreach later [lrange $half $i+1 end] {
            lappend slopes [expr {3600.0 * ([lindex $later 1] - $value)
                / ([lindex $later 0] - $t)}]
        }
    }
    return [lindex [lsort -real $slopes] [expr {[llength $slopes] / 2}]]
}

proc most {samples from to} {
    set count [llength $samples]
    set part [lrange $samples [expr {int($from * $count)}] \
        [expr {int($to * $count) - 1}]]
    return [tcl::mathfunc::max {*}[lmap sample $part {lindex $sample 1}]]
}

foreach name $steady {
    enter $name
}
enter victim
know hub 5
ask hub $work
set deaths 0
set began [clock milliseconds]
set next 2.0
while {[set t [expr {([clock milliseconds] - $began) / 1000.0}]] < $seconds} {
    if {$t >= $next} {
        slay victim
        enter victim
        incr deaths
        set next [expr {$next + 2}]
    }
    set line {}
    foreach name $steady {
        lappend memory($name) [list $t [resident [pidOf $name]]]
        lappend open($name) [list $t [descriptors [pidOf $name]]]
        append line "$name [lindex $memory($name) end 1] KB\
            [lindex $open($name) end 1], "
    }
    if {[llength $memory(hub)] % 60 == 1} {
        puts "[format %.0f $t] s: $line"
    }
    waitFor [expr {1000 - ([clock milliseconds] - $began) % 1000}] {0}
}
set sent [ask hub {set sent}]
set heard 0
foreach name {p1 p2 p3 p4} {
    incr heard [ask $name {set heard}]
}
ask hub {after cancel work}
law "queries ended" {[waitFor 3000 {[ask hub {expr {$asked == $ended}}]}]}
stop victim

set rate [expr {$sent / $seconds}]
set worst -1e9
set steps -1e9
set files 0
foreach name $steady {
    set slope [slope $memory($name)]
    set step [expr {[most $memory($name) 0.75 1] - [most $memory($name) 0.5 0.75]}]
    set more [expr {[most $open($name) 0.5 1] - [most $open($name) 0 0.5]}]
    puts "$name: RSS [lindex $memory($name) end 1] KB, slope [format %.0f \
        $slope] KB/h, last quarter + $step KB; [most $open($name) 0.5 1]\
        descriptors at most, $more more than in the first half"
    set worst [expr {max($worst, $slope)}]
    set steps [expr {max($steps, $step)}]
    set files [expr {max($files, $more)}]
}
file delete -force $place
law "1000 messages a second, not $rate" {$rate >= 950}
law "most arrived: $heard of $sent" {$heard > 0.5 * $sent}
law "it died [expr {int($seconds / 2) - 1}] times" {$deaths >= $seconds / 2 - 2}
law "descriptors flat, not + $files" {$files <= 2}
if {$full} {
    law "RSS + <= 512 KB in the last quarter, not $steps KB" {$steps <= 512}
    law "slope <= 100 KB/h, not [format %.0f $worst]" {$worst <= 100}
} else {
    law "RSS + <= 1 MB in the last quarter, not $steps KB" {$steps <= 1024}
}
figure "$seconds s, $sent sent, $heard heard, $deaths deaths, descriptors + $files,\
    RSS [expr {$full ? "slope [format %.0f $worst] KB/h" : "+ $steps KB"}]"
