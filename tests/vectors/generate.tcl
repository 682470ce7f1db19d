# Writes the tables that the C tests include, from the recorded vectors and
# from Tcl's own reading of lists:
#
#   tclsh8.6 tests/vectors/generate.tcl
#
# The tables are committed; run it again when a .jsonl file or the list of
# texts below changes.

set here [file dirname [file normalize [info script]]]
source [file join $here jsonl.tcl]

proc write {name about lines} {
    global here
    set channel [open [file join $here $name] w]
    fconfigure $channel -translation lf -encoding ascii
    puts $channel "/* $about  Written by generate.tcl. */"
    foreach line $lines {
        puts $channel $line
    }
    close $channel
}

proc quoted {text} {
    return \"[string map {\\ \\\\ \" \\\"} $text]\"
}

# Bytes as a C string in which nothing can be taken for another escape.
proc bytes {text} {
    set out {}
    foreach c [split [encoding convertto utf-8 $text] {}] {
        scan $c %c code
        append out [expr {[regexp {[A-Za-z0-9 ._:/-]} $c]
            ? $c : [format {\%03o} $code]}]
    }
    return \"$out\"
}

proc count {text} {
    return [string length [encoding convertto utf-8 $text]]
}

# ---- Whole packets ---------------------------------------------------------

set lines {}
foreach v [jsonl::read [file join $here cluster.jsonl]] {
    if {[dict exists $v hex]} {
        lappend lines "{ [quoted [dict get $v name]],\
            [quoted [dict get $v hex]] },"
    }
}
set seen {}
foreach v [jsonl::read [file join $here live-tc.jsonl]] {
    if {[dict exists $v hex] && ![dict exists $seen [dict get $v hex]]} {
        dict set seen [dict get $v hex] 1
        lappend lines "{ \"live/[dict size $seen]\",\
            [quoted [dict get $v hex]] },"
    }
}
write packets.inc "Packets of originals: name, frame." $lines

# ---- Decoding --------------------------------------------------------------

set lines {}
foreach v [jsonl::read [file join $here decode.jsonl]] {
    if {![dict exists $v hex]} {
        continue
    }
    set accepted [expr {[dict exists $v accepted] && [dict get $v accepted]}]
    lappend lines "{ [quoted [dict get $v name]], [quoted [dict get $v hex]],\
        [quoted [dict get $v decode]], $accepted },"
}
write decode.inc "What an original accepts: name, frame, outcome, accepted." \
    $lines

# ---- Streams ---------------------------------------------------------------

set lines {}
foreach v [jsonl::read [file join $here stream.jsonl]] {
    if {[dict exists $v sane]} {
        lappend lines "{ [quoted [dict get $v name]],\
            [quoted [join [dict get $v chunks] |]],\
            [quoted [join [dict get $v sane] |]] },"
    }
}
write streams.inc "Chunks fed and frames that must come: name, both by |." \
    $lines

# ---- Words -----------------------------------------------------------------

set texts [list {} { } "\t\n\v\f\r " a { a } {a b} {a  b   c} "a\nb\tc\vd\fe\rf" \
    {{}} {{} {}} {{a b}} {{a b} c} {{a {b c}} d} {{a{b}c}} "a{b" "a}b" "a{b c" \
    "{a b" "{a" "{" "}" "{}}" "{a}b" "{a}{b}" "{a\\}b}" "{a\\\\}" "{a\\}" \
    {{a\nb}} {{a\x41b}} "{a\\\nb}" {""} {"a b"} {"a b" c} {"a} {"a"b} {"a"{b}} {"a\"b"} \
    "\"a{b\"" "\"" {a"b} {a"b c"d} {a\ b} {a\nb} {a\tb\rc\vd\fe\af\bg} {\x41} {\x4} \
    {\x} {\xg} {\x414} {\xe9} {\u00e9} {\u20ac} {\u41} {\u} {\ug} {\u00e91} \
    {\U20AC} {\U000020AC} {\U} {\ud83d\ude00} {\101} {\1011} \
    {\7} {\77} {\377} {\400} {\777} {\8} {\08} {\\} {\\\\} "a\\" "\\" "\"a\\" "\"a\\\"" \
    "a\\\nb" "a\\\n   b" "a\\\n\t b c" "\"a\\\n  b\"" {\{a b\}} {\"a b\"} {a;b ;} {;} \
    {#a b} {a #b} {\#a} {$a [b]} {[a b]} {$} {\$a} {a\[b\]} "caf\u00e9 \u20ac" \
    "\u00e9{ x" {\é} "\\\u20ac b" {t {port 40447}} {u {path /tmp/m.sock} t {port 1}} \
    {zzzz9999 yyyy8888} {protocols {u t}} "a\u0085b" "a\u00a0b" {\ca} "a\\" "{ a  " \
    "{ } b}" { {a}  "b"  c } "a\0b c" "{a\0b} c" {\0} {\000} {\x00}]

# Texts of what the syntax is made of, in any order, the same on each run.
set state 42
proc draw {n} {
    global state
    set state [expr {($state * 1103515245 + 12345) & 0x7fffffff}]
    return [expr {($state >> 12) % $n}]
}
set pieces [list a b { } { } \{ \} \{ \} \" \\ \\ \n \; # \$ \[ \] n x41 u00e9 101 \
    "{a}" "\u00e9"]
for {set i 0} {$i < 600} {incr i} {
    set text {}
    for {set n [draw 12]} {$n >= 0} {incr n -1} {
        append text [lindex $pieces [draw [llength $pieces]]]
    }
    lappend texts $text
}

set lines {}
foreach text [lsort -unique $texts] {
    if {[catch {llength $text} n]} {
        lappend lines "{ [bytes $text], [count $text], -1, { { 0, 0 } } },"
    } else {
        set words {}
        foreach word $text {
            lappend words "{ [bytes $word], [count $word] }"
        }
        lappend words "{ 0, 0 }"
        lappend lines "{ [bytes $text], [count $text], $n,\
            { [join $words {, }] } },"
    }
}
write words.inc "Lists as Tcl reads them: text, bytes, words (-1: none)." $lines
