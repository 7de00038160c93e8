// The rules in force: what became of each, which techniques they cover; one is judged while it is written, and tried before it counts.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { drop, get, part, post, put, raw, session, stream } from '../api';
import { Histogram } from '../chart';
import { useKeys } from '../keys';
import { at, t as word, words } from '../lang';
import { pace } from '../pace';
import { go, route } from '../route';
import { useSignal } from '../signal';
import { Choice, Empty, Failed, Field, Heading, Input, Table, tell, why } from '../ui';

const t = words({
  title: '規則', filter: '篩選', filterHint: '標題、識別碼、作者、來源或標籤', verdict: '狀態', level: '等級', source: '日誌來源', technique: '攻擊手法', file: '檔案', author: '作者', list: '清單', matrix: 'ATT&CK 涵蓋', show: '檢視',
  loaded: '生效', 'needs-list': '需要清單', refused: '拒收', off: '停用', ignored: '非規則', reason: '原因', own: '本節點', newRule: '新增規則', none: '沒有規則。', noneTeach: '在 lianfang.conf 的 [detect] rules 指定 Sigma 規則資料夾，或按「新增規則」撰寫第一條。', noMatch: '沒有符合的規則。',
  counts: '{0} 條生效、{1} 條拒收、{2} 條需要清單、{3} 條停用', matrixHint: '依規則自己的標籤；數字為生效規則數，選取可列出', untold: '未註明戰術', covered: '{0} 項手法有規則涵蓋', text: '規則內容（Sigma YAML）', good: '可生效', checking: '檢查中…', line: '第 {0} 行',
  try: '以歷史紀錄試跑', trySpan: '試跑期間', tried: '{0} 筆符合，已看 {1} 筆紀錄，{2} 秒', trying: '試跑中：{0} 筆符合 · {1}', stop: '停止', quiet: '這段期間沒有符合的紀錄。', matchesOverTime: '{0} 筆符合隨時間的分布', firstOnes: '僅列出前 {0} 筆', partial: '時間到，尚未看完', save: '儲存並生效', saved: '已生效：{0}', turnOff: '停用', turnOn: '啟用',
  isOff: '已停用：{0}', isOn: '已啟用：{0}', remove: '移除本節點版本', removed: '已移除；設定資料夾的版本重新生效', note: '說明（記入稽核）', last: '最近 {0}', tickets: '相關監控單', replaced: '本節點版本優先於設定資料夾', noId: '規則沒有識別碼，無法在此修改或停用', readOnly: '您的角色僅可檢視', all: '全部', matched: '比對內容',
}, {
  title: 'Rules', filter: 'Filter', filterHint: 'Title, id, author, source or tag', verdict: 'State', level: 'Level', source: 'Log source', technique: 'Techniques', file: 'File', author: 'Author', list: 'List', matrix: 'ATT&CK coverage', show: 'Show',
  loaded: 'In force', 'needs-list': 'Needs a list', refused: 'Refused', off: 'Off', ignored: 'No rule', reason: 'Reason', own: 'This node', newRule: 'New rule', none: 'No rules.', noneTeach: 'Name a folder of Sigma rules in [detect] rules of lianfang.conf, or press “New rule” to write the first one.', noMatch: 'No rule matches.',
  counts: '{0} in force, {1} refused, {2} need a list, {3} off', matrixHint: 'By the rules’ own tags; the number is of rules in force, and lists them', untold: 'No tactic told', covered: '{0} techniques are covered by a rule', text: 'Text (Sigma YAML)', good: 'Would be in force', checking: 'Checking…', line: 'line {0}',
  try: 'Try on the past', trySpan: 'Over', tried: '{0} match, {1} events looked at, {2} s', trying: 'Trying: {0} match · {1}', stop: 'Stop', quiet: 'Nothing of this time matches.', matchesOverTime: '{0} matches over time', firstOnes: 'the first {0} are shown', partial: 'time is up; not all was looked at', save: 'Save and put in force', saved: 'In force: {0}', turnOff: 'Turn off', turnOn: 'Turn on',
  isOff: 'Off: {0}', isOn: 'On: {0}', remove: 'Remove this node’s text', removed: 'Removed; that of the configured folder holds again', note: 'Note (for the audit)', last: 'Last {0}', tickets: 'Its tickets', replaced: 'This node’s text goes before the configured folder’s', noId: 'The rule has no id: it cannot be changed or turned off here', readOnly: 'Your role may only look', all: 'All', matched: 'What matched',
});
const VERDICTS = ['loaded', 'refused', 'needs-list', 'off'] as const;
const LEVELS = ['critical', 'high', 'medium', 'low', 'informational'];
// In ATT&CK's order, with its own English names.
const TACTICS = ['reconnaissance', 'resource-development', 'initial-access', 'execution', 'persistence', 'privilege-escalation', 'stealth', 'defense-evasion', 'defense-impairment', 'credential-access', 'discovery', 'lateral-movement', 'collection', 'command-and-control', 'exfiltration', 'impact'];
const TACTIC_ZH = ['偵察', '資源開發', '初始入侵', '執行', '持續潛伏', '權限提升', '隱匿', '防禦規避', '防禦破壞', '憑證存取', '探索', '橫向移動', '蒐集', '命令與控制', '資料外洩', '衝擊'];
const tacticWords = words(Object.fromEntries(TACTICS.map((x, i) => [x, TACTIC_ZH[i]])), Object.fromEntries(TACTICS.map(x => [x, x.replace(/-/g, ' ')])));

