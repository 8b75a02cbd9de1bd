// Finds the packages, which are installed outside the source tree: JOURNEY_PACKAGES is the folder of their node_modules.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(path.join(process.env.JOURNEY_PACKAGES, "package.json"));

/** The module `name` as `import` would give it. */
export async function load(name) {
  return import(pathToFileURL(require.resolve(name)));
}

export function version(name) {
  return require(`${name}/package.json`).version;
}

/** The folder of a package. */
export function folder(name) {
  return path.dirname(require.resolve(`${name}/package.json`));
}
