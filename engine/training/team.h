// Threads that work on one thing together.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace triode::training {

/// Where the members of a team wait for each other, asleep.
class Barrier {
 public:
  explicit Barrier(int members) : members_(members) {}

  void wait() {
    if (members_ == 1) return;
    std::unique_lock lock(mutex_);
    const long round = round_;
    if (++arrived_ == members_) {
      arrived_ = 0;
      ++round_;
      all_here_.notify_all();
    } else {
      all_here_.wait(lock, [&] { return round_ != round; });
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_here_;
  int members_, arrived_ = 0;
  long round_ = 0;
};

/// Calls work(0) ... work(threads - 1) at the same time and returns when all have; work must not throw.
template <class Work>
void run_threads(int threads, const Work& work) {
  std::vector<std::jthread> others;
  others.reserve(static_cast<std::size_t>(threads));
  for (int thread = 1; thread < threads; ++thread) others.emplace_back([&work, thread] { work(thread); });
  work(0);
}

}  // namespace triode::training
