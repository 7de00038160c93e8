#!/usr/bin/env python3
"""NATS as an input of a real node, fenced as ever, with Debian's nats-server: subjects and queue groups, TLS and rights, and a
durable consumer of a stream whose node is killed in the flood."""
import threading
from harness import *

t = Tap()
SERVER = shutil.which('nats-server') or shutil.which('nats-server', path='/usr/sbin:/usr/local/sbin')
if SERVER is None:
    t.skip('NATS as an input', 'nats-server is not installed')
    t.done()


class Server:
    def __init__(self, name, conf='', port=None):
        self.name, self.port = name, port or free_port()
        self.conf = write(name + '.conf', f'listen: 127.0.0.1:{self.port}\njetstream {{ store_dir: "{path(name)}" }}\n{conf}\n')
        self.start()

    def start(self):
        self.p = subprocess.Popen([SERVER, '-c', self.conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        CHILDREN.append(self.p)

        def up():
            with contextlib.suppress(OSError):
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return True
        return wait_until(up)

    def kill(self):
        self.p.kill()
        self.p.wait()
        CHILDREN.remove(self.p)


class Client:
    """As much of the protocol as it takes to publish and to ask."""

    def __init__(self, server, context=None, **options):
        self.s = socket.create_connection(('127.0.0.1', server.port), PATIENCE)
        self.f = self.s.makefile('rb')
        self.f.readline()
        if context:
            self.s = context.wrap_socket(self.s, server_hostname='localhost')
            self.f = self.s.makefile('rb')
        self.s.sendall(b'CONNECT ' + json.dumps({'verbose': False, 'pedantic': False, 'lang': 'test', 'version': '0', **options}).encode() + b'\r\n')
        self.ping()

    def ping(self):
        self.s.sendall(b'PING\r\n')
        while True:
            line = self.f.readline()
            if line.startswith(b'PING'):
                self.s.sendall(b'PONG\r\n')
            if line.startswith(b'PONG'):
                return
            if not line or line.startswith(b'-ERR'):
                raise RuntimeError(line)

    def publish(self, subject, *messages):
        self.s.sendall(b''.join(f'PUB {subject} {len(m)}\r\n'.encode() + m + b'\r\n' for m in messages))
        self.ping()

    def ask(self, subject, body):
        body = json.dumps(body).encode()
        inbox = f'_INBOX.{uuid.uuid4().hex}'
        self.s.sendall(f'SUB {inbox} 9\r\nPUB {subject} {inbox} {len(body)}\r\n'.encode() + body + b'\r\n')
        while True:
            line = self.f.readline()
            if line.startswith(b'MSG '):
                answer = json.loads(self.f.read(int(line.split()[-1]) + 2))
                self.s.sendall(b'UNSUB 9\r\n')
                return answer


def event(i, kind='Accepted publickey'):
    return f'<38>1 2026-01-02T03:04:05Z host{i % 50} sshd 4242 - - {kind} number {i} of many'.encode()


def inputs(n):
    return {i['name']: i for i in n.cli('status', '@', '--json').json()['inputs']}


def kept(n, source=None):
    r = run('history', 'search', 'sshd', '--history', os.path.join(n.dir, 'history'), '--json', '--quiet')
    times = {}
    for line in r.lines():
        if source is None or line['file'] == source:
            i = int(re.search(r'number (\d+)', line['event']).group(1))
            times[i] = times.get(i, 0) + 1
    return times


def once(times, total):
    return [i for i in range(total) if i not in times][:10], {i: k for i, k in list(times.items())[:99999] if k > 1}


work()
plain = Server('plain')
n = Node('subjects', 'provider')
n.configure(f'[input all]\npath = nats://127.0.0.1:{plain.port}/logs.>\n'
            f'[input one]\npath = nats://127.0.0.1:{plain.port}/logs.*?queue=soc\n[input two]\npath = nats://127.0.0.1:{plain.port}/logs.*?queue=soc\n'
            f'[input absent]\npath = nats://127.0.0.1:{free_port()}/logs.>\n')
n.start()
t.ok(wait_until(lambda: all(inputs(n)[i]['connections'] == 1 for i in ('all', 'one', 'two'))), 'three inputs are connected', inputs(n))
time.sleep(0.5)
c = Client(plain)
c.publish('logs.sshd', *[event(i) for i in range(2000)])
t.ok(wait_until(lambda: inputs(n)['all']['messages'] == 2000), '2000 messages of a subject', inputs(n))
got = inputs(n)
t.ok(wait_until(lambda: sum(inputs(n)[i]['messages'] for i in ('one', 'two')) == 2000) and min(inputs(n)[i]['messages'] for i in ('one', 'two')) > 500,
     'a queue group shares them out', inputs(n))
t.same((got['all']['dropped'], got['all']['bad_lines'], got['all']['state']), (0, 0, 'reading'), 'none is dropped')
got = inputs(n)
t.ok(not got['absent']['present'] and 'no server answers' in n.text(), 'a server that is not there is told, in the status and in the log', got['absent'])
plain.kill()
t.ok(wait_until(lambda: not inputs(n)['all']['present']), 'the server dies: told', inputs(n))
plain.start()
t.ok(wait_until(lambda: inputs(n)['all']['present']), 'it is back, and so are we', inputs(n))
time.sleep(0.5)
c = Client(plain)
c.publish('logs.sshd', *[event(i) for i in range(2000, 2500)], b'')
t.ok(wait_until(lambda: inputs(n)['all']['messages'] == 2500), 'and read on', inputs(n))
t.same(n.stop(), 0, 'stops cleanly')
t.same(once(kept(n, 'all'), 2500), ([], {}), 'each is in the history once')

# --- rights and TLS ---
subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path('srv.key'), '-out', path('srv.crt'),
                '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'], check=True, capture_output=True)
