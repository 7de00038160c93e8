// Incidents: the list, one incident, and a new one.
import { useEffect, useState } from 'preact/hooks';
import { get, part, post, session } from '../api';
import { useKeys } from '../keys';
import { Key, said, t, when, word } from '../lang';
import { go, route } from '../route';
import { useSignal } from '../signal';
import { Area, Choice, Empty, Failed, Heading, Input, instant, Left, Level, localTime, pulse, Table, tell, Time, useData, useNow, why } from '../ui';
import { Letters, Report, Reports } from './casework';
import { LevelForm } from './level';
import type { Clock, Fact, IncidentRow, IncidentView, Words } from './types';

const PAGE = 500, ORDERS = ['due', 'newest', 'changed', 'level'] as const;
interface Page { incidents: IncidentRow[]; next?: string }

export function Incidents({ id }: { id: string }) {
  return id === 'new' ? <New /> : id ? <One number={id} /> : <List />;
}

/** What is in the address decides what is shown, so a link shows the same to somebody else. */
function ask(change: Record<string, string>) {
  const q = new URLSearchParams(location.search);
  for (const [k, v] of Object.entries(change)) v ? q.set(k, v) : q.delete(k);
  go(location.pathname + (q.size ? '?' + q : ''), true);
}

function List() {
  const q = useSignal(route).query, beat = useSignal(pulse);
  const order = q.get('order') ?? 'due', all = q.has('all'), base = `/incidents?limit=${PAGE}&order=${order}${all ? '&all=true' : ''}`;
  const [pages, set] = useState<{ base: string; list: Page[]; error?: string }>({ base: '', list: [] });
  const load = (list: Page[]) => {
    const next = list.length ? list[list.length - 1].next : '';
    if (next === undefined) return;
    get<Page>(base + (next ? '&after=' + encodeURIComponent(next) : ''), beat !== '').then(p => set({ base, list: [...list, p] }), e => set({ base, list, error: why(e) }));
  };
  useEffect(() => load([]), [base, beat]);
  const rows = pages.base === base ? pages.list.flatMap(p => p.incidents) : [];
  return <>
    <Heading text={t('incidents')}><a class="button main" href="/console/incidents/new">{t('newIncident')}</a></Heading>
    <div class="bar">
      <Choice label={t('order')} value={order} set={v => ask({ order: v })} options={ORDERS.map(o => [o, t(('order_' + o) as Key)])} />
      <label class="check"><input type="checkbox" checked={all} onChange={e => ask({ all: e.currentTarget.checked ? '1' : '' })} /> {t('closedToo')}</label>
      <span class="muted grow" aria-live="polite">{t('rows', rows.length)}</span>
    </div>
    <Failed text={pages.error} />
    {pages.base === base && rows.length === 0 && !pages.error && <Empty title={t('noIncidents')} teach={t('noIncidentsTeach')} />}
    {rows.length > 0 && <Table label={t('incidents')} rows={rows} id={r => r.id} link={r => '/console/incidents/' + part(r.number)} end={() => load(pages.list)} columns={[
      { name: 'number', cell: r => r.number },
      { name: 'title', cell: r => <>{r.exercise && <span class="tag drill">{t('exercise')}</span>} {r.title}</>, wide: true },
      { name: 'level', cell: r => <Level of={r.level} /> }, { name: 'state', cell: r => word(r.state, 'fact_') },
      { name: 'due', cell: r => r.open ? <Left due={r.due} /> : t('closed') }, { name: 'changedAt', cell: r => <Time at={r.changed} /> },
    ]} />}
  </>;
}

function ClockTable({ clocks }: { clocks: Clock[] }) {
  return <div class="scroll low" tabIndex={0} role="region" aria-label={t('clocks')}><table>
    <thead><tr>{(['clock', 'state', 'due', 'legalBasis'] as Key[]).map(k => <th key={k} scope="col">{t(k)}</th>)}</tr></thead>
    <tbody>{clocks.map(c => <tr key={c.id + c.start}>
      <td><bdi>{said(c.title)}</bdi></td><td><span class={'verdict v-' + c.verdict}>{t(c.verdict)}</span></td>
      <td>{c.verdict === 'void' ? '' : c.stop ? <Time at={c.stop} /> : <><Left due={c.due} /> <small><Time at={c.due} /></small></>}</td>
      <td class="muted">{c.source}</td></tr>)}</tbody></table></div>;
}

