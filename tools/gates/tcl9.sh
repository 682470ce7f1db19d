# 0 failed
# build trixie
#
# The suite on Tcl 9, which no Debian 12 has.
set -euo pipefail
tools/in-trixie sh -c 'exec tclsh9.0 tests/all.tcl -jobs "$(nproc)"'
