// Builds the page into one file: node build.mjs OUT
//
// esbuild is the only package: it bundles the modules and makes them small. The page has no code of
// libraries. Its Content-Security-Policy lets run what is hashed here, and nothing be fetched.

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const LARGEST_BYTES = 100_000;

const source = (name) => fileURLToPath(new URL(`src/${name}`, import.meta.url));

async function bundle(entry) {
  const result = await build({
    entryPoints: [source(entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: ["chrome123", "firefox120", "safari17.5"],
    charset: "utf8",
    legalComments: "none",
  });
  return result.outputFiles[0].text.trim();
}

function hash(text) {
  return `'sha256-${createHash("sha256").update(text, "utf8").digest("base64")}'`;
}

const script = await bundle("main.js");
const style = await bundle("style.css");
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const template = await readFile(source("page.html"), "utf8");
const parts = { POLICY: policy, STYLE: style, SCRIPT: script };
const page = template.replace(/\{\{(POLICY|STYLE|SCRIPT)\}\}/g, (_, name) => parts[name]);
const size = Buffer.byteLength(page);
if (size > LARGEST_BYTES) {
  console.error(`build.mjs: the page has ${size} bytes, more than ${LARGEST_BYTES}`);
  process.exit(1);
}
await writeFile(process.argv[2], page);
console.error(`build.mjs: ${size} bytes in ${process.argv[2]}`);
