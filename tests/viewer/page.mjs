// A page of `mod-alloc report --html` in Chromium, for the tests. PAGES is the folder with the pages,
// which tools/cli/tests/html.rs writes.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { CHROMIUM, CHROMIUM_ARGUMENTS } from "./chromium.mjs";

// A machine that has much else to do takes many times as long for what needs a second alone.
const PATIENCE_MILLIS = 60_000;

const pages = process.env.PAGES;
export const expected = JSON.parse(readFileSync(join(pages, "expected.json"), "utf8"));
let browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: CHROMIUM_ARGUMENTS,
    timeout: PATIENCE_MILLIS,
  });
});

after(() => browser?.close());

// Opens a page, and says what went wrong on it: errors, requests, violations of its policy.
// `init` runs on the page before its own script.
export async function open(name, hash = "", { init, ...settings } = {}) {
  const context = await browser.newContext({ viewport: { width: 1300, height: 900 }, ...settings });
  context.setDefaultTimeout(PATIENCE_MILLIS);
  if (init) await context.addInitScript(init);
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") wrong.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== address)
      wrong.push(`request: ${request.url().slice(0, 200)}`);
  });
  const address = pathToFileURL(join(pages, name)).href;
  await page.goto(address + hash);
  page.wrong = wrong;
  return page;
}

export async function openReady(name, hash, settings) {
  const page = await open(name, hash, settings);
  await page.waitForSelector("html[data-ready]", { state: "attached" });
  return page;
}

export async function close(page) {
  assert.deepEqual(page.wrong, []);
  await page.context().close();
}

export const hashOf = (page) =>
  page.evaluate(() => Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
export const status = (page, of) => page.locator(`${of} .status`).first();
export const firstRow = (page) => page.locator(".table tbody tr:not(.gap)").first();
export const cells = async (row) => (await row.locator("td").allTextContents()).map((text) => text.trim());

// The box whose tip begins with `name`, found as a person does: by pointing, row by row.
export async function pointAt(page, name) {
  const area = await page.locator(".flame").boundingBox();
  for (let y = area.y + 8; y < area.y + 200; y += 20) {
    for (let x = area.x + 20; x < area.x + area.width; x += 60) {
      await page.mouse.move(x, y);
      const tip = page.locator(".tip");
      if ((await tip.isVisible()) && (await tip.locator(".name").textContent()) === name)
        return { x, y };
    }
  }
  return assert.fail(`no box of ${name}`);
}

export async function settled(locator, text) {
  await locator.filter({ hasText: text }).first().waitFor();
}
