"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const [NAME, STATE, GROUP, TIME, SINCE, CUT, ENGINE, STORE, AGENT, HOLD] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const F = { state: 0, resource: 1, key: 2, have: 3, want: 4, cause: 5, restarts: 6, why: 7, hosts: 8, since: 9 };
const CLASSES = ["sync", "drift", "held", "unknown", "silent"];
const SIGNS = ["\u2713", "\u2717", "!", "?", "\u2026"];
const CAUSES = { corrective: "the host moved", intended: "the configuration asks for it", "": "" };
const PER_PAGE = 100;
const FEW = 8; // findings that are shown at first
const MANY = 200; // hosts from which those that are alike share a line unless told otherwise

const $ = (id) => document.getElementById(id);
const make = (tag, text, cls) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (cls) node.className = cls;
  return node;
};
const number = new Intl.NumberFormat("en");
const plural = (n, noun) => `${number.format(n)} ${noun}${n === 1 ? "" : "s"}`;
const moment = (s) => (s ? new Date(s * 1000).toISOString().slice(0, 16).replace("T", " ") : "");

// Each group of findings, by resource: how many keys, and the worst of their states.
const cells = data.groups.map((group) =>
  data.resources.map((resource) => {
    const found = group.map((i) => data.findings[i]).filter((f) => f[F.resource] === resource);
    const states = found.map((f) => CLASSES.indexOf(f[F.state]));
    return { count: found.length, state: states.length ? Math.min(...states) : 0 };
  }),
);
const restarting = data.groups.map((group) => group.some((i) => data.findings[i][F.restarts]));

const view = { states: new Set(), finding: -1, group: -1, text: "", resource: "", restarts: false, grouped: false, sort: "state", down: false, page: 0 };
let lower = null; // the names in lower case, made when somebody first searches
let rows = [];

function matches(host, index) {
  if (view.states.size && !view.states.has(host[STATE])) return false;
  if (view.group >= 0 && host[GROUP] !== view.group) return false;
  if (view.finding >= 0 && !data.groups[host[GROUP]].includes(view.finding)) return false;
  if (view.restarts && !restarting[host[GROUP]]) return false;
  if (view.resource !== "" && !cells[host[GROUP]][view.resource].count) return false;
  return !view.text || lower[index].includes(view.text);
}

// In the order of a table's columns. A key is a number or a text; hosts of equal keys stay in the order of their names.
const RANK = [4, 0, 1, 2, 3]; // drift first, in sync last
const COLUMNS = [
  ["host", "Host", (h, i) => i],
  ["state", "State", (h) => RANK[h[STATE]]],
  ...data.resources.map((resource, r) => [`r${r}`, resource[0].toUpperCase() + resource.slice(1), (h) => -cells[h[GROUP]][r].count]),
  ["since", "Drifted since", (h) => h[SINCE] || Infinity],
  ["time", "Last result", (h) => h[TIME]],
  ["engine", "Engine", (h) => data.words[h[ENGINE]]],
  ["agent", "Agent", (h) => data.words[h[AGENT]]],
];

function compute() {
  if (view.text && !lower) lower = data.hosts.map((h) => h[NAME].toLowerCase());
  const chosen = [];
  data.hosts.forEach((host, index) => {
    if (matches(host, index)) chosen.push(index);
  });
  const key = COLUMNS.find(([name]) => name === view.sort)[2];
  const keys = new Map(chosen.map((i) => [i, key(data.hosts[i], i)]));
  const sign = view.down ? -1 : 1;
  chosen.sort((a, b) => {
    const x = keys.get(a), y = keys.get(b);
    return x < y ? -sign : x > y ? sign : a - b;
  });
  rows = view.grouped ? together(chosen) : chosen.map((i) => [i]);
  return chosen.length;
}

function together(chosen) {
  const lines = new Map();
  for (const i of chosen) {
    const host = data.hosts[i];
    const key = `${host[GROUP]} ${host[STATE]}`;
    if (!lines.has(key)) lines.set(key, []);
    lines.get(key).push(i);
  }
  return [...lines.values()];
}

