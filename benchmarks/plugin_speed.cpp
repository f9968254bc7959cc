// Plays rigs as a plug-in host does, and writes what each block of 64 samples took: seconds, float64, on stdout.
//
//   plugin_speed INSTANCES BLOCKS noise|silence MODEL CABINET [PARAMETER=VALUE ...]
//       the time of a block is that of all instances together
//   plugin_speed switch COUNT MODEL MODEL
//       at the pace of 48 kHz, the model changed COUNT times while it plays
//
// MODEL and CABINET are paths, or "" for none; PARAMETER is a symbol of plugin/parameters.h.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "rig_host.h"

namespace {

using triode::plugin::RigHost;
using Clock = std::chrono::steady_clock;

constexpr int kBlock = 64;
constexpr double kRateHz = 48000.0;
constexpr std::chrono::seconds kPatience{60};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "plugin_speed: %s\n", why.c_str());
  std::exit(1);
}

void turn(RigHost& host, const std::string& setting) {
  const std::string symbol = setting.substr(0, setting.find('='));
  for (int i = 0; i < triode::plugin::kFirstOutput; ++i)
    if (symbol == triode::plugin::kParameterInfos[static_cast<std::size_t>(i)].symbol)
      return host.set(i, static_cast<float>(std::atof(setting.c_str() + symbol.size() + 1)));
  fail("there is no parameter " + symbol);
}

struct Audio {
  std::vector<float> in = std::vector<float>(kBlock), left = in, right = in;

  explicit Audio(bool noise) {
    std::mt19937 generator(1);
    std::normal_distribution<float> guitar_level(0.0f, 0.1f);
    if (noise)
      for (float& sample : in) sample = guitar_level(generator);
  }
  void play(RigHost& host) {
    const float* const from[] = {in.data(), in.data()};
    float* const to[] = {left.data(), right.data()};
    host.process(from, to, kBlock);
  }
};

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::vector<double> steady(std::vector<std::unique_ptr<RigHost>>& hosts, std::size_t blocks, bool noise) {
  Audio audio(noise);
  // Silence is measured when all has died away: after ten seconds of it.
  const int warm_up = static_cast<int>((noise ? 0.5 : 10.0) * kRateHz) / kBlock;
  for (int i = 0; i < warm_up; ++i)
    for (auto& host : hosts) audio.play(*host);
  std::vector<double> seconds(blocks);
  for (double& taken : seconds) {
    const Clock::time_point start = Clock::now();
    for (auto& host : hosts) audio.play(*host);
    taken = seconds_since(start);
  }
  return seconds;
}

std::vector<double> switching(RigHost& host, int count, const char* const* models) {
  constexpr int kBlocksEach = 150;  // 0.2 s
  Audio audio(true);
  std::vector<double> seconds;
  Clock::time_point due = Clock::now();
  for (int i = 0; i < count; ++i) {
    host.set_state("model", models[i % 2]);
    for (int block = 0; block < kBlocksEach; ++block) {
      const Clock::time_point start = Clock::now();
      audio.play(host);
      seconds.push_back(seconds_since(start));
      due += std::chrono::nanoseconds(static_cast<long long>(1e9 * kBlock / kRateHz));
      std::this_thread::sleep_until(due);
    }
  }
  return seconds;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) fail("expected INSTANCES BLOCKS noise|silence MODEL CABINET [PARAMETER=VALUE ...], or switch ...");
  std::vector<std::unique_ptr<RigHost>> hosts;
  std::vector<double> seconds;
  if (std::strcmp(argv[1], "switch") == 0) {
    hosts.push_back(std::make_unique<RigHost>());
    hosts[0]->activate(kRateHz);
    seconds = switching(*hosts[0], std::atoi(argv[2]), argv + 3);
  } else {
    for (int i = 0; i < std::atoi(argv[1]); ++i) {
      hosts.push_back(std::make_unique<RigHost>());
      hosts.back()->set_state("model", argv[4]);
      hosts.back()->set_state("cabinet", argc > 5 ? argv[5] : "");
      for (int setting = 6; setting < argc; ++setting) turn(*hosts.back(), argv[setting]);
      hosts.back()->activate(kRateHz);
    }
    seconds = steady(hosts, static_cast<std::size_t>(std::atoi(argv[2])), std::strcmp(argv[3], "noise") == 0);
  }
  for (const auto& host : hosts)
    if (!host->settle(kPatience) || host->status().code == triode::plugin::kFailed) fail(host->status().text);
  std::fwrite(seconds.data(), sizeof(double), seconds.size(), stdout);
}
