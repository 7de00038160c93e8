#include "cli/node_cmd.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/text.h"
#include "sys/file.h"
#include "sys/keys.h"

#define COLUMNS_MAX 12
#define WIDTH_MAX 60
#define LABEL_WIDTH 19
#define BODY_MAX ((size_t)16 << 20)

static int show_reply(const struct cli *c, const struct buf *reply, reply_show show)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)4 << 30);
	const struct json_limits limits = { .bytes = (size_t)1 << 31, .depth = 128, .nodes = 1u << 28 };
	const struct json *v;
	struct err err = { 0 };
	struct buf out;
	int status;

	if (c->json)
		return cli_print(reply);
	if (show == NULL)
		return CLI_OK;
	if (a == NULL || json_parse(a, buf_view(reply), &limits, &v, &err) != RC_OK)
		return cli_failf(c, "the node's reply is not JSON: %s", err.text);
	buf_init(&out, (size_t)1 << 30);
	show(c, v, &out);
	status = out.n == 0 ? CLI_OK : cli_print(&out);
	buf_done(&out);
	return status;
}

static bool has_option(const struct cli *c, const char *name)
{
	for (const struct cli_opt *o = c->cmd->opts; o != NULL && o->name != NULL; o++)
		if (str_eq(str_of(o->name), str_of(name)))
			return true;
	return false;
}

/* The node speaks of members and parameters ("/role: expected", "tlp_max: expected"); who typed a command knows options. */
void name_options(const struct cli *c, struct err *err)
{
	static const struct { const char *member, *option; } others[] = { { "cert_sha256", "cert" }, { "tlp_max", "tlp" }, { "disabled", "disable" },
		{ "organisation", "org" }, { "contacts", "contact" }, { "roles", "role" }, { "components", "component" } };
	struct str text = str_of(err->text), rest;
	size_t slash = str_starts(text, S("/")) ? 1 : 0, colon = str_find(text, S(":"), slash);
	char option[40], said[ERR_TEXT_MAX];

	if (colon == SIZE_MAX || colon == slash || colon - slash >= sizeof option)
		return;
	for (size_t i = slash; i < colon; i++) {
		if (!(text.p[i] >= 'a' && text.p[i] <= 'z') && text.p[i] != '_' && !(text.p[i] >= '0' && text.p[i] <= '9'))
			return;
		option[i - slash] = text.p[i] == '_' ? '-' : text.p[i];
	}
	option[colon - slash] = '\0';
	for (size_t i = 0; i < COUNTOF(others); i++)
		if (str_eq(str_slice(text, slash, colon), str_of(others[i].member)))
			snprintf(option, sizeof option, "%s", others[i].option);
	rest = str_slice(text, colon, text.n);
	if (has_option(c, option))
		snprintf(said, sizeof said, "--%s%.*s", option, STR(rest));
	else
		snprintf(said, sizeof said, "%.*s%.*s", STR(str_slice(text, slash, colon)), STR(rest));
	err_set(err, err->rc, "%s", said);
}

/* CLI_OK: `reply` has what was asked for. */
static int call(const struct cli *c, struct node_conn *conn, const char *method, const char *path, struct str body, struct buf *reply)
{
	struct err err = { 0 };
	int http = 0;

	if (node_conn_do(conn, method, path, body, &http, reply, &err) != RC_OK)
		return cli_fail(c, &err);
	if (http < 300)
		return CLI_OK;
	node_reply_error(reply, http, &err);
	name_options(c, &err);
	if (c->about != NULL)
		err_prefix(&err, "%s", c->about);
	(void)cli_fail(c, &err);
	return http == 404 && str_eq(str_of(method), S("GET")) ? CLI_NO : CLI_ERROR; /* asked and answered: there is none */
}

int node_cmd(const struct cli *c, const char *dir, const char *method, const char *path, struct str body, reply_show show)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	struct err err = { 0 };
	struct buf reply;
	int status;

	if (node_conn_open(dir, &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	status = call(c, conn, method, path, body, &reply);
	if (status == CLI_OK)
		status = show_reply(c, &reply, show);
	buf_done(&reply);
	return status;
}

/* --- what goes into a file --- */

int node_get(const struct cli *c, struct node_conn *conn, const char *path, struct buf *reply)
{
	return call(c, conn, "GET", path, S(""), reply);
}

/* A device, a pipe: its name must stay what it is, so nothing is put in its place. */
static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) != 0 || S_ISREG(st.st_mode) || S_ISDIR(st.st_mode);
}

