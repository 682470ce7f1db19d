# payload.tcl -- payload dicts of each type, as the original builds them
#                (WIRE-ORIGINAL 4, 6; API 2).

namespace eval ::cluster::payload {
    # Types and channels by the names that the original takes.
    variable Types {
        {discon* close} 0  {bea* heart*} 1  {discov* find} 2  ping 3  q* 4
        {res* answ*} 5  event 6  flush* 7  fail* 8
    }
    variable Channels {br* 0  sy* 1  {lan lo* la*} 2}
}

# A number as it is, or the number of a name.
proc ::cluster::payload::Number {word names what} {
    if {[string is entier -strict $word]} {
        return $word
    }
    dict for {patterns number} $names {
        foreach pattern $patterns {
            if {[string match -nocase $pattern $word]} {
                return $number
            }
        }
    }
    return -code error -errorcode CLUSTER_INVALID_ARGS \
        "unknown $what \"$word\": must be a number or a name"
}

# The heading, then the fields; a filter stands in front.
proc ::cluster::payload::Payload {cluster type channel payload {tags 0}
                                  {known 1}} {
    variable Types
    variable Channels
    set whole [dict create sid [$cluster sid] hid [$cluster hid] \
        type [Number $type $Types type] \
        channel [Number $channel $Channels channel] \
        protocols [$cluster protocols]]
    set whole [dict merge $whole $payload]
    if {$known} {
        dict set whole known [$cluster known_services]
    }
    if {$tags} {
        dict set whole tags [$cluster tags]
    }
    if {[dict exists $whole filter]} {
        set filter [dict get $whole filter]
        dict unset whole filter
        set whole [dict merge [dict create filter $filter] $whole]
    }
    return $whole
}

# props: the names of what data holds, such as protoprops.
proc ::cluster::payload::Beacon {cluster type props tags channel payload} {
    if {$props ne {}} {
        dict set payload data [$cluster props {*}$props]
    }
    return [Payload $cluster $type $channel $payload $tags]
}

proc ::cluster::payload::Heartbeat {cluster {props {}} {tags 0} {channel 0}
                                    {payload {}}} {
    return [Beacon $cluster 1 $props $tags $channel $payload]
}

proc ::cluster::payload::Discovery {cluster {props {}} {tags 0} {channel 0}
                                    {payload {}}} {
    return [Beacon $cluster 2 $props $tags $channel $payload]
}

proc ::cluster::payload::Flush {cluster {props {}} {tags 0} {channel 0}
                                {payload {}}} {
    return [Beacon $cluster 7 $props $tags $channel $payload]
}

proc ::cluster::payload::Disconnect {cluster {payload {}} {tags 1} {known 1}} {
    return [Payload $cluster 0 0 $payload $tags $known]
}

proc ::cluster::payload::Ping {cluster services {channel 0}} {
    return [Payload $cluster 3 $channel [dict create data $services]]
}

proc ::cluster::payload::Query {cluster ruid query {filter {}} {channel 0}
                                {tags 0} {known 0}} {
    return [Payload $cluster 4 $channel [dict create ruid $ruid data $query \
        filter $filter keepalive 1] $tags $known]
}

proc ::cluster::payload::Response {cluster response channel {tags 0}
                                   {known 0}} {
    return [Payload $cluster 5 $channel $response $tags $known]
}

proc ::cluster::payload::Event {cluster request channel {tags 0} {known 0}} {
    return [Payload $cluster 6 $channel $request $tags $known]
}

proc ::cluster::payload::Failed {cluster request {channel 0} {tags 0}
                                 {known 0}} {
    return [Payload $cluster 8 $channel [dict create data $request] $tags \
        $known]
}
