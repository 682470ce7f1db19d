# victim.tcl -- a short life with everything in it, for B12 to end at any call.
#
#     victim.tcl TAG JOIN-OPTION ...
#
# The life begins with a look at the file named LIFE-BEGINS, which B12 finds in
# the trace.  It needs a member tagged "partner".

package require cluster
set options [lassign $argv tag]

proc await {ms condition} {
    set end [expr {[clock milliseconds] + $ms}]
    while {![uplevel #0 [list expr $condition]]} {
        if {[clock milliseconds] > $end} {
            return
        }
        after 5 {set ::tick 1}
        vwait ::tick
    }
}

file exists LIFE-BEGINS
set done 0
set cluster [cluster join -tags $tag {*}$options]
$cluster hook query {return alive}
await 2000 {[llength [$cluster resolve partner]]}
foreach protocol {t u d c} {
    catch {
        $cluster query -resolve partner -protocols $protocol -query q \
            -timeout 1000 -command {apply {event {
                incr ::done [expr {[lindex $event 0] eq "done"}]
            }}}
        $cluster send -resolve partner -protocols $protocol -data x
    }
}
await 2000 {$done >= 4}
$cluster heartbeat
$cluster destroy
await 50 0
