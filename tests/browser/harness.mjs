// A real node on loopback and Debian's Chromium, headless; TAP output. Nothing is downloaded: playwright-core only drives.
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { accessSync, appendFileSync, constants, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createRequire } from 'node:module';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const PASSWORD = 'correct horse battery';
const CHROMIUM = process.env.LIANFANG_CHROMIUM ?? '/usr/bin/chromium';
const PATIENCE = Number(process.env.LIANFANG_TEST_PATIENCE ?? 30) * 1000;
const require = createRequire(join(ROOT, 'web/package.json'));

let n = 0, failed = 0;
export function ok(good, name, ...detail) {
  console.log(`${good ? 'ok' : 'not ok'} ${++n} - ${String(name).replace(/#/g, '\\#').replace(/\n/g, ' ')}`);
  if (!good) {
    failed++;
    for (const d of detail) console.log((typeof d === 'string' ? d : JSON.stringify(d, null, 1)).slice(0, 4000).replace(/^/gm, '#   '));
  }
  return good;
}
export const same = (got, want, name) => ok(JSON.stringify(got) === JSON.stringify(want), name, { got, want });
export const note = text => console.log('# ' + text);

function missing() {
  try { accessSync(CHROMIUM, constants.X_OK); } catch { return `${CHROMIUM} is not there (tools/deps test)`; }
  try { require.resolve('playwright-core'); } catch { return 'playwright-core is not there (npm ci in web/)'; }
  return '';
}

const children = new Set();
const folder = mkdtempSync(join(tmpdir(), 'lianfang-browser.'));
process.on('exit', () => {
  for (const c of children) c.kill('SIGKILL');
  if (!process.env.LIANFANG_TEST_KEEP) rmSync(folder, { recursive: true, force: true });
});
for (const s of ['SIGTERM', 'SIGINT']) process.on(s, () => process.exit(1));

/** Runs the test's body and closes all that it opened. */
export async function test(body) {
  const why = missing();
  if (why) {
    console.log(`ok 1 - the console in a browser # SKIP ${why}\n1..1`);
    process.exit(0);
  }
  try {
    await body();
  } catch (e) {
    ok(false, 'the test came to its end', String(e?.stack ?? e));
    for (const p of pages) note((p.wrong.join(' | ') + ' ' + p.url() + ' ' + await p.locator('body').innerText().catch(() => '')).replace(/\n+/g, ' / ').slice(0, 2500));
  }
  for (const b of browsers) await b.close().catch(() => undefined);
  for (const c of [...children]) await stop(c);
  console.log(`1..${n}`);
  process.exit(failed ? 1 : 0);
}

const stop = c => new Promise(done => {
  const timer = setTimeout(() => c.kill('SIGKILL'), 15000);
  c.once('exit', () => { clearTimeout(timer); children.delete(c); done(); });
  c.kill('SIGTERM');
});

export async function until(check, what) {
  for (const end = Date.now() + PATIENCE; ;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error('waited in vain: ' + what);
    await new Promise(r => setTimeout(r, 50));
  }
}

export const freePort = () => new Promise(done => {
  const s = net.createServer().listen(0, '127.0.0.1', () => { const { port } = s.address(); s.close(() => done(port)); });
});

export const path = (...names) => join(folder, ...names);
export function write(name, text) {
  mkdirSync(dirname(path(name)), { recursive: true });
  writeFileSync(path(name), text);
  return path(name);
}

export class Node {
  static async make(name, { tier = 'provider', org = name, password = PASSWORD } = {}) {
    const node = new Node();
    Object.assign(node, { name, dir: path(name), port: await freePort(), log: '', admin: password ? ['admin', password] : null });
    const made = spawnSync(program(), ['init', node.dir, '--tier', tier, '--name', org, '--listen', `127.0.0.1:${node.port}`, ...(password ? ['--password-stdin'] : []), '--json'],
      { input: password ? password + '\n' : '', env: environment() });
    if (made.status !== 0) throw new Error('init: ' + made.stderr);
    return node;
  }
  get url() { return `https://127.0.0.1:${this.port}`; }
  configure(text) { appendFileSync(join(this.dir, 'lianfang.conf'), '\n' + text + '\n'); }
  async start() {
    this.process = spawn(program(), ['serve', this.dir], { stdio: ['ignore', 'ignore', 'pipe'], env: environment() });
    children.add(this.process);
    this.process.stderr.on('data', d => { this.log += d; });
    await until(() => this.get('/health').then(r => r.status === 200, () => false), 'the node answers\n' + this.log);
    return this;
  }
  stop() { return stop(this.process); }
  request(method, tail, body, auth = this.admin) {
    return new Promise((done, fail) => {
      const r = https.request({ host: '127.0.0.1', port: this.port, method, path: '/api/v1' + tail, ca: readFileSync(join(this.dir, 'tls/ca.crt')), agent: false,
        headers: { Connection: 'close', ...(auth ? { Authorization: 'Basic ' + Buffer.from(auth.join(':')).toString('base64') } : {}), 'Content-Type': 'application/json' } }, res => {
        let text = '';
        res.setEncoding('utf8').on('data', d => { text += d; }).on('end', () => {
          let json;
          try { json = JSON.parse(text); } catch { json = null; }
          done({ status: res.statusCode, text, json });
        });
      });
      r.on('error', fail);
      r.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    });
  }
  get(tail) { return this.request('GET', tail); }
  async post(tail, body) {
    const r = await this.request('POST', tail, body);
    if (r.status >= 300) throw new Error(`POST ${tail}: ${r.status} ${r.text}`);
    return r.json;
  }
}

