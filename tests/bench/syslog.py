#!/usr/bin/env python3
"""syslog.py LIANFANG [RULES-FOLDER]: RFC 5424 over TCP, one sender: a node that matches every message against rules and an
indicator and keeps it in its history, and rsyslogd that writes it to a file, in turns. Seconds are the clock's, from the first
byte sent until all messages are where they belong; processor seconds are those of all processes of each.

BENCH_MESSAGES: how many (default 1000000); BENCH_ROUNDS: turns (default 3)."""
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
from harness import *
import random, statistics

COUNT = int(os.environ.get('BENCH_MESSAGES', '1000000'))
ROUNDS = int(os.environ.get('BENCH_ROUNDS', '3'))
LONGEST = 300  # seconds that one turn may take
TICKS = os.sysconf('SC_CLK_TCK')
RULE = ('title: Password of a service account was tried\nid: 00000000-0000-4000-8000-000000000001\nauthor: A\nlevel: medium\n'
        "logsource: {product: linux}\ndetection: {k: ['Failed password for svc-'], condition: k}\n")


def messages():
    """Logins, sessions, name service, leases, a firewall: as a few hundred machines send them."""
    r = random.Random(5)
    def ip(): return f'10.{r.randrange(4)}.{r.randrange(256)}.{r.randrange(1, 255)}'
    kinds = [
        lambda: ('sshd', 38, f'Accepted publickey for user{r.randrange(400)} from {ip()} port {r.randrange(1024, 65536)} ssh2: ED25519 SHA256:{r.getrandbits(128):032x}'),
        lambda: ('sshd', 38, f'Failed password for invalid user guest from {ip()} port {r.randrange(1024, 65536)} ssh2'),
        lambda: ('systemd', 30, f'Started Session {r.randrange(100000)} of user user{r.randrange(400)}.'),
        lambda: ('CRON', 78, f'(root) CMD (/usr/lib/checks/run --job {r.randrange(50)})'),
        lambda: ('named', 30, f'client @0x7f{r.getrandbits(32):08x} {ip()}#{r.randrange(1024, 65536)} (w{r.randrange(5000)}.example.net): query: w{r.randrange(5000)}.example.net IN A +E(0)K'),
        lambda: ('dhcpd', 30, f'DHCPACK on {ip()} to 52:54:00:{r.randrange(256):02x}:{r.randrange(256):02x}:{r.randrange(256):02x} via eth0'),
        lambda: ('kernel', 4, f'[{r.randrange(10**6)}.{r.randrange(10**6):06d}] DROP IN=eth0 OUT= SRC={ip()} DST={ip()} LEN=60 TTL=63 ID={r.randrange(65536)} PROTO=TCP SPT={r.randrange(1024, 65536)} DPT={r.choice((22, 23, 80, 443, 445))} SYN'),
        lambda: ('sudo', 86, f'user{r.randrange(400)} : TTY=pts/{r.randrange(9)} ; PWD=/home/user{r.randrange(400)} ; USER=root ; COMMAND=/usr/bin/systemctl status app{r.randrange(60)}'),
    ]
    out = bytearray()
    for i in range(COUNT):
        app, pri, text = r.choice(kinds)()
        if i % 20000 == 19999:
            app, pri, text = 'sshd', 38, f'Failed password for svc-{i} from 198.51.100.77 port 4711 ssh2'
        m = f'<{pri}>1 2026-01-02T03:{i // 60 % 60:02d}:{i % 60:02d}.{i % 1000:03d}Z host{r.randrange(300)} {app} {r.randrange(400, 60000)} - - {text}'.encode()
        out += str(len(m)).encode() + b' ' + m
    return bytes(out)


def ticks(pid):
    """Processor ticks of a process and its children."""
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/stat') as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return int(fields[11]) + int(fields[12]) + sum(ticks(kid) for kid in children_of(pid))
    return 0


def send(port, data):
    s = socket.create_connection(('127.0.0.1', port), 10)
    s.settimeout(LONGEST)
    s.sendall(data)
    s.close()


