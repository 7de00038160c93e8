#!/usr/bin/env python3
"""What the public is told: a notice that this node published, as it was when it was published, in both languages and without a script; nothing
else of the incident, nothing that another node published, and no drill."""
from harness import *

t = Tap()
n, h = Node('Nation <N>', 'nation'), Node('hospital', 'provider')
n.configure('[desk]\nnotices = yes')
for x in (n, h):
    x.start()
public = {'public_cause': 'unpatched gateway <script>alert(1)</script>', 'public_impact': '約 3,000 人 \u202egpj', 'public_control': 'isolated', 'public_follow_up': 'new gateway'}


def opened(node, title, **more):
    return node.post('/api/v1/incidents', {'title': title, 'packs': ['tw-2026'], 'facts': [
        {'type': 'aware', 'claimed': '2026-03-01T08:00:00Z'}, {'type': 'reported', 'level': 3, 'by': 'reporter'}], **more}).json()['id']


def publish(node, incident, **entries):
    r = node.post(f'/api/v1/incidents/{incident}/facts', {'type': 'published', 'by': 'authority', 'entries': {**public, **entries}})
    return r.status


page = lambda tail='', **more: n.get('/notices' + tail, auth=None, **more)
listed = lambda: page('/v1/notices').json()['notices']
r = page()
t.ok(r.status == 200 and 'There are none' in r.body.decode() and '目前無公告' in page('?lang=zh').body.decode(), 'nothing yet', r)
t.same(h.get('/notices', auth=None).status in (401, 404), True, 'a node that does not say so has no such page')
secret, drill = opened(n, 'ransom at St. Secret'), opened(n, 'drill', exercise=True)
n.post(f'/api/v1/incidents/{secret}/facts', {'type': 'entry', 'entries': {'public_withheld': 'names of suppliers: trade secrets'}})
n.post(f'/api/v1/incidents/{secret}/facts', {'type': 'entry', 'tlp': 'amber', 'entries': {'public_withheld': 'the supplier is ACME'}})
t.same((publish(n, secret), publish(n, drill)), (200, 200), 'one is published, and a drill')
v = listed()
t.same(len(v), 1, 'the drill is not for the public')
texts = {f['field']: f['text'] for f in v[0]['fields']}
t.same((texts['impact'], texts['control'], texts['withheld']), ('約 3,000 人 gpj', 'isolated', 'names of suppliers: trade secrets'), 'what the law wants')
t.same((v[0]['pack'], v[0]['title']['zh-TW'], sorted(v[0])), ('tw-2026', '重大資通安全事件公告', ['fields', 'form', 'id', 'pack', 'published', 'title']), 'and nothing else of it')
html = page().body.decode()
t.ok('&lt;script&gt;' in html and '<script' not in html and '\u202e' not in html and 'Nation &lt;N&gt;' in html, 'hostile words are shown, not run', html)
t.ok('St. Secret' not in html and secret not in html and 'ACME' not in html and 'EX20' not in html, 'no title, no number, nothing marked', html)
t.ok("default-src 'none'" in page().headers['Content-Security-Policy'] and page('/style.css').headers['Content-Type'].startswith('text/css'), 'a policy that lets nothing run')
t.ok('isolated' in page('/' + v[0]['id']).body.decode() and '控制情形' in page('/' + v[0]['id'], headers={'Accept-Language': 'zh-TW'}).body.decode(), 'one by its own address')
t.same((page('/0000000000000000').status, page('/v1/x').status, n.request('DELETE', '/notices', auth=None).status), (404, 404, 405), 'nothing there')
n.post(f'/api/v1/incidents/{secret}/facts', {'type': 'entry', 'entries': {'public_control': 'a later draft'}})
t.ok('isolated' in page().body.decode() and 'draft' not in page().body.decode(), 'what is typed later changes no notice')
n.stop()
n.start()
t.same(listed(), v, 'nor does a restart')
t.same(publish(n, secret, public_control='solved'), 200, 'published again')
w = listed()
t.same((len(w), w[0]['id'] != v[0]['id'], {f['field']: f['text'] for f in w[0]['fields']}['control']), (1, True, 'solved'), 'takes the place of what it replaces')
second = opened(n, 'another')
publish(n, second, public_cause='second cause')
t.same([{f['field']: f['text'] for f in x['fields']}['cause'] for x in listed()], ['second cause', public['public_cause']], 'the newest first')

# What another node published is that node's to show.
h.stop()
h.configure('[desk]\nnotices = yes')
h.start()
for a, b, relation, url in ((n, h, 'child', ()), (h, n, 'parent', ('--url', n.url()))):
    a.cli('peer', 'add', '@', 'hospital' if b is h else 'nation', '--relation', relation, '--cert', b.fingerprint, *url, '--tlp', 'amber')
third = opened(h, 'of the hospital')
t.ok(wait_until(lambda: {f['type'] for f in n.get(f'/api/v1/incidents/{third}/facts').json().get('facts', [])} == {'aware', 'reported'}), 'an incident of a provider')
t.same(publish(n, third, public_cause='third cause'), 200, 'is published')
t.ok(wait_until(lambda: 'published' in h.get(f'/api/v1/incidents/{third}/facts').body.decode()), 'is published by the nation')
t.same((len(listed()), len(h.get('/notices/v1/notices', auth=None).json()['notices'])), (3, 0), 'there, and not at the provider')
for x in (n, h):
    t.same(x.stop(), 0, f'{x.name} stops in good order')
t.done()
