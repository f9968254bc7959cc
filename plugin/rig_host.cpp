#include "rig_host.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "browse.h"
#include "path_text.h"

namespace triode::plugin {

namespace {

constexpr std::chrono::milliseconds kLookAgain{50}, kLongestLoad{30'000};
constexpr double kLoadSeconds = 0.5;  // time constant of what the window shows
constexpr float kLowestPeakDb = -120.0f;

float peak_of(const float* samples, int n) noexcept {
  float peak = 0.0f;
  for (int t = 0; t < n; ++t) peak = std::max(peak, std::abs(samples[t]));
  return std::isfinite(peak) ? peak : 0.0f;
}

float in_db(float peak) noexcept { return peak > 1e-6f ? 20.0f * std::log10(peak) : kLowestPeakDb; }

}  // namespace

RigHost::RigHost() {
  const Values values = default_values();
  for (std::size_t i = 0; i < values.size(); ++i) values_[i].store(values[i], std::memory_order_relaxed);
  for (const int peak : {kInputPeak, kOutputPeak}) values_[static_cast<std::size_t>(peak)].store(0.0f);
}

RigHost::~RigHost() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  asked_.notify_all();
  if (loader_.joinable()) loader_.join();
  delete next_.load();
  delete retired_.load();
}

void RigHost::set(int parameter, float value) noexcept {
  if (parameter < 0 || parameter >= kFirstOutput) return;
  values_[static_cast<std::size_t>(parameter)].store(in_range(parameter, value), std::memory_order_relaxed);
  edits_.fetch_add(1, std::memory_order_release);
}

float RigHost::get(int parameter) const noexcept {
  if (parameter < 0 || parameter >= kParameters) return 0.0f;
  const float value = values_[static_cast<std::size_t>(parameter)].load(std::memory_order_relaxed);
  return parameter == kInputPeak || parameter == kOutputPeak ? in_db(value) : value;
}

Values RigHost::values() const noexcept {
  Values values;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = values_[i].load(std::memory_order_relaxed);
  return values;
}

void RigHost::set_state(std::string_view key, std::string_view value) {
  if (key == "preset") {
    if (!value.empty()) load_preset(std::string(value));
    return;
  }
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    changed = change_state(key, value);
    if (key == kModelKeys[0]) own_settings_ = false;
  }
  if (changed) asked_.notify_all();
}

void RigHost::choose_model(const std::string& path) {
  {
    const std::lock_guard lock(mutex_);
    const bool another = state_.model().path != path;
    if (!change_state(kModelKeys[0], path)) return;
    own_settings_ = own_settings_ || another;
  }
  asked_.notify_all();
}

// With the mutex held; whether there is something to load.
bool RigHost::change_state(std::string_view key, std::string_view value) {
  const bool changed = state_.set(key, value);
  if (is_file_key(key)) preset_problem_ = "";  // a person has gone on
  note_status();
  if (changed) start_loader();
  return changed;
}

std::string RigHost::state(std::string_view key) const {
  if (key == "status") return status().text;
  State copy;
  {
    const std::lock_guard lock(mutex_);
    copy = state_;
  }
  return copy.get(key, get(kEmbed) > 0.5f);
}

Status RigHost::status() const {
  const std::lock_guard lock(mutex_);
  return told();
}

// With the mutex held.
Status RigHost::told() const {
  Status status = status_;
  status.preset = preset_name_;
  status.preset_path = preset_path_;
  const std::string not_kept = get(kEmbed) > 0.5f ? state_.not_kept() : "";
  for (const std::string& refused : {state_.problem(), preset_problem_, not_kept}) {
    if (refused.empty()) continue;
    status.text = refused + (status.text.empty() ? "" : "; ") + status.text;
    status.code = kFailed;
  }
  return status;
}

// With the mutex held: the output parameter, which tells what the text does.
void RigHost::note_status() { values_[kStatus].store(static_cast<float>(told().code), std::memory_order_relaxed); }

Preset RigHost::preset() const {
  Preset preset;
  preset.values = values();
  const bool embed = get(kEmbed) > 0.5f;
  State copy;
  {
    const std::lock_guard lock(mutex_);
    preset.name = preset_name_;
    copy = state_;
  }
  for (const char* key : kPresetKeys) preset.states[key] = copy.get(key, embed);
  return preset;
}

void RigHost::save_preset(const std::string& path) {
  const std::string where = save_preset_as(path, preset());
  const std::lock_guard lock(mutex_);
  preset_name_ = text_of(path_of(where).stem());
  preset_path_ = where;
}

bool RigHost::load_preset(const std::string& path) {
  Preset preset;
  std::string problem;
  try {
    preset = read_preset(path);
  } catch (const PresetError& error) {
    problem = error.what();
  }
  {
    const std::lock_guard lock(mutex_);
    preset_problem_ = problem;
    if (!problem.empty()) {
      note_status();
      return false;
    }
    preset_name_ = preset.name;
    preset_path_ = path;
    own_settings_ = false;
    generation_.fetch_add(1, std::memory_order_release);
    for (int i = 0; i < kFirstOutput; ++i)
      if (!belongs_to_the_place(i)) values_[static_cast<std::size_t>(i)] = preset.values[static_cast<std::size_t>(i)];
    for (const char* key : kPresetKeys) state_.set(key, preset.states[key]);
    note_status();
    edits_.fetch_add(1, std::memory_order_release);
    start_loader();
  }
  asked_.notify_all();
  return true;
}

