"""Levels and clocks against values worked out by hand from the law: the 16 cells, all their pairs and triples (696), the named
situations, the instants of one night in February, and what bad input says. vectors.py --program LIANFANG --eval EVAL_MANY"""
import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile

import schema

count = failed = 0


def ok(good, name, more=""):
    global count, failed
    count += 1
    failed += not good
    print("%s %d - %s" % ("ok" if good else "not ok", count, name))
    if not good:
        print("#   " + str(more)[:600].replace("\n", "\n#   "))


# Of each cell: coreness, secrecy, whether it is about a leak or tampering and how bad, or an outage and how long; and its level.
CELLS = [
    ("noncore", "ordinary", "minor", 1), ("noncore", "ordinary", "serious", 2), ("noncore", "ordinary", "within", 1), ("noncore", "ordinary", "beyond", 2),
    ("core", "ordinary", "minor", 2), ("core", "ordinary", "serious", 3), ("core", "ordinary", "within", 2), ("core", "ordinary", "beyond", 3),
    ("core_ci", "ordinary", "minor", 3), ("core_ci", "ordinary", "serious", 4), ("core_ci", "ordinary", "within", 3), ("core_ci", "ordinary", "beyond", 4),
    ("noncore", "official", "minor", 3), ("noncore", "official", "serious", 4), ("noncore", "state", "minor", 4), ("noncore", "state", "serious", 4),
]


def item(cell, effect):
    core, secrecy, how, _ = cell
    if how in ("within", "beyond"):
        return {"target": "system", "coreness": core, "effect": "outage", "recovery": how}
    return {"target": "information", "coreness": core, "secrecy": secrecy, "effect": effect, "severity": how}


SCHEMAS = {name: schema.load(name) for name in ("fact", "pack-eval", "pack-level")}
misfits = []  # what was printed, or is read, otherwise than docs/schema says


