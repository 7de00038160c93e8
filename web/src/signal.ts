// A value that components watch: the smallest thing that does.
import { useEffect, useState } from 'preact/hooks';

export interface Signal<T> {
  get(): T;
  set(to: T): void;
  watch(fn: () => void): () => void;
}

export function signal<T>(value: T): Signal<T> {
  const watchers = new Set<() => void>();
  return {
    get: () => value,
    set(to) {
      if (to === value) return;
      value = to;
      [...watchers].forEach(fn => fn());
    },
    watch(fn) {
      watchers.add(fn);
      return () => { watchers.delete(fn); };
    },
  };
}

export function useSignal<T>(s: Signal<T>): T {
  const [, again] = useState(0);
  useEffect(() => s.watch(() => again(n => n + 1)), [s]);
  return s.get();
}