interface Rule { id: string; title: string; verdict: typeof VERDICTS[number] | 'ignored'; reason: string; file: string; line: number; own: boolean; level?: string; status?: string; author?: string; kind?: string; product?: string; category?: string; service?: string; tags?: string[] }
interface Book { rules: Rule[]; loaded: number; refused: number; needs_list: number; off: number }
interface Match { time: string; source: string; record?: number; title: string; why: { name: string; value: string }[]; event?: string }
interface Trial { matches: Match[]; found: number; looked_at: number; blocks: number; blocks_done: number; seconds: number; buckets?: number[]; whole?: boolean; done?: boolean; from: number; to: number }

export function Rules({ id }: { id: string }) {
  return id ? <One id={id} /> : <List />;
}

const source = (r: Rule) => [r.product, r.category, r.service].filter(Boolean).join(' / ');
const techniques = (r: Rule) => (r.tags ?? []).filter(x => /^attack\.t\d{4}/i.test(x)).map(x => x.slice(7).toUpperCase());
const tactics = (r: Rule) => (r.tags ?? []).map(x => x.toLowerCase().replace(/^attack\./, '').replace(/_/g, '-')).filter(x => TACTICS.includes(x));
const key = (r: Rule) => r.id || r.title;

function useBook() {
  const [book, set] = useState<Book>(), [error, fail] = useState('');
  useEffect(() => { get<Book>('/rules').then(set, e => fail(why(e))); }, []);
  return { book, error };
}

function State({ of }: { of: Rule['verdict'] }) {
  return <span class={'verdict ' + (of === 'loaded' ? 'v-met' : of === 'off' ? 'v-void' : 'v-breached')}>{t(of)}</span>;
}

