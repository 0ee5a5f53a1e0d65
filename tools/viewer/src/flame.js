// The boxes of a flame graph, row by row: outer to inner, or inverted. Only rows that are asked
// for are made, and no box below a least value. Nothing here calls itself: stacks are deep.
//
// A box stands for all frames of one function below the same box: `nodes` are its nodes, and in an
// inverted graph, `sources` are the stacks that it is of.

export class Flame {
  // `hidden`: for each function, whether its frames are left out. `focus`: a function, or -1.
  constructor(profile, sums, { hidden, inverted = false, focus = -1 }) {
    Object.assign(this, { profile, sums, hidden, inverted, focus });
    this.slots = new Int32Array(profile.functionCount).fill(-1);
    this.root = inverted ? this.invertedRoot() : this.outerRoot();
    this.rows = [[this.root]];
    this.zoomed = this.root;
    this.isWhole = false;
  }

  get scale() {
    return this.zoomed.value > 0 ? 1 / this.zoomed.value : 0;
  }

  box(fn, parent, depth) {
    const pair = this.sums.isCompared ? [0, 0] : null;
    return { fn, parent, depth, x: 0, value: 0, pair, nodes: [], sources: [] };
  }

  outerRoot() {
    const root = this.box(this.focus, null, 0);
    const nodes = this.focus >= 0 ? outermost(this.profile, this.focus) : topNodes(this.profile);
    for (const node of nodes) this.add(root, node, -1);
    if (this.focus < 0) this.takeAll(root);
    return root;
  }

  // Stacks without frames count, too.
  takeAll(root) {
    root.value = this.sums.total;
    if (root.pair) root.pair = this.sums.pairOfAll();
  }

  // Sources are stacks; in a graph with a focus, the focused function's nodes.
  invertedRoot() {
    const { profile, sums } = this;
    const root = this.box(this.focus, null, 0);
    if (this.focus >= 0) {
      this.sourceSums = (node) => sums.of(node);
      this.sourcePair = (node) => sums.pair(node);
      this.sourceNode = (node) => node;
      for (const node of outermost(profile, this.focus)) this.add(root, node, node);
      return root;
    }
    this.sourceSums = (leaf) => sums.leaf(leaf);
    this.sourcePair = (leaf) => sums.pairOfLeaf(leaf);
    this.sourceNode = (leaf) => profile.leafNode[leaf];
    for (let leaf = 0; leaf < profile.leafCount; leaf++) {
      if (sums.leaf(leaf) > 0) {
        root.sources.push(leaf);
        root.nodes.push(-1);
      }
    }
    this.takeAll(root);
    return root;
  }

  add(box, node, source) {
    const value = this.inverted ? this.sourceSums(source) : this.sums.of(node);
    if (!(value > 0)) return;
    box.value += value;
    box.nodes.push(node);
    if (this.inverted) box.sources.push(source);
    if (box.pair) {
      const [before, after] = this.inverted ? this.sourcePair(source) : this.sums.pair(node);
      box.pair[0] += before;
      box.pair[1] += after;
    }
  }

  // The boxes below `box`, largest first.
  children(box) {
    const found = [];
    const { slots, profile } = this;
    const put = (node, source) => {
      const fn = profile.nodeFunction[node];
      if (slots[fn] < 0) {
        slots[fn] = found.length;
        found.push(this.box(fn, box, box.depth + 1));
      }
      this.add(found[slots[fn]], node, source);
    };
    if (this.inverted) this.outward(box, put);
    else this.inward(box, put);
    for (const child of found) slots[child.fn] = -1;
    const inOrder = found.filter((child) => child.value > 0);
    return inOrder.sort((a, b) => b.value - a.value || a.fn - b.fn);
  }

  inward(box, put) {
    const { nodeEnd, nodeFunction } = this.profile;
    // The children of a frame that is left out take its place.
    const open = box.parent === null && this.focus < 0 ? [-1] : [...box.nodes];
    for (let i = 0; i < open.length; i++) {
      const end = open[i] < 0 ? this.profile.nodeCount : nodeEnd[open[i]];
      for (let child = open[i] + 1; child < end; child = nodeEnd[child]) {
        if (this.hidden[nodeFunction[child]] === 1) open.push(child);
        else put(child, -1);
      }
    }
  }

  outward(box, put) {
    const { nodeParent, nodeFunction } = this.profile;
    const isStart = box.parent === null && this.focus < 0;
    for (let i = 0; i < box.sources.length; i++) {
      let node = isStart ? this.sourceNode(box.sources[i]) : nodeParent[box.nodes[i]];
      while (node >= 0 && this.hidden[nodeFunction[node]] === 1) node = nodeParent[node];
      if (node >= 0) put(node, box.sources[i]);
    }
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
  path([start, depth]) {
    const { nodeParent, nodeFunction } = this.profile;
    const way = [];
    const isVisible = (node) => this.hidden[nodeFunction[node]] === 0;
    if (this.inverted) {
      let node = this.focus >= 0 ? nodeParent[start] : start;
      for (; node >= 0 && way.length < depth; node = nodeParent[node]) {
        if (isVisible(node)) way.push(nodeFunction[node]);
      }
      return way;
    }
    const nodes = [];
    for (let node = start; node >= 0; node = nodeParent[node]) nodes.push(node);
    nodes.reverse();
    const first = this.focus < 0 ? 0 : nodes.findIndex((node) => nodeFunction[node] === this.focus) + 1;
    return nodes.slice(first).filter(isVisible).map((node) => nodeFunction[node]);
  }

  // What `zoom` takes to come back to `box`.
  placeOf(box) {
    if (box.parent === null) return null;
    return [this.inverted ? this.sourceNode(box.sources[0]) : box.nodes[0], box.depth];
  }

  // Makes rows up to `depth`, without boxes whose share of the width is below `least`.
  ensure(depth, least) {
    while (!this.isWhole && this.rows.length <= depth) {
      const row = [];
      for (const parent of this.rows.at(-1)) {
        if (parent.depth < this.zoomed.depth) continue;
        let x = parent.x;
        for (const child of this.children(parent)) {
          child.x = x;
          x += child.value * this.scale;
          if (child.value * this.scale < least) break;
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

export function topNodes(profile) {
  const nodes = [];
  for (let node = 0; node < profile.nodeCount; node = profile.nodeEnd[node]) nodes.push(node);
  return nodes;
}

// The nodes of a function that are not within others of it: recursion counts once.
export function outermost(profile, fn) {
  const nodes = [];
  for (let node = 0; node < profile.nodeCount; ) {
    if (profile.nodeFunction[node] === fn) {
      nodes.push(node);
      node = profile.nodeEnd[node];
    } else node++;
  }
  return nodes;
}

// The sum of all stacks that have a frame of the functions `matches`, each counted once.
export function matched(profile, sums, matches, within) {
  let sum = 0;
  for (const root of within) {
    for (let node = root; node < profile.nodeEnd[root]; ) {
      if (matches[profile.nodeFunction[node]] === 1) {
        sum += sums.of(node);
        node = profile.nodeEnd[node];
      } else node++;
    }
  }
  return sum;
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