function draw() {
  const found = compute();
  const pages = Math.max(1, Math.ceil(rows.length / PER_PAGE));
  view.page = Math.min(view.page, pages - 1);
  const shown = rows.slice(view.page * PER_PAGE, (view.page + 1) * PER_PAGE);
  $("matrix").tBodies[0].replaceChildren(...(shown.length ? shown.map(line) : [remark(COLUMNS.length, data.hosts.length ? "No host is like that." : "No host has a result.")]));
  $("matrix").tHead.rows[0].replaceChildren(...COLUMNS.map(heading));
  const only = view.finding >= 0 ? `, only those where ${sentence(data.findings[view.finding])}` : view.group >= 0 ? ", only those that are alike" : "";
  for (const [i, row] of [...$("findings").tBodies[0].rows].entries()) {
    row.classList.toggle("chosen", i === view.finding);
    row.querySelector("button")?.setAttribute("aria-pressed", i === view.finding);
  }
  $("status").textContent = `${number.format(found)} of ${plural(data.hosts.length, "host")}${view.grouped ? ` on ${plural(rows.length, "line")}` : ""}${only}`;
  $("pages").hidden = pages === 1;
  $("page").textContent = `Page ${view.page + 1} of ${pages}`;
  $("previous").disabled = view.page === 0;
  $("next").disabled = view.page === pages - 1;
  for (const [i, button] of [...$("states").children].entries()) button.setAttribute("aria-pressed", view.states.has(i));
}

function remark(columns, text) {
  const row = make("tr");
  const cell = make("td", text);
  cell.colSpan = columns;
  row.append(cell);
  return row;
}

function heading([name, text]) {
  const cell = make("th");
  cell.scope = "col";
  const on = view.sort === name;
  cell.setAttribute("aria-sort", on ? (view.down ? "descending" : "ascending") : "none");
  const button = make("button", text + (on ? (view.down ? " \u2193" : " \u2191") : ""));
  button.type = "button";
  button.dataset.sort = name;
  button.onclick = () => {
    Object.assign(view, { down: on && !view.down, sort: name, page: 0 });
    draw();
    $("matrix").querySelector(`[data-sort="${name}"]`).focus();
  };
  cell.append(button);
  return cell;
}

function line(members) {
  const host = data.hosts[members[0]];
  const row = make("tr");
  const name = make("th");
  name.scope = "row";
  const button = make("button", members.length > 1 ? `${plural(members.length, "host")}, such as ${host[NAME]}` : host[NAME], "link");
  button.type = "button";
  if (members.length > 1) {
    button.onclick = () => {
      Object.assign(view, { grouped: false, group: host[GROUP], states: new Set([host[STATE]]), page: 0 });
      $("grouped").checked = false;
      draw();
      $("hosts").focus();
    };
  } else {
    button.setAttribute("aria-expanded", "false");
    button.onclick = () => expand(row, button, host);
  }
  name.append(button);
  const times = members.map((i) => data.hosts[i][TIME]);
  const since = members.map((i) => data.hosts[i][SINCE]).filter(Boolean);
  const same = (column) => new Set(members.map((i) => data.hosts[i][column]));
  const word = (column) => (same(column).size === 1 ? data.words[host[column]] : `${same(column).size} different`);
  row.append(
    name,
    make("td", `${SIGNS[host[STATE]]} ${data.states[host[STATE]]}`, `cell ${CLASSES[host[STATE]]}`),
    ...cells[host[GROUP]].map((c) => make("td", c.count ? `${SIGNS[c.state]} ${c.count} ${CLASSES[c.state] === "drift" ? "drifted" : CLASSES[c.state]}` : SIGNS[0], `cell ${CLASSES[c.state]}`)),
    make("td", moment(since.length ? since.reduce((a, b) => Math.min(a, b)) : 0), "time"),
    make("td", moment(times.reduce((a, b) => Math.min(a, b))), "time"),
    make("td", word(ENGINE)),
    make("td", word(AGENT)),
  );
  return row;
}

function expand(row, button, host) {
  const open = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!open));
  if (open) {
    row.nextElementSibling.remove();
    return;
  }
  const list = make("ul");
  for (const i of data.groups[host[GROUP]]) list.append(make("li", sentence(data.findings[i])));
  if (host[CUT]) list.append(make("li", "an apply was cut off: the next one undoes it first"));
  if (data.words[host[HOLD]]) list.append(make("li", `applies are held ${data.words[host[HOLD]]}`));
  list.append(make("li", `image store in effect: ${data.words[host[STORE]]}`));
  if (!data.groups[host[GROUP]].length) list.prepend(make("li", "everything was as wanted"));
  const cell = make("td");
  cell.colSpan = COLUMNS.length;
  cell.append(list);
  const more = make("tr", undefined, "more");
  more.append(cell);
  row.after(more);
}

