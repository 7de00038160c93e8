/* The core role: opens the node inside its fence, wires the parts together,
 * serves until it is told to stop.
 *
 * Order matters. The fence comes first, because Landlock and seccomp bind the
 * thread that installs them and those it starts later; then the store, then what
 * listens to it, then the doors to the world, so that nobody meets a half-open
 * node. The way down is the same way back. */
#include "node/core.h"
#include "node/blocks.h"
#include "node/bulletins.h"
#include "node/cases.h"
#include "node/community.h"
#include "node/exchange.h"
#include "node/loaded.h"
#include "node/opinions.h"
#include "node/provider.h"
#include "node/settings.h"
#include "node/devices.h"
#include "node/ticket_share.h"
#include "node/tickets.h"
#include "node/keep.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/log.h"
#include "base/mem.h"
#include "gate/gate.h"
#include "stix/marking.h"
#include "store/collections.h"
#include "store/facts.h"
#include "store/sessions.h"
#include "sys/runner.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "web/api_boards.h"
#include "web/console.h"

#define COMMAND_LIMIT (20 * USEC_PER_SEC)
#define STOP_GRACE (5 * USEC_PER_SEC)
#define PEM_MAX ((size_t)1 << 16)
#define MIB ((size_t)1 << 20)
#define DETECT_WITHIN (10 * USEC_PER_SEC) /* the doors wait so long for the detect role */
#define EXPIRE_EVERY (3600 * USEC_PER_SEC)

static void write_fences(const struct core *c, struct jsonw *w)
{
	struct buf b;

	buf_init(&b, 4096);
	fence_describe(&c->fences, &b);
	jsonw_name(w, "roles");
	jsonw_array(w);
	jsonw_object(w);
	jsonw_m_cstr(w, "role", "core");
	jsonw_m_int(w, "pid", (int64_t)getpid());
	jsonw_m_str(w, "fences", buf_view(&b));
	jsonw_object_end(w);
	detect_link_role(c->link, w);
	lab_desk_role(c->lab, w);
	jsonw_array_end(w);
	buf_done(&b);
}

static void write_http(struct core *c, struct jsonw *w)
{
	struct http_server *https = atomic_load(&c->https);
	struct http_stats st;

	if (https == NULL)
		return;
	http_server_stats(https, &st);
	jsonw_name(w, "http");
	jsonw_object(w);
	jsonw_m_int(w, "port", http_server_port(https));
	jsonw_m_bool(w, "tls", !c->opts.plain_http);
	jsonw_m_int(w, "requests", (int64_t)st.requests);
	jsonw_m_int(w, "client_errors", (int64_t)st.client_errors);
	jsonw_m_int(w, "refused_malformed", (int64_t)st.refused_malformed);
	jsonw_m_int(w, "refused_size", (int64_t)st.refused_size);
	jsonw_m_int(w, "tls_failures", (int64_t)st.tls_failures);
	jsonw_m_int(w, "connections", (int64_t)st.connections);
	jsonw_m_int(w, "streams", (int64_t)st.streams);
	jsonw_object_end(w);
}

static void write_status(void *ctx, struct jsonw *w)
{
	struct core *c = ctx;

	jsonw_m_bool(w, "running", true);
	write_fences(c, w);
	write_http(c, w);
	detect_link_status(c->link, w);
	blocks_status(c->blocks, w);
	lab_desk_status(c->lab, w);
	tickets_status(c->tickets, w);
	fed_status(c->fed, w);
}

static void ticket_told(void *ctx, const struct ticket *t, const struct ticket_change *x)
{
	struct core *c = ctx;

	ticket_share_feedback(c, t, x);
	tickets_touch(c->tickets, t->row);
}

static enum rc devices_told(void *ctx, struct str month, struct jsonw *w, struct err *err)
{
	struct core *c = ctx;

	return c->devices == NULL ? FAIL(err, RC_BUSY, "devices: the node is starting") : devices_sheet(c->devices, month, w, err);
}

static int rule_known(void *ctx, struct str id)
{
	struct core *c = ctx;

	return detect_link_rule(c->link, id);
}

static uint32_t ask_detect(void *ctx, struct str question, bool (*fn)(void *fn_ctx, struct str json, bool last, enum rc rc), void *fn_ctx)
{
	struct core *c = ctx;

	return detect_link_ask(c->link, question, fn, fn_ctx);
}

