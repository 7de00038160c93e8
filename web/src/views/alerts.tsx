// Alerts that want an answer (ANA, EWA, INT, DEF, FBI): the list, and one with receipts; an answer is one key.
import { useEffect, useState } from 'preact/hooks';
import { get, part, post } from '../api';
import { useKeys } from '../keys';
import { Key, said, t, word } from '../lang';
import { NewAlert, wn } from './alert_new';
import { go, route } from '../route';
import { useSignal } from '../signal';
import { Area, Choice, Empty, Failed, Heading, Left, pulse, Table, tell, Time, Tlp, useData, why } from '../ui';
import type { IncidentRow, Words } from './types';

interface Receipt { to?: string; state: string; queued?: string; sent?: string; received?: string; read?: string; answered?: string; due?: string; late?: boolean; disposition?: string;
  disposition_name?: Words; reason?: string; incident?: string; feedback?: string }
interface Row { id: string; number: string; direction: 'in' | 'out'; origin?: string; came: string; code: string; title: string; tlp: string; impact?: number; exercise: boolean; issued: string; due?: string;
  description?: string; here?: Receipt; recipients: Receipt[] | number; affected?: unknown[]; actions?: unknown[]; references?: unknown[]; observables?: unknown[] }
interface Page { bulletins: Row[]; last?: number }
const ANSWERS: [string, Key][] = [['false-positive', 'falsePositive'], ['confirmed', 'confirmed'], ['undetermined', 'undetermined']];
const PAGE = 200;

export function Alerts({ id }: { id: string }) {
  return id === 'new' ? <NewAlert /> : id ? <One number={id} /> : <List />;
}

function List() {
  const beat = useSignal(pulse), show = useSignal(route).query.get('show') ?? 'open';
  const base = `/bulletins?limit=${PAGE}` + (show === 'open' ? '&open=true' : show === 'all' ? '' : '&direction=' + encodeURIComponent(show));
  const [pages, set] = useState<{ base: string; list: Page[]; error?: string }>({ base: '', list: [] });
  const load = (list: Page[]) => {
    const last = list[list.length - 1];
    if (last && last.bulletins.length < PAGE) return;
    get<Page>(base + (last ? '&before=' + last.last : ''), beat !== '').then(p => set({ base, list: [...list, p] }), e => set({ base, list, error: why(e) }));
  };
  useEffect(() => load([]), [base, beat]);
  const rows = pages.base === base ? pages.list.flatMap(p => p.bulletins) : [];
  return <>
    <Heading text={t('warnings')}><a class="button main" href="/console/alerts/new">{wn('issue')}</a></Heading>
    <div class="bar"><Choice label={t('state')} value={show} set={v => go('/console/alerts' + (v === 'open' ? '' : '?show=' + v), true)}
      options={[['open', t('waitsForAnswer')], ['in', t('cameIn')], ['out', t('issuedHere')], ['all', t('all')]]} /><span class="muted grow" aria-live="polite">{t('rows', rows.length)}</span></div>
    <Failed text={pages.error} />
    {pages.base === base && rows.length === 0 && !pages.error && <Empty title={t('noWarnings')} teach={t('noWarningsTeach')} />}
    {rows.length > 0 && <Table label={t('warnings')} rows={rows} id={r => r.id} link={r => '/console/alerts/' + part(r.id)} end={() => load(pages.list)} columns={[
      { name: 'number', cell: r => r.number }, { name: 'title', cell: r => <>{r.exercise && <span class="tag drill">{t('exercise')}</span>} {r.title}</>, wide: true },
      { name: 'source', cell: r => r.origin ?? t('issuedHere') }, { name: 'tlp', cell: r => <Tlp of={r.tlp} /> }, { name: 'due', cell: r => r.due ? <Left due={r.due} /> : '' }, { name: 'received', cell: r => <Time at={r.came} /> },
    ]} />}
  </>;
}

function answerOf(r: Receipt): string {
  return said(r.disposition_name) || word(r.state, 'receipt_');
}

/** Lists of an alert are of texts or of small objects: one line each. */
function Lines({ label, list }: { label: Key; list?: unknown[] }) {
  if (!list?.length) return null;
  return <section><h2>{t(label)}</h2><ul>{list.map((x, i) => <li key={i}><bdi>{typeof x === 'string' ? x : Object.values(x as object).map(String).join(' · ')}</bdi></li>)}</ul></section>;
}

