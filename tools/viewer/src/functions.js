// Numbers of functions: own, and with all that they call; who calls whom.

// For each function, the sum of the stacks through it (recursion counted once) and of those that
// end in it. `pick`: the numbers of a node, [cumulative, own].
export function functionSums(profile, sums) {
  const count = profile.functionCount;
  const result = { own: new Float64Array(count), cumulative: new Float64Array(count) };
  if (sums.isCompared) {
    result.before = new Float64Array(count);
    result.after = new Float64Array(count);
  }
  const ends = new Int32Array(count);
  const { nodeFunction, nodeEnd, nodeCount } = profile;
  for (let node = 0; node < nodeCount; node++) {
    const fn = nodeFunction[node];
    result.own[fn] += sums.own(node);
    if (node < ends[fn]) continue;
    ends[fn] = nodeEnd[node];
    result.cumulative[fn] += sums.of(node);
    if (result.before) {
      const [before, after] = sums.pair(node);
      result.before[fn] += before;
      result.after[fn] += after;
    }
  }
  return result;
}

// The functions that `fn` calls and those that call it, with the sums of the stacks through both,
// largest first. -1 stands for "nothing": the outermost frame's caller.
export function neighbours(profile, sums, fn) {
  const callers = new Map();
  const callees = new Map();
  const ends = new Map();
  const { nodeFunction, nodeParent, nodeEnd, nodeCount } = profile;
  const add = (map, key, value) => map.set(key, (map.get(key) ?? 0) + value);
  let end = 0;
  for (let node = 0; node < nodeCount; node++) {
    if (nodeFunction[node] !== fn) continue;
    if (node >= end) {
      end = nodeEnd[node];
      add(callers, nodeParent[node] < 0 ? -1 : nodeFunction[nodeParent[node]], sums.of(node));
    }
    for (let child = node + 1; child < nodeEnd[node]; child = nodeEnd[child]) {
      const callee = nodeFunction[child];
      if (child < (ends.get(callee) ?? 0)) continue;
      ends.set(callee, nodeEnd[child]);
      add(callees, callee, sums.of(child));
    }
  }
  const sorted = (map) =>
    [...map].filter(([, value]) => value > 0).sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return { callers: sorted(callers), callees: sorted(callees) };
}

// One frame of each function, to say where it is.
export function frameOfFunctions(profile) {
  const frames = new Int32Array(profile.functionCount).fill(-1);
  profile.frameFunction.forEach((fn, frame) => {
    if (frames[fn] < 0 || (profile.frameLine[frame] > 0 && profile.frameLine[frames[fn]] === 0)) {
      frames[fn] = frame;
    }
  });
  return frames;
}

// The modules of functions that have an address alone for a name, and how many each has, the most
// first: `libfoo.so (12 functions), app (1 function)`.
export function modulesWithoutNames(profile, placeOfFunction) {
  const counts = new Map();
  for (let fn = 0; fn < profile.functionCount; fn++) {
    if (!/^0x[0-9a-f]+$/.test(profile.functionName(fn))) continue;
    const module = placeOfFunction(fn) || "an unknown module";
    counts.set(module, (counts.get(module) ?? 0) + 1);
  }
  const number = (n) => `${n} ${n === 1 ? "function" : "functions"}`;
  const all = [...counts].sort(([, a], [, b]) => b - a);
  const shown = all.slice(0, 4).map(([module, n]) => `${module} (${number(n)})`);
  if (all.length > shown.length) shown.push(`${all.length - shown.length} more`);
  return shown.join(", ");
}

// Which functions' names have `text` in them; letters large or small.
export function matching(profile, text) {
  const matches = new Uint8Array(profile.functionCount);
  if (text === "") return matches;
  const wanted = text.toLowerCase();
  const found = profile.texts.map((name) => name.toLowerCase().includes(wanted));
  for (let fn = 0; fn < matches.length; fn++) matches[fn] = found[profile.functionText[fn]] ? 1 : 0;
  return matches;
}

// For each node, whether it or a frame outward of it satisfies `test`, given a function.
export function nodesWith(profile, test) {
  const nodes = new Uint8Array(profile.nodeCount);
  const { nodeParent, nodeFunction } = profile;
  for (let node = 0; node < nodes.length; node++) {
    const parent = nodeParent[node];
    nodes[node] = (parent >= 0 && nodes[parent] === 1) || test(nodeFunction[node]) ? 1 : 0;
  }
  return nodes;
}

// For each node, the outermost function of its stack.
export function entries(profile) {
  const outer = new Int32Array(profile.nodeCount);
  const { nodeParent, nodeFunction } = profile;
  for (let node = 0; node < outer.length; node++) {
    const parent = nodeParent[node];
    outer[node] = parent < 0 ? nodeFunction[node] : outer[parent];
  }
  return outer;
}
