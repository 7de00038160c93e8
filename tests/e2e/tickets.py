#!/usr/bin/env python3
"""From alerts to monitoring tickets, on a real node with each kind of store: a flood is one ticket, what a person decides about
it holds and ends, everything is there after a restart."""
import csv, io, pwd
from harness import *

t = Tap()
RULE = '00000000-0000-4000-8000-{:012}'


def rule(title, number, detection, level, tags):
    return (f'title: {title}\nid: {RULE.format(number)}\nauthor: A. Author\nlevel: {level}\ntags: [{tags}]\n'
            f'logsource: {{product: windows}}\ndetection: {{s: {detection}, condition: s}}\n---\n')


def put(file, *lines):
    with open(file, 'a') as f:
        f.write(''.join((x if isinstance(x, str) else json.dumps(x)) + '\n' for x in lines))


def sysmon(image, host='pc1', at='2026-01-02 03:04:05.678', **more):
    return dict({'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': image, 'Computer': host, 'UtcTime': at}, **more)


def eve(host, src, at='2026-01-02T03:04:05Z'):
    return {'timestamp': at, 'event_type': 'tls', 'flow_id': 7, 'host': 'fw1', 'src_ip': src, 'src_port': 50000, 'dest_ip': '192.0.2.9',
            'dest_port': 443, 'tls': {'sni': host}}


