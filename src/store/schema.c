/* The words in braces are all that differs between the engines:
 *   {int}   a number, never NULL     {text}  UTF-8, compared byte by byte
 *   {bytes} octets                   {end}   table options
 * A migration that has been released is never edited: add the next. */
#include "store/schema.h"

#include "base/buf.h"
#include "base/time.h"

#define SCHEMA_TEXT_MAX 32768

struct word {
	struct str word;
	struct str sqlite, pg;
};

static const struct word WORDS[] = {
	{ { "{int}", 5 }, { "INTEGER NOT NULL", 16 }, { "BIGINT NOT NULL", 15 } },
	{ { "{text}", 6 }, { "TEXT NOT NULL", 13 }, { "TEXT COLLATE \"C\" NOT NULL", 25 } },
	{ { "{bytes}", 7 }, { "BLOB NOT NULL", 13 }, { "BYTEA NOT NULL", 14 } },
	{ { "{end}", 5 }, { " STRICT", 7 }, { "", 0 } },
};

/* Numbers of rows come from `counter`, never from the engine: what a reader pages by
 * must become visible in its order, and a locked counter row is what gives that on both. */
static const char RECORDS[] =
	"CREATE TABLE counter (name {text} PRIMARY KEY, n {int}){end};"
	"CREATE TABLE meta (key {text} PRIMARY KEY, value {text}){end};"
	"CREATE TABLE position (key {text} PRIMARY KEY, value {text}){end};"
	"CREATE TABLE source (id {int} PRIMARY KEY, name {text} UNIQUE){end};"
	"CREATE TABLE account (name {text} PRIMARY KEY, row {int} UNIQUE, role {text}, org {text}, pass_hash {text},"
	" cert_sha256 {text}, tlp_max {int}, disabled {int}, failures {int}, locked_until {int}, created {int}){end};"
	"CREATE UNIQUE INDEX account_cert ON account (cert_sha256) WHERE cert_sha256 <> '';"
	"CREATE TABLE token (id {text} PRIMARY KEY, account {text}, secret_sha256 {text} UNIQUE, note {text},"
	" created {int}, expires {int}, last_used {int}){end};"
	"CREATE TABLE api_root (name {text} PRIMARY KEY, title {text}, description {text}, max_content_length {int},"
	" page_size {int}, is_default {int}, is_public {int}){end};"
	"CREATE TABLE collection (row {int} PRIMARY KEY, root {text}, id {text}, alias {text}, title {text},"
	" description {text}, media_types {text}, tlp_max {int}, all_read {int}, all_write {int}, anon_read {int}, shown {int},"
	" UNIQUE (root, id)){end};"
	"CREATE UNIQUE INDEX collection_alias ON collection (root, alias) WHERE alias <> '';"
	"CREATE TABLE access_right (collection {int}, subject {text}, can_read {int}, can_write {int},"
	" PRIMARY KEY (collection, subject)){end};"
	"CREATE TABLE status (root {text}, id {text}, account {text}, body {text}, created {int},"
	" PRIMARY KEY (root, id)){end};"
	"CREATE INDEX status_created ON status (created);"
	"CREATE TABLE peer (name {text} PRIMARY KEY, relation {text}, url {text}, cert_sha256 {text}, account {text},"
	" tlp_max {int}, disabled {int}, last_ok {int}, last_error {text}){end};"
	"CREATE UNIQUE INDEX peer_cert ON peer (cert_sha256) WHERE cert_sha256 <> '';"
	"CREATE TABLE link (row {int} PRIMARY KEY, peer {text}, direction {int}, collection {int}, their_root {text},"
	" their_collection {text}, tlp_max {int}, UNIQUE (peer, direction, collection, their_root, their_collection)){end};"
	"CREATE TABLE alert (row {int} PRIMARY KEY, at {int}, seen {int}, input {text}, observable {text},"
	" indicator {text}, sighting {text}, place {text}, body {text}, tlp {int}){end};"
	"CREATE TABLE fact (seq {int} PRIMARY KEY, at {int}, kind {text}, actor {text}, subject {text}, body {text},"
	" prev {bytes}, hash {bytes}){end};"
	"CREATE TABLE fact_head (one {int} PRIMARY KEY, seq {int}, hash {bytes}, signature {bytes}){end};";

