// How fast a page of `mod-alloc report --html` is: node measure.mjs PAGE
//
// Prints a line for each figure. `first picture`: from the start of navigation to the first contents
// (for the overview) or to the drawn view. `switch`: from a choice to the first picture of it, the
// longest of those that were tried; `whole`: to the last row in sight, where rows come one by one.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { CHROMIUM, CHROMIUM_ARGUMENTS } from "./chromium.mjs";

const file = resolve(process.argv[2]);
const browser = await chromium.launch({ executablePath: CHROMIUM, args: CHROMIUM_ARGUMENTS });

async function open(hash) {
  const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.documentElement.dataset.ready) return;
      observer.disconnect();
      requestAnimationFrame(() =>
        requestAnimationFrame(() => (window.drawnAt = performance.now())),
      );
    }).observe(document, { attributes: true, subtree: true });
  });
  await page.goto(pathToFileURL(file).href + hash);
  await page.waitForFunction(() => window.drawnAt !== undefined);
  return page;
}

// Milliseconds from a change in the page to the first picture after it, and to the whole one: a
// metric is chosen, or with null, the flame graph is inverted.
async function timed(page, metric) {
  return page.evaluate(
    async (metric) => {
      const start = performance.now();
      if (metric === null) document.dispatchEvent(new KeyboardEvent("keydown", { key: "i" }));
      else {
        const element = document.querySelector("#metric");
        element.value = metric;
        element.dispatchEvent(new Event("change"));
      }
      const picture = () =>
        new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      await picture();
      const first = performance.now() - start;
      while (document.querySelector(".flame[aria-busy=true]")) await picture();
      return [first, performance.now() - start];
    },
    metric,
  );
}

async function longest(page) {
  const times = [];
  for (const metric of ["total", "blocks", "end", "short", "peak"]) {
    times.push(await timed(page, metric));
  }
  return [0, 1].map((which) => Math.max(...times.map((pair) => pair[which])));
}

function say(what, value, unit) {
  console.log(`${what.padEnd(44)} ${value.toFixed(unit === "MB" ? 2 : 0).padStart(7)} ${unit}`);
}

say("file", statSync(file).size / 1e6, "MB");
const overview = await open("#view=overview");
const paint = await overview.evaluate(
  () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
);
say("first picture, overview", paint, "ms");
say("all stacks read", await overview.evaluate(() => window.drawnAt), "ms");
await overview.close();
for (const view of ["flame", "flame&inverted=true", "functions", "sites"]) {
  const page = await open(`#view=${view}`);
  say(`first picture, ${view}`, await page.evaluate(() => window.drawnAt), "ms");
  const [first, whole] = await longest(page);
  say(`switch of metric, ${view}`, first, "ms");
  if (view.startsWith("flame")) say(`switch of metric, ${view}, whole`, whole, "ms");
  if (view === "flame") {
    await timed(page, "total");
    const [first, whole] = await timed(page, null);
    say("inverted", first, "ms");
    say("inverted, whole", whole, "ms");
  }
  await page.close();
}
await browser.close();
