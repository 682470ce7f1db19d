# 8-tags.tcl -- changes its tags; who sees it in another shell sees them change.
#
# Run it while 9-resolver.tcl runs in another shell (TCLLIBPATH=$PWD/build).

package require cluster
fconfigure stdout -buffering line

set cluster [cluster join]

puts [$cluster tags tag0 tag1]
#  tag0 tag1

puts [$cluster tags -append tag0 tag2 -map [list tag2 tag3] -remove tag3 \
    -append tag4 tag5]
#  tag0 tag1 tag4 tag5

# In this example the -map does nothing since tag10 does not exist in our list
# of tags.
puts [$cluster tags -map [list tag10 tag12]]
#  tag0 tag1 tag4 tag5

puts [$cluster tags -mappend [list tag0 tag5] [list tag6 tag8] [list tag3 tag8]]
#  tag1 tag4 tag5 tag8

vwait forever
