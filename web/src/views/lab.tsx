// The malware lab: files in by drag and drop, what came of them, and one report.
import { useEffect, useRef, useState } from 'preact/hooks';
import { drop, get, part, Refused, session } from '../api';
import { useKeys } from '../keys';
import { span, t } from '../lang';
import { sized, Report, Verdict, VERDICTS } from '../lab/report';
import { Citizen, Share, Similar } from '../lab/share';
import { digest, Progress, Upload } from '../lab/upload';
import { ReportView, VerdictTag } from '../lab/view';
import { w } from '../lab/words';
import { go, route } from '../route';
import { signal, useSignal } from '../signal';
import { Choice, Dialog, Empty, Failed, Heading, Input, pulse, Table, Time, why } from '../ui';

const CLASSES = ['verdict', 'government', 'public', 'hash'] as const;
type Class = typeof CLASSES[number];
interface Receipt { submission: string; sha256: string; deleted: string; by: string; why: string; key_destroyed: boolean; public_key: string; signature: string }
interface Submission { id: string; name: string; owner: string; privacy: Class; state: 'uploading' | 'waiting' | 'inspecting' | 'done' | 'deleted'; verdict: Verdict | null; sha256: string | null; size: number;
  received: string; finished: string | null; generation?: string; sample: boolean; report?: Report; receipt?: Receipt }
interface Page { submissions: Submission[]; next?: string }
interface Lab { running: boolean; generation?: string; fences?: string; waiting?: number; limits: { size: number; piece?: number; per_account?: number }; keep_days?: number }

export function Lab({ id }: { id: string }) {
  return id ? <One id={id} /> : <Front />;
}

const stateOf = (s: Submission) => s.verdict && s.state !== 'deleted' ? <VerdictTag of={s.verdict} /> : <span class="muted">{w(s.state === 'deleted' ? 'deleted' : s.state === 'waiting' ? 'waiting_' : 'inspecting')}</span>;

// --- what is under way: kept while the page is, whatever view is open ---

interface Sending { upload: Upload; name: string; progress: Progress; begun: boolean; id?: string; verdict?: Verdict; lost?: string }
const LONGEST = 30, SOON = 1000, PIECE = 4 << 20;

async function verdictOf(id: string): Promise<Submission> {
  for (;;) {
    const began = Date.now(), s = await get<Submission>(`/lab/submissions/${part(id)}?wait=${LONGEST}`, true);
    if (s.state === 'done' || s.state === 'deleted') return s;
    // A node where many wait lets nobody wait more.
    if (Date.now() - began < SOON) await new Promise(go => setTimeout(go, SOON));
  }
}

const sending = signal<Sending[]>([]);
/** Neither sent nor asked for at once: a node takes few uploads of one account at a time, and lets few wait. */
const AT_ONCE = 4, SHOWN = 20;
const settled = (s: Sending) => s.verdict !== undefined || s.lost !== undefined || s.progress.stage === 'failed' || s.progress.stage === 'paused';

function begin() {
  const list = sending.get(), next = list.filter(s => !s.begun).slice(0, Math.max(0, AT_ONCE - list.filter(s => s.begun && !settled(s)).length));
  if (next.length === 0) return;
  sending.set(list.map(s => next.includes(s) ? { ...s, begun: true } : s));
  next.forEach(s => s.upload.start());
}

function change(u: Upload, more: Partial<Sending>) {
  sending.set(sending.get().map(x => x.upload === u ? { ...x, ...more } : x));
  begin();
}

function send(file: File, privacy: Class, passwords: string, piece: number) {
  const u: Upload = new Upload(file, { privacy, passwords }, progress => change(u, { progress }), id => {
    change(u, { id });
    void verdictOf(id).then(s => change(u, s.verdict ? { verdict: s.verdict } : { lost: w('deleted') }), e => change(u, { lost: why(e) }));
  }, piece);
  // The same file twice is one upload; handed in again when it has its verdict, it takes the other's place.
  const list = sending.get().filter(x => x.upload.key !== u.key || !x.verdict);
  if (list.some(x => x.upload.key === u.key)) return;
  sending.set([...list, { upload: u, name: file.name, begun: false, progress: { stage: 'asking', sent: 0, size: file.size, rate: 0, left: 0, wait: 0, resumedAt: 0 } }]);
  begin();
}

function giveUp(u: Upload) {
  void u.cancel();
  sending.set(sending.get().filter(x => x.upload !== u));
  begin();
}

