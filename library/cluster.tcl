# cluster.tcl -- the package's entry: the cluster ensemble, and joining.
#
# What a program may say is checked here, word by word, before anything is
# made; sockets, tables and time are the C core's.

namespace eval ::cluster::clusters {}

namespace eval ::cluster {
    variable Joined 0
    # The options of join: kind and default.  Kinds are the procs Check<Kind>.
    variable Options {
        -address    {Word    230.230.230.230}
        -port       {Port    23000}
        -ttl        {Count   600}
        -heartbeat  {Count   120000}
        -channels   {Numbers {0 1 2}}
        -remote     {Hops    0}
        -tags       {List    {}}
        -protocols  {List    {t c}}
        -u          {Path    {}}
        -interface  {Word    {}}
        -seeds      {List    {}}
        -name       {Word    {}}
    }
}

foreach script {log payload node query hooks protocol} {
    source -encoding utf-8 [file join [file dirname [info script]] $script.tcl]
}
unset script

# cluster join ?-option value ...? -> the cluster's command (API 1).
proc ::cluster::Join args {
    lassign [Enter [JoinConfig $args]] cluster warning
    if {$warning ne {}} {
        log::Say $cluster warning $warning {}
    }
    return $cluster
}

# Joins with options that were checked -> the cluster's command, and what is
# wrong with the network, if anything is.
proc ::cluster::Enter config {
    variable Joined
    incr Joined
    lassign [core::join $Joined $config] cluster warning
    trace add command $cluster delete ::cluster::node::Gone
    trace add command $cluster rename ::cluster::node::Renamed
    return [list $cluster $warning]
}

# Every option, as given or by default, checked; keys without the dash.
proc ::cluster::JoinConfig given {
    variable Options
    if {[llength $given] % 2} {
        Invalid "missing value for option \"[lindex $given end]\""
    }
    set config {}
    dict for {option spec} $Options {
        dict set config [string range $option 1 end] [lindex $spec 1]
    }
    set limits [core::limits]
    foreach {option value} $given {
        set key [string range $option 1 end]
        if {[dict exists $Options $option]} {
            set kind [lindex [dict get $Options $option] 0]
            dict set config $key [Check$kind $option $value]
        } elseif {[string match -* $option] && [dict exists $limits $key]} {
            dict set config $key [CheckCount $option $value]
        } elseif {[string match -* $option] && $key in [protocols::Names]} {
            dict set config $key [CheckDict $option $value]
        } else {
            Unknown $option
        }
    }
    return [Complete $config]
}

proc ::cluster::Unknown option {
    variable Options
    Invalid "unknown option \"$option\": must be\
        [join [lsort [dict keys $Options]] {, }] or the name of a limit"
}

# What belongs together: channels 0 1 2 always, c among the protocols, seeds
# beyond this host only with -remote.
proc ::cluster::Complete config {
    set known [protocols::Names]
    dict set config channels \
        [lsort -integer -unique [concat 0 1 2 [dict get $config channels]]]
    set protocols {}
    foreach protocol [dict get $config protocols] {
        if {$protocol ni $known} {
            Invalid "unknown protocol \"$protocol\": must be one of\
                [join $known {, }]"
        }
        if {$protocol ni $protocols} {
            lappend protocols $protocol
        }
    }
    set name [dict get $config name]
    if {$name ne {} && $name ni [dict get $config tags]} {
        dict lappend config tags $name
    }
    if {"c" ni $protocols} {
        lappend protocols c
    }
    dict set config protocols $protocols
    return $config
}

proc ::cluster::Invalid message {
    return -code error -level 2 -errorcode CLUSTER_INVALID_ARGS $message
}

# ---- kinds of values: each returns it in its normal form ---------------------

proc ::cluster::CheckWord {option value} {
    return $value
}

proc ::cluster::CheckPort {option value} {
    CheckRange $option $value 1 65535
}

proc ::cluster::CheckCount {option value} {
    CheckRange $option $value 1 2147483647
}

# A TTL; true stands for 1 as in the original.
proc ::cluster::CheckHops {option value} {
    if {[string is boolean -strict $value] && ![string is integer $value]} {
        return [expr {bool($value)}]
    }
    CheckRange $option $value 0 255
}

proc ::cluster::CheckRange {option value least most} {
    if {![string is wideinteger -strict $value]
        || $value < $least || $value > $most} {
        Invalid "$option must be a number from $least to $most, not \"$value\""
    }
    return [expr {$value + 0}]
}

proc ::cluster::CheckList {option value} {
    if {[catch {llength $value}]} {
        Invalid "$option must be a list, not \"$value\""
    }
    return $value
}

# -<protocol> is a dict for that protocol.
proc ::cluster::CheckDict {option value} {
    if {[catch {dict size $value}]} {
        Invalid "$option must be a dict, not \"$value\""
    }
    return $value
}

proc ::cluster::CheckNumbers {option value} {
    foreach number [CheckList $option $value] {
        CheckRange $option $number 0 2147483647
    }
    return $value
}

# -u {path P}, or an absolute P itself; {} for a private directory.
proc ::cluster::CheckPath {option value} {
    if {$value eq {} || [string index $value 0] eq "/"} {
        return $value
    }
    if {[catch {llength $value} count] || $count != 2
        || [lindex $value 0] ne "path"} {
        Invalid "$option must be {path P}, not \"$value\""
    }
    return [lindex $value 1]
}

# ---- the other subcommands ---------------------------------------------------

# The clusters that are joined in this interpreter, by their commands.
proc ::cluster::Clusters {} {
    return [lsort -dictionary [info commands ::cluster::clusters::cluster_*]]
}

proc ::cluster::Version {} {
    return [package present cluster]
}

# The hardware address that is our hid.
proc ::cluster::HwAddr {args} {
    return [dict get [core::host] hid]
}

# This host's addresses; the first that is not a loopback one.
proc ::cluster::LocalAddresses {args} {
    return [dict get [core::host] addresses]
}

proc ::cluster::LanIp {args} {
    foreach address [LocalAddresses] {
        if {![string match 127.* $address] && ![string match *:* $address]} {
            return $address
        }
    }
    return
}

# Is it an address of this host?  Takes an address or a descriptor dict.
proc ::cluster::IsLocal address {
    if {![catch {dict get $address address} inner]} {
        set address $inner
    }
    expr {$address eq "localhost" || [string match 127.* $address]
        || $address in [LocalAddresses]}
}

proc ::cluster::Rand {min max} {
    expr {int(rand() * ($max - $min + 1)) + $min}
}

# Built onto private names: a command such as ::cluster::join would get into
# the way of Tcl's own in every script that runs in this namespace.
namespace eval ::cluster {
    namespace ensemble create -command ::cluster -map {
        join     ::cluster::Join
        clusters ::cluster::Clusters
        version  ::cluster::Version
        hwaddr   ::cluster::HwAddr
        lanip    ::cluster::LanIp
        local_addresses ::cluster::LocalAddresses
        islocal  ::cluster::IsLocal
        rand     ::cluster::Rand
        protocol ::cluster::protocols::Protocol
    }
}
