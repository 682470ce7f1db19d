# re-entrancy: every callback x every deed x {c, t, u} under ASan, a seventh of the cells (B: all): each as written, 0 findings
# build asan
#
# The cells and what is expected of each stand in tests/reentry.test. The suite
# runs them all under ASan too; which seventh is taken here, the seed says.
set -euo pipefail
export REENTRY_EVERY=7
if [ "$GATE_SIZE" = B ]; then
    REENTRY_EVERY=1
fi
tools/test -asan -verbose -limit 300 reentry | tee build/check/B17.cells
file=build/check/B17.cells
count=$(sed -n 's/^reentry: \([0-9]*\) cells$/\1/p' "$file")
passed=$(sed -n 's/^\([0-9]*\) passed, 0 failed, 0 skipped$/\1/p' "$file")
rm "$file"
echo "$count cells, each as written, 0 findings"
[ "${passed:-0}" -gt "${count:-0}" ] && [ "${count:-0}" -gt 200 ]
