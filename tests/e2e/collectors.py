#!/usr/bin/env python3
"""Nodes that collect, workers that match, a node that hears of it: over a queue on PostgreSQL, with whatever is killed on the way. Every
event goes into the queue once, and what was found becomes an alert of the third node once."""
import collections

from postgres import *

t = Tap()
if why_not():
    t.skip('PostgreSQL', why_not())
    t.done()
db = server()
if not t.ok(db, 'PostgreSQL'):
    t.done()
db.ask('CREATE DATABASE soc')
url = db.url('soc')
t.same(run('queue', 'add', write('none.json', ''), '--queue', url, '--tolerance', 4, '--shards', 8, '-q').status, 0, 'a queue, made beforehand')


def rule(title, number, detection, more=''):
    return (f'title: {title}\nname: r{number}\nid: 00000000-0000-4000-8000-{number:012}\nauthor: A. Author\nlevel: high\ntags: [attack.t1033]\n'
            f'logsource: {{product: windows}}\ndetection: {{s: {detection}, condition: s}}\n{more}')


rules = os.path.dirname(write('rules/a.yml', rule('Whoami', 1, "{Image|endswith: '\\whoami.exe'}") + '---\n' + rule('Failed logon', 2, '{EventID: 4625}') +
                              '---\ntitle: Guessing\nid: 00000000-0000-4000-8000-000000000003\nlevel: critical\nauthor: B. Author\ncorrelation:\n'
                              '  type: event_count\n  rules: [r2]\n  group-by: [TargetUserName]\n  timespan: 10m\n  condition: {gte: 3}\n'))
evil = indicator('evil.example', tlp='clear')
north_log, south_log = write('logs/north.json', ''), write('logs/south.json', '')
collector = f'[history]\nqueue = {url}\n[detect]\nmatch = no\nrules = {rules}\n'
north = Node('north', 'provider', conf=collector + f'[input windows]\npath = {north_log}')
south = Node('south', 'provider', conf=collector + f'[input desk]\npath = {south_log}')
centre = Node('centre', 'sector', conf=f'[detect]\nqueue = {url}')
broken = Node('broken', 'sector', conf=f'[detect]\nmatch = no\n[input windows]\npath = {north_log}')
broken.start(wait=False)
t.ok(wait_until(lambda: broken.process.poll() is not None) and '[history] queue' in broken.text(), 'who matches nothing and hands nothing on is told', broken.text()[-500:])
for n in (north, south, centre):
    n.start()
centre.import_(evil)
north.import_(evil)
worker_log = open(path('worker.log'), 'ab')


def start_worker():
    w = subprocess.Popen([program(), 'queue', 'work', rules, '-i', write('bundle.json', bundle([evil])), '--queue', url, '--lease', '2'],
                         env=environment(), stdout=worker_log, stderr=worker_log, preexec_fn=die_with_parent)
    CHILDREN.append(w)
    return w


workers = [start_worker(), start_worker()]


def put(file, *events):
    with open(file, 'a') as f:
        f.write(''.join(json.dumps(e) + '\n' for e in events))


def now(back=0.0):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(time.time() - back)) + '.123Z'


def sysmon(host):
    return {'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': 'C:\\Windows\\whoami.exe', 'Computer': host, 'UtcTime': now()}


def failed(user, back):
    return {'EventID': 4625, 'Channel': 'Security', 'TargetUserName': user, 'Computer': 'dc', '@timestamp': now(back)}


def alerts():
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        return centre.get('/api/v1/alerts?limit=10000').json()['alerts']
    return []


def status(node, key):
    return (node.cli('status', '@', '--json').json() or {}).get('queue', {}).get(key)


