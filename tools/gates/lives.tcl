# lives.tcl -- what B2 does while memory fails: the scenarios.
#
# Each is a name and a script. Most are given two clusters, $a and $b, which
# know one another as $ab (b, seen by a) and $ba; those of `alone` have none.
# What a script asks for may fail; a step in `may` may fail and the rest is
# done nevertheless. `soon` waits until a condition holds, but not for long.

proc life {name script} {
    dict set ::lives $name [list pair $script]
}

proc alone {name script} {
    dict set ::lives $name [list alone $script]
}

# ---- joining, leaving --------------------------------------------------------

alone join {
    set c [cluster join -port $port -tags {web two} -name somebody]
    soon {0} 20
}
alone join-all {
    set c [cluster join -port $port -protocols {t u d c} -u [list path \
        $place/s.sock] -channels {0 1 2 5} -seeds {127.0.0.1} -remote 1]
    soon {0} 20
}
alone join-wrong {
    catch {cluster join -port $port -protocols {t nosuch}} message options
    if {[lindex [dict get $options -errorcode] 1] eq "NOMEM"} {
        return -options $options $message
    }
}
alone join-two {
    foreach name {a b} {
        may {cluster join -port $port -tags $name}
    }
    soon {[llength [info commands ::cluster::clusters::*]] == 0} 60
}
alone interpreters {
    set i [interp create]
    try {
        load $::library Faults $i
        interp eval $i [list source $::entry]
        interp eval $i [list cluster join -port $port -tags inner]
        cluster join -port $port
        soon {0} 40
    } finally {
        interp delete $i
    }
}
alone safe {
    set i [interp create -safe]
    try {
        load $::bpacketOnly Bpacket $i
        interp eval $i {
            bpacket create io p {1 string a}
            p encode {a x}
        }
    } finally {
        interp delete $i
    }
}
life third {
    set c [cluster join -port $port -tags third]
    soon {[$a known_services] == 2 && [$c known_services] == 2} 100
    $c destroy
    soon {[$a known_services] == 1}
}
life leave {
    $b destroy
    soon {[$a known_services] == 0}
}
life leave-asked {
    may {$b query -resolve a -query q -timeout 200 -command told}
    $a destroy
    soon {$done}
}
life rename {
    rename $b {}
    soon {[$a known_services] == 0}
}
life rejoin {
    $b destroy
    set b [cluster join -port $port -tags b]
    $b hook query {return alive}
    soon {[$a known_services] == 1 && [$b known_services] == 1}
}

# ---- asking ------------------------------------------------------------------

foreach protocol {t u d c} {
    life query-$protocol [string map [list %P $protocol] {
        $a query -resolve b -query hello -protocols %P -timeout 300 \
            -command told
        soon {$done}
    }]
    life send-$protocol [string map [list %P $protocol] {
        $a send -resolve b -data hello -protocols %P
        soon {$heard}
    }]
}
life collect {
    set q [$a query -resolve b -query hello -timeout 300 -collect -command told]
    may {$q results}
    may {$q services}
    soon {$done}
}
life wait {
    $a query -resolve b -query hello -timeout 20 -collect -wait 1
}
life coroutine {
    coroutine waits apply {{a} {
        try {
            $a query -resolve b -query hello -timeout 300 -collect -wait 1
        } on error {message options} {
            judge $message $options
        } finally {
            incr ::done
        }
    }} $a
    soon {$done}
}
life ask-failing {
    $b hook query {error "no answer"}
    $a query -resolve b -query hello -timeout 300 -collect -command told
    soon {$done}
}
life ask-lost {
    $b hook query {}
    $a query -resolve b -query hello -timeout 30 -command told
    soon {$done}
}
life ask-leaving {
    $b hook query [list $b destroy]
    $a query -resolve b -query hello -timeout 200 -command told
    soon {$done}
}
life ask-again {
    $a query -id one -resolve b -query hello -timeout 200 -command told
    set q [$a query -id one -resolve b -query hello -timeout 200 -command told]
    may {$q cancel}
    soon {$done >= 2} 300
}
life ask-by-service {
    $ab query -timeout 300 -command told hello
    soon {$done}
}
life ask-many {
    for {set i 0} {$i < 20} {incr i} {
        may {$a query -resolve b -query $i -timeout 300 -command told}
    }
    soon {0} 30
}

# A service whose command is to be made anew.
life ask-unseen {
    rename $ab {}
    $a query -resolve b -query q -timeout 300 -command told
    soon {$done}
}

# ---- sending -----------------------------------------------------------------

