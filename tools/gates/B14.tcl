# wall clock +-1 h, +-1 day, 1000 jumps: timers within 50 ms, 0 false expiries
# alone
# netns
#
# The clock of one member jumps under it, by preload.  It asks somebody who is
# frozen, so that each question ends by its time-out; the time of that is taken
# from /proc/uptime, which does not jump.  A third talks with it meanwhile.  The
# ttl is ten minutes, so every jump is longer.  Sometimes the clock is put back
# while something waits for its turn in Tcl's event loop.

source [file join [file dirname [info script]] support.tcl]

set jumps 1000
set place [exec mktemp -d]
proc jump seconds {
    set f [open $::place/clock r+]
    fconfigure $f -translation binary
    puts -nonewline $f [binary format w $seconds]
    close $f
}
close [open $place/clock w]
jump 0

set port [freePort]
set env(LD_PRELOAD) [compiled clock -shared -fPIC]
set env(CLOCK_FILE) $place/clock
answering victim -port $port -tags victim -heartbeat 500
unset env(LD_PRELOAD) env(CLOCK_FILE)
answering good -port $port -tags good -heartbeat 500
start mute -port $port -tags mute
foreach name {victim good mute} {
    know $name 2
}
ask victim {
    proc uptime {} {
        set f [open /proc/uptime]
        set s [lindex [read $f] 0]
        close $f
        return [expr {round($s * 1000)}]
    }
    set late {}
    set open 0
    # Time that others had our processor is not ours.
    proc waited {} {
        set f [open /proc/self/schedstat]
        set ns [lindex [read $f] 1]
        close $f
        return [expr {$ns / 1000000}]
    }
    proc question ms {
        incr ::open
        set ::idle [waited]
        set ::due [expr {[uptime] + $ms}]
        set ::last [$::cluster query -resolve mute -query q -timeout $ms -command \
            [list apply {event {
                if {[lindex $event 0] eq "done"} {
                    lappend ::late [expr {[uptime] - $::due
                        - ([waited] - $::idle)}]
                    incr ::open -1
                }
            }}]]
    }
}
answered victim mute 1
freeze mute

expr {srand($seed)}
set steps {3600 -3600 86400 -86400}
set at 0
set good 0
set asked 0
for {set i 0} {$i < $jumps} {incr i} {
    incr at [lindex $steps [expr {int(rand() * 4)}]]
    jump $at
    if {$i % 50 == 0} {
        waitFor 1000 {![ask victim {set open}]}
        ask victim [list question [expr {50 + int(rand() * 250)}]]
        incr asked
        incr good [answered good victim 1]
    }
    waitFor 4 {0}
}
for {set i 0} {$i < 10} {incr i} {
    ask victim [list question 5000]
    set before [ask victim {llength $late}]
    incr asked
    incr good
    ask victim [list apply {{path seconds} {
        set ::due [uptime]
        $::last destroy
        set f [open $path r+]
        fconfigure $f -translation binary
        puts -nonewline $f [binary format w $seconds]
        close $f
    }} $place/clock [incr at -86400]]
    waitFor 1000 {[ask victim {llength $late}] > $before}
}
jump 0
set ended [waitFor 2000 {[ask victim {set open}] == 0}]
set late [lsort -integer [ask victim {set late}]]
set worst [expr {max(-[lindex $late 0], [lindex $late end])}]
proc lost {name tag} {
    return [ask $name "llength \[lsearch -all -index 1 \[lsearch -all -inline\
        -index 0 \$history lost] $tag*]"]
}
set false [expr {[lost victim good] + [lost good victim]}]

law "each question ends" {$ended && [llength $late] == $asked}
law "within 50 ms, not $worst" {$worst <= 50}
law "0 false expiries" {$false == 0}
law "it was answered: $good of $asked" {$good == $asked}
thaw mute
stopAll
file delete -force $place

figure "$jumps jumps, $asked time-outs at most $worst ms from theirs, $false\
    false expiries"
