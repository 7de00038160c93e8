"""The clocks, levels and states of the packs once more: slow, plain, and written from the law's text alone. It shares no code
and no data with the program (it does not read the packs)."""
from datetime import date, datetime, timedelta, timezone

MINUTE, HOUR, DAY = 60, 3600, 86400
UTC = timezone.utc

# --- the level of an incident: a table of sixteen cells (and those of sensitive information, 2021) ---
LEAK_OR_TAMPER = {
    "noncore": {"minor": 1, "serious": 2}, "core": {"minor": 2, "serious": 3}, "core_ci": {"minor": 3, "serious": 4},
    "official": {"minor": 3, "serious": 4}, "state": {"minor": 4, "serious": 4}, "sensitive": {"minor": 3, "serious": 4},
}
OUTAGE = {"noncore": {"within": 1, "beyond": 2}, "core": {"within": 2, "beyond": 3}, "core_ci": {"within": 3, "beyond": 4}}


def tw_levels(items):
    """C, I, A of a list of items."""
    c = i = a = 0
    for x in items:
        if x["effect"] in ("leak", "tamper"):
            found = [LEAK_OR_TAMPER[x["coreness"]][x["severity"]]]
            if x.get("secrecy") in ("official", "state", "sensitive"):
                found.append(LEAK_OR_TAMPER[x["secrecy"]][x["severity"]])
            if x["effect"] == "leak" and x["target"] == "information":
                c = max([c] + found)
            if x["effect"] == "tamper":
                i = max([i] + found)
        elif x["target"] == "system":
            a = max(a, OUTAGE[x["coreness"]][x["recovery"]])
    return c, i, a


def eu_levels(items):
    c = i = a = 0
    for x in items:
        if x["effect"] == "leak":
            c = max(c, 2 if x["severity"] == "serious" else 1)
        elif x["effect"] == "tamper":
            i = max(i, 2 if x["severity"] == "serious" else 1)
        else:
            a = max(a, 2 if x["recovery"] == "beyond" else 1)
    return c, i, a


# --- calendars ---
def last_sunday(year, month):
    d = date(year, month, 31)
    return d - timedelta(days=(d.weekday() + 1) % 7)


def brussels(t):
    """Seconds ahead of UTC: summer time from the last Sunday of March to that of October, 01:00 UTC."""
    y = datetime.fromtimestamp(t, UTC).year
    begin = datetime.combine(last_sunday(y, 3), datetime.min.time(), UTC).timestamp() + HOUR
    end = datetime.combine(last_sunday(y, 10), datetime.min.time(), UTC).timestamp() + HOUR
    return 2 * HOUR if begin <= t < end else HOUR


DAYS_OFF = {date.fromisoformat(x) for x in """
2026-01-01 2026-02-15 2026-02-16 2026-02-17 2026-02-18 2026-02-19 2026-02-20 2026-02-27 2026-02-28 2026-04-03 2026-04-04
2026-04-05 2026-04-06 2026-05-01 2026-06-19 2026-09-25 2026-09-28 2026-10-09 2026-10-10 2026-10-25 2026-10-26 2026-12-25
2024-01-01 2024-02-08 2024-02-09 2024-02-12 2024-02-13 2024-02-14 2024-02-28 2024-04-04 2024-04-05 2024-06-10 2024-09-17
2024-10-10 2025-01-01 2025-01-27 2025-01-28 2025-01-29 2025-01-30 2025-01-31 2025-02-28 2025-04-03 2025-04-04
2027-01-01 2027-02-04 2027-02-05 2027-02-08 2027-02-09 2027-02-10 2027-02-28 2027-03-01""".split()}
WORKDAYS = {date(2024, 2, 17), date(2025, 2, 8)}


