# serve.tcl -- serve: a member that stays, with hooks from a file, and that
#              answers read-only questions about itself if it was told to.

namespace eval ::cluster::shell::serve {
    variable Since [clock seconds]
}

# cluster serve ?-introspect 1? ?FILE?: FILE finds the cluster's command in the
# global variable cluster.
proc ::cluster::shell::serve::Serve {options words} {
    fconfigure stdout -buffering line
    set introspect [expr {[dict exists $options -introspect]
        && [dict get $options -introspect]}]
    if {$introspect} {
        dict lappend options -tags {*}[About]
    }
    set ::cluster [::cluster::shell::members::Join serve \
        [dict merge {-name {}} $options]]
    if {[llength $words]} {
        uplevel #0 [list source -encoding utf-8 [lindex $words 0]]
    }
    if {$introspect} {
        Introspect $::cluster
    }
    ::cluster::shell::terminal::Say "serving as [$::cluster uuid]"
    ::cluster::shell::life::Stay
}

# What ls shows of it without asking.
proc ::cluster::shell::serve::About {} {
    return [list introspect host=[info hostname] pid=[pid] \
        since=[clock seconds]]
}

# In front of the hook that FILE has set, if it has set one.
proc ::cluster::shell::serve::Introspect cluster {
    set body {
        if {[::cluster::shell::serve::IsQuestion $data]} {
            return [::cluster::shell::serve::Answer $cluster $data]
        }
    }
    $cluster hook query $body[$cluster hook query]
}

# Those three questions and nothing else; nothing is evaluated.
proc ::cluster::shell::serve::IsQuestion text {
    foreach what {info ping stats} {
        if {$text eq [::cluster::shell::members::Question $what]} {
            return 1
        }
    }
    return 0
}

proc ::cluster::shell::serve::Answer {cluster text} {
    switch -- [lindex [split $text] end] {
        stats { return [$cluster stats] }
        info  { return [Info $cluster] }
    }
    return
}

proc ::cluster::shell::serve::Info cluster {
    variable Since
    return [dict create host [info hostname] pid [pid] \
        uptime [expr {[clock seconds] - $Since}] \
        tcl [info patchlevel] cluster [cluster version] \
        os "$::tcl_platform(os) $::tcl_platform(osVersion)" \
        known [$cluster known_services] protocols [$cluster protocols] \
        channels [$cluster configure -channels] ttl [$cluster ttl] \
        heartbeat [$cluster config heartbeat] \
        remote [$cluster config remote]]
}
