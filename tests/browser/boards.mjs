// Situation boards in a browser: each board and the wallboard, in both languages and themes, without a violation of WCAG 2.2 AA; numbers that open
// their records; what is honest in the data is honest in what is drawn; live within a second; by keyboard alone.
import { axe, Node, note, ok, open, pair, signIn, story, test, until, wrong } from './harness.mjs';

const BOARDS = ['incidents', 'clocks', 'tiers', 'compliance', 'sectors', 'counties', 'techniques', 'spread', 'coverage', 'reach', 'loads', 'feeds', 'members', 'times'];
const settled = page => page.waitForFunction(() => document.querySelector('main h1') && !/載入中|Loading|…$/.test(document.querySelector('main').innerText));

test(async () => {
  const node = await Node.make('water', { tier: 'sector', org: 'Water ISAC' });
  await story(node);
  await node.post('/organisations', { id: 'water', name: 'Water ISAC', sector: 'water', region: 'TW-TPE', tier: 'sector' });
  await node.post('/organisations', { id: 'quiet', name: 'Quiet <b>Utility</b>', sector: 'energy', region: 'TW-KHH' });
  const page = await open();
  await signIn(page, node);
  await page.goto(node.url + '/console/boards');
  await page.waitForSelector('.board-incidents figure.chart canvas');
  await settled(page);
  ok(await page.locator('.board-card').count() >= 10, 'the overview of a sector has its boards');
  ok(await page.locator('.numbers dd').allInnerTexts().then(x => x.length === 4 && x.every(y => /\d/.test(y))), 'what has to be known at once has numbers');

  // --- honest in what is drawn ---
  const figure = await page.locator('.board-incidents figure.chart').evaluate(f => ({ ...f.dataset }));
  ok(figure.running === '1' && Number(figure.bins) >= 26 && Number(figure.noReport) >= 24, 'the bin that runs is hatched and weeks before the node kept records are shaded', JSON.stringify(figure));
  await page.goto(node.url + '/console/boards/incidents');
  await page.waitForSelector('table.board tbody tr');
  const rows = await page.locator('table.board tbody tr').evaluateAll(all => all.map(r => ({ running: r.classList.contains('running'), text: r.innerText, none: r.querySelector('.why-no-report') !== null, key: r.dataset.key })));
  ok(rows[0].running && !rows.slice(1).some(r => r.running), 'the running week stands first, is marked, and no other');
  ok(rows.slice(2).every(r => r.none && !/\b0\b/.test(r.text.replace(r.key, ''))), 'a week without report says so and not nought', JSON.stringify(rows[3]));
  const days = rows.map(r => Date.parse(r.key));
  ok(days.slice(1).every((d, i) => days[i] - d === 7 * 86400e3), 'bins are of equal length');
  await page.goto(node.url + '/console/boards/members');
  await page.waitForSelector('table.board tbody tr');
  ok(await page.locator('.state-heard').count() === 0 && await page.locator('.state-unknown').count() >= 2, 'a member that was never heard is unknown, never well');
  await page.goto(node.url + '/console/boards/sectors');
  await page.waitForSelector('table.board tbody tr');
  ok(await page.locator('table.board tbody tr').first().locator('.interval').count() === 2, 'rates and shares stand with their interval');
  ok(/tw-2026/.test(await page.innerText('.complete')), 'the board names its one law');
  ok(await page.locator('table.board >> text=/其他|other/i').count() === 0, 'there is no bucket of others');

  // --- from the number to its records ---
  await page.click('table.board tbody tr[data-key="water"] td a');
  await page.waitForSelector('#behind');
  await page.waitForSelector('.card td.wide a');
  const said = Number(await page.locator('table.board tbody tr[data-key="water"] td a').first().innerText());
  ok(said > 0 && await page.locator('section[aria-labelledby=behind] tbody tr').count() === said, 'as many records stand behind it as it says');
  ok(new URL(page.url()).searchParams.get('row') === 'water', 'what is opened is a link');
  await page.reload();
  await page.waitForSelector('section[aria-labelledby=behind] tbody tr');
  await page.click('section[aria-labelledby=behind] td.wide a');
  await page.waitForURL(/\/console\/incidents\/\d{4}-\d{6}/);
  ok(true, 'and a record opens where it is worked on');
  await page.goto(node.url + '/console/boards/clocks');
  await page.waitForSelector('a[download]');
  const csv = await page.evaluate(async a => (await fetch(a)).text(), await page.getAttribute('a[download]', 'href'));
  ok(csv.split('\r\n').length > 2 && /,query,as_of\r\n/.test(csv), 'the CSV comes with its question', csv.slice(0, 300));
  const drawn = await page.locator('table.board tbody tr').evaluateAll(all => all.map(r => [...r.querySelectorAll('td')].slice(0, 3).map(d => d.innerText.trim())));
  const told = csv.trim().split('\r\n').slice(1).map(l => l.match(/^"(?:[^"]|"")*",(\d+),(\d+),(\d+)/).slice(1));
  ok(JSON.stringify(drawn) === JSON.stringify(told), 'the table shows the numbers of the CSV', JSON.stringify([drawn[0], told[0]]));

  // --- the matrix: each technique under each tactic it serves, and none lost ---
  const seen = Object.fromEntries((await node.get('/boards/techniques')).json.rows.filter(r => r.cells[0].value > 0).map(r => [r.key, r.cells[0].value]));
  await page.goto(node.url + '/console/boards/techniques');
  await page.waitForSelector('.attack [data-tactic=TA0040]');
  const cells = await page.locator('.attack li a').evaluateAll(all => all.map(a => [a.closest('[data-tactic]').dataset.tactic, ...a.innerText.trim().split(/\s+/)]));
  ok(Object.keys(seen).length > 0 && Object.entries(seen).every(([k, v]) => cells.some(c => c[1] === k && Number(c[2]) === v)) && cells.every(c => Number(c[2]) === seen[c[1]]), 'ATT&CK as a matrix: each technique that was seen, with its number', JSON.stringify([cells, seen]));
  const WHERE = { T1566: ['TA0001'], T1190: ['TA0001'], T1059: ['TA0002'], T1486: ['TA0040'], T1110: ['TA0006'], T1078: ['TA0001', 'TA0003', 'TA0004', 'TA0005'], T1071: ['TA0011'] };
  ok(cells.every(([tactic, k]) => (WHERE[k.slice(0, 5)] ?? [tactic]).includes(tactic)) && Object.keys(seen).every(k => cells.filter(c => c[1] === k).length === (WHERE[k.slice(0, 5)]?.length ?? cells.filter(c => c[1] === k).length)), 'under the tactics that it serves, under all of them', JSON.stringify(cells));

  // --- live ---
  await page.goto(node.url + '/console/boards/incidents');
  await page.waitForSelector('table.board tbody tr.running td a');
  await page.waitForTimeout(500);
  const before = Number(await page.locator('table.board tbody tr.running td').first().innerText()), began = Date.now();
  await node.post('/incidents', { title: 'Now', packs: ['tw-2026'], facts: [{ type: 'aware' }] });
  await until(async () => Number(await page.locator('table.board tbody tr.running td').first().innerText()) === before + 1, 'the board moves');
  note(`the board moved ${Date.now() - began} ms after the request began`);
  ok(true, 'a fact moves the board without a reload');

  // --- the keyboard ---
  await pair(page, 'g', 'b');
  await page.waitForURL(/boards$/);
  await page.keyboard.press(']');
  await page.waitForURL(/boards\/incidents/);
  await page.keyboard.press(']');
  await page.waitForURL(/boards\/clocks/);
  await page.waitForSelector('table.board tbody a');
  await page.locator('table.board tbody a').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector('#behind');
  await page.keyboard.press('w');
  await page.waitForSelector('.wallboard .numbers dd');
  ok(await page.locator('header.top').isHidden() && await page.locator('.wallboard [role=status]').innerText().then(x => /即時/.test(x)), 'the wallboard by a key: nothing else on the screen, and it says that it is live');
  await page.goto(node.url + '/console/wall?still=true');
  const first = await until(() => page.locator('[data-board]').getAttribute('data-board'), 'a board');
  await page.keyboard.press(']');
  await until(async () => await page.locator('[data-board]').getAttribute('data-board') !== first, 'the next board');
  await page.keyboard.press('Escape');
  await page.waitForURL(/console\/boards$/);
  ok(true, 'keys turn its pages and leave it');
  ok(wrong(page).length === 0, 'nothing was wrong on the way', wrong(page).join('\n'));

  // --- axe: every board, both languages and themes ---
  for (const [lang, theme] of [['zh-TW', 'light'], ['en', 'dark']]) {
    await page.goto(node.url + '/console/boards');
    await page.selectOption('select[name=lang]', lang);
    await page.selectOption('select[name=theme]', theme);
    for (const path of ['/console/boards', ...BOARDS.map(b => '/console/boards/' + b), '/console/boards/clocks?row=K1&column=met', '/console/wall?still=true', '/console/boards/incidents?exercise=true']) {
      await page.goto(node.url + path);
      await settled(page);
      await page.waitForFunction(() => document.querySelector('table.board, .board-grid canvas, .wallboard .card, .empty'));
      const found = await axe(page);
      ok(found.length === 0, `axe: ${path} in ${lang}, ${theme}`, found.join('\n'));
      const text = await page.innerText('main');
      if (lang === 'en') ok(!/[\u4e00-\u9fff]/.test(text.replace(/演練|醫療|網站|首頁|遭.{1,3}|半年度|釣魚|內政部[^\n]*/g, '').replace(/[^\n]*(資訊系統|加密|置換|附件|帳號|通報)[^\n]*/g, '')), `${path}: no word is left in the other language`, text.slice(0, 600));
      ok(!/undefined|NaN|\[object/.test(text), `${path}: nothing is shown that is none`, text.slice(0, 600));
    }
  }
  // --- a phone ---
  await page.setViewportSize({ width: 360, height: 740 });
  for (const path of ['/console/boards', '/console/boards/sectors', '/console/boards/counties']) {
    await page.goto(node.url + path);
    await settled(page);
    ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${path} fits a phone's width`, await page.evaluate(() => document.documentElement.scrollWidth));
  }
  ok(wrong(page).length === 0, 'no error, no violation of the policy', wrong(page).join('\n'));
});
