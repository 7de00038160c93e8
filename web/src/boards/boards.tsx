// Situation boards: all of a tier at a glance, one of them with its table, formulas and CSV, and the records behind a number.
import { get, part, session } from '../api';
import { useEffect, useState } from 'preact/hooks';
import { useKeys } from '../keys';
import { said, when } from '../lang';
import { go, route } from '../route';
import { useSignal } from '../signal';
import { Choice, Empty, Failed, Heading, Time, useData } from '../ui';
import { Bins } from './bins';
import { Board, boardsOf, BoardRow, column, interval, number, PERIODS, question, rowName, shown } from './board';
import { Counties, Heat, Matrix, Rates, Verdicts } from './charts';
import { b } from './words';

const ABOUT = new Set(['pack', 'sector', 'region', 'exercise', 'period', 'tier', 'from', 'until']);

/** This address with other parameters; what a number opens is part of it. */
function address(name: string, query: URLSearchParams, more: Record<string, string> = {}): string {
  const q = new URLSearchParams([...query].filter(([k]) => ABOUT.has(k)));
  for (const [k, v] of Object.entries(more)) if (v) q.set(k, v); else q.delete(k);
  const text = q.toString();
  return '/console/boards' + (name ? '/' + name : '') + (text ? '?' + text : '');
}

export function Chart({ x, query, height }: { x: Board; query: URLSearchParams; height?: number }) {
  const link = (row: BoardRow, c: string) => address(x.board, query, { row: row.key, column: c }).replace('?', '?') + (row.key === '' ? '&row=' : '');
  if (x.rows.length === 0) return <Empty title={b('nothing')} teach={b('nothingTeach')} />;
  switch (x.board) {
    case 'incidents': return <Bins x={x} height={height} />;
    case 'sectors': return <Rates x={x} of="rate" link={link} />;
    case 'counties': return <Counties x={x} of="incidents" link={link} />;
    case 'techniques': return height && height > 200 ? <Matrix x={x} of="tickets" link={link} /> : <Heat x={x} of="tickets" link={link} />;
    case 'coverage': case 'reach': case 'loads': return <Rates x={x} of="coverage" link={link} />;
    case 'clocks': case 'tiers': case 'compliance': return <Verdicts x={x} link={link} />;
    default: return <BoardTable x={x} query={query} most={8} />;
  }
}

const ROWS = 500; // of a table: more is what the CSV is for
const OPENS = new Set(['count', 'share', 'rate', 'span', 'ratio']);

export function BoardTable({ x, query, most }: { x: Board; query: URLSearchParams; most?: number }) {
  const rows = x.by_time ? [...x.rows].reverse() : x.rows, link = (r: BoardRow, c: string) => address(x.board, query, { row: r.key, column: c }) + (r.key === '' ? '&row=' : '');
  return <div class="scroll low" tabIndex={0} role="region" aria-label={said(x.title)}><table class="board">
    <thead><tr><th scope="col">{said(x.row_title)}</th>{x.columns.map(c => <th key={c.id} scope="col" class="figure" title={said(c.formula)}>{said(c.title)}</th>)}</tr></thead>
    <tbody>{rows.slice(0, most).map(r => <tr key={r.key} class={r.running ? 'running' : undefined} data-key={r.key}>
      <th scope="row"><bdi>{rowName(x, r)}</bdi>{r.running && <small> {b('running')}</small>}</th>
      {x.columns.map((c, i) => {
        const v = r.cells[i], text = shown(c, v, x.k);
        return <td key={c.id} class={'figure' + (v.why ? ' why-' + v.why : '') + (c.unit === 'state' ? ' state-' + v.value : '')} title={v.why === 'no-report' ? b('noReportHint') : interval(c, v) || undefined}>
          {OPENS.has(c.unit) && v.value !== undefined && v.value !== 0 ? <a href={link(r, c.id)}>{text}</a> : c.unit === 'time' && v.value ? <Time at={String(v.value)} /> : text}
          {v.low !== undefined && v.value !== undefined && <small class="interval"> {interval(c, v).replace(/^[^0-9]*95 % [^0-9]*/, '')}</small>}
        </td>;
      })}</tr>)}</tbody></table></div>;
}

/** How far what is shown is whole: members that are silent may have more to tell. */
export function Completeness({ x }: { x: Board }) {
  return <p class={'muted complete' + (x.heard < x.members ? ' soon' : '')}>{x.members > 0 ? b('heard', x.heard, x.members) : b('noMembers')}
    {x.pack && <> · {b('oneLaw', x.pack)}</>}{x.exercise && <> · <strong>{b('exercise')}</strong></>} · {b('asOf', when(x.as_of))}{x.hidden > 0 && <> · {b('hiddenCells', x.hidden, x.k)}</>}</p>;
}

