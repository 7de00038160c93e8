#!/usr/bin/env python3
"""Registers: organisations, systems, people and duty, by command, by CSV and by REST; nothing is erased, and every change is in the chain."""
from harness import *

t = Tap()
n = Node('grid', 'sector').start()


def entries(*args):
    return [e['id'] for e in n.cli(*args, '--json').json()['entries']]


# --- organisations: a tree, words of the pack, contacts ---
r = n.cli('org', 'add', '@', '--id', 'moea', '--name', '經濟部', '--name-en', 'Ministry of Economic Affairs', '--oid', '2.16.886.101.20003', '--level', 'A',
          '--tier', 'sector', '--sector', 'energy', '--tlp', 'amber', '--contact', 'mail:soc@moea.example 2026-01-05', '--contact', 'phone:+886 2 1234 5678')
t.ok(r.status == 0 and 'moea' in r.out and '經濟部' in r.out, 'an organisation', r)
r = n.cli('org', 'add', '@', '--name', 'Grid Ltd', '--parent', '2.16.886.101.20003', '--sector', 'energy', '--level', 'B', '--region', '63000', '--json')
grid = r.json()
t.same((r.status, grid['id'], grid['parent'], grid['version'], grid['retired']), (0, 'org-000001', 'moea', 1, False), 'one below it, named by its OID, numbered')
v = n.cli('org', 'show', '@', '2.16.886.101.20003', '--json').json()
t.same((v['id'], v['contacts']), ('moea', [{'kind': 'mail', 'value': 'soc@moea.example', 'verified': '2026-01-05'}, {'kind': 'phone', 'value': '+886 2 1234 5678'}]),
       'found by OID; contacts in their parts')
r = n.cli('org', 'show', '@', 'moea')
t.ok('mail:soc@moea.example 2026-01-05; phone:+886 2 1234 5678' in r.out and 'Ministry' in r.out, 'shown for people', r)
t.has(n.cli('--lang', 'zh', 'org', 'show', '@', 'moea').out, '聯絡方式', 'and in zh-TW')
for tail, says in ((('--sector', 'fishing'), '--sector'), (('--level', 'F'), '--level'), (('--tier', 'moon'), '--tier'), (('--oid', '2..16'), '--oid'), (('--tlp', 'blue'), '--tlp'),
                   (('--peer', 'nobody'), '--peer'), (('--contact', 'soc'), '--contact'), (('--parent', 'nobody'), '--parent'),
                   (('--oid', '2.16.886.101.20003'), '--oid'), (('--id', 'moea'), '--id'), (('--id', 'A B'), '--id'), (('--name', ''), '--name')):
    r = n.cli('org', 'add', '@', *(() if '--name' in tail else ('--name', 'x')), *tail)
    t.ok(r.status == 2 and says in r.err, 'refused: ' + ' '.join(tail), r)
t.same(entries('org', 'list', '@'), ['moea', 'org-000001'], 'and nothing of it was kept')
r = n.cli('org', 'set', '@', 'moea', '--parent', 'org-000001')
t.ok(r.status == 2 and 'above itself' in r.err, 'no circle', r)
r = n.cli('org', 'set', '@', 'org-000001', '--level', 'A', '--region', '', '--json')
t.same((r.json()['level'], 'region' in r.json(), r.json()['parent'], r.json()['version']), ('A', False, 'moea', 2), 'set and taken away; the rest stays')
t.same(n.cli('org', 'set', '@', 'nobody', '--level', 'A').status, 2, 'none such')
t.same(n.cli('org', 'show', '@', 'nobody').status, 1, 'nor shown')
versions = n.get('/api/v1/organisations/org-000001/history').json()['versions']
t.same([(v['version'], v['entry'].get('level'), v['by']) for v in versions], [(2, 'A', 'local'), (1, 'B', 'local')], 'what it said before')
t.same((entries('org', 'list', '@', '--sector', 'energy', '--level', 'A'), entries('org', 'list', '@', '--tier', 'sector'), entries('org', 'list', '@', '--parent', 'moea')),
       (['moea', 'org-000001'], ['moea'], ['org-000001']), 'listed by sector, level, tier, parent')

