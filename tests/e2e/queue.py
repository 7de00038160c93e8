#!/usr/bin/env python3
"""Workers on a queue of blocks: every alert once, though workers are killed all the time."""
import random, sqlite3, time

from postgres import *

t = Tap()
N = 60_000

eve = write('eve.json', ''.join(
    json.dumps({'timestamp': f'2026-11-{1 + i // 10000:02d}T{i // 60 % 24:02d}:{i % 60:02d}:00.000000+0000', 'n': i,
                'dest_ip': '203.0.113.66' if i % 500 == 7 else f'198.51.{i % 7}.{i % 200}',
                'dns': {'rrname': f'w{i % 90}.good.example'}}) + '\n' for i in range(N)))
wanted = {i + 1 for i in range(N) if i % 500 == 7}



def on(Q, other, absent):
    r = run('queue', 'add', eve, '--queue', Q, '--json')
    t.same((r.status, r.json()['events']), (0, N), 'queue add')
    r = run('queue', 'add', eve, '--queue', Q)
    t.same(run('queue', 'status', '--queue', Q, '--json').json()['events'], N, 'the same file again puts nothing twice')
    t.has(r.err, f'0 events put, {N} were there already', 'and says so')
    t.same(run('queue', 'status', '--queue', absent).status, 2, 'a queue that is not there')
    t.same(run('queue', 'work', 'no such thing', '--queue', Q).status, 2, 'what is no indicator is refused')

    rng = random.Random(7)
    killed = 0
    for _ in range(6):
        worker = subprocess.Popen([program(), 'queue', 'work', '203.0.113.0/24', '--queue', Q, '--lease', '1'], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.01, 0.12))
        worker.kill()
        worker.wait()
        killed += 1
    time.sleep(1.1)
    workers = [subprocess.Popen([program(), 'queue', 'work', '203.0.113.0/24', '--queue', Q, '--lease', '5', '--until-empty', '--json'], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE) for _ in range(2)]
    out = [w.communicate(timeout=60) for w in workers]
    t.same([w.returncode for w in workers], [0, 0], 'two workers end when nothing is left')
    s = run('queue', 'status', '--queue', Q, '--json').json()
    t.same((s['ready'], s['taken'], s['stuck'], s['alerts']), (0, 0, 0, len(wanted)), f'{killed} workers were killed, all blocks are done')
    alerts = [json.loads(line) for line in run('queue', 'alerts', '--queue', Q).out.splitlines()]
    t.same(sorted(a['record'] for a in alerts), sorted(wanted), 'every event that the block of addresses meets, once')
    t.ok(all(a['indicator_id'].startswith('indicator--') and json.loads(a['event'])['n'] == a['record'] - 1 for a in alerts), 'with its event')

    r = run('hunt', '203.0.113.66', '--queue', Q, '--json', '-q')
    t.same((r.status, sorted(m['record'] for m in r.lines())), (1, sorted(wanted)), 'a hunt over the blocks of the queue finds them, too')
    r = run('hunt', '203.0.113.67', '--queue', Q, '--stats', '-q')
    t.same((r.status, r.json()['blocks'], r.json()['opened']), (0, N // 10_000, 0), 'and opens none for what is not there')
    r = run('history', 'search', 'dns.rrname=w13.good.example', '--queue', Q, '--since', '2026-11-02', '--until', '2026-11-03', '--json', '-q')
    t.same([m['record'] for m in r.lines()], [i + 1 for i in range(10_000, 20_000) if i % 90 == 13], 'a search by field and time')
    t.same(run('history', 'search', 'x', '--queue', Q, '--history', work()).status, 2, 'one place at a time')
    rule = write('rule.yml', 'title: One name\nid: 6f1d9c7e-3b0a-4c53-9f0e-2d7f5a1b8c09\nstatus: test\nlevel: low\nlogsource: {product: test}\n'
                 'detection: {s: {dns.rrname: w13.good.example, n|lt: 1000}, condition: s}\n')
    run('queue', 'add', eve, '--queue', other)
    t.same(run('queue', 'work', rule, '--queue', other, '--until-empty').status, 0, 'a worker by rules')
    found = [i + 1 for i in range(1000) if i % 90 == 13]
    t.same([json.loads(line)['record'] for line in run('queue', 'alerts', '--queue', other).out.splitlines()], found, 'finds what the rule says')
    t.same([m['record'] for m in run('hunt', rule, '--queue', other, '--json', '-q').lines()], found, 'and so does a hunt by the rule')
    t.same(run('queue', 'work', rule, '--indicators', write('list.txt', '198.51.3.7\n'), '--queue', absent, '--until-empty', '--tolerance', '60').status, 0,
           'a worker makes a queue')
    run('queue', 'add', eve, '--queue', absent)
    run('queue', 'work', rule, '--indicators', path('list.txt'), '--queue', absent, '--until-empty')
    both = [json.loads(line) for line in run('queue', 'alerts', '--queue', absent).out.splitlines()]
    t.same(sum(a['type'] == 'rule' for a in both), sum(i % 90 == 13 for i in range(1000)), 'rules')
    t.same(sorted(a['record'] for a in both if a['type'] == 'indicator'), [i + 1 for i in range(N) if i % 7 == 3 and i % 200 == 7 and i % 500 != 7],
           'and indicators on one pass')
    run('queue', 'work', rule, '--queue', absent, '--until-empty', '--max-mb', '1')
    t.same(run('queue', 'status', '--queue', absent, '--json').json()['done'], 6, 'blocks stay while there is room')
    t.same(run('queue', 'work', rule, '--queue', absent, '--final').status, 2, 'the end is said of a run that has one')


def later(Q, sightings):
    """Workers that run on: what is added to their files is in force, and is looked for in what they had matched before."""
    known, other = write('later/list.txt', '192.0.2.1\n'), write('later/bundle.json', bundle([indicator('never.example')]))
    grow = indicator('w13.good.example')
    run('queue', 'add', eve, '--queue', Q)
    workers = [subprocess.Popen([program(), 'queue', 'work', '-i', known, '-i', other, '--queue', Q, '--lease', '5', '--json'], stdout=subprocess.PIPE,
                                stderr=open(path(f'later/{i}.log'), 'wb'), preexec_fn=die_with_parent) for i in range(2)]
    CHILDREN.extend(workers)
    done = lambda: run('queue', 'status', '--queue', Q, '--json').json()
    t.ok(wait_until(lambda: done()['done'] == N // 10_000), 'all blocks are done', done())
    write('later/list.txt', '192.0.2.1\n203.0.113.66\n')
    t.ok(wait_until(lambda: done()['alerts'] == len(wanted)), 'a value added to a list is found in blocks that are done', done(), read(path('later/0.log')))
    write('later/bundle.json', json.dumps(bundle([indicator('never.example'), grow]))[:-9])
    t.ok(wait_until(lambda: b'goes on with what it had' in read(path('later/0.log'))), 'a bundle that is cut off changes nothing', read(path('later/0.log')))
    write('later/bundle.json', bundle([grow]))
    both = len(wanted) + sum(i % 90 == 13 for i in range(N))
    t.ok(wait_until(lambda: done()['alerts'] == both), 'an indicator added to a bundle likewise', done())
    run('queue', 'add', write('later/more.json', '{"dest_ip":"203.0.113.66","dns":{"rrname":"w13.good.example"}}\n'), '--queue', Q)
    t.ok(wait_until(lambda: done()['alerts'] == both + 2), 'and both in blocks that come now', done())
    alerts = run('queue', 'alerts', '--queue', Q).lines()
    t.same(sorted(a['record'] for a in alerts if a['indicator_id'] == grow['id'] and a['file'] == 'eve.json'), [i + 1 for i in range(N) if i % 90 == 13], 'each once')
    t.same({a['time'][:10] for a in alerts if a['file'] == 'eve.json'}, {f'2026-11-{d:02d}' for d in range(1, 7)}, 'with the time of the event')
    time.sleep(2.5)  # the other worker looks too
    t.same((done()['alerts'], sum(sightings(grow['id']))), (both + 2, sum(i % 90 == 13 for i in range(N)) + 1), 'nothing twice, in sightings neither')
    for w in workers:
        w.terminate()
    out = [json.loads(w.communicate(timeout=60)[0]) for w in workers]
    t.same(([w.returncode for w in workers], sum(x['alerts'] for x in out), sum(x['blocks'] for x in out)), ([0, 0], both + 2, N // 10_000 + 1), 'their sums')


def of_file(file):
    def ask(indicator):
        with sqlite3.connect(file) as db:
            return [row[0] for row in db.execute('SELECT count FROM bq_sighting WHERE indicator = ?', (indicator,))]
    return ask


t.note('one file of SQLite')
on(path('blocks.db'), path('other.db'), path('absent.db'))
later(path('later.db'), of_file(path('later.db')))


def held(Q):
    return run('queue', 'status', '--queue', Q, '--json').json()['events']


def add(Q, *what):
    r = run('queue', 'add', '--queue', Q, '--json', *what).json()
    return r['events'], r['put'], r['known']


Q = path('again.db')
a, b = write('again/a.json', '{"n":1}\n{"n":2}\n'), write('again/b.json', '{"n":1}\n{"n":2}\n{"n":3}\n')
t.same((add(Q, a, b), held(Q)), ((5, 5, 0), 5), 'two files at once; what states no time has that of its reading')
t.same((add(Q, a), add(Q, b), add(Q, b, a), add(Q, a, a), held(Q)), ((2, 0, 2), (3, 0, 3), (5, 0, 5), (4, 0, 4), 5),
       'each again by itself, in another order, twice: nothing is put twice')
t.same((add(Q, a, write('again/c.json', '{"n":9}\n')), held(Q)), ((3, 1, 2), 6), 'beside a new one: that is put')
t.same((add(Q, write('other/a.json', '{"n":1}\n{"n":8}\n')), held(Q)), ((2, 2, 0), 8), 'other content under the same name is another file')
t.same((add(Q, a, b, '--source', 's'), add(Q, b, '--source', 's'), held(Q)), ((5, 5, 0), (3, 0, 3), 13), 'of one source: also each by itself')
grown = ''.join(f'{{"n":{i}}}\n' for i in range(12_000))
t.same((add(Q, write('grown/g.json', grown)), add(Q, write('grown/g.json', grown + '{"n":"more"}\n'))), ((12_000, 12_000, 0), (12_001, 2001, 10_000)),
       'of one that grew the full blocks are recognised')
two = write('two.json', ''.join(json.dumps({'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Computer': 'pc1', 'Image': 'C:\\x.exe',
                                            'CommandLine': f'run stage {stage}', 'UtcTime': f'2026-11-01 00:0{m}:00.000'}) + '\n'
                                for m, stage in ((1, 'A'), (2, 'B'), (3, 'C'))))
chain = stix('indicator', name='one, then the other', indicator_types=['malicious-activity'], pattern_type='stix', valid_from='2024-01-01T00:00:00Z',
             pattern="[process:command_line LIKE '%stage A'] FOLLOWEDBY [process:command_line LIKE '%stage B'] WITHIN 300 SECONDS")
found = [m for m in run('detect', '--indicators', write('chain.json', bundle([chain])), '--json', two).lines()]
run('queue', 'add', two, '--queue', path('chain.db'))
run('queue', 'work', '-i', path('chain.json'), '--queue', path('chain.db'), '--until-empty', '--final')
got = run('queue', 'alerts', '--queue', path('chain.db')).lines()
t.same([(m['type'], m.get('indicator_id')) for m in got], [('indicator', chain['id'])] * len(found), 'a pattern over several events is an indicator that was met')
t.ok(len(found) == 1 and got and len(got[0]['events']) == 2, 'by the events it names', found, got)
if why_not():
    t.skip('PostgreSQL', why_not())
    t.done()
one = server()
if t.ok(one, 'PostgreSQL'):
    for name in ('blocks', 'other'):
        one.ask(f'CREATE DATABASE {name}')
    t.same(run('queue', 'status', '--queue', one.url('blocks')).status, 2, 'a database without a queue')
    one.ask('CREATE DATABASE third')
    on(one.url('blocks'), one.url('other'), one.url('third'))
    one.ask('CREATE DATABASE later')
    later(one.url('later'), lambda i: [int(n) for n in one.ask(f"SELECT count FROM bq_sighting WHERE indicator = '{i}'", 'later').split()])
    one.stop()
t.done()
