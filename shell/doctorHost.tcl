# doctorHost.tcl -- what doctor finds out about this host, its other processes
#                   and the members that answer.

# ---- the port ----------------------------------------------------------------

proc ::cluster::shell::doctor::Check_port facts {
    set trial [dict get $facts trial]
    set port [dict get $facts port]
    set holders [dict get $facts holders]
    switch -- [lrange [dict get $trial code] 0 1] {
        {POSIX EADDRINUSE} { return [PortTaken $port $holders] }
        {POSIX EACCES} {
            return [Fail "only root may use UDP port $port" \
                "join with a -port above 1023"]
        }
    }
    if {![system::Linux] && [dict get $trial joined]} {
        return [Ok "UDP port $port is ours too; who shares it, this system does\
            not show"]
    }
    if {![llength $holders]} {
        return [Ok "nobody else on this host has UDP port $port"]
    }
    if {![dict get $trial joined]} {
        return [Ok "[Count [llength $holders] socket sockets] of this host have\
            UDP port $port: [Whose $holders]"]
    }
    return [Ok "UDP port $port is shared with [Whose $holders]"]
}

proc ::cluster::shell::doctor::PortTaken {port holders} {
    if {![llength $holders]} {
        return [Fail "UDP port $port is taken; by whom cannot be seen" \
            "ss -ulpn sport = :$port"]
    }
    set ours [system::User]
    set others [lmap holder $holders {
        if {[dict get $holder uid] eq $ours} continue
        set holder
    }]
    if {[llength $others]} {
        set user [system::UserName [dict get [lindex $others 0] uid]]
        return [Fail "UDP port $port belongs to another user, by\
            [Whose $others], and a port is shared among one user's processes\
            alone" "run as $user, or give all members another -port"]
    }
    return [Fail "UDP port $port is taken by [Whose $holders], which does not\
        share it (SO_REUSEPORT)" "end it, or give all members another -port"]
}

# "tclsh (pid 17) and 3 more"
proc ::cluster::shell::doctor::Whose holders {
    set owners [system::Owners [lmap holder $holders {dict get $holder inode}]]
    set names {}
    foreach holder $holders {
        set inode [dict get $holder inode]
        if {[dict exists $owners $inode]} {
            lassign [dict get $owners $inode] pid name
            set name "$name (pid $pid)"
        } else {
            set name "a process of [system::UserName [dict get $holder uid]]"
        }
        if {$name ni $names} {
            lappend names $name
        }
    }
    if {[llength $names] > 4} {
        set names [list {*}[lrange $names 0 2] \
            "[expr {[llength $names] - 3}] more"]
    }
    return [List $names]
}

# ---- who answers -------------------------------------------------------------

proc ::cluster::shell::doctor::Check_seeds facts {
    set trial [dict get $facts trial]
    set seeds [dict get $facts config seeds]
    if {![llength $seeds]} {
        return [Ok "none were given"]
    }
    if {[dict get $trial seeds] ne {}} {
        return [Fail [dict get $trial seeds] "correct the name, or its entry in\
            the name service"]
    }
    if {![dict get $trial joined]} {
        return [Warn "not looked at, since joining failed"]
    }
    set silent [lmap seed $seeds {
        if {[Answers $facts {*}$seed]} continue
        join $seed :
    }]
    if {![llength $silent]} {
        return [Ok "there is somebody at [List [lmap seed $seeds {
            join $seed :}]]"]
    }
    return [Fail "nobody answers at [List $silent]" "start a member there, and\
        let UDP through to its -port"]
}

# On this host the system knows who has the port; elsewhere one must answer.
proc ::cluster::shell::doctor::Answers {facts host {port {}}} {
    if {$port eq {}} {
        set port [dict get $facts port]
    }
    set host [::cluster::core::lookup $host [dict get $facts family]]
    if {[::cluster::IsLocal $host] && [system::Linux]} {
        return [expr {$port == [dict get $facts port]
            ? [llength [dict get $facts holders]] > 0
            : [llength [system::Sockets $port]] > 0}]
    }
    foreach service [dict get $facts trial services] {
        if {[dict get $service address] eq $host} {
            return 1
        }
    }
    return 0
}

proc ::cluster::shell::doctor::Check_members facts {
    set trial [dict get $facts trial]
    if {![dict get $trial joined]} {
        return [Warn "not looked for, since joining failed"]
    }
    set count [llength [dict get $trial services]]
    if {$count == 0} {
        return [Nobody $facts]
    }
    set words [Count $count {member answers} {members answer}]
    if {[set far [Far $facts]]} {
        append words ", $far of other hosts"
    }
    return [Ok $words]
}

