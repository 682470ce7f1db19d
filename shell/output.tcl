# output.tcl -- results as a table for people, or as tcl, json or tsv.
#
# What is written is records, dicts of some columns. Columns are a dict of name
# and kind: text, number, flag, list, or dict and the kind of its values.

namespace eval ::cluster::shell::output {
    variable Escapes {};        # characters that a terminal would obey
    apply {{} {
        variable Escapes
        for {set i 0} {$i < 0xA0} {incr i} {
            if {$i < 0x20 || $i >= 0x7F} {
                lappend Escapes [format %c $i] [format \\x%02x $i]
            }
        }
        foreach {from to} {0x202A 0x202E 0x2066 0x2069} {
            for {set i $from} {$i <= $to} {incr i} {
                lappend Escapes [format %c $i] [format \\u%04x $i]
            }
        }
    } ::cluster::shell::output}
}

# Others choose what stands in it: nothing that a terminal obeys is left. With
# lines its lines are kept.
proc ::cluster::shell::output::Plain {text {lines 0}} {
    variable Escapes
    if {$lines} {
        return [join [lmap line [split $text \n] {Plain $line}] \n]
    }
    return [string map $Escapes $text]
}

# ---- many records ------------------------------------------------------------

# colours: a command prefix that is given column and value and returns a
# colour, for tables on a terminal.
proc ::cluster::shell::output::Records {format columns records {colours {}}} {
    switch -- $format {
        table { Table $columns $records $colours }
        tcl   { foreach record $records { puts [OneLine $record] } }
        tsv   {
            puts [join [dict keys $columns] \t]
            foreach record $records {
                puts [Tabbed $columns $record]
            }
        }
        json {
            puts "\[[join [lmap record $records {
                string cat "\n  " [Json $columns $record]
            }] ,]\n\]"
        }
    }
}

# One after the other, as they come; each is a line. Tables are written by the
# words given, and tsv has its heading in front of the first.
proc ::cluster::shell::output::Stream {format columns record words} {
    try {
        Next $format $columns $record $words
        flush stdout
    } trap {POSIX EPIPE} {} {
        ::cluster::shell::life::Leave 0
    }
}

proc ::cluster::shell::output::Next {format columns record words} {
    variable Headed
    switch -- $format {
        table { puts [Plain $words 1] }
        tcl   { puts [OneLine $record] }
        json  { puts [Json $columns $record] }
        tsv   {
            if {![info exists Headed]} {
                set Headed 1
                puts [join [dict keys $columns] \t]
            }
            puts [Tabbed $columns $record]
        }
    }
}

# ---- one record --------------------------------------------------------------

# A table of one has a line for each key; dicts stand below theirs.
proc ::cluster::shell::output::Record {format columns record} {
    switch -- $format {
        json    { puts [Json $columns $record] }
        table   {
            set lines [Pairs $columns $record {}]
            set width 0
            foreach {key value} $lines {
                set width [expr {max($width, [string length $key])}]
            }
            foreach {key value} $lines {
                set key [format %-*s $width $key]
                puts [string trimright \
                    "[::cluster::shell::terminal::Paint bold $key]  $value"]
            }
        }
        default { Records $format $columns [list $record] }
    }
}

proc ::cluster::shell::output::Pairs {columns record indent} {
    set lines {}
    dict for {key kind} $columns {
        set value [Of $record $key]
        if {[lindex $kind 0] ne "dict"} {
            lappend lines $indent[Plain $key] [Plain $value]
            continue
        }
        lappend lines $indent[Plain $key] {}
        set inner {}
        foreach name [dict keys $value] {
            dict set inner $name [lindex $kind 1]
        }
        lappend lines {*}[Pairs $inner $value "$indent  "]
    }
    return $lines
}

# As it is: by expr 0x10 would become 16.
proc ::cluster::shell::output::Of {record key} {
    if {[dict exists $record $key]} {
        return [dict get $record $key]
    }
}

# ---- tables ------------------------------------------------------------------

proc ::cluster::shell::output::Table {columns records colours} {
    foreach line [Lines $columns $records $colours] {
        puts $line
    }
}

