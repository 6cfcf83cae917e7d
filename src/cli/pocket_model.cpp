// The pocket model as part of the program's read-only data: found wherever the program is installed, paged in
// on use.
#include "cli/model_options.h"

// GANNET_POCKET_MODEL is the path of the file at build time.
asm(".section .rodata\n"
    ".balign 64\n"
    ".global gannet_pocket_begin\n"
    ".global gannet_pocket_end\n"
    "gannet_pocket_begin:\n"
    ".incbin \"" GANNET_POCKET_MODEL
    "\"\n"
    "gannet_pocket_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" {
extern const std::byte gannet_pocket_begin[] __attribute__((visibility("hidden")));
extern const std::byte gannet_pocket_end[] __attribute__((visibility("hidden")));
}

namespace gannet {

std::span<const std::byte> pocket_model() {
  return {gannet_pocket_begin, gannet_pocket_end};
}

}  // namespace gannet
