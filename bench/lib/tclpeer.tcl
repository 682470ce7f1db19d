# tclpeer.tcl -- what a Tcl program has without us: socket, comm, udp.
#
#     tclpeer.tcl socket|comm|udp          asks a server that it starts itself
#     tclpeer.tcl KIND serve PORT          that server

lassign $argv kind role port
fconfigure stdin -buffering line -blocking 1
fconfigure stdout -buffering line

proc outcome {began times} {
    set all [expr {[clock microseconds] - $began}]
    set sorted [lsort -integer $times]
    set n [llength $sorted]
    return [list $all [lindex $sorted [expr {$n / 2}]] \
        [lindex $sorted [expr {$n * 99 / 100}]]]
}

proc run count {
    set ::times {}
    set began [clock microseconds]
    for {set i 0} {$i < $count} {incr i} {
        set since [clock microseconds]
        $::kind\Ask
        lappend ::times [expr {[clock microseconds] - $since}]
    }
    return [outcome $began $::times]
}

# ---- lines over a socket -----------------------------------------------------

proc socketServe port {
    socket -server socketAccept -myaddr 127.0.0.1 $port
}

proc socketAccept {channel args} {
    fconfigure $channel -buffering line -translation lf -blocking 0
    fileevent $channel readable [list socketEcho $channel]
}

proc socketEcho channel {
    if {[gets $channel line] >= 0} {
        puts $channel pong
    } elseif {[eof $channel]} {
        exit
    }
}

proc socketConnect port {
    set ::channel [socket 127.0.0.1 $port]
    fconfigure $::channel -buffering line -translation lf -blocking 0
    fileevent $::channel readable {
        if {[gets $::channel ::answer] >= 0} {
            set ::came 1
        }
    }
}

proc socketAsk {} {
    puts $::channel ping
    vwait ::came
}

# ---- comm --------------------------------------------------------------------

proc commServe port {
    package require comm
    comm::comm config -port $port -local 1
}

proc commConnect port {
    package require comm
    set ::channel $port
    comm::comm send $port list pong
}

proc commAsk {} {
    comm::comm send $::channel list pong
}

# ---- datagrams ---------------------------------------------------------------

proc udpServe port {
    package require udp
    set ::socket [udp_open $port]
    fconfigure $::socket -translation binary -buffering none -blocking 0
    fileevent $::socket readable {
        read $::socket
        fconfigure $::socket -remote [fconfigure $::socket -peer]
        puts -nonewline $::socket pong
    }
}

proc udpConnect port {
    package require udp
    set ::channel [udp_open]
    fconfigure $::channel -translation binary -buffering none -blocking 0 \
        -remote [list 127.0.0.1 $port]
    fileevent $::channel readable {
        read $::channel
        set ::came 1
    }
}

proc udpAsk {} {
    puts -nonewline $::channel ping
    vwait ::came
}

if {$role eq "serve"} {
    ${kind}Serve $port
    puts ready
    fileevent stdin readable {if {[gets stdin] eq {} && [eof stdin]} exit}
    vwait forever
}

set server [socket -server {} -myaddr 127.0.0.1 0]
set port [lindex [fconfigure $server -sockname] 2]
close $server
set server [open |[list [info nameofexecutable] [info script] $kind serve \
    $port] r+]
gets $server
${kind}Connect $port
while {[gets stdin line] >= 0} {
    puts [{*}$line]
}
