// What a request may ask of the sampler. Must not know: logits, models.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/vocabulary.h"

namespace gannet {

class DryBreakers;

struct LogitBias {
  TokenId token;
  float bias;  // added to the logit; -infinity bans the token
  bool operator==(const LogitBias&) const = default;
};

// The steps in the order of kDefaultSteps, with llama.cpp's names and letters for them.
enum class SamplingStep : uint8_t {
  kPenalties,
  kDry,
  kTopNSigma,
  kTopK,
  kTypicalP,
  kTopP,
  kMinP,
  kXtc,
  kTemperature,
  kAdaptiveP,  // chooses, so it comes last wherever it stands
};
struct SamplingStepName {
  SamplingStep step;
  const char* name;
  char letter;
};
inline constexpr SamplingStepName kSamplingSteps[] = {
    {SamplingStep::kPenalties, "penalties", 'e'},
    {SamplingStep::kDry, "dry", 'd'},
    {SamplingStep::kTopNSigma, "top_n_sigma", 's'},
    {SamplingStep::kTopK, "top_k", 'k'},
    {SamplingStep::kTypicalP, "typ_p", 'y'},
    {SamplingStep::kTopP, "top_p", 'p'},
    {SamplingStep::kMinP, "min_p", 'm'},
    {SamplingStep::kXtc, "xtc", 'x'},
    {SamplingStep::kTemperature, "temperature", 't'},
    {SamplingStep::kAdaptiveP, "adaptive_p", 'a'},
};
// All of them; those whose parameters say so do nothing.
std::vector<SamplingStep> default_steps();
// "penalties;dry;top_k": names in any case, with "_", "-" or nothing between the words, and the short forms
// "nucleus", "temp", "typ". Empty: no steps at all. Errors (kUsage) name the word that is no step.
Result<std::vector<SamplingStep>> steps_from_names(std::string_view text);
// "edskypmxta": by letters.
Result<std::vector<SamplingStep>> steps_from_letters(std::string_view text);
std::string step_names(std::span<const SamplingStep> steps);
std::string step_letters(std::span<const SamplingStep> steps);

// The texts that end a repetition unless the user says otherwise.
inline constexpr std::string_view kDefaultDryBreakers[] = {"\n", ":", "\"", "*"};

// Logit bias comes first, then `steps` in their order, then the draw. Off means that a step does nothing.
struct SamplingParams {
  std::vector<LogitBias> logit_bias;
  std::vector<SamplingStep> steps = default_steps();
  int min_keep = 0;  // top-p, min-p, typical-p and XTC leave at least so many tokens

  float repeat_penalty =
      1.0f;  // > 1: logits of recent tokens are divided by it (multiplied when not positive)
  float presence_penalty = 0.0f;   // taken off once for each token among the recent ones
  float frequency_penalty = 0.0f;  // taken off for each time a token is among the recent ones
  int repeat_last_n = 64;          // how many tokens count as recent; 0: none, -1: all

  // DRY (p-e-w, text-generation-webui #5677): a token that would make the end of the text, n >=
  // allowed_length tokens long, repeat an earlier place by one more loses multiplier * base^(n -
  // allowed_length).
  float dry_multiplier = 0.0f;  // 0: off
  float dry_base = 1.75f;
  int dry_allowed_length = 2;
  int dry_penalty_last_n = 64;                      // where repetitions are looked for; 0: off, -1: all
  std::shared_ptr<const DryBreakers> dry_breakers;  // repetitions do not reach over them; null: none

  float top_n_sigma = -1.0f;  // keep logits within n standard deviations of the highest; <= 0: off
  int top_k = 40;             // keep the k likeliest; <= 0: all
  float typical_p = 1.0f;     // keep those whose surprise is nearest to the expected one; 1: all
  float top_p = 0.95f;        // keep the likeliest until their probability reaches this; 1: all
  float min_p = 0.05f;        // keep what has at least this share of the likeliest one's probability; 0: all
  // XTC (p-e-w, text-generation-webui #6335): this often, drop all tokens of at least this probability but
  // the least likely of them.
  float xtc_probability = 0.0f;  // 0: off
  float xtc_threshold = 0.1f;    // above 0.5 it is off

  float temperature = 0.8f;  // <= 0: always the likeliest token
  // Dynamic temperature: from temperature - range to + range, by (entropy / the most there can be)^exponent.
  float dynatemp_range = 0.0f;  // 0: off
  float dynatemp_exponent = 1.0f;

  // Adaptive-p (MrJackSpade, llama.cpp #17927): prefers tokens near a probability, moved against the running
  // average of what was chosen.
  float adaptive_target = -1.0f;  // < 0: off
  float adaptive_decay = 0.9f;    // how much of the average stays from token to token

  // Mirostat (Basu et al. 2007.14966) steers the surprise of the text. It takes the place of all steps but
  // penalties, DRY and temperature.
  int mirostat = 0;           // version 1 or 2; 0: off
  float mirostat_tau = 5.0f;  // wanted surprise in bits
  float mirostat_eta = 0.1f;  // learning rate

  uint64_t seed = 0;

  bool operator==(const SamplingParams&) const = default;
  bool has(SamplingStep step) const;
  bool has_penalties() const {
    return repeat_last_n != 0 &&
           (repeat_penalty != 1.0f || presence_penalty != 0.0f || frequency_penalty != 0.0f) &&
           has(SamplingStep::kPenalties);
  }
  bool has_dry() const { return dry_multiplier > 0 && dry_penalty_last_n != 0 && has(SamplingStep::kDry); }
  // Nothing is drawn: the likeliest token is chosen, whatever the filters say.
  bool greedy() const {
    return temperature <= 0 && (mirostat != 0 || (dynatemp_range <= 0 && has(SamplingStep::kTemperature)));
  }
};

// What a value of this parameter must be ("from 0 to 1"), when `value` is something else; null when it is
// that.
const char* must_be(float SamplingParams::*parameter, float value);
const char* must_be(int SamplingParams::*parameter, int value);

// An Error (kUsage) names the first parameter that is out of range. Biased tokens must be < n_vocab.
Result<void> check_params(const SamplingParams& params, int32_t n_vocab);

}  // namespace gannet
