#!/usr/bin/env python3
"""No byte above the viewer's ceiling, on any path, over one hop and two: provider -> sector -> nation, real HTTP.

Each version of each object carries a word of its own (in its name, pattern, labels, own properties and references), an id of
its own and a modification time of its own. Whatever a viewer receives - bodies, headers, errors, exports, streams - is
searched for words, ids and times that belong to versions above its ceiling; and what it may see must be there, or a node
that says nothing would pass. The expected levels are computed here from the markings alone (an oracle that shares no code
with the node)."""
import itertools, random

from harness import *

t = Tap()
SEED = int(os.environ.get('SEED', '1'))
rng = random.Random(SEED)
t.note(f'SEED={SEED}')
LEVELS = ['clear', 'green', 'amber', 'amber+strict', 'red']
RANK = {name: i for i, name in enumerate(LEVELS)}
TLP1 = {'clear': 'marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9', 'green': 'marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da',
        'amber': 'marking-definition--f88d31f6-486f-44da-b317-01333bde0b82', 'red': 'marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed'}
DEFAULT = 'amber'  # of objects without a level: the nodes' default
WORD = re.compile(rb'sx[0-9a-f]{16}')
ID = re.compile(rb'[a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}')
TIME = re.compile(rb'2021-[0-9-]+T[0-9:.]+Z')

# --- the objects ---
# how a version is marked -> its level
MARKINGS = [({'object_marking_refs': [TLP[x]]}, x) for x in LEVELS] + [({'object_marking_refs': [TLP1[x]]}, x) for x in TLP1] + [
    ({}, DEFAULT), ({'object_marking_refs': ['marking-definition--' + str(uuid.uuid4())]}, 'red'),
    ({'object_marking_refs': [TLP['green'], 'marking-definition--' + str(uuid.uuid4())]}, 'red'),
    ({'object_marking_refs': [TLP['clear'], TLP['amber']]}, 'amber'),
    ({'object_marking_refs': [TLP['clear']], 'granular_markings': [{'marking_ref': TLP['red'], 'selectors': ['name']}]}, 'red'),
    ({'object_marking_refs': [TLP['green']], 'granular_markings': [{'marking_ref': TLP['amber+strict'], 'selectors': ['labels.[0]']}]}, 'amber+strict')]


class Version:
    """One version of one object, and what in it would give it away."""

    def __init__(self, o, level, word):
        self.o, self.id, self.level, self.word = o, o['id'], level, word
        self.refs = [o[k] for k in ('source_ref', 'target_ref', 'sighting_of_ref') if k in o] + list(o.get('object_refs', []))


VERSIONS = []
clock = itertools.count()


