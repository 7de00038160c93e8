#!/usr/bin/env python3
"""Documents with something in them, made here byte by byte, go through `lianfang scan`: what is hidden is found, and every byte is accounted for."""
import base64
import email.message
import email.policy
import struct
import zlib
from harness import *

t = Tap()
EICAR = b'X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-' + b'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'
MARK = b'mark-of-a-document-2231'
rules = write('mark.yar', 'rule mark { meta: score = 90 author = "test" strings: $a = "%s" condition: $a }' % MARK.decode())


def scan(name, content):
    write(name, content)
    r = run('scan', '--json', '--yara', rules, path(name), timeout=60)
    out = r.lines()
    return out[0] if out else {'verdict': repr(r)}


def found(d):
    return sorted({m['id'] for m in d.get('matches', [])})


def facts(d, name):
    return [f['value'] for f in d['facts'] if f['name'] == name]


# --- compound files ---
END, FREE, TABLE = 0xfffffffe, 0xffffffff, 0xfffffffd


class Compound:
    """A writer of compound files, version 3: streams given as {'storage/name': bytes}."""

    def __init__(self, streams):
        self.sectors, self.next, self.small, self.small_next = [], [], b'', []
        self.rows = [['Root Entry', 5, FREE, FREE, FREE, END, 0]]
        where = {'': 0}
        children = {0: []}
        for full, content in streams.items():
            parts = full.split('/')
            for i in range(1, len(parts) + 1):
                key = '/'.join(parts[:i])
                if key in where:
                    continue
                self.rows.append([parts[i - 1], 1 if i < len(parts) else 2, FREE, FREE, FREE, END if i == len(parts) else 0, 0])
                where[key] = len(self.rows) - 1
                children[where[key]] = []
                children[where['/'.join(parts[:i - 1])]].append(where[key])
            row = self.rows[where[full]]
            row[6] = len(content)
            row[5] = self.put_small(content) if len(content) < 4096 else self.put(content)
        for storage, inside in children.items():
            for a, b in zip(inside, inside[1:]):
                self.rows[a][3] = b
            if inside:
                self.rows[storage][4] = inside[0]

    def put(self, content):
        first, n = len(self.sectors), (len(content) + 511) // 512
        self.sectors += [content[i * 512:(i + 1) * 512].ljust(512, b'\0') for i in range(n)]
        self.next += [first + i + 1 for i in range(n - 1)] + [END] * (n > 0)
        return first if n else END

    def put_small(self, content):
        first, n = len(self.small_next), (len(content) + 63) // 64
        self.small += content.ljust(n * 64, b'\0')
        self.small_next += [first + i + 1 for i in range(n - 1)] + [END] * (n > 0)
        return first if n else END

    def done(self):
        self.rows[0][5], self.rows[0][6] = self.put(self.small), len(self.small)
        small_table = b''.join(struct.pack('<I', x) for x in self.small_next)
        small_table += b'\xff' * (-len(small_table) % 512)
        small_at = self.put(small_table)
        directory = b''
        for name, kind, left, right, child, start, size in self.rows:
            text = name.encode('utf-16-le') + b'\0\0'
            directory += text.ljust(64, b'\0') + struct.pack('<HBBIII', len(text), kind, 1, left, right, child) + bytes(36) + struct.pack('<IQ', start, size)
        directory += bytes(-len(directory) % 512)
        directory_at = self.put(directory)
        n = 1
        while n * 128 < len(self.next) + n:
            n += 1
        first = len(self.sectors)
        self.next += [TABLE] * n
        table = b''.join(struct.pack('<I', x) for x in self.next)
        table += b'\xff' * (n * 512 - len(table))
        self.sectors += [table[i * 512:(i + 1) * 512] for i in range(n)]
        heads = [first + i if i < n else FREE for i in range(109)]
        head = b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1' + bytes(16) + struct.pack('<HHHHH6xIIIIIIIII', 0x3e, 3, 0xfffe, 9, 6, 0, n, directory_at, 0, 4096, small_at,
                                                                             len(small_table) // 512, END, 0) + struct.pack('<109I', *heads)
        return head + b''.join(self.sectors)


