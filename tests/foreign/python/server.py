"""An echo server of the package websockets, for wasket's client: prints its port, and runs until its input ends.

    server.py [CERTIFICATE KEY]
"""

import asyncio
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory


async def echo(connection):
    async for message in connection:
        await connection.send(message)


async def main():
    context = None
    if len(sys.argv) > 2:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    deflate = [ServerPerMessageDeflateFactory()]
    async with serve(echo, "127.0.0.1", 0, ssl=context, compression=None, extensions=deflate) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
