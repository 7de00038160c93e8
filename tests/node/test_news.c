/* What people read of an alert, in both languages; of RED not a word of what it says. */
#include "node/news.h"

#include "base/mem.h"
#include "tap.h"

static struct bulletin_word made(const char *kind)
{
	return (struct bulletin_word){ .row = 1, .id = S("x-lianfang-bulletin--1"), .number = S("N-EWA-2026-0001"), .code = S("EWA"), .title = S("主機 relay"),
				       .origin = S("nation"), .source = S(""), .who = S(""), .kind = str_of(kind), .tlp = 2,
				       .due = (int64_t)1772337600 * USEC_PER_SEC, .at = (int64_t)1772330000 * USEC_PER_SEC };
}

static void tell(const struct desk *d, const struct bulletin_word *b, struct news *n)
{
	struct err err = { 0 };

	news_init(n);
	OK(news_of_bulletin(d, S("tw-2026 eu-nis2"), b, n, &err) == RC_OK, "told: %s", err.text);
}

static bool has(const struct buf *b, const char *part)
{
	return str_find(buf_view(b), str_of(part), 0) != SIZE_MAX;
}

static void came(const struct desk *d)
{
	struct bulletin_word b = made("came");
	struct news n;

	b.exercise = true;
	tell(d, &b, &n);
	EQ_STR(buf_view(&n.subject), S("【演練 EXERCISE】[N-EWA-2026-0001] 資安預警情資 / Early warning: came from nation"), "subject");
	EQ_STR(buf_view(&n.body),
	       S("【演練】此為演練，非真實事件。\n情資 N-EWA-2026-0001（資安預警情資）：收到，來自 nation\n主旨：主機 relay\n保密程度：TLP:AMBER\n"
		 "回復期限：2026-03-01 12:00 (Asia/Taipei)\n處理：lianfang alert show N-EWA-2026-0001\n\n"
		 "EXERCISE: this is a drill.\nAlert N-EWA-2026-0001 (Early warning): came from nation\nSubject: 主機 relay\nTLP:AMBER\n"
		 "Answer by: 2026-03-01 12:00 (Asia/Taipei)\nSee: lianfang alert show N-EWA-2026-0001\n"), "body");
	EQ_STR(buf_view(&n.json),
	       S("{\"type\":\"alert\",\"event\":\"came\",\"bulletin\":\"x-lianfang-bulletin--1\",\"number\":\"N-EWA-2026-0001\",\"code\":\"EWA\",\"tlp\":\"TLP:AMBER\","
		 "\"title\":\"主機 relay\",\"exercise\":true,\"origin\":\"nation\",\"who\":\"\",\"source\":\"\",\"due\":\"2026-03-01T04:00:00Z\",\"at\":\"2026-03-01T01:53:20Z\"}"),
	       "for programs");
	EQ_STR(str_of(n.id), S("x-lianfang-bulletin--1.came.@lianfang"), "id of the mail");
	OK(n.at == b.at && n.key[0] != '\0', "when");
	news_done(&n);
}

static void red(const struct desk *d)
{
	struct bulletin_word b = made("came");
	struct news n;

	b.tlp = 4;
	b.due = 0;
	tell(d, &b, &n);
	OK(!has(&n.subject, "relay") && !has(&n.body, "relay") && !has(&n.json, "relay") && has(&n.body, "TLP:RED"), "of RED nothing but that it is there");
	OK(!has(&n.body, "回復期限") && has(&n.json, "\"due\":null"), "none is expected by any time");
	news_done(&n);
}

static void overdue(const struct desk *d)
{
	struct bulletin_word b = made("overdue");
	struct news n, other;

	tell(d, &b, &n);
	OK(has(&n.subject, "is not answered in time") && has(&n.body, "逾期未回復"), "ours");
	b.who = S("water\xc3\xa4 x");
	tell(d, &b, &other);
	OK(has(&other.subject, "water\xc3\xa4 x has not answered in time") && has(&other.body, " 逾期未回復"), "somebody's");
	OK(strcmp(n.key, other.key) != 0 && strcmp(n.id, other.id) != 0, "two words are two");
	EQ_STR(str_of(other.id), S("x-lianfang-bulletin--1.overdue.water...x@lianfang"), "an id is plain");
	b.code = S("XYZ");
	news_done(&other);
	tell(d, &b, &other);
	OK(has(&other.subject, "XYZ / XYZ"), "a code without a name");
	news_done(&n);
	news_done(&other);
}

int main(void)
{
	struct err err = { 0 };
	struct desk *d;

	if (!OK(desk_new(NULL, &d, &err) == RC_OK, "packs: %s", err.text))
		return tap_done();
	came(d);
	red(d);
	overdue(d);
	desk_free(d);
	EQ_INT(mem_live(), 0, "every block was given back");
	return tap_done();
}
