"""Runs a small program with a deadline, for what only a program tells: chronyc, timedatectl, vcgencmd."""

from __future__ import annotations

from collections.abc import Sequence

from agent.transports.errors import LinkFault

OUTPUT_BYTES_MAX = 64 * 1024


def run_command(command: Sequence[str], timeout_s: float) -> str:
    """What it printed. Raises LinkFault: `link` when it does not exist, `refused` when it failed, `timeout`.

    The program is killed at its deadline, and gets neither our input nor a locale that would translate its words.
    """
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603 - the words come from the configuration, never from a device
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
            env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin"},
        )
    except subprocess.TimeoutExpired as error:
        raise LinkFault("timeout", f"{command[0]} did not end") from error
    except (OSError, ValueError) as error:
        raise LinkFault("link", f"{command[0]}: {error}") from error
    if done.returncode != 0:
        raise LinkFault("refused", f"{command[0]} failed with {done.returncode}")
    return done.stdout[:OUTPUT_BYTES_MAX].decode("utf-8", "replace")
