#!/usr/bin/env python3
"""Elasticsearch's _bulk as an input: what shippers ask, what they send, what they are told and when; and who means no good."""
import gzip, glob, threading, zlib
from harness import *

t = Tap()
rules = os.path.dirname(write('rules/a.yml', 'title: Whoami\nid: 00000000-0000-4000-8000-000000000001\nauthor: A\nlevel: medium\n'
                              "logsource: {product: windows, category: process_creation}\ndetection: {s: {CommandLine|contains: whoami}, condition: s}\n"))
senders = write('senders', 'filebeat:s3cret\nvector:other:colon\n\n')
port, known, secure = free_port(), free_port(), free_port()
n = Node('bulk', 'provider')
n.configure(f'[detect]\nrules = {rules}\n[input open]\npath = http://127.0.0.1:{port}\n'
            f'[input known]\npath = http://127.0.0.1:{known}\nsenders = {senders}\n[input secure]\npath = https://127.0.0.1:{secure}\nsenders = {senders}')
n.start()


def alerts():
    return n.get('/api/v1/alerts?limit=1000').json()['alerts']


def inputs():
    return {i['name']: i for i in n.cli('status', '@', '--json').json()['inputs']}


def ask(method, path, body=None, to=None, headers=None, tls=False, timeout=None):
    c = (http.client.HTTPSConnection('127.0.0.1', to, timeout=timeout or PATIENCE, context=n.context()) if tls else
         http.client.HTTPConnection('127.0.0.1', to or port, timeout=timeout or PATIENCE))
    try:
        c.request(method, path, body, headers or {})
        r = c.getresponse()
        return Reply(r.status, dict(r.getheaders()), r.read())
    finally:
        c.close()


def event(host, at='2026-01-02T03:04:05.678Z', **more):
    """As Winlogbeat writes Sysmon's process creation."""
    return {'@timestamp': at, 'host': {'name': host}, 'event': {'code': '1', 'provider': 'Microsoft-Windows-Sysmon'},
            'winlog': {'channel': 'Microsoft-Windows-Sysmon/Operational', 'event_id': '1', 'computer_name': host,
                       'event_data': {'Image': 'C:\\Windows\\System32\\whoami.exe', 'CommandLine': 'whoami /all', **more}}}


def lines(*pairs):
    return ''.join(json.dumps(x) + '\n' for x in pairs)


def created(*events):
    return lines(*(x for e in events for x in ({'create': {'_index': 'winlogbeat'}}, e)))


# --- what shippers ask before they send ---
r = ask('GET', '/')
t.ok(r.status == 200 and r.json()['version']['number'] and r.json()['tagline'] == 'You Know, for Search' and
     r.headers.get('X-Elastic-Product') == 'Elasticsearch', 'the version', r)
t.same([ask('HEAD', '/').status, ask('GET', '/_license').json()['license']['status'], ask('GET', '/_cluster/health').json()['status'],
        ask('GET', '/_xpack').json()['features']['ilm']['enabled'], ask('HEAD', '/_index_template/winlogbeat-8.11.0').status,
        ask('PUT', '/_ilm/policy/winlogbeat', '{"policy":{}}').json()['acknowledged'], ask('GET', '/winlogbeat/_search').status],
       [200, 'active', 'green', True, 200, True, 404], 'license, health, features, templates, policies; no search')

# --- what they send ---
r = ask('POST', '/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status', created(event('h1'), event('h2')), headers={'Content-Type': 'application/json'})
t.same((r.status, r.json()), (200, {'errors': False, 'items': [{'create': {'status': 201}}] * 2}), 'as Beats send and ask to be told')
t.ok(wait_until(lambda: {a['where'] for a in alerts()} == {'h1', 'h2'}), 'matched as what Winlogbeat makes of Sysmon', alerts())
t.ok(alerts()[0]['at'] == '2026-01-02T03:04:05.678000Z', '@timestamp is the time', alerts()[0])
found = n.cli('history', 'search', 'whoami', '--node', '@', '--json').lines()
t.ok(len(found) == 2 and found[0]['file'] == 'open', 'a 200 means that they are in the history: found at once', found)
r = ask('PUT', '/logs-x/_bulk', gzip.compress(created(event('gz')).encode()), headers={'Content-Encoding': 'gzip', 'Content-Type': 'application/x-ndjson'})
t.ok(r.status == 200 and r.json()['items'][0]['create']['_index'] == 'winlogbeat' and wait_until(lambda: 'gz' in {a['where'] for a in alerts()}), 'gzip', r)
r = ask('POST', '/fluent-bit/_bulk', lines({'index': {}}, event('fb'), {'delete': {'_id': '9'}}, {'index': {'_id': '1'}}) + '[1]\n' +
        lines({'update': {'_id': '1'}}, {'doc': {}}, {'create': {}}, {'a': 'x' * 1100000}, {'create': {}}, event('last')))
