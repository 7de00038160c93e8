/* Syslog: RFC 5424 and what RFC 3164 §4 describes as common. The first is a
 * grammar and read strictly; the second is a habit: whatever part is missing,
 * the rest is still read, and in the end any line is a message.
 *
 * <PRI>1 TIME HOST APP PROCID MSGID SD MSG      <PRI>Mmm dd hh:mm:ss HOST TAG[PID]: MSG */
#include "base/ascii.h"
#include "wire/flat_json.h"
#include "wire/line_int.h"

struct header {
	struct str priority, time, host, app, procid, msgid, data, message;
	unsigned value; /* of priority; above 191: none */
	usec at;
};

#define NO_PRIORITY 192

/* "<34>" off the front: one to three digits, at most 191. */
static bool read_priority(struct str *line, struct header *h)
{
	unsigned v = 0;
	size_t i = 1;

	h->value = NO_PRIORITY;
	if (line->n < 3 || line->p[0] != '<')
		return false;
	for (; i < 4 && i < line->n && ascii_digit(line->p[i]); i++)
		v = v * 10 + (unsigned)(line->p[i] - '0');
	if (i == 1 || i == line->n || line->p[i] != '>' || v >= NO_PRIORITY)
		return false;
	h->value = v;
	h->priority = str_slice(*line, 1, i);
	*line = str_slice(*line, i + 1, line->n);
	return true;
}

/* Octet counting (RFC 6587 §3.4.1) leaves the length before the line when the frames were written as lines. */
static struct str skip_count(struct str line)
{
	size_t i = 0;

	while (i < line.n && i < 10 && ascii_digit(line.p[i]))
		i++;
	return i > 0 && i + 1 < line.n && line.p[i] == ' ' && line.p[i + 1] == '<' ? str_slice(line, i + 1, line.n) : line;
}

/* Up to the next blank, which is taken too. */
static bool word(struct str *rest, struct str *ret)
{
	const char *blank = rest->n == 0 ? NULL : memchr(rest->p, ' ', rest->n);
	size_t n = blank == NULL ? rest->n : (size_t)(blank - rest->p);

	*ret = str_make(rest->p, n);
	*rest = blank == NULL ? str_make(rest->p + n, 0) : str_make(blank + 1, rest->n - n - 1);
	return n > 0;
}

static struct str no_nil(struct str s)
{
	return s.n == 1 && s.p[0] == '-' ? S("") : s;
}

/* Where the quoted value that begins at `at` ends: the place of its quote, or SIZE_MAX. */
static size_t value_end(struct str s, size_t at, bool *ret_escaped)
{
	*ret_escaped = false;
	for (; at < s.n && s.p[at] != '"'; at++)
		if (s.p[at] == '\\') {
			*ret_escaped = true;
			at++;
		}
	return at < s.n ? at : SIZE_MAX;
}

/* One value of structured data; false: out of memory. */
static bool put_param(struct log_lines *l, struct flat *f, struct str id, struct str name, struct str text, bool escaped)
{
	struct str key;
	uint16_t field;

	if (escaped && !line_unescape(f, text, S("\"\\]"), &text))
		return false;
	if (UNLIKELY(!line_join(l, id, name, &key, &field))) {
		char *p = arena_alloc(f->scratch, id.n + 1 + name.n);

		if (p == NULL)
			return false;
		memcpy(p, id.p, id.n);
		p[id.n] = '.';
		memcpy(p + id.n + 1, name.p, name.n);
		key = str_make(p, id.n + 1 + name.n);
		field = line_field(l, key);
	}
	flat_put(f, field, key, FLAT_STRING, text, 0);
	return true;
}

/* RFC 5424 §6.3: "[id name="value" ...]..."; its length, or 0. With f given, each value is put as id.name. */
static size_t structured(struct log_lines *l, struct flat *f, struct str s, bool *ret_memory)
{
	size_t at = 0, end;

	while (at < s.n && s.p[at] == '[') {
		size_t id = ++at;
		struct str id_text;

		while (at < s.n && s.p[at] != ' ' && s.p[at] != ']' && s.p[at] != '"' && s.p[at] != '=')
			at++;
		if (at == id)
			return 0;
		id_text = str_slice(s, id, at);
		while (at < s.n && s.p[at] == ' ') {
			size_t name = ++at;
			struct str text;
			bool escaped;

			while (at < s.n && s.p[at] != '=' && s.p[at] != ' ' && s.p[at] != ']')
				at++;
			if (at == name || at + 1 >= s.n || s.p[at] != '=' || s.p[at + 1] != '"')
				return 0;
			if ((end = value_end(s, at + 2, &escaped)) == SIZE_MAX)
				return 0;
			text = str_slice(s, at + 2, end);
			if (f != NULL && !put_param(l, f, id_text, str_slice(s, name, at), text, escaped)) {
				*ret_memory = false;
				return 0;
			}
			at = end + 1;
		}
		if (at == s.n || s.p[at] != ']')
			return 0;
		at++;
	}
	return at;
}