def month_later(t, offset, days_off, workdays, roll, whole_day):
    here = datetime.fromtimestamp(t + offset(t), UTC)
    y, m = (here.year, here.month + 1) if here.month < 12 else (here.year + 1, 1)
    d = here.day
    while True:
        try:
            day = date(y, m, d)
            break
        except ValueError:
            d -= 1
    while roll and (day in days_off or day.weekday() >= 5) and day not in workdays:
        day += timedelta(days=1)
    if whole_day:
        wall = datetime.combine(day, datetime.min.time(), UTC).timestamp() + DAY - 1
    else:
        wall = datetime.combine(day, here.time(), UTC).timestamp()
    guess = wall - offset(wall)
    return int(wall - offset(guess))


# What one office asks of another: each has its own acknowledgement and its own end, which is due when the asker says.
ACTIONS = [
    ("acknowledge", "dispatched", ("acknowledged to it",), True, lambda l, s: None),
    ("action", "dispatched", ("completed to it",), True, lambda l, s: None),
]


# --- what each law says: (id, start, stop, each, limit(level, subject) -> seconds | "month" | None (no figure) | False) ---
def tw(year):
    def k6(level, subject):
        return None if year == 2021 and subject == "non-government" and level <= 2 else HOUR
    return [
        ("K1", "aware", ("reported",), False, lambda l, s: HOUR),
        ("K2", "level!", ("reported",), True, lambda l, s: HOUR),
        ("K3", "aware if fallback", ("fallback with reason",), False, lambda l, s: HOUR),
        ("K4", "fallback", ("backfilled", "platform"), False, lambda l, s: None),
        ("K5", "reported!", ("reviewed", "rereviewed"), True, lambda l, s: 8 * HOUR if l <= 2 else 2 * HOUR),
        ("K6", "reviewed", ("forwarded",), True, k6),
        ("K7", "forwarded", ("rereviewed",), False, lambda l, s: None),
        ("K8", "aware", ("contained", "recovered"), False, lambda l, s: 72 * HOUR if l <= 2 else 36 * HOUR),
        ("K9", "contained or recovered", ("final_report",), False, lambda l, s: "month"),
        ("K11", "aware", ("meeting",), False, lambda l, s: None if s == "government" and l >= 3 else False),
        ("K12", "final_report", ("accepted",), False, lambda l, s: None if s == "non-government" and l >= 3 else False),
        ("K10", "requested extension", ("extended of a report", "decided"), True, lambda l, s: None),
        ("K13", "completed drill", ("completed drill-result",), True, lambda l, s: "month"),
    ] + ([("K14", "requested transfer", ("completed transfer",), True, lambda l, s: 7 * DAY)] if year == 2026 else []) + ACTIONS


EU = [
    ("early-warning", "aware", ("reported",), False, lambda l, s: 24 * HOUR if l == 2 else False),
    ("notification", "aware", ("notification",), False, lambda l, s: 72 * HOUR if l == 2 else False),
    ("final", "notification", ("final_report",), False, lambda l, s: "month" if l == 2 else False),
    ("answer", "reported", ("reviewed", "rereviewed", "acknowledged"), False, lambda l, s: 24 * HOUR if l == 2 else False),
] + ACTIONS
GENERIC = [
    ("report", "aware", ("reported",), False, lambda l, s: 24 * HOUR),
    ("details", "aware", ("notification",), False, lambda l, s: 72 * HOUR),
    ("review", "reported!", ("reviewed", "rereviewed"), True, lambda l, s: 24 * HOUR if l <= 2 else 4 * HOUR),
    ("control", "aware", ("contained", "recovered"), False, lambda l, s: 72 * HOUR if l <= 2 else 36 * HOUR),
    ("final", "contained or recovered", ("final_report",), False, lambda l, s: "month"),
    ("acknowledge", "dispatched", ("acknowledged to it",), True, lambda l, s: 4 * HOUR if l <= 2 else HOUR),
    ACTIONS[1],
]


def taipei(t):
    return 8 * HOUR


