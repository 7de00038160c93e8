// What changed at the node, as its stream of facts says. A page that nobody sees listens to nothing: a browser has few connections
// for a host, and a hidden page needs none. Without a stream it asks every few seconds.
import { get } from './api';
import { signal } from './signal';

const AGAIN = 3000;
/** Whether the stream stands. */
export const live = signal(false);

async function read(on: (pulse: string) => void, stop: AbortSignal) {
  const reply = await fetch('/api/v1/stream', { headers: { 'Lianfang-Console': 'poll', Accept: 'text/event-stream' }, signal: stop });
  if (!reply.ok || !reply.body) throw new Error(String(reply.status));
  const reader = reply.body.getReader(), text = new TextDecoder();
  live.set(true);
  for (let waits = ''; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (waits + text.decode(value, { stream: true })).split('\n\n');
    waits = events.pop()!;
    for (const e of events) {
      const data = e.split('\n').find(l => l.startsWith('data: '));
      if (data) on(JSON.parse(data.slice(6)).pulse);
    }
  }
}

/** Calls `on` with an opaque word whenever another one is told; the function that comes back ends it. */
export function listen(on: (pulse: string) => void): () => void {
  let ended = false, stop = new AbortController(), wake: () => void = () => undefined;
  const seen = () => {
    if (document.hidden) stop.abort();
    else wake();
  };
  const run = async () => {
    while (!ended) {
      if (!document.hidden) {
        stop = new AbortController();
        await read(on, stop.signal).catch(() => undefined);
        live.set(false);
        // Also tells when the session ended.
        if (!ended && !document.hidden) await get<{ pulse: string }>('/pulse', true).then(r => on(r.pulse), () => undefined);
      }
      if (!ended) await new Promise<void>(go => { wake = go; setTimeout(go, document.hidden ? 3600e3 : AGAIN); });
    }
  };
  document.addEventListener('visibilitychange', seen);
  void run();
  return () => {
    ended = true;
    stop.abort();
    wake();
    document.removeEventListener('visibilitychange', seen);
  };
}
