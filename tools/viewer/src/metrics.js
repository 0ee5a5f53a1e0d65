// The metrics: names as in `mod-alloc report --sort`, and those of a range of time.

import { Sums } from "./sums.js";

const TOTAL_BYTES = 0;
const TOTAL_BLOCKS = 1;
const LIFETIMES = 2;
const PEAK_BYTES = 5;
const END_BYTES = 7;

export const METRICS = [
  { id: "total", unit: "bytes", label: "Total bytes", hint: "all bytes ever allocated" },
  { id: "blocks", unit: "blocks", label: "Total blocks", hint: "all blocks ever allocated" },
  { id: "peak", unit: "bytes", label: "At peak", hint: "bytes live when the heap was largest" },
  { id: "end", unit: "bytes", label: "At end", hint: "bytes still live at the end" },
  {
    id: "short",
    unit: "blocks",
    label: "Short-lived",
    hint: "blocks of stacks whose blocks are freed at once",
  },
];

export const RANGE_METRICS = [
  { id: "range-total", unit: "bytes", label: "Bytes in the range", hint: "allocated in the range" },
  {
    id: "range-blocks",
    unit: "blocks",
    label: "Blocks in the range",
    hint: "allocated in the range",
  },
  {
    id: "range-kept",
    unit: "bytes",
    label: "Kept from the range",
    hint: "allocated in the range and live at its end: at least so many",
  },
  { id: "range-end", unit: "bytes", label: "Live at the range's end", hint: "bytes live then" },
  {
    id: "range-growth",
    unit: "bytes",
    label: "Growth in the range",
    hint: "bytes live at its end, compared with its beginning",
    isCompared: true,
  },
];

export function metricOf(id) {
  return [...METRICS, ...RANGE_METRICS].find((metric) => metric.id === id) ?? METRICS[0];
}

// The metrics that a report has numbers for.
export function knownMetrics(head, range) {
  const frees = head.reports.every((report) => report.short_lifetime !== null);
  const known = METRICS.filter(({ id }) => frees || id === "total" || id === "blocks");
  return range ? [...known, ...RANGE_METRICS] : known;
}

export function sumsOf(profile, id, range) {
  const metric = metricOf(id);
  if (metric.isCompared) {
    return Sums.compared(
      profile,
      momentColumn(profile, 2, range[0]),
      momentColumn(profile, 2, range[1]),
    );
  }
  if (metric.id.startsWith("range-"))
    return new Sums(profile, rangeColumn(profile, metric.id, range));
  const [before, after] = profile.numbers.map((numbers, document) =>
    column(numbers, metric.id, profile.head.reports[document].short_lifetime),
  );
  return after ? Sums.compared(profile, before, after) : new Sums(profile, before);
}

function column(numbers, id, shortLifetime) {
  switch (id) {
    case "blocks":
      return numbers[TOTAL_BLOCKS];
    case "peak":
      return numbers[PEAK_BYTES];
    case "end":
      return numbers[END_BYTES];
    case "short":
      return numbers[TOTAL_BLOCKS].map((blocks, leaf) =>
        numbers[LIFETIMES][leaf] <= shortLifetime * blocks ? blocks : 0,
      );
    default:
      return numbers[TOTAL_BYTES];
  }
}

function rangeColumn(profile, id, [from, to]) {
  if (id === "range-end") return momentColumn(profile, 2, to);
  if (id === "range-kept") return keptFrom(profile, 2, [from, to]);
  const kind = id === "range-blocks" ? 1 : 0;
  const before = momentColumn(profile, kind, from);
  return momentColumn(profile, kind, to).map((number, leaf) => number - before[leaf]);
}

// Numbers of every stack at a stop of the range: 0 is the start, the last is the report's end, and
// those between are its moments. Kinds: bytes and blocks allocated so far, bytes and blocks live.
export function momentColumn(profile, kind, stop) {
  const { moments, leafCount } = profile;
  const stops = stopsOf(profile.after).length;
  if (stop >= stops - 1) return profile.numbers[0][[0, 1, END_BYTES, END_BYTES + 1][kind]];
  const column = new Float64Array(leafCount);
  if (!moments) return column;
  for (let leaf = 0; leaf < leafCount; leaf++) {
    let low = moments.starts[leaf];
    let high = moments.starts[leaf + 1];
    const first = low;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (moments.at[middle] < stop) low = middle + 1;
      else high = middle;
    }
    if (low > first) column[leaf] = moments.columns[kind][low - 1];
  }
  return column;
}

// The times at which a range can begin and end.
export function stopsOf(report) {
  const times = report.moments?.at_us ?? [];
  return [0, ...times.map(Number), Number(report.end)];
}

// Least that each stack can have kept of its range: a block that is live at the range's end and was
// there before some moment was live at that moment. Kinds: 2 is bytes, 3 is blocks.
export function keptFrom(profile, kind, [from, to]) {
  const least = leastLive(profile, kind, from, to);
  return momentColumn(profile, kind, to).map((live, leaf) => live - least[leaf]);
}

// The least that each stack had live from a stop to the end: no more than that can be older.
export function olderThan(profile, stop) {
  return leastLive(profile, 2, stop, stopsOf(profile.after).length - 1);
}

function leastLive(profile, kind, from, to) {
  const least = momentColumn(profile, kind, to).slice();
  const start = momentColumn(profile, kind, from);
  const { moments } = profile;
  for (let leaf = 0; leaf < least.length; leaf++) {
    least[leaf] = Math.min(least[leaf], start[leaf]);
    if (!moments) continue;
    for (let i = moments.starts[leaf]; i < moments.starts[leaf + 1]; i++) {
      const stop = moments.at[i] + 1;
      if (from <= stop && stop <= to)
        least[leaf] = Math.min(least[leaf], moments.columns[kind][i]);
    }
  }
  return least;
}
