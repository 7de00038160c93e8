/* The client on libcurl (GnuTLS flavour). A server is trusted by its chain, by the
 * SHA-256 of its certificate, or by both; the pin is compared in curl's pre-request hook,
 * which runs after the handshake and before the first byte of every request, also on a
 * reused connection: no credential and no object reaches an impostor.
 *
 * This flavour of libcurl takes certificates from files only, so they are lent to it as
 * anonymous memory files: nothing secret touches a disk. Nothing comes from the
 * environment (no proxy, no ~/.netrc), nothing is decompressed, redirects are followed
 * only to the same origin. Hostile: every byte that the server sends, and its timing. */
#include "sys/httpc.h"

#include <arpa/inet.h>
#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/file.h"
#include "sys/keys.h"
#include "sys/sse.h"

#define REDIRECTS_MAX 3
#define HEADERS_MAX ((size_t)64 << 10)
#define FD_PATH_MAX 32
#define RETRY_AFTER_MAX 86400

static_assert(LIBCURL_VERSION_NUM >= 0x075500, "the pre-request hook and named protocols");

struct httpc {
	CURL *curl;
	char *pin, *user, *password, *bearer;
	bool has_ca, has_cert, plain_loopback;
	int ca_fd, cert_fd, key_fd;
	int socket_folder;
	const _Atomic int *stop;
	char socket_path[100]; /* "" = none */
	usec connect_timeout, total_timeout, stall_timeout;
	size_t max_response;
};

/* One exchange. */
struct run {
	struct httpc *h;
	struct httpc_res *res;
	size_t header_bytes;
	bool head_begun, head_whole;
	enum rc rc;      /* our own verdict, when we ended the transfer */
	struct err *err; /* filled with it */
	usec heard;      /* when something last moved, by time_mono */
	curl_off_t moved;
	/* event streams only */
	struct sse *sse;
	usec silence;
	const _Atomic int *stop;
};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static CURLcode global_code;

static void global_init(void)
{
	global_code = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum rc httpc_ready(struct err *err)
{
	pthread_once(&global_once, global_init);
	return global_code == CURLE_OK ? RC_OK : FAIL(err, RC_NOMEM, "http client: %s", curl_easy_strerror(global_code));
}

/* --- life --- */

static enum rc lend(const char *pem, int *ret_fd, struct err *err)
{
	if (pem == NULL)
		return RC_OK;
	*ret_fd = memfd_create("pem", MFD_CLOEXEC);
	if (*ret_fd < 0)
		return FAIL(err, RC_IO, "http client: memfd: %m");
	return file_write_at(*ret_fd, 0, str_of(pem), err);
}

static bool copy(char **to, const char *from)
{
	*to = from == NULL ? NULL : mem_strdup(from);
	return from == NULL || *to != NULL;
}

static bool is_pin(const char *pin)
{
	struct str s = str_of(pin);

	for (size_t i = 0; i < s.n; i++)
		if (strchr("0123456789abcdef", s.p[i]) == NULL)
			return false;
	return s.n == (size_t)2 * SHA256_LEN;
}

/* A socket's path may have 107 bytes only; the folder's descriptor makes any path short. */
static enum rc take_socket(struct httpc *h, const char *path, struct err *err)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	char *folder CLEANUP(mem_freep) = NULL;

	if (path == NULL)
		return RC_OK;
	if (slash == NULL || slash == path)
		return FAIL(err, RC_BAD, "http client: '%s' is no absolute path", path);
	folder = mem_strdup(path);
	if (folder == NULL)
		return FAIL(err, RC_NOMEM, "http client: out of memory");
	folder[slash - path] = '\0';
	h->socket_folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (h->socket_folder < 0)
		return FAIL(err, RC_IO, "http client: %s: %m", folder);
	if (snprintf(h->socket_path, sizeof h->socket_path, "/proc/self/fd/%d/%s", h->socket_folder, slash + 1) >=
	    (int)sizeof h->socket_path)
		return FAIL(err, RC_BAD, "http client: %s: name is too long", path);
	return RC_OK;
}

