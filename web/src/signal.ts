// A value that components watch: the smallest thing that does.
import { useLayoutEffect, useState } from 'preact/hooks';

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
  const value = s.get(), [, again] = useState(0);
  useLayoutEffect(() => {
    const look = () => again(n => n + 1);
    // What was set while this was being drawn is not missed.
    if (s.get() !== value) look();
    return s.watch(look);
  }, [s]);
  return value;
}
