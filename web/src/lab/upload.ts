// A resumable upload (tus 1.0): pieces of the file, each answered when the node has it on its disk. What the node has is asked and never assumed; the address of an
// upload is kept in this browser, so the same file chosen again goes on where it stood.
import { inert, Refused } from '../api';

export type Stage = 'asking' | 'sending' | 'paused' | 'waiting' | 'done' | 'failed';
export interface Progress { stage: Stage; sent: number; size: number; rate: number; left: number; wait: number; resumedAt: number; error?: Refused }

const KEPT = 'lianfang.lab.uploads', KEPT_MAX = 32, SPAN = 5000, TRIES = [1, 2, 4, 8, 15, 30];
const TUS = { 'Tus-Resumable': '1.0.0', 'Lianfang-Console': '1' };

type Kept = Record<string, string>;
const kept = (): Kept => {
  try { return JSON.parse(localStorage.getItem(KEPT) ?? '{}') as Kept; } catch { return {}; }
};
function keep(key: string, id: string | null) {
  const all = Object.entries(kept()).filter(x => x[0] !== key).slice(-KEPT_MAX);
  localStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(id === null ? all : [...all, [key, id]])));
}

const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

interface Answer { status: number; header: (name: string) => string | null; text: string }

export class Upload {
  private now: Progress;
  private request?: XMLHttpRequest;
  private timer = 0;
  private marks: { at: number; sent: number }[] = [];
  private id = '';
  private tries = 0;
  readonly key: string;

  constructor(readonly file: File, private readonly meta: { privacy: string; passwords: string }, private readonly said: (p: Progress) => void, private readonly done: (id: string) => void, private readonly piece: number) {
    this.key = [file.name, file.size, file.lastModified, meta.privacy].join('/');
    this.now = { stage: 'asking', sent: 0, size: file.size, rate: 0, left: 0, wait: 0, resumedAt: 0 };
    this.id = kept()[this.key] ?? '';
  }

  start() { void this.run(); }

  pause() {
    this.halt();
    this.tell({ stage: 'paused' });
  }

  /** Nothing of it stays at the node. */
  async cancel() {
    this.halt();
    keep(this.key, null);
    if (this.id) await this.ask('DELETE', '/' + this.id).catch(() => undefined);
  }

  /** The page goes away: what the node has, it keeps. */
  halt() {
    clearTimeout(this.timer);
    const r = this.request;
    this.request = undefined;
    r?.abort();
    this.now = { ...this.now, stage: 'paused' };
  }

  private tell(more: Partial<Progress>) {
    this.now = { ...this.now, ...more };
    this.said(this.now);
  }

  private ask(method: string, tail: string, headers: Record<string, string> = {}, body?: Blob): Promise<Answer> {
    return new Promise((answer, fail) => {
      const r = this.request = new XMLHttpRequest(), from = this.now.sent;
      r.open(method, '/api/v1/lab/uploads' + tail);
      for (const [name, value] of Object.entries({ ...TUS, ...headers })) r.setRequestHeader(name, value);
      if (body) r.upload.onprogress = e => this.moved(from + e.loaded);
      r.onload = () => answer({ status: r.status, header: name => r.getResponseHeader(name), text: r.responseText });
      r.onerror = r.onabort = r.ontimeout = () => fail(new Refused(0, 'away', ''));
      r.send(body ?? null);
    });
  }

  /** Rate over the last seconds, so that a pause or a faster net shows soon. */
  private moved(sent: number) {
    const at = performance.now();
    this.marks = [...this.marks.filter(m => at - m.at < SPAN), { at, sent }];
    const first = this.marks[0], rate = at - first.at > 200 ? (sent - first.sent) * 1000 / (at - first.at) : this.now.rate;
    this.tell({ stage: 'sending', sent, rate, left: rate > 0 ? (this.now.size - sent) / rate : 0 });
  }

  private refused(a: Answer): Refused {
    let said: { error?: { code: string; message: string } } = {};
    try { said = JSON.parse(a.text) as typeof said; } catch { /* not every answer has a body */ }
    return new Refused(a.status, said.error?.code ?? '', inert(said.error?.message ?? String(a.status)), Number(a.header('Retry-After') ?? 0));
  }

  /** Where the node stands; an upload that it does not know any more is begun anew. */
  private async open(): Promise<number> {
    if (this.id) {
      const a = await this.ask('HEAD', '/' + this.id);
      if (a.status < 300) {
        const at = Number(a.header('Upload-Offset'));
        if (Number(a.header('Upload-Length')) === this.file.size) return at;
      } else if (a.status !== 404 && a.status !== 410) throw this.refused(a);
      keep(this.key, null);
    }
    const meta = [['filename', this.file.name], ['privacy', this.meta.privacy], ...(this.meta.passwords ? [['passwords', this.meta.passwords]] : [])];
    const a = await this.ask('POST', '', { 'Upload-Length': String(this.file.size), 'Upload-Metadata': meta.map(([k, v]) => `${k} ${base64(v)}`).join(',') });
    if (a.status !== 201) throw this.refused(a);
    this.id = (a.header('Location') ?? '').split('/').pop()!;
    keep(this.key, this.id);
    return Number(a.header('Upload-Offset') ?? 0);
  }

  private async run() {
    this.marks = [];
    this.tell({ stage: 'asking' });
    try {
      let at = await this.open();
      this.tell({ resumedAt: at });
      while (at < this.file.size) {
        this.moved(at);
        const a = await this.ask('PATCH', '/' + this.id, { 'Upload-Offset': String(at), 'Content-Type': 'application/offset+octet-stream' }, this.file.slice(at, at + this.piece));
        // 409: another request of ours arrived after all; the node knows how much it has.
        if (a.status === 409) at = await this.open();
        else if (a.status >= 300) throw this.refused(a);
        else at = Number(a.header('Upload-Offset'));
        this.tries = 0;
      }
      this.request = undefined;
      keep(this.key, null);
      this.tell({ stage: 'done', sent: this.file.size, left: 0 });
      this.done(this.id);
    } catch (e) {
      this.stumble(e);
    }
  }

  /** No net, a node that has no room now, or an earlier request of ours that is not over: again in a while. What it refuses for good is said. */
  private stumble(e: unknown) {
    if (this.now.stage === 'paused') return;
    if (!(e instanceof Refused)) throw e;
    const again = e.status === 0 || e.status === 423 || e.code === 'uploads' || e.status >= 502 && e.code !== 'no-lab';
    if (!again) return this.tell({ stage: 'failed', error: e });
    const wait = Math.max(e.wait, TRIES[Math.min(this.tries++, TRIES.length - 1)]), end = performance.now() + wait * 1000;
    const tick = () => {
      const left = Math.ceil((end - performance.now()) / 1000);
      if (left <= 0) return void this.run();
      this.tell({ stage: 'waiting', wait: left });
      this.timer = setTimeout(tick, 500) as unknown as number;
    };
    tick();
  }
}

/** SHA-256 in hex, made here: nothing of the file is sent. */
export async function digest(file: File): Promise<string> {
  return [...new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()))].map(b => b.toString(16).padStart(2, '0')).join('');
}
