# 3-service-three.tcl -- asks all members of this host and collects the answers.

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join -tags [list service_three]]

# Called with what happens to the query; what it returns for a response is
# what `$query results` holds for that service.
proc QueryResponse event {
    lassign $event action query
    switch -- $action {
        response {
            return [$query result]
        }
        done {
            # Answers come in any order: sort them by the members' tags.
            set words {}
            dict for {service word} [$query results] {
                lappend words [list [$service tags] $word]
            }
            puts "Query Completed!  Results Are:"
            puts [lmap pair [lsort $words] {lindex $pair 1}]
        }
        error - timeout {
            puts "$action: [$query errors]"
        }
    }
}

proc RunQuery {} {
    $::cluster query -collect -resolve localhost -command QueryResponse \
        -query {set ::var}
}

# Ask as soon as both others are known.
$cluster hook service discovered {
    puts "New Service Discovered: [$service tags]"
    if {[$cluster known_services] == 2 && [incr ::asked] == 2} {
        RunQuery
    }
}

$cluster hook service lost {
    puts "Service Lost: [$service tags]"
}

vwait forever
