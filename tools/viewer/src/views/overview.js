// The overview: totals, losses and what was not seen, and what else a report says of the process.
// All but one part comes from the page's head, before the stacks are read.

import { fill, h } from "../dom.js";
import { hasEnoughSamples, meanGap } from "../estimates.js";
import { bytes, count, numberOf, share, time } from "../format.js";
import { modulesWithoutNames } from "../functions.js";
import { harmless } from "../names.js";
import { change } from "../words.js";
import { histograms } from "./histograms.js";
import { groups, heapState, mappings, panel, processes, threads } from "./process.js";
import { bar, changeText } from "./functions.js";

export class OverviewView {
  constructor(app) {
    this.app = app;
    this.top = h("section.panel", { "aria-label": "Where it comes from" });
    this.element = h(
      "section.view.overview",
      { "aria-label": "Overview" },
      this.warnings(),
      this.cards(),
      this.top,
      this.rest(),
    );
  }

  update() {
    const { app } = this;
    if (!app.profile)
      return fill(
        this.top,
        h("h2", {}, "Where it comes from"),
        h("p.empty", {}, "Reading the stacks…"),
      );
    const sums = app.sums();
    if (this.sums === sums) return;
    this.sums = sums;
    fill(this.top, this.topFunctions());
  }

  // What a reader has to know before the numbers.
  warnings() {
    const { ending, coverage, advice } = this.app.report;
    const lines = [];
    if (ending && !["exit", "running"].includes(ending.how))
      lines.push(`${sentence(harmless(String(ending.text)))}.`);
    if (numberOf(coverage?.unseen_bytes ?? 0) > 0) lines.push(unseenText(coverage));
    lines.push(...notRecorded(coverage), ...sentences(advice), ...sampled(this.app.report));
    return lines.map((line) => h("p.notice", { role: "note" }, line));
  }

  cards() {
    const { app } = this;
    const [first, last] = [app.head.reports[0], app.report];
    const card = (title, bytesKey, blocksKey, note) =>
      h(
        "div.card",
        { "data-card": title },
        h("h2", {}, title),
        app.isDifference
          ? [
              h(
                "p.big",
                {},
                `${app.units.bytes(first.totals[bytesKey])} → ${app.units.bytes(last.totals[bytesKey])}`,
              ),
              h(
                "p",
                {},
                change(
                  numberOf(first.totals[bytesKey]),
                  numberOf(last.totals[bytesKey]),
                  app.units.bytes,
                ),
              ),
            ]
          : [
              h(
                "p.big",
                { "data-exact": String(last.totals[bytesKey]) },
                app.units.bytes(last.totals[bytesKey]),
              ),
              h(
                "p",
                { "data-exact": String(last.totals[blocksKey]) },
                blocksText(last, bytesKey, app.units.blocks),
              ),
            ],
        h("p.note", {}, note),
      );
    const frees = app.head.reports.every((report) => report.short_lifetime !== null);
    if (!frees) {
      return h(
        "div.cards",
        {},
        card(
          last.verb === "Allocated" ? "Allocated" : last.verb,
          0,
          1,
          "This report knows of no frees: no peak, no lifetimes, no end.",
        ),
      );
    }
    const atPeak =
      numberOf(last.end) > 1
        ? `after ${time(last.peak, last)}, ${share(numberOf(last.peak), numberOf(last.end))} of the run`
        : "";
    const bound = last.peak_is_exact === false ? "within 1 %" : "";
    return h(
      "div.cards",
      {},
      card("Allocated", 0, 1, meanNote(last)),
      card(
        "At the peak",
        5,
        6,
        [last.processes.length > 0 ? "at most: the peaks of all processes" : atPeak, bound]
          .filter(Boolean)
          .join(" · "),
      ),
      card(
        "At the end",
        7,
        8,
        numberOf(last.totals[7]) === 0
          ? "everything was freed"
          : `${share(numberOf(last.totals[7]), numberOf(last.totals[0]))} of all that was allocated`,
      ),
    );
  }

