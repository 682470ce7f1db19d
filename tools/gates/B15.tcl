# fork and exec: 0 descriptors inherited, 0 packets sent and nothing undone by a child
# netns
#
# A child that was exec'ed lists its descriptors.  One that was only forked
# calls the interface, enters the event loop, destroys the cluster and exits;
# the network's own counters say what left.

source [file join [file dirname [info script]] support.tcl]

proc makefile {name} {
    set f [open [file join $::env(CLUSTER_BUILD) Makefile]]
    set text [read $f]
    close $f
    regexp -line "^$name = (.*)\$" $text -> value
    return $value
}
set f [open [file join $env(CLUSTER_BUILD) Makefile]]
regexp {(\S*-ltclstub\S*)} [set text [read $f]] -> stub
close $f
regexp {\$\^ ([^\n]*-ltclstub\S*)} $text -> stub
set fork [compiled fork -shared -fPIC {*}[makefile WITH_TCL] {*}$stub]

set place [exec mktemp -d]
file attributes $place -permissions 0700
set port [freePort]
foreach name {victim good} {
    answering $name -port $port -tags $name -protocols {t u c d} \
        -u [list path $place/$name.sock]
}
know victim 1
know good 1
waitFor 2000 {[ask good {dict exists [[$cluster resolve victim] props] u}]}
answered good victim 3
answered victim good 3

# ---- exec --------------------------------------------------------------------

set inherited [ask victim {
    exec sh -c {for f in /proc/$$/fd/*; do readlink $f; done; true}
}]
set inherited [lsearch -all -inline -regexp $inherited \
    {^socket:|eventpoll|timerfd|netlink}]
puts "inherited: $inherited"

# ---- fork --------------------------------------------------------------------

# What left: datagrams, segments with data, connections begun.
proc left {} {
    set f [open /proc/net/snmp]
    set text [read $f]
    close $f
    set out {}
    foreach {head values} [split [string trim $text] \n] {
        set row [dict create {*}[concat {*}[lmap a $head b $values {
            list $a $b}]]]
        foreach key {OutDatagrams ActiveOpens} {
            if {[dict exists $row $key]
                    && [lindex $head 0] in {Udp: Tcp:}} {
                lappend out [dict get $row $key]
            }
        }
    }
    return $out
}

ask victim [list load $fork Fork]
waitFor 2500 {0}
set heard [ask good {dict get [$cluster stats] protocols}]
set before [left]
set accepted [stat good links_accepted]
ask victim [list apply {{report} {
    global cluster
    set out [open $report w]
    set pid [fork]
    if {$pid} {
        close $out
        set ::child $pid
        return
    }
    fileevent stdin readable {}
    foreach script {
        {$cluster heartbeat}
        {$cluster discover}
        {$cluster send -resolve good -data x}
        {$cluster query -resolve good -query q -timeout 100 -command list}
        {[$cluster resolve good] send x}
        {$cluster tags new}
        {after 300 {set ::over 1}; vwait ::over}
        {cluster join -port 23999}
        {$cluster destroy}
        {update}
    } {
        puts $out "$script: [catch $script message] $message"
        flush $out
    }
    puts $out "end"
    close $out
    exit 0
}} $place/said]
set done [waitFor 5000 {[regexp end [exec cat $place/said]]}]
waitFor 5000 {![file exists /proc/[ask victim {set child}]/exe]}
waitFor 500 {0}
set sent 0
foreach a $before b [left] {
    incr sent [expr {$b - $a}]
}
puts [exec cat $place/said]
puts "sent by the child: $before -> [left]"
set streams [expr {[stat good links_accepted] - $accepted}]
set after [ask good {dict get [$cluster stats] protocols}]
set came 0
foreach p {t u c d} {
    incr came [expr {[dict get $after $p packets_in]
        - [dict get $heard $p packets_in]}]
}

law "0 descriptors inherited" {[llength $inherited] == 0}
law "the child came to its end" {$done}
law "0 datagrams and connections of the child, not $sent" {$sent == 0}
law "0 packets heard, not $came" {$came == 0}
law "0 connections by Unix sockets" {$streams == 0}
law "the socket is still there" {[llength [glob -nocomplain \
    $place/victim-*.sock]] == 1}
law "nobody was lost" {[services good] == 1 && [services victim] == 1}
law "the parent answers" {[answered good victim 5] == 5}
law "the parent asks" {[answered victim good 5] == 5}
stopAll
file delete -force $place

figure "[llength $inherited] descriptors inherited, [expr {$sent + $came}]\
    packets sent by a child"
