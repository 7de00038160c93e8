/* One table row per key: section, name, kind, where it goes, default, range and
 * meaning. Everything else here walks that table.
 *
 * The format is deliberately small: sections in brackets, one `key = value` per
 * line, '#' comments on lines of their own, values taken literally to the end of
 * the line. No escapes, no includes, no variables: a file of a security program
 * should read the same to everyone. */
#include "node/config.h"

#include <stddef.h>

#include "base/text.h"
#include "node/config_edit.h"
#include "sys/file.h"

#define CONFIG_BYTES_MAX ((size_t)1 << 20)

enum kind { KIND_TEXT, KIND_INT, KIND_BOOL, KIND_CHOICE, KIND_TLP, KIND_SPAN };

struct key {
	const char *section, *name;
	enum kind kind;
	size_t offset;          /* in struct config, or in struct config_input for section "input" */
	const char *def;        /* NULL: must be given */
	int64_t least, most;    /* KIND_INT */
	const char *choices;    /* KIND_CHOICE: "a|b|c" */
	const char *meaning;
};

#define AT(field) offsetof(struct config, field)
#define IN(field) offsetof(struct config_input, field)

static const struct key keys[] = {
	{ "node", "name", KIND_TEXT, AT(name), NULL, 0, 0, NULL, "Name of this node as peers see it." },
	{ "node", "tier", KIND_CHOICE, AT(tier), NULL, 0, 0, "provider|region|sector|nation|partner", "Place of this node in the joint defence." },
	{ "node", "identity", KIND_TEXT, AT(identity), NULL, 0, 0, NULL, "STIX identity of this node (made by init)." },
	{ "server", "listen", KIND_TEXT, AT(listen), "127.0.0.1:8443", 0, 0, NULL, "Address and port; [::]:8443 for all." },
	{ "server", "threads", KIND_INT, AT(threads), "2", 1, 64, NULL, "Event loops that serve requests." },
	{ "server", "workers", KIND_INT, AT(workers), "4", 1, 64, NULL, "Threads for requests that wait for the disk or a password hash." },
	{ "server", "max_connections", KIND_INT, AT(max_connections), "6000", 1, 100000, NULL, "Connections at once." },
	{ "server", "max_per_address", KIND_INT, AT(max_per_address), "0", 0, 100000, NULL, "Connections from one address; 0 = no limit." },
	{ "server", "idle_seconds", KIND_INT, AT(idle_seconds), "60", 1, 3600, NULL, "Silent connections are closed after this time." },
	{ "server", "max_body_mb", KIND_INT, AT(max_body_mb), "16", 1, 1024, NULL, "Largest request body in MiB (TAXII max_content_length of new API roots)." },
	{ "server", "max_bodies_mb", KIND_INT, AT(max_bodies_mb), "256", 1, 65536, NULL, "All request bodies in memory at once, in MiB." },
	{ "server", "basic_auth", KIND_BOOL, AT(basic_auth), "yes", 0, 0, NULL,
	  "Sign-in by user and password in each request (HTTP Basic); no: only tokens and client certificates." },
	{ "store", "store", KIND_TEXT, AT(store), "sqlite", 0, 0, NULL, "sqlite, or a postgresql:// address." },
	{ "intel", "default_tlp", KIND_TLP, AT(default_tlp), "amber", 0, 0, NULL, "TLP of objects that carry none." },
	{ "intel", "strict", KIND_BOOL, AT(strict), "no", 0, 0, NULL, "Refuse custom types and properties." },
	{ "intel", "upgrade_20", KIND_BOOL, AT(upgrade_20), "no", 0, 0, NULL, "Upgrade STIX 2.0 objects that are posted; otherwise they are kept as 2.0." },
	{ "intel", "expire", KIND_BOOL, AT(expire), "no", 0, 0, NULL,
	  "Whether indicators that name no end (valid_until) leave the detector when the lifetime of their kind is over." },
	{ "intel", "warninglists", KIND_TEXT, AT(warninglists), "", 0, 0, NULL, "Folder of MISP warning lists (list.json files below it); empty = none." },
	{ "intel", "release", KIND_CHOICE, AT(release), "manual", 0, 0, "manual|auto", "Whether what members report may go down again by itself." },
	{ "intel", "release_tlp", KIND_TLP, AT(release_tlp), "green", 0, 0, NULL, "Strictest TLP that automatic release may pass on." },
	{ "intel", "up", KIND_TEXT, AT(up), "intel/up", 0, 0, NULL, "Collection (root/alias) that goes to the parent tier." },
	{ "intel", "down", KIND_TEXT, AT(down), "intel/down", 0, 0, NULL, "Collection (root/alias) that goes to the tiers below." },
	{ "detect", "rules", KIND_TEXT, AT(rules), "", 0, 0, NULL, "Folder of Sigma rules (*.yml below it) that the inputs are matched against; empty = none." },
	{ "detect", "lists", KIND_TEXT, AT(lists), "", 0, 0, NULL, "Folder with the values of placeholders: NAME.txt holds those of %NAME%, one a line." },
	{ "detect", "packs", KIND_TEXT, AT(packs), "", 0, 0, NULL, "Folder of further log sources (*.yml), beside those in the program." },
	{ "detect", "match", KIND_BOOL, AT(match), "yes", 0, 0, NULL, "Match the inputs here; no: workers of [history] queue do." },
	{ "detect", "queue", KIND_TEXT, AT(detect_queue), "", 0, 0, NULL,
	  "Queue (postgresql://..., or a file below the node's folder) whose alerts, found by its workers, become alerts and sightings here." },
	{ "desk", "pack", KIND_TEXT, AT(desk_pack), "tw-2026", 0, 0, NULL, "Law for incidents that name none (lianfang pack list); several: a blank between." },
	{ "desk", "roles", KIND_TEXT, AT(desk_roles), "", 0, 0, NULL,
	  "What accounts, organisations or peers are at the desk: NAME=ROLE, a blank between; each sees what the pack shows the role." },
	{ "desk", "peer_incidents", KIND_INT, AT(peer_incidents), "10000", 1, 1000000000, NULL,
	  "Incidents that one peer may open here in an hour; what comes behind them waits, and nothing of it is lost." },
	{ "desk", "notices", KIND_BOOL, AT(notices), "no", 0, 0, NULL,
	  "Public notices at /notices: what this node published of major incidents, for readers without an account." },
	{ "desk", "figures", KIND_BOOL, AT(figures), "no", 0, 0, NULL,
	  "Public figures at /public: whole weeks, and nothing that fewer than three members stand behind, for readers without an account." },
	{ "desk", "packs", KIND_TEXT, AT(desk_packs), "", 0, 0, NULL, "Folder of further packs (NAME/pack.json), beside those in the program." },
	{ "intake", "enabled", KIND_BOOL, AT(intake), "no", 0, 0, NULL,
	  "The single window at /window: people without an account report what happened, and ask by number and code what became of it." },
	{ "intake", "per_address", KIND_INT, AT(intake_per_address), "5", 1, 100000, NULL, "Reports that one address may send in an hour." },
	{ "intake", "per_hour", KIND_INT, AT(intake_per_hour), "200", 1, 1000000, NULL, "Reports that all may send in an hour." },
	{ "lab", "run", KIND_BOOL, AT(lab), "no", 0, 0, NULL,
	  "The malware lab: files that are handed in by REST are inspected in disposable workers, and rest encrypted in the node's folder." },
	{ "lab", "public", KIND_BOOL, AT(lab_public), "no", 0, 0, NULL, "Whether people without an account may hand in files and look digests up." },
	{ "lab", "indicators", KIND_BOOL, AT(lab_indicators), "no", 0, 0, NULL,
	  "Whether digests of what is found malicious become indicators by themselves and go up and down the tiers; else a person shares them." },
	{ "lab", "rules", KIND_TEXT, AT(lab_rules), "", 0, 0, NULL, "YARA rules: a file, a folder of *.yar and *.yara, compiled ones, or a store of generations (lianfang ruleset); empty = none." },
	{ "lab", "bad_hashes", KIND_TEXT, AT(lab_bad), "", 0, 0, NULL, "List of digests that are known as bad, one a line; empty = none." },
	{ "lab", "good_hashes", KIND_TEXT, AT(lab_good), "", 0, 0, NULL, "And as good." },
	{ "lab", "at_once", KIND_INT, AT(lab_jobs), "4", 1, 64, NULL, "Submissions that are inspected at a time." },
	{ "lab", "seconds", KIND_INT, AT(lab_seconds), "30", 1, 3600, NULL, "Time for one; what was not seen by then is said." },
	{ "lab", "max_mb", KIND_INT, AT(lab_max_mb), "256", 1, 4095, NULL, "Largest file in MiB." },
	{ "lab", "waiting", KIND_INT, AT(lab_waiting), "100000", 1, 100000000, NULL, "Submissions that may wait; more are refused for the time being." },
	{ "lab", "keep_days", KIND_INT, AT(lab_keep_days), "90", 1, 36500, NULL, "Samples are destroyed after so long; their reports stay." },
	{ "lab", "keep_mb", KIND_INT, AT(lab_keep_mb), "10240", 1, 1000000000, NULL, "And the oldest of them, when they are more than this in MiB; no more than this may be on its way, either." },
	{ "lab", "per_account", KIND_INT, AT(lab_per_account), "10000", 0, 1000000000, NULL, "Files that an account may hand in within an hour; 0 = no limit." },
	{ "lab", "per_account_mb", KIND_INT, AT(lab_per_account_mb), "10240", 0, 1000000000, NULL, "And MiB." },
	{ "lab", "per_address", KIND_INT, AT(lab_per_address), "20", 0, 1000000000, NULL, "Files that come without an account from one address within an hour." },
	{ "lab", "per_address_mb", KIND_INT, AT(lab_per_address_mb), "512", 0, 1000000000, NULL, "And MiB." },
	{ "notify", "mail_server", KIND_TEXT, AT(mail_server), "", 0, 0, NULL,
	  "Alarms of the desk go out by mail: smtp://HOST:PORT (STARTTLS) or smtps://HOST:PORT; empty = none." },
	{ "notify", "mail_from", KIND_TEXT, AT(mail_from), "", 0, 0, NULL, "Address that they come from." },
	{ "notify", "mail_to", KIND_TEXT, AT(mail_to), "", 0, 0, NULL, "Addresses that they go to, a blank between." },
	{ "notify", "mail_duty", KIND_BOOL, AT(mail_duty), "no", 0, 0, NULL,
	  "Also to the e-mail addresses of who is on duty (lianfang duty); mail_to is told all the same." },
	{ "notify", "mail_user", KIND_TEXT, AT(mail_user), "", 0, 0, NULL, "Account at the mail server; empty = none is needed." },
	{ "notify", "mail_password_file", KIND_TEXT, AT(mail_password_file), "", 0, 0, NULL, "File with its password." },
	{ "notify", "mail_ca", KIND_TEXT, AT(mail_ca), "", 0, 0, NULL, "PEM file of the authority that signed the mail server's certificate; empty = the system's." },
	{ "notify", "command", KIND_TEXT, AT(notify_command), "", 0, 0, NULL,
	  "Program that is run for each alarm, which comes to its standard input as JSON; no arguments, no shell; empty = none." },
	{ "notify", "webhook", KIND_TEXT, AT(webhook), "", 0, 0, NULL, "Address that each alarm is posted to as JSON; http:// on loopback only; empty = none." },
	{ "notify", "webhook_ca", KIND_TEXT, AT(webhook_ca), "", 0, 0, NULL, "PEM file of the authority that signed its certificate; empty = the system's." },
	{ "sign_in", "provider", KIND_TEXT, AT(provider), "", 0, 0, NULL,
	  "Identity provider (OpenID Connect) at which people may sign in, too: its issuer, https://...; empty = none. It sends them back to "
	  "https://HOST/console/sign-in." },
	{ "sign_in", "provider_name", KIND_TEXT, AT(provider_name), "", 0, 0, NULL, "What the button says; empty = the issuer." },
	{ "sign_in", "client_id", KIND_TEXT, AT(client_id), "", 0, 0, NULL, "Name by which the provider knows this node." },
	{ "sign_in", "client_secret_file", KIND_TEXT, AT(client_secret_file), "", 0, 0, NULL, "File with its secret; empty = a public client." },
	{ "sign_in", "provider_ca", KIND_TEXT, AT(provider_ca), "", 0, 0, NULL, "PEM file of the authority that signed its certificate; empty = the system's." },
	{ "sign_in", "password_max_age", KIND_SPAN, AT(password_most), "180d", 0, 0, NULL,
	  "A password that is older is good for one thing: setting the next (90d); 0 = passwords do not grow old." },
	{ "sign_in", "password_min_age", KIND_SPAN, AT(password_least), "1d", 0, 0, NULL,
	  "Its owner changes a password again only after so long (1d), so that nobody walks round the last three; 0 = at once." },
	{ "sign_in", "second_person", KIND_CHOICE, AT(second_person), "auto", 0, 0, "auto|yes|no",
	  "Whether dangerous changes over the network wait for a second administrator; auto = as soon as there are two." },
	{ "history", "max_mb", KIND_INT, AT(history_mb), "1024", 0, 100000000, NULL,
	  "Events of the inputs are kept in MiB on the disk, to be searched and hunted in; the oldest go first. 0 = none is kept." },
	{ "history", "max_days", KIND_INT, AT(history_days), "90", 1, 36500, NULL, "And no longer than this." },
	{ "history", "queue", KIND_TEXT, AT(history_queue), "", 0, 0, NULL,
	  "Queue (postgresql://..., or a file below the node's folder) that sealed blocks of the inputs go into, for lianfang queue work." },
	{ "tickets", "quiet_minutes", KIND_INT, AT(quiet_minutes), "60", 1, 1440, NULL,
	  "Alerts of one host and one rule or value are one ticket while no longer than this lies between them." },
	{ "tickets", "max_hours", KIND_INT, AT(max_hours), "24", 1, 720, NULL, "And no longer than this in all: then a new ticket begins." },
	{ "tickets", "sighting_seconds", KIND_INT, AT(sighting_seconds), "300", 1, 86400, NULL,
	  "A sighting that grows is told anew at most so often, and when its day is over." },
	{ "tickets", "sector", KIND_TEXT, AT(sector), "", 0, 0, NULL, "Sector of the organisation that this node watches over, for its tickets." },
	{ "tickets", "region", KIND_TEXT, AT(region), "", 0, 0, NULL, "And its region." },
	{ "tickets", "oid", KIND_TEXT, AT(oid), "", 0, 0, NULL, "And its object identifier (OID) in the government's directory; empty = the node's STIX identity." },
	{ "tickets", "rsit", KIND_TEXT, AT(rsit), "", 0, 0, NULL, "File of further classes and rules of what an event is, before those in the program (packs/rsit)." },
	{ "tickets", "opinions", KIND_BOOL, AT(opinions), "yes", 0, 0, NULL,
	  "Whether confirmations and false positives go up as opinions on their indicators, as far as TLP lets them." },
	{ "tickets", "share", KIND_BOOL, AT(share_tickets), "yes", 0, 0, NULL,
	  "Whether tickets go up to the parents, as far as TLP lets them, and grow there." },
	{ "log", "format", KIND_CHOICE, AT(log_format), "logfmt", 0, 0, "logfmt|json", "Form of log lines on standard error." },
	{ "log", "level", KIND_INT, AT(log_level), "1", 0, 3, NULL, "Least level: 0 debug, 1 info, 2 warning, 3 error." },
	{ "fence", "require_landlock", KIND_BOOL, AT(require_landlock), "yes", 0, 0, NULL, "Refuse to run where the kernel has no Landlock." },
	{ "input", "path", KIND_TEXT, IN(path), NULL, 0, 0, NULL,
	  "Log file to follow, folder of logs, or pattern of them (/var/log/app/*.log); - for standard input; syslog to listen for: "
	  "udp://ADDRESS:PORT, tcp://ADDRESS:PORT, tls://ADDRESS:PORT; what shippers send to Elasticsearch: http://ADDRESS:PORT, "
	  "https://ADDRESS:PORT; a topic of Kafka: kafka://HOST:PORT[,HOST:PORT]/TOPIC?group=NAME[&from=begin|end][&session=SECONDS]; a subject "
	  "of NATS: nats://HOST:PORT[,HOST:PORT]/SUBJECT[?queue=NAME]; or a stream of NATS: "
	  "jetstream://HOST:PORT[,HOST:PORT]/STREAM?durable=NAME[&subject=FILTER][&from=begin|end][&ack_wait=SECONDS]." },
	{ "input", "format", KIND_CHOICE, IN(format), "auto", 0, 0, "auto|json|syslog|cef|leef|zeek|kv|auditd|text",
	  "What its lines hold; auto looks at the first one." },
	{ "input", "protection", KIND_CHOICE, IN(protection), "auto", 0, 0,
	  "auto|antivirus|mail-filter|waf|network-firewall|ids-ips|apt-defence|edr|directory-service|core-system",
	  "What sort of device writes it, for tickets; auto goes by the fields of its events." },
	{ "input", "collection", KIND_TEXT, IN(collection), "", 0, 0, NULL, "Collection for its sightings; empty = [intel] up." },
	{ "input", "silence", KIND_SPAN, IN(silence), "0", 0, 0, NULL, "An alarm when nothing came for so long; 0 = none." },
	{ "input", "assume", KIND_TEXT, IN(assume), "", 0, 0, NULL,
	  "Log source of its events that no pack knows: product=linux,service=auth (* for any part); empty = they match by their fields alone." },
	{ "input", "device", KIND_TEXT, IN(device), "", 0, 0, NULL, "Code of the device that writes it, for tickets and the monthly sheet; empty = the input's name." },
	{ "input", "vendor", KIND_TEXT, IN(vendor), "", 0, 0, NULL, "And its vendor." },
	{ "input", "certificate", KIND_TEXT, IN(certificate), "", 0, 0, NULL, "PEM file for tls:// and https://; empty = the node's own." },
	{ "input", "key", KIND_TEXT, IN(key), "", 0, 0, NULL, "PEM file with its private key." },
	{ "input", "senders", KIND_TEXT, IN(senders), "", 0, 0, NULL,
	  "File with a line USER:SECRET for each who may send by http:// and https:// (Basic, or ApiKey of the two); empty = all who reach it." },
	{ "input", "client_ca", KIND_TEXT, IN(client_ca), "", 0, 0, NULL,
	  "PEM file: senders must show a certificate that one of these signed; empty = none is asked for." },
	{ "input", "tls", KIND_BOOL, IN(tls), "no", 0, 0, NULL, "Whether kafka://, nats:// and jetstream:// connect with TLS." },
	{ "input", "ca", KIND_TEXT, IN(ca), "", 0, 0, NULL,
	  "PEM file: the server must show a certificate that one of these signed; empty = one that the system trusts." },
	{ "input", "user", KIND_TEXT, IN(user), "", 0, 0, NULL, "Name to sign in with at a server; empty = none." },
	{ "input", "secret", KIND_TEXT, IN(secret), "", 0, 0, NULL, "File with the password; for NATS without a user a token, or a file of credentials (.creds)." },
	{ "input", "sasl", KIND_CHOICE, IN(sasl), "SCRAM-SHA-512", 0, 0, "SCRAM-SHA-512|SCRAM-SHA-256|PLAIN",
	  "How kafka:// signs in; PLAIN only with TLS." },
};

