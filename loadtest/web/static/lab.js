"use strict";
// Asks once a second, and shows what it is told.

const EVERY_MS = 1000;
const GREEN = "var(--plot-priority)", GREY = "var(--plot-default)";
const RUN = "python -m loadtest run priority-under-flood";
const OUTCOMES = ["done", "unfinished", "failed", "shed", "error", "dropped"];
const { ms, clock } = charts;
const find = (selector, inside = document) => inside.querySelector(selector);

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

function put(tile, values) {
  for (const [name, text] of Object.entries(values)) find(`[data-now="${name}"]`, tile).textContent = text;
}

/** What the load generator does just now. */
function momentOf(head, test) {
  const depths = test && test.now.depths;
  // Nothing was sent for seconds, and there is work: a block is over, the next has to wait.
  if (depths && !test.now.lag && depths.default + depths.priority > 0) return "waiting until the shop is empty";
  return { flood: "flood", idle: "no flood" }[head.kind] || head.kind;
}

function showHead(head, test) {
  const names = head.scenarios.length ? head.scenarios.join(" + ") : null;
  const seed = head.facts.seed === undefined ? null : `seed ${head.facts.seed}`;
  const isRunning = ["spawning", "running"].includes(head.state);
  const moment = isRunning ? momentOf(head, test) : null;
  const since = test ? `${isRunning ? "running" : head.state} ${clock(test.now_s)}` : head.state;
  find("#about").textContent = [names, seed, head.host, since, moment].filter(Boolean).join(" · ");
  find("#stop").hidden = !isRunning;
  const trouble = head.refusal ? `Not started: ${head.refusal}` : head.problem;
  find("#trouble").hidden = !trouble;
  find("#trouble").textContent = trouble || "";
  const facts = Object.entries(head.facts);
  find("#facts").replaceChildren(...facts.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

function showVerdict(verdict, isOver) {
  const box = find("#verdict"), figure = find("#ratio");
  const list = find("ul", box), line = find(".why p", box);
  figure.hidden = !verdict || !verdict.ratio;
  if (!verdict) {
    box.className = "verdict none";
    find("strong", box).textContent = isOver ? "NO VERDICT" : "WAITING";
    find(".word span", box).textContent = "";
    line.textContent = "Nothing has come back from the shop yet.";
    list.replaceChildren();
    return;
  }
  box.className = `verdict ${verdict.conclusion.toLowerCase()}`;
  find("strong", box).textContent = verdict.conclusion;
  find(".word span", box).textContent = isOver ? "when the test ended" : "so far";
  const reasons = verdict.reasons.map((reason) => reason.replace(/^so far: /, ""));
  if (verdict.ratio) {
    const { low, point, high } = verdict.ratio;
    const digits = (value) => value.toFixed(value < 10 ? 1 : 0);
    line.textContent = `The flood multiplies the probes’ waits by ${digits(point)} (${digits(low)} to ${digits(high)}); at most ${verdict.bar} is asked.`;
    charts.ratio(figure, verdict.ratio, verdict.bar);
  } else {
    line.textContent = reasons.shift() || "";
  }
  list.replaceChildren(...reasons
    .filter((reason) => !reason.startsWith("the flood multiplies"))
    .map((reason) => {
      const item = element("li", reason);
      if (reason === "the control has no ratio") {
        item.textContent = "PASS needs the control as well, which only a whole run walks: ";
        item.append(element("code", RUN));
      }
      return item;
    }));
}

function showNow(test) {
  const { now, lag } = test;
  for (const [id, queue, open] of [["notification", "priority", "open_notifications"], ["order", "default", "open_orders"]]) {
    const waits = now.waits[id] || {};
    const depth = now.depths ? now.depths[queue].toLocaleString("en") : "–";
    const owed = now.depths ? now.depths[open].toLocaleString("en") : "–";
    put(find(`#${id}`), { p50: ms(waits.p50), p95: ms(waits.p95), p99: ms(waits.p99), depth, open: owed });
  }
  const latest = now.lag || {}, all = lag.all || {};
  put(find("#lag"), { p50: ms(latest.p50), p99: ms(latest.p99), max: ms(latest.max), all: ms(all.p99), most: ms(lag.most_ms) });
  find("#lag").classList.toggle("late", (all.p99 || 0) > lag.most_ms);
}

function showCurves(test) {
  const common = { from_s: test.from_s, to_s: test.now_s, floods: test.floods };
  const box = (id) => find(`#${id} .plot`);
  charts.draw(box("depths"), {
    ...common, height: 180, gap_s: 10, at_s: test.depths.at_s, text: (value) => value.toLocaleString("en"),
    lines: [
      { name: "default", values: test.depths.default, colour: GREY, kind: "strong" },
      { name: "priority", values: test.depths.priority, colour: GREEN, kind: "strong" },
    ],
  });
  for (const [id, colour, height] of [["notification", GREEN, 200], ["order", GREY, 180]]) {
    const waits = test.waits[id];
    charts.draw(box(`${id}-waits`), {
      ...common, height, gap_s: 12, isLog: true, at_s: waits.at_s, text: ms,
      lines: [
        { name: "p99", values: waits.p99, colour, opacity: 0.55 },
        { name: "p95", values: waits.p95, colour, kind: "strong" },
        { name: "p50", values: waits.p50, colour, kind: "weak" },
      ],
    });
  }
}

function showTables(test) {
  const gates = test.verdict ? test.verdict.gates : [];
  find("#gates tbody").replaceChildren(...gates.map((gate) => {
    const row = element("tr"), name = element("th", gate.name);
    name.scope = "row";
    row.append(name, element("td", gate.holds ? "✓ holds" : "✗ broken", `mark ${gate.holds ? "holds" : "broken"}`), element("td", gate.detail));
    return row;
  }));
  const names = OUTCOMES.filter((name) => Object.values(test.counts).some((counts) => name in counts));
  const head = element("tr");
  head.append(element("th", "ended as"), ...names.map((name) => element("th", name, "number")));
  find("#counts thead").replaceChildren(head);
  find("#counts tbody").replaceChildren(...Object.entries(test.counts).map(([of, counts]) => {
    const row = element("tr"), name = element("th", `${of}s`);
    name.scope = "row";
    row.append(name, ...names.map((outcome) => element("td", (counts[outcome] || 0).toLocaleString("en"), "number")));
    return row;
  }));
}

async function look() {
  try {
    const answer = await fetch("./lab/state", { cache: "no-store" });
    const { head, test } = await answer.json();
    showHead(head, test);
    document.body.classList.toggle("untried", !test);
    if (test) {
      showVerdict(test.verdict, !["spawning", "running"].includes(head.state));
      showNow(test);
      showCurves(test);
      showTables(test);
    }
  } catch (error) {
    find("#about").textContent = "the load generator does not answer";
    find("#stop").hidden = true;
  }
  setTimeout(look, document.hidden ? 5 * EVERY_MS : EVERY_MS);
}

find("#stop").addEventListener("click", () => fetch("./stop", { method: "POST" }));
look();
