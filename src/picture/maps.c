/* What each board counts: one mapping a board, and its columns with their formulas beside it. */
#include "picture/board_int.h"

#include "base/mem.h"
#include "picture/stat.h"

#define MAJOR 3            /* from this level on an incident is a major one */
#define NEAR_PART 0.75     /* of its time a running clock has used */
#define SPREAD_KTH 3
#define SPREAD_ROWS 1000   /* about: all of one breadth or none */
#define COVERAGE_PART 0.9
#define COVERAGE_ROWS 50   /* the newest released indicators */
#define SEC(x) ((double)(x) / (double)USEC_PER_SEC)

#define END { NULL, { NULL, NULL }, { NULL, NULL }, 0, 0, 0, 0 }

/* --- incidents by level --- */

enum { M_ALL, M_L1, M_L2, M_L3, M_L4, M_NONE, M_BEFORE, M_MEMBER, M_MAJOR };

static void map_incidents(struct board_run *r)
{
	for (uint32_t n = 0; n < r->p->incidents.n; n++) {
		const struct picture_incident *i = &r->p->incidents.p[n];
		usec at = incident_when(i);
		uint8_t level = i->level == 0 ? M_NONE : (uint8_t)(i->level > 4 ? M_L4 : M_L1 + i->level - 1);
		uint32_t key;

		if (!run_within(at, r->q->from, r->q->until) || !run_wants_incident(r, i))
			continue;
		key = (uint32_t)(int32_t)bin_of(r->q, at);
		r->add(r, key, M_ALL, 1, i->member, RECORD_INCIDENT, n);
		r->add(r, key, level, 1, i->member, RECORD_INCIDENT, n);
	}
}

