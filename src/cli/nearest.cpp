#include "cli/nearest.h"

#include <algorithm>

#include <fmt/format.h>

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

void collect(const CLI::App& app, std::vector<std::string>& words) {
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
}

}  // namespace

std::string nearest_hint(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  collect(app, words);
  const CLI::App* chosen = nullptr;
  for (const CLI::App* sub : app.get_subcommands({})) {
    words.push_back(sub->get_name());
    if (!arguments.empty() && sub->get_name() == arguments[0]) chosen = sub;
  }
  if (chosen != nullptr) collect(*chosen, words);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string word = arguments[i].substr(0, arguments[i].find('='));
    const bool is_option = word.starts_with("--") && word.size() > 2;
    if ((!is_option && i > 0) || std::find(words.begin(), words.end(), word) != words.end()) continue;
    const auto best = std::min_element(words.begin(), words.end(), [&](const auto& a, const auto& b) {
      return distance(word, a) < distance(word, b);
    });
    if (best != words.end() && distance(word, *best) <= std::max<size_t>(2, word.size() / 4))
      return fmt::format("; did you mean {}?", *best);
  }
  return "; `gannet --help` lists what there is";
}

}  // namespace gannet
