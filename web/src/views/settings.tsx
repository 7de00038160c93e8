// What is set at this node and what is usual.
import { useState } from 'preact/hooks';
import { session } from '../api';
import { t, words } from '../lang';
import { useSignal } from '../signal';
import { Empty, Failed, Heading, Input, useData } from '../ui';

const w = words({
  settingsHint: '凸顯者與預設不同。請編輯此檔後重新啟動或送 SIGHUP：', usualToo: '也顯示預設值', settingKey: '項目', settingValue: '目前', settingUsual: '預設',
}, {
  settingsHint: 'Marked: not the default. Edit this file, then restart or send SIGHUP:', usualToo: 'Defaults, too', settingKey: 'Key',
  settingValue: 'Now', settingUsual: 'Default',
});
interface Setting { section: string; key: string; value: string; usual: string; meaning: string }

export function Settings(_: { id: string }) {
  const admin = useSignal(session)!.role === 'admin', got = useData<{ file: string; settings: Setting[] }>(admin ? '/settings' : null), [text, setText] = useState(''), [all, setAll] = useState(false);
  if (!admin) return <><Heading text={t('settings')} /><Empty title={t('adminOnly')} teach="" /></>;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean), rows = got.data?.settings.filter(s => (all || words.length > 0 || s.value !== s.usual) &&
    words.every(w => `${s.section} ${s.key} ${s.value} ${s.meaning}`.toLowerCase().includes(w))) ?? [];
  return <>
    <Heading text={t('settings')} />
    <p>{w('settingsHint')} {got.data && <code><bdi>{got.data.file}</bdi></code>}</p>
    <div class="bar"><Input label={t('search')} value={text} set={setText} /><label class="check"><input type="checkbox" checked={all} onChange={e => setAll(e.currentTarget.checked)} />{w('usualToo')}</label></div>
    <Failed text={got.error} />{!got.data && !got.error && <p class="muted">{t('loading')}</p>}
    {got.data && <div class="scroll low" tabIndex={0} role="region" aria-label={t('settings')}><table><thead><tr><th scope="col">{w('settingKey')}</th><th scope="col">{w('settingValue')}</th><th scope="col">{w('settingUsual')}</th><th scope="col" class="wide">{t('description')}</th></tr></thead>
      <tbody>{rows.map(s => <tr key={s.section + '.' + s.key} class={s.value !== s.usual ? 'at' : undefined}><td><code>[{s.section}] {s.key}</code></td><td><bdi>{s.value}</bdi></td><td><bdi>{s.usual}</bdi></td><td class="wide" lang="en">{s.meaning}</td></tr>)}</tbody></table></div>}
  </>;
}
