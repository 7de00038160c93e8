// What needs me now: running clocks, the least time left first, each with its next action; then tickets that wait.
import { part } from '../api';
import { said, t, word } from '../lang';
import { notices, switchNotices } from '../notify';
import { useSignal } from '../signal';
import { Empty, Failed, Heading, Left, Level, Table, Tlp, useData } from '../ui';
import type { Clock, TicketRow } from './types';

interface Running extends Clock { number: string; incident_title: string; exercise: boolean; state: string; incident_level: number | null; pack: string; next: string[] }

/** The fact that stops the clock is what has to be done. */
function action(c: Running): string {
  return c.next.map(f => word(f, 'fact_')).join(' / ');
}

export function Today(_: { id: string }) {
  const clocks = useData<{ clocks: Running[] }>('/clocks?limit=200'), tickets = useData<{ tickets: TicketRow[] }>('/tickets?state=active&limit=50');
  const tells = useSignal(notices), rows = clocks.data?.clocks ?? [], waiting = tickets.data?.tickets ?? [];
  return <>
    <Heading text={t('today')}>{tells && <button type="button" aria-pressed={tells === 'on'} onClick={switchNotices}>{t('notices')}</button>}<a class="button main" href="/console/incidents/new">{t('newIncident')}</a></Heading>
    <section aria-labelledby="clocks">
      <h2 id="clocks">{t('myClocks')} <small>{t('clocksHint')}</small></h2>
      <Failed text={clocks.error} />
      {!clocks.data && !clocks.error && <p class="muted">{t('loading')}</p>}
      {clocks.data && rows.length === 0 && <Empty title={t('noClocks')} teach={t('noClocksTeach')} />}
      {rows.length > 0 && <ol class="clocks">{rows.map(c =>
        <li key={c.number + c.pack + c.id} class={c.exercise ? 'exercise' : undefined}>
          <Left due={c.due} />
          <div class="grow"><strong><bdi>{said(c.title)}</bdi></strong> <span class="muted">{c.pack} · {c.source}</span>
            <br /><a href={'/console/incidents/' + part(c.number)}><bdi>{c.number} {c.incident_title}</bdi></a> {c.exercise && <span class="tag drill">{t('exercise')}</span>} <Level of={c.incident_level} /></div>
          <a class="button" href={`/console/incidents/${part(c.number)}?fact=${encodeURIComponent(c.next[0] ?? '')}`}><span class="hidden">{c.number} {t('action')}: </span>{action(c) || t('open')}</a>
        </li>)}</ol>}
    </section>
    <section aria-labelledby="waiting">
      <h2 id="waiting">{t('openTickets')} <a class="small" href="/console/tickets">{t('all')}</a></h2>
      <Failed text={tickets.error} />
      {tickets.data && waiting.length === 0 && <Empty title={t('noTickets')} teach={t('noTicketsTeach')} />}
      {waiting.length > 0 && <Table label={t('openTickets')} rows={waiting} id={x => x.number} link={x => '/console/tickets/' + part(x.number)} columns={[
        { name: 'number', cell: x => x.number }, { name: 'title', cell: x => x.title, wide: true }, { name: 'host', cell: x => x.host },
        { name: 'hits', cell: x => x.hits }, { name: 'tlp', cell: x => <Tlp of={x.tlp} /> },
      ]} />}
    </section>
  </>;
}