function One({ number }: { number: string }) {
  const path = '/bulletins/' + part(number), got = useData<Row>(path), [reason, setReason] = useState(''), [incident, setIncident] = useState(''), [busy, setBusy] = useState(false), [error, setError] = useState('');
  const mine = useData<{ incidents: IncidentRow[] }>('/incidents?limit=200&order=newest');
  const v = got.data, open = v?.direction === 'in' && !v.here?.answered;
  async function answer([disposition, key]: [string, Key]) {
    if (busy || !open) return;
    setBusy(true);
    setError('');
    try {
      await post(path + '/answer', { disposition, ...(reason ? { reason } : {}), ...(incident && disposition === 'confirmed' ? { incident } : {}) });
      tell(t('answered', t(key)));
      got.again();
    } catch (e) {
      setError(why(e));
    }
    setBusy(false);
  }
  // Who opened it has read it: the sender's receipt says so. Who may not say so still reads.
  const unread = v?.direction === 'in' && !v.here?.read;
  useEffect(() => { if (unread) post(path + '/read').then(() => got.again(), () => undefined); }, [unread]);
  useKeys({ 1: () => answer(ANSWERS[0]), 2: () => answer(ANSWERS[1]), 3: () => answer(ANSWERS[2]), u: () => go('/console/alerts') });
  if (!v) return <>{got.error ? <Failed text={got.error} /> : <p class="muted">{t('loading')}</p>}</>;
  return <>
    <p class="crumb"><a href="/console/alerts">{t('warnings')}</a></p>
    <Heading text={`${v.number} ${v.title}`}>{v.exercise && <span class="tag drill">{t('exercise')}</span>}<span class="tag">{v.code}</span><Tlp of={v.tlp} />{open && v.due && <Left due={v.due} />}</Heading>
    {open && <section class="card form" aria-label={t('disposition')}>
      <Area label={t('reason')} value={reason} set={setReason} />
      <Choice label={t('whichIncident')} value={incident} set={setIncident} options={[['', '—'], ...(mine.data?.incidents ?? []).map(x => [x.number, `${x.number} ${x.title}`] as [string, string])]} />
      <div class="bar">{ANSWERS.map((a, i) => <button key={a[0]} type="button" disabled={busy} onClick={() => answer(a)}>{t(a[1])} <kbd>{i + 1}</kbd></button>)}</div>
    </section>}
    {v.here?.answered && <p class="good">{t('answered', answerOf(v.here))} <Time at={v.here.answered} /> <bdi>{v.here.reason}</bdi></p>}
    <Failed text={error} />
    {v.description && <p class="text"><bdi>{v.description}</bdi></p>}
    <dl class="facts"><div><dt>{t('source')}</dt><dd><bdi>{v.origin ?? t('issuedHere')}</bdi></dd></div><div><dt>{t('opened')}</dt><dd><Time at={v.issued} /></dd></div>
      <div><dt>{t('received')}</dt><dd><Time at={v.came} /></dd></div><div><dt>{t('due')}</dt><dd>{v.due ? <Time at={v.due} /> : t('none')}</dd></div></dl>
    <Lines label="affected" list={v.affected} /><Lines label="actions" list={v.actions} /><Lines label="indicators" list={v.observables} /><Lines label="references" list={v.references} />
    {Array.isArray(v.recipients) && v.recipients.length > 0 && <section><h2>{t('receipts')}</h2><div class="scroll low" tabIndex={0} role="region" aria-label={t('receipts')}><table>
      <thead><tr>{(['organisation', 'state', 'received', 'last', 'reason'] as Key[]).map(k => <th key={k} scope="col">{t(k)}</th>)}</tr></thead>
      <tbody>{v.recipients.map(r => <tr key={r.to}><td><bdi>{r.to}</bdi></td><td><span class={'verdict ' + (r.answered ? 'v-met' : r.late ? 'v-breached' : '')}>{answerOf(r)}</span></td>
        <td><Time at={r.received} /></td><td><Time at={r.answered ?? r.read} /></td><td><bdi>{r.reason}</bdi></td></tr>)}</tbody></table></div></section>}
  </>;
}