v = r.json()
t.same((r.status, v['errors'], [list(i.values())[0]['status'] for i in v['items']]), (200, True, [201, 400, 400, 400, 413, 201]), 'each item has its own answer')
t.ok(v['items'][0]['index']['_index'] == 'fluent-bit' and b'"errors":true' in r.body and v['items'][1]['delete']['error']['reason'], 'with a reason', v)
t.ok(wait_until(lambda: {'fb', 'last'} <= {a['where'] for a in alerts()}), 'and the good ones count')
for name, body, headers, status in (
        ('no body', b'', {}, 400), ('no JSON', b'nonsense\n', {}, 400), ('an action alone', b'{"create":{}}\n', {}, 400),
        ('another coding', b'x', {'Content-Encoding': 'br'}, 415), ('gzip that is none', b'plain', {'Content-Encoding': 'gzip'}, 400),
        ('gzip cut short', gzip.compress(created(event('cut')).encode())[:-9], {'Content-Encoding': 'gzip'}, 400),
        ('a gzip bomb', gzip.compress(b'0' * (300 << 20), 9), {'Content-Encoding': 'gzip'}, 413)):
    r = ask('POST', '/_bulk', body, headers=headers)
    t.ok(r.status == status and r.json()['error']['reason'] and r.json()['status'] == status, f'{name}: {status}', r)
t.ok('cut' not in {a['where'] for a in alerts()}, 'nothing of a refused request is taken')

# --- who may send ---
for name, value, status in (('nobody', None, 401), ('a wrong secret', basic('filebeat', 'wrong'), 401), ('no user', basic('', 's3cret'), 401),
                            ('Basic', basic('filebeat', 's3cret'), 200), ('a secret with a colon', basic('vector', 'other:colon'), 200),
                            ('ApiKey', 'ApiKey ' + base64.b64encode(b'filebeat:s3cret').decode(), 200), ('garbage', 'Basic %%%', 401), ('Bearer', 'Bearer x', 401)):
    headers = {'Authorization': value} if value else {}
    t.same([ask('POST', '/_bulk', created({'a': 1}), to=known, headers=headers).status, ask('GET', '/', to=known, headers=headers).status], [status] * 2, f'{name}: {status}')
t.ok(wait_until(lambda: (inputs()['known']['refused_connections'], inputs()['known']['messages']) == (10, 3)), 'counted', inputs()['known'])
r = ask('POST', '/_bulk', created(event('tls')), to=secure, tls=True, headers={'Authorization': basic('filebeat', 's3cret')})
t.ok(r.status == 200 and wait_until(lambda: 'tls' in {a['where'] for a in alerts()}), "HTTPS with the node's certificate", r)

# --- programs of others ---
out = subprocess.run(['curl', '-sS', '--max-time', '20', '-H', 'Content-Type: application/x-ndjson', '--data-binary', '@-', f'http://127.0.0.1:{port}/_bulk'],
                     input=created(*[event(f'curl{i}') for i in range(5000)]).encode(), stdout=subprocess.PIPE).stdout
