// What is set at this node, what is usual, and what of it may be changed here.
import { useState } from 'preact/hooks';
import { drop, part, put, session } from '../api';
import { lang, t, words } from '../lang';
import { useSignal } from '../signal';
import { Choice, Dialog, Empty, Failed, Heading, Input, tell, useData, why } from '../ui';
import { MEANINGS } from './settings_words';

const w = words({
  hint: '凸顯者與預設不同。可在此變更的設定有「變更」鈕；路徑、位址、程式、金鑰等僅能在檔案中修改：', usualToo: '也顯示預設值', key: '設定', value: '目前', usual: '預設', change: '變更', second: '此設定會開放、刪除或放寬權限：需另一位管理者核可。',
  atOnce: '立即生效。', atStart: '重新啟動節點後生效。', next: '重新啟動後：{0}', restart: '{0} 項設定已變更，重新啟動節點後生效（systemctl restart lianfang）。', toUsual: '恢復預設（{0}）', saved: '已儲存並立即生效', savedNext: '已儲存，重新啟動後生效',
  waits: '等候第二人核可', undo: '復原', span: '如 90s、15m、2h、1d；0 為無', range: '{0} 至 {1}', done: '{0} 已由 {1} 改為 {2}。', undone: '已復原',
}, {
  hint: 'Marked: not the default. What may be changed here has a button; paths, addresses, programs and keys are changed in this file alone:', usualToo: 'Defaults, too', key: 'Setting', value: 'Set', usual: 'Default', change: 'Change', second: 'This opens, forgets or lets in: another administrator has to approve it.',
  atOnce: 'In force at once.', atStart: 'In force when the node is started again.', next: 'After a restart: {0}', restart: '{0} settings are changed and in force when the node is started again (systemctl restart lianfang).', toUsual: 'Back to the default ({0})', saved: 'Stored and in force', savedNext: 'Stored; in force after a restart',
  waits: 'Waits for a second person', undo: 'Undo', span: 'As 90s, 15m, 2h, 1d; 0 for none', range: '{0} to {1}', done: '{0} was {1} and is {2}.', undone: 'Taken back',
});

interface Setting { section: string; key: string; value: string; usual: string; meaning: string; kind: string; choices?: string; least?: number; most?: number; change: 'file' | 'free' | 'second'; now: boolean; next?: string }
interface Changed { section: string; key: string; value: string; was: string; now: boolean; approval?: string }
const path = (s: { section: string; key: string }) => `/settings/${part(s.section)}/${part(s.key)}`;
const name = (s: { section: string; key: string }) => `[${s.section}] ${s.key}`;
/** What it is for, in the reader's language; in the node's own words where it is newer than these. */
const meaning = (s: Setting) => lang.get() === 'en' ? s.meaning : MEANINGS[s.section + '.' + s.key];

function Form({ s, close, done }: { s: Setting; close: () => void; done: (r: Changed) => void }) {
  const was = s.next ?? s.value, [value, set] = useState(was), [error, setError] = useState(''), [busy, setBusy] = useState(false);
  async function send(what: () => Promise<Changed>) {
    setBusy(true);
    setError('');
    try {
      done(await what());
      close();
    } catch (x) {
      setError(why(x));
      setBusy(false);
    }
  }
  const hint = s.kind === 'number' ? w('range', s.least!.toLocaleString(), s.most!.toLocaleString()) : s.kind === 'span' ? w('span') : undefined;
  return <Dialog title={name(s)} close={close}><form onSubmit={e => { e.preventDefault(); void send(() => put<Changed>(path(s), { value, was })); }}>
    <p lang={meaning(s) ? undefined : 'en'}>{meaning(s) ?? s.meaning}</p>
    {s.choices ? <Choice label={w('value')} value={value} set={set} options={s.choices.split('|').map(c => [c, c])} /> : <Input label={w('value')} hint={hint} value={value} set={set} focus mode={s.kind === 'number' ? 'numeric' : undefined} />}
    <p class="muted">{s.change === 'second' && w('second') + ' '}{w(s.now ? 'atOnce' : 'atStart')}</p>
    <Failed text={error} />
    <p class="answers"><button type="submit" class="main" disabled={busy || value === was}>{t('save')}</button>{' '}
      {was !== s.usual && <button type="button" disabled={busy} onClick={() => send(() => drop<Changed>(path(s)))}>{w('toUsual', s.usual || '""')}</button>}{' '}
      <button type="button" onClick={close}>{t('cancel')}</button></p>
  </form></Dialog>;
}

