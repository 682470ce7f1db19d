# witness.tcl -- a member that acts at random and writes down what happens.
#
#     tclsh witness.tcl WHO FILE SEED JOIN-OPTION ...
#
# It appends to FILE the events of history.tcl; services are named by their
# sids, its own stands in its second line.  It leaves when stdin ends.

package require cluster
lassign $argv who file seed
expr {srand($seed)}

# ---- the history -------------------------------------------------------------

set out [open $file a]
fconfigure $out -buffering line
set uptime [open /proc/uptime]
fconfigure $uptime -buffering none

# Ms of a clock that nobody can set, the same for all.
proc now {} {
    seek $::uptime 0
    return [expr {round(1000 * [lindex [gets $::uptime] 0])}]
}

proc note args {
    puts $::out "[now] $::who $args"
}

# How long we waited for a processor: what is late by that is not our fault.
proc noteWaited {} {
    set f [open /proc/self/schedstat]
    note waited [expr {[lindex [read $f] 1] / 1000000}]
    close $f
}

proc names {services} {
    return [lmap service $services {$service sid}]
}

# ---- what others do ----------------------------------------------------------

# "ID xxx..." whole, or "broken".
proc idOf {text} {
    lassign $text id size padding
    return [expr {[string length $padding] == $size ? $id : "broken"}]
}

proc textOf {id size} {
    return [list $id $size [string repeat x $size]]
}

note born
set cluster [cluster join -remote 1 {*}[lrange $argv 3 end]]
$cluster hook service discovered {note found [$service sid]}
$cluster hook service lost {note lost [$service sid]}
$cluster hook event {note received [idOf $data] $proto [$service sid]}
$cluster hook query {
    note heard [idOf $data] [$service sid]
    note answered [idOf $data]
    return $data
}

proc got {id query event} {
    lassign $event what
    if {$what eq "done"} {
        noteWaited
    }
    switch $what {
        start {}
        timeout - done { note got $id $what }
        response {
            note got $id $what [[$query service] sid] [idOf [$query data]]
        }
        default { note got $id $what [[$query service] sid] }
    }
}

proc look {} {
    after 20 look
    set view [lsort [names [$::cluster services]]]
    if {$view ne $::view} {
        set ::view $view
        note view {*}$view
    }
}

# ---- what we do --------------------------------------------------------------

proc below {n} {
    return [expr {int(rand() * $n)}]
}

proc nextId {} {
    return $::who.[incr ::count]
}

proc send {by to size} {
    set id [nextId]
    note sent $id $by {*}[names $to]
    set protocols [expr {$by eq "any" ? {} : [list -protocols $by]}]
    $::cluster send -services $to {*}$protocols -data [textOf $id $size]
}

proc question {to args} {
    set id [nextId]
    set timeout [lindex {200 600 1000 2500 6000} [below 5]]
    noteWaited
    note asked $id $timeout {*}[names $to]
    $::cluster query -services $to -timeout $timeout {*}$args \
        -query [textOf $id [below 100]] -command [list hear $id]
}

proc hear {id event} {
    got $id [lindex $event 1] $event
}

proc act {} {
    after [expr {50 + [below 300]}] act
    set all [$::cluster services]
    if {![llength $all]} {
        return
    }
    set one [list [lindex $all [below [llength $all]]]]
    switch [below 12] {
        0 - 1 - 2 { send t $one [below 200] }
        3 { send t $one [expr {1000 + [below 20000]}] }
        4 { send d $one [below 200] }
        5 { send c $one [below 200] }
        6 { send c $all [below 200] }
        7 { send any $one [below 200] }
        8 - 9 { question $one }
        10 { question $all }
        default { question $all -protocols c }
    }
}

proc leave {} {
    foreach timer [after info] {
        after cancel $timer
    }
    $::cluster destroy
    after 100 exit
}

set count 0
set view {}
note joined [$cluster sid]
fconfigure stdin -blocking 0
fileevent stdin readable {if {[gets stdin line] < 0 && [eof stdin]} {
    fileevent stdin readable {}
    leave
}}
puts joined
flush stdout
look
after 500 act
vwait forever
