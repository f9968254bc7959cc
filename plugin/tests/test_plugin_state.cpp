// What sessions hold: text in, text out, and nothing that a forged session could break.
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "base64.h"
#include "browse.h"
#include "check.h"
#include "factory_files.h"
#include "loaded_rig.h"
#include "parameters.h"
#include "rig_host.h"
#include "state.h"

using namespace triode::plugin;

namespace {

constexpr std::chrono::seconds kPatience{60};

void test_base64() {
  // RFC 4648
  const char* pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : pairs) {
    CHECK(to_base64(bytes) == text);
    CHECK(from_base64(text) == bytes);
  }
  for (const char* text : {"Z", "Zg=", "Zg", "Z===", "====", "Zm9v!m9v", "Zg==Zm9v", "Zm9v\n"})
    CHECK_WITH(!from_base64(text), text);
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  CHECK(from_base64(to_base64(all)) == all);
}

void test_paths() {
  State state;
  CHECK(state.set("model", "/models/\xC3\xA4mp.nam"));
  CHECK(!state.set("model", "/models/\xC3\xA4mp.nam"));
  CHECK(state.get("model", false) == "/models/\xC3\xA4mp.nam");
  CHECK(state.problem().empty());
  const std::string no_paths[] = {"/a\nb", "/a\xFF", "/a\xC3", "\x80", std::string("/a\0b", 4),
                                  std::string(kMostPathBytes + 1, 'a')};
  for (const std::string& bad : no_paths) {
    state.set("cabinet", "/ir.wav");
    CHECK(state.set("cabinet", bad));
    CHECK(state.cabinet().path.empty());
    CHECK(state.problem().find("path of the cabinet") != std::string::npos);
    CHECK(state.model().path == "/models/\xC3\xA4mp.nam");
  }
  state.set("cabinet", "/ir.wav");
  CHECK(state.problem().empty());
  CHECK(!state.set("status", "anything") && !state.set("what is this", "anything"));
}

void test_embedded_models() {
  State state;
  state.set("model", "/nowhere/amp.nam");
  CHECK(state.set("model_data", "Zm9v"));
  CHECK(*state.model_bytes() == "foo");
  CHECK(!state.set("model_data", "Zm9v"));
  CHECK(state.get("model_data", true) == "Zm9v");
  CHECK(state.get("model_data", false) == "Zm9v");  // there is no file to go back to
  CHECK(state.set("model", "/nowhere/other.nam"));
  CHECK(state.model_bytes() == nullptr);
  CHECK(state.get("model_data", true).empty());
  state.set("model_data", "no base64");
  CHECK(state.model_bytes() == nullptr && state.problem().find("damaged") != std::string::npos);
}

// A person who chooses a file again has a reason to: it is back, or it is another by now.
void test_a_file_chosen_again() {
  std::string name = (std::filesystem::temp_directory_path() / "triode-XXXXXX").string();
  const std::filesystem::path folder(mkdtemp(name.data()));
  const auto write = [&folder](const char* text) { std::ofstream(folder / "amp") << text; };
  for (const char* key : {"model", "model_2", "cabinet", "cabinet_2"}) {
    State state;
    const std::string path = (folder / "amp").string();
    CHECK(state.set(key, path) && !state.set(key, path));
    write("one");
    CHECK(state.set(key, path) && !state.set(key, path));
    write("three");
    CHECK(state.set(key, path) && !state.set(key, path));
    write("there");
    std::filesystem::last_write_time(folder / "amp", std::filesystem::file_time_type::clock::now());
    CHECK_WITH(state.set(key, path) && !state.set(key, path), key);
    std::filesystem::remove(folder / "amp");
  }
  write("one");
  State state;
  state.set("model", (folder / "amp").string());
  state.set("model_data", "Zm9v");
  CHECK(state.set("model", (folder / "amp").string()) && state.model_bytes() == nullptr);
  std::filesystem::remove_all(folder);
}

void test_what_is_too_large_to_be_kept() {
  std::string name = (std::filesystem::temp_directory_path() / "triode-XXXXXX").string();
  const std::filesystem::path folder(mkdtemp(name.data())), file = folder / "amp.nam";
  std::ofstream(file) << "x";
  std::filesystem::resize_file(file, kMostKeptBytes);
  State state;
  state.set("model_2", file.string());
  CHECK(state.not_kept().empty());
  std::filesystem::resize_file(file, kMostKeptBytes + 1);
  state.set("model_2", file.string());
  CHECK_WITH(state.not_kept().find("amp.nam: too large to be kept") != std::string::npos, state.not_kept());
  CHECK(state.get("model_2_data", true).empty() && state.problem().empty());
  std::filesystem::remove_all(folder);
}

void test_states_of_other_versions() {
  State state;
  state.set("version", "3");
  CHECK(state.problem().find("newer version") != std::string::npos);
  state.set("model", "/models/amp.nam");
  CHECK(state.model().path == "/models/amp.nam");
  CHECK(state.get("version", false) == "2");
  state.set("version", "1");
  CHECK(state.problem().empty());
}

void test_forged_states() {
  std::mt19937 random(5);
  State state;
  for (int i = 0; i < 20'000; ++i) {
    std::string value(random() % 12, '\0');
    for (char& c : value) c = random() % 2 ? static_cast<char>(random()) : "Zg=/\xC3\xA4"[random() % 6];
    state.set(kStateKeys[random() % kStateKeys.size()], value);
    CHECK(is_plain_text(state.model().path) && is_plain_text(state.cabinet().path) && is_plain_text(state.problem()));
    if (const auto& bytes = state.model_bytes()) CHECK(from_base64(state.get("model_data", true)) == *bytes);
  }
}

