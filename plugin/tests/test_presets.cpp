// Presets: files in, files out, loaded while it plays, chosen by MIDI; and those that come with the plug-in.
#include "preset.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numbers>
#include <random>
#include <thread>

#include "browse.h"
#include "check.h"
#include "factory_files.h"
#include "rig_host.h"

using namespace triode::plugin;

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kPatience{60};
constexpr int kBlock = 64;

fs::path folder() {
  static const fs::path made = [] {
    std::string name = (fs::temp_directory_path() / "triode-XXXXXX").string();
    return fs::path(mkdtemp(name.data()));
  }();
  return made;
}

std::string written(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

std::string gain_model(const std::string& name, const std::string& gain) {
  return written(folder() / name, R"({"version": "0.5.4", "architecture": "Linear", "config": {"receptive_field": 1,
                                      "bias": false}, "weights": [)" + gain + "], \"sample_rate\": 48000}");
}

template <class Action>
std::string refusal(const Action& action) {
  try {
    action();
  } catch (const PresetError& error) {
    return error.what();
  }
  return "";
}

/// A sine of 0.4, one block after the other; the outputs of all.
std::vector<float> play(RigHost& host, int blocks) {
  std::vector<float> in(kBlock), left(kBlock), right(kBlock), all;
  for (int i = 0; i < blocks; ++i) {
    for (int t = 0; t < kBlock; ++t) {
      const double turns = 750.0 * (i * kBlock + t) / 48000.0;
      in[static_cast<std::size_t>(t)] = static_cast<float>(0.4 * std::sin(2.0 * std::numbers::pi * turns));
    }
    const float* const from[] = {in.data(), in.data()};
    float* const to[] = {left.data(), right.data()};
    host.process(from, to, kBlock);
    all.insert(all.end(), left.begin(), left.end());
  }
  return all;
}

float loudest(const std::vector<float>& samples) {
  float peak = 0.0f;
  for (const float sample : samples) peak = std::max(peak, std::abs(sample));
  return peak;
}

void test_there_and_back() {
  const std::string model = gain_model("presets/half.nam", "0.5");
  RigHost first, second;
  first.set_state("model", model);
  first.set_state("cabinet", "/elsewhere/ir.wav");
  first.set(kBass, 3.3f);
  first.set(kFirstKnob + 2, 0.125f);
  first.set(kInterfaceDbu, 19.0f);
  Preset kept = first.preset();
  kept.name = "Warm \xC3\xA4";
  const std::string path = (folder() / "presets" / "warm.json").string();
  write_preset(path, kept);
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  CHECK_WITH(text.find("\"model\": \"half.nam\"") != std::string::npos, text);  // beside it, so moved with it
  CHECK(text.find("\"bass\": 3.3,") != std::string::npos && text.find("interface") == std::string::npos);
  second.set(kInterfaceDbu, 7.0f);
  second.set(kTreble, 9.0f);
  second.set_state("preset", path);
  CHECK(second.get(kBass) == 3.3f && second.get(kFirstKnob + 2) == 0.125f && second.get(kTreble) == 0.0f);
  CHECK(second.get(kInterfaceDbu) == 7.0f);  // of this interface, not of the sound
  CHECK(second.state("model") == model && second.state("cabinet") == "/elsewhere/ir.wav");
  CHECK(second.state("preset").empty() && second.status().preset == "Warm \xC3\xA4");
  CHECK(second.generation() == 1);
  fs::rename(folder() / "presets", folder() / "moved");
  second.set_state("preset", (folder() / "moved" / "warm.json").string());
  CHECK(second.state("model") == (folder() / "moved" / "half.nam").string());
  CHECK(second.settle(kPatience) && second.status().missing == "cabinet");
  second.set_state("model", model);
  second.set_state("cabinet", "");
  CHECK(second.settle(kPatience) && second.status().missing == "model");
}

