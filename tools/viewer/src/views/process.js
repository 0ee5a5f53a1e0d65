// What a report says of the process beside its stacks.

import { h } from "../dom.js";
import { blocks, bytes, count, numberOf } from "../format.js";
import { harmless } from "../names.js";

const MOST_ROWS = 12;

export function panel(title, ...content) {
  return h("section.panel", { "aria-label": title }, h("h2", {}, title), content);
}

// Of the bytes: the report's share is rounded, and rounded again it would differ from the text's.
export function fragmentation(moment) {
  const held = numberOf(moment?.held ?? 0);
  if (!(held > 0)) return "–";
  const used = numberOf(moment.requested_bytes) + numberOf(moment.profiler_bytes ?? 0);
  return `${(100 * (1 - Math.min(used, held) / held)).toFixed(1)} %`;
}

export function heapState(states) {
  if (!states || (!states.peak && !states.end)) return null;
  const moments = [states.peak, states.end];
  const isPeak =
    states.peak && numberOf(states.peak.requested_bytes) >= numberOf(states.peak_bytes) * 0.99;
  const allocator = moments.find((moment) => moment?.allocator)?.allocator ?? "the allocator";
  const rows = [
    ["Requested by the program", (moment) => moment.requested_bytes],
    ["Allocated, rounded up", (moment) => moment.allocated],
    [`Held by ${allocator}`, (moment) => moment.held],
    ["The profiler's own", (moment) => moment.profiler_bytes],
    ["Resident memory", (moment) => moment.process_resident],
    ["Most resident so far", (moment) => moment.process_peak_resident],
  ];
  const cell = (moment, get) => {
    const value = moment ? get(moment) : null;
    return h("td", {}, value === null || value === undefined ? "–" : bytes(value));
  };
  return panel(
    "State of the heap",
    h(
      "table.plain",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("td"),
          h("th", { scope: "col" }, isPeak ? "At peak" : "Before peak"),
          h("th", { scope: "col" }, "At end"),
        ),
      ),
      h(
        "tbody",
        {},
        rows
          .filter(([, get]) => moments.some((moment) => moment && get(moment)))
          .map(([title, get]) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, title),
              moments.map((moment) => cell(moment, get)),
            ),
          ),
        h(
          "tr",
          {},
          h("th", { scope: "row" }, "Fragmentation"),
          moments.map((moment) => h("td", {}, fragmentation(moment))),
        ),
      ),
    ),
    h(
      "p.note",
      {},
      "Fragmentation is the part of the memory held that the program did not ask for.",
    ),
  );
}

function rowsTable(title, heads, rows, note) {
  if (rows.length === 0) return null;
  const body = rows.slice(0, MOST_ROWS).map(([name, ...cells]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      cells.map((cell) => h("td", {}, cell)),
    ),
  );
  const more = rows.length - body.length;
  return panel(
    title,
    h(
      "table.plain",
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
      h("tbody", {}, body),
    ),
    more > 0 && h("p.note", {}, `${count(more)} more`),
    note && h("p.note", {}, note),
  );
}

function bySize(key) {
  return (a, b) => numberOf(b[key]) - numberOf(a[key]);
}

export function threads(report) {
  const rows = [...report.threads]
    .sort(bySize("total_bytes"))
    .map((thread) => [
      harmless(thread.name || `thread ${thread.id}`),
      bytes(thread.total_bytes),
      count(thread.total_blocks),
      bytes(thread.freed_bytes),
    ]);
  return rowsTable(
    "Threads",
    ["Allocated", "Blocks", "Freed"],
    rows,
    "A thread may free the blocks of others.",
  );
}

// Memory that the program has mapped itself, by the function that did: it is in no block.
export function mappings(report) {
  if (!report.mappings) return null;
  const row = (name, numbers) => [
    name,
    ...numbers.slice(0, 3).map((number) => bytes(number)),
    count(numbers[3]),
  ];
  const rows = report.mappings.holders.map(({ name, kind, numbers }) =>
    row(`${harmless(name, 80)} (${harmless(kind)})`, numbers),
  );
  return rowsTable(
    "Mapped by the program itself",
    ["Mapped", "At their peak", "At end", "Calls"],
    [row("All together", report.mappings.numbers), ...rows],
    "By mmap and its kin, in whole pages. None of it is in a block, and not all of it need be resident.",
  );
}

export function groups(report) {
  const rows = [...report.groups]
    .sort(bySize("total_bytes"))
    .map((group) => [
      harmless(group.name || "(no name)"),
      bytes(group.total_bytes),
      count(group.total_blocks),
      bytes(group.peak_bytes),
      bytes(group.live_bytes),
    ]);
  return rowsTable("Groups", ["Allocated", "Blocks", "Its maximum", "At end"], rows);
}

export function processes(report) {
  const rows = [...report.processes]
    .sort(bySize("total_bytes"))
    .map((process) => [
      `${process.pid} ${harmless(process.cmd, 80)}`,
      bytes(process.total_bytes),
      blocks(process.total_blocks),
      bytes(process.peak_bytes),
      bytes(process.end_bytes),
    ]);
  return rowsTable("Processes", ["Allocated", "In", "At its peak", "At its end"], rows);
}
