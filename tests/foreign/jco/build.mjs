// Builds component.wasm: `node build.mjs`, after `npm install`. The tests do both in a copy of this folder.
//
// The JavaScript engine of jco was built with the interfaces of WASI 0.2.10, and takes no others. jco brings those of 0.2.12, which
// declare the same: they are used by the older number, without the gate before a function that 0.2.10 had.

import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const jco = join(here, "node_modules/@bytecodealliance/jco");
const interfaces = join(here, "wit/deps");

rmSync(interfaces, { recursive: true, force: true });
cpSync(join(jco, "lib/wit/builtin/0.2.12"), interfaces, { recursive: true });
for (const name of readdirSync(interfaces, { recursive: true })) {
  if (!name.endsWith(".wit")) continue;
  const file = join(interfaces, name);
  const text = readFileSync(file, "utf8")
    .replaceAll("0.2.12", "0.2.10")
    .replace(/^ *@unstable\(feature = network-error-code\)\n/gm, "");
  writeFileSync(file, text);
}
const built = spawnSync(
  process.execPath,
  [join(jco, "dist/jco.js"), "componentize", "component.js", "--wit", "wit", "--out", "component.wasm"],
  { cwd: here, stdio: "inherit" },
);
process.exit(built.status ?? 1);
