/* The C face, compiled as C: loads from memory and from a path, refuses in words, plays what the C++ face plays. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triode.h"

static int failures = 0;

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);      \
      ++failures;                                                           \
    }                                                                       \
  } while (0)

/* y[t] = x[t] - 0.5 x[t - 1] + 0.25 x[t - 2]: a .nam file stores the newest tap first. */
static const char* const kModel =
    "{\"version\": \"0.5.4\", \"architecture\": \"Linear\", \"config\": {\"receptive_field\": 3, \"bias\": false},"
    " \"weights\": [1.0, -0.5, 0.25], \"sample_rate\": 44100}";

static void test_play(triode_engine* engine) {
  const float in[5] = {1.0f, 0.0f, 0.0f, 0.0f, 1.0f};
  const float expected[5] = {1.0f, -0.5f, 0.25f, 0.0f, 1.0f};
  float out[5] = {0};
  int i;
  triode_process(engine, in, out, 2);
  triode_process(engine, in + 2, out + 2, 3);
  for (i = 0; i < 5; ++i) CHECK(fabsf(out[i] - expected[i]) < 1e-6f);
  triode_process(engine, in + 3, out, 1); /* the one before is still heard */
  CHECK(fabsf(out[0] + 0.5f) < 1e-6f);
  triode_reset(engine);
  triode_process(engine, in + 3, out, 1);
  CHECK(out[0] == 0.0f);
}

static void test_face(triode_engine* engine) {
  char error[200] = "left over";
  CHECK(triode_sample_rate_hz(engine) == 44100.0);
  CHECK(triode_latency_samples(engine) == 0);
  CHECK(strcmp(triode_format(engine), "nam") == 0);
  CHECK(strlen(triode_isa(engine)) > 0);
  CHECK(triode_configure(engine, 44100.0, error, sizeof error) == 0);
  CHECK(error[0] == '\0');
  CHECK(triode_configure(engine, -1.0, error, sizeof error) == -1);
  CHECK(strstr(error, "Hz") != NULL);
  CHECK(triode_configure(engine, 48000.0, error, sizeof error) == 0);
  CHECK(triode_latency_samples(engine) > 0);
  CHECK(triode_sample_rate_hz(engine) == 44100.0);
  CHECK(triode_knob_count(engine) == 0);
  CHECK(triode_set(engine, "drive", 0.5) == -1);
}

static void test_from_path(void) {
  const char* path = "test_c_api.nam";
  char error[200];
  triode_engine* engine;
  FILE* file = fopen(path, "wb");
  CHECK(file != NULL);
  if (file == NULL) return;
  CHECK(fwrite(kModel, 1, strlen(kModel), file) == strlen(kModel));
  CHECK(fclose(file) == 0);
  engine = triode_load(path, NULL, error, sizeof error);
  CHECK(engine != NULL && error[0] == '\0');
  if (engine != NULL) test_play(engine);
  triode_free(engine);
  CHECK(remove(path) == 0);
}

/* y = x + 0.5 knob, as an AIDA-X file: one dense layer of two inputs, the second of which is a knob from 0 to 1. */
static void test_knobs(void) {
  static const char* const model =
      "{\"in_shape\": [null, null, 2], \"layers\": [{\"type\": \"dense\", \"activation\": \"\","
      " \"shape\": [null, null, 1], \"weights\": [[[1.0], [0.5]], [0.0]]}]}";
  char error[300];
  const float in[1] = {0.25f};
  float out[1] = {0.0f};
  triode_knob knob;
  triode_engine* engine = triode_load_memory(model, strlen(model), NULL, NULL, error, sizeof error);
  CHECK(engine != NULL);
  if (engine == NULL) {
    printf("%s\n", error);
    return;
  }
  CHECK(triode_knob_count(engine) == 1);
  knob = triode_knob_at(engine, 0);
  CHECK(knob.name != NULL && strlen(knob.name) > 0 && knob.low == 0.0 && knob.high == 1.0);
  CHECK(triode_knob_at(engine, 1).name == NULL);
  CHECK(triode_set(engine, knob.name, 1.0) == 0);
  CHECK(triode_set(engine, "no such knob", 1.0) == -1);
  triode_reset(engine);
  triode_process(engine, in, out, 1);
  CHECK(fabsf(out[0] - 0.75f) < 1e-6f);
  triode_free(engine);
}

