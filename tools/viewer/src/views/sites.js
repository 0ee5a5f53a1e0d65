// The table of sites: a row for each stack that allocates, and the whole stack of the chosen one.
// The view of what is live at the end is the same table, of fewer rows.

import { fill, h } from "../dom.js";
import { bytes, count, micros, time } from "../format.js";
import { nodesWith } from "../functions.js";
import { momentColumn, olderThan } from "../metrics.js";
import { harmless, shorter } from "../names.js";
import { Table, sorted } from "../table.js";
import { facts } from "../tip.js";
import { inWords } from "../words.js";
import { changeText, closeButton, nextSort, sortOf } from "./functions.js";
import { linesOf } from "./source.js";

const MOST_FRAMES = 500;

export class SitesView {
  // `isLive`: only what is live at the end.
  constructor(app, isLive) {
    Object.assign(this, { app, isLive });
    this.side = h("aside.side", { "aria-label": "The chosen stack" });
    this.slot = h("div.slot");
    this.note = h("p.legend");
    const label = isLive ? "Live at the end" : "Sites";
    this.element = h(
      "section.view.split",
      { "aria-label": label },
      this.note,
      this.slot,
      this.side,
    );
  }

  update() {
    const { app } = this;
    const { state } = app;
    const kind = [state.metric, state.range, state.older].join("|");
    const filter = [
      state.search,
      state.crate,
      state.group,
      state.entry,
      state.sort,
      state.hide.join("\n"),
    ].join("|");
    if (this.kind !== kind) this.makeTable();
    if (this.kind !== kind || this.filter !== filter) {
      Object.assign(this, { kind, filter });
      this.sort();
    }
    const empty = this.isLive
      ? "Nothing was live at the end that fits the filters."
      : "No stack has such numbers and fits the filters.";
    this.table.set({ rows: this.rows, ...this.order, chosen: state.chosen, empty });
    fill(this.note, this.noteOf());
    this.showSide();
  }

  noteOf() {
    const { app } = this;
    const shown = `${count(this.rows.length)} ${this.rows.length === 1 ? "stack" : "stacks"}`;
    if (!this.isLive) return h("span.note", {}, `${shown}. Choose a row to see its whole stack.`);
    const live = app.units.bytes(this.liveSum);
    const said = this.older
      ? `at most ${live} of it are older than ${micros(app.stops.at(-1) - app.stops[app.state.older])}: the least that each stack had live since then`
      : `${live} live at the end`;
    return h("span.note", {}, `${shown}, ${said}. Choose a row to see its whole stack.`);
  }

  makeTable() {
    const { app } = this;
    this.older =
      this.isLive && app.state.older > 0 ? olderThan(app.profile, app.state.older) : null;
    this.columns = app.isDifference ? this.comparedColumns() : this.plainColumns();
    this.table = new Table({
      label: this.isLive ? "Stacks with blocks live at the end" : "Stacks that allocate",
      columns: this.columns,
      onChoose: (leaf) => app.set({ chosen: leaf }, { isStep: false }),
      onSort: (id) => app.set({ sort: nextSort(app.state.sort, id) }, { isStep: false }),
    });
    fill(this.slot, this.table.element);
  }

  nameColumn() {
    const { app } = this;
    const { profile } = app;
    const functionOf = (leaf) => {
      const node = profile.tellingNode(leaf);
      return node < 0 ? "[no frames]" : app.name(profile.nodeFunction[node]);
    };
    return {
      id: "name",
      title: "Site",
      wide: true,
      hint: "The innermost function of the program's own code, and where",
      key: functionOf,
      text: (leaf) => {
        const node = profile.tellingNode(leaf);
        const origin = node < 0 ? 4 : profile.functionOrigin[profile.nodeFunction[node]];
        const name = functionOf(leaf);
        return [
          h("span.fn", { title: name, "data-origin": String(origin) }, shorter(name)),
          this.via(leaf, node),
          h("span.place", {}, node < 0 ? "" : app.shortPlaceOf(profile.nodeFrame[node])),
        ];
      },
    };
  }

  // The innermost function that is not there to allocate: it tells stacks of one function apart.
  via(leaf, telling) {
    const { profile } = this.app;
    let called = -1;
    for (const node of profile.stack(leaf)) {
      if (node === telling) break;
      called = node;
      if (profile.functionOrigin[profile.nodeFunction[node]] < 3) break;
    }
    if (called < 0) return null;
    const name = this.app.shortName(profile.nodeFunction[called]);
    return h("span.via", {}, `→ ${name}`);
  }

  column(id, title, hint, numbers, format) {
    return {
      id,
      title,
      hint,
      key: (leaf) => numbers[leaf],
      text: (leaf) => (numbers[leaf] === 0 ? h("span.none", {}, "0") : format(numbers[leaf])),
    };
  }

  plainColumns() {
    const { app } = this;
    const { profile, units, report } = app;
    const [total, blocks, lifetimes, most, , peak, , end] = profile.numbers[0];
    const mean = (numbers) =>
      numbers.map((number, leaf) => (blocks[leaf] > 0 ? number / blocks[leaf] : 0));
    const size = (id, title, hint, numbers) => this.column(id, title, hint, numbers, units.bytes);
    const columns = [this.nameColumn()];
    const ranged = this.rangeColumn();
    if (ranged) columns.push(ranged);
    if (this.older)
      columns.push(size("older", "Older", "At most so many bytes are as old", this.older));
    columns.push(
      size("total", "Total bytes", "All bytes ever allocated", total),
      this.column("blocks", "Blocks", "All blocks ever allocated", blocks, count),
      size("size", "Mean size", "Bytes of a block", mean(total)),
    );
    if (!profile.knowsFrees) return columns;
    return [
      ...columns,
      size("peak", "At peak", "Bytes live when the heap was largest", peak),
      size("end", "At end", "Bytes live at the end", end),
      size("max", "Own maximum", "The most bytes that this stack had live", most),
      this.column("life", "Lifetime", "Mean lifetime of a block", mean(lifetimes), (value) =>
        time(value, report),
      ),
    ];
  }

