#!/usr/bin/env python3
"""A file handed in at a provider is found malicious; its digest is live in the detector of a member of another sector, over three tiers; the revocation
of the mistake travels the same way, and what was revoked stays so."""
from harness import *

t = Tap()
EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-' + b'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'
log = write('sysmon.json', '')
alpha, sector, nation, water = Node('alpha', 'provider'), Node('sector', 'sector'), Node('nation', 'nation'), Node('water', 'sector')
alpha.configure('[lab]\nrun = yes\npublic = yes\nindicators = yes')
nation.configure('[intel]\nrelease = auto\nrelease_tlp = amber')
sector.configure('[intel]\nrelease = auto\nrelease_tlp = amber')
water.configure(f'[lab]\nrun = yes\n[input sysmon]\npath = {log}')
for n in (alpha, sector, nation, water):
    n.start()


def tie(child, parent):
    for x in (parent.post('/api/v1/peers', {'name': child.name, 'relation': 'child', 'cert_sha256': child.fingerprint, 'tlp_max': 'amber'}),
              child.post('/api/v1/peers', {'name': parent.name, 'relation': 'parent', 'cert_sha256': parent.fingerprint, 'url': parent.url(), 'tlp_max': 'amber'}),
              child.post(f'/api/v1/peers/{parent.name}/links', {'direction': 'push', 'collection': 'intel/up', 'their_collection': 'intel/up'}),
              child.post(f'/api/v1/peers/{parent.name}/links', {'direction': 'pull', 'collection': 'intel/down', 'their_collection': 'intel/down'})):
        t.ok(x.status < 300, f'{child.name} below {parent.name}', x)


def submit(node, content, name='x.com', **query):
    r = node.post('/api/v1/lab/submissions?' + urllib.parse.urlencode({'name': name, **query}), content, headers={'Content-Type': 'application/octet-stream'})
    if r.status != 201:
        return {'status': r.status, 'body': r.body}
    one = r.json()
    return wait_until(lambda: (lambda v: v if v.get('state') == 'done' else None)(node.get(f'/api/v1/lab/submissions/{one["id"]}?wait=5').json())) or one


def held(node, i):
    """The newest version of an object there, or None."""
    objects = (node.get('/api/v1/objects?id=' + i).json() or {}).get('objects', [])
    return objects[-1] if objects else None


def event(host, content):
    digest = hashlib.sha256(content).hexdigest().upper()
    with open(log, 'a') as f:
        f.write(json.dumps({'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': 'C:\\x.exe', 'Computer': host,
                            'UtcTime': stamp()[:-1].replace('T', ' '), 'Hashes': f'SHA1=00,SHA256={digest}'}) + '\n')


def alerts(node, host):
    return [a for a in node.get('/api/v1/alerts?limit=1000').json()['alerts'] if host in json.dumps(a)]


tie(alpha, sector)
tie(sector, nation)
tie(water, nation)

# --- by policy ---
sample = EICAR + b'\n'
one = submit(alpha, sample, privacy='government')
t.same(one.get('verdict'), 'malicious', 'the verdict')
digest = hashlib.sha256(sample).hexdigest()
mine = wait_until(lambda: alpha.get('/api/v1/objects?' + urllib.parse.urlencode({'value': digest})).json().get('objects'))
t.ok(mine and mine[0]['type'] == 'indicator' and digest in mine[0]['pattern'], 'it is an indicator at once', mine)
i = mine[0]['id']
t.same(mine[0]['object_marking_refs'], [TLP['amber']], 'marked as its class of privacy allows')
t.ok('x.com' not in json.dumps(mine[0]), 'with no name of the file in it')
t.ok(wait_until(lambda: held(water, i)), 'which a member of another sector has', sector.text()[-500:], nation.text()[-500:])


def found(host, content):
    """Events until one is found: the indicator may be held and not be live yet."""
    n = [0]

    def look():
        n[0] += 1
        event(f'{host}-{n[0]}', content)
        return wait_until(lambda: alerts(water, host + '-'), 1)
    return wait_until(look)


