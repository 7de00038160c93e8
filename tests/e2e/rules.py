#!/usr/bin/env python3
"""rules check and rules list: verdicts, places, lists, exit statuses."""
from harness import *

t = Tap()
HEAD = 'title: %s\nid: 6f1d9c7e-3b0a-4c53-9f0e-2d7f5a1b8c0%d\nlogsource: {product: windows, service: system}\nlevel: %s\ntags: [attack.t1059.001]\n'
good = write('rules/good.yml', HEAD % ('good', 1, 'high') + 'detection: {s: {a: b}, condition: s}\n')
t.same(run('rules', 'check', good).status, 0, 'a good rule')
needs = write('rules/sub/needs.yml', HEAD % ('needs', 2, 'low') + "detection: {s: {a|expand: '%hosts%'}, condition: s}\n")
write('rules/sub/bad.yml', HEAD % ('bad', 3, 'low') + 'detection:\n    s: {a|cotnains: b}\n    condition: s\n')
write('rules/sub/regex.yml', HEAD % ('regex', 4, 'low') + "detection: {s: {a|re: '(b'}, condition: s}\n")
write('rules/sub/odd.yaml', (HEAD % ('odd', 5, 'low')).replace('service: system', 'service: unheard-of') +
      'detection: {s: {a: b}, condition: s}\ncolour: red\n')
write('rules/notes.txt', 'no rule')
folder = os.path.dirname(good)
r = run('rules', 'check', folder)
t.same(r.status, 1, 'a folder in which not all load')
t.has(r.out, 'bad.yml:7: refused: column 11: unknown modifier "cotnains"', 'an unknown modifier by line and column')
t.has(r.out, 'needs.yml:1: needs-list: needs a list for %hosts%', 'a placeholder by name')
t.has(r.out, 'regex.yml:1: refused:', 'a regular expression that does not compile')
t.has(r.out, 'unknown key "colour"', 'an unknown key is a remark')
t.has(r.out, 'no event is recognised as of its log source', 'a log source that nothing is recognised as')
t.has(r.out, '2 loaded, 1 need a list, 2 refused', 'the sum')
t.ok('good.yml' not in r.out and 'good.yml' in run('rules', 'check', '--all', folder).out, '--all names the good ones too')
lines = [json.loads(line) for line in run('rules', 'check', '--json', folder).out.splitlines()]
t.same(sorted((x['title'], x['verdict']) for x in lines[:-1]),
       [('bad', 'refused'), ('good', 'loaded'), ('needs', 'needs-list'), ('odd', 'loaded'), ('regex', 'refused')], '--json: one object a document')
t.same({k: lines[-1][k] for k in ('loaded', 'needs_list', 'refused', 'ignored')}, {'loaded': 2, 'needs_list': 1, 'refused': 2, 'ignored': 0},
       '--json: the sum last')
lists = os.path.dirname(write('lists/hosts.txt', '# ours\nsrv1\n\nsrv*\n'))
t.same(run('rules', 'check', '--lists', lists, needs).status, 0, 'with its list it loads')
packs = os.path.dirname(write('sources/own.yml', '- {source: {product: windows, service: unheard-of}, when: {Channel: Unheard}}\n'))
t.ok('no event is recognised' not in run('rules', 'check', '--sources', packs, folder).out, '--sources brings log sources')
r = run('rules', 'list', '--level', 'medium', folder)
t.ok(r.status == 0 and r.out.count('\n') == 1 and 'good' in r.out, 'list by level', r)
t.same(run('rules', 'list', '--tag', 'attack.t1059', folder).out.count('\n'), 2, 'a technique with its sub-techniques')
t.same(run('rules', 'list', '--tag', 'attack.t105', folder).out, '', 'not by the beginning of a number')
t.same(run('rules', 'list', '--level', 'loud', folder).status, 2, 'an unknown level')
r = run('rules', 'check', os.path.dirname(write('norules/readme.txt', 'x')))
t.ok(r.status == 2 and r.out == '' and 'no rule to check' in r.err and 'norules' in r.err, 'a folder without rules', r)
t.same(run('rules', 'check', path('absent')).status, 2, 'a folder that is not there')
t.done()
