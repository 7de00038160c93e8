// One's own password and second factor.
import { useState } from 'preact/hooks';
import { part, post, session, whoAmI } from '../api';
import { makePasskey, passkeysWork } from '../passkey';
import { t } from '../lang';
import { useSignal } from '../signal';
import { Tokens } from './users';
import { Failed, Heading, Input, tell, Time, Tlp, useData, why } from '../ui';

function Password() {
  const [old, setOld] = useState(''), [one, setOne] = useState(''), [two, setTwo] = useState(''), [error, setError] = useState('');
  async function send(e: Event) {
    e.preventDefault();
    if (one !== two) return setError(t('notSame'));
    setError('');
    try {
      await post('/session/password', { password: old, new_password: one });
      tell(t('changed'));
      [setOld, setOne, setTwo].forEach(f => f(''));
    } catch (x) {
      setError(why(x));
    }
  }
  return <form class="card" onSubmit={send}><h2>{t('changePassword')}</h2>
    <Input label={t('oldPassword')} value={old} set={setOld} type="password" auto="current-password" need />
    <Input label={t('newPassword')} hint={t('passwordRule')} value={one} set={setOne} type="password" auto="new-password" need />
    <Input label={t('again')} value={two} set={setTwo} type="password" auto="new-password" need />
    <Failed text={error} /><button type="submit">{t('changePassword')}</button></form>;
}

/** Four modules of light around it belong to the code; black on white in each theme. */
function Qr({ rows }: { rows: string[] }) {
  const n = rows.length + 8, dark = rows.map((row, y) => [...row].map((m, x) => m === '1' ? `M${x + 4} ${y + 4}h1v1h-1z` : '').join('')).join('');
  return rows.length ? <svg class="qr" viewBox={`0 0 ${n} ${n}`} role="img" aria-label={t('qrCode')} shape-rendering="crispEdges"><path fill="#fff" d={`M0 0h${n}v${n}h-${n}z`} /><path fill="#000" d={dark} /></svg> : null;
}

function Factor() {
  const s = useSignal(session)!, [password, setPassword] = useState(''), [code, setCode] = useState(''), [error, setError] = useState('');
  const [key, setKey] = useState<{ secret: string; uri: string; qr: string[] }>(), [codes, setCodes] = useState<string[]>();
  async function doing(what: () => Promise<void>) {
    setError('');
    try {
      await what();
    } catch (x) {
      setError(why(x));
    }
  }
  const begin = () => doing(async () => {
    if (s.second_factor) {
      await post('/session/factor/remove', { password });
      await whoAmI();
    } else setKey(await post('/session/factor', { password }));
    setPassword('');
  });
  const confirm = () => doing(async () => {
    setCodes((await post<{ recovery_codes: string[] }>('/session/factor/confirm', { code: code.trim() })).recovery_codes);
    setKey(undefined);
    await whoAmI();
  });
  return <section class="card factor"><h2>{t('secondFactor')}</h2>
    <p>{t(s.second_factor ? 'factorOn' : 'factorOff')}</p>
    {!key && <form onSubmit={e => { e.preventDefault(); void begin(); }}>
      <Input label={t('oldPassword')} value={password} set={setPassword} type="password" auto="current-password" need />
      <button type="submit">{t(s.second_factor ? 'factorRemove' : 'factorBegin')}</button></form>}
    {key && <form onSubmit={e => { e.preventDefault(); void confirm(); }}>
      <p>{t('factorKey')}</p><Qr rows={key.qr} /><p><a class="button" href={key.uri}>{t('openApp')}</a></p><p><code class="secret">{key.secret.replace(/(.{4})(?=.)/g, '$1 ')}</code></p>
      <Input label={t('factorConfirm')} value={code} set={setCode} auto="one-time-code" mode="numeric" focus need />
      <button type="submit" class="main">{t('confirm')}</button></form>}
    {codes && <><p>{t('recovery')}</p><ul class="codes">{codes.map(c => <li key={c}><code>{c}</code></li>)}</ul></>}
    <Failed text={error} /></section>;
}

