# 10-first-one.tcl -- the quick example of the first generation, shell one.
#
# Run it in one shell, 11-first-two.tcl in another, 12-first-three.tcl in a
# third one (TCLLIBPATH=$PWD/build).

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join -name service_one]

# Insecurely evaluate whatever we receive with C op
$cluster hook op C receive {
    try $data
}

# Enter the event loop and allow cluster to work
vwait _forever_

# Sometime later...
#
# Hello, Foo!
#
# And later...
#
# Hello, Bar!
