/* An incident told by the nodes that live through it. Night and month pass in the times that people claim, a month ago: no
 * clock of a node is touched, and every line is read back from the node that it speaks of. */
#include <poll.h>

#include "base/time.h"
#include "cli/demo.h"

#define MEMORY ((size_t)64 << 20)
#define DAY ((usec)86400 * USEC_PER_SEC)
#define MINUTE ((usec)60 * USEC_PER_SEC)
#define TAIPEI ((usec)8 * 3600 * USEC_PER_SEC)
#define BEGUN 29       /* days ago */
#define EVENTS 14
#define LOOK_EACH_MS 10

/* What every provider's people would be glad to hear of. */
static const char HOST[] = "historian-1";
#define RELAY "198.51.100.77"

struct story {
	struct demo *d;
	struct arena *a;
	usec midnight;         /* of the first day, in Taipei */
	char incident[80];     /* its id, the same everywhere */
	char path[160];
};

/* --- when --- */

static usec when(const struct story *s, int day, int hour, int minute)
{
	return s->midnight + day * DAY + (hour * 60 + minute) * MINUTE;
}

static const char *stamp(usec t, char out[static TIME_TEXT_MAX])
{
	time_format(t, out);
	return out;
}

/* "D+1 00:40" by the clock on a wall in Taipei. */
static const char *wall(const struct story *s, usec t, char out[static 40])
{
	usec since = t - s->midnight;

	snprintf(out, 40, "D+%-2d %02d:%02d", (int)(since / DAY), (int)(since % DAY / (60 * MINUTE)), (int)(since % (60 * MINUTE) / MINUTE));
	return out;
}

/* --- asking --- */

static long long number_of(const struct json *v, const char *member)
{
	int64_t n = 0;

	(void)json_int(json_get(v, str_of(member)), &n);
	return n;
}

static enum rc look(struct story *s, int who, const char *path, const struct json **ret, struct err *err)
{
	int http = 0;

	TRY(demo_get(s->d, who, path, s->a, &http, ret, err));
	return http == 200 ? RC_OK : FAIL(err, RC_NOTFOUND, "%s: %d", path, http);
}

static const char *incident_path(struct story *s, const char *tail)
{
	snprintf(s->path, sizeof s->path, "/incidents/%s%s", s->incident, tail);
	return s->path;
}

/* Until what the node shows at `path` is as `is` wants it. */
static enum rc until(struct story *s, int who, const char *path, bool (*is)(const struct json *v, const void *want), const void *want,
		     const struct json **ret, struct err *err)
{
	usec end = time_mono() + DEMO_TIMEOUT;

	for (;;) {
		struct err why = { 0 };

		if (look(s, who, path, ret, &why) == RC_OK && is(*ret, want))
			return RC_OK;
		if (demo_interrupted())
			return FAIL(err, RC_BUSY, "interrupted");
		if (time_mono() > end)
			return FAIL(err, RC_IO, "the story stands still at %s %s", path, why.text);
		(void)poll(NULL, 0, LOOK_EACH_MS);
	}
}

static bool any_item(const struct json *v, const void *list)
{
	return json_is(json_get(v, str_of(list)), JSON_ARRAY) && json_get(v, str_of(list))->n > 0;
}

static bool in_state(const struct json *v, const void *state)
{
	return str_eq(json_get_str(v, S("state")), str_of(state));
}

static const struct json *ticket_of_relay(const struct json *v)
{
	JSON_EACH(t, json_get(v, S("tickets")))
		if (str_find(json_get_str(t, S("title")), S(RELAY), 0) != SIZE_MAX)
			return t;
	return NULL;
}

static bool met_relay(const struct json *v, const void *want UNUSED)
{
	return ticket_of_relay(v) != NULL;
}

static bool has_hits(const struct json *v, const void *want UNUSED)
{
	const struct json *one = json_item(json_get(v, S("tickets")), 0);
	int64_t hits = 0;

	return one != NULL && json_int(json_get(one, S("hits")), &hits) && hits == EVENTS;
}

