// A JACK client that sends what comes on stdin (mono float32) into one port, and writes what another port brings.
//
//   jack_loop INTO FROM EXTRA [EVENTS PROGRAM]
//
// EXTRA is how many samples to record after the last one sent. PROGRAM is sent to the MIDI port EVENTS as a program
// change, a second before. The client is as late as an interface: 100 samples at its input, 200 at its output. On stderr:
// how late INTO is heard and FROM was captured, as JACK has it ("latency PLAYED CAPTURED"), and "xruns N". Exit status 3
// where the ports do not come up in 20 s.
#include <jack/jack.h>
#include <jack/midiport.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

namespace {

struct Loop {
  jack_port_t* out = nullptr;
  jack_port_t* in = nullptr;
  jack_port_t* events = nullptr;
  std::vector<float> sent, got;
  std::size_t at = 0;
  std::atomic<bool> wired{false}, done{false};
  std::atomic<int> xruns{0}, program{-1};
};

void send_program(Loop& loop, jack_nframes_t n) {
  void* events = jack_port_get_buffer(loop.events, n);
  jack_midi_clear_buffer(events);
  const int program = loop.program.exchange(-1);
  if (program < 0) return;
  const jack_midi_data_t message[] = {0xC0, static_cast<jack_midi_data_t>(program)};
  jack_midi_event_write(events, 0, message, sizeof message);
}

int process(jack_nframes_t n, void* context) {
  Loop& loop = *static_cast<Loop*>(context);
  auto* out = static_cast<float*>(jack_port_get_buffer(loop.out, n));
  const auto* in = static_cast<const float*>(jack_port_get_buffer(loop.in, n));
  std::fill_n(out, n, 0.0f);
  send_program(loop, n);
  if (!loop.wired) return 0;
  for (jack_nframes_t t = 0; t < n && loop.at < loop.got.size(); ++t, ++loop.at) {
    out[t] = loop.at < loop.sent.size() ? loop.sent[loop.at] : 0.0f;
    loop.got[loop.at] = in[t];
  }
  loop.done = loop.at == loop.got.size();
  return 0;
}

void be_an_interface(jack_latency_callback_mode_t mode, void* context) {
  const Loop& loop = *static_cast<Loop*>(context);
  const bool captured = mode == JackCaptureLatency;
  const jack_nframes_t late = captured ? 100 : 200;
  jack_latency_range_t range{late, late};
  jack_port_set_latency_range(captured ? loop.out : loop.in, mode, &range);
}

jack_nframes_t latency(jack_client_t* client, const char* port, jack_latency_callback_mode_t mode) {
  jack_latency_range_t range{};
  jack_port_get_latency_range(jack_port_by_name(client, port), mode, &range);
  return range.max;
}

bool within(std::chrono::seconds limit, auto holds) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 6) return 2;
  Loop loop;
  float sample = 0.0f;
  while (std::fread(&sample, sizeof sample, 1, stdin) == 1) loop.sent.push_back(sample);
  loop.got.resize(loop.sent.size() + std::strtoul(argv[3], nullptr, 10));
  jack_client_t* client = jack_client_open("loop", JackNoStartServer, nullptr);
  if (client == nullptr) return 3;
  loop.out = jack_port_register(client, "out", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput | JackPortIsTerminal, 0);
  loop.in = jack_port_register(client, "in", JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput | JackPortIsTerminal, 0);
  loop.events = jack_port_register(client, "events", JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput, 0);
  jack_set_process_callback(client, process, &loop);
  jack_set_latency_callback(client, be_an_interface, &loop);
  const auto count = [](void* context) { return static_cast<Loop*>(context)->xruns.fetch_add(1) * 0; };
  jack_set_xrun_callback(client, count, &loop);
  if (jack_activate(client) != 0) return 3;
  // A port can be there for a while before its program plays.
  const auto connected = [client](const char* from, const char* to) {
    return jack_port_by_name(client, from) != nullptr && jack_port_by_name(client, to) != nullptr &&
           (jack_port_connected_to(jack_port_by_name(client, from), to) || jack_connect(client, from, to) == 0);
  };
  const bool there = within(std::chrono::seconds(20), [&] {
    return connected(jack_port_name(loop.out), argv[1]) && connected(argv[2], jack_port_name(loop.in)) &&
           (argc == 4 || connected(jack_port_name(loop.events), argv[4]));
  });
  if (!there) return 3;
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // until JACK itself has them connected
  if (argc == 6) {
    loop.program = std::atoi(argv[5]);
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  loop.xruns = 0;
  loop.wired = true;
  if (!within(std::chrono::seconds(120), [&] { return loop.done.load(); })) return 3;
  std::fprintf(stderr, "latency %u %u\n", latency(client, argv[1], JackPlaybackLatency),
               latency(client, argv[2], JackCaptureLatency));
  std::fprintf(stderr, "xruns %d\n", loop.xruns.load());
  jack_deactivate(client);
  std::fwrite(loop.got.data(), sizeof(float), loop.got.size(), stdout);
  jack_client_close(client);
}
