#!/usr/bin/env python3
"""Rules by REST: what became of each, a text judged and tried on the past, changed, turned off and on while logs come."""
from harness import *
from urllib.parse import urlencode

t = Tap()
A, B, C = (f'00000000-0000-4000-8000-00000000000{i}' for i in (1, 2, 3))


def rule(ident, title, image, level='high', tags='attack.t1033'):
    return (f'title: {title}\nid: {ident}\nauthor: A. Author\nstatus: test\nlevel: {level}\ntags: [{tags}]\nlogsource: {{product: windows}}\n'
            f"detection: {{s: {{Image|endswith: '\\{image}'}}, condition: s}}\n")


configured = os.path.dirname(write('rules/a.yml', rule(A, 'Whoami', 'whoami.exe') + '---\n' + rule(B, 'Net', 'net.exe', 'low') +
                                   '---\ntitle: Broken\nlogsource: {category: x}\ndetection: {s: {a|nonsense: b}, condition: s}\n'))
log = write('logs/win.json', '')
n = Node('alpha', tier='provider')
n.configure(f'[detect]\nrules = {configured}\n[input win]\npath = {log}\n[tickets]\nsighting_seconds = 1\n')
n.start()
count = [0]


def event(image, host='pc1'):
    count[0] += 1
    with open(log, 'a') as f:
        f.write(json.dumps({'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': 'C:\\x\\' + image, 'Computer': host, 'n': count[0],
                            'UtcTime': time.strftime('%Y-%m-%d %H:%M:%S.000', time.gmtime(time.time() - 60))}) + '\n')


def rules():
    r = n.get('/api/v1/rules').json()
    return r, {(x['id'] or x['title']): x for x in r['rules'] if 'goes before' not in x['reason']}


def send(method, tail, body=None):
    return n.request(method, '/api/v1/rules' + tail, json.dumps(body if body is not None else {}).encode(), auth=n.auth, headers={'Content-Type': 'application/json'})


def blocks(r):
    return [dict(line.split(': ', 1) for line in b.split('\n') if ': ' in line and not line.startswith(':')) for b in r.body.decode().split('\n\n') if b.strip()]


def titles():
    return sorted({x['title'] for x in n.get('/api/v1/tickets').json()['tickets']})


all_, by = rules()
t.same((all_['loaded'], all_['refused'], all_['off']), (2, 1, 0), 'the catalogue counts')
t.same({k: by[A][k] for k in ('title', 'verdict', 'file', 'line', 'own', 'level', 'author', 'tags', 'product', 'kind')},
       {'title': 'Whoami', 'verdict': 'loaded', 'file': 'a.yml', 'line': 1, 'own': False, 'level': 'high', 'author': 'A. Author', 'tags': ['attack.t1033'], 'product': 'windows', 'kind': 'rule'}, 'a rule')
t.ok(by['Broken']['verdict'] == 'refused' and 'nonsense' in by['Broken']['reason'], 'a refused one with its reason', by['Broken'])
check = run('rules', 'check', '--json', configured).lines()
t.same(by['Broken']['reason'], [x for x in check if x.get('title') == 'Broken'][0]['reason'], 'which is that of lianfang rules check')
r = n.get(f'/api/v1/rules/{B}').json()
t.same((r['rule']['title'], r['text']), ('Net', rule(B, 'Net', 'net.exe', 'low')), 'one document of a file of several')
t.same(n.get(f'/api/v1/rules/{C}').status, 404, 'none of that id')

# A text is judged and tried.
for image in ('whoami.exe', 'calc.exe', 'calc.exe', 'net.exe'):
    event(image)
wait_until(lambda: n.get('/api/v1/events?q=n=4').json()['events'])
draft = rule(C, 'Calculator', 'calc.exe', 'medium', 'attack.t1059')
r = send('POST', '/check', {'text': draft}).json()
t.same((r['loaded'], r['rules'][0]['verdict'], r['rules'][0]['title']), (1, 'loaded', 'Calculator'), 'a text is judged')
bad = send('POST', '/check', {'text': draft.replace('|endswith', '|nonsense')}).json()
t.same((bad['rules'][0]['verdict'], bad['rules'][0]['line']), ('refused', 8), 'and the line of what is wrong told')
t.same(send('POST', '/check', {'text': 'title: ['}).json()['refused'], 1, 'no YAML')
tried = blocks(send('POST', '/try', {'text': draft, 'since': '2020-01-01', 'until': '2100-01-01', 'buckets': 4}))
matches = [m for b in tried if b['event'] == 'piece' for m in json.loads(b['data'])['matches']]
t.same((tried[-1]['event'], json.loads(tried[-1]['data'])['found'], [m['why'][0]['value'] for m in matches]), ('end', 2, ['C:\\x\\calc.exe'] * 2), 'tried on the past, before it is in force')
t.same(sum(json.loads(tried[-1]['data'])['buckets']), 2, 'counted over time')
t.same(blocks(send('POST', '/try', {'text': bad['rules'][0]['title']}))[-1]['event'], 'error', 'a text that is no rule is not tried')
correlation = ('title: Twice\nid: 00000000-0000-4000-8000-00000000000c\nlevel: high\ncorrelation: {type: event_count, rules: [%s], group-by: [Computer], timespan: 1h, condition: {gte: 1}}\n' % A)
t.same(send('POST', '/check', {'text': correlation}).json()['rules'][0]['verdict'], 'loaded', 'a correlation may name a rule that is in force')

