#!/usr/bin/env python3
"""Every number of every board, computed once more, plainly, from the rows that went in. usage: compare_boards.py WORLD"""
import json, math, subprocess, sys
from collections import defaultdict
from datetime import datetime, timezone

S, Z, HOUR, DAY = 10**6, 1.959963984540054, 3600 * 10**6, 86400 * 10**6
n = failed = 0


def ok(good, name, *detail):
    global n, failed
    n += 1
    failed += not good
    print(('ok' if good else 'not ok'), n, '-', name)
    for d in () if good else detail:
        print('#  ', str(d)[:1500])


def us(text):
    d = datetime.fromisoformat(text.replace('Z', '+00:00')) - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (d.days * 86400 + d.seconds) * S + d.microseconds


def quantile(v, part):
    return sorted(v)[max(1, math.ceil(part * len(v))) - 1]


def wilson(h, m):
    p = h / m
    mid, half = (p + Z * Z / (2 * m)) / (1 + Z * Z / m), Z / (1 + Z * Z / m) * math.sqrt(p * (1 - p) / m + Z * Z / (4 * m * m))
    return (0 if h == 0 else mid - half), (1 if h == m else mid + half)


def poisson(k, m, per):
    half = Z * math.sqrt(k + Z * Z / 4)
    return (0 if k == 0 else (k + Z * Z / 2 - half) * per / m), (k + Z * Z / 2 + half) * per / m


def share(h, m):
    return {'value': h / m, 'low': wilson(h, m)[0], 'high': wilson(h, m)[1]} if m else {'why': 'empty'}


def rate(k, m):
    return {'value': 100 * k / m, 'low': poisson(k, m, 100)[0], 'high': poisson(k, m, 100)[1]} if m else {'why': 'empty'}


def val(v):
    return {'value': v}


def opt(values, fn):
    return {'value': fn(values)} if values else {'why': 'empty'}


def same(a, b):
    if a.keys() != b.keys():
        return False
    return all(x == b[k] or (isinstance(x, (int, float)) and isinstance(b[k], (int, float)) and abs(x - b[k]) <= 1e-5 + 1e-7 * max(abs(x), abs(b[k]))) for k, x in a.items())


