"""Alert rules, dashboard and the page that explains them name only what the worker really has."""

import json
import re
import subprocess

import exposition
import pytest
import yaml
from tree import ROOT

ALERTS = ROOT / "config" / "alerts.yaml"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES = [rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "config" / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
# What Prometheus adds itself.
SCRAPE_LABELS = {"job", "instance", "le"}


def anchors():
    """GitHub's names of the headings."""
    headings = re.findall(r"^#+ (.+)$", OPERATIONS, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def uses(expression):
    """(family, names of the labels in braces behind it) for each metric in an expression."""
    for name, labels in re.findall(r"\b((?:wiretag|process)_\w+)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"', labels))


def assert_exists(expression):
    families = exposition.documented()
    found = list(uses(expression))
    for name, labels in found:
        family = name if name in families else re.sub(r"_(bucket|sum|count)$", "", name)
        assert family in families, f"{name}: no such metric"
        kind, own = families[family]
        assert (kind == "histogram") == (family != name), f"{name} is a {kind}"
        assert labels <= {*own, *SCRAPE_LABELS}, f"{name} has no label {labels - {*own, *SCRAPE_LABELS}}"
    grouped = {label.strip() for group in re.findall(r"\b(?:by|ignoring) \(([^)]*)\)", expression)
               for label in group.split(",")}
    own = {label for name, _ in found for label in families.get(
        name, families.get(re.sub(r"_(bucket|sum|count)$", "", name), (None, ())))[1]}
    assert grouped <= own | SCRAPE_LABELS, f"grouped by {grouped - own - SCRAPE_LABELS}: {expression}"
    return found


def promtool(*arguments, **options):
    if exposition.promtool() is None:
        pytest.skip("NOT PROVEN HERE: promtool is not there (scripts/setup --test)")
    done = subprocess.run([exposition.promtool(), *arguments], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_uses_metrics_that_exist_and_says_what_is_wrong_and_where_to_read_on(rule):
    assert assert_exists(rule["expr"]) or "up{" in rule["expr"]
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    file, anchor = rule["annotations"]["runbook"].split("#")
    assert file == "docs/operations.md" and anchor in anchors(), anchor
    for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
        labels = {label for name, _ in uses(rule["expr"]) for label in exposition.documented()[name][1]}
        grouped = re.search(r"by \(([^)]*)\)", rule["expr"])
        assert label in (grouped.group(1).split(", ") if grouped else labels | {"instance"}), label


def test_alerts_have_names_of_their_own_and_every_failure_explained_is_one_that_an_alert_or_reader_meets():
    names = [rule["alert"] for rule in RULES]
    assert len(names) == len(set(names)) >= 12
    explained = {heading.lower().replace(" ", "-"): text for heading, text in re.findall(
        r"^### (.+)\n((?:(?!^##).*\n?)*)", OPERATIONS, re.MULTILINE)}
    linked = {rule["annotations"]["runbook"].split("#")[1] for rule in RULES}
    assert linked <= set(explained)
    # What has no alert of its own is found by the words of its log lines.
    assert [name for name, text in explained.items() if name not in linked and "**Log**" not in text] == []


def test_promtool_accepts_the_alert_rules():
    assert f"{len(RULES)} rules found" in promtool("check", "rules", ALERTS)


def test_promtool_accepts_the_configuration_that_the_page_shows(tmp_path):
    block, = [block for block in re.findall(r"```yaml\n(.*?)```", OPERATIONS, re.DOTALL) if "scrape_configs" in block]
    (tmp_path / "prometheus.yaml").write_text(block, encoding="utf-8")
    (tmp_path / "alerts.yaml").write_text(ALERTS.read_text(encoding="utf-8"), encoding="utf-8")
    assert f"{len(RULES)} rules found" in promtool("check", "config", tmp_path / "prometheus.yaml")


def test_alerts_fire_when_they_should_and_are_silent_when_all_is_well():
    promtool("test", "rules", "alerts_test.yaml", cwd=ROOT / "tests" / "operations")


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_uses_metrics_that_exist_and_explains_itself(panel):
    assert panel["title"] and panel["description"] and panel["targets"]
    for target in panel["targets"]:
        assert assert_exists(target["expr"])
        assert all('instance=~"$instance"' in braces for braces in re.findall(
            r"\b(?:wiretag|process)_\w+(\{[^}]*\}|)", target["expr"])), "every series is that of the chosen workers"


def test_what_is_lost_to_retention_is_not_what_is_damaged():
    targets, = [panel["targets"] for panel in PANELS if panel["title"] == "Lost to retention"]
    assert all('reason="retention"' in target["expr"] for target in targets)


def test_the_board_shows_how_a_model_is_changed():
    shown = {name for panel in PANELS for target in panel["targets"] for name, _ in uses(target["expr"])}
    assert shown >= {
        "wiretag_reloads_total", "wiretag_models",
        "wiretag_shadow_articles_total", "wiretag_shadow_disagreements_total",
        "wiretag_promotion_partitions_ahead", "wiretag_promotion_failed"}


def test_panels_have_places_of_their_own():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


def test_promtool_accepts_the_expressions_of_the_dashboard(tmp_path):
    expressions = [target["expr"].replace("$instance", ".*") for panel in PANELS for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    (tmp_path / "panels.yaml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(expressions)} rules found" in promtool("check", "rules", tmp_path / "panels.yaml")


def test_the_page_for_operators_names_only_metrics_that_exist():
    names = re.findall(r"`((?:wiretag|process)_\w+)", OPERATIONS)
    assert len(names) > 30
    for name in names:
        assert name in exposition.documented(), name


def test_a_metric_that_does_not_exist_is_noticed():
    for expression in ("rate(wiretag_nothing_total[5m])", 'wiretag_records_total{kind="x"}',
                       "wiretag_record_seconds", "wiretag_ready_bucket",
                       "sum by (colour) (wiretag_queue_records)"):
        with pytest.raises(AssertionError):
            assert_exists(expression)