life send-long {
    $a send -resolve b -data [string repeat x 100000] -protocols t
    soon {$heard} 100
}
life send-parts {
    $a send -resolve b -data [string repeat x 5000] -protocols c
    soon {$heard} 100
}
life send-report {
    $a send -resolve b -data hello -report 1
}
life send-raw {
    $a send -resolve b -raw \x01\x02 -op some -ruid r1 -channel 2
    soon {$heard}
}
life send-by-service {
    $ab send -data hello -protocols t
    soon {$heard}
}
life send-payload {
    $ab send [$a event_payload {data hello ruid x} 0 1 1]
    soon {$heard}
}
life broadcast {
    $a broadcast [dict create type 6 channel 0 data hello]
    may {$a broadcast op hello}
    may {$a sendto [list $ab] op hello}
    soon {$heard >= 2}
}
life answer-payload {
    $a query -services $ab -query q -props {x 1} -channel 2 -timeout 300 \
        -command told
    soon {$done}
}
life payloads {
    foreach script {
        {heartbeat_payload protoprops 1 2}
        {discovery_payload protoprops 1 0}
        {flush_payload {}}
        {disconnect_payload {}}
        {ping_payload {x1 x2} 0}
        {query_payload r1 {hello there} {f1 f2} 2 1 1}
        {response_payload {data x} 0}
        {failed_payload {protocols t} 0}
        {payload 6 0 {data x op y}}
    } {
        may {$a {*}$script}
    }
}

# ---- what a member is, and knows ---------------------------------------------

life tags {
    $a tags one two
    may {$a tags -append three -remove one}
    soon {[llength [$b resolve three]]}
    may {$b resolver -match -has t* -not {nosuch}}
}
life channels {
    $a channel join {7 8 9}
    may {$a channel leave {8}}
    may {$b send -resolve a -channel 7 -data hello}
    soon {$heard}
}
life resolve {
    foreach script {
        {resolve b} {resolve localhost} {resolve} {resolver -equal b}
        {resolver -regexp -some {^b$ x}} {resolve_self a}
        {resolver_self -match -all {a*}} {resolver -exact {b}}
    } {
        may {$a {*}$script}
    }
    may {$ab resolve b}
    may {$ab resolver -match -has b*}
}
life services {
    foreach word {services names ips macs known_services stats uuid hid sid
            name ttl protocols props config configure} {
        may {$a $word}
    }
}
life service {
    foreach word {info sid hid uuid name ip local tags protocols props
            last_seen resolver_tags cluster} {
        may {$ab $word}
    }
    may {$ab proto_props t}
    may {$ab socket t}
}
life forget {
    $ab destroy
    $b heartbeat
    soon {[$a known_services] == 1}
}
life configure {
    $a configure -ttl 700 -heartbeat 400 -tags {n1 n2} -maxservices 20
    may {$a configure -channels {0 1 2 6}}
    may {$a configure -heartbeat 250}
}
life heartbeat {
    $a heartbeat {protoprops tags} 1
    may {$b discover}
    may {$a heartbeat_after 5}
    soon {0} 20
}
life properties {
    may {$ab props}
    may {$a props t u}
    may {$a heartbeat protoprops}
    soon {0} 20
    may {$ba props}
}

# ---- hooks, protocols --------------------------------------------------------

life hooks {
    foreach path {{evaluate receive} {channel 0 receive} {op some receive}
            {service evaluate} {service validate} {tags changed}
            {service discovered} {service lost} {evaluate send}
            {channel 0 send} {op some send} broadcast {protocol t send}
            {protocol t receive}} {
        may {$a hook {*}$path {set ::hooked 1}}
        may {$b hook {*}$path {set ::hooked 1}}
    }
    may {$a send -resolve b -op some -data hello -protocols t}
    may {$a heartbeat}
    soon {$heard}
    may {$a hook op some send}
    may {$a hook op some send {}}
}
life hooks-change {
    $b hook channel 0 receive {dict set payload data changed}
    may {$a hook evaluate send {dict set payload op changed}}
    may {$a hook protocol t send {set packet $packet}}
    may {$b hook protocol t receive {set packet $packet}}
    may {$a send -resolve b -data hello -protocols t}
    soon {$heard}
}
life hooks-packet {
    $b hook protocol t receive {
        set packet [string map {hello HELLO} $packet]
    }
    $a send -resolve b -data hello -protocols t
    soon {$heard}
}
life hooks-refuse {
    $b hook evaluate receive {throw {CLUSTER VETO} no}
    may {$a hook broadcast {break}}
    may {$a send -resolve b -data hello -protocols t}
    may {$a heartbeat}
    soon {0} 20
}
alone scripted {
    cluster protocol register m ::Told
    try {
        set c [cluster join -port $port -protocols {m t c} -tags a]
        set d [cluster join -port $port -protocols {m t c} -tags b]
        $d hook event {incr ::heard}
        $d hook query {return alive}
        soon {[$c known_services] == 1 && [$d known_services] == 1}
        may {$d event channel open m box}
        may {$c send -resolve b -data x -protocols m}
        may {$c query -resolve b -query q -timeout 200 -command told}
        soon {$done}
    } finally {
        array unset ::mailboxes
        cluster protocol register m {}
    }
}
# More than a block of seats is one that memory is asked for.
bpacket create io ::beacon {
    1 varint type  2 varint channel  3 string hid  4 string sid
    7 list protocols  12 list tags
}
alone crowd {
    cluster protocol register m ::Told
    try {
        set c [cluster join -port $port -protocols {m c}]
        set box $::mailboxes([$c sid])
        for {set i 0} {$i < 66} {incr i} {
            may {$box take [::beacon encode [list type 1 channel 0 \
                hid [$c hid] sid s$i protocols c tags {x y}]]}
        }
        soon {[$c known_services] == 66} 20
        may {$c resolve {x y}}
    } finally {
        array unset ::mailboxes
        cluster protocol register m {}
    }
}
alone host {
    foreach script {{hwaddr} {local_addresses} {lanip} {islocal 127.0.0.1}
            {rand 1 9} {version} {clusters} {protocol names}} {
        may {cluster {*}$script}
    }
    foreach script {host interfaces {way 230.1.1.1 1 {}}} {
        may {::cluster::core::[lindex $script 0] {*}[lrange $script 1 end]}
    }
}

