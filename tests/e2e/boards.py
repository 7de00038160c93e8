#!/usr/bin/env python3
"""Situation boards: every number equals what the exported incidents, facts and tickets give when added up plainly; the rows behind
it, its CSV, its formula; who may see it; and the stream of facts by which pages know that it changed."""
import csv, datetime, io, math, random, threading

from harness import *

t = Tap()
random.seed(7)
UTC = datetime.timezone.utc
NOW = datetime.datetime.now(UTC)
Z = 1.959963984540054


def ago(**span):
    return (NOW - datetime.timedelta(**span)).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def when(text):
    return datetime.datetime.fromisoformat(text.replace('Z', '+00:00')) if text else None


n = Node('centre', tier='sector', org='Water ISAC', conf='[desk]\nfigures = yes\n')
n.start()
n.post('/api/v1/organisations', {'id': 'centre', 'name': 'Water ISAC', 'sector': 'water', 'region': 'TW-TPE', 'tier': 'sector'})
for i in range(9):
    t.same(n.post('/api/v1/organisations', {'id': f'm{i}', 'name': f'Member {i}', 'sector': ['water', 'energy', 'finance'][i % 3], 'region': ['TW-TPE', 'TW-KHH'][i % 2]}).status, 201, f'member {i} is registered')

# --- half a year of incidents, as people would state them ---
HOURS = ['reported', 'reviewed', 'contained', 'recovered', 'final_report']
for i in range(40):
    aware = NOW - datetime.timedelta(days=random.uniform(0.2, 170))
    facts, at = [{'type': 'aware', 'claimed': aware.isoformat(), 'subject': 'government', **({'first_event': (aware - datetime.timedelta(hours=random.uniform(0, 90))).isoformat()} if i % 2 else {})}], aware
    if i % 5:
        facts.append({'type': 'level', 'level': random.choice([1, 1, 1, 2, 2, 3, 4]), 'claimed': aware.isoformat()})
    for step in HOURS[:random.randint(0, 5)]:
        at += datetime.timedelta(hours=random.choice([0.4, 0.8, 2, 9, 30]))
        if at < NOW:
            facts.append({'type': step, 'claimed': at.isoformat(), 'by': 'reviewer' if step == 'reviewed' else 'reporter', **({'level': 2, 'grounds': 'as said'} if step == 'reviewed' else {}),
                          **({'entries': {k: 'as it was' for k in ('scope', 'control_course', 'cause', 'measures', 'schedule')}} if step == 'final_report' else {})})
    made = n.post('/api/v1/incidents', {'title': f'Incident {i}', 'packs': ['tw-2026'], 'exercise': i % 13 == 5, 'facts': facts[:1]})
    if not t.ok(made.status == 201, f'incident {i} is opened', made.body) if made.status != 201 else False:
        break
    number = made.json()['number']
    for f in facts[1:]:
        r = n.post(f'/api/v1/incidents/{number}/facts', f)
        if r.status != 200:
            t.ok(False, f"fact {f['type']} of incident {i}", r.body)
n.post('/api/v1/incidents/' + number + '/facts', {'type': 'dismissed', 'grounds': 'it was none'})


def export():
    """All incidents as anybody may read them: view and facts."""
    out, after = [], ''
    while True:
        page = n.get('/api/v1/incidents?all=true&order=newest&limit=25' + (f'&after={after}' if after else '')).json()
        for row in page['incidents']:
            one = n.get(f"/api/v1/incidents/{row['number']}").json()
            one['facts_of'] = n.get(f"/api/v1/incidents/{row['number']}/facts").json()['facts']
            out.append(one)
        after = page.get('next')
        if not after:
            return [i for i in out if not i['exercise'] and i['state'] not in ('false_alarm', 'merged')]


def first(i, kind):
    times = [when(f['claimed'] if 'claimed' in f else f['at']) for f in i['facts_of'] if f['type'] == kind]
    return min(times) if times else None


def quantile(values, part):
    return sorted(values)[max(1, math.ceil(part * len(values))) - 1]


