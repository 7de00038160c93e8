#!/usr/bin/env python3
"""The node's own logs by REST: newest first, page by page, what came since, counted over time, as a stream."""
from harness import *
from urllib.parse import urlencode

t = Tap()
log = write('logs/fw.json', '')
node = Node('alpha', tier='provider')
node.configure(f'[input fw]\npath = {log}\n')
node.start()


def event(i, **more):
    return json.dumps({'n': str(i), 'timestamp': f'2026-11-{1 + i // 1000:02d}T{i // 60 % 24:02d}:{i % 60:02d}:00Z', 'src_ip': f'10.0.0.{i % 250}',
                       'user': 'root' if i % 100 == 7 else 'alice b', 'path': 'C:\\Windows\\x"y', **more}) + '\n'


def add(*texts):
    with open(log, 'a') as f:
        f.write(''.join(texts))


def ask(**q):
    r = node.get('/api/v1/events?' + urlencode(q))
    return r.json() if r.status == 200 else r


def numbers(r):
    return [int(e['fields']['n']) for e in r['events']]


add(*(event(i) for i in range(2500)))
wait_until(lambda: ask(limit=0, q='n=2499', since='2026-11-01', until='2026-11-30', buckets=1)['found'] == 1)
r = ask(limit=5)
t.same(numbers(r), [2499, 2498, 2497, 2496, 2495], 'newest first')
e = r['events'][0]
t.same((e['source'].split(':')[0], e['format'], json.loads(e['event'])['n'], e['fields']['path'], e['time']),
       ('fw', 'json', '2499', 'C:\\Windows\\x"y', '2026-11-03T17:39:00.000000Z'), 'an event with its place, its line and its fields')
t.ok(r['more'] and r['end'], 'there is more, and a place of the end')
t.same(numbers(ask(limit=3, before=r['next'])), [2494, 2493, 2492], 'the next page')
seen, page = [], ask(limit=9, q='user=root')
while True:
    seen += numbers(page)
    if not page['more']:
        break
    page = ask(limit=9, q='user=root', before=page['next'])
t.same(seen, [i for i in range(2499, -1, -1) if i % 100 == 7], 'all pages of a search: each event once')
t.same(len(ask(q='user!=root', limit=2000)['events']), 2000, 'without a value')
t.same(ask(q='user!=root n=7')['events'], [], 'and with another term')
t.same(numbers(ask(q='n=9 user="alice b"')), [9], 'a value with a blank, in quotes')
t.same(numbers(ask(q='"x\\"y" n=12')), [12], 'text with a quote in quotes')
t.same(numbers(ask(q='src_ip=10.0.0.9 n=9')), [9], 'an address')
t.same(numbers(ask(q='n=1*9', since='2026-11-02', until='2026-11-02', limit=2)), [1999, 1989], 'a wildcard, on a day')
r = ask(q='user=root', limit=2, since='2026-11-01T00:00:00Z', until='2026-11-04T00:00:00Z', buckets=3)
t.same((len(r['events']), r['buckets'], r['found'], r['whole'], r['estimated']), (2, [10, 10, 5], 25, True, False), 'counted over time, exactly, behind what is told')
r = ask(limit=0, since='2026-11-01T00:00:00Z', until='2026-11-04T00:00:00Z', buckets=3)
t.ok(r['events'] == [] and r['estimated'] and abs(sum(r['buckets']) - 2500) <= 30, 'all events are counted by their blocks, and the reply says that', r)

# What comes later.
end = ask(limit=1)['end']
t.same(ask(after=end)['events'], [], 'nothing came since')
add(event(2500), event(2501, user='root'))
r = wait_until(lambda: (lambda x: x if len(x['events']) == 2 else None)(ask(after=end)))
t.same(numbers(r), [2500, 2501], 'what came since, oldest first')
node.stop()  # what was not sealed yet is
node.start()
add(*(event(i) for i in range(2502, 2510)))
r = wait_until(lambda: (lambda x: x if len(x['events']) == 8 else None)(ask(after=r['next'])))
t.same(numbers(r), list(range(2502, 2510)), 'and since then, though blocks were sealed')
tail = ask(after='end', q='user=root')
t.same(tail['events'], [], 'from the end nothing')
add(event(2510), event(2511, user='root'))
r = wait_until(lambda: (lambda x: x if x['events'] else None)(ask(after=tail['next'], q='user=root')))
t.same(numbers(r), [2511], 'then what meets the terms')

# As a stream.
r = node.get('/api/v1/events/stream?' + urlencode({'q': 'user=root', 'limit': 3, 'since': '2026-11-01', 'until': '2026-11-04', 'buckets': 4}))
blocks = [dict(line.split(': ', 1) for line in b.split('\n') if ': ' in line and not line.startswith(':')) for b in r.body.decode().split('\n\n') if b.strip()]
pieces = [json.loads(b['data']) for b in blocks if b['event'] == 'piece']
t.same((r.headers['Content-Type'].split(';')[0], [int(e['fields']['n']) for p in pieces for e in p['events']]), ('text/event-stream', [2511, 2507, 2501]), 'a stream tells them as they are found')
t.same((blocks[-1]['event'], json.loads(blocks[-1]['data'])['whole']), ('end', True), 'and its end')

# Refusals.
for q, status, name in [({'q': 'a="b'}, 400, 'a quote without an end'), ({'before': 'x'}, 400, 'no place'), ({'before': '-.1', 'after': '-.1'}, 400, 'both ways'),
                        ({'buckets': 3}, 400, 'counting without times'), ({'limit': 5000}, 400, 'too many'), ({'since': 'soon'}, 400, 'no time')]:
    t.same(node.get('/api/v1/events?' + urlencode(q)).status, status, name)
for name, role, tlp, status in [('reader', 'reader', 'red', 403), ('green', 'analyst', 'green', 403), ('analyst', 'analyst', 'red', 200)]:
    node.post('/api/v1/users', {'name': name, 'role': role, 'tlp_max': tlp, 'password': 'correct horse battery 1'})
    t.same(node.get('/api/v1/events', auth=basic(name, 'correct horse battery 1')).status, status, f'{role} up to {tlp}: {status}')
t.same(node.get('/api/v1/events', auth=None).status, 401, 'nobody: 401')
# The role that reads the logs dies: the question is answered.
os.kill(node.role('detect'), signal.SIGKILL)
t.ok(wait_until(lambda: node.get('/api/v1/events').status == 200), 'it is there again')
node.stop()

bare = Node('bare', tier='sector')
bare.start()
t.same(bare.get('/api/v1/events').status, 404, 'a node without inputs has no history, and says so')
bare.stop()
t.done()