def lianfang(*args, stdin=None):
    r = subprocess.run([PROGRAM] + list(args), input=stdin, capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr


def level(pack, items):
    status, out, _ = lianfang("pack", "level", pack, "-", "--json", stdin=json.dumps(items))
    misfits.extend(schema.faults(json.loads(out), SCHEMAS["pack-level"]))
    return status, json.loads(out)


def table():
    """All vectors in one run: each a history of one fact that states the items."""
    for pack in ("tw-2026", "tw-2021"):
        for effect in ("leak", "tamper"):
            combos = [c for n in (1, 2, 3) for c in itertools.combinations(CELLS, n)]
            text = "".join("@2027-01-01T00:00:00Z %s\n%s\n\n" % (pack, json.dumps({"id": "a", "at": "2026-01-01T00:00:00Z", "type": "level",
                           "items": [item(c, effect) for c in combo]})) for combo in combos)
            out = subprocess.run([EVAL], input=text, capture_output=True, text=True).stdout.splitlines()
            wrong = [(c, line) for c, line in zip(combos, out) if int(line.split()[1]) != max(x[3] for x in c)]
            ok(len(out) == 696 and not wrong, "%s: 696 combinations of the cells (%s)" % (pack, effect), wrong[:3])


SITUATIONS = [
    ("T1 official secret mailed out, deleted at once, minor", "leak", "information", "noncore", "official", "minor", (3, None, None, 3)),
    ("T2 official secret, serious leak", "leak", "information", "noncore", "official", "serious", (4, None, None, 4)),
    ("T3 state secret, one page", "leak", "information", "noncore", "state", "minor", (4, None, None, 4)),
    ("T5 meeting-room booking down, within tolerance", "outage", "system", "noncore", None, "within", (None, None, 1, 1)),
    ("T6 opinion mailbox down, beyond tolerance", "outage", "system", "noncore", None, "beyond", (None, None, 2, 2)),
    ("T7 non-core data, serious leak", "leak", "information", "noncore", "ordinary", "serious", (2, None, None, 2)),
    ("T8 core page, minor defacement", "tamper", "system", "core", "ordinary", "minor", (None, 2, None, 2)),
    ("T9 core system down beyond tolerance", "outage", "system", "core", None, "beyond", (None, None, 3, 3)),
    ("T10 system of critical infrastructure down, back in time", "outage", "system", "core_ci", None, "within", (None, None, 3, 3)),
    ("T11 system of critical infrastructure down beyond tolerance", "outage", "system", "core_ci", None, "beyond", (None, None, 4, 4)),
    ("T13 power cut, non-core, within tolerance", "outage", "system", "noncore", None, "within", (None, None, 1, 1)),
]


def situations():
    for name, effect, target, core, secrecy, how, want in SITUATIONS:
        x = {"effect": effect, "target": target, "coreness": core}
        if secrecy:
            x["secrecy"] = secrecy
        x["recovery" if effect == "outage" else "severity"] = how
        status, got = level("tw-2026", [x])
        ok(status == 0 and (got["c"], got["i"], got["a"], got["overall"]) == want, name, got)
        ok([c["level"] for c in got["cells"] if c["decides"]] == [want[3]] * len([c for c in got["cells"] if c["decides"]]) and got["cells"],
           name + ": the deciding cell is shown", got)
    status, got = level("tw-2026", [{"effect": "tamper", "target": "system", "coreness": "core_ci", "severity": "serious"},
                                    {"effect": "outage", "target": "system", "coreness": "core_ci", "recovery": "within"}])
    ok((got["c"], got["i"], got["a"], got["overall"]) == (None, 4, 3, 4), "T4 process data wiped, restored in time", got)
    status, got = level("tw-2026", [])
    ok(status == 1 and got["overall"] is None, "T12 a blocked scan is no incident", got)
    status, got = level("tw-2021", [{"effect": "leak", "target": "information", "coreness": "noncore", "secrecy": "sensitive", "severity": "minor"}])
    ok(got["overall"] == 3, "2021: sensitive information counts as an official secret does", got)
    status, out, err = lianfang("pack", "level", "tw-2026", "-", stdin='[{"effect":"leak","secrecy":"sensitive"}]')
    ok(status == 2 and "item 1" in err and "sensitive" in err, "2026: there is no such class", err)


def evaluate(facts, pack="tw-2026", at=None, status_wanted=0):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as f:
        for n, fact in enumerate(facts):
            f.write(json.dumps(dict({"id": "f%d" % n}, **fact)) + "\n")
        f.flush()
        status, out, err = lianfang("pack", "eval", pack, f.name, "--json", *(["--at", at] if at else []))
    assert status == status_wanted, err + out
    v = json.loads(out)
    misfits.extend(schema.faults(v, SCHEMAS["pack-eval"]))
    return v, {c["id"]: c for c in v["clocks"]}


def night():
    """Awareness at 2026-02-27 23:30 in Taipei."""
    aware = {"type": "aware", "at": "2026-02-27T23:30:00+08:00"}

    def lv(n):
        return {"type": "level", "at": "2026-02-28T00:05:00+08:00", "level": n}
    reported = {"type": "reported", "at": "2026-02-28T00:10:00+08:00"}
    reviewed = {"type": "reviewed", "at": "2026-02-28T02:00:00+08:00", "level": 3}
    contained = {"type": "contained", "at": "2026-02-28T20:00:00+08:00"}
    v, c = evaluate([aware, lv(3), reported, reviewed, contained], at="2026-02-28T21:00:00+08:00")
    due = {k: x["due"] for k, x in c.items()}
    ok(due["K1"] == "2026-02-27T16:30:00Z", "K1 is due at 00:30", due)
    ok(due["K5"] == "2026-02-27T18:10:00Z", "K5 of level 3 is due at 02:10", due)
    ok(due["K6"] == "2026-02-27T19:00:00Z" and c["K6"]["verdict"] == "breached", "K6 is due at 03:00 and was missed", due)
    ok(due["K8"] == "2026-03-01T03:30:00Z", "K8 of level 3 is due on 03-01 at 11:30", due)
    ok(due["K9"][:10] == "2026-03-30", "K9 falls on a Saturday and rolls to Monday 03-30", due)
    ok(v["state"] == "contained" and v["level"]["overall"] == 3, "state and level", v)
    v, c = evaluate([aware, lv(1), reported], at="2026-02-28T01:00:00+08:00")
    ok(c["K5"]["due"] == "2026-02-28T00:10:00Z" and c["K8"]["due"] == "2026-03-02T15:30:00Z", "level 1: K5 at 08:10, K8 on 03-02 at 23:30", c)
    v, c = evaluate([dict(aware, at="2026-01-30T10:00:00+08:00"), dict(contained, at="2026-01-31T10:00:00+08:00")], at="2026-02-10T00:00:00Z")
    ok(c["K9"]["due"][:10] == "2026-03-02", "contained on 01-31: 02-28 is a day off, K9 rolls to Monday 03-02", c["K9"])
    v, c = evaluate([dict(aware, at="2024-05-01T00:00:00Z", subject="non-government"), {"type": "reported", "at": "2024-05-01T00:10:00Z", "level": 2},
                     {"type": "reviewed", "at": "2024-05-01T02:00:00Z", "level": 2}], "tw-2021", at="2024-05-03T00:00:00Z")
    ok(c["K6"]["due"] is None and c["K6"]["verdict"] == "running", "2021, non-government, level 2: K6 has no figure", c["K6"])
    v, c = evaluate([dict(aware), {"type": "level", "at": "2026-02-28T00:00:00+08:00", "level": 2}, {"type": "level", "at": "2026-03-01T05:30:00+08:00", "level": 3}],
                    at="2026-03-01T11:00:00+08:00")
    ok(c["K8"]["due"] == "2026-03-01T03:30:00Z" and c["K8"]["level"] == 3, "raised at hour 30: 36 h from the original awareness", c["K8"])
    v, c = evaluate([aware, lv(3), reported, dict(reviewed, at="2026-02-28T05:00:00+08:00", level=1)], at="2026-02-28T06:00:00+08:00")
    ok(c["K5"]["verdict"] == "breached", "lowered too late: a breach stays a breach", c["K5"])
    v, c = evaluate([aware, {"type": "reported", "channel": "fallback", "reason": "the line is cut", "at": "2026-02-27T23:50:00+08:00"},
                     {"type": "backfilled", "at": "2026-02-28T00:30:00+08:00"}], at="2026-02-28T01:00:00+08:00")
    ok((c["K1"]["verdict"], c["K3"]["verdict"], c["K4"]["verdict"], v["state"]) == ("met", "met", "met", "backfilled"), "by telephone, then back-filled", v)
    v, c = evaluate([dict(aware, at="2027-12-31T10:00:00Z"), {"type": "contained", "at": "2028-01-30T10:00:00Z"}], "generic", at="2028-02-01T00:00:00Z")
    ok(c["final"]["due"] == "2028-02-29T10:00:00Z", "a month from 01-30 in a leap year", c["final"])
    v, c = evaluate([dict(aware, at="2026-03-28T12:00:00Z"), {"type": "reported", "at": "2026-03-28T12:30:00Z", "stage": "notification"}], "eu-nis2", at="2026-03-29T00:00:00Z")
    ok(c["final"]["due"] == "2026-04-28T21:59:59Z" and c["early-warning"]["due"] == "2026-03-29T12:00:00Z", "Brussels: a month over the change to summer time", c)


def actions():
    """What one office asks of another, and what is asked of the law's offices."""
    def at(day, hour=0):
        return "2026-06-%02dT%02d:00:00Z" % (day, hour)
    v, _ = evaluate([{"id": "d1", "type": "dispatched", "at": at(1), "until": at(2)}, {"id": "d2", "type": "dispatched", "at": at(1), "until": at(3)},
                     {"id": "x", "type": "acknowledged", "ref": "d2", "at": at(1, 1)}, {"id": "y", "type": "completed", "ref": "d2", "at": at(2, 12)}],
                    at=at(2, 18))
    got = {(c["id"], c["started_by"]): (c["verdict"], c["due"]) for c in v["clocks"]}
    ok(got == {("acknowledge", "d1"): ("running", None), ("acknowledge", "d2"): ("met", None), ("action", "d1"): ("breached", at(2)),
               ("action", "d2"): ("met", at(3))}, "each dispatch has its own answer and its own end", got)
    v, c = evaluate([{"type": "dispatched", "at": at(1)}, {"type": "level", "level": 3, "at": at(1)}], "generic", at=at(1, 2))
    ok(c["acknowledge"]["due"] == at(1, 1) and c["acknowledge"]["verdict"] == "breached" and c["action"]["due"] is None, "generic, level 3: an hour", c)
    order = {"type": "requested", "stage": "transfer", "at": at(1)}
    for more, due in (([], at(8)), ([{"type": "extended", "stage": "transfer", "until": at(12), "at": at(5)}], at(12)),
                      ([{"type": "extended", "stage": "transfer", "until": at(29), "at": at(5)}], at(15)), ([{"type": "extended", "until": at(12), "at": at(5)}], at(8))):
        v, c = evaluate([order] + more, at=at(6))
        ok(c["K14"]["due"] == due, "staff lent out: seven days, fourteen at most", c["K14"])
    v, c = evaluate([{"type": "contained", "at": at(1)}, {"type": "requested", "stage": "extension", "at": at(9)}, {"type": "extended", "until": at(20), "at": at(10)}],
                    at=at(11))
    ok(c["K10"]["verdict"] == "met" and c["K9"]["due"] == "2026-07-01T15:59:59Z", "an extension asked for and decided; it does not shorten", c)
    v, c = evaluate([{"type": "completed", "stage": "drill", "at": at(3)}], at=at(11))
    ok(c["K13"]["due"] == "2026-07-03T15:59:59Z", "drill results: a month", c["K13"])


def order_and_noise():
    facts = [{"id": "a", "type": "aware", "at": "2026-06-01T00:00:00Z"}, {"id": "b", "type": "reported", "at": "2026-06-01T00:40:00Z", "level": 4},
             {"id": "c", "type": "contained", "at": "2026-06-02T00:00:00Z", "claimed": "2026-06-01T20:00:00Z"},
             {"id": "d", "type": "corrected", "at": "2026-06-03T00:00:00Z", "ref": "a", "claimed": "2026-05-31T22:00:00Z"}]
    want, c = evaluate(facts, at="2026-06-04T00:00:00Z")
    ok(c["K1"]["verdict"] == "breached" and c["K1"]["start"] == "2026-05-31T22:00:00Z", "a corrected time of awareness counts", c["K1"])
    before, c = evaluate(facts, at="2026-06-02T12:00:00Z")
    ok(c["K1"]["verdict"] == "met", "and before the correction was stated it was not known", c["K1"])
    for n, p in enumerate(itertools.permutations(facts)):
        got, _ = evaluate(list(p) + [p[0]], at="2026-06-04T00:00:00Z")
        if got != want:
            break
    ok(got == want, "every order, and a fact twice: the same view", got)
    v, _ = evaluate([facts[0], dict(facts[0], at="2026-06-01T05:00:00Z")], at="2026-06-04T00:00:00Z", status_wanted=1)
    ok(v["clocks"][0]["start"] == "2026-06-01T00:00:00Z" and len(v["problems"]) == 1, "one id, two stories: the first stands, the other is named", v)
    v, _ = evaluate([facts[0], {"id": "x", "type": "contained", "at": "2026-06-01T01:00:00Z", "claimed": "2026-06-01T09:00:00Z"}],
                    at="2026-06-04T00:00:00Z", status_wanted=1)
    ok(v["state"] == "aware" and "after it was recorded" in v["problems"][0]["why"], "a fact from the future does not count", v)
    v, _ = evaluate([facts[0], {"id": "x", "type": "reviewed", "by": "reporter", "level": 1, "at": "2026-06-01T01:00:00Z"}], at="2026-06-04T00:00:00Z", status_wanted=1)
    ok(v["state"] == "aware" and "may not state" in v["problems"][0]["why"], "who reports does not review", v)
    v, _ = evaluate([dict(facts[0], by="wizard")], at="2026-06-04T00:00:00Z")
    ok(v["state"] == "aware" and "no role" in v["problems"][0]["why"], "an unknown role is named", v)
    v, _ = evaluate([facts[0], {"id": "m", "type": "merged", "ref": "i2", "at": "2026-06-01T01:00:00Z"}], at="2026-06-04T00:00:00Z")
    w, _ = evaluate([facts[0], {"id": "m", "type": "merged", "ref": "i2", "at": "2026-06-01T01:00:00Z"}, {"id": "u", "type": "unmerged", "ref": "i2", "at": "2026-06-01T02:00:00Z"}],
                    at="2026-06-04T00:00:00Z")
    ok((v["state"], w["state"]) == ("merged", "aware"), "an un-merge gives back what was", (v["state"], w["state"]))


def bad_input():
    def run(text, pack="tw-2026", *more):
        return lianfang("pack", "eval", pack, "-", *more, stdin=text)
    good = '{"id":"a","at":"2026-01-01T00:00:00Z","type":"aware"}\n'
    for name, text, says in [("no JSON", good + "{oops\n", "-:2"), ("no id", '{"at":"2026-01-01T00:00:00Z","type":"aware"}\n', '"id"'),
                             ("no such day", '{"id":"a","at":"2026-02-30T00:00:00Z","type":"aware"}\n', "no day 30"),
                             ("level 12", '{"id":"a","at":"2026-02-03T00:00:00Z","type":"level","level":12}\n', '"level"'),
                             ("an extension without its end", '{"id":"a","at":"2026-02-03T00:00:00Z","type":"extended"}\n', '"until"')]:
        status, out, err = run(text)
        ok(status == 2 and says in err, "bad input: " + name, err)
    status, out, err = run(good, "xx-1999")
    ok(status == 2 and "no pack 'xx-1999'" in err, "unknown pack", err)
    status, out, err = run(good, "tw-2026", "--at", "yesterday")
    ok(status == 2 and "--at" in err, "--at that is no instant", err)
    status, out, err = run(good + '{"id":"b","at":"2026-01-01T00:00:00Z","type":"prophecy"}\n')
    ok(status == 1 and "prophecy" in out, "an unknown type is named, the rest counts", out + err)
    status, out, err = run("")
    ok(status == 0 and "draft" in out, "no facts: a draft", out + err)


def packs():
    status, out, err = lianfang("pack", "list", "--json")
    names = [json.loads(x)["id"] for x in out.splitlines()]
    ok(names == ["eu-nis2", "generic", "tw-2021", "tw-2026"], "the packs in the program", names)
    with tempfile.TemporaryDirectory() as d:
        status, text, _ = lianfang("pack", "show", "tw-2026", "--json")
        pack = json.loads(text)
        for name, change, says in [
                ("a period that is none", lambda p: p["clocks"][0]["limits"][0].update(within="1 hour"), "/clocks/0/limits/0/within"),
                ("an unknown member", lambda p: p.update(colour="red"), "/colour"), ("a clock of a role that is not there", lambda p: p["clocks"][0].update(who="king"), "/clocks/0"),
                ("a level beyond the table", lambda p: p["levels"]["cells"][0].update(level=7), "/levels/cells/0/level"),
                ("a fact nobody knows", lambda p: p["clocks"][0]["start"].update(on="dreamt"), "/clocks/0/start/on"),
                ("no title", lambda p: p["sectors"][0].pop("title"), "/sectors/0"),
                ("days off out of order", lambda p: p["time"]["holidays"].reverse(), "/time/holidays/1"),
                ("a register's answer that the table does not know", lambda p: p["words"]["registers"]["answers"][0]["item"].update(coreness="rock"),
                 "/words/registers/answers/0/item/coreness"),
                ("an outage of another name", lambda p: p["words"]["registers"]["outage"].update(answer="mood"), "/words/registers/outage/within"),
                ("a responsibility level without a title", lambda p: p["words"]["registers"]["levels"][0].pop("title"), "/words/registers/levels/0"),
                ("a zone that is none", lambda p: p["time"].update(posix="Mars"), "/time/posix")]:
            broken = json.loads(text)
            change(broken)
            with open(os.path.join(d, "pack.json"), "w") as f:
                json.dump(broken, f)
            status, out, err = lianfang("pack", "check", d)
            ok(status == 1 and says in out, "pack check: " + name, out + err)
        pack["id"] = "xx-2030"
        pack["clocks"][0]["limits"] = [{"within": "PT2H"}]
        with open(os.path.join(d, "pack.json"), "w") as f:
            json.dump(pack, f)
        status, out, err = lianfang("pack", "check", d)
        v, c = evaluate([{"type": "aware", "at": "2026-01-01T00:00:00Z"}], d, at="2026-01-01T00:30:00Z")
        ok(status == 0 and c["K1"]["due"] == "2026-01-01T02:00:00Z", "another country is another folder", out + err)


def in_force():
    for pack, at, good in (("tw-2021", "2026-01-04T23:59:59+08:00", True), ("tw-2021", "2026-01-05T00:00:00+08:00", False), ("tw-2026", "2026-01-04T23:59:59+08:00", False),
                           ("tw-2026", "2026-01-05T00:00:00+08:00", True), ("tw-2021", "2021-08-22T12:00:00+08:00", False)):
        v, _ = evaluate([{"type": "aware", "at": at}], pack, at="2026-03-01T00:00:00Z")
        ok(v["in_force"] == good, "%s was %sin force at %s" % (pack, "" if good else "not ", at), v)


def schemas():
    ok(not misfits, "all that was printed is as docs/schema says", misfits[:5])
    fact = {"id": "a", "at": "2026-01-01T00:00:00Z", "type": "level", "items": [item(CELLS[0], "leak")]}
    for name, change, good in [("a fact", {}, True), ("no instant", {"at": None}, False), ("an empty id", {"id": ""}, False), ("level 10", {"level": 10}, False),
                               ("items that are none", {"items": "all"}, False), ("a level of the table", {"level": 4}, True)]:
        x = {k: v for k, v in dict(fact, **change).items() if v is not None}
        status, out, err = lianfang("pack", "eval", "tw-2026", "-", "--json", stdin=json.dumps(x) + "\n")
        ok((not schema.faults(x, SCHEMAS["fact"])) == good == (status == 0), "schema and program agree on: " + name, out + err)
    status, out, err = lianfang("pack", "eval", "tw-2026", "-", "--json", stdin="\n".join(json.dumps(
        {"id": k, "at": "2026-01-01T00:00:00Z", "type": k, "until": "2026-02-01T00:00:00Z"}) for k in SCHEMAS["fact"]["properties"]["type"]["enum"]) + "\n")
    ok("nobody knows" not in out, "every type of the schema is one of the program", out)
    with open(os.path.join(schema.FOLDER, "..", "internals", "packs.md")) as f:
        text = f.read()
    ok(all("`%s`" % k in text for k in SCHEMAS["fact"]["properties"]["type"]["enum"]), "and stands in docs/internals/packs.md")


parser = argparse.ArgumentParser()
parser.add_argument("--program", required=True)
parser.add_argument("--eval", required=True)
options = parser.parse_args()
PROGRAM, EVAL = options.program, options.eval
for part in (table, situations, night, actions, order_and_noise, bad_input, packs, in_force, schemas):
    part()
print("1..%d" % count)
sys.exit(failed > 0)
