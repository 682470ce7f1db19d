# commands.tcl -- the one table of subcommands: how each is called, what it
#                 does, its options, and the procedure that does it.
#
# help, the check of words, the completion and the manual's test read it.

namespace eval ::cluster::shell::commands {
    # An option: the word for its value ({} for none), and what it says.
    variable Common {
        -format  {table|tcl|json|tsv {how results are written; table}}
        -timeout {ms  {the longest it waits for answers}}
        -wait    {ms  {how long it waits for the first member; 600}}
        -quiet   {{}  {no words on stderr but errors}}
    }
    variable Who {
        -resolve  {filter {only members that have all these words}}
        -resolver {list   {only members that this list of resolver finds}}
    }
    variable Table {
        ls {
            words ?pattern?   most 1   file look   who 1
            run ::cluster::shell::look::Ls
            line {members: who they are, where, since when}
            options {
                -all {{} {other shells such as this one, too}}
            }
        }
        watch {
            words ?pattern?   most 1   file watch   timeout 0
            run ::cluster::shell::watch::Watch
            line {one line for each member discovered or lost, and for changed tags}
            options {
                -all   {{} {other shells such as this one, too}}
                -count {number {it ends after so many lines}}
            }
        }
        info {
            words ID   least 1   most 1   file look
            run ::cluster::shell::look::Info
            line {everything about one member}
        }
        query {
            words SCRIPT   least 1   most 1   file talk   who 1
            run ::cluster::shell::talk::Query
            line {asks members and prints what each of them answers}
            options {
                -channel   {number {the channel; 0}}
                -broadcast {{} {one multicast asks them all}}
            }
        }
        send {
            words ?DATA?   most 1   file talk   who 1
            run ::cluster::shell::talk::Send
            line {sends an event, whose data is the word or what stands on stdin}
            options {
                -op        {word {an operation, for hooks of op}}
                -channel   {number {the channel; 0}}
                -raw       {{} {bytes from stdin, as they are}}
                -broadcast {{} {one multicast for everybody}}
            }
        }
        ping {
            words ?ID|filter?   most 1   file ping   who 1   timeout 1000
            run ::cluster::shell::ping::Ping
            line {round trips in milliseconds, by member and protocol}
            options {
                -count    {number {so many by each protocol; 5}}
                -interval {ms {from one round to the next; 250, with c a second}}
            }
        }
        tags {
            words {}   most 0   file look   who 1
            run ::cluster::shell::look::Tags
            line {what tags there are, and how many members have each}
        }
        stats {
            words ?ID?   most 1   file counters
            run ::cluster::shell::counters::Stats
            line {counters: ours, or those of a member that lets itself be asked}
        }
        top {
            words ?pattern?   most 1   file counters   who 1
            run ::cluster::shell::counters::Top
            line {a live table of the members; q quits, < and > sort, r turns round}
            options {
                -sort     {column {the column it is sorted by; name}}
                -interval {ms {from one picture to the next, at least 500; 1000}}
                -count    {number {it ends after so many pictures}}
            }
        }
        monitor {
            words {}   most 0   file watch   timeout 0
            run ::cluster::shell::watch::Monitor
            line {packets on the group, decoded, as they come}
            options {
                -hex   {{} {their bytes, too}}
                -count {number {it ends after so many packets}}
            }
        }
        decode {
            words {}   most 0   file decode   joins 0
            run ::cluster::shell::decode::Decode
            line {packets on stdin, as bytes or hexadecimal, become dicts}
            options {
                -template {file {the template of bpackets that are not a cluster's}}
            }
        }
        serve {
            words ?FILE?   most 1   file serve   timeout 0
            run ::cluster::shell::serve::Serve
            line {joins and stays; FILE sets the hooks of $cluster}
            options {
                -introspect {boolean {answer info, ping and stats of others; 0}}
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
        words {} least 0 most 0 options {} who 0 alone 0 joins 1 timeout 5000
        list {}
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
