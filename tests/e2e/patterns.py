#!/usr/bin/env python3
"""Indicators that no table holds, on a node: they become live one at a time, and what meets them becomes alert and sighting."""
import datetime
from harness import *

t = Tap()
log, zeek = write('logs/win.json', ''), write('logs/conn.log', '')
lists = os.path.dirname(os.path.dirname(write('lists/known/list.json', json.dumps({'name': 'well known names', 'type': 'hostname', 'matching_attributes': ['domain'],
                                                              'list': ['.cdn.example']}))))
n = Node('pat', 'provider')
n.configure(f'[intel]\nwarninglists = {lists}\n[input windows]\npath = {log}\n[input net]\npath = {zeek}')
n.start()


def put(file, *lines):
    with open(file, 'a') as f:
        f.write(''.join((x if isinstance(x, str) else json.dumps(x)) + '\n' for x in lines))


def process(line, host='pc1', seconds=0.0):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return {'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': 'C:\\x.exe', 'CommandLine': line, 'Computer': host,
            'UtcTime': at.strftime('%Y-%m-%d %H:%M:%S.%f')[:-3]}


def pattern(text, **properties):
    return stix('indicator', pattern=text, pattern_type='stix', valid_from=stamp(-3600), **properties)


def alerts(of=None):
    return [a for a in n.get('/api/v1/alerts?limit=10000').json()['alerts'] if of is None or a.get('indicator') == of['id']]


def live():
    return n.cli('status', '@', '--json').json()['detector']


one = pattern("[process:command_line LIKE '%evil%' AND process:command_line MATCHES '-[xy]$']", tlp='green', confidence=85)
n.import_(one)
t.ok(wait_until(lambda: live()['patterns'] == 1), 'a pattern of several comparisons is live', live())
put(log, process('good -x'), process('evil -x', 'pc7'))
t.ok(wait_until(lambda: alerts(one)), 'and makes an alert', n.text()[-800:])
a = alerts(one)[0]
t.same((a['input'], a['where'], a['tlp'], a['detail']['value'], a['detail']['field'], a['detail']['confidence']),
       ('windows', 'pc7', 'TLP:GREEN', 'evil -x', 'CommandLine', 85), 'with log, host, level, value and confidence')
sighting = [o for o in n.cli('search', '@', '--type', 'sighting', '--collection', 'intel/up', '--json').json()['objects'] if o['id'] == a['sighting']]
t.ok(len(sighting) == 1 and sighting[0]['sighting_of_ref'] == one['id'] and sighting[0]['object_marking_refs'] == [TLP['green']],
     'and a sighting as secret as the indicator', sighting)

two = pattern("[process:command_line LIKE '%stage one%'] FOLLOWEDBY [network-traffic:dst_port > 8000 AND network-traffic:dst_ref.value ISSUBSET "
              "'198.51.100.0/24'] WITHIN 600 SECONDS", tlp='clear')
n.import_(two)
t.ok(wait_until(lambda: live()['patterns'] == 2), 'a pattern of several observations is live')
put(log, process('run stage one', 'pc3'))
put(zeek, '#separator \\x09', '#path\tconn', '#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto',
    '#types\ttime\tstring\taddr\tport\taddr\tport\tenum', f'{time.time() + 1:.3f}\tC1\t10.0.0.5\t50000\t198.51.100.7\t8443\ttcp')
t.ok(wait_until(lambda: alerts(two)), 'observations in two logs make one alert', n.text()[-800:])
a = alerts(two)[0]
t.ok(a['input'] == 'net' and '8443' in a['detail']['event'] and a['detail']['value'] == '198.51.100.7', 'shown with the latest of them', a)

