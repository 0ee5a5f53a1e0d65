// The table of functions, and who calls whom.

import { fill, h } from "../dom.js";
import { neighbours } from "../functions.js";
import { amount, count, share } from "../format.js";
import { Table, sorted } from "../table.js";
import { facts } from "../tip.js";
import { change } from "../words.js";
import { sourceOf } from "./source.js";

const MOST_NEIGHBOURS = 12;

export class FunctionsView {
  constructor(app) {
    this.app = app;
    this.side = h("aside.side", { "aria-label": "The chosen function" });
    this.slot = h("div.slot");
    this.note = h("p.legend");
    this.element = h(
      "section.view.split",
      { "aria-label": "Functions" },
      this.note,
      this.slot,
      this.side,
    );
  }

  update() {
    const { app } = this;
    const numbers = app.functionSums();
    const { state } = app;
    const filter = [state.search, state.crate, state.hide.join("\n"), state.sort].join("|");
    if (this.numbers !== numbers || this.filter !== filter) {
      const isNew = this.numbers !== numbers;
      Object.assign(this, { numbers, filter });
      if (isNew) this.makeTable();
      this.sort();
    }
    this.show();
    this.showSide();
  }

  makeTable() {
    const { app, numbers } = this;
    this.columns = numbers.before ? this.comparedColumns() : this.plainColumns();
    this.table = new Table({
      label: `Functions by ${app.metric.label}`,
      columns: this.columns,
      onChoose: (fn) => app.set({ chosen: fn }, { isStep: false }),
      onSort: (id) => app.set({ sort: nextSort(app.state.sort, id) }, { isStep: false }),
    });
    fill(this.slot, this.table.element);
  }

  nameColumn() {
    const { app } = this;
    return {
      id: "name",
      title: "Function",
      wide: true,
      hint: "Name and source",
      key: (fn) => app.name(fn),
      text: (fn) => [
        h(
          "span.fn",
          { title: app.name(fn), "data-origin": String(app.profile.functionOrigin[fn]) },
          app.shortName(fn),
        ),
        h("span.place", {}, app.placeOfFunction(fn)),
      ],
    };
  }

  number(id, title, hint, column, unit = this.app.metric.unit) {
    return {
      id,
      title,
      hint,
      key: (fn) => column[fn],
      text: (fn) =>
        column[fn] === 0 ? h("span.none", {}, "0") : amount(unit, column[fn], this.app.units),
    };
  }

  plainColumns() {
    const { app, numbers } = this;
    const whole = app.sums().total;
    const { own, cumulative } = numbers;
    const columns = [
      this.nameColumn(),
      this.number("own", "Own", `${app.metric.label}: of stacks that end in it`, own),
      this.number(
        "all",
        "With callees",
        `${app.metric.label}: of all stacks through it; recursion counts once`,
        cumulative,
      ),
      {
        id: "share",
        title: "Share",
        hint: "With callees, of the whole",
        key: (fn) => cumulative[fn],
        text: (fn) => bar(cumulative[fn], whole),
      },
    ];
    const others = app.profile.knowsFrees
      ? ["total", "blocks", "peak", "end"]
      : ["total", "blocks"];
    for (const id of others.filter((id) => id !== app.state.metric)) {
      const titles = { total: "Total bytes", blocks: "Blocks", peak: "At peak", end: "At end" };
      const column = app.functionSums(id).cumulative;
      columns.push(
        this.number(id, titles[id], "With callees", column, id === "blocks" ? "blocks" : "bytes"),
      );
    }
    return columns;
  }

  comparedColumns() {
    const { before, after } = this.numbers;
    const difference = after.map((number, fn) => number - before[fn]);
    const format = (value) => amount(this.app.metric.unit, value, this.app.units);
    return [
      this.nameColumn(),
      this.number("before", "Before", "With callees, in the first report", before),
      this.number("after", "After", "With callees, in the second report", after),
      {
        id: "change",
        title: "Change",
        hint: "Sorted by its size, up or down",
        key: (fn) => Math.abs(difference[fn]),
        text: (fn) => changeText(before[fn], after[fn], format),
      },
    ];
  }

  sort() {
    const { app, numbers } = this;
    const { search, crate } = app.state;
    const [id, isAscending] = sortOf(
      app.state.sort,
      numbers.before ? "change" : "own",
      this.columns,
    );
    const matches = app.matches();
    const hidden = app.hidden();
    const rows = [];
    for (let fn = 0; fn < numbers.own.length; fn++) {
      if (!(numbers.cumulative[fn] > 0) || hidden[fn] === 1) continue;
      if (search !== "" && matches[fn] === 0) continue;
      if (crate !== "" && app.profile.crateName(fn) !== crate) continue;
      rows.push(fn);
    }
    this.order = { sortedBy: id, isAscending };
    this.rows = sorted(rows, this.columns.find((column) => column.id === id).key, isAscending);
  }

