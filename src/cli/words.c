/* The words of tables and summaries in zh-TW. Names of members in --json are the same in every language. */
#include "cli/cli.h"

static const struct { const char *en, *zh; } words[] = {
	/* headers of tables */
	{ "ACTOR", "行為者" }, { "ALIAS", "別名" }, { "ALL READ", "皆可讀" }, { "ALL WRITE", "皆可寫" }, { "BAD", "錯誤行" }, { "CONFIDENCE", "可信度" },
	{ "CREATED", "建立時間" }, { "DELIVERED", "已送達" }, { "DISABLED", "停用" }, { "EXPIRES", "到期" }, { "FAILURES", "失敗" }, { "FENCES", "隔離" },
	{ "HITS", "命中" }, { "INDICATOR", "指標" }, { "INPUT", "輸入" }, { "KIND", "種類" }, { "LAST ERROR", "最近錯誤" }, { "LAST EXCHANGE", "最近交換" },
	{ "LINES", "行數" }, { "LINK", "連結" }, { "LOCKED UNTIL", "鎖定至" }, { "MATCHED", "相符值" }, { "MODIFIED", "修改時間" }, { "NAME", "名稱" },
	{ "NOTE", "註記" }, { "OBSERVABLE", "觀測值" }, { "ORG", "機關" }, { "PASSWORD", "密碼" }, { "PATH", "路徑" }, { "PATTERN", "樣式" }, { "PEER", "對等節點" },
	{ "PRESENT", "存在" }, { "RECEIVED", "收到時間" }, { "RELATION", "關係" }, { "ROLE", "角色" }, { "ROOT", "API 根" }, { "ROW", "列" }, { "SEQ", "序號" },
	{ "SOURCE", "來源" }, { "STATE", "狀態" }, { "SUBJECT", "對象" }, { "SUPPRESSED", "已抑制" }, { "TIME", "時間" }, { "TITLE", "標題" }, { "URL", "網址" },
	{ "USER", "使用者" }, { "VALUE", "值" }, { "WARNING LIST", "警示清單" }, { "WHERE", "位置" },
	{ "BY", "建立者" }, { "CLASS", "事件類別" }, { "DESTINATION", "目的" }, { "DISPOSITION", "處置" }, { "END", "結束" }, { "HELD", "已抑制數" }, { "HOST", "主機" },
	{ "IMPACT", "影響等級" }, { "NUMBER", "編號" }, { "PORT", "連接埠" }, { "REPORTER", "監控單位" }, { "RULE", "規則" }, { "SCOPE", "範圍" }, { "START", "開始" }, { "TICKET", "監控單" },
	{ "UNTIL", "至" }, { "SAME", "相同" }, { "SUBMISSION", "送件" }, { "VERDICT", "判定" },
	/* lines of status and show */
	{ "TLP", "TLP" }, { "assignee", "承辦人" }, { "class", "事件類別" }, { "closed", "結案時間" }, { "closed by", "結案者" }, { "description", "說明" },
	{ "disposition", "處置結果" }, { "end", "結束時間" }, { "hits", "觸發次數" }, { "host", "主機" }, { "devices", "監控設備" }, { "member's number", "成員監控單" }, { "tier above", "上級回饋" }, { "impact", "影響等級" }, { "indicators", "命中指標" },
	{ "level", "規則等級" }, { "log", "紀錄來源" }, { "merged into", "併入" }, { "holds", "已併入" }, { "opened", "發現時間" }, { "protection", "防護類型" }, { "region", "地區" },
	{ "related", "相關監控單" }, { "reporter", "監控單位" }, { "rules", "觸發規則" }, { "sector", "領域" }, { "sightings", "目擊" }, { "start", "開始時間" },
	{ "state", "處理狀態" }, { "tactics", "戰術" }, { "techniques", "技術" }, { "ticket", "監控單" }, { "title", "主旨" }, { "type", "類型" }, { "victim", "受駭單位" },

	{ "TLS failures", "TLS 失敗" }, { "answered 4xx", "回應 4xx" }, { "bytes on disk", "磁碟位元組" }, { "certificate", "憑證" }, { "confidence", "可信度" },
	{ "disk full", "磁碟已滿" }, { "facts", "事實" }, { "identity", "識別" }, { "live indicators", "生效指標" }, { "live values", "生效值" },
	{ "malformed", "格式錯誤" }, { "name", "名稱" }, { "objects", "物件" }, { "on warning list", "警示清單" }, { "live patterns", "生效樣式" }, { "not matchable", "無法比對" },
	{ "port", "連接埠" }, { "requests", "請求" }, { "running", "執行中" }, { "score", "分數" }, { "started", "啟動時間" }, { "store", "儲存" },
	{ "open tickets", "未處理監控單" }, { "tickets in progress", "處理中監控單" }, { "suppressions", "生效抑制" }, { "held by them", "被抑制次數" },
	{ "subject", "對象" }, { "suppressed", "已抑制" }, { "tier", "層級" }, { "too large", "過大" }, { "versions", "版本" },
	/* the lab */
	{ "submission", "送檢編號" }, { "verdict", "判定" }, { "privacy", "分享類別" }, { "bytes", "位元組" }, { "finished", "完成時間" }, { "deleted by", "銷毀者" },
	{ "key destroyed", "金鑰銷毀" }, { "signature", "簽章" }, { "sha256", "SHA-256" },
	/* reports of people without an account */
	{ "CHANNEL", "管道" }, { "INCIDENT", "事件" }, { "REPORT", "通報編號" }, { "SUMMARY", "摘要" }, { "channel", "管道" }, { "code", "查詢碼" },
	{ "duplicate of", "重複於" }, { "incident", "事件" }, { "reason", "理由" }, { "received", "收件時間" }, { "report", "通報編號" },
	{ "what happened", "發生何事" }, { "when", "何時" },
	/* registers */
	{ "CI", "關鍵基礎設施" }, { "CORE", "核心" }, { "E-MAIL", "電子郵件" }, { "FROM", "開始" }, { "LEVEL", "等級" }, { "MTPD", "可容忍中斷（時）" },
	{ "PARENT", "上級" }, { "PERSON", "人員" }, { "REGION", "區域" }, { "RETIRED", "停用" }, { "SECRECY", "機密性" }, { "SECTOR", "領域" }, { "TIER", "層級" },
	{ "VERSION", "版次" }, { "changed", "變更時間" }, { "changed by", "變更者" }, { "ci", "關鍵基礎設施" }, { "component", "元件" }, { "contact", "聯絡方式" },
	{ "core", "核心" }, { "email", "電子郵件" }, { "from", "開始" }, { "id", "代號" }, { "mtpd", "可容忍中斷（時）" }, { "name-en", "英文名稱" }, { "note", "附註" },
	{ "oid", "機關 OID" }, { "responsibility", "責任等級" }, { "org", "所屬機關" }, { "parent", "上級機關" }, { "peer", "節點" }, { "person", "人員" }, { "role", "職務" }, { "secrecy", "機密性" },
	{ "tlp", "可接收 TLP" }, { "until", "結束" }, { "version", "版次" }, { "who", "姓名" },
	{ "actions", "建議措施" }, { "answer by", "回復期限" }, { "answered", "回復時間" }, { "category", "事件類別" }, { "code", "情資類型" }, { "feedback", "回饋編號" },
	{ "found", "發現時間" }, { "incident", "事件編號" }, { "issued", "發布時間" }, { "method", "攻擊手法" }, { "number", "發布編號" },
	{ "producer", "發布單位" }, { "reason", "理由" }, { "references", "參考資料" }, { "source", "來源編號" },
	{ "AFFECTED", "影響平臺" }, { "ANSWERED", "已回復" }, { "ATTACHMENT", "附件" }, { "DIRECTION", "方向" }, { "EXERCISE", "演練" }, { "INCIDENT", "事件編號" },
	{ "PROTOCOL", "協定" }, { "READ", "已讀" }, { "REASON", "理由" }, { "SENT", "已送出" }, { "TARGET", "受害位址" }, { "TO", "收件者" }, { "VENDOR", "廠商" },
	{ "VIA", "中繼" },
	{ "DUE", "期限" }, { "RECORDED", "記錄時間" }, { "HAPPENED", "發生時間" }, { "TYPE", "類型" }, { "ID", "代號" }, { "HELD BY", "抑制者" },
};

