"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const [NAME, STATE, GROUP, TIME, SINCE, ENGINE, STORE, AGENT, HOLD, MACHINE, QEMU, BUILDKIT, RUNS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
const F = { state: 0, resource: 1, key: 2, have: 3, want: 4, cause: 5, restarts: 6, why: 7, hint: 8 };
const SIGNS = { hold: "\u2016", warning: "!", missing: "\u2205", failed: "\u2717", "cut off": "\u2702", drift: "\u2260", blocked: "!", unknown: "?", silent: "\u2026", "in sync": "\u2713" };
const CAUSES = { corrective: "changed on the host", intended: "new in the configuration" };
const PLAYBOOK = "ansible-playbook provisioner.docker.site --limit ";
const PER_PAGE = 100;
const FEW = 12; // causes that are shown at first

const $ = (id) => document.getElementById(id);
const make = (tag, text, cls) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (cls) node.className = cls;
  return node;
};
const number = new Intl.NumberFormat("en");
const plural = (n, noun) => `${number.format(n)} ${noun}${n === 1 ? "" : "s"}`;
const css = (state) => state.replace(" ", "-");
const absolute = (s) => `${new Date(s * 1000).toISOString().slice(0, 16).replace("T", " ")} UTC`;

// "3 h ago": times are read against the time of the report, not that of the reader.
function relative(seconds) {
  const ago = data.now - seconds;
  if (ago < 0) return "in the future";
  for (const [unit, size] of [["y", 31557600], ["d", 86400], ["h", 3600], ["min", 60]]) if (ago >= size) return `${Math.floor(ago / size)} ${unit} ago`;
  return "just now";
}

function moment(seconds) {
  if (!seconds) return "";
  const node = make("time", relative(seconds));
  node.dateTime = new Date(seconds * 1000).toISOString();
  node.title = absolute(seconds);
  return node;
}

// What somebody has to look at, the most urgent first. A cause is a set of findings that the same hosts have.
const title = (f) => (f[F.state] === "failed" ? f[F.why] : `${f[F.resource]}: ${f[F.key]}`);
const difference = (f) => (f[F.state] === "failed" ? "" : f[F.state] === "unknown" ? f[F.why] : `${f[F.have]}; wanted: ${f[F.want]}`);
// Warnings about a QEMU that is known to break programs. Hosts that are alike share the lines about their platforms.
const warnings = new Map(data.warnings.map(([said, words]) => [said, new Set(words)]));
// Who builds each platform: a node, or the hosts themselves.
const builds = data.builds.map(([platform, by, words]) => ({ platform, by, words: new Set(words) }));
const restarting = data.groups.map((group) => group.some((i) => data.findings[i][F.restarts]));
const members = data.findings.map(() => new Set());
data.groups.forEach((group, g) => group.forEach((i) => members[i].add(g)));

function causes() {
  const rows = [];
  const at = (state) => data.hosts.filter((h) => data.states[h[STATE]] === state);
  if (data.missing.count) rows.push({ state: "missing", title: "expected, and without any result", count: data.missing.count, since: 0, todo: "Is the host up, and is the agent installed? See `systemctl status provisioner-check.timer`.", names: data.missing.names });
  for (const cause of data.causes.filter((c) => c.state === "failed")) rows.push(row(cause));
  const cut = at("cut off");
  if (cut.length) rows.push({ state: "cut off", title: "an apply ended in the middle", count: cut.length, since: 0, todo: "On the host: `provisioner rollback`. The next apply undoes it, too.", filter: { state: "cut off" } });
  for (const cause of data.causes.filter((c) => c.state !== "failed")) rows.push(row(cause));
  const silent = at("silent");
  if (silent.length) rows.push({ state: "silent", title: "the last result is old", count: silent.length, since: silent.reduce((a, h) => Math.min(a, h[TIME]), Infinity), todo: "Is provisioner-check.timer enabled? See `journalctl -u provisioner-check`.", filter: { state: "silent" } });
  const held = new Map();
  for (const h of data.hosts) if (data.words[h[HOLD]]) held.set(h[HOLD], (held.get(h[HOLD]) || 0) + 1);
  for (const [word, count] of held) rows.push({ state: "hold", title: `applies are held ${data.words[word]}`, count, since: 0, todo: "To let applies go on before that: `provisioner release`", filter: { hold: word } });
  for (const [text, words] of warnings) rows.push({ state: "warning", title: text, count: data.hosts.filter((h) => words.has(h[RUNS])).length, since: 0, todo: `If builds fail: \`emulators: {source: image, image: ${data.image}}\` in the configuration, then \`provisioner apply\``, filter: { warning: text } });
  return rows;
}

