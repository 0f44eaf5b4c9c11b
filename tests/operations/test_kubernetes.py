"""config/kubernetes: valid by Kubernetes' own schemas and by the types of the two operators, and of one mind with the
image, the alert rules and the worker."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import fastjsonschema
import pytest
import worker
import yaml
from broker import ROOT

FOLDER = ROOT / "config/kubernetes"
SCHEMAS = ROOT / ".deps/schemas"
FILES = sorted(path for path in FOLDER.rglob("*.yaml") if path.name not in ("kustomization.yaml", "wiretag.yaml", "gpu.yaml"))
# Where the types of an operator are, in the packages of scripts/requirements/schemas.txt.
TYPES = {"keda.sh/v1alpha1": "cloudcoil/models/keda/v1alpha1.py", "monitoring.coreos.com/v1": "cloudcoil/models/prometheus_operator/v1.py"}
with_schemas = pytest.mark.skipif(not SCHEMAS.exists(), reason="the schemas are not there: scripts/setup --test")


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


DEPLOYMENT = read(FOLDER / "base/deployment.yaml")
POD = DEPLOYMENT["spec"]["template"]["spec"]
CONTAINER, = POD["containers"]


# --- by Kubernetes' schemas ---

def check_by_schema(thing):
    """By the strict schemas, which allow no unknown field. A selector is of the Kustomization's labels."""
    newest = max((SCHEMAS / "kubernetes_validate/kubernetes-json-schema").glob("*-local-strict"), key=version_of)
    group, _, version = thing["apiVersion"].rpartition("/")
    path = newest / f"{thing['kind'].lower()}-{group.split('.')[0] + '-' if group else ''}{version}.json"

    def referred(uri):
        return json.loads((newest / uri.rsplit("/", 1)[-1]).read_text())

    # Formats of Kubernetes that no reader of JSON Schema knows.
    check = fastjsonschema.compile(json.loads(path.read_text()), handlers=dict.fromkeys(("", "http", "https"), referred), use_formats=False)
    check(thing)


def version_of(path):
    return [int(part) for part in re.findall(r"\d+", path.name)]


# --- by the operators' types: classes of Python, which are read and not run ---

class Types:
    def __init__(self, path):
        self.classes = {one.name: one for one in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(one, ast.ClassDef)}

    def fields(self, name):
        """{key in YAML: (annotation, whether it must be there)}"""
        found = {}
        for one in self.classes[name].body:
            if isinstance(one, ast.AnnAssign):
                inner, alias = one.annotation, one.target.id
                if isinstance(inner, ast.Subscript) and inner.value.id == "Annotated":
                    inner, *field = inner.slice.elts
                    alias = next((word.value.value for call in field if isinstance(call, ast.Call) for word in call.keywords
                                  if word.arg == "alias"), alias)
                optional = isinstance(inner, ast.Subscript) and inner.value.id == "Optional"
                found[alias] = inner.slice if optional else inner, not optional
        return found

    def check(self, value, annotation, place):
        if isinstance(annotation, ast.Subscript):
            outer = annotation.value.id
            if outer in ("List", "list"):
                assert isinstance(value, list), place
                for number, item in enumerate(value):
                    self.check(item, annotation.slice, f"{place}[{number}]")
            elif outer in ("Dict", "dict"):
                assert isinstance(value, dict), place
                for key, item in value.items():
                    self.check(item, annotation.slice.elts[1], f"{place}.{key}")
            elif outer == "Literal":
                assert value in ast.literal_eval(ast.Tuple(annotation.slice.elts if isinstance(annotation.slice, ast.Tuple)
                                                           else [annotation.slice], ast.Load())), f"{place}: {value}"
            elif outer in ("Annotated", "Optional"):
                self.check(value, annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation.slice, place)
        elif isinstance(annotation, ast.Name) and annotation.id in self.classes:
            self.check_class(value, annotation.id, place)
        elif isinstance(annotation, ast.Name) and annotation.id in ("str", "int", "bool"):
            kind = {"str": str, "int": int, "bool": bool}[annotation.id]
            assert type(value) is kind, f"{place}: {value!r} is no {annotation.id}"

    def check_class(self, value, name, place):
        if "RootModel" in ast.dump(ast.Tuple(self.classes[name].bases, ast.Load())):
            return
        fields = self.fields(name)
        assert isinstance(value, dict), place
        assert set(value) <= set(fields), f"{place}: {set(value) - set(fields)} is unknown; there are {sorted(fields)}"
        assert {key for key, (_, needed) in fields.items() if needed} <= set(value), f"{place}: something is missing"
        for key, item in value.items():
            self.check(item, fields[key][0], f"{place}.{key}")


def check_by_types(thing):
    types = Types(SCHEMAS / TYPES[thing["apiVersion"]])
    types.check_class(thing, thing["kind"], thing["kind"])


def check(thing):
    (check_by_types if thing["apiVersion"] in TYPES else check_by_schema)(thing)


def selecting(thing):
    """As the Kustomization completes it."""
    if thing["kind"] != "Deployment":
        return thing
    labels = {"app.kubernetes.io/name": "wiretag"}
    spec = thing["spec"]
    return {**thing, "spec": {**spec, "selector": {"matchLabels": labels}, "template": {**spec["template"], "metadata": {"labels": labels}}}}


@with_schemas
@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_each_file_is_valid(path):
    check(selecting(read(path)))


