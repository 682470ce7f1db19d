# query.tcl -- waiting for a query in the middle of a script.

namespace eval ::cluster::query {}

# $query wait -> the results, when it is done (API 3).  In a coroutine by
# yielding; else by serving cluster I/O and nothing else of the event loop:
# what arrives meanwhile for other hooks and queries waits.
proc ::cluster::query::Wait query {
    if {[info coroutine] eq {}} {
        return [$query Serve]
    }
    $query Waiter [info coroutine]
    return [yield]
}
