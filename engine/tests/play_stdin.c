/* A host without a file system, for ports: standard input holds the length of the model (8 bytes, little-endian), it, and
 * raw float32 samples; standard output gets as many samples. Blocks of 64; after the argument "turning" the
 * first knob goes up and down, a little with each. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "triode.h"

static void* read_model(size_t* size) {
  unsigned char bytes[8];
  void* model;
  uint64_t length = 0;
  int i;
  if (fread(bytes, 1, sizeof bytes, stdin) != sizeof bytes) return NULL;
  for (i = 7; i >= 0; --i) length = length << 8 | bytes[i];
  *size = (size_t)length;
  model = malloc(*size);
  if (model != NULL && fread(model, 1, *size, stdin) != *size) {
    free(model);
    return NULL;
  }
  return model;
}

/* Over the travel and back in 400 blocks. */
static void turn(triode_engine* engine, int count) {
  const triode_knob knob = triode_knob_at(engine, 0);
  const int place = count % 400 < 200 ? count % 400 : 400 - count % 400;
  if (knob.name != NULL) triode_set(engine, knob.name, knob.low + (knob.high - knob.low) * place / 200.0);
}

int main(int argc, char** argv) {
  float block[64];
  const int turning = argc > 1 && strcmp(argv[1], "turning") == 0;
  int count = 0;
  char error[500];
  size_t size = 0, n;
  void* model = read_model(&size);
  triode_engine* engine;
  if (model == NULL) return 3;
  engine = triode_load_memory(model, size, "standard input", NULL, error, sizeof error);
  free(model);
  if (engine == NULL) {
    fprintf(stderr, "%s\n", error);
    return 2;
  }
  while ((n = fread(block, sizeof block[0], 64, stdin)) > 0) {
    if (turning) turn(engine, ++count);
    triode_process(engine, block, block, n);
    if (fwrite(block, sizeof block[0], n, stdout) != n) return 1;
  }
  triode_free(engine);
  return fflush(stdout) == 0 ? 0 : 1;
}
