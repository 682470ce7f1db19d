# look.tcl -- ls, info, tags, doctor: what there is, asked once.

namespace eval ::cluster::shell::look {
    variable Columns {
        name text uuid text host text pid number tags list protocols list
        address text age number seen number state text
    }
}

# cluster ls ?pattern?
proc ::cluster::shell::look::Ls {options words} {
    variable Columns
    set cluster [::cluster::shell::members::Gather ls $options]
    set records [lmap service [::cluster::shell::members::Matching $cluster \
            $options [lindex $words 0]] {
        ::cluster::shell::members::Describe $service
    }]
    if {![llength $records]} {
        ::cluster::shell::members::Nobody $cluster $words
    }
    ::cluster::shell::output::Records [dict get $options -format] $Columns \
        [lsort -dictionary -index 1 $records] \
        ::cluster::shell::output::StateColour
}

# cluster info ID
proc ::cluster::shell::look::Info {options words} {
    variable Columns
    set cluster [::cluster::shell::members::Gather info $options]
    set service [::cluster::shell::members::TheOne $cluster $options \
        [lindex $words 0]]
    set record [dict merge [::cluster::shell::members::Describe $service] \
        [dict create sid [$service sid] hid [$service hid] \
        local [$service local] props [$service props] told {}]]
    if {[::cluster::shell::members::Introspects $service]} {
        dict set record told [::cluster::shell::members::AskOne $cluster \
            $options $service info]
    }
    ::cluster::shell::output::Record [dict get $options -format] [dict merge \
        $Columns {sid text hid text local flag props {dict text}
        told {dict text}}] $record
}

# cluster tags
proc ::cluster::shell::look::Tags {options words} {
    set cluster [::cluster::shell::members::Gather tags $options]
    set services [::cluster::shell::members::Matching $cluster $options]
    if {![llength $services]} {
        ::cluster::shell::members::Nobody $cluster {}
    }
    set counts {}
    foreach service $services {
        foreach tag [dict get [::cluster::shell::members::Told \
                [$service tags]] rest] {
            dict incr counts $tag
        }
    }
    set records {}
    foreach {tag count} [lsort -stride 2 -integer -decreasing -index 1 \
            [lsort -stride 2 -dictionary $counts]] {
        lappend records [dict create tag $tag members $count]
    }
    ::cluster::shell::output::Records [dict get $options -format] \
        {tag text members number} $records
}

# cluster doctor: each thing looked at, and what to do about it.
proc ::cluster::shell::look::Doctor {options words} {
    ::cluster::shell::Load doctor
    set found [::cluster::shell::doctor::run $options]
    set format [dict get $options -format]
    ::cluster::shell::output::Records $format \
        {check text state text words prose} \
        [expr {$format eq "table" ? [Apart $found] : $found}] \
        ::cluster::shell::look::DoctorColour
    if {"fail" in [lmap one $found {dict get $one state}]} {
        throw {CLUSTER_SHELL FAILED} {something is wrong}
    }
}

# What is to be done stands in a line of its own, to be found and copied.
proc ::cluster::shell::look::Apart found {
    set records {}
    foreach record $found {
        set words [dict get $record words]
        set at [string last ": " $words]
        if {[dict get $record state] eq "ok" || $at < 0} {
            lappend records $record
            continue
        }
        lappend records \
            [dict replace $record words [string range $words 0 $at]] \
            [dict create check {} state {} \
                words [string range $words $at+2 end]]
    }
    return $records
}

proc ::cluster::shell::look::DoctorColour {column value} {
    switch -- "$column [string trim $value]" {
        {state ok}   { return fggreen }
        {state warn} { return fgyellow }
        {state fail} { return fgred }
    }
    return
}
