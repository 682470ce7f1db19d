# support.tcl -- members in processes of their own, waiting, and looking.
#
#     source [file join [file dirname [info script]] support.tcl]
#     start one -tags {web a}            a process that joined
#     ask one {$cluster services}        evaluates there, returns the result
#     waitFor 2000 {[ask one {$cluster known_services}] == 1}
#     stop one; slay one; freeze one; thaw one; stopAll
#
# Nothing here sleeps for a fixed time; every wait has an end.

package require Tcl 8.6-
package require tcltest 2.3
namespace import -force ::tcltest::*

namespace eval ::support {
    variable here [file dirname [file normalize [info script]]]
    variable channels;          # by member: the pipe to its process
    array set channels {}
}

# True as soon as the condition holds; false after so many milliseconds, told
# by our own turns of at least 5 ms each: on a machine that is busy elsewhere
# whoever is waited for has more time too.  The event loop runs meanwhile.
proc waitFor {ms condition} {
    for {set left $ms} {![uplevel 1 [list expr $condition]]} {incr left -5} {
        if {$left <= 0} {
            return 0
        }
        after 5 {set ::support::tick 1}
        vwait ::support::tick
    }
    return 1
}

# How long it took in milliseconds; an error when it did not come.
proc timeUntil {ms condition} {
    set begin [clock milliseconds]
    if {![uplevel 1 [list waitFor $ms $condition]]} {
        error "not within $ms ms: $condition"
    }
    return [expr {[clock milliseconds] - $begin}]
}

# Starts a member; words are options of join.  It is joined when this returns.
proc start {name args} {
    launch $name {*}$args
    ready $name
}

# The same without waiting for it.
proc launch {name args} {
    run $name member.tcl {*}$args
}

# A stand-in for a member of the original 1.1.8, driven alike.
proc startOriginal {name args} {
    run $name original.tcl {*}$args
    ready $name
}

proc run {name program args} {
    runBy {} $name $program {*}$args
}

# By a command in front, such as one that enters another host's network.
proc runBy {front name program args} {
    variable ::support::channels
    set channel [open |[list {*}$front [info nameofexecutable] \
        [file join $::support::here $program] {*}$args 2>@stderr] r+]
    fconfigure $channel -translation binary -buffering full
    set channels($name) $channel
    return $name
}

proc ready name {
    variable ::support::channels
    if {[gets $channels($name) line] < 0 || $line ne "joined"} {
        error "member $name did not join: $line"
    }
    return $name
}

proc ask {name script} {
    tell $name $script
    answer $name
}

# Several may be told first and their answers taken afterwards.
proc tell {name script} {
    variable ::support::channels
    set bytes [encoding convertto utf-8 $script]
    puts $channels($name) [string length $bytes]
    puts -nonewline $channels($name) $bytes
    flush $channels($name)
}

proc answer name {
    variable ::support::channels
    if {[gets $channels($name) head] < 0} {
        error "member $name is gone"
    }
    lassign $head code length
    set text [encoding convertfrom utf-8 [read $channels($name) $length]]
    if {$code} {
        lassign $text message options
        return -options $options $message
    }
    return $text
}

proc pidOf name {
    return [pid $::support::channels($name)]
}

# Leaves in order.
proc stop name {
    variable ::support::channels
    catch {tell $name exit}
    catch {close $channels($name)}
    unset -nocomplain channels($name)
}

# Killed: it says no goodbye.
proc slay name {
    variable ::support::channels
    exec kill -KILL [pidOf $name]
    catch {close $channels($name)}
    unset channels($name)
}

proc freeze name {
    exec kill -STOP [pidOf $name]
}

proc thaw name {
    exec kill -CONT [pidOf $name]
}

proc members {} {
    return [lsort -dictionary [array names ::support::channels]]
}

proc stopAll {} {
    foreach name [members] {
        catch {exec kill -CONT [pidOf $name]}
        stop $name
    }
}

# A port that nobody uses, for clusters that shall not meet others: below those
# that the system gives to sockets which ask for any, else one of theirs may
# take it in between.
proc freePort {} {
    variable ::support::port
    if {![info exists port]} {
        set port [expr {([pid] * 104729 + [clock microseconds]) % 20000}]
    }
    while {[isTaken [expr {11000 + $port}]]} {
        set port [expr {($port + 1) % 20000}]
    }
    set free [expr {11000 + $port}]
    set port [expr {($port + 1) % 20000}]
    return $free
}

