/* Makes a new node's folder.
 *
 * Everything is made inside the folder, the configuration last: its presence
 * means "complete", so an interrupted init is seen and can be repeated. On
 * failure the folder is emptied again, which is why a folder that holds anything
 * is refused at the start. */
#include "node/node.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/jsonw.h"
#include "base/text.h"
#include "base/uuid.h"
#include "gate/admit.h"
#include "stix/marking.h"
#include "stix/write.h"
#include "store/accounts.h"
#include "store/collections.h"
#include "store/facts.h"
#include "store/sessions.h"
#include "sys/file.h"
#include "sys/http.h"

#define CA_YEARS 10
#define CERT_YEARS 2
#define YEAR ((usec)365 * 86400 * USEC_PER_SEC)
#define HOUR ((usec)3600 * USEC_PER_SEC)
#define PEM_MAX ((size_t)1 << 16)
#define HOSTS_MAX 32

static enum rc join(char out[static NODE_PATH_MAX], const char *dir, const char *name, struct err *err)
{
	int n = snprintf(out, NODE_PATH_MAX, "%s/%s", dir, name);

	return n > 0 && n < NODE_PATH_MAX ? RC_OK : FAIL(err, RC_LIMIT, "%s: path is too long", dir);
}

enum rc node_paths_of(const char *dir, struct node_paths *ret, struct err *err)
{
	char full[PATH_MAX];

	if (realpath(dir, full) == NULL)
		return errno == ENOENT ? node_absent(dir, err) : FAIL(err, RC_IO, "%s: %s", dir, strerror(errno));
	if (snprintf(ret->dir, sizeof ret->dir, "%s", full) >= (int)sizeof ret->dir)
		return FAIL(err, RC_LIMIT, "%s: path is too long", dir);
	TRY(join(ret->conf, full, "lianfang.conf", err));
	TRY(join(ret->cert, full, "tls/node.crt", err));
	TRY(join(ret->key, full, "tls/node.key", err));
	TRY(join(ret->ca, full, "tls/ca.crt", err));
	TRY(join(ret->lab, full, "lab.sock", err));
	TRY(join(ret->sign, full, "sign.key", err));
	TRY(join(ret->lock, full, "lock", err));
	TRY(join(ret->history, full, "history", err));
	TRY(join(ret->rules, full, "rules", err));
	TRY(join(ret->detect, full, "detect.sock", err));
	return join(ret->socket, full, "control.sock", err);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	if (at->level > 0)
		(void)(kind == FTW_DP ? rmdir(path) : unlink(path));
	return 0;
}

/* Empties the folder; it held nothing before init. */
static void empty_dir(const char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* The folder exists afterwards and is empty. */
static enum rc claim_dir(const char *dir, bool *ret_made, struct err *err)
{
	struct dirent *e;
	DIR *d;
	bool empty = true;

	*ret_made = mkdir(dir, 0700) == 0;
	if (!*ret_made && errno != EEXIST)
		return FAIL(err, RC_IO, "%s: %s", dir, strerror(errno));
	d = opendir(dir);
	if (d == NULL)
		return FAIL(err, RC_IO, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d)) != NULL)
		if (!str_eq(str_of(e->d_name), S(".")) && !str_eq(str_of(e->d_name), S("..")))
			empty = false;
	closedir(d);
	if (!empty)
		return FAIL(err, RC_CONFLICT, "%s: is not empty; init wants a new or empty folder", dir);
	return RC_OK;
}

static bool is_address(const char *host)
{
	return str_find(str_of(host), S(":"), 0) != SIZE_MAX || strspn(host, "0123456789.") == strlen(host);
}

struct ca {
	struct buf cert, key; /* empty: the node signs for itself through its own CA */
};

static void ca_done(struct ca *ca)
{
	if (ca->key.p != NULL)
		secret_wipe(ca->key.p, ca->key.n);
	buf_done(&ca->cert);
	buf_done(&ca->key);
}

static enum rc ca_make(const char *name, struct ca *ca, struct err *err)
{
	char cn[128];
	struct keys_cert_request q = { .common_name = cn, .valid_from = time_now() - HOUR,
				       .valid_until = time_now() + CA_YEARS * YEAR, .is_ca = true };

