// What is shown, as it stands in the address: `#view=flame&metric=peak`.

const DEFAULTS = {
  view: "overview",
  metric: "",
  search: "",
  inverted: false,
  // Which frames are left out: "std", "lib", or a crate's name.
  hide: [],
  // A function's number, or -1.
  focus: -1,
  // [node, depth] of the box that fills the width, or null.
  zoom: null,
  // [stop, stop] of the report's moments, or null.
  range: null,
  crate: "",
  group: "",
  entry: "",
  // A stop: only what is older. -1: all.
  older: -1,
  // A function's or a stack's number, or -1.
  chosen: -1,
  sort: "",
  // The heap over time has its heading alone.
  folded: false,
  theme: "",
};

export function defaults() {
  return { ...DEFAULTS, hide: [] };
}

export function toHash(state) {
  const words = new URLSearchParams();
  for (const [key, standard] of Object.entries(DEFAULTS)) {
    const value = state[key];
    if (value === null || String(value) === String(standard)) continue;
    if (key === "hide") value.forEach((name) => words.append(key, name));
    else words.set(key, Array.isArray(value) ? value.join("-") : String(value));
  }
  return `#${words}`;
}

// Takes what it can use of an address; `limits` says how many functions, nodes, stacks and stops
// there are, once that is known.
export function fromHash(hash, limits = null) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const state = defaults();
  for (const key of ["view", "metric", "search", "crate", "group", "entry", "sort", "theme"]) {
    state[key] = words.get(key) ?? state[key];
  }
  state.inverted = words.get("inverted") === "true";
  state.folded = words.get("folded") === "true";
  state.hide = words.getAll("hide");
  const number = (key, limit) => {
    const value = Number(words.get(key) ?? -1);
    return Number.isInteger(value) && value >= 0 && value < limit ? value : -1;
  };
  const { functions = 2 ** 31, nodes = 2 ** 31, stacks = 2 ** 31, stops = 2 ** 31 } = limits ?? {};
  state.focus = number("focus", functions);
  state.chosen = number("chosen", state.view === "functions" ? functions : stacks);
  state.older = number("older", stops);
  state.zoom = pair(words.get("zoom"), nodes, 2 ** 31);
  state.range = pair(words.get("range"), stops, stops);
  if (state.range && state.range[0] >= state.range[1]) state.range = null;
  return state;
}

function pair(text, first, second) {
  const found = /^(\d{1,10})-(\d{1,10})$/.exec(text ?? "");
  if (!found) return null;
  const [a, b] = [Number(found[1]), Number(found[2])];
  return a < first && b < second ? [a, b] : null;
}
