#include "node/ways.h"

#include "sys/file.h"
#include "sys/keys.h"

#define PEM_MAX ((size_t)1 << 20)

struct texts {
	struct buf cert, key, client_ca;
};

static void texts_done(struct texts *t)
{
	if (t->key.p != NULL)
		secret_wipe(t->key.p, t->key.n);
	buf_done(&t->cert);
	buf_done(&t->key);
	buf_done(&t->client_ca);
}

static enum rc read_text(const char *path, const char *fallback, struct buf *out, struct err *err)
{
	if (path[0] == '\0')
		path = fallback;
	return path == NULL ? RC_OK : file_read(path, PEM_MAX, out, err);
}

static enum rc read_texts(const struct config_input *in, const struct node_paths *paths, struct texts *t, struct err *err)
{
	if ((in->certificate[0] == '\0') != (in->key[0] == '\0'))
		return FAIL(err, RC_BAD, "certificate and key belong together");
	TRY(read_text(in->certificate, paths->cert, &t->cert, err));
	TRY(read_text(in->key, paths->key, &t->key, err));
	return read_text(in->client_ca, NULL, &t->client_ca, err);
}

static enum rc open_listening(const struct config_input *in, const struct node_paths *paths, struct way *w, struct err *err)
{
	struct texts t = { 0 };
	enum rc rc = (w->kind->traits & INPUT_TLS_KEYS) != 0 ? read_texts(in, paths, &t, err) : RC_OK;
	struct input_opts o = { .name = in->name, .path = in->path, .cert_pem = t.cert.p, .key_pem = t.key.p, .client_ca_pem = t.client_ca.p };

	if (rc == RC_OK)
		rc = w->kind->open(&o, S(""), &w->self, err);
	texts_done(&t);
	return rc;
}

enum rc ways_open(const struct config *conf, const struct node_paths *paths, struct ways *ret, struct err *err)
{
	*ret = (struct ways){ 0 };
	for (size_t i = 0; i < conf->n_inputs; i++) {
		struct way *w = &ret->way[i];
		enum rc rc = RC_OK;

		w->kind = input_kind_of(conf->inputs[i].path);
		if ((w->kind->traits & INPUT_LISTENS) != 0)
			rc = open_listening(&conf->inputs[i], paths, w, err);
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
	for (size_t i = 0; i < CONFIG_INPUTS_MAX; i++)
		if (w->way[i].self != NULL)
			w->way[i].kind->close(w->way[i].self);
	*w = (struct ways){ 0 };
}