function line(p: Progress): string {
  const sent = sized(p.sent), all = sized(p.size);
  if (p.stage === 'paused') return w('paused', sent, all);
  if (p.stage === 'waiting') return w('waiting', p.wait, sent);
  if (p.stage === 'failed') return why(p.error);
  return p.rate > 0 ? w('sending', sent, all, sized(p.rate), span(p.left * 1000)) : w('sendingSoon', sent, all);
}

function Under({ s, remove }: { s: Sending; remove: () => void }) {
  const p = s.progress;
  return <li class="card"><strong><bdi>{s.name}</bdi></strong>
    {s.id ? <p>{s.verdict ? <><VerdictTag of={s.verdict} /> <a href={'/console/lab/' + part(s.id)}>{w('reasons')}<span class="hidden"> {s.name}</span></a></> : s.lost ?? w('inspecting')}</p> : !s.begun ? <p class="muted">{w('queued')}</p> : <>
      <progress max={Math.max(1, p.size)} value={p.sent} aria-label={s.name} />
      <p class={p.stage === 'failed' ? 'bad' : 'muted'}>{line(p)}{p.resumedAt > 0 && p.stage === 'sending' && ` · ${w('resumedAt', sized(p.resumedAt))}`}</p>
      <p>{p.stage === 'sending' || p.stage === 'asking' || p.stage === 'waiting' ? <button type="button" onClick={() => s.upload.pause()}>{w('pause')}<span class="hidden"> {s.name}</span></button>
        : <button type="button" onClick={() => s.upload.start()}>{w('resume')}<span class="hidden"> {s.name}</span></button>}
        {' '}<button type="button" onClick={remove}>{w('cancel')}<span class="hidden"> {s.name}</span></button></p></>}</li>;
}

/** Those that wait or are under way, then the last that came to an end: a thousand files are a number and not a thousand boxes. */
function Sent() {
  const list = useSignal(sending), done = list.filter(s => s.verdict), open = list.filter(s => !s.verdict);
  if (list.length === 0) return null;
  return <section aria-label={w('uploads')}>
    {list.length > 1 && <p role="status">{w('sent', done.length, list.length)} {VERDICTS.map(v => [v, done.filter(s => s.verdict === v).length] as const).filter(x => x[1] > 0).map(([v, n]) => <span key={v}><VerdictTag of={v} /> {n} </span>)}</p>}
    <ul class="sending" aria-live="polite">{[...open.slice(0, SHOWN), ...done.slice(-SHOWN).reverse()].map(s => <Under key={s.upload.key} s={s} remove={() => giveUp(s.upload)} />)}</ul></section>;
}

/** The first 20 bits go to the node, which answers with all that begin so; which one is meant it does not learn. */
async function lookUp(sha256: string): Promise<Verdict | undefined> {
  const { hashes } = await get<{ hashes: { sha256: string; verdict: Verdict }[] }>('/lab/hashes/' + sha256.slice(0, 5));
  return hashes.find(x => x.sha256 === sha256)?.verdict;
}

type Looked = { name: string; sha256: string; verdict?: Verdict };

function Known({ of }: { of: Looked }) {
  return <p><bdi>{of.name}</bdi> <code>{of.sha256}</code><br />{of.verdict ? <>{w('knownHash', '')}<VerdictTag of={of.verdict} /></> : w('unknownHash')}</p>;
}

function LookUp() {
  const [text, setText] = useState(''), [got, set] = useState<Looked>(), [error, setError] = useState('');
  async function ask(e: Event) {
    e.preventDefault();
    const sha256 = text.trim().toLowerCase();
    set(undefined);
    if (!/^[0-9a-f]{64}$/.test(sha256)) return setError(w('badHash'));
    setError('');
    try {
      set({ name: '', sha256, verdict: await lookUp(sha256) });
    } catch (x) {
      setError(why(x));
    }
  }
  return <section class="look"><h2>{w('lookup')}</h2><form class="bar" onSubmit={ask}><Input label="SHA-256" hint={w('lookupHint')} value={text} set={setText} /><button type="submit">{w('ask')}</button></form>
    <Failed text={error} /><div role="status">{got && <Known of={got} />}</div></section>;
}

