# 20 bugs planted in the harness's subject: all caught
# computes
#
# Each of storm/bugs/*.patch is applied to a copy of the one source it is about,
# and life.c is linked with that: B11's scenarios, members and laws.  Caught is
# a bug that breaks a law with one of the seeds with which the sound subject
# breaks none.  Those called rare are tried at size B.  A patch that no longer
# applies is a miss: make it anew.

source [file join [file dirname [info script]] support.tcl]
foreach part {storm.tcl history.tcl lives.tcl} {
    source [file join $gate::here storm $part]
}
exec [file join $gate::here .. setup] --packages patch

set seeds [size 100 500]
set place [exec mktemp -d]

proc contents {path} {
    set f [open $path]
    try {read $f} finally {close $f}
}

# The subject with one source changed.
proc plant {patch} {
    regexp -line {^--- a/(\S+)} [contents $patch] -> source
    set copy [file join $::place [file tail $source]]
    file copy -force [file join $gate::here .. .. $source] $copy
    exec patch -s -f -r - $copy $patch
    set program [file join $::place subject]
    lives::build $program $copy [file dirname $source]
    return $program
}

# {how many seeds it took, what was seen}; 0: nothing was.
proc caught {program most} {
    for {set i 1} {$i <= $most} {incr i} {
        set judged [lives::run $program [expr {$::seed + $i}] 10]
        set first [lindex [dict get $judged violations] 0]
        if {$first ne ""} {
            return [list $i $first]
        }
    }
    return 0
}

set count 0
set found 0
set most 0
foreach patch [lsort [glob $gate::here/storm/bugs/*.patch]] {
    set name [file rootname [file tail $patch]]
    if {!$full && [regexp -line ^Rare [contents $patch]]} continue
    incr count
    if {[catch {plant $patch} program]} {
        puts $program
        law "$name applies and compiles" 0
        continue
    }
    set seen [caught $program $seeds]
    puts "$name: $seen"
    incr found [expr {$seen != 0}]
    set most [expr {max($most, [lindex $seen 0])}]
    law "$name is caught" {$seen != 0}
}
set sound [file join $place sound]
lives::build $sound
set clean [caught $sound $most]
law "the sound subject breaks no law: $clean" {$clean == 0}
law "there are 20" {$count >= 20}
file delete -force $place
figure "$found of $count caught, each with $most seeds at most"
