# system.tcl -- what the system tells about itself: /proc, and the tools that
#               list a firewall's rules. What cannot be read is empty.

namespace eval ::cluster::shell::system {
    variable Root {};           # in front of every path; tests have their own
}

proc ::cluster::shell::system::Linux {} {
    return [expr {$::tcl_platform(os) eq "Linux"}]
}

proc ::cluster::shell::system::Read path {
    variable Root
    try {
        set f [open $Root$path]
    } on error {} {
        return
    }
    try {
        return [read $f]
    } on error {} {
        return
    } finally {
        close $f
    }
}

proc ::cluster::shell::system::There path {
    variable Root
    return [file exists $Root$path]
}

# A number of /proc/sys, by the name that sysctl has for it.
proc ::cluster::shell::system::Setting {name {default {}}} {
    set text [string trim [Read /proc/sys/[string map {. /} $name]]]
    return [expr {[string is wideinteger -strict $text] ? $text : $default}]
}

# Of one interface; a dot in its name is none of the path's.
proc ::cluster::shell::system::FaceSetting {family face name {default {}}} {
    set text [string trim [Read /proc/sys/net/$family/conf/$face/$name]]
    return [expr {[string is integer -strict $text] ? $text : $default}]
}

# ---- sockets and processes ---------------------------------------------------

# UDP sockets on a port, of both families: dicts of uid, inode and drops. One
# of IPv6 may hold the port of IPv4, too.
proc ::cluster::shell::system::Sockets port {
    set found {}
    foreach table {udp udp6} {
        foreach line [lrange [split [Read /proc/net/$table] \n] 1 end] {
            set words [regexp -all -inline {\S+} $line]
            set local [lindex [split [lindex $words 1] :] 1]
            if {[scan $local %x number] == 1 && $number == $port} {
                lappend found [dict create uid [lindex $words 7] \
                    inode [lindex $words 9] drops [lindex $words 12]]
            }
        }
    }
    return $found
}

# Whose are these sockets? -> a dict: inode -> {pid name}, of those that may be
# looked into.
proc ::cluster::shell::system::Owners inodes {
    variable Root
    set links [lmap inode $inodes {string cat socket:\[ $inode \]}]
    set owners {}
    foreach directory [glob -nocomplain -directory $Root/proc {[0-9]*}] {
        foreach fd [glob -nocomplain -directory $directory/fd *] {
            if {[catch {file readlink $fd} link]} continue
            if {[set at [lsearch -exact $links $link]] >= 0} {
                set pid [file tail $directory]
                dict set owners [lindex $inodes $at] [list $pid \
                    [string trim [Read /proc/$pid/comm]]]
            }
        }
        if {[dict size $owners] == [llength $inodes]} break
    }
    return $owners
}

# The user we act as, and a user's name for people.
proc ::cluster::shell::system::User {} {
    if {![catch {file stat /proc/self of}]} {
        return $of(uid)
    }
    return [exec id -u]
}

proc ::cluster::shell::system::UserName uid {
    foreach line [split [Read /etc/passwd] \n] {
        if {[lindex [split $line :] 2] eq $uid} {
            return [lindex [split $line :] 0]
        }
    }
    return "user $uid"
}

# How many descriptors a process of ours may have: now, and at most.
proc ::cluster::shell::system::Descriptors {} {
    if {[regexp {Max open files\s+(\S+)\s+(\S+)} [Read /proc/self/limits] \
            -> soft hard]} {
        return [list $soft $hard]
    }
    if {[catch {exec sh -c {ulimit -Sn; ulimit -Hn}} limits]} {
        return
    }
    return [split $limits \n]
}

# The interfaces that take a group's packets in, whoever asked for it.
proc ::cluster::shell::system::Joined group {
    if {[string match *:* $group]} {
        return [Joined6 $group]
    }
    binary scan [binary format c4 [split $group .]] H8 hex
    set want [string toupper [string cat {*}[lreverse \
        [regexp -all -inline .. $hex]]]]
    set found {}
    foreach line [split [Read /proc/net/igmp] \n] {
        if {[regexp {^\d+\s+(\S+)} $line -> name]} {
            set face $name
        } elseif {[lindex [regexp -all -inline {\S+} $line] 0] eq $want} {
            lappend found $face
        }
    }
    return $found
}

proc ::cluster::shell::system::Joined6 group {
    set want [Hex6 $group]
    set found {}
    foreach line [split [Read /proc/net/igmp6] \n] {
        set words [regexp -all -inline {\S+} $line]
        if {[lindex $words 2] eq $want} {
            lappend found [lindex $words 1]
        }
    }
    return $found
}

# An IPv6 address as 32 digits.
proc ::cluster::shell::system::Hex6 address {
    set address [lindex [split $address %] 0]
    set halves [split [string map {:: \x1f} $address] \x1f]
    set parts [lmap half $halves {lmap word [split $half :] {
        format %04x 0x$word
    }}]
    set missing [expr {8 - [llength [concat {*}$parts]]}]
    return [string cat {*}[lindex $parts 0] \
        {*}[lrepeat $missing 0000] {*}[lindex $parts 1]]
}

# ---- the firewall ------------------------------------------------------------

# Where a tool for administrators lies; empty when it is not installed.
proc ::cluster::shell::system::Tool name {
    foreach place [list {*}[split $::env(PATH) :] /usr/sbin /sbin] {
        if {$place ne {} && [file executable [file join $place $name]]} {
            return [file join $place $name]
        }
    }
    return
}

# What the tools list, as dicts of tool and text, and why others say nothing:
# {lists refusals}. nft shows what newer ones of iptables make; iptables is
# asked where the kernel has tables of the old kind, or when there is no nft.
proc ::cluster::shell::system::Rules family {
    set ip [expr {$family == 6 ? "ip6" : "ip"}]
    set old [expr {[string trim [Read /proc/net/${ip}_tables_names]] ne {}}]
    set asked [list [list nft -a list ruleset]]
    if {$old && [Tool ${ip}tables-legacy] ne {}} {
        lappend asked [list ${ip}tables-legacy -S]
    } elseif {$old || [Tool nft] eq {}} {
        lappend asked [list ${ip}tables -S]
    }
    set lists {}
    set refusals {}
    foreach command $asked {
        set name [lindex $command 0]
        set tool [Tool $name]
        if {$tool eq {}} {
            lappend refusals "$name is not installed"
        } elseif {[catch {exec $tool {*}[lrange $command 1 end] 2>@1} text]} {
            lappend refusals "$name says: [lindex [split $text \n] 0]"
        } else {
            lappend lists [dict create tool $name text $text]
        }
    }
    return [list $lists $refusals]
}

# Signs that this is a container, in words; empty when there are none.
proc ::cluster::shell::system::Container {} {
    foreach {path what} {
        /.dockerenv Docker   /run/.containerenv Podman
        /run/systemd/container systemd-nspawn
    } {
        if {[There $path]} {
            return $what
        }
    }
    return
}

# Is our network another than that of the system's first process?
proc ::cluster::shell::system::OwnNetwork {} {
    variable Root
    return [expr {![catch {file readlink $Root/proc/1/ns/net} first]
        && ![catch {file readlink $Root/proc/self/ns/net} ours]
        && $first ne $ours}]
}
