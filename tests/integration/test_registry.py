"""A schema registry behind TLS and a password: who is let in reads, and everybody else is told what to mend."""

import json
import struct
import uuid
from pathlib import Path

import checking
import checks
import client
import pytest
import worker
from client import Record
from collector import proxies
from registry import Registry
from secured import Authority

AVRO = json.loads(Path(__file__).with_name("avro_records.json").read_text(encoding="utf-8"))
SCHEMAS = {int(number): answer for number, answer in AVRO["schemas"].items()}
USER, PASSWORD = "news", "p'a\"s:s@w=o$rd{};"


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    """(the one that issues the registry's certificates, another)"""
    folder = tmp_path_factory.mktemp("authorities")
    return Authority(folder / "own", "newsroom"), Authority(folder / "other", "another authority")


def feed(url, **settings):
    return {"format": "avro", "text": ["/title", "/content/paragraphs"],
            "schema_registry": {"url": url, "username": USER, "password": PASSWORD, **settings}}


def test_with_the_authority_and_the_password_articles_are_read(lab, authorities):
    own, _ = authorities
    flow, model = lab.flow(), lab.model()
    with Registry(SCHEMAS, USER, PASSWORD, certificate=own.issue("registry")) as registry:
        input = feed(registry.url, **{"ca.location": str(own.ca)})
        places = flow.produce([bytes.fromhex(AVRO["values"][0])])
        # Of this machine it is asked without a proxy.
        running = lab.start(flow.config(model={"path": str(model)}, input=input), build=worker.fake_build(), environment=proxies())
        labels, dead_letters = checks.settled(flow)
        checks.assert_each_once(labels, places)
        checks.assert_labelled(labels[0], "Матч\nмяч\nгол", model)
        assert dead_letters == []
        assert running.stop() == 0 and PASSWORD not in running.stderr
        assert checking.bad(checking.check(lab, flow, input=input)[1]) == set()


def wrong(kind, authorities, url):
    """(the registry's certificate, settings, url, what must be said) of one mistake."""
    own, other = authorities
    trusted = {"ca.location": str(own.ca)}
    return {
        "another authority": (own.issue("registry"), {"ca.location": str(other.ca)}, url,
                              ["certificate", "ca.location of input.schema_registry must name the authority that signed it"]),
        "no authority": (own.issue("registry"), {}, url, ["certificate", "ca.location of input.schema_registry must name"]),
        "another name": (own.issue("misnamed", names="DNS:registry.example.org"), trusted, url,
                         ["127.0.0.1", "url of input.schema_registry must name the host as the certificate does"]),
        "expired": (own.issue("expired", days=-1), trusted, url, ["expired", "renew the registry's certificate"]),
        "no such file": (own.issue("registry"), {"ca.location": "/nowhere.pem"}, url, ["must name a readable file of certificates"]),
        "no TLS": (None, trusted, url.replace("http:", "https:"), ["does the registry speak TLS there?"]),
        "TLS unasked": (own.issue("registry"), trusted, url, ["Then url begins with https"]),
        "another password": (own.issue("registry"), {**trusted, "password": "wr0ng-one"}, url,
                             ["denies access: see username and password of input.schema_registry"]),
        "another password in the url": (None, {}, url.replace("://", "://someone:s3cret@"), ["denies access"]),
        "another path": (None, {}, url + "/wrong", ["HTTP status 404 and no schema; does url of input.schema_registry lead to"]),
        "a proxy's page": (None, {}, url, ["HTTP status 200 and no schema; does url of input.schema_registry lead to"]),
        "led to a log-in": (None, {}, url, ["(a redirect leads to http://127.0.0.1:", "/login/", "must name the registry)"]),
    }[kind]


KINDS = ["another authority", "no authority", "another name", "expired", "no such file", "no TLS", "TLS unasked", "another password",
         "another password in the url", "another path", "a proxy's page", "led to a log-in"]
PAGE = b"<!DOCTYPE html><title>Welcome</title>"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_wrong_is_named_with_what_to_mend_and_no_secret(lab, authorities, kind):
    flow, model = lab.flow(), lab.model()
    certificate, *_ = wrong(kind, authorities, "")
    with Registry(SCHEMAS, USER, PASSWORD, certificate=certificate) as registry, Registry() as elsewhere:
        registry.page = PAGE if kind == "a proxy's page" else None
        elsewhere.page = PAGE
        registry.leads_to = elsewhere.url + "/login" if kind == "led to a log-in" else None
        own_url = registry.url if kind != "TLS unasked" else registry.url.replace("https:", "http:")
        _, settings, url, parts = wrong(kind, authorities, own_url)
        input = feed(url, **settings)
        if kind == "another password in the url":
            del input["schema_registry"]["username"], input["schema_registry"]["password"]
        status, found = checking.check(lab, flow, input=input)
        finding, = found["schema-registry"]
        assert (status, checking.bad(found)) == (1, {"schema-registry"})
        said = finding["message"]
        assert all(part in said for part in ["the schema registry http", *parts]), said
        assert PASSWORD not in said and "s3cret" not in said and "wr0ng" not in said
        assert "input.schema_registry" in finding["place"] and "ca.location" in finding["remedy"]


