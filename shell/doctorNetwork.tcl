# doctorNetwork.tcl -- what doctor finds out about the network: interfaces, the
#                      way to the group, and what lies in it.

# ---- interfaces --------------------------------------------------------------

proc ::cluster::shell::doctor::Check_interfaces facts {
    set asked [dict get $facts config interface]
    if {$asked ne {}} {
        return [AskedInterface $facts $asked]
    }
    if {[dict get $facts hops] == 0} {
        return [Ok "with -remote 0 loopback is enough; there are\
            [List [Names [dict get $facts faces]]]"]
    }
    set cards [Cards $facts]
    if {![llength $cards]} {
        return [Fail "there is no interface but loopback, so no other host can\
            be reached" "give this machine or container a network, or join\
            with -remote 0 for this host alone"]
    }
    set broken {}
    set good {}
    foreach face $cards {
        set verdict [Wants $facts $face]
        if {$verdict eq {}} {
            lappend good [dict get $face name]
        } else {
            lappend broken $verdict
        }
    }
    if {![llength $good]} {
        return [lindex $broken 0]
    }
    return [Ok "[List $good] [expr {[llength $good] == 1 ? "is" : "are"}] up,\
        with multicast and an address"]
}

# All but loopback; those with an address first, for they are meant to be used.
proc ::cluster::shell::doctor::Cards facts {
    set with {}
    set without {}
    foreach face [dict get $facts faces] {
        if {![dict get $face loopback]} {
            set has [expr {[dict get $face v[dict get $facts family]] ne {}}]
            lappend [expr {$has ? "with" : "without"}] $face
        }
    }
    return [concat $with $without]
}

proc ::cluster::shell::doctor::AskedInterface {facts asked} {
    set face [Face $facts $asked]
    if {$face eq {}} {
        return [Fail "there is no interface $asked" "use one of\
            [List [Names [dict get $facts faces]]]"]
    }
    set verdict [Wants $facts $face]
    return [expr {$verdict ne {} ? $verdict
        : [Ok "[dict get $face name], which -interface names, is up"]}]
}

proc ::cluster::shell::doctor::Names faces {
    return [lmap face $faces {
        string cat [dict get $face name] \
            [expr {[dict get $face up] ? "" : " (down)"}]
    }]
}

# What an interface lacks to carry the group; empty when nothing.
proc ::cluster::shell::doctor::Wants {facts face} {
    set name [dict get $face name]
    set family [dict get $facts family]
    if {![dict get $face up]} {
        return [Fail "$name is down" "ip link set $name up"]
    }
    if {![dict get $face multicast] && ![dict get $face loopback]} {
        return [Fail "$name has no multicast" "ip link set $name multicast on"]
    }
    if {[dict get $face v$family] eq {}} {
        return [Fail "$name has no IPv$family address" [expr {$family == 4
            ? "ip address add ADDRESS/24 dev $name"
            : "sysctl -w net.ipv6.conf.$name.disable_ipv6=0"}]]
    }
    return
}

proc ::cluster::shell::doctor::Check_loopback facts {
    set needed [expr {[dict get $facts hops] == 0 ? "Fail" : "Warn"}]
    foreach face [dict get $facts faces] {
        if {[dict get $face loopback]} break
    }
    if {![info exists face] || ![dict get $face loopback]} {
        return [$needed "there is no loopback interface"]
    }
    set name [dict get $face name]
    if {![dict get $face up]} {
        return [$needed "$name is down, so members of this host do not reach\
            each other" "ip link set $name up"]
    }
    set address [expr {[dict get $facts family] == 6 ? "::1" : "127.0.0.1"}]
    if {[set why [Connects $address]] ne {}} {
        return [$needed "a connection to $address fails ($why)" "look for a\
            rule of the firewall on $name"]
    }
    return [Ok "$name is up, and a connection to $address was made"]
}

# Can one connect to oneself there? -> why not, or empty.
proc ::cluster::shell::doctor::Connects address {
    variable Accepted 0
    set server {}
    set client {}
    try {
        set server [socket -server [list apply {{channel args} {
            close $channel
            set ::cluster::shell::doctor::Accepted 1
        }}] -myaddr $address 0]
        set client [socket -async $address \
            [lindex [fconfigure $server -sockname] 2]]
        if {![life::Until 300 {$::cluster::shell::doctor::Accepted}]} {
            return "nothing came within 300 ms"
        }
        return
    } on error message {
        return $message
    } finally {
        foreach channel [list $client $server] {
            catch {close $channel}
        }
    }
}

# ---- the way to the group ----------------------------------------------------