# The lines of a table; on a terminal no longer than it is wide.
proc ::cluster::shell::output::Lines {columns records {colours {}}} {
    set names [dict keys $columns]
    set rows [list [lmap name $names {string toupper $name}]]
    foreach record $records {
        lappend rows [lmap name $names {Plain [Of $record $name]}]
    }
    set room [expr {[::cluster::shell::terminal::Is stdout]
        ? [lindex [::cluster::shell::terminal::Size] 0] : 100000}]
    set rows [Fold $columns $rows $room]
    set widths [Widths $rows]
    set number -1
    return [lmap row $rows {
        Line $columns $row $widths $room \
            [expr {[incr number] ? $colours : "::cluster::shell::output::Head"}]
    }]
}

proc ::cluster::shell::output::Head {column value} {
    return bold
}

# Of members: how alive they are, and their names.
proc ::cluster::shell::output::StateColour {column value} {
    switch -- "$column [string trim $value]" {
        {state alive}   { return fggreen }
        {state doubted} - {state suspect} - {state pinged} { return fgyellow }
        {state leaving} { return fgred }
    }
    return [expr {$column eq "name" ? "bold" : {}}]
}

# A last column of sentences goes on in further lines where it has no room.
proc ::cluster::shell::output::Fold {columns rows room} {
    if {[lindex $columns end] ne "prose"} {
        return $rows
    }
    package require textutil::adjust
    foreach width [lrange [Widths $rows] 0 end-1] {
        incr room [expr {-$width - 2}]
    }
    set folded {}
    foreach row $rows {
        set cells [lrange $row 0 end-1]
        foreach piece [split [::textutil::adjust::adjust [lindex $row end] \
                -length [expr {max(20, $room)}]] \n] {
            lappend folded [list {*}$cells $piece]
            set cells [lmap cell $cells {string cat {}}]
        }
    }
    return $folded
}

proc ::cluster::shell::output::Widths rows {
    set widths {}
    foreach row $rows {
        set i -1
        foreach cell $row {
            incr i
            set now [lindex $widths $i]
            lset widths $i [expr {max([string length $cell],
                $now eq {} ? 0 : $now)}]
        }
    }
    return $widths
}

# Numbers to the right, all else to the left, two blanks between.
proc ::cluster::shell::output::Line {columns row widths room colours} {
    set line {}
    foreach {name kind} $columns cell $row width $widths {
        set width [expr {$kind eq "number" ? $width : -$width}]
        set cell [string range [format %*s $width $cell] 0 $room-1]
        incr room [expr {-[string length $cell] - 2}]
        set colour [expr {$colours eq {} ? {} : [{*}$colours $name $cell]}]
        append line [::cluster::shell::terminal::Paint $colour $cell]
        if {$room <= 0} break
        append line {  }
    }
    return [string trimright $line]
}

# ---- tcl, tsv and json -------------------------------------------------------

# A dict without a line's end in it.
proc ::cluster::shell::output::OneLine record {
    if {[string first \n $record] < 0} {
        return $record
    }
    return [join [lmap word $record {
        if {[string first \n $word] < 0} {
            list $word
        } else {
            string map {\n \\n} [regsub -all {[][\\{}$;"# \t\r]} $word {\\&}]
        }
    }]]
}

proc ::cluster::shell::output::Tabbed {columns record} {
    join [lmap name [dict keys $columns] {
        string map {\\ \\\\ \t \\t \n \\n \r \\r} [Of $record $name]
    }] \t
}

proc ::cluster::shell::output::Json {columns record} {
    package require json::write
    json::write indented 0
    set words {}
    dict for {name kind} $columns {
        lappend words $name [JsonValue $kind [Of $record $name]]
    }
    return [json::write object {*}$words]
}

proc ::cluster::shell::output::JsonValue {kind value} {
    switch -- [lindex $kind 0] {
        number {
            return [expr {[string is double -strict $value] ? $value : "null"}]
        }
        flag {
            return [expr {$value eq {} ? "null" : $value ? "true" : "false"}]
        }
        list   { return [json::write array-strings {*}$value] }
        dict {
            set words {}
            dict for {name inner} $value {
                lappend words $name [JsonValue [lindex $kind 1] $inner]
            }
            return [json::write object {*}$words]
        }
    }
    return [json::write string $value]
}
