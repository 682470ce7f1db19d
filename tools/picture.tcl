# picture.tcl -- lines of a terminal on stdin, colours and all, as an SVG.

set colours {31 #f47067 32 #57ab5a 33 #c69026 36 #6cb6ff}
set wide 7.83       ;# of a character at 13 pixels
set high 18

proc escaped text {
    string map {& &amp; < &lt; > &gt;} $text
}

# A line as pieces of one look each: {classes text}.
proc pieces line {
    set found {}
    set bold 0
    set colour {}
    foreach part [split [string map [list \u001b\[ \0] $line] \0] {
        if {[regexp {^(\d*)m(.*)$} $part -> code text]} {
            switch -- $code {
                1 { set bold 1 }
                {} - 0 { set bold 0; set colour {} }
                default { set colour $code }
            }
        } else {
            set text $part
        }
        if {$text ne {}} {
            lappend found [list $bold $colour $text]
        }
    }
    return $found
}

proc drawn {line y} {
    set x 0
    set out {}
    foreach piece [pieces $line] {
        lassign $piece bold colour text
        set look [expr {$bold ? { font-weight="bold"} : {}}]
        if {$colour ne {}} {
            append look " fill=\"[dict get $::colours $colour]\""
        }
        append out [format {<tspan x="%.1f"%s>%s</tspan>} \
            [expr {16 + $x * $::wide}] $look [escaped $text]]
        incr x [string length $text]
    }
    return "<text y=\"$y\">$out</text>"
}

fconfigure stdin -encoding utf-8
set lines [split [string trimright [read stdin] \n] \n]
set columns [tcl::mathfunc::max {*}[lmap line $lines {
    string length [join [lmap piece [pieces $line] {lindex $piece 2}] {}]
}]]
set width [expr {int($columns * $wide) + 32}]
set height [expr {[llength $lines] * $high + 28}]
puts "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"$width\"\
    height=\"$height\" viewBox=\"0 0 $width $height\">"
puts {<title>cluster ls, query and ping in a terminal</title>}
puts "<rect width=\"$width\" height=\"$height\" rx=\"8\" fill=\"#22272e\"/>"
puts {<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="13" fill="#adbac7" xml:space="preserve">}
set y 26
foreach line $lines {
    puts [drawn $line $y]
    incr y $high
}
puts </g></svg>
