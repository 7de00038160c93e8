#!/usr/bin/env python3
"""/api/v1: its OpenAPI document, every route, the shape of its errors; and JSON from every command that prints records."""
from harness import *

t = Tap()
log = write('log.json', '')
rules = os.path.dirname(write('rules/a.yml', 'title: A\nid: 5d5ab7b8-4d2f-4f6e-9c0b-0e6f5a2f9d11\nlogsource: {product: windows}\ndetection: {s: {a: b}, condition: s}\n'))
# Nobody answers at that provider: it is asked when somebody signs in.
n = Node('alpha', conf=f'[input log]\npath = {log}\n[detect]\nrules = {rules}\n[sign_in]\nprovider = http://127.0.0.1:9\nclient_id = alpha\n[lab]\nrun = yes').start()
other = Node('beta')

# --- the document ---
r = n.get('/api/v1/openapi.json', auth=None)
doc = r.json()
t.ok(r.status == 200 and doc and doc['openapi'].startswith('3.1'), 'the OpenAPI document is JSON', r)
t.ok({'info', 'paths', 'components', 'security'} <= set(doc), 'with all its parts', list(doc))
operations = [(method.upper(), target, op) for target, item in doc['paths'].items() for method, op in item.items() if target.startswith('/api/')]
outside = {target: sorted(item) for target, item in doc['paths'].items() if not target.startswith('/api/')}
t.same(outside, {'/window': ['get'], '/window/v1/reports': ['post'], '/window/v1/status': ['post'], '/notices': ['get'], '/notices/v1/notices': ['get']},
       'and what people without an account may ask')
t.note(f'{len(operations)} operations')
for method, target, op in operations:
    in_path = re.findall(r'{(\w+)}', target)
    t.same([p['name'] for p in op['parameters'] if p['in'] == 'path'], in_path, f'{method} {target}: the path\'s parameters are described')
    t.ok(op['summary'] and '200' in op['responses'] and 'default' in op['responses'] and
         op['x-least-role'] in ('anyone', 'reader', 'feeder', 'analyst', 'admin'), f'{method} {target}: summary, replies, role', op)
WANTED = ['/health', '/openapi.json', '/status', '/facts', '/alerts', '/users', '/users/{name}', '/tokens', '/tokens/{id}', '/roots', '/collections',
          '/collections/{root}/{id}', '/collections/{root}/{id}/rights', '/peers', '/peers/{name}', '/peers/{name}/links', '/objects', '/objects/{id}',
          '/values/{value}', '/tickets', '/tickets/{number}', '/tickets/{number}/close', '/tickets/{number}/sheet', '/suppressions', '/export', '/release', '/validate', '/dataset', '/import', '/imports', '/imports/{import}', '/imports/{import}/end',
          '/organisations', '/organisations/{organisation}', '/systems/{system}/history', '/people/import', '/duty/{duty}/restore']
t.same(sorted(set('/api/v1' + w for w in WANTED) - set(doc['paths'])), [], 'no route is missing')


def schema_fits(schema, v):
    """As much of JSON Schema as our document uses."""
    kinds = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'integer': int, 'number': (int, float)}
    if 'type' in schema and not isinstance(v, kinds[schema['type']]):
        return False
    if isinstance(v, dict):
        return (all(k in v for k in schema.get('required', ())) and
                all(schema_fits(s, v[k]) for k, s in schema.get('properties', {}).items() if k in v))
    return not isinstance(v, list) or all(schema_fits(schema.get('items', {}), x) for x in v)


# --- every GET route answers what the document says ---
ind = indicator('evil.example', tlp='green')
n.import_([ind, stix('malware', name='Zeus', is_family=True)], collection='intel/down')
n.post('/api/v1/peers', {'name': 'beta', 'relation': 'partner', 'cert_sha256': other.fingerprint})
n.post('/api/v1/tokens', {'user': 'admin'})
incident = n.post('/api/v1/incidents', {'title': 'x', 'facts': [{'type': 'aware'}]}).json()['number']
report = n.post('/api/v1/intake', {'what': 'x'}).json()['number']
n.post('/api/v1/organisations', {'id': 'org', 'name': 'x'})
n.post('/api/v1/systems', {'id': 'sys', 'name': 'x', 'organisation': 'org'})
n.post('/api/v1/people', {'id': 'who', 'name': 'x', 'organisation': 'org'})
n.post('/api/v1/duty', {'id': 'turn', 'person': 'who', 'from': '2026-01-01T00:00:00Z', 'until': '2026-01-02T00:00:00Z'})
with open(log, 'a') as f:
    f.write('{"dns":"evil.example"}\n')
