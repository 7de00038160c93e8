"""A naive evaluator of Sigma rules, straight from the specification 2.1: slow and obvious. It shares no code with the
program: it is what the program is compared with, pair by pair of event and rule."""

import base64
import ipaddress
import itertools
import os
import re

import yaml

from events import fold, number_of, text_of


class Refused(Exception):
    """A rule that cannot be evaluated, and why."""


class NotHere(Exception):
    """A rule that this evaluator cannot judge (a regular expression that Python has no words for)."""


# --- YAML 1.2, core schema: yes, no, on, off and dates are strings; so is 1e3, which is rather a piece of a hash ---

class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    pass


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
        ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
        ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("tag:yaml.org,2002:int", r"^(?:[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+)$", "-+0123456789"),
        ("tag:yaml.org,2002:float", r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
):
    Loader.add_implicit_resolver(tag, re.compile(pattern), list(first))


def construct_int(loader, node):
    text = loader.construct_scalar(node)
    return int(text, 0) if text[:2] in ("0x", "0o") else int(text, 10)


Loader.add_constructor("tag:yaml.org,2002:int", construct_int)


# --- strings with wildcards ---

ANY, ONE = object(), object()


def parse_string(text):
    r"""\* \? \\ are escapes; a backslash before anything else is itself."""
    out, i = [], 0
    literal = ""
    while i < len(text):
        c = text[i]
        if c == "\\" and i + 1 < len(text) and text[i + 1] in "\\*?":
            literal += text[i + 1]
            i += 2
            continue
        if c in "*?":
            if literal:
                out.append(literal)
            literal = ""
            out.append(ANY if c == "*" else ONE)
        else:
            literal += c
        i += 1
    if literal:
        out.append(literal)
    return out


def plain(pieces, what):
    if any(p is ANY or p is ONE for p in pieces):
        raise Refused("wildcards in a value for " + what)
    return "".join(pieces)


def windash(pieces):
    """Every dash or slash that begins an option, as each of the five characters, on its own."""
    where = []
    for i, p in enumerate(pieces):
        if p is ANY or p is ONE:
            continue
        where += [(i, m.start()) for m in re.finditer(r"\B[-/]\b", p)]
    result = []
    for chosen in itertools.product("-/\u2013\u2014\u2015", repeat=len(where)):
        copy = [list(p) if isinstance(p, str) else p for p in pieces]
        for (i, at), c in zip(where, chosen):
            copy[i][at] = c
        result.append(["".join(p) if isinstance(p, list) else p for p in copy])
    return result


def wildcard_regex(pieces, cased):
    out = ""
    for p in pieces:
        out += ".*" if p is ANY else "." if p is ONE else re.escape(p if cased else fold(p))
    return re.compile(out, re.DOTALL)


# --- tests of one value: functions event value -> bool ---

def folded(event, text):
    got = event.cache.get(text)
    if got is None:
        got = event.cache[text] = fold(text)
    return got


def test_string(pieces, cased):
    rx = wildcard_regex(pieces, cased)

    def test(event, value):
        text = text_of(value)
        if text is None:
            return False
        return rx.fullmatch(text if cased else folded(event, text)) is not None
    return test


def ascii_kinds(text):
    r"""\w, \d, \s, \b and their opposites outside brackets, of ASCII only."""
    out, i, bracket = "", 0, False
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            two = text[i:i + 2]
            out += "(?a:%s)" % two if not bracket and two[1] in "wWdDsSbB" else two
            i += 2
            continue
        bracket = text[i] == "[" or (bracket and text[i] != "]")
        out += text[i]
        i += 1
    return out


def test_regex(text, flags):
    # PCRE's own kinds of characters are ASCII's; letters without case are Unicode's.
    try:
        rx = re.compile(ascii_kinds(text), flags) if flags & re.I else re.compile(text, flags | re.A)
    except (re.error, OverflowError) as e:
        raise NotHere("regular expression: %s" % e)

    def test(event, value):
        subject = text_of(value)
        return subject is not None and rx.search(subject) is not None
    return test


def test_cidr(text):
    try:
        net = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise Refused("not a block of addresses: " + text)

    def test(event, value):
        try:
            a = ipaddress.ip_address(text_of(value) or "")
        except ValueError:
            return False
        if a.version == 6 and a.ipv4_mapped is not None and net.version == 4:
            a = a.ipv4_mapped
        return a.version == net.version and a in net
    return test


def test_number(n):
    return lambda event, value: number_of(value) == float(n)


