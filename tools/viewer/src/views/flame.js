// The flame graph: a canvas that shows the rows in sight, and a table behind it.

import { fill, h, oncePerPicture, prepare, swatch } from "../dom.js";
import { Flame } from "../flame.js";
import { InvertedFlame } from "../inverted.js";
import { matched, outermost, topNodes } from "../nodes.js";
import { amount, share } from "../format.js";
import { fitted } from "../names.js";
import { boxColor, colors } from "../colors.js";
import { facts } from "../tip.js";
import { change, inWords } from "../words.js";

const ROW = 20;
const GAP = 1;
const LEAST_PIXELS = 0.5;
const FONT = "12px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const MOST_LISTED = 100;
// Of a picture, for making rows.
const BUDGET_MILLIS = 60;

export class FlameView {
  constructor(app, tip) {
    Object.assign(this, { app, tip });
    this.canvas = h("canvas", { "aria-hidden": "true" });
    this.spacer = h("div.spacer");
    this.live = h("p.status", { role: "status" });
    this.scroller = h(
      "div.flame",
      {
        tabindex: "0",
        role: "application",
        "aria-label": "Flame graph. Arrow keys move, Enter zooms in, Escape zooms out, F focuses.",
        onkeydown: (event) => this.key(event),
        onscroll: () => this.drawSoon(),
        onclick: (event) => this.click(event),
        onmousemove: (event) => this.hover(event),
        onmouseleave: () => this.leave(),
      },
      h("div.stick", {}, this.canvas),
      this.spacer,
    );
    this.rows = h("tbody");
    this.list = h(
      "details.behind",
      { ontoggle: () => this.fillList() },
      h("summary", {}, "The largest boxes as a table"),
      this.listTable(),
    );
    this.legend = h("p.legend");
    this.element = h(
      "section.view",
      { "aria-label": "Flame graph" },
      this.legend,
      this.scroller,
      h("div.under", {}, this.live, this.list),
    );
    this.drawSoon = oncePerPicture(() => this.draw());
    new ResizeObserver(() => this.drawSoon()).observe(this.scroller);
  }

  listTable() {
    const titles = ["Depth", "Function", this.app.metric.label, "Share"];
    const head = h(
      "tr",
      {},
      titles.map((title) => h("th", { scope: "col" }, title)),
    );
    return h("table.plain", {}, h("thead", {}, head), this.rows);
  }

  update() {
    const { app } = this;
    const { state } = app;
    const key = [
      state.metric,
      state.range,
      state.hide.join("\n"),
      state.inverted,
      state.focus,
    ].join("|");
    if (this.key_ !== key || this.sums !== app.sums()) {
      this.key_ = key;
      this.sums = app.sums();
      const settings = { hidden: app.hidden(), focus: state.focus };
      this.flame = state.inverted
        ? new InvertedFlame(app.profile, this.sums, { ...settings, inversion: app.inversion() })
        : new Flame(app.profile, this.sums, settings);
      this.zoomKey = null;
    }
    if (this.zoomKey !== String(state.zoom)) {
      this.zoomKey = String(state.zoom);
      this.flame.zoom(state.zoom);
      this.selected = this.flame.zoomed;
      this.scroller.scrollTop = Math.max(0, (this.flame.zoomed.depth - 2) * ROW);
    }
    this.tellShare();
    this.drawSoon();
    if (this.list.open) this.fillList();
  }

  // What the line below says: of the selected box, or of what was searched.
  tellShare() {
    const { app } = this;
    const parts = [this.textOf(this.selected)];
    if (app.state.search !== "") {
      const { profile } = app;
      const { focus } = app.state;
      const within = focus >= 0 ? outermost(profile, focus) : topNodes(profile);
      const sum = matched(profile, this.sums, app.matches(), within);
      this.matchedSum = sum;
      parts.unshift(
        `“${app.state.search}”: ${this.amount(sum)}, ${share(sum, this.flame.root.value)} of all`,
      );
    }
    this.live.textContent = parts.join(" · ");
    fill(this.legend, this.legendOf());
  }

