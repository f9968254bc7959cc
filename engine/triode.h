/* The engine for C, and for every language that calls C: a model file is loaded, plays, and is freed.
 *
 * No function lets a C++ exception out. triode_process(), triode_reset(), triode_set() and their like for the rig are
 * real-time safe: they neither allocate nor lock nor make a system call. One thread at a time may use an engine; engines share nothing.
 */
#ifndef TRIODE_H
#define TRIODE_H

#include <stddef.h>
#include <stdint.h>

#include "api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model that plays. */
typedef struct triode_engine triode_engine;

/* How to load. Later versions add members at the end; `size` says which ones the caller knows of. */
typedef struct triode_options {
  size_t size;    /* sizeof(triode_options) */
  double quality; /* 0 to 1, chooses among the sizes of a file that has several; 1 is the best, and the default */
  int oversample; /* 1, 2 or 4: the network runs at so many times its own rate, for less aliasing; 1 is the default */
  int fast;       /* 1: activations are approximated, the ESR for that below 1e-5; 0 is the default */
} triode_options;

/* "0.1.0". */
TRIODE_API const char* triode_version(void);

/* Load a model file of any format that Triode reads, from a path (UTF-8) or from memory (`name` stands for the path in
 * messages; NULL is allowed), ready to play from its start state, at its own sample rate. `options` may be NULL.
 *
 * NULL means that the file cannot be played. `error` then holds one line for people: what was found, what was expected,
 * what to do; it is cut to `error_size` bytes with the final zero, and is empty after success. It may be NULL when
 * `error_size` is 0. */
TRIODE_API triode_engine* triode_load(const char* path, const triode_options* options, char* error, size_t error_size);
TRIODE_API triode_engine* triode_load_memory(const void* bytes, size_t size, const char* name,
                                             const triode_options* options, char* error, size_t error_size);

/* Free an engine; NULL is allowed. */
TRIODE_API void triode_free(triode_engine* engine);

/* Prepare for a host's sample rate, 8 to 768 kHz, and reset. 0 after success; otherwise -1, with the reason in `error`, and the engine
 * is as it was. Allocates. */
TRIODE_API int triode_configure(triode_engine* engine, double sample_rate_hz, char* error, size_t error_size);

/* A knob of a model. The texts are valid as long as the engine. */
typedef struct triode_knob {
  const char* name; /* NULL: there is no such knob */
  const char* unit; /* "" where it has none */
  double low, high, default_value;
  int logarithmic; /* its travel maps to values by ratio, not by difference */
} triode_knob;

/* How many knobs the model has, 0 for a snapshot; and each of them, from index 0 on. */
TRIODE_API size_t triode_knob_count(const triode_engine* engine);
TRIODE_API triode_knob triode_knob_at(const triode_engine* engine, size_t index);

/* Turn a knob to a value in its own unit, limited to its range; the sound follows within 25 ms. Real-time safe, on the
 * thread that calls triode_process(). 0 after success, -1 where the model has no such knob. */
TRIODE_API int triode_set(triode_engine* engine, const char* knob, double value);

/* Play n samples, mono, full scale 1.0. `in` and `out` may be the same. NaN and infinite input counts as 0. */
TRIODE_API void triode_process(triode_engine* engine, const float* in, float* out, size_t n);

/* Back to the start state. */
TRIODE_API void triode_reset(triode_engine* engine);

/* Samples of the host by which the output lags the input; 0 where no sample rate is converted. */
TRIODE_API int triode_latency_samples(const triode_engine* engine);

/* The model's own sample rate, whatever the host's. */
TRIODE_API double triode_sample_rate_hz(const triode_engine* engine);

/* The format it was read from, and the instruction set in use: "triode", "avx2". Valid as long as the engine. */
TRIODE_API const char* triode_format(const triode_engine* engine);
TRIODE_API const char* triode_isa(const triode_engine* engine);

/* The playing chain around a model: input gain, model, DC blocker, gate, tone stack, cabinet, output gain. As it is at
 * first, the model plays alone, and what does nothing costs nothing. */
typedef struct triode_rig triode_rig;

/* A rig without a model, for a host of 48 kHz; NULL, with the reason in `error`, where memory is short. Free it before
 * its engine; NULL is allowed. */
TRIODE_API triode_rig* triode_rig_new(char* error, size_t error_size);
TRIODE_API void triode_rig_free(triode_rig* rig);

/* Play this engine from now on (NULL: none), configured for the rig's sample rate; prepare for a host's sample rate and
 * reset; load the cabinet's impulse response, n samples at its own rate (n = 0: none). 0 after success; otherwise -1,
 * with the reason in `error`. These allocate. */
TRIODE_API int triode_rig_play(triode_rig* rig, triode_engine* engine, char* error, size_t error_size);
TRIODE_API int triode_rig_configure(triode_rig* rig, double sample_rate_hz, char* error, size_t error_size);
TRIODE_API int triode_rig_load_response(triode_rig* rig, const float* samples, size_t n, double sample_rate_hz,
                                        char* error, size_t error_size);

/* Real-time safe, on the thread that calls triode_rig_process(); moves without clicks; limited to its range:
 *   input_gain_db, output_gain_db       -60 to 60
 *   interface_dbu                       -60 to 60: level of the interface's full scale; unknown until it is set
 *   output_level                        0 as the model has it, 1 normalized loudness, 2 calibrated in dBu
 *   gate, cabinet, dc_blocker           0 off, 1 on
 *   gate_threshold_db, gate_hysteresis_db, gate_hold_seconds, gate_release_seconds
 *   bass_db, middle_db, treble_db, presence_db    -20 to 20
 * 0 after success, -1 where there is no such setting or the value is not finite. */
TRIODE_API int triode_rig_set(triode_rig* rig, const char* setting, double value);

/* As triode_process(), triode_reset() and triode_latency_samples(), for the whole chain. */
TRIODE_API void triode_rig_process(triode_rig* rig, const float* in, float* out, size_t n);
TRIODE_API void triode_rig_reset(triode_rig* rig);
TRIODE_API int triode_rig_latency_samples(const triode_rig* rig);

#ifdef __cplusplus
}
#endif

#endif
