// What people come for, each task by keyboard alone: no mouse, no script that focuses or fills. A person tabs to what they can read, types, presses
// Enter; every key is counted. A Chinese character counts as four keys, as by Zhuyin.
import { axe, Node, note, ok, open, same, signIn, story, test, until, wrong } from './harness.mjs';

class Hand {
  constructor(page) { Object.assign(this, { page, keys: 0 }); }
  async press(key) {
    this.keys += key.split('+').length;
    await this.page.keyboard.press(key);
  }
  async type(text) {
    for (const c of text) this.keys += /[\u3000-\u9fff\uff00-\uffef]/.test(c) ? 4 : 1;
    await this.page.keyboard.insertText(text);
  }
  /** What has the focus, as a screen reader would say it. */
  focused() {
    return this.page.evaluate(() => {
      const e = document.activeElement;
      if (!e?.matches('a, button, input, select, textarea, summary, [tabindex="0"]')) return '';
      const label = e.getAttribute('aria-label') ?? [...e.labels ?? []].map(l => l.textContent).join(' ');
      return `${e.tagName} ${label || e.textContent}`.replace(/\s+/g, ' ').trim();
    });
  }
  /** Tab until what is wanted has the focus. */
  async reach(what, { back = false, most = 80 } = {}) {
    for (let i = 0; i <= most; i++) {
      const now = await this.focused();
      if (what.test(now)) return now;
      await this.press(back ? 'Shift+Tab' : 'Tab');
    }
    throw new Error(`not reached by ${most} tabs: ${what}, at ${await this.focused()}`);
  }
  async go(what, options) {
    await this.reach(what, options);
    await this.press('Enter');
  }
  /** A choice of a list, by the arrows. */
  async choose(what, text) {
    await this.reach(what);
    const at = () => this.page.evaluate(() => { const e = document.activeElement; return [e.selectedIndex, [...e.options].map(o => o.text)]; });
    const [from, all] = await at(), to = all.findIndex(x => text.test(x));
    if (to < 0) throw new Error(`${text} is not among ${all.join(', ')}`);
    for (let i = from; i !== to; i += Math.sign(to - from)) await this.press(to > i ? 'ArrowDown' : 'ArrowUp');
    await this.page.waitForFunction(i => document.activeElement.selectedIndex === i, to);
  }
}

