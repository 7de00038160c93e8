#!/usr/bin/env python3
"""Folders, patterns and standard input as inputs; silence, lag and the sum of what came in and where it went; crashes between."""
from harness import *

t = Tap()
rules = os.path.dirname(write('rules/a.yml', 'title: Refused logon\nid: 00000000-0000-4000-8000-000000000001\nauthor: A\nlevel: medium\n'
                              "logsource: {product: linux, service: sshd}\ndetection: {k: ['Failed password'], condition: k}\n"))
folder, globbed = path('logs'), path('pattern')
os.makedirs(folder)
os.makedirs(globbed)
quiet = write('quiet/log', '')
n = Node('inputs', 'provider')
n.configure(f'[detect]\nrules = {rules}\n[input folder]\npath = {folder}\n[input pattern]\npath = {globbed}/*.log\n[input pipe]\npath = -\n'
            f'[input quiet]\npath = {quiet}\nsilence = 2s')


def inputs():
    return {i['name']: i for i in n.cli('status', '@', '--json').json()['inputs']}


def alerts():
    return n.get('/api/v1/alerts?limit=1000').json()['alerts']


def search(*words):
    return n.cli('history', 'search', *words, '--node', '@', '--json').lines()


def append(full, text):
    with open(full, 'a') as f:
        f.write(text)


def message(host, text='Failed password for root from 192.0.2.7 port 4711 ssh2'):
    return f'<38>1 2026-01-02T03:04:05Z {host} sshd 4242 - - {text}\n'


ZEEK = ('#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\n'
        '#types\ttime\taddr\taddr\n')
append(f'{folder}/auth.log', message('before'))
append(f'{folder}/conn.log', ZEEK + '1700000000.0\t192.0.2.1\t198.51.100.1\n')
append(f'{folder}/old.log.gz', 'packed')
append(f'{globbed}/other.txt', message('never'))
read_end, write_end = os.pipe()
n.start(stdin=read_end)
os.close(read_end)

# --- many logs in one folder ---
t.ok(wait_until(lambda: 'before' in {a['where'] for a in alerts()}), 'what lies in a folder is read')
append(f'{folder}/app.json', '{"@timestamp":"2026-01-02T03:04:05Z","user":"anna"}\n')
began = time.monotonic()
t.ok(wait_until(lambda: len(search('anna')) == 1), f'a new file is found: after {time.monotonic() - began:.1f} s')
append(f'{folder}/auth.log', message('later'))
append(f'{folder}/conn.log', '1700000001.0\t192.0.2.2\t198.51.100.1\n')
append(f'{globbed}/a.log', message('globbed'))
t.ok(wait_until(lambda: {'later', 'globbed'} <= {a['where'] for a in alerts()} and len(search('198.51.100.1')) == 2), 'each file in its own format', inputs())
t.ok('never' not in {a['where'] for a in alerts()} and search('Failed', '--source', 'pattern:a.log') and len(search('Failed', '--source', 'folder')) == 2,
     'only what matches the pattern; searched by input or by file')
i = inputs()['folder']
t.same((i['files'], i['left_out'], i['bad_lines'], i['lines'], i['events'], i['kept']), (3, 1, 0, 12, 5, 5), 'counted: 3 files, one packed, 7 comments of Zeek')
os.rename(f'{folder}/auth.log', f'{folder}/auth.log.1')
append(f'{folder}/auth.log.1', message('late'))
append(f'{folder}/auth.log', message('fresh'))
t.ok(wait_until(lambda: {'late', 'fresh'} <= {a['where'] for a in alerts()}), 'rotation')
os.remove(f'{folder}/app.json')
t.ok(wait_until(lambda: inputs()['folder']['files'] == 2, 30, 0.5), 'a file that is gone is followed no more', inputs()['folder'])

# --- standard input ---
os.write(write_end, message('piped').encode() + b'torn')
t.ok(wait_until(lambda: 'piped' in {a['where'] for a in alerts()}), 'a line from standard input')
os.write(write_end, (' {"a":1}\n' + message('end')).encode()[:-1])
os.close(write_end)
t.ok(wait_until(lambda: 'end' in {a['where'] for a in alerts()}), 'its last line without an end')

# --- health ---
t.ok(wait_until(lambda: inputs()['quiet']['state'] == 'silent'), 'silence is seen', inputs()['quiet'])
t.ok('silence' in n.text() and any(a['where'] == 'quiet' and 'silent' in a['observable'] for a in alerts()), 'logged, and an alert', n.text()[-500:])
append(quiet, message('sound'))
t.ok(wait_until(lambda: inputs()['quiet']['state'] == 'reading') and 'messages come again' in n.text(), 'and its end', inputs()['quiet'])
i = inputs()['quiet']
t.ok(i['last_message'] and i['behind'] > 86400 and i['lag'] == 0, 'when the last came, how old it is, what waits', i)
append(quiet, 'x' * 1500000 + '\n' + message('behind'))
t.ok(wait_until(lambda: 'behind' in {a['where'] for a in alerts()}) and inputs()['quiet']['too_long'] == 1, 'a line too long costs itself')
out = n.cli('status', '@').out
t.ok('STATE' in out and 'LOST' in out and 'folder' in out, 'the table', out)
for name, i in inputs().items():
    t.ok(i['messages'] <= i['lines'] and i['events'] == i['kept'] + i['not_kept'] and i['lost'] == i['too_long'] + i['dropped'] + i['bad_lines'] + i['not_kept'],
         f'{name}: in = kept + counted', i)

# --- crashes: no line lost, none twice ---
total = 0
for life in range(4):
    text = ''.join('{"n":"row-%06d"}\n' % (total + k) for k in range(3000))
    total += 3000
    append(f'{folder}/rows.json', text[:len(text) // 2])
    wait_until(lambda: len(search('row-')) > total - 3000 + 100 * (life + 1), 5, 0.05)
    for pid in children_of(n.process.pid):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    append(f'{folder}/rows.json', text[len(text) // 2:])
    if life == 1:
        os.rename(f'{folder}/rows.json', f'{folder}/rows.json.1')
    wait_until(n.health, 3 * PATIENCE)
    time.sleep(2 if life == 1 else 0)  # the rotated file is found before there is a new one


def rows():
    return [json.loads(x['event'])['n'] for x in search('row-')]


t.ok(wait_until(lambda: len(set(rows())) == total, 2 * PATIENCE, 0.5), f'{total} lines through four kills and a rotation: none lost', len(set(rows())))
t.ok(len(rows()) == total, 'none twice', len(rows()))
t.same(n.stop(), 0, 'stops cleanly')
n.start()
time.sleep(1)
t.same(len(rows()), total, 'a restart repeats nothing')
n.stop()
t.done()
