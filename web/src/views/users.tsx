// Who may sign in, with what rights; tokens; and changes that wait for a second person.
import { useState } from 'preact/hooks';
import { drop, part, post, session } from '../api';
import { t, word, words } from '../lang';
import { go } from '../route';
import { useSignal } from '../signal';
import { Area, Choice, Dialog, Empty, Failed, Heading, Input, localTime, Table, tell, Time, Tlp, useData, why } from '../ui';

const w = words({
  waitsForSecond: '等候第二人核可', inviteLink: '設定密碼連結', inviteOnce: '請以安全方式交給使用者：一日內有效，僅能使用一次。', areYouSure: '確定嗎？', newUser: '新增使用者',
  userHint: '1 至 64 個字元：a-z 0-9 . _ -', certificate: '用戶端憑證', certificateHint: '憑證指紋（SHA-256）；持有者不需密碼即可登入。', resetCode: '移除第二因子',
  resetPasskeys: '移除通行金鑰', removeUser: '移除使用者 {0}？其權杖與登入即失效。', removeUserAct: '移除使用者', subjectAt: '在「{0}」的身分（sub）', secondPerson: '等候第二人',
  secondPersonHint: '移除、賦予權限或代他人登入等變更，需由另一位管理者核可後才執行；七日內未決定即失效。', approve: '核可並執行', tokens: 'API 權杖',
  tokensHint: '供程式使用（Authorization: Bearer）。權限不會超過其使用者，並可再限縮。', asUser: '同使用者', revoke: '撤銷', validFor: '有效期間', tokenMake: '建立權杖', tokenMade: '權杖已建立',
  tokenOnce: '僅顯示這一次，請立即保存：', signsInBy: '登入方式', locked: '暫時鎖定', roleHint_admin: '可做一切，包括使用者、節點與設定。', roleHint_analyst: '處理事件、監控單與情資。',
  roleHint_feeder: '送入情資與檢視。', roleHint_reader: '只能檢視。', roleHint_peer: '其他節點：只交換集合，不能登入主控台工作。', approval_approved: '已核可', approval_refused: '已拒絕',
  approval_void: '逾期失效', ends: '使用至（含當日，可留空）', endsHint: '此日結束後帳號自動停用，登入與權杖同時失效。', ended: '已到期', until: '使用至',
}, {
  waitsForSecond: 'Waits for a second person', inviteLink: 'Link to set a password',
  inviteOnce: 'Give it to the user by a safe way: it works once, within a day.', areYouSure: 'Are you sure?', newUser: 'New user',
  userHint: '1 to 64 of a-z 0-9 . _ -', certificate: 'Client certificate',
  certificateHint: 'Fingerprint (SHA-256); who holds it signs in without a password.', resetCode: 'Remove second factor',
  resetPasskeys: 'Remove passkeys', removeUser: 'Remove the user {0}? Tokens and sessions end.', removeUserAct: 'Remove user',
  subjectAt: 'Who it is at {0} (sub)', secondPerson: 'Waiting for a second person',
  secondPersonHint: 'What removes, gives more power or lets in as somebody else is done when another administrator approves it; after seven days it is void.',
  approve: 'Approve and do', tokens: 'API tokens',
  tokensHint: 'For programs (Authorization: Bearer). A token may do no more than its user, and less if you say so.', asUser: 'As its user',
  revoke: 'Revoke', validFor: 'Valid for', tokenMake: 'Make a token', tokenMade: 'The token is made', tokenOnce: 'Shown this once; keep it now:',
  signsInBy: 'Signs in by', locked: 'Locked for now', roleHint_admin: 'May do everything: users, nodes and settings, too.',
  roleHint_analyst: 'Works on incidents, tickets and intelligence.', roleHint_feeder: 'Sends intelligence in, and looks.',
  roleHint_reader: 'Looks only.', roleHint_peer: 'Another node: exchanges collections and does not work in the console.',
  approval_approved: 'Approved', approval_refused: 'Refused', approval_void: 'Void', ends: 'Valid through (may stay empty)',
  endsHint: 'When this day is over the account is shut by itself, with its sessions and tokens.', ended: 'Ended', until: 'Until',
});
/** The end of that day here. */
const lastDay = (day: string) => day ? new Date(day + 'T23:59:59').toISOString() : '';