function Card({ name, query }: { name: string; query: URLSearchParams }) {
  const { data: x, error } = useData<Board>(`/boards/${name}?${question(name, query, { limit: '60' })}`);
  return <section class={'card board-card board-' + name} aria-labelledby={'board-' + name}>
    <h2 id={'board-' + name}><a href={address(name, query)}>{x ? said(x.title) : '…'}</a></h2>
    <Failed text={error} />
    {x && <><Chart x={x} query={query} height={170} /><Completeness x={x} /></>}
  </section>;
}

interface Behind { count: number; more: boolean; records: Record<string, unknown>[] }

function subject(r: Record<string, unknown>) {
  const text = (k: string) => String(r[k] ?? '');
  switch (r.kind) {
    case 'incident': return <a href={'/console/incidents/' + part(text('number'))}><bdi>{text('number')} {text('title')}</bdi></a>;
    case 'ticket': return <a href={'/console/tickets/' + part(text('number'))}><bdi>{text('number')}</bdi></a>;
    case 'sighting': case 'release': return <a href={'/console/intelligence/' + part(text('indicator'))}><bdi>{text('indicator')}</bdi></a>;
    default: return <bdi>{text('source') || text('member')}{text('behind') && ' · ' + text('behind')}</bdi>;
  }
}

function Records({ x, query }: { x: Board; query: URLSearchParams }) {
  const row = query.get('row') ?? '', c = x.columns[column(x, query.get('column') ?? '')];
  const { data, error } = useData<Behind>(`/boards/${x.board}/rows?${question(x.board, query, { row, column: c?.id ?? '', limit: '500' })}`);
  const at = x.rows.find(r => r.key === row), instant = (r: Record<string, unknown>) => String(r.aware ?? r.first ?? r.opened ?? r.last ?? r.heard ?? r.at ?? r.since ?? '');
  return <section class="card" aria-labelledby="behind">
    <h2 id="behind">{b('behind')}: <bdi>{at ? rowName(x, at) : row}</bdi> · {said(c?.title)} <a class="small" href={address(x.board, query)}>✕<span class="hidden"> {b('overview')}</span></a></h2>
    {c && <p class="muted">{b('formula')}: {said(c.formula)}</p>}
    <Failed text={error} />
    {data && <p>{b('records', data.count)}{data.more && ' · ' + b('more', data.records.length)}</p>}
    {data && data.records.length > 0 && <div class="scroll low" tabIndex={0} role="region" aria-label={b('behind')}><table>
      <thead><tr><th scope="col">{b('title')}</th><th scope="col">{b('member')}</th><th scope="col">{b('when')}</th><th scope="col">{b('counts')}</th></tr></thead>
      <tbody>{data.records.map((r, i) => <tr key={i}><td class="wide">{subject(r)}</td><td><bdi>{String(r.member ?? '')}</bdi></td><td><Time at={instant(r)} /></td><td>{r.counts ? '✓' : '–'}</td></tr>)}</tbody></table></div>}
  </section>;
}

function Whole({ name, query }: { name: string; query: URLSearchParams }) {
  const { data: x, error } = useData<Board>(`/boards/${name}?${question(name, query, { limit: '500' })}`);
  if (!x) return <><Failed text={error} />{!error && <p class="muted">…</p>}</>;
  return <>
    {query.has('column') && <Records x={x} query={query} />}
    <section class={'card board-' + name}><Chart x={x} query={query} height={260} /><Completeness x={x} /></section>
    <p class="bar"><a class="button" href={`/api/v1/boards/${name}?${question(name, query, { format: 'csv', limit: '20000' })}`} download={name + '.csv'}>{b('csv')}</a></p>
    <BoardTable x={x} query={query} most={ROWS} />
    {x.rows_left_out + Math.max(0, x.rows.length - ROWS) > 0 && <p class="muted">{b('left', x.rows_left_out + Math.max(0, x.rows.length - ROWS))}</p>}
    <section><h2>{b('formulas')}</h2><dl class="formulas">{x.columns.map(c => <div key={c.id}><dt>{said(c.title)}</dt><dd>{said(c.formula)}</dd></div>)}</dl>
      <p class="muted"><code>{x.query}</code>{x.since && <> · {b('since', when(x.since))}</>}</p></section>
  </>;
}