proc isTaken {port} {
    set pattern [format {^ *\d+: [0-9A-F]+:%04X } $port]
    foreach name {tcp tcp6 udp udp6} {
        if {![catch {open /proc/net/$name} f]} {
            set text [read $f]
            close $f
            if {[regexp -line $pattern $text]} {
                return 1
            }
        }
    }
    return 0
}

proc descriptors {{pid self}} {
    return [llength [glob -nocomplain -directory /proc/$pid/fd *]]
}

# Resident memory in KB.
proc resident {{pid self}} {
    set f [open /proc/$pid/status]
    set text [read $f]
    close $f
    regexp {VmRSS:\s+(\d+)} $text -> kb
    return $kb
}

# ---- several clusters in this process ----------------------------------------

# Joins one cluster for each list of options and waits until all know all.
# Returns their commands.
proc together args {
    set port [freePort]
    set clusters [lmap options $args {cluster join -port $port {*}$options}]
    set others [expr {[llength $clusters] - 1}]
    foreach cluster $clusters {
        if {![waitFor 2000 {[$cluster known_services] == $others}]} {
            error "$cluster knows [$cluster known_services] of $others"
        }
    }
    return $clusters
}

proc destroyAll {} {
    foreach cluster [cluster clusters] {
        $cluster destroy
    }
    waitFor 1000 {![llength [cluster clusters]]
        && ![llength [namespace children ::cluster::clusters]]}
}

# The service by which one cluster knows another.
proc serviceOf {cluster other} {
    return [$cluster resolve [$other uuid]]
}

# The last words of an error and its code.
proc failure script {
    set code [catch {uplevel 1 $script} message options]
    if {!$code} {
        return "no error: $message"
    }
    return [list [dict get $options -errorcode] $message]
}

proc errorCodeOf script {
    return [lindex [uplevel 1 [list failure $script]] 0]
}

# Background errors are collected instead of printed.
proc collectErrors {} {
    set ::support::errors {}
    interp bgerror {} {apply {{message options} {
        lappend ::support::errors $message
    }}}
}

proc errorsSeen {} {
    return $::support::errors
}

# ---- nothing is left behind --------------------------------------------------

# All commands and namespaces below these.
proc ::support::below {interp namespaces} {
    set found {}
    foreach namespace $namespaces {
        if {[interp eval $interp [list namespace exists $namespace]]} {
            lappend found $namespace {*}[interp eval $interp \
                [list info commands ${namespace}::*]] {*}[below $interp \
                [interp eval $interp [list namespace children $namespace]]]
        }
    }
    return $found
}

# Sockets, files and the like; pipes are the notifier's or are channels.
proc ::support::opened {} {
    set found {}
    foreach fd [glob -nocomplain -directory /proc/self/fd *] {
        if {![catch {file readlink $fd} to] && ![string match pipe:* $to]} {
            lappend found [regsub {\[\d+\]} $to {}]
        }
    }
    return $found
}

# What there is that should not outlive a file.
proc ::support::present {} {
    return [list {*}[opened] {*}[after info] {*}[chan names] {*}[interp children] \
        {*}[members] {*}[below {} {::cluster ::bpacket}]]
}

# The words of one list that are not in the other, each as often.
proc ::support::beyond {list other} {
    foreach word $other {
        dict incr spare $word
    }
    return [lmap word $list {
        if {[dict exists $spare $word] && [dict get $spare $word] > 0} {
            dict incr spare $word -1
            continue
        }
        set word
    }]
}

# As it was when this file was read, with what the package itself brings.
proc ::support::left {} {
    variable before
    set fresh [interp create]
    interp eval $fresh [list set ::auto_path $::auto_path]
    catch {interp eval $fresh {package require cluster}}
    catch {interp eval $fresh {package require bpacket}}
    set brought [below $fresh {::cluster ::bpacket}]
    interp delete $fresh
    return [beyond [present] [list {*}$before {*}$brought]]
}

set ::support::before [::support::present]

# Ends each file: as a test of its own, after all that is still to be done.
proc cleanupTests args {
    variable ::support::here
    set name [file rootname [file tail [info script]]]
    test $name-end {nothing is left behind} -body {
        waitFor 1000 {[::support::left] eq {}}
        ::support::left
    } -result {}
    uplevel 1 [list ::tcltest::cleanupTests {*}$args]
}
