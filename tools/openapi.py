"""The API as OpenAPI 3.1: generated from its routes, so that it cannot say anything else."""

from __future__ import annotations

import yaml

from hub.api.v1.app import document
from tools.asyncapi import Dumper


def text() -> str:
    """The document as YAML, the same bytes every time."""
    head = "# Written by `make docs` from hub/api/v1. Do not edit.\n"
    return head + yaml.dump(document(), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)