today = time.strftime('%Y-%m-%d', time.gmtime())
for ident, contacts in (('two', [f'mail:a@x.example {today}', f'mobile:0900 {today}']), ('one', [f'mail:a@x.example {today}', 'mobile:0900']), ('old', [f'mail:a@x.example {today}', 'mobile:0900 2020-01-01'])):
    n.post('/api/v1/organisations', {'id': ident, 'name': ident, 'region': 'try', 'contacts': contacts})
t.same((entries('org', 'list', '@', '--region', 'try', '--unverified', '180'), entries('org', 'list', '@', '--region', 'try', '--unverified', '36500')), (['old', 'one'], ['one']),
       'those with fewer than two contacts that somebody tried lately')
for ident in ('two', 'one', 'old'):
    n.request('DELETE', f'/api/v1/organisations/{ident}')

# --- systems ---
r = n.cli('system', 'add', '@', '--id', 'historian', '--name', 'Historian', '--org', '2.16.886.101.20003', '--core', 'yes', '--ci', 'yes', '--secrecy', 'ordinary', '--mtpd', '4',
          '--component', 'cpe:2.3:a:x:historian:1.0:*:*:*:*:*:*:*', '--component', 'pkg:deb/debian/postgresql', '--json')
v = r.json()
t.same((v['organisation'], v['core'], v['ci'], v['mtpd'], len(v['components'])), ('moea', True, True, 4, 2), 'a system')
for tail, says in ((('--mtpd', 'long'), '--mtpd'), (('--core', 'perhaps'), '--core'), (('--secrecy', 'very'), '--secrecy'), (('--org', 'nobody'), '--org')):
    r = n.cli('system', 'set', '@', 'historian', *tail)
    t.ok(r.status == 2 and says in r.err, 'refused: ' + ' '.join(tail), r)
t.same(n.post('/api/v1/systems', {'name': 'x', 'organisation': 'moea', 'mtdp': 4}).status, 400, 'a member misspelt is not passed over')

# --- people and duty ---
lin = n.cli('person', 'add', '@', '--name', '林美', '--org', 'moea', '--role', 'handler', '--role', 'contact', '--email', 'mei@moea.example', '--json').json()['id']
now = time.time()


