// The node's own logs: search, fields, time, what comes; by keyboard, and what a log says is never markup.
import { appendFileSync } from 'node:fs';
import { axe, HOSTILE, Node, note, ok, open, pair, same, signIn, test, until, write, wrong } from './harness.mjs';

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' }), log = write('logs/fw.json', '');
  node.configure(`[input fw]\npath = ${log}`);
  await node.start();
  const stamp = ms => new Date(ms).toISOString(), began = Date.now() - 3600e3;
  const event = (i, more = {}) => JSON.stringify({ n: String(i), timestamp: stamp(began + i * 1000), src_ip: `10.0.0.${i % 20}`, user: i % 100 === 7 ? 'root' : 'alice b', dns: { rrname: `w${i % 3}.example` }, ...more }) + '\n';
  appendFileSync(log, Array.from({ length: 3000 }, (_, i) => event(i)).join('') + event(3000, { user: HOSTILE }));
  await until(async () => (await node.get('/events?q=n=3000')).json?.events.length, 'the events are stored');
  const page = await open();
  await signIn(page, node);
  await pair(page, 'g', 'e');
  await page.waitForURL('**/events');
  await page.waitForSelector('.discover tbody tr');
  await page.waitForFunction(() => !document.querySelector('p[role=status] button'));
  ok((await page.locator('p[role=status]').textContent()).includes('3,001'), 'all events of the day are counted', await page.locator('p[role=status]').textContent());
  ok((await page.locator('.discover tbody tr').first().textContent()).includes('<script>'), 'the newest first; markup in it is text');
  ok(!(await page.locator('body').textContent()).includes('\u202e') && (await page.locator('body').textContent()).includes('⟨U+202E⟩'), 'what turns text around is shown as what it is');
  ok(await page.locator('.chart canvas').count() === 1 && Number(await page.locator('.chart tbody td:nth-child(2)').first().textContent()) > 0, 'how many over time, as bars and as a table');

  // A value of a field is one click.
  await page.locator('.fields .name', { hasText: 'user' }).click();
  same((await page.locator('.fields ol li').first().locator('.value').textContent()), 'alice b', 'the values of a field, the most frequent first');
  await page.locator('.fields ol li', { hasText: 'root' }).locator('button').first().click();
  await page.waitForURL('**q=user%3Droot*');
  await page.waitForFunction(() => /符合 30 筆/.test(document.querySelector('p[role=status]')?.textContent ?? ''));
  ok(true, 'only those where it is');
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll('.fields .name').length > 2);
  await page.locator('.fields .name', { hasText: 'user' }).click();
  await page.locator('.fields ol li', { hasText: 'alice b' }).locator('button').nth(1).click();
  await page.waitForFunction(() => /符合 31 筆/.test(document.querySelector('p[role=status]')?.textContent ?? ''));
  same(await page.locator('form.ask input').first().inputValue(), 'user!="alice b"', 'and those without, in words that a script can use');

  // By keyboard: a term, j, Enter, Escape.
  await page.keyboard.press('/');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('dns.rrname=w1.example user=root');
  const asked = Date.now();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /符合 10 筆/.test(document.querySelector('p[role=status]')?.textContent ?? ''));
  note(`first rows of a search ${(await page.locator('p[role=status]').textContent()).match(/首批 (\d+)/)?.[1]} ms after it was asked; all drawn ${Date.now() - asked} ms after the key`);
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog[open]');
  ok((await page.locator('dialog pre').textContent()).includes('"rrname":"w1.example"'), 'an event as it came');
  same(await axe(page), [], 'an event: no barrier');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });

  // Saved, and found again by its link.
  await page.click('.saved > button');
  await page.keyboard.type('root 的 DNS');
  await page.keyboard.press('Enter');
  await page.waitForSelector('.saved li a');
  await page.goto(node.url + '/console/events');
  await page.waitForSelector('.discover tbody tr');
  await page.locator('.saved li a').click();
  await page.waitForFunction(() => /符合 10 筆/.test(document.querySelector('p[role=status]')?.textContent ?? ''));
  const elsewhere = await open();
  await signIn(elsewhere, node);
  await elsewhere.goto(node.url + '/console/events');
  await elsewhere.waitForSelector('.saved li a');
  ok((await elsewhere.locator('.saved li a').textContent()) === 'root 的 DNS', 'a saved search is there again, in another browser too');
  same((await node.get('/session/searches')).json.searches.map(x => [x.view, x.name]), [['events', 'root 的 DNS']], 'and for a script');
  await elsewhere.locator('.saved li button').click();
  await elsewhere.waitForSelector('.saved li', { state: 'detached' });
  same((await node.get('/session/searches')).json.searches, [], 'removed at the node');

  // The time brush.
  await page.goto(node.url + '/console/events');
  await page.waitForSelector('.chart canvas');
  await page.waitForFunction(() => !document.querySelector('p[role=status] button'));
  const box = await page.locator('.u-over').boundingBox();
  await page.mouse.move(box.x + box.width * .9, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * .97, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForURL('**since=*');
  const [since, until_] = ['since', 'until'].map(k => Date.parse(new URL(page.url()).searchParams.get(k)));
  ok(until_ - since > 3600e3 && until_ - since < 3 * 3600e3, 'a part of the chart is the time that is searched', page.url());

  // Live.
  await page.goto(node.url + '/console/events?q=user=eve');
  await page.waitForSelector('.empty');
  await page.keyboard.press('l');
  await page.waitForSelector('button[aria-pressed=true]');
  const came = Date.now();
  appendFileSync(log, event(4000, { user: 'eve' }));
  await page.waitForFunction(() => document.querySelectorAll('.discover tbody tr').length > 0 && document.body.textContent.includes('user=eve'));
  note(`an event is on the screen ${Date.now() - came} ms after it was written`);
  ok(true, 'live: what comes appears by itself');
  await page.goto(node.url + '/console/events?q=' + encodeURIComponent('a="b'));
  await page.waitForSelector('[role=alert]');
  ok((await page.textContent('[role=alert]')).includes('quote'), 'what is wrong with a term is said');
  same(wrong(page, '400'), [], 'no error, no violation of the policy');

  // Nothing to look into: what to do about it.
  const bare = await (await Node.make('bare', { tier: 'sector' })).start(), other = await open();
  await signIn(other, bare);
  await other.goto(bare.url + '/console/events');
  await other.waitForSelector('.empty');
  ok((await other.textContent('.empty')).includes('[input'), 'an empty node says how logs come in');
  same(wrong(other, '404'), [], 'no error, no violation of the policy');
});
