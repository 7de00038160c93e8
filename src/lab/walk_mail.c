/* Mail (RFC 5322, MIME of RFC 2045 and 2046): each part a child, decoded as mail programs do, which forgive much. Words beside
 * "password" in its text are tried on locked attachments. A mailbox file is the mails in it. */
#include "lab/walk.h"

#include <string.h>

#include "base/ascii.h"
#include "base/text.h"

#define NESTED_MAX 200    /* multiparts in multiparts, of one mail */
#define PARTS_MAX 10000
#define VALUE_MAX 512
#define PIECE 4096
#define TEXT_LOOKED_AT ((size_t)256 << 10) /* for passwords */
#define WORDS_MAX 32

enum coding { AS_IS, BASE64, QUOTED };

struct part {
	enum coding coding;
	bool multi, message, text, attached;
	char boundary[VALUE_MAX], name[VALUE_MAX];
};

struct mail {
	struct lab_node *n;
	char *room;   /* TEXT_LOOKED_AT bytes */
	size_t parts, words;
	bool looking; /* first round: only texts are looked at, for passwords */
};

static struct str cut(const struct mail *m, size_t from, size_t to)
{
	return (struct str){ m->n->bytes.p + from, to - from };
}

/* --- headers --- */

/* A header's value, unfolded; `text` begins behind the colon. Where the next header begins. */
static size_t unfold(struct str all, size_t at, size_t end, char *out, size_t max, size_t *ret_n)
{
	size_t n = 0;

	for (; at < end; at++) {
		char c = all.p[at];

		if (c == '\n' && (at + 1 >= end || (all.p[at + 1] != ' ' && all.p[at + 1] != '\t')))
			break;
		if (n < max && c != '\r')
			out[n++] = c == '\n' || c == '\t' ? ' ' : c;
	}
	*ret_n = n;
	return at < end ? at + 1 : end;
}

/* `name=value` or `name="value"` of a header; also name*=, name*0= (RFC 2231), of which the pieces are joined. Empty: not there. */
static void parameter(struct str value, const char *name, char *out)
{
	size_t n = strlen(name), used = 0;

	out[0] = '\0';
	for (size_t at = 0; at + n < value.n; at++) {
		size_t i = at + n;
		char end;

		if ((at > 0 && !ascii_space(value.p[at - 1]) && value.p[at - 1] != ';') || !str_eq_nocase((struct str){ value.p + at, n }, str_of(name)))
			continue;
		if (i < value.n && value.p[i] == '*')
			for (i++; i < value.n && (ascii_digit(value.p[i]) || value.p[i] == '*'); i++)
				;
		while (i < value.n && ascii_space(value.p[i]))
			i++;
		if (i >= value.n || value.p[i++] != '=')
			continue;
		while (i < value.n && ascii_space(value.p[i]))
			i++;
		end = i < value.n && value.p[i] == '"' ? '"' : ';';
		for (i += end == '"'; i < value.n && value.p[i] != end && used < VALUE_MAX - 1; i++)
			if (end == '"' || !ascii_space(value.p[i]))
				out[used++] = value.p[i];
		at = i;
	}
	out[used] = '\0';
}

static bool begins(struct str s, const char *word)
{
	size_t n = strlen(word);

	while (s.n > 0 && ascii_space(s.p[0]))
		s = (struct str){ s.p + 1, s.n - 1 };
	return s.n >= n && str_eq_nocase((struct str){ s.p, n }, str_of(word));
}

static void content_type(struct str value, struct part *p)
{
	p->multi = begins(value, "multipart/");
	p->message = begins(value, "message/rfc822");
	p->text = begins(value, "text/");
	parameter(value, "boundary", p->boundary);
	if (p->name[0] == '\0')
		parameter(value, "name", p->name);
}