int code_of(const RigHost& host) { return static_cast<int>(host.get(kStatus)); }

// The output parameter tells what the text does, also of what never comes to the loader.
void test_what_is_refused_is_told() {
  RigHost host;
  host.set_state("model", "triode:preamp");
  host.activate(48000.0);
  CHECK(code_of(host) == kPlaying);
  const auto refused = [&host] { return code_of(host) == kFailed && !host.state("status").empty(); };
  for (const auto& [key, bad, good] : {std::array{"version", "77", "2"}, {"model_data", "no base64", ""},
                                       {"cabinet", "/a\nb", ""}, {"preset", "/gone.json", "triode:clean"}}) {
    host.set_state(key, bad);
    CHECK_WITH(refused(), key);
    if (key == std::string_view("model_data")) host.set_state("model", host.state("model"));
    host.set_state(key, good);
    CHECK_WITH(!refused() && host.settle(kPatience) && code_of(host) == kPlaying, key);
  }
}

// What is told of a model says of which one, also while another is asked for and where something else has failed.
void test_facts_tell_whose_they_are() {
  RigHost host;
  const std::string path = factory_models()[0], next = factory_models()[1];
  host.set_state("model", path);
  host.set_state("cabinet", "/gone.wav");
  host.activate(48000.0);
  CHECK(host.status().code == kFailed && host.status().paths[0] == path && !host.status().model.name.empty());
  host.set_state("model", next);
  CHECK(host.settle(kPatience) && host.status().paths[0] == next && host.status().paths[1].empty());
  host.set_state("cabinet", "");
  host.set_state("preset", "/gone.json");
  CHECK(host.settle(kPatience) && host.status().code == kFailed);
  host.set_state("model", path);
  CHECK(host.settle(kPatience) && host.status().code == kPlaying && host.status().paths[0] == path);
}

void test_parameters() {
  CHECK(in_range(kBass, 99.0f) == 20.0f);
  CHECK(in_range(kBass, std::nanf("")) == 0.0f);
  CHECK(in_range(kInterfaceDbu, -HUGE_VALF) == 12.0f);
  CHECK(in_range(kGate, 0.7f) == 1.0f && in_range(kQuality, 1.4f) == 1.0f);
  Values values = default_values();
  values[kOutputGain] = -3.0f;
  values[kCabinetLevel] = -4.0f;
  CHECK(rig_settings(values, false).output_gain_db == -3.0);
  CHECK(rig_settings(values, true).output_gain_db == -7.0);
  values[kCabinet] = 0.0f;
  CHECK(rig_settings(values, true).output_gain_db == -3.0);
  CHECK(!rig_settings(values, true).interface_dbu);
  values[kCalibrate] = 1.0f;
  CHECK(rig_settings(values, true).interface_dbu == 12.0);
  values[kGateHold] = 250.0f;
  CHECK(rig_settings(values, true).gate_settings.hold_seconds == 0.25);
}

void test_models_beside_a_model() {
  std::string name = (std::filesystem::temp_directory_path() / "triode-XXXXXX").string();
  const std::filesystem::path folder(mkdtemp(name.data()));
  const auto at = [&folder](const char* file) { return (folder / file).string(); };
  for (const char* file : {"b.nam", "a.triode", "notes.txt", "c.json", "1.wav", "2.wav"}) std::ofstream(folder / file) << "x";
  CHECK(neighbour_model(at("a.triode"), 1) == at("b.nam"));
  CHECK(neighbour_model(at("a.triode"), -1) == at("c.json"));
  CHECK(neighbour_model(at("c.json"), 1) == at("a.triode"));
  CHECK(neighbour_model(at("bb.nam"), 1) == at("c.json"));  // it has gone
  CHECK(neighbour_model(at("bb.nam"), -1) == at("b.nam"));
  CHECK(neighbour_cabinet(at("1.wav"), 1) == at("2.wav") && neighbour_cabinet(at("1.wav"), -1) == at("2.wav"));
  std::filesystem::remove_all(folder);
  CHECK(neighbour_model(at("a.triode"), 1).empty());
  CHECK(neighbour_cabinet(at("1.wav"), 1).empty() && neighbour_cabinet("", 1).empty());
  CHECK(neighbour_model("", 1) == factory_models().front() && neighbour_model("", -1) == factory_models().back());
  CHECK(neighbour_model(factory_models()[0], 1) == factory_models()[1]);
}

void test_readings() {
  triode::Knob knob{"tone", "Hz", 100.0, 10'000.0, 1000.0, true};
  CHECK(reading(knob, 0.5) == "1000 Hz");
  CHECK(std::abs(knob.travel(value_at(knob, 0.3)) - 0.3) < 1e-12);
  CHECK(reading({"drive", "", 0.0, 10.0, 5.0, false}, 0.35) == "3.5");
  CHECK(reading({"mix", "", 0.0, 1.0, 0.5, false}, 0.25) == "0.25");
  CHECK(latency_reading(252, 44100.0) == "252 samples, 5.7 ms");
}

}  // namespace

int main() {
  test_base64();
  test_paths();
  test_embedded_models();
  test_a_file_chosen_again();
  test_what_is_too_large_to_be_kept();
  test_states_of_other_versions();
  test_forged_states();
  test_what_is_refused_is_told();
  test_facts_tell_whose_they_are();
  test_parameters();
  test_models_beside_a_model();
  test_readings();
  return failures == 0 ? 0 : 1;
}
