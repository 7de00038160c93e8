// Incidents over time: one stack a bin. What still runs is hatched, what was never reported is shaded; neither looks like nought.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { lang } from '../lang';
import { useSignal } from '../signal';
import { Board, BoardRow, number, rowName } from './board';
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

/** Each level's bar reaches to the sum of those below it; the highest is drawn first. */
function stacks(x: Board, hidden: (r: BoardRow) => boolean): (number | null)[][] {
  const sums = x.rows.map(() => 0);
  return LEVELS.map(l => x.rows.map((r, i) => hidden(r) ? null : (sums[i] += number(x, r, l)))).reverse();
}

export function Bins({ x, height = 190 }: { x: Board; height?: number }) {
  const box = useRef<HTMLDivElement>(null), l = useSignal(lang);
  const none = (r: BoardRow) => r.cells[0].why === 'no-report';
  useEffect(() => {
    const middle = x.rows.map(r => (Date.parse(r.from!) + Date.parse(r.until!)) / 2000), width = x.bin_days * 86400;
    const short = new Intl.DateTimeFormat(l, x.rows.length * x.bin_days > 400 ? { year: 'numeric', month: 'numeric' } : { month: 'numeric', day: 'numeric' });
    const axis = { stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false } };
    const overlay = (u: uPlot) => {
      const { ctx } = u, dots = devicePixelRatio;
      ctx.save();
      x.rows.forEach((r, i) => {
        if (!r.running && !none(r)) return;
        const left = u.valToPos(middle[i] - width / 2, 'x', true), right = u.valToPos(middle[i] + width / 2, 'x', true), { top, height: h } = u.bbox;
        ctx.strokeStyle = css(r.running ? '--sheet' : '--line');
        ctx.lineWidth = (r.running ? 3 : 1) * dots;
        hatch(ctx, left, top, right - left, h, (r.running ? 7 : 5) * dots);
      });
      ctx.restore();
    };
    const plot = new uPlot({
      width: box.current!.clientWidth, height, legend: { show: false }, cursor: { drag: { x: false, y: false }, points: { show: false } },
      scales: { x: { time: true, range: () => [middle[0] - width / 2, middle[middle.length - 1] + width / 2] }, y: { range: (_, __, most) => [0, Math.max(1, most ?? 1)] } },
      axes: [{ ...axis, size: 28, values: (_, at) => at.map(s => short.format(s * 1000)) },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1e5, 1e6], values: (_, at) => at.map(v => v.toLocaleString(l)) }],
      series: [{}, ...[...COLOURS].reverse().map(c => ({ stroke: css(c), fill: css(c), paths: uPlot.paths.bars!({ size: [.85, 60], gap: 0 }), points: { show: false } }))],
      hooks: { draw: [overlay] },
    }, [middle, ...stacks(x, none)] as uPlot.AlignedData, box.current!);
    const fit = new ResizeObserver(() => plot.setSize({ width: box.current?.clientWidth ?? 300, height }));
    fit.observe(box.current!);
    return () => { fit.disconnect(); plot.destroy(); };
  }, [x, l, height]);
  const last = x.rows[x.rows.length - 1];
  return <figure class="chart" data-bins={x.rows.length} data-running={x.rows.filter(r => r.running).length} data-no-report={x.rows.filter(none).length}>
    <div ref={box} role="img" aria-label={`${b('situation')} ${last ? rowName(x, last) : ''}`} />
    <figcaption class="legend">{LEVELS.map((k, i) => <span key={k}><i class={'swatch s' + i} aria-hidden="true" />{b(k)}</span>)}
      {x.rows.some(r => r.running) && <span><i class="swatch hatched" aria-hidden="true" />{b('runningHint')}</span>}
      {x.rows.some(none) && <span title={b('noReportHint')}><i class="swatch shaded" aria-hidden="true" />{b('noReport')}</span>}</figcaption>
  </figure>;
}
