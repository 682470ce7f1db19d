# re-entrancy: every callback x every deed x {c, t, u} under ASan: each as written, 0 findings
# build asan
#
# The cells and what is expected of each stand in tests/reentry.tcl.
set -euo pipefail
tools/test -asan -verbose -limit 300 reentry | tee build/check/B17.cells
file=build/check/B17.cells
count=$(sed -n 's/^reentry: \([0-9]*\) cells$/\1/p' "$file")
passed=$(sed -n 's/^\([0-9]*\) passed, 0 failed, 0 skipped$/\1/p' "$file")
rm "$file"
echo "$count cells, each as written, 0 findings"
[ "${passed:-0}" -gt "${count:-0}" ] && [ "${count:-0}" -gt 1500 ]
