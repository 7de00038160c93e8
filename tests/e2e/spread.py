#!/usr/bin/env python3
"""Correlations that workers share: whatever is killed, and however many work, what fires is what one process finds that reads the sorted
events. Every type of correlation; several collectors whose blocks come out of order within the tolerance; real PostgreSQL.

With the word `pair` it is a primary and a synchronous standby, and the primary is killed on the way."""
import collections, random

from postgres import *

t = Tap()
PAIR = 'pair' in sys.argv[2:]
rng = random.Random(11 if PAIR else 7)
START = 1_764_547_200  # 2025-12-01
COLLECTORS, CHUNKS, EACH = 4, 12, 400  # a chunk: five minutes of one collector
TOLERANCE = 900

BASE = '''title: {name}
id: {id}
name: {name}
status: test
level: low
logsource: {{product: test}}
detection: {{s: {{kind: {name}}}, condition: s}}
'''
CORR = '''title: {name}
id: {id}
name: {name}
status: test
level: high
author: the test
correlation:
{body}
'''
BODIES = {
    'event_count': ('type: event_count', 'rules: [fail]', 'group-by: [user]', 'timespan: 4m', 'condition: {gte: 12}'),
    'event_count_window': ('type: event_count', 'rules: [fail]', 'group-by: [user]', 'timespan: 7m', 'condition: {lt: 3}'),
    'value_count': ('type: value_count', 'rules: [fail]', 'group-by: [host]', 'timespan: 5m', 'condition: {gte: 14, field: user}'),
    'temporal': ('type: temporal', 'rules: [fail, admin, scan]', 'group-by: [user]', 'timespan: 3m'),
    'temporal_ordered': ('type: temporal_ordered', 'rules: [scan, admin, fail]', 'group-by: [user]', 'timespan: 3m'),
    'value_sum': ('type: value_sum', 'rules: [scan]', 'group-by: [host]', 'timespan: 5m', 'condition: {gt: 9000, field: bytes}'),
    'value_avg': ('type: value_avg', 'rules: [scan]', 'group-by: [host]', 'timespan: 10m', 'condition: {lte: 470, field: bytes}'),
    'value_percentile': ('type: value_percentile', 'rules: [scan]', 'group-by: [user]', 'timespan: 10m',
                         'condition: {gte: 930, field: bytes, percentile: 90}'),
    'value_median': ('type: value_median', 'rules: [admin]', 'group-by: [user]', 'timespan: 10m', 'condition: {gt: 800, field: bytes}'),
    'narrow': ('type: event_count', 'rules: [fail]', 'group-by: [user, host]', 'timespan: 6m', 'condition: {gte: 3}'),
    'chain': ('type: event_count', 'rules: [narrow]', 'group-by: [user]', 'timespan: 20m', 'condition: {gte: 3}', 'generate: true'),
    'chain_of_all': ('type: value_count', 'rules: [temporal]', 'timespan: 10m', 'condition: {gte: 4, field: user}', 'generate: true'),
}


def rules():
    def id_of(name):
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    for name in ('fail', 'admin', 'scan'):
        write(f'rules/{name}.yml', BASE.format(name=name, id=id_of(name)))
    write('rules/plain.yml', BASE.format(name='plain', id=id_of('plain')).replace('kind: plain', 'kind: scan'))
    for name, body in BODIES.items():
        write(f'rules/{name}.yml', CORR.format(name=name, id=id_of(name), body='\n'.join('  ' + line for line in body)))
    return path('rules')


def chunk(collector, number, total=[0]):
    out = []
    for i in range(EACH):
        total[0] += 1
        at = START + number * 300 + rng.uniform(0, 300)
        when = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at)) + f'.{int(at % 1 * 1e6):06d}+0000'
        out.append((at, {'timestamp': when, 'n': total[0], 'kind': rng.choice(['fail', 'fail', 'fail', 'admin', 'scan', 'noise', 'noise']),
                         'user': f'u{rng.randrange(70) if rng.random() < 0.7 else rng.randrange(4)}', 'host': f'h{rng.randrange(9)}',
                         'bytes': rng.randrange(1000)}))
    out.sort(key=lambda e: e[0])
    return ''.join(json.dumps(e) + '\n' for _, e in out)


def fired(lines):
    """Each firing by what it says: rule, time, group."""
    found = collections.Counter()
    for m in lines:
        if m['type'] == 'correlation':
            fields = {k: v for k, v in m['fields'].items() if k != 'value'}
            found[m['title'], m['time'], json.dumps(fields, sort_keys=True)] += 1
    return found


def worker(url, *more, name='w'):
    return subprocess.Popen([program(), 'queue', 'work', path('rules'), '--queue', url, '--lease', '1', '--name', name, *more], env=environment(),
                            stdout=subprocess.DEVNULL, stderr=open(path('workers.log'), 'ab'), preexec_fn=die_with_parent)


def collect(url, order):
    for name in order:
        while subprocess.run([program(), 'queue', 'add', path(name), '--source', name, '--queue', url, '-q'], env=environment(),
                             stderr=subprocess.DEVNULL).returncode != 0:
            time.sleep(0.2)
        yield name


