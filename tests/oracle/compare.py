#!/usr/bin/env python3
"""Compares the program with the naive evaluator, pair by pair of event and rule.

  compare.py --program build/src/cli/lianfang --packs packs/sigma --data DIR [--events N] [--seed S] [--all]

DIR holds logs and rules of others. A sample of the events is drawn by seed; --all takes every event and runs long. Prints each
pair that differs; exit code 0: none, or no data (said aloud); 1: some."""

import argparse
import glob
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import events
    import sigma
except ImportError as e:
    print("1..0 # SKIP %s (python3-yaml)" % e)
    sys.exit(0)


def lines_of_logs(data, want, rng):
    """JSON lines of the scenarios: `want` of them, the same number of each archive as far as it has them; None: all."""
    archives = sorted(glob.glob(os.path.join(data, "logs/security-datasets/**/*.zip"), recursive=True))
    each = None if want is None else max(1, want // max(1, len(archives)))
    for name in archives:
        with zipfile.ZipFile(name) as z:
            for member in z.infolist():
                if not member.filename.endswith(".json"):
                    continue
                with z.open(member) as f:
                    lines = [l for l in f.read().decode("utf-8", "replace").split("\n") if l.strip().startswith("{")]
                if each is not None and len(lines) > each:
                    lines = rng.sample(lines, each)
                yield from lines


def lines_of_regression(data):
    for name in sorted(glob.glob(os.path.join(data, "sigma/regression/**/*.json"), recursive=True)):
        with open(name, encoding="utf-8-sig") as f:
            text = f.read()
        decoder = json.JSONDecoder()
        at = 0
        while at < len(text):
            while at < len(text) and text[at].isspace():
                at += 1
            if at >= len(text):
                break
            start = at
            try:
                obj, at = decoder.raw_decode(text, at)
            except ValueError:
                break
            for one in obj if isinstance(obj, list) else [obj]:
                yield json.dumps(one, ensure_ascii=False) if isinstance(obj, list) else " ".join(text[start:at].splitlines())


def run_program(program, rules, file):
    """{(record, rule id)} of the program's matches; also those of the rules that it could not load."""
    args = [program, "detect", "--json", "--quiet"] + [a for r in rules for a in ("--rules", r)] + ["--format", "json", file]
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=3600)
    if done.returncode not in (0, 1):
        sys.exit("the program failed (%d): %s" % (done.returncode, done.stderr.decode("utf-8", "replace")[-2000:]))
    pairs = set()
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        m = json.loads(line)
        if "rule_id" in m and m.get("record") is not None:
            pairs.add((int(m["record"]), m["rule_id"]))
    return pairs


def naive(rules, sources, lines):
    pairs = set()
    for record, line in enumerate(lines, 1):
        event = events.parse(line)
        for rule in sigma.matches(rules, sources, event):
            pairs.add((record, rule.id))
    return pairs


def data_folder():
    beside = os.path.join(os.environ.get("LIANFANG_SOURCE", "."), "../shared/data")
    return os.environ.get("LIANFANG_DATA") or beside


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", required=True)
    p.add_argument("--packs", required=True)
    p.add_argument("--data", default=data_folder())
    p.add_argument("--events", type=int, default=1500)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--all", action="store_true")
    p.add_argument("--show", type=int, default=20)
    a = p.parse_args()
    if not os.path.isdir(os.path.join(a.data, "sigma/rules")):
        print("1..0 # SKIP no sigma/ in LIANFANG_DATA or ../shared/data")
        sys.exit(0)
    start = time.time()
    folders = [os.path.join(a.data, "sigma", f) for f in sorted(os.listdir(os.path.join(a.data, "sigma"))) if f.startswith("rules")]
    rules = sigma.Rules(folders)
    sources = sigma.Sources(a.packs)
    rng = random.Random(a.seed)
    lines = list(lines_of_regression(a.data)) + list(lines_of_logs(a.data, None if a.all else a.events, rng))
    good = []
    for line in lines:
        try:
            events.parse(line)
            good.append(line)
        except ValueError:
            pass
    loaded = time.time()
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8", delete=False) as f:
        f.write("\n".join(good) + "\n")
    try:
        theirs = run_program(a.program, folders, f.name)
    finally:
        os.unlink(f.name)
    ran = time.time()
    ours = naive(rules, sources, good)
    unjudged = {r[0] for r in rules.unjudged}
    differ = sorted(p for p in ours ^ theirs if p[1] not in unjudged)
    for record, rule in differ[:a.show]:
        title = next((r.title for r in rules.rules if r.id == rule), "?")
        print("# %s: event %d, rule %s (%s)" % ("only the program" if (record, rule) in theirs else "only the evaluator", record, rule, title))
        print("#   %s" % good[record - 1][:400])
    print("# %d events, %d rules, %d refused, %d not judged here; %d pairs match, %d differ; %.1f s to read, %.1f s program, %.1f s naive"
          % (len(good), len(rules.rules), len(rules.refused), len(unjudged), len(ours & theirs), len(differ), loaded - start, ran - loaded,
             time.time() - ran))
    print("%s 1 - the program and the naive evaluator agree on every pair" % ("ok" if not differ else "not ok"))
    print("%s 2 - something matched at all" % ("ok" if len(ours & theirs) > 100 else "not ok"))
    print("1..2")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
