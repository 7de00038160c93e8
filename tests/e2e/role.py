#!/usr/bin/env python3
"""The detect role beside core: its fence, what is told when it is away, and that nothing is lost or doubled when either is killed."""
from harness import *
import struct
import threading

t = Tap()
HOSTS, BAD = 120, 40

write('rules/a.yml', 'title: Whoami\nid: 00000000-0000-4000-8000-000000000001\nlevel: high\nlogsource: {product: windows}\n'
      "detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}\n")
INDICATORS = [indicator(f'bad{i}.example', tlp='clear') for i in range(BAD)]


def event(i):
    if i % 50 == 7:
        return {'timestamp': '2026-01-02T03:04:05.000000+0000', 'event_type': 'dns', 'dns': {'rrname': f'w.bad{i // 50 % BAD}.example'}, 'n': i}
    image = 'C:\\Windows\\whoami.exe' if i % 20 == 3 else 'C:\\x.exe'
    return {'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': image, 'Computer': f'h{i // 20 % HOSTS}', 'n': i}


def counts(n):
    return (status(n) or {}).get('inputs', [{}])[0]


def adds_up(c):
    return c['lines'] == c['events'] + c['bad_lines'] and c['events'] == c['kept'] + c['not_kept']


def status(n):
    return n.get('/api/v1/status').json()


def role(n, name):
    return next((r for r in (status(n) or {}).get('roles', []) if r['role'] == name), {})


def make(name, history=True):
    log = write(f'logs/{name}.json', '')
    n = Node(name, 'provider')
    n.configure(f'[detect]\nrules = {path("rules")}\n[input fw]\npath = {log}' + ('' if history else '\n[history]\nmax_mb = 0'))
    n.start()
    n.import_(INDICATORS)
    wait_until(lambda: status(n)['detector']['indicators'] == BAD)
    return n, log


def alerts(n):
    return [a for a in n.get('/api/v1/alerts?limit=10000').json()['alerts']]


def what(n):
    """The alerts, each once as it should be: what matched, and where."""
    return sorted((a['detail'].get('title') or a['detail'].get('matched'), a.get('where', '')) for a in alerts(n))


def sightings(n):
    return sorted(o['sighting_of_ref'] for o in n.cli('search', '@', '--type', 'sighting', '--collection', 'intel/up', '--json', '--limit', '1000')
                  .json()['objects'])


def flood(n, log, count, disturb=lambda done: None):
    """Appends `count` events in pieces, with something happening between them."""
    for at in range(0, count, 100):
        with open(log, 'a') as f:
            f.write(''.join(json.dumps(event(i)) + '\n' for i in range(at, min(at + 100, count))))
        disturb(at)
        time.sleep(0.02)


def kept(n):
    """How often each event stands in the history of a node that has stopped."""
    r = run('history', 'search', '--node', n.dir, '--json', '--quiet')
    seen = {}
    for line in r.out.splitlines():
        o = json.loads(line)
        e = o.get('event') or o.get('line')
        e = json.loads(e) if isinstance(e, str) else e
        if isinstance(e, dict) and 'n' in e:
            seen[e['n']] = seen.get(e['n'], 0) + 1
    return seen


# --- the undisturbed run, and the role as it is ---
COUNT = 3000
calm, log = make('calm')
s = status(calm)
t.same([r['role'] for r in s['roles']], ['core', 'detect'], 'status lists both roles')
pid = calm.role('detect')
t.ok(role(calm, 'detect')['pid'] == pid and role(calm, 'detect')['connected'] is True, 'with the process', role(calm, 'detect'))
for fence in ('no-new-privs', 'seccomp(', 'rlimits', 'no-dump'):
    t.has(role(calm, 'detect')['fences'], fence, f'fence {fence}')
t.ok('landlock(' not in role(calm, 'detect')['fences'] or f'{calm.dir}/history rw' in role(calm, 'detect')['fences'],
     'of the folder it may write the history only', role(calm, 'detect'))
with open(f'/proc/{pid}/status') as f:
    st = f.read()
