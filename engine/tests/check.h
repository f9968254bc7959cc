// The smallest possible test framework: CHECK counts and prints failures, main returns whether there were any.
#pragma once

#include <cstdio>
#include <string>

inline int failures = 0;

#define CHECK(condition)                                                            \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);         \
      ++failures;                                                                   \
    }                                                                               \
  } while (false)

#define CHECK_WITH(condition, text)                                                                           \
  do {                                                                                                        \
    if (!(condition)) {                                                                                       \
      std::printf("%s:%d: not true: %s (%s)\n", __FILE__, __LINE__, #condition, std::string(text).c_str());   \
      ++failures;                                                                                             \
    }                                                                                                         \
  } while (false)
