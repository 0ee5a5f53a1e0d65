// The parts of the page that need no browser.

import assert from "node:assert/strict";
import { test } from "node:test";
import { indexAt, leftOut, nearest, peakOf, samplesOf, ticks } from "../src/timeline.js";
import { hasEnoughSamples, interval, meanGap } from "../src/estimates.js";
import { Flame, hiddenFunctions } from "../src/flame.js";
import { blocks, bytes, bytesInFull, count, micros, share, signed } from "../src/format.js";
import { functionSums, modulesWithoutNames, neighbours } from "../src/functions.js";
import { InvertedFlame } from "../src/inverted.js";
import { Inversion } from "../src/inversion.js";
import { keptFrom, momentColumn, olderThan, sumsOf } from "../src/metrics.js";
import { fitted, harmless, shorter, shortPlace } from "../src/names.js";
import { matched, topNodes } from "../src/nodes.js";
import { Reader } from "../src/reader.js";
import { defaults, fromHash, toHash } from "../src/state.js";
import { shadeOf } from "../src/colors.js";
import { sorted } from "../src/table.js";
import { fragmentation } from "../src/views/process.js";
import { change, inWords } from "../src/words.js";
import { bytesOf, functionOf, profileOf } from "./made.mjs";

test("numbers of all sizes are read", () => {
  const numbers = [0, 1, 127, 128, 300, 2 ** 32, 2 ** 53 - 1];
  const reader = new Reader(bytesOf(numbers, "18446744073709551615"));
  for (const number of numbers) assert.equal(reader.number(), number);
  assert.equal(reader.number(), 2 ** 64);
  const signs = new Reader(bytesOf([0, 1, 2, 3]));
  assert.deepEqual(
    [0, 1, 2, 3].map(() => signs.signed()),
    [0, -1, 1, -2],
  );
});

test("data that ends early is an error", () => {
  assert.throws(() => new Reader(new Uint8Array([128])).number(), /ends too early/);
  assert.throws(() => new Reader(new Uint8Array([5, 1])).text(), /ends too early/);
});

test("modules without symbols are named with their counts", () => {
  const names = ["0x12", "main", "0x3f", "0x7", "0xnot", "0x9"];
  const places = ["a.so", "main.rs:1", "b.so", "b.so", "c.so", ""];
  const profile = { functionCount: names.length, functionName: (fn) => names[fn] };
  const text = modulesWithoutNames(profile, (fn) => places[fn]);
  assert.equal(
    text,
    "b.so (2 functions), a.so (1 function), an unknown module (1 function)",
  );
  const many = { functionCount: 6, functionName: (fn) => `0x${fn}` };
  assert.match(modulesWithoutNames(many, (fn) => `${fn}.so`), /3\.so \(1 function\), 2 more$/);
});

test("texts share their beginnings, in whole bytes", () => {
  const reader = new Reader(new Uint8Array([0, 2, 97, 98, 1, 2, 0xc3, 0xa4, 3, 0]));
  assert.deepEqual(
    [0, 1, 2].map(() => reader.sharedText()),
    ["ab", "aä", "aä"],
  );
});

const tree = () =>
  profileOf([
    ["m", 1],
    ["mab", 10],
    ["mac", 20],
    ["mb", 40],
    ["n", 80],
  ]);

// Rows of a graph as `function:value`.
function rows(flame) {
  flame.ensure(99, 0);
  const name = (fn) => (fn < 0 ? "*" : flame.profile.functionName(fn));
  return flame.rows.map((row) => row.map((box) => `${name(box.fn)}:${box.value}`).join(" "));
}

function flameOf(profile, { inverted = false, focus = -1, hide = [], metric = "total" } = {}) {
  const hidden = hiddenFunctions(profile, hide);
  const sums = sumsOf(profile, metric, null);
  if (!inverted) return new Flame(profile, sums, { hidden, focus });
  const inversion = new Inversion(profile, hidden, focus);
  return new InvertedFlame(profile, sums, { inversion, hidden, focus });
}

test("the graph from outer to inner, and inverted", () => {
  const profile = tree();
  assert.deepEqual(rows(flameOf(profile)), ["*:151", "n:80 m:71", "b:40 a:30", "c:20 b:10"]);
  const inverted = rows(flameOf(profile, { inverted: true }));
  assert.deepEqual(inverted, ["*:151", "n:80 b:50 c:20 m:1", "m:40 a:10 a:20", "m:10 m:20"]);
});

