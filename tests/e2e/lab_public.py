#!/usr/bin/env python3
"""The lab's pages for people without an account: what a browser without a script sends, and what no browser would."""
from harness import *

t = Tap()
EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + b'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'
ROOT = '/public/lab'
MIB = 1 << 20


def ask(node, method, target, body=None, **headers):
    return node.request(method, target, body, auth=None, headers={'Accept': 'text/html', 'Content-Type': None, **{k.replace('_', '-'): v for k, v in headers.items()}})


def form(*fields, boundary='XX'):
    """(name, file's name or None, bytes)"""
    out = b''
    for name, filename, data in fields:
        out += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode() + (b'' if filename is None else f'; filename="{filename}"'.encode()) + b'\r\n\r\n' + data + b'\r\n'
    return out + f'--{boundary}--\r\n'.encode()


def send(node, body, lang='en', kind='multipart/form-data; boundary=XX'):
    return ask(node, 'POST', f'{ROOT}?lang={lang}', body, Content_Type=kind)


def page(r):
    return r.body.decode()


# --- where there is none ---
off = Node('off', plain=True).start()
r = ask(off, 'GET', ROOT)
t.ok(r.status == 403 and 'without an account' in page(r) and '<form' not in page(r), 'without a lab the page says so', r)
t.same(send(off, form(('file', 'a', EICAR))).status, 403, 'and takes nothing')
off.stop()

n = Node('centre', plain=True, conf='[lab]\nrun = yes\npublic = yes\nper_address = 6\n[server]\nmax_body_mb = 1').start()
wait_until(lambda: n.get('/api/v1/lab').json()['running'])

# --- the form ---
r = ask(n, 'GET', ROOT + '?lang=zh')
t.ok(r.status == 200 and '每小時至多 6 件' in page(r) and 'enctype="multipart/form-data"' in page(r), 'the form, with its quotas', r)
policy = r.headers['Content-Security-Policy']
t.ok("default-src 'none'" in policy and 'script' not in policy and r.headers['Referrer-Policy'] == 'no-referrer' and r.headers['Cache-Control'] == 'no-store', 'no script may run; no address leaks', r)
t.ok('<script' not in page(r) and ' on' not in re.sub(r'>[^<]*<', '><', page(r)), 'and none is there')
t.ok('Send a file' in page(ask(n, 'GET', ROOT, Accept_Language='en-GB')) and '送檢' in page(ask(n, 'GET', ROOT, Accept_Language='zh-TW,zh;q=0.9')), 'in the language of the browser')
r = ask(n, 'HEAD', ROOT)
t.ok(r.status == 200 and r.body == b'', 'HEAD')
t.same(ask(n, 'GET', ROOT + '/style.css').headers['Content-Type'], 'text/css; charset=utf-8', 'its style')
t.same([ask(n, m, p).status for m, p in (('PUT', ROOT), ('DELETE', ROOT + '/x'), ('POST', ROOT + '/hashes'), ('GET', ROOT + '/x/delete'), ('GET', ROOT + '/x/y'), ('GET', ROOT + '/x'), ('GET', ROOT + '/%00'))],
       [405, 405, 405, 405, 404, 404, 400], 'nothing else')

# --- forms that are none ---
good = form(('file', 'a', b'x'))
for what, body, kind in (('nothing', b'', 'multipart/form-data; boundary=XX'), ('another type', b'file=x', 'application/x-www-form-urlencoded'), ('no type', good, 'text/plain'),
                         ('no boundary', good, 'multipart/form-data'), ('cut off', good[:-8], 'multipart/form-data; boundary=XX'), ('no file', form(('privacy', None, b'public')), 'multipart/form-data; boundary=XX'),
                         ('no file chosen', form(('file', '', b'')), 'multipart/form-data; boundary=XX'), ('many fields', form(*[('file', 'a', b'x')] * 40), 'multipart/form-data; boundary=XX')):
    r = send(n, body, kind=kind)
    t.ok(r.status == 400 and 'role="alert"' in page(r) and '<form' in page(r), f'{what}: said, and the form again', r)
