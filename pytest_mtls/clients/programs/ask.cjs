// Asks once with Node: ask.cjs https|fetch URL LOWEST HIGHEST FOLDER SECONDS. Says what it saw as one JSON object.
"use strict";
const fs = require("node:fs");
const https = require("node:https");
const path = require("node:path");

const [through, address, lowest, highest, folder, seconds] = process.argv.slice(2);

function options() {
  const file = (name) => path.join(folder, name);
  const read = (name) => (fs.existsSync(file(name)) ? fs.readFileSync(file(name)) : undefined);
  const passphrase = fs.existsSync(file("encrypted")) ? read("passphrase").toString().trim() : undefined;
  return {
    ca: read("trust.pem"),
    cert: read("chain.pem"),
    key: read("key.pem"),
    passphrase,
    minVersion: `TLSv${lowest}`,
    maxVersion: `TLSv${highest}`,
    family: 4,
  };
}

function askHttps(tls) {
  return new Promise((resolve, reject) => {
    const request = https.get(address, { ...tls, agent: false, timeout: seconds * 1000 }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => {
        const raw = response.rawHeaders;
        const headers = raw.flatMap((name, place) => (place % 2 ? [] : [[name, raw[place + 1]]]));
        resolve({ status: response.statusCode, headers, body: Buffer.concat(parts).toString("base64") });
      });
    });
    request.on("error", reject);
  });
}

async function askFetch(tls) {
  // fetch takes a client certificate only through a dispatcher, and Node does not export the class of its own one.
  await fetch("data:,");
  const Agent = globalThis[Symbol.for("undici.globalDispatcher.1")].constructor;
  const response = await fetch(address, { dispatcher: new Agent({ connect: tls }) });
  const body = Buffer.from(await response.arrayBuffer()).toString("base64");
  return { status: response.status, headers: [...response.headers], body };
}

function failure(error, unloadable) {
  const errors = [];
  let text = "";
  for (let each = error; each; each = each.cause) {
    const own = each.name === each.code || !each.code ? each.constructor.name : `${each.constructor.name} ${each.code}`;
    errors.push(own);
    text = each.message || text;
  }
  return { errors, text, unloadable };
}

function say(what) {
  process.stdout.write(JSON.stringify(what), () => process.exit(0));
}

async function main() {
  const tls = options();
  try {
    require("node:tls").createSecureContext(tls);
  } catch (error) {
    return failure(error, true);
  }
  try {
    return await (through === "fetch" ? askFetch(tls) : askHttps(tls));
  } catch (error) {
    return failure(error, false);
  }
}

// undici at times forgets a request whose connection ends with the handshake. Nothing keeps Node alive then, and it
// would end without a word.
process.once("beforeExit", () => say({ errors: ["unsettled promise"], text: "neither an answer nor an error came" }));

main().then(say);
