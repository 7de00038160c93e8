#!/usr/bin/env python3
"""Inputs when the disk is full, and under floods of connections, endless lines and slow senders: nothing acknowledged or taken
is lost, nobody ends, memory stays bounded, and all goes on when it can."""
import gzip, resource, threading
from harness import *

t = Tap()
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 1 << 18
resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)


def small_disk(full, megabytes):
    os.makedirs(full)
    return (os.geteuid() == 0 and LIBC.unshare(CLONE_NEWNS) == 0 and LIBC.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None) == 0 and
            LIBC.mount(b'tmpfs', full.encode(), b'tmpfs', 0, f'size={megabytes}m'.encode()) == 0)


def noise(name):
    return json.dumps({'@timestamp': '2026-01-02T03:04:05Z', 'n': name, 'x': base64.b64encode(os.urandom(900)).decode()})


def inputs(n):
    return {i['name']: i for i in n.cli('status', '@', '--json').json()['inputs']}


def detect_pid(n):
    roles = n.cli('status', '@', '--json').json()['roles']
    return [r['pid'] for r in roles if r['role'] == 'detect'][0] if any(r['role'] == 'detect' for r in roles) else n.core()


def names(n, prefix):
    return [json.loads(x['event'])['n'] for x in n.cli('history', 'search', prefix, '--node', '@', '--json').lines() if x.get('event')]


def post(port, body, timeout=60):
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        c.request('POST', '/_bulk', body)
        return c.getresponse().status
    except OSError:
        return None
    finally:
        c.close()


small, log = path('small'), write('logs/log', '')
tcp, bulk = free_port(), free_port()
if small_disk(small, 60):
    n = Node('small/node')
    n.log = path('small.log')
    n.configure(f'[input tcp]\npath = tcp://127.0.0.1:{tcp}\n[input bulk]\npath = http://127.0.0.1:{bulk}\n[input file]\npath = {log}')
    n.start()
    wait_until(lambda: inputs(n)['bulk']['state'] == 'reading')
    taken, told, lock = [], [], threading.Lock()
    filler = os.path.join(small, 'filler')
    with open(filler, 'wb') as f:
        free = os.statvfs(small)
        f.write(bytes(free.f_bavail * free.f_bsize - (6 << 20)))
    pid = detect_pid(n)

    def ship(i):
        for k in range(12):
            own = [f'bulk-{i}-{k}-{j}' for j in range(50)]
            s = post(bulk, ''.join('{"create":{}}\n' + noise(x) + '\n' for x in own))
            with lock:
                told.append(s)
                taken.extend(own if s == 200 else [])
            if s != 200:
                return

    with open(log, 'a') as f:
        f.writelines(noise(f'file-{i}') + '\n' for i in range(3000))
    sender = socket.create_connection(('127.0.0.1', tcp), PATIENCE)
    lines = ''.join(noise(f'tcp-{i}') + '\n' for i in range(20000)).encode()
    pump = threading.Thread(target=lambda: sender.sendall(lines), daemon=True)
    sender.settimeout(None)
    pump.start()
    threads = [threading.Thread(target=ship, args=(i,)) for i in range(40)]
    for x in threads:
        x.start()
    for x in threads:
        x.join()
    t.ok(429 in told and set(told) <= {200, 429, 503, None}, f'a full disk: shippers are told to come again ({told.count(200)} taken, {told.count(429)} not)', told)
    t.ok('reading waits' in n.text() or 'no space' in n.text().lower(), 'a full disk: the log says so', n.text()[-600:])
    t.ok(detect_pid(n) == pid and alive(pid) and n.health(), 'a full disk: the same process goes on and status answers')
    t.ok(pump.is_alive(), 'a full disk: a stream is held up, not dropped')
    t.ok(rss_kb(pid) < 600000, f'a full disk: memory stays bounded: {rss_kb(pid) >> 10} MB')
    os.unlink(filler)
    t.ok(wait_until(lambda: not pump.is_alive(), 3 * PATIENCE, 0.2), 'room again: the stream flows')
    sender.close()
    s = wait_until(lambda: post(bulk, '{"create":{}}\n' + noise('bulk-after') + '\n') == 200, 3 * PATIENCE, 0.5)
    t.ok(s, 'room again: shippers are taken')
    found = wait_until(lambda: (lambda x: x if len(x) >= 20000 else None)(names(n, 'tcp-')), 3 * PATIENCE, 1) or names(n, 'tcp-')
    t.ok(len(found) == len(set(found)) == 20000, f'the stream is whole: {len(set(found))} of 20000, each once', len(found))
    found = wait_until(lambda: (lambda x: x if len(x) >= 3000 else None)(names(n, 'file-')), PATIENCE, 1) or names(n, 'file-')
    t.ok(len(found) == len(set(found)) == 3000, 'the file is whole, each line once', len(found), len(set(found)))
    t.ok(set(taken) <= set(names(n, 'bulk-')), f'all {len(taken)} events that were acknowledged are there')
    t.same(n.stop(), 0, 'stops cleanly')
