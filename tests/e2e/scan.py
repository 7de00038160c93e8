#!/usr/bin/env python3
"""What `lianfang scan` says to people and to platforms: words in two languages, and STIX that the program's own judge and, where it is
installed, the reference library take."""
import io
import zipfile
from harness import *

try:
    import stix2
except ImportError:
    stix2 = None

t = Tap()
EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-' + b'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'


def archive(**members):
    b = io.BytesIO()
    with zipfile.ZipFile(b, 'w') as z:
        for name, content in members.items():
            z.writestr(zipfile.ZipInfo(name.replace('_', '.')), content)
    return b.getvalue()


write('plain.txt', 'nothing to see\n')
write('letter.zip', archive(note_txt=b'hello', test_com=EICAR))
write('nest.zip', archive(inner_zip=archive(test_com=EICAR), again_zip=archive(test_com=EICAR)))
write('cut.zip', archive(note_txt=b'hello' * 100)[:40])
SAYS = {'plain.txt': (0, 'nothing harmful was found', '未發現有害內容'), 'letter.zip': (1, 'This file is malicious', '這個檔案是惡意的'),
        'nest.zip': (1, 'EICAR test file', 'EICAR 測試檔'), 'cut.zip': (2, 'could not be looked at', '無法檢視')}
for name, (status, en, zh) in SAYS.items():
    r = run('scan', '--citizen', path(name))
    t.ok(r.status == status and en in r.out and 'Whom to tell' in r.out and 'safe' not in r.out, f'{name} in English', r)
    r = run('scan', '--citizen', '--lang', 'zh', path(name))
    t.ok(r.status == status and zh in r.out and '向誰通報' in r.out and '無害' not in r.out, f'{name} in Chinese', r)

for name in SAYS:
    r, again = run('scan', '--stix', path(name)), run('scan', '--stix', path(name))
    t.ok(r.bytes == again.bytes and r.json() is not None, f'{name}: the same bundle byte for byte', r)
    write(name + '.json', r.bytes)
    judged = run('validate', path(name + '.json'))
    t.ok(judged.status == 0 and 'must' not in judged.out, f'{name}: sound', judged)
    if stix2 is None:
        t.skip(f'{name}: the reference library', 'the module stix2 is not installed')
        continue
    b = stix2.parse(r.out)
    t.same([str(f.id) for f in b.objects if f.type == 'file'],
           [str(stix2.File(**{k: v for k, v in f.items() if k != 'id'}).id) for f in b.objects if f.type == 'file'],
           f'{name}: the reference library gives the files the same ids')

# Every trait that makes a file suspicious has words of its own for people.
sources = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'src', 'lab')
text = {name: read(os.path.join(sources, name)).decode() for name in os.listdir(sources) if name.endswith('.c')}
traits = {x for name, s in text.items() for x in re.findall(r'LAB_(?:SUSPICIOUS|MALICIOUS), "([\w.-]+)"', s)}
t.ok(len(traits) > 20, f'{len(traits)} traits are known')
t.same(sorted(x for x in traits if f'{{ "{x}", {{ "' not in text['citizen.c']), [], 'each has words for everybody')

objects = run('scan', '--stix', '--tlp', 'green', path('nest.zip')).json()['objects']
t.same(sorted(o['type'] for o in objects if o['type'] != 'file'),
       ['indicator', 'indicator', 'malware', 'malware-analysis', 'note', 'relationship', 'relationship', 'relationship'],
       'the archive and the file in it are indicators; one file packed twice is one')
t.ok(all(o['object_marking_refs'] == [TLP['green']] for o in objects), 'marked as was asked')
by_id = {o['id']: o for o in objects}
top = [o for o in objects if o.get('name') == 'nest.zip'][0]
t.same(len(top['contains_refs']), 1, 'both members are one file, since they are the same')
t.same([by_id[x]['name'] for x in by_id[top['contains_refs'][0]]['contains_refs']], ['test.com'], 'which contains the test file')
a = [o for o in objects if o['type'] == 'malware-analysis'][0]
t.same((a['result'], a['result_name'], a['sample_ref']), ('malicious', 'malicious', top['id']), 'the analysis')
t.ok(run('scan', '--stix', '--tlp', 'blue', path('plain.txt')).status == 2, 'a level that does not exist is refused')
t.ok(run('scan', '--only-rules', '--stix', '--yara', 'x', path('plain.txt')).status == 2, '--only-rules goes with no bundle')
t.done()