/* Values: a word may mean another thing here than in a label. */
static const struct { const char *en, *zh; } values[] = {
	{ "yes", "是" }, { "no", "否" },
	/* incidents: states and verdicts */
	{ "draft", "草稿" }, { "aware", "已知悉" }, { "reported", "已通報" }, { "fallback_reported", "已循替代管道通報" }, { "backfilled", "已補登" }, { "reviewed", "已審核" },
	{ "ca_confirmed", "主管機關已確認" }, { "reopened", "重新開啟" }, { "contained", "已控制損害" }, { "investigating", "調查中" }, { "final_submitted", "已送改善報告" },
	{ "returned", "已退回" }, { "accepted", "已接受" }, { "closed", "已結案" }, { "false_alarm", "非資安事件" }, { "merged", "已併案" },
	{ "running", "執行中" }, { "met", "已達成" }, { "breached", "逾期" }, { "void", "不適用" },
	/* tickets and alerts */
	{ "open", "未處理" }, { "in-progress", "處理中" }, { "false-positive", "誤判" }, { "confirmed", "確實事件" }, { "undetermined", "無法判斷" },
	{ "queued", "待送" }, { "sent", "已送出" }, { "received", "已收到" }, { "read", "已讀" }, { "in", "收" }, { "out", "發" },
	/* the lab */
	{ "malicious", "惡意" }, { "suspicious", "可疑" }, { "no-finding", "未發現" }, { "incomplete", "未完整檢視" }, { "known-good", "已知良好" }, { "unsupported", "不支援" },
	{ "uploading", "上傳中" }, { "waiting", "等候檢測" }, { "inspecting", "檢測中" }, { "done", "完成" }, { "deleted", "已銷毀" },
	{ "verdict", "僅判定" }, { "government", "政府共享" }, { "public", "公開" },
	/* nodes, peers, secrecy */
	{ "provider", "提供者" }, { "region", "區域" }, { "sector", "領域" }, { "nation", "國家" }, { "partner", "夥伴" }, { "parent", "上級" }, { "child", "下級" },
	{ "ordinary", "一般" }, { "official", "一般公務機密" }, { "state", "國家機密" },
};

struct str cli_value(const struct cli *c, struct str en)
{
	for (size_t i = 0; c->zh && i < COUNTOF(values); i++)
		if (str_eq(str_of(values[i].en), en))
			return str_of(values[i].zh);
	return en;
}

const char *cli_word(const struct cli *c, const char *en)
{
	for (size_t i = 0; c->zh && i < COUNTOF(words); i++)
		if (strcmp(words[i].en, en) == 0)
			return words[i].zh;
	return en;
}
