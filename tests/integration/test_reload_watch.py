"""model.reload: watch: a change of the bundle's file is noticed without a signal, however it is made."""

import hashlib
import os
import resource

import pytest
from test_metrics import HTTP
from test_reload import Bundles, reconfigure, replacements


@pytest.mark.parametrize("rewrite", [False, True])
def test_with_watch_a_changed_file_is_taken_without_a_signal(lab, rewrite):
    flow, bundles = lab.flow(), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP, model={"reload": "watch"}).wait_ready()
    for number in range(1, 3):
        bundles.place(rewrite)
        replacements(running, number)
    # A pin that does not fit, and then the configuration that names the right one.
    newest = bundles.models["3"]
    reconfigure(running, model={"reload": "watch", "sha256": "0" * 64})
    bundles.place(rewrite)
    running.wait_log("the reload failed, model fake 3 stays")
    pin = hashlib.sha256(bundles.path.read_bytes()).hexdigest()
    reconfigure(running, model={"reload": "watch", "sha256": pin})
    replacements(running, 3)
    assert newest.version == "3" and running.stop() == 0


def test_with_watch_a_copy_with_the_times_of_its_original_is_a_change(lab):
    """As rsync -t --inplace and cp -p write one."""
    flow, bundles = lab.flow(), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP, model={"reload": "watch"}).wait_ready()
    before = os.stat(bundles.path)
    other = bundles.path.read_text(encoding="utf-8").replace('"version": "1"', '"version": "2"')
    with open(bundles.path, "r+", encoding="utf-8") as file:
        file.write(other)
    os.utime(bundles.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(bundles.path)
    assert [(seen.st_ino, seen.st_size, seen.st_mtime_ns) for seen in (before, after)].count(
        (before.st_ino, before.st_size, before.st_mtime_ns)) == 2
    replacements(running, 1)
    assert running.stop() == 0


def test_with_watch_what_failed_without_a_fault_of_the_file_is_tried_again(lab):
    """The process may open no more files for a while."""
    flow, bundles = lab.flow(), Bundles(lab.directory)
    bundles.place()
    running = lab.run(flow, bundles.path, http=HTTP, model={"reload": "watch"}).wait_ready()
    running.http("/readyz")
    soft, hard = resource.prlimit(running.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (3, hard))
    bundles.place()
    running.wait_log("the reload failed, model fake 1 stays: .*Too many open files")
    resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (soft, hard))
    running.wait_log("could not be loaded: trying again")
    replacements(running, 1)
    assert running.stderr.count("has changed: looking for another model") == 1
    assert running.stop() == 0
