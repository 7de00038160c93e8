#!/usr/bin/env python3
"""Whom a release protects: what is live in the detectors of three tiers is told upwards, durably, by pseudonym behind the next tier, and
nothing is named that the tier above does not know; who looks at nothing, or says nothing, is counted as what it is."""
from harness import *

t = Tap()
n, s = Node('nation', 'nation'), Node('sector', 'sector')
a, b = Node('alpha', 'provider'), Node('beta', 'provider')
for x in (a, b):
    write(x.name + '-eve.json', '')
    x.configure('[input eve]\npath = ' + path(x.name + '-eve.json'))
for x in (n, s, a, b):
    x.start()


def tie(child, parent, tlp='amber'):
    parent.cli('peer', 'add', '@', child.name, '--relation', 'child', '--cert', child.fingerprint, '--tlp', tlp)
    board(parent)  # who looks before the child has said who it is must not count it twice afterwards
    child.cli('peer', 'add', '@', parent.name, '--relation', 'parent', '--cert', parent.fingerprint, '--url', parent.url(), '--tlp', tlp)
    return [child.post(f'/api/v1/peers/{parent.name}/links', {'direction': way, 'collection': 'intel/' + c, 'their_collection': 'intel/' + c, 'tlp_max': tlp}).status
            for way, c in (('pull', 'down'), ('push', 'up'))]


def board(node, name='coverage', **query):
    r = node.get(f'/api/v1/boards/{name}?' + urllib.parse.urlencode(query))
    return {row['key']: {c['id']: x.get('value', x.get('why')) for c, x in zip(r.json()['columns'], row['cells'])} for row in r.json()['rows']} if r.status == 200 else {}


def release(node, domain, **more):
    i = indicator(domain, **{'tlp': 'green', **more})
    t.same(node.import_(i, collection='intel/down').status, 200, f'{domain} is released by the {node.name}')
    return i['id']


def counts(node, i, **query):
    row = board(node, **query).get(i, {})
    return row.get('loaded'), row.get('scope')


t.same([tie(s, n), tie(a, s), tie(b, s)], [[200, 200]] * 3, 'two providers below a sector below the nation')
first = release(n, 'first.example')
t.ok(wait_until(lambda: counts(s, first) == (2, 2)), 'the sector hears from both that it is live', board(s))
t.ok(wait_until(lambda: counts(n, first) == (2, 2)), 'and the nation of two behind the sector, which itself looks at no log', board(n), n.text()[-800:], s.text()[-800:])
row = board(n)[first]
t.ok(row['coverage'] == 1 and 0 <= row['median'] <= row['to90'] < 120, f"time to 90 %: {row['to90']} s", row)
behind = n.get('/api/v1/boards/coverage/rows?' + urllib.parse.urlencode({'row': first, 'column': 'loaded'})).json()['records']
said = json.dumps(behind)
t.ok(len({x['behind'] for x in behind}) == 2 and all(re.fullmatch('[0-9a-f]{16}', x['behind']) for x in behind), 'the rows behind it are two pseudonyms of the sector', behind)
t.ok(not any(word in said for word in ('alpha', 'beta', a.fingerprint, b.fingerprint)), 'which name nobody', said)
r = n.get('/api/v1/boards/coverage?format=csv')
t.ok(r.status == 200 and first in r.body.decode() and r.body.decode().splitlines()[0].startswith('"Released indicator","Loaded","In scope","Coverage"'), 'its CSV', r.body[:300])
t.ok(wait_until(lambda: [(v['loaded'], v['scope']) for v in board(s, 'loads').values()] == [(1, 1)] * 2), 'the sector sees it member by member, each once', board(s, 'loads'))

# --- what the tier above does not know is not named ---
own = release(s, 'of-the-sector.example')
t.ok(wait_until(lambda: counts(s, own) == (2, 2)), 'a release of the sector alone is live with its members', board(s))
private = indicator('private.example', tlp='green')
t.same(a.import_(private).status, 200, 'a provider has an indicator of its own')
second = release(n, 'second.example')
t.ok(wait_until(lambda: counts(n, second) == (2, 2)), 'a later release comes through behind them', board(n))


t.ok(set(board(n)) == {first, second}, 'the nation knows nothing of it', board(n))
t.ok(own not in board(n) and counts(s, private['id']) == (None, None), 'nor the sector of what is private')

# --- patterns that the detector cannot match are not live; revoked ones neither ---
odd = release(n, 'odd.example', pattern="[mutex:name = 'zz']")
plain = release(n, 'third.example')
t.ok(wait_until(lambda: counts(n, plain) == (2, 2)), 'one that can be matched is live', board(n))
t.same(counts(n, odd), (0, 2), 'one that cannot is live nowhere, and that is said')

# --- a member that is away, killed, comes back ---
b.stop(signal.SIGKILL)
late = release(n, 'late.example')
t.ok(wait_until(lambda: counts(n, late) == (1, 2)), 'who is away has not loaded it', board(n))
t.same(board(n)[late]['to90'], 'empty', 'so nine tenths are not reached')
b.start()
t.ok(wait_until(lambda: counts(n, late) == (2, 2)), 'until it is back', board(n))
for x in (s, n):
    x.stop()
    x.start()
t.ok(wait_until(lambda: [counts(n, i) for i in (first, second, plain, late)] == [(2, 2)] * 4), 'and all of that outlives restarts, counted once', board(n))

# --- who lies is counted for itself alone ---
before = board(n)
n.import_({'type': 'x-lianfang-loaded', 'spec_version': '2.1', 'id': stix_id('x-lianfang-loaded'), 'created': stamp(), 'modified': stamp(), 'since': stamp(-9), 'live_since': stamp(),
           'member': 'f' * 16, 'indicators': [first], 'extensions': {'extension-definition--2f5d7a3e-91c4-4c0b-8a6d-5e0f3b7c2d18': {'extension_type': 'new-sdo'}}})
t.same({k: v['scope'] for k, v in board(n).items()}, {k: v['scope'] for k, v in before.items()}, 'a statement that no child delivered counts for nothing')

# --- above the ceiling nothing is said ---
red = release(n, 'secret.example', tlp='red')
third = release(n, 'fourth.example')
t.ok(wait_until(lambda: counts(n, third) == (2, 2)), 'what came later is there', board(n))
t.same(counts(n, red), (0, 2), 'what never left is loaded nowhere')
for x in (a, b, s, n):
    x.stop()
t.done()
