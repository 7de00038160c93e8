"""What every end-to-end test needs: the program as real processes on loopback, TAP output, and nothing left behind.

Only Python's standard library. The program under test is the first argument or LIANFANG_BIN. A child gets SIGKILL from
the kernel when the test that started it dies, however it dies (PR_SET_PDEATHSIG), so a time-out leaves no process; the
folder of a test is removed on exit and on SIGTERM."""
import atexit, base64, contextlib, ctypes, hashlib, http.client, json, os, re, shutil, signal, socket, ssl, subprocess
import sys, tempfile, time, urllib.parse, uuid

PASSWORD = 'correct horse battery'
TAXII = 'application/taxii+json;version=2.1'
STIX = 'application/stix+json;version=2.1'
PATIENCE = float(os.environ.get('LIANFANG_TEST_PATIENCE', '20'))  # seconds; a sanitized build on a busy machine is slow
TLP = {'clear': 'marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487',
       'green': 'marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb',
       'amber': 'marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421',
       'amber+strict': 'marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003',
       'red': 'marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1'}


def program():
    path = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith('-') else os.environ.get('LIANFANG_BIN')
    if not path or not os.access(path, os.X_OK):
        print('Bail out! give the program as an argument or in LIANFANG_BIN')
        sys.exit(1)
    return os.path.abspath(path)