static void unask_detect(void *ctx, uint32_t number)
{
	struct core *c = ctx;

	detect_link_unask(c->link, number);
}

static void facts_came(void *ctx)
{
	struct core *c = ctx;

	alarms_wake(c->alarms);
	bulletins_wake(c->bulletins);
	cases_wake(c);
	community_wake(c->community);
}

static void peers_changed(void *ctx)
{
	struct core *c = ctx;

	exchange_reload(c);
	cases_reload(c);
	community_wake(c->community);
	loaded_wake(c->loaded);
	fed_reload(c->fed);
}

/* What people decided reaches the tickets to come, the detector, and the tier above. */
static void ticket_changed(void *ctx, const struct ticket *t)
{
	struct core *c = ctx;

	tickets_changed(c->tickets);
	for (size_t i = 0; t != NULL && i < t->n_refs; i++) {
		struct err err = { 0 };
		enum rc rc;

		if (!str_eq(t->refs[i].kind, S("indicator")))
			continue;
		follower_relearn(c, t->refs[i].value);
		rc = opinion_tell(c, t->refs[i].value, &err);
		if (rc != RC_OK && rc != RC_NOTFOUND)
			log_line(LOG_LEVEL_WARN, "opinion", "is not told: %s", rc_name(rc));
	}
}

void node_url(const char *listen, int port, bool plain_http, char ret[static NODE_URL_MAX])
{
	const char *colon = strrchr(listen, ':');
	struct str host = str_slice(str_of(listen), 0, colon == NULL ? SIZE_MAX : (size_t)(colon - listen));
	char number[16] = "";
	struct utsname machine;

	if ((str_eq(host, S("0.0.0.0")) || str_eq(host, S("[::]"))) && uname(&machine) == 0)
		host = str_of(machine.nodename);
	if (port > 0)
		snprintf(number, sizeof number, ":%d", port);
	snprintf(ret, NODE_URL_MAX, "%s://%.*s%.16s", plain_http ? "http" : "https", STR(str_slice(host, 0, 256)),
		 port > 0 ? number : colon == NULL ? "" : colon);
}

void core_api(struct node *n, struct api *ret)
{
	*ret = (struct api){ .store = n->store, .node_name = n->config.name, .tier = n->config.tier, .identity = n->config.identity, .oid = n->config.oid,
			     .cert_sha256 = n->cert_sha256, .default_tlp = (uint8_t)n->config.default_tlp, .strict = n->config.strict,
			     .upgrade_20 = n->config.upgrade_20, .dir = n->paths.dir, .started = time_now(),
			     .rsit = n->config.rsit[0] == '\0' ? NULL : n->config.rsit, .desk_packs = n->config.desk_packs, .desk_pack = n->config.desk_pack,
			     .desk_roles = n->config.desk_roles, .seal_pub = n->sign_pub, .seal_sec = n->sign_sec,
			     .password_least = n->config.password_least, .second_person_on = str_eq(str_of(n->config.second_person), S("yes")),
			     .second_person_auto = str_eq(str_of(n->config.second_person), S("auto")) };
	mac_sha256(n->sign_sec, S("lianfang ids"), ret->id_key);
}

void core_handle(struct core *c, const struct viewer *v, struct http_req *r, struct http_res *res)
{
	if (str_starts(r->path, S("/api/v1/")) || str_eq(r->path, S("/api/v1"))) {
		api_handle(&c->api, v, r, res);
		/* A browser neither guesses at what it got nor leaves it on its disk. */
		http_res_header(res, "X-Content-Type-Options", "nosniff");
		http_res_header(res, "Cache-Control", "no-store");
	}
	else if (str_starts(r->path, S("/fed/v1/")))
		fed_server_handle(c->fed_server, v, r, res);
	else
		taxii_handle(c->taxii, v, r, res);
}

/* From the network: who asks is proved first. */
static void handle_public(void *ctx, struct http_req *r, struct http_res *res)
{
	struct core *c = ctx;
	struct viewer v;

	if (c->window != NULL && window_is_path(r->path)) {
		window_handle(c->window, r, res);
		return;
	}
	if (public_lab_is_path(r->path)) {
		public_lab_handle(&c->api, (uint64_t)c->node.config.max_body_mb * MIB, r, res);
		return;
	}
	if (c->figures != NULL && figures_is_path(r->path)) {
		figures_handle(c->figures, r, res);
		return;
	}
	if (c->notices != NULL && notices_is_path(r->path)) {
		notices_handle(c->notices, r, res);
		return;
	}
	if (console_has(r->path))
		console_handle(r, res);
	else if (auth_viewer(c->auth, r, &v, res))
		core_handle(c, &v, r, res);
}