t.ok(found('pc', sample), 'and its detector finds it in an event of Sysmon', water.text()[-500:])

# --- a mistake ---
r = alpha.post('/api/v1/lab/revocations', {'submission': one['id'], 'why': 'a test file'})
t.same((r.status, [x['state'] for x in r.json()['indicators']]), (200, ['revoked']), 'it is taken back')
t.ok(wait_until(lambda: (held(water, i) or {}).get('revoked')), 'which the member of the other sector hears')


def silent(host, content):
    """Events with hosts of their own until one is not found although the one behind it was read."""
    n = [0]

    def look():
        n[0] += 1
        name = f'{host}-{n[0]}'
        event(name, content)
        event(name + '-end', b'marker')
        return wait_until(lambda: alerts(water, name + '-end')) and not [a for a in alerts(water, name) if name + '-end' not in json.dumps(a)]
    return wait_until(look, 3 * PATIENCE)


marker = indicator('marker.example')
marker['pattern'] = "[file:hashes.'SHA-256' = '%s']" % hashlib.sha256(b'marker').hexdigest()
t.same(water.import_(marker).status, 200, 'a marker that is found for certain')
t.ok(wait_until(lambda: (event('mark', b'marker'), wait_until(lambda: alerts(water, 'mark'), 1))[1]), 'and is live')
t.ok(silent('quiet', sample), 'its detector finds it no more', alerts(water, 'quiet'))
again = submit(alpha, sample, privacy='public')
t.same(again.get('verdict'), 'malicious', 'handed in again it is malicious, as the rules have it')
r = alpha.post(f'/api/v1/lab/submissions/{again["id"]}/indicators', {})
t.same(r.status, 409, 'and yet does not come back')
t.ok(held(alpha, i).get('revoked'), 'nobody shares it again by policy either')

# --- by a person ---
other = EICAR + b'\n\n'
two = submit(water, other, privacy='verdict')
digest = hashlib.sha256(other).hexdigest()
t.same(water.get('/api/v1/objects?value=' + digest).json().get('objects'), [], 'where the policy is not set nothing is shared by itself')
r = water.post(f'/api/v1/lab/submissions/{two["id"]}/indicators', {'tlp': 'green'})
t.same(r.status, 403, 'nor more widely than its class allows')
r = water.post(f'/api/v1/lab/submissions/{two["id"]}/indicators', {'tlp': 'amber'})
t.same((r.status, [(x['sha256'], x['state']) for x in r.json()['indicators']]), (200, [(digest, 'new')]), 'a person does it by one call')
j = r.json()['indicators'][0]['id']
t.same([x['state'] for x in water.post(f'/api/v1/lab/submissions/{two["id"]}/indicators', {}).json()['indicators']], ['before'], 'once')
t.ok(wait_until(lambda: held(alpha, j)), 'and it goes up two tiers and down two others')
r = water.post('/api/v1/lab/revocations', {'indicator': i, 'why': 'mine?'})
t.same(r.status, 404, "another node's is not taken back")
r = water.post('/api/v1/lab/revocations', {'sha256': digest, 'why': 'a test file'})
t.same(r.status, 200, 'by its digest one takes back what is hidden by its class')
t.ok(wait_until(lambda: (held(alpha, j) or {}).get('revoked')), 'everywhere')
t.same(water.post('/api/v1/lab/revocations', {'sha256': digest, 'why': ' '}).status, 400, 'a reason is asked for')
kinds = [f['kind'] for f in water.get('/api/v1/facts?limit=1000').json()['facts']]
t.ok('lab.indicator' in kinds and 'lab.revoke' in kinds, 'both are in the chain of facts')

