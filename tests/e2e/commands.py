#!/usr/bin/env python3
"""The command contracts that need no node: pattern, validate, id, help, manual pages, usage errors."""
import glob
import shutil

from harness import *

t = Tap()
LIANFANG = run('commands').out.split('\n')[:-1]

# --- pattern check ---
GOOD = ["[ipv4-addr:value = '198.51.100.1']", "[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e'] FOLLOWEDBY [process:name LIKE 'cmd%'] WITHIN 300 SECONDS",
        "[domain-name:value IN ('a.example', 'b.example')] REPEATS 2 TIMES",
        "[ipv4-addr:value ISSUBSET '10.0.0.0/8'] START t'2020-01-01T00:00:00Z' STOP t'2021-01-01T00:00:00Z'"]
BAD = ["[ipv4-addr:value = '198.51.100.1'", "[]", "", "[ipv4-addr:value = 1.2.3]", "[a:b = 'c'] WITHIN -1 SECONDS", "[a:b MATCHES '(']"]
for p in GOOD:
    t.same(run('pattern', 'check', p).status, 0, f'pattern check accepts {p}')
for p in BAD:
    r = run('pattern', 'check', p)
    t.ok(r.status == 1 and r.out + r.err, f'pattern check refuses {p!r}', r)
    j = run('pattern', 'check', '--json', p)
    v = j.json()
    t.ok(j.status == 1 and v and v['valid'] is False, f'pattern check --json refuses {p!r}', j)
r = run('pattern', 'check', "[a:b = 'c'] ANDD [d:e = 'f']")
t.ok(r.status == 1 and any(c.isdigit() for c in r.out + r.err), 'a refusal names the position', r)

# --- pattern match ---
OBSERVED21 = bundle([stix('observed-data', first_observed='2024-01-01T00:00:00Z', last_observed='2024-01-01T00:00:00Z',
                          number_observed=1, object_refs=['ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4']),
                     {'type': 'ipv4-addr', 'spec_version': '2.1', 'id': 'ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4',
                      'value': '198.51.100.3'}])
OBSERVED20 = {'type': 'observed-data', 'id': stix_id('observed-data'), 'created': '2020-01-01T00:00:00.000Z',
              'modified': '2020-01-01T00:00:00.000Z', 'first_observed': '2020-01-01T00:00:00Z',
              'last_observed': '2020-01-01T00:00:00Z', 'number_observed': 1,
              'objects': {'0': {'type': 'ipv4-addr', 'value': '198.51.100.3'}}}
BUNDLE20 = {'type': 'bundle', 'id': stix_id('bundle'), 'spec_version': '2.0', 'objects': [OBSERVED20]}
FILES = {'a 2.1 bundle': OBSERVED21, 'a 2.0 bundle': BUNDLE20, 'an array of bundles': [BUNDLE20, BUNDLE20], 'observed-data': OBSERVED20}
for what, content in FILES.items():
    f = write(f'observed-{len(what)}.json', content)
    for pattern, want in (("[ipv4-addr:value = '198.51.100.3']", 0), ("[ipv4-addr:value = '198.51.100.4']", 1), ('[broken', 2)):
        t.same(run('pattern', 'match', pattern, f).status, want, f'pattern match {pattern} in {what}')
t.same(run('pattern', 'match', GOOD[0], path('absent.json')).status, 2, 'pattern match in a file that is not there')
t.same(run('pattern', 'match', GOOD[0], write('broken.json', '{"type":')).status, 2, 'pattern match in broken JSON')
r = run('pattern', 'match', '--json', "[ipv4-addr:value = '198.51.100.3']", f)
t.same((r.status, r.json()), (0, {'match': True}), 'pattern match --json')
r = run('pattern', 'match', '--json', '[broken', f)
t.ok(r.status == 2 and r.json() and 'error' in r.json(), 'pattern match --json tells an error as JSON', r)

