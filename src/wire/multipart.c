#include "wire/multipart.h"

#include <stdio.h>

#define BOUNDARY_MAX 70              /* RFC 2046 §5.1.1 */
#define HEAD_MAX ((size_t)8 << 10)   /* header lines of one part */

/* A parameter of a header line, NAME=token or NAME="text"; .p NULL when absent. In a quoted text a backslash stands for itself before all but a quote:
 * browsers write the paths of old systems so, and a quote as %22. */
static struct str parameter(struct str line, const char *name)
{
	size_t at = str_find(line, S(";"), 0);

	while (at != SIZE_MAX) {
		struct str rest = str_trim(str_slice(line, at + 1, line.n)), value;
		size_t equals = str_find(rest, S("="), 0), end;

		if (equals == SIZE_MAX)
			break;
		value = str_slice(rest, equals + 1, rest.n);
		if (value.n > 0 && value.p[0] == '"') {
			for (end = 1; end < value.n && value.p[end] != '"'; end++)
				if (value.p[end] == '\\' && end + 1 < value.n && value.p[end + 1] == '"')
					end++;
			if (end >= value.n)
				break;
			value = str_slice(value, 1, end);
		} else {
			end = str_find(value, S(";"), 0);
			value = str_trim(str_slice(value, 0, end));
		}
		if (str_eq_nocase(str_trim(str_slice(rest, 0, equals)), str_of(name)))
			return value;
		at = str_find(line, S(";"), (size_t)(value.p + value.n - line.p));
	}
	return (struct str){ NULL, 0 };
}

static bool is_kind(struct str line, struct str kind)
{
	struct str first;

	return str_next(&line, ';', &first) && str_eq_nocase(str_trim(first), kind);
}

bool multipart_is(struct str content_type)
{
	return is_kind(content_type, S("multipart/form-data"));
}

/* Header lines up to the empty one; moves *at behind it. */
static enum rc read_head(struct str body, size_t *at, struct multipart_part *p, struct err *err)
{
	size_t end = str_find(str_part(body, 0, *at + HEAD_MAX), S("\r\n\r\n"), *at);
	bool found = false;

	if (end == SIZE_MAX)
		return FAIL(err, RC_BAD, "form: a part's head has no end");
	while (*at < end + 2) {
		size_t stop = str_find(body, S("\r\n"), *at);
		struct str line = str_slice(body, *at, stop), name;

		*at = stop + 2;
		if (!str_next(&line, ':', &name) || !str_eq_nocase(name, S("content-disposition")))
			continue;
		if (found || !is_kind(line, S("form-data")))
			return FAIL(err, RC_BAD, "form: a part is no field");
		found = true;
		p->name = parameter(line, "name");
		p->filename = parameter(line, "filename");
	}
	*at = end + 4;
	return found && p->name.p != NULL ? RC_OK : FAIL(err, RC_BAD, "form: a part without a name");
}

/* Behind a delimiter: "--" ends it all, a line's end begins a part; blanks may stand before (RFC 2046 §5.1.1). */
static enum rc behind_delimiter(struct str body, size_t *at, bool *ret_last, struct err *err)
{
	*ret_last = str_starts(str_slice(body, *at, body.n), S("--"));
	if (*ret_last)
		return RC_OK;
	while (*at < body.n && (body.p[*at] == ' ' || body.p[*at] == '\t'))
		(*at)++;
	if (!str_starts(str_slice(body, *at, body.n), S("\r\n")))
		return FAIL(err, RC_BAD, "form: a delimiter is malformed");
	*at += 2;
	return RC_OK;
}

enum rc multipart_read(struct str content_type, struct str body, struct multipart_part *parts, size_t max, size_t *ret_n, struct err *err)
{
	struct str boundary = parameter(content_type, "boundary"), delimiter;
	char room[BOUNDARY_MAX + 5];
	bool last = false;
	size_t at;

	*ret_n = 0;
	if (!multipart_is(content_type) || boundary.n == 0 || boundary.n > BOUNDARY_MAX)
		return FAIL(err, RC_BAD, "form: expected multipart/form-data with a boundary");
	delimiter = str_make(room, (size_t)snprintf(room, sizeof room, "\r\n--%.*s", STR(boundary)));
	if (delimiter.n != boundary.n + 4)
		return FAIL(err, RC_BAD, "form: a boundary with a zero byte");
	if (!str_starts(body, str_slice(delimiter, 2, delimiter.n)))
		return FAIL(err, RC_BAD, "form: it does not begin with its boundary");
	at = delimiter.n - 2;
	for (;;) {
		struct multipart_part p = { 0 };
		size_t end;

		TRY(behind_delimiter(body, &at, &last, err));
		if (last)
			return RC_OK;
		TRY(read_head(body, &at, &p, err));
		end = str_find(body, delimiter, at);
		if (end == SIZE_MAX)
			return FAIL(err, RC_BAD, "form: it is cut off");
		if (*ret_n == max)
			return FAIL(err, RC_LIMIT, "form: more than %zu fields", max);
		p.bytes = str_slice(body, at, end);
		parts[(*ret_n)++] = p;
		at = end + delimiter.n;
	}
}
