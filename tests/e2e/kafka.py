#!/usr/bin/env python3
"""A topic of Kafka as an input of a real node, fenced as ever: killed hard in the flood, brokers away, nothing lost.

Usage: kafka.py LIANFANG BROKERS; the brokers are librdkafka's own for tests (kafka_brokers.c), on real sockets."""
import threading
from harness import *

t = Tap()
PARTS = 4


class Brokers:
    def __init__(self, program):
        self.p = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        CHILDREN.append(self.p)
        self.hosts = self.p.stdout.readline().strip()

    def tell(self, *lines):
        """The last one is answered."""
        self.p.stdin.write(''.join(line + '\n' for line in lines))
        self.p.stdin.flush()
        return self.p.stdout.readline().strip()

    def events(self, first, n, topic='logs'):
        return self.tell(*[f'put {topic} {i % PARTS} {event(i)}' for i in range(first, first + n)], 'flush')


def event(i):
    return (f'<38>1 2026-01-02T03:04:05Z host{i % 50} sshd 4242 - - ' +
            (f'Failed password for root from 192.0.2.7 port {i}' if i % 1000 == 0 else f'Accepted publickey number {i} of many'))


work()
b = Brokers(os.path.abspath(sys.argv[2]))
t.same(b.tell(f'topic logs {PARTS}'), 'ok', 'brokers: ' + b.hosts)
rules = os.path.dirname(write('rules/a.yml', 'title: Refused logon\nid: 00000000-0000-4000-8000-000000000001\nauthor: A\nlevel: medium\n'
                              "logsource: {product: linux, service: sshd}\ndetection: {k: ['Failed password'], condition: k}\n"))
n = Node('queue', 'provider')
n.configure(f'[detect]\nrules = {rules}\n[input queue]\npath = kafka://{b.hosts}/logs?group=soc&session=3\n'
            f'[input absent]\npath = kafka://127.0.0.1:{free_port()}/logs?group=soc')
b.events(0, 3000)
n.start()


def status():
    return n.cli('status', '@', '--json').json()


def queue():
    return next(i for i in status()['inputs'] if i['name'] == 'queue')


def kept():
    """How often each event stands in the history."""
    r = run('history', 'search', 'sshd', '--history', os.path.join(n.dir, 'history'), '--json', '--quiet')
    times = {}
    for line in r.lines():
        i = int(re.search(r'(?:number|port) (\d+)', line['event']).group(1))
        times[i] = times.get(i, 0) + 1
    return times


t.ok(wait_until(lambda: queue()['messages'] >= 3000), '3000 events from four partitions', queue)
t.same((queue()['messages'], queue()['bad_lines'], queue()['rule_hits'], queue()['present']), (3000, 0, 3, True), 'parsed and matched')
t.same(len(n.get('/api/v1/alerts?limit=100').json()['alerts']), 1, 'an alert (one a day of a rule at a host)')
absent = next(i for i in status()['inputs'] if i['name'] == 'absent')
t.ok(not absent['present'] and 'no broker answers' in n.text(), 'a broker that is not there is told, in the status and in the log', absent)
role = next(r for r in status()['roles'] if r['role'] == 'detect')
t.ok('seccomp' in role['fences'], 'behind the fence: ' + role['fences'])

# --- killed hard while events come ---
total = 3000
def flood(first, n):
    """Without a pause for three seconds or so, so that whoever is killed meanwhile has messages in hand."""
    for i in range(first, first + n, 50):
        b.events(i, 50)
        time.sleep(0.01)


for life in range(3):
    publisher = threading.Thread(target=flood, args=(total, 12000))
    before = queue()['messages'] if life == 0 else 0
    if life > 0:  # the dead member is forgotten first
        wait_until(lambda: queue()['connections'] > 0, 60)
    publisher.start()
    total += 12000
    wait_until(lambda: queue()['messages'] > before, every=0.005)
    time.sleep(0.2 * life)
    t.ok(publisher.is_alive(), 'messages are coming')
    n.stop(signal.SIGKILL)
    publisher.join()
    n.start()
t.ok(wait_until(lambda: queue().get('lag') is not None, 60), 'the fourth life is a member of the group', queue())
b.events(total, 100)
total += 100
t.ok(wait_until(lambda: queue().get('lag') == 0, 90), 'all is read and committed once the history has it', queue())
times = kept()
t.same([i for i in range(total) if i not in times][:10], [], f'{total} events, three kills: none is lost')
t.same({i: k for i, k in times.items() if k > 1}, {}, 'and none came twice: the history knows how far it read')

# --- brokers away ---
b.tell('down')
t.ok(wait_until(lambda: not queue()['present'], 30), 'brokers away: told', queue())
b.tell('up')
t.ok(wait_until(lambda: queue()['present'], 30), 'and back', queue())
b.events(total, 500)
b.tell('put logs 1 ' + 'x' * 1100000, f'put logs 1 {event(total + 500)}', 'flush')
total += 501
t.ok(wait_until(lambda: queue()['too_long'] == 1), 'a message longer than a line is counted', queue())
before = queue()['messages']
t.same(n.stop(), 0, 'stops cleanly')
times = kept()
t.same(([i for i in range(total) if i not in times][:10], {i: k for i, k in times.items() if k > 1}), ([], {}), f'{total} events in the history, each once')
n.start()
b.events(total, 10)
total += 10
t.ok(wait_until(lambda: queue()['messages'] == 10, 30), 'a new start goes on where the last one stopped', queue())
t.same(n.stop(), 0, 'and stops')
for bad, why in (('kafka://127.0.0.1:9092/logs', 'group=NAME'), ('kafka://127.0.0.1/logs?group=a', 'HOST:PORT')):
    m = Node('bad' + why[0], 'provider')
    m.configure(f'[input queue]\npath = {bad}')
    m.start(wait=False)
    t.ok(wait_until(lambda: m.process.poll() is not None) and '[input queue]' in m.text() and why in m.text(), f'{bad}: refused with what is expected', m.text()[-400:])
t.done()