/** "pack clock fact": who reads it needs the first two. */
function clockName(key: string): string {
  return key.split(' ').slice(0, 2).join(' ');
}

const SHOWN = ['note', 'grounds', 'reason', 'channel', 'stage', 'ref', 'level', 'until', 'kind', 'value', 'ticket', 'title'];

function detail(f: Fact): string {
  return SHOWN.filter(k => f[k] !== undefined && f[k] !== null).map(k => typeof f[k] === 'object' ? JSON.stringify(f[k]) : String(f[k])).join(' · ');
}

function Timeline({ facts }: { facts: Fact[] }) {
  return <ol class="timeline">{[...facts].reverse().map(f => <li key={f.id} id={'fact-' + f.id}>
    <div><strong>{word(f.type, 'fact_')}</strong> <span class="muted">{t('by')} <bdi>{word(String(f.by), 'by_')}</bdi></span></div>
    <div class="muted">{f.claimed && f.claimed !== f.at && <>{t('claimed')} <Time at={f.claimed} /> · </>}{t('recorded')} <Time at={f.at} /></div>
    {f.withheld ? <p class="muted">{t('withheld', f.withheld)}</p> : detail(f) && <p class="text"><bdi>{detail(f)}</bdi></p>}
    {Array.isArray(f.items) && <ul>{(f.items as Record<string, unknown>[]).map((x, i) => <li key={i}><bdi>{Object.entries(x).map(([k, v]) => `${k}: ${v}`).join(' · ')}</bdi></li>)}</ul>}
  </li>)}</ol>;
}

// What people state by themselves at a tier; merging and the like have commands of their own.
const STATED: Record<string, string[]> = {
  provider: ['reported', 'level', 'contained', 'recovered', 'final_report', 'backfilled', 'note', 'meeting', 'warned', 'acknowledged', 'dismissed', 'reopened'],
  other: ['reported', 'level', 'reviewed', 'forwarded', 'returned', 'accepted', 'dispatched', 'warned', 'acknowledged', 'contained', 'recovered', 'final_report', 'note', 'closed', 'dismissed', 'reopened'],
};
const TAKES: Record<string, string[]> = { reported: ['channel', 'level'], reviewed: ['level', 'grounds'], rereviewed: ['level', 'grounds'], returned: ['reason'], extended: ['reason'], dismissed: ['grounds'] };