t.ok('NoNewPrivs:\t1' in st and 'Seccomp:\t2' in st, 'the kernel confirms it', st)
# A process that cannot be dumped hides its descriptors from others of its user, not from root.
with contextlib.suppress(PermissionError):
    held = [os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')]
    t.ok(not any(x.startswith(calm.dir + '/') and '/history/' not in x for x in held), 'it holds nothing of the store or the keys', held)
t.same(os.stat(os.path.join(calm.dir, 'detect.sock')).st_mode & 0o777, 0o600, 'the socket between them is for the owner')
flood(calm, log, COUNT)
t.ok(wait_until(lambda: status(calm)['inputs'][0]['lines'] == COUNT), 'an undisturbed run reads all')
want, want_seen = what(calm), sightings(calm)
t.ok(len(want) == HOSTS + BAD and len(set(want)) == len(want) and len(want_seen) == BAD, f'{len(want)} alerts, {len(want_seen)} sightings')
t.same(calm.stop(), 0, 'stops')
t.same(kept(calm), {i: 1 for i in range(COUNT)}, 'each event stands once in the history')


# --- killed in the flood: three nodes at a time ---
def killed(name, victim, history, done):
    n, log = make(name, history)
    pids, served = set(), []

    def disturb(at):
        if at in (500, 1500):
            pid = wait_until(lambda: n.role(victim))
            pids.add(pid)
            os.kill(pid, signal.SIGKILL)
            served.append(victim == 'core' or n.health() and len(alerts(n)) >= 0)
        if at in (900, 2000): # up and reading again before it is killed again
            wait_until(lambda: n.role(victim) not in (None, *pids) and n.health() and role(n, 'detect').get('connected'))
            time.sleep(0.3)
    flood(n, log, COUNT, disturb)
    matched = wait_until(lambda: n.health() and set(what(n)) >= set(want))
    with open(log, 'a') as f:
        f.write(json.dumps({'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': 'C:\\whoami.exe', 'Computer': 'last'}) + '\n')
    on = wait_until(lambda: ('Whoami', 'last') in what(n))
    got, seen = [w for w in what(n) if w != ('Whoami', 'last')], sightings(n)
    wait_until(lambda: 'lines' in counts(n))
    done[name] = {'counts': counts(n), 'twice': len(pids), 'served': served, 'matched': matched, 'on': on, 'got': got, 'seen': seen, 'status': n.stop(),
                  'kept': kept(n) if history else None, 'log': n.text()}


done = {}
threads = [threading.Thread(target=killed, args=(name, victim, history, done))
           for name, victim, history in (('detect', 'detect', True), ('plain', 'detect', False), ('core', 'core', True))]
for x in threads:
    x.start()
for x in threads:
    x.join()
for name, victim in (('detect', 'detect'), ('plain', 'detect'), ('core', 'core')):
    r = done.get(name, {})
    first = f'{victim} killed' + (' without a history' if name == 'plain' else '')
    t.ok(r and r['twice'] == 2 and all(r['served']), f'{first}: twice in the flood; core serves without detect')
    t.has(r['log'], f'the {victim} role was killed by signal 9', f'{first}: the supervisor says so')
    t.ok(r['matched'] and r['on'], f'{first}: every event was matched, and it goes on', sorted(set(want) - set(r['got']))[:5])
    if victim == 'detect':
        t.same((r['got'], len(r['seen'])), (want, BAD), f'{first}: alerts and sightings are those of the undisturbed run, none twice')
    else:
        # A finding that core had stored when it died, and not yet answered, is handed over again: one of a kill at most.
        t.ok(sorted(set(r['got'])) == want and len(r['got']) - len(want) <= 2,
             f"{first}: doubled is at most what was not answered ({len(r['got']) - len(want)})", [g for g in r['got'] if r['got'].count(g) > 1])
    t.same(r['status'], 0, f'{first}: stops')
    if r['kept'] is not None:
        t.ok(adds_up(r['counts']) and 0 < r['counts']['lines'], f'{first}: counts add up', r['counts'])
    if r['kept'] is not None:
        t.same(r['kept'], {i: 1 for i in range(COUNT)}, f'{first}: each event stands once in the history')

# --- away, and told so; what becomes known meanwhile is looked for in the past ---
n, log = make('away')
with open(log, 'a') as f:
    f.write(json.dumps({'dns': {'rrname': 'c2.late.example'}, 'timestamp': '2026-01-02T03:04:05.000000+0000', 'event_type': 'dns'}) + '\n')
wait_until(lambda: status(n)['inputs'][0]['lines'] == 1)
time.sleep(1.2) # what was known is known to have been looked for
pid = n.role('detect')
os.kill(pid, signal.SIGSTOP)
began = time.monotonic()
s = status(n)
t.ok(s['detector']['indicators'] == BAD and time.monotonic() - began < 5, 'while it does not answer, status tells what it said last')
n.import_(indicator('late.example', tlp='clear'))
t.ok(n.health(), 'and core takes new indicators')
os.kill(pid, signal.SIGKILL)
t.ok(wait_until(lambda: role(n, 'detect').get('connected') is False), 'status says that it is away', role(n, 'detect'))
r = n.cli('status', '@')
t.has(r.out, 'away', 'also to people')
t.ok(wait_until(lambda: role(n, 'detect').get('connected') is True and role(n, 'detect')['pid'] != pid), 'it is started again')
with open(log, 'a') as f:
    f.write('no event\n' + json.dumps({'EventID': 1, 'Channel': 'Security'}) + '\n')
t.ok(wait_until(lambda: counts(n)['lines'] == 3), 'what the role before it counted is added', counts(n))
t.ok(adds_up(counts(n)) and counts(n)['bad_lines'] == 1, 'and adds up', counts(n))
t.ok(wait_until(lambda: any(a['detail'].get('matched') == 'late.example' for a in alerts(n))), 'what became known meanwhile was found in the past', n.text()[-600:])
t.same(len([a for a in alerts(n) if a['detail'].get('matched') == 'late.example']), 1, 'once')

# --- one of them alone is told to end ---
core = n.core()
os.kill(core, signal.SIGTERM)
t.ok(wait_until(lambda: n.core() not in (None, core) and n.health() and role(n, 'detect').get('connected')), 'core ended and came back: they meet again')
# it cannot start any more, because its rules are gone: core stays, and it is tried until they are back
os.rename(path('rules'), path('rules-away'))
os.kill(n.role('detect'), signal.SIGKILL)
t.ok(wait_until(lambda: 'the detect role ended with status 78' in n.text()), 'a detect role that can no longer start', n.text()[-500:])
t.ok(re.search(r'lianfang\.conf: \[detect\] rules = .*: No such file', n.text()), 'says which key names what is not there', n.text()[-500:])
t.ok(n.health() and n.process.poll() is None and role(n, 'detect')['connected'] is False, 'leaves core alone')
os.rename(path('rules-away'), path('rules'))
t.ok(wait_until(lambda: role(n, 'detect').get('connected') is True), 'and is back when its rules are')
t.same(n.stop(), 0, 'stops')

# --- a detect role in other hands ---
def frame(kind, number=0, value=0, key=b'', text=b'', more=b'', rest=b''):
    body = struct.pack('<BIq', kind, number, value) + b''.join(struct.pack('<I', len(x)) + x for x in (key, text, more)) + rest
    return struct.pack('<I', len(body)) + body


HELLO = frame(1, 3, 4711, text=b'a fence of its own telling')
STR = lambda x: struct.pack('<I', len(x)) + x


def hit(ident, where=b'', tlp=0):
    return (STR(ident) + b'\x02' + STR(b'x.example') + STR(b'f') + STR(b'x.example') + struct.pack('<q', 1700000000 * 10**6) + STR(where) + STR(b'fw') +
            STR(b'event') + bytes([tlp, 50]) + struct.pack('<Qq', 0, 0))


red = indicator('red.example', tlp='red')
n = Node('fooled', 'provider', plain=True)
n.start()
n.import_([red, INDICATORS[0]])
n.stop()
door = socket.socket(socket.AF_UNIX)
os.unlink(os.path.join(n.dir, 'detect.sock'))
here = os.getcwd()
os.chdir(n.dir)
door.bind('detect.sock')
os.chdir(here)
os.chmod(os.path.join(n.dir, 'detect.sock'), 0o600)
door.listen(8)
door.settimeout(PATIENCE)
with open(n.log, 'ab') as out:
    core = subprocess.Popen([program(), 'role', 'core', n.dir, '--plain-http'], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(),
                            preexec_fn=die_with_parent)
CHILDREN.append(core)


def meet(hello=HELLO):
    c, _ = door.accept()
    c.settimeout(PATIENCE)
    c.sendall(hello)
    return c


def receive(c, kind):
    """The next frame of this kind."""
    while True:
        head = c.recv(4, socket.MSG_WAITALL)
        body = c.recv(struct.unpack('<I', head)[0], socket.MSG_WAITALL) if len(head) == 4 else b''
        if not body:
            return None
        if body[0] == kind:
            at, texts = 13, []
            for _ in range(3):
                size = struct.unpack_from('<I', body, at)[0]
                texts.append(body[at + 4:at + 4 + size])
                at += 4 + size
            return struct.unpack_from('<Iq', body, 1) + tuple(texts)


def closed(c):
    with contextlib.suppress(ConnectionError):
        while c.recv(65536):
            pass
    c.close()
    return True


c = meet(HELLO + frame(2))
t.ok(wait_until(n.health), 'core beside a role that is played by the test', n.text()[-500:])
t.ok(receive(c, 13) is not None, 'is told that it has all indicators')
c.sendall(frame(3, 1, key=b'k1', rest=hit(INDICATORS[0]['id'].encode())))
t.same(receive(c, 9)[:2], (1, 0), 'a finding is kept and answered')
c.sendall(frame(3, 2, key=b'k1', rest=hit(INDICATORS[0]['id'].encode())))
t.same(receive(c, 9)[:2], (2, -4), 'the same once more: known')
c.sendall(frame(3, 3, rest=hit(b'indicator--00000000-0000-4000-8000-000000000000')))
t.same(receive(c, 9)[:2], (3, -3), 'one of an indicator that is not there')
c.sendall(frame(3, 4, rest=hit(red['id'].encode(), tlp=0)))
t.same(receive(c, 9)[:2], (4, 0), 'one that says CLEAR of what is RED')
seen = [o for o in n.get('/api/v1/objects?type=sighting').json()['objects'] if o['sighting_of_ref'] == red['id']]
t.ok(len(seen) == 1 and seen[0]['object_marking_refs'] == [TLP['red']], 'is RED all the same', seen)
c.sendall(frame(6, 5, text=b'fw', more=b'12 34'))
put = receive(c, 9)
c.sendall(frame(5, 6, text=b'fw') + frame(5, 7, text=b'other'))
answers = {a[0]: a for a in (receive(c, 9) for _ in range(2))}
t.same((put[:2], answers[6][1], answers[6][4], answers[7][1]), ((5, 0), 0, b'12 34', -3), 'places are kept and given back')
c.sendall(frame(6, 8, text=b'\xff' * 2000, more=b'x' * 60000))
t.ok(receive(c, 9)[1] != 0, 'a place that is too long is refused')
c.close()
deep = b'{"inputs":' + b'[' * 60 + b']' * 60 + b'}'
garbage = [('random bytes', os.urandom(5000)), ('a frame of 4 GB', b'\xff\xff\xff\xff'), ('a kind that is none', frame(77)), ('no kind', frame(0)),
           ('a frame of the other end', frame(10)), ('a second greeting', HELLO), ('half a finding', frame(3, 1, rest=hit(b'x')[:-3])),
           ('a finding with more behind it', frame(3, 1, rest=hit(b'x') + b'x')), ('a TLP that is none', frame(3, 1, rest=hit(b'x', tlp=9))),
           ('a status that is no JSON', frame(8, 1, text=b'{"inputs":')), ('a status that is no object', frame(8, 1, text=b'[]')),
           ('a status of great depth', frame(8, 1, text=deep)), ('an answer that is no JSON', frame(18, 1, 1, text=b'{"events":[')),
           ('an answer in two lines', frame(18, 1, 1, text=b'{"events":\n[]}')), ('an answer of no known end', frame(18, 1, 2, text=b'{}')), ('an empty frame', struct.pack('<I', 0))]
for name, data in garbage:
    c = meet()
    c.sendall(data)
    t.ok(closed(c) and core.poll() is None and n.health(), f'{name}: the link ends, core serves on')
for name, hello in [('no greeting', frame(2)), ('a greeting of another version', frame(1, 99)), ('bytes that are none', b'GET / HTTP/1.1\r\n\r\n')]:
    c = meet(hello)
    t.ok(closed(c) and n.health(), f'{name}: the same')
t.ok(role(n, 'detect')['links_refused'] >= len(garbage), 'and is counted', role(n, 'detect'))
c = meet(HELLO + frame(2) + frame(8, 0, text=b'{"detector":{"indicators":7},"inputs":[],"roles":"mine","http":1}'))
got = []
asker = threading.Thread(target=lambda: got.append(status(n)))
asker.start()
number = receive(c, 14)[0]
c.sendall(frame(8, number, text=b'{"detector":{"indicators":8},"inputs":[],"roles":"mine","http":1}'))
asker.join()
t.ok(got[0]['detector'] == {'indicators': 8} and isinstance(got[0]['roles'], list) and got[0]['http'] != 1, 'a status says what is its own only', got)
# calls without end, and answers that nobody reads
c.setblocking(False)
sent = 0
with contextlib.suppress(BlockingIOError, ConnectionError):
    while sent < 50_000_000:
        sent += c.send(frame(5, 1, text=b'fw') * 1000)
t.ok(core.poll() is None and n.health() and rss_kb(core.pid) < 200_000, f'{sent} bytes of calls whose answers nobody reads: core waits ({rss_kb(core.pid)} kB)')
c.close()
t.ok(n.health(), 'and serves on')
core.send_signal(signal.SIGTERM)
t.ok(wait_until(lambda: core.poll() is not None) and core.returncode == 0, 'stops', n.text()[-500:])
door.close()

r = run('role', 'detect', n.dir)
t.ok(r.status == 78 and 'started by serve' in r.err, 'a detect role by hand says that it is started by serve', r)
t.done()
