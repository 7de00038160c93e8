#!/usr/bin/env python3
"""A node's inputs against Sigma rules: formats, alerts, correlations, rules that change while events flow."""
from harness import *

t = Tap()


def rule(title, number, detection, source='product: windows', more=''):
    return (f'title: {title}\nname: r{number}\nid: 00000000-0000-4000-8000-{number:012}\nauthor: A. Author\nlevel: high\ntags: [attack.t1033]\n'
            f'logsource: {{{source}}}\ndetection: {{s: {detection}, condition: s}}\n{more}')


rules = os.path.dirname(write('rules/a.yml', rule('Whoami', 1, "{Image|endswith: '\\whoami.exe'}") +
                              '---\n' + rule('Failed logon', 2, '{EventID: 4625}') +
                              '---\ntitle: Guessing\nid: 00000000-0000-4000-8000-000000000003\nlevel: critical\ncorrelation:\n  type: event_count\n'
                              '  rules: [r2]\n  group-by: [TargetUserName]\n  timespan: 5m\n  condition: {gte: 3}\n'))
write('rules/words.yml', rule('Pwned', 9, '[pwned]', 'product: ourapp'))
write('rules/bad.yml', 'title: Bad\nlogsource: {category: x}\ndetection: {s: {a|nonsense: b}, condition: s}\n')
log, fw = write('logs/win.json', ''), write('logs/fw.log', '')
n = Node('soc', 'provider')
app = write('logs/app.txt', '')
n.configure(f'[detect]\nrules = {rules}\n[input windows]\npath = {log}\n[input firewall]\npath = {fw}\n'
            f'[input app]\npath = {app}\nformat = text\nassume = product=ourapp\n[input other]\npath = {app}\nformat = text')
n.start()
t.has(n.text(), '4 Sigma rules in force, 1 not', 'the log says what became of the rules')


def put(file, *lines):
    with open(file, 'a') as f:
        f.write(''.join((x if isinstance(x, str) else json.dumps(x)) + '\n' for x in lines))


def alerts():
    return n.get('/api/v1/alerts?limit=10000').json()['alerts']


def titles():
    return sorted(a['detail'].get('title', '') for a in alerts())


def sysmon(image, **more):
    return dict({'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': image, 'Computer': 'pc1',
                 'UtcTime': '2026-01-02 03:04:05.678'}, **more)


put(log, sysmon('C:\\x.exe'), sysmon('C:\\Windows\\whoami.exe'))
t.ok(wait_until(lambda: titles() == ['Whoami']), 'a rule that matches becomes an alert', alerts())
a = alerts()[0]
t.same((a['input'], a['where'], a['at'], a['detail']['rule_id'], a['detail']['author'], a['detail']['fields'], a['detail']['tags']),
       ('windows', 'pc1', '2026-01-02T03:04:05.678000Z', '00000000-0000-4000-8000-000000000001', 'A. Author',
        [{'name': 'Image', 'value': 'C:\\Windows\\whoami.exe'}], ['attack.t1033']), 'with place, time, rule, author and what matched')
t.has(n.cli('alerts', '@').out, 'Whoami', 'alerts for people')
put(log, sysmon('C:\\y\\whoami.exe'), sysmon('C:\\y\\whoami.exe', Computer='pc2'))
t.ok(wait_until(lambda: len(alerts()) == 2) and sorted(a['where'] for a in alerts()) == ['pc1', 'pc2'], 'one alert a day of a rule at a host', alerts())
put(log, *({'EventID': 4625, 'Channel': 'Security', 'TargetUserName': u, 'Computer': 'dc', '@timestamp': f'2026-01-02T04:00:0{i}Z'}
           for i, u in enumerate(['bob', 'eve', 'bob', 'bob'])))
