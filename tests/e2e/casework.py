#!/usr/bin/env python3
"""The desk's casework: merging, un-merging and splitting incidents by command and REST, without an alarm told twice."""
from harness import *

t = Tap()


def ago(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - seconds))


def clocks(view, pack=0):
    return {k['id']: k for k in view['views'][pack]['clocks']}


def shown(number, at=None):
    return n.get(f'/api/v1/incidents/{number}' + (f'?at={at}' if at else '')).json()


def essence(view):
    """What must be the same again: state, level and clocks."""
    return [(v['state'], v['level'], [{k: c[k] for k in ('id', 'start', 'due', 'stop', 'verdict', 'started_by')} for c in v['clocks']]) for v in view['views']]


def told():
    facts = n.get('/api/v1/facts?kind=incident.&limit=10000').json()['facts']
    return [(f['subject'], f['body']['clock'], f['body']['percent']) for f in facts if f['kind'] in ('incident.alarm', 'incident.breach')]


n = Node('grid', 'provider', conf='[notify]\n').start()

# --- merge and back ---
a = n.post('/api/v1/incidents', {'title': 'scada', 'packs': ['tw-2026'], 'facts': [{'type': 'aware', 'claimed': ago(2000)}]}).json()
b = n.post('/api/v1/incidents', {'title': 'the same, by telephone', 'packs': ['tw-2026'], 'facts': [{'type': 'aware', 'claimed': ago(4000)}]}).json()
A, B = a['number'], b['number']
n.cli('report', '@', B, '--level', '3')
t.ok(wait_until(lambda: len(told()) >= 4), 'alarms of both: half of the hour, and all of it', told())
before_a, before_b, rung = essence(shown(A)), essence(shown(B)), told()
r = n.cli('incident', 'merge', '@', B, A, '--note', 'one outage', '--json')
v = r.json()
t.same((r.status, v['number'], [x['number'] for x in v['merged']], v['state'], v['level']), (0, A, [B], 'reported', 3), 'merged: the facts of both')
t.same(clocks(v)['K1']['verdict'], 'breached', 'known since the earlier of both')
v = shown(B)
t.same((v['state'], [x['number'] for x in v['merged_into']], v['open']), ('merged', [A], False), 'the other stays readable and says where it is')
t.ok(B not in [x['number'] for x in n.get('/api/v1/incidents').json()['incidents']], 'out of the queue')
r = n.cli('incident', 'state', '@', B, 'contained')
t.ok(r.status == 2 and A in r.err, 'stated about the one that holds it', r)
r = n.cli('incident', 'show', '@', A)
t.ok(B in r.out and 'holds' in r.out, 'shown to people', r)
t.ok(n.cli('incident', 'show', '@', A, '--facts').out.count('aware') == 2, 'with the facts of both', r)
for tail, says in (((B, A), 'is merged into'), ((A, A), 'itself'), ((A, B), 'is merged into'), ((A, '2026-999999'), 'no incident')):
    r = n.cli('incident', 'merge', '@', *tail)
    t.ok(r.status != 0 and says in r.err, f'refused: {tail}', r)
for kind in ('merged', 'unmerged', 'split'):
    t.same(n.post(f'/api/v1/incidents/{A}/facts', {'type': kind, 'ref': b['id']}).status, 400, f'{kind} is not stated by itself')
drill = n.post('/api/v1/incidents', {'title': 'drill', 'exercise': True}).json()['number']
t.same(n.post(f'/api/v1/incidents/{drill}/merge', {'into': A}).status, 409, 'a drill is no part of what is real')
time.sleep(1.5)
t.same([x for x in told() if x not in rung and x[0] in (a['id'], b['id'])], [], 'no alarm twice')
instant = n.get(f'/api/v1/incidents/{B}/facts').json()['facts'][-1]['at']
r = n.cli('incident', 'unmerge', '@', B, '--json')
t.same((r.status, r.json()['number'], r.json()['merged_into']), (0, B, []), 'and apart again')
t.same((essence(shown(A)), essence(shown(B))), (before_a, before_b), 'both as if it had never been')
t.same(n.post(f'/api/v1/incidents/{B}/unmerge', {}).status, 409, 'once is enough')
t.same(len(shown(A, urllib.parse.quote(instant))['merged']), 1, 'what was known then can still be shown')
time.sleep(1.5)
t.same([x for x in told() if x not in rung and x[0] in (a['id'], b['id'])], [], 'and still no alarm twice')

# --- split and back ---
f = n.post(f'/api/v1/incidents/{A}/facts', {'type': 'level', 'level': 2}).json()
g = n.post(f'/api/v1/incidents/{A}/facts', {'type': 'contained'}).json()
facts = {x['type']: x['id'] for x in n.get(f'/api/v1/incidents/{A}/facts').json()['facts']}
n.post(f'/api/v1/incidents/{A}/facts', {'type': 'corrected', 'ref': facts['contained'], 'claimed': ago(60)})
whole = essence(shown(A))
r = n.cli('incident', 'split', '@', A, '-t', 'mail server', '-f', facts['level'], '-f', facts['contained'], '--json')
v = r.json()
C = v['number']
t.same((r.status, v['level'], v['title'], v['problems']), (0, 2, 'mail server', []), 'a new incident of two facts, and of what corrects one')
t.same((shown(A)['level'], shown(A)['problems'], clocks(shown(A))['K8']['verdict']), (None, [], 'running'), 'which count there and not here')
t.ok(n.cli('incident', 'split', '@', A, '-t', 'x', '-f', facts['level']).status == 2, 'a fact goes once')
n.cli('incident', 'merge', '@', C, A)
t.same(essence(shown(A)), whole, 'merged again: as if it had never been')
t.same({x['type'] for x in n.get(f'/api/v1/incidents/{A}/facts').json()['facts']} >= {'level', 'contained', 'split', 'merged', 'unmerged'}, True, 'nothing was erased')
t.same(n.cli('audit', 'verify', '@').status, 0, 'the chain holds')
t.done()
