// Who may sign in, with what rights; tokens; and changes that wait for a second person.
import { useState } from 'preact/hooks';
import { drop, part, post, session } from '../api';
import { Key, t, word } from '../lang';
import { go } from '../route';
import { useSignal } from '../signal';
import { Area, Choice, Dialog, Empty, Failed, Heading, Input, Table, tell, Time, Tlp, useData, why } from '../ui';

interface User { name: string; role: string; org: string; tlp_max: string; disabled: boolean; has_password: boolean; locked_until?: string; cert_sha256?: string; created: string }
interface Token { id: string; user: string; note: string; role?: string; tlp_max: string; created: string; expires?: string; last_used?: string }
interface Approval { id: string; asker: string; at: string; method: string; path: string; body?: unknown; state: string; decider?: string; decided?: string; reason?: string; result?: string }

const ROLES = ['admin', 'analyst', 'feeder', 'reader', 'peer'], LEVELS = ['clear', 'green', 'amber', 'amber+strict', 'red'];
const level = (tlp: string) => tlp.replace(/^TLP:/, '').toLowerCase();

/** Does it, says that it is stored or that it waits, or why not. */
function useDoing(again: () => void) {
  const [error, setError] = useState('');
  async function doing<T>(what: () => Promise<T>, then?: (got: T) => void) {
    setError('');
    try {
      const got = await what();
      const waits = !!(got as { approval?: string } | null)?.approval;
      tell(t(waits ? 'waitsForSecond' : 'stored'));
      if (!waits) then?.(got);
      again();
    } catch (x) {
      setError(why(x));
    }
  }
  return { error, doing };
}

function Link({ path, close }: { path: string; close: () => void }) {
  return <Dialog title={t('inviteLink')} close={close}><p>{t('inviteOnce')}</p><p><code class="secret">{location.origin + path}</code></p></Dialog>;
}

function Sure({ text, yes, close }: { text: string; yes: () => void; close: () => void }) {
  return <Dialog title={t('areYouSure')} close={close}><p><bdi>{text}</bdi></p>
    <p class="answers"><button type="button" class="main" onClick={() => { close(); yes(); }}>{t('confirm')}</button> <button type="button" onClick={close}>{t('cancel')}</button></p></Dialog>;
}

function Form({ user, again }: { user?: User; again: () => void }) {
  const me = useSignal(session)!;
  const [name, setName] = useState(user?.name ?? ''), [role, setRole] = useState(user?.role ?? 'analyst'), [org, setOrg] = useState(user?.org ?? '');
  const [tlp, setTlp] = useState(user ? level(user.tlp_max) : 'amber'), [cert, setCert] = useState(user?.cert_sha256 ?? ''), [disabled, setDisabled] = useState(user?.disabled ?? false);
  const [subject, setSubject] = useState(''), [link, setLink] = useState(''), [sure, setSure] = useState<{ text: string; yes: () => void }>();
  const { error, doing } = useDoing(again), at = '/users/' + part(name);
  const invite = () => doing(() => post<{ path: string }>(at + '/link'), r => setLink(r.path));
  const save = () => doing(() => post('/users', { name, role, org, tlp_max: tlp, cert_sha256: cert, disabled }), () => user ? undefined : go('/console/users/' + encodeURIComponent(name)));
  return <section class="card user"><h2>{user ? <bdi>{user.name}</bdi> : t('newUser')}</h2>
    <form onSubmit={e => { e.preventDefault(); void save(); }}>
      {!user && <Input label={t('user')} hint={t('userHint')} value={name} set={setName} focus need />}
      <Choice label={t('role')} value={role} set={setRole} options={ROLES.map(r => [r, word(r, 'role_')])} />
      <p class="muted">{t(('roleHint_' + role) as Key)}</p>
      <Input label={t('organisation')} value={org} set={setOrg} />
      <Choice label={t('tlpMax')} value={tlp} set={setTlp} options={LEVELS.map(l => [l, 'TLP:' + l.toUpperCase()])} />
      <Input label={t('certificate')} hint={t('certificateHint')} value={cert} set={setCert} />
      {user && user.name !== me.user && <label class="check"><input type="checkbox" checked={disabled} onChange={e => setDisabled(e.currentTarget.checked)} />{t('disabled')}</label>}
      <Failed text={error} /><button type="submit" class="main">{t('save')}</button>
    </form>
    {user && <div class="answers acts">
      <button type="button" onClick={invite}>{t('inviteLink')}</button>
      <button type="button" onClick={() => doing(() => drop(at + '/factor'))}>{t('resetCode')}</button>
      <button type="button" onClick={() => doing(() => drop(at + '/passkeys'))}>{t('resetPasskeys')}</button>
      {user.name !== me.user && <button type="button" onClick={() => setSure({ text: t('removeUser', user.name), yes: () => void doing(() => drop(at), () => go('/console/users')) })}>{t('removeUserAct')}</button>}
    </div>}
    {user && me.provider && <form class="bar" onSubmit={e => { e.preventDefault(); void doing(() => post(at + '/identities', { subject })); }}>
      <Input label={t('subjectAt', me.provider)} value={subject} set={setSubject} /><button type="submit" disabled={!subject}>{t('identityAdd')}</button></form>}
    {link && <Link path={link} close={() => setLink('')} />}{sure && <Sure {...sure} close={() => setSure(undefined)} />}
  </section>;
}

