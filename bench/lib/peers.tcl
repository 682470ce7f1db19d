# peers.tcl -- starts what else can carry a request and an answer, as far as
#              the machine has it.

namespace eval peers {}

# name child name child ...; the child is empty where a peer is missing.
proc peers::start {} {
    set found {}
    foreach {name proc} {
        redis Redis {plain Tcl socket} Socket tcludp Udp comm Comm
        ZeroMQ Zmq nng Nng NATS Nats Erlang Erlang
    } {
        if {[catch {$proc} child]} {
            puts stderr "  # $name is left out: $child"
            set child {}
        }
        lappend found $name $child
    }
    return $found
}

proc peers::tclPeer kind {
    bench::child $kind [list [info nameofexecutable] \
        [file join $bench::here lib tclpeer.tcl] $kind]
    bench::ask $kind {run 5}
    return $kind
}

proc peers::Socket {} {
    tclPeer socket
}

proc peers::Comm {} {
    package require comm
    tclPeer comm
}

proc peers::Udp {} {
    package require udp
    tclPeer udp
}

# The server's program is in Debian's redis-tools under another name.
proc peers::Redis {} {
    set program [lindex [concat [auto_execok redis-server] \
        [auto_execok redis-check-rdb]] 0]
    if {$program eq {}} {
        return
    }
    set link [file join $bench::tmp redis-server]
    file link -symbolic $link [file normalize $program]
    set port [bench::freePort]
    bench::server redis-server [list $link --port $port --save {} \
        --bind 127.0.0.1 --logfile /dev/null --dir $bench::tmp]
    reachable $port
    bench::child redis [list [bench::program textpeer] redis $port]
    bench::together redis redis-server
    return redis
}

proc peers::reachable port {
    bench::until 5000 {![catch {socket 127.0.0.1 $port} channel]}
    upvar 0 channel open
    close $open
}

proc peers::Nats {} {
    set program [lindex [concat [auto_execok nats-server] \
        [glob -nocomplain /usr/sbin/nats-server]] 0]
    if {$program eq {}} {
        return
    }
    set port [bench::freePort]
    bench::server nats-server [list $program -a 127.0.0.1 -p $port \
        -l /dev/null]
    reachable $port
    bench::child nats [list [bench::program textpeer] nats $port]
    bench::together nats nats-server
    return nats
}

proc peers::Zmq {} {
    compiled zmq
}

proc peers::Nng {} {
    compiled nng
}

proc peers::compiled name {
    set program [bench::program $name]
    if {$program eq {}} {
        return
    }
    bench::child $name [list $program tcp://127.0.0.1:[bench::freePort]]
    bench::ask $name {run 5}
    return $name
}

# Two nodes without their port mapper: both ports are known.
proc peers::Erlang {} {
    if {![bench::has erl] || ![bench::has erlc]} {
        return
    }
    exec erlc -o $bench::tmp [file join $bench::here lib pong.erl]
    set port [bench::freePort]
    set ::env(HOME) $bench::tmp
    set words [list erl -noshell -pa $bench::tmp -setcookie bench \
        -start_epmd false -erl_epmd_port $port +S 1]
    bench::server erl-a [list {*}$words -name a@127.0.0.1 -noinput \
        -s pong server]
    reachable $port
    bench::child erlang [list {*}$words -name b@127.0.0.1 \
        -dist_listen false -s pong client]
    bench::ask erlang {run 5}
    bench::together erlang erl-a
    return erlang
}
