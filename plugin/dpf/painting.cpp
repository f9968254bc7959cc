#include "painting.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "browse.h"
#include "tuner.h"

START_NAMESPACE_DISTRHO

namespace panel {

namespace {

constexpr int kCentred = NanoVG::ALIGN_CENTER | NanoVG::ALIGN_MIDDLE;

void arc_of(NanoVG& canvas, const Dial& dial, float from, float to, const Color& color) {
  canvas.beginPath();
  canvas.arc(dial.x, dial.y, dial.radius, from, to, NanoVG::CW);
  canvas.strokeColor(color);
  canvas.strokeWidth(4.0f);
  canvas.stroke();
}

void cap_of(NanoVG& canvas, const Dial& dial, float angle) {
  canvas.beginPath();
  canvas.circle(dial.x, dial.y, dial.radius - 5.0f);
  const float top = dial.y - dial.radius, bottom = dial.y + dial.radius;
  canvas.fillPaint(canvas.linearGradient(dial.x, top, dial.x, bottom, Color(78, 72, 66), Color(30, 27, 25)));
  canvas.fill();
  canvas.beginPath();
  canvas.moveTo(dial.x + 0.35f * dial.radius * std::cos(angle), dial.y + 0.35f * dial.radius * std::sin(angle));
  canvas.lineTo(dial.x + 0.78f * dial.radius * std::cos(angle), dial.y + 0.78f * dial.radius * std::sin(angle));
  canvas.strokeColor(kText);
  canvas.strokeWidth(2.5f);
  canvas.stroke();
}

}  // namespace

std::vector<Dial> knob_dials(const std::vector<triode::Knob>& knobs, int first) {
  const int count = std::min<int>(kPoolKnobs, static_cast<int>(knobs.size()));
  const float apart = 700.0f / static_cast<float>(std::max(count, 4));
  float x = 400.0f - 0.5f * apart * static_cast<float>(count - 1);
  std::vector<Dial> all;
  for (int place = 0; place < count; ++place, x += apart) {
    const triode::Knob& knob = knobs[static_cast<std::size_t>(place)];
    all.push_back({first + place, knob.name, x, 232.0f, 36.0f, -1, reading(knob, 0.0), reading(knob, 1.0)});
  }
  return all;
}

void add_rig_dials(std::vector<Dial>& all, const std::vector<RigDial>& dials) {
  const float apart = 700.0f / static_cast<float>(dials.size());
  float x = 50.0f + 0.5f * apart;
  for (const RigDial& dial : dials) {
    all.push_back({dial.parameter, dial.name, x, 360.0f, 24.0f, dial.turned_by, "", ""});
    x += apart;
  }
}

void box(NanoVG& canvas, const Area& area, const Color& color, float corner) {
  canvas.beginPath();
  canvas.roundedRect(area.x, area.y, area.w, area.h, corner);
  canvas.fillColor(color);
  canvas.fill();
}

void label(NanoVG& canvas, float x, float y, float size, const Color& color, int align, const std::string& words) {
  if (words.empty()) return;  // which NanoVG complains of
  canvas.fontFace(NANOVG_DEJAVU_SANS_TTF);
  canvas.fontSize(size);
  canvas.textAlign(align);
  canvas.fillColor(color);
  canvas.text(x, y, words.c_str(), nullptr);
}

void line(NanoVG& canvas, const Area& place, float x, float y, float size, const Color& color,
          const std::string& words) {
  canvas.save();
  canvas.scissor(place.x, place.y, place.w, place.h);
  label(canvas, x, y, size, color, NanoVG::ALIGN_LEFT | NanoVG::ALIGN_MIDDLE, words);
  canvas.restore();
}

void draw_dial(NanoVG& canvas, const Dial& dial, float share, bool lit, const std::string& reading) {
  const float angle = kFrom + share * (kTo - kFrom);
  arc_of(canvas, dial, kFrom, kTo, kEdge);
  arc_of(canvas, dial, kFrom, angle, lit ? kAmber : kDim);
  cap_of(canvas, dial, angle);
  label(canvas, dial.x, dial.y - dial.radius - 12.0f, 13, kText, kCentred, dial.name);
  label(canvas, dial.x, dial.y + dial.radius + 10.0f, 12, kDim, kCentred, reading);
  const float end = dial.radius * std::sin(kFrom);
  label(canvas, dial.x - end - 8.0f, dial.y + end + 10.0f, 10, kDim, kCentred, dial.lowest);
  label(canvas, dial.x + end + 8.0f, dial.y + end + 10.0f, 10, kDim, kCentred, dial.highest);
  if (dial.turned_by < 0) return;
  canvas.beginPath();
  canvas.circle(dial.lamp().x + 8.0f, dial.lamp().y + 8.0f, 5.0f);
  canvas.fillColor(lit ? kAmber : kEdge);
  canvas.fill();
}

void draw_choice(NanoVG& canvas, const Choice& choice, int value) {
  const ParameterInfo& info = kParameterInfos[static_cast<std::size_t>(choice.parameter)];
  const bool chooses = info.kind == ParameterInfo::choice;
  const char* chosen = chooses ? info.choices[static_cast<std::size_t>(value)] : "";
  const bool lit = !chooses && value != 0;
  const Color& color = chooses ? kText : lit ? kBack : kDim;
  box(canvas, choice.area, lit ? kAmber : kBack, 4);
  label(canvas, choice.area.x + choice.area.w / 2, choice.area.y + choice.area.h / 2, 10, color, kCentred,
        std::string(choice.name) + chosen);
}

void draw_button(NanoVG& canvas, const Button& button, const char* words) {
  box(canvas, button.area, kEdge, 5);
  label(canvas, button.area.x + button.area.w / 2, button.area.y + button.area.h / 2, 14, kText, kCentred, words);
}

void draw_meter(NanoVG& canvas, const Area& area, const char* name, float peak_db, bool clipped) {
  box(canvas, area, kPanel, 4);
  const float share = std::clamp((peak_db - kLowestDb) / (6.0f - kLowestDb), 0.0f, 1.0f);
  const float height = share * (area.h - 24.0f);
  box(canvas, {area.x + 3, area.y + area.h - 3 - height, area.w - 6, height}, peak_db > -3.0f ? kAmber : kGreen, 2);
  box(canvas, {area.x + 3, area.y + 3, area.w - 6, 14}, clipped ? kRed : kEdge, 3);
  label(canvas, area.x + area.w / 2, area.y + area.h + 12, 11, kDim, kCentred, name);
}

void draw_model_name(NanoVG& canvas, const Area& place, bool marked, const std::string& name, const char* none) {
  box(canvas, place, kPanel, 6);
  if (marked) box(canvas, {place.x, place.y + 6, 3, place.h - 12}, kAmber, 1);
  line(canvas, place, place.x + 12, place.y + 15, 17, name.empty() ? kDim : kText, name.empty() ? none : name);
}

std::string text_of_facts(const ModelFacts& facts) {
  char words[120];
  std::snprintf(words, sizeof words, "%s, %g kHz", facts.format.c_str(), facts.sample_rate_hz / 1000.0);
  std::string all = words;
  if (!facts.esr) return all;
  std::snprintf(words, sizeof words, ", ESR %.4f", *facts.esr);
  return all + words;
}

void draw_tuner(NanoVG& canvas, std::optional<double> pitch_hz) {
  box(canvas, kTuner, kPanel, 6);
  const float middle = kTuner.x + 0.5f * kTuner.w, y = kTuner.y + 33.0f;
  box(canvas, {kTuner.x + 10, y - 1, kTuner.w - 20, 2}, kEdge, 1);
  box(canvas, {middle - 1, y - 5, 2, 10}, kEdge, 1);
  if (!pitch_hz) return label(canvas, middle, kTuner.y + 15, 12, kDim, kCentred, "tuner");
  const Note note = note_of(*pitch_hz);
  const Color& color = std::abs(note.cents) < kInTuneCents ? kGreen : kAmber;
  char words[32];
  std::snprintf(words, sizeof words, "%s  %+.0f", note.name.c_str(), note.cents);
  label(canvas, middle, kTuner.y + 14, 17, color, kCentred, words);
  box(canvas, {middle - 2 + static_cast<float>(note.cents / 50.0) * (0.5f * kTuner.w - 12), y - 6, 4, 12}, color, 2);
}

}  // namespace panel

END_NAMESPACE_DISTRHO
