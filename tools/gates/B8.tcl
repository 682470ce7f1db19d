# half-open connections: pending <= 64, 16 a source, reaped <= 5 s, RSS + <= 8 MB, queries >= 95 % within 2 s, no abort
# alone
# netns
#
# 2,000 connections (B: 10,000) from 50 addresses, a byte a second of each for
# 5 s (B: 30 s), opened anew when cut, while the application opens sockets of
# its own and a good member asks; then 30 from one address, then 10 that nobody
# pushes out.

source [file join [file dirname [info script]] support.tcl]

set count [size 2000 10000]
set seconds [size 5 30]
set port [freePort]
answering victim -port $port -tags victim
start good -port $port -tags good
know victim 1
know good 1
waitFor 2000 {[ask good {dict exists [[$cluster resolve victim] props] t}]}
answered good victim 5
set tcp [dict get [ask good {[$cluster resolve victim] proto_props t}] port]

# The connections of the victim that came to its port from 127.0.1.x: by
# source, from /proc/net/tcp, only those that it has as descriptors.
proc held {} {
    foreach fd [glob -nocomplain -directory /proc/[pidOf victim]/fd *] {
        if {![catch {file readlink $fd} to]
                && [regexp {socket:\[(\d+)\]} $to -> inode]} {
            set own($inode) 1
        }
    }
    set f [open /proc/net/tcp]
    set sources {}
    foreach line [lrange [split [read $f] \n] 1 end] {
        if {[scan $line { %*d: %*8x:%x %8x:%*x %x %*s %*s %*s %*d %*d %d} \
                local peer state inode] != 4} continue
        if {$local == $::tcp && ($peer & 0xffff) == 0x007f
                && $state != 0x0a && [info exists own($inode)]
                && (($peer >> 16) & 0xff) == 1} {
            # A long table is read in pieces: a line may come twice.
            if {![info exists twice($inode)]} {
                dict lappend sources $peer $inode
            }
            set twice($inode) 1
        }
    }
    close $f
    return $sources
}

# It stands still while it is looked at, or new ones would count as well as
# those they took the place of.
proc still {} {
    freeze victim
    waitFor 1000 {[regexp {State:\s+T} [contents /proc/[pidOf victim]/status]]}
    try {
        return [held]
    } finally {
        thaw victim
    }
}

proc beyond {held} {
    set sum 0
    dict for {source inodes} $held {
        incr sum [llength $inodes]
        if {[llength $inodes] > 16} {
            return 1
        }
    }
    return [expr {$sum > 64}]
}

# Accepting one and closing another in its place are two system calls, between
# which it may have been stopped: what is beyond the bar is looked at again.
proc look {} {
    global most mostSource ages oldest between
    set held [still]
    if {[beyond $held]} {
        waitFor 2 {0}
        set held [still]
        incr between [expr {![beyond $held]}]
    }
    set now [clock milliseconds]
    set seen {}
    set sum 0
    dict for {source inodes} $held {
        set n [llength $inodes]
        incr sum $n
        set mostSource [expr {max($mostSource, $n)}]
        foreach inode $inodes {
            dict set seen $inode [expr {[dict exists $ages $inode]
                ? [dict get $ages $inode] : $now}]
            set oldest [expr {max($oldest, $now - [dict get $seen $inode])}]
        }
    }
    set most [expr {max($most, $sum)}]
    set ages $seen
}

proc contents {path} {
    set f [open $path]
    try { read $f } finally { close $f }
}

# The application's own: a server and clients, all the time.
ask victim {
    set echoed 0
    proc accept {s args} {
        fconfigure $s -blocking 0 -buffering line
        fileevent $s readable [list echo $s]
    }
    proc echo s {
        if {[gets $s line] >= 0} {incr ::echoed}
        if {[eof $s]} {close $s}
    }
    proc client {} {
        set s [socket 127.0.0.1 $::own]
        puts $s hello
        close $s
        incr ::clients
        after 20 client
    }
    set server [socket -server accept -myaddr 127.0.0.1 0]
    set own [lindex [fconfigure $server -sockname] 2]
    set clients 0
    client
}

foreach name {most mostSource oldest asked good between} {
    set $name 0
}
set ages {}
set memory [resident [pidOf victim]]
set opened 0
# The last ten are accepted when what is left of the ten thousand has been: only
# then their five seconds begin.
foreach {connections duration sources} \
        [list $count $seconds 50 30 3 1 10 [size 7 14] 10] {
    background storm half $tcp $connections $duration $sources
    while {![over storm]} {
        look
        incr asked
        incr good [answered good victim 1]
        waitFor 50 {0}
    }
    lassign [ended storm] sent bytes
    incr opened $sent
    puts "$connections held from $sources: $sent opened, $bytes bytes;\
        till now $most pending, $mostSource of one source, oldest $oldest ms"
}
set grown [expr {[resident [pidOf victim]] - $memory}]
puts "[stat victim links_accepted] accepted, [stat victim links_refused] refused, [stat victim links_expired] expired"
puts "$between times it was stopped between accepting one and closing another"

law "connections came" {$opened >= $count && $most > 50}
law "pending <= 64, not $most" {$most <= 64}
law "16 a source, not $mostSource" {$mostSource == 16}
law "reaped <= 5 s, not $oldest ms" {$oldest > 4000
    && $oldest <= 5300}
law "RSS + <= 8 MB, not $grown KB" {$grown <= 8192}
law "queries >= 95 %: $good of $asked" {$asked > 10 && $good >= 0.95 * $asked}
law "the application's own sockets work" {[ask victim {
    expr {$clients > 50 && $echoed >= $clients - 3}}]}
law "nobody is left within 6 s" {[waitFor 6000 {[llength [held]] == 0}]}

figure "$opened connections, $most pending, $mostSource of one source, oldest\
    $oldest ms, + $grown KB, $good of $asked queries within 2 s"