/* At that level, and so much further. */
struct wanted { long long level; const char *state; };

static bool at_level(const struct json *v, const void *want)
{
	const struct wanted *w = want;

	return number_of(v, "level") == w->level && in_state(v, w->state);
}

/* The clock `want` of the first law was met. */
static bool clock_met(const struct json *v, const void *want)
{
	JSON_EACH(k, json_get(json_item(json_get(v, S("views")), 0), S("clocks")))
		if (str_eq(json_get_str(k, S("id")), str_of(want)))
			return str_eq(json_get_str(k, S("verdict")), S("met"));
	return false;
}

static enum rc state_fact(struct story *s, int who, usec claimed, struct err *err, const char *members)
{
	char at[TIME_TEXT_MAX];

	return demo_post(s->d, who, incident_path(s, "/facts"), s->a, NULL, err, "{\"claimed\":\"%s\",%s}", stamp(claimed, at), members);
}

/* --- telling --- */

#define TELL(s, t, en, zh, ...) \
	do { \
		char wall_[40]; \
		printf("  %s  ", wall(s, t, wall_)); \
		printf(demo_say((s)->d, en, zh), __VA_ARGS__); \
		fflush(stdout); \
	} while (0)

static struct str word(const struct story *s, const struct json *v, const char *en, const char *zh)
{
	return json_str(json_path(v, s->d->c->zh ? zh : en));
}

/* "K1 met 00:05+1, ..." of one law. */
static void tell_clocks(const struct story *s, const struct json *view)
{
	printf("             %.*s:", STR(json_get_str(view, S("pack"))));
	JSON_EACH(k, json_get(view, S("clocks"))) {
		struct str due = json_get_str(k, S("due")), stop = json_get_str(k, S("stop"));
		char text[40];
		usec t = 0;

		if (due.n == 0 || time_parse(stop.n > 0 ? stop : due, &t, NULL, NULL) != RC_OK)
			continue;
		printf(" %.*s %.*s %s;", STR(json_get_str(k, S("id"))), STR(json_get_str(k, S("verdict"))), wall(s, t, text));
	}
	printf("\n");
}

static void tell_all_clocks(const struct story *s, const struct json *incident)
{
	JSON_EACH(view, json_get(incident, S("views")))
		tell_clocks(s, view);
}

/* --- the steps --- */

static enum rc log_theft(struct story *s, int i, struct err *err)
{
	char line[1024], at[TIME_TEXT_MAX];

	stamp(when(s, 0, 22, 40) + i * 20 * USEC_PER_SEC, at);
	return demo_log(s->d, WATER_C, line, snprintf(line, sizeof line,
		"{\"@timestamp\":\"%s\",\"UtcTime\":\"%s\",\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,\"Computer\":\"%s\","
		"\"Image\":\"C:\\\\Tools\\\\procdump64.exe\",\"CommandLine\":\"procdump64 -ma lsass.exe %d.dmp\",\"User\":\"PLANT\\\\svc_scada\"}\n",
		at, at, HOST, i), err);
}

/* 1: alerts of one machine are one monitoring ticket. */
static enum rc ticket(struct story *s, struct str *ret_number, struct err *err)
{
	const struct json *v, *one;
	char path[96];

	for (int i = 0; i < EVENTS; i++)
		TRY(log_theft(s, i, err));
	snprintf(path, sizeof path, "/tickets?host=%s&state=open", HOST);
	TRY(until(s, WATER_C, path, has_hits, NULL, &v, err));
	one = json_item(json_get(v, S("tickets")), 0);
	*ret_number = json_get_str(one, S("number"));
	TELL(s, when(s, 0, 22, 40), "Utility C    %d alerts of %s are one monitoring ticket, %.*s: %.*s\n", "自來水 C  %d 筆警示（%s）歸為一張監控單 %.*s：%.*s\n",
	     EVENTS, HOST, STR(*ret_number), STR(word(s, one, "class_name.en", "class_name.zh")));
	return RC_OK;
}

