#!/usr/bin/env python3
"""The collections that two desks share: made with the peer, open to nobody else, gone with it."""
from harness import *

t = Tap()
a, b, c = Node('alpha', 'provider'), Node('beta', 'sector'), Node('gamma', 'provider')
for n in (a, b, c):
    n.start()


def as_peer(n):
    return (os.path.join(n.dir, 'tls/node.crt'), os.path.join(n.dir, 'tls/node.key'))


def ask(method, n, who, tail, body=None):
    return n.request(method, f'/desk/collections/{tail}', body, auth=None, cert=as_peer(who))


def peer(n, name, other, relation, url=True):
    r = n.cli('peer', 'add', '@', name, '--relation', relation, '--cert', other.fingerprint, *(['--url', other.url()] if url else []),
              '--tlp', 'amber', '--json')
    t.same(r.status, 0, f'{n.name} adds {name}')
    return r.json()


links = peer(b, 'alpha', a, 'child', False)['links']
peer(b, 'gamma', c, 'child', False)
t.same(sorted((k['direction'], k['their_root'], k['their_collection']) for k in links), [('pull', 'desk', 'out'), ('pull', 'desk', 'urgent-out'),
       ('push', 'desk', 'in'), ('push', 'desk', 'urgent-in')], 'a peer comes with the links of both lanes of the desk')
names = {k['alias']: k['id'] for k in b.get('/api/v1/collections').json()['collections'] if k['root'] == 'desk'}
t.same(sorted(names), sorted(f'{k}-{p}' for k in ('in', 'out', 'urgent-in', 'urgent-out') for p in ('alpha', 'gamma')), 'and their collections')
note = {'type': 'note', 'spec_version': '2.1', 'id': stix_id('note'), 'created': stamp(), 'modified': stamp(), 'content': 'x',
        'object_refs': ['identity--' + str(uuid.uuid4())], 'object_marking_refs': [TLP['amber']]}
r = ask('POST', b, a, 'in/objects/', {'objects': [note]})
t.ok(r.status == 202 and r.json()['success_count'] == 1, 'the peer writes into the one that comes', r)
for who, tail, want in ((a, 'in/objects/', 403), (a, 'out/objects/', 200), (c, 'in-alpha/objects/', 404), (c, 'out-alpha/objects/', 404),
                        (c, names['in-alpha'] + '/objects/', 404), (c, names['out-alpha'] + '/objects/', 404), (c, 'out/objects/', 200),
                        (a, 'urgent-in/objects/', 403), (a, 'urgent-out/objects/', 200), (c, 'urgent-in-alpha/objects/', 404),
                        (c, 'urgent-out-alpha/objects/', 404), (c, names['urgent-out-alpha'] + '/objects/', 404)):
    t.same(ask('GET', b, who, tail).status, want, f'{who.name} reads {tail[:9]}: {want}')
t.ok(note['id'] not in str(ask('GET', b, c, 'out/objects/').body), 'the other one sees nothing of it')
for who, tail, want in ((a, 'out/objects/', 403), (c, 'in-alpha/objects/', 404), (c, names['in-alpha'] + '/objects/', 404),
                        (a, 'urgent-out/objects/', 403), (c, 'urgent-in-alpha/objects/', 404), (c, names['urgent-in-alpha'] + '/objects/', 404)):
    t.same(ask('POST', b, who, tail, {'objects': [note]}).status, want, f'{who.name} writes into {tail[:9]}: {want}')
t.same(b.get(f'/desk/collections/{names["in-alpha"]}/objects/').status, 403, 'not even an administrator reads it over TAXII')
t.same(b.post(f'/desk/collections/{names["in-alpha"]}/objects/', {'objects': [note]}).status, 403, 'nor writes there')
b.post('/api/v1/collections/desk/in-alpha/rights', {'subject': 'user:admin', 'read': True, 'write': True})
t.same(b.post('/desk/collections/in-alpha/objects/', {'objects': [note]}).status, 403, 'also with a right that somebody granted')
t.same(b.import_([note], collection='desk/in-alpha').status, 403, 'no import goes there')
t.same(b.post('/api/v1/peers/gamma/links', {'direction': 'pull', 'collection': 'desk/in-alpha', 'their_collection': 'desk/out'}).status, 403,
       'and no other peer is linked with it')
t.same(ask('GET', b, a, 'digest').status, 404, 'no other path')
peer(a, 'beta', b, 'parent')


def state():
    return {(p['name'], p['state']) for p in a.get('/api/v1/status').json().get('peers', []) if p['name'] == 'beta'}


t.ok(wait_until(lambda: ('beta', 'streaming') in state()), 'who has an address links both', state())
t.same(b.cli('peer', 'remove', '@', 'alpha').status, 0, 'the peer is removed')
t.ok('in-alpha' not in {k['alias'] for k in b.get('/api/v1/collections').json()['collections']}, 'with its collections')
for n in (a, b, c):
    t.same(n.stop(), 0, f'{n.name} stops in good order')
t.done()
