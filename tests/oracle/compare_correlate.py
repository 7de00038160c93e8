#!/usr/bin/env python3
"""Correlations from rule files to firings: the program against the brute force, on generated rules and events.

  compare_correlate.py --program build/src/cli/lianfang [--rounds N] [--seed S]

Each round writes a few rules and correlations of all types (limits, aliases, chains), and a log; the program reads it as a
file, and from a pipe out of order within its tolerance. Needs nothing but the program."""

import argparse
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import correlate
    import events
    import sigma
    import yaml
except ImportError as e:
    print("1..0 # SKIP %s (python3-yaml)" % e)
    sys.exit(0)

START = 1700000000 * 1000000
TYPES = ["event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile", "value_median"]
# The specification's own: many failed logins, then a successful one.
EXAMPLE = """
title: Correlation - Multiple Failed Logins Followed by Successful Login
id: b180ead8-d58f-40b2-ae54-c8940995b9b6
correlation: {type: temporal_ordered, rules: [multiple_failed_login, successful_login], group-by: [User], timespan: 10m}
level: high
---
title: Multiple failed logons
id: a8418a5a-5fc4-46b5-b23b-6c73beb19d41
name: multiple_failed_login
correlation: {type: event_count, rules: [failed_login], group-by: [User], timespan: 10m, condition: {gte: 10}}
---
title: Single failed login
id: 53ba33fd-3a50-4468-a5ef-c583635cfa92
name: failed_login
logsource: {product: windows, service: security}
detection: {selection: {EventID: [529, 4625]}, condition: selection}
---
title: Successful login
id: 4d0a2c83-c62c-4ed4-b475-c7e23a9269b8
name: successful_login
logsource: {product: windows, service: security}
detection: {selection: {EventID: [528, 4624]}, condition: selection}
"""


def base_rules():
    return [{"title": "kind %d" % i, "id": "00000000-0000-4000-8000-%012d" % i, "name": "kind_%d" % i, "logsource": {"category": "generated"},
             "detection": {"selection": {"kind|contains": "k%d" % i}, "condition": "selection"}, "level": "low"} for i in range(4)]


def random_correlation(rng, i):
    kind = rng.choice(TYPES)
    temporal = kind.startswith("temporal")
    known = ["kind_%d" % k for k in range(4)] + ["corr_%d" % k for k in range(i)]
    rules = rng.sample(known, rng.randint(2, 3)) if temporal else rng.sample(known, rng.randint(1, 2))
    body = {"type": kind, "rules": rules, "group-by": rng.choice([["user"], ["host"], ["user", "host"], ["who", "host"]]),
            "timespan": rng.choice(["5s", "20s", "1m", "2h", "10d"]), "generate": True}
    limit = rng.choice(["gt", "gte", "gte", "gte", "lt", "lte", "eq", "neq"])
    if temporal:
        if rng.random() < 0.3:
            body["condition"] = {rng.choice(["gte", "gt"]): 1}
        elif kind == "temporal" and rng.random() < 0.4:
            body["condition"] = rng.choice(["%s and not %s", "%s or %s", "%s and %s"]) % tuple(rules[:2])
    else:
        top = 6 if kind in ("event_count", "value_count") else 60
        body["condition"] = {limit: rng.randint(0 if limit in ("gt", "gte", "lt") else 1, top)}
        if rng.random() < 0.2:
            body["condition"]["lte"] = top
        if kind != "event_count":
            body["condition"]["field"] = "bytes" if kind != "value_count" else rng.choice(["name", ["name", "host"]])
        if kind == "value_percentile":
            body["condition"]["percentile"] = rng.randint(0, 100)
    if "who" in body["group-by"]:
        body["aliases"] = {"who": {r: rng.choice(["user", "host"]) for r in rules if r.startswith("kind") or True}}
        for r in rules:
            if r.startswith("corr"):
                body["aliases"]["who"][r] = "host"
    return {"title": "correlation %d" % i, "id": "00000000-0000-4000-9000-%012d" % i, "name": "corr_%d" % i, "correlation": body, "level": "high"}


def random_events(rng, n):
    at, out = START, []
    for i in range(n):
        at += rng.choice([0, 1, 1, 2, 3, 7]) * 1000000 + (rng.random() < 0.1)
        if rng.random() < 0.02:
            at += 100000000
        e = {"@timestamp": time_text(at), "kind": " ".join("k%d" % k for k in rng.sample(range(4), rng.choice([1, 1, 1, 2]))),
             "user": "u%d" % rng.randint(0, 2), "host": "h%d" % rng.randint(0, 1), "name": "n%d" % rng.randint(0, 9),
             "bytes": rng.choice([rng.randint(-5, 60), str(rng.randint(0, 60)), "none"])}
        for name in ("user", "host", "name", "bytes"):
            if rng.random() < 0.04:
                del e[name]
        out.append((at, e))
    return out


