# bad datagrams at full speed: stall <= 20 ms, RSS + <= 4 MB, 0 services, counters add up, good member kept
# alone
# netns
#
# Random, mutated and cut ones, 10^6 of each (a third of it at gate A), to a member
# that answers a good one's queries meanwhile.  They name another host, as the
# last thing they say, so that what still decodes is no service.

source [file join [file dirname [info script]] support.tcl]

set count [size 300000 1000000]
set port [freePort]
answering victim -port $port -tags victim
start good -port $port -tags good
know victim 1
know good 1
answered good victim 5
set memory [resident [pidOf victim]]
watchStalls victim
stalls victim
set sum 0
set good 0
set asked 0
foreach kind {random mutated cut} {
    background storm $kind $port $count $seed far:away
    while {![over storm]} {
        incr asked
        incr good [answered good victim 1]
    }
    lassign [ended storm] sent
    incr sum $sent
    puts "$kind: $sent sent, [drops victim] dropped,\
        [stat victim kernel_drops] lost by the kernel, $asked asked,\
        $good answered"
}
lassign [stalls victim] stall raw
waitFor 2000 {[drops victim] + [stat victim kernel_drops] >= $sum}
set counted [expr {[drops victim] + [stat victim kernel_drops]}]
set grown [expr {[resident [pidOf victim]] - $memory}]

law "stall <= 20 ms" {$stall <= 20}
law "RSS + <= 4 MB, not $grown KB" {$grown <= 4096}
law "0 services more" {[services victim] == 1}
law "each is counted at least once: $counted of $sum" {$counted >= $sum}
law "the good one was never lost" {[ask victim {llength [lsearch -all -index 0 \
    $history lost]}] == 0 && [ask good {llength [lsearch -all -index 0 \
    $history lost]}] == 0}
law "it was answered: $good of $asked" {$good >= 0.95 * $asked}
law "it is answered afterwards" {[answered good victim 10] == 10}

figure "$sum datagrams, stall $stall ms ($raw on the wall), + $grown KB,\
    $counted counted, $good of $asked queries answered meanwhile"
