// The npm package `ws` against the demo services: node ws.mjs ws://127.0.0.1:PORT
// Over wss:// the variable WASKET_CA names the certificate to trust.
// Prints one line a check and `N passed, M failed` at the end; exits 1 when one failed.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import WebSocket from "ws";
import { run, within } from "./checks.mjs";

const MESSAGE_BYTES_MAX = 1 << 20; // the host's default
const SIZES = [0, 1, 125, 126, 65_535, 65_536, MESSAGE_BYTES_MAX];
const TEXT = "h\u00e9llo \u{1f30d}, \u4e16\u754c";
const base = process.argv[2].replace(/\/$/, "");
const ca = base.startsWith("wss:") ? readFileSync(process.env.WASKET_CA) : undefined;

/** One session, with its messages and its end as promises. */
class Session {
  #arrived = [];
  #wanted = [];

  constructor(path, { protocols = [], ...options } = {}) {
    this.socket = new WebSocket(base + path, protocols, { perMessageDeflate: false, ca, ...options });
    this.socket.on("error", () => {}); // the close event follows and is looked at
    this.socket.on("message", (data, binary) => {
      this.#arrived.push(binary ? data : data.toString());
      this.#serve();
    });
    this.ended = once(this.socket, "close").then(([code, reason]) => ({ code, reason: reason.toString() }));
  }

  /** Opens a session; fails when it is refused. */
  static async open(path, options) {
    const session = new Session(path, options);
    await within(once(session.socket, "open"), `open of ${path}`);
    return session;
  }

  send(message, options = {}) {
    this.socket.send(message, options);
  }

