#!/usr/bin/env python3
"""The history by hand: logs go in, hunts and searches find what stands in them, damage is told."""
from harness import *

t = Tap()
H = path('history')


def lines(r):
    return [json.loads(line) for line in r.out.splitlines()]


eve = write('eve.json', ''.join(
    json.dumps({'timestamp': f'2026-11-{1 + i // 1000:02d}T{i // 60 % 24:02d}:{i % 60:02d}:00.000000+0000', 'event_type': 'dns',
                'src_ip': f'10.0.{i % 4}.{i % 250}', 'dest_ip': '203.0.113.66' if i == 2077 else f'198.51.{i % 7}.{i % 200}',
                'dns': {'rrname': 'c2.evil.example' if i in (1500, 2500) else f'w{i % 90}.good.example'}}) + '\n' for i in range(3000)))
auth = write('auth.log', ''.join(f'<38>1 2026-11-02T10:00:{i % 60:02d}Z gw sshd {i} - - Failed password for root from 192.0.2.{i % 50} port 22\n'
                                 for i in range(500)))
bad = write('mixed.json', '{"a":"x.evil.example"}\nno json\n{"CommandLine":"C:\\\\Windows\\\\whoami.exe /all","EventID":1}\n')

# --- filling ---
r = run('history', 'add', '--to', H, eve, auth, '--json')
t.same((r.status, r.json()['events'], r.json()['bad']), (0, 3500, 0), 'history add takes what detect reads')
t.same(run('history', 'add', '--to', H, '--format', 'json', bad, '--json').json()['events'], 2, 'what is no event is counted, not stored')
t.same(run('history', 'add', eve).status, 2, 'without a folder')
t.same(run('history', 'add', '--to', H, path('absent')).status, 2, 'a file that is not there')
s = run('history', 'status', '--history', H, '--json').json()
t.same((s['events'], s['skipped'], s['first'][:10]), (3502, 0, '2026-11-01'), 'history status')
t.same(run('history', 'verify', '--history', H).status, 0, 'all is sound')
t.same(run('history', 'status', '--history', path('nowhere')).status, 2, 'a folder that is not there')

# --- hunting ---
def hunt(*what):
    return run('hunt', *what, '--history', H, '--json', '--quiet')


r = hunt('evil.example')
found = lines(r)
t.same((r.status, [(f['file'], f['record'], f['matched']) for f in found]),
       (1, [('eve.json', 1501, 'evil.example'), ('eve.json', 2501, 'evil.example'), ('mixed.json', 1, 'evil.example')]), 'a domain with those below it')
t.same((found[0]['time'], found[0]['type'], found[0]['fields']), ('2026-11-02T01:00:00.000000Z', 'indicator', {'dns.rrname': 'c2.evil.example'}),
       'with its time, field and value')
t.ok(found[0]['indicator_id'].startswith('indicator--') and found[0]['indicator_id'] == found[1]['indicator_id'], 'and an id')
bare = found[0]['indicator_id']
named = write('evil.txt', 'evil.example\n')
seen = write('seen.json', json.dumps({'dns': {'rrname': 'evil.example'}}) + '\n')
t.same([(f['indicator_id'], f['value_id']) for f in lines(run('detect', '-i', named, '--json', '-q', seen))], [(bare, bare)],
       'the same id as in a list, for a value has one')
t.same({f['indicator_id'] for f in lines(hunt("[domain-name:value='EVIL.example']"))}, {bare}, 'and as its pattern')
t.same([f['record'] for f in lines(hunt('hxxp://c2.evil[.]example'))], [], 'a URL is not its host')
t.same([f['record'] for f in lines(hunt('203.0.113.66'))], [2078], 'an address')
t.same([f['record'] for f in lines(hunt('203.0.113.64/27'))], [2078], 'a block of addresses')
t.same(len(lines(hunt('192.0.2.7'))), 10, 'an address in syslog')
t.same([f['record'] for f in lines(hunt("[ipv4-addr:value = '203.0.113.66' OR domain-name:value = 'c2.evil.example']"))], [1501, 2078, 2501],
       'a STIX pattern')
