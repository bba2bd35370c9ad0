#!/usr/bin/env python3
"""Writes the seeds of the corpora: examples of the RFCs, the cases of our own tests, and what broke others.

Run it after a change; it leaves files alone that it did not write, such as those that a fuzzer found.
"""

import zlib
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
KEY = bytes.fromhex("37fa213d")  # RFC 6455 section 5.7


def frame(first, payload=b"", masked=False, length=None):
    """A frame with any first byte; `length` overrides the bytes of the length."""
    n, bit = len(payload), 0x80 if masked else 0
    if length is None:
        length = bytes([n]) if n < 126 else b"\x7e" + n.to_bytes(2, "big")
    header = bytes([first, length[0] | bit]) + length[1:]
    if not masked:
        return header + payload
    return header + KEY + bytes(b ^ KEY[i % 4] for i, b in enumerate(payload))


def raw_deflate(data):
    """As the wire has it (RFC 7692 section 7.2.1)."""
    codec = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (codec.compress(data) + codec.flush(zlib.Z_SYNC_FLUSH))[:-4]


def long(n):
    return b"\x7f" + n.to_bytes(8, "big")


FRAMES = {  # name: (first byte, payload[, length])...
    "hello": [(0x81, b"Hello")],
    "hello-fragmented": [(0x01, b"Hel"), (0x80, b"lo")],
    "ping-pong": [(0x89, b"Hello"), (0x8A, b"a"), (0x8A, b"ping"), (0x8A, b"ping")],
    "ping-in-fragments": [(0x01, "a€".encode()), (0x89, b"!"), (0x00,), (0x80, "🦀".encode())],
    "256-bytes": [(0x82, bytes(256))],
    "126-bytes": [(0x82, b"x" * 126), (0x81, b"y" * 125)],
    "close": [(0x88,), (0x81, b"late")],
    "close-reason": [(0x88, b"\x03\xe8goodbye")],
    "close-half-a-code": [(0x88, b"\x03")],
    "close-1005": [(0x88, b"\x03\xed")],
    "close-reason-not-utf8": [(0x88, b"\x03\xe8\xff")],
    "text-not-utf8": [(0x81, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80")],
    "text-not-utf8-early": [(0x01, b"ab\xf4\x90"), (0x89,), (0x80, b"\x80\x80")],
    "text-cut-character": [(0x01, b"\xf0\x9f"), (0x00, b"\xa6"), (0x80, b"\x80")],
    "text-unfinished-character": [(0x81, b"\xe2\x82")],
    "rsv1": [(0xC1, b"a")],
    "rsv2-rsv3": [(0xB1, b"a")],
    "opcode-3": [(0x83,)],
    "opcode-b": [(0x8B,)],
    "ping-fragmented": [(0x09, b"a")],
    "ping-too-long": [(0x89, b"x" * 126)],
    "lone-continuation": [(0x80, b"a")],
    "message-in-message": [(0x01, b"a"), (0x81, b"b")],
    "four-fragments": [(0x02, b"a"), (0x00, b"b"), (0x00, b"c"), (0x80, b"d")],
    "five-fragments": [(0x02,), (0x00,), (0x00,), (0x00,), (0x80,)],
    "300-bytes": [(0x02, b"x" * 200), (0x80, b"y" * 100)],
    "301-bytes": [(0x02, b"x" * 200), (0x80, b"y" * 101)],
    "not-minimal-16": [(0x82, b"x" * 125, b"\x7e\x00\x7d")],
    "not-minimal-64": [(0x82, b"x" * 126, long(126))],
    "65536": [(0x82, b"x", long(1 << 16))],
    "2-to-32": [(0x82, b"x", long(1 << 32))],
    "2-to-63-less-1": [(0x82, b"x", long((1 << 63) - 1))],
    "2-to-63": [(0x82, b"x", long(1 << 63))],
    "2-to-64-less-1": [(0x82, b"x", long((1 << 64) - 1))],
    "pings-17": [(0x89, bytes([n])) for n in range(17)],
}


def script(settings, *frames):
    """The input of `messages`: the highest bit of a length cuts in or before the frame."""
    out = bytes([settings])
    for first, payload, *cut in frames:
        out += bytes([first, len(payload) | (0x80 if cut else 0)]) + payload
    return out


MESSAGES = {
    "hello": script(0, (0x81, b"Hello")),
    "hello-client": script(1, (0x81, b"Hello", "cut"), (0x82, b"", "cut")),
    "fragments": script(4, (0x01, "a€".encode(), "cut"), (0x89, b"!"), (0x80, "🦀".encode(), "cut")),
    "pings": script(6, *[(0x89, bytes([n]), "cut") for n in range(20)]),
    "pongs": script(7, (0x8A, b"a"), (0x8A, b""), (0x8A, b"ping", "cut")),
    "close": script(2, (0x82, b"last"), (0x88, b"\x03\xe8bye", "cut"), (0x81, b"late")),
    "wrong-after-right": script(3, (0x81, b"a"), (0x82, b"b", "cut"), (0x83, b"")),
    "in-halves": script(254, (0x01, b"x" * 100, "cut"), (0x00, b"y" * 100), (0x80, b"z" * 100, "cut")),
    "long": bytes([40, 0x82, 0x7E]) + b"x" * 280,
    "too-long": bytes([40, 0x02, 0x7E]) + b"x" * 280 + bytes([0x80, 0x78]) + b"y" * 160,
    "five-fragments": script(8, (0x02, b""), (0x00, b""), (0x00, b"", "cut"), (0x00, b""), (0x80, b"")),
    "not-utf8": script(5, (0x01, b"\xf0\x9f", "cut"), (0x80, b"\xa6\x7f")),
}

# Settings and cuts, then what two messages deflate to: the examples of RFC 7692 section 7.2.3, and what is damaged.
HELLO = bytes.fromhex("f248cdc9c90700")
DEFLATE = {
    "hello": bytes([2, 0]) + HELLO,
    "hello-again": bytes([3, 0x87]) + HELLO + bytes.fromhex("f200110000"),
    "hello-again-without-takeover": bytes([2, 0x87]) + HELLO + bytes.fromhex("f200110000"),
    "stored": bytes([2, 0x40]) + bytes.fromhex("000500faff48656c6c6f00"),
    "final": bytes([2, 0x08]) + bytes.fromhex("f348cdc9c9070000") * 2,
    "final-alone": bytes([3, 0]) + bytes.fromhex("f348cdc9c90700"),
    "two-blocks": bytes([2, 0x70]) + bytes.fromhex("f248050000 00ffffcac9c90700"),
    "empty": bytes([0, 0]) + b"\0",
    "nothing": bytes([1, 0]),
    "reserved-block": bytes([0, 0]) + b"\x06\0",
    "wrong-complement": bytes([0, 0]) + b"\0\5\0\0\0Hello\0",
    "stored-cut": bytes([0, 0]) + bytes.fromhex("000500faff4865"),
    "before-the-beginning": bytes([0, 0]) + bytes.fromhex("f200110000"),
    "not-utf8": bytes([2, 0]) + raw_deflate(b"ab\xff" * 9),
    "300-bytes": bytes([0, 0]) + raw_deflate(b"x" * 300),
    "301-bytes": bytes([1, 0]) + raw_deflate(b"x" * 301),
    "a-bomb": bytes([0, 0]) + raw_deflate(bytes(1 << 20)),
    "many-final-blocks": bytes([0, 0]) + b"\3\0" * 200,
    "small-window": bytes([0x05, 0x44]) + raw_deflate(bytes(range(256)) * 4),
}

REQUEST = {
    "Host": "server.example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
ANSWER = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
}


def head(first, fields, more="", **other):
    fields = {**fields, **{name.replace("_", "-"): value for name, value in other.items()}}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\n".join([first, *lines, more]).encode()


HANDSHAKE = {
    "request": head("GET", REQUEST, "Sec-WebSocket-Protocol: chat, superchat"),
    "request-lists": head("GET", REQUEST, Upgrade="h2c, WebSocket", Connection="keep-alive ,\tuPGRADE ,"),
    "request-deflate": head("GET", REQUEST, Sec_WebSocket_Extensions="permessage-deflate; client_max_window_bits"),
    "request-quoted": head("GET", REQUEST, Sec_WebSocket_Extensions='a;b="1\\0" ;b\t,a,,x; y=1'),
    "request-two-hosts": head("GET", REQUEST, "host: b"),
    "request-plain": head("GET", REQUEST, Upgrade=None),
    "request-version-8": head("GET", REQUEST, Sec_WebSocket_Version="8"),
    "request-key-short": head("GET", REQUEST, Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ"),
    "request-key-trailing-bits": head("GET", REQUEST, Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZR=="),
    "request-protocol-twice": head("GET", REQUEST, Sec_WebSocket_Protocol="a, a"),
    "request-names-of-objects": head("GET", REQUEST, "constructor: 1\n__proto__: 2", Sec_WebSocket_Protocol="__proto__"),
    "request-extension-unquoted": head("GET", REQUEST, Sec_WebSocket_Extensions='foo;b="\\'),
    "request-many-extensions": head("GET", REQUEST, Sec_WebSocket_Extensions="a;" + " " * 200 + "b," * 50),
    "request-post": head("POST", REQUEST),
    "answer": head("101", ANSWER),
    "answer-chat": head("101", ANSWER, Sec_WebSocket_Protocol="chat"),
    "answer-not-offered": head("101", ANSWER, Sec_WebSocket_Protocol="other"),
    "answer-deflate": head("101", ANSWER, Sec_WebSocket_Extensions="permessage-deflate; server_no_context_takeover"),
    "answer-302": head("302", {"Location": "http://other.example/"}),
    "answer-wrong-accept": head("101", ANSWER, Sec_WebSocket_Accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
}

PATTERNS = "/*\n/a/*\n/a/{x}\n/a/b\n/a/{x}/c\n/\n/u/{user}/r/{room}\n"
PATHS = ["/", "/a/b", "/a/b/", "/a/%62", "/a/z", "/a/b/c", "/a", "/u/ada/r/1%2F2", "/a/caf%C3%A9", "/a//c", "/A/b", "//"]
ROUTE = {f"path-{n}": (PATTERNS + path).encode() for n, path in enumerate(PATHS)}
ROUTE |= {
    "not-found": b"/a/b\n/x/{y}\n/a/%ff",
    "odd-patterns": b"a\n/a//b\n/*/a\n/{\n/{}\n/{x\n/a{x}\n/a*\n/{x}/{x}\n*",
    "dots": b"/.\n/a/..\n/../a",
    "query": b"/a?b\n/a#b\n/a%20b\n/k\xc3\xa4se brot\n/k%C3%A4se%20brot",
}

ORIGINS = [
    ("http://chat.example", "chat.example"),
    ("http://Chat.Example", "chat.example:80"),
    ("https://chat.example", "chat.example:443"),
    ("http://[::1]:4649", "[::1]:4649"),
    ("http://chat.example:81", "chat.example"),
    ("http://chat.example.evil", "chat.example"),
    ("http://chat.example@evil", "evil"),
    ("null", "chat.example", "null", "https://app.example"),
    ("https://APP.example:8443", "own.example", "https://app.example:8443"),
    ("https://app.example:8443.evil", "own.example", "https://app.example:8443"),
    ("https://app.example:443", "own.example", "https://app.example"),
    ("http://a~b._c", "x", "http://a~b._c", "http://[::ffff:1.2.3.4]:1"),
    ("http://", "", "*"),
    ("http://a:00080", "a:80", "http://a:65535", "http://a:0"),
    ("https://x.app.example", "own.example", "https://*.app.example"),
    ("https://x.y.app.example:8443", "own.example:1", "https://*.app.example:8443", "*.own.example", "own.example:1"),
    ("https://app.example", "[::1]:80", "https://*.app.example", "[::1]", "a.*"),
]
ORIGIN = {f"origin-{n}": "\n".join(lines).encode() for n, lines in enumerate(ORIGINS)}

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
IPV4 = bytes([192, 0, 2, 1, 10, 0, 0, 1]) + (56324).to_bytes(2, "big") + (443).to_bytes(2, "big")


def head(command, family, body, version=2):
    return SIGNATURE + bytes([version << 4 | command, family]) + len(body).to_bytes(2, "big") + body


PROXY = {
    "v1-tcp4": b"PROXY TCP4 192.0.2.1 10.0.0.1 56324 443\r\nGET / HTTP/1.1\r\n",
    "v1-tcp6": b"PROXY TCP6 2001:db8::1 ::ffff:10.0.0.1 0 65535\r\n",
    "v1-unknown": b"PROXY UNKNOWN ffff::1 any 1 2\r\n",
    "v1-longest": b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n",
    "v1-too-long": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "v1-no-return": b"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n",
    "v2-tcp4": head(1, 0x11, IPV4) + b"GET / HTTP/1.1\r\n",
    "v2-tcp6": head(1, 0x21, bytes(10) + b"\xff\xff" + IPV4[:4] + bytes(16) + IPV4[8:]),
    "v2-unix": head(1, 0x31, bytes(216)),
    "v2-local": head(0, 0xFF, b"whatever"),
    "v2-extras": head(1, 0x11, IPV4 + b"\x01\0\x02h2\xe0\0\0"),
    "v2-checksum": head(1, 0x11, IPV4 + bytes([3, 0, 4, 0x7E, 0xBF, 0x7B, 0xC6, 4, 0, 1, 0])),
    "v2-wrong-checksum": head(1, 0x11, IPV4 + bytes([3, 0, 4, 1, 2, 3, 4])),
    "v2-cut-extra": head(1, 0x11, IPV4 + b"\x01\0\x09h2"),
    "v2-udp": head(1, 0x12, IPV4),
    "v2-huge": SIGNATURE + b"\x21\x11\xff\xff",
    "v3": head(1, 0x11, IPV4, version=3),
    "lists": b"x-forwarded-for: 192.0.2.7, 10.0.0.2\nx-forwarded-proto: https\nx-forwarded-host: a:81",
    "lists-odd": b"x-forwarded-for: unknown, [2001:db8::1]:80\nx-forwarded-for: _hidden, , 1.2.3.4:",
    "forwarded": b'forwarded: for="[2001:db8:cafe::17]:4711";proto=http;by=203.0.113.43, for=192.0.2.43',
    "forwarded-open-quote": b'forwarded: for="x, for="[2001:db8::1]", for="192.0.2.4\\3',
    "both": b"forwarded: for=192.0.2.7;host=a;proto=https\nx-forwarded-for: 192.0.2.7:99\nx-forwarded-host: b",
}

SERVICE = '[service.echo]\npath = "/echo"\nnative = "echo"\n'
CONFIG = {
    "empty": b"",
    "size": b"64KiB",
    "size-too-big": b"99999999999GiB",
    "time": b"100ms",
    "time-longest": b"18446744073709551615ms",
    "address": b"[::1]:4649",
    "native": SERVICE.encode(),
    "control-characters": b'[service."a\\u0007\\u001b[31m"]\npath = "/\\u0000"\n',
    "bare-return": b'[log]\rlevel = "x"\n',
    "no-end": b'[host]\nworkers = "',
    "unicode": '[[listen]]\naddress = "\u202e🦀" # é\n'.encode(),
    "deep": b"a = " + b"[" * 100,
}


DIGEST = {
    "username": '"Mufasa"',
    "realm": '"http-auth@example.org"',
    "uri": '"/dir/index.html"',
    "algorithm": "MD5",
    "nonce": '"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
    "nc": "00000001",
    "cnonce": '"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"',
    "qop": "auth",
    "response": '"8ca523f5e9506fed4657c9700eebdbec"',
    "opaque": '"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
}


def digest(**other):
    fields = {**DIGEST, **other}
    return ("Digest " + ", ".join(f"{name}={value}" for name, value in fields.items() if value is not None)).encode()


AUTHORIZATION = {  # RFC 7616 section 3.9, RFC 7617 section 2
    "digest-md5": digest(),
    "digest-sha-256": digest(algorithm="SHA-256", response='"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"'),
    "digest-extended-name": digest(username=None, **{"username*": "UTF-8''J%C3%A4s%C3%B8n%20Doe"}),
    "digest-escaped-name": digest(username='"a\\"b\\\\c"'),
    "digest-no-qop": digest(qop=None),
    "digest-count-too-long": digest(nc="000000001"),
    "digest-other-target": digest(uri='"/"'),
    "digest-session": digest(algorithm="MD5-sess"),
    "digest-unfinished": digest(opaque='"\\'),
    "digest-twice": digest() + b", nc=00000002",
    "digest-spaces": digest().replace(b"=", b" \t= ").replace(b",", b" ,,\t,"),
    "digest-many": b"Digest " + b"a=b," * 40,
    "basic": b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    "basic-utf8": b"Basic dGVzdDoxMjPCow==",
    "basic-proves": b"basic  YTpzZWNyZXQ",
    "basic-no-colon": b"Basic YWRh",
    "basic-trailing-bits": b"Basic YTpzZWNyZXR=",
    "basic-nul": b"Basic YTpiAA==",
    "basic-too-long": b"Basic " + b"A" * 5000,
    "bearer": b"Bearer mF_9.B5f-4.1JqM",
    "htpasswd": b"# staff\nada:{SHA}y/waJdy9m/a+D8VTRQ/e2awAzpQ=\n\nbob:secret\n",
    "htdigest": b"Mufasa:http-auth@example.org:3d78807defe7de2157e2b0b6573a855f\n" * 2,
    "roles": b"ada: admin chat\nbob:\n",
}


def repository(folder):
    """The configurations that our own tests and examples are made of."""
    root = Path(__file__).parents[2]
    return {file.stem.replace("_", "-"): file.read_bytes() for file in sorted((root / folder).glob("*.toml"))}

CHALLENGE = {  # RFC 7616 section 3.9, RFC 7617 section 2, RFC 9110 section 11.6.1
    "basic": b'Basic realm="WallyWorld", charset="UTF-8"',
    "digests": b'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"\n'
               b'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
    "stale": b'Digest realm="a \\"b\\" \\\\c", qop=auth, nonce=n, stale=TRUE, charset=UTF-8',
    "several-in-one": b'Negotiate, Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple", NTLM TlR/MTVNT==,',
    "open-quote": b'Basic realm="a, Digest realm=b',
    "nameless": b'Digest =a, , ,b=',
    "session-algorithm": b'Digest realm="r", qop="auth", algorithm=MD5-sess, nonce="n"',
    "without-protection": b'Digest realm="r", nonce="n"',
    "nonce-twice": b'Digest realm="r", qop="auth", nonce="n", nonce="m"',
    "realm-latin-1": b'Basic realm="\xe9"',
    "line-break": b'Digest realm="r\rn", qop="auth", nonce="n\x00"',
    "seventeen": b"Basic, " * 17,
}


def main():
    frames = {}
    for name, listed in FRAMES.items():
        for side, masked in (("server", True), ("client", False)):
            parts = (frame(first, *rest[:1], masked=masked, length=rest[1] if len(rest) > 1 else None) for first, *rest in listed)
            frames[f"{name}-to-{side}"] = b"".join(parts)
    config = {
        **CONFIG,
        **{f"mistake-{name}": text for name, text in repository("host/config/tests/mistakes").items()},
        "demo": (Path(__file__).parents[2] / "guests/demo.toml").read_bytes(),
    }
    corpora = {"authorization": AUTHORIZATION, "challenge": CHALLENGE, "deflate": DEFLATE, "frames": frames, "messages": MESSAGES, "handshake": HANDSHAKE, "route": ROUTE, "origin": ORIGIN, "proxy": PROXY, "config": config}
    for target, seeds in corpora.items():
        (FOLDER / target).mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (FOLDER / target / name).write_bytes(data)


main()
