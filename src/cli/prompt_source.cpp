#include "cli/prompt_source.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/printable.h"
#include "cli/input_text.h"
#include "cli/options.h"
#include "cli/say.h"

namespace gannet {
namespace {

// What a pipe is given to say something before it counts as silent: its writer may only just be starting.
constexpr int kPatienceMilliseconds = 100;

std::string lower_case(std::string word) {
  std::ranges::transform(word, word.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return word;
}

bool exists(const std::string& name) {
  struct stat facts = {};
  return stat(name.c_str(), &facts) == 0;
}

// A prompt that begins with the name of a model, as other programs take it, and one of a single word that
// names a file.
Result<void> check_words(const std::vector<std::string>& words, bool model_given) {
  const std::string& word = words[0];
  if (!model_given && lower_case(word).ends_with(".gguf"))
    return usage(fmt::format("{} is the name of a model file: gannet run -m {} (or -p to ask about the name)",
                             printable(word), printable(word)));
  const bool path = word.starts_with('/') || word.starts_with("./") || word.starts_with("../");
  if (words.size() == 1 && (path || (word.find_first_of("./") != std::string::npos && exists(word))))
    return usage(
        fmt::format("{} is the path of a file: -f reads the prompt from it{} (or -p to ask about the name)",
                    printable(word), model_given ? "" : ", -m runs it as a model"));
  if (!model_given && looks_like_model_name(word, words.size() == 1))
    return usage(
        fmt::format("{} looks like the name of a model; models are files here: gannet run -m FILE (or -p to "
                    "ask about the name)",
                    printable(word)));
  return {};
}

}  // namespace

Stdin look_at_stdin() {
  struct stat facts = {};
  if (fstat(STDIN_FILENO, &facts) != 0 || isatty(STDIN_FILENO) == 1) return Stdin::kNothing;
  if (S_ISREG(facts.st_mode)) {
    const off_t at = lseek(STDIN_FILENO, 0, SEEK_CUR);
    return facts.st_size > std::max<off_t>(at, 0) ? Stdin::kText : Stdin::kNothing;
  }
  if (!S_ISFIFO(facts.st_mode) && !S_ISSOCK(facts.st_mode)) return Stdin::kNothing;
  pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, kPatienceMilliseconds) <= 0) return Stdin::kSilentPipe;
  int bytes = 0;  // of a socket that is closed at its other end the end can be read as well
  return ioctl(STDIN_FILENO, FIONREAD, &bytes) == 0 && bytes > 0 ? Stdin::kText : Stdin::kNothing;
}

bool looks_like_model_name(const std::string& word, bool alone) {
  const auto of_names = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  };
  const size_t special = word.find_first_of(":/");
  if (word.starts_with("https://") || word.starts_with("http://")) return alone;
  if (special != std::string::npos) {  // "name:tag", "owner/name", "owner/name:tag"
    const auto name_part = [&](char c) { return of_names(c) || c == ':' || c == '/'; };
    const std::string_view rest = std::string_view(word).substr(special + 1);
    return special > 0 && !rest.empty() && std::ranges::all_of(word, name_part) && !rest.starts_with('/') &&
           std::isalpha(static_cast<unsigned char>(word[0])) != 0 &&
           std::ranges::any_of(word, [](unsigned char c) { return std::isdigit(c) != 0; });
  }
  constexpr std::array kFamilies = {"qwen", "llama",   "gemma",   "mistral", "mixtral",   "deepseek",
                                    "phi",  "gpt-oss", "granite", "smollm",  "codellama", "qwq"};
  const std::string lower = lower_case(word);
  if (alone && std::ranges::find(kFamilies, lower) != kFamilies.end()) return true;
  const bool family =
      std::ranges::any_of(kFamilies, [&](const char* name) { return lower.starts_with(name); });
  return family && std::ranges::all_of(word, of_names) &&
         std::ranges::any_of(word, [](unsigned char c) { return std::isdigit(c) != 0 || c == '-'; });
}

std::string unescaped(const std::string& text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  constexpr std::string_view kLetters = "ntr\\\"'", kMeanings = "\n\t\r\\\"'";
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t letter =
        text[i] == '\\' && i + 1 < text.size() ? kLetters.find(text[i + 1]) : std::string::npos;
    if (letter != std::string::npos) {
      out += kMeanings[letter];
      ++i;
    } else if (text.compare(i, 2, "\\x") == 0 && i + 3 < text.size() && digit(text[i + 2]) >= 0 &&
               digit(text[i + 3]) >= 0) {
      out += static_cast<char>(digit(text[i + 2]) * 16 + digit(text[i + 3]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

Result<std::string> read_prompt(const PromptSource& typed, bool model_given) {
  PromptSource source = typed;
  if (source.words == std::vector<std::string>{"-"} && source.file.empty()) {
    source.words.clear();
    source.file = "-";
  }
  std::vector<std::string> given;
  if (!source.words.empty())
    given.push_back(
        fmt::format("the words \"{}\"", printable(fmt::format("{}", fmt::join(source.words, " ")), 40)));
  if (!source.text.empty()) given.emplace_back("-p");
  if (!source.file.empty()) given.push_back("-f " + printable(source.file));
  const bool reads_stdin = source.file == "-" || source.file == "/dev/stdin";
  if (!given.empty() && !reads_stdin) {
    const Stdin waiting = look_at_stdin();
    if (waiting == Stdin::kText) given.emplace_back("stdin");
    if (waiting == Stdin::kSilentPipe) say("stdin is not read: the prompt is given as {}", given.front());
  }
  if (given.size() > 1)
    return usage(fmt::format("there are several prompts: {}; give one{}", fmt::join(given, " and "),
                             given.back() == "stdin" ? " (</dev/null leaves stdin out)" : ""));
  if (!source.words.empty()) GANNET_TRY(check_words(source.words, model_given));
  std::string prompt;
  if (!source.words.empty() || !source.text.empty()) {
    prompt = source.words.empty() ? source.text : fmt::format("{}", fmt::join(source.words, " "));
    if (source.escape) prompt = unescaped(prompt);
  } else if (!source.file.empty()) {
    prompt = GANNET_TRY(read_prompt_file(source.file));
  } else if (isatty(STDIN_FILENO) != 1) {
    prompt = GANNET_TRY(read_prompt_file("-"));
  } else {
    return std::string();
  }
  if (prompt.empty()) return usage("there is no prompt: give it as an argument, with -f FILE or on stdin");
  return prompt;
}

}  // namespace gannet
