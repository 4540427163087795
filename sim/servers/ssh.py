"""An SSH server around a conversation, as a codec has one: name and password, a shell without a prompt.

asyncssh is in the development extra: it is imported when a room wants it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sim.servers.base import Conversation
from sim.servers.shell import bound

if TYPE_CHECKING:
    import asyncssh


class SshPort:
    """One port: it listens while `up` says so."""

    def __init__(self, up: Callable[[], bool], make: Callable[[], Conversation], user: str, password: str) -> None:
        self._up = up
        self._make = make
        self._login = (user, password)
        self._keeper = bound(0)
        self.port: int = self._keeper.getsockname()[1]
        self.tried: list[str] = []
        """Passwords that clients tried."""
        self.new_key()
        self._listener: asyncssh.SSHAcceptor | None = None
        self._clients: dict[Any, Conversation] = {}
        self._connections: dict[Any, asyncssh.SSHServerConnection] = {}

    def new_key(self) -> None:
        """Make a new host key, as a codec does that was reset; it counts from the next start of the port."""
        import asyncssh

        self._key = asyncssh.generate_private_key("ssh-ed25519")

    async def tick(self) -> None:
        """Open or close as the device's state wants it, and let conversations speak by themselves."""
        up = self._up()
        if up and self._listener is None:
            await self._listen()
        elif not up and self._listener is not None:
            self.stop_listening()
        for process, conversation in list(self._clients.items()):
            if said := conversation.tick():
                process.stdout.write(said)

    async def _listen(self) -> None:
        import asyncssh

        port = self

        class Server(asyncssh.SSHServer):
            """One connection."""

            def begin_auth(self, username: str) -> bool:  # noqa: ARG002
                return True

            def password_auth_supported(self) -> bool:
                return True

            def validate_password(self, username: str, password: str) -> bool:
                port.tried.append(password)
                return (username, password) == port._login

        self._listener = await asyncssh.listen(
            sock=bound(self.port), server_factory=Server, server_host_keys=[self._key],
            process_factory=self._talk, encoding=None,
        )  # fmt: skip

    async def _talk(self, process: Any) -> None:
        conversation = self._make()
        # A channel that has ended no longer knows its connection.
        connection = process.channel.get_connection()
        self._clients[process] = conversation
        self._connections[process] = connection
        try:
            process.stdout.write(conversation.opened())
            while data := await process.stdin.read(4096):
                process.stdout.write(conversation.receive(data))
                if conversation.closing:
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._clients.pop(process, None)
            self._connections.pop(process, None)
            with contextlib.suppress(OSError):
                process.exit(0)
                connection.close()

    def stop_listening(self) -> None:
        """Stop, and throw everybody out without a farewell."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self._connections.values()):
            connection.abort()

    def close(self) -> None:
        """Let go of everything."""
        self.stop_listening()
        self._keeper.close()
