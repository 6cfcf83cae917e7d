#include <algorithm>
#include <cctype>

#include <fmt/core.h>

#include "sample/params.h"

namespace gannet {
namespace {

// Longer orders help nobody.
constexpr size_t kMostSteps = 64;

std::string plain(std::string_view name) {
  std::string plain;
  for (const char c : name)
    if (c != '_' && c != '-' && c != ' ')
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return plain;
}

const SamplingStepName* find_name(std::string_view word) {
  std::string name = plain(word);
  for (const auto& [other, usual] :
       {std::pair("nucleus", "topp"), std::pair("temp", "temperature"), std::pair("typ", "typp"),
        std::pair("typical", "typp"), std::pair("typicalp", "typp")})
    if (name == other) name = usual;
  const auto found =
      std::ranges::find_if(kSamplingSteps, [&](const auto& s) { return plain(s.name) == name; });
  return found == std::end(kSamplingSteps) ? nullptr : &*found;
}

const SamplingStepName& row_of(SamplingStep step) {
  return *std::ranges::find(kSamplingSteps, step, &SamplingStepName::step);
}

Error too_many(std::string_view text) {
  return Error(ErrorCode::kUsage,
               fmt::format("\"{}...\" has more than {} steps", text.substr(0, 40), kMostSteps));
}

}  // namespace

std::vector<SamplingStep> default_steps() {
  std::vector<SamplingStep> steps;
  for (const SamplingStepName& s : kSamplingSteps) steps.push_back(s.step);
  return steps;
}

Result<std::vector<SamplingStep>> steps_from_names(std::string_view text) {
  std::vector<SamplingStep> steps;
  for (std::string_view rest = text; !rest.empty();) {
    const size_t end = std::min(rest.find(';'), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (plain(word).empty()) continue;
    const SamplingStepName* found = find_name(word);
    if (found == nullptr)
      return Error(ErrorCode::kUsage, fmt::format("{} is no sampling step; there are {}", quoted(word),
                                                  step_names(default_steps())));
    if (steps.size() == kMostSteps) return too_many(text);
    steps.push_back(found->step);
  }
  return steps;
}

Result<std::vector<SamplingStep>> steps_from_letters(std::string_view text) {
  std::vector<SamplingStep> steps;
  for (const char letter : text) {
    const auto found = std::ranges::find(kSamplingSteps, letter, &SamplingStepName::letter);
    if (found == std::end(kSamplingSteps))
      return Error(ErrorCode::kUsage,
                   fmt::format("{} stands for no sampling step; the letters are {}, for {}",
                               quoted(std::string_view(&letter, 1)), step_letters(default_steps()),
                               step_names(default_steps())));
    if (steps.size() == kMostSteps) return too_many(text);
    steps.push_back(found->step);
  }
  return steps;
}

std::string step_names(std::span<const SamplingStep> steps) {
  std::string names;
  for (const SamplingStep step : steps) names += (names.empty() ? "" : ";") + std::string(row_of(step).name);
  return names;
}

std::string step_letters(std::span<const SamplingStep> steps) {
  std::string letters;
  for (const SamplingStep step : steps) letters += row_of(step).letter;
  return letters;
}

bool SamplingParams::has(SamplingStep step) const {
  return std::ranges::find(steps, step) != steps.end();
}

}  // namespace gannet