const facts = async (node, number) => (await node.get(`/incidents/${number}/facts`)).json.facts;
const has = (node, number, type) => until(async () => (await facts(node, number)).find(f => f.type === type), type);
const numberOf = page => decodeURIComponent(new URL(page.url()).pathname.split('/').pop());
const letters = 'section[aria-label=往來紀錄]';

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' });
  node.configure('[intake]\nenabled = yes');
  const { incidents, tickets } = await story(node, { plain: true });
  const page = await open(), hand = new Hand(page);
  await signIn(page, node);

  // P1, the sole security officer, task 1, as somebody who never saw this: report an incident of level 3 within the hour.
  await page.waitForSelector('.clocks li');
  const began = Date.now();
  await hand.reach(/跳到內容/);
  await hand.press('Enter');
  await hand.go(/新增事件/);
  await page.waitForSelector('form.card input:focus');
  await hand.type('檔案主機遭加密');
  await hand.press('Enter');
  await page.waitForSelector('.wizard .answers button:focus');
  // The officer knows what happened: a core system, not of critical infrastructure, is down for longer than it may be.
  const wanted = /^BUTTON (中斷|資通系統|核心，未涉及|逾可容忍)/;
  for (let asked = ''; ;) {
    await page.waitForFunction(was => document.querySelector('.cells') || (document.activeElement?.closest('.answers') && document.querySelector('.wizard legend')?.textContent !== was), asked);
    if (await page.locator('.cells').count()) break;
    asked = await page.locator('.wizard legend').textContent();
    await hand.go(wanted, { most: 6 });
  }
  await hand.reach(/判定理由/);
  await hand.type('公文無法處理');
  await hand.go(/以此定級並儲存/);
  await page.waitForSelector('section.form select:focus');
  await hand.go(/BUTTON 儲存/);
  await page.waitForSelector('.v-met');
  const number = numberOf(page), level = (await node.get('/incidents/' + number)).json.level, seconds = (Date.now() - began) / 1000;
  same(level, 3, 'P1.1: a first-time user files a report of level 3');
  same((await facts(node, number)).map(f => f.type), ['aware', 'level', 'reported'], 'P1.1: aware, level and report are at the node');
  note(`a level-3 report: ${hand.keys} keys, ${seconds.toFixed(1)} s of machine; at a key a second ${(hand.keys + seconds).toFixed(0)} s`);
  ok(hand.keys <= 120, `P1.1: in at most 120 keys (${hand.keys})`);
  ok(hand.keys + seconds <= 180, `P1.1: and three minutes, at one key a second (${(hand.keys + seconds).toFixed(0)} s)`);
  same(wrong(page), [], 'no error, no violation of the policy');

  // P1.5: the report of the month, filled in and sent.
  await page.waitForSelector('a.button[href*="form=final-report"]');
  await hand.press('Escape');
  await until(async () => page.evaluate(() => !document.querySelector('section.form')), 'the form is closed');
  const forms = (await node.get(`/incidents/${number}/forms`)).json.forms, report = forms.find(f => f.facts.includes('final_report'));
  for (const type of ['contained', 'recovered']) await node.post(`/incidents/${number}/facts`, { type });
  await page.goto(`${node.url}/console/incidents/${number}?form=${report.form}&pack=${report.pack}`);
  await page.waitForSelector('section.report textarea');
  const empty = () => page.evaluate(() => document.querySelectorAll('section.report textarea[aria-invalid=true]:not([readonly])').length);
  for (let left = await empty(); left > 0; left = await empty()) {
    await hand.press('Tab');
    if (!await page.evaluate(() => document.activeElement.matches('section.report textarea[aria-invalid=true]:not([readonly])'))) continue;
    await hand.type('已查明');
    await page.waitForFunction(n => document.querySelectorAll('section.report textarea[aria-invalid=true]:not([readonly])').length < n, left);
  }
  await hand.go(/^BUTTON 儲存/);
  await page.waitForFunction(() => document.querySelector('section.report [role=status]')?.className === 'good');
  await page.waitForFunction(() => [...document.querySelectorAll('section.report .bar button')].some(b => b.textContent.includes('送交') && !b.disabled));
  await hand.go(/^BUTTON .*送交/);
  await has(node, number, 'final_report');
  ok(true, 'P1.5: the improvement report is filled in and sent');

  // P2, the CISO: levels, minutes of the meeting. P3, the duty reviewer: review with grounds, forward, send back.
  const other = incidents[1].number;
  const fact = async (of, what, then = async () => undefined) => {
    await page.goto(`${node.url}/console/incidents/${of}`);
    await page.waitForSelector('.timeline');
    await hand.press('n');
    await page.waitForSelector('section.form select:focus');
    await hand.choose(/發生了什麼/, what);
    await then();
    await hand.go(/^BUTTON 儲存/);
    await page.waitForSelector('section.form', { state: 'detached' });
  };
  const letter = async (of, what, then = async () => undefined) => {
    await page.goto(`${node.url}/console/incidents/${of}`);
    await page.waitForSelector(letters + ' h2 button');
    await hand.go(/新增往來/, { most: 120 });
    await page.waitForSelector(letters + ' select');
    await hand.choose(/種類/, what);
    await then();
    await hand.go(/^BUTTON 送出/);
  };
  await letter(other, /會議紀錄/, async () => { await hand.reach(/^TEXTAREA/); await hand.type('決議：通知主管機關'); });
  ok((await has(node, other, 'meeting')).note.includes('決議'), 'P2.2: the minutes of the meeting');
  await fact(other, /完成損害控制/);
  await has(node, other, 'contained');
  ok(true, 'P2.1: damage is controlled, said by keys');

  // P1.2, P5: tickets. One key takes one, one disposes of it, one opens it again.
  await page.goto(node.url + '/console/tickets');
  await page.waitForSelector('tr.at');
  await hand.press('Enter');
  await page.waitForSelector('.timeline pre');
  const ticket = numberOf(page), state = async () => (await node.get('/tickets/' + ticket)).json;
  await hand.press('m');
  await until(async () => (await state()).assignee === 'admin', 'taken');
  await page.waitForFunction(() => !document.querySelector('main button[disabled]'));
  await hand.press('1');
  await until(async () => (await state()).disposition === 'false-positive', 'disposed of');
  await page.waitForFunction(() => document.querySelector('.heading .tag')?.textContent === '誤判');
  await hand.press('o');
  await until(async () => (await state()).state !== 'closed', 'opened again');
  ok(true, 'P4.1, P5.1: a ticket is taken, disposed of and opened again, a key each');
  const raised = tickets.find(x => x.number !== ticket);
  await page.goto(`${node.url}/console/tickets/${raised.number}`);
  await page.waitForSelector('.timeline pre');
  await hand.go(/轉為資安事件/);
  await page.waitForURL('**/console/incidents/*');
  await has(node, numberOf(page), 'evidence');
  ok(true, 'P5.1: and another becomes an incident, with its evidence');

  // P5.3: a rule is found, read and turned off, with its reason.
  await hand.press('g');
  await hand.press('r');
  await page.waitForURL('**/console/rules');
  await page.waitForSelector('tr.at');
  await hand.press('Enter');
  await page.waitForFunction(() => document.querySelector('textarea')?.value.includes('logsource'));
  const rules = async () => (await node.get('/rules')).json.rules.map(r => JSON.stringify(r)).join(), before = await rules();
  await hand.press('x');
  await until(async () => await rules() !== before, 'a rule is turned off');
  ok(true, 'P5.3: a rule is found and turned off by keys');

  // P4.2, P3.5, P2.4: the boards, and their rows behind a number.
  await hand.press('g');
  await hand.press('b');
  await page.waitForURL('**/console/boards*');
  await page.waitForSelector('.board-card');
  await hand.go(/^A .*\d/, { most: 60 });
  await page.waitForFunction(() => location.pathname + location.search !== '/console/boards');
  ok(true, 'P2.4, P3.5: a number of the boards opens what stands behind it');
  same(wrong(page), [], 'no error, no violation of the policy');

  // P3.5, P4.5: what a board counts comes as a file, the report of the week is asked for.
  await page.goto(node.url + '/console/boards/incidents');
  await page.waitForSelector('.board');
  const [file] = await Promise.all([page.waitForEvent('download'), hand.go(/^A .*CSV/, { most: 120 })]);
  ok((await file.path()).length > 0 && file.suggestedFilename().endsWith('.csv'), 'P3.5: the figures of a board as CSV');

  // P10.4: a drill says everywhere that it is one. P6.3: one fact base, two laws.
  await page.goto(node.url + '/console/incidents/new');
  await page.waitForSelector('form.card input:focus');
  await hand.type('年度演練');
  await hand.reach(/^INPUT .*NIS 2/);
  await hand.press('Space');
  await hand.reach(/^INPUT .*115/);
  await hand.press('Space');
  await hand.reach(/^INPUT .*演練$/);
  await hand.press('Space');
  await hand.go(/^BUTTON 建立/);
  await page.waitForSelector('.wizard');
  const drill = (await node.get('/incidents/' + numberOf(page))).json;
  same([drill.exercise, drill.views.map(v => v.pack).sort()], [true, ['eu-nis2', 'tw-2026']], 'P10.4, P6.3: a drill under two laws');
  ok(await page.locator('.heading .drill').count() === 1, 'P10.4: and the page says that it is one');

  // P8, a citizen without an account: reports, and asks what became of it; a page without script.
  const citizen = await open({ javaScriptEnabled: false }), own = new Hand(citizen);
  await citizen.goto(node.url + '/window?lang=zh');
  await citizen.waitForSelector('#what');
  for (let i = 0; i < 20 && !await citizen.locator('#what:focus').count(); i++) await own.press('Tab');
  await own.type('螢幕出現勒索訊息');
  await own.press('Tab');
  await own.type('今天早上');
  for (let i = 0; i < 10 && !await citizen.locator('form >> nth=0 >> button:focus').count(); i++) await own.press('Tab');
  await Promise.all([citizen.waitForURL('**/reports*'), own.press('Enter')]);
  const reply = await citizen.locator('body').innerText(), told = (await node.get('/intake')).json.reports[0];
  ok(reply.includes(told.number), 'P8.2: a citizen reports by keys, without script, and has a number', reply);
  const code = reply.match(/\b[0-9A-Z]{4}(-[0-9A-Z]{4})+\b/)?.[0] ?? '';
  await citizen.goto(node.url + '/window?lang=zh');
  for (let i = 0; i < 30 && !await citizen.locator('#number:focus').count(); i++) await own.press('Tab');
  await own.type(told.number);
  await own.press('Tab');
  await own.type(code);
  await Promise.all([citizen.waitForURL('**/status*'), own.press('Enter')]);
  ok((await citizen.locator('body').innerText()).includes(told.number), 'P8.4: and asks what became of it', await citizen.locator('body').innerText());
  same(wrong(citizen), [], 'no error, no violation of the policy');
  same(wrong(page), [], 'no error, no violation of the policy');

  // P3 and P4 at the sector's centre: review, forward, help, a warning to the members.
  const centre = await (await Node.make('sector', { tier: 'sector', org: '醫療領域中心' })).start(), at = await open(), desk = new Hand(at);
  const print = async x => (await x.get('/status')).json.cert_sha256;
  await centre.post('/peers', { name: 'hospital', relation: 'child', cert_sha256: await print(node), tlp_max: 'amber+strict' });
  await node.post('/peers', { name: 'sector', relation: 'parent', cert_sha256: await print(centre), url: centre.url, tlp_max: 'amber+strict' });
  const one = await centre.post('/incidents', { title: '成員遭勒索', packs: ['tw-2026'], facts: [{ type: 'aware' }, { type: 'reported' }] });
  await signIn(at, centre);
  await at.waitForSelector('.clocks li');
  await desk.go(/^A .*審核/);
  await at.waitForSelector('section.form select:focus');
  const mine = numberOf(at);
  same(await at.locator('section.form select').first().inputValue(), 'reviewed', 'P3.1: what presses most opens its form');
  await desk.choose(/等級/, /3/);
  await desk.reach(/^TEXTAREA 理由/);
  await desk.type('核心業務中斷');
  await desk.go(/^BUTTON 儲存/);
  const review = await has(centre, mine, 'reviewed');
  same([review.level, review.grounds], [3, '核心業務中斷'], 'P3.1: the level is reviewed, with its grounds');
  await at.goto(centre.url + '/console/today');
  await at.waitForSelector('.clocks li');
  await desk.go(/^A .*轉送/);
  await at.waitForSelector('section.form select:focus');
  const next = numberOf(at);
  await desk.go(/^BUTTON 儲存/);
  await has(centre, next, 'forwarded');
  ok(true, 'P3.2: and forwarded');
  await at.goto(`${centre.url}/console/incidents/${one.number}`);
  await at.waitForSelector(letters + ' h2 button');
  await desk.go(/新增往來/, { most: 120 });
  await desk.reach(/^INPUT 對象/);
  await desk.type('技術支援組');
  await desk.go(/^BUTTON 送出/);
  ok((await has(centre, one.number, 'dispatched')).to.includes('技術支援組'), 'P4.4: help is dispatched');

  // P3.4, P4.3: a warning to members; there one key answers it (P1.2).
  await desk.press('g');
  await desk.press('a');
  await at.waitForURL('**/console/alerts');
  await desk.go(/^A 發布警訊/);
  await at.waitForSelector('form.card input:focus');
  await desk.type('主機可能為中繼站');
  same(await axe(at), [], 'an alert that is written: no barrier');
  await desk.reach(/hospital/);
  await desk.press('Space');
  await desk.go(/^BUTTON 發布/);
  await at.waitForURL(/alerts\/(?!new)/);
  const sent = (await centre.get('/bulletins?limit=10')).json.bulletins[0];
  same([sent.title, sent.code, sent.tlp], ['主機可能為中繼站', 'EWA', 'TLP:AMBER'], 'P3.4, P4.3: a warning is written and sent');
  await until(async () => (await node.get('/bulletins?open=true&limit=10')).json.bulletins.length > 0, 'it arrives');
  await page.goto(node.url + '/console/alerts');
  await page.waitForSelector('tr.at');
  await hand.press('Enter');
  await page.waitForSelector('section.form textarea');
  await until(async () => (await centre.get('/bulletins/' + sent.id)).json.recipients[0].state === 'read', 'it is read');
  await hand.reach(/^TEXTAREA 原因/);
  await hand.type('測試主機');
  await hand.go(/^BUTTON 誤判/);
  same((await until(async () => { const r = (await centre.get('/bulletins/' + sent.id)).json.recipients[0]; return r.answered && r; }, 'the answer')).disposition, 'false-positive', 'P1.2: it is answered, and the sender has the answer');
  // P3.3: who is silent, and who has not answered.
  await desk.press('g');
  await desk.press('p');
  await at.waitForURL('**/console/members');
  await at.waitForFunction(() => /市立醫院/.test(document.querySelector('.nodes .here ul')?.textContent ?? '') && /已回覆：誤判/.test(document.querySelector('.receipts')?.textContent ?? ''));
  ok((await at.locator('.nodes .here ul').textContent()).includes('有回應'), 'P3.3: below the centre stands its member, heard of, and its answer among the receipts');
  same(await axe(at), [], 'members: no barrier');
  same(wrong(at), [], 'no error, no violation of the policy');
  same(wrong(page), [], 'no error, no violation of the policy');
  note(`keys of all tasks: ${hand.keys + desk.keys + own.keys}`);
});
