// Tells by the browser what wants somebody while the page is not looked at: a clock with little time left, a new ticket, an alert to answer.
// Asked for with polling requests, so that a page left alone does not keep its session.
import { get } from './api';
import { t, words } from './lang';
import { go } from './route';
import { signal } from './signal';

const w = words({ clock: '{0}：剩 {1} 分', late: '{0}：已逾時', ticket: '新監控單 {0}', alert: '待回覆的警訊 {0}', some: '{0} 張新監控單' },
  { clock: '{0}: {1} min left', late: '{0}: late', ticket: 'New ticket {0}', alert: 'An alert to answer: {0}', some: '{0} new tickets' });
const EACH = 30e3, RUNGS = [60, 15, 0], STORED = 'lianfang.notify';
const can = () => typeof Notification !== 'undefined';

/** '': the browser cannot, or somebody said no. */
export const notices = signal<'on' | 'off' | ''>(!can() || Notification.permission === 'denied' ? '' : localStorage.getItem(STORED) === '1' && Notification.permission === 'granted' ? 'on' : 'off');

export async function switchNotices() {
  if (notices.get() === 'on') {
    localStorage.removeItem(STORED);
    notices.set('off');
    return;
  }
  const said = await Notification.requestPermission();
  if (said === 'granted') localStorage.setItem(STORED, '1');
  notices.set(said === 'granted' ? 'on' : said === 'denied' ? '' : 'off');
}

function show(tag: string, title: string, body: string, path: string) {
  const n = new Notification(title, { body, tag, icon: '/console/assets/icon.svg' });
  n.onclick = () => { focus(); go(path); n.close(); };
}

interface Seen { clocks: Set<string>; tickets: Set<string> | null; alerts: Set<string> | null }
const seen: Seen = { clocks: new Set(), tickets: null, alerts: null };

/** What is there at the first look is nothing new, but for clocks. */
function fresh(before: Set<string> | null, now: string[]): string[] {
  return before ? now.filter(x => !before.has(x)) : [];
}

async function look() {
  if (notices.get() !== 'on') return;
  const clocks = await get<{ clocks: { id: string; number: string; incident_title: string; due: string; seconds_left?: number; exercise: boolean }[] }>('/clocks?limit=50', true);
  for (const c of clocks.clocks) {
    const minutes = Math.floor((Date.parse(c.due) - Date.now()) / 60e3), rung = [...RUNGS].reverse().find(r => minutes < r || (r === 0 && minutes < 0));
    if (rung === undefined || seen.clocks.has(c.number + c.id + rung)) continue;
    RUNGS.filter(r => r >= rung).forEach(r => seen.clocks.add(c.number + c.id + r));
    show(c.number + c.id, (c.exercise ? t('exercise') + ' ' : '') + (minutes < 0 ? w('late', c.number) : w('clock', c.number, minutes)), c.incident_title, '/console/incidents/' + encodeURIComponent(c.number));
  }
  const tickets = (await get<{ tickets: { number: string; title: string }[] }>('/tickets?state=open&limit=100', true)).tickets, added = fresh(seen.tickets, tickets.map(x => x.number));
  seen.tickets = new Set([...(seen.tickets ?? []), ...tickets.map(x => x.number)]);
  if (added.length === 1) show('ticket', w('ticket', added[0]), tickets.find(x => x.number === added[0])!.title, '/console/tickets/' + encodeURIComponent(added[0]));
  else if (added.length > 1) show('ticket', w('some', added.length), added.join(', '), '/console/tickets');
  const alerts = (await get<{ bulletins: { id: string; number: string; title: string }[] }>('/bulletins?open=true&limit=100', true)).bulletins;
  for (const id of fresh(seen.alerts, alerts.map(x => x.id))) {
    const a = alerts.find(x => x.id === id)!;
    show(id, w('alert', a.number), a.title, '/console/alerts/' + encodeURIComponent(id));
  }
  seen.alerts = new Set([...(seen.alerts ?? []), ...alerts.map(x => x.id)]);
}

let timer = 0;
/** From sign-in to sign-out. */
export function watchNotices(on: boolean) {
  clearInterval(timer);
  if (!on) return;
  const quietly = () => { look().catch(() => undefined); };
  quietly();
  timer = window.setInterval(quietly, EACH);
}
notices.watch(() => { if (notices.get() === 'on') look().catch(() => undefined); });
