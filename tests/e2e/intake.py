#!/usr/bin/env python3
"""The single window: reports of people without an account, by form and by JSON; limits; hostile words; what staff make of them and what the
reporter is told."""
import threading
from harness import *

t = Tap()
closed = Node('closed', 'sector').start()
t.ok(closed.get('/window', auth=None).status in (401, 404) and closed.request('POST', '/window/v1/reports', {'what': 'x'}, auth=None).status in (401, 404, 405), 'off by default')

n = Node('centre', 'sector', org='Hsinchu & <Centre>', conf='[intake]\nenabled = yes\nper_address = 40').start()
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}


def send(what, headers=None, **more):
    return n.request('POST', '/window/v1/reports', {'what': what, **more}, auth=None, headers={'Content-Type': 'application/json', **(headers or {})})


def ask(number, code):
    return n.request('POST', '/window/v1/status', {'number': number, 'code': code}, auth=None, headers={'Content-Type': 'application/json'})


# --- the form: no script, nothing of others, both languages ---
page = n.get('/window', auth=None)
html = page.body.decode()
t.same(page.status, 200, 'a page without an account')
t.ok('<script' not in html and 'javascript' not in html and ' on' not in re.sub(r'content="[^"]*"', '', ''.join(re.findall(r'<[^>]*>', html))), 'without a script', html)
t.ok("default-src 'none'" in page.headers['Content-Security-Policy'] and 'no-store' in page.headers['Cache-Control'] and page.headers['Referrer-Policy'] == 'no-referrer',
     'and none could be put in', page.headers)
t.ok('Hsinchu &amp; &lt;Centre&gt;' in html and '<Centre>' not in html, 'the name of the node is escaped')
t.ok('lang="en"' in html and '通報' in n.get('/window?lang=zh', auth=None).body.decode() and
     '通報' in n.get('/window', auth=None, headers={'Accept-Language': 'zh-TW,zh;q=0.9,en'}).body.decode(), 'in the language that the browser asks for')
t.same(n.get('/window/style.css', auth=None).headers['Content-Type'].split(';')[0], 'text/css', 'its style')
r = n.request('POST', '/window/v1/reports?lang=en', urllib.parse.urlencode({'what': '螢幕出現勒索訊息 ransom note', 'when': 'this morning', 'contact': ''}).encode(), auth=None, headers=FORM)
html = r.body.decode()
found = re.search(r'(R\d{4}-\d{6}).*?((?:[0-9A-Z]{4}-){3}[0-9A-Z]{4})', html, re.S)
t.ok(r.status == 201 and found and '勒索' not in html, 'the form answers with a number and a code, and not with what was written', r)
number, code = found.groups()
t.same(number[5:], '-000001', 'numbered by year')
r = n.request('POST', '/window/v1/status?lang=zh', urllib.parse.urlencode({'number': number, 'code': code.lower().replace('-', ' ')}).encode(), auth=None, headers=FORM)
t.ok(r.status == 200 and '已收件' in r.body.decode() and code not in r.body.decode(), 'the state as a page, the code typed as people type', r)

# --- JSON ---
r = send('mail leak', when='2026-02-27', contact='0900')
v = r.json()
t.same((r.status, v['number'][5:], v['state']), (201, '-000002', 'received'), 'the same as JSON')
t.same(ask(v['number'], v['code']).json()['state'], 'received', 'and its state')
wrong = [ask(v['number'], 'AAAA-AAAA-AAAA-AAAA'), ask('R2026-999999', v['code']), ask(v['number'], ''), ask('', ''), ask(number, v['code'])]
t.ok(all(x.status == 404 and x.body == wrong[0].body for x in wrong), 'a wrong number and a wrong code are answered alike', wrong)
for body, headers, status in ((b'{"what":"x"', {}, 400), (b'[]', {}, 400), (b'{"what":7}', {}, 400), (b'{"what":"x","role":"admin"}', {}, 400), (b'{"what":" \\n "}', {}, 400),
                              (b'{}', {}, 400), (b'{"what":"\xff"}', {}, 400), (b'{"what":"a\\u0000b"}', {}, 400), (b'what=x', {'Content-Type': 'text/plain'}, 415),
                              (b'what=%zz', FORM, 400), (b'what=%ff', FORM, 400), (b'what=x&what=y', FORM, 400), (b'other=x', FORM, 400),
                              (json.dumps({'what': 'x' * 8001}).encode(), {}, 413), (json.dumps({'what': 'x', 'contact': 'y' * 501}).encode(), {}, 413),
                              (b'{"what":"' + b'x' * 70000 + b'"}', {}, 413)):
    r = n.request('POST', '/window/v1/reports', body, auth=None, headers={'Content-Type': 'application/json', **headers})
    t.ok(r.status == status, f'refused: {body[:40]!r}', r)
for method, target, status in (('GET', '/window/v1/reports', 405), ('DELETE', '/window/v1/reports', 405), ('GET', '/window/v1/status', 405), ('GET', '/window/nope', 404), ('POST', '/window', 405)):
    t.same(n.request(method, target, auth=None).status, status, f'{method} {target}: {status}')
