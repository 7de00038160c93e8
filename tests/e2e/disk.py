#!/usr/bin/env python3
"""A full disk: writes fail with clear words, reads go on, nothing acknowledged is lost, and space gained is used at once.

As root on a small tmpfs in a mount namespace of our own (it vanishes with this process); always also with a limit on the
size of a file, which any user can set."""
import resource

from harness import *

t = Tap()
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18


def small_disk(full, megabytes):
    """True when `full` is a mounted tmpfs now."""
    os.makedirs(full)
    return (os.geteuid() == 0 and LIBC.unshare(CLONE_NEWNS) == 0 and LIBC.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None) == 0 and
            LIBC.mount(b'tmpfs', full.encode(), b'tmpfs', 0, f'size={megabytes}m'.encode()) == 0)


def bulk(n, first, count):
    objects = [indicator(f'bulk{first + i}.example', tlp='clear', description='x' * 1500) for i in range(count)]
    r = n.import_(objects, collection='intel/down')
    return r, [o['id'] for o in objects]


def fill(n):
    """Posts until one is refused: (ids that were acknowledged, the refusal)."""
    acknowledged = []
    for i in range(1000):
        r, ids = bulk(n, i * 200, 200)
        if r.status != 200 or r.json()['failed']:
            return acknowledged, r
        acknowledged += ids
    return acknowledged, None


def all_ids(n):
    found, after = set(), ''
    cid = [c['id'] for c in n.cli('collection', 'list', '@', '--json').json()['collections'] if c['alias'] == 'down'][0]
    while True:
        v = n.get(f'/intel/collections/{cid}/objects/?limit=1000{after}').json()
        found |= {o['id'] for o in v.get('objects', [])}
        if not v.get('more'):
            return found
        after = '&next=' + urllib.parse.quote(v['next'])


def life_when_full(n, what, make_room):
    core = n.core()
    r, _ = bulk(n, 0, 1)
    t.ok(r.status == 200, f'{what}: the first write', r)
    acknowledged, refusal = fill(n)
    t.ok(refusal is not None and refusal.status == 507 and 'error' in refusal.json(), f'{what}: after {len(acknowledged)} objects a write gets 507', refusal)
    t.ok(refusal is not None and refusal.json() and re.search(r'full|space|large', refusal.json()['error']['message']), f'{what}: in clear words', refusal)
    t.ok(n.core() == core and n.health(), f'{what}: the same process goes on')
    t.ok(set(acknowledged) <= all_ids(n), f'{what}: everything acknowledged can be read')
    s = n.cli('status', '@', '--json')
    t.ok(s.status == 0 and s.json()['store']['disk_full'] is True, f'{what}: status says so', s)
    r = n.cli('search', '@', 'bulk0.example', '--json')
    t.ok(r.status == 0 and r.json()['objects'], f'{what}: search goes on', r)
    cid = [c['id'] for c in n.cli('collection', 'list', '@', '--json').json()['collections'] if c['alias'] == 'up'][0]
    r = n.post(f'/intel/collections/{cid}/objects/', {'objects': [indicator(f'y{i}.example', description='y' * 60000) for i in range(20)]})
    t.ok(r.status in (202, 507, 503, 500) and (r.status != 202 or r.json()['failure_count'] > 0) and r.json(), f'{what}: TAXII POST: {r.status}', r)
    r = n.cli('import', '-', '@', stdin=json.dumps(bundle([indicator(f'z{i}.example', description='z' * 60000) for i in range(20)])))
    t.ok(r.status in (1, 2) and (r.err or r.out), f'{what}: import says why', r)
    make_room()
    r = wait_until(lambda: (lambda x: x if x.status == 200 and not x.json()['failed'] else None)(bulk(n, 10 ** 6, 5)[0]), every=0.2)
    t.ok(r, f'{what}: with room again, writes work without a restart')
    s = wait_until(lambda: n.cli('status', '@', '--json').json()['store']['disk_full'] is False)
    t.ok(s, f'{what}: and status says so')
    t.same(n.stop(), 0, f'{what}: stops cleanly')
    n.start()
    t.ok(set(acknowledged) <= all_ids(n), f'{what}: after a restart everything acknowledged is there')
    t.same(n.cli('audit', 'verify', '@').status, 0, f'{what}: the facts are whole')
    t.same(n.stop(), 0, f'{what}: stop')


