#!/usr/bin/env python3
"""The level wizard: what the register knows is never asked; the level is the table's; an outage says when it will change."""
import calendar
import pty
import select
from harness import *

t = Tap()
n = Node('water', 'provider').start()
n.post('/api/v1/organisations', {'id': 'w', 'name': 'Water'})
CORE = {'noncore': {'core': False}, 'core': {'core': True, 'ci': False}, 'core_ci': {'core': True, 'ci': True}}
for name, flags in CORE.items():
    for secrecy in ('ordinary', 'official', 'state'):
        n.post('/api/v1/systems', {'id': f'{name}-{secrecy}', 'name': f'{name} {secrecy}', 'organisation': 'w', 'secrecy': secrecy, 'mtpd': 4, **flags})
n.post('/api/v1/systems', {'id': 'bare', 'name': 'Nothing known', 'organisation': 'w'})


def ago(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - seconds))


def level(*items, **more):
    return n.post('/api/v1/incidents/level', {'items': list(items), 'grounds': 'x', **more})


# --- every combination, against the table of the law written down once more ---
def wanted(core, secrecy, effect, severity, beyond):
    base = {'noncore': 1, 'core': 2, 'core_ci': 3}[core]
    if effect == 'outage':
        return base + beyond
    return max(base + (severity == 'serious'), {'ordinary': 0, 'official': 3 + (severity == 'serious'), 'state': 4}[secrecy])


wrong = []
for core in CORE:
    for secrecy in ('ordinary', 'official', 'state'):
        for effect, severity, beyond in (('leak', 'minor', 0), ('leak', 'serious', 0), ('tamper', 'minor', 0), ('tamper', 'serious', 0), ('outage', '', 0), ('outage', '', 1)):
            item = {'system': f'{core}-{secrecy}', 'effect': effect}
            item.update({'since': ago(5 * 3600 if beyond else 3600)} if effect == 'outage' else {'severity': severity})
            v = level(item).json()
            want = wanted(core, secrecy, effect, severity, beyond)
            if not (v['complete'] and v['level']['overall'] == want and v['questions'] == [] and
                    {c['level'] for c in v['cells'] if c['decides']} == {want}):
                wrong.append((item, want, v))
t.same(wrong, [], '54 combinations: the level, nothing left to ask, and the cells that decide')

# --- outages and the clock ---
since = ago(3 * 3600)
v = level({'system': 'core_ci-ordinary', 'effect': 'outage', 'since': since}).json()
ends = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.mktime(time.strptime(since, '%Y-%m-%dT%H:%M:%SZ')) - time.timezone + 4 * 3600))
t.same((v['level']['overall'], [(c['at'], c['system'], c['level']['overall']) for c in v['changes']]), (3, [(ends, 'core_ci-ordinary', 4)]), 'still out: when it becomes level 4')
t.same([k['mtpd'] for k in v['known']], [4], 'by the register\'s four hours')
v = level({'system': 'core_ci-ordinary', 'effect': 'outage', 'since': ago(9 * 3600), 'back': ago(6 * 3600)}).json()
t.same((v['level']['overall'], v['changes']), (3, []), 'back in time: nothing changes any more')
v = level({'system': 'core_ci-ordinary', 'effect': 'outage', 'since': ago(9 * 3600), 'back': ago(4 * 3600)}).json()
t.same(v['level']['overall'], 4, 'back too late')
v = level({'system': 'core-ordinary', 'effect': 'outage', 'since': ago(3600)}, {'system': 'noncore-state', 'effect': 'leak', 'severity': 'minor'}).json()
t.same((v['level']['a'], v['level']['c'], v['level']['overall'], v['changes']), (2, 4, 4, []), 'two things: the higher one; a change that changes nothing is not told')
v = level({'system': 'core-ordinary', 'effect': 'outage'}).json()
t.same((v['complete'], [q['name'] for q in v['questions']]), (False, ['since']), 'since when, is asked')

