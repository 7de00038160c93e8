// The work of an hour, by keyboard where there is a key: clocks, an incident with its level and report, tickets, search.
import { HOSTILE, Node, note, ok, open, pair, same, signIn, story, test, until, wrong } from './harness.mjs';

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' }), { incidents, tickets, event } = await story(node);
  const page = await open();
  await signIn(page, node);
  await page.waitForSelector('.clocks li');
  const left = await page.locator('.clocks .left').evaluateAll(list => list.map(x => x.dataset.due));
  ok(left.length >= 5 && left.every((x, i) => i === 0 || left[i - 1] <= x), 'today: clocks, the least time left first', left);
  ok((await page.locator('.clocks li').first().textContent()).includes('逾時'), 'one that is breached says so in words');
  ok((await page.locator('.clocks li a.button').first().textContent()).includes('通報'), 'each with what to do next');
  ok(await page.locator('.clocks .drill').count() > 0, 'a drill says that it is one');
  same(wrong(page), [], 'no error, no violation of the policy');

  // Hostile text is text.
  ok((await page.locator('main').textContent()).includes('<script>alert(1)</script>'), 'markup in a title is shown as text');
  ok(!(await page.locator('body').textContent()).includes('\u202e') && (await page.locator('body').textContent()).includes('⟨U+202E⟩'), 'what turns text around is shown as what it is');
  same(await page.locator('main script, main img[src=x]').count(), 0, 'and makes no element');

  // An incident, by keyboard alone.
  const began = Date.now();
  await page.keyboard.press('Control+k');
  await page.waitForSelector('dialog input');
  await page.keyboard.type('新增');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/incidents/new');
  await page.waitForSelector('form.card input:focus');
  await page.keyboard.type('廣播系統遭入侵');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.wizard');
  for (let i = 0; i < 8 && !await page.locator('.cells').count(); i++) {
    const asked = await page.locator('.wizard .answers').textContent().catch(() => '');
    await page.locator('.answers button').last().focus();
    await page.keyboard.press('Enter');
    await page.waitForFunction(x => document.querySelector('.cells') || (document.querySelector('.wizard .answers')?.textContent ?? x) !== x, asked);
  }
  ok(await page.locator('.cells .decides').count() > 0, 'the wizard shows the cell of the law that decides');
  await page.locator('.wizard textarea').focus();
  await page.keyboard.type('x');
  await page.locator('.wizard button.main').press('Enter');
  // What comes next under the law is asked for at once.
  await page.waitForSelector('.wizard', { state: 'detached' });
  await page.waitForSelector('section.form select:focus');
  await page.waitForSelector('.heading .level');
  ok(/[1-4]/.test(await page.locator('.heading .level').textContent()), 'the level is stored');
  same(await page.locator('section.form select').first().inputValue(), 'reported', 'and the report is the next form');
  await page.locator('section.form textarea').fill('已電話通知');
  await page.locator('section.form button.main').press('Enter');
  await page.waitForSelector('section.form', { state: 'detached' });
  await page.waitForSelector('.v-met');
  const number = decodeURIComponent(new URL(page.url()).pathname.split('/').pop());
  const facts = (await node.get(`/incidents/${number}/facts`)).json.facts;
  same(facts.map(f => f.type), ['aware', 'level', 'reported'], 'aware, level and report are facts at the node');
  ok((await page.locator('.timeline').first().textContent()).includes('已電話通知'), 'and stand in the timeline');
  note(`an incident judged and reported in ${Date.now() - began} ms of a script`);
  same(wrong(page), [], 'no error, no violation of the policy');

  // The list: j, k, Enter, u.
  await pair(page, 'g', 'i');
  await page.waitForSelector('tr.at');
  const first = await page.locator('tr.at a').textContent();
  await page.keyboard.press('j');
  await page.waitForFunction(x => { const a = document.querySelector('tr.at a'); return a && a.textContent !== x; }, first);
  await page.keyboard.press('k');
  await page.waitForFunction(x => document.querySelector('tr.at a')?.textContent === x, first);
  await page.keyboard.press('Enter');
  await page.waitForURL('**/incidents/20*');
  await page.waitForSelector('.timeline');
  await page.keyboard.press('u');
  await page.waitForURL('**/incidents');
  ok(true, 'j, k, Enter and u go through the list');
  await page.goto(`${node.url}/console/incidents/${incidents[2].number}`);
  await page.waitForSelector('.timeline');
  ok((await page.locator('h1').textContent()).includes(HOSTILE.slice(0, 20)), 'a hostile title on its own page');

  // Tickets: what matched is marked, a key disposes, another takes it back.
  const dump = tickets.find(x => x.title.startsWith('Credential'));
  await page.goto(`${node.url}/console/tickets/${dump.number}`);
  await page.waitForSelector('.timeline pre');
  ok((await page.locator('mark').allTextContents()).some(x => x.includes('mimikatz')), 'what matched is marked in the event', await page.locator('.timeline').textContent());
  await page.keyboard.press('2');
  await page.waitForSelector('.said .good');
  await page.waitForFunction(() => document.querySelector('.heading .tag')?.textContent === '確實事件');
  same((await node.get('/tickets/' + dump.number)).json.disposition, 'confirmed', 'one key closes it, at the node');
  await page.keyboard.press('o');
  await page.waitForFunction(() => { const tag = document.querySelector('.heading .tag'); return tag && tag.textContent !== '確實事件'; });
  same((await node.get('/tickets/' + dump.number)).json.state === 'closed', false, 'and one opens it again');

  // Live: what comes while one looks is there by itself.
  await page.goto(node.url + '/console/tickets');
  await page.waitForSelector('tbody tr');
  event('C:\\x\\mimikatz.exe', 'pc77');
  await page.waitForFunction(() => document.body.textContent.includes('pc77'));
  ok(true, 'a new ticket appears by itself');

  // Intelligence.
  await pair(page, 'g', 's');
  await page.waitForSelector('form[role=search]');
  await page.keyboard.press('/');
  await page.keyboard.type('c2.evil.example');
  await page.keyboard.press('Enter');
  await page.waitForSelector('p a.button');
  await page.click('p a.button');
  await page.waitForSelector('dl.facts');
  ok((await page.locator('main').textContent()).includes('C2 中繼站') && (await page.locator('main').textContent()).includes('user:admin'), 'a value shows its objects and who claims them');

  // An alert from the centre above: opened it is read there, a key answers it.
  const centre = await (await Node.make('sector', { tier: 'sector', org: '醫療領域中心' })).start();
  const print = async x => (await x.get('/status')).json.cert_sha256;
  await centre.post('/peers', { name: 'hospital', relation: 'child', cert_sha256: await print(node), tlp_max: 'amber+strict' });
  await node.post('/peers', { name: 'sector', relation: 'parent', cert_sha256: await print(centre), url: centre.url, tlp_max: 'amber+strict' });
  const sent = await centre.post('/bulletins', { code: 'EWA', title: '主機可能為中繼站', tlp: 'amber', impact: 2, due: '2030-01-01T00:00:00Z', to: ['hospital'] });
  const receipt = async () => (await centre.get('/bulletins/' + sent.id)).json.recipients[0];
  await pair(page, 'g', 'a');
  await page.waitForSelector('tr.at');
  await page.keyboard.press('Enter');
  await page.waitForSelector('section.form textarea');
  await until(async () => (await receipt()).state === 'read', 'the receipt');
  ok(true, 'an alert that is opened is read, says the sender\'s receipt');
  await page.selectOption('section.form select', number);
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('2');
  await page.waitForSelector('p.good time');
  same((await until(async () => (await receipt()).answered && receipt(), 'the answer')).disposition, 'confirmed', 'one key answers it, and the sender has the answer');
  await centre.stop();

  // Notices of the browser: asked for once, then what presses is told.
  await page.addInitScript(() => {
    globalThis.told = [];
    globalThis.Notification = class {
      static permission = 'default';
      static async requestPermission() { this.permission = 'granted'; return 'granted'; }
      constructor(title, options) { globalThis.told.push(title + ' | ' + options.body); }
      close() { return undefined; }
    };
  });
  await page.goto(node.url + '/console/today');
  await page.waitForSelector('.clocks li');
  same(await page.evaluate(() => globalThis.told), [], 'nothing is told that nobody asked for');
  await page.locator('.heading button[aria-pressed]').click();
  await page.waitForFunction(() => globalThis.told.some(x => x.includes('已逾時')) && globalThis.told.some(x => x.includes('演練')));
  ok(await page.locator('.heading button[aria-pressed=true]').count() === 1, 'clocks with little time left are told by the browser, a drill as one', await page.evaluate(() => globalThis.told));

  // Truth: the node dies in the middle of a save; no success is shown.
  await page.goto(`${node.url}/console/incidents/${number}?fact=note`);
  await page.waitForSelector('section.form textarea');
  await page.locator('section.form textarea').fill('y');
  await node.stop();
  await page.locator('section.form button.main').press('Enter');
  await page.waitForSelector('section.form [role=alert]');
  ok((await page.textContent('section.form [role=alert]')).includes('尚未儲存') && await page.locator('.said .good').count() === 0, 'a node that is gone: not stored, and said so');
  same(await page.locator('section.form textarea').inputValue(), 'y', 'and nothing of what was typed is lost');
  await node.start();
  await page.locator('section.form button.main').press('Enter');
  await page.waitForSelector('section.form', { state: 'detached' });
  same((await until(async () => (await node.get(`/incidents/${number}/facts`)).json.facts, 'facts')).filter(f => f.note === 'y').length, 1, 'pressed again it is stored, once');
  same(wrong(page, 'ERR_', '/pulse'), [], 'no error, no violation of the policy');
});
