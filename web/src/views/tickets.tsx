// Monitoring tickets: the list, and one with what matched; a disposition is one key.
import { useEffect, useState } from 'preact/hooks';
import { drop, get, part, post, session } from '../api';
import { useKeys } from '../keys';
import { Key, t, when, word, words } from '../lang';
import { go, route } from '../route';
import { useSignal } from '../signal';
import { Area, Choice, Empty, Failed, Heading, Input, pulse, Table, tell, Time, Tlp, useData, why } from '../ui';
import type { IncidentView, TicketRow } from './types';

const STATES = ['active', 'open', 'in-progress', 'closed', ''];
interface Page { tickets: TicketRow[]; last?: number; more: boolean }
interface Ref { id?: string; title?: string; name?: string }
interface Ticket extends TicketRow { description: string; victim?: { name: string }; rules?: (Ref | string)[]; techniques?: (Ref | string)[]; indicators?: (Ref | string)[]; closed_by?: string; closed?: string }
interface Alert { row: number; at: string; input: string; observable: string; indicator: string; rule: string; level: string; where: string; hits: number; detail: Record<string, unknown> }
const DISPOSITIONS: [string, Key][] = [['false-positive', 'falsePositive'], ['confirmed', 'confirmed'], ['undetermined', 'undetermined']];

const w = words({
  held: '抑制中的比對', noHeld: '目前沒有抑制任何比對。', noHeldTeach: '以「誤判」結案時選擇範圍與期限，相同的比對便不再開單；到期自動恢復。', scope_rule: '此規則', 'scope_rule+host': '此規則於此主機', 'scope_rule+value': '此規則比對此值', scope_indicator: '此指標', 'scope_indicator+host': '此指標於此主機', until: '至（自訂）',
  scope: '範圍', ends: '到期', by: '建立者', count: '已抑制', stop: '解除', stopped: '已解除抑制', take: '由我承辦', taken: '已由您承辦', custom: '自訂期限', add: '加註', noted: '已加註',
}, {
  held: 'Held back', noHeld: 'Nothing is held back.', noHeldTeach: 'Close a ticket as a false positive with a scope and an end: the same matches raise none until then.', scope_rule: 'This rule', 'scope_rule+host': 'This rule on this host', 'scope_rule+value': 'This rule with this value', scope_indicator: 'This indicator', 'scope_indicator+host': 'This indicator on this host', until: 'Until (own choice)',
  scope: 'Scope', ends: 'Ends', by: 'By', count: 'Held back', stop: 'Hold back no longer', stopped: 'No longer held back', take: 'Take it', taken: 'It is yours', custom: 'Until a day', add: 'Add a note', noted: 'Noted',
});

export function Tickets({ id }: { id: string }) {
  const held = useSignal(route).query.get('show') === 'held';
  return held && !id ? <Held /> : id ? <One number={id} /> : <List />;
}

function List() {
  const q = useSignal(route).query, beat = useSignal(pulse), state = q.get('state') ?? 'active';
  const base = '/tickets?limit=500' + (state ? '&state=' + encodeURIComponent(state) : '');
  const [pages, set] = useState<{ base: string; list: Page[]; error?: string }>({ base: '', list: [] });
  const load = (list: Page[]) => {
    const last = list[list.length - 1];
    if (last && !last.more) return;
    get<Page>(base + (last ? '&before=' + last.last : ''), beat !== '').then(p => set({ base, list: [...list, p] }), e => set({ base, list, error: why(e) }));
  };
  useEffect(() => load([]), [base, beat]);
  const rows = pages.base === base ? pages.list.flatMap(p => p.tickets) : [];
  return <>
    <Heading text={t('tickets')}><a class="button" href="/console/tickets?show=held">{w('held')}</a></Heading>
    <div class="bar"><Choice label={t('state')} value={state} set={v => go('/console/tickets' + (v === 'active' ? '' : '?state=' + v), true)} options={STATES.map(s => [s, s ? word(s) : t('all')])} />
      <span class="muted grow" aria-live="polite">{t('rows', rows.length)}</span></div>
    <Failed text={pages.error} />
    {pages.base === base && rows.length === 0 && !pages.error && <Empty title={t('noTickets')} teach={t('noTicketsTeach')} />}
    {rows.length > 0 && <Table label={t('tickets')} rows={rows} id={r => r.number} link={r => '/console/tickets/' + part(r.number)} end={() => load(pages.list)} columns={[
      { name: 'number', cell: r => r.number }, { name: 'title', cell: r => r.title, wide: true }, { name: 'host', cell: r => r.host }, { name: 'hits', cell: r => r.hits },
      { name: 'state', cell: r => r.disposition ? disposition(r.disposition) : word(r.state) }, { name: 'assignee', cell: r => r.assignee }, { name: 'last', cell: r => <Time at={r.end} /> },
    ]} />}
  </>;
}

