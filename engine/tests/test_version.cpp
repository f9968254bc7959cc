#include <cstring>

#include "version.h"

int main() { return std::strcmp(triode::version(), "0.1.0") == 0 ? 0 : 1; }
