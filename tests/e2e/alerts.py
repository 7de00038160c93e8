#!/usr/bin/env python3
"""Alerts that want an answer (ANA, EWA, INT, DEF, FBI): issued, sent to chosen members, received, read, answered; by command and by REST."""
import http.server, threading

from harness import *

t = Tap()
posts = []


class Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        posts.append(json.loads(self.rfile.read(int(self.headers['Content-Length']))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *a):
        pass


web = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Web)
threading.Thread(target=web.serve_forever, daemon=True).start()
YEAR = time.strftime('%Y', time.gmtime())

n = Node('sector-a', 'sector').start()
r = n.cli('alert', 'new', '@', '-c', 'EWA', '-t', 'your host may be a relay', '--tlp', 'amber', '--impact', '3', '--category', '200', '--action', 'look at it',
          '--observable', 'hxxp://evil[.]example/x', '--affected', 'Router X', '--due', '2030-01-01T12:00:00+08:00', '--reference', 'https://example.org/1',
          '--attach', write('note.txt', 'hello'), '--json')
v = r.json()
t.same((r.status, v and v['number']), (0, f'SECTOR-A-EWA-{YEAR}-0001'), 'issued, with a number')
t.same((v['code_name']['zh-TW'], v['tlp'], v['impact'], v['due'], v['observables'], v['attachments'][0]['content']),
       ('資安預警情資', 'TLP:AMBER', 3, '2030-01-01T04:00:00.000000Z', [{'type': 'url', 'value': 'http://evil.example/x'}], 'aGVsbG8='), 'with all its members')
t.same(n.cli('alert', 'new', '@', '-c', 'ANA', '-t', 'x', '--json').json()['number'], f'SECTOR-A-ANA-{YEAR}-0001', 'each code counts by itself')
r = n.cli('alert', 'new', '@', '--content', write('c.json', {'code': 'EWA', 'title': '演練預警', 'exercise': True, 'tlp': 'green'}))
t.ok(r.status == 0 and 'EXERCISE 演練' in r.out and f'SECTOR-A-EWA-EX{YEAR}-0001' in r.out, 'from a file; a drill says that it is one, and counts by itself', r)
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
r = n.cli('alert', 'show', '@', 'NO-EWA-2026-0001')
t.ok(r.status == 1 and "no alert 'NO-EWA-2026-0001'" in r.err, 'an alert that is not there is named', r)
t.same(n.get('/api/v1/bulletins', auth=None).status, 401, 'not for strangers')

# Secrecy of an alert is that of its marking.
n.cli('user', 'add', '@', 'rita', '--role', 'reader', '--tlp', 'green', '--password-stdin', stdin=PASSWORD + '\n')
rita = basic('rita', PASSWORD)
t.same(n.get(f'/api/v1/bulletins/{v["number"]}', auth=rita).status, 404, 'who may see GREEN sees no AMBER')
t.same([b['title'] for b in n.get('/api/v1/bulletins', auth=rita).json()['bulletins']], ['演練預警'], 'nor in the list')
t.same(n.post('/api/v1/bulletins', {'code': 'ANA', 'title': 'x'}, auth=rita).status, 403, 'and issues none')

n.stop()
n.configure('[desk]\nroles = ivy=investigator')
n.start()
n.cli('user', 'add', '@', 'ivy', '--role', 'analyst', '--tlp', 'red', '--password-stdin', stdin=PASSWORD + '\n')
ivy = basic('ivy', PASSWORD)
t.same([n.request(how, '/api/v1/bulletins' + tail, body, auth=ivy).status for how, tail, body in (
    ('GET', '', None), ('GET', '/' + v['number'], None), ('GET', f'/{v["number"]}/export', None), ('POST', f'/{v["number"]}/read', None),
    ('POST', '/import', 'x'), ('POST', '', {'code': 'ANA', 'title': 'x'}))], [403, 404, 404, 404, 403, 403], 'who is only asked in incidents sees no alert')