static enum rc know_the_plant(struct story *s, struct err *err)
{
	TRY(demo_post(s->d, WATER_C, "/organisations", s->a, NULL, err, "{\"id\":\"water-c\",\"name\":\"自來水 C\",\"name_en\":\"Water Utility C\","
		      "\"tier\":\"provider\",\"sector\":\"water\",\"region\":\"TW-TXG\",\"level\":\"A\"}"));
	return demo_post(s->d, WATER_C, "/systems", s->a, NULL, err, "{\"id\":\"historian\",\"name\":\"Historian\",\"organisation\":\"water-c\","
			 "\"core\":true,\"ci\":true,\"secrecy\":\"ordinary\",\"mtpd\":4}");
}

/* Sectors and counties of the boards come from the register; `peer` says whose node is whose. */
static enum rc know_the_members(struct story *s, struct err *err)
{
	static const struct { enum demo_who at; const char *id, *peer, *zh, *en, *tier, *sector, *region; } members[] = {
		{ NATION, "health", "health", "衛生 ISAC", "Health ISAC", "sector", "emergency-hospitals", "TW-TPE" },
		{ NATION, "water", "water", "水資源 ISAC", "Water ISAC", "sector", "water", "TW-TPE" },
		{ NATION, "hospital-a", "", "醫院 A", "Hospital A", "provider", "emergency-hospitals", "TW-TPE" },
		{ NATION, "hospital-b", "", "醫院 B", "Hospital B", "provider", "emergency-hospitals", "TW-KHH" },
		{ NATION, "water-c", "", "自來水 C", "Water Utility C", "provider", "water", "TW-TXG" },
		{ HEALTH, "hospital-a", "hospital-a", "醫院 A", "Hospital A", "provider", "emergency-hospitals", "TW-TPE" },
		{ HEALTH, "hospital-b", "hospital-b", "醫院 B", "Hospital B", "provider", "emergency-hospitals", "TW-KHH" },
		{ WATER, "water-c", "water-c", "自來水 C", "Water Utility C", "provider", "water", "TW-TXG" },
	};

	for (size_t i = 0; i < COUNTOF(members); i++)
		TRY(demo_post(s->d, (int)members[i].at, "/organisations", s->a, NULL, err, "{\"id\":\"%s\",\"name\":\"%s\",\"name_en\":\"%s\",\"tier\":\"%s\",\"sector\":\"%s\","
			      "\"region\":\"%s\",\"peer\":\"%s\"}", members[i].id, members[i].zh, members[i].en, members[i].tier, members[i].sector, members[i].region, members[i].peer));
	return RC_OK;
}

/* 2: a person concludes that it is real; the register knows what the machine is. */
static enum rc become_aware(struct story *s, struct str number, struct err *err)
{
	const struct json *v;
	char path[96], at[TIME_TEXT_MAX];

	snprintf(path, sizeof path, "/tickets/%.*s/incident", STR(str_slice(number, 0, 32)));
	TRY(demo_post(s->d, WATER_C, path, s->a, &v, err, "{\"title\":\"Historian: credentials stolen, logs altered\",\"packs\":[\"tw-2026\",\"eu-nis2\"],"
		      "\"subject\":\"non-government\",\"aware\":\"%s\"}", stamp(when(s, 0, 23, 5), at)));
	snprintf(s->incident, sizeof s->incident, "%.*s", STR(json_get_str(v, S("id"))));
	TELL(s, when(s, 0, 23, 5), "Utility C    duty staff conclude that it is real: incident %.*s under two laws; the hour to report runs\n",
	     "自來水 C  值班人員確認屬實：事件 %.*s，兩部法規時限同時起算\n", STR(json_get_str(v, S("number"))));
	return RC_OK;
}

