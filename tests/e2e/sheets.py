#!/usr/bin/env python3
"""The sheets of joint monitoring: devices by the month, and the analysis of a ticket's intelligence."""
import csv, datetime, io
from harness import *

t = Tap()
rules = os.path.dirname(write('rules/a.yml', '''title: Whoami
id: 11111111-1111-4111-8111-111111111111
level: high
tags: [attack.t1033]
logsource: {category: process_creation, product: windows}
detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}
'''))
win, fw = write('win.json', ''), write('fw.log', '')
n = Node('sheets')
n.configure(f'[detect]\nrules = {rules}\n[tickets]\noid = 2.16.886.101\nsector = water\n'
            f'[input win]\npath = {win}\nprotection = edr\ndevice = EDR-07\nvendor = A, Vendor\nsilence = 3s\n[input gone]\npath = {path("absent/x.log")}\n')
n.start()
now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))  # the wall's clock of the default pack
month = f'{now:%Y-%m}'
before = f'{now.replace(day=1) - datetime.timedelta(days=1):%Y-%m}'


def put(*events):
    with open(win, 'a') as f:
        f.write(''.join(json.dumps(e) + '\n' for e in events))


def sheet(*more):
    r = n.cli('ticket', 'devices', '@', '--month', month, '--json', *more)
    return {d['code']: d for d in r.json()['devices']} if r.status == 0 else r


event = {'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': 'C:\\whoami.exe', 'Computer': 'pc1', 'UtcTime': '2026-01-02 03:04:05.678'}
put(event, event)
t.ok(wait_until(lambda: sheet()['EDR-07']['events'] == 2), 'events are counted', sheet())
time.sleep(1.2)
d = sheet()
t.same({k: d['EDR-07'][k] for k in ('input', 'type', 'vendor', 'gaps', 'continuity', 'silent_seconds', 'reasons')},
       {'input': 'win', 'type': 'edr', 'vendor': 'A, Vendor', 'gaps': 0, 'continuity': 100, 'silent_seconds': 0, 'reasons': []}, 'a device that is heard')
t.ok(d['EDR-07']['reading_seconds'] >= 1 and d['EDR-07']['since'] and d['EDR-07']['last_message'], 'for how long, since when, and when last', d['EDR-07'])
t.ok(d['gone']['continuity'] == 0 and d['gone']['reasons'] == ['source away'] and d['gone']['gaps'] == 1, 'and one whose source is not there', d['gone'])
t.ok(wait_until(lambda: n.cli('status', '@', '--json').json()['inputs'][0]['silent']), 'one falls silent')
sheet()
time.sleep(1.5)
d = sheet()['EDR-07']
t.ok(d['silent_seconds'] >= 1 and d['gaps'] == 1 and d['reasons'] == ['silent'] and d['continuity'] < 100 and d['longest_gap_seconds'] >= 1, 'which is a gap, with its reason', d)
put(event)
t.ok(wait_until(lambda: sheet()['EDR-07']['events'] == 3 and not n.cli('status', '@', '--json').json()['inputs'][0]['silent']), 'it comes again')
t.same(sheet()['EDR-07']['gaps'], 1, 'that was one gap')
kept = sheet()['EDR-07']
t.same(n.stop(), 0, 'stops')
n.start()
d = sheet()['EDR-07']
t.ok(d['since'] == kept['since'] and d['events'] == 3 and d['silent_seconds'] >= kept['silent_seconds'] and d['gaps'] == 1, 'the month outlives the node', d, kept)

r = n.cli('ticket', 'devices', '@', '--month', month, '--csv')
rows = list(csv.DictReader(io.StringIO(r.out)))
t.same([(x['month'], x['org'], x['org_id'], x['device_code'], x['type'], x['vendor'], x['events']) for x in rows][0],
       (month, 'sheets', '2.16.886.101', 'EDR-07', 'edr', 'A, Vendor', '3'), '--csv has the fields of the sheet')
t.ok('監控起始' in n.cli('ticket', 'devices', '@', '--month', month, '--csv', '--lang', 'zh').out, 'in Chinese too')
t.ok('EDR-07' in n.cli('ticket', 'devices', '@', '--month', month).out and 'due by' in n.cli('ticket', 'devices', '@').out, 'and a table')
last = n.cli('ticket', 'devices', '@', '--json').json()
t.ok(last['month'] == before and all(x['continuity'] is None and x['events'] == 0 for x in last['devices']), 'without a month it is the last one', last)
t.ok(last['due'][:10] == f'{now:%Y-%m}-05', 'due by the fifth', last['due'])
for bad in ('2026', '2026-13', '2026-1-', 'x'):
    r = n.cli('ticket', 'devices', '@', '--month', bad)
    t.ok(r.status == 2 and 'expected a year and a month' in r.err, f'"{bad}" is no month', r)

# --- analysis ---
known = indicator('evil.example', confidence=70, tlp='green')
n.import_(known)
with open(win, 'a') as f:
    f.write(json.dumps({'dns': {'rrname': 'evil.example'}, 'event_type': 'dns', 'host': 'fw1'}) + '\n')
of = wait_until(lambda: (lambda of: {'fw1', 'pc1'} <= set(of) and of)({x['host']: x['number'] for x in n.cli('ticket', 'list', '@', '--json').json()['tickets']}))
n.cli('ticket', 'note', '@', of['fw1'], 'seen at two more hosts')
a = n.cli('ticket', 'analysis', '@', of['fw1'], '--json').json()
t.same([(i['id'], i['pattern'], i['confidence']) for i in a['indicators']], [(known['id'], known['pattern'], 70)], 'the indicators of a ticket')
t.ok(a['confidence'] == 70 and 'seen at two more hosts' in a['analysis'] and a['subject'], 'what people noted', a)
a = n.cli('ticket', 'analysis', '@', of['pc1'], '--json').json()
t.same((a['suggested_rules'], a['techniques']), ([{'rule_id': '11111111-1111-4111-8111-111111111111', 'title': 'Whoami'}], ['T1033']), 'the rule that found it')
t.ok('Whoami' in n.cli('ticket', 'analysis', '@', of['pc1'], '--csv').out and 'subject: Whoami' in n.cli('ticket', 'analysis', '@', of['pc1']).out, 'as a table and CSV')
t.same(n.cli('ticket', 'analysis', '@', '2026-999999').status, 1, 'one that is not there')
t.same(n.stop(), 0, 'stops')
t.done()
