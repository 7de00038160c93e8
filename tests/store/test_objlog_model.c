/* The log against a naive model: random puts, removals, new markings, queries,
 * rollbacks and restarts; every answer is compared. The model holds all versions
 * in one array and evaluates the rules of struct object_ops word by word.
 * OBJLOG_OPERATIONS sets how many, OBJLOG_SEED which. */
#include "objlog_util.h"

#include "base/mem.h"

#define IDS 24
#define VERSIONS 6
#define COLLS 4
#define SOURCES 3
#define MAX_VERS 4000
#define BODY_TEXT 1000
#define MAX_CLAIMS (1 << 14)

struct mver {
	int id, version, spec, body;  /* version 0 = none */
	uint8_t tlp, flags, confidence;
	uint32_t source;
	usec added[COLLS];            /* [0] everything; 0 = not there */
	bool gone;
};
struct mclaim {
	int ver;
	uint32_t source;
	usec received;
	uint8_t tlp, confidence;
};
struct model {
	struct mver vers[MAX_VERS];
	struct mclaim claims[MAX_CLAIMS];
	int n_vers, n_claims;
	usec last[COLLS];
};

static struct model m, saved;
static uint64_t seed;
static const char *const types[] = { "indicator", "malware", "x-odd" };
static char failure[600];

