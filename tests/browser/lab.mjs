// The lab in a browser: files by choice and by drag and drop, an upload that is cut off and goes on, reports, bytes, proof of deletion; and the page without account and
// without script. Only EICAR and files made here.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { axe, HOSTILE, Node, ok, open, same, signIn, test, until, write, wrong } from './harness.mjs';
import { EICAR, zip } from './zip.mjs';


const SHA256 = createHash('sha256').update(EICAR).digest('hex');

const text = (page, selector = 'main') => page.locator(selector).first().innerText();

/** The proof stands without the node: whoever has it can verify it. */
function proven(r) {
  const key = createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(r.public_key, 'base64')]), format: 'der', type: 'spki' });
  const lines = ['lianfang lab deletion 1', r.submission, r.sha256, r.deleted, r.by, r.why, r.key_destroyed].map(x => x + '\n').join('');
  return verify(null, Buffer.from(lines), key, Buffer.from(r.signature, 'base64'));
}

async function handIn(page, node) {
  await page.locator('input[name=privacy][value=government]').check();
  await page.setInputFiles('#lab-file', write('in/eicar.com', EICAR));
  await page.locator('.sending li', { hasText: 'eicar.com' }).locator('a').waitFor();
  ok((await text(page, '.sending')).includes('惡意'), 'a file that was chosen has a verdict');
  const nest = zip({ 'inner.zip': zip({ 'deep/eicar.com': EICAR, [HOSTILE]: 'odd name' }), '讀我.txt': 'see http://evil.example/a' });
  const data = await page.evaluateHandle(bytes => {
    const d = new DataTransfer();
    d.items.add(new File([Uint8Array.from(bytes)], '附件.zip'));
    return d;
  }, [...nest]);
  await page.dispatchEvent('.drop', 'dragover', { dataTransfer: data });
  await page.dispatchEvent('.drop', 'drop', { dataTransfer: data });
  await page.locator('.sending li', { hasText: '附件.zip' }).locator('a').waitFor();
  ok((await text(page, '.sending')).split('惡意').length === 3, 'and one that was dropped', await text(page, '.sending'));
  await page.locator('tbody tr', { hasText: '附件.zip' }).waitFor();
  await page.locator('tbody tr', { hasText: 'eicar.com' }).waitFor();
  same((await node.get('/lab/submissions')).json.submissions.map(s => [s.name, s.privacy, s.verdict]), [['附件.zip', 'government', 'malicious'], ['eicar.com', 'government', 'malicious']], 'both are at the node');
  same(await axe(page), [], 'the lab: no barrier');
}

/** More at once than a node takes of one account. */
async function many(page, node) {
  const before = (await node.get('/lab/submissions?limit=200')).json.submissions.length;
  await page.goto(node.url + '/console/lab');
  await page.setInputFiles('#lab-file', Array.from({ length: 24 }, (_, i) => ({ name: `${i}.txt`, mimeType: 'text/plain', buffer: Buffer.from('words ' + i) })));
  await page.locator('[role=status]', { hasText: '已判定 24／24' }).waitFor();
  same((await node.get('/lab/submissions?limit=200')).json.submissions.length - before, 24, 'many at once wait their turn, and all have their verdict');
  ok(await page.locator('.sending li').count() <= 20, 'and do not fill the page');
}

