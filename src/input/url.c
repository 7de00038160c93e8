#include "input/url.h"

/* "broker:9092", "192.0.2.7:9092", "[2001:db8::7]:9092" */
static bool is_host_port(struct str s)
{
	size_t at = s.n;
	uint64_t port;

	while (at > 0 && s.p[at - 1] != ':')
		at--;
	return at > 1 && str_to_u64(str_slice(s, at, s.n), &port) && port >= 1 && port <= 65535 &&
	       (s.p[0] != '[' || (at > 3 && s.p[at - 2] == ']')) && str_find(s, S("@"), 0) == SIZE_MAX;
}

enum rc input_url_split(const char *path, const char *example, struct input_url *ret, struct err *err)
{
	struct str all = str_of(path), hosts, one;
	size_t start = str_find(all, S("://"), 0), slash, mark;

	if (start == SIZE_MAX)
		return FAIL(err, RC_BAD, "%s: expected %s", path, example);
	start += 3;
	mark = str_find(all, S("?"), start);
	slash = str_find(str_slice(all, 0, mark), S("/"), start);
	*ret = (struct input_url){ .hosts = str_slice(all, start, slash < mark ? slash : mark), .name = S(""), .query = S("") };
	if (slash != SIZE_MAX)
		ret->name = str_slice(all, slash + 1, mark);
	if (mark != SIZE_MAX)
		ret->query = str_slice(all, mark + 1, all.n);
	hosts = ret->hosts;
	while (str_next(&hosts, ',', &one))
		if (!is_host_port(one))
			return FAIL(err, RC_BAD, "%s: '%.*s' is not HOST:PORT; expected %s", path, STR(one), example);
	if (ret->hosts.n == 0 || ret->name.n == 0)
		return FAIL(err, RC_BAD, "%s: expected %s", path, example);
	return RC_OK;
}

enum rc input_url_next(struct input_url *u, struct str *ret_key, struct str *ret_value, bool *ret, struct err *err)
{
	struct str piece;
	size_t eq;

	*ret = str_next(&u->query, '&', &piece);
	if (!*ret)
		return RC_OK;
	eq = str_find(piece, S("="), 0);
	if (eq == SIZE_MAX || eq == 0 || eq + 1 == piece.n)
		return FAIL(err, RC_BAD, "'%.*s': expected KEY=VALUE behind the '?'", STR(piece));
	*ret_key = str_slice(piece, 0, eq);
	*ret_value = str_slice(piece, eq + 1, piece.n);
	return RC_OK;
}
