# reentry.tcl -- the table of reentry.test: callbacks, deeds, and what is to come
#                of each deed in each callback.

# ---- the callbacks -----------------------------------------------------------

# Its column in the table, its hook, and what brings it about.
set callbacks {
    evaluate-receive   receive  {evaluate receive}    heard
    channel-receive    receive  {channel 5 receive}   heard
    op-receive         receive  {op C receive}        heard
    service-evaluate   receive  {service evaluate}    heard
    service-validate   receive  {service validate}    heard
    protocol-receive   receive  {protocol P receive}  heard
    protocol-send      send     {protocol P send}     sends
    evaluate-send      send     {evaluate send}       sends
    channel-send       send     {channel 5 send}      sends
    op-send            send     {op C send}           sends
    broadcast          send     {broadcast}           shouts
    query              query    {query}               asked
    event              told     {event}               heard
    tags-changed       told     {tags changed}        retagged
    service-lost       told     {service lost}        left
    service-discovered told     {service discovered}  met
    command-start      start    start                 asks
    command-response   answer   response              asks
    command-error      answer   error                 asks
    command-lost       answer   lost                  asks
    command-timeout    answer   timeout               asks
    command-done       answer   done                  asks
    bgerror            told     bgerror               fails
    log                told     log                   logs
}

# ---- the deeds ---------------------------------------------------------------

# $cluster, $service (may be empty) and $q, a query, are there in each.
set deeds {
    destroy         {$cluster destroy}
    unname          {rename $cluster {}}
    again           {$cluster destroy; Rejoin}
    interp-delete   {Die}
    forget          {if {$service ne {}} {$service destroy}}
    end-query       {$q destroy}
    unname-query    {rename $q {}}
    another-query   {$cluster query -resolve peer -query x -command Seen}
    nested-query    {Note held [dict values [$cluster query -wait 1 \
                        -collect -resolve oracle -query n]]}
    rename-cluster  {rename $cluster ::renamed; set ::victim ::renamed}
    rename-service  {if {$service ne {}} {rename $service ::renamedService}}
    rename-query    {rename $q ::renamedQuery}
    update          {update}
    vwait           {after 5 {set ::woke 1}; vwait ::woke}
    error           {error oops}
    break           {break}
    continue        {continue}
    return          {return}
    return-99       {return -code 99}
    redefine        {$cluster hook {*}$path [Other $path]}
    join-another    {set ::another [cluster join -port $::otherPort]}
    leave-another   {
        set ::left [cluster join -port $::otherPort]
        $::left destroy
    }
    leave-channel   {$cluster channel leave 5}
    exit            {exit 7}
}

# What must have come of it besides: an expression, evaluated afterwards where
# the victim lived; what is not here has no law of its own.
set laws {
    again           {[info commands $::victim] eq {} && $::again ne {}}
    another-query   {[Noted other] eq {start response done}}
    nested-query    {[Noted held] eq {yes:n}}
    rename-cluster  {[::renamed known_services] > 0
                     && [string match ::cluster::clusters::* \
                         [lindex [::renamed services] 0]]}
    rename-service  {[RenamedService]}
    rename-query    {[llength [info commands ::renamedQuery]]
                     == ($::kind ne "command")}
    redefine        {[$::victim hook {*}$::path] eq [Other $::path]}
    join-another    {[$::another known_services] == 0}
    leave-another   {[info commands $::left] eq {}
                     && $::left ni [cluster clusters]}
    leave-channel   {5 ni [$::victim Channel]}
}

# ---- what is to come of it ---------------------------------------------------

# One row for each deed: after, done, errors; then the effect by column.
set table {
    deed           after   done errors receive send    query    start  answer
    destroy        gone    1    0      stopped stopped lost     cut    whole
    unname         gone    1    0      stopped stopped lost     cut    whole
    again          again   1    0      stopped stopped lost     cut    whole
    interp-delete  gone    0    0      stopped stopped lost     silent silent
    forget         answers 1    0      passed  stopped timeout  whole  whole
    end-query      answers 1    0      passed  passed  response cut    whole
    unname-query   answers 1    0      passed  passed  response cut    whole
    another-query  answers 0    0      passed  passed  response whole  whole
    nested-query   answers 0    0      passed  passed  response whole  whole
    rename-cluster answers 0    0      passed  passed  response whole  whole
    rename-service answers 0    0      passed  passed  response whole  whole
    rename-query   answers 0    0      passed  passed  response whole  whole
    update         answers 0    0      passed  passed  response whole  whole
    vwait          answers 0    0      passed  passed  response whole  whole
    error          answers 0    1      stopped stopped error    whole  whole
    break          answers 0    0      stopped stopped error    cut    whole
    continue       answers 0    0      stopped stopped error    whole  whole
    return         answers 0    0      passed  passed  response whole  whole
    return-99      answers 0    0      stopped stopped error    whole  whole
    redefine       answers 0    0      passed  passed  response whole  whole
    join-another   answers 0    0      passed  passed  response whole  whole
    leave-another  answers 0    0      passed  passed  response whole  whole
    leave-channel  answers 0    0      passed  passed  response whole  whole
    exit           gone    -    -      -       -       lost     -      -
}

# Where $service is not the peer: there is none, or it is the one that left.
set strangers {protocol-receive broadcast service-lost command-start command-lost
    command-timeout}

# What the table says of a cell, and what is otherwise for a reason.
proc expected {protocol callback deed} {
    if {$deed eq "exit"} {
        return {gone 7 0}
    }
    set column [lindex [dict get $::calls $callback] 0]
    set row [dict get $::rows $deed]
    dict with row {}
    set effect [expr {[dict exists $row $column] ? [dict get $row $column]
        : "-"}]
    # An answer; and Tcl itself says what failed in a handler of errors.
    if {$callback in {query bgerror}} {
        set errors 0
    }
    # There $q is the callback's own query, not the one that waits.
    if {$column in {start answer} && $deed in {end-query unname-query}} {
        set done 0
    }
    if {$deed eq "forget" && $callback in $::strangers} {
        set done 0
        if {$column eq "send"} {
            set effect passed
        }
    }
    # That protocol has failed then, and the group takes it.
    if {$callback eq "protocol-send" && $protocol ne "c"
        && $deed in {error break continue return-99}} {
        set effect passed
    }
    # No hook: there they are no veto, but errors.
    if {$callback eq "log" && $deed in {break continue}} {
        set errors 1
    }
    # The channel is looked at behind that hook.
    if {$callback eq "protocol-receive" && $deed eq "leave-channel"} {
        set effect stopped
    }
    # It is the last one.
    if {$callback eq "command-done"} {
        set effect whole
    }
    list $effect $after $done $errors 1
}

set calls {}
foreach {name column path occasion} $callbacks {
    dict set calls $name [list $column $path $occasion]
}
set names [lrange $table 0 8]
set rows {}
foreach words [lmap {a b c d e f g h i} [lrange $table 9 end] {
        list $a $b $c $d $e $f $g $h $i}] {
    foreach name $names word $words {
        dict set rows [lindex $words 0] $name $word
    }
}