async function readReport(page) {
  await page.locator('tbody a', { hasText: '附件.zip' }).click();
  await page.waitForSelector('.lab-report .tree');
  const tree = await text(page, '.tree');
  ok(tree.includes('inner.zip') && tree.includes('deep/eicar.com') && tree.includes('讀我.txt') && tree.includes('1 項符合'), 'what lies in it, as a tree', tree);
  ok(tree.includes('⟨U+202E⟩') && !tree.includes('\u202e') && tree.includes('<script>'), 'a name that turns text around is shown as what it is');
  ok((await text(page, '.reason')).includes('EICAR-Test-File') && (await text(page, '.reason .hex')).includes('58 35 4f 21'), 'a reason with its bytes', await text(page, '.reason'));
  ok((await text(page, 'section[aria-labelledby=lab-ledger]')).includes('全部檢視完畢'), 'nothing was left unseen');
  const rows = page.locator('section[aria-labelledby=lab-facts] tbody tr'), all = await rows.count();
  await page.locator('.tree button', { hasText: '讀我.txt' }).click();
  await page.locator('section[aria-labelledby=lab-facts] [role=status]').waitFor();
  ok(await rows.count() < all && (await text(page, 'section[aria-labelledby=lab-facts]')).includes('http://evil.example/a'), 'the facts of one file alone');
  same(await axe(page), [], 'a report: no barrier');
  await page.keyboard.press('u');
  await page.waitForURL('**/console/lab');
}

async function readBytes(page) {
  await page.locator('tbody a', { hasText: 'eicar.com' }).click();
  await page.locator('.reason button').first().click();
  await page.waitForSelector('dialog .hex');
  same([await page.locator('dialog .hex .hit').count(), (await text(page, 'dialog .hex')).replace(/\s+/g, ' ').slice(0, 20)], [136, '00000000 58 35 4f 21'], 'the bytes come from the node, what matched is marked');
  same(await axe(page), [], 'bytes: no barrier');
  await page.locator('dialog input').fill('0x20');
  await page.keyboard.press('Enter');
  await page.locator('dialog .hex .at', { hasText: '00000020' }).first().waitFor();
  await page.waitForFunction(() => document.querySelector('dialog .hex .at')?.textContent === '00000020');
  ok(true, 'bytes at an offset');
  await page.keyboard.press('Escape');
  await page.waitForSelector('dialog', { state: 'detached' });
}

/** What is malicious becomes an indicator, and is one no more when that was a mistake. */
async function share(page, node) {
  await page.locator('.similar tbody a', { hasText: '附件.zip' }).waitFor();
  ok((await text(page, '.similar')).includes('內容相同') && (await text(page, '.similar')).includes('deep/eicar.com'), 'the same bytes in another archive are a relative', await text(page, '.similar'));
  await page.locator('details.card summary').click();
  await page.locator('details.card li', { hasText: '請勿開啟' }).first().waitFor();
  ok((await text(page, 'details.card')).includes('165'), 'in words, for its sender');
  const indicators = async () => (await node.get('/objects?type=indicator')).json.objects.filter(x => x.pattern.includes(SHA256)), press = async n => {
    await page.locator('.share > p button').nth(n).click();
    await page.waitForSelector('dialog form');
  };
  await press(0);
  same(await axe(page), [], 'release: no barrier');
  await page.click('dialog button[type=submit]');
  await page.locator('.share li', { hasText: '已發布' }).waitFor();
  await until(async () => (await indicators()).some(x => !x.revoked), 'the indicator is at the node');
  await press(1);
  await page.locator('dialog input').fill('測試檔');
  await page.keyboard.press('Enter');
  await page.locator('.share li', { hasText: '已撤回' }).waitFor();
  await until(async () => (await indicators()).every(x => x.revoked), 'and revoked');
  ok(true, 'released as an indicator by one click, and taken back');
}

