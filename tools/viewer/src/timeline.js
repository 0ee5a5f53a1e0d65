// The heap over time as numbers.

import { count, numberOf } from "./format.js";

// The samples as numbers, and what can be computed of them.
export function samplesOf(timeline) {
  const list = (name) => timeline[name].map(numberOf);
  const [end, total] = [list("end_us"), list("total_bytes")];
  const rate = total.map((sum, i) => {
    const before = i === 0 ? [0, 0] : [end[i - 1], total[i - 1]];
    const span = end[i] - before[0];
    return span > 0 ? ((sum - before[1]) * 1e6) / span : 0;
  });
  return {
    end,
    total,
    rate,
    bytes: list("max_bytes"),
    least: list("min_bytes"),
    blocks: list("blocks"),
    totalBlocks: list("total_blocks"),
    resident: timeline.resident_bytes.map((value) => (value === null ? null : numberOf(value))),
  };
}

// Remark on moments that a report lacks because they were too many; nothing if there are none.
export function leftOut(moments) {
  const thinned = moments.thinned ?? 0;
  if (numberOf(thinned) === 0) return "";
  const said = numberOf(thinned) === 1 ? "1 moment was" : `${count(thinned)} moments were`;
  return ` ${said} left out: a range begins and ends at those that were kept.`;
}

// The latest of the largest.
export function peakOf(samples) {
  return samples.bytes.reduce((best, value, i) => (value >= samples.bytes[best] ? i : best), 0);
}

// The sample whose interval has a time; -1: it is behind the last.
export function indexAt(ends, time) {
  return ends.findIndex((end) => end >= time);
}

// The stops on both sides of a stretch of time.
export function around(stops, [from, to]) {
  const before = stops.findLastIndex((stop) => stop <= from);
  const after = stops.findIndex((stop) => stop >= to);
  return [Math.max(0, before), after < 0 ? stops.length - 1 : after];
}

export function nearest(stops, time) {
  return stops.reduce(
    (best, stop, i) => (Math.abs(stop - time) < Math.abs(stops[best] - time) ? i : best),
    0,
  );
}

// Round values from 0 to `most`, about `wanted` of them. Bytes are round in powers of two.
export function ticks(most, wanted, base) {
  let step =
    base === 2
      ? 2 ** Math.ceil(Math.log2(most / wanted))
      : 10 ** Math.floor(Math.log10(most / wanted));
  if (base === 10) step *= [1, 2, 5, 10].find((factor) => most / (step * factor) <= wanted);
  step = Math.max(step, 1);
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}
