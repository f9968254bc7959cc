/* LV2 plug-ins that do what plug-ins sometimes do: one library, one fault for each plug-in. Ports: 0 in, 1 out, 2 gain,
   3 latency. The part of lv2.h that is needed stands here, so that no header has to be installed. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Descriptor {
  const char* uri;
  void* (*instantiate)(const struct Descriptor*, double, const char*, const void* const*);
  void (*connect_port)(void*, uint32_t, void*);
  void (*activate)(void*);
  void (*run)(void*, uint32_t);
  void (*deactivate)(void*);
  void (*cleanup)(void*);
  const void* (*extension_data)(const char*);
} Descriptor;

enum { kGood, kCrash, kHang, kNan, kLatency, kLate, kExit, kSlow, kCount };
static const char* kUris[] = {"urn:test:good", "urn:test:crash",   "urn:test:hang", "urn:test:nan",
                              "urn:test:latency", "urn:test:late", "urn:test:exit", "urn:test:slow"};
enum { kDelay = 64, kAwake = 20000 };

typedef struct {
  int fault;
  float *in, *out, *gain, *latency;
  float delayed[kDelay];
  uint64_t played;
} Plugin;

static void* instantiate(const Descriptor* d, double rate, const char* path, const void* const* features) {
  (void)rate, (void)path, (void)features;
  Plugin* p = calloc(1, sizeof(Plugin));
  while (strcmp(kUris[p->fault], d->uri) != 0) p->fault++;
  return p;
}

static void connect(void* handle, uint32_t port, void* data) {
  Plugin* p = handle;
  float** ports[] = {&p->in, &p->out, &p->gain, &p->latency};
  *ports[port] = data;
}

static void run(void* handle, uint32_t count) {
  Plugin* p = handle;
  printf("a plug-in that talks\n");
  if (p->fault == kCrash && *p->gain > 0.5f) abort();
  if (p->fault == kExit) exit(3);
  while (p->fault == kHang) sleep(1);
  *p->latency = p->fault == kLate || (p->fault == kLatency && p->played > 0) ? kDelay : 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint64_t at = p->played++ % kDelay;
    const float x = p->fault == kLate ? p->delayed[at] : p->in[i];
    p->delayed[at] = p->in[i];
    if (p->fault == kSlow && p->played < kAwake) {
      p->out[i] = 0;
      continue;
    }
    p->out[i] = p->fault == kNan && *p->gain > 0.5f ? NAN : *p->gain * x;
  }
}

const Descriptor* lv2_descriptor(uint32_t index) {
  static Descriptor all[kCount];
  if (index >= kCount) return NULL;
  all[index] = (Descriptor){kUris[index], instantiate, connect, NULL, run, NULL, free, NULL};
  return &all[index];
}
