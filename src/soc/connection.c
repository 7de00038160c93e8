/* The names under which logs tell of a connection, the most exact first. An event of a kind that is not listed tells by
 * whichever of these names it uses. */
#include "soc/connection.h"

#include "base/jsonw.h"
#include "base/mem.h"
#include "base/text.h"
#include "wire/log_line.h"

#define DEVICES_MAX 64
#define VALUE_KEPT 255

enum end { SRC_IP, SRC_PORT, SRC_HOST, DST_IP, DST_PORT, DST_HOST, ENDS };

static const struct name { enum end end; struct str path; } NAMES[] = {
	/* Suricata EVE */
	{ SRC_IP, S("src_ip") }, { SRC_PORT, S("src_port") }, { DST_IP, S("dest_ip") }, { DST_PORT, S("dest_port") },
	{ DST_HOST, S("http.hostname") }, { DST_HOST, S("tls.sni") },
	/* Sysmon 3, Security 5156 and 4624 */
	{ SRC_IP, S("SourceIp") }, { SRC_PORT, S("SourcePort") }, { SRC_HOST, S("SourceHostname") }, { DST_IP, S("DestinationIp") },
	{ DST_PORT, S("DestinationPort") }, { DST_HOST, S("DestinationHostname") }, { SRC_IP, S("SourceAddress") }, { DST_IP, S("DestAddress") },
	{ DST_PORT, S("DestPort") }, { SRC_IP, S("IpAddress") }, { SRC_PORT, S("IpPort") }, { SRC_HOST, S("WorkstationName") },
	/* Zeek */
	{ SRC_IP, S("id.orig_h") }, { SRC_PORT, S("id.orig_p") }, { DST_IP, S("id.resp_h") }, { DST_PORT, S("id.resp_p") },
	{ DST_HOST, S("server_name") },
	/* CEF, LEEF, key=value of firewalls */
	{ SRC_IP, S("src") }, { SRC_PORT, S("spt") }, { SRC_HOST, S("shost") }, { DST_IP, S("dst") }, { DST_PORT, S("dpt") },
	{ DST_HOST, S("dhost") }, { SRC_PORT, S("srcPort") }, { DST_PORT, S("dstPort") }, { SRC_IP, S("srcip") }, { SRC_PORT, S("srcport") },
	{ DST_IP, S("dstip") }, { DST_PORT, S("dstport") }, { DST_HOST, S("hostname") },
	/* Elastic's common schema, CloudTrail */
	{ SRC_IP, S("source.ip") }, { SRC_PORT, S("source.port") }, { SRC_HOST, S("source.domain") }, { DST_IP, S("destination.ip") },
	{ DST_PORT, S("destination.port") }, { DST_HOST, S("destination.domain") }, { SRC_IP, S("sourceIPAddress") },
};

struct connection_reader {
	struct fields *dict;
	struct flat *flat;
	const struct connection_device *devices;
	size_t n_devices;
	uint16_t ids[COUNTOF(NAMES)], device_ids[DEVICES_MAX];
	char values[ENDS][VALUE_KEPT + 1];
};

static enum rc fill(struct connection_reader *r, struct err *err)
{
	r->dict = fields_new();
	if (r->dict == NULL)
		return FAIL(err, RC_NOMEM, "connections: no memory");
	TRY(fields_add_windows(r->dict, err));
	for (size_t i = 0; i < COUNTOF(NAMES); i++)
		TRY(fields_add(r->dict, NAMES[i].path, &r->ids[i], err));
	for (size_t i = 0; i < r->n_devices; i++)
		TRY(fields_add(r->dict, r->devices[i].field, &r->device_ids[i], err));
	return flat_new(&r->flat, err);
}

enum rc connection_reader_new(const struct connection_device *devices, size_t n, struct connection_reader **ret, struct err *err)
{
	struct connection_reader *r = mem_alloc(sizeof *r);
	enum rc rc;

	if (r == NULL)
		return FAIL(err, RC_NOMEM, "connections: no memory");
	r->devices = devices;
	r->n_devices = n < DEVICES_MAX ? n : DEVICES_MAX;
	rc = fill(r, err);
	if (rc != RC_OK) {
		connection_reader_free(r);
		return rc;
	}
	*ret = r;
	return RC_OK;
}

void connection_reader_free(struct connection_reader *r)
{
	if (r == NULL)
		return;
	flat_free(r->flat);
	fields_free(r->dict);
	mem_free(r);
}

static enum rc parse(struct connection_reader *r, struct str event, bool *ret_any)
{
	struct log_lines *lines CLEANUP(log_lines_freep) = NULL;
	enum log_format format = log_format_detect(event);

	*ret_any = false;
	TRY(log_lines_new(format, r->dict, time_now(), &lines, NULL));
	return log_lines_next(lines, r->flat, event, ret_any, NULL);
}

/* "-" and "0" are how logs say that there is none. */
static void keep_value(struct connection_reader *r, enum end end, struct str text)
{
	if (r->values[end][0] != '\0' || text.n > VALUE_KEPT || str_eq(text, S("-")) || str_eq(text, S("0")) || !utf8_valid(text, NULL))
		return;
	memcpy(r->values[end], text.p, text.n);
	r->values[end][text.n] = '\0';
}

static struct str device_of(const struct connection_reader *r)
{
	for (size_t i = 0; i < r->n_devices; i++)
		if (flat_get(r->flat, r->device_ids[i]) != NULL)
			return r->devices[i].protection;
	return S("");
}

bool connection_read(struct connection_reader *r, struct str event, struct connection *ret, struct str *ret_protection)
{
	bool any;

	*ret = (struct connection){ S(""), S(""), S(""), S(""), S(""), S("") };
	if (ret_protection != NULL)
		*ret_protection = S("");
	memset(r->values, 0, sizeof r->values);
	if (event.n == 0 || event.n > CONNECTION_EVENT_MAX || parse(r, event, &any) != RC_OK || !any)
		return false;
	for (size_t i = 0; i < COUNTOF(NAMES); i++) {
		const struct flat_value *v = flat_get(r->flat, r->ids[i]);

		if (v != NULL && (v->type == FLAT_STRING || v->type == FLAT_NUMBER))
			keep_value(r, NAMES[i].end, flat_text(r->flat, v));
	}
	if (ret_protection != NULL)
		*ret_protection = device_of(r);
	*ret = (struct connection){ str_of(r->values[SRC_IP]), str_of(r->values[SRC_PORT]), str_of(r->values[SRC_HOST]),
				    str_of(r->values[DST_IP]), str_of(r->values[DST_PORT]), str_of(r->values[DST_HOST]) };
	return ret->src_ip.n > 0 || ret->dst_ip.n > 0;
}

static void write_end(struct jsonw *w, const char *name, struct str ip, struct str port, struct str host)
{
	if (ip.n == 0 && port.n == 0 && host.n == 0)
		return;
	jsonw_name(w, name);
	jsonw_object(w);
	if (ip.n > 0)
		jsonw_m_str(w, "ip", ip);
	if (port.n > 0)
		jsonw_m_str(w, "port", port);
	if (host.n > 0)
		jsonw_m_str(w, "host", host);
	jsonw_object_end(w);
}

void connection_write(const struct connection *c, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_object(&w);
	write_end(&w, "src", c->src_ip, c->src_port, c->src_host);
	write_end(&w, "dst", c->dst_ip, c->dst_port, c->dst_host);
	jsonw_object_end(&w);
}
