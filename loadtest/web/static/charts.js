"use strict";
// Curves over time, drawn by hand: nothing here is fetched from anywhere.

const charts = (() => {
  const LEFT = 58, RIGHT = 86, TOP = 10, BOTTOM = 22;
  const cursor = { at_s: null };
  const drawn = [];
  let lastRatio = null;

  function svg(name, attributes, parent) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (parent) parent.append(node);
    return node;
  }

  function label(parent, text, attributes) {
    svg("text", attributes, parent).textContent = text;
  }

  function ms(value) {
    if (value === null || value === undefined) return "–";
    if (value < 9.95) return `${value.toFixed(1).replace(/\.0$/, "")} ms`;
    if (value < 999.5) return `${value.toFixed(0)} ms`;
    if (value < 599500) return `${(value / 1000).toFixed(value < 9950 ? 1 : 0).replace(/\.0$/, "")} s`;
    return `${(value / 60000).toFixed(1).replace(/\.0$/, "")} min`;
  }

  function clock(at_s) {
    const s = Math.round(at_s);
    return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
  }

  /** A step of 1, 2 or 5 times a power of ten, so that a length has at most `most` of them. */
  function step(length, most) {
    const raw = Math.max(length, 1e-9) / most;
    const power = 10 ** Math.floor(Math.log10(raw));
    return [1, 2, 5, 10].map((by) => by * power).find((by) => by >= raw);
  }

  function timeStep(length_s, width) {
    const most = Math.max(2, Math.floor(width / 90));
    return [2, 5, 10, 15, 30, 60, 120, 300].find((by) => length_s / by <= most) || 600;
  }

  function linear(values) {
    const by = Math.max(1, step(Math.max(4, ...values), 4));
    const top = by * Math.ceil(Math.max(4, ...values) / by);
    const ticks = [];
    for (let tick = 0; tick <= top; tick += by) ticks.push(tick);
    return { share: (value) => value / top, ticks, text: (value) => value.toLocaleString("en") };
  }

  function logarithmic(values) {
    const power = (value) => Math.log10(Math.max(1, value));
    const high = Math.max(2, Math.ceil(power(Math.max(1, ...values)) + 0.05));
    const low = values.length ? Math.min(high - 2, Math.floor(power(Math.min(...values)))) : 0;
    const ticks = [];
    for (let at = low; at <= high; at += 1) ticks.push(10 ** at);
    const share = (value) => (power(value) - low) / (high - low);
    return { share, ticks, text: ms };
  }

  /** Places as near as can be to those wanted, `gap` apart. */
  function spread(wanted, gap, from, to) {
    const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b]);
    const places = wanted.slice();
    let least = from;
    for (const index of order) { places[index] = Math.max(places[index], least); least = places[index] + gap; }
    let most = to;
    for (const index of order.reverse()) { places[index] = Math.min(places[index], most); most = places[index] - gap; }
    return places;
  }

  /** A path with a gap where nothing is known for long. */
  function path(at_s, values, x, y, gap_s) {
    let out = "";
    for (let i = 0; i < at_s.length; i += 1) {
      const isNew = i === 0 || at_s[i] - at_s[i - 1] > gap_s;
      out += `${isNew ? "M" : "L"}${x(at_s[i]).toFixed(1)} ${y(values[i]).toFixed(1)}`;
      // What stands alone is a dot.
      if (isNew) out += "h0.01";
    }
    return out;
  }

  /**
   * @param box the element to draw in
   * @param chart {height, isLog, from_s, to_s, floods, at_s, lines: [{name, values, colour, kind}], text}
   */
  function draw(box, chart) {
    const entry = drawn.find((one) => one.box === box);
    if (entry) entry.chart = chart;
    else drawn.push({ box, chart });
    render(box, chart);
  }

  function render(box, chart) {
    const width = Math.max(320, box.clientWidth), height = chart.height;
    const right = width - RIGHT, bottom = height - BOTTOM;
    const length_s = Math.max(20, chart.to_s - chart.from_s), to_s = chart.from_s + length_s;
    const scale = (chart.isLog ? logarithmic : linear)(chart.lines.flatMap((line) => line.values));
    const x = (at_s) => LEFT + (at_s - chart.from_s) / length_s * (right - LEFT);
    const y = (value) => bottom - scale.share(value) * (bottom - TOP);
    const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });

    for (const [began_s, ended_s] of chart.floods) {
      const from = x(Math.max(began_s, chart.from_s)), to = x(Math.min(ended_s, to_s));
      if (to > from) svg("rect", { class: "flood", x: from, y: TOP, width: to - from, height: bottom - TOP }, root);
    }
    for (const tick of scale.ticks) {
      svg("line", { class: "grid", x1: LEFT, x2: right, y1: y(tick), y2: y(tick) }, root);
      label(root, scale.text(tick), { x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" });
    }
    svg("line", { class: "axis", x1: LEFT, x2: right, y1: bottom, y2: bottom }, root);
    const by = timeStep(length_s, right - LEFT);
    for (let tick = Math.ceil(chart.from_s / by) * by; tick <= to_s; tick += by) {
      svg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 4 }, root);
      label(root, clock(tick), { x: x(tick), y: bottom + 17, "text-anchor": "middle" });
    }

    const gap_s = chart.gap_s;
    for (const line of chart.lines) {
      const d = path(chart.at_s, line.values, x, y, gap_s);
      svg("path", { class: `line ${line.kind || ""}`, d, stroke: line.colour, opacity: line.opacity || 1 }, root);
    }
    ends(root, chart, x, y, right, bottom);
    box.replaceChildren(root);

    root.addEventListener("pointermove", (event) => {
      const at = event.clientX - root.getBoundingClientRect().left;
      move(at < LEFT || at > right ? null : chart.from_s + (at - LEFT) / (right - LEFT) * length_s);
    });
    root.addEventListener("pointerleave", () => move(null));
  }

  /** The lines' names with their latest value, or with that at the cursor. */
  function ends(root, chart, x, y, right, bottom) {
    const count = chart.at_s.length;
    if (!count) return;
    let index = count - 1;
    if (cursor.at_s !== null) {
      const far = (i) => Math.abs(chart.at_s[i] - cursor.at_s);
      for (let i = 0; i < count; i += 1) if (far(i) < far(index)) index = i;
      const at = x(chart.at_s[index]);
      svg("line", { class: "cursor", x1: at, x2: at, y1: TOP, y2: bottom }, root);
      label(root, clock(chart.at_s[index]), { x: at, y: TOP + 8, "text-anchor": at > right - 40 ? "end" : "start", dx: at > right - 40 ? -4 : 4 });
    }
    const places = spread(chart.lines.map((line) => y(line.values[index])), 15, TOP + 4, bottom);
    chart.lines.forEach((line, at) => {
      svg("circle", { class: "dot", cx: x(chart.at_s[index]), cy: y(line.values[index]), r: 3, fill: line.colour }, root);
      label(root, `${line.name} ${chart.text(line.values[index])}`, { class: "end", x: right + 8, y: places[at] + 4, style: `fill: ${line.colour}` });
    });
  }

  function move(at_s) {
    if (cursor.at_s === at_s) return;
    cursor.at_s = at_s;
    for (const { box, chart } of drawn) render(box, chart);
  }

  /** A ratio's interval against its bar. */
  function ratio(box, value, bar) {
    lastRatio = [box, value, bar];
    const width = Math.max(320, box.clientWidth), height = 50, mid = 20, top = 1000, low = 0.5;
    const root = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" });
    const share = (v) => (Math.log10(Math.min(top, Math.max(low, v))) - Math.log10(low)) / (Math.log10(top) - Math.log10(low));
    const x = (v) => 8 + share(v) * (width - 16);
    svg("rect", { x: x(low), y: mid - 3, width: x(bar) - x(low), height: 6, rx: 3, fill: "var(--pass)", opacity: 0.28 }, root);
    svg("rect", { x: x(bar), y: mid - 3, width: x(top) - x(bar), height: 6, rx: 3, fill: "var(--fail)", opacity: 0.28 }, root);
    svg("line", { x1: x(bar), x2: x(bar), y1: mid - 13, y2: mid + 13, stroke: "var(--ink)", "stroke-width": 1.5 }, root);
    for (const tick of [1, 10, 100, 1000]) {
      const anchor = tick === 1000 ? "end" : "middle";
      label(root, tick === bar ? `bar: ${tick}×` : `${tick}×`, { x: x(tick), y: height - 4, "text-anchor": anchor });
    }
    const colour = value.high <= bar ? "var(--pass)" : value.low > bar ? "var(--fail)" : "var(--open)";
    svg("line", { x1: x(value.low), x2: Math.max(x(value.high), x(value.low) + 1), y1: mid, y2: mid, stroke: colour, "stroke-width": 9, "stroke-linecap": "round", opacity: 0.55 }, root);
    svg("circle", { cx: x(value.point), cy: mid, r: 6.5, fill: colour, stroke: "var(--page)", "stroke-width": 2 }, root);
    box.replaceChildren(root);
  }

  addEventListener("resize", () => {
    for (const { box, chart } of drawn) render(box, chart);
    if (lastRatio) ratio(...lastRatio);
  });
  return { draw, ratio, ms, clock };
})();
