#!/usr/bin/env python3
"""Who may come in: passwords, lockout, tokens, client certificates, roles, rights. And what the log of facts says of it."""
from harness import *

t = Tap()
run('init', path('ca'), '--federation', '--name', 'Fed')
n = Node('alpha', ca=path('ca')).start()
ROLES = ('admin', 'analyst', 'feeder', 'reader')


def add_user(name, role, password, *more):
    return n.cli('user', 'add', '@', name, '--role', role, '--password-stdin', *more, stdin=password + '\n')


for role in ROLES:
    r = add_user(role + '1', role, role + '-password-1')
    t.ok(r.status == 0 and r.out == '', f'user add --role {role}, unattended and silent', r)
LOGIN = {role: basic(role + '1', role + '-password-1') for role in ROLES}
r = add_user('x', 'emperor', PASSWORD)
t.ok(r.status == 2 and 'role' in r.err, 'an unknown role is refused', r)
r = add_user('Not A Name', 'reader', PASSWORD)
t.ok(r.status == 2 and 'name' in r.err, 'a name outside a-z 0-9 . _ - is refused', r)
users = n.cli('user', 'list', '@', '--json').json()['users']
t.same(sorted(u['name'] for u in users), sorted(['admin'] + [r + '1' for r in ROLES]), 'user list --json')
t.ok(all('pass' not in k or k == 'has_password' for u in users for k in u), 'no list holds a password or its hash', users)
t.has(n.cli('user', 'list', '@').out, 'analyst1', 'user list for people')

# --- rights by role ---
MAY = [('GET', '/api/v1/health', None, 'anyone'), ('GET', '/api/v1/openapi.json', None, 'anyone'), ('GET', '/api/v1/status', None, 'reader'),
       ('GET', '/api/v1/objects', None, 'reader'), ('GET', '/api/v1/alerts', None, 'reader'), ('GET', '/api/v1/export', None, 'reader'),
       ('POST', '/api/v1/import', bundle([]), 'feeder'), ('POST', '/api/v1/release', {'id': stix_id('indicator')}, 'analyst'),
       ('GET', '/api/v1/users', None, 'admin'), ('GET', '/api/v1/facts', None, 'admin'), ('GET', '/api/v1/peers', None, 'admin'),
       ('POST', '/api/v1/users', {'name': 'y', 'role': 'reader'}, 'admin'), ('DELETE', '/api/v1/users/nobody', None, 'admin')]
RANK = ['anyone', 'reader', 'feeder', 'analyst', 'admin']
for method, target, body, least in MAY:
    for who in ['anyone', *ROLES]:
        got = n.request(method, target, body, auth=LOGIN.get(who)).status
        allowed = RANK.index(who) >= RANK.index(least)
        refused = 401 if who == 'anyone' else 403
        t.ok((got != refused) == allowed and got < 500, f'{method} {target} as {who}: {"may" if allowed else refused}', got)
r = n.get('/api/v1/users', auth=None)
t.ok(r.status == 401 and 'Basic' in r.headers.get('WWW-Authenticate', ''), '401 names the ways to sign in', r)
t.same(n.get('/intel/collections/', auth=None).status in (200, 401), True, 'a stranger at TAXII gets an answer')

# --- rights by collection hold in REST too ---
n.cli('collection', 'add', '@', 'intel', 'Private', '--alias', 'private')
hidden = indicator('private.example', tlp='green')
t.same(n.cli('import', write('private.json', bundle([hidden])), '@', '--collection', 'intel/private').status, 0, 'an object in a collection of few')
WAYS = {'search': lambda who, more='': n.get('/api/v1/objects?value=private.example' + more, auth=LOGIN[who]),
        'by id': lambda who: n.get('/api/v1/objects/' + hidden['id'], auth=LOGIN[who]), 'by value': lambda who: n.get('/api/v1/values/private.example', auth=LOGIN[who]),
        'export': lambda who: n.get('/api/v1/export?format=stix', auth=LOGIN[who]), 'list': lambda who: n.get('/api/v1/export?format=plain', auth=LOGIN[who])}
for way, ask in WAYS.items():
    for who, may in (('reader', False), ('feeder', False), ('analyst', True), ('admin', True)):
        t.ok((b'private.example' in ask(who).body) == may, f'{way} as {who} without a right: {"seen" if may else "not there"}', ask(who))