# Whoever has the port and does not answer is another cluster's, or stopped.
proc ::cluster::shell::doctor::Nobody facts {
    set holders [dict get $facts holders]
    if {[llength $holders]} {
        return [Warn "nobody answers, although [Whose $holders]\
            [expr {[llength $holders] == 1 ? "has" : "have"}] UDP port\
            [dict get $facts port]" "look whether the -address there is\
            [dict get $facts group], and whether it runs"]
    }
    if {[dict get $facts hops] == 0} {
        return [Ok "nobody else is on this host; to have somebody: cluster\
            serve"]
    }
    return [Ok "nobody else answers; members of other hosts need the same\
        -address and -port, and a -remote above 0"]
}

# How many members of other hosts answer.
proc ::cluster::shell::doctor::Far facts {
    set far 0
    foreach service [dict get $facts trial services] {
        incr far [expr {![dict get $service local]}]
    }
    return $far
}

proc ::cluster::shell::doctor::Check_originals facts {
    if {![dict get $facts trial joined]} {
        return [Warn "not looked for, since joining failed"]
    }
    set services [dict get $facts trial services]
    set count 0
    foreach service $services {
        incr count [dict get $service original]
    }
    if {$count == 0} {
        return [Ok "none seen"]
    }
    return [Ok "$count of [Count [llength $services] member members]\
        [expr {$count == 1 ? "is" : "are"}] of version 1.1.8: they are spoken\
        to in its way"]
}

# ---- what the kernel grants --------------------------------------------------

# Linux says twice what it granted.
proc ::cluster::shell::doctor::Check_buffer facts {
    set way [dict get $facts way]
    if {![dict exists $way granted]} {
        return [Warn "not looked at: no socket could be opened for the group"]
    }
    set asked [dict get $way asked]
    set granted [expr {[dict get $way granted] / ([system::Linux] ? 2 : 1)}]
    if {$granted < $asked} {
        return [Warn "the kernel grants a receive buffer of [KB $granted]\
            instead of [KB $asked]: a flood of packets may be lost" \
            "sysctl -w net.core.rmem_max=$asked"]
    }
    return [Ok "the receive buffer is [KB $granted], as asked for"]
}

proc ::cluster::shell::doctor::KB bytes {
    return "[expr {$bytes / 1024}] KB"
}

proc ::cluster::shell::doctor::Check_drops facts {
    if {![system::Linux]} {
        return [Warn "this system does not show it"]
    }
    set slow [lmap holder [dict get $facts holders] {
        if {[dict get $holder drops] == 0} continue
        set holder
    }]
    if {![llength $slow]} {
        return [Ok "none at UDP port [dict get $facts port]"]
    }
    set drops 0
    foreach holder $slow {
        incr drops [dict get $holder drops]
    }
    return [Warn "the kernel dropped [Count $drops datagram datagrams] that\
        [Whose $slow] did not read in time" \
        "look whether it is busy or stopped"]
}

proc ::cluster::shell::doctor::Check_descriptors facts {
    lassign [system::Descriptors] soft hard
    if {$soft eq {}} {
        return [Warn "this system does not show its limit"]
    }
    set wanted [expr {[Limit $facts maxconnections]
        + [Limit $facts maxpending] + 64}]
    if {$soft eq "unlimited" || $soft >= $wanted} {
        return [Ok "$soft are allowed, $wanted may be needed"]
    }
    if {$hard ne "unlimited" && $hard < $wanted} {
        return [Warn "only $soft descriptors are allowed, at most $hard, and\
            $wanted may be needed" "join with -maxconnections\
            [expr {max(1, $hard - 64 - min($hard / 4, [Limit $facts \
                maxpending]))}], or raise the limit as root"]
    }
    return [Warn "only $soft descriptors are allowed, and $wanted may be\
        needed" "ulimit -n $wanted"]
}

# ---- files -------------------------------------------------------------------

proc ::cluster::shell::doctor::Check_unix facts {
    if {"u" ni [dict get $facts config protocols]} {
        return [Ok "not used: u is not among -protocols"]
    }
    set asked [dict get $facts config u]
    if {$asked ne {}} {
        return [AskedPath $asked]
    }
    set wrong {}
    foreach directory [Places] {
        set why [PrivatePlace $directory]
        if {$why eq {}} {
            set words "sockets lie in $directory"
            return [expr {[llength $wrong]
                ? [Warn "$words, since [join $wrong {, and }]" \
                    "remove or correct it"]
                : [Ok "$words, which only this user can enter"]}]
        }
        lappend wrong $why
    }
    return [Fail "there is no place for a Unix socket: [join $wrong {, and }]" \
        "join with -u {path /A/DIRECTORY/OF/YOURS/name.sock}"]
}

