# threads.tcl -- what each interpreter of threads.c does: joins, finds others,
#                asks, tells, leaves, joins anew, or is deleted as it is.
#
# $thread and $nth are set; the port is in PORT, the seed in CLUSTER_SEED.

package require cluster

expr {srand(1 + ($env(CLUSTER_SEED) + 1000 * $thread + $nth
    + [clock microseconds]) % 1000000)}
set joined 0
set asked 0
set answered 0
set told 0
set steps 0
set cluster {}

proc bgerror message {
    puts stderr "bgerror: $::errorInfo"
}

proc draw n {
    return [expr {int(rand() * $n)}]
}

proc enter {} {
    set ::cluster [cluster join -port $::env(PORT) -tags \
        [list all t$::thread n$::nth] -protocols [lindex {{t c} {u c} {d c}
            {u t d c}} [draw 4]] -heartbeat 200]
    $::cluster hook query {return $data}
    $::cluster hook event {incr ::told}
    if {[draw 2]} {
        $::cluster hook evaluate receive {set ::seen [dict get $payload type]}
    }
    incr ::joined
}

proc heard event {
    if {[lindex $event 0] eq "response"} {
        incr ::answered
    }
}

proc step {} {
    if {$::cluster eq {}} {
        enter
        return
    }
    incr ::steps
    set to [list t[draw 8] n[draw 4]]
    if {$::steps % 10 == 0} {
        incr ::asked [llength [$::cluster resolve $to]]
        $::cluster query -resolve $to -query hello -timeout 1000 -command heard
    } elseif {$::steps % 10 == 5} {
        $::cluster send -resolve $to -data hello
    } elseif {[draw 300] == 0} {
        $::cluster destroy
        set ::cluster {}
    } elseif {[draw 600] == 0} {
        return die
    }
    return
}

proc account {} {
    return [list $::joined $::asked $::answered $::told]
}
