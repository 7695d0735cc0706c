"use strict";
// Looks for news without losing what is being typed or read; without this script the page reloads itself.
(() => {
  const list = () => document.getElementById("messages");
  const toEnd = () => { const l = list(); if (l) l.scrollTop = l.scrollHeight; };
  const again = async () => {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of ["nav", "main > header", "#messages"]) {
        const here = document.querySelector(part);
        const there = next.querySelector(part);
        const isRead = here && here.querySelector("details[open]");
        if (here && there && !isRead && here.innerHTML !== there.innerHTML) {
          here.innerHTML = there.innerHTML;
          if (part === "#messages") toEnd();
        }
      }
    } catch { /* hekate is away for a moment; the next time will do */ }
  };
  toEnd();
  setInterval(again, 1000 * Number(document.body.dataset.refresh || 2));
})();