interface Suppression { row: number; scope: string; rule?: string; indicator?: string; host?: string; value?: string; until: string; created_by?: string; ticket?: string; note?: string; held: number }

/** What is held back, until when, and how much of it. */
function Held() {
  const got = useData<{ suppressions: Suppression[] }>('/suppressions'), [error, setError] = useState('');
  useKeys({ u: () => go('/console/tickets') });
  const stop = (s: Suppression) => drop('/suppressions/' + s.row).then(() => { tell(w('stopped')); got.again(); }, e => setError(why(e)));
  return <>
    <p class="crumb"><a href="/console/tickets">{t('tickets')}</a></p>
    <Heading text={w('held')} />
    <Failed text={error || got.error} />
    {got.data?.suppressions.length === 0 && <Empty title={w('noHeld')} teach={w('noHeldTeach')} />}
    {got.data && got.data.suppressions.length > 0 && <div class="scroll low" tabIndex={0} role="region" aria-label={w('held')}><table>
      <thead><tr>{[w('scope'), t('rule'), t('host'), w('ends'), w('by'), w('count'), ''].map((x, i) => <th key={i} scope="col">{x || <span class="hidden">{w('stop')}</span>}</th>)}</tr></thead>
      <tbody>{got.data.suppressions.map(s => <tr key={s.row}><td>{w(('scope_' + s.scope) as 'scope_rule')}</td><td>{s.rule ? <a href={'/console/rules/' + part(s.rule)}><bdi>{s.rule}</bdi></a> : <bdi>{s.indicator}</bdi>}{s.value && <> = <bdi>{s.value}</bdi></>}</td><td><bdi>{s.host}</bdi></td>
        <td><Time at={s.until} /></td><td><bdi>{s.created_by}</bdi>{s.ticket && <> · <a href={'/console/tickets/' + part(s.ticket)}>{s.ticket}</a></>}</td><td>{s.held}</td><td><button type="button" onClick={() => stop(s)}>{w('stop')}</button></td></tr>)}</tbody></table></div>}
  </>;
}

function disposition(id: string): string {
  const found = DISPOSITIONS.find(d => d[0] === id);
  return found ? t(found[1]) : id;
}

/** The text of an event with what matched marked in it. */
function Marked({ text, parts }: { text: string; parts: string[] }) {
  const wanted = parts.filter(p => p.length > 1), lower = text.toLowerCase(), out = [];
  for (let at = 0; at < text.length;) {
    const next = wanted.map(p => [lower.indexOf(p.toLowerCase(), at), p.length]).filter(x => x[0] >= 0).sort((a, b) => a[0] - b[0])[0];
    if (!next) {
      out.push(text.slice(at));
      break;
    }
    out.push(text.slice(at, next[0]), <mark key={next[0]}>{text.slice(next[0], next[0] + next[1])}</mark>);
    at = next[0] + next[1];
  }
  return <pre tabIndex={0}><bdi>{out}</bdi></pre>;
}

