#!/usr/bin/env python3
"""Intelligence in and out: import, search, show, export, release, watch, alerts, audit; on a running node and a stopped one."""
import sqlite3

from harness import *

t = Tap()
n = Node('alpha', conf='[intel]\ndefault_tlp = green').start()

# --- import: STIX ---
good = indicator('evil.example', tlp='green', confidence=70)
secret = indicator('secret.example', tlp='red')
malware = stix('malware', name='Zeus', is_family=True, tlp='clear')
broken = stix('indicator', name='no pattern')
first = write('first.json', bundle([good, secret, malware]))
r = n.cli('import', first, '@', '--collection', 'intel/down', '--json')
t.ok(r.status == 0 and r.json()['stored'] == 3 and r.json()['failed'] == 0 and r.json()['format'] == 'stix', 'import of a bundle', r)
r = n.cli('import', first, '@', '--json')
t.ok(r.status == 0 and r.json()['stored'] == 0 and r.json()['duplicates'] == 3, 'again: known before', r)
r = n.cli('import', write('partly.json', bundle([broken, indicator('second.example')])), '@', '--json')
t.ok(r.status == 1 and r.json()['stored'] == 1 and r.json()['failed'] == 1 and r.json()['failures'][0]['message'], 'a bad object fails alone: 1', r)
r = n.cli('import', path('partly.json'), '@')
t.ok(r.status == 1 and broken['id'] in r.out and 'pattern' in r.out, 'the report for people names it and why', r)
r = n.cli('import', write('many.txt', ''.join(f'no value {i}!\n' for i in range(300)) + 'fine.example\n'), '@', '--format', 'list')
t.ok(r.status == 1 and re.search(r'^ +300  .*line 1\)$', r.out, re.M) and len(r.out.splitlines()) < 12, 'three hundred bad lines are one cause with its number', r)
r = n.cli('import', first, '@', '--tlp', 'purple')
t.ok(r.status == 2 and '--tlp: expected' in r.err, 'a bad value is told by the name of its option', r)
r = n.cli('user', 'add', '@', 'x', '--role', 'king', '--password-stdin', stdin=PASSWORD + '\n')
t.ok(r.status == 2 and '--role: ' in r.err and '/role' not in r.err, 'and so it is for users', r)
r = n.cli('peer', 'add', '@', 'x', '--relation', 'child', '--cert', 'zz')
t.ok(r.status == 2 and '--cert: ' in r.err, 'and peers', r)
r = n.cli('export', '@', '--format', 'plain')
t.ok(r.status == 0 and 'TLP:RED' in r.err and 'TLP' not in r.out, 'export without --tlp says what it may hold, apart from the output', r)
r = n.cli('export', '@', '--format', 'plain', '--tlp', 'green')
t.ok(r.status == 0 and 'TLP:GREEN' in r.err, 'with it too', r)
r = n.cli('import', write('cut.json', json.dumps(bundle([indicator('third.example'), good]))[:-40]), '@')
t.ok(r.status == 2 and r.err, 'a truncated bundle: 2', r)
t.has(r.err, 'stay', 'and the message says what was kept')
r = n.cli('import', path('absent.json'), '@')
t.ok(r.status == 2 and 'absent.json' in r.err, 'a file that is not there: 2', r)
r = n.cli('import', first, '@', '--collection', 'intel/nowhere')
t.ok(r.status == 2 and r.err, 'a collection that is not there: 2', r)
r = n.cli('import', '-', '@', '--json', stdin=json.dumps(bundle([indicator('piped.example')])))
t.ok(r.status == 0 and r.json()['stored'] == 1, 'import from standard input', r)
old = {'type': 'bundle', 'id': stix_id('bundle'), 'spec_version': '2.0', 'objects': [
    {'type': 'indicator', 'id': stix_id('indicator'), 'created': '2019-01-01T00:00:00.000Z', 'modified': '2019-01-01T00:00:00.000Z',
     'labels': ['malicious-activity'], 'pattern': "[domain-name:value = 'old.example']", 'valid_from': '2019-01-01T00:00:00Z'}]}
r = n.cli('import', write('old.json', old), '@', '--json')
t.ok(r.status == 0 and r.json()['upgraded'] == 1, 'STIX 2.0 is upgraded, and the report says so', r)

