/* The table of line formats, and what is the same for all of them. */
#include "wire/line_int.h"

#include "base/ascii.h"
#include "base/mem.h"
#include "wire/evtx.h"
#include "wire/flat_json.h"

const struct str line_names[LINE_NAMES] = {
	[NAME_FORMAT] = S("_format"), [NAME_MESSAGE] = S("message"), [NAME_PRIORITY] = S("priority"), [NAME_FACILITY] = S("facility"),
	[NAME_SEVERITY] = S("severity"), [NAME_TIMESTAMP] = S("timestamp"), [NAME_HOST] = S("hostname"), [NAME_APP] = S("appname"),
	[NAME_PROCID] = S("procid"), [NAME_MSGID] = S("msgid"), [NAME_VENDOR] = S("DeviceVendor"), [NAME_PRODUCT] = S("DeviceProduct"),
	[NAME_VERSION] = S("DeviceVersion"), [NAME_CLASS] = S("DeviceEventClassID"), [NAME_NAME] = S("Name"),
	[NAME_CEF_SEVERITY] = S("Severity"), [NAME_EVENT_ID] = S("EventID"), [NAME_PATH] = S("_path"), [NAME_TYPE] = S("type"),
	[NAME_MSG] = S("msg"), [NAME_SERIAL] = S("serial"),
};

static enum rc text_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event UNUSED, struct err *err UNUSED)
{
	line_put_format(l, f, LOG_TEXT);
	line_put_fixed(l, f, NAME_MESSAGE, FLAT_STRING, line);
	return RC_OK;
}

/* In the order in which they are guessed. */
static const struct line_format formats[] = {
	{ LOG_ZEEK, zeek_looks, zeek_read, false },
	{ LOG_CEF, cef_looks, cef_read, true },
	{ LOG_LEEF, leef_looks, leef_read, true },
	{ LOG_AUDITD, auditd_looks, auditd_read, true },
	{ LOG_SYSLOG, syslog_looks, syslog_read, false },
	{ LOG_KV, kv_looks, kv_read, true },
	{ LOG_TEXT, NULL, text_read, false },
};

static const struct line_format *row_of(enum log_format format)
{
	for (size_t i = 0; i < COUNTOF(formats); i++)
		if (formats[i].format == format)
			return &formats[i];
	return NULL;
}

enum log_format log_format_find(struct str name)
{
	for (enum log_format f = LOG_UNKNOWN + 1; f < LOG_FORMATS; f++)
		if (str_eq_nocase(name, str_of(log_format_name(f))))
			return f;
	return LOG_UNKNOWN;
}

#define GUESS_LINES 8 /* lines that are looked at: the first may be a banner, or cut off by rotation */

static struct str skip_space(struct str s)
{
	while (s.n > 0 && ascii_space(s.p[0]))
		s = str_slice(s, 1, s.n);
	return s;
}

static struct str skip_bom(struct str s)
{
	return str_starts(s, S("\xEF\xBB\xBF")) ? str_slice(s, 3, s.n) : s;
}

/* One object a line, or an array of objects, which may be spread over many lines. */
static bool json_looks(struct str line)
{
	if (line.n > 0 && line.p[0] == '[')
		line = skip_space(str_slice(line, 1, line.n));
	else if (line.n == 0 || line.p[0] != '{')
		return false;
	if (line.n == 0)
		return true;
	if (line.p[0] == '[')
		return false;
	if (line.p[0] != '{')
		return false;
	line = skip_space(str_slice(line, 1, line.n));
	return line.n == 0 || line.p[0] == '"' || line.p[0] == '}';
}

static enum log_format guess(struct str line)
{
	if (json_looks(line))
		return LOG_JSON;
	for (size_t i = 0; i < COUNTOF(formats); i++)
		if (formats[i].looks != NULL && formats[i].looks(line))
			return formats[i].format;
	return LOG_TEXT;
}

enum log_format log_format_detect(struct str head)
{
	struct str line, rest = skip_bom(head);
	unsigned lines = 0;

