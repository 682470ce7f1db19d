# leaks: 0 records of ours while the suite runs under ASan and LSan (B: and valgrind), nothing left behind by any file
# build asan
#
# The suite, C tests too, where no leak, overrun or undefined step hides. What
# a file leaves open, running or defined fails it (tests/support.tcl, check.h).
# Two of its files are gates of their own, B17 and B20, and run there so.
set -euo pipefail
file=build/check/B4.lines
tools/test -asan -limit 300 -jobs "$(nproc)" -not reentry -not noeval |
    tee "$file"
figure=$(tail -n 1 "$file")
if [ "$GATE_SIZE" = B ]; then
    tools/gates/valgrind | tee "$file"
    figure+="; $(tail -n 1 "$file")"
fi
rm "$file"
echo "$figure"
