# main.tcl -- the shell command: finds the package, calls what is asked for.
#
#     tclsh main.tcl COMMAND ?option ...? ?word ...?
#
# Results go to stdout, words about them to stderr. It ends with 0 when it is
# done, 1 when it failed, 2 when it was used wrongly, 3 when nobody answered in
# time, and with 128 and the signal's number when one ended it.

package require Tcl 8.6-

namespace eval ::cluster::shell {
    variable Folder [file dirname [file normalize [info script]]]
}

# Its own package: beside it when installed, else where TCLLIBPATH says. Asking
# for it by its index alone saves reading those of all others.
apply {folder {
    foreach dir [list [file dirname $folder] {*}$::auto_path] {
        set index [file join $dir pkgIndex.tcl]
        if {[file exists [file join $dir library cluster.tcl]]
            && [file exists $index]} {
            source $index
            break
        }
    }
    package require cluster
} ::cluster::shell} $::cluster::shell::Folder

proc ::cluster::shell::Load file {
    variable Folder
    uplevel #0 [list source -encoding utf-8 [file join $Folder $file.tcl]]
}

if {[catch {package require cmdline}]} {
    puts stderr "cluster: it needs tcllib, which is not found here"
    exit 1
}
foreach file {commands options terminal output life members} {
    ::cluster::shell::Load $file
}
unset file

proc ::cluster::shell::Main words {
    set command [lindex $words 0]
    if {$command in {{} -h -help --help}} {
        set words [lreplace $words 0 0 [set command help]]
    } elseif {$command in {-version --version}} {
        set words [lreplace $words 0 0 [set command version]]
    }
    try {
        life::Open
        terminal::Open
        set command [commands::Find $command]
        lassign [options::Parse $command [lrange $words 1 end]] options rest
        set terminal::Quiet [dict get $options -quiet]
        Load [commands::Get $command file]
        {*}[commands::Get $command run] $options $rest
        flush stdout
    } on ok {} {
        return 0
    } trap {CLUSTER_SHELL DONE} {} {
        return 0
    } trap {CLUSTER_SHELL FAILED} {} {
        return 1
    } trap {CLUSTER_SHELL SILENCE} message {
        terminal::Say $message
        return 3
    } trap {CLUSTER_SHELL USAGE} message {
        terminal::Complain $command $message
        return 2
    } trap CLUSTER_INVALID_ARGS message {
        terminal::Complain $command $message
        return 2
    } trap {POSIX EPIPE} {} {
        return 0
    } on error {message details} {
        if {[info exists ::env(CLUSTER_DEBUG)]} {
            append message \n [dict get $details -errorinfo]
        }
        terminal::Complain $command $message
        return 1
    }
}

# What is wrong with how it was called.
proc ::cluster::shell::Usage message {
    throw {CLUSTER_SHELL USAGE} $message
}

# What failed; it is said like any other error.
proc ::cluster::shell::Fail message {
    throw {CLUSTER_SHELL ERROR} $message
}

# Nobody answered in time.
proc ::cluster::shell::Silence message {
    throw {CLUSTER_SHELL SILENCE} $message
}

interp bgerror {} {apply {{message details} {
    ::cluster::shell::life::Broken $message $details
}}}
after 0 {::cluster::shell::life::Leave [::cluster::shell::Main $argv]}
vwait forever
