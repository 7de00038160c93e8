#!/usr/bin/env python3
"""One incident at provider, sector and nation at once: reported, reviewed, reviewed again; what is stated anywhere is known everywhere once,
whoever was killed or away meanwhile; who claims to be another, or decides what is not its to decide, is refused."""
from harness import *

t = Tap()
h, s, n = Node('hospital', 'provider'), Node('sector', 'sector'), Node('nation', 'nation')
write('law/xx-1/pack.json', json.dumps({**json.loads(run('pack', 'show', 'tw-2026', '--json').out), 'id': 'xx-1'}))
h.configure('[desk]\npacks = ' + path('law'))
for x in (h, s, n):
    x.start()


def tie(child, parent, tlp='amber'):
    a = parent.cli('peer', 'add', '@', child.name, '--relation', 'child', '--cert', child.fingerprint, '--tlp', tlp)
    b = child.cli('peer', 'add', '@', parent.name, '--relation', 'parent', '--cert', parent.fingerprint, '--url', parent.url(), '--tlp', tlp)
    return a.status == 0 and b.status == 0


def at(node, incident):
    r = node.get('/api/v1/incidents/' + incident)
    return r.json() if r.status == 200 else {}


def facts(node, incident):
    r = node.get(f'/api/v1/incidents/{incident}/facts')
    return sorted((f['type'], f['id']) for f in r.json()['facts']) if r.status == 200 else []


def same_everywhere(incident, *nodes):
    return wait_until(lambda: facts(nodes[0], incident) and all(facts(x, incident) == facts(nodes[0], incident) for x in nodes))


def report(node, title, level, *more):
    opened = node.cli('incident', 'open', '@', '-t', title, '--aware', stamp(-60), '--pack', 'tw-2026', *more, '--json').json()
    began = time.monotonic()
    r = node.cli('report', '@', opened['number'], '--level', str(level), '--json')
    return r.json()['id'], began


def refusals(node):
    return [(f['actor'], json.loads(f['body'])['why'] if isinstance(f['body'], str) else f['body']['why'])
            for f in node.get('/api/v1/facts?kind=exchange.refuse&limit=1000').json()['facts']]


def identity_of(node):
    return re.search(r'identity--[0-9a-f-]{36}', read(os.path.join(node.dir, 'lianfang.conf')).decode()).group(0)


t.ok(tie(h, s) and tie(s, n), 'a provider below a sector below the nation')
i, began = report(h, 'ransom note on the ward', 3)
t.ok(wait_until(lambda: at(s, i), every=0.005), 'the sector has it')
first = time.monotonic() - began
t.ok(wait_until(lambda: at(n, i), every=0.005), 'and the nation, since it is major')
t.ok(first < 20 and time.monotonic() - began < 20, f'without waiting for a poll ({first:.2f} s and {time.monotonic() - began:.2f} s)')
t.same([(at(x, i)['title'], at(x, i)['level'], at(x, i)['exercise']) for x in (s, n)], [('ransom note on the ward', 3, False)] * 2, 'the same incident')
k5 = {k['id']: k for k in at(s, i)['views'][0]['clocks']}['K5']
t.same((k5['verdict'], k5['who']), ('running', 'reviewer'), 'whose review has a clock of its own there')
t.same(s.cli('review', '@', i, '--level', '3', '--grounds', 'core system down').status, 0, 'the sector reviews')
t.ok(wait_until(lambda: at(h, i)['state'] == 'reviewed'), 'which the provider sees')
t.same(n.post(f'/api/v1/incidents/{i}/facts', {'type': 'rereviewed', 'level': 4, 'grounds': 'two more hospitals'}).status, 200, 'the nation reviews again')
t.ok(wait_until(lambda: at(h, i)['level'] == 4 and at(s, i)['level'] == 4), 'which both below see')
t.same(h.cli('incident', 'state', '@', i, 'contained').status, 0, 'the provider contains it')
t.ok(same_everywhere(i, h, s, n), 'all three have the same facts', [facts(x, i) for x in (h, s, n)])
t.same(len({at(x, i)['state'] for x in (h, s, n)}), 1, 'and the same state')

