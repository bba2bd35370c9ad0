"""The Python library `websockets` against the demo services: client.py ws://127.0.0.1:PORT

Over wss:// the variable WASKET_CA names the certificate to trust.
Prints one line a check and `N passed, M failed` at the end; exits 1 when one failed.
"""

import itertools
import os
import ssl
import sys
import time
import traceback

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

from session import WAIT_S, Session

MESSAGE_BYTES_MAX = 1 << 20  # the host's default
TEXT = "h\u00e9llo \U0001f30d, \u4e16\u754c"

base = sys.argv[1].rstrip("/")
tls = ssl.create_default_context(cafile=os.environ["WASKET_CA"]) if base.startswith("wss:") else None
CHECKS = []


def check(name):
    """Registers a function as one check; it passes unless it raises."""

    def register(function):
        CHECKS.append((name, function))
        return function

    return register


def open_at(path, **options):
    """Opens a session without compression, proxies and automatic pings, which could hide what is tested."""
    options = {"compression": None, "proxy": None, "ping_interval": None, "max_size": None, **options}
    options.setdefault("ssl", tls)
    return Session(base + path, **options)


def same(got, wanted):
    assert type(got) is type(wanted) and got == wanted, f"got {shown(got)}, wanted {shown(wanted)}"


def shown(value):
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(value)} long)"


def closed(ws):
    """Reads until the close and returns the peer's (code, reason)."""
    try:
        while True:
            ws.recv()
    except ConnectionClosed as end:
        assert end.rcvd is not None, "the connection ended without a close frame"
        return end.rcvd.code, end.rcvd.reason


def refused(path, **options):
    """Returns the HTTP status that answers an opening handshake."""
    try:
        with open_at(path, **options):
            raise AssertionError("the handshake was accepted")
    except InvalidStatus as refusal:
        return refusal.response.status_code


# ---- echo

SIZES = (0, 1, 125, 126, 65_535, 65_536, MESSAGE_BYTES_MAX)


@check("echo: text of 0 bytes to 1 MiB comes back as text")
def echo_text():
    with open_at("/echo") as ws:
        for message in [TEXT, *("x" * size for size in SIZES)]:
            ws.send(message)
            same(ws.recv(), message)


@check("echo: binary of 0 bytes to 1 MiB comes back as binary")
def echo_binary():
    with open_at("/echo") as ws:
        for size in SIZES:
            message = bytes(i * 31 % 251 for i in range(size))
            ws.send(message)
            same(ws.recv(), message)


@check("echo: a fragmented message comes back whole")
def echo_fragments():
    with open_at("/echo") as ws:
        ws.send(["frag", "", "mented"])
        same(ws.recv(), "fragmented")


@check("echo: a thousand messages sent without waiting come back in order")
def echo_order():
    with open_at("/echo") as ws:
        for i in range(1000):
            ws.send(str(i))
        for i in range(1000):
            same(ws.recv(), str(i))


@check("echo: a ping is answered")
def echo_ping():
    with open_at("/echo") as ws:
        for payload in (b"", b"are you there?", bytes(125)):
            ws.ping(payload)


@check("echo: close codes and reasons are echoed")  # parity W15
def echo_close():
    for code, reason in ((1000, ""), (3001, "done here"), (4999, "\u00e9" * 61)):
        with open_at("/echo") as ws:
            ws.close(code, reason)
        assert ws.protocol.close_rcvd is not None, "no close frame came back"
        same((ws.protocol.close_rcvd.code, ws.protocol.close_rcvd.reason), (code, reason))


@check("echo: a message past the limit is answered with 1009")  # hardening H3
def echo_too_large():
    with open_at("/echo") as ws:
        try:
            ws.send("x" * (MESSAGE_BYTES_MAX + 1))
        except ConnectionClosed:
            pass  # the host does not wait for the rest of it
        same(closed(ws)[0], 1009)


@check("echo: text that is not UTF-8 is answered with 1007")  # parity C3
def echo_not_utf8():
    with open_at("/echo") as ws:
        ws.send(b"\xf0\x28\x8c\x28", text=True)
        same(closed(ws)[0], 1007)