/* From the control socket: the file's permissions have proved it. */
static void handle_local(void *ctx, struct http_req *r, struct http_res *res)
{
	static const struct viewer local = { .kind = VIEWER_LOCAL, .name = { "local", 5 }, .role = { "admin", 5 }, .tlp_max = TLP_RED };

	core_handle(ctx, &local, r, res);
}

static bool admit_public(void *ctx, struct http_req *r, size_t *ret_max_body, struct http_res *res)
{
	struct core *c = ctx;

	if (public_lab_is_path(r->path)) {
		*ret_max_body = (size_t)c->node.config.max_body_mb * MIB;
		return true;
	}
	if ((c->figures != NULL && figures_is_path(r->path)) || (c->notices != NULL && notices_is_path(r->path)))
		return true;
	if (c->window != NULL && window_is_path(r->path)) {
		*ret_max_body = WINDOW_BODY_MAX;
		return true;
	}
	if (console_has(r->path))
		return true;
	if (str_starts(r->path, S("/api/v1/")) || str_starts(r->path, S("/fed/v1/"))) {
		*ret_max_body = (size_t)c->node.config.max_body_mb * MIB;
		return true;
	}
	return taxii_admit(c->taxii, NULL, r, ret_max_body, res);
}

static bool admit_local(void *ctx, struct http_req *r, size_t *ret_max_body, struct http_res *res)
{
	(void)ctx;
	(void)r;
	(void)res;
	*ret_max_body = 1024 * MIB;
	return true;
}

/* What the server refuses by itself is worded as TAXII words its errors; REST clients know the same members. */
static void refuse(void *ctx, struct http_req *r, int status, const char *why, struct http_res *res)
{
	(void)ctx;
	if (public_lab_is_path(r->path))
		public_lab_refused(r, status, res);
	else
		taxii_error(r, res, status, "%s", why);
}

/* Reads answer from memory and the page cache and need no worker, once the client is known. */
static bool may_wait(void *ctx, const struct http_req *r)
{
	struct core *c = ctx;
	bool reads = str_eq(r->method, S("GET")) || str_eq(r->method, S("HEAD")) || str_eq(r->method, S("OPTIONS"));

	if (console_has(r->path))
		return false;
	if (c->api.lab != NULL && reads && str_starts(r->path, S("/api/v1/lab/hashes/")))
		return auth_is_slow(c->auth, r);
	return !reads || c->node.store == NULL || notices_is_path(r->path) || figures_is_path(r->path) || public_lab_is_path(r->path) || str_starts(str_of(c->node.config.store), S("postgresql://")) ||
	       str_starts(r->path, S("/api/v1/")) || auth_is_slow(c->auth, r);
}

static enum rc enter_fence(struct core *c, const char *dir, const struct config *conf, struct err *err)
{
	static const char *const system_files[] = {
		"/etc/ssl", "/usr/share/ca-certificates", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf",
		"/etc/gai.conf", "/etc/localtime", "/usr/share/zoneinfo", "/etc/gnutls", "/dev/urandom", "/usr/lib", "/lib", "/proc/self",
	};
	const char *rw[2] = { dir };
	const char *const configured[] = { conf->warninglists, conf->desk_packs, conf->rsit, conf->mail_password_file, conf->mail_ca, conf->webhook_ca, conf->client_secret_file,
					     conf->provider_ca };
	const char *ro[COUNTOF(system_files) + COUNTOF(configured) + 1] = { NULL };
	struct fence f = { .role = "core", .rw_paths = rw, .ro_paths = ro, .network = true,
			   .max_files = (uint64_t)conf->max_connections + 1024 };
	size_t n = 0;

	for (size_t i = 0; i < COUNTOF(system_files); i++)
		if (file_exists(system_files[i]))
			ro[n++] = system_files[i];
	for (size_t i = 0; i < COUNTOF(configured); i++)
		if (configured[i][0] != '\0')
			ro[n++] = configured[i];
	return fence_enter(&f, !conf->require_landlock, &c->fences, err);
}

