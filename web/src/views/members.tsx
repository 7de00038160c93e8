// Nodes above, below and beside, and this one.
import { t, word } from '../lang';
import { session } from '../api';
import { useSignal } from '../signal';
import { Empty, Failed, Heading, Time, useData } from '../ui';

interface Peer { name: string; relation: string; url?: string; disabled?: boolean; last_ok?: string; last_error?: string; links?: unknown[] }
interface Status { name: string; tier: string; identity: string; started?: string; cert_sha256?: string; store?: { engine: string; objects: number; bytes_on_disk: number; disk_full: boolean };
  roles?: { role: string; pid: number; fences: string }[]; inputs?: { name: string; lines?: number; error?: string }[] }
const SILENT = 15 * 60e3;

export function Members(_: { id: string }) {
  const admin = useSignal(session)!.role === 'admin', peers = useData<{ peers: Peer[] }>(admin ? '/peers' : null), status = useData<Status>('/status');
  const s = status.data;
  return <>
    <Heading text={t('members')} />
    <section><h2>{t('peers')}</h2>
      {!admin && <p class="muted">{t('adminOnly')}</p>}
      <Failed text={peers.error} />
      {peers.data && peers.data.peers.length === 0 && <Empty title={t('noPeers')} teach={t('noPeersTeach')} />}
      {peers.data && peers.data.peers.length > 0 && <div class="scroll low" tabIndex={0} role="region" aria-label={t('peers')}><table><thead><tr>
        <th scope="col">{t('organisation')}</th><th scope="col">{t('relation')}</th><th scope="col">{t('state')}</th><th scope="col">{t('lastOk')}</th><th scope="col" class="wide">{t('lastError')}</th></tr></thead>
        <tbody>{peers.data.peers.map(p => {
          const well = p.last_ok && Date.now() - Date.parse(p.last_ok) < SILENT;
          return <tr key={p.name}><td><bdi>{p.name}</bdi></td><td>{word(p.relation)}</td><td><span class={'verdict v-' + (p.disabled ? 'void' : well ? 'met' : 'breached')}>{t(p.disabled ? 'disabled' : well ? 'healthy' : 'silent')}</span></td>
            <td>{p.last_ok ? <Time at={p.last_ok} /> : t('never')}</td><td class="wide"><bdi>{p.last_error}</bdi></td></tr>;
        })}</tbody></table></div>}
    </section>
    <section><h2>{t('thisNode')}</h2><Failed text={status.error} />
      {s && <dl class="facts"><div><dt>{t('organisation')}</dt><dd><bdi>{s.name}</bdi></dd></div><div><dt>{t('relation')}</dt><dd>{word(s.tier)}</dd></div>
        {s.started && <div><dt>{t('started')}</dt><dd><Time at={s.started} /></dd></div>}
        {s.cert_sha256 && <div><dt>{t('fingerprint')}</dt><dd><code>{s.cert_sha256}</code></dd></div>}
        {s.store && <div><dt>{t('storage')}</dt><dd>{s.store.engine} · {t('objects')} {s.store.objects.toLocaleString()} · {(s.store.bytes_on_disk / 1e6).toFixed(1)} MB</dd></div>}</dl>}
      {s?.roles && <><h3>{t('roles')}</h3><ul>{s.roles.map(r => <li key={r.role}><strong><bdi>{r.role}</bdi></strong> <code class="muted"><bdi>{r.fences}</bdi></code></li>)}</ul></>}
      {s?.inputs && s.inputs.length > 0 && <><h3>{t('inputs')}</h3><ul>{s.inputs.map(i => <li key={i.name}><bdi>{i.name}</bdi> {t('lines')} {i.lines} <span class="bad"><bdi>{i.error}</bdi></span></li>)}</ul></>}
    </section>
  </>;
}
