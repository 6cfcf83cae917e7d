#include "cli/parse.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "base/printable.h"

namespace gannet {
namespace {

// Edit distance (insert, delete, substitute).
size_t distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// "; did you mean WORD?" for the known word that is typed almost like `typed`, or "".
std::string nearest_hint(const std::string& typed, std::span<const std::string> known) {
  const auto best = std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) {
    return distance(typed, a) < distance(typed, b);
  });
  if (best == known.end() ||
      distance(typed, *best) > (typed.size() <= 4 ? 1 : std::max<size_t>(2, typed.size() / 4)))
    return "";
  return fmt::format("; did you mean {}?", *best);
}

bool is_name_of(const Option& option, const std::string& name) {
  const std::vector<std::string> names = option_names(option);
  return std::ranges::find(names, name) != names.end();
}

// The name that switches a flag off: "--no-x" for "--x", "--x" for "--no-x"; "" where another option has it.
std::string opposite(const Options& options, const Option& option) {
  const std::string name = main_name(option);
  const std::string other = name.starts_with("--no-") ? "--" + name.substr(5) : "--no-" + name.substr(2);
  const bool taken = std::ranges::any_of(options, [&](const Option& o) { return is_name_of(o, other); });
  return taken ? "" : other;
}

// The record that `name` is a name or the opposite of; null: none.
const Option* find_option(const Options& options, const std::string& name) {
  for (const Option& option : options)
    if (is_name_of(option, name)) return &option;
  for (const Option& option : options)
    if (option.is_switch() && opposite(options, option) == name) return &option;
  return nullptr;
}

std::vector<std::string> names_of(const Command& command) {
  std::vector<std::string> names = {"--help"};
  for (const Option& option : command.options)
    for (std::string& name : option_names(option))
      if (name[0] == '-') names.push_back(std::move(name));
  return names;
}

Error unknown_option(const Command& command, const std::string& name) {
  if (const MissingOption* missing = find_missing_option(name))
    return usage(fmt::format("{}: {}", name, missing->why));
  const std::string hint = nearest_hint(name, names_of(command));
  return usage(fmt::format("there is no option {}{}", printable(name),
                           hint.empty() ? "; --help lists what there is" : hint));
}

// A word that is a number is a value wherever it stands, never a cluster of options.
bool is_number(std::string_view word) {
  return word.size() > 1 && (word[1] == '.' || (word[1] >= '0' && word[1] <= '9'));
}

// What the command line gives an option.
struct Given {
  const Option* option;
  std::vector<std::string> values;  // as typed
};

// The value that the environment has, with the name of its variable.
Result<std::optional<std::pair<std::string, std::string>>> environment_value(const Option& option) {
  const std::vector<std::string> names = environment_names(option);
  for (const char* prefix : {"GANNET_ARG_", "LLAMA_ARG_"})
    for (const std::string& name : names) {
      const std::string variable = prefix + name;
      const char* value = std::getenv(variable.c_str());
      if (value == nullptr) continue;
      if (*value == 0)
        return usage(
            fmt::format("the environment variable {} is empty; unset it or give it a value", variable));
      return std::optional(std::pair(std::string(value), variable));
    }
  return std::optional<std::pair<std::string, std::string>>();
}

Result<void> store(const Given& entry) {
  const Option& option = *entry.option;
  std::vector<std::string> values = entry.values;
  std::string said_by = option.is_positional() ? option.names : main_name(option);
  if (values.empty()) {
    auto found = GANNET_TRY(environment_value(option));
    if (!found) return {};
    values = {found->first};
    said_by = found->second;
  }
  if (!option.is_list()) return set_option(option, values.back(), said_by);
  std::get<std::vector<std::string>*>(option.target)->clear();
  for (const std::string& value : values) GANNET_TRY(set_option(option, value, said_by));
  return {};
}

// Whether the option that excludes the one of `entry` stands on the command line.
bool is_excluded(const Given& entry, std::span<const Given> entries) {
  return std::ranges::any_of(entries, [&](const Given& e) {
    return !e.values.empty() && is_name_of(*e.option, entry.option->excludes);
  });
}

Result<void> check_together(std::span<const Given> entries) {
  for (const Given& e : entries) {
    if (e.option->required && e.values.empty())
      return usage(
          fmt::format("{} is missing", e.option->is_positional() ? e.option->names : main_name(*e.option)));
    if (!e.values.empty() && is_excluded(e, entries))
      return usage(
          fmt::format("{} and {} cannot be given together", main_name(*e.option), e.option->excludes));
  }
  return {};
}

// The words of one command line, sorted by what they are given to.
class Words {
 public:
  explicit Words(const Command& command) : command_(command) {
    for (const Option& option : command.options) given_.push_back({&option, {}});
  }
  Result<void> sort(std::span<const std::string> words);
  std::span<const Given> given() const { return given_; }

 private:
  Result<void> take_word(const std::string& word);
  Result<void> take_switch(const Option& option, const std::string& name,
                           const std::optional<std::string>& value);
  void add(const Option& option, std::string value) {
    given_[static_cast<size_t>(&option - command_.options.data())].values.push_back(std::move(value));
  }

  const Command& command_;
  std::vector<Given> given_;  // one for each option, in their order
};

Result<void> Words::take_word(const std::string& word) {
  for (Given& entry : given_) {
    if (!entry.option->is_positional() || (!entry.option->is_list() && !entry.values.empty())) continue;
    entry.values.push_back(word);
    return {};
  }
  return usage(
      fmt::format("\"{}\" is one word too many; --help tells what {} takes", printable(word), command_.name));
}

