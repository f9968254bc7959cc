// The player of a report, and of a comparison: dry, device, models, and what is left between these two.
(() => {
  const METER_FLOOR_DB = -60;
  const player = document.getElementById("player");
  const facts = JSON.parse(document.getElementById("audio-facts").textContent);
  const radios = [...player.querySelectorAll("input[name=heard]")];
  const playButton = player.querySelector("#play");
  const seek = player.querySelector("#seek");
  const clock = player.querySelector("#clock");
  const loop = player.querySelector("#loop");
  const match = player.querySelector("#match");
  const only = player.querySelector("#difference"); // of a comparison: each model's difference in its place
  const meter = player.querySelector("#meter");
  const outline = new Outline(player.querySelector("canvas"));

  const samples = {};
  for (const name of facts.signals) samples[name] = decodePcm(`pcm-${name}`);
  for (const [name, model] of Object.entries(facts.differences)) {
    samples[name] = samples.device.map((value, i) => value - samples[model][i]);
  }
  for (const [name, difference] of Object.entries(facts.boosted)) samples[name] = samples[difference];
  const deck = new Deck(samples, facts.rate_hz, show);
  let lastModel = radios.map((radio) => radio.value).find((name) => name.startsWith("model"));

  function heard() {
    return radios.find((radio) => radio.checked).value;
  }

  // The signal behind the choice.
  function chosen() {
    return (only?.checked && facts.differs[heard()]) || heard();
  }

  function level(name) {
    if (name in facts.boosted) return 10 ** (facts.boost_db / 20);
    if (name in facts.differences) return 1;
    return match.checked ? facts[name].matched_gain : facts[name].gain;
  }

  function switchGains() {
    const name = heard();
    player.dataset.heard = name;
    if (name.startsWith("model")) lastModel = name;
    deck.solo(chosen(), level(chosen()));
    draw();
  }

  function toggle() {
    if (deck.playing) deck.pause();
    else deck.play(deck.position >= deck.duration ? 0 : deck.position);
    if (deck.playing) requestAnimationFrame(tick);
    show();
  }

  function jump(to) {
    deck.jump(to);
    show();
  }

  function show() {
    const at = deck.now;
    player.dataset.state = deck.playing ? "playing" : "paused";
    playButton.setAttribute("aria-label", deck.playing ? "Pause" : "Play");
    seek.value = at;
    seek.setAttribute("aria-valuetext", `${clockWords(at)} of ${clockWords(deck.duration)}`);
    clock.textContent = clockWords(facts.start_seconds + at);
    const db = deck.outputDb;
    meter.style.setProperty("--level", Math.min(1, Math.max(0, 1 - db / METER_FLOOR_DB)));
    player.dataset.position = at.toFixed(3);
    player.dataset.outputDbfs = Number.isFinite(db) ? db.toFixed(2) : "silent";
    for (const radio of radios) radio.dataset.gain = deck.gainOf(radio.value).toFixed(4);
    draw();
  }

  function tick() {
    show();
    if (deck.playing) requestAnimationFrame(tick);
  }

  function draw() {
    const styles = getComputedStyle(player);
    const name = chosen();
    const colour = styles.getPropertyValue(`--${facts.colours[name]}`);
    outline.draw(samples[name], level(name), deck.now / deck.duration, colour, styles.getPropertyValue("--ink"));
  }

  function choose(value) {
    radios.find((radio) => radio.value === value).checked = true;
    switchGains();
  }

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    const number = Number(key);
    if (number >= 1 && number <= radios.length) choose(radios[number - 1].value);
    else if (key === "x") choose(heard() === "device" ? lastModel : "device");
    else if (key === " " && !event.target.closest("button, summary, input[type=checkbox]")) toggle();
    else return;
    event.preventDefault();
  }

  player.dataset.duration = deck.duration.toFixed(3);
  seek.max = deck.duration;
  playButton.addEventListener("click", toggle);
  for (const radio of radios) radio.addEventListener("change", switchGains);
  match.addEventListener("change", switchGains);
  only?.addEventListener("change", switchGains);
  loop.addEventListener("change", () => {
    deck.loop = loop.checked;
    if (deck.playing) jump(deck.now);
  });
  seek.addEventListener("input", () => jump(Number(seek.value)));
  document.addEventListener("keydown", onKey);
  new ResizeObserver(draw).observe(player.querySelector("canvas"));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  switchGains();
  show();
})();
