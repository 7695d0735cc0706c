"use strict";
// Brings news without losing what is being typed, read or chosen, and says times in the zone of the browser.
// Everything works without it: forms are posted, links are followed, and the page loads itself again.
(() => {
  const dates = {
    "{date_short_pretty}": { day: "numeric", month: "short" },
    "{date_short}": { day: "numeric", month: "short", year: "numeric" },
    "{date_pretty}": { day: "numeric", month: "long" },
    "{date}": { day: "numeric", month: "long", year: "numeric" },
  };
  const two = (number) => String(number).padStart(2, "0");
  const said = (at, token) => {
    const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
    if (token === "{time}") return time;
    if (token === "{time_secs}") return `${time}:${two(at.getSeconds())}`;
    if (token === "{date_num}") return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    return dates[token] ? at.toLocaleDateString("en-GB", dates[token]) : token;
  };
  const localize = (root) => {
    for (const time of root.querySelectorAll("time[data-form]")) {
      const at = new Date(time.getAttribute("datetime"));
      time.textContent = time.dataset.form.replace(/\{[a-z_]+\}/g, (token) => said(at, token));
    }
  };

  // What each part looked like when it came: only what came otherwise is replaced.
  const came = new WeakMap();
  const note = (root) => {
    for (const part of root.querySelectorAll("nav, main > header, aside, #dialog, li[id]")) came.set(part, part.outerHTML);
  };
  const put = (here, there) => {
    const html = there.outerHTML;
    if (came.get(here) === html) return here;
    here.replaceWith(there);
    came.set(there, html);
    localize(there);
    return there;
  };
  const isBusy = (part) => part.querySelector("details[open]") || part.contains(document.activeElement);
  const isEdited = (here, there) => Number(there.dataset.edits || 0) > Number(here.dataset.edits || 0);

  // Rows by their names: new ones are added, changed ones replaced, others stay as they are.
  const rows = (here, there) => {
    const wanted = [...there.children];
    const ids = new Set(wanted.map((row) => row.id));
    for (const row of [...here.children]) if (!row.id || !ids.has(row.id)) row.remove();
    wanted.forEach((row, place) => {
      const known = row.id && document.getElementById(row.id);
      if (!known || known.parentNode !== here) {
        came.set(row, row.outerHTML);
        here.insertBefore(row, here.children[place] || null);
        localize(row);
      } else if (!isBusy(known) || isEdited(known, row) || row.querySelector("details.menu[open]")) {
        const edited = isEdited(known, row);
        const shown = put(known, row);
        if (edited) shown.classList.add("flash");
      }
    });
  };

  const list = () => document.getElementById("messages");
  const toEnd = () => { const here = list(); if (here) here.scrollTop = here.scrollHeight; };
  const show = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html");
    for (const part of ["nav", "main > header"]) {
      const here = document.querySelector(part);
      const there = next.querySelector(part);
      if (here && there && !here.contains(document.activeElement)) put(here, there);
    }
    const here = list();
    const there = next.getElementById("messages");
    if (here && there && here.dataset.key === there.dataset.key) {
      const count = here.children.length;
      const atEnd = here.scrollHeight - here.scrollTop - here.clientHeight < 80;
      rows(here, there);
      if (atEnd || here.children.length > count && there.lastElementChild.matches(".private")) toEnd();
    }
    const dialog = document.getElementById("dialog");
    const opened = next.getElementById("dialog");
    if (dialog && opened && came.get(dialog) !== opened.outerHTML) {
      const wasOpen = !dialog.hidden;
      const shown = put(dialog, opened);
      if (!shown.hidden && (!wasOpen || shown.querySelector("[aria-invalid]"))) shown.querySelector("label input")?.focus();
    }
    const aside = document.querySelector("aside");
    if (aside && !isBusy(aside)) put(aside, next.querySelector("aside"));
  };

  let etag = "";
  const take = async (answer) => {
    etag = answer.headers.get("ETag") || "";
    show(await answer.text());
  };
  const look = async () => {
    try {
      const answer = await fetch(location.href, { cache: "no-store", headers: etag ? { "If-None-Match": etag } : {} });
      if (answer.status === 200) await take(answer);
    } catch { /* hekate is away for a moment; the next time will do */ }
    setTimeout(look, Number(document.body.dataset.refreshMillis) || 1000);
  };

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const isGet = form.method === "get";
    const fields = new URLSearchParams(new FormData(form, event.submitter));
    event.preventDefault();
    const menu = isGet ? null : form.closest("details.menu");
    if (menu) menu.removeAttribute("open");
    if (document.activeElement && form.contains(document.activeElement) && !form.matches(".ask")) document.activeElement.blur();
    try {
      const answer = isGet
        ? await fetch(`${form.action}?${fields}`, { cache: "no-store" })
        : await fetch(form.action, { method: "POST", body: fields });
      if (answer.ok) await take(answer);
      if (form.matches(".ask")) form.reset();
    } catch { /* the next time will do */ }
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button.copy");
    if (!button) return;
    const text = button.closest("details").querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch { button.textContent = "The browser does not allow it"; }
  });

  document.documentElement.classList.add("live");
  note(document);
  localize(document);
  toEnd();
  setTimeout(look, Number(document.body.dataset.refreshMillis) || 1000);
})();
