# field.tcl -- a scenario lived by processes on hosts behind tools/impair.
#
#     set f [field::begin $seed $troubles]
#     vwait until [field::over $f]
#     field::judged $f                    as history::judge

namespace eval field {
    variable fields {}
    variable port 23000
}

proc field::Get {f key} {
    variable fields
    return [dict get $fields $f $key]
}

proc field::Set {f key value} {
    variable fields
    dict set fields $f $key $value
}

# The clock of witness.tcl.
proc field::Now {} {
    set f [open /proc/uptime]
    set seconds [lindex [gets $f] 0]
    close $f
    return [expr {round(1000 * $seconds)}]
}

proc field::Truth {f args} {
    variable fields
    dict with fields $f {
        append truth "[Now] truth $args\n"
    }
}

proc field::begin {seed troubles} {
    variable fields
    set f [dict size $fields]
    set place [exec mktemp -d]
    set switch [compiled impair -include $gate::here/weather.h]
    set channel [open |[list $switch 5 $seed 2>@stderr] r+]
    fconfigure $channel -buffering line
    dict set fields $f [dict create seed $seed place $place switch $channel \
        truth "" over 0 hosts {} pipes {} counters ""]
    while {[gets $channel line] >= 0 && $line ne "ready"} {
        lassign $line - host path
        dict set fields $f hosts $host $path
    }
    foreach step [storm::scenario 5 $seed $troubles] {
        after [lindex $step 0] [list field::Step $f {*}[lrange $step 1 end]]
    }
    return $f
}

proc field::over {f} {
    return [Get $f over]
}

# ---- what is done to it ------------------------------------------------------



proc field::Step {f kind args} {
    switch $kind {
        start { Start $f {*}$args }
        net {
            puts [Get $f switch] [join $args]
            Truth $f net {*}$args
        }
        kill - stop {
            Truth $f $kind {*}$args
            Signal $f $kind {*}$args
        }
        cont {
            Signal $f $kind {*}$args
            Truth $f $kind {*}$args
        }
        leave {
            Truth $f leave {*}$args
            close [dict get [Get $f pipes] {*}$args] write
        }
        end { End $f }
        rule {
            Truth $f rule {*}$args
            Set $f ttl [dict get $args ttl]
        }
    }
}

proc field::Signal {f kind who} {
    exec kill -[string toupper $kind] [pid [dict get [Get $f pipes] $who]]
}

# The file /sys/class/net/eth0/address, which names the host, is each host's.
proc field::Start {f who} {
    variable fields
    variable port
    set host [lindex [split $who .] 0]
    set seed [expr {([Get $f seed] * 31 + [string map {. 0} $who])
        & 0x7fffffff}]
    set pipe [open |[list nsenter --net=[dict get [Get $f hosts] $host] \
        unshare --mount sh -c {
            mount -t sysfs -o ro sysfs /sys
            exec "$@"
        } sh [info nameofexecutable] [file join $gate::here storm witness.tcl] \
        $who [Get $f place]/$who $seed -port $port -protocols {t d c} \
        -heartbeat $storm::heartbeat -ttl [expr {[Get $f ttl] / 1000}] \
        2>@stderr] r+]
    dict set fields $f pipes $who $pipe
}

proc field::End {f} {
    Truth $f end
    dict for {who pipe} [Get $f pipes] {
        catch {exec kill -KILL [pid $pipe]}
        catch {close $pipe}
    }
    set channel [Get $f switch]
    catch {close $channel write}
    Set $f counters [read $channel]
    catch {close $channel}
    Set $f over 1
}

# ---- what came of it ---------------------------------------------------------

# All histories, with each sid replaced by whose it is.  A life starts when it
# says so, not when we hear of it.
proc field::histories {f} {
    set truth [split [string trim [Get $f truth]] \n]
    set text ""
    set names {}
    foreach path [lsort [glob -nocomplain [Get $f place]/*]] {
        set file [open $path]
        set part [read $file]
        close $file
        if {[regexp {^(\d+) (\S+) born} $part -> at who]} {
            lappend truth "$at truth start $who"
        }
        if {[regexp -line {^\d+ (\S+) joined (\S+)$} $part -> who sid]} {
            lappend names $sid $who
        }
        append text $part
    }
    append text [join [lsort -integer -index 0 $truth] \n] \n
    return [string map $names $text]
}

proc field::judged {f} {
    set text [histories $f]
    set file [open [file join $gate::built field-[Get $f seed].history] w]
    puts -nonewline $file $text
    close $file
    file delete -force [Get $f place]
    return [history::judge [history::read $text]]
}
