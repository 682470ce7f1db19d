# original.tcl -- a stand-in for a member of the original, 1.1.8: our own small
#                 program that behaves on the wire as that one was seen to do.
#
#     tclsh original.tcl -port P ?-tags LIST? ?-hid HID? ?-remote 1?
#
# It is driven on stdin as member.tcl is.  What the original does badly it does
# badly too: one buffer for all datagrams, one connection to a peer, one ruid
# for all queries, no goodbye, text that is never decoded.  Where an original
# would hang, go deaf or throw a packet away, it says so in ::wrong; a good
# neighbour leaves that empty.  Tcl has no multicast: perl holds that socket.

array set option {-port 23000 -tags {} -hid {} -remote 0}
array set option $argv

set wrong {}            ;# what was received that an original cannot bear
set seen {}             ;# {type via order} of each packet meant for us
set sizes {}            ;# of each datagram
set events {}
set asked {}            ;# queries: their text
set answers {}          ;# {ruid data|error text}
set refreshed 0
set opened 0            ;# connections we made
set ttl 600
array set peer {}       ;# by sid: a dict hid protocols tags props seen ip local
array set link {}       ;# by sid: the one connection
array set buffer {}     ;# by channel, and "c": bytes that wait for more
array set due {}        ;# pings and checks that are scheduled

set group 230.230.230.230
set protocols {t c}
set hid $option(-hid)
if {$hid eq {}} {
    set file [open /sys/class/net/eth0/address]
    set hid [gets $file]
    close $file
}
set sid {}
for {set i 0} {$i < 8} {incr i} {
    append sid [string index ABCDEFGHJKabcdefghjk23456789 \
        [expr {int(rand() * 28)}]]
}

proc blame what {
    lappend ::wrong $what
}

# ---- bytes -------------------------------------------------------------------

set fieldOf {1 type 2 channel 3 hid 4 sid 5 known 6 timestamp 7 protocols
    8 ruid 9 op 10 data 11 raw 12 tags 13 keepalive 14 filter 15 error}
set idOf [lreverse $fieldOf]
set kindOf {type N channel N known N timestamp N protocols L tags L filter L
    keepalive B}

proc putNumber n {
    set bytes {}
    while {$n > 127} {
        append bytes [format %c [expr {($n & 127) | 128}]]
        set n [expr {$n >> 7}]
    }
    return $bytes[format %c $n]
}

proc putText text {
    set bytes [encoding convertto utf-8 $text]
    return [putNumber [string length $bytes]]$bytes
}

proc encode fields {
    set body {}
    dict for {name value} $fields {
        append body [putNumber [dict get $::idOf $name]]
        switch [expr {[dict exists $::kindOf $name]
                ? [dict get $::kindOf $name] : "S"}] {
            N { append body [putNumber $value] }
            B { append body [format %c $value] }
            L {
                append body [putNumber [llength $value]]
                foreach item $value {append body [putText $item]}
            }
            S { append body [putText $value] }
        }
    }
    return \xc0\x8d[putNumber [string length $body]]$body\0\0
}

# An original takes every header out of the way first, wherever a number is.
proc takeNumber {bytes atName} {
    upvar 1 $atName at
    while {[string range $bytes $at [expr {$at + 1}]] eq "\xc0\x8d"} {
        blame "a number that begins like a header"
        incr at 2
    }
    for {set n 0; set shift 0} {1} {incr shift 7} {
        if {![binary scan [string index $bytes $at] cu byte]} {
            blame "a number is missing: it would hang"
            error truncated
        }
        incr at
        set n [expr {$n | (($byte & 127) << $shift)}]
        if {$byte < 128} {
            return $n
        }
    }
}

# Text stays the bytes it came as.
proc takeText {bytes atName} {
    upvar 1 $atName at
    set n [takeNumber $bytes at]
    set text [string range $bytes $at [expr {$at + $n - 1}]]
    if {[string length $text] < $n} {
        error "text is cut"
    }
    incr at $n
    return $text
}

proc takeValue {name bytes atName} {
    upvar 1 $atName at
    switch [expr {[dict exists $::kindOf $name]
            ? [dict get $::kindOf $name] : "S"}] {
        N { return [takeNumber $bytes at] }
        B {
            binary scan [string index $bytes $at] c value
            incr at
            return $value
        }
        L {
            set items {}
            for {set n [takeNumber $bytes at]} {$n > 0} {incr n -1} {
                lappend items [takeText $bytes at]
            }
            return $items
        }
    }
    return [takeText $bytes at]
}