  // The chosen metric, if it is of a range of time.
  rangeColumn() {
    const { app } = this;
    if (!app.state.range || !app.state.metric.startsWith("range-")) return null;
    const sums = app.sums();
    if (!sums.isCompared) {
      const format = app.metric.unit === "bytes" ? app.units.bytes : count;
      return this.column("range", app.metric.label, app.metric.hint, sums.weights, format);
    }
    const [from, to] = app.state.range.map((stop) => momentColumn(app.profile, 2, stop));
    return {
      id: "range",
      title: "Growth",
      hint: app.metric.hint,
      key: (leaf) => Math.abs(to[leaf] - from[leaf]),
      text: (leaf) => changeText(from[leaf], to[leaf], bytes),
    };
  }

  comparedColumns() {
    const { app } = this;
    const sums = app.sums(this.isLive ? "end" : app.state.metric);
    const format = this.isLive || app.metric.unit === "bytes" ? app.units.bytes : count;
    const pair = (leaf) => sums.pairOfLeaf(leaf);
    const side = (id, title, which) => ({
      id,
      title,
      hint: `In the ${which === 0 ? "first" : "second"} report`,
      key: (leaf) => pair(leaf)[which],
      text: (leaf) => format(pair(leaf)[which]),
    });
    return [
      this.nameColumn(),
      side("before", "Before", 0),
      side("after", "After", 1),
      {
        id: "change",
        title: "Change",
        hint: "Sorted by its size, up or down",
        key: (leaf) => Math.abs(pair(leaf)[1] - pair(leaf)[0]),
        text: (leaf) => changeText(...pair(leaf), format),
      },
    ];
  }

  standardSort() {
    const { app } = this;
    if (app.isDifference) return "change";
    if (this.isLive) return this.older ? "older" : "end";
    if (this.columns.some(({ id }) => id === "range")) return "range";
    return app.state.metric === "short" ? "blocks" : app.state.metric;
  }

  sort() {
    const { app } = this;
    const [id, isAscending] = sortOf(app.state.sort, this.standardSort(), this.columns);
    this.order = { sortedBy: id, isAscending };
    const rows = this.filtered();
    this.rows = sorted(rows, this.columns.find((column) => column.id === id).key, isAscending);
  }

  filtered() {
    const { app } = this;
    const { profile } = app;
    const tests = this.nodeTests();
    const weights = this.isLive ? (this.older ?? app.sums("end").weights) : app.sums().weights;
    const rows = [];
    this.liveSum = 0;
    for (let leaf = 0; leaf < profile.leafCount; leaf++) {
      const node = profile.leafNode[leaf];
      if (!(weights[leaf] > 0) || !tests.every((test) => node >= 0 && test(node))) continue;
      rows.push(leaf);
      this.liveSum += weights[leaf];
    }
    return rows;
  }

  // What a stack's innermost node must satisfy. A filter looks at all frames of the stack.
  nodeTests() {
    const { app } = this;
    const { profile } = app;
    const { search, crate, group, entry } = app.state;
    const tests = [];
    const has = (kind, key, test) => {
      const nodes = app.once(kind, key, () => nodesWith(profile, test));
      tests.push((node) => nodes[node] === 1);
    };
    const matches = app.matches();
    if (search !== "") has("nodes of search", search, (fn) => matches[fn] === 1);
    if (crate !== "") has("nodes of crate", crate, (fn) => profile.crateName(fn) === crate);
    if (group !== "")
      has("nodes of group", group, (fn) => profile.functionName(fn) === `[group: ${group}]`);
    if (entry !== "") tests.push((node) => profile.functionName(app.entries()[node]) === entry);
    return tests;
  }

  showSide() {
    const { app } = this;
    const { profile } = app;
    const leaf = app.state.chosen;
    this.element.classList.toggle("chosen", leaf >= 0);
    if (leaf < 0) {
      this.shown = -1;
      return fill(this.side);
    }
    const nodes = [];
    let left = 0;
    for (const node of profile.stack(leaf)) {
      if (nodes.length < MOST_FRAMES) nodes.push(node);
      else left++;
    }
    fill(
      this.side,
      closeButton(app),
      h("h2", {}, "The stack, innermost first"),
      h(
        "ol.stack",
        {},
        nodes.map((node) => this.frame(node)),
      ),
      left > 0 && h("p.note", {}, `${count(left)} more frames outward`),
      facts(inWords(profile, [[leaf, leaf + 1]], app.state.range)),
    );
    this.bringIntoSight(leaf);
  }

  // On a narrow screen the stack stands below the table.
  bringIntoSight(leaf) {
    const isNew = this.shown !== leaf;
    this.shown = leaf;
    if (isNew && this.side.getBoundingClientRect().top > window.innerHeight - 80)
      this.side.scrollIntoView({ block: "nearest" });
  }

  frame(node) {
    const { app } = this;
    const { profile } = app;
    const fn = profile.nodeFunction[node];
    const frame = profile.nodeFrame[node];
    const open = () => app.set({ view: "functions", chosen: fn, sort: "" });
    return h(
      "li",
      { "data-origin": String(profile.functionOrigin[fn]) },
      h("button.link", { type: "button", title: app.name(fn), onclick: open }, app.shortName(fn)),
      h("span.place", {}, harmless(profile.place(frame))),
      linesOf(profile, frame),
    );
  }
}