class World:
    def __init__(self, lines):
        rows = [json.loads(x) for x in lines]
        of = lambda k: [r for r in rows if r.get('row') == k]
        self.members = {m['key']: m for m in of('member')}
        self.incidents = {(i['number'], i['pack']): i for i in of('incident')}.values()
        self.tickets = {x['number']: x for x in of('ticket')}.values()
        self.sightings, self.offered, self.deliveries = of('sighting'), of('offered'), of('delivery')
        self.telling = [r for r in rows if r.get('row') in ('teller', 'loaded')]
        self.boards = [r for r in rows if 'board' in r]

    def ask(self, b):
        self.b, self.lo, self.hi, self.now = b, us(b['from']), us(b['until']), us(b['as_of'])
        self.before = self.lo - (self.hi - self.lo)
        self.want = lambda m: not b['sector'] or self.members[m]['sector'] == b['sector']
        self.mine = [i for i in self.incidents if not i['void'] and not i['exercise'] and i['pack'] == 'law0' and self.want(i['member'])]
        for i in self.mine:
            i['when'] = i['at'][1] if i['at'][1] >= 0 else i['opened']

        self.behind = {}  # (row, column): members that stand behind it

    def within(self, t):
        return t >= 0 and self.lo <= t < self.hi

    def verdict(self, c):
        return 2 if c['verdict'] == 0 and c['due'] < self.now else c['verdict']

    # --- one function a board: {key: {column: cell}} ---
    def incidents_(self):
        days, zone = self.b['bin_days'], self.b['zone'] * S
        key = lambda t: (t + zone) // DAY if days == 1 else ((t + zone) // DAY + 3) // days * days - 3
        out = {}
        for d in range(key(self.lo), key(self.hi - 1) + 1, days):
            mine = [i for i in self.mine if self.within(i['when']) and key(i['when']) == d]
            lv = lambda k: sum(i['level'] == k for i in mine)
            row = {'incidents': len(mine), 'level1': lv(1), 'level2': lv(2), 'level3': lv(3), 'level4': lv(4), 'none': lv(0), 'members': len({i['member'] for i in mine})}
            none = (d + days) * DAY - zone <= us(self.b['since'])
            name = datetime.fromtimestamp(d * 86400, timezone.utc).strftime('%Y-%m-%d')
            sets = {'incidents': mine, 'members': mine, 'none': [i for i in mine if i['level'] == 0], **{f'level{k}': [i for i in mine if i['level'] == k] for k in (1, 2, 3, 4)}}
            self.behind.update({(name, c): {i['member'] for i in v} for c, v in sets.items()})
            out[name] = {k: {'why': 'no-report'} if none and not v else val(v) for k, v in row.items()}
        return out

    def by(self, key):
        out = {}
        for i in self.mine:
            for c in i['clocks']:
                v = self.verdict(c)
                if v == 3 or not self.within(c['start']):
                    continue
                x = out.setdefault(key(i, c), dict(met=0, late=0, running=0, near=0))
                x[('running', 'met', 'late')[v]] += 1
                x['near'] += v == 0 and (self.now - c['start']) / (c['due'] - c['start']) >= .75
        return {k: {**{m: val(v) for m, v in x.items()}, 'share': share(x['met'], x['met'] + x['late'])} for k, x in out.items()}

    def clocks(self):
        return self.by(lambda i, c: c['id'])

    def tiers(self):
        return self.by(lambda i, c: c['who'])

    def compliance(self):
        return self.by(lambda i, c: self.members[i['member']]['sector'])

    def places(self, what):
        keys = {m[what] for m in self.members.values() if m['listed'] and m[what] and self.want(m['key'])} | \
            {self.members[i['member']][what] for i in self.mine if self.before <= i['when'] < self.hi}
        out = {}
        for k in keys:
            here = [i for i in self.mine if self.members[i['member']][what] == k]
            now, before = [i for i in here if self.within(i['when'])], [i for i in here if self.before <= i['when'] < self.lo]
            members = sum(1 for m in self.members.values() if m['listed'] and k and m[what] == k and self.want(m['key']))
            hit = len({i['member'] for i in now})
            out[k] = {'incidents': val(len(now)), 'major': val(sum(i['level'] >= 3 for i in now)), 'change': val(len(now) - len(before)), 'registered': val(members),
                      'hit': val(hit), 'rate': rate(len(now), members), 'share': share(min(hit, members), members)}
        return out

    def sectors(self):
        return self.places('sector')

    def counties(self):
        return self.places('region')

    def techniques(self):
        now, before, ago = defaultdict(list), defaultdict(int), defaultdict(set)
        for x in self.tickets:
            if x['false'] or not self.want(x['member']):
                continue
            for k in x['techniques']:
                if self.within(x['first']):
                    now[k].append(x['member'])
                elif self.before <= x['first'] < self.lo:
                    before[k] += 1
                    ago[k].add(x['member'])
        self.behind = {(k, c): set(v) for k, v in now.items() for c in ('tickets', 'members', 'sectors', 'change')}
        self.behind.update({(k, 'before'): v for k, v in ago.items()})
        return {k: {'tickets': val(len(now[k])), 'members': val(len(set(now[k]))), 'sectors': val(len({self.members[m]['sector'] for m in now[k]} - {''})),
                    'change': val(len(now[k]) - before[k])} for k in set(now) | set(before)}

    def spread(self):
        pairs = defaultdict(dict)
        for s in self.sightings:
            f, l = pairs[s['indicator']].get(s['member'], (s['first'], s['last']))
            pairs[s['indicator']][s['member']] = min(f, s['first']), max(l, s['last'])
        out = {}
        for k, all_ in pairs.items():
            all_ = {m: x for m, x in all_.items() if self.want(m)}
            here = {m: x for m, x in all_.items() if self.within(x[1])}
            if len(here) < 2:
                continue
            firsts = sorted(f for f, _ in all_.values())
            out[k] = {'members': val(len(here)), 'sectors': val(len({self.members[m]['sector'] for m in here} - {''})), 'first': val(min(f for f, _ in here.values())),
                      'second': val((firsts[1] - firsts[0]) / S), 'third': opt(firsts[2:3], lambda v: (v[0] - firsts[0]) / S), 'last': val(max(l for _, l in here.values()))}
        return out

    def each_release(self):
        """For each release of the period: [(member, seconds)] that loaded it, [member] in scope, and whether anybody speaks of it."""
        tellers, loads = {}, {}
        for row in self.telling:
            who = row['member'], row['who']
            if row['row'] == 'teller':
                tellers[who] = row
            else:
                loads.setdefault((who, row['indicator']), row['at'])
        mine = {k: x for k, x in tellers.items() if not x['out'] and self.members[k[0]]['linked'] and self.want(k[0])}
        silent = [m for m, x in self.members.items() if x['linked'] and self.want(m) and (m, '') not in tellers]
        for o in [o for o in self.offered if self.within(o["at"])][-50:]:
            have = {k: max(0, loads[k, o['indicator']] - o['at']) / S for k in mine if loads.get((k, o['indicator']), self.now + 1) <= self.now}
            speak = [k for k, x in mine.items() if x['since'] <= o['at'] or k in have]
            yield o['indicator'], [(k[0], v) for k, v in have.items()], [k[0] for k in speak] + silent, bool(speak)

    def coverage(self):
        out = {}
        for k, have, scope, told in self.each_release():
            times, need = sorted(v for _, v in have), math.ceil(len(scope) * .9)
            row = {'loaded': val(len(have)), 'scope': val(len(scope)), 'coverage': share(len(have), len(scope)), 'median': opt(times, lambda v: quantile(v, .5)),
                   'to90': opt(times[need - 1:need] if need else [], lambda v: v[0])}
            out[k] = row if told else {c: {'why': 'no-report'} if 'value' in x and (c != 'scope' or not x['value']) else x for c, x in row.items()}
        return out

    def over_releases(self, key):
        have, scope = defaultdict(list), defaultdict(int)
        for _, loads, members, _ in self.each_release():
            for m, v in loads:
                have[key(m)].append(v)
            for m in members:
                scope[key(m)] += 1
        return {k: {'loaded': val(len(have[k])), 'scope': val(scope[k]), 'coverage': share(len(have[k]), scope[k]), 'median': opt(have[k], lambda v: quantile(v, .5)),
                    'p90': opt(have[k], lambda v: quantile(v, .9))} for k in set(have) | set(scope)}

    def reach(self):
        return self.over_releases(lambda m: self.members[m]['sector'])

    def loads(self):
        return self.over_releases(lambda m: m)

    def feeds(self):
        out = {}
        for k in {d['source'] for d in self.deliveries}:
            times, kept = [d['at'] for d in self.deliveries if d['source'] == k], []
            for x in times:
                if not kept or x - kept[-1] >= HOUR:
                    kept.append(x)
            kept = kept[-32:]
            gaps, age = [(b - a) / S for a, b in zip(kept, kept[1:])], (self.now - max(times)) / S
            out[k] = {'last': val(max(times)), 'age': val(age), 'rhythm': opt(gaps, lambda v: quantile(v, .5)), 'lag': opt(gaps if len(gaps) > 1 else [], lambda v: age / quantile(v, .5))}
        return out

    def members_(self):
        out = {}
        for k, m in self.members.items():
            if not self.want(k):
                continue
            mine = [i for i in self.mine if i['member'] == k]
            silent = self.now - m['heard']
            out[k] = {'state': val('unknown' if not m['linked'] or m['heard'] < 0 else 'silent' if silent > HOUR else 'heard'),
                      'heard': opt([m['heard']] if m['heard'] >= 0 else [], min), 'silent': opt([silent / S] if m['heard'] >= 0 else [], min),
                      'incidents': val(sum(self.within(i['when']) for i in mine)), 'open': val(sum(i['open'] for i in mine)),
                      'late': val(sum(self.within(c['start']) and self.verdict(c) == 2 for i in mine for c in i['clocks']))}
        return out

    def times(self):
        out = {}
        for k, a, z in (('MTTK', 0, 1), ('MTTN', 1, 2), ('MTTR', 2, 3), ('MTTC', 1, 4), ('MTTI', 4, 6)):
            here = [i for i in self.mine if self.within(i['when'])]
            spans = [(i['at'][z] - i['at'][a]) / S for i in here if i['at'][a] >= 0 and i['at'][z] >= i['at'][a]]
            judged = [next((self.verdict(c) for c in i['clocks'] if c['stops'] == z and self.verdict(c) in (1, 2)), 0) for i in here]
            out[k] = {'incidents': val(len(spans)), 'median': opt(spans, lambda v: quantile(v, .5)), 'p90': opt(spans, lambda v: quantile(v, .9)),
                      'share': share(judged.count(1), judged.count(1) + judged.count(2))}
        return out