  /** The next message: a string or a Buffer. */
  next() {
    const message = new Promise((resolve) => this.#wanted.push(resolve));
    this.#serve();
    return within(message, "message");
  }

  /** Reads until this text comes: others come and go in a chat. */
  async until(wanted) {
    const heard = [];
    for (let message; message !== wanted; heard.push(message)) {
      message = await this.next().catch(() => assert.fail(`"${wanted}" did not come, but ${JSON.stringify(heard)}`));
    }
  }

  close(code, reason) {
    this.socket.close(code, reason);
    return this.end();
  }

  /** What the peer's close frame said. */
  end() {
    return within(this.ended, "close");
  }

  #serve() {
    while (this.#arrived.length > 0 && this.#wanted.length > 0) this.#wanted.shift()(this.#arrived.shift());
  }
}

/** The HTTP status that refuses an opening handshake. */
async function refused(path, options = {}) {
  const { socket } = new Session(path, options);
  const refusal = once(socket, "unexpected-response").then(([request, response]) => {
    request.destroy();
    return response.statusCode;
  });
  const opened = once(socket, "open").then(() => {
    socket.terminate();
    throw new Error("the handshake was accepted");
  });
  return within(Promise.race([refusal, opened]), "answer to the handshake");
}

async function echoes(session, messages) {
  for (const message of messages) {
    session.send(message);
    const answer = await session.next();
    assert.equal(typeof answer, typeof message, "the kind of message changed");
    // Not deepEqual: a mismatch of a megabyte would be printed.
    assert.ok(typeof message === "string" ? answer === message : answer.equals(message), `${message.length} long: the echo differs`);
  }
}

/** Two people see each other come, talk and go. */
async function chat(path, suffix) {
  const ana = await Session.open(`${path}?name=Ana`);
  await ana.until("Welcome, Ana!");
  const juergen = await Session.open(`${path}?name=J%C3%BCrgen`);
  await juergen.until("Welcome, J\u00fcrgen!");
  await ana.until("J\u00fcrgen joined.");
  for (const [speaker, name, words] of [[ana, "Ana", "hello there"], [juergen, "J\u00fcrgen", TEXT]]) {
    speaker.send(words);
    for (const hearer of [ana, juergen]) await hearer.until(`${name}: ${words}${suffix}`);
  }
  await juergen.close(1000);
  await ana.until("J\u00fcrgen left.");
  await ana.close(1000);
}

await run([
  ["echo: text of 0 bytes to 1 MiB comes back as text", async () => {
    const session = await Session.open("/echo");
    await echoes(session, [TEXT, ...SIZES.map((size) => "x".repeat(size))]);
    await session.close(1000);
  }],
  ["echo: binary of 0 bytes to 1 MiB comes back as binary", async () => {
    const session = await Session.open("/echo");
    await echoes(session, SIZES.map((size) => Buffer.from({ length: size }, (_, i) => (i * 31) % 251)));
    await session.close(1000);
  }],
  ["compressed: text and binary of 0 bytes to 1 MiB come back", async () => { // parity S10
    const session = await Session.open("/compressed", { perMessageDeflate: { threshold: 0 } });
    assert.equal(session.socket.extensions, "permessage-deflate");
    await echoes(session, [TEXT, ...SIZES.map((size) => "x".repeat(size)), ...SIZES.map((size) => randomBytes(size))]);
    await session.close(1000);
  }],
  ["takeover: all combinations of the four parameters, several messages", async () => { // hardening H9
    for (const serverNoContextTakeover of [false, true]) for (const clientNoContextTakeover of [false, true])
      for (const serverMaxWindowBits of [undefined, 9, 15]) for (const clientMaxWindowBits of [true, 9, 15]) {
        const perMessageDeflate = { serverNoContextTakeover, clientNoContextTakeover, serverMaxWindowBits, clientMaxWindowBits, threshold: 0 };
        const session = await Session.open("/takeover", { perMessageDeflate });
        assert.equal(session.socket.extensions, "permessage-deflate");
        const message = JSON.stringify({ text: TEXT.repeat(50) });
        await echoes(session, [message, "", message, Buffer.from(message), "short", message]);
        session.send(message.slice(0, 9), { fin: false });
        session.send(message.slice(9));
        assert.equal(await session.next(), message);
        await session.close(1000);
      }
  }],
  ["compressed: a message past the limit is answered with 1009, however small it came", async () => { // hardening H1
    const session = await Session.open("/compressed", { perMessageDeflate: true });
    session.send("x".repeat(MESSAGE_BYTES_MAX + 1));
    assert.equal((await session.end()).code, 1009);
  }],
  ["echo: a fragmented message comes back whole, with a ping between its frames", async () => {
    const session = await Session.open("/echo");
    const pong = once(session.socket, "pong");
    session.send("frag", { fin: false });
    session.socket.ping("between");
    session.send("mented", { fin: true });
    assert.equal(await session.next(), "fragmented");
    assert.equal((await within(pong, "pong"))[0].toString(), "between");
    await session.close(1000);
  }],
  ["echo: a ping is answered with its payload", async () => {
    const session = await Session.open("/echo");
    for (const payload of ["", "are you there?", "x".repeat(125)]) {
      const pong = once(session.socket, "pong");
      session.socket.ping(payload);
      assert.equal((await within(pong, "pong"))[0].toString(), payload);
    }
    await session.close(1000);
  }],
  ["echo: close codes and reasons are echoed", async () => { // parity W15
    for (const [code, reason] of [[1000, ""], [3001, "done here"], [4999, "\u00e9".repeat(61)]]) {
      const session = await Session.open("/echo");
      assert.deepEqual(await session.close(code, reason), { code, reason });
    }
  }],
  ["echo: a close without a code is answered without one", async () => {
    const session = await Session.open("/echo");
    assert.deepEqual(await session.close(), { code: 1005, reason: "" });
  }],
  ["echo: a message past the limit is answered with 1009", async () => { // hardening H3
    const session = await Session.open("/echo");
    session.send("x".repeat(MESSAGE_BYTES_MAX + 1));
    assert.equal((await session.end()).code, 1009);
  }],
  ["echo: text that is not UTF-8 is answered with 1007", async () => { // parity C3
    const session = await Session.open("/echo");
    session.send(Buffer.from([0xf0, 0x28, 0x8c, 0x28]), { binary: false });
    assert.equal((await session.end()).code, 1007);
  }],
  ["echo: compression offered and not set up is declined", async () => {
    const session = await Session.open("/echo", { perMessageDeflate: true });
    assert.equal(session.socket.extensions, "");
    await echoes(session, [TEXT]);
    await session.close(1000);
  }],
  ["handshake: an unknown path is answered with 404", async () => { // parity S9
    assert.equal(await refused("/nowhere"), 404);
  }],
  ["handshake: a foreign origin is answered with 403", async () => { // hardening H15
    for (const origin of ["http://example.com", "null"]) {
      assert.equal(await refused("/echo", { origin }), 403, origin);
    }
  }],
  ["handshake: another version is answered with 400 or 426", async () => { // parity S9, hardening H18
    const status = await refused("/echo", { protocolVersion: 8 });
    assert.ok(status === 400 || status === 426, `the status is ${status}`);
  }],
  ["chat: two people come, talk and go, each by the name of the query", () => chat("/chat", "")], // parity B2
  ["chat-with-nyan: the same component with another setting", () => chat("/chat-with-nyan", " Nyan!")], // parity B8
  ["chat: the service closes with a code and a reason, and the session ends cleanly", async () => {
    const session = await Session.open("/chat?name=Ana");
    session.send(Buffer.from("a picture"));
    assert.deepEqual(await session.end(), { code: 1003, reason: "text only" });
  }],
  ["laputa: BALUS has its own answer", async () => {
    const session = await Session.open("/laputa");
    for (const [said, answer] of [["BALUS", "Are you kidding?"], ["hello", "I'm not available now."]]) {
      session.send(said);
      assert.equal(await session.next(), answer);
    }
    await session.close(1000);
  }],
]);
