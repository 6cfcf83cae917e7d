#include "cli/help.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace gannet {
namespace {

constexpr size_t kColumn = 34, kWidth = 110;

// `text` broken at spaces into lines of at most `width` characters.
std::vector<std::string> wrapped(std::string_view text, size_t width) {
  std::vector<std::string> lines;
  while (text.size() > width) {
    size_t cut = text.rfind(' ', width);
    if (cut == std::string_view::npos || cut == 0) cut = std::min(text.find(' '), text.size());
    lines.emplace_back(text.substr(0, cut));
    text.remove_prefix(std::min(cut + 1, text.size()));
  }
  lines.emplace_back(text);
  return lines;
}

// A row of two columns; a long left side gets a line of its own.
std::string row(const std::string& left, const std::string& right) {
  std::string out = "  " + left;
  bool first = out.size() + 2 <= kColumn;
  if (!first) out += '\n';
  for (const std::string& line : wrapped(right, kWidth - kColumn)) {
    out += std::string(first ? kColumn - out.size() : kColumn, ' ') + line + '\n';
    first = false;
  }
  return out;
}

// "-c,--ctx-size N"
std::string names_text(const Option& option) {
  std::string names = option.names;
  for (size_t at = 0; (at = names.find(',', at)) != std::string::npos; at += 2) names.replace(at, 1, ", ");
  if (option.is_positional() || option.value.empty()) return names;
  return names + (*option.bare ? " [" + option.value + "]" : " " + option.value);
}

std::string option_help(const Option& option) {
  std::string help = option.help;
  if (!option.choices.empty()) help += fmt::format(" ({})", fmt::join(option.choices, ", "));
  if (const std::string text = default_text(option); !text.empty()) help += fmt::format(" [{}]", text);
  if (*option.environment) help += fmt::format(" ($GANNET_ARG_{})", environment_names(option).front());
  return help;
}

// Text in the man macros: what troff reads as an instruction is escaped.
std::string troff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    line_begins = c == '\n';
  }
  return out;
}

std::string manual_of(const Command& command, const std::string& prefix) {
  std::string out = fmt::format(".SS \"{}\"\n{}.\n", troff(prefix + command.name), troff(command.summary));
  std::string_view group;
  for (const Option& option : command.options) {
    if (*option.group && group != option.group) out += fmt::format(".PP\n.I {}\n", troff(option.group));
    group = option.group;
    out += fmt::format(".TP\n.B {}\n{}\n", troff(names_text(option)), troff(option_help(option)));
  }
  if (!command.notes.empty()) out += ".PP\n.nf\n" + troff(command.notes) + ".fi\n";
  for (const Command& sub : command.commands) out += manual_of(sub, prefix + command.name + " ");
  return out;
}

}  // namespace

std::string help_text(std::span<const Command* const> path) {
  const Command& command = *path.back();
  std::string name;
  for (const Command* part : path) name += (name.empty() ? "" : " ") + part->name;
  std::string usage = "Usage: " + name, words, options, groups;
  std::string_view group;
  for (const Option& option : command.options) {
    if (*option.group) {
      if (group != option.group) groups += fmt::format("\n{}:\n", option.group);
      group = option.group;
      groups += row(names_text(option), option_help(option));
      continue;
    }
    if (!option.is_positional()) {
      options += row(names_text(option), option_help(option));
      continue;
    }
    words += row(names_text(option), option_help(option));
    const std::string many = option.is_list() ? option.names + "..." : option.names;
    usage += option.required ? " " + many : " [" + many + "]";
  }
  if (!options.empty()) usage += " [OPTIONS]";
  if (!command.commands.empty()) usage += " COMMAND";
  std::string out = fmt::format("{}\n{}.\n", usage, command.summary);
  if (!command.commands.empty()) {
    out += "\nCommands:\n";
    for (const Command& sub : command.commands) out += row(sub.name, sub.summary);
  }
  if (!words.empty()) out += "\nArguments:\n" + words;
  if (!command.options.empty()) out += "\nOptions:\n" + options + row("-h, --help", "Print this") + groups;
  if (!command.notes.empty()) out += "\n" + command.notes;
  return out;
}

std::string manual_page(const Command& program) {
  std::string out = fmt::format(
      ".TH GANNET 1 \"\" \"gannet {}\" \"User Commands\"\n.SH NAME\ngannet \\- {}\n.SH SYNOPSIS\n.B gannet\n"
      ".I COMMAND\n[OPTIONS]\n.SH DESCRIPTION\n{}.\n.SH COMMANDS\n",
      GANNET_VERSION, troff("run Qwen's language models from GGUF files"), troff(program.summary));
  for (const Command& command : program.commands) out += manual_of(command, "gannet ");
  out +=
      ".SH EXIT STATUS\n0: done; 1: failed while running; 2: the command line; 3: the model file; 4: memory; "
      "5: a device; 7: the output; 130: interrupted.\n";
  out += ".SH NOTES\n.nf\n" + troff(program.notes) + ".fi\n";
  return out;
}

}  // namespace gannet
