#!/usr/bin/env python3
"""Syslog over the network as an input: datagrams, octet counting and lines, several senders, what does not fit."""
from harness import *

t = Tap()
rules = os.path.dirname(write('rules/a.yml', 'title: Refused logon\nid: 00000000-0000-4000-8000-000000000001\nauthor: A\nlevel: medium\n'
                              "logsource: {product: linux, service: sshd}\ndetection: {k: ['Failed password'], condition: k}\n"))
udp, tcp = free_port(), free_port()
n = Node('net', 'provider')
n.configure(f'[detect]\nrules = {rules}\n[input datagrams]\npath = udp://127.0.0.1:{udp}\n[input stream]\npath = tcp://127.0.0.1:{tcp}')
n.start()


def alerts():
    return n.get('/api/v1/alerts?limit=1000').json()['alerts']


def inputs():
    return {i['name']: i for i in n.cli('status', '@', '--json').json()['inputs']}


def message(host, text='Failed password for root from 192.0.2.7 port 4711 ssh2'):
    return f'<38>1 2026-01-02T03:04:05Z {host} sshd 4242 - - {text}'.encode()


s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(50):
    s.sendto(message(f'udp{i}'), ('127.0.0.1', udp))
t.ok(wait_until(lambda: len(alerts()) == 50), '50 datagrams, 50 hosts, 50 alerts', inputs())
t.ok({a['where'] for a in alerts()} == {f'udp{i}' for i in range(50)} and alerts()[0]['at'] == '2026-01-02T03:04:05.000000Z', 'with host and time')
t.same((inputs()['datagrams']['messages'], inputs()['datagrams']['dropped']), (50, 0), 'counted')


def sender():
    c = socket.create_connection(('127.0.0.1', tcp), PATIENCE)
    c.settimeout(PATIENCE)
    return c


def counted(m):
    return str(len(m)).encode() + b' ' + m


a, b = sender(), sender()
a.sendall(counted(message('counted1')) + counted(message('counted2')) + counted(message('counted3'))[:40])
b.sendall(message('line1') + b'\n' + message('line2') + b'\r\n' + message('line3')[:30])
t.ok(wait_until(lambda: inputs()['stream']['messages'] == 4), 'octet counting and lines, two senders', inputs())
a.sendall(counted(message('counted3'))[40:])
b.sendall(message('line3')[30:])
b.close()
t.ok(wait_until(lambda: inputs()['stream']['messages'] == 6), 'frames in pieces; a last line without its end', inputs())
t.same({x['where'] for x in alerts() if x['input'] == 'stream'}, {'counted1', 'counted2', 'counted3', 'line1', 'line2', 'line3'}, 'all of them matched')
c = sender()
c.sendall(b'5000000 ' + b'x' * 5000000 + counted(message('behind')))
c.sendall(b'y' * 3000000 + b'\n' + message('afterline') + b'\n')
t.ok(wait_until(lambda: {'behind', 'afterline'} <= {x['where'] for x in alerts()}), 'what is too long costs itself, not what is behind it', inputs())
t.same(inputs()['stream']['too_long'], 2, 'and is counted')
c.sendall(b'\x00\xff garbage\n' * 10)
t.ok(wait_until(lambda: inputs()['stream']['bad_lines'] + inputs()['stream']['lines'] >= 18), 'garbage is counted', inputs())
n.import_(indicator('evil.example', tlp='clear'))
t.ok(wait_until(lambda: (s.sendto(message('gw', '{"dns":{"rrname":"a.evil.example"}}'), ('127.0.0.1', udp)),
                         any(x['detail'].get('matched') == 'evil.example' for x in alerts()))[1], every=0.1), 'an indicator in JSON within a datagram')
status = n.cli('status', '@', '--json').json()
t.ok(status['history']['events'] >= 58, 'what came over the network is kept too', status['history'])
t.same(n.stop(), 0, 'stops cleanly with senders connected')
holder = socket.socket()
holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
holder.bind(('127.0.0.1', tcp))
holder.listen()
n.start(wait=False)
t.ok(wait_until(lambda: n.process.poll() is not None) and f'tcp://127.0.0.1:{tcp}' in n.text() and 'in use' in n.text(), 'a taken port ends the start and is named', n.text()[-400:])
t.done()