const title = (f) => `${f[F.resource]}: ${f[F.key]}`;
const remedy = (f) => (f[F.state] === "drift" ? (f[F.restarts] ? "restarts Docker" : "restarts nothing") : `${f[F.state]}: ${f[F.why]}`);
const sentence = (f) =>
  f[F.state] === "unknown" ? `${title(f)} is unknown: ${f[F.why]}` : `${title(f)} is ${f[F.have]}, wanted ${f[F.want]} (${[CAUSES[f[F.cause]] ?? f[F.cause], remedy(f)].filter(Boolean).join("; ")})`;

function finding(f, index) {
  const row = make("tr");
  const what = make("th");
  what.scope = "row";
  const button = make("button", title(f), "link");
  button.type = "button";
  button.onclick = () => {
    Object.assign(view, { finding: view.finding === index ? -1 : index, group: -1, page: 0 });
    draw();
    $("hosts").focus();
  };
  what.append(button);
  const cls = CLASSES.includes(f[F.state]) ? f[F.state] : "";
  row.append(
    make("td", number.format(f[F.hosts]), "number"),
    what,
    make("td", f[F.state] === "unknown" ? "unknown" : f[F.have], cls),
    make("td", f[F.want]),
    make("td", CAUSES[f[F.cause]] ?? f[F.cause]),
    make("td", moment(f[F.since]), "time"),
    make("td", remedy(f), f[F.restarts] ? "held" : ""),
  );
  return row;
}

function start() {
  $("count").textContent = plural(data.hosts.length, "host");
  data.states.forEach((state, i) => {
    const count = data.hosts.reduce((n, h) => n + (h[STATE] === i), 0);
    const button = make("button", undefined, CLASSES[i]);
    button.type = "button";
    button.append(make("b", number.format(count)), make("span", `${SIGNS[i]} ${state}`));
    button.onclick = () => {
      if (!view.states.delete(i)) view.states.add(i);
      view.page = 0;
      draw();
    };
    $("states").append(button);
  });
  const table = $("findings").tBodies[0];
  table.append(...data.findings.slice(0, FEW).map(finding));
  $("all").hidden = data.findings.length <= FEW;
  $("all").textContent = `Show all ${number.format(data.findings.length)}`;
  $("all").onclick = () => {
    table.append(...data.findings.slice(FEW).map((f, i) => finding(f, FEW + i)));
    $("all").hidden = true;
    table.rows[FEW].querySelector("button").focus();
  };
  if (!data.findings.length && data.hosts.length) table.append(remark(7, "Everything is as wanted."));
  if (!data.hosts.length) table.append(remark(7, "No host has a result."));
  data.resources.forEach((resource, i) => $("resource").append(new Option(resource, i)));
  const on = (id, event, set) => $(id).addEventListener(event, (e) => {
    set(e.target);
    view.page = 0;
    draw();
  });
  on("search", "input", (t) => (view.text = t.value.trim().toLowerCase()));
  on("resource", "input", (t) => (view.resource = t.value));
  on("restarts", "input", (t) => (view.restarts = t.checked));
  on("grouped", "input", (t) => (view.grouped = t.checked));
  $("filters").addEventListener("submit", (e) => e.preventDefault());
  $("filters").addEventListener("reset", () => {
    const grouped = data.hosts.length > MANY;
    Object.assign(view, { states: new Set(), finding: -1, group: -1, text: "", resource: "", restarts: false, grouped, page: 0 });
    setTimeout(() => ($("grouped").checked = grouped));
    draw();
  });
  for (const [id, step] of [["previous", -1], ["next", 1]]) {
    $(id).onclick = () => {
      view.page += step;
      draw();
      $("hosts").focus();
    };
  }
  view.grouped = $("grouped").checked = data.hosts.length > MANY;
  problems();
  draw();
  performance.mark("drawn");
}

function problems() {
  $("problems-section").hidden = !data.problems.length;
  for (const [kind, count, places] of data.problems) {
    const box = make("details");
    box.append(make("summary", `${number.format(count)} \u00d7 ${kind}`));
    const list = make("ul");
    list.append(...places.map((p) => make("li", p)));
    if (count > places.length) list.append(make("li", `and ${number.format(count - places.length)} more`));
    box.append(list);
    $("problems").append(box);
  }
}

start();
