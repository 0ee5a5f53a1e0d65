// The pages of `mod-alloc report --html` in Chromium, as a person uses them.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cells,
  close,
  expected,
  firstRow,
  hashOf,
  open,
  openReady,
  pointAt,
  settled,
  status,
} from "./page.mjs";

test("the numbers of the overview are the report's", async () => {
  const page = await openReady("whole.html");
  const { totals } = expected;
  const exact = await page
    .locator(".card [data-exact]")
    .evaluateAll((all) => all.map((it) => it.dataset.exact));
  const wanted = ["total", "peak", "end"].flatMap((name) => [
    totals[`${name}_bytes`],
    totals[`${name}_blocks`],
  ]);
  assert.deepEqual(exact, wanted.map(String));
  const text = await page.locator("main").textContent();
  for (const said of [
    "12 stacks deeper than 64 frames",
    "512 KiB on average",
    "a library maps memory",
    "tenants",
    "worker",
    "Sizes of blocks",
    "Lifetimes of blocks",
    "Mapped by the program itself",
    "arena_new (anonymous)90.0 MiB80.0 MiB70.0 MiB3",
  ]) {
    assert.ok(text.includes(said), said);
  }
  await close(page);
});

test("the flame graph tells, zooms, searches, inverts and focuses", async () => {
  const page = await openReady("whole.html", "#view=flame&metric=total");
  await pointAt(page, "All stacks");
  const tip = await page.locator(".tip").textContent();
  assert.ok(tip.includes(`${expected.totals.total_bytes.toLocaleString("en")} bytes`), tip);
  for (const said of ["Live at peak", "Live at end", "Own maximum", "Lifetime"])
    assert.ok(tip.includes(said), tip);

  const box = await pointAt(page, "app::serve");
  await page.mouse.click(box.x, box.y);
  await settled(status(page, ".view"), "app::serve");
  assert.match((await hashOf(page)).zoom, /^\d+-2$/);
  await page.locator(".flame").press("Escape");
  await settled(status(page, ".view"), "app::main");
  await page.getByRole("button", { name: "Zoom out" }).click();

  await page.keyboard.press("/");
  await page.keyboard.type("parser::");
  const share = (6_000_000 / expected.totals.total_bytes) * 100;
  await settled(status(page, ".view"), `“parser::”: 5.72 MiB, ${share.toFixed(1)} % of all`);

  await page.getByLabel("Inverted").check();
  await pointAt(page, "alloc::string::String::from");
  await page.locator(".flame").press("ArrowDown");
  await page.locator(".flame").press("f");
  await settled(page.locator(".chip"), "Callers of alloc::string::String::from");
  await close(page);
});

test("a metric is switched, in the address, too", async () => {
  const page = await openReady("whole.html", "#view=flame");
  for (const [metric, key] of [
    ["end", "end_bytes"],
    ["blocks", "total_blocks"],
    ["peak", "peak_bytes"],
  ]) {
    await page.selectOption("#metric", metric);
    assert.equal((await hashOf(page)).metric, metric);
    await pointAt(page, "All stacks");
    const said = await page.locator(".tip .share").textContent();
    const sum = await page.evaluate((value) => value.toLocaleString("en"), expected.totals[key]);
    const facts = await page.locator(".tip").textContent();
    assert.ok(said.includes("100.0 % of all") && facts.includes(sum), `${said} ${facts} ${sum}`);
  }
  await page.goBack();
  assert.equal(await page.locator("#metric").inputValue(), "blocks");
  await close(page);
});

test("frames are left out", async () => {
  const page = await openReady("whole.html", "#view=functions&metric=total");
  const names = () => page.locator(".table .fn").allTextContents();
  assert.ok((await names()).some((name) => name.includes("String::from")));
  await page.getByText("Leave out…").click();
  await page.getByLabel("Standard library and allocating functions").check();
  assert.ok(!(await names()).some((name) => name.includes("String::from")));
  await close(page);
});

