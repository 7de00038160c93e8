/* YAML 1.1 documents as trees, each value typed the way rule writers' tools
 * (PyYAML's safe loader) type it, each with its place. Inside detect/ only. */
#ifndef DETECT_SIGMA_YAML_H
#define DETECT_SIGMA_YAML_H

#include "base/arena.h"

#define YAML_DEPTH_MAX 64
#define YAML_NODES_MAX 2000000 /* of one document; an alias counts once, it is never copied */

enum yaml_kind { YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml;

struct yaml_item {
	const struct yaml *key; /* NULL in lists */
	const struct yaml *value;
	struct yaml_item *next;
};

struct yaml {
	enum yaml_kind kind;
	bool quoted, open;     /* open: its end has not been read yet */
	uint32_t line, column; /* from 1; of the first character */
	bool one_line;         /* column + offset is the place of a character of `text` */
	struct str text;       /* scalars: as written, quotes and folds resolved */
	double number;         /* INT, FLOAT; BOOL: 1 or 0 */
	uint32_t n;            /* of items */
	struct yaml_item *first, *last;
};

struct yaml_reader;

/* Reads `text` (borrowed until freed); trees live in `a`. */
enum rc yaml_reader_new(struct arena *a, struct str text, struct yaml_reader **ret, struct err *err) MUSTUSE;
void yaml_reader_free(struct yaml_reader *r);
void yaml_reader_freep(struct yaml_reader **r);

/* Tests: reads all of it by libyaml. Before the first document. */
void yaml_reader_by_libyaml(struct yaml_reader *r);

/* The next document; NULL in *ret behind the last. RC_BAD: broken YAML, `ret_line` and `ret_column` say where, and the
 * next call goes on behind the next line that begins with "---". RC_LIMIT: too deep or too large, likewise. */
enum rc yaml_next(struct yaml_reader *r, const struct yaml **ret, uint32_t *ret_line, uint32_t *ret_column, struct err *err) MUSTUSE;

/* The value of a key, or NULL. */
const struct yaml *yaml_get(const struct yaml *map, struct str key);

/* `over` laid upon `base`, maps in maps joined: what `action: global` does. NULL: no memory. Either may be NULL. */
const struct yaml *yaml_join(struct arena *a, const struct yaml *base, const struct yaml *over);

#endif
