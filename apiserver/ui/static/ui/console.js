// What the console's pages can do with JavaScript. Without it every page still works.
"use strict";

document.documentElement.classList.add("has-script");

const said = () => document.getElementById("said");

// data-copy="ID": copy the value of that field.
async function copy(button) {
  const field = document.getElementById(button.dataset.copy);
  const text = field.value ?? field.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    field.select?.(); // plain http: the browser gives no clipboard, the old command still copies the selection
    document.execCommand("copy");
  }
  const label = button.textContent;
  button.textContent = document.body.dataset.copied;
  said().textContent = document.body.dataset.copied;
  setTimeout(() => { button.textContent = label; said().textContent = ""; }, 1500);
}

// data-select-all="NAME": tick or clear every box in the same form whose name begins so.
function selectAll(box) {
  for (const other of box.form.querySelectorAll(`input[type=checkbox][name^="${box.dataset.selectAll}"]`)) {
    if (!other.closest("[hidden]")) other.checked = box.checked;
  }
}

// The box above others is ticked while all of them are.
function showSelected(root) {
  for (const box of root.querySelectorAll("[data-select-all]")) {
    const others = [...box.form.querySelectorAll(`input[type=checkbox][name^="${box.dataset.selectAll}"]`)];
    box.checked = others.length > 0 && others.every((other) => other.checked);
  }
}

// data-count="NAME": how many boxes of that name are ticked, those that a search hides included.
function showCounts(root) {
  for (const place of root.querySelectorAll("[data-count]")) {
    const name = place.dataset.count;
    const ticked = `input[type=checkbox][name="${name}"]:checked, input[type=hidden][name="${name}"]`;
    place.textContent = place.closest("form").querySelectorAll(ticked).length;
  }
}

// data-shown-when="FIELD" data-shown-values="A|B": shown while that field has one of the values.
function showFields(root) {
  for (const part of root.querySelectorAll("[data-shown-when]")) {
    const other = part.closest("form").elements[part.dataset.shownWhen];
    if (!other) continue;
    const value = other.type === "checkbox" ? String(other.checked) : other.value;
    part.hidden = !part.dataset.shownValues.split("|").includes(value);
  }
}

// data-filters="ID": keep of those labels the ones that hold the text; ticked ones stay in sight.
function filterLabels(field) {
  const text = field.value.trim().toLowerCase();
  for (const label of document.getElementById(field.dataset.filters).querySelectorAll("label")) {
    label.parentElement.hidden = !label.textContent.toLowerCase().includes(text) && !label.control.checked;
  }
}

// data-writes="ID" data-text="TEXT": put the text into that field.
function write(button) {
  const field = document.getElementById(button.dataset.writes);
  field.value = button.dataset.text;
  field.focus();
}

function chooseTheme(name) {
  if (name) localStorage.setItem("theme", name); else localStorage.removeItem("theme");
  if (name) document.documentElement.dataset.theme = name; else delete document.documentElement.dataset.theme;
}

// data-aborts="ID": once this button's request is answered, wait no more for that of the form (its hx-sync).
document.addEventListener("htmx:beforeSwap", (event) => {
  const form = event.detail.requestConfig?.elt?.dataset.aborts;
  if (form) htmx.trigger(document.getElementById(form), "htmx:abort");
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
  const writer = event.target.closest("[data-writes]");
  if (writer) write(writer);
});
// data-runs="ID": Ctrl+Enter (Cmd+Enter) in the field presses that button.
document.addEventListener("keydown", (event) => {
  const runs = event.target.dataset?.runs;
  if (runs && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    document.getElementById(runs).click();
  }
});
document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.dataset.selectAll) selectAll(field);
  if (field.dataset.theme !== undefined) chooseTheme(field.value);
  if (field.dataset.submits !== undefined) field.form.requestSubmit();
  if (field.form) { showFields(field.form); showSelected(field.form); showCounts(field.form); }
});
document.addEventListener("input", (event) => {
  if (event.target.dataset.filters) filterLabels(event.target);
});
document.addEventListener("submit", (event) => {
  // A second click must not do it twice; the button stays enabled for this submission, so that its name is sent.
  const button = event.submitter;
  if (button) setTimeout(() => { button.disabled = true; button.dataset.sent = ""; setTimeout(() => release(button), 4000); });
});
const release = (button) => { button.disabled = false; delete button.dataset.sent; };
const start = () => {
  showFields(document);
  showSelected(document);
  showCounts(document);
  const chooser = document.querySelector("select[data-theme]");
  if (chooser) chooser.value = localStorage.getItem("theme") ?? "";
};

// data-keeps="NAME": a part that a search replaces; what was ticked or cleared in it after the search was sent stays so.
let ticks = new Map();
function keepTicks(part) {
  const name = part.dataset.keeps;
  const there = new Map([...part.querySelectorAll(`input[name="${name}"]`)].map((field) => [field.value, field]));
  for (const [value, isTicked] of ticks) {
    const field = there.get(value);
    if (field?.type === "checkbox") field.checked = isTicked;
    else if (field && !isTicked) field.remove();
    else if (!field && isTicked) part.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
}
document.addEventListener("htmx:beforeSwap", (event) => {
  const name = event.detail.target?.dataset?.keeps;
  const boxes = name ? event.detail.target.querySelectorAll(`input[type=checkbox][name="${name}"]`) : [];
  ticks = new Map([...boxes].map((box) => [box.value, box.checked]));
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.dataset?.keeps) keepTicks(event.target);
  start();
  // data-says: a message that came with a part of the page, which no reader of the screen would notice.
  const told = event.target.querySelector?.("[data-says]");
  if (told) said().textContent = told.textContent;
  // A whole page came in place: say its result, which no page load announces.
  if (event.target.id === "content") said().textContent = event.target.querySelector(".note")?.textContent ?? "";
});
// Back to a page that was left by a button; those that the server disabled stay so.
addEventListener("pageshow", () => document.querySelectorAll("button[data-sent]").forEach(release));
start();
