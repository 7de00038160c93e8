#!/usr/bin/env python3
"""Rules with events that match them by construction, and changes to those events of which it is known beforehand whether they
keep the match or break it. Both the program and the naive evaluator must say so.

  metamorphic.py --program build/src/cli/lianfang --packs packs/sigma [--rules N] [--seed S]"""

import argparse
import base64
import json
import os
import random
import string
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

CHANNEL = "Microsoft-Windows-Sysmon/Operational"
ABSENT = object()


class Case:
    """One item of a rule, the event's value that meets it, and values that must meet it or must not, each with the reason."""

    def __init__(self, key, value, event, keep=(), lose=()):
        self.key, self.value, self.event, self.keep, self.lose = key, value, event, list(keep), list(lose)


def word(rng, n=None):
    return "".join(rng.choice(string.ascii_lowercase) for _ in range(n or rng.randint(4, 9)))


def swapped(text):
    return text.swapcase()


def other_char(text, rng):
    at = rng.randrange(len(text))
    return text[:at] + "0" + text[at + 1:]


def equals(rng):
    v = word(rng) + rng.choice(["", " ", ".", "_", "é", "Ω", "ж"]) + word(rng)
    return Case("", v, v, [(swapped(v), "case"), ([word(rng), v], "one of several")],
                [(v + "x", "longer at the end"), ("x" + v, "longer in front"), (other_char(v, rng), "another character"), (v[:-1], "shorter"),
                 ("", "empty"), (None, "null"), (ABSENT, "absent"), (v + "\n", "a line feed behind")])


def inside(rng):
    mod = rng.choice(["contains", "startswith", "endswith"])
    v = word(rng) + rng.choice(["", "\\", " -", "%"]) + word(rng)
    a = "" if mod == "startswith" else word(rng) + " "
    b = "" if mod == "endswith" else " " + word(rng)
    lose = [(a + other_char(v, rng) + b, "another character"), (None, "null"), (ABSENT, "absent")]
    if mod != "contains":
        lose.append(("zz" + v + "zz", "only inside"))
    return Case("|" + mod, v, a + v + b, [(swapped(a + v + b), "case"), (v, "nothing around"), (a.replace(" ", "\n") + v + b, "a line feed around")], lose)


def several(rng):
    words = [word(rng) for _ in range(3)]
    text = "|".join(words)
    return Case("|contains|all", words, text, [("|".join(reversed(words)), "another order"), (text.upper(), "case")],
                [("|".join(words[:2]), "one is missing"), ([words[0], words[1] + "0" + words[2][1:]], "one is cut")])


def one_of(rng):
    words = [word(rng) for _ in range(4)]
    return Case("", words, words[2], [(words[0], "another one of the list"), (words[3].upper(), "case")], [(words[0] + words[1], "two together")])


def wildcards(rng):
    a, b, c = word(rng), word(rng), word(rng)
    v = a + "*" + b + "?" + c
    return Case("", v, a + "--" + b + "x" + c,
                [(a + b + "\u2013" + c, "one character of three bytes"), (a + "\n\n" + b + "\U0001f600" + c, "one of four bytes, and lines between"),
                 ((a + b + "é" + c).upper(), "case")],
                [(a + b + c, "no character for ?"), (a + b + "xy" + c, "two characters for ?"), ("x" + a + b + "x" + c, "something in front")])


def escapes(rng):
    a, b = word(rng), word(rng)
    return rng.choice([
        Case("", a + "\\*" + b, a + "*" + b, [(a.upper() + "*" + b, "case")], [(a + "xx" + b, "the star is no wildcard"), (a + "\\*" + b, "the escape is not in the event")]),
        Case("", a + "\\?" + b, a + "?" + b, [], [(a + "x" + b, "the question mark is none"), (a + "\\?" + b, "nor is the escape there")]),
        Case("", a + "\\\\*" + b, a + "\\" + b, [(a + "\\zz" + b, "a backslash and anything")], [(a + "*" + b, "the backslash is missing")]),
        Case("", a + "\\\\\\*" + b, a + "\\*" + b, [], [(a + "\\x" + b, "the star is escaped, too")]),
        Case("", "\\\\\\\\" + a, "\\\\" + a, [], [("\\" + a, "one backslash"), ("\\\\\\\\" + a, "four backslashes")]),
        Case("", a + "\\" + b, a + "\\" + b, [], [(a + b, "no backslash"), (a + "\\\\" + b, "two backslashes")]),
        Case("|endswith", "\\" + a + ".exe", "C:\\" + b + "\\" + a + ".exe", [("\\" + a.upper() + ".EXE", "case")], [("C:\\x" + a + ".exe", "no backslash")]),
        Case("|contains", a + "\\", "x" + a + "\\y", [(a + "\\", "at the end")], [("x" + a + "*y", "no backslash"), ("x" + a, "nor here")]),
    ])