test("with a focus, its callees and its callers", () => {
  const profile = tree();
  const focus = functionOf(profile, "b");
  assert.deepEqual(rows(flameOf(profile, { focus })), ["b:50"]);
  assert.deepEqual(rows(flameOf(profile, { focus, inverted: true })), [
    "b:50",
    "m:40 a:10",
    "m:10",
  ]);
});

test("an inversion serves one metric after another", () => {
  const profile = profileOf([
    ["mab", 10, 1],
    ["mac", 20, 0],
    ["mb", 40, 3],
    ["ab", 5, 7],
  ]);
  const hidden = new Uint8Array(profile.functionCount);
  const inversion = new Inversion(profile, hidden, -1);
  const made = (metric) => {
    const sums = sumsOf(profile, metric, null);
    return new InvertedFlame(profile, sums, { inversion, hidden });
  };
  // Makes few groups.
  made("total").ensure(2, 0.5);
  for (const metric of ["end", "total", "end"]) {
    assert.deepEqual(rows(made(metric)), rows(flameOf(profile, { metric, inverted: true })));
  }
});

test("frames that are left out give their place to what they call", () => {
  const profile = profileOf([
    ["mAb", 1],
    ["mAc", 2],
    ["mb", 4],
  ]);
  const outer = flameOf(profile, { hide: ["std"] });
  assert.deepEqual(rows(outer), ["*:7", "m:7", "b:5 c:2"]);
  const inner = flameOf(profile, { hide: ["std"], inverted: true });
  assert.deepEqual(rows(inner), ["*:7", "b:5 c:2", "m:5 m:2"]);
});

test("zoom goes to a box, and back to it from its place", () => {
  const profile = tree();
  for (const inverted of [false, true]) {
    const flame = flameOf(profile, { inverted });
    flame.ensure(99, 0);
    const box = flame.rows[2][1];
    const again = flameOf(profile, { inverted });
    again.zoom(flame.placeOf(box));
    assert.equal(again.zoomed.fn, box.fn);
    assert.equal(again.zoomed.value, box.value);
    assert.equal(again.width(again.zoomed), 1);
  }
});

test("boxes too small to be seen are left out", () => {
  const flame = flameOf(tree());
  flame.ensure(99, 0.2);
  assert.deepEqual(
    flame.rows.map((row) => row.length),
    [1, 2, 1],
  );
});

test("recursion counts once; own is own", () => {
  const profile = profileOf([
    ["fgf", 1],
    ["fgfg", 2],
    ["gf", 4],
  ]);
  const { own, cumulative } = functionSums(profile, sumsOf(profile, "total", null));
  const [f, g] = ["f", "g"].map((letter) => functionOf(profile, letter));
  assert.deepEqual([cumulative[f], cumulative[g], own[f], own[g]], [7, 7, 5, 2]);
  const around = neighbours(profile, sumsOf(profile, "total", null), f);
  assert.deepEqual(around, {
    callers: [
      [g, 4],
      [-1, 3],
    ],
    callees: [[g, 3]],
  });
});

test("a search counts each stack once", () => {
  const profile = profileOf([
    ["fgf", 1],
    ["fgfg", 2],
    ["gf", 4],
    ["h", 8],
  ]);
  const matches = new Uint8Array(profile.functionCount);
  matches[functionOf(profile, "f")] = 1;
  assert.equal(matched(profile, sumsOf(profile, "total", null), matches, topNodes(profile)), 7);
});

test("numbers at moments, in ranges, and the least since", () => {
  const moments = [
    [0, 10, 1, 10, 1],
    [2, 30, 3, 5, 1],
  ];
  const profile = profileOf(
    [
      ["f", 50, 7, moments],
      ["g", 9, 9],
    ],
    { moments: { at_us: [10, 20, 30] } },
  );
  const at = (kind) => [0, 1, 2, 3, 4].map((stop) => momentColumn(profile, kind, stop)[0]);
  assert.deepEqual(at(0), [0, 10, 10, 30, 50]);
  assert.deepEqual(at(2), [0, 10, 10, 5, 7]);
  assert.deepEqual([...sumsOf(profile, "range-total", [1, 3]).weights], [20, 0]);
  const growth = sumsOf(profile, "range-growth", [2, 3]);
  assert.deepEqual(growth.pairOfLeaf(0), [10, 5]);
  assert.deepEqual(
    [1, 3].map((stop) => olderThan(profile, stop)[0]),
    [5, 5],
  );
  assert.equal(olderThan(profile, 1)[1], 0);
});

