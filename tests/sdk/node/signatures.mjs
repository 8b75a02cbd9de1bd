// Checks the signature of one received request with every verifier that there is for it. Every key must be satisfied, as
// during a rotation. Nothing here shares code with the server.

import crypto from "node:crypto";
import { load } from "./packages.mjs";

const standard = await load("standardwebhooks");
const svix = await load("svix");

// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410), up to the key's own 32 bytes.
const ED25519_SPKI = Buffer.from("302a300506032b6570032100", "hex");
const ITEM = /^(v1,[A-Za-z0-9+/]{43}=|v1a,[A-Za-z0-9+/]{86}==)$/;

function signedText({ headers, body }) {
  return Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`), body]);
}

const hmacVerifiers = {
  standardwebhooks: (key, { headers, body }) => new standard.Webhook(key).verify(body, headers, { jsonParse: false }),
  svix: (key, { headers, body }) => new svix.Webhook(key).verify(body, headers),
  "node:crypto": (key, request) => {
    const secret = Buffer.from(key.replace(/^whsec_/, ""), "base64");
    const want = crypto.createHmac("sha256", secret).update(signedText(request)).digest("base64");
    if (!request.headers["webhook-signature"].split(" ").includes(`v1,${want}`)) throw new Error("no v1 signature matches");
  },
};

const ed25519Verifiers = {
  "node:crypto": (key, request) => {
    const der = Buffer.concat([ED25519_SPKI, Buffer.from(key.replace(/^whpk_/, ""), "base64")]);
    const publicKey = crypto.createPublicKey({ key: der, format: "der", type: "spki" });
    const items = request.headers["webhook-signature"].split(" ").filter((item) => item.startsWith("v1a,"));
    const matches = (item) => crypto.verify(null, signedText(request), publicKey, Buffer.from(item.slice(4), "base64"));
    if (!items.some(matches)) throw new Error("no v1a signature matches");
  },
};

export function verifiers(key) {
  return key.startsWith("whpk_") ? ed25519Verifiers : hmacVerifiers;
}

/** What each verifier that refuses the request under this key says, by its name. */
export function refusals(request, key) {
  const said = {};
  for (const [name, verifier] of Object.entries(verifiers(key))) {
    try {
      verifier(key, request);
    } catch (why) {
      said[name] = String(why);
    }
  }
  return said;
}

/** Throws unless every verifier accepts the request under every key. */
export function verify(request, keys) {
  if (keys.length === 0) throw new Error("no key is known for this endpoint");
  for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
    if (!request.headers[name]) throw new Error(`the header ${name} is missing`);
  }
  if (!/^[0-9]{10}$/.test(request.headers["webhook-timestamp"])) throw new Error("the timestamp is not in whole seconds");
  for (const item of request.headers["webhook-signature"].split(" ")) {
    if (!ITEM.test(item)) throw new Error(`${item} is not a signature`);
  }
  for (const key of keys) {
    const said = refusals(request, key);
    if (Object.keys(said).length > 0) throw new Error(JSON.stringify(said));
  }
}