# --- validate ---
good = write('good.json', bundle([indicator('evil.example')]))
warned = write('warned.json', indicator('evil.example', indicator_types=['Not A Type']))
broken = stix('indicator', name='no pattern')
bad = write('bad.json', bundle([broken]))
r = run('validate', '--json', good)
t.ok(r.status == 0 and r.json()['valid'] is True and r.json()['problems'] == [], 'validate --json of a valid bundle', r)
r = run('validate', '--json', bad)
v = r.json()
t.ok(r.status == 1 and v['valid'] is False and v['problems'], 'validate --json of an invalid bundle', r)
t.ok(all(set(p) == {'level', 'pointer', 'rule', 'clause', 'message'} and p['level'] in ('must', 'should') for p in v['problems']),
     'each problem has level, pointer, rule, clause, message', v)
t.ok(any(p['level'] == 'must' and p['pointer'].startswith('/objects/0') for p in v['problems']), 'the pointer leads to the object', v)
r = run('validate', '--json', warned)
t.ok(r.status == 0 and r.json()['valid'] is True and {p['level'] for p in r.json()['problems']} == {'should'}, 'a SHOULD is a warning', r)
r = run('validate', '--json', good, bad, warned, path('broken.json'))
t.ok(r.status == 1 and len(r.out.splitlines()) == 4, 'several files: one JSON object a line', r)
t.same([x['valid'] for x in r.lines()], [True, False, True, False], 'each line has the verdict of its file')
r = run('validate', '--json', path('absent.json'))
t.ok(r.status == 2, 'validate of a file that is not there: 2', r)
r = run('validate', '-', stdin=read(good))
t.same(r.status, 0, 'validate reads standard input')
r = run('validate', bad)
t.ok(r.status == 1 and 'must' in r.out and '/objects/0' in r.out, 'validate for people', r)
for name, content in (('truncated', '{"type":"bundle","id":'), ('doubled', '{"type":"bundle","type":"bundle"}'), ('utf8', b'{"type":"\xff"}'),
                      ('deep', '[' * 100000), ('empty', ''), ('number', '17'), ('null', 'null')):
    r = run('validate', '--json', write(f'{name}.json', content))
    t.ok(r.status == 1 and r.json() and r.json()['valid'] is False and r.json()['problems'], f'validate of {name} JSON', r)

# --- id ---
# The examples of STIX 2.1 §6, whose ids are the deterministic ones.
SCOS = [({'type': 'ipv4-addr', 'value': '198.51.100.3'}, 'ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4'),
        ({'type': 'domain-name', 'value': 'example.com'}, 'domain-name--bedb4899-d24b-5401-bc86-8f6b4cc18ec7')]
f = write('scos.json', [dict(o, spec_version='2.1', id=want) for o, want in SCOS])
r = run('id', f)
t.same((r.status, r.out.split()), (0, [want for _, want in SCOS]), 'id: one a line, as in the specification')
r = run('id', '--json', f)
t.ok(r.status == 0 and len(r.json()['ids']) == len(SCOS), 'id --json', r)
t.same(run('id', path('absent.json')).status, 2, 'id of a file that is not there: 2')

# --- usage ---
USAGE = [([], 0), (['nonsense'], 2), (['user'], 2), (['pattern', 'check'], 2), (['pattern', 'check', 'a', 'b'], 2),
         (['validate', '--nonsense', 'x'], 2), (['init', '--tier'], 2), (['status', '/nonexistent'], 2), (['status', '/tmp'], 2),
         (['--help'], 0), (['-h'], 0), (['--version'], 0), (['help', 'user', 'add'], 0), (['help', 'nonsense'], 2)]
for words, want in USAGE:
    r = run(*words)
    t.ok(r.status == want and (want == 0 or r.err), f'lianfang {" ".join(words)}: {want}', r)
r = run('status', '--json', '/nonexistent')
t.ok(r.status == 2 and r.json() and r.json()['error'] and r.json()['code'], 'errors with --json are JSON too', r)
r = run('status', '--json', '--nonsense', '/nonexistent')
t.ok(r.status == 2 and r.json() and r.json()['error'], 'usage errors with --json are JSON too', r)
r = run('version', '--json')
t.ok(r.json() and r.json()['name'] == 'lianfang', 'version --json', r)
t.ok(run('commands', '--json').json() is not None, 'commands --json')

