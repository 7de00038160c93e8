// An alert of one's own: what it says, how far it may go, and to whom.
import { useState } from 'preact/hooks';
import { part, post } from '../api';
import { t, words } from '../lang';
import { go } from '../route';
import { Area, Choice, Failed, Heading, Input, instant, tell, useData, why } from '../ui';

export const wn = words({
  issue: '發布警訊', send: '發布並送出', code: '種類', ANA: 'ANA 資安訊息', EWA: 'EWA 資安預警', INT: 'INT 入侵攻擊', DEF: 'DEF 網頁攻擊', impact: '影響等級', text: '內容', actions: '建議措施（一行一項）', due: '請於此時前回覆（可留空）', to: '收件節點',
  all: '全部選取', nobody: '沒有可送達的節點：請先以 lianfang peer add 建立。', sent: '已發布 {0}，送往 {1} 個節點', drill: '這是演練', tooStrict: '（僅可收至 {0}）',
}, {
  issue: 'Issue an alert', send: 'Issue and send', code: 'Kind', ANA: 'ANA announcement', EWA: 'EWA early warning', INT: 'INT intrusion', DEF: 'DEF defacement', impact: 'Impact', text: 'Text', actions: 'Recommended (one a line)', due: 'Answer until (may stay empty)', to: 'To these nodes',
  all: 'All of them', nobody: 'No node can be reached: lianfang peer add makes one known.', sent: '{0} is issued, to {1} nodes', drill: 'This is an exercise', tooStrict: '(takes {0} at most)',
});

interface Recipient { name: string; relation: string; tlp_max: string }
const LEVELS = ['clear', 'green', 'amber', 'amber+strict', 'red'], rank = (tlp: string) => LEVELS.indexOf(tlp.replace(/^TLP:/i, '').toLowerCase());

export function NewAlert() {
  const got = useData<{ recipients: Recipient[] }>('/recipients'), [code, setCode] = useState<'EWA' | 'ANA' | 'INT' | 'DEF'>('EWA'), [title, setTitle] = useState(''), [text, setText] = useState(''), [actions, setActions] = useState('');
  const [tlp, setTlp] = useState('amber'), [impact, setImpact] = useState('2'), [due, setDue] = useState(''), [drill, setDrill] = useState(false), [chosen, choose] = useState<Set<string>>(new Set());
  const [error, setError] = useState(''), [busy, setBusy] = useState(false);
  const may = (r: Recipient) => rank(tlp) <= rank(r.tlp_max), list = got.data?.recipients ?? [], to = list.filter(r => chosen.has(r.name) && may(r)).map(r => r.name);
  const flip = (name: string, on: boolean) => choose(s => { const n = new Set(s); if (on) n.add(name); else n.delete(name); return n; });
  async function issue() {
    setBusy(true);
    setError('');
    try {
      const r = await post<{ id: string; number: string }>('/bulletins', { code, title, tlp, impact: Number(impact), to, exercise: drill, ...(text ? { description: text } : {}), ...(due ? { due: instant(due) } : {}),
        ...(actions.trim() ? { actions: actions.split('\n').map(x => x.trim()).filter(Boolean) } : {}) });
      tell(wn('sent', r.number, to.length));
      go('/console/alerts/' + part(r.id));
    } catch (x) {
      setError(why(x));
      setBusy(false);
    }
  }
  return <>
    <p class="crumb"><a href="/console/alerts">{t('warnings')}</a></p>
    <form class="card" onSubmit={e => { e.preventDefault(); void issue(); }}>
      <Heading text={wn('issue')} />
      <Input label={t('title')} value={title} set={setTitle} focus need />
      <Choice label={wn('code')} value={code} set={v => setCode(v as 'EWA')} options={(['EWA', 'ANA', 'INT', 'DEF'] as const).map(c => [c, wn(c)])} />
      <Choice label={t('tlp')} value={tlp} set={setTlp} options={LEVELS.map(l => [l, 'TLP:' + l.toUpperCase()])} />
      <Choice label={wn('impact')} value={impact} set={setImpact} options={['1', '2', '3', '4'].map(n => [n, n])} />
      <Area label={wn('text')} value={text} set={setText} />
      <Area label={wn('actions')} value={actions} set={setActions} />
      <Input label={wn('due')} type="datetime-local" value={due} set={setDue} />
      <fieldset><legend>{wn('to')}</legend>
        {list.length > 1 && <label class="check"><input type="checkbox" checked={to.length > 0 && to.length === list.filter(may).length} onChange={e => choose(new Set(e.currentTarget.checked ? list.map(r => r.name) : []))} /> {wn('all')}</label>}
        {list.map(r => <label key={r.name} class="check"><input type="checkbox" disabled={!may(r)} checked={chosen.has(r.name) && may(r)} onChange={e => flip(r.name, e.currentTarget.checked)} /> <bdi>{r.name}</bdi> <span class="muted">{!may(r) && wn('tooStrict', r.tlp_max)}</span></label>)}
        {got.data && list.length === 0 && <p class="muted">{wn('nobody')}</p>}</fieldset>
      <label class="check"><input type="checkbox" checked={drill} onChange={e => setDrill(e.currentTarget.checked)} /> {wn('drill')}</label>
      <Failed text={error || got.error} />
      <div class="bar"><button type="submit" class="main" disabled={busy || to.length === 0}>{wn('send')}</button><a class="button" href="/console/alerts">{t('cancel')}</a></div>
    </form>
  </>;
}
