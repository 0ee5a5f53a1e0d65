// How the tests start Chromium.

export const CHROMIUM = "/usr/bin/chromium";

// Nothing that phones home, and nothing that needs a GPU or a sandbox: test machines often have
// neither.
export const CHROMIUM_ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-domain-reliability",
  "--disable-sync",
  "--disable-default-apps",
  "--disable-breakpad",
  "--no-first-run",
  "--no-pings",
  "--host-resolver-rules=MAP * ~NOTFOUND",
];