# --- what is asked ---
v = level({'system': 'core_ci-ordinary'}).json()
t.same(([q['name'] for q in v['questions']], [x['id'] for x in v['questions'][0]['values']]), (['effect'], ['leak', 'tamper', 'outage']), 'what happened, first')
v = level({'system': 'core_ci-ordinary', 'effect': 'leak'}).json()
t.same([q['name'] for q in v['questions']], ['severity'], 'then only how bad: neither coreness nor secrecy nor what a leak is of')
v = level({'system': 'bare', 'effect': 'tamper', 'severity': 'minor'}).json()
t.same(v['questions'][0]['name'], 'coreness', 'what the register does not say is asked')
v = level({'effect': 'outage', 'coreness': 'core', 'recovery': 'beyond'}).json()
t.same((v['level']['overall'], v['complete']), (3, True), 'a system that is in no register')
v = n.post('/api/v1/incidents/level', {'items': [{'system': 'core-ordinary', 'effect': 'leak', 'severity': 'minor'}], 'grounds': ' '}).json()
t.same((v['complete'], v['needs_grounds']), (False, True), 'not without grounds')
v = level({'system': 'core-ordinary', 'effect': 'leak', 'severity': 'minor'}, pack='eu-nis2').json()
t.same((v['pack'], v['level']['overall']), ('eu-nis2', 1), 'by another law')
v = level(blocked=True).json()
t.ok(v['incident'] is False and '情資' in v['why']['zh-TW'] and 'level' not in v, 'a blocked attempt is no incident', v)
for item, says in (({'system': 'nothere'}, 'no system'), ({'effect': 'ufo'}, '/items/0/effect'), ({'colour': 'red'}, '/items/0/colour'), ({'since': 'noon'}, '/items/0/since'),
                   ({'since': '2099-01-01T00:00:00Z'}, 'future'), ({'since': ago(5), 'back': ago(9)}, 'before'), ('x', '/items/0'), ({'system': 7}, '/items/0/system')):
    r = level(item)
    t.ok(r.status == 400 and says in r.json()['error']['message'], f'refused: {item}', r)
t.same(level(*[{}] * 65).status, 400, 'at most 64 things')

# --- several laws at a time ---
v = level({'system': 'core-ordinary', 'effect': 'leak', 'severity': 'minor'}, pack='tw-2026 eu-nis2').json()
t.same((v['pack'], [(x['pack'], x['level']['overall']) for x in v['further']]), ('tw-2026', [('eu-nis2', 1)]), 'each law that applies has its level')
v = level({'system': 'core-ordinary', 'effect': 'leak', 'severity': 'minor', 'secrecy': 'sensitive'}, pack='tw-2021 eu-nis2').json()
t.ok(v['level']['overall'] > 0 and 'sensitive' in v['further'][0]['why'], 'an answer that only one of them knows holds up none', v)
v = level({}, pack='eu-nis2 tw-2026').json()
t.ok(v['questions'] and v['further'][0]['questions'] and not v['further'][0]['complete'], 'each asks what it has to know')
r = n.cli('incident', 'level', '@', '--pack', 'tw-2026 eu-nis2', '--system', 'core-ordinary', '--answer', 'effect=leak', '--answer', 'severity=minor', '--grounds', 'x')
t.ok(r.status == 0 and 'eu-nis2: ' in r.out, 'also for people', r)
t.same(level({}, pack='tw-2026 nowhere').status, 400, 'a law that nobody knows is refused')

# --- a pack that knows nothing of registers ---
bare = json.loads(run('pack', 'show', 'generic', '--json').out)
bare['id'] = 'bare'
del bare['words']['registers']
write('packs/bare/pack.json', bare)
n.stop()
n.configure(f'[desk]\npacks = {path("packs")}')
n.start()
v = level({'system': 'core_ci-ordinary'}, pack='bare').json()
t.same([q['name'] for q in v['questions']], ['target'], 'everything is asked')
v = level({'system': 'core_ci-ordinary', 'target': 'system', 'effect': 'outage', 'coreness': 'core', 'recovery': 'within', 'since': ago(60)}, pack='bare').json()
t.same((v['level']['overall'], v['complete']), (2, True), 'and counts as it was answered')

