/* One comparison of a pattern over one field of an event.
 *
 * Strings are compared to the letter, as STIX asks; names of hosts, mail addresses, hashes and what the packs mark are
 * folded, because logs write them in either case. != and NOT need the property to exist. What a field does not show in a
 * form that can be compared exactly gives no test, and a reason. */
#include <arpa/inet.h>
#include <stdarg.h>

#include "base/ascii.h"
#include "detect/stix_rules_int.h"

#define TEXT_MAX ((size_t)65536)
#define HIVES_MAX 4

enum rc stix_work_nomem(struct stix_work *w)
{
	return FAIL(w->err, RC_NOMEM, "indicators: out of memory");
}

void stix_work_cannot(struct stix_work *w, const char *fmt, ...)
{
	va_list ap;

	if (w->why[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(w->why, sizeof w->why, fmt, ap);
	va_end(ap);
}

/* --- leaves --- */

static enum rc leaf(struct stix_work *w, struct sigma_test t, const struct sigma_node **ret)
{
	if (++w->d.size > STIX_NODES_MAX)
		return FAIL(w->err, RC_UNSUPPORTED, "the pattern becomes more than %d tests", STIX_NODES_MAX);
	return sigma_leaf(&w->d, &t, ret) == RC_OK ? RC_OK : stix_work_nomem(w);
}

static enum rc group(struct stix_work *w, enum sigma_node_kind kind, const struct sigma_node *const *kids, size_t n, const struct sigma_node **ret)
{
	return sigma_group(&w->d, kind, kids, n, ret) == RC_OK ? RC_OK : stix_work_nomem(w);
}

static enum rc both(struct stix_work *w, enum sigma_node_kind kind, const struct sigma_node *a, const struct sigma_node *b,
		    const struct sigma_node **ret)
{
	const struct sigma_node *kids[] = { a, b };

	return group(w, kind, kids, 2, ret);
}

static enum rc op(struct stix_work *w, struct str field, enum sigma_op o, double number, const struct sigma_node **ret)
{
	return leaf(w, (struct sigma_test){ .field = field, .op = o, .number = number }, ret);
}

static enum rc regex(struct stix_work *w, struct str field, bool fold, struct buf *text, const struct sigma_node **ret)
{
	struct sigma_test t = { .field = field, .op = SIGMA_REGEX, .cased = true, .re_flags = (uint8_t)(SIGMA_RE_S | (fold ? SIGMA_RE_I : 0)),
				.text = buf_view(text), .written = buf_view(text) };

	if (text->bad != RC_OK)
		return FAIL(w->err, RC_UNSUPPORTED, "the pattern becomes a regular expression of more than %zu bytes", TEXT_MAX);
	return leaf(w, t, ret);
}

static enum rc pieces(struct stix_work *w, struct str field, bool fold, const struct sigma_piece *p, uint32_t n, struct str written,
		      const struct sigma_node **ret)
{
	struct sigma_test t = { .field = field, .op = SIGMA_MATCH, .cased = !fold, .pieces = p, .n_pieces = n, .written = written };

	return leaf(w, t, ret);
}

static enum rc whole(struct stix_work *w, struct str field, bool fold, struct str value, const struct sigma_node **ret)
{
	struct sigma_piece p = { SIGMA_LITERAL, value };

	return pieces(w, field, fold, &p, value.n > 0, value, ret);
}

static enum rc ends(struct stix_work *w, struct str field, bool fold, const char *sep, struct str value, const struct sigma_node **ret)
{
	struct str text = arena_fmt(w->d.scratch, "%s%.*s", sep, STR(value));
	struct sigma_piece p[] = { { SIGMA_ANY, S("") }, { SIGMA_LITERAL, text } };

	return text.p == NULL ? stix_work_nomem(w) : pieces(w, field, fold, p, 2, value, ret);
}

static enum rc holds(struct stix_work *w, struct str field, bool fold, struct str value, const struct sigma_node **ret)
{
	struct sigma_piece p[] = { { SIGMA_ANY, S("") }, { SIGMA_LITERAL, value }, { SIGMA_ANY, S("") } };

	return pieces(w, field, fold, p, 3, value, ret);
}

/* % any run, _ one character. */
static enum rc like(struct stix_work *w, struct str field, bool fold, struct str text, const struct sigma_node **ret)
{
	struct sigma_piece *p = arena_array(w->d.scratch, text.n + 1, sizeof *p);
	size_t from = 0;
	uint32_t n = 0;

	if (p == NULL)
		return stix_work_nomem(w);
	for (size_t i = 0; i <= text.n; i++) {
		bool wild = i < text.n && (text.p[i] == '%' || text.p[i] == '_');

		if (i < text.n && !wild)
			continue;
		if (i > from)
			p[n++] = (struct sigma_piece){ SIGMA_LITERAL, str_slice(text, from, i) };
		if (wild && !(text.p[i] == '%' && n > 0 && p[n - 1].kind == SIGMA_ANY))
			p[n++] = (struct sigma_piece){ text.p[i] == '%' ? SIGMA_ANY : SIGMA_ONE, S("") };
		from = i + 1;
	}
	return pieces(w, field, fold, p, n, text, ret);
}

/* --- regular expressions --- */

static void put_quoted(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] < 0x80 && !ascii_alnum(s.p[i]))
			buf_char(b, '\\');
		buf_char(b, s.p[i]);
	}
}

