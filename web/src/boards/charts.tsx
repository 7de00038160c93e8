// Charts of which each mark is an element that can be read, reached and clicked: bars with intervals, heat, the map of counties.
import { useEffect, useState } from 'preact/hooks';
import type Taiwan from 'geometry:taiwan';
import { lang } from '../lang';
import { useSignal } from '../signal';
import { Board, BoardRow, column, interval, number, rowName, shown } from './board';
import { MATRIX, parent, VERSION } from './attack';
import { b } from './words';

type Link = (row: BoardRow, column: string) => string;
const TOP = 12;

/** Rates with their interval as a line across the bar's end. */
export function Rates({ x, of, link }: { x: Board; of: string; link: Link }) {
  const at = column(x, of), c = x.columns[at], rows = x.rows.filter(r => r.key !== '').slice(0, TOP);
  const most = Math.max(...rows.map(r => r.cells[at].high ?? Number(r.cells[at].value ?? 0)), 1e-9);
  return <ol class="bars">{rows.map(r => {
    const v = r.cells[at], part = (n: number) => Math.min(100, n / most * 100);
    return <li key={r.key}><span class="bar-name"><bdi>{rowName(x, r)}</bdi></span>
      <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        {typeof v.value === 'number' && <rect class="fill" x="0" y="1.5" width={part(v.value)} height="7" />}
        {v.low !== undefined && v.high !== undefined && <path class="whisker" d={`M${part(v.low)} 5H${part(v.high)}M${part(v.low)} 3V7M${part(v.high)} 3V7`} />}
        {v.value === undefined && <rect class="nothing" x="0" y="1.5" width="100" height="7" />}
      </svg>
      <a href={link(r, of)} title={interval(c, v)}>{shown(c, v, x.k)}</a> <small>{interval(c, v)}</small></li>;
  })}</ol>;
}

/** In time, late and running, as parts of a whole. */
export function Verdicts({ x, link }: { x: Board; link: Link }) {
  return <ol class="bars">{x.rows.slice(0, TOP).map(r => {
    const met = number(x, r, 'met'), late = number(x, r, 'late'), running = number(x, r, 'running'), all = Math.max(1, met + late + running);
    const share = r.cells[column(x, 'share')], c = x.columns[column(x, 'share')];
    return <li key={r.key}><span class="bar-name"><bdi>{rowName(x, r)}</bdi></span>
      <svg class="bar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={`${b('inTime')} ${met}, ${b('late')} ${late}, ${b('stillRunning')} ${running}`}>
        <rect class="good-part" x="0" y="1" width={met / all * 100} height="8" /><rect class="bad-part" x={met / all * 100} y="1" width={late / all * 100} height="8" />
        <rect class="nothing" x={(met + late) / all * 100} y="1" width={running / all * 100} height="8" /></svg>
      <a href={link(r, 'share')} title={interval(c, share)}>{shown(c, share)}</a> {late > 0 && <a class="late" href={link(r, 'late')}>{late}</a>} <small>{interval(c, share)}</small></li>;
  })}</ol>;
}

/** As many as fit, the most frequent first; the shade is the share of the most frequent. */
export function Heat({ x, of, link }: { x: Board; of: string; link: Link }) {
  const at = column(x, of), rows = x.rows.filter(r => Number(r.cells[at].value ?? 0) > 0 || r.cells[at].why === 'hidden').slice(0, 60), most = Math.max(1, ...rows.map(r => number(x, r, of)));
  return <ol class="heat">{rows.map(r => <li key={r.key} style={shade(number(x, r, of), most)}>
    <a href={link(r, of)}><strong>{r.key}</strong> <span class="number">{shown(x.columns[at], r.cells[at], x.k)}</span></a>
    <small>{x.columns.slice(1).map((c, i) => `${lang.get() === 'en' ? c.title.en : c.title['zh-TW']} ${shown(c, r.cells[i + 1], x.k)}`).join(' · ')}</small></li>)}</ol>;
}

const shade = (n: number, most: number) => ({ backgroundColor: `color-mix(in srgb, var(--main) ${Math.round(n / most * 35)}%, var(--sheet))` });

