// Set-up link, sign-in with password and second factor, sign-out, and what a session's end looks like.
import { codeOf, Node, ok, open, same, test, until, wrong } from './harness.mjs';

const NEW = 'a quite long passphrase 7';

test(async () => {
  const node = await (await Node.make('alpha', { org: '市立醫院', password: '' })).start();
  const page = await open();
  const link = await until(() => /https:\S+\/console\/set-up#[\w-]{32}/.exec(node.log)?.[0], 'the link');
  await page.goto(link);
  await page.waitForSelector('input[type=password]');
  ok(!page.url().includes('#'), 'the code leaves the address bar at once', page.url());
  await page.locator('input[type=password]').nth(0).fill(NEW);
  await page.locator('input[type=password]').nth(1).fill(NEW + 'x');
  await page.click('button[type=submit]');
  await page.waitForSelector('[role=alert]');
  await page.locator('input[type=password]').nth(1).fill(NEW);
  await page.keyboard.press('Enter');
  await page.waitForSelector('input[autocomplete=username]');
  same(await page.inputValue('input[autocomplete=username]'), 'admin', 'then the sign-in, for that user');
  same(wrong(page), [], 'no error, no violation of the policy');

  await page.fill('input[type=password]', 'not this one at all');
  await page.click('button[type=submit]');
  await page.waitForSelector('[role=alert]');
  ok((await page.textContent('[role=alert]')).includes('不正確'), 'a wrong password is told');
  await page.fill('input[type=password]', NEW);
  await page.keyboard.press('Enter');
  await page.waitForSelector('nav');
  same(new URL(page.url()).pathname, '/console/today', 'signed in: today');
  const cookie = (await page.context().cookies()).find(c => c.name === '__Host-lianfang');
  ok(cookie?.httpOnly && cookie.secure && cookie.sameSite === 'Strict', 'a cookie that no script reads', cookie);
  same(await page.evaluate(() => document.cookie), '', 'indeed');
  same(wrong(page, '401'), [], 'no other error');

  // Second factor.
  await page.click('a.who');
  const factor = page.locator('section.factor');
  await factor.locator('input[type=password]').fill(NEW);
  await factor.locator('button[type=submit]').click();
  const secret = await factor.locator('code.secret').textContent();
  ok(await factor.locator('svg.qr path').count() === 2, 'a QR code for the phone');
  ok((await factor.locator('a.button').getAttribute('href')).startsWith('otpauth://totp/'), 'a link for the app');
  await factor.locator('input').fill(codeOf(secret, Date.now() - 30000));
  await page.keyboard.press('Enter');
  await page.waitForSelector('ul.codes');
  const codes = await page.locator('ul.codes code').allTextContents();
  same(codes.length, 10, 'ten recovery codes');
  await page.click('header button:last-of-type');
  await page.waitForSelector('input[autocomplete=username]');
  same((await page.context().cookies()).length, 0, 'signed out: the cookie is gone');
  let present = NEW;
  const sign = async code => {
    await page.fill('input[autocomplete=username]', 'admin');
    await page.fill('input[type=password]', present);
    await page.keyboard.press('Enter');
    await page.waitForSelector('input[autocomplete=one-time-code]');
    await page.fill('input[autocomplete=one-time-code]', code);
    await page.keyboard.press('Enter');
  };
  await sign(codeOf(secret));
  await page.waitForSelector('nav');
  ok(true, 'password and code sign in');
  await page.click('header button:last-of-type');
  await page.waitForSelector('input[autocomplete=username]');
  await sign(codes[0]);
  await page.waitForSelector('nav');
  ok(true, 'so does a recovery code');

  // A link to a view asks for the sign-in first and then opens that view; a session that ended elsewhere ends here.
  await page.goto(node.url + '/console/tickets?state=closed');
  await page.waitForSelector('h1');
  await node.request('POST', '/users', { name: 'admin', role: 'admin', password: present = NEW + '8' }, ['admin', NEW]);
  await page.waitForSelector('input[autocomplete=username]');
  ok(true, 'a session that ended elsewhere shows the sign-in', page.url());
  await sign(codes[1]);
  await page.waitForSelector('nav');
  same(page.url(), node.url + '/console/tickets?state=closed', 'and the view comes back');
  same(wrong(page, '401'), [], 'no error, no violation of the policy');
});