def test_bool(b):
    return lambda event, value: (text_of(value) or "").lower() == ("true" if b else "false")


def test_order(name, n):
    ops = {"lt": lambda a, b: a < b, "lte": lambda a, b: a <= b, "gt": lambda a, b: a > b, "gte": lambda a, b: a >= b}

    def test(event, value):
        have = number_of(value)
        return have is not None and ops[name](have, float(n))
    return test


DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?")


def test_time(part, n):
    import datetime

    def test(event, value):
        m = DATE.match(text_of(value) or "")
        if not m:
            return False
        y, mo, d = int(m[1]), int(m[2]), int(m[3])
        try:
            day = datetime.date(y, mo, d)
        except ValueError:
            return False
        if part in ("hour", "minute") and m[4] is None:
            return False
        have = {"year": y, "month": mo, "day": d, "week": day.isocalendar()[1], "hour": int(m[4] or 0), "minute": int(m[5] or 0)}[part]
        return have == float(n)
    return test


# --- one item of a map: field|modifiers: values ---

ORDERS = ("lt", "lte", "gt", "gte")
PARTS = ("minute", "hour", "day", "week", "month", "year")
KNOWN = {"all", "startswith", "endswith", "contains", "exists", "cased", "neq", "windash", "re", "i", "m", "s", "base64", "base64offset",
         "utf16le", "utf16be", "utf16", "wide", "cidr", "expand", "fieldref"} | set(ORDERS) | set(PARTS)


def encode_wide(name, text):
    return {"wide": text.encode("utf-16-le"), "utf16le": text.encode("utf-16-le"), "utf16be": text.encode("utf-16-be"),
            "utf16": b"\xff\xfe" + text.encode("utf-16-le")}[name]


def offsets(data):
    """The three ways in which the bytes may stand inside base64, without what neighbours change."""
    out = []
    for i in range(3):
        coded = base64.b64encode(b" " * i + data).decode()
        start = (0, 2, 3)[i]
        end = (None, -3, -2)[(len(data) + i) % 3]
        out.append(coded[start:end])
    return out


def expand(text, lists):
    names = re.findall(r"(?<!\\)%([^%\\]+)%", text)
    if not names:
        return [text.replace("\\%", "%")]
    for name in names:
        if name not in lists:
            raise Refused("placeholder %" + name + "%")
    result = [text]
    for name in names:
        result = [r.replace("%" + name + "%", value, 1) for r in result for value in lists[name]]
    return result


def string_variants(values, modifiers):
    """The alternatives that one value of the rule stands for, transformed in the order of the modifiers."""
    for m in modifiers:
        if m == "windash":
            values = [v for pieces in values for v in windash(pieces)]
        elif m in ("wide", "utf16le", "utf16be", "utf16"):
            values = [[encode_wide(m, plain(p, m))] for p in values]
        elif m == "base64":
            values = [[base64.b64encode(as_bytes(p, m)).decode()] for p in values]
        elif m == "base64offset":
            values = [[o] for p in values for o in offsets(as_bytes(p, m))]
            if "contains" not in modifiers:
                values = [[ANY] + v + [ANY] for v in values]
        elif m == "contains":
            values = [[ANY] + v + [ANY] for v in values]
        elif m == "startswith":
            values = [v + [ANY] for v in values]
        elif m == "endswith":
            values = [[ANY] + v for v in values]
    return [[p.decode("utf-8", "replace") if isinstance(p, bytes) else p for p in v] for v in values]


def as_bytes(pieces, what):
    if len(pieces) == 1 and isinstance(pieces[0], bytes):
        return pieces[0]
    return plain(pieces, what).encode()


