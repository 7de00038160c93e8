#!/bin/sh
# lab_loop.sh BUILD [ROUNDS]: verdict and revocation over four nodes (see lab_loop.py).
set -eu
exec python3 -B "$(dirname "$0")/lab_loop.py" "$@"