static int write_into(const struct cli *c, const char *path, struct str text)
{
	FILE *f = fopen(path, "we");
	bool good = f != NULL && (text.n == 0 || fwrite(text.p, 1, text.n, f) == text.n);
	int why = errno;

	if (f != NULL && fclose(f) != 0 && good) {
		good = false;
		why = errno;
	}
	return good ? CLI_OK : cli_failf(c, "%s: %s", path, strerror(why));
}

int write_output_as(const struct cli *c, struct str text, unsigned mode)
{
	const char *file = cli_get(c, "output", NULL);
	struct err err = { 0 };

	if (file != NULL && strcmp(file, "-") != 0 && !is_file(file))
		return write_into(c, file, text);
	if (file != NULL && strcmp(file, "-") != 0)
		return file_replace(file, text, mode, &err) == RC_OK ? CLI_OK : cli_fail(c, &err);
	if ((text.n > 0 && fwrite(text.p, 1, text.n, stdout) != text.n) || (text.n > 0 && text.p[text.n - 1] != '\n' && putchar('\n') == EOF) ||
	    fflush(stdout) != 0)
		return cli_failf(c, c->zh ? "標準輸出：%s" : "standard output: %s", strerror(errno));
	return CLI_OK;
}

int write_output(const struct cli *c, struct str text)
{
	return write_output_as(c, text, 0600);
}

int node_get_output(const struct cli *c, const char *path)
{
	struct node_conn *conn CLEANUP(node_conn_closep) = NULL;
	struct err err = { 0 };
	struct buf reply;
	int status;

	if (node_conn_open(c->operands[0], &conn, &err) != RC_OK)
		return cli_fail(c, &err);
	status = node_get(c, conn, path, &reply);
	if (status == CLI_OK)
		status = write_output(c, buf_view(&reply));
	buf_done(&reply);
	return status;
}

/* --- the body of a request --- */

void body_begin(struct body *x)
{
	buf_init(&x->b, BODY_MAX);
	jsonw_init(&x->w, &x->b);
	jsonw_object(&x->w);
}

void body_text(struct body *x, const char *name, const char *value)
{
	if (value != NULL)
		jsonw_m_cstr(&x->w, name, value);
}

void body_option(const struct cli *c, struct body *x, const char *option, const char *name)
{
	body_text(x, name, cli_get(c, option, NULL));
}

void body_switch(const struct cli *c, struct body *x, const char *option, const char *name)
{
	if (cli_has(c, option))
		jsonw_m_bool(&x->w, name, true);
}

int body_send(const struct cli *c, struct body *x, const char *path, reply_show show)
{
	int status;

	jsonw_object_end(&x->w);
	status = x->b.bad != RC_OK ? cli_failf(c, "the request is too large")
				   : node_cmd(c, c->operands[0], "POST", path, buf_view(&x->b), show);
	if (x->b.p != NULL)
		secret_wipe(x->b.p, x->b.n);
	buf_done(&x->b);
	return status;
}

void show_member(const struct json *v, const char *name, struct buf *out)
{
	const struct json *m = json_path(v, name);

	if (m == NULL || m->type == JSON_NULL)
		buf_char(out, '-');
	else if (m->type == JSON_STRING)
		buf_str(out, m->n == 0 ? S("-") : json_str(m));
	else if (m->type == JSON_TRUE)
		buf_cstr(out, "yes");
	else if (m->type == JSON_FALSE)
		buf_cstr(out, "no");
	else
		json_print(m, out);
}

/* Columns that a character takes: East Asian wide ones take two. */
static size_t text_width(struct str s)
{
	size_t at = 0, n = 0;

	while (at < s.n) {
		uint32_t ch = utf8_next(s, &at);

		n += (ch >= 0x1100 && ch <= 0x115F) || (ch >= 0x2E80 && ch <= 0xA4CF) || (ch >= 0xAC00 && ch <= 0xD7A3) ||
		     (ch >= 0xF900 && ch <= 0xFAFF) || (ch >= 0xFE30 && ch <= 0xFE6F) || (ch >= 0xFF00 && ch <= 0xFF60) ||
		     (ch >= 0xFFE0 && ch <= 0xFFE6) || (ch >= 0x20000 && ch <= 0x3FFFD) ? 2 : 1;
	}
	return n;
}

static void split_column(const char *column, char name[static 64], struct str *ret_header)
{
	const char *colon = strchr(column, ':');

	snprintf(name, 64, "%.*s", (int)(colon - column), column);
	*ret_header = str_of(colon + 1);
}