static const char *const tlp_names[] = { "clear", "green", "amber", "amber+strict", "red" };

struct parse {
	struct config *c;
	struct arena *a;
	const char *path;
	int line;
	struct str section;          /* "server", "input" */
	struct config_input *input;  /* in an [input NAME] section */
	unsigned __int128 seen;      /* bits by key, of the whole file or of this input */
	unsigned __int128 seen_file;
};

static const struct key *find_key(struct str section, struct str name)
{
	for (size_t i = 0; i < COUNTOF(keys); i++)
		if (str_eq(section, str_of(keys[i].section)) && str_eq(name, str_of(keys[i].name)))
			return &keys[i];
	return NULL;
}

static bool is_choice(const char *choices, struct str value)
{
	struct str rest = str_of(choices), one;

	while (str_next(&rest, '|', &one))
		if (str_eq(one, value))
			return true;
	return false;
}

static bool parse_tlp(struct str value, int64_t *ret)
{
	for (size_t i = 0; i < COUNTOF(tlp_names); i++)
		if (str_eq_nocase(value, str_of(tlp_names[i]))) {
			*ret = (int64_t)i;
			return true;
		}
	return false;
}

static bool parse_bool(struct str value, bool *ret)
{
	*ret = str_eq(value, S("yes"));
	return *ret || str_eq(value, S("no"));
}

