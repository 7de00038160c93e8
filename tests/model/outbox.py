#!/usr/bin/env python3
"""Model-checks the outbox (outbox.pml) with spin: no receipt lies, no effect twice, everything arrives; and four ways of doing it wrong are found.
`outbox.py [N BUDGET]`: objects, and how often each sort of mishap may come (2 and 2)."""
import os, re, shutil, subprocess, sys, tempfile

here = os.path.dirname(os.path.abspath(__file__))
n, budget = (sys.argv[1:3] + ['2', '2'])[:2] if len(sys.argv) < 3 else sys.argv[1:3]
cases = [(0, False, True, 'no receipt lies, no effect happens twice, nothing gets stuck'), (0, True, True, 'everything has its effect in the end'),
         (1, False, False, 'found: a receipt before the object is durable'), (2, False, False, 'found: an effect without a key'),
         (3, True, False, 'found: a cursor that moves before the effect'), (4, False, False, 'found: a cursor that moves without a receipt')]
print(f'1..{len(cases)}')
failed = 0
for i, (mutant, live, want, name) in enumerate(cases, 1):
    if not shutil.which('spin') or not shutil.which('cc'):
        print(f'ok {i} - {name} # SKIP spin or cc is not installed')
        continue
    with tempfile.TemporaryDirectory() as work:
        defines = [f'-DN={n}', f'-DBUDGET={budget}', f'-DMUTANT={mutant}'] + ['-DLIVE'] * live
        subprocess.run(['spin', *defines, '-a', os.path.join(here, 'outbox.pml')], cwd=work, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(['cc', '-O2', '-w', '-DMEMLIM=4096', *([] if live else ['-DSAFETY', '-DNOCLAIM']), '-o', 'pan', 'pan.c'], cwd=work, check=True)
        ran = subprocess.run(['./pan', '-m1000000', '-n', *(['-a', '-f'] if live else [])], cwd=work, capture_output=True, text=True)
    errors = re.search(r'errors: (\d+)', ran.stdout)
    states = re.search(r'([\d.e+]+) states, stored', ran.stdout)
    whole = 'Search not completed' not in ran.stdout and 'too small' not in ran.stdout
    good = errors is not None and ((errors.group(1) == '0') and whole if want else errors.group(1) != '0')
    failed += not good
    print(f'{"ok" if good else "not ok"} {i} - {name}', flush=True)
    print(f'#   {states.group(1) if states else "?"} states, {errors.group(1) if errors else "?"} errors')
    if not good:
        print('#   ' + (ran.stdout + ran.stderr)[-1500:].replace('\n', '\n#   '))
sys.exit(1 if failed else 0)
