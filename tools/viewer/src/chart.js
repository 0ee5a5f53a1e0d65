// The heap over time: a picture, a range that can be drawn on it, and a table behind it.

import { colors } from "./colors.js";
import { fill, h, oncePerPicture, prepare, swatch } from "./dom.js";
import { blocks, bytes, bytesInFull, count, micros, numberOf, signed } from "./format.js";
import { keptFrom, momentColumn } from "./metrics.js";
import { around, indexAt, leftOut, nearest, peakOf, samplesOf, ticks } from "./timeline.js";
import { facts } from "./tip.js";

const LEFT = 68;
const RIGHT = 14;
const TOP = 10;
const BOTTOM = 22;
// Pixels of a time below the axis and the gap beside it, and half of another one.
const LABEL = 100;
const MOST_LISTED = 400;
const DRAGGED_PIXELS = 4;
// So many times the heap's maximum: a higher line of resident memory would press the heap flat.
const TOO_HIGH = 3;

export const SERIES = [
  { id: "bytes", title: "Live bytes", format: bytes },
  { id: "blocks", title: "Live blocks", format: count },
  { id: "rate", title: "Bytes allocated per second", format: (value) => `${bytes(value)}/s` },
];

const RESIDENT = { id: "resident", title: "Resident memory", format: bytes };

export class Chart {
  constructor(app, tip) {
    Object.assign(this, { app, tip });
    this.samples = samplesOf(app.report.timeline);
    this.end = Math.max(numberOf(app.report.end), this.samples.end.at(-1) ?? 0, 1);
    // The cursor is on one of them.
    this.times = this.samples.end;
    this.legend = h("p.legend");
    this.cursor = -1;
    this.series = SERIES[0];
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.area = h(
      "div.chart",
      {
        tabindex: "0",
        role: "application",
        "aria-label": this.help(),
        onpointerdown: (event) => this.press(event),
        onpointermove: (event) => this.move(event),
        onpointerup: (event) => this.release(event),
        onpointerleave: () => this.leave(),
        onkeydown: (event) => this.key(event),
      },
      this.canvas,
    );
    this.status = h("p.status", { role: "status" });
    this.clear = h(
      "button",
      { type: "button", hidden: true, onclick: () => this.setRange(null) },
      "Clear the range",
    );
    this.rows = h("tbody");
    this.fold = h("button.fold", {
      type: "button",
      onclick: () => app.set({ folded: !app.state.folded }, { isStep: false }),
    });
    this.table = this.behind();
    this.foldable = [this.area, this.legend, this.table];
    this.foldable.forEach((part, i) => (part.id = `over-time-${i}`));
    this.fold.setAttribute("aria-controls", this.foldable.map(({ id }) => id).join(" "));
    this.body = h(
      "div",
      {},
      this.area,
      h("div.under", {}, this.legend, this.status, this.table),
    );
    this.element = h(
      "section.panel.time",
      { "aria-label": "Heap over time" },
      this.heading(),
      this.body,
    );
    this.drawSoon = oncePerPicture(() => this.draw());
    new ResizeObserver(() => this.drawSoon()).observe(this.area);
  }

  offered() {
    const isKnown = this.samples.resident?.some((value) => value !== null);
    return isKnown ? [...SERIES, RESIDENT] : SERIES;
  }

  // With the live bytes, if both are of one scale.
  drawsResident() {
    const most = (values) => values.reduce((a, b) => Math.max(a, b ?? 0), 0);
    const highest = most(this.samples.resident);
    return (
      this.series.id === "bytes" && highest > 0 && highest <= TOO_HIGH * most(this.samples.bytes)
    );
  }

  help() {
    return "Heap over time. Arrow keys move the cursor; with Shift they draw a range; P goes to the peak; Escape clears.";
  }

  heading() {
    const choose = (event) => {
      this.series = this.offered().find(({ id }) => id === event.target.value);
      this.drawSoon();
    };
    const options = this.offered().map(({ id, title }) => h("option", { value: id }, title));
    return h(
      "div.heading",
      {},
      h("h2", {}, "Heap over time"),
      h("select", { "aria-label": "Show over time", onchange: choose }, options),
      this.buttons(),
      this.fold,
    );
  }

  buttons() {
    return [
      h("button", { type: "button", onclick: () => this.toPeak() }, "Go to the peak"),
      this.clear,
    ];
  }