class Postgres:
    """A private server of Debian's package."""
    BIN = '/usr/lib/postgresql/15/bin'

    def __init__(self):
        self.process = None
        if not os.access(self.BIN + '/initdb', os.X_OK):
            raise FileNotFoundError('no postgresql-15')
        self.dir, self.port = path('pg'), free_port()
        os.makedirs(self.dir)
        self.user = pwd.getpwnam('postgres') if os.getuid() == 0 else None
        if self.user:
            os.chown(self.dir, self.user.pw_uid, self.user.pw_gid)
            os.chmod(work(), 0o755)
        data = os.path.join(self.dir, 'data')
        subprocess.run([self.BIN + '/initdb', '-D', data, '-U', 'lianfang', '-A', 'trust', '--locale=C.UTF-8', '-N'], check=True,
                       stdout=subprocess.DEVNULL, preexec_fn=self.drop)
        self.process = subprocess.Popen([self.BIN + '/postgres', '-D', data, '-p', str(self.port), '-k', self.dir,
                                         '-c', 'listen_addresses=127.0.0.1'],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=self.drop)
        CHILDREN.append(self.process)

        def up():
            with contextlib.suppress(OSError):
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return subprocess.run([self.BIN + '/createdb', '-h', '127.0.0.1', '-p', str(self.port), '-U', 'lianfang', 'records'],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        if not wait_until(up, every=0.2):
            raise RuntimeError('PostgreSQL does not start')
        self.url = f'postgresql://lianfang@127.0.0.1:{self.port}/records'

    def drop(self):
        die_with_parent()
        if self.user:
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def story(store):
    name = 'sqlite' if store == 'sqlite' else 'postgresql'
    rules = os.path.dirname(write(f'{name}-rules/a.yml', rule('Whoami', 1, "{Image|endswith: '\\whoami.exe', Image|contains: whoami}", 'high', 'attack.t1033, attack.discovery') +
                                  rule('Mimikatz', 2, "{Image|endswith: '\\mimikatz.exe'}", 'critical', 'attack.t1003.001, attack.credential-access')))
    write(f'{name}-rules/z.yml', f'title: Odd port\nid: {RULE.format(3)}\nlevel: low\nlogsource: {{product: zeek, service: conn}}\n'
          "detection: {s: {id.resp_p: 4444}, condition: s}\n")
    zeek = write(f'{name}-logs/conn.log', '#separator \\x09\n#path\tconn\n#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\n'
                 '#types\ttime\taddr\tport\taddr\tport\n')
    log, fw = write(f'{name}-logs/win.json', ''), write(f'{name}-logs/eve.json', '')
    n = Node(name, 'provider', org='市立醫院')
    if store != 'sqlite':
        made = run('init', n.dir + '-pg', '--tier', 'provider', '--name', '市立醫院', '--listen', f'127.0.0.1:{n.port}', '--store', store,
                   '--password-stdin', '--json', stdin=PASSWORD + '\n')
        t.ok(made.status == 0, f'{name}: a node on PostgreSQL', made)
        n.dir += '-pg'
    n.configure(f'[detect]\nrules = {rules}\n[tickets]\nsector = 醫療\nregion = TW-TPE\nsighting_seconds = 1\n'
                f'[input windows]\npath = {log}\n[input firewall]\npath = {fw}\nprotection = network-firewall\n'
                f'[input zeek]\npath = {zeek}')
    n.start()

    def tickets(query=''):
        return n.get('/api/v1/tickets' + query).json()['tickets']

    def ticket(number):
        return n.get('/api/v1/tickets/' + number).json()

    def act(number, what, **body):
        return n.post(f'/api/v1/tickets/{number}/{what}', body)

    def status():
        return n.cli('status', '@', '--json').json()

    # a flood
    FLOOD = 20000
    began = time.monotonic()
    put(log, *(sysmon('C:\\Windows\\whoami.exe', at=f'2026-01-02 03:{i * 30 // FLOOD + 4:02}:05.000') for i in range(FLOOD)))
    t.ok(wait_until(lambda: [x['hits'] for x in tickets()] == [FLOOD], every=0.2), f'{name}: a flood of {FLOOD} hits is one ticket that counts them', tickets())
    t.note(f'{name}: {FLOOD} hits in {time.monotonic() - began:.1f} s, {status()["store"]["facts"]} facts')
    one = ticket(tickets()[0]['number'])
    year = time.strftime('%Y', time.gmtime())
    t.same(one['number'], f'{year}-000001', 'with a number of its year')
    t.same({k: one[k] for k in ('state', 'title', 'class', 'type', 'impact', 'level', 'reporter', 'protection', 'input', 'host', 'start', 'end', 'tlp',
                                'techniques', 'tactics', 'rules', 'disposition', 'connections')},
           {'state': 'open', 'title': 'Whoami', 'class': 'information-gathering', 'type': 'scanner', 'impact': 3, 'level': 'high', 'reporter': '市立醫院',
            'protection': 'edr', 'input': 'windows', 'host': 'pc1', 'start': '2026-01-02T03:04:05.000000Z', 'end': '2026-01-02T03:33:05.000000Z',
            'tlp': 'TLP:AMBER', 'techniques': ['T1033'], 'tactics': ['discovery'], 'rules': [{'id': RULE.format(1), 'title': 'Whoami'}],
            'disposition': '', 'connections': []}, 'what happened, in the words of RSIT and ATT&CK')
    t.same(one['description'].count('Image = '), 1, 'two tests of one value are told once')
    t.same((one['class_name'], one['class_2018_name']['zh'], one['victim']['name'], one['victim']['sector'], one['victim']['region']),
           ({'en': 'Information gathering', 'zh': '資訊蒐集'}, '掃描刺探類', '市立醫院', '醫療', 'TW-TPE'), 'and to whom')
    alerts = n.get('/api/v1/alerts').json()['alerts']
    t.ok(len(alerts) == 1 and alerts[0]['hits'] == FLOOD and alerts[0]['ticket'] == one['number'] and alerts[0]['rule'] == RULE.format(1), 'one alert, counted, that names it', alerts)

    # others
    put(log, sysmon('C:\\mimikatz.exe', at='2026-01-02 03:20:00.000'), sysmon('C:\\whoami.exe', 'pc2'), sysmon('C:\\whoami.exe', at='2026-01-02 09:00:00.000'))
    t.ok(wait_until(lambda: len(tickets()) == 4), 'another rule, another host, another time: other tickets', tickets())
    by = {(x['title'], x['host'], x['start'][11:13]): ticket(x['number']) for x in tickets()}
    cat = by[('Mimikatz', 'pc1', '03')]
    t.same(([r['number'] for r in cat['related']], cat['class'], cat['impact']), ([one['number']], 'intrusions', 4), 'those of one host in one time are related')
    t.same([r['number'] for r in ticket(one['number'])['related']], [cat['number']], 'to each other')
    t.same(by[('Whoami', 'pc2', '03')]['related'], [], 'and others not')

    # indicators: several of one value are one matter, its connections are listed, the sighting grows
    bad, url = indicator('evil.example', tlp='green', confidence=85), indicator('x', tlp='green', pattern="[url:value = 'https://evil.example/x']")
    put(fw, eve('evil.example', '10.0.0.1')) # before anybody knows: found in the history
    n.import_([bad, url])
    t.ok(wait_until(lambda: (put(fw, eve('evil.example', '10.0.0.1')), any(bad['id'] in json.dumps(x) for x in n.get('/api/v1/alerts').json()['alerts']))[1], every=0.2),
         'an indicator is met')
    put(fw, eve('evil.example', '10.0.0.2'), eve('evil.example', '10.0.0.3'), {'timestamp': '2026-01-02T03:10:00Z', 'host': 'fw1', 'flow_id': 1, 'src_ip': '10.0.0.1',
                                                                              'http': {'url': 'https://evil.example/x'}})
    found = lambda: [ticket(x['number']) for x in tickets('?indicator=' + bad['id'])]
    t.ok(wait_until(lambda: len(found()) == 1 and len(found()[0]['connections']) >= 3 and len(found()[0]['indicators']) == 2), 'one ticket of both indicators, with who spoke', found())
    c2 = found()[0]
    t.ok('in field tls.sni of log firewall at fw1' in c2['description'] and c2['host'] == 'fw1', 'where: live or in the past, the same', c2['description'])
    t.same((c2['class'], c2['impact'], c2['protection'], c2['tlp'], sorted(c['between']['src']['ip'] for c in c2['connections'] if 'dst' in c['between'])),
           ('malicious-code', 3, 'network-firewall', 'TLP:GREEN', ['10.0.0.1', '10.0.0.2', '10.0.0.3']), 'its class and connections')
    sightings = lambda: [o for o in n.cli('search', '@', '--type', 'sighting', '--collection', 'intel/up', '--json').json()['objects']
                         if o.get('sighting_of_ref') == bad['id']]
    t.ok(wait_until(lambda: len(sightings()) == 1 and sightings()[0]['count'] >= 3), 'one sighting that grows', sightings())
    t.ok(sightings()[0]['id'] in c2['sightings'] and sightings()[0]['first_seen'] == '2026-01-02T03:04:05.000000Z', 'of its day, named by the ticket', sightings())

    put(zeek, '1767323045.0\t10.0.0.9\t1234\t192.0.2.7\t4444')
    odd = lambda: [ticket(x['number']) for x in tickets('?rule=' + RULE.format(3))]
    t.ok(wait_until(lambda: len(odd()) == 1), 'a line of Zeek')
    t.same([c['between'] for x in odd() for c in x['connections']], [{'src': {'ip': '10.0.0.9', 'port': '1234'}, 'dst': {'ip': '192.0.2.7', 'port': '4444'}}],
           'its connection is told')

    # people
    for name, role in (('alice', 'analyst'), ('rita', 'reader')):
        n.cli('user', 'add', '@', name, '--role', role)
    t.same((act(one['number'], 'assign', to='nobody').status, act(one['number'], 'assign', to='rita').status), (404, 409), 'not to who is not there, or may not act')
    r = n.cli('ticket', 'assign', '@', one['number'], 'nobody')
    t.ok(r.status == 2 and 'nobody' in r.err and ticket(one['number'])['state'] == 'open', 'which is told', r)
    t.same(act(one['number'], 'assign', to='alice').json()['state'], 'in-progress', 'assigned: in progress')
    t.same(act(one['number'], 'note', note='電洽使用者').status, 200, 'a note')
    t.same(act(one['number'], 'close', disposition='maybe').status, 400, 'no such disposition')
    t.same(act(one['number'], 'close', disposition='false-positive', scope='rule+host').status, 400, 'a suppression needs an end')
    closed = n.cli('ticket', 'close', '@', one['number'], '--disposition', 'false-positive', '--note', 'inventory', '--scope', 'rule+host', '--for', '6s', '--json')
    t.same((closed.status, (closed.json() or {}).get('disposition')), (0, 'false-positive'), 'closed as false positive')
    t.same(act(one['number'], 'close', disposition='confirmed').status, 409, 'once')
    held = lambda: [s['held'] for s in n.cli('suppress', 'list', '@', '--json').json()['suppressions']]
    before = len(tickets())
    put(log, *(sysmon('C:\\whoami.exe', at='2026-01-02 03:50:00.000') for _ in range(50)))
    t.ok(wait_until(lambda: held() == [50]), 'what follows is held back and counted', held())
    t.same(len(tickets()), before, 'and makes no ticket')
    t.ok(wait_until(lambda: held() == [], every=0.2), 'until its end')
    put(log, sysmon('C:\\whoami.exe', at='2026-01-02 03:51:00.000'))
    t.ok(wait_until(lambda: len(tickets()) == before + 1), 'then it is a ticket again', tickets())
    r = n.cli('suppress', 'add', '@', '--rule', 'none', '--for', '1h')
    t.ok(r.status == 2 and "no rule in force and no ticket knows 'none'" in r.err, 'a rule that nobody knows is refused', r)
    r = n.cli('suppress', 'add', '@', '--indicator', 'indicator--00000000-0000-4000-8000-000000000000', '--for', '1h')
    t.ok(r.status == 2 and 'this node does not know' in r.err, 'and so is an indicator', r)
    quiet = n.cli('suppress', 'add', '@', '--rule', RULE.format(3), '--for', '1h', '--json')
    t.ok(quiet.status == 0, 'one that is in force and has found nothing is taken', quiet)
    n.cli('suppress', 'remove', '@', str(quiet.json()['row']))
    said = n.cli('suppress', 'add', '@', '--rule', 'none', '--for', '1h', '--force').out
    t.ok(said.startswith('suppression ') and ' added: rule, until ' in said, 'a suppression is said', said)
    row = said.split()[1]
    t.same(n.cli('suppress', 'remove', '@', row).out, f'suppression {row} removed\n', 'and its end')
    again = ticket(tickets()[0]['number'])
    t.ok(again['hits'] == 1 and one['number'] in [r['number'] for r in again['related']], 'a new one, related to the closed one', again)
    score = lambda: n.get('/api/v1/values/evil.example').json()
    was = score()['score']
    t.same(act(c2['number'], 'close', disposition='confirmed', note='cleaned').status, 200, 'another is confirmed')
    t.ok(score()['score'] > was and [o['confirmed'] for o in score()['objects'] if o['id'] == bad['id']] == [1], 'its indicator scores higher', score())
    opinions = lambda: [(o['opinion'], 'cleaned' in json.dumps(o)) for o in n.cli('search', '@', '--type', 'opinion', '--collection', 'intel/up', '--json').json()['objects']
                        if o['object_refs'] == [bad['id']]]
    t.same(opinions(), [('strongly-agree', False)], 'and the tier above hears an opinion, without the note')
    t.same(n.cli('ticket', 'reopen', '@', c2['number']).out, f"open again: {c2['number']}\n", 'reopened, and said')
    t.same((opinions(), score()['score']), ([('neutral', False)], was), 'all is taken back')
    t.same(n.cli('ticket', 'close', '@', c2['number'], '--disposition', 'confirmed', '--note', 'cleaned').out, f"closed: {c2['number']}, confirmed\n", 'confirmed again, and said')

    # facts, sheet, csv
    kinds = [f['kind'] for f in n.get(f'/api/v1/tickets/{one["number"]}/facts').json()['facts']]
    t.same(kinds[:1] + [k for k in kinds if k not in ('ticket.open', 'ticket.relate')], ['ticket.open', 'ticket.assign', 'ticket.note', 'ticket.close'], 'its history')
    sheet = n.cli('ticket', 'export', '@', c2['number'], '--sheet-lang', 'zh-TW').out
    for part in (f'# 資安監控單 {c2["number"]}', '| 事件類別 | 惡意程式 / 中繼站', '| 防護類型 | 網路防火牆 |', '| 處理狀態 | 確實事件 |', '10.0.0.2', 'cleaned'):
        t.has(sheet, part, f'the sheet has {part}')
    t.has(n.cli('ticket', 'export', '@', c2['number'], '--sheet-lang', 'en').out, '| Event class | Malicious code', 'in English too')
    rows = list(csv.DictReader(io.StringIO(n.cli('ticket', 'list', '@', '--csv').out)))
    t.same([r['number'] for r in rows], [x['number'] for x in tickets()], 'the list as CSV')
    t.same([x['number'] for x in tickets('?technique=T1003.001')], [cat['number']], 'by technique')
    r = n.get('/api/v1/tickets?state=nonsense')
    t.ok(r.status == 400 and "is not one of open" in str(r.json()), 'a state that is none is refused', r)
    t.has(n.cli('ticket', 'list', '@', '--state', 'active').out, 'Mimikatz', 'a list for people')
    t.has(n.cli('ticket', 'show', '@', cat['number']).out, 'T1003.001', 'a ticket for people')
    t.same(n.cli('ticket', 'show', '@', '2020-000001').status, 1, 'none of that number')

    # restart
    t.same(n.stop(), 0, 'stops cleanly')
    listed = n.cli('ticket', 'list', '@', '--json')
    t.same(len(listed.json()['tickets']), before + 1, 'a stopped node tells of its tickets')
    n.start()
    put(log, *(sysmon('C:\\whoami.exe', at='2026-01-02 03:52:00.000') for _ in range(3)))
    t.ok(wait_until(lambda: ticket(again['number'])['hits'] == 4), 'after a restart it goes on counting', ticket(again['number']))
    t.same((len(tickets()), ticket(one['number'])['state'], ticket(one['number'])['disposition']), (before + 1, 'closed', 'false-positive'), 'and all is kept')
    roles = children_of(n.process.pid)
    n.process.send_signal(signal.SIGKILL)
    n.process.wait()
    wait_until(lambda: not any(alive(pid) for pid in roles))
    n.start()
    t.ok(len(tickets()) == before + 1 and ticket(one['number'])['hits'] >= FLOOD, 'killed: nothing is lost', tickets())
    t.same(n.cli('audit', 'verify', '@').status, 0, 'the chain of facts is whole')
    t.same(n.stop(), 0, 'stops cleanly')


story('sqlite')
try:
    server = Postgres()
except (FileNotFoundError, KeyError) as e:
    t.skip('the same on PostgreSQL', str(e))
else:
    story(server.url)
t.done()
