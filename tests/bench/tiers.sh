#!/bin/sh
# tiers.sh BUILD [PROVIDERS]: incidents between the tiers, over 1 + 8 + 200 real nodes (see tiers.py).
set -eu
exec python3 -B "$(dirname "$0")/tiers.py" "$@"