/* The fence needs the paths of the configuration before the node is opened inside it. */
static enum rc read_conf_and_enter(struct core *c, const char *dir, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4 * MIB);
	struct config *conf = a == NULL ? NULL : arena_alloc(a, sizeof *conf);
	struct node_paths paths;

	if (conf == NULL)
		return FAIL(err, RC_NOMEM, "core: out of memory");
	TRY(node_paths_of(dir, &paths, err));
	TRY(config_read(paths.conf, a, conf, err));
	if (conf->notify_command[0] != '\0') { /* inside the fence nothing can be started */
		enum rc rc = runner_start(conf->notify_command, COMMAND_LIMIT, &c->runner, err);

		if (rc != RC_OK) {
			err_prefix(err, "[notify] command");
			return rc;
		}
	}
	return enter_fence(c, paths.dir, conf, err);
}

static enum rc find_row(struct core *c, const char *name, const char *key, uint32_t *ret, struct err *err)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	size_t slash = str_find(str_of(name), S("/"), 0);
	struct collection k;
	enum rc rc;

	if (a == NULL)
		return FAIL(err, RC_NOMEM, "core: out of memory");
	if (slash == SIZE_MAX)
		return FAIL(err, RC_BAD, "[intel] %s = %s: expected ROOT/COLLECTION", key, name);
	rc = collection_get(c->node.store, str_slice(str_of(name), 0, slash), str_of(name + slash + 1), a, &k, err);
	if (rc != RC_OK)
		err_prefix(err, "[intel] %s = %s", key, name);
	else
		*ret = k.row;
	return rc;
}

enum rc core_find_rows(struct core *c, struct err *err)
{
	TRY(find_row(c, c->node.config.up, "up", &c->up, err));
	return find_row(c, c->node.config.down, "down", &c->down, err);
}

static void fed_log(void *ctx, const char *peer, bool bad, const char *text)
{
	(void)ctx;
	log_line(bad ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "peer", "%s: %s", peer, text);
}

struct pems {
	struct buf cert, key, ca;
};

static enum rc read_pems(const struct node *n, struct pems *p, struct err *err)
{
	TRY(file_read(n->paths.cert, PEM_MAX, &p->cert, err));
	TRY(file_read(n->paths.key, PEM_MAX, &p->key, err));
	return file_read(n->paths.ca, PEM_MAX, &p->ca, err);
}

static void pems_done(struct pems *p)
{
	if (p->key.p != NULL)
		secret_wipe(p->key.p, p->key.n);
	buf_done(&p->cert);
	buf_done(&p->key);
	buf_done(&p->ca);
}

static enum rc open_exchange(struct core *c, const struct pems *p, struct err *err)
{
	struct fed_config fc = { .store = c->node.store, .cert_pem = p->cert.p, .key_pem = p->key.p, .default_tlp = (uint8_t)c->node.config.default_tlp,
				 .upgrade_20 = c->node.config.upgrade_20, .log = fed_log, .ctx = c };

	TRY(fed_server_new(c->node.store, &c->fed_server, err));
	return fed_start(&fc, &c->fed, err);
}

static enum rc open_taxii(struct core *c, struct err *err)
{
	struct auth_config ac = { .store = c->node.store, .anonymous_tlp = TLP_CLEAR, .no_basic = !c->node.config.basic_auth,
				  .password_most = c->node.config.password_most };
	struct taxii_config tc = { .store = c->node.store, .title = c->node.config.name,
				   .default_tlp = (uint8_t)c->node.config.default_tlp, .strict = c->node.config.strict,
				   .upgrade_20 = c->node.config.upgrade_20 };

	TRY(auth_new(&ac, &c->auth, err));
	tc.www_authenticate = auth_challenge(c->auth);
	return taxii_server_new(&tc, &c->taxii, err);
}

/* Nothing of what was said goes into the log: reports name people. */
static void report_came(void *ctx, struct str number)
{
	(void)ctx;
	log_line(LOG_LEVEL_INFO, "window", "report %.*s came in (lianfang intake list)", STR(number));
}

static enum rc open_window(struct core *c, struct err *err)
{
	struct window_config wc = { .store = c->node.store, .name = c->node.config.name, .per_address = c->node.config.intake_per_address,
				    .per_hour = c->node.config.intake_per_hour, .came = report_came, .ctx = c };

	const struct notices_config nc = { .store = c->node.store, .desk = c->api.desk, .name = c->node.config.name, .key = c->api.id_key };

