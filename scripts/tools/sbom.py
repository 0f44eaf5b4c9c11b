#!/usr/bin/env python3
"""Prints what a Debian package of wiretag is made of, as CycloneDX 1.6: its libraries with version, licence and
SHA-256, and the packages of Debian that it depends on, at the versions that it was built with.

Usage: scripts/tools/sbom.py FILE.deb
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The folder of a library in /usr/lib/wiretag, or how its name begins: the wheel's name, and the licence of the whole.
WHEELS = {
    "torch/": ("torch", "BSD-3-Clause"),
    "nvidia/cuda_runtime/|nvidia/cu13/lib/libcudart": ("nvidia-cuda-runtime", None),
    "nvidia/cuda_cupti/|nvidia/cu13/lib/libcupti": ("nvidia-cuda-cupti", None),
    "librdkafka-": ("confluent-kafka", "BSD-2-Clause"),
}


def said(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def pins():
    """{wheel: version} of scripts/requirements."""
    found = {}
    for name in ("libtorch", "librdkafka"):
        text = (ROOT / f"scripts/requirements/{name}.txt").read_text(encoding="utf-8")
        found |= dict(re.findall(r"^([\w-]+)==([\w.]+)", text, re.MULTILINE))
    return found


def component(name, version, purl, licence=None, kind="library", **more):
    entry = {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}
    if licence:
        entry["licenses"] = [{"license": {"id": licence}}]
    return entry | more


def files_of(package):
    """{path below /usr/lib/wiretag: SHA-256} of the libraries in the package."""
    found = {}
    with tempfile.TemporaryFile() as data:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, stdout=data)
        data.seek(0)
        with tarfile.open(fileobj=data) as tree:
            for member in tree:
                path = member.name.removeprefix("./")
                if member.isfile() and (path.startswith("usr/lib/wiretag/") or path == "usr/bin/wiretag"):
                    found[path.removeprefix("usr/lib/wiretag/")] = hashlib.sha256(tree.extractfile(member).read()).hexdigest()
    return found


def file_entry(path, digest):
    return {"type": "file", "bom-ref": f"file:{path}", "name": path, "hashes": [{"alg": "SHA-256", "content": digest}]}


def libraries(files):
    versions, parts = pins(), {}
    for path, digest in sorted(files.items()):
        for begin, (wheel, licence) in WHEELS.items():
            if re.match(begin, path):
                parts.setdefault((wheel, licence), []).append(file_entry(path, digest))
    for (wheel, licence), entries in parts.items():
        yield component(wheel, versions[wheel], f"pkg:pypi/{wheel}@{versions[wheel]}", licence, components=entries)


def dependencies(package):
    for alternative in said("dpkg-deb", "-f", package, "Depends").strip().split(", "):
        name = alternative.split()[0]
        version = said("dpkg-query", "-W", "-f", "${Version}", name)
        yield component(name, version, f"pkg:deb/debian/{name}@{version}")


def main():
    package = sys.argv[1]
    version, architecture = (said("dpkg-deb", "-f", package, field).strip() for field in ("Version", "Architecture"))
    files = files_of(package)
    digest = hashlib.sha256(Path(package).read_bytes()).hexdigest()
    whole = component("wiretag", version, f"pkg:deb/wiretag@{version}?arch={architecture}", "Apache-2.0", "application",
                      hashes=[{"alg": "SHA-256", "content": digest}])
    parts = [*libraries(files), *dependencies(package)]
    named = {one["name"] for part in parts for one in part.get("components", [])}
    unnamed = sorted(path for path in files if path not in named and path != "usr/bin/wiretag")
    if unnamed:
        sys.exit(f"sbom.py: nobody knows where these come from: {unnamed}; add them to WHEELS")
    print(json.dumps({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX", "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(digest[:32])}", "version": 1, "metadata": {"component": whole},
        "components": parts,
        "dependencies": [{"ref": whole["bom-ref"], "dependsOn": [one["bom-ref"] for one in parts]}]}, indent=1))


if __name__ == "__main__":
    main()