interface Passkey { id: string; name: string; rp_id: string; created: string; used?: string }

function Passkeys() {
  const [name, setName] = useState(''), [password, setPassword] = useState(''), [error, setError] = useState('');
  const list = useData<{ passkeys: Passkey[] }>('/session/passkeys');
  async function doing(what: () => Promise<unknown>) {
    setError('');
    try {
      await what();
      setPassword('');
      setName('');
      list.again();
      tell(t('stored'));
    } catch (x) {
      setError(x instanceof DOMException ? t('noPasskey') : why(x));
    }
  }
  return <section class="card passkeys"><h2>{t('passkeys')}</h2><p>{t('passkeysHint')}</p>
    <ul>{list.data?.passkeys.map(p => <li key={p.id}><bdi>{p.name}</bdi> <small><bdi>{p.rp_id}</bdi> · {t('created')} <Time at={p.created} /> · {t('lastUsed')} {p.used ? <Time at={p.used} /> : t('never')}</small>{' '}
      <button type="button" disabled={!password} onClick={() => doing(() => post(`/session/passkeys/${part(p.id)}/remove`, { password }))}>{t('factorRemove')}<span class="hidden"> {p.name}</span></button></li>)}</ul>
    {!passkeysWork() && <p class="muted">{t('passkeysByName')}</p>}
    <form onSubmit={e => { e.preventDefault(); void doing(() => makePasskey(password, name)); }}>
      <Input label={t('oldPassword')} value={password} set={setPassword} type="password" auto="current-password" need />
      {passkeysWork() && <><Input label={t('passkeyName')} value={name} set={setName} /><button type="submit">{t('passkeyAdd')}</button></>}</form>
    <Failed text={error ?? list.error} /></section>;
}

interface Identity { issuer: string; subject: string; created: string; used?: string }

function Provider({ name }: { name: string }) {
  const [password, setPassword] = useState(''), [error, setError] = useState('');
  const list = useData<{ identities: Identity[] }>('/session/identities'), linked = (list.data?.identities.length ?? 0) > 0;
  async function send(e: Event) {
    e.preventDefault();
    setError('');
    try {
      if (linked) await post('/session/identities/remove', { password });
      // The address is the node's word, made by what the provider publishes.
      else location.assign((await post<{ url: string }>('/session/identities/begin', { password })).url);
      setPassword('');
      list.again();
    } catch (x) {
      setError(why(x));
    }
  }
  return <section class="card identities"><h2><bdi>{name}</bdi></h2><p>{t(linked ? 'identityOn' : 'identityOff')}</p>
    <ul>{list.data?.identities.map(x => <li key={x.issuer + ' ' + x.subject}><bdi>{x.subject}</bdi> <small><bdi>{x.issuer}</bdi> · {t('created')} <Time at={x.created} /> · {t('lastUsed')} {x.used ? <Time at={x.used} /> : t('never')}</small></li>)}</ul>
    <form onSubmit={send}><Input label={t('oldPassword')} value={password} set={setPassword} type="password" auto="current-password" need />
      <button type="submit">{t(linked ? 'identityRemove' : 'identityAdd')}</button></form>
    <Failed text={error} /></section>;
}

export function Account(_: { id: string }) {
  const s = useSignal(session)!;
  return <>
    <Heading text={t('account')} />
    <dl class="facts"><div><dt>{t('user')}</dt><dd><bdi>{s.user}</bdi></dd></div><div><dt>{t('role')}</dt><dd>{s.role}</dd></div>
      <div><dt>{t('organisation')}</dt><dd><bdi>{s.org}</bdi></dd></div><div><dt>{t('tlpMax')}</dt><dd><Tlp of={s.tlp_max} /></dd></div></dl>
    <div class="columns"><Password /><Factor /><Passkeys />{s.provider && <Provider name={s.provider} />}</div>
    <Tokens own />
  </>;
}