interface User { name: string; role: string; org: string; tlp_max: string; disabled: boolean; has_password: boolean; locked_until?: string; cert_sha256?: string; expires?: string; created: string }
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
      tell(waits ? w('waitsForSecond') : t('stored'));
      if (!waits) then?.(got);
      again();
    } catch (x) {
      setError(why(x));
    }
  }
  return { error, doing };
}

function Link({ path, close }: { path: string; close: () => void }) {
  return <Dialog title={w('inviteLink')} close={close}><p>{w('inviteOnce')}</p><p><code class="secret">{location.origin + path}</code></p></Dialog>;
}

function Sure({ text, yes, close }: { text: string; yes: () => void; close: () => void }) {
  return <Dialog title={w('areYouSure')} close={close}><p><bdi>{text}</bdi></p>
    <p class="answers"><button type="button" class="main" onClick={() => { close(); yes(); }}>{t('confirm')}</button> <button type="button" onClick={close}>{t('cancel')}</button></p></Dialog>;
}

function Form({ user, again }: { user?: User; again: () => void }) {
  const me = useSignal(session)!;
  const [name, setName] = useState(user?.name ?? ''), [role, setRole] = useState(user?.role ?? 'analyst'), [org, setOrg] = useState(user?.org ?? '');
  const [tlp, setTlp] = useState(user ? level(user.tlp_max) : 'amber'), [cert, setCert] = useState(user?.cert_sha256 ?? ''), [disabled, setDisabled] = useState(user?.disabled ?? false);
  const [ends, setEnds] = useState(user?.expires ? localTime(Date.parse(user.expires)).slice(0, 10) : '');
  const [subject, setSubject] = useState(''), [link, setLink] = useState(''), [sure, setSure] = useState<{ text: string; yes: () => void }>();
  const { error, doing } = useDoing(again), at = '/users/' + part(name);
  const invite = () => doing(() => post<{ path: string }>(at + '/link'), r => setLink(r.path));
  const save = () => doing(() => post('/users', { name, role, org, tlp_max: tlp, cert_sha256: cert, disabled, expires: lastDay(ends) }), () => user ? undefined : go('/console/users/' + encodeURIComponent(name)));
  return <section class="card user"><h2>{user ? <bdi>{user.name}</bdi> : w('newUser')}</h2>
    <form onSubmit={e => { e.preventDefault(); void save(); }}>
      {!user && <Input label={t('user')} hint={w('userHint')} value={name} set={setName} focus need />}
      <Choice label={t('role')} value={role} set={setRole} options={ROLES.map(r => [r, word(r, 'role_')])} />
      <p class="muted">{w(('roleHint_' + role) as 'roleHint_admin')}</p>
      <Input label={t('organisation')} value={org} set={setOrg} />
      <Choice label={t('tlpMax')} value={tlp} set={setTlp} options={LEVELS.map(l => [l, 'TLP:' + l.toUpperCase()])} />
      <Input label={w('certificate')} hint={w('certificateHint')} value={cert} set={setCert} />
      {user?.name !== me.user && <Input label={w('ends')} hint={w('endsHint')} type="date" value={ends} set={setEnds} />}
      {user && user.name !== me.user && <label class="check"><input type="checkbox" checked={disabled} onChange={e => setDisabled(e.currentTarget.checked)} />{t('disabled')}</label>}
      <Failed text={error} /><button type="submit" class="main">{t('save')}</button>
    </form>
    {user && <div class="answers acts">
      <button type="button" onClick={invite}>{w('inviteLink')}</button>
      <button type="button" onClick={() => doing(() => drop(at + '/factor'))}>{w('resetCode')}</button>
      <button type="button" onClick={() => doing(() => drop(at + '/passkeys'))}>{w('resetPasskeys')}</button>
      {user.name !== me.user && <button type="button" onClick={() => setSure({ text: w('removeUser', user.name), yes: () => void doing(() => drop(at), () => go('/console/users')) })}>{w('removeUserAct')}</button>}
    </div>}
    {user && me.provider && <form class="bar" onSubmit={e => { e.preventDefault(); void doing(() => post(at + '/identities', { subject })); }}>
      <Input label={w('subjectAt', me.provider)} value={subject} set={setSubject} /><button type="submit" disabled={!subject}>{t('identityAdd')}</button></form>}
    {link && <Link path={link} close={() => setLink('')} />}{sure && <Sure {...sure} close={() => setSure(undefined)} />}
  </section>;
}

