# 2-service-two.tcl -- the same as the first, with another word to say.

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join -tags [list service_two]]

set var "World!"

# Evaluating what a query says is this program's decision, not the package's.
$cluster hook query {
    if {![my local]} { throw error "Only Local can Query" }
    uplevel #0 [list try $data]
}

$cluster hook service discovered {
    puts "New Service Discovered: [$service tags]"
}

$cluster hook service lost {
    puts "Service Lost: [$service tags]"
}

vwait forever
