# 4-discover.tcl -- finds others, greets them, and says who came and went.
#
#   tclsh examples/4-discover.tcl NAME      (TCLLIBPATH=$PWD/build)
#
# Run it in two shells of one host, each with a name of its own.

package require cluster
fconfigure stdout -buffering line

if {[llength $argv] != 1} {
    puts stderr "usage: 4-discover.tcl NAME"
    exit 2
}
set name [lindex $argv 0]
set cluster [cluster join -tags [list $name]]

$cluster hook service discovered {
    puts "found [$service tags]"
    $service send -data "hello from $::name"
}

$cluster hook event {
    puts "[my tags] says: $data"
}

$cluster hook service lost {
    puts "lost [$service tags]"
}

puts "$name waits for others"
vwait forever
