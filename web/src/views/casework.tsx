// What an incident asks for in writing: the forms of its law, and letters between those who work on it.
import { useEffect, useState } from 'preact/hooks';
import { part, post, raw, skew } from '../api';
import { said, t, word, words } from '../lang';
import { go } from '../route';
import { Area, Choice, Failed, Field, Input, instant, localTime, tell, Time, useData, why } from '../ui';
import type { Fact, Words } from './types';

const w = words({
  forms: '報告與表單', complete: '已備妥', missing: '尚缺 {0} 項', edit: '填寫', print: '列印用頁面', required: '必填', from: '由事實自動帶入', save: '儲存', saved: '已儲存 {0} 項', unsaved: '有 {0} 項尚未儲存', state: '送交：{0}', stated: '已送交：{0}', stillMissing: '送交前尚缺：{0}', back: '返回事件', none: '適用法規沒有表單。',
  letters: '往來紀錄', noLetters: '尚無往來。支援派遣、請求與回覆會依序列在這裡。', write: '新增往來', to: '對象', until: '期限', reason: '理由', what: '種類', acknowledge: '確認收到', completed: '完成', awaits: '待回覆', done: '已完成：{0}', got: '已確認：{0}', send: '送出', sent: '已送出：{0}',
  action: '事項', a_dispatch: '調度', a_coordinate: '協調', a_direct: '督導', a_warn: '預警', a_forensic_request: '鑑識請求', f_dispatched: '派遣支援', f_requested: '請求展延', f_extended: '同意展延', f_decided: '不同意展延', f_warned: '警示他人', f_returned: '退回補正', f_meeting: '會議紀錄', f_acknowledged: '確認收到', f_completed: '完成支援', f_forwarded: '轉送', f_reviewed: '審核', f_rereviewed: '覆核', f_accepted: '同意',
}, {
  forms: 'Reports and forms', complete: 'Complete', missing: '{0} missing', edit: 'Fill in', print: 'For printing', required: 'required', from: 'Filled in from the facts', save: 'Store', saved: '{0} stored', unsaved: '{0} not stored yet', state: 'Send: {0}', stated: 'Sent: {0}', stillMissing: 'Missing before it is sent: {0}', back: 'Back to the incident', none: 'Its law asks for no form.',
  letters: 'Correspondence', noLetters: 'Nothing yet. Help dispatched, requests and answers stand here in their order.', write: 'Write', to: 'To', until: 'Until', reason: 'Reason', what: 'What', acknowledge: 'Acknowledge', completed: 'Completed', awaits: 'Waits for an answer', done: 'Completed: {0}', got: 'Acknowledged: {0}', send: 'Send', sent: 'Sent: {0}',
  action: 'Action', a_dispatch: 'Dispatch', a_coordinate: 'Coordinate', a_direct: 'Direct', a_warn: 'Warn', a_forensic_request: 'Forensic request', f_dispatched: 'Dispatch help', f_requested: 'Ask for more time', f_extended: 'Grant more time', f_decided: 'Refuse more time', f_warned: 'Warn others', f_returned: 'Return for correction', f_meeting: 'Minutes of a meeting', f_acknowledged: 'Acknowledged', f_completed: 'Help completed', f_forwarded: 'Forwarded', f_reviewed: 'Reviewed', f_rereviewed: 'Re-reviewed', f_accepted: 'Accepted',
});

interface FormRow { form: string; pack: string; title: Words; facts: string[]; missing: number; complete: boolean }
interface Entry { id: string; title: Words; hint?: Words; required: boolean; missing: boolean; entry: string; value: string; parts?: Entry[] }
interface Filled { form: string; pack: string; title: Words; source: string; facts: string[]; fields: Entry[]; missing: string[]; complete: boolean }

export function Reports({ number }: { number: string }) {
  const got = useData<{ forms: FormRow[] }>(`/incidents/${part(number)}/forms`);
  return <section><h2>{w('forms')}</h2><Failed text={got.error} />
    {got.data?.forms.length === 0 && <p class="muted">{w('none')}</p>}
    <ul class="clocks">{got.data?.forms.map(f => <li key={f.pack + f.form}><strong><bdi>{said(f.title)}</bdi></strong> <span class={'verdict ' + (f.complete ? 'v-met' : '')}>{f.complete ? w('complete') : w('missing', f.missing)}</span>
      <span class="grow" /><a class="button" href={`/console/incidents/${part(number)}?form=${part(f.form)}&pack=${part(f.pack)}`}>{w('edit')}</a>
      <a class="button" target="_blank" rel="noopener" href={`/api/v1/incidents/${part(number)}/forms/${part(f.form)}?format=html&pack=${part(f.pack)}`}>{w('print')}</a></li>)}</ul></section>;
}

