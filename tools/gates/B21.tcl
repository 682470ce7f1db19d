# hash flood: 1 MiB of keys that collide in unkeyed hashes, as tags, ids and map: loop stall <= 20 ms
# alone
# netns
#
# Such keys fall together in every table that goes by the sum of 9, 31 or 33
# times the hash so far and a character (Tcl, Java, djb2), or by FNV-1a. The
# same is done with keys that do not collide, as the measure of what the
# colliding ones cost more; "short" are the most that a map has room for. In
# the end a script looks at all that is known.

source [file join [file dirname [info script]] support.tcl]
source [file join $support::here frames.tcl]

expr {srand($seed)}

# ---- keys --------------------------------------------------------------------

set letters [split abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 {}]

proc drawn {n} {
    set text {}
    while {[incr n -1] >= 0} {
        append text [lindex $::letters [expr {int(rand() * 62)}]]
    }
    return $text
}

# Every combination of one block of each pair: 2^n keys of n blocks.
proc products {pairs count} {
    set keys {{}}
    foreach pair $pairs {
        if {[llength $keys] >= $count} {
            set keys [lmap key $keys {string cat $key [lindex $pair 0]}]
            continue
        }
        set longer {}
        foreach key $keys {
            foreach block $pair {
                lappend longer $key$block
            }
        }
        set keys $longer
    }
    return [lrange $keys 0 $count-1]
}

# Two blocks with the same sum, wherever they stand.
proc multiplied {times} {
    set second [dict get {9 z 31 a 33 z} $times]
    scan $second %c c
    return [list A$second B[format %c [expr {$c - $times}]]]
}

# The next state of FNV-1a, of which the last 16 bits do for 65,536 buckets.
proc fnv {state block} {
    foreach char [split $block {}] {
        scan $char %c c
        set state [expr {(($state ^ $c) * 0x01000193) & 0xffff}]
    }
    return $state
}

# Pairs of blocks that lead to one state, pair by pair.
proc fnvPairs {count} {
    set state 0x9dc5
    while {[incr count -1] >= 0} {
        array unset seen
        while 1 {
            set block [drawn 3]
            set next [fnv $state $block]
            if {[info exists seen($next)] && $seen($next) ne $block} break
            set seen($next) $block
        }
        lappend pairs [list $seen($next) $block]
        set state $next
    }
    return $pairs
}

proc keysOf {kind count} {
    set n [expr {int(ceil(log($count) / log(2)))}]
    switch $kind {
        random  { return [lmap pair [lrepeat $count {}] {drawn [expr {2 * $n}]}] }
        short   {
            foreach a $::letters {foreach b $::letters {lappend keys $a$b}}
            return [lrange [concat {*}[lrepeat [expr {$count / 3844 + 1}] $keys]] \
                0 $count-1]
        }
        fnv     { return [products [fnvPairs $n] $count] }
        default { return [products [lrepeat $n [multiplied $kind]] $count] }
    }
}

# ---- beacons -----------------------------------------------------------------

proc beacon {sid tags props} {
    return [hex [frame [list type 1 channel 0 protocols {t c} tags $tags \
        data $props sid $sid hid $::hid]]]
}

# So many bytes of keys, as many as go into each beacon; lines of hex.
proc beacons {what kind bytes} {
    set count [expr {$bytes / 32}]
    if {$what eq "ids"} {
        set lines [lmap sid [keysOf $kind $count] {beacon $sid web {t {port 9}}}]
        incr ::carried [expr {$count * [string length $sid]}]
        return $lines
    }
    set keys [keysOf $kind $count]
    set each [expr {$what eq "tags" ? 64
        : 4000 / ([string length [lindex $keys 0]] + 3)}]
    set lines {}
    for {set i 0} {$i < $count} {incr i $each} {
        set some [lrange $keys $i [expr {$i + $each - 1}]]
        incr ::carried [string length [join $some {}]]
        set sid s[incr ::nth]
        lappend lines [expr {$what eq "tags"
            ? [beacon $sid $some {t {port 9}}]
            : [beacon $sid web "[join $some { 1 }] 1 t {port 9}"]}]
    }
    return $lines
}

# ---- what it costs -----------------------------------------------------------

# As an application might: all of them, their tags and properties, in turns.
set looks {
    proc look {} {
        global cluster left seen entries
        if {![info exists left]} {
            set left [$cluster services]
        } else {
            foreach s [lrange $left 0 9] {
                foreach tag [$s tags] {
                    incr seen [llength [$cluster resolve $tag]]
                }
                incr entries [dict size [$s props]]
            }
            set left [lrange $left 10 end]
        }
        if {[llength $left]} {
            after 1 look
        } else {
            set ::over 1
        }
    }
    set seen 0
    set entries 0
    set over 0
    look
}

# The longest stall, in ms.
proc cost {what kind} {
    set port [freePort]
    answering victim -port $port -maxmemory 67108864
    set ::hid [ask victim {$cluster hid}]
    set ::nth 0
    set ::carried 0
    set path [exec mktemp]
    set f [open $path w]
    puts $f [join [beacons $what $kind [size 1100000 4400000]] \n]
    close $f
    watchStalls victim
    stalls victim
    lassign [sender replay $port $path 3] sent
    set handled -1
    waitFor 3000 {$handled == [set handled [drops victim]]
        && [stat victim backlog] == 0}
    ask victim $::looks
    waitFor 20000 {[ask victim {set over}]}
    lassign [stalls victim] stall raw
    set known [services victim]
    puts "$what, $kind: $sent sent with $::carried bytes of keys, $known known,\
        [drops victim] dropped, [stat victim kernel_drops] lost by the kernel,\
        [ask victim {set seen}] seen by tag, [ask victim {set entries}] entries\
        of maps, stall $stall ms ($raw on the wall)"
    set least [dict get {ids 1024 tags 500 map 40} $what]
    law "$what, $kind: $least known" [list $known >= $least]
    law "$what, $kind: what it looked at was there" \
        [list [ask victim {expr {$seen + $entries}}] > 20000]
    file delete $path
    stop victim
    return $stall
}

set worst 0.0
set plain 0.0
foreach what {tags ids map} {
    foreach kind [expr {$what eq "map" ? {random short 9 31 33 fnv}
            : {random 9 31 33 fnv}}] {
        set stall [cost $what $kind]
        # What the keys cost they cost again; what the machine did, rarely.
        if {$stall > 20} {
            set stall [expr {min($stall, [cost $what $kind])}]
        }
        law "$what, $kind: stall <= 20 ms" [list $stall <= 20]
        if {$kind in {random short}} {
            set plain [expr {max($plain, $stall)}]
        } else {
            set worst [expr {max($worst, $stall)}]
        }
    }
}

figure "stall $worst ms, with keys that do not collide $plain ms"