else:
    t.skip('a full disk', 'needs root and a mount namespace')

# --- floods ---
n = Node('flood')
udp, tcp, tls, bulk = free_port(), free_port(), free_port(), free_port()
n.configure(f'[input udp]\npath = udp://127.0.0.1:{udp}\n[input tcp]\npath = tcp://127.0.0.1:{tcp}\n'
            f'[input tls]\npath = tls://127.0.0.1:{tls}\n[input bulk]\npath = http://127.0.0.1:{bulk}')
n.start()
wait_until(lambda: inputs(n)['bulk']['state'] == 'reading')
post(bulk, '{"create":{}}\n{}\n')
pid = detect_pid(n)
held = []
for port in (tcp, tls, bulk):
    for i in range(3000):
        try:
            s = socket.create_connection(('127.0.0.1', port), 2)
            s.setblocking(False)
            with contextlib.suppress(OSError):
                s.send([b'', b'x', b'\x00\xff\xfe', b'12', b'POST /_bulk HTTP/1.1\r\n'][i % 5])
            held.append(s)
        except OSError:
            pass
good = []


def served():
    with contextlib.suppress(OSError):
        c = socket.create_connection(('127.0.0.1', tcp), 2)
        good.append(c)
        c.sendall(b'{"n":"amid-tcp"}\n')
        time.sleep(0.3)
    return 'amid-tcp' in names(n, 'amid-')


t.ok(wait_until(served, 2 * PATIENCE, 0.5), f'{len(held)} connections that say nothing: a stream that means it is served')
for s in held:
    s.close()
t.ok(wait_until(lambda: post(bulk, '{"create":{}}\n{"n":"amid-bulk"}\n', 5) == 200, 3 * PATIENCE, 0.5), 'and so is a shipper')
i = inputs(n)
t.ok(i['tcp']['refused_connections'] > 1000, 'those beyond the limit are counted', i['tcp'])
for port, what in ((tcp, b'y' * (64 << 20)), (tcp, b'9999999 ' + b'y' * 9999999 + b'7777777 ' + b'z' * 1000)):
    with contextlib.suppress(OSError):
        c = socket.create_connection(('127.0.0.1', port), PATIENCE)
        c.sendall(what)
        c.sendall(b'\n{"n":"behind-endless"}\n')
        c.close()
many = [socket.create_connection(('127.0.0.1', tcp), PATIENCE) for _ in range(300)]
for c in many:
    c.settimeout(20)
    with contextlib.suppress(OSError):
        c.sendall(b'w' * 900000)
t.ok(wait_until(lambda: 'behind-endless' in names(n, 'behind-')), 'endless lines cost themselves')
for _ in range(3):
    post(bulk, gzip.compress(b'{"create":{}}\n{"a":"' + b'0' * (30 << 20) + b'"}\n', 1))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(20000):
    s.sendto(os.urandom(20).replace(b'{', b'}') if i % 2 else b'{"n":"datagram-%d"}' % i, ('127.0.0.1', udp))
wait_until(lambda: (lambda u: u['messages'] + u['dropped'] >= 20000)(inputs(n)['udp']), PATIENCE, 0.3)
u = inputs(n)['udp']
t.ok(u['messages'] + u['dropped'] == 20000 and u['lines'] == u['messages'] and u['events'] + u['bad_lines'] == u['lines'],
     f"20000 datagrams in a burst, half of them garbage: {u['messages']} taken, {u['dropped']} counted as dropped", u)
t.ok(detect_pid(n) == pid and n.health(), 'the same process after all of it')
t.ok(rss_kb(pid) < 900000, f'memory stays bounded: {rss_kb(pid) >> 10} MB')
i = inputs(n)
t.ok(i['tcp']['too_long'] >= 2, 'what was skipped is counted', i['tcp'])
for c in many:
    c.close()
t.same(n.stop(), 0, 'stops cleanly')
t.done()
