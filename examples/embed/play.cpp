// Plays raw float32 samples from standard input through a model, as a host does block by block:
//   play_cpp amp.triode < dry.f32 > wet.f32
#include <triode/engine.h>

#include <cstdio>
#include <exception>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s MODEL < dry.f32 > wet.f32\n", argv[0]);
    return 2;
  }
  try {
    triode::Engine engine = triode::Engine::load(argv[1], {});
    engine.configure(engine.sample_rate_hz());
    std::fprintf(stderr, "%s at %.0f Hz, %s kernels\n", engine.format().c_str(), engine.sample_rate_hz(),
                 engine.isa());
    std::vector<float> block(64);
    while (const std::size_t n = std::fread(block.data(), sizeof(float), block.size(), stdin)) {
      engine.process(block.data(), block.data(), static_cast<std::int64_t>(n));
      if (std::fwrite(block.data(), sizeof(float), n, stdout) != n) return 1;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return std::fflush(stdout) == 0 ? 0 : 1;
}