# The directories that joining tries, in its order.
proc ::cluster::shell::doctor::Places {} {
    set places {}
    if {[info exists ::env(XDG_RUNTIME_DIR)]
        && [string match /* $::env(XDG_RUNTIME_DIR)]} {
        lappend places $::env(XDG_RUNTIME_DIR)/cluster
    }
    set temporary /tmp
    if {[info exists ::env(TMPDIR)] && [string match /* $::env(TMPDIR)]} {
        set temporary $::env(TMPDIR)
    }
    return [list {*}$places $temporary/cluster-[system::User]]
}

# Why no private directory can be there; empty when it can.
proc ::cluster::shell::doctor::PrivatePlace directory {
    if {[TooLong $directory/XXXXXXXX.sock]} {
        return "$directory is too long for a socket's path"
    }
    if {[catch {file lstat $directory is}]} {
        return [Creatable $directory]
    }
    if {$is(type) ne "directory"} {
        return "$directory is no directory"
    }
    if {$is(uid) != [system::User]} {
        return "$directory belongs to [system::UserName $is(uid)]"
    }
    if {($is(mode) & 0o777) != 0o700} {
        return "$directory has mode [format %04o [expr {$is(mode) & 0o777}]]\
            and not 0700"
    }
    if {![::cluster::core::kept $directory 1]} {
        return "others may write on the way to $directory"
    }
    return
}

# Why a directory cannot be made; empty when it can.
proc ::cluster::shell::doctor::Creatable directory {
    set parent [file dirname $directory]
    if {![file isdirectory $parent]} {
        return "there is no directory $parent"
    }
    if {![file writable $parent]} {
        return "nothing can be made in $parent"
    }
    if {![::cluster::core::kept $parent 0]} {
        return "others may write on the way to $directory"
    }
    return
}

# -u: what is missing of the path is made, so the last that exists counts.
proc ::cluster::shell::doctor::AskedPath path {
    if {[TooLong [file rootname $path]-XXXXXXXX[file extension $path]]} {
        return [Fail "the path $path is too long: with the member's id it has\
            more than 107 bytes" "use a shorter one"]
    }
    set directory [file dirname $path]
    set found $directory
    while {![file exists $found]} {
        set found [file dirname $found]
    }
    set ours [expr {$found eq $directory}]
    if {![::cluster::core::kept $found $ours]} {
        file stat $found is
        return [Fail "$found, which belongs to [system::UserName $is(uid)] with\
            mode [format %04o [expr {$is(mode) & 0o7777}]], can be changed by\
            others" "use a directory of your own, mode 0700"]
    }
    if {![file writable $found]} {
        return [Fail "nothing can be made in $found" "use another directory"]
    }
    return [Ok "sockets lie in $directory, which others cannot change"]
}

proc ::cluster::shell::doctor::TooLong path {
    return [expr {[string length [encoding convertto $path]] > 107}]
}

# ---- time and versions -------------------------------------------------------

proc ::cluster::shell::doctor::Check_clock facts {
    set clocks [dict get $facts trial clock]
    if {$clocks eq {}} {
        set clocks [list [Clocks] [Clocks]]
    }
    lassign $clocks before after
    lassign [lmap a $before b $after {expr {$b - $a}}] ran wall
    if {$ran < 0 || ($ran == 0 && $wall > 100)} {
        return [Fail "the clock of deadlines stands still or runs backwards" \
            "this machine's clock source is broken: look at dmesg"]
    }
    if {abs($wall - $ran) > 200} {
        return [Warn "the wall clock jumped by [expr {$wall - $ran}] ms in\
            [expr {$ran}] ms; deadlines do not go by it, only the times shown"\
            "look at what sets it: timedatectl"]
    }
    set told [::cluster::core::clock]
    if {![dict exists $told synchronised]} {
        return [Ok "it runs; whether wall time is synchronised cannot be seen"]
    }
    return [Ok [expr {[dict get $told synchronised]
        ? "it runs, and wall time is synchronised"
        : "it runs; wall time is not known to be synchronised, which matters\
            only to times shown"}]]
}

proc ::cluster::shell::doctor::Check_tcl facts {
    return [Ok "Tcl [info patchlevel] and cluster [package present cluster]"]
}
