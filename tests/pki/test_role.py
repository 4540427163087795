"""The broker role writes what `diemcau-hub broker-config` writes."""

from __future__ import annotations

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from hub.pki import broker
from tests.house.source import ROOT

ROLE = ROOT / "ansible/roles/broker"


@pytest.mark.parametrize(
    ("template", "text"), [("diemcau.conf.j2", broker.conf(broker.Files())), ("acl.j2", broker.acl())]
)
def test_the_role_and_the_command_write_the_same(template: str, text: str) -> None:
    values = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text("utf-8"))
    # As Ansible renders: blocks take their line with them.
    environment = Environment(loader=FileSystemLoader(ROLE / "templates"), undefined=StrictUndefined, trim_blocks=True)
    assert environment.get_template(template).render(values) + "\n" == text