def wilson(hits, m):
    p = hits / m
    mid, half = (p + Z * Z / (2 * m)) / (1 + Z * Z / m), Z / (1 + Z * Z / m) * math.sqrt(p * (1 - p) / m + Z * Z / (4 * m * m))
    return (0 if hits == 0 else mid - half), (1 if hits == m else mid + half)


def board(name, **query):
    query = {'limit': 20000, **query}
    r = n.get(f'/api/v1/boards/{name}?' + urllib.parse.urlencode(query))
    if not t.ok(r.status == 200, f'board {name} {query}', r.body) if r.status != 200 else False:
        return None
    return r.json()


def cells(b, row):
    return {c['id']: x.get('value', x.get('why')) for c, x in zip(b['columns'], row['cells'])}


def table(b):
    return {row['key']: cells(b, row) for row in b['rows']}


def near(a, b):
    return a == b or (isinstance(a, (int, float)) and isinstance(b, (int, float)) and abs(a - b) <= 1e-6 * max(1, abs(a), abs(b)))


all_boards = n.get('/api/v1/boards').json()['boards']
t.ok(len(all_boards) >= 12 and all(c['formula']['en'] and c['formula']['zh-TW'] for b in all_boards for c in b['columns']),
     'each number of each board has a formula in both languages')
incidents = export()
t.ok(len(incidents) > 25, f'{len(incidents)} incidents that count')

# --- incidents by level, in bins of equal length ---
for days in (1, 7, 28):
    b = board('incidents', bin=days, **{'from': ago(days=175)[:10]})
    rows = b['rows']
    t.ok(all((when(r['until']) - when(r['from'])).days == days for r in rows) and all(when(x['until']) == when(y['from']) for x, y in zip(rows, rows[1:])),
         f'bins of {days}: all of equal length, none left out')
    t.ok([r['running'] for r in rows].count(True) == 1 and rows[-1]['running'], f'bins of {days}: the one that runs is marked, and it alone')
    wrong = []
    since = when(b['since'])
    for r in rows:
        lo, hi = max(when(r['from']), when(b['from'])), min(when(r['until']), when(b['until']))
        mine = [i for i in incidents if lo <= (first(i, 'aware') or when(i['opened'])) < hi]
        got = cells(b, r)
        level = lambda k: sum(1 for i in mine if (i['views'][0]['level']['overall'] or 0) == k)
        want = {'incidents': len(mine), 'level1': level(1), 'level2': level(2), 'level3': level(3), 'level4': level(4), 'none': level(0), 'members': min(1, len(mine))}
        if when(r['until']) <= since:
            want = {k: v or 'no-report' for k, v in want.items()}
        wrong += [(r['key'], k, got[k], v) for k, v in want.items() if got[k] != v]
    t.ok(not wrong, f'bins of {days}: every number is what the incidents give', wrong[:5])
b = board('incidents')
t.ok(any(cells(b, r)['incidents'] == 'no-report' for r in b['rows']), 'a week before the node kept records has no report, which is not nought')
t.same(b['pack'], 'tw-2026', 'one law, and the board names it')

# --- clocks ---
span = {'from': ago(days=175), 'until': ago(seconds=-1)}
b = board('clocks', **span)
want = {}
for i in incidents:
    for c in i['views'][0]['clocks']:
        start = when(c['start'])
        if c['verdict'] == 'void' or not (when(b['from']) <= start < when(b['until'])):
            continue
        x = want.setdefault(c['id'], {'met': 0, 'late': 0, 'running': 0})
        late = c['verdict'] == 'breached' or (c['verdict'] == 'running' and c['due'] and when(c['due']) < when(b['as_of']))
        x['late' if late else 'met' if c['verdict'] == 'met' else 'running'] += 1
got = {k: {m: v[m] for m in ('met', 'late', 'running')} for k, v in table(b).items()}
t.same(got, want, 'clocks: in time, late, running are what the incidents say')
wrong = []
for r in b['rows']:
    x, s = want[r['key']], r['cells'][[c['id'] for c in b['columns']].index('share')]
    if x['met'] + x['late'] == 0:
        wrong += [] if s.get('why') == 'empty' else [s]
    else:
        lo, hi = wilson(x['met'], x['met'] + x['late'])
        wrong += [] if near(s['value'], x['met'] / (x['met'] + x['late'])) and near(s['low'], lo) and near(s['high'], hi) else [(r['key'], s, lo, hi)]