void test_saved_under_a_name() {
  const std::string lead = written(folder() / "saved" / "lead.json", "of somebody");
  RigHost host;
  host.set(kBass, 5.0f);
  const std::string bare = (folder() / "saved" / "lead").string();
  const std::string refused = refusal([&] { host.save_preset(bare); });
  CHECK_WITH(refused.find("lead.json: there is such a preset already") != std::string::npos, refused);
  CHECK(fs::file_size(lead) == 11 && host.status().preset_path.empty());
  host.save_preset(lead);  // chosen as it is: the dialog has asked
  CHECK(read_preset(lead).values[kBass] == 5.0f && read_preset(lead).name == "lead");
  CHECK(host.status().preset == "lead" && host.status().preset_path == lead);
  host.save_preset(bare + " 2");
  CHECK(host.status().preset == "lead 2" && host.status().preset_path == bare + " 2.json");
  CHECK(read_preset(bare + " 2.json").name == "lead 2" && host.generation() == 0);
}

// Both end in .json, and lie in one folder.
void test_presets_and_models() {
  const fs::path place = folder() / "mixed";
  const std::string much(100'000, 'a');
  const std::string last = written(place / "last.json", R"({"model_data": ")" + much + R"(", "triode_preset": 1})");
  const std::string first = written(place / "first.json", R"({"triode_preset": 1, "model_data": ")" + much + "\"}");
  const std::string model = written(place / "model.json", R"({"in_shape": [], "name": ")" + much + "\"}");
  written(place / "empty.json", "");
  CHECK(is_preset(last) && is_preset(first) && !is_preset(model) && !is_preset(place));
  const std::vector<std::string> all = all_presets(place), beside = models_beside(last);
  CHECK(all.size() == 2 + factory_presets().size() && all[0] == first && all[1] == last);
  CHECK(beside == std::vector<std::string>({(place / "empty.json").string(), model}));
  CHECK(neighbour_model(model, 1) == beside[0]);
}

void test_a_model_within() {
  const std::string model = gain_model("within.nam", "0.25");
  RigHost first, second;
  first.set(kEmbed, 1.0f);
  first.set_state("model", model);
  write_preset((folder() / "within.json").string(), first.preset());
  fs::remove(model);
  second.set_state("preset", (folder() / "within.json").string());
  second.set(kDcBlocker, 0.0f);
  second.activate(48000.0);
  CHECK(std::abs(loudest(play(second, 4)) - 0.1f) < 1e-3f);
}

void test_refusals() {
  RigHost host;
  const std::string good = R"({"triode_preset": 1, "parameters": {"bass": 1e300, "gate": "x", "no_such": 1}})";
  CHECK(parse_preset(good, "/a/good.json").values[kBass] == 20.0f);
  CHECK(parse_preset(good, "/a/good.json").name == "good");
  for (const char* bad : {"", "[]", "{}", "{\"triode_preset\": \"1\"}", "\x80\xFF", "{\"triode_preset\": 1.0}"})
    CHECK_WITH(refusal([&] { parse_preset(bad, "/bad.json"); }).find("no preset") != std::string::npos, bad);
  CHECK(refusal([&] { parse_preset(R"({"triode_preset": 2})", "/new.json"); }).find("newer") != std::string::npos);
  CHECK(!refusal([&] { parse_preset(R"({"triode_preset": 1, "model": "a\u0007"})", "/bell.json"); }).empty());
  CHECK(!refusal([&] { write_preset((folder() / "presets").string() + "\x01/\x02/", {}); }).empty());
  host.set(kBass, 4.0f);
  host.set_state("preset", (folder() / "gone.json").string());
  CHECK(host.get(kBass) == 4.0f && host.status().text.find("gone.json: there is no such preset") != std::string::npos);
  host.set_state("preset", "triode:clean");
  CHECK(host.settle(kPatience) && host.status().text.empty() && host.status().code == kPlaying);
  std::mt19937 random(3);
  const std::string text = preset_text(host.preset(), {});
  for (int i = 0; i < 3000; ++i) {
    std::string forged = text;
    for (int bytes = 0; bytes < 3; ++bytes) forged[random() % forged.size()] = static_cast<char>(random());
    refusal([&] {
      for (int p = 0; const float value : parse_preset(forged, "/f.json").values) CHECK(value == in_range(p++, value));
    });
  }
}

