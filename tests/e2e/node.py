#!/usr/bin/env python3
"""The life of a node: unattended set-up, one start a folder, fences, signals, crashes, configuration errors."""
import stat

from harness import *

t = Tap()
# Meson has the C library fill what is allocated: tables that nobody has used yet would count as memory in use.
os.environ.pop('MALLOC_PERTURB_', None)

# --- init ---
n = Node('alpha', org='Alpha 醫院')
t.same(stat.S_IMODE(os.stat(n.dir).st_mode), 0o700, 'the folder is its owner\'s alone')
for f in ('records.db', 'sign.key', 'tls/node.key', 'lianfang.conf'):
    t.same(stat.S_IMODE(os.stat(os.path.join(n.dir, f)).st_mode), 0o600, f'{f} is its owner\'s alone')
t.same(sha256_of_pem(os.path.join(n.dir, 'tls/node.crt')), n.fingerprint, 'init prints the certificate\'s fingerprint')
r = run('init', n.dir, '--tier', 'sector', '--name', 'again', '--password-stdin', stdin=PASSWORD)
t.ok(r.status == 2 and 'not empty' in r.err, 'a second init on the folder is refused', r)
t.ok(run('status', n.dir).status == 0, 'the refused init left the node as it was')
for args, word in ((['--tier', 'galaxy', '--name', 'x'], 'tier'), (['--tier', 'sector'], '--name'), (['--name', 'x'], '--tier')):
    r = run('init', path('never'), *args, '--password-stdin', stdin=PASSWORD)
    t.ok(r.status == 2 and word in r.err and not os.path.exists(path('never')), f'init {args}: refused, nothing left', r)
r = run('init', path('never'), '--tier', 'sector', '--name', 'x', '--password-stdin', stdin='')
t.ok(r.status == 2 and 'password' in r.err and not os.path.exists(path('never')), 'no password is refused, nothing left', r)
r = run('init', path('drawn'), '--tier', 'provider', '--name', 'x', '--json')
t.ok(r.status == 0 and len(r.json()['password']) >= 20, 'without a password one is drawn and shown once', r)
for store in ('postgres://localhost/x', 'SQLite', ''):
    r = run('init', path('store'), '--tier', 'sector', '--name', 'x', '--store', store, '--password-stdin', stdin=PASSWORD)
    t.ok(r.status == 2 and 'store' in r.err and not os.path.exists(path('store')), f'init --store {store!r} is refused, nothing left', r)
for tier in ('provider', 'region', 'nation', 'partner'):
    r = run('init', path('tier-' + tier), '--tier', tier, '--name', tier, '--password-stdin', stdin=PASSWORD)
    t.ok(r.status == 0, f'init --tier {tier}', r)
r = run('init', path('ca'), '--federation', '--name', 'Fed')
t.ok(r.status == 0 and stat.S_IMODE(os.stat(path('ca/ca.key')).st_mode) == 0o600, 'init --federation makes an authority', r)

# --- status of a stopped node ---
r = n.cli('audit', 'verify', '@')
t.ok(r.status == 0, 'a new node passes its own audit', r)
s = n.cli('status', '@', '--json').json()
t.ok(s['running'] is False and 'started' not in s, 'a stopped node says that it does not run', s)
t.ok(len(s.get('cert_sha256', '')) == 64, 'and tells the fingerprint that peers pin', s)
r = n.cli('status', '@')
t.ok('started' not in r.out and 'running              no' in r.out, 'and shows no start', r)

for args, env in ((['status', '--dir', n.dir], None), (['status'], environment(LIANFANG_DIR=n.dir)), (['user', 'list', '-d', n.dir], None),
                  (['audit', 'list', 'node.'], environment(LIANFANG_DIR=n.dir)), (['audit', 'list', 'node.', '--dir', n.dir], None)):
    r = run(*args, '--json', env=env)
    t.ok(r.status == 0 and r.json(), f'the folder may be said by {"LIANFANG_DIR" if env else "--dir"}: {" ".join(args[:2])}', r)