test("what a range kept is bounded by the least that was live in it, and by what was allocated", () => {
  // Live at the moments: 10, 2, 12, 1; 40 bytes in 4 blocks were allocated after the first.
  const moments = [
    [0, 10, 1, 10, 1],
    [1, 20, 2, 2, 1],
    [2, 50, 5, 12, 2],
    [3, 50, 5, 1, 1],
  ];
  const profile = profileOf([["f", 50, 7, moments]], { moments: { at_us: [10, 20, 30, 40] } });
  const kept = (kind, range) => keptFrom(profile, kind, range)[0];
  assert.deepEqual([kept(2, [1, 3]), kept(3, [1, 3])], [10, 1]);
  const others = [kept(2, [2, 3]), kept(2, [0, 1]), kept(2, [1, 2]), kept(2, [4, 5])];
  assert.deepEqual(others, [10, 10, 0, 6]);
  assert.deepEqual([...sumsOf(profile, "range-kept", [1, 3]).weights], [10]);
  const words = new Map(inWords(profile, [[0, 1]], [1, 3]));
  assert.equal(words.get("In the range"), "40 bytes in 4 blocks");
  assert.equal(words.get("Kept of that"), "10 bytes in 1 block at least, 12 bytes in 2 blocks at most");
  assert.equal(new Map(inWords(profile, [[0, 1]], [0, 1])).get("Kept of that"), "10 bytes in 1 block");
});

test("estimates have bounds where blocks were sampled", () => {
  const gap = 524288;
  const [least, most] = interval(gap, 20 * gap, 20 * 65536);
  // Wilson's interval of twenty rare events.
  assert.ok(Math.abs(least / gap - 12.95) < 0.01 && Math.abs(most / gap - 30.89) < 0.01);
  assert.equal(interval(gap, 0, 0), null);
  assert.equal(interval(0, 10, 1), null);
  const [large, larger] = interval(gap, 80 << 20, 10);
  assert.ok(large > 79.9 * 2 ** 20 && larger < 80.1 * 2 ** 20, "of always sampled blocks");
  assert.deepEqual([hasEnoughSamples(gap, 20 * gap, 20 * 65536), hasEnoughSamples(gap, gap, 65536)], [true, false]);
  assert.deepEqual([{}, { sampling: null }, { sampling: 9 }, { sampling: { mean_gap: "7" } }].map(meanGap), [0, 0, 9, 7]);
  const words = (report) => new Map(inWords(profileOf([["m", 1000, 100]], report), [[0, 1]]));
  assert.match(words({ sampling: { mean_gap: 512 } }).get("Allocated, 95 %"), /^460 B to 2.12 KiB$/);
  assert.equal(words({}).get("Allocated, 95 %"), undefined);
});

test("the timeline's samples, peak and stops", () => {
  const lists = {
    end_us: [10, 20],
    min_bytes: [0, 1],
    max_bytes: [5, 5],
    blocks: [1, 2],
    total_bytes: [100, 100],
    total_blocks: [1, 2],
    resident_bytes: [null, 9],
  };
  const samples = samplesOf(lists);
  assert.deepEqual([samples.rate, peakOf(samples)], [[1e7, 0], 1]);
  assert.equal(nearest([0, 10, 20], 14), 1);
  assert.deepEqual(
    [0, 10, 11, 21].map((time) => indexAt(samples.end, time)),
    [0, 0, 1, -1],
  );
  assert.deepEqual(ticks(1000, 4, 10), [0, 500, 1000]);
  assert.deepEqual(ticks(1024, 4, 2), [0, 256, 512, 768, 1024]);
  assert.deepEqual(ticks(1, 4, 2), [0, 1]);
});

