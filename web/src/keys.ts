// Keys that views give a meaning to; not while somebody types.
import { useLayoutEffect, useRef } from 'preact/hooks';

type Keys = Record<string, (e: KeyboardEvent) => void>;
const layers: { current: Keys }[] = [];
// The key before, and when it was pressed: by the event's own time, since a busy page hears of keys late.
let before = '', pressed = 0;
const PAIR = 2000;

function typing(e: KeyboardEvent) {
  const at = e.target as HTMLElement;
  return at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
}

addEventListener('keydown', e => {
  const ctrl = e.ctrlKey || e.metaKey;
  if (e.altKey || e.isComposing || (ctrl && e.key.toLowerCase() !== 'k') || (typing(e) && !ctrl && e.key !== 'Escape')) return;
  if (document.querySelector('dialog[open]') && e.key !== 'Escape') return;
  const name = ctrl ? 'Ctrl-' + e.key.toLowerCase() : e.key, pair = e.timeStamp - pressed < PAIR ? before + ' ' + name : '';
  before = name;
  pressed = e.timeStamp;
  for (let i = layers.length - 1; i >= 0; i--) {
    const fn = layers[i].current[pair] ?? layers[i].current[name];
    if (fn) {
      e.preventDefault();
      fn(e);
      return;
    }
  }
});

/** Keys of a component while it is there, from the moment that it can be seen; the one that came last is asked first. */
export function useKeys(keys: Keys) {
  const mine = useRef(keys);
  mine.current = keys;
  useLayoutEffect(() => {
    layers.push(mine);
    return () => { layers.splice(layers.indexOf(mine), 1); };
  }, []);
}
