#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace gannet {

void check_failed(const char* file, int line, const char* expression, const char* what) noexcept {
  std::fprintf(stderr, "gannet: internal error at %s:%d: %s%s%s\n", file, line, expression,
               what[0] ? ": " : "", what);
  std::abort();
}

}  // namespace gannet
