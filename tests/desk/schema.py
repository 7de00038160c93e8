"""As much of JSON Schema as docs/schema uses: type, enum, required, properties, additionalProperties, items, bounds."""
import json
import os

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "schema")
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
KNOWN = {"$schema", "title", "description", "format", "type", "enum", "required", "properties", "additionalProperties", "items", "minLength", "maxItems",
         "minimum", "maximum"}


def load(name):
    with open(os.path.join(FOLDER, name + ".schema.json")) as f:
        return json.load(f)


def is_a(value, kind):
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


def faults(value, schema, at=""):
    """What of `value` the schema does not allow, one text each."""
    assert not set(schema) - KNOWN, set(schema) - KNOWN
    kinds = schema.get("type", list(TYPES) + ["integer"])
    if not any(is_a(value, k) for k in (kinds if isinstance(kinds, list) else [kinds])):
        return ["%s: %r is no %s" % (at, value, kinds)]
    out = []
    if value not in schema.get("enum", [value]):
        out.append("%s: %r is none of the words" % (at, value))
    if isinstance(value, dict):
        rules = schema.get("properties", {})
        out += ["%s: no %s" % (at, k) for k in schema.get("required", []) if k not in value]
        if schema.get("additionalProperties") is False:
            out += ["%s: what is %s?" % (at, k) for k in value if k not in rules]
        for k, v in value.items():
            out += faults(v, rules.get(k, {}), at + "/" + k)
    elif isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            out.append("%s: too many" % at)
        for i, v in enumerate(value):
            out += faults(v, schema.get("items", {}), "%s/%d" % (at, i))
    elif isinstance(value, str) and len(value) < schema.get("minLength", 0):
        out.append("%s: too short" % at)
    elif is_a(value, "integer") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        out.append("%s: %d is out of bounds" % (at, value))
    return out
