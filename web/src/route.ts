// Every view has a link; going somewhere is an entry in the browser's history.
import type { Key } from './lang';
import { signal } from './signal';

/** Views that the navigation names, in its order. */
export const NAV: Key[] = [
  'today',
  'boards',
  'incidents',
  'tickets',
  'warnings',
  'events',
  'rules',
  'intelligence',
  'lab',
  'members',
];

/** And those that only administrators have. */
export const ADMIN: Key[] = ['users', 'settings', 'audit'];

export interface Route { view: string; id: string; query: URLSearchParams }

/** Its address; alerts that want an answer are "alerts" there as in the command line, and have a word of their own beside a ticket's alerts. */
export function link(view: Key): string {
  return '/console/' + (view === 'warnings' ? 'alerts' : view);
}

function read(): Route {
  const [view, ...rest] = location.pathname.replace(/^\/(console\/?)?/, '').split('/');
  return { view: view || 'today', id: rest.map(decodeURIComponent).join('/'), query: new URLSearchParams(location.search) };
}

export const route = signal<Route>(read());

export function go(path: string, replace = false) {
  if (replace) history.replaceState(null, '', path);
  else history.pushState(null, '', path);
  route.set(read());
}

addEventListener('popstate', () => route.set(read()));
// Links of our own change the view; with a modifier, or to elsewhere, the browser does what it does.
addEventListener('click', e => {
  const link = (e.target as Element | null)?.closest?.('a');
  if (!link || e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || link.target) return;
  if (link.origin !== location.origin || !link.pathname.startsWith('/console') || link.pathname.startsWith('/console/assets/')) return;
  if (link.hash && link.pathname === location.pathname) return;
  e.preventDefault();
  go(link.pathname + link.search);
});
