#!/usr/bin/env python3
"""The desk's casework: merging, un-merging and splitting incidents by command and REST, without an alarm told twice; from a monitoring
ticket to an incident, and from what was seen in it to indicators that say nothing of the victim."""
import collections, threading
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
taken = n.get(f'/api/v1/incidents/{C}/facts').json()['split_from']
t.same((taken[0]['number'], sorted(f['type'] for f in taken[0]['facts'])), (A, ['contained', 'corrected', 'level']), 'the facts are shown with where they were stated')
n.cli('incident', 'merge', '@', C, A)
t.same(essence(shown(A)), whole, 'merged again: as if it had never been')
t.same({x['type'] for x in n.get(f'/api/v1/incidents/{A}/facts').json()['facts']} >= {'level', 'contained', 'split', 'merged', 'unmerged'}, True, 'nothing was erased')
n.cli('incident', 'state', '@', A, 'dismissed')
t.ok('reopen' in n.cli('incident', 'merge', '@', B, A).err, 'nothing is merged into what is closed')
t.same(n.cli('audit', 'verify', '@').status, 0, 'the chain holds')
n.stop()

# --- from detection to desk ---
fw = write('logs/eve.json', '')


def eve(host, src):
    return {'timestamp': '2026-01-02T03:04:05Z', 'event_type': 'tls', 'flow_id': 7, 'host': 'fw1', 'src_ip': src, 'src_port': 50000, 'dest_ip': '192.0.2.9',
            'dest_port': 443, 'tls': {'sni': host}}


def put(*lines):
    with open(fw, 'a') as f:
        f.write(''.join(json.dumps(x) + '\n' for x in lines))


n = Node('plant', 'provider', org='市立醫院', conf=f'[input firewall]\npath = {fw}\n').start()
bad = indicator('evil.example', tlp='green', confidence=85)
n.import_([bad])
tickets = lambda: n.get('/api/v1/tickets').json()['tickets']
put(eve('evil.example', '10.0.0.1'))
t.ok(wait_until(lambda: tickets()), 'a ticket')
T = tickets()[0]['number']
aware = ago(600)
r = n.cli('ticket', 'raise', '@', T, '--aware', aware, '--note', 'two machines call out', '--json')
v = r.json()
t.same((r.status, v['state'], clocks(v)['K1']['start'][:19] + 'Z', v['problems']), (0, 'aware', aware, []), 'an incident of it, known since a person said so')
N = v['number']
facts = n.get(f'/api/v1/incidents/{N}/facts').json()['facts']
first = facts[0]
t.same((first['type'], first['ticket'], first['first_event'][:19]), ('aware', T, '2026-01-02T03:04:05'), 'with when it began and when it was noticed')
evidence = [f for f in facts if f['type'] == 'evidence']
t.same((evidence[0]['ticket'], evidence[0]['indicators'], evidence[0]['note']), (T, [bad['id']], 'two machines call out'), 'evidence: the ticket as a whole')
t.ok('evil.example' in json.dumps(evidence[1]['matched']) and '10.0.0.1' in evidence[1]['matched']['event'], 'and what matched, with the event', evidence[1])
t.same([x['number'] for x in n.get(f'/api/v1/tickets/{T}').json()['incidents']], [N], 'the ticket refers to it')
t.ok('raise' in json.dumps([f['kind'] for f in n.get(f'/api/v1/tickets/{T}/facts').json()['facts']]), 'as a fact')
r = n.cli('ticket', 'raise', '@', T)
t.ok(r.status == 2 and N in r.err, 'once', r)
t.same(n.post('/api/v1/tickets/2026-999999/incident', {}).status, 404, 'no such ticket')

# --- observables, and back to detection ---
seen = lambda: {o['value']: o for o in n.get(f'/api/v1/incidents/{N}/observables').json()['observables']}
t.same({k: (o['kind'], o['role']) for k, o in seen().items()}, {'evil.example': ('domain', 'attacker'), 'fw1': ('host', 'victim'), '10.0.0.1': ('ipv4', 'unknown'),
                                                              '192.0.2.9': ('ipv4', 'unknown')}, 'what the ticket saw')