	if (c->node.config.figures)
		TRY(figures_new(&c->api, &c->figures, err));
	if (c->node.config.notices)
		TRY(notices_new(&nc, &c->notices, err));
	return c->node.config.intake ? window_new(&wc, &c->window, err) : RC_OK;
}

static void lab_wake(void *ctx)
{
	struct core *c = ctx;

	lab_desk_wake(c->lab);
}

static bool lab_wait(void *ctx, struct str id, usec until)
{
	struct core *c = ctx;

	return lab_desk_wait(c->lab, id, until);
}

static bool lab_inspects(void *ctx, struct str id)
{
	struct core *c = ctx;

	return lab_desk_inspects(c->lab, id);
}

static void lab_state(void *ctx, struct jsonw *w)
{
	struct core *c = ctx;

	lab_desk_state(c->lab, w);
}

static void lab_learned(void *ctx, const struct submission *s)
{
	lab_known_learn(ctx, s);
}

static enum rc open_lab(struct core *c, struct err *err)
{
	const struct config *conf = &c->node.config;

	TRY(lab_desk_new(c, &c->lab, err));
	if (c->lab == NULL)
		return RC_OK;
	TRY(lab_known_new(c->node.store, &c->lab_known, err));
	TRY(lab_desk_listen(c->lab, lab_learned, c->lab_known, err));
	TRY(lab_loop_new(c, &c->lab_loop, err));
	c->api_lab = (struct api_lab){ .samples = lab_desk_samples(c->lab), .known = c->lab_known, .open = conf->lab_public,
				       .size_max = (uint64_t)conf->lab_max_mb << 20, .piece_max = (uint64_t)conf->max_body_mb << 20, .keep_days = conf->lab_keep_days,
				       .waits_max = conf->workers > 2 ? (int)conf->workers / 2 : 1,
				       .account = { .owner_files = conf->lab_per_account, .owner_mb = conf->lab_per_account_mb, .waiting = conf->lab_waiting, .uploading_mb = conf->lab_keep_mb },
				       .address = { .from_files = conf->lab_per_address, .from_mb = conf->lab_per_address_mb, .waiting = conf->lab_waiting, .uploading_mb = conf->lab_keep_mb },
				       .wake = lab_wake, .wait = lab_wait, .inspects = lab_inspects, .state = lab_state, .ctx = c };
	c->api.lab = &c->api_lab;
	return RC_OK;
}

static bool is_loopback(const char *listen)
{
	return str_starts(str_of(listen), S("127.")) || str_starts(str_of(listen), S("[::1]"));
}

static enum rc open_doors(struct core *c, const struct pems *p, struct err *err)
{
	const struct config *conf = &c->node.config;
	char where[NODE_PATH_MAX + 8];
	const char *listen = c->opts.listen != NULL ? c->opts.listen : conf->listen;
	struct http_server *https = NULL;
	struct http_config hc = { .listen = listen, .threads = (int)conf->threads, .workers = (int)conf->workers,
				  .max_connections = (int)conf->max_connections, .max_per_address = (int)conf->max_per_address,
				  .idle_seconds = (int)conf->idle_seconds, .max_bodies_bytes = (size_t)conf->max_bodies_mb * MIB,
				  .handler = handle_public, .admit = admit_public, .blocking = may_wait, .refuse = refuse, .ctx = c };
	struct http_config local = { .listen = where, .threads = 1, .workers = 4, .max_connections = 64,
				     .max_bodies_bytes = 2048 * MIB, .handler = handle_local, .admit = admit_local, .ctx = c };

	if (c->opts.plain_http && !is_loopback(listen))
		return FAIL(err, RC_BAD, "--plain-http: %s is not a loopback address", listen);
	if (!c->opts.plain_http) {
		hc.tls_cert_pem = p->cert.p;
		hc.tls_key_pem = p->key.p;
		hc.tls_client_ca_pem = p->ca.p;
		hc.tls_ask_client = true;
	}
	snprintf(where, sizeof where, "unix:%s", c->node.paths.socket);
	TRY(http_server_start(&local, &c->control, err));
	TRY(http_server_start(&hc, &https, err));
	atomic_store(&c->https, https);
	node_url(listen, http_server_port(https), c->opts.plain_http, c->url);
	atomic_store(&c->api.url, c->url);
	return RC_OK;
}

static enum rc core_open(struct core *c, const char *dir, struct err *err)
{
	struct pems pems = { 0 };
	enum rc rc;

