#!/usr/bin/env python3
"""Alerts and incidents in the formats of others: STIX 1.2, IODEF v2, STIX 2.1, CSV. What goes out is read by another parser, what comes in is
hostile until shown otherwise."""
import csv, io
import xml.etree.ElementTree as xml

from harness import *

t = Tap()
IODEF = '{urn:ietf:params:xml:ns:iodef-2.0}'
NS = {'stix': 'http://stix.mitre.org/stix-1', 'incident': 'http://stix.mitre.org/Incident-1', 'common': 'http://stix.mitre.org/common-1',
      'marking': 'http://data-marking.mitre.org/Marking-1', 'cybox': 'http://cybox.mitre.org/cybox-2'}
a, b = Node('alpha', 'sector').start(), Node('beta', 'provider').start()

FULL = {'code': 'EWA', 'tlp': 'amber+strict', 'impact': 3, 'exercise': True, 'category': '200', 'title': '=預警 <host> & "relay"', 'description': 'line one\nline two ]]>',
        'method': 'T1071', 'reporter': '王小明', 'reporter_phone': '02-1234', 'reporter_mail': 'r@example.org', 'responder': 'S', 'source': 'X-ANA-2026-0001',
        'found': '2026-02-27T22:40:00Z', 'due': '2030-01-01T00:00:00Z', 'affected': [{'product': 'P', 'vendor': 'V', 'version': '1.0'}],
        'actions': ['patch', 'look'], 'references': ['https://example.org/?a=b&c=d'], 'observables': [{'type': 'ipv4', 'value': '198.51.100.7'}],
        'targets': [{'address': '192.0.2.1', 'port': 443, 'protocol': 'TCP'}],
        'connections': [{'source_address': '192.0.2.1', 'source_port': 5000, 'via_host': 'relay.example', 'destination_address': '198.51.100.7', 'destination_port': 443}],
        'scans': [{'engine': 'E', 'version': '1', 'result': 'Trojan'}], 'attachments': [{'name': 'a.txt', 'media_type': 'text/plain', 'content': 'aGVsbG8='}]}
OWN = ('id', 'number', 'direction', 'origin', 'came', 'recipients', 'here', 'code_name', 'category_name')


def content(node, number):
    return {k: v for k, v in node.get(f'/api/v1/bulletins/{number}').json().items() if k not in OWN}


# --- STIX 1.2: out, read by another parser, in again ---
r = a.post('/api/v1/bulletins', FULL)
number, ident = r.json()['number'], r.json()['id']
r = a.cli('alert', 'export', '@', number)
t.same(r.status, 0, 'exported')
root = xml.fromstring(r.out)
t.same((root.tag, root.get('version')), ('{%s}STIX_Package' % NS['stix'], '1.2'), 'a package of STIX 1.2')
t.same([e.text for e in root.findall('stix:STIX_Header/stix:Title', NS)], ['EWA'], 'whose title is the code')
t.same([e.text for e in root.findall('stix:STIX_Header/stix:Description', NS)], ['【演練 EXERCISE】=預警 <host> & "relay"'], 'and whose description the subject; a drill says so')
t.same([e.text for e in root.findall('.//marking:Controlled_Structure', NS)], ['//node() | //@*'], 'the marking is of the whole document')
t.same(len(root.findall('stix:Incidents/stix:Incident', NS)), 1, 'one incident')
t.same([e.text for e in root.findall('.//stix:Incident/incident:External_ID', NS)], [number], 'its number')
order = [e.tag.split('}')[1] for e in root.find('stix:Incidents/stix:Incident', NS)]
SCHEMA = ['Title', 'External_ID', 'Time', 'Description', 'Short_Description', 'Categories', 'Reporter', 'Responder', 'Coordinator', 'Victim', 'Affected_Assets',
          'Impact_Assessment', 'Status', 'Related_Indicators', 'Related_Observables', 'Leveraged_TTPs', 'Attributed_Threat_Actors', 'Intended_Effect',
          'Security_Compromise', 'Discovery_Method', 'Related_Incidents', 'COA_Requested', 'COA_Taken', 'Confidence', 'Contact', 'History', 'Information_Source',
          'Handling', 'Related_Packages']
