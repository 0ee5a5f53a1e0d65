// All counters of a set of stacks, in words.

import { prefixSums } from "./columns.js";
import { interval, meanGap } from "./estimates.js";
import { keptFrom, momentColumn } from "./metrics.js";
import { blocks, share, signed, time, unitsOf } from "./format.js";

// The nine numbers of each document over ranges of stacks, [first, end].
export function counters(profile, ranges) {
  profile.allSums ??= profile.numbers.map((numbers) => numbers.slice(0, 9).map(prefixSums));
  return profile.allSums.map((columns) =>
    columns.map((sums) => ranges.reduce((sum, [first, end]) => sum + sums[end] - sums[first], 0)),
  );
}

// [what, text] of each counter.
export function inWords(profile, ranges, range = null) {
  return [...ofTheRun(profile, ranges), ...(range ? ofTheRange(profile, ranges, range) : [])];
}

// What the stacks allocated in a range of time, and had live at its end.
function ofTheRange(profile, ranges, range) {
  const sums = columnsOf(profile, range).map((column) =>
    ranges.reduce((sum, [first, end]) => sum + column[end] - column[first], 0),
  );
  const [bytes, number, liveBytes, liveBlocks, least, leastBlocks, most, mostBlocks] = sums;
  const units = unitsOf(profile.head.reports[0]);
  const pair = (bytes, number) => `${units.bytesInFull(bytes)} in ${units.blocks(number)}`;
  const kept = pair(least, leastBlocks);
  const isKnown = least === most && leastBlocks === mostBlocks;
  return [
    ["In the range", pair(bytes, number)],
    ["Kept of that", isKnown ? kept : `${kept} at least, ${pair(most, mostBlocks)} at most`],
    ["All live at its end", pair(liveBytes, liveBlocks)],
  ];
}

// Sums over stacks, bytes and blocks each: allocated in the range, live at its end, and the least
// and the most of the former that can be among the latter. Those of the last range are kept: the
// mouse asks for them at each box.
function columnsOf(profile, [from, to]) {
  const key = `${from}-${to}`;
  if (profile.rangeSums?.key !== key) {
    const allocated = [0, 1].map((kind) => {
      const before = momentColumn(profile, kind, from);
      return momentColumn(profile, kind, to).map((number, leaf) => number - before[leaf]);
    });
    const live = [2, 3].map((kind) => momentColumn(profile, kind, to));
    const least = [2, 3].map((kind) => keptFrom(profile, kind, [from, to]));
    const most = live.map((column, kind) =>
      column.map((number, leaf) => Math.min(number, allocated[kind][leaf])),
    );
    const columns = [allocated, live, least, most].flat().map(prefixSums);
    profile.rangeSums = { key, columns };
  }
  return profile.rangeSums.columns;
}

function ofTheRun(profile, ranges) {
  const all = counters(profile, ranges);
  const { reports } = profile.head;
  const stacks = ranges.reduce((sum, [first, end]) => sum + end - first, 0);
  if (all.length === 2) return comparedInWords(all, reports.at(-1), stacks);
  return numbersInWords(all[0], reports[0], stacks);
}

function numbersInWords(numbers, report, stacks) {
  const [bytes, number, lifetimes, most, mostBlocks, peak, peakBlocks, end, endBlocks] = numbers;
  const units = unitsOf(report);
  const gap = meanGap(report);
  const bounds = (what, bytes, blocks) => {
    const between = interval(gap, bytes, blocks);
    if (between === null) return [];
    return [[`${what}, 95 %`, between.map((bound) => units.bytes(Math.round(bound))).join(" to ")]];
  };
  const lines = [
    ["Allocated", `${units.bytesInFull(bytes)} in ${units.blocks(number)}`],
    ...bounds("Allocated", bytes, number),
  ];
  if (number > 0) lines.push(["Mean size", units.bytes(bytes / number)]);
  if (report.short_lifetime !== null) {
    const atMost = stacks > 1 ? "at most " : "";
    lines.push(
      ["Live at peak", `${units.bytesInFull(peak)} in ${blocks(peakBlocks)}`],
      ...bounds("Live at peak", peak, peakBlocks),
      ["Live at end", `${units.bytesInFull(end)} in ${blocks(endBlocks)}`],
      ...bounds("Live at end", end, endBlocks),
      ["Own maximum", `${atMost}${units.bytesInFull(most)} in ${blocks(mostBlocks)}`],
    );
    if (number > 0) lines.push(["Lifetime", `${time(lifetimes / number, report)} on average`]);
  }
  if (stacks > 1) lines.push(["Stacks", String(stacks)]);
  return lines;
}

function comparedInWords([before, after], report, stacks) {
  const units = unitsOf(report);
  const line = (label, key, format) => [
    label,
    `${format(before[key])} → ${format(after[key])} (${change(before[key], after[key], format)})`,
  ];
  const lines = [line("Total bytes", 0, units.bytes), line("Total blocks", 1, units.blocks)];
  if (report.short_lifetime !== null) {
    lines.push(
      line("Live at peak", 5, units.bytes),
      line("Blocks at peak", 6, units.blocks),
      line("Live at end", 7, units.bytes),
      line("Blocks at end", 8, units.blocks),
    );
  }
  const isNew = before[1] === 0 && after[1] > 0;
  const isGone = before[1] > 0 && after[1] === 0;
  if (isNew || isGone)
    lines.unshift(["Change", isNew ? "new in the second report" : "gone in the second report"]);
  if (stacks > 1) lines.push(["Stacks", String(stacks)]);
  return lines;
}

// `+1.20 MiB, +12.0 %`
export function change(before, after, format) {
  const difference = signed(after - before, format);
  if (before === 0 || after === before) return difference;
  const part = share(Math.abs(after - before), before);
  return `${difference}, ${after > before ? "+" : "−"}${part}`;
}