static void put_like(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%')
			buf_cstr(b, ".*");
		else if (s.p[i] == '_')
			buf_char(b, '.');
		else
			put_quoted(b, str_slice(s, i, i + 1));
	}
}

#define LAST_STEP "(?:^|[\\\\/])(?=[^\\\\/]*\\z)" /* where a path's last step begins */
#define BEFORE_LAST "[\\\\/][^\\\\/]*\\z"         /* the separator before it, and it */

/* Would the expression mean something else when it stands inside a longer one, over a longer text? */
static bool looks_around(struct str re, bool at_end)
{
	static const char *const marks[] = { "(?<=", "(?<!", "\\A", "\\G", "\\K", "(*" };
	static const char *const end_marks[] = { "$", "\\z", "\\Z", "(?=", "(?!" };
	bool set = false;

	for (size_t i = 0; i < COUNTOF(marks); i++)
		if (str_find(re, str_of(marks[i]), 0) != SIZE_MAX)
			return true;
	for (size_t i = 0; at_end && i < COUNTOF(end_marks); i++)
		if (str_find(re, str_of(end_marks[i]), 0) != SIZE_MAX)
			return true;
	for (size_t i = 0; i < re.n; i++) {
		if (re.p[i] == '\\')
			i++;
		else if (re.p[i] == '^' && !(set && re.p[i - 1] == '['))
			return true;
		else if (re.p[i] == '[' || re.p[i] == ']')
			set = re.p[i] == '[';
	}
	return false;
}

/* "(?i)" and the like in front of an expression: they go on in front of ours. */
static struct str leading_flags(struct str re)
{
	size_t i = 2;

	if (!str_starts(re, S("(?")))
		return S("");
	while (i < re.n && ascii_alnum(re.p[i]))
		i++;
	return i < re.n && i > 2 && re.p[i] == ')' ? str_slice(re, 0, i + 1) : S("");
}

/* MATCHES over the last step of a path, or over what lies before it. False: it cannot be told exactly. */
static bool put_matches(struct buf *b, enum stix_part part, struct str re)
{
	struct str flags = leading_flags(re);
	bool first;

	re = str_slice(re, flags.n, re.n);
	first = str_starts(re, S("^"));
	if (first)
		re = str_slice(re, 1, re.n);
	if (looks_around(re, part == PART_DIR) || (first && str_find(re, S("|"), 0) != SIZE_MAX) || str_find(flags, S("x"), 0) != SIZE_MAX)
		return false;
	buf_str(b, flags);
	if (part == PART_DIR)
		buf_fmt(b, "%s(?:%.*s)(?=.*[\\\\/])", first ? "^" : "", STR(re));
	else
		buf_fmt(b, LAST_STEP "%s(?:%.*s)", first ? "" : "[^\\\\/]*?", STR(re));
	return true;
}

/* --- addresses --- */

