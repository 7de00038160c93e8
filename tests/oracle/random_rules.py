#!/usr/bin/env python3
"""Random rules of every shape over random events of a small vocabulary: the program and the naive evaluator must find the same
pairs. Values, fields and conditions are few, so that they meet often and in odd ways.

  random_rules.py --program build/src/cli/lianfang --packs packs/sigma [--rules N] [--events N] [--seed S]"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import events
    import sigma
    import yaml
except ImportError as e:
    print("1..0 # SKIP %s (python3-yaml)" % e)
    sys.exit(0)

FIELDS = ["A", "B", "C", "Image", "User", "n.m", "n.o.p", "Odd Name"]
ASKED = FIELDS * 3 + ["n", "n.o"]  # objects, too
WORDS = ["", "a", "A", "ab", "abc", "a b", "-", "/x", " -x", " -x -y", "\\", "a\\", "\\\\", "*", "a*", "?", "4688", "4688.0", "0x10", "true", "False", "null",
         "é", "É", "ſ", "K", "ß", "日本", "10.1.2.3", "10.0.0.0", "::1", "::ffff:10.1.2.3", "fe80::1%4", "2026-11-22T08:15:00Z", "a\nb", "%x%", "C:\\Windows\\a.exe", "..", "(", "+1", " 1",
         "1", "01", "-1", "1e3", "1000"]
NUMBERS = [0, 1, -1, 2, 4688, 1000, 1.5, 10 ** 15]
LISTS = {"admins": ["a", "ab*", "\u00c9", "10.1.2.3"]}
PATTERNS = ["a", "^a", "b$", "^a.*c$", "[A-Z]", "\\d+", "a|b", "^$", "\\\\", "a.b", "(ab?c?)+$", "\\s", "^.{3}$", "\\bx\\b"]


def rule_value(rng):
    return rng.choice([rng.choice(WORDS)] * 6 + [rng.choice(NUMBERS)] * 2 + [True, False, None])


def string_value(rng):
    words = [w for w in WORDS if w]
    return rng.choice(["%s", "%s", "*%s", "%s*", "*%s*", "?%s", "%s?*"]) % rng.choice(words)


def random_item(rng):
    name = rng.choice(ASKED)
    kind = rng.randint(0, 15)
    many = rng.random() < 0.5

    def values(make):
        return [make(rng) for _ in range(rng.randint(2, 4))] if many else make(rng)
    if kind < 3:
        got = values(rule_value)
        return name, got
    if kind < 5:
        return name + rng.choice(["", "|cased"]), values(string_value)
    if kind < 9:
        mods = rng.choice(["contains", "startswith", "endswith"]) + rng.choice(["", "", "|cased", "|windash"])
        mods += "|all" if many and rng.random() < 0.5 else ""
        return name + "|" + mods, values(lambda r: r.choice([w for w in WORDS if w]))
    if kind == 9:
        return name + "|re" + rng.choice(["", "|i", "|m", "|s", "|i|s"]), values(lambda r: r.choice(PATTERNS))
    if kind == 10:
        return name + "|" + rng.choice(["lt", "lte", "gt", "gte"]), rng.choice(NUMBERS)
    if kind == 11:
        return name + "|exists", rng.random() < 0.5
    if kind == 12:
        return name + "|cidr", values(lambda r: r.choice(["10.0.0.0/8", "10.1.2.0/24", "10.1.2.3", "fe80::/10", "::/0", "::1/128", "0.0.0.0/0"]))
    if kind == 13:
        return name + "|fieldref" + rng.choice(["", "|startswith", "|contains", "|endswith"]), rng.choice(FIELDS)
    if kind == 14 and rng.random() < 0.4:
        return name + rng.choice(["|expand", "|contains|expand", "|startswith|expand"]), rng.choice(["%admins%", "%admins%", "x%admins%", "\\%admins%", ["a b", "%admins%"]])
    if kind == 14:
        return name + "|neq", values(lambda r: r.choice([w for w in WORDS if w]))
    return name + "|" + rng.choice(["base64|contains", "wide|base64offset|contains", "base64offset|contains", "hour", "day", "year", "minute", "month"]), None


def item(rng):
    key, value = random_item(rng)
    if key.endswith("base64|contains") or key.endswith("offset|contains"):
        value = rng.choice(["abc", "a b", "é"])
    elif key.split("|")[-1] in ("hour", "day", "year", "minute", "month"):
        value = {"hour": 8, "day": 22, "year": 2026, "minute": 15, "month": 11}[key.split("|")[-1]] + rng.choice([0, 0, 1])
    return key, value


def selection(rng):
    kind = rng.random()
    words = [w for w in WORDS if w.strip() and w not in ("true", "False", "null")]
    if kind < 0.12:
        return rng.sample(words, rng.randint(1, 3))
    if kind < 0.17:
        return {"|all": rng.sample(words, 2)}
    if kind < 0.35:
        return [dict(item(rng) for _ in range(rng.randint(1, 2))) for _ in range(rng.randint(1, 3))]
    return dict(item(rng) for _ in range(rng.randint(1, 3)))


def condition(rng, names, depth=0):
    kind = rng.random()
    if depth > 2 or kind < 0.3:
        return rng.choice(names)
    if kind < 0.45:
        return "%s of %s" % (rng.choice(["1", "all", "any"]), rng.choice(["them", "sel*", "*_b", "sel_*", "s*_*"]))
    if kind < 0.6:
        return "not " + condition(rng, names, depth + 1)
    if kind < 0.7:
        return "(%s)" % condition(rng, names, depth + 1)
    return "%s %s %s" % (condition(rng, names, depth + 1), rng.choice(["and", "or"]), condition(rng, names, depth + 1))


def random_rule(rng, i):
    names = ["sel_a", "sel_b", "sel_c", "_d"][:rng.randint(2, 4)]
    body = {n: selection(rng) for n in names}
    body["condition"] = condition(rng, names) if rng.random() < 0.95 else [condition(rng, names), condition(rng, names)]
    source = rng.choice([{"category": "nothing_known"}, {"category": "nothing_known"}, {"definition": "any log"}, {"product": "windows"}, {"product": "windows", "category": "process_creation"},
                         {"product": "windows", "service": "security"}, {"category": "process_creation"}])
    return {"title": "random %d" % i, "id": "00000000-0000-4000-b000-%012d" % i, "logsource": source, "detection": body, "level": "low"}


def random_filter(rng, i, rules):
    return {"title": "filter %d" % i, "id": "00000000-0000-4000-c000-%012d" % i, "logsource": {},
            "filter": {"rules": [r["id"] for r in rng.sample(rules, 3)], "sel_a": selection(rng), "condition": rng.choice(["sel_a", "not sel_a"])}}


def event_value(rng):
    kind = rng.random()
    if kind < 0.62:
        return rng.choice(WORDS)
    if kind < 0.7:
        return rng.choice(WORDS) + rng.choice(WORDS)
    if kind < 0.8:
        return rng.choice(NUMBERS)
    if kind < 0.86:
        return rng.choice([True, False, None])
    if kind < 0.88:
        return rng.choice([{}, []])
    if kind < 0.95:
        return [event_value(rng) for _ in range(rng.randint(1, 3))]
    return "eA" + rng.choice(["YWJj", "eABhAGIAYwB6AA==", "eGFiY3g="])


def random_event(rng):
    e = {}
    for name in rng.sample(FIELDS, rng.randint(1, 6)):
        value = event_value(rng)
        parts = name.split(".")
        if len(parts) > 1 and rng.random() < 0.6:
            inner = e
            for p in parts[:-1]:
                inner = inner.setdefault(p, {})
            inner[parts[-1]] = value
        else:
            e[name.replace(" ", "") if rng.random() < 0.5 else name] = value
    kind = rng.random()
    if kind < 0.25:
        e.update(Channel="Security", EventID=rng.choice([4688, "4688", 4624]))
        if rng.random() < 0.6:
            e["NewProcessName"] = event_value(rng)
    elif kind < 0.5:
        e.update(Channel="Microsoft-Windows-Sysmon/Operational", EventID=rng.choice([1, "1", 3]))
    return e


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", required=True)
    p.add_argument("--packs", required=True)
    p.add_argument("--rules", type=int, default=400)
    p.add_argument("--events", type=int, default=250)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--unknown", choices=["rests", "all", "assume"], default="rests", help="what becomes of events of no known source")
    a = p.parse_args()
    rng = random.Random(a.seed)
    docs = [random_rule(rng, i) for i in range(a.rules)]
    docs += [random_filter(rng, i, docs[:a.rules]) for i in range(a.rules // 20)]
    lines = [json.dumps(random_event(rng), ensure_ascii=rng.random() < 0.5) for _ in range(a.events)]
    with tempfile.TemporaryDirectory() as d:
        rule_file, log = os.path.join(d, "random.yml"), os.path.join(d, "log.json")
        with open(rule_file, "w", encoding="utf-8") as f:
            yaml.safe_dump_all(docs, f, allow_unicode=True, sort_keys=False)
        with open(log, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        lists = os.path.join(d, "lists")
        os.mkdir(lists)
        for name, values in LISTS.items():
            with open(os.path.join(lists, name + ".txt"), "w", encoding="utf-8") as f:
                f.write("".join(v + "\n" for v in values))
        unknown = {"rests": [], "all": ["--all-sources"], "assume": ["--assume", "product=windows, category=process_creation"]}[a.unknown]
        done = subprocess.run([a.program, "detect", "--json", "--quiet"] + unknown + ["--format", "json", "--rules", rule_file, "--lists", lists, log], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=300)
        check = subprocess.run([a.program, "rules", "check", "--json", "--lists", lists, rule_file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
        theirs = {(m["record"], m["rule_id"]) for m in map(json.loads, done.stdout.decode("utf-8", "replace").splitlines())}
        rules, sources = sigma.Rules([rule_file], LISTS), sigma.Sources(
            a.packs, {"product": "windows", "category": "process_creation"} if a.unknown == "assume" else None, a.unknown == "all")
    refused = {}
    for m in map(json.loads, check.stdout.decode("utf-8", "replace").splitlines()):
        if m.get("verdict") in ("refused", "needs-list"):
            refused[m.get("id") or m.get("rule_id")] = m.get("reason")
    mine = {"00000000-0000-4000-b000-%012d" % int(t.split()[1]) for _, t, _ in rules.refused if t.startswith("random")}
    ours = set()
    for record, line in enumerate(lines, 1):
        for rule in sigma.matches(rules, sources, events.parse(line)):
            ours.add((record, rule.id))
    skip = mine | set(refused)
    only = sorted(set(refused) - mine)[:5] + sorted(mine - set(refused))[:5]
    for r in only:
        print("# refused by one only (%s): %s" % (refused.get(r, "the naive one"), json.dumps(docs[int(r[-12:])]["detection"], ensure_ascii=False)))
    differ = sorted(x for x in ours ^ theirs if x[1] not in skip)
    seen = set()
    for record, rule in differ:
        if rule in seen or len(seen) >= 8:
            continue
        seen.add(rule)
        print("# only the %s: %s" % ("program" if (record, rule) in theirs else "evaluator", lines[record - 1]))
        print("#   rule %s" % json.dumps(docs[int(rule[-12:])], ensure_ascii=False))
    ok = [(len(rules.rules) > a.rules * 3 // 4 and len(ours) > a.rules, "%d rules, %d events, %d pairs match" % (len(rules.rules), a.events, len(ours))),
          (not differ, "the program and the naive evaluator agree on every pair (%d differ)" % len(differ)),
          (set(refused) == mine, "both refuse the same %d rules" % len(mine))]
    for i, (good, name) in enumerate(ok, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", i, name))
    print("1..%d" % len(ok))
    sys.exit(0 if all(g for g, _ in ok) else 1)


if __name__ == "__main__":
    main()
