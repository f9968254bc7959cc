// The plug-in without a host: plays what the rig plays, changes models while it plays, and breaks at nothing.
#include "rig_host.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <new>
#include <numbers>

#include "base64.h"
#include "check.h"

#if defined(__linux__)
#include <dlfcn.h>
#include <pthread.h>
#endif

// What this thread did since it began: the loader's thread allocates at the same time.
static thread_local long memory_calls = 0, locks = 0;

[[gnu::noinline]] void* operator new(std::size_t size) {
  ++memory_calls;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept {
  ++memory_calls;
  std::free(p);
}
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

#if defined(__linux__)
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  ++locks;
  return lock(mutex);
}
#endif

using namespace triode::plugin;

namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr int kBlock = 64;

std::filesystem::path folder() {
  static const std::filesystem::path made = [] {
    std::string name = (std::filesystem::temp_directory_path() / "triode-XXXXXX").string();
    return std::filesystem::path(mkdtemp(name.data()));
  }();
  return made;
}

std::string written(const std::string& name, const std::string& bytes) {
  const std::filesystem::path path = folder() / name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path.string();
}

// A model that is a factor.
std::string gain_model(const std::string& gain, const std::string& more = "") {
  return R"({"version": "0.5.4", "architecture": "Linear", "config": {"receptive_field": 1, "bias": false},
             "weights": [)" + gain + "], \"sample_rate\": 48000" + more + "}";
}

/// One block after the other, as a host does it.
struct Player {
  explicit Player(RigHost& played) : host(played) {}

  RigHost& host;
  long long at = 0;
  std::vector<float> left, right;

  static float sample(long long t) {
    const double turns = 220.0 * static_cast<double>(t % 48000) / 48000.0;
    return static_cast<float>(0.4 * std::sin(2.0 * std::numbers::pi * turns));
  }
  void play(int blocks, int block = kBlock) {
    std::vector<float> in_left(static_cast<std::size_t>(block)), in_right(in_left);
    std::vector<float> out_left(in_left), out_right(in_left);
    for (int i = 0; i < blocks; ++i) {
      for (int t = 0; t < block; ++t) {
        in_left[static_cast<std::size_t>(t)] = sample(at + t);
        in_right[static_cast<std::size_t>(t)] = -0.5f * sample(at + t);
      }
      const float* const in[] = {in_left.data(), in_right.data()};
      float* const out[] = {out_left.data(), out_right.data()};
      const long memory_before = memory_calls, locks_before = locks;
      host.process(in, out, block);
      CHECK(memory_calls == memory_before && locks == locks_before);
      left.insert(left.end(), out_left.begin(), out_left.end());
      right.insert(right.end(), out_right.begin(), out_right.end());
      at += block;
    }
  }
  /// Plays until the new rig is heard alone.
  void play_past_fade() { play(static_cast<int>(0.1 * 48000) / kBlock); }
  /// Largest |out - gain * in| of the last block of the left output.
  double error(double gain) const {
    double worst = 0.0;
    for (int t = 0; t < kBlock; ++t)
      worst = std::max(worst, std::abs(left[left.size() - kBlock + static_cast<std::size_t>(t)] -
                                       gain * sample(at - kBlock + t)));
    return worst;
  }
};

int status_of(const RigHost& host) { return static_cast<int>(host.get(kStatus)); }

void plain(RigHost& host) {
  host.set(kDcBlocker, 0.0f);
  host.set(kOutputLevel, 0.0f);
}

void test_dry_without_a_model() {
  RigHost host;
  Player player(host);
  player.play(3);  // before anything is prepared
  CHECK(player.error(1.0) == 0.0);
  plain(host);
  host.activate(48000.0);
  player.play(3);
  CHECK(player.error(1.0) == 0.0);
  CHECK(player.left.back() == player.right.back());
  CHECK(host.status().code == kDry && host.state("status").empty() && status_of(host) == kDry);
  CHECK(host.get(kInputPeak) > -12.0f && host.get(kInputPeak) < -7.0f);
  CHECK(host.load() > 0.0f && std::isfinite(host.load()));
  CHECK(!host.heard_pitch_hz());
  player.play(200);
  CHECK(host.heard_pitch_hz() && std::abs(*host.heard_pitch_hz() - 220.0) < 0.05);
  host.set(kInputs, kRight);
  CHECK(host.settle(kPatience));
  player.play_past_fade();
  CHECK(player.error(-0.5) == 0.0);
  host.set(kInputs, kBoth);
  CHECK(host.settle(kPatience));
  player.play_past_fade();
  CHECK(player.error(1.0) == 0.0);
  CHECK(player.right.back() == -0.5f * player.left.back());
}