  // The program's own functions that the metric's bytes or blocks come from, the largest first; of a
  // difference, those that changed most.
  ownFunctions() {
    const { app } = this;
    const { profile } = app;
    const sums = app.sums();
    const found = new Map();
    for (let leaf = 0; leaf < profile.leafCount; leaf++) {
      if (!(sums.leaf(leaf) > 0)) continue;
      const node = profile.tellingNode(leaf);
      const fn = node < 0 ? -1 : profile.nodeFunction[node];
      const [before, after] = sums.isCompared ? sums.pairOfLeaf(leaf) : [0, sums.leaf(leaf)];
      const known = found.get(fn) ?? [0, 0];
      found.set(fn, [known[0] + before, known[1] + after]);
    }
    const size = ([, [before, after]]) => Math.abs(after - before);
    return [...found]
      .filter((one) => size(one) > 0)
      .sort((a, b) => size(b) - size(a))
      .slice(0, 8);
  }

  topFunctions() {
    const { app } = this;
    const sums = app.sums();
    const format = (value) => (app.metric.unit === "bytes" ? app.units.bytes(value) : count(value));
    const open = (fn) => app.set({ view: "functions", chosen: fn, sort: "" });
    const name = (fn) =>
      fn < 0
        ? "[no frames]"
        : h(
            "button.link",
            { type: "button", title: app.name(fn), onclick: () => open(fn) },
            app.shortName(fn),
          );
    const numbers = ([before, after]) =>
      sums.isCompared
        ? [
            h("td.both", {}, `${format(before)} → ${format(after)}`),
            h("td", {}, changeText(before, after, format)),
          ]
        : [h("td", {}, format(after)), h("td", {}, bar(after, sums.total))];
    const rows = this.ownFunctions().map(([fn, pair]) =>
      h(
        "tr",
        {},
        h("td.wide", {}, name(fn), h("span.place", {}, fn < 0 ? "" : app.placeOfFunction(fn))),
        numbers(pair),
      ),
    );
    return [
      h("h2", {}, sums.isCompared ? "What changed" : "Where it comes from"),
      h(
        "p.note",
        {},
        `${app.metric.label}: ${app.metric.hint}, by the innermost function of the program itself.`,
      ),
      rows.length === 0 && h("p.empty", {}, sums.isCompared ? "Nothing changed." : "Nothing."),
      h("table.plain.bars", {}, h("tbody", {}, rows)),
      rows.some((row) => /^0x[0-9a-f]+/.test(row.textContent)) &&
        h(
          "p.note",
          {},
          `An address stands for a function without a name. Symbols are missing in ${this.withoutNames()}.`,
        ),
    ];
  }

  withoutNames() {
    const { app } = this;
    const found = () => modulesWithoutNames(app.profile, (fn) => app.placeOfFunction(fn));
    return app.once("without names", "", found);
  }

  rest() {
    const { report } = this.app;
    return [
      this.app.isDifference && h("p.note", {}, "All that follows is of the second report."),
      this.panels(report),
    ];
  }

  panels(report) {
    return h(
      "div.panels",
      {},
      this.unseen(),
      heapState(report.heap_state),
      histograms(report),
      threads(report),
      mappings(report),
      groups(report),
      processes(report),
      this.about(),
    );
  }

  unseen() {
    const { report } = this.app;
    const { losses, coverage } = report;
    return panel(
      "What was not seen",
      losses === null
        ? h("p.empty", {}, "This report does not say what was lost.")
        : losses.length === 0
          ? h("p.good", {}, this.noLoss())
          : h(
              "ul.losses",
              {},
              losses.map((loss) => h("li", {}, loss)),
            ),
      coverage !== null && typeof coverage === "object" && coverageOf(coverage),
      report.self_check &&
        h(
          "p",
          {},
          `Self-check: ${count(report.self_check[0])} captures, ${count(report.self_check[1])} differences.`,
        ),
    );
  }

