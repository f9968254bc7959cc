// The plug-in as DPF sees it; the window reads from it what is no parameter.
#pragma once

#include <atomic>
#include <functional>

#include "DistrhoPlugin.hpp"
#include "rig_host.h"

START_NAMESPACE_DISTRHO

/// What the standalone knows of its JACK server, and tells it.
struct Server {
  std::atomic<int> before_samples{0}, after_samples{0};  // from the interface's input to the rig, and on to its output
  std::function<void()> latency_has_changed;             // that of the rig; not on the audio thread
};

class TriodePlugin : public Plugin {
 public:
  TriodePlugin();
  ~TriodePlugin() override;

  const triode::plugin::RigHost& rig() const noexcept { return rig_; }
  void save_preset(const char* path) { rig_.save_preset(path); }
  /// The one of the standalone in this process; nothing in a host.
  static TriodePlugin* standalone() noexcept { return standalone_; }
  Server& server() noexcept { return server_; }

 protected:
  const char* getLabel() const override { return "triode"; }
  const char* getDescription() const override { return "Plays models of guitar amps and pedals, with their own knobs"; }
  const char* getMaker() const override { return "Triode"; }
  const char* getLicense() const override { return "MIT"; }
  uint32_t getVersion() const override;
  int64_t getUniqueId() const override { return d_cconst('T', 'r', 'i', 'o'); }

  void initAudioPort(bool input, uint32_t index, AudioPort& port) override;
  void initParameter(uint32_t index, Parameter& parameter) override;
  void initState(uint32_t index, State& state) override;

  float getParameterValue(uint32_t index) const override { return rig_.get(static_cast<int>(index)); }
  void setParameterValue(uint32_t index, float value) override { rig_.set(static_cast<int>(index), value); }
  String getState(const char* key) const override { return String(rig_.state(key).c_str()); }
  void setState(const char* key, const char* value) override;

  void activate() override { prepare(getSampleRate()); }
  // Hosts ask for the latency before they activate.
  void sampleRateChanged(double rate_hz) override { prepare(rate_hz); }
#if DISTRHO_PLUGIN_WANT_MIDI_INPUT
  void run(const float** inputs, float** outputs, uint32_t frames, const MidiEvent* events,
           uint32_t event_count) override;
#else
  void run(const float** inputs, float** outputs, uint32_t frames) override;
#endif

 private:
  void prepare(double rate_hz);
  void play(const float** inputs, float** outputs, uint32_t frames);

  inline static TriodePlugin* standalone_ = nullptr;
  triode::plugin::RigHost rig_;
  Server server_;
};

END_NAMESPACE_DISTRHO
