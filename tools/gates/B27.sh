# build: 0 findings of clang-tidy and cppcheck; hardened, and only the entry points are exported
# computes
#
# The checks are those that find mistakes: clang's analyser, bugprone and cert
# where they are not a matter of taste (tools/gates/tidy).
set -euo pipefail
tools/setup --packages clang-tidy cppcheck
library=$(echo build/lib*.so)
missed=0

miss() {
    echo "MISSED: $*"
    missed=$((missed + 1))
}

# ---- hardening ---------------------------------------------------------------

readelf -dlW "$library" >build/check/B27.elf
grep -q GNU_RELRO build/check/B27.elf || miss "no RELRO"
grep -qE 'BIND_NOW|FLAGS.*NOW' build/check/B27.elf || miss "no BIND_NOW"
grep -qE 'GNU_STACK.* RW ' build/check/B27.elf || miss "an executable stack"
if grep -q TEXTREL build/check/B27.elf; then
    miss "text relocations"
fi
nm -D --undefined-only "$library" >build/check/B27.nm
grep -q __stack_chk_fail build/check/B27.nm || miss "no stack protector"
grep -qE '_chk(@|$)' build/check/B27.nm || miss "no FORTIFY"
foreign=$(nm -D --defined-only "$library" |
    awk '{ print $3 }' | grep -vE '^(Cluster|Bpacket)_(Safe)?Init$' || true)
if [ -n "$foreign" ]; then
    miss "exported: ${foreign//$'\n'/ }"
fi

# ---- static analysis ---------------------------------------------------------

eval "flags=(-std=gnu11 -D_GNU_SOURCE -Igeneric -Iunix \
    $(sed -n 's/.*-D_GNU_SOURCE \(.*\) -I.*/\1/p; s/^WITH_TCL = //p' \
        build/Makefile | tr '\n' ' '))"
printf '%s\n' generic/*.c unix/*.c | grep -v 'loop_\(kqueue\|poll\)' |
    xargs -P "$(nproc)" -I% clang-tidy --quiet --config-file=tools/gates/tidy \
        % -- "${flags[@]}" >build/check/B27.tidy 2>build/check/B27.noise || true
tidy=$(grep -E '(warning|error):' build/check/B27.tidy | sort -u |
    grep -vEf <(sed 's/ *#.*//' tools/gates/tidy-known) || true)
if [ -n "$tidy" ]; then
    echo "$tidy"
    miss "clang-tidy: $(wc -l <<<"$tidy")"
fi
# Old versions of cppcheck do not follow a result through a pointer, nor ?:.
cppcheck --std=c11 --enable=warning,portability --inline-suppr --quiet \
    -j "$(nproc)" -D_GNU_SOURCE -D__linux__ -Igeneric -Iunix \
    --suppress=legacyUninitvar --suppress=internalAstError \
    generic unix 2>build/check/B27.cppcheck || true
if grep -E ': (error|warning|portability):' build/check/B27.cppcheck; then
    miss "cppcheck: $(grep -cE ': (error|warning|portability):' \
        build/check/B27.cppcheck)"
fi
echo "$missed of 9 kinds with findings"
[ "$missed" = 0 ]
