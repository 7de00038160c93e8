#!/usr/bin/env python3
"""Word of alarms: a mail server and a web server of the test's own, that are there, refuse, are away and come back."""
import email, email.header, email.policy, http.server, socketserver, threading
from harness import *

t = Tap()
mails, posts, mood = [], [], {'mail': 'take', 'web': 200}


class Smtp(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as one message needs."""

    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')

    def handle(self):
        self.say('220 test')
        to, user = [], None
        while True:
            line = self.rfile.readline().decode().strip()
            word = line.upper().split(' ')[0]
            if word == 'EHLO':
                self.say('250-test\r\n250 AUTH PLAIN')
            elif word == 'AUTH':
                self.say('334 ')
                user = base64.b64decode(self.rfile.readline()).split(b'\0')[1:]
                self.say('235 welcome')
            elif word == 'RCPT':
                to.append(line)
                self.say('250 good' if mood['mail'] == 'take' else '451 later')
            elif word == 'DATA':
                self.say('354 go on')
                text = b''
                while not text.endswith(b'\r\n.\r\n'):
                    text += self.rfile.readline()
                mails.append((to, user, email.message_from_bytes(text[:-5], policy=email.policy.default)))
                self.say('250 kept')
            elif word in ('QUIT', ''):
                self.say('221 bye')
                return
            else:
                self.say('250 good')


class Web(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        if mood['web'] == 200:
            posts.append(body)
        self.send_response(mood['web'])
        self.end_headers()

    def log_message(self, *a):
        pass


def serve(kind, handler):
    s = kind(('127.0.0.1', 0), handler)
    threading.Thread(target=s.serve_forever, daemon=True).start()
    return s


smtp, web = serve(socketserver.ThreadingTCPServer, Smtp), serve(http.server.ThreadingHTTPServer, Web)
password = write('secrets/mail', 'opensesame\n')
n = Node('hospital', 'provider')
n.configure(f'[notify]\nmail_server = smtp://127.0.0.1:{smtp.server_address[1]}\nmail_from = desk@hospital.example\n'
            f'mail_to = duty@hospital.example ciso@hospital.example\nmail_user = desk\nmail_password_file = {password}\n'
            f'webhook = http://127.0.0.1:{web.server_address[1]}/alarm')
n.start()


def ago(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - seconds))


def open_(title, seconds, **more):
    return n.post('/api/v1/incidents', {'title': title, 'facts': [{'type': 'aware', 'claimed': ago(seconds)}], **more}).json()


i = open_('影像系統 encrypted\nBcc: x@evil.example', 1900)
t.ok(wait_until(lambda: mails and posts), 'half of the hour is used: a mail and a post', n.text())
to, user, m = mails[0]
t.same((len(to), user), (2, [b'desk', b'opensesame']), 'to two people, signed in')
t.ok('首次通報' in m['Subject'] and 'First report' in m['Subject'] and i['number'] in m['Subject'], 'a subject in both languages', m['Subject'])
body = m.get_content()
t.ok('影像系統' in body and 'has used 50 %' in body and 'Asia/Taipei' in body, 'a body in both', body)
t.ok(m['Bcc'] is None and m['Auto-Submitted'] == 'auto-generated' and m['To'] == 'duty@hospital.example, ciso@hospital.example', 'nothing of a title becomes a header', str(m))
t.ok(posts[0]['number'] == i['number'] and posts[0]['percent'] == 50 and posts[0]['type'] == 'alarm' and not posts[0]['exercise'], 'the post says the same', posts[0])
open_('drill', 1900, exercise=True)
t.ok(wait_until(lambda: len(mails) == 2) and '【演練 EXERCISE】' in mails[1][2]['Subject'] and '非真實事件' in mails[1][2].get_content(), 'a drill is marked in subject and body')

# The server says "later", the node dies meanwhile: word goes out when both are back, under the same id.
mood['mail'] = 'later'
j = open_('second', 1900)
t.ok(wait_until(lambda: 'alarms wait to be sent' in n.text()), 'a server that does not take it: the log says so, once', n.text())
n.stop(signal.SIGKILL)
mood['mail'] = 'take'
n.start()
t.ok(wait_until(lambda: any(j['number'] in x[2]['Subject'] for x in mails)), 'after a kill word still goes out')
t.ok(wait_until(lambda: [p['number'] for p in posts].count(j['number']) == 2), 'by both ways: what was not noted before the kill is told again')
mood['web'] = 500
k = open_('third', 1900)
t.ok(wait_until(lambda: any(k['number'] in x[2]['Subject'] for x in mails)), 'one way is away: the other is used', n.text()[-1500:])
ids = [x[2]['Message-ID'] for x in mails]
t.ok(all('@lianfang>' in x for x in ids), 'messages have ids', ids)
n.stop()

# Who is on duty by the roster is told too: apart, so that a roster that is wrong holds up nobody's alarm.
mood['web'] = 200
n.configure('[notify]\nmail_duty = yes')
n.start()
n.post('/api/v1/organisations', {'id': 'h', 'name': 'H'})
for who, address in (('mei', 'mei@hospital.example'), ('ciso', 'CISO@hospital.example'), ('day', 'day@hospital.example')):
    n.post('/api/v1/people', {'id': who, 'name': who, 'organisation': 'h', 'email': address})
t.same(n.post('/api/v1/people', {'id': 'bad', 'name': 'x', 'organisation': 'h', 'email': 'a@b\nBcc: c@d'}).status, 400, 'an address that is none is not registered')
for who, begin, end in (('mei', 3600, -3600), ('ciso', 3600, -3600), ('day', 7200, 3600)):
    n.post('/api/v1/duty', {'person': who, 'from': ago(begin), 'until': ago(end)})
wait_until(lambda: any(p['number'] == k['number'] for p in posts))
del mails[:]
d = open_('fourth', 1900)
t.ok(wait_until(lambda: len(mails) == 2), 'two messages', mails)
t.same([x[2]['To'] for x in mails], ['duty@hospital.example, ciso@hospital.example', 'mei@hospital.example'], 'those of the configuration, and who is on duty now and not named there')
t.ok(mails[0][2]['Message-ID'] != mails[1][2]['Message-ID'] and mails[0][2].get_content() == mails[1][2].get_content(), 'the same words under ids of their own')
n.stop()

# --- a command: no shell, the alarm on its standard input, tried again until it takes it, and what others took is not told twice ---
told = path('told.jsonl')
script = write('tell.sh', f'#!/bin/sh\n[ -e {path("ready")} ] || exit 3\nenv > {path("env")}\ncat >> {told}\n')
os.chmod(script, 0o755)
mood['web'] = 200
c = Node('mill', 'provider')
c.configure(f'[notify]\ncommand = {script}\nwebhook = http://127.0.0.1:{web.server_address[1]}/alarm')
c.start()
posts.clear()
i = c.post('/api/v1/incidents', {'title': '$(touch /tmp/x) `id`; 停機', 'facts': [{'type': 'aware', 'claimed': ago(1900)}]}).json()
t.ok(wait_until(lambda: 'status 3' in c.text()), 'a command that fails is told of', c.text())
t.ok(wait_until(lambda: posts), 'and holds up no other way')
write('ready', '')
c.stop()
c.start()
t.ok(wait_until(lambda: os.path.exists(told) and read(told).endswith(b'\n')), 'it is run again')
said = json.loads(read(told).splitlines()[0])
t.same((said['number'], said['title'], said['percent'], said['type']), (i['number'], '$(touch /tmp/x) `id`; 停機', 50, 'alarm'), 'with the alarm as JSON')
t.ok(b'LIANFANG' not in read(path('env')) and b'PATH=/usr/bin:/bin\n' in read(path('env')), 'in an environment of its own', read(path('env')))
runners = [p for p in children_of(c.core())]
c.stop(signal.SIGKILL)
t.ok(wait_until(lambda: not any(alive(p) for p in runners)), 'what runs commands dies with the node', runners)
for command, says in (('relative.sh', 'absolute'), ('/nonexistent', 'No such file')):
    bad = Node('bad' + command[1:4], 'provider', conf=f'[notify]\ncommand = {command}').start(wait=False)
    t.ok(wait_until(lambda: says in bad.text()), f'refused at the start: {command}', bad.text())
bad = Node('bad', 'provider', conf='[notify]\nmail_server = smtp://127.0.0.1:1\nmail_from = desk\nmail_to = a@b')
bad.start(wait=False)
t.ok(wait_until(lambda: "'desk' is no address" in bad.text()), 'a bad address is named at the start', bad.text())
t.same(bad.process.wait(PATIENCE), 78, 'and the node does not start')
t.done()