# The fields in their order; nothing when it is our own or not for us.
proc decode body {
    set fields {}
    set at 0
    while {$at < [string length $body]} {
        set id [takeNumber $body at]
        if {![dict exists $::fieldOf $id]} {
            error "unknown field $id"
        }
        set name [dict get $::fieldOf $id]
        set value [takeValue $name $body at]
        if {($name eq "sid" && $value eq $::sid)
            || ($name eq "filter" && ![named $value])} {
            return {}
        }
        dict set fields $name $value
    }
    return $fields
}

proc named filter {
    foreach word [list $::sid $::hid {*}$::option(-tags)] {
        if {$word in $filter} {
            return 1
        }
    }
    return 0
}

# Takes whole frames out of what waits there; an original's scan for them.
proc feed {id bytes whence} {
    append ::buffer($id) $bytes
    while {[set at [string first \xc0\x8d $::buffer($id)]] >= 0} {
        if {$at > 0} {
            blame "$at bytes in front of a header"
        }
        set rest [string range $::buffer($id) [expr {$at + 2}] end]
        set start 0
        if {[catch {takeNumber $rest start} n]} {
            return
        }
        set end [expr {$start + $n}]
        if {[string length $rest] < $end + 2} {
            return
        }
        if {[string range $rest $end [expr {$end + 1}]] ne "\0\0"} {
            blame "a frame without its end"
            set ::buffer($id) $rest
            continue
        }
        set ::buffer($id) [string range $rest [expr {$end + 2}] end]
        receive $id $whence [string range $rest $start [expr {$end - 1}]]
        if {![info exists ::buffer($id)]} {
            return
        }
    }
    if {$::buffer($id) ne {}} {
        blame "[string length $::buffer($id)] bytes without a header"
        set ::buffer($id) {}
    }
}

# ---- the group's socket ------------------------------------------------------

set perl {
    my ($group, $port, $ttl) = @ARGV;
    socket(my $s, PF_INET, SOCK_DGRAM, 0) or die;
    setsockopt($s, SOL_SOCKET, 15, 1) or die;           # SO_REUSEPORT alone
    bind($s, pack_sockaddr_in($port, INADDR_ANY)) or die "bind: $!";
    setsockopt($s, 0, 35, inet_aton($group) . INADDR_ANY) or die "join: $!";
    setsockopt($s, 0, 33, pack("C", $ttl)) or die;
    my $to = pack_sockaddr_in($port, inet_aton($group));
    binmode STDIN; binmode STDOUT;
    syswrite STDOUT, "ready\n";
    my ($in, $set) = ("", "");
    vec($set, fileno(STDIN), 1) = vec($set, fileno($s), 1) = 1;
    for (;;) {
        select(my $ready = $set, undef, undef, undef);
        if (vec($ready, fileno($s), 1)) {
            my $from = recv($s, my $got, 4096, 0) or next;
            my ($port, $ip) = unpack_sockaddr_in($from);
            syswrite STDOUT, pack("NN", length $got, unpack("N", $ip)) . $got;
        }
        if (vec($ready, fileno(STDIN), 1)) {
            sysread(STDIN, $in, 65536, length $in) or exit;
            while (length $in >= 4 and length $in >= 4 + unpack("N", $in)) {
                my $n = unpack("N", substr($in, 0, 4, ""));
                send($s, substr($in, 0, $n, ""), 0, $to);
            }
        }
    }
}

proc openGroup {} {
    set ::udp [open |[list perl -MSocket -e $::perl $::group \
        $::option(-port) [expr {bool($::option(-remote))}] 2>@stderr] r+]
    fconfigure $::udp -translation binary -buffering full
    if {[gets $::udp line] < 0} {
        error "the group's port cannot be shared"
    }
    fconfigure $::udp -blocking 0
    set ::unread {}
    fileevent $::udp readable onGroup
}

proc onGroup {} {
    append ::unread [read $::udp]
    if {[eof $::udp]} {
        exit
    }
    while {[binary scan $::unread II n ip] == 2
            && [string length $::unread] >= 8 + $n} {
        set bytes [string range $::unread 8 [expr {7 + $n}]]
        set ::unread [string range $::unread [expr {8 + $n}] end]
        binary scan [binary format I $ip] cu4 numbers
        lappend ::sizes $n
        feed c $bytes [join $numbers .]
    }
}

# A channel of 4096 bytes stood in front of the original's socket.
proc toGroup frame {
    for {set at 0} {$at < [string length $frame]} {incr at 4096} {
        set piece [string range $frame $at [expr {$at + 4095}]]
        puts -nonewline $::udp \
            [binary format I [string length $piece]]$piece
    }
    flush $::udp
}

