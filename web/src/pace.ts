// How fast a long work goes and how long it still takes, in words.
import { span, words } from './lang';

const w = words({ part: '{0} %', rate: '每秒 {0}', left: '約剩 {0}' }, { part: '{0} %', rate: '{0} a second', left: 'about {0} left' });

/** `done` of `total` in so many seconds; `rate`: what a second brings, in the reader's units. The time left is told from the second second on. */
export function pace(done: number, total: number, seconds: number, rate: string): string {
  const part = total > 0 ? Math.min(1, done / total) : 0, left = part > 0 ? seconds * (1 - part) / part : 0;
  return [w('part', Math.floor(100 * part)), seconds > 0 ? w('rate', rate) : '', part > 0 && part < 1 && seconds >= 1 ? w('left', span(Math.ceil(left) * 1000)) : ''].filter(Boolean).join(' · ');
}

/** 1.4 MB */
export function bytes(n: number): string {
  const unit = ['B', 'kB', 'MB', 'GB'], i = n < 1000 ? 0 : Math.min(3, Math.floor(Math.log10(n) / 3));
  return `${(n / 1000 ** i).toFixed(i && n / 1000 ** i < 100 ? 1 : 0)} ${unit[i]}`;
}