t.same(send(n, form(('file', 'a', b'x'), ('privacy', None, b'hash'))).status, 422, 'class hash: no file is sent')
t.ok(400 <= send(n, form(('file', 'a', b'x'), ('privacy', None, b'"><script>'))).status < 500, 'an unknown class')
r = send(n, b'x' * (MIB + 1))
t.ok(r.status == 413 and 'too large' in page(r) and r.headers['Content-Type'].startswith('text/html'), 'too large: in words', r)

# --- verdicts ---
r = send(n, form(('privacy', None, b'public'), ('passwords', None, b'infected'), ('file', '<b>&"\u202eexe.zip'.replace('"', '%22'), EICAR)))
t.ok(r.status == 303 and re.fullmatch(ROOT + r'/[0-9a-f-]{36}\?lang=en', r.headers['Location']), 'a file is taken', r)
here = r.headers['Location'].split('?')[0]
wait_until(lambda: 'class="v v-' in page(ask(n, 'GET', here + '?lang=en')))
for lang, words in (('en', ('Malicious', 'Do not open it', 'EICAR-Test-File', '58354f21')), ('zh', ('惡意', '請勿開啟', 'EICAR-Test-File'))):
    text = page(ask(n, 'GET', f'{here}?lang={lang}'))
    t.ok(all(w in text for w in words) and '&lt;b&gt;&amp;' in text and '<b>' not in text and '\u202e' not in text, f'its verdict ({lang}), and a hostile name is text', text)
raw = 'a' * 1500 + '檔' * 400 + '.doc'
r = send(n, form(('file', raw, b'\xff\xfe\x00 not text')))
t.ok(r.status == 303 and wait_until(lambda: 'No finding' in page(ask(n, 'GET', r.headers['Location']))), 'a very long name is cut between characters', r)
r = send(n, form(('file', 'b"; name="c', b'')))
t.ok(r.status in (303, 400), 'a name that tries to be a field', r)

# --- hashes ---
digest = hashlib.sha256(EICAR).hexdigest()
for asked, found in ((digest, True), (digest[:5], True), (digest.upper(), True), (' ' + digest[:9] + ' ', True), ('0' * 64, False)):
    r = ask(n, 'GET', f'{ROOT}/hashes?lang=en&hash=' + urllib.parse.quote(asked))
    t.ok(r.status == 200 and (digest in page(r)) == found and ('not mean safe' in page(r)) != found, f'{asked[:12]}: {"known" if found else "not known, and not called safe"}', r)
t.same([ask(n, 'GET', f'{ROOT}/hashes?hash=' + urllib.parse.quote(x)).status for x in ('', 'abcd', 'xyzxyz', 'a' * 65, '<script>')], [400] * 5, 'no hash')

# --- its end ---
r = ask(n, 'POST', here + '/delete?lang=en', b'')
t.ok(r.status == 200 and '&quot;signature&quot;' in page(r) and '&quot;key_destroyed&quot;:&quot;yes&quot;' in page(r), 'deleted, with its proof', r)
t.ok('&quot;signature&quot;' in page(ask(n, 'GET', here)) and 'EICAR' not in page(ask(n, 'GET', here)), 'the proof stays, nothing else')
t.same(ask(n, 'POST', ROOT + '/00000000-0000-4000-8000-000000000000/delete', b'').status, 404, 'what was never there')

# --- quotas ---
seen = [send(n, form(('file', f'{i}', str(i).encode())), 'zh') for i in range(8)]
t.ok(seen[-1].status == 429 and '每小時' in page(seen[-1]) and any(r.status == 303 for r in seen), 'a quota is told in words', seen[-1])
t.same(n.stop(), 0, 'stops cleanly')
t.done()
