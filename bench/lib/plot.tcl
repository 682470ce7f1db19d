# plot.tcl -- plain SVG: lines over a logarithmic x and y, and bars.

namespace eval plot {
    variable colours {#1b6ca8 #c8553d #3a7d44 #8e5ea2 #b8860b #444444}
}

proc plot::svg {title width height body} {
    return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"$width\"\
        height=\"$height\" viewBox=\"0 0 $width $height\"\
        font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\"\
        height=\"100%\" fill=\"white\"/>\n[text 16 22 $title start 14]$body</svg>\n"
}

proc plot::text {x y words {anchor start} {size 12}} {
    set words [string map {& &amp; < &lt; > &gt;} $words]
    return [format "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"\
        font-size=\"%d\">%s</text>\n" $x $y $anchor $size $words]
}

proc plot::segment {x1 y1 x2 y2 colour} {
    return [format "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"\
        stroke=\"%s\"/>\n" $x1 $y1 $x2 $y2 $colour]
}

# points: {series x y} ...
proc plot::lines {title xname yname points} {
    variable colours
    set left 70; set top 40; set width 460; set height 300
    set decades {}
    foreach index {1 2} {
        set values [lmap p $points {expr {log10([lindex $p $index])}}]
        lassign [list [lindex [lsort -real $values] 0] \
            [lindex [lsort -real $values] end]] low high
        set low [expr {floor($low)}]
        lappend decades $low [expr {max($low + 1, ceil($high))}]
    }
    lassign $decades x0 x1 y0 y1
    set place {{value low high from length} {
        expr {$from + $length * (log10($value) - $low) / ($high - $low)}
    }}
    set body {}
    for {set d $x0} {$d <= $x1} {set d [expr {$d + 1}]} {
        set x [apply $place [expr {10 ** $d}] $x0 $x1 $left $width]
        append body [segment $x $top $x [expr {$top + $height}] #dddddd] \
            [text $x [expr {$top + $height + 18}] [nice $d] middle]
    }
    for {set d $y0} {$d <= $y1} {set d [expr {$d + 1}]} {
        set y [expr {2 * $top + $height
            - [apply $place [expr {10 ** $d}] $y0 $y1 $top $height]}]
        append body [segment $left $y [expr {$left + $width}] $y #dddddd] \
            [text [expr {$left - 8}] [expr {$y + 4}] [nice $d] end]
    }
    append body [text [expr {$left + $width / 2}] \
        [expr {$top + $height + 38}] "$xname, and $yname" middle]
    foreach point $points {
        lassign $point series x y
        dict lappend paths $series \
            [format %.1f,%.1f [apply $place $x $x0 $x1 $left $width] \
            [expr {2 * $top + $height - [apply $place $y $y0 $y1 $top $height]}]]
    }
    set n 0
    dict for {series path} $paths {
        set colour [lindex $colours [expr {$n % [llength $colours]}]]
        append body "<polyline fill=\"none\" stroke=\"$colour\"\
            stroke-width=\"2\" points=\"$path\"/>\n"
        foreach at $path {
            lassign [split $at ,] x y
            append body "<circle cx=\"$x\" cy=\"$y\" r=\"3\"\
                fill=\"$colour\"/>\n"
        }
        set y [expr {$top + 14 + 18 * $n}]
        append body "<rect x=\"548\" y=\"[expr {$y - 10}]\" width=\"12\"\
            height=\"12\" fill=\"$colour\"/>\n" [text 566 $y $series]
        incr n
    }
    return [svg $title 760 400 $body]
}

proc plot::nice decade {
    if {$decade < 0} {
        return [format %.*f [expr {int(-$decade)}] [expr {10.0 ** $decade}]]
    }
    return [expr {int(10 ** $decade)}]
}

# points: {name x y} ...: a bar of y each.
proc plot::bars {title unit points} {
    set most [lindex [lsort -real [lmap p $points {lindex $p 2}]] end]
    set y 40
    foreach point [lsort -real -index 2 $points] {
        lassign $point name - value
        set length [expr {460.0 * $value / $most}]
        set colour [expr {[regexp {^[ut],} $name] ? "#1b6ca8"
            : [string match raw* $name] ? "#444444" : "#c9c9c9"}]
        append body [text 190 [expr {$y + 13}] $name end] \
            [format "<rect x=\"198\" y=\"%d\" width=\"%.1f\" height=\"16\"\
            fill=\"%s\"/>\n" $y $length $colour] \
            [text [expr {204 + $length}] [expr {$y + 13}] \
            "[format %.1f $value] $unit"]
        incr y 22
    }
    return [svg $title 760 [expr {$y + 16}] $body]
}
