#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "cli/command.h"

namespace gannet {
namespace {

// Spellings with one dash and more than one letter, and the long option they stand for.
constexpr std::pair<std::string_view, std::string_view> kSingleDash[] = {
    {"-tb", "--threads-batch"}, {"-ub", "--ubatch-size"},    {"-ctk", "--cache-type-k"},
    {"-ctv", "--cache-type-v"}, {"-sys", "--system-prompt"}, {"-pg", "--prompt-and-gen"},
    {"-oe", "--output-err"},    {"-lm", "--load-mode"},
};

constexpr std::string_view kEnvironment[] = {
    "MODEL",   "NO_MMAP",       "MLOCK",  "LOAD_MODE",    "CTX_SIZE",     "N_PREDICT",
    "THREADS", "THREADS_BATCH", "UBATCH", "CACHE_TYPE_K", "CACHE_TYPE_V",
};

}  // namespace

std::vector<std::string> expand_single_dash(const std::vector<std::string>& arguments) {
  std::vector<std::string> out;
  bool options = true;
  for (const std::string& argument : arguments) {
    if (argument == "--") options = false;
    std::string expanded = argument;
    const std::string_view name = std::string_view(argument).substr(0, argument.find('='));
    for (const auto& [dash, full] : kSingleDash)
      if (options && name == dash) expanded = std::string(full) + argument.substr(name.size());
    out.push_back(std::move(expanded));
  }
  return out;
}

void adopt_environment() {
  for (std::string_view name : kEnvironment) {
    const std::string ours = "GANNET_ARG_" + std::string(name), theirs = "LLAMA_ARG_" + std::string(name);
    if (const char* value = std::getenv(theirs.c_str())) setenv(ours.c_str(), value, 0);
  }
}

}  // namespace gannet
