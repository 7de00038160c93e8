// Two catalogues of the same keys: the compiler refuses one that is missing. Texts with {0} take arguments.
import { signal } from './signal';

const zh = {
  boards: '態勢看板', lab: '惡意檔案檢測',
  product: '聯防', skip: '跳到內容', today: '今日', incidents: '資安事件', tickets: '監控單', events: '紀錄', intelligence: '情資', members: '成員與節點', account: '我的帳號',
  signIn: '登入', signOut: '登出', user: '使用者', password: '密碼', code: '驗證碼', codeHint: '驗證程式的六位數字，或一組復原碼', next: '繼續',
  setUp: '設定密碼', setUpHint: '此連結僅能使用一次。', newPassword: '新密碼', again: '再輸入一次', notSame: '兩次輸入不同',
  setUpDone: '密碼已設定，請登入。', linkMissing: '此網址沒有設定密碼的代碼，請向管理者索取新連結。', oldPassword: '目前的密碼', changed: '密碼已變更，其他登入均已結束。',
  confirm: '確認',
  wrongSignIn: '名稱、密碼或驗證碼不正確，或帳號已鎖定。', waitFirst: '嘗試次數過多，請於 {0} 秒後再試。', linkVoid: '此連結無效、已使用或已逾一日。', signedOut: '登入已結束，請重新登入。',
  noNet: '無法連線到節點。您的輸入尚未儲存。', failed: '未完成：{0}', loading: '載入中…', stored: '已儲存', language: '語言', theme: '外觀', auto: '依系統', light: '淺色', dark: '深色',
  palette: '前往或執行', paletteHint: '輸入檢視、事件編號、監控單編號或指標', keys: '鍵盤操作', close: '關閉', open: '開啟', help: '說明',
  keyHelp: '顯示本說明', keyPalette: '前往或執行', keyMove: '下一列／上一列', keyEnter: '開啟所選', keyGo: '前往今日／事件／監控單／情資／成員', keyFilter: '移至搜尋欄', keyBack: '返回清單',
  keyFact: '新增事實', keyDispose: '結案：誤判／確實事件／無法判斷', keyReopen: '重新開啟', keyLive: '紀錄：即時開關', newRule: '新增規則', notices: '瀏覽器通知', keyTake: '監控單由我承辦', pasteText: '貼上文字並擷取觀察值', keyRules: '規則：試跑／停用或啟用', coverage: 'ATT&CK 涵蓋',
  myClocks: '法定時限', clocksHint: '剩餘時間最少者在前', noClocks: '目前沒有進行中的時限。', noClocksTeach: '知悉資安事件後，按「新增事件」或以 lianfang incident open 建立；首次通報的一小時即由知悉時起算。',
  openTickets: '待處理監控單', noTickets: '沒有待處理的監控單。', noTicketsTeach: '偵測規則或指標比對到紀錄時，監控單會出現在這裡。', all: '全部',
  warnings: '警訊', waitsForAnswer: '待回覆', cameIn: '收到的', issuedHere: '本節點發布', noWarnings: '沒有警訊。', noWarningsTeach: '上級或下級節點發來的警訊（ANA、EWA、INT、DEF、FBI）會出現在這裡，以一個按鍵回覆處置。', answered: '已回覆：{0}', receipts: '收件與回覆', affected: '影響範圍', actions: '建議措施', references: '參考資料', tlp: 'TLP',
  receipt_queued: '待送', receipt_sent: '已送出', receipt_received: '已收到', receipt_read: '已讀', keyAlerts: '前往警訊', whichIncident: '若屬實，是哪一件資安事件',
  left: '剩 {0}', late: '逾時 {0}', due: '期限', clock: '時限', incident: '事件', action: '下一步', level: '等級', state: '狀態', title: '名稱', number: '編號', opened: '建立', changedAt: '異動', facts: '事實',
  days: '{0} 天', hours: '{0} 小時', minutes: '{0} 分', seconds: '{0} 秒', none: '無', noLevel: '未定級', exercise: '演練', closedToo: '含已結案', order: '排序',
  order_due: '剩餘時間', order_newest: '最新', order_changed: '最近異動', order_level: '等級', noIncidents: '沒有資安事件。', noIncidentsTeach: '按「新增事件」建立第一件；遭阻擋的攻擊不是事件，而是情資。',
  newIncident: '新增事件', incidentTitle: '事件名稱', awareAt: '知悉時間', packs: '適用法規', isExercise: '這是演練', create: '建立', clocks: '時限', timeline: '事實時間軸', by: '由', claimed: '發生於', recorded: '記錄於',
  stateFact: '新增事實', factType: '發生了什麼', when: '何時發生', note: '說明', grounds: '理由', channel: '通報管道', platform: '平臺', fallback: '電話、傳真等其他方式', reason: '原因', save: '儲存', cancel: '取消', claimedLevel: '等級',
  judgeLevel: '判定等級', table: '判定表', dimension_c: '機密性', dimension_i: '完整性', dimension_a: '可用性',
  problems: '待釐清', withheld: '依 TLP 保留（{0}）', notCounted: '不列入', alarms: '提醒紀錄', rungAt: '{0} 已用 {1} %', breachedAlarm: '{0} 已逾時', merged: '合併自', mergedInto: '已併入', legalBasis: '依據',
  running: '進行中', met: '已完成', breached: '逾時', void: '不適用', aware: '知悉', notAvailable: '無法讀取：{0}',
  host: '主機', hits: '次數', first: '首次', last: '最近', victim: '受駭單位', assignee: '承辦人', disposition: '處置', whatMatched: '比對內容', rule: '規則', indicator: '指標', technique: '攻擊手法', indicators: '指標', techniques: '攻擊手法', rules: '規則', description: '說明', event: '紀錄', done: '處理紀錄', alerts: '告警',
  falsePositive: '誤判', confirmed: '確實事件', undetermined: '無法判斷', closeTicket: '結案', reopen: '重新開啟', disposed: '已結案：{0}', reopened: '已重新開啟', raise: '轉為資安事件', active: '未結案', closed: '已結案', 'in-progress': '處理中', ticket: '監控單', suppressFor: '誤判時，抑制相同比對', scope: '範圍', until: '為期', noSuppress: '不抑制', ticketNote: '結案說明（選填）',
  search: '搜尋', searchHint: '網域、IP、雜湊、網址、STIX 識別碼或文字', type: '類型', any: '不限', results: '結果', noResults: '沒有符合的情資。', noResultsTeach: '節點只顯示您的 TLP 權限內的情資。可用 lianfang import 匯入 STIX、MISP 或清單。', startSearch: '輸入一個值以查詢節點所知的一切。',
  claims: '各來源主張', source: '來源', version: '版本', received: '收到', score: '評分', expires: '有效至', activeNow: '有效', inactive: '失效或過期', warnlists: '警示清單', object: '物件', more: '更多', raw: '原始 JSON',
  relation: '關係', silent: '失聯', disabled: '停用', noPeers: '尚未設定對等節點。', noPeersTeach: '以 lianfang peer add 與上級、下級或夥伴節點相互釘選憑證。', adminOnly: '僅管理者可檢視。', thisNode: '本節點', fingerprint: '憑證指紋', roles: '行程與隔離', inputs: '日誌輸入', lines: '行數', storage: '儲存', objects: '物件', started: '啟動', url: '位址', collections: '交換的集合',
  parent: '上級', child: '下級', partner: '夥伴', sector: '領域中心', provider: '提供者', region: '區域中心', nation: '國家中心', yes: '是', no: '否', ago: '{0}前', never: '從未', moved: '移至 {0}', rows: '{0} 列', reloaded: '資料已更新', notFound: '沒有這個檢視。', role: '角色', organisation: '機關', tlpMax: '可見至', fileReport: '提出首次通報',
  byPasskey: '以通行金鑰登入', noPasskey: '未使用通行金鑰：裝置上沒有適用者，或已取消。', lastUsed: '最近使用',
  byProvider: '以「{0}」登入', providerSaid: '身分提供者未完成登入：{0}', providerNobody: '此身分未連結本節點的帳號。請先以密碼登入並在「我的帳號」連結，或請管理者連結。', identityAdd: '連結',
  passwordOld: '密碼已逾使用期限，請同時設定新密碼。', passwordRule: '至少 12 個字元並含大寫、小寫、數字、符號中的三種，或至少 20 個字元；不可與最近三次相同。',
  users: '使用者', settings: '設定', audit: '稽核', keyAdmin: '前往使用者／設定／稽核',
  role_admin: '管理者', role_analyst: '分析人員', role_feeder: '餵送程式', role_reader: '檢視者', role_peer: '節點',
  refuse: '拒絕',
  fact_aware: '知悉事件', fact_reported: '通報', fact_backfilled: '補行通報', fact_level: '定級', fact_reviewed: '審核', fact_rereviewed: '覆核', fact_forwarded: '轉送', fact_contained: '完成損害控制', fact_recovered: '完成復原', fact_final_report: '送交改善報告', fact_draft: '草稿', fact_fallback_reported: '已以其他方式通報', fact_ca_confirmed: '主管機關已確認', fact_investigating: '調查中', fact_final_submitted: '已送交改善報告', fact_false_alarm: '非資安事件', by_reporter: '通報機關', by_reviewer: '審核機關', by_authority: '主管機關', by_investigator: '偵查機關', by_responder: '應變支援', fact_extended: '展延', fact_returned: '退回', fact_accepted: '同意', fact_closed: '結案', fact_reopened: '重啟', fact_corrected: '更正', fact_dispatched: '派遣支援', fact_acknowledged: '確認收到', fact_warned: '警示他人', fact_evidence: '證據', fact_meeting: '召開會議', fact_dismissed: '非資安事件', fact_merged: '合併', fact_unmerged: '取消合併', fact_note: '註記', fact_split: '分出', fact_observable: '觀察到的值', fact_entry: '填寫表單', fact_requested: '請求', fact_decided: '決定', fact_completed: '完成支援', fact_published: '公告',
};