def alerts(url):
    return run('queue', 'alerts', '--queue', url).lines()


def check(url, want, name):
    rows = alerts(url)
    got = fired(rows)
    t.same(sum(got.values()), sum(want.values()), f'{name}: as many fire ({sum(want.values())})')
    t.ok(got == want, f'{name}: the same ones', list((got - want).items())[:5], list((want - got).items())[:5])
    t.same(max(got.values(), default=0), 1, f'{name}: each once')
    status = run('queue', 'status', '--queue', url, '--json').json()
    t.same((status['ready'], status['taken'], status['stuck'], status['late'], status['left_out']), (0, 0, 0, 0, 0), f'{name}: nothing is late or left out')
    return rows


def plain_matches(rows):
    return collections.Counter((m['title'], json.loads(m['event'])['n']) for m in rows if m['type'] == 'rule')


def finish(url, n=1):
    last = [worker(url, '--until-empty', '--final', name=f'last{i}') for i in range(n)]
    return [w.wait(timeout=5 * PATIENCE) for w in last]


def with_workers(url, order, n, kill, ask, at_half=None):
    """Collects while n workers run, of which one is killed every moment; then all is finished."""
    run('queue', 'add', write('none.json', ''), '--queue', url, '--tolerance', TOLERANCE, '--shards', 16)
    workers = [worker(url, name=f'w{i}') for i in range(n)]
    killed = again = 0
    for i, _ in enumerate(collect(url, order)):
        if kill:
            time.sleep(0.15)
        if kill and i % 4 == 1:
            victim = rng.randrange(n)
            workers[victim].kill()
            workers[victim].wait()
            again += int(ask('SELECT count(*) FROM bq_shard WHERE after > saved') or 0)
            workers[victim] = worker(url, name=f'w{victim}')
            killed += 1
        if at_half and i == len(order) // 2:
            at_half()
    for w in workers[:n // 2]:
        w.kill()
    for w in workers[n // 2:]:
        w.terminate()
    ends = [w.wait() for w in workers]
    t.ok(all(e == 0 for e in ends[n // 2:]), 'SIGTERM ends a worker well', ends)
    if kill:
        t.ok(again > 0, f'what was told and not saved is counted again ({again} times a shard at a kill)')
    t.ok(all(e == 0 for e in finish(url, 2)), f'{n} workers, {killed} of them killed on the way: all is done in the end')


why = why_not()
if why:
    t.skip('PostgreSQL', why)
    t.done()

rules()
names = []
for k in range(CHUNKS):
    mine = []
    for c in range(COLLECTORS):
        mine.append(f'c{c}-{k:02d}.json')
        write(mine[-1], chunk(c, k))
    rng.shuffle(mine)
    names += mine
for i in range(0, len(names) - 2, 3):  # neighbours in another order: still within the tolerance
    names[i], names[i + 2] = names[i + 2], names[i]
r = run('detect', '--rules', path('rules'), '--json', *[path(n) for n in names], timeout=100)
found = r.lines()
want = fired(found)
by_rule = collections.Counter(title for title, _, _ in want)
for name in BODIES:
    t.ok(by_rule[name] > 2, f'{name} fires ({by_rule[name]})', r)
t.ok(sum(want.values()) < 5000, 'and not all the time')

if PAIR:
    both = pair()
    if not t.ok(both, 'a primary and a synchronous standby'):
        t.done()
    one, two = both
    one.ask('CREATE DATABASE bq')
    url = pair_url(one, two, 'bq')

    def fail_over():
        one.kill()
        t.ok(two.promote(), 'the primary is killed, the standby promoted')
    with_workers(url, names, 3, True, lambda sql: one.ask(sql, 'bq') or two.ask(sql, 'bq'), fail_over)
    rows = check(url, want, 'with the standby')
    t.ok(set(plain_matches(rows).values()) == {1}, 'each match of a rule once')
    two.stop()
    t.done()

one = server()
if not t.ok(one, 'a server'):
    t.done()
for name, n, kill in (('one worker', 1, False), ('four workers that are killed', 4, True)):
    one.ask(f'CREATE DATABASE bq{n}')
    with_workers(one.url(f'bq{n}'), names, n, kill, lambda sql: one.ask(sql, f'bq{n}'))
    rows = check(one.url(f'bq{n}'), want, name)
    got = plain_matches(rows)
    t.ok(set(got.values()) == {1}, f'{name}: each match of a rule once')
    t.same(len(got), sum(1 for m in found if m['type'] == 'rule'), f'{name}: all of them')
    hunted = fired(run('hunt', path('rules'), '--queue', one.url(f'bq{n}'), '--json', '-q', timeout=100).lines())
    t.ok(hunted == want, f'{name}: a hunt by the rules over the same blocks finds as much', list((hunted - want).items())[:3], list((want - hunted).items())[:3])
    one_event = next(m for m in rows if m['type'] == 'correlation' and m['title'] == 'event_count')
    t.ok(len(one_event['events']) == 12 and all(e['block'] and e['event'] > 0 for e in one_event['events']), f'{name}: a firing names its events', one_event)
one.stop()
t.done()
