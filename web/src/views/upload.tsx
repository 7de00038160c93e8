// A file of intelligence comes in pieces, so that one sees how fast it goes, may stop it, and memory does not matter.
import { useRef, useState } from 'preact/hooks';
import { drop, part, post, send } from '../api';
import { t, words } from '../lang';
import { bytes, pace } from '../pace';
import { Choice, Failed, Field, Heading, Input, tell, why } from '../ui';

const w = words({
  title: '匯入檔案', file: '檔案', hint: 'STIX 2.0、2.1（JSON）、MISP、CSV，或一行一個值的清單', begin: '開始匯入', stop: '停止', stopped: '已停止；先前的片段已匯入 {0}。', source: '來源名稱（選填）', sending: '匯入中：{0} / {1}',
  done: '匯入完成：{0}', n_new: '新增 {0}', n_known: '已知 {0}', n_failed: '失敗 {0}', failure: '未匯入的項目',
}, {
  title: 'Import a file', file: 'File', hint: 'STIX 2.0 or 2.1 (JSON), MISP, CSV, or a list with a value in each line', begin: 'Import', stop: 'Stop', stopped: 'Stopped; {0} came in before.', source: 'Name of the source (optional)', sending: 'Importing: {0} of {1}',
  done: 'Imported: {0}', n_new: '{0} new', n_known: '{0} known', n_failed: '{0} failed', failure: 'What did not come in',
});

const PIECE = 256 << 10, TLPS = ['clear', 'green', 'amber', 'amber+strict', 'red'];
interface Report { stored: number; duplicates: number; failed: number; warned: number; failures?: { id?: string; message: string }[] }

export function Upload() {
  const [file, setFile] = useState<File>(), [tlp, setTlp] = useState('amber'), [source, setSource] = useState(''), [sent, setSent] = useState<{ n: number; seconds: number }>(), [report, setReport] = useState<Report>(), [error, setError] = useState('');
  const halt = useRef(false);
  async function run() {
    if (!file || sent) return;
    const began = performance.now(), at = (n: number) => setSent({ n, seconds: (performance.now() - began) / 1000 });
    halt.current = false;
    setError('');
    setReport(undefined);
    at(0);
    let id = '';
    try {
      id = (await post<{ import: string }>(`/imports?tlp=${encodeURIComponent(tlp)}${source.trim() ? '&source=' + encodeURIComponent(source.trim()) : ''}`)).import;
      for (let n = 0; n < file.size; n += PIECE) {
        if (halt.current) {
          await drop('/imports/' + part(id));
          tell(w('stopped', bytes(n)));
          setSent(undefined);
          return;
        }
        await send('/imports/' + part(id), file.slice(n, n + PIECE));
        at(Math.min(file.size, n + PIECE));
      }
      setReport(await post<Report>(`/imports/${part(id)}/end`));
    } catch (x) {
      setError(why(x));
      if (id) drop('/imports/' + part(id)).catch(() => undefined);
    }
    setSent(undefined);
  }
  const said = (r: Report) => [w('n_new', r.stored.toLocaleString()), r.duplicates ? w('n_known', r.duplicates.toLocaleString()) : '', r.failed ? w('n_failed', r.failed.toLocaleString()) : ''].filter(Boolean).join('、');
  return <>
    <p class="crumb"><a href="/console/intelligence">{t('intelligence')}</a></p>
    <Heading text={w('title')} />
    <form class="card" onSubmit={e => { e.preventDefault(); void run(); }}>
      <Field label={w('file')} hint={w('hint')}>{(id, hint) => <input id={id} type="file" aria-describedby={hint} required onChange={e => { setFile(e.currentTarget.files?.[0]); setReport(undefined); }} />}</Field>
      <Choice label={t('tlp')} value={tlp} set={setTlp} options={TLPS.map(x => [x, 'TLP:' + x.toUpperCase()])} />
      <Input label={w('source')} value={source} set={setSource} />
      <div class="bar"><button type="submit" class="main" disabled={!file || !!sent}>{w('begin')}</button>{sent && <button type="button" onClick={() => { halt.current = true; }}>{w('stop')}</button>}</div>
    </form>
    {sent && file && <p role="status" class="pace"><progress max={file.size} value={sent.n} aria-label={w('title')} /> {w('sending', bytes(sent.n), bytes(file.size))} · {pace(sent.n, file.size, sent.seconds, bytes(sent.n / Math.max(.001, sent.seconds)))}</p>}
    <Failed text={error} />
    {report && <p class="good" role="status">{w('done', said(report))}</p>}
    {report && report.failures && report.failures.length > 0 && <section><h2>{w('failure')}</h2><ul>{report.failures.map((f, i) => <li key={i}><bdi>{f.id}</bdi> <bdi>{f.message}</bdi></li>)}</ul></section>}
  </>;
}