function Approvals() {
  const me = useSignal(session)!, list = useData<{ approvals: Approval[] }>('/approvals'), [reason, setReason] = useState(''), [refusing, setRefusing] = useState(''), [link, setLink] = useState('');
  const { error, doing } = useDoing(list.again), waiting = list.data?.approvals.filter(a => a.state === 'waits') ?? [], past = list.data?.approvals.filter(a => a.state !== 'waits').slice(0, 10) ?? [];
  const what = (a: Approval) => <><strong><bdi>{a.method} {a.path.replace('/api/v1', '')}</bdi></strong> {a.body !== undefined && <code><bdi>{JSON.stringify(a.body)}</bdi></code>} <small>{t('by')} <bdi>{a.asker}</bdi> <Time at={a.at} /></small></>;
  if (!list.data || list.data.approvals.length === 0) return <Failed text={list.error} />;
  return <section class="approvals"><h2>{t('secondPerson')}</h2><p class="muted">{t('secondPersonHint')}</p>
    <ul class="timeline">{waiting.map(a => <li key={a.id}>{what(a)}
      {a.asker === me.user ? <span class="tag">{t('waitsForSecond')}</span> : <p class="answers">
        <button type="button" class="main" onClick={() => doing(() => post<{ status: number; result?: { path?: string } }>(`/approvals/${part(a.id)}/approve`), r => { if (r.result?.path) setLink(r.result.path); })}>{t('approve')}<span class="hidden"> {a.path}</span></button>{' '}
        <button type="button" onClick={() => setRefusing(a.id)}>{t('refuse')}<span class="hidden"> {a.path}</span></button></p>}
      {refusing === a.id && <form onSubmit={e => { e.preventDefault(); void doing(() => post(`/approvals/${part(a.id)}/refuse`, { reason })).then(() => { setRefusing(''); setReason(''); }); }}>
        <Area label={t('reason')} value={reason} set={setReason} need /><button type="submit">{t('refuse')}</button></form>}</li>)}
      {past.map(a => <li key={a.id} class="muted">{what(a)} <span class="tag">{word(a.state, 'approval_')}</span> <small><bdi>{a.decider}</bdi> <Time at={a.decided} /> <bdi>{a.reason}</bdi></small></li>)}</ul>
    <Failed text={error} />{link && <Link path={link} close={() => setLink('')} />}</section>;
}

