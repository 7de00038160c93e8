/* Sentences by table: one for each verdict, each feature and each sort of reason why something was not seen. What no table knows is
 * told as it is, with the lab's own English. Names of parts are strangers' bytes and are shown with what hides in them made visible. */
#include "lab/citizen.h"

#include "base/text.h"

#define NAME_SHOWN 120   /* bytes of a part's name */
#define FOUND_SHOWN 8
#define UNSEEN_SHOWN 6
#define LINE_BYTES ((size_t)8 << 10)

struct words { const char *en, *zh; };

static const char *in(struct words w, bool zh)
{
	return zh ? w.zh : w.en;
}

static const struct words verdicts[] = {
	[LAB_V_NO_FINDING] = { "Every part of this file was looked at, and nothing harmful was found. That is no promise that there is nothing.",
			       "這個檔案的每一部分都已檢視，未發現有害內容。但這不保證一定沒有。" },
	[LAB_V_KNOWN_GOOD] = { "This file is the same, byte for byte, as one on a list of known good files.", "這個檔案與已知良好清單上的檔案完全相同。" },
	[LAB_V_UNSUPPORTED] = { "This kind of file cannot be opened here, so nothing can be said about what is in it.",
				"這裡無法打開這種檔案，因此無法判斷其中有什麼。" },
	[LAB_V_INCOMPLETE] = { "Part of this file could not be looked at, so nothing can be said about the whole.",
			       "這個檔案有一部分無法檢視，因此無法作出判斷。" },
	[LAB_V_SUSPICIOUS] = { "This file is suspicious: it does what harmful files often do.", "這個檔案可疑：具有惡意檔案常見的特徵。" },
	[LAB_V_MALICIOUS] = { "This file is malicious. Do not open it.", "這個檔案是惡意的，請勿開啟。" },
};