LAWS = {
    "tw-2026": (tw(2026), tw_levels, 1, lambda t: month_later(t, taipei, DAYS_OFF, WORKDAYS, True, True), True),
    "tw-2021": (tw(2021), tw_levels, 1, lambda t: month_later(t, taipei, DAYS_OFF, WORKDAYS, True, True), True),
    "eu-nis2": (EU, eu_levels, 2, lambda t: month_later(t, brussels, set(), set(), True, True), True),
    "generic": (GENERIC, tw_levels, 1, lambda t: month_later(t, lambda x: 0, set(), set(), False, False), True),
}
MOST = {"tw-2026": 4, "tw-2021": 4, "eu-nis2": 2, "generic": 4}
# Of one instant: awareness, then the level, then what is done, in the order of the law's own steps.
ORDER = ["aware", "level", "reported", "backfilled", "reviewed", "rereviewed", "forwarded", "contained", "recovered", "final_report",
         "extended", "returned", "accepted", "closed", "reopened", "corrected", "dispatched", "acknowledged", "warned", "evidence", "meeting",
         "dismissed", "merged", "unmerged", "note", "requested", "decided", "completed", "published"]


def seconds(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def settled(facts, now):
    """Each fact once, known by now, with corrected times, in order of what happened."""
    known = {}
    for f in facts:
        if seconds(f["at"]) <= now:
            known[f["id"]] = f
    newest = {}
    for f in sorted((f for f in known.values() if f["type"] == "corrected"), key=lambda f: (seconds(f["at"]), f["id"])):
        if f["ref"] in known and known[f["ref"]]["type"] != "corrected":
            newest[f["ref"]] = f["claimed"]
    out = []
    for f in known.values():
        if f["type"] == "corrected":
            continue
        when = seconds(newest.get(f["id"], f.get("claimed", f["at"])))
        if when <= seconds(f["at"]) + 300:
            out.append(dict(f, when=when))
    return sorted(out, key=lambda f: (f["when"], ORDER.index(f["type"]), seconds(f["at"]), f["id"]))


def claim(f, law):
    level = f.get("level", 0)
    if level == 0 and "items" in f:
        level = max(LAWS[law][1](f["items"]))
    return level if 1 <= level <= MOST[law] else 0


def level_after(story, law, until):
    """The level when everything up to `until` (inclusive) has happened; 0: none stated."""
    level, final = 0, False
    for f in story:
        if f["when"] > until:
            break
        n = claim(f, law)
        if n == 0:
            continue
        if f["type"] in ("level", "reported"):
            level, final = n, False
        elif f["type"] == "rereviewed":
            level, final = n, True
        elif f["type"] == "reviewed" and not final:
            level = n
    return level


def mark_changes(story, law):
    """Which level claims differ from what held before, behind the first report; which reports tell something new."""
    level, final, reports, news = 0, False, 0, True
    for f in story:
        n, before = claim(f, law), level
        reported_before = reports > 0
        if f["type"] == "reported":
            reports += 1
        f["nth"] = reports if f["type"] == "reported" else 0
        if n and (f["type"] in ("level", "reported") or f["type"] == "rereviewed" or (f["type"] == "reviewed" and not final)):
            final = f["type"] == "rereviewed"
            level = n
        f["new"] = False
        if f["type"] in ("level", "reported") and level != before and reported_before:
            f["new"] = news = True
        if f["type"] == "reported":
            f["new"], news = news, False


def happens(f, what, begin=None):
    t = f["type"]
    if what.endswith(" to it"):
        return t == what[:-6] and f.get("ref") == begin["id"]
    if what == "extended of a report":
        return t == "extended" and f.get("stage", "extension") == "extension"
    if what == "decided":  # what else it might be about has a stage of its own
        return t == "decided" and f.get("stage", "extension") == "extension"
    if " " in what and what.split(" ")[0] in ("requested", "decided", "completed"):
        return (t, f.get("stage")) == tuple(what.split(" "))
    channel = f.get("channel") or "platform"
    if what == "fallback":
        return t == "reported" and channel == "fallback"
    if what == "platform":
        return t == "reported" and channel == "platform"
    if what == "fallback with reason":
        return t == "reported" and channel == "fallback" and bool(f.get("reason"))
    if what == "notification":
        return t == "reported" and (f["stage"] == "notification" if f.get("stage") else f["nth"] >= 2)
    if what == "contained or recovered":
        return t in ("contained", "recovered")
    if what.endswith("!"):
        return t == what[:-1] and f["new"]
    return t == what


def evaluate(law, facts, now):
    clocks, _, unknown, month, _ = LAWS[law]
    story = settled(facts, now)
    mark_changes(story, law)
    subject = "government"
    for f in story:
        subject = f.get("subject") or subject
    shut = None
    for f in story:
        if f["type"] in ("closed", "dismissed"):
            shut = f["when"] if shut is None else shut
        elif f["type"] == "reopened":
            shut = None
    out = []
    for cid, start, stops, each, limit in clocks:
        if start == "aware if fallback":
            if not any(happens(f, "fallback") for f in story):
                continue
            start = "aware"
        begins = [f for f in story if happens(f, start)]
        for b in begins if each else begins[:1]:
            ends = [f["when"] for f in story if any(happens(f, s, b) for s in stops) and (not each or f["when"] >= b["when"])]
            stop = ends[0] if ends else None
            out.append(judge(cid, b, stop, story, law, subject, shut, now, limit, unknown, month))
    return state(story), level_after(story, law, now + 10**9), [c for c in out if c]


def judge(cid, begin, stop, story, law, subject, shut, now, limit, unknown, month):
    start = begin["when"]
    end = stop if stop is not None else shut if shut is not None else now

    def due_at(t):
        level = level_after(story, law, t) or unknown
        span = limit(level, subject)
        if cid == "action" and begin.get("until"):
            return seconds(begin["until"])
        if span in (None, False):
            return span
        due = month(start) if span == "month" else start + span
        if cid in ("K9", "final"):
            due = max([due] + [seconds(f["until"]) for f in story if happens(f, "extended of a report") and f["when"] <= t])
        if cid == "K14":
            longer = [seconds(f["until"]) for f in story if f["type"] == "extended" and f.get("stage") == "transfer" and f["when"] <= t]
            due = min(max([due] + longer), start + 14 * DAY)
        return due

    # Looked at whenever something happens while it runs; what holds at such an instant holds until the next.
    instants = [start] + sorted({f["when"] for f in story if start < f["when"] < end})
    ever = False
    for k, t in enumerate(instants):
        due = due_at(t)
        ever = ever or due is not False
        until = instants[k + 1] if k + 1 < len(instants) else end
        if due not in (None, False) and until > due:
            return cid, start, due, stop, "breached"
    if not ever:
        return None
    last = due_at(instants[-1])
    if last is False:
        return cid, start, None, stop, "void"
    if stop is not None:
        return cid, start, last, stop, "met"
    return cid, start, last, stop, "void" if shut is not None else "running"


STEPS = ["draft", "aware", "reported", "fallback_reported", "backfilled", "reviewed", "ca_confirmed", "reopened", "contained", "investigating",
         "final_submitted", "returned", "accepted", "closed", "false_alarm", "merged"]


def step(now, f):
    def up(name):
        return name if STEPS.index(name) > STEPS.index(now) else now
    t = f["type"]
    if t == "reported":
        if f.get("channel") == "fallback":
            return "fallback_reported" if now in ("draft", "aware") else now
        return "reported" if f["new"] and STEPS.index(now) <= STEPS.index("ca_confirmed") else up("reported")
    plain = {"aware": "aware", "backfilled": "backfilled", "reviewed": "reviewed", "rereviewed": "ca_confirmed", "contained": "contained",
             "recovered": "investigating"}
    if t in plain:
        return up(plain[t])
    late = {"final_report": "final_submitted", "returned": "returned", "accepted": "accepted"}
    if t in late:
        return late[t] if STEPS.index(now) < STEPS.index("closed") else now
    return {"closed": "closed", "dismissed": "false_alarm", "reopened": "reopened", "merged": "merged"}.get(t, now)


def state(story):
    now = apart = "draft"
    for f in story:
        if f["type"] == "unmerged":
            now = apart
            continue
        if f["type"] != "merged":
            apart = step(apart, f)
        if now != "merged":
            now = step(now, f)
    return now
