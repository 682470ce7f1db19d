# forged beacons, 10^6 at full speed: <= 1024 services, 64 a source, <= 2 KB RSS each, live members kept, bytes out/in <= 1.0
# alone
# netns --eth
#
# Four victims, each alone with a good member of its cluster, so that what is
# measured of one is of one phase:
#
#   forged    10^6 beacons of 10^5 names from 40 addresses of another host
#   source    the same from one address
#   own       10^6 from this host
#   quiet     512 discoveries, slowly, so that each is answered in full: what
#             the victim sends for what comes
#   pinged    pings that name it, 20 a second: all are to hear that it lives,
#             so the answer goes to the group, but one a second will do

source [file join [file dirname [info script]] support.tcl]
source [file join $support::here frames.tcl]

# The other host: a network of a process that lives as long as we do.
set far [open "|unshare --net cat" r+]
waitFor 2000 {[file readlink /proc/[pid $far]/ns/net]
    ne [file readlink /proc/self/ns/net]}
exec ip link set far0 netns [pid $far]

proc onFar args {
    return [exec nsenter --net=/proc/[pid $::far]/ns/net {*}$args 2>@stderr]
}

set setup {ip link set lo up; ip link set far0 up multicast on
    ip route add 224.0.0.0/4 dev far0;}
for {set n 2} {$n <= 41} {incr n} {
    append setup "ip address add 10.99.0.$n/24 dev far0;"
}
onFar sh -ec $setup

proc fromFar args {
    return [onFar [compiled sender] {*}$args]
}

proc victims {name args} {
    set ::port [freePort]
    answering $name -port $::port -tags victim {*}$args
    start good$name -port $::port -tags good {*}$args
    know $name 1
    know good$name 1
}

proc eth {which} {
    set f [open /sys/class/net/eth0/statistics/${which}_bytes]
    set n [gets $f]
    close $f
    return $n
}

# Who the good one is, and whether it was ever lost; the forged ones may be.
proc survivor {name} {
    return [ask $name {
        set ids [lmap s [$cluster resolve good] {$s uuid}]
        list $ids [lsearch -all -inline $history {lost good*}]
    }]
}

proc flood {name how count args} {
    set kept [survivor $name]
    # What any flood takes, whoever it names: the room it is read into.
    $how beacons $::port 20000 1 $::seed {*}$args
    waitFor 300 {0}
    set before [resident [pidOf $name]]
    lassign [$how beacons $::port $count 100000 $::seed {*}$args] sent bytes
    set known [services $name]
    set rss [expr {[resident [pidOf $name]] - $before}]
    set each [expr {$rss / double($known)}]
    set handled [expr {[drops $name] + [stat $name services_found]}]
    law "$name: live members kept" {[survivor $name] eq $kept}
    law "$name: it answers" {[answered good$name victim 5] == 5}
    law "$name: <= 1024 services" {$known <= 1024}
    # Of a few services one cannot tell their own from what the flood took.
    if {$known > 1000} {
        law "$name: <= 2 KB each, not [format %.2f $each]" {$each <= 2.0}
        set ::worst [expr {max($::worst, $each)}]
    }
    law "$name: most were handled" {$handled > 1000}
    puts "$name: $sent sent, $handled handled,\
        [stat $name kernel_drops] lost by the kernel, $known services,\
        $rss KB more, [survivor $name]"
    set ::most [expr {max($::most, $known)}]
    return $known
}

set worst 0.0
set most 0

victims forged -remote 1
set out [eth tx]
set in [eth rx]
set n [flood forged fromFar 1000000 farhost 10.99.0.2 40]
set floodRatio [expr {([eth tx] - $out) / double([eth rx] - $in)}]
law "forged: the table is full" {$n == 1024}
law "forged: bytes out/in <= 1.0" {$floodRatio <= 1.0}
stop goodforged
stop forged

victims source -remote 1
set n [flood source fromFar [size 200000 1000000] farhost 10.99.0.2 1]
law "one source: 64 services, not [expr {$n - 1}]" {$n - 1 == 64}
set oneSource [expr {$n - 1}]
stop goodsource
stop source

victims own
flood own sender [size 300000 1000000] [ask own {$cluster hid}]
stop goodown
stop own

# Whoever is asked slowly answers everything: is it more than came?
victims quiet -remote 1
stop goodquiet
waitFor 500 {0}
set out [eth tx]
set in [eth rx]
for {set i 0} {$i < 16} {incr i} {
    fromFar beacons $port 32 100000 [expr {$seed + $i}] farhost 10.99.0.2 40
    waitFor 250 {0}
}
waitFor 2500 {0}
set came [expr {[eth rx] - $in}]
set ratio [expr {([eth tx] - $out) / double($came)}]
puts "quiet: $came bytes came, [expr {[eth tx] - $out}] left"
law "quiet: something was answered" {[eth tx] > $out}
law "quiet: bytes out/in <= 1.0" {$ratio <= 1.0}

set path [exec mktemp]
set f [open $path w]
puts $f [hex [frame [list sid pinger hid farhost type 3 channel 0 \
    protocols {t c} data [ask quiet {$cluster sid}]]]]
close $f
set out [eth tx]
set in [eth rx]
set answered [stat quiet pings_answered]
set began [clock milliseconds]
for {set i 0} {$i < 100} {incr i} {
    fromFar replay $port $path 1 10.99.0.2
    waitFor 30 {0}
}
set seconds [expr {([clock milliseconds] - $began) / 1000.0}]
file delete $path
set pinged [expr {[stat quiet pings_answered] - $answered}]
set came [expr {[eth rx] - $in}]
set pingRatio [expr {([eth tx] - $out) / double($came)}]
puts "pinged: $pinged pings heard, $came bytes came in $seconds s,\
    [expr {[eth tx] - $out}] left"
law "pinged: they were heard" {$pinged >= 90}
law "pinged: something was answered" {[eth tx] > $out}
law "pinged: bytes out/in <= 1.0" {$pingRatio <= 1.0}

figure "$most services, $oneSource of one source, [format %.2f $worst] KB each,\
    out/in [format %.2f $ratio] ([format %.4f $floodRatio] in the flood,\
    [format %.2f $pingRatio] for pings)"
