// Passkeys by Chromium's virtual authenticator: made, used, refused when somebody else's, taken away; and what a script may not forge.
import { Node, ok, open, PASSWORD, same, signIn, test, until, wrong } from './harness.mjs';

test(async () => {
  const node = await (await Node.make('alpha', { org: '市立醫院' })).start();
  const page = await open(), there = { url: `https://localhost:${node.port}` };
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('WebAuthn.enable');
  const device = async (more = {}) => (await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
    isUserVerified: true, automaticPresenceSimulation: true, ...more } })).authenticatorId;
  const first = await device();

  await page.goto(node.url + '/console/sign-in');
  await page.waitForSelector('form.card');
  same(await page.locator('button.passkey').count(), 0, 'under an address no passkey is offered');
  await signIn(page, there);
  await page.click('a.who');
  const box = page.locator('section.passkeys');
  await box.locator('input[type=password]').fill('not this one at all');
  await box.locator('button[type=submit]').click();
  await box.locator('[role=alert]').waitFor();
  ok(true, 'a passkey wants the password first');
  same(wrong(page, '403'), [], 'no error, no violation of the policy');
  await box.locator('input[type=password]').fill(PASSWORD);
  await box.locator('input[type=text]').fill('筆電 <b>');
  await page.keyboard.press('Enter');
  await box.locator('li').waitFor();
  ok((await box.locator('li').textContent()).includes('筆電 <b>'), 'made, under its name as text');
  const kept = async () => (await cdp.send('WebAuthn.getCredentials', { authenticatorId: first })).credentials;
  same((await kept()).map(c => [c.isResidentCredential, c.rpId]), [[true, 'localhost']], 'the device keeps it for this host');
  await box.locator('input[type=password]').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await box.locator('[role=alert]').waitFor();
  same(await box.locator('li').count(), 1, 'the same device makes no second one');

  const signOut = async () => {
    await page.click('header button:last-of-type');
    await page.waitForSelector('input[autocomplete=username]');
  };
  const sent = [];
  page.on('request', r => { if (r.url().endsWith('/session/passkey')) sent.push(r.postDataJSON()); });
  const before = (await page.context().cookies()).find(c => c.name === '__Host-lianfang').value;
  await signOut();
  await page.locator('button.passkey').focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('nav');
  ok((await page.context().cookies()).find(c => c.name === '__Host-lianfang').value !== before, 'it signs in, into a session of its own');
  same((await page.textContent('a.who')).trim(), 'admin', 'as who made it');
  const facts = (await node.get('/facts?limit=1000')).json.facts;
  ok(facts.some(f => f.kind === 'user.passkey') && facts.some(f => f.kind === 'login.ok' && f.body.by === 'passkey'), 'and both are facts', facts.map(f => [f.kind, f.body]));

  // What is not right about an answer, one thing at a time. Each time a challenge of its own.
  const b64 = b => Buffer.from(b).toString('base64url'), raw = t => Buffer.from(t, 'base64url');
  const headers = { 'Lianfang-Console': '1' };
  const ask = (tail, body) => page.evaluate(async ([tail, body, headers]) => (await fetch('/api/v1' + tail, { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).status, [tail, body, headers]);
  same(await ask('/session/passkey', sent[0]), 401, 'an answer counts once');
  // Signed by the real authenticator over a fresh challenge, then changed.
  const answer = () => page.evaluate(async () => {
    const of = t => Uint8Array.from(atob(t.replace(/-/g, '+').replace(/_/g, '/')), c => c.charCodeAt(0)), to = x => btoa(String.fromCharCode(...new Uint8Array(x))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
    const b = await (await fetch('/api/v1/session/passkey/begin', { method: 'POST', headers: { 'Lianfang-Console': '1' } })).json();
    const got = await navigator.credentials.get({ publicKey: { challenge: of(b.challenge), rpId: b.rp_id, userVerification: 'required' } }), r = got.response;
    return { ceremony: b.ceremony, id: to(got.rawId), client_data: to(r.clientDataJSON), authenticator_data: to(r.authenticatorData), signature: to(r.signature) };
  });
  const flip = (text, at) => { const b = raw(text); b[at < 0 ? b.length + at : at] ^= 1; return b64(b); };
  const data = (text, change) => b64(JSON.stringify({ ...JSON.parse(raw(text).toString()), ...change }));
  const cases = [
    ['as it is', x => x, 200], ['another signature', x => ({ ...x, signature: flip(x.signature, -1) }), 401], ['another host', x => ({ ...x, authenticator_data: flip(x.authenticator_data, 0) }), 401],
    ['nobody there', x => { const b = raw(x.authenticator_data); b[32] &= ~1; return { ...x, authenticator_data: b64(b) }; }, 401],
    ['nobody verified', x => { const b = raw(x.authenticator_data); b[32] &= ~4; return { ...x, authenticator_data: b64(b) }; }, 401],
    ['another count', x => ({ ...x, authenticator_data: flip(x.authenticator_data, 36) }), 401], ['cut short', x => ({ ...x, authenticator_data: x.authenticator_data.slice(0, 40) }), 401],
    ['another origin', x => ({ ...x, client_data: data(x.client_data, { origin: 'https://evil.example' }) }), 401], ['from a frame', x => ({ ...x, client_data: data(x.client_data, { crossOrigin: true }) }), 401],
    ['what made a passkey', x => ({ ...x, client_data: data(x.client_data, { type: 'webauthn.create' }) }), 401], ['another challenge', x => ({ ...x, client_data: data(x.client_data, { challenge: 'AAAA' }) }), 401],
    ['an unknown passkey', x => ({ ...x, id: flip(x.id, 0) }), 401], ['another ceremony', x => ({ ...x, ceremony: 'A'.repeat(32) }), 401], ['no base64url', x => ({ ...x, signature: '+/==' }), 400],
  ];
  for (const [name, change, status] of cases) same(await ask('/session/passkey', change(await answer())), status, 'an answer with ' + name);
  await until(async () => (await node.get('/facts?limit=1000')).json.facts.some(f => f.kind === 'login.fail' && f.body.why === 'passkey'), 'refusals are facts');

  // A device that does not verify who holds it, and a second person's.
  await node.post('/users', { name: 'bob', role: 'reader', password: PASSWORD });
  await signOut();
  await signIn(page, there, 'bob');
  await page.goto(there.url + '/console/account');
  await box.locator('input[type=password]').waitFor();
  same(await box.locator('li').count(), 0, 'passkeys of others are not shown');
  const id = (await node.request('GET', '/session/passkeys')).json.passkeys[0].id;
  same(await ask(`/session/passkeys/${id}/remove`, { password: PASSWORD }), 404, 'nor taken away');
  same(await ask('/session/passkeys/begin', { password: PASSWORD }), 200, 'of one\'s own, one may');
  await node.request('DELETE', '/users/admin/passkeys');
  await signOut();
  await page.click('button.passkey');
  await page.waitForSelector('[role=alert]');
  ok(await page.locator('nav').count() === 0, 'a passkey that was taken away signs nobody in');
  same(wrong(page, '401', '400', '404'), [], 'no error, no violation of the policy');
});
