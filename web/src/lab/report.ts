// What the lab says of one submission: the object of `lianfang scan --json`, and how its parts hang together.
export const VERDICTS = ['malicious', 'suspicious', 'incomplete', 'unsupported', 'no-finding', 'known-good'] as const;
export type Verdict = typeof VERDICTS[number];

export interface Match { kind: string; id: string; author: string; path: string; offset: number; length: number; weight: 'malicious' | 'suspicious' | 'note' | 'good'; part?: string; why?: string; bytes: string }
export interface Unseen { path: string; offset: number; length: number; why: string }
export interface Fact { path: string; name: string; value: string }
export interface Child { path: string; how: string; offset: number; length: number; size: number; depth: number; sha256: string; types: string[] }
export interface Report {
  path: string; sha256: string | null; sha1?: string; md5?: string; verdict: Verdict; size: number; bytes_total: number; bytes_seen: number; children: number;
  types: string[]; unseen: Unseen[]; matches: Match[]; facts: Fact[]; tree: Child[]; left_out: number; generation: string;
}

/** A file of the report with what is in it; `path` is what the report calls it. */
export interface Part { path: string; name: string; child?: Child; parts: Part[] }

/** The tree in the report is a list in the order in which the lab met them, each with its depth. */
export function treeOf(r: Report): Part {
  const top: Part = { path: r.path, name: r.path.split('/').pop()!, parts: [] }, open = [top];
  for (const child of r.tree) {
    // A list that was cut may lack a parent: what is in it hangs below the nearest that is there.
    const depth = Math.min(Math.max(1, child.depth), open.length), parent = open[depth - 1];
    const name = child.path.startsWith(parent.path + '//') ? child.path.slice(parent.path.length + 2) : child.path;
    const part = { path: child.path, name, child, parts: [] };
    parent.parts.push(part);
    open.length = depth;
    open.push(part);
  }
  return top;
}

const HEAVY = ['malicious', 'suspicious', 'note', 'good'];
export const byWeight = (list: Match[]) => list.map((m, i) => ({ m, i })).sort((a, b) => HEAVY.indexOf(a.m.weight) - HEAVY.indexOf(b.m.weight) || a.i - b.i).map(x => x.m);

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], x => parseInt(x, 16));
}

/** One row of a hex view: where, digits and letters of each byte, and which of them were matched. */
export interface HexRow { at: number; cells: { hex: string; letter: string; hit: boolean }[] }

export function hexRows(bytes: Uint8Array, from: number, width: number, hit: { offset: number; length: number }): HexRow[] {
  const rows: HexRow[] = [];
  for (let i = 0; i < bytes.length; i += width)
    rows.push({ at: from + i, cells: [...bytes.subarray(i, i + width)].map((b, n) => {
      const at = from + i + n;
      return { hex: b.toString(16).padStart(2, '0'), letter: b > 0x20 && b < 0x7f ? String.fromCharCode(b) : b === 0x20 ? ' ' : '·', hit: at >= hit.offset && at < hit.offset + hit.length };
    }) });
  return rows;
}

export const sized = (n: number) => n < 1024 ? `${n} B` : n < 1048576 ? `${(n / 1024).toFixed(1)} KiB` : n < 1073741824 ? `${(n / 1048576).toFixed(1)} MiB` : `${(n / 1073741824).toFixed(2)} GiB`;
export const hexAt = (n: number) => '0x' + n.toString(16);
