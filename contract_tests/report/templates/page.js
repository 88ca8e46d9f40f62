"use strict";
// Filters the rows of the one table that has them; the page is complete without.
const form = document.querySelector(".filters");
const rows = [...document.querySelectorAll("tr.row")];
const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));

function filter() {
  const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
  const level = form.level.value;
  const outcome = form.outcome.value;
  let shown = 0;
  for (const row of rows) {
    row.hidden = !(
      words.every(word => texts.get(row).includes(word)) &&
      (!level || row.dataset.level === level) &&
      (!outcome || row.dataset.outcomes.split(" ").includes(outcome))
    );
    shown += !row.hidden;
  }
  for (const body of document.querySelectorAll("table[data-filtered] tbody")) {
    body.hidden = !body.querySelector("tr.row:not([hidden])");
  }
  document.querySelector(".nothing").hidden = shown > 0;
  form.querySelector("output").textContent = `${shown} of ${rows.length} clauses`;
}

// A link to a clause shows it, whatever is filtered, with its cases.
function reveal() {
  const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!row || !row.matches("tr.row")) return;
  if (row.hidden) {
    form.reset();
    filter();
  }
  row.querySelectorAll("details").forEach(details => { details.open = true; });
  row.scrollIntoView();
}

if (form) {
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("change", filter);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(filter));
  addEventListener("hashchange", reveal);
  filter();
  reveal();
}
