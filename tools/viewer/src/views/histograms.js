// Distributions of sizes and lifetimes, as tables with bars.

import { h } from "../dom.js";
import { bytes, count, micros, numberOf } from "../format.js";
import { bar } from "./functions.js";

// A power of two has no decimals.
const round = (format) => (value) => format(value).replace(/\.0+ /, " ");

export function histograms(report) {
  const { sizes, lifetimes } = report.histograms ?? {};
  return [
    histogram("Sizes of blocks", sizes, round(bytes)),
    histogram("Lifetimes of blocks", lifetimes, (value) => (value === 0 ? "0 µs" : micros(value))),
  ];
}

// Entry 0 is of the value 0, entry N of the values from 2^(N-1) to 2^N - 1.
function histogram(title, data, format) {
  if (!data || !data.blocks.some((number) => numberOf(number) > 0)) return null;
  const numbers = data.blocks.map(numberOf);
  const first = numbers.findIndex((number) => number > 0);
  const last = numbers.findLastIndex((number) => number > 0);
  const whole = numbers.reduce((a, b) => a + b, 0);
  const rows = [];
  for (let entry = first; entry <= last; entry++) {
    const name = entry === 0 ? format(0) : `${format(2 ** (entry - 1))} – ${format(2 ** entry)}`;
    rows.push(
      h(
        "tr",
        {},
        h("th", { scope: "row" }, name),
        h("td", {}, count(data.blocks[entry])),
        h("td", {}, data.bytes[entry] === undefined ? "–" : bytes(data.bytes[entry])),
        h("td", {}, bar(numbers[entry], whole)),
      ),
    );
  }
  const heads = ["Blocks", "Bytes", "Share of the blocks"];
  return h(
    "section.panel",
    { "aria-label": title },
    h("h2", {}, title),
    h(
      "table.plain.bars",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td"),
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h("tbody", {}, rows),
    ),
    h("p.note", {}, "Each row: from the first value to just below the second."),
  );
}
