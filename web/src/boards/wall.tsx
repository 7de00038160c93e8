// The wallboard: for a screen that nobody touches. One board after the other, large, with what has to be known always in sight;
// it says so when the connection is lost, because an old number looks like a good one.
import { useEffect, useState } from 'preact/hooks';
import { session } from '../api';
import { useKeys } from '../keys';
import { said, when } from '../lang';
import { live } from '../live';
import { go, route } from '../route';
import { useSignal } from '../signal';
import { Failed, useData, useNow } from '../ui';
import { Board, boardsOf, question } from './board';
import { Chart, Completeness, Numbers } from './boards';
import { b } from './words';

const SECONDS = 20;

export function Wall(_: { id: string }) {
  const { query } = useSignal(route), s = useSignal(session)!, well = useSignal(live), now = useNow(), list = boardsOf(query.get('tier') ?? s.tier);
  const [at, setAt] = useState(0), [still, setStill] = useState(query.get('still') === 'true'), name = list[at % list.length];
  const { data: x, error } = useData<Board>(`/boards/${name}?${question(name, query, { limit: '30' })}`);
  const seconds = Math.max(5, Number(query.get('seconds') ?? SECONDS)), exit = () => go('/console/boards');
  useEffect(() => {
    document.documentElement.classList.add('wall');
    return () => document.documentElement.classList.remove('wall');
  }, []);
  useEffect(() => {
    if (still) return undefined;
    const timer = setInterval(() => setAt(n => n + 1), seconds * 1000);
    return () => clearInterval(timer);
  }, [still, seconds]);
  useKeys({ Escape: exit, ']': () => setAt(n => n + 1), '[': () => setAt(n => n + list.length - 1), ' ': () => setStill(v => !v) });
  return <div class="wallboard">
    <header class="heading"><h1><bdi>{s.node}</bdi> · {x ? said(x.title) : '…'}</h1>
      <span class={'left ' + (well ? '' : 'late')} role="status">{well ? b('live') : b('notLive')}</span><time class="left">{when(new Date(now).toISOString())}</time>
      <button type="button" class="quiet" onClick={() => setStill(!still)}>{b(still ? 'play' : 'pause')}</button><button type="button" class="quiet" onClick={exit}>{b('exit')}</button></header>
    <Numbers query={query} />
    <Failed text={error} />
    {x && <section class={'card board-' + name} data-board={name}><Chart x={x} query={query} height={420} /><Completeness x={x} /></section>}
  </div>;
}
