// What all views share: the report, the state in the address, and sums that are made once.

import { entries, frameOfFunctions, functionSums, matching } from "./functions.js";
import { hiddenFunctions } from "./flame.js";
import { unitsOf } from "./format.js";
import { knownMetrics, metricOf, stopsOf, sumsOf } from "./metrics.js";
import { Inversion } from "./inversion.js";
import { harmless, shortPlace, shorter } from "./names.js";
import { fromHash, toHash } from "./state.js";

export class App {
  constructor(head) {
    this.head = head;
    this.profile = null;
    this.report = head.reports.at(-1);
    this.isDifference = head.reports.length === 2;
    this.units = unitsOf(this.report);
    this.stops = stopsOf(this.report);
    this.listeners = [];
    this.made = new Map();
    this.read();
    window.addEventListener("hashchange", () => {
      this.read();
      this.tell();
    });
  }

  get limits() {
    const { profile } = this;
    return {
      functions: profile?.functionCount ?? 2 ** 31,
      nodes: this.head.nodes,
      stacks: this.head.stacks,
      stops: this.report.moments && !this.isDifference ? this.stops.length : 0,
    };
  }

  read() {
    this.state = fromHash(location.hash, this.limits);
    const known = knownMetrics(this.head, this.state.range).map(({ id }) => id);
    if (!known.includes(this.state.metric)) {
      const wished = this.head.metric ?? (this.isDifference ? "total" : "peak");
      this.state.metric = known.includes(wished) ? wished : "total";
    }
  }

  set(changes, { isStep = true } = {}) {
    Object.assign(this.state, changes);
    if (this.state.range === null && this.state.metric.startsWith("range-"))
      this.state.metric = "total";
    const hash = toHash(this.state);
    if (hash !== location.hash) {
      try {
        history[isStep ? "pushState" : "replaceState"](null, "", hash);
      } catch {
        // The browser allows only so many in a while; the next one is there again.
      }
    }
    this.tell();
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  // Makes something once for each key. The few last ones are kept.
  once(kind, key, make) {
    const known = this.made.get(kind);
    if (known?.key === key) return known.value;
    const value = make();
    this.made.set(kind, { key, value });
    return value;
  }

  get metric() {
    return metricOf(this.state.metric);
  }

  sums(id = this.state.metric) {
    const { range } = this.state;
    const key = `${id} ${range}`;
    return this.once(`sums ${id}`, key, () => sumsOf(this.profile, id, range));
  }

  functionSums(id = this.state.metric) {
    const sums = this.sums(id);
    return this.once(`functions ${id}`, sums, () => functionSums(this.profile, sums));
  }

  matches() {
    const { search } = this.state;
    return this.once("matches", search, () => matching(this.profile, search));
  }

  hidden() {
    const { hide } = this.state;
    return this.once("hidden", hide.join("\n"), () => hiddenFunctions(this.profile, hide));
  }

  inversion() {
    const { hide, focus } = this.state;
    const key = [focus, ...hide].join("\n");
    return this.once("inversion", key, () => new Inversion(this.profile, this.hidden(), focus));
  }

  entries() {
    return this.once("entries", "", () => entries(this.profile));
  }

  placeOfFunction(fn) {
    const frames = this.once("frames", "", () => frameOfFunctions(this.profile));
    return frames[fn] < 0 ? "" : this.shortPlaceOf(frames[fn]);
  }

  name(fn) {
    return fn < 0 ? "all" : harmless(this.profile.functionName(fn));
  }

  // For lists: without the paths of types.
  shortName(fn) {
    return fn < 0 ? "all" : shorter(this.name(fn));
  }

  shortPlaceOf(frame) {
    return harmless(shortPlace(this.profile.place(frame)));
  }
}
