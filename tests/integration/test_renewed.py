"""A client certificate of an authority that the brokers know no longer is replaced under a running worker."""

import os
import shutil

import pytest
import secured
from broker import Broker
from client import article


def put(source, target):
    """Replaces the file at once, as tools that renew certificates do."""
    shutil.copy(source, f"{target}.new")
    os.replace(f"{target}.new", target)


@pytest.fixture
def mutual(tmp_path):
    """A broker whose listener MUTUAL trusts the authority in trusted.pem, and the authorities before and after."""
    if os.environ.get("KAFKA"):
        pytest.skip("the test needs a broker of its own, and KAFKA names another one")
    before, after = (secured.Authority(tmp_path / name, name) for name in ("before", "after"))
    before.issue("broker")
    put(before.ca, tmp_path / "trusted.pem")
    prefix = "listener.name.mutual.ssl."
    started = Broker(tmp_path / "broker", listeners={"MUTUAL": "SSL"}, settings={
        f"{prefix}keystore.type": "PEM", f"{prefix}keystore.location": before.folder / "broker.both.pem",
        f"{prefix}truststore.type": "PEM", f"{prefix}truststore.location": tmp_path / "trusted.pem",
        f"{prefix}client.auth": "required"})
    yield started, before, after
    started.close()


@pytest.mark.usefixtures("guarantee")
def test_a_certificate_that_is_renewed_on_disk_is_taken_without_a_restart(lab, mutual, tmp_path):
    broker, before, after = mutual
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    for source, target in zip(before.issue("client"), (certificate, key), strict=True):
        put(source, target)
    flow = lab.flow(on=broker)
    running = lab.run(flow, http={"listen": "127.0.0.1:0"}, kafka={"common": {
        "bootstrap.servers": broker.addresses["MUTUAL"], "security.protocol": "ssl", "ssl.ca.location": str(before.ca),
        "ssl.certificate.location": str(certificate), "ssl.key.location": str(key)}})
    flow.produce([article("мяч")])
    assert len(flow.labels(1)) == 1
    flow.wait_done()
    broker.stop()
    put(after.ca, tmp_path / "trusted.pem")
    broker.start()
    running.wait_log("cannot be used: it wants a certificate of this client", timeout=120)
    flow.produce([article("гол")])
    for source, target in zip(after.issue("client"), (certificate, key), strict=True):
        put(source, target)
    running.wait_log(r"WARN +run +.* a file was changed after it had been read: ssl\.\w+\.location, .*; joining it again", timeout=120)
    assert len(flow.labels(2, timeout=120)) == 2
    running.wait_ready()
    assert running.stop() == 0
