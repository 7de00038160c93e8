#!/usr/bin/env python3
"""Who would do harm through the API: seeing what TLP or another's account hides, on every route there is; forgery, frames, and
guessing. Each object carries a text that must not be in any reply to whoever may not see it."""
import itertools, secrets

from harness import *

t = Tap()
PASSWORD = 'correct horse battery 1'
LEVELS = ['clear', 'green', 'amber', 'amber+strict', 'red']


class Line:
    """One connection that is kept: thousands of questions need no thousand handshakes."""

    def __init__(self, node, auth=None):
        self.node, self.headers, self.c = node, {'Accept': 'application/json', 'Content-Type': 'application/json', **({'Authorization': auth} if auth else {})}, None

    def ask(self, method, target, body=None, **headers):
        for _ in range(2):
            try:
                self.c = self.c or self.node.connection()
                self.c.request(method, target, None if body is None else json.dumps(body), {**self.headers, **headers})
                r = self.c.getresponse()
                return Reply(r.status, dict(r.getheaders()), r.read())
            except (http.client.HTTPException, OSError):  # the node may close a connection at any time
                self.c = None
        raise OSError(target)


n = Node('alpha').start()
canary = {level: 'canary' + secrets.token_hex(8) for level in LEVELS}

# --- a world in five levels ---
objects = []
for level in LEVELS:
    value = canary[level]
    objects.append(indicator(value + '.example', name=value, description=value, object_marking_refs=[TLP[level]]))
    objects.append(stix('malware', name=value, is_family=False, object_marking_refs=[TLP[level]]))
    objects.append(stix('report', name=value, published=stamp(), object_refs=[objects[-1]['id']], object_marking_refs=[TLP[level]]))
r = n.post('/api/v1/import', bundle(objects))
t.ok(r.status < 300, 'a world of five levels', r)
wait_until(lambda: n.get('/api/v1/intel?limit=1').status in (200, 404))
bulletins = {level: n.post('/api/v1/bulletins', {'code': 'INT', 'title': canary[level], 'tlp': level, 'impact': 1}).json() for level in LEVELS}
t.ok(all('id' in b for b in bulletins.values()), 'and bulletins', bulletins)
users = {}
for role, level in itertools.product(('reader', 'feeder', 'analyst'), LEVELS[:4]):
    name = f"{role}-{level.replace('+', '-')}"
    t.same(n.post('/api/v1/users', {'name': name, 'role': role, 'tlp_max': level, 'org': 'org of ' + name, 'password': PASSWORD}).status, 200, name)
    users[name] = (level, role, n.post('/api/v1/tokens', {'user': name, 'tlp_max': 'red', 'role': 'admin'}).json())
own = {name: n.request('GET', '/api/v1/session', auth=None, headers={'Authorization': 'Bearer ' + x[2]['secret']}).json() for name, x in users.items()}
t.ok(all((own[name]['role'], own[name]['tlp_max']) == (users[name][1], 'TLP:' + users[name][0].upper()) for name in users), 'a token that claims more than its user is worth its user', own)

# --- every route that reads, with every name that there is ---
paths = n.get('/api/v1/openapi.json').json()['paths']
reads = [(path, op['get']) for path, op in paths.items() if 'get' in op]
names = {'id': [x for o, b in itertools.zip_longest(reversed(objects), reversed(list(bulletins.values()))) for x in ([o['id']] + ([b['id']] if b else []))], 'name': list(users) + ['admin'], 'number': [b.get('number', '') for b in bulletins.values()]}


def targets():
    for path, op in reads:
        if path.endswith('/stream') or 'event-stream' in json.dumps(op):
            continue
        parts = re.findall(r'{(\w+)}', path)
        choices = [names.get(p, names['id']) if p != 'root' else ['intel'] for p in parts]
        for some in itertools.islice(itertools.product(*choices), 16):
            target = path
            for p, value in zip(parts, some):
                target = target.replace('{' + p + '}', urllib.parse.quote(value, safe=''))
            yield target
        if not parts:
            for q in ('limit=1000', 'q=example', 'all=true', 'format=csv', 'state=all', 'limit=1000&q=canary', 'since=2020-01-01'):
                yield f'{path}?{q}'
            for level in LEVELS:
                yield f"{path}?q={canary[level][:9]}"


asked, seen, leaks, fives = 0, set(), [], []
every = sorted(set(targets()))
admin = Line(n, n.auth)
for target in every:
    r = admin.ask('GET', target)
    if r.status == 200:
        seen |= {level for level in LEVELS if canary[level].encode() in r.body}
t.same(seen, set(LEVELS), 'who may see all finds all five by these routes')
for name, (level, role, token) in users.items():
    if role == 'feeder' and level != 'green':
        continue
    hidden = [x for x in LEVELS if LEVELS.index(x) > LEVELS.index(level)]
    line, sees = Line(n, 'Bearer ' + token['secret']), set()
    for target in every:
        r = line.ask('GET', target)
        asked += 1
        if r.status >= 500 and r.status != 503:
            fives.append((name, target, r.status))
        sees |= {x for x in LEVELS if canary[x].encode() in r.body and canary[x] not in target}
        found = [x for x in hidden if canary[x].encode() in r.body and canary[x] not in target]
        others = [o for o in users if o != name and users[o][2]['secret'].encode() in r.body]
        if found or others or b'$argon2' in r.body or b'sealed:' in r.body:
            leaks.append((name, target, found, others))
    t.same(sorted(sees, key=LEVELS.index), LEVELS[:LEVELS.index(level) + 1], f'{name} reads what is theirs to read, and no more')
