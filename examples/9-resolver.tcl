# 9-resolver.tcl -- says whom the words of the documents find.
#
#   tclsh examples/9-resolver.tcl ?TAG ...?     (TCLLIBPATH=$PWD/build)
#
# Run it in several shells of one host, with the tags "my_service", "iwait one"
# and "iwait four" for example.

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join -tags $argv]

# The tags of those who were found, in the order of the alphabet.
proc show {what services} {
    puts "$what: [lsort [lmap service $services {$service tags}]]"
}

proc look {} {
    # Every argument must match.
    set services [$::cluster resolve localhost my_service]
    show resolve $services

    # A tag that ends with "wait", and one of three.
    set services [$::cluster resolver -match -has [list *wait] \
        -equal -some [list one two three]]
    show resolver $services

    # Do we ourselves?
    puts "resolve_self: [$::cluster resolve_self localhost my_service]"
}

$cluster hook service discovered { look }
$cluster hook tags changed {
    puts "tags: [$service tags]"
}

vwait forever
