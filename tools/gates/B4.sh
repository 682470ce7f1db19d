# leaks: 0 records of ours while the suite runs under ASan and LSan (B: and valgrind), nothing left behind by any file
# build asan
#
# The suite, C tests too, where no leak, overrun or undefined step hides. What
# a file leaves open, running or defined fails it (tests/support.tcl, check.h).
# Two of its files are gates of their own, B17 and B20, and run there so.
set -euo pipefail

# Shows what a command says; its last line is in last.
say() {
    last=$("$@" | tee >(cat >&2) | tail -n 1)
}

say tools/test -asan -limit 300 -jobs "$(nproc)" -not reentry -not noeval
figure=$last
if [ "$GATE_SIZE" = B ]; then
    say tools/gates/valgrind
    figure+="; $last"
fi
echo "$figure"
