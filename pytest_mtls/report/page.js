"use strict";
document.documentElement.classList.add("js");

const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const form = document.querySelector(".filters");
const chosen = (name) => (form.elements[name] ? form.elements[name].value : "");

// Filters: an element that says which mode, situation, TLS version, nginx or grade it is of goes where another was chosen.
const kinds = ["mode", "situation", "tls", "nginx", "grade"];
const kept = all(kinds.map((kind) => `[data-${kind}]`).join());
const rows = all("[data-find]").map((row) => [row, (row.querySelector("th") || row).textContent.toLowerCase()]);
const bodies = [...new Set(rows.map(([row]) => row.parentElement))];

function filter() {
  const words = chosen("find").toLowerCase().split(/\s+/).filter(Boolean);
  const markedOnly = form.elements.marked && form.elements.marked.checked;
  for (const element of kept) {
    element.hidden = kinds.some((kind) => {
      const has = element.dataset[kind];
      return has !== undefined && chosen(kind) && !has.split(" ").includes(chosen(kind));
    });
  }
  for (const [row, text] of rows) {
    const other = ["mode", "grade"].some((kind) => kind in row.dataset) && row.hidden;
    row.hidden = other || !words.every((word) => text.includes(word)) || (markedOnly && !("marked" in row.dataset));
  }
  for (const body of bodies) {
    const elsewhere = ["situation", "tls"].some(
      (kind) => kind in body.dataset && chosen(kind) && body.dataset[kind] !== chosen(kind));
    body.hidden = elsewhere || !all("[data-find]", body).some((row) => !row.hidden);
  }
  const shown = rows.filter(([row]) => !row.hidden && !row.parentElement.hidden).length;
  form.querySelector("output").value = `${shown} of ${rows.length} ${form.dataset.of}`;
  document.querySelector(".empty").hidden = shown > 0;
  close();
}
if (form) {
  form.addEventListener("input", filter);
  form.addEventListener("change", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
}

// The reason behind a cell: at a glance under the pointer, to stay on click, tap, Enter or Space.
const why = document.getElementById("why");
let held = null;

function titleOf(cell) {
  const place = cell.closest("td");
  const section = place.closest("tbody").querySelector(".section b");
  const parts = [place.parentElement.querySelector("th code").textContent, place.dataset.mode];
  return [...parts, section && section.textContent].filter(Boolean).join(" · ");
}

function show(cell, stays) {
  why.querySelector("h3").textContent = titleOf(cell);
  why.querySelector(".reason").replaceChildren(
    ...document.getElementById(`reason-${cell.dataset.reason}`).cloneNode(true).childNodes);
  why.classList.toggle("glance", !stays);
  why.hidden = false;
  document.body.classList.toggle("reading", stays);
  const box = cell.getBoundingClientRect();
  const page = document.documentElement;
  // On a phone it is a sheet at the foot: what was pressed must stay in sight.
  if (stays && getComputedStyle(why).position === "fixed") cell.scrollIntoView({ block: "start" });
  const left = Math.min(box.left, page.clientWidth - why.offsetWidth - 16);
  const below = box.bottom + 6 + why.offsetHeight <= page.clientHeight || box.top < why.offsetHeight + 6;
  why.style.left = `${Math.max(16, left) + window.scrollX}px`;
  why.style.top = `${(below ? box.bottom + 6 : box.top - why.offsetHeight - 6) + window.scrollY}px`;
}

function close(backTo) {
  if (held) held.removeAttribute("aria-expanded");
  held = null;
  why.hidden = true;
  document.body.classList.remove("reading");
  if (backTo) backTo.focus();
}

function hold(cell) {
  const again = held === cell;
  close();
  if (again) return;
  show(cell, true);
  held = cell;
  cell.setAttribute("aria-expanded", "true");
  why.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const cell = event.target.closest(".cell");
  if (cell) hold(cell);
  else if (event.target.closest("#why .close")) close(held);
  else if (!event.target.closest("#why")) close();
});
document.addEventListener("pointerover", (event) => {
  if (held || event.pointerType !== "mouse") return;
  const cell = event.target.closest(".cell");
  if (cell) show(cell, false);
  else close();
});

// Arrows go from cell to cell, Escape closes.
function neighbour(cell, key) {
  const place = cell.closest("td");
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const near = all("td:not([hidden])", place.parentElement);
    return near[near.indexOf(place) + (key === "ArrowRight" ? 1 : -1)];
  }
  const column = all(`.matrix tbody:not([hidden]) tr:not([hidden]) td[data-mode="${place.dataset.mode}"]`);
  return column[column.indexOf(place) + (key === "ArrowDown" ? 1 : -1)];
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    close(held);
    return;
  }
  const cell = event.target.closest(".cell");
  if (!cell || !event.key.startsWith("Arrow")) return;
  event.preventDefault();
  const next = neighbour(cell, event.key);
  const target = next && next.querySelector(".cell:not([hidden])");
  if (target) target.focus();
});
if (form) filter();