// All of a preset is heard at once: what played before keeps its own settings until the fade.
void test_loaded_while_playing() {
  gain_model("quiet.nam", "0.02");
  gain_model("loud.nam", "1.0");
  const std::string as_it_is = R"("dc_blocker": 0, "output_level": 0, "output_gain": )";
  const auto preset = [&](const char* name, const char* model, const char* gain) {
    return written(folder() / name, R"({"triode_preset": 1, "model": ")" + std::string(model) +
                                        R"(", "parameters": {)" + as_it_is + gain + "}}");
  };
  const std::string quiet = preset("quiet.json", "quiet.nam", "28"), loud = preset("loud.json", "loud.nam", "0");
  const std::string same = preset("same.json", "quiet.nam", "22");
  RigHost host;
  host.set_state("preset", loud);
  host.activate(48000.0);
  CHECK(std::abs(loudest(play(host, 20)) - 0.4f) < 1e-3f);
  for (const std::string& next : {quiet, loud, quiet}) {
    host.set_state("preset", next);
    std::vector<float> heard = play(host, 30);
    CHECK(host.settle(kPatience));
    for (const float sample : play(host, 100)) heard.push_back(sample);
    CHECK_WITH(loudest(heard) < 0.41f, next + ": " + std::to_string(loudest(heard)));
  }
  CHECK(std::abs(loudest(play(host, 20)) - 0.4f * 0.02f * 25.1189f) < 1e-3f);
  host.set_state("preset", same);  // its model is there already: it only turns
  CHECK(host.settle(kPatience));
  play(host, 20);
  CHECK(std::abs(loudest(play(host, 20)) - 0.4f * 0.02f * 12.5893f) < 1e-3f);
}

bool comes_about(const auto& holds) {
  for (int tries = 0; tries < 600 && !holds(); ++tries) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return holds();
}

void test_midi_programs() {
  setenv("XDG_DATA_HOME", folder().c_str(), 1);
  const fs::path own = folder() / "triode" / "presets";
  const std::string first = written(own / "1.json", R"({"triode_preset": 1, "name": "One"})");
  written(own / "2.json", R"({"triode_preset": 1, "name": "Two", "model": "b.nam"})");
  gain_model("triode/presets/a.nam", "1.0");
  gain_model("triode/presets/b.nam", "0.5");
  written(own / "c.json", R"({"in_shape": [null, null, 1], "layers": []})");  // a model, if not a good one
  const std::vector<std::string> all = all_presets(preset_folder());
  CHECK(all.size() == 2 + factory_presets().size() && all[0] == first && all[2] == factory_presets()[0]);
  CHECK(neighbour_preset(all, first, -1) == all.back() && neighbour_preset(all, all.back(), 1) == first);
  CHECK(neighbour_preset(all, "", 1) == first && neighbour_preset({}, "", 1).empty());
  RigHost host;
  host.activate(48000.0);
  host.ask_for_program(1);
  CHECK(comes_about([&] { return host.status().preset == "Two"; }));
  host.ask_for_program(127);  // there is none
  CHECK(comes_about([&] { return host.state("model") == (own / "b.nam").string(); }));
  host.set(kPrograms, kProgramsAreModels);
  host.ask_for_program(0);  // the models of the folder: a.nam, b.nam, c.json
  CHECK(comes_about([&] { return host.state("model") == (own / "a.nam").string(); }));
  host.ask_for_program(2);
  CHECK(comes_about([&] { return host.state("model") == (own / "c.json").string(); }));
  CHECK(host.status().preset == "Two");
  host.set_state("model", "triode:preamp-clean");
  host.set(kFirstKnob, 0.9f);
  host.ask_for_program(2);  // triode:preamp
  CHECK(comes_about([&] { return host.get(kFirstKnob) == 0.5f; }));
  CHECK(host.state("model") == "triode:preamp");
}