static enum rc find_level(struct story *s, struct err *err)
{
	const struct json *v;
	char since[TIME_TEXT_MAX], back[TIME_TEXT_MAX];
	struct buf items;
	enum rc rc;

	TRY(demo_post(s->d, WATER_C, "/incidents/level", s->a, &v, err, "{\"pack\":\"tw-2026\",\"grounds\":\"set points of two days cannot be trusted\",\"items\":["
		      "{\"system\":\"historian\",\"effect\":\"tamper\",\"severity\":\"serious\"},"
		      "{\"system\":\"historian\",\"effect\":\"outage\",\"since\":\"%s\",\"back\":\"%s\"}]}",
		      stamp(when(s, 0, 22, 50), since), stamp(when(s, 1, 1, 50), back)));
	JSON_EACH(cell, json_get(v, S("cells")))
		if (json_is(json_get(cell, S("decides")), JSON_TRUE))
			TELL(s, when(s, 0, 23, 10), "Utility C    the register knows the historian; cell %.*s decides\n",
			     "自來水 C  登錄冊已知 historian；判定欄位 %.*s\n", STR(json_get_str(cell, S("id"))));
	TELL(s, when(s, 0, 23, 10), "Utility C    so it is %.*s\n", "自來水 C  故為%.*s\n", STR(word(s, json_path(v, "level.title"), "en", "zh-TW")));
	buf_init(&items, 65536);
	json_print(json_get(v, S("items")), &items);
	buf_fmt(&items, ",\"type\":\"level\",\"grounds\":\"set points of two days cannot be trusted\"");
	rc = demo_post(s->d, WATER_C, incident_path(s, "/facts"), s->a, NULL, err, "{\"claimed\":\"%s\",\"items\":%.*s}",
		       stamp(when(s, 0, 23, 10), since), STR(buf_view(&items)));
	buf_done(&items);
	return rc;
}

/* The plant's line is down: by telephone first, on the platform later. */
static enum rc report(struct story *s, struct err *err)
{
	const struct json *v;

	TRY(state_fact(s, WATER_C, when(s, 0, 23, 50), err, "\"type\":\"reported\",\"channel\":\"fallback\",\"reason\":\"the plant's line is down; by telephone\""));
	TELL(s, when(s, 0, 23, 50), "Utility C    reported by telephone, since the plant's line is down%s\n", "自來水 C  線路中斷，先以電話通報%s\n", "");
	TRY(state_fact(s, WATER_C, when(s, 1, 0, 30), err, "\"type\":\"backfilled\",\"channel\":\"platform\""));
	TRY(until(s, WATER, incident_path(s, ""), at_level, &(struct wanted){ 4, "backfilled" }, &v, err));
	TELL(s, when(s, 1, 0, 30), "Water ISAC   has it, level %lld, as its own incident %.*s\n", "水資源 ISAC 已收到，第 %lld 級，本節點編號 %.*s\n",
	     number_of(v, "level"), STR(json_get_str(v, S("number"))));
	return RC_OK;
}

/* 3: the sector confirms the level, with grounds, and tells the nation. */
static enum rc review(struct story *s, struct err *err)
{
	const struct json *v;

	TRY(state_fact(s, WATER, when(s, 1, 0, 40), err, "\"type\":\"reviewed\",\"level\":4,\"grounds\":\"core system of critical infrastructure, serious\""));
	TRY(state_fact(s, WATER, when(s, 1, 0, 55), err, "\"type\":\"forwarded\""));
	TRY(until(s, NATION, incident_path(s, ""), clock_met, "K6", &v, err));
	TELL(s, when(s, 1, 0, 40), "Water ISAC   confirms level %lld with grounds; the nation has it at 00:55\n", "水資源 ISAC 審核為第 %lld 級並附理由；00:55 送國家\n",
	     number_of(v, "level"));
	return RC_OK;
}

/* A week before: nobody thought anything of it. */
static enum rc log_past(struct story *s, struct err *err)
{
	char line[512], at[TIME_TEXT_MAX];