/* "90s", "15m", "2h", "1d"; "0" is none. */
static bool parse_span(struct str value, usec *ret)
{
	static const struct { char unit; int64_t seconds; } units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t n;

	*ret = 0;
	if (str_eq(value, S("0")))
		return true;
	for (size_t i = 0; i < COUNTOF(units); i++) {
		if (value.n < 2 || value.p[value.n - 1] != units[i].unit)
			continue;
		if (!str_to_u64(str_slice(value, 0, value.n - 1), &n) || n == 0 || n > 100000)
			return false;
		*ret = (usec)n * units[i].seconds * USEC_PER_SEC;
		return true;
	}
	return false;
}

/* Stores `value` into the field of `base` that `k` describes. */
static enum rc set_value(struct arena *a, const struct key *k, void *base, struct str value, struct err *err)
{
	char *field = (char *)base + k->offset;
	int64_t number = 0;
	struct str copy;

	switch (k->kind) {
	case KIND_INT:
		if (!str_to_i64(value, &number) || number < k->least || number > k->most)
			return FAIL(err, RC_BAD, "%s: '%.*s' is not a number from %lld to %lld", k->name, STR(value),
				    (long long)k->least, (long long)k->most);
		memcpy(field, &number, sizeof number);
		return RC_OK;
	case KIND_TLP:
		if (!parse_tlp(value, &number))
			return FAIL(err, RC_BAD, "%s: '%.*s' is not clear, green, amber, amber+strict or red", k->name, STR(value));
		memcpy(field, &number, sizeof number);
		return RC_OK;
	case KIND_BOOL: {
		bool yes;

		if (!parse_bool(value, &yes))
			return FAIL(err, RC_BAD, "%s: '%.*s' is neither yes nor no", k->name, STR(value));
		memcpy(field, &yes, sizeof yes);
		return RC_OK;
	}
	case KIND_SPAN:
		if (!parse_span(value, &number))
			return FAIL(err, RC_BAD, "%s: '%.*s' is no span like 90s, 15m, 2h or 1d", k->name, STR(value));
		memcpy(field, &number, sizeof number);
		return RC_OK;
	case KIND_CHOICE:
		if (!is_choice(k->choices, value))
			return FAIL(err, RC_BAD, "%s: '%.*s' is not one of %s", k->name, STR(value), k->choices);
		FALLTHROUGH;
	case KIND_TEXT:
		if (value.n == 0 && k->def == NULL)
			return FAIL(err, RC_BAD, "%s: must not be empty", k->name);
		copy = arena_dup(a, value);
		if (copy.p == NULL)
			return FAIL(err, RC_NOMEM, "configuration: out of memory");
		memcpy(field, &copy.p, sizeof copy.p);
		return RC_OK;
	}
	return FAIL(err, RC_INTERNAL, "configuration: kind of %s", k->name);
}

