# 11-first-two.tcl -- the quick example of the first generation, shell two.

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join -name service_two]

# Insecurely evaluate whatever we receive
$cluster hook op C receive {
    try $data
}

# Enter the event loop and allow cluster to work
vwait _forever_

# Sometime later...
#
# Hello, Foo!