t.ok(not wrong, 'clocks: share in time with its Wilson interval, empty when nothing was settled', wrong)
t.ok(any('zh-TW' in w for w in b['words'].values()) and set(b['words']) == set(want), 'clocks have the words of their law')

# --- times ---
b = board('times', **span)
SPANS = {'MTTK': (None, 'aware'), 'MTTN': ('aware', 'reported'), 'MTTR': ('reported', 'reviewed'), 'MTTC': ('aware', 'contained'), 'MTTI': ('contained', 'final_report')}
wrong = []
for key, (a, z) in SPANS.items():
    values = []
    for i in incidents:
        begin = first(i, a) if a else min([when(f['first_event']) for f in i['facts_of'] if f.get('first_event')], default=None)
        end, at = first(i, z), first(i, 'aware') or when(i['opened'])
        if begin and end and end >= begin and when(b['from']) <= at < when(b['until']):
            values.append((end - begin).total_seconds())
    got = table(b)[key]
    mine = {'incidents': len(values), 'median': quantile(values, .5) if values else 'empty', 'p90': quantile(values, .9) if values else 'empty'}
    wrong += [(key, k, got[k], v) for k, v in mine.items() if not near(got[k], v)]
t.ok(not wrong, 'times: number, median and p90 by nearest rank are what the facts give', wrong)
t.ok(not any('mean' in c['id'] or 'average' in c['id'] for c in b['columns']), 'no mean stands alone')

# --- sectors and counties ---
orgs = n.get('/api/v1/organisations?limit=1000').json()['entries']
for name, member in (('sectors', 'sector'), ('counties', 'region')):
    b = board(name, **span)
    mine = [i for i in incidents if when(b['from']) <= (first(i, 'aware') or when(i['opened'])) < when(b['until'])]
    own = 'water' if member == 'sector' else 'TW-TPE'
    wrong = []
    for key in {o.get(member) for o in orgs if o.get(member)}:
        have, k = sum(1 for o in orgs if o.get(member) == key), len(mine) if key == own else 0
        got = table(b)[key]
        hits = 1 if k else 0
        want = {'incidents': k, 'registered': have, 'hit': hits, 'rate': 100 * k / have, 'share': hits / have}
        wrong += [(key, c, got[c], v) for c, v in want.items() if not near(got[c], v)]
    t.ok(not wrong, f'{name}: counts, rate per 100 members and share hit', wrong)
    t.ok(all('low' in x and x['low'] <= x['value'] <= x['high'] for r in b['rows'] for c, x in zip(b['columns'], r['cells']) if c['unit'] in ('share', 'rate') and 'value' in x),
         f'{name}: every rate and share has an interval around it')
t.same(table(board('sectors', sector='energy', **span)).get('water'), None, 'a filter leaves the others out')

# --- the rows behind a number, CSV ---
b = board('incidents', bin=28)
bad = []
for r in b['rows']:
    for c, x in zip(b['columns'], r['cells']):
        if not x.get('value') or c['id'] == 'members':
            continue
        behind = n.get('/api/v1/boards/incidents/rows?' + urllib.parse.urlencode({'row': r['key'], 'column': c['id'], 'bin': 28})).json()
        bad += [] if behind['count'] == x['value'] == len({i['number'] for i in behind['records']}) else [(r['key'], c['id'], x, behind['count'])]
