#!/usr/bin/env python3
"""lab_loop.py BUILD [ROUNDS]: from a verdict at one provider to the detector of a member of another sector: four real nodes on loopback (provider, sector,
nation, another sector; mutual TLS), a new file each round. What counts is a line of Sysmon that names the digest and becomes an alert there: lines are
written until one does. Then the mistake is taken back, until the detector there holds it no more. Prints "name value unit"."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import statistics
from harness import *

rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
sys.argv[1] = os.path.join(sys.argv[1], 'src/cli/lianfang')
EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-' + b'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'


class Local(http.client.HTTPConnection):
    """The node's own door: no password to hash on every call."""

    def __init__(self, node):
        super().__init__('localhost', timeout=60)
        self.door = os.path.join(node.dir, 'control.sock')

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.door)

    def ask(self, method, target, body=None, kind='application/json'):
        for last in (False, True):
            try:
                self.request(method, '/api/v1' + target, body, {'Content-Type': kind} if body is not None else {})
                r = self.getresponse()
                return r.status, json.loads(r.read() or b'null')
            except (OSError, http.client.HTTPException):  # the node ended what was idle
                self.close()
                if last:
                    raise


def variant(i):
    """The test file with other white space behind it: another digest each time."""
    return EICAR + bytes(b' \t\n\r'[i >> 2 * k & 3] for k in range(8)) + b'\n'


def tie(child, parent):
    for node, what, body in (
            (parent, '/peers', {'name': child.name, 'relation': 'child', 'cert_sha256': child.fingerprint, 'tlp_max': 'amber'}),
            (child, '/peers', {'name': parent.name, 'relation': 'parent', 'cert_sha256': parent.fingerprint, 'url': parent.url(), 'tlp_max': 'amber'}),
            (child, f'/peers/{parent.name}/links', {'direction': 'push', 'collection': 'intel/up', 'their_collection': 'intel/up'}),
            (child, f'/peers/{parent.name}/links', {'direction': 'pull', 'collection': 'intel/down', 'their_collection': 'intel/down'})):
        status, reply = Local(node).ask('POST', what, json.dumps(body))
        if status >= 300:
            raise RuntimeError(f'{status} {reply}')


def figures(name, seconds):
    ms = sorted(x * 1000 for x in seconds)
    print(f'{name}-median {statistics.median(ms):.1f} ms')
    print(f'{name}-p99 {ms[min(len(ms) - 1, int(len(ms) * 0.99))]:.1f} ms')
    print(f'{name}-most {ms[-1]:.1f} ms', flush=True)


log = write('sysmon.json', '')
alpha, sector, nation, water = Node('alpha', 'provider'), Node('sector', 'sector'), Node('nation', 'nation'), Node('water', 'sector')
alpha.configure('[lab]\nrun = yes\nindicators = yes')
for n in (sector, nation):
    n.configure('[intel]\nrelease = auto\nrelease_tlp = amber')
water.configure(f'[input sysmon]\npath = {log}\nformat = auto')
for n in (alpha, sector, nation, water):
    n.start()
tie(alpha, sector)
tie(sector, nation)
tie(water, nation)
at, there = Local(alpha), Local(water)


def live():
    return there.ask('GET', '/status')[1]['detector']['indicators']


def alerted(after):
    return there.ask('GET', f'/alerts?after={after}&limit=1000')[1]['alerts']


def until(check, what):
    end = time.monotonic() + 60
    while not check():
        if time.monotonic() > end:
            raise RuntimeError(f'{what}: not within a minute\n{water.text()[-1000:]}')
        time.sleep(0.002)
    return time.monotonic()


verdicts, lives, alerts, backs, row = [], [], [], [], 0
before = live()
for i in range(rounds + 3):
    content = variant(i)
    digest = hashlib.sha256(content).hexdigest()
    began = time.monotonic()
    status, one = at.ask('POST', '/lab/submissions?name=x.com&privacy=government&wait=20', content, 'application/octet-stream')
    said = time.monotonic()
    if status != 201 or one['verdict'] != 'malicious':
        raise RuntimeError(f'{status} {one}')
    now = until(lambda: live() > before, 'live')
    with open(log, 'a') as f:
        f.write(json.dumps({'EventID': 1, 'Channel': 'Microsoft-Windows-Sysmon/Operational', 'Image': 'C:\\x.exe', 'Computer': f'pc-{i}',
                            'UtcTime': stamp()[:-1].replace('T', ' '), 'Hashes': f'SHA256={digest.upper()}'}) + '\n')
    found = until(lambda: [a for a in alerted(row) if digest in json.dumps(a).lower()], 'alert')
    row = max(a['row'] for a in alerted(row))
    back = time.monotonic()
    status, reply = at.ask('POST', '/lab/revocations', json.dumps({'submission': one['id'], 'why': 'a test'}))
    if status != 200:
        raise RuntimeError(f'{status} {reply}')
    gone = until(lambda: live() == before, 'revoked')
    if i >= 3:  # the first ones warm the links
        verdicts.append(said - began)
        lives.append(now - said)
        alerts.append(found - said)
        backs.append(gone - back)
figures('upload-to-verdict', verdicts)
figures('verdict-to-live-elsewhere', lives)
figures('verdict-to-alert-elsewhere', alerts)
figures('revocation-to-live-elsewhere', backs)
print(f'load {os.getloadavg()[0]:.0f} processes')
clean()
