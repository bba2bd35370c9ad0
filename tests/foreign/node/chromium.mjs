// A headless Chromium and the page at / against the demo services:
//   node chromium.mjs ws://127.0.0.1:PORT PATH-OF-CHROMIUM FOLDER-FOR-SCREENSHOTS
// Over wss:// the variable WASKET_CA names the certificate to trust. It works the page as a person would: by labels and button names. Prints one line a check and
// `N passed, M failed` at the end; exits 1 when one failed.

import assert from "node:assert/strict";
import { X509Certificate, createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { WAIT_MS, run } from "./checks.mjs";
import { checks, refusals } from "./page.mjs";

const [base, executablePath, shots] = process.argv.slice(2);
const url = `${base.replace(/^ws/, "http")}/`;
// The default Origin rule and the page's policy are part of what is tested: nothing is switched off but what
// a machine without a screen, a user namespace or an outside network needs.
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
if (base.startsWith("wss:")) { // this one certificate, by its key
  const key = new X509Certificate(readFileSync(process.env.WASKET_CA)).publicKey.export({ type: "spki", format: "der" });
  args.push(`--ignore-certificate-errors-spki-list=${createHash("sha256").update(key).digest("base64")}`);
}

mkdirSync(shots, { recursive: true });
const browser = await chromium.launch({ executablePath, args });
const errors = []; // of every page: console errors, uncaught exceptions, requests to other hosts

/** A fresh page, loaded. */
async function visit(options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.setDefaultTimeout(WAIT_MS);
  page.on("console", (line) => { if (line.type() === "error") errors.push(line.text()); });
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("request", (request) => { if (new URL(request.url()).host !== new URL(url).host) errors.push(`request to ${request.url()}`); });
  await page.goto(url);
  return page;
}

async function connect(page, service, query = "") {
  const path = await page.getByLabel("Service").locator("option", { hasText: `(${service})` }).getAttribute("value");
  await page.getByLabel("Service").selectOption(path);
  if (query !== "") await page.getByLabel("Path and query").fill(path + query);
  await page.getByRole("button", { name: "Connect", exact: true }).click();
  await page.locator('#state[data-state="open"]').waitFor();
}

async function say(page, words) {
  await page.getByLabel("Text message").fill(words);
  await page.getByRole("button", { name: "Send text" }).click();
}

/** Waits for a line of the log of this kind (sent, received, event, error) that holds all of these texts. */
async function line(page, kind, ...texts) {
  let lines = page.locator(`#log li.${kind}`);
  for (const text of texts) lines = lines.filter({ hasText: text });
  await lines.first().waitFor();
}

async function disconnect(page, code, reason) {
  await page.getByLabel("Close code").fill(code);
  await page.getByLabel("Close reason").fill(reason);
  await page.getByRole("button", { name: "Disconnect" }).click();
  await page.locator('#state[data-state="closed"]').waitFor();
}

try {
  await run([
    ["page: loads with the four services and a policy", async () => { // parity H4
      const page = await browser.newPage();
      const answer = await page.goto(url);
      assert.equal(answer.status(), 200);
      assert.match(answer.headers()["content-type"], /^text\/html; ?charset=utf-8$/i);
      assert.match(answer.headers()["content-security-policy"] ?? "", /default-src 'none'/);
      const paths = await page.getByLabel("Service").locator("option").evaluateAll((all) => all.map((o) => o.value));
      for (const path of ["/echo", "/chat", "/chat-with-nyan", "/laputa"]) assert.ok(paths.includes(path), `${path} is not in ${paths}`);
      await page.close();
    }],
    ["page: echo of text and bytes, state, sizes, a clean close with code and reason", async () => {
      const page = await visit();
      await connect(page, "/echo");
      await say(page, "h\u00e9llo <b>\u4e16\u754c</b>");
      await line(page, "sent", "text, 20 bytes", "<b>\u4e16\u754c</b>");
      await line(page, "received", "text, 20 bytes", "<b>\u4e16\u754c</b>");
      await page.getByLabel("Binary message").fill("00 ff 68 69");
      await page.getByRole("button", { name: "Send bytes" }).click();
      await line(page, "received", "binary, 4 bytes", "00 ff 68 69");
      await page.getByRole("button", { name: "Measure a round trip" }).click();
      await page.locator("#trip-time", { hasText: " ms" }).waitFor();
      await page.screenshot({ path: join(shots, "echo.png") });
      await disconnect(page, "3001", "done here");
      await line(page, "event", "Closed", "3001", '"done here"', ", clean");
      await page.close();
    }],
    ["page: a file goes as one binary message", async () => {
      const page = await visit();
      const file = join(shots, "one-mebibyte.bin");
      writeFileSync(file, Buffer.alloc(1 << 20, 7));
      await connect(page, "/echo");
      await page.getByLabel("File (").setInputFiles(file);
      await page.getByRole("button", { name: "Send file" }).click();
      await line(page, "received", "binary, 1,048,576 bytes");
      await page.close();
    }],
    ["page: a message past the limit shows 1009", async () => {
      const page = await visit();
      const file = join(shots, "too-large.bin");
      writeFileSync(file, Buffer.alloc((1 << 20) + 1, 7));
      await connect(page, "/echo");
      await page.getByLabel("File (").setInputFiles(file);
      await page.getByRole("button", { name: "Send file" }).click();
      await page.locator("#closed", { hasText: "1009 (message too big)" }).waitFor();
      await page.close();
    }],
    ["page: two visitors chat, with the suffix of the service", async () => {
      const [ana, ben] = [await visit(), await visit()];
      await connect(ana, "/chat-with-nyan", "?name=Ana");
      await line(ana, "received", "Welcome, Ana!");
      await connect(ben, "/chat-with-nyan", "?name=Ben");
      await line(ana, "received", "Ben joined.");
      await say(ana, "hello from a browser");
      for (const page of [ana, ben]) await line(page, "received", "Ana: hello from a browser Nyan!");
      await ana.screenshot({ path: join(shots, "chat.png") });
      await ana.close(); // a closed page says goodbye for its sessions
      await line(ben, "received", "Ana left.");
      await ben.close();
    }],
    ["page: a close by the service shows its code and reason", async () => {
      const page = await visit();
      await connect(page, "/chat", "?name=Ana");
      await page.getByLabel("Binary message").fill("00");
      await page.getByRole("button", { name: "Send bytes" }).click();
      await page.locator("#closed", { hasText: '1003 (unsupported data), reason "text only", clean' }).waitFor();
      await page.close();
    }],
    ["page: chat without a suffix, laputa's answers", async () => {
      const page = await visit();
      await connect(page, "/chat", "?name=Ana");
      await say(page, "hello");
      await line(page, "received", "Ana: hello");
      await disconnect(page, "", "");
      await connect(page, "/laputa");
      await say(page, "BALUS");
      await line(page, "received", "Are you kidding?");
      await say(page, "hello");
      await line(page, "received", "I'm not available now.");
      await page.close();
    }],
    ...checks({ visit, connect, line, shots }),
    ["page: nothing went wrong on the way", async () => assert.deepEqual(errors, [])],
    ...refusals({ visit }),
    ["page: a refused connection says why", async () => {
      const page = await visit();
      await page.getByLabel("Path and query").fill("/nowhere");
      await page.getByRole("button", { name: "Connect", exact: true }).click();
      await line(page, "error", "Refused", "404");
      await line(page, "error", "Closed", "1006");
      await page.screenshot({ path: join(shots, "refused.png") });
      await page.close();
    }],
    ["page: what cannot be sent is said", async () => {
      const page = await visit();
      await connect(page, "/echo");
      await page.getByLabel("Binary message").fill("0g");
      await page.getByRole("button", { name: "Send bytes" }).click();
      await page.locator("#hex-hint", { hasText: "Not hex" }).waitFor();
      await page.getByLabel("Close reason").fill("x".repeat(124));
      await page.getByRole("button", { name: "Disconnect" }).click();
      await line(page, "error", "Cannot close like this");
      await page.close();
    }],
    ["page: works by keyboard alone, on a phone, in the dark", async () => {
      const page = await visit({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
      await page.getByLabel("Service").focus();
      await page.getByLabel("Path and query").press("Enter"); // submits the form
      await page.locator('#state[data-state="open"]').waitFor();
      await page.getByLabel("Text message").focus();
      await page.keyboard.type("typed");
      await page.keyboard.press("Enter");
      await line(page, "sent", "typed");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px wider than the screen`);
      await page.screenshot({ path: join(shots, "phone.png"), fullPage: true });
      await page.close();
    }],
    ["browser: a page of another origin is refused, and publishes nothing", async () => { // hardening H15, parity H2
      const page = await browser.newPage();
      const end = await page.evaluate((address) => new Promise((resolve) => {
        const socket = new WebSocket(address);
        socket.onopen = () => resolve("open");
        socket.onclose = (event) => resolve(event.code);
      }), `${base}/echo`);
      assert.equal(end, 1006);
      // A form may be sent anywhere: nobody but the host keeps it from being heard.
      const posted = page.waitForResponse((answer) => answer.url().endsWith("/publish"));
      await page.evaluate((action) => {
        const form = Object.assign(document.createElement("form"), { action, method: "POST", enctype: "text/plain" });
        document.body.append(form);
        form.submit();
      }, `${url}publish`);
      assert.equal((await posted).status(), 403);
      await page.close();
    }],
  ]);
} finally {
  await browser.close();
}