/* What a feature means to somebody who only wants to know whether to open it. */
static const struct { const char *id; struct words say; } features[] = {
	{ "EICAR-Test-File", { "It is the EICAR test file: made to be found by every scanner, it does nothing by itself.",
			       "這是 EICAR 測試檔：專供測試偵測功能之用，本身不會做任何事。" } },
	{ "macro.acts-by-itself", { "It holds a program (macro) that runs by itself when the document is opened, and is able to do harm.",
				    "文件內含巨集程式，一開啟就會自行執行，且有能力造成危害。" } },
	{ "ole.macro-damaged", { "Its macro was tampered with, as is done to hide what it does.", "文件中的巨集遭到竄改，這是隱藏其行為的手法。" } },
	{ "ole.shared-sector", { "The document is built in a way that no office program writes.", "文件的內部結構並非辦公軟體會產生的樣子。" } },
	{ "pdf.launches", { "The PDF starts another program.", "這份 PDF 會啟動其他程式。" } },
	{ "pdf.script-by-itself", { "The PDF runs a script as soon as it is opened.", "這份 PDF 一開啟就會執行指令碼。" } },
	{ "pdf.disguised-name", { "The PDF writes its commands in a disguised form.", "這份 PDF 以偽裝的寫法隱藏其指令。" } },
	{ "rtf.object-by-itself", { "The document opens an object in it without being asked.", "文件會未經詢問自行開啟內嵌物件。" } },
	{ "sign.file-changed", { "The program was changed after its maker had signed it.", "這個程式在開發者簽章之後遭到變更。" } },
	{ "zip.names-differ", { "The archive calls one file by two names, so that what you see is not what you get.",
				"壓縮檔對同一個檔案寫了兩個名稱，看到的與實際解開的不同。" } },
	{ "zip.methods-differ", { "The archive contradicts itself, as is done to get past scanners.", "壓縮檔內部資訊互相矛盾，這是躲避檢測的手法。" } },
	{ "zip.sizes-differ", { "The archive contradicts itself, as is done to get past scanners.", "壓縮檔內部資訊互相矛盾，這是躲避檢測的手法。" } },
	{ "zip.encryption-differs", { "The archive contradicts itself, as is done to get past scanners.", "壓縮檔內部資訊互相矛盾，這是躲避檢測的手法。" } },
	{ "dde.starts-program", { "Opening the document starts a program.", "一開啟這份文件就會啟動其他程式。" } },
	{ "lnk.starts-interpreter", { "It is a shortcut that starts a program with hidden commands.", "這是一個捷徑，會以隱藏的指令啟動程式。" } },
	{ "lnk.padded-arguments", { "It is a shortcut that hides its commands out of sight.", "這是一個捷徑，刻意把指令藏在看不見的地方。" } },
	{ "lnk.long-arguments", { "It is a shortcut with commands far longer than any honest one has.", "這是一個捷徑，其指令長得不合常理。" } },
	{ "lnk.icon-elsewhere", { "It is a shortcut that reaches out to another machine as soon as it is shown.", "這是一個捷徑，光是顯示就會連線到其他電腦。" } },
	{ "lnk.overlay", { "It is a shortcut with something hidden behind it.", "這是一個捷徑，後面夾藏了其他資料。" } },
	{ "onenote.program", { "The notebook holds a program that waits for a click.", "筆記本中放有等人點擊的程式。" } },
	{ "ooxml.template-elsewhere", { "Opening the document fetches programs (macros) from another machine.", "一開啟文件就會從其他電腦取得巨集程式。" } },
	{ "ooxml.object-elsewhere", { "Opening the document fetches a part of it from another machine.", "一開啟文件就會從其他電腦取得部分內容。" } },
	{ "ooxml.frame-elsewhere", { "Opening the document fetches a part of it from another machine.", "一開啟文件就會從其他電腦取得部分內容。" } },
	{ "ooxml.target-runs", { "The document leads to something that runs what it is told.", "文件會引向可執行指令的處理程式。" } },
	{ "rtf.template-elsewhere", { "Opening the document fetches programs (macros) from another machine.", "一開啟文件就會從其他電腦取得巨集程式。" } },
	{ "xlm.starts-program", { "The sheet holds an old sort of macro that starts programs.", "試算表含有舊式巨集，會啟動其他程式。" } },
	{ "xlm.hides", { "The sheet holds an old sort of macro that hides what it does.", "試算表含有舊式巨集，並刻意隱藏其行為。" } },
	{ "lnk.starts-interpreter", { "It is a shortcut that runs commands, and no document.", "這是會執行指令的捷徑，並不是文件。" } },
	{ "lnk.padded-arguments", { "It is a shortcut that hides the command it runs.", "這個捷徑把要執行的指令藏了起來。" } },
	{ "lnk.long-arguments", { "It is a shortcut that runs an unusually long command.", "這個捷徑會執行異常長的指令。" } },
	{ "lnk.icon-elsewhere", { "The shortcut fetches its picture from a stranger's machine.", "這個捷徑會向外部主機取得圖示。" } },
	{ "lnk.overlay", { "The shortcut carries something hidden behind its end.", "這個捷徑的結尾之後藏有其他資料。" } },
	{ "onenote.program", { "The notebook holds a program that a click would start.", "筆記本中放有點一下就會執行的程式。" } },
	{ "ooxml.template-elsewhere", { "Opening the document fetches another one, with its programs, from a stranger's machine.", "文件開啟時會從外部主機下載另一份可含程式的範本。" } },
	{ "rtf.template-elsewhere", { "Opening the document fetches another one, with its programs, from a stranger's machine.", "文件開啟時會從外部主機下載另一份可含程式的範本。" } },
	{ "ooxml.object-elsewhere", { "Opening the document fetches a part of it from a stranger's machine.", "文件開啟時會從外部主機下載部分內容。" } },
	{ "ooxml.frame-elsewhere", { "Opening the document fetches a part of it from a stranger's machine.", "文件開啟時會從外部主機下載部分內容。" } },
	{ "ooxml.target-runs", { "A link of the document makes the computer run commands.", "文件中的連結會讓電腦執行指令。" } },
	{ "dde.starts-program", { "Opening it starts another program.", "開啟時會啟動其他程式。" } },
	{ "xlm.starts-program", { "It holds a program (macro of the older kind) that starts others.", "內含舊式巨集程式，會啟動其他程式。" } },
	{ "xlm.hides", { "It holds a program (macro of the older kind) that hides what it does.", "內含隱藏自身行為的舊式巨集程式。" } },
	{ "zip.leaves-folder", { "Unpacking the archive would write files outside of its folder.", "解開這個壓縮檔會把檔案寫到資料夾以外的地方。" } },
};