	TRY(read_conf_and_enter(c, dir, err));
	TRY(node_open(dir, false, &c->node, err));
	core_api(&c->node, &c->api);
	c->api.status = write_status;
	settings_api(c);
	c->api.changed = peers_changed;
	c->api.ticket_changed = ticket_changed;
	c->api.rule_known = rule_known;
	c->api.ask = ask_detect;
	c->api.unask = unask_detect;
	c->api.devices = devices_told;
	c->api.ticket_told = ticket_told;
	c->api.ctx = c;
	c->api.desk_changed = facts_came;
	c->api.case_out = case_media_out;
	c->api.case_in = case_media_in;
	TRY(core_find_rows(c, err));
	TRY(keep_open(c, err));
	if (c->node.config.warninglists[0] != '\0')
		TRY(warninglists_load(c->node.config.warninglists, &c->warninglists, err));
	c->api.warninglists = c->warninglists;
	c->api.up = c->up;
	c->api.down = c->down;
	TRY(api_start(&c->api, err));
	TRY(open_taxii(c, err));
	c->api.auth = c->auth;
	TRY(provider_open(&c->node.config, &c->api.provider, err));
	TRY(open_window(c, err));
	TRY(open_lab(c, err));
	TRY(exchange_open(c, err));
	rc = read_pems(&c->node, &pems, err);
	if (rc == RC_OK)
		rc = open_exchange(c, &pems, err);
	if (rc == RC_OK)
		rc = detect_link_new(c, &c->link, err);
	if (rc == RC_OK)
		rc = follower_start(c, err);
	if (rc == RC_OK)
		rc = devices_new(c, &c->devices, err);
	if (rc == RC_OK)
		rc = tickets_start(c, &c->tickets, err);
	if (rc == RC_OK)
		rc = detect_link_start(c->link, err);
	if (rc == RC_OK)
		rc = blocks_start(c, &c->blocks, err);
	if (rc == RC_OK && !detect_link_wait(c->link, DETECT_WITHIN))
		log_line(LOG_LEVEL_WARN, "serve", "the detect role is not ready yet: serving without it");
	if (rc == RC_OK)
		rc = notify_start(c, &c->notify, err);
	if (rc == RC_OK)
		rc = alarms_start(c, &c->alarms, err);
	if (rc == RC_OK)
		rc = bulletins_start(c, &c->bulletins, err);
	if (rc == RC_OK)
		rc = cases_start(c, err);
	if (rc == RC_OK)
		rc = community_start(c, &c->community, err);
	if (rc == RC_OK)
		rc = loaded_start(c, &c->loaded, err);
	if (rc == RC_OK)
		rc = exchange_start(c, err);
	if (rc == RC_OK)
		rc = lab_desk_start(c->lab, err);
	if (rc == RC_OK)
		rc = lab_loop_start(c->lab_loop, err);
	if (rc == RC_OK)
		rc = open_doors(c, &pems, err);
	if (rc == RC_OK)
		rc = api_boards_keep(&c->api, err);
	pems_done(&pems);
	return rc;
}

static void core_close(struct core *c, bool served)
{
	atomic_store(&c->stopping, true);
	http_server_stop(c->control, STOP_GRACE); /* first: its status tells of the other one */
	http_server_stop(c->https, STOP_GRACE);
	exchange_stop(c);
	lab_desk_stop(c->lab);
	lab_loop_stop(c->lab_loop);
	bulletins_stop(c->bulletins);
	alarms_stop(c->alarms);
	cases_stop(c); /* who wakes it has ended */
	notify_stop(c->notify);
	runner_stop(c->runner);
	detect_link_stop(c->link, served);
	blocks_stop(c->blocks);
	tickets_stop(c->tickets);
	c->tickets = NULL;
	follower_stop(c); /* from here on a commit wakes nobody, so what it would wake may end */
	loaded_stop(c->loaded);
	c->loaded = NULL;
	community_stop(c->community);
	c->community = NULL;
	fed_stop(c->fed);
	fed_server_free(c->fed_server);
	taxii_server_free(c->taxii);
	api_stop(&c->api);
	auth_free(c->auth);
	oidc_free(c->api.provider);
	window_free(c->window);
	figures_free(c->figures);
	notices_free(c->notices);
	lab_known_free(c->lab_known);
	lab_loop_free(c->lab_loop);
	lab_desk_free(c->lab);
	node_close(&c->node);
	follower_free(c);
	exchange_free(c);
	detect_link_free(c->link);
	devices_free(c->devices);
	keep_close(c);
	warninglists_free(c->warninglists);
}