void test_a_model_plays_as_in_the_rig() {
  const std::string told = R"(, "metadata": {"name": "Half", "loudness": -12.0})";
  const std::string path = written("half.nam", gain_model("0.5", told));
  RigHost host;
  plain(host);
  host.set(kBass, 6.0f);
  host.set(kGate, 1.0f);
  host.set_state("model", path);
  host.activate(44100.0);
  triode::Engine engine = triode::Engine::load(std::filesystem::path(path), {});
  triode::Rig rig;
  rig.configure(44100.0);
  rig.play(&engine);
  triode::RigSettings settings;
  settings.bass_db = 6.0;
  settings.gate = true;
  rig.set(settings);
  rig.reset();
  CHECK(host.latency_samples() == rig.latency_samples() && rig.latency_samples() > 0);
  Player player(host);
  for (const int block : {1, 64, 1000, 4096, 7}) player.play(3, block);
  std::vector<float> expected(player.left.size());
  for (std::size_t t = 0; t < expected.size(); ++t) expected[t] = Player::sample(static_cast<long long>(t));
  rig.process(expected.data(), expected.data(), static_cast<std::int64_t>(expected.size()));
  CHECK(player.left == expected);
  CHECK(std::abs(expected.back()) > 1e-3f || std::abs(expected[expected.size() - 20]) > 1e-3f);
  CHECK(host.status().model.name == "Half" && host.status().code == kPlaying && status_of(host) == kPlaying);
  host.set(kOutputLevel, 1.0f);
  host.set(kBass, 0.0f);
  host.set(kGate, 0.0f);
  host.activate(48000.0);
  player.play(20);
  CHECK(player.error(0.5 * std::pow(10.0, -6.0 / 20.0)) < 1e-6);  // -12 dB brought to -18
}

// The switch must not be heard as a click: no step is larger than those of the louder sound, and of the fade.
void test_switching_while_playing() {
  const std::string models[] = {written("a.nam", gain_model("1.0")), written("b.nam", gain_model("-0.7")),
                                written("c.nam", gain_model("0.3")), folder() / "missing.nam"};
  RigHost host;
  plain(host);
  host.activate(48000.0);
  Player player(host);
  for (int i = 0; i < 100; ++i) {
    host.set_state("model", models[i % 4]);
    if (i % 3 == 0) CHECK(host.settle(kPatience));  // else it is changed again while it loads
    player.play(1 + i % 90);
  }
  CHECK(host.settle(kPatience));
  player.play_past_fade();
  player.play_past_fade();
  CHECK(player.error(1.0) < 1e-6);  // the missing one: dry
  const double own = 0.4 * 2.0 * std::numbers::pi * 220.0 / 48000.0;
  const double fading = 1.7 * 0.4 / (RigHost::kFadeSeconds * 48000.0);
  double largest = 0.0;
  for (std::size_t t = 1; t < player.left.size(); ++t)
    largest = std::max<double>(largest, std::abs(player.left[t] - player.left[t - 1]));
  CHECK_WITH(largest <= 1.02 * own + fading, std::to_string(largest));
  host.set_state("model", models[2]);
  CHECK(host.settle(kPatience));
  player.play_past_fade();
  CHECK(player.error(0.3) < 1e-6);
  host.set(kModel, 0.0f);
  CHECK(host.settle(kPatience));
  player.play_past_fade();
  CHECK(player.error(1.0) < 1e-6);
}

void test_files_that_cannot_be_had() {
  RigHost host;
  plain(host);
  host.set_state("model", written("broken.nam", gain_model("0.5").substr(0, 40)));
  host.set_state("cabinet", (folder() / "gone.wav").string());
  host.activate(48000.0);
  Player player(host);
  player.play(4);
  CHECK(player.error(1.0) == 0.0);
  CHECK(status_of(host) == kFailed);
  const std::string said = host.state("status");
  CHECK_WITH(said.find("broken.nam: ") != std::string::npos, said);
  CHECK_WITH(said.find("gone.wav: there is no such file") != std::string::npos, said);
  CHECK(said.find('\n') == std::string::npos);
  host.set_state("cabinet", folder().string());
  host.set_state("model", "");
  CHECK(host.settle(kPatience));
  CHECK(host.state("status").find("no file") != std::string::npos);
  host.set_state("cabinet", "");
  CHECK(host.settle(kPatience));
  CHECK(host.state("status").empty() && host.status().code == kDry);
}

// As after "Locate", or after training: the same path, another file.
void test_a_file_chosen_again() {
  const std::string path = (folder() / "again.nam").string();
  RigHost host;
  plain(host);
  host.set_state("model", path);
  host.activate(48000.0);
  CHECK(host.status().missing == "model");
  Player player(host);
  for (const char* gain : {"0.5", "0.125"}) {
    written("again.nam", gain_model(gain));
    host.set_state("model", path);
    CHECK(host.settle(kPatience) && host.status().code == kPlaying && host.status().missing.empty());
    player.play_past_fade();
    CHECK_WITH(player.error(std::atof(gain)) < 1e-6, gain);
  }
}

void test_a_model_kept_in_the_session() {
  const std::string path = written("kept.nam", gain_model("0.25"));
  std::string kept[kStateKeys.size()];
  {
    RigHost host;
    host.set_state("model", path);
    CHECK(host.state("model_data").empty());
    host.set(kEmbed, 1.0f);
    for (std::size_t k = 0; k < kStateKeys.size(); ++k) kept[k] = host.state(kStateKeys[k]);
  }
  std::filesystem::remove(path);
  RigHost host;
  plain(host);
  for (std::size_t k = 0; k < kStateKeys.size(); ++k) host.set_state(kStateKeys[k], kept[k]);
  host.activate(48000.0);
  Player player(host);
  player.play(4);
  CHECK(player.error(0.25) < 1e-7);
  CHECK(host.state("model") == path && !host.state("model_data").empty());
}

