# decode.tcl -- packets as records: of bytes on stdin, and for the monitor.

namespace eval ::cluster::shell::decode {
    variable Types {
        disconnect heartbeat discovery ping query response event flush failure
    }
    variable Kinds {bytes text}
}

# cluster decode ?-template FILE?
proc ::cluster::shell::decode::Decode {options words} {
    set bytes [Bytes [::cluster::shell::life::Input -translation binary]]
    if {[dict exists $options -template]} {
        lassign [ByTemplate $bytes [dict get $options -template]] \
            columns records
    } else {
        lassign [::cluster::core::packets $bytes] packets junk rest
        set columns [Columns]
        set records [lmap packet $packets {Record $packet}]
        Losses $junk $rest
    }
    if {![llength $records]} {
        ::cluster::shell::Fail "no packet in [string length $bytes] bytes"
    }
    if {[dict get $options -format] eq "table"} {
        foreach record $records {
            puts [Words $record]
        }
    } else {
        ::cluster::shell::output::Records [dict get $options -format] \
            $columns $records
    }
    foreach record $records {
        if {[::cluster::shell::output::Of $record wrong] ne {}} {
            ::cluster::shell::Fail "a packet is malformed:\
                [dict get $record wrong]"
        }
    }
}

# Text that is nothing but hexadecimal digits and blanks stands for bytes.
proc ::cluster::shell::decode::Bytes text {
    if {[regexp {^[0-9a-fA-F\s]+$} $text]} {
        set digits [regsub -all {\s+} $text {}]
        if {[string length $digits] % 2} {
            ::cluster::shell::Fail "an odd number of hexadecimal digits"
        }
        return [binary decode hex $digits]
    }
    return $text
}

proc ::cluster::shell::decode::Losses {junk rest} {
    if {$junk} {
        ::cluster::shell::terminal::Say "$junk bytes belong to no packet"
    }
    if {$rest} {
        ::cluster::shell::terminal::Say \
            "the last $rest bytes begin a packet that does not end"
    }
}

# By a template of the user's own: its fields are text.
proc ::cluster::shell::decode::ByTemplate {bytes file} {
    package require bpacket
    set f [open $file]
    set template [read $f]
    close $f
    bpacket create io ::cluster::shell::decode::io $template
    bpacket create stream ::cluster::shell::decode::stream
    variable Found {}
    stream event [list apply {{args} {
        lappend ::cluster::shell::decode::Found [lindex $args 0]
    }}]
    stream append $bytes
    stream flush
    set columns {}
    set records [lmap packet $Found {io decode $packet}]
    foreach record $records {
        foreach name [dict keys $record] {
            dict set columns $name text
        }
    }
    return [list $columns $records]
}

# ---- a packet of a cluster ---------------------------------------------------

# Its fields, the type by its name; what is wrong with it, its size.
proc ::cluster::shell::decode::Record packet {
    variable Types
    set record [dict get $packet fields]
    if {[dict exists $record type]} {
        set name [lindex $Types [dict get $record type]]
        if {$name ne {}} {
            dict set record type $name
        }
    }
    dict set record size [dict get $packet size]
    dict set record wrong [dict get $packet error]
    return $record
}

proc ::cluster::shell::decode::Columns {} {
    variable Kinds
    set columns {}
    dict for {name kind} [::cluster::core::fields] {
        dict set columns $name [expr {
            $name eq "type" || $kind eq "bytes" ? "text" : $kind}]
    }
    return [dict merge $columns {size number wrong text}]
}

# A line for people: who, what, and the fields that say something.
proc ::cluster::shell::decode::Words record {
    set words {}
    foreach key {type sid} {
        lappend words {*}[::cluster::shell::output::Of $record $key]
    }
    dict for {key value} $record {
        if {$key in {time from type sid hid size wrong}
                || $value eq {}} continue
        lappend words $key [list $value]
    }
    lappend words [dict get $record size] bytes
    if {[dict get $record wrong] ne {}} {
        lappend words malformed: [dict get $record wrong]
    }
    return [::cluster::shell::output::Plain [join $words]]
}

# Sixteen bytes a line: offset, hexadecimal, text.
proc ::cluster::shell::decode::Dump bytes {
    set lines {}
    for {set i 0} {$i < [string length $bytes]} {incr i 16} {
        set part [string range $bytes $i $i+15]
        set hex [join [regexp -all -inline {..} [binary encode hex $part]]]
        lappend lines [format "    %04x  %-47s  %s" $i $hex \
            [regsub -all {[^\x20-\x7e]} $part .]]
    }
    return [join $lines \n]
}