proc ::cluster::shell::doctor::Check_route facts {
    set group [dict get $facts group]
    set way [dict get $facts way]
    set asked [dict get $facts config interface]
    if {$asked ne {} && [Face $facts $asked] eq {}} {
        return [Warn "not looked at: there is no interface $asked"]
    }
    if {$way eq {}} {
        return [Fail "$group is no multicast group" "use an address from\
            224.0.0.0 to 239.255.255.255, or of ff00::/8, as -address"]
    }
    set name [dict get $way interface]
    set face [Face $facts $name]
    if {$face eq {}} {
        return [Fail "there is no way to $group: no route, and no loopback\
            interface that is up" "ip link set lo up"]
    }
    if {[dict get $facts hops] > 0 && [dict get $face loopback]
        && $asked eq {}} {
        return [NoRoute $facts]
    }
    if {[set wants [Wants $facts $face]] ne {}} {
        return $wants
    }
    if {[dict get $face loopback] && [dict get $facts family] == 6} {
        return [Fail "packets to $group would leave by $name, which carries no\
            IPv6 multicast" "use a card that is up as -interface, or an IPv4\
            group as -address"]
    }
    if {$asked ne {}} {
        return [Ok "packets to $group leave by $name, as -interface says"]
    }
    if {[dict get $face loopback]} {
        return [Ok "with -remote 0 packets to $group leave by $name and stay\
            on this host"]
    }
    return [Ok "packets to $group leave by $name[From $way]"]
}

# The interface that packets to the group leave by; empty when there is none.
proc ::cluster::shell::doctor::WayOut facts {
    set way [dict get $facts way]
    return [expr {$way eq {} ? {} : [dict get $way interface]}]
}

proc ::cluster::shell::doctor::From way {
    set source [dict get $way source]
    return [expr {$source eq {} ? "" : ", from $source"}]
}

proc ::cluster::shell::doctor::NoRoute facts {
    set card ethX
    foreach face [Cards $facts] {
        if {[Wants $facts $face] eq {}} {
            set card [dict get $face name]
            break
        }
    }
    return [Fail "no route leads to [dict get $facts group], so beacons stay on\
        this host" [expr {[dict get $facts family] == 4
            ? "ip route add 224.0.0.0/4 dev $card"
            : "ip -6 route add table local multicast ff00::/8 dev $card"}]]
}

proc ::cluster::shell::doctor::Check_remote facts {
    set hops [dict get $facts hops]
    set group [dict get $facts group]
    if {$hops == 0} {
        return [Ok "-remote is 0: members of this host alone; to meet other\
            hosts join with -remote 1 on all of them"]
    }
    if {$hops > 1 && ([string match 224.0.0.* $group]
            || [regexp -nocase {^ff.[12]:} $group])} {
        return [Warn "no router forwards the group $group, whatever -remote\
            is" "use another -address, such as 239.23.0.1"]
    }
    if {$hops == 1} {
        return [Ok "-remote is 1: this network, not beyond a router"]
    }
    return [Ok "-remote is $hops: up to [Count [expr {$hops - 1}] router\
        routers] away, as far as these forward multicast"]
}

# Does what leaves come back?
proc ::cluster::shell::doctor::Check_echo facts {
    variable Patience
    set trial [dict get $facts trial]
    if {![dict get $trial joined]} {
        return [Fail "joining failed: [dict get $trial message]"]
    }
    set echo [dict get $trial echo]
    if {$echo ne {}} {
        return [Ok "a beacon of ours came back within [expr {$echo + 1}] ms"]
    }
    if {[dict get $trial warning] ne {}} {
        return [Fail "no beacon could be sent: [dict get $trial warning]" \
            "see interfaces, loopback and route above"]
    }
    return [Fail "no beacon of ours came back within $Patience ms, although it\
        was sent" "see route and firewall"]
}

# On which interfaces does the group arrive? IPv4 alone has a limit.
proc ::cluster::shell::doctor::Check_memberships facts {
    set trial [dict get $facts trial]
    if {![dict get $trial joined]} {
        return [Warn "not looked at, since joining failed"]
    }
    if {![system::Linux]} {
        return [Warn "this system does not show it"]
    }
    set lacking [lmap face [Hearing $facts] {
        if {[dict get $face name] in [dict get $trial taken]} continue
        dict get $face name
    }]
    if {![llength $lacking]} {
        return [Ok "the group is taken in by\
            [List [dict get $trial taken]]"]
    }
    set most [system::Setting net.ipv4.igmp_max_memberships 20]
    set wanted [llength [Hearing $facts]]
    if {[dict get $facts family] == 4 && $wanted > $most} {
        return [Warn "a socket may join $most groups, and here are $wanted\
            interfaces: not heard by [List $lacking]" \
            "sysctl -w net.ipv4.igmp_max_memberships=[expr {$wanted + 8}]"]
    }
    return [Warn "the group is not taken in by [List $lacking]" \
        "name the interface you mean by -interface"]
}

# The interfaces that joining listens on.
proc ::cluster::shell::doctor::Hearing facts {
    set asked [dict get $facts config interface]
    set only [expr {$asked eq {} ? {} : [Face $facts $asked]}]
    return [lmap face [dict get $facts faces] {
        if {![dict get $face up]
            || !([dict get $face multicast] || [dict get $face loopback])
            || [dict get $face v[dict get $facts family]] eq {}
            || ($only ne {} && $face ne $only)} continue
        set face
    }]
}