static bool is_address(struct str s, int family)
{
	unsigned char room[16];
	char text[64];

	if (s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	return inet_pton(family, text, room) == 1;
}

static enum rc cidr(struct stix_work *w, struct str field, struct str block, const struct sigma_node **ret)
{
	return leaf(w, (struct sigma_test){ .field = field, .op = SIGMA_CIDR, .text = block, .written = block }, ret);
}

/* "192.0.2.0/24", or an address as the block of itself; .p NULL when it is neither. */
static struct str block_of(struct stix_work *w, struct str s)
{
	size_t slash = str_find(s, S("/"), 0);
	struct str host = str_slice(s, 0, slash);
	int family = is_address(host, AF_INET) ? AF_INET : is_address(host, AF_INET6) ? AF_INET6 : 0;
	uint64_t bits;

	if (family == 0)
		return (struct str){ NULL, 0 };
	if (slash == SIZE_MAX)
		return arena_fmt(w->d.scratch, "%.*s/%d", STR(s), family == AF_INET ? 32 : 128);
	return str_to_u64(str_slice(s, slash + 1, s.n), &bits) && bits <= (family == AF_INET ? 32 : 128) ? s : (struct str){ NULL, 0 };
}

static struct str every_address(struct str type)
{
	return str_eq(type, S("ipv4-addr")) ? S("0.0.0.0/0") : str_eq(type, S("ipv6-addr")) ? S("::/0") : S("");
}

/* --- registry --- */

static const struct { const char *full, *names[HIVES_MAX - 1]; } hives[] = {
	{ "HKEY_LOCAL_MACHINE", { "HKLM", "\\REGISTRY\\MACHINE" } },
	{ "HKEY_USERS", { "HKU", "\\REGISTRY\\USER" } },
	{ "HKEY_CLASSES_ROOT", { "HKCR" } },
	{ "HKEY_CURRENT_USER", { "HKCU" } },
	{ "HKEY_CURRENT_CONFIG", { "HKCC" } },
};

/* The spellings of a key, or of what LIKE says of one: by its root's full name, its short one, and the kernel's. */
static size_t spellings(struct stix_work *w, struct str text, struct str out[static HIVES_MAX])
{
	size_t n = 0;

	out[n++] = text;
	for (size_t i = 0; i < COUNTOF(hives); i++) {
		struct str full = str_of(hives[i].full), given = full;
		size_t k = 0;

		while (!(str_eq_nocase(str_slice(text, 0, given.n), given) && (text.n == given.n || text.p[given.n] == '\\'))) {
			given = k < COUNTOF(hives[i].names) && hives[i].names[k] != NULL ? str_of(hives[i].names[k++]) : (struct str){ NULL, 0 };
			if (given.p == NULL)
				break;
		}
		if (given.p == NULL)
			continue;
		n = 0;
		out[n++] = arena_fmt(w->d.scratch, "%s%.*s", hives[i].full, STR(str_slice(text, given.n, text.n)));
		for (k = 0; k < COUNTOF(hives[i].names) && hives[i].names[k] != NULL; k++)
			out[n++] = arena_fmt(w->d.scratch, "%s%.*s", hives[i].names[k], STR(str_slice(text, given.n, text.n)));
		break;
	}
	return n;
}

/* --- URLs in two fields --- */

struct url_parts { struct str host, port, path; };

static bool split_url(struct str s, struct url_parts *ret)
{
	size_t scheme = str_find(s, S("://"), 0), slash, colon;
	struct str name = str_slice(s, 0, scheme), authority;

	if (scheme == SIZE_MAX || !(str_eq_nocase(name, S("http")) || str_eq_nocase(name, S("https"))))
		return false;
	slash = str_find(s, S("/"), scheme + 3);
	authority = str_slice(s, scheme + 3, slash);
	colon = str_find(authority, S(":"), 0);
	ret->host = str_slice(authority, 0, colon);
	ret->port = colon == SIZE_MAX ? S("") : str_slice(authority, colon + 1, authority.n);
	ret->path = slash == SIZE_MAX ? S("/") : str_slice(s, slash, str_find(s, S("#"), slash));
	return ret->host.n > 0 && str_find(ret->host, S("@"), 0) == SIZE_MAX && str_find(ret->host, S("["), 0) == SIZE_MAX;
}

static enum rc url_is(struct stix_work *w, const struct stix_field *f, struct str value, const struct sigma_node **ret)
{
	const struct sigma_node *host, *port, *path, *full;
	struct url_parts u;

	TRY(whole(w, f->second, false, value, &full));
	*ret = full; /* proxies are asked for whole URLs */
	if (!split_url(value, &u))
		return RC_OK;
	TRY(whole(w, f->name, true, u.host, &host));
	if (u.port.n > 0) {
		TRY(whole(w, f->name, true, str_make(u.host.p, u.host.n + 1 + u.port.n), &port));
		TRY(both(w, SIGMA_OR, host, port, &host));
	}
	TRY(whole(w, f->second, false, u.path, &path));
	TRY(both(w, SIGMA_AND, host, path, &host));
	return both(w, SIGMA_OR, host, full, ret);
}

/* The cases in which it is sure on which side of the border each part lies. */
static enum rc url_like(struct stix_work *w, const struct stix_field *f, struct str text, const struct sigma_node **ret)
{
	const struct sigma_node *host, *path, *alone;
	struct str rest = str_slice(text, 1, text.n), authority;
	size_t slash;
	struct url_parts u;

	*ret = NULL;
	if (str_starts(text, S("%"))) {
		slash = str_find(rest, S("/"), 0);
		if (slash == 0 && !str_starts(rest, S("//")))
			return like(w, f->second, false, text, ret);
		authority = str_slice(rest, 0, slash);
		if (slash == SIZE_MAX && rest.n > 0 && !str_ends(rest, S("%")) && str_find(rest, S("%"), 0) == SIZE_MAX)
			return like(w, f->second, false, text, ret);
		if (slash == SIZE_MAX && rest.n > 1 && str_find(rest, S("%"), 0) == rest.n - 1) {
			TRY(like(w, f->name, true, text, &host));
			TRY(like(w, f->second, false, text, &path));
			return both(w, SIGMA_OR, host, path, ret);
		}
		if (slash == SIZE_MAX || str_starts(str_slice(rest, slash, rest.n), S("//")) || str_find(authority, S("%"), 0) != SIZE_MAX)
			return stix_work_cannot(w, "LIKE '%.*s' over a URL whose host and path stand in two fields", STR(str_slice(text, 0, 80))), RC_OK;
		TRY(like(w, f->name, true, str_slice(text, 0, slash + 1), &host));
		TRY(like(w, f->second, false, str_slice(rest, slash, rest.n), &path));
		TRY(both(w, SIGMA_AND, host, path, &host));
		TRY(like(w, f->second, false, text, &alone));
		return both(w, SIGMA_OR, host, alone, ret);
	}
	if (!split_url(text, &u) || u.port.n > 0 || str_find(u.host, S("%"), 0) != SIZE_MAX || u.path.p < text.p || u.path.p > text.p + text.n)
		return stix_work_cannot(w, "LIKE '%.*s' over a URL whose host and path stand in two fields", STR(str_slice(text, 0, 80))), RC_OK;
	TRY(like(w, f->name, true, u.host, &host));
	TRY(like(w, f->second, false, u.path, &path));
	return both(w, SIGMA_AND, host, path, ret);
}

/* --- strings --- */

struct subject {
	const struct pat_cmp *cmp;
	const struct stix_field *f;
	bool fold, hash, domain, address;
	bool hosts; /* a domain stands for those below it, too */
};

static bool path_has(const struct pat_cmp *cmp, const char *key)
{
	for (uint32_t i = 0; i < cmp->n_steps; i++)
		if (cmp->steps[i].kind == PAT_KEY && str_eq(cmp->steps[i].key, str_of(key)))
			return true;
	return false;
}

static struct subject subject_of(const struct pat_cmp *cmp, const struct stix_field *f)
{
	struct subject s = { .cmp = cmp, .f = f };
	struct str t = cmp->object_type;

	s.hash = path_has(cmp, "hashes");
	s.domain = str_eq(t, S("domain-name"));
	s.address = every_address(t).n > 0 || path_has(cmp, "src_ref") || path_has(cmp, "dst_ref");
	s.fold = f->fold || s.hash || s.domain || str_eq(t, S("email-addr")) || path_has(cmp, "from_ref") || path_has(cmp, "to_refs");
	s.hosts = s.domain && !cmp->negated && (cmp->op == PAT_EQ || cmp->op == PAT_IN);
	return s;
}

static enum rc tokens_are(struct stix_work *w, const struct subject *s, struct str value, const struct sigma_node **ret)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, TEXT_MAX);
	buf_cstr(&b, s->address ? "(?:^|[;,\\s]|::ffff:)" : "(?:^|[;,\\s])");
	put_quoted(&b, value);
	buf_cstr(&b, "(?=\\z|[;,\\s])");
	rc = regex(w, s->f->name, true, &b, ret);
	buf_done(&b);
	return rc;
}

