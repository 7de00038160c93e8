#!/usr/bin/env python3
"""Builds the lanes of the detection benchmarks from real Windows events.

    tests/bench/lanes.py CACHE        writes CACHE/{full,lean,process,hostile}.json, one event a line

Source: the zips of OTRF/Security-Datasets in $LIANFANG_DATA/logs/security-datasets, else in ../shared/data/logs beside
the source tree (not part of it). Same source, same seed, same lanes: 40,000 events of all scenarios, shuffled.

  full     the lines as they are
  lean     without the rendered Message and what the forwarder added: what a careful exporter ships
  process  as lean, process creation only (Sysmon 1, Security 4688): where the most rules apply
  hostile  as lean, an eighth of the letters and digits of each value random: no value comes twice

Nothing is done when the lanes are there already.
"""
import json
import os
import pathlib
import random
import re
import sys
import zipfile

EVENTS = 40_000
SEED = 20260101
DROPPED = {
    "Message", "@version", "port", "tags", "host", "EventReceivedTime", "SourceModuleName", "SourceModuleType", "Severity",
    "SeverityValue", "Category", "Opcode", "OpcodeValue", "Version", "Keywords", "ProviderGuid", "ERROR_EVT_UNRESOLVED",
    "ThreadID", "TimeCreated",
}
KEPT_AS_IS = {"EventID", "Channel", "SourceName", "Hostname", "@timestamp", "UtcTime", "EventTime"}
PROCESS = re.compile(rb'"EventID":\s*(1|4688)\b')


def source():
    root = os.environ.get("LIANFANG_DATA") or pathlib.Path(__file__).resolve().parents[2].parent / "shared" / "data"
    return pathlib.Path(root) / "logs" / "security-datasets"


def lines(folder):
    for path in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(path) as z:
            for name in sorted(z.namelist()):
                if name.endswith(".json"):
                    with z.open(name) as f:
                        yield from (line.strip() for line in f if line.startswith(b"{"))


class Sample:
    """A fair sample of at most EVENTS of what is offered."""

    def __init__(self, seed):
        self.random, self.seen, self.kept = random.Random(seed), 0, []

    def offer(self, line):
        self.seen += 1
        if len(self.kept) < EVENTS:
            self.kept.append(line)
        elif (at := self.random.randrange(self.seen)) < EVENTS:
            self.kept[at] = line

    def shuffled(self):
        self.random.shuffle(self.kept)
        return self.kept


def lean(line):
    return {k: v for k, v in json.loads(line).items() if k not in DROPPED}


def text(event):
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def scramble(event, rng):
    def value(s):
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789") if c.isalnum() and rng.random() < 0.125 else c for c in s)

    return {k: value(v) if isinstance(v, str) and k not in KEPT_AS_IS else v for k, v in event.items()}


def write(path, events):
    part = path.with_suffix(".part")
    part.write_bytes(b"\n".join(events) + b"\n")
    part.rename(path)
    print(f"{path.name}: {len(events)} events, {path.stat().st_size / len(events):.0f} bytes each")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    cache = pathlib.Path(sys.argv[1])
    if all((cache / f"{lane}.json").exists() for lane in ("full", "lean", "process", "hostile")):
        return
    if not source().is_dir():
        sys.exit(f"lanes.py: no {source()}")
    cache.mkdir(parents=True, exist_ok=True)
    every, process = Sample(SEED), Sample(SEED + 1)
    for line in lines(source()):
        every.offer(line)
        if PROCESS.search(line):
            process.offer(line)
    full = every.shuffled()
    leaner = [lean(line) for line in full]
    rng = random.Random(SEED + 2)
    write(cache / "full.json", full)
    write(cache / "lean.json", [text(e) for e in leaner])
    write(cache / "process.json", [text(lean(line)) for line in process.shuffled()])
    write(cache / "hostile.json", [text(scramble(e, rng)) for e in leaner])
    print(f"members: full {sum(len(json.loads(l)) for l in full) / len(full):.1f}, lean {sum(map(len, leaner)) / len(leaner):.1f}")


if __name__ == "__main__":
    main()