/* Gives defaults to keys not seen; `input`: those of the [input] section. */
static enum rc fill_defaults(struct parse *p, bool input, struct err *err)
{
	for (size_t i = 0; i < COUNTOF(keys); i++) {
		bool of_input = str_eq(str_of(keys[i].section), S("input"));

		if (of_input != input || ((p->seen >> i) & 1) != 0)
			continue;
		if (keys[i].def == NULL)
			return FAIL(err, RC_BAD, "%s:%d: [%s%s%s] needs '%s = ...'", p->path, p->line, keys[i].section, input ? " " : "",
				    input ? p->input->name : "", keys[i].name);
		TRY(set_value(p->a, &keys[i], input ? (void *)p->input : (void *)p->c, str_of(keys[i].def), err));
	}
	return RC_OK;
}

static enum rc end_section(struct parse *p, struct err *err)
{
	if (p->input != NULL) {
		TRY(fill_defaults(p, true, err));
		p->input = NULL;
		p->seen = p->seen_file;
	}
	return RC_OK;
}

static enum rc begin_input(struct parse *p, struct str name, struct err *err)
{
	struct str copy = arena_dup(p->a, name);

	if (name.n == 0)
		return FAIL(err, RC_BAD, "%s:%d: [input] needs a name: [input firewall]", p->path, p->line);
	/* The place in the log is kept by this name. */
	for (size_t i = 0; i < p->c->n_inputs; i++)
		if (str_eq(name, str_of(p->c->inputs[i].name)))
			return FAIL(err, RC_BAD, "%s:%d: there is an [input %.*s] already", p->path, p->line, STR(name));
	if (p->c->n_inputs >= CONFIG_INPUTS_MAX)
		return FAIL(err, RC_LIMIT, "%s:%d: more than %d inputs", p->path, p->line, CONFIG_INPUTS_MAX);
	if (copy.p == NULL)
		return FAIL(err, RC_NOMEM, "configuration: out of memory");
	p->input = &p->c->inputs[p->c->n_inputs++];
	p->input->name = copy.p;
	p->seen_file = p->seen;
	p->seen = 0;
	return RC_OK;
}

