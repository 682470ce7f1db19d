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
    if {[$cluster name] eq $Name} {
        # Whoever asks everybody shall not find an empty answer among them.
        $cluster hook query {throw {CLUSTER VETO} "this is a shell"}
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
# in so many turns of ours, on other hosts in more. Turns of 3 ms at least: on a
# machine that is busy we have fewer of them, as the others have.
proc ::cluster::shell::members::Await {cluster patience timeout} {
    set most 0
    set known 0
    set quiet 0
    set turns [expr {[$cluster config remote] > 0 ? 230 : 60}]
    set begin [clock milliseconds]
    set end [expr {$begin + $timeout}]
    set until [expr {$begin + $patience}]
    while {[set now [clock milliseconds]] < $end
            && ($known ? $quiet < $turns : $now < $until)} {
        set count [$cluster known_services]
        set most [expr {max($most, [dict get [$cluster stats] most_known])}]
        if {$count && $count >= $most} break
        incr quiet
        if {$count > $known} {
            set known $count
            set quiet 0
        }
        ::cluster::shell::life::Pause 3
    }
}

# ---- who is meant ------------------------------------------------------------

# The services that -resolve and -resolver find, or all; of them those whom the
# pattern finds.
proc ::cluster::shell::members::Matching {cluster options {pattern {}}} {
    return [lmap service [Found $cluster $options] {
        if {![Meets $service $options $pattern]} continue
        set service
    }]
}

proc ::cluster::shell::members::Found {cluster options} {
    set found {}
    set asked 0
    foreach {option method} {-resolve resolve -resolver resolver} {
        if {[dict exists $options $option]} {
            incr asked
            set words [dict get $options $option]
            if {$method eq "resolve"} {
                set words [list $words]
            }
            lappend found {*}[$cluster $method {*}$words]
        }
    }
    return [expr {$asked ? [lsort -unique $found] : [$cluster services]}]
}

# Does the pattern find it by one of its words?  Shells are left out, unless
# -all is given or the pattern is one of their ids.
proc ::cluster::shell::members::Meets {service options pattern} {
    if {[catch {Words $service} words]} {
        return 0
    }
    if {[IsShell $words] && ![All $options]
        && $pattern ni [lrange $words 0 1]} {
        return 0
    }
    return [expr {$pattern eq {} || $pattern in $words
        || [lsearch -glob $words $pattern] >= 0}]
}

# The one member that is meant.
proc ::cluster::shell::members::TheOne {cluster options pattern} {
    set found [Matching $cluster $options $pattern]
    if {![llength $found]} {
        Nobody $cluster [list $pattern]
    }
    if {[llength $found] > 1} {
        ::cluster::shell::Fail "[llength $found] members match \"$pattern\":\
            [join [lmap service $found {$service uuid}] {, }]"
    }
    return [lindex $found 0]
}

proc ::cluster::shell::members::All options {
    return [expr {[dict exists $options -all] && [dict get $options -all]}]
}

# By what it is found: sid, uuid and name first, then the rest.
proc ::cluster::shell::members::Words service {
    return [concat [list [$service sid] [$service uuid] [$service name]] \
        [$service resolver_tags]]
}

proc ::cluster::shell::members::IsShell words {
    variable Name
    return [expr {[lindex $words 2] eq $Name}]
}

proc ::cluster::shell::members::Nobody {cluster words} {
    set known [$cluster known_services]
    if {[llength $words]} {
        ::cluster::shell::Silence \
            "no member matches \"[lindex $words 0]\" ($known known)"
    }
    if {$known} {
        ::cluster::shell::Silence "nobody matches among $known members"
    }
    ::cluster::shell::Silence "nobody answered on [$cluster config address]\
        port [$cluster config port]"
}

# ---- what is known of one ----------------------------------------------------

# A record for ls. Where it runs, as which process and since when is told by the
# tags host=, pid= and since= if it has them.
proc ::cluster::shell::members::Describe service {
    set info [$service info]
    set tags [dict get $info tags]
    set told [Told $tags]
    return [dict create \
        name [$service name] uuid [dict get $info uuid] \
        host [HostOf $told [dict get $info local]] pid [dict get $told pid] \
        tags [dict get $told rest] protocols [dict get $info protocols] \
        address [dict get $info address] age [Age $told $info] \
        seen [dict get $info last_seen] state [dict get $info state]]
}

proc ::cluster::shell::members::Told tags {
    set told {host {} pid {} since {} rest {}}
    foreach tag $tags {
        if {[regexp {^(host=(.+)|(pid|since)=\d{1,18})$} $tag]} {
            regexp {^(.*?)=(.*)$} $tag -> key value
            dict set told $key $value
        } else {
            dict lappend told rest $tag
        }
    }
    return $told
}

# Seconds since it joined; if it does not say, since we first heard it.
proc ::cluster::shell::members::Age {told info} {
    set since [dict get $told since]
    return [expr {$since eq {} ? [dict get $info age]
        : max(0, [clock seconds] - $since)}]
}

proc ::cluster::shell::members::HostOf {told local} {
    set host [dict get $told host]
    if {$host eq {} && $local} {
        return [info hostname]
    }
    return $host
}

# ---- asking members about themselves -----------------------------------------

# The question is a comment, so that hooks which evaluate what they are asked
# evaluate nothing.
proc ::cluster::shell::members::Question what {
    return "# cluster $what"
}

proc ::cluster::shell::members::Introspects service {
    return [expr {"introspect" in [$service tags]}]
}

# What it says of itself, a dict; an error that says why not.
proc ::cluster::shell::members::AskOne {cluster options service what} {
    variable Said
    if {![Introspects $service]} {
        ::cluster::shell::Fail "[$service uuid] does not let itself be asked:\
            it was not started with -introspect 1"
    }
    unset -nocomplain Said
    ::cluster::shell::terminal::Progress {string cat "waiting for its answer"}
    $cluster query -services $service -query [Question $what] \
        -timeout [dict get $options -timeout] \
        -command ::cluster::shell::members::Saying
    vwait ::cluster::shell::members::Over
    ::cluster::shell::terminal::Done
    if {![info exists Said]} {
        ::cluster::shell::Silence "[$service uuid] did not answer in time"
    }
    if {[catch {dict size $Said}]} {
        ::cluster::shell::Fail "[$service uuid] answered something else"
    }
    return $Said
}

proc ::cluster::shell::members::Saying event {
    lassign $event what query
    switch -- $what {
        response - error {
            set ::cluster::shell::members::Said [$query data]
        }
        done { set ::cluster::shell::members::Over 1 }
    }
}