	return demo_log(s->d, HOSPITAL_B, line, snprintf(line, sizeof line,
		"{\"timestamp\":\"%s\",\"event_type\":\"flow\",\"host\":\"hospital-b-fw\",\"src_ip\":\"10.1.2.9\",\"dest_ip\":\"%s\",\"dest_port\":443}\n",
		stamp(when(s, -6, 3, 14), at), RELAY), err);
}

/* What was seen in the incident protects others, without a word of whose it was. */
static enum rc protect(struct story *s, struct err *err)
{
	const struct json *v;

	TRY(demo_post(s->d, WATER_C, incident_path(s, "/observables"), s->a, NULL, err, "{\"value\":\"%s\",\"role\":\"attacker\",\"tlp\":\"green\"}", RELAY));
	TRY(demo_post(s->d, WATER_C, incident_path(s, "/indicators"), s->a, NULL, err, "{\"tlp\":\"green\",\"collection\":\"intel/up\",\"redact\":[\"creator\",\"description\","
		      "\"reference\"]}"));
	TRY(until(s, HOSPITAL_B, "/tickets?host=hospital-b-fw&limit=10", met_relay, NULL, &v, err));
	TELL(s, when(s, 1, 1, 20), "Hospital B   is protected, and learns that it met the attacker's %s a week before (ticket %.*s)\n",
	     "醫院 B    取得防護，並回溯發現一週前即曾連線 %s（監控單 %.*s）\n", RELAY, STR(json_get_str(ticket_of_relay(v), S("number"))));
	return RC_OK;
}

static bool answered(const struct json *v, const void *want UNUSED)
{
	size_t n = 0;

	JSON_EACH(r, json_get(v, S("recipients")))
		n += json_get_str(r, S("disposition")).n > 0;
	return n == 2;
}

/* The first alert of a node: what it is called there. */
static enum rc alert_at(struct story *s, int who, char path[static 96], struct err *err)
{
	const struct json *v;

	TRY(until(s, who, "/bulletins", any_item, "bulletins", &v, err));
	snprintf(path, 96, "/bulletins/%.*s", STR(json_get_str(json_item(json_get(v, S("bulletins")), 0), S("number"))));
	return RC_OK;
}

/* One sector finds it too, the other does not: each answers. */
static enum rc answer(struct story *s, struct err *err)
{
	const struct json *v;
	char path[96], to[128], at[TIME_TEXT_MAX];

	TRY(demo_post(s->d, HEALTH, "/incidents", s->a, &v, err, "{\"title\":\"Same tool at a hospital\",\"packs\":[\"tw-2026\"],\"facts\":[{\"type\":\"aware\","
		      "\"claimed\":\"%s\"}]}", stamp(when(s, 1, 2, 20), at)));
	TRY(alert_at(s, HEALTH, path, err));
	snprintf(to, sizeof to, "%s/answer", path);
	TRY(demo_post(s->d, HEALTH, to, s->a, NULL, err, "{\"disposition\":\"confirmed\",\"incident\":\"%.*s\"}", STR(json_get_str(v, S("number")))));
	TRY(alert_at(s, WATER, path, err));
	snprintf(to, sizeof to, "%s/answer", path);
	return demo_post(s->d, WATER, to, s->a, NULL, err, "{\"disposition\":\"false-positive\",\"reason\":\"our own maintenance tool, by its signature\"}");
}

/* 4: the nation warns the sectors and wants an answer. */
static enum rc warn(struct story *s, struct err *err)
{
	const struct json *v;
	char path[96], due[TIME_TEXT_MAX];

