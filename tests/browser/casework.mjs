// An incident in writing: the improvement report filled in and sent, help dispatched and answered; nothing typed is lost.
import { axe, HOSTILE, Node, ok, open, same, signIn, story, test, until, wrong } from './harness.mjs';

test(async () => {
  const node = await Node.make('alpha', { org: '市立醫院' }), { incidents } = await story(node), number = incidents[0].number;
  const page = await open();
  await signIn(page, node);
  const forms = (await node.get(`/incidents/${number}/forms`)).json.forms, report = forms.find(f => f.facts.includes('final_report'));
  await page.goto(`${node.url}/console/incidents/${number}`);
  await page.waitForSelector('a.button[href*="form="]');
  await page.locator(`a.button[href*="form=${report.form}"]`).first().click();
  await page.waitForSelector('section.report textarea');
  ok(await page.locator('section.report .bar button', { hasText: '送交' }).isDisabled(), 'a report that is not whole is not sent');
  ok((await page.locator('section.report [role=status]').textContent()).includes('尚缺'), 'and says what it lacks');
  ok(await page.locator('section.report textarea').evaluateAll(l => l.some(x => x.value && !x.ariaInvalid.includes('true'))), 'what the facts say stands there already');
  same(await axe(page), [], 'the report: no barrier');
  const empty = page.locator('section.report textarea[aria-invalid=true]:not([readonly])');
  for (let i = 0, n = await empty.count(); i < n; i++) await empty.first().fill(i === 0 ? HOSTILE : '說明 ' + i);
  ok((await page.locator('section.report [role=status]').textContent()).includes('尚未儲存'), 'what is typed is not stored yet, and said so');
  await page.locator('section.report button.main').click();
  await page.waitForFunction(() => document.querySelector('section.report [role=status]').className === 'good');
  same((await node.get(`/incidents/${number}/forms/${report.form}?pack=${report.pack}`)).json.complete, true, 'stored, and whole');
  await page.reload();
  await page.waitForSelector('section.report textarea');
  ok(!(await page.content()).includes('<img src="x"') && (await page.locator('section.report textarea').evaluateAll(l => l.some(x => x.value.includes('<script>')))), 'a hostile text is text, and there again');
  await page.locator('section.report .bar button', { hasText: '送交' }).click();
  await until(async () => (await node.get(`/incidents/${number}/facts`)).json.facts.some(f => f.type === 'final_report'), 'the report is a fact');
  ok(true, 'one press sends it');

  // Letters.
  await page.goto(`${node.url}/console/incidents/${number}`);
  await page.waitForSelector('section[aria-label=往來紀錄] h2 button');
  await page.click('section[aria-label=往來紀錄] h2 button');
  await page.locator('section[aria-label=往來紀錄] select').first().selectOption('requested');
  await page.locator('section[aria-label=往來紀錄] textarea').fill('廠商仍在鑑識');
  await page.locator('section[aria-label=往來紀錄] button.main').press('Enter');
  await page.waitForFunction(() => /請求展延/.test(document.querySelector('section[aria-label=往來紀錄] ol')?.textContent ?? ''));
  same((await node.get(`/incidents/${number}/facts`)).json.facts.filter(f => f.type === 'requested').map(f => [f.stage, f.note]), [['extension', '廠商仍在鑑識']], 'more time is asked for');
  same(wrong(page), [], 'no error, no violation of the policy');

  // A centre dispatches help; it is acknowledged and completed.
  const centre = await (await Node.make('centre', { tier: 'sector', org: '醫療領域中心' })).start(), other = await open();
  const one = await centre.post('/incidents', { title: '成員遭勒索', packs: ['tw-2026'], facts: [{ type: 'aware' }] });
  await signIn(other, centre);
  await other.goto(`${centre.url}/console/incidents/${one.number}`);
  await other.waitForSelector('section[aria-label=往來紀錄] h2 button');
  await other.click('section[aria-label=往來紀錄] h2 button');
  await other.locator('section[aria-label=往來紀錄] input').first().fill('技術支援組');
  await other.locator('section[aria-label=往來紀錄] textarea').fill('保全記憶體');
  await other.locator('section[aria-label=往來紀錄] button.main').press('Enter');
  await other.waitForFunction(() => /派遣支援.*技術支援組/.test(document.querySelector('section[aria-label=往來紀錄] ol')?.textContent ?? ''));
  const sent = (await centre.get(`/incidents/${one.number}/facts`)).json.facts.find(f => f.type === 'dispatched');
  ok(sent.to === '技術支援組' && Date.parse(sent.until) > Date.now(), 'help is dispatched, with an end', sent);
  for (const [button, type] of [['確認收到', 'acknowledged'], ['完成', 'completed']]) {
    await other.locator('section[aria-label=往來紀錄] ol button', { hasText: button }).click();
    await until(async () => (await centre.get(`/incidents/${one.number}/facts`)).json.facts.some(f => f.type === type && f.ref === sent.id), type);
  }
  await other.waitForFunction(() => /已完成/.test(document.querySelector('section[aria-label=往來紀錄] ol')?.textContent));
  ok(true, 'acknowledged and completed');
  same(await axe(other), [], 'letters: no barrier');
  same(wrong(other), [], 'no error, no violation of the policy');
});
