"use strict";
const token = location.hash.slice(1);
const hasViewer = document.body.dataset.viewer === "yes";
const by = (id) => document.getElementById(id);

const SIGHTS = [
  ["eyes", "e", "eyes"], ["nose", "n", "nose"], ["mouth", "m", "mouth"], ["ears", "r", "ears"],
  ["brow", "b", "brow"], ["brain-cut", "c", "brain cut"], ["not-a-head", "h", "not a head"], ["text", "t", "text"],
];
const ACTIONS = [
  ["accept", "1", "accept", "nobody can be recognised"],
  ["larger-margin", "2", "larger margin", "in the next run"],
  ["other-engine", "3", "other engine", "in the next run"],
  ["withhold", "4", "withhold", "its session leaves the release now"],
  ["landmarks", "5", "landmarks", "set them first (l); in the next run"],
  ["rectangles", "6", "blank text", "draw rectangles first (x); in the next run"],
];
const LANDMARKS = [
  ["right-eye", "right eye", "middle of the eyeball"], ["left-eye", "left eye", "middle of the eyeball"],
  ["nose", "nose", "its tip"], ["chin", "chin", "its foremost point"],
  ["right-ear", "right ear", "opening of the canal"], ["left-ear", "left ear", "opening of the canal"],
];

const state = { queue: null, at: 0, shown: null, sights: new Set(), since: 0, busy: false, solid: false, picking: false, drawing: false };
const marks = { chosen: "right-eye", places: new Map(), volume: null, cross: [0, 0, 0] };
const ahead = new Map();

