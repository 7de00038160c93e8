/* Plain lists as people publish them: one value a line, remarks behind it. */
#include "model/observable.h"

static bool is_comment(struct str line)
{
	return line.n == 0 || line.p[0] == '#' || line.p[0] == ';' || str_starts(line, S("//"));
}

bool value_of_line(struct str line, struct str *ret)
{
	size_t n = 0, scheme;

	line = str_trim(line);
	if (is_comment(line))
		return false;
	if (line.p[0] == '"') {
		*ret = str_slice(line, 1, str_find(line, S("\""), 1));
		return true;
	}
	scheme = str_find(line, S("://"), 0);
	while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t' && (line.p[n] != ',' || scheme < n))
		n++;
	*ret = str_slice(line, 0, n);
	return true;
}
