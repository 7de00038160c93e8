#!/usr/bin/env python3
"""Syslog over TLS as an input (RFC 5425), spoken by programs that others wrote, and by some that mean no good."""
import glob
from harness import *

t = Tap()
rules = os.path.dirname(write('rules/a.yml', 'title: Refused logon\nid: 00000000-0000-4000-8000-000000000001\nauthor: A\nlevel: medium\n'
                              "logsource: {product: linux, service: sshd}\ndetection: {k: ['Failed password'], condition: k}\n"))


def openssl(*args, **more):
    return subprocess.run(['openssl', *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def make_cert(name, ca=None, days='30'):
    """A key and a certificate signed by `ca`, or a CA of its own."""
    key, crt, csr = path(name + '.key'), path(name + '.crt'), path(name + '.csr')
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
    if ca is None:
        openssl('req', '-x509', '-new', '-key', key, '-subj', '/CN=' + name, '-days', days, '-out', crt)
        return crt, key
    openssl('req', '-new', '-key', key, '-subj', '/CN=' + name, '-out', csr)
    ext = write(name + '.ext', 'extendedKeyUsage=clientAuth,serverAuth\nsubjectAltName=IP:127.0.0.1\n')
    openssl('x509', '-req', '-in', csr, '-CA', ca[0], '-CAkey', ca[1], '-CAcreateserial', '-days', days, '-extfile', ext, '-out', crt)
    return crt, key


ca, other = make_cert('senders-ca'), make_cert('other-ca')
sender, stranger, own = make_cert('sender', ca), make_cert('stranger', other), make_cert('own', ca)
port, mutual = free_port(), free_port()
n = Node('tls', 'provider')
n.configure(f'[detect]\nrules = {rules}\n[input open]\npath = tls://127.0.0.1:{port}\n'
            f'[input mutual]\npath = tls://127.0.0.1:{mutual}\ncertificate = {own[0]}\nkey = {own[1]}\nclient_ca = {ca[0]}')
n.start()


def alerts():
    return {a['where'] for a in n.get('/api/v1/alerts?limit=1000').json()['alerts']}


def inputs():
    return {i['name']: i for i in n.cli('status', '@', '--json').json()['inputs']}


def message(host, text='Failed password for root from 192.0.2.7 port 4711 ssh2'):
    return f'<38>1 2026-01-02T03:04:05Z {host} sshd 4242 - - {text}'.encode()


def counted(m):
    return str(len(m)).encode() + b' ' + m


def s_client(to, *args, data=b''):
    p = subprocess.Popen(['openssl', 's_client', '-quiet', '-no_ign_eof', '-connect', f'127.0.0.1:{to}', *args], stdin=subprocess.PIPE,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
    with contextlib.suppress(OSError):
        p.stdin.write(data)
        p.stdin.flush()
    time.sleep(0.3)
    with contextlib.suppress(OSError):
        p.stdin.close()
    return p.wait(PATIENCE)


own_ca = os.path.join(n.dir, 'tls/ca.crt')
s_client(port, '-CAfile', own_ca, '-verify_return_error', data=counted(message('counted1')) + counted(message('counted2')) + message('line1') + b'\n')
t.ok(wait_until(lambda: {'counted1', 'counted2', 'line1'} <= alerts()), "openssl with the node's own certificate: octet counting and lines", inputs())
s_client(port, '-tls1_2', data=counted(message('tls12')))
t.ok(wait_until(lambda: 'tls12' in alerts()), 'TLS 1.2')
s_client(port, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0', data=counted(message('tls11')))
t.ok(wait_until(lambda: inputs()['open']['refused_connections'] == 1), 'TLS 1.1 is refused and counted', inputs())
s_client(mutual, '-cert', sender[0], '-key', sender[1], '-CAfile', ca[0], '-verify_return_error', data=counted(message('known')))
t.ok(wait_until(lambda: 'known' in alerts()), 'a certificate of the right CA, by keys of the configuration', inputs())
s_client(mutual, data=counted(message('nobody')))
s_client(mutual, '-cert', stranger[0], '-key', stranger[1], data=counted(message('stranger')))
t.ok(wait_until(lambda: inputs()['mutual']['refused_connections'] == 2), 'none, or one of another CA, is refused', inputs())

context = ssl.create_default_context(cafile=own_ca)


def connect():
    return context.wrap_socket(socket.create_connection(('127.0.0.1', port), PATIENCE), server_hostname='127.0.0.1')


many = [connect() for _ in range(20)]
for i, c in enumerate(many):
    c.sendall(counted(message(f'many{i}'))[:50])
for i, c in enumerate(many):
    c.sendall(counted(message(f'many{i}'))[50:])
t.ok(wait_until(lambda: {f'many{i}' for i in range(20)} <= alerts()), '20 senders with frames in pieces')
big = connect()
big.sendall(b''.join(counted(message(f'bulk{i}', 'x' * 900)) for i in range(4000)))
t.ok(wait_until(lambda: inputs()['open']['messages'] == 4 + 20 + 4000), '4000 messages in one write', inputs())
big.sendall(b'9999999 ' + b'x' * 9999999 + counted(message('behindlong')))
t.ok(wait_until(lambda: 'behindlong' in alerts()) and inputs()['open']['too_long'] == 1, 'what is too long costs itself', inputs())
raw = [socket.create_connection(('127.0.0.1', port), PATIENCE) for _ in range(30)]
for i, c in enumerate(raw):
    with contextlib.suppress(OSError):
        c.sendall([b'', b'\x16\x03\x01', b'GET / HTTP/1.1\r\n\r\n', os.urandom(3000), counted(message('plain'))][i % 5])
t.ok(wait_until(lambda: (big.sendall(counted(message('amid'))), 'amid' in alerts())[1], every=0.2), 'others are served beside half handshakes and garbage')
before = inputs()['open']['refused_connections']
t.ok(wait_until(lambda: inputs()['open']['refused_connections'] >= 1 + 30, 20, 0.5), 'who does not finish the handshake is turned away in time', inputs())
t.ok('plain' not in alerts(), 'nothing is read without TLS')

if shutil.which('rsyslogd') and glob.glob('/usr/lib/*/rsyslog/lmnsd_gtls.so'):
    source = write('for-rsyslog.log', '')
    conf = write('rsyslog.conf', f'''
global(workDirectory="{path()}" DefaultNetstreamDriverCAFile="{ca[0]}" DefaultNetstreamDriverCertFile="{sender[0]}" DefaultNetstreamDriverKeyFile="{sender[1]}")
module(load="imfile" mode="polling" pollingInterval="1")
input(type="imfile" file="{source}" tag="sshd:" severity="info" facility="auth")
action(type="omfwd" target="127.0.0.1" port="{mutual}" protocol="tcp" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format"
       StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid")
''')
    p = subprocess.Popen(['rsyslogd', '-n', '-f', conf, '-i', path('rsyslog.pid')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         preexec_fn=die_with_parent)
    CHILDREN.append(p)
    with open(source, 'a') as f:
        f.write('Failed password for root from 192.0.2.7 port 4711 ssh2\n' * 100)
    had = inputs()['mutual']['messages']
    t.ok(wait_until(lambda: inputs()['mutual']['messages'] >= had + 100, 3 * PATIENCE, 0.5), 'rsyslog with its gtls driver and a client certificate',
         inputs()['mutual'], n.text()[-500:])
    p.kill()
    p.wait()
else:
    t.skip('rsyslog with its gtls driver', 'not installed here')
i = inputs()['open']
t.same(i['messages'], i['lines'] + i['dropped'], 'in = lines + counted drops')
t.same(i['lines'], 4 + 20 + 4000 + 1 + (i['messages'] - 4025), 'every message is a line')
t.same(n.stop(), 0, 'stops cleanly with senders connected')
n.configure(f'[input third]\npath = tls://127.0.0.1:{free_port()}\ncertificate = {own[0]}')
n.start(wait=False)
t.ok(wait_until(lambda: n.process.poll() is not None) and '[input third]' in n.text() and 'belong together' in n.text(), 'a certificate without its key is named', n.text()[-400:])
t.done()
