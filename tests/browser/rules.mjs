// Rules: what became of each, the matrix, one judged while it is written, tried on the past and put in force; by keyboard.
import { appendFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { axe, HOSTILE, Node, note, ok, open, pair, same, signIn, test, until, write, wrong } from './harness.mjs';

const ID = i => `00000000-0000-4000-8000-00000000000${i}`;
const rule = (i, title, image, tags = 'attack.t1033, attack.discovery') => `title: ${title}\nid: ${ID(i)}\nauthor: A. Author\nlevel: high\ntags: [${tags}]\nlogsource: {product: windows}\n` +
  `detection: {s: {Image|endswith: '\\${image}'}, condition: s}\n`;

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' }), log = write('logs/win.json', '');
  const rules = write('rules/a.yml', rule(1, 'Whoami', 'whoami.exe') + '---\n' + rule(2, JSON.stringify(HOSTILE), 'net.exe', 'attack.t1059.001') + "---\ntitle: Broken\nlogsource: {category: x}\ndetection: {s: {a|nonsense: b}, condition: s}\n");
  node.configure(`[detect]\nrules = ${dirname(rules)}\n[input win]\npath = ${log}\n[tickets]\nsighting_seconds = 1`);
  await node.start();
  const event = (image, more = {}) => appendFileSync(log, JSON.stringify({ EventID: 1, Channel: 'Microsoft-Windows-Sysmon/Operational', Image: 'C:\\x\\' + image, Computer: 'pc1',
    UtcTime: new Date(Date.now() - 600e3).toISOString().replace('T', ' ').slice(0, 23), ...more }) + '\n');
  for (let i = 0; i < 5; i++) event('calc.exe', { CommandLine: HOSTILE });
  event('whoami.exe', { n: 'last' });
  await until(async () => (await node.get('/events?q=n=last')).json?.events.length, 'the events are stored');
  const page = await open();
  await signIn(page, node);
  await pair(page, 'g', 'r');
  await page.waitForSelector('tbody tr');
  const list = await page.locator('main').textContent();
  ok(list.includes('2 條生效、1 條拒收') && list.includes('nonsense'), 'rules in force, and refused ones with their reasons', list);
  ok(list.includes('<script>') && !list.includes('\u202e'), 'a hostile title is text');
  await page.goto(node.url + '/console/rules?show=coverage');
  await page.waitForSelector('.matrix .heat');
  ok((await page.locator('.matrix section', { hasText: '探索' }).textContent()).includes('T1033'), 'the matrix has the technique under its tactic');
  await page.locator('.matrix .heat', { hasText: 'T1033' }).click();
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
  ok(true, 'a technique lists its rules');

  // A new one, by keyboard.
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('n');
  await page.waitForURL('**/rules/new');
  await page.waitForSelector('p.good');
  await page.fill('textarea.code', rule(3, 'Calculator', 'calc.exe').replace('endswith', 'nonsense'));
  await page.waitForSelector('[role=status] p.bad');
  ok((await page.textContent('[role=status] p.bad')).includes('第 7 行'), 'what is wrong, and on which line', await page.textContent('[role=status]'));
  ok(await page.locator('section.form button.main').isDisabled(), 'is not to be saved');
  await page.fill('textarea.code', rule(3, 'Calculator', 'calc.exe'));
  await page.waitForSelector('[role=status] p.good');
  await page.evaluate(() => document.activeElement.blur());
  const began = Date.now();
  await page.keyboard.press('t');
  await page.waitForFunction(() => /5 筆符合，已看/.test(document.body.textContent));
  note(`a rule was tried on the past in ${Date.now() - began} ms`);
  ok((await page.locator('.timeline mark').first().textContent()).includes('calc.exe'), 'tried on the past: what matched, marked');
  same(await axe(page), [], 'a rule that was tried: no barrier');
  same((await node.get('/rules')).json.loaded, 2, 'and not in force before it is saved');
  await page.click('section.form button.main');
  await page.waitForURL('**/rules/0000*');
  await page.waitForFunction(() => document.querySelector('.heading .v-met'));
  same((await node.get('/rules')).json.loaded, 3, 'saved, it is');
  event('calc.exe', { Computer: 'pc9' });
  await until(async () => (await node.get('/tickets')).json.tickets.some(x => x.title === 'Calculator'), 'it finds what comes');

  // Off and on: one key.
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('x');
  await page.waitForSelector('.heading .v-void');
  same((await node.get('/rules')).json.off, 1, 'one key turns it off');
  await page.keyboard.press('x');
  await page.waitForSelector('.heading .v-met');
  await page.goto(`${node.url}/console/rules/${ID(1)}`);
  await page.waitForSelector('textarea.code');
  await page.fill('textarea.code', (await page.inputValue('textarea.code')).replace('Whoami', 'Who am I'));
  await page.waitForSelector('section.form button.main:not(:disabled)');
  await page.click('section.form button.main');
  await page.waitForFunction(() => document.querySelector('h1')?.textContent === 'Who am I');
  await page.locator('section.form button', { hasText: '移除' }).click();
  await page.waitForURL('**/rules');
  same((await node.get('/rules/' + ID(1))).json.rule.title, 'Whoami', 'a configured rule is changed, and comes back when our text is removed');
  same(wrong(page), [], 'no error, no violation of the policy');
});
