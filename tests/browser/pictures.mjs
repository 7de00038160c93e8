// pictures.mjs PROGRAM FOLDER: makes the pictures of the README from a running node with a small story in it (tools/screenshots).
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Node, ok, open, program, signIn, story, test, until } from './harness.mjs';
import { EICAR, zip } from './zip.mjs';

const to = resolve(process.argv[3] ?? 'docs/pictures');

/** The demonstration with its six nodes, until its last line: the nation's console. */
function demonstration() {
  return new Promise((done, fail) => {
    const demo = spawn(program(), ['demo', '--lang', 'en'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    demo.once('exit', () => fail(new Error('the demonstration ended: ' + said)));
    demo.stdout.setEncoding('utf8').on('data', text => {
      said += text;
      const url = said.match(/nation .*(https:\/\/127\.0\.0\.1:\d+)\/console\/boards/)?.[1], password = said.match(/admin \/ (demo-[\w-]+)/)?.[1];
      if (url && password) done({ url, password, end: () => new Promise(gone => { demo.removeAllListeners('exit').once('exit', gone); demo.kill('SIGINT'); }) });
    });
  });
}

test(async () => {
  mkdirSync(to, { recursive: true });
  const node = await Node.make('hospital', { org: '市立醫院' });
  node.configure('[lab]\nrun = yes');
  const { incidents, tickets } = await story(node, { plain: true });
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

  await until(async () => (await node.get('/lab')).json?.running, 'the lab runs');
  await page.goto(node.url + '/console/lab');
  await page.locator('input[name=privacy][value=government]').check();
  await page.setInputFiles('#lab-file', { name: '請款單.zip', mimeType: 'application/zip', buffer: zip({ '請款單.zip': zip({ 'invoice.com': EICAR, '說明.txt': 'http://login.evil.example/' }), 'logo.png': '\x89PNG' }) });
  await page.locator('.sending a').click();
  await page.waitForSelector('.lab-report');
  await shoot('lab', new URL(page.url()).pathname, '.lab-report .tree');

  const demo = await demonstration(), wide = await open({ viewport: { width: 1280, height: 1000 } });
  try {
    await signIn(wide, demo, 'admin', demo.password);
    for (const [name, view, wait, theme] of [['situation', '/console/boards?period=84', '.board-counties .map svg', 'light'], ['wallboard', '/console/wall?still=true', '.wallboard canvas', 'dark']]) {
      await wide.goto(demo.url + '/console/boards');
      await wide.selectOption('select[name=theme]', theme);
      await wide.goto(demo.url + view);
      await wide.waitForSelector(wait);
      await wide.waitForFunction(() => !/…/.test(document.querySelector('main').innerText));
      await wide.screenshot({ path: join(to, name + '.png') });
      ok(true, name);
    }
  } finally {
    await demo.end();
  }
});
