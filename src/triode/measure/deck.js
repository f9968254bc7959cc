"use strict";

// What every page with sound shares: signals that run in step, and the outline of one of them. A switch only moves
// gains, so it never restarts and never gaps.

// The 16-bit samples that the page holds in the element `id`.
function decodePcm(id) {
  const bytes = atob(document.getElementById(id).textContent.trim());
  const samples = new Float32Array(bytes.length / 2);
  for (let i = 0; i < samples.length; i++) {
    const word = bytes.charCodeAt(2 * i) | (bytes.charCodeAt(2 * i + 1) << 8);
    samples[i] = (word << 16 >> 16) / 32768;
  }
  return samples;
}

function clockWords(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-6);
  return `${Math.floor(tenths / 600)}:${String(Math.floor(tenths / 10) % 60).padStart(2, "0")}.${tenths % 10}`;
}

class Deck {
  static CROSSFADE_SECONDS = 0.008;

  // `signals`: name -> samples, all of one length. `onStop` is called when it stops by itself at the end.
  constructor(signals, rateHz, onStop) {
    this.rateHz = rateHz;
    this.onStop = onStop;
    this.buffers = {};
    const known = new Map();
    for (const [name, samples] of Object.entries(signals)) {
      if (!known.has(samples)) {
        const buffer = new AudioBuffer({ length: samples.length, sampleRate: rateHz });
        buffer.copyToChannel(samples, 0);
        known.set(samples, buffer);
      }
      this.buffers[name] = known.get(samples);
    }
    this.duration = Object.values(signals)[0].length / rateHz;
    this.loop = true;
    this.first = 0; // the stretch that is played, in seconds
    this.last = this.duration;
    this.position = 0;
    this.levels = {}; // of each signal, what set() asked for
    this.gains = {};
    this.run = null;
    this.context = null;
  }

  get playing() {
    return this.run !== null;
  }

  get now() {
    if (!this.run) return this.position;
    const elapsed = this.run.from + Math.max(0, this.context.currentTime - this.run.started);
    if (!this.loop) return Math.min(elapsed, this.last);
    return elapsed < this.last ? elapsed : this.first + ((elapsed - this.first) % (this.last - this.first));
  }

  gainOf(name) {
    return this.context ? this.gains[name].gain.value : 0;
  }

  // Root mean square of what was heard last, in dBFS.
  get outputDb() {
    if (!this.run) return -Infinity;
    const block = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(block);
    return 10 * Math.log10(block.reduce((sum, value) => sum + value * value, 0) / block.length);
  }

  // Lets `name` alone be heard, at `level`.
  solo(name, level) {
    for (const other of Object.keys(this.buffers)) {
      this.levels[other] = other === name ? level : 0;
      if (this.context) this.ramp(this.gains[other], this.levels[other]);
    }
  }

  play(from = this.position) {
    if (!this.context) this.open();
    this.context.resume();
    const started = this.context.currentTime + 0.02;
    const run = { started, from, sources: [] };
    for (const [name, buffer] of Object.entries(this.buffers)) {
      const source = this.context.createBufferSource();
      source.buffer = buffer;
      source.loop = this.loop;
      source.loopStart = this.first;
      source.loopEnd = this.last;
      source.connect(this.gains[name]);
      if (this.loop) source.start(started, from);
      else source.start(started, from, Math.max(0, this.last - from));
      run.sources.push(source);
    }
    run.sources[0].onended = () => {
      if (this.run !== run) return;
      this.pause(this.first);
      this.onStop();
    };
    this.run = run;
    this.ramp(this.master, 1, 0, started);
  }

  pause(at = this.now) {
    this.position = at;
    this.stop();
  }

  jump(to) {
    this.position = Math.min(Math.max(to, this.first), this.last - 0.001);
    if (!this.run) return;
    this.stop();
    this.play();
  }

  open() {
    try {
      this.context = new AudioContext({ sampleRate: this.rateHz });
    } catch {
      this.context = new AudioContext();
    }
    this.master = this.context.createGain();
    this.analyser = this.context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.master.connect(this.analyser).connect(this.context.destination);
    for (const name of Object.keys(this.buffers)) {
      const node = this.context.createGain();
      node.goal = this.levels[name] ?? 0;
      node.gain.value = node.goal;
      node.connect(this.master);
      this.gains[name] = node;
    }
  }

  stop() {
    if (!this.run) return;
    const sources = this.run.sources;
    this.run = null;
    this.ramp(this.master, 0);
    for (const source of sources) source.stop(this.context.currentTime + Deck.CROSSFADE_SECONDS);
  }

  // Starts from the last goal: not every browser's gain.value follows a ramp.
  ramp(node, goal, from = node.goal ?? 0, at = this.context.currentTime) {
    node.gain.cancelScheduledValues(at);
    node.gain.setValueAtTime(from, at);
    node.gain.linearRampToValueAtTime(goal, at + Deck.CROSSFADE_SECONDS);
    node.goal = goal;
  }
}

// The outline of a signal on a canvas, what has been played in full colour.
class Outline {
  constructor(canvas) {
    this.canvas = canvas;
    this.known = new Map();
  }

  peaks(samples, columns) {
    const found = this.known.get(samples);
    if (found?.length === columns) return found;
    const peaks = new Float32Array(columns);
    for (let i = 0; i < samples.length; i++) {
      const column = Math.floor((i / samples.length) * columns);
      peaks[column] = Math.max(peaks[column], Math.abs(samples[i]));
    }
    this.known.set(samples, peaks);
    return peaks;
  }

  // `played` is a share of the width; `colour` and `ink` are CSS colours.
  draw(samples, gain, played, colour, ink) {
    const canvas = this.canvas;
    const scale = window.devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const step = 3 * scale;
    const columns = Math.max(1, Math.floor(width / step));
    const peaks = this.peaks(samples, columns);
    const paint = canvas.getContext("2d");
    paint.clearRect(0, 0, width, height);
    paint.fillStyle = colour;
    for (let column = 0; column < columns; column++) {
      const x = column * step;
      const half = Math.max(scale / 2, (Math.min(1, peaks[column] * gain) * height) / 2);
      paint.globalAlpha = x <= played * width ? 1 : 0.38;
      paint.fillRect(x, height / 2 - half, step - scale, 2 * half);
    }
    paint.globalAlpha = 1;
    paint.fillStyle = ink;
    paint.fillRect(Math.min(width - 2 * scale, played * width), 0, 2 * scale, height);
  }
}