/** 9 MiB in pieces of 4: the second is cut off in the middle, later the page itself goes away. */
async function cutOff(page, node) {
  const big = Buffer.alloc(9 << 20, 'nothing to see. '), file = write('in/big.txt', big), seen = [];
  let cut = 1, hold = false, held = 0;
  await page.route('**/api/v1/lab/uploads**', async r => {
    const q = r.request(), at = q.headers()['upload-offset'];
    seen.push(q.method() + (at === undefined ? '' : ' ' + at));
    if (q.method() === 'PATCH' && at === String(4 << 20) && cut-- > 0) return r.abort('connectionreset');
    if (hold && q.method() === 'PATCH' && at !== '0') { held++; return undefined; }
    return r.continue();
  });
  await page.goto(node.url + '/console/lab');
  await page.setInputFiles('#lab-file', file);
  await page.locator('.sending li', { hasText: 'big.txt' }).locator('a').waitFor();
  same(seen, ['POST', 'PATCH 0', `PATCH ${4 << 20}`, 'HEAD', `PATCH ${4 << 20}`, `PATCH ${8 << 20}`], 'what was cut off goes on where the node stands');
  // Begun, the page left in the middle, the same file chosen again.
  const again = write('in/again.txt', big), row = page.locator('.sending li', { hasText: 'again.txt' });
  hold = true;
  await page.setInputFiles('#lab-file', again);
  await until(() => held === 1, 'the second piece is on its way');
  await row.locator('button').first().click();
  await row.locator('p', { hasText: '已暫停於 4.0 MiB／9.0 MiB' }).waitFor();
  ok(true, 'paused: how far it is');
  same(await axe(page), [], 'an upload under way: no barrier');
  hold = false;
  seen.length = 0;
  await page.goto(node.url + '/console/lab');
  await page.setInputFiles('#lab-file', again);
  await row.locator('a').waitFor();
  same(seen, ['HEAD', `PATCH ${4 << 20}`, `PATCH ${8 << 20}`], 'a page that was left: the same file goes on where it stood');
  await page.unroute('**/api/v1/lab/uploads**');
}

async function hashOnly(page, node) {
  const asked = [], on = q => { if (q.url().includes('/api/v1/lab/')) asked.push(q.method() + ' ' + new URL(q.url()).pathname); };
  await page.goto(node.url + '/console/lab');
  await page.locator('input[name=privacy][value=hash]').check();
  page.on('request', on);
  await page.setInputFiles('#lab-file', write('in/eicar.com', EICAR));
  await page.locator('[role=status]', { hasText: '已有判定' }).waitFor();
  same(asked.filter(x => !x.startsWith('GET /api/v1/lab/submissions')), ['GET /api/v1/lab/hashes/' + SHA256.slice(0, 5)], 'only 20 bits of the hash leave the browser');
  page.off('request', on);
  await page.locator('.look input').fill('0'.repeat(64));
  await page.locator('.look input').press('Enter');
  await page.locator('.look [role=status]', { hasText: '不代表安全' }).waitFor();
  ok(true, 'what the node does not know is not called safe');
}

async function remove(page, node) {
  await page.goto(node.url + '/console/lab?sha256=' + SHA256);
  await page.locator('tbody a', { hasText: 'eicar.com' }).first().click();
  await page.locator('main > p > button').click();
  await page.locator('dialog button.main').click();
  const receipt = JSON.parse(await page.locator('.card pre').textContent());
  ok(receipt.sha256 === SHA256 && proven(receipt), 'deleted, with a proof that holds without the node', receipt);
  ok(!proven({ ...receipt, sha256: '0'.repeat(64) }), 'and not for another file');
  same(await axe(page), [], 'a proof: no barrier');
}

async function elsewhere(page, node) {
  await page.selectOption('select[name=lang]', 'en');
  await page.selectOption('select[name=theme]', 'dark');
  await page.setViewportSize({ width: 360, height: 740 });
  for (const [open, where] of [[() => page.goto(node.url + '/console/lab'), 'tbody a'], [() => page.locator('tbody a', { hasText: '附件.zip' }).click(), '.lab-report']]) {
    await open();
    await page.waitForSelector(where);
    same([await axe(page), await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)], [[], true], `${where}: in English, dark, on a telephone`);
  }
}

