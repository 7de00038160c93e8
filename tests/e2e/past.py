#!/usr/bin/env python3
"""What becomes known by the thousand is looked for in the past all the same, and what was seen by the thousand is counted to the last."""
from harness import *

t = Tap()
N, SLOW, FEED = 6000, 60, 15000
log = write('logs/dns.json', '')
n = Node('past', 'provider', conf=f'[tickets]\nsighting_seconds = 1\n[input dns]\npath = {log}')
n.start()
T0 = 1767323045


def at(second):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(T0 + second)) + 'Z'


def event(name, second):
    return json.dumps({'EventID': 22, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Computer': 'pc1', 'UtcTime': at(second), 'QueryName': name}) + '\n'


# one that floods, one seen each ten minutes, one seen once behind them all; then more of the first, far from the others
with open(log, 'a') as f:
    f.write(''.join(event('flood.example', i * 0.1) for i in range(N)))
    f.write(''.join(event('slow.example', 600 * i) for i in range(SLOW)))
    f.write(''.join(event('flood.example', 40000 + i * 0.1) for i in range(N)))
    f.write(event('once.example', 50000))
t.ok(wait_until(lambda: n.cli('status', '@', '--json').json()['history']['events'] == 2 * N + SLOW + 1), 'events are kept')
wanted = {name: indicator(name + '.example', tlp='green') for name in ('flood', 'slow', 'once')}
feed = [indicator(f'x{i}.bulk.example', tlp='green') for i in range(FEED)]
reply = n.import_([wanted['flood']] + feed[:FEED // 2] + [wanted['slow']] + feed[FEED // 2:] + [wanted['once']])
t.same(reply.status, 200, 'a feed in one go')


def history():
    return n.cli('status', '@', '--json').json()['history']


t.ok(wait_until(lambda: history()['indicators_hunted'] == FEED + 3), 'each of it was looked for', history())
t.same((history()['held_back'], history()['found']), (0, 2 * N + SLOW + 1), 'nothing was left out')


def counts():
    of = {i['id']: name for name, i in wanted.items()}
    return {of[o['sighting_of_ref']]: o['count'] for o in n.cli('search', '@', '--type', 'sighting', '--collection', 'intel/up', '--json').json()['objects']
            if o['sighting_of_ref'] in of}


want = {'flood': 2 * N, 'slow': SLOW, 'once': 1}
t.ok(wait_until(lambda: counts() == want), 'sightings of that day with every event counted', counts(), n.text()[-500:])
seen = [o for o in n.cli('search', '@', '--type', 'sighting', '--collection', 'intel/up', '--json').json()['objects']
        if o['sighting_of_ref'] == wanted['flood']['id']]
t.same([(o['first_seen'][:19] + 'Z', o['last_seen'][:19] + 'Z') for o in seen], [(at(0), at(40000 + (N - 1) * 0.1))], 'first and last as the events say')
alerts = [a for a in n.get('/api/v1/alerts?limit=10000').json()['alerts'] if a.get('indicator') == wanted['flood']['id']]
t.ok(0 < len(alerts) < 40, 'and few alerts', len(alerts))
n.stop()
t.done()