static enum rc take_config(struct httpc *h, const struct httpc_config *c, struct err *err)
{
	if (c->pin_sha256 != NULL && !is_pin(c->pin_sha256))
		return FAIL(err, RC_BAD, "http client: a pin is 64 lower-case hexadecimal digits");
	if ((c->cert_pem == NULL) != (c->key_pem == NULL))
		return FAIL(err, RC_BAD, "http client: certificate and key go together");
	if (c->bearer != NULL && c->user != NULL)
		return FAIL(err, RC_BAD, "http client: either a password or a token");
	if (c->max_response == 0 || c->connect_timeout < 0 || c->total_timeout < 0)
		return FAIL(err, RC_BAD, "http client: limits must be positive");
	h->has_ca = c->ca_pem != NULL;
	h->has_cert = c->cert_pem != NULL;
	h->plain_loopback = c->allow_plain_loopback;
	TRY(take_socket(h, c->unix_socket, err));
	h->connect_timeout = c->connect_timeout == 0 ? 10 * USEC_PER_SEC : c->connect_timeout;
	h->total_timeout = c->total_timeout == 0 ? 60 * USEC_PER_SEC : c->total_timeout;
	h->stall_timeout = c->stall_timeout;
	h->stop = c->stop;
	h->max_response = c->max_response;
	if (!copy(&h->pin, c->pin_sha256) || !copy(&h->user, c->user) || !copy(&h->password, c->password) ||
	    !copy(&h->bearer, c->bearer))
		return FAIL(err, RC_NOMEM, "http client: out of memory");
	TRY(lend(c->ca_pem, &h->ca_fd, err));
	TRY(lend(c->cert_pem, &h->cert_fd, err));
	return lend(c->key_pem, &h->key_fd, err);
}

enum rc httpc_new(const struct httpc_config *c, struct httpc **ret, struct err *err)
{
	struct httpc *h = mem_alloc(sizeof *h);
	enum rc rc;

	if (h == NULL)
		return FAIL(err, RC_NOMEM, "http client: out of memory");
	h->ca_fd = h->cert_fd = h->key_fd = h->socket_folder = -1;
	rc = httpc_ready(err);
	h->curl = rc == RC_OK ? curl_easy_init() : NULL;
	if (rc == RC_OK)
		rc = h->curl == NULL ? FAIL(err, RC_NOMEM, "http client: out of memory") : take_config(h, c, err);
	if (rc != RC_OK) {
		httpc_free(h);
		return rc;
	}
	*ret = h;
	return RC_OK;
}

static void free_secret(char *s)
{
	if (s != NULL)
		secret_wipe(s, strlen(s));
	mem_free(s);
}

void httpc_free(struct httpc *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->curl);
	file_closep(&h->ca_fd);
	file_closep(&h->cert_fd);
	file_closep(&h->key_fd);
	file_closep(&h->socket_folder);
	mem_free(h->pin);
	free_secret(h->user);
	free_secret(h->password);
	free_secret(h->bearer);
	mem_free(h);
}

/* --- which URLs --- */

static void url_freep(CURLU **u)
{
	curl_url_cleanup(*u);
}

/* Scheme, host and port with defaults filled in, lower case: what a redirect must keep. */
static enum rc origin_of(const char *url, char out[static 512], bool *ret_plain, struct err *err)
{
	CLEANUP(url_freep) CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL;
	enum rc rc = RC_OK;

