# 1-service-one.tcl -- a member that answers queries; the first of three.
#
# Run it in one shell, 2-service-two.tcl in another, 3-service-three.tcl in a
# third one (TCLLIBPATH=$PWD/build), or all at once by tools/demo.

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join -tags [list service_one]]

set var "Hello,"

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
