/**
 * Threads on a host without headers: a button registers the service worker `threads.js`, which serves the site's files with them, and
 * loads the page again, once. A browser that still isolates no page is told of, and no page is loaded a second time.
 */
import { button, make } from "./elements.js";

/** Remembers through the reload that the button was pressed. */
const PRESSED = "fromnoise-threads";

/** A line that says how many threads there are, with the button that changes it. */
export function threadsControl(): HTMLElement {
  const line = make("span", { "class": "row threads", "data-isolated": String(crossOriginIsolated) });
  const pressed = sessionStorage.getItem(PRESSED) !== null;
  sessionStorage.removeItem(PRESSED);
  const cores = navigator.hardwareConcurrency;
  if (crossOriginIsolated) {
    line.append(make("span", { class: "soft" }, `Threads: one for each of ${cores} cores.`));
    if ((navigator.serviceWorker?.controller ?? null) !== null) line.append(button("Use one", () => void backToOne()));
    return line;
  }
  const why = make("span", { class: "soft" }, pressed ? "This browser gives the page no threads: one computes." : "One thread computes.");
  line.append(why);
  if (!pressed && "serviceWorker" in navigator && isSecureContext && cores > 1) {
    line.append(button(`Use all ${cores} cores (loads the page again)`, () => {
      isolate().catch((error: unknown) => { why.textContent = `No threads: ${(error as Error).message}`; });
    }, { class: "use-threads" }));
  }
  return line;
}

async function isolate(): Promise<void> {
  const base = import.meta.env.BASE_URL;
  await navigator.serviceWorker.register(`${base}threads.js`, { scope: base });
  await navigator.serviceWorker.ready;
  sessionStorage.setItem(PRESSED, "1");
  location.reload();
}

async function backToOne(): Promise<void> {
  for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
  location.reload();
}