	if (u == NULL)
		return FAIL(err, RC_NOMEM, "http client: out of memory");
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK)
		rc = FAIL(err, RC_BAD, "'%.200s' is no URL", url);
	else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
		rc = FAIL(err, RC_BAD, "a URL must not hold a user name");
	else if (strcasecmp(scheme, "https") != 0 && strcasecmp(scheme, "http") != 0)
		rc = FAIL(err, RC_BAD, "'%.200s': only https is spoken", url);
	else if (snprintf(out, 512, "%s://%s:%s", scheme, host, port) >= 512)
		rc = FAIL(err, RC_LIMIT, "'%.200s': host name is too long", url);
	*ret_plain = rc == RC_OK && strcasecmp(scheme, "http") == 0;
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(user);
	for (char *p = out; rc == RC_OK && *p != '\0'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	return rc;
}

/* Names do not count: "localhost" is what some resolver says it is. */
static bool is_loopback(const char *origin)
{
	struct in_addr in;
	char host[INET_ADDRSTRLEN] = "";
	const char *begin = origin + strlen("http://"), *colon = strrchr(begin, ':');

	if (strncmp(begin, "[::1]:", 6) == 0)
		return true;
	if (colon == NULL || (size_t)(colon - begin) >= sizeof host)
		return false;
	memcpy(host, begin, (size_t)(colon - begin));
	return inet_pton(AF_INET, host, &in) == 1 && ntohl(in.s_addr) >> 24 == 127;
}

static enum rc check_url(const struct httpc *h, const char *url, char origin[static 512], struct err *err)
{
	bool plain;

	TRY(origin_of(url, origin, &plain, err));
	if (plain && !(h->plain_loopback && is_loopback(origin)))
		return FAIL(err, RC_BAD, "'%.200s': only https is spoken%s", url,
			    h->plain_loopback ? " (plain HTTP to 127.0.0.0/8 and ::1)" : "");
	return RC_OK;
}

/* --- what curl calls --- */

static int end_run(struct run *r, enum rc rc)
{
	if (r->rc == RC_OK)
		r->rc = rc;
	return -1;
}

