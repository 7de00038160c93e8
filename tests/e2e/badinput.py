#!/usr/bin/env python3
"""Bad input over real sockets: each case gets a documented 4xx or loses its connection, is counted, and the node goes on.

Plain HTTP on loopback, so that the bytes are ours; the same door stands behind TLS, which has its own cases at the end."""
import warnings

from harness import *

t = Tap()
n = Node('alpha', plain=True, conf='[server]\nmax_body_mb = 1\nidle_seconds = 2').start()
n.import_([indicator(f'i{i}.example', tlp='clear') for i in range(30)], collection='intel/down')
ids = {c['alias']: c['id'] for c in n.cli('collection', 'list', '@', '--json').json()['collections']}
down, up = (f'/intel/collections/{ids[x]}/' for x in ('down', 'up'))
core = n.core()
before = n.cli('status', '@', '--json').json()['http']


def status_of(raw):
    m = re.match(rb'HTTP/1\.[01] (\d+)', raw)
    return int(m.group(1)) if m else None


def alive_after(name):
    t.ok(n.health() and n.core() == core, f'{name}: the same process answers on')


# --- requests that are not HTTP, or not quite (RFC 9112) ---
HOST = b'Host: 127.0.0.1\r\n'
AUTH = b'Authorization: ' + n.auth.encode() + b'\r\n'
GET = b'GET /taxii2/ HTTP/1.1\r\n'
END = b'Accept: application/taxii+json;version=2.1\r\nConnection: close\r\n\r\n'
BODY = b'POST /api/v1/import HTTP/1.1\r\n' + HOST + AUTH
# What nginx answers, too: an unknown expectation and the host of an absolute path are passed over (RFC 9110 §10.1.1, §7.2).
HARMLESS = ('an expectation of junk', 'an absolute path to another host')
RAW = [('nothing but lines', b'\r\n\r\n\r\n\r\n'), ('no HTTP', b'hello\r\n\r\n'), ('a TLS hello', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(200)),
       ('NUL bytes', bytes(1000)), ('no Host', GET + END), ('two Hosts', GET + HOST + HOST + END),
       ('a space before the colon', GET + HOST + b'X-A : b\r\n' + END), ('a folded header', GET + HOST + b'X-A: b\r\n c\r\n' + END),
       ('a bare CR', GET + HOST + b'X-A: b\rc\r\n' + END), ('NUL in a header', GET + HOST + b'X-A: b\x00c\r\n' + END),
       ('a header without a name', GET + HOST + b': b\r\n' + END), ('a header without a colon', GET + HOST + b'abc\r\n' + END),
       ('HTTP/9.9', b'GET /taxii2/ HTTP/9.9\r\n' + HOST + END), ('no version', b'GET /taxii2/\r\n' + HOST + END),
       ('a method of junk', b'G@T /taxii2/ HTTP/1.1\r\n' + HOST + END), ('CONNECT', b'CONNECT a:1 HTTP/1.1\r\n' + HOST + END),
       ('TRACE', b'TRACE /taxii2/ HTTP/1.1\r\n' + HOST + END), ('a path with a space', b'GET /taxii2 / HTTP/1.1\r\n' + HOST + END),
       ('a path of dots', b'GET /../../etc/passwd HTTP/1.1\r\n' + HOST + END), ('an encoded NUL', b'GET /taxii2/%00 HTTP/1.1\r\n' + HOST + END),
       ('a broken escape', b'GET /taxii2/%zz HTTP/1.1\r\n' + HOST + END), ('a long path', b'GET /' + b'a' * 70000 + b' HTTP/1.1\r\n' + HOST + END),
       ('a long header', GET + HOST + b'X-A: ' + b'a' * 200000 + b'\r\n' + END), ('many headers', GET + HOST + b'X-A: b\r\n' * 20000 + END),
       ('two lengths', BODY + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x'), ('length and chunks', BODY + b'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n'),
       ('a negative length', BODY + b'Content-Length: -1\r\n\r\n'), ('a length of words', BODY + b'Content-Length: two\r\n\r\n{}'),
       ('a length beyond 64 bits', BODY + b'Content-Length: 99999999999999999999999\r\n\r\n{}'), ('a length with a plus', BODY + b'Content-Length: +2\r\n\r\n{}'),
       ('chunks of junk', BODY + b'Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n'),
       ('a chunk beyond 64 bits', BODY + b'Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n'),
       ('an unknown coding', BODY + b'Transfer-Encoding: gzip\r\n\r\n{}'), ('two codings', BODY + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'),
       ('an expectation of junk', BODY + b'Expect: miracles\r\nContent-Length: 2\r\n\r\n{}'),
       ('an absolute path to another host', b'GET http://elsewhere.example/taxii2/ HTTP/1.1\r\n' + HOST + END)]
for name, data in RAW:
    got = n.raw(data, 4)
    code = status_of(got)
    t.ok(code is None or 400 <= code < 500 or code in (501, 505) or (code == 200 and name in HARMLESS),
         f'{name}: {code or "closed"}', got[:400])
    t.ok(b'root:' not in got, f'{name}: no file of the machine comes back') if 'dots' in name else None
alive_after('no HTTP')
half = [socket.create_connection(('127.0.0.1', n.port)) for _ in range(20)]
for i, s in enumerate(half):
    s.sendall(b'GET /taxii2/ HTTP/1.1\r\nHost: x\r\nX-A: ' if i % 2 else BODY + b'Content-Length: 100\r\n\r\n{"a"')
began = time.monotonic()
t.ok(n.health(), 'clients that stall do not keep others out')
for s in half:
    s.settimeout(PATIENCE)
    with contextlib.suppress(OSError):
        while s.recv(4096):
            pass
    s.close()
t.ok(time.monotonic() - began < PATIENCE, f'stalled clients are dropped (after {time.monotonic() - began:.1f} s)')

# --- bodies ---
DEEP = b'{"a":' * 5000 + b'1' + b'}' * 5000
IND = indicator('x.example')
BODIES = [('truncated', json.dumps(bundle([IND])).encode()[:-30]), ('deeply nested', DEEP), ('a member twice', b'{"type":"bundle","type":"bundle","objects":[]}'),
          ('no UTF-8', b'{"type":"\xff\xfe"}'), ('a lone surrogate', b'{"type":"\\ud800"}'), ('a NUL', b'{"type":"a\x00b"}'), ('empty', b''),
          ('a huge number', b'{"type":1e999999999}'), ('trailing junk', b'{"objects":[]} x'), ('a comment', b'{/* */}'), ('UTF-16', '{}'.encode('utf-16')),
          ('a BOM', b'\xef\xbb\xbf{"objects":[]}'), ('single quotes', b"{'objects':[]}"), ('NaN', b'{"objects":[NaN]}'), ('a list of lists', b'[' * 200 + b']' * 200)]
for name, body in BODIES:
    r = n.request('POST', up + 'objects/', body)
    t.ok(400 <= r.status < 500 and r.json() and r.json()['title'] and r.json()['http_status'] == str(r.status), f'TAXII POST, {name}: {r.status}', r)
    r = n.request('POST', '/api/v1/import?format=stix', body)
    t.ok((400 <= r.status < 500 and r.json()['error']['message']) or (r.status == 200 and (r.json()['failed'] > 0 or name in ('a BOM', 'empty'))),
         f'REST import, {name}: {r.status}', r)
    r = n.request('POST', '/api/v1/validate', body)
    t.ok(400 <= r.status < 500 or (r.status == 200 and r.json()['valid'] is False), f'REST validate, {name}: {r.status}', r)
big = b'{"objects":[' + b' ' * (17 << 20) + b']}'
for target in (up + 'objects/', '/api/v1/import', '/api/v1/validate'):
    try:
        r = n.request('POST', target, big)
        t.ok(r.status == 413, f'POST {target[:20]}… larger than allowed: 413', r)
    except (OSError, http.client.HTTPException):
        t.ok(True, f'POST {target[:20]}… larger than allowed: closed')
for name, o in (('an id of another type', dict(IND, id=stix_id('malware'))), ('no object', 17), ('a broken pattern', dict(IND, id=stix_id('indicator'), pattern='[')),
                ('a time that is none', dict(IND, id=stix_id('indicator'), modified='yesterday'))):
    r = n.request('POST', up + 'objects/', {'objects': [o]})
    t.ok(400 <= r.status < 500 or (r.status == 202 and r.json()['failure_count'] == 1 and r.json()['failures'][0]['message']), f'TAXII POST of {name}: {r.status}', r)
alive_after('bodies')

# --- media types ---
MEDIA = [('GET', '/taxii2/', {'Accept': 'text/html'}, 406), ('GET', down + 'objects/', {'Accept': 'application/xml'}, 406),
         ('GET', '/taxii2/', {'Accept': 'application/taxii+json;version=2.0'}, 406), ('GET', '/taxii2/', {'Accept': 'application/taxii+json;version=9'}, 406),
         ('POST', up + 'objects/', {'Content-Type': 'text/plain'}, 415), ('POST', up + 'objects/', {'Content-Type': 'application/json'}, 415),
         ('POST', up + 'objects/', {'Content-Type': 'application/taxii+json;version=2.0'}, 415), ('POST', up + 'objects/', {'Content-Type': None}, 415)]
for method, target, headers, want in MEDIA:
    r = n.request(method, target, b'{"objects":[]}' if method == 'POST' else None, headers=headers)
    t.ok(r.status == want and r.json() and r.json()['title'], f'{method} {target[:12]}… {headers}: {want}', r)
for accept in ('', '*/*', 'application/*', 'application/taxii+json', TAXII, 'text/html;q=0.1, ' + TAXII, 'application/taxii+json; version=2.1'):
    r = n.get('/taxii2/', headers={'Accept': accept} if accept else {'Accept': None})
    t.ok(r.status == 200 and r.headers['Content-Type'].replace(' ', '') == TAXII, f'Accept: {accept!r}: 200', r)

# --- filters and next tokens ---
QUERIES = ['added_after=yesterday', 'added_after=', 'limit=0', 'limit=-1', 'limit=x', 'limit=99999999999999999999', 'match[version]=newest', 'match[nonsense]=x',
           'nonsense=1', 'next=xyz', 'next=', 'next=' + 'A' * 5000, 'match[spec_version]=3.0', 'match[id]=', 'added_after=2024-13-45T00:00:00Z',
           'limit=1&limit=2', '%ff=1', 'match[id]=%zz']
for q in QUERIES:
    r = n.get(down + 'objects/?' + q)
    t.ok(r.status in (200, 400, 414, 404) and (r.status == 200) == (q in ('match[id]=', 'match[nonsense]=x', 'nonsense=1', 'match[spec_version]=3.0', 'limit=1&limit=2',
         'match[version]=newest', 'limit=99999999999999999999') and r.status == 200), f'?{q[:40]}: {r.status}', r)
    t.ok(r.status != 200 or r.json() is not None, f'?{q[:40]}: an answer that can be read', r) if r.status == 200 else None
page = n.get(down + 'objects/?limit=5').json()
t.ok(page['more'] and len(page['objects']) == 5, 'a page and its token', page)
token = urllib.parse.quote(page['next'])
second = n.get(down + f'objects/?limit=5&next={token}').json()
t.ok(len(second['objects']) == 5 and not {o['id'] for o in second['objects']} & {o['id'] for o in page['objects']}, 'the token goes on')
MISUSED = [('on another collection', up + f'objects/?limit=5&next={token}'), ('with another filter', down + f'objects/?limit=5&match[type]=malware&next={token}'),
           ('on the manifest', down + f'manifest/?limit=5&next={token}'), ('cut', down + f'objects/?limit=5&next={token[:-3]}'),
           ('changed', down + f'objects/?limit=5&next={token[:-2] + ("AA" if token[-2:] != "AA" else "BB")}'), ('doubled', down + f'objects/?limit=5&next={token}{token}')]
for name, target in MISUSED:
    r = n.get(target)
    t.ok(r.status == 400 and r.json()['title'], f'a token {name}: 400', r)
n.cli('user', 'add', '@', 'reader', '--role', 'reader', '--password-stdin', stdin='reader-password-1\n')
r = n.get(down + f'objects/?limit=5&next={token}', auth=basic('reader', 'reader-password-1'))
t.ok(r.status in (200, 400), f'a token of another user: {r.status}', r)

# --- paths ---
for target in ('/taxii2', '/intel', '/nothing/', '/intel/collections/none/', down + 'objects/none/', down + 'nothing/', '/intel/status/none/',
               '/intel/status/' + str(uuid.uuid4()) + '/', down + f'objects/{stix_id("malware")}/', '/fed/v1/nothing', '/%2e%2e/%2e%2e/etc/passwd', '//', '/'):
    r = n.get(target)
    t.ok(400 <= r.status < 500 or (r.status in (200, 301, 308) and target in ('/taxii2', '/intel', '/')), f'GET {target[:60]}: {r.status}', r)
for method, target in (('DELETE', '/taxii2/'), ('PUT', down + 'objects/'), ('POST', down + 'manifest/'), ('PATCH', '/intel/'), ('DELETE', down + 'objects/')):
    r = n.request(method, target, b'{}' if method in ('PUT', 'POST', 'PATCH') else None)
    t.ok(r.status in (405, 404), f'{method} {target[:14]}…: {r.status}', r)
alive_after('paths')

# --- it was counted ---
after = n.cli('status', '@', '--json').json()['http']
t.ok(after['refused_malformed'] > before['refused_malformed'] + 10, f'{after["refused_malformed"]} malformed requests were counted', after)
t.ok(after['refused_size'] > before['refused_size'], f'{after["refused_size"]} of them too large', after)
t.same(n.stop(), 0, 'the node stops cleanly after all this')

# --- at the TLS door ---
s = Node('beta').start()
was = s.cli('status', '@', '--json').json()['http']['tls_failures']
for name, data in (('plain HTTP', GET + HOST + END), ('junk', os.urandom(500)), ('nothing', b'')):
    with contextlib.suppress(OSError):
        got = s.raw(data, 2, tls=False)
        t.ok(status_of(got) is None or status_of(got) == 400, f'{name} at the TLS port: no answer of ours', got[:100])
warnings.simplefilter('ignore', DeprecationWarning)
for version in ('TLSv1', 'TLSv1_1'):
    c = ssl._create_unverified_context()
    c.set_ciphers('ALL:@SECLEVEL=0')
    try:
        c.minimum_version = c.maximum_version = getattr(ssl.TLSVersion, version)
        with socket.create_connection(('127.0.0.1', s.port)) as sock, c.wrap_socket(sock):
            t.ok(False, f'{version} is refused')
    except (OSError, ValueError):
        t.ok(True, f'{version} is refused')
t.ok(s.health(), 'the node answers on')
t.ok(s.cli('status', '@', '--json').json()['http']['tls_failures'] > was, 'failed handshakes are counted')
t.same(s.stop(), 0, 'stop')
t.done()
