#include "node/provider.h"

#include "sys/file.h"
#include "sys/keys.h"

#define FILE_MAX ((size_t)256 << 10)

enum rc provider_open(const struct config *c, struct oidc **ret, struct err *err)
{
	struct oidc_config oc = { .issuer = c->provider, .client_id = c->client_id, .name = c->provider_name, .secret = "" };
	struct buf secret = { 0 }, ca = { 0 };
	enum rc rc = RC_OK;

	*ret = NULL;
	if (c->provider[0] == '\0')
		return RC_OK;
	if (c->client_secret_file[0] != '\0')
		rc = file_read(c->client_secret_file, FILE_MAX, &secret, err);
	if (rc == RC_OK && c->provider_ca[0] != '\0')
		rc = file_read(c->provider_ca, FILE_MAX, &ca, err);
	if (rc == RC_OK) {
		if (secret.n > 0) {
			secret.p[strcspn(secret.p, "\r\n")] = '\0';
			oc.secret = secret.p;
		}
		oc.ca_pem = ca.n > 0 ? ca.p : NULL;
		rc = oidc_new(&oc, ret, err);
	}
	if (secret.p != NULL)
		secret_wipe(secret.p, secret.n);
	buf_done(&secret);
	buf_done(&ca);
	return rc;
}