h.post(f'/api/v1/incidents/{i}/facts', {'type': 'note', 'text': 'for our own people'})
h.post(f'/api/v1/incidents/{i}/facts', {'type': 'evidence', 'local': True})
h.post(f'/api/v1/incidents/{i}/facts', {'type': 'evidence', 'id': 'disk-image'})
t.ok(wait_until(lambda: 'disk-image' in str(facts(n, i))), 'evidence goes up')
t.same((len(facts(n, i)), len(facts(s, i))), (len(facts(h, i)) - 2,) * 2, 'a note, and what is said to be local, stays')



def receipts(node, incident):
    shared = at(node, incident)['shared']
    return {x['tier']: (x['received'], shared['facts_of_ours']) for x in shared['nodes']}


t.ok(wait_until(lambda: receipts(h, i) == {'sector': (4, 4), 'nation': (4, 4)}), 'sector and nation have said that they have each of its facts',
     receipts(h, i))
r = h.cli('incident', 'show', '@', i)
t.ok('sector sector: has 4 of our 4 facts, the last at 20' in r.out and 'nation nation: has 4 of our 4' in r.out, 'which people read', r)
r = s.cli('incident', 'show', '@', i)
t.ok('opened by hospital, where it is 2' in r.out, 'the sector reads whose it is', r)

i2, _ = report(h, 'minor', 1)
t.ok(wait_until(lambda: at(s, i2)), 'a lesser one is with the sector')
time.sleep(0.3)
t.same(n.get('/api/v1/incidents/' + i2).status, 404, 'and not with the nation')
s.cli('review', '@', i2, '--level', '1', '--grounds', 'small')
t.same(s.cli('incident', 'state', '@', i2, 'forwarded').status, 0, 'until the sector passes it on')
t.ok(same_everywhere(i2, h, s, n), 'then all of it', [facts(x, i2) for x in (h, s, n)])

i3, _ = report(h, 'fire drill', 3, '--exercise')
t.ok(wait_until(lambda: at(n, i3)), 'a drill goes the same way')
t.same([at(x, i3)['exercise'] for x in (h, s, n)], [True] * 3, 'and is one everywhere')
t.ok('[EXERCISE 演練]' in n.text(), 'also in the log of the nation')

# The sector is killed while facts are under way, again and again; then it is away for a while.
i4, _ = report(h, 'killed on the way', 3)
for k in range(4):
    for x, name in ((h, f'h{k}'), (n, f'n{k}')):
        if x is h or at(n, i4):
            x.post(f'/api/v1/incidents/{i4}/facts', {'type': 'warned', 'id': name})
    os.kill(s.core(), signal.SIGKILL)
    s.process.kill()
    s.stop()
    s.start()
t.ok(same_everywhere(i4, h, s, n), 'a sector that is killed loses nothing', [facts(x, i4) for x in (h, s, n)])
s.stop()
for k in range(20):
    h.post(f'/api/v1/incidents/{i4}/facts', {'type': 'evidence', 'id': f'away-{k}'})
    if at(n, i4):
        n.post(f'/api/v1/incidents/{i4}/facts', {'type': 'warned', 'id': f'nation-away-{k}'})
t.ok(not any('away' in f[1] for f in facts(n, i4) if not f[1].startswith('nation')), 'while the sector is away nothing arrives')
s.start()
t.ok(same_everywhere(i4, h, s, n), 'afterwards everything does, once', [len(facts(x, i4)) for x in (h, s, n)])
t.same(len(facts(s, i4)), len(set(facts(s, i4))), 'no fact twice')

# Who claims to be another.
e = Node('evil', 'provider').start()
t.ok(tie(e, s), 'another provider joins')
cert = (os.path.join(n.dir, 'tls/node.crt'), os.path.join(n.dir, 'tls/node.key'))


def incident_at_nation():
    got = [o for o in s.request('GET', '/desk/collections/out/objects/?match[id]=' + i, auth=None, cert=cert).json().get('objects', [])]
    return got[0] if got else {}


t.ok(wait_until(lambda: incident_at_nation().get('extensions', {}).get('extension-definition--ef765651-680c-498d-9894-99799f2fa126', {}) ==
                {'extension_type': 'property-extension', 'determination': 'successful-attempt', 'investigation_status': 'open', 'criticality': 100}),
     'other makers\' programs read it as a STIX incident', incident_at_nation())
