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
        ::cluster::shell::look::Colour
}

proc ::cluster::shell::look::Colour {column value} {
    switch -- "$column [string trim $value]" {
        {state alive}   { return fggreen }
        {state doubted} - {state suspect} - {state pinged} { return fgyellow }
        {state leaving} { return fgred }
    }
    return [expr {$column eq "name" ? "bold" : {}}]
}

# cluster doctor: each thing looked at, and what to do about it.
proc ::cluster::shell::look::Doctor {options words} {
    ::cluster::shell::Load doctor
    set found [::cluster::shell::doctor::run $options]
    ::cluster::shell::output::Records [dict get $options -format] \
        {check text state text words text} $found \
        ::cluster::shell::look::DoctorColour
    if {"fail" in [lmap one $found {dict get $one state}]} {
        throw {CLUSTER_SHELL FAILED} {something is wrong}
    }
}

proc ::cluster::shell::look::DoctorColour {column value} {
    switch -- "$column [string trim $value]" {
        {state ok}   { return fggreen }
        {state warn} { return fgyellow }
        {state fail} { return fgred }
    }
    return
}