safe = Server('safe', f'tls {{ cert_file: "{path("srv.crt")}", key_file: "{path("srv.key")}" }}\n'
              'authorization { users = [ { user: soc, password: "s3cret phrase", permissions: { subscribe: ["logs.>", "_INBOX.>"] } } ] }')
secret, wrong = write('secret', 's3cret phrase\n'), write('wrong', 'guess\n')
n = Node('rights', 'provider')
address = f'nats://localhost:{safe.port}'
n.configure(''.join(f'[input {name}]\npath = {address}/{subject}\n{keys}\n' for name, subject, keys in (
    ('good', 'logs.>', f'tls = yes\nca = {path("srv.crt")}\nuser = soc\nsecret = {secret}'),
    ('stranger', 'logs.>', f'tls = yes\nuser = soc\nsecret = {secret}'),
    ('guess', 'logs.>', f'tls = yes\nca = {path("srv.crt")}\nuser = soc\nsecret = {wrong}'),
    ('nosy', 'other.>', f'tls = yes\nca = {path("srv.crt")}\nuser = soc\nsecret = {secret}'),
    ('bare', 'logs.>', ''))) + f'[input number]\npath = nats://127.0.0.1:{safe.port}/logs.>\ntls = yes\nca = {path("srv.crt")}\nuser = soc\nsecret = {secret}\n')
n.start()
t.ok(wait_until(lambda: inputs(n)['good']['connections'] == 1), 'TLS with a CA of our own, user and password', n.text()[-2000:])
time.sleep(0.5)
context = ssl.create_default_context(cafile=path('srv.crt'))
c = Client(safe, context, user='soc', **{'pass': 's3cret phrase'})
c.publish('logs.a', *[event(i) for i in range(10)])
t.ok(wait_until(lambda: inputs(n)['good']['messages'] == 10), 'messages come', inputs(n))
t.ok(wait_until(lambda: all(not inputs(n)[i]['present'] for i in ('stranger', 'guess', 'nosy', 'bare', 'number'))), 'an unknown CA, a wrong password, a subject '
     'without the right, no TLS, another name in the certificate: none of them reads', {k: (v['present'], v['connections']) for k, v in inputs(n).items()})
log = n.text()
t.ok('Permissions Violation' in log and 'certificate' in log and 'uthorization' in log and 's3cret' not in log, 'the log says why, and no secret', log[-3000:])
t.same(sum(i['messages'] for i in inputs(n).values()), 10, 'nothing came another way')
t.same(n.stop(), 0, 'stops cleanly')