t.same(incident_at_nation().get('created_by_ref'), identity_of(h), 'of whoever reported it')
stolen = s.request('GET', '/desk/collections/out/objects/', auth=None, cert=cert).json()['objects']
mine = (os.path.join(e.dir, 'tls/node.crt'), os.path.join(e.dir, 'tls/node.key'))
identity = [o for o in stolen if o['type'] == 'x-lianfang-node' and o['name'] == 'hospital']
t.ok(identity and any(o['type'] == 'x-lianfang-fact' for o in stolen), 'it has got hold of what others stated', {o['type'] for o in stolen})
before = facts(s, i)
forged = dict([o for o in stolen if o['type'] == 'x-lianfang-fact'][0], title='forged')
forged['id'] = stix_id('x-lianfang-fact')
s.request('POST', '/desk/collections/in/objects/', {'objects': stolen + [forged]}, auth=None, cert=mine)
theirs = [o for o in stolen if o['type'] == 'incident' or o['type'].startswith('x-lianfang-') and (o['created_by_ref'] != identity_of(s) or o['type'] == 'x-lianfang-receipt')]
t.ok(wait_until(lambda: len([r for r in refusals(s) if r[0] == 'peer:evil']) == len(theirs) + 1), 'plays it back: refused, each with a fact of the chain',
     len(refusals(s)), len(theirs))
t.ok(any('not the owner of the certificate' in w for _, w in refusals(s)) and any('does not vouch' in w for _, w in refusals(s)),
     'since neither certificate nor word for it is its own', refusals(s))
t.same(facts(s, i), before, 'and nothing has changed')
e.stop()
conf = read(os.path.join(e.dir, 'lianfang.conf')).decode()
write('evil/lianfang.conf', conf.replace(identity_of(e), identity_of(h)))
e.start()
t.ok(wait_until(lambda: any('identity' in w and ('another peer' in w or 'another node' in w) for _, w in refusals(s))), 'nor may it take the identity for itself', s.text()[-1500:], e.text()[-1000:])
e.stop()
write('evil/lianfang.conf', conf)
e.start()
i5, _ = report(e, 'we are harmless', 1)
t.ok(wait_until(lambda: at(s, i5)), 'its own incident is heard')
e.post(f'/api/v1/incidents/{i5}/facts', {'type': 'reviewed', 'by': 'reviewer', 'level': 1, 'grounds': 'by ourselves'})
t.ok(wait_until(lambda: any('does not decide' in w for _, w in refusals(s))), 'but it does not review itself', refusals(s))
t.same(at(s, i5)['state'], 'reported', 'which the sector still has to do')
# A ceiling that lets nothing through is told; raised, everything goes.
g = Node('clinic', 'provider').start()
t.ok(tie(g, s, 'green'), 'a provider with a ceiling of GREEN')
i6, _ = report(g, 'quiet', 2)
t.ok(wait_until(lambda: 'above the TLP that it may get' in g.cli('incident', 'show', '@', i6).out), 'is told that its report does not go')
t.same(s.get('/api/v1/incidents/' + i6).status, 404, 'nor does it')
t.ok(tie(g, s), 'the ceiling is raised')
t.ok(wait_until(lambda: at(s, i6)), 'and it goes')
g.stop()

# Taking over: the sector does not review in time.
i7 = h.post('/api/v1/incidents', {'title': 'waiting', 'packs': ['tw-2026'], 'facts': [
    {'type': 'aware', 'claimed': stamp(-36100)}, {'type': 'level', 'level': 1}, {'type': 'reported', 'claimed': stamp(-36000)}]}).json()['id']
t.ok(wait_until(lambda: at(n, i7)), 'a review that is late brings the incident before the nation')
t.ok(wait_until(lambda: {k['id']: k['verdict'] for k in at(n, i7)['views'][0]['clocks']}.get('K5') == 'breached'), 'with the clock that was missed')
t.same(n.post(f'/api/v1/incidents/{i7}/facts', {'type': 'reviewed', 'by': 'authority', 'level': 2, 'grounds': 'taken over'}).status, 200, 'which takes over')
t.ok(wait_until(lambda: at(h, i7)['state'] == 'reviewed' and at(s, i7)['level'] == 2), 'and all see it')
# Others are asked to help: a member, and a partner beside.
p = Node('police', 'partner').start()
for a, b in ((s, p), (p, s)):
    a.cli('peer', 'add', '@', b.name, '--relation', 'partner', '--cert', b.fingerprint, '--url', b.url(), '--tlp', 'amber')
