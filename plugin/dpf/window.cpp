// The window: the model's own knobs by name, the rest of the rig, meters, what is wrong.
//
// Drawn with NanoVG, which DPF brings: it scales, needs no web engine, and runs without a graphics card. The window
// reads from the rig beside it (names, meters, sentences) and writes by parameters and states, as the host does.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "browse.h"
#include "painting.h"
#include "panel.h"
#include "path_text.h"
#include "triode_plugin.h"

START_NAMESPACE_DISTRHO

using namespace panel;

class TriodeWindow : public UI {
 public:
  TriodeWindow() : UI(DISTRHO_UI_DEFAULT_WIDTH, DISTRHO_UI_DEFAULT_HEIGHT), values_(default_values()) {
    loadSharedResources();
    setGeometryConstraints(DISTRHO_UI_DEFAULT_WIDTH / 2, DISTRHO_UI_DEFAULT_HEIGHT / 2, true);
    const double scale = getScaleFactor();
    if (scale > 1.0) setSize(static_cast<uint>(kWidth * scale), static_cast<uint>(kHeight * scale));
  }

 protected:
  void parameterChanged(uint32_t index, float value) override {
    if (index < values_.size()) values_[index] = value;
    repaint();
  }
  // By a file dialog, once something was chosen in it; nothing is called where it was left.
  void stateChanged(const char* key, const char*) override {
    if (asked_for_file_ && key == std::string_view(kModelKeys[choosing_])) {
      asked_for_file_ = false;
      expect_defaults();
    }
    repaint();
  }
  void uiFileBrowserSelected(const char* path) override {
    if (path == nullptr) return;
    if (saving_)
      save_preset(path);
    else
      setState("preset", path);
  }
  void uiIdle() override {
    status_ = rig().status();
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      model_paths_[slot] = rig().state(kModelKeys[slot]);
      cabinet_paths_[slot] = rig().state(kCabinetKeys[slot]);
    }
    if (shown_ == 1 && status_.second.name.empty()) shown_ = 0;
    if (rig().generation() != generation_told_) tell_the_host();
    if (chosen_is_there()) take_defaults();
    follow_latency();
    if (++idles_ % kIdlesPerLook == 0) pitch_hz_ = rig().heard_pitch_hz();
    for (std::size_t m = 0; m < 2; ++m) {
      peaks_[m] = rig().get(m == 0 ? kInputPeak : kOutputPeak);
      clipped_[m] = clipped_[m] || peaks_[m] >= kClipDb;
    }
    repaint();
  }

  void onNanoDisplay() override {
    scale(zoom(), zoom());
    box(*this, {0, 0, kWidth, kHeight}, kBack, 0);
    box(*this, {44, 150, 712, 156}, kPanel, 8);
    box(*this, {44, 314, 712, 122}, kPanel, 8);
    draw_header();
    draw_tuner(*this, pitch_hz_);
    for (const Dial& dial : dials()) draw(dial);
    for (const Button& button : kButtons) draw_button(*this, button, button.text);
    static constexpr std::array<const char*, 3> kPairings = {"second off", "in series", "in parallel"};
    draw_button(*this, kPairing, kPairings[static_cast<std::size_t>(std::lround(at(kSecond)))]);
    for (const Choice& choice : kChoices)
      draw_choice(*this, choice, static_cast<int>(std::lround(at(choice.parameter))));
    draw_button(*this, kMore, more_ ? "back" : "more");
    draw_meter(*this, kInputMeter, "in", peaks_[0], clipped_[0]);
    draw_meter(*this, kOutputMeter, "out", peaks_[1], clipped_[1]);
    draw_foot();
  }

  bool onMouse(const MouseEvent& event) override {
    const double x = event.pos.getX() / zoom(), y = event.pos.getY() / zoom();
    if (event.button != 1) return false;
    if (!event.press) {
      if (held_ >= 0) editParameter(static_cast<uint32_t>(held_), false);
      held_ = -1;
      return true;
    }
    chosen_after_.reset();
    asked_for_file_ = false;
    window_problem_.clear();
    for (const Button& button : kButtons)
      if (button.area.holds(x, y)) return press(button.action);
    if (kMore.area.holds(x, y)) return press(kMore.action);
    for (const Choice& choice : kChoices)
      if (choice.area.holds(x, y)) {
        const float next = at(choice.parameter) + 1.0f;
        turn_once(choice.parameter, next <= info(choice.parameter).high ? next : 0.0f);
        return true;
      }
    if (kPairing.area.holds(x, y)) {
      turn_once(kSecond, at(kSecond) > 1.5f ? 0.0f : at(kSecond) + 1.0f);
      return true;
    }
    for (std::size_t slot = 0; slot < kSlots; ++slot)
      if (kModelNames[slot].holds(x, y) && !facts_of(slot).name.empty()) shown_ = slot;
    if (!status_.missing.empty() && kLocate.area.holds(x, y)) return requestStateFile(status_.missing.c_str());
    if (kInputMeter.holds(x, y) || kOutputMeter.holds(x, y)) clipped_ = {};
    for (const Dial& dial : dials()) {
      if (dial.turned_by >= 0 && dial.lamp().holds(x, y)) {
        turn_once(dial.turned_by, on(dial.turned_by) ? 0.0f : 1.0f);
        return true;
      }
      if (!dial.area().holds(x, y)) continue;
      const bool twice = dial.parameter == last_pressed_ && event.time - pressed_at_ < 400;
      last_pressed_ = dial.parameter;
      pressed_at_ = event.time;
      if (twice) {
        turn_once(dial.parameter, default_of(dial.parameter));
        return true;
      }
      held_ = dial.parameter;
      held_y_ = y;
      editParameter(static_cast<uint32_t>(held_), true);
      return true;
    }
    return false;
  }

  bool onMotion(const MotionEvent& event) override {
    if (held_ < 0) return false;
    const double y = event.pos.getY() / zoom();
    const bool fine = (event.mod & kModifierShift) != 0;
    turn(held_, at(held_) + span(held_) * static_cast<float>((held_y_ - y) / kPixelsOfTravel * (fine ? 0.1 : 1.0)));
    held_y_ = y;
    return true;
  }

  bool onScroll(const ScrollEvent& event) override {
    for (const Dial& dial : dials())
      if (dial.area().holds(event.pos.getX() / zoom(), event.pos.getY() / zoom())) {
        const float step = span(dial.parameter) / 50.0f;
        turn_once(dial.parameter, at(dial.parameter) + step * static_cast<float>(event.delta.getY()));
        return true;
      }
    return false;
  }

 private:
  TriodePlugin& plugin() const { return *static_cast<TriodePlugin*>(getPluginInstancePointer()); }
  const RigHost& rig() const { return plugin().rig(); }
  float zoom() const { return static_cast<float>(getWidth()) / kWidth; }
  float at(int parameter) const { return values_[static_cast<std::size_t>(parameter)]; }
  bool on(int parameter) const { return at(parameter) > 0.5f; }
  static const ParameterInfo& info(int parameter) { return kParameterInfos[static_cast<std::size_t>(parameter)]; }
  static float span(int parameter) { return info(parameter).high - info(parameter).low; }

  const ModelFacts& facts_of(std::size_t slot) const { return slot == 0 ? status_.model : status_.second; }
  const triode::Knob* knob_of(int parameter) const {
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      const std::vector<triode::Knob>& knobs = facts_of(slot).knobs;
      const int place = parameter - kFirstKnobs[slot];
      if (place >= 0 && place < std::min(kPoolKnobs, static_cast<int>(knobs.size())))
        return &knobs[static_cast<std::size_t>(place)];
    }
    return nullptr;
  }
  float default_of(int parameter) const {
    const triode::Knob* knob = knob_of(parameter);
    return knob != nullptr ? static_cast<float>(knob->travel(knob->default_value)) : info(parameter).default_value;
  }

  void follow_latency() {
    const int samples = rig().latency_samples();
    const bool changed = samples != latency_samples_;
    latency_samples_ = samples;
    if (changed && plugin().server().latency_has_changed) plugin().server().latency_has_changed();
  }

  void turn(int parameter, float value) {
    value = in_range(parameter, value);
    values_[static_cast<std::size_t>(parameter)] = value;
    setParameterValue(static_cast<uint32_t>(parameter), value);
    repaint();
  }

  // A host writes down as automation what lies between the two.
  void turn_once(int parameter, float value) {
    editParameter(static_cast<uint32_t>(parameter), true);
    turn(parameter, value);
    editParameter(static_cast<uint32_t>(parameter), false);
  }

  // `model_paths_` are those of the last look, before what is being chosen.
  void expect_defaults() { chosen_after_ = model_paths_[choosing_]; }

  // The facts of another model may be there for a while after it was chosen.
  bool chosen_is_there() const {
    const std::string& chosen = model_paths_[choosing_];
    return chosen_after_ && *chosen_after_ != chosen && status_.paths[choosing_] == chosen &&
           !facts_of(choosing_).name.empty();
  }

  // A model that was chosen here begins with its own settings.
  void take_defaults() {
    chosen_after_.reset();
    shown_ = choosing_;
    const int first = kFirstKnobs[choosing_];
    for (int knob = first; knob < first + kPoolKnobs; ++knob)
      if (knob_of(knob) != nullptr) turn_once(knob, default_of(knob));
  }

  // A preset or a chosen model has turned parameters behind the host's back.
  void tell_the_host() {
    generation_told_ = rig().generation();
    chosen_after_.reset();
    for (int i = 0; i < kFirstOutput; ++i) {
      const auto index = static_cast<uint32_t>(i);
      const float value = rig().get(i);
      if (value == values_[index]) continue;
      turn_once(i, value);
    }
  }

  bool press_preset(Button::Action action) {
    const std::string folder = triode::text_of(preset_folder());
    if (action == Button::load_preset || action == Button::save_preset) {
      saving_ = action == Button::save_preset;
      FileBrowserOptions options;
      options.saving = saving_;
      options.defaultName = "preset.json";
      options.startDir = folder.c_str();
      options.title = saving_ ? "Save preset" : "Load preset";
      std::error_code error;
      std::filesystem::create_directories(preset_folder(), error);
      return openFileBrowser(options);
    }
    const int step = action == Button::next_preset ? 1 : -1;
    const std::string path = neighbour_preset(all_presets(preset_folder()), status_.preset_path, step);
    if (!path.empty()) setState("preset", path.c_str());
    return true;
  }

  void save_preset(const char* path) {
    try {
      plugin().save_preset(path);
    } catch (const PresetError& error) {
      window_problem_ = error.what();
    }
  }

  bool press(Button::Action action) {
    if (action <= Button::next_preset) return press_preset(action);
    switch (action) {
      case Button::more:
        more_ = !more_;
        return true;
      case Button::previous_cabinet:
        return step_cabinet(0, -1);
      case Button::next_cabinet:
        return step_cabinet(0, 1);
      case Button::previous_second_cabinet:
        return step_cabinet(1, -1);
      case Button::next_second_cabinet:
        return step_cabinet(1, 1);
      case Button::cabinet:
        return requestStateFile("cabinet");
      case Button::second_cabinet:
        return requestStateFile("cabinet_2");
      case Button::no_cabinet:
        return clear("cabinet");
      case Button::no_second_cabinet:
        return clear("cabinet_2");
      case Button::no_second:
        return clear("model_2");
      default:
        return choose_model(action);
    }
  }

  bool clear(const char* key) {
    setState(key, "");
    return true;
  }

  bool step_cabinet(std::size_t slot, int step) {
    const std::string path = neighbour_cabinet(cabinet_paths_[slot], step);
    if (!path.empty()) setState(kCabinetKeys[slot], path.c_str());
    return true;
  }

  bool choose_model(Button::Action action) {
    choosing_ = action >= Button::previous_second ? 1 : 0;
    if (action == Button::load || action == Button::load_second) {
      asked_for_file_ = true;
      return requestStateFile(kModelKeys[choosing_]);
    }
    expect_defaults();
    const bool forward = action == Button::next || action == Button::next_second;
    const std::string path = neighbour_model(model_paths_[choosing_], forward ? 1 : -1);
    if (!path.empty()) setState(kModelKeys[choosing_], path.c_str());
    return true;
  }

  std::vector<Dial> dials() const {
    std::vector<Dial> all = knob_dials(facts_of(shown_).knobs, kFirstKnobs[shown_]);
    if (more_) {
      add_rig_dials(all, {kMoreDials.begin(), kMoreDials.end()});
      return all;
    }
    std::vector<RigDial> rig_dials = {kRigDials.begin(), kRigDials.end()};
    if (!status_.second.name.empty() && at(kSecond) > 1.5f) rig_dials.push_back({kBlend, "Blend", -1});
    if (!status_.second.name.empty()) rig_dials.push_back({kSecondGain, "Into 2nd", -1});
    if (!cabinet_paths_[0].empty() && !cabinet_paths_[1].empty()) rig_dials.push_back({kCabinetBlend, "Cab. mix", -1});
    add_rig_dials(all, rig_dials);
    return all;
  }

  void draw_header() {
    label(*this, 44, 24, 24, kAmber, ALIGN_LEFT | ALIGN_MIDDLE, "TRIODE");
    box(*this, {160, 10, 400, 26}, kPanel, 6);
    line(*this, {168, 10, 384, 26}, 172, 23, 14, kText, status_.preset.empty() ? "no preset" : status_.preset);
    draw_model(0, "the guitar passes through");
    draw_model(1, "");
    if (!facts_of(shown_).name.empty() && facts_of(shown_).knobs.empty())
      label(*this, 400, 226, 14, kDim, ALIGN_CENTER | ALIGN_MIDDLE, "this model has no knobs of its own");
  }

  void draw_model(std::size_t slot, const char* without) {
    const ModelFacts& facts = facts_of(slot);
    const std::string name = !facts.name.empty() ? facts.name : file_name(model_paths_[slot]);
    const char* none = slot == 0 ? "no model" : "no second model";
    draw_model_name(*this, kModelNames[slot], slot == shown_ && !status_.second.name.empty(), name, none);
    const std::string told = facts.name.empty() ? without : text_of_facts(facts);
    line(*this, kModelNames[slot], kModelNames[slot].x + 12, kModelNames[slot].y + 33, 11, kDim, told);
  }

  std::string value_text(int parameter) const {
    if (const triode::Knob* knob = knob_of(parameter)) return reading(*knob, at(parameter));
    char line[32];
    std::snprintf(line, sizeof line, "%.1f %s", static_cast<double>(at(parameter)), info(parameter).unit);
    return line;
  }

  void draw(const Dial& dial) {
    const float share = (at(dial.parameter) - info(dial.parameter).low) / span(dial.parameter);
    draw_dial(*this, dial, share, dial.turned_by < 0 || on(dial.turned_by), value_text(dial.parameter));
  }

  void draw_foot() {
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      const std::string name = cabinet_paths_[slot].empty() ? "none" : file_name(cabinet_paths_[slot]);
      const float y = slot == 0 ? 456.0f : 486.0f;
      line(*this, {44, y - 14, 340, 28}, 48, y, 13, cabinet_paths_[slot].empty() ? kDim : kText,
           (slot == 0 ? "Cabinet: " : "Second cabinet: ") + name);
    }
    char load[40];
    std::snprintf(load, sizeof load, "CPU %.0f %%", 100.0 * static_cast<double>(rig().load()));
    label(*this, 596, 456, 12, kDim, ALIGN_RIGHT | ALIGN_MIDDLE, load);
    draw_latency();
    const std::string wrong = window_problem_.empty() ? status_.text : window_problem_;
    if (wrong.empty()) return;
    line(*this, {44, 506, status_.missing.empty() ? 712.0f : 622.0f, 28}, 48, 520, 13, kRed, wrong);
    if (!status_.missing.empty()) draw_button(*this, kLocate, kLocate.text);
  }

  // In a host what it was told; in the standalone also the whole way from the guitar to the ear.
  void draw_latency() {
    const auto tell = [this](float y, const std::string& words) {
      label(*this, 596, y, 12, kDim, ALIGN_RIGHT | ALIGN_MIDDLE, words);
    };
    tell(474, "latency " + latency_reading(latency_samples_, getSampleRate()));
    if (TriodePlugin::standalone() == nullptr) return;
    const int around = plugin().server().before_samples + plugin().server().after_samples;
    tell(492, around == 0 ? "not connected" : "round trip " + latency_reading(around + latency_samples_, getSampleRate()));
  }

  Values values_;
  Status status_;
  std::array<std::string, kSlots> model_paths_, cabinet_paths_;
  std::size_t shown_ = 0, choosing_ = 0;  // whose knobs are shown; which model is being chosen
  std::array<float, 2> peaks_ = {-120.0f, -120.0f};
  std::array<bool, 2> clipped_{};
  std::optional<double> pitch_hz_;
  int idles_ = 0, latency_samples_ = 0;
  std::optional<std::string> chosen_after_;  // the model before the one that is being chosen here
  bool asked_for_file_ = false;              // by a dialog that may be left
  int held_ = -1, last_pressed_ = -1;
  double held_y_ = 0.0;
  uint pressed_at_ = 0;
  unsigned generation_told_ = 0;
  bool saving_ = false, more_ = false;
  std::string window_problem_;

  DISTRHO_DECLARE_NON_COPYABLE_WITH_LEAK_DETECTOR(TriodeWindow)
};

UI* createUI() { return new TriodeWindow(); }

END_NAMESPACE_DISTRHO