# --- scripts ---
number = n.cli('incident', 'open', '@', '-t', 'historian', '--json').json()['number']
r = n.cli('incident', 'level', '@', '--system', 'core_ci-ordinary', '--answer', 'effect=outage', '--since', ago(3600), '--grounds', 'disks encrypted')
t.ok(r.status == 0 and 'Level 3' in r.out and 'a-core_ci-within' in r.out and 'becomes: Level 4' in r.out, 'the level, the cell, and when it changes', r)
r = n.cli('--lang', 'zh', 'incident', 'level', '@', '--system', 'core_ci-ordinary', '--answer', 'effect=leak', '--answer', 'severity=serious', '--grounds', 'x')
t.ok(r.status == 0 and '第四級' in r.out and '決定等級' in r.out, 'in zh-TW', r)
r = n.cli('incident', 'level', '@', '--system', 'core_ci-ordinary', '--answer', 'effect=leak', '--grounds', 'x')
t.ok(r.status == 2 and '--answer severity=' in r.err and 'minor, serious' in r.err, 'what is missing is named as an option', r)
r = n.cli('report', '@', number, '--system', 'core_ci-ordinary', '--answer', 'effect=tamper', '--answer', 'severity=minor')
t.ok(r.status == 2 and '--grounds' in r.err, 'no report without grounds', r)
r = n.cli('report', '@', number, '--blocked')
t.ok(r.status == 1 and 'no incident' in r.out, 'nor of what is none', r)
t.same(len(n.get(f'/api/v1/incidents/{number}/facts').json()['facts']), 1, 'nothing was stated so far')
r = n.cli('report', '@', number, '--system', 'core_ci-ordinary', '--answer', 'effect=outage', '--since', ago(60), '--grounds', 'disks encrypted', '--json')
v = r.json()
fact = n.get(f'/api/v1/incidents/{number}/facts').json()['facts'][-1]
t.same((r.status, v['state'], v['level'], fact['grounds'], fact['items'][0]['system'], fact['items'][0]['coreness'], fact['items'][0]['recovery']),
       (0, 'reported', 3, 'disks encrypted', 'core_ci-ordinary', 'core_ci', 'within'), 'reported with the items that were found')


# --- at a terminal ---
class Terminal:
    def __init__(self, *args, lang='C.UTF-8'):
        main, side = pty.openpty()
        self.fd, self.text = main, ''
        self.p = subprocess.Popen([program(), *args], stdin=side, stdout=side, stderr=side, env=environment(LC_ALL=lang), preexec_fn=die_with_parent)
        CHILDREN.append(self.p)
        os.close(side)

    def wait(self, part):
        until = time.monotonic() + PATIENCE
        while part not in self.text and time.monotonic() < until:
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    got = os.read(self.fd, 65536)
                except OSError:
                    break
                if not got:
                    break
                self.text += got.decode('utf-8', 'replace')
        return part in self.text

    def talk(self, *pairs):
        """Waits for a text, types an answer; behind that text only what follows counts."""
        for part, typed in pairs:
            if not t.ok(self.wait(part), f'asks: {part}', self.text):
                return
            self.text = self.text.split(part, 1)[1]
            os.write(self.fd, (typed + '\n').encode())

    def end(self):
        while self.p.poll() is None and self.wait('\0'):
            pass
        self.wait('\0')
        CHILDREN.remove(self.p)
        os.close(self.fd)
        return self.p.wait()


number = n.cli('incident', 'open', '@', '-t', 'at night', '--json').json()['number']
term = Terminal('report', n.dir, number)
term.talk(('Did it succeed', 'y'), ('Which system', 'CORE_CI OFF'), ('core_ci-official', 'core_ci-official'), ('3) Outage', '3'),
          ('Since when', '2099-01-01T00:00:00Z'), ('still out', ''), ('future', ''))
term.p.kill()
term.end()
term = Terminal('report', n.dir, number)
term.talk(('Did it succeed', ''), ('Did it succeed', 'yse'), ('Did it succeed', 'Yes'), ('Which system', 'core_ci-official'), ('3) Outage', 'what?'), ('3) Outage', '3'),
          ('Since when', 'an hour ago'), ('is no time', ''), ('Since when', '60m'), ('still out', ''), ('anything else', 'maybe'), ('anything else', 'y'), ('Which system', 'noncore-ordinary'), ('1) Leak', 'leak'), ('2) Serious', '1'), ('anything else', 'n'),
          ('grounds', 'disks are encrypted'))