t.same(len(n.get('/api/v1/intake').json()['reports']), 2, 'nothing of that was kept')

# --- hostile words ---
EVIL = '<script>alert(1)</script>\r\n\u202egpj.exe\u2066 \x1b[2J\x1b]0;owned\x07 \u200b\x85"\\ =cmd|x\n=== incident 2026-000001 closed ===\U000e0041'
evil = send(EVIL, contact='\u202e<b>').json()
r = n.get('/api/v1/intake/' + evil['number'])
t.same((r.json()['what'], r.json()['contact']), (EVIL, '\u202e<b>'), 'kept to the letter')
HIDDEN = ['\u202e', '\u2066', '\u200b', '\x85', '\x1b', '\x07', '\U000e0041']
t.ok(not any(h in r.body.decode() for h in HIDDEN), 'no hidden character goes out, not even within JSON', r)
for args in (('intake', 'show', '@', evil['number']), ('intake', 'show', '@', evil['number'], '--json'), ('intake', 'list', '@'), ('intake', 'list', '@', '--json')):
    r = n.cli(*args)
    t.ok(r.status == 0 and not any(h in r.out for h in HIDDEN) and not re.search(r'^=== incident', r.out, re.M), ' '.join(args[:2] + args[3:]) + ': nothing acts on the terminal', r)
t.ok('\\u{202E}' in n.cli('intake', 'show', '@', evil['number']).out and '  | === incident' in n.cli('intake', 'show', '@', evil['number']).out, 'shown as escapes, behind a stroke')
t.ok('gpj' not in n.text() and 'ransom' not in n.text(), 'and no word of it in the log')

# --- what staff make of it ---
t.same((n.get('/api/v1/intake', auth=None).status, n.cli('intake', 'show', '@', 'R2026-999999').status), (401, 1), 'strangers read no reports')
n.cli('user', 'add', '@', 'reader', '--role', 'reader', '--password-stdin', stdin='reader-password-1\n')
t.same(n.get('/api/v1/intake', auth=basic('reader', 'reader-password-1')).status, 403, 'nor do readers: they name people')
r = n.cli('intake', 'open', '@', number, '--title', 'counter encrypted', '--json')
incident = r.json()['incident']
view = n.get(f'/api/v1/incidents/{incident}').json()
fact = n.get(f'/api/v1/incidents/{incident}/facts').json()['facts'][0]
t.same((r.status, view['title'], view['state'], fact['type'], fact['channel'], number in fact['note']), (0, 'counter encrypted', 'reported', 'reported', 'window', True), 'an incident, reported by the window')
t.same(ask(number, code).json()['state'], 'opened', 'the reporter sees that it is in work')
r = n.cli('intake', 'open', '@', number)
t.ok(r.status == 2 and incident in r.err and len(n.get('/api/v1/incidents').json()['incidents']) == 1, 'once', r)
t.same(n.cli('intake', 'dismiss', '@', number, '--reason', 'x').status, 2, 'and not dismissed any more')
r = n.cli('intake', 'dismiss', '@', v['number'])
t.ok(r.status == 2 and '--reason' in r.err, 'dismissed only with a reason', r)
t.same(n.cli('intake', 'dismiss', '@', v['number'], '--reason', 'SECRET-REASON').status, 0, 'with one')
t.ok(ask(v['number'], v['code']).json()['state'] == 'dismissed' and b'SECRET' not in ask(v['number'], v['code']).body, 'the reporter sees the state, not the reason')
for of, says in ((evil['number'], 'itself'), ('R2026-999999', 'no report')):
    r = n.cli('intake', 'dismiss', '@', evil['number'], '--duplicate-of', of)
    t.ok(r.status == 2 and says in r.err, f'no duplicate: {says}', r)
t.same(n.cli('intake', 'dismiss', '@', evil['number'], '--duplicate-of', number).status, 0, 'a duplicate')
third = send('again').json()
r = n.cli('intake', 'dismiss', '@', third['number'], '--duplicate-of', evil['number'])
t.ok(r.status == 2 and 'first' in r.err, 'of a duplicate it is none', r)
t.same(ask(evil['number'], evil['code']).json()['state'], 'duplicate', 'the reporter sees that too')
r = n.cli('intake', 'open', '@', v['number'], '--incident', incident)
t.same((r.status, ask(v['number'], v['code']).json()['state']), (0, 'opened'), 'a dismissed one can still be made part of an incident')
r = n.cli('intake', 'open', '@', third['number'])
t.same((r.status, n.get('/api/v1/incidents/' + n.get('/api/v1/intake/' + third['number']).json()['incident']).json()['title']), (0, 'again'), 'without a title: its own beginning')
for fact in ('contained', 'recovered', 'final_report', 'accepted', 'closed'):
    n.post(f'/api/v1/incidents/{incident}/facts', {'type': fact, 'by': 'reporter' if fact in ('contained', 'recovered', 'final_report') else 'authority'})
