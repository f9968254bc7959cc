/* What a shared build of the library exports; everything else in it stays hidden. C and C++. */
#ifndef TRIODE_API_H
#define TRIODE_API_H

#if defined(TRIODE_SHARED) && defined(_WIN32)
#if defined(TRIODE_BUILDS_SHARED)
#define TRIODE_API __declspec(dllexport)
#else
#define TRIODE_API __declspec(dllimport)
#endif
#elif defined(TRIODE_SHARED)
#define TRIODE_API __attribute__((visibility("default")))
#else
#define TRIODE_API
#endif

#endif