function row(cause) {
  const findings = cause.findings.map((i) => data.findings[i]);
  const first = findings[0];
  return {
    state: cause.state,
    title: findings.length === 1 ? title(first) : findings.map((f) => title(f)).join(", "),
    more: [...new Set(findings.map(difference))].filter(Boolean),
    why: [CAUSES[first[F.cause]], first[F.state] === "blocked" ? first[F.why] : ""].filter(Boolean).join("; "),
    count: cause.hosts,
    since: cause.since,
    todo: first[F.state] === "drift" ? (findings.some((f) => f[F.restarts]) ? "`provisioner apply` restarts Docker" : "`provisioner apply` restarts nothing") : first[F.hint] || "On the host, as root: `provisioner check`",
    playbook: first[F.state] === "drift",
    filter: { cause: cause.findings[0] },
  };
}

// The filters are in the address, so that a view can be sent to somebody.
const view = { state: "", cause: -1, hold: -1, build: -1, warning: "", text: "", resource: "", restarts: false, sort: "state", down: false, page: 0 };
const NO_CAUSE = { state: "", cause: -1, hold: -1, build: -1, warning: "" };
let lower = null; // the names in lower case, made when somebody first searches
let chosen = [];

// The address may be made by hand.
function index(list, text) {
  return /^\d{1,9}$/.test(text || "") && list[Number(text)] ? Number(text) : -1;
}

function load() {
  const found = new URLSearchParams(location.hash.slice(1));
  Object.assign(view, { state: found.get("state") || "", cause: index(data.findings, found.get("cause")), hold: index(data.words, found.get("hold")), build: index(builds, found.get("build")), warning: warnings.has(found.get("warning")) ? found.get("warning") : "", text: (found.get("name") || "").toLowerCase(), resource: data.resources.includes(found.get("resource")) ? found.get("resource") : "", restarts: found.has("restarts"), sort: COLUMNS.some(([n]) => n === found.get("sort")) ? found.get("sort") : "state", down: found.has("down"), page: 0 });
  $("search").value = view.text;
  $("resource").value = view.resource;
  $("restarts").checked = view.restarts;
}

function save() {
  const said = new URLSearchParams();
  if (view.state) said.set("state", view.state);
  if (view.cause >= 0) said.set("cause", view.cause);
  if (view.hold >= 0) said.set("hold", view.hold);
  if (view.build >= 0) said.set("build", view.build);
  if (view.warning) said.set("warning", view.warning);
  if (view.text) said.set("name", view.text);
  if (view.resource) said.set("resource", view.resource);
  if (view.restarts) said.set("restarts", "");
  if (view.sort !== "state") said.set("sort", view.sort);
  if (view.down) said.set("down", "");
  history.replaceState(null, "", `#${said}`);
}

function matches(host, index) {
  if (view.state && data.states[host[STATE]] !== view.state) return false;
  if (view.cause >= 0 && !members[view.cause].has(host[GROUP])) return false;
  if (view.hold >= 0 && host[HOLD] !== view.hold) return false;
  if (view.build >= 0 && !builds[view.build].words.has(host[RUNS])) return false;
  if (view.warning && !warnings.get(view.warning).has(host[RUNS])) return false;
  if (view.restarts && !restarting[host[GROUP]]) return false;
  if (view.resource && !data.groups[host[GROUP]].some((i) => data.findings[i][F.resource] === view.resource)) return false;
  return !view.text || lower[index].includes(view.text);
}

// A key is a number or a text; hosts of equal keys stay in the order of their names.
const COLUMNS = [
  ["host", "Host", (h, i) => i],
  ["state", "State", (h) => h[STATE]],
  ["why", "Why", (h) => -data.groups[h[GROUP]].length],
  ["since", "Since", (h) => h[SINCE] || Infinity],
  ["time", "Last result", (h) => h[TIME]],
  ["engine", "Engine", (h) => data.words[h[ENGINE]]],
  ["qemu", "QEMU", (h) => data.words[h[QEMU]]],
  ["buildkit", "BuildKit", (h) => data.words[h[BUILDKIT]]],
  ["agent", "Agent", (h) => data.words[h[AGENT]]],
  ["cpu", "CPU", (h) => data.words[h[MACHINE]]],
];