for tail in (('198.51.100.77', '--role', 'attacker', '--tlp', 'green', '--note', 'command server'),
             ('198.51.100.78', '--role', 'attacker', '--tlp', 'red'), ('hxxps://drop[.]example/fw1/x', '--role', 'attacker', '--note', 'names a host of ours'),
             ('198.51.100.79', '--role', 'attacker', '--note', 'asks for FW1 by name'), ('hospital.example', '--role', 'victim')):
    t.same(n.cli('incident', 'observable', 'add', '@', N, *tail).status, 0, f'added: {tail[0]}')
t.ok(n.cli('incident', 'observable', 'add', '@', N, 'no value at all').status == 2, 'no value')
t.ok(n.cli('incident', 'observable', 'add', '@', N, 'x.example', '--role', 'friend').status == 2, 'no role')
t.has(n.cli('incident', 'observable', 'list', '@', N).out, '198.51.100.77', 'listed for people')
r = n.cli('incident', 'publish-indicators', '@', N, '--tlp', 'green', '--redact', 'creator,time', '--json')
v = r.json()
t.same({o['value'] for o in v['published']}, {'198.51.100.77', '198.51.100.79', 'evil.example'}, 'published')
why = {o['value']: o['why'] for o in v['left_out']}
t.ok('marking' in why['198.51.100.78'] and 'victim' in why['https://drop.example/fw1/x'] and 'attacker' in why['10.0.0.1'], 'the others not, each with its reason', why)
ids = {o['value']: o['indicator'] for o in v['published']}
objects = {o['id']: o for o in n.cli('search', '@', '--type', 'indicator', '--json').json()['objects']}
o = objects[ids['198.51.100.77']]
t.same((o['pattern'], o.get('created_by_ref'), o['created'][10:], o['object_marking_refs'], o['description'], 'external_references' in o),
       ("[ipv4-addr:value = '198.51.100.77']", None, 'T00:00:00.000Z', [TLP['green']], 'command server', False), 'marked, without its maker, its time, or the incident')
whole = json.dumps([objects[i] for i in ids.values()], ensure_ascii=False).lower()
t.ok(not [x for x in ('fw1', 'hospital', '市立醫院', N, '10.0.0.1', 'plant') if x.lower() in whole], 'and not a word about the victim', whole)
before = len(tickets())
t.ok(wait_until(lambda: (put(dict(eve('quiet.example', '10.0.0.8'), dest_ip='198.51.100.77')), len(tickets()) > before)[1], every=0.2), 'what was published is looked for at once')
r = n.cli('incident', 'publish-indicators', '@', N, '--tlp', 'green', '--json')
t.same((r.json()['published'], 'already' in {o['value']: o['why'] for o in r.json()['left_out']}['198.51.100.77']), ([], True), 'once')
r = n.cli('incident', 'publish-indicators', '@', N, '--tlp', 'red', '--value', '198.51.100.78', '--json')
i = r.json()['published'][0]['indicator']
objects = {o['id']: o for o in n.cli('search', '@', '--type', 'indicator', '--json').json()['objects']}
t.same(objects[i]['external_references'], [{'source_name': 'lianfang-incident', 'external_id': N}], 'where all who see it may see incidents, it refers to this one')
for tail, says in ((('--redact', 'pattern'), 'pattern'), (('--tlp', 'pink'), 'tlp'), (('--collection', 'no/where'), '')):
    r = n.cli('incident', 'publish-indicators', '@', N, *tail)
    t.ok(r.status == 2 and says in r.err, f'refused: {tail}', r)
drill = n.post('/api/v1/incidents', {'title': 'drill', 'exercise': True}).json()['number']
t.same(n.post(f'/api/v1/incidents/{drill}/indicators', {}).status, 409, 'nothing of a drill')

# Whoever publishes again after a crash, or two at a time, publish nothing twice.
Q = n.post('/api/v1/incidents', {'title': 'many values', 'facts': [{'type': 'observable', 'kind': 'ipv4', 'value': f'203.0.113.{k}', 'role': 'attacker'} for k in range(1, 41)]}).json()['number']
published = lambda: collections.Counter(o['name'] for o in n.cli('search', '@', '--type', 'indicator', '--limit', '1000', '--json').json()['objects'] if o['name'].startswith('203.0.113.'))


def publish_all(k):
    try:
        return n.post(f'/api/v1/incidents/{Q}/indicators', {'tlp': 'green'})
    except OSError:
        return None