# What is broken in which file.
BROKEN = {
    "base/deployment.yaml": lambda it: it["spec"]["template"]["spec"]["containers"][0].update(livenessProb={}),
    "base/disruption-budget.yaml": lambda it: it["spec"].update(unhealthyPodEvictionPolicy=7),
    "prometheus/pod-monitor.yaml": lambda it: it["spec"]["podMetricsEndpoints"][0].update(intervall="15s"),
    "prometheus/rules.yaml": lambda it: it["spec"]["groups"][0]["rules"][0].pop("expr"),
    "keda/scaled-object.yaml": lambda it: it["spec"].update(minReplicaCount="2"),
}


@with_schemas
@pytest.mark.parametrize("name", BROKEN)
def test_a_mistake_is_found(name):
    thing = selecting(read(FOLDER / name))
    BROKEN[name](thing)
    with pytest.raises((AssertionError, fastjsonschema.JsonSchemaException)):
        check(thing)


def kustomize():
    for command in (["kustomize", "build"], ["kubectl", "kustomize"]):
        if shutil.which(command[0]):
            return command
    pytest.skip("neither kustomize nor kubectl is there")


@with_schemas
@pytest.mark.parametrize("folder", ["", "gpu", "base"])
def test_what_kustomize_makes_of_them_is_valid(folder):
    done = subprocess.run([*kustomize(), FOLDER / folder], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    things = list(yaml.safe_load_all(done.stdout))
    for thing in things:
        check(thing)
    kinds = [thing["kind"] for thing in things]
    operators = [] if folder == "base" else ["PodMonitor", "PrometheusRule", "ScaledObject"]
    assert sorted(kinds) == sorted(["ConfigMap", "Deployment", "PodDisruptionBudget", *operators])
    deployment = things[kinds.index("Deployment")]
    assert ("replicas" in deployment["spec"]) == (folder == "base"), "KEDA decides the number of workers"
    container, = deployment["spec"]["template"]["spec"]["containers"]
    assert ("nvidia.com/gpu" in container["resources"]["limits"]) == (folder == "gpu")
    config = things[kinds.index("ConfigMap")]["metadata"]["name"]
    assert config != "wiretag" and config in done.stdout.split("kind: Deployment")[1], "its name has the hash of its content"


# --- of one mind with the rest ---

def test_pods_have_no_rights():
    assert POD["securityContext"]["runAsNonRoot"] and POD["automountServiceAccountToken"] is False
    user = re.search(r"^USER (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)[1]
    assert str(POD["securityContext"]["runAsUser"]) == user
    assert CONTAINER["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                            "capabilities": {"drop": ["ALL"]}}


def test_liveness_is_life_and_readiness_is_readiness():
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert POD["terminationGracePeriodSeconds"] >= 2 * 10 + 25, "twice the default of delivery.drain_ms_max, and 25 s"


def test_the_alert_rules_are_those_of_config():
    assert read(FOLDER / "prometheus/rules.yaml")["spec"] == read(ROOT / "config/alerts.yaml")


def test_the_query_of_the_scaling_asks_for_a_metric_that_there_is():
    trigger, = read(FOLDER / "keda/scaled-object.yaml")["spec"]["triggers"]
    metric, = re.findall(r"wiretag_\w+", trigger["metadata"]["query"])
    assert f"| `{metric}` |" in (ROOT / "docs/metrics.md").read_text(encoding="utf-8")


def test_without_a_figure_the_number_of_workers_stays():
    """By default KEDA takes no figure for 0, and so for no lag. A fallback would set the number
    whatever the backlog is, and KEDA before 2.18 refuses one beside a metric of this type."""
    spec = read(FOLDER / "keda/scaled-object.yaml")["spec"]
    trigger, = spec["triggers"]
    assert trigger["metadata"]["ignoreNullValues"] == "false" and trigger["metricType"] == "Value"
    assert "fallback" not in spec


def test_the_configuration_is_taken_with_the_secrets_as_they_are_mounted(tmp_path):
    """As far as the brokers, which are not there."""
    volume = next(one for one in POD["volumes"] if one["name"] == "secrets")["secret"]
    text = (FOLDER / "base/wiretag.yaml").read_text(encoding="utf-8")
    for name in set(re.findall(r"/etc/wiretag/secrets/(\w+)}", text)):
        (tmp_path / name).write_text("127.0.0.1:1\n")
        (tmp_path / name).chmod(volume["defaultMode"])
    config = tmp_path / "wiretag.yaml"
    config.write_text(text.replace("/etc/wiretag/secrets", str(tmp_path)))
    done = subprocess.run([worker.binary("fake"), "check", "-c", config, "--json", "--set", "model.path=/nowhere"], capture_output=True,
                          text=True, timeout=120)
    levels = {one["check"]: one["level"] for one in json.loads(done.stdout)["findings"]}
    assert levels["config"] == "ok" and "kafka-property" not in levels and "kafka-security" not in levels, done.stdout
    assert "http.listen" not in done.stdout and f":{CONTAINER['ports'][0]['containerPort']}" in text


def test_it_reads_the_model_that_the_image_has():
    model = read(FOLDER / "base/wiretag.yaml")["model"]["path"]
    assert f" models/demo.pt /image{model}\n" in (ROOT / "Dockerfile").read_text()
    assert Path(model).is_absolute()
