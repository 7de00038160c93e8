#include "base/mem.h"
#include "tap.h"
#include "wire/fields_table.h"

/* The id of what stands under `steps` ("a" "\0" "b" ...), one find a step. */
static uint16_t walk(const struct fields *f, const char *const *steps)
{
	fields_node node = 0;
	uint16_t id = FIELD_NONE;

	for (; *steps != NULL; steps++)
		id = fields_find(f, node, str_of(*steps), &node);
	return id;
}
#define WALK(f, ...) walk(f, (const char *const[]){ __VA_ARGS__, NULL })

static uint16_t add(struct fields *f, const char *path)
{
	uint16_t id = FIELD_NONE;

	if (fields_add(f, str_of(path), &id, NULL) != RC_OK)
		printf("# fields_add(%s) failed\n", path);
	return id;
}

static void test_paths(void)
{
	CLEANUP(fields_freep) struct fields *f = fields_new();
	uint16_t image = add(f, "Image"), abc = add(f, "a.b.c"), ab = add(f, "a.b"), threat = add(f, "Threat Name");
	uint16_t long_name = add(f, "AVeryLongNameOfAFieldThatGoesOn"), odd = add(f, "x..y"), in = 0;
	fields_node node = 7;

	OK(image == 1 && abc == 2 && ab == 3 && threat == 4 && fields_count(f) == 6, "numbers from 1 on");
	EQ_INT(add(f, "a.b.c"), abc, "the same path, the same number");
	EQ_INT(WALK(f, "Image"), image, "at the top");
	EQ_INT(WALK(f, "a", "b", "c"), abc, "nested");
	EQ_INT(WALK(f, "a.b.c"), abc, "one literal name");
	EQ_INT(WALK(f, "a.b", "c"), abc, "literal, then nested");
	EQ_INT(WALK(f, "a", "b.c"), abc, "nested, then literal");
	EQ_INT(WALK(f, "a", "b"), ab, "on the way to another");
	EQ_INT(WALK(f, "a.b"), ab, "literal, on the way to another");
	EQ_INT(WALK(f, "a"), FIELD_NONE, "a step alone is nobody's");
	EQ_INT(WALK(f, "image"), FIELD_NONE, "case counts");
	EQ_INT(WALK(f, "Imag"), FIELD_NONE, "shorter");
	EQ_INT(WALK(f, "Image\n"), FIELD_NONE, "longer");
	EQ_INT(WALK(f, "ThreatName"), threat, "without its blank");
	EQ_INT(WALK(f, "Threat Name"), threat, "with its blank");
	EQ_INT(WALK(f, "Thr eatName"), threat, "with another blank");
	EQ_INT(add(f, "ThreatName"), threat, "asked for without its blank");
	EQ_INT(WALK(f, "AVeryLongNameOfAFieldThatGoesOn"), long_name, "longer than an entry's head");
	EQ_INT(WALK(f, "AVeryLongNameOfAFieldThatGoesOm"), FIELD_NONE, "differs behind the head");
	EQ_INT(WALK(f, "x..y"), odd, "empty steps make a literal name");
	OK(fields_find(f, 0, S("zzz"), &node) == FIELD_NONE && node == FIELDS_NOWHERE, "nothing inside what nobody asks for");
	OK(fields_find(f, FIELDS_NOWHERE, S("Image"), &node) == FIELD_NONE && node == FIELDS_NOWHERE, "nowhere stays nowhere");
	OK(fields_find(f, 0, S(""), &node) == FIELD_NONE, "no name");
	EQ_STR(fields_name(f, abc), S("a.b.c"), "its name");
	EQ_STR(fields_name(f, threat), S("Threat Name"), "its name as first asked for");
	OK(fields_name(f, 0).n == 0 && fields_name(f, 99).n == 0, "no such number");
	EQ_INT(fields_id(f, S("a.b.c")), abc, "by path");
	EQ_INT(fields_add(f, S(""), &in, NULL), RC_LIMIT, "an empty path");
	OK(fields_alias(f, S("exe.path"), image, NULL) == RC_OK && WALK(f, "exe", "path") == image && WALK(f, "exe.path") == image,
	   "alias");
	EQ_INT(fields_alias(f, S("no"), 99, NULL), RC_NOTFOUND, "alias of nothing");
	EQ_INT(fields_transparent(f, S("w"), NULL), RC_CONFLICT, "transparent too late");
}

static void test_transparent(void)
{
	CLEANUP(fields_freep) struct fields *f = fields_new();
	uint16_t image, deep;

	OK(fields_transparent(f, S("w.data"), NULL) == RC_OK && fields_transparent(f, S("u.*"), NULL) == RC_OK &&
	   fields_rename(f, S("w.id"), S("EventID"), NULL) == RC_OK, "wrappers");
	image = add(f, "Image");
	deep = add(f, "d.e");
	EQ_INT(WALK(f, "w", "data", "Image"), image, "inside a wrapper");
	EQ_INT(WALK(f, "w.data", "Image"), image, "its path as one name");
	EQ_INT(WALK(f, "w.data.Image"), image, "all as one name");
	EQ_INT(WALK(f, "w", "data.Image"), image, "half as one name");
	EQ_INT(WALK(f, "w", "data", "d", "e"), deep, "nested inside a wrapper");
	EQ_INT(WALK(f, "w.data.d.e"), deep, "nested inside a wrapper, as one name");
	EQ_INT(WALK(f, "w", "Image"), FIELD_NONE, "not inside half a wrapper");
	EQ_INT(WALK(f, "u", "Anything", "Image"), image, "a step of any name");
	EQ_INT(WALK(f, "u", "Image"), FIELD_NONE, "a step of any name is a step");
	EQ_INT(add(f, "w.data.Image"), image, "asked for with its wrapper");
	EQ_INT(WALK(f, "w", "id"), FIELD_NONE, "renamed, but nobody asks yet");
	deep = add(f, "EventID");
	EQ_INT(WALK(f, "w", "id"), deep, "renamed");
	EQ_INT(add(f, "w.id"), deep, "asked for by its other name");
}