	TRY(demo_post(s->d, NATION, "/bulletins", s->a, &v, err, "{\"code\":\"EWA\",\"category\":\"200\",\"title\":\"Credential theft on plant servers\",\"description\":"
		      "\"procdump64 against lsass on a historian; look for it\",\"tlp\":\"amber\",\"impact\":3,\"due\":\"%s\",\"to\":[\"health\",\"water\"]}",
		      stamp(when(s, BEGUN + 1, 12, 0), due)));
	snprintf(path, sizeof path, "/bulletins/%.*s", STR(json_get_str(v, S("number"))));
	TELL(s, when(s, 1, 1, 30), "N-ISAC       warns two sectors: %.*s, TLP:AMBER; who reported is not in it\n", "國家 ISAC 對兩個領域發布 %.*s，TLP:AMBER，不含通報者身分\n",
	     STR(json_get_str(v, S("number"))));
	TRY(answer(s, err));
	TRY(until(s, NATION, path, answered, NULL, &v, err));
	JSON_EACH(r, json_get(v, S("recipients")))
		TELL(s, when(s, 1, 2, 20), "N-ISAC       %.*s answers: %.*s (feedback %.*s)\n", "國家 ISAC %.*s 回覆：%.*s（回饋 %.*s）\n",
		     STR(json_get_str(r, S("to"))), STR(json_get_str(r, S("disposition"))), STR(json_get_str(r, S("feedback"))));
	return RC_OK;
}

/* 5: the nation calls for help on the case; who is called says so. */
static enum rc dispatch(struct story *s, struct err *err)
{
	TRY(state_fact(s, NATION, when(s, 1, 2, 30), err, "\"type\":\"dispatched\",\"id\":\"forensics\",\"action\":\"forensic_request\",\"to\":\"CIB\","
		       "\"note\":\"image the historian, memory first\""));
	TRY(state_fact(s, NATION, when(s, 1, 2, 50), err, "\"type\":\"acknowledged\",\"ref\":\"forensics\",\"by\":\"investigator\""));
	TELL(s, when(s, 1, 2, 30), "N-ISAC       asks the investigators to take evidence; they acknowledge at 02:50%s\n", "國家 ISAC 調度鑑識，02:50 受理%s\n", "");
	return RC_OK;
}

static enum rc contain(struct story *s, struct err *err)
{
	const struct json *v;

	TRY(state_fact(s, WATER_C, when(s, 1, 11, 5), err, "\"type\":\"contained\""));
	TRY(until(s, NATION, incident_path(s, ""), in_state, "contained", &v, err));
	TELL(s, when(s, 1, 11, 5), "Utility C    contains it within the 36 hours; all tiers see it (%.*s)\n", "自來水 C  於 36 小時內完成損害控制，各層同步可見（%.*s）\n",
	     STR(json_get_str(v, S("state"))));
	return RC_OK;
}

static bool has_published(const struct json *v, const void *want UNUSED)
{
	JSON_EACH(f, json_get(v, S("facts")))
		if (str_eq(json_get_str(f, S("type")), S("published")))
			return true;
	return false;
}

/* A major incident becomes public, as far as it may. */
static enum rc publish(struct story *s, struct err *err)
{
	const struct json *v;

	TRY(state_fact(s, NATION, when(s, 1, 18, 0), err, "\"type\":\"published\",\"entries\":{\"public_cause\":\"stolen credentials\",\"public_impact\":"
		       "\"no effect on the supply of water\",\"public_control\":\"contained\",\"public_follow_up\":\"accounts are separated by plant\","
		       "\"public_withheld\":\"how they came in: it would harm others\"}"));
	TRY(until(s, WATER_C, incident_path(s, "/facts"), has_published, NULL, &v, err));
	TELL(s, when(s, 1, 18, 0), "N-ISAC       publishes what the public may know of a major incident%s\n", "國家 ISAC 依法公告重大事件可公開之部分%s\n", "");
	return RC_OK;
}

/* 10: the improvement report, its review, and the end. */
static enum rc finish(struct story *s, struct err *err)
{
	const struct json *v;