t.ok(order == sorted(order, key=SCHEMA.index) and len(set(order)) == 14, 'members in the order of its type', order)
t.same(len(root.findall('.//incident:COA_Requested', NS)), 2, 'each measure')
path_xml = write('w.xml', r.out)
r = b.cli('alert', 'import', '@', path_xml)
t.ok(r.status == 0 and number in r.out and 'EXERCISE' in r.out, 'taken in by another node', r)
t.same(content(b, number), content(a, number), 'whole')
t.same(b.get(f'/api/v1/bulletins/{number}').json()['id'], ident, 'it is the same alert')
t.ok('known before' in b.cli('alert', 'import', '@', path_xml).out, 'a second time is no news')
t.same(b.cli('alert', 'export', '@', number).out, a.cli('alert', 'export', '@', number).out, 'and goes out again byte by byte as it came')
r = b.cli('alert', 'import', '@', write('x.xml', read(path_xml).replace(b'Trojan', b'Horse')))
t.ok(r.status == 2 and 'other content' in r.err, 'the same alert with other content', r)
r = b.cli('alert', 'answer', '@', number, 'undetermined', '--reason', 'no logs')
t.ok(r.status == 0 and 'BETA-FBI' in r.out, 'answered', r)
answer = b.get(f'/api/v1/bulletins?source={number}').json()['bulletins'][0]['number']
fbi = b.cli('alert', 'export', '@', answer).out
t.ok(number in fbi and 'no logs' in fbi, 'the answer is a file to hand back')
t.same(a.cli('alert', 'import', '@', write('f.xml', fbi)).status, 0, 'which the maker takes in')
t.same([x['number'] for x in a.get(f'/api/v1/bulletins?source={number}').json()['bulletins']], [answer], 'linked to its source')
r = a.cli('alert', 'export', '@', number, '--format', 'stix')
bundle21 = r.json()
t.same((bundle21['type'], bundle21['objects'][0]['number'], bundle21['objects'][0]['object_marking_refs']), ('bundle', number, [TLP['amber+strict']]), 'as STIX 2.1')
v = run('validate', write('b.json', r.out))
t.same(v.status, 0, 'which is valid')
c = Node('gamma', 'provider').start()
t.same(c.cli('alert', 'import', '@', path('b.json')).status, 0, 'taken in')
t.same(content(c, number), content(a, number), 'whole too')

# --- what another system writes, in its own style ---
FOREIGN = '''<?xml version="1.0"?><p:STIX_Package xmlns:p="http://stix.mitre.org/stix-1" xmlns:q="http://stix.mitre.org/Incident-1" xmlns:c="c" xmlns:y="y"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:m="m" version="1.2"><p:STIX_Header><p:Title>INT</p:Title><p:Description>intrusion
 seen</p:Description><p:Handling><m:Marking><m:Marking_Structure color="GREEN"/></m:Marking></p:Handling></p:STIX_Header><p:Incidents><p:Incident id="n:1"
 timestamp="2018-05-01T10:00:00+08:00"><q:External_ID>N-INT-2018-0001</q:External_ID><q:Related_Observables><q:Related_Observable><c:Observable><y:Object>
 <y:Properties xsi:type="W:WinRegistryKeyObjectType"/></y:Object></c:Observable></q:Related_Observable></q:Related_Observables></p:Incident></p:Incidents></p:STIX_Package>'''
