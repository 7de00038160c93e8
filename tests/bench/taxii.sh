#!/bin/bash
# taxii.sh BUILD [OBJECTS]: a real node and nginx beside each other, plain HTTP and TLS 1.3: pages of 100 indicators of 617
# bytes against the same bytes as a static file; page 1 beside 99 % depth, match[type] and added_after; POST of 1,000-object
# envelopes beside a bare SQLite. Prints "name value unit"; CPU per request is the server's own, so it holds on a busy machine.
set -eu
build=${1:?usage: taxii.sh BUILD [OBJECTS]}
objects=${2:-100000}
lianfang=$build/src/cli/lianfang
work=$(mktemp -d)
pids=
cleanup() { for p in $pids; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
for tool in nginx wrk curl; do command -v $tool >/dev/null || { echo "# taxii: $tool is missing, skipped"; exit 0; }; done

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
collection=11111111-1111-4111-8111-111111111111
page=intel/collections/$collection/objects/
printf 'bench-password\n' >"$work/password"
"$lianfang" init "$work/node" --tier sector --name bench --password-stdin <"$work/password" >/dev/null
"$lianfang" root add "$work/node" intel --page-size 1000 --max-content-length 16777216 --default >/dev/null
"$lianfang" collection add "$work/node" intel Bench --id $collection --all-read --all-write >/dev/null
sed -i 's/^#threads = .*/threads = 1/' "$work/node/lianfang.conf"

wait_for() { for _ in $(seq 200); do curl -sk -o /dev/null "$1" && return; sleep 0.05; done; echo "$1 does not answer"; exit 1; }
start_node() { # url arguments...
	"$lianfang" serve "$work/node" "${@:2}" 2>>"$work/node.log" &
	node=$!; pids="$pids $node"; wait_for "$1/taxii2/"
	core=$(pgrep -P $node | head -1); core=${core:-$node}
}
stop_node() { kill "$node"; wait "$node" 2>/dev/null || true; }
cpu() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
auth="Authorization: Basic $(printf 'admin:bench-password' | base64)"
accept='Accept: application/taxii+json;version=2.1'

# One round: requests a second and CPU microseconds a request of process $2 for URL $3.
round() {
	local before after done
	before=$(cpu "$2")
	done=$(wrk -t1 -c32 -d"${SECONDS_EACH:-3}" -H "$auth" -H "$accept" "$3" | awk '/requests in/ { n = $1 } /Requests\/sec/ { r = $2 } /Non-2xx/ { bad = 1 } END { print n, r, bad + 0 }')
	after=$(cpu "$2")
	set -- "$1" $done "$before" "$after"
	[ "$4" = 0 ] || { echo "$1: replies other than 2xx"; exit 1; }
	echo "$1 $3 requests/s $(awk "BEGIN { printf \"%.1f\", ($6 - $5) * 10000 / $2 }") us-cpu"
}
# Rounds of two URLs in turn; medians and their ratio.
compare() { # name peer-pid peer-url pid url
	local i
	for i in 1 2 3; do round peer "$2" "$3"; round ours "$4" "$5"; done >"$work/rounds"
	awk -v name="$1" '{ rate[$1, ++n[$1]] = $2; cpu[$1, n[$1]] = $4 }
		function mid(t, w,   a, b, c) { a = t[w, 1]; b = t[w, 2]; c = t[w, 3]
			return a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b) }
		END { printf "%s %.0f requests/s %.1f us-cpu\n%s-peer %.0f requests/s %.1f us-cpu\n%s-ratio %.2f of-rate %.2f of-cpu\n", name,
			mid(rate, "ours"), mid(cpu, "ours"), name, mid(rate, "peer"), mid(cpu, "peer"), name,
			mid(rate, "ours") / mid(rate, "peer"), mid(cpu, "peer") / mid(cpu, "ours") }' "$work/rounds"
}

plain=http://127.0.0.1:$(free_port)
start_node "$plain" --plain-http --listen "${plain#http://}"
"$build/tests/bench/taxii-load" "$plain" admin bench-password intel $collection "$objects" "$work/floor.db" "$core"
rm -f "$work"/floor.db*
echo "taxii-memory $(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$core/status") MB with $objects objects"
echo "taxii-disk $(du -sb "$work/node" | awk -v n="$objects" '{ printf "%.2f", $1 / (n * 617) }') of-the-JSON"

mkdir "$work/html"
curl -s -H "$auth" -H "$accept" "$plain/$page?limit=100" >"$work/html/page.json"
echo "taxii-page $(stat -c %s "$work/html/page.json") bytes"
nport=$(free_port); tport=$(free_port)
cat >"$work/nginx.conf" <<EOF
worker_processes 1; daemon off; pid $work/nginx.pid; error_log $work/nginx.log;
events { worker_connections 512; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=10; default_type application/json;
 client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
 server { listen 127.0.0.1:$nport; root $work/html; }
 server { listen 127.0.0.1:$tport ssl; ssl_certificate $work/node/tls/node.crt; ssl_certificate_key $work/node/tls/node.key;
  ssl_protocols TLSv1.3; root $work/html; } }
EOF
chmod 755 "$work"; chmod 644 "$work"/html/*
nginx -c "$work/nginx.conf" -p "$work" -g "user root;" 2>/dev/null & pids="$pids $!"
wait_for "http://127.0.0.1:$nport/page.json"
worker=$(pgrep -P $! | head -1)

compare taxii-get "$worker" "http://127.0.0.1:$nport/page.json" "$core" "$plain/$page?limit=100"
# The token at 99 %: a manifest walk is the shortest way there.
deep=$(curl -s -D - -o /dev/null -H "$auth" -H "$accept" "$plain/$page?limit=1" | awk 'tolower($1) == "x-taxii-date-added-first:" { print $2 }' | tr -d '\r')
at=$deep next=
for _ in $(seq $((objects * 99 / 100 / 1000))); do
	next=$(curl -gs -H "$auth" -H "$accept" "$plain/intel/collections/$collection/manifest/?limit=1000${next:+&next=$next}" | grep -o '"next":"[^"]*"' | cut -d'"' -f4)
done
late=$(curl -gs -D - -o /dev/null -H "$auth" -H "$accept" "$plain/intel/collections/$collection/manifest/?limit=1000&next=$next" | awk 'tolower($1) == "x-taxii-date-added-first:" { print $2 }' | tr -d '\r')
middle=$(date -u -d "@$(awk "BEGIN { printf \"%.6f\", ($(date -d "$at" +%s.%N) + $(date -d "$late" +%s.%N)) / 2 }")" +%Y-%m-%dT%H:%M:%S.%6NZ)
compare taxii-deep "$core" "$plain/$page?limit=100" "$core" "$plain/$page?limit=100&added_after=$late"
one=$(grep -o '"id":"[^"]*"' "$work/html/page.json" | head -50 | tail -1 | cut -d'"' -f4)
while read -r name filter; do
	compare "taxii-$name" "$core" "$plain/$page?limit=100" "$core" "$plain/$page?limit=100&$filter"
done <<EOF
match-type match%5Btype%5D=malware
match-type-rare match%5Btype%5D=tool
match-type-middle match%5Btype%5D=malware&added_after=$middle
match-version match%5Bversion%5D=all
match-id match%5Bid%5D=$one
added-after added_after=$middle
EOF
stop_node
tls=https://127.0.0.1:$(free_port)
start_node "$tls" --listen "${tls#https://}"
compare taxii-get-tls "$worker" "https://127.0.0.1:$tport/page.json" "$core" "$tls/$page?limit=100"
