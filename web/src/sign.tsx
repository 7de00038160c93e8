// Signing in, and setting a password by a link.
import { useEffect, useState } from 'preact/hooks';
import { inert, post, Refused, Session, session } from './api';
import { t } from './lang';
import { go, route } from './route';
import { useSignal } from './signal';
import { passkeysWork, signInByPasskey } from './passkey';
import { Failed, Heading, Input, why } from './ui';

function refusal(e: unknown): string {
  // What the browser or the person refused: no passkey here, taken back, too late.
  if (e instanceof DOMException) return t('noPasskey');
  if (e instanceof Refused && e.status === 401) return t(e.code === 'link' ? 'linkVoid' : 'wrongSignIn');
  return why(e);
}

export function SignIn() {
  const s = useSignal(session)!, r = useSignal(route);
  const [user, setUser] = useState(r.query.get('user') ?? ''), [password, setPassword] = useState(''), [code, setCode] = useState('');
  const [next, setNext] = useState(''), [tooOld, setOld] = useState(false);
  const [wantsCode, setWants] = useState(false), [error, setError] = useState(''), [busy, setBusy] = useState(false);
  // Back from the identity provider: what it says leaves the address bar, and the node asks it.
  const [back] = useState(() => r.view === 'sign-in' && r.query.get('state') ? Object.fromEntries(r.query) : null);
  const inside = () => go(r.view === 'sign-in' ? '/console/today' : location.pathname + location.search, true);
  useEffect(() => { if (s.signed_in && !back) inside(); }, [s.signed_in]);
  useEffect(() => {
    if (!back) return;
    history.replaceState(null, '', '/console/sign-in');
    if (!back.code) setError(t('providerSaid', inert(back.error ?? '')));
    else post<Session & { linked?: boolean }>('/session/provider', { state: back.state, code: back.code, ...(back.iss ? { iss: back.iss } : {}) }).then(now => {
      if (now.linked) go('/console/account', true);
      else {
        go('/console/today', true);
        session.set(now);
      }
    }, x => setError(x instanceof Refused && x.status === 401 ? t('providerNobody') : why(x)));
  }, []);
  async function byProvider() {
    setError('');
    try {
      location.assign((await post<{ url: string }>('/session/provider/begin')).url);
    } catch (x) {
      setError(refusal(x));
    }
  }
  async function send(e: Event) {
    e.preventDefault();
    setBusy(true);
    setError('');
    try {
      const now = await post<Session>('/session', { user, password, ...(wantsCode ? { code: code.trim() } : {}), ...(tooOld ? { new_password: next } : {}) });
      inside();
      session.set(now);
    } catch (x) {
      if (x instanceof Refused && x.code === 'code') setWants(true);
      else if (x instanceof Refused && x.code === 'password-old') setOld(true);
      else {
        setError(refusal(x));
        setCode('');
      }
    }
    setBusy(false);
  }
  async function byPasskey() {
    setError('');
    try {
      const now = await signInByPasskey();
      inside();
      session.set(now);
    } catch (x) {
      setError(refusal(x));
    }
  }
  return <form class="card" onSubmit={send}>
    <Heading text={t('signIn')}><span class="node"><bdi>{s.node}</bdi></span></Heading>
    {r.query.has('set') && <p class="good">{t('setUpDone')}</p>}
    {!wantsCode && <>
      <Input label={t('user')} value={user} set={setUser} auto="username" focus={user === ''} need />
      <Input label={t('password')} value={password} set={setPassword} type="password" auto="current-password" focus={user !== ''} need />
    </>}
    {tooOld && !wantsCode && <><p class="bad">{t('passwordOld')}</p><Input label={t('newPassword')} hint={t('passwordRule')} value={next} set={setNext} type="password" auto="new-password" focus need /></>}
    {wantsCode && <Input label={t('code')} hint={t('codeHint')} value={code} set={setCode} auto="one-time-code" focus need />}
    <Failed text={error} />
    <button type="submit" class="main" disabled={busy}>{t(wantsCode ? 'confirm' : 'signIn')}</button>
    {!wantsCode && passkeysWork() && <p><button type="button" class="passkey" onClick={byPasskey}>{t('byPasskey')}</button></p>}
    {!wantsCode && s.provider && <p><button type="button" class="provider" onClick={byProvider}>{t('byProvider', s.provider)}</button></p>}
  </form>;
}

export function SetUp() {
  // The code stands behind "#", which no browser sends to anybody; it leaves the address bar as soon as it is read.
  const [token] = useState(() => location.hash.slice(1));
  const [one, setOne] = useState(''), [two, setTwo] = useState(''), [error, setError] = useState(''), [busy, setBusy] = useState(false);
  useEffect(() => { if (token) history.replaceState(null, '', location.pathname); }, []);
  async function send(e: Event) {
    e.preventDefault();
    if (one !== two) return setError(t('notSame'));
    setBusy(true);
    setError('');
    try {
      const done = await post<{ user: string }>('/session/set-up', { token, password: one });
      session.set({ ...session.get()!, signed_in: false });
      go('/console/sign-in?set&user=' + encodeURIComponent(done.user));
    } catch (x) {
      setError(refusal(x));
    }
    setBusy(false);
  }
  return <form class="card" onSubmit={send}>
    <Heading text={t('setUp')} />
    {token ? <>
      <p>{t('setUpHint')}</p>
      <Input label={t('newPassword')} hint={t('passwordRule')} value={one} set={setOne} type="password" auto="new-password" focus need />
      <Input label={t('again')} value={two} set={setTwo} type="password" auto="new-password" need />
      <Failed text={error} />
      <button type="submit" class="main" disabled={busy}>{t('save')}</button>
    </> : <p class="bad">{t('linkMissing')}</p>}
  </form>;
}
