// What the node knows: search, and an object or value with every source's claim.
import { useEffect, useState } from 'preact/hooks';
import { get, part, post, raw } from '../api';
import { useKeys } from '../keys';
import { t, words } from '../lang';
import { go, route } from '../route';
import { Searches } from '../searches';
import { useSignal } from '../signal';
import { Choice, Empty, Failed, Field, Heading, Input, Table, tell, Time, Tlp, useData, why } from '../ui';
import { Upload } from './upload';

interface Stix { id: string; type: string; name?: string; value?: string; pattern?: string; modified?: string; created?: string; description?: string; [more: string]: unknown }
interface Claim { source: string; version: string; received: string; tlp: string }
interface Known { subject: string; score?: number; warninglists: { name?: string }[] | string[]; objects: { id: string; type: string; version: string; tlp: string; active?: boolean; score?: number; expires?: string; claims: Claim[]; object: Stix }[] }
const TYPES = ['indicator', 'malware', 'threat-actor', 'campaign', 'intrusion-set', 'attack-pattern', 'tool', 'vulnerability', 'report', 'sighting', 'identity'];
const ID = /^[a-z0-9-]+--[0-9a-f-]{36}$/;

const w = words({
  upload: '匯入檔案', paste: '貼上文字', pasteHint: '貼上報告、郵件或聊天內容；hxxp、[.] 等寫法會還原', extract: '擷取觀察值', found: '{0} 個值', nothing: '文字中沒有網域、IP、網址、雜湊或電子郵件。', kind: '種類', value: '值', times: '次數', known: '已知', unknown: '尚無', warned: '警示清單：{0}',
  asIndicators: '加為指標', chosen: '選取的 {0} 個值', source: '來源名稱（選填）', added: '已加入：{0} 個新指標', all: '全選', relations: '關聯', more: '另有 {0} 項未顯示', by: '{0} → {1}', versions: '版本', releases: '釋出紀錄', released: '釋出', refused: '拒絕', none: '尚無釋出紀錄。', note: '註記', asList: '以清單顯示',
}, {
  upload: 'Import a file', paste: 'Paste a text', pasteHint: 'A report, a mail, a chat; hxxp, [.] and the like are undone', extract: 'Extract values', found: '{0} values', nothing: 'There is no domain, address, URL, hash or e-mail address in the text.', kind: 'Kind', value: 'Value', times: 'Times', known: 'Known', unknown: 'Nothing yet', warned: 'Warning lists: {0}',
  asIndicators: 'Add as indicators', chosen: '{0} values chosen', source: 'Name of the source (optional)', added: 'Added: {0} new indicators', all: 'All', relations: 'Relations', more: '{0} more are not shown', by: '{0} → {1}', versions: 'Versions', releases: 'Release history', released: 'Released', refused: 'Refused', none: 'Not released yet.', note: 'Note', asList: 'As a list',
});

export function Intelligence({ id }: { id: string }) {
  const q = useSignal(route).query;
  return id ? <Subject id={id} /> : q.has('paste') ? <Paste /> : q.has('import') ? <Upload /> : <Search />;
}

interface Value { kind: string; value: string; count: number; objects?: number; score?: number; warninglists?: string[] }
const TLPS = ['clear', 'green', 'amber', 'amber+strict', 'red'];