void show_padded(struct str text, size_t width, struct buf *out)
{
	buf_str(out, text);
	for (size_t n = text_width(text); n < width; n++)
		buf_char(out, ' ');
}

static void put_padded(struct buf *out, struct str text, size_t width, bool last)
{
	if (!last) {
		show_padded(text, width + 2, out);
		return;
	}
	buf_str(out, text);
	buf_char(out, '\n');
}

/* 90s, 15m, 2h, 3d: as exact as somebody needs who looks whether it is late. */
static void show_span(int64_t seconds, struct buf *out)
{
	static const struct { int64_t below, in; char unit; } units[] = { { 120, 1, 's' }, { 7200, 60, 'm' }, { 172800, 3600, 'h' } };

	if (seconds < 0)
		seconds = 0;
	for (size_t i = 0; i < COUNTOF(units); i++)
		if (seconds < units[i].below) {
			buf_fmt(out, "%lld%c", (long long)(seconds / units[i].in), units[i].unit);
			return;
		}
	buf_fmt(out, "%lldd", (long long)(seconds / 86400));
}

static const char *bare(const char *name)
{
	return name[0] == '~' || name[0] == '@' || name[0] == '%' ? name + 1 : name;
}

/* A member as its mark says. */
static void show_marked(const struct cli *c, const struct json *v, const char *name, struct buf *out)
{
	const struct json *m = json_path(v, bare(name));
	char shown[TIME_TEXT_MAX];
	int64_t seconds;

	if (name[0] == '~' && json_int(m, &seconds))
		show_span(seconds, out);
	else if (name[0] == '@' && json_is(m, JSON_STRING) && m->n > 0)
		buf_str(out, when_show(json_str(m), shown));
	else if (name[0] == '%' && json_is(m, JSON_STRING) && m->n > 0)
		buf_str(out, cli_value(c, json_str(m)));
	else if (json_is(m, JSON_TRUE) || json_is(m, JSON_FALSE))
		buf_str(out, cli_value(c, m->type == JSON_TRUE ? S("yes") : S("no")));
	else
		show_member(v, bare(name), out);
}

static void cell(const struct cli *c, const struct json *row, const char *name, struct buf *text)
{
	buf_clear(text);
	show_marked(c, row, name, text);
}

void show_table(const struct cli *c, const struct json *array, const char *const *columns, struct buf *out)
{
	size_t widths[COLUMNS_MAX] = { 0 }, n = 0;
	struct buf text;
	struct str header;
	char name[64];

	if (!json_is(array, JSON_ARRAY))
		return;
	buf_init(&text, (size_t)1 << 20);
	for (; columns[n] != NULL && n < COLUMNS_MAX; n++) {
		split_column(columns[n], name, &header);
		widths[n] = text_width(str_of(cli_word(c, header.p)));
		JSON_EACH(row, array) {
			cell(c, row, name, &text);
			if (text_width(buf_view(&text)) > widths[n])
				widths[n] = text_width(buf_view(&text));
		}
		if (widths[n] > WIDTH_MAX)
			widths[n] = WIDTH_MAX;
	}
	for (size_t i = 0; i < n; i++) {
		split_column(columns[i], name, &header);
		put_padded(out, str_of(cli_word(c, header.p)), widths[i], i + 1 == n);
	}
	JSON_EACH(row, array)
		for (size_t i = 0; i < n; i++) {
			split_column(columns[i], name, &header);
			cell(c, row, name, &text);
			put_padded(out, buf_view(&text), widths[i], i + 1 == n);
		}
	buf_done(&text);
}

void show_text(const struct cli *c, const char *label, struct str text, struct buf *out)
{
	put_padded(out, str_of(cli_word(c, label)), LABEL_WIDTH, false);
	buf_str(out, text);
	buf_char(out, '\n');
}

void show_line(const struct cli *c, const struct json *v, const char *label, const char *member, struct buf *out)
{
	if (json_path(v, bare(member)) == NULL)
		return;
	put_padded(out, str_of(cli_word(c, label)), LABEL_WIDTH, false);
	show_marked(c, v, member, out);
	buf_char(out, '\n');
}

void path_query(struct buf *path, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_fmt(path, "%c%s=", memchr(path->p, '?', path->n) == NULL ? '?' : '&', name);
	percent_put(path, str_of(value));
}

void show_not_in_force(const struct cli *c, struct buf *out)
{
	buf_cstr(out, c->zh ? "    注意：知悉事件之日，此法規資料包未施行（lianfang pack list）\n" :
			      "    note: this pack's law was not in force on the day the incident became known (lianfang pack list)\n");
}
