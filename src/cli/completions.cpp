// Completion scripts: commands, options, and the values of options that have a fixed choice; file names
// elsewhere.
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/help.h"

namespace gannet {
namespace {

struct Line {
  std::string path;  // "gguf verify"
  const Command* command;
};

void collect(const Command& group, const std::string& path, std::vector<Line>& lines) {
  for (const Command& command : group.commands) {
    const std::string here = path.empty() ? command.name : path + " " + command.name;
    lines.push_back({here, &command});
    collect(command, here, lines);
  }
}

std::vector<std::string> words_of(const Command& command) {
  std::vector<std::string> words;
  for (const Command& sub : command.commands) words.push_back(sub.name);
  for (const Option& option : command.options) {
    if (option.is_positional()) {
      words.insert(words.end(), option.choices.begin(), option.choices.end());
      continue;
    }
    for (std::string& name : option_names(option)) words.push_back(std::move(name));
  }
  words.emplace_back("--help");
  return words;
}

std::string quoted_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Whether what comes next is one of a few words, and not a file.
bool takes_words(const Command& command) {
  return !command.commands.empty() || std::ranges::any_of(command.options, [](const Option& option) {
    return option.is_positional() && !option.choices.empty();
  });
}

// The test of both shells whether a command comes next and not a file.
std::string takes_a_command(const std::vector<Line>& lines, const std::string& path) {
  std::string test = "-z " + path;
  for (const Line& line : lines)
    if (takes_words(*line.command)) test += fmt::format(" || {} == {}", path, quoted_word(line.path));
  return test;
}

std::string bash(const Command& program, const std::vector<Line>& lines) {
  std::string out =
      "# Completion of gannet for bash.\n"
      "_gannet() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} path= words= word\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $word == -* ]] && break\n"
      "    case \"${path:+$path }$word\" in\n";
  std::vector<std::string> paths;
  for (const Line& line : lines) paths.push_back(quoted_word(line.path));
  out += fmt::format("      {}) path=${{path:+$path }}$word ;;\n      *) break ;;\n    esac\n  done\n",
                     fmt::join(paths, "|"));
  out += "  case \"$path:$prev\" in\n";
  for (const Line& line : lines)
    for (const Option& option : line.command->options) {
      if (option.choices.empty()) continue;
      std::vector<std::string> names;
      for (const std::string& name : option_names(option))
        names.push_back(quoted_word(line.path + ":" + name));
      out +=
          fmt::format("    {}) COMPREPLY=($(compgen -W {} -- \"$cur\")); return ;;\n", fmt::join(names, "|"),
                      quoted_word(fmt::format("{}", fmt::join(option.choices, " "))));
    }
  out += "  esac\n  case $path in\n";
  out += fmt::format("    '') words={} ;;\n",
                     quoted_word(fmt::format("{} --version", fmt::join(words_of(program), " "))));
  for (const Line& line : lines)
    out += fmt::format("    {}) words={} ;;\n", quoted_word(line.path),
                       quoted_word(fmt::format("{}", fmt::join(words_of(*line.command), " "))));
  return out + "  esac\n" +
         fmt::format("  if [[ $cur == -* || {} ]]; then\n", takes_a_command(lines, "$path")) +
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "  else\n"
         "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _gannet gannet\n";
}

// `path` would be the search path of commands there.
std::string zsh(const Command& program, const std::vector<Line>& lines) {
  std::string out =
      "#compdef gannet\n"
      "# Completion of gannet for zsh.\n"
      "local typed= word\n"
      "local -a words_of\n"
      "for word in \"${(@)words[2,CURRENT-1]}\"; do\n"
      "  [[ $word == -* ]] && break\n"
      "  typed=\"${typed:+$typed }$word\"\n"
      "done\n"
      "case $typed in\n";
  for (const Line& line : lines)
    for (const Option& option : line.command->options)
      if (!option.choices.empty())
        out += fmt::format(
            "  {}*) [[ \" {} \" == *\" $words[CURRENT-1] \"* ]] && {{ compadd -- {}; return }} ;|\n",
            quoted_word(line.path), fmt::join(option_names(option), " "), fmt::join(option.choices, " "));
  out += fmt::format("  '') words_of=({} --version) ;;\n", fmt::join(words_of(program), " "));
  for (auto line = lines.rbegin(); line != lines.rend(); ++line)  // the longer path first
    out += fmt::format("  {}*) words_of=({}) ;;\n", quoted_word(line->path),
                       fmt::join(words_of(*line->command), " "));
  return out + "esac\n" +
         fmt::format("if [[ $PREFIX == -* || {} ]]; then\n", takes_a_command(lines, "$typed")) +
         "  compadd -- $words_of\n"
         "else\n"
         "  _files\n"
         "fi\n";
}

std::string fish(const Command& program, const std::vector<Line>& lines) {
  std::string out = "# Completion of gannet for fish.\n";
  const auto add = [&](const std::string& condition, const std::string& rest) {
    out += fmt::format("complete -c gannet -n {} {}\n", quoted_word(condition), rest);
  };
  for (const Command& command : program.commands)
    add("__fish_use_subcommand", fmt::format("-f -a {} -d {}", command.name, quoted_word(command.summary)));
  for (const Line& line : lines) {
    std::string condition = "__fish_seen_subcommand_from " + line.command->name;
    for (const Command& sub : line.command->commands)
      add(condition, fmt::format("-f -a {} -d {}", sub.name, quoted_word(sub.summary)));
    for (const Option& option : line.command->options) {
      if (option.is_positional()) continue;
      std::string names;
      for (const std::string& name : option_names(option)) {
        if (name.starts_with("--"))
          names += " -l " + name.substr(2);
        else
          names += (name.size() == 2 ? " -s " : " -o ") + name.substr(1);
      }
      if (!option.is_flag()) names += option.choices.empty() ? " -r" : " -x";
      if (!option.choices.empty())
        names += " -a " + quoted_word(fmt::format("{}", fmt::join(option.choices, " ")));
      add(condition, fmt::format("{} -d {}", names.substr(1), quoted_word(option.help)));
    }
  }
  return out;
}

}  // namespace

Result<std::string> completion_script(const Command& program, const std::string& shell) {
  std::vector<Line> lines;
  collect(program, "", lines);
  if (shell == "bash") return bash(program, lines);
  if (shell == "zsh") return zsh(program, lines);
  if (shell == "fish") return fish(program, lines);
  return Error(ErrorCode::kUsage, fmt::format("completions for \"{}\": bash, zsh and fish are known", shell));
}

}  // namespace gannet