  show() {
    const empty = "No function has such numbers and fits the filters.";
    this.table.set({ rows: this.rows, ...this.order, chosen: this.app.state.chosen, empty });
    const shown = `${count(this.rows.length)} ${this.rows.length === 1 ? "function" : "functions"}`;
    fill(this.note, h("span.note", {}, `${shown}. Choose one to see its callers and callees.`));
  }

  // What went through the function in the range.
  ofTheRange(fn) {
    const { app } = this;
    if (!app.state.range) return null;
    const ids = ["range-total", "range-blocks", "range-kept", "range-end"];
    const [bytes, blocks, kept, live] = ids.map((id) => app.functionSums(id).cumulative[fn]);
    const { units } = app;
    return facts([
      ["In the range", `${units.bytesInFull(bytes)} in ${units.blocks(blocks)}`],
      ["Kept of that", `${units.bytesInFull(kept)} at least`],
      ["All live at its end", units.bytesInFull(live)],
    ]);
  }

  // A range, and most metrics, leave out functions that have allocated at other times.
  noneOf(title) {
    const { metric } = this.app;
    if (metric.id !== "total" && metric.id !== "blocks") return `None by this metric: ${metric.hint}.`;
    return title === "Callees" ? "It calls nothing that allocates." : "None.";
  }

  showSide() {
    const { app } = this;
    const fn = app.state.chosen;
    this.element.classList.toggle("chosen", fn >= 0);
    if (fn < 0) return fill(this.side);
    const around = app.once("neighbours", `${fn} ${app.state.metric} ${app.state.range}`, () =>
      neighbours(app.profile, app.sums(), fn),
    );
    const frames = app.once("frames of function", fn, () => framesOf(app.profile, fn));
    fill(
      this.side,
      closeButton(app),
      h("h2.fn", { "data-origin": String(app.profile.functionOrigin[fn]) }, app.name(fn)),
      h("p.place", {}, app.placeOfFunction(fn) || "no source known"),
      h(
        "p.buttons",
        {},
        h(
          "button",
          { type: "button", onclick: () => this.focus(fn, false) },
          "What it calls, as flame graph",
        ),
        h(
          "button",
          { type: "button", onclick: () => this.focus(fn, true) },
          "Who calls it, as flame graph",
        ),
      ),
      this.ofTheRange(fn),
      this.listOf("Callers", around.callers, fn),
      this.listOf("Callees", around.callees, fn),
      sourceOf(app.profile, frames),
    );
  }

  focus(fn, inverted) {
    this.app.set({ view: "flame", focus: fn, inverted, zoom: null, chosen: -1 });
  }

  listOf(title, pairs, fn) {
    const { app } = this;
    const whole = this.numbers.cumulative[fn];
    const rows = pairs.slice(0, MOST_NEIGHBOURS).map(([other, value]) => {
      const name = other < 0 ? "(none: it is outermost)" : app.name(other);
      const choose = () => app.set({ chosen: other }, { isStep: false });
      const link =
        other < 0
          ? name
          : h(
              "button.link",
              { type: "button", title: name, onclick: choose },
              app.shortName(other),
            );
      return h(
        "tr",
        {},
        h("td.wide", {}, link),
        h("td", {}, amount(app.metric.unit, value, app.units)),
        h("td", {}, share(value, whole)),
      );
    });
    const more = pairs.length - rows.length;
    return [
      h("h3", {}, title),
      rows.length > 0
        ? h("table.plain", { "aria-label": title }, h("tbody", {}, rows))
        : h("p.empty", {}, this.noneOf(title)),
      more > 0 && h("p.note", {}, `${count(more)} more`),
    ];
  }
}

export function closeButton(app) {
  const close = () => app.set({ chosen: -1 }, { isStep: false });
  return h("button.close", { type: "button", "aria-label": "Close", onclick: close }, "✕");
}

function framesOf(profile, fn) {
  const frames = [];
  profile.frameFunction.forEach((other, frame) => {
    if (other === fn && profile.frameLine[frame] > 0) frames.push(frame);
  });
  return frames.slice(0, 5);
}

export function bar(part, whole) {
  const width = whole > 0 ? Math.min(100, (100 * part) / whole) : 0;
  return h(
    "span.bar",
    {},
    h("span.fill", { style: { width: `${width}%` } }),
    h("span.text", {}, share(part, whole)),
  );
}

export function changeText(before, after, format) {
  const kind = after > before ? "grew" : after < before ? "shrank" : "same";
  const word = before === 0 && after > 0 ? " new" : after === 0 && before > 0 ? " gone" : "";
  return h(`span.${kind}`, {}, change(before, after, format), word && h("b", {}, word));
}

// The state's `own` or `-own` (ascending) as [column, ascending].
export function sortOf(sort, standard, columns) {
  const id = sort.replace(/^-/, "");
  if (!columns.some((column) => column.id === id)) return [standard, standard === "name"];
  return [id, sort.startsWith("-")];
}

export function nextSort(sort, id) {
  return sort === id ? `-${id}` : id;
}
