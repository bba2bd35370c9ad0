"""A session of the library `websockets`, for checks that are written top-down.

It is the asyncio client on one thread, not the library's own blocking one: that one reads and writes from two threads, which
Python's `ssl` does not survive (it loses bytes, or the process crashes).
"""

import asyncio

from websockets.asyncio.client import connect

WAIT_S = 10
LOOP = asyncio.new_event_loop()


def wait(awaitable, seconds):
    """Runs everything until this is done, or raises TimeoutError."""

    async def bounded():
        async with asyncio.timeout(seconds):
            return await awaitable

    return LOOP.run_until_complete(bounded())


class Session:
    """An open session. Leaving its block closes it."""

    def __init__(self, url, **options):
        async def dial():
            return await connect(url, open_timeout=WAIT_S, close_timeout=WAIT_S, **options)

        self.connection = LOOP.run_until_complete(dial())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, message, text=None):
        wait(self.connection.send(message, text=text), WAIT_S)

    def recv(self, timeout=WAIT_S):
        return wait(self.connection.recv(), timeout)

    def close(self, code=1000, reason=""):
        wait(self.connection.close(code, reason), 2 * WAIT_S)

    def ping(self, payload):
        """Returns when the pong is there."""

        async def pong():
            await (await self.connection.ping(payload))

        wait(pong(), WAIT_S)

    @property
    def protocol(self):
        return self.connection.protocol

    @property
    def subprotocol(self):
        return self.connection.subprotocol

    @property
    def response(self):
        return self.connection.response

    @property
    def tls_version(self):
        return self.connection.transport.get_extra_info("ssl_object").version()