# ---- connections -------------------------------------------------------------

proc openServer {} {
    if {[info exists ::server]} {
        close $::server
    }
    set ::server [socket -server {apply {{channel ip port} {
        prepare $channel
    }}} 0]
    set ::tcp [lindex [fconfigure $::server -sockname] 2]
}

proc prepare channel {
    fconfigure $channel -blocking 0 -translation binary -buffering full
    fileevent $channel readable [list onChannel $channel]
}

proc onChannel channel {
    if {[catch {read $channel} bytes] || ($bytes eq {} && [eof $channel])} {
        drop $channel
    } else {
        feed $channel $bytes [lindex [fconfigure $channel -peername] 0]
    }
}

proc drop channel {
    foreach {name other} [array get ::link] {
        if {$other eq $channel} {
            unset ::link($name)
        }
    }
    unset -nocomplain ::buffer($channel)
    catch {close $channel}
}

# Whose packet came last is whose connection this is; there is only one.
proc adopt {name channel} {
    if {[info exists ::link($name)] && $::link($name) ne $channel} {
        drop $::link($name)
    }
    set ::link($name) $channel
}

proc hangUp {} {
    foreach name [array names ::link] {
        drop $::link($name)
    }
}

proc toPeer {name frame} {
    if {![info exists ::link($name)]} {
        set props [dict get $::peer($name) props]
        set channel [socket [dict get $::peer($name) ip] \
            [dict get $props t port]]
        prepare $channel
        adopt $name $channel
        incr ::opened
    }
    puts -nonewline $::link($name) $frame
    flush $::link($name)
}

# ---- out ---------------------------------------------------------------------

proc head {type more} {
    return [dict merge [list sid $::sid hid $::hid type $type channel 0 \
        protocols $::protocols] $more]
}

proc props {} {
    return [list t [list port $::tcp]]
}

proc known {} {
    return [array size ::peer]
}

# A beacon of type 1 or 2: all, nothing, or tags with empty data.
proc beacon {type what} {
    set fields [head $type {}]
    if {$what ne "plain"} {
        dict set fields data [expr {$what eq "tags" ? "" : [props]}]
    }
    dict set fields known [known]
    if {$what in {all tags}} {
        dict set fields tags $::option(-tags)
    }
    return $fields
}

proc beat {{what plain}} {
    toGroup [encode [beacon 1 $what]]
}

proc tag tags {
    set ::option(-tags) $tags
    beat tags
}

# The protocol that took it, or nothing; as an original, never to another host.
proc send {name fields {report 1}} {
    if {![dict get $::peer($name) local]} {
        return
    }
    if {![dict exists $fields filter]} {
        dict set fields filter [list $name]
    }
    set failed {}
    foreach protocol [dict get $::peer($name) protocols] {
        if {$protocol ni $::protocols} {
            continue
        }
        if {$protocol eq "c"} {
            toGroup [encode $fields]
        } elseif {[catch {toPeer $name [encode $fields]}]} {
            unset -nocomplain ::link($name)
            lappend failed $protocol
            continue
        }
        if {$report && [llength $failed]} {
            send $name [head 8 [list data [list protocols $failed]]] 0
        }
        return $protocol
    }
}

proc event {name text} {
    send $name [head 6 [list data $text]]
}

proc broadcast {text {filter {}}} {
    set fields [head 6 [list data $text]]
    if {[llength $filter]} {
        set fields [dict merge [list filter $filter] $fields]
    }
    toGroup [encode $fields]
}

# All queries of an original share one id, unless it is given.
proc query {names text {id {}}} {
    if {$id eq {}} {
        set id q[string index $::sid 0][string index $::sid 2]#
        append id [string index $::sid end]
    }
    foreach name $names {
        send $name [dict merge [list filter [list $name]] \
            [head 4 [list ruid $id data $text keepalive 1]]]
    }
    return $id
}

proc ping names {
    toGroup [encode [head 3 [list data $names known [known]]]]
    expect $names
}

# ---- in ----------------------------------------------------------------------

proc isLocal ip {
    if {![info exists ::own]} {
        set ::own {}
        foreach {- address} [regexp -all -inline {inet ([\d.]+)} \
                [exec ip -4 -o address]] {
            lappend ::own $address
        }
    }
    return [expr {$ip in $::own}]
}

