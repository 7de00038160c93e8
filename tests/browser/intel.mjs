// A pasted text becomes indicators; relations and history of an object; a ticket taken and its match held back.
import { axe, HOSTILE, Node, ok, open, pair, same, signIn, story, test, until, wrong } from './harness.mjs';

const id = (type, i) => `${type}--00000000-0000-4000-8000-0000000000${String(i).padStart(2, '0')}`;

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' }), { tickets } = await story(node);
  const now = new Date().toISOString(), base = { spec_version: '2.1', created: now, modified: now };
  await node.post('/import', { type: 'bundle', id: id('bundle', 50), objects: [
    { ...base, type: 'malware', id: id('malware', 51), name: HOSTILE, is_family: false }, { ...base, type: 'threat-actor', id: id('threat-actor', 52), name: '灰狼' },
    { ...base, type: 'relationship', id: id('relationship', 53), relationship_type: 'indicates', source_ref: id('indicator', 1), target_ref: id('malware', 51) },
    { ...base, type: 'relationship', id: id('relationship', 54), relationship_type: 'uses', source_ref: id('threat-actor', 52), target_ref: id('malware', 51) }] });
  const page = await open();
  await signIn(page, node);
  // Paste.
  await pair(page, 'g', 's');
  await page.waitForSelector('form[role=search]');
  await page.keyboard.press('n');
  await page.waitForURL('**paste*');
  await page.fill('textarea', `來信指出 hxxp://new[.]evil[.]example/x 與 203.0.113[.]9，另見 c2.evil.example。\n${HOSTILE}`);
  await page.click('form button.main');
  await page.waitForSelector('tbody tr');
  const rows = await page.locator('tbody tr').evaluateAll(list => Object.fromEntries(list.map(r => [r.querySelector('bdi').textContent, r.querySelector('input').checked])));
  ok(rows['http://new.evil.example/x'] === true && rows['203.0.113.9'] === true && rows['c2.evil.example'] === false, 'values are found; what is known already is not chosen', rows);
  same(await axe(page), [], 'a pasted text: no barrier');
  await page.selectOption('.bar select', 'green');
  await page.click('.bar button.main');
  await page.waitForFunction(() => [...document.querySelectorAll('tbody input')].every(x => !x.checked));
  same((await node.get('/values/203.0.113.9')).json.objects[0].tlp.toLowerCase().includes('green'), true, 'the chosen ones are indicators, with their TLP');

  // Relations.
  await page.goto(`${node.url}/console/intelligence/${id('malware', 51)}`);
  await page.waitForSelector('svg.graph .node');
  same(await page.locator('svg.graph .node:not(.me)').count(), 2, 'what indicates it and who uses it');
  await page.locator('details summary', { hasText: '以清單顯示' }).click();
  ok((await page.locator('details ul').first().textContent()).includes('灰狼'), 'the same as a list');
  await page.locator('details summary', { hasText: '釋出紀錄' }).click();
  await page.waitForFunction(() => document.querySelectorAll('details ol li').length > 0);
  ok(true, 'to whom it was released');
  same(await axe(page), [], 'an object: no barrier');
  await page.locator('details a', { hasText: '灰狼' }).click();
  await page.waitForFunction(() => document.querySelector('h1')?.textContent === '灰狼');
  ok(true, 'from one object to the next');

  // A ticket: taken, closed as false with a scope and an end, and held back.
  const user = tickets.find(x => x.title.startsWith('Discovery') && x.host === 'pc2');
  await page.goto(`${node.url}/console/tickets/${user.number}`);
  await page.waitForSelector('.timeline pre');
  await page.keyboard.press('m');
  await until(async () => (await node.get('/tickets/' + user.number)).json.assignee === 'admin', 'it is taken');
  ok((await page.locator('dl.facts a').first().getAttribute('href')).startsWith('/console/rules/'), 'its rule is a link');
  await page.waitForFunction(() => document.querySelectorAll('section.form select').length > 0);
  await page.locator('section.form select').first().selectOption('7d');
  await page.locator('section.form select').nth(1).selectOption('rule');
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press('1');
  await page.waitForFunction(() => document.querySelector('.heading .tag')?.textContent === '誤判');
  const held = (await node.get('/suppressions')).json.suppressions;
  same(held.map(s => [s.scope, s.ticket]), [['rule', user.number]], 'one key closes it, with scope and end');
  await page.goto(node.url + '/console/tickets?show=held');
  await page.waitForSelector('tbody tr');
  await page.click('tbody button');
  await page.waitForSelector('.empty');
  same((await node.get('/suppressions')).json.suppressions.length, 0, 'and it is taken back');
  same(wrong(page), [], 'no error, no violation of the policy');
});
