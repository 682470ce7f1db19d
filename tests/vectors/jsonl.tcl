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
    set inner [string map {\\/ /} $inner]
    while {[regexp {\\u(d[89ab]..)\\u(d[c-f]..)} $inner pair high low]} {
        set inner [string map [list $pair [Character 0x$high 0x$low]] $inner]
    }
    return [subst -nocommands -novariables $inner]
}

# Tcl 9 does not join the two halves of a character.
proc jsonl::Character {high low} {
    set point [expr {0x10000 + (($high - 0xd800) << 10) + $low - 0xdc00}]
    return [encoding convertfrom utf-8 [binary format c4 [list \
        [expr {0xf0 | $point >> 18}] [expr {0x80 | $point >> 12 & 0x3f}] \
        [expr {0x80 | $point >> 6 & 0x3f}] [expr {0x80 | $point & 0x3f}]]]]
}
