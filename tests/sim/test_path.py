"""A path that is broken swallows: no refusal, no farewell, and a connection that was up waits for its return."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sim.servers.path import PathPort

LONG_S = 10.0
SHORT_S = 0.5


class Path:
    """Whether it is whole."""

    def __init__(self) -> None:
        self.up = True

    def __call__(self) -> bool:
        return self.up


def on_path(story: Callable[[Path, PathPort], Awaitable[None]], target: int = 0) -> None:
    async def run() -> None:
        path = Path()
        port = PathPort(path, target)
        await port.tick()
        try:
            await story(path, port)
        finally:
            port.close()

    asyncio.run(run())


async def connect(port: int, seconds: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), seconds)


def test_a_broken_path_is_silent_and_never_refuses() -> None:
    async def story(path: Path, port: PathPort) -> None:
        (await connect(port.port, LONG_S))[1].close()
        path.up = False
        await port.tick()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await connect(port.port, SHORT_S)

    on_path(story)


def test_a_path_that_is_broken_from_the_start_is_silent_too() -> None:
    async def story() -> None:
        port = PathPort(lambda: False)
        await port.tick()
        await port.tick()
        try:
            with pytest.raises(TimeoutError):
                await connect(port.port, SHORT_S)
        finally:
            port.close()

    asyncio.run(story())


def test_it_answers_again_when_it_is_whole() -> None:
    async def story(path: Path, port: PathPort) -> None:
        for _ in range(3):
            path.up = False
            await port.tick()
            with pytest.raises(TimeoutError):
                await connect(port.port, SHORT_S)
            path.up = True
            await port.tick()
            (await connect(port.port, LONG_S))[1].close()

    on_path(story)


def test_a_connection_outlives_a_break_and_nothing_is_lost() -> None:
    async def story() -> None:
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while data := await reader.read(100):
                heard.put_nowait(data)
                writer.write(data.upper())
            writer.close()

        server = await asyncio.start_server(broker, "127.0.0.1", 0)
        path = Path()
        port = PathPort(path, server.sockets[0].getsockname()[1])
        await port.tick()
        reader, writer = await connect(port.port, LONG_S)
        writer.write(b"one")
        assert await asyncio.wait_for(reader.readexactly(3), LONG_S) == b"ONE"
        assert await heard.get() == b"one"
        path.up = False
        await port.tick()
        writer.write(b"two")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard.get(), SHORT_S)
        path.up = True
        await port.tick()
        assert await asyncio.wait_for(reader.readexactly(3), LONG_S) == b"TWO"
        writer.close()
        port.close()
        server.close()

    asyncio.run(story())