class Item:
    """One line of a map. `alternatives` holds, for each value of the rule, the tests of which one is enough."""

    def __init__(self, key, values, lists, keyword=False):
        self.field, *mods = key.split("|") if key else [""]
        unknown = [m for m in mods if m not in KNOWN]
        if unknown:
            raise Refused("modifier " + unknown[0])
        self.field = self.field.replace(" ", "")
        self.all = "all" in mods
        self.negated = "neq" in mods
        self.mods = mods
        if not isinstance(values, list):
            values = [values]
        if not values:
            raise Refused("no value for " + key)
        self.special = None
        self.refs = []
        self.alternatives = []
        if "exists" in mods:
            self.special = ("exists", values[0] is True or str(values[0]).lower() == "true")
            return
        if "fieldref" in mods:
            self.refs = [str(v).replace(" ", "") for v in values]
            return
        for v in values:
            self.alternatives.append(self.tests_of(v, lists, keyword or self.field == ""))

    def tests_of(self, v, lists, keyword):
        mods = self.mods
        order = [m for m in mods if m in ORDERS]
        part = [m for m in mods if m in PARTS]
        if isinstance(v, (dict, list)):
            raise Refused("a map or a list as a value")
        if v is None:
            return ["null"]
        if order:
            if number_of(str(v)) is None:
                raise Refused("not a number: %s" % v)
            return [test_order(order[0], number_of(str(v)))]
        if part:
            return [test_time(part[0], v)]
        shaped = [m for m in mods if m not in ("all", "neq", "cased")]
        if isinstance(v, bool):
            if not shaped and not keyword:
                return [test_bool(v)]
            v = "true" if v else "false"
        if isinstance(v, (int, float)):
            if not shaped and not keyword:
                return [test_number(v)]
            v = str(v)
        texts = expand(v, lists) if "expand" in mods else [v]
        if "re" in mods:
            flags = (re.I if "i" in mods else 0) | (re.M if "m" in mods else 0) | (re.S if "s" in mods else 0)
            return [test_regex(t, flags) for t in texts]
        if "cidr" in mods:
            return [test_cidr(t) for t in texts]
        parsed = [parse_string(t) for t in texts]
        variants = string_variants(parsed, mods)
        if keyword:
            variants = [[ANY] + p + [ANY] for p in variants]
        return [test_string(p, "cased" in mods) for p in variants]

    def holds(self, event, mapped):
        result = self.plain_holds(event, mapped)
        return not result if self.negated else result

    def rests(self, event, mapped, negated):
        """It holds (negated: does not), and because of a value that the event has under this very name. Two negations are none."""
        values = event.get(mapped.get(self.field, self.field))
        if self.field == "" or values is None and mapped.get(self.field, self.field) not in event.held:
            return False
        if self.special is not None:
            return self.special[1] != (negated != self.negated)
        if values is None:
            return False
        if negated != self.negated or not self.plain_holds(event, mapped):
            return False
        return bool(self.refs) or any(t != "null" and self.passes(event, values, t) for tests in self.alternatives for t in tests)

    def plain_holds(self, event, mapped):
        if self.field == "":
            values = event.values  # the raw message of a JSON line is its values, not the names around them
        else:
            values = event.get(mapped.get(self.field, self.field))
        if self.special is not None:
            return (values is not None or mapped.get(self.field, self.field) in event.held) == self.special[1]
        if self.refs:
            found = [self.refers(event, values, mapped.get(r, r)) for r in self.refs]
            return all(found) if self.all else any(found)
        if values is None and mapped.get(self.field, self.field) in event.held:
            values = []  # an object or an array: there, and no value
        found = (any(self.passes(event, values, t) for t in tests) for tests in self.alternatives)
        return all(found) if self.all else any(found)

    def passes(self, event, values, test):
        if test == "null":
            return values is None or any(v is None for v in values)
        return values is not None and any(test(event, v) for v in values)

    def refers(self, event, values, other):
        def shape(t):
            return t if "cased" in self.mods else fold(t)
        for a in values or []:
            for b in event.get(other) or []:
                if a is None or b is None:
                    continue
                x, y = shape(text_of(a)), shape(text_of(b))
                if "contains" in self.mods and y in x or "startswith" in self.mods and x.startswith(y) or \
                        "endswith" in self.mods and x.endswith(y) or x == y:
                    return True
        return False


class Selection:
    def __init__(self, body, lists):
        self.maps, self.keywords = [], []
        self.conjunct = False
        if isinstance(body, dict):
            self.maps.append([Item(str(k), v, lists) for k, v in body.items()])
            if not body:
                raise Refused("an empty map")
        elif isinstance(body, list):
            for part in body:
                if isinstance(part, dict):
                    self.maps.append([Item(str(k), v, lists) for k, v in part.items()])
                else:
                    self.keywords.append(Item("", part, lists, keyword=True))
            if not body:
                raise Refused("an empty list")
        else:
            self.keywords.append(Item("", body, lists, keyword=True))

    def holds(self, event, mapped):
        return any(all(i.holds(event, mapped) for i in m) for m in self.maps) or any(k.holds(event, mapped) for k in self.keywords)

    def rests(self, event, mapped, negated):
        if self.holds(event, mapped) == negated:
            return False
        return any((negated or all(i.holds(event, mapped) for i in m)) and any(i.rests(event, mapped, negated) for i in m) for m in self.maps)


