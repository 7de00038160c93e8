// Nodes above, below and beside, how they are, and what became of what was sent to them; and this one.
import { useEffect, useState } from 'preact/hooks';
import { get, part, session } from '../api';
import { Key, said, span, t, word, words } from '../lang';
import { useSignal } from '../signal';
import { Empty, Failed, Heading, Time, Tlp, useData } from '../ui';
import type { Words } from './types';

const w = words({
  tree: '聯防體系', here: '本節點', heard: '有回應', silent: '失聯', unknown: '尚未回應', for: '已 {0}', numbers: '事件 {0}、未結案 {1}、逾時時限 {2}', board: '失聯成員看板', receipts: '最近發布的警訊：收件與回覆', none: '尚未發布警訊。', alert: '警訊', answered: '已回覆：{0}', late: '逾期未回', all: '全部警訊',
}, {
  tree: 'The joint defence as seen from here', here: 'this node', heard: 'Heard', silent: 'Silent', unknown: 'Not heard yet', for: 'for {0}', numbers: '{0} incidents, {1} open, {2} late clocks', board: 'Board of silent members', receipts: 'Alerts issued lately: receipts and answers', none: 'No alert was issued yet.', alert: 'Alert', answered: 'Answered: {0}', late: 'No answer in time', all: 'All alerts',
});

interface Peer { name: string; relation: string; url?: string; tlp_max?: string; disabled?: boolean; last_ok?: string; last_error?: string; links?: unknown[] }
interface Status { name: string; tier: string; identity: string; started?: string; cert_sha256?: string; store?: { engine: string; objects: number; bytes_on_disk: number; disk_full: boolean };
  roles?: { role: string; pid: number; fences: string }[]; inputs?: { name: string; lines?: number; error?: string }[] }
interface Board { rows: { key: string; name: string; cells: { value: string | number | null }[] }[] }
interface Receipt { to: string; state: string; answered?: string; late?: boolean; disposition_name?: Words }
interface Alert { id: string; number: string; title: string; tlp: string; recipients: Receipt[] }
const SILENT = 15 * 60e3, LATEST = 8;

function State({ of, since }: { of: 'heard' | 'silent' | 'unknown'; since?: string | null }) {
  return <><span class={'verdict v-' + (of === 'heard' ? 'met' : of === 'silent' ? 'breached' : 'void')}>{w(of)}</span>{since && <small> <Time at={since} />{of === 'silent' && ' · ' + w('for', span(Date.now() - Date.parse(since)))}</small>}</>;
}

/** A node that we call: what came of it the last time. */
function Called({ p }: { p: Peer }) {
  const state = p.disabled || !p.last_ok ? 'unknown' : Date.now() - Date.parse(p.last_ok) < SILENT ? 'heard' : 'silent';
  return <><strong><bdi>{p.name}</bdi></strong> <span class="tag">{word(p.relation)}</span> {p.disabled ? <span class="tag">{t('disabled')}</span> : <State of={state} since={p.last_ok} />} <Tlp of={p.tlp_max} />
    {p.last_error && <p class="bad"><bdi>{p.last_error}</bdi></p>}</>;
}

/** Parents above, what is below by what it was heard of, partners beside. */
function Tree({ status }: { status: Status }) {
  const admin = useSignal(session)!.role === 'admin', peers = useData<{ peers: Peer[] }>(admin ? '/peers' : null), board = useData<Board>('/boards/members');
  const list = peers.data?.peers ?? [], above = list.filter(p => p.relation === 'parent'), beside = list.filter(p => p.relation === 'partner'), below = board.data?.rows.filter(r => r.key !== status.identity) ?? [];
  const unheard = list.filter(p => p.relation === 'child' && p.disabled);
  const here = <li class="here"><strong><bdi>{status.name}</bdi></strong> <span class="tag">{word(status.tier)}</span> {w('here')}
    {below.length + unheard.length > 0 && <ul>{below.map(r => {
      const [state, heard, , incidents, open, late] = r.cells.map(c => c.value);
      return <li key={r.key}><strong><bdi>{r.name}</bdi></strong> <State of={state === 'heard' || state === 'silent' ? state : 'unknown'} since={heard as string | null} /> <span class="muted">{w('numbers', incidents ?? 0, open ?? 0, late ?? 0)}</span></li>;
    })}{unheard.map(p => <li key={p.name}><Called p={p} /></li>)}</ul>}</li>;
  return <section><h2>{w('tree')} <a class="small" href="/console/boards/members">{w('board')}</a></h2><Failed text={peers.error ?? board.error} />
    <ul class="nodes">{above.length > 0 ? above.map((p, i) => <li key={p.name}><Called p={p} />{i === above.length - 1 && <ul>{here}</ul>}</li>) : here}
      {beside.map(p => <li key={p.name}><Called p={p} /></li>)}</ul>
    {!admin && <p class="muted">{t('adminOnly')}</p>}
    {board.data && below.length + list.length === 0 && <Empty title={t('noPeers')} teach={t('noPeersTeach')} />}</section>;
}

