# firewall.tcl -- which rules of a firewall stop a group's packets, as far as
#                 its list shows it.
#
# Both kinds of list (nft -a list ruleset, iptables -S) become lines of one
# form: chain, verdict (or policy), text, and what to type: to remove a rule
# that drops, or to accept UDP in a chain that drops what no rule names. A rule
# is taken to concern us when nothing in it says that it does not.

namespace eval ::cluster::shell::firewall {}

# -> a dict: drops, the rules that stop the group's packets at this port by
# this interface; policies, the chains that drop what no rule names; both as
# pairs of words and of what to type; and rules, how many there are.
proc ::cluster::shell::firewall::Look {lists group port face} {
    set found [dict create drops {} policies {} rules 0]
    set other [expr {[string match *:* $group] ? "ip" : "ip6"}]
    foreach list $lists {
        set text [dict get $list text]
        set lines [expr {[dict get $list tool] eq "nft" ? [Nft $text $other]
            : [Iptables $text [dict get $list tool]]}]
        foreach line $lines {
            lassign $line chain verdict text todo
            if {$verdict eq "policy"} {
                dict lappend found policies \
                    [list $chain [string map [list PORT $port] $todo]]
                continue
            }
            dict incr found rules
            if {$verdict in {drop reject}
                && [Concerns $text $group $port $face]} {
                dict lappend found drops [list "$text, in chain $chain" $todo]
            }
        }
    }
    return $found
}

# other: the family of tables whose packets are not ours.
proc ::cluster::shell::firewall::Nft {text other} {
    set lines {}
    set chain {}
    set family {}
    set table {}
    foreach line [split $text \n] {
        set handle {}
        regexp {^\s*(.*?)\s*(?:# handle (\d+))?\s*$} $line -> line handle
        if {[regexp {^table (\S+) (\S+)} $line -> family table]
            || $family in [list $other arp bridge netdev]
            || [regexp {^chain (\S+) \{} $line -> chain]} continue
        if {[regexp {\mhook (\S+) .*policy drop} $line -> hook]} {
            if {$hook in {input output prerouting postrouting}} {
                lappend lines [list $chain policy $line "nft insert rule\
                    $family $table $chain udp dport PORT accept"]
            }
        } elseif {[regexp {\m(drop|reject|accept)\M} $line -> verdict]
            && ![regexp {^(type|set|map|comment|elements)\M} $line]} {
            lappend lines [list $chain $verdict $line "nft delete rule\
                $family $table $chain handle $handle"]
        }
    }
    return $lines
}

proc ::cluster::shell::firewall::Iptables {text tool} {
    set lines {}
    foreach line [split $text \n] {
        if {[regexp {^-P (INPUT|OUTPUT) DROP} $line -> chain]} {
            lappend lines [list $chain policy $line \
                "$tool -I $chain -p udp --dport PORT -j ACCEPT"]
        } elseif {[regexp {^-A (\S+)(.*) -j (DROP|REJECT|ACCEPT)\M} $line -> \
                chain - verdict]} {
            lappend lines [list $chain [string tolower $verdict] $line \
                "$tool -D [string range $line 3 end]"]
        }
    }
    return $lines
}

proc ::cluster::shell::firewall::Concerns {text group port face} {
    regsub -all {\mwith icmp.*$|--reject-with \S+|comment "[^"]*"} $text {} text
    if {[string match *!* $text]} {
        return 0;               # what it leaves out is not looked at
    }
    if {[regexp {\m(tcp|icmp|icmpv6|ipv6-icmp|sctp)\M} $text]
        && ![regexp {\mudp\M} $text]} {
        return 0
    }
    if {[regexp {\m[io]if(?:name)? "?([^" ]+)"?|\s-[io] (\S+)} $text -> a b]
        && [string trimright $a$b *+] ne $face} {
        return 0
    }
    set named 0
    foreach {pattern covers what} [list \
            {\mdaddr (\{[^\}]*\}|\S+)|\s-d (\S+)} CoversAddress $group \
            {\mdport (\{[^\}]*\}|\S+)|--dports? (\S+)} CoversPort $port] {
        if {[regexp $pattern $text -> a b]} {
            set words [split [string map {, " " \{ {} \} {}} $a$b]]
            if {![$covers $words $what]} {
                return 0
            }
            set named 1
        }
    }
    return [expr {$named || [Unconditional $text]
        || [regexp {(pkttype|pkt-type|daddr type) multicast} $text]}]
}

# Nothing but a verdict, a counter and a comment?
proc ::cluster::shell::firewall::Unconditional text {
    foreach pattern {
        {counter( packets \d+ bytes \d+)?} {\mwith .*$} {^-A \S+ -j}
    } {
        regsub -all -- $pattern $text {} text
    }
    return [expr {[string tolower [string trim $text]] in {drop reject}}]
}

# Is the address, or the group's prefix, one of these words?
proc ::cluster::shell::firewall::CoversAddress {words group} {
    foreach word $words {
        lassign [split $word /] address bits
        if {$address eq $group} {
            return 1
        }
        if {[string is digit -strict $bits] && ![string match *:* $word$group]
            && [Number $address] >> (32 - $bits)
                == [Number $group] >> (32 - $bits)} {
            return 1
        }
    }
    return 0
}

proc ::cluster::shell::firewall::Number address {
    lassign [split $address .] a b c d
    return [expr {($a << 24) + ($b << 16) + ($c << 8) + $d}]
}

proc ::cluster::shell::firewall::CoversPort {words port} {
    foreach word $words {
        lassign [split $word -:] from to
        if {![string is digit -strict $from]} continue
        if {$port == $from
            || ([string is digit -strict $to] && $from <= $port
                && $port <= $to)} {
            return 1
        }
    }
    return 0
}