t.same((n.get(f'/api/v1/incidents/{incident}').json()['open'], ask(number, code).json()['state']), (False, 'closed'), 'and when the incident is closed')
r = n.cli('intake', 'add', '@', '--channel', 'phone', '--what', 'the lift shows a skull', '--json')
t.same((r.status, ask(r.json()['number'], r.json()['code']).json()['state']), (0, 'received'), 'by telephone, with a code all the same')
t.same([x['state'] for x in n.get('/api/v1/intake?state=received').json()['reports']], ['received'], 'listed by state')
page = n.get('/api/v1/intake?limit=2').json()
rest = n.get('/api/v1/intake?limit=1000&after=' + page['next']).json()['reports']
t.same([x['number'][5:] for x in page['reports'] + rest], ['-000005', '-000004', '-000003', '-000002', '-000001'], 'paged, the newest first')

# --- drills ---
d = send('we play a loss of power', exercise=True).json()
t.ok(d['exercise'] and d['number'].startswith('EXR') and d['number'].endswith('-000001'), 'a report of a drill says so, and counts by itself', d)
r = n.request('POST', '/window/v1/reports?lang=zh', urllib.parse.urlencode({'what': 'play', 'exercise': 'yes'}).encode(), auth=None, headers=FORM)
t.ok('演練 EXERCISE' in r.body.decode() and 'EXR' in r.body.decode(), 'also by the form', r)
t.same(n.request('POST', '/window/v1/reports', {'what': 'x', 'exercise': 'perhaps'}, auth=None, headers={'Content-Type': 'application/json'}).status, 400, 'or not')
t.ok('EXERCISE 演練' in n.cli('intake', 'show', '@', d['number']).out, 'for people, too')
real = n.post('/api/v1/incidents', {'title': 'real'}).json()['number']
r = n.cli('intake', 'open', '@', d['number'], '--incident', real)
t.ok(r.status != 0 and 'drill' in r.err, 'it is no part of a real incident', r)
r = n.post(f'/api/v1/intake/{d["number"]}/open', {'exercise': False})
t.same(r.status, 409, 'nor becomes one')
r = n.cli('intake', 'open', '@', d['number'], '--json').json()
drill = n.get('/api/v1/incidents/' + r['incident']).json()
t.ok(drill['exercise'] and drill['number'].startswith('EX'), 'but a drill', drill['number'])
t.ok(n.cli('intake', 'add', '@', '--what', 'by telephone', '--exercise', '--json').json()['number'].startswith('EXR'), 'staff write one down')

# --- kept when the receipt is out, and only then ---
got, stop = [], threading.Event()


def storm():
    while not stop.is_set():
        with contextlib.suppress(Exception):
            r = send('storm')
            if r.status == 201:
                got.append(r.json())


threads = [threading.Thread(target=storm) for _ in range(3)]
for x in threads:
    x.start()
wait_until(lambda: len(got) >= 8)
n.stop(signal.SIGKILL)
stop.set()
for x in threads:
    x.join()
wait_until(lambda: not n.health(), 1)
n.start()
t.ok(len(got) >= 8 and all(ask(x['number'], x['code']).json()['state'] == 'received' for x in got), f'killed in a storm: all {len(got)} receipts hold')
t.same(n.cli('audit', 'verify', '@').status, 0, 'and so does the chain')
facts = n.get('/api/v1/facts?kind=intake.&limit=1000').json()['facts']
t.same(hashlib.sha256('螢幕出現勒索訊息 ransom note\0this morning\0\0'.encode()).hexdigest(), facts[0]['body']['sha256'], 'which proves what was said')
t.ok('ransom' not in json.dumps(facts) and code not in json.dumps(facts), 'without a word of it')

# --- how often ---
n.stop()
n.configure('[intake]\nper_hour = 6')
conf = read(os.path.join(n.dir, 'lianfang.conf')).decode().replace('per_address = 40', 'per_address = 4')
write(os.path.join(n.dir, 'lianfang.conf'), conf)
n.start()
replies = [send('x') for _ in range(6)]
t.same([r.status for r in replies], [201] * 4 + [429] * 2, 'four from one address in an hour')
t.same(replies[-1].headers.get('Retry-After'), '3600', 'and when again')
t.same([ask('R2026-000001', 'x').status for _ in range(121)][-2:], [404, 429], 'guesses are counted, too')
t.same(n.get('/api/v1/health', auth=None).status, 200, 'the node goes on')

# --- a provider's own window: its report is still to be made ---
p = Node('factory', 'provider', conf='[intake]\nenabled = yes').start()
number = p.request('POST', '/window/v1/reports', {'what': 'x'}, auth=None, headers={'Content-Type': 'application/json'}).json()['number']
view = p.get('/api/v1/incidents/' + p.cli('intake', 'open', '@', number, '--json').json()['incident']).json()
t.same((view['state'], {k['id']: k['verdict'] for k in view['views'][0]['clocks']}['K1']), ('aware', 'running'), 'the provider is aware, and its hour runs')
t.done()
