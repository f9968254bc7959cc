/* Plays raw float32 samples from standard input through a model, as a host does block by block:
 *   play_c amp.triode < dry.f32 > wet.f32 */
#include <stdio.h>
#include <triode/triode.h>

int main(int argc, char** argv) {
  float block[64];
  char error[500];
  size_t n;
  triode_engine* engine;
  if (argc != 2) {
    fprintf(stderr, "usage: %s MODEL < dry.f32 > wet.f32\n", argv[0]);
    return 2;
  }
  engine = triode_load(argv[1], NULL, error, sizeof error);
  if (engine == NULL) {
    fprintf(stderr, "%s\n", error);
    return 2;
  }
  fprintf(stderr, "%s at %.0f Hz, %s kernels\n", triode_format(engine), triode_sample_rate_hz(engine),
          triode_isa(engine));
  while ((n = fread(block, sizeof block[0], 64, stdin)) > 0) {
    triode_process(engine, block, block, n);
    if (fwrite(block, sizeof block[0], n, stdout) != n) break;
  }
  triode_free(engine);
  return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