  titles() {
    return ["Until", "Least live", "Most live", "Live blocks", "Allocated so far", "Resident"];
  }

  behind() {
    const head = h(
      "tr",
      {},
      this.titles().map((title) => h("th", { scope: "col" }, title)),
    );
    return h(
      "details.behind",
      { ontoggle: (event) => event.target.open && this.fillRows() },
      h("summary", {}, "As a table"),
      h("div.scrolled", {}, h("table.plain", {}, h("thead", {}, head), this.rows)),
    );
  }

  fillRows() {
    const step = Math.ceil(this.times.length / MOST_LISTED);
    const peak = peakOf(this.samples);
    const isShown = (time, i) => i % step === 0 || time === this.samples.end[peak];
    const shown = [...this.times.keys()].filter((i) => isShown(this.times[i], i));
    const row = (i) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, micros(this.times[i])),
        this.cells(i).map((text) => h("td", {}, text)),
      );
    fill(this.rows, shown.map(row));
  }

  cells(i) {
    const { samples } = this;
    return [
      bytes(samples.least[i]),
      bytes(samples.bytes[i]),
      count(samples.blocks[i]),
      bytes(samples.total[i]),
      samples.resident[i] === null ? "–" : bytes(samples.resident[i]),
    ];
  }

  update() {
    const { folded, range } = this.app.state;
    this.clear.hidden = range === null;
    for (const part of this.foldable) part.hidden = folded;
    // The range's numbers stay in sight.
    this.status.hidden = folded && range === null;
    this.fold.textContent = folded ? "Unfold" : "Fold";
    this.fold.setAttribute("aria-label", `${this.fold.textContent} the heap over time`);
    this.fold.setAttribute("aria-expanded", String(!folded));
    this.tell();
    this.drawSoon();
  }

  get hasMoments() {
    return this.app.report.moments !== null && this.app.report.moments.at_us.length > 0;
  }

  tell() {
    this.status.textContent = this.app.state.range
      ? this.rangeText()
      : this.cursor >= 0
        ? this.sampleText(this.cursor)
        : this.hint();
  }

  hint() {
    return this.hasMoments
      ? `Draw a range here; every view follows. It ends at the marks below the axis.${leftOut(this.app.report.moments)}`
      : "This report has no numbers of sites over time, so the views show the whole run. mod-alloc run keeps them, and so does a program with MOD_ALLOC_TIMELINE=sites.";
  }

  sampleText(i) {
    const { samples } = this;
    const resident = samples.resident[i] === null ? "" : `, process ${bytes(samples.resident[i])}`;
    return `Until ${micros(samples.end[i])}: ${this.live(i)} live, ${blocks(samples.blocks[i])} at its end${resident}`;
  }

  rangeText() {
    const { app } = this;
    if (!app.profile) return "";
    const [from, to] = app.state.range;
    const sum = (kind, stop) => momentColumn(app.profile, kind, stop).reduce((a, b) => a + b, 0);
    const allocated = sum(0, to) - sum(0, from);
    const number = sum(1, to) - sum(1, from);
    const growth = sum(2, to) - sum(2, from);
    const kept = keptFrom(app.profile, 2, [from, to]).reduce((a, b) => a + b, 0);
    const begin = from === 0 ? "From the start" : `From ${micros(app.stops[from])}`;
    const live = `${bytesInFull(sum(2, to))} in ${blocks(sum(3, to))}`;
    return `${begin} to ${micros(app.stops[to])}: ${bytesInFull(allocated)} in ${blocks(number)} allocated, at least ${bytes(kept)} of it kept; live at its end ${live}, ${signed(growth, bytes)} since its beginning`;
  }

  x(time) {
    return LEFT + (time / this.end) * (this.width - LEFT - RIGHT);
  }

  timeAt(event) {
    const x = event.clientX - this.area.getBoundingClientRect().left;
    const part = (x - LEFT) / Math.max(1, this.width - LEFT - RIGHT);
    return Math.max(0, Math.min(1, part)) * this.end;
  }

  draw() {
    this.width = this.area.clientWidth;
    this.height = this.area.clientHeight;
    if (this.width === 0) return;
    const pen = prepare(this.canvas, this.width, this.height);
    const palette = colors();
    const values = this.samples[this.series.id];
    const most = this.mostOf(values);
    const floor = this.height - BOTTOM;
    const y = (value) => floor - (value / most) * (floor - TOP);
    this.drawGrid(pen, palette, most, y);
    this.drawValues(pen, palette, y, floor);
    fill(this.legend, this.legendOf(palette));
    this.drawMarks(pen, palette, floor);
  }

  drawValues(pen, palette, y, floor) {
    if (this.series === RESIDENT) {
      return this.drawReadings(pen, palette.resident, this.samples.resident, y);
    }
    this.drawArea(pen, palette.band, this.samples[this.series.id], y, floor);
    if (this.series.id === "bytes") this.drawArea(pen, palette.area, this.samples.least, y, floor);
    if (this.drawsResident())
      this.drawReadings(pen, palette.resident, this.samples.resident, y);
    this.drawLine(pen, palette.accent, this.samples, this.series.id, y);
  }

  mostOf(values) {
    const resident = this.drawsResident() ? this.samples.resident : [];
    const all = [...values, ...resident];
    return Math.max(1, all.reduce((a, b) => Math.max(a, b ?? 0), 0) * 1.05);
  }

  drawGrid(pen, palette, most, y) {
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = palette.faint;
    pen.strokeStyle = palette.line;
    pen.lineWidth = 1;
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    for (const value of ticks(most, 4, this.series.id === "blocks" ? 10 : 2)) {
      const level = Math.round(y(value)) + 0.5;
      pen.beginPath();
      pen.moveTo(LEFT, level);
      pen.lineTo(this.width - RIGHT, level);
      pen.stroke();
      pen.fillText(this.series.format(value), LEFT - 8, level);
    }
    pen.textBaseline = "top";
    // The start and the end always have their times, the rounder ones between them room permitting.
    const [below, last] = [this.height - BOTTOM + 6, this.x(this.end)];
    for (const value of ticks(this.end, Math.max(2, Math.floor(this.width / 160)), 10)) {
      pen.textAlign = value === 0 ? "left" : "center";
      const text = value === 0 ? "0" : micros(value);
      if (this.x(value) < last - LABEL) pen.fillText(text, this.x(value), below);
    }
    pen.textAlign = "right";
    pen.fillText(micros(this.end), last, below);
    pen.textAlign = "left";
  }

  drawArea(pen, color, values, y, floor) {
    const { end } = this.samples;
    pen.fillStyle = color;
    pen.beginPath();
    pen.moveTo(this.x(0), floor);
    // Steps: a value holds for the interval that ends with it.
    values.forEach((value, i) => {
      pen.lineTo(this.x(i === 0 ? 0 : end[i - 1]), y(value));
      pen.lineTo(this.x(end[i]), y(value));
    });
    pen.lineTo(this.x(end.at(-1) ?? 0), floor);
    pen.fill();
  }

  drawLine(pen, color, samples, id, y) {
    const { end } = samples;
    pen.strokeStyle = color;
    pen.lineWidth = 1.25;
    pen.beginPath();
    let isOpen = false;
    samples[id].forEach((value, i) => {
      if (value !== null) {
        pen[isOpen ? "lineTo" : "moveTo"](this.x(i === 0 ? 0 : end[i - 1]), y(value));
        pen.lineTo(this.x(end[i]), y(value));
      }
      isOpen = value !== null;
    });
    pen.stroke();
  }

  // Numbers that are known at the ends of some intervals.
  drawReadings(pen, color, values, y) {
    pen.strokeStyle = color;
    pen.lineWidth = 1.25;
    pen.beginPath();
    let step = "moveTo";
    values.forEach((value, i) => {
      if (value === null) return;
      pen[step](this.x(this.samples.end[i]), y(value));
      step = "lineTo";
    });
    pen.stroke();
  }

  legendOf(palette) {
    const resident = [palette.resident, "resident memory, the profiler's included"];
    if (this.series === RESIDENT) return [swatch(...resident)];
    const isBytes = this.series.id === "bytes";
    const parts = [[palette.accent, isBytes ? "most live in each interval" : this.series.title]];
    if (isBytes) parts.push([palette.area, "least"]);
    if (this.drawsResident()) parts.push(resident);
    return parts.map(([color, text]) => swatch(color, text));
  }

  drawMarks(pen, palette, floor) {
    pen.fillStyle = palette.accent;
    if (this.hasMoments) this.app.stops.forEach((stop) => pen.fillRect(this.x(stop), floor, 1, 3));
    const range = this.drag ?? this.app.state.range?.map((stop) => this.app.stops[stop]);
    if (range) {
      const [left, right] = range.map((time) => this.x(time)).sort((a, b) => a - b);
      pen.fillStyle = palette.accent;
      pen.globalAlpha = 0.16;
      pen.fillRect(left, TOP, right - left, floor - TOP);
      pen.globalAlpha = 1;
      pen.fillRect(left, TOP, 1.5, floor - TOP);
      pen.fillRect(right - 1.5, TOP, 1.5, floor - TOP);
    }
    if (this.cursor >= 0) {
      pen.fillStyle = palette.text;
      pen.fillRect(this.x(this.times[this.cursor]) - 0.5, TOP, 1, floor - TOP);
    }
  }

  sampleAt(time) {
    const at = indexAt(this.times, time);
    return at < 0 ? this.times.length - 1 : at;
  }

  press(event) {
    if (event.button !== 0 || !this.hasMoments) return;
    this.pressed = event.clientX;
    this.from = this.timeAt(event);
    this.area.setPointerCapture(event.pointerId);
  }

  move(event) {
    const time = this.timeAt(event);
    this.cursor = this.sampleAt(time);
    if (this.pressed !== undefined && Math.abs(event.clientX - this.pressed) >= DRAGGED_PIXELS) {
      this.drag = [this.from, time];
    }
    if (!this.app.state.range && !this.drag) this.tell();
    this.tip.show(
      event.clientX,
      event.clientY,
      h("p.name", {}, `Until ${micros(this.times[this.cursor])}`),
      facts(this.facts(this.cursor)),
    );
    this.drawSoon();
  }

  live(i) {
    const [least, most] = [this.samples.least[i], this.samples.bytes[i]];
    return least === most ? bytes(most) : `${bytes(least)} to ${bytes(most)}`;
  }

  facts(i) {
    const { samples } = this;
    return [
      ["Live", this.live(i)],
      ["Blocks", count(samples.blocks[i])],
      ["Allocated so far", bytes(samples.total[i])],
      ["Rate", `${bytes(samples.rate[i])}/s`],
      ["Process", samples.resident[i] === null ? "not known" : bytes(samples.resident[i])],
    ];
  }

  release(event) {
    const { drag } = this;
    this.pressed = undefined;
    this.drag = undefined;
    if (!drag) return;
    const times = [this.from, this.timeAt(event)].sort((a, b) => a - b);
    const [from, to] = times.map((time) => nearest(this.app.stops, time));
    // Between two moments: the range reaches from one to the other.
    this.setRange(from < to ? [from, to] : around(this.app.stops, times));
  }

  leave() {
    this.tip.hide();
    this.cursor = -1;
    this.drawSoon();
    this.tell();
  }

  setRange(range) {
    const { metric } = this.app.state;
    const isRanged = metric.startsWith("range-");
    this.app.set({ range, metric: range && !isRanged ? "range-total" : metric, zoom: null });
  }

  toPeak() {
    this.cursor = peakOf(this.samples);
    this.app.set({
      range: null,
      folded: false,
      metric: this.app.head.reports[0].short_lifetime === null ? "total" : "peak",
    });
    const { bytes: most, end } = this.samples;
    const begin = this.cursor === 0 ? "the start" : micros(end[this.cursor - 1]);
    const until = micros(end[this.cursor]);
    const when = begin === until ? `after about ${until}` : `between ${begin} and ${until}`;
    this.status.textContent = `The peak: ${bytesInFull(most[this.cursor])} live ${when}`;
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step !== undefined && event.shiftKey && this.hasMoments) {
      const last = this.app.stops.length - 1;
      const [from, to] = this.app.state.range ?? [0, step > 0 ? 0 : last];
      const moved = Math.max(from + 1, Math.min(last, to + step));
      this.setRange([from, moved]);
    } else if (step !== undefined) {
      this.cursor = Math.max(0, Math.min(this.times.length - 1, this.cursor + step));
      this.update();
    } else if (event.key === "p") this.toPeak();
    else if (event.key === "Escape") this.setRange(null);
    else return;
    event.preventDefault();
  }
}
