/* A bulletin with every member, as bulletin_write writes it. */
#ifndef TESTS_BULLETIN_FULL_H
#define TESTS_BULLETIN_FULL_H

static const char FULL[] =
	"{\"code\":\"EWA\",\"tlp\":\"TLP:AMBER+STRICT\",\"impact\":3,\"exercise\":true,\"category\":\"200\",\"title\":\"預警 your host\",\"description\":"
	"\"a\\nb\\tc <&> \\\"quoted\\\"\",\"method\":\"T1071\",\"producer\":\"N\",\"producer_id\":\"2.16.886.1\",\"reporter\":\"R\",\"reporter_phone\":\"02\","
	"\"reporter_mail\":\"r@example.org\",\"responder\":\"S\",\"responder_phone\":\"03\",\"responder_mail\":\"s@example.org\",\"source\":\"X-ANA-2026-0001\","
	"\"found\":\"2026-02-27T22:40:00.000000Z\",\"reported\":\"2026-02-27T23:05:00.000000Z\",\"closed\":\"2026-02-28T01:00:00.000000Z\","
	"\"due\":\"2026-02-28T04:00:00.000001Z\",\"affected\":[{\"product\":\"P\",\"vendor\":\"V\",\"version\":\"1.0\"},{\"product\":\"Q\"}],"
	"\"actions\":[\"patch\",\"look\\nat logs\"],\"references\":[\"https://example.org/1?a=b&c=d\"],\"observables\":[{\"type\":\"ipv4\",\"value\":"
	"\"198.51.100.7\"},{\"type\":\"domain\",\"value\":\"evil.example\"}],\"targets\":[{\"address\":\"192.0.2.1\",\"port\":443,\"protocol\":\"TCP\"}],"
	"\"connections\":[{\"protocol\":\"TCP\",\"source_address\":\"192.0.2.1\",\"source_port\":50000,\"via_host\":\"relay.example\",\"destination_address\":"
	"\"198.51.100.7\",\"destination_port\":443}],\"scans\":[{\"engine\":\"E\",\"version\":\"1\",\"result\":\"Trojan\"}],\"attachments\":[{\"name\":"
	"\"a.txt\",\"media_type\":\"text/plain\",\"content\":\"aGVsbG8=\"}]}";

#endif