static void say_header(struct lab_node *n, struct str name, struct str value)
{
	static const struct { struct str name; const char *fact; } shown[] = {
		{ { "From", 4 }, "mail.from" }, { { "To", 2 }, "mail.to" }, { { "Subject", 7 }, "mail.subject" }, { { "Date", 4 }, "mail.date" },
		{ { "Message-ID", 10 }, "mail.message-id" }, { { "Return-Path", 11 }, "mail.return-path" }, { { "Reply-To", 8 }, "mail.reply-to" },
	};

	while (value.n > 0 && ascii_space(value.p[0]))
		value = (struct str){ value.p + 1, value.n - 1 };
	for (size_t i = 0; i < COUNTOF(shown); i++) {
		if (str_eq_nocase(name, shown[i].name))
			lab_fact(n, shown[i].fact, value);
	}
}

/* Reads headers from `at` to the empty line; where the body begins. */
static size_t read_head(struct mail *m, size_t at, size_t end, struct part *p)
{
	char text[4096], name_given[VALUE_MAX];

	*p = (struct part){ .text = true };
	while (at < end) {
		struct str line = cut(m, at, end);
		size_t colon = 0, n, next;
		struct str name, value;

		if (line.p[0] == '\n' || (line.n > 1 && line.p[0] == '\r' && line.p[1] == '\n'))
			return at + (line.p[0] == '\n' ? 1 : 2);
		while (colon < line.n && colon < 200 && line.p[colon] != ':' && line.p[colon] != '\n')
			colon++;
		if (colon >= line.n || line.p[colon] != ':') {
			/* No header, and no empty line: the body has begun. */
			if (!begins(line, "From ") && !begins(line, ">From "))
				return at;
			colon = 0;
		}
		next = unfold(m->n->bytes, at + colon + 1, end, text, sizeof text, &n);
		name = (struct str){ line.p, colon };
		value = (struct str){ text, n };
		if (str_eq_nocase(name, S("Content-Type")))
			content_type(value, p);
		else if (str_eq_nocase(name, S("Content-Transfer-Encoding")))
			p->coding = begins(value, "base64") ? BASE64 : begins(value, "quoted-printable") ? QUOTED : AS_IS;
		else if (str_eq_nocase(name, S("Content-Disposition"))) {
			p->attached = begins(value, "attachment");
			parameter(value, "filename", name_given);
			if (name_given[0] != '\0')
				memcpy(p->name, name_given, VALUE_MAX);
		}
		if (!m->looking && m->parts == 0)
			say_header(m->n, name, value);
		at = next;
	}
	return at;
}

/* --- bodies --- */

typedef bool (*put_fn)(void *ctx, struct str bytes);

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* What is no letter of the alphabet is passed over, as mail programs do. */
static bool from_base64(struct str s, put_fn put, void *ctx)
{
	char out[PIECE + 3];
	size_t n = 0;
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < s.n; i++) {
		int v = base64_value(s.p[i]);

		if (s.p[i] == '=') /* an end, behind which another text may follow */
			have = 0;
		if (v < 0)
			continue;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have);
		}
		if (n >= PIECE) {
			if (!put(ctx, (struct str){ out, n }))
				return false;
			n = 0;
		}
	}
	return n == 0 || put(ctx, (struct str){ out, n });
}

static bool from_quoted(struct str s, put_fn put, void *ctx)
{
	char out[PIECE + 3];
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '=' && i + 1 < s.n && (s.p[i + 1] == '\n' || (s.p[i + 1] == '\r' && i + 2 < s.n && s.p[i + 2] == '\n'))) {
			i += s.p[i + 1] == '\n' ? 1 : 2;
			continue;
		}
		if (s.p[i] == '=' && i + 2 < s.n && hex_value(s.p[i + 1]) >= 0 && hex_value(s.p[i + 2]) >= 0) {
			out[n++] = (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]));
			i += 2;
		} else {
			out[n++] = s.p[i];
		}
		if (n >= PIECE) {
			if (!put(ctx, (struct str){ out, n }))
				return false;
			n = 0;
		}
	}
	return n == 0 || put(ctx, (struct str){ out, n });
}

static bool decode(enum coding c, struct str s, put_fn put, void *ctx)
{
	return c == BASE64 ? from_base64(s, put, ctx) : c == QUOTED ? from_quoted(s, put, ctx) : put(ctx, s);
}