for content, status in (('[]', 0), ('{"type":"bundle","objects":{"type":"indicator"}}', 2), ('[1]', 2), ('{}', 1), ('{"type":"bundle","objects":[', 2)):
    r = n.cli('import', '-', '@', '--format', 'stix', stdin=content)
    t.ok(r.status == status and r.out + r.err, f'import of {content}: {status}, and a word of it', r)

# --- import: lists, CSV, MISP ---
r = n.cli('import', write('list.txt', '# feed\n\none.example\n203.0.113.7\nhttp://u.example/x\nd41d8cd98f00b204e9800998ecf8427e\nnot a value!!\n'), '@',
          '--source', 'feed', '--tlp', 'clear', '--confidence', '60', '--json')
t.ok(r.status == 1 and r.json()['format'] == 'list' and r.json()['values'] == 4 and r.json()['failures'][0]['line'] == 7,
     'a plain list: types are found, the bad line is named', r)
r = n.cli('import', path('list.txt'), '@', '--source', 'feed', '--tlp', 'clear', '--confidence', '60', '--json')
t.same((r.json()['stored'], r.json()['duplicates']), (0, 4), 'the same list again gives the same objects')
r = n.cli('import', write('table.csv', 'value,type,comment\ntwo.example,domain,x\n198.51.100.0/24,ip,"y, z"\n'), '@', '--tlp', 'green', '--json')
t.ok(r.status == 0 and r.json()['format'] == 'csv' and r.json()['values'] == 2, 'CSV with a header', r)
r = n.cli('import', write('bare.csv', 'three.example,evil\n'), '@', '--format', 'csv', '--columns', 'value,comment', '--json')
t.ok(r.status == 0 and r.json()['values'] == 1, 'CSV with given columns', r)
misp = {'Event': {'uuid': str(uuid.uuid4()), 'info': 'A campaign', 'date': '2024-01-02', 'timestamp': '1704153600', 'distribution': '3',
                  'Tag': [{'name': 'tlp:green'}], 'Attribute': [
                      {'uuid': str(uuid.uuid4()), 'type': 'domain', 'category': 'Network activity', 'to_ids': True, 'value': 'misp.example',
                       'timestamp': '1704153600', 'comment': ''},
                      {'uuid': str(uuid.uuid4()), 'type': 'sha256', 'category': 'Payload delivery', 'to_ids': True, 'value': 'a' * 64,
                       'timestamp': '1704153600', 'comment': ''}]}}
r = n.cli('import', write('misp.json', misp), '@', '--json')
t.ok(r.status == 0 and r.json()['format'] == 'misp' and r.json()['values'] >= 2, 'a MISP event', r)
facts = n.cli('audit', 'list', '@', 'intel.import', '--json').json()['facts']
t.ok(any(f['subject'] == 'feed' and f['body']['stored'] == 4 for f in facts), 'an import is a fact: who said how much', facts)

# --- search ---
r = n.cli('search', '@', 'evil[.]example', '--json')
t.same([o['id'] for o in r.json()['objects']], [good['id']], 'search by a defanged value')
t.same(r.json()['objects'][0], good, 'the object is as it came')
for args, want in ((['--type', 'malware'], [malware['id']]), (['--id', good['id']], [good['id']]), (['--text', 'Zeus'], [malware['id']]),
                   (['--collection', 'intel/down', '--type', 'indicator'], [good['id'], secret['id']]), (['nothing.example'], [])):
    r = n.cli('search', '@', *args, '--json')
    t.same((r.status, sorted(o['id'] for o in r.json()['objects'])), (0, sorted(want)), f'search {" ".join(args)}')
r = n.cli('search', '@', '--limit', '1', '--json')
t.ok(len(r.json()['objects']) == 1 and r.json()['more'] is True, 'search --limit', r)
newer = dict(good, modified=stamp(1), name='changed')
n.cli('import', '-', '@', stdin=json.dumps(newer))
r = n.cli('search', '@', '--id', good['id'], '--json')
t.same([o['name'] for o in r.json()['objects']], ['changed'], 'the newest version is found')
r = n.cli('search', '@', '--id', good['id'], '--all-versions', '--json')
t.same(len(r.json()['objects']), 2, 'search --all-versions')
for args, word in ((['--after', 'yesterday'], 'after'), (['--limit', 'x'], 'limit'), (['--limit', '0'], 'limit'), (['--collection', 'no'], 'collection')):
    r = n.cli('search', '@', *args)
    t.ok(r.status == 2 and word in r.err, f'search {" ".join(args)} is refused with a reason', r)

