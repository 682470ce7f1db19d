# help.tcl -- help and version: what the table of commands says.

namespace eval ::cluster::shell::help {}

proc ::cluster::shell::help::Version {options words} {
    puts "cluster [cluster version], Tcl [info patchlevel]"
}

# cluster help ?command?
proc ::cluster::shell::help::Help {options words} {
    if {[llength $words]} {
        One [::cluster::shell::commands::Find [lindex $words 0]]
    } else {
        All
    }
}

proc ::cluster::shell::help::All {} {
    set rows {}
    foreach command [::cluster::shell::commands::Names] {
        set usage [string trim \
            "$command [::cluster::shell::commands::Get $command words]"]
        lappend rows $usage [::cluster::shell::commands::Get $command line]
    }
    puts "usage: cluster command ?-option ...? ?word ...?\n"
    Columns $rows
    puts "\nhelp command says more about one of them."
}

proc ::cluster::shell::help::One command {
    puts "usage: [::cluster::shell::commands::Usage $command]\n"
    puts "  [::cluster::shell::commands::Get $command line]"
    set rows {}
    dict for {option about} [::cluster::shell::commands::Options $command] {
        lappend rows [string trim "$option [lindex $about 0]"] [lindex $about 1]
    }
    if {[llength $rows]} {
        puts {}
        Columns $rows
    }
    List {*}[::cluster::shell::commands::Get $command list]
    set joins [::cluster::shell::commands::JoinOptions $command]
    if {[llength $joins]} {
        package require textutil::adjust
        package require textutil
        puts "\n  and the options of cluster join:"
        puts [textutil::indent [textutil::adjust::adjust [join [lsort $joins]] \
            -length 74] {    }]
    }
}

# A table of the command's own: what is in it, and what that means.
proc ::cluster::shell::help::List {{file {}} {table {}} {title {}}} {
    if {$file ne {}} {
        ::cluster::shell::Load $file
        puts "\n  $title:"
        Columns [set ::cluster::shell::${file}::$table]
    }
}

proc ::cluster::shell::help::Columns rows {
    set width 0
    foreach {left right} $rows {
        set width [expr {max($width, [string length $left])}]
    }
    foreach {left right} $rows {
        puts [format "  %-*s  %s" $width $left $right]
    }
}
