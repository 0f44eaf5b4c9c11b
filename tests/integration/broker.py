"""Brokers for the tests: the local one of scripts/kafka, or a cluster that is there (KAFKA=host:port).

A test that stops, kills or pauses nodes asks for a broker of its own (fixture `own_broker`); all
others share one for the whole session (fixture `broker`).
"""

import contextlib
import os
import signal
import subprocess
from pathlib import Path

import client
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts" / "kafka"


class Broker:
    """A local cluster in `directory`. Ends with this process, however that ends."""

    def __init__(self, directory, nodes=1, settings=None, listeners=None):
        """`listeners`: {name: protocol} beside PLAINTEXT; `addresses` has each one's host:port, of the first node."""
        self.directory = Path(directory).resolve()
        self.nodes = nodes
        options = []
        for name, protocol in (listeners or {}).items():
            options += ["--listener", f"{name}={protocol}"]
        for key, value in (settings or {}).items():
            options += ["--set", f"{key}={value}"]
        self.bootstrap = self._script(
            "start", "--nodes", str(nodes), "--while", str(os.getpid()), *options)
        self.addresses = {}
        if listeners:
            lines = (self.directory / "listeners").read_text().splitlines()
            self.addresses = dict(reversed([line.split() for line in lines]))

    def start(self, node=None):
        """Starts what does not run, or one node; returns when it serves."""
        self._script("start", *self._node(node))

    def stop(self, node=None):
        """Shuts down in good order."""
        self._script("stop", *self._node(node))

    def kill(self, node=None):
        """kill -9: no farewell to controller or clients."""
        self._script("stop", "--now", *self._node(node))

    def restart(self, node=None, kill=False):
        self.kill(node) if kill else self.stop(node)
        self.start(node)

    def pause(self, node=1):
        """SIGSTOP: connections stay open, nothing answers."""
        os.kill(self.pid(node), signal.SIGSTOP)

    def resume(self, node=1):
        os.kill(self.pid(node), signal.SIGCONT)

    def revive(self):
        """Every node runs and serves, whatever was done to it before."""
        for node in range(1, self.nodes + 1):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it is stopped, or killed
                self.resume(node)
        self.start()

    def pid(self, node=1):
        return int((self.directory / f"node-{node}" / "pid").read_text())

    def log(self, node=1):
        return (self.directory / f"node-{node}" / "server.log").read_text(errors="replace")

    def close(self):
        self.kill()
        client.forget(self.bootstrap)

    @staticmethod
    def _node(node):
        return [] if node is None else ["--node", str(node)]

    def _script(self, name, *arguments):
        command = [SCRIPTS / name, "--dir", self.directory, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, f"scripts/kafka/{name} failed:\n{done.stderr}"
        return done.stdout.strip()


class ExternalBroker:
    """A cluster that belongs to somebody else: it is used, never stopped."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap
        self.nodes = None

    def close(self):
        pass

    def __getattr__(self, name):
        if name in ("start", "stop", "kill", "restart", "pause", "resume", "revive", "pid", "log"):
            pytest.skip(f"KAFKA={self.bootstrap} is not ours to {name}")
        raise AttributeError(name)
