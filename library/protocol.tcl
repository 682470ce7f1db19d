# protocol.tcl -- protocols that are scripts: registered, found, made.
#
# A protocol is a command prefix; `create name cluster id config` makes of it
# what a cluster speaks by: a command prefix with the methods send, descriptor,
# props, done, event and destroy.  TclOO classes are such prefixes as they are.

# Where classes are found, as in the original: ::cluster::protocol::ID.
namespace eval ::cluster::protocol {}

namespace eval ::cluster::protocols {
    # Command prefixes by id.
    variable Registered {}
    # What the core speaks itself.
    variable Core {c d t u}
}

# cluster protocol register id prefix | names
namespace eval ::cluster::protocols {
    namespace ensemble create -command ::cluster::protocols::Protocol -map {
        register ::cluster::protocols::Register
        names    ::cluster::protocols::Names
    }
}

# The prefix of an id, from now on; an empty one takes it away.
proc ::cluster::protocols::Register {id prefix} {
    variable Registered
    CheckId $id
    if {[catch {llength $prefix} count]} {
        Invalid "a protocol's prefix must be a list, not \"$prefix\""
    }
    if {$count} {
        dict set Registered $id $prefix
    } else {
        dict unset Registered $id
    }
    return
}

# A word that may stand in packets and, behind a dash, among join's options.
proc ::cluster::protocols::CheckId id {
    variable Core
    if {![IsWord $id]} {
        Invalid "a protocol's id must be a letter and up to 30 letters, digits\
            and _, not \"$id\""
    }
    if {$id in $Core} {
        Invalid "the protocol \"$id\" is the core's own"
    }
    if {[dict exists $::cluster::Options -$id]
        || [dict exists [::cluster::core::limits] $id]} {
        Invalid "\"$id\" is no protocol's id: join has an option -$id"
    }
}

proc ::cluster::protocols::IsWord id {
    regexp {^[A-Za-z][A-Za-z0-9_]{0,30}$} $id
}

proc ::cluster::protocols::Invalid message {
    return -code error -level 2 -errorcode CLUSTER_INVALID_ARGS $message
}

# Every id that a join may name.
proc ::cluster::protocols::Names {} {
    variable Core
    variable Registered
    set classes {}
    foreach command [info commands ::cluster::protocol::*] {
        set id [namespace tail $command]
        if {[IsWord $id]} {
            lappend classes $id
        }
    }
    return [lsort -unique [concat $Core [dict keys $Registered] $classes]]
}

proc ::cluster::protocols::Find id {
    variable Registered
    if {[dict exists $Registered $id]} {
        return [dict get $Registered $id]
    }
    return [list ::cluster::protocol::$id]
}

# The object by which a cluster speaks a protocol; called by the core.  Its
# config is the dict of the option -id, in which the dict stands once more by
# the id: so the original's classes look for it.
proc ::cluster::protocols::Make {cluster id number config} {
    set own {}
    if {[dict exists $config $id]} {
        set own [dict get $config $id]
    }
    set object [uplevel #0 [list {*}[Find $id] create \
        ::cluster::clusters::${number}::protocols::$id $cluster $number \
        [dict merge [dict create $id $own] $own]]]
    if {[catch {llength $object} count] || !$count} {
        return -code error -errorcode {CLUSTER VALUE} "protocol \"$id\":\
            create must return a command prefix, not \"$object\""
    }
    return $object
}

# A method that an object may lack.
proc ::cluster::protocols::Call {object method args} {
    if {[llength $object] == 1 && [info object isa object $object]
        && $method ni [info object methods $object -all]} {
        return
    }
    tailcall {*}$object $method {*}$args
}

# An object may have destroyed itself.
proc ::cluster::protocols::Destroy object {
    if {[llength [info commands [lindex $object 0]]]} {
        {*}$object destroy
    }
    return
}

# $cluster event channel open|close|server|receive protocol ?chanID?
# ?service?: what the original's classes say of their channels.
proc ::cluster::protocols::Event {cluster kind event id args} {
    if {$kind ne "channel"} {
        Invalid "unknown kind of event \"$kind\": must be channel"
    }
    switch -- $event {
        open - opens { $cluster Protocol open $id {*}$args }
        close        { $cluster Protocol close $id [lindex $args 0] }
        server       { $cluster Protocol moved $id }
        receive      {}
        default {
            Invalid "unknown event \"$event\": must be open, close, server or\
                receive"
        }
    }
    return
}