/* Objects, in PostgreSQL only; beside SQLite they lie in the object log. `member` repeats what a
 * page is filtered by, so that a page reads one index and fetches only the bodies it sends.
 * Collection 0 holds every version once: what the node as a whole knows. Only the primary key begins with
 * the collection, so that a page has one way to go: along its dates. */
static const char OBJECTS[] =
	"CREATE TABLE object (row {int} PRIMARY KEY, id {text}, vkey {text}, spec {int}, type {text}, version {text},"
	" body {bytes}, tlp {int}, flags {int}, confidence {int}, source {int}, received {int}, UNIQUE (id, vkey, spec)){end};"
	"CREATE TABLE member (collection {int}, added {int}, object {int}, id {text}, vkey {text}, spec {int}, type {text},"
	" tlp {int}, flags {int}, PRIMARY KEY (collection, added), UNIQUE (object, collection)){end};"
	"CREATE INDEX member_id ON member (id, collection, vkey);"
	"CREATE TABLE claim (object {int}, source {int}, received {int}, tlp {int}, confidence {int},"
	" PRIMARY KEY (object, source)){end};"
	"CREATE TABLE collection_state (collection {int} PRIMARY KEY, last_added {int}){end};"
	"CREATE TABLE digest (collection {int}, tlp {int}, n {int}, a {int}, b {int}, c {int}, d {int},"
	" PRIMARY KEY (collection, tlp)){end};";

/* Incidents of the desk. Their facts also stand in the chain (`fact`), in the same transaction; here they are at hand by
 * incident. `state`, `level`, `due` and `rung` repeat what is derived from them, for lists. */
static const char INCIDENTS[] =
	"CREATE TABLE incident (row {int} PRIMARY KEY, id {text} UNIQUE, number {text} UNIQUE, title {text}, packs {text},"
	" exercise {int}, opened {int}, changed {int}, facts {int}, is_open {int}, state {text}, level {int}, due {int}, rung {int}){end};"
	"CREATE INDEX incident_due ON incident (is_open, due, row);"
	"CREATE INDEX incident_rung ON incident (rung);"
	"CREATE TABLE incident_fact (incident {int}, n {int}, id {text}, body {text}, PRIMARY KEY (incident, n), UNIQUE (incident, id)){end};"
	"CREATE TABLE incident_alarm (incident {int}, clock {text}, percent {int}, due {int}, at {int}, told {int},"
	" PRIMARY KEY (incident, clock, percent)){end};"
	"CREATE INDEX incident_untold ON incident_alarm (told, at);";
/* Alerts that are counted, and what people make of them. ticket_ref holds every list of a ticket: its rules, techniques,
 * tactics, indicators, sightings, connections and related tickets, each with how often it was met. */