#define LEVEL(n, m, more_en, more_zh) \
	{ "level" #n, { "Level " #n more_en, "第 " #n " 級" more_zh }, \
	  { "incidents whose level is now " #n more_en, "目前等級為第 " #n " 級" more_zh "之事件數" }, BOARD_COUNT, m, 0, UNIT_COUNT }

static const struct board_column INCIDENTS[] = {
	{ "incidents", { "Incidents", "事件數" },
	  { "incidents of which somebody became aware (or, if nobody said when, that were opened) within the bin, under one law, without drills, dismissed and merged ones",
	    "知悉時間（未述明者為建立時間）落於該期間之事件數；單一法規，不含演練、非事件與已併入者" }, BOARD_COUNT, M_ALL, 0, UNIT_COUNT },
	LEVEL(1, M_L1, "", ""), LEVEL(2, M_L2, "", ""), LEVEL(3, M_L3, "", ""), LEVEL(4, M_L4, " or above", "以上"),
	{ "none", { "No level yet", "未定級" }, { "incidents that have no level yet", "尚未定級之事件數" }, BOARD_COUNT, M_NONE, 0, UNIT_COUNT },
	{ "members", { "Members hit", "受影響成員數" }, { "different members with such an incident", "有此類事件之不同成員數" }, BOARD_MEMBERS, M_ALL, 0, UNIT_COUNT },
	END,
};

/* --- clocks --- */

enum { M_MET, M_LATE, M_RUNNING, M_NEAR, M_SETTLED };

static void add_clock(struct board_run *r, uint32_t key, const struct picture_clock *c, uint32_t member, uint32_t n)
{
	enum picture_verdict v = run_verdict(r, c);
	double used = c->due != PICTURE_NEVER && c->due > c->start ? SEC(r->q->now - c->start) / SEC(c->due - c->start) : 0;

	if (v == PICTURE_VOID)
		return;
	r->add(r, key, v == PICTURE_MET ? M_MET : v == PICTURE_BREACHED ? M_LATE : M_RUNNING, 1, member, RECORD_INCIDENT, n);
	if (v != PICTURE_RUNNING)
		r->add(r, key, M_SETTLED, 1, member, RECORD_INCIDENT, n);
	else if (used >= NEAR_PART)
		r->add(r, key, M_NEAR, 1, member, RECORD_INCIDENT, n);
}

enum by { BY_CLOCK, BY_WHO, BY_SECTOR };

static void map_by(struct board_run *r, enum by by)
{
	for (uint32_t n = 0; n < r->p->incidents.n; n++) {
		const struct picture_incident *i = &r->p->incidents.p[n];
		const struct picture_clock *c = r->p->clocks.p + i->clock_first;

		if (!run_wants_incident(r, i))
			continue;
		for (uint32_t k = 0; k < i->n_clocks; k++, c++)
			if (run_within(c->start, r->q->from, r->q->until))
				add_clock(r, by == BY_CLOCK ? c->id : by == BY_WHO ? c->who : run_sector(r->p, i->member), c, i->member, n);
	}
}

static void map_clocks(struct board_run *r) { map_by(r, BY_CLOCK); }
static void map_tiers(struct board_run *r) { map_by(r, BY_WHO); }
static void map_compliance(struct board_run *r) { map_by(r, BY_SECTOR); }

static const struct board_column CLOCKS[] = {
	{ "met", { "In time", "準時" }, { "clocks that started in the period and were stopped not behind their due instant", "期間內起算且未逾期限即完成之時限數" },
	  BOARD_COUNT, M_MET, 0, UNIT_COUNT },
	{ "late", { "Late", "逾時" }, { "clocks that started in the period and whose due instant passed before they were stopped", "期間內起算且逾期限之時限數" },
	  BOARD_COUNT, M_LATE, 0, UNIT_COUNT },
	{ "running", { "Running", "進行中" }, { "clocks that started in the period, are not stopped and not due", "期間內起算、尚未完成亦未到期之時限數" }, BOARD_COUNT, M_RUNNING, 0, UNIT_COUNT },
	{ "near", { "Of these near", "其中將屆期" }, { "running clocks that have used three quarters of their time or more", "已用時間達四分之三之進行中時限數" },
	  BOARD_COUNT, M_NEAR, 0, UNIT_COUNT },
	{ "share", { "Share in time", "準時率" }, { "in time / (in time + late); running ones count in neither. Interval: Wilson, 95 %", "準時 ÷（準時＋逾時），進行中者不計；區間：Wilson 95 %" },
	  BOARD_SHARE, M_MET, M_SETTLED, UNIT_SHARE },
	END,
};

/* --- sectors and counties --- */

static void add_place(struct board_run *r, uint32_t key, const struct picture_incident *i, uint32_t n)
{
	usec at = incident_when(i);

	if (run_within(at, r->q->before, r->q->from))
		r->add(r, key, M_BEFORE, 1, i->member, RECORD_INCIDENT, n);
	if (!run_within(at, r->q->from, r->q->until))
		return;
	r->add(r, key, M_ALL, 1, i->member, RECORD_INCIDENT, n);
	if (i->level >= MAJOR)
		r->add(r, key, M_MAJOR, 1, i->member, RECORD_INCIDENT, n);
}

static void map_places(struct board_run *r, uint32_t (*place)(const struct picture *, uint32_t))
{
	const struct picture *p = r->p;

	for (uint32_t m = 0; m < p->members.n; m++) {
		uint32_t key = place(p, m);

		if (!p->members.p[m].listed || key == 0 || !run_wants_member(r, m))
			continue;
		r->add(r, key, M_MEMBER, 1, m, RECORD_MEMBER, m);
	}
	for (uint32_t n = 0; n < p->incidents.n; n++)
		if (run_wants_incident(r, &p->incidents.p[n]))
			add_place(r, place(p, p->incidents.p[n].member), &p->incidents.p[n], n);
}

static void map_sectors(struct board_run *r) { map_places(r, run_sector); }
static void map_counties(struct board_run *r) { map_places(r, run_region); }

static const struct board_column PLACES[] = {
	{ "incidents", { "Incidents", "事件數" }, { "incidents in the period whose member belongs there", "期間內所屬成員之事件數" }, BOARD_COUNT, M_ALL, 0, UNIT_COUNT },
	{ "major", { "Of these major", "其中重大" }, { "those of level 3 or above", "其中第 3 級以上之事件數" }, BOARD_COUNT, M_MAJOR, 0, UNIT_COUNT },
	{ "change", { "Change", "增減" }, { "incidents of the period less those of the equally long period before it", "本期事件數減去等長之前一期" }, BOARD_CHANGE, M_ALL, M_BEFORE, UNIT_COUNT },
	{ "registered", { "Members", "成員數" }, { "organisations of the register that belong there", "登錄冊中所屬機關數" }, BOARD_COUNT, M_MEMBER, 0, UNIT_COUNT },
	{ "hit", { "Members hit", "受影響成員數" }, { "different members with an incident in the period", "期間內有事件之不同成員數" }, BOARD_MEMBERS, M_ALL, 0, UNIT_COUNT },
	{ "rate", { "Per 100 members", "每百成員事件數" }, { "100 * incidents / members of the register. Interval: score interval of a count, 95 %", "100 × 事件數 ÷ 登錄成員數；區間：計數之 score 區間 95 %" },
	  BOARD_PER_100, M_ALL, M_MEMBER, UNIT_RATE },
	{ "share", { "Share of members hit", "受影響成員比率" }, { "members hit / members of the register. Interval: Wilson, 95 %", "受影響成員數 ÷ 登錄成員數；區間：Wilson 95 %" },
	  BOARD_SHARE_OF, M_ALL, M_MEMBER, UNIT_SHARE },
	END,
};

/* --- techniques --- */

static void map_techniques(struct board_run *r)
{
	for (uint32_t n = 0; n < r->p->tickets.n; n++) {
		const struct picture_ticket *t = &r->p->tickets.p[n];
		bool now = run_within(t->first, r->q->from, r->q->until), before = run_within(t->first, r->q->before, r->q->from);

		if (t->false_alarm || (!now && !before) || !run_wants_member(r, t->member))
			continue;
		for (uint8_t i = 0; i < t->n_techniques; i++)
			r->add(r, t->techniques[i], now ? M_ALL : M_BEFORE, 1, t->member, RECORD_TICKET, n);
	}
}

static const struct board_column TECHNIQUES[] = {
	{ "tickets", { "Tickets", "監控單數" }, { "monitoring tickets with this ATT&CK technique whose first event lies in the period, without false positives",
	  "含此 ATT&CK 手法且首筆紀錄落於期間之監控單數，不含誤判" }, BOARD_COUNT, M_ALL, 0, UNIT_COUNT },
	{ "members", { "Members", "成員數" }, { "different members with such a ticket", "有此類監控單之不同成員數" }, BOARD_MEMBERS, M_ALL, 0, UNIT_COUNT },
	{ "sectors", { "Sectors", "領域數" }, { "different sectors of these members", "前述成員之不同領域數" }, BOARD_SECTORS, M_ALL, 0, UNIT_COUNT },
	{ "change", { "Change", "增減" }, { "tickets of the period less those of the equally long period before it", "本期監控單數減去等長之前一期" }, BOARD_CHANGE, M_ALL, M_BEFORE, UNIT_COUNT },
	END,
};

/* --- how an indicator spreads --- */

enum { M_SEEN, M_FIRST, M_LAST, M_SECOND, M_KTH };

/* Keeps the earliest few, in order. */
static void note_first(usec first[static SPREAD_KTH], size_t *n, usec t)
{
	size_t at = *n;

	if (at == SPREAD_KTH && t >= first[--at])
		return;
	*n = at + 1;
	for (; at > 0 && first[at - 1] > t; at--)
		first[at] = first[at - 1];
	first[at] = t;
}

/* When the second and the k-th member met it, counted from the first. */
static void add_spread(struct board_run *r, uint32_t key, uint32_t head)
{
	usec first[SPREAD_KTH];
	size_t n = 0;

	for (uint32_t at = head; at != NO_ROW; at = r->p->seen.p[at].next)
		if (run_wants_member(r, r->p->seen.p[at].member))
			note_first(first, &n, r->p->seen.p[at].first);
	if (n >= 2)
		r->add(r, key, M_SECOND, SEC(first[1] - first[0]), NO_MEMBER, RECORD_SEEN, head);
	if (n >= SPREAD_KTH)
		r->add(r, key, M_KTH, SEC(first[SPREAD_KTH - 1] - first[0]), NO_MEMBER, RECORD_SEEN, head);
}

/* The least spread that still belongs to the SPREAD_ROWS widest. */
static uint32_t spread_least(const uint16_t *n, size_t heads)
{
	uint32_t by[1024] = { 0 }, all = 0, least = COUNTOF(by) - 1;

	for (size_t h = 0; h < heads; h++)
		by[n[h] < COUNTOF(by) ? n[h] : COUNTOF(by) - 1]++;
	for (; least > 2 && all + by[least] <= SPREAD_ROWS; least--)
		all += by[least];
	return all > 0 && all + by[least] > SPREAD_ROWS ? least + 1 : least;
}

static void add_seen(struct board_run *r, const struct head *h)
{
	for (uint32_t at = h->first; at != NO_ROW; at = r->p->seen.p[at].next) {
		const struct picture_seen *s = &r->p->seen.p[at];

		if (!run_within(s->last, r->q->from, r->q->until) || !run_wants_member(r, s->member))
			continue;
		r->add(r, s->indicator, M_SEEN, 1, s->member, RECORD_SEEN, at);
		r->add(r, s->indicator, M_FIRST, SEC(s->first), s->member, RECORD_SEEN, at);
		r->add(r, s->indicator, M_LAST, SEC(s->last), s->member, RECORD_SEEN, at);
	}
	add_spread(r, r->p->seen.p[h->first].indicator, h->first);
}

/* A scanner that everybody meets is in thousands of rows: only the widest are drawn up, which is what the board is for. */
static void map_spread(struct board_run *r)
{
	uint16_t *n = mem_array(r->p->heads.n + 1, sizeof *n);
	uint32_t least;

	/* In the order of memory and not of chains, which are all over it. */
	for (size_t i = 0; n != NULL && i < r->p->seen.n; i++) {
		const struct picture_seen *s = &r->p->seen.p[i];

		if (n[s->head] < UINT16_MAX && run_within(s->last, r->q->from, r->q->until) && run_wants_member(r, s->member))
			n[s->head]++;
	}
	r->failed = r->failed || n == NULL;
	least = n == NULL ? 0 : spread_least(n, r->p->heads.n);
	for (size_t h = 0; n != NULL && h < r->p->heads.n; h++)
		if (n[h] >= 2 && n[h] >= least)
			add_seen(r, &r->p->heads.p[h]);
	mem_free(n);
}

static const struct board_column SPREAD[] = {
	{ "members", { "Members", "成員數" }, { "different members that saw the indicator and did so last within the period; only indicators that two or more saw", "最近一次目擊落於期間之不同成員數；僅列二個以上成員目擊者" },
	  BOARD_MEMBERS, M_SEEN, 0, UNIT_COUNT },
	{ "sectors", { "Sectors", "領域數" }, { "different sectors of these members", "前述成員之不同領域數" }, BOARD_SECTORS, M_SEEN, 0, UNIT_COUNT },
	{ "first", { "First seen", "首次目擊" }, { "the earliest sighting of these members", "前述成員最早之目擊" }, BOARD_LEAST, M_FIRST, 0, UNIT_TIME },
	{ "second", { "To the second member", "至第二成員" }, { "from the first sighting of the first member to that of the second", "首一成員至第二成員首次目擊之間隔" }, BOARD_MOST, M_SECOND, 0, UNIT_SPAN },
	{ "third", { "To the third member", "至第三成員" }, { "from the first sighting of the first member to that of the third", "首一成員至第三成員首次目擊之間隔" }, BOARD_MOST, M_KTH, 0, UNIT_SPAN },
	{ "last", { "Last seen", "最近目擊" }, { "the latest sighting of these members", "前述成員最近之目擊" }, BOARD_MOST, M_LAST, 0, UNIT_TIME },
	END,
};

/* --- how far members are protected --- */

enum { M_LOADED, M_SCOPE, M_TO90 };

/* What rows are: releases, or places and members over all releases of the period. */
typedef uint32_t (*coverage_key)(const struct board_run *r, uint32_t indicator, uint32_t member);

/* Released indicators of the period, newest first, at most COVERAGE_ROWS: [*ret_from, *ret_until) of the table, which is in order of time. */
static void offered_in(const struct board_run *r, size_t *ret_from, size_t *ret_until)
{
	size_t from = 0, until = r->p->offered.n;

	while (until > 0 && r->p->offered.p[until - 1].at >= r->q->until)
		until--;
	from = until;
	while (from > 0 && r->p->offered.p[from - 1].at >= r->q->from && until - from < COVERAGE_ROWS)
		from--;
	*ret_from = from;
	*ret_until = until;
}

static bool in_scope(const struct board_run *r, uint32_t m)
{
	return m < r->p->members.n && r->p->members.p[m].linked && run_wants_member(r, m);
}

static bool counts_teller(const struct board_run *r, const struct teller *t)
{
	return !t->out && in_scope(r, t->member);
}

/* One release, and room for what is noted of each teller and member. */
struct reach {
	const struct offered *of;
	uint32_t index;
	coverage_key key;
	uint32_t *has;        /* by teller: index + 1 of the release that it was last found to have */
	bool *counts;         /* by teller: the question is about it */
	uint32_t *quiet;      /* members that the question is about and that never spoke for themselves */
	size_t n_quiet;
	double *times;        /* of those that loaded it */
	size_t n, scope;
};

/* A member may have had it before it was released here: it told of it itself. */
static void add_loads(struct board_run *r, struct reach *x)
{
	const struct picture *p = r->p;
	uint32_t word = x->of->indicator;
	uint64_t first;

	x->n = x->scope = 0;
	if (!map_get(p->loads_of, str_make((const char *)&word, sizeof word), &first))
		return;
	for (uint32_t l = (uint32_t)first; l != NO_ROW; l = p->loaded.p[l].next) {
		const struct teller *t = &p->tellers.p[p->loaded.p[l].teller];
		usec at = p->loaded.p[l].at;

		if (!x->counts[p->loaded.p[l].teller] || at > r->q->now)
			continue;
		x->has[p->loaded.p[l].teller] = x->index + 1;
		x->times[x->n] = at > x->of->at ? SEC(at - x->of->at) : 0;
		r->add(r, x->key(r, word, t->member), M_LOADED, x->times[x->n++], t->member, RECORD_TELLER, p->loaded.p[l].teller);
	}
}

/* Whoever did not yet tell of each release then, and does not have this one, says nothing about it: it is not counted. */
static bool speaks_of(const struct board_run *r, const struct reach *x, uint32_t n)
{
	return x->counts[n] && (r->p->tellers.p[n].since <= x->of->at || x->has[n] == x->index + 1);
}

/* While nobody tells there is no report, which is not "nobody has it". */
static void begin_row(struct board_run *r, const struct reach *x)
{
	uint32_t n = 0;

	while (n < r->p->tellers.n && !speaks_of(r, x, n))
		n++;
	r->row(r, x->of->indicator, n == r->p->tellers.n);
}

/* One in scope. Where a row is a release and nobody asks who they are, they are counted and added once. */
static void add_one_in_scope(struct board_run *r, struct reach *x, uint32_t member, enum board_record kind, uint32_t index, bool one_by_one)
{
	x->scope++;
	if (one_by_one)
		r->add(r, x->key(r, x->of->indicator, member), M_SCOPE, 1, member, kind, index);
}

static void add_scope(struct board_run *r, struct reach *x, bool by_release)
{
	const struct picture *p = r->p;
	bool one_by_one = !by_release || r->add_many == NULL;

	for (uint32_t n = 0; n < p->tellers.n; n++)
		if (speaks_of(r, x, n))
			add_one_in_scope(r, x, p->tellers.p[n].member, RECORD_TELLER, n, one_by_one);
	/* Who was never heard about this is not protected as far as anybody knows. */
	for (size_t i = 0; i < x->n_quiet; i++)
		add_one_in_scope(r, x, x->quiet[i], RECORD_MEMBER, x->quiet[i], one_by_one);
	if (!one_by_one)
		r->add_many(r, x->of->indicator, M_SCOPE, (int64_t)x->scope);
}

static void add_to90(struct board_run *r, struct reach *x)
{
	size_t need = (size_t)((double)x->scope * COVERAGE_PART + 0.999999);

	if (need == 0 || x->n < need)
		return;
	/* The need-th smallest. */
	r->add(r, x->of->indicator, M_TO90, stat_quantile(x->times, x->n, ((double)need - 0.5) / (double)x->n), NO_MEMBER, RECORD_OFFERED, x->index);
}

static void note_tellers(const struct board_run *r, struct reach *x, bool *spoke)
{
	const struct picture *p = r->p;

	for (uint32_t n = 0; n < p->tellers.n; n++) {
		const struct teller *t = &p->tellers.p[n];

		x->counts[n] = counts_teller(r, t);
		if (t->who == 0 && t->member < p->members.n)
			spoke[t->member] = true;
	}
	for (uint32_t m = 0; m < p->members.n; m++)
		if (!spoke[m] && in_scope(r, m))
			x->quiet[x->n_quiet++] = m;
}

static void map_releases(struct board_run *r, struct reach *x, bool by_release)
{
	size_t from, until;

	offered_in(r, &from, &until);
	for (size_t o = from; o < until; o++) {
		x->of = &r->p->offered.p[o];
		x->index = (uint32_t)o;
		if (by_release)
			begin_row(r, x);
		add_loads(r, x);
		add_scope(r, x, by_release);
		if (by_release)
			add_to90(r, x);
	}
}

static void map_reach(struct board_run *r, coverage_key key, bool by_release)
{
	size_t tellers = r->p->tellers.n + 1, members = r->p->members.n + 1;
	bool *spoke = mem_array(members, sizeof *spoke);
	struct reach x = { .key = key, .has = mem_array(tellers, sizeof *x.has), .counts = mem_array(tellers, sizeof *x.counts),
			   .quiet = mem_array(members, sizeof *x.quiet), .times = mem_array(tellers, sizeof *x.times) };
	bool good = spoke != NULL && x.has != NULL && x.counts != NULL && x.quiet != NULL && x.times != NULL;

	if (good) {
		note_tellers(r, &x, spoke);
		map_releases(r, &x, by_release);
	}
	r->failed = r->failed || !good;
	mem_free(spoke);
	mem_free(x.has);
	mem_free(x.counts);
	mem_free(x.quiet);
	mem_free(x.times);
}

static uint32_t by_release(const struct board_run *r UNUSED, uint32_t indicator, uint32_t member UNUSED)
{
	return indicator;
}

static uint32_t by_sector(const struct board_run *r, uint32_t indicator UNUSED, uint32_t member)
{
	return run_sector(r->p, member);
}

static uint32_t by_member(const struct board_run *r, uint32_t indicator UNUSED, uint32_t member)
{
	return r->p->members.p[member].key;
}

static void map_coverage(struct board_run *r)
{
	map_reach(r, by_release, true);
}

static void map_coverage_sectors(struct board_run *r)
{
	map_reach(r, by_sector, false);
}

static void map_coverage_members(struct board_run *r)
{
	map_reach(r, by_member, false);
}

static const struct board_column COVERAGE[] = {
	{ "loaded", { "Loaded", "已載入數" }, { "members, and members behind them, whose detector said that it has the indicator", "偵測器回報已載入該指標之成員數（含其下成員）" }, BOARD_COUNT, M_LOADED, 0, UNIT_COUNT },
	{ "scope", { "In scope", "範圍內數" }, { "members whose node is linked to this one, and members behind them, but for those that look at no log or told of no release yet then",
	  "與本節點連線之成員及其下成員數；不含未接日誌者與當時尚未開始回報者" }, BOARD_COUNT, M_SCOPE, 0, UNIT_COUNT },
	{ "coverage", { "Coverage", "涵蓋率" }, { "loaded / in scope. Interval: Wilson, 95 %", "已載入數 ÷ 範圍內數；區間：Wilson 95 %" }, BOARD_SHARE, M_LOADED, M_SCOPE, UNIT_SHARE },
	{ "median", { "Median time to load", "載入時間中位數" }, { "from the release until it was live in a member's detector, half of those that loaded it", "自發布至於成員偵測器生效，已載入者之中位數" }, BOARD_MEDIAN, M_LOADED, 0, UNIT_SPAN },
	{ "to90", { "Time to 90 %", "達 90 % 時間" }, { "from the release until nine tenths of those in scope had loaded it; empty: not yet", "自發布至範圍內九成已載入；空白：尚未達成" },
	  BOARD_MOST, M_TO90, 0, UNIT_SPAN },
	END,
};

/* Over the releases of the period: each release counts once for each that should have it. */
static const struct board_column REACH[] = {
	{ "loaded", { "Releases loaded", "已載入次數" }, { "over the newest 50 releases of the period: how often one was loaded by somebody in scope", "期間內最新 50 則發布中，範圍內已載入之次數" }, BOARD_COUNT, M_LOADED, 0, UNIT_COUNT },
	{ "scope", { "Releases to load", "應載入次數" }, { "over the same releases: those in scope of each, added up", "同前各則發布之範圍內數合計" }, BOARD_COUNT, M_SCOPE, 0, UNIT_COUNT },
	{ "coverage", { "Coverage", "涵蓋率" }, { "releases loaded / releases to load. Interval: Wilson, 95 %", "已載入次數 ÷ 應載入次數；區間：Wilson 95 %" }, BOARD_SHARE, M_LOADED, M_SCOPE, UNIT_SHARE },
	{ "median", { "Median time to load", "載入時間中位數" }, { "from a release until it was live in a detector, half of these", "自發布至於偵測器生效之時間中位數" }, BOARD_MEDIAN, M_LOADED, 0, UNIT_SPAN },
	{ "p90", { "p90", "p90" }, { "the same, the ceil(0.9 n)-th smallest (nearest rank)", "同前，由小至大第 ⌈0.9n⌉ 個（最近秩）" }, BOARD_P90, M_LOADED, 0, UNIT_SPAN },
	END,
};

/* --- sources --- */

enum { M_OBJECTS, M_LATEST, M_AGE, M_RHYTHM, M_RATIO };

static void add_source(struct board_run *r, const struct picture_source *s, uint32_t n)
{
	double gaps[PICTURE_DELIVERIES], age = SEC(r->q->now - s->last);
	uint32_t have = s->n < PICTURE_DELIVERIES ? s->n : PICTURE_DELIVERIES;

	r->add(r, s->name, M_OBJECTS, 1, NO_MEMBER, RECORD_SOURCE, n);
	r->add(r, s->name, M_LATEST, SEC(s->last), NO_MEMBER, RECORD_SOURCE, n);
	r->add(r, s->name, M_AGE, age, NO_MEMBER, RECORD_SOURCE, n);
	for (uint32_t i = 1; i < have; i++) {
		uint32_t at = s->n - i;

		gaps[i - 1] = SEC(s->deliveries[at % PICTURE_DELIVERIES] - s->deliveries[(at - 1) % PICTURE_DELIVERIES]);
		r->add(r, s->name, M_RHYTHM, gaps[i - 1], NO_MEMBER, RECORD_SOURCE, n);
	}
	if (have > 2)
		r->add(r, s->name, M_RATIO, age / stat_quantile(gaps, have - 1, 0.5), NO_MEMBER, RECORD_SOURCE, n);
}

static void map_feeds(struct board_run *r)
{
	for (uint32_t n = 0; n < r->p->sources.n; n++)
		add_source(r, &r->p->sources.p[n], n);
}

static const struct board_column FEEDS[] = {
	{ "last", { "Last delivery", "最近送達" }, { "when the latest object of this source came in", "該來源最近一筆情資之到達時間" }, BOARD_MOST, M_LATEST, 0, UNIT_TIME },
	{ "age", { "Age", "距今" }, { "from the last delivery until now", "自最近送達至今" }, BOARD_MOST, M_AGE, 0, UNIT_SPAN },
	{ "rhythm", { "Its own rhythm", "其送達節奏" }, { "median time between its last 32 deliveries that lie an hour or more apart", "最近 32 次（相隔一小時以上）送達間隔之中位數" }, BOARD_MEDIAN, M_RHYTHM, 0, UNIT_SPAN },
	{ "lag", { "Age / rhythm", "距今 ÷ 節奏" }, { "age / rhythm; above 2 the source is later than it is used to; empty: fewer than three deliveries", "距今 ÷ 節奏；大於 2 表示遲於其常態；空白：送達未滿三次" },
	  BOARD_MOST, M_RATIO, 0, UNIT_RATIO },
	END,
};

/* --- members --- */

enum { M_HEARD, M_SILENT, M_STATE, M_IN_PERIOD, M_OPEN, M_LATE_CLOCK };

static void add_member(struct board_run *r, const struct picture_member *m, uint32_t n)
{
	r->row(r, m->key, false);
	r->add(r, m->key, M_STATE, (double)run_state(r, m), n, RECORD_MEMBER, n);
	if (m->heard == PICTURE_NEVER)
		return;
	r->add(r, m->key, M_HEARD, SEC(m->heard), n, RECORD_MEMBER, n);
	r->add(r, m->key, M_SILENT, SEC(r->q->now - m->heard), n, RECORD_MEMBER, n);
}

static void map_members(struct board_run *r)
{
	const struct picture *p = r->p;

	for (uint32_t m = 0; m < p->members.n; m++)
		if (!p->members.p[m].hidden && run_wants_member(r, m))
			add_member(r, &p->members.p[m], m);
	for (uint32_t n = 0; n < p->incidents.n; n++) {
		const struct picture_incident *i = &p->incidents.p[n];
		const struct picture_clock *c = p->clocks.p + i->clock_first;

		if (!run_wants_incident(r, i) || i->member >= p->members.n)
			continue;
		if (run_within(incident_when(i), r->q->from, r->q->until))
			r->add(r, p->members.p[i->member].key, M_IN_PERIOD, 1, i->member, RECORD_INCIDENT, n);
		if (i->open)
			r->add(r, p->members.p[i->member].key, M_OPEN, 1, i->member, RECORD_INCIDENT, n);
		for (uint32_t k = 0; k < i->n_clocks; k++)
			if (run_within(c[k].start, r->q->from, r->q->until) && run_verdict(r, &c[k]) == PICTURE_BREACHED)
				r->add(r, p->members.p[i->member].key, M_LATE_CLOCK, 1, i->member, RECORD_INCIDENT, n);
	}
}

static const struct board_column MEMBERS[] = {
	{ "state", { "State", "狀態" }, { "heard: its node exchanged with ours within the hour; silent: longer ago; unknown: it never did or is not linked", "有回應：一小時內曾與本節點交換；失聯：逾一小時；不明：從未交換或未連線" },
	  BOARD_MOST, M_STATE, 0, UNIT_STATE },
	{ "heard", { "Last heard", "最近回應" }, { "when its node last exchanged with ours", "其節點最近一次與本節點交換之時間" }, BOARD_MOST, M_HEARD, 0, UNIT_TIME },
	{ "silent", { "Silent for", "靜默時間" }, { "from the last exchange until now", "自最近交換至今" }, BOARD_MOST, M_SILENT, 0, UNIT_SPAN },
	{ "incidents", { "Incidents", "事件數" }, { "its incidents in the period", "期間內其事件數" }, BOARD_COUNT, M_IN_PERIOD, 0, UNIT_COUNT },
	{ "open", { "Open", "未結案" }, { "its incidents that are open now, of whatever period", "目前未結案之事件數（不限期間）" }, BOARD_COUNT, M_OPEN, 0, UNIT_COUNT },
	{ "late", { "Late clocks", "逾時時限" }, { "clocks of its incidents that started in the period and are late", "期間內起算且逾時之時限數" }, BOARD_COUNT, M_LATE_CLOCK, 0, UNIT_COUNT },
	END,
};

/* --- times --- */

enum { M_TIME, M_WITHIN, M_LIMITED };

static const struct { uint32_t word; enum picture_time from, to; } SPANS[] = {
	{ WORD_MTTK, PICTURE_OCCURRED, PICTURE_AWARE },   { WORD_MTTN, PICTURE_AWARE, PICTURE_NOTIFIED }, { WORD_MTTR, PICTURE_NOTIFIED, PICTURE_REVIEWED },
	{ WORD_MTTC, PICTURE_AWARE, PICTURE_CONTAINED },  { WORD_MTTI, PICTURE_CONTAINED, PICTURE_REPORTED },
};

static void add_span(struct board_run *r, const struct picture_incident *i, size_t s, uint32_t n)
{
	usec from = i->at[SPANS[s].from], to = i->at[SPANS[s].to];
	const struct picture_clock *c = r->p->clocks.p + i->clock_first;

	if (from != PICTURE_NEVER && to != PICTURE_NEVER && to >= from)
		r->add(r, SPANS[s].word, M_TIME, SEC(to - from), i->member, RECORD_INCIDENT, n);
	for (uint32_t k = 0; k < i->n_clocks; k++) {
		enum picture_verdict v = run_verdict(r, &c[k]);

		if (c[k].stops != SPANS[s].to || (v != PICTURE_MET && v != PICTURE_BREACHED))
			continue;
		if (v == PICTURE_MET)
			r->add(r, SPANS[s].word, M_WITHIN, 1, i->member, RECORD_INCIDENT, n);
		r->add(r, SPANS[s].word, M_LIMITED, 1, i->member, RECORD_INCIDENT, n);
		break;
	}
}

static void map_times(struct board_run *r)
{
	for (size_t s = 0; s < COUNTOF(SPANS); s++)
		r->row(r, SPANS[s].word, false);
	for (uint32_t n = 0; n < r->p->incidents.n; n++) {
		const struct picture_incident *i = &r->p->incidents.p[n];

		if (!run_within(incident_when(i), r->q->from, r->q->until) || !run_wants_incident(r, i))
			continue;
		for (size_t s = 0; s < COUNTOF(SPANS); s++)
			add_span(r, i, s, n);
	}
}

static const struct board_column TIMES[] = {
	{ "incidents", { "Incidents", "事件數" }, { "incidents of the period with both instants", "期間內兩時點俱全之事件數" }, BOARD_COUNT, M_TIME, 0, UNIT_COUNT },
	{ "median", { "Median", "中位數" }, { "the ceil(0.5 n)-th smallest of the spans (nearest rank)", "間隔由小至大第 ⌈0.5n⌉ 個（最近秩）" }, BOARD_MEDIAN, M_TIME, 0, UNIT_SPAN },
	{ "p90", { "p90", "p90" }, { "the ceil(0.9 n)-th smallest of the spans (nearest rank)", "間隔由小至大第 ⌈0.9n⌉ 個（最近秩）" }, BOARD_P90, M_TIME, 0, UNIT_SPAN },
	{ "share", { "Within the limit", "限期內比率" }, { "incidents whose first clock of this step was met / those whose clock was met or breached. Interval: Wilson, 95 %",
	  "該步驟首個時限準時之事件數 ÷ 準時或逾時之事件數；區間：Wilson 95 %" }, BOARD_SHARE, M_WITHIN, M_LIMITED, UNIT_SHARE },
	END,
};

const struct board_spec BOARDS[] = {
	{ "incidents", { "Incidents by level", "事件與等級" }, { "Period from", "期間起日" }, INCIDENTS, map_incidents, NULL, true, true, true, false },
	{ "clocks", { "Clock compliance", "時限遵循" }, { "Clock", "時限" }, CLOCKS, map_clocks, NULL, true, false, false, false },
	{ "tiers", { "Where time was lost", "時間耗用於何處" }, { "Who has to act", "應作為者" }, CLOCKS, map_tiers, "late", true, false, false, false },
	{ "compliance", { "Clock compliance by sector", "各領域時限遵循" }, { "Sector", "領域" }, CLOCKS, map_compliance, "late", true, false, false, false },
	{ "sectors", { "Sector heat", "領域熱度" }, { "Sector", "領域" }, PLACES, map_sectors, "rate", true, false, false, false },
	{ "counties", { "Counties", "縣市" }, { "County", "縣市" }, PLACES, map_counties, "incidents", true, false, false, false },
	{ "techniques", { "ATT&CK technique heat", "ATT&CK 手法熱度" }, { "Technique", "手法" }, TECHNIQUES, map_techniques, "tickets", false, false, true, false },
	{ "spread", { "Campaign spread", "攻擊擴散" }, { "Indicator", "指標" }, SPREAD, map_spread, "members", false, false, false, false },
	{ "coverage", { "Indicator coverage", "指標涵蓋率" }, { "Released indicator", "已發布指標" }, COVERAGE, map_coverage, NULL, false, false, false, false },
	{ "reach", { "Coverage by sector", "各領域指標涵蓋" }, { "Sector", "領域" }, REACH, map_coverage_sectors, "coverage", false, false, false, false },
	{ "loads", { "Coverage by member", "各成員指標涵蓋" }, { "Member", "成員" }, REACH, map_coverage_members, "coverage", false, false, false, true },
	{ "feeds", { "Feed freshness", "情資來源新鮮度" }, { "Source", "來源" }, FEEDS, map_feeds, "lag", false, false, false, false },
	{ "members", { "Silent members", "失聯成員" }, { "Member", "成員" }, MEMBERS, map_members, "silent", true, false, false, true },
	{ "times", { "Times to know, notify, review, control, report", "知悉、通報、審核、控制、改善之時間" }, { "Span", "間隔" }, TIMES, map_times, NULL, true, false, false, false },
	{ NULL, { NULL, NULL }, { NULL, NULL }, NULL, NULL, NULL, false, false, false, false },
};

const struct board_spec *board_find(struct str id)
{
	for (const struct board_spec *b = BOARDS; b->id != NULL; b++)
		if (str_eq(id, str_of(b->id)))
			return b;
	return NULL;
}
