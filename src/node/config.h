/* The node's configuration: lines of `key = value` and named sections, checked
 * against one typed schema from which parsing, the written default file and the
 * manual come. An unknown key, a bad value or a doubled key is an error that
 * names the file and the line. */
#ifndef NODE_CONFIG_H
#define NODE_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/jsonw.h"
#include "base/time.h"

#define CONFIG_INPUTS_MAX 64

/* [input NAME]: a log that the node watches. */
struct config_input {
	const char *name;
	const char *path;    /* where it comes from: see input_kind_of */
	const char *collection; /* where sightings go: "root/alias" */
	const char *format;  /* "auto", or a log format's name */
	const char *assume;  /* log source of events that no pack knows, or "" */
	const char *device, *vendor; /* code and maker of it, or "" */
	const char *protection; /* what sort of device writes it (packs/rsit), or "auto" */
	usec silence;        /* alarm after so long without a message; 0: never */
	const char *certificate, *key, *client_ca; /* PEM files, or "" */
	const char *senders; /* file of those who may send, or "" */
	bool tls;            /* of inputs that connect */
	const char *ca, *user, *secret, *sasl; /* files, but user and sasl; or "" */
};

struct config {
	const char *path;    /* the file itself, for messages */
	/* [node] */
	const char *name;    /* shown to peers */
	const char *tier;    /* provider, region, sector, nation, partner */
	const char *identity;/* STIX identity id of this node */
	/* [server] */
	const char *listen;  /* "127.0.0.1:8443" */
	int64_t threads, workers, max_connections, max_per_address, idle_seconds, max_body_mb, max_bodies_mb;
	bool basic_auth;
	/* [store] */
	const char *store;   /* "sqlite" or "postgresql://..." */
	/* [intel] */
	int64_t default_tlp; /* enum tlp for objects without one */
	bool strict, upgrade_20;
	bool expire;         /* indicators without valid_until end with their kind's lifetime (intel/decay.h) */
	const char *warninglists; /* folder, or "" */
	const char *release; /* "manual" or "auto": may sightings and indicators from members go down again by themselves */
	int64_t release_tlp; /* strictest TLP that `auto` releases */
	const char *up, *down; /* "root/alias" of the collections that go up and down the tiers */
	/* [detect] */
	const char *rules, *lists, *packs; /* folders, or "" */
	bool match;          /* the inputs here; else workers of history_queue do */
	const char *detect_queue; /* whose alerts become this node's, or "" */
	/* [desk] */
	const char *desk_packs, *desk_pack; /* folder, or ""; id of a pack */
	const char *desk_roles; /* "NAME=ROLE ..." or "" */
	int64_t peer_incidents;
	/* [intake] */
	bool intake;
	int64_t intake_per_address, intake_per_hour;
	bool notices, figures;
	/* [lab] */
	bool lab, lab_public;
	bool lab_indicators; /* what is malicious is shared without being asked */
	const char *lab_rules, *lab_bad, *lab_good; /* paths, or "" */
	int64_t lab_jobs, lab_seconds, lab_max_mb, lab_waiting, lab_keep_days, lab_keep_mb;
	int64_t lab_per_account, lab_per_account_mb, lab_per_address, lab_per_address_mb; /* an hour; 0: no limit */
	/* [notify] */
	bool mail_duty;      /* also to who is on duty */
	const char *mail_server, *mail_from, *mail_to, *mail_user, *mail_password_file, *mail_ca, *webhook, *webhook_ca, *notify_command; /* or "" */
	/* [sign_in] */
	const char *provider, *provider_name, *provider_ca, *client_id, *client_secret_file; /* identity provider; or "" */
	usec password_most, password_least; /* age of a password; 0 = without end, at once */
	const char *second_person; /* "auto", "yes", "no" */
	/* [history] */
	int64_t history_mb, history_days;
	const char *history_queue; /* that sealed blocks go into, too, or "" */
	/* [tickets] */
	int64_t quiet_minutes, max_hours, sighting_seconds;
	const char *sector, *region, *oid; /* of the organisation; or "" */
	const char *rsit;    /* file of further classes and rules, or "" */
	bool share_tickets;  /* tickets go up to the parents */
	bool opinions;       /* dispositions go up as opinions on their indicators */
	/* [log] */
	const char *log_format; /* "json" or "logfmt" */
	int64_t log_level;
	/* [fence] */
	bool require_landlock;
	struct config_input inputs[CONFIG_INPUTS_MAX];
	size_t n_inputs;
};

/* Reads and checks `path`; all strings live in `a`. RC_BAD: "lianfang.conf:12: ...". */
enum rc config_read(const char *path, struct arena *a, struct config *ret, struct err *err) MUSTUSE;

/* Parses text as if it stood in `path`. */
enum rc config_parse(struct str text, const char *path, struct arena *a, struct config *ret, struct err *err) MUSTUSE;

/* The default file with every key, its meaning and range as a comment, and these values set. */
void config_write_default(struct buf *out, const char *name, const char *tier, const char *identity, const char *listen,
			  const char *store);

/* {"file", "settings": [{"section", "key", "value", "usual", "meaning", "kind", "least", "most", "choices", "change", "now", "next"}]}, without
 * [input]; passwords in addresses are left out. `next`: what the file says by now, or NULL; told where it is another value. */
void config_tell(const struct config *c, const struct config *next, struct jsonw *w);
/* The value of one key as the file would have it, in `a`; RC_NOTFOUND. */
enum rc config_value(const struct config *c, struct str section, struct str key, struct arena *a, struct str *ret, struct err *err) MUSTUSE;

/* Reference of all keys as roff, for lianfang.conf(5). */
void config_man(struct buf *out);

#endif