// In the parameters, and in the sound from its first sample on.
void test_a_chosen_model_begins_at_its_own_settings() {
  const std::string with_knobs = "triode:preamp", without = "triode:preamp-clean";
  RigHost chosen, turned;
  for (RigHost* host : {&chosen, &turned}) {
    host->set_state("model", without);
    host->activate(48000.0);
    host->set(kFirstSecondKnob, 0.25f);
    for (const int knob : {0, 1}) host->set(kFirstKnob + knob, host == &chosen ? 0.9f : 0.5f);
    host->set(kFirstKnob + 2, 0.25f);  // it has two
    play(*host, 20);
  }
  chosen.choose_model(with_knobs);
  turned.set_state("model", with_knobs);
  CHECK(chosen.settle(kPatience) && turned.settle(kPatience));
  CHECK(play(chosen, 200) == play(turned, 200));
  for (int i = 0; i < kFirstOutput; ++i) CHECK_WITH(chosen.get(i) == turned.get(i), kParameterInfos[i].symbol);
  CHECK(chosen.generation() == 1 && turned.generation() == 0);
  chosen.set(kFirstKnob, 0.9f);
  chosen.choose_model(with_knobs);  // it is there already
  CHECK(chosen.settle(kPatience) && chosen.get(kFirstKnob) == 0.9f);
  chosen.set_state("model", "triode:overdrive");  // as from a session, where its knobs were left
  CHECK(chosen.settle(kPatience) && chosen.get(kFirstKnob) == 0.9f);
  chosen.set(kModel, 0.0f);
  chosen.choose_model(with_knobs);
  CHECK(chosen.settle(kPatience) && chosen.get(kFirstKnob) == 0.9f);  // nobody knows its settings yet
  chosen.set(kModel, 1.0f);
  CHECK(chosen.settle(kPatience) && chosen.get(kFirstKnob) == 0.5f);
  const std::string told = R"({"triode_preset": 1, "model": "triode:preamp", "parameters": {"knob_1": 0.75}})";
  chosen.choose_model("triode:overdrive");
  chosen.set_state("preset", written(folder() / "told.json", told));
  CHECK(chosen.settle(kPatience) && chosen.get(kFirstKnob) == 0.75f);
  chosen.choose_model("triode:overdrive");
  chosen.set_state("model", with_knobs);
  CHECK(chosen.settle(kPatience) && chosen.get(kFirstKnob) == 0.75f);
}

// They load, play, and are about as loud as each other.
void test_factory_presets() {
  CHECK(factory_models().size() == 5 && factory_presets().size() >= 5);
  for (const std::string& name : factory_presets()) {
    RigHost host;
    host.set_state("preset", name);
    host.activate(48000.0);
    CHECK_WITH(host.status().text.empty() && host.status().code == kPlaying, host.status().text);
    CHECK(host.status().preset != name.substr(7));  // a name for people
    play(host, 400);
    double power = 0.0;
    const std::vector<float> heard = play(host, 400);
    for (const float sample : heard) power += static_cast<double>(sample) * sample;
    const double level_db = 10.0 * std::log10(power / static_cast<double>(heard.size()));
    CHECK_WITH(level_db > -24.0 && level_db < -6.0, name + ": " + std::to_string(level_db) + " dB");
  }
}

}  // namespace

int main() {
  test_there_and_back();
  test_saved_under_a_name();
  test_presets_and_models();
  test_a_model_within();
  test_refusals();
  test_loaded_while_playing();
  test_midi_programs();
  test_a_chosen_model_begins_at_its_own_settings();
  test_factory_presets();
  fs::remove_all(folder());
  return failures == 0 ? 0 : 1;
}
