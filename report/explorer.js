// The explorer: six lists choose one curve, Vega draws it, and the address's fragment names it.
(async () => {
  "use strict";
  const find = (name) => document.getElementById(`explorer-${name}`);
  const read = (name) => JSON.parse(find(name).textContent);
  const unpack = (name) => {
    const bytes = Uint8Array.from(atob(find(name).textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  };
  const data = await unpack("data");
  const names = [...Object.keys(data.factors), "path"];
  const levels = { ...data.factors, path: data.paths };
  const choices = data.settings.flatMap((setting) =>
    Object.keys(setting.paths).map((path) => ({
      setting, curve: setting.paths[path], at: [...setting.at, data.paths.indexOf(path)],
    })));
  const START = { cell: "lstm", init: "torch", forget_bias: "1", length: "400", training: "no", path: "full" };
  const WEIGHT = { cell: 32, training: 16, forget_bias: 8, path: 4, init: 2, length: 1 };
  const MARK = "#explorer?";

  const said = read("names");
  const words = (name, level) => said[name]?.[level] ?? String(level);

  // The choice that agrees with what is wanted, in `fixed` for certain, and in as much else as was measured.
  const nearest = (wanted, fixed) => {
    const score = ({ at }) => names.reduce((sum, name, i) =>
      sum + (at[i] === wanted[name] ? WEIGHT[name] : 0) - Math.abs(at[i] - wanted[name]) / 1000, 0);
    const pool = choices.filter(({ at }) => !fixed || at[names.indexOf(fixed)] === wanted[fixed]);
    return pool.reduce((best, choice) => (score(choice) > score(best) ? choice : best));
  };
  const places = (from) => Object.fromEntries(names.map((name) =>
    [name, Math.max(0, levels[name].findIndex((level) => String(level) === (from[name] ?? START[name])))]));

  // Log10 of the gradient by lag: the document has differences, in whole thousandths.
  const points = ({ setting, curve }) => {
    let sum = 0;
    return data.lags[setting.lags].map((lag, i) => {
      if (curve.y[i] === null) return { lag, y: null, low: null, high: null, words: "exactly zero" };
      sum += curve.y[i];
      const y = sum / data.scale, half = (curve.half[i] ?? 0) / data.scale;
      return { lag, y, low: y - half, high: y + half, words: power(y) };
    });
  };
  const power = (y) => {
    const exponent = Math.floor(y);
    return Math.abs(y) < 3 ? (10 ** y).toPrecision(3) : `${(10 ** (y - exponent)).toFixed(2)} × 10${raised(exponent)}`;
  };
  const raised = (exponent) => [...String(exponent)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit] ?? "⁻").join("");
  const short = (value) => Number(value.toPrecision(3)).toString().replace("-", "\u2212");
  const line = (rows, curve) => (curve.theory === undefined ? [] :
    [rows[0], rows[rows.length - 1]].map(({ lag }) => ({ lag, y: rows[0].y + curve.theory * (lag - rows[0].lag) })));

  const named = (at) => names.map((name, i) => ({ name, level: levels[name][at[i]] }));
  const title = (at) => named(at).map(({ name, level }) =>
    ({ init: `${words(name, level)} init`, length: `${level} steps`,
      forget_bias: level === "none" ? "no forget bias" : `forget bias ${words(name, level)}` })[name] ?? words(name, level),
  ).join(", ");
  const summary = ({ setting, curve, at }, rows) => {
    const alive = rows.filter(({ y }) => y !== null), last = alive[alive.length - 1];
    const text = [`${title(at)}: ${setting.hidden} units, drive ${setting.drive}, ${setting.n} repetitions.`];
    if (last) text.push(`At lag ${last.lag} the gradient is ${last.words} of that at lag 0.`);
    if (alive.length < rows.length) text.push("Where the line is missing it is exactly zero.");
    if (setting.low !== undefined && levels.path[at[names.length - 1]] === "full") {
      const [rate, low, high] = [setting.rate, setting.low, setting.high].map(short);
      text.push(`It changes by ${rate} [${low}, ${high}] decades per step.`);
      if (setting.half_life) text.push(`It halves in ${short(setting.half_life)} steps.`);
    }
    if (curve.law) text.push(`Theory (${curve.law}) says ${short(curve.theory)} decades per step.`);
    if (curve.apart !== undefined) text.push(`The backends differ by at most ${curve.apart} decades.`);
    return text.join(" ");
  };

  const view = new vega.View(vega.parse(read("spec")), { renderer: "svg", container: find("chart") });
  const wide = () => Math.max(200, find("chart").clientWidth);
  let shown;
  const show = (choice, write) => {
    shown = choice;
    const rows = points(choice), query = new URLSearchParams();
    named(choice.at).forEach(({ name, level }, i) => {
      find(name).selectedIndex = choice.at[i];
      query.set(name, level);
    });
    find("link").href = MARK + query;
    find("summary").textContent = summary(choice, rows);
    find("law").hidden = !choice.curve.law;
    find("rows").replaceChildren(...rows.map((row) => {
      const tr = document.createElement("tr");
      [row.lag, ...["y", "low", "high"].map((key) => (row[key] === null ? "zero" : row[key].toFixed(3)))]
        .forEach((text) => { tr.insertCell().textContent = String(text).replace("-", "\u2212"); });
      return tr;
    }));
    const drawn = rows.map((row) => (row.y === null ? { ...row, low: undefined, high: undefined } : row));
    view.description(`Gradient against lag. ${summary(choice, rows)}`).data("curve", drawn)
      .data("theory", line(rows, choice.curve)).width(wide()).runAsync();
    if (write) history.replaceState(null, "", MARK + query);
  };
  const current = () => Object.fromEntries(names.map((name) => [name, find(name).selectedIndex]));
  const follow = () => {
    if (!location.hash.startsWith(MARK)) return false;
    show(nearest(places(Object.fromEntries(new URLSearchParams(location.hash.slice(MARK.length))))), false);
    document.getElementById("explorer").scrollIntoView();
    return true;
  };

  for (const name of names) {
    find(name).replaceChildren(...levels[name].map((level) => new Option(words(name, level), level)));
    find(name).addEventListener("change", () => show(nearest(current(), name), true));
  }
  find("box").hidden = false;
  window.addEventListener("hashchange", follow);
  new ResizeObserver(() => view.width() !== wide() && view.width(wide()).runAsync()).observe(find("chart"));
  if (!follow()) show(nearest(places({})), false);
})();
