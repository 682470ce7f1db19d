# frames.tcl -- packets made by hand, for what no member would send.
#
#     frame {type 1 channel 0 protocols {t c} sid s1 hid h1}    -> bytes
#     frame {type 1 ... 99 text}          a field nobody knows, with a text
#
# Fields are in the order given; sizes and kinds are those of the wire.

namespace eval frames {
    variable numbers {type 1 channel 2 hid 3 sid 4 known 5 timestamp 6
        protocols 7 ruid 8 op 9 data 10 raw 11 tags 12 keepalive 13 filter 14
        error 15}
}

proc frames::number {n} {
    set bytes {}
    while {$n > 127} {
        append bytes [format %c [expr {$n & 127 | 128}]]
        set n [expr {$n >> 7}]
    }
    return $bytes[format %c $n]
}

proc frames::text {text} {
    set bytes [encoding convertto utf-8 $text]
    return [number [string length $bytes]]$bytes
}

proc frames::items {list} {
    set bytes [number [llength $list]]
    foreach item $list {
        append bytes [text $item]
    }
    return $bytes
}

proc frames::value {name value} {
    switch $name {
        type - channel - known - timestamp { return [number $value] }
        protocols - tags - filter          { return [items $value] }
        keepalive                          { return [format %c $value] }
        raw { return [number [string length $value]]$value }
        default                            { return [text $value] }
    }
}

proc frame {fields} {
    set body {}
    foreach {name value} $fields {
        set number [expr {[dict exists $frames::numbers $name]
            ? [dict get $frames::numbers $name] : $name}]
        append body [frames::number $number][frames::value $name $value]
    }
    return "\xc0\x8d[frames::number [string length $body]]$body\0\0"
}

proc hex {bytes} {
    binary scan $bytes H* hex
    return $hex
}
