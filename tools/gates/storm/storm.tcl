# storm.tcl -- a scenario: what is done to hosts and to the network, by a seed.
#
#     storm::scenario 5 7 12    5 hosts, seed 7, 12 troubles:
#                               a list of {MS KIND ARGUMENT ...} in order
#
# KIND is one of history.tcl's truth: start, kill, stop, cont and leave of a
# life (host 3's second is 3.2), net of a line for weather.h, and end.

namespace eval storm {
    variable heartbeat 500
    variable ttl 6000;          # one scenario in four: ten times that
    variable long 4;            # one calm in so many is long; 0: none
    variable troubles {mild mild heavy split split splitMild oneway stop
        stopMild kill killMild leave killSplit mute}
}

proc storm::Below {n} {
    variable random
    set random [expr {($random * 6364136223846793005 + 1442695040888963407)
        & 0xffffffffffffffff}]
    return [expr {($random >> 33) % $n}]
}

proc storm::Draw {list} {
    return [lindex $list [Below [llength $list]]]
}

proc storm::Do args {
    variable plan
    variable now
    lappend plan [list $now {*}$args]
}

proc storm::Pass {least most} {
    variable now
    incr now [expr {$least + [Below [expr {$most - $least + 1}]]}]
}

# ---- hosts -------------------------------------------------------------------

proc storm::Start {host} {
    variable life
    dict incr life $host
    Do start $host.[dict get $life $host]
}

proc storm::To {what host} {
    variable life
    Do $what $host.[dict get $life $host]
}

proc storm::Hosts {} {
    variable life
    return [dict keys $life]
}

# Two groups, neither empty.
proc storm::Groups {} {
    set one {}
    set two {}
    foreach host [Hosts] {
        lappend [expr {[Below 2] ? "one" : "two"}] $host
    }
    if {![llength $one] || ![llength $two]} {
        return [Groups]
    }
    return [list [join $one ,] [join $two ,]]
}

# ---- troubles ----------------------------------------------------------------

proc storm::mild {} {
    Do net * * loss [expr {1 + [Below 20]}] twice [Below 10] swap [Below 20] \
        delay [Below 20] jitter [Below 10]
    Pass 3000 9000
}

proc storm::heavy {} {
    Do net * * loss [expr {21 + [Below 30]}] twice [Below 20] swap [Below 30] \
        delay [Below 20] jitter [Below 20]
    Pass 2000 6000
}

proc storm::split {} {
    lassign [Groups] one two
    Do net $one $two cut 1
    Do net $two $one cut 1
    Pass 1000 11000
}

# So long that TCP rests; only where nobody expires meanwhile.
proc storm::longSplit {} {
    split
    Pass 28000 40000
    Do net heal
    Pass 20000 25000
}

# They find each other again while much is lost.
proc storm::splitMild {} {
    split
    Do net * * cut 0 loss 20
    Pass 2000 4000
}

proc storm::oneway {} {
    lassign [Groups] one two
    Do net $one $two cut 1
    Pass 1000 8000
}

proc storm::stop {} {
    set host [Draw [Hosts]]
    To stop $host
    Pass 500 8000
    To cont $host
    Pass 0 1500
}

proc storm::stopMild {} {
    Do net * * loss [expr {1 + [Below 20]}]
    Pass 500 1000
    stop
}

proc storm::kill {} {
    set host [Draw [Hosts]]
    To kill $host
    Pass 0 3000
    Start $host
    Pass 500 2000
}

proc storm::killMild {} {
    Do net * * loss [expr {1 + [Below 20]}] twice [Below 10]
    Pass 500 1000
    kill
}

proc storm::leave {} {
    set host [Draw [Hosts]]
    To leave $host
    Pass 1500 3000
    Start $host
    Pass 500 2000
}

proc storm::killSplit {} {
    split
    kill
}

# One that never had a connection has to do without.
proc storm::mute {} {
    set host [Draw [Hosts]]
    To kill $host
    Do net * $host mute 1
    Do net $host * mute 1
    Pass 0 500
    Start $host
    Pass 7000 9000
}

# ---- the whole ---------------------------------------------------------------

proc storm::scenario {hosts seed count} {
    variable random $seed
    variable plan {}
    variable now 0
    variable life {}
    variable heartbeat
    variable ttl
    variable long
    variable troubles
    set patient [expr {$long && ![Below 4]}]
    set chosen [concat $troubles [expr {$patient ? {longSplit longSplit} : {}}]]
    Do rule heartbeat $heartbeat ttl [expr {$ttl * ($patient ? 10 : 1)}]
    for {set host 1} {$host <= $hosts} {incr host} {
        Start $host
        Pass 0 200
    }
    Pass 3000 4000
    for {set i 0} {$i < $count} {incr i} {
        [Draw $chosen]
        Do net heal
        Pass 3000 4500
        if {$long && ![Below $long]} {
            Pass 10000 14000
        }
    }
    Pass 3000 3000
    Do end
    return $plan
}