# ---- in a C program ----------------------------------------------------------

# The procedures of our commands, as they are called by who knows of no others.
life called {
    set q [$a query -resolve b -query x -timeout 300 -command told]
    foreach {command word} [list $a uuid $ab uuid $q id] {
        if {[faults call $command $word] ne [$command $word]} {
            lappend ::wrong "$command called in C"
        }
    }
    soon {$done}
}
# A loop that serves some kinds of events alone, and not all of ours.
life served {
    set turns 0
    proc ask {} {
        $::a query -resolve b -query x -timeout 300 -command {apply {event {
            told $event
            if {[lindex $event 0] eq "done" && $::turns < 100} {
                may ask
            }
        }}}
    }
    may ask
    while {[incr turns] < 100} {
        faults serve [lindex {file timer} [expr {$turns % 2}]]
        if {$turns % 4 == 0} {
            faults serve file timer
        }
    }
    soon {$done}
}
life half-served {
    lassign [chan pipe] out in
    try {
        close $in
        # Ours waits behind this one, and is not of the kind.
        fileevent $out readable [list apply {out {
            fileevent $out readable {}
            faults serve file
        }} $out]
        $a destroy
        faults serve file timer
    } finally {
        close $out
    }
    soon {[$b known_services] == 0}
}

# ---- bpacket -----------------------------------------------------------------

alone packet {
    bpacket create io p {
        * 1 string name
        2 varint count
        3 list items
        4 dict map | k v
        5 flags bits | one two three
        6 float f
        7 vfloat v
        8 numlist numbers
        9 boolean yes
        10 raw rest
    }
    set values {name someone count 300 items {a b c} map {k v v w}
        bits {one 1 two 0} f 1.5 v 2.25 numbers {1 2 300} yes 1 rest abc}
    set bytes [p encode $values]
    p decode $bytes
    may {p decode $bytes -validate {apply {args {return 1}}}}
    may {p decode [p encode $values -raw] -raw}
    may {p template}
    may {p template {* 1 string name = 2}}
    may {p reset}
}
# What Tcl writes otherwise than the wire: U+0000, and U+1F600 in 8.6.
alone packet-text {
    set face [encoding convertfrom utf-8 \xf0\x9f\x98\x80]
    bpacket create io p "1 string $face"
    may {p encode [list $face x]}
    may {p encode [list $face a\u0000b]}
}
alone values {
    foreach {type value} {varint 300 varint 123456789012345678901234567890
            float 1.5 vfloat 2.25} {
        may {
            set bytes [bpacket encode $type $value]
            bpacket decode $type $bytes
        }
    }
}
alone templates {
    bpacket template {
        # a comment
        * 1 string name
        2 flags bits | one two {three four}
        3 list items = 2
    }
    may {bpacket template "# \u0000\n1 string a"}
    may {
        try {
            bpacket template "1 nosuch x"
        } trap BINARY_PACKET {message options} {
            if {[dict get $options -errorcode] eq "BINARY_PACKET NOMEM"} {
                return -options $options $message
            }
        }
    }
}
alone stream {
    bpacket create io p {1 string a}
    bpacket create stream s -limit 100000
    s event {apply {args {incr ::heard}}}
    set bytes [p encode {a hello}]
    may {s append [string range $bytes 0 5] one}
    may {s append [string range $bytes 6 end] one}
    may {s append [string repeat $bytes 20] two}
    soon {$heard >= 21} 20
    may {s append $bytes}
    may {s flush}
    may {s append [string range $bytes 0 5] three}
    may {s reset three}
}
alone types {
    catch {::bpacket::type::backwards destroy}
    oo::class create ::bpacket::type::backwards {
        variable DECODE_BUFFER
        method @init::backwards {} {
            my requires string
        }
        method @encode::backwards {value field args} {
            return [my @encode::string [string reverse $value]]
        }
        method @decode::backwards {field args} {
            return [string reverse [my @decode::string]]
        }
    }
    proc ::bpacket::type::upper {what value field} {
        if {$what eq "encode"} {
            return [::bpacket::Encode string [string toupper $value]]
        }
        return [::bpacket::Decode string $value]
    }
    try {
        bpacket create io p {1 backwards a 2 upper b}
        p decode [p encode {a hello b there}]
    } finally {
        catch {::bpacket::type::backwards destroy}
        rename ::bpacket::type::upper {}
    }
}
