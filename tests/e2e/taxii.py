#!/usr/bin/env python3
"""The TAXII client against our own server and against servers that misbehave; data sets of others; cut and resumed fetches."""
import http.server, threading

from harness import *

t = Tap()
run('init', path('ca'), '--federation', '--name', 'Fed')
n = Node('alpha', ca=path('ca'), conf='[server]\nthreads = 2').start()
n.cli('root', 'add', '@', 'small', '--title', 'Small pages', '--page-size', '10', '--public')
cid = n.cli('collection', 'add', '@', 'small', 'Feed', '--alias', 'feed', '--all-read', '--all-write').out.strip()
n.cli('user', 'add', '@', 'alice', '--role', 'analyst', '--password-stdin', stdin=PASSWORD + '\n')
token = n.cli('token', 'add', '@', 'alice').out.strip()
CA = ('--ca', os.path.join(n.dir, 'tls/ca.crt'))
LOGIN = ('-u', 'alice', '--password-stdin', *CA)


def taxii(*args, stdin=PASSWORD + '\n', **more):
    return run('taxii', *args, stdin=stdin, **more)


# --- import --taxii: a server's whole data ---
DATA = {'/discovery': {'title': 'Test', 'description': 'd', 'contact': 'c', 'default': 'http://localhost:5000/trustgroup1/',
                       'api_roots': ['http://localhost:5000/trustgroup1/']},
        'trustgroup1': {'information': {'title': 'Trust group', 'description': 'x', 'versions': ['application/taxii+json;version=2.1'],
                                        'max_content_length': 9765625},
                        'status': [],
                        'collections': [{'id': '91a7b528-80eb-42ed-a74d-c6fbd5a26116', 'title': 'High value', 'description': 'y',
                                         'can_read': True, 'can_write': True, 'media_types': ['application/stix+json;version=2.1'],
                                         'objects': [indicator('dated.example')]}]}}
DATA['trustgroup1']['collections'][0]['manifest'] = [
    {'id': o['id'], 'date_added': '2017-01-20T00:00:00.000Z', 'version': o['modified'], 'media_type': 'application/stix+json;version=2.1'}
    for o in DATA['trustgroup1']['collections'][0]['objects']]
r = n.cli('import', '--taxii', write('dataset.json', DATA), '@', '--json')
t.ok(r.status == 0 and r.json()['roots'] == 1 and r.json()['collections'] == 1 and r.json()['stored'] == 1, 'import --taxii', r)
r = n.get('/trustgroup1/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/manifest/')
t.ok(r.status == 200 and r.json()['objects'][0]['date_added'].startswith('2017-01-20T00:00:00'), 'its dates are kept', r)
shared = data_folder()
if shared and os.path.exists(os.path.join(shared, 'taxii/default_data.json')):
    r = n.cli('import', '--taxii', os.path.join(shared, 'taxii/default_data.json'), '@', '--page-size', '20')
    t.ok(r.status in (0, 1) and 'collections' in r.out, 'import --taxii of the data set of a reference server', r)
    r = taxii('collections', n.url('/taxii2/'), '-r', 'trustgroup1', *LOGIN, '--json')
    t.ok(r.status == 0 and len(r.json()) >= 4, 'its collections are served', r)
else:
    t.skip('import --taxii of the data set of a reference server', 'the test material is not here (LIANFANG_DATA)')

# --- discover, collections ---
r = taxii('discover', n.url(), *LOGIN, '--json')
t.ok(r.status == 0 and any('small' in x['url'] for x in r.json()['api_roots']) and r.json()['default'], 'taxii discover --json', r)
r = taxii('discover', f'127.0.0.1:{n.port}', *LOGIN)
t.ok(r.status == 0 and '/intel/' in r.out, 'taxii discover of a bare host and port', r)
r = taxii('collections', n.url('/taxii2/'), '-r', 'small', *LOGIN, '--json')
t.ok(r.status == 0 and [c for c in r.json() if c['id'] == cid and c['can_read'] and c['can_write'] and c['alias'] == 'feed'], 'taxii collections --json', r)
r = taxii('collections', n.url('/taxii2/'), '-r', 'small', '--token-stdin', *CA, stdin=token + '\n')
t.ok(r.status == 0 and cid in r.out, 'with a token, for people', r)
for name, args, stdin in (('a wrong password', LOGIN, 'wrong-password-1\n'), ('a wrong token', ('--token-stdin', *CA), 'nonsense\n'),
                          ('no trust', ('-u', 'alice', '--password-stdin'), PASSWORD + '\n'), ('a wrong pin', (*LOGIN, '--pin', '0' * 64), PASSWORD + '\n')):
    r = taxii('collections', n.url('/taxii2/'), '-r', 'small', *args, stdin=stdin)
    t.ok(r.status == 2 and r.err and PASSWORD not in r.err, f'{name}: 2 and a reason', r)