/** The last change, until the next one: one press takes it back. */
function Last({ r, again, over }: { r: Changed; again: () => void; over: () => void }) {
  const [error, setError] = useState('');
  const undo = () => put<Changed>(path(r), { value: r.was, was: r.value }).then(x => { tell(x.approval ? w('waits') : w('undone')); over(); again(); }, x => setError(why(x)));
  return <p class="good undo"><bdi>{w('done', name(r), r.was || '""', r.value || '""')}</bdi> <button type="button" onClick={undo}>{w('undo')}</button><Failed text={error} /></p>;
}

export function Settings(_: { id: string }) {
  const admin = useSignal(session)!.role === 'admin', got = useData<{ file: string; settings: Setting[] }>(admin ? '/settings' : null), [text, setText] = useState(''), [all, setAll] = useState(false);
  const [open, setOpen] = useState(''), [last, setLast] = useState<Changed>();
  if (!admin) return <><Heading text={t('settings')} /><Empty title={t('adminOnly')} teach="" /></>;
  const asked = text.toLowerCase().split(/\s+/).filter(Boolean), list = got.data?.settings ?? [], waiting = list.filter(s => s.next !== undefined).length, one = list.find(s => name(s) === open);
  const rows = list.filter(s => (all || asked.length > 0 || s.value !== s.usual || s.next !== undefined) && asked.every(x => `${s.section} ${s.key} ${s.value} ${s.meaning} ${meaning(s) ?? ''}`.toLowerCase().includes(x)));
  const done = (r: Changed) => {
    tell(r.approval ? w('waits') : w(r.now ? 'saved' : 'savedNext'));
    setLast(r.approval || r.value === r.was ? undefined : r);
    got.again();
  };
  return <>
    <Heading text={t('settings')} />
    <p>{w('hint')} {got.data && <code><bdi>{got.data.file}</bdi></code>}</p>
    {waiting > 0 && <p class="warn" role="status">{w('restart', waiting)}</p>}
    {last && <Last r={last} again={got.again} over={() => setLast(undefined)} />}
    <div class="bar"><Input label={t('search')} value={text} set={setText} /><label class="check"><input type="checkbox" checked={all} onChange={e => setAll(e.currentTarget.checked)} />{w('usualToo')}</label></div>
    <Failed text={got.error} />{!got.data && !got.error && <p class="muted">{t('loading')}</p>}
    {got.data && <div class="scroll low settings" tabIndex={0} role="region" aria-label={t('settings')}><table><thead><tr><th scope="col">{w('key')}</th><th scope="col">{w('value')}</th><th scope="col">{w('usual')}</th><th scope="col" class="wide">{t('description')}</th></tr></thead>
      <tbody>{rows.map(s => <tr key={name(s)} class={s.value !== s.usual || s.next !== undefined ? 'at' : undefined}><td><code>{name(s)}</code></td>
        <td><bdi>{s.value}</bdi>{s.next !== undefined && <small> {w('next', s.next)}</small>} {s.change !== 'file' && <button type="button" class="small" onClick={() => setOpen(name(s))}>{w('change')}<span class="hidden"> {name(s)}</span></button>}</td>
        <td><bdi>{s.usual}</bdi></td><td class="wide text" lang={meaning(s) ? undefined : 'en'}>{meaning(s) ?? s.meaning}</td></tr>)}</tbody></table></div>}
    {one && <Form key={open} s={one} close={() => setOpen('')} done={done} />}
  </>;
}