/* By a piece of the lab's own words; the first that fits. */
static const struct { const char *part; struct words say; } reasons[] = {
	{ "encrypted", { "It is locked with a password. Hand it in again together with the password.", "有密碼保護，無法打開。請連同密碼再送一次。" } },
	{ "unpacks itself", { "It is a program packed so that only running it shows what it does.", "這是加殼的程式，只有執行時才看得出內容。" } },
	{ "program is packed", { "It is a program packed so that only running it shows what it does.", "這是加殼的程式，只有執行時才看得出內容。" } },
	{ "nothing here unpacks", { "It is of a kind that cannot be opened here.", "這裡無法打開這種格式。" } },
	{ "nothing here opens", { "It is of a kind that cannot be opened here.", "這裡無法打開這種格式。" } },
	{ "limit", { "It unpacks to more than is unpacked here, as archives that are meant to choke scanners do.", "解開後超過此處的上限；惡意的壓縮炸彈也會如此。" } },
	{ "too many", { "It has more parts than are looked at here.", "其中的部分太多，超過此處的上限。" } },
	{ "deep", { "It is packed in itself too many times.", "層層包裝的次數太多。" } },
	{ "time", { "It took too long.", "檢視所需時間太長。" } },
	{ "memory", { "It needs more memory than it may have.", "檢視所需記憶體超過上限。" } },
	{ "damaged", { "It is damaged.", "檔案已損壞。" } },
	{ "missing", { "It is damaged: a piece is missing.", "檔案已損壞：缺少一部分。" } },
	{ "cut", { "It is damaged: a piece is missing.", "檔案已損壞：缺少一部分。" } },
	{ "unpack", { "It is damaged and does not unpack.", "檔案已損壞，無法解開。" } },
	{ "killed", { "Its inspection came to a bad end: the file may be made to do that.", "檢視中途失敗：檔案可能刻意造成此情形。" } },
};

/* Words, not objects: an initializer may not name another object by the standard. */
#define OPEN_NOT { "Do not open it, and do not send it on.", "請勿開啟，也不要轉寄給任何人。" }
#define ASK_SENDER \
	{ "Ask whoever sent it whether it is theirs: by telephone or in person, not by answering the message.", \
	"請以電話或當面向寄件人確認，不要直接回覆該訊息。" }
static const struct words to_do[][4] = {
	[LAB_V_NO_FINDING] = { { "If you did not expect it, do not open it before you asked.", "若不是您在等的檔案，請先詢問再開啟。" }, ASK_SENDER,
			       { "New harm becomes known every day: what matters is worth handing in again tomorrow.",
				 "每天都有新的威脅被發現，重要的檔案隔日可再檢測一次。" } },
	[LAB_V_KNOWN_GOOD] = { { "Still ask yourself why you got it: a good program in the wrong hands does harm, too.",
				 "仍請想想為何會收到它：正常的程式也可能遭人利用。" } },
	[LAB_V_UNSUPPORTED] = { OPEN_NOT, ASK_SENDER, { "Ask for it in another form, a PDF or a plain document.", "請對方改用其他格式提供，例如 PDF 或一般文件。" } },
	[LAB_V_INCOMPLETE] = { OPEN_NOT, ASK_SENDER, { "When it is locked and you have the password, hand it in again together with the password.",
						       "若有密碼保護且您知道密碼，請連同密碼再送一次。" } },
	[LAB_V_SUSPICIOUS] = { OPEN_NOT, ASK_SENDER, { "If you have opened it: disconnect the network, leave the device on, and tell the contact below.",
						       "若已開啟：請中斷網路連線、不要關機，並通知下列窗口。" } },
	[LAB_V_MALICIOUS] = { OPEN_NOT, { "If you have opened it: disconnect the network, leave the device on so that traces stay, and tell the contact below now.",
					  "若已開啟：請立即中斷網路連線，不要關機以保留跡證，並馬上通知下列窗口。" },
			      { "From another device, change the passwords that were used on this one.", "請用另一部裝置，更改曾在這部裝置上使用的密碼。" },
			      { "Keep the message or the page it came from; do not delete anything before you were told to.",
				"請保留來源訊息或網頁；未經指示前不要刪除任何東西。" } },
};