test("numbers as people read them", () => {
  assert.deepEqual([0, 1023, 1024, 1_234_567, 2 ** 64].map(bytes), [
    "0 B",
    "1,023 B",
    "1.00 KiB",
    "1.18 MiB",
    "16.0 EiB",
  ]);
  assert.equal(bytesInFull("18446744073709551615"), "18,446,744,073,709,551,615 bytes (16.0 EiB)");
  assert.ok(count(2 ** 60).startsWith("≈ 1,152,921,504,606"));
  assert.deepEqual([blocks(1), blocks(1234)], ["1 block", "1,234 blocks"]);
  assert.deepEqual(
    [share(0, 5), share(1, 1e6), share(5, 5), share(99_999, 100_000), share(1, 0)],
    ["0 %", "< 0.1 %", "100.0 %", "99.9 %", "–"],
  );
  assert.deepEqual([0.5, 12, 3400, 1.25e6, 245e6].map(micros), [
    "0.5 µs",
    "12 µs",
    "3.40 ms",
    "1.25 s",
    "4 min 05 s",
  ]);
  assert.deepEqual([signed(5, count), signed(-5, count), signed(0, count)], ["+5", "−5", "±0"]);
  assert.deepEqual([change(0, 5, count), change(10, 5, count)], ["+5", "−5, −50.0 %"]);
});

test("names are harmless and fit", () => {
  assert.equal(harmless("a\u0000\u202eb"), "a␀\ufffdb");
  assert.equal(harmless("python3 -c a=1\nprint(a)\tb"), "python3 -c a=1↵ print(a) b");
  assert.equal(harmless("x".repeat(1e7)).length, 2001);
  assert.equal(shorter("<a::b::C<d::E> as f::G>::h"), "<C<E> as G>::h");
  assert.equal(fitted("alpha::beta::gamma", 8), "…::gamma");
  assert.equal(shortPlace("/a/b/c/d/e.rs:1"), "…/c/d/e.rs:1");
});

test("the state goes through the address", () => {
  const state = {
    ...defaults(),
    view: "flame",
    hide: ["std", "crate:a&b"],
    zoom: [3, 4],
    focus: 2,
    search: "<&>",
  };
  assert.deepEqual(fromHash(toHash(state)), state);
  const limits = { functions: 2, nodes: 3, stacks: 1, stops: 0 };
  const read = fromHash("#view=flame&focus=2&zoom=3-1&range=0-1&chosen=-4", limits);
  assert.deepEqual([read.focus, read.zoom, read.range, read.chosen], [-1, null, null, -1]);
});

test("rows are in order, equal ones as they were", () => {
  assert.deepEqual(
    sorted([5, 6, 7], (row) => ({ 5: 1, 6: 2, 7: 1 })[row], false),
    [6, 5, 7],
  );
  assert.deepEqual(
    sorted([5, 6, 7], (row) => ({ 5: "b", 6: "a", 7: "c" })[row], true),
    [6, 5, 7],
  );
});

test("moments that were left out are counted", () => {
  assert.equal(leftOut({ at_us: [] }), "");
  assert.equal(leftOut({ at_us: [], thinned: 0 }), "");
  assert.match(leftOut({ at_us: [], thinned: 1 }), /^ 1 moment was left out/);
  assert.match(leftOut({ at_us: [], thinned: 1234 }), /^ 1,234 moments were left out/);
  assert.match(leftOut({ at_us: [], thinned: "18446744073709551615" }), /18,446,744,/);
});

test("functions of one name have one colour", () => {
  const generic = (of) => `alloc::raw_vec::RawVec<${of}::Word>::grow_one`;
  const instances = ["first", "second", "other::deep", "app", "lib"].map(generic);
  const names = [...instances, "app::main", "b", "c"];
  const profile = { functionName: (fn) => names[fn] };
  const shades = names.map((_, fn) => shadeOf(profile, fn));
  assert.equal(new Set(shades.slice(0, instances.length)).size, 1, `${shades}`);
  assert.ok(new Set(shades).size > 1 && shades.every((shade) => shade >= 0 && shade < 4), `${shades}`);
});

test("fragmentation is rounded once", () => {
  const moment = { requested_bytes: 3011049, profiler_bytes: 0, held: 3235840 };
  assert.equal(fragmentation({ ...moment, fragmentation: { overall: 0.0695 } }), "6.9 %");
  assert.equal(fragmentation({ ...moment, profiler_bytes: "224791" }), "0.0 %");
  assert.equal(fragmentation({ ...moment, requested_bytes: 4e6 }), "0.0 %");
  assert.equal(fragmentation({ ...moment, held: null }), "–");
  assert.equal(fragmentation(null), "–");
});
