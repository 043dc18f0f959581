/* The explorer's page: fields, address, words and plots. What is computed comes from theory.js, plotted by uPlot. */
"use strict";

(() => {
  const theory = window.explorerTheory;
  const root = document.getElementById("explorer");
  const LIVES = 1000, SHOWN = window.explorer.shown;

  // --- the fields ---

  const FIELDS = {
    sigma_p: { html: "<i>σ</i><sub><i>p</i></sub>", name: "ecological uncertainty", unit: "reward", min: 0.1, max: 10 },
    sigma_l: { html: "<i>σ</i><sub><i>l</i></sub>", name: "task complexity", unit: "reward", min: 0.01, max: 100 },
    T: { html: "<i>T</i>", name: "lifetime", unit: "pulls", min: 2, max: 1000, whole: true },
    m: { html: "<i>m</i>", name: "prior mean", unit: "reward", min: -2, max: -0.2 },
    seed: { html: "", name: "seed of the lives", unit: "", min: 0, max: 999999, whole: true },
  };
  const SLIDERS = ["sigma_p", "sigma_l", "T", "m"];
  for (const name of SLIDERS) FIELDS[name].stops = stops(FIELDS[name]);

  /* Where the slider can stand: two digits, evenly spread in the logarithm; every 0.05 for the negative mean. */
  function stops({ min, max, whole }) {
    if (min < 0) return Array.from({ length: 1 + Math.round((max - min) * 20) }, (_, i) => +(min + i / 20).toFixed(2));
    const steps = Array.from({ length: 241 }, (_, i) => +(10 ** ((i - 80) / 40)).toPrecision(2));
    const rounded = [min, ...steps, max].map((value) => (whole ? Math.round(value) : value));
    return [...new Set(rounded)].filter((value) => value >= min && value <= max).sort((a, b) => a - b);
  }

  const nearest = (values, value) => values.reduce(
    (best, stop, i) => (Math.abs(stop - value) < Math.abs(values[best] - value) ? i : best), 0);

  /* Say what is wrong with the text of a field; an empty string where nothing is. */
  function complaint(field, text) {
    const { min, max, whole } = FIELDS[field], value = Number(text);
    const right = text.trim() !== "" && value >= min && value <= max && (!whole || Number.isInteger(value));
    return right ? "" : `${field} = ${text || "(empty)"}: must be a ${whole ? "whole " : ""}number from ${min} to ${max}.`;
  }

  // --- the address ---

  const state = { ...window.explorer.start };

  function readAddress() {
    const given = location.hash.includes("=") ? new URLSearchParams(location.hash.slice(1)) : new URLSearchParams();
    const wrong = [];
    for (const [field, text] of given) {
      const said = field in FIELDS ? complaint(field, text)
        : `${field} = ${text}: there is no such field; there are ${Object.keys(FIELDS).join(", ")}.`;
      if (said) wrong.push(said); else state[field] = Number(text);
    }
    if (wrong.length) wrong.push("The page shows its other values instead.");
    alertBox.textContent = wrong.join(" ");
  }

  function writeAddress() {
    history.replaceState(null, "", `#${new URLSearchParams(Object.entries(state))}`);
  }

  // --- the frame ---

  root.innerHTML = `
    <div class="controls">${SLIDERS.map((field) => {
      const { html, name, unit, min, max, stops: all } = FIELDS[field];
      return `<div class="field">
        <label for="explorer-${field}">${html}: ${name} <small>(${unit})</small></label>
        <input type="number" id="explorer-${field}" step="any" min="${min}" max="${max}" inputmode="${min < 0 ? "text" : "decimal"}">
        <input type="range" id="explorer-${field}-slider" min="0" max="${all.length - 1}" step="1"
          aria-label="${name}, ${unit}: slider">
      </div>`;
    }).join("")}</div>
    <p role="alert"></p>
    <div class="verdict" aria-live="polite"></div>
    <div class="plots">
      ${figure("value", "What looking is worth", "Expected return <i>V</i>(<i>n</i>), reward", "exploration <i>n</i> (pulls)")}
      ${figure("map", "Where this task lies", "Task complexity <i>σ</i><sub><i>l</i></sub>, reward", "ecological uncertainty <i>σ</i><sub><i>p</i></sub> (reward)")}
      ${figure("committed", "Lives of the best committed plan", "Estimate of the arm, reward", "risky pulls <i>n</i>")}
      ${figure("adaptive", "Lives of the Bayes-optimal policy", "Estimate of the arm, reward", "risky pulls <i>n</i>")}
    </div>
    <div class="actions">
      <button type="button" data-action="lives">Other lives</button>
      <button type="button" data-action="link">Copy a link to this point</button>
      <button type="button" data-action="reset">Back to the start</button>
    </div>`;

  function figure(id, title, up, across) {
    return `<figure class="${id}"><figcaption><b>${title}</b>${up}</figcaption>
      <div class="plot" role="img"></div><div class="across">${across}</div><p class="note"></p></figure>`;
  }

  const find = (selector) => root.querySelector(selector);
  const alertBox = find("[role=alert]"), verdict = find(".verdict");
  const box = (field) => find(`#explorer-${field}`), slider = (field) => find(`#explorer-${field}-slider`);

  function showFields() {
    for (const field of SLIDERS) {
      const { stops: all, unit } = FIELDS[field];
      if (document.activeElement !== box(field) || !complaint(field, box(field).value)) box(field).value = state[field];
      box(field).setAttribute("aria-invalid", "false");
      slider(field).value = nearest(all, state[field]);
      slider(field).setAttribute("aria-valuetext", `${state[field]} ${unit}`);
    }
  }

  function change(changes) {
    Object.assign(state, changes);
    alertBox.textContent = "";
    showFields();
    schedule();
  }

  for (const field of SLIDERS) {
    slider(field).addEventListener("input", () => change({ [field]: FIELDS[field].stops[slider(field).value] }));
    box(field).addEventListener("change", () => {
      const said = complaint(field, box(field).value);
      if (!said) return change({ [field]: Number(box(field).value) });
      box(field).setAttribute("aria-invalid", "true");
      alertBox.textContent = `${said} The page shows ${state[field]} instead.`;
    });
  }

  root.addEventListener("click", ({ target }) => {
    const action = target.dataset && target.dataset.action;
    if (action === "lives") change({ seed: (state.seed + 1) % 1000000 });
    if (action === "reset") change(window.explorer.start);
    if (action === "link") {
      writeAddress();
      const said = (words) => { target.textContent = words; };
      const copied = navigator.clipboard ? navigator.clipboard.writeText(location.href) : Promise.reject();
      copied.then(() => said("Copied"), () => said("Copy it from the address bar"));
    }
  });
  addEventListener("hashchange", () => {
    if (!location.hash.includes("=")) return;
    readAddress();
    showFields();
    if (root.dataset.shows !== JSON.stringify(state)) render();
  });

  // --- the words ---

  const number = (value) => (Math.abs(value) >= 1e6 ? value.toExponential(1).replace("e+", " × 10^")
    : Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : Number(value.toPrecision(3)).toString()).replace("-", "−");
  const count = (n) => `${number(n)} pull${n === 1 ? "" : "s"}`;

  function sentence({ best, stopping, task }) {
    const { sigma_p, T, m } = task, known = (T - 1) * window.explorer.formulas.gain({ m, s: sigma_p });
    if (theory.predictable(task)) {
      return ["Case 1: do not learn, behaviour is predictable",
        `Lives differ too little. Even an agent that knew the arm for certain after one pull would earn only ${number(known)} in the
         remaining ${count(T - 1)}, and that one pull costs ${number(-m)}. Never pulling is best.`];
    }
    if (best.n === 0) {
      const shortest = theory.criticalLifetime(task);
      return [stopping.value > 0 ? "Case 2: life is too short to explore and then commit" : "Case 2: do not learn, life is too short",
        `A plan that explores and then commits needs a life of ${shortest < 1e15 ? number(shortest) : "more than 10^15"} pulls to pay; this
         one has ${number(T)}. ${stopping.value > 0
          ? `But to try and be free to stop at any time does pay: ${number(stopping.value)} a life.`
          : "Nor does any other way of learning pay."}`];
    }
    return ["Learn",
      `The best plan explores for ${count(best.n)} and then commits for good; it earns ${number(best.value)} a life, where never learning
       earns 0. To be free to stop at any time raises that to ${number(stopping.value)}.`];
  }

  function say(shown) {
    const [title, text] = sentence(shown), { best, stopping } = shown;
    verdict.classList.toggle("learn", best.n > 0);
    verdict.innerHTML = `<strong>${title}</strong><p>${text}</p>
      <dl class="numbers">
        <div><dt>best exploration <i>n</i>* (pulls)</dt><dd data-is="n">${best.n}</dd></div>
        <div><dt><i>V</i>(<i>n</i>*), the best committed plan (reward)</dt><dd data-is="value">${number(best.value)}</dd></div>
        <div><dt><i>V</i>*, the best policy (reward)</dt><dd data-is="bayes">${number(stopping.value)}</dd></div>
      </dl>`;
  }

  // --- the plots ---

  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const HEIGHT = 270;
  const plots = {};

  function draw(id, data, { scales, series, under, over, label, note, axes = {} }) {
    const place = find(`.${id} .plot`);
    if (plots[id]) plots[id].destroy();
    const look = { stroke: colour("ink"), font: "12px system-ui, sans-serif",
      grid: { stroke: colour("lines"), width: 1 }, ticks: { stroke: colour("lines"), width: 1, size: 5 } };
    plots[id] = new uPlot({
      width: place.clientWidth, height: HEIGHT, scales,
      series: [{}, ...series.map((one) => ({ points: { show: false }, pxAlign: 0, ...one }))],
      axes: [{ ...look, size: 30, ...axes.x }, { ...look, size: 46, ...axes.y }],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, x: id !== "map", y: false, points: { show: false } },
      padding: [10, 10, 0, 0],
      hooks: { drawClear: under ? [under] : [], draw: over ? [over] : [] },
    }, data, place);
    place.setAttribute("aria-label", label);
    find(`.${id} .note`).innerHTML = note;
  }

  /* A mark with words beside it, readable on any ground. */
  function mark(plot, x, y, shape, name, words = "", side = "right") {
    const { ctx } = plot, size = uPlot.pxRatio;
    const left = plot.valToPos(x, "x", true), top = plot.valToPos(y, "y", true);
    ctx.save();
    ctx.translate(left, top);
    ctx.scale(size, size);
    ctx.beginPath();
    if (shape === "circle") ctx.arc(0, 0, 5.5, 0, 2 * Math.PI);
    else {
      const points = shape === "star" ? 10 : 3, turn = shape === "down" ? Math.PI / 2 : -Math.PI / 2;
      for (let i = 0; i < points; i++) {
        const reach = shape === "star" ? (i % 2 ? 4 : 10) : 6.5, angle = turn + (2 * Math.PI * i) / points;
        ctx.lineTo(reach * Math.cos(angle), reach * Math.sin(angle));
      }
      ctx.closePath();
    }
    Object.assign(ctx, { fillStyle: colour(name), strokeStyle: colour("halo"), lineWidth: 2.5, lineJoin: "round" });
    ctx.stroke();
    ctx.fill();
    ctx.restore();
    const beside = side === "right";
    write(plot, left + (beside ? 13 * size : 0), top - (beside ? 0 : 19 * size), words, { align: beside ? "left" : "center" });
  }

  function write(plot, left, top, words, { align = "left", bold = false, turn = 0, halo = "halo" } = {}) {
    const { ctx } = plot, size = uPlot.pxRatio;
    ctx.save();
    ctx.translate(left, top);
    ctx.rotate(turn);
    Object.assign(ctx, { font: `${bold ? "600 " : ""}${12 * size}px system-ui, sans-serif`, textAlign: align, textBaseline: "middle",
      strokeStyle: colour(halo), lineWidth: 4 * size, lineJoin: "round", fillStyle: colour("ink") });
    ctx.strokeText(words, 0, 0);
    ctx.fillText(words, 0, 0);
    ctx.restore();
  }

  function horizontal(plot, at, dash = [2, 3]) {
    const { ctx, bbox } = plot, top = plot.valToPos(at, "y", true);
    if (top < bbox.top || top > bbox.top + bbox.height) return;
    ctx.save();
    Object.assign(ctx, { strokeStyle: colour("faint"), lineWidth: uPlot.pxRatio });
    ctx.setLineDash(dash.map((length) => length * uPlot.pxRatio));
    ctx.beginPath();
    ctx.moveTo(bbox.left, top);
    ctx.lineTo(bbox.left + bbox.width, top);
    ctx.stroke();
    ctx.restore();
  }

  const even = (low, high, steps) => Array.from({ length: steps + 1 }, (_, i) => low + ((high - low) * i) / steps);

  function drawValue({ task, best, optima }) {
    const top = Math.max(best.value, optima ? optima.interior.value : 0, -2 * task.m);
    const low = Math.min(-0.6 * top, optima ? 1.6 * optima.barrier.value : 0);
    // as far as the hump or the fall can be seen
    let end = Math.max(2, best.n, optima ? 1.5 * optima.interior.n : 0);
    while (end < task.T && theory.value(task, end) > low) end *= 1.1;
    end = Math.min(end, task.T);
    const n = [...new Set([...even(0, 1, 100).map((x) => (end * x ** 3) / 20), ...even(0, end, 400)])].sort((a, b) => a - b);
    const stays = best.n === 0;
    draw("value", [n, n.map((at) => theory.value(task, at))], {
      scales: { x: { time: false, range: [-0.02 * end, end * 1.02] }, y: { range: [low, 1.3 * top] } },
      series: [{ stroke: colour("learn"), width: 2 }],
      over: (plot) => {
        horizontal(plot, 0);
        mark(plot, 0, 0, stays ? "star" : "circle", stays ? "accent" : "leave", stays ? "n* = 0: never learn" : "never learn");
        if (optima) {
          mark(plot, optima.barrier.n, optima.barrier.value, "down", "leave");
          mark(plot, optima.interior.n, optima.interior.value, "circle", "learn", stays ? "learn: worth less" : "", "above");
        }
        if (!stays) mark(plot, best.n, best.value, "star", "accent", `n* = ${best.n}`, "above");
      },
      label: `Expected return over exploration. Best: ${count(best.n)}, ${number(best.value)} reward.`,
      note: optima
        ? `★ best whole <i>n</i>. ● local optima over real <i>n</i>: 0, and ${number(optima.interior.n)} with ${number(optima.interior.value)}.
           ▼ barrier between them, ${number(optima.barrier.value)} at ${number(optima.barrier.n)}.`
        : "★ the only optimum: <i>V</i> falls from <i>n</i> = 0 on.",
    });
  }

  function drawMap({ task, best, stopping }) {
    const { T, m } = task, { sigma_p: across, sigma_l: up } = FIELDS;
    const limit = theory.predictableUpTo(T, m);
    // two more points just inside the limit, so that the edges begin there
    const grid = even(0, 1, 160).map((share) => across.min ** (1 - share) * across.max ** share)
      .concat([1e-6, 1e-3].map((little) => limit * (1 + little)))
      .filter((x) => x >= across.min && x <= across.max).sort((a, b) => a - b);
    const edge = (at) => grid.map((x) => { const y = x > limit ? at(x, T, m) : 0; return y > 0 ? y : null; });
    const bottom = (plot) => plot.scales.y.min;
    draw("map", [grid, edge(theory.stoppingEdge), edge(theory.commitEdge), edge(theory.closedFormEdge)], {
      scales: { x: { time: false, distr: 3, range: [across.min, across.max] }, y: { distr: 3, range: [up.min, up.max] } },
      series: [
        { stroke: colour("accent"), width: 1.5, dash: [6, 4], fill: colour("map-adaptive"), fillTo: bottom },
        { stroke: colour("accent"), width: 2.5, fill: colour("map-learn"), fillTo: bottom },
        { stroke: colour("ink"), width: 1.2, dash: [1.5, 3] },
      ],
      axes: { x: { values: powers, grid: { show: false } }, y: { values: powers, grid: { show: false } } },
      under: (plot) => {
        const { ctx, bbox } = plot;
        const until = Math.min(Math.max(plot.valToPos(limit, "x", true), bbox.left), bbox.left + bbox.width);
        ctx.save();
        ctx.fillStyle = colour("map-never");
        ctx.fillRect(bbox.left, bbox.top, bbox.width, bbox.height);
        ctx.fillStyle = colour("map-predictable");
        ctx.fillRect(bbox.left, bbox.top, until - bbox.left, bbox.height);
        ctx.restore();
      },
      over: (plot) => {
        const { bbox } = plot, size = uPlot.pxRatio, until = plot.valToPos(limit, "x", true);
        const middle = (bbox.left + until) / 2;
        if (until - bbox.left > 24 * size) {
          write(plot, Math.min(middle, until - 12 * size), bbox.top + bbox.height / 2, "predictable",
            { align: "center", bold: true, turn: -Math.PI / 2, halo: "map-predictable" });
        }
        write(plot, until + 8 * size, bbox.top + 14 * size, "life too short", { bold: true, halo: "map-never" });
        write(plot, bbox.left + bbox.width - 10 * size, bbox.top + bbox.height - 16 * size, "learn",
          { align: "right", bold: true, halo: "map-learn" });
        mark(plot, task.sigma_p, task.sigma_l, best.n ? "star" : "circle", "accent");
      },
      label: `Map of all tasks with this lifetime and prior mean. At this ecological uncertainty the committed plan learns below
        a task complexity of ${number(theory.commitEdge(task.sigma_p, T, m))}.`,
      note: `Below the solid edge a committed plan learns, below the dashed one the Bayes-optimal policy; dotted: the closed form. This task:
        ${best.n ? "both learn" : stopping.value > 0 ? "only the Bayes-optimal policy learns" : "neither learns"}.`,
    });
  }

  const powers = (plot, ticks) => ticks.map((tick) => (Math.abs(Math.log10(tick) % 1) < 1e-9 ? String(+tick.toPrecision(1)) : ""));

  function drawLives({ task, best, stopping, lives }) {
    const few = lives.slice(0, SHOWN);
    const latest = Math.max(...few.map(({ adaptive }) => (adaptive.stays ? 0 : adaptive.pulls)));
    const end = Math.min(task.T, Math.max(20, 5 * best.n, Math.ceil(1.4 * latest)));
    const n = even(0, end, end);
    const all = few.flatMap(({ committed, adaptive }) => [...committed.estimates.slice(0, end + 1), ...adaptive.estimates.slice(0, end + 1)]);
    const [low, high] = [Math.min(...all, -0.5 * task.sigma_p), Math.max(...all, 0.5 * task.sigma_p)];
    const scales = { x: { time: false, range: [0, end] }, y: { range: [low - 0.06 * (high - low), high + 0.06 * (high - low)] } };
    const exact = { committed: best.value, adaptive: stopping.value };
    for (const policy of ["committed", "adaptive"]) {
      const paths = few.map((life) => life[policy]);
      const earned = lives.map((life) => life[policy].earned);
      const mean = earned.reduce((sum, one) => sum + one, 0) / LIVES;
      const error = Math.sqrt(earned.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (LIVES - 1) / LIVES);
      const stay = lives.filter((life) => life[policy].stays).length / LIVES;
      const series = paths.map(({ stays }) => ({ stroke: colour(stays ? "learn" : "leave"), width: 1.3 }));
      const data = [n, ...paths.map(({ estimates }) => n.map((at) => estimates[at] ?? null))];
      if (policy === "adaptive") {
        series.push({ stroke: colour("ink"), width: 2.5 });
        data.push(n.map((at) => stopping.thresholds[at] ?? null));
      }
      const never = stay === 0 && mean === 0;
      draw(policy, data, {
        scales, series,
        over: (plot) => {
          horizontal(plot, 0);
          if (policy === "committed" && best.n) vertical(plot, best.n);
          for (const { pulls, stays, estimates } of paths) if (!stays && pulls && pulls <= end) cross(plot, pulls, estimates[pulls]);
          if (never) write(plot, plot.bbox.left + plot.bbox.width / 2, plot.bbox.top + 20 * uPlot.pxRatio, "It never pulls the risky arm.", { align: "center" });
        },
        label: never ? "It never pulls the risky arm."
          : `${number(100 * stay)}% of the lives stay with the risky arm; mean return ${number(mean)}.`,
        note: never ? "Nothing is tried, nothing is earned."
          : `${policy === "committed" ? `Dashed: the decision after ${count(best.n)}.` : "Black: the threshold <i>b<sub>n</sub></i>."}
             <span style="color: var(--learn)">Blue: stays</span>, grey: leaves at ×. Of ${number(LIVES)} lives ${number(100 * stay)}% stay; they earn
             ${number(mean)} ± ${number(2 * error)} (2 s.e.; exact: ${number(exact[policy])}).`.replace("Black", document.documentElement.dataset.theme === "dark" ? "White" : "Black"),
      });
    }
  }

  function vertical(plot, at) {
    const { ctx, bbox } = plot, left = plot.valToPos(at, "x", true);
    ctx.save();
    Object.assign(ctx, { strokeStyle: colour("ink"), lineWidth: 1.5 * uPlot.pxRatio });
    ctx.setLineDash([5 * uPlot.pxRatio, 4 * uPlot.pxRatio]);
    ctx.beginPath();
    ctx.moveTo(left, bbox.top);
    ctx.lineTo(left, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  function cross(plot, x, y) {
    const { ctx } = plot, reach = 3.5 * uPlot.pxRatio;
    const left = plot.valToPos(x, "x", true), top = plot.valToPos(y, "y", true);
    ctx.save();
    Object.assign(ctx, { strokeStyle: colour("accent"), lineWidth: 1.8 * uPlot.pxRatio });
    ctx.beginPath();
    for (const side of [-1, 1]) {
      ctx.moveTo(left - reach, top - side * reach);
      ctx.lineTo(left + reach, top + side * reach);
    }
    ctx.stroke();
    ctx.restore();
  }

  // --- from state to page ---

  let shown;

  function render() {
    const { seed, ...task } = state;
    const best = theory.optimalCommit(task), stopping = theory.stopping(task);
    shown = { task, best, stopping, optima: theory.localOptima(task), lives: theory.simulate(task, best.n, stopping.thresholds, LIVES, seed) };
    say(shown);
    redraw();
    root.dataset.shows = JSON.stringify(state);
  }

  function redraw() {
    for (const one of [drawValue, drawMap, drawLives]) one(shown);
  }

  let waiting = 0;
  function schedule() {
    clearTimeout(waiting);
    waiting = setTimeout(() => { render(); writeAddress(); }, 40);
  }

  // the map can be clicked, and with a mouse dragged on
  const map = find(".map .plot");
  const choose = (event) => {
    const area = plots.map.over.getBoundingClientRect();
    const x = event.clientX - area.left, y = event.clientY - area.top;
    if (x < 0 || y < 0 || x > area.width || y > area.height) return;
    change({ sigma_p: +plots.map.posToVal(x, "x").toPrecision(2), sigma_l: +plots.map.posToVal(y, "y").toPrecision(2) });
  };
  map.addEventListener("click", choose);
  map.addEventListener("pointermove", (event) => event.buttons === 1 && event.pointerType === "mouse" && choose(event));

  let width = root.clientWidth;
  new ResizeObserver(() => {
    if (shown && root.clientWidth !== width) redraw();
    width = root.clientWidth;
  }).observe(root);
  new MutationObserver(() => shown && redraw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });

  readAddress();
  showFields();
  render();
})();
