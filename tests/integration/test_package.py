"""The Debian package that scripts/package makes: installed on bare systems, run there, removed; its unit, its list of
parts, and what lintian says."""

import json
import re
import shutil
import subprocess

import client
import debian
import fastjsonschema
import packaged
import pytest
from client import article
from image import call
from worker import ROOT

UNIT = ROOT / "config/systemd/wiretag@.service"
long = [pytest.mark.long, pytest.mark.timeout(3600)]
ARTICLE = '{"id": 1, "text": "Сборная выиграла финал чемпионата Европы по гандболу"}\n'


# --- the unit ---

@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not there")
def test_the_unit_is_hardened(tmp_path):
    shown = subprocess.run(["systemd-analyze", "security", "--offline=true", UNIT], capture_output=True, text=True, timeout=60).stdout
    exposure = float(re.search(r"Overall exposure level for .*: ([\d.]+) ", shown)[1])
    assert exposure < 2.0, shown


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not there")
def test_systemd_knows_all_that_the_unit_says(tmp_path):
    # The program and the page need not be installed here.
    unit = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (tmp_path / "wiretag@.service").write_text(re.sub(r"(?m)^Documentation=.*\n", "", unit))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / "wiretag@.service"], capture_output=True, text=True,
                          timeout=60)
    assert "wiretag@" not in done.stderr, done.stderr


# --- the package ---

@pytest.fixture(scope="module")
def package(tmp_path_factory):
    if not shutil.which("dpkg-shlibdeps"):
        pytest.skip("dpkg-dev is not there")
    folder = tmp_path_factory.mktemp("package")
    call(ROOT / "scripts/package", "--no-install", "--output", folder)
    made, = folder.glob("wiretag_*.deb")
    yield made
    shutil.rmtree(folder)


@pytest.mark.usefixtures("package")
class TestPackage:
    pytestmark = long

    def test_lintian_finds_no_error(self, package):
        if not shutil.which("lintian"):
            pytest.skip("lintian is not there: apt-get install lintian")
        done = subprocess.run(["lintian", "--allow-root", package], capture_output=True, text=True, timeout=600)
        assert [line for line in done.stdout.splitlines() if line.startswith("E:")] == []

    def test_every_library_in_it_is_in_the_list_of_parts_with_its_hash(self, package):
        packaged.check_the_list_of_parts(package)

    def test_the_list_of_parts_is_cyclonedx(self, package):
        """By the schemas of CycloneDX's own library."""
        folder = ROOT / ".deps/schemas/cyclonedx/schema/_res"
        if not folder.exists():
            pytest.skip("the schemas are not there: scripts/setup --test")
        schemas = {path.name: json.loads(path.read_text()) for path in folder.glob("*.schema.json")}

        def schema(uri):
            return schemas[uri.rsplit("/", 1)[-1]]

        check = fastjsonschema.compile(schemas["bom-1.6.SNAPSHOT.schema.json"], handlers={"http": schema}, use_formats=False)
        parts = packaged.list_of_parts(package)
        check(parts)
        with pytest.raises(fastjsonschema.JsonSchemaException):
            check({**parts, "components": [{"type": "librarie", "name": "x"}]})

    @pytest.mark.parametrize("release", ["bookworm", "trixie"])
    def test_it_installs_on_a_bare_system_labels_and_leaves_nothing(self, package, release, tmp_path, own_broker):
        system = debian.System(tmp_path, release)
        shutil.copy(package, system.root / "var/cache" / package.name)
        system.done("apt-get", "install", "-y", "--no-install-recommends", "ca-certificates")
        before = system.files()
        system.done("apt-get", "install", "-y", "--no-install-recommends", f"/var/cache/{package.name}")
        depended = system.done("apt-mark", "showauto").split()
        assert system.done("wiretag", "--version").startswith("wiretag ")
        labelled = system.done("wiretag", "classify", "--model", "/usr/share/wiretag/demo.pt", input=ARTICLE)
        assert json.loads(labelled)["category"] == "sports"
        for path in ("usr/share/man/man1/wiretag.1.gz", "usr/share/bash-completion/completions/wiretag", "usr/share/wiretag/alerts.yaml",
                     "usr/share/zsh/site-functions/_wiretag", "usr/share/wiretag/dashboard.json", "usr/share/doc/wiretag/copyright",
                     "usr/lib/systemd/system/wiretag@.service"):
            assert (system.root / path).stat().st_size > 0
        assert (system.root / "etc/wiretag/secrets").stat().st_mode & 0o777 == 0o700
        self.labels_as_a_service(system, own_broker())
        system.done("apt-get", "purge", "-y", "wiretag")
        system.done("apt-get", "autoremove", "-y", "--purge")
        assert depended and not [path for path in system.files() - before if "wiretag" in path]
        system.close()

    def labels_as_a_service(self, system, broker):
        """Started by systemd with the brokers' address as a secret, ready when it labels, killed by the watchdog when
        it stands still, and started again; it stops in good order."""
        client.create_topics(broker.bootstrap, ["news.articles", "news.labelled", "news.labelled.dlq"])
        client.produce(broker.bootstrap, "news.articles", [article("Сборная выиграла финал чемпионата Европы по гандболу", id=1)])
        config, secret = system.root / "etc/wiretag/wiretag.yaml", system.root / "etc/wiretag/secrets/brokers"
        config.write_text(re.sub("bootstrap.servers: .*", 'bootstrap.servers: "${file:secrets_brokers}"', config.read_text())
                          .replace("127.0.0.1:9464", "127.0.0.1:0")
                          .replace("    group.id: wiretag ", "    session.timeout.ms: 6000\n    group.id: wiretag "))
        secret.write_text(broker.bootstrap + "\n")
        secret.chmod(0o600)
        overriding = system.root / "etc/systemd/system/wiretag@wiretag.service.d/watchdog.conf"
        overriding.parent.mkdir(parents=True)
        overriding.write_text("[Service]\nWatchdogSec=3\nRestartSec=0\n")
        with system.booted() as run:
            def shown(*properties):
                lines = run("systemctl", "show", *(f"-p{name}" for name in properties), "wiretag@wiretag").stdout.splitlines()
                found = dict(line.split("=", 1) for line in lines)
                return [found[name] for name in properties]

            started = run("systemctl", "start", "wiretag@wiretag")
            assert started.returncode == 0, started.stderr + run("journalctl", "-u", "wiretag@wiretag").stdout
            label, = client.read_all(broker.bootstrap, "news.labelled", count=1)
            assert label.json()["category"] == "sports"
            assert shown("StatusText") == ["ready"] and shown("NRestarts") == ["0"]

            def told(*priority):
                return run("journalctl", "-o", "cat", "-u", "wiretag@wiretag", *priority).stdout

            client.wait_for("the lines in the journal", lambda: '"message":"ready: ' in told())
            warnings = told("-p", "warning")
            assert "is not pinned" in warnings and '"level":"info"' not in warnings, told()
            run("systemctl", "kill", "-s", "STOP", "wiretag@wiretag")
            client.wait_for("the watchdog", lambda: shown("NRestarts") == ["1"])
            client.wait_for("a worker that is ready again", lambda: shown("ActiveState", "StatusText") == ["active", "ready"])
            assert run("systemctl", "stop", "wiretag@wiretag").returncode == 0
            assert shown("Result", "ExecMainStatus") == ["success", "0"]
        shutil.rmtree(overriding.parent)
        secret.unlink()
