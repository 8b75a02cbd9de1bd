// Runs the journeys with the newest `svix` package of npm against running servers. `cargo xtask test` calls this. It needs
// JOURNEY_URL, JOURNEY_TOKEN, JOURNEY_ED25519_URL, JOURNEY_ED25519_TOKEN and JOURNEY_PACKAGES.

import "./journeys.mjs";
import "./github.mjs";
import "./providers.mjs";
import "./sources.mjs";
import { Journey, tests } from "./journey.mjs";
import { version } from "./packages.mjs";
import { receiver } from "./receiver.mjs";

let passed = 0;
let failed = 0;

async function check(name, run) {
  try {
    await run();
    passed += 1;
  } catch (why) {
    failed += 1;
    console.error(`FAILED: ${name}\n${why.stack ?? why}\n${why.body ? JSON.stringify(why.body) : ""}`);
  }
}

for (const { name, run, server, start } of tests) {
  await check(name, async () => {
    const journey = await (start ?? Journey.start)(name, server);
    try {
      await run(journey);
    } finally {
      await journey.end();
    }
  });
}
await check("every request is verified", () => receiver.close());

console.log(`${receiver.received} requests were received and verified with svix ${version("svix")}`);
console.log(`node-svix-${version("svix")}: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
