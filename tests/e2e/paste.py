#!/usr/bin/env python3
"""A pasted text gives its values; to whom an object was released."""
from harness import *

t = Tap()
n = Node('alpha', tier='sector')
n.start()
known = indicator('known.evil.example', tlp='green')
n.import_([known])


def extract(text, **more):
    return n.request('POST', '/api/v1/extract', json.dumps({'text': text}).encode(), auth=more.get('auth', n.auth), headers={'Content-Type': 'application/json'})


r = extract('Dear all,\nthe host hxxp://c2[.]evil[.]example/a.php called 198.51.100[.]7 and KNOWN.evil.example, twice 198.51.100.7.\n'
            'Hash: D41D8CD98F00B204E9800998ECF8427E; mail to bad(at)evil.example - version 1.2, on 2026-11-23.').json()
by = {v['value']: v for v in r['values']}
t.ok({'http://c2.evil.example/a.php', '198.51.100.7', 'known.evil.example', 'd41d8cd98f00b204e9800998ecf8427e'} <= set(by), 'defanged and plain values', by)
t.same((by['198.51.100.7']['kind'], by['198.51.100.7']['count'], by['198.51.100.7']['objects']), ('ipv4', 2, 0), 'each once, counted')
t.same(by['known.evil.example']['objects'], 1, 'what is known is told')
zh = {v['value'] for v in extract('連線至evil2.example下載，來源203.0.113[.]9，見「hxxps://a[.]example/x」（http://b.example/y)。').json()['values']}
t.ok({'evil2.example', '203.0.113.9', 'https://a.example/x', 'http://b.example/y'} <= zh, 'values that stand in Chinese without a blank', sorted(zh))
t.ok(not {'1.2', '2026-11-23'} & set(by), 'a version or a date is no value', by)
t.same(extract('nothing here').json(), {'values': [], 'more': False}, 'a text without any')
t.same((extract('x' * (1 << 20) + ' y.example').status, extract('').json()['values']), (413, []), 'too long a text is refused')
long = extract('a' * 5000 + ' z.example ' + 'b' * 5000 + '\n' + ' '.join(f'h{i}.many.example' for i in range(1500))).json()
t.ok(long['more'] and len(long['values']) == 1000, 'many values are cut at 1,000, and the reply says so', len(long['values']))

n.post('/api/v1/users', {'name': 'reader', 'role': 'reader', 'tlp_max': 'clear', 'password': 'correct horse battery 1'})
low = basic('reader', 'correct horse battery 1')
t.same({v['value']: v['objects'] for v in extract('known.evil.example', auth=low).json()['values']}, {'known.evil.example': 0}, 'who may not see an object is not told of it')
t.same(n.get(f"/api/v1/objects/{known['id']}/releases", auth=low).status, 403, 'nor of its releases')
n.post('/api/v1/users', {'name': 'green', 'role': 'analyst', 'tlp_max': 'green', 'password': 'correct horse battery 1'})
t.same(n.get(f"/api/v1/objects/{known['id']}", auth=basic('green', 'correct horse battery 1')).status, 200, 'an analyst reads an object')
facts = wait_until(lambda: [f for f in n.get(f"/api/v1/objects/{known['id']}/releases").json()['facts'] if 'green' in f['actor']])
t.ok(facts, 'and the history of its releases names who')
n.stop()
t.done()
