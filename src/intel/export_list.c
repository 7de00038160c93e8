/* Lists that machines act on: firewalls, resolvers, spreadsheets. A value is
 * written only in its normal form, which is made of nothing but what was recognised
 * (model/observable.h), so no indicator can carry a command into a firewall script. */
#include "intel/export_int.h"

#include <arpa/inet.h>

#include "base/text.h"
#include "stix/marking.h"

#define KIND(k) (1u << (k))
#define ADDRESSES (KIND(OBS_IPV4) | KIND(OBS_IPV6))

static void put_note(struct export *x, const char *comment, const char *what)
{
	char text[TIME_TEXT_MAX];

	time_format_ms(x->now, text);
	/* The node's name is the administrator's own text, but a line end in it would end the comment. */
	buf_fmt(&x->out, "%s %s, made by ", comment, what);
	for (size_t i = 0; i < x->o->node_name.n; i++)
		buf_char(&x->out, (unsigned char)x->o->node_name.p[i] < 0x20 ? ' ' : x->o->node_name.p[i]);
	buf_fmt(&x->out, " at %s\n", text);
}

/* --- one value a line --- */

static enum rc put_plain(struct export *x, const struct export_value *v, void *ctx, struct err *err)
{
	(void)ctx;
	buf_str(&x->out, v->value->text);
	buf_char(&x->out, '\n');
	return buf_check(&x->out, err, "export");
}

enum rc export_plain(struct export *x, struct err *err)
{
	return export_values(x, KINDS_ALL, put_plain, NULL, err);
}

/* --- hosts --- */

static enum rc put_host(struct export *x, const struct export_value *v, void *ctx, struct err *err)
{
	(void)ctx;
	buf_cstr(&x->out, "0.0.0.0 ");
	buf_str(&x->out, v->value->text);
	buf_char(&x->out, '\n');
	return buf_check(&x->out, err, "export");
}

enum rc export_hosts(struct export *x, struct err *err)
{
	put_note(x, "#", "Blocked names");
	return export_values(x, KIND(OBS_DOMAIN), put_host, NULL, err);
}

/* --- response policy zone --- */

static unsigned split_prefix(struct str block, unsigned bits, struct str *ret_address)
{
	size_t slash = str_find(block, S("/"), 0);
	uint64_t prefix = bits;

	*ret_address = str_slice(block, 0, slash);
	if (slash != SIZE_MAX)
		(void)!str_to_u64(str_slice(block, slash + 1, block.n), &prefix);
	return (unsigned)prefix;
}

static bool to_bytes(int family, struct str address, unsigned char out[16])
{
	char c[INET6_ADDRSTRLEN];

	if (address.n >= sizeof c)
		return false;
	memcpy(c, address.p, address.n);
	c[address.n] = '\0';
	return inet_pton(family, c, out) == 1;
}

/* prefix.B4.B3.B2.B1.rpz-ip */
static void put_rpz4(struct buf *out, struct str block)
{
	unsigned char b[16];
	struct str address;
	unsigned prefix = split_prefix(block, 32, &address);

	if (to_bytes(AF_INET, address, b))
		buf_fmt(out, "%u.%u.%u.%u.%u.rpz-ip CNAME .\n", prefix, b[3], b[2], b[1], b[0]);
}

/* The longest run of zero words, as "::" stands for it in text and "zz" in a zone. */
static void longest_zeros(const unsigned w[8], int *ret_from, int *ret_n)
{
	*ret_from = -1;
	*ret_n = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && w[i + n] == 0)
			n++;
		if (n > *ret_n) {
			*ret_from = i;
			*ret_n = n;
		}
	}
}