// On the loader's thread.
void RigHost::follow_program() {
  const int number = program_.exchange(-1, std::memory_order_relaxed);
  if (number < 0) return;
  const auto what = static_cast<Programs>(std::lround(get(kPrograms)));
  if (what == kProgramsArePresets) {
    const std::vector<std::string> presets = all_presets(preset_folder());
    if (static_cast<std::size_t>(number) < presets.size()) load_preset(presets[static_cast<std::size_t>(number)]);
  } else if (what == kProgramsAreModels) {
    const std::vector<std::string> models = models_beside(state("model"));
    if (static_cast<std::size_t>(number) < models.size()) choose_model(models[static_cast<std::size_t>(number)]);
  }
}

// With the mutex held.
void RigHost::start_loader() {
  if (!loader_.joinable()) loader_ = std::thread([this] { load_what_is_asked(); });
}

// With the mutex held.
Build RigHost::asked_for() const {
  const Values values = this->values();
  return {rate_hz_,
          {{{state_.model(0), state_.model_bytes(0)}, {state_.model(1), state_.model_bytes(1)}}},
          {state_.cabinet(0), state_.cabinet(1)},
          values[kModel] > 0.5f,
          static_cast<Second>(std::lround(values[kSecond])),
          static_cast<Inputs>(std::lround(values[kInputs])),
          static_cast<Quality>(std::lround(values[kQuality]))};
}

// With the mutex held.
bool RigHost::has_work() const {
  return !built_ || program_.load(std::memory_order_relaxed) >= 0 ||
         generation_.load(std::memory_order_relaxed) != generation_in_place_.load(std::memory_order_relaxed) ||
         *built_ != asked_for();
}

void RigHost::load_what_is_asked() {
  std::unique_lock lock(mutex_);
  for (;;) {
    // The audio thread wakes nobody, so its settings and what it hands back are looked at now and then.
    asked_.wait_for(lock, kLookAgain, [this] { return quit_ || has_work(); });
    delete retired_.exchange(nullptr, std::memory_order_acquire);
    if (quit_) return;
    lock.unlock();
    follow_program();
    lock.lock();
    const Build build = asked_for();
    const Values settings = values();
    const unsigned generation = generation_.load(std::memory_order_relaxed);
    if (built_ && *built_ == build) {
      note_status();  // whether the model is to be kept is turned by the host
      generation_in_place_.store(generation, std::memory_order_release);
      loaded_.notify_all();
      continue;
    }
    const bool own_settings = own_settings_;
    lock.unlock();
    auto rig = std::make_unique<LoadedRig>(build, settings, generation, own_settings);
    lock.lock();
    if (own_settings) take_own_settings(*rig, build);
    const StatusCode code = !rig->problem().empty() ? kFailed : rig->has_model() ? kPlaying : kDry;
    status_ = {code, rig->problem(), rig->facts()[0], rig->facts()[1],
               {build.models[0].file.path, build.models[1].file.path}, rig->has_cabinet(), rig->missing(), "", ""};
    note_status();
    for (std::size_t slot = 0; slot < kSlots; ++slot)
      state_.take_read(slot, build.models[slot].file, rig->read()[slot]);
    delete next_.exchange(rig.release(), std::memory_order_acq_rel);
    built_ = build;
    loaded_.notify_all();
  }
}

// With the mutex held: where a chosen model has begun, the parameters follow, unless another one is asked for by now.
void RigHost::take_own_settings(LoadedRig& rig, const Build& build) {
  const bool asked_for = build.models[0] == Build::Source{state_.model(), state_.model_bytes()};
  if (!own_settings_ || !asked_for || rig.facts()[0].name.empty()) return;
  own_settings_ = false;
  Values values = this->values();
  put_defaults(rig.facts()[0].knobs, values);
  rig.belong_to(generation_.fetch_add(1, std::memory_order_release) + 1);
  for (std::size_t i = kFirstKnob; i < kFirstKnob + kPoolKnobs; ++i) values_[i] = values[i];
  edits_.fetch_add(1, std::memory_order_release);
}

bool RigHost::settle(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  start_loader();
  asked_.notify_all();
  return loaded_.wait_for(lock, limit, [this] { return !has_work(); });
}