	if (evtx_looks(head))
		return LOG_EVTX;
	while (lines < GUESS_LINES && str_next(&rest, '\n', &line)) {
		enum log_format format;

		line = str_trim(line);
		if (line.n == 0)
			continue;
		lines++;
		if ((format = guess(line)) != LOG_TEXT)
			return format;
	}
	return LOG_TEXT;
}

enum rc log_lines_new(enum log_format format, const struct fields *dict, usec now, struct log_lines **ret, struct err *err)
{
	const struct line_format *row = row_of(format);
	struct log_lines *l;

	if (format != LOG_JSON && row == NULL)
		return FAIL(err, RC_BAD, "log: %s is no format of lines", log_format_name(format));
	if ((l = mem_alloc(sizeof *l)) == NULL)
		return FAIL(err, RC_NOMEM, "log: out of memory");
	l->format = format;
	l->row = row;
	l->dict = dict;
	l->now = now;
	for (size_t i = 0; i < LINE_NAMES; i++)
		l->ids[i] = fields_find(dict, 0, line_names[i], &(fields_node){ 0 });
	*ret = l;
	return RC_OK;
}

void log_lines_free(struct log_lines *l)
{
	if (l == NULL)
		return;
	zeek_free(l->zeek);
	mem_free(l);
}

void log_lines_freep(struct log_lines **l)
{
	log_lines_free(*l);
}

/* A line of an array with one object a line: what belongs to the array is taken off. */
static struct str array_item(struct str line)
{
	line = str_trim(skip_bom(line));
	if (line.n > 0 && (line.p[0] == '[' || line.p[0] == ','))
		line = str_trim(str_slice(line, 1, line.n));
	if (line.n > 0 && line.p[line.n - 1] == ']' && (line.n == 1 || line.p[0] == '{'))
		line = str_trim(str_slice(line, 0, line.n - 1));
	if (line.n > 0 && line.p[line.n - 1] == ',')
		line = str_trim(str_slice(line, 0, line.n - 1));
	return line;
}

static enum rc json_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err)
{
	if (UNLIKELY(line.p[0] != '{' || line.p[line.n - 1] != '}')) {
		line = array_item(line);
		*ret_event = line.n > 0;
		if (line.n == 0) {
			flat_clear(f);
			return RC_OK;
		}
	}
	return flat_json(f, l->dict, line, err);
}

enum rc log_lines_next(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err)
{
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	*ret_event = line.n > 0;
	if (line.n > 0 && l->format == LOG_JSON)
		return json_read(l, f, line, ret_event, err);
	flat_clear(f);
	f->format = l->format;
	f->raw = line;
	if (line.n == 0)
		return RC_OK;
	return l->row->read(l, f, line, ret_event, err);
}

void line_put_format(const struct log_lines *l, struct flat *f, enum log_format format)
{
	line_put_fixed(l, f, NAME_FORMAT, FLAT_STRING, str_of(log_format_name(format)));
}

enum rc line_full(struct err *err)
{
	return FAIL(err, RC_NOMEM, "line: out of memory for what has to be decoded");
}

static char control_of(char c)
{
	return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
}

bool line_unescape(struct flat *f, struct str s, struct str known, struct str *ret)
{
	char *to;
	size_t n = 0;

	*ret = s;
	if (s.n == 0 || memchr(s.p, '\\', s.n) == NULL)
		return true;
	if ((to = arena_alloc(f->scratch, s.n)) == NULL)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n && memchr(known.p, s.p[i + 1], known.n) != NULL)
			to[n++] = control_of(s.p[++i]);
		else
			to[n++] = s.p[i];
	}
	*ret = str_make(to, n);
	return true;
}

bool line_open(struct log_lines *l, struct flat *f, struct str message)
{
	uint32_t before = f->n;
	usec time = f->time;
	bool event = true;

	for (size_t i = 0; i < COUNTOF(formats); i++) {
		if (!formats[i].inside || !formats[i].looks(message))
			continue;
		if (formats[i].read(l, f, message, &event, NULL) == RC_OK)
			return true;
		f->n = before;
		f->time = time;
		return false;
	}
	return false;
}