static bool pin_matches(const struct httpc *h)
{
	struct curl_tlssessioninfo *info = NULL;
	const gnutls_datum_t *chain;
	unsigned char digest[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];
	time_t now = (time_t)(time_now() / USEC_PER_SEC);
	unsigned n = 0;

	if (curl_easy_getinfo(h->curl, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || info == NULL ||
	    info->backend != CURLSSLBACKEND_GNUTLS || info->internals == NULL)
		return false;
	chain = gnutls_certificate_get_peers(info->internals, &n);
	if (chain == NULL || n == 0)
		return false;
	hash_sha256(str_make((const char *)chain[0].data, chain[0].size), digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	/* With a pin alone nobody else looks at the dates. */
	return strcmp(hex, h->pin) == 0 && gnutls_certificate_activation_time_peers(info->internals) <= now &&
	       now < gnutls_certificate_expiration_time_peers(info->internals);
}

static int before_request(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
	struct run *r = arg;

	(void)local_ip, (void)local_port;
	if (r->h->pin == NULL || pin_matches(r->h))
		return CURL_PREREQFUNC_OK;
	end_run(r, FAIL(r->err, RC_DENIED, "%s port %d: the server's certificate is not the pinned one, or outside its dates", remote_ip, remote_port));
	return CURL_PREREQFUNC_ABORT;
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct run *r = arg;
	struct buf *b = &r->res->body;

	buf_put(b, data, size * n);
	if (b->bad == RC_OK)
		return size * n;
	if (b->bad == RC_LIMIT)
		end_run(r, FAIL(r->err, RC_LIMIT, "the reply is larger than %zu bytes", b->max));
	else
		end_run(r, FAIL(r->err, RC_NOMEM, "out of memory for the reply"));
	return 0;
}

static void keep_text(char *to, size_t size, struct str value)
{
	if (value.n >= size)
		return;
	memcpy(to, value.p, value.n);
	to[value.n] = '\0';
}

/* A count of seconds or a date (RFC 9110 §10.2.3). */
static int retry_after(struct str value)
{
	char text[64] = "";
	uint64_t seconds;
	time_t at;

	if (str_to_u64(value, &seconds))
		return (int)(seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : seconds);
	keep_text(text, sizeof text, value);
	at = curl_getdate(text, NULL);
	if (at == -1)
		return -1;
	at -= (time_t)(time_now() / USEC_PER_SEC);
	return at < 0 ? 0 : (int)(at > RETRY_AFTER_MAX ? RETRY_AFTER_MAX : at);
}

static void take_date(struct httpc_res *res, struct str value)
{
	char text[64] = "";
	time_t at;

	keep_text(text, sizeof text, value);
	at = curl_getdate(text, NULL);
	res->server_date = at == -1 ? 0 : (usec)at * USEC_PER_SEC;
}

/* A new status line begins a new reply (after 100 Continue, say): what came before is void. */
static void reset_res(struct httpc_res *res)
{
	struct buf body = res->body;

	*res = (struct httpc_res){ .body = body, .retry_after = -1 };
	buf_clear(&res->body);
}

static void take_named(struct httpc_res *res, struct str name, struct str value)
{
	if (str_eq_nocase(name, S("content-type")))
		keep_text(res->content_type, sizeof res->content_type, value);
	else if (str_eq_nocase(name, S("x-taxii-date-added-first")))
		keep_text(res->added_first, sizeof res->added_first, value);
	else if (str_eq_nocase(name, S("x-taxii-date-added-last")))
		keep_text(res->added_last, sizeof res->added_last, value);
	else if (str_eq_nocase(name, S("www-authenticate")))
		keep_text(res->www_authenticate, sizeof res->www_authenticate, value);
	else if (str_eq_nocase(name, S("retry-after")))
		res->retry_after = retry_after(value);
	else if (str_eq_nocase(name, S("date")))
		take_date(res, value);
}

static size_t take_header(char *data, size_t size, size_t n, void *arg)
{
	struct run *r = arg;
	struct str line = str_make(data, size * n);
	const char *colon = memchr(data, ':', line.n);

	r->header_bytes += line.n;
	if (r->header_bytes > HEADERS_MAX) {
		end_run(r, FAIL(r->err, RC_LIMIT, "the reply's headers are larger than %zu bytes", HEADERS_MAX));
		return 0;
	}
	r->head_begun = true;
	if (str_starts(line, S("HTTP/"))) {
		reset_res(r->res);
		r->head_whole = false;
	} else if (str_trim(line).n == 0) {
		r->head_whole = true;
	} else if (colon != NULL) {
		take_named(r->res, str_make(data, (size_t)(colon - data)),
			   str_trim(str_slice(line, (size_t)(colon - data) + 1, line.n)));
	}
	return line.n;
}

/* curl asks about once a second, also while nothing moves. */
static int watch_request(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	struct run *r = arg;

	(void)down_all, (void)up_all;
	if (r->h->stop != NULL && atomic_load(r->h->stop) != 0)
		return end_run(r, FAIL(r->err, RC_BUSY, "stopped"));
	if (down + up != r->moved) {
		r->moved = down + up;
		r->heard = time_mono();
	} else if (r->h->stall_timeout > 0 && time_mono() - r->heard > r->h->stall_timeout) {
		return end_run(r, FAIL(r->err, RC_PEER, "nothing moves any more"));
	}
	return 0;
}

/* --- one request --- */

/* Every option anew: a request must not inherit the method or body of the one before.
 * Connections and sessions survive this. */
static CURLcode set_common(struct httpc *h, const char *url, struct run *r)
{
	CURL *c = h->curl;
	CURLcode bad = CURLE_OK;

#define SET(option, value) (bad = bad != CURLE_OK ? bad : curl_easy_setopt(c, option, value))
	curl_easy_reset(c);
	SET(CURLOPT_URL, url);
	SET(CURLOPT_NOSIGNAL, 1L);
	if (h->socket_path[0] != '\0')
		SET(CURLOPT_UNIX_SOCKET_PATH, h->socket_path);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_PROTOCOLS_STR, h->plain_loopback ? "http,https" : "https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(h->connect_timeout / 1000));
	SET(CURLOPT_TIMEOUT_MS, (long)(h->total_timeout / 1000));
	SET(CURLOPT_TCP_NODELAY, 1L);
	SET(CURLOPT_USERAGENT, "lianfang/" LIANFANG_VERSION);
	SET(CURLOPT_PREREQFUNCTION, before_request);
	SET(CURLOPT_PREREQDATA, r);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, r);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, watch_request);
	SET(CURLOPT_XFERINFODATA, r);
	return bad;
}