test("functions: numbers, order, callers and callees", async () => {
  const page = await openReady("whole.html", "#view=functions&metric=total");
  assert.deepEqual((await cells(firstRow(page))).slice(1, 3), ["5.72 MiB", "5.72 MiB"]);
  await page.getByRole("button", { name: "Function", exact: true }).click();
  assert.equal(await page.locator(".table [aria-sort]").textContent(), "Function");
  await page.locator(".table .fn", { hasText: "app::serve" }).click();
  const side = await page.locator(".side").textContent();
  assert.ok(/Callers.*app::main.*Callees.*parser::parse/.test(side), side);
  await page.locator(".table").press("ArrowDown");
  assert.notEqual((await hashOf(page)).chosen, undefined);
  await close(page);
});

test("sites are filtered by text, crate, group and thread's start", async () => {
  const page = await openReady("whole.html", "#view=sites&metric=total");
  const count = () => page.locator(".view .legend").textContent();
  assert.match(await count(), /^3 stacks/);
  await page.selectOption("[data-filter=crate]", "parser");
  assert.match(await count(), /^1 stack\./);
  await firstRow(page).click();
  assert.match(await page.locator(".stack").textContent(), /String::from.*parse.*serve.*main/);
  await page.selectOption("[data-filter=crate]", "");
  await page.selectOption("[data-filter=group]", "tenants");
  assert.match(await firstRow(page).textContent(), /app::worker/);
  await page.selectOption("[data-filter=group]", "");
  await page.selectOption("[data-filter=entry]", "app::main");
  assert.match(await count(), /^2 stacks/);
  await page.fill("#search", "LOAD");
  await settled(page.locator(".view .legend"), "1 stack.");
  await close(page);
});

test("what is live at the end and old", async () => {
  const page = await openReady("whole.html", "#view=live");
  assert.match(await page.locator(".view .legend").textContent(), /^3 stacks/);
  // Since second 11 of 21: the stack that begins at 12 had nothing then, the spike's nothing at 12.
  await page.selectOption("[data-filter=older]", "11");
  await settled(page.locator(".view .legend"), "1 stack,");
  const [name, older] = await cells(firstRow(page));
  assert.match(name, /app::load/);
  assert.equal(older, "977 KiB");
  await close(page);
});

test("a range is drawn, and every view follows", async () => {
  const page = await openReady("whole.html", "#view=functions&metric=total");
  await settled(status(page, ".time"), "12 moments were left out");
  const area = await page.locator(".chart").boundingBox();
  const at = (second) => area.x + 68 + ((area.width - 68 - 14) * second) / 21;
  await page.mouse.move(at(9.1), area.y + 40);
  await page.mouse.down();
  await page.mouse.move(at(9.6), area.y + 50);
  await page.mouse.move(at(10.1), area.y + 50);
  await page.mouse.up();
  assert.equal((await hashOf(page)).range, "9-10");
  // Between the moments 9 and 10: 100,000 + 5,050,000 bytes.
  await settled(status(page, ".time"), "5,150,000 bytes (4.91 MiB) in 5,150 blocks");
  assert.equal((await cells(firstRow(page)))[1], "4.82 MiB");
  const chart = await page.evaluate(() => {
    const { timeline } = JSON.parse(document.getElementById("head").textContent).reports[0];
    return timeline.total_bytes[9] - timeline.total_bytes[8];
  });
  assert.equal(chart, 5_150_000);
  await page.selectOption("#metric", "range-growth");
  const spike = await page.locator(".table tbody tr", { hasText: "app::serve" }).textContent();
  assert.match(spike, /\+4\.77 MiB/);
  await page.getByRole("button", { name: "Clear the range" }).click();
  assert.equal(await page.locator("#metric").inputValue(), "total");
  await page.getByRole("button", { name: "Go to the peak" }).click();
  await settled(status(page, ".time"), /^The peak: .* live between 9\.00 s and 10\.0 s$/);
  await page.locator(".chart").press("Shift+ArrowRight");
  assert.equal((await hashOf(page)).range, "0-1");
  await close(page);
});

