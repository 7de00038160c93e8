/* Linux audit records:
 *
 * node=N type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e ... exe="/bin/cat" key=(null) <0x1d>ARCH=x86_64 ...
 * type=USER_LOGIN msg=audit(...): pid=1 uid=0 ... msg='op=login acct="root" exe="/usr/sbin/sshd" res=success'
 *
 * Strings that users can choose are written in quotes, or in upper-case hexadecimal without quotes when they hold a
 * blank, a quote or a control character: those are decoded. Behind 0x1d stand the same fields with numbers as names. */
#include "base/ascii.h"
#include "base/text.h"
#include "wire/line_int.h"

#define DEPTH_MAX 2 /* pairs within msg='...' */

static bool numbered_argument(struct str key)
{
	size_t i = 1;

	while (i < key.n && ascii_digit(key.p[i]))
		i++;
	return key.n > 1 && key.p[0] == 'a' && i > 1 && (i == key.n || key.p[i] == '[');
}

/* Whether an unquoted value of this key can only be hexadecimal. A system call's a0 to a3 are numbers. */
static bool may_be_hex(struct str key, bool execve)
{
	/* by length: most values are plain numbers, whose digits are hexadecimal too */
	static const struct str keys[] = { S("vm"), S("sw"), S("exe"), S("cwd"), S("cmd"), S("key"), S("dir"), S("grp"), S("comm"), S("name"),
		S("path"), S("acct"), S("data"), S("file"), S("ocomm"), S("watch"), S("device"), S("new-disk"), S("old-disk"), S("root_dir"),
		S("proctitle"), S("new_group") };

	if (execve && numbered_argument(key))
		return true;
	for (size_t i = 0; i < COUNTOF(keys) && keys[i].n <= key.n; i++)
		if (keys[i].n == key.n && keys[i].p[0] == key.p[0] && str_eq(key, keys[i]))
			return true;
	return false;
}

static bool is_hex(struct str s)
{
	if (s.n == 0 || s.n % 2 != 0)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]) && (s.p[i] < 'A' || s.p[i] > 'F'))
			return false;
	return true;
}

/* Arguments in proctitle are told apart by NUL: shown as a blank. */
static bool decode(struct flat *f, struct str hex, struct str *ret)
{
	char *to = arena_alloc(f->scratch, hex.n / 2);

	if (to == NULL)
		return false;
	for (size_t i = 0; i < hex.n / 2; i++) {
		char c = (char)(hex_value(hex.p[2 * i]) << 4 | hex_value(hex.p[2 * i + 1]));

		to[i] = c == '\0' ? ' ' : c;
	}
	*ret = str_make(to, hex.n / 2);
	return true;
}

/* Pairs up to the end; nested ones of msg='...' are the record's own. */
static enum rc pairs(struct log_lines *l, struct flat *f, struct str rest, bool execve, unsigned depth, struct err *err)
{
	struct kv_pair p;

	while (kv_next(&rest, &p, false, NULL)) {
		struct str text = p.value;

		if (p.quote == '\'' && depth < DEPTH_MAX && memchr(text.p, '=', text.n) != NULL) {
			TRY(pairs(l, f, text, execve, depth + 1, err));
			continue;
		}
		if (p.quote == '\0' && is_hex(text) && may_be_hex(p.key, execve) && !decode(f, text, &text))
			return line_full(err);
		line_put(l, f, p.key, text, 0);
	}
	return RC_OK;
}

/* "audit(1364481363.243:24287)" at the front of s: its time and serial; the bytes of it, or 0. */
static size_t stamp(struct str s, usec *ret, struct str *ret_serial)
{
	size_t open = 6, colon, close;

	if (!str_starts(s, S("audit(")))
		return 0;
	close = str_find(s, S(")"), open);
	colon = str_find(s, S(":"), open);
	if (close == SIZE_MAX || colon > close || !log_time_read(str_slice(s, open, colon), ret))
		return 0;
	*ret_serial = str_slice(s, colon + 1, close);
	return close + 1;
}

struct head {
	struct str node, type, msg, serial, body;
	usec time;
};

static bool read_head(struct str line, struct head *h)
{
	size_t at = 0, n;

	*h = (struct head){ 0 };
	if (str_starts(line, S("node="))) {
		at = str_find(line, S(" "), 0);
		h->node = str_slice(line, 5, at);
		at = at == SIZE_MAX ? line.n : at + 1;
	}
	if (!str_starts(str_slice(line, at, line.n), S("type=")))
		return false;
	n = str_find(line, S(" "), at);
	h->type = str_slice(line, at + 5, n);
	at = n == SIZE_MAX ? line.n : n + 1;
	if (str_starts(str_slice(line, at, line.n), S("msg=")))
		at += 4;
	n = stamp(str_slice(line, at, line.n), &h->time, &h->serial);
	h->msg = str_slice(line, at, at + n);
	at += n;
	if (at < line.n && line.p[at] == ':')
		at++;
	h->body = str_slice(line, at, line.n);
	return n > 0 && h->type.n > 0;
}

bool auditd_looks(struct str line)
{
	struct head h;

	return line.n > 0 && (line.p[0] == 't' || line.p[0] == 'n') && read_head(line, &h);
}

enum rc auditd_read(struct log_lines *l, struct flat *f, struct str line, bool *ret_event, struct err *err)
{
	struct str body, enriched = S("");
	struct head h;
	const char *mark;
	bool execve;

	if (str_starts(line, S("<")) || (line.n > 0 && !str_starts(line, S("node=")) && !str_starts(line, S("type="))))
		return syslog_read(l, f, line, ret_event, err);
	if (!read_head(line, &h))
		return FAIL(err, RC_BAD, "audit: byte 0: no type and time of a record");
	line_put_format(l, f, LOG_AUDITD);
	if (h.node.n > 0)
		line_put(l, f, S("node"), h.node, 0);
	line_put_fixed(l, f, NAME_TYPE, FLAT_STRING, h.type);
	line_put_fixed(l, f, NAME_MSG, FLAT_STRING, h.msg);
	line_put_fixed(l, f, NAME_SERIAL, FLAT_STRING, h.serial);
	f->time = h.time;
	body = h.body;
	mark = body.n == 0 ? NULL : memchr(body.p, '\x1d', body.n);
	if (mark != NULL) {
		enriched = str_slice(body, (size_t)(mark - body.p) + 1, body.n);
		body = str_slice(body, 0, (size_t)(mark - body.p));
	}
	execve = str_eq(h.type, S("EXECVE")) || str_eq(h.type, S("1309"));
	TRY(pairs(l, f, body, execve, 0, err));
	return pairs(l, f, enriched, false, 0, err);
}