cdn = pattern("[domain-name:value LIKE '%.example' AND domain-name:value NOT LIKE 'x%']")
n.import_(cdn)
t.ok(wait_until(lambda: live()['patterns'] == 3), 'one that meets well known names')
dns = {'EventID': 22, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Computer': 'pc9', 'UtcTime': '2026-01-02 05:06:07.000'}
put(log, dict(dns, QueryName='a.cdn.example'))
t.ok(wait_until(lambda: live()['suppressed'] >= 1) and not alerts(cdn), 'is held back by a warning list', alerts(cdn))
put(log, dict(dns, QueryName='b.other.example'))
t.ok(wait_until(lambda: alerts(cdn)), 'and hits others')

bad = pattern("[mutex:name = 'x' AND mutex:name != 'y']")
n.import_(bad)
t.ok(wait_until(lambda: live()['unsupported'] == 1), 'what no log shows is counted', live())
t.has(n.text(), 'cannot be matched', 'and told')

newer = dict(one, modified=stamp(5), pattern="[process:command_line LIKE '%worse%' AND process:command_line MATCHES '-[xy]$']")
n.import_(newer)
n.import_(dict(newer, modified=stamp(9), revoked=True))
t.ok(wait_until(lambda: live()['patterns'] == 2), 'a revoked one is gone', live())

# what becomes known later is looked for in the past, several observations included
put(log, process('late stage A', 'pc20'), process('late stage B', 'pc20', 1.0), process('late -q', 'pc21', 2.0))
t.ok(wait_until(lambda: n.cli('status', '@', '--json').json()['history']['events'] >= 9), 'events are kept')
both = pattern("[process:command_line LIKE '%stage A'] FOLLOWEDBY [process:command_line LIKE '%stage B'] WITHIN 60 SECONDS", tlp='amber', confidence=40)
one_late = pattern("[process:command_line LIKE 'late -_' AND process:pid NOT IN (1, 2) OR process:command_line = 'late -q']")
n.import_([both, one_late])
t.ok(wait_until(lambda: alerts(both) and alerts(one_late)), 'patterns known later: found in the history', n.text()[-800:])
a = alerts(both)
t.ok(a and (a[0]['input'], a[0]['tlp'], a[0]['detail']['confidence']) == ('windows', 'TLP:AMBER', 40), 'several observations, with log, level and confidence', a)
a = alerts(one_late)
t.ok(a and 'late -q' in a[0]['detail']['event'], 'one, with its event', a)
r = run('hunt', both['pattern'], '--node', n.dir, '--json')
t.ok(r.status == 1 and r.json()['records'] and r.json()['matched'] == both['pattern'], 'lianfang hunt finds the same beside the node', r)
n.import_([dict(x, modified=stamp(9), revoked=True) for x in (both, one_late)])
t.ok(wait_until(lambda: live()['patterns'] == 2), 'and both are revoked', live())

# what an operator has counted outlives the process
late = pattern("[process:command_line = 'first of two'] FOLLOWEDBY [process:command_line = 'second of two'] WITHIN 600 SECONDS")
n.import_(late)
t.ok(wait_until(lambda: live()['patterns'] == 3), 'a pattern of two observations')
put(log, process('first of two', 'pc30'))
t.ok(wait_until(lambda: n.cli('status', '@', '--json').json()['history']['events'] >= 10), 'the first is kept')
time.sleep(1.2)  # until its bytes are flushed
os.kill(n.role('detect'), signal.SIGKILL)
t.ok(wait_until(lambda: live()['patterns'] == 3), 'the detect role was killed and is back')
put(log, process('second of two', 'pc30', 1.0))
t.ok(wait_until(lambda: alerts(late)), 'the second comes after that: the alert is made', n.text()[-800:])
t.same(len(alerts(both)), 1, 'and what was told before is not told anew')
n.import_(dict(late, modified=stamp(9), revoked=True))
t.ok(wait_until(lambda: live()['patterns'] == 2), 'revoked, too')

feed = [pattern(f"[process:command_line LIKE '%tool{i}-%' AND process:command_line MATCHES 'x+{i % 7}']") for i in range(2000)]
started = time.monotonic()
n.import_(feed)
t.ok(wait_until(lambda: live()['patterns'] == 2002 and live()['patterns_waiting'] == 0), 'a feed of patterns is live', live())
t.note(f'2,000 patterns imported and live: {time.monotonic() - started:.1f} s')
last = pattern("[process:command_line LIKE '%very new%' AND process:pid > 1]")
n.import_(last)
started = time.monotonic()
t.ok(wait_until(lambda: live()['patterns'] == 2003 and live()['patterns_waiting'] == 0, every=0.005), 'and one more')
t.note(f'one more is live: {(time.monotonic() - started) * 1000:.0f} ms, asking included')
put(log, dict(process('very new tool7-xx0', 'pc11'), ProcessId=77))
t.ok(wait_until(lambda: alerts(last) and alerts(feed[7])), 'both are met', alerts(last))
n.stop()
n.start()
t.ok(wait_until(lambda: live()['patterns'] == 2003), 'after a restart all are live again')
put(log, process('tool12-xx5', 'pc12'))
t.ok(wait_until(lambda: alerts(feed[12])), 'and met')
n.stop()
t.done()
