#!/bin/sh
# desk.sh BUILD: the desk of a real node (see desk.py), then chain and queue of its store (bench_desk.c).
set -eu
build=${1:?usage: desk.sh BUILD}
python3 -B "$(dirname "$0")/desk.py" "$build"
exec "$build/tests/bench/bench-desk"
