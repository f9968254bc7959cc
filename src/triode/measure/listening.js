// The listening test: MUSHRA (ITU-R BS.1534) and ABX. Everything stays in the page; results are handed out as CSV.
(() => {
  const METER_FLOOR_DB = -60;
  const SCALE = ["Bad", "Poor", "Fair", "Good", "Excellent"];
  const COLUMNS = ["listener", "test", "trial", "condition", "role", "position", "answer", "value"];
  // Student's t, 97.5 %, by degrees of freedom.
  const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
    2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042];
  const facts = JSON.parse(document.getElementById("listening-facts").textContent);
  const at = (id) => document.getElementById(id);
  const outline = new Outline(document.querySelector("canvas"));
  const rows = [];
  let deck = null;
  let samples = {};
  let heard = "";
  let finishStep = () => {};

  // Numbers below n without bias, from the browser's own source of chance.
  function below(n) {
    const word = new Uint32Array(1);
    do crypto.getRandomValues(word);
    while (word[0] >= 2 ** 32 - (2 ** 32 % n));
    return word[0] % n;
  }

  function shuffled(items) {
    const mixed = [...items];
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = below(i + 1);
      [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
    }
    return mixed;
  }

  function element(kind, attributes = {}, ...children) {
    const made = Object.assign(document.createElement(kind), attributes);
    made.append(...children);
    return made;
  }

  function load(trial, signals) {
    if (deck?.playing) deck.pause();
    samples = {};
    for (const [name, id] of Object.entries(signals)) samples[name] = decodePcm(`pcm-${id}`);
    deck = new Deck(samples, trial.rate_hz, show);
    for (const id of ["loop-from", "loop-to"]) at(id).max = deck.duration;
    at("loop-from").value = 0;
    at("loop-to").value = deck.duration;
    heard = "";
    show();
  }

  function listen(name) {
    heard = name;
    deck.solo(name, 1);
    for (const button of document.querySelectorAll("[data-hear]")) {
      button.setAttribute("aria-pressed", button.dataset.hear === name);
    }
    if (!deck.playing) toggle();
    document.querySelector(`[data-hear="${name}"]`).dataset.heard = "yes";
    show();
  }

  function toggle() {
    if (!heard) return void listen("reference" in samples ? "reference" : Object.keys(samples)[0]);
    if (deck.playing) deck.pause();
    else deck.play();
    if (deck.playing) requestAnimationFrame(tick);
    show();
  }

  function tick() {
    show();
    if (deck.playing) requestAnimationFrame(tick);
  }

  function stretch() {
    const [from, to] = [Number(at("loop-from").value), Number(at("loop-to").value)];
    deck.first = Math.min(from, deck.duration - 0.25);
    deck.last = Math.max(to, deck.first + 0.25);
    deck.jump(Math.min(Math.max(deck.now, deck.first), deck.last));
    show();
  }

  function show() {
    const player = at("player");
    player.dataset.state = deck.playing ? "playing" : "paused";
    at("play").setAttribute("aria-label", deck.playing ? "Pause" : "Play");
    at("clock").textContent = clockWords(deck.now);
    const db = deck.outputDb;
    at("meter").style.setProperty("--level", Math.min(1, Math.max(0, 1 - db / METER_FLOOR_DB)));
    player.dataset.outputDbfs = Number.isFinite(db) ? db.toFixed(2) : "silent";
    player.dataset.heard = heard;
    player.dataset.position = deck.now.toFixed(3);
    // Always the reference's outline: that of what is heard would give it away.
    const styles = getComputedStyle(player);
    const [colour, ink] = [styles.getPropertyValue("--device"), styles.getPropertyValue("--ink")];
    outline.draw(Object.values(samples)[0], 1, deck.now / deck.duration, colour, ink);
  }

  function hearButton(name, words) {
    const button = element("button", { type: "button", className: "hear", textContent: words });
    button.dataset.hear = name;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => listen(name));
    return button;
  }

  function page(name) {
    for (const id of ["intro", "test", "results"]) at(id).hidden = id !== name;
  }

  // Calls `done` when everything has been heard and `ready` says nothing is missing.
  function step(ready, done) {
    finishStep = () => {
      const unheard = [...document.querySelectorAll("[data-hear]")].filter((button) => !button.dataset.heard);
      const missing = unheard.length ? "Listen to every sound first." : ready();
      at("hint").textContent = missing;
      if (!missing) done();
    };
    at("hint").textContent = "";
  }

  function mushra(order, number = 0) {
    if (number === order.length) return finish("mushra");
    const trial = order[number];
    const mixed = shuffled(trial.conditions);
    const names = { reference: trial.conditions[0].id };
    mixed.forEach((condition, i) => (names[`sound-${i}`] = condition.id));
    page("test");
    at("test-title").textContent = order.length > 1 ? `${trial.name} (${number + 1} of ${order.length})` : trial.name;
    at("question").textContent = "How close is each sound to the reference? One of them is the reference itself: 100.";
    const board = element("div", { className: "board" }, hearButton("reference", "Reference"));
    const scale = element("div", { className: "grades" }, ...SCALE.map((word) => element("span", { textContent: word })));
    board.append(scale);
    const sliders = mixed.map((condition, i) => {
      const slider = element("input", { type: "range", min: 0, max: 100, step: 1, value: 50, className: "rating" });
      const shown = element("output", { textContent: "–" });
      slider.setAttribute("aria-label", `Rating of sound ${i + 1}`);
      slider.addEventListener("input", () => {
        slider.dataset.rated = "yes";
        shown.textContent = slider.value;
      });
      board.append(element("div", { className: "row" }, hearButton(`sound-${i}`, `Sound ${i + 1}`), slider, shown));
      return slider;
    });
    at("board").replaceChildren(board);
    load(trial, names);
    step(
      () => (sliders.every((slider) => slider.dataset.rated) ? "" : "Move every slider, if only to and fro."),
      () => {
        mixed.forEach((condition, i) => {
          note("mushra", trial.name, condition.name, condition.role, i + 1, "", Number(sliders[i].value));
        });
        mushra(order, number + 1);
      },
    );
  }

  function abx(trial, other, round = 1) {
    if (round > facts.abx_rounds) return finish("abx");
    const x = below(2) ? "B" : "A";
    const ids = { A: trial.conditions[0].id, B: other.id };
    page("test");
    at("test-title").textContent = `${other.name} (${round} of ${facts.abx_rounds})`;
    at("question").textContent = "A is the reference, B the other sound. Which of them is X?";
    const choices = ["A", "B"].map((letter) => {
      const radio = element("input", { type: "radio", name: "x", value: letter });
      return element("label", { className: "answer" }, radio, ` X is ${letter}`);
    });
    const hear = ["A", "B", "X"].map((letter) => hearButton(letter, letter));
    at("board").replaceChildren(element("div", { className: "abx" }, ...hear), element("p", {}, ...choices));
    load(trial, { A: ids.A, B: ids.B, X: ids[x] });
    const answer = () => document.querySelector("input[name=x]:checked")?.value;
    step(
      () => (answer() ? "" : "Choose A or B; guess if you cannot tell."),
      () => {
        note("abx", trial.name, other.name, other.role, round, `X=${x} answer=${answer()}`, Number(answer() === x));
        abx(trial, other, round + 1);
      },
    );
  }

  function note(test, trial, condition, role, position, answer, value) {
    const listener = at("listener").value.trim() || "anonymous";
    rows.push({ listener, test, trial, condition, role, position, answer, value });
  }

  // The chance of so many right answers or more by guessing.
  function guessed(right, count) {
    let [term, sum] = [0.5 ** count, 0];
    for (let k = 0; k <= count; k++) {
      if (k >= right) sum += term;
      term *= (count - k) / (k + 1);
    }
    return Math.min(1, sum);
  }

  function statistics() {
    const groups = new Map();
    for (const row of rows) {
      const key = `${row.test}\n${row.condition}`;
      groups.set(key, [...(groups.get(key) ?? []), row]);
    }
    return [...groups.values()].map((group) => {
      const values = group.map((row) => row.value).sort((a, b) => a - b);
      const count = values.length;
      const mean = values.reduce((sum, value) => sum + value, 0) / count;
      const found = { test: group[0].test, condition: group[0].condition, role: group[0].role, answers: count };
      if (group[0].test === "abx") {
        const right = values.reduce((sum, value) => sum + value, 0);
        return { ...found, mean: right / count, low: "", high: "", median: "", p_value: guessed(right, count) };
      }
      const median = (values[(count - 1) >> 1] + values[count >> 1]) / 2;
      const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
      const half = count > 1 ? ((STUDENT[count - 2] ?? 1.96) * spread) / Math.sqrt(count) : NaN;
      const [low, high] = count > 1 ? [mean - half, mean + half] : ["", ""];
      return { ...found, mean, low, high, median, p_value: "" };
    });
  }

  function csv(columns, lines) {
    // A spreadsheet takes what begins with these signs for a formula.
    const cell = (value) => {
      const text = typeof value === "string" && /^[=+\-@]/.test(value) ? `'${value}` : String(value);
      return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [columns, ...lines.map((line) => columns.map((name) => line[name]))].map((line) => line.map(cell).join(",")).join("\n") + "\n";
  }

  function download(name, text) {
    const link = element("a", { download: name, href: URL.createObjectURL(new Blob([text], { type: "text/csv" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function finish(test) {
    if (deck.playing) deck.pause();
    page("results");
    const number = (value, digits) => (value === "" ? "" : value.toFixed(digits));
    const head = test === "abx" ? ["", "right", "answers", "chance by guessing"] : ["", "mean", "95 % interval", "median", "ratings"];
    const body = statistics().filter((row) => row.test === test).sort((a, b) => b.mean - a.mean).map((row) => test === "abx"
      ? [row.condition, `${Math.round(row.mean * row.answers)}`, row.answers, number(row.p_value, 3)]
      : [row.condition, number(row.mean, 0), row.low === "" ? "" : `${number(row.low, 0)} to ${number(row.high, 0)}`, number(row.median, 0), row.answers]);
    const line = (kind, cells) => element("tr", {}, ...cells.map((text, i) => element(i ? kind : "th", { textContent: text, scope: i ? "" : "row" })));
    at("table").replaceChildren(element("thead", {}, line("th", head)), element("tbody", {}, ...body.map((cells) => line("td", cells))));
  }

  facts.trials.forEach((trial, number) => {
    trial.conditions.slice(1).forEach((condition, index) => {
      const words = facts.trials.length > 1 ? `${trial.name}: ${condition.name}` : condition.name;
      at("abx-choice").append(element("option", { value: `${number} ${index + 1}`, textContent: words }));
    });
  });
  at("start-mushra").addEventListener("click", () => mushra(shuffled(facts.trials)));
  at("start-abx").addEventListener("click", () => {
    const [number, index] = at("abx-choice").value.split(" ").map(Number);
    abx(facts.trials[number], facts.trials[number].conditions[index]);
  });
  at("play").addEventListener("click", toggle);
  at("next").addEventListener("click", () => finishStep());
  at("again").addEventListener("click", () => page("intro"));
  for (const id of ["loop-from", "loop-to"]) at(id).addEventListener("change", stretch);
  at("download").addEventListener("click", () => download("results.csv", csv(COLUMNS, rows)));
  at("download-statistics").addEventListener("click", () => {
    download("statistics.csv", csv(["test", "condition", "role", "answers", "mean", "low", "high", "median", "p_value"], statistics()));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || at("test").hidden || event.target.closest("button, input, select")) return;
    event.preventDefault();
    toggle();
  });
})();
