// The standalone's own word with JACK: how late the rig is, and how late the interface is around it.
//
// DPF says nothing of either and keeps its client to itself. It activates the client by the function below, whose name
// CMakeLists.txt puts in place of jack_activate.
#include <jack/jack.h>

#include <algorithm>
#include <array>
#include <string>

#include "triode_plugin.h"

START_NAMESPACE_DISTRHO

namespace {

struct Ports {
  std::array<jack_port_t*, DISTRHO_PLUGIN_NUM_INPUTS> in{};
  std::array<jack_port_t*, DISTRHO_PLUGIN_NUM_OUTPUTS> out{};
};

template <class Group>
void find(Group& ports, jack_client_t* client, const char* symbol) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string name = std::string(jack_get_client_name(client)) + ":" + symbol + std::to_string(i + 1);
    ports[i] = jack_port_by_name(client, name.c_str());
  }
}

// Of all ports that are connected: from the shortest way to the longest.
template <class Group>
jack_latency_range_t range_of(const Group& ports, jack_latency_callback_mode_t mode) {
  jack_latency_range_t all{0, 0};
  bool first = true;
  for (jack_port_t* port : ports) {
    if (port == nullptr || jack_port_connected(port) == 0) continue;
    jack_latency_range_t one{};
    jack_port_get_latency_range(port, mode, &one);
    all = first ? one : jack_latency_range_t{std::min(all.min, one.min), std::max(all.max, one.max)};
    first = false;
  }
  return all;
}

// What is captured comes out of the rig that much later, and what goes in is heard that much later.
void follow_latency(jack_latency_callback_mode_t mode, void* context) {
  const Ports& ports = *static_cast<const Ports*>(context);
  TriodePlugin* plugin = TriodePlugin::standalone();
  if (plugin == nullptr) return;
  const bool captured = mode == JackCaptureLatency;
  jack_latency_range_t range = captured ? range_of(ports.in, mode) : range_of(ports.out, mode);
  Server& server = plugin->server();
  (captured ? server.before_samples : server.after_samples).store(static_cast<int>(range.max));
  const auto rig = static_cast<jack_nframes_t>(plugin->rig().latency_samples());
  range.min += rig;
  range.max += rig;
  const auto tell = [&](jack_port_t* port) {
    if (port != nullptr) jack_port_set_latency_range(port, mode, &range);
  };
  if (captured)
    std::for_each(ports.out.begin(), ports.out.end(), tell);
  else
    std::for_each(ports.in.begin(), ports.in.end(), tell);
}

}  // namespace

END_NAMESPACE_DISTRHO

extern "C" int triode_jack_activate(jack_client_t* client) {
  USE_NAMESPACE_DISTRHO;
  static Ports ports;
  find(ports.in, client, "audio_in_");
  find(ports.out, client, "audio_out_");
  jack_set_latency_callback(client, follow_latency, &ports);
  if (TriodePlugin* plugin = TriodePlugin::standalone())
    plugin->server().latency_has_changed = [client] { jack_recompute_total_latencies(client); };
  return jack_activate(client);
}
