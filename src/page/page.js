// Asks for the page again and shows what changed; says so when nobody answers any more.
(() => {
  "use strict";
  const seconds = Number(document.body.dataset.refreshSeconds) || 30;
  const stale = document.getElementById("stale");
  let tag = null;
  let heard = Date.now();

  const show = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html");
    const main = next.querySelector("main");
    if (!main) throw new Error("no page");
    // What was opened or closed stays so as long as nothing in it changed its state.
    const state = (details) => details.querySelector("summary .state")?.textContent;
    const name = (details) => details.querySelector("summary strong")?.textContent;
    const before = new Map([...document.querySelectorAll("details")].map((d) => [name(d), d]));
    for (const details of main.querySelectorAll("details")) {
      const known = before.get(name(details));
      if (known && state(known) === state(details)) details.open = known.open;
    }
    document.querySelector("main").replaceWith(main);
    document.title = next.title;
  };

  const ask = async () => {
    try {
      const headers = { Accept: "text/html" };
      if (tag) headers["If-None-Match"] = tag;
      const answer = await fetch(location.href, { headers, cache: "no-store", credentials: "same-origin" });
      if (answer.status === 200) {
        tag = answer.headers.get("ETag");
        show(await answer.text());
      } else if (answer.status !== 304) {
        throw new Error(String(answer.status));
      }
      heard = Date.now();
    } catch {
      // It is said below when it lasts.
    }
    const isOld = Date.now() - heard > 2.5 * seconds * 1000;
    stale.hidden = !isOld;
    document.body.classList.toggle("old", isOld);
  };

  setInterval(ask, seconds * 1000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) ask();
  });
})();
