# log.tcl -- what the package has to say, and to whom.

namespace eval ::cluster::log {
    variable Levels {debug 0 info 1 warning 2 error 3}
    variable Prefix;            # by cluster: the command that is called
    variable Threshold;         # by cluster: from which level on
    array set Prefix {}
    array set Threshold {}
}

# $cluster log ?prefix?: sets or returns the command that is called with level,
# message and a dict of details; {} means lines on stderr.
proc ::cluster::log::Log {cluster args} {
    variable Prefix
    if {[llength $args]} {
        set Prefix($cluster) [lindex $args 0]
    }
    return [expr {[info exists Prefix($cluster)] ? $Prefix($cluster) : {}}]
}

# Sets or returns the level from which on something is said.
proc ::cluster::log::Level {cluster args} {
    variable Levels
    variable Threshold
    if {[llength $args]} {
        set level [lindex $args 0]
        if {![dict exists $Levels $level]} {
            return -code error -errorcode CLUSTER_INVALID_ARGS "-loglevel must\
                be one of [join [dict keys $Levels] {, }], not \"$level\""
        }
        set Threshold($cluster) $level
    }
    return [expr {[info exists Threshold($cluster)] ? $Threshold($cluster)
        : "warning"}]
}

# Says something.  details: a dict; of an error its return options.
proc ::cluster::log::Say {cluster level message details} {
    variable Levels
    variable Prefix
    if {$level eq "error" && [namespace which -command ::onError] ne {}} {
        ::onError $message $details "In cluster $cluster"
    }
    if {[dict get $Levels $level] < [dict get $Levels [Level $cluster]]} {
        return
    }
    if {[info exists Prefix($cluster)] && $Prefix($cluster) ne {}} {
        uplevel #0 $Prefix($cluster) [list $level $message $details]
    } else {
        catch {puts stderr "cluster: $level: $message"}
    }
}

# The cluster is gone: so is what was kept for it.
proc ::cluster::log::Forget cluster {
    variable Prefix
    variable Threshold
    unset -nocomplain Prefix($cluster) Threshold($cluster)
}