// What plays, not what lies at its path by the time that the host saves.
void test_the_model_that_plays_is_kept() {
  const std::string plays = gain_model("0.25");
  RigHost host;
  host.set(kEmbed, 1.0f);
  host.set_state("model", written("plays.nam", plays));
  host.activate(48000.0);
  const std::string kept = to_base64(plays);
  CHECK(host.state("model_data") == kept);
  written("plays.nam", gain_model("0.75"));
  CHECK(host.state("model_data") == kept);
  std::filesystem::remove(folder() / "plays.nam");
  CHECK(host.state("model_data") == kept && host.preset().states["model_data"] == kept);
  CHECK(host.state("status").empty());
}

void test_cabinet() {
  std::string bytes("RIFF\x2A\0\0\0WAVEfmt \x10\0\0\0\3\0\1\0\x80\xBB\0\0\0\xEE\2\0\4\0\x20\0data\4\0\0\0", 44);
  const float half = 0.5f;
  bytes.append(reinterpret_cast<const char*>(&half), 4);
  RigHost host;
  plain(host);
  host.set_state("cabinet", written("half.wav", bytes));
  host.activate(48000.0);
  Player player(host);
  player.play(4);
  CHECK(player.error(0.5) < 1e-7 && host.status().has_cabinet);
  host.set(kCabinetLevel, 20.0f);
  player.play_past_fade();
  CHECK(player.error(5.0) < 1e-5);
  host.set(kCabinet, 0.0f);
  player.play_past_fade();
  CHECK(player.error(1.0) < 1e-6);
}

// After the first, or beside it; changed while it plays like any other.
void test_two_models() {
  RigHost host;
  plain(host);
  host.set_state("model", written("a.nam", gain_model("0.5")));
  host.set_state("model_2", written("c.nam", gain_model("-0.4")));
  host.activate(48000.0);
  Player player(host);
  player.play_past_fade();
  CHECK(player.error(-0.2) < 1e-6);
  host.set(kSecondGain, 6.0f);
  player.play_past_fade();
  CHECK(player.error(-0.2 * 1.99526) < 1e-6);
  host.set(kSecondGain, 0.0f);
  host.set(kSecond, kSecondInParallel);
  CHECK(host.settle(kPatience));
  player.play_past_fade();
  CHECK(player.error(0.05) < 1e-6);
  host.set(kBlend, 0.0f);
  player.play_past_fade();
  CHECK(player.error(0.5) < 1e-6);
  const double largest_fade = 0.7 * 0.4 * 2 / (RigHost::kFadeSeconds * 48000.0);
  for (std::size_t t = 1; t < player.left.size(); ++t)
    CHECK(std::abs(player.left[t] - player.left[t - 1]) < 0.5 * 0.0116 + largest_fade);
  host.set(kSecond, kSecondOff);
  host.set(kModel, 0.0f);
  CHECK(host.settle(kPatience));
  player.play_past_fade();
  CHECK(player.error(1.0) < 1e-6);
  host.set(kSecond, kSecondInSeries);
  host.set_state("model_2", (folder() / "gone.nam").string());
  CHECK(host.settle(kPatience));
  CHECK(host.status().missing == "model_2" && host.status().code == kFailed);
}

void test_absurd_hosts() {
  RigHost host;
  host.set_state("model", written("a.nam", gain_model("1.0")));
  for (const double rate_hz : {1.0, 1e9, 0.0, -5.0, std::nan("")}) {
    host.activate(rate_hz);
    Player player(host);
    player.play(3);
    for (const float y : player.left) CHECK(std::isfinite(y));
  }
  host.activate(48000.0);
  for (int parameter = -3; parameter < kParameters + 3; ++parameter) {
    host.set(parameter, std::nanf(""));
    host.set(parameter, std::numeric_limits<float>::infinity());
    host.set(parameter, -1e30f);
    CHECK(std::isfinite(host.get(parameter)));
  }
  std::vector<float> worst(5000, std::nanf(""));
  worst[7] = std::numeric_limits<float>::infinity();
  float* const both[] = {worst.data(), worst.data()};
  host.process(both, both, 5000);
  for (const float y : worst) CHECK(std::isfinite(y));
  host.process(both, both, 0);
}

}  // namespace

int main() {
  test_dry_without_a_model();
  test_a_model_plays_as_in_the_rig();
  test_switching_while_playing();
  test_files_that_cannot_be_had();
  test_a_file_chosen_again();
  test_a_model_kept_in_the_session();
  test_the_model_that_plays_is_kept();
  test_cabinet();
  test_two_models();
  test_absurd_hosts();
  std::filesystem::remove_all(folder());
  return failures == 0 ? 0 : 1;
}