there, nowhere = WAYS['search']('reader', '&collection=intel/private'), WAYS['search']('reader', '&collection=intel/nowhere')
t.ok(there.status == nowhere.status == 404 and there.body.replace(b'private', b'nowhere') == nowhere.body, 'a collection without a right is as one that is not there', there, nowhere)
t.same(n.request('POST', '/api/v1/import?collection=intel/private', bundle([]), auth=LOGIN['feeder']).status, 404, 'nor may a feeder write there')
n.cli('collection', 'grant', '@', 'intel/private', 'role:reader', '--read')
for way, ask in WAYS.items():
    t.ok(b'private.example' in ask('reader').body, f'{way} as reader with a right', ask('reader'))
t.ok(b'private.example' in WAYS['search']('reader', '&collection=intel/private').body, 'search in the collection too')

# --- an administrator of few levels ---
add_user('limited', 'admin', 'limited-password-1', '--tlp', 'amber')
limited = basic('limited', 'limited-password-1')
t.same(n.get('/api/v1/facts', auth=limited).status, 403, 'facts name objects of all levels: an administrator who may not see all of them gets none')
r = n.get('/api/v1/status', auth=limited)
t.ok(r.status == 200 and 'store' not in r.json() and 'detector' not in r.json(), 'nor totals that count what is hidden', r)

# --- tokens ---
r = n.cli('token', 'add', '@', 'reader1', '--note', 'test')
secret = r.out.strip()
t.ok(r.status == 0 and len(secret) >= 32, 'token add prints the secret', r)
t.same(n.get('/api/v1/status', auth='Bearer ' + secret).status, 200, 'a token signs in')
t.same(n.get('/api/v1/users', auth='Bearer ' + secret).status, 403, 'with the rights of its user')
t.same(n.get('/api/v1/status', auth='Bearer ' + secret[:-1] + ('A' if secret[-1] != 'A' else 'B')).status, 401, 'a wrong token does not')
tokens = n.cli('token', 'list', '@', '--json').json()['tokens']
t.ok(len(tokens) == 1 and tokens[0]['user'] == 'reader1' and tokens[0]['expires'] and secret not in json.dumps(tokens),
     'token list has no secrets', tokens)
t.same(n.cli('token', 'remove', '@', tokens[0]['id']).status, 0, 'token remove')
t.same(n.get('/api/v1/status', auth='Bearer ' + secret).status, 401, 'a withdrawn token counts no more, at once')
r = n.cli('token', 'add', '@', 'nobody')
t.ok(r.status == 2 and r.err, 'no token for a user that does not exist', r)
r = n.cli('token', 'add', '@', 'reader1', '--json')
t.ok(r.status == 0 and r.json()['secret'], 'token add --json', r)

# --- client certificates ---
card = Node('card', ca=path('ca'))
pair = (os.path.join(card.dir, 'tls/node.crt'), os.path.join(card.dir, 'tls/node.key'))
t.same(n.get('/api/v1/status', auth=None, cert=pair).status, 401, 'a certificate that nobody registered is as good as none')
t.same(n.cli('user', 'add', '@', 'smart', '--role', 'analyst', '--cert', card.fingerprint).status, 0, 'user add --cert')
t.same(n.get('/api/v1/status', auth=None, cert=pair).status, 200, 'a client certificate signs in')
t.same(n.get('/api/v1/users', auth=None, cert=pair).status, 403, 'with the rights of its user')
r = n.cli('user', 'add', '@', 'smart2', '--role', 'analyst', '--cert', 'xyz')
t.ok(r.status == 2 and 'cert' in r.err, 'a fingerprint that is none is refused', r)
colons = ':'.join(re.findall('..', card.fingerprint.upper()))
t.same(n.cli('user', 'add', '@', 'smart', '--cert', colons).status, 0, 'a fingerprint as openssl prints it is taken')
t.same(n.get('/api/v1/status', auth=None, cert=pair).status, 200, 'and means the same certificate')
n.cli('user', 'add', '@', 'smart', '--disable')
t.same(n.get('/api/v1/status', auth=None, cert=pair).status, 401, 'a disabled user does not sign in')
alien = Node('alien')
refused = False
try:
    refused = n.get('/api/v1/status', auth=None, cert=(os.path.join(alien.dir, 'tls/node.crt'), os.path.join(alien.dir, 'tls/node.key'))).status == 401