def at(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%S+08:00', time.gmtime(now + seconds + 8 * 3600))


t.same(n.cli('duty', 'add', '@', '--id', 'night', '--person', lin, '--from', at(-3600), '--until', at(3600), '--note', '2026-000017 waits').status, 0, 'on duty')
t.same(n.cli('duty', 'add', '@', '--id', 'day', '--person', lin, '--from', at(3600), '--until', at(7200)).status, 0, 'and later')
r = n.cli('duty', 'now', '@')
t.ok(r.status == 0 and 'night' in r.out and '林美' in r.out and '2026-000017' in r.out and 'day' not in r.out, 'who is on duty now, and the word of hand-over', r)
t.same((entries('duty', 'list', '@', '--at', at(3600)), entries('duty', 'list', '@', '--at', at(9000))), (['day'], []), 'at the change the next one is; then nobody')
r = n.cli('duty', 'set', '@', 'night', '--until', at(-7200))
t.ok(r.status == 2 and 'before' in r.err, 'an end before its beginning', r)

# --- retired, never erased ---
r = n.cli('org', 'remove', '@', 'moea')
t.ok(r.status == 2 and 'in use' in r.err, 'what others belong to is not retired', r)
r = n.cli('org', 'remove', '@', 'org-000001')
t.ok(r.status == 0 and 'retired' in r.out and entries('org', 'list', '@') == ['moea'] and entries('org', 'list', '@', '--all', '--sector', 'energy') == ['moea', 'org-000001'],
     'retired: only --all lists it', r)
r = n.cli('system', 'add', '@', '--name', 'x', '--org', 'org-000001')
t.ok(r.status == 2 and 'retired' in r.err, 'nothing new belongs to it', r)
t.same(n.cli('org', 'set', '@', 'org-000001', '--level', 'C').status, 2, 'nor is it changed')
t.same((n.cli('org', 'remove', '@', 'org-000001', '--undo').status, len(entries('org', 'list', '@'))), (0, 2), 'taken back')

# --- CSV: out, in, and every mistake with its line ---
csv = n.cli('org', 'export', '@').out
t.ok(csv.splitlines()[0].startswith('id,name,name_en,oid,parent') and len(csv.splitlines()) == 3, 'exported', csv)
r = n.cli('org', 'import', '@', write('same.csv', csv))
t.ok(r.status == 0 and 'added 0, changed 0, unchanged 2' in r.out, 'read back: nothing changes', r)
other = Node('other').start()
r = other.cli('org', 'import', '@', path('same.csv'))
t.ok(r.status == 0 and 'added 2' in r.out, 'and into another node', r)
t.same(other.cli('org', 'export', '@').out, csv, 'where it is the same')
t.ok(n.cli('org', 'export', '@', '-o', path('orgs.out')).status == 0 and read(path('orgs.out')).decode() == csv, 'the same into a file')
r = n.cli('org', 'import', '@', write('more.csv', '\ufeffid,name,parent,contact\r\n"b","Child, ""b""",a,\r\na,Parent,,"mail:x@a.example 2026-02-01;fax:1"\r\n\r\n'))
t.ok(r.status == 0 and 'added 2' in r.out, 'as a spreadsheet writes it; who is above may stand below', r)
t.same([n.get('/api/v1/organisations/b').json()[k] for k in ('name', 'parent')], ['Child, "b"', 'a'], 'quotes and commas')
r = n.cli('org', 'import', '@', write('level.csv', 'id,level\na,C\n'), '--json')
v = n.get('/api/v1/organisations/a').json()
t.same((r.json()['changed'], v['level'], len(v['contacts'])), (1, 'C', 2), 'a column alone: the others stay')
before = n.cli('org', 'export', '@').out
r = n.cli('org', 'import', '@', write('bad.csv', 'id,name,level,sector\nc,Good,A,energy\nd,,A,energy\ne,Bad,Z,energy\n"f\nf",Two,A,energy\ng,Lost,A,fishing\n'))
t.ok(r.status == 1 and [line for line in (2, 3, 4, 5, 7) if f'bad.csv:{line}:' in r.err] == [3, 4, 5, 7], 'each wrong line is named', r)
t.has(r.err, 'nothing was imported', 'and nothing is imported')
for text, says in (('id,name,parent\nx,X,y\ny,Y,x\n', ':2:'), ('id,name\nx,"X\n', ':2: a quote'), ('id,colour\nx,red\n', ":1: no column is called 'colour'"), ('id,name\nx\n', ':2: 1 fields'),
                   ('id,name,name\nx,y,z\n', 'two columns'), ('id,name\nx,X\nx,\n', ':3:'), (b'id,name\nx,\xff\n', 'UTF-8')):
    r = n.cli('org', 'import', '@', write('wrong.csv', text))
    t.ok(r.status in (1, 2) and says in r.err, f'refused: {text[:30]!r}', r)
t.same(n.cli('org', 'export', '@').out, before, 'all of that changed nothing')
many = 'id,name,level,sector\n' + ''.join(f'm{i:05d},Member {i},B,water\n' for i in range(3000))
began = time.monotonic()
r = n.cli('org', 'import', '@', write('many.csv', many))
t.ok(r.status == 0 and 'added 3000' in r.out, 'three thousand members', r)
took = time.monotonic() - began
t.ok(took < PATIENCE, f'in {took:.1f} s: each along an index')
t.same(len(n.cli('org', 'export', '@').out.splitlines()), 3005, 'exported over several pages')
for kind in ('system', 'person', 'duty'):
    first = n.cli(kind, 'export', '@').out
    r = n.cli(kind, 'import', '@', write('again.csv', first))
    t.ok(r.status == 0 and 'added 0, changed 0' in r.out and len(first.splitlines()) > 1, f'{kind}: exported and read back', first, r)

# --- whom an alert goes to ---
for name, ceiling in (('east', 'amber'), ('west', 'green'), ('north', 'amber')):
    n.post('/api/v1/peers', {'name': name, 'relation': 'child', 'cert_sha256': name[0].encode().hex() * 32, 'tlp_max': ceiling})
for ident, peer, more in (('e1', 'east', {}), ('e2', 'east', {}), ('n1', 'north', {}), ('f1', 'north', {'level': 'B', 'tlp': 'green'}), ('lone', None, {'level': 'C'}), ('w1', 'west', {'region': 'X'})):
    n.post('/api/v1/organisations', {'id': ident, 'name': ident, 'sector': 'finance', 'level': 'A', 'region': '1', **({'peer': peer} if peer else {}), **more})


def alert(*args):
    r = n.cli('alert', 'new', '@', '-c', 'EWA', '-t', 'x', *args, '--json')
    return r, sorted(x['to'] for x in (r.json() or {}).get('recipients', []))


t.same(alert('--tlp', 'amber', '--to-sector', 'finance', '--to-level', 'A', '--to-region', '1')[1], ['east', 'north'], 'all of a sector, a level, a region: each node once')
t.same(alert('--tlp', 'green', '--to-sector', 'finance', '--to-level', 'B', '--to', 'west', '--to', 'north')[1], ['north', 'west'], 'and some by name')
for args, says in ((('--tlp', 'amber', '--to-sector', 'finance', '--to-level', 'B'), 'f1 may have TLP:GREEN'), (('--tlp', 'amber', '--to-sector', 'finance', '--to-level', 'A'), 'west may have'),
                   (('--tlp', 'green', '--to-sector', 'finance'), '1 of 6 organisations have no node here (lone)'), (('--tlp', 'green', '--to-level', 'C', '--to-sector', 'finance'), 'none of the 1'),
                   (('--to-sector', 'transport'), 'no organisation of the register fits'), (('--to-parent', 'nobody'), "no organisation 'nobody'")):
    r, _ = alert(*args)
    t.ok(r.status == 2 and says in r.err, 'refused: ' + ' '.join(args), r)
t.same(alert('--tlp', 'green', '--to-sector', 'finance', '--to-some')[1], ['east', 'north', 'west'], 'those who have a node, when that is said')
r = n.cli('alert', 'new', '@', '-c', 'ANA', '-t', 'x', '--tlp', 'green', '--json')
r = n.cli('alert', 'send', '@', r.json()['number'], '--to-region', 'X', '--json')
t.same([x['to'] for x in r.json()['recipients']], ['west'], 'sent later, too')

# --- who may, and the chain ---
n.cli('user', 'add', '@', 'reader', '--role', 'reader', '--password-stdin', stdin='reader-password-1\n')
reader = basic('reader', 'reader-password-1')
t.same((n.get('/api/v1/people', auth=None).status, n.get('/api/v1/people', auth=reader).status), (401, 200), 'a stranger reads no names, a member does')
t.same((n.post('/api/v1/organisations', {'name': 'x'}, auth=reader).status, n.request('DELETE', '/api/v1/organisations/a', auth=reader).status), (403, 403), 'a reader changes nothing')
n.cli('user', 'add', '@', 'green', '--role', 'reader', '--tlp', 'green', '--password-stdin', stdin='green-password-1\n')
t.same(n.get('/api/v1/people', auth=basic('green', 'green-password-1')).status, 404, 'nor does one of lower TLP see who is on duty')
facts = n.get('/api/v1/facts?kind=register.&limit=10000').json()['facts']
own = [(f['kind'], f['body']['version']) for f in facts if f['subject'] == 'organisation:org-000001']
t.same(own, [('register.add', 1), ('register.set', 2), ('register.retire', 3), ('register.restore', 4)], 'every change is a fact')
said = versions[1]['entry']
want = hashlib.sha256(json.dumps(said, ensure_ascii=False, separators=(',', ':')).encode()).hexdigest()
t.same([f['body']['sha256'] for f in facts if f['subject'] == 'organisation:org-000001'][0], want, 'that proves what was said')
t.ok('mei@moea' not in json.dumps(facts) and '1234' not in json.dumps([f['body'] for f in facts if 'moea' in f['subject']]), 'without telling how to reach anybody')
n.stop(signal.SIGKILL)
n.start()
verified, listed = n.cli('audit', 'verify', '@'), n.cli('duty', 'list', '@', '--json')
t.ok(verified.status == 0, 'after a kill the chain holds', verified)
t.ok(listed.status == 0 and [e['id'] for e in listed.json()['entries']] == ['day', 'night'], 'and all is there', listed, n.text()[-1500:])
t.done()
