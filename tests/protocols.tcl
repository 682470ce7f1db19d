# protocols.tcl -- protocols that are scripts, for protocol*.test: one in the
#                  shape of the original's classes, one that does as it is told.

package require bpacket

# ---- As the original's: streams, one stream of bytes for each channel --------

# The places where the original's classes meet their cluster are all here: the
# constructor's words, `event channel ...`, `socket`, `proto_props`, `ip`,
# `receive` with a packet out of bpacket's stream, refresh that ends in a
# heartbeat.
oo::class create ::cluster::protocol::x {
    variable CLUSTER ID SERVER PORT STREAM

    constructor {cluster id config} {
        set CLUSTER $cluster
        set ID $id
        set ::xConfig $config
        set STREAM [bpacket create stream [namespace current]::stream]
        $STREAM event [namespace code {my Packet}]
        my Listen
    }

    destructor {
        catch {my Close $SERVER}
        catch {$STREAM destroy}
    }

    method proto {} {
        return x
    }

    method props {} {
        return [dict create port $PORT]
    }

    method descriptor chanID {
        lassign [chan configure $chanID -peername] address - port
        return [dict create address $address port $port]
    }

    method event {event args} {
        lappend ::xEvents $event
        switch -- $event {
            refresh {
                my Listen
                $CLUSTER heartbeat
            }
        }
    }

    method send {packet {service {}}} {
        try {
            set channel [$service socket x]
            if {$channel eq {}} {
                set channel [my Open $service]
            }
            puts -nonewline $channel $packet
            chan flush $channel
            return 1
        } on error {} {
            return 0
        }
    }

    method done {service chanID keepalive {response {}}} {
        lappend ::xEvents done
        if {!$keepalive} {
            my Close $chanID $service
        }
    }

    method Listen {} {
        if {[info exists SERVER]} {
            catch {my Close $SERVER}
        }
        set SERVER [socket -server [namespace code {my Accept}] \
            -myaddr 127.0.0.1 0]
        set PORT [lindex [chan configure $SERVER -sockname] end]
        $CLUSTER event channel server [my proto] $SERVER
    }

    method Accept {chanID address port {service {}}} {
        chan configure $chanID -blocking 0 -translation binary -buffering full
        chan event $chanID readable [namespace code [list my Read $chanID]]
        $CLUSTER event channel open [my proto] $chanID $service
    }

    method Open service {
        set port [dict get [$service proto_props x] port]
        set chanID [socket [$service ip] $port]
        my Accept $chanID [$service ip] $port $service
        return $chanID
    }

    method Read chanID {
        $STREAM append [read $chanID] $chanID
        if {[chan eof $chanID]} {
            my Close $chanID
        }
    }

    method Packet {packet chanID} {
        $CLUSTER receive [my proto] $chanID $packet
    }

    method Close {chanID {service {}}} {
        if {$chanID in [chan names]} {
            chan close $chanID
        }
        $CLUSTER event channel close [my proto] $chanID $service
    }
}

# ---- Within one process, and each method does what the test says -------------

# Clusters by sid: where a packet goes.
array set ::mailboxes {}
# What a method does before what it has to do, by its name.
array set ::told {}
# The methods that were called.
set ::calls {}

oo::class create ::Told {
    variable cluster id

    constructor {theCluster theId config} {
        set cluster $theCluster
        set id $theId
        my Tell constructor
        set ::mailboxes([$cluster sid]) [self]
    }

    destructor {
        my Tell destructor
    }

    method Tell {method args} {
        lappend ::calls $method
        if {[info exists ::told($method)]} {
            uplevel 1 $::told($method)
        }
    }

    method proto {} {
        return [namespace tail [self]]
    }

    method props {} {
        my Tell props
        return [dict create box [$cluster sid]]
    }

    method descriptor chanID {
        my Tell descriptor
        return [dict create address 127.0.0.1 port 7 local 1 said $chanID]
    }

    method event {event args} {
        my Tell $event
    }

    method send {packet service} {
        my Tell send
        $::mailboxes([$service sid]) take $packet
        return 1
    }

    method take packet {
        $cluster receive [my proto] box $packet
    }

    method done {service chanID keepalive} {
        my Tell done
    }
}