static CURLcode set_trust(struct httpc *h)
{
	CURL *c = h->curl;
	CURLcode bad = CURLE_OK;
	char ca[FD_PATH_MAX], cert[FD_PATH_MAX], key[FD_PATH_MAX];
	bool pin_alone = h->pin != NULL && !h->has_ca;

	SET(CURLOPT_SSL_VERIFYPEER, pin_alone ? 0L : 1L);
	SET(CURLOPT_SSL_VERIFYHOST, pin_alone ? 0L : 2L);
	if (h->has_ca)
		snprintf(ca, sizeof ca, "/proc/self/fd/%d", h->ca_fd);
	/* Or the system's store would be trusted beside the given CA; beside a pin alone it is read in vain, 10 MB and 0.1 s a connection. */
	if (h->has_ca || pin_alone) {
		SET(CURLOPT_CAINFO, h->has_ca ? ca : NULL);
		SET(CURLOPT_CAPATH, NULL);
	}
	if (h->has_cert) {
		snprintf(cert, sizeof cert, "/proc/self/fd/%d", h->cert_fd);
		snprintf(key, sizeof key, "/proc/self/fd/%d", h->key_fd);
		SET(CURLOPT_SSLCERT, cert);
		SET(CURLOPT_SSLKEY, key);
	}
	if (h->user != NULL) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		SET(CURLOPT_USERNAME, h->user);
		SET(CURLOPT_PASSWORD, h->password == NULL ? "" : h->password);
	}
	if (h->bearer != NULL) {
		SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		SET(CURLOPT_XOAUTH2_BEARER, h->bearer);
	}
	return bad;
}

static CURLcode set_method(struct httpc *h, const char *method, struct str body)
{
	CURL *c = h->curl;
	CURLcode bad = CURLE_OK;
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	if (strcmp(method, "HEAD") == 0)
		SET(CURLOPT_NOBODY, 1L);
	if (!reads && (body.n > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0)) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
		SET(CURLOPT_POSTFIELDS, body.n == 0 ? "" : body.p);
	}
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0 && strcmp(method, "POST") != 0)
		SET(CURLOPT_CUSTOMREQUEST, method);
	return bad;
}

static void slist_freep(struct curl_slist **l)
{
	curl_slist_free_all(*l);
}

static bool add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer != NULL)
		*list = longer;
	return longer != NULL;
}

static enum rc verdict(struct run *r, CURLcode code, const char *url, const char *words)
{
	if (r->rc != RC_OK) {
		err_prefix(r->err, "%.200s", url);
		return r->rc;
	}
	/* curl takes a connection that closes within the head for an empty reply, and calls a
	 * header line beyond its own limit a lack of memory. */
	if (r->head_begun && !r->head_whole && (code == CURLE_OK || code == CURLE_OUT_OF_MEMORY))
		return FAIL(r->err, RC_PEER, "%.200s: the reply's head is cut short or endless", url);
	if (code == CURLE_OK)
		return RC_OK;
	if (code == CURLE_OUT_OF_MEMORY)
		return FAIL(r->err, RC_NOMEM, "%.200s: out of memory", url);
	/* Not RC_PEER: trust does not mend by another try. */
	return FAIL(r->err, code == CURLE_PEER_FAILED_VERIFICATION ? RC_DENIED : RC_PEER, "%.200s: %s", url,
		    words[0] == '\0' ? curl_easy_strerror(code) : words);
}

