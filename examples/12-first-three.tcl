# 12-first-three.tcl -- the quick example of the first generation, shell three.
#
#   tclsh examples/12-first-three.tcl ?MILLISECONDS?    how long to look around

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join -name service_three]

# Enter the event loop for a little while then check the results
set awhile [expr {$argc ? [lindex $argv 0] : 30000}]
after $awhile { set _awhile_ 1 } ; vwait _awhile_

set services [$cluster services]
puts "names: [lsort [$cluster names]]"
# names: service_one service_two

set ips [$cluster ips]
puts "ips: $ips"
# ips: 127.0.0.1

$cluster broadcast C { puts "Hello, Foo!" }

# Send over tcp protocol to service_one

$cluster sendto [$cluster resolve service_one] C { puts "Hello, Bar!" }

# The shell stays: what waits for a connection is lost when a process ends.
vwait _forever_
