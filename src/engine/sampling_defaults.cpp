#include "engine/sampling_defaults.h"

#include <limits>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace gannet {
namespace {

constexpr std::string_view kPrefix = "general.sampling.";

// visit(last part of the key, member of SamplingParams)
template <class F>
void each_key(F visit) {
  using P = SamplingParams;
  visit("top_k", &P::top_k);
  visit("top_p", &P::top_p);
  visit("min_p", &P::min_p);
  visit("xtc_probability", &P::xtc_probability);
  visit("xtc_threshold", &P::xtc_threshold);
  visit("temp", &P::temperature);
  visit("penalty_last_n", &P::repeat_last_n);
  visit("penalty_repeat", &P::repeat_penalty);
  visit("penalty_present", &P::presence_penalty);
  visit("penalty_freq", &P::frequency_penalty);
  visit("mirostat", &P::mirostat);
  visit("mirostat_tau", &P::mirostat_tau);
  visit("mirostat_eta", &P::mirostat_eta);
}

// Empty: another type. An integer may stand for a float.
std::optional<float> number(const GgufValue& value, float) {
  if (const auto whole = value.as_int()) return static_cast<float>(*whole);
  const auto number = value.as_float();
  return number ? std::optional(static_cast<float>(*number)) : std::nullopt;
}
std::optional<int> number(const GgufValue& value, int) {
  const auto number = value.as_int();
  return number && std::in_range<int>(*number) ? std::optional(static_cast<int>(*number)) : std::nullopt;
}

const char* must_be_in_file(float SamplingParams::*parameter, float value) {
  // People ask for the likeliest token by a negative number; a file that holds one is damaged.
  if (parameter == &SamplingParams::temperature && value < 0) return "0 or more";
  return must_be(parameter, value);
}
const char* must_be_in_file(int SamplingParams::*parameter, int value) {
  return must_be(parameter, value);
}

}  // namespace

SamplingDefaults read_sampling_defaults(const GgufFile& file) {
  SamplingDefaults defaults;
  SamplingParams& params = defaults.params;
  const auto refuse = [&](const std::string& key, const GgufValue& value, std::string_view allowed,
                          auto used) {
    defaults.warnings.push_back(
        fmt::format("{} is {}; it must be {}, so {} is used", key, value.text(), allowed, used));
  };
  each_key([&]<class T>(std::string_view name, T SamplingParams::*parameter) {
    const std::string key = fmt::format("{}{}", kPrefix, name);
    const GgufValue* value = file.find(key);
    if (value == nullptr) return;
    const auto stored = number(*value, T{});
    if (!stored) {
      refuse(key, *value, std::is_same_v<T, int> ? "an integer of 32 bits" : "a number", params.*parameter);
    } else if (const char* allowed = must_be_in_file(parameter, *stored)) {
      refuse(key, *value, allowed, params.*parameter);
    } else {
      params.*parameter = *stored;
      defaults.said.push_back(fmt::format("{} {}", name, *stored));
    }
  });
  const std::string key = fmt::format("{}sequence", kPrefix);
  if (const GgufValue* value = file.find(key)) {
    const auto text = value->as_string();
    auto steps = text ? steps_from_names(*text)
                      : Result<std::vector<SamplingStep>>(Error(ErrorCode::kModelFile, "no text"));
    if (steps.ok()) {
      params.steps = steps.take();
      defaults.said.push_back(fmt::format("sequence {}", step_names(params.steps)));
    } else {
      refuse(key, *value, "names of steps with \";\" between them", step_names(params.steps));
    }
  }
  return defaults;
}

std::vector<ModelNote> sampling_notes(const GgufFile& file) {
  SamplingDefaults defaults = read_sampling_defaults(file);
  std::vector<ModelNote> notes;
  for (std::string& text : defaults.warnings) notes.push_back({std::move(text), false});
  std::string said;
  for (const std::string& setting : defaults.said) said += (said.empty() ? "" : ", ") + setting;
  if (!said.empty())
    notes.push_back(
        {fmt::format("sampling defaults of the file, where no option says else: {}", said), true});
  return notes;
}

void forbid_ends(SamplingParams& params, const Vocabulary& vocabulary) {
  for (TokenId id = 0; id < static_cast<TokenId>(vocabulary.size()); ++id)
    if (vocabulary.is_end(id)) params.logit_bias.push_back({id, -std::numeric_limits<float>::infinity()});
}

}  // namespace gannet