/** Nothing here needs a script; the browser has none. */
async function withoutAccount(node) {
  const page = await open({ javaScriptEnabled: false }), root = node.url + '/public/lab';
  await page.goto(root + '?lang=zh');
  const front = await text(page);
  ok(['僅判定', '政府共享', '公開', '僅雜湊', '每小時至多 50 件', '無須帳號'].every(x => front.includes(x)), 'the page without an account: classes and quotas are told', front);
  const file = zip({ [HOSTILE]: EICAR });
  await page.setInputFiles('#file', { name: '<b>可疑".zip', mimeType: 'application/zip', buffer: file });
  await page.click('form[method=post] button');
  await page.waitForURL(/public\/lab\/[0-9a-f-]{36}\?lang=zh/);
  const said = await text(page);
  ok(said.includes('惡意') && said.includes('請勿開啟') && said.includes('<b>可疑'), 'a form without a script: the verdict in Chinese', said);
  await page.click('summary');
  ok((await text(page, 'details')).includes('EICAR-Test-File') && (await text(page, 'details')).includes('58354f21'), 'with its reasons');
  const html = await page.content();
  ok(!html.includes('<script') && !html.includes('<img') && !html.includes('\u202e'), 'no stranger\'s markup in it');
  await page.click('.lang a[lang=en]');
  await page.waitForURL('**lang=en');
  ok(/Malicious/.test(await text(page)) && /Do not open it/.test(await text(page)), 'and in English', await text(page));
  const here = page.url();
  await page.goto(root + '?lang=en');
  await page.fill('#hash', createHash('sha256').update(file).digest('hex').slice(0, 5));
  await page.click('form[method=get] button');
  await page.waitForURL('**/hashes?**');
  ok((await text(page)).includes(createHash('sha256').update(file).digest('hex')) && /Malicious/.test(await text(page)), 'a hash by its first five digits', await text(page));
  await page.goto(here);
  await page.click('form[action*=delete] button');
  await page.locator('pre').waitFor();
  ok(proven(JSON.parse(await text(page, 'pre'))), 'its sender deletes it, and has the proof');
  same(wrong(page), [], 'no error, no violation of the policy');
  const seen = await open({ viewport: { width: 360, height: 740 } });
  for (const [lang, colorScheme] of [['zh', 'light'], ['en', 'dark']]) {
    await seen.emulateMedia({ colorScheme });
    for (const tail of ['', '/hashes?hash=' + SHA256]) {
      await seen.goto(root + tail + (tail ? '&' : '?') + 'lang=' + lang);
      same([await axe(seen), await seen.evaluate(() => document.documentElement.scrollWidth <= innerWidth)], [[], true], `${tail ? 'hashes' : 'the form'}, ${lang}, ${colorScheme}, on a telephone: no barrier`);
    }
  }
  await seen.goto(root + '?lang=zh');
  await seen.setInputFiles('#file', { name: 'a.zip', mimeType: 'application/zip', buffer: Buffer.from('PK\x03\x04 cut off') });
  await seen.click('form[method=post] button');
  await seen.waitForURL(/public\/lab\/[0-9a-f-]{36}/);
  ok((await text(seen)).includes('檢測不完整'), 'what was not seen is said', await text(seen));
  same(await axe(seen), [], 'a verdict: no barrier');
  same(wrong(seen), [], 'no error');
}

test(async () => {
  const node = await Node.make('centre', { tier: 'nation', org: '國家中心' });
  node.configure('[lab]\nrun = yes\npublic = yes\nper_address = 50');
  await node.start();
  await until(async () => (await node.get('/lab')).json?.running, 'the lab runs');
  const page = await open();
  await signIn(page, node);
  await page.keyboard.press('g');
  await page.keyboard.press('f');
  await page.waitForSelector('.drop');
  await handIn(page, node);
  await readReport(page);
  await readBytes(page);
  await share(page, node);
  await cutOff(page, node);
  await many(page, node);
  await hashOnly(page, node);
  await remove(page, node);
  await elsewhere(page, node);
  same(wrong(page, 'ERR_CONNECTION_RESET'), [], 'no error, no violation of the policy');
  await withoutAccount(node);
});
