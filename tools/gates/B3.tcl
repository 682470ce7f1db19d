# system calls that fail, 200 runs (B: 5,000): 0 crashes, hangs > 5 s, descriptors left; usable afterwards
#
# Each run is scenario.tcl under strace, in a network of its own, in which the
# n-th call of one kind fails with one error.  Which, is drawn by the seed; a
# missed run is told with the words that repeat it.

source [file join [file dirname [info script]] support.tcl]

set runs [size 200 5000]
set calls {
    socket        {EMFILE ENFILE ENOBUFS ENOMEM EACCES}
    bind          {EADDRINUSE EADDRNOTAVAIL EACCES ENOMEM}
    listen        {EADDRINUSE}
    accept4       {EINTR EAGAIN EMFILE ENFILE ENOBUFS ENOMEM ECONNABORTED}
    connect       {EINTR ECONNREFUSED ENETUNREACH EAGAIN ETIMEDOUT EACCES}
    sendmsg       {EINTR EAGAIN ENOBUFS ENOMEM ENETUNREACH EPIPE EMSGSIZE
                   ECONNREFUSED EPERM}
    sendto        {EINTR EAGAIN ENOBUFS ECONNRESET EPIPE}
    recvmmsg      {EINTR EAGAIN ENOMEM ECONNREFUSED}
    recvmsg       {EINTR EAGAIN ENOBUFS ENOMEM}
    recvfrom      {EINTR EAGAIN ECONNRESET ENOMEM}
    setsockopt    {ENOPROTOOPT ENOMEM ENODEV EADDRINUSE}
    getsockopt    {ENOPROTOOPT}
    getsockname   {ENOBUFS}
    epoll_create1 {EMFILE ENOMEM}
    epoll_ctl     {ENOMEM ENOSPC}
    epoll_wait    {EINTR}
    timerfd_create {EMFILE ENOMEM}
    timerfd_settime {EINVAL}
    shutdown      {ENOTCONN}
    mkdir         {EACCES ENOSPC EROFS}
    unlink        {EACCES EROFS ENOENT}
}
set script [file join $gate::here scenario.tcl]
set place [exec mktemp -d]
set hit 0
array set hits {}

proc draw {list} {
    return [lindex $list [expr {int(rand() * [llength $list])}]]
}

# {which run it is} {its command}; killed when it took longer than two lives may.
proc run {i call error n} {
    set sockets [file join $::place $i]
    file mkdir $sockets
    file attributes $sockets -permissions 0700
    set inject inject=$call:error=$error:when=$n
    return [list [list $i $call $inject] [list env PLACE=$sockets \
        timeout -s KILL 12 $gate::here/../in-netns strace -f -qq \
        -o $sockets.trace -e trace=$call -e $inject \
        [info nameofexecutable] $::script]]
}

proc ran {words ok output} {
    lassign $words i call inject
    set trace [file join $::place $i.trace]
    if {![catch {exec grep -q INJECTED $trace}]} {
        incr ::hit
        set ::hits($call) 1
    }
    if {!$ok || [lindex [split $output \n] end] ne "ok 0"} {
        incr ::missed
        puts "$inject: $output"
    }
    file delete -force $trace [file join $::place $i]
}

expr {srand($seed)}
set jobs {}
for {set i 0} {$i < $runs} {incr i} {
    set call [draw [dict keys $calls]]
    lappend jobs [run $i $call [draw [dict get $calls $call]] \
        [expr {1 + int(rand() * rand() * 24)}]]
}
set missed 0
sideBySide 4 $jobs ran
file delete -force $place
law "0 of $runs runs went wrong, not $missed" {$missed == 0}
law "most runs had their fault: $hit of $runs" {$hit > $runs / 3}
figure "$runs runs, $hit faults in [array size hits] calls, $missed went wrong"
