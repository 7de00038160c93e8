/* incident merge, unmerge, split: each is one REST call. */
#include "cli/incident.h"

#define NO_OPT { NULL, 0, NULL, { NULL, NULL }, false }
#define NOTE_OPT { "note", 0, "TEXT", { "why; kept with the facts", "理由（隨事實保存）" }, false }

static int send(struct cli *c, struct body *x, const char *tail)
{
	struct buf path;
	int status;

	body_option(c, x, "note", "note");
	buf_init(&path, 4096);
	incident_path(c, tail, &path);
	status = body_send(c, x, path.p, show_incident);
	buf_done(&path);
	return status;
}

static const struct cli_opt merge_opts[] = { NOTE_OPT, NO_OPT };
static const char *const merge_examples[] = { "two reports of one thing", "lianfang incident merge DIR 2026-000018 2026-000017", NULL };

static int merge_run(struct cli *c)
{
	struct body x;

	body_begin(&x);
	body_text(&x, "into", c->operands[2]);
	return send(c, &x, "/merge");
}

const struct cli_cmd CMD_INCIDENT_MERGE = {
	"incident merge", { "merge an incident into another", "將事件併入另一事件" }, "DIR NUMBER INTO",
	{ "The other has the facts and the clocks of both from now on; the one that was merged stays readable, and names it. What is\n"
	  "stated from now on is stated about the other. Nothing is erased: incident unmerge takes it back.",
	  "此後由另一事件合併計算雙方之事實與時限；被併入者仍可查閱並指向該事件。事實不會刪除，可用 incident unmerge 還原。" },
	merge_opts, merge_examples, 3, 3, merge_run,
};

static const char *const unmerge_examples[] = { "they are two things after all", "lianfang incident unmerge DIR 2026-000018", NULL };

static int unmerge_run(struct cli *c)
{
	struct body x;

	body_begin(&x);
	return send(c, &x, "/unmerge");
}

const struct cli_cmd CMD_INCIDENT_UNMERGE = {
	"incident unmerge", { "take a merged incident out again", "還原被併入之事件" }, "DIR NUMBER",
	{ "Both are then what they would be had they never been merged; what was stated about the other meanwhile stays there.",
	  "雙方回復為未併入時之狀態；併入期間對另一事件陳述之事實仍屬該事件。" },
	merge_opts, unmerge_examples, 2, 2, unmerge_run,
};

static const struct cli_opt split_opts[] = {
	{ "fact", 'f', "ID", { "a fact that goes (repeat; incident show --facts lists them)", "移出之事實（可重複；見 incident show --facts）" }, true },
	{ "title", 't', "TEXT", { "what the new incident is", "新事件標題" }, false },
	NOTE_OPT, NO_OPT,
};
static const char *const split_examples[] = { "one of the two hosts is another matter", "lianfang incident split DIR 2026-000017 -t \"mail server\" -f FACT -f FACT", NULL };

static int split_run(struct cli *c)
{
	struct body x;

	if (cli_get(c, "title", NULL) == NULL)
		return cli_failf(c, "--title: what is the new incident?");
	if (cli_get(c, "fact", NULL) == NULL)
		return cli_failf(c, "--fact: which facts go?");
	body_begin(&x);
	body_option(c, &x, "title", "title");
	put_repeated(c, &x, "fact", "facts");
	return send(c, &x, "/split");
}

const struct cli_cmd CMD_INCIDENT_SPLIT = {
	"incident split", { "make a new incident of some facts", "將部分事實拆為新事件" }, "DIR NUMBER",
	{ "The facts stay where they were stated, and count in the new incident only; corrections go with what they correct.\n"
	  "incident merge NEW NUMBER takes it back.",
	  "事實仍保存於原處，僅計入新事件；更正隨其所更正之事實移出。以 incident merge 新事件 原事件 還原。" },
	split_opts, split_examples, 2, 2, split_run,
};
