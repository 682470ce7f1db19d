# 13-udp-protocol.tcl -- a protocol of one's own: unicast UDP, on tcludp.
#
#   tclsh examples/13-udp-protocol.tcl NAME     (TCLLIBPATH=$PWD/build)
#
# Run it in two shells of one host, each with a name of its own.  tcludp is
# what Debian calls tcl-udp.  The class is found by its name, since a join says
# `-protocols {udp ...}`; a program that wants it alone sources this file.

package require cluster
package require udp 1.0.11

oo::class create ::cluster::protocol::udp {
    variable Cluster Socket

    constructor {cluster id config} {
        set Cluster $cluster
        my Open
    }

    destructor {
        catch {close $Socket}
    }

    method proto {} {
        return udp
    }

    # What the others are told, and find as [$service proto_props udp].
    method props {} {
        return [dict create port [fconfigure $Socket -myport]]
    }

    # 1: it left; 0: the next protocol is tried.  tcludp reads no more than 4096
    # bytes of a datagram, so what is longer has to go by another one.
    method send {packet service} {
        set props [$service proto_props udp]
        set address [$service ip]
        if {[string length $packet] > 4096 || ![dict exists $props port]
                || [string match *:* $address]} {
            return 0
        }
        fconfigure $Socket -remote [list $address [dict get $props port]]
        puts -nonewline $Socket $packet
        flush $Socket
        return 1
    }

    # Whom a packet came from: we make chanID of the datagram's source.
    method descriptor chanID {
        lassign $chanID address port
        return [dict create address $address port $port]
    }

    # There are no connections to close.
    method done {service chanID keepalive} {}

    # refresh: somebody could not reach us.
    method event {event args} {
        if {$event eq "refresh"} {
            close $Socket
            my Open
            $Cluster event channel server udp $Socket
        }
    }

    method Open {} {
        set Socket [udp_open]
        fconfigure $Socket -blocking 0 -translation binary -buffering none
        fileevent $Socket readable [namespace code {my Read}]
    }

    # One datagram: a packet, or what a stranger sent.
    method Read {} {
        set packet [read $Socket]
        if {$packet ne {}} {
            $Cluster receive udp [fconfigure $Socket -peer] $packet
        }
    }
}

# ---- The program -------------------------------------------------------------

if {[file normalize $argv0] ne [file normalize [info script]]} {
    return                      ;# only the class was wanted
}

fconfigure stdout -buffering line
if {[llength $argv] != 1} {
    puts stderr "usage: 13-udp-protocol.tcl NAME"
    exit 2
}
set name [lindex $argv 0]
set cluster [cluster join -protocols {udp t c} -tags [list $name]]

$cluster hook query {
    return "$::name has heard by $proto: $data"
}

proc Answer message {
    lassign $message event query
    if {$event eq "response"} {
        puts [$query data]
    }
}

$cluster hook service discovered {
    puts "found [$service tags], udp [$service proto_props udp]"
    $service query -command Answer "a question of $::name"
}

puts "$name waits for others"
vwait forever
