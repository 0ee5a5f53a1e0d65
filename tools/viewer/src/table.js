// A table of any number of rows, of which only those in sight are elements.

import { fill, h, oncePerPicture } from "./dom.js";

const ROW = 30;
const SPARE = 12;

export class Table {
  // `columns`: [{ id, title, hint, text: row => string or nodes, key: row => number or string, wide,
  // grow }]. `onChoose(row)`, `onSort(id)`.
  constructor({ label, columns, onChoose, onSort }) {
    Object.assign(this, { columns, onChoose, onSort });
    this.rows = [];
    this.chosen = -1;
    this.body = h("tbody");
    this.head = h(
      "tr",
      {},
      columns.map((column) => this.headOf(column)),
    );
    this.table = h("table", { "aria-label": label }, h("thead", {}, this.head), this.body);
    this.empty = h("p.empty", { hidden: true });
    this.element = h(
      "div.table",
      { tabindex: "0", onkeydown: (event) => this.key(event) },
      this.table,
      this.empty,
    );
    this.draw = oncePerPicture(() => this.show());
    this.element.addEventListener("scroll", this.draw);
    new ResizeObserver(this.draw).observe(this.element);
    window.addEventListener("beforeprint", () => this.show(200));
    window.addEventListener("afterprint", this.draw);
  }

  headOf(column) {
    const sort = h(
      "button",
      { type: "button", title: column.hint, onclick: () => this.onSort(column.id) },
      column.title,
    );
    return h(column.wide ? "th.wide" : "th", { scope: "col" }, sort);
  }

  set({ rows, sortedBy, isAscending, chosen, empty }) {
    const same = this.rows === rows;
    Object.assign(this, { rows, chosen });
    this.table.setAttribute("aria-rowcount", String(rows.length + 1));
    [...this.head.children].forEach((cell, i) => {
      const order = isAscending ? "ascending" : "descending";
      if (this.columns[i].id === sortedBy) cell.setAttribute("aria-sort", order);
      else cell.removeAttribute("aria-sort");
    });
    this.empty.hidden = rows.length > 0;
    this.empty.textContent = empty;
    if (!same) this.element.scrollTop = 0;
    this.show();
  }

  show(atLeast = 0) {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - SPARE);
    const seen = Math.ceil(this.element.clientHeight / ROW) + 2 * SPARE;
    const last = Math.min(this.rows.length, first + Math.max(seen, atLeast));
    const rows = [];
    for (let i = first; i < last; i++) rows.push(this.row(this.rows[i], i));
    fill(this.body, gap(first), rows, gap(this.rows.length - last));
  }

  row(row, index) {
    const cells = this.columns.map((column) => {
      const cell = column.text(row);
      return h(column.wide ? "td.wide" : "td", {}, cell);
    });
    return h(
      "tr",
      {
        "aria-rowindex": String(index + 2),
        "aria-selected": String(row === this.chosen),
        onclick: () => this.onChoose(row),
      },
      cells,
    );
  }

  key(event) {
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 15,
      PageUp: -15,
      Home: -Infinity,
      End: Infinity,
    };
    const step = steps[event.key];
    if (step === undefined || this.rows.length === 0 || event.target !== this.element) return;
    event.preventDefault();
    const now = this.rows.indexOf(this.chosen);
    const next = Math.max(0, Math.min(this.rows.length - 1, now + step));
    this.reveal(next);
    this.onChoose(this.rows[next]);
  }

  reveal(index) {
    const top = index * ROW;
    const room = this.element.clientHeight - 2 * ROW;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top > this.element.scrollTop + room) this.element.scrollTop = top - room;
  }
}

function gap(rows) {
  if (rows <= 0) return null;
  return h("tr.gap", { "aria-hidden": "true", style: { height: `${rows * ROW}px` } });
}

// The order of rows by a column: numbers from the largest on, texts from A on. Equal rows stay as
// they were.
export function sorted(rows, key, isAscending) {
  const keys = rows.map(key);
  const order = Uint32Array.from(rows.keys());
  const sign = isAscending ? 1 : -1;
  if (typeof keys[0] === "string") {
    const { compare } = new Intl.Collator("en");
    order.sort((a, b) => sign * compare(keys[a], keys[b]) || a - b);
  } else {
    const numbers = Float64Array.from(keys, (number) => sign * number);
    order.sort((a, b) => numbers[a] - numbers[b] || a - b);
  }
  return Array.from(order, (place) => rows[place]);
}
