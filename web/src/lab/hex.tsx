// Bytes as digits and letters: at a match, or anywhere in the submission as far as the node keeps it.
import { useEffect, useState } from 'preact/hooks';
import { get } from '../api';
import { Dialog, Failed, Input, why } from '../ui';
import { bytesOf, hexAt, hexRows } from './report';
import { w } from './words';

const PAGE = 256;

/** A telephone has room for half a row. */
function useWidth(): number {
  const [narrow, set] = useState(() => matchMedia('(max-width: 40rem)').matches);
  useEffect(() => {
    const query = matchMedia('(max-width: 40rem)'), on = () => set(query.matches);
    query.addEventListener('change', on);
    return () => query.removeEventListener('change', on);
  }, []);
  return narrow ? 8 : 16;
}

export function Hex({ bytes, from, hit, label }: { bytes: Uint8Array; from: number; hit: { offset: number; length: number }; label: string }) {
  const width = useWidth(), rows = hexRows(bytes, from, width, hit);
  return <pre class="hex" tabIndex={0} role="region" aria-label={label}>{rows.map(r => <div key={r.at}>
    <span class="at">{r.at.toString(16).padStart(8, '0')}</span>{'  '}
    {r.cells.map((c, i) => <span key={i} class={c.hit ? 'hit' : undefined}>{c.hex + (i === r.cells.length - 1 ? '' : i === 7 ? '  ' : ' ')}</span>)}
    {' '.repeat(Math.max(0, width - r.cells.length) * 3 + (r.cells.length <= 8 && width > 8 ? 1 : 0)) + '  '}
    {r.cells.map((c, i) => <span key={i} class={c.hit ? 'hit' : undefined}>{c.letter}</span>)}</div>)}</pre>;
}

interface Piece { offset: number; length: number; size: number; hex: string }

/** A window onto the submission's bytes that can be moved. */
export function HexDialog({ id, name, hit, close }: { id: string; name: string; hit: { offset: number; length: number }; close: () => void }) {
  const [at, setAt] = useState(Math.max(0, Math.floor(hit.offset / 16) * 16 - 32)), [piece, set] = useState<Piece>(), [error, setError] = useState(''), [typed, setTyped] = useState('');
  useEffect(() => {
    let gone = false;
    get<Piece>(`/lab/submissions/${id}/bytes?offset=${at}&length=${PAGE}`).then(p => { if (!gone) { set(p); setError(''); } }, e => { if (!gone) setError(why(e)); });
    return () => { gone = true; };
  }, [id, at]);
  const move = (to: number) => setAt(Math.max(0, Math.min(to, Math.floor(Math.max(0, (piece?.size ?? 1) - 1) / 16) * 16)));
  function jump(e: Event) {
    e.preventDefault();
    const n = Number(typed.trim());
    if (typed.trim() && Number.isFinite(n) && n >= 0) move(Math.floor(n / 16) * 16);
  }
  return <Dialog title={w('hexOf', name)} close={close} class="wide">
    <form class="bar" onSubmit={jump}>
      <button type="button" disabled={at === 0} onClick={() => move(at - PAGE)}>{w('back')}</button>
      <button type="button" disabled={!piece || at + PAGE >= piece.size} onClick={() => move(at + PAGE)}>{w('forth')}</button>
      <Input label={w('goTo')} value={typed} set={setTyped} /><button type="submit">{w('go')}</button></form>
    <Failed text={error} />
    {!piece && !error && <p class="muted">{w('reading')}</p>}
    {piece && <><p class="muted" role="status">{w('hexRange', hexAt(piece.offset), hexAt(piece.offset + piece.length), hexAt(piece.size))}</p>
      <Hex bytes={bytesOf(piece.hex)} from={piece.offset} hit={hit} label={w('hex')} /></>}
  </Dialog>;
}
