// The page: its head is there at once, the stacks follow.

import { App } from "./app.js";
import { Chart } from "./chart.js";
import { DifferenceChart } from "./difference_chart.js";
import { forgetColors } from "./colors.js";
import { fill, h, keepingFocus } from "./dom.js";
import { count, numberOf, time } from "./format.js";
import { load, pause } from "./load.js";
import { harmless } from "./names.js";
import { Tip } from "./tip.js";
import { Toolbar } from "./toolbar.js";
import { FlameView } from "./views/flame.js";
import { FunctionsView } from "./views/functions.js";
import { OverviewView } from "./views/overview.js";
import { SitesView } from "./views/sites.js";

const VIEWS = [
  ["overview", "Overview", () => true],
  ["flame", "Flame graph", () => true],
  ["functions", "Functions", () => true],
  ["sites", "Sites", () => true],
  [
    "live",
    "Live at end",
    (app) => app.head.reports.every((report) => report.short_lifetime !== null),
  ],
];

class Page {
  constructor(head) {
    const app = new App(head);
    this.app = app;
    this.tip = new Tip();
    this.views = { overview: new OverviewView(app) };
    this.toolbar = new Toolbar(app);
    this.tabs = h("nav.tabs", { "aria-label": "Views" });
    this.notices = h("div");
    this.chart = this.chartOf(app);
    this.main = h("main");
    fill(
      document.getElementById("app"),
      h("header", {}, this.title(), this.themeButton()),
      this.tabs,
      this.toolbar.element,
      this.notices,
      this.chart?.element,
      this.main,
    );
    document.title = `${nameOf(app.report)} – mod-alloc`;
    app.listeners.push(() => this.update());
    document.addEventListener("keydown", (event) => this.key(event));
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.repaint());
    this.update();
  }

  chartOf(app) {
    const known = app.head.reports.filter(({ timeline }) => timeline?.end_us.length > 0);
    if (known.length === app.head.reports.length)
      return app.isDifference ? new DifferenceChart(app, this.tip) : new Chart(app, this.tip);
    if (known.length === 1)
      this.say(
        "Only one of the two reports has its heap over time. The page of that report alone shows it.",
        "status",
      );
    else this.notices.append(h("p.note.untimed", { role: "note" }, whyUntimed(app.report)));
    return null;
  }

  title() {
    const { app } = this;
    const facts = (report) => {
      const programs = report.processes.length;
      if (programs > 0) {
        const sum = `the sum of ${count(programs)} ${programs === 1 ? "program" : "programs"}`;
        return `${sum} · ${count(report.stacks)} stacks`;
      }
      const parts = [`process ${count(report.pid)}`.replaceAll(",", "")];
      if (numberOf(report.end) > 1) parts.push(`ran ${time(report.end, report)}`);
      if (report.thread_count !== null)
        parts.push(
          `${count(report.thread_count)} ${report.thread_count === 1 ? "thread" : "threads"}`,
        );
      parts.push(`${count(report.stacks)} stacks`);
      return parts.join(" · ");
    };
    const [first, last] = [app.head.reports[0], app.report];
    if (!app.isDifference) {
      return h(
        "div.title",
        {},
        h("h1", { title: harmless(last.command) }, harmless(last.command, 300) || "(no command)"),
        h("p", {}, facts(last)),
      );
    }
    return h(
      "div.title",
      {},
      h("h1", {}, "Difference of two reports"),
      h("p", {}, h("b", {}, "before "), harmless(first.command, 200), ` · ${facts(first)}`),
      h("p", {}, h("b", {}, "after "), harmless(last.command, 200), ` · ${facts(last)}`),
    );
  }

  themeButton() {
    const { app } = this;
    const flip = () => app.set({ theme: isDark() ? "light" : "dark" }, { isStep: false });
    return h(
      "button.theme",
      { type: "button", title: "Light or dark", onclick: flip },
      "Light / dark",
    );
  }

  update() {
    const { app } = this;
    const { view, theme } = app.state;
    if (document.documentElement.dataset.theme !== theme) {
      document.documentElement.dataset.theme = theme;
      forgetColors();
    }
    const known = VIEWS.filter(([, , isKnown]) => isKnown(app));
    const shown = known.some(([id]) => id === view) ? view : "overview";
    const tab = ([id, title]) =>
      h(
        "button",
        {
          type: "button",
          "data-view": id,
          "aria-current": id === shown && "page",
          onclick: () => app.set({ view: id, chosen: -1, sort: "" }),
        },
        title,
      );
    keepingFocus(this.tabs, "view", () => fill(this.tabs, known.map(tab)));
    document.body.dataset.view = shown;
    this.toolbar.update();
    this.chart?.update();
    this.show(shown);
  }

  show(id) {
    const { app } = this;
    if (!app.profile && id !== "overview") {
      return fill(
        this.main,
        h("p.loading", { role: "status" }, `Reading ${count(app.head.stacks)} stacks…`),
      );
    }
    const makers = {
      flame: () => new FlameView(app, this.tip),
      functions: () => new FunctionsView(app),
      sites: () => new SitesView(app, false),
      live: () => new SitesView(app, true),
    };
    this.tip.hide();
    const view = (this.views[id] ??= makers[id]());
    if (this.main.firstChild !== view.element) fill(this.main, view.element);
    view.update();
  }

  repaint() {
    forgetColors();
    this.update();
  }

  key(event) {
    const isTyping = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !isTyping && !this.toolbar.search.hidden) {
      event.preventDefault();
      this.toolbar.search.focus();
    } else if (event.key === "Escape" && event.target === this.toolbar.search) {
      this.app.set({ search: "" }, { isStep: false });
      this.toolbar.search.value = "";
    } else if (
      event.key === "i" &&
      !isTyping &&
      !event.ctrlKey &&
      !event.metaKey &&
      this.app.state.view === "flame"
    ) {
      this.app.set({ inverted: !this.app.state.inverted, zoom: null });
    }
  }

  async read() {
    try {
      this.app.profile = await load(document.getElementById("data").textContent, this.app.head);
      document.getElementById("data").remove();
      this.app.read();
      if (!this.app.profile.isExact)
        this.say(
          "Some numbers are larger than 2^53. The totals are exact; sums of sites are rounded to about 15 digits.",
        );
      this.update();
      document.documentElement.dataset.ready = "true";
    } catch (error) {
      this.say(
        `The stacks of this page cannot be read: ${error.message}. The file may be cut off.`,
      );
    }
  }

  say(text, role = "alert") {
    this.notices.append(h("p.notice", { role }, text));
  }
}

// Why a report has no heap over time.
export function whyUntimed(report) {
  if (report.processes.length > 1)
    return "No heap over time: processes have no clock in common. The page of each process's own report shows its own.";
  if (report.version !== null)
    return "No heap over time: the program ran with MOD_ALLOC_TIMELINE=off, or the report is of an earlier version. Without that variable it is kept.";
  return "No heap over time: reports of this format do not have it. Those of mod-alloc do.";
}

function nameOf(report) {
  const first = report.command.split(" ")[0];
  return harmless(first.split("/").at(-1), 60) || "report";
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

async function start() {
  const page = new Page(JSON.parse(document.getElementById("head").textContent));
  if (document.readyState === "loading") {
    await new Promise((resolve) =>
      document.addEventListener("DOMContentLoaded", resolve, { once: true }),
    );
  }
  await pause();
  await page.read();
}

start();