def shown(b):
    out = {}
    for row in b['rows']:
        out[row['key']] = cells = {}
        for c, x in zip(b['columns'], row['cells']):
            cells[c['id']] = {**x, 'value': us(x['value'])} if c['unit'] == 'time' and 'value' in x else x
    return out


def world(*args):
    return World(subprocess.run([sys.argv[1], *map(str, args)], capture_output=True, text=True, check=True).stdout.splitlines())


for seed in range(1, 6):
    w = world(seed)
    for b in w.boards:
        w.ask(b)
        want, got = getattr(w, b['board'] + '_', None) or getattr(w, b['board']), shown(b)
        want = want()
        bad = [k for k in set(want) ^ set(got)] + [(k, c, got[k].get(c), x) for k in set(want) & set(got) for c, x in want[k].items() if not same(got[k].get(c, {}), x)]
        bad += [(k, 'a column that nobody recomputes', set(got[k]) - set(want[k])) for k in set(want) & set(got) if set(got[k]) != set(want[k])]
        ok(not bad and len(got) > 0, f"world {seed}: {b['board']} since {b['from'][:10]}: {len(got)} rows", bad[:5])
        linked = [m for m in w.members.values() if m['linked'] and w.want(m['key'])]
        heard = sum(m['heard'] >= 0 and w.now - m['heard'] <= HOUR for m in linked)
        ok((b['members'], b['heard']) == (len(linked), heard), f'of {len(linked)} members {heard} were heard: the board says so', b['members'], b['heard'])