  noLoss() {
    const isSeen = numberOf(this.app.report.coverage?.unseen_bytes ?? 0) === 0;
    return isSeen ? "Nothing was lost." : "Of what was seen, nothing was lost.";
  }

  about() {
    const { app } = this;
    const words = (report) => [
      h("p.command", {}, harmless(report.command)),
      h(
        "p.note",
        {},
        [
          report.executable && harmless(report.executable),
          `mode ${harmless(report.mode)}`,
          report.ending && harmless(String(report.ending.text)),
          report.version && `mod-alloc ${harmless(report.version)}`,
        ]
          .filter(Boolean)
          .join(" · "),
      ),
    ];
    return panel(
      "About this report",
      app.head.reports.map(words),
      h(
        "p.note",
        {},
        `Page written by ${app.head.writer}. It asks nothing of any network, and has no code of other libraries.`,
      ),
    );
  }
}

// The line of a report of samples.
function sampled(report) {
  const gap = meanGap(report);
  if (gap === 0) return [];
  return [
    `Blocks were sampled, one in ${bytes(gap)} on average: these totals are exact, all other numbers of stacks and functions are estimates. Those of a stack have bounds, which hold in 95 of 100 cases.`,
  ];
}

// The blocks of a total. Those at the peak are estimates, if blocks were sampled.
function blocksText({ totals, ...report }, key, blocks) {
  const [size, number, end, atEnd] = [key, key + 1, 7, 8].map((index) => numberOf(totals[index]));
  const isExact = meanGap(report) === 0 || key !== 5 || (size === end && number === atEnd);
  if (isExact) return `in ${blocks(totals[key + 1])}`;
  if (hasEnoughSamples(meanGap(report), size, number)) return `in about ${blocks(number)}`;
  return "too few samples to tell the blocks";
}

function meanNote(report) {
  const [total, number, lifetimes] = report.totals.map(numberOf);
  if (number === 0) return "";
  return `a block has ${bytes(total / number)} and lives ${time(lifetimes / number, report)} on average`;
}

const MEMORY = [
  ["peak_anonymous_bytes", "Memory of the process at most, without files"],
  ["end_anonymous_bytes", "The same at its end"],
  ["recorded_bytes", "Blocks at the heap's peak"],
  ["allocator_bytes", "Held by the allocator at most"],
  ["profiler_bytes", "The profiler's own"],
  ["unseen_bytes", "Not in this report"],
];

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function unseenText(coverage) {
  const [unseen, all] = [coverage.unseen_bytes, coverage.peak_anonymous_bytes].map(bytes);
  const reasons = (coverage.reasons ?? []).map((reason) => harmless(String(reason)));
  const why = reasons.length > 0 ? `: ${reasons.join("; ")}` : "";
  return `${unseen} of the ${all} that the process had at most are not in this report${why}.`;
}

function notRecorded(coverage) {
  return sentences(coverage?.not_recorded);
}

function sentences(texts) {
  return (texts ?? []).map((text) => `${sentence(harmless(String(text)))}.`);
}

function coverageOf(coverage) {
  const isKnown = ([key]) => coverage[key] !== null && coverage[key] !== undefined;
  const isSeen = numberOf(coverage.unseen_bytes) === 0;
  const others = notRecorded(coverage).map((text) => h("p.losses.unseen", {}, text));
  if (numberOf(coverage.peak_anonymous_bytes) === 0) return others;
  return [
    others,
    h(
      "table.plain",
      {},
      h(
        "tbody",
        {},
        MEMORY.filter(isKnown).map(([key, name]) =>
          h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, bytes(coverage[key]))),
        ),
      ),
    ),
    isSeen
      ? h("p.note", {}, "Blocks, stacks and variables explain the memory that the process had.")
      : h("p.losses.unseen", {}, unseenText(coverage)),
  ];
}
