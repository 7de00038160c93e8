#!/usr/bin/env python3
"""Three tiers on three hosts (network namespaces) whose packets pass through a bad line: they take 20 to 40 ms, one in thirty is lost, and
for a while none comes through. What is stated anywhere is known everywhere once, all the same."""
import fcntl, heapq, random, select, struct, threading
from harness import *

CLONE_NEWNET, TUNSETIFF, IFF_TUN, IFF_NO_PI, MTU = 0x40000000, 0x400454ca, 1, 0x1000, 1400
DELAY, LOST = (0.02, 0.04), 1 / 30
t = Tap()


def address(k):
    return f'10.77.0.{k + 1}'


def new_host(k):
    """A namespace with a device of its own; (its handle, the packets' end of the device)."""
    home = os.open('/proc/self/ns/net', os.O_RDONLY)
    if LIBC.unshare(CLONE_NEWNET) != 0:
        raise PermissionError('unshare')
    here = os.open('/proc/self/ns/net', os.O_RDONLY)
    tun = os.open('/dev/net/tun', os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH', b'line', IFF_TUN | IFF_NO_PI))
    for cmd in ('link set lo up', f'addr add {address(k)}/24 dev line', f'link set line mtu {MTU} up'):
        subprocess.run(['ip', *cmd.split()], check=True)
    LIBC.setns(home, CLONE_NEWNET)
    os.close(home)
    return here, tun


class Line(threading.Thread):
    """Carries IPv4 packets between the hosts, late, not all of them, and none while `cut` is set."""

    def __init__(self, tuns):
        super().__init__(daemon=True)
        self.tuns, self.cut, self.ends = tuns, threading.Event(), threading.Event()
        self.carried = self.dropped = 0
        self.late, self.random = [], random.Random(7)

    def take(self, fd):
        with contextlib.suppress(BlockingIOError):
            while True:
                p = os.read(fd, 2048)
                if len(p) < 20 or p[0] >> 4 != 4 or not 1 <= p[19] <= len(self.tuns):
                    continue
                if self.cut.is_set() or self.random.random() < LOST:
                    self.dropped += 1
                    continue
                self.carried += 1
                heapq.heappush(self.late, (time.monotonic() + self.random.uniform(*DELAY), self.carried, p[19] - 1, p))

    def run(self):
        while not self.ends.is_set():
            wait = min(0.1, max(0, self.late[0][0] - time.monotonic())) if self.late else 0.1
            for fd in select.select(self.tuns, [], [], wait)[0]:
                self.take(fd)
            while self.late and self.late[0][0] <= time.monotonic():
                _, _, to, p = heapq.heappop(self.late)
                with contextlib.suppress(OSError):
                    os.write(self.tuns[to], p)


def facts(node, incident):
    r = node.cli('incident', 'show', '@', incident, '--facts', '--json')
    return sorted((f['type'], f['id']) for f in r.json()['facts']) if r.status == 0 else []


try:
    hosts = [new_host(k) for k in range(3)]
except (OSError, subprocess.CalledProcessError) as why:
    t.skip('three hosts on a bad line', f'needs root, /dev/net/tun and ip ({why})')
    t.done()
    sys.exit(0)

names = (('hospital', 'provider'), ('sector', 'sector'), ('nation', 'nation'))
h, s, n = nodes = [Node(name, tier) for name, tier in names]
for k, x in enumerate(nodes):
    conf = read(os.path.join(x.dir, 'lianfang.conf')).decode()
    write(f'{x.name}/lianfang.conf', conf.replace(f'127.0.0.1:{x.port}', f'{address(k)}:{x.port}'))
for child, parent, k in ((h, s, 1), (s, n, 2)):
    parent.cli('peer', 'add', '@', child.name, '--relation', 'child', '--cert', child.fingerprint, '--tlp', 'amber')
    child.cli('peer', 'add', '@', parent.name, '--relation', 'parent', '--cert', parent.fingerprint, '--url', f'https://{address(k)}:{parent.port}',
              '--tlp', 'amber')
line = Line([tun for _, tun in hosts])
line.start()
for x, (place, _) in zip(nodes, hosts):
    x.start(before=lambda place=place: LIBC.setns(place, CLONE_NEWNET), wait=False)
t.ok(wait_until(lambda: all(x.cli('status', '@', '--json').status == 0 for x in nodes), every=0.2), 'three nodes on three hosts')


def report(title):
    opened = h.cli('incident', 'open', '@', '-t', title, '--pack', 'tw-2026', '--json').json()
    began = time.monotonic()
    h.cli('report', '@', opened['number'], '--level', '3')
    return opened['id'], began


def same_everywhere(incident):
    """A request that stands still is ended after 30 s, and tries may be 19 s apart: on each of two lines."""
    return wait_until(lambda: facts(h, incident) and all(facts(x, incident) == facts(h, incident) for x in (s, n)), 6 * PATIENCE, 0.2)


first, began = report('over a bad line')
t.ok(wait_until(lambda: facts(n, first), 2 * PATIENCE, 0.05), 'a report reaches the nation')
t.note(f'{time.monotonic() - began:.2f} s over two lines, with the time of asking')
s.cli('review', '@', first, '--level', '3', '--grounds', 'as reported')
t.ok(same_everywhere(first), 'the review is known everywhere')

lost = line.dropped
line.cut.set()
second, _ = report('while nothing comes through')
for k in range(10):
    h.cli('incident', 'state', '@', first, 'evidence', '--note', f'h{k}')
    n.cli('incident', 'state', '@', first, 'warned', '--note', f'n{k}')
time.sleep(5)
# Counted from the cut on: TCP tries less and less often, and on a busy machine not once in the last five seconds.
t.ok(wait_until(lambda: line.dropped > lost, 2 * PATIENCE) and not facts(s, second), 'while the line is cut nothing arrives')
line.cut.clear()
began = time.monotonic()
t.ok(same_everywhere(first) and same_everywhere(second), 'afterwards everything does')
t.note(f'{time.monotonic() - began:.1f} s after the line was whole again; {line.carried} packets carried, {line.dropped} lost')
t.same([len(facts(x, first)) for x in nodes], [len(set(facts(h, first)))] * 3, 'each fact once')
t.ok(line.dropped > line.carried / 100, f'and the line was as bad as it should be: {line.carried} packets carried, {line.dropped} lost')
for x in nodes:
    t.same(x.stop(), 0, f'{x.name} stops in good order')
line.ends.set()
t.done()