test("the numbers of the range are told of a stack", async () => {
  const page = await openReady("whole.html", "#view=sites&metric=range-total&range=9-10");
  const row = page.locator(".table tbody tr", { hasText: "app::serve" });
  await row.click();
  const facts = await page.locator(".side .facts").textContent();
  assert.match(facts, /In the range5,050,000 bytes \(4\.82 MiB\) in 5,050 blocks/);
  assert.match(facts, /Kept of that5,000,000 bytes \(4\.77 MiB\) in 5,000 blocks/);
  assert.match(facts, /All live at its end[\d,]+ bytes/);
  await page.evaluate(() => (location.hash = "#view=functions&metric=range-total&range=9-10"));
  await page.locator(".table tbody tr", { hasText: "app::serve" }).click();
  const side = page.locator(".side");
  await settled(side, /In the range5,050,000 bytes \(4\.82 MiB\) in 5,050 blocks/);
  assert.doesNotMatch(await side.textContent(), /calls nothing that allocates/);
  await page.getByRole("button", { name: "Clear the range" }).click();
  await settled(page.locator("#metric"), "");
  assert.doesNotMatch(await page.locator("main").textContent(), /In the range/);
  await close(page);
});

test("the heap over time is folded, and the flame graph has its room", async () => {
  const page = await openReady("whole.html", "#view=flame&metric=total", {
    viewport: { width: 1280, height: 900 },
  });
  const height = () => page.locator(".flame").evaluate((it) => it.clientHeight);
  const before = await height();
  assert.ok(before >= 400, `${before}`);
  const fold = page.locator(".fold");
  assert.equal(await fold.getAttribute("aria-expanded"), "true");
  const isNamed = async (name) =>
    assert.equal(await page.getByRole("button", { name, exact: true }).count(), 1, name);
  await isNamed("Fold the heap over time");
  const controlled = page.locator(
    (await fold.getAttribute("aria-controls")).split(" ").map((id) => `#${id}`).join(", "),
  );
  const areHidden = () => controlled.evaluateAll((all) => all.map((it) => it.hidden));
  assert.deepEqual(await areHidden(), [false, false, false]);
  await fold.press("Enter");
  assert.deepEqual(await areHidden(), [true, true, true]);
  await isNamed("Unfold the heap over time");
  assert.equal(await fold.getAttribute("aria-expanded"), "false");
  assert.equal((await hashOf(page)).folded, "true");
  assert.equal(await page.locator(".chart").isVisible(), false);
  const after = await height();
  assert.ok(after >= 550, `${after}`);
  await page.reload();
  await page.locator(".flame").waitFor();
  assert.equal(await fold.textContent(), "Unfold");
  await close(page);
});