static const struct words tell[] = {
	{ "At work: the security contact of your organisation.", "在公務或工作上收到：請通知所屬機關（構）的資安窗口。" },
	{ "At home: TWCERT/CC, https://www.twcert.org.tw", "個人收到：台灣電腦網路危機處理暨協調中心 TWCERT/CC，https://www.twcert.org.tw" },
	{ "When money or an account was lost: the police, telephone 165 (in Taiwan).", "若有財物或帳號損失：請撥 165 反詐騙諮詢專線。" },
};

struct saying {
	struct arena *a;
	const struct lab_report *r;
	struct lab_citizen *out;
	struct buf b; /* the sentence under way */
};

static struct str kept(struct saying *s, struct str text)
{
	return arena_dup(s->a, text);
}

/* Takes the sentence under way. */
static void add(struct saying *s, enum lab_part part)
{
	if (s->out->part[part].n < LAB_LINES_MAX)
		s->out->part[part].line[s->out->part[part].n++] = kept(s, buf_view(&s->b));
	buf_clear(&s->b);
}

static void add_words(struct saying *s, enum lab_part part, struct words w)
{
	buf_cstr(&s->b, in(w, s->out->zh));
	add(s, part);
}

/* --- what was found --- */

static bool says(const struct lab_report_match *m)
{
	return m->m.weight == LAB_MALICIOUS || m->m.weight == LAB_SUSPICIOUS || (m->m.weight == LAB_GOOD && m->path.n == 0);
}

/* One like it stands before it: the same thing found twice is one sentence. */
static bool said(const struct lab_report *r, size_t at)
{
	const struct lab_report_match *m = &r->matches.p[at];

	for (size_t i = 0; i < at; i++)
		if (r->matches.p[i].m.kind == m->m.kind && r->matches.p[i].m.weight == m->m.weight && str_eq(r->matches.p[i].m.id, m->m.id))
			return true;
	return false;
}

static void put_visible(struct saying *s, struct str name)
{
	size_t n = name.n < NAME_SHOWN ? name.n : NAME_SHOWN;

	/* Not within a character. */
	while (n < name.n && n > 0 && ((unsigned char)name.p[n] & 0xC0) == 0x80)
		n--;
	utf8_visible(&s->b, str_slice(name, 0, n));
	if (n < name.n)
		buf_cstr(&s->b, "...");
}

/* A sentence around a name: before, the name, behind. */
static void put_named(struct saying *s, struct words before, struct str name, struct words behind)
{
	buf_cstr(&s->b, in(before, s->out->zh));
	put_visible(s, name);
	buf_cstr(&s->b, in(behind, s->out->zh));
}

static const struct words *feature_words(struct str id)
{
	for (size_t i = 0; i < COUNTOF(features); i++)
		if (str_eq(id, str_of(features[i].id)))
			return &features[i].say;
	return NULL;
}

