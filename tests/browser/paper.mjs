// What is printed: text on white without the console round it, all rows of a list; and a file that is imported, with how fast it goes.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Node, note, ok, open, path, same, signIn, story, test, until, write, wrong } from './harness.mjs';

/** Light or dark of what is seen: 0 to 255. */
const light = color => { const [r, g, b] = color.match(/[\d.]+/g).map(Number); return .3 * r + .59 * g + .11 * b; };

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' }), { incidents } = await story(node, { plain: true });
  const page = await open(), number = incidents[0].number;
  await signIn(page, node);
  await page.selectOption('select[name=theme]', 'dark');
  for (const [view, wants] of [['today', '首次通報'], ['incidents', number], [`incidents/${number}`, '醫療資訊系統遭加密'], ['boards', '事件'], ['audit', 'incident.'], ['settings', 'detect']]) {
    await page.emulateMedia({ media: 'screen' });
    await page.goto(node.url + '/console/' + view);
    await page.waitForSelector('h1');
    await page.waitForFunction(w => document.querySelector('main').textContent.includes(w) && !/載入中/.test(document.querySelector('main').textContent), wants);
    await page.emulateMedia({ media: 'print' });
    const shown = await page.evaluate(() => {
      const seen = s => [...document.querySelectorAll(s)].filter(e => e.checkVisibility()).length;
      const style = getComputedStyle(document.querySelector('main h1'));
      return { nav: seen('nav, header.top, .skip, .said, form[role=search], form.bar, a.button, button:not(.link)'), ground: getComputedStyle(document.body).backgroundColor, ink: style.color,
        whose: document.querySelector('.on-paper').checkVisibility(), wide: document.documentElement.scrollWidth - document.documentElement.clientWidth };
    });
    ok(shown.nav === 0 && shown.whose, `${view}: on paper there is nothing to press, and whose it is and for whom`, shown);
    ok(light(shown.ground) > 250 && light(shown.ink) < 90, `${view}: dark on white, although the screen is dark`, shown);
  }
  // A PDF is text, and says the same.
  await page.goto(`${node.url}/console/incidents/${number}`);
  await page.waitForSelector('.timeline');
  const pdf = await page.pdf({ format: 'A4' });
  writeFileSync(path('incident.pdf'), pdf);
  ok(pdf.subarray(0, 5).toString() === '%PDF-' && pdf.includes('/ToUnicode'), `an incident as PDF: ${pdf.length} bytes, with its characters`);
  const text = spawnSync('pdftotext', ['-layout', path('incident.pdf'), '-'], { encoding: 'utf8' });
  if (text.error) note('pdftotext is not there: the text of the PDF is not read');
  else ok(text.stdout.includes('醫療資訊系統遭加密') && text.stdout.includes('首次通報') && text.stdout.includes('市立醫院') && !text.stdout.includes('登出'), 'with title, clocks and whose it is, without the navigation', text.stdout.slice(0, 1500));

  // A list is printed whole and not as far as it was scrolled.
  await page.emulateMedia({ media: 'screen' });
  await page.route('**/api/v1/tickets?*', route => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ more: false, tickets: Array.from({ length: 300 }, (_, i) =>
    ({ number: String(i), row: i, title: 'row ' + i, state: 'open', host: 'h', hits: 1, end: '2026-01-01T00:00:00Z', tlp: 'TLP:GREEN', assignee: '', disposition: '' })) }) }));
  await page.goto(node.url + '/console/tickets');
  await page.waitForSelector('tbody tr');
  ok(await page.locator('tbody tr').count() < 100, 'on the screen rows in sight are drawn');
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 300);
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
  await page.waitForFunction(() => document.querySelectorAll('tbody tr').length < 100);
  ok(true, 'on paper all 300, and behind it those in sight again');
  await page.unroute('**/api/v1/tickets?*');
  same(wrong(page), [], 'no error, no violation of the policy');

  // A file.
  const values = Array.from({ length: 20000 }, (_, i) => `host-${i}.upload.example`);
  await page.goto(node.url + '/console/intelligence');
  await page.waitForSelector('a[href="/console/intelligence?import"]');
  await page.click('a[href="/console/intelligence?import"]');
  await page.waitForSelector('input[type=file]');
  await page.evaluate(() => {
    globalThis.told = [];
    new MutationObserver(() => { const p = document.querySelector('.pace'); if (p) globalThis.told.push(p.textContent); }).observe(document.querySelector('main'), { subtree: true, childList: true, characterData: true });
  });
  await page.setInputFiles('input[type=file]', write('values.txt', values.join('\n') + '\n'));
  await page.locator('form.card button[type=submit]').press('Enter');
  await page.waitForSelector('p.good[role=status]');
  const told = await page.evaluate(() => globalThis.told);
  ok(told.some(x => /\d+ %/.test(x) && /每秒/.test(x)), 'while a file comes in one sees its share and how fast it goes', told.slice(0, 5));
  ok((await page.textContent('p.good[role=status]')).includes('20,000'), 'and then how much of it is new', await page.textContent('p.good[role=status]'));
  same((await until(async () => (await node.get('/values/host-19999.upload.example')).json, 'a value of it')).objects.length > 0, true, 'which the node knows');
  same(wrong(page), [], 'no error, no violation of the policy');
});