static enum rc begin_section(struct parse *p, struct str line, struct err *err)
{
	struct str inside = str_trim(str_slice(line, 1, line.n - 1));
	size_t space = str_find(inside, S(" "), 0);
	struct str word = str_slice(inside, 0, space);
	bool known = false;

	TRY(end_section(p, err));
	if (!str_ends(line, S("]")))
		return FAIL(err, RC_BAD, "%s:%d: section without ']'", p->path, p->line);
	for (size_t i = 0; i < COUNTOF(keys); i++)
		if (str_eq(word, str_of(keys[i].section))) {
			p->section = str_of(keys[i].section);
			known = true;
		}
	if (!known)
		return FAIL(err, RC_BAD, "%s:%d: unknown section [%.*s]", p->path, p->line, STR(inside));
	if (str_eq(word, S("input")))
		return begin_input(p, space == SIZE_MAX ? S("") : str_trim(str_slice(inside, space, inside.n)), err);
	if (space != SIZE_MAX)
		return FAIL(err, RC_BAD, "%s:%d: [%.*s] takes no name", p->path, p->line, STR(word));
	return RC_OK;
}

static enum rc key_line(struct parse *p, struct str line, struct err *err)
{
	size_t eq = str_find(line, S("="), 0);
	struct str name = str_trim(str_slice(line, 0, eq));
	const struct key *k;
	unsigned __int128 bit;
	enum rc rc;