# --- show ---
n.cli('import', '-', '@', '--source', 'second opinion', stdin=json.dumps(bundle([dict(newer)])))
r = n.cli('show', '@', 'evil.example', '--json')
v = r.json()
t.ok(r.status == 0 and v['objects'][0]['id'] == good['id'], 'show a value', r)
t.ok({'first.json', 'second opinion'} <= {c['source'] for c in v['objects'][0]['claims']}, 'every source\'s claim is kept', v)
r = n.cli('show', '@', good['id'])
t.ok(r.status == 0 and re.search(r'^SOURCE ', r.out, re.M) and 'first.json' in r.out, 'show an object, for people', r)
r = n.cli('show', '@', 'unheard.example', '--json')
t.ok(r.status == 1 and r.json()['code'] == 'not-found', 'what nobody told is not known', r)

# --- export ---
VALUE = {'plain': r'^{}$', 'csv': r'^"?{}"?,', 'hosts': r'^0\.0\.0\.0 {}$', 'rpz': r'^{} CNAME', 'nftables': '{}', 'ipset': '{}', 'stix': '{}', 'misp': '{}'}
for fmt, shape in VALUE.items():
    r = n.cli('export', '@', '--format', fmt, '--tlp', 'green')
    probe = '203.0.113.7' if fmt in ('nftables', 'ipset') else 'evil.example'
    t.ok(r.status == 0 and re.search(shape.format(re.escape(probe)), r.out, re.M), f'export --format {fmt} has the green indicator', r)
    t.ok('secret.example' not in r.out and secret['id'] not in r.out, f'export --format {fmt} --tlp green has nothing red', r)
    if fmt in ('stix', 'misp'):
        t.ok(r.json() is not None, f'export --format {fmt} is JSON', r)
r = n.cli('export', '@', '--format', 'stix', '--tlp', 'green')
exported = write('exported.json', r.out)
t.same(run('validate', exported, '--must-only').status, 0, 'the exported bundle passes our own validation')
r2 = run('init', path('beta'), '--tier', 'sector', '--name', 'Beta', '--password-stdin', stdin=PASSWORD)
r2 = run('import', exported, path('beta'), '--json')
t.ok(r2.status == 0 and r2.json()['failed'] == 0, 'and another node takes all of it', r2)
r = n.cli('export', '@', '--format', 'plain', '--kinds', 'ipv4')
t.same(sorted(r.out.split()), ['198.51.100.0/24', '203.0.113.7'], 'export --kinds')
r = n.cli('export', '@', '--format', 'plain', '-o', path('out.txt'))
t.ok(r.status == 0 and r.out == '' and b'secret.example' in read(path('out.txt')), 'export -o writes the file; without --tlp all that the reader may see', r)
r = n.cli('export', '@', '--format', 'xml')
t.ok(r.status == 2 and 'format' in r.err, 'an unknown format is refused', r)
r = n.cli('export', '@', '-o', '/nonexistent/x')
t.ok(r.status == 2 and r.err, 'a place that cannot be written: 2', r)

# --- revocation ---
n.cli('import', '-', '@', stdin=json.dumps(dict(newer, modified=stamp(2), revoked=True)))
t.ok('evil.example' not in n.cli('export', '@', '--format', 'plain').out, 'a revoked indicator is on no list')
t.has(n.cli('export', '@', '--format', 'plain', '--with-expired').out, 'evil.example', 'unless it is asked for')

# --- release ---
r = n.cli('release', '@', malware['id'], '--json')
t.ok(r.status == 0 and r.json()['released'] is True, 'release', r)
other = n.cli('search', '@', 'second.example', '--json').json()['objects'][0]
t.ok(other['id'] not in n.cli('search', '@', '--collection', 'intel/down', '--json').out, 'before: not among what goes down')
n.cli('release', '@', other['id'])
t.has(n.cli('search', '@', '--collection', 'intel/down', '--json').out, other['id'], 'after: among it')
r = n.cli('release', '@', stix_id('indicator'))
t.ok(r.status == 2 and r.err, 'what nobody knows cannot be released', r)

