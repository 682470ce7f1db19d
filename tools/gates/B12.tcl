# kill -9 at every call for the network, files and descriptors: rejoin <= 2 s, stale socket files reclaimed, never a foreign one
# netns
#
# A victim (victim.tcl) lives beside a partner; strace kills it at the n-th call
# of one kind, for each kind and n that its life has, in an order drawn by the
# seed (A: as many as half a minute has room for).  Then another one joins in its place, with the same options: the
# partner must know it within two seconds of its start and be answered by t and
# u.  What socket files the killed left must go, once they are older than a
# minute, and nothing else in their directories, whatever it is named.

source [file join [file dirname [info script]] support.tcl]

set calls {access socket bind listen accept4 connect sendmsg sendto sendmmsg recvmsg
    recvmmsg recvfrom setsockopt getsockopt getsockname getpeername shutdown
    epoll_create1 epoll_ctl epoll_wait timerfd_create timerfd_settime read
    write pread64 readv writev close fcntl dup openat ioctl mkdir rmdir unlink
    stat lstat fstat newfstatat getdents64 chmod fchmod readlink eventfd2
    pipe2}
set place [exec mktemp -d]
set env(TMPDIR) $place
unset -nocomplain env(XDG_RUNTIME_DIR)
set mine $place/cluster-[exec id -u]
set asked $place/asked
set port [freePort]

proc traced {args} {
    return [list strace -f -qq -o $::place/trace {*}$args \
        [info nameofexecutable] [file join $gate::here victim.tcl]]
}

# By turns in the default directory and at a path that was asked for.
proc options {turn} {
    set options [list -port $::port -protocols {t u d c}]
    if {$turn % 2} {
        lappend options -u [list path $::asked/name.sock]
    }
    return $options
}