/** Of one's own ("" as `all`) in My account, or of all. */
export function Tokens({ own }: { own?: boolean }) {
  const me = useSignal(session)!, base = own ? '/session/tokens' : '/tokens', list = useData<{ tokens: Token[] }>(base);
  const [user, setUser] = useState(me.user ?? ''), [note, setNote] = useState(''), [role, setRole] = useState('reader'), [tlp, setTlp] = useState('green'), [days, setDays] = useState('90'), [password, setPassword] = useState('');
  const [secret, setSecret] = useState('');
  const { error, doing } = useDoing(list.again);
  const make = () => doing(() => post<{ secret: string }>(base, { ...(own ? { password } : { user }), note, role, tlp_max: tlp, days: Number(days) }), r => { setSecret(r.secret); setPassword(''); setNote(''); });
  return <section class={'card tokens' + (own ? ' own' : '')}><h2>{t('tokens')}</h2><p>{t('tokensHint')}</p>
    {list.data && list.data.tokens.length > 0 && <div class="scroll low" tabIndex={0} role="region" aria-label={t('tokens')}><table><thead><tr>{!own && <th scope="col">{t('user')}</th>}<th scope="col">{t('note')}</th><th scope="col">{t('scope')}</th><th scope="col">{t('until')}</th><th scope="col">{t('lastUsed')}</th><th scope="col">{t('action')}</th></tr></thead>
      <tbody>{list.data.tokens.map(x => <tr key={x.id}>{!own && <td><bdi>{x.user}</bdi></td>}<td><bdi>{x.note || x.id}</bdi></td><td>{x.role ? word(x.role, 'role_') : t('asUser')} <Tlp of={x.tlp_max} /></td>
        <td>{x.expires ? <Time at={x.expires} /> : t('never')}</td><td>{x.last_used ? <Time at={x.last_used} /> : t('never')}</td>
        <td><button type="button" onClick={() => doing(() => drop(`${base}/${part(x.id)}`))}>{t('revoke')}<span class="hidden"> {x.note || x.id}</span></button></td></tr>)}</tbody></table></div>}
    <form onSubmit={e => { e.preventDefault(); void make(); }}><div class="bar">
      {!own && <Input label={t('user')} value={user} set={setUser} need />}
      <Input label={t('note')} value={note} set={setNote} need />
      <Choice label={t('role')} value={role} set={setRole} options={ROLES.slice(0, 4).map(r => [r, word(r, 'role_')])} />
      <Choice label={t('tlpMax')} value={tlp} set={setTlp} options={LEVELS.map(l => [l, 'TLP:' + l.toUpperCase()])} />
      <Choice label={t('validFor')} value={days} set={setDays} options={['1', '7', '30', '90', '365'].map(d => [d, t('days', d)])} />
      {own && <Input label={t('oldPassword')} value={password} set={setPassword} type="password" auto="current-password" need />}
      <button type="submit">{t('tokenMake')}</button></div></form>
    <Failed text={error ?? list.error} />
    {secret && <Dialog title={t('tokenMade')} close={() => setSecret('')}><p>{t('tokenOnce')}</p><p><code class="secret">{secret}</code></p></Dialog>}</section>;
}

export function Users({ id }: { id: string }) {
  const admin = useSignal(session)!.role === 'admin', list = useData<{ users: User[] }>(admin ? '/users' : null), user = list.data?.users.find(u => u.name === id);
  if (!admin) return <><Heading text={t('users')} /><Empty title={t('adminOnly')} teach="" /></>;
  return <>
    {id && <p class="crumb"><a href="/console/users">← {t('users')}</a></p>}
    <Heading text={id && id !== 'new' ? id : t('users')}>{!id && <a class="button main" href="/console/users/new">{t('newUser')}</a>}</Heading>
    <Failed text={list.error} />
    {!list.data && !list.error && <p class="muted">{t('loading')}</p>}
    {id === 'new' && <Form again={list.again} />}
    {id && id !== 'new' && list.data && (user ? <Form key={user.name} user={user} again={list.again} /> : <Failed text={t('notFound')} />)}
    {!id && list.data && <>
      <Approvals />
      <Table<User> label={t('users')} rows={list.data.users} id={u => u.name} link={u => '/console/users/' + encodeURIComponent(u.name)} columns={[
        { name: 'user', cell: u => u.name }, { name: 'role', cell: u => word(u.role, 'role_') }, { name: 'organisation', cell: u => u.org, wide: true }, { name: 'tlpMax', cell: u => <Tlp of={u.tlp_max} /> },
        { name: 'signsInBy', cell: u => [u.has_password && t('password'), u.cert_sha256 && t('certificate')].filter(Boolean).join('、') || t('none') },
        { name: 'state', cell: u => u.disabled ? t('disabled') : u.locked_until && Date.parse(u.locked_until) > Date.now() ? t('locked') : t('activeNow') }]} />
      <Tokens />
    </>}
  </>;
}
