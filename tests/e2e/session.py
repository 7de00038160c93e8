#!/usr/bin/env python3
"""Signing in by a form: the set-up link, sessions, the second factor, forgery from other sites, and guessing."""
import hmac, sqlite3, struct

from harness import *

t = Tap()
NEW = 'a quite long passphrase 7'


def code_of(secret, at=None):
    """RFC 6238, by itself."""
    key = base64.b32decode(secret + '=' * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack('>Q', int((at or time.time()) // 30)), hashlib.sha1).digest()
    o = mac[-1] & 15
    return f'{(struct.unpack(">I", mac[o:o + 4])[0] & 0x7fffffff) % 10 ** 6:06d}'


class Browser:
    """Keeps a cookie; says what the console says."""

    def __init__(self, node, console='1'):
        self.node, self.cookie, self.console = node, None, console

    def ask(self, method, tail='', body=None, **headers):
        h = {'Cookie': self.cookie and '__Host-lianfang=' + self.cookie, 'Lianfang-Console': self.console, 'Sec-Fetch-Site': 'same-origin'}
        h.update({k.replace('_', '-'): v for k, v in headers.items()})
        r = self.node.request(method, '/api/v1' + tail, body, auth=None, headers=h)
        self.set = r.headers.get('Set-Cookie', '')
        if self.set:
            self.cookie = self.set.split(';')[0].split('=', 1)[1] or None
        return r

    def sign_in(self, user='admin', password=NEW, code=None):
        return self.ask('POST', '/session', {'user': user, 'password': password, **({'code': code} if code else {})})

    def who(self):
        return self.ask('GET', '/session').json()


# --- the first start ---
n = Node('alpha', init=False)
made = run('init', n.dir, '--tier', 'sector', '--name', 'Alpha 醫院', '--listen', f'127.0.0.1:{n.port}', '--json')
n.auth = basic('admin', made.json()['password'])
with open(os.path.join(n.dir, 'lianfang.conf'), 'a') as f:
    f.write('[sign_in]\npassword_min_age = 0\n')
n.start()


def link_of():
    found = re.findall(r'https://127\.0\.0\.1:\d+/console/set-up#([\w-]{32})', n.text())
    return found[-1] if found else None


t.ok(wait_until(link_of), 'the first start prints a link', n.text())
before = link_of()
n.stop()
n.start()
t.ok(wait_until(lambda: link_of() != before), 'the second start prints another, as nobody used the first')
b = Browser(n)
t.same(b.who(), {'signed_in': False, 'node': 'Alpha 醫院', 'tier': 'sector'}, 'nobody is signed in')
t.same(b.ask('POST', '/session/set-up', {'token': before, 'password': NEW}).status, 401, 'the first link is void')
for bad in ('short', 'aaaaaaaaaaaaaaaaaaaa', 'my name is admin now', 'x' * 2000, 'onlysmallletters', 'twokinds12345', 'TWOKINDS12345'):
    t.same(b.ask('POST', '/session/set-up', {'token': link_of(), 'password': bad}).status, 400, f'the password {bad[:24]!r} is refused')
r = b.ask('POST', '/session/set-up', {'token': link_of(), 'password': NEW})
t.ok(r.status == 200 and r.json() == {'user': 'admin'}, 'the link sets the password', r)
t.same(b.ask('POST', '/session/set-up', {'token': link_of(), 'password': NEW}).status, 401, 'once')
t.same(n.get('/api/v1/users').status, 401, 'the drawn password is void')
n.auth = basic('admin', NEW)
t.same(n.get('/api/v1/users').status, 200, 'the new one is not')
count = n.text().count('/console/set-up#')
n.stop()
n.start()
t.same(n.text().count('/console/set-up#'), count, 'a start after that prints none')
plain = Node('beta').start()
t.ok('set-up#' not in plain.text(), 'a node whose password was given at init prints none')

# --- sessions ---
r = b.sign_in(password='not it at all')
t.ok(r.status == 401 and not b.set and r.headers.get('WWW-Authenticate') is None, 'a wrong password: 401, and no window of the browser', r)
words = r.json()
t.same(b.sign_in(user='nobody').json(), words, 'an unknown user: the same words')
r = b.sign_in()
t.ok(r.status == 200 and r.json() == {'signed_in': True, 'node': 'Alpha 醫院', 'tier': 'sector', 'user': 'admin', 'role': 'admin', 'org': 'Alpha 醫院',
                                      'tlp_max': 'TLP:RED', 'second_factor': False}, 'signed in', r)
t.ok(all(part in b.set for part in ('__Host-lianfang=', 'Path=/', 'Secure', 'HttpOnly', 'SameSite=Strict')) and 'Domain' not in b.set, 'the cookie', b.set)
first = b.cookie
t.ok(b.who()['user'] == 'admin' and b.ask('GET', '/users').status == 200, 'the cookie signs in')
b.sign_in()
t.ok(b.cookie != first, 'signing in again gives another id')
old = Browser(n)
old.cookie = first
t.same(old.who()['signed_in'], False, 'and ends the one before')
fixed = Browser(n)
fixed.cookie = 'A' * 43
fixed.sign_in()
t.ok(fixed.cookie != 'A' * 43, 'an id that somebody planted is never taken up')
planted = Browser(n)
planted.cookie = 'A' * 43
t.same(planted.who()['signed_in'], False, 'nor does it sign in')
t.same(n.request('GET', '/taxii2/', auth=None, headers={'Cookie': '__Host-lianfang=' + b.cookie}).status,
       n.request('GET', '/taxii2/', auth=None).status, 'the cookie says nothing outside /api/v1')
t.same(n.request('GET', '/api/v1/users', auth=None, headers={'Cookie': f'__Host-lianfang={b.cookie}; __Host-lianfang={b.cookie}'}).status, 401, 'two cookies: none')
raw = read(os.path.join(n.dir, 'records.db')) + b''.join(read(os.path.join(n.dir, f)) for f in os.listdir(n.dir) if f.startswith('records.db-'))
t.ok(b.cookie.encode() not in raw and hashlib.sha256(b.cookie.encode()).hexdigest().encode() in raw, 'the store holds its hash only')

# --- other sites ---
for headers, name in (({'Sec_Fetch_Site': 'cross-site'}, 'another site'), ({'Sec_Fetch_Site': 'same-site'}, 'a neighbouring host'),
                      ({'Sec_Fetch_Site': None, 'Origin': 'https://evil.example'}, 'another origin'), ({'Sec_Fetch_Site': None, 'Origin': 'null'}, 'no origin'),
                      ({'Lianfang_Console': None}, 'a form without the console\'s header')):
    r = b.ask('POST', '/users', {'name': 'x', 'role': 'reader'}, **headers)
    t.same(r.status, 403, f'a change from {name} is refused')
    r = b.ask('DELETE', '/session', **headers)
    t.ok(r.status == 403 and not b.set, 'so is signing out')
t.same(b.ask('POST', '/users', {'name': 'x', 'role': 'reader'}, Sec_Fetch_Site=None, Origin=f'https://127.0.0.1:{n.port}').status, 200, 'its own origin may')
t.same(n.post('/api/v1/users', {'name': 'y', 'role': 'reader'}, headers={'Sec-Fetch-Site': 'cross-site'}).status, 403,
       'a password that the browser remembers does not help another site, either')
t.same(n.post('/api/v1/users', {'name': 'y', 'role': 'reader'}).status, 200, 'a program with a password is no browser')

# --- passwords and users ---
t.same(b.ask('POST', '/session/password', {'password': 'wrong', 'new_password': NEW + '!'}).status, 403, 'a new password wants the old one')
other = Browser(n)
other.sign_in()
t.same(b.ask('POST', '/session/password', {'password': NEW, 'new_password': NEW + '!'}).status, 200, 'changed')
t.ok(b.who()['signed_in'] and not other.who()['signed_in'], 'this session stays, the others end')
t.same(b.ask('POST', '/session/password', {'password': NEW + '!', 'new_password': NEW + '!'}).status, 400, 'not to the same')
t.same(b.ask('POST', '/session/password', {'password': NEW + '!', 'new_password': NEW}).status, 400, 'nor back')
present = NEW + '!'
for i in range(3):
    t.same(b.ask('POST', '/session/password', {'password': present, 'new_password': f'{NEW}{i}'}).status, 200, 'but to another')
    present = f'{NEW}{i}'
t.same(b.ask('POST', '/session/password', {'password': present, 'new_password': NEW + '!'}).status, 400, 'the third before is refused')
t.same(b.ask('POST', '/session/password', {'password': present, 'new_password': NEW}).status, 200, 'the fourth is not')
r = n.cli('user', 'add', '@', 'alice', '--role', 'analyst')
r = n.cli('user', 'link', '@', 'alice')
t.ok(r.status == 0 and f'https://127.0.0.1:{n.port}/console/set-up#' in r.out, 'a command makes a link for a user', r)
token = re.search(r'#([\w-]{32})', r.out).group(1)
alice = Browser(n)
t.same(alice.ask('POST', '/session/set-up', {'token': token, 'password': NEW}).status, 200, 'who sets a password by it')
t.same(alice.sign_in('alice').json()['role'], 'analyst', 'and signs in')
t.same(alice.ask('POST', '/users/admin/link').status, 403, 'an analyst makes no links')
t.same(b.ask('POST', '/users', {'name': 'alice', 'role': 'analyst', 'disabled': True}).status, 200, 'a disabled user')
t.same(alice.who()['signed_in'], False, 'is out at once')
b.ask('POST', '/users', {'name': 'alice', 'role': 'reader', 'disabled': False})
t.same(alice.who()['signed_in'], False, 'and stays out')
alice.sign_in('alice')
t.same(b.ask('DELETE', '/users/alice').status, 200, 'a removed user')
t.same(alice.who()['signed_in'], False, 'is out, too')

# --- second factor ---
t.same(b.ask('POST', '/session/factor', {'password': 'wrong'}).status, 403, 'a second factor wants the password')
r = b.ask('POST', '/session/factor', {'password': NEW}).json()
t.ok(re.fullmatch(r'[A-Z2-7]{32}', r['secret']) and r['uri'] == f"otpauth://totp/{urllib.parse.quote('Alpha 醫院')}:admin?secret={r['secret']}&issuer={urllib.parse.quote('Alpha 醫院')}",
     'the key as apps take it', r)
secret = r['secret']
side = len(r['qr'])
t.ok(side >= 21 and (side - 17) % 4 == 0 and all(len(row) == side and set(row) <= {'0', '1'} for row in r['qr']), 'and as a QR code', r['qr'])
if shutil.which('zbarimg'):
    wide = ['0' * (side + 8)] * 4 + ['0000' + row + '0000' for row in r['qr']] + ['0' * (side + 8)] * 4
    gray = b''.join(bytes(0 if m == '1' else 255 for m in row for _ in range(6)) * 6 for row in wide)
    with open(path('qr.pgm'), 'wb') as f:
        f.write(b'P5 %d %d 255\n' % ((side + 8) * 6, (side + 8) * 6) + gray)
    read_back = subprocess.run(['zbarimg', '-q', '--raw', path('qr.pgm')], capture_output=True, timeout=60).stdout.decode().strip()
    t.same(read_back, r['uri'], 'a reader that is not ours reads the same')
else:
    t.skip('a reader that is not ours reads the same', 'zbarimg is not there (tools/deps test)')
t.same(b.ask('POST', '/session/factor/confirm', {'code': '000000' if code_of(secret) != '000000' else '111111'}).status, 400, 'a wrong code does not confirm')
t.ok(not b.who()['second_factor'] and Browser(n).sign_in().status == 200, 'so it is not in force')
# The code of the step before is right as well; so the one of now stays for the next sign-in.
r = b.ask('POST', '/session/factor/confirm', {'code': code_of(secret, time.time() - 30)}).json()
codes = r['recovery_codes']
t.ok(len(set(codes)) == 10 and all(re.fullmatch(r'([A-Z2-7]{4}-){3}[A-Z2-7]{4}', c) for c in codes), 'confirmed: ten recovery codes', r)
t.same(b.who()['second_factor'], True, 'in force')
c = Browser(n)
r = c.sign_in()
t.ok(r.status == 401 and r.json()['error']['code'] == 'code' and not c.set, 'a password alone does not sign in any more', r)
t.same(c.sign_in(password='wrong wrong wrong', code='123456').json(), words, 'a wrong password is told before any code')
used = code_of(secret)
t.same(c.sign_in(code=used).status, 200, 'with the code it does')
t.same(Browser(n).sign_in(code=used).json(), words, 'a code counts once')
t.same(Browser(n).sign_in(code=codes[3]).status, 200, 'a recovery code')
t.same(Browser(n).sign_in(code=codes[3]).json(), words, 'counts once, too')
raw = read(os.path.join(n.dir, 'records.db')) + b''.join(read(os.path.join(n.dir, f)) for f in os.listdir(n.dir) if f.startswith('records.db-'))
t.ok(not any(x.encode() in raw for x in codes), 'the store holds no recovery code')
key = base64.b32decode(secret)
t.ok(b'sealed:' in raw and key not in raw and key.hex().encode() not in raw and secret.encode() not in raw, 'nor the key of the second factor in the clear')
t.same(b.ask('POST', '/session/factor', {'password': NEW}).status, 409, 'a second second factor is refused')
t.same(n.cli('user', 'reset-code', '@', 'admin').status, 0, 'a command removes it when the phone is lost')
t.same(Browser(n).sign_in().status, 200, 'then the password alone signs in')

# A key of before keys were sealed still counts, and is sealed by its first use.
n.stop()
db = sqlite3.connect(os.path.join(n.dir, 'records.db'))
db.execute("INSERT INTO factor (account, secret, proposed, step) VALUES ('admin', ?, '', 0)", (key.hex(),))
db.execute("INSERT INTO factor (account, secret, proposed, step) SELECT 'y', ?, '', 0", (key.hex(),))
db.commit()
db.close()
n.start()
t.same(Browser(n).sign_in(code=code_of(secret)).status, 200, 'a key of an older version signs in')
db = sqlite3.connect(os.path.join(n.dir, 'records.db'))
sealed = db.execute("SELECT secret FROM factor WHERE account = 'admin'").fetchone()[0]
t.ok(sealed.startswith('sealed:'), 'and is sealed then', sealed)
n.stop()
# Whoever may write records cannot give one user another's key.
db.execute("UPDATE factor SET secret = ?, step = 0 WHERE account = 'y'", (sealed,))
db.execute("UPDATE account SET pass_hash = (SELECT pass_hash FROM account WHERE name = 'admin') WHERE name = 'y'")
db.commit()
db.close()
n.start()
r = Browser(n).sign_in('y', code=code_of(secret, time.time() + 30))
t.ok(r.status == 500, 'a sealed key that was given to another opens nothing', r)
n.cli('user', 'reset-code', '@', 'admin')
n.cli('user', 'remove', '@', 'y')

# --- passwords that are too old, or too new ---
o = Node('old', conf='[sign_in]\npassword_max_age = 2s\npassword_min_age = 1h').start()
o.cli('user', 'add', '@', 'carol', '--role', 'reader', '--password-stdin', stdin=NEW)
c = Browser(o)
t.ok(wait_until(lambda: c.sign_in('carol').status == 401), 'a password grows old')
t.same(c.sign_in('carol').json()['error']['code'], 'password-old', 'and says so to who knows it')
t.same(o.request('GET', '/api/v1/status', auth=basic('carol', NEW)).status, 401, 'it opens nothing else')
t.same(c.sign_in('carol', 'not it at all').json()['error']['code'], 'sign-in', 'to who does not, it says nothing')
t.same(c.ask('POST', '/session', {'user': 'carol', 'password': NEW, 'new_password': NEW}).status, 400, 'the same again is no new one')
t.ok(wait_until(lambda: c.ask('POST', '/session', {'user': 'carol', 'password': NEW, 'new_password': NEW + '2'}).status == 200), 'with a new one it signs in')
t.same(c.who()['user'], 'carol', 'indeed')
t.same(c.ask('POST', '/session/password', {'password': NEW + '2', 'new_password': NEW + '3'}).status, 403, 'and is not changed again at once')
o.stop()

# --- tokens that may do less ---
t.same(b.ask('POST', '/session/tokens', {'password': 'wrong'}).status, 403, 'a token of one\'s own wants the password')
made = b.ask('POST', '/session/tokens', {'password': NEW, 'note': 'look only', 'role': 'reader', 'tlp_max': 'green', 'days': 1}).json()
mine = b.ask('GET', '/session/tokens').json()['tokens']
t.ok([(x['id'], x['role'], x['tlp_max'], x['user']) for x in mine] == [(made['id'], 'reader', 'TLP:GREEN', 'admin')], 'one\'s own tokens', mine)
bearer = lambda secret: {'Authorization': 'Bearer ' + secret}
r = n.request('GET', '/api/v1/session', auth=None, headers=bearer(made['secret'])).json()
t.ok((r['role'], r['tlp_max']) == ('reader', 'TLP:GREEN'), 'it may do and see as much as was said', r)
t.same(n.request('GET', '/api/v1/users', auth=None, headers=bearer(made['secret'])).status, 403, 'and no more')
n.cli('user', 'add', '@', 'rita', '--role', 'reader')
more = n.post('/api/v1/tokens', {'user': 'rita', 'role': 'admin', 'tlp_max': 'red'}).json()['secret']
r = n.request('GET', '/api/v1/session', auth=None, headers=bearer(more)).json()
t.ok((r['role'], r['tlp_max']) == ('reader', 'TLP:AMBER'), 'a token gives nobody more than they have', r)
rita = n.request('GET', '/api/v1/session/tokens', auth=None, headers=bearer(more)).json()['tokens']
t.same([x['user'] for x in rita], ['rita'], 'others\' tokens are not told')
t.same(n.request('DELETE', '/api/v1/session/tokens/' + made['id'], auth=None, headers=bearer(more)).status, 404, 'nor withdrawn')
t.same(b.ask('DELETE', '/session/tokens/' + made['id']).status, 200, 'one\'s own are')
t.same(n.request('GET', '/api/v1/session', auth=None, headers=bearer(made['secret'])).status, 401, 'and are void at once')

# --- a second person ---
n.cli('user', 'add', '@', 'lin', '--role', 'admin', '--password-stdin', stdin=NEW)
lin = Browser(n)
lin.sign_in('lin')
t.same(b.ask('POST', '/users', {'name': 'plain', 'role': 'analyst'}).status, 200, 'what is not dangerous needs nobody else')
for tail, body, what in (('/users', {'name': 'plain', 'role': 'admin'}, 'an administrator more'), ('/users', {'name': 'plain', 'role': 'reader', 'tlp_max': 'red'}, 'to see more'),
                         ('/users', {'name': 'lin', 'role': 'reader'}, 'another administrator less'), ('/users/lin/link', {}, 'a link for another administrator'),
                         ('/tokens', {'user': 'lin'}, 'a token of another administrator'), ('/peers', {'name': 'p', 'relation': 'partner', 'cert_sha256': 'ab' * 32}, 'a peer')):
    r = b.ask('POST', tail, body)
    t.ok(r.status == 202 and r.json()['state'] == 'waits', f'{what}: waits', r)
r = b.ask('DELETE', '/users/plain')
asked = r.json()['approval']
t.ok(r.status == 202 and n.get('/api/v1/users/plain').json()['role'] == 'analyst', 'a removal waits, and nothing happened yet', r)
t.same(b.ask('POST', '/users', {'name': 'lin', 'role': 'admin', 'password': NEW + '9'}).status, 422, 'a password does not wait: it is not kept')
t.ok((NEW + '9').encode() not in read(os.path.join(n.dir, 'records.db')), 'indeed')
t.same(b.ask('POST', f'/approvals/{asked}/approve', {}).status, 403, 'who asked does not approve')
t.same(n.request('POST', f'/api/v1/approvals/{asked}/approve', {}, auth=None, headers=bearer(more)).status, 403, 'nor a reader')
r = lin.ask('POST', f'/approvals/{asked}/approve', {})
t.ok(r.status == 200 and r.json()['status'] == 200 and n.get('/api/v1/users/plain').status == 404, 'another administrator does, and it is done', r)
t.same(lin.ask('POST', f'/approvals/{asked}/approve', {}).status, 409, 'once')
waits = [x for x in lin.ask('GET', '/approvals').json()['approvals'] if x['state'] == 'waits']
t.ok(len(waits) == 6 and {x['asker'] for x in waits} == {'admin'}, 'the others wait', waits)
peer = [x for x in waits if x['path'].endswith('/peers')][0]
t.same(lin.ask('POST', f"/approvals/{peer['id']}/refuse", {'reason': '未經核准'}).status, 200, 'one is refused')
gone = [x for x in lin.ask('GET', '/approvals').json()['approvals'] if x['id'] == peer['id']][0]
t.ok((gone['state'], gone['reason'], gone['decider']) == ('refused', '未經核准', 'lin') and n.get('/api/v1/peers').json()['peers'] == [], 'with its reason, and not done', gone)
t.same(n.cli('user', 'remove', '@', 'lin').status, 0, 'who sits at the node is not held up')
t.same(b.ask('POST', '/users', {'name': 'rita', 'role': 'reader', 'tlp_max': 'red'}).status, 200, 'and a single administrator has nobody to ask')

# --- guessing ---
n.cli('user', 'add', '@', 'bob', '--role', 'reader', '--password-stdin', stdin=NEW)
g = Browser(n)
seen = [g.sign_in('bob', f'wrong guess {i}') for i in range(4)]
t.same([r.status for r in seen], [401, 401, 401, 429], 'from the third failure on, one waits')
t.ok(1 <= int(seen[3].headers['Retry-After']) <= 2, 'a second', seen[3])
t.same(g.sign_in('bob').status, 429, 'with the right password, too')
t.ok(wait_until(lambda: g.sign_in('bob', 'wrong guess 5').status == 401, 5, 0.2), 'then a guess is taken')
r = g.sign_in('bob')
t.ok(r.status == 429 and int(r.headers['Retry-After']) >= 2, 'and the wait is twice as long', r)
t.same(b.ask('GET', '/users').status, 200, 'others are not held up')

# --- the end ---
again = b.cookie
t.same(b.ask('DELETE', '/session').status, 200, 'signing out')
t.ok('Max-Age=0' in b.set, 'takes the cookie back')
b.cookie = again
t.same(b.who()['signed_in'], False, 'and ends it at the node')
facts = n.get('/api/v1/facts?limit=1000').json()['facts']
t.ok({'user.set-up', 'user.password', 'user.link', 'user.second-factor', 'user.second-factor-removed', 'user.recovery-code', 'login.ok', 'login.fail', 'approval.ask', 'approval.yes', 'approval.no'} <= {f['kind'] for f in facts},
     'all of it is in the chain of facts', sorted({f['kind'] for f in facts}))
paths = n.get('/api/v1/openapi.json').json()['paths']
t.ok(all('/api/v1' + p in paths for p in ('/session', '/session/set-up', '/session/factor', '/users/{name}/link')), 'and in OpenAPI')
t.same(n.cli('audit', 'verify', '@').status, 0, 'the chain is whole')
t.done()