/* prefix.W8...W1.rpz-ip in hexadecimal */
static void put_rpz6(struct buf *out, struct str block)
{
	unsigned char b[16];
	struct str address;
	unsigned prefix = split_prefix(block, 128, &address), w[8];
	int from, n;

	if (!to_bytes(AF_INET6, address, b))
		return;
	for (int i = 0; i < 8; i++)
		w[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
	longest_zeros(w, &from, &n);
	buf_fmt(out, "%u", prefix);
	for (int i = 7; i >= 0; i--) {
		if (from < 0 || i < from || i >= from + n)
			buf_fmt(out, ".%x", w[i]);
		else if (i == from)
			buf_cstr(out, ".zz");
	}
	buf_cstr(out, ".rpz-ip CNAME .\n");
}

static enum rc put_rpz(struct export *x, const struct export_value *v, void *ctx, struct err *err)
{
	struct str text = v->value->text;

	(void)ctx;
	if (v->value->kind == OBS_IPV4)
		put_rpz4(&x->out, text);
	else if (v->value->kind == OBS_IPV6)
		put_rpz6(&x->out, text);
	else
		buf_fmt(&x->out, "%.*s CNAME .\n*.%.*s CNAME .\n", STR(text), STR(text));
	return buf_check(&x->out, err, "export");
}

enum rc export_rpz(struct export *x, struct err *err)
{
	put_note(x, ";", "Response policy zone");
	/* The serial grows with the time of export (RFC 1982 compares it modulo 2^32). */
	buf_fmt(&x->out, "$TTL 300\n@ IN SOA localhost. hostmaster.localhost. ( %u 300 60 86400 300 )\n@ IN NS localhost.\n",
		(unsigned)((uint64_t)(x->now / USEC_PER_SEC) & UINT32_MAX));
	return export_values(x, KIND(OBS_DOMAIN) | ADDRESSES, put_rpz, NULL, err);
}

/* --- nftables and ipset --- */

static enum rc put_element(struct export *x, const struct export_value *v, void *ctx, struct err *err)
{
	bool *begun = ctx;

	buf_cstr(&x->out, *begun ? ",\n\t\t\t" : "\t\telements = {\n\t\t\t");
	*begun = true;
	buf_str(&x->out, v->value->text);
	return buf_check(&x->out, err, "export");
}

static enum rc put_set(struct export *x, const char *name, const char *type, enum observable_kind kind, struct err *err)
{
	bool begun = false;

	buf_fmt(&x->out, "\tset %s {\n\t\ttype %s\n\t\tflags interval\n\t\tauto-merge\n", name, type);
	TRY(export_values(x, KIND(kind), put_element, &begun, err));
	buf_cstr(&x->out, begun ? "\n\t\t}\n\t}\n" : "\t}\n");
	return RC_OK;
}

enum rc export_nftables(struct export *x, struct err *err)
{
	put_note(x, "#", "nft -f this; then use @blocked4 and @blocked6 in rules of table inet lianfang");
	buf_cstr(&x->out, "table inet lianfang\ndelete table inet lianfang\ntable inet lianfang {\n");
	TRY(put_set(x, "blocked4", "ipv4_addr", OBS_IPV4, err));
	TRY(put_set(x, "blocked6", "ipv6_addr", OBS_IPV6, err));
	buf_cstr(&x->out, "}\n");
	return RC_OK;
}

static enum rc put_ipset(struct export *x, const struct export_value *v, void *ctx, struct err *err)
{
	(void)ctx;
	buf_fmt(&x->out, "add lianfang%c %.*s -exist\n", v->value->kind == OBS_IPV4 ? '4' : '6', STR(v->value->text));
	return buf_check(&x->out, err, "export");
}

enum rc export_ipset(struct export *x, struct err *err)
{
	put_note(x, "#", "ipset restore < this");
	buf_cstr(&x->out, "create lianfang4 hash:net family inet maxelem 16777216 -exist\n"
			  "create lianfang6 hash:net family inet6 maxelem 16777216 -exist\nflush lianfang4\nflush lianfang6\n");
	return export_values(x, ADDRESSES, put_ipset, NULL, err);
}

/* --- CSV --- */

static void put_labels(struct buf *out, const struct json *labels)
{
	struct buf joined;

	buf_init(&joined, (size_t)1 << 20);
	if (json_is(labels, JSON_ARRAY)) {
		JSON_EACH(label, labels) {
			if (joined.n > 0)
				buf_char(&joined, '|');
			buf_str(&joined, json_str(label));
		}
	}
	csv_put(out, buf_view(&joined), true);
	buf_done(&joined);
}

static enum rc put_record(struct export *x, const struct export_value *v, void *ctx, struct err *err)
{
	static const char *const texts[] = { "name", "description" }, *const times[] = { "valid_from", "valid_until" };
	struct buf *out = &x->out;

	(void)ctx;
	csv_put(out, v->value->text, false);
	buf_fmt(out, ",%s,%.*s,", value_kind_name(v->value->kind), STR(v->entry->id));
	buf_fmt(out, "%s,", tlp_name((enum tlp)v->entry->tlp));
	if (v->active->facts.confidence <= 100)
		buf_u64(out, v->active->facts.confidence);
	buf_fmt(out, ",%u", v->score);
	for (size_t i = 0; i < COUNTOF(times); i++) {
		buf_char(out, ',');
		csv_put(out, json_get_str(v->indicator, str_of(times[i])), false);
	}
	for (size_t i = 0; i < COUNTOF(texts); i++) {
		buf_char(out, ',');
		csv_put(out, json_get_str(v->indicator, str_of(texts[i])), true);
	}
	buf_char(out, ',');
	put_labels(out, json_get(v->indicator, S("labels")));
	buf_cstr(out, "\r\n");
	return buf_check(out, err, "export");
}

enum rc export_csv(struct export *x, struct err *err)
{
	buf_cstr(&x->out, "value,type,id,tlp,confidence,score,valid_from,valid_until,name,description,labels\r\n");
	return export_values(x, KINDS_ALL, put_record, NULL, err);
}
