// What the page at / has for plain HTTP and files, and whether everyone can use it: by keyboard, by a screen reader, on a
// narrow screen, in the dark.

import assert from "node:assert/strict";
import { join } from "node:path";

/** Roles and names that a screen reader has to find, by the browser's accessibility tree. */
const TREE = [
  ["heading", "wasket"],
  ["region", "Connection"], ["combobox", "Service"], ["textbox", "Path and query"], ["textbox", "Subprotocols (optional)"],
  ["button", "Connect"], ["button", "Disconnect"], ["textbox", "Close code"], ["textbox", "Close reason"],
  ["region", "Send"], ["textbox", "Text message"], ["button", "Send text"], ["textbox", "Binary message"], ["button", "Send bytes"],
  ["button", "Send file"], ["button", "Measure a round trip"],
  ["region", "Plain HTTP"], ["combobox", "Component"], ["textbox", "Request path"], ["textbox", "Body"], ["combobox", "Method"],
  ["button", "Send request"], ["button", "Stop"],
  ["region", "Files"], ["link", "assets (/assets)"], ["textbox", "Path of a file"], ["button", "Fetch file"],
  ["button", "Ask whether it changed"],
  ["region", "Session"], ["log", "Messages"], ["button", "Clear"],
];

/** Everything of these roles has to have a name. */
const CONTROLS = new Set(["button", "textbox", "combobox", "link", "checkbox", "region", "log"]);