for k in range(3):
    threads = [threading.Thread(target=publish_all, args=(m,)) for m in range(3)]
    for th in threads:
        th.start()
    time.sleep(0.02 * k)
    os.kill(n.core(), signal.SIGKILL)
    for th in threads:
        th.join()
    n.stop()
    n.start()
t.ok(publish_all(0).status == 200 and set(published().values()) == {1} and len(published()) == 40, 'kills while it is published: each value once', published())
named = [o.get('indicator') for o in n.get(f'/api/v1/incidents/{Q}/observables').json()['observables']]
t.ok(None not in named and len(set(named)) == 40, 'and each is stated', named)

# --- what is marked is for those who may see it ---
n.cli('user', 'add', '@', 'amber', '--role', 'reader', '--tlp', 'amber', '--password-stdin', stdin=PASSWORD + '\n')
amber = basic('amber', PASSWORD)
red = n.get(f'/api/v1/incidents/{N}/observables', auth=amber).json()['observables']
t.same(('198.51.100.78' in [o['value'] for o in red], '198.51.100.77' in [o['value'] for o in red]), (False, True), 'a value that is RED is not listed for others')
text = n.get(f'/api/v1/incidents/{N}/facts', auth=amber).body
x = n.post(f'/api/v1/incidents/{N}/facts', {'type': 'evidence', 'tlp': 'red', 'note': 'a source of ours'})
t.same(x.status, 200, 'evidence that is RED')
file = n.get(f'/api/v1/incidents/{N}/export', auth=amber)
t.ok(file.status == 200 and b'a source of ours' not in file.body and b'evidence' in file.body, 'is in no file for others', file)
t.ok(b'198.51.100.78' not in text and b'withheld' in text and b'198.51.100.77' in text, 'nor told by the facts, but that there is one')

# --- forms: many of one base of facts ---
v = n.post('/api/v1/incidents', {'title': 'mail <b>leak</b>', 'packs': ['tw-2026', 'eu-nis2'], 'facts': [{'type': 'aware', 'claimed': '2026-02-27T15:30:00Z'}]}).json()
F = v['number']
form = lambda name, pack='': n.get(f'/api/v1/incidents/{F}/forms/{name}' + (f'?pack={pack}' if pack else '')).json()
n.cli('org', 'add', '@', '--name', '市立醫院')
r = n.cli('incident', 'form', '@', F)
t.ok(r.status == 0 and 'first-report' in r.out and 'early-warning' in r.out, 'the forms of both laws', r)
first = form('first-report')
t.same(first['missing'], ['description', 'items', 'measures', 'support'], 'what the first report lacks')
values = {f['id']: f['value'] for f in first['fields']}
t.same((values['organisation'], values['claimed']), ('市立醫院', '2026-02-27 23:30 (Asia/Taipei) 民國 115 年 2 月 27 日'), 'and what the facts fill in')
n.cli('report', '@', F, '--level', '3', '--note', 'mailbox read by strangers')
n.cli('incident', 'state', '@', F, 'level', '--items', write('items3.json', [{'target': 'information', 'coreness': 'core', 'effect': 'leak', 'severity': 'serious'}]), '--grounds', 'all patients')
r = n.cli('incident', 'fill', '@', F, 'measures_taken=accounts locked', 'support=無', 'cross_border=no')
t.same(r.status, 0, 'people fill in the rest')
first = form('first-report')
t.same((first['missing'], first['complete']), ([], True), 'then it is whole')
values = {f['id']: f for f in first['fields']}
t.ok('第三級' in values['items']['parts'][0]['value'] and 'all patients' in values['items']['parts'][0]['value'] and '洩漏' in values['items']['parts'][1]['value'], 'the level with its grounds', values['items'])
t.same(values['description']['value'], 'mailbox read by strangers', 'the description from the report')
eu = form('early-warning')
t.same((eu['missing'], {f['id']: f['value'] for f in eu['fields']}['cross_border']), (['suspected'], 'no'), 'the same facts in the form of another law')
r = n.cli('incident', 'state', '@', F, 'contained')
r = n.cli('incident', 'state', '@', F, 'final_report')
t.ok(r.status == 2 and 'lacks' in r.err and '(cause)' in r.err and '(schedule)' in r.err and '(scope)' in r.err, 'a final report that is not whole is refused, and what it lacks named', r)
EVIL = '<script>alert(1)</script>\u202efdp.exe\u202c&"\x07 done'
n.cli('incident', 'fill', '@', F, 'scope=12 mailboxes', 'control_course=reset', 'cause=' + EVIL, 'measures=two factors', 'schedule=@' + write('schedule.txt', 'June, by audit'))
page = n.cli('incident', 'form', '@', F, 'final-report', '--html')
t.ok('<script>' not in page.out and '&lt;script&gt;' in page.out and '\u202e' not in page.out and '\x07' not in page.out and 'mail &lt;b&gt;leak' in page.out, 'a page without scripts and tricks', page)
reply = n.get(f'/api/v1/incidents/{F}/forms/final-report?format=html')
t.ok("default-src 'none'" in str(reply.headers) and 'text/html' in str(reply.headers), 'served so that nothing in it could run', reply.headers)
t.has(n.cli('incident', 'form', '@', F, 'final-report').out, '12 mailboxes', 'as text')
r = n.cli('incident', 'state', '@', F, 'final_report', '--json')
t.same((r.status, r.json()['state'] if r.status == 0 else r.err), (0, 'final_submitted'), 'now it is taken')
t.ok([f['value'] for f in form('final-report')['fields'] if f['id'] == 'course'][0].count('\n') >= 4, 'with the course of things', form('final-report'))
for body in ({'entries': {'nonsense': 'x'}}, {'entries': {}}, {'entries': {'scope': 1}}, {'entries': {'scope': 'x' * 17000}}):
    t.same(n.post(f'/api/v1/incidents/{F}/entries', body).status, 400, 'refused: ' + str(body)[:40])