# It comes into force.
t.same(titles(), ['Net', 'Whoami'], 'what the configured rules found')
r = send('POST', '', {'text': draft, 'note': 'seen in the wild'})
t.same((r.status, r.json()['loaded']), (200, 3), 'a rule of our own')
t.same(send('POST', '', {'text': draft}).status, 409, 'once')
event('calc.exe', 'pc9')
wait_until(lambda: 'Calculator' in titles())
t.ok(True, 'and finds what comes')
t.same((rules()[1][C]['own'], rules()[1][C]['file']), (True, C + '.yml'), 'it is told as our own')
t.same(send('PUT', f'/{A}', {'text': draft}).status, 400, 'a text of another id changes nothing')
t.same(send('PUT', f'/{A}', {'text': 'title: x'}).status, 400, 'nor does one that is no rule')
t.same(send('PUT', f'/{A}', {'text': rule(A, 'Who am I', 'whoami.exe', 'critical')}).status, 200, 'a configured rule is changed')
t.same([(x['title'], x['level'], x['own']) for x in rules()[1].values() if x['id'] == A], [('Who am I', 'critical', True)], 'our text goes before')
t.ok(any('goes before' in x['reason'] for x in rules()[0]['rules'] if x['id'] == A), 'and the other one says why it is not in force')
t.same(read(os.path.join(configured, 'a.yml')).decode().split('\n')[0], 'title: Whoami', 'the configured folder is not written')
event('whoami.exe', 'pc7')
wait_until(lambda: 'Who am I' in titles())
t.same(send('DELETE', f'/{A}').status, 200, 'taken away')
t.same(rules()[1][A]['title'], 'Whoami', 'the configured one holds again')
t.same(send('DELETE', f'/{A}').status, 404, 'once')

# Off and on.
t.same(send('POST', f'/{B}/off', {'note': 'too loud'}).status, 200, 'turned off')
t.same((rules()[0]['off'], rules()[1][B]['verdict'], rules()[1][B]['reason']), (1, 'off', 'turned off'), 'and told so')
t.same(send('POST', f'/{B}/off').status, 409, 'once')
hits = lambda title: sum(x['hits'] for x in n.get('/api/v1/tickets').json()['tickets'] if x['title'] == title)
before = hits('Net')
event('net.exe')
event('calc.exe', 'pc10')
wait_until(lambda: any(x['host'] == 'pc10' for x in n.get('/api/v1/tickets').json()['tickets']))
t.same(hits('Net'), before, 'it finds nothing any more')
n.stop()
n.start()
t.same((rules()[1][B]['verdict'], rules()[1][C]['own']), ('off', True), 'all that outlives the node')
t.same(send('POST', f'/{B}/on').status, 200, 'on again')
t.same(rules()[1][B]['verdict'], 'loaded', 'in force')
t.same(send('POST', f'/{B}/on').status, 404, 'once')
t.same(send('POST', '/..%2f..%2fx/off').status, 400, 'an id that is no name')
t.same(send('POST', f'/{C[:-1]}9/off').status, 404, 'a rule that is not there')
facts = [(f['kind'], f['subject'], f['actor']) for f in n.get('/api/v1/facts?kind=rule.').json()['facts']]
t.same(facts, [('rule.put', C, 'user:admin'), ('rule.put', A, 'user:admin'), ('rule.delete', A, 'user:admin'), ('rule.off', B, 'user:admin'), ('rule.on', B, 'user:admin')], 'each change is a fact')
n.post('/api/v1/users', {'name': 'reader', 'role': 'reader', 'tlp_max': 'red', 'password': 'correct horse battery 1'})
reader = basic('reader', 'correct horse battery 1')
t.same((n.get('/api/v1/rules', auth=reader).status, n.request('POST', f'/api/v1/rules/{B}/off', b'{}', auth=reader, headers={'Content-Type': 'application/json'}).status), (200, 403), 'a reader sees and changes nothing')
n.stop()

# A node without a folder of rules gets its first one.
bare = Node('bare', tier='provider')
bare.configure(f'[input win]\npath = {log}')
bare.start()
t.same(bare.get('/api/v1/rules').json()['rules'], [], 'no rules')
t.same(bare.post('/api/v1/rules', {'text': draft}).json()['loaded'], 1, 'the first one')
bare.stop()
t.done()
