// Sampling flags. A value comes from the flag, else from the model file's general.sampling.* keys, else the
// default.
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
  std::optional<int> top_k, repeat_last_n;
  std::vector<std::string> logit_bias;  // "ID+1.5", "ID-inf"
  bool ignore_eos = false;
  int64_t seed = -1;  // -1: from the system
};

void add_sampling_options(Options& options, SamplingOptions& sampling);

// Errors: kUsage naming the flag whose value cannot be; kModelFile naming the key of the file whose value
// cannot be, unless a flag overrides it.
Result<SamplingParams> sampling_params(const SamplingOptions& options, const GgufFile& file);

// Tokens that end an answer are never drawn.
void forbid_ends(SamplingParams& params, const Vocabulary& vocabulary);

}  // namespace gannet
