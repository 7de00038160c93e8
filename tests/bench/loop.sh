#!/bin/sh
# loop.sh BUILD [ROUNDS]: the loop over six real nodes, four hops from one provider's log to another's detector: median, p99
# and most of each step in milliseconds.
set -eu
exec "${1:?usage: loop.sh BUILD [ROUNDS]}/src/cli/lianfang" demo --once --rounds "${2:-50}"
