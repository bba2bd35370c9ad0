// What the scripts of this folder share: named checks, a summary line, waiting with a limit.

export const WAIT_MS = 10_000;

/** Runs the checks one after the other, prints a line for each, and sets the exit code. */
export async function run(checks) {
  let failed = 0;
  for (const [name, check] of checks) {
    try {
      await check();
      console.log(`ok      ${name}`);
    } catch (error) {
      failed += 1;
      const at = /\/(\w+\.mjs:\d+)/.exec(error.stack ?? "")?.[1] ?? "?";
      console.log(`FAILED  ${name}\n        ${error.message} (${at})`);
    }
  }
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** The promise's value, or an error that says what did not come. */
export function within(promise, what, ms = WAIT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