# How often each call is made in a life, and how often before: {call first last}.
proc survey {} {
    exec {*}[traced -e trace=[join $::calls ,]] whole {*}[options 0] 2>@stdout
    set f [open $::place/trace]
    set begun 0
    set before {}
    set all {}
    while {[gets $f line] >= 0} {
        if {[string match *LIFE-BEGINS* $line]} {
            set begun 1
        }
        if {[regexp {^\d+ +(\w+)\(} $line -> call]} {
            dict incr all $call
            if {!$begun} {
                dict incr before $call
            }
        }
    }
    close $f
    law "the life was seen" {$begun}
    set found {}
    dict for {call n} $all {
        set first [expr {[dict exists $before $call]
            ? [dict get $before $call] : 0}]
        for {set i [expr {$first + 1}]} {$i <= $n} {incr i} {
            lappend found [list $call $i]
        }
    }
    return $found
}

# True when it was killed there.
proc killed {call n options} {
    set command [traced -e trace=$call -e inject=$call:signal=KILL:when=$n]
    set code [catch {exec timeout -s TERM 10 {*}$command victim \
        {*}$options 2>@1} output details]
    return [expr {$code && [string match {CHILDKILLED * SIGKILL *} \
        [dict get $details -errorcode]]}]
}

# ---- what may not go ---------------------------------------------------------

proc sockets {} {
    return [lsort [glob -nocomplain $::mine/*.sock $::asked/*.sock]]
}

proc age {paths} {
    foreach path $paths {
        exec touch -h -d {-2 minutes} $path
    }
}

# Things with names as the package makes them that it did not make, or whose
# owner lives.
proc plantForeign {} {
    set planted {}
    foreach {directory stem} [list $::mine "" $::asked name-] {
        set path $directory/${stem}
        close [open ${path}Regular1.sock w]
        file link -symbolic ${path}Symlink1.sock $::partners
        exec mkfifo ${path}AFifo123.sock
        file mkdir ${path}Folder12.sock
        lappend planted {*}[lmap name {Regular1 Symlink1 AFifo123 Folder12} {
            set _ ${path}$name.sock
        }]
    }
    # One that nobody listens at, but of another user; and one of ours whose
    # name is none the package gives.
    lassign [leftBehind] left
    file rename $left $::asked/name-Foreign1.sock
    exec chown 65534 $::asked/name-Foreign1.sock
    lassign [leftBehind] left
    file rename $left $::asked/other.sock
    lappend planted $::asked/name-Foreign1.sock $::asked/other.sock $::partners
    age $planted
    return $planted
}

# The socket file of a member that was killed.
proc leftBehind {} {
    set before [sockets]
    start shortlived -tags shortlived {*}[options 1]
    slay shortlived
    return [lmap path [sockets] {
        if {$path in $before} continue
        set path
    }]
}

# ---- the partner, and who comes after ----------------------------------------

proc answeredBy {protocol tag} {
    return [ask partner [string map [list %p $protocol %t $tag] {
        set got {}
        $cluster query -resolve %t -protocols %p -query q -timeout 1500 \
            -command {apply {event {
                if {[lindex $event 0] eq "response"} {set ::got 1}
                if {[lindex $event 0] eq "done" && $::got eq {}} {set ::got 0}
            }}}
        vwait got
        set got
    }]]
}

# Ms until the partner knows the next life; the law of the rest.
proc rejoin {tag options} {
    set begun [clock milliseconds]
    launch next -tags $tag {*}$options
    ready next
    if {![waitFor 4000 {[ask partner [list llength \
            [format {[$cluster resolve %s]} $tag]]]}]} {
        return 9999
    }
    return [expr {[clock milliseconds] - $begun}]
}

file mkdir $asked
file attributes $asked -permissions 0700
start partner -tags partner {*}[options 0]
ask partner {$cluster hook query {return alive}}
set partners [lindex [sockets] 0]
set foreign [plantForeign]
set places [survey]
expr {srand($seed)}
set shuffled {}
for {set round 0} {$round < [size 2 6]} {incr round} {
    foreach where $places {
        lappend shuffled [list [expr {rand()}] {*}$where $round]
    }
}
set end [expr {[clock seconds] + [size 30 900]}]
set tried 0
set hit 0
set worst 0
set wrong 0
set reclaimed 0
array set kinds {}
foreach where [lsort -real -index 0 $shuffled] {
    if {[clock seconds] > $end} break
    incr tried
    lassign $where - call n turn
    set options [options $turn]
    if {[killed $call $n $options]} {
        incr hit
        set kinds($call) 1
    }
    set stale [lmap path [sockets] {
        if {$path in $foreign} continue
        set path
    }]
    age $stale
    set took [rejoin life$tried $options]
    ask next {$cluster hook query {return alive}}
    set answers [list [answeredBy t life$tried] [answeredBy u life$tried]]
    set directory [expr {$turn % 2 ? $asked : $mine}]
    set left [lmap path $stale {
        if {[file dirname $path] ne $directory || ![file exists $path]} continue
        set path
    }]
    incr reclaimed [expr {[llength $stale] - [llength $left]}]
    set gone [lmap path $foreign {
        if {![catch {file lstat $path x}]} continue
        set path
    }]
    if {$took > 2000 || $answers ne {1 1} || [llength $left]
            || [llength $gone]} {
        incr wrong
        puts "when=$n of $call, $options: known after $took ms, answered\
            $answers, left {$left}, gone {$gone}"
    }
    set worst [expr {max($worst, $took)}]
    stop next
}
stop partner
file delete -force $place
law "0 of $tried kills went wrong, not $wrong" {$wrong == 0}
law "most victims were killed: $hit of $tried" {$hit > $tried / 2}
law "socket files were left, and reclaimed: $reclaimed" {$reclaimed > 0}
figure "$hit kills at [array size kinds] calls of [llength $places] places,\
    known again after $worst ms at most, $reclaimed files reclaimed,\
    $wrong went wrong"
