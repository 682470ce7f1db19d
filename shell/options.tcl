# options.tcl -- words of the shell become a dict of options and what is left.

package require cmdline

namespace eval ::cluster::shell::options {
    variable Formats {table tcl json tsv}
    # By the word for an option's value: what it must be.
    variable Kinds {
        ms      {{^\d{1,9}$} {a number of milliseconds}}
        number  {{^\d{1,9}$} {a number}}
        boolean {{^(0|1|no|yes|off|on|false|true)$} {a boolean}}
    }
}

# -> options as a dict with the common ones' defaults, and the other words.
# Options may stand anywhere in front of "--", with one dash or two.
proc ::cluster::shell::options::Parse {command words} {
    set specs [Specs $command]
    set options [dict create -format table -wait 600 -quiet 0 \
        -timeout [::cluster::shell::commands::Get $command timeout]]
    set rest {}
    while {[llength $words]} {
        set words [lassign $words word]
        if {$word eq "--"} {
            lappend rest {*}$words
            break
        }
        if {![string match -?* $word]} {
            lappend rest $word
            continue
        }
        set words [linsert $words 0 $word]
        if {[cmdline::getopt words $specs name value] < 0} {
            ::cluster::shell::Usage $value
        }
        dict set options -$name $value
        Check $command -$name $value
    }
    Count $command [llength $rest]
    return [list $options $rest]
}

# What cmdline wants to know: name, or name.arg if a value follows.
proc ::cluster::shell::options::Specs command {
    set specs {}
    dict for {option about} [::cluster::shell::commands::Options $command] {
        set name [string range $option 1 end]
        lappend specs [expr {[lindex $about 0] eq {} ? $name : "$name.arg"}]
    }
    foreach option [::cluster::shell::commands::JoinOptions $command] {
        lappend specs [string range $option 1 end].arg
    }
    return $specs
}

# Those of join are checked by join.
proc ::cluster::shell::options::Check {command option value} {
    variable Formats
    variable Kinds
    set own [::cluster::shell::commands::Options $command]
    if {$option eq "-format" && $value ni $Formats} {
        ::cluster::shell::Usage "-format must be one of [join $Formats {, }],\
            not \"$value\""
    }
    if {![dict exists $own $option]} {
        return
    }
    set kind [lindex [dict get $own $option] 0]
    if {[dict exists $Kinds $kind]} {
        lassign [dict get $Kinds $kind] pattern words
        if {![regexp $pattern $value]} {
            ::cluster::shell::Usage "$option must be $words, not \"$value\""
        }
    }
}

proc ::cluster::shell::options::Count {command count} {
    if {$count < [::cluster::shell::commands::Get $command least]
        || $count > [::cluster::shell::commands::Get $command most]} {
        ::cluster::shell::Usage "it is called as:\
            [::cluster::shell::commands::Usage $command]"
    }
}

# The options of join among them, as join takes them.
proc ::cluster::shell::options::OfJoin {command options} {
    set own [::cluster::shell::commands::Options $command]
    set names [::cluster::shell::commands::JoinOptions $command]
    return [dict filter $options script {option -} {
        expr {$option in $names && ![dict exists $own $option]}
    }]
}