t.ok(asked > 500 and not leaks, f'{asked} reads by nine who may see less: no text of a stricter level, no secret', leaks[:10])
t.ok(not fives, 'and none that fails', fives[:10])
nobody = Line(n)
anonymous = [target for target in every if any(c.encode() in nobody.ask('GET', target).body for c in canary.values())]
t.ok(not anonymous, 'a stranger reads none of the five', anonymous[:5])

# --- what changes, of others ---
a, b = 'analyst-green', 'analyst-amber'
head = lambda who: {'Authorization': 'Bearer ' + users[who][2]['secret']}
for method, tail, body in (('DELETE', f"/session/tokens/{users[b][2]['id']}", None), ('DELETE', f"/tokens/{users[b][2]['id']}", None), ('GET', '/users', None), ('GET', f'/users/{b}', None),
                           ('POST', '/users', {'name': a, 'role': 'admin'}), ('POST', '/users', {'name': a, 'role': 'analyst', 'tlp_max': 'red'}), ('POST', f'/users/{b}/link', {}), ('DELETE', f'/users/{b}', None),
                           ('DELETE', f'/users/{b}/factor', None), ('DELETE', f'/users/{b}/passkeys', None), ('POST', f'/users/{a}/identities', {'subject': 'x'}), ('POST', '/tokens', {'user': 'admin'}),
                           ('GET', '/facts', None), ('GET', '/audit', None), ('POST', '/audit/verify', {}), ('GET', '/settings', None), ('GET', '/approvals', None)):
    r = n.request(method, '/api/v1' + tail, body, auth=None, headers=head(a))
    t.ok(r.status in (403, 404, 422), f'{method} {tail} is not for an analyst', r)
t.same(n.request('GET', '/api/v1/session', auth=None, headers=head(b)).json()['user'], b, 'nothing of the other changed')
for level in ('amber+strict', 'red'):
    for tail, body in ((f"/bulletins/{bulletins[level]['id']}/read", {}), (f"/bulletins/{bulletins[level]['id']}/answer", {'disposition': 'confirmed'}), ('/release', {'id': objects[LEVELS.index(level) * 3]['id']})):
        r, other = n.request('POST', '/api/v1' + tail, body, auth=None, headers=head(a)), n.request('POST', '/api/v1' + tail.replace(bulletins[level]['id'], str(uuid.uuid4())), body, auth=None, headers=head(a))
        t.ok(r.status >= 400 and canary[level].encode() not in r.body, f'what {level} hides is not acted on ({tail.split("/")[1]})', r)

# --- frames, sniffing, caches: of every sort of reply ---
for target, auth in (('/', None), ('/console/users', None), ('/console/none', None), ('/api/v1/session', None), ('/api/v1/users', None), ('/api/v1/none', None)):
    h = n.get(target, auth=auth).headers
    t.same(h.get('X-Content-Type-Options'), 'nosniff', f'{target}: nosniff')
    if target.startswith('/api'):
        t.same(h.get('Cache-Control'), 'no-store', f'{target}: kept by nobody')
    else:
        t.ok("frame-ancestors 'none'" in h.get('Content-Security-Policy', '') and 'unsafe' not in h['Content-Security-Policy'] and "require-trusted-types-for 'script'" in h['Content-Security-Policy'],
             f'{target}: no frame, no inline script', dict(h))

# --- forgery: every route that changes, by cookie and from elsewhere ---
r = n.request('POST', '/api/v1/session', {'user': 'admin', 'password': n.auth and base64.b64decode(n.auth.split()[1]).decode().split(':', 1)[1]}, auth=None, headers={'Lianfang-Console': '1'})
cookie = r.headers['Set-Cookie'].split(';')[0]
forged = []
for path, op in paths.items():
    if not path.startswith('/api/v1/'):  # the single window, where no cookie counts
        continue
    for method in set(op) & {'post', 'put', 'delete', 'patch'}:
        target = re.sub(r'{\w+}', 'x', path)
        for headers in ({'Cookie': cookie}, {'Cookie': cookie, 'Lianfang-Console': '1', 'Sec-Fetch-Site': 'cross-site'}, {'Cookie': cookie, 'Lianfang-Console': '1', 'Origin': 'https://evil.example'}):
            r = nobody.ask(method.upper(), target, {}, **headers)
            if r.status != 403:
                forged.append((method, target, r.status))
t.ok(not forged, 'no route that changes something can be forged', forged[:10])

# --- guessing at what has no password ---
codes = {n.post('/api/v1/session/passkey', {'ceremony': 'x', 'id': 'x', 'client_data': 'eA', 'authenticator_data': 'eA', 'signature': 'eA'}, auth=None).status for _ in range(20)}
t.ok(codes <= {401, 422, 429}, 'passkeys are not guessed', codes)
links = {n.post('/api/v1/session/set-up', {'token': secrets.token_urlsafe(24), 'password': PASSWORD}, auth=None).status for _ in range(20)}
t.ok(links <= {401, 429}, 'nor links', links)
begun = [nobody.ask('POST', '/api/v1/session/passkey/begin', {}) for _ in range(1200)]
t.ok(all(x.status in (200, 422) for x in begun) and n.get('/api/v1/health').status == 200, 'who begins a thousand sign-ins keeps nobody out')
t.same(n.cli('audit', 'verify', '@').status, 0, 'the chain is whole')
t.done()