static void put_match(struct saying *s, const struct lab_match *m)
{
	const struct words *known = m->kind == LAB_FEATURE ? feature_words(m->id) : NULL;

	if (known != NULL) {
		buf_cstr(&s->b, in(*known, s->out->zh));
		return;
	}
	switch (m->kind) {
	case LAB_HASH:
		if (m->weight == LAB_GOOD)
			put_named(s, (struct words){ "Its fingerprint is on a list of known good files: ", "檔案指紋列於已知良好清單：" }, m->id,
				  (struct words){ ".", "。" });
		else
			put_named(s, (struct words){ "Its fingerprint is on a list of known malicious files: ", "檔案指紋列於已知惡意清單：" }, m->id,
				  (struct words){ ".", "。" });
		break;
	case LAB_CLAMAV:
		put_named(s, (struct words){ "ClamAV calls it ", "ClamAV 判定為 " }, m->id, (struct words){ ".", "。" });
		break;
	case LAB_RULE:
		put_named(s, (struct words){ "It fits the detection rule ", "符合偵測規則 " }, m->id, (struct words){ "", "" });
		if (m->author.n > 0)
			put_named(s, (struct words){ " (by ", "（作者 " }, m->author, (struct words){ ")", "）" });
		buf_cstr(&s->b, s->out->zh ? "。" : ".");
		break;
	case LAB_FEATURE:
	default:
		put_named(s, (struct words){ "It has the trait ", "具有特徵 " }, m->id, (struct words){ "", "" });
		if (m->why.n > 0)
			put_named(s, (struct words){ ": ", "（" }, m->why, (struct words){ "", "）" });
		buf_cstr(&s->b, s->out->zh ? "。" : ".");
	}
}

static void say_of_weight(struct saying *s, enum lab_weight weight, size_t *more)
{
	for (size_t i = 0; i < s->r->matches.n; i++) {
		const struct lab_report_match *m = &s->r->matches.p[i];

		if (m->m.weight != weight || !says(m) || said(s->r, i))
			continue;
		if (s->out->part[LAB_PART_FOUND].n >= FOUND_SHOWN) {
			++*more;
			continue;
		}
		put_match(s, &m->m);
		if (m->path.n > 0)
			put_named(s, (struct words){ " (in ", "（位於 " }, m->path, (struct words){ ")", "）" });
		add(s, LAB_PART_FOUND);
	}
}

static void say_found(struct saying *s)
{
	size_t more = 0;

	say_of_weight(s, LAB_MALICIOUS, &more);
	say_of_weight(s, LAB_SUSPICIOUS, &more);
	say_of_weight(s, LAB_GOOD, &more);
	if (more > 0) {
		buf_fmt(&s->b, s->out->zh ? "另有 %zu 項。" : "And %zu more.", more);
		add(s, LAB_PART_FOUND);
	}
	if (s->out->part[LAB_PART_FOUND].n == 0)
		add_words(s, LAB_PART_FOUND, (struct words){ "Nothing in what was looked at.", "已檢視的部分中沒有發現。" });
}

/* --- what was not seen --- */

static size_t reason_of(struct str why)
{
	size_t i = 0;

	while (i < COUNTOF(reasons) && str_find(why, str_of(reasons[i].part), 0) == SIZE_MAX)
		i++;
	return i;
}

static void say_reason(struct saying *s, const struct lab_report_unseen *u, size_t reason)
{
	if (u->path.n > 0) {
		put_visible(s, u->path);
		buf_cstr(&s->b, s->out->zh ? "：" : ": ");
	}
	if (reason < COUNTOF(reasons))
		buf_cstr(&s->b, in(reasons[reason].say, s->out->zh));
	else
		put_visible(s, u->why);
	add(s, LAB_PART_NOT_SEEN);
}