# ---- what lies in the way ----------------------------------------------------

# The beacon that came back went out and in by the interface, through all rules
# that do not look at who sent it: so it weighs more than what a list says.
proc ::cluster::shell::doctor::Check_firewall facts {
    set passed [expr {[dict get $facts trial echo] ne {}}]
    if {$passed && [dict get $facts hops] == 0} {
        return [Ok "none stops the group on this host: the beacon came back"]
    }
    if {![system::Linux]} {
        return [Warn "the rules of this system cannot be seen from here"]
    }
    lassign [system::Rules [dict get $facts family]] lists refusals
    set name [WayOut $facts]
    set port [dict get $facts port]
    set found [firewall::Look $lists [dict get $facts group] $port $name]
    set say [expr {$passed ? "Warn" : "Fail"}]
    lassign [lindex [dict get $found drops] 0] text todo
    if {$text ne {}} {
        return [$say "a rule drops it: $text; unless it is meant" $todo]
    }
    set policies [dict get $found policies]
    if {[llength $policies]} {
        return [$say "what no rule names is dropped, by chain\
            [List [lmap one $policies {lindex $one 0}]]; beacons need UDP port\
            $port, members of other hosts their own ports as well" \
            [join [lmap one $policies {lindex $one 1}] " && "]]
    }
    if {[llength $lists]} {
        return [Ok "[Count [dict get $found rules] rule rules] can be seen,\
            none of them on the group or port $port"]
    }
    if {$passed} {
        return [Ok "not to be seen ([join $refusals {; }]), but the beacon came\
            back by $name"]
    }
    return [Warn "its rules cannot be seen ([join $refusals {; }])" \
        "see as root what there is: sudo cluster doctor"]
}

proc ::cluster::shell::doctor::Check_filter facts {
    if {[dict get $facts hops] == 0 || [dict get $facts family] == 6} {
        return [Ok "it does not matter for\
            [expr {[dict get $facts hops] == 0 ? "-remote 0" : "IPv6"}]"]
    }
    if {![system::Linux]} {
        return [Ok "only Linux has it"]
    }
    set name [WayOut $facts]
    set value [expr {max([system::FaceSetting ipv4 all rp_filter 0], \
        [system::FaceSetting ipv4 $name rp_filter 0])}]
    if {$value == 1} {
        return [Warn "rp_filter of $name is strict: packets of hosts that no\
            route leads back to by $name are dropped" \
            "sysctl -w net.ipv4.conf.$name.rp_filter=2"]
    }
    return [Ok "rp_filter of $name is $value, which drops nothing of ours"]
}

proc ::cluster::shell::doctor::Check_ipv6 facts {
    if {[dict get $facts family] == 4} {
        return [Ok "not needed: the group is one of IPv4"]
    }
    if {[system::Linux] && ![system::There /proc/net/if_inet6]} {
        return [Fail "the kernel has no IPv6" "use an IPv4 group as -address"]
    }
    foreach name [list all [WayOut $facts]] {
        if {[system::FaceSetting ipv6 $name disable_ipv6 0]} {
            return [Fail "IPv6 is switched off" \
                "sysctl -w net.ipv6.conf.$name.disable_ipv6=0"]
        }
    }
    return [Ok "IPv6 is there"]
}

proc ::cluster::shell::doctor::Check_mtu facts {
    set face [Face $facts [WayOut $facts]]
    if {$face eq {} || [dict get $face mtu] == 0} {
        return [Warn "not looked at: no interface leads to the group"]
    }
    set name [dict get $face name]
    set mtu [dict get $face mtu]
    set head [expr {[dict get $facts family] == 6 ? 48 : 28}]
    set most [Limit $facts maxdatagram]
    if {$most + $head > $mtu} {
        return [Warn "a datagram of $most bytes is cut in pieces on $name,\
            whose MTU is $mtu, and is lost with any of them" \
            "join with -maxdatagram [expr {$mtu - $head}]"]
    }
    return [Ok "datagrams of $most bytes fit $name, whose MTU is $mtu"]
}

# A limit as it would be joined with.
proc ::cluster::shell::doctor::Limit {facts name} {
    set limits [dict merge [::cluster::core::limits] [dict get $facts config]]
    return [dict get $limits $name]
}

proc ::cluster::shell::doctor::Check_container facts {
    set kind [system::Container]
    set own [system::OwnNetwork]
    if {$kind ne {} && [dict get $facts hops] > 0 && ![Far $facts]} {
        return [Warn "this is a container of $kind, and bridges of containers\
            often carry no multicast" "run it in the host's network (docker run\
            --network host), or join with -seeds"]
    }
    if {$kind ne {} || $own} {
        return [Ok "[expr {$kind eq {} ? "this is a network namespace of its\
            own" : "this is a container of $kind"}][expr {
                [dict get $facts hops] ? "" : ": only members in it are met"}]"]
    }
    return [Ok "no sign of one[expr {[system::Linux] ? "" : ", as far as\
        this system shows it"}]"]
}
