// Finds the packages, which are installed outside the source tree: JOURNEY_PACKAGES is the folder of their node_modules.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(path.join(process.env.JOURNEY_PACKAGES, "package.json"));

/** The module `name` as `import` would give it. */
export async function load(name) {
  return import(pathToFileURL(resolve(name)));
}

function resolve(name) {
  try {
    return require.resolve(name);
  } catch (why) {
    if (why.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw why;
  }
  // Only to be imported: what its "exports" say for that.
  const at = path.join(process.env.JOURNEY_PACKAGES, "node_modules", name);
  let target = JSON.parse(fs.readFileSync(path.join(at, "package.json"), "utf8")).exports["."];
  while (typeof target !== "string") target = target.node ?? target.import ?? target.default;
  return path.join(at, target);
}

export function version(name) {
  return require(`${name}/package.json`).version;
}

/** The folder of a package. */
export function folder(name) {
  return path.dirname(require.resolve(`${name}/package.json`));
}