/** A text gives its values; what is not known yet, and no warning list names, is chosen. */
function Paste() {
  const [text, setText] = useState(''), [got, setGot] = useState<Value[]>(), [off, setOff] = useState<Set<string>>(new Set()), [tlp, setTlp] = useState('amber'), [source, setSource] = useState('');
  const [error, setError] = useState(''), [busy, setBusy] = useState(false);
  useKeys({ u: () => go('/console/intelligence') });
  async function doing(what: () => Promise<unknown>) {
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
  const extract = () => doing(async () => {
    const r = await post<{ values: Value[] }>('/extract', { text: raw(text) });
    setGot(r.values);
    setOff(new Set(r.values.filter(v => (v.objects ?? 0) > 0 || v.warninglists?.length).map(v => v.value)));
  });
  const chosen = (got ?? []).filter(v => !off.has(v.value));
  const add = () => doing(async () => {
    const r = await post<{ stored: number }>(`/import?format=list&tlp=${encodeURIComponent(tlp)}${source.trim() ? '&source=' + encodeURIComponent(raw(source.trim())) : ''}`, chosen.map(v => raw(v.value)).join('\n') + '\n');
    tell(w('added', r.stored));
    await extract();
  });
  const flip = (v: string) => setOff(o => { const n = new Set(o); if (!n.delete(v)) n.add(v); return n; });
  return <>
    <p class="crumb"><a href="/console/intelligence">{t('intelligence')}</a></p>
    <Heading text={w('paste')} />
    <form onSubmit={e => { e.preventDefault(); void extract(); }}><Field label={w('paste')} hint={w('pasteHint')}>{(id, hint) => <textarea id={id} aria-describedby={hint} rows={8} value={text} required onInput={e => setText(e.currentTarget.value)} />}</Field>
      <button type="submit" class="main" disabled={busy}>{w('extract')}</button></form>
    <Failed text={error} />
    {got && got.length === 0 && <Empty title={w('nothing')} teach={w('pasteHint')} />}
    {got && got.length > 0 && <section><h2>{w('found', got.length)}</h2>
      <div class="scroll low" tabIndex={0} role="region" aria-label={w('found', got.length)}><table><thead><tr>{(['value', 'kind', 'times', 'known'] as const).map(k => <th key={k} scope="col">{w(k)}</th>)}</tr></thead>
        <tbody>{got.map(v => <tr key={v.kind + v.value}><td><label class="check"><input type="checkbox" checked={!off.has(v.value)} onChange={() => flip(v.value)} /> <bdi>{v.value}</bdi></label></td><td>{v.kind}</td><td>{v.count}</td>
          <td>{v.objects ? <a href={'/console/intelligence/' + part(v.value)}>{t('rows', v.objects)}{v.score !== undefined && ` · ${t('score')} ${v.score}`}</a> : w('unknown')} {v.warninglists?.length ? <span class="tag">{w('warned', v.warninglists.join(', '))}</span> : null}</td></tr>)}</tbody></table></div>
      <div class="bar"><Choice label={t('tlp')} value={tlp} set={setTlp} options={TLPS.map(x => [x, 'TLP:' + x.toUpperCase()])} /><Input label={w('source')} value={source} set={setSource} />
        <button type="button" class="main" disabled={busy || chosen.length === 0} onClick={add}>{w('asIndicators')} <small>{w('chosen', chosen.length)}</small></button></div>
    </section>}
  </>;
}

interface Edge { other: string; how: string; out: boolean }
const NEAR = 40;

/** What names this object and what it names: relationships, and references of reports, sightings and the like. */
function edges(id: string, objects: Stix[]): Edge[] {
  const list: Edge[] = [], seen = new Set<string>();
  const add = (other: unknown, how: string, out: boolean) => {
    if (typeof other !== 'string' || other === id || !ID.test(other) || /^marking-definition--/.test(other) || seen.has(other + how)) return;
    seen.add(other + how);
    list.push({ other, how, out });
  };
  for (const o of objects) {
    if (o.type === 'relationship' || o.type === 'sighting') {
      const from = o.type === 'sighting' ? o.id : o.source_ref, to = o.type === 'sighting' ? o.sighting_of_ref : o.target_ref, how = String(o.relationship_type ?? 'sighting');
      if (from === id) add(to, how, true);
      else if (to === id) add(from, how, false);
      continue;
    }
    for (const [k, v] of Object.entries(o)) if (/_refs?$/.test(k)) for (const ref of Array.isArray(v) ? v : [v]) {
      if (o.id === id) add(ref, k.replace(/_refs?$/, ''), true);
      else if (ref === id) add(o.id, k.replace(/_refs?$/, ''), false);
    }
  }
  return list;
}

function Relations({ of, name }: { of: Stix; name: string }) {
  const [state, set] = useState<{ edges: Edge[]; names: Record<string, Stix> }>();
  useEffect(() => {
    let gone = false;
    (async () => {
      const about = await get<{ objects: Stix[] }>('/objects?limit=500&q=' + encodeURIComponent(of.id)), list = edges(of.id, [of, ...about.objects]), ids = [...new Set(list.map(e => e.other))].slice(0, NEAR);
      const others = ids.length ? await get<{ objects: Stix[] }>('/objects?limit=200&id=' + ids.join(',')) : { objects: [] };
      if (!gone) set({ edges: list, names: Object.fromEntries([...about.objects, ...others.objects].map(o => [o.id, o])) });
    })().catch(() => undefined);
    return () => { gone = true; };
  }, [of.id, of.modified]);
  if (!state || state.edges.length === 0) return null;
  const near = state.edges.slice(0, NEAR), label = (id: string) => state.names[id] ? title(state.names[id]) : id, short = (s: string) => s.length > 22 ? s.slice(0, 21) + '…' : s;
  const at = (i: number) => { const a = 2 * Math.PI * i / near.length - Math.PI / 2; return [400 + 270 * Math.cos(a), 190 + 150 * Math.sin(a)]; };
  return <section><h3>{w('relations')} <small>{state.edges.length}</small></h3>
    <svg class="graph" viewBox="0 0 800 380" role="img" aria-label={`${w('relations')}: ${near.map(e => `${e.how} ${label(e.other)}`).join(', ')}`}>
      {near.map((e, i) => { const [x, y] = at(i); return <g key={e.other + e.how}><line x1={400} y1={190} x2={x} y2={y} /><text class="how" x={(400 + x) / 2} y={(190 + y) / 2 - 3}>{near.length <= 14 ? e.how : ''}</text></g>; })}
      {near.map((e, i) => { const [x, y] = at(i), kind = e.other.split('--')[0]; return <g key={e.other + e.how} class="node" onClick={() => go('/console/intelligence/' + part(e.other))}><circle cx={x} cy={y} r={9} /><text x={x} y={y + 22}>{short(label(e.other))}</text><text class="how" x={x} y={y - 13}>{kind}</text></g>; })}
      <g class="node me"><circle cx={400} cy={190} r={13} /><text x={400} y={216}>{short(name)}</text></g>
    </svg>
    <details><summary>{w('asList')}</summary><ul>{state.edges.map(e => <li key={e.other + e.how + e.out}>{e.out ? '→' : '←'} <span class="tag">{e.how}</span> <a href={'/console/intelligence/' + part(e.other)}><bdi>{label(e.other)}</bdi></a> <small>{e.other.split('--')[0]}</small></li>)}</ul></details>
    {state.edges.length > NEAR && <p class="muted">{w('more', state.edges.length - NEAR)}</p>}
  </section>;
}

interface Release { seq: number; at: string; kind: string; actor: string; subject: string; body?: Record<string, unknown> }

function History({ id }: { id: string }) {
  const [open, setOpen] = useState(false), versions = useData<{ objects: Stix[] }>(open ? `/objects?all_versions=true&limit=100&id=${part(id)}` : null), out = useData<{ facts: Release[] }>(open ? `/objects/${part(id)}/releases` : null);
  return <details open={open} onToggle={e => setOpen(e.currentTarget.open)}><summary>{w('versions')} · {w('releases')}</summary>
    <ul>{versions.data?.objects.map(o => <li key={o.modified ?? o.created}>{w('versions')}: <Time at={o.modified ?? o.created} /></li>)}</ul>
    {out.error && <p class="muted">{out.error}</p>}
    {out.data && (out.data.facts.length === 0 ? <p class="muted">{w('none')}</p> : <ol>{out.data.facts.map(f => <li key={f.seq}><Time at={f.at} /> <strong>{f.kind.includes('refuse') ? w('refused') : w('released')}</strong> <bdi>{f.actor}</bdi> <span class="muted"><bdi>{[f.body?.path, f.body?.collection].filter(Boolean).join(' ')}</bdi></span></li>)}</ol>)}
  </details>;
}

function title(o: Stix): string {
  return o.name ?? o.value ?? o.pattern ?? o.description ?? o.id;
}

function Search() {
  const q = useSignal(route).query, [text, setText] = useState(q.get('q') ?? ''), type = q.get('type') ?? '';
  const asked = q.get('q') ?? '';
  useEffect(() => setText(asked), [asked]);
  useKeys({ '/': () => document.querySelector<HTMLInputElement>('form.bar input')?.focus(), n: () => go('/console/intelligence?paste') });
  const address = (words: string, kind: string) => '/console/intelligence' + (words || kind ? '?' + new URLSearchParams({ ...(words ? { q: words } : {}), ...(kind ? { type: kind } : {}) }) : '');
  const value = asked && !/\s/.test(asked), path = '/objects?limit=200' + (type ? '&type=' + type : '') + (asked ? '&q=' + encodeURIComponent(asked) : '');
  const got = useData<{ objects: Stix[]; more: boolean }>(path), known = useData<Known>(value ? '/values/' + part(asked) : null);
  const rows = got.data?.objects ?? [];
  function send(e: Event) {
    e.preventDefault();
    const words = raw(text.trim());
    go(ID.test(words) ? '/console/intelligence/' + part(words) : address(words, type));
  }
  return <>
    <Heading text={t('intelligence')}><a class="button" href="/console/intelligence?paste">{w('paste')} <kbd>n</kbd></a><a class="button" href="/console/intelligence?import">{w('upload')}</a></Heading>
    <form class="bar" role="search" onSubmit={send}><Input label={t('search')} hint={t('searchHint')} value={text} set={setText} />
      <Choice label={t('type')} value={type} set={v => go(address(asked, v), true)} options={[['', t('any')], ...TYPES.map(x => [x, x] as [string, string])]} />
      <button type="submit" class="main">{t('search')}</button></form>
    <Searches view="intelligence" />
    <Failed text={got.error} />
    {known.data && known.data.objects.length > 0 && <p><a class="button" href={'/console/intelligence/' + part(asked)}><bdi>{asked}</bdi> · {t('score')} {known.data.score} · {t('rows', known.data.objects.length)}</a></p>}
    {got.data && rows.length === 0 && <Empty title={t('noResults')} teach={t('noResultsTeach')} />}
    {rows.length > 0 && <Table label={t('results')} rows={rows} id={o => o.id + o.modified} link={o => '/console/intelligence/' + part(o.id)} columns={[
      { name: 'object', cell: title, wide: true }, { name: 'type', cell: o => o.type }, { name: 'changedAt', cell: o => <Time at={o.modified ?? o.created} /> },
    ]} />}
  </>;
}

function Subject({ id }: { id: string }) {
  const got = useData<Known>((ID.test(raw(id)) ? '/objects/' : '/values/') + part(id));
  useKeys({ u: () => go('/console/intelligence') });
  const v = got.data;
  if (!v) return <>{got.error ? <Failed text={got.error} /> : <p class="muted">{t('loading')}</p>}</>;
  return <>
    <p class="crumb"><a href="/console/intelligence">{t('intelligence')}</a></p>
    <Heading text={v.objects.length === 1 ? title(v.objects[0].object) : v.subject}>{v.score !== undefined && <span class="tag">{t('score')} {v.score}</span>}</Heading>
    {v.warninglists.length > 0 && <p class="bad">{t('warnlists')}: <bdi>{v.warninglists.map(w => typeof w === 'string' ? w : w.name ?? JSON.stringify(w)).join(', ')}</bdi></p>}
    {v.objects.length === 0 && <Empty title={t('noResults')} teach={t('noResultsTeach')} />}
    {v.objects.map(o => <section key={o.id + o.version}>
      <h2><a href={'/console/intelligence/' + part(o.id)}><bdi>{title(o.object)}</bdi></a> <span class="tag">{o.type}</span> <Tlp of={o.tlp} /> {o.active !== undefined && <span class="tag">{t(o.active ? 'activeNow' : 'inactive')}</span>}</h2>
      <dl class="facts"><div><dt>{t('version')}</dt><dd><Time at={o.version} /></dd></div>{o.score !== undefined && <div><dt>{t('score')}</dt><dd>{o.score}</dd></div>}
        {o.expires && <div><dt>{t('expires')}</dt><dd><Time at={o.expires} /></dd></div>}{o.object.pattern && <div><dt>{t('indicator')}</dt><dd><code>{o.object.pattern}</code></dd></div>}</dl>
      {o.object.description && <p class="text"><bdi>{o.object.description}</bdi></p>}
      <h3>{t('claims')}</h3>
      <ul>{o.claims.map(c => <li key={c.source + c.version}><bdi>{c.source}</bdi> <Tlp of={c.tlp} /> <span class="muted">{t('received')} <Time at={c.received} /></span></li>)}</ul>
      <Relations of={o.object} name={title(o.object)} />
      <History id={o.id} />
      <details><summary>{t('raw')}</summary><pre tabIndex={0}>{JSON.stringify(o.object, null, 2)}</pre></details>
    </section>)}
  </>;
}