t.same((n.get(f'/api/v1/incidents/{F}/forms/none').status, n.cli('incident', 'form', '@', F, 'none').status), (404, 1), 'no such form')
t.has(n.cli('incident', 'form', '@', drill, 'first-report', '--html').out, '演練 EXERCISE', 'a drill says so on paper')

# --- who needs to know what ---
n.configure('[desk]\nroles = ivy=investigator rex=responder rita=reviewer police=investigator')
n.stop()
n.start()
for name, org in (('ivy', 'cib'), ('rex', 'mssp'), ('rita', 'moea')):
    n.cli('user', 'add', '@', name, '--role', 'analyst', '--tlp', 'red', '--org', org, '--password-stdin', stdin=PASSWORD + '\n')
ivy, rex, rita = (basic(x, PASSWORD) for x in ('ivy', 'rex', 'rita'))
t.same(n.get(f'/api/v1/incidents/{F}', auth=ivy).status, 404, 'whoever was not asked sees nothing of it')
r = n.cli('dispatch', '@', F, '--action', 'forensic_request', '--to', 'cib', '--by', 'authority', '--note', 'who did it?', '--until', '2099-01-01T00:00:00Z', '--json')
t.ok(r.status == 0 and 'acknowledge' in clocks(r.json()), 'somebody is asked', r)
t.has(n.cli('dispatch', '@', F).err, '--note', 'for what?')
r = n.cli('dispatch', '@', F, '--action', 'arrest', '--to', 'cib', '--by', 'authority', '--note', 'who did it?')
t.ok(r.status == 2 and "no pack has the action 'arrest'" in r.err, 'one of the actions of the packs', r)
seen = n.get(f'/api/v1/incidents/{F}/facts', auth=ivy).json()['facts']
t.ok({f['type'] for f in seen} == {'aware', 'reported', 'level', 'dispatched'}, 'then those facts that its role needs, and no others', [f['type'] for f in seen])
v = n.get(f'/api/v1/incidents/{F}', auth=ivy).json()
t.same(([c['id'] for x in v['views'] for c in x['clocks']], 'alarms' in v), ([], False), 'and the clocks on which it has to act')
for path_ in ('', '/' + F + '/forms', '/' + F + '/forms/final-report', '/' + drill):
    t.ok(n.get('/api/v1/incidents' + path_, auth=ivy).status in (403, 404), 'not: /incidents' + path_)
for what in ('merge', 'split', 'indicators', 'entries'):
    t.ok(n.post(f'/api/v1/incidents/{F}/{what}', {'into': drill, 'title': 'x', 'facts': ['x'], 'entries': {'scope': 'x'}}, auth=ivy).status in (400, 404), f'nor {what}')