static const char TICKETS[] =
	"ALTER TABLE alert ADD COLUMN rule {text} DEFAULT '';"
	"ALTER TABLE alert ADD COLUMN level {text} DEFAULT '';"
	"ALTER TABLE alert ADD COLUMN cluster {text} DEFAULT '';"
	"ALTER TABLE alert ADD COLUMN hits {int} DEFAULT 1;"
	"ALTER TABLE alert ADD COLUMN first {int} DEFAULT 0;"
	"ALTER TABLE alert ADD COLUMN last {int} DEFAULT 0;"
	"ALTER TABLE alert ADD COLUMN ticket {int} DEFAULT 0;"
	"CREATE INDEX alert_ticket ON alert (ticket) WHERE ticket <> 0;"
	"CREATE TABLE ticket (row {int} PRIMARY KEY, number {text} UNIQUE, cluster {text}, entity {text}, title {text},"
	" description {text}, class {text}, type {text}, level {text}, impact {int}, reporter {text}, victim {text},"
	" victim_name {text}, sector {text}, region {text}, protection {text}, input {text}, place {text}, tlp {int},"
	" hits {int}, cut {int}, first {int}, last {int}, opened {int}, state {text}, assignee {text}, disposition {text},"
	" closed {int}, closed_by {text}, merged_into {text}){end};"
	"CREATE INDEX ticket_cluster ON ticket (cluster, last);"
	"CREATE INDEX ticket_entity ON ticket (entity, last);"
	"CREATE INDEX ticket_state ON ticket (state, row);"
	"CREATE TABLE ticket_ref (ticket {int}, kind {text}, value {text}, note {text}, hits {int},"
	" PRIMARY KEY (ticket, kind, value)){end};"
	"CREATE INDEX ticket_ref_value ON ticket_ref (kind, value, ticket);"
	"CREATE INDEX fact_ticket ON fact (subject, seq) WHERE kind >= 'ticket.' AND kind < 'ticket/';"
	"CREATE TABLE suppression (row {int} PRIMARY KEY, scope {text}, rule {text}, place {text}, value {text}, indicator {text},"
	" until {int}, tlp {int}, created {int}, created_by {text}, ticket {text}, note {text}, held {int}, last {int}, removed {int}){end};"
	"CREATE TABLE verdict (indicator {text} PRIMARY KEY, confirmed {int}, false_positives {int}, at {int}){end};"
	"CREATE TABLE tally (id {text} PRIMARY KEY, indicator {text}, input {text}, day {int}, collection {int}, tlp {int},"
	" created {int}, first {int}, last {int}, hits {int}, sent {int}, sent_at {int}){end};"
	"CREATE INDEX tally_due ON tally (sent_at) WHERE hits <> sent;";

/* The queue in any order: each index ends with what lists are filtered by. */
static const char QUEUE[] =
	"DROP INDEX incident_due;"
	"CREATE INDEX incident_due ON incident (is_open, due, row, state, level, exercise);"
	"CREATE INDEX incident_newest ON incident (is_open, row, state, level, exercise);"
	"CREATE INDEX incident_changed ON incident (is_open, changed, row, state, level, exercise);"
	"CREATE INDEX incident_level ON incident (is_open, level DESC, due, row, state, exercise);"
	"CREATE INDEX incident_state ON incident (is_open, state, due, row, level, exercise);";

/* Registers: one table for entries of all kinds, and what each of them said before. `kind` is enum register_kind. */
static const char REGISTERS[] =
	"CREATE TABLE register_entry (row {int} PRIMARY KEY, kind {int}, id {text}, alias {text}, owner {text}, name {text}, body {text},"
	" sector {text}, level {text}, tier {text}, region {text}, starts {int}, ends {int}, version {int}, created {int}, changed {int},"
	" changed_by {text}, retired {int}, UNIQUE (kind, id)){end};"
	"CREATE UNIQUE INDEX register_alias ON register_entry (kind, alias) WHERE alias <> '';"
	"CREATE INDEX register_owner ON register_entry (kind, owner, id);"
	"CREATE TABLE register_version (entry {int}, version {int}, at {int}, actor {text}, body {text}, retired {int},"
	" PRIMARY KEY (entry, version)){end};";
/* Bulletins and their recipients; bulletin_to with who = '' is what became of one here. */
static const char BULLETINS[] =
	"CREATE TABLE bulletin (row {int} PRIMARY KEY, id {text} UNIQUE, number {text}, code {text}, category {text}, title {text},"
	" source {text}, tlp {int}, impact {int}, exercise {int}, is_out {int}, origin {text}, issued {int}, came {int}, due {int},"
	" body {text}, sha256 {text}){end};"
	"CREATE INDEX bulletin_number ON bulletin (number);"
	"CREATE INDEX bulletin_source ON bulletin (source, row) WHERE source <> '';"
	"CREATE TABLE bulletin_to (bulletin {int}, who {text}, queued {int}, sent {int}, received {int}, read_at {int}, answered {int},"
	" disposition {text}, reason {text}, incident {text}, feedback {text}, told {int}, PRIMARY KEY (bulletin, who)){end};"
	"CREATE INDEX bulletin_unsent ON bulletin_to (bulletin) WHERE who <> '' AND sent = 0;"
	"CREATE INDEX bulletin_untold ON bulletin_to (bulletin) WHERE who = '' AND told < 2;";
