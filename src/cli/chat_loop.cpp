#include "cli/chat_loop.h"

#include <cstdio>
#include <iostream>
#include <string>

#include <fmt/format.h>

#include "cli/interrupt.h"

namespace gannet {
namespace {

constexpr const char* kHelp =
    "/clear   forget the conversation\n"
    "/regen   answer the last message again with another seed\n"
    "/exit    leave (Ctrl-D too); Ctrl-C stops an answer\n";

}  // namespace

Result<void> converse(Conversation& conversation) {
  fmt::print(stderr, "Gannet. /help lists commands, Ctrl-D leaves.\n");
  std::string line;
  while (true) {
    clear_interrupt();
    fmt::print(stderr, "\n> ");
    std::fflush(stderr);
    if (!std::getline(std::cin, line)) {
      if (interrupted()) return Error(ErrorCode::kInterrupted, "");
      fmt::print(stderr, "\n");
      return {};
    }
    if (line.empty()) continue;
    if (line == "/exit" || line == "/bye") return {};
    if (line == "/clear") {
      conversation.clear();
      fmt::print(stderr, "forgotten\n");
      continue;
    }
    if (line == "/help" || (line[0] == '/' && line != "/regen" && line.find(' ') == std::string::npos)) {
      if (line != "/help") fmt::print(stderr, "there is no command {}\n", line);
      fmt::print(stderr, "{}", kHelp);
      continue;
    }
    if (line == "/regen" && !conversation.can_regenerate()) {
      fmt::print(stderr, "there is nothing to answer again\n");
      continue;
    }
    auto answer = line == "/regen" ? conversation.again() : conversation.say(line);
    fmt::print("\n");
    std::fflush(stdout);
    // A request that failed (too long, unusable logits) does not end the conversation.
    if (!answer.ok()) fmt::print(stderr, "gannet: error: {}\n", answer.error().message());
  }
}

}  // namespace gannet
