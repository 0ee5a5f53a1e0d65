// The layout of the page of `mod-alloc report --html` in Chromium: nothing is cut off, covered, or
// out of sight.

import assert from "node:assert/strict";
import { test } from "node:test";
import { close, firstRow, hashOf, openReady, status } from "./page.mjs";

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true };

// Boxes of all visible elements that a selector finds, with their texts.
const boxesOf = (page, selector) =>
  page.locator(selector).evaluateAll((all) =>
    all
      .map((it) => ({ text: it.textContent.trim().slice(0, 40), box: it.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && box.height > 0)
      .map(({ text, box }) => ({ text, ...box.toJSON() })),
  );

const overlap = (a, b) =>
  Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
  Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;

test("on a phone nothing is wider than the screen, and nothing covers another", async () => {
  const page = await openReady("whole.html", "", PHONE);
  for (const view of ["overview", "flame", "functions", "sites", "live"]) {
    await page.locator(`.tabs [data-view=${view}]`).click();
    const controls = await boxesOf(page, "h1, .theme, .tabs button, .toolbar select, #search, .time button");
    assert.ok(controls.length >= 8, `${view}: ${controls.length}`);
    for (const control of controls) {
      assert.ok(control.left >= 0 && control.right <= 390, `${view}: ${JSON.stringify(control)}`);
    }
    for (const [index, control] of controls.entries()) {
      const covered = controls.slice(index + 1).find((other) => overlap(control, other));
      assert.equal(covered, undefined, `${view}: ${control.text} and ${covered?.text}`);
    }
    const [chart] = await boxesOf(page, ".chart");
    assert.ok(chart.width >= 280 && chart.height >= 60, `${view}: ${JSON.stringify(chart)}`);
  }
  await close(page);
});

test("on a phone names have room beside the number that is sorted by", async () => {
  const page = await openReady("whole.html", "#view=functions&metric=total", PHONE);
  const [name, number] = await boxesOf(page, ".table thead th");
  assert.ok(name.width >= 200, `${name.width}`);
  assert.ok(number.left < 390, `${number.left}`);
  await page.evaluate(() => (location.hash = "#view=overview"));
  await page.locator(".overview").waitFor();
  const names = await boxesOf(page, ".overview .bars th[scope=row]");
  assert.ok(names.length > 0 && names.every(({ width }) => width >= 130), JSON.stringify(names));
  await close(page);
});

test("on a phone the chosen stack comes into sight, the stack before its numbers", async () => {
  const page = await openReady("whole.html", "#view=sites&metric=total", PHONE);
  await firstRow(page).click();
  const side = page.locator(".side");
  await side.locator(".stack").waitFor();
  const [box] = await boxesOf(page, ".side");
  assert.ok(box.top < 844 - 80, `the stack begins at ${box.top}`);
  const [stack] = await boxesOf(page, ".side .stack");
  const [facts] = await boxesOf(page, ".side .facts");
  assert.ok(stack.bottom <= facts.top, `${stack.bottom} ${facts.top}`);
  await close(page);
});

test("the cross that closes a panel covers nothing of it", async () => {
  for (const view of ["sites", "functions"]) {
    const page = await openReady("whole.html", `#view=${view}&metric=total`);
    await firstRow(page).click();
    await page.locator(".side .facts, .side .place").first().waitFor();
    const [cross] = await boxesOf(page, ".side .close");
    const texts = await page.locator(".side h2, .side .place, .side .facts dd").evaluateAll((all) =>
      all.map((it) => {
        const range = document.createRange();
        range.selectNodeContents(it);
        return { text: it.textContent, ...range.getBoundingClientRect().toJSON() };
      }),
    );
    assert.ok(texts.length > 1);
    const covered = texts.find((text) => overlap(cross, text));
    assert.equal(covered, undefined, `${view}: ${JSON.stringify(covered)}`);
    await close(page);
  }
});

test("the way to the peak unfolds the heap over time", async () => {
  const page = await openReady("whole.html", "#view=flame&metric=total&folded=true");
  assert.equal(await page.locator(".chart").isVisible(), false);
  await page.getByRole("button", { name: "Go to the peak" }).click();
  await page.locator(".chart").waitFor({ state: "visible" });
  assert.match(await status(page, ".time").textContent(), /^The peak: /);
  assert.equal((await hashOf(page)).folded, undefined);
  await close(page);
});

test("the time axis has its end, and no two times in one place", async () => {
  const texts = () => {
    window.drawn = [];
    const { fillText } = CanvasRenderingContext2D.prototype;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
      if (x === undefined || this.canvas.closest(".chart") === null) return fillText.call(this, text, x, y);
      const { width } = this.measureText(text);
      const left = { left: x, start: x, center: x - width / 2, right: x - width }[this.textAlign];
      window.drawn.push({ text, y: Math.round(y), left, right: left + width });
      return fillText.call(this, text, x, y);
    };
  };
  for (const width of [390, 700, 1300]) {
    const page = await openReady("whole.html", "#view=flame", {
      viewport: { width, height: 844 },
      init: texts,
    });
    await page.waitForFunction(() => window.drawn.some(({ text }) => text === "0"));
    const drawn = await page.evaluate(() => window.drawn);
    const axis = drawn.findLast(({ text }) => text === "0").y;
    const times = new Map(drawn.filter(({ y }) => y === axis).map((time) => [time.text, time]));
    const sorted = [...times.values()].sort((a, b) => a.left - b.left);
    assert.equal(sorted.at(-1).text, "21.0 s", JSON.stringify(sorted));
    for (const [index, time] of sorted.slice(1).entries()) {
      assert.ok(sorted[index].right < time.left, `${width}: ${JSON.stringify(sorted)}`);
    }
    await close(page);
  }
});
