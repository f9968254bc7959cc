// Bounds on what a model file may ask for. They lie far beyond any model that plays in real time; their purpose is
// that a forged file can neither exhaust memory nor keep the loader busy for minutes.
#pragma once

#include <cstdint>

namespace triode::limits {

inline constexpr std::int64_t kFileBytes = std::int64_t{256} << 20;
inline constexpr std::int64_t kJsonBytes = std::int64_t{64} << 20;  // parsed JSON takes several times its text
inline constexpr int kChannels = 1024;
inline constexpr int kKernel = 1 << 16;
inline constexpr int kDilation = 1 << 20;
inline constexpr int kLayers = 512;
inline constexpr int kArrays = 32;
inline constexpr int kSubmodels = 32;
inline constexpr int kNesting = 4;  // models within models
inline constexpr int kKnobs = 64;
inline constexpr int kKnobLayers = 8;  // between the knobs and what they modulate
inline constexpr int kTraces = 16;
inline constexpr double kTraceSamples = 1e7;  // their time constant
inline constexpr double kTraceLevel = 1e6;    // their offset and scale
inline constexpr int kTaps = 1 << 20;
inline constexpr int kBlocks = 32;    // filters and curves in series
inline constexpr int kSections = 64;  // in one filter
inline constexpr std::int64_t kWeights = std::int64_t{1} << 25;     // all groups counted as dense
inline constexpr std::int64_t kState = std::int64_t{1} << 25;       // floats of histories and scratch
inline constexpr std::int64_t kWarmUpWork = std::int64_t{1} << 37;  // multiplications before the first sample

}  // namespace triode::limits