# --- a limit on the size of a file ---
n = Node('limited')
LIMIT = 3 << 20


def limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, resource.RLIM_INFINITY))


n.start(before=limit)


def lift():
    for pid in (n.process.pid, n.core()):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


life_when_full(n, 'a file that may not grow', lift)

# --- the disk is full at the moment of a receipt ---
n = Node('receipts')
n.start(before=limit)
receipts, refusal = [], None
for i in range(2000):
    r = n.post('/api/v1/incidents', {'title': f'report {i}', 'facts': [{'type': 'aware'}, {'type': 'note', 'id': f'note-{i}', 'text': 'x' * 20000}]})
    if r.status != 201:
        refusal = r
        break
    receipts.append(r.json()['number'])
t.ok(refusal is not None and refusal.status == 507 and refusal.json()['error']['message'], f'after {len(receipts)} receipts a report is refused in clear words', refusal)
lift()
r = wait_until(lambda: (lambda x: x if x.status == 201 else None)(n.post('/api/v1/incidents', {'title': 'with room again'})), every=0.2)
t.ok(r, 'with room again there are receipts again')
receipts.append(r.json()['number'])
n.stop(signal.SIGKILL)
n.start()
got, after = [], ''
while after is not None:
    page = n.get(f'/api/v1/incidents?limit=1000&order=newest&after={after}').json()
    got += [x['number'] for x in page['incidents']]
    after = page.get('next')
t.ok(set(receipts) <= set(got), 'every report with a receipt is there after a kill', set(receipts) - set(got))
t.same(sorted(got), sorted(set(got)), 'and none twice')
t.ok(len(got) - len(receipts) <= 1, 'and what was refused is not, but for one that may have been on its way', len(got), len(receipts))
t.same(n.cli('audit', 'verify', '@').status, 0, 'the chain is whole')
t.same(n.stop(), 0, 'stop')

# --- a small disk ---
small = path('small')
if small_disk(small, 12):
    n = Node('small/node')
    filler = os.path.join(small, 'filler')
    with open(filler, 'wb') as f:
        f.write(bytes(4 << 20))
    n.log = path('small.log')
    n.start()
    life_when_full(n, 'a full disk', lambda: os.unlink(filler))
    with contextlib.suppress(OSError):
        with open(filler, 'wb') as f:
            while True:
                f.write(bytes(1 << 16))
                f.flush()
    # SQLite needs some 32 kB for the memory that its processes share before anything can be read.
    os.unlink(n.log)
    n.start(wait=False)
    t.ok(wait_until(lambda: re.search(r'no space left|disk is full', n.text())), 'a full disk: a node that cannot start says why', n.text())
    r = n.cli('search', '@', 'bulk0.example')
    t.ok(r.status in (0, 2) and (r.status == 0 or r.err), 'a full disk: so does a command', r)
    r = run('init', os.path.join(small, 'other'), '--tier', 'sector', '--name', 'x', '--password-stdin', stdin=PASSWORD)
    t.ok(r.status == 2 and r.err and not os.path.exists(os.path.join(small, 'other')), 'a full disk: init says why and leaves nothing', r)
    os.unlink(filler)
    t.ok(n.wait_up(), 'a full disk: it comes up by itself as soon as there is room')
    t.same(n.stop(), 0, 'a full disk: and stops cleanly')
else:
    t.skip('a full disk', 'needs root and a mount namespace')
t.done()
