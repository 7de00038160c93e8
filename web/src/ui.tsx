// Pieces that all views are made of.
import { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { get, Refused, skew } from './api';
import { useKeys } from './keys';
import { go } from './route';
import { signal, useSignal } from './signal';
import { Key, span, t, when } from './lang';

const tick = signal(Date.now());
setInterval(() => tick.set(Date.now()), 1000);
/** The node's now, to the second. */
export const useNow = () => useSignal(tick) + skew;

/** What was stored or refused, for eyes and for screen readers. */
export const said = signal<{ text: string; bad: boolean }>({ text: '', bad: false });
export function tell(text: string, bad = false) {
  said.set({ text, bad });
}

export function why(e: unknown): string {
  if (!(e instanceof Refused)) throw e;
  if (e.status === 0) return t('noNet');
  if (e.status === 429) return t('waitFirst', e.wait);
  return t('failed', e.message);
}

/** Something changed at the node: views read again. */
export const pulse = signal('');

/** What a path answers; read again when the node changed. `undefined` while it is not there yet. */
export function useData<T>(path: string | null): { data?: T; error?: string; again: () => void } {
  const [state, set] = useState<{ path: string | null; data?: T; error?: string }>({ path });
  const [times, more] = useState(0);
  const beat = useSignal(pulse);
  useEffect(() => {
    if (path === null) return;
    let gone = false;
    get<T>(path, times + (beat === '' ? 0 : 1) > 0).then(
      data => { if (!gone) set({ path, data }); },
      e => { if (!gone) set(s => ({ path, data: s.path === path ? s.data : undefined, error: why(e) })); });
    return () => { gone = true; };
  }, [path, times, beat]);
  const now = state.path === path ? state : { path, data: undefined, error: undefined };
  return { data: now.data, error: now.error, again: () => more(n => n + 1) };
}

export function Time({ at }: { at?: string | null }) {
  return at ? <time dateTime={at} title={at}>{when(at)}</time> : null;
}

export function Left({ due }: { due?: string | null }) {
  const now = useNow();
  if (!due) return <span class="muted">{t('none')}</span>;
  const ms = Date.parse(due) - now;
  return <span class={'left ' + (ms < 0 ? 'late' : ms < 3600e3 ? 'soon' : '')} data-due={due}>{t(ms < 0 ? 'late' : 'left', span(ms))}</span>;
}

export function Tlp({ of }: { of?: string }) {
  if (!of) return null;
  const name = of.replace(/^TLP:/i, '').toLowerCase();
  return <span class={'tlp tlp-' + name.replace('+', '-')}>TLP:{name.toUpperCase()}</span>;
}

export function Level({ of }: { of: number | null | undefined }) {
  return of ? <span class={'level level-' + of}>{t('level')} {of}</span> : <span class="muted">{t('noLevel')}</span>;
}

export function Empty({ title, teach }: { title: string; teach: string }) {
  return <div class="empty"><p><strong>{title}</strong></p><p>{teach}</p></div>;
}

export function Failed({ text }: { text?: string }) {
  return text ? <p class="bad" role="alert">{text}</p> : null;
}

let fieldNumber = 0;
export function Field(props: { label: string; hint?: string; children: (id: string, hint: string | undefined) => ComponentChildren }) {
  const [id] = useState(() => 'f' + ++fieldNumber);
  return <div class="field">
    <label for={id}>{props.label}</label>
    {props.children(id, props.hint ? id + 'h' : undefined)}
    {props.hint && <small id={id + 'h'}>{props.hint}</small>}
  </div>;
}

export function Input(props: { label: string; hint?: string; value: string; set: (v: string) => void; type?: string; auto?: string; focus?: boolean;
  need?: boolean; mode?: 'numeric' }) {
  const ref = useRef<HTMLInputElement>(null);
  useEffect(() => { if (props.focus) ref.current?.focus(); }, [props.focus]);
  return <Field label={props.label} hint={props.hint}>{(id, hint) =>
    <input ref={ref} id={id} aria-describedby={hint} type={props.type ?? 'text'} value={props.value} required={props.need} autocomplete={props.auto ?? 'off'}
      inputMode={props.mode} autofocus={props.focus} step={props.type === 'datetime-local' ? 1 : undefined} onInput={e => props.set(e.currentTarget.value)} />}</Field>;
}

export function Area(props: { label: string; value: string; set: (v: string) => void; need?: boolean }) {
  return <Field label={props.label}>{id => <textarea id={id} rows={2} value={props.value} required={props.need} onInput={e => props.set(e.currentTarget.value)} />}</Field>;
}

export function Choice(props: { label: string; value: string; set: (v: string) => void; options: [string, string][]; focus?: boolean }) {
  const ref = useRef<HTMLSelectElement>(null);
  useEffect(() => { if (props.focus) ref.current?.focus(); }, [props.focus]);
  return <Field label={props.label}>{id =>
    <select ref={ref} id={id} value={props.value} onChange={e => props.set(e.currentTarget.value)}>
      {props.options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
    </select>}</Field>;
}

export function Dialog(props: { title: string; close: () => void; children: ComponentChildren; class?: string }) {
  const ref = useRef<HTMLDialogElement>(null), from = useRef(document.activeElement as HTMLElement | null);
  // Before anything is painted: a key that is pressed at what one sees goes to it.
  useLayoutEffect(() => {
    ref.current!.showModal();
    return () => from.current?.focus?.();
  }, []);
  return <dialog ref={ref} class={props.class} aria-labelledby="dialog-title" onCancel={e => { e.preventDefault(); props.close(); }}
    onClick={e => { if (e.target === ref.current) props.close(); }}>
    <div class="dialog">
      <header><h2 id="dialog-title">{props.title}</h2><button type="button" class="quiet" onClick={props.close} aria-label={t('close')}>✕</button></header>
      {props.children}
    </div>
  </dialog>;
}

/** `name`: a word of the catalogue, or `title` in its place. */
export interface Column<R> { name: Key | string; title?: string; cell: (row: R) => ComponentChildren; wide?: boolean }
const head = <R,>(c: Column<R>) => c.title ?? t(c.name as Key);

const ROW = 44, SPARE = 8, STEP = 4, ON_PAPER = 2000;

/** Whether this is being printed: paper does not scroll, so what would is drawn whole. */
function usePaper(): boolean {
  const [on, set] = useState(false);
  useEffect(() => {
    const begins = () => set(true), ends = () => set(false);
    addEventListener('beforeprint', begins);
    addEventListener('afterprint', ends);
    return () => { removeEventListener('beforeprint', begins); removeEventListener('afterprint', ends); };
  }, []);
  return on;
}

/** Draws only the rows in sight, however many there are, and the same elements for whatever rows these are; j and k move, Enter opens:
 * a link, or `open`. */
export function Table<R>(props: { label: string; rows: R[]; columns: Column<R>[]; link?: (row: R) => string; open?: (row: R) => void; id: (row: R) => string; end?: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [first, setFirst] = useState(0);
  const [at, setAt] = useState(0);
  const { rows, columns } = props, shown = Math.ceil((box.current?.clientHeight ?? 600) / ROW);
  // The first row drawn changes in steps: most movements of a wheel draw nothing anew.
  const paper = usePaper(), from = paper ? 0 : Math.max(0, Math.min(first, rows.length - shown) - SPARE), to = Math.min(rows.length, paper ? ON_PAPER : first + shown + 2 * SPARE);
  const chosen = Math.min(at, rows.length - 1);
  const move = (by: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, chosen + by)), b = box.current!;
    setAt(next);
    if (next * ROW < b.scrollTop) b.scrollTop = next * ROW;
    else if ((next + 2) * ROW > b.scrollTop + b.clientHeight) b.scrollTop = (next + 2) * ROW - b.clientHeight;
  };
  const open = (row: R) => props.open ? props.open(row) : go(props.link!(row));
  useKeys({ j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), Enter: e => {
    const link = (e.target as Element).closest('a, button');
    if (link instanceof HTMLElement && !box.current?.contains(link)) link.click();
    else if (rows[chosen]) open(rows[chosen]);
  } });
  useEffect(() => { if (to >= rows.length) props.end?.(); }, [to, rows.length]);
  // A row that is chosen stays so when others come before it; the first one is whatever comes first.
  const kept = useRef('');
  useEffect(() => {
    const i = at > 0 && kept.current ? rows.findIndex(r => props.id(r) === kept.current) : -1;
    if (i >= 0 && i !== at) setAt(i);
  }, [rows]);
  useEffect(() => { kept.current = rows[chosen] ? props.id(rows[chosen]) : ''; }, [at, rows]);
  return <div class="scroll" ref={box} tabIndex={0} role="region" aria-label={props.label} onScroll={e => setFirst(Math.floor(e.currentTarget.scrollTop / ROW / STEP) * STEP)}>
    <table aria-rowcount={rows.length + 1}>
      <colgroup>{columns.map(c => <col key={c.name} class={c.wide ? 'wide' : undefined} />)}</colgroup>
      <thead><tr aria-rowindex={1}>{columns.map(c => <th key={c.name} scope="col">{head(c)}</th>)}</tr></thead>
      <tbody>
        {from > 0 && <tr class="space" key="above" aria-hidden="true"><td colSpan={columns.length} style={{ height: from * ROW + 'px' }} /></tr>}
        {rows.slice(from, to).map((row, i) => <tr key={i} aria-rowindex={from + i + 2} class={from + i === chosen ? 'at' : undefined} aria-current={from + i === chosen ? 'true' : undefined}>
          {columns.map((c, n) => <td key={c.name}>
            {n > 0 ? <bdi>{c.cell(row)}</bdi> : props.open ? <button type="button" class="link" onFocus={() => setAt(from + i)} onClick={() => open(row)}><bdi>{c.cell(row)}</bdi></button>
              : <a href={props.link!(row)} onFocus={() => setAt(from + i)}><bdi>{c.cell(row)}</bdi></a>}
          </td>)}
        </tr>)}
        {to < rows.length && <tr class="space" key="below" aria-hidden="true"><td colSpan={columns.length} style={{ height: (rows.length - to) * ROW + 'px' }} /></tr>}
      </tbody>
    </table>
  </div>;
}

/** A local date and time for <input type="datetime-local">, and back. */
export function localTime(ms: number): string {
  const d = new Date(ms - new Date(ms).getTimezoneOffset() * 60e3);
  return d.toISOString().slice(0, 19);
}
export function instant(local: string): string {
  return new Date(local).toISOString();
}

export function Heading({ text, children }: { text: string; children?: ComponentChildren }) {
  const ref = useRef<HTMLHeadingElement>(null);
  useEffect(() => { document.title = `${text} · ${t('product')}`; }, [text]);
  return <div class="heading"><h1 ref={ref} tabIndex={-1}><bdi>{text}</bdi></h1>{children}</div>;
}
