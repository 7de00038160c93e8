// Every text of every view in both languages: what is the console's own is in the language that was chosen, and nothing is left without a word.
import { axe, Node, note, ok, open, same, signIn, story, test, wrong } from './harness.mjs';

// Texts of the node's, of peers and of logs stand in <bdi>, <code>, <pre> or <time>, or say that they are of another language.
const texts = page => page.evaluate(() => {
  const data = 'bdi, code, pre, time, textarea, [data-due], select[name=lang], .tlp, title, script, noscript';
  const of = document.documentElement.lang, found = [];
  const foreign = e => e.closest('[lang]').lang !== of;
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n = walk.nextNode(); n; n = walk.nextNode()) {
    const e = n.parentElement;
    if (n.data.trim() && !e.closest(data) && !foreign(e)) found.push(n.data.trim());
  }
  for (const e of document.querySelectorAll('[aria-label], [placeholder], [title]'))
    for (const a of ['aria-label', 'placeholder', 'title']) if (e.getAttribute(a) && !e.closest('bdi, time, svg') && !foreign(e)) found.push(e.getAttribute(a));
  return found;
});

test(async () => {
  const node = await Node.make('alpha', { org: 'General Hospital' }), { incidents, tickets } = await story(node, { plain: true });
  const page = await open(), rule = (await node.get('/rules')).json.rules[0].id;
  await signIn(page, node);
  const one = incidents[0].number, views = ['today', 'incidents', 'incidents/new', `incidents/${one}`, `incidents/${one}?fact=reported`, `incidents/${incidents[1].number}?fact=level`, `incidents/${one}?form=final-report&pack=tw-2026`,
    'tickets', `tickets/${tickets[0].number}`, 'tickets?state=closed', 'tickets?show=held', 'alerts', 'alerts/new', 'events?span=all', 'rules', 'rules?show=coverage', 'rules/new', `rules/${rule}`, 'intelligence', 'intelligence?paste',
    'intelligence?import', 'intelligence/indicator--00000000-0000-4000-8000-000000000001', 'members', 'boards', 'boards/incidents', 'boards/clocks', 'boards/coverage', 'lab', 'users', 'users/new', 'users/admin', 'settings', 'audit', 'account'];
  let seen = 0;
  for (const lang of ['zh-TW', 'en']) {
    await page.selectOption('select[name=lang]', lang);
    for (const view of views) {
      await page.goto(`${node.url}/console/${view}`);
      await page.waitForSelector('h1');
      await page.waitForFunction(() => !/載入中|Loading/.test(document.querySelector('main').textContent));
      const list = await texts(page);
      seen += list.length;
      same(list.filter(x => x === '' || /undefined|NaN|\[object|\{\d\}/.test(x)), [], `${lang}: ${view}: nothing without a word`);
      if (lang === 'en') same([...new Set(list.filter(x => /[\u3400-\u9fff]/.test(x)))], [], `en: ${view}: no Chinese`);
      // Names and measures are the same in both; two words of a sentence in a row are not.
      else same([...new Set(list.filter(x => /\b[a-z]{2,} [a-z]{2,}\b/.test(x.replace(/lianfang [a-z -]+|systemctl [a-z]+ [a-z]+/g, ''))))], [], `zh-TW: ${view}: no English`);
    }
    await page.goto(`${node.url}/console/today`);
    await page.waitForSelector('nav');
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    const help = await texts(page);
    ok(help.every(x => lang === 'en' ? !/[\u3400-\u9fff]/.test(x) : !/\b[a-z]{3,} [a-z]{3,}\b/.test(x)), `${lang}: the help`, help);
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
  }
  note(`${seen} texts were looked at`);
  // What other tests do not look at in the dark.
  await page.selectOption('select[name=theme]', 'dark');
  for (const view of ['alerts/new', 'intelligence?import', 'members', 'users', 'users/new', 'settings', 'audit', 'account', 'lab']) {
    await page.goto(`${node.url}/console/${view}`);
    await page.waitForSelector('h1');
    await page.waitForFunction(() => !/載入中|Loading/.test(document.querySelector('main').textContent));
    same(await axe(page), [], `dark: ${view}: no barrier`);
  }
  await page.goto(node.url + '/console/settings');
  await page.waitForSelector('.settings tbody button');
  await page.locator('.settings tbody button').first().press('Enter');
  await page.waitForSelector('dialog[open]');
  same(await axe(page), [], 'dark: a setting that is changed: no barrier');
  same(wrong(page, '/api/v1/lab'), [], 'no error, no violation of the policy');
});