/* --- passwords --- */

struct text {
	char *p;
	size_t n;
};

static bool put_text(void *ctx, struct str s)
{
	struct text *t = ctx;
	size_t n = s.n < TEXT_LOOKED_AT - t->n ? s.n : TEXT_LOOKED_AT - t->n;

	memcpy(t->p + t->n, s.p, n);
	t->n += n;
	return t->n < TEXT_LOOKED_AT;
}

static bool between_words(char c)
{
	return ascii_space(c) || c == '"' || c == '\'' || c == '<' || c == '>' || c == '(' || c == ')' || c == '[' || c == ']';
}

/* The next three words behind `at`: one of them may be the password. "：" is the full-width colon. */
static void words_behind(struct mail *m, struct str s, size_t at)
{
	for (int k = 0; k < 3 && m->words < WORDS_MAX; k++) {
		size_t from, to;

		while (at < s.n && (between_words(s.p[at]) || s.p[at] == ':' || s.p[at] == '=' || (s.n - at >= 3 && memcmp(s.p + at, "\xef\xbc\x9a", 3) == 0)))
			at += s.p[at] == '\xef' ? 3 : 1;
		for (from = at; at < s.n && !between_words(s.p[at]); at++)
			;
		for (to = at; to > from && strchr(".,;!", s.p[to - 1]) != NULL; to--)
			;
		if (to > from && to - from <= 64) {
			lab_password_add(m->n, (struct str){ s.p + from, to - from });
			m->words++;
		}
	}
}

static void find_passwords(struct mail *m, struct str s)
{
	static const char *const signs[] = { "password", "passwd", "passcode", "pwd", "pass", "\xe5\xaf\x86\xe7\xa2\xbc" /* 密碼 */, "\xe5\xaf\x86\xe7\xa0\x81" /* 密码 */ };

	for (size_t at = 0; at < s.n && m->words < WORDS_MAX; at++) {
		for (size_t i = 0; i < COUNTOF(signs); i++) {
			size_t n = strlen(signs[i]);

			if (s.n - at >= n && str_eq_nocase((struct str){ s.p + at, n }, str_of(signs[i]))) {
				at += n;
				words_behind(m, s, at);
				break;
			}
		}
	}
}

static void look_for_passwords(struct mail *m, const struct part *p, struct str body)
{
	struct text t = { .p = m->room };

	if (!p->text || p->attached)
		return;
	(void)decode(p->coding, body, put_text, &t);
	find_passwords(m, (struct str){ t.p, t.n });
}

/* --- parts --- */

static bool put_child(void *ctx, struct str s)
{
	return lab_child_write(ctx, s);
}

static void open_leaf(struct mail *m, const struct part *p, size_t at, size_t end)
{
	struct lab_origin from = { .name = str_of(p->name), .how = p->attached || p->name[0] != '\0' ? "attachment" : "part", .at = at, .length = end - at };
	struct lab_child *child;

	if (m->looking) {
		look_for_passwords(m, p, cut(m, at, end));
		return;
	}
	if (at == end || m->parts++ >= PARTS_MAX)
		return;
	if (p->coding == AS_IS) {
		lab_child_borrow(m->n, &from, cut(m, at, end));
		return;
	}
	child = lab_child_open(m->n, &from);
	if (child == NULL)
		return;
	(void)decode(p->coding, cut(m, at, end), put_child, child);
	lab_child_close(child);
}

/* A line that is "--boundary" or "--boundary--" at `at`. */
static bool delimiter(struct str all, size_t at, size_t end, struct str boundary, bool *ret_last, size_t *ret_next)
{
	size_t i = at + 2 + boundary.n;

	if (end - at < 2 + boundary.n || memcmp(all.p + at, "--", 2) != 0 || memcmp(all.p + at + 2, boundary.p, boundary.n) != 0)
		return false;
	*ret_last = end - i >= 2 && memcmp(all.p + i, "--", 2) == 0;
	i += *ret_last ? 2 : 0;
	while (i < end && all.p[i] != '\n') {
		if (!ascii_space(all.p[i]))
			return false;
		i++;
	}
	*ret_next = i < end ? i + 1 : end;
	return true;
}

