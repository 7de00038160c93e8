"""Random histories under every pack, evaluated by the program and by the plain oracle beside this file: no verdict may differ.
Facts are late, doubled, corrected and shuffled. compare_oracle.py --program EVAL_MANY [--histories N] [--seed S]"""
import argparse
import json
import os
import random
import subprocess
import sys
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import oracle  # noqa: E402

YEARS = {"tw-2026": 2026, "tw-2021": 2024, "eu-nis2": 2026, "generic": 2026}
TYPES = ["aware", "level", "reported", "backfilled", "reviewed", "rereviewed", "forwarded", "contained", "recovered", "final_report", "extended",
         "returned", "accepted", "closed", "reopened", "meeting", "dismissed", "note", "acknowledged", "merged", "unmerged", "dispatched", "requested",
         "decided", "completed"]
WEIGHTS = [8, 8, 8, 2, 6, 3, 5, 5, 3, 5, 3, 2, 3, 2, 1, 2, 0.5, 2, 3, 0.3, 0.3, 3, 3, 2, 4]


def text(t):
    zone = random.choice([None, 8, -5])
    if zone is None:
        return datetime.fromtimestamp(t, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return datetime.fromtimestamp(t, timezone(timedelta(hours=zone))).isoformat()


def item():
    return {"target": random.choice(["information", "system"]), "coreness": random.choice(["noncore", "core", "core_ci"]),
            "secrecy": random.choice(["ordinary"] * 4 + ["official", "state"]), "effect": random.choice(["leak", "tamper", "outage"]),
            "severity": random.choice(["minor", "serious"]), "recovery": random.choice(["within", "beyond"])}


def history(law):
    begin = int(datetime(YEARS[law], random.randint(1, 11), random.randint(1, 28), tzinfo=timezone.utc).timestamp()) + random.randint(0, 1439) * 60
    # Near the limits of the law, where a verdict turns.
    marks = [0, 1, 2, 8, 9, 24, 36, 72, 24 * 30, 24 * 31, 24 * 33]
    facts = []
    for n in range(random.randint(1, 12)):
        kind = random.choices(TYPES, WEIGHTS)[0] if n else "aware"
        happened = begin + int(random.choice(marks) * 3600) + random.choice([0, 0, -60, 60, -1, 1, random.randint(-7200, 7200)])
        at = max(happened, begin) + random.choice([0, 0, 60, 3600, 90000]) if random.random() < 0.9 else happened - random.choice([60, 299, 301, 900])
        f = {"id": "f%d" % n, "at": text(at), "type": kind}
        if at != happened or random.random() < 0.5:
            f["claimed"] = text(happened)
        if kind in ("level", "reviewed", "rereviewed") or (kind == "reported" and random.random() < 0.2):
            if random.random() < 0.5:
                f["level"] = random.randint(1, oracle.MOST[law])
            elif random.random() < 0.9:
                f["items"] = [item() for _ in range(random.randint(1, 3))]
        if kind == "reported":
            if random.random() < 0.3:
                f["channel"] = random.choice(["fallback", "platform"])
                if random.random() < 0.7:
                    f["reason"] = "line down"
            if random.random() < 0.2:
                f["stage"] = random.choice(["early", "notification"])
        if kind in ("extended", "requested", "decided", "completed") and random.random() < 0.8:
            f["stage"] = random.choice(["extension", "transfer", "drill", "drill-result"])
        if kind in ("acknowledged", "completed") and random.random() < 0.8:
            f["ref"] = "f%d" % random.randint(0, n)
        if kind in ("dispatched", "requested") and random.random() < 0.6:
            f["until"] = text(begin + int(random.choice(marks) * 3600) + random.choice([0, 1, -1, 7200]))
        if kind == "extended":
            f["until"] = text(begin + random.randint(20, 60) * 86400)
        if law.startswith("tw") and random.random() < 0.1:
            f["subject"] = random.choice(["government", "non-government"])
        facts.append(f)
    for k in range(random.choice([0, 0, 0, 1, 2])):
        of = random.choice(facts)
        facts.append({"id": "c%d" % k, "at": text(begin + random.randint(0, 40) * 86400), "type": "corrected", "ref": of["id"],
                      "claimed": text(begin + random.randint(-2, 80) * 3600)})
    for _ in range(random.choice([0, 0, 1])):
        facts.append(dict(random.choice(facts)))
    random.shuffle(facts)
    now = begin + int(random.choice(marks + [24 * 60]) * 3600) + random.choice([0, 1, -1, random.randint(0, 86400)])
    return facts, now


def printed(result):
    state, level, clocks = result
    show = lambda t: "-" if t is None else str(t)  # noqa: E731
    return " ".join(["%s %d" % (state, level)] + [",".join([c[0], str(c[1]), show(c[2]), show(c[3]), c[4]]) for c in clocks])


def run(program, law, count):
    kept, lines = [], []
    for _ in range(count):
        facts, now = history(law)
        kept.append((facts, now))
        lines.append("@%s %s\n%s\n\n" % (datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), law,
                                         "\n".join(json.dumps(f) for f in facts)))
    got = subprocess.run([program], input="".join(lines), capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(got) == count, "%d answers to %d histories" % (len(got), count)
    wrong = 0
    for (facts, now), line in zip(kept, got):
        want = printed(oracle.evaluate(law, facts, now))
        if want != line:
            wrong += 1
            if wrong <= 3:
                print("# %s at %d\n# %s" % (law, now, "\n# ".join(json.dumps(f) for f in facts)))
                print("#   program %s\n#   oracle  %s" % (line, want))
    return wrong


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", required=True)
    p.add_argument("--histories", type=int, default=3000)
    p.add_argument("--seed", type=int, default=1)
    o = p.parse_args()
    random.seed(o.seed)
    failed = 0
    for n, law in enumerate(oracle.LAWS):
        left, wrong = o.histories, 0
        while left > 0:
            some = min(left, 20000)
            wrong += run(o.program, law, some)
            left -= some
        failed += wrong > 0
        print("%s %d - %s: %d random histories, %d differ" % ("not ok" if wrong else "ok", n + 1, law, o.histories, wrong))
    print("1..%d" % len(oracle.LAWS))
    return 1 if failed else 0


sys.exit(main())