static enum rc perform(struct run *r, const char *url, CURLcode bad)
{
	char words[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;
	enum rc rc;

	if (bad != CURLE_OK)
		return FAIL(r->err, bad == CURLE_OUT_OF_MEMORY ? RC_NOMEM : RC_INTERNAL, "http client: %s", curl_easy_strerror(bad));
	curl_easy_setopt(r->h->curl, CURLOPT_ERRORBUFFER, words);
	code = curl_easy_perform(r->h->curl);
	rc = verdict(r, code, url, words);
	curl_easy_setopt(r->h->curl, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_getinfo(r->h->curl, CURLINFO_RESPONSE_CODE, &status);
	r->res->status = (int)status;
	return rc;
}

static enum rc do_once(struct httpc *h, const char *method, const char *url, const char *const *headers, struct str body,
		       struct httpc_res *res, struct err *err)
{
	CLEANUP(slist_freep) struct curl_slist *list = NULL;
	struct run r = { .h = h, .res = res, .err = err, .heard = time_mono() };
	CURLcode bad = set_common(h, url, &r);

	if (bad == CURLE_OK)
		bad = set_trust(h);
	if (bad == CURLE_OK)
		bad = set_method(h, method, body);
	for (; bad == CURLE_OK && headers != NULL && *headers != NULL; headers++)
		if (!add_header(&list, *headers))
			bad = CURLE_OUT_OF_MEMORY;
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, list);
	return perform(&r, url, bad);
}

/* The next address of a GET that was redirected within its origin; *ret stays NULL otherwise. */
static enum rc redirected(struct httpc *h, const char *method, const struct httpc_res *res, const char *origin, char **ret,
			  struct err *err)
{
	char *next = NULL, there[512];
	bool plain;

	if (res->status < 301 || res->status > 308 || strcmp(method, "GET") != 0)
		return RC_OK;
	if (curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &next) != CURLE_OK || next == NULL)
		return RC_OK;
	if (origin_of(next, there, &plain, NULL) != RC_OK || strcmp(there, origin) != 0)
		return RC_OK;
	*ret = mem_strdup(next);
	return *ret != NULL ? RC_OK : FAIL(err, RC_NOMEM, "%.200s: out of memory", next);
}

enum rc httpc_do(struct httpc *h, const char *method, const char *url, const char *const *headers, struct str body,
		 struct httpc_res *res, struct err *err)
{
	CLEANUP(mem_freep) char *next = NULL;
	char origin[512];

	*res = (struct httpc_res){ .retry_after = -1 };
	buf_init(&res->body, h->max_response);
	TRY(check_url(h, url, origin, err));
	for (int hops = 0;; hops++) {
		char *after = NULL;
		enum rc rc = do_once(h, method, next == NULL ? url : next, headers, body, res, err);

		if (rc != RC_OK)
			return rc;
		if (hops < REDIRECTS_MAX)
			TRY(redirected(h, method, res, origin, &after, err));
		if (after == NULL)
			return RC_OK;
		mem_free(next);
		next = after;
	}
}

void httpc_res_done(struct httpc_res *res)
{
	buf_done(&res->body);
}

/* --- event streams --- */

static size_t take_events(char *data, size_t size, size_t n, void *arg)
{
	struct run *r = arg;
	long status = 0;
	enum rc rc;

	r->heard = time_mono();
	curl_easy_getinfo(r->h->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200) /* an error text: the caller only learns the status */
		return size * n;
	if (!str_starts(str_of(r->res->content_type), S("text/event-stream"))) {
		end_run(r, FAIL(r->err, RC_UNSUPPORTED, "the reply is '%s', not an event stream", r->res->content_type));
		return 0;
	}
	rc = sse_feed(r->sse, str_make(data, size * n), r->err);
	if (rc == RC_OK)
		return size * n;
	end_run(r, rc == RC_BAD ? RC_PEER : rc);
	return 0;
}

