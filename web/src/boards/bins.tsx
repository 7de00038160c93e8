// Incidents over time: one stack a bin. What still runs is hatched, what was never reported is shaded; neither looks like nought.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { lang, said as words } from '../lang';
import { useSignal } from '../signal';
import { Board, BoardRow, column, rowName } from './board';
import { b } from './words';

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const LEVELS = ['none', 'level1', 'level2', 'level3', 'level4'] as const, COLOURS = ['--l0', '--l1', '--l2', '--l3', '--l4'];

function hatch(ctx: CanvasRenderingContext2D, x: number, y: number, w: number, h: number, gap: number) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, w, h);
  ctx.clip();
  ctx.beginPath();
  for (let at = x - h; at < x + w; at += gap) {
    ctx.moveTo(at, y + h);
    ctx.lineTo(at + h, y);
  }
  ctx.stroke();
  ctx.restore();
}

/** Sums up to each bin by level, so that a bar of any breadth is two look-ups. Levels are stacked: each holds those below it. */
function sums(x: Board): Float64Array[] {
  const below = new Float64Array(x.rows.length);
  return LEVELS.map(l => {
    const at = column(x, l), sum = new Float64Array(x.rows.length + 1);
    x.rows.forEach((r, i) => { below[i] += Number(r.cells[at]?.value ?? 0); sum[i + 1] = sum[i] + below[i]; });
    return sum;
  });
}

interface Bar { first: number; last: number }

/** Never more bars than can be told apart: as many bins go into each as need be, the same number into all. */
function barsOf(first: number, last: number, width: number): Bar[] {
  const each = Math.max(1, Math.ceil((last - first) / Math.max(20, width / 2)));
  return Array.from({ length: Math.ceil((last - first) / each) }, (_, i) => ({ first: first + i * each, last: Math.min(first + (i + 1) * each, last) }));
}

