# amplification: what the worst packet a generator finds makes us hold, heap <= 8 x wire bytes + 64 KB
# computes
#
# On the core alone, by malloc's own count; see heap.c.

source [file join [file dirname [info script]] support.tcl]

set top [file dirname [file dirname $gate::here]]
set count [size 20000 1000000]
set program [compiled heap -I$top/generic -I$top/tests/c \
    $env(CLUSTER_BUILD)/obj/tests/c/sim.o $env(CLUSTER_BUILD)/libclustercore.a]
lassign [exec $program $count $seed] grown wire share
law "heap <= 8 x wire + 64 KB" {$share <= 1}
law "something was held" {$grown > 0}
figure "$grown bytes for $wire on the wire, [expr {round(100 * $share)}] % of\
    the bound, $count packets"