def data_folder():
    """Test material of others: LIANFANG_DATA, else ../shared/data beside the source tree; None when absent."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for path in (os.environ.get('LIANFANG_DATA'), os.path.join(root, '..', 'shared', 'data')):
        if path and os.path.isdir(path):
            return path
    return None


class Tap:
    """Numbered checks. A failed check tells what it saw; the test goes on, so that one run shows all that is wrong."""

    def __init__(self):
        self.n = self.failed = 0

    def _say(self, line):
        self.n += 1
        print(line.format(self.n), flush=True)

    def ok(self, good, name, *detail):
        name = str(name).replace('#', '\\#').replace('{', '{{').replace('}', '}}').replace('\n', ' ')
        self._say(('ok' if good else 'not ok') + ' {} - ' + name)
        if not good:
            self.failed += 1
            for d in detail:
                text = d if isinstance(d, str) else repr(d)
                for line in text[:3000].splitlines() or ['']:
                    print('#   ' + line)
            sys.stdout.flush()
        return bool(good)

    def same(self, got, want, name):
        return self.ok(got == want, name, f'got  {got!r}', f'want {want!r}')

    def has(self, text, part, name):
        return self.ok(part in text, name, f'no {part!r} in', str(text))

    def skip(self, name, why):
        self._say('ok {} - ' + name + ' # SKIP ' + why)

    def note(self, text):
        print('# ' + text, flush=True)

    def done(self):
        print(f'1..{self.n}', flush=True)
        sys.exit(1 if self.failed else 0)


# --- the test's own folder ---

WORK = None


def work():
    global WORK
    if WORK is None:
        WORK = tempfile.mkdtemp(prefix='lianfang-e2e.')
        atexit.register(clean)
        signal.signal(signal.SIGTERM, lambda *a: sys.exit(1))
    return WORK


def clean():
    for child in list(CHILDREN):
        with contextlib.suppress(Exception):
            child.kill()
            child.wait()
    if WORK and not os.environ.get('LIANFANG_TEST_KEEP'):
        shutil.rmtree(WORK, ignore_errors=True)


def path(*names):
    return os.path.join(work(), *names)


def write(name, content):
    full = path(name)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if not isinstance(content, (str, bytes)):
        content = json.dumps(content)
    with open(full, 'wb') as f:
        f.write(content.encode() if isinstance(content, str) else content)
    return full


def read(full):
    with open(full, 'rb') as f:
        return f.read()


# --- the program as a process ---

CHILDREN = []
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if k not in ('LC_ALL', 'LC_MESSAGES', 'LANG', 'LANGUAGE')}
    env['LC_ALL'], env['TZ'] = 'C.UTF-8', 'UTC0'
    # A sanitized node cannot look for leaks at its end: that takes ptrace and /proc, which its fence forbids. The tests of
    # the parts, which run without a fence, look for them.
    env['ASAN_OPTIONS'] = ':'.join(filter(None, [env.get('ASAN_OPTIONS'), 'detect_leaks=0']))
    env.update(more)
    return env


class Ran:
    def __init__(self, status, out, err):
        self.status, self.bytes, self.out, self.err = status, out, out.decode('utf-8', 'replace'), err.decode('utf-8', 'replace')

    def json(self):
        """What it printed as JSON; None when it is not."""
        try:
            return json.loads(self.out)
        except ValueError:
            return None

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self):
        return f'status {self.status}\nout: {self.out[:1500]}\nerr: {self.err[:1500]}'


def run(*args, stdin=b'', env=None, timeout=None, before=None):
    """One command to its end."""
    work()

    def prepare():
        die_with_parent()
        if before:
            before()
    p = subprocess.Popen([program(), *map(str, args)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=env or environment(), preexec_fn=prepare)
    CHILDREN.append(p)
    try:
        out, err = p.communicate(stdin.encode() if isinstance(stdin, str) else stdin, timeout or 3 * PATIENCE)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        err += b'\n(the test ended it: it took too long)'
    CHILDREN.remove(p)
    return Ran(p.returncode, out, err)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_until(check, seconds=None, every=0.02):
    until = time.monotonic() + (seconds or PATIENCE)
    while True:
        value = check()
        if value or time.monotonic() > until:
            return value
        time.sleep(every)


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def children_of(pid):
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/task/{pid}/children') as f:
            return [int(x) for x in f.read().split()]
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f'/proc/{name}/stat') as f:
                    if int(f.read().rsplit(')', 1)[1].split()[1]) == pid:
                        found.append(int(name))
    return found


def own_kb(*pids):
    """Memory of processes of one program: what each has of its own, and the largest share of files, which they have in common."""
    def field(pid, name):
        with open(f'/proc/{pid}/status') as f:
            return int(re.search(name + r':\s*(\d+)', f.read()).group(1))
    return sum(field(p, 'RssAnon') for p in pids) + max(field(p, 'RssFile') for p in pids)


def rss_kb(pid):
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(r'VmRSS:\s*(\d+)', f.read()).group(1))


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __repr__(self):
        return f'HTTP {self.status} {self.headers}\n{self.body[:1500]!r}'


def basic(user, password):
    return 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()


class Node:
    """A node's folder, and its process while it serves."""

    def __init__(self, name, tier='sector', plain=False, ca=None, init=True, conf='', org=None):
        self.name, self.dir, self.port, self.plain = name, path(name), free_port(), plain
        self.process, self.auth, self.cert = None, basic('admin', PASSWORD), None
        self.log = path(name + '.log')
        if init:
            args = ['init', self.dir, '--tier', tier, '--name', org or name, '--listen', f'127.0.0.1:{self.port}',
                    '--password-stdin', '--json']
            made = run(*args, *(['--ca', ca] if ca else []), stdin=PASSWORD + '\n')
            if made.status != 0:
                raise RuntimeError(f'init {name}: {made!r}')
            self.fingerprint = made.json()['cert_sha256']
        if conf:
            self.configure(conf)

    def configure(self, text):
        """Appends sections, or sets keys of sections that are there ("[intel]\nrelease = auto")."""
        conf = read(os.path.join(self.dir, 'lianfang.conf')).decode()
        section = None
        for line in text.strip().splitlines():
            if line.startswith('['):
                section = line
                if f'\n{section}\n' not in conf:
                    conf += f'\n{section}\n'
                continue
            conf = conf.replace(f'\n{section}\n', f'\n{section}\n{line}\n', 1)
        with open(os.path.join(self.dir, 'lianfang.conf'), 'w') as f:
            f.write(conf)

    def start(self, *args, before=None, wait=True, stdin=subprocess.DEVNULL):
        def prepare():
            die_with_parent()
            if before:
                before()
        more = ['--plain-http'] if self.plain else []
        self.began = time.monotonic()
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen([program(), 'serve', self.dir, *more, *args], stdin=stdin, stdout=log,
                                            stderr=log, env=environment(), preexec_fn=prepare)
        CHILDREN.append(self.process)
        if wait and not self.wait_up():
            raise RuntimeError(f'{self.name} does not answer:\n{self.text()}')
        return self

    def wait_up(self, seconds=None):
        def up():
            if self.process.poll() is not None:
                return True
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.get('/api/v1/health', auth=None).status == 200
            return False
        wait_until(up, seconds, 0.01)
        self.took = time.monotonic() - self.began
        return self.process.poll() is None and up()

    def text(self):
        return read(self.log).decode('utf-8', 'replace') if os.path.exists(self.log) else ''

    def stop(self, sig=signal.SIGTERM):
        """Its exit status."""
        if self.process is None:
            return None
        # Roles die with a supervisor that is killed, but not in its instant: one that waits for a slow disk would answer the next start's
        # question whether the node is up, or still hold its records.
        roles = children_of(self.process.pid) if sig == signal.SIGKILL else []
        if self.process.poll() is None:
            self.process.send_signal(sig)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = 'had to be killed'
        wait_until(lambda: not any(alive(pid) for pid in roles), every=0.005)
        if self.process in CHILDREN:
            CHILDREN.remove(self.process)
        self.process = None
        return status

    def role(self, name):
        """Process id of a role, or None."""
        for pid in children_of(self.process.pid):
            with contextlib.suppress(OSError):
                if read(f'/proc/{pid}/cmdline').split(b'\0')[1:3] == [b'role', name.encode()]:
                    return pid
        return None

    def core(self):
        return self.role('core')

    def cli(self, *args, **more):
        """`lianfang WORDS DIR …`: give the folder as '@'."""
        return run(*[self.dir if a == '@' else a for a in args], **more)

    def url(self, tail=''):
        return f'http{"" if self.plain else "s"}://127.0.0.1:{self.port}{tail}'

    def context(self, cert=None):
        c = ssl.create_default_context(cafile=os.path.join(self.dir, 'tls/ca.crt'))
        if cert or self.cert:
            c.load_cert_chain(*(cert or self.cert))
        return c

    def connection(self, cert=None, timeout=None):
        if self.plain:
            return http.client.HTTPConnection('127.0.0.1', self.port, timeout=timeout or PATIENCE)
        return http.client.HTTPSConnection('127.0.0.1', self.port, timeout=timeout or PATIENCE, context=self.context(cert))

    def request(self, method, target, body=None, auth='', headers=None, cert=None, timeout=None):
        """`auth`: '' = the node's admin, None = nobody, or a value for Authorization."""
        h = {'Accept': 'application/json' if target.startswith('/api/') else TAXII}
        if auth is not None:
            h['Authorization'] = auth or self.auth
        if body is not None:
            h['Content-Type'] = 'application/json' if target.startswith('/api/') else TAXII
            if not isinstance(body, (bytes, str)):
                body = json.dumps(body)
        h.update(headers or {})
        h = {k: v for k, v in h.items() if v is not None}
        c = self.connection(cert, timeout)
        try:
            c.request(method, target, body.encode() if isinstance(body, str) else body, h)
            r = c.getresponse()
            return Reply(r.status, dict(r.getheaders()), r.read())
        finally:
            c.close()

    def get(self, target, **more):
        return self.request('GET', target, **more)

    def post(self, target, body, **more):
        return self.request('POST', target, body, **more)

    def raw(self, data, seconds=5, tls=None):
        """Bytes to the socket as they are; everything that comes back until it closes or falls silent."""
        s = socket.create_connection(('127.0.0.1', self.port), seconds)
        if not self.plain and tls is not False:
            s = self.context().wrap_socket(s, server_hostname='127.0.0.1')
        got = b''
        try:
            s.settimeout(seconds)
            with contextlib.suppress(OSError):
                s.sendall(data)
            with contextlib.suppress(OSError):
                while True:
                    piece = s.recv(65536)
                    if not piece:
                        break
                    got += piece
        finally:
            s.close()
        return got

    def health(self):
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.get('/api/v1/health', auth=None).status == 200
        return False

    def import_(self, objects, **query):
        body = objects if isinstance(objects, (bytes, str)) else bundle(objects if isinstance(objects, list) else [objects])
        return self.post('/api/v1/import' + ('?' + urllib.parse.urlencode(query) if query else ''), body)


# --- STIX ---

def stamp(offset=0.0):
    t = time.time() + offset
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(t)) + f'.{int(t % 1 * 1000):03d}Z'


def stix_id(kind):
    return f'{kind}--{uuid.uuid4()}'


def bundle(objects):
    return {'type': 'bundle', 'id': stix_id('bundle'), 'objects': objects}


def stix(kind, **properties):
    """An object with the common properties; tlp='green' marks it."""
    now = stamp()
    o = {'type': kind, 'spec_version': '2.1', 'id': stix_id(kind), 'created': now, 'modified': now}
    tlp = properties.pop('tlp', None)
    if tlp:
        o['object_marking_refs'] = [TLP[tlp]]
    o.update(properties)
    return o


def indicator(domain, **properties):
    base = {'name': f'bad {domain}', 'indicator_types': ['malicious-activity'], 'pattern': f"[domain-name:value = '{domain}']",
            'pattern_type': 'stix', 'valid_from': '2024-01-01T00:00:00Z'}
    return stix('indicator', **{**base, **properties})


def sha256_of_pem(full):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(read(full).decode())).hexdigest()
