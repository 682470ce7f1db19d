# member.tcl -- a member that is measured: joins with its arguments, then
#               evaluates each line of stdin and answers with one line.

fconfigure stdin -translation binary -blocking 1 -buffering full
fconfigure stdout -translation binary -buffering full
package require cluster

set cluster [cluster join {*}$argv]

proc serve {} {
    if {[gets stdin line] < 0} {
        exit
    }
    if {[catch {uplevel #0 $line} result options]} {
        set result "error [dict get $options -errorinfo]"
    }
    puts [string map {\n { }} $result]
    flush stdout
}

# The service with this tag; empty while it is not known.
proc known tag {
    return [lindex [$::cluster resolve $tag] 0]
}

# What `run` answers: all of it, the median and the p99 of one.
proc outcome {began times} {
    set all [expr {[clock microseconds] - $began}]
    set sorted [lsort -integer $times]
    set n [llength $sorted]
    return [list $all [lindex $sorted [expr {$n / 2}]] \
        [lindex $sorted [expr {$n * 99 / 100}]]]
}

# ---- one question after the other --------------------------------------------

set asked [list -query ping]

proc run count {
    set ::left $count
    set ::times {}
    set before [answers]
    set began [clock microseconds]
    pose
    vwait ::finished
    set outcome [outcome $began $::times]
    check $before $count
    return $outcome
}

# All that were asked have answered: "done" alone would not say so.
proc check {before count} {
    set came [expr {[answers] - $before}]
    if {$came != $count * [llength $::peers]} {
        error "$came answers to $count questions to [llength $::peers]"
    }
}

proc answers {} {
    return [dict get [$::cluster stats] queries_answered]
}

proc pose {} {
    set ::since [clock microseconds]
    $::cluster query {*}$::asked -services $::peers -command told
}

proc told event {
    if {[lindex $event 0] eq "done"} {
        lappend ::times [expr {[clock microseconds] - $::since}]
        if {[incr ::left -1] > 0} {
            pose
        } else {
            set ::finished 1
        }
    }
}

# ---- so many open at once ----------------------------------------------------

proc flood count {
    set ::left $count
    set ::toAsk $count
    set before [answers]
    set began [clock microseconds]
    for {set i 0} {$i < 64} {incr i} {
        another
    }
    vwait ::finished
    set all [expr {[clock microseconds] - $began}]
    check $before $count
    return [list $all [expr {double($all) / $count}] 0]
}

proc another {} {
    if {[incr ::toAsk -1] >= 0} {
        $::cluster query {*}$::asked -services $::peers -command ended
    }
}

proc ended event {
    if {[lindex $event 0] eq "done"} {
        if {[incr ::left -1] == 0} {
            set ::finished 1
        } else {
            another
        }
    }
}

fileevent stdin readable serve
vwait forever
