#include "node/ways.h"

#include "base/mem.h"
#include "sys/file.h"
#include "sys/keys.h"

#define PEM_MAX ((size_t)1 << 20)

struct way_texts {
	struct buf cert, key, client_ca, ca, secret, senders;
};

static void wipe(struct buf *b)
{
	if (b->p != NULL)
		secret_wipe(b->p, b->n);
	buf_done(b);
}

static void texts_free(struct way_texts *t)
{
	if (t == NULL)
		return;
	wipe(&t->key);
	wipe(&t->secret);
	wipe(&t->senders);
	buf_done(&t->cert);
	buf_done(&t->client_ca);
	buf_done(&t->ca);
	mem_free(t);
}

static enum rc read_text(const char *path, const char *fallback, struct buf *out, struct err *err)
{
	if (path[0] == '\0')
		path = fallback;
	return path == NULL ? RC_OK : file_read(path, PEM_MAX, out, err);
}

/* Who listens shows the node's own certificate if no other; who connects shows none unasked. */
static enum rc read_texts(const struct config_input *in, const struct node_paths *paths, unsigned traits, struct way_texts *t, struct err *err)
{
	bool own = (traits & INPUT_TLS_KEYS) != 0;

	if ((in->certificate[0] == '\0') != (in->key[0] == '\0'))
		return FAIL(err, RC_BAD, "certificate and key belong together");
	TRY(read_text(in->senders, NULL, &t->senders, err));
	if ((traits & (INPUT_TLS_KEYS | INPUT_CONNECTS)) == 0)
		return RC_OK;
	TRY(read_text(in->certificate, own ? paths->cert : NULL, &t->cert, err));
	TRY(read_text(in->key, own ? paths->key : NULL, &t->key, err));
	TRY(read_text(in->client_ca, NULL, &t->client_ca, err));
	TRY(read_text(in->ca, NULL, &t->ca, err));
	return read_text(in->secret, NULL, &t->secret, err);
}

enum rc way_open(struct way *w, const struct config_input *in, const struct input_opts *more, struct str place, struct err *err)
{
	struct way_texts *t = w->texts;
	struct input_opts o = { .name = in->name, .path = in->path, .cert_pem = t->cert.p, .key_pem = t->key.p, .client_ca_pem = t->client_ca.p,
				.tls = in->tls, .ca_pem = t->ca.p, .user = in->user[0] == '\0' ? NULL : in->user, .secret = t->secret.p,
				.sasl = in->sasl, .senders = t->senders.p, .part_place = more->part_place, .ctx = more->ctx };
	enum rc rc = w->kind->open(&o, place, &w->self, err);

	texts_free(t);
	w->texts = NULL;
	return rc;
}

static enum rc prepare(struct way *w, const struct config_input *in, const struct node_paths *paths, struct err *err)
{
	w->kind = input_kind_of(in->path);
	w->texts = mem_alloc(sizeof *w->texts);
	if (w->texts == NULL)
		return FAIL(err, RC_NOMEM, "input: out of memory");
	TRY(read_texts(in, paths, w->kind->traits, w->texts, err));
	return (w->kind->traits & INPUT_LISTENS) != 0 ? way_open(w, in, &(struct input_opts){ 0 }, S(""), err) : RC_OK;
}

enum rc ways_open(const struct config *conf, const struct node_paths *paths, struct ways *ret, struct err *err)
{
	*ret = (struct ways){ 0 };
	for (size_t i = 0; i < conf->n_inputs; i++) {
		enum rc rc = prepare(&ret->way[i], &conf->inputs[i], paths, err);

		if (rc != RC_OK) {
			err_prefix(err, "[input %s]", conf->inputs[i].name);
			ways_close(ret);
			return rc;
		}
	}
	return RC_OK;
}

void ways_close(struct ways *w)
{
	for (size_t i = 0; i < CONFIG_INPUTS_MAX; i++) {
		if (w->way[i].self != NULL)
			w->way[i].kind->close(w->way[i].self);
		texts_free(w->way[i].texts);
	}
	*w = (struct ways){ 0 };
}
