// Texts that try to do harm, from a peer, a log, an import and a person, in every field that there is: on every view they are text.
// And a client certificate, which signs in without a form.
import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { HOSTILE, Node, ok, open, path, same, signIn, story, test, until, wrong } from './harness.mjs';

// A peer's alert may hold no character that turns text around; all the rest may come.
const PLAIN = '<script>alert(1)</script><img src=x onerror=alert(2)>';
const HARM = HOSTILE + '"><svg/onload=alert(3)>javascript:alert(4)';

test(async () => {
  const node = await Node.make('alpha', { org: PLAIN }), { incidents, tickets } = await story(node);
  const centre = await (await Node.make('sector', { tier: 'sector', org: PLAIN })).start();
  const print = async x => (await x.get('/status')).json.cert_sha256;
  await centre.post('/peers', { name: 'hospital', relation: 'child', cert_sha256: await print(node), tlp_max: 'amber+strict' });
  await node.post('/peers', { name: 'sector', relation: 'parent', cert_sha256: await print(centre), url: centre.url, tlp_max: 'amber+strict' });
  await centre.post('/bulletins', { code: 'EWA', title: PLAIN, text: PLAIN, affected: PLAIN, actions: PLAIN, tlp: 'amber', impact: 2, references: ['https://example.org/?' + encodeURIComponent(HARM)], to: ['hospital'] })
    .catch(() => centre.post('/bulletins', { code: 'EWA', title: PLAIN, tlp: 'amber', impact: 2, to: ['hospital'] }));
  const now = new Date().toISOString(), made = (type, n, more) => ({ type, spec_version: '2.1', id: `${type}--00000000-0000-4000-8000-0000000001${n}`, created: now, modified: now, name: HARM, description: HARM,
    labels: [HARM], external_references: [{ source_name: HARM, url: 'javascript:alert(5)', description: HARM }], ...more });
  const objects = [made('indicator', '01', { pattern: "[domain-name:value = 'harm.example']", pattern_type: 'stix', valid_from: '2026-01-01T00:00:00Z', indicator_types: [HARM] }), made('malware', '02', { is_family: false, aliases: [HARM] }),
    made('threat-actor', '03', { roles: [HARM], goals: [HARM] }), made('report', '04', { published: now, object_refs: ['malware--00000000-0000-4000-8000-000000000102'] })];
  await node.post('/import', { type: 'bundle', id: 'bundle--00000000-0000-4000-8000-000000000099', objects });
  await node.post(`/incidents/${incidents[0].number}/facts`, { type: 'note', note: HARM });
  await node.post('/users', { name: 'harm', role: 'reader', org: HARM });
  await node.post('/tokens', { user: 'harm', note: HARM });
  await node.request('POST', '/session', { user: HARM, password: HARM }, null);
  const came = await until(async () => (await node.get('/bulletins')).json.bulletins.find(b => b.title === PLAIN), 'the peer\'s alert');

  const page = await open();
  await signIn(page, node);
  const views = ['today', 'boards', 'wall', 'incidents', `incidents/${incidents[0].number}`, `incidents/${incidents[2].number}`, 'tickets', ...tickets.map(x => 'tickets/' + x.number), 'alerts', 'alerts/' + came.id,
    'events', 'rules', 'intelligence?q=harm', ...objects.map(o => 'intelligence/' + o.id), 'members', 'account', 'users', 'users/harm', 'settings', 'audit', 'audit?who=' + encodeURIComponent(HARM), 'intelligence?q=' + encodeURIComponent(HARM),
    'sign-in?state=x&error=' + encodeURIComponent(HARM), encodeURIComponent(HARM)];
  let shown = 0;
  for (const view of views) {
    await page.goto(node.url + '/console/' + view);
    await page.waitForSelector('main, body');
    await page.waitForFunction(() => !/載入中|Loading/.test(document.querySelector('main')?.textContent ?? ''));
    const bad = await page.evaluate(() => [...document.querySelectorAll('body script, img:not([src^="/console/assets/"]), svg[onload], iframe, object, embed, [onerror], [onload], [onclick]')].map(x => x.outerHTML)
      .concat([...document.querySelectorAll('[href], [src], [action]')].map(x => x.getAttribute('href') ?? x.getAttribute('src') ?? x.getAttribute('action')).filter(x => /^\s*(javascript|data|vbscript):/i.test(x))));
    same(bad, [], `${view.slice(0, 60)}: nothing that acts`);
    shown += (await page.locator('body').textContent()).includes('<script>') ? 1 : 0;
    ok(!(await page.locator('body').textContent()).includes('\u202e'), `${view.slice(0, 60)}: nothing that turns text around`);
  }
  ok(shown >= 8, 'and such texts were shown, as text', shown);
  same(wrong(page, '404', '401', '400', '422'), [], 'no script ran, no window opened, no violation of the policy');
  await centre.stop();

  // A client certificate.
  const made2 = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', path('c.key'), '-out', path('c.crt'), '-days', '2', '-subj', '/CN=chen', '-addext', 'extendedKeyUsage=clientAuth']);
  ok(made2.status === 0, 'a certificate of one\'s own', String(made2.stderr));
  const pem = readFileSync(path('c.crt')), cert_sha256 = createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
  await node.post('/users', { name: 'chen', role: 'analyst', cert_sha256 });
  const holder = await open({ clientCertificates: [{ origin: node.url, cert: pem, key: readFileSync(path('c.key')) }] });
  await holder.goto(node.url + '/console/today');
  await holder.waitForSelector('nav');
  same((await holder.textContent('a.who')).trim(), 'chen', 'whoever holds the certificate is signed in, without a form');
  same((await holder.context().cookies()).length, 0, 'and without a cookie');
  await node.post('/users', { name: 'chen', role: 'analyst', cert_sha256: '' });
  await holder.goto(node.url + '/console/today');
  await holder.waitForSelector('input[autocomplete=username]');
  ok(true, 'taken from the account, it signs nobody in');
  same(wrong(holder, '401', 'ERR_'), [], 'no error, no violation of the policy');
});
