// How many, over time: bars to read and to choose a time with. What is drawn stands in a table too.
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { lang, words } from './lang';
import { useSignal } from './signal';

const t = words({
  time: '時間', count: '筆數', table: '以表格顯示', brush: '在圖上拖曳可縮小時間範圍',
}, {
  time: 'Time', count: 'Events', table: 'As a table', brush: 'Drag over the chart to narrow the time',
});

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const HEIGHT = 120;

/** Equal parts of [from, to); `choose` gets the part of it that somebody drags over. */
export function Histogram(props: { label: string; from: number; to: number; counts: number[]; choose: (from: number, to: number) => void }) {
  const box = useRef<HTMLDivElement>(null), plot = useRef<uPlot>(), l = useSignal(lang);
  const { from, to, counts } = props, width = (to - from) / Math.max(1, counts.length), choose = useRef(props.choose);
  choose.current = props.choose;
  const short = new Intl.DateTimeFormat(l, { ...(to - from > 172800e3 ? { month: 'numeric', day: 'numeric' } : { hour: '2-digit', minute: '2-digit' }), hour12: false });
  const data = (): uPlot.AlignedData => [counts.map((_, i) => (from + (i + .5) * width) / 1000), counts];
  useEffect(() => {
    const axis = { stroke: css('--muted'), grid: { stroke: css('--line'), width: 1 }, ticks: { show: false } };
    const p = plot.current = new uPlot({
      width: box.current!.clientWidth, height: HEIGHT, legend: { show: false }, cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
      scales: { x: { time: true, range: () => [from / 1000, to / 1000] }, y: { range: (_, __, most) => [0, Math.max(1, most)] } },
      axes: [{ ...axis, size: 28, values: (_, at) => at.map(x => short.format(x * 1000)) }, { ...axis, size: 56, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7, 1e8], values: (_, at) => at.map(x => x.toLocaleString(l)) }],
      series: [{}, { stroke: css('--main'), fill: css('--main'), paths: uPlot.paths.bars!({ size: [.9, 60], gap: 0 }), points: { show: false } }],
      hooks: { setSelect: [u => {
        if (u.select.width < 2) return;
        const low = u.posToVal(u.select.left, 'x') * 1000, high = u.posToVal(u.select.left + u.select.width, 'x') * 1000;
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        choose.current(low, high);
      }] },
    }, data(), box.current!);
    const fit = new ResizeObserver(() => p.setSize({ width: box.current?.clientWidth ?? 300, height: HEIGHT }));
    fit.observe(box.current!);
    return () => { fit.disconnect(); p.destroy(); };
  }, [from, to, l]);
  useEffect(() => { plot.current?.setData(data()); }, [counts]);
  return <figure class="chart">
    <div ref={box} role="img" aria-label={props.label} title={t('brush')} />
    <details><summary>{t('table')}</summary><div class="scroll low" tabIndex={0} role="region" aria-label={props.label}><table>
      <thead><tr><th scope="col">{t('time')}</th><th scope="col">{t('count')}</th></tr></thead>
      <tbody>{counts.map((n, i) => n > 0 && <tr key={i}><td><button type="button" class="link" onClick={() => props.choose(from + i * width, from + (i + 1) * width)}>
        {new Date(from + i * width).toLocaleString(l, { hour12: false })}</button></td><td>{n.toLocaleString(l)}</td></tr>)}</tbody>
    </table></div></details>
  </figure>;
}
