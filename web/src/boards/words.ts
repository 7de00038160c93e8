// Words of the boards; loaded with them.
import { words } from '../lang';

export const b = words({
  situation: '態勢看板', wall: '電視牆', overview: '總覽', period: '期間', '28': '近 28 天', '84': '近 12 週', '182': '近半年', '364': '近一年', '1820': '近五年', law: '適用法規', sector: '領域', all: '全部', drills: '僅看演練',
  asOf: '截至 {0}', table: '以表格顯示', formula: '公式', formulas: '各欄公式', csv: '下載 CSV', behind: '數字背後的紀錄', records: '{0} 筆紀錄', more: '僅列前 {0} 筆', noReport: '無回報', noReportHint: '本節點於該期間尚無紀錄，與「零」不同', hidden: '少於 {0}',
  running: '期間未滿', runningHint: '斜線為尚未結束之期間，不列入趨勢', interval: '95 % 區間 {0}–{1}', heard: '{0}／{1} 個成員於一小時內有回應', noMembers: '尚無連線之下級成員：以下僅為本節點所見', complete: '完整性', since: '自 {0} 起有紀錄',
  state_heard: '有回應', state_silent: '失聯', state_unknown: '不明', nothing: '此期間沒有資料。', nothingTeach: '有事件、監控單、目擊或情資時，這裡會自動更新。', open: '開啟看板', left: '另有 {0} 列未列出，可下載 CSV',
  level1: '第 1 級', level2: '第 2 級', level3: '第 3 級', level4: '第 4 級以上', none: '未定級', inTime: '準時', late: '逾時', stillRunning: '進行中', oneLaw: '單一法規：{0}', counts: '計入', member: '成員', value: '值', number: '編號', title: '名稱', when: '時間',
  live: '即時', notLive: '連線中斷，數字可能過時', pause: '暫停輪播', play: '繼續輪播', exit: '離開電視牆', exercise: '演練 EXERCISE', noPlace: '未登錄縣市：{0}', map: '縣市地圖', mapNone: '無登錄成員', keys: '[ 與 ] 切換看板，w 電視牆', hiddenCells: '有 {0} 格因背後成員少於 {1} 而不公布', prev: '上一個看板', next: '下一個看板', unknownRow: '未登錄',
  pointAt: '以滑鼠或方向鍵指向一期', zoomIn: '放大', zoomOut: '縮小', noTactic: '不在 ATT&CK 內', matrixSays: 'MITRE ATT&CK Enterprise 第 {0} 版；戰術旁為已見手法數／全部手法數，一手法可屬多個戰術', nowOpen: '未結案', nowLate: '逾時時限', nowSilent: '失聯成員', nowMajor: '期間內重大事件', ofAll: '期間內共 {0} 件',
}, {
  situation: 'Situation', wall: 'Wallboard', overview: 'Overview', period: 'Period', '28': 'Last 28 days', '84': 'Last 12 weeks', '182': 'Last half year', '364': 'Last year', '1820': 'Last five years', law: 'Law', sector: 'Sector', all: 'All', drills: 'Drills only',
  asOf: 'As of {0}', table: 'As a table', formula: 'Formula', formulas: 'Formulas of the columns', csv: 'Download CSV', behind: 'Records behind the number', records: '{0} records', more: 'The first {0} are listed', noReport: 'No report', noReportHint: 'This node kept no records then, which is not nought', hidden: 'Fewer than {0}',
  running: 'Still running', runningHint: 'Hatched: the period that has not ended; it is in no trend', interval: '95 % interval {0} to {1}', heard: '{0} of {1} members were heard within the hour', noMembers: 'No member below is linked yet: this is what this node itself saw', complete: 'Completeness', since: 'Records since {0}',
  state_heard: 'Heard', state_silent: 'Silent', state_unknown: 'Unknown', nothing: 'Nothing in this period.', nothingTeach: 'Incidents, tickets, sightings and intelligence appear here by themselves.', open: 'Open the board', left: '{0} more rows: download the CSV',
  level1: 'Level 1', level2: 'Level 2', level3: 'Level 3', level4: 'Level 4 or above', none: 'No level yet', inTime: 'In time', late: 'Late', stillRunning: 'Running', oneLaw: 'One law: {0}', counts: 'Counts', member: 'Member', value: 'Value', number: 'Number', title: 'Title', when: 'When',
  live: 'Live', notLive: 'The connection is lost: numbers may be old', pause: 'Pause', play: 'Go on', exit: 'Leave the wallboard', exercise: 'EXERCISE 演練', noPlace: 'No county in the register: {0}', map: 'Map of counties', mapNone: 'No registered member', keys: '[ and ] change the board, w is the wallboard', hiddenCells: '{0} cells are not told because fewer than {1} members stand behind them', prev: 'Previous board', next: 'Next board', unknownRow: 'Not registered',
  pointAt: 'Point at a bin, or use the arrow keys', zoomIn: 'Zoom in', zoomOut: 'Zoom out', noTactic: 'Not in ATT&CK', matrixSays: 'MITRE ATT&CK Enterprise, version {0}. Beside a tactic: techniques seen of all; one technique may serve several tactics', nowOpen: 'Open incidents', nowLate: 'Late clocks', nowSilent: 'Silent members', nowMajor: 'Major in the period', ofAll: 'of {0} in the period',
});
