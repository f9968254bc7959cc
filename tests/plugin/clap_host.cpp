// A small CLAP host: plays what comes on stdin (float32, both channels in turn) through a plug-in to stdout.
//
//   clap_host PLUGIN.clap RATE BLOCK [STATE-FILE] [PARAMETER=VALUE ...] [program=NUMBER]
//
// The state is a session as clap.state keeps it. On stderr: the latency, and the session as it is afterwards, in a line
// each ("latency 60", "state <hexadecimal>").
#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <clap/entry.h>
#include <clap/events.h>
#include <clap/ext/latency.h>
#include <clap/ext/params.h>
#include <clap/ext/state.h>
#include <clap/host.h>
#include <clap/plugin-factory.h>
#include <clap/plugin.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "clap_host: %s\n", why.c_str());
  std::exit(1);
}

void nothing(const clap_host*) {}

// DPF takes it for granted that a host listens to changes of the latency.
const void* latency_only(const clap_host*, const char* id) {
  static constexpr clap_host_latency_t kLatency = {nothing};
  return std::strcmp(id, CLAP_EXT_LATENCY) == 0 ? &kLatency : nullptr;
}

// What the library calls `clap_entry`, or nothing.
const void* entry_of(const char* path) {
#if defined(_WIN32)
  HMODULE library = LoadLibraryA(path);
  if (library == nullptr) fail("it does not load: error " + std::to_string(GetLastError()));
  return reinterpret_cast<const void*>(GetProcAddress(library, "clap_entry"));
#else
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail(dlerror());
  return dlsym(library, "clap_entry");
#endif
}

const clap_plugin_t* load(const char* path, clap_host_t* host) {
  const auto* entry = static_cast<const clap_plugin_entry_t*>(entry_of(path));
  if (entry == nullptr || !entry->init(path)) fail("no CLAP plug-in");
  const auto* factory = static_cast<const clap_plugin_factory_t*>(entry->get_factory(CLAP_PLUGIN_FACTORY_ID));
  if (factory == nullptr || factory->get_plugin_count(factory) != 1) fail("expected one plug-in");
  const char* id = factory->get_plugin_descriptor(factory, 0)->id;
  const clap_plugin_t* plugin = factory->create_plugin(factory, host, id);
  if (plugin == nullptr || !plugin->init(plugin)) fail("it does not start");
  return plugin;
}

template <class Extension>
const Extension* extension(const clap_plugin_t* plugin, const char* id) {
  const auto* found = static_cast<const Extension*>(plugin->get_extension(plugin, id));
  if (found == nullptr) fail(std::string("it lacks ") + id);
  return found;
}

void restore(const clap_plugin_t* plugin, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const auto read = [](const clap_istream* in, void* buffer, std::uint64_t size) {
    auto& from = *static_cast<std::ifstream*>(in->ctx);
    from.read(static_cast<char*>(buffer), static_cast<std::streamsize>(size));
    return static_cast<std::int64_t>(from.gcount());
  };
  const clap_istream_t stream = {&file, read};
  extension<clap_plugin_state_t>(plugin, CLAP_EXT_STATE)->load(plugin, &stream);
}

void print_state(const clap_plugin_t* plugin) {
  std::string state;
  const auto write = [](const clap_ostream* out, const void* data, std::uint64_t size) {
    static_cast<std::string*>(out->ctx)->append(static_cast<const char*>(data), size);
    return static_cast<std::int64_t>(size);
  };
  const clap_ostream_t stream = {&state, write};
  if (!extension<clap_plugin_state_t>(plugin, CLAP_EXT_STATE)->save(plugin, &stream)) fail("it does not save");
  std::fputs("state ", stderr);
  for (const char byte : state) std::fprintf(stderr, "%02x", static_cast<unsigned char>(byte));
  std::fputs("\n", stderr);
}

union Event {
  clap_event_header_t header;
  clap_event_param_value_t value;
  clap_event_midi_t midi;
};
using Events = std::vector<Event>;

Event program_change(int number) {
  Event event{};
  event.midi.header = {sizeof event.midi, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_MIDI, 0};
  event.midi.data[0] = 0xC0;
  event.midi.data[1] = static_cast<std::uint8_t>(number);
  return event;
}

