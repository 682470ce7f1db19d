# one.tcl -- two members in one process that ask each other: for instruments
#            that look at one process.
#
#     one.tcl PROTOCOL COUNT [KIND]      KIND: query (the default), codec

lassign $argv protocol count kind
package require cluster

# A port of this network namespace, which is ours alone.
set two [cluster join -port 23456 -tags two -protocols [list $protocol c]]
set one [cluster join -port 23456 -protocols [list $protocol c]]
$two hook query {return pong}
while {[$one resolve two] eq {}} {
    after 1 {set tick 1}
    vwait tick
}
set peer [$one resolve two]

proc pose {} {
    $::one query -services $::peer -query ping -command told
}

proc told event {
    if {[lindex $event 0] eq "done"} {
        if {[incr ::count -1] > 0} {
            pose
        } else {
            set ::finished 1
        }
    }
}

pose
vwait finished
exit
