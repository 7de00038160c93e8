// The peer of bench_flatten: simdjson's on-demand walk over every name and every value's raw text, nothing unescaped.
#include <cstddef>
#include <cstdint>
#include <simdjson.h>

using namespace simdjson;

static ondemand::parser parser;

// What a flat event holds of a value: where its name and its own text begin and end.
struct span {
	const char *name, *p;
	size_t name_n, n;
};

static span spans[4096 + 1];
static size_t n_spans;

static void put(const char *name, size_t name_n, std::string_view token)
{
	if (n_spans < 4096)
		spans[n_spans++] = { name, token.data(), name_n, token.size() };
}

static void walk_value(const char *name, size_t name_n, ondemand::value value);

static void walk_object(ondemand::object object)
{
	for (auto field : object) {
		const char *name = field.key().value().raw();
		ondemand::value value = field.value();

		// The name ends before the value: its closing quote, a colon and perhaps white space lie between.
		walk_value(name, size_t(value.raw_json_token().data() - name), value);
	}
}

static void walk_value(const char *name, size_t name_n, ondemand::value value)
{
	switch (value.type()) {
	case ondemand::json_type::object:
		walk_object(value.get_object());
		break;
	case ondemand::json_type::array:
		for (auto item : value.get_array())
			walk_value(name, name_n, item.value());
		break;
	case ondemand::json_type::string: {
		std::string_view token = value.raw_json_token();

		if (value.get_raw_json_string().error() == SUCCESS)
			put(name, name_n, token);
		break;
	}
	default:
		put(name, name_n, value.raw_json_token());
	}
}

// Values of one line, or 0 when it is bad. `room` bytes can be read from `line`, at least 64 more than `n`.
extern "C" uint64_t simdjson_walk(const char *line, size_t n, size_t room);
extern "C" uint64_t simdjson_walk(const char *line, size_t n, size_t room)
{
	n_spans = 0;
	try {
		auto document = parser.iterate(padded_string_view(line, n, room));
		walk_object(document.get_object());
	} catch (const simdjson_error &) {
		return 0;
	}
	return n_spans;
}

extern "C" const char *simdjson_name(void);
extern "C" const char *simdjson_name(void)
{
	static const std::string name = get_active_implementation()->name();

	return name.c_str();
}
