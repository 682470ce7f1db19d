# shell.tcl -- the command of the shell, run as people run it: on a pipe, on a
#              pseudo terminal, in tmux, and interrupted.
#
#     source [file join [file dirname [info script]] shell.tcl]
#     cluster-shell ls -port $port       -> {status out err}
#     records json $out                  -> a list of dicts
#     serve $port -tags a                -> its pid; stopServing
#
# The build is that of the suite.

source [file join [file dirname [info script]] support.tcl]
package require json

namespace eval ::support {
    variable program [file join [file dirname $here] tools cluster]
    variable serving {}
    variable numbers {
        pid age seen ms sent lost min median p99 max members known in/s out/s
    }
    if {![info exists ::env(CLUSTER_BUILD)]} {
        set ::env(CLUSTER_BUILD) [file join [file dirname $here] build]
    }
    # Its sockets, if it makes any, lie where we can count them.
    variable sockets [::tcltest::makeDirectory sockets]
    file attributes $sockets -permissions 0700
    set ::env(XDG_RUNTIME_DIR) $sockets
}

# Runs it to its end: its exit status, its results, its words.
proc shell args {
    shellWith {} {*}$args
}

# The same with bytes on stdin.
proc shellWith {input args} {
    set in [makeFile {} shell.in]
    set out [makeFile {} shell.out]
    set err [makeFile {} shell.err]
    set f [open $in wb]
    puts -nonewline $f $input
    close $f
    set failed [catch {
        exec timeout 30 $::support::program {*}$args <$in >$out 2>$err
    } message options]
    set status 0
    if {$failed} {
        set code [dict get $options -errorcode]
        set status [expr {[lindex $code 0] eq "CHILDSTATUS"
            ? [lindex $code 2] : $message}]
    }
    return [list $status [textOf $out] [textOf $err]]
}

proc textOf path {
    set f [open $path]
    fconfigure $f -encoding utf-8
    set text [read $f]
    close $f
    return [string trimright $text \n]
}

# What was printed, as records: in every format the same.
proc records {format text} {
    switch -- $format {
        json { return [json::json2dict $text] }
        tcl  { return [split $text \n] }
        tsv  {
            set lines [lassign [split $text \n] head]
            return [lmap line $lines {Row [split $head \t] [split $line \t]}]
        }
        table {
            set lines [lassign [split $text \n] head]
            return [lmap line $lines {Cut $head $line}]
        }
    }
}

proc Row {names values} {
    set record {}
    foreach name $names value $values {
        dict set record $name [string map \
            {\\\\ \\ \\t \t \\n \n \\r \r} $value]
    }
    return $record
}

# A table's line by where the words of its heading stand: numbers end where
# their heading ends, all else begins where its heading begins.
proc Cut {head line} {
    set record {}
    set begin 0
    set before {}
    foreach at [regexp -all -inline -indices {\S+} $head] {
        lassign $at from to
        set key [string tolower [string range $head $from $to]]
        if {$key in $::support::numbers} {
            set text [string range $line $begin $to]
            regexp {^(.*?)(\S*)$} $text -> text value
            set begin [expr {$to + 1}]
        } else {
            set text [string range $line $begin $from-1]
            set value {}
            set begin $from
        }
        if {$before ne {} && $before ni $::support::numbers} {
            dict set record $before [string trim $text]
        }
        dict set record $key $value
        set before $key
    }
    if {$before ni $::support::numbers} {
        dict set record $before [string trim [string range $line $begin end]]
    }
    return $record
}

# ---- members that are shells -------------------------------------------------

# One that stays; returns when it serves.
proc serve {port args} {
    set pipe [open |[list $::support::program serve -port $port {*}$args 2>@1]]
    fconfigure $pipe -blocking 0
    lappend ::support::serving $pipe
    if {![waitFor 10000 {[set line [gets $pipe]] ne {} || [eof $pipe]}]
        || ![string match "cluster: serving as *" $line]} {
        error "it does not serve: $line"
    }
    return [pid $pipe]
}

proc stopServing {} {
    foreach pipe $::support::serving {
        catch {exec kill -TERM {*}[pid $pipe]}
        fconfigure $pipe -blocking 1
        catch {close $pipe}
    }
    set ::support::serving {}
}

# ---- terminals ---------------------------------------------------------------

testConstraint script [expr {[auto_execok script] ne {}}]
testConstraint tmux [expr {[auto_execok tmux] ne {}}]

# On a pseudo terminal: what a person would see there, escapes and all.
proc onTerminal args {
    set words [lmap word [linsert $args 0 $::support::program] {
        string cat ' [string map {' '\\''} $word] '
    }]
    catch {
        exec timeout 30 script -qec "stty columns 200; [join $words]" \
            /dev/null </dev/null
    } text
    regsub {\nchild process exited abnormally$} $text {} text
    return [string map {\r {}} $text]
}
