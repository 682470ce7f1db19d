# Writes the recorded vectors as the first inputs of the fuzzers.
#
#   tclsh8.6 fuzz/seed.tcl DIRECTORY

set top [file dirname [file dirname [file normalize [info script]]]]
source [file join $top tests vectors jsonl.tcl]

proc seed {target bytes} {
    global out count
    set directory [file join $out $target]
    file mkdir $directory
    set channel [open [file join $directory seed[incr count]] wb]
    puts -nonewline $channel $bytes
    close $channel
}

proc vectors {name} {
    global top
    return [jsonl::read [file join $top tests vectors $name.jsonl]]
}

set out [lindex $argv 0]
set count 0
foreach v [concat [vectors cluster] [vectors decode] [vectors live-tc]] {
    if {[dict exists $v hex]} {
        set frame [binary decode hex [dict get $v hex]]
        seed frame \x07$frame
        set body [string range $frame 3 end-2]
        seed packet \x00$body
        seed stream \x80$frame
        if {[string length $body] < 256} {
            # A program for the engine: remote, no hooks, one datagram.
            seed engine \x01\x00\x00\x00\x00\x00\x00[binary format ca* \
                [string length $body] $body]
        }
    }
    if {[dict exists $v decoded]} {
        seed words [encoding convertto utf-8 [dict get $v decoded]]
    }
}
foreach v [vectors stream] {
    seed frame \x03[binary decode hex [join [dict get $v chunks] {}]]
}
foreach v [vectors template] {
    if {[dict exists $v template]} {
        seed template \x00[encoding convertto utf-8 [dict get $v template]]
    }
}
foreach v [vectors types] {
    if {[dict exists $v hex_noframe] && [string length [dict get $v hex_noframe]] % 2 == 0} {
        seed number [string range [binary decode hex [dict get $v hex_noframe]] 1 64]
    }
}
foreach address {127.0.0.1 230.230.230.230 ::1 fe80::1%2 ::ffff:10.0.0.1} {
    seed address $address
}