/* Incidents that several nodes share. */
static const char CASES[] =
	"CREATE TABLE case_info (incident {text} PRIMARY KEY, opened_by {text}, number {text}, peer {text}){end};"
	"CREATE TABLE case_fact (row {int} PRIMARY KEY, object {text} UNIQUE, incident {text}, fact {text}, author {text}, n {int}, hash {text},"
	" previous {text}, peer {text}, came {int}, body {text}, UNIQUE (incident, fact), UNIQUE (incident, author, n)){end};"
	"CREATE INDEX case_fact_row ON case_fact (incident, row);"
	"CREATE TABLE case_link (incident {text}, peer {text}, collection {int}, sent {int}, PRIMARY KEY (incident, peer)){end};"
	"CREATE TABLE case_receipt (object {text}, by_id {text}, at {int}, refused {text}, incident {text}, PRIMARY KEY (object, by_id)){end};"
	"CREATE INDEX case_receipt_incident ON case_receipt (incident, at);"
	"CREATE TABLE case_author (id {text} PRIMARY KEY, name {text}, tier {text}, key {text}, body {text}, at {int}){end};"
	"CREATE TABLE case_via (id {text}, peer {text}, direct {int}, PRIMARY KEY (id, peer)){end};";
/* Signing in by a form (sessions.h). */
static const char SESSIONS[] =
	"CREATE TABLE session (hash {text} PRIMARY KEY, account {text}, place {text}, created {int}, seen {int}){end};"
	"CREATE INDEX session_account ON session (account, seen);"
	"CREATE TABLE factor (account {text} PRIMARY KEY, secret {text}, proposed {text}, step {int}){end};"
	"CREATE TABLE recovery (account {text}, hash {text}, PRIMARY KEY (account, hash)){end};"
	"CREATE TABLE password_link (account {text} PRIMARY KEY, hash {text}, expires {int}, is_first {int}){end};";

/* Keyed digests: who holds which at a collector (told = 0: only counted), and what stands behind a member's own. */
static const char KEYED[] =
	"CREATE TABLE community_member (member {text} PRIMARY KEY, community {text}, pub {text}, half_a {text}, half_b {text}, opened_a {text},"
	" opened_b {text}, seen {int}){end};"
	"CREATE TABLE keyed (community {text}, generation {int}, epoch {int}, digest {bytes}, member {text}, told {int},"
	" PRIMARY KEY (community, generation, epoch, digest, member)){end};"
	"CREATE INDEX keyed_epoch ON keyed (epoch);"
	"CREATE TABLE keyed_own (epoch {int}, digest {bytes}, object {text}, others {int}, partners {text}, at {int},"
	" PRIMARY KEY (epoch, digest)){end};"
	"CREATE INDEX keyed_own_match ON keyed_own (at) WHERE others > 0;";

/* Reports of people without an account: their words, verbatim, and what was made of them. */
static const char INTAKE[] =
	"CREATE TABLE intake (row {int} PRIMARY KEY, number {text} UNIQUE, code {bytes}, at {int}, channel {text}, what {text}, happened {text},"
	" contact {text}, state {text}, incident {text}, duplicate_of {text}, reason {text}, changed {int}, changed_by {text}){end};"
	"CREATE INDEX intake_state ON intake (state, row);";

/* late: 0 an answer is expected in time, 1 the time is over (and was told), 2 none is expected any more. */
static const char BULLETINS_LATE[] =
	"ALTER TABLE bulletin_to ADD COLUMN late {int} DEFAULT 2;"
	"CREATE INDEX bulletin_late ON bulletin_to (bulletin) WHERE late = 0;";

/* Word that people have not had yet. */
static const char BULLETIN_WORDS[] =
	"CREATE TABLE bulletin_word (bulletin {int}, who {text}, kind {text}, at {int}, PRIMARY KEY (bulletin, who, kind)){end};";