# --- watch ---
EVENTS = ['{"timestamp":"2024-01-01T00:00:00Z","event_type":"dns","dns":{"rrname":"x.one.example"}}', '{"bad', '',
          '{"ts":1704067200.0,"id.orig_h":"10.0.0.1","id.resp_h":"203.0.113.7"}', '{"timestamp":"2024-01-01T00:00:00Z","host":"fine.example.org"}']
log = write('eve.json', '\n'.join(EVENTS) + '\n')
r = run('watch', log, '--node', n.dir, '--json')
hits = r.lines()
t.ok(r.status == 1 and sorted(h['matched'] for h in hits) == ['203.0.113.7', 'one.example'], 'watch --json: one line a hit; 1', r)
t.ok(all({'at', 'indicator', 'field', 'value', 'matched', 'where', 'tlp', 'confidence'} <= set(h) for h in hits), 'each hit says what, where and why', r)
t.has(r.err, '1 bad lines', 'bad lines are counted')
r = run('watch', write('fine.json', EVENTS[4] + '\n'), '--node', n.dir)
t.ok(r.status == 0 and r.out == '', 'nothing matches: 0', r)
r = run('watch', path('absent.json'), '--node', n.dir)
t.ok(r.status == 2 and r.err, 'a log that is not there: 2', r)
r = run('watch', '-', '--node', n.dir, stdin=EVENTS[0])
t.ok(r.status == 1 and 'x.one.example' in r.out, 'watch reads standard input, also without a last newline', r)
r = run('watch', log, '--node', n.dir, '--record')
t.ok(r.status == 2 and 'running' in r.err, 'watch --record beside a running node is refused', r)

# --- a configured input ---
n.stop()
live = write('live.json', '')
n.configure(f'[input firewall]\npath = {live}')
n.start()
with open(live, 'a') as f:
    f.write(EVENTS[0] + '\n')
alerts = wait_until(lambda: n.cli('alerts', '@', '--json').json()['alerts'])
t.ok(alerts and alerts[0]['input'] == 'firewall' and alerts[0]['detail']['matched'] == 'one.example', 'a line in a configured log becomes an alert', alerts)
listed = run('detect', '-i', write('one.txt', 'one.example\n'), '--json', '-q', '-', stdin=EVENTS[0] + '\n').json()
t.same((alerts[0]['detail']['value_id'], alerts[0]['detail']['indicator_id']), (listed['indicator_id'], alerts[0]['indicator']),
       'it names the object, and the value by the id that a plain list gives it')
t.has(n.cli('alerts', '@').out, 'x.one.example', 'alerts for people')
sightings = n.cli('search', '@', '--type', 'sighting', '--collection', 'intel/up', '--json').json()['objects']
t.ok(len(sightings) == 1 and sightings[0]['sighting_of_ref'] == alerts[0]['indicator'], 'and a STIX sighting in the collection that goes up', sightings)
v = write('sighting.json', sightings[0] if sightings else {})
t.same(run('validate', v).status, 0, 'the sighting is valid STIX')
inputs = n.cli('status', '@', '--json').json()['inputs']
t.ok(inputs[0]['name'] == 'firewall' and inputs[0]['lines'] == 1 and inputs[0]['hits'] == 1, 'status counts the input', inputs)
os.rename(live, live + '.1')
with open(live, 'w') as f:
    f.write(EVENTS[3] + '\n')
t.ok(wait_until(lambda: len(n.cli('alerts', '@', '--json').json()['alerts']) == 2), 'a rotated log is followed')
n.import_(indicator('fresh.example', tlp='clear'))
started = time.monotonic()


def seen():
    with open(live, 'a') as f:
        f.write('{"dns":{"rrname":"fresh.example"}}\n')
    return len(n.get('/api/v1/alerts').json()['alerts']) > 2


t.ok(wait_until(seen, every=0.005), 'a new indicator is soon live')
t.note(f'import answered -> alert from a log line: {(time.monotonic() - started) * 1000:.0f} ms')