	if (eq == SIZE_MAX)
		return FAIL(err, RC_BAD, "%s:%d: expected 'key = value'", p->path, p->line);
	if (p->section.n == 0)
		return FAIL(err, RC_BAD, "%s:%d: '%.*s' stands before the first [section]", p->path, p->line, STR(name));
	k = find_key(p->section, name);
	if (k == NULL)
		return FAIL(err, RC_BAD, "%s:%d: unknown key '%.*s' in [%.*s]", p->path, p->line, STR(name), STR(p->section));
	bit = (unsigned __int128)1 << (k - keys);
	if ((p->seen & bit) != 0)
		return FAIL(err, RC_BAD, "%s:%d: '%.*s' is set twice", p->path, p->line, STR(name));
	p->seen |= bit;
	rc = set_value(p->a, k, p->input != NULL ? (void *)p->input : (void *)p->c, str_trim(str_slice(line, eq + 1, line.n)), err);
	if (rc != RC_OK)
		err_prefix(err, "%s:%d", p->path, p->line);
	return rc;
}

/* Values become C strings and parts of log lines. */
static enum rc check_bytes(const struct parse *p, struct str line, struct err *err)
{
	if (!utf8_valid(line, NULL))
		return FAIL(err, RC_BAD, "%s:%d: not UTF-8", p->path, p->line);
	for (size_t i = 0; i < line.n; i++)
		if (((unsigned char)line.p[i] < 0x20 && line.p[i] != '\t') || line.p[i] == 0x7f)
			return FAIL(err, RC_BAD, "%s:%d: a control character", p->path, p->line);
	return RC_OK;
}

enum rc config_parse(struct str text, const char *path, struct arena *a, struct config *ret, struct err *err)
{
	struct parse p = { .c = ret, .a = a, .path = path };
	struct str rest = text, raw;

	_Static_assert(COUNTOF(keys) <= 128, "a bit of seen for each key");
	*ret = (struct config){ .path = path };
	while (str_next(&rest, '\n', &raw)) {
		struct str line = str_trim(raw);

		p.line++;
		TRY(check_bytes(&p, line, err));
		if (line.n == 0 || line.p[0] == '#')
			continue;
		TRY(line.p[0] == '[' ? begin_section(&p, line, err) : key_line(&p, line, err));
	}
	TRY(end_section(&p, err));
	return fill_defaults(&p, false, err);
}