test("memory that is in no block and a killed process come before the numbers", async () => {
  const page = await openReady("whole.html");
  const notices = await page.locator(".overview > .notice").allTextContents();
  assert.equal(notices.length, 4, notices.join("\n"));
  assert.match(notices[0], /^Killed by SIGKILL/);
  assert.match(
    notices[1],
    /^78\.2 MiB of the 85\.8 MiB .* not in this report: a library maps memory of its own\.$/,
  );
  assert.equal(
    notices[2],
    "No lines: <b>app</b> has no debug information; compile it with -g.",
  );
  assert.match(notices[3], /^Blocks were sampled, one in 512 KiB on average: .* estimates/);
  const panel = page.locator(".panel", { hasText: "What was not seen" });
  assert.match(await panel.textContent(), /Blocks at the heap's peak5\.72 MiB/);
  await close(page);
});

test("pictures have tables behind them", async () => {
  const page = await openReady("whole.html", "#view=flame&metric=total");
  await page.getByText("The largest boxes as a table").click();
  const rows = page.locator(".view .behind tbody tr");
  await rows.first().waitFor();
  assert.match(await rows.first().textContent(), /all.*100\.0 %/);
  await page.getByText("As a table", { exact: true }).click();
  await page.locator(".time .behind tbody tr").nth(19).waitFor();
  assert.equal(await page.locator(".time .behind tbody tr").count(), 20);
  const nameless = await page.evaluate(() =>
    [...document.querySelectorAll("button, select, input, [tabindex]")]
      .filter(
        (it) => !(it.textContent.trim() || it.getAttribute("aria-label") || it.closest("label")),
      )
      .map((it) => it.outerHTML.slice(0, 80)),
  );
  assert.deepEqual(nameless, []);
  await close(page);
});

test("the difference of two reports over time: two lines, and no range", async () => {
  const page = await openReady("difference.html");
  const chart = page.locator(".time");
  assert.deepEqual(await chart.locator(".legend .key").allTextContents(), ["before", "after"]);
  assert.match(await status(page, ".time").textContent(), /in the page of each single report/);
  assert.deepEqual(await chart.getByRole("button").allTextContents(), ["Fold"]);
  // The second report is half as long.
  const area = await chart.locator(".chart").boundingBox();
  await page.mouse.move(area.x + area.width * 0.3, area.y + 40);
  assert.match(await page.locator(".tip").textContent(), /Live before\d+ KiBLive after\d+ KiB/);
  await page.mouse.move(area.x + area.width * 0.8, area.y + 40);
  assert.match(await page.locator(".tip").textContent(), /Live before[\d.]+ MiBLive after–/);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * 0.5, area.y + 40);
  await page.mouse.up();
  assert.equal((await hashOf(page)).range, undefined);
  await chart.getByText("As a table").click();
  await chart.locator("tbody tr").nth(19).waitFor();
  assert.equal(await chart.locator("tbody tr").count(), 20);
  await close(page);
});

test("a report without its heap over time says why, and the way out", async () => {
  const page = await openReady("timeless.html");
  assert.equal(await page.locator(".time").count(), 0);
  assert.match(await page.locator(".untimed").textContent(), /MOD_ALLOC_TIMELINE=off/);
  await close(page);
});

test("the difference of reports of which one has its heap over time says where it is", async () => {
  const page = await openReady("half.html");
  assert.equal(await page.locator(".time").count(), 0);
  assert.match(await page.locator(".notice").first().textContent(), /of that report alone shows it/);
  await close(page);
});