function Approvals() {
  const me = useSignal(session)!, list = useData<{ approvals: Approval[] }>('/approvals'), [reason, setReason] = useState(''), [refusing, setRefusing] = useState(''), [link, setLink] = useState('');
  const { error, doing } = useDoing(list.again), waiting = list.data?.approvals.filter(a => a.state === 'waits') ?? [], past = list.data?.approvals.filter(a => a.state !== 'waits').slice(0, 10) ?? [];
  const what = (a: Approval) => <><strong><bdi>{a.method} {a.path.replace('/api/v1', '')}</bdi></strong> {a.body !== undefined && <code><bdi>{JSON.stringify(a.body)}</bdi></code>} <small>{t('by')} <bdi>{a.asker}</bdi> <Time at={a.at} /></small></>;
  if (!list.data || list.data.approvals.length === 0) return <Failed text={list.error} />;
  return <section class="approvals"><h2>{w('secondPerson')}</h2><p class="muted">{w('secondPersonHint')}</p>
    <ul class="timeline">{waiting.map(a => <li key={a.id}>{what(a)}
      {a.asker === me.user ? <span class="tag">{w('waitsForSecond')}</span> : <p class="answers">
        <button type="button" class="main" onClick={() => doing(() => post<{ status: number; result?: { path?: string } }>(`/approvals/${part(a.id)}/approve`), r => { if (r.result?.path) setLink(r.result.path); })}>{w('approve')}<span class="hidden"> {a.path}</span></button>{' '}
        <button type="button" onClick={() => setRefusing(a.id)}>{t('refuse')}<span class="hidden"> {a.path}</span></button></p>}
      {refusing === a.id && <form onSubmit={e => { e.preventDefault(); void doing(() => post(`/approvals/${part(a.id)}/refuse`, { reason })).then(() => { setRefusing(''); setReason(''); }); }}>
        <Area label={t('reason')} value={reason} set={setReason} need /><button type="submit">{t('refuse')}</button></form>}</li>)}
      {past.map(a => <li key={a.id} class="muted">{what(a)} <span class="tag">{w(('approval_' + a.state) as 'approval_void')}</span> <small><bdi>{a.decider}</bdi> <Time at={a.decided} /> <bdi>{a.reason}</bdi></small></li>)}</ul>
    <Failed text={error} />{link && <Link path={link} close={() => setLink('')} />}</section>;
}