def packed(text):
    """A compressed container of macros: literals, and copies where the last four bytes come again."""
    out = b'\1'
    for start in range(0, len(text), 4096):
        chunk, body, i = text[start:start + 4096], b'', 0
        while i < len(chunk):
            flags, tokens = 0, b''
            for bit in range(8):
                if i >= len(chunk):
                    break
                back = chunk[:i].rfind(chunk[i:i + 4]) if i + 4 <= len(chunk) else -1
                bits = 4
                while (1 << bits) < i:
                    bits += 1
                if back >= 0 and i - back <= 1 << bits:
                    flags |= 1 << bit
                    tokens += struct.pack('<H', (i - back - 1) << (16 - bits) | 1)
                    i += 4
                else:
                    tokens += chunk[i:i + 1]
                    i += 1
            body += bytes([flags]) + tokens
        out += struct.pack('<H', 0xb000 | (len(body) - 1)) + body
    return out


def directory_of(modules):
    def record(kind, data):
        return struct.pack('<HI', kind, len(data)) + data
    out = record(1, struct.pack('<I', 3)) + struct.pack('<HIIH', 9, 4, 7, 9) + record(0x0f, struct.pack('<H', len(modules)))
    for name, at in modules:
        out += record(0x19, name.encode()) + record(0x1a, name.encode()) + record(0x32, name.encode('utf-16-le')) + record(0x31, struct.pack('<I', at)) + record(0x2b, b'')
    return out


def project(text, at=40, prefix='Macros/'):
    return {prefix + 'VBA/dir': packed(directory_of([('Module1', at)])), prefix + 'VBA/Module1': bytes([7]) * at + packed(text), prefix + 'PROJECT': b'ID="{0}"'}


def whole(d, name):
    t.same((d['bytes_seen'], d['unseen']), (d['bytes_total'], []), name + ': every byte is accounted for')


plain = {'WordDocument': b'w' * 5000, '1Table': b'table', 'Data/Deep/Stream': b'd' * 9000}
d = scan('plain.doc', Compound(plain).done())
t.same((d['verdict'], d['children']), ('no-finding', 3), 'a compound file: three streams')
t.same(sorted(x['path'].split('//')[1] for x in d['tree']), ['1Table', 'Data/Deep/Stream', 'WordDocument'], 'by their paths')
whole(d, 'plain')
d = scan('word.doc', Compound({**plain, 'WordDocument': b'\xec\xa5\xc1\0\0\0\0\0\0\0\0\1' + b'w' * 5000}).done())
t.same((d['verdict'], [u['why'] for u in d['unseen']]), ('incomplete', ['the document is encrypted']), 'one that says in its head that it is encrypted')
d = scan('marked.doc', Compound({**plain, 'x/small': b'abc' + MARK, 'y/large': MARK.join([b'z' * 3000] * 5)}).done())
t.same((d['verdict'], found(d)), ('malicious', ['mark']), 'a rule matches in streams')
t.same(sorted({m['path'].split('//')[-1] for m in d['matches'] if '//' in m['path']}), ['x/small', 'y/large'], 'small and large')

