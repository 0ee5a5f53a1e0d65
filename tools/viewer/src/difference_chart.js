// The heaps of two reports over time, as two lines. Nothing of the reports is compared at a moment,
// so there is no range.

import { Chart, SERIES } from "./chart.js";
import { lineKey } from "./dom.js";
import { bytes, count, micros, numberOf } from "./format.js";
import { indexAt, samplesOf } from "./timeline.js";

const DASHES = [5, 4];

export class DifferenceChart extends Chart {
  constructor(app, tip) {
    super(app, tip);
    const [first] = app.head.reports;
    this.before = samplesOf(first.timeline);
    this.end = Math.max(this.end, numberOf(first.end), this.before.end.at(-1));
    const times = new Set([...this.before.end, ...this.samples.end]);
    this.times = [...times].sort((a, b) => a - b);
  }

  help() {
    return "Heaps of both reports over time. Arrow keys move the cursor.";
  }

  buttons() {
    return [];
  }

  // There are two.
  toPeak() {}

  titles() {
    return ["Until", "Most live before", "after", "Live blocks before", "after"];
  }

  // Of an entry of `times`: before, after; a dash behind a report's end.
  both(i, id, format) {
    return [this.before, this.samples].map((samples) => {
      const at = indexAt(samples.end, this.times[i]);
      return at < 0 ? "–" : format(samples[id][at]);
    });
  }

  cells(i) {
    return [...this.both(i, "bytes", bytes), ...this.both(i, "blocks", count)];
  }

  facts(i) {
    const [live, liveAfter] = this.both(i, "bytes", bytes);
    const [blocks, blocksAfter] = this.both(i, "blocks", count);
    return [
      ["Live before", live],
      ["Live after", liveAfter],
      ["Blocks before", blocks],
      ["Blocks after", blocksAfter],
    ];
  }

  offered() {
    return SERIES;
  }

  get hasMoments() {
    return false;
  }

  hint() {
    return "A range of time can be drawn in the page of each single report.";
  }

  sampleText(i) {
    const [before, after] = this.both(i, "bytes", bytes);
    return `Until ${micros(this.times[i])}: ${before} live before, ${after} after`;
  }

  drawValues(pen, palette, y) {
    pen.setLineDash(DASHES);
    this.drawLine(pen, palette.resident, this.before, this.series.id, y);
    pen.setLineDash([]);
    this.drawLine(pen, palette.accent, this.samples, this.series.id, y);
  }

  mostOf(values) {
    const all = [...values, ...this.before[this.series.id]];
    return Math.max(1, all.reduce((a, b) => Math.max(a, b), 0) * 1.05);
  }

  legendOf(palette) {
    return [lineKey(palette.resident, "before", true), lineKey(palette.accent, "after", false)];
  }
}