/* What signs in beside a password (credentials.h). */
static const char CREDENTIALS[] =
	"CREATE TABLE passkey (id {text} PRIMARY KEY, account {text}, name {text}, rp {text}, cose {text}, counter {int}, created {int},"
	" used {int}){end};"
	"CREATE INDEX passkey_account ON passkey (account);"
	"CREATE TABLE identity (issuer {text}, subject {text}, account {text}, created {int}, used {int}, PRIMARY KEY (issuer, subject)){end};"
	"CREATE INDEX identity_account ON identity (account);";

/* Passwords grow old and do not come again; tokens may do less than their user; dangerous changes wait for a second person. */
static const char ACCESS[] =
	"ALTER TABLE account ADD COLUMN pass_at {int} DEFAULT 0;"
	"CREATE TABLE password_past (account {text}, at {int}, hash {text}, PRIMARY KEY (account, hash)){end};"
	"ALTER TABLE token ADD COLUMN role {text} DEFAULT '';"
	"ALTER TABLE token ADD COLUMN tlp_max {int} DEFAULT 4;"
	"CREATE TABLE approval (id {text} PRIMARY KEY, at {int}, asker {text}, method {text}, path {text}, body {text}, reason {text}, state {text},"
	" decider {text}, decided {int}, result {text}){end};"
	"CREATE INDEX approval_state ON approval (state, at);";

/* What was handed to the lab. The bytes lie beside it, each under a key of its own. `state`: 0 uploading, 1 waiting, 2 done, 3 deleted. */
static const char LAB[] =
	"CREATE TABLE submission (row {int} PRIMARY KEY, id {text} UNIQUE, owner {text}, place {text}, name {text}, privacy {int}, state {int},"
	" size {int}, sha256 {text}, address {text}, verdict {text}, generation {text}, done {int}, at {int}, finished {int}, receipt {text}){end};"
	"CREATE INDEX submission_owner ON submission (owner, row);"
	"CREATE INDEX submission_state ON submission (state, row);"
	"CREATE INDEX submission_done ON submission (done) WHERE state = 2;"
	"CREATE INDEX submission_address ON submission (address) WHERE address <> '';"
	"CREATE INDEX submission_sha256 ON submission (sha256);"
	"CREATE TABLE lab_quota (subject {text}, hour {int}, n {int}, bytes {int}, PRIMARY KEY (subject, hour)){end};"
	"CREATE TABLE lab_waiting (one {int} PRIMARY KEY, n {int}){end};"
	"INSERT INTO lab_waiting (one, n) VALUES (1, 0);";

/* Accounts end by themselves; searches that somebody saved (searches.h). */
static const char ENDS[] =
	"ALTER TABLE account ADD COLUMN expires {int} DEFAULT 0;"
	"CREATE TABLE saved_search (account {text}, view {text}, name {text}, query {text}, at {int}, PRIMARY KEY (account, view, name)){end};";

/* What submissions look like (alike.h). `key` is whatever the caller's scheme makes of it. */
static const char ALIKE[] =
	"CREATE TABLE lab_part (row {int}, part {int}, submission {text}, path {text}, sha256 {text}, sha1 {text}, md5 {text}, ctph {text}, tlsh {text},"
	" PRIMARY KEY (row, part)){end};"
	"CREATE INDEX lab_part_sha256 ON lab_part (sha256);"
	"CREATE INDEX lab_part_sha1 ON lab_part (sha1) WHERE sha1 <> '';"
	"CREATE INDEX lab_part_md5 ON lab_part (md5) WHERE md5 <> '';"
	"CREATE TABLE lab_near (key {int}, row {int}, part {int}, PRIMARY KEY (key, row, part)){end};"
	"CREATE INDEX lab_near_row ON lab_near (row);";