t.same(hunt('nothing.example').status, 0, 'nothing found is 0')
t.same(hunt("[mutex:name MATCHES 'a']").status, 2, 'a pattern that no log shows is refused')
t.same(hunt('no such thing').status, 2, 'what is no indicator is refused')
r = run('hunt', '203.0.113.66', '--history', H, '--json', '--stats')
st = lines(r)[-1]
t.ok(st['found'] == 1 and st['opened'] == 1 and st['blocks'] >= 2, '--stats', st)
listed = write('list.txt', '# ours\n203.0.113.66\nc2.evil.example\nnot a value\n')
r = run('hunt', listed, '--history', H, '--json')
t.same(len(lines(r)), 3, 'a list')
t.has(r.err, '1 left out', 'says what it left out')
one = indicator('evil.example')
r = hunt(write('bundle.json', bundle([one])))
t.same({f['indicator_id'] for f in lines(r)}, {one['id']}, "a bundle's indicator by its id")
t.same([f['record'] for f in lines(run('hunt', 'evil.example', '--history', H, '--json', '--since', '2026-11-03'))], [2501, 1], '--since')
t.same([f['record'] for f in lines(run('hunt', 'evil.example', '--history', H, '--json', '--until', '2026-11-03T00:00:00Z'))], [1501], '--until')
t.same([f['record'] for f in lines(run('hunt', 'evil.example', '--history', H, '--json', '--source', 'mixed.json'))], [1], '--source')
r = run('hunt', 'evil.example', '--history', H, '--json', '-q', '--source', 'mixed.jsn')
t.ok(r.status == 0 and r.out == '' and "no events of an input or file 'mixed.jsn' here" in r.err, 'one that nothing is of is told', r)
t.has(run('hunt', 'evil.example', '--history', H, '-q', '--source', 'auth.log', '--since', '2026-12-01').err, 'in that time', 'or nothing of that time')
t.same(run('hunt', 'nothing.example', '--history', H, '-q', '--source', 'auth.log').err, '', 'one that is there is not')
t.same(run('hunt', 'evil.example', '--history', H, '--since', 'yesterday').status, 2, 'a time that is none')
rule = write('rule.yml', 'title: Who am I\nid: 6f1d9c7e-3b0a-4c53-9f0e-2d7f5a1b8c01\nstatus: test\nauthor: A. Uthor\nlevel: high\n'
             'logsource: {product: test}\ndetection: {s: {CommandLine|contains: whoami}, condition: s}\n')
t.same([(f['rule_id'], f['title'], f['level'], f['author'], f['file'], f['record'], f['fields']) for f in lines(hunt(rule))],
       [('6f1d9c7e-3b0a-4c53-9f0e-2d7f5a1b8c01', 'Who am I', 'high', 'A. Uthor', 'mixed.json', 3, {'CommandLine': 'C:\\Windows\\whoami.exe /all'})],
       'a Sigma rule')
r = run('hunt', 'evil.example', '--history', H)
t.has(r.out, 'rrname = c2.evil.example', 'for people')
t.has(r.err, '3 found', 'with a sum')

# --- searching ---
def search(*what):
    return run('history', 'search', *what, '--history', H, '--json', '--quiet')


t.same([f['record'] for f in lines(search('dest_ip=203.0.113.66'))], [2078], 'a field')
t.same([f['record'] for f in lines(search('dns.rrname=*.evil.example', 'src_ip=10.0.0.*'))], [1501, 2501], 'two conditions')
t.same(len(lines(search('Failed password', '--limit', '3'))), 3, 'text, --limit')
t.same(lines(search('C:\\Windows\\whoami'))[0]['event'], '{"CommandLine":"C:\\\\Windows\\\\whoami.exe /all","EventID":1}', 'the event as it came')
t.same(search('nothing like it').status, 1, 'nothing found is 1')
t.same(run('history', 'search', 'c2.evil', '--history', H).out.splitlines()[0], open(eve).read().splitlines()[1500], 'prints lines as they stood')

# --- while another process writes; damage ---
writer = run('history', 'add', '--to', H, eve)
t.same(len(lines(hunt('203.0.113.66'))), 2, 'what was added since is found')
seg = sorted(f for f in os.listdir(H) if f.endswith('.seg'))[0]
with open(os.path.join(H, seg), 'r+b') as f:
    f.seek(30000)
    b = f.read(1)
    f.seek(30000)
    f.write(bytes([b[0] ^ 1]))
r = run('history', 'verify', '--history', H, '--json')
t.ok(r.status == 1 and r.json()['valid'] is False and r.json()['bad'] == 1, 'verify names a damaged block', r)
t.has(r.err, 'segment 1', 'and where')
r = hunt('192.0.2.7')
t.same(r.status, 2, 'a hunt says that it could not read all')
t.done()
