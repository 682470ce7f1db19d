# bad streams: stall <= 20 ms, RSS + <= 4 MB, 0 services, descriptors back within 2 s, good member kept
# alone
# netns
#
# By TCP and by Unix sockets 10^4 streams each (B: 10^5): random bytes, mutated
# packets, a valid session cut at every byte, and a byte a segment.

source [file join [file dirname [info script]] support.tcl]

set count [size 10000 100000]
set port [freePort]
set place [exec mktemp -d]
answering victim -port $port -tags victim -protocols {t u c} \
    -u [list path $place/v.sock]
start good -port $port -tags good -protocols {t u c} \
    -u [list path $place/g.sock]
know victim 1
know good 1
waitFor 2000 {[ask good {dict exists [[$cluster resolve victim] props] u}]}
answered good victim 5
set tcp [dict get [ask good {[$cluster resolve victim] proto_props t}] port]
set path [glob $place/v-*.sock]

set memory [resident [pidOf victim]]
set open [descriptors [pidOf victim]]
watchStalls victim
stalls victim
set good 0
set asked 0
set sum 0
foreach {family where} [list t $tcp u $path] {
    background storm streams $family $where $count $seed far:away
    while {![over storm]} {
        incr asked
        incr good [answered good victim 1]
    }
    lassign [ended storm] sent bytes
    incr sum $sent
    puts "$family: $sent streams, $bytes bytes, $asked asked, $good answered,\
        [stat victim links_accepted] accepted,\
        [stat victim links_refused] refused, [drops victim] dropped"
}
set begin [clock milliseconds]
set back [waitFor 2000 {[descriptors [pidOf victim]] <= $open}]
set took [expr {[clock milliseconds] - $begin}]
lassign [stalls victim] stall raw
set grown [expr {[resident [pidOf victim]] - $memory}]
set accepted [expr {[stat victim links_accepted] + [stat victim links_refused]}]

law "stall <= 20 ms" {$stall <= 20}
law "RSS + <= 4 MB, not $grown KB" {$grown <= 4096}
law "0 services more" {[services victim] == 1}
law "descriptors back within 2 s" {$back}
law "each was accepted or refused: $accepted of $sum" {$accepted >= $sum}
law "the good one was never lost" {[ask victim {llength [lsearch -all -index 0 \
    $history lost]}] == 0 && [ask good {llength [lsearch -all -index 0 \
    $history lost]}] == 0}
law "it was answered: $good of $asked" {$good >= 0.95 * $asked}
law "it is answered afterwards" {[answered good victim 10] == 10}
stopAll
file delete -force $place

figure "$sum streams, stall $stall ms ($raw on the wall), + $grown KB,\
    descriptors back in $took ms, $good of $asked queries answered meanwhile"
