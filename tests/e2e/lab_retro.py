#!/usr/bin/env python3
"""What is learned later is looked for in what was handed in before: a new rule, and a hash that somebody else names."""
import io
import zipfile
from harness import *

t = Tap()
MARK = b'mark-of-retro-8841'
rules = path('yara')
os.makedirs(rules)
write('yara/first.yar', 'rule first { meta: score = 90 strings: $a = "never-there-773" condition: $a }')
n = Node('lab', 'sector')
n.configure(f'[lab]\nrun = yes\nrules = {rules}\nindicators = yes')
n.start()


def submit(content, privacy='public', name='x'):
    r = n.request('POST', f'/api/v1/lab/submissions?name={name}&privacy={privacy}&wait=20', content, headers={'Content-Type': 'application/octet-stream'})
    one = r.json()
    return wait_until(lambda: (lambda v: v if v.get('state') == 'done' else None)(n.get(f'/api/v1/lab/submissions/{one["id"]}?wait=5').json())) or one


def verdict(one):
    return n.get('/api/v1/lab/submissions/' + one['id']).json()['verdict']


def alerts(part):
    return [a for a in n.get('/api/v1/alerts?limit=1000').json()['alerts'] if part in json.dumps(a)]


packed = io.BytesIO()
with zipfile.ZipFile(packed, 'w') as z:
    z.writestr(zipfile.ZipInfo('inner.bin'), b'inner ' * 40)
with_mark, plain, archive = submit(b'text with ' + MARK + b' in it\n'), submit(b'another text\n'), submit(packed.getvalue())
secret = submit(b'in confidence ' + MARK, 'verdict')
t.same([x['verdict'] for x in (with_mark, plain, archive, secret)], ['no-finding'] * 4, 'nothing is found at first')
before = with_mark['generation']

# --- a rule ---
write('yara/second.yar', 'rule second { meta: score = 90 author = "test" strings: $a = "%s" condition: $a }' % MARK.decode())
n.process.send_signal(signal.SIGHUP)
t.ok(wait_until(lambda: verdict(with_mark) == 'malicious', 2 * PATIENCE), 'with a new rule what is stored is inspected again', n.text()[-1500:])
t.ok(wait_until(lambda: n.get('/api/v1/lab/submissions/' + plain['id']).json()['generation'] != before, 2 * PATIENCE), 'all of it')
t.same((verdict(plain), verdict(secret)), ('no-finding', 'no-finding'), 'what does not match stays, and what was destroyed cannot be inspected again')
digest = hashlib.sha256(b'text with ' + MARK + b' in it\n').hexdigest()
t.ok(wait_until(lambda: n.get('/api/v1/objects?value=' + digest).json()['objects']), 'and what is malicious now is an indicator')

# --- a hash ---
stranger = indicator('x.example', name='of somebody else')
stranger['pattern'] = "[file:hashes.'SHA-256' = '%s' OR file:hashes.MD5 = '%s']" % (hashlib.sha256(b'another text\n').hexdigest(), hashlib.md5(b'nowhere').hexdigest())
inner = indicator('y.example', name='of the one inside')
inner['pattern'] = "[file:hashes.'SHA-256' = '%s']" % hashlib.sha256(b'inner ' * 40).hexdigest().upper()
other = indicator('z.example', name='of what nobody has')
other['pattern'] = "[file:hashes.'SHA-256' = '%s']" % hashlib.sha256(b'in confidence ' + MARK).hexdigest()
t.same(n.import_([stranger, inner, other]).status, 200, 'somebody else names hashes')
t.ok(wait_until(lambda: alerts(stranger['id'])), 'a stored file of that hash is an alert', n.text()[-1500:])
t.ok(wait_until(lambda: alerts(inner['id'])), 'and a file in an archive')
one = alerts(stranger['id'])[0]
t.ok(plain['id'] in json.dumps(one), 'which names the submission', one)
t.same(alerts(other['id']), [], 'what was handed in for its verdict alone is not looked for')
t.ok(wait_until(lambda: [x for x in n.get('/api/v1/tickets').json()['tickets']]), 'there is a ticket')
t.same([a for a in alerts(digest) if a.get('indicator') not in (stranger['id'], inner['id'])], [], "the lab's own indicators do not alert about what they came from")
n.stop()
n.start()
again = indicator('w.example')
again['pattern'] = "[file:hashes.'SHA-256' = '%s']" % hashlib.sha256(b'text with ' + MARK + b' in it\n').hexdigest()
n.import_([again])
t.ok(wait_until(lambda: alerts(again['id'])), 'after a restart it goes on')
t.same((len(alerts(stranger['id'])), len(alerts(inner['id']))), (1, 1), 'and repeats nothing')
t.done()