static enum rc dir_like(struct stix_work *w, const struct subject *s, struct str value, bool wild, const struct sigma_node **ret)
{
	struct buf b;
	enum rc rc;

	while (!wild && value.n > 1 && (str_ends(value, S("\\")) || str_ends(value, S("/"))))
		value.n--;
	buf_init(&b, TEXT_MAX);
	buf_char(&b, '^');
	if (wild)
		put_like(&b, value);
	else
		put_quoted(&b, value);
	buf_cstr(&b, BEFORE_LAST);
	rc = regex(w, s->f->name, s->fold, &b, ret);
	buf_done(&b);
	return rc;
}

static enum rc base_is(struct stix_work *w, const struct subject *s, struct str value, const struct sigma_node **ret)
{
	const struct sigma_node *kids[3];

	TRY(whole(w, s->f->name, s->fold, value, &kids[0]));
	TRY(ends(w, s->f->name, s->fold, "\\", value, &kids[1]));
	TRY(ends(w, s->f->name, s->fold, "/", value, &kids[2]));
	return group(w, SIGMA_OR, kids, 3, ret);
}

static enum rc base_like(struct stix_work *w, const struct subject *s, struct str value, const struct sigma_node **ret)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, TEXT_MAX);
	buf_cstr(&b, LAST_STEP);
	put_like(&b, value);
	buf_cstr(&b, "\\z");
	rc = regex(w, s->f->name, s->fold, &b, ret);
	buf_done(&b);
	return rc;
}