def timed(pid, port, data, arrived, every):
    before, begun = ticks(pid), time.monotonic()
    send(port, data)
    if not wait_until(arrived, LONGEST, every):
        raise RuntimeError('not all arrived')
    return time.monotonic() - begun, (ticks(pid) - before) / TICKS



def our_turn(turn, rules, data):
    port = free_port()
    n = Node(f'node{turn}', 'provider')
    n.configure(f'[detect]\nrules = {rules}\n[history]\nmax_mb = 4096\n[input stream]\npath = tcp://127.0.0.1:{port}\nformat = syslog')
    n.start()
    n.import_(indicator('one', pattern="[ipv4-addr:value = '198.51.100.77']", tlp='clear'))
    last = {}

    def arrived():
        last.update(n.cli('status', '@', '--json').json())
        return last['history']['events'] >= COUNT

    try:
        took = timed(n.process.pid, port, data, arrived, 0.2)  # asking costs a process each time
        i = last['inputs'][0]
        if last['history']['events'] != COUNT or i['messages'] != COUNT or i['rule_hits'] < COUNT // 20000:
            raise RuntimeError(f'not what was sent: {last}')
        return took
    finally:
        n.stop()
        shutil.rmtree(n.dir, ignore_errors=True)


def rsyslog_turn(turn, data):
    port, out, work_dir = free_port(), path(f'rsyslog{turn}.log'), path(f'rsyslog{turn}')
    os.mkdir(work_dir)
    conf = write(f'rsyslog{turn}.conf', f'global(workDirectory="{work_dir}" maxMessageSize="64k")\nmodule(load="imtcp")\n'
                 f'input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="keep")\n'
                 f'ruleset(name="keep") {{ action(type="omfile" file="{out}" template="RSYSLOG_SyslogProtocol23Format") }}\n')
    p = subprocess.Popen([shutil.which('rsyslogd', path='/usr/sbin:/usr/bin:/sbin'), '-n', '-f', conf, '-i', path(f'rsyslog{turn}.pid')],
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    CHILDREN.append(p)
    seen = [0, 0]

    def arrived():
        if os.path.exists(out):
            with open(out, 'rb') as f:
                f.seek(seen[0])
                more = f.read()
            seen[0] += len(more)
            seen[1] += more.count(b'\n')
        return seen[1] >= COUNT

    def listens():
        with contextlib.suppress(OSError):
            socket.create_connection(('127.0.0.1', port), 1).close()
            return True
        return False

    try:
        if not wait_until(listens):
            raise RuntimeError('rsyslogd does not listen')
        return timed(p.pid, port, data, arrived, 0.05)
    finally:
        p.terminate()
        p.wait(PATIENCE)
        CHILDREN.remove(p)
        with contextlib.suppress(OSError):
            os.remove(out)


def tell(name, values, unit):
    print(f'{name} {statistics.median(values):.2f} {unit} ({min(values):.2f}-{max(values):.2f})', flush=True)


data = messages()
rules = sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(write('rules/a.yml', RULE))
print(f'# {COUNT} messages, {len(data) / COUNT:.0f} bytes each')
if shutil.which('rsyslogd', path='/usr/sbin:/usr/bin:/sbin') is None:
    print('# no rsyslogd here: ours alone')
ours, theirs = [], []
for turn in range(ROUNDS):
    ours.append(our_turn(turn, rules, data))
    if shutil.which('rsyslogd', path='/usr/sbin:/usr/bin:/sbin') is not None:
        theirs.append(rsyslog_turn(turn, data))
tell('syslog.node', [COUNT / wall / 1e3 for wall, cpu in ours], 'k/s')
tell('syslog.node_per_core', [COUNT / cpu / 1e3 for wall, cpu in ours], 'k/s')
if theirs:
    tell('syslog.rsyslog_to_file', [COUNT / wall / 1e3 for wall, cpu in theirs], 'k/s')
    tell('syslog.rsyslog_per_core', [COUNT / cpu / 1e3 for wall, cpu in theirs], 'k/s')
    tell('syslog.ratio', [b[0] / a[0] for a, b in zip(ours, theirs)], 'x')
    tell('syslog.ratio_per_core', [b[1] / a[1] for a, b in zip(ours, theirs)], 'x')