static uint32_t rnd(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

#define WRONG(...) (snprintf(failure, sizeof failure, __VA_ARGS__), false)

static struct str id_text(int id, char *to)
{
	int n = id % 7 == 6 ? snprintf(to, 100, "%s--Not-A-Uuid-%d", types[id % 3], id) :
			      snprintf(to, 100, "%s--%08x-1111-4222-8333-444455556666", types[id % 3], (unsigned)id * 7919);

	return str_make(to, (size_t)n);
}

/* The same instant in several spellings, and two that microseconds cannot tell apart. */
static struct str version_text(int v, char *to)
{
	static const char *const texts[] = { "", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z", "2020-01-01T00:00:00.5000001Z",
					     "2020-01-01T00:00:00.5000002Z", "2021-06-30T23:59:60Z", "2022-01-01T00:00:00.123456Z" };
	static const char *const again[] = { "", "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00.500Z", "2020-01-01T00:00:00.50000010Z",
					     "2020-01-01T00:00:00.5000002Z", "2021-06-30T23:59:60.0Z", "2022-01-01T00:00:00.1234560Z" };
	struct str s = str_of(rnd(4) == 0 ? again[v] : texts[v]);

	memcpy(to, s.p, s.n + 1);
	return str_make(to, s.n);
}

static struct str body_text(int body, char *to)
{
	/* Some are much longer than their records: their segments are worth writing anew. */
	return str_make(to, (size_t)snprintf(to, BODY_TEXT, "{\"body\":%d,\"pad\":\"%0*d\"}", body, body % 4 == 0 ? 900 : 1 + body % 40, 0));
}

static bool has(const struct mver *v, uint32_t coll)
{
	return !v->gone && v->added[coll] != 0;
}

static int find_ver(int id, int version, int spec)
{
	for (int i = 0; i < m.n_vers; i++)
		if (!m.vers[i].gone && m.vers[i].id == id && m.vers[i].version == version && m.vers[i].spec == spec)
			return i;
	return -1;
}

static void model_claim(int ver, uint32_t source, usec received, uint8_t tlp, uint8_t confidence)
{
	for (int i = 0; i < m.n_claims; i++) {
		if (m.claims[i].ver != ver || m.claims[i].source != source)
			continue;
		m.claims[i].tlp = tlp;
		m.claims[i].confidence = confidence;
		return;
	}
	m.claims[m.n_claims++] = (struct mclaim){ ver, source, received, tlp, confidence };
}

static usec model_date(uint32_t coll, usec want)
{
	return m.last[coll] = want > m.last[coll] ? want : m.last[coll] + 1;
}

static enum put_result model_put(uint32_t coll, uint32_t source, usec now, struct mver x, usec *ret_added)
{
	int known = find_ver(x.id, x.version, x.spec), newest = -1;
	bool revoked = false;

	*ret_added = 0;
	if (known >= 0 && m.vers[known].body != x.body)
		return PUT_CONFLICT;
	if (known >= 0) {
		bool here = has(&m.vers[known], coll);

		model_claim(known, source, now, x.tlp, x.confidence);
		if (!here)
			m.vers[known].added[coll] = model_date(coll, now);
		*ret_added = m.vers[known].added[coll];
		return here ? PUT_DUPLICATE : PUT_LINKED;
	}
	for (int i = 0; i < m.n_vers; i++)
		if (!m.vers[i].gone && m.vers[i].id == x.id && m.vers[i].version > newest)
			newest = m.vers[i].version;
	for (int i = 0; i < m.n_vers; i++)
		if (!m.vers[i].gone && m.vers[i].id == x.id && m.vers[i].version == newest && (m.vers[i].flags & OBJECT_REVOKED))
			revoked = true;
	if (revoked && x.version > newest)
		return PUT_REVOKED;
	memset(x.added, 0, sizeof x.added);
	x.source = source;
	x.gone = false;
	x.added[0] = model_date(0, now);
	if (coll != 0)
		x.added[coll] = model_date(coll, now);
	*ret_added = x.added[coll];
	m.vers[m.n_vers] = x;
	model_claim(m.n_vers++, source, now, x.tlp, x.confidence);
	return PUT_STORED;
}

struct asked {
	struct page_query q;
	char texts[8][100];
	struct str ids[3], types[2], versions[2];
	int id_n[3], version_n[2];
	uint8_t specs[2];
};

static void random_query(struct asked *k)
{
	struct page_query *q = &k->q;

	*q = (struct page_query){ .collection = rnd(COLLS), .added_after = INT64_MIN, .tlp_mask = rnd(3) == 0 ? rnd(32) : 31,
				  .limit = 1 + rnd(30), .bodies = rnd(2) == 0, .want_all = rnd(3) == 0,
				  .want_last = rnd(4) == 0, .want_first = rnd(4) == 0 };
	if (rnd(2) == 0 && m.last[q->collection] != 0)
		q->added_after = T0 + rnd((uint32_t)(m.last[q->collection] - T0) + 2);
	q->n_ids = rnd(3) == 0 ? 1 + rnd(3) : 0;
	for (size_t i = 0; i < q->n_ids; i++)
		k->ids[i] = id_text(k->id_n[i] = (int)rnd(IDS), k->texts[i]);
	q->n_types = rnd(3) == 0 ? 1 + rnd(2) : 0;
	for (size_t i = 0; i < q->n_types; i++)
		k->types[i] = rnd(9) == 0 ? S("unheard-of") : str_of(types[rnd(3)]);
	q->n_versions = rnd(4) == 0 ? 1 + rnd(2) : 0;
	for (size_t i = 0; i < q->n_versions; i++)
		k->versions[i] = version_text(k->version_n[i] = 1 + (int)rnd(VERSIONS), k->texts[4 + i]);
	q->n_specs = rnd(3);
	k->specs[0] = rnd(2) == 0 ? 20 : 21;
	k->specs[1] = (uint8_t)(41 - k->specs[0]);
	q->flags_all = rnd(6) == 0 ? (rnd(2) == 0 ? OBJECT_REVOKED : OBJECT_GRANULAR) : 0;
	q->max_bytes = rnd(4) == 0 ? 30 + rnd(300) : 0;
	q->ids = k->ids;
	q->types = k->types;
	q->versions = k->versions;
	q->specs = k->specs;
}

static bool visible(const struct asked *k, const struct mver *v)
{
	return has(v, k->q.collection) && (k->q.tlp_mask >> v->tlp & 1u);
}

static bool spec_passes(const struct asked *k, int at)
{
	const struct mver *v = &m.vers[at];

	if (!visible(k, v))
		return false;
	for (size_t i = 0; i < k->q.n_specs; i++)
		if (k->specs[i] == v->spec)
			return true;
	if (k->q.n_specs > 0)
		return false;
	for (int i = 0; i < m.n_vers; i++)
		if (m.vers[i].id == v->id && visible(k, &m.vers[i]) && m.vers[i].spec > v->spec)
			return false;
	return true;
}

static bool named(const struct asked *k, const struct mver *v)
{
	bool id = k->q.n_ids == 0, type = k->q.n_types == 0;

	for (size_t i = 0; i < k->q.n_ids; i++)
		id = id || k->id_n[i] == v->id;
	for (size_t i = 0; i < k->q.n_types; i++)
		type = type || str_eq(k->types[i], str_of(types[v->id % 3]));
	return id && type && (v->flags & k->q.flags_all) == k->q.flags_all;
}

static bool passes(const struct asked *k, int at)
{
	const struct mver *v = &m.vers[at];
	const struct page_query *q = &k->q;
	bool is_last = true, is_first = true, good;

	if (!spec_passes(k, at))
		return false;
	for (int i = 0; i < m.n_vers; i++) {
		if (m.vers[i].id != v->id || !spec_passes(k, i))
			continue;
		is_last = is_last && m.vers[i].version <= v->version;
		is_first = is_first && m.vers[i].version >= v->version;
	}
	good = q->want_all || (q->want_first && is_first) ||
	       ((q->want_last || (!q->want_first && !q->want_all && q->n_versions == 0)) && is_last);
	for (size_t i = 0; i < q->n_versions; i++)
		good = good || k->version_n[i] == v->version;
	return good && named(k, v);
}

static int by_added(const void *a, const void *b, void *coll)
{
	usec x = m.vers[*(const int *)a].added[*(uint32_t *)coll], y = m.vers[*(const int *)b].added[*(uint32_t *)coll];

	return x < y ? -1 : x > y;
}

static int model_query(const struct asked *k, int *out)
{
	uint32_t coll = k->q.collection;
	int n = 0;

	for (int i = 0; i < m.n_vers; i++)
		if (passes(k, i))
			out[n++] = i;
	if (n > 1)
		qsort_r(out, (size_t)n, sizeof *out, by_added, &coll);
	return n;
}

static bool same_entry(const struct page_entry *e, const struct mver *v, uint32_t coll, bool bodies)
{
	char id[100], text[100], body[BODY_TEXT], key[VERSION_KEY_MAX], want_key[VERSION_KEY_MAX];

	if (!str_eq(e->id, id_text(v->id, id)) || !str_eq(e->type, str_of(types[v->id % 3])))
		return WRONG("id %.*s", STR(e->id));
	if (!str_eq(object_version_key(e->version, key), object_version_key(version_text(v->version, text), want_key)))
		return WRONG("version %.*s of %.*s", STR(e->version), STR(e->id));
	if (e->added != v->added[coll] || e->spec != v->spec || e->tlp != v->tlp || e->flags != v->flags || e->source != v->source)
		return WRONG("fields of %.*s %.*s: added %lld, want %lld", STR(e->id), STR(e->version), (long long)e->added,
			     (long long)v->added[coll]);
	if (bodies && !str_eq(e->body, body_text(v->body, body)))
		return WRONG("body of %.*s", STR(e->id));
	return true;
}

/* The runs, joined by commas, are the bodies, joined by commas. */
static bool runs_fit(const struct page *p)
{
	static char x[128 * BODY_TEXT], y[128 * BODY_TEXT];
	size_t nx = 0, ny = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (i > 0)
			x[nx++] = ',';
		memcpy(x + nx, p->entries[i].body.p, p->entries[i].body.n);
		nx += p->entries[i].body.n;
	}
	for (size_t i = 0; i < p->n_runs; i++) {
		if (i > 0)
			y[ny++] = ',';
		memcpy(y + ny, p->runs[i].p, p->runs[i].n);
		ny += p->runs[i].n;
	}
	return nx == ny && memcmp(x, y, nx) == 0;
}

