#!/usr/bin/env python3
"""tiers.py BUILD [PROVIDERS]: a nation, eight sectors and 200 providers as real nodes on loopback (mutual TLS, one supervisor, core and
detect role each). How long a report of level 3 takes from the provider's receipt to sector and nation; then nation and sectors are away
while every provider goes on stating facts, and come back: how long until the nation has everything, and whether anything came twice.
Prints "name value unit"."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import random, statistics, threading
import harness
from harness import *

SECTORS, REPORTS, AWAY_FACTS, PACE = 8, 200, 5, 0.25
providers = int(sys.argv[2]) if len(sys.argv) > 2 else 200
sys.argv[1] = os.path.join(sys.argv[1], 'src/cli/lianfang')


PORTS = iter(range(20000, 32000))  # below those that the kernel gives to who connects: with 209 nodes they would meet


def port_of_ours():
    for port in PORTS:
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(('127.0.0.1', port))
            return port
    raise RuntimeError('no free port from 20000 to 32000')


harness.free_port = port_of_ours


class Local(http.client.HTTPConnection):
    """The node's own door: no password to hash on every call."""

    def __init__(self, node):
        super().__init__('localhost', timeout=120)
        self.door = os.path.join(node.dir, 'control.sock')

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.door)

    def ask(self, method, target, body=None):
        self.close()  # the node ends what was idle
        self.request(method, '/api/v1' + target, None if body is None else json.dumps(body))
        r = self.getresponse()
        return r.status, json.loads(r.read() or b'null')


def say(text):
    print('# ' + text, file=sys.stderr, flush=True)


def tie(child, parent):
    for node, args in ((parent, (child.name, '--relation', 'child', '--cert', child.fingerprint)),
                       (child, (parent.name, '--relation', 'parent', '--cert', parent.fingerprint, '--url', parent.url()))):
        r = node.cli('peer', 'add', '@', *args, '--tlp', 'amber')
        if r.status != 0:
            raise RuntimeError(repr(r))


def p99(figures):
    return sorted(figures)[(len(figures) - 1) * 99 // 100]


nodes = {}
say(f'making 1 + {SECTORS} + {providers} nodes')
names = [('nation', 'nation')] + [(f's{i}', 'sector') for i in range(SECTORS)] + [(f'p{i}', 'provider') for i in range(providers)]
for n, tier in names:
    nodes[n] = Node(n, tier)
nation, sectors, members = nodes['nation'], [nodes[f's{i}'] for i in range(SECTORS)], [nodes[f'p{i}'] for i in range(providers)]
above = {m.name: sectors[i % SECTORS] for i, m in enumerate(members)}
for s in sectors:
    tie(s, nation)
for m in members:
    tie(m, above[m.name])
say('starting them')
for n in [nation] + sectors + members:
    n.start(wait=False)
for n in [nation] + sectors + members:
    if not n.wait_up(300):
        raise RuntimeError(f'{n.name} does not answer:\n{n.text()}')
door = {name: Local(n) for name, n in nodes.items()}


def linked():
    """Every provider's outgoing link has spoken with its sector once."""
    return all(any(p['state'] in ('idle', 'streaming') for p in door[m.name].ask('GET', '/status')[1]['peers']) for m in members)


wait_until(linked, 300, 1)
say(f'{providers} providers are connected; {REPORTS} reports of level 3')


def report(m, title):
    status, i = door[m.name].ask('POST', '/incidents', {'title': title, 'packs': ['tw-2026'], 'facts': [{'type': 'aware'}, {'type': 'level', 'level': 3}]})
    assert status == 201, i
    status, done = door[m.name].ask('POST', f'/incidents/{i["id"]}/facts', {'type': 'reported'})
    assert status == 200, done
    return i['id'], time.monotonic()


def watch(node, wanted, seen, stop):
    """Notes when each incident is first listed."""
    local = Local(node)
    while not stop.is_set():
        for i in local.ask('GET', '/incidents?order=newest&limit=20')[1]['incidents']:
            seen.setdefault(i['id'], time.monotonic())
        time.sleep(0.005)


seen, stop = {}, threading.Event()
at_sector = {s.name: {} for s in sectors}
watchers = [threading.Thread(target=watch, args=(nation, None, seen, stop))]
watchers += [threading.Thread(target=watch, args=(sectors[0], None, at_sector['s0'], stop))]
for w in watchers:
    w.start()
sent = {}
random.seed(4)
for k in range(REPORTS):
    m = random.choice(members)
    i, at = report(m, f'report {k}')
    sent[i] = (at, above[m.name].name)
    time.sleep(PACE)
wait_until(lambda: all(i in seen for i in sent), 60, 0.05)
stop.set()
for w in watchers:
    w.join()
took = [seen[i] - at for i, (at, _) in sent.items() if i in seen]
first = [at_sector['s0'][i] - at for i, (at, s) in sent.items() if i in at_sector['s0']]
print(f'tiers.nodes {1 + SECTORS + providers} nodes')
print(f'tiers.lost {len(sent) - len(took)} reports of {len(sent)}')
print(f'tiers.to-sector {statistics.median(first) * 1000:.0f} ms (p99 {p99(first) * 1000:.0f})')
print(f'tiers.to-nation {statistics.median(took) * 1000:.0f} ms (p99 {p99(took) * 1000:.0f}; wanted 2000)', flush=True)

# --- away ---
say(f'nation and sectors are away; {providers} providers state {AWAY_FACTS} facts each')
for n in [nation] + sectors:
    n.stop()
open_ = {}
for m in members:
    i, _ = report(m, 'while nobody listens')
    open_[i] = m
    for k in range(AWAY_FACTS - 1):
        door[m.name].ask('POST', f'/incidents/{i}/facts', {'type': 'evidence', 'id': f'{m.name}-{k}'})
begun = time.monotonic()
for n in [nation] + sectors:
    n.start(wait=False)
for n in [nation] + sectors:
    n.wait_up(120)
up = time.monotonic() - begun
door['nation'] = Local(nation)


def facts(i):
    status, v = door['nation'].ask('GET', f'/incidents/{i}/facts')
    return [f['id'] for f in v['facts']] if status == 200 else []


left = set(open_)


def all_there():
    left.difference_update([i for i in left if len(set(facts(i))) >= AWAY_FACTS + 2])
    return not left


wait_until(all_there, 300, 0.1)
print(f'tiers.after-cut {time.monotonic() - begun:.1f} s until all {len(open_) * (AWAY_FACTS + 2)} facts are with the nation (nodes up after {up:.1f} s; wanted 60)')
print(f'tiers.after-cut-missing {len(left)} incidents')
print(f'tiers.after-cut-doubled {sum(len(facts(i)) - len(set(facts(i))) for i in open_)} facts')
rss = sum(own_kb(*[p for p in [m.process.pid, *children_of(m.process.pid)]]) for m in members) // len(members)
print(f'tiers.memory {rss / 1024:.1f} MB a provider, three processes')
for n in members + sectors + [nation]:
    n.stop()