# --- conditions ---

TOKEN = re.compile(r"\s*(\(|\)|[^\s()]+)")


class Condition:
    """or < and < not < "x of" < brackets"""

    def __init__(self, text, names):
        if "|" in text:
            raise Refused("aggregation in the condition")
        self.tokens = TOKEN.findall(text)
        self.names = names
        self.at = 0
        self.tree = self.p_or()
        if self.at != len(self.tokens):
            raise Refused("condition: not understood behind " + " ".join(self.tokens[:self.at]))

    def peek(self):
        return self.tokens[self.at].lower() if self.at < len(self.tokens) else None

    def take(self):
        if self.at >= len(self.tokens):
            raise Refused("condition ends too early")
        self.at += 1
        return self.tokens[self.at - 1]

    def p_or(self):
        kids = [self.p_and()]
        while self.peek() == "or":
            self.take()
            kids.append(self.p_and())
        return ("or", kids) if len(kids) > 1 else kids[0]

    def p_and(self):
        kids = [self.p_not()]
        while self.peek() == "and":
            self.take()
            kids.append(self.p_not())
        return ("and", kids) if len(kids) > 1 else kids[0]

    def p_not(self):
        if self.peek() == "not":
            self.take()
            return ("not", [self.p_not()])
        return self.p_of()

    def p_of(self):
        token = self.take()
        if token == "(":
            inner = self.p_or()
            if self.take() != ")":
                raise Refused("condition: a bracket is not closed")
            return inner
        if token.lower() in ("1", "any", "all") and self.peek() == "of":
            self.take()
            names = self.which(self.take())
            return ("and" if token.lower() == "all" else "or", [("name", n) for n in names])
        if token not in self.names:
            raise Refused("condition: no search identifier " + token)
        return ("name", token)

    def which(self, pattern):
        if pattern.lower() == "them":
            names = [n for n in self.names if not n.startswith("_")]
        else:
            rx = re.compile(".*".join(re.escape(p) for p in pattern.split("*")) + r"\Z")
            names = [n for n in self.names if rx.match(n) and (pattern.startswith("_") or not n.startswith("_"))]
        if not names:
            raise Refused("condition: nothing fits " + pattern)
        return names

    def holds(self, has):
        return self.ask(self.tree, has)

    def ask(self, node, has):
        kind, rest = node
        if kind == "name":
            return has(rest)
        if kind == "not":
            return not self.ask(rest[0], has)
        if kind == "and":
            return all(self.ask(k, has) for k in rest)
        return any(self.ask(k, has) for k in rest)


    def rests(self, has, on):
        return self.stands(self.tree, has, on, False)

    def stands(self, node, has, on, negated):
        """Does it hold (negated: not hold) by something that rests on a field (on), not only by words or by what is absent?"""
        kind, rest = node
        if kind == "name":
            return on(rest, negated)
        if kind == "not":
            return self.stands(rest[0], has, on, not negated)
        return self.ask(node, has) != negated and any(self.ask(k, has) != negated and self.stands(k, has, on, negated) for k in rest)


# --- rules ---

class Rule:
    def __init__(self, doc, lists):
        self.doc = doc
        self.id = str(doc.get("id") or "")
        self.name = str(doc.get("name") or "")
        self.title = str(doc.get("title") or "")
        source = doc.get("logsource")
        if not isinstance(source, dict):
            raise Refused("no logsource")
        self.source = {k: str(source[k]).lower() for k in ("product", "category", "service") if source.get(k)}
        self.parts = [Detection(doc.get("detection"), lists)]

    def holds(self, event, mapped):
        return all(d.holds(event, mapped) for d in self.parts)

    def rests(self, event, mapped):
        return self.holds(event, mapped) and any(d.rests(event, mapped) for d in self.parts)


class Detection:
    def __init__(self, body, lists):
        if not isinstance(body, dict) or "condition" not in body:
            raise Refused("no detection or no condition")
        self.selections = {str(k): Selection(v, lists) for k, v in body.items() if k not in ("condition", "timeframe", "rules")}
        conditions = body["condition"] if isinstance(body["condition"], list) else [body["condition"]]
        self.conditions = [Condition(str(c), list(self.selections)) for c in conditions]

    def holds(self, event, mapped):
        known = {}

        def has(name):
            if name not in known:
                known[name] = self.selections[name].holds(event, mapped)
            return known[name]
        return any(c.holds(has) for c in self.conditions)

    def rests(self, event, mapped):
        return any(c.rests(lambda n: self.selections[n].holds(event, mapped), lambda n, negated: self.selections[n].rests(event, mapped, negated))
                   for c in self.conditions)


