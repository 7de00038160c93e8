// How quick the boards are for a person: the first one on a processor four times slower, and a chart of 50,000 points under the hand.
import { Node, note, ok, open, pace, signIn, story, test, until, worker, wrong } from './harness.mjs';

const POINTS = 50000, DAY = 86400e3, ROUNDS = 40;

/** A board of so many days, as the node would tell it. */
function many(one) {
  const until = Date.parse(one.rows[one.rows.length - 1].until), day = one.bin_days * DAY;
  const rows = Array.from({ length: POINTS }, (_, i) => {
    const from = until - (POINTS - i) * day, n = (i * 7919) % 23;
    return { key: new Date(from).toISOString().slice(0, 10), name: '', from: new Date(from).toISOString(), until: new Date(from + day).toISOString(), running: i === POINTS - 1,
      cells: one.columns.map((c, k) => ({ value: k === 0 ? n : k === 1 ? n : 0 })) };
  });
  return { ...one, rows };
}

test(async () => {
  const node = await Node.make('quick', { tier: 'sector', org: 'Quick ISAC' });
  await story(node);
  const page = await open();
  await signIn(page, node);

  const { cdp, work } = await worker(page);
  await cdp.send('Network.enable');
  const middle = list => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];

  const times = await pace(page, work);

  // --- the first board, nothing in the cache, a processor that is four times slower ---
  const first = async rate => {
    await cdp.send('Emulation.setCPUThrottlingRate', { rate });
    await page.goto('about:blank');
    await cdp.send('Network.clearBrowserCache');
    const before = await work(), began = Date.now();
    await page.goto(node.url + '/console/boards/incidents');
    await page.waitForSelector('.board-incidents figure.chart canvas');
    await page.waitForSelector('table.board tbody tr');
    return [Date.now() - began, await work() - before];
  };
  const slow = [], plain = [];
  for (let i = 0; i < 5; i++) slow.push((await first(4))[0]);
  for (let i = 0; i < 5; i++) plain.push((await first(1))[1]);
  note(`first board, cold: ${middle(plain).toFixed(0)} ms of the page's thread; throttled 4x ${Math.min(...slow)} to ${Math.max(...slow)} ms by the clock, beside whatever else this machine does`);
  ok(middle(plain) * 4 <= 1000 * times, 'the first board takes a processor four times slower at most a second', plain);

  // --- 50,000 points ---
  const one = (await node.get('/boards/incidents?bin=1')).json;
  ok(one.rows.length > 0 && one.by_time, 'the node tells bins');
  // Told once: what is measured is the hand, not another reading of twenty megabytes because something else happened.
  const body = JSON.stringify(many(one));
  await page.goto('about:blank');
  let told = false;
  await page.route('**/api/v1/boards/incidents?*', route => {
    if (told) return;
    told = true;
    return route.fulfill({ contentType: 'application/json', body });
  });
  await page.goto(node.url + '/console/boards/incidents');
  await page.waitForSelector(`figure.chart[data-bins="${POINTS}"] canvas`);
  ok(await page.locator('table.board tbody tr').count() < 1000, 'the table beside it draws what people read, and says how much is left');
  await until(() => page.evaluate(() => document.querySelector('.u-over') !== null), 'the chart can be pointed at');
  const takes = async act => {
    const took = [];
    for (let i = 0; i < ROUNDS; i++) {
      const before = await work();
      await page.evaluate(act, i);
      await page.evaluate(() => new Promise(r => requestAnimationFrame(() => setTimeout(r))));
      took.push(await work() - before);
    }
    return took.sort((a, b) => a - b);
  };
  const point = (type, buttons) => `const box = document.querySelector('.u-over'), at = box.getBoundingClientRect(), x = at.left + at.width * ((i * 37 + 11) % 90 + 5) / 100;
    box.dispatchEvent(new MouseEvent('${type}', { bubbles: true, clientX: x, clientY: at.top + at.height / 2, buttons: ${buttons} }));`;
  for (const [name, act] of [['pointing at a bin', new Function('i', point('mousemove', 0))], ['a key for the next bin', new Function('i', `document.querySelector('.chart [role=slider]').dispatchEvent(new KeyboardEvent('keydown', { key: i % 2 ? 'ArrowLeft' : 'ArrowRight', bubbles: true }));`)],
    ['zooming in and out', new Function('i', `document.querySelector('.chart [data-zoom=' + (i % 2 ? 'out' : 'in') + ']').click();`)]]) {
    const took = await takes(act), at = Math.ceil(ROUNDS * .95) - 1;
    note(`${name} among ${POINTS} points: median ${took[ROUNDS / 2].toFixed(1)} ms, p95 ${took[at].toFixed(1)} ms of work`);
    ok(took[at] <= 50 * times, `${name} among 50,000 points is at most 50 ms of work at p95`, took);
  }
  const said = await page.locator('.chart [role=slider]').getAttribute('aria-valuetext');
  ok(/\d{4}-\d\d-\d\d/.test(said), 'the bin that is pointed at is said', said);
  ok(wrong(page).length === 0, 'nothing was wrong on the way', wrong(page).join('\n'));
});