# A peer that may have GREEN gets no AMBER.
n.post('/api/v1/peers', {'name': 'west', 'relation': 'child', 'cert_sha256': '00' * 32, 'tlp_max': 'green'})
r = n.cli('alert', 'send', '@', v['number'], '--to', 'west')
t.ok(r.status == 2 and 'TLP:GREEN at most' in r.err, 'a marking that is too strict for a peer', r)
facts = n.get('/api/v1/facts?kind=alert.&limit=100').json()['facts']
t.same([f['kind'] for f in facts], ['alert.new'] * 3, 'each act is a fact of the chain')
t.ok('relay' not in json.dumps(facts), 'without a word of the content')

# Three members; a warning goes to two of them.
members = [Node(name, 'provider') for name in ('water', 'power', 'rail')]
members[2].configure(f'[notify]\nwebhook = http://127.0.0.1:{web.server_address[1]}/')
for m in members:
    m.start()
    n.post('/api/v1/peers', {'name': m.name, 'relation': 'child', 'cert_sha256': m.fingerprint, 'tlp_max': 'amber+strict'})
    m.post('/api/v1/peers', {'name': 'sector', 'relation': 'parent', 'cert_sha256': n.fingerprint, 'url': n.url(), 'tlp_max': 'amber+strict'})
water, power, rail = members
# Water's link to the sector is cut for a while: the sector does not know how to reach it, it calls.
blob = os.urandom(1 << 20)
r = n.cli('alert', 'new', '@', '-c', 'EWA', '-t', '主機可能為中繼站 relay', '--tlp', 'amber+strict', '--impact', '2', '--due', '2030-01-01T00:00:00Z',
          '--observable', '198.51.100.7', '--attach', write('blob.bin', blob), '--to', 'water', '--to', 'power', '--json')
number = r.json()['number']
t.same((r.status, number, [x['to'] for x in r.json()['recipients']]), (0, f'SECTOR-A-EWA-{YEAR}-0002', ['power', 'water']), 'a warning to two of three')


def at(node, what=number):
    return node.get(f'/api/v1/bulletins/{what}').json()


def seen(who):
    return {x['to']: x for x in at(n)['recipients']}[who]


t.ok(wait_until(lambda: seen('water')['state'] == seen('power')['state'] == 'received'), 'both receipts came', at(n)['recipients'])
got = at(water)
t.same([got.get(k) for k in ('direction', 'origin', 'title', 'tlp', 'impact', 'observables')],
       ['in', 'sector', '主機可能為中繼站 relay', 'TLP:AMBER+STRICT', 2, [{'type': 'ipv4', 'value': '198.51.100.7'}]], 'it came whole')
t.ok(base64.b64decode(got['attachments'][0]['content']) == blob, 'with its attachment')
t.has(water.text(), f'{number} came from sector, answer by 2030', 'the log tells people of it')
r = water.cli('alert', 'list', '@', '--open')
t.ok(number in r.out, 'it waits for an answer', r)
r = water.cli('alert', 'read', '@', number)
t.ok(r.status == 0 and 'relay' in r.out, 'read', r)
t.ok(wait_until(lambda: seen('water')['state'] == 'read') and seen('power')['state'] == 'received', 'which the sector sees', at(n)['recipients'])
for args, says in ((('confirmed',), '--incident'), (('confirmed', '--incident', f'{YEAR}-000009'), 'no incident'), (('false-positive',), '--reason'),
                   (('undetermined',), '--reason'), (('perhaps', '--reason', 'x'), 'disposition'), (('false-positive', '--reason', 'x', '--incident', '1'), '--incident')):
    r = water.cli('alert', 'answer', '@', number, *args)
    t.ok(r.status == 2 and says in r.err, 'refused: ' + ' '.join(args), r)