r = c.cli('alert', 'import', '@', write('n.xml', FOREIGN))
t.ok(r.status == 0 and 'intrusion seen' in r.out and '1 items have no place' in r.out, 'read, and what has no place is counted', r)
got = c.get('/api/v1/bulletins/N-INT-2018-0001').json()
t.same((got['code'], got['tlp'], got['issued'], got['direction']), ('INT', 'TLP:GREEN', '2018-05-01T02:00:00.000000Z', 'in'), 'with its code, colour and time')

# --- hostile files ---
secret = write('secret.txt', 'TOPSECRET')
laughs = '<!DOCTYPE l [<!ENTITY a "lol">' + ''.join(f'<!ENTITY a{i} "{"&a" + (str(i - 1) if i else "") + ";"}{("&a" + (str(i - 1) if i else "") + ";") * 9}">'
                                                     for i in range(12)) + ']><l>&a11;</l>'
for name, text, says in (
        ('a file of ours', f'<!DOCTYPE x [<!ENTITY f SYSTEM "file://{secret}">]>' + FOREIGN[21:].replace('intrusion', '&f;'), 'document type'),
        ('another host', f'<!DOCTYPE x SYSTEM "http://127.0.0.1:{a.port}/x.dtd">' + FOREIGN[21:], 'document type'),
        ('a billion laughs', laughs, 'document type'),
        ('no end', FOREIGN[:-20], 'XML: line'),
        ('too deep', '<a>' * 5000, 'nested too deeply'),
        ('too many', '<a>' + '<b/>' * 200000 + '</a>', 'too many elements'),
        ('an unknown colour', FOREIGN.replace('GREEN', 'PURPLE'), 'PURPLE'),
        ('a number that reads backwards', FOREIGN.replace('N-INT-', 'N\u202e-'), 'U+202E'),
        ('other years', FOREIGN.replace('version="1.2"', 'version="9"'), "version '9'"),
        ('no alert', '{"type": "bundle", "objects": []}', 'no object of type'),
        ('half a document', '{"type": ', 'JSON'),
        ('nothing', '', 'empty')):
    began = time.monotonic()
    r = c.cli('alert', 'import', '@', write('h.xml', text))
    t.ok(r.status == 2 and says in r.err and 'TOPSECRET' not in r.err, f'refused: {name}', r)
    t.ok(time.monotonic() - began < PATIENCE / 2, 'at once', time.monotonic() - began)
t.ok(c.health(), 'the node is well')
t.same(len(c.get('/api/v1/bulletins').json()['bulletins']), 2, 'and nothing of it was kept')

# --- IODEF ---
case = a.cli('incident', 'open', '@', '-t', 'historian <encrypted> & \u0001 gone', '--exercise', '--json').json()['number']
a.cli('report', '@', case, '--level', '3', '--by', 'reporter')
a.cli('incident', 'state', '@', case, 'contained', '--by', 'reporter', '--note', 'pulled the plug')
r = a.cli('incident', 'export', '@', case)
t.same(r.status, 0, 'an incident as IODEF')
doc = xml.fromstring(r.out)
t.same((doc.tag, doc.get('version')), (IODEF + 'IODEF-Document', '2.00'), 'a document of version 2')
inc = doc.find(IODEF + 'Incident')
order = [e.tag.replace(IODEF, '') for e in inc]
CLASS = ['IncidentID', 'AlternativeID', 'RelatedActivity', 'DetectTime', 'StartTime', 'EndTime', 'RecoveryTime', 'ReportTime', 'GenerationTime', 'Description', 'Discovery',
         'Assessment', 'Method', 'Contact', 'EventData', 'Indicator', 'History', 'AdditionalData']