# --- serve ---
r = run('serve', path('nowhere'))
t.ok(r.status == 78 and 'nowhere' in r.err, 'serve without a node: 78', r)
for address in ('0.0.0.0:0', '192.0.2.1:8080', '[::]:0'):
    r = run('serve', n.dir, '--plain-http', '--listen', address)
    t.ok(r.status == 78 and 'loopback' in r.err, f'--plain-http on {address} is refused', r)
n.start()
t.note(f'start {n.took * 1000:.0f} ms')
s = n.cli('status', '@', '--json').json()
core = n.core()
supervisor = n.process.pid
t.ok(s['running'] and s['started'] and s['name'] == 'Alpha 醫院', 'status of the running node', s)
fences = s['roles'][0]['fences']
t.ok(s['roles'][0]['role'] == 'core' and s['roles'][0]['pid'] == core, 'status names the role and its process', s['roles'])
for fence in ('no-new-privs', 'seccomp(', 'rlimits', 'no-dump'):
    t.has(fences, fence, f'fence {fence}')
if os.path.exists('/sys/kernel/security/lsm') and 'landlock' in read('/sys/kernel/security/lsm').decode():
    t.has(fences, 'landlock(', 'fence landlock')
else:
    t.skip('fence landlock', 'this kernel does not tell that it has Landlock')
with open(f'/proc/{core}/status') as f:
    text = f.read()
t.ok(re.search(r'Seccomp:\s*2', text) and re.search(r'NoNewPrivs:\s*1', text), 'the kernel confirms seccomp and no-new-privs', text)
t.has(n.cli('status', '@').out, 'seccomp(', 'status for people lists the fences, too')
detect = n.role('detect')
t.note(f'idle memory: supervisor {rss_kb(supervisor)}, core {rss_kb(core)}, detect {rss_kb(detect)} kB; together {own_kb(supervisor, core, detect)} kB')
if os.environ.get('LIANFANG_SANITIZE', 'none') == 'none':  # a sanitizer's shadow memory is not the node's
    # A password was checked a moment ago, which takes memory for that moment.
    t.ok(wait_until(lambda: own_kb(supervisor, core, detect) <= 40 * 1024), 'idle memory is at most 40 MB', own_kb(supervisor, core, detect))
r = run('serve', n.dir)
t.ok(r.status == 2 and str(supervisor) in r.err, 'a second start on the folder is refused and names the process', r)
t.ok(n.health(), 'the first goes on')

# --- plain HTTP is for loopback, and real ---
p = Node('plain', plain=True).start()
t.same(p.get('/taxii2/').status, 200, '--plain-http on loopback answers')
t.same(p.stop(), 0, 'and stops cleanly')

# --- SIGHUP: a new certificate ---
def served():
    with socket.create_connection(('127.0.0.1', n.port), PATIENCE) as s:
        c = ssl._create_unverified_context()
        with c.wrap_socket(s) as tls:
            return hashlib.sha256(tls.getpeercert(True)).hexdigest()
t.same(served(), n.fingerprint, 'the certificate of init is served')
other = Node('beta')
for f in ('node.crt', 'node.key', 'ca.crt'):
    shutil.copy(os.path.join(other.dir, 'tls', f), os.path.join(n.dir, 'tls', f))
os.kill(supervisor, signal.SIGHUP)
t.ok(wait_until(lambda: served() == other.fingerprint), 'after SIGHUP the new certificate is served')
t.same(n.core(), core, 'by the same process')
with open(os.path.join(n.dir, 'tls/node.crt'), 'w') as f:
    f.write('not a certificate\n')
os.kill(supervisor, signal.SIGHUP)
t.ok(wait_until(lambda: 'kept as it was' in n.text()), 'a broken certificate is refused with a log line')
t.same(served(), other.fingerprint, 'and the one before goes on')
shutil.copy(os.path.join(other.dir, 'tls/node.crt'), os.path.join(n.dir, 'tls/node.crt'))
conf = read(os.path.join(n.dir, 'lianfang.conf')).decode()
n.configure('[log]\nformat = json')
os.kill(supervisor, signal.SIGHUP)
def json_lines():
    return [line for line in n.text().splitlines() if line.startswith('{')]
t.ok(wait_until(json_lines), 'after SIGHUP the log is JSON')
t.ok(all(json.loads(line) for line in json_lines()), 'each line of it')