t.ok(not bad, 'as many records are behind each number as it says', bad[:5])
r = n.get('/api/v1/boards/clocks?format=csv&lang=zh-TW&' + urllib.parse.urlencode(span))
lines = list(csv.reader(io.StringIO(r.body.decode())))
b = board('clocks', **span)
t.same(r.headers['Content-Type'], 'text/csv; charset=utf-8', 'CSV says so')
t.ok(len(lines) == len(b['rows']) + 1 and len({len(x) for x in lines}) == 1 and lines[0][0] == '時限', 'CSV has the same rows and a header in the language asked for', lines[:2])
t.ok(all([int(x) for x in line[1:4]] == [cells(b, row)[k] for k in ('met', 'late', 'running')] for line, row in zip(lines[1:], b['rows'])), 'CSV has the same numbers')
t.ok(all(line[-2].startswith('/api/v1/boards/clocks?from=') and when(line[-1]) for line in lines[1:]), 'every line of the CSV tells the question and when it was answered')
again = n.get(lines[1][-2]).json()
t.same([r['cells'][0] for r in again['rows']], [r['cells'][0] for r in b['rows']], 'the question of a CSV, put again, gives the same')
t.same(n.get('/api/v1/boards/nothing').status, 404, 'no such board')
t.same(n.get('/api/v1/boards/clocks/rows?row=K1&column=nothing').status, 404, 'no such column')
t.same(n.get('/api/v1/boards/incidents?bin=30').status, 400, 'months are not of equal length: no such bin')
t.same(n.get('/api/v1/boards/incidents?from=2026-02-01&until=2026-01-01').status, 400, 'a period that ends before it begins')
t.same(n.get('/api/v1/boards/incidents?pack=none').status, 400, 'no such law')

# --- members, silence ---
b = board('members')
t.ok(len(b['rows']) == 10 and all(cells(b, r)['state'] == 'unknown' for r in b['rows']), 'members that were never heard are unknown, not well', table(b))

# --- who may see ---
n.post('/api/v1/users', {'name': 'stranger', 'role': 'reader', 'password': PASSWORD, 'tlp_max': 'green'})
stranger = basic('stranger', PASSWORD)
t.same(n.get('/api/v1/boards/incidents', auth=stranger).status, 404, 'who may not see incidents sees no boards')
t.same(n.get('/api/v1/boards/incidents', auth=None).status, 401, 'nor does who is not signed in')

# --- live ---


def listen(auth, into):
    c = n.connection(timeout=20)
    c.request('GET', '/api/v1/stream', headers={'Authorization': auth})
    r = c.getresponse()
    into.append((time.monotonic(), 'open', r.getheader('Content-Type')))
    while True:
        line = r.fp.readline() if not r.chunked else r.readline()
        if not line:
            return
        if line.startswith(b'data: '):
            into.append((time.monotonic(), 'change', json.loads(line[6:])))


heard, strangers = [], []
for auth, into in ((n.auth, heard), (stranger, strangers)):
    threading.Thread(target=listen, args=(auth, into), daemon=True).start()
t.ok(wait_until(lambda: len(heard) > 1 and len(strangers) > 1), 'streams open', heard, strangers)
t.ok(heard[0][2].startswith('text/event-stream'), 'it is an event stream')
before, mark = len(heard), time.monotonic()
number = n.post('/api/v1/incidents', {'title': 'Now', 'packs': ['tw-2026'], 'facts': [{'type': 'aware'}]}).json()['number']
t.ok(wait_until(lambda: any('incident' in e[2].get('topics', []) for e in heard[before:])), 'the stream says that an incident came', heard)
late = [e for e in heard[before:] if 'incident' in e[2].get('topics', [])][0]
t.note(f'told {(late[0] - mark) * 1000:.0f} ms after the request began')
t.ok(any(f['kind'] == 'incident.aware' for f in late[2]['facts']), 'administrators learn the facts')
t.same(late[2]['pulse'], n.get('/api/v1/pulse').json()['pulse'], 'the pulse is the one of /pulse')
now = table(board('incidents'))
t.ok(list(now.values())[-1]['incidents'] >= 1 and list(now.values())[-1]['none'] >= 1, 'and the board has it at once', now)
t.ok(wait_until(lambda: len(strangers) > 2) and all(set(e[2]) == {'pulse'} for e in strangers[1:]), 'who sees nothing of the desk learns that something changed, and not what', strangers)

# --- the report ---
day = (NOW - datetime.timedelta(days=35)).strftime('%Y-%m-%d')
r = n.get(f'/api/v1/reports/situation?period=month&date={day}')
rep = r.json()
t.ok(when(rep['from']) <= when(day + 'T12:00:00Z') < when(rep['until']) and rep['over'] and len(rep['parts']) == 3, 'the monthly report is of the month of that day: before, during, after', rep['from'], rep['until'])
bad = []
for part in rep['parts']:
    for b in part['boards']:
        again = n.get(b['query'] + '&limit=200').json()
        bad += [b['board']] if b['board'] not in ('feeds', 'members') and [x['cells'] for x in again['rows']] != [x['cells'] for x in b['rows']] else []
