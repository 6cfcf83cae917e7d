// Sampling flags. A value comes from the flag, else from the model file (engine/sampling_defaults.h), else it
// is the default.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"
#include "gguf/gguf.h"
#include "sample/params.h"
#include "text/vocabulary.h"

namespace gannet {

struct SamplingOptions {
  std::optional<float> temperature, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty;
  std::optional<float> typical_p, top_n_sigma, xtc_probability, xtc_threshold, dynatemp_range,
      dynatemp_exponent;
  std::optional<float> dry_multiplier, dry_base, adaptive_target, adaptive_decay, mirostat_tau, mirostat_eta;
  std::optional<int> top_k, repeat_last_n, min_keep, dry_allowed_length, dry_penalty_last_n, mirostat;
  std::optional<std::string> samplers, sampling_sequence;
  std::vector<std::string> dry_breakers;  // empty: the usual ones; "none" alone: none
  std::vector<std::string> logit_bias;    // "ID+1.5", "ID-inf"
  bool ignore_eos = false;
  int64_t seed = -1;  // -1: from the system
};

void add_sampling_options(Options& options, SamplingOptions& sampling);

// Errors: kUsage naming the flag whose value cannot be. finish_params() is still to come.
Result<SamplingParams> sampling_params(const SamplingOptions& options, const GgufFile& file);

// What needs to know tokens: --ignore-eos, and the breakers of DRY if it is on. `vocabulary` must outlive the
// parameters. Errors: kUsage naming the flag.
Result<void> finish_params(SamplingParams& params, const SamplingOptions& options,
                           const Vocabulary& vocabulary);

}  // namespace gannet