except (OSError, http.client.HTTPException):
    refused = True
t.ok(refused, 'a certificate of another authority is worth nothing')

# --- accounts that end ---
n.cli('user', 'add', '@', 'guest', '--role', 'reader', '--password-stdin', '--until', '2020-01-01', stdin='guest-password-1\n')
t.same(n.get('/api/v1/status', auth=basic('guest', 'guest-password-1')).status, 401, 'an account whose last day is over does not sign in')
t.same(n.cli('user', 'add', '@', 'guest', '--until', 'never').status, 0, 'user add --until never')
t.same(n.get('/api/v1/status', auth=basic('guest', 'guest-password-1')).status, 200, 'it does again without an end')
token = n.cli('token', 'add', '@', 'guest').out.strip()
t.same(n.request('POST', '/api/v1/users', {'name': 'guest', 'expires': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 3600))}).json()['expires'][:2], '20', 'an end to come is told')
t.same(n.get('/api/v1/status', auth='Bearer ' + token).status, 200, 'until then it signs in')
t.same(n.request('POST', '/api/v1/users', {'name': 'guest', 'expires': 'tomorrow'}).status, 400, 'an end that is none is refused')
n.request('POST', '/api/v1/users', {'name': 'guest', 'expires': '2020-01-01T00:00:00Z'})
t.same([n.get('/api/v1/status', auth=a).status for a in ('Bearer ' + token, basic('guest', 'guest-password-1'))], [401, 401], 'with an account end its tokens and its password')

# --- searches that people saved ---
t.same(n.request('POST', '/api/v1/session/searches', {'view': 'events', 'name': 'DNS/x', 'query': '?q=53'}, auth=LOGIN['reader']).status, 200, 'a search is saved')
t.same([x['name'] for x in n.get('/api/v1/session/searches', auth=LOGIN['reader']).json()['searches']], ['DNS/x'], 'and told to its owner')
t.same(n.get('/api/v1/session/searches', auth=LOGIN['analyst']).json()['searches'], [], 'and to nobody else')
t.same(n.request('DELETE', '/api/v1/session/searches/events/DNS%2Fx', auth=LOGIN['analyst']).status, 404, 'who cannot remove it')
t.same(n.request('DELETE', '/api/v1/session/searches/events/DNS%2Fx', auth=LOGIN['reader']).status, 200, 'but its owner')

# --- settings that change while the node runs ---
conf = lambda: open(os.path.join(n.dir, 'lianfang.conf')).read()
setting = lambda key: next(s for s in n.get('/api/v1/settings', auth=LOGIN['admin']).json()['settings'] if f"{s['section']}.{s['key']}" == key)
put = lambda key, body, who='admin': n.request('PUT', '/api/v1/settings/' + key.replace('.', '/'), body, auth=LOGIN[who])
lines = conf().count('\n')
r = put('tickets.quiet_minutes', {'value': '30', 'was': '60'})
t.ok(r.status == 200 and r.json() == {'section': 'tickets', 'key': 'quiet_minutes', 'value': '30', 'was': '60', 'now': False}, 'a setting is changed, at the next start', r)
t.same((setting('tickets.quiet_minutes')['value'], setting('tickets.quiet_minutes')['next']), ('60', '30'), 'which is told with what is in force until then')
t.ok('quiet_minutes = 30' in conf() and conf().count('\n') == lines + 1, 'one line of the file, and no other', conf())
t.same(put('tickets.quiet_minutes', {'value': '20', 'was': '60'}).status, 409, 'who saw another value does not overwrite it')
t.same([put('tickets.quiet_minutes', {'value': v}).status for v in ('x', '0', '5\nlisten = 1', '')], [400] * 4, 'a value that is none is refused')
t.same([put(k, {'value': '/bin/sh'}).status for k in ('notify.command', 'detect.rules', 'store.store')], [403] * 3, 'what can run or read is changed in the file alone')
t.same((put('none.none', {'value': '1'}).status, put('log.level', {'value': '0'}, 'analyst').status), (404, 403), 'nor what there is not, nor by anybody')
t.ok(put('log.level', {'value': '2'}).json()['now'] and setting('log.level')['value'] == '2' and 'next' not in setting('log.level'), 'some are in force at once')
t.same(n.request('DELETE', '/api/v1/settings/log/level', auth=LOGIN['admin']).json()['value'], '1', 'and back to the usual')
t.same(n.request('DELETE', '/api/v1/settings/tickets/quiet_minutes', auth=LOGIN['admin']).status, 200, 'both')
facts = n.get('/api/v1/audit?what=settings.change', auth=LOGIN['admin']).json()['facts']
t.ok([(f['subject'], f['body']) for f in facts][-1:] == [('tickets.quiet_minutes', {'from': '60', 'to': '30'})] and len(facts) == 4 and facts[0]['actor'] == 'user:admin1', 'each change is a fact', facts)
r = put('sign_in.second_person', {'value': 'no'})
t.ok(r.status == 202 and setting('sign_in.second_person')['value'] == 'auto', 'a dangerous one waits for a second person', r)
second = n.post('/api/v1/approvals/' + r.json()['approval'] + '/approve', {}, auth=n.auth) if hasattr(n, 'auth') else None
t.ok(second is None or second.json()['status'] == 200 and setting('sign_in.second_person')['value'] == 'no', 'and is done when one approves', second)
n.request('DELETE', '/api/v1/settings/sign_in/second_person', auth=LOGIN['admin'])

