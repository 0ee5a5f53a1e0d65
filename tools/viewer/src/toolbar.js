// What can be chosen: metric, search, frames to leave out, filters. Each view has its own part.

import { fill, h, keepingFocus, later } from "./dom.js";
import { harmless } from "./names.js";
import { knownMetrics } from "./metrics.js";
import { micros } from "./format.js";

const MOST_CRATES = 400;
const MOST_TO_HIDE = 40;

export class Toolbar {
  constructor(app) {
    this.app = app;
    const searched = later(150, (text) => app.set({ search: text }, { isStep: false }));
    this.metric = h("select", {
      "aria-label": "Metric",
      id: "metric",
      onchange: (event) => app.set({ metric: event.target.value, sort: "" }),
    });
    this.search = h("input", {
      type: "search",
      id: "search",
      placeholder: "Search functions  ( / )",
      "aria-label": "Search functions",
      oninput: (event) => searched(event.target.value),
    });
    this.inverted = h("input", {
      type: "checkbox",
      onchange: (event) => app.set({ inverted: event.target.checked, zoom: null }),
    });
    this.focus = h("span.chip", { hidden: true });
    this.hide = h("details.menu");
    this.filters = h("span.filters");
    this.element = h(
      "div.toolbar",
      { role: "toolbar", "aria-label": "What is shown" },
      (this.choice = h("label", {}, h("span", {}, "Metric"), this.metric)),
      this.search,
      (this.invert = h("label.check", {}, this.inverted, "Inverted")),
      this.hide,
      this.filters,
      this.focus,
    );
    document.addEventListener("click", (event) => {
      if (!this.hide.contains(event.target)) this.hide.open = false;
    });
  }

  update() {
    const { app } = this;
    const { state } = app;
    const metrics = knownMetrics(app.head, state.range);
    fill(
      this.metric,
      metrics.map(({ id, label }) =>
        h("option", { value: id, selected: id === state.metric }, this.labelOf(id, label)),
      ),
    );
    this.metric.title = app.metric.hint;
    if (document.activeElement !== this.search) this.search.value = state.search;
    const isFlame = state.view === "flame";
    const isTable = ["functions", "sites", "live"].includes(state.view);
    this.choice.hidden = state.view === "live";
    this.search.hidden = !isFlame && !isTable;
    this.invert.hidden = !isFlame;
    this.inverted.checked = state.inverted;
    this.hide.hidden = !isFlame && state.view !== "functions";
    this.showFocus(isFlame);
    if (app.profile) {
      this.showHide();
      keepingFocus(this.filters, "filter", () =>
        fill(this.filters, isTable ? this.filtersOf(state.view) : []),
      );
    }
  }

  // A report may count other things than bytes in blocks.
  labelOf(id, label) {
    const names = this.app.report.units;
    if (!names) return label;
    return { total: `Total ${names[1]}`, blocks: `Total ${names[2]}` }[id] ?? label;
  }

  showFocus(isFlame) {
    const { app } = this;
    const { focus, zoom, inverted } = app.state;
    this.focus.hidden = !isFlame || (focus < 0 && zoom === null);
    const parts = [];
    if (focus >= 0 && app.profile) {
      const text = `${inverted ? "Callers of" : "Below"} ${app.name(focus)}`;
      parts.push(
        h("span.what", { title: text }, text),
        h(
          "button",
          { type: "button", onclick: () => app.set({ focus: -1, zoom: null }) },
          "Unfocus",
        ),
      );
    }
    if (zoom !== null)
      parts.push(
        h("button", { type: "button", onclick: () => app.set({ zoom: null }) }, "Zoom out"),
      );
    fill(this.focus, parts);
  }

  crates() {
    const { app } = this;
    return app.once("crates", "", () => {
      const { profile } = app;
      const { own } = app.functionSums("blocks");
      const weights = new Map();
      for (let fn = 0; fn < own.length; fn++) {
        const name = profile.crateName(fn);
        if (name !== "") weights.set(name, (weights.get(name) ?? 0) + own[fn] + 1);
      }
      return [...weights].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    });
  }

  showHide() {
    const { app } = this;
    const { hide } = app.state;
    const toggle = (name) => (event) => {
      const rest = hide.filter((other) => other !== name);
      app.set({ hide: event.target.checked ? [...rest, name] : rest });
    };
    const box = (name, text) =>
      h(
        "label.check",
        {},
        h("input", { type: "checkbox", checked: hide.includes(name), onchange: toggle(name) }),
        text,
      );
    const crates = this.crates().slice(0, MOST_TO_HIDE);
    const key = `${hide}|${crates.length}`;
    if (this.hideKey === key) return;
    this.hideKey = key;
    const all = hide.length === 0 ? "Leave out…" : `Leave out: ${hide.length}`;
    fill(
      this.hide,
      h("summary", {}, all),
      h(
        "div.sheet",
        {},
        box("std", "Standard library and allocating functions"),
        box("lib", "Libraries"),
        crates.length > 0 && h("p.note", {}, "Crates and modules"),
        crates.map((name) => box(`crate:${name}`, harmless(name, 60))),
      ),
    );
  }

  filtersOf(view) {
    const { app } = this;
    const { state } = app;
    const choice = (key, label, names) =>
      names.length > 0 &&
      h(
        "select",
        {
          "aria-label": label,
          "data-filter": key,
          onchange: (event) => app.set({ [key]: event.target.value }),
        },
        h("option", { value: "" }, label),
        names.map((name) =>
          h("option", { value: name, selected: name === state[key] }, harmless(name, 60)),
        ),
      );
    const parts = [choice("crate", "Any crate", this.crates().slice(0, MOST_CRATES))];
    if (view === "functions") return parts;
    const groups = app.report.groups.map(({ name }) => name).filter((name) => name !== "");
    parts.push(
      choice("group", "Any group", groups),
      choice("entry", "Any thread's start", this.starts()),
    );
    if (view === "live") parts.push(this.older());
    return parts;
  }

  // The outermost functions: `main`, and where threads begin. A report does not say of each stack
  // which threads had it.
  starts() {
    const { app } = this;
    return app.once("starts", "", () => {
      const outer = new Set();
      const { profile } = app;
      for (let node = 0; node < profile.nodeCount; node = profile.nodeEnd[node]) {
        outer.add(profile.functionName(profile.nodeFunction[node]));
      }
      return outer.size > 1 ? [...outer].sort().slice(0, MOST_CRATES) : [];
    });
  }

  older() {
    const { app } = this;
    if (app.isDifference || !app.report.moments || app.stops.length < 3) return null;
    const end = app.stops.at(-1);
    const options = app.stops
      .map((stop, i) => [i, end - stop])
      .slice(1, -1)
      .reverse()
      .map(([i, age]) =>
        h(
          "option",
          { value: String(i), selected: app.state.older === i },
          `Older than ${micros(age)}`,
        ),
      );
    return h(
      "select",
      {
        "aria-label": "Age",
        "data-filter": "older",
        onchange: (event) => app.set({ older: Number(event.target.value), sort: "" }),
      },
      h("option", { value: "-1" }, "Of any age"),
      options,
    );
  }
}
