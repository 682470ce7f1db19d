# fuzz: 0 findings in 2 x 10^7 executions (B: 2 x 10^8)
#
# The parsers, the resolver and the engine, each with its laws, under ASan and
# UBSan; how the executions are shared out stands in fuzz/budget. Gate B runs
# ten times as many, which is as much as its hour has room for.
set -euo pipefail
tools/setup --packages clang libclang-rt-14-dev
share=100
if [ "$GATE_SIZE" = B ]; then
    share=1000
fi
fuzz/run -share "$share" -seed "$CLUSTER_SEED"