function List() {
  const { book, error } = useBook(), q = useSignal(route).query, show = q.get('show') ?? 'list';
  const [text, setText] = useState(q.get('q') ?? ''), verdict = q.get('state') ?? '', level = q.get('level') ?? '';
  useEffect(() => setText(q.get('q') ?? ''), [q]);
  const change = (to: Record<string, string>) => {
    const p = new URLSearchParams(Object.entries({ q: q.get('q') ?? '', state: verdict, level, show: show === 'list' ? '' : show, ...to }).filter(x => x[1]));
    go('/console/rules' + (p.size ? '?' + p : ''), true);
  };
  useKeys({ '/': () => document.querySelector<HTMLInputElement>('form.bar input')?.focus(), n: () => go('/console/rules/new') });
  const wanted = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = useMemo(() => (book?.rules ?? []).filter(r => (!verdict || r.verdict === verdict) && (!level || r.level === level) &&
    wanted.every(w => [r.title, r.id, r.author, source(r), r.file, ...(r.tags ?? [])].some(x => x?.toLowerCase().includes(w)))), [book, text, verdict, level]);
  return <>
    <Heading text={t('title')}><a class="button main" href="/console/rules/new">{t('newRule')} <kbd>n</kbd></a></Heading>
    <form class="bar" role="search" onSubmit={e => { e.preventDefault(); change({ q: raw(text.trim()) }); }}>
      <Input label={t('filter')} hint={t('filterHint')} value={text} set={setText} />
      <Choice label={t('verdict')} value={verdict} set={v => change({ state: v })} options={[['', t('all')], ...VERDICTS.map(v => [v, t(v)] as [string, string])]} />
      <Choice label={t('level')} value={level} set={v => change({ level: v })} options={[['', t('all')], ...LEVELS.map(v => [v, v] as [string, string])]} />
      <Choice label={t('show')} value={show} set={v => change({ show: v === 'list' ? '' : v })} options={[['list', t('list')], ['coverage', t('matrix')]]} /></form>
    <Failed text={error} />
    {!book && !error && <p class="muted">{word('loading')}</p>}
    {book && <p class="muted" role="status">{t('counts', book.loaded, book.refused, book.needs_list, book.off)} · {word('rows', rows.length)}</p>}
    {book && book.rules.length === 0 && <Empty title={t('none')} teach={t('noneTeach')} />}
    {book && book.rules.length > 0 && rows.length === 0 && <Empty title={t('noMatch')} teach={t('filterHint')} />}
    {rows.length > 0 && (show === 'coverage' ? <Matrix rules={rows} choose={x => change({ q: x, show: '' })} /> : <Table label={t('title')} rows={rows} id={r => r.file + r.line} link={r => '/console/rules/' + part(key(r))} columns={[
      { name: 'title', title: t('title'), cell: r => r.title || r.file, wide: true }, { name: 'verdict', title: t('verdict'), cell: r => <><State of={r.verdict} /> {r.own && <span class="tag">{t('own')}</span>}</> },
      { name: 'level', title: t('level'), cell: r => r.level }, { name: 'source', title: t('source'), cell: source }, { name: 'technique', title: t('technique'), cell: r => r.verdict === 'loaded' ? techniques(r).join(', ') : r.reason },
      { name: 'author', title: t('author'), cell: r => r.author },
    ]} />)}
  </>;
}

/** A column a tactic, a cell a technique, as the rules' own tags say it. */
function Matrix({ rules, choose }: { rules: Rule[]; choose: (tag: string) => void }) {
  const columns = useMemo(() => {
    const cells = new Map<string, Map<string, number>>();
    for (const r of rules) if (r.verdict === 'loaded') for (const technique of new Set(techniques(r).map(x => x.slice(0, 5)))) {
      const list = tactics(r);
      for (const tactic of list.length ? list : ['']) {
        const column = cells.get(tactic) ?? cells.set(tactic, new Map()).get(tactic)!;
        column.set(technique, (column.get(technique) ?? 0) + 1);
      }
    }
    return [...TACTICS, ''].filter(x => cells.has(x)).map(x => ({ tactic: x, cells: [...cells.get(x)!].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])) }));
  }, [rules]);
  const all = new Set(columns.flatMap(c => c.cells.map(x => x[0])));
  return <section><p class="muted">{t('covered', all.size)} · {t('matrixHint')}</p>
    <div class="matrix" tabIndex={0} role="region" aria-label={t('matrix')}>{columns.map(c => <section key={c.tactic}><h2>{c.tactic ? tacticWords(c.tactic) : t('untold')} <small>{c.cells.length}</small></h2>
      <ul>{c.cells.map(([id, n]) => <li key={id}><button type="button" class={'heat heat-' + Math.min(4, Math.ceil(Math.log2(n + 1)))} onClick={() => choose('attack.' + id.toLowerCase())}>{id} <span>{n}</span></button></li>)}</ul>
    </section>)}</div></section>;
}

const fresh = () => `title: \nid: ${crypto.randomUUID()}\nstatus: experimental\nauthor: \nlevel: medium\ntags: []\nlogsource:\n  product: windows\n  category: process_creation\ndetection:\n  selection:\n    Image|endswith: '\\example.exe'\n  condition: selection\nfalsepositives: []\n`;

