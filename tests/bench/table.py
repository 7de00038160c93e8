#!/usr/bin/env python3
"""table.py BUILD CACHE [STEP...]: every figure of the detection engine beside what is wanted of it, in one run.

The material comes from $LIANFANG_DATA (else ../shared/data beside the source tree): sigma/ and logs/. Lanes and the list of ten
million values are made in CACHE once. What the programs print is kept in CACHE/STEP.txt. A busy machine shows in the spreads there;
ratios come from turns within one run. Steps: engine flatten spot correlate history evtx reload loop syslog blockq (none: all)."""
import os, pathlib, random, re, subprocess, sys, time

HERE = pathlib.Path(__file__).resolve().parent
VALUES = 10_000_000


def data_folder():
    for path in (os.environ.get('LIANFANG_DATA'), HERE.parent.parent.parent / 'shared' / 'data'):
        if path and os.path.isdir(path):
            return pathlib.Path(path)
    sys.exit('no material: set LIANFANG_DATA')


def make_values(path):
    """Half host names, addresses, a tenth URLs, hashes: none of them in the lanes."""
    if path.exists():
        return
    r, part = random.Random(7), path.with_suffix('.part')
    with open(part, 'w') as f:
        for i in range(VALUES):
            k = i % 10
            if k < 5:
                f.write(f'h{r.getrandbits(40):x}.{("cdn", "mail", "login")[i % 3]}.example.net\n')
            elif k < 7:
                f.write(f'{r.randrange(11, 224)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}\n')
            elif k == 7:
                f.write(f'http://x{r.getrandbits(36):x}.example.org/p/{i}\n')
            else:
                f.write(f'{r.getrandbits(256):064x}\n' if k == 8 else f'{r.getrandbits(128):032x}\n')
    part.rename(path)


# step, what, how it is found in the output, at least (">", or "<": at most), stretch, unit
NUMBER = r'([\d.]+)'
ROWS = [
    ('engine', 'rules loaded', rf'^rules {NUMBER} loaded', '>', 0, None, ''),
    ('engine', 'share of the floor, lean', rf'^lean.json-share-of-floor {NUMBER}', '>', 0.30, 0.45, ''),
    ('engine', 'share of the floor, full', rf'^full.json-share-of-floor {NUMBER}', '>', 0.40, 0.55, ''),
    ('engine', 'share of the floor, process creation', rf'^process.json-share-of-floor {NUMBER}', '>', 0.10, 0.18, ''),
    ('engine', 'parse and match, lean', rf'^lean.json-match {NUMBER}', '>', 0.7, 1.0, 'M/s'),
    ('engine', 'parse and match, full', rf'^full.json-match {NUMBER}', '>', 0.5, 0.65, 'M/s'),
    ('engine', 'parse and match, process creation', rf'^process.json-match {NUMBER}', '>', 0.26, 0.42, 'M/s'),
    ('engine', 'two threads', rf'^lean.json-two-threads {NUMBER}', '>', 1.95, None, 'x'),
    ('engine', 'cache-hostile lane', rf'^hostile-share-of-lean {NUMBER}', '>', 0.5, None, 'x lean'),
    ('engine', 'load of all rules', rf'^load {NUMBER}', '<', 0.25, 0.1, 's'),
    ('engine', 'memory of all rules', rf'^load-resident {NUMBER}', '<', 32, 16, 'MB'),
    ('engine', 'slowest event a byte', rf'^slow-\S+ {NUMBER}', '<', 20, None, 'x lean'),
    ('flatten', 'flatten, lean, of simdjson', rf'^flatten\.lean\S*\.\S+\.of_simdjson {NUMBER}', '>', 1.0, 1.4, 'x'),
    ('spot', '10 M values: memory each', rf'^spot.memory {NUMBER}', '<', 10, 6, 'B'),
    ('spot', '10 M values: load from text', rf'^spot.load {NUMBER}', '<', 10, 4, 's'),
    ('spot', '10 M values: slow-down of the lean lane', rf'^spot.slower {NUMBER}', '<', 20, 10, '%'),
    ('spot', 'slowest text full of observables, a byte', rf'^spot.slow-\S+ {NUMBER}', '<', 20, None, 'x lean'),
    ('loop', 'one indicator added until it is effective', rf'^\s+{NUMBER}\s+[\d.]+\s+[\d.]+\s+Hospital A\s+from the import', '<', 100, 10, 'ms'),
    ('evtx', 'EVTX of evtxexport', rf'^evtx_to_evtxexport {NUMBER}', '>', 100, 200, 'x'),
    ('correlate', 'updates, 1 k groups', rf'^event_count, 1 k groups {NUMBER} M updates', '>', 20, 50, 'M/s'),
    ('correlate', 'updates, 1 M groups', rf'^event_count, 1 M groups {NUMBER} M updates', '>', 6, 12, 'M/s'),
    ('correlate', 'bytes a group', rf'^event_count, 1 M groups, groups \d+, bytes a group {NUMBER}', '<', 96, 64, 'B'),
    ('syslog', 'RFC 5424 to the history, of rsyslog to a file', rf'^syslog.ratio {NUMBER}', '>', 5, 8, 'x'),
    ('history', 'history, lean', rf'(?s)lean.json.*?^history_bytes {NUMBER}', '<', 50, 38, 'B/event'),
    ('history', 'history, full', rf'(?s)full.json.*?^history_bytes {NUMBER}', '<', 90, 65, 'B/event'),
    ('history', 'sealing in a hurry, lean', rf'(?s)lean.json.*?^history_seal_hurry {NUMBER}', '>', 300, None, 'MB/s'),
    ('history', 'history in a hurry, lean', rf'(?s)lean.json.*?^history_bytes_hurry {NUMBER}', '<', 50, 38, 'B/event'),
    ('history', 'sealing in a hurry, full', rf'(?s)full.json.*?^history_seal_hurry {NUMBER}', '>', 300, None, 'MB/s'),
    ('history', 'history in a hurry, full', rf'(?s)full.json.*?^history_bytes_hurry {NUMBER}', '<', 90, 65, 'B/event'),
    ('history', 'history, index', rf'^history_index {NUMBER}', '<', 1, 0.5, 'B/event'),
    ('history', 'one new indicator over 10^8 events', rf'^hunt_one_indicator {NUMBER}', '<', 50, 10, 'ms'),
    ('reload', 'reload: events lost', rf'^reload.events \d+ fed, {NUMBER} lost', '<', 0, None, ''),
    ('reload', 'reload: pause, own time', rf'^reload.pause_own_time {NUMBER}', '<', 1, None, 'ms'),
    ('reload', 'reload: p99.9 of all events, own time', rf'^reload.event_p99.9 \S+ ms \(own time {NUMBER}', '<', 1, None, 'ms'),
    ('blockq', 'queue of blocks', rf'^blockq_\S+_all_at_once {NUMBER}', '>', 1, None, 'M/s'),
]