for args in (['--lang', 'zh', 'user', 'add', '--help'], ['--lang=zh', 'import', '--help'], ['user', 'add', '--help', '--lang', 'zh'], ['--lang', 'zh', '--help'],
             ['--lang', 'zh'], ['--lang', 'zh', 'user', '--help']):
    r = run(*args)
    t.ok(r.status == 0 and re.search('[\u4e00-\u9fff]', r.out), f'{" ".join(args)}: in zh-TW', r)
for args, word in ((['user', 'add', '--lang', 'zh', '--nonsense'], '沒有選項'), (['pattern', 'check', '--lang', 'zh'], '需要'), (['init', 'x', '--lang=zh'], '必須有')):
    r = run(*args)
    t.ok(r.status == 2 and word in r.err, f'{" ".join(args)}: the mistake is told in zh-TW', r)
r = run('--lang', 'zh', 'nonsense')
t.ok(r.status == 2 and '指令' in r.err, 'errors too', r)
for words, want in (('inti', 'init'), ('ticket lst', 'ticket list'), ('ticet', 'ticket'), ('incident observable ad', 'incident observable add'), ('sreve x', 'serve'),
                    ('help repot', 'report')):
    r = run(*words.split())
    t.ok(r.status == 2 and f"'{want}' meant" in r.err, f'lianfang {words}: {want} is proposed', r)
for lang, heading in (('en', 'Report an incident'), ('zh', '通報')):
    lines = run('help', '--lang', lang).out.splitlines()
    told = {line[2:].split('  ')[0] for line in lines if line.startswith('  ')}
    t.same([n for n in LIANFANG if n not in told and n.split()[0] + ' ...' not in told], [], f'the overview has every command ({lang})')
    t.ok(any(line.startswith(heading) for line in lines), f'the overview is by what somebody wants to do ({lang})')
r = run('--json', 'version')
t.ok(r.json() and r.json()['name'] == 'lianfang', '--json before the command', r)

# --- help and manual pages ---
man = shutil.which('man')
pages, helps = [], {}
for name in LIANFANG:
    words = name.split()
    en, zh = run(*words, '--help'), run(*words, '--help', '--lang', 'zh')
    helps[name] = en.out
    t.ok(en.status == 0 and 'usage:' in en.out, f'{name} --help', en)
    t.ok(zh.status == 0 and '用法' in zh.out, f'{name} --help in zh-TW', zh)
    options = re.findall(r'^ {2}(?:-\w, | {4})(--[\w-]+)', en.out, re.M)
    t.ok({'--json', '--lang', '--help'} <= set(options), f'{name}: the common options are shown', en)
    t.same(re.findall(r'^ {2}(?:-\w, | {4})(--[\w-]+)', zh.out, re.M), options, f'{name}: the same options in both languages')
    untranslated = [line for line in zh.out.splitlines() if len(line) > 90 and line.isascii() and 'lianfang' not in line]
    t.same(untranslated, [], f'{name}: long texts are translated')
    page = run('help', '--man', name.replace(' ', '-'))
    t.ok(page.status == 0 and page.out.startswith('.TH LIANFANG-' + name.replace(' ', '-')), f'{name} has a manual page', page)
    for o in options:
        if o.replace('-', '\\-') not in page.out:
            t.ok(False, f'{name}: {o} is in the manual page', page)
    pages.append(write('man/lianfang-' + name.replace(' ', '-') + '.1', page.bytes))
# --- examples and documents ---
table = {c['name']: {o['name'] for o in c['options']} | {o['letter'] for o in c['options'] if 'letter' in o} for c in run('commands', '--json').json()['commands']}