Event event_of(const clap_plugin_t* plugin, const std::string& setting) {
  const auto* params = extension<clap_plugin_params_t>(plugin, CLAP_EXT_PARAMS);
  const std::string name = setting.substr(0, setting.find('='));
  if (name == "program") return program_change(std::atoi(setting.substr(name.size() + 1).c_str()));
  for (std::uint32_t i = 0; i < params->count(plugin); ++i) {
    clap_param_info_t info{};
    if (!params->get_info(plugin, i, &info) || name != info.name) continue;
    Event whole{};
    clap_event_param_value_t& event = whole.value;
    event.header = {sizeof event, 0, CLAP_CORE_EVENT_SPACE_ID, CLAP_EVENT_PARAM_VALUE, 0};
    event.param_id = info.id;
    event.cookie = info.cookie;
    event.note_id = event.port_index = event.channel = event.key = -1;
    event.value = std::atof(setting.substr(name.size() + 1).c_str());
    return whole;
  }
  fail("there is no parameter " + name);
}

const Events& of(const clap_input_events* list) { return *static_cast<const Events*>(list->ctx); }
std::uint32_t count_of(const clap_input_events* list) { return static_cast<std::uint32_t>(of(list).size()); }
const clap_event_header_t* event_at(const clap_input_events* list, std::uint32_t i) { return &of(list)[i].header; }
bool take_no_event(const clap_output_events*, const clap_event_header*) { return true; }

void play(const clap_plugin_t* plugin, Events events, std::uint32_t block) {
  std::vector<float> audio[4];
  for (auto& channel : audio) channel.resize(block);
  float* in[] = {audio[0].data(), audio[1].data()};
  float* out[] = {audio[2].data(), audio[3].data()};
  std::vector<float> frames(2 * block);
  while (const std::size_t count = std::fread(frames.data(), 2 * sizeof(float), block, stdin)) {
    for (std::size_t t = 0; t < count; ++t) in[0][t] = frames[2 * t], in[1][t] = frames[2 * t + 1];
    clap_audio_buffer_t input{}, output{};
    input.data32 = in, input.channel_count = 2, output.data32 = out, output.channel_count = 2;
    const clap_input_events_t incoming = {&events, count_of, event_at};
    const clap_output_events_t outgoing = {nullptr, take_no_event};
    clap_process_t process{};
    process.frames_count = static_cast<std::uint32_t>(count);
    process.audio_inputs = &input, process.audio_inputs_count = 1;
    process.audio_outputs = &output, process.audio_outputs_count = 1;
    process.in_events = &incoming, process.out_events = &outgoing;
    if (plugin->process(plugin, &process) == CLAP_PROCESS_ERROR) fail("it does not play");
    for (std::size_t t = 0; t < count; ++t) frames[2 * t] = out[0][t], frames[2 * t + 1] = out[1][t];
    std::fwrite(frames.data(), 2 * sizeof(float), count, stdout);
    events.clear();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) fail("expected PLUGIN.clap RATE BLOCK [STATE-FILE] [PARAMETER=VALUE ...]");
#if defined(_WIN32)
  for (std::FILE* stream : {stdin, stdout}) _setmode(_fileno(stream), _O_BINARY);
#endif
  clap_host_t host{CLAP_VERSION, nullptr, "clap_host", "", "", "1", latency_only, nothing, nothing, nothing};
  const clap_plugin_t* plugin = load(argv[1], &host);
  Events events;
  for (int i = 4; i < argc; ++i) {
    if (std::strchr(argv[i], '=') != nullptr)
      events.push_back(event_of(plugin, argv[i]));
    else
      restore(plugin, argv[i]);
  }
  const auto block = static_cast<std::uint32_t>(std::atoi(argv[3]));
  if (!plugin->activate(plugin, std::atof(argv[2]), 1, block)) fail("not activated");
  if (!plugin->start_processing(plugin)) fail("it does not begin");
  play(plugin, events, block);
  plugin->stop_processing(plugin);
  // A program is followed on another thread, within a moment.
  if (std::strncmp(argv[argc - 1], "program=", 8) == 0) std::this_thread::sleep_for(std::chrono::seconds(1));
  std::fprintf(stderr, "latency %u\n", extension<clap_plugin_latency_t>(plugin, CLAP_EXT_LATENCY)->get(plugin));
  print_state(plugin);
  plugin->deactivate(plugin);
  plugin->destroy(plugin);
}
