#!/usr/bin/env python3
"""Alerts that want an answer (ANA, EWA, INT, DEF, FBI): issued, sent to chosen members, received, read, answered; by command and by REST."""
from harness import *

t = Tap()
YEAR = time.strftime('%Y', time.gmtime())

n = Node('sector-a', 'sector').start()
m = Node('water', 'provider')
r = n.cli('alert', 'new', '@', '-c', 'EWA', '-t', 'your host may be a relay', '--tlp', 'amber', '--impact', '3', '--category', '200', '--action', 'look at it',
          '--observable', 'hxxp://evil[.]example/x', '--affected', 'Router X', '--due', '2030-01-01T12:00:00+08:00', '--reference', 'https://example.org/1',
          '--attach', write('note.txt', 'hello'), '--json')
v = r.json()
t.same((r.status, v and v['number']), (0, f'SECTOR-A-EWA-{YEAR}-0001'), 'issued, with a number')
t.same((v['code_name']['zh-TW'], v['tlp'], v['impact'], v['due'], v['observables'], v['attachments'][0]['content']),
       ('資安預警情資', 'TLP:AMBER', 3, '2030-01-01T04:00:00.000000Z', [{'type': 'url', 'value': 'http://evil.example/x'}], 'aGVsbG8='), 'with all its members')
t.same(n.cli('alert', 'new', '@', '-c', 'ANA', '-t', 'x', '--json').json()['number'], f'SECTOR-A-ANA-{YEAR}-0001', 'each code counts by itself')
r = n.cli('alert', 'new', '@', '--content', write('c.json', {'code': 'EWA', 'title': '演練預警', 'exercise': True, 'tlp': 'green'}))
t.ok(r.status == 0 and 'EXERCISE 演練' in r.out and f'SECTOR-A-EWA-{YEAR}-0002' in r.out, 'from a file; a drill says that it is one', r)
r = n.cli('alert', 'show', '@', v['number'], '--lang', 'zh-TW')
t.ok(r.status == 0 and '資安預警情資' in r.out and '建議措施' in r.out and 'look at it' in r.out, 'shown, in Chinese', r)
r = n.cli('alert', 'list', '@', '--code', 'EWA')
t.ok(r.status == 0 and r.out.count('-EWA-') == 2 and '-ANA-' not in r.out, 'listed by code', r)
for args, says in ((('-c', 'XYZ', '-t', 'x'), 'code'), (('-c', 'EWA'), '--title'), (('-c', 'EWA', '-t', 'x', '--category', '2000'), '--category'),
                   (('-c', 'EWA', '-t', 'x', '--impact', '9'), 'impact'), (('-c', 'EWA', '-t', 'x', '--to', 'nobody'), "no peer 'nobody'"),
                   (('-c', 'EWA', '-t', 'x', '--observable', '300.300.1.1'), 'observables'), (('-c', 'FBI', '-t', 'x'), '--source'),
                   (('-c', 'EWA', '-t', 'a\u202eb'), 'U+202E'), (('-c', 'EWA', '-t', 'x', '--due', 'noon'), '--due')):
    r = n.cli('alert', 'new', '@', *args)
    t.ok(r.status == 2 and says in r.err, 'refused: ' + ' '.join(args), r)
r = n.cli('alert', 'answer', '@', v['number'], 'confirmed', '--incident', '1')
t.ok(r.status == 2 and 'issued here' in r.err, 'nobody answers his own alert', r)
t.same(n.cli('alert', 'show', '@', 'NO-EWA-2026-0001').status, 1, 'no such alert')
t.same(n.get('/api/v1/bulletins', auth=None).status, 401, 'not for strangers')

# Secrecy of an alert is that of its marking.
n.cli('user', 'add', '@', 'rita', '--role', 'reader', '--tlp', 'green', '--password-stdin', stdin=PASSWORD + '\n')
rita = basic('rita', PASSWORD)
t.same(n.get(f'/api/v1/bulletins/{v["number"]}', auth=rita).status, 404, 'who may see GREEN sees no AMBER')
t.same([b['title'] for b in n.get('/api/v1/bulletins', auth=rita).json()['bulletins']], ['演練預警'], 'nor in the list')
t.same(n.post('/api/v1/bulletins', {'code': 'ANA', 'title': 'x'}, auth=rita).status, 403, 'and issues none')

# A peer that may have GREEN gets no AMBER.
n.post('/api/v1/peers', {'name': 'water', 'relation': 'child', 'cert_sha256': m.fingerprint, 'tlp_max': 'green'})
r = n.cli('alert', 'send', '@', v['number'], '--to', 'water')
t.ok(r.status == 2 and 'TLP:GREEN at most' in r.err, 'a marking that is too strict for a peer', r)
r = n.cli('alert', 'send', '@', f'SECTOR-A-EWA-{YEAR}-0002', '--to', 'water', '--json')
t.same((r.status, [(x['to'], x['state']) for x in r.json()['recipients']]), (0, [('water', 'queued')]), 'one that it may have')
facts = n.get('/api/v1/facts?kind=alert.&limit=100').json()['facts']
t.same([f['kind'] for f in facts][:4], ['alert.new', 'alert.new', 'alert.new', 'alert.send'], 'each act is a fact of the chain')
t.ok('relay' not in json.dumps(facts), 'without a word of the content')
t.same(n.cli('audit', 'verify', '@').status, 0, 'the chain holds')
t.done()