def windash(rng):
    a = word(rng)
    return Case("|contains|windash", " -" + a, "x.exe -" + a,
                [("x.exe %s%s y" % (d, a), "dash " + hex(ord(d))) for d in "/\u2013\u2014\u2015"] + [("X.EXE /" + a.upper(), "case")],
                [("x.exe \u2012" + a, "the figure dash is none of them"), ("x.exe +" + a, "a plus"), ("x.exe " + a, "none")])


def no_windash(rng):
    a = word(rng)
    return Case("|contains", " -" + a, "x.exe -" + a, [], [("x.exe %s%s" % (d, a), "dash " + hex(ord(d))) for d in "/\u2013\u2014\u2015"])


def cased(rng):
    v = "Aa" + word(rng)
    return Case("|contains|cased", v, "x" + v, [], [("x" + swapped(v), "case"), ("x" + v.lower(), "lower case")])


def regex(rng):
    a = word(rng)
    return Case("|re", "^%s\\d{2,3}[xyz]$" % a, a + "42y", [(a + "421z", "three digits")],
                [(a.upper() + "42y", "case"), (a + "4y", "one digit"), ("x" + a + "42y", "the anchor"), (a + "42yy", "the other anchor"), (ABSENT, "absent")])


def regex_i(rng):
    a = word(rng)
    return Case("|re|i", a + "[0-9]+", "zz" + a + "1", [("ZZ" + a.upper() + "12zz", "case, anywhere")], [("zz" + a, "no digit")])


def number(rng):
    n = rng.randint(100, 60000)
    return Case("", n, n, [(str(n), "as text"), (events.Number("%d.0" % n), "with a fraction"), (events.Number("%de0" % n), "with an exponent")],
                [(n + 1, "another number"), (str(n) + "0", "a digit more"), ("0x%x" % n, "hexadecimal"), (str(n) + "x", "text behind it"), (None, "null")])


def number_text(rng):
    n = rng.randint(100, 60000)
    return Case("", str(n), n, [(str(n), "as text")], [(n + 1, "another number"), (str(n)[:-1], "a digit less")])


def order(rng):
    n = rng.randint(10, 1000)
    mod, good, bad = rng.choice([("gt", n + 1, n), ("gte", n, n - 1), ("lt", n - 1, n), ("lte", n, n + 1)])
    return Case("|" + mod, n, good, [(str(good), "as text"), (events.Number("%d.0" % good), "with a fraction")],
                [(bad, "the other side"), ("x" + str(good), "no number"), (ABSENT, "absent"), (None, "null")])


def cidr(rng):
    a = rng.randint(1, 223)
    return Case("|cidr", "%d.20.0.0/16" % a, "%d.20.33.7" % a, [("%d.20.255.255" % a, "the last"), ("::ffff:%d.20.1.1" % a, "mapped into IPv6")],
                [("%d.21.0.0" % a, "the next block"), ("%d.20.33" % a, "no address"), ("%d.20.33.7x" % a, "text behind it"), ("", "empty")])


def cidr6(rng):
    h = "%x" % rng.randint(1, 65535)
    return Case("|cidr", "2001:db8:%s::/48" % h, "2001:db8:%s::1" % h, [("2001:DB8:%s:FFFF::9" % h.upper(), "upper case")], [("2001:db8::1:%s" % h, "elsewhere"), ("10.0.0.1", "IPv4")])


def offset(rng):
    v = word(rng, 12)
    coded = [base64.b64encode((word(rng, 20 + i) + v + word(rng, 9)).encode()).decode() for i in range(3)]
    return Case("|base64offset|contains", v, "x " + coded[0], [("y " + coded[1], "shifted by one"), ("z " + coded[2], "shifted by two")],
                [(base64.b64encode(word(rng, 40).encode()).decode(), "other content"), (v, "not encoded")])