# --- what the public is told ---
for seed in range(1, 9):
    open_, closed = world(seed), world(seed, 3)
    for plain, b in zip(open_.boards, closed.boards):
        if b['board'] not in ('incidents', 'techniques'):
            continue
        open_.ask(plain)
        want, got = (getattr(open_, b['board'] + '_', None) or getattr(open_, b['board']))(), shown(b)
        small = [(k, c, x) for k in got for c, x in got[k].items() if 'value' in x and 0 < len(open_.behind.get((k, c), ())) < 3]
        small += [(k, 'before') for k in got if 'value' in got[k].get('change', {}) and 0 < len(open_.behind.get((k, 'before'), ())) < 3]
        ok(not small, f"public {b['board']} of world {seed}: nothing that fewer than three members stand behind", small[:5])
        wrong = [(k, c, x) for k in got for c, x in got[k].items() if 'value' in x and not same(x, want[k][c])]
        ok(not wrong, 'what is told is true', wrong[:5])
        alone = [c['id'] for c in b['columns'] if sum(got[k][c['id']].get('why') == 'hidden' for k in got) == 1 and
                 any('value' in got[k][c['id']] and got[k][c['id']]['value'] for k in got)]
        ok(not alone, 'no column hides one cell alone: it would follow from the sum', alone)
        total = [k for k in got if b['board'] == 'incidents' and 'value' in got[k]['incidents'] and any(x.get('why') == 'hidden' for c, x in got[k].items() if c != 'incidents')]
        ok(not total, 'no total beside a hidden part', total)
        ok(b['hidden'] == sum(x.get('why') == 'hidden' for k in got for x in got[k].values()) and b['k'] == 3, 'it says how many cells it hides, and from how many members on')
print(f'1..{n}')
sys.exit(failed > 0)
