# doctor.tcl -- networks of their own, and what `cluster doctor` says in them.
#
#     world {ip link set eth0 down}      makes one; over
#     inside $script                     runs it there, by sh
#     doctor -remote 1                   -> {status found}
#     withRoot {etc/hosts text} $script  reads these files, not the system's

set top [file dirname [file dirname [file normalize [info script]]]]
source -encoding utf-8 [file join $top shell doctor.tcl]
# It ends in the middle of a script, which leaves words on Tcl's stack: no leak
# of ours, so it is not asked for leaks.
set program [list env ASAN_OPTIONS=[expr {[info exists env(ASAN_OPTIONS)]
    ? "$env(ASAN_OPTIONS):" : {}}]detect_leaks=0 \
    [file join $top tools cluster]]
if {![info exists env(CLUSTER_BUILD)]} {
    set env(CLUSTER_BUILD) [file join $top build]
}
set place [makeDirectory doctor]
# Doctor's own files, if it made any, would be here.
foreach name {XDG_RUNTIME_DIR TMPDIR} {
    set env($name) [file join $place $name]
    file mkdir $env($name)
    file attributes $env($name) -permissions 0700
}

# ---- worlds ------------------------------------------------------------------

# A network of its own with lo, and with eth0 that is routed to the group. It
# lives as long as its keeper, a process that waits for its input to end.
proc world {{script {}}} {
    set ::keeper [open |[list unshare --net --mount --propagation slave sh -c {
        mount -t sysfs none /sys && echo ready && cat >/dev/null
    }] r+]
    gets $::keeper
    inside {
        ip link set lo up
        ip link add eth0 type veth peer name far0
        ip link set eth0 up
        ip link set far0 up
        ip address add 10.99.0.1/24 dev eth0
        ip address add fd99::1/64 dev eth0 nodad
        ip route add 224.0.0.0/4 dev eth0
        for face in all eth0; do
            echo 0 >/proc/sys/net/ipv4/conf/$face/rp_filter
        done
        echo 1 >/proc/sys/net/ipv6/conf/far0/disable_ipv6
    }
    inside $script
}

proc within {} {
    return [list nsenter --net --mount --root --wd --target [pid $::keeper]]
}

proc inside script {
    exec {*}[within] sh -ec $script 2>@1
}

proc over {} {
    stopAll
    foreach channel [list {*}$::others $::keeper] {
        catch {close $channel}
    }
    set ::others {}
}
set others {};                  # processes that hold something

# Runs doctor there -> exit status, and a dict: check -> {state words}.
proc doctor args {
    doctorBy {} {*}$args
}

proc doctorBy {front args} {
    set status 0
    try {
        set lines [exec {*}[within] {*}$front {*}$::program doctor -format tcl \
            -wait 20 {*}$args 2>@stderr]
    } trap CHILDSTATUS {lines details} {
        set status [lindex [dict get $details -errorcode] 2]
        regsub {\nchild process exited abnormally$} $lines {} lines
    }
    set found {}
    foreach line [split $lines \n] {
        dict set found [dict get $line check] \
            [list [dict get $line state] [dict get $line words]]
    }
    return [list $status $found]
}

proc statesOf found {
    set states {}
    dict for {check verdict} $found {
        if {[lindex $verdict 0] ne "ok"} {
            dict set states $check [lindex $verdict 0]
        }
    }
    # A machine that is a container says so whatever we do.
    if {[::cluster::shell::system::Container] ne {}} {
        dict unset states container
    }
    return $states
}

# What is to be typed: behind the last colon and blank.
proc remedy words {
    return [string range $words [string last ": " $words]+2 end]
}

testConstraint world [expr {![catch {world} why]}]
if {![testConstraint world]} {
    puts "doctor: no networks of our own here: $why"
}
catch {over}
testConstraint udp [expr {![catch {package require udp}]}]
testConstraint readable [expr {![catch {
    exec setpriv --reuid 65534 --clear-groups {*}$program version
}]}]
testConstraint hosts [file exists /etc/hosts]
testConstraint root [expr {[::cluster::shell::system::User] == 0}]
testConstraint nft [expr {[::cluster::shell::system::Tool nft] ne {}
    && ![catch {exec [::cluster::shell::system::Tool nft] list ruleset}]}]

# A tree of files instead of this system's.
proc withRoot {files script} {
    set root [makeDirectory root]
    foreach {name content} $files {
        file mkdir [file dirname $root/$name]
        set f [open $root/$name w]
        puts $f $content
        close $f
    }
    set ::cluster::shell::system::Root $root
    try {
        uplevel 1 $script
    } finally {
        set ::cluster::shell::system::Root {}
        file delete -force $root
    }
}