def wide_offset(rng):
    v = word(rng, 12)
    coded = [base64.b64encode(b"\0" * i + (word(rng, 20) + v + word(rng, 9)).encode("utf-16-le")).decode() for i in range(3)]
    return Case("|wide|base64offset|contains", v, coded[0], [(coded[1], "shifted"), (coded[2], "shifted twice")],
                [(base64.b64encode((word(rng, 20) + v).encode()).decode(), "eight bits a character")])


def null(rng):
    return Case("", None, None, [(ABSENT, "absent")], [("", "empty"), ("-", "a dash"), (0, "zero"), ("null", "the word")])


def empty(rng):
    return Case("", "", "", [], [(" ", "a blank"), (None, "null"), (ABSENT, "absent"), (0, "zero")])


def exists(rng):
    return Case("|exists", True, word(rng), [("", "empty"), (0, "zero")], [(ABSENT, "absent")])


def exists_not(rng):
    return Case("|exists", False, ABSENT, [], [("", "empty"), (word(rng), "present")])


def boolean(rng):
    b = rng.random() < 0.5
    return Case("", b, b, [(str(b).lower(), "as text"), (str(b).upper(), "as text, case")], [(not b, "the other"), (str(not b), "the other as text"), (None, "null")])


def neq(rng):
    words = [word(rng), word(rng)]
    return Case("|neq", words, word(rng) + "x", [("", "empty")], [(words[0], "the first"), (words[1].upper(), "the second, case")])


def folding(rng):
    a = word(rng)
    return rng.choice([
        Case("|contains", "k" + a, "\u212a" + a, [("K" + a, "K")], [("\u0138" + a, "kra is no k")]),
        Case("|contains", "s" + a, "\u017f" + a, [("S" + a, "S")], [("\u00df" + a, "sharp s is no s")]),
        Case("|contains", "straße" + a, "STRA\u1e9eE" + a, [("Straße" + a, "ß")], [("STRASSE" + a, "two letters are not one")]),
        Case("|contains", "i" + a, "I" + a, [], [("\u0130" + a, "dotted capital"), ("\u0131" + a, "dotless")]),
    ])


MAKERS = [equals, inside, several, one_of, wildcards, escapes, escapes, escapes, windash, no_windash, cased, regex, regex_i, number, number_text,
          order, cidr, cidr6, offset, wide_offset, null, empty, exists, exists_not, boolean, neq, folding]


# --- ways to write one event ---

def text_of_string(s, rng, style):
    out = ""
    for c in s:
        if style == "u" or (style == "some" and rng.random() < 0.3):
            units = c.encode("utf-16-be")
            out += "".join("\\u%s" % rng.choice([units[i:i + 2].hex(), units[i:i + 2].hex().upper()]) for i in range(0, len(units), 2))
        elif c == "/" and style != "plain":
            out += "\\/"
        elif c in '"\\' or ord(c) < 32:
            out += json.dumps(c)[1:-1]
        else:
            out += c
    return '"' + out + '"'


def write(value, rng, style, space):
    if isinstance(value, dict):
        return "{%s%s}" % (space, ("," + space).join(text_of_string(k, rng, style) + space + ":" + space + write(v, rng, style, space) for k, v in value.items()))
    if isinstance(value, list):
        return "[" + ("," + space).join(write(v, rng, style, space) for v in value) + "]"
    if isinstance(value, events.Number):
        return str(value)
    if isinstance(value, str):
        return text_of_string(value, rng, style)
    return json.dumps(value)


