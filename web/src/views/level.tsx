// The level wizard: the law's questions one after another, and the cells of its table that decide.
import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from '../api';
import { Key, said, t, words } from '../lang';
import { Area, Failed, Input, Level, why } from '../ui';
import type { Words } from './types';

const w = words({
  judged: '判定結果', decides: '決定等級的規定', restart: '重新作答', keepLevel: '以此定級並儲存', systemOf: '資通系統（登錄編號，可留空）', needGrounds: '判定理由',
}, {
  judged: 'Result', decides: 'What decides', restart: 'Answer anew', keepLevel: 'Store this level',
  systemOf: 'System (id in the register, may stay empty)', needGrounds: 'Grounds of the judgement',
});
interface Question { item: number; name: string; question: Words; values: { id: string; title: Words }[] }
interface Cell { id: string; dimension: string; level: number; decides: boolean; source: string; when: { name: string; title: Words }[] }
interface Judged { complete: boolean; items: Record<string, string>[]; questions: Question[]; cells: Cell[]; needs_grounds: boolean; known: unknown[];
  level: { overall: number | null; title?: Words; major: boolean } }

export function LevelForm(props: { pack: string; busy: boolean; focus: boolean; store: (fact: object) => void }) {
  const [item, setItem] = useState<Record<string, string>>({}), [system, setSystem] = useState(''), [judged, setJudged] = useState<Judged>();
  const [grounds, setGrounds] = useState(''), [error, setError] = useState(''), first = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    let gone = false;
    post<Judged>('/incidents/level', { pack: props.pack, items: [{ ...item, ...(system ? { system } : {}) }] }).then(
      j => { if (!gone) { setJudged(j); setError(''); } }, e => { if (!gone) setError(why(e)); });
    return () => { gone = true; };
  }, [item, system, props.pack]);
  const q = judged?.questions[0];
  // Who goes through the kinds of facts by the arrows stays there; who came to judge, or answered, is at the next answer.
  useEffect(() => { if (props.focus || Object.keys(item).length > 0) first.current?.focus(); }, [q?.name]);
  return <div class="wizard">
    {Object.keys(item).length === 0 && <Input label={w('systemOf')} value={system} set={setSystem} />}
    <Failed text={error} />
    {q && <fieldset><legend><bdi>{said(q.question)}</bdi></legend><div class="answers">{q.values.map((v, i) =>
      <button key={v.id} type="button" ref={i === 0 ? first : undefined} onClick={() => setItem({ ...item, [q.name]: v.id })}><bdi>{said(v.title)}</bdi></button>)}</div></fieldset>}
    {judged && !q && judged.level.overall !== null && <form onSubmit={e => { e.preventDefault(); props.store({ items: judged.items, ...(grounds ? { grounds } : {}) }); }}>
      <p>{w('judged')}: <Level of={judged.level.overall} /> <bdi>{said(judged.level.title)}</bdi></p>
      <h3>{w('decides')}</h3>
      <ul class="cells">{judged.cells.map(c => <li key={c.id} class={c.decides ? 'decides' : 'muted'}>
        {t(('dimension_' + c.dimension) as Key)}: <Level of={c.level} /> <bdi>{c.when.map(w => said(w.title)).join(' · ')}</bdi> <span class="muted">{c.source}</span></li>)}</ul>
      <Area label={w('needGrounds')} value={grounds} set={setGrounds} need={judged.needs_grounds} />
      <div class="bar"><button type="submit" class="main" disabled={props.busy}>{w('keepLevel')}</button></div>
    </form>}
    {Object.keys(item).length > 0 && <button type="button" onClick={() => setItem({})}>{w('restart')}</button>}
  </div>;
}
