# Reads the recorded vectors: a file of JSON lines, each to a dict.
#
#   foreach v [jsonl::read file.jsonl] { dict get $v name }
#
# Objects become dicts, arrays lists, true and false 1 and 0, null {}.

namespace eval jsonl {}

proc jsonl::read {path} {
    set channel [open $path]
    set values {}
    while {[gets $channel line] >= 0} {
        if {$line ne ""} {
            set at 0
            lappend values [Value $line at]
        }
    }
    close $channel
    return $values
}

proc jsonl::Value {text atVar} {
    upvar 1 $atVar at
    regexp -indices -start $at {\A\s*} $text space
    set at [expr {[lindex $space 1] + 1}]
    switch -- [string index $text $at] {
        \{ {
            return [Items $text at \} 1]
        }
        \[ {
            return [Items $text at \] 0]
        }
        \" {
            return [Text $text at]
        }
    }
    regexp -indices -start $at {\A[-+.\w]+} $text word
    set at [expr {[lindex $word 1] + 1}]
    set word [string range $text {*}$word]
    return [string map {true 1 false 0 null {}} $word]
}

# The members of an object or an array, up to its closing character.
proc jsonl::Items {text atVar close keyed} {
    upvar 1 $atVar at
    incr at
    set items {}
    while 1 {
        regexp -indices -start $at {\A[\s,]*} $text space
        set at [expr {[lindex $space 1] + 1}]
        if {[string index $text $at] eq $close} {
            incr at
            return $items
        }
        lappend items [Value $text at]
        if {$keyed} {
            regexp -indices -start $at {\A\s*:} $text colon
            set at [expr {[lindex $colon 1] + 1}]
            lappend items [Value $text at]
        }
    }
}

# JSON's escapes are Tcl's, but for the slash; what Tcl reads more is quoted.
proc jsonl::Text {text atVar} {
    upvar 1 $atVar at
    regexp -indices -start $at {\A"((?:[^"\\]|\\.)*)"} $text all inner
    set at [expr {[lindex $all 1] + 1}]
    set inner [string range $text {*}$inner]
    if {[string first \\ $inner] < 0} {
        return $inner
    }
    return [subst -nocommands -novariables [string map {\\/ /} $inner]]
}