# --- what dies ---
os.kill(core, signal.SIGKILL)
t.ok(wait_until(lambda: n.core() not in (None, core) and n.health()), 'a killed core role is started again')
t.has(n.text(), 'core', 'the supervisor says so')
core = n.core()
n.process.kill()
n.process.wait()
t.ok(wait_until(lambda: not alive(core)), 'a killed supervisor takes the core with it')
r = n.cli('status', '@', '--json')
t.ok(r.status == 0 and r.json()['running'] is False, 'the folder is free again', r)
n.start()
t.ok(n.health(), 'and the node starts again')
t.same(n.cli('audit', 'verify', '@').status, 0, 'all facts are in order after the kills')

# --- SIGTERM ---
core = n.core()
t.same(n.stop(), 0, 'SIGTERM: status 0')
t.ok(not alive(core), 'no process is left')
t.has(n.text().splitlines()[-1], 'stopped', 'the log says that it stopped')
n.start()
t.same(n.stop(signal.SIGINT), 0, 'SIGINT: status 0, too')
n.start()
stuck = n.connection()
stuck.connect()
t.same(n.stop(), 0, 'a client that says nothing does not keep it from stopping')
stuck.close()

# --- configuration errors ---
CASES = [('[server]\nlistn = 127.0.0.1:1\n', 'listn'), ('[sever]\n', 'sever'), ('[server]\nthreads = 0\n', 'threads'),
         ('[server]\nthreads = many\n', 'threads'), ('[intel]\nrelease = perhaps\n', 'release'), ('[input]\npath = /x\n', 'input'),
         ('no equals sign\n', 'key = value'), ('[log]\nlevel = 1\nlevel = 2\n', 'twice'), ('[input a]\n', 'path')]
conf_file = os.path.join(n.dir, 'lianfang.conf')
lines = conf.count('\n')
for text, word in CASES:
    with open(conf_file, 'w') as f:
        f.write(conf + text)
    r = run('serve', n.dir)
    t.ok(r.status == 78 and re.search(r'lianfang\.conf:(\d+)', r.err) and word in r.err and
         lines < int(re.search(r'lianfang\.conf:(\d+)', r.err).group(1)) <= lines + 4,
         f'{text!r}: 78, and the message names file and line', r)
r = run('status', n.dir, '--json')
t.ok(r.status == 2 and 'lianfang.conf:' in r.json()['error'], 'other commands name file and line, too', r)
with open(conf_file, 'w') as f:
    f.write(conf)
os.rename(os.path.join(n.dir, 'sign.key'), path('sign.key'))
r = run('serve', n.dir)
t.ok(r.status == 78 and 'sign.key' in r.err, 'a missing signing key: 78 and its name', r)
os.rename(path('sign.key'), os.path.join(n.dir, 'sign.key'))
blocker = socket.socket()
blocker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
blocker.bind(('127.0.0.1', n.port))
blocker.listen()
n.start(wait=False)
t.same(n.process.wait(PATIENCE), 78, 'a taken port: 78 at once')
t.ok(f'127.0.0.1:{n.port}: another program listens there' in n.text(), 'and it is named', n.text()[-500:])
blocker.close()
n.start()
t.same(n.stop(), 0, 'when it is free, it starts')

# --- not root ---
if os.geteuid() == 0:
    def to_nobody():
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.chmod(work(), 0o755)
    for dir_path, dirs, files in os.walk(n.dir):
        for name in [dir_path] + [os.path.join(dir_path, f) for f in files]:
            os.chown(name, 65534, 65534, follow_symlinks=False)
    if subprocess.run([program(), 'version'], preexec_fn=to_nobody, capture_output=True).returncode == 0:
        n.start(before=to_nobody)
        t.ok(n.health(), 'an ordinary user runs a node')
        r = n.cli('status', '@', '--json', before=to_nobody)
        t.ok(r.status == 0 and 'landlock' in r.json()['roles'][0]['fences'] or 'landlock' not in fences, 'with the same fences', r)
        t.same(n.stop(), 0, 'and stops it')
    else:
        t.skip('an ordinary user runs a node', 'the program stands where ordinary users may not go')
else:
    t.skip('root gives its rights up', 'not started as root')
t.done()