enum rc config_read(const char *path, struct arena *a, struct config *ret, struct err *err)
{
	struct buf text;
	struct str copy;
	enum rc rc = file_read(path, CONFIG_BYTES_MAX, &text, err);

	if (rc != RC_OK)
		return rc;
	copy = arena_dup(a, buf_view(&text));
	buf_done(&text);
	if (copy.p == NULL)
		return FAIL(err, RC_NOMEM, "%s: out of memory", path);
	return config_parse(copy, path, a, ret, err);
}

static void put_range(struct buf *out, const struct key *k)
{
	if (k->kind == KIND_INT)
		buf_fmt(out, " (%lld to %lld)", (long long)k->least, (long long)k->most);
	else if (k->kind == KIND_CHOICE)
		buf_fmt(out, " (%s)", k->choices);
	else if (k->kind == KIND_BOOL)
		buf_cstr(out, " (yes|no)");
	else if (k->kind == KIND_SPAN)
		buf_cstr(out, " (like 90s, 15m, 2h, 1d)");
	else if (k->kind == KIND_TLP)
		buf_cstr(out, " (clear|green|amber|amber+strict|red)");
}

void config_write_default(struct buf *out, const char *name, const char *tier, const char *identity, const char *listen,
			  const char *store)
{
	const struct { const char *section, *key, *value; } given[] = {
		{ "node", "name", name }, { "node", "tier", tier }, { "node", "identity", identity },
		{ "server", "listen", listen }, { "store", "store", store },
	};
	const char *section = "";

	buf_cstr(out, "# Lianfang node. Lines that begin with '#' show the default of a key; lianfang.conf(5) explains all.\n");
	for (size_t i = 0; i < COUNTOF(keys); i++) {
		const struct key *k = &keys[i];
		const char *value = NULL;

		if (str_eq(str_of(k->section), S("input")))
			continue;
		if (!str_eq(str_of(section), str_of(k->section)))
			buf_fmt(out, "\n[%s]\n", section = k->section);
		for (size_t g = 0; g < COUNTOF(given); g++)
			if (str_eq(str_of(given[g].section), str_of(k->section)) && str_eq(str_of(given[g].key), str_of(k->name)))
				value = given[g].value;
		buf_fmt(out, "# %s", k->meaning);
		put_range(out, k);
		buf_fmt(out, "\n%s%s = %s\n", value == NULL ? "#" : "", k->name, value == NULL ? k->def : value);
	}
	buf_cstr(out, "\n# A log to watch:\n#[input firewall]\n#path = /var/log/suricata/eve.json\n");
}

/* scheme://USER:PASSWORD@HOST */
static void tell_text(struct jsonw *w, const char *name, const char *value)
{
	const char *colon = strstr(value, "://"), *at = colon == NULL ? NULL : strchr(colon, '@');
	struct buf b;

	if (at == NULL) {
		jsonw_m_cstr(w, name, value);
		return;
	}
	buf_init(&b, CONFIG_BYTES_MAX);
	buf_put(&b, value, (size_t)(colon - value) + 3);
	buf_cstr(&b, "***");
	buf_cstr(&b, at);
	jsonw_m_str(w, name, buf_view(&b));
	buf_done(&b);
}

static void tell_span(struct jsonw *w, const char *name, usec v)
{
	static const struct { usec unit; char sign; } units[] = {
		{ 86400 * USEC_PER_SEC, 'd' }, { 3600 * USEC_PER_SEC, 'h' }, { 60 * USEC_PER_SEC, 'm' }, { USEC_PER_SEC, 's' },
	};
	char text[32] = "0";

	for (size_t i = 0; i < COUNTOF(units) && v > 0; i++)
		if (v % units[i].unit == 0) {
			snprintf(text, sizeof text, "%lld%c", (long long)(v / units[i].unit), units[i].sign);
			break;
		}
	jsonw_m_cstr(w, name, text);
}

static void tell_value(struct jsonw *w, const char *name, const struct key *k, const void *field)
{
	char text[32];
	int64_t number;

	switch (k->kind) {
	case KIND_TEXT:
	case KIND_CHOICE: {
		const char *value;

		memcpy(&value, field, sizeof value);
		tell_text(w, name, value);
		break;
	}
	case KIND_BOOL: jsonw_m_cstr(w, name, *(const bool *)field ? "yes" : "no"); break;
	case KIND_SPAN:
		memcpy(&number, field, sizeof number);
		tell_span(w, name, number);
		break;
	case KIND_INT:
	case KIND_TLP:
		memcpy(&number, field, sizeof number);
		snprintf(text, sizeof text, "%lld", (long long)number);
		jsonw_m_cstr(w, name, k->kind == KIND_TLP && number >= 0 && number < (int64_t)COUNTOF(tlp_names) ? tlp_names[number] : text);
		break;
	}
}

static bool same_value(const struct key *k, const void *a, const void *b)
{
	const char *x, *y;

	if (k->kind != KIND_TEXT && k->kind != KIND_CHOICE)
		return memcmp(a, b, k->kind == KIND_BOOL ? sizeof(bool) : sizeof(int64_t)) == 0;
	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return strcmp(x, y) == 0;
}

