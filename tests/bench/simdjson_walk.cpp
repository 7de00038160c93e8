// The peer of bench_flatten: simdjson's on-demand walk over every name and every value's raw text, nothing unescaped.
#include <cstddef>
#include <cstdint>
#include <simdjson.h>

using namespace simdjson;

static ondemand::parser parser;

static void walk_value(ondemand::value value, uint64_t &values);

static void walk_object(ondemand::object object, uint64_t &values)
{
	for (auto field : object) {
		values += field.key().value().raw()[0] == '\0'; // the name is read, as ours is
		walk_value(field.value(), values);
	}
}

static void walk_value(ondemand::value value, uint64_t &values)
{
	switch (value.type()) {
	case ondemand::json_type::object:
		walk_object(value.get_object(), values);
		break;
	case ondemand::json_type::array:
		for (auto item : value.get_array())
			walk_value(item.value(), values);
		break;
	case ondemand::json_type::string:
		values += value.get_raw_json_string().value().raw() != nullptr;
		break;
	default:
		values += value.raw_json_token().size() != 0;
	}
}

// Values of one line, or 0 when it is bad. `room` bytes can be read from `line`, at least 64 more than `n`.
extern "C" uint64_t simdjson_walk(const char *line, size_t n, size_t room);
extern "C" uint64_t simdjson_walk(const char *line, size_t n, size_t room)
{
	uint64_t values = 0;

	try {
		auto document = parser.iterate(padded_string_view(line, n, room));
		walk_object(document.get_object(), values);
	} catch (const simdjson_error &) {
		return 0;
	}
	return values;
}

extern "C" const char *simdjson_name(void);
extern "C" const char *simdjson_name(void)
{
	static const std::string name = get_active_implementation()->name();

	return name.c_str();
}
