# doctor.tcl -- why discovery may not work: looks at everything that members
#               need to find each other, and says what to do.
#
# First the facts are gathered: the interfaces, the way to the group, who has
# the port, and what happens when one joins. Then each check of the table
# judges them; a judge is a procedure Check_<name> with the facts as its
# argument, and returns a state (ok, warn or fail) and words. ok was looked at,
# or does not matter here; warn may stand in the way, or could not be seen;
# fail does stand in the way.

namespace eval ::cluster::shell::doctor {
    namespace path ::cluster::shell
    # What is looked at, in this order; help and the manual are made of it.
    variable Checks {
        interfaces  {an interface that is up, can multicast and has an address}
        loopback    {the loopback interface: it is up and takes connections}
        route       {the interface that the group's packets leave by}
        remote      {how far beacons go with this -remote and this group}
        port        {who has the UDP port, and whether it is shared with us}
        echo        {a beacon of ours comes back when we join}
        memberships {every interface takes the group's packets in}
        firewall    {no rule that can be seen drops them}
        filter      {the kernel's filter of sources, rp_filter}
        ipv6        {IPv6 is there when the group is one of it}
        mtu         {a datagram of -maxdatagram fits the interface}
        container   {a container, or a network of its own}
        seeds       {each of -seeds has somebody who listens}
        members     {how many members answer}
        originals   {members of version 1.1.8 among them}
        buffer      {the receive buffer that the kernel grants}
        drops       {datagrams at this port that the kernel dropped}
        descriptors {as many descriptors as -maxconnections may need}
        unix        {the directory for Unix sockets: owner, mode, length}
        clock       {the clock of deadlines runs, the wall clock does not jump}
        tcl         {the versions of Tcl and of this package}
    }
    variable Patience 500;      # ms until a beacon must have come back
    variable Most 1200;         # ms for answers in all
}

foreach name {system firewall doctorNetwork doctorHost} {
    source -encoding utf-8 \
        [file join [file dirname [file normalize [info script]]] $name.tcl]
}
unset name

# options: those of the command. -> a list of dicts: check, state, words.
proc ::cluster::shell::doctor::run options {
    variable Checks
    terminal::Progress [list string cat "looking around"]
    set facts [Facts [::cluster::JoinConfig [options::OfJoin doctor $options]] \
        [dict get $options -wait] [dict get $options -timeout]]
    terminal::Done
    return [lmap {check -} $Checks {
        lassign [Judge $check $facts] state words
        dict create check $check state $state words $words
    }]
}

# A judge that itself fails must not hide what the others found.
proc ::cluster::shell::doctor::Judge {check facts} {
    if {[catch {Check_$check $facts} verdict]} {
        return [list warn "this could not be looked at: $verdict"]
    }
    return $verdict
}

# ---- facts -------------------------------------------------------------------

proc ::cluster::shell::doctor::Facts {config wait timeout} {
    set group [dict get $config address]
    set facts [dict create config $config group $group \
        port [dict get $config port] hops [dict get $config remote] \
        family [expr {[string match *:* $group] ? 6 : 4}] \
        faces [::cluster::core::interfaces]]
    dict set facts way [Way $config]
    dict set facts holders [system::Sockets [dict get $config port]]
    dict set facts trial [Trial $config $wait $timeout]
    return $facts
}

# Empty where the group is none, or the interface that was asked for.
proc ::cluster::shell::doctor::Way config {
    if {[catch {::cluster::core::way [dict get $config address] \
            [dict get $config remote] [dict get $config interface]} way]} {
        return
    }
    return $way
}

# Joins for a moment, by multicast alone: what others see is one more member.
# -> a dict: joined, or else message and code; warning; echo, the milliseconds
# until a beacon of ours came back, or empty; taken, the interfaces; services,
# dicts of address, local and original; clock, both clocks before and after;
# seeds, why they were left out, or empty.
proc ::cluster::shell::doctor::Trial {config wait timeout} {
    dict set config protocols c
    dict set config name $::cluster::shell::members::Name
    dict set config tags [list $::cluster::shell::members::Name]
    set trial [dict create joined 0 echo {} taken {} services {} seeds {} \
        warning {} message {} code {} clock {}]
    lassign [Enter $config] cluster warning message code
    if {$cluster eq {} && [string match "-seeds:*" $message]} {
        dict set trial seeds $message
        dict set config seeds {}
        lassign [Enter $config] cluster warning message code
    }
    set trial [dict merge $trial [dict create warning $warning \
        message $message code $code joined [expr {$cluster ne {}}]]]
    if {$cluster ne {}} {
        $cluster log list;      # what it has to say is in the warning
        try {
            set trial [dict merge $trial [Listen $cluster $config $wait \
                $timeout]]
        } finally {
            $cluster destroy
        }
    }
    return $trial
}

proc ::cluster::shell::doctor::Enter config {
    if {[catch {::cluster::Enter $config} pair details]} {
        return [list {} {} $pair [dict get $details -errorcode]]
    }
    return $pair
}

# What is heard within a moment.
proc ::cluster::shell::doctor::Listen {cluster config wait timeout} {
    variable Patience
    variable Most
    set clocks [Clocks]
    set begin [lindex $clocks 0]
    set echo {}
    if {[life::Until $Patience {[dict get [$cluster stats] drop_own] > 0}]} {
        set echo [expr {[lindex [Clocks] 0] - $begin}]
    }
    set taken [system::Joined [dict get $config address]]
    members::Await $cluster $wait [expr {min($timeout, $Most)}]
    set services [lmap service [$cluster services] {
        dict create address [$service ip] local [$service local] \
            original [expr {![dict exists [$service props] caps]}]
    }]
    return [dict create echo $echo taken $taken services $services \
        clock [list $clocks [Clocks]]]
}

# Both clocks in milliseconds.
proc ::cluster::shell::doctor::Clocks {} {
    return [list [dict get [::cluster::core::clock] monotonic] \
        [clock milliseconds]]
}

# ---- words -------------------------------------------------------------------

proc ::cluster::shell::doctor::Ok words {
    return [list ok $words]
}

# What is wrong, and what to do about it: a command to be typed, or advice.
proc ::cluster::shell::doctor::Warn {words {todo {}}} {
    return [list warn [Advise $words $todo]]
}

proc ::cluster::shell::doctor::Fail {words {todo {}}} {
    return [list fail [Advise $words $todo]]
}

proc ::cluster::shell::doctor::Advise {words todo} {
    return [expr {$todo eq {} ? $words : "$words: $todo"}]
}

# The interface of that name; empty when there is none.
proc ::cluster::shell::doctor::Face {facts name} {
    foreach face [dict get $facts faces] {
        if {$name ne {} && $name in [list [dict get $face name] \
                [dict get $face v4] [dict get $face v6]]} {
            return $face
        }
    }
    return
}

# "eth0 and lo", "lo"
proc ::cluster::shell::doctor::List words {
    if {[llength $words] < 2} {
        return [lindex $words 0]
    }
    return "[join [lrange $words 0 end-1] {, }] and [lindex $words end]"
}

# 1 and 5 with the noun that fits.
proc ::cluster::shell::doctor::Count {n one many} {
    return "$n [expr {$n == 1 ? $one : $many}]"
}
