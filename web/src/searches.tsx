// Searches that somebody saved at the node, under their account: the same in every browser, and for scripts.
import { useState } from 'preact/hooks';
import { drop, part, post } from './api';
import { t, words } from './lang';
import { Failed, Input, tell, useData, why } from './ui';

const w = words({ saved: '已存的搜尋', save: '儲存搜尋', name: '名稱', remove: '刪除 {0}', remembered: '搜尋已存於節點，任何瀏覽器登入皆可使用。' },
  { saved: 'Saved searches', save: 'Save search', name: 'Name', remove: 'Remove {0}', remembered: 'The search is saved at the node, for whatever browser you sign in with.' });

interface Saved { view: string; name: string; query: string }
/** What was asked of `view` is the query of its address. */
export function Searches({ view }: { view: string }) {
  const list = useData<{ searches: Saved[] }>('/session/searches'), all = list.data?.searches.filter(s => s.view === view) ?? [];
  const [naming, setNaming] = useState<string | null>(null), [error, setError] = useState('');
  async function doing(what: () => Promise<unknown>, then?: () => void) {
    setError('');
    try {
      await what();
      then?.();
      list.again();
    } catch (x) {
      setError(why(x));
    }
  }
  const save = () => doing(() => post('/session/searches', { view, name: naming!.trim(), query: location.search }), () => { setNaming(null); tell(w('remembered')); });
  return <div class="saved">
    {all.length > 0 && <ul aria-label={w('saved')}>{all.map(s => <li key={s.name}><a href={`/console/${view}${s.query}`}><bdi>{s.name}</bdi></a>
      <button type="button" class="quiet" aria-label={w('remove', s.name)} onClick={() => doing(() => drop(`/session/searches/${view}/${part(s.name)}`))}>✕</button></li>)}</ul>}
    {naming === null ? <button type="button" onClick={() => setNaming('')}>{w('save')}</button>
      : <form class="bar" onSubmit={e => { e.preventDefault(); void save(); }}><Input label={w('name')} value={naming} set={setNaming} focus need /><button type="submit" class="main">{t('save')}</button>
        <button type="button" onClick={() => setNaming(null)}>{t('cancel')}</button></form>}
    <Failed text={error || list.error} />
  </div>;
}