/** A column a tactic, a cell a technique that was seen. What serves several tactics stands in each; what ATT&CK does not know stands apart, and nothing is left out. */
export function Matrix({ x, of, link }: { x: Board; of: string; link: Link }) {
  const l = useSignal(lang), at = column(x, of), rows = x.rows.filter(r => Number(r.cells[at].value ?? 0) > 0 || r.cells[at].why === 'hidden'), most = Math.max(1, ...rows.map(r => number(x, r, of)));
  const known = new Set(MATRIX.flatMap(t => t.techniques)), rest = rows.filter(r => !known.has(parent(r.key)));
  const columns = [...MATRIX.map(t => ({ id: t.id, name: l === 'en' ? t.en : t.zh, all: t.techniques.length, rows: rows.filter(r => t.techniques.includes(parent(r.key))) })),
    ...(rest.length ? [{ id: 'rest', name: b('noTactic'), all: 0, rows: rest }] : [])];
  return <figure class="attack"><div class="matrix" tabIndex={0} role="region" aria-label={l === 'en' ? x.title.en : x.title['zh-TW']}>{columns.map(c => <section key={c.id} data-tactic={c.id}>
    <h3>{c.name} <small>{c.all ? new Set(c.rows.map(r => parent(r.key))).size + '/' + c.all : c.rows.length}</small></h3>
    <ul>{c.rows.map(r => <li key={r.key} style={shade(number(x, r, of), most)}><a href={link(r, of)}>{r.key} <span class="number">{shown(x.columns[at], r.cells[at], x.k)}</span></a></li>)}</ul>
  </section>)}</div><figcaption><small>{b('matrixSays', VERSION)}</small></figcaption></figure>;
}

/** A region of the register by ISO 3166-2, by the ministry's code or by name. */
function rowOf(x: Board, c: { id: string; code: string; zh: string; en: string }) {
  return x.rows.find(r => [c.id, c.code, c.zh, c.en, c.zh.replace('臺', '台')].includes(r.key));
}

export function Counties({ x, of, link }: { x: Board; of: string; link: Link }) {
  const [map, set] = useState<typeof Taiwan>(), l = useSignal(lang), at = column(x, of), c = x.columns[at];
  useEffect(() => { void import('geometry:taiwan').then(m => set(m.default)); }, []);
  if (!map) return <p class="muted">…</p>;
  const found = new Set(map.counties.map(k => rowOf(x, k)).filter(Boolean)), rest = x.rows.filter(r => !found.has(r)), most = Math.max(1, ...[...found].map(r => number(x, r!, of)));
  return <figure class="map"><svg viewBox={`0 0 ${map.width} ${map.height}`} role="group" aria-label={b('map')}>
    <defs><pattern id="no-member" width="6" height="6" patternUnits="userSpaceOnUse"><path d="M0 6 6 0" class="hatch" /></pattern></defs>
    {map.boxes.map(([left, top, width, height]) => <rect key={left + ' ' + top} class="inset" x={left} y={top} width={width} height={height} />)}
    {map.counties.map(k => {
      const r = rowOf(x, k), name = l === 'en' ? k.en : k.zh, text = r ? `${name}: ${shown(c, r.cells[at], x.k)} ${interval(c, r.cells[at])}` : `${name}: ${b('mapNone')}`;
      const path = <path d={k.d} style={{ fill: r ? `color-mix(in srgb, var(--main) ${8 + Math.round(number(x, r, of) / most * 80)}%, var(--sheet))` : 'url(#no-member)' }}><title>{text}</title></path>;
      return r ? <a key={k.id} href={link(r, of)} aria-label={text}>{path}</a> : <g key={k.id}>{path}</g>;
    })}
    {map.counties.map(k => {
      const r = rowOf(x, k), n = r ? number(x, r, of) : 0;
      return n > 0 && <text key={k.id} x={k.at[0]} y={k.at[1]} aria-hidden="true">{shown(c, r!.cells[at], x.k)}</text>;
    })}
  </svg>
    <figcaption><small>{c && (l === 'en' ? c.title.en : c.title['zh-TW'])} · {map.source}{rest.some(r => number(x, r, of) > 0) && <> · <a href={link(rest[0], of)}>{b('noPlace', rest.reduce((n, r) => n + number(x, r, of), 0))}</a></>}</small></figcaption>
  </figure>;
}
