#!/usr/bin/env python3
"""A community across three tiers: members under a sector and under the nation tell keyed digests of what they may not show; the nation, which
has no key, pairs them; both owners hear that somebody else has it. Nobody's value and nobody's name stands anywhere above."""
from harness import *

t = Tap()
nation, sector = Node('nation', 'nation'), Node('sector', 'sector')
alpha, beta, gamma = (Node(x, 'provider', org=o) for x, o in (('alpha', 'Waterworks Alpha'), ('beta', 'Hospital Beta'), ('gamma', 'Power Gamma')))
nodes = (nation, sector, alpha, beta, gamma)
for x in nodes:
    x.start()


def tie(child, parent):
    a = parent.cli('peer', 'add', '@', child.name, '--relation', 'child', '--cert', child.fingerprint, '--tlp', 'amber')
    b = child.cli('peer', 'add', '@', parent.name, '--relation', 'parent', '--cert', parent.fingerprint, '--url', parent.url(), '--tlp', 'amber')
    return a.status == 0 and b.status == 0


def part(n):
    return n.get('/api/v1/community').json()


def matches(n):
    return n.get('/api/v1/community/matches').json()['matches']


def matched(n):
    return {m['object'] for m in matches(n)}


def holds(folder, text):
    """Whether any file below a folder holds this text."""
    return any(text.encode() in read(os.path.join(at, f)) for at, _, files in os.walk(folder) for f in files if not f.endswith('.sock'))


t.ok(tie(sector, nation) and tie(alpha, sector) and tie(beta, sector) and tie(gamma, nation), 'two members below a sector, one below the nation')
keys = [run('community', 'role-key', path(f'role{i}.key')) for i in (1, 2)]
t.ok(all(re.fullmatch(r'[0-9a-f]{64}\n', k.out) for k in keys), 'two roles have a key each', keys)
openers = [a for k in keys for a in ('--opener', k.out.strip())]
t.same(run('community', 'role-key', path('role1.key')).status, 2, 'which is never overwritten')
t.same(nation.cli('community', 'collect', '@', 'water').status, 0, 'the nation collects')
r = alpha.cli('community', 'found', '@', 'water', *openers, '--json')
founder = r.json()['pseudonym']
t.same((r.status, r.json()['as'], r.json()['generation']), (0, 'founder', 1), 'alpha founds')
for n in (beta, gamma):
    r = n.cli('community', 'join', '@', 'water', '--founder', founder, *openers, '--json')
    t.same((r.status, r.json()['as'], r.json()['generation']), (0, 'member', 0), f'{n.name} joins, and has no key yet')
t.same(beta.cli('community', 'join', '@', 'water', '--founder', founder, *openers).status, 2, 'once')
names = {n.name: part(n)['pseudonym'] for n in (alpha, beta, gamma)}
t.ok(wait_until(lambda: {m['member'] for m in alpha.get('/api/v1/community/members').json()['members']} >= {names['beta'], names['gamma']}),
     "the founder sees the others' cards", alpha.text()[-500:])
t.same(gamma.cli('community', 'admit', '@', names['beta']).status != 0, True, 'only the founder admits')
for n in (beta, gamma):
    t.same(alpha.cli('community', 'admit', '@', names[n.name]).status, 0, f'{n.name} is admitted')
t.ok(wait_until(lambda: part(beta)['generation'] == 1 and part(gamma)['generation'] == 1), 'and has the key')

# Values: shared at AMBER, at AMBER+STRICT, at RED, and one's own.
strict = 'marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003'
amber = indicator('shared-amber.example', tlp='amber')
alpha.import_([amber, indicator('only-alpha.example', tlp='amber'), indicator('shared-red.example', tlp='red'),
               indicator('shared-strict.example', object_marking_refs=[strict]), indicator('files.corp', tlp='amber')])
sco = {'type': 'domain-name', 'spec_version': '2.1', 'id': 'domain-name--' + str(uuid.uuid4()), 'value': 'Shared-AMBER.example.', 'object_marking_refs': [TLP['amber']]}
gamma.import_([sco, indicator('only-gamma.example', tlp='amber'), indicator('shared-red.example', tlp='red'),
               indicator('shared-strict.example', object_marking_refs=[strict]), indicator('files.corp', tlp='amber')])
t.ok(wait_until(lambda: matched(alpha) == {amber['id']} and matched(gamma) == {sco['id']}), 'both owners of the shared value hear of each other', matches(alpha))
t.same([(m['others'], m['with']) for m in matches(alpha)], [(1, names['gamma'])], 'one other, by pseudonym')
t.same(matched(beta), set(), 'who has nothing of it hears nothing')
mine = indicator('shared-amber.example', tlp='amber')
beta.import_([mine])
t.ok(wait_until(lambda: [m['others'] for m in matches(alpha)] == [2] and matched(beta) == {mine['id']}), 'a third one comes')
t.ok(any(f['kind'] == 'community.match' and f['subject'] == amber['id'] for f in alpha.get('/api/v1/facts?kind=community.').json()['facts']), 'a fact of the chain')

