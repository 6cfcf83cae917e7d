// Flags of `gannet serve` for what requests get that say nothing about it.
#pragma once

#include <string>

#include "cli/answer_flags.h"
#include "cli/options.h"
#include "cli/sampling_options.h"
#include "cli/template_flags.h"
#include "gguf/gguf.h"
#include "serve/request_defaults.h"
#include "text/tokenizer.h"

namespace gannet {

struct RequestFlags {
  SamplingOptions sampling;
  AnswerFlags answer;
  TemplateFlags chat;
  std::string thoughts_format = "auto";
  bool keep_thoughts = false, cache_prompt = true;
  int64_t n_predict = -1;
};

void add_request_options(Options& options, RequestFlags& flags);

// `chat` is what template_options() makes of flags.chat. Errors: kUsage naming the flag.
Result<RequestDefaults> request_defaults(const RequestFlags& flags, const TemplateOptions& chat,
                                         const GgufFile& file, const Tokenizer& tokenizer);

}  // namespace gannet
