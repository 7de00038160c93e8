// A board as the node tells it, and its numbers as people read them.
import { said, lang, span, when } from '../lang';
import { b } from './words';

type Words = { en?: string; 'zh-TW'?: string };
export interface Cell { value?: number | string; low?: number; high?: number; why?: 'empty' | 'no-report' | 'hidden' }
export interface BoardColumn { id: string; title: Words; formula: Words; unit: 'count' | 'share' | 'rate' | 'span' | 'time' | 'state' | 'ratio' }
export interface BoardRow { key: string; name: string; from?: string; until?: string; running?: boolean; cells: Cell[] }
export interface Board {
  board: string; title: Words; row_title: Words; as_of: string; since: string | null; from: string; until: string; bin_days: number; by_time: boolean; pack: string; exercise: boolean;
  query: string; members: number; heard: number; k: number; hidden: number; rows_left_out: number; columns: BoardColumn[]; rows: BoardRow[]; words: Record<string, Words>;
}

/** Boards of a tier, the first thing to look at first. */
export function boardsOf(tier: string): string[] {
  if (tier === 'nation') return ['incidents', 'sectors', 'counties', 'compliance', 'clocks', 'tiers', 'techniques', 'spread', 'coverage', 'reach', 'times', 'members', 'feeds'];
  if (tier === 'sector' || tier === 'region') return ['incidents', 'clocks', 'members', 'techniques', 'spread', 'coverage', 'loads', tier === 'region' ? 'counties' : 'sectors', 'tiers', 'compliance', 'times', 'feeds'];
  return ['incidents', 'clocks', 'techniques', 'times', 'spread', 'feeds', 'tiers'];
}

export const PERIODS = ['28', '84', '182', '364', '1820'];
const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** The question that an address of the console puts, for the API. */
export function question(name: string, query: URLSearchParams, more: Record<string, string> = {}): string {
  const days = Number(query.get('period') ?? (name === 'incidents' ? '182' : '28')), q = new URLSearchParams(more);
  q.set('from', query.get('from') ?? day(Date.now() - (days - 1) * 86400e3));
  if (query.get('until')) q.set('until', query.get('until')!);
  if (name === 'incidents') q.set('bin', days <= 28 ? '1' : days <= 364 ? '7' : '28');
  for (const k of ['pack', 'sector', 'region', 'exercise']) if (query.get(k)) q.set(k, query.get(k)!);
  return q.toString();
}

export function rowName(x: Board, row: BoardRow): string {
  if (x.by_time) return row.key;
  return said(x.words[row.key]) || row.name || b('unknownRow');
}

const percent = (v: number) => (v * 100).toLocaleString(lang.get(), { maximumFractionDigits: v > 0 && v < .1 ? 1 : 0 }) + ' %';
const short = (v: number) => v.toLocaleString(lang.get(), { maximumFractionDigits: v < 10 ? 2 : 1 });

export function shown(c: BoardColumn, x: Cell, k = 3): string {
  if (x.why === 'no-report') return b('noReport');
  if (x.why === 'hidden') return b('hidden', k);
  if (x.value === undefined) return '–';
  const v = x.value;
  switch (c.unit) {
    case 'share': return percent(v as number);
    case 'rate': case 'ratio': return short(v as number);
    case 'span': return span((v as number) * 1000);
    case 'time': return when(v as string);
    case 'state': return b(('state_' + v) as 'state_heard');
    default: return (v as number).toLocaleString(lang.get());
  }
}

export function interval(c: BoardColumn, x: Cell): string {
  if (x.value === undefined || x.low === undefined || x.high === undefined) return '';
  const f = c.unit === 'share' ? percent : short;
  return b('interval', f(x.low), f(x.high));
}

export const column = (x: Board, id: string) => x.columns.findIndex(c => c.id === id);
export const number = (x: Board, row: BoardRow, id: string) => Number(row.cells[column(x, id)]?.value ?? 0);