export function FactForm(props: { number: string; type: string; pack: string; close: () => void; done: (v: IncidentView, type: string) => void }) {
  const tier = useTier(), now = useNow();
  const [type, setType] = useState(props.type || 'reported'), [at, setAt] = useState(localTime(now)), [touched, touch] = useState(false);
  const [more, setMore] = useState<Record<string, string>>({ channel: 'platform' }), [error, setError] = useState(''), [busy, setBusy] = useState(false);
  // One id for this form: pressing twice, or again after a lost reply, states the fact once.
  const [id] = useState(() => 'f-' + crypto.randomUUID());
  const list = STATED[tier] ?? STATED.other, takes = TAKES[type] ?? [], field = (k: string) => ({ value: more[k] ?? '', set: (v: string) => setMore({ ...more, [k]: v }) });
  async function store(extra: object) {
    setBusy(true);
    setError('');
    try {
      const body: Record<string, unknown> = { id, type, ...extra };
      if (touched) body.claimed = instant(at);
      if (more.note) body.note = more.note;
      for (const k of takes) if (more[k] && !(k === 'channel' && more[k] === 'platform')) body[k] = k === 'level' ? Number(more[k]) : more[k];
      props.done(await post<IncidentView>(`/incidents/${part(props.number)}/facts`, body), type);
      tell(`${t('stored')}: ${word(type, 'fact_')}`);
    } catch (e) {
      setError(why(e));
    }
    setBusy(false);
  }
  return <section class="card form" aria-label={t('stateFact')}>
    <h2>{t('stateFact')}</h2>
    <Choice label={t('factType')} value={type} set={setType} options={(list.includes(props.type) || !props.type ? list : [props.type, ...list]).map(x => [x, word(x, 'fact_')])} focus={props.type !== 'level'} />
    {type === 'level' ? <LevelForm pack={props.pack} busy={busy} focus={props.type === 'level'} store={x => store(x)} /> : <form onSubmit={e => { e.preventDefault(); void store({}); }}>
      <Input label={t('when')} type="datetime-local" value={touched ? at : localTime(now)} set={v => { setAt(v); touch(true); }} need />
      {takes.includes('channel') && <Choice label={t('channel')} {...field('channel')} options={[['platform', t('platform')], ['fallback', t('fallback')]]} />}
      {takes.includes('level') && <Choice label={t('claimedLevel')} {...field('level')} options={[['', '—'], ...[1, 2, 3, 4].map(n => [String(n), `${t('level')} ${n}`] as [string, string])]} />}
      {takes.includes('grounds') && <Area label={t('grounds')} {...field('grounds')} need={type !== 'dismissed'} />}
      {takes.includes('reason') && <Area label={t('reason')} {...field('reason')} need />}
      <Area label={t('note')} {...field('note')} />
      <div class="bar"><button type="submit" class="main" disabled={busy}>{t('save')}</button><button type="button" onClick={props.close}>{t('cancel')}</button></div>
    </form>}
    <Failed text={error} />
  </section>;
}

function useTier(): string {
  return useSignal(session)!.tier === 'provider' ? 'provider' : 'other';
}

function One({ number }: { number: string }) {
  const path = '/incidents/' + part(number), q = useSignal(route).query;
  const got = useData<IncidentView>(path), facts = useData<{ facts: Fact[] }>(path + '/facts');
  const [form, setForm] = useState<string | null>(q.get('fact')), [stored, setStored] = useState<IncidentView>();
  useKeys({ n: () => setForm('reported'), u: () => go(q.get('form') ? '/console/incidents/' + part(number) : '/console/incidents'), Escape: () => setForm(null) });
  useEffect(() => setStored(undefined), [got.data]);
  const v = stored ?? got.data;
  if (!v) return <>{got.error ? <Failed text={got.error} /> : <p class="muted">{t('loading')}</p>}</>;
  const main = v.views[0];
  return <>
    <p class="crumb"><a href="/console/incidents">{t('incidents')}</a></p>
    <Heading text={`${v.number} ${v.title}`}>{v.exercise && <span class="tag drill">{t('exercise')}</span>}<Level of={v.level} />
      <span class="tag">{word(v.state, 'fact_')}</span>{v.open && <Left due={v.due} />}
      {form === null && <button type="button" class="main" onClick={() => setForm('reported')}>{t('stateFact')} <kbd>n</kbd></button>}</Heading>
    <Failed text={got.error} />
    {v.merged_into.length > 0 && <p class="good">{t('mergedInto')} {v.merged_into.map(x => <a key={x.id} href={'/console/incidents/' + part(x.number ?? x.id)}><bdi>{x.number ?? x.id}</bdi></a>)}</p>}
    {form !== null && <FactForm key={form} number={v.number} type={form} pack={main?.pack ?? ''} close={() => setForm(null)} done={(x, type) => { setStored(x); setForm(type === 'level' && !facts.data?.facts.some(f => f.type === 'reported') ? 'reported' : null); facts.again(); got.again(); }} />}
    {v.views.map(x => <section key={x.pack} aria-label={x.pack}>
      <h2><bdi>{x.pack}</bdi> <small>{t('level')}: {(['c', 'i', 'a'] as const).map(d => x.level[d] ? `${t(('dimension_' + d) as Key)} ${x.level[d]}` : '').filter(Boolean).join(' · ') || t('noLevel')}</small></h2>
      {x.clocks.length > 0 ? <ClockTable clocks={x.clocks} /> : <p class="muted">{t('noClocks')}</p>}
    </section>)}
    {v.problems.length > 0 && <section><h2>{t('problems')}</h2><ul>{v.problems.map(p => <li key={p.fact + p.why} class="bad"><bdi>{p.why}</bdi> {!p.counted && `(${t('notCounted')})`}</li>)}</ul></section>}
    {q.get('form') ? <Report number={number} form={q.get('form')!} pack={q.get('pack') ?? ''} changed={() => { facts.again(); got.again(); }} /> : <Reports number={number} />}
    {facts.data && <Letters number={number} facts={facts.data.facts} changed={() => { facts.again(); got.again(); }} />}
    <div class="columns">
      <section><h2>{t('timeline')} <small>{t('rows', facts.data?.facts.length ?? 0)}</small></h2><Failed text={facts.error} />{facts.data && <Timeline facts={facts.data.facts} />}</section>
      <section><h2>{t('alarms')}</h2>{v.alarms.length === 0 ? <p class="muted">{t('none')}</p>
        : <ul>{v.alarms.map(a => <li key={a.clock + a.percent}><bdi>{a.percent >= 100 ? t('breachedAlarm', clockName(a.clock)) : t('rungAt', clockName(a.clock), a.percent)}</bdi> <span class="muted">{when(a.at)}</span></li>)}</ul>}
        {v.merged.length > 0 && <><h2>{t('merged')}</h2><ul>{v.merged.map(x => <li key={x.id}><a href={'/console/incidents/' + part(x.number ?? x.id)}><bdi>{x.number ?? x.id}</bdi></a></li>)}</ul></>}</section>
    </div>
  </>;
}