static bool check_page(struct objlog *l)
{
	static int want[MAX_VERS];
	struct asked k;
	struct page p;
	uint64_t count, bytes = 0;
	int n, from = 0, give = 0;
	bool good = true;

	random_query(&k);
	n = model_query(&k, want);
	if (objlog_count(l, &k.q, &count, NULL) != RC_OK || count != (uint64_t)n)
		return WRONG("count %llu, want %d", (unsigned long long)count, n);
	while (from < n && m.vers[want[from]].added[k.q.collection] <= k.q.added_after)
		from++;
	for (; from + give < n && give < (int)k.q.limit; give++) {
		char body[BODY_TEXT];
		size_t len = body_text(m.vers[want[from + give]].body, body).n;

		if (k.q.bodies && k.q.max_bytes > 0 && give > 0 && bytes + (uint64_t)give + len > k.q.max_bytes)
			break;
		bytes += len;
	}
	if (objlog_page(l, &k.q, &p, NULL) != RC_OK)
		return WRONG("page failed");
	if (p.n != (size_t)give || p.more != (from + give < n))
		good = WRONG("page of %zu more %d, want %d more %d", p.n, p.more, give, from + give < n);
	if (good && give > 0 && p.last != p.entries[give - 1].added)
		good = WRONG("the page's last date");
	for (int i = 0; i < give && good; i++)
		good = same_entry(&p.entries[i], &m.vers[want[from + i]], k.q.collection, k.q.bodies);
	if (good && k.q.bodies && !runs_fit(&p))
		good = WRONG("runs are not the bodies");
	page_drop(&p);
	return good;
}