/* What may stand there and who may change it. */
static void tell_rule(struct jsonw *w, const struct key *k)
{
	static const char *const kinds[] = { [KIND_TEXT] = "text", [KIND_INT] = "number", [KIND_BOOL] = "choice", [KIND_CHOICE] = "choice",
					     [KIND_TLP] = "choice", [KIND_SPAN] = "span" };
	const struct config_rule *rule = config_rule_of(str_of(k->section), str_of(k->name));

	jsonw_m_cstr(w, "kind", kinds[k->kind]);
	if (k->kind == KIND_INT) {
		jsonw_m_int(w, "least", k->least);
		jsonw_m_int(w, "most", k->most);
	}
	if (k->kind == KIND_BOOL || k->kind == KIND_CHOICE || k->kind == KIND_TLP)
		jsonw_m_cstr(w, "choices", k->kind == KIND_BOOL ? "yes|no" : k->kind == KIND_TLP ? "clear|green|amber|amber+strict|red" : k->choices);
	jsonw_m_cstr(w, "change", rule == NULL ? "file" : rule->second ? "second" : "free");
	jsonw_m_bool(w, "now", rule != NULL && rule->now);
}

enum rc config_value(const struct config *c, struct str section, struct str key, struct arena *a, struct str *ret, struct err *err)
{
	const struct key *k = find_key(section, key);
	const struct json *told;
	struct str copy;
	struct jsonw w;
	struct buf b;
	enum rc rc;

	if (k == NULL || str_eq(section, S("input")))
		return FAIL(err, RC_NOTFOUND, "[%.*s] %.*s: there is no such setting", STR(str_slice(section, 0, 64)), STR(str_slice(key, 0, 64)));
	buf_init(&b, CONFIG_BYTES_MAX);
	jsonw_init(&w, &b);
	jsonw_object(&w);
	tell_value(&w, "value", k, (const char *)c + k->offset);
	jsonw_object_end(&w);
	rc = buf_check(&b, err, "configuration");
	copy = rc == RC_OK ? arena_dup(a, buf_view(&b)) : (struct str){ NULL, 0 };
	if (rc == RC_OK)
		rc = copy.p == NULL ? FAIL(err, RC_NOMEM, "configuration: out of memory") : json_parse(a, copy, &JSON_LIMITS, &told, err);
	if (rc == RC_OK)
		*ret = json_get_str(told, S("value"));
	buf_done(&b);
	return rc;
}

void config_tell(const struct config *c, const struct config *next, struct jsonw *w)
{
	jsonw_object(w);
	jsonw_m_cstr(w, "file", c->path);
	jsonw_name(w, "settings");
	jsonw_array(w);
	for (size_t i = 0; i < COUNTOF(keys); i++) {
		const struct key *k = &keys[i];

		if (str_eq(str_of(k->section), S("input")))
			continue;
		jsonw_object(w);
		jsonw_m_cstr(w, "section", k->section);
		jsonw_m_cstr(w, "key", k->name);
		tell_value(w, "value", k, (const char *)c + k->offset);
		jsonw_m_cstr(w, "usual", k->def == NULL ? "" : k->def);
		jsonw_m_cstr(w, "meaning", k->meaning);
		tell_rule(w, k);
		if (next != NULL && !same_value(k, (const char *)c + k->offset, (const char *)next + k->offset))
			tell_value(w, "next", k, (const char *)next + k->offset);
		jsonw_object_end(w);
	}
	jsonw_array_end(w);
	jsonw_object_end(w);
}

/* An address may be longer than a line: it may go on behind a '/', '?' or '&'. */
static void put_breakable(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		buf_char(out, *text);
		if (strchr("/?&", *text) != NULL)
			buf_cstr(out, "\\:");
	}
}

void config_man(struct buf *out)
{
	const char *section = "";

	buf_cstr(out, ".TH LIANFANG.CONF 5 \"\" lianfang \"Lianfang manual\"\n.ad l\n.SH NAME\nlianfang.conf \\- configuration of a Lianfang node\n"
		      ".SH DESCRIPTION\nSections in brackets, one key = value per line, comments on lines that begin with #.\n"
		      "An unknown key is an error that names file and line. SIGHUP reads the file again.\n");
	for (size_t i = 0; i < COUNTOF(keys); i++) {
		if (!str_eq(str_of(section), str_of(keys[i].section)))
			buf_fmt(out, ".SH [%s%s]\n", section = keys[i].section, str_eq(str_of(keys[i].section), S("input")) ? " NAME" : "");
		buf_fmt(out, ".TP\n.B %s\n", keys[i].name);
		put_breakable(out, keys[i].meaning);
		put_range(out, &keys[i]);
		if (keys[i].def != NULL)
			buf_fmt(out, " Default: %s", keys[i].def[0] == '\0' ? "empty" : keys[i].def);
		buf_cstr(out, "\n");
	}
}
