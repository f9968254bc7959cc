"use strict";

// The player: all signals run in step, the switch only moves their gains, so it never restarts and never gaps.
(() => {
  const CROSSFADE_SECONDS = 0.008;
  const METER_FLOOR_DB = -60;
  const player = document.getElementById("player");
  const facts = JSON.parse(document.getElementById("audio-facts").textContent);
  const radios = [...player.querySelectorAll("input[name=heard]")];
  const playButton = player.querySelector("#play");
  const seek = player.querySelector("#seek");
  const clock = player.querySelector("#clock");
  const loop = player.querySelector("#loop");
  const match = player.querySelector("#match");
  const meter = player.querySelector("#meter");
  const canvas = player.querySelector("canvas");
  const duration = facts.samples / facts.rate_hz;

  function decode(id) {
    const bytes = atob(document.getElementById(id).textContent.trim());
    const samples = new Float32Array(bytes.length / 2);
    for (let i = 0; i < samples.length; i++) {
      const word = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
      samples[i] = (word << 16 >> 16) / 32768;
    }
    return samples;
  }

  function bufferOf(samples) {
    const buffer = new AudioBuffer({ length: samples.length, sampleRate: facts.rate_hz });
    buffer.copyToChannel(samples, 0);
    return buffer;
  }

  const samples = { dry: decode("pcm-dry"), device: decode("pcm-device"), model: decode("pcm-model") };
  samples.difference = samples.device.map((value, i) => value - samples.model[i]);
  samples.boosted = samples.difference;
  const buffers = {};
  for (const name of Object.keys(samples)) {
    buffers[name] = name === "boosted" ? buffers.difference : bufferOf(samples[name]);
  }

  let context = null;
  let master = null;
  let analyser = null;
  let run = null;
  let position = 0;
  const gains = {};

  function heard() {
    return radios.find((radio) => radio.checked).value;
  }

  function level(name) {
    if (name === "boosted") return 10 ** (facts.boost_db / 20);
    if (name === "difference") return 1;
    return match.checked ? facts[name].matched_gain : facts[name].gain;
  }

  function open() {
    try {
      context = new AudioContext({ sampleRate: facts.rate_hz });
    } catch {
      context = new AudioContext();
    }
    master = context.createGain();
    analyser = context.createAnalyser();
    analyser.fftSize = 2048;
    master.connect(analyser).connect(context.destination);
    for (const name of Object.keys(buffers)) {
      gains[name] = context.createGain();
      gains[name].goal = name === heard() ? level(name) : 0;
      gains[name].gain.value = gains[name].goal;
      gains[name].connect(master);
    }
  }

  // Starts from the last goal: not every browser's gain.value follows a ramp.
  function ramp(node, goal, from = node.goal, at = context.currentTime) {
    node.gain.cancelScheduledValues(at);
    node.gain.setValueAtTime(from, at);
    node.gain.linearRampToValueAtTime(goal, at + CROSSFADE_SECONDS);
    node.goal = goal;
  }

  function switchGains() {
    player.dataset.heard = heard();
    if (context) {
      for (const name of Object.keys(gains)) ramp(gains[name], name === heard() ? level(name) : 0);
    }
    draw();
  }

  function now() {
    if (!run) return position;
    const elapsed = run.from + Math.max(0, context.currentTime - run.started);
    return loop.checked ? elapsed % duration : Math.min(elapsed, duration);
  }

  function start(from) {
    if (!context) open();
    context.resume();
    const begin = context.currentTime + 0.02;
    run = { started: begin, from, sources: [] };
    for (const name of Object.keys(buffers)) {
      const source = context.createBufferSource();
      source.buffer = buffers[name];
      source.loop = loop.checked;
      source.connect(gains[name]);
      source.start(begin, from);
      run.sources.push(source);
    }
    const thisRun = run;
    run.sources[0].onended = () => {
      if (run === thisRun) pause(0);
    };
    ramp(master, 1, 0, begin);
    player.dataset.state = "playing";
    playButton.setAttribute("aria-label", "Pause");
    requestAnimationFrame(tick);
  }

  function stop() {
    const sources = run.sources;
    run = null;
    ramp(master, 0);
    for (const source of sources) source.stop(context.currentTime + CROSSFADE_SECONDS);
  }

  function pause(at) {
    position = at;
    stop();
    player.dataset.state = "paused";
    playButton.setAttribute("aria-label", "Play");
    show();
  }

  function toggle() {
    if (run) pause(now());
    else start(position >= duration ? 0 : position);
  }

  function jump(to) {
    position = Math.min(Math.max(to, 0), duration - 0.001);
    if (run) {
      stop();
      start(position);
    }
    show();
  }

  function words(seconds) {
    const tenths = Math.floor(seconds * 10 + 1e-6);
    return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
  }

  function outputDb() {
    if (!run) return -Infinity;
    const block = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(block);
    return 10 * Math.log10(block.reduce((sum, value) => sum + value * value, 0) / block.length);
  }

  function show() {
    const at = now();
    seek.value = at;
    seek.setAttribute("aria-valuetext", `${words(at)} of ${words(duration)}`);
    clock.textContent = `${words(facts.start_seconds + at)}`;
    const db = outputDb();
    meter.style.setProperty("--level", Math.min(1, Math.max(0, 1 - db / METER_FLOOR_DB)));
    player.dataset.position = at.toFixed(3);
    player.dataset.outputDbfs = Number.isFinite(db) ? db.toFixed(2) : "silent";
    for (const radio of radios) {
      radio.dataset.gain = context ? gains[radio.value].gain.value.toFixed(4) : "0";
    }
    draw();
  }

  function tick() {
    show();
    if (run) requestAnimationFrame(tick);
  }

  const outlines = new Map();

  function outline(name, columns) {
    const key = `${name} ${columns}`;
    if (!outlines.has(key)) {
      const signal = samples[name];
      const peaks = new Float32Array(columns);
      for (let i = 0; i < signal.length; i++) {
        const column = Math.floor((i / signal.length) * columns);
        peaks[column] = Math.max(peaks[column], Math.abs(signal[i]));
      }
      outlines.set(key, peaks);
    }
    return outlines.get(key);
  }

  function draw() {
    const scale = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const styles = getComputedStyle(player);
    const name = heard();
    const colour = styles.getPropertyValue(name === "boosted" ? "--difference" : `--${name}`);
    const step = 3 * scale;
    const columns = Math.max(1, Math.floor(width / step));
    const peaks = outline(name, columns);
    const gain = level(name);
    const played = (now() / duration) * width;
    const paint = canvas.getContext("2d");
    paint.clearRect(0, 0, width, height);
    paint.fillStyle = colour;
    for (let column = 0; column < columns; column++) {
      const x = column * step;
      const half = Math.max(scale / 2, (Math.min(1, peaks[column] * gain) * height) / 2);
      paint.globalAlpha = x <= played ? 1 : 0.38;
      paint.fillRect(x, height / 2 - half, step - scale, 2 * half);
    }
    paint.globalAlpha = 1;
    paint.fillStyle = styles.getPropertyValue("--ink");
    paint.fillRect(Math.min(width - 2 * scale, played), 0, 2 * scale, height);
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
    else if (key === "x") choose(heard() === "device" ? "model" : "device");
    else if (key === " " && !event.target.closest("button, summary, input[type=checkbox]")) toggle();
    else return;
    event.preventDefault();
  }

  player.dataset.duration = duration.toFixed(3);
  player.dataset.state = "paused";
  seek.max = duration;
  playButton.addEventListener("click", toggle);
  for (const radio of radios) radio.addEventListener("change", switchGains);
  match.addEventListener("change", switchGains);
  loop.addEventListener("change", () => run && jump(now()));
  seek.addEventListener("input", () => jump(Number(seek.value)));
  document.addEventListener("keydown", onKey);
  new ResizeObserver(draw).observe(canvas);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  switchGains();
  show();
})();