export function Bins({ x, height = 190 }: { x: Board; height?: number }) {
  const box = useRef<HTMLDivElement>(null), said = useRef<HTMLOutputElement>(null), hand = useRef<{ zoom: (by: number) => void; step: (by: number) => void }>(), l = useSignal(lang);
  const none = (r: BoardRow) => r.cells[0].why === 'no-report', n = x.rows.length;
  useEffect(() => {
    if (n === 0) return;
    const begins = x.rows.map(r => Date.parse(r.from!) / 1000), ends = x.rows.map(r => Date.parse(r.until!) / 1000), level = sums(x), shut = x.rows.map(none);
    let from = 0, until = n, bars: Bar[] = [], at = -1;
    const short = new Intl.DateTimeFormat(l, n * x.bin_days > 400 ? { year: 'numeric', month: 'numeric' } : { month: 'numeric', day: 'numeric' });
    const axis = { stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false } };
    const data = (width: number) => {
      bars = barsOf(from, until, width);
      const empty = (p: Bar) => { for (let i = p.first; i < p.last; i++) if (!shut[i]) return false; return true; };
      return [bars.map(p => (begins[p.first] + ends[p.last - 1]) / 2), ...level.map(sum => bars.map(p => empty(p) ? null : sum[p.last] - sum[p.first])).reverse()] as uPlot.AlignedData;
    };
    const overlay = (u: uPlot) => {
      const { ctx } = u, dots = devicePixelRatio;
      ctx.save();
      for (const p of bars) {
        const running = x.rows[p.last - 1].running, any = shut[p.first];
        if (!running && !any) continue;
        const left = u.valToPos(begins[p.first], 'x', true), right = u.valToPos(ends[p.last - 1], 'x', true), { top, height: h } = u.bbox;
        ctx.strokeStyle = css(running ? '--sheet' : '--line');
        ctx.lineWidth = (running ? 3 : 1) * dots;
        hatch(ctx, left, top, right - left, h, (running ? 7 : 5) * dots);
      }
      ctx.restore();
    };
    const tell = (i: number) => {
      const p = bars[i], slider = box.current;
      at = i;
      if (!p || !slider) return;
      const last = x.rows[p.last - 1], all = level[LEVELS.length - 1], name = p.last - p.first > 1 ? x.rows[p.first].key + ' – ' + last.key : last.key;
      const text = `${name}: ${shut[p.first] && shut[p.last - 1] ? b('noReport') : (all[p.last] - all[p.first]).toLocaleString(l)}${last.running ? ' · ' + b('running') : ''}`;
      if (said.current) said.current.textContent = text;
      slider.setAttribute('aria-valuenow', String(p.last - 1));
      slider.setAttribute('aria-valuetext', text);
    };
    const width = () => box.current?.clientWidth ?? 300;
    const plot = new uPlot({
      width: width(), height, legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
      scales: { x: { time: true, range: () => [begins[from], ends[until - 1]] }, y: { range: (_, __, most) => [0, Math.max(1, most ?? 1)] } },
      axes: [{ ...axis, size: 28, values: (_, at) => at.map(s => short.format(s * 1000)) },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6], values: (_, at) => at.map(v => v.toLocaleString(l)) }],
      series: [{}, ...[...COLOURS].reverse().map(c => ({ stroke: css(c), fill: css(c), paths: uPlot.paths.bars!({ size: [.85, 60], gap: 0 }), points: { show: false } }))],
      hooks: { draw: [overlay], setCursor: [u => { if (u.cursor.idx != null && u.cursor.idx !== at) tell(u.cursor.idx); }] },
    }, data(width()), box.current!);
    const step = (by: number) => {
      const i = Math.min(bars.length - 1, Math.max(0, (at < 0 ? bars.length : at) + by));
      plot.setCursor({ left: plot.valToPos(plot.data[0][i], 'x'), top: 0 });
      tell(i);
    };
    hand.current = { step, zoom: by => {
      const middle = bars[at] ? (bars[at].first + bars[at].last) / 2 : until, span = Math.min(n, Math.max(7, Math.round((until - from) * by)));
      from = Math.min(n - span, Math.max(0, Math.round(middle - span / 2)));
      until = from + span;
      at = -1;
      plot.setData(data(width()));
    } };
    const fit = new ResizeObserver(() => { plot.setSize({ width: width(), height }); plot.setData(data(width())); });
    fit.observe(box.current!);
    return () => { fit.disconnect(); plot.destroy(); };
  }, [x, l, height]);
  const keys = (e: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageDown: 10, PageUp: -10 }[e.key], zoom = { '+': .5, '=': .5, '-': 2 }[e.key];
    if (by) hand.current?.step(by);
    else if (zoom) hand.current?.zoom(zoom);
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const last = x.rows[n - 1];
  return <figure class="chart" data-bins={n} data-running={x.rows.filter(r => r.running).length} data-no-report={x.rows.filter(none).length}>
    <div ref={box} role="slider" tabIndex={0} aria-label={words(x.title)} aria-valuemin={0} aria-valuemax={Math.max(0, n - 1)} aria-valuenow={Math.max(0, n - 1)} aria-valuetext={last ? rowName(x, last) : ''} onKeyDown={keys} />
    <p class="readout"><output ref={said}>{b('pointAt')}</output><span><button type="button" class="small" data-zoom="in" aria-label={b('zoomIn')} onClick={() => hand.current?.zoom(.5)}>＋</button> <button type="button" class="small" data-zoom="out" aria-label={b('zoomOut')} onClick={() => hand.current?.zoom(2)}>－</button></span></p>
    <figcaption class="legend">{LEVELS.map((k, i) => <span key={k}><i class={'swatch s' + i} aria-hidden="true" />{b(k)}</span>)}
      {x.rows.some(r => r.running) && <span><i class="swatch hatched" aria-hidden="true" />{b('runningHint')}</span>}
      {x.rows.some(none) && <span title={b('noReportHint')}><i class="swatch shaded" aria-hidden="true" />{b('noReport')}</span>}</figcaption>
  </figure>;
}