honest = b'Attribute VB_Name = "Module1"\r\nSub Sum()\r\n  Range("A1").Value = 4\r\nEnd Sub\r\n' * 90
d = scan('honest.doc', Compound({**plain, **project(honest)}).done())
t.same((d['verdict'], facts(d, 'ole.macros')), ('no-finding', ['1']), 'an honest macro')
t.same([x['size'] for x in d['tree'] if x['how'] == 'macro'], [len(honest)], 'is unpacked to its last letter')
whole(d, 'honest macro')
evil = b'Sub AutoOpen()\r\n  Set s = CreateObject("WScript.Shell")\r\n  s.Run "calc"\r\nEnd Sub\r\n\' ' + MARK
d = scan('evil.doc', Compound({**plain, **project(evil)}).done())
t.same(found(d), ['macro.acts-by-itself', 'mark'], 'one that acts by itself, and the rule sees its text, which is packed in the file')
t.same((facts(d, 'macro.runs-by-itself'), facts(d, 'macro.starts')), (['autoopen'], ['shell', 'wscript.shell']), 'its words')
hidden = project(evil)
hidden['Macros/VBA/Module1'] = bytes([7]) * 40 + b'\1\xff\xb0' + b'\xff' * 40
t.ok('ole.macro-damaged' in found(scan('damaged.doc', Compound({**plain, **hidden}).done())), 'a macro whose text is damaged is told')
large = evil + b'\r\n' + bytes(40 + (i * i + i // 7) % 80 for i in range(60000))
d = scan('large.doc', Compound({**plain, **project(large, 5000)}).done())
t.same([x['size'] for x in d['tree'] if x['how'] == 'macro'], [len(large)], 'a macro of many chunks in a large stream')

body = b'\2\0' + b'invoice.pdf.exe\0C:\\x\\invoice.exe\0' + struct.pack('<II', 3, 4) + b'C:\\\0' + struct.pack('<I', len(EICAR)) + EICAR
d = scan('object.doc', Compound({**plain, 'ObjectPool/_1/\1Ole10Native': struct.pack('<I', len(body)) + body}).done())
t.same((d['verdict'], facts(d, 'ole.object')), ('malicious', ['invoice.pdf.exe']), 'a file packaged in a document')
whole(d, 'object')
d = scan('locked.doc', Compound({'EncryptionInfo': b'i' * 300, 'EncryptedPackage': b'e' * 9000}).done())
t.same(d['verdict'], 'incomplete', 'an encrypted document is not called clean')
t.ok(d['unseen'] and all(u['why'] == 'the document is encrypted' for u in d['unseen']), 'and why', d['unseen'])

c = Compound({**plain, 'two': b'2' * 8192})
c.next[c.rows[-1][5] + 15] = c.rows[-1][5]
d = scan('circle.doc', c.done())
t.ok('ole.shared-sector' not in found(d) or d['verdict'] in ('suspicious', 'no-finding'), 'a chain in a circle ends', d['verdict'])
c = Compound({**plain, 'one': b'1' * 6000, 'two': b'2' * 6000})
c.rows[-1][5] = c.rows[-2][5]
d = scan('shared.doc', c.done())
t.ok('ole.shared-sector' in found(d), 'two streams of the same sectors are told')
c = Compound({**plain, 'gone': b'g' * 5000 + MARK})
c.rows[[r[0] for r in c.rows].index('Data')][3] = FREE
d = scan('orphan.doc', c.done())
t.ok('ole.orphan' in found(d) and 'mark' in found(d), 'a stream that no storage leads to is inspected and told', found(d))
c = Compound(plain)
c.put(b'left over ' + MARK)
c.next[-1] = FREE
d = scan('free.doc', c.done())
t.ok(any(m['path'].count('//') == 1 and m['id'] == 'mark' for m in d['matches']), 'what stands in a free sector is a part of its own', d['matches'], d['tree'])
whole(d, 'free sector')
good = Compound({**plain, **project(evil)}).done()
for size in (0, 8, 511, 512, 513, 1024, 3000, len(good) // 2, len(good) - 1):
    d = scan('cut.doc', good[:size])
    t.ok(d['verdict'] in ('no-finding', 'incomplete', 'suspicious', 'malicious'), f'cut to {size} bytes', d)

# --- mail ---
def locked_zip(name, content, word):
    """A ZIP with the traditional encryption, so that no program has to be there that makes one."""
    def update(k, b):
        k[0] = zlib.crc32(bytes([b]), k[0] ^ 0xffffffff) ^ 0xffffffff
        k[1] = ((k[1] + (k[0] & 0xff)) * 134775813 + 1) & 0xffffffff
        k[2] = zlib.crc32(bytes([k[1] >> 24]), k[2] ^ 0xffffffff) ^ 0xffffffff
    keys, out = [0x12345678, 0x23456789, 0x34567890], b''
    for b in word:
        update(keys, b)
    crc = zlib.crc32(content)
    for b in bytes(range(11)) + bytes([crc >> 24]) + content:
        k = keys[2] | 2
        out += bytes([b ^ (((k * (k ^ 1)) >> 8) & 0xff)])
        update(keys, b)
    head = struct.pack('<HHHHHIIIHH', 20, 1, 0, 0, 0, crc, len(out), len(content), len(name), 0)
    local = b'PK\3\4' + head + name + out
    central = b'PK\1\2' + struct.pack('<H', 20) + head + struct.pack('<HHHII', 0, 0, 0, 0, 0) + name
    return local + central + b'PK\5\6' + struct.pack('<HHHHIIH', 0, 0, 1, 1, len(central), len(local), 0)


def message(text, *attached, html=None):
    m = email.message.EmailMessage()
    m['From'], m['To'], m['Subject'] = 'a@evil.example', 'mei@hospital.example', '帳單'
    m.set_content(text)
    if html:
        m.add_alternative(html, subtype='html')
    for name, content in attached:
        m.add_attachment(content, maintype='application', subtype='octet-stream', filename=name)
    return m.as_bytes()


d = scan('plain.eml', message('hello\n', html='<p>hello</p>'))
t.same((d['verdict'], facts(d, 'mail.from')), ('no-finding', ['a@evil.example']), 'a mail')
whole(d, 'mail')
d = scan('attached.eml', message('see there\n', ('bill.exe', EICAR), ('b.bin', bytes(range(256)) * 30)))
t.same((d['verdict'], [x['path'].split('//')[1] for x in d['tree'] if x['how'] == 'attachment']), ('malicious', ['bill.exe', 'b.bin']), 'attachments by name')
t.same([x['size'] for x in d['tree'] if x['path'].endswith('b.bin')], [7680], 'decoded to the byte')
whole(d, 'attachments')
for text in ('The password is hunter2.\n', 'Your archive password: hunter2\n', '附件已加密，密碼：hunter2\n', 'pwd="hunter2"\n'):
    d = scan('locked.eml', message(text, ('bill.zip', locked_zip(b'bill.exe', EICAR, b'hunter2'))))
    t.same((d['verdict'], d['unseen']), ('malicious', []), 'a word in the mail opens the archive: ' + text.strip())
d = scan('shut.eml', message('no word here\n', ('bill.zip', locked_zip(b'bill.exe', EICAR, b'hunter2'))))
t.same(d['verdict'], 'incomplete', 'no word, no verdict')
inner = message('inner\n', ('x.exe', EICAR))
m = email.message.EmailMessage()
m['Subject'] = 'forwarded'
m.set_content('see below')
m.add_attachment(email.message_from_bytes(inner, policy=email.policy.default))
d = scan('forwarded.eml', m.as_bytes())
t.same(d['verdict'], 'malicious', 'a mail in a mail')
quoted = b'Subject: q\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
d = scan('quoted.eml', quoted + b'mark-of-a-docu=\r\nment=2D2231\r\n')
t.same(found(d), ['mark'], 'quoted-printable')
junk = base64.encodebytes(EICAR).replace(b'\n', b' !\r\n *')
d = scan('junk.eml', quoted.replace(b'quoted-printable', b'BASE64') + junk)
t.same(d['verdict'], 'malicious', 'base64 with letters of no alphabet in it, as mail programs read it')
bad = message('x\n', ('a.exe', EICAR))
d = scan('open.eml', bad[:bad.rstrip().rfind(b'--')].rstrip(b'-=0123456789'))
t.same(d['verdict'], 'malicious', 'a multipart that never ends')
d = scan('box.mbox', b'From a@b Mon Jan  1 00:00:00 2026\n' + message('one\n') + b'\nFrom a@b Mon Jan  1 00:00:00 2026\n' + message('two\n', ('a.exe', EICAR)))
t.same((d['verdict'], sum(x['how'] == 'mail' for x in d['tree'])), ('malicious', 2), 'a mailbox of two')


def nested(n):
    out = message('x\n', ('a.exe', EICAR))
    for i in range(n):
        out = b'Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n' % (i, i) + out + b'\r\n--b%d--\r\n' % i
    return b'Subject: deep\r\nMIME-Version: 1.0\r\n' + out


t.same(scan('deep.eml', nested(150))['verdict'], 'malicious', 'multiparts a hundred and fifty deep')
t.same(scan('deeper.eml', nested(400))['verdict'], 'incomplete', 'deeper ones are not passed over in silence')


def attribute(level, kind, data):
    return struct.pack('<BII', level, kind, len(data)) + data + struct.pack('<H', sum(data) & 0xffff)


def properties(*pairs):
    out = struct.pack('<I', len(pairs))
    for kind, value in pairs:
        out += struct.pack('<III', kind, 1, len(value)) + value + bytes(-len(value) % 4)
    return out


tnef = struct.pack('<IH', 0x223e9f78, 1) + attribute(1, 0x00089006, struct.pack('<I', 0x10000)) + attribute(2, 0x00018010, b'bill.exe\0') + attribute(2, 0x0006800f, EICAR)
d = scan('winmail.dat', tnef)
t.same((d['verdict'], [x['path'].split('//')[1] for x in d['tree'] if x['how'] == 'attachment']), ('malicious', ['bill.exe']), "Outlook's winmail.dat")
d = scan('winmail2.dat', tnef[:len(tnef) - len(EICAR) - 11] + attribute(2, 0x00069005, properties((0x3707001e, b'other.exe\0'), (0x37010102, EICAR))))
t.same(d['verdict'], 'malicious', 'an attachment among the properties')
whole(d, 'TNEF')
d = scan('cut.dat', tnef[:-20])
t.same(d['verdict'], 'incomplete', 'a cut one')

# --- rich text ---
ole1 = struct.pack('<III', 0x501, 2, 8) + b'Package\0' + struct.pack('<II', 0, 0) + struct.pack('<I', len(body)) + body
digits = ole1.hex().encode()
d = scan('object.rtf', b'{\\rtf1 hello {\\object\\objemb{\\*\\objclass Package}{\\*\\objdata ' + digits + b'}}}')
t.same((d['verdict'], facts(d, 'ole.object')), ('malicious', ['invoice.pdf.exe']), 'an object in rich text')
whole(d, 'rich text')
dirty = b''.join(digits[i:i + 2] + (b'\r\n', b'{\\x}', b' ', b'\\objw4 ', b"\\'41")[i % 5] for i in range(0, len(digits), 2))
d = scan('dirty.rtf', b'{\\rt hello {\\object\\objupdate{\\*\\objdata ' + dirty + b'}}}')
t.same(('EICAR-Test-File' in found(d), 'rtf.object-by-itself' in found(d)), (True, True), 'its digits broken up by everything that Word reads past')
d = scan('binary.rtf', b'{\\rtf1{\\object{\\*\\objdata\\bin%d ' % len(ole1) + ole1 + b'}}}')
t.same(d['verdict'], 'malicious', 'or as binary')
d = scan('behind.rtf', b'{\\rtf1 hello}' + EICAR)
t.same(d['verdict'], 'malicious', 'something behind the text')
d = scan('groups.rtf', b'{\\rtf1' + b'{' * 100000)
t.same(d['verdict'], 'incomplete', 'a hundred thousand groups in each other')

# --- PDF ---
def lzw(data):
    """As §7.4.4 tells it, with its early change."""
    table, out, have, width = {bytes([i]): i for i in range(256)}, 256, 9, 9
    n, word = 258, b''

    def put(code):
        nonlocal out, have
        out, have = out << width | code, have + width
    for b in data:
        if word + bytes([b]) in table:
            word += bytes([b])
            continue
        put(table[word])
        table[word + bytes([b])] = n
        n += 1
        width = 9 if n < 512 else 10 if n < 1024 else 11 if n < 2048 else 12
        if n == 4095:
            put(256)
            table, n, width = {bytes([i]): i for i in range(256)}, 258, 9
        word = bytes([b])
    put(table[word])
    n += 1
    width = 9 if n < 512 else 10 if n < 1024 else 11 if n < 2048 else 12
    put(257)
    pad = -have % 8
    return (out << pad).to_bytes((have + pad) // 8, 'big')


def runs(data):
    return b''.join(bytes([len(data[i:i + 100]) - 1]) + data[i:i + 100] for i in range(0, len(data), 100)) + bytes([246]) + b'r' + b'\x80'


def up(data, width):
    """PNG's rows of differences to the row above."""
    out, above = b'', bytes(width)
    for i in range(0, len(data), width):
        row = data[i:i + width].ljust(width, b' ')
        out += b'\2' + bytes((a - b) & 255 for a, b in zip(row, above))
        above = row
    return out


def pdf(*objects, tail=b''):
    out = b'%PDF-1.7\n%\xe2\xe3\xcf\xd3\n'
    for i, o in enumerate(objects):
        out += b'%d 0 obj\n' % (i + 1) + o + b'\nendobj\n'
    return out + b'trailer\n<</Root 1 0 R ' + tail + b'>>\nstartxref\n0\n%%EOF\n'


def stream(data, more=b'', length=None):
    return b'<<' + more + b'/Length %d>>\nstream\n' % (len(data) if length is None else length) + data + b'\nendstream'


catalog = b'<</Type/Catalog/Pages 2 0 R>>'
long = MARK + b' ' + bytes(65 + (i * i // 3) % 26 for i in range(9000)) + b' ' + MARK
d = scan('plain.pdf', pdf(catalog, stream(zlib.compress(b'BT (hello) Tj ET'), b'/Filter/FlateDecode')))
t.same((d['verdict'], d['children']), ('no-finding', 1), 'a PDF of one stream')
whole(d, 'PDF')
for name, more, data in (
        ('Flate', b'/Filter /FlateDecode', zlib.compress(long)), ('in brackets', b'/Filter [ /Fl ]', zlib.compress(long)),
        ('LZW', b'/Filter/LZWDecode', lzw(long)), ('hexadecimal', b'/Filter/ASCIIHexDecode', long.hex().encode() + b'>'),
        ('ASCII85', b'/Filter/ASCII85Decode', base64.a85encode(long) + b'~>'), ('runs', b'/Filter/RunLengthDecode', runs(long)),
        ('two filters', b'/Filter[/ASCII85Decode/FlateDecode]', base64.a85encode(zlib.compress(long)) + b'~>'),
        ('three filters', b'/Filter[/AHx/A85/Fl]', base64.a85encode(zlib.compress(long)).hex().encode() + b'>'),
        ('rows of differences', b'/Filter/FlateDecode/DecodeParms<</Predictor 12/Columns 40>>', zlib.compress(up(long, 40))),
        ('names disguised', b'/Filter/#46lateDecode', zlib.compress(long)), ('nothing', b'', long)):
    d = scan('filter.pdf', pdf(catalog, stream(data, more)))
    t.same((found(d), sum(1 for m in d['matches'] if '//' in m['path']) > 0, d['unseen']), (['mark'], True, []), 'filter: ' + name)
d = scan('length.pdf', pdf(catalog, stream(zlib.compress(long), b'/Filter/FlateDecode', length=7)))
t.ok('mark' in found(d), 'a length that lies')
d = scan('damaged.pdf', pdf(catalog, stream(zlib.compress(long)[:-60], b'/Filter/FlateDecode')))
t.same((d['verdict'], 'mark' in found(d)), ('malicious', True), 'a damaged stream is inspected as far as it goes')
t.ok(d['unseen'], 'and is told')
inner = b'5 0 6 40 <</Type/Action/S/JavaScript/JS(app.alert\\(1\\);\\157k)>> <</Launch 1>>'
d = scan('objects.pdf', pdf(b'<</Type/Catalog/OpenAction 5 0 R>>', stream(zlib.compress(inner), b'/Type/ObjStm/N 2/First 10/Filter/FlateDecode')))
t.same((found(d), [x['size'] for x in d['tree'] if x['how'] == 'script']), (['pdf.launches', 'pdf.script-by-itself'], [len(b'app.alert(1);ok')]), 'a script in a stream of objects')
d = scan('hex.pdf', pdf(b'<</OpenAction<</S/#4aavaScript/JS<%s>>>>>' % MARK.hex().encode()))
t.same(found(d), ['mark', 'pdf.disguised-name', 'pdf.script-by-itself'], 'a script in hexadecimal behind a disguised name')
d = scan('file.pdf', pdf(catalog, stream(zlib.compress(EICAR), b'/Type/EmbeddedFile/Filter/FlateDecode')))
t.same((d['verdict'], [x['how'] for x in d['tree']]), ('malicious', ['attachment']), 'a file in a PDF')
d = scan('locked.pdf', pdf(catalog, stream(zlib.compress(long), b'/Filter/FlateDecode'), tail=b'/Encrypt 9 0 R'))
t.same((d['verdict'], {u['why'] for u in d['unseen']}), ('incomplete', {'the document is encrypted, and does not say how'}), 'an encrypted one')
d = scan('behind.pdf', pdf(catalog) + EICAR)
t.same(d['verdict'], 'malicious', 'something behind the end')
d = scan('noise.pdf', pdf(catalog, stream(zlib.compress(bytes(1000000)), b'/Filter/FlateDecode'), b'(stream\n>>stream\nx', b'<<' * 5000))
t.ok(d['verdict'] in ('no-finding', 'incomplete'), 'nonsense', d['verdict'])
t.done()
