/* Opens a node's folder. */
#include "node/node.h"

#include <errno.h>
#include <string.h>

#include "base/hash.h"
#include "store/facts.h"
#include "sys/file.h"

#define NODE_ARENA_MAX ((size_t)4 << 20)
#define PEM_MAX ((size_t)1 << 16)

static enum rc read_sign_key(struct node *n, struct err *err)
{
	struct buf b;

	TRY(file_read(n->paths.sign, SIGN_SECRET_LEN, &b, err));
	if (b.n != SIGN_SECRET_LEN) {
		buf_done(&b);
		return FAIL(err, RC_CORRUPT, "%s: expected %d bytes", n->paths.sign, SIGN_SECRET_LEN);
	}
	memcpy(n->sign_sec, b.p, SIGN_SECRET_LEN);
	/* libsodium's secret key is seed then public key (RFC 8032 §5.1.5 keeps them together too). */
	memcpy(n->sign_pub, b.p + SIGN_SECRET_LEN - SIGN_PUBLIC_LEN, SIGN_PUBLIC_LEN);
	secret_wipe(b.p, b.n);
	buf_done(&b);
	return RC_OK;
}

static enum rc read_cert(struct node *n, struct err *err)
{
	struct buf b;
	enum rc rc;

	TRY(file_read(n->paths.cert, PEM_MAX, &b, err));
	rc = keys_fingerprint(buf_view(&b), n->cert_sha256, err);
	buf_done(&b);
	return rc;
}

static bool sign_head(void *ctx, struct str head, unsigned char sig[static SIGN_LEN])
{
	const struct node *n = ctx;

	sign_make(n->sign_sec, head, sig);
	return true;
}

static enum rc open_store(struct node *n, bool read_only, struct err *err)
{
	struct store_config sc = { .dir = n->paths.dir, .read_only = read_only };

	if (str_starts(str_of(n->config.store), S("postgresql://")))
		sc.url = n->config.store;
	else if (!str_eq(str_of(n->config.store), S("sqlite")))
		return FAIL(err, RC_BAD, "%s: [store] store = '%s' is neither sqlite nor postgresql://...", n->paths.conf, n->config.store);
	TRY(store_open(&sc, &n->store, err));
	fact_set_signer(n->store, sign_head, n);
	return RC_OK;
}

enum rc node_absent(const char *dir, struct err *err)
{
	return FAIL(err, RC_NOTFOUND, "%s: no node here (lianfang init makes one; --dir DIR or LIANFANG_DIR says where yours is)", dir);
}

enum rc node_present(const struct node_paths *p, const char *dir, struct err *err)
{
	if (file_exists(p->conf))
		return RC_OK;
	/* Another user's folder must not look like an empty place to make a node in. */
	if (errno == EACCES)
		return FAIL(err, RC_IO, "%s: %s; only its owner may enter a node's folder", dir, strerror(EACCES));
	return node_absent(dir, err);
}

enum rc node_open(const char *dir, bool read_only, struct node *ret, struct err *err)
{
	enum rc rc;

	*ret = (struct node){ 0 };
	TRY(node_paths_of(dir, &ret->paths, err));
	TRY(node_present(&ret->paths, dir, err));
	ret->arena = arena_new(NODE_ARENA_MAX);
	if (ret->arena == NULL)
		return FAIL(err, RC_NOMEM, "node: out of memory");
	rc = config_read(ret->paths.conf, ret->arena, &ret->config, err);
	if (rc == RC_OK)
		rc = read_sign_key(ret, err);
	if (rc == RC_OK)
		rc = read_cert(ret, err);
	if (rc == RC_OK)
		rc = open_store(ret, read_only, err);
	if (rc != RC_OK)
		node_close(ret);
	return rc;
}

void node_close(struct node *n)
{
	store_close(n->store);
	arena_free(n->arena);
	secret_wipe(n->sign_sec, sizeof n->sign_sec);
	*n = (struct node){ 0 };
}