/* SIGHUP: what can change while running is read again; the rest needs a restart and says so. */
static void reload(struct core *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(4 * MIB);
	struct config *conf = a == NULL ? NULL : arena_alloc(a, sizeof *conf);
	struct pems pems = { 0 };
	struct err err = { 0 };
	enum rc rc = conf == NULL ? FAIL(&err, RC_NOMEM, "out of memory") : config_read(c->node.paths.conf, a, conf, &err);

	if (rc == RC_OK)
		rc = read_pems(&c->node, &pems, &err);
	if (rc == RC_OK && !c->opts.plain_http)
		rc = http_server_set_tls(c->https, pems.cert.p, pems.key.p, &err);
	if (rc == RC_OK)
		rc = fed_set_keys(c->fed, pems.cert.p, pems.key.p, &err);
	pems_done(&pems);
	if (rc != RC_OK) {
		log_line(LOG_LEVEL_ERROR, "reload", "kept as it was: %s", err.text);
		return;
	}
	settings_apply(c, conf);
	lab_desk_reload(c->lab);
	if (fact_append(c->node.store, &(struct fact){ .kind = S("config.reload"), .actor = S("local"), .subject = S("lianfang.conf"),
						      .body = S("{}") }, &err) != RC_OK)
		log_line(LOG_LEVEL_ERROR, "reload", "not in the fact log: %s", err.text);
	log_line(LOG_LEVEL_INFO, "reload", "certificate, log and sign-in settings, peers and rules are read again; other keys at the next start");
}

/* Until the first admin has set a password or signed in, each start prints a link for it, and the one before is void. */
static void announce_set_up(const struct core *c)
{
	struct arena *a CLEANUP(arena_freep) = arena_new(65536);
	struct str user, token;
	struct err err = { 0 };
	usec expires;

	if (a == NULL || passlink_first(c->node.store, a, &user, NULL) != RC_OK)
		return;
	if (api_link_make(c->node.store, a, user, true, &token, &expires, &err) == RC_OK)
		log_line(LOG_LEVEL_INFO, "set-up", "set the password of %.*s (once, within a day): %s/console/set-up#%.*s", STR(user), c->url, STR(token));
	else
		log_line(LOG_LEVEL_WARN, "set-up", "no link for the first admin: %s", err.text);
}

static void announce(const struct core *c)
{
	log_line(LOG_LEVEL_INFO, "serve", "%s (%s) at %s/", c->node.config.name, c->node.config.tier, c->url);
	announce_set_up(c);
	proc_notify("READY=1");
}

static void run(struct core *c)
{
	usec next_expiry = time_mono() + EXPIRE_EVERY;

	for (;;) {
		int sig = proc_signal_wait(USEC_PER_SEC);

		if (sig == SIGTERM || sig == SIGINT)
			return;
		if (sig == SIGHUP)
			reload(c);
		proc_notify("WATCHDOG=1");
		if (time_mono() > next_expiry) {
			struct err err = { 0 };

			if (status_expire(c->node.store, time_now() - TAXII_STATUS_KEPT, &err) != RC_OK)
				log_line(LOG_LEVEL_WARN, "taxii", "old statuses stay: %s", err.text);
			next_expiry = time_mono() + EXPIRE_EVERY;
		}
	}
}

int serve_core(const char *dir, const struct serve_opts *o)
{
	static struct core c; /* one per process; too large for a stack under a fence */
	struct err err = { 0 };
	enum rc rc;

	c.opts = *o;
	pthread_mutex_init(&c.settings, NULL);
	umask(077); /* whatever is made in the folder is the node's own */
	log_setup("core", LOG_LEVEL_INFO, false);
	proc_signals_block();
	rc = core_open(&c, dir, &err);
	if (rc == RC_OK) {
		log_setup("core", (enum log_level)c.node.config.log_level, str_eq(str_of(c.node.config.log_format), S("json")));
		announce(&c);
		run(&c);
		proc_notify("STOPPING=1");
	} else {
		log_line(LOG_LEVEL_ERROR, "serve", "%s", err.text);
	}
	core_close(&c, rc == RC_OK);
	if (rc == RC_OK)
		log_line(LOG_LEVEL_INFO, "serve", "stopped");
	return serve_status(rc);
}
