# commands.tcl -- the one table of subcommands: how each is called, what it
#                 does, its options, and the procedure that does it.
#
# help, the check of words, the completion and the manual's test read it.

namespace eval ::cluster::shell::commands {
    # An option: the word for its value ({} for none), and what it says.
    variable Common {
        -format  {table|tcl|json|tsv {how results are written; table}}
        -timeout {ms  {the longest it waits for answers; 5000}}
        -wait    {ms  {how long it waits for the first member; 600}}
        -quiet   {{}  {no words on stderr but errors}}
    }
    variable Who {
        -resolve  {filter {only members that have all these words}}
        -resolver {list   {only members that this list of resolver finds}}
    }
    variable Table {
        ls {
            words ?pattern?   most 1   file look
            run ::cluster::shell::look::Ls
            line {members: who they are, where, since when}
            options {
                -all {{} {other shells such as this one, too}}
            }
        }
        doctor {
            words {}   most 0   file look
            run ::cluster::shell::look::Doctor
            line {why discovery may not work, and what to do}
            list {doctor Checks {it looks at}}
        }
        help {
            words ?command?   most 1   file help
            run ::cluster::shell::help::Help
            line {this, or all about one command}
            alone 1
        }
        version {
            words {}   most 0   file help
            run ::cluster::shell::help::Version
            line {the version of the package}
            alone 1
        }
    }
    variable Defaults {
        words {} least 0 most 0 options {} who 0 alone 0 joins 1 list {}
    }
}

proc ::cluster::shell::commands::Names {} {
    variable Table
    return [dict keys $Table]
}

# A command by its name or the beginning of it that is no other's.
proc ::cluster::shell::commands::Find word {
    set found [lsearch -all -inline -glob [Names] [string map \
        {* \\* ? \\? [ \\[ \\ \\\\} $word]*]
    if {$word in $found} {
        return $word
    }
    if {[llength $found] != 1} {
        ::cluster::shell::Usage "unknown command \"$word\": must be\
            [join [Names] {, }]"
    }
    return [lindex $found 0]
}

proc ::cluster::shell::commands::Get {command key} {
    variable Table
    variable Defaults
    return [dict get [dict merge $Defaults [dict get $Table $command]] $key]
}

# The options of a command: its own, then those that all have. Those of join
# stand for themselves, see JoinOptions.
proc ::cluster::shell::commands::Options command {
    variable Common
    variable Who
    if {[Get $command alone]} {
        return {}
    }
    set own [Get $command options]
    if {[Get $command who]} {
        set own [dict merge $own $Who]
    }
    return [dict merge $Common $own]
}

# What join takes: its options, the limits and the protocols' dicts.
proc ::cluster::shell::commands::JoinOptions command {
    if {[Get $command alone] || ![Get $command joins]} {
        return {}
    }
    set names [dict keys $::cluster::Options]
    foreach name [concat [dict keys [::cluster::core::limits]] \
            [::cluster::protocols::Names]] {
        if {"-$name" ni $names} {
            lappend names -$name
        }
    }
    return $names
}

# How it is called, in one line.
proc ::cluster::shell::commands::Usage command {
    set usage "cluster $command"
    foreach part [list [expr {[Get $command alone] ? {} : {?-option ...?}}] \
            [Get $command words]] {
        if {$part ne {}} {
            append usage " $part"
        }
    }
    return $usage
}
