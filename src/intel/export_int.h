/* Inside the exporters; nobody else includes this. */
#ifndef INTEL_EXPORT_INT_H
#define INTEL_EXPORT_INT_H

#include "base/jsonw.h"
#include "base/map.h"
#include "intel/active.h"
#include "intel/export.h"

#define EXPORT_PAGE 1000
#define EXPORT_PAGE_BYTES ((size_t)16 << 20)
#define EXPORT_MEMORY ((size_t)256 << 20)
#define EXPORT_PIECE ((size_t)256 << 10)   /* output is handed over in pieces of about this size */
#define KINDS_ALL ((1u << OBS_KINDS) - 1)
#define EXPORT_PIECE_MAX ((size_t)96 << 20)

struct export {
	struct store *store;
	const struct viewer *viewer;
	enum gate_path path;
	const struct export_opts *o;
	usec now;
	export_write fn;
	void *ctx;
	struct buf out;
	struct export_stats stats;
	struct arena *scratch;  /* one page or object */
	struct map *seen;       /* values already written, or NULL */
};

/* Hands over what has been gathered; only large pieces unless `all`. */
enum rc export_flush(struct export *x, bool all, struct err *err) MUSTUSE;

/* Every object of `type` ("" = all) that the viewer may see, newest versions, page by page. */
typedef enum rc (*export_page_fn)(struct export *x, const struct page *p, void *ctx, struct err *err);
enum rc export_pages(struct export *x, struct str type, export_page_fn fn, void *ctx, struct err *err) MUSTUSE;

/* Each value of an active indicator that passes the options, once. */
struct export_value {
	const struct json *indicator;
	const struct page_entry *entry;
	const struct active *active;
	const struct value *value;
	uint8_t score;
};
typedef enum rc (*export_value_fn)(struct export *x, const struct export_value *v, void *ctx, struct err *err);
/* `kinds`: those that the format can say; what else the options ask for counts as `other`. */
enum rc export_values(struct export *x, uint32_t kinds, export_value_fn fn, void *ctx, struct err *err) MUSTUSE;

/* One function for each format. */
enum rc export_stix(struct export *x, struct err *err) MUSTUSE;
enum rc export_misp(struct export *x, struct err *err) MUSTUSE;
enum rc export_csv(struct export *x, struct err *err) MUSTUSE;
enum rc export_plain(struct export *x, struct err *err) MUSTUSE;
enum rc export_hosts(struct export *x, struct err *err) MUSTUSE;
enum rc export_rpz(struct export *x, struct err *err) MUSTUSE;
enum rc export_nftables(struct export *x, struct err *err) MUSTUSE;
enum rc export_ipset(struct export *x, struct err *err) MUSTUSE;

#endif