  legendOf() {
    const palette = colors();
    if (this.sums.isCompared) {
      return [
        swatch(palette.grown, "grew (+)"),
        swatch(palette.same, "as before"),
        swatch(palette.shrunk, "shrank (−)"),
        h("span.note", {}, "A box is as wide as the larger of both."),
      ];
    }
    return [
      ["own", "the program"],
      ["library", "libraries"],
      ["standard", "standard library"],
      ["plumbing", "allocating functions"],
    ].map(([origin, text]) => swatch(palette[origin], text));
  }

  amount(value) {
    return amount(this.app.metric.unit, value, this.app.units);
  }

  textOf(box) {
    const name = this.app.name(box.fn);
    const text = box.pair
      ? `${this.amount(box.pair[0])} → ${this.amount(box.pair[1])} (${this.change(box)})`
      : `${this.amount(box.value)}, ${share(box.value, this.flame.root.value)} of all`;
    return `${name}: ${text}`;
  }

  change(box) {
    return change(box.pair[0], box.pair[1], (value) => this.amount(value));
  }

  draw() {
    const { scroller, flame } = this;
    if (!flame || scroller.clientWidth === 0) return;
    const width = scroller.clientWidth;
    const height = scroller.clientHeight;
    const first = Math.floor(scroller.scrollTop / ROW);
    const last = first + Math.ceil(height / ROW) + 1;
    // What takes longer than a picture may is drawn with the next ones.
    const start = performance.now();
    const enough = () => performance.now() - start > BUDGET_MILLIS;
    flame.ensure(last + 1, LEAST_PIXELS / width, enough);
    if (!flame.isWhole && flame.rows.length <= last + 1) this.drawSoon();
    this.scroller.setAttribute(
      "aria-busy",
      String(!flame.isWhole && flame.rows.length <= last + 1),
    );
    const rows = flame.rows.length + (flame.isWhole ? 0 : 20);
    this.spacer.style.height = `${Math.max(0, rows * ROW - height)}px`;
    const pen = prepare(this.canvas, width, height);
    pen.font = FONT;
    pen.textBaseline = "middle";
    this.letter = pen.measureText("M").width;
    this.palette = colors();
    for (let depth = first; depth < Math.min(last, flame.rows.length); depth++) {
      for (const box of flame.rows[depth])
        this.drawBox(pen, box, width, depth * ROW - scroller.scrollTop);
    }
  }

  drawBox(pen, box, width, top) {
    const { app, palette } = this;
    const left = box.x * width;
    const wide = this.flame.width(box) * width;
    const inner = Math.max(LEAST_PIXELS, wide - GAP);
    const isSearching = app.state.search !== "";
    const isMatch = isSearching && box.fn >= 0 && app.matches()[box.fn] === 1;
    const isDim = box.depth < this.flame.zoomed.depth || (isSearching && !isMatch);
    pen.globalAlpha = isDim ? 0.42 : 1;
    pen.fillStyle = isMatch ? palette.match : boxColor(palette, app.profile, box);
    pen.fillRect(left, top, inner, ROW - GAP);
    pen.globalAlpha = isDim ? 0.75 : 1;
    if (box === this.selected) {
      pen.strokeStyle = palette.text;
      pen.lineWidth = 1.5;
      pen.strokeRect(left + 0.75, top + 0.75, Math.max(1, inner - 1.5), ROW - GAP - 1.5);
    }
    const room = Math.floor((wide - 8) / this.letter);
    if (room >= 3) {
      pen.fillStyle = isMatch ? palette["match-text"] : palette["box-text"];
      pen.fillText(this.label(box, room), left + 4, top + (ROW - GAP) / 2 + 0.5, wide - 6);
    }
    pen.globalAlpha = 1;
  }

  label(box, room) {
    const name = this.app.name(box.fn);
    if (!box.pair) {
      const size = box.fn < 0 ? `all: ${this.amount(box.value)}` : name;
      return fitted(size, room);
    }
    const sign = box.pair[1] > box.pair[0] ? "+ " : box.pair[1] < box.pair[0] ? "− " : "";
    return sign + fitted(name, room - sign.length);
  }

