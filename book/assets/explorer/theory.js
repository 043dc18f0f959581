/* What the explorer computes. Each formula is printed from its derivation by SymPy (window.explorer.formulas, written by
   explorer.md); here they are only evaluated, searched and simulated. A task is {sigma_p, sigma_l, T, m} with m < 0. */
"use strict";

window.explorerTheory = (() => {
  const { formulas, stopping_edge: table } = window.explorer;
  const TINY = 1e-150;

  /* Root of a function that falls from + to - over positive numbers, by halving the bracket's logarithm. */
  function fallingRoot(f, low, high) {
    for (let i = 0; i < 200; i++) {
      const middle = Math.sqrt(low) * Math.sqrt(high);
      if (middle <= low || middle >= high) break;
      if (f(middle) > 0) low = middle; else high = middle;
    }
    return high;
  }

  // --- explore, then commit ---

  const value = (task, n) => formulas.commit_value({ ...task, n });
  const spread = (task, n) => Math.sqrt(formulas.spread_squared({ ...task, n }));

  /* n* over whole n (thm-commit-value); the smallest at a tie. */
  function optimalCommit(task) {
    let best = { n: 0, value: value(task, 0) };
    for (let n = 1; n <= task.T; n++) {
      const candidate = value(task, n);
      if (candidate > best.value) best = { n, value: candidate };
    }
    return best;
  }

  /* The interior maximum over real n and the barrier before it (prop-foc), or null where there is none: benefit / cost
     falls, rises and falls again, or falls only, and turns for the last time at n_q. */
  function localOptima(task) {
    const slope = (n) => formulas.benefit({ ...task, n }) - formulas.cost({ ...task, n });
    const turn = fallingRoot((n) => formulas.turning({ ...task, n }), TINY, task.T);
    if (!(slope(turn) > 0)) return null;
    const interior = fallingRoot(slope, turn, task.T);
    const barrier = fallingRoot((n) => -slope(n), TINY, turn);
    return {
      interior: { n: interior, value: value(task, interior) },
      barrier: { n: barrier, value: value(task, barrier) },
    };
  }

  // --- the two cases of not learning ---

  const predictable = (task) => formulas.predictable(task);

  /* Largest sigma_p at which behaviour is predictable (prop-predictable). */
  const predictableUpTo = (T, m) =>
    fallingRoot((sigma_p) => (formulas.predictable({ sigma_p, T, m }) ? 1 : -1), 1e-3 * -m, 1e3 * -m);

  /* z of the edge at a sigma_p (thm-edge). */
  function edgeParameter(sigma_p, m) {
    const target = m / sigma_p;
    return fallingRoot((z) => target * target - z * z * (1 - formulas.rho({ z })), 0.4, 3 - target);
  }

  /* Shortest life in which a committed plan pays (prop-short-life): n pulls break even in n (1 - m / g(s_n)). */
  function criticalLifetime(task) {
    const { sigma_p, sigma_l, m } = task;
    const rho = formulas.rho({ z: edgeParameter(sigma_p, m) });
    const best = (((sigma_l / sigma_p) ** 2) * (1 - rho)) / rho;
    const lives = [Math.floor(best), Math.ceil(best)].map((whole) => {
      const n = Math.max(whole, 1);
      return n * (1 - m / formulas.gain({ m, s: spread(task, n) }));
    });
    return Math.floor(Math.min(...lives)) + 1;
  }

  // --- edges on the map: critical sigma_l at a sigma_p ---

  /* Of committed plans, in closed form over real n (thm-edge). */
  function closedFormEdge(sigma_p, T, m) {
    const z = edgeParameter(sigma_p, m);
    return formulas.edge_sigma_l({ sigma_p, T, psi: formulas.psi({ z }), rho: formulas.rho({ z }) });
  }

  const spreadsNeeded = new Map();

  /* Of committed plans, exact over whole n: s_n has to exceed the |m| / z with psi(z) = n / (T - n). */
  function commitEdge(sigma_p, T, m) {
    if (!spreadsNeeded.has(T)) {
      const wholeNumbers = Array.from({ length: T - 1 }, (_, i) => i + 1);
      spreadsNeeded.set(T, wholeNumbers.map((n) =>
        fallingRoot((z) => formulas.psi({ z }) - n / (T - n), 1e-6, 37)));
    }
    const squares = spreadsNeeded.get(T).map((z, i) => (i + 1) * ((sigma_p * z / m) ** 2 - 1));
    return sigma_p * Math.sqrt(Math.max(0, ...squares));
  }

  /* Of the stopping policy, from the table: linear in the logarithms of sigma_l, of how far sigma_p exceeds where
     behaviour is predictable, and of that limit, which falls with T. Null for lives beyond the table. */
  function stoppingEdge(sigma_p, T, m) {
    if (T > table.longest) return null;
    const limit = predictableUpTo(T, m);
    const [column, along] = between(table.log_beyond, Math.log(sigma_p / limit - 1));
    const [row, share] = between(table.minus_log_limit, Math.log(-m / limit));
    const inRow = (values) => values[column - 1] + along * (values[column] - values[column - 1]);
    const [before, after] = [inRow(table.log_sigma_l[row - 1]), inRow(table.log_sigma_l[row])];
    return -m * Math.exp(before + share * (after - before));
  }

  /* Which two points of a rising grid a value lies between, and where; outside of the grid lines go on straight. */
  function between(grid, value) {
    const found = grid.findIndex((point) => value <= point);
    const i = found < 0 ? grid.length - 1 : Math.max(found, 1);
    return [i, (value - grid[i - 1]) / (grid[i] - grid[i - 1])];
  }

  // --- the Bayes-optimal policy: meta_bandit/theory/stopping.py with fewer nodes ---

  const NODES = 28, WINDOW = 6.6, REACH = 8, CROWDING = 10;
  const range = (length, f) => Array.from({ length }, (_, i) => f(i));
  const angles = range(NODES, (i) => ((i + 0.5) * Math.PI) / NODES);
  const nodes = angles.map((a) => Math.expm1(((1 + Math.cos(a)) / 2) * Math.log1p(CROWDING)) / CROWDING);
  const toSeries = range(NODES, (k) => angles.map((a) => Math.cos(k * a) * ((k ? 2 : 1) / NODES)));
  const legendre = gaussLegendre(24);

  /* Nodes and weights on [-1, 1], by Newton's method on the Legendre polynomial. */
  function gaussLegendre(number) {
    return range(number, (i) => {
      let x = Math.cos((Math.PI * (i + 0.75)) / (number + 0.5)), slope = 1;
      for (let step = 0; step < 20; step++) {
        let before = 1, now = x;
        for (let k = 2; k <= number; k++) [before, now] = [now, ((2 * k - 1) * x * now - (k - 1) * before) / k];
        slope = (number * (x * now - before)) / (x * x - 1);
        x -= now / slope;
      }
      return { x, weight: 2 / ((1 - x * x) * slope * slope) };
    });
  }

  function chebyshev(series, t) {
    let first = 0, second = 0;
    for (let k = NODES - 1; k > 0; k--) [first, second] = [2 * t * first - second + series[k], first];
    return t * first - second + series[0];
  }

  /* Thresholds b_n and value V* (thm-stopping). */
  function stopping(task) {
    const { T, m } = task;
    const thresholds = new Float64Array(T);
    let worth = m;
    // after the last look there is nothing to be learned: J_{T-1}(x) = max(0, x)
    let ahead = { threshold: 0, length: 1, series: new Float64Array(NODES), left: 1 };
    let movement = 0, drop = 0;
    for (let n = T - 2; n >= 0; n--) {
      const variance = formulas.step_squared({ ...task, n });
      const step = Math.sqrt(variance);
      const here = root(ahead, step, ahead.threshold - drop);
      thresholds[n] = here;
      if (n === 0) worth = T * m + lookAhead(ahead, step, m).option;
      movement += variance;
      const length = REACH * Math.sqrt(movement) - here;
      const options = nodes.map((node) => lookAhead(ahead, step, here + length * node).option);
      const series = toSeries.map((row) => row.reduce((sum, c, i) => sum + c * options[i], 0));
      drop = ahead.threshold - here;
      ahead = { threshold: here, length, series: Float64Array.from(series), left: ahead.left + 1 };
    }
    return { thresholds, value: Math.max(0, worth) };
  }

  /* The option to leave, R_n(x), and the slope of C_n(x) = (T - n) x + R_n(x), from the series one pull ahead. */
  function lookAhead({ threshold, length, series, left }, step, x) {
    const distance = (x - threshold) / step;
    const leave = erfc(distance / Math.SQRT2) / 2;
    const density = Math.exp(-distance * distance / 2) / Math.sqrt(2 * Math.PI);
    const low = Math.max(threshold, x - WINDOW * step);
    const high = Math.max(low, Math.min(threshold + length, x + WINDOW * step));
    const half = (high - low) / 2;
    let expected = 0, slope = 0;
    if (half > 0) {
      for (const node of legendre) {
        const above = low - threshold + half + half * node.x;
        const deviation = (above + (threshold - x)) / step;
        const t = (2 * Math.log1p((CROWDING / length) * above)) / Math.log1p(CROWDING) - 1;
        const weight = (half / step) * node.weight * Math.exp(-deviation * deviation / 2) / Math.sqrt(2 * Math.PI);
        const part = weight * chebyshev(series, Math.min(1, Math.max(-1, t)));
        expected += part;
        slope += (part * deviation) / step;
      }
    }
    return {
      option: left * (step * density - x * leave) + expected,
      slope: 1 + left * (1 - leave + (threshold / step) * density) + slope,
    };
  }

  /* b_n, where C_n is zero. C_n is convex: Newton's method falls towards the root from the right. */
  function root(ahead, step, start) {
    let x = start;
    for (let i = 0; i < 100; i++) {
      const { option, slope } = lookAhead(ahead, step, x);
      const better = Math.min(x - ((ahead.left + 1) * x + option) / slope, ahead.threshold);
      const moved = Math.abs(better - x);
      x = better;
      if (moved <= 1e-5 * step) break;
    }
    return x;
  }

  // --- lives ---

  /* Mulberry32, a small generator of uniform numbers; made normal in pairs after Box and Muller. */
  function normals(seed) {
    let state = seed >>> 0, spare = null;
    const uniform = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return (((t ^ (t >>> 14)) >>> 0) + 0.5) / 2 ** 32;
    };
    return () => {
      if (spare !== null) { const kept = spare; spare = null; return kept; }
      const radius = Math.sqrt(-2 * Math.log(uniform())), angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    };
  }

  /* Lives in which both policies meet the same arms and the same rewards. For each policy: pulls of the risky arm,
     return with the arm's mean in place of the rewards, and the estimate after each pull that it made. */
  function simulate(task, pulls, thresholds, lives, seed) {
    const { sigma_p, sigma_l, T, m } = task;
    return range(lives, (life) => {
      const normal = normals(seed * 1000003 + life * 7919);
      const mean = m + sigma_p * normal();
      const estimates = [m];
      let total = 0, leavesAt = null, commits = pulls > 0 ? null : false;
      for (let n = 0; n < T; n++) {
        const estimate = estimates[n];
        if (leavesAt === null && estimate <= thresholds[n]) leavesAt = n;
        if (n === pulls && commits === null) commits = estimate > 0;
        if (leavesAt !== null && commits === false) break;
        total += mean + sigma_l * normal();
        estimates.push(formulas.posterior_mean({ sigma_p, sigma_l, m, n: n + 1, S: total }));
      }
      const adaptive = leavesAt ?? T, committed = commits === false ? pulls : T;
      const lived = (n) => ({ pulls: n, earned: n * mean, estimates: estimates.slice(0, n + 1), stays: n === T });
      return { mean, committed: lived(committed), adaptive: lived(adaptive) };
    });
  }

  return {
    value, optimalCommit, localOptima, predictable, predictableUpTo, criticalLifetime, closedFormEdge, commitEdge,
    stoppingEdge, stopping, simulate,
  };
})();