t.ok(json.loads(out)['errors'] is False and len(json.loads(out)['items']) == 5000, 'curl, 5000 events (and Expect: 100-continue)')
if shutil.which('rsyslogd') and glob.glob('/usr/lib/*/rsyslog/omelasticsearch.so'):
    source = write('for-rsyslog.log', '')
    conf = write('rsyslog.conf', f'''
global(workDirectory="{path()}")
module(load="imfile" mode="polling" pollingInterval="1")
module(load="omelasticsearch")
template(name="doc" type="list") {{ constant(value="{{\\"@timestamp\\":\\"") property(name="timereported" dateFormat="rfc3339")
  constant(value="\\",\\"message\\":\\"") property(name="msg" format="json") constant(value="\\",\\"shipper\\":\\"rsyslog\\"}}") }}
input(type="imfile" file="{source}" tag="app:")
action(type="omelasticsearch" server="127.0.0.1" serverport="{known}" template="doc" bulkmode="on" uid="filebeat" pwd="s3cret" searchIndex="logs")
''')
    p = subprocess.Popen(['rsyslogd', '-n', '-f', conf, '-i', path('rsyslog.pid')], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
    CHILDREN.append(p)
    with open(source, 'a') as f:
        f.writelines(f'rsyslog line {i}\n' for i in range(200))
    t.ok(wait_until(lambda: len(n.cli('history', 'search', 'rsyslog line', '--node', '@', '--json').lines()) == 200, 3 * PATIENCE, 0.5),
         'rsyslog with omelasticsearch: 200 lines, each once', inputs()['known'])
    p.kill()
    p.wait()
else:
    t.skip('rsyslog with omelasticsearch', 'not installed here')

# --- many at once, and those who mean no good ---
statuses = []


def ship(i):
    for k in range(10):
        body = created(*[{'@timestamp': '2026-01-02T03:04:05Z', 'n': f'load-{i}-{k}-{j}'} for j in range(100)])
        for _ in range(200):
            s = ask('POST', '/_bulk', body, timeout=60).status
            statuses.append(s)
            if s == 200:
                break
            time.sleep(0.05)


threads = [threading.Thread(target=ship, args=(i,)) for i in range(48)]
for x in threads:
    x.start()
hold = [socket.create_connection(('127.0.0.1', port), PATIENCE) for _ in range(300)]
for i, c in enumerate(hold):
    with contextlib.suppress(OSError):
        c.sendall([b'', b'POST /_bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{"create":', b'\x16\x03\x01', os.urandom(500) + b'\r\n\r\n'][i % 4])
for x in threads:
    x.join()
t.ok(set(statuses) <= {200, 429} and statuses.count(200) == 480, f'48 shippers beside 300 idle and broken connections: {statuses.count(200)} taken, {statuses.count(429)} told to come again')
found = [json.loads(x['event'])['n'] for x in n.cli('history', 'search', 'load-', '--node', '@', '--json').lines() if x.get('event')]
t.ok(len(found) == len(set(found)) == 48000, 'every event once', len(found), len(set(found)))
for c in hold:
    c.close()
i = inputs()
t.ok(i['open']['messages'] == i['open']['lines'] == i['open']['events'] == i['open']['kept'] and i['open']['bad_lines'] == 0, 'in = events = kept', i['open'])
t.same((i['open']['dropped'], i['open']['too_long'], i['open']['lag']), (3, 1, 0), 'refused items are counted, nothing waits')

# --- a crash: what was acknowledged is there ---
core = [x for x in children_of(n.process.pid)]
done = []


def ship_on():
    with contextlib.suppress(OSError, http.client.HTTPException):
        for k in range(10000):
            if ask('POST', '/_bulk', created({'@timestamp': '2026-01-02T03:04:05Z', 'n': f'crash-{k}'}), to=port).status == 200:
                done.append(k)


x = threading.Thread(target=ship_on)
x.start()
wait_until(lambda: len(done) > 30)
for pid in core:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
x.join()
acknowledged = list(done)
t.ok(wait_until(n.health, 3 * PATIENCE), 'killed while shipping, it comes back')


def crashed():
    return [json.loads(x['event'])['n'] for x in n.cli('history', 'search', 'crash-', '--node', '@', '--json').lines()]


t.ok(wait_until(lambda: {f'crash-{k}' for k in acknowledged} <= set(crashed()), PATIENCE, 0.5), f'all {len(acknowledged)} that were acknowledged are in the history', len(crashed()))
t.same(n.stop(), 0, 'stops cleanly')
t.done()
