// OpenID Connect with a real provider, and with one that lies.
import { createHash, generateKeyPairSync, sign as signed } from 'node:crypto';
import { spawn } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { freePort, Node, ok, open, PASSWORD, path, ROOT, same, signIn, test, until, write, wrong } from './harness.mjs';

try {
  createRequire(join(ROOT, 'web/package.json')).resolve('oidc-provider');
} catch {
  console.log('ok 1 - signing in at an identity provider # SKIP oidc-provider is not there (npm ci in web/)\n1..1');
  process.exit(0);
}

test(async () => {
  const port = await freePort(), issuer = `http://127.0.0.1:${port}`;
  const alpha = await Node.make('alpha', { org: '市立醫院' }), beta = await Node.make('beta', { org: 'Beta' });
  const at = node => `https://localhost:${node.port}`;
  const program = spawn(process.execPath, [join(ROOT, 'tests/browser/provider_program.mjs'), String(port), at(alpha) + '/console/sign-in', at(beta) + '/console/sign-in'], { stdio: 'ignore' });
  process.on('exit', () => program.kill('SIGKILL'));
  write('alpha.secret', 'a secret: with & odd +characters%\n');
  alpha.configure(`[sign_in]\nprovider = ${issuer}\nprovider_name = 機關單一簽入\nclient_id = alpha node\nclient_secret_file = ${path('alpha.secret')}`);
  beta.configure(`[sign_in]\nprovider = ${issuer}\nclient_id = beta`);
  await alpha.start();
  await beta.start();
  await until(() => new Promise(done => http.get(issuer + '/.well-known/openid-configuration', r => { r.resume(); done(r.statusCode === 200); }).on('error', () => done(false))), 'the provider answers');

  const page = await open();
  // The provider's own page asks another host for its letters.
  await page.route('**/fonts.g*/**', route => route.abort());
  const atProvider = async who => {
    await page.waitForSelector('input[name=login]');
    await page.fill('input[name=login]', who);
    await page.fill('input[name=password]', 'x');
    await page.click('button[type=submit]');
    await page.waitForSelector('input[value=consent]', { state: 'attached' });
    await page.click('button[type=submit]');
  };
  const visit = async (node, button) => {
    await page.goto(at(node) + '/console/sign-in');
    await page.click(button);
  };
  const signOut = async () => {
    await page.click('header button:last-of-type');
    await page.waitForSelector('input[autocomplete=username]');
  };

  await visit(alpha, 'button.provider');
  await atProvider('mei');
  await page.waitForSelector('[role=alert]');
  ok((await page.textContent('[role=alert]')).includes('未連結'), 'an identity that nobody linked signs nobody in');
  ok(!page.url().includes('code='), 'the code leaves the address bar', page.url());
  await signIn(page, { url: at(alpha) });
  await page.click('a.who');
  const box = page.locator('section.identities');
  await box.locator('input').fill(PASSWORD);
  await box.locator('input').press('Enter');
  await page.waitForURL('**/console/account');
  await box.locator('li').waitFor();
  ok((await box.locator('li').textContent()).includes('mei'), 'linked, with the password at hand; the provider remembers who was there');
  await signOut();
  ok((await page.textContent('button.provider')).includes('機關單一簽入'), 'the button says what the provider is called');
  await page.locator('button.provider').focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('nav');
  same([(await page.textContent('a.who')).trim(), new URL(page.url()).pathname], ['admin', '/console/today'], 'then it signs in (RS256, a secret with odd characters)');
  const facts = (await alpha.get('/facts?limit=1000')).json.facts;
  ok(facts.some(f => f.kind === 'user.identity') && facts.some(f => f.kind === 'login.ok' && f.body.by === 'provider') && facts.some(f => f.kind === 'login.fail' && f.body.why === 'provider'), 'all are facts');
  await page.context().clearCookies();
  await beta.post('/users', { name: 'chen', role: 'analyst' });
  await beta.post('/users/chen/identities', { subject: 'chen@example' });
  await visit(beta, 'button.provider');
  await atProvider('chen@example');
  await page.waitForSelector('nav');
  same((await page.textContent('a.who')).trim(), 'chen', 'whom an administrator linked signs in, without a password here (ES256, a public client)');
  same((await beta.request('POST', '/users/admin/identities', { subject: 'chen@example' })).status, 409, 'one identity is one account');
  await beta.post('/users', { name: 'chen', role: 'analyst', disabled: true });
  await page.goto(at(beta) + '/console/sign-in');
  await page.click('button.provider');
  await page.waitForSelector('[role=alert]');
  ok(await page.locator('nav').count() === 0, 'a disabled account does not');
  // Whoever says no at the provider comes back with its words.
  await page.goto(at(beta) + '/console/sign-in?state=x&error=access_denied%3Cb%3E');
  await page.waitForSelector('[role=alert]');
  ok((await page.textContent('[role=alert]')).includes('access_denied<b>'), 'what it says is text');
  // Somebody else's code, handed to a browser that did not begin.
  await page.goto(at(alpha) + '/console/sign-in?state=AAAA&code=BBBB');
  await page.waitForSelector('[role=alert]');
  same(wrong(page, '401', 'fonts.g'), [], 'no error, no violation of the policy');

  // A provider that lies. Signed by itself, so that each lie is the only thing wrong.
  const lying = await freePort(), liar = `http://127.0.0.1:${lying}`, rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }), other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const b64 = x => Buffer.from(typeof x === 'string' ? x : JSON.stringify(x)).toString('base64url');
  const mac = (text, secret) => createHash('sha256').update(secret + text).digest('base64url');
  let lie = {}, asked = { keys: 0, form: '' }, keys = [{ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }];
  const make = ({ head = {}, body = {}, by = rsa.privateKey, none, shared, cut }) => {
    const now = Math.floor(Date.now() / 1000), text = b64({ alg: 'RS256', kid: 'k', ...head }) + '.' + b64({ iss: liar, sub: 'mei', aud: 'gamma', exp: now + 300, iat: now, nonce: lie.nonce, ...body });
    const sig = none ? '' : shared ? mac(text, shared) : signed('sha256', Buffer.from(text), by.asymmetricKeyType === 'ec' ? { key: by, dsaEncoding: 'ieee-p1363' } : by).toString('base64url');
    return (text + '.' + sig).slice(0, cut ? -cut : undefined);
  };
  const server = http.createServer((q, r) => {
    let text = '';
    q.on('data', d => { text += d; }).on('end', () => {
      const what = q.url === '/jwks' ? (asked.keys++, { keys }) : q.url === '/token' ? (asked.form = text, { access_token: 'x', token_type: 'Bearer', id_token: make(lie) }) :
        { issuer: lie.issuer ?? liar, authorization_endpoint: liar + '/auth', token_endpoint: liar + '/token', jwks_uri: liar + '/jwks' };
      r.writeHead(q.url === '/token' && lie.status ? lie.status : 200, { 'Content-Type': 'application/json' }).end(lie.junk && q.url === '/token' ? 'junk' : JSON.stringify(what));
    });
  }).listen(lying, '127.0.0.1');
  const gamma = await Node.make('gamma');
  gamma.configure(`[sign_in]\nprovider = ${liar}\nclient_id = gamma`);
  await gamma.start();
  await gamma.post('/users', { name: 'mei', role: 'reader' });
  const ask = (tail, body, cookie) => new Promise((done, fail) => {
    const q = https.request({ host: '127.0.0.1', port: gamma.port, method: 'POST', path: '/api/v1' + tail, ca: readFileSync(join(gamma.dir, 'tls/ca.crt')), agent: false,
      headers: { Connection: 'close', 'Content-Type': 'application/json', 'Lianfang-Console': '1', ...(cookie ? { Cookie: cookie } : {}) } }, res => {
      let text = '';
      res.on('data', d => { text += d; }).on('end', () => done({ status: res.statusCode, json: JSON.parse(text), cookie: (res.headers['set-cookie'] ?? []).map(c => c.split(';')[0]).join('; ') }));
    });
    q.on('error', fail);
    q.end(JSON.stringify(body));
  });
  const attempt = async (what, change = x => x) => {
    const b = await ask('/session/provider/begin', {}), q = new URL(b.json.url).searchParams;
    lie = { nonce: q.get('nonce'), ...what };
    const sent = change({ body: { state: q.get('state'), code: 'c' }, cookie: b.cookie });
    return ask('/session/provider', sent.body, sent.cookie);
  };
  lie = { issuer: 'http://127.0.0.1:1' };
  same((await ask('/session/provider/begin', {})).status, 502, 'a provider that calls itself otherwise is not used');
  lie = {};
  same((await attempt({})).status, 401, 'an honest token of somebody unknown');
  await gamma.post('/users/mei/identities', { subject: 'mei' });
  const good = await attempt({});
  ok(good.status === 200 && good.json.user === 'mei' && /__Host-lianfang=/.test(good.cookie), 'an honest token signs in', good);
  const verifier = new URLSearchParams(asked.form).get('code_verifier');
  const b = await ask('/session/provider/begin', {}), q = new URL(b.json.url).searchParams;
  ok(verifier.length === 43 && q.get('code_challenge').length === 43 && q.get('code_challenge_method') === 'S256' && q.get('response_type') === 'code' && q.get('scope') === 'openid' && q.get('state') !== q.get('nonce'),
    'the code flow, with PKCE', Object.fromEntries(q));
  const now = Math.floor(Date.now() / 1000), pem = rsa.publicKey.export({ type: 'spki', format: 'pem' });
  const lies = [
    ['signed by another key', { by: other.privateKey }], ['not signed', { head: { alg: 'none' }, none: true }], ['no signature', { none: true }], ['signed with the public key as a secret', { head: { alg: 'HS256' }, shared: pem }],
    ['another algorithm', { head: { alg: 'RS512' } }], ['ES256 under a key for RS256', { head: { alg: 'ES256' }, by: ec.privateKey }], ['an extension that must be understood', { head: { crit: ['b64'], b64: false } }],
    ['cut short', { cut: 9 }], ['of another provider', { body: { iss: 'https://elsewhere.example' } }], ['for another client', { body: { aud: 'delta' } }], ['for several, not saying whom', { body: { aud: ['gamma', 'delta'] } }],
    ['for several, made for another', { body: { aud: ['gamma', 'delta'], azp: 'delta' } }], ['over', { body: { exp: now - 120 } }], ['without an end', { body: { exp: undefined } }], ['of the future', { body: { iat: now + 600 } }],
    ['of another sign-in', { body: { nonce: 'x' } }], ['without a nonce', { body: { nonce: undefined } }], ['without a subject', { body: { sub: '' } }], ['a subject that is a number', { body: { sub: 7 } }], ['of a code that is refused', { status: 400 }],
  ];
  for (const [name, what] of lies) same((await attempt(what)).status, 401, 'a token ' + name);
  same((await attempt({ junk: true })).status, 502, 'a provider that says junk');
  same((await attempt({}, x => ({ ...x, cookie: '' }))).status, 401, 'an honest one in another browser');
  same((await attempt({}, x => ({ ...x, cookie: '__Host-lianfang-begun=' + 'A'.repeat(43) }))).status, 401, 'with another browser\'s cookie');
  same((await attempt({}, x => ({ ...x, body: { ...x.body, state: 'A'.repeat(32) } }))).status, 401, 'with another state');
  same((await attempt({}, x => ({ ...x, body: { ...x.body, iss: 'https://elsewhere.example' } }))).status, 401, 'with the answer of another provider');
  let twice;
  same((await attempt({}, x => twice = x)).status, 200, 'once');
  same((await ask('/session/provider', twice.body, twice.cookie)).status, 401, 'and not again');
  // Keys: asked for once, and again when one is new; not again and again.
  ok(asked.keys <= 2, 'keys are kept', asked.keys);
  same((await attempt({ body: { aud: ['gamma'] } })).status, 200, 'a list of one audience');
  const had = asked.keys;
  for (let i = 0; i < 3; i++) await attempt({ head: { kid: 'unknown' } });
  ok(asked.keys <= had + 1, 'an unknown key does not make the node ask each time', [had, asked.keys]);
  server.close();
  same((await attempt({}).catch(() => ({ status: 0 }))).status === 200, false, 'a provider that is gone signs nobody in');
});
