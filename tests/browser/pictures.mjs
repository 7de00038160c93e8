// pictures.mjs PROGRAM FOLDER: makes the pictures of the README from a running node with a small story in it (tools/screenshots).
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Node, ok, open, signIn, story, test } from './harness.mjs';

const to = resolve(process.argv[3] ?? 'docs/pictures');

test(async () => {
  mkdirSync(to, { recursive: true });
  const node = await Node.make('hospital', { org: '市立醫院' }), { incidents, tickets } = await story(node, { plain: true });
  await node.post(`/incidents/${incidents[0].number}/facts`, { type: 'reported', note: '已通報衛生福利部' });
  const page = await open({ viewport: { width: 1180, height: 760 } });
  await signIn(page, node);
  const shoot = async (name, view, wait, { lang = 'zh-TW', theme = 'light' } = {}) => {
    await page.selectOption('select[name=lang]', lang);
    await page.selectOption('select[name=theme]', theme);
    await page.goto(node.url + view);
    await page.waitForSelector(wait);
    await page.waitForFunction(() => !/載入中|Loading/.test(document.querySelector('main').textContent));
    await page.screenshot({ path: join(to, name + '.png') });
    ok(true, name);
  };
  await shoot('today', '/console/today', '.clocks li');
  await shoot('level', `/console/incidents/${incidents[1].number}?fact=level`, '.answers');
  await shoot('ticket-dark', `/console/tickets/${tickets.find(x => x.title.startsWith('Credential')).number}`, '.timeline pre', { lang: 'en', theme: 'dark' });
});