/* What follows "<PRI>": "1 " and a time or "-". */
static bool is_5424(struct str rest)
{
	return rest.n > 3 && rest.p[0] == '1' && rest.p[1] == ' ' && (rest.p[2] == '-' || ascii_digit(rest.p[2]));
}

static enum rc read_5424(struct str rest, struct header *h, struct err *err)
{
	const char *from = rest.p;
	size_t n = 1;
	bool memory = true;

	rest = str_slice(rest, 2, rest.n);
	if (!word(&rest, &h->time) || !word(&rest, &h->host) || !word(&rest, &h->app) || !word(&rest, &h->procid) ||
		!word(&rest, &h->msgid))
		return FAIL(err, RC_BAD, "syslog: byte %zu: the header breaks off", (size_t)(rest.p - from));
	if (!(h->time.n == 1 && h->time.p[0] == '-') && !line_time_iso(h->time, &h->at))
		return FAIL(err, RC_BAD, "syslog: byte %zu: no time", (size_t)(h->time.p - from));
	if (rest.n > 0 && rest.p[0] == '[')
		n = structured(NULL, NULL, rest, &memory);
	else if (rest.n == 0 || rest.p[0] != '-')
		n = 0;
	if (n == 0 || (n < rest.n && rest.p[n] != ' '))
		return FAIL(err, RC_BAD, "syslog: byte %zu: broken structured data", (size_t)(rest.p - from));
	h->data = rest.p[0] == '[' ? str_slice(rest, 0, n) : S("");
	rest = str_slice(rest, n + 1, rest.n);
	h->message = rest.n > 0 && rest.p[0] == '\xEF' && str_starts(rest, S("\xEF\xBB\xBF")) ? str_slice(rest, 3, rest.n) : rest;
	h->host = no_nil(h->host);
	h->app = no_nil(h->app);
	h->procid = no_nil(h->procid);
	h->msgid = no_nil(h->msgid);
	return RC_OK;
}

static bool tag_char(char c)
{
	return ascii_alnum(c) || c == '_' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')' || c == '%' || c == '+' || c == '@';
}

#define TAG_MAX 64 /* RFC 3164 says 32; programs have longer names */

/* "sshd[123]: " or "su: " off the front. */
static void read_tag(struct str *rest, struct header *h)
{
	size_t n = 0, end;

	while (n < rest->n && n < TAG_MAX && tag_char(rest->p[n]))
		n++;
	if (n == 0 || n == rest->n)
		return;
	end = n;
	if (rest->p[n] == '[') {
		const char *close = memchr(rest->p + n, ']', rest->n - n);

		if (close == NULL || close - rest->p > 2 * TAG_MAX || memchr(rest->p + n, ' ', (size_t)(close - rest->p) - n) != NULL)
			return;
		end = (size_t)(close - rest->p) + 1;
		h->procid = str_slice(*rest, n + 1, end - 1);
		if (end < rest->n && rest->p[end] == ':')
			end++;
	} else if (rest->p[n] == ':' && (n + 1 == rest->n || rest->p[n + 1] == ' ')) {
		end++;
	} else {
		return;
	}
	h->app = str_slice(*rest, 0, n);
	*rest = str_slice(*rest, end + (end < rest->n && rest->p[end] == ' '), rest->n);
}

/* Cisco's "123: " before the time and the mark of an unsynchronised clock. */
static struct str skip_sequence(struct str s)
{
	size_t i = 0;

	while (i < s.n && i < 10 && ascii_digit(s.p[i]))
		i++;
	if (i > 0 && i + 1 < s.n && s.p[i] == ':' && s.p[i + 1] == ' ')
		s = str_slice(s, i + 2, s.n);
	return s.n > 0 && (s.p[0] == '*' || s.p[0] == '.') ? str_slice(s, 1, s.n) : s;
}

/* The time of RFC 3164 or the one that newer daemons write in its place; false: none stands there. */
static bool read_time(const struct log_lines *l, struct str *rest, struct header *h)
{
	struct str s = skip_sequence(*rest), first = s, after = s;
	usec t;
	size_t n;

	if (s.n > 14 && ascii_alpha(s.p[0]) && line_time_bsd(s, l->now, &t, &n)) {
		h->time = str_slice(s, 0, n);
		after = str_slice(s, n, s.n);
	} else if (s.n > 20 && ascii_digit(s.p[0]) && word(&after, &first) && line_time_iso(first, &t)) {
		h->time = first;
		after = str_slice(s, first.n, s.n);
	} else {
		return false;
	}
	h->at = t;
	if (after.n > 0 && after.p[0] == ':')
		after = str_slice(after, 1, after.n);
	*rest = after.n > 0 && after.p[0] == ' ' ? str_slice(after, 1, after.n) : after;
	return true;
}