t.ok(wait_until(lambda: 'Guessing' in titles()), 'a correlation fires when its window has seen enough', alerts())
found = [a for a in alerts() if a['detail'].get('title') == 'Guessing']
t.ok(found and found[0]['detail']['fields'] == [{'name': 'TargetUserName', 'value': 'bob'}, {'name': 'value', 'value': '3'}], 'with its group', found)
made = found[0]['detail']
t.same((made['group'], [r['title'] for r in made['rules']], made['rules'][0]['rule_id'][-1], made['first'], made['last']),
       ({'TargetUserName': 'bob'}, ['Failed logon'], '2', '2026-01-02T04:00:00.000000Z', '2026-01-02T04:00:03.000000Z'), 'its rules, and from when to when')
of = n.cli('ticket', 'show', '@', found[0]['ticket'], '--json').json()
t.ok("TargetUserName = bob" in of['description'] and "It counts 'Failed logon'; the first event that takes part is of 2026-01-02T04:00:00" in of['description'],
     'and so does its ticket', of)
t.ok('Failed logon' not in titles(), 'a rule that only feeds it makes no alert of its own')

n.import_(indicator('evil.example', tlp='clear'))
t.ok(wait_until(lambda: (put(fw, '<34>1 2026-01-02T03:04:05Z gw fw - - - CEF:0|V|Box|1|100|Blocked|5|src=192.0.2.1 dhost=www.evil.example'),
                         any(x['input'] == 'firewall' for x in alerts()))[1], every=0.1), 'an indicator in CEF within syslog', n.text())
put(fw, 'no log line at all', '')
status = n.cli('status', '@', '--json').json()
t.same({k: status['rules'][k] for k in ('loaded', 'refused', 'correlations')}, {'loaded': 4, 'refused': 1, 'correlations': 1}, 'status counts rules')
t.ok(sum(x['rule_hits'] for x in status['inputs']) == 4 and status['inputs'][0]['held_back'] == 1, 'and matches, also those held back', status['inputs'])

# what becomes known later is looked for in the past
put(log, {'EventID': 22, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'QueryName': 'c2.late.example', 'Computer': 'pc9',
          'UtcTime': '2026-01-02 05:06:07.000'})
t.ok(wait_until(lambda: n.cli('status', '@', '--json').json()['inputs'][0]['lines'] == 9) and
     n.cli('status', '@', '--json').json()['history']['events'] > 8, 'events are kept')
t.ok(not any('late' in json.dumps(a) for a in alerts()), 'a name that nobody knows makes no alert')
started = time.monotonic()
n.import_(indicator('late.example', tlp='green'))
t.ok(wait_until(lambda: any(a['detail'].get('matched') == 'late.example' for a in alerts())), 'known later: found in the history', n.text()[-800:])
t.note(f'indicator known -> alert of the past: {(time.monotonic() - started) * 1000:.0f} ms')
late = [a for a in alerts() if a['detail'].get('matched') == 'late.example']
t.ok(late and late[0]['at'] == '2026-01-02T05:06:07.000000Z' and late[0]['input'] == 'windows', 'with the original time and log', late)
sighting = [o for o in n.cli('search', '@', '--type', 'sighting', '--collection', 'intel/up', '--json').json()['objects']
            if late and o['id'] == late[0].get('sighting')]
t.ok(len(sighting) == 1 and sighting[0]['first_seen'].startswith('2026-01-02T05:06:07'), 'and its sighting goes up', sighting)
r = run('hunt', 'late.example', '--node', n.dir, '--json')
t.ok(r.status == 1 and 'c2.late.example' in r.out, 'lianfang hunt finds the same beside the running node', r)

# what correlations had counted outlives the detect role
def guessed(user):
    return [a for a in alerts() if a['detail'].get('group') == {'TargetUserName': user}]


def logon(user, second):
    return {'EventID': 4625, 'Channel': 'Security', 'TargetUserName': user, 'Computer': 'dc', '@timestamp': f'2026-01-02T04:01:{second:02}Z'}