@check("echo: no subprotocol is agreed when the service knows none")
def echo_subprotocol():
    with open_at("/echo", subprotocols=["chat.v1", "chat.v2"]) as ws:
        same(ws.subprotocol, None)


@check("echo: compression offered and not set up is declined")
def echo_compression():
    with open_at("/echo", compression="deflate") as ws:
        same(ws.protocol.extensions, [])
        ws.send(TEXT)
        same(ws.recv(), TEXT)


# ---- compression, with zlib on the other side: parity S10, hardening H9


def compressed(path, **parameters):
    """Opens a session that offers permessage-deflate with these parameters; it has to be agreed on."""
    ws = open_at(path, compression=None, extensions=[ClientPerMessageDeflateFactory(**parameters)])
    agreed = ws.protocol.extensions
    assert len(agreed) == 1 and isinstance(agreed[0], PerMessageDeflate), f"agreed on {agreed}"
    return ws, agreed[0]


@check("compressed: text and binary of 0 bytes to 1 MiB come back, whole and in fragments")
def compressed_sizes():
    ws, agreed = compressed("/compressed", client_max_window_bits=True)
    same((agreed.remote_no_context_takeover, agreed.local_no_context_takeover), (True, True))
    with ws:
        for size in SIZES:
            for message in ("x" * size, bytes(i * 31 % 251 for i in range(size)), os.urandom(size)):
                ws.send(message)
                same(ws.recv(), message)
        ws.send([TEXT, "", TEXT * 100, ""])
        same(ws.recv(), TEXT * 101)


@check("takeover: all combinations of the four parameters, several messages, whole and in fragments")
def compressed_parameters():
    flags, windows = (False, True), (None, 9, 12, 15)
    for server, client, theirs, ours in itertools.product(flags, flags, windows, (True, *windows)):
        ws, agreed = compressed("/takeover", server_no_context_takeover=server, client_no_context_takeover=client,
                                server_max_window_bits=theirs, client_max_window_bits=ours)
        same((agreed.remote_no_context_takeover, agreed.local_no_context_takeover), (server, client))
        with ws:
            for i in range(4):
                message = f'{{"number": {i}, "text": "{TEXT * 40}"}}'
                ws.send(message)
                same(ws.recv(), message)
                ws.send([message[:i], message[i:500].encode().decode(), message[500:]])
                same(ws.recv(), message)


@check("compressed: a window of 8 bits is declined")  # hardening H8
def compressed_window_8():
    with open_at("/takeover", additional_headers={"Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=8"}) as ws:
        same(ws.response.headers.get("Sec-WebSocket-Extensions"), None)
        ws.send(TEXT)
        same(ws.recv(), TEXT)


@check("compressed: a message past the limit is answered with 1009, however small it came")  # hardening H1
def compressed_too_large():
    for path in ("/compressed", "/takeover"):
        ws, _ = compressed(path)
        with ws:
            ws.send("x" * MESSAGE_BYTES_MAX)
            same(len(ws.recv()), MESSAGE_BYTES_MAX)
            ws.send("x" * (MESSAGE_BYTES_MAX + 1))
            same(closed(ws)[0], 1009)


@check("compressed: text that is not UTF-8 is answered with 1007")  # parity C3
def compressed_not_utf8():
    ws, _ = compressed("/compressed")
    with ws:
        ws.send(b"\xf0\x28\x8c\x28" * 100, text=True)
        same(closed(ws)[0], 1007)


# ---- the opening handshake


@check("handshake: an unknown path is answered with 404")  # parity S9
def unknown_path():
    same(refused("/nowhere"), 404)


@check("handshake: a foreign origin is answered with 403, the host's own is accepted")  # hardening H15
def origin():
    for foreign in ("http://example.com", "null", "http://127.0.0.1.example.com"):
        same(refused("/echo", origin=foreign), 403)
    with open_at("/echo", origin="http" + base.removeprefix("ws")) as ws:
        ws.send("hello")
        same(ws.recv(), "hello")


@check("handshake: a trailing slash is trimmed")  # parity S7
def trailing_slash():
    with open_at("/echo/") as ws:
        ws.send("hello")
        same(ws.recv(), "hello")