async function ask(path, body) {
  const options = { headers: { authorization: "Bearer " + token }, cache: "no-store" };
  if (body !== undefined) {
    options.method = "POST";
    options.headers["content-type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(path, options);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.refused || "The page is closed. Start 'deidflow review' again.");
  return told;
}

function fetchCase(number) {
  if (!ahead.has(number)) {
    const promise = ask("/case/" + number);
    promise.catch(() => ahead.delete(number));
    ahead.set(number, promise);
  }
  return ahead.get(number);
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const entry = () => state.queue.cases[state.at];

async function show(number) {
  state.at = number;
  state.shown = null;
  state.sights.clear();
  marks.places.clear();
  marks.volume = null;
  marks.chosen = LANDMARKS[0][0];
  by("viewer").hidden = by("landmarks").hidden = by("drawing").hidden = true;
  Object.assign(Drawing, { picture: null, rectangles: [] });
  by("refusal").textContent = "";
  by("views").replaceChildren();
  by("figures").replaceChildren();
  drawQueue();
  drawDecision();
  let shown;
  try {
    shown = await fetchCase(number);
  } catch (error) {
    by("refusal").textContent = error.message;
    return;
  }
  if (state.at !== number) return;
  state.shown = shown;
  state.since = performance.now();
  drawCase(shown);
  drawDecision();
  if (state.solid) openSolid();
  if (state.picking) openPlanes();
  if (state.drawing) openMatrix();
  for (const key of ahead.keys()) if (key < number - 2 || key > number + 3) ahead.delete(key);
  if (number + 1 < state.queue.cases.length) fetchCase(number + 1).catch(() => {});
}

function drawCase(shown) {
  const views = by("views");
  views.classList.toggle("single", !shown.both);
  views.style.removeProperty("--before");
  by("blend").value = 0;
  by("turn").value = 10;
  by("turn").disabled = !shown.views.length;
  by("hold").disabled = by("blend").disabled = !shown.both;
  by("empty").hidden = shown.views.length > 0;
  views.replaceChildren(...shown.views.map((view) => {
    const figure = element("figure", { className: ["front", "oblique"].includes(view.name) ? "surface" : "plane" });
    const words = shown.both ? "after masking" : "as released";
    if (view.after) figure.append(element("img", { className: "after", src: view.after, alt: view.name + ", " + words }));
    if (view.before) figure.append(element("img", { className: "before", src: view.before, alt: view.name + ", before masking" }));
    if (view.outline) figure.append(element("img", { className: "outline", src: view.outline, alt: "" }));
    figure.append(element("figcaption", { textContent: view.name === "oblique" ? "oblique · move to turn" : view.name }));
    figure.dataset.view = view.name;
    if (view.name === "oblique") figure.addEventListener("pointermove", turn);
    return figure;
  }));
  by("figures").replaceChildren(...(shown.figures || []).map((row) => element("div", {},
    element("dt", { textContent: row.title }),
    element("dd", { className: row.passes ? "" : "bad" }, row.value + " ", element("small", { textContent: row.limit })))));
  by("state").textContent = shown.state ? shown.state + " · " + shown.instances + (shown.instances === 1 ? " instance" : " instances") + riskWords() : "";
  by("state").className = "state " + (shown.reason ? "held" : "out");
  by("reason").textContent = shown.reason || "";
  const small = (action) => by("actions").querySelector("." + action + " small");
  small("accept").textContent = shown.reason ? "only what is not a head (h)" : "nobody can be recognised";
  small("withhold").textContent = shown.reason ? "it stays out" : "its session leaves the release now";
  by("advice").textContent = shown.advice || "";
}

function riskWords() {
  const risk = entry().risk;
  return risk === null ? "" : " · risk " + Math.round(100 * risk) + " %";
}

// The oblique view turns under the pointer; its pictures come when it is first touched.
async function turn(event) {
  const shown = state.shown;
  if (!shown || !shown.views.length) return;
  const box = event.currentTarget.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  by("turn").value = Math.round(share * Number(by("turn").max));
  await drawTurn();
}

async function drawTurn() {
  const shown = state.shown;
  const number = state.at;
  if (!shown) return;
  shown.turning ??= ask("/case/" + number + "/turned");
  let told;
  try {
    told = await shown.turning;
  } catch (error) {
    by("refusal").textContent = error.message;
    return;
  }
  if (state.shown !== shown || !told.views.length) return;
  by("turn").max = told.views.length - 1;
  const view = told.views[Math.min(told.views.length - 1, Number(by("turn").value))];
  const figure = by("views").querySelector("[data-view=oblique]");
  for (const kind of ["after", "before"]) {
    const image = figure.querySelector("." + kind);
    if (image && view[kind]) image.src = view[kind];
  }
  figure.querySelector("figcaption").textContent = "turned " + view.name;
}

function drawDecision() {
  const row = entry();
  const sights = row.action ? new Set(row.sights) : state.sights;
  for (const button of by("sights").children) {
    button.setAttribute("aria-pressed", String(sights.has(button.dataset.sight)));
    button.disabled = !state.shown || Boolean(row.action);
  }
  for (const button of by("actions").children) {
    button.setAttribute("aria-pressed", String(row.action === button.dataset.action));
    button.disabled = !state.shown || Boolean(row.action);
  }
  for (const button of by("names").children) button.disabled = Boolean(row.action);
  by("next").disabled = !row.action || state.at + 1 >= state.queue.cases.length;
  by("undo").disabled = !row.action;
  by("back").disabled = state.at === 0;
  by("decision").textContent = row.action ? row.action.replace("-", " ") + " by " + row.who + ", " + row.when.replace("T", " ").replace("Z", " UTC") : "";
  by("name").textContent = (row.name || "case " + (state.at + 1)) + (row.again ? " · second look" : "");
}

function drawQueue() {
  const { cases, decided, withheld, seconds } = state.queue;
  by("bar").style.width = cases.length ? (100 * decided) / cases.length + "%" : "0";
  const meter = document.querySelector(".progress");
  meter.setAttribute("aria-valuemax", cases.length);
  meter.setAttribute("aria-valuenow", decided);
  const parts = [decided + " of " + cases.length + " decided"];
  if (withheld) parts.push(withheld + " withheld");
  if (seconds) parts.push(seconds + " s a case");
  if (state.queue.blind) parts.push("blind");
  by("tally").textContent = parts.join(" · ");
  by("queue").replaceChildren(...cases.map((row, number) => {
    const risk = row.risk === null ? "" : ", risk " + Math.round(100 * row.risk) + " %";
    const button = element("button", { type: "button", textContent: String(number + 1), className: row.action });
    button.title = (row.name || "case " + (number + 1)) + risk + (row.action ? ": " + row.action : "");
    button.setAttribute("aria-label", button.title);
    button.setAttribute("aria-current", String(number === state.at));
    button.addEventListener("click", () => { if (mayGo(number)) show(number); });
    return element("li", {}, button);
  }));
  by("queue").children[state.at]?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

// Forward only as far as the first case without a decision: none is left out by accident.
function mayGo(number) {
  const first = state.queue.cases.findIndex((row) => !row.action);
  return number <= state.at || first === -1 || number <= first;
}

function toggleSight(sight) {
  if (!state.shown || entry().action) return;
  if (!state.sights.delete(sight)) state.sights.add(sight);
  by("refusal").textContent = "";
  drawDecision();
}

async function decide(action) {
  if (!state.shown || entry().action || state.busy) return;
  state.busy = true;
  const number = state.at;
  const wish = {
    action,
    sights: action === "rectangles" ? [...new Set([...state.sights, "text"])] : [...state.sights],
    seconds: (performance.now() - state.since) / 1000,
    seen: state.shown.seen,
    rectangles: action === "rectangles" ? Drawing.rectangles : [],
    landmarks: action === "landmarks" ? [...marks.places].map(([name, [x, y, z]]) => ({ name, x, y, z })) : [],
  };
  try {
    state.queue = await ask("/case/" + number, wish);
    by("refusal").textContent = "";
  } catch (error) {
    state.queue = await ask("/queue").catch(() => state.queue);
    by("refusal").textContent = error.message;
  }
  state.busy = false;
  drawQueue();
  drawDecision();
}

async function undo() {
  if (!entry().action || state.busy) return;
  state.busy = true;
  try {
    state.queue = await ask("/case/" + state.at + "/undo", {});
    state.sights.clear();
    state.since = performance.now();
  } catch (error) {
    by("refusal").textContent = error.message;
  }
  state.busy = false;
  drawQueue();
  drawDecision();
}

// The volumes of a case, fetched when they are first asked for.
async function fetchVolume(shown, number, kind) {
  shown.volumes ??= {};
  shown.volumes[kind] ??= (async () => {
    const options = { headers: { authorization: "Bearer " + token }, cache: "no-store" };
    const answer = await fetch("/case/" + number + "/volume/" + kind, options);
    return answer.ok ? answer.arrayBuffer() : null;
  })();
  return shown.volumes[kind];
}

async function openSolid() {
  const { shown, at } = state;
  if (!shown || !hasViewer || !shown.views.length) return;
  by("viewer").hidden = false;
  const files = {};
  try {
    for (const kind of ["before", "after", "mask"]) files[kind] = await fetchVolume(shown, at, kind);
    if (state.shown !== shown || !(files.before || files.after)) return;
    await showVolumes(by("render"), token, files);
  } catch (error) {
    by("viewer").hidden = true;
    by("refusal").textContent = "3-D cannot be shown here: " + error.message;
    return;
  }
  setShare("mask", by("share").value / 100);
  setShare("before", by("blend").value / 100);
  by("viewer").dataset.shown = String(at);
}

function toggleSolid() {
  if (!hasViewer) return;
  state.solid = !state.solid;
  by("solid").setAttribute("aria-pressed", String(state.solid));
  if (state.solid) openSolid();
  else by("viewer").hidden = true;
}

async function openPlanes() {
  const { shown, at } = state;
  if (!shown || !shown.views.length) return;
  const buffer = (await fetchVolume(shown, at, "before")) || (await fetchVolume(shown, at, "after"));
  if (state.shown !== shown || !buffer) return;
  marks.volume = readVolume(buffer);
  marks.cross = marks.volume.size.map((length) => length >> 1);
  by("landmarks").hidden = false;
  drawMarks();
}

function togglePlanes() {
  state.picking = !state.picking;
  by("pick").setAttribute("aria-pressed", String(state.picking));
  if (state.picking) openPlanes();
  else by("landmarks").hidden = true;
}

async function openMatrix() {
  const { shown, at } = state;
  if (!shown) return;
  by("drawing").hidden = false;
  const told = await ask("/case/" + at + "/stored").catch(() => ({}));
  if (state.shown !== shown) return;
  by("nomatrix").hidden = Boolean(told.picture);
  by("matrix").hidden = !told.picture;
  if (told.picture) await openDrawing(by("matrix"), told.picture);
  sayDrawn();
  by("drawing").dataset.shown = String(at);
}

function toggleMatrix() {
  state.drawing = !state.drawing;
  by("mark").setAttribute("aria-pressed", String(state.drawing));
  if (state.drawing) openMatrix();
  else by("drawing").hidden = true;
}

function sayDrawn() {
  const count = Drawing.rectangles.length;
  by("drawn").textContent = count ? count + (count === 1 ? " rectangle" : " rectangles") : "";
}

function drawMarks() {
  const { volume, cross, places, chosen } = marks;
  if (!volume) return;
  for (const canvas of by("planes").querySelectorAll("canvas")) {
    const name = canvas.dataset.plane;
    const context = drawPlane(canvas, volume, name, cross[PLANE_AXES[name][2]]);
    drawCross(context, volume, name, cross);
    for (const [landmark, place] of places) drawMark(context, volume, name, cross, place, landmark === chosen);
  }
  for (const button of by("names").children) {
    const place = places.get(button.dataset.landmark);
    button.setAttribute("aria-pressed", String(button.dataset.landmark === chosen));
    button.classList.toggle("set", Boolean(place));
    button.querySelector("small").textContent = place ? place.map((value) => value.toFixed(0)).join(", ") + " mm" : button.dataset.where;
  }
}

function chooseMark(name) {
  marks.chosen = name;
  const place = marks.places.get(name);
  if (place) marks.cross = indexOf(marks.volume, place);
  drawMarks();
}

function setMark(event) {
  const canvas = event.currentTarget;
  if (!marks.volume || entry().action) return;
  const box = canvas.getBoundingClientRect();
  const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
  const row = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
  const name = canvas.dataset.plane;
  marks.cross = planeIndex(marks.volume, name, column, row, marks.cross[PLANE_AXES[name][2]]);
  marks.places.set(marks.chosen, placeOf(marks.volume, marks.cross));
  by("refusal").textContent = "";
  drawMarks();
}

function movePlane(canvas, steps) {
  const through = PLANE_AXES[canvas.dataset.plane][2];
  const last = marks.volume.size[through] - 1;
  marks.cross[through] = Math.min(last, Math.max(0, marks.cross[through] + steps));
  drawMarks();
}

const next = () => { if (!by("next").disabled) show(state.at + 1); };
const back = () => { if (state.at > 0) show(state.at - 1); };
const hold = (on) => {
  if (!state.shown?.both) return;
  if (by("views").classList.contains("held") === on) return;
  by("views").classList.toggle("held", on);
  setShare("before", on ? 1 : by("blend").value / 100);
};

for (const [sight, key, words] of SIGHTS) {
  const button = element("button", { type: "button" }, words, element("kbd", { textContent: key }));
  button.dataset.sight = sight;
  button.addEventListener("click", () => toggleSight(sight));
  by("sights").append(button);
}
for (const [action, key, words, more] of ACTIONS) {
  const label = element("span", {}, words, element("small", { textContent: more }));
  const button = element("button", { type: "button", className: action }, label, element("kbd", { textContent: key }));
  button.dataset.action = action;
  button.addEventListener("click", () => decide(action));
  by("actions").append(button);
}
for (const [landmark, words, where] of LANDMARKS) {
  const button = element("button", { type: "button" }, words, element("small", { textContent: where }));
  Object.assign(button.dataset, { landmark, where });
  button.addEventListener("click", () => chooseMark(landmark));
  by("names").append(button);
}
for (const plane of Object.keys(PLANE_AXES)) {
  const canvas = element("canvas", { tabIndex: 0 });
  canvas.dataset.plane = plane;
  canvas.setAttribute("role", "slider");
  canvas.setAttribute("aria-label", plane + " plane");
  canvas.addEventListener("click", setMark);
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); movePlane(canvas, event.deltaY > 0 ? 1 : -1); });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 8, PageDown: -8 }[event.key];
    if (steps) { event.preventDefault(); movePlane(canvas, steps); }
  });
  by("planes").append(element("figure", {}, canvas, element("figcaption", { textContent: plane })));
}
watchDrawing(by("matrix"), () => !entry().action, sayDrawn);
by("erase").addEventListener("click", () => {
  if (!Drawing.picture || entry().action) return;
  Drawing.rectangles.pop();
  drawRectangles(by("matrix"));
  sayDrawn();
});
by("mark").addEventListener("click", toggleMatrix);
by("solid").hidden = !hasViewer;
by("solid").addEventListener("click", toggleSolid);
by("pick").addEventListener("click", togglePlanes);
by("share").addEventListener("input", (event) => setShare("mask", event.target.value / 100));
by("spin").addEventListener("change", (event) => turnViewer(event.target.checked));
by("next").addEventListener("click", next);
by("back").addEventListener("click", back);
by("undo").addEventListener("click", undo);
by("turn").addEventListener("input", drawTurn);
by("outline").addEventListener("change", (event) => by("views").classList.toggle("plain", !event.target.checked));
by("blend").addEventListener("input", (event) => {
  by("views").style.setProperty("--before", String(event.target.value / 100));
  setShare("before", event.target.value / 100);
});
for (const id of ["hold", "views"]) {
  by(id).addEventListener("pointerdown", () => hold(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel"]) by(id).addEventListener(end, () => hold(false));
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key !== " ") return;
  const onControl = event.target.matches("button, input");
  if (event.key === " " && (!onControl || event.target.id === "hold")) { event.preventDefault(); hold(true); return; }
  if (event.key === "Enter" && !onControl) { event.preventDefault(); next(); return; }
  if (event.key === "ArrowLeft" && !event.target.matches("input")) { back(); return; }
  if (event.key === "u") { undo(); return; }
  if (event.key === "v") { toggleSolid(); return; }
  if (event.key === "l") { togglePlanes(); return; }
  if (event.key === "x") { toggleMatrix(); return; }
  const sight = SIGHTS.find((row) => row[1] === event.key);
  if (sight) { toggleSight(sight[0]); return; }
  const action = ACTIONS.find((row) => row[1] === event.key);
  if (action) decide(action[0]);
});
addEventListener("keyup", (event) => { if (event.key === " ") hold(false); });
addEventListener("blur", () => hold(false));

(async () => {
  try {
    state.queue = await ask("/queue");
  } catch (error) {
    by("refusal").textContent = error.message;
    return;
  }
  if (!state.queue.cases.length) {
    by("name").textContent = "Nothing to decide";
    return;
  }
  const first = state.queue.cases.findIndex((row) => !row.action);
  await show(Math.max(0, first));
})();