/** What anybody has to know at once. */
export function Numbers({ query }: { query: URLSearchParams }) {
  const clocks = useData<Board>(`/boards/clocks?${question('clocks', query)}`).data, members = useData<Board>(`/boards/members?${question('members', query, { limit: '20000' })}`).data;
  const places = useData<Board>(`/boards/sectors?${question('sectors', query)}`).data;
  const sum = (x: Board | undefined, id: string) => x ? x.rows.reduce((n, r) => n + number(x, r, id), 0) : undefined, silent = members?.rows.filter(r => r.cells[0].value === 'silent').length;
  const tell = (v: number | undefined) => v === undefined ? '…' : v.toLocaleString();
  return <dl class="numbers">
    <div><dt>{b('nowOpen')}</dt><dd><a href={address('members', query)}>{tell(sum(members, 'open'))}</a></dd></div>
    <div class={sum(clocks, 'late') ? 'bad-number' : ''}><dt>{b('nowLate')}</dt><dd><a href={address('clocks', query)}>{tell(sum(clocks, 'late'))}</a></dd></div>
    <div><dt>{b('nowMajor')}</dt><dd><a href={address('sectors', query)}>{tell(sum(places, 'major'))}</a> <small>{b('ofAll', tell(sum(places, 'incidents')))}</small></dd></div>
    <div class={silent ? 'bad-number' : ''}><dt>{b('nowSilent')}</dt><dd><a href={address('members', query)}>{tell(silent)}</a> <small>{members && b('heard', members.heard, members.members)}</small></dd></div>
  </dl>;
}

interface Pack { id: string; title: { en: string; 'zh-TW': string }; }

export function Boards({ id }: { id: string }) {
  const { query } = useSignal(route), tier = useSignal(session)!.tier, list = boardsOf(query.get('tier') ?? tier), packs = useData<{ packs: Pack[] }>('/packs').data?.packs ?? [];
  const [sectors, setSectors] = useState<{ id: string; title: { en: string } }[]>([]), own = useData<Board>(`/boards/clocks?${question('clocks', query, { limit: '1' })}`).data?.pack, law = query.get('pack') ?? own;
  useEffect(() => { if (law) get<{ sectors?: { id: string; title: { en: string } }[] }>('/packs/' + part(law), true).then(p => setSectors(p.sectors ?? []), () => undefined); }, [law]);
  const to = (more: Record<string, string>) => go(address(id, query, more), true), step = (by: number) => go(address(list[(list.indexOf(id) + by + list.length) % list.length], query));
  useKeys({ ']': () => step(1), '[': () => step(-1), w: () => go('/console/wall') });
  return <div class="boards">
    <Heading text={b('situation')}><a class="button" href="/console/wall">{b('wall')} <kbd>w</kbd></a></Heading>
    <nav class="sub" aria-label={b('situation')}><a href={address('', query)} aria-current={id ? undefined : 'page'}>{b('overview')}</a>
      {list.map(n => <BoardLink key={n} name={n} href={address(n, query)} here={n === id} />)}</nav>
    <div class="bar">
      <Choice label={b('period')} value={query.get('period') ?? ''} set={v => to({ period: v, from: '', until: '' })} options={[['', '–'], ...PERIODS.map(p => [p, b(p as '28')] as [string, string])]} />
      <Choice label={b('law')} value={query.get('pack') ?? ''} set={v => to({ pack: v })} options={[['', '–'], ...packs.map(p => [p.id, said(p.title)] as [string, string])]} />
      <Choice label={b('sector')} value={query.get('sector') ?? ''} set={v => to({ sector: v })} options={[['', b('all')], ...sectors.map(s => [s.id, said(s.title)] as [string, string])]} />
      <label class="check"><input type="checkbox" checked={query.get('exercise') === 'true'} onChange={e => to({ exercise: e.currentTarget.checked ? 'true' : '' })} /> {b('drills')}</label>
    </div>
    {query.get('exercise') === 'true' && <p class="tag drill">{b('exercise')}</p>}
    {id ? <Whole key={id} name={id} query={query} /> : <><Numbers query={query} /><div class="board-grid">{list.map(n => <Card key={n} name={n} query={query} />)}</div></>}
  </div>;
}

let titles: Promise<{ boards: { id: string; title: { en: string } }[] }> | undefined;
function BoardLink({ name, href, here }: { name: string; href: string; here: boolean }) {
  const [title, set] = useState<{ en: string }>();
  useEffect(() => {
    titles ??= get('/boards', true);
    titles.then(x => set(x.boards.find(y => y.id === name)?.title), () => { titles = undefined; });
  }, [name]);
  return <a href={href} aria-current={here ? 'page' : undefined}>{title ? said(title) : name}</a>;
}