  boxAt(event) {
    const area = this.scroller.getBoundingClientRect();
    const depth = Math.floor((event.clientY - area.top + this.scroller.scrollTop) / ROW);
    const x = (event.clientX - area.left) / this.scroller.clientWidth;
    const row = this.flame?.rows[depth] ?? [];
    return row.find((box) => x >= box.x && x < box.x + this.flame.width(box));
  }

  hover(event) {
    const box = this.boxAt(event);
    if (!box) return this.leave();
    this.scroller.style.cursor = "pointer";
    this.tip.show(event.clientX, event.clientY, ...this.described(box));
  }

  leave() {
    this.scroller.style.cursor = "";
    this.tip.hide();
  }

  described(box) {
    const { app } = this;
    const place = box.fn < 0 ? "" : app.placeOfFunction(box.fn);
    return [
      h("p.name", {}, box.fn < 0 ? "All stacks" : app.name(box.fn)),
      place && h("p.place", {}, place),
      h(
        "p.share",
        {},
        `${app.metric.label}: ${this.textOf(box).slice(app.name(box.fn).length + 2)}`,
      ),
      facts(inWords(app.profile, this.flame.ranges(box), app.state.range)),
      h("p.hint", {}, "Click to zoom. F: focus on this function."),
    ];
  }

  click(event) {
    const box = this.boxAt(event);
    if (box) this.zoomTo(box);
  }

  zoomTo(box) {
    this.app.set({ zoom: this.flame.placeOf(box) });
  }

  key(event) {
    const { flame, selected } = this;
    const move = {
      ArrowDown: () => this.below(selected),
      ArrowUp: () => selected.parent,
      ArrowLeft: () => this.beside(selected, -1),
      ArrowRight: () => this.beside(selected, 1),
      Home: () => flame.root,
      End: () => this.deepest(),
    }[event.key];
    if (move) {
      event.preventDefault();
      return this.select(move());
    }
    if (event.key === "Enter") this.zoomTo(selected);
    else if (event.key === "Escape" || event.key === "Backspace")
      this.zoomTo(flame.zoomed.parent ?? flame.root);
    else if (event.key === "f" && selected.fn >= 0)
      this.app.set({ focus: selected.fn, zoom: null });
    else return;
    event.preventDefault();
  }

  deepest() {
    this.flame.ensure(Infinity, LEAST_PIXELS / this.scroller.clientWidth);
    this.spacer.style.height = `${this.flame.rows.length * ROW}px`;
    return this.flame.rows.at(-1)[0];
  }

  below(box) {
    this.flame.ensure(box.depth + 1, LEAST_PIXELS / this.scroller.clientWidth);
    return this.flame.rows[box.depth + 1]?.find((child) => child.parent === box);
  }

  beside(box, step) {
    const row = this.flame.rows[box.depth];
    return row[row.indexOf(box) + step];
  }

  select(box) {
    if (!box) return;
    this.selected = box;
    const top = box.depth * ROW;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW > scrollTop + clientHeight)
      this.scroller.scrollTop = top + ROW - clientHeight;
    this.tellShare();
    this.drawSoon();
  }

  fillList() {
    if (!this.list.open || !this.flame) return;
    this.flame.ensure(40, LEAST_PIXELS / Math.max(320, this.scroller.clientWidth));
    const boxes = this.flame.rows.slice(0, 40).flat();
    boxes.sort((a, b) => b.value - a.value || a.depth - b.depth);
    fill(
      this.rows,
      boxes
        .slice(0, MOST_LISTED)
        .map((box) =>
          h(
            "tr",
            {},
            h("td", {}, String(box.depth)),
            h("td.wide", {}, this.app.name(box.fn)),
            h(
              "td",
              {},
              box.pair
                ? `${this.amount(box.pair[1])} (${this.change(box)})`
                : this.amount(box.value),
            ),
            h("td", {}, share(box.value, this.flame.root.value)),
          ),
        ),
    );
  }
}