	TRY(state_fact(s, WATER_C, when(s, 2, 15, 0), err, "\"type\":\"reported\",\"stage\":\"notification\""));
	TRY(state_fact(s, WATER_C, when(s, 28, 16, 0), err, "\"type\":\"final_report\",\"entries\":{\"scope\":\"one historian, two days of set points\","
		       "\"control_course\":\"cut off at 11:05, rebuilt, set points restored from paper\",\"cause\":\"a maintenance account with rights on every plant server\","
		       "\"measures\":\"accounts by plant, second factor, memory of passwords protected\",\"schedule\":\"all plants by the end of next month, checked weekly\"}"));
	TRY(until(s, WATER, incident_path(s, ""), in_state, "final_submitted", &v, err));
	TRY(state_fact(s, WATER, when(s, 28, 17, 0), err, "\"type\":\"accepted\""));
	TRY(state_fact(s, WATER, when(s, 28, 17, 10), err, "\"type\":\"closed\""));
	TRY(until(s, WATER_C, incident_path(s, ""), in_state, "closed", &v, err));
	TELL(s, when(s, 28, 16, 0), "Utility C    hands in its improvement report; the sector accepts it and closes: %.*s\n",
	     "自來水 C  提交改善報告，領域審查通過並結案：%.*s\n", STR(json_get_str(v, S("state"))));
	tell_all_clocks(s, v);
	return RC_OK;
}

/* The story again as a drill: it goes the same way and is marked everywhere. */
static enum rc drill(struct story *s, struct err *err)
{
	const struct json *v;
	char real[80], at[TIME_TEXT_MAX];
	bool exercise;

	memcpy(real, s->incident, sizeof real);
	TRY(demo_post(s->d, WATER_C, "/incidents", s->a, &v, err, "{\"title\":\"The same night, as a drill\",\"packs\":[\"tw-2026\"],\"exercise\":true,\"facts\":["
		      "{\"type\":\"aware\",\"claimed\":\"%s\",\"subject\":\"non-government\"},{\"type\":\"level\",\"level\":4,\"claimed\":\"%s\"},"
		      "{\"type\":\"reported\",\"claimed\":\"%s\"}]}", stamp(when(s, 28, 20, 0), at), at, at));
	snprintf(s->incident, sizeof s->incident, "%.*s", STR(json_get_str(v, S("id"))));
	TRY(until(s, NATION, incident_path(s, ""), any_item, "views", &v, err));
	exercise = json_is(json_get(v, S("exercise")), JSON_TRUE);
	memcpy(s->incident, real, sizeof real);
	if (!exercise)
		return FAIL(err, RC_BAD, "the nation does not know that it is a drill");
	TELL(s, when(s, 28, 20, 0), "N-ISAC       has the drill of that night, marked as one: [EXERCISE 演練] %.*s\n", "國家 ISAC 收到該夜之演練，並已標示：[EXERCISE 演練] %.*s\n",
	     STR(json_get_str(v, S("title"))));
	return RC_OK;
}

static enum rc play(struct story *s, struct err *err)
{
	struct str number;

	printf(demo_say(s->d, "\nAn incident at Water Utility C, as its times were a month ago (D+day, Taipei):\n\n", "\n自來水 C 的一起事件（時間為一個月前；D+日，臺北）：\n\n"));
	TRY(know_the_plant(s, err));
	TRY(know_the_members(s, err));
	TRY(log_past(s, err));
	TRY(ticket(s, &number, err));
	TRY(become_aware(s, number, err));
	TRY(find_level(s, err));
	TRY(report(s, err));
	TRY(review(s, err));
	TRY(protect(s, err));
	TRY(warn(s, err));
	TRY(dispatch(s, err));
	TRY(contain(s, err));
	TRY(publish(s, err));
	TRY(finish(s, err));
	return drill(s, err);
}

enum rc demo_story(struct demo *d, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(MEMORY);
	struct story s = { .d = d, .a = a };

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "demo: out of memory");
	s.midnight = (time_now() + TAIPEI) / DAY * DAY - TAIPEI - BEGUN * DAY;
	return play(&s, err);
}