t.same([f['action'] for f in seen if f['type'] == 'dispatched'], ['forensic_request'], 'what is asked of it')
asked = [f['id'] for f in seen if f['type'] == 'dispatched'][0]
r = n.post(f'/api/v1/incidents/{F}/facts', {'type': 'acknowledged', 'ref': asked}, auth=ivy)
t.same(r.status, 200, 'it answers')
t.same([f['by'] for f in n.get(f'/api/v1/incidents/{F}/facts', auth=ivy).json()['facts'] if f['type'] == 'acknowledged'], ['investigator'], 'as what it is')
t.same(n.post(f'/api/v1/incidents/{F}/facts', {'type': 'reviewed', 'level': 1, 'by': 'reviewer'}, auth=ivy).status, 403, 'and not as another')
t.same(n.post(f'/api/v1/incidents/{F}/facts', {'type': 'reviewed', 'level': 1}, auth=ivy).status, 400, 'nor what its role may not state')
t.same(n.get(f'/api/v1/incidents/{F}', auth=rex).status, 404, 'others are not asked')
t.ok(n.get(f'/api/v1/incidents/{F}', auth=rita).json()['alarms'] is not None and n.get('/api/v1/incidents', auth=rita).status == 200, 'a reviewer sees everything')
t.same(n.post(f'/api/v1/incidents/{F}/facts', {'type': 'reviewed', 'level': 3}, auth=rita).json()['level'], 3, 'and reviews')

# What the public may know.
public = {'public_' + k: 'x' for k in ('cause', 'impact', 'control', 'follow_up')}
w = n.post('/api/v1/incidents', {'title': 'for the public', 'packs': ['tw-2026'], 'facts': [{'type': 'aware'}, {'type': 'level', 'level': 2}, {'type': 'reported'}]}).json()['number']
publish = lambda entries: n.post(f'/api/v1/incidents/{w}/facts', {'type': 'published', 'by': 'authority', 'entries': entries})
r = publish(public)
t.ok(r.status == 400 and b'major' in r.body, 'a lesser incident is not published', r)
n.post(f'/api/v1/incidents/{w}/facts', {'type': 'reviewed', 'level': 3, 'by': 'authority', 'grounds': 'serious'})
r = publish({k: v for k, v in public.items() if k != 'public_control'})
t.ok(r.status == 400 and b'Status of control' in r.body, 'nor one that leaves out what the law wants', r)
t.same(publish(public).status, 200, 'a major one is')
t.same(n.post(f'/api/v1/incidents/{w}/facts', {'type': 'published', 'by': 'reporter', 'entries': public}).status, 400, 'not by who reported it')

# The same between nodes: one that is asked gets what its role needs, and nothing that is marked.
cib = Node('cib', 'provider').start()
n.cli('peer', 'add', '@', 'police', '--relation', 'child', '--cert', cib.fingerprint, '--url', cib.url(), '--tlp', 'amber')
cib.cli('peer', 'add', '@', 'plant', '--relation', 'parent', '--cert', n.fingerprint, '--url', n.url(), '--tlp', 'amber')
v = n.post('/api/v1/incidents', {'title': 'shared with one', 'packs': ['tw-2026'], 'facts': [{'type': 'aware'}, {'type': 'meeting'}]}).json()
S = v['number']
n.cli('incident', 'fill', '@', S, 'cause=ours to know')
n.cli('incident', 'observable', 'add', '@', S, '203.0.113.9', '--role', 'attacker', '--tlp', 'red')
n.cli('incident', 'observable', 'add', '@', S, '203.0.113.8', '--role', 'attacker', '--tlp', 'green')
n.cli('dispatch', '@', S, '--to', 'police', '--by', 'authority', '--note', 'who?')
there = lambda: [f['type'] for f in (cib.get(f'/api/v1/incidents/{v["id"]}/facts').json() or {}).get('facts', [])]
t.ok(wait_until(lambda: 'dispatched' in there()), 'a node below is asked', (there(), cib.text()[-600:], n.text()[-600:]))
time.sleep(0.5)
t.same(sorted(there()), ['aware', 'dispatched', 'observable'], 'and gets what its role needs')
t.ok('203.0.113.9' not in cib.get(f'/api/v1/incidents/{v["id"]}/facts').body.decode(), 'but not what is marked')
t.done()
