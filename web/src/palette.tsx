// Ctrl-K goes anywhere by a few letters; ? tells the keys.
import { useEffect, useState } from 'preact/hooks';
import { get, part, session } from './api';
import { t } from './lang';
import { ADMIN, go, link, NAV } from './route';
import { Dialog, Input } from './ui';

interface Target { name: string; kind: string; path: string }

export function Palette({ close }: { close: () => void }) {
  const [text, set] = useState(''), [at, setAt] = useState(0), [known, setKnown] = useState<Target[]>([]);
  useEffect(() => {
    const add = (list: Target[]) => setKnown(k => [...k, ...list]);
    get<{ incidents: { number: string; title: string }[] }>('/incidents?limit=200').then(r =>
      add(r.incidents.map(i => ({ name: `${i.number} ${i.title}`, kind: t('incident'), path: '/console/incidents/' + part(i.number) }))), () => undefined);
    get<{ tickets: { number: string; title: string }[] }>('/tickets?state=active&limit=200').then(r =>
      add(r.tickets.map(x => ({ name: `${x.number} ${x.title}`, kind: t('ticket'), path: '/console/tickets/' + part(x.number) }))), () => undefined);
  }, []);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const all: Target[] = [...(session.get()?.role === 'admin' ? [...NAV, ...ADMIN] : NAV).map(v => ({ name: t(v), kind: '', path: link(v) })), { name: t('newIncident'), kind: '', path: '/console/incidents/new' },
    { name: t('account'), kind: '', path: '/console/account' }, { name: t('pasteText'), kind: t('intelligence'), path: '/console/intelligence?paste' }, { name: t('newRule'), kind: '', path: '/console/rules/new' }, { name: t('coverage'), kind: t('rules'), path: '/console/rules?show=coverage' }, ...known];
  const found = all.filter(x => words.every(w => x.name.toLowerCase().includes(w))).slice(0, 12);
  if (text.trim()) found.push({ name: text, kind: t('search') + ' · ' + t('intelligence'), path: '/console/intelligence?q=' + encodeURIComponent(text.trim()) });
  const chosen = Math.min(at, found.length - 1);
  const open = (x: Target) => { close(); go(x.path); };
  function key(e: KeyboardEvent) {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') setAt((chosen + (e.key === 'ArrowDown' ? 1 : found.length - 1)) % found.length);
    else if (e.key === 'Enter' && found[chosen]) open(found[chosen]);
    else return;
    e.preventDefault();
  }
  return <Dialog title={t('palette')} close={close}>
    <div onKeyDown={key}>
      <Input label={t('paletteHint')} value={text} set={v => { set(v); setAt(0); }} focus />
      <ul class="found">{found.map((x, i) => <li key={x.path + i}><button type="button" class={i === chosen ? 'at' : undefined} onClick={() => open(x)}>
        <bdi>{x.name}</bdi> <small>{x.kind}</small></button></li>)}</ul>
    </div>
  </Dialog>;
}

export function Help({ close }: { close: () => void }) {
  const keys: [string, string][] = [['?', t('keyHelp')], ['Ctrl K', t('keyPalette')], ['j / k', t('keyMove')], ['Enter', t('keyEnter')], ['g t / g i / g m / g s / g p', t('keyGo')],
    ['g u / g c / g l', t('keyAdmin')], ['g a / g e / g r / g f', `${t('warnings')} / ${t('events')} / ${t('rules')} / ${t('lab')}`], ['l', t('keyLive')], ['t / x', t('keyRules')], ['/', t('keyFilter')], ['u', t('keyBack')], ['n', t('keyFact')], ['1 / 2 / 3', t('keyDispose')], ['m', t('keyTake')], ['o', t('keyReopen')]];
  return <Dialog title={t('keys')} close={close}>
    <dl class="keys">{keys.map(([k, what]) => <div key={k}><dt><kbd>{k}</kbd></dt><dd>{what}</dd></div>)}</dl>
  </Dialog>;
}