r = taxii('discover', n.url(), '-u', 'alice', '--password-stdin', '--pin', n.fingerprint)
t.ok(r.status == 0, 'a pin is trust enough', r)

# --- push ---
objects = [indicator(f'd{i}.example', tlp='clear') for i in range(57)]
PUSH = ('push', n.url('/taxii2/'))
r = taxii(*PUSH, write('push.json', bundle(objects)), '-r', 'small', '-c', 'feed', *LOGIN, '--json')
t.ok(r.status == 0 and r.json() == {'success': 57, 'failure': 0, 'pending': 0}, 'taxii push', r)
r = taxii(*PUSH, write('bad.json', bundle([indicator('ok.example'), stix('indicator', name='none')])), '-r', 'small', '-c', 'feed', *LOGIN, '--json')
t.ok(r.status == 1 and r.json()['success'] == 1 and r.json()['failure'] == 1 and 'refused' in r.err, 'a refused object: 1, and which and why', r)
r = taxii(*PUSH, path('push.json'), '-r', 'small', '-c', 'nowhere', *LOGIN)
t.ok(r.status == 2 and r.err, 'an unknown collection: 2', r)

# --- get, filters, resume ---
def feed():
    return [json.loads(line) for line in read(out).decode().splitlines()]


GET = ('get', n.url('/taxii2/'), '-r', 'small', '-c', 'feed', *LOGIN)
r = taxii(*GET)
t.ok(r.status == 0 and len(r.lines()) == 58 and '6 pages' in r.err, 'taxii get over pages of ten, to standard output', r)
t.same(sorted(o['id'] for o in r.lines() if o['id'] in {x['id'] for x in objects}), sorted(o['id'] for o in objects), 'all objects, each once')
r = taxii(*GET, '--type', 'malware')
t.ok(r.status == 0 and r.out == '', 'match[type]', r)
r = taxii(*GET, '--id', objects[3]['id'])
t.same([o['id'] for o in r.lines()], [objects[3]['id']], 'match[id]')
out = path('feed.ndjson')
r = taxii(*GET, '-o', out)
t.ok(r.status == 0 and len(feed()) == 58, 'taxii get -o', r)
r = taxii(*GET, '-o', out)
t.ok(r.status == 0 and len(feed()) == 58 and r.err.startswith('0 objects'), 'again: nothing new', r)
taxii(*PUSH, write('more.json', bundle([indicator('later.example', tlp='clear')])), '-r', 'small', '-c', 'feed', *LOGIN)
r = taxii(*GET, '-o', out)
t.ok(len(feed()) == 59 and r.err.startswith('1 objects'), 'then only what is new', r)
with open(out, 'ab') as f:
    f.write(b'{"half a li')
taxii(*PUSH, write('more.json', bundle([indicator('latest.example', tlp='clear')])), '-r', 'small', '-c', 'feed', *LOGIN)
r = taxii(*GET, '-o', out)
t.ok(r.status == 0 and len(feed()) == 60 and len({o['id'] for o in feed()}) == 60, 'what a killed run left half-written is written anew', r)

