// Opens a dhat report in Valgrind's viewer and says, as one JSON object on
// standard output, what the page shows.
//
//   node view.mjs --viewer DH_VIEW_HTML --json REPORT [--find TEXT]... [--metric LABEL]...
//                 [--lines N] [--screenshot PNG] [--chromium PATH]
//
// The answer:
//   error       what the viewer says is wrong with the file, or null
//   mode        the report's mode as the page shows it
//   totals      the root's "Total", "At t-gmax" and "At t-end" lines
//   metrics     [{ label, enabled, selected }] of the sort menu
//   views       per asked metric (none asked: the one selected):
//               { metric, threshold, found: { TEXT: line or null }, lines }
//   requests    addresses the page asked for beyond local files (the viewer works offline)
//
// Exit status: 0 when the page was read (also when it shows an error), 1 when
// it could not be, 2 for wrong arguments.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { CHROMIUM, CHROMIUM_ARGUMENTS } from "./chromium.mjs";

// A tree of tens of thousands of nodes takes the page seconds to lay out, and a machine that has
// much else to do takes minutes for what needs seconds alone.
const PATIENCE_MILLIS = 600_000;

function readArguments() {
  const { values } = parseArgs({
    options: {
      viewer: { type: "string" },
      json: { type: "string" },
      chromium: { type: "string", default: CHROMIUM },
      find: { type: "string", multiple: true, default: [] },
      metric: { type: "string", multiple: true, default: [] },
      lines: { type: "string", default: "40" },
      screenshot: { type: "string" },
    },
  });
  const lines = Number(values.lines);
  if (!values.viewer || !values.json || !Number.isInteger(lines) || lines < 0) {
    throw new Error("needs --viewer DH_VIEW_HTML and --json REPORT; --lines is a whole number");
  }
  return { ...values, lines };
}

// The viewer replaces its main part by an error, or by a tree that ends with
// the significance threshold; until then it says "Loading...".
async function waitForVerdict(page) {
  await page.waitForFunction(
    () => document.querySelector(".section > .error, .section span.threshold") !== null,
    undefined,
    { timeout: PATIENCE_MILLIS },
  );
}

function errorOf(page) {
  return page.evaluate(() => document.querySelector(".section > .error")?.textContent ?? null);
}

function metricsOf(page) {
  return page.evaluate(() =>
    [...document.querySelectorAll("select option")].map((option) => ({
      label: option.label,
      enabled: !option.disabled,
      selected: option.selected,
    })),
  );
}

// Chooses a metric the way a user does; refuses one that is missing or greyed out.
async function choose(page, metric) {
  const known = (await metricsOf(page)).find(({ label }) => label === metric);
  if (!known?.enabled) {
    return `the metric "${metric}" ${known ? "is disabled" : "is not in the menu"}`;
  }
  await page.selectOption("select", { label: metric });
  await waitForVerdict(page);
  return errorOf(page);
}

function readTree(page, texts, count) {
  return page.evaluate(
    ([texts, count]) => {
      const lines = document.querySelector(".section pre").textContent.split("\n");
      const start = lines.findIndex((line) => line.includes("PP 1/1"));
      const tree = lines.slice(start);
      const found = texts.map((text) => [text, tree.find((line) => line.includes(text)) ?? null]);
      return {
        threshold: document.querySelector(".section span.threshold").textContent.trim(),
        found: Object.fromEntries(found),
        lines: tree.slice(0, count).map((line) => line.trimEnd()),
      };
    },
    [texts, count],
  );
}

// The root's numbers: the first three figure lines of the tree.
function readTotals(page) {
  return page.evaluate(() => {
    const text = document.querySelector(".section pre").textContent;
    const root = text.slice(text.indexOf("PP 1/1"));
    const line = (title) =>
      root.split("\n").find((line) => line.includes(`${title}:`))?.replace(/^[│\s]+/, "") ?? null;
    return { total: line("Total"), peak: line("At t-gmax"), end: line("At t-end") };
  });
}

function readMode(page) {
  return page.evaluate(
    () => /^\s*Mode:\s*(.*)$/m.exec(document.querySelector("span.invocation").textContent)[1],
  );
}

async function readViews(page, options) {
  const views = [];
  for (const metric of options.metric.length > 0 ? options.metric : [null]) {
    const error = metric === null ? null : await choose(page, metric);
    if (error !== null) {
      return { views, error };
    }
    const shown = (await metricsOf(page)).find(({ selected }) => selected).label;
    views.push({ metric: shown, ...(await readTree(page, options.find, options.lines)) });
  }
  return { views, error: null };
}

async function readReport(page, options) {
  await page.goto(pathToFileURL(resolve(options.viewer)).href);
  await page.setInputFiles("input[type=file]", resolve(options.json));
  await waitForVerdict(page);
  const error = await errorOf(page);
  const metrics = await metricsOf(page);
  if (error !== null) {
    return { error, mode: null, totals: null, metrics, views: [] };
  }
  const mode = await readMode(page);
  const totals = await readTotals(page);
  return { mode, totals, metrics, ...(await readViews(page, options)) };
}

async function view(options) {
  const profile = await mkdtemp(join(tmpdir(), "mod-alloc-viewer-"));
  let context;
  try {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: options.chromium,
      headless: true,
      timeout: PATIENCE_MILLIS,
      args: CHROMIUM_ARGUMENTS,
      locale: "en-US",
      viewport: { width: 1600, height: 1000 },
    });
    context.setDefaultTimeout(PATIENCE_MILLIS);
    const page = context.pages()[0] ?? (await context.newPage());
    const requests = [];
    page.on("request", (request) => {
      if (!/^(file|blob|data):/.test(request.url())) requests.push(request.url());
    });
    const answer = await readReport(page, options);
    if (options.screenshot) {
      await page.evaluate(() => window.scrollTo(0, 0));
      await page.screenshot({ path: options.screenshot });
    }
    return { ...answer, requests };
  } finally {
    await context?.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

let options;
try {
  options = readArguments();
} catch (error) {
  console.error(`view.mjs: ${error.message}`);
  process.exit(2);
}
try {
  console.log(JSON.stringify(await view(options), null, 1));
} catch (error) {
  console.error(`view.mjs: ${error.message}`);
  process.exitCode = 1;
}