case = water.cli('incident', 'open', '@', '-t', 'relay', '--json').json()['number']
r = water.cli('alert', 'answer', '@', number, 'confirmed', '--incident', case, '--json')
t.same((r.status, r.json()['here']['state'], r.json()['here']['feedback']), (0, 'confirmed', f'WATER-FBI-{YEAR}-0001'), 'confirmed, with the incident')
r = power.cli('alert', 'answer', '@', number, 'false-positive', '--reason', '自己的掃描器 own scanner', '--json')
t.same((r.status, r.json()['here']['disposition_name']['zh-TW']), (0, '誤判'), 'the other says false positive')
t.ok(wait_until(lambda: seen('water')['state'] == 'confirmed' and seen('power')['state'] == 'false-positive'), 'the sector has both answers', at(n)['recipients'])
w, p = seen('water'), seen('power')
t.ok(w['queued'] <= w['sent'] and w['queued'] <= w['received'] <= w['read'] <= w['answered'] < w['due'] and not w['late'], 'with all times, in order', w)
t.same((w['incident'], w['feedback'], p['reason'], p['read'] <= p['answered']), (case, f'WATER-FBI-{YEAR}-0001', '自己的掃描器 own scanner', True), 'incident, feedback, reason')
r = n.cli('alert', 'list', '@', '--source', number, '--json')
t.same(sorted((b['number'], b['origin'], b['code']) for b in r.json()['bulletins']), [(f'POWER-FBI-{YEAR}-0001', 'power', 'FBI'), (f'WATER-FBI-{YEAR}-0001', 'water', 'FBI')],
       'feedback that names its source')
t.ok(wait_until(lambda: at(water, f'WATER-FBI-{YEAR}-0001')['recipients'][0]['state'] == 'received'), 'who answered sees that the answer came')
t.same((rail.get('/api/v1/bulletins').json()['bulletins'], number in rail.text()), ([], False), 'the third member never heard of it')
rail_files = b''.join(read(os.path.join(d, f)) for d, _, fs in os.walk(rail.dir) for f in fs if os.path.isfile(os.path.join(d, f)))
t.ok(number.encode() not in rail_files and b'198.51.100.7' not in rail_files, 'not a byte of it')

# An answer that does not come in time: each side says so, once, also over a restart.
soon = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 2))
hurry = n.cli('alert', 'new', '@', '-c', 'EWA', '-t', 'quick', '--tlp', 'green', '--due', soon, '--to', 'rail', '--json').json()['number']
t.ok(wait_until(lambda: f'{hurry}: rail has not answered' in n.text()), 'who is late is named')
t.ok(wait_until(lambda: f'{hurry} is not answered' in rail.text()), 'and is told')
t.same(at(n, hurry)['recipients'][0]['late'], True, 'shown, too')
t.ok(wait_until(lambda: [(x['event'], x['number'], x['title']) for x in posts] == [('came', hurry, 'quick'), ('overdue', hurry, 'quick')]), 'people have word of both', posts)
rail.stop()
rail.start()
t.same([sum(f['kind'] == 'alert.overdue' for f in m.get('/api/v1/facts?kind=alert.overdue').json()['facts']) for m in (n, rail)], [1, 1], 'a fact on both sides')

# A member that is away; another answer in place of the first; what nobody may do.
power.stop()
later = n.cli('alert', 'new', '@', '-c', 'INT', '-t', 'while you were away', '--tlp', 'green', '--exercise', '--to', 'power', '--json').json()['number']
t.ok(wait_until(lambda: at(n, later)['recipients'][0]['state'] == 'sent'), 'for one who is away it lies in the outbox')
n.stop(signal.SIGKILL)
n.start()
power.start()
t.ok(wait_until(lambda: at(n, later)['recipients'][0]['state'] == 'received'), 'and comes when it is back', at(n, later)['recipients'])
t.has(power.text(), '[EXERCISE 演練] ' + later, 'a drill says so')
r = power.cli('alert', 'answer', '@', number, 'undetermined', '--reason', 'on second thoughts', '--json')
t.ok(wait_until(lambda: seen('power')['state'] == 'undetermined'), 'a later answer counts')
t.same(len(n.get(f'/api/v1/bulletins?source={number}').json()['bulletins']), 3, 'and the one before is kept')
r = power.cli('alert', 'send', '@', number, '--to', 'sector')
t.ok(r.status == 2 and 'issued elsewhere' in r.err, 'only its maker sends it on', r)


