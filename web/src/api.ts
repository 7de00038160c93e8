// The one way to the node: REST under /api/v1, as scripts use it. What comes in is made inert here, once for all views.
import { signal } from './signal';

export interface Session {
  signed_in: boolean; node: string; tier: string; provider?: string;
  user?: string; role?: string; org?: string; tlp_max?: string; second_factor?: boolean;
}

export const session = signal<Session | null>(null);
/** The node's clock less ours, in milliseconds. */
export let skew = 0;

export class Refused extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly wait = 0) { super(message); }
}

// Characters that turn text around, hide it, or are no text: shown as what they are. Tab and newline stay.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

export function inert(text: string): string {
  return text.replace(UNSEEN, c => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`);
}

/** The text that was made inert, for addresses. */
export function raw(text: string): string {
  return text.replace(/⟨U\+([0-9A-F]{4})⟩/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
}

export function part(text: string): string {
  return encodeURIComponent(raw(text));
}

function parse(text: string): unknown {
  return text === '' ? null : JSON.parse(text, (_, v) => typeof v === 'string' ? inert(v) : v);
}

async function ask(method: string, path: string, body: unknown, poll: boolean): Promise<unknown> {
  const headers: Record<string, string> = { 'Lianfang-Console': poll ? 'poll' : '1' };
  if (body !== undefined) headers['Content-Type'] = body instanceof Blob ? 'application/octet-stream' : typeof body === 'string' ? 'text/plain' : 'application/json';
  const began = Date.now();
  let reply: Response, text: string;
  try {
    reply = await fetch('/api/v1' + path, { method, headers, body: body === undefined ? undefined : typeof body === 'string' || body instanceof Blob ? body : JSON.stringify(body) });
    text = await reply.text();
  } catch {
    throw new Refused(0, 'away', '');
  }
  const date = Date.parse(reply.headers.get('Date') ?? '');
  // The header counts whole seconds: half of one is the best guess.
  if (!isNaN(date)) skew = date + 500 - (began + Date.now()) / 2;
  if (Math.abs(skew) < 1500) skew = 0;
  const value = reply.headers.get('Content-Type')?.startsWith('application/json') ? parse(text) : inert(text);
  if (reply.ok) return value;
  const error = (value as { error?: { code: string; message: string } })?.error;
  if (reply.status === 401 && !path.startsWith('/session') && session.get()?.signed_in) {
    const s = session.get()!;
    session.set({ signed_in: false, node: s.node, tier: s.tier });
  }
  throw new Refused(reply.status, error?.code ?? '', error?.message ?? reply.statusText, Number(reply.headers.get('Retry-After') ?? 0));
}

export const get = <T>(path: string, poll = false) => ask('GET', path, undefined, poll) as Promise<T>;
export const post = <T>(path: string, body: unknown = {}) => ask('POST', path, body, false) as Promise<T>;
export const put = <T>(path: string, body: unknown) => ask('PUT', path, body, false) as Promise<T>;
/** Bytes as they are. */
export const send = <T>(path: string, body: Blob) => ask('POST', path, body, false) as Promise<T>;
export const drop = <T>(path: string) => ask('DELETE', path, undefined, false) as Promise<T>;

/** Server-sent events of a GET, or with `body` of a POST, as they come; ends when the node or `signal` ends it. */
export async function stream(path: string, each: (event: string, data: unknown) => void, signal: AbortSignal, body?: unknown): Promise<void> {
  let reply: Response;
  try {
    reply = await fetch('/api/v1' + path, { headers: { 'Lianfang-Console': '1', Accept: 'text/event-stream', ...(body ? { 'Content-Type': 'application/json' } : {}) }, signal,
      ...(body ? { method: 'POST', body: JSON.stringify(body) } : {}) });
  } catch (e) {
    if (signal.aborted) return;
    throw new Refused(0, 'away', '');
  }
  if (!reply.ok || !reply.body) {
    const error = (parse(await reply.text().catch(() => '')) as { error?: { code: string; message: string } } | null)?.error;
    throw new Refused(reply.status, error?.code ?? '', error?.message ?? reply.statusText);
  }
  const reader = reply.body.getReader(), decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const piece = await reader.read().catch(() => ({ done: true, value: undefined, lost: true }));
    if ('lost' in piece && !signal.aborted) throw new Refused(0, 'away', '');
    if (piece.done || signal.aborted) return;
    text += decoder.decode(piece.value, { stream: true });
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end), event = /^event: (.*)$/m.exec(block)?.[1], data = /^data: (.*)$/m.exec(block)?.[1];
      text = text.slice(end + 2);
      if (!event || data === undefined) continue;
      const value = parse(data);
      if (event === 'error') throw new Refused(503, (value as { code: string }).code, (value as { message: string }).message);
      each(event, value);
    }
  }
}

export async function whoAmI() {
  session.set(await get<Session>('/session'));
}