# --- what shows more to more people waits for a second administrator ---
own = n.get('/api/v1/collections', auth=LOGIN['admin']).json()
kept = n.request('POST', '/api/v1/collections', {'root': 'intel', 'title': 'Held', 'alias': 'held', 'tlp_max': 'amber'}, auth=LOGIN['admin'])
t.same(kept.status, 200, 'a new collection holds nothing yet: nobody has to approve it')
held = kept.json()['id'] if 'id' in kept.json() else 'held'
change = lambda body: n.request('POST', '/api/v1/collections', {'root': 'intel', 'id': held, 'title': 'Held', **body}, auth=LOGIN['admin']).status
t.same([change({'tlp_max': 'green'}), change({'all_read': False})], [200, 200], 'to hold less, or to show to fewer, needs none')
t.same([change({'tlp_max': 'red'}), change({'all_read': True}), change({'anon_read': True})], [202] * 3, 'to take what is stricter, or to show to all, does')
t.same([n.request('POST', '/api/v1/collections/intel/held/rights', {'subject': 'role:reader', **right}, auth=LOGIN['admin']).status for right in ({'read': True}, {})], [202, 200], 'a right does, taking one away does not')
t.same([n.request('POST', '/api/v1' + p, {}, auth=LOGIN['admin']).status for p in ('/peers/x/links', '/community/members/x/open', '/community/members/x/admit', '/community/members/x/expel')], [202] * 4, 'links with peers, and who is behind a pseudonym, do')

# --- lockout: 5 failures, 15 minutes ---
add_user('victim', 'reader', 'victim-password-1')
good, bad = basic('victim', 'victim-password-1'), basic('victim', 'wrong-password')
t.same(n.get('/api/v1/status', auth=good).status, 200, 'the right password')
t.same([n.get('/api/v1/status', auth=bad).status for _ in range(4)], [401] * 4, 'four wrong ones')
add_user('victim', 'reader', 'victim-password-2')  # also forgets the remembered password
good = basic('victim', 'victim-password-2')
t.same([n.get('/api/v1/status', auth=bad).status for _ in range(4)], [401] * 4, 'a new password forgets the failures; four more')
t.same(n.get('/api/v1/status', auth=good).status, 200, 'four failures do not lock')
add_user('victim', 'reader', 'victim-password-3')
good = basic('victim', 'victim-password-3')
t.same([n.get('/api/v1/status', auth=bad).status for _ in range(5)], [401] * 5, 'five wrong ones in a row')
r = n.get('/api/v1/status', auth=good)
t.same(r.status, 401, 'now the right password is refused, too')
t.ok(b'lock' not in r.body.lower() and r.body == n.get('/api/v1/status', auth=basic('nobody', 'wrong-password')).body,
     'and the words do not tell that the user exists', r)