def test_a_worker_that_does_not_trust_its_registry_waits_says_so_and_makes_no_dead_letters(lab, authorities):
    own, other = authorities
    flow, model = lab.flow(), lab.model()
    with Registry(SCHEMAS, USER, PASSWORD, certificate=own.issue("registry")) as registry:
        flow.produce([bytes.fromhex(AVRO["values"][0])])
        running = lab.run(flow, model, input=feed(registry.url, **{"ca.location": str(other.ca)}), http={"listen": "127.0.0.1:0"})
        client.wait_for("the stall", lambda: "must name the authority that signed it" in running.http("/readyz")[1])
        assert running.http("/readyz")[0] == 503
        assert (flow.labels(), flow.dead_letters(), flow.lag()) == ([], [], 1)
        assert running.stop() == 0 and PASSWORD not in running.stderr


def text(value):
    """A string in Avro's binary encoding, of less than 64 bytes."""
    return bytes([2 * len(value.encode())]) + value.encode()


def framed(schema, *parts):
    return struct.pack(">bI", 0, schema) + b"".join(parts)


def record(name, *fields, **more):
    return {"schema": json.dumps({"type": "record", "name": name, "fields": [
        {"name": field, "type": type, **rest} for field, type, rest in fields]}), **more}


def refers(subject, version):
    return {"references": [{"name": "any", "subject": subject, "version": version}]}


# As Debezium writes them: a decimal's default is a byte of zero, which some readers of JSON refuse.
DECIMAL = ("price", ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}], {"default": "\0"})
ARTICLE = record("news.Article", ("title", "string", {}), ("by", "people.Author", {}), DECIMAL, **refers("authors of/news", 2))
AUTHOR = record("people.Author", ("name", "people.Name", {}), **refers("names", 1))
NAME = record("people.Name", ("family", {"type": {"type": "string", "avro.java.string": "String"}}, {}))


def test_a_schema_is_read_with_all_that_it_refers_to_behind_a_proxy(lab):
    flow, model = lab.flow(), lab.model()
    lost = record("news.Lost", ("by", "people.Author", {}), **refers("authors", 9))
    unclear = record("news.Unclear", ("by", "people.Author", {}))
    schemas = {7: ARTICLE, 8: {"schema": "message A {}", "schemaType": "PROTOBUF"}, 9: lost, 10: unclear}
    with Registry(schemas, subjects={"authors of/news/versions/2": AUTHOR, "names/versions/1": NAME}, path="/contexts/:.desk:") as registry, \
            Registry() as proxy:
        proxy.leads_to = registry.url
        good = [framed(7, text("матч"), text("Петров"), b"\x02\x04\x01\x02"), framed(7, text("гол"), text("Ли"), b"\0")]
        bad = [framed(8, b"x"), framed(9, b"x"), framed(10, b"x")]
        places = flow.produce([*good, *bad])
        input = {"format": "avro", "text": ["/title", "/by/name/family"], "schema_registry": {"url": proxy.url + "//"}}
        lab.run(flow, model, input=input)
        labels, dead_letters = checks.settled(flow)
        checks.assert_each_once(labels, places[:2])
        checks.assert_labelled(labels[0], "матч\nПетров", model)
        checks.assert_labelled(labels[1], "гол\nЛи", model)
        said = [(letter.header("wiretag.error.code"), letter.header("wiretag.error.message")) for letter in dead_letters]
        assert [code for code, _ in said] == ["schema-unusable"] * 3
        for (_, message), words in zip(said, ["schema 8 is not Avro but PROTOBUF", "schema 9 refers to one that the registry does not "
                                              "have: /subjects/authors/versions/9", "schema 10 cannot be read: it does not say what "
                                              "this type is: people.Author"]):
            assert words in message
        assert len([path for path in registry.asked if "/names/" in path]) <= 4, "asked once by each thread"
        assert checking.bad(checking.check(lab, flow, input=input)[1]) == set()


def test_a_schemas_id_may_stand_in_a_header(lab):
    flow, model = lab.flow(), lab.model()
    guid = uuid.UUID("5a1f0c3e-0102-4304-8506-0708090a0b0c")
    with Registry({7: NAME, 8: {**NAME, "guid": str(guid)}}) as registry:
        headers = [struct.pack(">bI", 0, 7), b"\x01" + guid.bytes, None, struct.pack(">bI", 0, 9)]
        records = [Record(text(word), headers=[("__value_schema_id", header)])
                   for word, header in zip(["матч", "гол", "мяч", "финал"], headers)]
        records[2].value = framed(7, records[2].value)
        places = flow.produce(records)
        lab.run(flow, model, input={"format": "avro", "text": ["/family"], "schema_registry": {"url": registry.url}})
        labels, dead_letters = checks.settled(flow)
        checks.assert_each_once(labels, places[:3])
        for label, word in zip(labels, ["матч", "гол", "мяч"]):
            checks.assert_labelled(label, word, model)
        letter, = dead_letters
        assert (letter.header("wiretag.error.code"), letter.value) == ("schema-unknown", records[3].value)
        assert "no schema 9: " in letter.header("wiretag.error.message")


def test_a_registry_that_is_none_makes_no_dead_letters(lab):
    flow, model = lab.flow(), lab.model()
    with Registry({7: NAME}) as registry:
        flow.produce([framed(7, text("матч"))])
        running = lab.run(flow, model, input={"format": "avro", "text": ["/family"], "schema_registry": {"url": registry.url + "/v7"}},
                          http={"listen": "127.0.0.1:0"})
        client.wait_for("the stall", lambda: "HTTP status 404 and no schema" in running.http("/readyz")[1], 60)
        assert (flow.labels(), flow.dead_letters(), flow.lag()) == ([], [], 1)
        assert running.stop() == 0
