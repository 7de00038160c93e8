// Users, tokens, a second person, settings and audit: by keyboard, in both languages, without barrier; and what a reader sees of it.
import { readFileSync } from 'node:fs';
import { axe, HOSTILE, Node, ok, open, pair, PASSWORD, same, signIn, test, until, wrong } from './harness.mjs';

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' });
  node.configure('[store]\n[notify]\nwebhook = http://user:secret-of-webhook@127.0.0.1:9/x');
  await node.start();
  const page = await open();
  await signIn(page, node);
  await pair(page, 'g', 'u');
  await page.waitForSelector('tbody tr');
  same(wrong(page), [], 'no error, no violation of the policy');

  // A user is made and invited by keyboard alone.
  await page.locator('.heading a.button').focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('section.user input:focus');
  await page.keyboard.type('mei');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/console/users/mei');
  await page.waitForSelector('.acts');
  await page.locator('.acts button').first().focus();
  await page.keyboard.press('Enter');
  const link = await page.locator('dialog[open] code.secret').textContent();
  ok(link.startsWith(node.url + '/console/set-up#'), 'the invitation is a link');
  await page.keyboard.press('Escape');
  const guest = await open();
  await guest.goto(link);
  await guest.locator('input[type=password]').nth(0).fill('Short-but-3-kinds');
  await guest.locator('input[type=password]').nth(1).fill('Short-but-3-kinds');
  await guest.keyboard.press('Enter');
  await guest.waitForSelector('input[autocomplete=username]');
  await guest.fill('input[type=password]', 'Short-but-3-kinds');
  await guest.keyboard.press('Enter');
  await guest.waitForSelector('nav');
  same(await guest.locator('nav a[href="/console/users"]').count(), 0, 'who is invited signs in; an analyst is not shown what administrators have');
  await guest.goto(node.url + '/console/audit');
  await guest.waitForSelector('.empty');
  ok(true, 'nor by its address');
  // One's own tokens.
  await guest.goto(node.url + '/console/account');
  const own = guest.locator('section.tokens.own');
  await own.locator('input').nth(0).fill(HOSTILE);
  await own.locator('input[type=password]').fill('Short-but-3-kinds');
  await own.locator('button[type=submit]').press('Enter');
  const secret = await guest.locator('dialog[open] code.secret').textContent();
  await guest.keyboard.press('Escape');
  await guest.waitForSelector('dialog', { state: 'detached' });
  await own.locator('tbody tr').waitFor();
  const bearer = token => fetchAs(node, token);
  const who = await bearer(secret);
  same([who.user, who.role, who.tlp_max], ['mei', 'reader', 'TLP:GREEN'], 'a token of one\'s own, with less than one\'s rights');
  ok((await own.locator('tbody').textContent()).includes('<script>'), 'its note is text');
  await own.locator('tbody button').press('Enter');
  await own.locator('tbody tr').waitFor({ state: 'detached' });
  same(await bearer(secret), null, 'withdrawn, it is void at once');
  same(wrong(guest, '401'), [], 'no error, no violation of the policy');

  // An account that ends.
  await page.goto(node.url + '/console/users/mei');
  await page.fill('section.user input[type=date]', '2020-01-01');
  await page.locator('section.user form button.main').press('Enter');
  await until(async () => (await node.get('/users/mei')).json.expires, 'the end of the account');
  await guest.goto(node.url + '/console/today');
  await guest.waitForSelector('input[autocomplete=username]');
  ok(true, 'an account whose last day is over is signed out');
  await page.goto(node.url + '/console/users');
  await page.waitForSelector('tbody tr');
  ok((await page.locator('tbody').first().textContent()).includes('已到期'), 'and the list says so');
  wrong(guest);

  // A second person.
  await node.post('/users', { name: 'lin', role: 'admin', password: PASSWORD });
  await page.goto(node.url + '/console/users/mei');
  await page.waitForSelector('.acts');
  await page.locator('.acts button').last().press('Enter');
  await page.waitForSelector('dialog[open]');
  await page.locator('dialog button.main').press('Enter');
  await page.waitForFunction(() => document.querySelector('.said')?.textContent.includes('第二人'));
  ok((await node.get('/users/mei')).status === 200, 'a removal waits, and says so');
  await page.goto(node.url + '/console/users');
  await page.waitForSelector('.approvals .tag');
  same(await page.locator('.approvals button').count(), 0, 'who asked cannot approve');
  const second = await open();
  await signIn(second, node, 'lin');
  await second.goto(node.url + '/console/users');
  await second.waitForSelector('.approvals button.main');
  same(await axe(second), [], 'users with what waits: no barrier');
  await second.locator('.approvals button.main').press('Enter');
  await second.waitForSelector('.approvals button.main', { state: 'detached' });
  await until(async () => (await node.get('/users/mei')).status === 404, 'the removal');
  ok(true, 'another administrator approves, and it is done');
  same(wrong(second), [], 'no error, no violation of the policy');

  // Audit.
  await node.request('POST', '/session', { user: HOSTILE, password: 'x' }, null);
  await pair(page, 'g', 'l');
  await page.waitForSelector('tbody tr');
  await page.locator('form[role=search] input').nth(1).fill('approval.');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/audit?what=approval.');
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
  same(await page.locator('tbody tr td:nth-child(3)').allTextContents(), ['approval.yes', 'approval.ask'], 'searched by what, newest first');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('Enter');
  await page.waitForSelector('pre');
  ok(/audit\/\d+\?what=approval\./.test(page.url()), 'one fact has a link', page.url());
  await page.goto(node.url + '/console/audit');
  await page.waitForSelector('.verify button');
  await page.locator('.verify button').press('Enter');
  await page.waitForSelector('.verify p.good');
  ok(/\d+ 筆/.test(await page.textContent('.verify p.good')), 'the chain is verified');
  ok((await page.locator('main').textContent()).includes('<script>'), 'a hostile name of a sign-in is text');
  same(await page.locator('main script, main img').count(), 0, 'and makes no element');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('.heading a.button')]);
  const csv = readFileSync(await download.path(), 'utf8');
  ok(csv.startsWith('seq,at,kind,actor,subject,body\r\n') && csv.includes('"approval.yes"'), 'and downloads as CSV', csv.slice(0, 300));

  // Settings.
  await pair(page, 'g', 'c');
  await page.waitForSelector('tbody tr');
  const told = await page.locator('main').textContent();
  ok(told.includes('[notify] webhook') && !told.includes('secret-of-webhook'), 'settings differ visibly from the usual, and tell no secret', told.slice(0, 500));
  await page.locator('.bar input').first().fill('second_person');
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  ok((await page.locator('tbody').textContent()).includes('auto'), 'and are found by name');
  // Changed by keyboard: a harmless one at once, one that opens something by two.
  const setting = async name => (await node.get('/settings')).json.settings.find(s => `${s.section}.${s.key}` === name);
  const change = async (name, act) => {
    await page.locator('.bar input').first().fill(name.split('.')[1]);
    await page.locator('.settings tbody tr', { hasText: `[${name.replace('.', '] ')}` }).locator('button').press('Enter');
    await page.waitForSelector('dialog[open]');
    await act();
    await page.locator('dialog button.main').press('Enter');
    await page.waitForSelector('dialog', { state: 'detached' });
  };
  await change('log.level', () => page.fill('dialog input', '2'));
  await until(async () => (await setting('log.level')).value === '2', 'the level');
  await page.waitForSelector('.undo button');
  ok((await page.textContent('.undo')).includes('[log] level'), 'a setting is changed at once, and what it was is told');
  await page.locator('.undo button').press('Enter');
  await until(async () => (await setting('log.level')).value === '1', 'the level of before');
  ok(true, 'and one press takes it back');
  await change('tickets.max_hours', () => page.fill('dialog input', '12'));
  await page.waitForSelector('p.warn');
  ok((await page.textContent('p.warn')).includes('重新啟動') && (await setting('tickets.max_hours')).next === '12', 'one that waits for the next start says so');
  await change('sign_in.second_person', () => page.selectOption('dialog select', 'no'));
  await until(async () => (await node.get('/approvals')).json.approvals.some(a => a.state === 'waits' && a.path.includes('second_person')), 'what waits');
  same((await setting('sign_in.second_person')).value, 'auto', 'one that opens waits for a second person');
  await page.fill('.bar input', 'command');
  await page.waitForFunction(() => /command/.test(document.querySelector('.settings tbody')?.textContent ?? ''));
  same(await page.locator('.settings tbody tr', { hasText: '[notify] command' }).locator('button').count(), 0, 'what the node runs is not changed from here');
  await page.fill('.bar input', '');
  await page.check('.bar input[type=checkbox]');
  await page.waitForFunction(n => document.querySelectorAll('.settings tbody tr').length === n, (await node.get('/settings')).json.settings.length);
  same(await page.locator('.settings td.text[lang=en]').allTextContents(), [], 'each setting is explained in Chinese');

  for (const lang of ['zh-TW', 'en']) {
    await page.selectOption('select[name=lang]', lang);
    for (const view of ['users', 'users/new', 'users/admin', 'audit', 'settings', 'account']) {
      await page.goto(node.url + '/console/' + view);
      await page.waitForSelector('h1');
      await page.waitForFunction(() => !/載入中|Loading/.test(document.querySelector('main').textContent));
      same(await axe(page), [], `${lang}: ${view}: no barrier`);
      const words = await page.locator('button, label, legend, th, nav a, dt, h2, h1, small').evaluateAll(list => list.map(x => x.textContent).filter(x => !x.includes('正體中文')));
      if (lang === 'en') same(words.filter(x => /[\u3400-\u9fff]/.test(x) && !x.includes('市立醫院')), [], `${view}: no Chinese word in English`);
      else same(words.filter(x => /^[A-Za-z][a-z]+( [a-z]+)+$/.test(x)), [], `${view}: no English sentence in Chinese`);
    }
  }
  same(wrong(page), [], 'no error, no violation of the policy');
});

async function fetchAs(node, token) {
  const https = (await import('node:https')).default;
  return new Promise((done, fail) => https.request({ host: '127.0.0.1', port: node.port, path: '/api/v1/session', ca: readFileSync(node.dir + '/tls/ca.crt'), agent: false, headers: { Authorization: 'Bearer ' + token } }, r => {
    let text = '';
    r.on('data', d => { text += d; }).on('end', () => done(r.statusCode === 200 ? JSON.parse(text) : null));
  }).on('error', fail).end());
}