# --- the report otherwise ---
words = water.get(f'/api/v1/lab/submissions/{two["id"]}/words?lang=zh-TW').json()
t.ok(words['language'] == 'zh-TW' and '惡意' in words['verdict'] and len(words['to_do']) > 1, 'in words', words)
b = water.get(f'/api/v1/lab/submissions/{two["id"]}/stix')
write('b.json', b.body)
t.ok(b.status == 200 and run('validate', path('b.json')).status == 0, 'as STIX', b)
t.same(b.body, water.get(f'/api/v1/lab/submissions/{two["id"]}/stix').body, 'byte for byte the same again')
t.same(alpha.get(f'/api/v1/lab/submissions/{one["id"]}/words', auth=None).status, 404, 'not for a stranger')
three = alpha.request('POST', '/api/v1/lab/submissions?name=y.txt', b'plain', auth=None, headers={'Content-Type': 'application/octet-stream'}).json()
t.ok(wait_until(lambda: alpha.get(f'/api/v1/lab/submissions/{three["id"]}/words?lang=en', auth=None).status == 200), 'but for one who handed it in')

r = alpha.cli('lab', 'say', '@', again['id'], '--lang', 'zh')
t.ok(r.status == 0 and '惡意' in r.out and '向誰通報' in r.out, 'the same on the command line', r)
t.same(alpha.cli('lab', 'stix', '@', again['id']).bytes.strip(), alpha.get(f'/api/v1/lab/submissions/{again["id"]}/stix').body.strip(), 'the bundle too')
t.same(water.cli('lab', 'say', '@', two['id']).status, 1, 'not of what was handed in in confidence')
r = alpha.cli('lab', 'share', '@', again['id'])
t.ok(r.status != 0 and 'revoked' in r.err, 'what was taken back is not shared again', r)
r = water.cli('lab', 'revoke', '@', '--indicator', j, '--why', 'once more', '--json')
t.same((r.status, r.json()['indicators'][0]['state']), (0, 'revoked'), 'taking back again changes nothing')

# --- relatives ---
import random
random.seed(7)
base = bytes(random.choices(range(256), k=6000))
near, far = base[:3000] + b'something else here' + base[3030:], bytes(random.choices(range(256), k=6000))
ids = {name: submit(alpha, content, name=name, privacy=privacy)['id'] for name, content, privacy in
       (('base', base, 'public'), ('near', near, 'public'), ('twin', base, 'public'), ('far', far, 'public'), ('secret', base[:5990], 'verdict'))}


def similar(name, **more):
    r = alpha.get(f'/api/v1/lab/submissions/{ids[name]}/similar', **more).json()
    return [(x['name'], x['same'], x['ctph'] > 60) for x in r.get('similar', [])]


t.ok(wait_until(lambda: len(similar('base')) >= 2), 'relatives are found', similar('base'))
t.same(sorted(similar('base')), [('near', False, True), ('twin', True, True)], 'the same, the near, not the far, and nothing of what was in confidence')
t.same(similar('base')[0][0], 'twin', 'the same first')
r = alpha.cli('lab', 'similar', '@', ids['base'])
t.ok(r.status == 0 and 'twin' in r.out and ids['near'] in r.out and 'far' not in r.out, 'as a table', r)
t.same(similar('far'), [], 'what is like nothing has none')
t.ok(('base', False, True) in similar('secret'), 'who handed in in confidence finds what others may know', similar('secret'))
t.same(alpha.request('DELETE', f'/api/v1/lab/submissions/{ids["near"]}').status, 200, 'one is deleted')
t.same([x[0] for x in similar('base')], ['twin'], 'and is found no more')

# --- a restart between verdict and indicator loses nothing ---
alpha.stop(signal.SIGKILL)
alpha.start()
last = submit(alpha, EICAR + b'\n\n\n', privacy='public')
digest = hashlib.sha256(EICAR + b'\n\n\n').hexdigest()
seen = wait_until(lambda: alpha.get('/api/v1/objects?value=' + digest).json().get('objects'))
t.ok(seen and seen[0]['object_marking_refs'] == [TLP['clear']], 'after a kill it goes on; what is public is TLP:CLEAR', last, seen)
t.done()
