# 0 warnings
# computes
#
# Both compilers, from nothing; the core never sees Tcl's headers.
set -euo pipefail
tools/setup --packages clang
count=0
# What gcc warns of depends on how much it optimises.
declare -A how=([gcc]=--disable-debug [clang]=--enable-debug)
for compiler in gcc clang; do
    dir=build-$compiler
    rm -rf "$dir"
    mkdir "$dir"
    (cd "$dir" && ../configure -q CC="$compiler" "${how[$compiler]}")
    make -C "$dir" -j "$(nproc)" -k all ctest >"$dir/log" 2>&1 ||
        echo "error: $compiler: the build failed" >>"$dir/log"
    cat "$dir/log"
    found=$(grep -cE '(warning|error): ' "$dir/log" || true)
    count=$((count + found))
done
echo "$count warnings"
[ "$count" = 0 ]