def unknown(line):
    """What this line says that the program does not know."""
    words = re.split(r'\s+', re.split(r'[|>]|&&| #', line)[0].strip())
    name = next((n for n in (' '.join(words[:k]) for k in (3, 2, 1)) if n in table), None)
    if name is None:
        return [] if not re.match('[a-z]', line) or any(n.startswith(words[0] + ' ') for n in table) else [line]
    return [f'{name} {o}' for o in re.findall(r'(?<![\w-])--?[a-z][\w-]*', ' '.join(words)) if o.lstrip('-') not in table[name]]


lines = {}
for name in LIANFANG:
    lines[name] = re.findall(r'lianfang ([^\n]+)', helps[name].partition('\nexamples:\n')[2])
t.same([n for n in LIANFANG if not lines[n]], ['help', 'version', 'role'], 'every command has an example')
source = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
for full in [os.path.join(source, 'README.md'), *sorted(glob.glob(os.path.join(source, 'docs/**/*.md'), recursive=True))]:
    lines[os.path.relpath(full, source)] = re.findall(r'(?m)(?:^|[`|(]\s*|^\s+)(?:sudo )?lianfang ([^`\n]+)', open(full, encoding='utf-8').read())
t.same({k: [x for line in v for x in unknown(line)] for k, v in lines.items() if any(map(unknown, v))}, {}, 'examples and documents name commands and options that are there')
for args, want in ((['--man'], '.TH LIANFANG 1'), (['--man', '--conf'], '.TH LIANFANG.CONF 5')):
    page = run('help', *args)
    t.ok(page.status == 0 and page.out.startswith(want), f'help {" ".join(args)}', page)
    pages.append(write('man/' + '.'.join(want.split()[1:]).lower(), page.bytes))
if man:
    got = subprocess.run([man, '--warnings', '-E', 'UTF-8', '-Tutf8', '-Z', '-l', *pages], capture_output=True, env=environment(MANWIDTH='100'))
    t.ok(got.returncode == 0 and not got.stderr, f'man finds nothing to complain of in {len(pages)} pages', got.stderr.decode())
else:
    t.skip('man --warnings over all pages', 'man is not installed')
beside = os.path.dirname(program())
if os.path.exists(os.path.join(beside, 'lianfang.1')):
    for page in pages:
        t.ok(os.path.exists(os.path.join(beside, os.path.basename(page))), f'the build installs {os.path.basename(page)}')
else:
    t.skip('every page is installed by the build', 'the program does not stand in its build folder')
top = run('help', '--man').out
for name in LIANFANG:
    t.has(top, name.replace(' ', '\\-').replace('-', '\\-').replace('\\\\-', '\\-'), f'lianfang(1) names {name}')
for part in ('.SH EXIT STATUS', '.SH FILES', '.SH ENVIRONMENT', '.SH SEE ALSO'):
    t.has(top, part, f'lianfang(1) has {part}')

# --- completion ---
script = run('commands', '--bash')
t.ok(script.status == 0 and 'complete -F' in script.out, 'commands --bash prints a completion script', script)
bash = shutil.which('bash')
if bash:
    check = write('complete.sh', script.out + '''
try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _lianfang; echo "${COMPREPLY[*]}"; }
try lianfang us; try lianfang user ''; try lianfang user add --ro; try lianfang taxii ge; try lianfang import --fo
try lianfang user add X --role a; try lianfang peer add -r p; try lianfang export DIR --format i; try lianfang import --format ''
''')
    got = subprocess.run([bash, '--norc', check], capture_output=True, text=True)
    lines = got.stdout.splitlines()
    t.ok(len(lines) == 9 and lines[0] == 'user' and set(lines[1].split()) == {'add', 'identity', 'link', 'list', 'remove', 'reset-code'} and lines[2] == '--role' and
         lines[3] == 'get' and lines[4] == '--format' and lines[5] == 'admin analyst' and lines[6] == 'parent partner' and
         lines[7] == 'ipset' and lines[8] == 'auto stix misp csv list', 'bash completes commands, options and values', got.stdout + got.stderr)
t.done()
