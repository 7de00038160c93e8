// The shell: who is signed in, where we are, and what is loaded for it.
import { ComponentType, options, render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { drop, session, whoAmI } from './api';
import { useKeys } from './keys';
import { Lang, lang, setLang, t, word } from './lang';
import { Help, Palette } from './palette';
import { listen } from './live';
import { ADMIN, go, link, NAV, route } from './route';
import { SetUp, SignIn } from './sign';
import { signal, useSignal } from './signal';
import { Failed, pulse, said, tell, Tlp, why } from './ui';

type View = ComponentType<{ id: string }>;

// Names as in src/web/console.c. What a view needs comes when it is opened.
const views: Record<string, () => Promise<View>> = {
  today: () => import('./views/today').then(m => m.Today),
  incidents: () => import('./views/incidents').then(m => m.Incidents),
  tickets: () => import('./views/tickets').then(m => m.Tickets),
  alerts: () => import('./views/alerts').then(m => m.Alerts),
  events: () => import('./views/events').then(m => m.Events),
  rules: () => import('./views/rules').then(m => m.Rules),
  intelligence: () => import('./views/intelligence').then(m => m.Intelligence),
  lab: () => import('./views/lab').then(m => m.Lab),
  members: () => import('./views/members').then(m => m.Members),
  users: () => import('./views/users').then(m => m.Users),
  settings: () => import('./views/settings').then(m => m.Settings),
  audit: () => import('./views/audit').then(m => m.Audit),
  account: () => import('./views/account').then(m => m.Account),
  boards: () => import('./boards/boards').then(m => m.Boards),
  wall: () => import('./boards/wall').then(m => m.Wall),
};

type Theme = 'auto' | 'light' | 'dark';
const theme = signal<Theme>((localStorage.getItem('lianfang.theme') as Theme) || 'auto');
function setTheme(to: Theme) {
  localStorage.setItem('lianfang.theme', to);
  document.documentElement.dataset.theme = to;
  theme.set(to);
}

function Switches() {
  const l = useSignal(lang), th = useSignal(theme);
  return <div class="switches">
    <label><span class="hidden">{t('language')}</span>
      <select value={l} onChange={e => setLang(e.currentTarget.value as Lang)} name="lang"><option value="zh-TW">正體中文</option><option value="en">English</option></select></label>
    <label><span class="hidden">{t('theme')}</span>
      <select value={th} onChange={e => setTheme(e.currentTarget.value as Theme)} name="theme">
        {(['auto', 'light', 'dark'] as const).map(x => <option key={x} value={x}>{t(x)}</option>)}</select></label>
  </div>;
}

function Loaded({ view, id }: { view: string; id: string }) {
  const [got, set] = useState<{ view: string; C?: View; error?: string }>({ view: '' });
  useEffect(() => {
    const load = views[view];
    if (load) load().then(C => set({ view, C }), e => set({ view, error: String(e) }));
    else set({ view, error: t('notFound') });
  }, [view]);
  if (got.view !== view) return <p class="muted">{t('loading')}</p>;
  return got.C ? <got.C key={view + '/' + id} id={id} /> : <Failed text={got.error} />;
}

/** Views read again when the node says that something was stored. */
function usePulse() {
  useEffect(() => listen(to => pulse.set(to)), []);
}

async function signOut() {
  try {
    await drop('/session');
    await whoAmI();
    go('/console/sign-in');
  } catch (e) {
    tell(why(e), true);
  }
}

function Inside() {
  const r = useSignal(route), s = useSignal(session)!, [over, setOver] = useState<'' | 'help' | 'palette'>('');
  usePulse();
  useEffect(() => { void import('./notify').then(m => m.watchNotices(true)); return () => { void import('./notify').then(m => m.watchNotices(false)); }; }, []);
  const to = (view: string) => () => go('/console/' + view);
  useKeys({
    '?': () => setOver('help'), 'Ctrl-k': () => setOver('palette'),
    'g t': to('today'),
    'g i': to('incidents'),
    'g m': to('tickets'),
    'g a': to('alerts'),
    'g e': to('events'),
    'g r': to('rules'),
    'g s': to('intelligence'),
    'g p': to('members'), 'g f': to('lab'),
    'g u': to('users'), 'g c': to('settings'), 'g l': to('audit'),
    'g b': to('boards'),
  });
  return <>
    <a class="skip" href="#content">{t('skip')}</a>
    <header class="top">
      <a class="brand" href="/console/today"><img src="/console/assets/icon.svg" alt="" width="24" height="24" /><span>{t('product')}</span></a>
      <span class="node"><bdi>{s.node}</bdi> <span class="tag">{word(s.tier)}</span></span>
      <Tlp of={s.tlp_max} />
      <button type="button" class="find" onClick={() => setOver('palette')}>{t('palette')} <kbd>Ctrl K</kbd></button>
      <Switches />
      <button type="button" class="quiet" onClick={() => setOver('help')} aria-label={t('help')}>?</button>
      <a href="/console/account" class="who"><bdi>{s.user}</bdi></a>
      <button type="button" onClick={signOut}>{t('signOut')}</button>
    </header>
    <nav aria-label={t('product')}>
      {(s.role === 'admin' ? [...NAV, ...ADMIN] : NAV).map(v => <a key={v} href={link(v)} aria-current={link(v) === '/console/' + r.view ? 'page' : undefined}>{t(v)}</a>)}
    </nav>
    <p class="on-paper"><bdi>{s.node}</bdi> · {word(s.tier)} · <Tlp of={s.tlp_max} /> · <bdi>{s.user}</bdi></p>
    <main id="content" tabIndex={-1}><Loaded view={r.view} id={r.id} /></main>
    {over === 'help' && <Help close={() => setOver('')} />}
    {over === 'palette' && <Palette close={() => setOver('')} />}
  </>;
}

function Outside() {
  const r = useSignal(route);
  return <>
    <header class="top"><span class="brand"><img src="/console/assets/icon.svg" alt="" width="24" height="24" /><span>{t('product')}</span></span><span class="grow" /><Switches /></header>
    <main class="outside" id="content">{r.view === 'set-up' ? <SetUp /> : <SignIn />}</main>
  </>;
}

function Said() {
  const s = useSignal(said);
  useEffect(() => {
    if (s.text && !s.bad) {
      const timer = setTimeout(() => tell(''), 6000);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [s]);
  return <div class="said" role="status" aria-live="polite">{s.text && <p class={s.bad ? 'bad' : 'good'}><bdi>{s.text}</bdi>
    <button type="button" class="quiet" onClick={() => tell('')} aria-label={t('close')}>✕</button></p>}</div>;
}

function App() {
  const s = useSignal(session), r = useSignal(route), [error, setError] = useState('');
  useSignal(lang);
  useEffect(() => { whoAmI().catch(e => setError(why(e))); }, []);
  if (!s) return <main class="outside">{error ? <Failed text={error} /> : <p class="muted">{t('loading')}</p>}</main>;
  return <>{s.signed_in && r.view !== 'set-up' && r.view !== 'sign-in' ? <Inside /> : <Outside />}<Said /></>;
}

// Effects run when what they belong to stands, not a frame later: a key pressed meanwhile would find nobody who listens.
options.requestAnimationFrame = effects => queueMicrotask(effects);
document.documentElement.lang = lang.get();
document.documentElement.dataset.theme = theme.get();
render(<App />, document.getElementById('app')!);
