# lives.tcl -- members in virtual time: builds life.c, runs it, judges it.

namespace eval lives {
    variable objects {}
}

proc lives::Compile {object source args} {
    exec gcc -std=gnu11 -D_GNU_SOURCE -O1 \
        -I$gate::here/../../generic {*}$args -c -o $object $source 2>@stderr
}

# The subject, with one source of a part (generic or unix) in its place.
proc lives::build {program {source ""} {part generic}} {
    variable objects
    set top [file normalize [file join $gate::here .. ..]]
    set place [file dirname $program]   ;# of this gate alone: others run too
    if {![llength $objects]} {
        foreach name {life virtual virtualStream virtualDatagram} {
            lappend objects $place/$name.o
            Compile $place/$name.o $gate::here/storm/$name.c -Wall -Wextra
        }
        # What virtual.h stands in for must not be there a second time.
        lappend objects $place/libvirtual.a
        file copy -force $::env(CLUSTER_BUILD)/libclustercore.a \
            $place/libvirtual.a
        exec ar d $place/libvirtual.a loop.o loop_epoll.o sock.o host.o
    }
    set more {}
    if {$source ne ""} {
        Compile $program.o $source -I$top/$part -I$top/unix
        set more [list $program.o]
    }
    exec gcc -o $program {*}$more {*}$objects -lpthread 2>@stderr
}

# {violations checked} of a life with so many troubles.
proc lives::run {program seed troubles} {
    set plan [join [storm::scenario 5 $seed $troubles] \n]
    if {[catch {exec timeout 20 $program $seed << $plan 2>@1} text]} {
        return [dict create checked {} violations \
            [list "it ended badly: [lindex [split $text \n] end]"]]
    }
    return [history::judge [history::read $text]]
}
