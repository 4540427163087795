"""The list of what a release is made of names every wheel of the lock, by its hash, and goes where the release goes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.model.bom import Bom

from agent.fleet.bundle import unpack
from tests.fleet.test_install import PYTHON, World, wheel
from tools import sbom, wheelhouse

LOCK = tomllib.loads((sbom.ROOT / "uv.lock").read_text("utf-8"))["package"]


def reachable(extra: str) -> set[str]:
    """Names of the packages that an extra brings along, from the lock itself."""
    packages: dict[str, Any] = {package["name"]: package for package in LOCK}
    own = packages["diemcau"]
    waiting = [*own["dependencies"], *own["optional-dependencies"][extra]]
    found: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        package = packages[wanted["name"]]
        more = [one for name in wanted.get("extra", []) for one in package.get("optional-dependencies", {})[name]]
        waiting += more
        if wanted["name"] not in found:
            found.add(wanted["name"])
            waiting += package.get("dependencies", [])
    return found


@pytest.mark.parametrize("kind", sbom.KINDS)
def test_it_names_every_locked_wheel_with_its_hash(kind: str, tmp_path: Path) -> None:
    found = json.loads(sbom.write(kind, tmp_path).read_bytes())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    assert found["metadata"]["component"]["version"] == sbom.own_version()
    # The format's own library reads it, whole.
    assert len(Bom.from_json(found).components) == len(found["components"])  # type: ignore[attr-defined]
    listed = {
        (part["name"], part["version"], reference["url"].rpartition("/")[2], digest["alg"], digest["content"])
        for part in found["components"]
        for reference in part["externalReferences"]
        for digest in reference["hashes"]
    }
    wanted = {
        (
            package["name"],
            package["version"],
            wheel["url"].rpartition("/")[2],
            "SHA-256",
            wheel["hash"][len("sha256:") :],
        )
        for package in LOCK
        if package["name"] in reachable(kind)
        for wheel in package["wheels"]
    }
    assert wanted
    assert wanted <= listed
    assert {part["name"] for part in found["components"]} == reachable(kind)


def test_agent_and_hub_are_told_apart() -> None:
    agent, hub = ({part["name"] for part in json.loads(sbom.document(kind))["components"]} for kind in ("agent", "hub"))
    assert "gpiozero" in agent - hub
    assert "fastapi" in hub - agent


def test_the_same_lock_gives_the_same_bytes() -> None:
    assert sbom.document("agent") == sbom.document("agent")
    assert sbom.document("agent") != sbom.document("agent", "9.9")


def test_it_goes_with_the_release_onto_the_host(tmp_path: Path) -> None:
    made, root = tmp_path / "tree", tmp_path / "opt"
    (made / "wheels").mkdir(parents=True)
    root.mkdir()
    wheel(made / "wheels", "1.0", works=True)
    (made / "wheels" / sbom.NAME).write_bytes(sbom.document("agent", "1.0"))
    what = {"version": "1.0", "kind": "agent", "platform": "amd64", "python": PYTHON}
    tar = wheelhouse.finish(made, what, tmp_path / "dist")
    unpack(tar, tmp_path / "out")
    assert f"wheels/{sbom.NAME}" in json.loads((tmp_path / "out/manifest.json").read_bytes())["files"], "signed with it"
    World(root).use(tar)
    assert (root / "current" / sbom.NAME).read_bytes() == sbom.document("agent", "1.0")