def make(kind, marking, level, object_id=None, **more):
    word = 'sx%016x' % rng.getrandbits(64)
    at = '2021-%02d-%02dT%02d:%02d:%02d.%03dZ' % ((n := next(clock)) % 12 + 1, n // 12 % 28 + 1, n % 24, n % 60, n * 7 % 60, n)
    o = {'type': kind, 'spec_version': '2.1', 'id': object_id or stix_id(kind), 'created': '2020-01-01T00:00:00.000Z', 'modified': at,
         'name': f'name {word}', 'description': f'text {word}', 'labels': [word], 'x_own': {'deep': [word]},
         'external_references': [{'source_name': 'x', 'url': f'https://{word}.example/'}], **marking, **more}
    if kind == 'indicator':
        o.update(pattern=f"[domain-name:value = '{word}.example']", pattern_type='stix', valid_from='2020-01-01T00:00:00Z', indicator_types=['malicious-activity'])
    if kind == 'malware':
        o['is_family'] = False
    if kind in ('note', 'report', 'relationship', 'sighting'):
        o.pop('name') if kind != 'report' else None
        if 'granular_markings' in o and kind != 'report':
            o['granular_markings'] = [dict(g, selectors=['description' if s == 'name' else s for s in g['selectors']]) for g in o['granular_markings']]
    if kind == 'note':
        o.pop('description')
        o['content'] = f'content {word}'
        if 'granular_markings' in o:
            o['granular_markings'] = [dict(g, selectors=['content' if s == 'description' else s for s in g['selectors']]) for g in o['granular_markings']]
    if kind == 'report':
        o.update(published='2020-01-01T00:00:00Z', report_types=['threat-report'])
    v = Version(o, level, word)
    VERSIONS.append(v)
    return v


singles = [make(kind, m, level) for kind in ('indicator', 'malware', 'campaign') for m, level in MARKINGS]
for a, b in itertools.product(LEVELS, LEVELS):  # two versions of different levels, the newer one stricter or milder
    first = make('indicator', {'object_marking_refs': [TLP[a]]}, a)
    make('indicator', {'object_marking_refs': [TLP[b]]}, b, first.id)
by_level = {level: [v for v in singles if v.level == level] for level in LEVELS}
for a, b in itertools.product(LEVELS, LEVELS):  # an object of one level that names one of another
    x, y = rng.choice(by_level[b]), rng.choice(by_level['clear'])
    make('note', {'object_marking_refs': [TLP[a]]}, a, object_refs=[x.id])
    make('report', {'object_marking_refs': [TLP[a]]}, a, object_refs=[y.id, x.id])
    make('relationship', {'object_marking_refs': [TLP[a]]}, a, relationship_type='related-to', source_ref=y.id, target_ref=x.id)
    if x.o['type'] == 'indicator':
        make('sighting', {'object_marking_refs': [TLP[a]]}, a, sighting_of_ref=x.id)
IDS = sorted({v.id for v in VERSIONS})
t.note(f'{len(IDS)} objects, {len(VERSIONS)} versions')

# --- the nodes: provider -> sector (ceiling amber) -> nation (ceiling green) ---
run('init', path('ca'), '--federation', '--name', 'Fed')
LOG = path('eve.json')
write('eve.json', '')
provider = Node('provider', 'provider', ca=path('ca'), conf=f'[input log]\npath = {LOG}')
sector, nation = Node('sector', 'sector', ca=path('ca')), Node('nation', 'nation', ca=path('ca'))
NODES = [provider, sector, nation]
HOPS = [(provider, sector, 'amber'), (sector, nation, 'green')]
ceiling = {'provider': 'red', 'sector': 'amber', 'nation': 'green'}  # what can be there at all
collection = {}
VIEWERS = []
for n in NODES:
    n.cli('collection', 'add', '@', 'intel', 'Open to all', '--alias', 'open', '--all-read', '--anonymous')
    n.cli('collection', 'add', '@', 'intel', 'At most green', '--alias', 'mild', '--all-read', '--tlp', 'green')
    for alias in ('up', 'down'):
        n.cli('collection', 'grant', '@', f'intel/{alias}', 'role:feeder', '--read', '--write')
    for level in LEVELS:
        for role in ('reader', 'analyst', 'feeder', 'admin'):
            name = f'{role}.{level.replace("+", ".")}'
            n.cli('user', 'add', '@', name, '--role', role, '--tlp', level)
            VIEWERS.append((n, name, level, role, 'Bearer ' + n.cli('token', 'add', '@', name).out.strip()))
    VIEWERS.append((n, 'anonymous', 'clear', '', None))
    collection[n.name] = {c['alias']: c['id'] for c in n.cli('collection', 'list', '@', '--json').json()['collections']}
for child, parent, level in HOPS:
    parent.cli('peer', 'add', '@', child.name, '--relation', 'child', '--cert', child.fingerprint, '--tlp', level)
    child.cli('peer', 'add', '@', parent.name, '--relation', 'parent', '--url', parent.url(), '--cert', parent.fingerprint, '--tlp', level)
    child.cli('peer', 'link', '@', parent.name, 'push', 'intel/up', 'intel/up')
    child.cli('peer', 'link', '@', parent.name, 'pull', 'intel/down', 'intel/down')
for n in NODES:
    n.start()

# In an order of chance, in several bodies, all into what goes up, some into the others; what is named before what names it:
# the id of an object that is not held is no secret of this node, and the stream to the parent does not wait for what may come.
order = VERSIONS[:]
rng.shuffle(order)
order.sort(key=lambda v: len(v.refs) > 0)
for at in range(0, len(order), 40):
    r = provider.import_([v.o for v in order[at:at + 40]], collection='intel/up', source='a source')
    t.ok(r.status == 200 and r.json()['failed'] == 0, f'objects {at} to {at + 40} are admitted', r)
provider.import_([v.o for v in VERSIONS], collection='intel/open')
mild = provider.import_([v.o for v in VERSIONS], collection='intel/mild').json()
t.ok(mild['failed'] == sum(RANK[v.level] > RANK['green'] for v in VERSIONS), 'a collection with a ceiling refuses what is above it', mild)
provider.import_([v.o for v in VERSIONS if v.o['type'] == 'indicator'], collection='intel/down')


# --- the oracle ---
def here(n, v):
    """Whether this version can have come to this node at all."""
    return RANK[v.level] <= RANK[ceiling[n.name]] and all(not known(n, r) or visible(n, r, ceiling[n.name]) for r in v.refs)


def known(n, object_id):
    return n is provider and any(v.id == object_id for v in VERSIONS)


def visible(n, object_id, top):
    return any(v.id == object_id and RANK[v.level] <= RANK[top] for v in VERSIONS)


def may_see(v, level):
    """At the provider: the level, and every object it names must have a version that may be seen (the reference rule)."""
    return RANK[v.level] <= RANK[level] and all(visible(provider, r, level) for r in v.refs)


class Watchman:
    """Judges bytes for one viewer."""

    def __init__(self, level):
        self.words = {v.word.encode() for v in VERSIONS if RANK[v.level] > RANK[level]}
        self.ids = {i.encode() for i in IDS if not visible(provider, i, level)}
        self.times = {v.o['modified'].encode() for v in VERSIONS if RANK[v.level] > RANK[level]}
        self.size = len(self.words) + len(self.ids) + len(self.times)


WATCH = {level: Watchman(level) for level in LEVELS}
checks = leaks = replies = 0


def judge(level, data, what, asked=()):
    """`asked`: what the viewer itself said in the request, which an error may repeat."""
    global checks, leaks, replies
    w = WATCH[level]
    own = {a.encode() for a in asked}
    found = ((set(WORD.findall(data)) & w.words) | (set(ID.findall(data)) & w.ids) | (set(TIME.findall(data)) & w.times)) - own
    checks += w.size
    replies += 1
    if found:
        leaks += len(found)
        if leaks <= 20:
            t.ok(False, f'{what}: above {level}', sorted(found)[:5], data[:600])


class Session:
    """One viewer's connection."""

    def __init__(self, n, name, level, auth, cert=None):
        self.n, self.name, self.level, self.auth, self.cert, self.c = n, name, level, auth, cert, None

    def ask(self, method, target, body=None, asked=(), accept=None):
        h = {'Accept': accept or ('application/json' if target.startswith('/api/') else TAXII)}
        if self.auth:
            h['Authorization'] = self.auth
        if body is not None:
            body = json.dumps(body).encode()
            h['Content-Type'] = 'application/json' if target.startswith('/api/') else TAXII
        for attempt in (1, 2):
            try:
                if self.c is None:
                    self.c = self.n.connection(self.cert)
                self.c.request(method, target, body, h)
                r = self.c.getresponse()
                reply = Reply(r.status, dict(r.getheaders()), r.read())
                break
            except (OSError, http.client.HTTPException):
                self.c = None
                if attempt == 2:
                    raise
        head = '\n'.join(f'{k}: {v}' for k, v in reply.headers.items()).encode()
        judge(self.level, head + b'\n' + reply.body, f'{self.n.name}: {method} {target[:100]} as {self.name}', asked)
        return reply

    def pages(self, target):
        """All of a paged resource; the objects."""
        found, sign = [], '&' if '?' in target else '?'
        following = target
        for _ in range(1000):
            r = self.ask('GET', following)
            if r.status != 200:
                return None
            v = r.json()
            found += v.get('objects', [])
            if not v.get('more'):
                return found
            following = f'{target}{sign}next={urllib.parse.quote(v["next"])}'
        raise RuntimeError('pages without end')

    def close(self):
        if self.c:
            self.c.close()


quote = urllib.parse.quote

# --- wait until the exchange is quiet: what may go has come ---
def sure(n, top):
    """Versions without references that must arrive: the newest of each object that may go. (A link sends versions as they
    can be seen through it, so the newest visible one is what the neighbour knows at least.)"""
    ids = {v.id for v in VERSIONS if RANK[v.level] <= RANK[top] and not v.refs}
    return {i: max(v.o['modified'] for v in VERSIONS if v.id == i and RANK[v.level] <= RANK[top]) for i in ids}


for n in (sector, nation):
    want = sure(n, ceiling[n.name])

    def arrived():
        got = {}
        s = Session(n, 'admin.red', 'red', [a for m, name, _, _, a in VIEWERS if m is n and name == 'admin.red'][0])
        for o in s.pages(f'/intel/collections/{collection[n.name]["up"]}/objects/?limit=500&match[version]=all') or []:
            got.setdefault(o['id'], set()).add(o.get('modified'))
        s.close()
        missing = [i for i, m in want.items() if m not in got.get(i, ())]
        return not missing
    t.ok(wait_until(arrived, 30, 0.25), f'{n.name} has got all {len(want)} objects that may come to it')
for n in (sector, nation):  # nothing above the link's ceiling is on that machine at all, in no file
    words = {v.word.encode() for v in VERSIONS if RANK[v.level] > RANK[ceiling[n.name]]}
    for folder, _, files in os.walk(n.dir):
        for f in files:
            with contextlib.suppress(OSError):
                judge(ceiling[n.name], read(os.path.join(folder, f)), f'{n.name}: file {f}')
    s = Session(n, 'local', ceiling[n.name], None)
    for args in (('search', '@', '--json', '--all-versions', '--limit', '1000'), ('export', '@'), ('export', '@', '--format', 'misp'),
                 ('audit', 'list', '@', '--json', '--limit', '10000'), ('status', '@', '--json')):
        judge(ceiling[n.name], n.cli(*args).bytes, f'{n.name}: {" ".join(args)}, by its own administrator')
t.same(leaks, 0, 'no file of sector and nation holds what is above the links\' ceilings')

# --- a log line that meets a red indicator: the alert is red ---
for level in LEVELS:
    target = next(v for v in VERSIONS if v.o['type'] == 'indicator' and v.level == level and sum(w.id == v.id for w in VERSIONS) == 1)
    with open(LOG, 'a') as f:
        f.write(json.dumps({'event_type': 'dns', 'dns': {'rrname': f'{target.word}.example'}}) + '\n')
admin = next(a for n, name, _, _, a in VIEWERS if n is provider and name == 'admin.red')
t.ok(wait_until(lambda: len(provider.get('/api/v1/alerts', auth=admin).json()['alerts']) >= len(LEVELS)), 'each became an alert')

# --- each is a ticket, closed as a false positive: suppressions and opinions are as secret as what they speak of ---
TICKETS = [x['number'] for x in provider.get('/api/v1/tickets?limit=1000', auth=admin).json()['tickets']]
t.ok(len(TICKETS) >= len(LEVELS), 'and a ticket', TICKETS)
for number in TICKETS:
    r = provider.post(f'/api/v1/tickets/{number}/close', {'disposition': 'false-positive', 'scope': 'indicator', 'for': '1d'}, auth=admin)
    t.ok(r.status == 200, f'ticket {number} is closed', r)

# --- every viewer, every path ---
for n, name, level, role, auth in VIEWERS:
    s = Session(n, name, level, auth)
    deep = n is provider or role in ('reader', '')
    for target in ('/taxii2/', '/intel/', '/intel/collections/', '/api/v1/status', '/api/v1/openapi.json', '/api/v1/alerts', '/api/v1/alerts?limit=1',
                   '/api/v1/tickets', '/api/v1/tickets?limit=1', '/api/v1/suppressions', '/api/v1/suppressions?all=true',
                   *(f'/api/v1/tickets/{x}{y}' for x in TICKETS for y in ('', '/alerts', '/facts', '/sheet')), '/api/v1/facts?limit=10000', '/api/v1/users', '/api/v1/tokens', '/api/v1/peers', '/api/v1/collections', '/api/v1/roots'):
        if target.startswith('/api/v1/facts') and role == 'admin' and level == 'red':
            continue
        s.ask('GET', target)
    for alias, cid in collection[n.name].items():
        base = f'/intel/collections/{cid}/'
        s.ask('GET', base)
        newest = s.pages(base + 'objects/?limit=11')
        every = s.pages(base + 'objects/?limit=50&match[version]=all')
        s.pages(base + 'manifest/?limit=13')
        manifest = s.pages(base + 'manifest/?match[version]=all')
        if n is provider and newest is not None and alias in ('up', 'open'):
            want = {(v.id, v.o['modified']) for v in VERSIONS if may_see(v, level)}
            got = {(o['id'], o['modified']) for o in every if o['id'] in set(IDS)}
            if level == 'clear' or auth:
                t.ok(got == want, f'{n.name}/{alias} as {name}: exactly the {len(want)} versions it may see', f'missing {sorted(want - got)[:5]}',
                     f'too many {sorted(got - want)[:5]}') if got != want else None
                t.ok({(o['id'], o['version']) for o in manifest if o['id'] in set(IDS)} == want, f'{n.name}/{alias} as {name}: the manifest agrees') \
                    if {(o['id'], o['version']) for o in manifest if o['id'] in set(IDS)} != want else None
            checks += 2
        for q in ('match[type]=indicator', 'match[type]=note,report,relationship', 'match[version]=first', 'added_after=2000-01-01T00:00:00Z&limit=1',
                  'match[spec_version]=2.1', 'limit=1'):
            s.ask('GET', base + 'objects/?' + q)
            s.ask('GET', base + 'manifest/?' + q)
        if newest is None or not deep or alias not in ('up', 'mild'):
            continue
        for i in IDS:
            for target in (f'objects/{i}/', f'objects/{i}/?match[version]=all', f'objects/{i}/versions/'):
                s.ask('GET', base + target, asked=[i])
            s.ask('GET', base + f'objects/?match[id]={i}&match[version]=all', asked=[i])
        # a hidden object and one that does not exist cannot be told apart
        hidden = [i for i in IDS if not visible(n, i, level)][:5]
        for i in hidden:
            kind = i.split('--')[0]
            for method, tail in (('GET', ''), ('GET', 'versions/'), ('DELETE', '')):
                nobody = stix_id(kind)
                a, b = (s.ask(method, base + f'objects/{x}/{tail}', asked=[x]) for x in (i, nobody))
                same = a.status == b.status and a.body.replace(i.encode(), b'X') == b.body.replace(nobody.encode(), b'X')
                checks += 1
                if not same:
                    t.ok(False, f'{n.name} as {name}: {method} of a hidden object is answered like one of nothing', a, b)
    if role and deep:
        for v in VERSIONS if n is provider else VERSIONS[::4]:
            s.ask('GET', f'/api/v1/objects?q={v.word}&all_versions=true', asked=[v.word])
            s.ask('GET', f'/api/v1/values/{v.word}.example', asked=[v.word])
        for i in IDS if n is provider else IDS[::4]:
            s.ask('GET', f'/api/v1/objects/{i}', asked=[i])
            s.ask('GET', f'/api/v1/objects?id={i}&all_versions=true', asked=[i])
            if role == 'analyst' and not visible(n, i, level):
                s.ask('POST', '/api/v1/release', {'id': i}, asked=[i])
    if role:
        for q in ('', '?all_versions=true&limit=1000', '?type=indicator&limit=3', '?collection=intel/up&limit=1000', '?q=sx&limit=1000'):
            r = s.ask('GET', '/api/v1/objects' + q)
            if n is provider and q == '?all_versions=true&limit=1000' and r.status == 200 and not r.json()['more']:
                want = {(v.id, v.o['modified']) for v in VERSIONS if may_see(v, level)}
                got = {(o['id'], o.get('modified')) for o in r.json()['objects'] if o['id'] in set(IDS)}
                checks += 1
                if got != want:
                    t.ok(False, f'search as {name}: exactly what it may see', f'missing {sorted(want - got)[:5]}', f'too many {sorted(got - want)[:5]}')
        for fmt in ('stix', 'misp', 'csv', 'plain', 'hosts', 'rpz', 'nftables', 'ipset'):
            for more in ('', '&with_expired=true&with_warned=true', '&collection=intel/up'):
                s.ask('GET', f'/api/v1/export?format={fmt}{more}')
            for cap in LEVELS:
                r = s.ask('GET', f'/api/v1/export?format={fmt}&tlp_max={quote(cap)}')
                judge(min(cap, level, key=RANK.get), r.body, f'{n.name}: export {fmt} capped at {cap} as {name}')
        if role in ('analyst', 'feeder'):  # what is posted again, and the status of it, tells no more than was said
            up = f'/intel/collections/{collection[n.name]["up"]}/objects/'
            mine = [v for v in VERSIONS if RANK[v.level] > RANK[level]][:10]
            r = s.ask('POST', up, {'objects': [v.o for v in mine]}, asked=[x for v in mine for x in (v.id, v.word, v.o['modified'])]) if mine and n is provider else None
            if r is not None and r.status == 202:
                status = r.json()['id']
                for m2, name2, level2, role2, auth2 in VIEWERS:
                    if m2 is n and role2 in ('reader', ''):
                        s2 = Session(n, name2, level2, auth2)
                        s2.ask('GET', f'/intel/status/{status}/')
                        s2.close()
    s.close()
t.same(leaks, 0, 'no viewer got a byte above its ceiling')

# --- peers: streams and digests, by certificate ---
for child, parent, level in HOPS:
    pair = (os.path.join(child.dir, 'tls/node.crt'), os.path.join(child.dir, 'tls/node.key'))
    s = Session(parent, child.name, level, None, pair)
    for alias in collection[parent.name]:
        base = f'/intel/collections/{collection[parent.name][alias]}/'
        s.pages(base + 'objects/?limit=20&match[version]=all')
        s.pages(base + 'manifest/')
        r = s.ask('GET', f'/fed/v1/intel/{alias}/digest')
        c = parent.connection(pair, timeout=1)
        got = b''
        with contextlib.suppress(OSError, http.client.HTTPException):
            c.request('GET', f'/fed/v1/intel/{alias}/stream', headers={'Accept': 'text/event-stream'})
            while piece := c.getresponse().read1(65536) if not got else c.sock.recv(65536):
                got += piece
        judge(level, got, f'stream of {parent.name}/{alias} to {child.name}')
        c.close()
    for target in ('/api/v1/objects', '/api/v1/export', '/api/v1/facts', '/api/v1/alerts', '/api/v1/status'):
        s.ask('GET', target)
    s.close()
for n in NODES:
    for _, name, level, role, auth in [x for x in VIEWERS if x[0] is n and x[3] in ('reader', '')]:
        s = Session(n, name, level, auth)
        for alias in collection[n.name]:
            s.ask('GET', f'/fed/v1/intel/{alias}/digest')
            c = n.connection(timeout=0.3)
            got = b''
            with contextlib.suppress(OSError, http.client.HTTPException):
                c.request('GET', f'/fed/v1/intel/{alias}/stream', headers={'Accept': 'text/event-stream', **({'Authorization': auth} if auth else {})})
                r = c.getresponse()
                while piece := r.read1(65536):
                    got += piece
            judge(level, got, f'stream of {n.name}/{alias} to {name}')
            c.close()
        s.close()
t.same(leaks, 0, 'no stream and no digest told more')

# --- what the operators of a machine read ---
for n in NODES:
    judge('clear', read(n.log), f'log of {n.name}')
    t.same(n.cli('audit', 'verify', '@').status, 0, f'the facts of {n.name} are whole')
facts = provider.cli('audit', 'list', '@', 'gate.', '--json', '--limit', '10000').json()['facts']
t.ok(any(f['kind'] == 'gate.release' for f in facts) and any(f['kind'] == 'gate.refuse' for f in facts), 'releases and refusals are facts',
     sorted({f['kind'] for f in facts}))
for n in NODES:
    t.same(n.stop(), 0, f'{n.name} stops')
t.note(f'{replies} replies, {checks} checks, {leaks} leaks')
t.ok(leaks == 0 and checks > 500000, f'{checks} checks, {leaks} leaks')
t.done()