export type Key = keyof typeof zh;

const en: Record<Key, string> = {
  boards: 'Situation', lab: 'Lab',
  product: 'Lianfang', skip: 'Skip to content', today: 'Today', incidents: 'Incidents', tickets: 'Tickets', events: 'Events', intelligence: 'Intelligence', members: 'Members and peers', account: 'My account',
  signIn: 'Sign in', signOut: 'Sign out', user: 'User', password: 'Password', code: 'Code', codeHint: 'Six digits of your authenticator, or a recovery code', next: 'Continue',
  setUp: 'Set a password', setUpHint: 'This link works once.', newPassword: 'New password', again: 'Once more', notSame: 'The two differ',
  setUpDone: 'The password is set. Sign in.', linkMissing: 'This address carries no code. Ask an administrator for a new link.', oldPassword: 'Present password', changed: 'The password is changed; other sessions ended.',
  confirm: 'Confirm',
  wrongSignIn: 'Name, password or code is not right, or the account is locked.', waitFirst: 'Too many tries: wait {0} seconds.', linkVoid: 'This link is void, was used, or is older than a day.', signedOut: 'Your session ended. Sign in again.',
  noNet: 'The node does not answer. What you entered is not stored.', failed: 'Not done: {0}', loading: 'Loading…', stored: 'Stored', language: 'Language', theme: 'Theme', auto: 'System', light: 'Light', dark: 'Dark',
  palette: 'Go to or do', paletteHint: 'Type a view, an incident, a ticket or an indicator', keys: 'Keyboard', close: 'Close', open: 'Open', help: 'Help',
  keyHelp: 'Show this help', keyPalette: 'Go to or do', keyMove: 'Next / previous row', keyEnter: 'Open the chosen row', keyGo: 'Go to today / incidents / tickets / intelligence / members', keyFilter: 'To the search field', keyBack: 'Back to the list',
  keyFact: 'State a fact', keyDispose: 'Close: false positive / confirmed / undetermined', keyReopen: 'Reopen', keyLive: 'Events: live on or off', newRule: 'New rule', notices: 'Browser notices', keyTake: 'Take a ticket', pasteText: 'Paste a text and extract its values', keyRules: 'Rules: try / turn off or on', coverage: 'ATT&CK coverage',
  myClocks: 'Statutory clocks', clocksHint: 'The least time left first', noClocks: 'No clock is running.', noClocksTeach: 'When you learn of an incident, press “New incident” or use lianfang incident open: the hour of the first report runs from awareness.',
  openTickets: 'Tickets to handle', noTickets: 'No ticket waits.', noTicketsTeach: 'When a rule or an indicator meets a log, its ticket appears here.', all: 'All',
  warnings: 'Alerts', waitsForAnswer: 'Waiting for an answer', cameIn: 'Received', issuedHere: 'Issued here', noWarnings: 'No alerts.', noWarningsTeach: 'What nodes above and below send (ANA, EWA, INT, DEF, FBI) appears here; one key answers it.', answered: 'Answered: {0}', receipts: 'Receipts and answers', affected: 'Affected', actions: 'Recommended', references: 'References', tlp: 'TLP',
  receipt_queued: 'Queued', receipt_sent: 'Sent', receipt_received: 'Received', receipt_read: 'Read', keyAlerts: 'To the alerts', whichIncident: 'When confirmed: which incident',
  left: '{0} left', late: '{0} late', due: 'Due', clock: 'Clock', incident: 'Incident', action: 'Next action', level: 'Level', state: 'State', title: 'Title', number: 'Number', opened: 'Opened', changedAt: 'Changed', facts: 'Facts',
  days: '{0} d', hours: '{0} h', minutes: '{0} min', seconds: '{0} s', none: 'None', noLevel: 'No level yet', exercise: 'EXERCISE', closedToo: 'Closed ones too', order: 'Order',
  order_due: 'Time left', order_newest: 'Newest', order_changed: 'Last change', order_level: 'Level', noIncidents: 'No incidents.', noIncidentsTeach: 'Press “New incident” for the first one. An attack that was blocked is no incident but intelligence.',
  newIncident: 'New incident', incidentTitle: 'Title', awareAt: 'Aware since', packs: 'Under which law', isExercise: 'This is an exercise', create: 'Create', clocks: 'Clocks', timeline: 'Timeline of facts', by: 'by', claimed: 'Happened', recorded: 'Recorded',
  stateFact: 'State a fact', factType: 'What happened', when: 'When it happened', note: 'Note', grounds: 'Grounds', channel: 'Channel', platform: 'Platform', fallback: 'Telephone, fax or other', reason: 'Reason', save: 'Store', cancel: 'Cancel', claimedLevel: 'Level',
  judgeLevel: 'Judge the level', table: 'Table', dimension_c: 'Confidentiality', dimension_i: 'Integrity', dimension_a: 'Availability',
  problems: 'To be looked at', withheld: 'Withheld by TLP ({0})', notCounted: 'Does not count', alarms: 'Alarms', rungAt: '{0} has used {1} %', breachedAlarm: '{0} is breached', merged: 'Merged from', mergedInto: 'Merged into', legalBasis: 'Basis',
  running: 'Running', met: 'Met', breached: 'Breached', void: 'Does not apply', aware: 'Aware', notAvailable: 'Cannot be read: {0}',
  host: 'Host', hits: 'Hits', first: 'First', last: 'Last', victim: 'Victim', assignee: 'Assignee', disposition: 'Disposition', whatMatched: 'What matched', rule: 'Rule', indicator: 'Indicator', technique: 'Technique', indicators: 'Indicators', techniques: 'Techniques', rules: 'Rules', description: 'Description', event: 'Event', done: 'What was done', alerts: 'Alerts',
  falsePositive: 'False positive', confirmed: 'Confirmed', undetermined: 'Undetermined', closeTicket: 'Close', reopen: 'Reopen', disposed: 'Closed: {0}', reopened: 'Open again', raise: 'Make an incident', active: 'Not closed', closed: 'Closed', 'in-progress': 'In progress', ticket: 'Ticket', suppressFor: 'When false: hold back the same match', scope: 'Scope', until: 'For', noSuppress: 'Hold nothing back', ticketNote: 'Note for closing (optional)',
  search: 'Search', searchHint: 'Domain, address, hash, URL, STIX id or text', type: 'Type', any: 'Any', results: 'Results', noResults: 'Nothing matches.', noResultsTeach: 'You see what your TLP level allows. lianfang import takes STIX, MISP and lists.', startSearch: 'Type a value to see all that this node knows about it.',
  claims: 'Claims by source', source: 'Source', version: 'Version', received: 'Received', score: 'Score', expires: 'Valid until', activeNow: 'Active', inactive: 'Revoked or expired', warnlists: 'Warning lists', object: 'Object', more: 'More', raw: 'JSON as it is',
  relation: 'Relation', silent: 'Silent', disabled: 'Disabled', noPeers: 'No peers yet.', noPeersTeach: 'lianfang peer add pins the certificate of a node above, below or beside.', adminOnly: 'For administrators only.', thisNode: 'This node', fingerprint: 'Fingerprint', roles: 'Processes and fences', inputs: 'Log inputs', lines: 'Lines', storage: 'Store', objects: 'Objects', started: 'Started', url: 'Address', collections: 'Collections exchanged',
  parent: 'Parent', child: 'Child', partner: 'Partner', sector: 'Sector centre', provider: 'Provider', region: 'Regional centre', nation: 'National centre', yes: 'Yes', no: 'No', ago: '{0} ago', never: 'Never', moved: 'Moved to {0}', rows: '{0} rows', reloaded: 'Data is up to date', notFound: 'There is no such view.', role: 'Role', organisation: 'Organisation', tlpMax: 'Sees up to', fileReport: 'File the first report',
  byPasskey: 'Sign in with a passkey', noPasskey: 'No passkey was used: none fits on this device, or you cancelled.', lastUsed: 'Last used',
  byProvider: 'Sign in with {0}', providerSaid: 'The identity provider did not sign you in: {0}', providerNobody: 'This identity belongs to no account here. Sign in by password and link it under My account, or ask an administrator.', identityAdd: 'Link',
  passwordOld: 'Your password is too old: set a new one with it.', passwordRule: 'At least 12 characters with three of capitals, small letters, digits and signs, or at least 20 characters; none of the last three.',
  users: 'Users', settings: 'Settings', audit: 'Audit', keyAdmin: 'Go to users / settings / audit',
  role_admin: 'Administrator', role_analyst: 'Analyst', role_feeder: 'Feeder', role_reader: 'Reader', role_peer: 'Node',
  refuse: 'Refuse',
  fact_aware: 'Aware', fact_reported: 'Reported', fact_backfilled: 'Back-filled report', fact_level: 'Level judged', fact_reviewed: 'Reviewed', fact_rereviewed: 'Re-reviewed', fact_forwarded: 'Forwarded', fact_contained: 'Damage controlled', fact_recovered: 'Recovered', fact_final_report: 'Improvement report sent', fact_draft: 'Draft', fact_fallback_reported: 'Reported by other means', fact_ca_confirmed: 'Confirmed by the authority', fact_investigating: 'Under investigation', fact_final_submitted: 'Improvement report sent', fact_false_alarm: 'No incident', by_reporter: 'the reporting organisation', by_reviewer: 'the reviewing authority', by_authority: 'the competent authority', by_investigator: 'the investigators', by_responder: 'response support', fact_extended: 'Extended', fact_returned: 'Returned', fact_accepted: 'Accepted', fact_closed: 'Closed', fact_reopened: 'Reopened', fact_corrected: 'Corrected', fact_dispatched: 'Help dispatched', fact_acknowledged: 'Acknowledged', fact_warned: 'Others warned', fact_evidence: 'Evidence', fact_meeting: 'Meeting held', fact_dismissed: 'No incident', fact_merged: 'Merged', fact_unmerged: 'Merge undone', fact_note: 'Note', fact_split: 'Split', fact_observable: 'Value observed', fact_entry: 'Form filled in', fact_requested: 'Requested', fact_decided: 'Decided', fact_completed: 'Help completed', fact_published: 'Published',
};