	snprintf(cn, sizeof cn, "%.100s CA", name);
	buf_init(&ca->cert, PEM_MAX);
	buf_init(&ca->key, PEM_MAX);
	return keys_make_cert(&q, NULL, NULL, &ca->cert, &ca->key, err);
}

static enum rc ca_read(const char *dir, struct ca *ca, struct err *err)
{
	char path[NODE_PATH_MAX];

	TRY(join(path, dir, "ca.crt", err));
	TRY(file_read(path, PEM_MAX, &ca->cert, err));
	TRY(join(path, dir, "ca.key", err));
	return file_read(path, PEM_MAX, &ca->key, err);
}

static enum rc make_node_cert(const struct node_init_opts *o, const struct ca *ca, const struct node_paths *p,
			      char ret_fingerprint[static 65], struct err *err)
{
	const char *dns[HOSTS_MAX + 2] = { "localhost" }, *addresses[HOSTS_MAX + 3] = { "127.0.0.1", "::1" };
	size_t n_dns = 1, n_addresses = 2;
	struct keys_cert_request q = { .common_name = o->name, .dns_names = dns, .addresses = addresses,
				       .valid_from = time_now() - HOUR, .valid_until = time_now() + CERT_YEARS * YEAR };
	struct buf cert, key;
	enum rc rc;

	for (size_t i = 0; o->hosts != NULL && o->hosts[i] != NULL; i++) {
		if (i >= HOSTS_MAX)
			return FAIL(err, RC_LIMIT, "more than %d hosts", HOSTS_MAX);
		if (is_address(o->hosts[i]))
			addresses[n_addresses++] = o->hosts[i];
		else
			dns[n_dns++] = o->hosts[i];
	}
	buf_init(&cert, PEM_MAX);
	buf_init(&key, PEM_MAX);
	rc = keys_make_cert(&q, ca->cert.p, ca->key.p, &cert, &key, err);
	if (rc == RC_OK)
		rc = file_create(p->cert, buf_view(&cert), 0644, err);
	if (rc == RC_OK)
		rc = file_create(p->key, buf_view(&key), 0600, err);
	if (rc == RC_OK)
		rc = file_create(p->ca, buf_view(&ca->cert), 0644, err);
	if (rc == RC_OK)
		rc = keys_fingerprint(buf_view(&cert), ret_fingerprint, err);
	if (key.p != NULL)
		secret_wipe(key.p, key.n);
	buf_done(&cert);
	buf_done(&key);
	return rc;
}

static enum rc make_tls(const struct node_init_opts *o, const struct node_paths *p, char ret_fingerprint[static 65], struct err *err)
{
	char tls[NODE_PATH_MAX];
	struct ca ca = { 0 };
	enum rc rc;

	TRY(join(tls, p->dir, "tls", err));
	TRY(file_mkdir(tls, 0700, err));
	rc = o->federation != NULL ? ca_read(o->federation, &ca, err) : ca_make(o->name, &ca, err);
	if (rc == RC_OK)
		rc = make_node_cert(o, &ca, p, ret_fingerprint, err);
	ca_done(&ca);
	return rc;
}

static enum rc make_sign_key(const struct node_paths *p, unsigned char sec[static SIGN_SECRET_LEN], struct err *err)
{
	unsigned char pub[SIGN_PUBLIC_LEN];

	sign_keypair(pub, sec);
	return file_create(p->sign, str_make((char *)sec, SIGN_SECRET_LEN), 0600, err);
}

static enum rc add_collection(struct store *s, const char *alias, const char *title, const struct right *rights, size_t n_rights,
			      uint32_t *ret_row, struct err *err)
{
	char text[UUID_TEXT_LEN + 1];
	struct uuid u;
	struct collection c = { .root = S("intel"), .alias = str_of(alias), .title = str_of(title), .description = S(""),
				.media_types = S(""), .tlp_max = TLP_RED };

	uuid_v4(&u);
	c.id = uuid_format(&u, text);
	TRY(collection_put(s, &c, err));
	for (size_t i = 0; i < n_rights; i++)
		TRY(right_put(s, c.row, &rights[i], err));
	*ret_row = c.row;
	return RC_OK;
}