t.ok(not bad, 'every table of the report is what its own question gives', bad)
mine = [i for i in incidents if when(rep['from']) <= (first(i, 'aware') or when(i['opened'])) < when(rep['until'])]
t.same(rep['summary'][0]['value'], len(mine), 'its first number is what the incidents give')
for lang, word in (('zh-TW', '資安態勢月報'), ('en', 'Monthly situation report')):
    h = n.get(f'/api/v1/reports/situation?period=month&date={day}&format=html&lang={lang}&base=https://isac.example')
    text = h.body.decode()
    t.ok(h.status == 200 and word in text and '<script' not in text and text.count('https://isac.example/console/boards/') > 20 and 'unsafe-inline' not in h.headers['Content-Security-Policy'],
         f'as a page in {lang}: no script, and numbers link to their records', text[:300])
for query in ('period=year', 'date=tomorrow', 'format=doc', 'base=javascript:1'):
    t.same(n.get('/api/v1/reports/situation?' + query).status, 400, f'a report of {query} is refused')
t.same(n.get('/api/v1/reports/situation', auth=stranger).status, 404, 'who sees no incidents gets no report')
for name, args in (('week.pdf', ['--weekly', '--report-lang', 'zh-TW']), ('month.pdf', ['--monthly', '--date', day, '--report-lang', 'en', '--base', 'https://isac.example'])):
    began = time.monotonic()
    done = n.cli('situation', 'report', n.dir, *args, '-o', path(name))
    pdf = read(path(name)) if os.path.exists(path(name)) else b''
    t.ok(done.status == 0 and pdf.startswith(b'%PDF-') and pdf.rstrip().endswith(b'%%EOF') and len(pdf) > 5000, f'{name}: {len(pdf)} bytes in {time.monotonic() - began:.2f} s', done)
    if shutil.which('pdftotext') and pdf:
        text = subprocess.run(['pdftotext', '-layout', path(name), '-'], capture_output=True, text=True).stdout
        want = ['資安態勢週報', '事前', '事中', '事後', '/api/v1/boards/'] if 'week' in name else ['Monthly situation report', 'Before', 'During', 'After', '/api/v1/boards/']
        t.ok(all(w in text for w in want), f'{name}: its text can be read and searched', text[:500])
done = n.cli('situation', 'report', n.dir, '--monthly', '--date', day, '-f', 'json')
t.same(done.json()['summary'], rep['summary'], 'and as JSON from the command line')

# --- public figures ---
p = n.get('/public', auth=None)
t.ok(p.status == 200 and b'<script' not in p.body and "default-src 'none'" in p.headers['Content-Security-Policy'], 'the public page needs neither account nor script', p)
f = n.get('/public/figures.json', auth=None).json()
told = [x for b in f['boards'] for r in b['rows'] for x in r['cells']]
t.ok(all(x.get('value', 0) == 0 for x in told) and any(x.get('why') == 'hidden' for x in told), 'one member alone: no number is told, and it says that there is one', told[:9])
t.ok(not any(r['running'] for r in f['boards'][0]['rows']), 'only whole weeks')
t.ok('少於 3' in n.get('/public?lang=zh', auth=None).body.decode() and 'fewer than 3' in n.get('/public?lang=en', auth=None).body.decode(), 'in both languages')
t.same([n.get(x, auth=None).status for x in ('/public/style.css', '/public/nothing')], [200, 404], 'its style; nothing else')
t.same(n.request('DELETE', '/public', auth=None).status, 405, 'nothing but reading')

# --- after a restart the same ---
old = {name: table(board(name, **span)) for name in ('incidents', 'clocks', 'times', 'sectors')}
n.stop()
n.start()
t.same({name: table(board(name, **span)) for name in old}, old, 'a restarted node tells the same')
n.stop()
t.done()
