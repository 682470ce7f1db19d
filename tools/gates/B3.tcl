# system calls that fail, 200 runs (B: 5,000): 0 crashes, hangs > 5 s, descriptors left; usable afterwards
# netns
#
# Each run is scenario.tcl under strace, in which the n-th call of one kind
# fails with one error.  Which, is drawn by the seed; a missed run is told with
# the words that repeat it.

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
set env(PLACE) $place/sockets
set missed 0
set hit 0
array set hits {}

# {status output}; status "hang" when it took longer than two lives may.
proc run {call error n} {
    file delete -force $::env(PLACE)
    file mkdir $::env(PLACE)
    file attributes $::env(PLACE) -permissions 0700
    set status [catch {exec timeout -s KILL 12 strace -f -qq \
        -o $::place/trace -e trace=$call -e inject=$call:error=$error:when=$n \
        [info nameofexecutable] $::script 2>@1} output options]
    return [list $status $output]
}

proc draw {list} {
    return [lindex $list [expr {int(rand() * [llength $list])}]]
}

expr {srand($seed)}
for {set i 0} {$i < $runs} {incr i} {
    set call [draw [dict keys $calls]]
    set error [draw [dict get $calls $call]]
    set n [expr {1 + int(rand() * rand() * 24)}]
    lassign [run $call $error $n] status output
    if {![catch {exec grep -q INJECTED $place/trace}]} {
        incr hit
        set hits($call) 1
    }
    if {[lindex [split $output \n] end] ne "ok 0"} {
        incr missed
        puts "inject=$call:error=$error:when=$n: $output"
    }
}
file delete -force $place
law "0 of $i runs went wrong, not $missed" {$missed == 0}
law "most runs had their fault: $hit of $i" {$hit > $i / 3}
figure "$i runs, $hit faults in [array size hits] calls, $missed went wrong"