function compute() {
  if (view.text && !lower) lower = data.hosts.map((h) => h[NAME].toLowerCase());
  chosen = [];
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
}

function draw() {
  compute();
  const pages = Math.max(1, Math.ceil(chosen.length / PER_PAGE));
  view.page = Math.min(view.page, pages - 1);
  const shown = chosen.slice(view.page * PER_PAGE, (view.page + 1) * PER_PAGE);
  $("matrix").tBodies[0].replaceChildren(...(shown.length ? shown.map(line) : [remark(COLUMNS.length, data.hosts.length ? "No host is like that." : "No host has a result.")]));
  $("matrix").tHead.rows[0].replaceChildren(...COLUMNS.map(heading));
  for (const row of $("causes").tBodies[0].rows) {
    const on = view.cause >= 0 ? row.dataset.cause === String(view.cause) : false;
    row.classList.toggle("chosen", on);
    row.querySelector(".link")?.setAttribute("aria-pressed", on);
  }
  for (const row of $("builds").tBodies[0].rows) {
    const on = row.dataset.build === String(view.build);
    row.classList.toggle("chosen", on);
    row.querySelector(".link").setAttribute("aria-pressed", on);
  }
  const said = view.cause >= 0 ? `where ${sentence(data.findings[view.cause])}` : view.build >= 0 ? `whose ${builds[view.build].platform} is built by ${builds[view.build].by}` : "";
  const only = said && `, only those ${said}`;
  $("status").textContent = `${number.format(chosen.length)} of ${plural(data.hosts.length, "host")}${only}`;
  $("pages").hidden = pages === 1;
  $("page").textContent = `Page ${view.page + 1} of ${pages}`;
  $("previous").disabled = view.page === 0;
  $("next").disabled = view.page === pages - 1;
  $("copy").disabled = $("csv").disabled = !chosen.length;
  for (const button of $("states").children) button.setAttribute("aria-pressed", view.state === button.dataset.state);
  save();
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

const sentence = (f) =>
  f[F.state] === "failed" ? f[F.why] : f[F.state] === "unknown" ? `${title(f)} is unknown: ${f[F.why]}` : `${title(f)}: ${f[F.have]}; wanted: ${f[F.want]}${CAUSES[f[F.cause]] ? ` (${CAUSES[f[F.cause]]})` : ""}`;

function why(host) {
  const found = data.groups[host[GROUP]].map((i) => data.findings[i]);
  const said = data.states[host[STATE]] === "cut off" ? ["an apply was cut off", ...found.map(title)] : found.map(title);
  return said.length < 2 ? said.join("") : `${said[0]} and ${number.format(said.length - 1)} more`;
}

// Commands are between backticks.
function coded(node, text) {
  text.split("`").forEach((part, i) => node.append(i % 2 ? make("code", part) : part));
  return node;
}

function labelled(node, name) {
  node.dataset.label = name;
  return node;
}

function line(index) {
  const host = data.hosts[index];
  const state = data.states[host[STATE]];
  const row = make("tr");
  const name = make("th");
  name.scope = "row";
  const button = make("button", host[NAME], "link");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  button.onclick = () => expand(row, button, host);
  name.append(button);
  const time = (seconds, label) => {
    const cell = labelled(make("td", undefined, "time"), label);
    cell.append(moment(seconds));
    return cell;
  };
  row.append(
    name,
    labelled(make("td", `${SIGNS[state]} ${state}`, `cell ${css(state)}`), "State"),
    labelled(make("td", why(host)), "Why"),
    time(host[SINCE], "Since"),
    time(host[TIME], "Last result"),
    labelled(make("td", data.words[host[ENGINE]]), "Engine"),
    labelled(make("td", data.words[host[QEMU]]), "QEMU"),
    labelled(make("td", data.words[host[BUILDKIT]]), "BuildKit"),
    labelled(make("td", data.words[host[AGENT]]), "Agent"),
    labelled(make("td", data.words[host[MACHINE]]), "CPU"),
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
  const state = data.states[host[STATE]];
  for (const i of data.groups[host[GROUP]]) {
    const f = data.findings[i];
    const parts = [sentence(f), f[F.state] === "blocked" ? `blocked: ${f[F.why]}` : "", f[F.hint] ? `to do: ${f[F.hint]}` : ""];
    list.append(coded(make("li"), parts.filter(Boolean).join("; ")));
  }
  if (state === "cut off") list.append(coded(make("li"), "an apply was cut off: `provisioner rollback` undoes it, and so does the next apply"));
  if (data.words[host[HOLD]]) list.append(make("li", `applies are held ${data.words[host[HOLD]]}`));
  for (const said of data.words[host[RUNS]].split("\n").filter(Boolean)) list.append(make("li", said));
  if (data.words[host[STORE]]) list.append(make("li", `image store in effect: ${data.words[host[STORE]]}`));
  if (!data.groups[host[GROUP]].length && state !== "cut off") list.prepend(make("li", "everything was as wanted"));
  list.append(make("li", `last result: ${absolute(host[TIME])}`));
  const cell = make("td");
  cell.colSpan = COLUMNS.length;
  cell.append(list);
  const more = make("tr", undefined, "more");
  more.append(cell);
  row.after(more);
}

function causeRow(found) {
  const row = make("tr");
  const what = make("th");
  what.scope = "row";
  if (found.filter) {
    const button = make("button", found.title, "link");
    button.type = "button";
    button.onclick = () => show(found.filter);
    what.append(button);
    if (found.filter.cause !== undefined) row.dataset.cause = found.filter.cause;
  } else {
    what.append(make("span", found.title));
  }
  for (const text of found.more || []) what.append(make("small", text));
  if (found.why) what.append(make("small", found.why));
  const since = labelled(make("td", undefined, "time"), "Since");
  since.append(moment(found.since));
  const todo = labelled(make("td"), "To do");
  coded(todo, found.todo);
  todo.append(make("br"));
  const names = make("button", "Copy names");
  names.type = "button";
  names.onclick = () => copy(found.names || namesOf(found.filter));
  todo.append(names);
  if (found.playbook) {
    const command = make("button", "Copy playbook");
    command.type = "button";
    command.onclick = () => copy(namesOf(found.filter), PLAYBOOK);
    todo.append(command);
  }
  row.append(labelled(make("td", `${SIGNS[found.state]} ${found.state}`, `cell ${css(found.state)}`), "State"), what, labelled(make("td", number.format(found.count), "number"), "Hosts"), since, todo);
  return row;
}

const has = (filter, h) =>
  filter.state ? data.states[h[STATE]] === filter.state : filter.hold !== undefined ? h[HOLD] === filter.hold : filter.warning ? warnings.get(filter.warning).has(h[RUNS]) : members[filter.cause].has(h[GROUP]);
const namesOf = (filter) => data.hosts.filter((h) => has(filter, h)).map((h) => h[NAME]);

function show(filter) {
  const same = Object.entries(filter).every(([name, value]) => view[name] === value);
  Object.assign(view, NO_CAUSE, { page: 0 }, same ? {} : filter);
  draw();
  $("hosts").focus();
}

async function copy(names, before = "") {
  const field = $("names");
  field.value = before ? `${before}'${names.join(",")}'` : names.join(",");
  field.hidden = false;
  field.select();
  let done = false;
  try {
    await navigator.clipboard.writeText(field.value);
    done = true;
  } catch {
    done = document.execCommand("copy");
  }
  $("copied").textContent = done ? `Copied: ${plural(names.length, "name")}.` : "Copy the selected text below.";
}

function csv() {
  const quote = (v) => `"${String(/^[=+\-@\t\r]/.test(v) ? `'${v}` : v).replaceAll('"', '""')}"`;
  const lines = [["host", "state", "why", "since", "last result", "engine", "image store", "qemu", "buildkit", "agent", "cpu", "platforms and nodes"]];
  const time = (s) => (s ? new Date(s * 1000).toISOString() : "");
  for (const i of chosen) {
    const h = data.hosts[i];
    lines.push([h[NAME], data.states[h[STATE]], data.groups[h[GROUP]].map((f) => sentence(data.findings[f])).join("; ") || why(h), time(h[SINCE]), time(h[TIME]), ...[ENGINE, STORE, QEMU, BUILDKIT, AGENT, MACHINE].map((w) => data.words[h[w]]), data.words[h[RUNS]].replaceAll("\n", "; ")]);
  }
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([lines.map((l) => l.map(quote).join(",")).join("\r\n")], { type: "text/csv" }));
  link.download = "fleet.csv";
  link.click();
  $("copied").textContent = `Saved: ${plural(chosen.length, "host")}.`;
}

function buildRow({ platform, by, count }, index) {
  const row = make("tr");
  row.dataset.build = index;
  const what = make("th", platform);
  what.scope = "row";
  const cell = labelled(make("td"), "Built by");
  const button = make("button", by, "link");
  button.type = "button";
  button.onclick = () => show({ build: index });
  cell.append(button);
  row.append(what, cell, labelled(make("td", number.format(count), "number"), "For hosts"));
  return row;
}

function whoBuilds() {
  const counts = new Map();
  for (const host of data.hosts) counts.set(host[RUNS], (counts.get(host[RUNS]) || 0) + 1);
  for (const build of builds) build.count = [...build.words].reduce((n, word) => n + (counts.get(word) || 0), 0);
  const table = $("builds").tBodies[0];
  const rows = builds.map(buildRow);
  const first = Math.max(FEW, view.build + 1); // the address may name any
  table.append(...rows.slice(0, first));
  $("builds-section").hidden = !rows.length;
  $("all-builds").hidden = rows.length <= first;
  $("all-builds").textContent = `Show all ${number.format(rows.length)} rows`;
  $("all-builds").onclick = () => {
    table.append(...rows.slice(first));
    $("all-builds").hidden = true;
    table.rows[first].querySelector("button").focus();
  };
}

function versions() {
  for (const [name, column] of [["Agent", AGENT], ["Engine", ENGINE], ["QEMU", QEMU], ["BuildKit", BUILDKIT], ["CPU", MACHINE]]) {
    const counts = new Map();
    for (const host of data.hosts) counts.set(host[column], (counts.get(host[column]) || 0) + 1);
    const list = [...counts].map(([w, n]) => [data.words[w] || "not known", n]).sort((a, b) => b[1] - a[1]);
    const box = make("div");
    box.append(make("h3", name));
    const rows = make("ul");
    rows.append(...list.slice(0, 10).map(([w, n]) => make("li", `${w}: ${number.format(n)}`)));
    if (list.length > 10) rows.append(make("li", `and ${number.format(list.length - 10)} more`));
    box.append(rows);
    $("versions").append(box);
  }
  $("versions-section").hidden = !data.hosts.length;
}

function start() {
  $("count").textContent = `${plural(data.hosts.length, "host")}${data.missing.count ? ` with a result, ${number.format(data.missing.count)} missing` : ""}`;
  for (const state of ["missing", ...data.states]) {
    const count = state === "missing" ? data.missing.count : data.hosts.reduce((n, h) => n + (data.states[h[STATE]] === state), 0);
    const button = make("button", undefined, css(state));
    button.type = "button";
    button.dataset.state = state;
    button.append(make("b", number.format(count)), make("span", `${SIGNS[state]} ${state}`));
    button.onclick = () => {
      if (state === "missing") return void copy(data.missing.names);
      Object.assign(view, NO_CAUSE, { state: view.state === state ? "" : state, page: 0 });
      draw();
    };
    if (state === "missing") button.disabled = !count;
    $("states").append(button);
  }
  const rows = causes();
  const table = $("causes").tBodies[0];
  table.append(...rows.slice(0, FEW).map(causeRow));
  $("all").hidden = rows.length <= FEW;
  $("all").textContent = `Show all ${number.format(rows.length)} causes`;
  $("all").onclick = () => {
    table.append(...rows.slice(FEW).map(causeRow));
    $("all").hidden = true;
    table.rows[FEW].querySelector("button").focus();
  };
  if (!rows.length) {
    $("causes").closest(".wide").hidden = true;
    $("fine").hidden = false;
    $("fine").textContent = data.hosts.length ? "Nothing: everything is as wanted." : "No host has a result.";
  }
  data.resources.forEach((resource) => $("resource").append(new Option(resource, resource)));
  const on = (id, event, set) => $(id).addEventListener(event, (e) => {
    set(e.target);
    view.page = 0;
    draw();
  });
  on("search", "input", (t) => (view.text = t.value.trim().toLowerCase()));
  on("resource", "input", (t) => (view.resource = t.value));
  on("restarts", "input", (t) => (view.restarts = t.checked));
  $("filters").addEventListener("submit", (e) => e.preventDefault());
  $("filters").addEventListener("reset", () => {
    Object.assign(view, NO_CAUSE, { text: "", resource: "", restarts: false, page: 0 });
    draw();
  });
  $("copy").onclick = () => copy(chosen.map((i) => data.hosts[i][NAME]));
  $("csv").onclick = csv;
  for (const [id, step] of [["previous", -1], ["next", 1]]) {
    $(id).onclick = () => {
      view.page += step;
      draw();
      $("hosts").focus();
    };
  }
  addEventListener("hashchange", () => {
    load();
    draw();
  });
  load();
  whoBuilds();
  versions();
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