static size_t next_line(struct str all, size_t at, size_t end)
{
	const char *nl = memchr(all.p + at, '\n', end - at);

	return nl != NULL ? (size_t)(nl - all.p) + 1 : end;
}

static void open_part(struct mail *m, size_t at, size_t end, int depth);

/* The line end before a delimiter belongs to the delimiter. */
static size_t before(struct str all, size_t at, size_t from)
{
	if (at > from && all.p[at - 1] == '\n')
		at--;
	if (at > from && all.p[at - 1] == '\r')
		at--;
	return at;
}

static void open_multi(struct mail *m, struct str boundary, size_t at, size_t end, int depth)
{
	struct str all = m->n->bytes;
	size_t begun = SIZE_MAX, next;
	bool last = false, closed = false;

	for (size_t i = at; i < end && !closed && !lab_over(m->n); i = next) {
		next = next_line(all, i, end);
		if (!delimiter(all, i, end, boundary, &last, &next))
			continue;
		if (begun != SIZE_MAX) {
			size_t stop = before(all, i, begun);

			lab_claim(m->n, stop, i - stop);
			open_part(m, begun, stop, depth + 1);
		}
		lab_claim(m->n, i, next - i);
		begun = next;
		closed = last;
	}
	/* Some mails have no last delimiter. */
	if (!closed && begun != SIZE_MAX && begun < end)
		open_part(m, begun, end, depth + 1);
}

static void open_part(struct mail *m, size_t at, size_t end, int depth)
{
	struct part p;
	size_t body = read_head(m, at, end, &p);

	if (p.multi && depth == NESTED_MAX) {
		lab_unseen(m->n, at, end - at, "more than %d multiparts in each other", NESTED_MAX);
		return;
	}
	lab_claim(m->n, at, body - at);
	if (p.multi && p.boundary[0] != '\0')
		open_multi(m, str_of(p.boundary), body, end, depth);
	else
		open_leaf(m, &p, body, end);
}

static void claim_blanks(struct lab_node *n)
{
	size_t end = n->bytes.n;

	while (end > 0 && ascii_space(n->bytes.p[end - 1]))
		end--;
	lab_claim(n, end, n->bytes.n - end);
}

static enum rc walk_mail(struct lab_node *n, struct err *err)
{
	struct mail m = { .n = n, .room = arena_alloc(n->a, TEXT_LOOKED_AT), .looking = true };

	if (m.room == NULL)
		return FAIL(err, RC_NOMEM, "mail: out of memory");
	open_part(&m, 0, n->bytes.n, 0);
	m.looking = false;
	open_part(&m, 0, n->bytes.n, 0);
	claim_blanks(n);
	return RC_OK;
}

const struct lab_walker LAB_WALK_MAIL = { "mail", LAB_TYPE(LAB_EML), walk_mail, NULL };

/* --- mailboxes: each mail begins with a line "From " --- */

static enum rc walk_mailbox(struct lab_node *n, struct err *err)
{
	size_t begun = 0, next;

	(void)err;
	for (size_t at = next_line(n->bytes, 0, n->bytes.n); begun < n->bytes.n && !lab_over(n); at = next) {
		bool there = at >= n->bytes.n || (n->bytes.n - at >= 5 && memcmp(n->bytes.p + at, "From ", 5) == 0);

		next = at < n->bytes.n ? next_line(n->bytes, at, n->bytes.n) : at;
		if (!there)
			continue;
		struct lab_origin from = { .name = S(""), .how = "mail", .at = begun, .length = at - begun };
		size_t head = next_line(n->bytes, begun, at);

		lab_child_borrow(n, &from, (struct str){ n->bytes.p + head, at - head });
		begun = at;
	}
	return RC_OK;
}

const struct lab_walker LAB_WALK_MAILBOX = { "mailbox", LAB_TYPE(LAB_MBOX), walk_mailbox, NULL };
