// The node's own logs: what came, what comes, and how it is spread over time and values.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { get, raw, stream } from '../api';
import { Histogram } from '../chart';
import { useKeys } from '../keys';
import { at, t as word, words } from '../lang';
import { pace } from '../pace';
import { go, route } from '../route';
import { Searches } from '../searches';
import { useSignal } from '../signal';
import { Choice, Dialog, Empty, Failed, Heading, Input, instant, localTime, Table, why } from '../ui';

const t = words({
  title: '紀錄', query: '條件', hint: '欄位=值（可用 * 與 ?）、欄位!=值，或文字；含空白者加雙引號', range: '時間', custom: '自訂', everything: '全部時間', last: '最近 {0}',
  from: '自', to: '至', live: '即時', liveOn: '即時：新紀錄持續加入最上方', fields: '欄位', ofLoaded: '已載入 {0} 筆中的值', only: '只看 {0} 為 {1}', without: '排除 {0} 為 {1}', column: '作為欄位顯示',
  source: '來源', time: '時間', content: '內容', record: '第 {0} 筆', line: '原始紀錄', cut: '（過長，僅顯示前段）',
  blocks: '{0} 個區塊', found: '符合 {0} 筆', foundSoFar: '目前符合 {0} 筆，已看 {1} %', estimated: '筆數依區塊估計', seconds: '{0} 秒', first: '首批 {0} 毫秒', more: '更早的紀錄', stop: '停止', none: '這段時間沒有符合的紀錄。',
  noneTeach: '放寬時間或條件。欄位=值 要求整個值相同（可用 *）；單純文字可在任何位置。指令列：lianfang history search。', overTime: '{0} 筆紀錄隨時間的分布', values: '{0} 種值',
  noHistory: '此節點沒有歷史紀錄', noHistoryTeach: '在 lianfang.conf 加入 [input 名稱] path = … 後，紀錄便會出現在這裡。', all: '檢視 {0} 的值', partial: '尚未看完全部，數字仍會增加',
}, {
  title: 'Events', query: 'Terms', hint: 'FIELD=VALUE (* and ? stand for any), FIELD!=VALUE, or text; in quotes where there are blanks', range: 'Time', custom: 'From … to', everything: 'All times', last: 'Last {0}',
  from: 'From', to: 'To', live: 'Live', liveOn: 'Live: what comes is added on top', fields: 'Fields', ofLoaded: 'Values in the {0} events loaded', only: 'Only where {0} is {1}', without: 'Without {0} being {1}', column: 'As a column',
  source: 'Source', time: 'Time', content: 'Content', record: 'Record {0}', line: 'As it came', cut: '(long; only its beginning is shown)',
  blocks: '{0} blocks', found: '{0} match', foundSoFar: '{0} match so far, {1} % looked at', estimated: 'counts are estimates by block', seconds: '{0} s', first: 'first ones after {0} ms', more: 'Older events', stop: 'Stop', none: 'No event of this time matches.',
  noneTeach: 'Widen the time or drop a term. FIELD=VALUE asks for the whole value (use *); plain text may stand anywhere. On the command line: lianfang history search.', overTime: '{0} events over time', values: '{0} values',
  noHistory: 'This node keeps no history', noHistoryTeach: 'Add [input NAME] path = … to lianfang.conf, and its logs appear here.', all: 'Values of {0}', partial: 'Not all was looked at yet: counts still grow',
});

interface Event { time: string; source: string; record: number; format: string; fields: Record<string, string | null | (string | null)[]>; event: string; cut?: boolean }
interface State { found: number; blocks: number; blocks_done: number; seconds: number; estimated?: boolean; buckets?: number[] }
interface Piece extends Partial<State> { events: Event[] }
interface End extends State { more: boolean; next?: string; end?: string; whole: boolean }
const SPANS: [string, number][] = [['15m', 900e3], ['1h', 3600e3], ['24h', 86400e3], ['7d', 604800e3], ['30d', 2592000e3]];
const BARS = 80, PAGE = 200, KEPT = 5000, TAIL = 1000, TOP = 10;

const id = (e: Event) => `${e.source}#${e.record}`;