proc receive {id ip body} {
    set local [isLocal $ip]
    if {!$local && !$::option(-remote)} {
        blame "from $ip, no address of this host"
        return
    }
    if {[catch {decode $body} fields]} {
        blame $fields
        return
    }
    if {$fields eq {}} {
        return
    }
    foreach name {sid hid type channel protocols} {
        if {![dict exists $fields $name]} {
            blame "$name is missing"
            return
        }
    }
    set name [dict get $fields sid]
    if {"c" ni [dict get $fields protocols]} {
        blame "$name does not speak c"
    } elseif {!$::option(-remote) && [dict get $fields hid] ne $::hid} {
        blame "$name is of another host"
    } else {
        meet $name $fields $ip $local [expr {$id eq "c"}]
        if {$id ne "c"} {
            adopt $name $id
        }
        lappend ::seen [list [dict get $fields type] \
            [expr {$id eq "c" ? "c" : "t"}] [dict keys $fields] $name]
        act [expr {$id eq "c" ? "c" : "t"}] $name $fields
    }
}

proc meet {name fields ip local group} {
    if {![info exists ::peer($name)]} {
        set ::peer($name) [list tags {} props {} seen 0 ip 127.0.0.1]
    }
    if {$group} {
        dict set ::peer($name) ip $ip
    }
    dict set ::peer($name) local $local
    foreach field {hid protocols tags} {
        if {[dict exists $fields $field]} {
            dict set ::peer($name) $field [dict get $fields $field]
        }
    }
}

proc act {via name fields} {
    set data [expr {[dict exists $fields data] ? [dict get $fields data] : {}}]
    set type [dict get $fields type]
    if {$type in {1 2 5}} {
        dict set ::peer($name) seen [clock seconds]
        unset -nocomplain ::due($name)
    }
    switch $type {
        0 { forget $name }
        1 - 2 {
            dict set ::peer($name) props \
                [dict merge [dict get $::peer($name) props] $data]
            if {$type == 2} {
                send $name [beacon 1 all]
            }
        }
        3 { expect $data }
        4 { respond $via $name $fields $data }
        5 {
            foreach kind {data error} {
                if {[dict exists $fields $kind]} {
                    lappend ::answers [list [dict get $fields ruid] $kind \
                        [dict get $fields $kind]]
                }
            }
        }
        6 { lappend ::events $data }
        8 {
            if {"t" in [dict get $data protocols]} {
                incr ::refreshed
                openServer
                beat props
            }
        }
    }
}

# Over the protocol it came by, that one alone.
proc respond {via name fields text} {
    lappend ::asked $text
    set reply [head 5 [list ruid [dict get $fields ruid] \
        keepalive [dict get $fields keepalive]]]
    if {[catch {reply $text} result]} {
        dict set reply error $result
    } else {
        dict set reply data $result
    }
    dict set reply filter [list $name]
    if {![dict get $::peer($name) local]} {
        return
    }
    if {$via eq "c"} {
        toGroup [encode $reply]
    } else {
        toPeer $name [encode $reply]
    }
}

proc reply text {
    return $text
}

# ---- who lives ---------------------------------------------------------------

proc forget name {
    if {[info exists ::link($name)]} {
        drop $::link($name)
    }
    unset -nocomplain ::peer($name)
}

# Alone we answer at once, with others some time within 15 s.
proc expect names {
    if {$::sid in $names} {
        after [expr {[llength $names] < 2 ? 0 : int(rand() * 15000)}] {beat all}
    }
    foreach name $names {
        if {[info exists ::peer($name)] && ![info exists ::due($name)]
            && [clock seconds] - [dict get $::peer($name) seen] >= 3} {
            set ::due($name) 1
            dict set ::peer($name) seen [expr {[clock seconds] - $::ttl + 20}]
        }
    }
    if {![info exists ::due(check)]} {
        set ::due(check) [after 30000 check]
    }
}

proc check {} {
    unset -nocomplain ::due(check)
    foreach name [array names ::peer] {
        if {[clock seconds] - [dict get $::peer($name) seen] > $::ttl} {
            forget $name
        }
    }
}

# ---- driven by the tests -----------------------------------------------------

proc serve {} {
    if {[gets stdin length] < 0} {
        exit
    }
    set script [encoding convertfrom utf-8 [read stdin $length]]
    set code [catch {uplevel #0 $script} result options]
    set text [expr {$code ? [list $result $options] : $result}]
    set bytes [encoding convertto utf-8 $text]
    puts "$code [string length $bytes]"
    puts -nonewline $bytes
    flush stdout
}

expr {srand([pid] * 7919 + [clock microseconds] % 1000003)}
openGroup
openServer
toGroup [encode [beacon 1 all]]
toGroup [encode [beacon 2 all]]
fconfigure stdin -translation binary -blocking 1 -buffering full
fconfigure stdout -translation binary -buffering full
fileevent stdin readable serve
puts joined
flush stdout
vwait forever
