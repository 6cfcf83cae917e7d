// The options of a command as one table of records. Everything that has to know an option reads its record:
// the parser (cli/parse.h), the help and the manual page (cli/help.h), the completions of shells, the
// environment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace gannet {

// What is wrong with the command line.
inline Error usage(std::string text) {
  return {ErrorCode::kUsage, std::move(text)};
}

// Where a value goes; owned by the command and alive as long as its action.
using OptionTarget = std::variant<bool*, int*, int64_t*, uint64_t*, double*, std::string*,
                                  std::vector<std::string>*, std::optional<std::string>*, std::optional<int>*,
                                  std::optional<uint32_t>*, std::optional<float>*>;

struct Option {
  // As users type them, separated by commas: "-ub,--ubatch-size". The first with two dashes is the one that
  // messages and programs use. Without a dash: "PROMPT", for words that stand alone.
  std::string names = {};
  // What stands for the value in the help: "N". Empty: a flag, which "--no-NAME" takes back.
  std::string value = {};
  std::string help = {};
  OptionTarget target = {};
  std::vector<std::string> choices = {};  // empty: any value
  double at_least = -std::numeric_limits<double>::infinity();
  double at_most = std::numeric_limits<double>::infinity();
  // NAME: variable GANNET_ARG_NAME, else LLAMA_ARG_NAME. Older names may follow, separated by commas.
  const char* environment = "";
  const char* bare = "";  // value of the option when none of the choices follows it; empty: must follow
  bool required = false;
  const char* excludes = "";       // long name of an option that cannot be given, too
  const char* shown_default = "";  // in the help instead of the target's value at the time of declaring
  bool accepts_empty = false;      // "" is a value (it mostly is a variable of a script that was not set)
  bool* given = nullptr;           // set if the command line has it; the environment does not count
  const char* group = "";          // heading in the help, for options that few need

  bool is_flag() const { return value.empty() && names[0] == '-'; }
  // Whether "--no-NAME" means off: a flag, or a choice of on and off among others.
  bool is_switch() const { return is_flag() || std::ranges::find(choices, "off") != choices.end(); }
  bool is_positional() const { return names[0] != '-'; }
  bool is_list() const { return std::holds_alternative<std::vector<std::string>*>(target); }
};

using Options = std::vector<Option>;

// More threads than any machine has; a typing error stops here.
inline constexpr int kMostThreads = 4096;
// Prompt tokens per forward call; hybrids have a graph node per chunk of them.
inline constexpr int kMostUbatch = 1 << 16;
inline constexpr int kDefaultUbatch = 512;

// What stands between the commas.
std::vector<std::string> parts(const std::string& text);

// The names of the record one by one; empty names do not occur.
std::vector<std::string> option_names(const Option& option);
// The name for messages: the first with two dashes, else the first.
std::string main_name(const Option& option);
// The names in `environment` one by one.
std::vector<std::string> environment_names(const Option& option);

// The value that the target holds, as help shows it; empty: none worth showing.
std::string default_text(const Option& option);

// The choice that `text` means: itself, or "on" and "off" for other words of a switch (true, 0, ...) where
// these are choices; "": none.
std::string choice_of(const Option& option, const std::string& text);

// Converts `text` and stores it; a list gets it appended. Errors: kUsage in one line that begins with
// `said_by` (the flag or the variable) and says what is expected.
Result<void> set_option(const Option& option, const std::string& text, const std::string& said_by);

// A record of a flag or a value that scripts for other programs pass and this one does not have yet.
struct MissingOption {
  const char* names;  // as Option::names
  const char* why;    // completes "NAME: ..."
};
// Null: unknown here as well. `name` as typed, without a value.
const MissingOption* find_missing_option(std::string_view name);

}  // namespace gannet
