// The box that follows the mouse.

import { fill, h } from "./dom.js";

export class Tip {
  constructor() {
    this.element = h("div.tip", { role: "tooltip", hidden: true });
    document.body.append(this.element);
  }

  show(x, y, ...content) {
    fill(this.element, ...content);
    this.element.hidden = false;
    const { width, height } = this.element.getBoundingClientRect();
    const left = Math.min(x + 14, window.innerWidth - width - 8);
    const above = y + 18 + height > window.innerHeight - 4;
    this.element.style.left = `${Math.max(8, left)}px`;
    this.element.style.top = `${Math.max(4, above ? y - height - 12 : y + 18)}px`;
  }

  hide() {
    this.element.hidden = true;
  }
}

export function facts(lines) {
  return h(
    "dl.facts",
    {},
    lines.map(([label, text]) => [h("dt", {}, label), h("dd", {}, text)]),
  );
}