t.same(p.get('/api/v1/incidents/' + i).status, 404, 'a partner knows nothing of an incident')
r = s.cli('dispatch', '@', i, '--to', 'police', '--to', 'evil', '--note', 'image the mail server')
t.same(r.status, 0, 'the sector asks the police and another member')
t.ok(wait_until(lambda: 'dispatched' in str(facts(p, i)) and 'dispatched' in str(facts(e, i))), 'who get the incident')
t.ok(wait_until(lambda: facts(p, i) == facts(s, i)), 'all of it')
p.cli('incident', 'state', '@', i, 'acknowledged', '--note', 'on our way')
e.cli('incident', 'state', '@', i, 'acknowledged')
t.ok(wait_until(lambda: [f[0] for f in facts(h, i)].count('acknowledged') == 2), 'and acknowledge it, which the reporter sees', facts(h, i), refusals(s)[-2:])
t.same({f['by'] for f in h.get(f'/api/v1/incidents/{i}/facts').json()['facts'] if f['type'] == 'acknowledged'}, {'responder'}, 'as those who respond')
p.post(f'/api/v1/incidents/{i}/facts', {'type': 'reviewed', 'by': 'reviewer', 'level': 1, 'grounds': 'we think'})
t.ok(wait_until(lambda: any(r[0] == 'peer:police' and 'neither reports nor reviews' in r[1] for r in refusals(s))), 'they do not review')
p.stop()

# A peer that is removed and added again, on either side, gets what it should have.
g.start()
for a, b in ((s, g), (g, s)):
    a.cli('peer', 'remove', '@', b.name)
    g.post(f'/api/v1/incidents/{i6}/facts', {'type': 'evidence', 'id': f'{a.name}-removed'})
    s.post(f'/api/v1/incidents/{i6}/facts', {'type': 'warned', 'id': f'{a.name}-warned'})
    t.ok(tie(g, s) and same_everywhere(i6, g, s), f'{a.name} removes its peer and adds it again', facts(g, i6), facts(s, i6))
g.stop()

# What the sector cannot take in is said to the reporter, and holds up nothing.
r = h.post('/api/v1/incidents', {'title': 'a law of our own', 'packs': ['xx-1'], 'facts': [{'type': 'aware'}, {'type': 'reported', 'level': 2}]})
i9 = r.json()['id']
t.ok(wait_until(lambda: "this node has no pack 'xx-1'" in h.cli('incident', 'show', '@', i9).out), 'a law that the sector does not know: the reporter is told',
     h.cli('incident', 'show', '@', i9), s.text()[-500:])
reviewed = [f['id'] for f in h.get(f'/api/v1/incidents/{i}/facts').json()['facts'] if f['type'] == 'reviewed'][0]
h.post(f'/api/v1/incidents/{i}/facts', {'type': 'corrected', 'ref': reviewed, 'claimed': stamp(-3)})
t.ok(wait_until(lambda: any('what another office stated' in r[1] for r in refusals(s))), 'nor does a reporter correct a review', refusals(s)[-2:])
i10, _ = report(h, 'after that', 1)
t.ok(wait_until(lambda: at(s, i10)), 'what follows goes on')

# Merged and split: the tiers above have the whole case, whichever part of it was reported.
def part(title, *facts):
    r = h.post('/api/v1/incidents', {'title': title, 'packs': ['tw-2026'], 'facts': [{'type': 'aware'}, *facts]})
    return r.json()['id']


whole = part('the case', {'type': 'reported', 'level': 1})
quiet = part('an earlier trace', {'type': 'evidence', 'id': 'trace'})
t.ok(wait_until(lambda: at(s, whole)), 'an incident is reported')
t.same(s.get('/api/v1/incidents/' + quiet).status, 404, 'and another is not')
t.same(h.post(f'/api/v1/incidents/{quiet}/merge', {'into': whole}).status, 200, 'it is merged into the one that is')
t.ok(same_everywhere(quiet, h, s) and same_everywhere(whole, h, s), 'then it is with the sector, too', facts(s, quiet), s.text()[-500:])
t.same([m['id'] for m in at(s, whole)['merged']], [quiet], 'as part of it')
r = h.post(f'/api/v1/incidents/{whole}/split', {'title': 'another matter', 'facts': [f['id'] for f in h.get(f'/api/v1/incidents/{whole}/facts').json()['facts'] if f['type'] == 'reported']})
t.ok(r.status in (200, 201), 'a part is split off', r)
off = [f['ref'] for f in h.get(f'/api/v1/incidents/{whole}/facts').json()['facts'] if f['type'] == 'split'][0]
t.ok(same_everywhere(off, h, s), 'which goes there as well')
first, second = part('first'), part('second')
t.same(h.post(f'/api/v1/incidents/{second}/merge', {'into': first}).status, 200, 'two that nobody reported')
time.sleep(0.3)
t.same([s.get('/api/v1/incidents/' + i).status for i in (first, second)], [404, 404], 'stay at home')
h.cli('report', '@', first, '--level', '1')
t.ok(same_everywhere(first, h, s) and same_everywhere(second, h, s), 'until the case is reported: then both go')
t.same(n.get('/api/v1/incidents/' + first).status, 404, 'no further than it has to')

