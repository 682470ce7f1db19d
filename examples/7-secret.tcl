# 7-secret.tcl -- talks on channel 5, encrypted for those who have the key.
#
#   CLUSTER_KEY=... tclsh examples/7-secret.tcl NAME     (TCLLIBPATH=$PWD/build)
#   tclsh examples/7-secret.tcl NAME KEY
#
# Run it in two shells of one host, each with a name of its own and both with
# the same key.  AES and SHA-256 are tcllib's.
#
# What is hidden: the data of events, questions and answers.  What is not: who
# talks with whom, tags, request ids, the message of an error, and how long a
# text is.  A packet that was recorded can be sent again.

package require cluster
package require aes
package require sha256
fconfigure stdout -buffering line

set name [lindex $argv 0]
set key [expr {$argc > 1 ? [lindex $argv 1]
    : [info exists env(CLUSTER_KEY)] ? $env(CLUSTER_KEY) : {}}]
if {$name eq {} || $key eq {}} {
    puts stderr "usage: 7-secret.tcl NAME KEY (or CLUSTER_KEY=KEY)"
    exit 2
}

# ---- Encrypt, then authenticate ----------------------------------------------

# One key for each purpose.
set key [encoding convertto utf-8 $key]
set cipherKey [sha2::hmac -bin -key $key "encrypt"]
set tagKey [sha2::hmac -bin -key $key "authenticate"]

proc randomBytes n {
    set source [open /dev/urandom rb]
    fconfigure $source -buffering none
    try { read $source $n } finally { close $source }
}

# Whole blocks of 16: the last byte says how many were added.
proc pad bytes {
    set n [expr {16 - [string length $bytes] % 16}]
    return $bytes[string repeat [binary format c $n] $n]
}

proc unpad bytes {
    binary scan [string index $bytes end] c n
    return [string range $bytes 0 end-$n]
}

# The tag covers who says it, of what kind it is and to which request it
# belongs, so that nobody can make another packet of these bytes.
proc tag {payload bytes} {
    set about [lmap field {type sid hid ruid} {
        expr {[dict exists $payload $field] ? [dict get $payload $field] : {}}
    }]
    return [sha2::hmac -bin -key $::tagKey \
        [encoding convertto utf-8 $about]\n$bytes]
}

# iv (16 bytes), ciphertext, tag (32 bytes)
proc encrypt {text payload} {
    set iv [randomBytes 16]
    set bytes $iv[aes::aes -mode cbc -dir encrypt -key $::cipherKey -iv $iv -- \
        [pad [encoding convertto utf-8 $text]]]
    return $bytes[tag $payload $bytes]
}

proc decrypt {packet payload} {
    set bytes [string range $packet 0 end-32]
    set length [string length $bytes]
    # Comparing tags of tags tells nobody by its time how much was right.
    set right [expr {[sha2::hmac -bin -key $::tagKey [tag $payload $bytes]]
        eq [sha2::hmac -bin -key $::tagKey [string range $packet end-31 end]]}]
    if {!$right || $length < 32 || $length % 16} {
        throw {CLUSTER VETO} "not encrypted with our key"
    }
    return [encoding convertfrom utf-8 [unpad [aes::aes -mode cbc -dir decrypt \
        -key $::cipherKey -iv [string range $bytes 0 15] -- \
        [string range $bytes 16 end]]]]
}

# ---- The channel -------------------------------------------------------------

set cluster [cluster join -tags [list $name] -channels 5]

# Every packet on the channel: events, questions and answers.
$cluster hook channel 5 send {
    if {[dict exists $payload data]} {
        dict set payload raw [encrypt [dict get $payload data] $payload]
        dict unset payload data
    }
}

$cluster hook channel 5 receive {
    if {[dict exists $payload raw]} {
        dict set payload data [decrypt [dict get $payload raw] $payload]
        dict unset payload raw
    } elseif {[dict exists $payload data]} {
        throw {CLUSTER VETO} "in clear: not from one of us"
    }
}

$cluster hook event {
    puts "[my tags] says: $data"
}

$cluster hook query {
    return "$::name has read: $data"
}

proc Answer event {
    lassign $event action query
    switch -- $action {
        response { puts [$query result] }
        timeout  { puts "no answer to: [$query query]" }
    }
}

$cluster hook service discovered {
    puts "found [$service tags]"
    $cluster send -services $service -channel 5 -data "hello from $::name"
    $cluster query -services $service -channel 5 -timeout 3000 \
        -command Answer -query "a question of $::name"
}

puts "$name waits for others"
vwait forever