t.same(n.get('/api/v1/status', auth=LOGIN['reader']).status, 200, 'others are not locked out')
u = [x for x in n.cli('user', 'list', '@', '--json').json()['users'] if x['name'] == 'victim'][0]
until = time.mktime(time.strptime(u['locked_until'][:19], '%Y-%m-%dT%H:%M:%S')) - time.timezone - time.time()
t.ok(13 * 60 < until <= 15 * 60 + 5, f'locked for 15 minutes ({until:.0f} s left)', u)
n.stop()
n.start()
t.same(n.get('/api/v1/status', auth=good).status, 401, 'a restart does not unlock')
add_user('victim', 'reader', 'victim-password-4')
t.same(n.get('/api/v1/status', auth=basic('victim', 'victim-password-4')).status, 200, 'a new password by the administrator does')

# --- malformed credentials ---
for auth in ('Basic', 'Basic !!!', 'Basic ' + base64.b64encode(b'nocolon').decode(), 'Bearer', 'Bearer ' + 'x' * 9000, 'Digest a=b', 'Negotiate YII=',
             'Basic ' + base64.b64encode(b'\xff\xfe:x').decode(), 'Basic ' + base64.b64encode(b'admin\0:x').decode()):
    r = n.get('/api/v1/status', auth=auth)
    t.ok(r.status in (400, 401, 431), f'Authorization: {auth[:40]}: {r.status}', r)
t.ok(n.health(), 'the node still answers')

# --- remove, and the facts ---
t.same(n.cli('user', 'remove', '@', 'reader1').status, 0, 'user remove')
t.same(n.get('/api/v1/status', auth=LOGIN['reader']).status, 401, 'a removed user is out at once')
r = n.cli('user', 'remove', '@', 'reader1', '--json')
t.ok(r.status == 2 and r.json()['code'] == 'not-found', 'removing nobody says so', r)
facts = n.cli('audit', 'list', '@', '--json', '--limit', '10000').json()['facts']
kinds = {f['kind'] for f in facts}
for kind in ('node.init', 'user.add', 'user.change', 'user.remove', 'token.add', 'token.remove', 'login.ok', 'login.fail'):
    t.ok(kind in kinds, f'{kind} is a fact', sorted(kinds))
t.ok(any('locked' in json.dumps(f['body']) for f in facts), 'the lockout is a fact')
t.ok(not any(word in json.dumps(facts) for word in ('victim-password', 'wrong-password', secret)), 'no fact holds a secret')
t.same([f['seq'] for f in facts], list(range(1, len(facts) + 1)), 'facts are numbered without a gap')
r = n.cli('audit', 'list', '@', 'login.', '--json', '--limit', '3')
t.ok(len(r.json()['facts']) == 3 and r.json()['more'] is True and all(f['kind'].startswith('login.') for f in r.json()['facts']),
     'audit list by kind and limit', r)
t.same(n.cli('audit', 'verify', '@').status, 0, 'audit verify beside the running node')
t.ok(not any(word in n.text() for word in ('victim-password', 'wrong-password', secret)), 'no log line holds a secret')

# --- a stopped node takes the same commands ---
n.stop()
t.same(add_user('later', 'reader', 'later-password-1').status, 0, 'user add on a stopped node')
r = n.cli('token', 'add', '@', 'later')
t.ok(r.status == 0 and r.out.strip(), 'token add on a stopped node', r)
n.start()
t.same(n.get('/api/v1/status', auth='Bearer ' + r.out.strip()).status, 200, 'both count after the start')
t.same(n.stop(), 0, 'stop')

# --- without passwords ---
m = Node('beta', ca=path('ca'), conf='[server]\nbasic_auth = no').start()
r = m.get('/api/v1/users')
t.ok(r.status == 401 and 'Basic' not in r.headers.get('WWW-Authenticate', '') and 'Bearer' in r.headers.get('WWW-Authenticate', ''), 'basic_auth = no: a right password does not help', r)
secret = m.cli('token', 'add', '@', 'admin').out.strip()
t.same(m.get('/api/v1/users', auth='Bearer ' + secret).status, 200, 'a token does')
t.done()
