# member.tcl -- a member for the tests: joins with its arguments, then
#               evaluates what support.tcl's ask sends on stdin.  -source FILE
#               in front is read before it joins.

package require cluster
if {[lindex $argv 0] eq "-source"} {
    source [lindex $argv 1]
    set argv [lrange $argv 2 end]
}
fconfigure stdin -translation binary -blocking 1 -buffering full
fconfigure stdout -translation binary -buffering full

# What happens, for tests to look at: {event service-tags ms}.
set history {}
proc note {what service} {
    lappend ::history [list $what [$service tags] [clock milliseconds]]
}

set cluster [cluster join {*}$argv]
set joined [clock milliseconds]
$cluster hook service discovered {note discovered $service}
$cluster hook service lost {note lost $service}

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

fileevent stdin readable serve
puts joined
flush stdout
vwait forever