def time_text(at):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=at)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def naive(rules, log):
    c = correlate.Correlator(rules.correlations, {r.id: r.name for r in rules.rules})
    for at, e in log:
        event = events.parse(json.dumps(e))
        hits = [r.id for r in rules.rules if r.holds(event, {})]
        c.event(at, hits, {k: events.text_of(v[0]) for k, v in event.fields.items()})
    c.close(1 << 62, None)
    return [(i, time_text(at), dict(group, value=correlate.shown(value))) for i, at, group, value, corr in c.fired if corr.generate or outer(c, corr)]


def outer(c, corr):
    """No other correlation refers to it."""
    return not any(r in (corr.id, corr.name) for o in c.correlations for r in o.rules)


def program(path, rules, log, pipe):
    text = "".join(json.dumps(e) + "\n" for _, e in log)
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "rules.yml"), "w") as f:
            f.write(rules)
        with open(os.path.join(d, "log.json"), "w") as f:
            f.write(text)
        args = [path, "detect", "--json", "--quiet", "--format", "json", "--rules", os.path.join(d, "rules.yml")]
        done = subprocess.run(args + (["-"] if pipe else [os.path.join(d, "log.json")]), input=text.encode() if pipe else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode not in (0, 1):
        return [("failed", done.stderr.decode()[-300:], {})]
    out = []
    for line in done.stdout.decode().splitlines():
        m = json.loads(line)
        if m["type"] == "correlation":
            out.append((m["rule_id"], m["time"], m["fields"]))
    return out


def example_events():
    log = [(START + 60000000 * i, {"EventID": 4625, "User": "eve"}) for i in range(1, 10)]
    log += [(START + 545000000, {"EventID": 4624, "User": "eve"}), (START + 550000000, {"EventID": 4625, "User": "adam"}),
            (START + 560000000, {"EventID": 529, "User": "eve"}), (START + 600000000, {"EventID": 4624, "User": "adam"}),
            (START + 660000000, {"EventID": 528, "User": "eve"}), (START + 661000000, {"EventID": 528, "User": "eve"})]
    for at, e in log:
        e.update({"Channel": "Security", "@timestamp": time_text(at)})
    return log


def show(name, got, want):
    for g, w in zip(got + [None], want + [None]):
        if g != w:
            print("# %s: the program %s, the brute force %s" % (name, g, w))
            return


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", required=True)
    p.add_argument("--rounds", type=int, default=40)
    p.add_argument("--seed", type=int, default=5)
    a = p.parse_args()
    rng = random.Random(a.seed)
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as f:
        f.write(EXAMPLE)
        f.flush()
        rules = sigma.Rules([f.name])
    want = [("b180ead8-d58f-40b2-ae54-c8940995b9b6", time_text(START + 660000000), {"User": "eve", "value": "2"})]
    results = [("the specification's example, brute force", naive(rules, example_events()) == want),
               ("the specification's example, the program", program(a.program, EXAMPLE, example_events(), False) == want)]
    bad = {"file": 0, "pipe": 0, "pipe, out of order": 0}
    fired, by_type = 0, {}
    for round in range(a.rounds):
        docs = base_rules() + [random_correlation(rng, i) for i in range(rng.randint(1, 4))]
        text = yaml.safe_dump_all(docs, sort_keys=False)
        log = random_events(rng, 150)
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as f:
            f.write(text)
            f.flush()
            rules = sigma.Rules([f.name])
        want = naive(rules, log)
        fired += len(want)
        for i, _, _ in want:
            kind = docs[4 + int(i[-4:])]["correlation"]["type"]
            by_type[kind] = by_type.get(kind, 0) + 1
        # No two events of one time change places: the pipe numbers events as they come.
        late = sorted(log, key=lambda e: (e[0] + (e[0] * 7919 // 1000000 % 50) * 1000000, e[0]))
        for name, lines, pipe in (("file", log, False), ("pipe", log, True), ("pipe, out of order", late, True)):
            got = program(a.program, text, lines, pipe)
            if got != want:
                if bad[name] == 0:
                    show("round %d, %s" % (round, name), got, want)
                bad[name] += 1
    results += [("%s: every firing of %d rounds" % (k, a.rounds), v == 0) for k, v in bad.items()]
    results += [("all types fire (%d firings, %s)" % (fired, ", ".join("%s %d" % x for x in sorted(by_type.items()))), len(by_type) == len(TYPES))]
    for i, (name, good) in enumerate(results, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", i, name.replace("#", "")))
    print("1..%d" % len(results))
    sys.exit(0 if all(g for _, g in results) else 1)


if __name__ == "__main__":
    main()
