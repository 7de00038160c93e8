/* words.registers of a pack (docs/internals/registers.md): what it says must be of this pack, so that the wizard never meets an
 * answer that the table does not know. A pack that says nothing of registers asks for everything. */
#include "desk/pack_read.h"

#define WORDS_MAX 100

static enum rc check_answer(const struct pack_reader *r, const struct pack *p, const struct json *name, const struct json *value)
{
	for (size_t i = 0; i < p->n_attributes; i++)
		if (str_eq(p->attributes[i].term.id, json_str(name)))
			return pack_find(p->attributes[i].values, p->attributes[i].n_values, json_str(value)) >= 0 ? RC_OK :
			       pack_bad(r, value, "no answer to \"%.*s\"", STR(json_str(name)));
	return pack_bad(r, value, "nothing is asked of the name \"%.*s\"", STR(json_str(name)));
}

static enum rc check_answers(const struct pack_reader *r, const struct pack *p, const struct json *object)
{
	if (object->n == 0)
		return pack_bad(r, object, "names no answer");
	JSON_MEMBERS(name, value, object)
		TRY(check_answer(r, p, name, value));
	return RC_OK;
}

static enum rc check_rules(const struct pack_reader *r, const struct pack *p, const struct json *rules)
{
	static const char *const names[] = { "system", "item", NULL };
	const struct json *part;

	if (rules->type != JSON_ARRAY || rules->n > WORDS_MAX)
		return pack_bad(r, rules, "expected an array of at most %d entries", WORDS_MAX);
	JSON_EACH(rule, rules) {
		TRY(pack_members(r, rule, names));
		TRY(pack_need(r, rule, "system", JSON_OBJECT, &part));
		TRY(pack_need(r, rule, "item", JSON_OBJECT, &part));
		TRY(check_answers(r, p, part));
	}
	return RC_OK;
}

/* {"when": {"effect": "outage"}, "answer": "recovery", "within": "within", "beyond": "beyond"} */
static enum rc check_outage(const struct pack_reader *r, const struct pack *p, const struct json *outage)
{
	static const char *const names[] = { "when", "answer", "within", "beyond", NULL };
	const struct json *when, *answer, *value;

	TRY(pack_members(r, outage, names));
	TRY(pack_need(r, outage, "when", JSON_OBJECT, &when));
	TRY(check_answers(r, p, when));
	TRY(pack_need(r, outage, "answer", JSON_STRING, &answer));
	TRY(pack_need(r, outage, "within", JSON_STRING, &value));
	TRY(check_answer(r, p, answer, value));
	TRY(pack_need(r, outage, "beyond", JSON_STRING, &value));
	return check_answer(r, p, answer, value);
}

static enum rc check_secrecy(const struct pack_reader *r, const struct pack *p, const struct json *name)
{
	for (size_t i = 0; i < p->n_attributes; i++)
		if (str_eq(p->attributes[i].term.id, json_str(name)))
			return RC_OK;
	return pack_bad(r, name, "expected the name of an attribute of levels");
}

enum rc pack_registers_check(const struct pack_reader *r, const struct pack *p)
{
	static const char *const names[] = { "levels", "secrecy", "answers", "outage", NULL };
	const struct json *words = json_get(p->words, S("registers"));
	const struct pack_term *terms;
	size_t n;

	if (words == NULL)
		return RC_OK;
	TRY(pack_members(r, words, names));
	if (json_get(words, S("levels")) != NULL)
		TRY(pack_terms(r, words, "levels", WORDS_MAX, &terms, &n));
	if (json_get(words, S("secrecy")) != NULL)
		TRY(check_secrecy(r, p, json_get(words, S("secrecy"))));
	if (json_get(words, S("answers")) != NULL)
		TRY(check_rules(r, p, json_get(words, S("answers"))));
	return json_get(words, S("outage")) != NULL ? check_outage(r, p, json_get(words, S("outage"))) : RC_OK;
}
