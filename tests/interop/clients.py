"""Drives a TAXII 2.1 server with the real taxii2-client and stix2 packages.

usage: clients.py URL USER PASSWORD COLLECTION [CA-FILE]
The user must be able to read and write COLLECTION, whose objects this run adds and
deletes again. Prints TAP; exit 0 when all is well."""
import json
import sys
import uuid

import stix2
from taxii2client.common import TokenAuth
from taxii2client.v21 import ApiRoot, Collection, Server, Status, as_pages

count = failed = 0


def ok(good, name):
    global count, failed
    count += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}", flush=True)


def raises(status, call):
    try:
        call()
    except Exception as e:
        return getattr(getattr(e, "response", None), "status_code", None) == status
    return False


def main(url, user, password, collection_id, verify=False):
    server = Server(url + "/taxii2/", user=user, password=password, verify=verify)
    ok(bool(server.title) and len(server.api_roots) >= 1, "discovery")
    ok(server.default is None or server.default.url in [r.url for r in server.api_roots], "default is one of the roots")
    root = next(r for r in server.api_roots if any(c.id == collection_id for c in r.collections))
    ok("application/taxii+json;version=2.1" in root.versions and root.max_content_length > 0, "API root")
    col = next(c for c in root.collections if c.id == collection_id)
    ok(col.can_read and col.can_write and "application/stix+json;version=2.1" in col.media_types, "collection")
    alone = Collection(col.url, user=user, password=password, verify=verify)
    ok(alone.id == col.id, "collection by its URL")

    made = [stix2.Indicator(name=f"interop {i}", pattern=f"[domain-name:value = 'i{i}.example']", pattern_type="stix",
                            valid_from="2020-01-01T00:00:00Z") for i in range(25)]
    address = stix2.IPv4Address(value="198.51.100.77")
    relation = stix2.Relationship(made[0], "based-on", stix2.ObservedData(
        first_observed="2020-01-01T00:00:00Z", last_observed="2020-01-01T00:00:00Z", number_observed=1, object_refs=[address.id]))
    envelope = {"objects": [json.loads(o.serialize()) for o in made + [address, relation]]}
    status = col.add_objects(envelope)
    ok(status.status == "complete" and status.success_count == 27 and status.failure_count == 0, "add objects")
    again = Status(root.url + f"status/{status.id}/", user=user, password=password, verify=verify)
    ok(again.total_count == 27 and again.success_count == 27, "status later")
    status = col.add_objects(envelope)
    ok(status.success_count == 27 and status.failure_count == 0, "the same again is no error")

    ids = [o.id for o in made]
    got = col.get_objects(id=ids[:3])
    ok(sorted(o["id"] for o in got["objects"]) == sorted(ids[:3]), "match[id]")
    parsed = stix2.parse(col.get_object(ids[0])["objects"][0])
    ok(parsed == made[0], "an object comes back as it went, and stix2 reads it")
    pages = list(as_pages(col.get_objects, per_request=10, type=["indicator"], id=ids))
    ok([len(p["objects"]) for p in pages] == [10, 10, 5], "pages of ten")
    ok(sorted(o["id"] for p in pages for o in p["objects"]) == sorted(ids), "which hold everything once")
    manifest = [m for p in as_pages(col.get_manifest, per_request=10, id=ids) for m in p["objects"]]
    ok(len(manifest) == 25 and all(m["media_type"] == "application/stix+json;version=2.1" for m in manifest), "manifest")
    later = col.get_objects(added_after=manifest[9]["date_added"], id=ids)
    ok(len(later["objects"]) == 15, "added_after is exclusive")

    newer = made[1].new_version(name="interop changed")
    col.add_objects({"objects": [json.loads(newer.serialize())]})
    ok(len(col.object_versions(ids[1])["versions"]) == 2, "versions")
    ok(col.get_object(ids[1])["objects"][0]["name"] == "interop changed", "the last version is the default")
    ok(col.get_object(ids[1], version="first")["objects"][0]["name"] == "interop 1", "match[version]=first")
    ok(len(col.get_object(ids[1], version="all")["objects"]) == 2, "match[version]=all")
    ok(raises(400, lambda: col.get_objects(version=["all", "last"])), "all beside another value is 400")
    ok(raises(404, lambda: col.get_object("indicator--" + str(uuid.uuid4()))), "an unknown object is 404")
    bad = col.add_objects({"objects": [{"type": "indicator", "spec_version": "2.1", "id": "indicator--" + str(uuid.uuid4())}]})
    ok(bad.failure_count == 1 and bool(bad.failures[0]["message"]), "a bad object fails with a message")

    for o in made + [address, relation]:
        col.delete_object(o.id)
    ok(raises(404, lambda: col.get_object(ids[0])), "deleted objects are gone")

    wrong = Server(url + "/taxii2/", user=user, password="wrong", verify=verify)
    ok(raises(401, lambda: wrong.title), "a wrong password is 401")
    ok(raises(401, lambda: Collection(col.url, auth=TokenAuth("no-such-token"), verify=verify).title), "a wrong token is 401")
    source = stix2.TAXIICollectionSource(alone, allow_custom=True)
    col.add_objects({"objects": [json.loads(made[2].serialize())]})
    ok(source.get(made[2].id) == made[2], "stix2's TAXIICollectionSource")
    ok([o.id for o in source.query([stix2.Filter("type", "=", "indicator"), stix2.Filter("id", "=", made[2].id)])] == [made[2].id],
       "and its query")
    stix2.TAXIICollectionSink(alone).add(made[3])
    ok(col.get_object(ids[3])["objects"][0]["id"] == ids[3], "stix2's TAXIICollectionSink")
    col.delete_object(ids[2])
    col.delete_object(ids[3])
    print(f"1..{count}")
    return failed != 0


sys.exit(main(*sys.argv[1:]))