# --- a proxy that cuts the third page ---
class Cutting(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.0'
    seen, cut_at, busy = [], None, 0

    def do_GET(self):
        cls = type(self)
        if 'objects' in self.path:
            cls.seen.append(self.path)
            if cls.busy > 0:
                cls.busy -= 1
                self.send_response(503)
                self.send_header('Retry-After', '1')
                self.end_headers()
                return
        r = n.get(self.path, auth=self.headers.get('Authorization'), headers={'Accept': self.headers['Accept']})
        self.send_response(r.status)
        for k in ('Content-Type', 'X-TAXII-Date-Added-First', 'X-TAXII-Date-Added-Last'):
            if k in r.headers:
                self.send_header(k, r.headers[k])
        self.send_header('Content-Length', str(len(r.body)))
        self.end_headers()
        cut = cls.cut_at is not None and len(cls.seen) >= cls.cut_at and 'objects' in self.path
        self.wfile.write(r.body[:len(r.body) // 2] if cut else r.body)

    def log_message(self, *args):
        pass


proxy = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Cutting)
threading.Thread(target=proxy.serve_forever, daemon=True).start()
VIA = ('get', f'http://127.0.0.1:{proxy.server_port}/taxii2/', '-r', 'small', '-c', 'feed', *LOGIN)
out = path('cut.ndjson')
Cutting.cut_at = 3
began = time.monotonic()
r = taxii(*VIA, '-o', out, '--retries', '1')
t.ok(r.status == 2 and len(feed()) == 20 and r.err, f'a connection that is cut on each try of page 3: 2, two pages kept ({time.monotonic() - began:.0f} s)', r)
Cutting.cut_at = None
seen = len(Cutting.seen)
r = taxii(*VIA, '-o', out)
t.ok(r.status == 0 and len(feed()) == 60 and len({o['id'] for o in feed()}) == 60, 'run again: the rest, nothing twice', r)
t.ok(len(Cutting.seen) - seen <= 5, 'and nothing was asked for again')
Cutting.busy = 2
began = time.monotonic()
r = taxii(*VIA)
t.ok(r.status == 0 and len(r.lines()) == 60 and time.monotonic() - began >= 1.9, 'Retry-After is honoured', r)


# --- servers that misbehave ---
class Strange(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.0'
    reply = b''

    def do_GET(self):
        base = f'http://127.0.0.1:{self.server.server_port}'
        self.send_response(200)
        self.send_header('Content-Type', TAXII)
        self.end_headers()
        if self.path == '/taxii2/':
            body = json.dumps({'title': 's', 'api_roots': [base + '/r/'], 'default': base + '/r/'}).encode()
        elif 'objects' in self.path:
            body = type(self).reply
        elif 'collections' in self.path:
            body = json.dumps({'collections': [{'id': cid, 'title': 'x', 'can_read': True, 'can_write': False, 'alias': 'feed'}]}).encode()
        else:
            body = json.dumps({'title': 'r', 'versions': [TAXII], 'max_content_length': 1000}).encode()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *args):
        pass


strange = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Strange)
threading.Thread(target=strange.serve_forever, daemon=True).start()
page = json.dumps({'more': True, 'next': 'same', 'objects': [objects[0]]}).encode()
for name, reply in (('garbage', b'\xff\xfe garbage'), ('half a document', b'{"more":true,"objects":[{'), ('a list', b'[]'), ('the same page for ever', page),
                    ('more without next and dates', b'{"more":true,"objects":[]}'), ('objects that are none', b'{"objects":[1,2,3]}'),
                    ('a deep document', b'{"objects":[' + b'[' * 100000 + b']' * 100000 + b']}')):
    Strange.reply = reply
    r = taxii('get', f'http://127.0.0.1:{strange.server_port}/taxii2/', '-c', 'feed', '--retries', '1', stdin='', timeout=60)
    t.ok(r.status == 2 and r.err and 'took too long' not in r.err, f'a server that sends {name}: 2 and a reason', r)
r = taxii('discover', f'http://127.0.0.1:{free_port()}/taxii2/', '--retries', '1', stdin='')
t.ok(r.status == 2 and r.err, 'nobody there: 2', r)
r = taxii('discover', 'http://192.0.2.1/taxii2/', stdin='')
t.ok(r.status == 2 and r.err, 'plain HTTP beyond loopback is refused', r)
t.same(n.stop(), 0, 'stop')
t.done()