# --- stopped node: the same commands ---
n.stop()
t.same(n.cli('search', '@', 'one.example', '--json').json()['objects'][0]['name'], 'one.example', 'search on a stopped node')
r = n.cli('import', '-', '@', '--json', stdin=json.dumps(bundle([indicator('offline.example', tlp='clear')])))
t.ok(r.status == 0 and r.json()['stored'] == 1, 'import on a stopped node', r)
before = len(n.cli('alerts', '@', '--json').json()['alerts'])
r = run('watch', '-', '--node', n.dir, '--record', stdin='{"q":"offline.example"}\n')
t.ok(r.status == 1, 'watch --record on a stopped node', r)
t.same(len(n.cli('alerts', '@', '--json').json()['alerts']), before + 1, 'made an alert')

r = n.cli('status', '@', '--lang', 'zh')
t.ok(r.status == 0 and '層級' in r.out and 'tier' not in r.out, 'status in zh-TW', r)
r = n.cli('alerts', '@', '--lang', 'zh')
t.ok(r.status == 0 and '時間' in r.out.splitlines()[0], 'tables in zh-TW', r)

# --- audit verify finds what was done to the log ---
r = n.cli('audit', 'verify', '@', '--json')
t.ok(r.status == 0 and r.json()['valid'] is True and r.json()['checked'] > 20, 'the log of facts is whole', r)
last = r.json()['checked']
shutil.copy(os.path.join(n.dir, 'records.db'), path('whole.db'))


def tampered(sql, *values):
    shutil.copy(path('whole.db'), os.path.join(n.dir, 'records.db'))
    db = sqlite3.connect(os.path.join(n.dir, 'records.db'))
    db.execute('PRAGMA journal_mode=WAL')
    for one in sql.split(';'):
        db.execute(one, values if '?' in one else ())
    db.commit()
    db.close()
    r = n.cli('audit', 'verify', '@', '--json')
    return r, r.json() or {}


CASES = [('changed body', "UPDATE fact SET body = '{}' || ' ' WHERE seq = ?", 5), ('changed actor', "UPDATE fact SET actor = 'user:mallory' WHERE seq = ?", 7),
         ('changed time', 'UPDATE fact SET at = at + 1 WHERE seq = ?', 9), ('dropped', 'DELETE FROM fact WHERE seq = ?', 6),
         ('dropped first', 'DELETE FROM fact WHERE seq = ?', 1)]
for what, sql, seq in CASES:
    r, v = tampered(sql, seq)
    t.ok(r.status == 1 and v.get('valid') is False and v.get('first_bad') == seq and str(seq) in v.get('message', ''), f'{what}: fact {seq} is named', r)
r, v = tampered('UPDATE fact SET seq = -1 WHERE seq = 5; UPDATE fact SET seq = 5 WHERE seq = 6; UPDATE fact SET seq = 6 WHERE seq = -1')
t.ok(r.status == 1 and '5' in v.get('message', '') and '6' in v.get('message', ''), 'exchanged: both facts are named', r)
r, v = tampered('DELETE FROM fact WHERE seq = ?', last)
t.ok(r.status == 1 and str(last) in v.get('message', ''), 'a cut tail is seen, because the head is signed', r)
shutil.copy(path('whole.db'), os.path.join(n.dir, 'records.db'))
t.same(n.cli('audit', 'verify', '@').status, 0, 'the untouched log passes again')
objects = next(os.path.join(d, f) for d, _, files in os.walk(n.dir) for f in sorted(files) if re.fullmatch(r'objects-\d+\.log', f))
whole = read(objects)
at = whole.rindex(b'evil.example') + 2
with open(objects, 'r+b') as f:
    f.seek(at)
    f.write(b'O')
r = n.cli('audit', 'verify', '@', '--json')
t.ok(r.status == 1 and r.json()['valid'] is False and 'damaged' in r.json()['objects_message'] and 'first_bad' not in r.json(), 'a changed object is found', r)
with open(objects, 'wb') as f:
    f.write(whole)
r = n.cli('audit', 'verify', '@')
t.ok(r.status == 0 and 'objects' in r.out, 'put back, all is as it was written', r)
t.done()