def forged(**members):
    """An object of a peer that does not follow the rules, straight into the collection that it may write."""
    o = {'type': 'x-lianfang-bulletin', 'spec_version': '2.1', 'id': stix_id('x-lianfang-bulletin'), 'created': stamp(), 'modified': stamp(),
         'object_marking_refs': [TLP['green']], 'extensions': {'extension-definition--5a0cd6f4-8c1e-4c56-9d4f-0f6c3b1e7a92': {'extension_type': 'new-sdo'}},
         'issued': stamp(), 'code': 'FBI', 'title': 'x', 'tlp': 'green', **members}
    cert = (os.path.join(rail.dir, 'tls/node.crt'), os.path.join(rail.dir, 'tls/node.key'))
    return n.request('POST', '/desk/collections/in/objects/', {'objects': [o]}, auth=None, cert=cert).status


def refused():
    return [f['body']['why'] for f in n.get('/api/v1/facts?kind=exchange.refuse').json()['facts']]


t.same(forged(number='RAIL-FBI-2026-0001', source=number, disposition='false-positive', reason='x'), 202, 'rail answers what it never got')
t.ok(wait_until(lambda: len(refused()) == 1), 'which is refused', refused())
forged(number=number, code='ANA')
t.ok(wait_until(lambda: len(refused()) == 2) and 'issued here' in refused()[1], 'as is a number of ours', refused())
forged(number='R\u202e1', code='ANA')
t.ok(wait_until(lambda: len(refused()) == 3) and 'U+202E' in refused()[2], 'and one that reads backwards', refused())
t.same((seen('water')['state'], len(at(n)['recipients'])), ('confirmed', 2), 'nothing of it counts')
# Killed in the middle, again and again: each alert is received once, each answer counts once.
many = [f'SECTOR-A-INT-{YEAR}-{i:04d}' for i in range(1, 11)]
for i, name in enumerate(many):
    t.same(n.cli('alert', 'new', '@', '-c', 'INT', '-t', f'case {i}', '--tlp', 'green', '--to', 'power', '--json').json()['number'], name, 'issued ' + name)
    if i % 3 == 2:
        victim = (n, power)[i // 3 % 2]
        victim.stop(signal.SIGKILL)
        wait_until(lambda: not victim.health(), 1)
        victim.start()
t.ok(wait_until(lambda: all(at(n, x)['recipients'][0]['state'] == 'received' for x in many)), 'all were received')
for i, name in enumerate(many):
    power.cli('alert', 'answer', '@', name, 'undetermined', '--reason', str(i))
    if i % 4 == 1:
        victim = (power, n)[i // 4 % 2]
        victim.stop(signal.SIGKILL)
        wait_until(lambda: not victim.health(), 1)
        victim.start()
t.ok(wait_until(lambda: [at(n, x)['recipients'][0].get('reason') for x in many] == [str(i) for i in range(10)]), 'all were answered')
facts = n.get('/api/v1/facts?kind=alert.&limit=10000').json()['facts']
counts = {k: sum(f['kind'] == k and f['body'].get('who') == 'power' and f['subject'] in {at(n, x)['id'] for x in many} for f in facts) for k in ('alert.received', 'alert.answer')}
t.same(counts, {'alert.received': 10, 'alert.answer': 10}, 'once each')
for m in (n, water, power):
    t.same(m.cli('audit', 'verify', '@').status, 0, f'the chain of {m.name} holds')
kinds = [f['kind'] for f in n.get('/api/v1/facts?kind=alert.&limit=1000').json()['facts'] if f['subject'] == at(n)['id']]
t.same(sorted(set(kinds)), ['alert.answer', 'alert.new', 'alert.read', 'alert.received', 'alert.send', 'alert.sent'], 'every step is a fact')
t.done()