t.ok(term.wait('Report it so?') and 'becomes: Level 4' in term.text, 'shows the level, and when it changes, before it asks', term.text)
os.write(term.fd, b'y\n')
t.same(term.end(), 0, 'and reports')
fact = n.get(f'/api/v1/incidents/{number}/facts').json()['facts'][-1]
t.same(([i['system'] for i in fact['items']], fact['grounds'], n.get(f'/api/v1/incidents/{number}').json()['level']),
       (['core_ci-official', 'noncore-ordinary'], 'disks are encrypted', 3), 'both things, and the grounds')
for typed, option in (('20m', '--aware'), (time.strftime('%H:%M', time.gmtime(time.time() - 1200)), '--aware')):
    r = n.cli('incident', 'open', '@', '-t', 'at night', option, typed)
    number = r.out.split()[0]
    claimed = n.get(f'/api/v1/incidents/{number}/facts').json()['facts'][0]['claimed']
    t.ok(r.status == 0 and abs(calendar.timegm(time.strptime(claimed[:19], '%Y-%m-%dT%H:%M:%S')) - (time.time() - 1200)) < 90 and 'is taken as' in r.err,
         f'{option} {typed}: twenty minutes ago, and told so', r)
r = n.cli('incident', 'open', '@', '-t', 'at night', '--aware', 'yesterday')
t.ok(r.status == 2 and "--aware: 'yesterday' is no time: 23:30" in r.err, 'what is no time is refused with what would be one', r)
r = n.cli('incident', 'show', '@', number, '--lang', 'zh', env=environment(TZ='CST-8'))
t.ok(r.status == 0 and '+08:00' in r.out and '執行中' in r.out and '期限' in r.out and 'due' not in r.out, "the clocks in this machine's time, and in zh-TW", r)

# --- a slip is told with what would be right ---
broken = write('broken.json', '{"type": "bundle",')
for words, told in ((['report', '@', number, '--system', 'hiss', '--answer', 'effect=outage'], "--system: no system 'hiss' in the register (lianfang system list)"),
                    (['report', '@', number, '--system', 'bare', '--answer', 'effect=outtage'], "--answer effect=...: pack tw-2026 knows no answer 'outtage' (leak, tamper, outage)"),
                    (['report', '@', number, '--items', write('slip.json', '[{"target": "sytem"}]')], '--items: item 1: "target": pack tw-2026 knows no answer "sytem"'),
                    (['incident', 'state', '@', number, 'forwardd'], "no fact is called 'forwardd': aware, reported"),
                    (['incident', 'list', '@', '--state', 'reportd'], "--state: 'reportd' is not one of draft, aware"),
                    (['ticket', 'list', '@', '--state', 'activ'], "--state: 'activ' is not one of open, in-progress, closed or active"),
                    (['ticket', 'list', '@', '--level', 'hihg'], "--level: 'hihg' is not one of informational"),
                    (['incident', 'take', '@', broken], 'broken.json: '), (['alert', 'import', '@', broken], 'broken.json: '),
                    (['import', broken, '@'], 'broken.json: JSON: '),
                    (['incident', 'export', '@', number, '-o', '/nonexistent/x.xml'], '/nonexistent/x.xml: No such file or directory'),
                    (['incident', 'show', '--dir', '/nonexistent', number], '/nonexistent: no node here (lianfang init makes one; --dir DIR')):
    r = n.cli(*words)
    t.ok(r.status == 2 and told in r.err, f'{" ".join(words[:2])}: {told}', r)
r = n.cli('report', '@', number)
t.ok(r.status == 0 and 'no level was told with it' in r.err, 'a report by a script without a level says so', r)
r = n.cli('incident', 'show', env=environment(LIANFANG_DIR=n.dir))
t.ok(r.status == 2 and 'needs NUMBER\n' in r.err, 'a folder that is known is not asked for', r)
r = n.cli('hunt', '198.51.100.7', env=environment(LIANFANG_DIR=n.dir))
t.ok('/var/lib/lianfang' not in r.err, 'hunt takes LIANFANG_DIR, as all do', r)
term = Terminal('--lang', 'zh', 'incident', 'level', n.dir)
term.talk(('是否已造成影響', '否'))
t.ok(term.wait('情資'), 'in zh-TW: a blocked attempt is no incident', term.text)
t.same(term.end(), 1, 'and no level')
t.done()
