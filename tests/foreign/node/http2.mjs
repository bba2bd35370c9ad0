// node:http2 against the demo services: node http2.mjs ws://127.0.0.1:PORT
// Sessions are streams (RFC 8441), all of them and the plain requests on one connection: by prior knowledge, or over wss://
// by ALPN, where the variable WASKET_CA names the certificate to trust.
// Prints one line a check and `N passed, M failed` at the end; exits 1 when one failed.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http2 from "node:http2";
import { run, within } from "./checks.mjs";

const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1 << 20];
const base = new URL(process.argv[2]);
const secure = base.protocol === "wss:";
const origin = `${secure ? "https" : "http"}://${base.host}`;
const client = http2.connect(origin, {
  ca: secure ? readFileSync(process.env.WASKET_CA) : undefined,
  settings: { initialWindowSize: 1 << 20 },
});
client.on("error", () => {}); // whatever waits says so

/** A masked frame. */
function frame(first, payload) {
  const { length } = payload;
  const long = length > 65_535 ? 127 : length > 125 ? 126 : length;
  const head = Buffer.alloc({ 126: 4, 127: 10 }[long] ?? 2);
  head[0] = first;
  head[1] = 0x80 | long;
  if (long === 126) head.writeUInt16BE(length, 2);
  if (long === 127) head.writeBigUInt64BE(BigInt(length), 2);
  const key = randomBytes(4);
  const masked = Buffer.from(payload);
  for (let i = 0; i < length; i += 1) masked[i] ^= key[i & 3];
  return Buffer.concat([head, key, masked]);
}

/** One session, read frame by frame. */
class Session {
  #unread = Buffer.alloc(0);

  static async open(path, headers = {}) {
    const session = new Session();
    session.stream = ask({ ":method": "CONNECT", ":protocol": "websocket", ":path": path, "sec-websocket-version": "13", ...headers });
    session.closed = once(session.stream, "close");
    session.closed.catch(() => {}); // it may be an error, which is looked at where it matters
    session.head = await answered(session.stream);
    return session;
  }

  send(first, payload) {
    this.stream.write(frame(first, Buffer.from(payload)));
  }

  /** The next frame that is no ping: its first byte and payload. */
  async next() {
    const [first, short] = await this.#take(2);
    let length = short;
    if (short === 126) length = (await this.#take(2)).readUInt16BE();
    if (short === 127) length = Number((await this.#take(8)).readBigUInt64BE());
    const payload = await this.#take(length);
    return first === 0x89 ? this.next() : [first, payload];
  }

  async text() {
    const [first, payload] = await this.next();
    assert.equal(first, 0x81);
    return payload.toString();
  }

  async #take(count) {
    while (this.#unread.length < count) {
      const part = this.stream.read();
      if (part) this.#unread = Buffer.concat([this.#unread, part]);
      else await within(once(this.stream, "readable"), "frame");
    }
    const taken = this.#unread.subarray(0, count);
    this.#unread = this.#unread.subarray(count);
    return taken;
  }

  /** The closing handshake, then the end of both sides: the code, and that of a reset, of which 0 is none. */
  async close(code) {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.send(0x88, payload);
    const [first, answer] = await this.next();
    assert.equal(first, 0x88);
    this.stream.resume();
    await within(once(this.stream, "end"), "end of the stream");
    this.stream.end();
    await within(this.closed, "close of the stream");
    return [answer.readUInt16BE(), this.stream.rstCode];
  }
}

function ask(headers, options = {}) {
  return client.request({ ":scheme": origin.split(":")[0], ":authority": base.host, ...headers }, { endStream: false, ...options });
}

async function answered(stream) {
  const [headers] = await within(once(stream, "response"), "answer");
  return headers;
}

/** The answer to a plain request: status, fields, body. */
async function fetched(headers, body) {
  const stream = ask(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const head = await answered(stream);
  const parts = [];
  for await (const part of stream) parts.push(part);
  return [head[":status"], head, Buffer.concat(parts).toString()];
}

async function refused(headers) {
  const stream = ask({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/echo", "sec-websocket-version": "13", ...headers });
  const head = await answered(stream);
  stream.close();
  return head[":status"];
}

await run([
  ["the host offers extended CONNECT, on HTTP/2 as agreed", async () => {
    if (!client.remoteSettings?.enableConnectProtocol) await within(once(client, "remoteSettings"), "settings");
    assert.equal(client.remoteSettings.enableConnectProtocol, true);
    assert.equal(client.alpnProtocol, secure ? "h2" : "h2c");
  }],
  ["text and binary messages of many sizes come back", async () => {
    const session = await Session.open("/echo");
    assert.equal(session.head[":status"], 200);
    for (const size of SIZES) {
      const sent = randomBytes(size);
      session.send(0x82, sent);
      const [first, payload] = await session.next();
      assert.ok(first === 0x82 && payload.equals(sent), `${size} long: the echo differs`);
    }
    session.send(0x81, "h\u00e9llo \u{1f30d}");
    assert.equal(await session.text(), "h\u00e9llo \u{1f30d}");
    assert.deepEqual(await session.close(1000), [1000, 0]);
  }],
  ["fifty sessions on one connection do not mix", async () => {
    const sessions = await Promise.all(Array.from({ length: 50 }, () => Session.open("/echo")));
    for (let round = 0; round < 20; round += 1) {
      sessions.forEach((session, number) => session.send(0x81, `${round} of ${number}`));
      const heard = await Promise.all(sessions.map((session) => session.text()));
      heard.forEach((text, number) => assert.equal(text, `${round} of ${number}`));
    }
    // One of them is reset: the others are well.
    sessions.pop().stream.close(http2.constants.NGHTTP2_CANCEL);
    for (const session of sessions) assert.deepEqual(await session.close(3001), [3001, 0]);
  }],
  ["a violation closes with its code", async () => {
    const session = await Session.open("/echo");
    session.stream.write(Buffer.from([0x81, 0x01, 0x78]));
    const [first, payload] = await session.next();
    assert.deepEqual([first, payload.readUInt16BE()], [0x88, 1002]);
    session.stream.close();
  }],
  ["what cannot be opened is refused with its status", async () => {
    assert.equal(await refused({ ":path": "/nowhere" }), 404);
    assert.equal(await refused({ ":protocol": "connect-udp" }), 501);
    assert.equal(await refused({ "sec-websocket-version": "12" }), 400);
    assert.equal(await refused({ origin: "http://evil.example" }), 403);
  }],
  ["files are served, and not again where they are known", async () => {
    const [status, head, text] = await fetched({ ":path": "/assets/" });
    assert.equal(status, 200);
    assert.ok(text.length > 0 && head.etag);
    assert.equal(Number(head["content-length"] ?? text.length), Buffer.byteLength(text));
    const [again] = await fetched({ ":path": "/assets/", "if-none-match": head.etag });
    assert.equal(again, 304);
    const [none] = await fetched({ ":path": "/assets/nothing" });
    assert.equal(none, 404);
  }],
  ["what is posted by HTTP is heard in a session of the same connection", async () => {
    const session = await Session.open("/chat?name=Ana");
    assert.equal(await session.text(), "Welcome, Ana!");
    const [status] = await fetched({ ":method": "POST", ":path": "/publish" }, "Tea is ready.");
    assert.equal(status, 202);
    assert.match(await session.text(), /Tea is ready\./);
    await session.close(1000);
  }],
  ["the connection has lasted, and ends when asked to", async () => {
    assert.ok(!client.closed && !client.destroyed);
    const closed = once(client, "close");
    client.close();
    await within(closed, "close of the connection");
  }],
]);
