#include "base/mem.h"
#include "soc/connection.h"
#include "tap.h"

static const struct connection_device DEVICES[] = { { { "flow_id", 7 }, { "ids-ips", 7 } }, { { "Image", 5 }, { "edr", 3 } } };

static const struct {
	const char *name, *event, *want, *device; /* want NULL: no connection */
} ROWS[] = {
	{ "EVE", "{\"event_type\":\"alert\",\"flow_id\":1,\"src_ip\":\"10.0.0.1\",\"src_port\":4711,\"dest_ip\":\"192.0.2.9\",\"dest_port\":443,"
	  "\"tls\":{\"sni\":\"evil.example\"}}",
	  "{\"src\":{\"ip\":\"10.0.0.1\",\"port\":\"4711\"},\"dst\":{\"ip\":\"192.0.2.9\",\"port\":\"443\",\"host\":\"evil.example\"}}", "ids-ips" },
	{ "Sysmon 3 as Winlogbeat ships it", "{\"winlog\":{\"event_data\":{\"Image\":\"C:\\\\x.exe\",\"SourceIp\":\"10.0.0.1\",\"SourcePort\":\"50000\","
	  "\"DestinationIp\":\"192.0.2.9\",\"DestinationPort\":\"80\",\"DestinationHostname\":\"c2.example\",\"SourceHostname\":\"-\"}}}",
	  "{\"src\":{\"ip\":\"10.0.0.1\",\"port\":\"50000\"},\"dst\":{\"ip\":\"192.0.2.9\",\"port\":\"80\",\"host\":\"c2.example\"}}", "edr" },
	{ "Zeek JSON", "{\"ts\":1,\"id.orig_h\":\"10.0.0.1\",\"id.orig_p\":1,\"id.resp_h\":\"2001:db8::1\",\"id.resp_p\":53}",
	  "{\"src\":{\"ip\":\"10.0.0.1\",\"port\":\"1\"},\"dst\":{\"ip\":\"2001:db8::1\",\"port\":\"53\"}}", "" },
	{ "CEF in syslog", "<34>1 2026-01-02T03:04:05Z gw fw - - - CEF:0|V|Box|1|100|Blocked|5|src=10.0.0.1 spt=1024 dst=192.0.2.9 dpt=25 dhost=mx.example",
	  "{\"src\":{\"ip\":\"10.0.0.1\",\"port\":\"1024\"},\"dst\":{\"ip\":\"192.0.2.9\",\"port\":\"25\",\"host\":\"mx.example\"}}", "" },
	{ "LEEF", "LEEF:1.0|V|Box|1|100|src=10.0.0.1\tdst=192.0.2.9\tsrcPort=5\tdstPort=6",
	  "{\"src\":{\"ip\":\"10.0.0.1\",\"port\":\"5\"},\"dst\":{\"ip\":\"192.0.2.9\",\"port\":\"6\"}}", "" },
	{ "key=value", "date=2026-01-02 time=03:04:05 srcip=10.0.0.1 srcport=7 dstip=192.0.2.9 dstport=8 action=deny",
	  "{\"src\":{\"ip\":\"10.0.0.1\",\"port\":\"7\"},\"dst\":{\"ip\":\"192.0.2.9\",\"port\":\"8\"}}", "" },
	{ "ECS", "{\"source\":{\"ip\":\"10.0.0.1\",\"port\":1},\"destination\":{\"ip\":\"192.0.2.9\",\"port\":2,\"domain\":\"d.example\"}}",
	  "{\"src\":{\"ip\":\"10.0.0.1\",\"port\":\"1\"},\"dst\":{\"ip\":\"192.0.2.9\",\"port\":\"2\",\"host\":\"d.example\"}}", "" },
	{ "a logon over the network", "{\"EventID\":4624,\"IpAddress\":\"10.0.0.1\",\"IpPort\":\"0\",\"WorkstationName\":\"PC7\"}",
	  "{\"src\":{\"ip\":\"10.0.0.1\",\"host\":\"PC7\"}}", "" },
	{ "one without an address", "{\"EventID\":1,\"Image\":\"C:\\\\x.exe\"}", NULL, "edr" },
	{ "an address that is none", "{\"src_ip\":{\"a\":1}}", NULL, "" },
	{ "broken JSON", "{\"src_ip\":\"10.0.0.1\"", NULL, "" },
	{ "nothing", "", NULL, "" },
};

static void rows(void)
{
	struct connection_reader *r;
	struct err err;

	if (!OK(connection_reader_new(DEVICES, COUNTOF(DEVICES), &r, &err) == RC_OK, "a reader"))
		return;
	for (size_t i = 0; i < COUNTOF(ROWS); i++) {
		struct connection c;
		struct str device;
		struct buf b;
		bool found = connection_read(r, str_of(ROWS[i].event), &c, &device);

		buf_init(&b, 4096);
		connection_write(&c, &b);
		OK(found == (ROWS[i].want != NULL), "%s: %s", ROWS[i].name, ROWS[i].want != NULL ? "found" : "none");
		if (ROWS[i].want != NULL)
			EQ_STR(buf_view(&b), str_of(ROWS[i].want), ROWS[i].name);
		EQ_STR(device, str_of(ROWS[i].device), "device");
		buf_done(&b);
	}
	connection_reader_free(r);
}

static void no_memory(void)
{
	int64_t before = mem_live();
	enum rc rc = RC_NOMEM;
	int n = 0;

	while (rc == RC_NOMEM && ++n < 2000) {
		struct connection_reader *r = NULL;
		struct connection c;

		mem_fail_at((uint64_t)n, 0);
		rc = connection_reader_new(DEVICES, COUNTOF(DEVICES), &r, NULL);
		if (rc == RC_OK && !connection_read(r, str_of(ROWS[0].event), &c, NULL))
			rc = RC_NOMEM;
		mem_fail_at(0, 0);
		connection_reader_free(r);
		if (mem_live() != before)
			break;
	}
	OK(rc == RC_OK && n > 3 && mem_live() == before, "each allocation may fail: %d tries", n);
}

int main(void)
{
	rows();
	no_memory();
	return tap_done();
}