static const struct migration {
	const char *sql;
	bool pg_only;
} MIGRATIONS[] = {
	{ RECORDS, false },
	{ OBJECTS, true },
	{ INCIDENTS, false },
	{ TICKETS, false },
	{ QUEUE, false },
	{ REGISTERS, false },
	{ BULLETINS, false },
	{ CASES, false },
	{ KEYED, false },
	{ INTAKE, false },
	{ SESSIONS, false },
	{ BULLETINS_LATE, false },
	{ BULLETIN_WORDS, false },
	{ CREDENTIALS, false },
	{ ACCESS, false },
	{ LAB, false },
	{ ENDS, false },
	{ ALIKE, false },
};

static const struct word *word_at(struct str text, size_t pos)
{
	for (size_t i = 0; i < COUNTOF(WORDS); i++)
		if (str_starts(str_slice(text, pos, text.n), WORDS[i].word))
			return &WORDS[i];
	return NULL;
}

static void translate(struct buf *out, const char *sql, bool is_pg)
{
	struct str text = str_of(sql);

	for (size_t pos = 0; pos < text.n;) {
		const struct word *w = text.p[pos] == '{' ? word_at(text, pos) : NULL;

		if (w == NULL) {
			buf_char(out, text.p[pos++]);
			continue;
		}
		buf_str(out, is_pg ? w->pg : w->sqlite);
		pos += w->word.n;
	}
}

static enum rc version(struct db *d, int64_t *ret, struct err *err)
{
	return DB_ONE_INT(d, ret, err, "SELECT coalesce(max(n), 0) FROM migration");
}

static enum rc migrate_one(struct db *d, int64_t number, const struct migration *m, struct err *err)
{
	struct buf sql;
	enum rc rc;

	buf_init(&sql, SCHEMA_TEXT_MAX);
	if (!m->pg_only || db_is_pg(d))
		translate(&sql, m->sql, db_is_pg(d));
	rc = buf_check(&sql, err, "schema");
	if (rc == RC_OK && sql.n > 0)
		rc = db_exec(d, sql.p, err);
	if (rc == RC_OK)
		rc = DB_RUN(d, err, "INSERT INTO migration (n, at) VALUES ($1, $2)", DB_INT(number), DB_INT(time_now()));
	buf_done(&sql);
	return rc;
}

/* Two nodes that open one fresh PostgreSQL at a time: the second waits for this lock and finds the work done. */
static enum rc lock(struct db *d, struct err *err)
{
	return db_is_pg(d) ? db_exec(d, "SELECT pg_advisory_xact_lock(1279874637)", err) : RC_OK;
}

static enum rc too_new(struct err *err, int64_t have)
{
	return FAIL(err, RC_UNSUPPORTED, "records: schema %lld is of a newer version, this one knows %zu",
		    (long long)have, COUNTOF(MIGRATIONS));
}

static enum rc migrate_all(struct db *d, struct err *err)
{
	int64_t have;

	TRY(lock(d, err));
	TRY(db_exec(d, "CREATE TABLE IF NOT EXISTS migration (n BIGINT PRIMARY KEY, at BIGINT NOT NULL)", err));
	TRY(version(d, &have, err));
	if (have > (int64_t)COUNTOF(MIGRATIONS))
		return too_new(err, have);
	for (size_t i = (size_t)have; i < COUNTOF(MIGRATIONS); i++)
		TRY(migrate_one(d, (int64_t)i + 1, &MIGRATIONS[i], err));
	return RC_OK;
}

enum rc schema_migrate(struct db *d, struct err *err)
{
	enum rc rc = db_begin(d, err);

	if (rc == RC_OK)
		rc = migrate_all(d, err);
	if (rc == RC_OK)
		rc = db_commit(d, err);
	if (rc != RC_OK)
		db_rollback(d);
	return rc;
}

enum rc schema_check(struct db *d, bool exact, struct err *err)
{
	int64_t have;

	if (version(d, &have, NULL) != RC_OK)
		return FAIL(err, RC_NOTFOUND, "records: no schema in this database");
	if (have > (int64_t)COUNTOF(MIGRATIONS))
		return too_new(err, have);
	if (exact && have < (int64_t)COUNTOF(MIGRATIONS))
		return FAIL(err, RC_UNSUPPORTED, "records: schema %lld is old: start the node once to bring it up", (long long)have);
	return RC_OK;
}
