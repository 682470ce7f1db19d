# watch.tcl -- watch and monitor: what happens, line by line, as it happens.

namespace eval ::cluster::shell::watch {
    variable Columns {
        time text event text name text uuid text tags list address text
    }
    variable Left {};           # so many lines are still to come; {} no end
    variable Met {};            # by service: it was shown
}

# Hands the line on; the last one of -count ends it.
proc ::cluster::shell::watch::Line {options columns record words} {
    variable Left
    ::cluster::shell::output::Stream [dict get $options -format] $columns \
        $record $words
    if {$Left ne {} && [incr Left -1] <= 0} {
        ::cluster::shell::life::Leave 0
    }
}

# Until -count lines came, or the -timeout, or somebody ends it.
proc ::cluster::shell::watch::Stay options {
    variable Left
    if {[dict exists $options -count]} {
        set Left [dict get $options -count]
    }
    set ms [dict get $options -timeout]
    if {$ms > 0} {
        after $ms [list ::cluster::shell::life::Leave \
            [expr {$Left eq {} ? 0 : 3}]]
    }
    ::cluster::shell::life::Stay
}

proc ::cluster::shell::watch::Now {} {
    set ms [clock milliseconds]
    return [clock format [expr {$ms / 1000}] -format %H:%M:%S].[
        format %03d [expr {$ms % 1000}]]
}

# ---- watch -------------------------------------------------------------------

# cluster watch ?pattern?
proc ::cluster::shell::watch::Watch {options words} {
    set cluster [::cluster::shell::members::Join watch $options]
    foreach {path event} {
        {service discovered} discovered  {service lost} lost
        {tags changed} {tags changed}
    } {
        $cluster hook {*}$path [list ::cluster::shell::watch::Event \
            $options [lindex $words 0] $event]\ \$service
    }
    Stay $options
}

# Tags count as changed, and a member as lost, if it was shown before.
proc ::cluster::shell::watch::Event {options pattern event service} {
    variable Columns
    variable Met
    if {($event ne "discovered" && ![dict exists $Met $service])
        || ![::cluster::shell::members::Meets $service $options $pattern]} {
        return
    }
    if {$event eq "lost"} {
        dict unset Met $service
    } else {
        dict set Met $service 1
    }
    set record [dict create time [Now] event $event name [$service name] \
        uuid [$service uuid] tags [$service tags] address [$service ip]]
    set words [lmap key {time event name uuid tags address} {
        set word [dict get $record $key]
        if {$word eq {}} continue
        set word
    }]
    Line $options $Columns $record [join $words {  }]
}

# ---- monitor -----------------------------------------------------------------

# cluster monitor: every packet of the group, also what is for others.
proc ::cluster::shell::watch::Monitor {options words} {
    ::cluster::shell::Load decode
    set cluster [::cluster::shell::members::Join monitor \
        [dict merge {-protocols c} $options]]
    $cluster hook protocol c receive [list ::cluster::shell::watch::Packet \
        $options [$cluster sid]]\ \$packet\ \$descriptor
    Stay $options
}

proc ::cluster::shell::watch::Packet {options own packet descriptor} {
    foreach one [lindex [::cluster::core::packets $packet] 0] {
        if {[::cluster::shell::output::Of [dict get $one fields] sid] eq $own} {
            continue
        }
        set from [From $descriptor]
        set record [dict merge [dict create time [Now] from $from] \
            [::cluster::shell::decode::Record $one]]
        set words "[dict get $record time]  $from \
            [::cluster::shell::decode::Words $record]"
        if {[dict exists $options -hex]} {
            dict set record hex [binary encode hex $packet]
            append words \n [::cluster::shell::decode::Dump $packet]
        }
        Line $options [Packets $options] $record $words
    }
}

proc ::cluster::shell::watch::From descriptor {
    return [dict get $descriptor address]:[dict get $descriptor port]
}

proc ::cluster::shell::watch::Packets options {
    return [dict merge {time text from text} \
        [::cluster::shell::decode::Columns] \
        [expr {[dict exists $options -hex] ? {hex text} : {}}]]
}