static enum rc whole_is(struct stix_work *w, const struct subject *s, struct str value, const struct sigma_node **ret)
{
	struct str block = s->address ? block_of(w, value) : (struct str){ NULL, 0 };
	const struct sigma_node *kids[2];

	if (block.p != NULL)
		return cidr(w, s->f->name, block, ret);
	TRY(whole(w, s->f->name, s->fold, value, &kids[0]));
	*ret = kids[0];
	if (!s->hosts)
		return RC_OK;
	TRY(ends(w, s->f->name, true, ".", value, &kids[1]));
	return group(w, SIGMA_OR, kids, 2, ret);
}

static enum rc one_string(struct stix_work *w, const struct subject *s, struct str value, bool wild, const struct sigma_node **ret)
{
	struct str text;

	*ret = NULL;
	switch (s->f->part) {
	case PART_WHOLE: return wild ? like(w, s->f->name, s->fold, value, ret) : whole_is(w, s, value, ret);
	case PART_BASE: return wild ? base_like(w, s, value, ret) : base_is(w, s, value, ret);
	case PART_DIR: return dir_like(w, s, value, wild, ret);
	case PART_URL: return wild ? url_like(w, s->f, value, ret) : url_is(w, s->f, value, ret);
	case PART_TOKENS:
	case PART_TOKEN: break;
	}
	if (wild)
		return stix_work_cannot(w, "LIKE over one value of the list in %.*s", STR(s->f->name)), RC_OK;
	if (s->f->part == PART_TOKENS)
		return tokens_are(w, s, value, ret);
	text = arena_fmt(w->d.scratch, "%.*s%.*s", STR(s->f->second), STR(value));
	return text.p == NULL ? stix_work_nomem(w) : holds(w, s->f->name, true, text, ret);
}

static enum rc string_test(struct stix_work *w, const struct subject *s, struct str value, bool wild, const struct sigma_node **ret)
{
	const struct sigma_node *kids[HIVES_MAX];
	struct str texts[HIVES_MAX] = { value };
	size_t n = s->f->hive ? spellings(w, value, texts) : 1;

	for (size_t i = 0; i < n; i++) {
		if (texts[i].p == NULL)
			return stix_work_nomem(w);
		TRY(one_string(w, s, texts[i], wild, &kids[i]));
		if (kids[i] == NULL) {
			*ret = NULL;
			return RC_OK;
		}
	}
	return group(w, SIGMA_OR, kids, n, ret);
}

