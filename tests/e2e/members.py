#!/usr/bin/env python3
"""Tickets between tiers: a provider's ticket appears at its sector and at the nation, grows there, and what they say of it comes back."""
from harness import *

t = Tap()
rules = os.path.dirname(write('rules/a.yml', '''title: Whoami
id: 11111111-1111-4111-8111-111111111111
level: high
tags: [attack.t1033]
logsource: {category: process_creation, product: windows}
detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}
'''))
log = write('win.json', '')
provider, sector, nation = Node('provider', 'provider'), Node('sector', 'sector'), Node('nation', 'nation')
provider.configure(f'[detect]\nrules = {rules}\n[tickets]\nsighting_seconds = 1\n[input win]\npath = {log}\nprotection = edr\n'
                   'device = EDR-07\nvendor = A. Vendor')
for n in (provider, sector, nation):
    n.start()


def peer(n, name, other, relation, tlp, url=False):
    r = n.cli('peer', 'add', '@', name, '--relation', relation, '--cert', other.fingerprint, *(['--url', other.url()] if url else []), '--tlp', tlp, '--json')
    t.same(r.status, 0, f'{n.name} adds {name}')


def whoami(host, n=1):
    with open(log, 'a') as f:
        f.write(''.join(json.dumps({'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': 'C:\\whoami.exe', 'Computer': host,
                                    'UtcTime': '2026-01-02 03:04:05.678'}) + '\n' for _ in range(n)))


def tickets(n):
    return n.cli('ticket', 'list', '@', '--json').json()['tickets']


def ticket(n, number):
    return n.cli('ticket', 'show', '@', number, '--json').json()


def facts(n, number, kind):
    return [f for f in n.cli('ticket', 'show', '@', number, '--facts', '--json').json()['facts'] if f['kind'] == kind]


peer(sector, 'provider', provider, 'child', 'amber')
peer(nation, 'sector', sector, 'child', 'green')
peer(provider, 'sector', sector, 'parent', 'amber', url=True)
peer(sector, 'nation', nation, 'parent', 'green', url=True)
whoami('pc1', 3)
own = wait_until(lambda: tickets(provider))
t.ok(own and own[0]['tlp'] == 'TLP:AMBER', 'a ticket at the provider', own)
mine = own[0]['number']
there = wait_until(lambda: tickets(sector))
t.ok(there, 'appears at its sector', sector.text()[-800:], provider.text()[-800:])
one = ticket(sector, there[0]['number'])
t.same((one['reporter'], one['title'], one['host'], one['class'], one['rules'][0]['id'], one['techniques'], one['devices'], one['state'], one['protection']),
       ('provider', 'Whoami', 'pc1', own[0]['class'], '11111111-1111-4111-8111-111111111111', ['T1033'], [{'code': 'EDR-07', 'vendor': 'A. Vendor'}], 'open', 'edr'),
       'with the member named, and all that the ticket says')
t.same([(m['peer'], m['number']) for m in one['members']], [('provider', mine)], "and the member's own number")
whoami('pc1', 20)
t.ok(wait_until(lambda: ticket(sector, one['number'])['hits'] == 23, 15), 'it grows there', ticket(sector, one['number'])['hits'])
t.same(len(tickets(sector)), 1, 'and is one')
time.sleep(1.5)
t.same(tickets(nation), [], 'what is above the ceiling of the next tier does not go there')
t.same(sector.cli('ticket', 'note', '@', one['number'], 'ask them for the memory image').status, 0, 'the sector says something')
t.ok(wait_until(lambda: any('ask them for the memory image' in f['body']['note'] for f in facts(provider, mine, 'ticket.note'))), 'the provider hears it',
     facts(provider, mine, 'ticket.note'), sector.text()[-900:], provider.text()[-900:], facts(sector, one['number'], 'ticket.note'))
t.same(facts(provider, mine, 'ticket.note')[0]['actor'], 'peer:sector', 'and from whom')
sector.cli('ticket', 'close', '@', one['number'], '--disposition', 'confirmed', '--note', 'seen elsewhere too')
t.ok(wait_until(lambda: any('close, confirmed: seen elsewhere too' in f['text'] for f in ticket(provider, mine)['feedback'])), 'the disposition comes back',
     ticket(provider, mine)['feedback'])
t.same(ticket(provider, mine)['state'], 'open', "the provider's ticket is the provider's to close")
provider.cli('ticket', 'close', '@', mine, '--disposition', 'false-positive', '--scope', 'rule+host', '--for', '1h')
t.ok(wait_until(lambda: any('at provider: closed, false-positive' in f['body'].get('note', '') for f in facts(sector, one['number'], 'ticket.note'))),
     'what the provider decides is told to the sector', facts(sector, one['number'], 'ticket.note'))
t.ok(one['number'] in sector.cli('ticket', 'list', '@').out and 'provider' in sector.cli('ticket', 'list', '@').out, 'tables name the member')

# killed while tickets are on their way: none is lost, none is there twice
for i in range(2, 12):
    whoami(f'pc{i}', 2)
    if i in (4, 8):
        os.kill((provider if i == 4 else sector).core(), signal.SIGKILL)
t.ok(wait_until(lambda: provider.health() and len(tickets(provider)) == 11, 30), 'all are tickets of the provider', len(tickets(provider)))
t.ok(wait_until(lambda: sector.health() and len(tickets(sector)) == 11, 30), 'and of the sector', len(tickets(sector)), sector.text()[-600:])
t.same(sorted(x['host'] for x in tickets(sector)), sorted(f'pc{i}' for i in range(1, 12)), 'each once')
t.ok(wait_until(lambda: {x['host']: x['hits'] for x in tickets(sector)} == {x['host']: x['hits'] for x in tickets(provider)}, 15), 'with its hits',
     {x['host']: x['hits'] for x in tickets(sector)}, {x['host']: x['hits'] for x in tickets(provider)})

# who may not
r = nation.cli('ticket', 'list', '@', '--json').json()['tickets']
t.same(r, [], 'the nation has none of it')
for n in (provider, sector, nation):
    t.same(n.stop(), 0, f'{n.name} stops')
t.done()