t.ok(order == sorted(order, key=CLASS.index) and {'IncidentID', 'GenerationTime', 'Contact'} <= set(order), 'members in the order of RFC 7970', order)
t.same((inc.get('purpose'), inc.get('status'), inc.get('restriction') in ('white', 'green', 'amber', 'red')), ('reporting', 'in-progress', True), 'its attributes')
t.same((inc.find(IODEF + 'IncidentID').text, inc.find(IODEF + 'IncidentID').get('name')), (case, 'alpha'), 'number, and whose')
t.same(inc.find(IODEF + 'Description').text, '【演練 EXERCISE】historian <encrypted> & \ufffd gone', 'a drill says so; what XML cannot carry is replaced')
items = inc.findall(f'{IODEF}History/{IODEF}HistoryItem')
t.same([(i.get('action'), i.find(IODEF + 'DateTime') is not None) for i in items],
       [('status-new-info', True), ('status-new-info', True), ('remediate-other', True)], 'each fact is an item of its history')
t.has(items[2].find(IODEF + 'Description').text, 'pulled the plug', 'with what was noted')
t.same({d.get('name'): d.text for d in inc.findall(IODEF + 'AdditionalData')}, {'exercise': 'true', 'pack': 'tw-2026', 'state': 'contained', 'level': '3'}, 'pack, state, level')
t.same(inc.find(f'{IODEF}Assessment/{IODEF}BusinessImpact').get('severity'), 'high', 'severity')
schema = data_folder() and next((os.path.join(d, f) for d, _, fs in os.walk(os.path.join(data_folder(), 'specs')) for f in fs if f.endswith('.xsd') and 'iodef' in f.lower()), None)
if schema and shutil.which('xmllint'):
    checked = subprocess.run(['xmllint', '--nonet', '--noout', '--schema', schema, write('i.xml', r.out)], capture_output=True)
    t.same(checked.returncode, 0, 'valid by the schema of RFC 7970')
else:
    t.skip('valid by the schema of RFC 7970', 'no schema in the test material, or no xmllint')
r = a.cli('incident', 'export', '@', case, '--format', 'stix')
t.same((r.json()['objects'][0]['type'], r.json()['objects'][0]['labels'], run('validate', write('s.json', r.out)).status), ('incident', ['exercise'], 0), 'as STIX 2.1, valid')

# --- CSV ---
a.cli('incident', 'open', '@', '-t', '=HYPERLINK("http://evil.example","x"),\ny'.replace('\n', ' '))
for i in range(3):
    a.post('/api/v1/incidents', {'title': ('+1', '-1', '@x')[i]})
r = a.cli('incident', 'export', '@', '--format', 'csv')
rows = list(csv.DictReader(io.StringIO(r.out)))
t.same([x['title'] for x in rows], ["'@x", "'-1", "'+1", '\'=HYPERLINK("http://evil.example","x"), y', 'historian <encrypted> & \u0001 gone'], 'no text of a spreadsheet is a formula')
t.same((rows[4]['number'], rows[4]['level'], rows[4]['state'], rows[4]['exercise']), (case, '3', 'contained', 'true'), 'and all columns are there')
r = a.cli('alert', 'export', '@', '--format', 'csv', '-o', path('alerts.csv'))
rows = list(csv.DictReader(io.StringIO(read(path('alerts.csv')).decode())))
t.same([(x['number'], x['title'][:3]) for x in rows], [(answer, 'ALP'), (number, "'=預")], 'alerts too')
for args, says in ((('alert', 'export', '@', number, '--format', 'pdf'), '--format'), (('alert', 'export', '@'), 'NUMBER'), (('incident', 'export', '@', case, '--format', 'csv'), 'without NUMBER'),
                   (('alert', 'export', '@', 'NONE'), "no alert 'NONE'")):
    r = a.cli(*args)
    t.ok(r.status in (1, 2) and says in r.err, 'refused: ' + ' '.join(args), r)
kinds = [f['kind'] for f in a.get('/api/v1/facts?limit=1000').json()['facts'] if f['kind'].endswith('.export')]
t.same((kinds.count('alert.export'), kinds.count('incident.export')), (3, 2), 'each export is a fact')
t.same(a.cli('audit', 'verify', '@').status, 0, 'the chain holds')
t.done()
