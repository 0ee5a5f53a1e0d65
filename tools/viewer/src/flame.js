// The boxes of a flame graph, row by row, from the outermost frames inward. Only rows that are asked
// for are made, and no box below a least value. Nothing here calls itself: stacks are deep.
//
// A box stands for all frames of one function below the same box: `nodes` are its nodes.

import { outermost, rangesOfNodes, topNodes } from "./nodes.js";

export class Flame {
  // `hidden`: for each function, whether its frames are left out. `focus`: a function, or -1.
  constructor(profile, sums, settings) {
    Object.assign(this, { focus: -1, ...settings, profile, sums });
    this.prepare();
    this.root = this.makeRoot();
    this.rows = [[this.root]];
    this.zoomed = this.root;
    this.isWhole = false;
  }

  prepare() {
    this.slots = new Int32Array(this.profile.functionCount).fill(-1);
  }

  get scale() {
    return this.zoomed.value > 0 ? 1 / this.zoomed.value : 0;
  }

  box(fn, parent, depth) {
    const pair = this.sums.isCompared ? [0, 0] : null;
    return { fn, parent, depth, x: 0, value: 0, pair, nodes: [] };
  }

  makeRoot() {
    const root = this.box(this.focus, null, 0);
    const nodes = this.focus >= 0 ? outermost(this.profile, this.focus) : topNodes(this.profile);
    for (const node of nodes) this.add(root, node);
    if (this.focus < 0) this.takeAll(root);
    return root;
  }

  // Stacks without frames count, too.
  takeAll(root) {
    root.value = this.sums.total;
    if (root.pair) root.pair = this.sums.pairOfAll();
  }

  add(box, node) {
    const value = this.sums.of(node);
    if (!(value > 0)) return;
    box.value += value;
    box.nodes.push(node);
    if (box.pair) {
      const [before, after] = this.sums.pair(node);
      box.pair[0] += before;
      box.pair[1] += after;
    }
  }

  // The boxes below `box` whose values are at least `least`, largest first.
  children(box, least = 0) {
    const shown = this.below(box, least).filter(
      (child) => child.value > 0 && child.value >= least,
    );
    return shown.sort((a, b) => b.value - a.value || a.fn - b.fn);
  }

  below(box) {
    const found = [];
    const { slots, profile } = this;
    const put = (node) => {
      const fn = profile.nodeFunction[node];
      if (slots[fn] < 0) {
        slots[fn] = found.length;
        found.push(this.box(fn, box, box.depth + 1));
      }
      this.add(found[slots[fn]], node);
    };
    const { nodeEnd, nodeFunction, nodeCount } = profile;
    // The children of a frame that is left out take its place.
    const open = box.parent === null && this.focus < 0 ? [-1] : [...box.nodes];
    for (let i = 0; i < open.length; i++) {
      const end = open[i] < 0 ? nodeCount : nodeEnd[open[i]];
      for (let child = open[i] + 1; child < end; child = nodeEnd[child]) {
        if (this.hidden[nodeFunction[child]] === 1) open.push(child);
        else put(child);
      }
    }
    for (const child of found) slots[child.fn] = -1;
    return found;
  }

  // Gives the whole width to the box of `zoom`, [node, depth], as far as it is there.
  zoom(zoom) {
    let box = this.root;
    this.rows = [[box]];
    for (const fn of zoom ? this.path(zoom) : []) {
      const child = this.children(box).find((child) => child.fn === fn);
      if (!child) break;
      box = child;
      this.rows.push([box]);
    }
    this.zoomed = box;
    this.isWhole = false;
  }

  // The functions on the way from the root to a box, without the root.
  path([start]) {
    const { nodeParent, nodeFunction } = this.profile;
    const nodes = [];
    for (let node = start; node >= 0; node = nodeParent[node]) nodes.push(node);
    nodes.reverse();
    const first =
      this.focus < 0 ? 0 : nodes.findIndex((node) => nodeFunction[node] === this.focus) + 1;
    return nodes
      .slice(first)
      .map((node) => nodeFunction[node])
      .filter((fn) => this.hidden[fn] === 0);
  }

  // What `zoom` takes to come back to `box`.
  placeOf(box) {
    return box.parent === null ? null : [box.nodes[0], box.depth];
  }

  // The stacks of a box, as ranges.
  ranges(box) {
    return box.parent === null && this.focus < 0
      ? [[0, this.profile.leafCount]]
      : rangesOfNodes(this.profile, box.nodes);
  }

  // Makes rows up to `depth`, without boxes whose share of the width is below `least`; until `enough`
  // says so.
  ensure(depth, least, enough = () => false) {
    while (!this.isWhole && this.rows.length <= depth && !enough()) {
      const row = [];
      for (const parent of this.rows.at(-1)) {
        if (parent.depth < this.zoomed.depth) continue;
        let x = parent.x;
        for (const child of this.children(parent, least * this.zoomed.value)) {
          child.x = x;
          x += child.value * this.scale;
          row.push(child);
        }
      }
      if (row.length === 0) this.isWhole = true;
      else this.rows.push(row);
    }
  }

  // The share of the width of a box: all of it for those around the zoomed one.
  width(box) {
    return box.depth <= this.zoomed.depth ? 1 : box.value * this.scale;
  }
}

// Which functions' frames are left out.
export function hiddenFunctions(profile, hide) {
  const hidden = new Uint8Array(profile.functionCount);
  if (hide.length === 0) return hidden;
  const crates = new Set(hide);
  for (let fn = 0; fn < hidden.length; fn++) {
    const origin = profile.functionOrigin[fn];
    const isStandard = origin === 2 || origin === 3;
    const isHidden =
      (crates.has("std") && isStandard) ||
      (crates.has("lib") && origin === 1) ||
      crates.has(`crate:${profile.crateName(fn)}`);
    hidden[fn] = isHidden ? 1 : 0;
  }
  return hidden;
}
