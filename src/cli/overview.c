/* What there is to choose from: the overview by what somebody wants to do, the commands of one word, and what was meant. */
#include "cli/cli.h"

#define COLUMN 30
#define NAME_MAX 64
#define NEAR_MAX 2 /* letters wrong, missing, too many, or swapped */

static const char *pick(const struct words *w, bool zh)
{
	return zh && w->zh != NULL ? w->zh : w->en;
}

const struct cli_group *cli_group_at(const struct cli_cmd *cmd)
{
	for (const struct cli_group *g = cli_groups; g->first != NULL; g++)
		if (g->first == cmd)
			return g;
	return NULL;
}

static struct str first_word(const char *name)
{
	struct str rest = str_of(name), word = S("");

	(void)str_next(&rest, ' ', &word);
	return word;
}

static bool same_word(const struct cli_cmd *a, const struct cli_cmd *b)
{
	return a != NULL && b != NULL && str_eq(first_word(a->name), first_word(b->name));
}

/* A command that stands alone among others (duty now) keeps its line. */
static const struct cli_fold *fold_at(size_t i)
{
	const struct cli_cmd *cmd = cli_table[i];

	if (!same_word(cmd, cli_table[i + 1]) && (i == 0 || !same_word(cmd, cli_table[i - 1])))
		return NULL;
	for (const struct cli_fold *f = cli_folds; f->word != NULL; f++)
		if (str_eq(first_word(cmd->name), str_of(f->word)))
			return f;
	return NULL;
}

/* A line of its own when the name leaves no room. */
static void put_entry(struct buf *out, const char *name, const char *what)
{
	buf_fmt(out, "  %-*s%s\n", COLUMN, name, what);
}

static void put_fold(struct buf *out, const struct cli_fold *f, size_t from, bool zh)
{
	const char *between = zh ? "：" : ": ";
	char name[NAME_MAX];

	snprintf(name, sizeof name, "%s ...", f->word);
	buf_fmt(out, "  %-*s%s", COLUMN, name, pick(&f->what, zh));
	for (size_t i = from; cli_table[i] != NULL && fold_at(i) == f; i++) {
		buf_fmt(out, "%s%s", between, cli_table[i]->name + strlen(f->word) + 1);
		between = zh ? "、" : ", ";
	}
	buf_char(out, '\n');
}

void cli_help_all(bool zh, struct buf *out)
{
	buf_cstr(out, zh ? "lianfang 聯防 — 三層式情資聯防節點\n\n用法: lianfang 指令 [選項] [參數]\n"
			 : "lianfang 聯防 — a node of an intelligence-driven joint defence\n\nusage: lianfang COMMAND [options] [operands]\n");
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		const struct cli_group *group = cli_group_at(cli_table[i]);
		const struct cli_fold *fold = fold_at(i);

		if (group != NULL)
			buf_fmt(out, "\n%s\n", pick(&group->title, zh));
		if (fold == NULL)
			put_entry(out, cli_table[i]->name, pick(&cli_table[i]->summary, zh));
		else if (i == 0 || fold_at(i - 1) != fold)
			put_fold(out, fold, i, zh);
	}
	buf_cstr(out, zh ? "\nlianfang 指令 --help 顯示該指令的說明與範例；lianfang 字首（例如 lianfang org）列出同類指令；執行 lianfang demo 看完整故事。\n"
			 : "\nlianfang COMMAND --help shows options and examples, lianfang WORD (say, org) the commands of that word.\n"
			   "`lianfang demo` plays the whole story.\n");
}

bool cli_print_group(const char *word, bool zh, FILE *to)
{
	struct buf b;
	bool any = false;

	buf_init(&b, (size_t)1 << 20);
	for (size_t i = 0; cli_table[i] != NULL; i++) {
		if (!str_eq(first_word(cli_table[i]->name), str_of(word)) || strchr(cli_table[i]->name, ' ') == NULL)
			continue;
		buf_fmt(&b, "lianfang %-*s%s\n", COLUMN, cli_table[i]->name, pick(&cli_table[i]->summary, zh));
		any = true;
	}
	if (any)
		fwrite(b.p, 1, b.n, to);
	buf_done(&b);
	return any;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters that have to be changed, added, left out or swapped to make `b` of `a`; NAME_MAX when either is too long. */
static size_t distance(struct str a, struct str b)
{
	size_t row[3][NAME_MAX + 1];

	if (a.n >= NAME_MAX || b.n >= NAME_MAX)
		return NAME_MAX;
	for (size_t k = 0; k <= b.n; k++)
		row[0][k] = k;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = row[i % 3], *last = row[(i - 1) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (size_t k = 1; k <= b.n; k++) {
			now[k] = least(least(now[k - 1], last[k]) + 1, last[k - 1] + (a.p[i - 1] != b.p[k - 1]));
			if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1])
				now[k] = least(now[k], before[k - 2] + 1);
		}
	}
	return row[a.n % 3][b.n];
}

/* The command that is meant by up to three words, or the first word of one. */
static struct str nearest(int n_words, const char *const *words)
{
	struct str found = S("");
	size_t best = NEAR_MAX + 1;
	char said[NAME_MAX] = "";

	for (int n = 0; n < n_words && n < 3 && words[n][0] != '-'; n++) {
		size_t at = strlen(said), d;

		snprintf(said + at, sizeof said - at, "%s%s", n > 0 ? " " : "", words[n]);
		for (size_t i = 0; cli_table[i] != NULL; i++) {
			struct str whole = str_of(cli_table[i]->name), first = first_word(cli_table[i]->name);

			d = distance(str_of(said), whole);
			if (d < best) {
				best = d;
				found = whole;
			}
			d = n == 0 ? distance(str_of(said), first) : NAME_MAX;
			if (d < best && d > 0) {
				best = d;
				found = first;
			}
		}
	}
	return found;
}

void cli_unknown(int n, const char *const *words, bool zh)
{
	struct str meant = nearest(n, words);
	bool second = n > 1 && words[1][0] != '-' && cli_print_group(words[0], zh, stderr);
	const char *sub = second ? words[1] : "", *blank = second ? " " : "";

	if (!second && cli_print_group(words[0], zh, stderr))
		return;
	if (meant.n > 0)
		fprintf(stderr, zh ? "lianfang：沒有「%s%s%s」這個指令；是指「%.*s」嗎？\n" : "lianfang: '%s%s%s' is not a command; is '%.*s' meant?\n",
			words[0], blank, sub, STR(meant));
	else
		fprintf(stderr, zh ? "lianfang：沒有「%s%s%s」這個指令（lianfang --help 列出所有指令）\n" :
			"lianfang: '%s%s%s' is not a command (lianfang --help lists them)\n", words[0], blank, sub);
}