static bool check_digest(struct objlog *l)
{
	uint32_t coll = rnd(COLLS), mask = rnd(32);
	uint64_t lanes[4] = { 0 }, count = 0, got_count;
	unsigned char got[32];

	for (int i = 0; i < m.n_vers; i++) {
		char id[100], text[100], key[VERSION_KEY_MAX];
		unsigned char print[32];

		if (!has(&m.vers[i], coll) || !(mask >> m.vers[i].tlp & 1u))
			continue;
		object_fingerprint(id_text(m.vers[i].id, id), object_version_key(version_text(m.vers[i].version, text), key),
				   (uint8_t)m.vers[i].spec, print);
		for (int k = 0; k < 4; k++) {
			uint64_t lane;

			memcpy(&lane, print + 8 * k, 8);
			lanes[k] += lane;
		}
		count++;
	}
	if (objlog_digest(l, coll, mask, &got_count, got, NULL) != RC_OK || got_count != count || memcmp(got, lanes, 32) != 0)
		return WRONG("digest of %u: count %llu, want %llu", coll, (unsigned long long)got_count, (unsigned long long)count);
	return true;
}

static bool claim_in_model(int id, const struct claim *c)
{
	for (int i = 0; i < m.n_claims; i++) {
		const struct mver *v = &m.vers[m.claims[i].ver];
		char key[VERSION_KEY_MAX], want[VERSION_KEY_MAX], version[100];

		if (!v->gone && v->id == id && m.claims[i].source == c->source && m.claims[i].received == c->received &&
		    m.claims[i].tlp == c->tlp && m.claims[i].confidence == c->confidence &&
		    str_eq(object_version_key(c->version, key), object_version_key(version_text(v->version, version), want)))
			return true;
	}
	return false;
}

static bool check_claims(struct objlog *l)
{
	CLEANUP(arena_freep) struct arena *a = arena_new(1 << 22);
	int id = (int)rnd(IDS), n = 0;
	struct claim *got;
	size_t n_got = 0;
	char text[100];
	enum rc rc = objlog_claims(l, id_text(id, text), a, &got, &n_got, NULL);

	for (int i = 0; i < m.n_claims; i++)
		n += !m.vers[m.claims[i].ver].gone && m.vers[m.claims[i].ver].id == id;
	if ((rc == RC_NOTFOUND) != (n == 0) || (rc == RC_OK && n_got != (size_t)n))
		return WRONG("claims %zu, want %d", n_got, n);
	for (size_t i = 0; rc == RC_OK && i < n_got; i++) {
		if (i > 0 && got[i].received < got[i - 1].received)
			return WRONG("claims out of order");
		if (!claim_in_model(id, &got[i]))
			return WRONG("claim of source %u is not in the model", got[i].source);
	}
	return true;
}

#define BATCH 6