export type Lang = 'zh-TW' | 'en';
const stored = localStorage.getItem('lianfang.lang');
export const lang = signal<Lang>(stored === 'en' ? 'en' : 'zh-TW');

export function setLang(to: Lang) {
  localStorage.setItem('lianfang.lang', to);
  document.documentElement.lang = to;
  lang.set(to);
}

const filled = (text: string, args: (string | number)[]) => text.replace(/\{(\d)\}/g, (_, i) => String(args[+i] ?? ''));

export function t(key: Key, ...args: (string | number)[]): string {
  return filled((lang.get() === 'en' ? en : zh)[key], args);
}

/** Words of one view alone, loaded with it: the same two catalogues of the same keys. */
export function words<K extends string>(inZh: Record<K, string>, inEn: Record<NoInfer<K>, string>) {
  return (key: K, ...args: (string | number)[]) => filled((lang.get() === 'en' ? inEn : inZh)[key], args);
}

/** A word that the node sends as an identifier; itself where we have no word for it. */
export function word(id: string, prefix = ''): string {
  const key = prefix + id;
  return key in zh ? t(key as Key) : id;
}

/** {"en": …, "zh-TW": …} as packs of law say it. */
export function said(words: { en?: string; 'zh-TW'?: string; zh?: string } | undefined): string {
  if (!words) return '';
  return (lang.get() === 'en' ? words.en : words['zh-TW'] ?? words.zh) ?? words.en ?? '';
}