void RigHost::activate(double sample_rate_hz) {
  if (!(sample_rate_hz > 0.0 && std::isfinite(sample_rate_hz))) sample_rate_hz = 48000.0;  // a host that is not ready
  {
    const std::lock_guard lock(mutex_);
    rate_hz_ = sample_rate_hz;
  }
  settle(kLongestLoad);
  fading_.reset();
  if (LoadedRig* next = next_.exchange(nullptr, std::memory_order_acquire)) current_.reset(next);
  if (current_) current_->restart(values());
  note_latency();
  heard_ = false;
  tuner_.configure(sample_rate_hz);
  seconds_per_sample_ = 1.0 / sample_rate_hz;
  listen_ = std::llround(kListenSeconds * sample_rate_hz);
  fade_ = std::llround(kFadeSeconds * sample_rate_hz) + 1;
  forget_ = std::exp(-static_cast<float>(kBlock / (0.3 * sample_rate_hz)));
}

void RigHost::note_latency() noexcept {
  latency_.store(current_ ? current_->latency_samples() : 0, std::memory_order_relaxed);
}

void RigHost::take_next() noexcept {
  if (fading_ || next_.load(std::memory_order_relaxed) == nullptr) return;
  fading_ = std::move(current_);
  current_.reset(next_.exchange(nullptr, std::memory_order_acquire));
  note_latency();
  since_taken_ = heard_ ? 0 : listen_ + fade_;
  followed_ = edits_.load(std::memory_order_acquire) - 1;
}

bool RigHost::may_follow() const noexcept {
  const unsigned generation = generation_.load(std::memory_order_acquire);
  return !current_ || current_->generation() == generation ||
         (generation_in_place_.load(std::memory_order_acquire) == generation &&
          next_.load(std::memory_order_relaxed) == nullptr);
}

void RigHost::follow_settings() noexcept {
  if (!may_follow()) return;
  const unsigned edits = edits_.load(std::memory_order_acquire);
  if (edits == followed_) return;
  followed_ = edits;
  const Values now = values();
  if (current_) current_->set(now);
  if (fading_ && fading_->generation() == current_->generation()) fading_->set(now);
}

void RigHost::process(const float* const* in, float* const* out, int n) noexcept {
  const auto began = std::chrono::steady_clock::now();
  play_all(in, out, n);
  if (n <= 0) return;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const double share = took.count() / (n * seconds_per_sample_);
  const double keep = std::exp(-n * seconds_per_sample_ / kLoadSeconds);
  load_.store(static_cast<float>(share + keep * (load() - share)), std::memory_order_relaxed);
}

void RigHost::play_all(const float* const* in, float* const* out, int n) noexcept {
  take_next();
  follow_settings();
  for (int start = 0; start < n; start += kBlock) {
    const int count = std::min(n - start, kBlock);
    const float* const from[] = {in[0] + start, in[1] + start};
    float* const to[] = {out[0] + start, out[1] + start};
    play(from, to, count);
  }
  heard_ = heard_ || n > 0;
  hand_back();
}

void RigHost::play(const float* const* in, float* const* out, int n) noexcept {
  for (std::size_t c = 0; c < kChannels; ++c) std::copy_n(in[c], n, in_[c].data());
  const float* const kept[] = {in_[0].data(), in_[1].data()};
  if (current_) {
    current_->process(kept, out, n);
  } else {
    const auto number = [](float sample) { return std::isfinite(sample) ? sample : 0.0f; };
    for (std::size_t c = 0; c < kChannels; ++c) std::transform(kept[c], kept[c] + n, out[c], number);
  }
  if (fading_) fade(out, n);
  const auto meter = [this, n](int parameter, float peak) {
    std::atomic<float>& value = values_[static_cast<std::size_t>(parameter)];
    const float fallen = value.load(std::memory_order_relaxed) * std::pow(forget_, static_cast<float>(n) / kBlock);
    value.store(std::max(peak, fallen), std::memory_order_relaxed);
  };
  const int inputs = static_cast<int>(values_[kInputs].load(std::memory_order_relaxed));
  tuner_.hear(kept[inputs == kRight ? 1 : 0], n);
  const float left = inputs == kRight ? 0.0f : peak_of(kept[0], n);
  const float right = inputs == kLeft ? 0.0f : peak_of(kept[1], n);
  meter(kInputPeak, std::max(left, right));
  meter(kOutputPeak, std::max(peak_of(out[0], n), peak_of(out[1], n)));
}

void RigHost::fade(float* const* out, int n) noexcept {
  if (since_taken_ >= listen_ + fade_) return;
  const float* const kept[] = {in_[0].data(), in_[1].data()};
  float* const old[] = {old_[0].data(), old_[1].data()};
  fading_->process(kept, old, n);
  for (int t = 0; t < n; ++t, ++since_taken_) {
    const long long faded = std::clamp(since_taken_ - listen_, 0LL, fade_);
    const float share = static_cast<float>(faded) / static_cast<float>(fade_);
    for (std::size_t c = 0; c < kChannels; ++c) out[c][t] = old[c][t] + share * (out[c][t] - old[c][t]);
  }
}

void RigHost::hand_back() noexcept {
  if (!fading_ || since_taken_ < listen_ + fade_) return;
  LoadedRig* none = nullptr;
  if (retired_.compare_exchange_strong(none, fading_.get(), std::memory_order_release, std::memory_order_relaxed))
    static_cast<void>(fading_.release());
}

}  // namespace triode::plugin