static bool put_random_batch(struct objlog *l)
{
	struct object_in in[BATCH];
	struct mver x[BATCH];
	enum put_result results[BATCH];
	usec added[BATCH], now = T0 + rnd(200000);
	struct object_batch b = { .collection = rnd(COLLS), .source = 1 + rnd(SOURCES), .objects = in, .n = 1 + rnd(BATCH),
				  .results = results, .ret_added = added };
	static char texts[64][BATCH][3][BODY_TEXT]; /* bodies are borrowed until the commit */
	static int turn;
	struct err err = { .rc = RC_OK };

	turn = (turn + 1) % 64;
	time_fake_set(now);
	for (size_t i = 0; i < b.n; i++) {
		char (*t)[BODY_TEXT] = texts[turn][i];

		x[i] = (struct mver){ .id = (int)rnd(IDS), .version = (int)rnd(VERSIONS + 1), .spec = rnd(4) == 0 ? 20 : 21,
				      .tlp = (uint8_t)rnd(5), .confidence = rnd(3) == 0 ? 255 : 50,
				      .flags = (uint8_t)(rnd(25) == 0 ? OBJECT_REVOKED : rnd(9) == 0 ? OBJECT_GRANULAR : 0) };
		x[i].body = (x[i].id * 100 + x[i].version * 10 + x[i].spec) * 2 + (rnd(20) == 0);
		in[i] = (struct object_in){ .id = id_text(x[i].id, t[0]), .type = str_of(types[x[i].id % 3]),
					    .version = version_text(x[i].version, t[1]), .body = body_text(x[i].body, t[2]),
					    .spec = (uint8_t)x[i].spec, .tlp = x[i].tlp, .flags = x[i].flags, .confidence = x[i].confidence };
	}
	if (objlog_put(l, &b, NULL, &err) != RC_OK)
		return WRONG("put: %s", err.text);
	for (size_t i = 0; i < b.n; i++) {
		usec want_added;
		enum put_result want = model_put(b.collection, b.source, now, x[i], &want_added);

		if (results[i] != want || added[i] != want_added)
			return WRONG("put of id %d version %d spec %d: result %u added %lld, want %u %lld", x[i].id, x[i].version,
				     x[i].spec, results[i], (long long)added[i], want, (long long)want_added);
	}
	return true;
}

/* One or several batches in a transaction, committed or rolled back. */
static bool do_put(struct objlog *l)
{
	int batches = 1 + (int)rnd(3);
	bool undo = rnd(8) == 0;

	if (undo)
		saved = m;
	if (objlog_begin(l, NULL) != RC_OK)
		return WRONG("begin");
	for (int k = 0; k < batches; k++)
		if (!put_random_batch(l))
			return false;
	if (!undo)
		return objlog_commit(l, NULL) == RC_OK || WRONG("commit");
	objlog_rollback(l);
	m = saved;
	return true;
}

static bool do_remove(struct objlog *l)
{
	static int want[MAX_VERS];
	struct asked k;
	uint64_t removed = 0;
	enum rc rc;
	int n;

	do
		random_query(&k);
	while (k.q.n_ids == 0);
	n = model_query(&k, want);
	if (objlog_begin(l, NULL) != RC_OK)
		return WRONG("begin");
	rc = objlog_remove(l, &k.q, &removed, NULL, NULL);
	if ((rc == RC_NOTFOUND) != (n == 0) || removed != (uint64_t)n)
		return WRONG("removed %llu, want %d", (unsigned long long)removed, n);
	if (rc != RC_OK || rnd(8) == 0) {
		objlog_rollback(l);
		return true;
	}
	if (objlog_commit(l, NULL) != RC_OK)
		return WRONG("commit");
	for (int i = 0; i < n; i++) {
		struct mver *v = &m.vers[want[i]];
		bool left = false;

		v->added[k.q.collection] = 0;
		for (int c = 1; c < COLLS; c++)
			left = left || v->added[c] != 0;
		v->gone = !left || k.q.collection == 0;
	}
	return true;
}