function Cell({ e, typed, type }: { e: Entry; typed: Record<string, string>; type: (entry: string, text: string) => void }) {
  const label = said(e.title) + (e.required ? ` (${w('required')})` : ''), hint = [said(e.hint), e.value && !e.entry ? w('from') : ''].filter(Boolean).join(' · ');
  // One that has parts is filled in by them.
  if (e.parts?.length && !e.value) return <fieldset><legend>{label}</legend>{hint && <p class="muted">{hint}</p>}{e.parts.map(p => <Cell key={p.id} e={p} typed={typed} type={type} />)}</fieldset>;
  return <Field label={label} hint={hint}>{(id, about) => <textarea id={id} aria-describedby={about} aria-invalid={e.missing && !typed[e.entry]} readOnly={!e.entry} rows={Math.min(8, Math.max(2, Math.ceil((typed[e.entry] ?? e.value).length / 60)))}
      value={typed[e.entry] ?? e.value} onInput={x => type(e.entry, x.currentTarget.value)} />}</Field>;
}

/** A form as its law has it: what the facts say stands there already, the rest is typed; stored whole or not at all. */
export function Report({ number, form, pack, changed }: { number: string; form: string; pack: string; changed: () => void }) {
  const base = `/incidents/${part(number)}`, got = useData<Filled>(`${base}/forms/${part(form)}${pack ? '?pack=' + part(pack) : ''}`);
  const [typed, setTyped] = useState<Record<string, string>>({}), [busy, setBusy] = useState(false), [error, setError] = useState(''), open = Object.keys(typed).length;
  useEffect(() => {
    const stay = (e: BeforeUnloadEvent) => { if (open) e.preventDefault(); };
    addEventListener('beforeunload', stay);
    return () => removeEventListener('beforeunload', stay);
  }, [open > 0]);
  const f = got.data;
  if (!f) return got.error ? <Failed text={got.error} /> : <p class="muted">{t('loading')}</p>;
  const names = new Map(f.fields.map(x => [x.id, said(x.title)]));
  async function doing(what: () => Promise<unknown>, says: string) {
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      await what();
      tell(says);
      got.again();
      changed();
    } catch (e) {
      setError(why(e));
    }
    setBusy(false);
  }
  const save = () => doing(async () => {
    await post(base + '/entries', { entries: Object.fromEntries(Object.entries(typed).map(([k, v]) => [k, raw(v)])) });
    setTyped({});
  }, w('saved', open));
  const send = (type: string) => doing(() => post(base + '/facts', { id: 'f-' + crypto.randomUUID(), type }), w('stated', word(type, 'fact_')));
  return <section class="card report" aria-label={said(f.title)}>
    <h2><bdi>{said(f.title)}</bdi> <small><bdi>{f.source}</bdi></small></h2>
    <form onSubmit={e => { e.preventDefault(); if (open) void save(); }}>
      {f.fields.map(e => <Cell key={e.id} e={e} typed={typed} type={(entry, text) => setTyped(x => ({ ...x, [entry]: text }))} />)}
      <p role="status" class={f.complete && !open ? 'good' : 'muted'}>{open > 0 && w('unsaved', open)} {f.complete ? !open && w('complete') : w('stillMissing', f.missing.map(m => names.get(m) ?? m).join('、'))}</p>
      <Failed text={error} />
      <div class="bar"><button type="submit" class="main" disabled={busy || open === 0}>{w('save')}</button>
        {f.facts.map(type => <button key={type} type="button" disabled={busy || open > 0 || !f.complete} onClick={() => send(type)}>{w('state', word(type, 'fact_'))}</button>)}
        <button type="button" onClick={() => go('/console/incidents/' + part(number))}>{w('back')}</button></div>
    </form>
  </section>;
}

const KINDS = ['dispatched', 'requested', 'extended', 'decided', 'warned', 'returned', 'meeting'] as const;
/** What the law's offices ask of each other (words.actions of the packs). */
const ACTIONS = ['dispatch', 'coordinate', 'direct', 'warn', 'forensic_request'];
const LETTERS = [...KINDS, 'acknowledged', 'completed', 'forwarded', 'reviewed', 'rereviewed', 'accepted'] as string[];
const WANTS: Record<typeof KINDS[number], string[]> = { dispatched: ['action', 'to', 'until'], requested: [], extended: ['until', 'reason'], decided: ['reason'], warned: ['to'], returned: ['reason'], meeting: [] };

function name(of: unknown): string {
  return Array.isArray(of) ? of.join('、') : typeof of === 'string' ? of : '';
}