/** What would become of the text, asked when nobody has typed for a moment. */
function useCheck(text: string) {
  const [said, set] = useState<{ text: string; rules?: Rule[]; error?: string }>({ text: '' });
  useEffect(() => {
    if (!text.trim()) return;
    const timer = setTimeout(() => post<Book>('/rules/check', { text: raw(text) }).then(r => set({ text, rules: r.rules }), e => set({ text, error: why(e) })), 300);
    return () => clearTimeout(timer);
  }, [text]);
  return said.text === text ? said : undefined;
}

const SPANS: [string, number][] = [['1h', 3600e3], ['24h', 86400e3], ['7d', 604800e3], ['30d', 2592000e3]];

function useTrial() {
  const [trial, set] = useState<Trial>(), [error, fail] = useState(''), stop = useRef<AbortController>();
  useEffect(() => () => stop.current?.abort(), []);
  async function run(text: string, ms: number) {
    stop.current?.abort();
    const mine = stop.current = new AbortController(), to = Date.now(), from = to - ms;
    fail('');
    set({ matches: [], found: 0, looked_at: 0, blocks: 1, blocks_done: 0, seconds: 0, from, to });
    try {
      await stream('/rules/try', (event, data) => {
        const p = data as Partial<Trial>;
        if (!mine.signal.aborted) set(x => ({ ...x!, ...p, matches: [...x!.matches, ...(p.matches ?? [])], done: event === 'end' }));
      }, mine.signal, { text: raw(text), since: new Date(from).toISOString(), until: new Date(to).toISOString(), buckets: 80 });
    } catch (e) {
      if (!mine.signal.aborted) { fail(why(e)); set(undefined); }
    }
  }
  return { trial, error, run, halt: () => { stop.current?.abort(); set(x => x && { ...x, done: true, whole: false }); } };
}

function Tried({ trial, halt }: { trial: Trial; halt: () => void }) {
  return <section aria-label={t('try')}>
    <p role="status">{trial.done ? t('tried', trial.found.toLocaleString(), trial.looked_at.toLocaleString(), trial.seconds.toFixed(1)) : t('trying', trial.found.toLocaleString(), pace(trial.blocks_done, trial.blocks, trial.seconds, word('rows', Math.round(trial.looked_at / Math.max(.001, trial.seconds)).toLocaleString())))}
      {trial.done && trial.whole === false && ` · ${t('partial')}`}{trial.found > trial.matches.length && trial.done && ` · ${t('firstOnes', trial.matches.length)}`} {!trial.done && <button type="button" onClick={halt}>{t('stop')}</button>}</p>
    {trial.buckets && <Histogram label={t('matchesOverTime', trial.found)} from={trial.from} to={trial.to} counts={trial.buckets} choose={(a, b) => go(`/console/events?since=${new Date(a).toISOString()}&until=${new Date(b).toISOString()}`)} />}
    {trial.done && trial.found === 0 && <p class="good">{t('quiet')}</p>}
    <ol class="timeline">{trial.matches.slice(0, 50).map((m, i) => <li key={i}><div><strong>{at(m.time)}</strong> <span class="muted"><bdi>{m.source}</bdi></span></div>
      <p>{m.why.map((f, n) => <code key={n}><bdi>{f.name}</bdi> = <mark><bdi>{f.value}</bdi></mark> </code>)}</p>{m.event && <details><summary>{word('raw')}</summary><pre tabIndex={0}><bdi>{m.event}</bdi></pre></details>}</li>)}</ol>
  </section>;
}