t.ok(wait_until(lambda: n.get('/api/v1/tickets').json()['tickets']), 'there is a ticket')
bulletin = n.post('/api/v1/bulletins', {'code': 'ANA', 'title': 'x'}).json()['number']
submission = n.request('POST', '/api/v1/lab/submissions?privacy=government&wait=25', b'x', headers={'Content-Type': 'application/octet-stream'}).json()['id']
VALUES = {'submission': submission, 'prefix': 'abcde', 'bulletin': bulletin, 'name': 'admin', 'id': ind['id'], 'value': 'evil.example', 'incident': incident, 'pack': 'tw-2026',
          'organisation': 'org', 'report': report, 'board': 'incidents', 'system': 'sys', 'person': 'who', 'duty': 'turn',
          'form': 'first-report',
          'number': n.get('/api/v1/tickets').json()['tickets'][0]['number']}
for method, target, op in operations:
    if method != 'GET' or target == '/api/v1/stream':  # which does not end (boards.py)
        continue
    values = {**VALUES, 'id': n.get('/api/v1/rules').json()['rules'][0]['id']} if '/rules/' in target else VALUES
    full = re.sub(r'{(\w+)}', lambda m: urllib.parse.quote(values[m.group(1)]), target)
    r = n.get(full)
    content = op['responses']['200'].get('content', {}).get('application/json')
    good = r.status == 200 and (content is None or (r.json() is not None and schema_fits(content['schema'], r.json())))
    t.ok(good, f'GET {target} answers as described', r)
    h = n.request('HEAD', full)
    t.ok(h.status == 200 and h.body == b'', f'HEAD {target}', h)
    for p in op['parameters']:
        if p['in'] == 'query' and p['schema']['type'] in ('integer', 'boolean'):
            r = n.get(f'{full}?{p["name"]}=perhaps')
            t.ok(r.status == 400 and p['name'] in r.json()['error']['message'], f'GET {target}?{p["name"]}=perhaps: 400 that names it', r)

# --- bodies are checked against what the document asks ---
for method, target, op in operations:
    body = op.get('requestBody')
    if body is None:
        continue
    full = re.sub(r'{(\w+)}', 'intel', target)
    for sent, what in ((b'', 'nothing'), (b'{', 'half a document'), (b'[]', 'a list'), (b'"x"', 'a text'), (b'\xff', 'no UTF-8'), (b'{"a":1,"a":2}', 'a member twice')):
        r = n.request(method, full, sent)
        t.ok(r.status in (400, 404) and r.json()['error']['message'], f'{method} {target} with {what}: {r.status}', r)
    required = body['content']['application/json']['schema'].get('required', [])
    if required:
        r = n.request(method, full, {})
        t.ok(r.status == 404 or r.status == 400 and any(x in r.json()['error']['message'] for x in required), f'{method} {target} without {required[0]}', r)
        r = n.request(method, full, {x: 17 for x in required})
        t.ok(r.status in (400, 404) and r.json()['error']['message'], f'{method} {target} with a number for a text', r)

# --- errors ---
CASES = [('GET', '/api/v1/nope', 404, 'not-found'), ('DELETE', '/api/v1/status', 405, 'method'), ('PUT', '/api/v1/users', 405, 'method'),
         ('GET', '/api/v1/users/nobody', 404, 'not-found'), ('GET', '/api/v1/objects/' + stix_id('malware'), 404, 'not-found'),
         ('DELETE', '/api/v1/peers/nobody', 404, 'not-found'), ('DELETE', '/api/v1/tokens/none', 404, 'not-found'),
         ('GET', '/api/v1/users/%zz', 400, 'bad'), ('GET', '/api/v1/users/%ff', 400, 'bad'), ('GET', '/api/v1/objects?next=x', 400, 'bad'),
         ('GET', '/api/v1/objects?collection=intel', 400, 'bad'), ('GET', '/api/v1/objects?collection=intel/none', 404, 'not-found'),
         ('GET', '/api/v1/export?format=xml', 400, 'bad'), ('GET', '/api/v1/export?kinds=ufo', 400, 'bad'), ('GET', '/api/v1/export?tlp_max=blue', 400, 'bad'),
         ('POST', '/api/v1/imports/none/end', 404, 'not-found'), ('GET', '/api/v1', 404, 'not-found'), ('GET', '/api/v1/', 404, 'not-found')]