# What stands above.
for n in (nation, sector):
    for value in ('shared-amber', 'only-alpha', 'only-gamma', 'shared-red', 'shared-strict', 'files.corp'):
        t.ok(not holds(n.dir, value), f'{n.name} has nothing of {value}')
key = json.loads(read(os.path.join(alpha.dir, 'community.json')))['key']
t.ok(json.loads(read(os.path.join(gamma.dir, 'community.json')))['key'] == key and not holds(nation.dir, key) and not holds(sector.dir, key) and
     not any(bytes.fromhex(key) in read(os.path.join(at, f)) for n in (nation, sector) for at, _, files in os.walk(n.dir) for f in files if not f.endswith('.sock')),
     'members have one key, those above have none')
t.same(oct(os.stat(os.path.join(alpha.dir, 'community.json')).st_mode & 0o777), '0o600', 'which nobody else reads')
t.ok(not any(holds(nation.dir, x) for x in ('Waterworks Alpha', 'Hospital Beta')), 'the nation knows nobody below the sector by name')

# Two roles open a name.
r = nation.cli('community', 'open', '@', names['beta'], '--key', path('role1.key'), '--json')
t.same((r.status, r.json()['opened_by_roles'], r.json().get('name')), (0, 1, None), 'one role opens its half, which says nothing')
t.ok(not holds(nation.dir, 'Hospital Beta'), 'also on the disk')
t.same(nation.cli('community', 'open', '@', names['beta'], '--key', write('no.key', '00' * 64)).status != 0, True, 'another key opens nothing')
r = nation.cli('community', 'open', '@', names['beta'], '--key', path('role2.key'), '--json')
t.same((r.status, r.json().get('name')), (0, 'Hospital Beta'), 'both together say it')
t.same([(f['subject'], f['body']) for f in nation.get('/api/v1/facts?kind=community.open').json()['facts']],
       [(names['beta'], {'role': 1}), (names['beta'], {'role': 2})], 'each opening is a fact of the chain')

# Who is expelled has the old key, and no part in the new one.
t.same(alpha.cli('community', 'expel', '@', names['beta']).status, 0, 'beta is expelled')
t.ok(wait_until(lambda: part(gamma)['generation'] == 2), 'the others have another key')
late = indicator('later.example', tlp='amber')
alpha.import_([late])
beta.import_([indicator('later.example', tlp='amber')])
gamma.import_([indicator('later.example', tlp='amber')])
t.ok(wait_until(lambda: late['id'] in matched(alpha)), 'those who stay meet again')
t.same([(m['others'], m['with']) for m in matches(alpha) if m['object'] == late['id']], [(1, names['gamma'])], 'without beta')
t.same(part(beta)['generation'], 1, 'which has no new key')

# Forged: who signs with another key, or speaks for the collector, is refused.
refused = lambda n: [f['body']['why'] for f in n.get('/api/v1/facts?kind=exchange.refuse&limit=1000').json()['facts']]
cert = (os.path.join(gamma.dir, 'tls/node.crt'), os.path.join(gamma.dir, 'tls/node.key'))
for message, why in (({'kind': 'handles', 'community': 'water', 'generation': 1, 'epoch': 1, 'handles': [], 'counted': []}, 'does not fit'),
                     ({'kind': 'match', 'community': 'water', 'generation': 1, 'epoch': 1, 'to': names['alpha'], 'handles': ['00' * 32], 'others': 1, 'with': []},
                      'only the collector')):
    o = {'type': 'x-lianfang-community', 'spec_version': '2.1', 'id': 'x-lianfang-community--' + str(uuid.uuid4()), 'created': stamp(), 'modified': stamp(),
         'object_marking_refs': [TLP['green']], 'message': json.dumps(message), 'signer': '00' * 32, 'signature': '00' * 64,
         'extensions': {'extension-definition--0b0f8a7e-6a35-4c8e-9d0e-3c1f6f0a5d21': {'extension_type': 'new-sdo'}}}
    r = nation.request('POST', '/desk/collections/in/objects/', {'objects': [o]}, auth=None, cert=cert)
    t.ok(r.status == 202 and wait_until(lambda: any(why in x for x in refused(nation))), f'refused: {message["kind"]} that is forged', r, refused(nation))

# A node that was away has lost nothing.
gamma.stop(signal.SIGKILL)
alpha.import_([indicator('while-away.example', tlp='amber')])
gamma.start()
away = indicator('while-away.example', tlp='amber')
gamma.import_([away])
t.ok(wait_until(lambda: away['id'] in matched(gamma)), 'after a kill it goes on')
for n in nodes:
    t.same(n.stop(), 0, f'{n.name} ends well')
    t.same(n.cli('audit', 'verify', '@').status, 0, 'and its chain holds')
t.done()