Result<void> Words::take_switch(const Option& option, const std::string& name,
                                const std::optional<std::string>& value) {
  if (is_name_of(option, name)) {
    add(option, value.value_or("on"));
    return {};
  }
  bool off = true;  // by its opposite, which may be taken back as well: --no-x=off
  Option opposite_of = option;
  opposite_of.target = &off;
  if (value) GANNET_TRY(set_option(opposite_of, *value, name));
  add(option, off ? "off" : "on");
  return {};
}

Result<void> Words::sort(std::span<const std::string> words) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      for (++i; i < words.size(); ++i) GANNET_TRY(take_word(words[i]));
      break;
    }
    if (word.size() < 2 || word[0] != '-' || is_number(word)) {
      GANNET_TRY(take_word(word));
      continue;
    }
    const size_t equals = word.find('=');
    std::string name = word.substr(0, equals);
    std::optional<std::string> value;
    if (equals != std::string::npos) value = word.substr(equals + 1);
    const Option* option = find_option(command_.options, name);
    if (option == nullptr && word[1] != '-' && is_number(std::string_view(word).substr(1))) {  // -n5
      name = word.substr(0, 2);
      option = find_option(command_.options, name);
      if (option != nullptr && !option->is_flag()) value = word.substr(2);
    }
    if (option == nullptr) return unknown_option(command_, word.substr(0, equals));
    if (option->is_flag() || !is_name_of(*option, name)) {
      GANNET_TRY(take_switch(*option, name, value));
      continue;
    }
    if (!value && *option->bare) {
      const bool next =
          i + 1 < words.size() && (words[i + 1].empty() || !choice_of(*option, words[i + 1]).empty());
      value = next ? words[++i] : option->bare;
    }
    if (!value) {
      // What is the name of another option was not meant as a value: "--name=-n" says that it is.
      if (i + 1 == words.size() ||
          (words[i + 1].starts_with('-') && find_option(command_.options, words[i + 1]) != nullptr))
        return usage(fmt::format("{} needs a value: {} {}", name, name, option->value));
      value = words[++i];
    }
    add(*option, *value);
  }
  return {};
}

const Command* find_command(const Command& group, const std::string& name) {
  for (const Command& command : group.commands)
    if (command.name == name) return &command;
  return nullptr;
}

Error unknown_command(const Command& group, const std::string& word) {
  if (word.starts_with('-'))
    return usage(
        fmt::format("{}: options stand behind a command, as in gannet run {} ...; gannet --help lists them",
                    printable(word), printable(word)));
  std::vector<std::string> names;
  for (const Command& command : group.commands) names.push_back(command.name);
  const std::string hint = nearest_hint(word, names);
  return usage(fmt::format("there is no command {}{}", printable(word),
                           hint.empty() ? fmt::format("; gannet {}--help lists what there is",
                                                      group.name == "gannet" ? "" : group.name + " ")
                                        : hint));
}

}  // namespace

std::vector<std::string> unknown_variables(const Command& program) {
  std::vector<std::string> unknown;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    constexpr std::string_view kPrefix = "GANNET_ARG_";
    const std::string_view text = *entry;
    if (!text.starts_with(kPrefix)) continue;
    const std::string_view name = text.substr(0, text.find('='));
    const bool known = std::ranges::any_of(program.commands, [&](const Command& command) {
      return std::ranges::any_of(command.options, [&](const Option& o) {
        const std::vector<std::string> names = environment_names(o);
        return std::ranges::find(names, name.substr(kPrefix.size())) != names.end();
      });
    });
    if (!known) unknown.emplace_back(name);
  }
  return unknown;
}

Result<Parsed> parse_arguments(const Command& program, std::span<const std::string> arguments) {
  // Other programs have it as an option of any command.
  constexpr std::string_view kListDevices = "--list-devices";
  static const std::string kDevices[] = {"devices"};
  Parsed parsed{.path = {&program}};
  bool help = false;
  while (true) {  // down to the command
    const Command& here = *parsed.path.back();
    if (here.action || here.commands.empty()) break;
    if (arguments.empty()) {
      if (parsed.path.size() == 1 || help) return parsed;
      return usage(fmt::format("gannet {} needs one of its commands; --help lists them", here.name));
    }
    const std::string& word = arguments.front();
    if (word == "--version" && parsed.path.size() == 1) {
      parsed.what = Parsed::What::kVersion;
      return parsed;
    }
    if (word == "-h" || word == "--help") return parsed;
    if (word == kListDevices) return parse_arguments(program, kDevices);
    const bool about =
        arguments.size() == 1 || !arguments[1].starts_with('-');  // gannet help --man is a command
    if (word == "help" && parsed.path.size() == 1 && !help && about) {
      help = true;
    } else {
      const Command* next = find_command(here, word);
      if (next == nullptr) return unknown_command(here, word);
      parsed.path.push_back(next);
    }
    arguments = arguments.subspan(1);
  }
  if (help) return parsed;
  // Who asks for help gets it, whatever is wrong with the rest.
  const auto end = std::ranges::find(arguments, "--");
  if (std::find(arguments.begin(), end, kListDevices) != end) return parse_arguments(program, kDevices);
  if (std::any_of(arguments.begin(), end,
                  [](const std::string& word) { return word == "-h" || word == "--help"; }))
    return parsed;
  Words words(*parsed.path.back());
  GANNET_TRY(words.sort(arguments));
  GANNET_TRY(check_together(words.given()));
  for (const Given& entry : words.given()) {
    if (entry.option->given != nullptr && !entry.values.empty()) *entry.option->given = true;
    // The environment does not contradict the command line.
    if (entry.values.empty() && is_excluded(entry, words.given())) continue;
    GANNET_TRY(store(entry));
  }
  parsed.what = Parsed::What::kAction;
  return parsed;
}

}  // namespace gannet
