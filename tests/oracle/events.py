"""Log events as the rules see them: names of fields and the values that stand under each.

The naive half of the comparison: written from the Sigma specification ("Field Usage") and from what the exporters of
Windows events write, without looking at the program that is tested."""

import json
import re


class Number(str):
    """A JSON number by its own text."""


WINLOGBEAT = {"event_id": "EventID", "channel": "Channel", "provider_name": "Provider_Name", "provider_guid": "Provider_Guid",
              "computer_name": "Computer", "record_id": "EventRecordID", "task": "Task", "opcode": "Opcode",
              "keywords": "Keywords", "version": "Version"}
# What NXLog calls otherwise than Windows does.
NXLOG = {"SourceName": "Provider_Name", "ProviderGuid": "Provider_Guid", "Hostname": "Computer", "RecordNumber": "EventRecordID"}


def squeeze(name):
    """'Threat Name' is the field ThreatName: the specification has blanks stripped."""
    return name.replace(" ", "")


def leaves(value, path):
    """Every scalar below, with the list of names that lead to it. Items of arrays share the array's name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, path + [key])
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, path)
    else:
        yield path, value


def containers(value, path):
    """The path of every object and array: fields that are there without a value of their own."""
    if isinstance(value, (dict, list)):
        if path:
            yield path
        for key, inner in value.items() if isinstance(value, dict) else [(None, v) for v in value]:
            yield from containers(inner, path if key is None else path + [key])


def windows_names(path):
    """Other names under which a leaf of a Windows event is known, by the form in which it was exported."""
    p = list(path)
    if p[:1] == ["Event"] and len(p) > 2 and p[1] in ("System", "EventData", "UserData"):
        inner = p[2:]
        if p[1] == "UserData":
            inner = inner[1:]
        # <Provider Name="x"> is Provider_Name; the text of an element with attributes is the element itself.
        if "#attributes" in inner:
            at = inner.index("#attributes")
            inner = inner[:at - 1] + ["_".join(inner[at - 1:at] + inner[at + 1:])] if at > 0 else inner[at + 1:]
        inner = [x for x in inner if x != "#text"]
        if inner:
            yield ".".join(inner)
    if p[:2] in (["winlog", "event_data"], ["winlog", "user_data"]) and len(p) > 2:
        yield ".".join(p[2:])
    if p[:1] == ["winlog"] and len(p) == 2 and p[1] in WINLOGBEAT:
        yield WINLOGBEAT[p[1]]
    if len(p) == 1 and p[0] in NXLOG:
        yield NXLOG[p[0]]


class Event:
    """fields: name -> list of values (None, True, False, Number, str)."""

    def __init__(self, obj, raw):
        self.raw = raw
        self.fields = {}
        self.values = []
        self.cache = {}
        looks_windows = "Channel" in obj or "EventID" in obj

        def names_of(path):
            return {squeeze(".".join(path))} | {squeeze(name) for name in windows_names(path) if len(path) > 1 or looks_windows}
        for path, value in leaves(obj, []):
            self.values.append(value)
            for name in names_of(path):
                self.fields.setdefault(name, []).append(value)
        self.held = {name for path in containers(obj, []) for name in names_of(path)}

    def get(self, name):
        return self.fields.get(name)


def parse(line):
    """One JSON object."""
    obj = json.loads(line, parse_int=Number, parse_float=Number, parse_constant=Number)
    if not isinstance(obj, dict):
        raise ValueError("not an object")
    return Event(obj, line)


NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")


def number_of(value):
    """The value as a number, also from text; None if it is none."""
    if value is None or isinstance(value, bool):
        return None
    return float(value) if NUMBER.match(value) else None


def text_of(value):
    """The value as text; None for null."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def fold(text):
    """Simple Unicode case folding: one character for one."""
    if text.isascii():
        return text.lower()
    out = []
    for c in text:
        f = c.casefold()
        if len(f) != 1:
            f = c.lower()
        out.append(f if len(f) == 1 else c)
    return "".join(out)
