// `gannet gguf verify FILE`.
#include "cli/command.h"
#include "cli/gguf_verify.h"
#include "cli/interrupt.h"

namespace gannet {

Command gguf_command() {
  struct GgufOptions {
    std::string file;
    VerifyOptions verify;
  };
  auto o = std::make_shared<GgufOptions>();
  Command verify{.name = "verify", .summary = "Check structure, ranges and every scale of a file"};
  verify.options = {
      {.names = "FILE",
       .help = "Model file (of a split model the first shard)",
       .target = &o->file,
       .required = true},
      {.names = "--sha256", .help = "Also print the SHA-256 of each file", .target = &o->verify.sha256}};
  verify.action = [o] {
    catch_interrupts();
    return run_gguf_verify(o->file, o->verify, interrupted);
  };
  return {.name = "gguf", .summary = "Work on GGUF files", .commands = {std::move(verify)}};
}

}  // namespace gannet