/* HKEY_LOCAL_MACHINE in an expression stands for all names of that root. */
static void put_hives(struct buf *b, struct str re)
{
	for (size_t i = 0; i < re.n;) {
		size_t k = 0;

		while (k < COUNTOF(hives) && !str_starts(str_slice(re, i, re.n), str_of(hives[k].full)))
			k++;
		if (k == COUNTOF(hives)) {
			buf_char(b, re.p[i++]);
			continue;
		}
		buf_fmt(b, "(?:%s", hives[k].full);
		for (size_t j = 0; j < COUNTOF(hives[k].names) && hives[k].names[j] != NULL; j++) {
			buf_char(b, '|');
			put_quoted(b, str_of(hives[k].names[j]));
		}
		buf_char(b, ')');
		i += strlen(hives[k].full);
	}
}

static enum rc matches(struct stix_work *w, const struct subject *s, struct str re, const struct sigma_node **ret)
{
	struct buf b, expanded;
	enum rc rc = RC_OK;

	*ret = NULL;
	buf_init(&b, TEXT_MAX);
	buf_init(&expanded, TEXT_MAX);
	if (s->f->hive) {
		put_hives(&expanded, re);
		re = buf_view(&expanded);
	}
	if (s->f->part == PART_WHOLE)
		buf_str(&b, re);
	if (expanded.bad != RC_OK)
		rc = FAIL(w->err, RC_UNSUPPORTED, "the pattern becomes a regular expression of more than %zu bytes", TEXT_MAX);
	else if (s->f->part == PART_WHOLE || ((s->f->part == PART_BASE || s->f->part == PART_DIR) && put_matches(&b, s->f->part, re)))
		rc = regex(w, s->f->name, s->fold, &b, ret);
	else
		stix_work_cannot(w, "MATCHES '%.*s' over a part of %.*s", STR(str_slice(re, 0, 80)), STR(s->f->name));
	buf_done(&b);
	buf_done(&expanded);
	return rc;
}

/* --- comparisons --- */

static enum rc equal(struct stix_work *w, const struct subject *s, const struct pat_const *k, const struct sigma_node **ret)
{
	*ret = NULL;
	switch (k->type) {
	case PAT_STRING: return string_test(w, s, k->text, false, ret);
	case PAT_INT:
	case PAT_FLOAT:
		if (s->f->part != PART_WHOLE)
			return stix_work_cannot(w, "a number against a part of %.*s", STR(s->f->name)), RC_OK;
		return op(w, s->f->name, SIGMA_NUMBER, k->type == PAT_INT && k->exact ? (double)k->i : k->f, ret);
	case PAT_BOOL: return op(w, s->f->name, SIGMA_BOOL, k->i != 0, ret);
	case PAT_TIME: return stix_work_cannot(w, "times inside of events are not compared"), RC_OK;
	case PAT_BINARY:
	case PAT_HEX: return stix_work_cannot(w, "binary constants have no form in logs"), RC_OK;
	}
	return RC_OK;
}

static enum rc any_of(struct stix_work *w, const struct subject *s, const struct sigma_node **ret)
{
	const struct sigma_node **kids = arena_array(w->d.scratch, s->cmp->n_consts + 1, sizeof *kids);
	uint32_t n = 0;

	*ret = NULL;
	if (kids == NULL)
		return stix_work_nomem(w);
	for (uint32_t i = 0; i < s->cmp->n_consts; i++) {
		TRY(equal(w, s, &s->cmp->consts[i], &kids[n]));
		if (kids[n++] == NULL)
			return RC_OK;
	}
	if (n == 0)
		return stix_work_cannot(w, "an empty set matches nothing"), RC_OK;
	return group(w, SIGMA_OR, kids, n, ret);
}

static enum rc ordered(struct stix_work *w, const struct subject *s, const struct sigma_node **ret)
{
	static const enum sigma_op ops[] = { SIGMA_LT, SIGMA_LE, SIGMA_GT, SIGMA_GE };
	const struct pat_const *k = &s->cmp->consts[0];

	*ret = NULL;
	if ((k->type != PAT_INT && k->type != PAT_FLOAT) || s->f->part != PART_WHOLE)
		return stix_work_cannot(w, "%s is for numbers only", stix_pattern_op_name(s->cmp->op)), RC_OK;
	return op(w, s->f->name, ops[s->cmp->op - PAT_LT], k->type == PAT_INT && k->exact ? (double)k->i : k->f, ret);
}

static enum rc subset(struct stix_work *w, const struct subject *s, const struct sigma_node **ret)
{
	struct str block = block_of(w, s->cmp->consts[0].text);
	bool super = s->cmp->op == PAT_ISSUPERSET;