/** Who got, read and answered the alerts issued last. */
function Receipts() {
  const sent = useData<{ bulletins: { id: string }[] }>(`/bulletins?direction=out&limit=${LATEST}`), [list, set] = useState<Alert[]>(), ids = sent.data?.bulletins.map(b => b.id).join(' ');
  useEffect(() => {
    if (ids === undefined) return;
    let gone = false;
    Promise.all(ids.split(' ').filter(Boolean).map(id => get<Alert>('/bulletins/' + part(id), true))).then(all => { if (!gone) set(all); }, () => undefined);
    return () => { gone = true; };
  }, [ids, sent.data]);
  return <section><h2>{w('receipts')} <a class="small" href="/console/alerts?show=out">{w('all')}</a></h2><Failed text={sent.error} />
    {list?.length === 0 && <p class="muted">{w('none')}</p>}
    {list && list.length > 0 && <div class="scroll low receipts" tabIndex={0} role="region" aria-label={w('receipts')}><table><thead><tr><th scope="col">{w('alert')}</th><th scope="col">{t('organisation')}</th><th scope="col">{t('state')}</th></tr></thead>
      <tbody>{list.flatMap(a => (Array.isArray(a.recipients) ? a.recipients : []).map((r, i) => <tr key={a.id + r.to}><td>{i === 0 && <a href={'/console/alerts/' + part(a.id)}><bdi>{a.number} {a.title}</bdi></a>}</td><td><bdi>{r.to}</bdi></td>
        <td><span class={'verdict ' + (r.answered ? 'v-met' : r.late ? 'v-breached' : '')}>{r.answered ? w('answered', said(r.disposition_name)) : r.late ? w('late') : t(('receipt_' + r.state) as Key)}</span></td></tr>))}</tbody></table></div>}</section>;
}

export function Members(_: { id: string }) {
  const status = useData<Status>('/status'), s = status.data;
  return <>
    <Heading text={t('members')} />
    {s && <Tree status={s} />}
    <Receipts />
    <section><h2>{t('thisNode')}</h2><Failed text={status.error} />
      {s && <dl class="facts"><div><dt>{t('organisation')}</dt><dd><bdi>{s.name}</bdi></dd></div><div><dt>{t('relation')}</dt><dd>{word(s.tier)}</dd></div>
        {s.started && <div><dt>{t('started')}</dt><dd><Time at={s.started} /></dd></div>}
        {s.cert_sha256 && <div><dt>{t('fingerprint')}</dt><dd><code>{s.cert_sha256}</code></dd></div>}
        {s.store && <div><dt>{t('storage')}</dt><dd>{s.store.engine} · {t('objects')} {s.store.objects.toLocaleString()} · {(s.store.bytes_on_disk / 1e6).toFixed(1)} MB</dd></div>}</dl>}
      {s?.roles && <><h3>{t('roles')}</h3><ul>{s.roles.map(r => <li key={r.role}><strong><bdi>{r.role}</bdi></strong> <code class="muted"><bdi>{r.fences}</bdi></code></li>)}</ul></>}
      {s?.inputs && s.inputs.length > 0 && <><h3>{t('inputs')}</h3><ul>{s.inputs.map(i => <li key={i.name}><bdi>{i.name}</bdi> {t('lines')} {i.lines} <span class="bad"><bdi>{i.error}</bdi></span></li>)}</ul></>}
    </section>
  </>;
}
