#!/usr/bin/env python3
"""Compares the program with the naive evaluator, pair by pair of event and rule.

  compare.py --program build/src/cli/lianfang --packs packs/sigma --data DIR [--events N] [--seed S] [--all]

DIR holds logs and rules of others: scenarios as JSON lines, the rules' own examples as JSON and as EVTX (the naive evaluator
knows JSON only; both forms hold the same events). A sample of the events is drawn by seed; --all takes every event and runs long. Prints each
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


def documents(name):
    """The JSON objects of a file, one behind the other or in an array, each on a line of its own."""
    with open(name, encoding="utf-8-sig") as f:
        text = f.read()
    decoder, at, out = json.JSONDecoder(), 0, []
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start = at
        obj, at = decoder.raw_decode(text, at)
        out += [json.dumps(o, ensure_ascii=False) for o in obj] if isinstance(obj, list) else [" ".join(text[start:at].splitlines())]
    return out


def regression(data):
    """{name without its ending: lines} of the rules' own examples, which exist as JSON and as EVTX."""
    names = sorted(glob.glob(os.path.join(data, "sigma/regression/**/*.json"), recursive=True))
    return {name[:-5]: documents(name) for name in names}


def run_program(program, rules, files, form):
    """{(file, record, rule id)} of the program's matches."""
    args = [program, "detect", "--json", "--quiet"] + [a for r in rules for a in ("--rules", r)] + ["--format", form] + files
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=3600)
    if done.returncode not in (0, 1):
        sys.exit("the program failed (%d): %s" % (done.returncode, done.stderr.decode("utf-8", "replace")[-2000:]))
    pairs = set()
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        m = json.loads(line)
        if "rule_id" in m and m.get("record") is not None:
            pairs.add((m["file"], int(m["record"]), m["rule_id"]))
    return pairs


def naive(rules, sources, file, lines):
    pairs = set()
    for record, line in enumerate(lines, 1):
        event = events.parse(line)
        for rule in sigma.matches(rules, sources, event):
            pairs.add((file, record, rule.id))
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
    lines = []
    for line in lines_of_logs(a.data, None if a.all else a.events, rng):
        try:
            events.parse(line)
            lines.append(line)
        except ValueError:
            pass
    examples = regression(a.data)
    loaded = time.time()
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8", delete=False) as f:
        f.write("".join(line + "\n" for line in lines))
    try:
        theirs = run_program(a.program, folders, [f.name], "json")
    finally:
        os.unlink(f.name)
    evtx = [name + ".evtx" for name in examples if os.path.exists(name + ".evtx")]
    theirs |= run_program(a.program, folders, evtx, "evtx")
    theirs |= run_program(a.program, folders, [name + ".json" for name in examples], "json")
    ran = time.time()
    texts = {f.name: lines}
    for name, docs in examples.items():
        for ending in (".json", ".evtx"):
            if os.path.exists(name + ending):
                texts[name + ending] = docs
    ours = set()
    for name, docs in texts.items():
        if name.endswith(".evtx"):
            ours |= {(name, record, rule) for file, record, rule in found if file == name[:-5] + ".json"}
            continue
        found = naive(rules, sources, name, docs)
        ours |= found
    unjudged = {r[0] for r in rules.unjudged}
    differ = sorted(p for p in ours ^ theirs if p[2] not in unjudged)
    for p in differ[:a.show]:
        title = next((r.title for r in rules.rules if r.id == p[2]), "?")
        print("# only the %s: %s, event %d, rule %s (%s)" % ("program" if p in theirs else "evaluator", os.path.basename(p[0]), p[1], p[2], title))
        print("#   %s" % texts[p[0]][p[1] - 1][:400] if p[1] <= len(texts[p[0]]) else "#")
    total = sum(len(t) for t in texts.values())
    print("# %d events in %d files, %d rules, %d refused, %d not judged here; %d pairs match, %d differ; %.1f s to read, %.1f s program, %.1f s naive"
          % (total, len(texts), len(rules.rules), len(rules.refused), len(unjudged), len(ours & theirs), len(differ), loaded - start, ran - loaded,
             time.time() - ran))
    print("%s 1 - the program and the naive evaluator agree on every pair" % ("ok" if not differ else "not ok"))
    print("%s 2 - something matched at all" % ("ok" if len(ours & theirs) > 300 else "not ok"))
    print("1..2")
    sys.exit(1 if differ else 0)


if __name__ == "__main__":
    main()
