# counters.tcl -- stats and top: numbers, once or as a picture that moves.

namespace eval ::cluster::shell::counters {
    variable Columns {
        name text host text pid number in/s number out/s number known number
        age number seen number state text tags list
    }
    variable Sort name
    variable Turned 0
    variable Asked {};          # by service: its counters, and when they came
    variable Key 0
}

# ---- stats -------------------------------------------------------------------

# cluster stats ?ID?
proc ::cluster::shell::counters::Stats {options words} {
    set cluster [::cluster::shell::members::Gather stats $options]
    if {[llength $words]} {
        set stats [::cluster::shell::members::AskOne $cluster $options \
            [::cluster::shell::members::TheOne $cluster $options \
            [lindex $words 0]] stats]
    } else {
        set stats [$cluster stats]
    }
    set columns {}
    foreach key [dict keys $stats] {
        dict set columns $key [expr {
            $key eq "protocols" ? {dict {dict number}} : "number"}]
    }
    ::cluster::shell::output::Record [dict get $options -format] $columns $stats
}

# ---- top ---------------------------------------------------------------------

# cluster top ?pattern?
proc ::cluster::shell::counters::Top {options words} {
    variable Columns
    variable Sort
    set live [expr {[dict get $options -format] eq "table"
        && [::cluster::shell::terminal::Is stdout]}]
    set options [dict merge [dict create -sort name -interval 1000 \
        -count [expr {$live ? 0 : 1}]] $options]
    set Sort [dict get $options -sort]
    if {![dict exists $Columns $Sort]} {
        ::cluster::shell::Usage "-sort must be one of\
            [join [dict keys $Columns] {, }], not \"$Sort\""
    }
    set cluster [::cluster::shell::members::Gather top $options]
    if {$live} {
        ::cluster::shell::terminal::Enter ::cluster::shell::counters::Pressed
    }
    Pictures $cluster $options [lindex $words 0] $live
}

# One picture after the other, until so many were shown.
proc ::cluster::shell::counters::Pictures {cluster options pattern live} {
    set interval [expr {max(500, [dict get $options -interval])}]
    set count [dict get $options -count]
    for {set shown 1} {1} {incr shown} {
        set services [::cluster::shell::members::Matching $cluster $options \
            $pattern]
        AskAll $cluster $services $interval
        Show $cluster $options [Sorted [lmap service $services {
            Describe $service
        }]] $live
        if {$shown == $count} {
            return
        }
        Rest $interval
    }
}

# A key shows the picture anew, but no more than twice a second.
proc ::cluster::shell::counters::Rest interval {
    variable Key 0
    ::cluster::shell::life::Pause 500
    ::cluster::shell::life::Until [expr {$interval - 500}] {
        $::cluster::shell::counters::Key}
}

proc ::cluster::shell::counters::Show {cluster options records live} {
    variable Columns
    variable Sort
    if {!$live} {
        ::cluster::shell::output::Records [dict get $options -format] \
            $Columns $records
        flush stdout
        return
    }
    set head "cluster [$cluster config address]:[$cluster config port]\
        [llength $records] members, by $Sort   q quits, < > sort, r turns round"
    lassign [::cluster::shell::terminal::Size] width
    ::cluster::shell::terminal::Redraw [list \
        [string range $head 0 $width-1] {} \
        {*}[::cluster::shell::output::Lines $Columns $records \
        ::cluster::shell::output::StateColour]]
}

proc ::cluster::shell::counters::Pressed key {
    variable Columns
    variable Sort
    variable Turned
    variable Key
    set names [dict keys $Columns]
    set at [lsearch -exact $names $Sort]
    switch -- $key {
        q - Q - \x03 - \x04 { ::cluster::shell::life::Leave 0 }
        <  { set Sort [lindex $names [expr {($at - 1) % [llength $names]}]] }
        >  { set Sort [lindex $names [expr {($at + 1) % [llength $names]}]] }
        r - R { set Turned [expr {!$Turned}] }
    }
    set Key 1
}

proc ::cluster::shell::counters::Sorted records {
    variable Columns
    variable Sort
    variable Turned
    set keyed [lmap record $records {
        list [dict get $record $Sort] $record
    }]
    set order [expr {$Turned ? "-decreasing" : "-increasing"}]
    return [lmap pair [lsort -dictionary $order -index 0 $keyed] {
        lindex $pair 1
    }]
}

# ---- what members say of themselves ------------------------------------------

# Those that let themselves be asked; who is slow shows its last numbers.
proc ::cluster::shell::counters::AskAll {cluster services interval} {
    variable Open
    set asked [lmap service $services {
        if {![::cluster::shell::members::Introspects $service]} continue
        set service
    }]
    if {![llength $asked]} {
        return
    }
    set Open 1
    $cluster query -services $asked -timeout [expr {$interval * 4 / 5}] \
        -query [::cluster::shell::members::Question stats] \
        -command ::cluster::shell::counters::Answered
    ::cluster::shell::life::Until $interval {!$Open}
}

proc ::cluster::shell::counters::Answered event {
    variable Asked
    variable Open
    lassign $event what query
    if {$what eq "done"} {
        set Open 0
    } elseif {$what eq "response"
        && ![catch {Sums [$query result]} sums]} {
        set service [$query service]
        set before [::cluster::shell::output::Of $Asked $service]
        dict set Asked $service [list {*}$sums [clock milliseconds] \
            {*}[lrange $before 0 3]]
    }
}

# Packets in and out by all protocols, and services known.
proc ::cluster::shell::counters::Sums stats {
    set in 0
    set out 0
    dict for {protocol counts} [dict get $stats protocols] {
        incr in [dict get $counts packets_in]
        incr out [dict get $counts packets_out]
    }
    return [list $in $out [expr {[dict get $stats services] + 0}]]
}

proc ::cluster::shell::counters::Describe service {
    variable Asked
    set record [::cluster::shell::members::Describe $service]
    lassign [::cluster::shell::output::Of $Asked $service] \
        in out known at in0 out0 known0 at0
    foreach {key now before} [list in/s $in $in0 out/s $out $out0] {
        dict set record $key [expr {$before eq {} || $at == $at0 ? {}
            : [format %.1f [expr {($now - $before) * 1000.0 / ($at - $at0)}]]}]
    }
    dict set record known $known
    return $record
}
