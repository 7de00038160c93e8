#include "base/uuid.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

static void test_parse(void)
{
	static const struct {
		const char *text;
		int version; /* 0: refused */
	} rows[] = {
		{ "6ba7b810-9dad-11d1-80b4-00c04fd430c8", 1 },
		{ "00ABEDB4-aa42-466c-9c01-fed23315a9b7", 4 },
		{ "00abedb4-aa42-866c-bc01-fed23315a9b7", 8 },
		{ "00abedb4-aa42-066c-9c01-fed23315a9b7", 0 },
		{ "00abedb4-aa42-966c-9c01-fed23315a9b7", 0 },
		{ "00abedb4-aa42-466c-7c01-fed23315a9b7", 0 },
		{ "00abedb4-aa42-466c-cc01-fed23315a9b7", 0 },
		{ "00abedb4aa42466c9c01fed23315a9b7", 0 },
		{ "00abedb4-aa42-466c-9c01-fed23315a9b", 0 },
		{ "00abedb4-aa42-466c-9c01-fed23315a9b77", 0 },
		{ "00abedb4-aa42-466c-9c01-fed23315a9g7", 0 },
		{ "00abedb4_aa42-466c-9c01-fed23315a9b7", 0 },
		{ "{0abedb4-aa42-466c-9c01-fed23315a9b7", 0 },
		{ "", 0 },
	};
	char out[UUID_TEXT_LEN + 1], lower[UUID_TEXT_LEN + 1];

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct uuid u = { { 0 } };
		bool good = uuid_parse(str_of(rows[i].text), &u);

		EQ_INT(good ? uuid_version(&u) : 0, rows[i].version, rows[i].text);
		if (!good)
			continue;
		for (size_t k = 0; k <= UUID_TEXT_LEN; k++)
			lower[k] = (char)(rows[i].text[k] >= 'A' && rows[i].text[k] <= 'F' ? rows[i].text[k] + 32 : rows[i].text[k]);
		EQ_STR(uuid_format(&u, out), str_of(lower), "back in lower case");
		EQ_INT(strlen(out), UUID_TEXT_LEN, "NUL behind");
	}
}

static void test_v5(void)
{
	struct uuid dns, u;
	char out[UUID_TEXT_LEN + 1];

	OK(uuid_parse(S("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), &dns), "name space of DNS");
	uuid_v5(&dns, S("www.example.com"), &u);
	EQ_STR(uuid_format(&u, out), S("2ed6657d-e927-568b-95e1-2665a8aea6a2"), "RFC 9562 A.4");
}

static void test_v4(void)
{
	struct uuid u[300], again;
	char out[UUID_TEXT_LEN + 1];
	bool good = true;

	for (size_t i = 0; i < COUNTOF(u); i++) {
		uuid_v4(&u[i]);
		good = good && uuid_version(&u[i]) == 4 && uuid_parse(uuid_format(&u[i], out), &again);
		for (size_t k = 0; k < i; k++)
			good = good && memcmp(&u[i], &u[k], sizeof u[i]) != 0;
	}
	OK(good, "300 random ones, all different and well formed");
}

static void test_fork(void)
{
	struct uuid mine, theirs = { { 0 } };
	int fd[2], status = 0;
	pid_t child;

	uuid_v4(&mine);
	if (pipe(fd) != 0)
		return;
	child = fork();
	if (child == 0) {
		uuid_v4(&mine);
		_exit(write(fd[1], &mine, sizeof mine) != sizeof mine);
	}
	uuid_v4(&mine);
	OK(read(fd[0], &theirs, sizeof theirs) == sizeof theirs && waitpid(child, &status, 0) == child && status == 0, "child");
	OK(memcmp(&mine, &theirs, sizeof mine) != 0, "a forked child draws its own");
}

int main(void)
{
	test_parse();
	test_v5();
	test_v4();
	test_fork();
	return tap_done();
}