/* A word without a colon at its end or a bracket is the host, unless the message begins at once. */
static bool host_first(struct str rest)
{
	struct str first;

	if (!word(&rest, &first) || rest.n == 0 || first.p[first.n - 1] == ':')
		return false;
	for (size_t i = 0; i < first.n; i++)
		if (!ascii_alnum(first.p[i]) && memchr(".-_:", first.p[i], 4) == NULL)
			return false;
	return true;
}

static void read_3164(const struct log_lines *l, struct str rest, struct header *h)
{
	if (read_time(l, &rest, h) && host_first(rest))
		(void)word(&rest, &h->host);
	read_tag(&rest, h);
	h->message = rest;
}

static void put_header(const struct log_lines *l, struct flat *f, const struct header *h)
{
	static const char digits[] = "0123456789";
	static const char facilities[] = "0 1 2 3 4 5 6 7 8 9 1011121314151617181920212223";

	line_put_format(l, f, LOG_SYSLOG);
	if (h->value < NO_PRIORITY) {
		unsigned facility = h->value >> 3;

		line_put_fixed(l, f, NAME_PRIORITY, FLAT_NUMBER, h->priority);
		line_put_fixed(l, f, NAME_FACILITY, FLAT_NUMBER, str_make(facilities + 2 * facility, facility < 10 ? 1 : 2));
		line_put_fixed(l, f, NAME_SEVERITY, FLAT_NUMBER, str_make(digits + (h->value & 7), 1));
	}
	if (h->time.n > 1)
		line_put_fixed(l, f, NAME_TIMESTAMP, FLAT_STRING, h->time);
	if (h->host.n > 0)
		line_put_fixed(l, f, NAME_HOST, FLAT_STRING, h->host);
	if (h->app.n > 0)
		line_put_fixed(l, f, NAME_APP, FLAT_STRING, h->app);
	if (h->procid.n > 0)
		line_put_fixed(l, f, NAME_PROCID, FLAT_STRING, h->procid);
	if (h->msgid.n > 0)
		line_put_fixed(l, f, NAME_MSGID, FLAT_STRING, h->msgid);
}

/* The message that is JSON, with or without Lumberjack's cookie ("@cee:"): into f, which it clears. */
static bool open_json(const struct log_lines *l, struct flat *f, struct str line, struct str message)
{
	if (message.n > 0 && message.p[0] == '@' && str_starts(message, S("@cee:")))
		message = str_trim(str_slice(message, 5, message.n));
	if (message.n < 2 || message.p[0] != '{')
		return false;
	if (flat_json(f, l->dict, str_trim(message), NULL) == RC_OK)
		return true;
	flat_clear(f);
	f->raw = line;
	return false;
}

/* Some senders put CEF or LEEF behind half a header of RFC 5424: where it begins, or .p NULL. */
static struct str find_content(struct str s)
{
	static const struct str marks[] = { S(" CEF:"), S(" LEEF:") };

	for (size_t i = 0; i < COUNTOF(marks); i++) {
		size_t at = str_find(s, marks[i], 0);

		if (at != SIZE_MAX)
			return str_slice(s, at + 1, s.n);
	}
	return (struct str){ NULL, 0 };
}

static enum rc read_header(const struct log_lines *l, struct str rest, struct header *h, struct err *err)
{
	struct header half = *h;
	struct str content;
	enum rc rc;

	if (h->value == NO_PRIORITY || !is_5424(rest)) {
		read_3164(l, rest, h);
		return RC_OK;
	}
	if ((rc = read_5424(rest, h, err)) == RC_OK || (content = find_content(rest)).p == NULL)
		return rc;
	half.message = content;
	if (line_time_iso(h->time, &half.at)) {
		half.time = h->time;
		half.host = no_nil(h->host);
	}
	*h = half;
	return RC_OK;
}

enum rc syslog_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event UNUSED, struct err *err)
{
	struct header h = { .value = NO_PRIORITY };
	struct str rest = skip_count(line);
	enum log_format format = f->format;
	bool opened, memory = true;

	(void)read_priority(&rest, &h);
	TRY(read_header(l, rest, &h, err));
	opened = open_json(l, f, line, h.message);
	f->format = format;
	f->raw = line;
	put_header(l, f, &h);
	f->time = h.at;
	f->host = h.host.p != NULL ? h.host : S("");
	if (h.data.n > 0 && structured(l, f, h.data, &memory) == 0 && !memory)
		return line_full(err);
	if (!opened && !line_open(l, f, h.message))
		line_put_fixed(l, f, NAME_MESSAGE, FLAT_STRING, h.message);
	return RC_OK;
}

bool syslog_looks(struct str line)
{
	struct header h = { .value = NO_PRIORITY };
	struct log_lines plain = { .now = 0 };
	struct str rest = skip_count(line);

	return read_priority(&rest, &h) || (read_time(&plain, &rest, &h) && rest.n > 0);
}