/** Of one's own ("" as `all`) in My account, or of all. */
export function Tokens({ own }: { own?: boolean }) {
  const me = useSignal(session)!, base = own ? '/session/tokens' : '/tokens', list = useData<{ tokens: Token[] }>(base);
  const [user, setUser] = useState(me.user ?? ''), [note, setNote] = useState(''), [role, setRole] = useState('reader'), [tlp, setTlp] = useState('green'), [days, setDays] = useState('90'), [password, setPassword] = useState('');
  const [secret, setSecret] = useState('');
  const { error, doing } = useDoing(list.again);
  const make = () => doing(() => post<{ secret: string }>(base, { ...(own ? { password } : { user }), note, role, tlp_max: tlp, days: Number(days) }), r => { setSecret(r.secret); setPassword(''); setNote(''); });
  return <section class={'card tokens' + (own ? ' own' : '')}><h2>{w('tokens')}</h2><p>{w('tokensHint')}</p>
    {list.data && list.data.tokens.length > 0 && <div class="scroll low" tabIndex={0} role="region" aria-label={w('tokens')}><table><thead><tr>{!own && <th scope="col">{t('user')}</th>}<th scope="col">{t('note')}</th><th scope="col">{t('scope')}</th><th scope="col">{t('until')}</th><th scope="col">{t('lastUsed')}</th><th scope="col">{t('action')}</th></tr></thead>
      <tbody>{list.data.tokens.map(x => <tr key={x.id}>{!own && <td><bdi>{x.user}</bdi></td>}<td><bdi>{x.note || x.id}</bdi></td><td>{x.role ? word(x.role, 'role_') : w('asUser')} <Tlp of={x.tlp_max} /></td>
        <td>{x.expires ? <Time at={x.expires} /> : t('never')}</td><td>{x.last_used ? <Time at={x.last_used} /> : t('never')}</td>
        <td><button type="button" onClick={() => doing(() => drop(`${base}/${part(x.id)}`))}>{w('revoke')}<span class="hidden"> {x.note || x.id}</span></button></td></tr>)}</tbody></table></div>}
    <form onSubmit={e => { e.preventDefault(); void make(); }}><div class="bar">
      {!own && <Input label={t('user')} value={user} set={setUser} need />}
      <Input label={t('note')} value={note} set={setNote} need />
      <Choice label={t('role')} value={role} set={setRole} options={ROLES.slice(0, 4).map(r => [r, word(r, 'role_')])} />
      <Choice label={t('tlpMax')} value={tlp} set={setTlp} options={LEVELS.map(l => [l, 'TLP:' + l.toUpperCase()])} />
      <Choice label={w('validFor')} value={days} set={setDays} options={['1', '7', '30', '90', '365'].map(d => [d, t('days', d)])} />
      {own && <Input label={t('oldPassword')} value={password} set={setPassword} type="password" auto="current-password" need />}
      <button type="submit">{w('tokenMake')}</button></div></form>
    <Failed text={error ?? list.error} />
    {secret && <Dialog title={w('tokenMade')} close={() => setSecret('')}><p>{w('tokenOnce')}</p><p><code class="secret">{secret}</code></p></Dialog>}</section>;
}

export function Users({ id }: { id: string }) {
  const admin = useSignal(session)!.role === 'admin', list = useData<{ users: User[] }>(admin ? '/users' : null), user = list.data?.users.find(u => u.name === id);
  if (!admin) return <><Heading text={t('users')} /><Empty title={t('adminOnly')} teach="" /></>;
  return <>
    {id && <p class="crumb"><a href="/console/users">← {t('users')}</a></p>}
    <Heading text={id && id !== 'new' ? id : t('users')}>{!id && <a class="button main" href="/console/users/new">{w('newUser')}</a>}</Heading>
    <Failed text={list.error} />
    {!list.data && !list.error && <p class="muted">{t('loading')}</p>}
    {id === 'new' && <Form again={list.again} />}
    {id && id !== 'new' && list.data && (user ? <Form key={user.name} user={user} again={list.again} /> : <Failed text={t('notFound')} />)}
    {!id && list.data && <>
      <Approvals />
      <Table<User> label={t('users')} rows={list.data.users} id={u => u.name} link={u => '/console/users/' + encodeURIComponent(u.name)} columns={[
        { name: 'user', cell: u => u.name }, { name: 'role', cell: u => word(u.role, 'role_') }, { name: 'organisation', cell: u => u.org, wide: true }, { name: 'tlpMax', cell: u => <Tlp of={u.tlp_max} /> },
        { name: 'signsInBy', title: w('signsInBy'), cell: u => [u.has_password && t('password'), u.cert_sha256 && w('certificate')].filter(Boolean).join('、') || t('none') },
        { name: 'state', cell: u => u.disabled ? t('disabled') : u.expires && Date.parse(u.expires) <= Date.now() ? w('ended') : u.locked_until && Date.parse(u.locked_until) > Date.now() ? w('locked')   : u.expires ? <>{w('until')} <Time at={u.expires} /></> : t('activeNow') }]} />
      <Tokens />
    </>}
  </>;
}
