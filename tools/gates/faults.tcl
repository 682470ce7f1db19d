# faults.tcl -- lives lives.tcl while memory fails at one place or from it on.
#
#     faults.tcl all|DRAWS SEED LIFE ...      each place, or so many drawn ones
#     faults.tcl at LIFE N ALL                one place: repeats a missed line
#     faults.tcl names                        the lives
#
# Wants CLUSTER_BUILD, where `make faults.so` was run, and loopback only.
#
# After each: both clusters answer, or are gone; nothing is left, neither
# memory nor descriptors. What a script asked for fails with NOMEM or not at
# all. One line a life: its name, allocations, places tried, errors told to the
# script; and one for each miss.

source [file join [file dirname [info script]] .. .. tests support.tcl]

set library [file join $env(CLUSTER_BUILD) faults.so]
set bpacketOnly [file join $env(CLUSTER_BUILD) . faults.so]
set entry [file join $env(CLUSTER_BUILD) library cluster.tcl]
load $library Faults
source $entry
package forget bpacket
package provide bpacket 2.0.0
source [file join $::support::here protocols.tcl]
set place [expr {[info exists env(TMPDIR)] ? $env(TMPDIR) : "/tmp"}]
set lives {}
source [file join [file dirname [info script]] lives.tcl]

# ---- what lives are made of --------------------------------------------------

proc told event {
    if {[lindex $event 0] eq "done"} {
        incr ::done
    }
    return {}
}

proc soon {condition {ms 60}} {
    uplevel 1 [list waitFor $ms $condition]
    return
}

# A step that may fail as the whole may, which goes on.
proc may script {
    try {
        uplevel 1 $script
    } on error {message options} {
        judge $message $options
    }
}

proc judge {message options} {
    set code [dict get $options -errorcode]
    if {"NOMEM" in $code
            && [lindex $code 0] in {CLUSTER BINARY_PACKET}} {
        incr ::refused
    } else {
        lappend ::wrong "said {$code} $message"
    }
}

# ---- one place ---------------------------------------------------------------

proc meet {} {
    set ::port [freePort]
    set ::a [cluster join -port $::port -tags a -protocols {t u d c} \
        -heartbeat 200]
    set ::b [cluster join -port $::port -tags b -protocols {t u d c} \
        -heartbeat 200]
    foreach c [list $::a $::b] {
        $c hook query {return alive}
        $c hook event {incr ::heard}
    }
    if {![waitFor 3000 {[llength [$::a resolve b]] == 1
            && [llength [$::b resolve a]] == 1}]} {
        error "they do not know one another"
    }
    set ::ab [$::a resolve b]
    set ::ba [$::b resolve a]
}

proc alive {from to} {
    set ::answers 0
    if {[catch {$from query -resolve $to -query q -timeout 500 -command {apply {
        event {incr ::answers [expr {[lindex $event 0] eq "response"}]}
    }}}]} {
        return 0
    }
    return [waitFor 500 {$::answers > 0}]
}

# With memory again: those that are there answer one another, soon.
proc usable {} {
    set there [lmap c [list $::a $::b] {
        if {$c ni [cluster clusters]} continue
        $c hook query {return alive}
        foreach path {{channel 0 receive} {evaluate receive} {evaluate send}
                {protocol t receive} {protocol t send} broadcast} {
            $c hook {*}$path {}
        }
        set c
    }]
    if {[llength $there] < 2} {
        return 1
    }
    foreach c $there tag {a b} {
        $c tags $tag
    }
    return [waitFor 4000 {[alive $::a b] && [alive $::b a]}]
}

# {allocations in it}; what was wrong is in ::wrong.
proc attempt {name n all} {
    lassign [dict get $::lives $name] kind script
    set ::done [set ::heard [set ::refused 0]]
    set ::wrong {}
    set ::errors {}
    set open [lsort [::support::opened]]
    set live [faults live]
    set ::port [freePort]
    if {$kind eq "pair"} {
        meet
    }
    faults at $n $all
    uplevel #0 [list may $script]
    set calls [faults calls]
    faults at 0
    if {$kind eq "pair" && ![usable]} {
        lappend ::wrong "not usable afterwards"
    }
    destroyAll
    foreach command {p s} {
        catch {::$command destroy}
    }
    if {![waitFor 1000 {[faults live] == $live
            && [lsort [::support::opened]] eq $open}]} {
        lappend ::wrong "left: [expr {[faults live] - $live}] blocks,\
            [::support::beyond [::support::opened] $open]"
    }
    foreach error $::errors {
        judge {*}$error
    }
    return $calls
}

interp bgerror {} {apply {{message options} {
    lappend ::errors [list $message $options]
}}}

# ---- all of them, or some ----------------------------------------------------

proc report {name n all} {
    incr ::missed [llength $::wrong]
    foreach what $::wrong {
        puts "MISSED: faults.tcl at $name $n $all: $what"
    }
}

# Until it runs clean: the places grow and shrink with what time does.
proc each {name} {
    set tried 0
    set refused 0
    foreach all {0 1} {
        for {set n 1} {[attempt $name $n $all] >= $n} {incr n} {
            incr tried
            incr refused $::refused
            report $name $n $all
        }
    }
    return [list $tried $refused]
}

proc drawn {name count calls} {
    set refused 0
    for {set i 0} {$i < $count} {incr i} {
        set n [expr {1 + int(rand() * $calls)}]
        attempt $name $n [expr {$i % 2}]
        incr refused $::refused
        report $name $n [expr {$i % 2}]
    }
    return [list $count $refused]
}

proc live {name draws} {
    set calls [attempt $name 0 0]
    report $name 0 0
    set counts [expr {$draws eq "all" ? [each $name]
        : [drawn $name $draws $calls]}]
    puts "life $name $calls $counts"
    flush stdout
}

set missed 0
set arguments [lassign $argv how]
if {$how eq "names"} {
    puts [dict keys $lives]
} elseif {$how eq "at"} {
    puts "[attempt {*}$arguments] allocations"
    report {*}$arguments
} else {
    set arguments [lassign $arguments seed]
    expr {srand($seed)}
    foreach name $arguments {
        live $name $how
    }
}
# To call exit would leave Tcl's own values unfreed.
if {$missed} {
    error "$missed went wrong"
}