def shape(fields, form):
    """The event as one of its exporters writes it."""
    if form == "flat":
        return dict(fields, Channel=CHANNEL)
    if form == "evtx_dump":
        return {"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "Channel": CHANNEL}, "EventData": dict(fields)}}
    return {"winlog": {"channel": CHANNEL, "event_data": dict(fields)}, "agent": {"type": "winlogbeat"}}


def shuffled(d, rng):
    items = list(d.items())
    rng.shuffle(items)
    return {k: shuffled(v, rng) if isinstance(v, dict) else v for k, v in items}


def variants(cases, rng):
    """(what, line, must it match)"""
    def fields(values):
        return {n: v for n, v in values.items() if v is not ABSENT}

    base = {n: c.event for n, c in cases.items()}
    plain = shape(fields(base), "flat")
    yield "as made", write(plain, rng, "plain", ""), True
    yield "every character as \\u", write(plain, rng, "u", ""), True
    yield "some characters as \\u", write(plain, rng, "some", ""), True
    yield "blanks between", write(plain, rng, "plain", rng.choice([" ", "\t", "  "])), True
    yield "another order", write(shuffled(plain, rng), rng, "plain", ""), True
    yield "more around", write(dict(plain, **{word(rng): {"CommandLine": "x", word(rng): [1, {"a": None}]}}), rng, "plain", ""), True
    for form in ("evtx_dump", "winlogbeat"):
        yield "as " + form + " writes it", write(shuffled(shape(fields(base), form), rng), rng, rng.choice(["plain", "some"]), ""), True
    yield "another channel", write(dict(plain, Channel="Security"), rng, "plain", ""), False
    for name, c in cases.items():
        for changes, good in ((c.keep, True), (c.lose, False)):
            for value, why in changes:
                changed = shape(fields(dict(base, **{name: value})), rng.choice(["flat", "flat", "evtx_dump", "winlogbeat"]))
                yield "%s: %s" % (c.key or "equal", why), write(changed, rng, rng.choice(["plain", "plain", "some", "u"]), ""), good


def rule_of(i, cases, rng):
    body = {}
    for name, c in cases.items():
        body[name + c.key] = c.value
    return {"title": "made %d" % i, "id": "00000000-0000-4000-a000-%012d" % i, "logsource": {"product": "windows", "service": "sysmon"},
            "detection": {"selection": body, "condition": rng.choice(["selection", "1 of sel*", "all of them", "not (not selection)"])}, "level": "low"}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--program", required=True)
    p.add_argument("--packs", required=True)
    p.add_argument("--rules", type=int, default=300)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    rng = random.Random(a.seed)
    docs, lines, wanted = [], [], []
    for i in range(a.rules):
        makers = [MAKERS[i % len(MAKERS)]] + rng.sample(MAKERS, rng.randint(0, 2))
        cases = {"Field%s" % "ABC"[k]: m(rng) for k, m in enumerate(makers)}
        docs.append(rule_of(i, cases, rng))
        for what, line, good in variants(cases, rng):
            lines.append(line)
            wanted.append((docs[-1]["id"], what, good))
    with tempfile.TemporaryDirectory() as d:
        rule_file, log = os.path.join(d, "made.yml"), os.path.join(d, "log.json")
        with open(rule_file, "w", encoding="utf-8") as f:
            yaml.safe_dump_all(docs, f, allow_unicode=True, sort_keys=False)
        with open(log, "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        done = subprocess.run([a.program, "detect", "--json", "--quiet", "--format", "json", "--rules", rule_file, log], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=300)
        theirs = {(m["record"], m["rule_id"]) for m in map(json.loads, done.stdout.decode("utf-8", "replace").splitlines())}
        rules, sources = sigma.Rules([rule_file]), sigma.Sources(a.packs)
    by_id = {r.id: r for r in rules.rules}
    bad = {"program": 0, "naive": 0}
    for record, (line, (rule, what, good)) in enumerate(zip(lines, wanted), 1):
        event = events.parse(line)
        known = any(sigma.applies(by_id[rule], s) for s, _, _ in sources.of(event))
        for who, got in (("program", (record, rule) in theirs), ("naive", known and by_id[rule].holds(event, {}))):
            if got != good:
                bad[who] += 1
                if bad[who] <= 8:
                    print("# %s: %s must %smatch: %s" % (who, what, "" if good else "not ", line[:300]))
                    print("#   rule %s" % json.dumps(docs[int(rule[-12:])]["detection"], ensure_ascii=False))
    kept = sum(g for _, _, g in wanted)
    ok = [(not rules.refused and not rules.unjudged and done.returncode in (0, 1), "%d rules are read" % len(docs)),
          (bad["program"] == 0, "the program: %d changes keep the match, %d break it" % (kept, len(wanted) - kept)),
          (bad["naive"] == 0, "the naive evaluator says the same")]
    for i, (good, name) in enumerate(ok, 1):
        print("%s %d - %s" % ("ok" if good else "not ok", i, name))
    print("1..%d" % len(ok))
    sys.exit(0 if all(g for g, _ in ok) else 1)


if __name__ == "__main__":
    main()