static bool do_remark(struct objlog *l)
{
	int id = (int)rnd(IDS), version = (int)rnd(VERSIONS + 1), found = 0;
	uint8_t tlp = (uint8_t)rnd(5), flags = rnd(4) == 0 ? OBJECT_MARKING_UNKNOWN : 0;
	usec now = T0 + rnd(200000);
	char id_[100], version_[100];
	enum rc rc;

	time_fake_set(now);
	if (objlog_begin(l, NULL) != RC_OK)
		return WRONG("begin");
	rc = objlog_remark(l, id_text(id, id_), version_text(version, version_), tlp, flags, NULL, NULL);
	if (rc == RC_OK)
		rc = objlog_commit(l, NULL);
	else
		objlog_rollback(l);
	for (int spec = 21; spec >= 20; spec--) {
		int i = find_ver(id, version, spec);

		if (i < 0)
			continue;
		found++;
		for (uint32_t c = 0; c < COLLS && tlp < m.vers[i].tlp; c++)
			if (m.vers[i].added[c] != 0)
				m.vers[i].added[c] = model_date(c, now);
		m.vers[i].tlp = tlp;
		m.vers[i].flags = flags;
	}
	return rc == (found > 0 ? RC_OK : RC_NOTFOUND) || WRONG("remark: %d", (int)rc);
}

/* Forgets what is gone, or the model gets slower with every step. */
static void tidy(void)
{
	static int map[MAX_VERS];
	int n = 0, c = 0;

	for (int i = 0; i < m.n_vers; i++) {
		map[i] = m.vers[i].gone ? -1 : n;
		if (!m.vers[i].gone)
			m.vers[n++] = m.vers[i];
	}
	for (int i = 0; i < m.n_claims; i++) {
		if (map[m.claims[i].ver] < 0)
			continue;
		m.claims[c] = m.claims[i];
		m.claims[c++].ver = map[m.claims[i].ver];
	}
	m.n_vers = n;
	m.n_claims = c;
}

/* Small segments, so that many are closed, half dead and written anew; between two pieces of that work anything happens. */
static struct objlog *open_small(void)
{
	struct objlog_config c = { .dir = test_dir, .create = true, .segment_bytes = 4096 };
	struct objlog *l = NULL;

	return objlog_open(&c, &l, NULL) == RC_OK ? l : NULL;
}

static uint64_t given_back;

static bool do_compact(struct objlog *l)
{
	struct objlog_stats before, after;
	struct err err = { .rc = RC_OK };
	bool more;

	objlog_stats(l, &before);
	if (objlog_compact(l, &more, &err) != RC_OK)
		return WRONG("compact: %s", err.text);
	objlog_stats(l, &after);
	given_back += before.bytes - after.bytes;
	return before.bytes - after.bytes <= before.dead - after.dead + 8192 || WRONG("compact: more given back than was dead");
}

static bool step(struct objlog **l)
{
	uint32_t what = rnd(1000);

	if (what < 130)
		return do_put(*l);
	if (what < 190)
		return do_remove(*l);
	if (what < 230)
		return do_remark(*l);
	if (what < 290)
		return check_digest(*l);
	if (what < 350)
		return check_claims(*l);
	if (what >= 380)
		return check_page(*l);
	if (what >= 353)
		return do_compact(*l);
	objlog_close(*l);
	*l = open_small();
	return *l != NULL || WRONG("open");
}

int main(void)
{
	uint64_t operations = 100000, done = 0, verified = 0;
	struct objlog *l;
	bool good = true;

	seed = 42;
	if (getenv("OBJLOG_OPERATIONS") != NULL && !str_to_u64(str_of(getenv("OBJLOG_OPERATIONS")), &operations))
		return 2;
	if (getenv("OBJLOG_SEED") != NULL && !str_to_u64(str_of(getenv("OBJLOG_SEED")), &seed))
		return 2;
	dir_new();
	l = open_small();
	for (; l != NULL && good && done < operations; done++) {
		good = step(&l);
		if (done % 100 == 99)
			tidy();
	}
	OK(good, "%llu random operations agree with the model%s%s", (unsigned long long)done, good ? "" : ": ", failure);
	OK(given_back > 0, "room was given back: %llu bytes", (unsigned long long)given_back);
	OK(l != NULL && objlog_verify(l, &verified, NULL) == RC_OK, "all bodies are sound");
	objlog_close(l);
	dir_drop();
	EQ_INT(mem_live(), 0, "nothing is left allocated");
	return tap_done();
}
