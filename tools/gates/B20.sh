# no eval: 10^4 hostile strings through the API and 10^4 packets with one in every field, under ASan: 0 evaluated; no new command, namespace or variable
# build asan
# computes
#
# They are made in tests/noeval.test, which says of each kind how many there
# were, and fails when one of them was evaluated or left a trace.
set -euo pipefail
tools/test -asan -verbose -limit 300 noeval | tee build/check/B20.lines
file=build/check/B20.lines
figure=$(sed -n 's/^noeval: \(.* evaluated.*\)$/\1/p' "$file")
passed=$(sed -n 's/^\([0-9]*\) passed, 0 failed, 0 skipped$/\1/p' "$file")
rm "$file"
echo "${figure:-nothing was counted}"
[ -n "$figure" ] && [ "${passed:-0}" -ge 5 ]
