#!/usr/bin/env python3
"""The demonstration: the whole loop over six real nodes, its times, and that nothing is left behind however it ends."""
from harness import *

t = Tap()
STEPS = ['Hospital A', 'Health ISAC', 'N-ISAC', 'Water ISAC', 'Utility C', 'Utility C', 'Hospital B', 'Utility C', 'Utility C']


def left():
    return [f for f in os.listdir(work()) if f.startswith('lianfang-demo')]


def processes():
    found = []
    for pid in os.listdir('/proc'):
        if pid.isdigit():
            with contextlib.suppress(OSError):
                if work().encode() in read(f'/proc/{pid}/cmdline') and b'lianfang' in read(f'/proc/{pid}/cmdline') and b'python' not in read(f'/proc/{pid}/cmdline'):
                    found.append(int(pid))
    return found


env = environment(TMPDIR=work())
began = time.monotonic()
r = run('demo', '--once', env=env, timeout=6 * PATIENCE)
t.ok(r.status == 0, f'demo --once ({time.monotonic() - began:.1f} s)', r)
steps = re.findall(r'^ +([0-9.]+) ms  (.*)$', r.out, re.M)
t.same([s[1][:len(w)] for s, w in zip(steps, STEPS)], STEPS, 'the story: from a log line at A to an alert at C, the past of B, a rule, a ticket')
times = [float(s[0]) for s in steps]
t.ok(times == sorted(times), 'each after the one before', times)
for ms, text in steps:
    t.note(f'{ms} ms  {text}')
t.same((left(), processes()), ([], []), 'nothing is left: no folder, no process')
story = re.findall(r'^  D\+(\d+) +(\d\d:\d\d)  (.*)$', r.out, re.M)
t.ok([int(d) for d, _, _ in story] == sorted(int(d) for d, _, _ in story) and len(story) >= 14, 'the incident, from its log to its end', r.out)
for what in ('14 alerts of historian-1 are one monitoring ticket', 'cell i-core_ci-serious decides', 'Level 4 (major)', 'has it, level 4', 'confirms level 4',
             'health answers: confirmed', 'water answers: false-positive', 'closes: closed', '[EXERCISE 演練]'):
    t.has(r.out, what, 'the incident')
clocks = re.findall(r'^ +([a-z0-9-]+):((?: [A-Za-z0-9-]+ [a-z]+ D\+\d+ +\d\d:\d\d;)+)$', r.out, re.M)
t.same([(law, [c.split()[1] for c in each.split(';')[:-1]]) for law, each in clocks], [('tw-2026', ['met'] * 6), ('eu-nis2', ['met'] * 4)], 'every clock of two laws is met')
r = run('demo', '--once', '--lang', 'zh', env=env, timeout=6 * PATIENCE)
t.ok(r.status == 0 and '警示' in r.out, 'the story in zh-TW', r)

# --- it keeps running, says what to try, and Ctrl-C ends it ---
out = open(path('demo.out'), 'wb')
p = subprocess.Popen([program(), 'demo'], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, preexec_fn=die_with_parent)
CHILDREN.append(p)
said = lambda: read(path('demo.out')).decode('utf-8', 'replace')
t.ok(wait_until(lambda: 'default.collections' in said(), 6 * PATIENCE), 'demo goes on and says what to try next', said())
text = said()
curl = re.search(r'curl -u (\S+) --cacert (\S+) \\\n +-H \'(\S+): ([^\']+)\' (https://127\.0\.0\.1:(\d+)(\S+))', text)
t.ok(curl is not None, 'with a curl command')
if curl:
    c = http.client.HTTPSConnection('127.0.0.1', int(curl.group(6)), context=ssl.create_default_context(cafile=curl.group(2)), timeout=PATIENCE)
    c.request('GET', curl.group(7), headers={curl.group(3): curl.group(4), 'Authorization': basic(*curl.group(1).split(':', 1))})
    reply = c.getresponse()
    t.ok(reply.status == 200 and json.loads(reply.read())['collections'], 'that works')
    c.close()
for line in re.findall(r'^  lianfang (.*)$', text, re.M):
    r = run(*line.split())
    t.ok(r.status == 0 and r.out, f'"lianfang {" ".join(w for w in line.split() if not w.startswith("/"))}" works', r)
os.kill(p.pid, signal.SIGINT)
t.same(p.wait(PATIENCE), 0, 'Ctrl-C: status 0')
CHILDREN.remove(p)
t.same((left(), processes()), ([], []), 'nothing is left')

# --- interrupted while it builds ---
p = subprocess.Popen([program(), 'demo'], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, preexec_fn=die_with_parent)
CHILDREN.append(p)
wait_until(left, every=0.005)
time.sleep(0.3)
p.send_signal(signal.SIGTERM)
t.ok(p.wait(PATIENCE) in (0, 2), 'SIGTERM in the middle ends it')
CHILDREN.remove(p)
t.same((left(), processes()), ([], []), 'nothing is left')

# --- killed hard ---
p = subprocess.Popen([program(), 'demo'], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, preexec_fn=die_with_parent)
CHILDREN.append(p)
wait_until(lambda: len(processes()) >= 6, 3 * PATIENCE)
p.kill()
p.wait()
CHILDREN.remove(p)
t.ok(wait_until(lambda: not processes()), 'kill -9 of the demo takes its nodes with it', processes())
t.done()
