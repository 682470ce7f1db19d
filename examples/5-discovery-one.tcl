# 5-discovery-one.tcl -- simple service discovery, the first of two shells.
#
# Run it in one shell and 6-discovery-two.tcl in another one of the same host
# (TCLLIBPATH=$PWD/build).

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join -tags [list service_one]]

$cluster hook service discovered {
    puts "New Service Discovered: $service"
}

# Enter the event loop and allow cluster to work
vwait _forever_
