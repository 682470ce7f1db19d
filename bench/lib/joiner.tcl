# joiner.tcl -- joins when it is told to, and says when it knew so many others.

fconfigure stdin -translation binary -blocking 1
fconfigure stdout -translation binary -buffering line
package require cluster
lassign $argv others

proc join args {
    set ::cluster [cluster join {*}$args]
    set joined [clock microseconds]
    set late [after 8000 {set ::tick late}]
    while {[$::cluster known_services] < $::others} {
        after 1 {set ::tick 1}
        vwait ::tick
        if {$::tick eq "late"} {
            error "only [$::cluster known_services] are known"
        }
    }
    after cancel $late
    return [list $joined [clock microseconds]]
}

proc links {} {
    set stats [$::cluster stats]
    return [dict get $stats links_opened]
}

puts ready
fileevent stdin readable {
    if {[gets stdin line] < 0} {
        exit
    }
    if {[catch $line result]} {
        set result "error $result"
    }
    puts $result
}
vwait forever
