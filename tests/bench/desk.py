#!/usr/bin/env python3
"""The desk of a real node, by its REST interface over TLS: how long a reporter waits for the receipt of a report (kept durably,
its fact linked into the signed chain) while 200 come in a second; the queue of 100,000 open incidents in any order; the memory of the
node that has them. Beside it a bare write and fdatasync in the same folder, at the same pace: what no receipt can be quicker than.
Called by desk.sh BUILD; prints "name value unit"."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import statistics, subprocess, threading
from harness import *

RATE, SECONDS, CLIENTS, ROUNDS = 200, 10, 24, 3
INCIDENTS = 100_000
build = sys.argv[1]
sys.argv[1] = os.path.join(build, 'src/cli/lianfang')


def p99(list_):
    return sorted(list_)[len(list_) * 99 // 100]


def spread(name, figures, unit):
    print(f'{name} {statistics.median(figures):.2f} {unit} ({min(figures):.2f}-{max(figures):.2f})', flush=True)


def cpu(pid):
    """Seconds of processor time that a process has used."""
    fields = read(f'/proc/{pid}/stat').decode().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def paced(call):
    """RATE calls a second for SECONDS from CLIENTS threads, each timed from the moment it was due; milliseconds."""
    took, lock, begun = [], threading.Lock(), time.monotonic() + 0.2

    def client(k):
        state, mine = {}, []
        for i in range(k, RATE * SECONDS, CLIENTS):
            due = begun + i / RATE
            time.sleep(max(0, due - time.monotonic()))
            call(state, i)
            mine.append((time.monotonic() - due) * 1000)
        with lock:
            took.extend(mine)
    threads = [threading.Thread(target=client, args=(k,)) for k in range(CLIENTS)]
    for th in threads:
        th.start()
    for th in threads:
        th.join()
    return took


def bare(state, i):
    if 'fd' not in state:
        state['fd'] = os.open(path(f'bare-{threading.get_ident()}'), os.O_CREAT | os.O_WRONLY, 0o600)
    os.pwrite(state['fd'], b'x' * 4096, i % 64 * 4096)
    os.fdatasync(state['fd'])


def ask(state, method, target, body=None):
    """Over a connection that stays open."""
    if 'c' not in state:
        state['c'] = n.connection()
    state['c'].request(method, target, body, {'Authorization': n.auth, 'Content-Type': 'application/json', 'Accept': 'application/json'})
    r = state['c'].getresponse()
    text = r.read()
    if r.status not in (200, 201):
        raise RuntimeError(f'{r.status}: {text[:300]}')
    return text


def report(state, i):
    now = stamp()
    ask(state, 'POST', '/api/v1/incidents', json.dumps({'title': f'bench {i}', 'packs': ['tw-2026'], 'facts': [
        {'type': 'aware', 'claimed': now}, {'type': 'reported', 'level': 2, 'claimed': now}]}))


def receipts():
    floor, rounds, medians, used = [], [], [], []
    for _ in range(ROUNDS):
        floor.append(p99(paced(bare)))
        before = cpu(n.core())
        took = paced(report)
        used.append((cpu(n.core()) - before) * 1000 / len(took))
        rounds.append(p99(took))
        medians.append(statistics.median(took))
    spread('bare_write_and_sync_p99', floor, 'ms')
    spread('receipt_median', medians, 'ms')
    spread('receipt_p99', rounds, 'ms')
    spread('receipt_processor_of_core', used, 'ms_each')


def queue():
    state = {}
    for query in ('order=due', 'order=newest', 'order=changed', 'order=level', 'order=state', 'order=due&level=3', 'order=changed&state=false_alarm',
                  'order=level&state=aware&exercise=true', 'order=newest&level=4&state=contained'):
        figures = []
        for _ in range(ROUNDS):
            took = []
            for _ in range(200):
                begun = time.monotonic()
                ask(state, 'GET', '/api/v1/incidents?limit=100&' + query)
                took.append((time.monotonic() - begun) * 1000)
            figures.append(p99(took))
        spread('queue_p99 ' + query, figures, 'ms')


n = Node('bench', 'provider').start()
ask({}, 'GET', '/api/v1/incidents')
if 'receipts' in sys.argv: # only these
    receipts()
    sys.exit(0)
empty = own_kb(n.process.pid, n.core(), n.role('detect'))
receipts()
n.stop()
subprocess.run([os.path.join(build, 'tests/bench/bench-desk'), 'fill', n.dir, str(INCIDENTS)], check=True)
n.start()
print(f'start_with_{INCIDENTS}_incidents {n.took * 1000:.0f} ms')
queue()
print(f'memory_before {empty / 1024:.1f} MB')
print(f'memory_with_{INCIDENTS}_incidents {own_kb(n.process.pid, n.core(), n.role("detect")) / 1024:.1f} MB (core {own_kb(n.core()) / 1024:.1f})')
n.stop()
