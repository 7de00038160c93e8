// Who did what and when, and whether the chain of facts is whole.
import { useEffect, useState } from 'preact/hooks';
import { get, part, post, session } from '../api';
import { t, words } from '../lang';
import { go, route } from '../route';
import { Searches } from '../searches';
import { useSignal } from '../signal';
import { Empty, Failed, Heading, Input, Table, Time, useData, why } from '../ui';

const w = words({
  auditWho: '何人', auditWhat: '何事（類別開頭）', auditAbout: '對象', auditText: '內容', auditSince: '自', auditUntil: '至', verifyChain: '驗證事實鏈',
  chainGood: '{0} 筆事實完整無誤。', chainBad: '第 {0} 筆有問題：{1}', noFacts: '沒有符合的事實。', noFactsTeach: '每次登入、變更、揭露與處置都記錄於此，且不可更改。',
}, {
  auditWho: 'Who', auditWhat: 'What (kind begins with)', auditAbout: 'About what', auditText: 'Text', auditSince: 'From', auditUntil: 'To',
  verifyChain: 'Verify the chain', chainGood: '{0} facts are whole.', chainBad: 'Fact {0} is wrong: {1}', noFacts: 'No such fact.',
  noFactsTeach: 'Each sign-in, change, release and disposition is here, and nothing can be changed.',
});

interface Fact { seq: number; at: string; kind: string; actor: string; subject: string; body: unknown; hash: string }
interface Page { facts: Fact[]; more: boolean }
interface Verdict { good: boolean; checked: number; first_bad?: number; what?: string }
const FIELDS = ['who', 'what', 'about', 'text', 'since', 'until'] as const;

function One({ seq }: { seq: number }) {
  const got = useData<Page>(`/audit?limit=1&before=${seq + 1}`), f = got.data?.facts[0];
  return <><p class="crumb"><a href={'/console/audit' + location.search}>← {t('audit')}</a></p><Heading text={`${t('audit')} ${seq}`} /><Failed text={got.error} />
    {f && <><dl class="facts"><div><dt>{t('when')}</dt><dd><Time at={f.at} /></dd></div><div><dt>{w('auditWhat')}</dt><dd><code>{f.kind}</code></dd></div><div><dt>{w('auditWho')}</dt><dd><bdi>{f.actor}</bdi></dd></div>
      <div><dt>{w('auditAbout')}</dt><dd><bdi>{f.subject}</bdi></dd></div></dl><pre>{JSON.stringify(f.body, null, 1)}</pre><p class="muted">SHA-256 <code>{f.hash}</code></p></>}</>;
}

function Verify() {
  const [verdict, set] = useState<Verdict>(), [error, setError] = useState(''), [busy, setBusy] = useState(false);
  async function run() {
    setBusy(true);
    setError('');
    try {
      set(await post<Verdict>('/audit/verify'));
    } catch (x) {
      setError(why(x));
    }
    setBusy(false);
  }
  return <div class="verify"><button type="button" onClick={run} disabled={busy}>{w('verifyChain')}</button> <Failed text={error} />
    {verdict && <p role="status" class={verdict.good ? 'good' : 'bad'}>{verdict.good ? w('chainGood', verdict.checked) : w('chainBad', verdict.first_bad ?? 0, verdict.what ?? '')}</p>}</div>;
}

function Log() {
  const r = useSignal(route), wanted = new URLSearchParams(FIELDS.flatMap(f => r.query.get(f) ? [[f, r.query.get(f)!]] : []));
  const [form, setForm] = useState(() => Object.fromEntries(FIELDS.map(f => [f, r.query.get(f) ?? ''])) as Record<string, string>);
  useEffect(() => setForm(Object.fromEntries(FIELDS.map(f => [f, r.query.get(f) ?? '']))), [wanted.toString()]);
  const first = useData<Page>(`/audit?${wanted}`), [older, setOlder] = useState<{ of: string; facts: Fact[]; more: boolean }>(), key = wanted.toString() + (first.data?.facts[0]?.seq ?? '');
  const mine = older?.of === key ? older : undefined, rows = [...first.data?.facts ?? [], ...mine?.facts ?? []], more = mine ? mine.more : first.data?.more;
  async function next() {
    if (!more || rows.length === 0) return;
    const before = rows[rows.length - 1].seq, page = await get<Page>(`/audit?${wanted}&before=${before}`).catch(() => null);
    if (page) setOlder(o => ({ of: key, facts: [...(o?.of === key ? o.facts : []), ...page.facts.filter(f => f.seq < before)], more: page.more }));
  }
  const send = (e: Event) => {
    e.preventDefault();
    go('/console/audit?' + new URLSearchParams(Object.entries(form).filter(([, v]) => v)));
  };
  return <>
    <Heading text={t('audit')}><a class="button" download href={`/api/v1/audit?format=csv&${wanted}`}>CSV</a></Heading>
    <Verify />
    <form class="bar" role="search" onSubmit={send}>{([['who', 'auditWho'], ['what', 'auditWhat'], ['about', 'auditAbout'], ['text', 'auditText']] as const).map(([f, label]) =>
      <Input key={f} label={w(label)} value={form[f]} set={v => setForm({ ...form, [f]: v })} />)}
      {(['since', 'until'] as const).map(f => <Input key={f} type="date" label={w(f === 'since' ? 'auditSince' : 'auditUntil')} value={form[f]} set={v => setForm({ ...form, [f]: v })} />)}
      <button type="submit" class="main">{t('search')}</button></form>
    <Searches view="audit" />
    <Failed text={first.error} />
    {!first.data && !first.error && <p class="muted">{t('loading')}</p>}
    {first.data && rows.length === 0 && <Empty title={w('noFacts')} teach={w('noFactsTeach')} />}
    {rows.length > 0 && <Table<Fact> label={t('audit')} rows={rows} id={f => String(f.seq)} link={f => `/console/audit/${part(String(f.seq))}${location.search}`} end={next} columns={[
      { name: 'number', cell: f => f.seq }, { name: 'when', cell: f => <Time at={f.at} /> }, { name: 'auditWhat', title: w('auditWhat'), cell: f => f.kind }, { name: 'auditWho', title: w('auditWho'), cell: f => f.actor }, { name: 'auditAbout', title: w('auditAbout'), cell: f => f.subject, wide: true }]} />}
  </>;
}

export function Audit({ id }: { id: string }) {
  const s = useSignal(session)!;
  if (s.role !== 'admin') return <><Heading text={t('audit')} /><Empty title={t('adminOnly')} teach="" /></>;
  return /^\d+$/.test(id) ? <One seq={Number(id)} /> : <Log />;
}