export function program() {
  const p = process.argv[2] ?? process.env.LIANFANG_BIN;
  if (!p || !existsSync(p)) {
    console.log('Bail out! give the program as an argument or in LIANFANG_BIN');
    process.exit(1);
  }
  return resolve(p);
}

function environment() {
  return { ...process.env, LC_ALL: 'C.UTF-8', LANG: '', ASAN_OPTIONS: [process.env.ASAN_OPTIONS, 'detect_leaks=0'].filter(Boolean).join(':') };
}

const browsers = [], pages = [];
/** A browser of its own profile, and a page that keeps what went wrong in it. */
export async function open(options = {}) {
  const { chromium } = require('playwright-core');
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--disable-quic',
    '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage'] });
  browsers.push(browser);
  const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'zh-TW', timezoneId: 'Asia/Taipei', viewport: { width: 1280, height: 860 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  pages.push(page);
  page.wrong = [];
  page.on('console', m => { if (['error', 'warning'].includes(m.type())) page.wrong.push(`${m.type()}: ${m.text()} ${m.location().url}`); });
  page.on('pageerror', e => page.wrong.push('thrown: ' + e.stack));
  page.on('dialog', d => { page.wrong.push('dialog: ' + d.message()); void d.dismiss(); });
  // LIANFANG_TEST_THROTTLE=8: as on a machine that is that much slower. Finds what relies on being fast.
  if (process.env.LIANFANG_TEST_THROTTLE) await (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: Number(process.env.LIANFANG_TEST_THROTTLE) });
  await page.addInitScript(() => addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI)));
  return page;
}

/** Two keys that belong together, sent without waiting for the first one's echo: how long that takes is the machine's matter. */
export const pair = (page, ...keys) => Promise.all(keys.map(k => page.keyboard.press(k)));

/** What went wrong since the last look; refusals that the test provoked are named by their path. */
export function wrong(page, ...expected) {
  const list = page.wrong.filter(w => !expected.some(e => w.includes(e)));
  page.wrong = [];
  return list;
}

export async function signIn(page, node, user = 'admin', password = PASSWORD) {
  await page.goto(node.url + '/console/sign-in');
  await page.fill('input[autocomplete=username]', user);
  await page.fill('input[type=password]', password);
  await page.click('form.card button[type=submit]');
  await page.waitForSelector('nav');
}

/** What the page's own thread took so far, in ms of processor: whatever else the machine does. */
export async function worker(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const work = async () => (await cdp.send('Performance.getMetrics')).metrics.find(m => m.name === 'TaskDuration').value * 1000;
  return { cdp, work };
}

const REFERENCE = 17;
/** Figures are of a three-year-old office PC. How much slower this machine is at this moment, a fixed piece of work tells; limits go by that and never
 *  below it. */
export async function pace(page, work) {
  const took = [];
  for (let i = 0; i < 5; i++) {
    const before = await work();
    await page.evaluate(() => { let n = 0; for (let k = 0; k < 12; k++) n += JSON.parse(JSON.stringify(Array.from({ length: 4000 }, (_, i) => ({ i, t: 'x' + i })))).sort((a, b) => a.t < b.t ? -1 : 1).length; return n; });
    took.push(await work() - before);
  }
  took.sort((a, b) => a - b);
  const times = Math.max(1, took[2] / REFERENCE);
  note(`the fixed piece of work took ${took[2].toFixed(0)} ms: limits times ${times.toFixed(2)}`);
  return times;
}

