# resolve.tcl -- finding services among 10,000, and what each of them weighs.

source [file join [file dirname [info script]] lib bench.tcl]
bench::begin
set library [bench::boundary]
set forge [bench::program forge]
set most 10000
set quick $bench::quick

# A member that knows so many services; they are made by forged beacons.
proc joined name {
    set ::port [bench::freePort]
    bench::member $name -port $::port -protocols {t c} -maxservices 100000 \
        -maxmemory 1000000000
    set ::hid [bench::ask $name {$cluster hid}]
    bench::ask $name "[list load $::library Boundary]; [list proc each \
        {count script} [info body bench::each]]"
    bench::ask $name $::remember
    bench::pin [bench::processes $name] $bench::cpu
}

proc known name {
    return [bench::ask $name {$cluster known_services}]
}

# What was lost on the way is sent once more.
proc grow {name to} {
    for {set try 0} {$try < 5 && [known $name] < $to} {incr try} {
        exec $::forge crowd $::port $::hid 0 $to
        catch {bench::until 2000 {[known $name] >= $to}}
    }
    if {[known $name] != $to} {
        error "[known $name] of $to are known"
    }
    bench::ask $name "set known [expr {min($to, $::most)}]"
}

# Microseconds of the processor for one, in the member.
proc timed {name what count} {
    bench::ask $name [list each $count [dict get $::ask $what]]
}

# The same as if for the first time: a command was renamed to and fro more often
# than is remembered.
proc anew {name what count} {
    bench::ask $name "[list anew [dict get $::ask $what] $count]"
}

# Once: less what the clock itself takes, which in what is repeated is shared by
# all of them.
set remember {
    proc once script {
        set idle [boundary clock]
        set began [boundary clock]
        uplevel #0 $script
        return [expr {[boundary clock] - 2 * $began + $idle}]
    }
    proc anew {script count} {
        set took 0
        set service [lindex [$::cluster services] 0]
        for {set i 0} {$i < $count} {incr i} {
            for {set k 0} {$k < 9} {incr k} {
                rename $service ::aside
                rename ::aside $service
            }
            set took [expr {$took + [once $script]}]
        }
        return [expr {$took / $count}]
    }
}

# The same after so many have gone, who are not asked for: after one, and after
# more than are remembered, so that all has to be looked for as if for the first
# time.  In a member that knows spare ones.
proc changed {what gone {count 2}} {
    bench::ask us "[list changed [dict get $::ask $what] $gone $count]"
}

proc listed count {
    bench::each 200 [list boundary list $count]
}

# Neither a sid nor a pattern is asked for twice in a row.
set ask {
    one {$cluster resolve [format s%07d [expr {[incr next 7] % $known}]]}
    tenth {$cluster resolve tenth}
    two {$cluster resolve [list every even]}
    services {$cluster services}
    match {$cluster resolver -match -has [list *7777] -equal -not [incr new]}
    regexp {$cluster resolver -regexp -has [list 7777$] -equal -not [incr new]}
}
set plotted {one {one sid} tenth {a tenth} two {two tags} match -match}

# The same on the way there.
if {!$quick} {
    joined small
    foreach to {100 300 1000 3000} {
        grow small $to
        foreach {name words} $plotted {
            bench::point resolve $words $to [anew small $name 30]
        }
    }
    bench::stop small
}

joined us
set pid [lindex [bench::processes us] 0]
grow us 100
set bare [bench::resident $pid]
grow us $most
set without [bench::resident $pid]
bench::ask us {llength [set all [$cluster services]]}
set with [bench::resident $pid]
set each [expr {($with - $bare) * 1024.0 / ($most - 100)}]
bench::row {
    question {memory of a service at 10,000, its command included} unit B
    ours $each bar {<= 1,500 B} most 1500
    peers {{without the command} [expr {($without - $bare) * 1024.0
        / ($most - 100)}]}
}

# What they find, so that nothing is timed that is not done.
foreach {name count} {
    one 1 tenth 1000 two 5000 services 10000 match 1 regexp 1
} {
    set found [llength [bench::ask us [dict get $ask $name]]]
    if {$found != $count} {
        error "$name found $found"
    }
}
# Spare ones, with odd numbers: neither "even" nor "tenth".
set spare [expr {3 * 2 * 18 * 2 * ($bench::rounds + 1)}]
grow us [expr {$most + $spare}]
bench::ask us {
    foreach service [$cluster resolve every] {
        if {[scan [$service sid] s%d] >= 10000} {
            if {[$service resolve odd]} {
                lappend spare $service
            } else {
                $service destroy
            }
        }
    }
    proc changed {script gone count} {
        set took 0
        for {set i 0} {$i < $count} {incr i} {
            uplevel #0 $script
            for {set k 0} {$k < $gone} {incr k} {
                set ::spare [lassign $::spare service]
                $service destroy
            }
            set took [expr {$took + [once $script]}]
        }
        return [expr {$took / $count}]
    }
    llength $spare
}
set pairs [list \
    one_tenth {changed tenth 1} one_two {changed two 1} \
    one_services {changed services 1} \
    all_tenth {changed tenth 17} all_two {changed two 17} \
    all_services {changed services 17} \
    one {timed us one 10000} tenth {timed us tenth 10000} \
    two {timed us two 10000} services {timed us services 10000} \
    match {timed us match 3} regexp {timed us regexp 3} \
    list1 {listed 1} list1000 {listed 1000} list5000 {listed 5000} \
    list10000 {listed 10000}]
bench::pin [pid] $bench::cpu
set got [bench::interleave $pairs]
bench::row {
    question {resolve one sid of 10,000} on pinned
    ours [dict get $got one median] p99 [dict get $got one p99]
    bar {<= 2 us} most 2
}
foreach {name words list} {
    tenth {resolve a tenth of 10,000} list1000
    two {resolve two tags of 10,000, half have both} list5000
    services {services, all 10,000} list10000
} {
    set least [dict get $got $list median]
    foreach {which when} [list $name again one_$name {after a change} \
        all_$name {the first time}] {
        set bar [expr {$name eq "services" ? "-" : "<= 3 x the list"}]
        bench::row {
            question {$words, $when} on pinned ours [dict get $got $which median]
            p99 [dict get $got $which p99] limit {{the list} $least}
            bar {$bar}
            met [expr {$bar eq "-" ? "-" :
                [dict get $got $which median] <= 3 * $least}]
        }
    }
}
foreach {name bar} {match 2500 regexp 10000} {
    bench::row {
        question {resolver -$name over 10,000} on pinned
        ours [dict get $got $name median] p99 [dict get $got $name p99]
        bar {<= $bar us} most $bar
    }
}
foreach {name words} $plotted {
    bench::point resolve $words $most [anew us $name 30]
}
bench::end