# On media: two nodes that have never been connected, and a third that gets everything backwards.
m, k, z = Node('island', 'provider').start(), Node('mainland', 'sector').start(), Node('mirror', 'sector').start()
for a, b in ((m, k), (m, z)):
    b.cli('peer', 'add', '@', a.name, '--relation', 'child', '--cert', a.fingerprint, '--tlp', 'amber')
    a.cli('peer', 'add', '@', b.name, '--relation', 'parent', '--cert', b.fingerprint, '--tlp', 'amber')
i8, _ = report(m, 'cable cut', 3, '--exercise')
m.post(f'/api/v1/incidents/{i8}/facts', {'type': 'warned', 'id': 'w1'})
r = m.cli('incident', 'bundle', '@', i8)
t.ok(r.status == 0 and r.json()['type'] == 'bundle', 'an incident is written to a file', r)
out = write('out.json', r.bytes)
v = run('validate', out)
t.same(v.status, 0, 'which is a STIX bundle')
r = k.cli('incident', 'take', '@', out)
t.ok(r.status == 0 and 'of island: 3 new facts' in r.out, 'the other node takes it in', r)
t.same(facts(k, i8), facts(m, i8), 'nothing is lost')
t.ok(at(k, i8)['exercise'], 'it is still a drill')
r = k.cli('incident', 'take', '@', out)
t.ok(r.status == 0 and ': 0 new facts' in r.out, 'the same file again changes nothing', r)
t.same(facts(k, i8), facts(m, i8), 'indeed')
k.cli('review', '@', i8, '--level', '3', '--grounds', 'by courier')
back = write('back.json', k.cli('incident', 'bundle', '@', i8).bytes)
r = m.cli('incident', 'take', '@', back, '--json')
t.ok(r.status == 0 and r.json()['new'] == 1 and r.json()['refused'] == [], 'the review comes back the same way', r)
t.same((at(m, i8)['state'], receipts(m, i8)), ('reviewed', {'sector': (3, 3)}), 'with the receipts')
r = h.cli('incident', 'take', '@', out)
t.ok(r.status == 2 and "no peer's" in r.err, 'whoever does not know the node takes nothing of it', r)
whole = json.loads(read(out))
for what, change in (('a title', lambda b: b['objects'][1].update(title='forged')), ('the order', lambda b: b['objects'].insert(0, b['objects'].pop(1))),
                     ('an object', lambda b: b['objects'].pop(1)), ('the seal', lambda b: b['objects'][-1].update(incident=i))):
    b = json.loads(json.dumps(whole))
    change(b)
    r = z.cli('incident', 'take', '@', write('changed.json', b))
    t.ok(r.status == 2 and ('seal' in r.err or 'bundle' in r.err), f'{what} was changed: refused', r)
cert = (os.path.join(m.dir, 'tls/node.crt'), os.path.join(m.dir, 'tls/node.key'))
stated = [o for o in whole['objects'] if o['type'] == 'x-lianfang-fact']
z.request('POST', '/desk/collections/in/objects/', {'objects': whole['objects'][:1] + stated[::-1]}, auth=None, cert=cert)
t.ok(wait_until(lambda: len(facts(z, i8)) == 3), 'backwards they come in too')
t.same((facts(z, i8), at(z, i8)['state'], at(z, i8)['level']), (sorted((o['fact']['type'], o['fact']['id']) for o in stated), 'reported', 3), 'and make the same incident')
for x in (m, k, z):
    x.stop()
for x in (h, s, n, e):
    r = x.cli('audit', 'verify', '@')
    t.same(r.status, 0, f'the chain of {x.name} holds')
for x in (h, s, n, e):
    t.same(x.stop(), 0, f'{x.name} stops in good order')
t.done()
