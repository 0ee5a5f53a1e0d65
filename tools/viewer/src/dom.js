// Elements. Texts go in as texts, never as markup; styles by the object model, as the page's
// Content-Security-Policy wants it.

export function h(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length > 0) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(element.style, value);
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(
    ...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(
    ...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

// Runs `action` at the next picture, once, however often it is asked.
export function oncePerPicture(action) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      action();
    });
  };
}

export function later(milliseconds, action) {
  let timer;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
}

// A canvas as large as its element, in the screen's own pixels; gives what to draw on.
export function prepare(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
}

// A patch of a colour, and what it stands for.
export function swatch(color, text) {
  return h("span.key", {}, h("span.swatch", { style: { background: color } }), text);
}

// A piece of a line, and its meaning.
export function lineKey(color, text, isDashed) {
  const style = { borderTopColor: color, borderTopStyle: isDashed ? "dashed" : "solid" };
  return h("span.key", {}, h("span.stroke", { style }), text);
}

// Makes the children of `parent` anew; the one that had the focus, by its data `key`, has it again.
export function keepingFocus(parent, key, action) {
  const focused = parent.contains(document.activeElement)
    ? document.activeElement.dataset[key]
    : undefined;
  action();
  if (focused === undefined) return;
  [...parent.children].find((child) => child.dataset[key] === focused)?.focus();
}
