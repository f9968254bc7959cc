// What a host's audio thread must never meet while a block is played: a system call, a lock, a shared state. Allocation
// is watched in test_engine.cpp.
#include <cstring>
#include <thread>
#include <vector>

#include "check.h"
#include "engine.h"
#include "sample_models.h"

#if defined(__linux__)
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

static thread_local long locks = 0;

// Every mutex of the standard library comes down to this.
extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  ++locks;
  return lock(mutex);
}
#endif

using namespace triode;

namespace {

constexpr std::int64_t kSamples = 6000;

Engine load(const std::string& bytes, const Engine::Options& options = {}) {
  return Engine::load(std::string_view(bytes), "sample", options);
}

// What an audio thread does: blocks of many sizes, a reset, a knob.
void play(Engine& engine, const std::vector<float>& x, std::vector<float>& y) {
  for (std::int64_t start = 0, block = 1; start < kSamples; start += block, block = block * 3 % 1021) {
    block = std::min(block, kSamples - start);
    engine.process(x.data() + start, y.data() + start, block);
    engine.set("drive", static_cast<double>(start) / kSamples);
    engine.set("tone", static_cast<double>(block));
  }
  engine.reset();
  engine.process(x.data(), y.data(), 64);
}

#if defined(__linux__)

// In strict mode the kernel kills a process that calls it for anything but read, write and exit.
void test_no_system_call(Engine& engine, const std::string& name) {
  const std::vector<float> x = samples::signal(kSamples);
  std::vector<float> y(x.size());
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) syscall(SYS_exit, 2);
    play(engine, x, y);
    syscall(SYS_exit, 0);
  }
  int status = 0;
  CHECK_WITH(child > 0 && waitpid(child, &status, 0) == child, name);
  CHECK_WITH(!(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL), name + ": a system call");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
    std::printf("%s: system calls not watched, the kernel has no seccomp\n", name.c_str());
  else
    CHECK_WITH(WIFEXITED(status) && WEXITSTATUS(status) == 0, name + ": status " + std::to_string(status));
}

void test_no_lock(Engine& engine, const std::string& name) {
  const std::vector<float> x = samples::signal(kSamples);
  std::vector<float> y(x.size());
  const long before = locks;
  play(engine, x, y);
  CHECK_WITH(locks == before, name);
  pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  CHECK(locks == before + 1);  // it does count
  pthread_mutex_unlock(&mutex);
}

#endif

// Two engines with different settings, played on two threads at once, play what each plays alone.
void test_two_threads(const std::string& bytes, const std::string& name) {
  const std::vector<float> x = samples::signal(kSamples, 1);
  const Engine::Options options[] = {{.isa = Isa::baseline}, {.oversample = 2}};
  std::vector<float> alone[2], together[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    alone[i].resize(x.size()), together[i].resize(x.size());
    Engine engine = load(bytes, options[i]);
    engine.process(x.data(), alone[i].data(), kSamples);
  }
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      Engine engine = load(bytes, options[i]);
      for (std::int64_t start = 0; start < kSamples; start += 60)
        engine.process(x.data() + start, together[i].data() + start, 60);
    });
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 2; ++i) CHECK_WITH(together[i] == alone[i], name + ", engine " + std::to_string(i));
  CHECK_WITH(alone[0] != alone[1], name);
}

}  // namespace

int main() {
  std::map<std::string, std::string> files = {{"knobs as inputs", samples::with_knobs(samples::kKnobsAsInputs)},
                                               {"parametric", samples::with_knobs(samples::kParametric)}};
  for (const auto& [name, architecture] : samples::architectures()) files[name] = samples::triode_bytes(architecture);
  for (const auto& [name, bytes] : files) {
    for (const double rate_hz : {48000.0, 96000.0, 44100.0}) {
      Engine engine = load(bytes);
      engine.configure(rate_hz);
      const std::string here = name + " at " + std::to_string(static_cast<int>(rate_hz)) + " Hz";
      static_cast<void>(here);
#if defined(__linux__)
      test_no_system_call(engine, here);
      test_no_lock(engine, here);
#endif
    }
    test_two_threads(bytes, name);
  }
  return failures == 0 ? 0 : 1;
}