/* What goes up is written by members and read by analysts; what goes down the other way round. */
static enum rc add_collections(struct store *s, uint32_t rows[static 2], struct err *err)
{
	static const struct right up[] = {
		{ S("role:admin"), true, true }, { S("role:analyst"), true, true }, { S("role:feeder"), false, true },
		{ S("role:peer"), false, true }, { S("role:reader"), true, false },
	};
	static const struct right down[] = {
		{ S("role:admin"), true, true }, { S("role:analyst"), true, true }, { S("role:peer"), true, false },
		{ S("role:reader"), true, false },
	};
	struct api_root root = { .name = S("intel"), .title = S("Threat intelligence"), .description = S(""),
				 .max_content_length = 16 << 20, .page_size = 1000, .is_default = true };

	TRY(root_put(s, &root, err));
	TRY(add_collection(s, "up", "Reports and sightings for the tier above", up, COUNTOF(up), &rows[0], err));
	return add_collection(s, "down", "Released intelligence for members", down, COUNTOF(down), &rows[1], err);
}

static enum rc add_identity(struct store *s, const struct node_init_opts *o, const char *identity, const uint32_t rows[static 2],
			    struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new((size_t)1 << 20);
	usec now = time_now();
	struct admit_opts opts = { .tlp_ceiling = TLP_RED, .default_tlp = TLP_CLEAR };
	struct admitted *done;
	struct jsonw w;
	struct str raw;
	struct buf b;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "identity: out of memory");
	buf_init(&b, 4096);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	stix_write_head(&w, "identity", str_of(identity), S(""), now, now);
	jsonw_m_cstr(&w, "name", o->name);
	jsonw_m_cstr(&w, "identity_class", "organization");
	stix_write_tlp(&w, TLP_CLEAR);
	jsonw_object_end(&w);
	raw = buf_view(&b);
	rc = buf_check(&b, err, "identity");
	if (rc == RC_OK)
		rc = store_source_id(s, S("node"), &opts.source, err);
	for (int i = 0; rc == RC_OK && i < 2; i++) {
		opts.collection = rows[i];
		rc = admit_objects(s, a, &opts, &raw, 1, &done, err);
		if (rc == RC_OK && done[0].result == ADMIT_FAILED)
			rc = FAIL(err, RC_BAD, "identity: %.*s", STR(done[0].message));
	}
	buf_done(&b);
	return rc;
}

/* 22 characters of 57, those that look alike left out: 128 bits. */
static void draw_password(char out[static 32])
{
	static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
	unsigned char raw[22];

	random_bytes(raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		out[i] = alphabet[raw[i] % (sizeof alphabet - 1)];
	out[sizeof raw] = '\0';
}

static enum rc add_admin(struct store *s, const struct node_init_opts *o, struct str password, struct err *err)
{
	char hash[PASSWORD_HASH_MAX];
	struct user u = { .name = S("admin"), .role = S("admin"), .org = str_of(o->name), .cert_sha256 = S(""), .tlp_max = TLP_RED,
			  .created = time_now() };

	TRY(password_hash(password, hash, err));
	u.pass_hash = str_of(hash);
	TRY(user_put(s, &u, err));
	/* Nobody chose this password: the first start of the node draws a link by which somebody does. */
	if (o->admin_password.n == 0)
		TRY(passlink_put(s, u.name, S(""), 0, true, err));
	return fact_append(s, &(struct fact){ .kind = S("node.init"), .actor = S("local"), .subject = str_of(o->name), .body = S("{}") },
			   err);
}

/* The first fact is signed like all that follow: a new node must pass its own audit. */
static bool sign_head(void *ctx, struct str head, unsigned char sig[static SIGN_LEN])
{
	sign_make(ctx, head, sig);
	return true;
}

static enum rc fill_store(const struct node_init_opts *o, const struct node_paths *p, const char *identity, struct str password,
			  unsigned char sec[static SIGN_SECRET_LEN], struct err *err)
{
	struct store_config sc = { .dir = p->dir, .create = true };
	struct store *s CLEANUP(store_closep) = NULL;
	mode_t before = umask(077); /* SQLite makes its files by the umask alone */
	uint32_t rows[2];
	enum rc rc;

	if (o->store != NULL && str_starts(str_of(o->store), S("postgresql://")))
		sc.url = o->store;
	rc = store_open(&sc, &s, err);
	umask(before);
	if (rc != RC_OK)
		return rc;
	fact_set_signer(s, sign_head, sec);
	TRY(add_collections(s, rows, err));
	TRY(add_identity(s, o, identity, rows, err));
	return add_admin(s, o, password, err);
}

static enum rc write_conf(const struct node_init_opts *o, const struct node_paths *p, const char *identity, struct err *err)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, 65536);
	config_write_default(&b, o->name, o->tier, identity, o->listen != NULL ? o->listen : "127.0.0.1:8443",
			     o->store != NULL ? o->store : "sqlite");
	rc = buf_check(&b, err, p->conf);
	if (rc == RC_OK)
		rc = file_create(p->conf, buf_view(&b), 0600, err);
	buf_done(&b);
	return rc;
}

