// What follows from a report: indicators for all tiers, taken back as fast; words for its sender; other files that are like it.
import { useEffect, useState } from 'preact/hooks';
import { get, part, post } from '../api';
import { Lang, lang, t } from '../lang';
import { useSignal } from '../signal';
import { Choice, Dialog, Failed, Input, tell, Time, why } from '../ui';
import type { Verdict } from './report';
import { VerdictTag } from './view';
import { w } from './words';

interface Shared { id: string; sha256?: string; state: 'new' | 'before' | 'revoked' }
const LEVELS = ['clear', 'green', 'amber', 'amber+strict', 'red'];

export function Share({ id }: { id: string }) {
  const [open, setOpen] = useState<'' | 'release' | 'revoke'>(''), [list, set] = useState<Shared[]>([]), [tlp, setTlp] = useState(''), [reason, setReason] = useState(''), [busy, setBusy] = useState(false), [error, setError] = useState('');
  const count = (of: Shared[], state: Shared['state']) => of.filter(x => x.state === state).length;
  async function act(e: Event) {
    e.preventDefault();
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      const got = open === 'release' ? await post<{ indicators: Shared[] }>(`/lab/submissions/${part(id)}/indicators`, tlp ? { tlp } : {}) : await post<{ indicators: Shared[] }>('/lab/revocations', { submission: id, why: reason });
      set(got.indicators);
      tell(open === 'release' ? w('released', count(got.indicators, 'new'), count(got.indicators, 'before')) : w('revokedAll', count(got.indicators, 'revoked')));
      setOpen('');
    } catch (x) {
      setError(why(x));
    }
    setBusy(false);
  }
  return <section class="share" aria-labelledby="lab-share"><h2 id="lab-share">{w('indicators')}</h2><p class="muted">{w('releaseTeach')}</p>
    <p><button type="button" class="main" onClick={() => setOpen('release')}>{w('release')}</button> <button type="button" onClick={() => setOpen('revoke')}>{w('revoke')}</button></p>
    {list.length > 0 && <ul>{list.map(x => <li key={x.id}><span class={'verdict ' + (x.state === 'revoked' ? 'v-void' : 'v-met')}>{w(`share_${x.state}`)}</span> <a href={'/console/intelligence?q=' + part(x.id)}><bdi>{x.id}</bdi></a> {x.sha256 && <code>{x.sha256}</code>}</li>)}</ul>}
    {open && <Dialog title={w(open)} close={() => setOpen('')}><form onSubmit={act}><p>{w(open === 'release' ? 'releaseTeach' : 'revokeTeach')}</p>
      {open === 'release' ? <Choice label="TLP" value={tlp} set={setTlp} options={[['', w('atMost')], ...LEVELS.map(x => [x, 'TLP:' + x.toUpperCase()] as [string, string])]} />
        : <Input label={w('revokeWhy')} value={reason} set={setReason} need focus />}
      <Failed text={error} />
      <p><button type="submit" class="main" disabled={busy}>{w(open === 'release' ? 'releaseDo' : 'revokeDo')}</button> <button type="button" onClick={() => setOpen('')}>{t('cancel')}</button></p></form></Dialog>}
  </section>;
}

interface Words { verdict: string; found: string[]; not_seen: string[]; to_do: string[]; tell: string[] }
const PARTS = ['found', 'not_seen', 'to_do', 'tell'] as const;

/** Asked when somebody opens it. */
export function Citizen({ id }: { id: string }) {
  const [open, setOpen] = useState(false), [said, set] = useState<{ in: Lang; words: Words }>(), [error, setError] = useState(''), now = useSignal(lang);
  useEffect(() => {
    if (open && said?.in !== now) get<Words>(`/lab/submissions/${part(id)}/words?lang=${now}`).then(words => set({ in: now, words }), e => setError(why(e)));
  }, [open, now]);
  return <details class="card" onToggle={e => setOpen(e.currentTarget.open)}><summary>{w('citizen')}</summary><Failed text={error} />
    {said && <><p><strong>{said.words.verdict}</strong></p>{PARTS.filter(x => said.words[x].length > 0).map(x => <section key={x}><h3>{w(x)}</h3><ul>{said.words[x].map((s, i) => <li key={i}>{s}</li>)}</ul></section>)}</>}</details>;
}

interface Relative { submission: string; name: string; path: string; sha256: string; verdict: Verdict; same: boolean; ctph: number; tlsh?: number; received: string }

/** Other files of this lab that look like this one, or like one that lies in it. */
export function Similar({ id }: { id: string }) {
  const [got, set] = useState<{ similar: Relative[]; cut: boolean }>(), [error, setError] = useState('');
  useEffect(() => { get<{ similar: Relative[]; cut: boolean }>(`/lab/submissions/${part(id)}/similar`).then(set, e => setError(why(e))); }, [id]);
  return <section aria-labelledby="lab-similar" class="similar"><h2 id="lab-similar">{w('similar')}</h2><Failed text={error} />
    {got && got.similar.length === 0 && <p class="muted">{w('noSimilar')}</p>}
    {got && got.similar.length > 0 && <div class="scroll low" tabIndex={0} role="region" aria-label={w('similar')}><table><thead><tr><th scope="col">{w('file')}</th><th scope="col">{w('verdict')}</th><th scope="col">{w('likeness')}</th><th scope="col">{w('at')}</th></tr></thead>
      <tbody>{got.similar.map((x, i) => <tr key={i}><td><a href={'/console/lab/' + part(x.submission)}><bdi>{x.name || x.submission}</bdi></a>{x.path && x.path !== x.name && <><br /><small><bdi>{x.path}</bdi></small></>}</td>
        <td><VerdictTag of={x.verdict} /></td><td>{x.same ? w('sameBytes') : [x.ctph > 0 && `ctph ${x.ctph}/100`, x.tlsh !== undefined && `tlsh ${x.tlsh}`].filter(Boolean).join(', ')}</td><td><Time at={x.received} /></td></tr>)}</tbody></table></div>}
    {got?.cut && <p class="muted">{w('similarCut')}</p>}</section>;
}
