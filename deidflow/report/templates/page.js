"use strict";
document.documentElement.classList.add("js");
for (const input of document.querySelectorAll("input[data-filters]")) {
  const table = document.getElementById(input.dataset.filters);
  const count = document.getElementById(input.dataset.count);
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    count.textContent = shown + " rows";
  });
}
for (const slider of document.querySelectorAll("input[data-blends]")) {
  slider.addEventListener("input", () => {
    slider.closest(".case").style.setProperty("--before", String(slider.value / 100));
  });
}
const inView = () => {
  const middle = innerHeight / 2;
  let best = null, distance = Infinity;
  for (const views of document.querySelectorAll(".views")) {
    const box = views.getBoundingClientRect();
    const away = Math.abs((box.top + box.bottom) / 2 - middle);
    if (away < distance) { best = views; distance = away; }
  }
  return best;
};
addEventListener("keydown", (event) => {
  if (event.key !== "b" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input[type=search]")) return;
  inView()?.classList.add("flicker");
});
addEventListener("keyup", (event) => {
  if (event.key !== "b") return;
  for (const views of document.querySelectorAll(".flicker")) views.classList.remove("flicker");
});
