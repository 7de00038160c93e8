#!/bin/sh
# A node of its own with a lab, and bench-lab-node against it. usage: lab_node.sh LIANFANG BENCH [threads] [seconds]
set -eu
lianfang=$1 bench=$2
dir=$(mktemp -d)
trap 'kill $pid 2>/dev/null; wait $pid 2>/dev/null; rm -rf "$dir"' EXIT
echo 'correct horse battery' | "$lianfang" init "$dir/node" --tier sector --name bench --listen 127.0.0.1:38443 --password-stdin --json >/dev/null
token=$("$lianfang" token add "$dir/node" admin --json | sed 's/.*"secret":"\([^"]*\)".*/\1/')
# What the figures are about is not quotas and not queues.
sed -i '/^\[lab\]/,/^\[/ { s/^#run = .*/run = yes/; s/^#per_account = .*/per_account = 0/; s/^#per_account_mb = .*/per_account_mb = 0/; s/^#at_once = .*/at_once = 8/ }
s/^#workers = .*/workers = 48/' "$dir/node/lianfang.conf"
"$lianfang" serve "$dir/node" --plain-http 2>"$dir/log" &
pid=$!
for i in $(seq 200); do
	grep -q ' at http://' "$dir/log" && grep -q 'msg="ready' "$dir/log" && break
	sleep 0.1
done
kill -0 $pid || cat "$dir/log"
"$bench" 38443 "$token" "$dir" ${3:-8} ${4:-5}
echo "load $(cut -d' ' -f1 /proc/loadavg)"