def commands(build, cache, data):
    bench, sigma = build / 'tests' / 'bench', data / 'sigma'
    rules = [sigma / name for name in ('rules', 'rules-emerging-threats', 'rules-threat-hunting', 'rules-compliance', 'rules-placeholder')]
    lean, full = cache / 'lean.json', cache / 'full.json'
    return {
        'engine': [bench / 'bench-engine', *rules, '--', lean, full, cache / 'process.json', cache / 'hostile.json'],
        'flatten': [bench / 'bench-flatten', lean, full],
        'spot': [bench / 'bench-spot', cache / 'values.txt', *rules, '--', lean],
        'correlate': [bench / 'bench-correlate'],
        'history': [bench / 'bench-history', lean, full],
        'evtx': [bench / 'bench-evtx', data / 'logs' / 'evtx-attack-samples'],
        'reload': [bench / 'bench-reload', sigma / 'rules' / 'windows', lean],
        'loop': [HERE / 'loop.sh', build],
        'syslog': [HERE / 'syslog.sh', build],
        'blockq': [bench / 'bench-blockq'],
    }


def measured(row, text):
    """The median is what a program prints first; of several figures that fit the worst counts."""
    step, what, pattern, way, wanted, stretch, unit = row
    found = [float(x) for x in re.findall(pattern, text, re.M)]
    if not found:
        return None
    if what.startswith('flatten'):
        return max(found)  # the best way of this machine
    return (min if way == '>' else max)(found)


def verdict(row, value):
    step, what, pattern, way, wanted, stretch, unit = row

    def met(limit):
        return value >= limit if way == '>' else value <= limit
    return 'stretch' if stretch is not None and met(stretch) else 'yes' if met(wanted) else 'NO'


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    build, cache = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    data = data_folder()
    all_commands = commands(build, cache, data)
    steps = sys.argv[3:] or list(all_commands)
    if unknown := set(steps) - set(all_commands):
        sys.exit(f'no such step: {", ".join(unknown)}')
    cache.mkdir(parents=True, exist_ok=True)
    if {'engine', 'flatten', 'spot', 'history', 'reload'} & set(steps):
        subprocess.run([sys.executable, HERE / 'lanes.py', cache], check=True, stdout=sys.stderr)
    if 'spot' in steps:
        make_values(cache / 'values.txt')
    for step in steps:
        begun = time.monotonic()
        with open(cache / f'{step}.txt', 'wb') as out:
            status = subprocess.run(list(map(str, all_commands[step])), stdout=out, stdin=subprocess.DEVNULL).returncode
        print(f'# {step}: {time.monotonic() - begun:.0f} s{"" if status == 0 else f", status {status}"}', file=sys.stderr, flush=True)
    load = ' '.join(open('/proc/loadavg').read().split()[:3])
    print(f'{"what":46} {"measured":>12} {"at least":>12} {"stretch":>10}  met       ({os.cpu_count()} cores, load {load})')
    for row in ROWS:
        step, what, pattern, way, wanted, stretch, unit = row
        if step not in steps:
            continue
        value = measured(row, (cache / f'{step}.txt').read_text(errors='replace'))
        sign = '>=' if way == '>' else '<='
        print(f'{what:46} {"-" if value is None else f"{value:g}":>12} {sign + f" {wanted:g}":>12} {"" if stretch is None else f"{stretch:g}":>10}  '
              f'{"not measured" if value is None else verdict(row, value):9} {unit}')


main()