/** Who asked whom for what, and whether it was answered. */
export function Letters({ number, facts, changed }: { number: string; facts: Fact[]; changed: () => void }) {
  const [until, setUntil] = useState(() => localTime(Date.now() + skew + 86400e3)), [writing, setWriting] = useState(false), [type, setType] = useState<typeof KINDS[number]>('dispatched'), [more, setMore] = useState<Record<string, string>>({});
  const [id, setId] = useState(() => 'f-' + crypto.randomUUID()), [busy, setBusy] = useState(false), [error, setError] = useState('');
  const list = facts.filter(f => LETTERS.includes(f.type) && !f.withheld), field = (k: string) => ({ value: more[k] ?? '', set: (v: string) => setMore({ ...more, [k]: v }) }), wants = WANTS[type];
  async function state(body: Record<string, unknown>, says: string) {
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      await post(`/incidents/${part(number)}/facts`, body);
      tell(says);
      setWriting(false);
      setMore({});
      setId('f-' + crypto.randomUUID());
      changed();
    } catch (e) {
      setError(why(e));
    }
    setBusy(false);
  }
  const send = () => state({ id, type, ...(type === 'requested' || type === 'decided' ? { stage: 'extension' } : {}), ...(more.note ? { note: raw(more.note) } : {}),
    ...(wants.includes('until') ? { until: instant(until) } : {}), ...Object.fromEntries(wants.filter(k => k !== 'until' && more[k]).map(k => [k, raw(more[k])])) }, w('sent', w(('f_' + type) as 'f_dispatched')));
  const answer = (f: Fact, kind: 'acknowledged' | 'completed') => state({ id: 'f-' + crypto.randomUUID(), type: kind, ref: f.id }, w(('f_' + kind) as 'f_completed'));
  const reply = (f: Fact, kind: string) => facts.find(x => x.type === kind && x.ref === f.id);
  return <section aria-label={w('letters')}><h2>{w('letters')} <small>{list.length || ''}</small> {!writing && <button type="button" onClick={() => setWriting(true)}>{w('write')}</button>}</h2>
    {writing && <form class="card form" onSubmit={e => { e.preventDefault(); void send(); }}>
      <Choice label={w('what')} value={type} set={v => setType(v as typeof type)} options={KINDS.map(k => [k, w(('f_' + k) as 'f_dispatched')])} />
      {wants.includes('action') && <Choice label={w('action')} value={more.action ?? 'dispatch'} set={v => setMore({ ...more, action: v })} options={ACTIONS.map(a => [a, w(('a_' + a) as 'a_direct')])} />}
      {wants.includes('to') && <Input label={w('to')} {...field('to')} need={type === 'dispatched'} />}
      {wants.includes('until') && <Input label={w('until')} type="datetime-local" value={until} set={setUntil} need />}
      {wants.includes('reason') && <Area label={w('reason')} {...field('reason')} need />}
      <Area label={t('note')} {...field('note')} />
      <div class="bar"><button type="submit" class="main" disabled={busy}>{w('send')}</button><button type="button" onClick={() => setWriting(false)}>{t('cancel')}</button></div>
    </form>}
    <Failed text={error} />
    {list.length === 0 && !writing && <p class="muted">{w('noLetters')}</p>}
    {list.length > 0 && <ol class="timeline">{list.map(f => { const got = reply(f, 'acknowledged'), done = reply(f, 'completed'); return <li key={f.id}>
      <div><strong>{ACTIONS.includes(String(f.action)) ? w(('a_' + f.action) as 'a_direct') : w(('f_' + f.type) as 'f_dispatched')}</strong> {name(f.to) && <>→ <bdi>{name(f.to)}</bdi></>} <span class="muted">{t('by')} <bdi>{word(String(f.by), 'by_')}</bdi> · <Time at={f.at} /></span></div>
      {[f.reason, f.grounds, f.note].filter(x => typeof x === 'string' && x).map((x, i) => <p key={i} class="text"><bdi>{x as string}</bdi></p>)}
      {typeof f.until === 'string' && <p class="muted">{w('until')} <Time at={f.until} /></p>}
      {f.type === 'dispatched' && <p>{done ? <span class="good">{w('done', done.by)} <Time at={done.at} /></span> : <>{got ? <span>{w('got', got.by)} <Time at={got.at} /></span> : <span class="tag">{w('awaits')}</span>}
        {' '}{!got && <button type="button" disabled={busy} onClick={() => answer(f, 'acknowledged')}>{w('acknowledge')}</button>} <button type="button" disabled={busy} onClick={() => answer(f, 'completed')}>{w('completed')}</button></>}</p>}
    </li>; })}</ol>}
  </section>;
}