put(north_log, failed('bob', 3), failed('bob', 2), sysmon('pc-first'))
put(south_log, failed('bob', 1), {'timestamp': now(), 'dns': {'rrname': 'www.evil.example'}, 'host': 'resolver'})
t.ok(wait_until(lambda: len(alerts()) == 3, 60), 'what workers find becomes alerts here', [(a['input'], a['detail']) for a in alerts()], centre.text()[-1500:])
by = {a['detail'].get('title', a['observable']): a for a in alerts()}
who = by.get('Whoami', {})
t.same((who.get('input'), who.get('where'), who.get('detail', {}).get('author'), who.get('detail', {}).get('tags'), who.get('detail', {}).get('fields')),
       ('windows', 'pc-first', 'A. Author', ['attack.t1033'], [{'name': 'Image', 'value': 'C:\\Windows\\whoami.exe'}]), 'a rule, with place, author and what matched')
t.has(who.get('detail', {}).get('event', ''), 'pc-first', 'and the event')
guess = by.get('Guessing', {})
t.same(guess.get('detail', {}).get('fields'), [{'name': 'TargetUserName', 'value': 'bob'}, {'name': 'value', 'value': '3'}],
       'a correlation of events that came over two collectors')
hit = by.get('domain-name:www.evil.example', {})
t.same((hit.get('indicator'), hit.get('input'), bool(hit.get('sighting'))), (evil['id'], 'desk', True), 'an indicator, with a sighting')
t.same([len(n.get('/api/v1/alerts?limit=100').json()['alerts']) for n in (north, south)], [0, 0], 'the collectors match nothing')

wanted = {f'pc{i}' for i in range(240)}
for i in range(12):
    put(north_log, *[sysmon(f'pc{k}') for k in range(i * 20, i * 20 + 10)])
    put(south_log, *[sysmon(f'pc{k}') for k in range(i * 20 + 10, i * 20 + 20)])
    time.sleep(0.7)
    if i in (2, 5, 8): # in the middle of taking what was found, as well as it can be aimed at
        there = len(alerts())
        wait_until(lambda: len(alerts()) > there, 8, 0.0)
        os.kill(centre.core(), signal.SIGKILL)
    if i == 3:
        os.kill(north.role('detect'), signal.SIGKILL)
    if i == 4:
        os.kill(south.core(), signal.SIGKILL)
    if i in (1, 6):
        workers[i % 2].kill()
        workers[i % 2].wait()
        workers[i % 2] = start_worker()
    if i == 7:
        db.kill()
    if i == 9:
        t.ok(db.start(), 'the database was away for a while')


def hosts():
    return collections.Counter(a['where'] for a in alerts() if a['detail'].get('title') == 'Whoami' and a['where'] != 'pc-first')


t.ok(wait_until(lambda: wanted <= set(hosts()), 90), 'every host has its alert, whatever was killed', sorted(wanted - set(hosts()))[:10],
     run('queue', 'status', '--queue', url).out, centre.text()[-1000:], read(path('worker.log')).decode()[-1000:])
time.sleep(1.5)
got = hosts()
t.same(sorted(h for h in got if got[h] != 1), [], 'and only one')
events = run('queue', 'status', '--queue', url, '--json').json()['events']
t.same(events, 5 + len(wanted), 'the queue holds every event once')
if events != 5 + len(wanted):
    t.note(db.ask('SELECT id, number, events, first, last, state FROM bq_block ORDER BY number', 'soc').replace('\n', '\n# '))
t.ok(status(north, 'blocks_away') is False and status(north, 'segments_missed') == 0 and status(centre, 'alerts_not_kept') == 0,
     'what a node says of its queue', north.cli('status', '@', '--json').out)
t.same(len(run('history', 'search', 'Computer=pc7', '--queue', url, '--json', '-q').lines()), 1, 'a search over all collectors')
for w in workers:
    w.terminate()
t.same([w.wait(timeout=PATIENCE) for w in workers], [0, 0], 'workers end well')
t.same([n.stop() for n in (north, south, centre)], [0, 0, 0], 'and so do the nodes')
db.stop()
t.done()