/** A term as the node reads it. */
function term(field: string, value: string, not = false): string {
  const v = raw(value).replace(/[\\"]/g, '\\$&'), whole = /^[^\s"\\]+$/.test(raw(value)) ? raw(value) : `"${v}"`;
  return `${raw(field)}${not ? '!=' : '='}${whole}`;
}

function list(v: Event['fields'][string]): string[] {
  return (Array.isArray(v) ? v : [v]).map(x => x ?? 'null');
}

/** What is asked stands in the address. */
function useAsked() {
  const q = useSignal(route).query, span = q.get('span') ?? (q.get('since') ? '' : '24h');
  const asked = { q: q.get('q') ?? '', span, since: q.get('since') ?? '', until: q.get('until') ?? '', columns: (q.get('columns') ?? '').split(',').filter(Boolean) };
  const change = (to: Partial<typeof asked>) => {
    const next = { ...asked, ...to }, p = new URLSearchParams();
    if (next.q) p.set('q', next.q);
    if (next.since) { p.set('since', next.since); p.set('until', next.until); }
    else if (next.span !== '24h') p.set('span', next.span);
    if (next.columns.length) p.set('columns', next.columns.join(','));
    go('/console/events' + (p.size ? '?' + p : ''));
  };
  return { asked, change };
}
type Asked = ReturnType<typeof useAsked>['asked'];

function times(asked: Asked): { from: number; to: number } | null {
  if (asked.since) return { from: Date.parse(asked.since), to: asked.until ? Date.parse(asked.until) : Date.now() };
  const ms = SPANS.find(s => s[0] === asked.span)?.[1];
  return ms ? { from: Date.now() - ms, to: Date.now() } : null;
}

interface Shown { events: Event[]; state?: State; end?: End; range: { from: number; to: number } | null; busy: boolean; error?: string; nowhere?: boolean; first?: number }

function useEvents(asked: Asked, live: boolean) {
  const [shown, set] = useState<Shown>({ events: [], range: null, busy: true }), stop = useRef<AbortController>();
  const key = JSON.stringify([asked.q, asked.span, asked.since, asked.until]);
  const path = (more: Record<string, string>, range: Shown['range']) => new URLSearchParams({ ...(asked.q ? { q: asked.q } : {}),
    ...(range ? { since: new Date(range.from).toISOString(), until: new Date(range.to).toISOString() } : {}), ...more });
  async function load(range: Shown['range'], before?: string) {
    const ending = stop.current = new AbortController(), began = performance.now();
    // What comes is drawn at most once a frame.
    let events: Event[] = [], state: State | undefined, end: End | undefined, first: number | undefined, frame = 0;
    const show = () => {
      frame = 0;
      if (ending.signal.aborted) return;
      const add = events;
      events = [];
      set(s => ({ ...s, events: add.length ? [...s.events, ...add] : s.events, state: before ? s.state : state ?? s.state, first: s.first ?? first, end: end ? before ? { ...s.end!, more: end.more, next: end.next } : end : s.end }));
    };
    set(s => before ? { ...s, busy: true } : { events: [], range, busy: true });
    try {
      await stream('/events/stream?' + path({ limit: String(PAGE), ...(before ? { before } : range ? { buckets: String(BARS) } : {}) }, range), (event, data) => {
        const p = data as Piece & End;
        if (p.events) events.push(...p.events);
        if (first === undefined && events.length) first = performance.now() - began;
        if (p.blocks !== undefined) state = p as State;
        if (event === 'end') end = p;
        frame ||= requestAnimationFrame(show);
      }, ending.signal);
      cancelAnimationFrame(frame);
      show();
      if (!ending.signal.aborted) set(s => ({ ...s, busy: false }));
    } catch (e) {
      if (!ending.signal.aborted) set(s => ({ ...s, busy: false, ...((e as { code?: string }).code === 'not-found' ? { nowhere: true } : { error: why(e) }) }));
    }
  }
  useEffect(() => {
    void load(times(asked));
    return () => stop.current?.abort();
  }, [key]);
  // Live: from the end that the search saw, again and again.
  const from = useRef<string>();
  useEffect(() => { from.current = undefined; }, [key, live]);
  useEffect(() => {
    if (!live || !shown.end || shown.busy) return;
    let over = false, asking = false;
    const timer = setInterval(async () => {
      if (asking || document.hidden) return;
      asking = true;
      try {
        const r = await get<{ events: Event[]; next: string }>('/events?' + path({ limit: '500', after: from.current ?? shown.end!.end ?? 'end' }, null), true);
        from.current = r.next;
        if (!over && r.events.length) set(s => ({ ...s, events: [...r.events.reverse(), ...s.events].slice(0, KEPT), state: s.state && { ...s.state, found: s.state.found + r.events.length } }));
      } catch (e) {
        if (!over) set(s => ({ ...s, error: why(e) }));
      }
      asking = false;
    }, TAIL);
    return () => { over = true; clearInterval(timer); };
  }, [live, shown.end, shown.busy]);
  return {
    shown, halt: () => { stop.current?.abort(); set(s => ({ ...s, busy: false })); },
    more: () => { if (!shown.busy && shown.end?.more && shown.end.next && shown.events.length < KEPT) void load(shown.range, shown.end.next); },
  };
}

/** Of the events loaded: their fields, and of each the values that are most frequent. */
function tally(events: Event[]) {
  const fields = new Map<string, Map<string, number>>();
  for (const e of events) for (const name in e.fields) {
    const values = fields.get(name) ?? fields.set(name, new Map()).get(name)!;
    for (const v of list(e.fields[name])) values.set(v, (values.get(v) ?? 0) + 1);
  }
  return [...fields].map(([name, values]) => ({ name, events: [...values.values()].reduce((a, b) => a + b, 0), values })).sort((a, b) => b.events - a.events || a.name.localeCompare(b.name));
}

function Fields({ events, add, columns, setColumns }: { events: Event[]; add: (term: string) => void; columns: string[]; setColumns: (c: string[]) => void }) {
  const found = useMemo(() => tally(events), [events]), [open, setOpen] = useState('');
  return <aside class="fields" aria-label={t('fields')}>
    <h2>{t('fields')} <small>{t('ofLoaded', events.length)}</small></h2>
    <ul>{found.map(f => <li key={f.name}>
      <button type="button" class="name" aria-expanded={open === f.name} onClick={() => setOpen(open === f.name ? '' : f.name)}><bdi>{f.name}</bdi> <small>{t('values', f.values.size)}</small></button>
      {open === f.name && <div>
        <label class="check"><input type="checkbox" checked={columns.includes(f.name)} onChange={e => setColumns(e.currentTarget.checked ? [...columns, f.name] : columns.filter(c => c !== f.name))} /> {t('column')}</label>
        <ol>{[...f.values].sort((a, b) => b[1] - a[1]).slice(0, TOP).map(([v, n]) => <li key={v}>
          <span class="bar-of"><meter min={0} max={f.events} value={n} aria-label={`${f.name} ${v}`}>{n}</meter></span>
          <bdi class="value" title={v}>{v}</bdi> <span class="n">{Math.round(100 * n / f.events)} %</span>
          <button type="button" class="quiet" onClick={() => add(term(f.name, v))} aria-label={t('only', f.name, v)} title={t('only', f.name, v)}>＋</button>
          <button type="button" class="quiet" onClick={() => add(term(f.name, v, true))} aria-label={t('without', f.name, v)} title={t('without', f.name, v)}>－</button>
        </li>)}</ol>
      </div>}
    </li>)}</ul>
  </aside>;
}

function One({ e, close, add }: { e: Event; close: () => void; add: (term: string) => void }) {
  return <Dialog title={`${at(e.time)} · ${e.source} · ${t('record', e.record)}`} close={close} class="wide">
    <div class="scroll low" tabIndex={0} role="region" aria-label={t('fields')}><table><tbody>{Object.entries(e.fields).flatMap(([name, v]) => list(v).map((x, i) => <tr key={name + i}>
      <th scope="row"><bdi>{name}</bdi></th><td class="text"><bdi>{x}</bdi></td><td class="do">
        <button type="button" class="quiet" onClick={() => { close(); add(term(name, x)); }} aria-label={t('only', name, x)} title={t('only', name, x)}>＋</button>
        <button type="button" class="quiet" onClick={() => { close(); add(term(name, x, true)); }} aria-label={t('without', name, x)} title={t('without', name, x)}>－</button></td>
    </tr>))}</tbody></table></div>
    <h3>{t('line')} {e.cut && <small>{t('cut')}</small>}</h3>
    <pre tabIndex={0}><bdi>{e.event}</bdi></pre>
  </Dialog>;
}

function Ask({ asked, change, live, setLive }: { asked: Asked; change: (to: Partial<Asked>) => void; live: boolean; setLive: (on: boolean) => void }) {
  const [text, setText] = useState(asked.q), range = times(asked);
  useEffect(() => setText(asked.q), [asked.q]);
  useKeys({ '/': () => document.querySelector<HTMLInputElement>('form.ask input')?.focus(), l: () => setLive(!live) });
  const choose = (span: string) => {
    if (span) change({ span, since: '', until: '' });
    else if (range) change({ since: new Date(range.from).toISOString(), until: new Date(range.to).toISOString() });
    else change({ since: new Date(Date.now() - 3600e3).toISOString(), until: new Date().toISOString() });
  };
  const set = (k: 'since' | 'until') => (v: string) => { if (!isNaN(Date.parse(v))) change({ [k]: instant(v) }); };
  return <form class="bar ask" role="search" onSubmit={e => { e.preventDefault(); change({ q: text.trim() }); }}>
    <Input label={t('query')} hint={t('hint')} value={text} set={setText} />
    <Choice label={t('range')} value={asked.since ? '' : asked.span} set={choose} options={[...SPANS.map(([k, ms]) => [k, t('last', ms < 3600e3 ? word('minutes', ms / 60e3) : ms <= 86400e3 ? word('hours', ms / 3600e3) : word('days', ms / 86400e3))] as [string, string]),
      ['all', t('everything')], ['', t('custom')]]} />
    {asked.since && <><Input label={t('from')} type="datetime-local" value={localTime(Date.parse(asked.since))} set={set('since')} />
      <Input label={t('to')} type="datetime-local" value={localTime(asked.until ? Date.parse(asked.until) : Date.now())} set={set('until')} /></>}
    <button type="submit" class="main">{word('search')}</button>
    <button type="button" aria-pressed={live} onClick={() => setLive(!live)}>{t('live')} <kbd>l</kbd></button>
  </form>;
}

function Told({ shown, halt }: { shown: Shown; halt: () => void }) {
  const s = shown.end ?? shown.state, found = shown.state?.found ?? s?.found ?? 0;
  if (!s) return <p class="muted" role="status">{word('loading')}</p>;
  return <p class="muted" role="status">{shown.busy ? t('foundSoFar', found.toLocaleString(), Math.floor(100 * s.blocks_done / Math.max(1, s.blocks))) : t('found', found.toLocaleString())}
    {shown.busy && s.seconds > 1 && ' · ' + pace(s.blocks_done, s.blocks, s.seconds, t('blocks', Math.round(s.blocks_done / s.seconds)))}{' · '}{t('seconds', s.seconds.toFixed(2))}{shown.first !== undefined && ` · ${t('first', Math.round(shown.first))}`}
    {s.estimated && ` · ${t('estimated')}`}{shown.end && !shown.end.whole && shown.state?.buckets && ` · ${t('partial')}`} {shown.busy && <button type="button" onClick={halt}>{t('stop')}</button>}</p>;
}

export function Events() {
  const { asked, change } = useAsked(), [live, setLive] = useState(false), { shown, halt, more } = useEvents(asked, live), [open, setOpen] = useState<Event | null>(null);
  const add = (x: string) => change({ q: [asked.q, x].filter(Boolean).join(' ') });
  const summary = (e: Event) => Object.entries(e.fields).slice(0, 12).map(([k, v]) => `${k}=${list(v).join(', ')}`).join('  ') || e.event;
  const counts = shown.state?.buckets ?? shown.end?.buckets;
  return <>
    <Heading text={t('title')} />
    <Ask asked={asked} change={change} live={live} setLive={setLive} />
    <Searches view="events" />
    <Failed text={shown.error} />
    {shown.nowhere ? <Empty title={t('noHistory')} teach={t('noHistoryTeach')} /> : <>
      {shown.range && counts && <Histogram label={t('overTime', counts.reduce((a, b) => a + b, 0).toLocaleString())} from={shown.range.from} to={shown.range.to} counts={counts}
        choose={(from, to) => change({ since: new Date(from).toISOString(), until: new Date(to).toISOString() })} />}
      {live && <p class="good">{t('liveOn')}</p>}
      <Told shown={shown} halt={halt} />
      {!shown.busy && shown.events.length === 0 && !shown.error && <Empty title={t('none')} teach={t('noneTeach')} />}
      {shown.events.length > 0 && <div class="discover">
        <Fields events={shown.events} add={add} columns={asked.columns} setColumns={columns => change({ columns })} />
        <div><Table label={t('title')} rows={shown.events} id={id} open={setOpen} end={more} columns={[
          { name: 'time', title: t('time'), cell: e => at(e.time) }, { name: 'source', title: t('source'), cell: e => e.source },
          ...asked.columns.map(c => ({ name: 'c:' + c, title: c, cell: (e: Event) => c in e.fields ? list(e.fields[c]).join(', ') : '' })),
          { name: 'content', title: t('content'), cell: summary, wide: true }]} />
        {shown.end?.more && <button type="button" disabled={shown.busy} onClick={more}>{t('more')}</button>}</div>
      </div>}
    </>}
    {open && <One e={open} close={() => setOpen(null)} add={add} />}
  </>;
}