for method, target, status, code in CASES:
    r = n.request(method, target, b'' if method == 'POST' else None)
    v = r.json() or {}
    t.ok(r.status == status and v.get('error', {}).get('code') == code and len(v['error']['message']) > 3, f'{method} {target}: {status} {code}', r)
t.ok(n.health(), 'the node still answers')

# --- an import in pieces ---
whole = json.dumps(bundle([indicator(f'piece{i}.example', tlp='clear') for i in range(50)])).encode()
r = n.post('/api/v1/imports?source=pieces', b'')
job = '/api/v1/imports/' + r.json()['import']
for at in range(0, len(whole), 3000):
    r = n.post(job, whole[at:at + 3000])
    t.ok(r.status == 200 or at == 0, f'piece at {at}', r) if r.status != 200 else None
r = n.post(job + '/end', b'')
t.ok(r.status == 200 and r.json()['stored'] == 50, 'an import in pieces', r)
t.same(n.post(job + '/end', b'').status, 404, 'an ended import is gone')
n.cli('user', 'add', '@', 'feeder', '--role', 'feeder', '--password-stdin', stdin='feeder-password-1\n')
job = '/api/v1/imports/' + n.post('/api/v1/imports', b'').json()['import']
t.same(n.post(job, b'{}', auth=basic('feeder', 'feeder-password-1')).status, 404, 'nobody feeds the import of another')
t.same(n.request('DELETE', job).status, 200, 'an import can be given up')

# --- search pages ---
seen, target = [], '/api/v1/objects?type=indicator&limit=7'
for _ in range(20):
    r = n.get(target).json()
    seen += [o['id'] for o in r['objects']]
    if not r['more']:
        break
    target = '/api/v1/objects?type=indicator&limit=7&next=' + urllib.parse.quote(r['next'])
t.same((len(seen), len(set(seen))), (51, 51), 'pages of a search join without gap or repeat')

# --- validate over REST ---
r = n.post('/api/v1/validate', ind)
t.ok(r.status == 200 and r.json()['valid'] is True, 'POST /validate of a good object', r)
r = n.post('/api/v1/validate', {k: v for k, v in ind.items() if k != 'pattern'})
t.ok(r.status == 200 and r.json()['valid'] is False and r.json()['problems'][0]['level'] == 'must', 'of a bad one', r)

# --- --json of every command that prints records ---
add = n.cli('collection', 'add', '@', 'intel', 'Phishing', '--alias', 'phishing', '--json')
t.ok(add.status == 0 and add.json()['id'], 'collection add --json', add)
RECORDS = [('status', '@'), ('user', 'list', '@'), ('token', 'list', '@'), ('collection', 'list', '@'), ('peer', 'list', '@'), ('alerts', '@'),
           ('audit', 'list', '@'), ('audit', 'verify', '@'), ('search', '@'), ('show', '@', 'evil.example'), ('root', 'add', '@', 'extra'),
           ('collection', 'grant', '@', 'intel/phishing', 'role:reader', '--read'), ('user', 'add', '@', 'u1', '--role', 'reader'),
           ('peer', 'add', '@', 'gamma', '--relation', 'child', '--cert', '0' * 64), ('peer', 'link', '@', 'gamma', 'push', 'intel/down', 'intel/up'),
           ('peer', 'remove', '@', 'gamma'), ('user', 'remove', '@', 'u1'), ('collection', 'remove', '@', 'intel/phishing'), ('release', '@', ind['id'])]
for running in (True, False):
    if not running:
        n.stop()
        n.cli('collection', 'add', '@', 'intel', 'Phishing', '--alias', 'phishing')
    for words in RECORDS:
        r = n.cli(*words, '--json')
        t.ok(r.status == 0 and r.json() is not None, f'{" ".join(words)} --json on a {"running" if running else "stopped"} node', r)
        if words[0] not in ('peer', 'user', 'collection', 'root', 'release') or words[1] == 'list':
            r = n.cli(*words)
            t.ok(r.status == 0 and r.out and r.json() is None, f'{" ".join(words)} for people', r)
r = n.cli('peer', 'add', '@', 'delta', '--relation', 'cousin', '--cert', '0' * 64, '--json')
t.ok(r.status == 2 and 'relation' in r.json()['error'], 'a refusal with --json is JSON', r)
t.done()