# ---- chat


def chat(path, suffix):
    """Two people see each other come, talk and go."""
    with open_at(f"{path}?name=Ana") as ana:
        until(ana, "Welcome, Ana!")
        with open_at(f"{path}?name=J%C3%BCrgen") as juergen:
            until(juergen, "Welcome, J\u00fcrgen!")
            until(ana, "J\u00fcrgen joined.")
            for speaker, name, words in ((ana, "Ana", "hello there"), (juergen, "J\u00fcrgen", TEXT)):
                speaker.send(words)
                for hearer in (ana, juergen):
                    until(hearer, f"{name}: {words}{suffix}")
        until(ana, "J\u00fcrgen left.")


def until(ws, wanted):
    """Reads until this text comes, and returns what came before it: others come and go in a chat."""
    heard = []
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            message = ws.recv(timeout=max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            raise AssertionError(f"{wanted!r} did not come, but {shown(heard)}") from None
        if message == wanted:
            return heard
        heard.append(message)


@check("chat: two people come, talk and go, each by the name of the query")  # parity B2
def chat_plain():
    chat("/chat", "")


@check("chat-with-nyan: the same component with another setting")  # parity B8
def chat_nyan():
    chat("/chat-with-nyan", " Nyan!")


@check("compressed-chat: people with and without compression hear the same")  # parity M2
def chat_compressed():
    with open_at("/compressed-chat?name=Ana", compression="deflate") as ana, open_at("/compressed-chat?name=Ben") as ben:
        same((len(ana.protocol.extensions), len(ben.protocol.extensions)), (1, 0))
        for speaker, name in ((ana, "Ana"), (ben, "Ben")):
            words = TEXT * 100
            speaker.send(words)
            for hearer in (ana, ben):
                until(hearer, f"{name}: {words}")


@check("chat: what is said in one service stays there")
def chat_apart():
    with open_at("/chat?name=Ana") as ana, open_at("/chat-with-nyan?name=Cat") as cat:
        cat.send("only among cats")
        until(cat, "Cat: only among cats Nyan!")
        ana.send("last")
        heard = until(ana, "Ana: last")
        assert not any("cats" in message for message in heard), f"{heard!r} came from another service"


@check("chat: the service closes with a code and a reason, and the session ends cleanly")
def chat_closes():
    with open_at("/chat?name=Ana") as ana:
        ana.send(b"a picture")
        same(closed(ana), (1003, "text only"))


# ---- laputa


@check("laputa: BALUS has its own answer")
def laputa():
    with open_at("/laputa") as ws:
        for said, answer in (("BALUS", "Are you kidding?"), ("hello", "I'm not available now."), (b"BALUS", "I'm not available now.")):
            ws.send(said)
            same(ws.recv(), answer)


# ---- TLS

if tls:

    @check("tls: both versions work")  # parity S6
    def tls_versions():
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=os.environ["WASKET_CA"])
            context.minimum_version = context.maximum_version = version
            with open_at("/echo", ssl=context) as ws:
                same(ws.tls_version, {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name])
                ws.send(TEXT)
                same(ws.recv(), TEXT)

    @check("tls: who does not trust the certificate does not connect")
    def tls_untrusted():
        try:
            with open_at("/echo", ssl=ssl.create_default_context()):
                raise AssertionError("the certificate was trusted")
        except ssl.SSLCertVerificationError:
            pass

    @check("tls: a plain handshake is answered with 400")
    def tls_plain():
        try:
            with Session(base.replace("wss:", "ws:") + "/echo", proxy=None):
                raise AssertionError("the handshake was accepted")
        except InvalidStatus as refusal:
            same(refusal.response.status_code, 400)


def main():
    failed = 0
    for name, function in CHECKS:
        try:
            function()
            print(f"ok      {name}", flush=True)
        except Exception as error:
            failed += 1
            at = traceback.extract_tb(error.__traceback__)[-1]
            print(f"FAILED  {name}\n        {type(error).__name__}: {error} ({at.name}, line {at.lineno})", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
