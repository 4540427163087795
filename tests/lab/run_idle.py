"""Runs the real `diemcau-agent` on real lines, in a room whose only device is a codec that nobody is calling with."""

from __future__ import annotations

import sys

import agent.probes.build
from agent.main import main
from tests.agent.run_agent import idle

if __name__ == "__main__":
    agent.probes.build.build_probes = idle
    sys.exit(main(sys.argv[1:]))