/** RFC 6238, by itself. */
export function codeOf(secret, at = Date.now()) {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', bits = [...secret.replace(/\s/g, '')].map(c => digits.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(b => parseInt(b, 2))), step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(at / 30000)));
  const mac = createHmac('sha1', key).update(step).digest(), o = mac[19] & 15;
  return String((mac.readUInt32BE(o) & 0x7fffffff) % 1e6).padStart(6, '0');
}

export async function axe(page, rules) {
  await page.evaluate(readFileSync(require.resolve('axe-core'), 'utf8') + ';void 0');
  const found = await page.evaluate(only => globalThis.axe.run(document, { runOnly: only ? { type: 'rule', values: only } :
    { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] } }), rules);
  return found.violations.map(v => `${v.id}: ${v.help}: ` + v.nodes.slice(0, 3).map(x => x.target.join(' ') + ' ' + (x.failureSummary ?? '').replace(/\s+/g, ' ')).join(' | '));
}

// --- what is shown ---

const RULE = id => `00000000-0000-4000-8000-${String(id).padStart(12, '0')}`;
export const HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe';

/** What a node has seen by noon. `plain`: without the texts that try to do harm. */
export async function story(node, { plain = false } = {}) {
  const HARM = plain ? 'powershell -enc SQBFAFgA' : HOSTILE;
  const rules = write('rules/a.yml', `title: Credential dumping tool\nid: ${RULE(1)}\nauthor: A. Author\nlevel: critical\ntags: [attack.t1003.001, attack.credential-access]\n` +
    "logsource: {product: windows}\ndetection: {s: {Image|endswith: '\\mimikatz.exe'}, condition: s}\n" +
    `---\ntitle: Discovery of the user\nid: ${RULE(2)}\nauthor: B. Author\nlevel: medium\ntags: [attack.t1033]\nlogsource: {product: windows}\n` +
    "detection: {s: {Image|endswith: '\\whoami.exe'}, condition: s}\n");
  const log = write('logs/win.json', '');
  node.configure(`[detect]\nrules = ${dirname(rules)}\n[tickets]\nsector = 醫療\nregion = TW-TPE\nsighting_seconds = 1\n[input windows]\npath = ${log}`);
  await node.start();
  const event = (Image, Computer, more = {}) => appendFileSync(log, JSON.stringify({ EventID: 1, Channel: 'Microsoft-Windows-Sysmon/Operational', Image, Computer,
    UtcTime: new Date(Date.now() - 600e3).toISOString().replace('T', ' ').slice(0, 23), ...more }) + '\n');
  event('C:\\Tools\\mimikatz.exe', 'pc1', { CommandLine: HARM });
  event('C:\\Windows\\System32\\whoami.exe', 'pc2');
  event('C:\\Windows\\System32\\whoami.exe', plain ? 'pc3' : HOSTILE.slice(0, 60));
  const ago = minutes => new Date(Date.now() - minutes * 60e3).toISOString();
  const incidents = [];
  for (const [title, minutes, more] of [['醫療資訊系統遭加密', 22, {}], ['網站首頁遭置換', 55, {}], [plain ? '釣魚郵件附件遭開啟' : HOSTILE, 5, {}], ['半年度通報演練', 40, { exercise: true }], ['VPN 帳號外洩', 130, {}]])
    incidents.push(await node.post('/incidents', { title, packs: ['tw-2026'], ...more, facts: [{ type: 'aware', claimed: ago(minutes) }] }));
  await node.post(`/incidents/${incidents[0].number}/facts`, { type: 'level', items: [{ target: 'system', coreness: 'core', effect: 'outage', recovery: 'beyond' }] });
  const now = new Date().toISOString();
  const bad = (i, name, pattern, more = {}) => ({ type: 'indicator', spec_version: '2.1', id: `indicator--00000000-0000-4000-8000-00000000000${i}`, created: now, modified: now, name, pattern,
    pattern_type: 'stix', valid_from: '2026-01-01T00:00:00Z', indicator_types: ['malicious-activity'], object_marking_refs: ['marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb'], ...more });
  await node.post('/import', { type: 'bundle', id: 'bundle--00000000-0000-4000-8000-000000000009', objects: [
    bad(1, 'C2 中繼站', "[domain-name:value = 'c2.evil.example']"), bad(2, HARM, "[ipv4-addr:value = '198.51.100.7']", { description: HARM }), bad(3, '釣魚網址', "[url:value = 'http://login.evil.example/a']")] });
  const tickets = await until(() => node.get('/tickets').then(r => r.json.tickets.length === 3 && r.json.tickets), 'three tickets');
  return { incidents, tickets, event };
}