static void say_not_seen(struct saying *s)
{
	const struct lab_report *r = s->r;
	size_t more = 0;

	for (size_t i = 0; i < r->unseen.n; i++) {
		if (i < UNSEEN_SHOWN)
			say_reason(s, &r->unseen.p[i], reason_of(r->unseen.p[i].why));
		else
			more++;
	}
	if (more > 0) {
		buf_fmt(&s->b, s->out->zh ? "另有 %zu 處。" : "And %zu more places.", more);
		add(s, LAB_PART_NOT_SEEN);
	}
	if (r->unseen.n == 0 && r->ended && r->bytes_seen == r->bytes_total)
		buf_fmt(&s->b, s->out->zh ? "沒有：%llu 個部分、共 %llu 位元組都已檢視。" : "Nothing: all %llu parts, %llu bytes in all, were looked at.",
			(unsigned long long)r->n_children + 1, (unsigned long long)r->bytes_total);
	else
		buf_fmt(&s->b, s->out->zh ? "共 %llu 位元組中，檢視了 %llu 位元組。" : "Of %llu bytes in all, %llu were looked at.",
			(unsigned long long)r->bytes_total, (unsigned long long)r->bytes_seen);
	add(s, LAB_PART_NOT_SEEN);
}

/* --- all of it --- */

enum rc lab_citizen_say(struct arena *a, const struct lab_report *r, bool zh, struct lab_citizen *ret, struct err *err)
{
	enum lab_verdict v = lab_verdict_of(r);
	struct lab_citizen c = { .zh = zh, .verdict = str_of(in(verdicts[v], zh)) };
	struct saying s = { .a = a, .r = r, .out = &c };
	enum rc rc;

	buf_init(&s.b, LINE_BYTES);
	put_visible(&s, r->path);
	c.name = kept(&s, buf_view(&s.b));
	buf_clear(&s.b);
	say_found(&s);
	say_not_seen(&s);
	for (size_t i = 0; i < COUNTOF(to_do[v]) && to_do[v][i].en != NULL; i++)
		add_words(&s, LAB_PART_TO_DO, to_do[v][i]);
	for (size_t i = 0; i < COUNTOF(tell); i++)
		add_words(&s, LAB_PART_TELL, tell[i]);
	rc = buf_check(&s.b, err, "report in words");
	buf_done(&s.b);
	for (size_t p = 0; p < LAB_PARTS && rc == RC_OK; p++)
		for (size_t i = 0; i < c.part[p].n && rc == RC_OK; i++)
			if (c.part[p].line[i].p == NULL)
				rc = FAIL(err, RC_NOMEM, "report in words: out of memory");
	if (rc == RC_OK)
		*ret = c;
	return rc;
}

const char *lab_part_title(enum lab_part part, bool zh)
{
	static const struct words titles[] = {
		[LAB_PART_FOUND] = { "What was found", "發現了什麼" }, [LAB_PART_NOT_SEEN] = { "What was not looked at", "未檢視之處" },
		[LAB_PART_TO_DO] = { "What to do", "請這樣做" }, [LAB_PART_TELL] = { "Whom to tell", "向誰通報" } };

	return (unsigned)part < LAB_PARTS ? in(titles[part], zh) : "";
}

void lab_citizen_text(const struct lab_citizen *c, struct buf *out)
{
	buf_str(out, c->name);
	buf_char(out, '\n');
	buf_str(out, c->verdict);
	for (size_t p = 0; p < LAB_PARTS; p++) {
		buf_fmt(out, c->zh ? "\n%s：" : "\n%s:", lab_part_title((enum lab_part)p, c->zh));
		for (size_t i = 0; i < c->part[p].n; i++)
			buf_fmt(out, "\n  - %.*s", STR(c->part[p].line[i]));
	}
}

void lab_citizen_json(const struct lab_citizen *c, struct jsonw *w)
{
	static const char *const names[] = { "found", "not_seen", "to_do", "tell" };

	jsonw_object(w);
	jsonw_m_cstr(w, "language", c->zh ? "zh-TW" : "en");
	jsonw_m_str(w, "verdict", c->verdict);
	for (size_t p = 0; p < LAB_PARTS; p++) {
		jsonw_name(w, names[p]);
		jsonw_array(w);
		for (size_t i = 0; i < c->part[p].n; i++)
			jsonw_str(w, c->part[p].line[i]);
		jsonw_array_end(w);
	}
	jsonw_object_end(w);
}
