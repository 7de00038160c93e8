// What the node knows: search, and an object or value with every source's claim.
import { useEffect, useState } from 'preact/hooks';
import { part, raw } from '../api';
import { useKeys } from '../keys';
import { t } from '../lang';
import { go, route } from '../route';
import { useSignal } from '../signal';
import { Choice, Empty, Failed, Heading, Input, Table, Time, Tlp, useData } from '../ui';

interface Stix { id: string; type: string; name?: string; value?: string; pattern?: string; modified?: string; created?: string; description?: string; [more: string]: unknown }
interface Claim { source: string; version: string; received: string; tlp: string }
interface Known { subject: string; score?: number; warninglists: { name?: string }[] | string[]; objects: { id: string; type: string; version: string; tlp: string; active?: boolean; score?: number; expires?: string; claims: Claim[]; object: Stix }[] }
const TYPES = ['indicator', 'malware', 'threat-actor', 'campaign', 'intrusion-set', 'attack-pattern', 'tool', 'vulnerability', 'report', 'sighting', 'identity'];
const ID = /^[a-z0-9-]+--[0-9a-f-]{36}$/;

export function Intelligence({ id }: { id: string }) {
  return id ? <Subject id={id} /> : <Search />;
}

function title(o: Stix): string {
  return o.name ?? o.value ?? o.pattern ?? o.description ?? o.id;
}

function Search() {
  const q = useSignal(route).query, [text, setText] = useState(q.get('q') ?? ''), type = q.get('type') ?? '';
  const asked = q.get('q') ?? '';
  useEffect(() => setText(asked), [asked]);
  useKeys({ '/': () => document.querySelector<HTMLInputElement>('form.bar input')?.focus() });
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
    <Heading text={t('intelligence')} />
    <form class="bar" role="search" onSubmit={send}><Input label={t('search')} hint={t('searchHint')} value={text} set={setText} />
      <Choice label={t('type')} value={type} set={v => go(address(asked, v), true)} options={[['', t('any')], ...TYPES.map(x => [x, x] as [string, string])]} />
      <button type="submit" class="main">{t('search')}</button></form>
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
      <details><summary>{t('raw')}</summary><pre tabIndex={0}>{JSON.stringify(o.object, null, 2)}</pre></details>
    </section>)}
  </>;
}