/** Every text below: a rule tells what matched as lists of fields and values. */
function texts(v: unknown): string[] {
  if (typeof v === 'string') return [v];
  return v && typeof v === 'object' ? Object.values(v).flatMap(texts) : [];
}

/** An event as one line a field: what an analyst reads, and what a rule's fields name. */
function lines(v: unknown, path = ''): string[] {
  if (v === null || typeof v !== 'object') return [`${path}: ${v}`];
  return Object.entries(v).flatMap(([k, x]) => lines(x, path ? `${path}.${k}` : k));
}

function shown(event: unknown): string {
  if (typeof event !== 'string') return lines(event).join('\n');
  try {
    const v: unknown = JSON.parse(event);
    return v && typeof v === 'object' ? lines(v).join('\n') : event;
  } catch {
    return event;
  }
}

interface Detail { event?: unknown; raw?: unknown; title?: string; fields?: { name: string; value: string }[]; matched?: unknown }

function AlertCard({ a }: { a: Alert }) {
  const { event, raw, fields, ...rest } = (a.detail ?? {}) as Detail, body = event ?? raw;
  const parts = [a.observable, ...(fields ?? []).map(f => f.value), ...texts(rest.matched)].filter(Boolean);
  return <li>
    <div><strong><bdi>{rest.title || a.rule || a.observable || a.indicator}</bdi></strong> <span class="muted">{when(a.at)} · <bdi>{a.where}</bdi> · <bdi>{a.input}</bdi> · {t('hits')} {a.hits}</span></div>
    {a.indicator && <p><a href={'/console/intelligence/' + part(a.indicator)}>{t('indicator')}: <bdi>{a.observable || a.indicator}</bdi></a></p>}
    {fields && fields.length > 0 && <p>{t('whatMatched')}: {fields.map(f => <code key={f.name + f.value}><bdi>{f.name}</bdi> = <mark><bdi>{f.value}</bdi></mark> </code>)}</p>}
    {body !== undefined && <Marked text={shown(body)} parts={parts} />}
    <details><summary>{t('raw')}</summary><Marked text={JSON.stringify(rest, null, 1)} parts={parts} /></details>
  </li>;
}

function name(r: Ref | string): string {
  return typeof r === 'string' ? r : r.title || r.name || r.id || '';
}

function Refs({ label, list, to }: { label: Key; list?: (Ref | string)[]; to?: 'rules' | 'intelligence' }) {
  if (!list?.length) return null;
  return <div><dt>{t(label)}</dt><dd>{list.map((r, i) => {
    const id = typeof r === 'string' ? r : r.id ?? '';
    return <div key={i}>{to && id ? <a href={`/console/${to}/${part(id)}`}><bdi>{name(r)}</bdi></a> : <bdi>{name(r)}</bdi>}</div>;
  })}</dd></div>;
}

