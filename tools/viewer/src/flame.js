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
    if (inverted) {
      this.values = new Float64Array(profile.functionCount);
      this.counts = new Int32Array(profile.functionCount);
    }
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
      this.sourcePair = (node) => sums.pair(node);
      this.sourceNode = (node) => node;
      this.weights = new Float64Array(profile.nodeCount);
      for (const node of outermost(profile, this.focus)) {
        this.weights[node] = sums.of(node);
        this.add(root, node, node);
      }
      root.nodes = root.sources = Int32Array.from(root.nodes);
      return root;
    }
    this.weights = sums.weights;
    this.sourcePair = (leaf) => sums.pairOfLeaf(leaf);
    this.sourceNode = (leaf) => profile.leafNode[leaf];
    root.sources = Int32Array.from(sums.weights.keys()).filter((leaf) => sums.weights[leaf] > 0);
    this.takeAll(root);
    return root;
  }

  add(box, node, source) {
    const value = this.inverted ? this.weights[source] : this.sums.of(node);
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

  // The boxes below `box` whose values are at least `least`, largest first.
  children(box, least = 0) {
    const found = this.inverted ? this.outward(box, least) : this.inward(box);
    const shown = found.filter((child) => child.value > 0 && child.value >= least);
    return shown.sort((a, b) => b.value - a.value || a.fn - b.fn);
  }

  inward(box) {
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
    const { nodeEnd, nodeFunction, nodeCount } = profile;
    // The children of a frame that is left out take its place.
    const open = box.parent === null && this.focus < 0 ? [-1] : [...box.nodes];
    for (let i = 0; i < open.length; i++) {
      const end = open[i] < 0 ? nodeCount : nodeEnd[open[i]];
      for (let child = open[i] + 1; child < end; child = nodeEnd[child]) {
        if (this.hidden[nodeFunction[child]] === 1) open.push(child);
        else put(child, -1);
      }
    }
    for (const child of found) slots[child.fn] = -1;
    return found;
  }

  // Most boxes are too small to be seen: so values come first, and boxes are made of the rest.
  outward(box, least) {
    const { values, counts, slots } = this;
    const { sources } = box;
    const { next, fns } = this.nextOf(box);
    const touched = addUp(fns, sources, this.weights, values, counts);
    const seen = touched.filter((fn) => values[fn] > 0 && values[fn] >= least);
    // The sources of one function side by side, each in the order of before.
    let end = 0;
    for (const fn of seen) {
      slots[fn] = end;
      end += counts[fn];
    }
    const nodes = new Int32Array(end);
    const sorted = new Int32Array(end);
    distribute(fns, slots, next, sources, nodes, sorted);
    const found = seen.map((fn) => {
      const child = this.box(fn, box, box.depth + 1);
      child.value = values[fn];
      child.nodes = nodes.subarray(slots[fn] - counts[fn], slots[fn]);
      child.sources = sorted.subarray(slots[fn] - counts[fn], slots[fn]);
      return child;
    });
    if (this.sums.isCompared) found.forEach((child) => this.addPairs(child));
    for (const fn of touched) {
      values[fn] = counts[fn] = 0;
      slots[fn] = -1;
    }
    return found;
  }

  addPairs(box) {
    for (const source of box.sources) {
      const [before, after] = this.sourcePair(source);
      box.pair[0] += before;
      box.pair[1] += after;
    }
  }

  // The innermost frames of stacks, and their functions.
  start(leaves, next, fns) {
    const { leafNode, nodeFunction } = this.profile;
    for (let i = 0; i < next.length; i++) {
      next[i] = leafNode[leaves[i]];
      fns[i] = next[i] < 0 ? -1 : nodeFunction[next[i]];
    }
  }

  // For each source of `box`, the next frame outward that is not left out, and its function; -1:
  // there is none.
  nextOf(box) {
    const outer = this.profile.outer();
    const { hidden } = this;
    const { nodes } = box;
    const count = box.sources.length;
    const next = new Int32Array(count);
    const fns = new Int32Array(count);
    if (box.parent === null && this.focus < 0) this.start(box.sources, next, fns);
    else {
      for (let i = 0; i < count; i++) {
        next[i] = outer[2 * nodes[i]];
        fns[i] = outer[2 * nodes[i] + 1];
      }
    }
    for (let i = 0; i < count; i++) {
      while (fns[i] >= 0 && hidden[fns[i]] === 1) {
        const node = next[i];
        next[i] = outer[2 * node];
        fns[i] = outer[2 * node + 1];
      }
    }
    return { next, fns };
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
    const first =
      this.focus < 0 ? 0 : nodes.findIndex((node) => nodeFunction[node] === this.focus) + 1;
    return nodes
      .slice(first)
      .filter(isVisible)
      .map((node) => nodeFunction[node]);
  }

  // What `zoom` takes to come back to `box`.
  placeOf(box) {
    if (box.parent === null) return null;
    return [this.inverted ? this.sourceNode(box.sources[0]) : box.nodes[0], box.depth];
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

// Adds up values and counts by function; gives the functions that there are.
function addUp(fns, sources, weights, values, counts) {
  const touched = [];
  for (let i = 0; i < fns.length; i++) {
    const fn = fns[i];
    if (fn < 0) continue;
    if (counts[fn] === 0) touched.push(fn);
    counts[fn]++;
    values[fn] += weights[sources[i]];
  }
  return touched;
}

// Puts nodes and sources where the slots of their functions say, which move on.
function distribute(fns, slots, fromNodes, fromSources, nodes, sources) {
  for (let i = 0; i < fns.length; i++) {
    const fn = fns[i];
    if (fn < 0 || slots[fn] < 0) continue;
    const at = slots[fn]++;
    nodes[at] = fromNodes[i];
    sources[at] = fromSources[i];
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
  for (let node = 0; node < profile.nodeCount;) {
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
    for (let node = root; node < profile.nodeEnd[root];) {
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