static void test_windows(void)
{
	static const struct {
		const char *field, *steps[6];
	} rows[] = {
		{ "EventID", { "Event", "System", "EventID" } },
		{ "EventID", { "Event", "System", "EventID", "#text" } },
		{ "Provider_Name", { "Event", "System", "Provider", "#attributes", "Name" } },
		{ "Provider_Name", { "Event", "System", "Provider_attributes", "Name" } },
		{ "Execution_ProcessID", { "Event", "System", "Execution", "#attributes", "ProcessID" } },
		{ "TimeCreated_SystemTime", { "Event", "System", "TimeCreated", "#attributes", "SystemTime" } },
		{ "Channel", { "Event", "System", "Channel" } },
		{ "Computer", { "Event", "System", "Computer" } },
		{ "CommandLine", { "Event", "EventData", "CommandLine" } },
		{ "Data", { "Event", "EventData", "Data", "#text" } },
		{ "FilePath", { "Event", "UserData", "CbsPackage", "FilePath" } },
		{ "CommandLine", { "winlog", "event_data", "CommandLine" } },
		{ "CommandLine", { "winlog.event_data.CommandLine" } },
		{ "Channel", { "winlog", "channel" } },
		{ "EventID", { "winlog", "event_id" } },
		{ "EventID", { "winlog.event_id" } },
		{ "Provider_Name", { "winlog", "provider_name" } },
		{ "Computer", { "winlog", "computer_name" } },
		{ "FilePath", { "winlog", "user_data", "FilePath" } },
		{ "Provider_Name", { "SourceName" } },
		{ "Computer", { "Hostname" } },
		{ "EventID", { "EventID" } },
		{ "CommandLine", { "process", "command_line" } },
		{ "Provider_Name", { "Provider_Name" } },
		{ "Execution_ProcessID", { "ExecutionProcessID" } },
	};
	CLEANUP(fields_freep) struct fields *f = fields_new();

	EQ_INT(fields_add_windows(f, NULL), RC_OK, "the names of Windows");
	for (size_t i = 0; i < COUNTOF(rows); i++)
		add(f, rows[i].field);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		uint16_t id = fields_id(f, str_of(rows[i].field));

		OK(id != FIELD_NONE && walk(f, rows[i].steps) == id, "%s in %s...%s", rows[i].field, rows[i].steps[0],
		   rows[i].steps[1] == NULL ? "" : rows[i].steps[1]);
	}
	EQ_INT(fields_count(f), 9, "one number a field");
}

static void test_limits(void)
{
	CLEANUP(fields_freep) struct fields *f = fields_new();
	char name[FIELD_NAME_MAX + 2];
	uint16_t id = 0;
	int wrong = 0;

	memset(name, '.', sizeof name);
	EQ_INT(fields_id(f, str_make(name, sizeof name)), FIELD_NONE, "a name made of dots");
	EQ_INT(fields_add(f, str_make(name, sizeof name), &id, NULL), RC_LIMIT, "too long");
	for (int i = 0; i < FIELDS_MAX; i++)
		wrong += fields_add(f, str_make(name, (size_t)snprintf(name, sizeof name, "field-number-%d", i)), &id, NULL) != RC_OK;
	EQ_INT(wrong, 0, "as many as may be");
	EQ_INT(fields_add(f, S("one more"), &id, NULL), RC_LIMIT, "not one more");
	for (int i = 0; i < FIELDS_MAX; i++)
		wrong += fields_id(f, str_make(name, (size_t)snprintf(name, sizeof name, "field-number-%d", i))) != i + 1;
	EQ_INT(wrong, 0, "each found");
}

static bool build(void)
{
	CLEANUP(fields_freep) struct fields *f = fields_new();
	char name[40];
	uint16_t id;

	if (f == NULL || fields_add_windows(f, NULL) != RC_OK)
		return false;
	for (int i = 0; i < 200; i++)
		if (fields_add(f, str_make(name, (size_t)snprintf(name, sizeof name, "object.name_%d", i)), &id, NULL) != RC_OK)
			return false;
	return true;
}

int main(void)
{
	int64_t live = mem_live();
	uint64_t n = 0;
	bool good;

	test_paths();
	test_transparent();
	test_windows();
	test_limits();
	do {
		mem_fail_at(++n, 0);
		good = build();
		mem_fail_at(0, 0);
	} while (!good && n < 1000 && mem_live() == live);
	OK(good && n > 8, "each of %llu allocations failed once", (unsigned long long)n);
	EQ_INT(mem_live(), live, "nothing left behind");
	return tap_done();
}