class Filter:
    def __init__(self, doc, lists):
        body = doc.get("filter")
        if not isinstance(body, dict):
            raise Refused("a filter is a map")
        rules = body.get("rules", "any")
        self.rules = [str(r) for r in (rules if isinstance(rules, list) else [rules])]
        source = doc.get("logsource") or {}
        self.source = {k: str(source[k]).lower() for k in ("product", "category", "service") if source.get(k)}
        self.detection = Detection(body, lists)

    def concerns(self, rule):
        named = self.rules == ["any"] or rule.id in self.rules or (rule.name and rule.name in self.rules)
        return named and all(rule.source.get(k) == v for k, v in self.source.items())


class Rules:
    """All documents of files and folders. refused: (file, title, why); unjudged: rules that only this evaluator cannot do."""

    def __init__(self, paths, lists=None):
        self.rules, self.correlations, self.filters = [], [], []
        self.refused, self.unjudged = [], []
        for path in paths:
            for file in files_of(path):
                self.read(file, lists or {})
        for f in self.filters:
            for r in self.rules:
                if f.concerns(r):
                    r.parts.append(f.detection)

    def read(self, file, lists):
        common = {}
        with open(file, encoding="utf-8") as text:
            try:
                docs = [d for d in yaml.load_all(text, Loader) if d]
            except yaml.YAMLError as e:
                self.refused.append((file, "", str(e).split("\n")[0]))
                return
        for doc in docs:
            if not isinstance(doc, dict):
                self.refused.append((file, "", "not a map"))
                continue
            if doc.get("action") == "global":
                common = {k: v for k, v in doc.items() if k != "action"}
                continue
            if common:
                doc = merged(common, doc)
            try:
                if "correlation" in doc:
                    self.correlations.append(doc)
                elif "filter" in doc:
                    self.filters.append(Filter(doc, lists))
                else:
                    self.rules.append(Rule(doc, lists))
            except Refused as e:
                self.refused.append((file, str(doc.get("title")), str(e)))
            except NotHere as e:
                self.unjudged.append((str(doc.get("id")), str(doc.get("title")), str(e)))


def merged(a, b):
    out = dict(a)
    for k, v in b.items():
        out[k] = merged(out[k], v) if isinstance(v, dict) and isinstance(out.get(k), dict) else v
    return out


def files_of(path):
    if os.path.isfile(path):
        return [path]
    return sorted(os.path.join(d, f) for d, _, names in os.walk(path) for f in names if f.endswith((".yml", ".yaml")))


# --- log sources: the packs are data ---

class Sources:
    """assume: the source that events of no known one are taken for; all_sources: whole rules are tried on them."""

    def __init__(self, folder, assume=None, all_sources=False):
        self.variants = []
        self.assume, self.all_sources = assume, all_sources
        for file in files_of(folder):
            with open(file, encoding="utf-8") as text:
                for entry in yaml.load(text, Loader) or []:
                    source = {k: str(v).lower() for k, v in entry["source"].items()}
                    fields = {str(a): str(b) for a, b in (entry.get("fields") or {}).items()}
                    self.variants.append((source, Selection(entry["when"], {}), fields, entry.get("open", False)))

    def of(self, event):
        return [(source, fields, is_open) for source, when, fields, is_open in self.variants if when.holds(event, {})]

    def knows(self, rule):
        return any(applies(rule, source) for source, _, _, _ in self.variants)


def applies(rule, source):
    return all(source.get(k) == v for k, v in rule.source.items())


def matches(rules, sources, event):
    """Every rule that matches. Of an event of no known source a rule must speak by a field that the event has: words alone, or
    the absence of something, prove nothing about a text that may be no log. Rules that name no source speak of every event.
    An event of an open source meets also the rules of sources that nobody knows."""
    known = sources.of(event)
    if not known and sources.assume is not None:
        known = [(sources.assume, {}, False)]
    for rule in rules.rules:
        maps = [fields for source, fields, is_open in known
                if applies(rule, source) or (is_open and not sources.knows(rule))] if known else [{}]
        whole = known or not rule.source or sources.all_sources
        tried = []
        for m in maps:
            if m in tried:
                continue
            tried.append(m)
            if rule.holds(event, m) if whole else rule.rests(event, m):
                yield rule
                break
