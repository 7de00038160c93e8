"""Correlations by brute force: every hit is kept, and at each one the definition is asked anew.

What the specification leaves open is written in docs/internals/correlate.md ("What fires when") and followed here."""

import re

from events import NUMBER, text_of
from sigma import Condition, Refused

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LIMITS = {"gt": lambda a, b: a > b, "gte": lambda a, b: a >= b, "lt": lambda a, b: a < b, "lte": lambda a, b: a <= b,
          "eq": lambda a, b: a == b, "neq": lambda a, b: a != b}
COUNTS = ("event_count", "value_count", "temporal", "temporal_ordered")
FIRING_FIELDS_MAX = 32


class Hit:
    def __init__(self, at, slot, group, value, fields):
        self.at, self.slot, self.group, self.value, self.fields = at, slot, group, value, fields


class Correlation:
    def __init__(self, doc):
        body = doc["correlation"]
        self.id, self.name = str(doc.get("id", "")), str(doc.get("name", ""))
        self.generate = bool(body.get("generate", doc.get("generate", False)))
        self.type = body["type"]
        self.rules = [str(r) for r in (body["rules"] if isinstance(body["rules"], list) else [body["rules"]])]
        group = body.get("group-by") or []
        self.group_by = [str(g) for g in (group if isinstance(group, list) else [group])]
        m = re.match(r"(\d+)([smhd])\Z", body["timespan"])
        self.span = int(m[1]) * UNITS[m[2]] * 1000000
        condition = body.get("condition")
        self.condition = None
        self.limits, self.values, self.percentile = [], [], 50
        if isinstance(condition, str):
            self.condition = Condition(condition, self.rules)
        elif condition:
            self.limits = [(k, float(v)) for k, v in condition.items() if k in LIMITS]
            field = condition.get("field", [])
            self.values = [str(f) for f in (field if isinstance(field, list) else [field])]
            self.percentile = float(condition.get("percentile", 50))
        self.aliases = body.get("aliases") or {}
        self.windowed = any(k not in ("gt", "gte") for k, _ in self.limits) or (self.condition is not None and " not " in " " + condition + " ")
        self.hits, self.groups = [], {}

    def field_in(self, name, slot):
        return str(self.aliases.get(name, {}).get(self.rules[slot], name))

    def good(self, value):
        return all(LIMITS[k](value, x) for k, x in self.limits)

    def least(self):
        if self.type.startswith("temporal") and not self.limits:
            return 1 if self.condition else len(self.rules)
        n = 1
        while not self.good(n):
            n += 1
        return n

    def ask(self, hits):
        """(holds, value) over the hits of one group in one window, in order."""
        holds = True
        if self.type == "event_count":
            value = len(hits)
        elif self.type == "value_count":
            value = len({h.value for h in hits})
        elif self.type == "temporal":
            seen = {h.slot for h in hits}
            value = len(seen)
            if self.condition:
                holds = self.condition.holds(lambda name: any(self.rules[s] == name for s in seen))
        elif self.type == "temporal_ordered":
            best = []
            for i, h in enumerate(hits):
                best.append(1 + max([best[j] for j in range(i) if hits[j].slot < h.slot], default=0))
            value = max(best)
        else:
            numbers = [h.value for h in hits]
            if self.type == "value_sum":
                value = sum(numbers)
            elif self.type == "value_avg":
                value = sum(numbers) / len(numbers)
            else:
                numbers.sort()
                place = (50 if self.type == "value_median" else self.percentile) / 100 * (len(numbers) - 1)
                low = int(place)
                value = numbers[-1] if low + 1 >= len(numbers) else numbers[low] + (numbers[low + 1] - numbers[low]) * (place - low)
        if self.type in COUNTS and not self.windowed:
            need = self.least()
            holds = holds and value >= need
            if self.type != "temporal":
                value = min(value, need)
            return holds, value
        return holds and self.good(value), value


class Correlator:
    """fired: (id, time, {group-by: value}, value) in the order of firing."""

    def __init__(self, docs, names_of_rules):
        """names_of_rules: rule id -> its name, so that either refers to it."""
        self.correlations = ordered([Correlation(d) for d in docs])
        self.names = dict(names_of_rules)
        self.names.update({c.id: c.name for c in self.correlations})
        self.fired, self.opened = [], 0

    def called(self, ref, rule_id):
        return ref == rule_id or (self.names.get(rule_id) and ref == self.names[rule_id])

    def event(self, at, rule_ids, fields):
        """An event, in the order of time, with the rules that matched it, in their order; fields: name -> text."""
        self.close(at, None)
        for rule in rule_ids:
            self.feed(rule, at, fields)

    def feed(self, rule, at, fields):
        for c in self.correlations:
            for slot in reversed(range(len(c.rules))):
                if self.called(c.rules[slot], rule):
                    self.hit(c, slot, at, fields)

    def hit(self, c, slot, at, fields):
        group = [fields.get(c.field_in(g, slot)) for g in c.group_by]
        values = [fields.get(c.field_in(v, slot)) for v in c.values]
        if None in group or (None in values and c.type not in ("event_count", "temporal", "temporal_ordered")):
            return
        value = tuple(values)
        if c.type not in COUNTS:
            if not NUMBER.match(values[0]):
                return
            value = float(values[0])
        if c.windowed:
            self.close(at, c)
        h = Hit(at, slot, tuple(group), value, fields)
        c.hits.append(h)
        state = c.groups.setdefault(h.group, {"fired": None, "open": None})
        if c.windowed:
            if state["open"] is None:
                self.opened += 1
                state.update(open=at, first=h, turn=self.opened)
            return
        window = [x for x in c.hits if x.group == h.group and x.at > at - c.span]
        holds, got = c.ask(window)
        if not holds:
            state["fired"] = None
        elif state["fired"] is None or at - state["fired"] >= c.span:
            state["fired"] = at
            self.fire(c, h, at, got)

    def fire(self, c, h, at, value):
        self.fired.append((c.id, at, dict(zip(c.group_by, h.group)), value, c))
        fields = dict(h.fields)
        # An outer correlation knows the event's fields by the names of the slot that fired.
        for name, text in list(fields.items()):
            alias = c.field_in(name, h.slot)
            if alias != name:
                fields[name] = h.fields.get(alias)
        fields.update(zip(c.group_by, h.group))
        self.feed(c.id, at, fields)

    def close(self, upto, only):
        while True:
            ends = [(s["open"] + c.span, i, s["turn"], c, s, g) for i, c in enumerate(self.correlations) if c.windowed and only in (None, c)
                    for g, s in c.groups.items() if s["open"] is not None and s["open"] + c.span <= upto]
            if not ends:
                return
            end, _, _, c, s, g = min(ends, key=lambda e: e[:3])
            begin, s["open"] = s["open"], None
            holds, value = c.ask([h for h in c.hits if h.group == g and h.at >= begin])
            if c.type == "value_count":
                value = min(value, max([1] + [int(x // 1) + 2 for _, x in c.limits]))
            if holds:
                self.fire(c, s["first"], end, value)


def ordered(correlations):
    """Each behind those that it refers to; otherwise in the order in which they are written."""
    done, rest = [], list(correlations)
    while rest:
        ready = [c for c in rest if not any(r in (o.id, o.name) and r for r in c.rules for o in rest if o is not c)]
        if not ready:
            raise Refused("correlations refer to each other in a circle")
        done.append(ready[0])
        rest.remove(ready[0])
    return done


def shown(value):
    return "%.15g" % value


__all__ = ["Correlator", "shown", "text_of"]
