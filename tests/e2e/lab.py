#!/usr/bin/env python3
"""The lab on a node: files by REST whole and in pieces (tus), verdicts, who sees what, bytes at rest, deletion, quotas, and kills of every process."""
import io, subprocess, threading, zipfile
from harness import *

t = Tap()
EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + b'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'
MARK = b'tuna-lighthouse-4711 words that lie nowhere else '


def archive(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        for i, data in enumerate(members):
            z.writestr(f'member {i}', data)
    return out.getvalue()


off = Node('off', plain=True).start()
t.same((off.get('/api/v1/lab', auth=None).status, off.get('/api/v1/lab').status), (401, 503), 'off by default')
t.ok(off.role('lab') is None and not os.path.exists(os.path.join(off.dir, 'lab.key')), 'then nothing of it is there')
off.stop()

n = Node('centre', plain=True, conf='[lab]\nrun = yes\npublic = yes\nper_address = 12\nper_account = 5000').start()
ROOT = '/api/v1/lab'
BIN = {'Content-Type': 'application/octet-stream'}
for user, role in (('ann', 'analyst'), ('rob', 'reader'), ('eve', 'reader')):
    r = run('user', 'add', n.dir, user, '--role', role, '--password-stdin', stdin=PASSWORD + '\n')
    t.ok(r.status == 0, f'user {user}', r)
ann, rob, eve = (basic(u, PASSWORD) for u in ('ann', 'rob', 'eve'))


def hand_in(data, auth=rob, wait=30, **query):
    return n.request('POST', f'{ROOT}/submissions?' + urllib.parse.urlencode({'wait': wait, **query}), data, auth=auth, headers=BIN)


def get(id, auth=rob, tail=''):
    return n.get(f'{ROOT}/submissions/{id}{tail}', auth=auth)


def verdict(id, auth=rob):
    """Its object when it is done; waits on a slow machine."""
    wait_until(lambda: get(id, auth, '?wait=10').json().get('state') == 'done')
    return get(id, auth).json()


def on_disk(part):
    for folder, _, files in os.walk(n.dir):
        for f in files:
            with contextlib.suppress(OSError):
                if part in read(os.path.join(folder, f)):
                    return os.path.join(folder, f)
    return None


wait_until(lambda: n.get(ROOT).json()['running'])
lab = n.get(ROOT).json()
t.ok(lab['running'] and lab['public'] and 'seccomp' in lab['fences'] and lab['limits']['size'] == 256 << 20, 'the lab says how it is', lab)
roles = {r['role']: r for r in n.get('/api/v1/status').json()['roles']}
t.ok('lab' in roles and roles['lab']['running'], 'and the status', roles)

# --- whole ---
r = hand_in(EICAR, name='報告.com', privacy='government')
v = r.json()
t.ok(r.status == 201 and v['state'] in ('waiting', 'inspecting', 'done'), 'EICAR is taken', r)
v = verdict(v['id'])
first = v['id']
t.same((v['verdict'], v['name'], v['owner'], v['privacy'], v['size'], v['sha256'], v['sample']),
       ('malicious', '報告.com', 'user:rob', 'government', 68, hashlib.sha256(EICAR).hexdigest(), True), 'and malicious')
t.ok(v['report']['verdict'] == 'malicious' and v['report']['sha256'] == v['sha256'] and v['report']['matches'] and v['generation'], 'with its report', v)
packed = archive(EICAR, MARK)
v = verdict(hand_in(packed, name='a.zip').json()['id'])
verdict_only = v['id']
t.ok(v['privacy'] == 'verdict' and not v['sample'] and len(v['report']['tree']) == 2 and v['report']['tree'][0]['how'] == 'member', 'children stand in the tree', v['report'])
v = verdict(hand_in(b'nothing to see ' + MARK, name='plain.txt', privacy='public').json()['id'])
t.same((v['verdict'], v['sample']), ('no-finding', True), 'an honest one')
plain = v['id']
v = verdict(hand_in(b'', name='empty').json()['id'])
t.ok(v['state'] == 'done' and v['size'] == 0, 'an empty one', v)

# --- who sees what ---
for who, auth, sees in (('its owner', rob, (200, 200, 200)), ('an analyst', ann, (200, 404, 200)), ('another', eve, (404, 404, 200)), ('a stranger', None, (404, 404, 404))):
    t.same(tuple(get(x, auth).status for x in (first, verdict_only, plain)), sees, f'{who}: government, verdict, public')
t.same([len(n.get(f'{ROOT}/submissions{q}', auth=a).json()['submissions']) for a, q in ((rob, ''), (ann, ''), (ann, '?all=true'), (eve, '?all=true'))], [4, 0, 2, 1], 'lists')
t.same(n.get(f'{ROOT}/submissions', auth=None).status, 401, 'none for strangers')
t.ok(len(n.get(f'{ROOT}/submissions?verdict=malicious', auth=rob).json()['submissions']) == 2, 'by verdict')
page = n.get(f'{ROOT}/submissions?limit=3', auth=rob).json()
t.same(len(n.get(f'{ROOT}/submissions?before=' + page['next'], auth=rob).json()['submissions']), 1, 'by pages')
t.ok(wait_until(lambda: 'lab.read' in run('audit', 'list', n.dir, '--json').out), 'a read of what is not one\'s own is written down')

# --- bytes ---
b = get(first, tail='/bytes?offset=4&length=8').json()
t.same((b['offset'], b['length'], b['size'], bytes.fromhex(b['hex'])), (4, 8, 68, EICAR[4:12]), 'bytes at an offset')
t.same([get(first, a, '/bytes').status for a in (ann, eve)], [200, 404], 'for who may')
t.same(get(verdict_only, tail='/bytes').status, 404, 'of class verdict none rest here')
t.same(get(first, tail='/bytes?offset=100').json()['hex'], '', 'nothing behind the end')
t.ok(on_disk(b'EICAR-STANDARD') is None and on_disk(MARK) is None, 'nothing lies on the disk as it was', on_disk(b'EICAR-STANDARD'), on_disk(MARK))

# --- digests ---
def hashes(data, auth):
    return [h for h in n.get(f'{ROOT}/hashes/' + hashlib.sha256(data).hexdigest()[:5], auth=auth).json()['hashes'] if h['sha256'] == hashlib.sha256(data).hexdigest()]
t.same((hashes(EICAR, eve), hashes(EICAR, None)), ([{'sha256': hashlib.sha256(EICAR).hexdigest(), 'verdict': 'malicious'}], []), 'of class government: told to accounts')
t.same([h['verdict'] for h in hashes(b'nothing to see ' + MARK, None)], ['no-finding'], 'of class public: to all')
t.same([h['verdict'] for h in hashes(packed, None)], ['malicious'], 'of class verdict: to all when it is malicious')
t.same(hashes(b'never seen', rob), [], 'what was never seen: nothing')
t.same([n.get(f'{ROOT}/hashes/{p}').status for p in ('abcd', 'abcdef', 'xyzzy', 'ABCDE')], [400, 400, 400, 200], 'five hex digits')

# --- strangers ---
r = hand_in(b'a strange attachment', auth=None, name='x.doc')
s = r.json()
t.ok(r.status == 201 and 'owner' not in s, 'a stranger hands in', r)
t.ok(verdict(s['id'], None)['verdict'] == 'no-finding' and get(s['id'], eve).status == 404, 'and asks by the id that nobody else knows')
t.same(hand_in(b'x', privacy='hash').status, 422, 'class hash: the file stays with its owner')
t.same(hand_in(b'x', privacy='other').status, 400, 'no such class')


# --- in pieces ---
TUS = {'Tus-Resumable': '1.0.0'}
OCTETS = {**TUS, 'Content-Type': 'application/offset+octet-stream'}


def meta(**values):
    return ','.join(f'{k} {base64.b64encode(v.encode()).decode()}' for k, v in values.items())


def begin(size, auth=rob, body=None, headers=None, **values):
    return n.request('POST', f'{ROOT}/uploads', body, auth=auth, headers={**(OCTETS if body else {**TUS, 'Content-Type': None}), 'Upload-Length': str(size), 'Upload-Metadata': meta(**values), **(headers or {})})


def head(where, auth=rob):
    return n.request('HEAD', where, auth=auth, headers=TUS)


def patch(where, offset, data, auth=rob, headers=None):
    return n.request('PATCH', where, data, auth=auth, headers={**OCTETS, 'Upload-Offset': str(offset), **(headers or {})})


r = n.request('OPTIONS', f'{ROOT}/uploads', auth=rob)
t.ok(r.status == 204 and r.headers['Tus-Version'] == '1.0.0' and 'creation' in r.headers['Tus-Extension'] and r.headers['Tus-Max-Size'] == str(256 << 20), 'tus: options', r)
big = archive(os.urandom(300000), EICAR)
r = begin(len(big), filename='大.zip', privacy='government')
where = r.headers.get('Location', '')
id = where.split('/')[-1]
t.ok(r.status == 201 and where.startswith(f'{ROOT}/uploads/') and r.headers['Tus-Resumable'] == '1.0.0', 'begun', r)
t.same(get(id).json()['state'], 'uploading', 'its state')
t.same((head(where).headers['Upload-Offset'], head(where).headers['Upload-Length']), ('0', str(len(big))), 'nothing yet')
t.same([head(where, a).status for a in (eve, ann, None)], [404, 404, 404], 'nobody else\'s')
r = patch(where, 0, big[:100000])
t.same((r.status, r.headers['Upload-Offset']), (204, '100000'), 'a piece')
r = patch(where, 5, big[5:10])
t.same((r.status, r.headers.get('Upload-Offset')), (409, '100000'), 'at another offset: no')
t.same(patch(where, 100000, big[100000:], headers={'Content-Type': 'text/plain'}).status, 415, 'of another type: no')
t.same(n.request('PATCH', where, b'x', auth=rob, headers={'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': '100000'}).status, 412, 'without a version: no')
t.same(patch(where, 100000, big[100000:] + b'more').status, 413, 'more than was announced: no')
n.stop(signal.SIGKILL)
n.start()
t.same(head(where).headers['Upload-Offset'], '100000', 'after a kill it goes on where it was')
r = patch(where, 100000, big[100000:200000])
t.same(r.headers['Upload-Offset'], '200000', 'the next piece')
os.kill(n.core(), signal.SIGKILL)
wait_until(n.health)
t.same(head(where).headers['Upload-Offset'], '200000', 'and after a kill of core')
r = patch(where, 200000, big[200000:])
t.same((r.status, r.headers['Upload-Offset']), (204, str(len(big))), 'the last piece')
v = verdict(id)
t.same((v['verdict'], v['sha256'], v['name']), ('malicious', hashlib.sha256(big).hexdigest(), '大.zip'), 'a submission of the same id')
t.same((patch(where, len(big), b'x').status, head(where).headers['Upload-Offset']), (409, str(len(big))), 'complete')
r = begin(len(EICAR), body=EICAR, filename='once')
t.ok(r.status == 201 and r.headers['Upload-Offset'] == '68' and verdict(r.headers['Location'].split('/')[-1])['verdict'] == 'malicious', 'all in the first request', r)
r = begin(10, filename='given up')
t.same((n.request('DELETE', r.headers['Location'], auth=rob, headers=TUS).status, head(r.headers['Location']).status), (204, 404), 'given up')
t.same((begin((256 << 20) + 1).status, begin(1, privacy='hash').status, begin(1, headers={'Upload-Length': 'x'}).status, begin(1, headers={'Upload-Metadata': 'filename !'}).status),
       (413, 422, 400, 400), 'too large, class hash, no number, no base64')

# A torn write: what is behind the last whole record is not there.
r = begin(1000, filename='torn')
where = r.headers['Location']
patch(where, 0, b'a' * 500)
chest = os.path.join(n.dir, 'lab/uploads', where.split('/')[-1])
with open(chest, 'ab') as f:
    f.write(b'\x40\0\0\0 half of a record')
t.same((head(where).headers['Upload-Offset'], patch(where, 500, b'b' * 500).status), ('500', 204), 'half a record is dropped and the rest comes again')
t.same(verdict(where.split('/')[-1])['sha256'], hashlib.sha256(b'a' * 500 + b'b' * 500).hexdigest(), 'and the whole is whole')

# curl as a client, by hand
if shutil.which('curl'):
    file = write('curl.bin', MARK * 100)
    common = ['curl', '-sS', '-u', f'rob:{PASSWORD}', '-H', 'Tus-Resumable: 1.0.0']
    out = subprocess.run([*common, '-D', '-', '-o', '/dev/null', '-X', 'POST', '-H', f'Upload-Length: {len(MARK) * 100}', '-H', 'Upload-Metadata: ' + meta(filename='curl.bin'),
                          n.url(f'{ROOT}/uploads')], capture_output=True, text=True).stdout
    where = re.search(r'(?i)^location: (\S+)', out, re.M).group(1)
    half = write('half.bin', (MARK * 100)[:1000])
    rest = write('rest.bin', (MARK * 100)[1000:])
    for offset, part in ((0, half), (1000, rest)):
        subprocess.run([*common, '-X', 'PATCH', '-H', 'Content-Type: application/offset+octet-stream', '-H', f'Upload-Offset: {offset}', '--data-binary', f'@{part}', n.url(where)])
    t.same(verdict(where.split('/')[-1])['sha256'], hashlib.sha256(MARK * 100).hexdigest(), 'by curl')
else:
    t.skip('by curl', 'no curl here')

# --- deletion ---
v = get(first).json()
address = [os.path.join(d, f) for d, _, fs in os.walk(os.path.join(n.dir, 'lab/samples')) for f in fs]
t.ok(address, 'content rests')
t.same(n.request('DELETE', f'{ROOT}/submissions/{first}', auth=ann).status, 403, 'an analyst may not delete another\'s')
# The same content of the same owner rests once; it goes with the last.
twin = verdict(hand_in(EICAR, name='twin', privacy='government').json()['id'])['id']
r = n.request('DELETE', f'{ROOT}/submissions/{first}', auth=rob)
d = r.json()
t.ok(r.status == 200 and d['state'] == 'deleted' and d['name'] == '' and d['verdict'] is None and 'report' not in d and d['receipt']['key_destroyed'] != 'yes', 'deleted', r)
t.same(get(twin, tail='/bytes').status, 200, 'what another of one\'s own has stays')
kept = {f: read(f) for f in address}
r = n.request('DELETE', f'{ROOT}/submissions/{twin}', auth=rob)
receipt = r.json()['receipt']
t.same((receipt['submission'], receipt['sha256'], receipt['key_destroyed'], receipt['by']), (twin, hashlib.sha256(EICAR).hexdigest(), 'yes', 'user:rob'), 'with the last the key goes')
t.ok([f for f in kept if not os.path.exists(f)], 'and the file')
t.same((get(twin).json()['receipt'], get(twin, tail='/bytes').status), (receipt, 404), 'the receipt stays')
signed = ''.join(x + '\n' for x in ('lianfang lab deletion 1', receipt['submission'], receipt['sha256'], receipt['deleted'], receipt['by'], receipt['why'], receipt['key_destroyed']))
der = bytes.fromhex('302a300506032b6570032100') + base64.b64decode(receipt['public_key'])
key, sig, text = write('pub.der', der), write('sig', base64.b64decode(receipt['signature'])), write('text', signed)
if shutil.which('openssl'):
    out = subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', key, '-rawin', '-in', text, '-sigfile', sig], capture_output=True, text=True)
    t.ok('Verified Successfully' in out.stdout, 'and its signature holds', out)
t.ok(run('audit', 'verify', n.dir).status == 0 and 'lab.delete' in run('audit', 'list', n.dir, '--json').out, 'in the chain')

# --- the command line ---
file = write('cli.zip', archive(EICAR, b'cli'))
r = n.cli('lab', 'submit', '@', file, '--privacy', 'government', '--password', 'infected', '--json')
v = r.json()
if v['state'] != 'done':  # a slow machine
    wait_until(lambda: n.cli('lab', 'show', '@', v['id'], '--json').json()['state'] == 'done')
t.ok(r.status == 0 and v['owner'] == 'local' and v['name'] == 'cli.zip', 'lab submit', r)
r = n.cli('lab', 'show', '@', v['id'])
t.ok('malicious' in r.out and 'cli.zip//member 0' in r.out, 'lab show', r)
r = n.cli('lab', 'list', '@', '--lang', 'zh')
t.ok(v['id'] in r.out and '惡意' in r.out and 'cli.zip' in r.out, 'lab list', r)
r = n.cli('lab', 'hash', '@', file, hashlib.sha256(b'nothing to see ' + MARK).hexdigest().upper())
t.ok(r.status == 0 and 'malicious' in r.out and 'no-finding' in r.out, 'lab hash', r)
t.same(n.cli('lab', 'hash', '@', write('unknown', b'unknown')).status, 1, 'one that is not known')
r = n.cli('lab', 'delete', '@', v['id'])
t.ok(r.status == 0 and 'deleted' in r.out and 'signature' in r.out, 'lab delete', r)
t.same(n.cli('lab', 'delete', '@', verdict_only).status, 0, 'also what may not be seen')

# --- quotas ---
got = [hand_in(b'stranger %d' % i, auth=None, wait=0) for i in range(14)]
t.ok(any(r.status == 201 for r in got) and got[-1].status == 429 and got[-1].headers['Retry-After'], 'a stranger\'s address has its quota', [r.status for r in got])
t.same(hand_in(b'mine', wait=0).status, 201, 'accounts have theirs')

# --- kills ---
ids = []
stop = False


def killer():
    import random
    while not stop:
        victims = [p for p in [n.role('lab')] if p]
        victims += [c for p in victims for c in children_of(p)]
        victims += [c for p in victims[1:] for c in children_of(p)]
        if victims:
            with contextlib.suppress(OSError):
                os.kill(random.choice(victims), signal.SIGKILL)
        time.sleep(0.15)


thread = threading.Thread(target=killer)
thread.start()
KILLED = int(os.environ.get('LIANFANG_KILLS', 60))
for i in range(KILLED):
    r = hand_in(archive(b'job %d ' % i, EICAR), wait=0, name=f'job {i}')
    if r.status == 201:
        ids.append(r.json()['id'])
    if i == KILLED // 2:
        os.kill(n.core(), signal.SIGKILL)
        wait_until(n.health)
stop = True
thread.join()
wait_until(lambda: all(get(x).json()['state'] == 'done' for x in ids))
states = [get(x).json() for x in ids]
t.ok(len(ids) >= KILLED - 1 and all(s['verdict'] == 'malicious' for s in states), 'no job is lost when the lab\'s processes are killed', [(s['state'], s['verdict']) for s in states if s['verdict'] != 'malicious'][:5])
t.same(len(os.listdir(os.path.join(n.dir, 'lab/uploads'))) + len(os.listdir(os.path.join(n.dir, 'lab/words'))), 0, 'nothing is left over')
t.same(n.stop(), 0, 'ends well')
t.ok(on_disk(b'EICAR-STANDARD') is None and on_disk(MARK) is None, 'and nothing lies on the disk as it was', on_disk(b'EICAR-STANDARD'), on_disk(MARK))
t.done()