bob = guessed('bob')
put(log, logon('carol', 0), logon('carol', 1))
t.ok(wait_until(lambda: n.cli('status', '@', '--json').json()['inputs'][0]['lines'] == 11), 'two are counted')
time.sleep(1.5) # and in the history
role = n.role('detect')
os.kill(role, signal.SIGKILL)
t.ok(wait_until(lambda: n.role('detect') not in (None, role) and 'events counted again for correlations' in n.text()), 'the role is killed; what it had counted is counted again', n.text()[-600:])
put(log, logon('carol', 2), logon('dave', 3))
t.ok(wait_until(lambda: guessed('carol'), 15), 'the third one behind it fires', alerts())
t.same((len(guessed('carol')), len(guessed('bob')), guessed('dave')), (1, 1, []), 'once, and nothing twice')
t.same(guessed('carol')[0]['detail']['first'], '2026-01-02T04:01:00.000000Z', 'with the first event of the life before')

# an input says what its lines are; the same lines in another are of no known source
put(app, 'we are pwned now')
t.ok(wait_until(lambda: 'Pwned' in titles()), 'keywords of the source that an input assumes', n.text()[-400:])
t.same([a['input'] for a in alerts() if a['detail'].get('title') == 'Pwned'], ['app'], 'and of no other')

# rules read anew while events flow: none is lost
write('rules/new.yml', rule('New rule', 4, '{CommandLine|contains: secret}'))
stop, sent = time.monotonic() + 2, 0
while time.monotonic() < stop:
    put(log, *(sysmon('C:\\z.exe', Computer=f'h{sent + i}', CommandLine='the secret') for i in range(20)))
    sent += 20
    if sent == 200:
        n.process.send_signal(signal.SIGHUP)
    time.sleep(0.01)
t.ok(wait_until(lambda: n.cli('status', '@', '--json').json()['inputs'][0]['lines'] == 13 + sent), f'each of {sent} events is read', n.cli('status', '@', '--json').json()['inputs'])
t.has(n.text(), '5 Sigma rules in force', 'SIGHUP brings the new rule')
got = [a['where'] for a in alerts() if a['detail'].get('title') == 'New rule']
t.ok(got and f'h{sent - 1}' in got and len(set(got)) == len(got) and sorted(int(h[1:]) for h in got) == list(range(min(int(h[1:]) for h in got), sent)),
     f'from then on every event meets it ({len(got)} of {sent}), without a gap', str(got[:5]))
# killed and started again: every event stands once in the history
before = n.cli('status', '@', '--json').json()['history']['events']
n.process.send_signal(signal.SIGKILL)
n.process.wait()
put(log, sysmon('C:\\after.exe', Computer='last'))
n.start()
t.ok(wait_until(lambda: n.cli('status', '@', '--json').json().get('history', {}).get('events') == before + 1), 'after kill -9 the history is complete')
t.same(n.stop(), 0, 'stops cleanly')
r = run('history', 'search', '--node', n.dir, '--json', 'Channel=Microsoft-Windows-Sysmon/Operational')
t.same(len([x for x in r.out.splitlines() if '"line"' in x or '"event"' in x]), 6 + sent, 'and holds each event once')
t.same(min(json.loads(x)['record'] for x in r.out.splitlines() if '"record"' in x), 1, 'records count from 1')
n.start()
for f in ('a.yml', 'new.yml', 'bad.yml', 'words.yml'):
    os.rename(path('rules', f), path('rules', f + '.off'))
n.process.send_signal(signal.SIGHUP)
t.ok(wait_until(lambda: '0 Sigma rules in force' in n.text()), 'all rules taken away')
t.same(n.stop(), 0, 'stops cleanly')
n.configure('[detect]\nlists = /nowhere')
n.start(wait=False)
t.ok(wait_until(lambda: n.process.poll() is not None) and 'nowhere' in n.text(), 'a folder of lists that is not there: refuses to start, naming it', n.text()[-500:])
t.done()
