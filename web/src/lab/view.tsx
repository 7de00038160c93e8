// A report: the verdict with each reason and its place, what lies in what, what was not seen, facts.
import { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { go, route } from '../route';
import { useSignal } from '../signal';
import { Hex, HexDialog } from './hex';
import { bytesOf, byWeight, hexAt, Match, Part, Report, sized, treeOf, Verdict } from './report';
import { w } from './words';

const FIRST = 100;

/** Words for what the node sends as an identifier; a later node may have more of them. */
const VERDICT_CLASS: Record<Verdict, string> = { malicious: 'v-breached', suspicious: 'v-soon', incomplete: 'v-soon', unsupported: 'v-soon', 'no-finding': 'v-void', 'known-good': 'v-met' };

export function VerdictTag({ of }: { of: Verdict }) {
  return <span class={'verdict ' + VERDICT_CLASS[of]}>{w(of)}</span>;
}

/** The first ones of many, and a button for the rest. */
function Some<R>({ rows, children }: { rows: R[]; children: (rows: R[]) => ComponentChildren }) {
  const [all, set] = useState(false);
  return <>{children(all ? rows : rows.slice(0, FIRST))}
    {!all && rows.length > FIRST && <p><button type="button" onClick={() => set(true)}>{w('more', rows.length - FIRST)}</button></p>}</>;
}

function Reason({ m, top, show }: { m: Match; top: string; show?: (m: Match) => void }) {
  const bytes = useMemo(() => bytesOf(m.bytes), [m]);
  return <li class={'reason reason-' + m.weight}>
    <h3><span class={'verdict ' + (m.weight === 'malicious' ? 'v-breached' : m.weight === 'suspicious' ? 'v-soon' : m.weight === 'good' ? 'v-met' : 'v-void')}>{w(m.weight)}</span>
      {' '}{m.kind === 'rule' || m.kind === 'hash' || m.kind === 'feature' || m.kind === 'clamav' ? w(m.kind) : m.kind} <bdi><code>{m.id}</code></bdi></h3>
    {m.why && <p><bdi lang="en">{m.why}</bdi></p>}
    <dl class="facts"><div><dt>{w('where')}</dt><dd><bdi>{m.path}</bdi><br />{w('offsetAt', m.offset.toLocaleString(), hexAt(m.offset), m.length.toLocaleString())}</dd></div>
      {m.part && <div><dt>{w('part')}</dt><dd><bdi><code>{m.part}</code></bdi></dd></div>}
      {m.author && <div><dt>{w('author')}</dt><dd><bdi>{m.author}</bdi></dd></div>}</dl>
    {bytes.length > 0 && <Hex bytes={bytes} from={m.offset} hit={m} label={`${w('bytes')} ${m.id}`} />}
    {show && (m.path === top ? <p><button type="button" onClick={() => show(m)}>{w('showHex')}<span class="hidden"> {m.id}</span></button></p> : bytes.length > 0 && <p><small>{w('excerptOnly')}</small></p>)}
  </li>;
}

function Reasons({ report, show }: { report: Report; show?: (m: Match) => void }) {
  const list = useMemo(() => byWeight(report.matches), [report]);
  return <section aria-labelledby="lab-reasons"><h2 id="lab-reasons">{w('reasons')}</h2>
    {list.length === 0 ? <p class="muted">{w('noReasons')}</p> : <Some rows={list}>{rows => <ol class="reasons">{rows.map((m, i) => <Reason key={i} m={m} top={report.path} show={show} />)}</ol>}</Some>}</section>;
}

function Node({ part, counts, chosen, choose }: { part: Part; counts: Map<string, { hits: number; unseen: number }>; chosen: string; choose: (path: string) => void }) {
  const c = part.child, n = counts.get(part.path);
  const line = <><button type="button" class="link" aria-pressed={chosen === part.path} onClick={() => choose(chosen === part.path ? '' : part.path)}><bdi>{part.name || '∅'}</bdi></button>
    {' '}<small>{c ? <>{c.how} · {sized(c.size)} · {c.types.join(', ') || w('unknownType')} · <span title={w('fromParent', c.offset, c.length)}>@{hexAt(c.offset)}</span></> : w('whole')}</small>
    {n && n.hits > 0 && <> <span class="verdict v-breached">{w('hits', n.hits)}</span></>}{n && n.unseen > 0 && <> <span class="verdict v-soon">{w('notSeen')}</span></>}</>;
  return <li>{line}{part.parts.length > 0 && <details open><summary><small>{w('parts', part.parts.length)}</small></summary><ul>{part.parts.map((p, i) => <Node key={i} part={p} counts={counts} chosen={chosen} choose={choose} />)}</ul></details>}</li>;
}

function Tree({ report, chosen, choose }: { report: Report; chosen: string; choose: (path: string) => void }) {
  const top = useMemo(() => treeOf(report), [report]);
  const counts = useMemo(() => {
    const map = new Map<string, { hits: number; unseen: number }>(), of = (path: string) => map.get(path) ?? map.set(path, { hits: 0, unseen: 0 }).get(path)!;
    for (const m of report.matches) of(m.path).hits++;
    for (const u of report.unseen) of(u.path).unseen++;
    return map;
  }, [report]);
  return <section aria-labelledby="lab-tree"><h2 id="lab-tree">{w('tree')} <small>{w('parts', report.children.toLocaleString())}</small></h2>
    {report.tree.length === 0 ? <p class="muted">{w('noTree')}</p> : <><p class="muted">{w('treeTeach')}</p>
      <div class="tree" tabIndex={0} role="region" aria-label={w('tree')}><ul><Node part={top} counts={counts} chosen={chosen} choose={choose} /></ul></div></>}
    {report.left_out > 0 && <p class="muted">{w('treeCut', report.left_out.toLocaleString())}</p>}</section>;
}

function Ledger({ report }: { report: Report }) {
  return <section aria-labelledby="lab-ledger"><h2 id="lab-ledger">{w('ledger')}</h2>
    {report.unseen.length === 0 && report.bytes_seen === report.bytes_total ? <p class="good">{w('allSeen', report.bytes_total.toLocaleString())}</p> : <>
      <p class="bad">{w('someSeen', report.bytes_seen.toLocaleString(), report.bytes_total.toLocaleString())}</p>
      <Some rows={report.unseen}>{rows => <div class="scroll low" tabIndex={0} role="region" aria-label={w('ledger')}><table><thead><tr><th scope="col">{w('reason')}</th><th scope="col">{w('where')}</th><th scope="col">{w('offset')}</th><th scope="col">{w('length')}</th></tr></thead>
        <tbody>{rows.map((u, i) => <tr key={i}><td><bdi lang="en">{u.why}</bdi></td><td><bdi>{u.path}</bdi></td><td class="figure">{hexAt(u.offset)}</td><td class="figure">{u.length.toLocaleString()}</td></tr>)}</tbody></table></div>}</Some></>}
    <p><meter min={0} max={Math.max(1, report.bytes_total)} value={report.bytes_seen} aria-label={w('seenMeter')} /></p></section>;
}

/** The same fact of several files is one line with a number. */
function Facts({ report, chosen, choose }: { report: Report; chosen: string; choose: (path: string) => void }) {
  const rows = useMemo(() => {
    const seen = new Map<string, { name: string; value: string; path: string; n: number }>();
    for (const f of report.facts) {
      if (chosen && f.path !== chosen) continue;
      const key = f.path + '\n' + f.name + '\n' + f.value, have = seen.get(key);
      if (have) have.n++;
      else seen.set(key, { ...f, n: 1 });
    }
    return [...seen.values()];
  }, [report, chosen]);
  const child = chosen ? report.tree.find(c => c.path === chosen) : undefined;
  return <section aria-labelledby="lab-facts"><h2 id="lab-facts">{w('facts')}</h2>
    {chosen && <p role="status">{w('onlyOf', '')}<bdi>{chosen}</bdi> <button type="button" onClick={() => choose('')}>{w('showAll')}</button>
      {child && <><br />SHA-256 <code>{child.sha256}</code> · {sized(child.size)} · {w('fromParent', child.offset.toLocaleString(), child.length.toLocaleString())}</>}</p>}
    {rows.length === 0 ? <p class="muted">{w('noFacts')}</p> : <Some rows={rows}>{shown => <div class="scroll low" tabIndex={0} role="region" aria-label={w('facts')}><table><thead><tr><th scope="col">{w('name')}</th><th scope="col">{w('value')}</th>{!chosen && <th scope="col">{w('where')}</th>}</tr></thead>
      <tbody>{shown.map((f, i) => <tr key={i}><th scope="row"><code>{f.name}</code></th><td class="text"><bdi>{f.value}</bdi>{f.n > 1 && <small> ×{f.n}</small>}</td>{!chosen && <td><bdi>{f.path}</bdi></td>}</tr>)}</tbody></table></div>}</Some>}</section>;
}

/** `id`: of the submission, when its bytes rest at the node and can be looked at. */
export function ReportView({ report, id }: { report: Report; id?: string }) {
  const chosen = useSignal(route).query.get('part') ?? '', [hit, show] = useState<Match>();
  const choose = (path: string) => go(location.pathname + (path ? '?part=' + encodeURIComponent(path) : ''), true);
  return <div class="lab-report">
    <p class={'said-verdict ' + (report.verdict === 'malicious' ? 'bad' : report.verdict === 'known-good' ? 'good' : '')}>{w(`say_${report.verdict}`)}</p>
    <dl class="facts"><div><dt>SHA-256</dt><dd><code>{report.sha256 ?? '—'}</code></dd></div><div><dt>SHA-1</dt><dd><code>{report.sha1 ?? '—'}</code></dd></div><div><dt>MD5</dt><dd><code>{report.md5 ?? '—'}</code></dd></div>
      <div><dt>{w('size')}</dt><dd>{sized(report.size)}</dd></div><div><dt>{w('types')}</dt><dd>{report.types.join(', ') || w('unknownType')}</dd></div><div><dt>{w('generation')}</dt><dd><code>{report.generation}</code></dd></div></dl>
    <Reasons report={report} show={id ? show : undefined} />
    <Tree report={report} chosen={chosen} choose={choose} />
    <Ledger report={report} />
    <Facts report={report} chosen={chosen} choose={choose} />
    {hit && id && <HexDialog id={id} name={report.path} hit={hit} close={() => show(undefined)} />}
  </div>;
}