/** The two largest units: "2 h 5 min". */
export function span(ms: number): string {
  const s = Math.floor(Math.abs(ms) / 1000), parts: [Key, number][] = [
    ['days', Math.floor(s / 86400)], ['hours', Math.floor(s / 3600) % 24], ['minutes', Math.floor(s / 60) % 60], ['seconds', s % 60],
  ];
  const from = parts.findIndex(p => p[1] > 0);
  if (from < 0) return t('seconds', 0);
  return parts.slice(from, from + 2).filter(p => p[1] > 0).map(p => t(p[0], p[1])).join(' ');
}

// Making one is dear, and a table has one time a row.
const formats = Object.fromEntries((['zh-TW', 'en'] as Lang[]).map(l => [l, new Intl.DateTimeFormat(l, { dateStyle: 'medium', timeStyle: 'short', hour12: false })]));

const exact = Object.fromEntries((['zh-TW', 'en'] as Lang[]).map(l => [l, new Intl.DateTimeFormat(l, { dateStyle: 'short', timeStyle: 'medium', hour12: false })]));

/** To the second, for records of machines. */
export function at(text: string): string {
  const d = new Date(text);
  return isNaN(+d) ? text : exact[lang.get()].format(d);
}

export function when(text: string | null | undefined): string {
  if (!text) return '';
  const d = new Date(text);
  return isNaN(+d) ? text : formats[lang.get()].format(d);
}