	*ret = NULL;
	if (block.p == NULL)
		return stix_work_cannot(w, "'%.*s' is no block of addresses", STR(str_slice(s->cmp->consts[0].text, 0, 60))), RC_OK;
	if (super && !str_ends(block, str_find(block, S(":"), 0) == SIZE_MAX ? S("/32") : S("/128")))
		return stix_work_cannot(w, "logs hold addresses: none is a superset of %.*s", STR(block)), RC_OK;
	if (s->f->part != PART_WHOLE)
		return stix_work_cannot(w, "blocks are not looked for in the list of %.*s", STR(s->f->name)), RC_OK;
	return cidr(w, s->f->name, block, ret);
}

static enum rc string_only(struct stix_work *w, const struct subject *s, bool like_it, const struct sigma_node **ret)
{
	*ret = NULL;
	if (s->cmp->consts[0].type != PAT_STRING)
		return stix_work_cannot(w, "%s with a constant that is no string", stix_pattern_op_name(s->cmp->op)), RC_OK;
	return like_it ? string_test(w, s, s->cmp->consts[0].text, true, ret) : matches(w, s, s->cmp->consts[0].text, ret);
}

enum rc stix_exists_node(struct stix_work *w, const struct pat_cmp *cmp, const struct stix_field *f, const struct sigma_node **ret)
{
	struct str all = every_address(cmp->object_type);
	const struct sigma_node *kids[2];

	if (f->part == PART_TOKEN)
		return holds(w, f->name, true, f->second, ret);
	if (f->part == PART_WHOLE && all.n > 0) {
		TRY(cidr(w, f->name, all, &kids[0]));
		*ret = kids[0];
		if (str_eq(all, S("0.0.0.0/0")))
			return RC_OK;
		TRY(holds(w, f->name, true, S(":"), &kids[1])); /* the block of everything holds IPv4, too */
		return group(w, SIGMA_AND, kids, 2, ret);
	}
	if (f->part == PART_DIR) {
		TRY(holds(w, f->name, true, S("\\"), &kids[0]));
		TRY(holds(w, f->name, true, S("/"), &kids[1]));
		return group(w, SIGMA_OR, kids, 2, ret);
	}
	TRY(op(w, f->name, SIGMA_EXISTS, 1, &kids[0]));
	*ret = kids[0];
	if (f->part != PART_URL)
		return RC_OK;
	TRY(op(w, f->second, SIGMA_EXISTS, 1, &kids[1]));
	return group(w, SIGMA_AND, kids, 2, ret);
}

static enum rc plainly(struct stix_work *w, const struct subject *s, const struct sigma_node **ret)
{
	switch (s->cmp->op) {
	case PAT_EQ:
	case PAT_NE: return equal(w, s, &s->cmp->consts[0], ret);
	case PAT_LT:
	case PAT_LE:
	case PAT_GT:
	case PAT_GE: return ordered(w, s, ret);
	case PAT_IN: return any_of(w, s, ret);
	case PAT_LIKE: return string_only(w, s, true, ret);
	case PAT_MATCHES: return string_only(w, s, false, ret);
	case PAT_ISSUBSET:
	case PAT_ISSUPERSET: return subset(w, s, ret);
	case PAT_EXISTS: return stix_exists_node(w, s->cmp, s->f, ret);
	}
	return RC_OK;
}

enum rc stix_cmp_node(struct stix_work *w, const struct pat_cmp *cmp, const struct stix_field *f, const struct sigma_node **ret)
{
	bool negated = cmp->negated != (cmp->op == PAT_NE);
	struct subject s = subject_of(cmp, f);
	const struct sigma_node *exists, *not;

	TRY(plainly(w, &s, ret));
	if (*ret == NULL || cmp->op == PAT_EXISTS || (!negated && (every_address(cmp->object_type).n == 0 || f->part != PART_WHOLE)))
		return RC_OK;
	TRY(stix_exists_node(w, cmp, f, &exists));
	if (!negated) /* addresses of the other family that look like it, or lie in a block of everything */
		return cmp->op == PAT_EQ || cmp->op == PAT_IN ? RC_OK : both(w, SIGMA_AND, *ret, exists, ret);
	if (sigma_not(&w->d, *ret, &not) != RC_OK)
		return stix_work_nomem(w);
	return both(w, SIGMA_AND, exists, not, ret);
}
