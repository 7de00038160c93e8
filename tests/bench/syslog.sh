#!/bin/sh
# syslog.sh BUILD [RULES-FOLDER]: RFC 5424 over TCP through a node, beside rsyslogd to a file (see syslog.py).
set -eu
build=${1:?usage: syslog.sh BUILD [RULES-FOLDER]}
shift
exec python3 "$(dirname "$0")/syslog.py" "$build/src/cli/lianfang" "$@"
