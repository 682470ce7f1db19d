# members.tcl -- joining as one who only looks, and collecting who is there.

namespace eval ::cluster::shell::members {
    variable Name cluster-shell;    # by which others know a shell
}

# Joins with the options given. The others see a member with the name above.
proc ::cluster::shell::members::Join {command options} {
    variable Name
    set given [::cluster::shell::options::OfJoin $command $options]
    set cluster [cluster join {*}[dict merge [list -name $Name] $given]]
    if {[dict get $options -quiet]} {
        $cluster log list
    }
    return $cluster
}

# Joins and waits for the answers of those who are there -> the cluster.
proc ::cluster::shell::members::Gather {command options} {
    set cluster [Join $command $options]
    ::cluster::shell::terminal::Progress [list apply {cluster {
        return "waiting for members, [$cluster known_services] known"
    }} $cluster]
    Await $cluster [dict get $options -wait] [dict get $options -timeout]
    ::cluster::shell::terminal::Done
    return $cluster
}

# Waits so long for the first, and for all at most until the timeout.
#
# The first answer says how many there are, ourselves among them. Whoever is
# counted but gone would be waited for: so it also ends when nobody new came
# for a while, on other hosts for longer.
proc ::cluster::shell::members::Await {cluster patience timeout} {
    set most 0
    set known 0
    set still [expr {[$cluster config remote] > 0 ? 700 : 120}]
    set begin [clock milliseconds]
    set end [expr {$begin + $timeout}]
    set until [expr {$begin + $patience}]
    while {[set now [clock milliseconds]] < min($until, $end)} {
        set count [$cluster known_services]
        set most [expr {max($most, [dict get [$cluster stats] most_known])}]
        if {$count && $count >= $most} break
        if {$count > $known} {
            set known $count
            set until [expr {$now + $still}]
        }
        ::cluster::shell::life::Pause 3
    }
}

# ---- who is meant ----------------------------------------------------------

# The services that a pattern finds by one of their words; shells are left out
# unless -all is given, or the pattern is just theirs.
proc ::cluster::shell::members::Matching {cluster options {pattern {}}} {
    return [lmap service [$cluster services] {
        if {[catch {Words $service} words]} continue
        if {[IsShell $words] && ![All $options]
            && $pattern ni [Exact $words]} continue
        if {$pattern ne {} && [lsearch -glob $words $pattern] < 0
            && $pattern ni $words} continue
        set service
    }]
}

proc ::cluster::shell::members::All options {
    return [expr {[dict exists $options -all] && [dict get $options -all]}]
}

# By what it is found: sid, uuid and name first, then the rest.
proc ::cluster::shell::members::Words service {
    return [concat [list [$service sid] [$service uuid] [$service name]] \
        [$service resolver_tags]]
}

proc ::cluster::shell::members::Exact words {
    return [lrange $words 0 1]
}

proc ::cluster::shell::members::IsShell words {
    variable Name
    return [expr {[lindex $words 2] eq $Name}]
}

proc ::cluster::shell::members::Nobody {cluster words} {
    if {[llength $words]} {
        ::cluster::shell::Silence "no member matches \"[lindex $words 0]\"\
            ([$cluster known_services] known)"
    }
    ::cluster::shell::Silence "nobody answered on [$cluster config address]\
        port [$cluster config port]"
}

# ---- what is known of one --------------------------------------------------

# A record for ls. Where it runs, and as which process, is told by the tags
# host=... and pid=... if it has them.
proc ::cluster::shell::members::Describe service {
    set info [$service info]
    set tags [dict get $info tags]
    set told [Told $tags]
    return [dict create \
        name [$service name] uuid [dict get $info uuid] \
        host [HostOf $told [dict get $info local]] pid [dict get $told pid] \
        tags [dict get $told rest] protocols [dict get $info protocols] \
        address [dict get $info address] age [dict get $info age] \
        seen [dict get $info last_seen] state [dict get $info state]]
}

proc ::cluster::shell::members::Told tags {
    set told {host {} pid {} rest {}}
    foreach tag $tags {
        if {[regexp {^(host|pid)=(.+)$} $tag -> key value]
            && ($key eq "host" || [string is entier -strict $value])} {
            dict set told $key $value
        } else {
            dict lappend told rest $tag
        }
    }
    return $told
}

proc ::cluster::shell::members::HostOf {told local} {
    set host [dict get $told host]
    return [expr {$host eq {} && $local ? [info hostname] : $host}]
}