function New() {
  const packs = useData<{ packs: { id: string; title: Words; valid_until: string }[] }>('/packs'), now = useNow();
  const [title, setTitle] = useState(''), [aware, setAware] = useState(localTime(now)), [touched, touch] = useState(false), [drill, setDrill] = useState(false);
  const [chosen, choose] = useState<string[] | null>(null), [error, setError] = useState(''), [busy, setBusy] = useState(false);
  const valid = packs.data?.packs.filter(p => !p.valid_until || Date.parse(p.valid_until) > now) ?? [];
  async function send(e: Event) {
    e.preventDefault();
    setBusy(true);
    setError('');
    try {
      // Without a choice the node's own law holds.
      const v = await post<IncidentView>('/incidents', { title, exercise: drill, ...(chosen?.length ? { packs: chosen } : {}),
        facts: [{ type: 'aware', ...(touched ? { claimed: instant(aware) } : {}) }] });
      tell(`${t('stored')}: ${v.number}`);
      go(`/console/incidents/${part(v.number)}?fact=level`);
    } catch (x) {
      setError(why(x));
      setBusy(false);
    }
  }
  return <form class="card" onSubmit={send}>
    <Heading text={t('newIncident')} />
    <Input label={t('incidentTitle')} value={title} set={setTitle} focus need />
    <Input label={t('awareAt')} type="datetime-local" value={touched ? aware : localTime(now)} set={v => { setAware(v); touch(true); }} need />
    <fieldset><legend>{t('packs')}</legend>{valid.map(p => <label key={p.id} class="check"><input type="checkbox" checked={chosen?.includes(p.id) ?? false}
      onChange={e => choose(e.currentTarget.checked ? [...(chosen ?? []), p.id] : (chosen ?? []).filter(x => x !== p.id))} /> <bdi>{said(p.title)}</bdi></label>)}</fieldset>
    <label class="check"><input type="checkbox" checked={drill} onChange={e => setDrill(e.currentTarget.checked)} /> {t('isExercise')}</label>
    <Failed text={error || packs.error} />
    <div class="bar"><button type="submit" class="main" disabled={busy}>{t('create')}</button><a class="button" href="/console/incidents">{t('cancel')}</a></div>
  </form>;
}