/** The checks in which nothing goes wrong, for `run`. The helpers are those of chromium.mjs. */
export function checks({ visit, connect, line, shots }) {
  return [
    ["page: what is posted is heard in the room, and the answer is shown", async () => { // parity H4, M2
      const page = await visit();
      await connect(page, "/chat", "?name=Ana");
      await page.getByLabel("Component").selectOption("/publish");
      await page.getByLabel("Body").fill("Tea is ready. <b>\u8336</b>");
      await page.getByRole("button", { name: "Send request" }).click();
      await page.locator("#http-status", { hasText: "202 Accepted" }).waitFor();
      assert.match(await page.locator("#http-answer").textContent(), /^queued for \d+ sessions?\n$/);
      await line(page, "received", "Tea is ready. <b>\u8336</b>");
      await page.screenshot({ path: join(shots, "publish.png"), fullPage: true });
      await page.close();
    }],
    ["page: a path with sessions and a handler is listed for both", async () => { // parity H3, H4
      const page = await visit();
      await connect(page, "/room");
      await page.getByLabel("Component").selectOption("/room");
      await ask(page, "/room");
      await page.locator("#http-status", { hasText: "200 OK: 7 bytes" }).waitFor();
      assert.equal(await page.locator("#http-answer").textContent(), "1 here\n");
      await page.close();
    }],
    ["page: a redirect is named, and not followed", async () => { // parity H2, H4
      const page = await visit();
      for (const code of [301, 302, 303, 307, 308]) {
        await ask(page, `/ways/status?code=${code}`);
        await page.locator("#http-status", { hasText: "3xx (a redirect, which this page does not follow): 0 bytes" }).waitFor();
      }
      await page.getByLabel("Path of a file").fill("/assets");
      await page.getByRole("button", { name: "Fetch file" }).click();
      await page.locator("#fetch-status", { hasText: "3xx (a redirect" }).waitFor();
      await page.close();
    }],
    ["page: events are shown as they come, until Stop, the next request or a limit", async () => { // parity H2, H4
      const page = await visit();
      const [stop, shown] = [page.getByRole("button", { name: "Stop" }), page.locator("#http-answer")];
      assert.ok(await stop.isDisabled());
      const endless = "/ways/slow?count=1000000&ms=10";
      await ask(page, endless);
      await shown.filter({ hasText: "data: 3" }).waitFor();
      await page.locator("#http-status", { hasText: "200 OK: reading it." }).waitFor();
      await stop.press("Enter");
      await page.locator("#http-status", { hasText: /^200 OK: stopped after [\d,]+ bytes\.$/ }).waitFor();
      assert.ok(await stop.isDisabled());
      assert.equal(await page.evaluate(() => document.activeElement.id), "send-request");
      await ask(page, endless);
      await shown.filter({ hasText: "data: 3" }).waitFor();
      await ask(page, "/ways/status?code=200&text=other");
      await page.locator("#http-status", { hasText: "200 OK: 5 bytes" }).waitFor();
      assert.equal(await shown.textContent(), "other");
      assert.ok(await stop.isDisabled());
      await ask(page, `/ways/flood?bytes=${64 << 20}`);
      await page.locator("#http-status", { hasText: /stopped after 4,[\d,]+ bytes/ }).waitFor();
      await page.close();
    }],
    ["page: a file is fetched, and its ETag spares the second time", async () => { // parity H1, H4
      const page = await visit();
      await page.getByRole("button", { name: "Fetch file" }).click();
      await page.locator("#fetch-status", { hasText: /^200 OK: .* ETag "/ }).waitFor();
      await page.getByRole("button", { name: "Ask whether it changed" }).click();
      await page.locator("#fetch-status", { hasText: "304 Not Modified: 0 bytes" }).waitFor();
      await page.screenshot({ path: join(shots, "files.png"), fullPage: true });
      await page.getByLabel("Path of a file").fill("/assets/nothing");
      assert.ok(await page.getByRole("button", { name: "Ask whether it changed" }).isDisabled());
      await page.getByRole("link", { name: "assets (/assets)" }).click();
      await page.getByRole("heading", { name: "A file of the demo" }).waitFor();
      await page.close();
    }],
    ["page: publishes by keyboard alone, and shows where the focus is", async () => {
      const page = await visit();
      await tabTo(page, "Path and query");
      await page.keyboard.press("ControlOrMeta+A");
      await page.keyboard.type("/chat?name=Ben");
      await page.keyboard.press("Enter");
      await page.locator('#state[data-state="open"]').waitFor();
      await tabTo(page, "Body");
      await page.keyboard.type("by keyboard");
      await tabTo(page, "Send request");
      await page.keyboard.press("Enter");
      await page.locator("#http-status", { hasText: "202 Accepted" }).waitFor();
      await line(page, "received", "by keyboard");
      await tabTo(page, "Fetch file");
      await page.keyboard.press("Space");
      await page.locator("#fetch-status", { hasText: "200 OK" }).waitFor();
      await tabTo(page, "Ask whether it changed");
      await page.keyboard.press("Enter");
      await page.locator("#fetch-status", { hasText: "304" }).waitFor();
      await tabTo(page, "Messages");
      await page.close();
    }],
    ["page: the accessibility tree has every part, by its role and name", async () => {
      const page = await visit();
      const found = await tree(page);
      for (const [role, name] of TREE) {
        assert.ok(found.some((node) => node.role === role && node.name === name), `no ${role} "${name}"`);
      }
      assert.ok(found.some((node) => node.role === "main") && found.some((node) => node.role === "banner"));
      const nameless = found.filter((node) => CONTROLS.has(node.role) && node.name === "");
      assert.deepEqual(nameless, []);
      // What changes by itself is told: the log, and each answer.
      assert.equal(await page.getByRole("log", { name: "Messages" }).count(), 1);
      for (const id of ["state-text", "hex-hint", "http-status", "fetch-status"]) {
        assert.equal(await page.locator(`#${id}[role="status"]`).count(), 1, id);
      }
      assert.equal(await page.locator("html").getAttribute("lang"), "en");
      await page.close();
    }],
    ["page: can be read on 360 pixels, light and dark, and at twice the size of text", async () => {
      for (const colorScheme of ["light", "dark"]) {
        const page = await visit({ viewport: { width: 360, height: 740 }, colorScheme });
        await connect(page, "/echo");
        await page.getByRole("button", { name: "Fetch file" }).click();
        await page.locator("#fetch-status", { hasText: "200 OK" }).waitFor();
        await page.screenshot({ path: join(shots, `narrow-${colorScheme}.png`), fullPage: true });
        assert.deepEqual(await page.evaluate(faint), [], colorScheme);
        assert.deepEqual(await page.evaluate(small), [], colorScheme);
        for (const size of ["100%", "200%"]) {
          const wider = await page.evaluate((size) => {
            document.documentElement.style.fontSize = size;
            return document.documentElement.scrollWidth - window.innerWidth;
          }, size);
          assert.ok(wider <= 0, `${wider} px wider than the screen with text of ${size}`);
        }
        await page.close();
      }
    }],
    ["page: says by which protocol it came", async () => {
      const page = await visit();
      const [token, encrypted] = await page.evaluate(() =>
        [performance.getEntriesByType("navigation")[0].nextHopProtocol, location.protocol === "https:"]);
      const version = { h2: "HTTP/2", "http/1.1": "HTTP/1.1" }[token];
      assert.equal(await page.locator("#page-protocol").textContent(), `${version}, ${encrypted ? "" : "not "}encrypted`);
      await page.close();
    }],
  ];
}

/** What is refused: a browser writes its own line about it. */
export function refusals({ visit }) {
  return [
    ["page: a request that is refused says how", async () => {
      const page = await visit();
      await page.getByLabel("Method").selectOption("GET");
      await page.getByRole("button", { name: "Send request" }).click();
      await page.locator("#http-status.bad", { hasText: "405 Method Not Allowed" }).waitFor();
      await page.getByLabel("Request path").fill("//elsewhere.example/publish");
      await page.getByRole("button", { name: "Send request" }).click();
      await page.locator("#http-status.bad", { hasText: "another host" }).waitFor();
      await ask(page, "/ways/unfinished");
      await page.locator("#http-status.bad", { hasText: /^200 OK: broken off after [04] bytes, .+\.$/ }).waitFor();
      await page.close();
    }],
  ];
}

/** Sends a plain request with GET, once its path stands there. */
async function ask(page, path) {
  await page.getByLabel("Request path").fill(path);
  await page.getByLabel("Method").selectOption("GET");
  await page.getByRole("button", { name: "Send request" }).click();
}

/** Presses Tab until what has this name has the focus, which then shows. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const e = document.activeElement;
      const by = (e.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "");
      const style = getComputedStyle(e);
      return {
        names: [e.labels?.[0]?.textContent, by.join(" "), e.textContent].map((text) => (text ?? "").trim()),
        ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      };
    });
    if (focused.names.includes(name)) {
      assert.ok(focused.ring, `the focus on "${name}" does not show`);
      return;
    }
  }
  assert.fail(`Tab does not lead to "${name}"`);
}

/** Every node that the browser tells of, with its role and name. */
async function tree(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const told = nodes.filter((node) => !node.ignored);
  return told.map((node) => ({ role: node.role?.value ?? "", name: node.name?.value ?? "" }));
}

/** In the page: texts with less contrast than 4.5 to 1 (WCAG 2.2, 1.4.3). What is disabled does not count. */
function faint() {
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = parts(colour).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (parts(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const own = (e) => [...e.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== "");
  const shown = [...document.body.querySelectorAll("*")].filter((e) => own(e) && e.checkVisibility() && !e.closest(":disabled, script, style"));
  return shown.flatMap((e) => {
    const [one, other] = [light(getComputedStyle(e).color), light(ground(e))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    return contrast < 4.5 ? [`${e.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`] : [];
  });
}

/** In the page: what is to be pressed and is smaller than 24 pixels (WCAG 2.2, 2.5.8), but for links in text. */
function small() {
  const all = [...document.querySelectorAll("button, input, select, textarea")].filter((e) => e.checkVisibility());
  return all.filter((e) => Math.min(e.offsetWidth, e.offsetHeight) < 24).map((e) => e.id);
}
