# coverage by suite, corpus and faults: lines 100 %, branches >= 95 %, of codec and limits 100 %
# build coverage
# full
#
# Built with counters, in build-coverage: the suite and the C tests, every input
# of the corpus and the recorded vectors, memory that fails (B2) and, at gate B,
# system calls that fail (B3).  No line is left out of the count.  What was not
# reached stands in B5.lines.
set -euo pipefail
root=$PWD build=$PWD/build-coverage
tools/setup --coverage
find "$build" -name '*.gcda' -delete

tools/test -coverage -limit 300 || true         # its failures are the suite's

seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
tclsh8.6 fuzz/seed.tcl "$seeds"
for target in $(sed -n 's/^\([a-z]*\) .*/\1/p' fuzz/budget); do
    gcc -std=gnu11 -D_GNU_SOURCE -g -Igeneric -Itests/c --coverage \
        -fprofile-abs-path -o "$build/replay-$target" "fuzz/$target.c" \
        fuzz/replay.c "$build/obj/tests/c/sim.o" "$build/libclustercore.a"
    mkdir -p "$seeds/$target"
    find "fuzz/corpus/$target" "$seeds/$target" -type f -print0 |
        xargs -0 "$build/replay-$target"
done

B2_BUILD=coverage tools/in-netns tclsh8.6 tools/gates/B2.tcl || true
if [ "$GATE_SIZE" = B ]; then
    CLUSTER_BUILD=$build TCLLIBPATH=$build GATE_SIZE=A \
        tools/in-netns tclsh8.6 tools/gates/B3.tcl || true
fi

cd "$build"
codec='cursor|buf|packet|frame|template|utf8|words|number|partial|clu'
counted() {         # of the sources so named
    gcovr -r "$root" --filter "$root/(generic|unix)/$1\\." "${@:2}"
}
summed() {          # lines and branches in per cent
    counted "$1" -a B5.json --json-summary-pretty --json-summary - |
        awk -F '[:,]' '/^    "branch_percent"/ { b = $2 }
            /^    "line_percent"/ { l = $2 }
            END { print l, b }'
}
counted '.*' --json B5.json obj >/dev/null
counted '.*' -a B5.json --txt "$root/build/check/B5.lines"
read -r lines branches < <(summed '.*')
read -r _ inner < <(summed "($codec)")
echo "lines $lines %, branches $branches %, of codec and limits $inner %"
awk -v l="$lines" -v b="$branches" -v i="$inner" \
    'BEGIN { exit !(l >= 100 && b >= 95 && i >= 100) }'