/* The whole chain: 6.02 dB in front of the model and as much after it make four times as much, once at rest. */
static void test_rig(triode_engine* engine) {
  const float response[2] = {0.0f, 1.0f}, pulse[4] = {0.25f, 0.0f, 0.0f, 0.0f};
  float out[4];
  char error[300];
  triode_rig* rig = triode_rig_new(error, sizeof error);
  CHECK(rig != NULL);
  if (rig == NULL) return;
  CHECK(triode_rig_configure(rig, 44100.0, error, sizeof error) == 0);
  CHECK(triode_rig_play(rig, engine, error, sizeof error) == 0);
  CHECK(triode_rig_set(rig, "input_gain_db", 6.0206) == 0 && triode_rig_set(rig, "output_gain_db", 6.0206) == 0);
  triode_rig_reset(rig);
  triode_rig_process(rig, pulse, out, 4);
  CHECK(fabsf(out[0] - 1.0f) < 1e-4f && fabsf(out[1] + 0.5f) < 1e-4f && fabsf(out[2] - 0.25f) < 1e-4f);
  CHECK(triode_rig_latency_samples(rig) == 0);
  CHECK(triode_rig_load_response(rig, response, 2, 44100.0, error, sizeof error) == 0);
  triode_rig_reset(rig);
  triode_rig_process(rig, pulse, out, 4); /* the cabinet delays by one sample */
  CHECK(fabsf(out[0]) < 1e-5f && fabsf(out[1] - 1.0f) < 1e-4f);
  CHECK(triode_rig_load_response(rig, response, 2, 1.0, error, sizeof error) == -1 && strstr(error, "Hz") != NULL);
  CHECK(triode_rig_load_response(rig, NULL, 0, 44100.0, error, sizeof error) == 0);
  CHECK(triode_rig_set(rig, "gate", 1.0) == 0 && triode_rig_set(rig, "gate_threshold_db", -1.0) == 0);
  triode_rig_reset(rig);
  triode_rig_process(rig, pulse, out, 4); /* too soft to open it */
  CHECK(out[0] == 0.0f);
  CHECK(triode_rig_set(rig, "volume", 1.0) == -1);
  CHECK(triode_rig_set(rig, "bass_db", NAN) == -1);
  CHECK(triode_rig_configure(rig, 0.0, error, sizeof error) == -1 && strstr(error, "Hz") != NULL);
  CHECK(triode_rig_play(rig, NULL, error, sizeof error) == 0);
  triode_rig_free(rig);
  triode_rig_free(NULL);
}

static void test_refusals(void) {
  char error[300], short_error[8];
  triode_options options = {sizeof(triode_options), 2.0, 1, 0};
  CHECK(triode_load("no such file.nam", NULL, error, sizeof error) == NULL);
  CHECK(strstr(error, "no such file.nam: the file does not exist") != NULL);
  CHECK(triode_load("no such file.nam", NULL, short_error, sizeof short_error) == NULL);
  CHECK(strcmp(short_error, "no such") == 0);
  CHECK(triode_load("no such file.nam", NULL, NULL, 0) == NULL);
  CHECK(triode_load_memory(kModel, strlen(kModel) / 2, NULL, NULL, error, sizeof error) == NULL);
  CHECK(strncmp(error, "model: ", 7) == 0);
  CHECK(triode_load_memory("", 0, "nothing", NULL, error, sizeof error) == NULL);
  CHECK(strstr(error, "nothing: the file is empty") != NULL);
  CHECK(triode_load_memory(kModel, strlen(kModel), NULL, &options, error, sizeof error) == NULL);
  CHECK(strstr(error, "quality") != NULL);
  options.quality = 1.0;
  options.oversample = 3;
  CHECK(triode_load_memory(kModel, strlen(kModel), NULL, &options, error, sizeof error) == NULL);
  CHECK(strstr(error, "oversampling by 3") != NULL);
  triode_free(NULL);
}

/* A program that was built when the options had one member less. */
static void test_short_options(void) {
  char error[200];
  triode_options options = {offsetof(triode_options, oversample), 1.0, 3, 0};
  triode_engine* engine = triode_load_memory(kModel, strlen(kModel), NULL, &options, error, sizeof error);
  CHECK(engine != NULL);
  triode_free(engine);
}

int main(void) {
  char error[200];
  triode_options options = {sizeof(triode_options), 1.0, 1, 0};
  triode_engine* engine = triode_load_memory(kModel, strlen(kModel), "memory", &options, error, sizeof error);
  CHECK(engine != NULL);
  if (engine == NULL) {
    printf("%s\n", error);
    return EXIT_FAILURE;
  }
  test_play(engine);
  test_rig(engine);
  test_face(engine);
  triode_free(engine);
  test_from_path();
  test_knobs();
  test_refusals();
  test_short_options();
  CHECK(strcmp(triode_version(), "0.1.0") == 0);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
