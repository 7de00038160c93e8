#!/usr/bin/env python3
"""The desk: an incident from awareness to closing, by command and by REST; who may state what; alarms that come once, whatever
happens to the node; drills that say so."""
from harness import *

t = Tap()


def ago(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - seconds))


def clocks(view, pack=0):
    return {k['id']: k for k in view['views'][pack]['clocks']}


n = Node('water', 'provider').start()
r = n.cli('incident', 'open', '@', '-t', 'historian encrypted', '--aware', ago(1810), '--pack', 'tw-2026', '--pack', 'eu-nis2', '--json')
v = r.json()
t.same((r.status, v['state'], [x['pack'] for x in v['views']]), (0, 'aware', ['tw-2026', 'eu-nis2']), 'opened under two laws')
number = v['number']
t.ok(re.fullmatch(r'20\d\d-000001', number), 'with a number of this year', number)
t.ok(1700 < clocks(v)['K1']['seconds_left'] < 1800 and clocks(v, 1)['early-warning']['verdict'] == 'running', 'both run', v)
r = n.cli('incident', 'list', '@')
t.ok(number in r.out and 'historian' in r.out and r.status == 0, 'listed for people', r)
t.ok(wait_until(lambda: len(n.get(f'/api/v1/incidents/{number}').json()['alarms']) == 1), 'half of the hour is gone: an alarm')
t.has(n.text(), 'has used 50 %', 'which the log tells')