static enum rc check_opts(const struct node_init_opts *o, struct err *err)
{
	static const char *const tiers[] = { "provider", "region", "sector", "nation", "partner" };

	if (o->name == NULL || str_trim(str_of(o->name)).n == 0 || strlen(o->name) > 100 || !utf8_valid(str_of(o->name), NULL))
		return FAIL(err, RC_BAD, "name: expected 1 to 100 bytes of UTF-8 that are not all blank");
	for (size_t at = 0; at < strlen(o->name);) {
		uint32_t ch = utf8_next(str_of(o->name), &at);

		/* It stands in all that this node issues: peers refuse texts that are not what they look like. */
		if (ch < 0x20 || utf8_is_hidden(ch))
			return FAIL(err, RC_BAD, "name: a character that is not seen, U+%04X", ch);
	}
	if (o->listen != NULL)
		TRY(http_listen_check(o->listen, err));
	if (o->store != NULL && !str_eq(str_of(o->store), S("sqlite")) && !str_starts(str_of(o->store), S("postgresql://")))
		return FAIL(err, RC_BAD, "store: expected sqlite or postgresql://...");
	for (size_t i = 0; i < COUNTOF(tiers); i++)
		if (o->tier != NULL && str_eq(str_of(o->tier), str_of(tiers[i])))
			return RC_OK;
	return FAIL(err, RC_BAD, "tier: expected provider, region, sector, nation or partner");
}

enum rc node_init(const struct node_init_opts *o, char ret_password[static 32], char ret_fingerprint[static 65], struct err *err)
{
	char identity[64], text[UUID_TEXT_LEN + 1];
	unsigned char sec[SIGN_SECRET_LEN];
	struct node_paths p;
	struct str password = o->admin_password;
	struct uuid u;
	bool made;
	enum rc rc;

	TRY(check_opts(o, err));
	TRY(claim_dir(o->dir, &made, err));
	ret_password[0] = '\0';
	if (password.n == 0) {
		draw_password(ret_password);
		password = str_of(ret_password);
	}
	uuid_v4(&u);
	uuid_format(&u, text);
	snprintf(identity, sizeof identity, "identity--%s", text);
	rc = node_paths_of(o->dir, &p, err);
	if (rc == RC_OK)
		rc = make_tls(o, &p, ret_fingerprint, err);
	if (rc == RC_OK)
		rc = make_sign_key(&p, sec, err);
	if (rc == RC_OK)
		rc = fill_store(o, &p, identity, password, sec, err);
	secret_wipe(sec, sizeof sec);
	if (rc == RC_OK)
		rc = write_conf(o, &p, identity, err);
	if (rc != RC_OK) {
		empty_dir(o->dir);
		if (made)
			rmdir(o->dir);
	}
	return rc;
}

enum rc node_federation_init(const char *dir, const char *name, struct err *err)
{
	char path[NODE_PATH_MAX];
	struct ca ca = { 0 };
	bool made;
	enum rc rc;

	TRY(claim_dir(dir, &made, err));
	rc = ca_make(name, &ca, err);
	if (rc == RC_OK)
		rc = join(path, dir, "ca.crt", err);
	if (rc == RC_OK)
		rc = file_create(path, buf_view(&ca.cert), 0644, err);
	if (rc == RC_OK)
		rc = join(path, dir, "ca.key", err);
	if (rc == RC_OK)
		rc = file_create(path, buf_view(&ca.key), 0600, err);
	ca_done(&ca);
	if (rc != RC_OK) {
		empty_dir(dir);
		if (made)
			rmdir(dir);
	}
	return rc;
}
