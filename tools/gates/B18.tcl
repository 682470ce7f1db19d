# Unix sockets: 0 foreign connections, 0 files touched outside, modes 0600/0700, in 10^3 (B: 10^4) rename races
# netns
#
# The victim is user 65531, the attacker 65532; root only looks.  The attacker
# connects, leads the victim by symbolic and hard links, FIFOs and directories
# that stand in the way, and exchanges what a path means while it is joined.

source [file join [file dirname [info script]] support.tcl]

set races [size 1000 10000]
set place [exec mktemp -d]
file attributes $place -permissions 0755
foreach {name user mode} {home 65531 0700 open 65531 0755 theirs 65532 0755
    shared 65531 01777 loose 65531 0777} {
    file mkdir $place/$name
    exec chown $user $place/$name
    file attributes $place/$name -permissions $mode
}

# The package, for users who may not read where it was built.
exec cp -rL $env(CLUSTER_BUILD) $place/package
exec chmod -R a+rX $place/package
exec cp [file join $support::here member.tcl] $place/member.tcl
set env(TCLLIBPATH) [list $place/package]

proc as {user args} {
    return [exec setpriv --reuid=$user --regid=$user --clear-groups {*}$args]
}

proc joinAs {user name args} {
    variable ::support::channels
    set channel [open |[list setpriv --reuid=$user --regid=$user \
        --clear-groups sh -c {umask 000; exec "$@"} sh \
        [info nameofexecutable] $::place/member.tcl {*}$args 2>@stderr] r+]
    fconfigure $channel -translation binary -buffering full
    set channels($name) $channel
    ready $name
}

# May it join with such a path?  The words it says if not.
proc tries {path} {
    set script {
        package require cluster
        if {[catch {cluster join -port $::env(PORT) -protocols {u c} \
                -u [list path $::env(WHERE)]} c]} {
            puts "no: $c"
        } else {
            puts yes
            $c destroy
        }
    }
    set ::env(WHERE) $path
    set ::env(PORT) [freePort]
    return [as 65531 [info nameofexecutable] << $script 2>@stderr]
}

# Everything below a directory: name, kind, owner, mode, size, age.
proc picture {directory} {
    return [exec find $directory -printf {%p %y %U %m %s %T@ %l\n}]
}

# ---- who may connect ---------------------------------------------------------

set port [freePort]
joinAs 65531 victim -port $port -tags victim -protocols {u t c} \
    -u [list path $place/open/v.sock]
ask victim {$cluster hook query {return alive}}
joinAs 65531 good -port $port -tags good -protocols {u t c} \
    -u [list path $place/home/g.sock]
know victim 1
know good 1
set socket [glob $place/open/v-*.sock]
set mode [file attributes $socket -permissions]
law "mode 0600 with umask 000, not $mode" {[expr {$mode & 0777}] == 0o600}
set refused 0
set connect {
    my $n = 0;
    $SIG{PIPE} = "IGNORE";
    for (1 .. 100) {
        socket(my $s, 1, 1, 0);
        my $ok = connect($s, pack_sockaddr_un($ARGV[0]));
        next if !$ok;
        # Let in by a looser mode, he must be closed without a byte; one who is
        # not closed waits here until he is killed, and the gate fails.
        alarm 5;
        syswrite($s, "\xc0\x8d");
        my $got = sysread($s, my $b, 10);
        $n++ if defined($got) && $got > 0;
    }
    print $n;
}
set foreign [as 65532 perl -MSocket -e $connect $socket]
exec chmod 0666 $socket
set accepted [stat victim links_accepted]
incr foreign [as 65532 perl -MSocket -e $connect $socket]
incr foreign [expr {[stat victim links_accepted] - $accepted}]
exec chmod 0600 $socket
law "0 foreign connections, not $foreign" {$foreign == 0}

# A private directory is 0700.
set private [as 65531 env -u XDG_RUNTIME_DIR TMPDIR=$place/shared \
    [info nameofexecutable] << {
        package require cluster
        set c [cluster join -protocols {u c}]
        set d [glob $::env(TMPDIR)/cluster-*]
        puts [file attributes $d -permissions]
        $c destroy
    } 2>@stderr]
law "a private directory is 0700, not $private" {$private & 0777 == 0o700
    || ($private & 0o777) == 0o700}

# ---- what stands in the way --------------------------------------------------

as 65532 sh -c "cd $place/theirs && echo precious >file && mkdir dir &&
    echo keep >dir/keep"
set before [picture $place/theirs]
set ways 0
foreach {name make} {
    symlink     {ln -s %t/dir %s/w}
    dangling    {ln -s %t/none %s/w}
    file        {echo x >%s/w}
    fifo        {mkfifo %s/w}
    directory   {mkdir -m 0777 %s/w}
} {
    as 65532 sh -c [string map [list %t $place/theirs %s $place/shared] $make]
    set said [tries $place/shared/w/n.sock]
    law "in the way: $name, he joined" {[string match no:* $said]}
    incr ways
    as 65532 rm -rf $place/shared/w
}
foreach where {theirs loose} {
    set said [tries $place/$where/n.sock]
    law "a directory of another user or that all may write: $where" \
        {[string match no:* $said]}
    incr ways
}
set said [tries $place/home/[string repeat x 108]]
law "a path of more than 108 bytes" {[string match no:* $said]}

# ---- he exchanges what the path means, all the time --------------------------

set racer [open |[list setpriv --reuid=65532 --regid=65532 --clear-groups \
    perl -e {
        my ($shared, $theirs) = @ARGV;
        $| = 1;
        $SIG{PIPE} = sub { exit };
        for (my $n = 1; ; $n++) {
            mkdir "$shared/r", 0777;
            rename "$shared/r", "$shared/old";
            symlink "$theirs/dir", "$shared/r";
            unlink "$shared/r";
            symlink "$theirs", "$shared/r";
            unlink "$shared/r";
            rmdir "$shared/old";
            print "$n\n" if $n % 1000 == 0;
        }
    } $place/shared $place/theirs 2>@stderr]]
fconfigure $racer -blocking 0
set script {
    package require cluster
    set joined 0
    for {set i 0} {$i < $::env(RACES)} {incr i} {
        if {![catch {cluster join -port $::env(PORT) -protocols {u c} \
                -u [list path $::env(WHERE)]} c]} {
            incr joined
            $c destroy
            update
        }
        # It stays, being asked for; then nobody could exchange it.
        catch {file delete [file dirname $::env(WHERE)]}
    }
    puts $joined
}
set env(RACES) $races
set env(WHERE) $place/shared/r/n.sock
set won [as 65531 [info nameofexecutable] << $script 2>@stderr]
exec kill [pid $racer]
set swaps [lindex [split [string trim [read $racer]] \n] end]
catch {close $racer}
# Made by himself it is his, so a join there is one in a foreign directory.
set strays [exec find $place/theirs -newer $place/member.tcl -user 65531]
law "0 files of ours in his directory" {$strays eq {}}
law "his files are untouched" {[picture $place/theirs] eq $before}
law "the racer raced" {$swaps ne {}}

law "the two still talk" {[answered good victim 5] == 5}
stopAll
file delete -force $place

figure "$foreign foreign connections of 200, $ways things in the way, $races\
    joins against $swaps exchanges, $won of them joined in a place of his own,\
    0 files touched"