function Intake({ lab }: { lab: Lab }) {
  const [privacy, setPrivacy] = useState<Class>('verdict'), [passwords, setPasswords] = useState(''), [over, setOver] = useState(false), [looked, setLooked] = useState<Looked[]>([]), [error, setError] = useState('');
  const input = useRef<HTMLInputElement>(null);
  async function take(files: Iterable<File>) {
    setError('');
    for (const f of files) {
      if (privacy !== 'hash') {
        send(f, privacy, passwords.split(/\s+/).filter(Boolean).join('\n'), Math.min(PIECE, lab.limits.piece ?? PIECE));
        continue;
      }
      try {
        const sha256 = await digest(f), verdict = await lookUp(sha256);
        setLooked(l => [...l, { name: f.name, sha256, verdict }]);
      } catch (e) {
        setError(e instanceof Refused ? why(e) : w('doubtful'));
      }
    }
  }
  // A file that misses the field must not replace the page by itself.
  useEffect(() => {
    const stop = (e: DragEvent) => e.preventDefault();
    addEventListener('dragover', stop);
    addEventListener('drop', stop);
    return () => { removeEventListener('dragover', stop); removeEventListener('drop', stop); };
  }, []);
  useKeys({ n: () => input.current?.click() });
  return <section>
    <div class={'drop' + (over ? ' over' : '')} onDragOver={e => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
      onDrop={e => { e.preventDefault(); setOver(false); void take(e.dataTransfer?.files ?? []); }}>
      <p><label for="lab-file">{w('drop')} <kbd>n</kbd></label> <input ref={input} id="lab-file" type="file" multiple aria-describedby="lab-drop" onChange={e => { void take([...e.currentTarget.files ?? []]); e.currentTarget.value = ''; }} /></p>
      <p id="lab-drop"><small>{w('dropTeach')}</small><small>{w('limits', sized(lab.limits.size), (lab.limits.per_account || '∞').toLocaleString(), lab.keep_days ?? '')}</small></p>
      <fieldset class="classes"><legend>{w('privacy')}</legend>{CLASSES.map(c => <label key={c} class="check"><input type="radio" name="privacy" value={c} checked={privacy === c} onChange={() => setPrivacy(c)} /> <span><strong>{w(`class_${c}`)}</strong> <small>{w(`hint_${c}`)}</small></span></label>)}</fieldset>
      {privacy !== 'hash' && <Input label={w('password')} hint={w('passwordHint')} value={passwords} set={setPasswords} />}
    </div>
    <Failed text={error} />
    <Sent />
    <div role="status">{looked.map((l, i) => <Known key={i} of={l} />)}</div>
  </section>;
}

function Front() {
  const [lab, set] = useState<Lab>(), [error, setError] = useState('');
  useEffect(() => { get<Lab>('/lab').then(set, e => e instanceof Refused && e.code === 'no-lab' ? set({ running: false, limits: { size: 0 } }) : setError(why(e))); }, []);
  return <>
    <Heading text={w('title')} /><p class="muted">{w('teach')}</p>
    <Failed text={error} />
    {lab && !lab.running && <Empty title={w('noLab')} teach={w('noLabTeach')} />}
    {lab?.running && <><Intake lab={lab} /><List /><LookUp /></>}
  </>;
}

function List() {
  const q = useSignal(route).query, beat = useSignal(pulse), verdict = q.get('verdict') ?? '', sha256 = q.get('sha256') ?? '', all = q.get('all') === 'true', [text, setText] = useState(sha256);
  const base = '/lab/submissions?' + new URLSearchParams(Object.entries({ limit: '200', verdict, sha256, all: all ? 'true' : '' }).filter(x => x[1]));
  const [pages, set] = useState<{ base: string; list: Page[]; error?: string }>({ base: '', list: [] });
  const load = (list: Page[]) => {
    const last = list[list.length - 1];
    if (last && !last.next) return;
    get<Page>(base + (last ? '&before=' + last.next : ''), beat !== '').then(p => set({ base, list: [...list, p] }), e => set({ base, list, error: why(e) }));
  };
  useEffect(() => load([]), [base, beat]);
  const change = (to: Record<string, string>) => {
    const p = new URLSearchParams(Object.entries({ verdict, sha256, all: all ? 'true' : '', ...to }).filter(x => x[1]));
    go('/console/lab' + (p.size ? '?' + p : ''), true);
  };
  const rows = pages.base === base ? pages.list.flatMap(p => p.submissions) : [];
  const may = ['analyst', 'admin'].includes(useSignal(session)?.role ?? '');
  return <section><h2>{w('submissions')}</h2>
    <form class="bar" role="search" onSubmit={e => { e.preventDefault(); change({ sha256: text.trim().toLowerCase() }); }}>
      <Input label="SHA-256" value={text} set={setText} />
      <Choice label={w('verdict')} value={verdict} set={v => change({ verdict: v })} options={[['', w('all')], ...VERDICTS.map(v => [v, w(v)] as [string, string])]} />
      {may && <label class="check"><input type="checkbox" checked={all} onChange={e => change({ all: e.currentTarget.checked ? 'true' : '' })} /> {w('others')}</label>}
      <span class="muted grow" aria-live="polite">{t('rows', rows.length)}</span></form>
    <Failed text={pages.error} />
    {pages.base === base && rows.length === 0 && !pages.error && <Empty title={w('none')} teach={w('noneTeach')} />}
    {rows.length > 0 && <Table label={w('submissions')} rows={rows} id={r => r.id} link={r => '/console/lab/' + part(r.id)} end={() => load(pages.list)} columns={[
      { name: 'file', title: w('file'), cell: r => r.name || r.sha256 || r.id, wide: true }, { name: 'verdict', title: w('verdict'), cell: stateOf }, { name: 'size', title: w('size'), cell: r => sized(r.size) },
      { name: 'class', title: w('class'), cell: r => w(`class_${r.privacy}`) }, { name: 'by', title: w('by'), cell: r => r.owner }, { name: 'at', title: w('at'), cell: r => <Time at={r.received} /> }]} />}
  </section>;
}

function useSubmission(id: string) {
  const [s, set] = useState<Submission>(), [error, setError] = useState(''), [times, again] = useState(0);
  useEffect(() => {
    let gone = false;
    const fail = (e: unknown) => { if (!gone) setError(why(e)); };
    get<Submission>('/lab/submissions/' + part(id)).then(now => {
      if (gone) return;
      set(now);
      if (now.state !== 'done' && now.state !== 'deleted' && now.state !== 'uploading') void verdictOf(id).then(x => { if (!gone) set(x); }, fail);
    }, fail);
    return () => { gone = true; };
  }, [id, times]);
  return { s, set, error, setError, again: () => again(n => n + 1) };
}

function Proof({ of }: { of: Receipt }) {
  return <section class="card"><h2>{w('proof')}</h2><p class="good">{w('proofTeach')}</p><pre tabIndex={0}><bdi>{JSON.stringify(of, null, 1)}</bdi></pre></section>;
}

function One({ id }: { id: string }) {
  const { s, set, error, setError } = useSubmission(id), [sure, ask] = useState(false), [busy, setBusy] = useState(false), me = useSignal(session);
  const may = ['analyst', 'admin'].includes(me?.role ?? ''), mine = s && (s.owner === 'user:' + me?.user || me?.role === 'admin');
  async function act(what: () => Promise<unknown>) {
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      await what();
    } catch (e) {
      setError(why(e));
    }
    setBusy(false);
  }
  const remove = () => act(async () => {
    const gone = await drop<Submission>('/lab/submissions/' + part(id));
    ask(false);
    set({ ...s!, ...gone, report: undefined });
  });
  useKeys({ u: () => go('/console/lab') });
  if (!s) return error ? <Failed text={error} /> : <p class="muted">{t('loading')}</p>;
  return <>
    <p class="crumb"><a href="/console/lab">{w('title')}</a></p>
    <Heading text={s.name || s.sha256 || s.id}>{stateOf(s)}<span class="tag">{w(`class_${s.privacy}`)}</span></Heading>
    <p class="muted">{sized(s.size)} · <bdi>{s.owner}</bdi> · <Time at={s.received} /></p>
    <Failed text={error} />
    {s.receipt && <Proof of={s.receipt} />}
    {s.state !== 'done' && s.state !== 'deleted' && <p role="status">{w('inspecting')} <progress aria-label={w('inspecting')} /></p>}
    {s.report && <ReportView report={s.report} id={s.sample ? s.id : undefined} />}
    {s.report && <><Similar id={s.id} /><Citizen id={s.id} /><p>{w('downloads')} <a href={`/api/v1/lab/submissions/${part(id)}/stix`} download={`${s.id}.stix.json`}>{w('stix')}</a> · <a href={`/api/v1/lab/submissions/${part(id)}`} download={`${s.id}.json`}>{w('json')}</a></p></>}
    {s.report && s.verdict === 'malicious' && may && <Share id={s.id} />}
    {mine && s.state === 'done' && <p><button type="button" disabled={busy} onClick={() => ask(true)}>{w('delete')}</button></p>}
    {sure && <Dialog title={w('delete')} close={() => ask(false)}><p>{w('deleteSure', s.name || s.id)}</p><p><button type="button" class="main" disabled={busy} onClick={remove}>{w('deleteDo')}</button> <button type="button" onClick={() => ask(false)}>{t('cancel')}</button></p></Dialog>}
  </>;
}
