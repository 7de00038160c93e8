// Every view in both languages and both themes: no barrier that axe finds, no word of the other language, no error.
import { axe, Node, note, ok, open, pace, same, signIn, story, test, worker, wrong } from './harness.mjs';

if ((process.env.LIANFANG_SANITIZE ?? 'none') !== 'none') {
  console.log('ok 1 - every view # SKIP the pages are the same without sanitizers, where they are tested\n1..1');
  process.exit(0);
}

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' }), { incidents, tickets } = await story(node);
  const page = await open();
  const views = ['/console/today', '/console/incidents', `/console/incidents/${incidents[0].number}`, `/console/incidents/${incidents[0].number}?fact=reported`,
    `/console/incidents/${incidents[1].number}?fact=level`, '/console/incidents/new', `/console/incidents/${incidents[0].number}?form=final-report&pack=tw-2026`, '/console/tickets', `/console/tickets/${tickets[0].number}`, '/console/tickets?state=closed', '/console/alerts', '/console/events?span=all', '/console/rules', '/console/tickets?show=held', '/console/intelligence?paste', '/console/rules?show=coverage', '/console/rules/new', '/console/intelligence',
    '/console/intelligence/indicator--00000000-0000-4000-8000-000000000001', '/console/members', '/console/account'];
  await page.goto(node.url + '/console/sign-in');
  await page.waitForSelector('form.card');
  same(await axe(page), [], 'sign-in: no barrier');
  await page.goto(node.url + '/console/set-up');
  await page.waitForSelector('form.card');
  same(await axe(page), [], 'set-up: no barrier');
  await signIn(page, node);
  // A theme changes colours only, a language words only: so each rule is asked where its answer may differ.
  for (const [lang, theme, rules] of [['zh-TW', 'light', undefined], ['zh-TW', 'dark', ['color-contrast']], ['en', 'light', ['label', 'button-name', 'link-name', 'html-has-lang', 'heading-order']]]) {
    await page.selectOption('select[name=lang]', lang);
    await page.selectOption('select[name=theme]', theme);
    same(await page.evaluate(() => [document.documentElement.lang, document.documentElement.dataset.theme]), [lang, theme], `${lang}, ${theme}: switched`);
    for (const view of views) {
      await page.goto(node.url + view);
      await page.waitForSelector('h1');
      await page.waitForFunction(() => !/載入中|Loading/.test(document.querySelector('main').textContent));
      same(await axe(page, rules), [], `${lang}, ${theme}: ${view}: no barrier`);
      if (lang === 'en' && theme === 'light') {
        // What is not data of the node's own: buttons, labels, headings, columns.
        const words = await page.locator('button, label, legend, th, nav a, dt, h2 > small').evaluateAll(list => list.map(x => x.textContent).filter(x => /[\u3400-\u9fff]/.test(x) && !x.includes('正體中文')));
        same(words.filter(x => !/臺灣|通用|歐盟/.test(x)), [], `${view}: no Chinese word in English`);
      }
    }
  }
  same(wrong(page), [], 'no error, no violation of the policy');
  const color = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.selectOption('select[name=theme]', 'auto');
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await color();
  await page.emulateMedia({ colorScheme: 'light' });
  ok(dark !== await color(), 'without a choice the system\'s theme holds');
  // Help and palette, and focus that comes back.
  await page.keyboard.press('?');
  await page.waitForSelector('dialog[open] dl.keys');
  same(await axe(page), [], 'help: no barrier');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
  await page.keyboard.press('Control+k');
  await page.waitForSelector('dialog[open] input:focus');
  same(await axe(page), [], 'palette: no barrier');
  await page.keyboard.press('Escape');
  // A phone.
  await page.setViewportSize({ width: 360, height: 740 });
  for (const view of [...views, '/console/alerts/new', '/console/intelligence?import', '/console/settings', '/console/audit', '/console/users', '/console/users/new', '/console/lab']) {
    await page.goto(node.url + view);
    await page.waitForSelector('h1');
    ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth + 1), `${view}: nothing beside a phone's screen`, await page.evaluate(() => document.documentElement.scrollWidth));
  }
  // A long list draws only what is in sight.
  await page.setViewportSize({ width: 1280, height: 860 });
  await page.route('**/api/v1/tickets?*', route => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ more: false, tickets: Array.from({ length: 100000 }, (_, i) =>
    ({ number: String(i), row: i, title: 'row ' + i, state: 'open', host: 'h', hits: 1, end: '2026-01-01T00:00:00Z', tlp: 'TLP:GREEN', assignee: '', disposition: '' })) }) }));
  await page.goto(node.url + '/console/tickets');
  await page.waitForSelector('tbody tr');
  ok(await page.locator('tbody tr').count() < 80, '100,000 rows: only those in sight are drawn');
  const times = await page.evaluate(async () => {
    const box = document.querySelector('.scroll'), took = [];
    for (let i = 0; i < 40; i++) {
      const began = performance.now();
      box.scrollTop = Math.random() * box.scrollHeight;
      await new Promise(r => requestAnimationFrame(() => setTimeout(r)));
      took.push(performance.now() - began);
    }
    return took.sort((a, b) => a - b);
  });
  note(`scroll to anywhere in 100,000 rows: median ${times[20].toFixed(1)} ms, p95 ${times[38].toFixed(1)} ms by the clock`);
  // What the page itself takes.
  const { work } = await worker(page), slower = await pace(page, work);
  const takes = async act => {
    const took = [];
    for (let i = 0; i < 40; i++) {
      const before = await work();
      await page.evaluate(act);
      await page.evaluate(() => new Promise(r => requestAnimationFrame(() => setTimeout(r))));
      took.push(await work() - before);
    }
    took.sort((a, b) => a - b);
    return took;
  };
  for (const [name, act] of [['a scroll to anywhere', () => { const box = document.querySelector('.scroll'); box.scrollTop = Math.random() * box.scrollHeight; }],
    ['the next row by key', () => { dispatchEvent(new KeyboardEvent('keydown', { key: 'j' })); }]]) {
    const took = await takes(act);
    note(`${name} in 100,000 rows: median ${took[20].toFixed(1)} ms, p95 ${took[38].toFixed(1)} ms of work`);
    ok(took[38] <= 50 * slower, `${name} in 100,000 rows is at most 50 ms of work at p95`, took);
  }
});