# --- a stream ---
stream = Server('stream')
c = Client(stream)
made = c.ask('$JS.API.STREAM.CREATE.LOGS', {'name': 'LOGS', 'subjects': ['logs.>'], 'storage': 'file', 'retention': 'limits', 'num_replicas': 1})
t.ok('config' in made, 'a stream', made)
n = Node('durable', 'provider')
n.configure(f'[input js]\npath = jetstream://127.0.0.1:{stream.port}/LOGS?durable=soc&subject=logs.sshd&ack_wait=3\n'
            f'[input nostream]\npath = jetstream://127.0.0.1:{stream.port}/NONE?durable=soc\n')
total = 3000
c.publish('logs.sshd', *[event(i) for i in range(total)])
c.publish('logs.other', b'not asked for')
n.start()


def js():
    return inputs(n)['js']


def consumer():
    return c.ask('$JS.API.CONSUMER.INFO.LOGS.soc', {})


t.ok(wait_until(lambda: js()['messages'] == total), '3000 messages that lay there before', js)
t.ok(wait_until(lambda: consumer()['num_ack_pending'] == 0 and consumer()['num_pending'] == 0), 'are acknowledged', consumer())
t.ok(wait_until(lambda: not inputs(n)['nostream']['present'] and 'stream NONE' in n.text()), 'a stream that is not there is told', inputs(n)['nostream'])


def flood(first, n):
    """Without a pause for three seconds or so, so that whoever is killed meanwhile has messages in hand."""
    mine = Client(stream)
    for i in range(first, first + n, 50):
        mine.publish('logs.sshd', *[event(k) for k in range(i, i + 50)])
        time.sleep(0.01)


for life in range(5):
    publisher = threading.Thread(target=flood, args=(total, 6000))
    publisher.start()
    total += 6000
    before = js()['messages'] if life == 0 else 0
    wait_until(lambda: js()['messages'] > before, every=0.005)
    time.sleep(0.1 * life)
    t.ok(publisher.is_alive(), 'messages are coming')
    n.stop(signal.SIGKILL)
    publisher.join()
    n.start()
t.ok(wait_until(lambda: consumer()['num_ack_pending'] == 0 and consumer()['num_pending'] == 0, 90, 0.5), 'five kills later all is acknowledged', consumer())
times = kept(n)
t.same(once(times, total), ([], {}), f'{total} events: none is lost, none came twice')
t.note(f'known ones that came again: {js().get("repeated", 0)} in the last life; redelivered: {consumer()["num_redelivered"]}')
t.ok(wait_until(lambda: js()['lag'] == 0), 'nothing waits', js())
c.publish('logs.sshd', *[event(i) for i in range(total, total + 2000)])
total += 2000
stream.kill()
t.ok(wait_until(lambda: not js()['present']), 'the server dies', js())
stream.start()
c = Client(stream)
t.ok(wait_until(lambda: js()['present']), 'and comes back', js())
c.publish('logs.sshd', *[event(i) for i in range(total, total + 500)], b'x' * 1048576)
total += 500
t.ok(wait_until(lambda: consumer()['num_ack_pending'] == 0 and consumer()['num_pending'] == 0, 90, 0.5), 'all is read and acknowledged', consumer())
t.same(n.stop(), 0, 'stops cleanly')
times = kept(n)
t.same(once(times, total), ([], {}), f'{total} events in the history, each once')
for bad, why in (('nats://127.0.0.1:4222/', 'SUBJECT'), ('jetstream://127.0.0.1:4222/LOGS', 'durable=NAME'), ('nats://127.0.0.1:4222/a b', 'no subject')):
    m = Node('bad' + str(len(bad)), 'provider')
    m.configure(f'[input queue]\npath = {bad}')
    m.start(wait=False)
    t.ok(wait_until(lambda: m.process.poll() is not None) and '[input queue]' in m.text() and why in m.text(), f'{bad}: refused with what is expected', m.text()[-400:])
t.done()