function One({ number }: { number: string }) {
  const path = '/tickets/' + part(number), got = useData<Ticket>(path), alerts = useData<{ alerts: Alert[] }>(path + '/alerts');
  const [note, setNote] = useState(''), [hold, setHold] = useState(''), [scope, setScope] = useState(''), [day, setDay] = useState(''), [busy, setBusy] = useState(false), [error, setError] = useState('');
  const v = got.data;
  async function doing(what: () => Promise<unknown>, says: string) {
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      await what();
      tell(says);
      got.again();
    } catch (e) {
      setError(why(e));
    }
    setBusy(false);
  }
  const open = v && v.state !== 'closed', scopes = v?.rules?.length ? ['rule+host', 'rule', 'rule+value'] : ['indicator+host', 'indicator'], me = session.get()?.user ?? '';
  const take = () => open && v.assignee !== me && doing(() => post(path + '/assign', { to: me }), w('taken'));
  const addNote = () => note.trim() && doing(async () => { await post(path + '/note', { note }); setNote(''); }, w('noted'));
  const dispose = ([id, key]: [string, Key]) => open && doing(() => post(path + '/close', { disposition: id, ...(note ? { note } : {}),
    ...(id === 'false-positive' && hold && (hold !== 'day' || day) ? { scope: scope || scopes[0], ...(hold === 'day' ? { until: day } : { for: hold }) } : {}) }), t('disposed', t(key)));
  const reopen = () => v && !open && doing(() => post(path + '/reopen', {}), t('reopened'));
  const raise = () => doing(async () => {
    const made = await post<IncidentView>(path + '/incident', {});
    go('/console/incidents/' + part(made.number));
  }, t('stored'));
  useKeys({ 1: () => dispose(DISPOSITIONS[0]), 2: () => dispose(DISPOSITIONS[1]), 3: () => dispose(DISPOSITIONS[2]), o: () => reopen(), m: () => take(), u: () => go('/console/tickets') });
  if (!v) return <>{got.error ? <Failed text={got.error} /> : <p class="muted">{t('loading')}</p>}</>;
  return <>
    <p class="crumb"><a href="/console/tickets">{t('tickets')}</a></p>
    <Heading text={`${v.number} ${v.title}`}><span class="tag">{v.disposition ? disposition(v.disposition) : word(v.state)}</span><Tlp of={v.tlp} /></Heading>
    <section class="card form" aria-label={t('disposition')}>
      {open ? <>
        <Area label={t('ticketNote')} value={note} set={setNote} />
        <Choice label={t('suppressFor')} value={hold} set={setHold} options={[['', t('noSuppress')], ['1d', t('days', 1)], ['7d', t('days', 7)], ['30d', t('days', 30)], ['day', w('custom')]]} />
          {hold === 'day' && <Input label={w('until')} type="date" value={day} set={setDay} />}
          {hold && <Choice label={t('scope')} value={scope || scopes[0]} set={setScope} options={scopes.map(s => [s, w(('scope_' + s) as 'scope_rule')])} />}
        <div class="bar">{DISPOSITIONS.map((d, i) => <button key={d[0]} type="button" disabled={busy} onClick={() => dispose(d)}>{t(d[1])} <kbd>{i + 1}</kbd></button>)}
          <button type="button" disabled={busy} onClick={raise}>{t('raise')}</button>{v.assignee !== me && <button type="button" disabled={busy} onClick={take}>{w('take')} <kbd>m</kbd></button>}
          {note.trim() && <button type="button" disabled={busy} onClick={addNote}>{w('add')}</button>}</div>
      </> : <div class="bar"><span class="grow">{t('disposed', disposition(v.disposition))} {v.closed_by && <bdi>({v.closed_by}, {when(v.closed)})</bdi>}</span>
        <button type="button" disabled={busy} onClick={reopen}>{t('reopen')} <kbd>o</kbd></button></div>}
      <Failed text={error} />
    </section>
    <dl class="facts">
      <div><dt>{t('host')}</dt><dd><bdi>{v.host}</bdi></dd></div><div><dt>{t('hits')}</dt><dd>{v.hits}</dd></div>
      <div><dt>{t('first')}</dt><dd><Time at={v.start} /></dd></div><div><dt>{t('last')}</dt><dd><Time at={v.end} /></dd></div>
      <div><dt>{t('victim')}</dt><dd><bdi>{v.victim?.name}</bdi></dd></div><div><dt>{t('assignee')}</dt><dd><bdi>{v.assignee}</bdi></dd></div>
      <Refs label="rules" list={v.rules} to="rules" /><Refs label="techniques" list={v.techniques} /><Refs label="indicators" list={v.indicators} to="intelligence" />
    </dl>
    {v.description && <section><h2>{t('description')}</h2><p class="text"><bdi>{v.description}</bdi></p></section>}
    <section><h2>{t('whatMatched')}</h2><Failed text={alerts.error} /><ol class="timeline">{alerts.data?.alerts.map(a => <AlertCard key={a.row} a={a} />)}</ol></section>
  </>;
}
