"""Bundles of `lianfang scan --stix`, read by the real stix2 package."""
import subprocess
import sys
import tempfile

import stix2

EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-' + b'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'
with tempfile.TemporaryDirectory() as folder:
    for name, content, result in (('test.com', EICAR, 'malicious'), ('plain.txt', b'nothing\n' * 40, 'unknown')):
        with open(f'{folder}/{name}', 'wb') as f:
            f.write(content)
        out = subprocess.run([sys.argv[1], 'scan', '--stix', f'{folder}/{name}'], stdout=subprocess.PIPE, check=False).stdout
        bundle = stix2.parse(out.decode())
        files = [o for o in bundle.objects if o.type == 'file']
        assert [str(f.id) for f in files] == [str(stix2.File(**{k: v for k, v in f.items() if k != 'id'}).id) for f in files], 'ids of files'
        assert [o.result for o in bundle.objects if o.type == 'malware-analysis'] == [result], 'result'
        print(f'ok - {name}: {len(bundle.objects)} objects')
