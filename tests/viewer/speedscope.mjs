// Opens a file in speedscope and says, as one JSON object on standard output, what the page shows.
//
//   node speedscope.mjs --json FILE [--screenshot PNG] [--chromium PATH]
//
// The answer:
//   opened      the profile that the page opens, with its number: "Bytes allocated (1/5)"
//   profiles    [[number, name, total weight]] of the page's list
//   functions   [[total, own, function]] of the opened profile, from the sandwich view
//   errors      what the page complained of
//   requests    addresses that the page asked for beyond local files
//
// Exit status: 0 when the page was read, 1 when it could not be, 2 for wrong arguments.

import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const PAGE = join(
  dirname(fileURLToPath(import.meta.url)),
  "node_modules/speedscope/dist/release/index.html",
);
// A machine that has much else to do takes minutes for what needs seconds alone.
const PATIENCE_MILLIS = 600_000;

// The page draws with WebGL, which needs no GPU but then has to be asked for.
const CHROMIUM_ARGUMENTS = [
  "--no-sandbox",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-breakpad",
  "--no-first-run",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--host-resolver-rules=MAP * ~NOTFOUND",
];

function readArguments() {
  const { values } = parseArgs({
    options: {
      json: { type: "string" },
      chromium: { type: "string", default: "/usr/bin/chromium" },
      screenshot: { type: "string" },
    },
  });
  if (!values.json) {
    throw new Error("needs --json FILE");
  }
  return values;
}

// The rows below the first one with that heading, up to the next heading.
function rowsBelow(page, heading) {
  return page.evaluate((heading) => {
    const rows = [...document.querySelectorAll("tr")];
    const start = rows.findIndex((row) => row.textContent.includes(heading)) + 1;
    const end = rows.findIndex((row, index) => index >= start && row.querySelector("th") !== null);
    const below = rows.slice(start, end < 0 ? undefined : end);
    return below.map((row) => [...row.children].map((cell) => cell.textContent.trim()));
  }, heading);
}

async function readPage(page, options) {
  await page.goto(pathToFileURL(PAGE).href);
  await page.setInputFiles("input[type=file]", resolve(options.json));
  const isLoaded = () => /\(\d+\/\d+\)/.test(document.body.innerText);
  await page.waitForFunction(isLoaded, undefined, { timeout: PATIENCE_MILLIS });
  await page.keyboard.press("3");
  const isSandwich = () => document.body.innerText.includes("Symbol Name");
  await page.waitForFunction(isSandwich, undefined, { timeout: PATIENCE_MILLIS });
  // The table has its heading before it has rows.
  const hasRows = () => {
    const rows = [...document.querySelectorAll("tr")];
    const start = rows.findIndex((row) => row.textContent.includes("Symbol Name"));
    return rows.length > start + 1 && rows[start + 1].querySelector("td") !== null;
  };
  await page.waitForFunction(hasRows, undefined, { timeout: PATIENCE_MILLIS });
  const opened = await page.evaluate(() => /^.*\(\d+\/\d+\)$/m.exec(document.body.innerText)[0]);
  const profiles = await rowsBelow(page, "Total Weight");
  return { opened, profiles, functions: await rowsBelow(page, "Symbol Name") };
}

async function view(options) {
  const browser = await chromium.launch({
    executablePath: options.chromium,
    timeout: PATIENCE_MILLIS,
    args: CHROMIUM_ARGUMENTS,
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    const [errors, requests] = [[], []];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("request", (request) => {
      if (!/^(file|blob|data):/.test(request.url())) requests.push(request.url());
    });
    const answer = await readPage(page, options);
    if (options.screenshot) {
      await page.screenshot({ path: options.screenshot });
    }
    return { ...answer, errors, requests };
  } finally {
    await browser.close();
  }
}

let options;
try {
  options = readArguments();
} catch (error) {
  console.error(`speedscope.mjs: ${error.message}`);
  process.exit(2);
}
try {
  console.log(JSON.stringify(await view(options), null, 1));
} catch (error) {
  console.error(`speedscope.mjs: ${error.message}`);
  process.exitCode = 1;
}