r = n.cli('report', '@', number, '--level', '4', '--json')
t.same((r.status, r.json()['state'], clocks(r.json())['K1']['verdict'], clocks(r.json())['K5']['seconds_left'] // 60), (0, 'reported', 'met', 119),
       'reported at level 4: the review has two hours')
items = write('items.json', [{'target': 'system', 'coreness': 'core', 'effect': 'outage', 'recovery': 'within'}])
r = n.cli('incident', 'state', '@', number, 'level', '--items', items, '--json')
t.same((clocks(r.json())['K2']['verdict'], r.json()['views'][0]['level']['a'], r.json()['level']), ('running', 2, 2), 'another level: to be reported again within the hour')
r = n.cli('review', '@', number, '--level', '3', '--grounds', 'x')
t.ok(r.status == 2 and 'may not state' in r.err, 'who reports does not review', r)
r = n.cli('review', '@', number, '--level', '3')
t.ok(r.status == 2 and '--grounds' in r.err, 'a review needs grounds', r)
for tail, says in ((('contained', '--claimed', '2099-01-01T00:00:00Z'), 'after it was recorded'), (('dreamt',), "no fact is called 'dreamt': aware"),
                   (('level', '--level', '7'), 'levels 1 to 4'), (('corrected', '--ref', 'none', '--claimed', ago(5)), 'no fact'),
                   (('contained', '--claimed', 'noon'), 'claimed')):
    r = n.cli('incident', 'state', '@', number, *tail)
    t.ok(r.status == 2 and says in r.err, 'refused: ' + ' '.join(tail[:2]), r)
before = n.get(f'/api/v1/incidents/{number}/facts').json()['facts']
t.same(len(before), 3, 'and nothing of it was kept')
aware = before[0]['id']
r = n.cli('incident', 'state', '@', number, 'corrected', '--ref', aware, '--claimed', ago(7300), '--json')
t.same(clocks(r.json())['K1']['verdict'], 'breached', 'it was known earlier: the first report was late')
t.ok(wait_until(lambda: 'is BREACHED' in n.text()), 'a breach that comes to light is told too')
t.same(n.get(f'/api/v1/incidents/{number}?at=' + urllib.parse.quote(before[2]['at'])).json()['views'][0]['clocks'][0]['verdict'], 'met', 'and what was known before can still be shown')
t.same(n.post(f'/api/v1/incidents/{number}/facts', {'type': 'note', 'id': 'n1'}).status, 200, 'a fact with an id of its own')
t.same(len(n.post(f'/api/v1/incidents/{number}/facts', {'type': 'note', 'id': 'n1'}).json()['views']), 2, 'stated twice')
t.same([f['id'] for f in n.get(f'/api/v1/incidents/{number}/facts').json()['facts']].count('n1'), 1, 'is there once')
r = n.post(f'/api/v1/incidents/{number}/facts', {'type': 'contained', 'id': 'n1'})
t.ok(r.status == 409 and "has the id 'n1' and says something else" in r.json()['error']['message'], 'something else under its id is refused, not dropped', r)
t.same([f['type'] for f in n.get(f'/api/v1/incidents/{number}/facts').json()['facts']].count('contained'), 0, 'and not kept')
r = n.get('/api/v1/incidents/2026-999999')
t.ok(r.status == 404 and "no incident '2026-999999'" in r.json()['error']['message'], 'an incident that is not there is named', r)
r = n.post(f'/api/v1/incidents/{number}/facts', {'type': 'note', 'by': 'wizard'})
t.ok(r.status == 400 and "knows no role 'wizard'" in r.json()['error']['message'], 'an unknown role', r)
os.mkfifo(path('pipe'))
reading = subprocess.Popen(['cat', path('pipe')], stdout=subprocess.PIPE)
r = n.cli('incident', 'export', '@', number, '-o', path('pipe'))
t.ok(r.status == 0 and b'</IODEF-Document>' in reading.communicate(timeout=PATIENCE)[0] and os.path.exists(path('pipe')) and not os.path.isfile(path('pipe')),
     'what is written to a pipe or device goes into it, not into its place', r)
t.same(n.get('/api/v1/incidents', auth=None).status, 401, 'not for strangers')
t.same([p['id'] for p in n.get('/api/v1/packs').json()['packs']], ['eu-nis2', 'generic', 'tw-2021', 'tw-2026'], 'packs over REST')
t.same(n.get('/api/v1/packs/tw-2026').json()['levels']['major'], 3, 'and one of them')
r = n.post('/api/v1/incidents', {'title': 'x', 'packs': ['xx-1']})
t.ok(r.status == 400 and 'xx-1' in str(r.json()), 'an unknown pack', r)

# Many at once: numbers without gaps, the queue by time left.
names = [n.post('/api/v1/incidents', {'title': f'case {i}', 'facts': [{'type': 'aware', 'claimed': ago(60 * i)}]}).json() for i in range(20)]
t.same([x['number'][5:] for x in names], [f'{i + 2:06d}' for i in range(20)], 'twenty more, numbered in order')
got, after = [], ''
while True:
    page = n.get('/api/v1/incidents?limit=7' + (f'&after={after}' if after else '')).json()
    got += page['incidents']
    after = page.get('next')
    if not after:
        break
t.ok(len(got) == 21 and (due := [x['due'].rstrip('Z') for x in got]) == sorted(due), 'paged in order of the time left', len(got))

every = {x['number'] for x in got}
for order in 'due', 'newest', 'changed', 'level', 'state':
    seen, after = [], ''
    while after is not None:
        page = n.get(f'/api/v1/incidents?limit=5&order={order}&after={after}').json()
        seen += page['incidents']
        after = page.get('next')
    t.same((len(seen), {x['number'] for x in seen}), (21, every), f'each incident once, ordered by {order}')
t.same([x['number'] for x in n.cli('incident', 'list', '@', '--order', 'level', '--level', '3', '--state', 'aware', '--json').json()['incidents']], [],
       'nobody has a level 3 without a review')
t.same([x['number'] for x in n.get('/api/v1/incidents?order=newest&level=2&exercise=false').json()['incidents']], [number], 'only those of a level')
t.same([n.get('/api/v1/incidents?' + q).status for q in ('order=colour', 'after=7', 'after=1,2,3,x,y', 'level=high')], [400] * 4, 'what is no order, place or level')

r = n.cli('incident', 'open', '@', '-t', 'half-yearly', '--exercise', '--aware', ago(3000))
t.has(r.out, 'EXERCISE 演練', 'a drill says that it is one')
t.ok(wait_until(lambda: '[EXERCISE 演練]' in n.text()), 'in alarms too')


def told():
    """Alarms that the chain holds, by incident, clock and percent."""
    facts = n.get('/api/v1/facts?kind=incident.&limit=10000').json()['facts']
    return [(f['subject'], f['body']['clock'], f['body']['percent']) for f in facts if f['kind'] in ('incident.alarm', 'incident.breach')]


# Killed in the middle, again and again, while clocks run out.
pack = json.loads(run('pack', 'show', 'generic', '--json').out)
pack['id'] = 'quick'
for i, c in enumerate(pack['clocks']):
    c['limits'] = [{'within': 'PT%dS' % (3 + i)}]
write('packs/quick/pack.json', pack)
n.stop()
n.configure(f'[desk]\npacks = {path("packs")}')
n.start()
quick = [n.post('/api/v1/incidents', {'title': f'quick {i}', 'packs': ['quick'], 'facts': [{'type': 'aware'}]}).json()['id'] for i in range(10)]
for _ in range(6):
    time.sleep(0.7)
    n.stop(signal.SIGKILL)
    wait_until(lambda: not n.health(), 1)
    n.start()
want = {(i, p) for i in quick for p in (50, 75, 90, 100)}
t.ok(wait_until(lambda: {(s, p) for s, c, p in told() if s in quick and ' report ' in c} == want), 'every rung of every clock was told through six kills')
t.same(len(told()), len(set(told())), 'and none twice')
t.ok(wait_until(lambda: sum(a['percent'] == 100 for i in quick for a in n.get(f'/api/v1/incidents/{i}').json()['alarms']) == 30), 'three breaches of each: report, details, control')

# Asleep while a clock runs out: told at the start.
sleeper = n.post('/api/v1/incidents', {'title': 'asleep', 'packs': ['quick'], 'facts': [{'type': 'aware'}]}).json()['id']
n.stop()
time.sleep(6)
n.start()
begun = time.monotonic()
t.ok(wait_until(lambda: sum(s == sleeper and p == 100 for s, c, p in told()) == 3), 'what fell due while it was down')
t.ok(time.monotonic() - begun < PATIENCE / 4, 'is told at once: alarms are looked at every second', time.monotonic() - begun)

# An incident whose law is gone does not silence the others.
pack['id'] = 'other'
write('packs/other/pack.json', pack)
n.stop()
n.start()
orphans = [n.post('/api/v1/incidents', {'title': f'orphan {i}', 'packs': ['quick'], 'facts': [{'type': 'aware'}]}).json()['id'] for i in range(3)]
n.stop()
shutil.rmtree(path('packs/quick'))
n.start()
lasting = n.post('/api/v1/incidents', {'title': 'goes on', 'packs': ['other'], 'facts': [{'type': 'aware'}]}).json()['id']
t.ok(wait_until(lambda: sum(s == lasting and p == 100 for s, c, p in told()) == 3), 'an incident whose law is gone does not silence the others')
t.ok(not any(s in orphans and p == 100 for s, c, p in told()), 'of it nothing is told', told())
t.same(n.cli('audit', 'verify', '@').status, 0, 'the chain holds')
t.done()
