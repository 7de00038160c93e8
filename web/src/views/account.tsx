// One's own password and second factor.
import { useState } from 'preact/hooks';
import { part, post, session, whoAmI } from '../api';
import { makePasskey, passkeysWork } from '../passkey';
import { t, word, words } from '../lang';
import { useSignal } from '../signal';
import { Tokens } from './users';
import { Failed, Heading, Input, tell, Time, Tlp, useData, why } from '../ui';

const w = words({
  changePassword: '變更密碼', secondFactor: '第二因子（驗證程式）', factorOn: '已啟用：登入時需要驗證碼。', factorOff: '未啟用。建議啟用，密碼外洩時帳號仍受保護。', factorBegin: '啟用',
  factorRemove: '移除', factorKey: '在驗證程式中掃描或開啟此連結，或手動輸入金鑰：', openApp: '以驗證程式開啟', factorConfirm: '輸入驗證程式顯示的六位數字', recovery: '復原碼（僅顯示這一次，請妥善保存；每組限用一次）：',
  passkeys: '通行金鑰', passkeysHint: '以裝置的指紋、臉部或 PIN 登入，不需密碼與驗證碼。請先輸入目前的密碼。', passkeysByName: '通行金鑰綁定主機名稱，請以名稱（而非 IP 位址）開啟主控台。',
  passkeyName: '名稱（例如：辦公室筆電）', passkeyAdd: '新增通行金鑰', created: '建立', identityOn: '已連結：可由身分提供者登入。', identityOff: '未連結。連結後可由身分提供者登入，不需本節點的密碼。',
  identityRemove: '取消連結', qrCode: '驗證程式用的 QR 碼',
}, {
  changePassword: 'Change password', secondFactor: 'Second factor (authenticator)', factorOn: 'On: signing in asks for a code.',
  factorOff: 'Off. With it your account stays yours when a password leaks.', factorBegin: 'Turn on', factorRemove: 'Remove',
  factorKey: 'Open this link with your authenticator, or type the key:', openApp: 'Open in authenticator',
  factorConfirm: 'Type the six digits that it shows', recovery: 'Recovery codes (shown this once; keep them safe; each works once):',
  passkeys: 'Passkeys',
  passkeysHint: 'Sign in by your device\'s finger print, face or PIN, without password and code. Give your present password first.',
  passkeysByName: 'Passkeys belong to a host\'s name: open the console by a name, not by an IP address.',
  passkeyName: 'Name (for example: office laptop)', passkeyAdd: 'Add a passkey', created: 'Created', identityOn: 'Linked: the provider signs you in.',
  identityOff: 'Not linked. Once linked, the provider signs you in without the password of this node.', identityRemove: 'Unlink',
  qrCode: 'QR code for the authenticator',
});
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
  return <form class="card" onSubmit={send}><h2>{w('changePassword')}</h2>
    <Input label={t('oldPassword')} value={old} set={setOld} type="password" auto="current-password" need />
    <Input label={t('newPassword')} hint={t('passwordRule')} value={one} set={setOne} type="password" auto="new-password" need />
    <Input label={t('again')} value={two} set={setTwo} type="password" auto="new-password" need />
    <Failed text={error} /><button type="submit">{w('changePassword')}</button></form>;
}

/** Four modules of light around it belong to the code; black on white in each theme. */
function Qr({ rows }: { rows: string[] }) {
  const n = rows.length + 8, dark = rows.map((row, y) => [...row].map((m, x) => m === '1' ? `M${x + 4} ${y + 4}h1v1h-1z` : '').join('')).join('');
  return rows.length ? <svg class="qr" viewBox={`0 0 ${n} ${n}`} role="img" aria-label={w('qrCode')} shape-rendering="crispEdges"><path fill="#fff" d={`M0 0h${n}v${n}h-${n}z`} /><path fill="#000" d={dark} /></svg> : null;
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
  return <section class="card factor"><h2>{w('secondFactor')}</h2>
    <p>{w(s.second_factor ? 'factorOn' : 'factorOff')}</p>
    {!key && <form onSubmit={e => { e.preventDefault(); void begin(); }}>
      <Input label={t('oldPassword')} value={password} set={setPassword} type="password" auto="current-password" need />
      <button type="submit">{w(s.second_factor ? 'factorRemove' : 'factorBegin')}</button></form>}
    {key && <form onSubmit={e => { e.preventDefault(); void confirm(); }}>
      <p>{w('factorKey')}</p><Qr rows={key.qr} /><p><a class="button" href={key.uri}>{w('openApp')}</a></p><p><code class="secret">{key.secret.replace(/(.{4})(?=.)/g, '$1 ')}</code></p>
      <Input label={w('factorConfirm')} value={code} set={setCode} auto="one-time-code" mode="numeric" focus need />
      <button type="submit" class="main">{t('confirm')}</button></form>}
    {codes && <><p>{w('recovery')}</p><ul class="codes">{codes.map(c => <li key={c}><code>{c}</code></li>)}</ul></>}
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
  return <section class="card passkeys"><h2>{w('passkeys')}</h2><p>{w('passkeysHint')}</p>
    <ul>{list.data?.passkeys.map(p => <li key={p.id}><bdi>{p.name}</bdi> <small><bdi>{p.rp_id}</bdi> · {w('created')} <Time at={p.created} /> · {t('lastUsed')} {p.used ? <Time at={p.used} /> : t('never')}</small>{' '}
      <button type="button" disabled={!password} onClick={() => doing(() => post(`/session/passkeys/${part(p.id)}/remove`, { password }))}>{w('factorRemove')}<span class="hidden"> {p.name}</span></button></li>)}</ul>
    {!passkeysWork() && <p class="muted">{w('passkeysByName')}</p>}
    <form onSubmit={e => { e.preventDefault(); void doing(() => makePasskey(password, name)); }}>
      <Input label={t('oldPassword')} value={password} set={setPassword} type="password" auto="current-password" need />
      {passkeysWork() && <><Input label={w('passkeyName')} value={name} set={setName} /><button type="submit">{w('passkeyAdd')}</button></>}</form>
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
  return <section class="card identities"><h2><bdi>{name}</bdi></h2><p>{w(linked ? 'identityOn' : 'identityOff')}</p>
    <ul>{list.data?.identities.map(x => <li key={x.issuer + ' ' + x.subject}><bdi>{x.subject}</bdi> <small><bdi>{x.issuer}</bdi> · {w('created')} <Time at={x.created} /> · {t('lastUsed')} {x.used ? <Time at={x.used} /> : t('never')}</small></li>)}</ul>
    <form onSubmit={send}><Input label={t('oldPassword')} value={password} set={setPassword} type="password" auto="current-password" need />
      <button type="submit">{linked ? w('identityRemove') : t('identityAdd')}</button></form>
    <Failed text={error} /></section>;
}

export function Account(_: { id: string }) {
  const s = useSignal(session)!;
  return <>
    <Heading text={t('account')} />
    <dl class="facts"><div><dt>{t('user')}</dt><dd><bdi>{s.user}</bdi></dd></div><div><dt>{t('role')}</dt><dd>{word(s.role ?? '', 'role_')}</dd></div>
      <div><dt>{t('organisation')}</dt><dd><bdi>{s.org}</bdi></dd></div><div><dt>{t('tlpMax')}</dt><dd><Tlp of={s.tlp_max} /></dd></div></dl>
    <div class="columns"><Password /><Factor /><Passkeys />{s.provider && <Provider name={s.provider} />}</div>
    <Tokens own />
  </>;
}