static int watch(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
	struct run *r = arg;

	(void)down_all, (void)down, (void)up_all, (void)up;
	if (r->stop != NULL && atomic_load(r->stop) != 0)
		return end_run(r, RC_NOTFOUND);
	if (time_mono() - r->heard > r->silence)
		return end_run(r, FAIL(r->err, RC_PEER, "the event stream is silent"));
	return 0;
}

static CURLcode set_events(struct httpc *h)
{
	CURL *c = h->curl;
	CURLcode bad = CURLE_OK;

	SET(CURLOPT_TIMEOUT_MS, 0L);
	SET(CURLOPT_WRITEFUNCTION, take_events);
	SET(CURLOPT_XFERINFOFUNCTION, watch);
#undef SET
	return bad;
}

static bool event_headers(struct curl_slist **list, const char *last_event_id, char line[static SSE_ID_MAX + 32])
{
	if (!add_header(list, "Accept: text/event-stream") || !add_header(list, "Cache-Control: no-store"))
		return false;
	if (last_event_id == NULL || last_event_id[0] == '\0')
		return true;
	snprintf(line, SSE_ID_MAX + 32, "Last-Event-ID: %s", last_event_id);
	return add_header(list, line);
}

/* Only 200 opens a stream; anything else is a refusal by its status. */
static enum rc stream_status(const char *url, int status, struct err *err)
{
	if (status == 200)
		return RC_OK;
	if (status == 401 || status == 403)
		return FAIL(err, RC_DENIED, "%.200s: HTTP status %d", url, status);
	if (status == 404)
		return FAIL(err, RC_NOTFOUND, "%.200s: HTTP status %d", url, status);
	if (status == 409)
		return FAIL(err, RC_CONFLICT, "%.200s: HTTP status %d", url, status);
	if (status == 429 || status == 503)
		return FAIL(err, RC_BUSY, "%.200s: HTTP status %d", url, status);
	return FAIL(err, (status >= 400 && status < 500) || status == 501 ? RC_UNSUPPORTED : RC_PEER, "%.200s: HTTP status %d", url, status);
}

enum rc httpc_events(struct httpc *h, const char *url, const char *last_event_id, usec silence, const _Atomic int *stop,
		     httpc_event on_event, void *ctx, struct err *err)
{
	CLEANUP(slist_freep) struct curl_slist *list = NULL;
	CLEANUP(sse_done) struct sse sse;
	CLEANUP(httpc_res_done) struct httpc_res res = { .retry_after = -1 };
	struct run r = { .h = h, .res = &res, .err = err, .sse = &sse, .silence = silence, .heard = time_mono(), .stop = stop };
	char origin[512], line[SSE_ID_MAX + 32];
	CURLcode bad;
	enum rc rc;

	sse_init(&sse, h->max_response, on_event, ctx);
	buf_init(&res.body, h->max_response);
	TRY(check_url(h, url, origin, err));
	if (last_event_id != NULL && (strlen(last_event_id) >= SSE_ID_MAX || strpbrk(last_event_id, "\r\n") != NULL))
		return FAIL(err, RC_BAD, "malformed event id");
	bad = set_common(h, url, &r);
	if (bad == CURLE_OK)
		bad = set_trust(h);
	if (bad == CURLE_OK)
		bad = set_events(h);
	if (bad == CURLE_OK && !event_headers(&list, last_event_id, line))
		bad = CURLE_OUT_OF_MEMORY;
	if (bad == CURLE_OK)
		bad = curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, list);
	rc = perform(&r, url, bad);
	/* We ended it ourselves, as asked. */
	if (rc == RC_NOTFOUND && r.rc == RC_NOTFOUND)
		return RC_OK;
	return rc != RC_OK ? rc : stream_status(url, res.status, err);
}
