"use strict";
const $ = (selector) => document.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const articles = all("article"), years = all(".year"), find = $("#find");
const others = all("tr[data-entry], circle[data-entry]");
const total = articles.length;
const chosen = { state: new Set(), tag: new Set() };
let texts = null;

function text(number) {
  texts ??= articles.map((a) => `${a.id} ${a.textContent}`.toLowerCase());
  return texts[number];
}

function fits(article, number, words) {
  const { state, tags } = article.dataset;
  const mine = tags ? tags.split("|") : [];
  return (!chosen.state.size || chosen.state.has(state))
    && [...chosen.tag].every((tag) => mine.includes(tag))
    && words.every((word) => text(number).includes(word));
}

function show() {
  const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  const visible = articles.map((article, number) => fits(article, number, words));
  articles.forEach((article, number) => { article.hidden = !visible[number]; });
  for (const year of years) year.hidden = !year.querySelector("article:not([hidden])");
  for (const other of others) {
    const on = visible[other.dataset.entry];
    if (other.tagName === "TR") other.hidden = !on; else other.classList.toggle("off", !on);
  }
  const count = visible.filter(Boolean).length;
  $("#count").textContent = count === total ? `${total} experiment${total === 1 ? "" : "s"}` : `${count} of ${total}`;
  $("#none").hidden = count > 0;
  $(".bar .all").hidden = !words.length && !chosen.state.size && !chosen.tag.size;
  for (const chip of all(".chip[aria-pressed]")) {
    const kind = "tag" in chip.dataset ? "tag" : "state";
    const on = chosen[kind].has(chip.dataset[kind]);
    chip.setAttribute("aria-pressed", on);
    if (on && chip.closest(".rest[hidden]")) showRest();
  }
  remember();
}

function remember() {
  const query = new URLSearchParams();
  if (find.value) query.set("q", find.value);
  for (const kind of ["state", "tag"]) for (const value of chosen[kind]) query.append(kind, value);
  const wanted = query.toString();
  const here = location.pathname + (wanted ? `?${wanted}` : "") + location.hash;
  try { history.replaceState(null, "", here); } catch { /* a page from a file may not have an address of its own */ }
}

function recall() {
  const query = new URLSearchParams(location.search);
  find.value = query.get("q") ?? "";
  for (const kind of ["state", "tag"]) chosen[kind] = new Set(query.getAll(kind));
  if ([...query].length) show();
}

function showRest() {
  $(".rest").hidden = false;
  $(".more").remove();
}

function toggle(kind, value) {
  if (!chosen[kind].delete(value)) chosen[kind].add(value);
  show();
}

function sort(head) {
  const table = head.closest("table"), column = head.cellIndex, body = table.tBodies[0];
  const down = head.getAttribute("aria-sort") !== "descending";
  const key = (row) => {
    const cell = row.cells[column];
    return head.classList.contains("number") ? parseFloat(cell.dataset.value ?? "NaN") : cell.textContent;
  };
  const compare = (a, b) => {
    if (typeof a === "string") return a.localeCompare(b) * (down ? -1 : 1);
    if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
    return (a - b) * (down ? -1 : 1);
  };
  const rows = [...body.rows].map((row) => [key(row), row]).sort((a, b) => compare(a[0], b[0]));
  body.append(...rows.map(([, row]) => row));
  for (const other of all("th", table.tHead)) other.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button"), dot = event.target.closest("circle");
  if (dot) location.hash = articles[dot.dataset.entry].id;
  if (!button) return;
  if (button.classList.contains("all")) { find.value = ""; chosen.state.clear(); chosen.tag.clear(); show(); }
  else if (button.classList.contains("more")) showRest();
  else if ("tag" in button.dataset) toggle("tag", button.dataset.tag);
  else if ("state" in button.dataset) toggle("state", button.dataset.state);
  else if (button.closest("th")) sort(button.closest("th"));
});
document.addEventListener("mouseover", (event) => {
  const row = event.target.closest("tr[data-entry], circle[data-entry]");
  for (const dot of all("circle.on")) dot.classList.remove("on");
  const dot = row?.tagName === "circle" && !row.firstChild && row;
  if (dot) {
    const name = document.createElementNS("http://www.w3.org/2000/svg", "title");
    const article = articles[dot.dataset.entry];
    name.textContent = `${dot.dataset.label}\n${article.querySelector("h3").textContent}\n${article.querySelector("time").textContent}`;
    dot.append(name);
  }
  if (row) for (const dot of all(`circle[data-entry="${row.dataset.entry}"]`)) dot.classList.add("on");
});
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); find.focus(); find.select(); }
  if (event.key === "Escape" && event.target === find) { find.value = ""; show(); find.blur(); }
});
find.addEventListener("input", show);
recall();
