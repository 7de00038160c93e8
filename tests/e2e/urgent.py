#!/usr/bin/env python3
"""What is major does not wait: behind a cut and a backlog of lesser facts at every tier it is reported, reviewed and answered first, also when
a node is killed in between; afterwards everything is there, once."""
from harness import *

t = Tap()
h, s, n = Node('hospital', 'provider'), Node('sector', 'sector'), Node('nation', 'nation')
for x in (h, s, n):
    x.start()


def tie(child, parent):
    a = parent.cli('peer', 'add', '@', child.name, '--relation', 'child', '--cert', child.fingerprint, '--tlp', 'amber')
    b = child.cli('peer', 'add', '@', parent.name, '--relation', 'parent', '--cert', parent.fingerprint, '--url', parent.url(), '--tlp', 'amber')
    return a.status == 0 and b.status == 0


def at(node, incident):
    r = node.get('/api/v1/incidents/' + incident)
    return r.json() if r.status == 200 else {}


def facts(node, incident):
    r = node.get(f'/api/v1/incidents/{incident}/facts')
    return sorted((f['type'], f['id']) for f in r.json()['facts']) if r.status == 200 else []


def report(level, k, more=0):
    """Forwarded, as the sector has to pass on all of them."""
    r = h.post('/api/v1/incidents', {'title': f'number {k}', 'packs': ['tw-2026'], 'facts': [
        {'type': 'aware'}, {'type': 'reported', 'level': level}] + [{'type': 'evidence', 'id': f'e{m}'} for m in range(more)]})
    return r.json()['id']


def have(node, lesser):
    """How many of these facts have come; they are looked for from the last, which comes last."""
    return sum(len(facts(node, i)) for i in lesser)


LESSER, MORE = 40, 28
t.ok(tie(h, s) and tie(s, n), 'a provider below a sector below the nation')
first = report(1, 0)
t.ok(wait_until(lambda: at(s, first)), 'they are connected')
s.stop()
lesser = [report(1, k, MORE) for k in range(LESSER)]
for i in lesser[:20]:
    h.post(f'/api/v1/incidents/{i}/facts', {'type': 'warned', 'to': ['sector']})
t.ok(wait_until(lambda: at(h, lesser[-1]).get('shared', {}).get('facts_of_ours') == MORE + 2), 'each is on its way')
crisis = report(4, 'crisis')
raised = lesser[-1]
t.same(h.post(f'/api/v1/incidents/{raised}/facts', {'type': 'level', 'id': 'raised', 'level': 3}).status, 200, 'one of the lesser ones is raised')
total = have(h, lesser)
t.ok(total > LESSER * MORE, f'{total} lesser facts are stated before it, while the sector is away')
s.start()
t.ok(wait_until(lambda: at(n, crisis), every=0.005), 'the crisis is with the nation')
came = have(s, lesser)
t.ok(came < total / 2, f'when of the others {came} of {total} are with the sector')
t.same((at(n, crisis)['level'], at(n, crisis)['title']), (4, 'number crisis'), 'as it was stated')
t.same(n.post(f'/api/v1/incidents/{crisis}/facts', {'type': 'rereviewed', 'level': 4, 'grounds': 'seen elsewhere'}).status, 200, 'the nation answers')
t.ok(wait_until(lambda: 'rereviewed' in str(facts(h, crisis)), every=0.005), 'the provider has the answer')
came = have(s, lesser)
t.ok(came < total, f'when of the others {came} are with the sector')
t.ok(wait_until(lambda: 'raised' in str(facts(s, raised)), every=0.005), 'what was raised comes first, too')
os.kill(s.core(), signal.SIGKILL)
s.process.kill()
s.stop()
s.start()
t.ok(wait_until(lambda: all(facts(s, i) == facts(h, i) for i in lesser[-3:] + [crisis]) and have(s, lesser) == total), 'the sector is killed in between: everything comes',
     have(s, lesser), total)
t.ok(all(len(facts(s, i)) == len(set(facts(s, i))) for i in lesser), 'no fact twice')
t.ok(wait_until(lambda: facts(n, raised) == facts(s, raised)), 'all of what was raised is with the nation', facts(n, raised), facts(s, raised))
t.same([n.get('/api/v1/incidents/' + i).status for i in lesser[:3]], [404] * 3, 'and nothing of what was not')


def receipts(node, incident):
    shared = at(node, incident)['shared']
    return {x['tier']: (x['received'], shared['facts_of_ours']) for x in shared['nodes']}


t.ok(wait_until(lambda: receipts(h, crisis) == {'sector': (2, 2), 'nation': (2, 2)}), 'the receipts are with the provider', receipts(h, crisis))
t.ok(wait_until(lambda: receipts(h, raised) == {'sector': (len(facts(h, raised)),) * 2, 'nation': (len(facts(h, raised)),) * 2}), 'also of what was half sent when it was raised',
     receipts(h, raised))
# One that opens too many holds up itself alone, and loses nothing.
m = Node('mill', 'provider').start()
t.ok(tie(m, s), 'another provider')
s.stop()
s.configure('[desk]\npeer_incidents = 3')
s.start()
flood = [report(1, f'flood {k}') for k in range(5)]
t.ok(wait_until(lambda: 'hospital has opened 3 incidents' in s.text()), 'a provider opens more than it may within an hour', s.text()[-800:])
t.same([s.get('/api/v1/incidents/' + i).status for i in flood], [200] * 3 + [404] * 2, 'the rest waits')
other = m.post('/api/v1/incidents', {'title': 'of the mill', 'packs': ['tw-2026'], 'facts': [{'type': 'aware'}, {'type': 'reported', 'level': 1}]}).json()['id']
t.ok(wait_until(lambda: at(s, other)), 'those of others come')
s.stop()
s.start()
t.ok(wait_until(lambda: all(at(s, i) for i in flood)), 'and so does the rest, later')
m.stop()
for x in (h, s, n):
    refused = [json.loads(f['body'])['why'] if isinstance(f['body'], str) else f['body'] for f in x.get('/api/v1/facts?kind=exchange.refuse').json()['facts']]
    t.same(refused, [], f'{x.name} refused nothing')
for x in (h, s, n):
    t.same(x.cli('audit', 'verify', '@').status, 0, f'the chain of {x.name} holds')
    t.same(x.stop(), 0, f'{x.name} stops in good order')
t.done()