function One({ id }: { id: string }) {
  const making = id === 'new', [rule, setRule] = useState<Rule>(), [text, setText] = useState(making ? fresh : ''), [was, setWas] = useState(''), [note, setNote] = useState('');
  const [error, setError] = useState(''), [busy, setBusy] = useState(false), [span, setSpan] = useState('7d'), said = useCheck(text), { trial, error: tryError, run, halt } = useTrial();
  const may = ['analyst', 'admin'].includes(useSignal(session)?.role ?? '');
  const load = () => get<{ rule: Rule; text: string }>('/rules/' + part(id)).then(r => { setRule(r.rule); setText(r.text); setWas(r.text); }, e => setError(why(e)));
  useEffect(() => { if (!making) void load(); }, [id]);
  const good = said?.rules?.length === 1 && said.rules[0].verdict === 'loaded';
  async function act(what: () => Promise<unknown>, says: string, then: () => unknown = load) {
    if (busy) return;
    setBusy(true);
    setError('');
    try {
      await what();
      tell(says);
      setNote('');
      await then();
    } catch (e) {
      setError(why(e));
    }
    setBusy(false);
  }
  const more = note ? { note } : {};
  const save = () => good && act(() => making ? post('/rules', { text: raw(text), ...more }) : put('/rules/' + part(id), { text: raw(text), ...more }), t('saved', said!.rules![0].title), making ? () => go('/console/rules/' + part(said!.rules![0].id)) : load);
  const tryIt = () => { if (said?.rules) void run(text, SPANS.find(s => s[0] === span)![1]); };
  const flip = () => rule?.id && act(() => post(`/rules/${part(id)}/${rule.verdict === 'off' ? 'on' : 'off'}`, more), t(rule.verdict === 'off' ? 'isOn' : 'isOff', rule.title));
  useKeys({ u: () => go('/console/rules'), t: tryIt, x: () => { if (may && !making) void flip(); } });
  if (!making && !rule) return error ? <Failed text={error} /> : <p class="muted">{word('loading')}</p>;
  return <>
    <p class="crumb"><a href="/console/rules">{t('title')}</a></p>
    <Heading text={making ? t('newRule') : rule!.title}>{rule && <State of={rule.verdict} />}{rule?.own && <span class="tag">{t('own')}</span>}{rule?.level && <span class="tag">{rule.level}</span>}</Heading>
    {rule && <dl class="facts"><div><dt>{t('source')}</dt><dd><bdi>{source(rule)}</bdi></dd></div><div><dt>{t('author')}</dt><dd><bdi>{rule.author}</bdi></dd></div><div><dt>{t('file')}</dt><dd><bdi>{rule.file}:{rule.line}</bdi></dd></div>
      <div><dt>{t('technique')}</dt><dd>{techniques(rule).map(x => <span key={x}><a href={'/console/rules?q=attack.' + x.toLowerCase()}>{x}</a> </span>)}</dd></div>
      {rule.reason && <div><dt>{t('reason')}</dt><dd><bdi>{rule.reason}</bdi></dd></div>}</dl>}
    {rule?.own && <p class="muted">{t('replaced')}</p>}
    {rule && !rule.id && <p class="muted">{t('noId')}</p>}
    {!may && <p class="muted">{t('readOnly')}</p>}
    <div class="rule-text"><Field label={t('text')}>{fid => <textarea id={fid} class="code" rows={18} spellcheck={false} readOnly={!may} value={text} onInput={e => setText(e.currentTarget.value)} />}</Field></div>
    <div role="status">{!text.trim() ? null : !said ? <p class="muted">{t('checking')}</p> : said.error ? <p class="bad">{said.error}</p> : said.rules!.map(r => <p key={r.line + r.title} class={r.verdict === 'loaded' ? 'good' : 'bad'}>
      <strong>{r.verdict === 'loaded' ? t('good') : t(r.verdict)}</strong> <bdi>{r.title}</bdi>{r.reason && <> · {t('line', r.line)}: <bdi>{r.reason}</bdi></>}</p>)}</div>
    <div class="bar"><Choice label={t('trySpan')} value={span} set={setSpan} options={SPANS.map(([k, ms]) => [k, t('last', ms <= 86400e3 ? word('hours', ms / 3600e3) : word('days', ms / 86400e3))])} />
      <button type="button" onClick={tryIt} disabled={!said?.rules}>{t('try')} <kbd>t</kbd></button></div>
    <Failed text={tryError} />
    {trial && <Tried trial={trial} halt={halt} />}
    {may && <section class="card form"><Input label={t('note')} value={note} set={setNote} />
      <div class="bar"><button type="button" class="main" disabled={busy || !good || text === was} onClick={save}>{t('save')}</button>
        {rule?.id && <button type="button" disabled={busy} onClick={flip}>{t(rule.verdict === 'off' ? 'turnOn' : 'turnOff')} <kbd>x</kbd></button>}
        {rule?.own && <button type="button" disabled={busy} onClick={() => act(() => drop('/rules/' + part(id)), t('removed'), () => go('/console/rules'))}>{t('remove')}</button>}</div>
      <Failed text={error} /></section>}
  </>;
}
