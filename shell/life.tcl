# life.tcl -- waiting, and leaving in order however it ends: the members are
#             told, sockets and their files are gone, the terminal is as it was.

namespace eval ::cluster::shell::life {
    variable Over 0
    variable Signals {HUP 1 INT 2 TERM 15}
}

# Waits until the condition, an expression in the caller, holds; false when
# that did not come within so many milliseconds.
proc ::cluster::shell::life::Until {ms condition} {
    set end [expr {[clock milliseconds] + $ms}]
    while {![uplevel 1 [list expr $condition]]} {
        if {[clock milliseconds] >= $end} {
            return 0
        }
        Pause 3
    }
    return 1
}

# Serves events for so long.
proc ::cluster::shell::life::Pause ms {
    variable Over
    after $ms {incr ::cluster::shell::life::Over}
    vwait ::cluster::shell::life::Over
}

# All that stands on stdin; meanwhile it can be interrupted.
proc ::cluster::shell::life::Input args {
    variable Text {}
    fconfigure stdin -blocking 0 {*}$args
    fileevent stdin readable {
        append ::cluster::shell::life::Text [read stdin]
        set ::cluster::shell::life::Over [eof stdin]
    }
    while {![eof stdin]} {
        vwait ::cluster::shell::life::Over
    }
    fileevent stdin readable {}
    return $Text
}

# Stays until somebody ends it.
proc ::cluster::shell::life::Stay {} {
    vwait ::cluster::shell::life::Forever
}

# From now on a signal, or that our output is read no more, is an end in order.
proc ::cluster::shell::life::Open {} {
    ::cluster::core::signals ::cluster::shell::life::Signal
}

proc ::cluster::shell::life::Signal name {
    variable Signals
    Leave [expr {$name eq "PIPE" ? 0 : 128 + [dict get $Signals $name]}]
}

proc ::cluster::shell::life::Leave status {
    ::cluster::shell::terminal::Restore
    foreach cluster [::cluster::Clusters] {
        catch {$cluster destroy}
    }
    exit $status
}

# An error in a callback. That nobody reads any more is none.
proc ::cluster::shell::life::Broken {message details} {
    set code [dict get $details -errorcode]
    if {[lrange $code 0 1] eq {POSIX EPIPE}} {
        Leave 0
    }
    ::cluster::shell::terminal::Restore
    catch {puts stderr "cluster: $message"}
    Leave 1
}