test("the difference of two reports: grown, gone and new", async () => {
  const page = await openReady("difference.html", "#view=sites&metric=total");
  const rows = await page.locator(".table tbody tr:not(.gap)").allTextContents();
  assert.equal(rows.length, 4, rows.join("\n"));
  assert.ok(
    rows.some((row) => /app::serve.*gone/.test(row)),
    rows.join("\n"),
  );
  assert.ok(
    rows.some((row) => /app::serve.*new/.test(row)),
    rows.join("\n"),
  );
  assert.ok(
    rows.some((row) => /app::load.*\+488 KiB, \+50\.0 %/.test(row)),
    rows.join("\n"),
  );
  await page.getByRole("button", { name: "Flame graph" }).click();
  await pointAt(page, "app::load");
  assert.match(
    await page.locator(".tip").textContent(),
    /Total bytes977 KiB → 1\.43 MiB \(\+488 KiB/,
  );
  await page.getByRole("button", { name: "Functions" }).click();
  assert.match(await page.locator(".table").textContent(), /app::load/);
  await page.getByRole("button", { name: "Overview" }).click();
  assert.match(await page.locator(".cards").textContent(), /6\.74 MiB → 7\.21 MiB/);
  await close(page);
});

test("a report compared with itself has not changed", async () => {
  const page = await openReady("same.html", "#view=sites&metric=total");
  const rows = await page.locator(".table tbody tr:not(.gap)").allTextContents();
  assert.equal(rows.filter((row) => row.endsWith("±0")).length, 3, rows.join("\n"));
  await close(page);
});

test("source lines stand where they were asked for", async () => {
  const page = await openReady("source.html", "#view=sites&metric=total");
  await page.locator(".table .fn", { hasText: "app::load" }).click();
  const source = await page.locator(".side .source").first().textContent();
  assert.ok(
    source.includes('16let line_16 = "</pre>";') && source.includes("24let line_24"),
    source,
  );
  assert.match(await page.locator(".line.it").first().textContent(), /^20/);
  await close(page);
  const without = await openReady("whole.html", "#view=sites&metric=total");
  await firstRow(without).click();
  assert.equal(await without.locator(".source").count(), 0);
  await close(without);
});

test("hostile names, numbers and depths break nothing", async () => {
  const page = await openReady("hostile.html", "#view=flame&metric=total");
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.match(await page.locator(".notice").textContent(), /larger than 2\^53/);
  await page.getByRole("button", { name: "Overview" }).click();
  const exact = await page.locator(".card [data-exact]").first().getAttribute("data-exact");
  assert.equal(exact, "18446744073709551615");
  for (const view of ["functions", "sites", "live", "flame"]) {
    await page.locator(`.tabs [data-view=${view}]`).click();
    await page.locator(".view").waitFor();
  }
  await page.getByLabel("Inverted").check();
  await page.getByLabel("Inverted").uncheck();
  await page.fill("#search", "descend");
  await settled(status(page, ".view"), "“descend”");
  await page.locator(`.tabs [data-view=sites]`).click();
  await page.fill("#search", "control");
  await page.locator(".table .fn", { hasText: "control" }).click();
  assert.match(await page.locator(".stack").textContent(), /control␀␛\[31m��/);
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  await close(page);
});

test("stacks of 100,000 frames are zoomed to their end", async () => {
  const page = await openReady("hostile.html", "#view=functions&metric=blocks&search=descend");
  await firstRow(page).click();
  await page.getByRole("button", { name: "What it calls, as flame graph" }).click();
  await page.fill("#search", "");
  const { focus } = await hashOf(page);
  assert.notEqual(focus, undefined);
  await page.locator(".flame").press("End");
  await settled(status(page, ".view"), "recursive::descend: 3");
  const height = () => page.evaluate(() => document.querySelector(".flame").scrollHeight);
  assert.ok((await height()) >= 100_000 * 20, String(await height()));
  await page.locator(".flame").press("Enter");
  assert.match((await hashOf(page)).zoom, /-99999$/);
  await page.getByLabel("Inverted").check();
  await page.locator(".flame").press("End");
  await settled(status(page, ".view"), "app::main: 3");
  await close(page);
});

test("light and dark, narrow and printed", async () => {
  const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const page = await openReady("whole.html", "#view=flame", { colorScheme: "dark" });
  const dark = await background(page);
  await page.getByRole("button", { name: "Light / dark" }).click();
  assert.notEqual(await background(page), dark);
  assert.equal((await hashOf(page)).theme, "light");
  await page.getByRole("button", { name: "Light / dark" }).click();
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await background(page), dark);
  await page.setViewportSize({ width: 380, height: 700 });
  for (const view of ["overview", "flame", "functions", "sites", "live"]) {
    await page.locator(`.tabs [data-view=${view}]`).click();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 380, `${view} is ${wide} wide`);
  }
  await page.emulateMedia({ media: "print" });
  assert.equal(await page.locator(".toolbar").isVisible(), false);
  await close(page);
});

test("a page that is cut off says so, and keeps its overview", async () => {
  const page = await open("cut.html");
  await settled(page.locator(".notice"), "cannot be read");
  assert.match(await page.locator(".cards").textContent(), /6\.74 MiB/);
  await close(page);
});

test("nonsense in the address is passed over", async () => {
  const page = await openReady(
    "whole.html",
    "#view=%00&metric=none&zoom=9-9&range=5-2&focus=77&chosen=x",
  );
  assert.equal(await page.locator(".tabs [aria-current]").textContent(), "Overview");
  await page.evaluate(() => (location.hash = "#view=flame&zoom=999999-1&focus=1e9&older=99"));
  await page.locator(".flame").waitFor();
  await close(page);
});

test("a script that is not the hashed one does not run", async () => {
  const page = await open("altered.html");
  assert.equal(await page.locator("#app").innerHTML(), "");
  assert.ok(
    page.wrong.some((what) => what.includes("Content Security Policy")),
    page.wrong.join("\n"),
  );
  await page.context().close();
});
