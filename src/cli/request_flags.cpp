#include "cli/request_flags.h"

#include <algorithm>
#include <utility>

#include "sample/sampler.h"

namespace gannet {
namespace {

// Appends what `add` adds, under this heading where it has none of its own.
template <class Flags>
void add_under(const char* group, Options& options, Flags& flags, void (*add)(Options&, Flags&)) {
  Options some;
  add(some, flags);
  for (Option& option : some)
    if (!*option.group) option.group = group;
  // A heading stands once.
  std::ranges::stable_partition(
      some, [&](const Option& option) { return std::string_view(option.group) == group; });
  options.insert(options.end(), some.begin(), some.end());
}

void add_own(Options& options, RequestFlags& f) {
  const Options own = {
      {.names = "-n,--predict,--n-predict",
       .value = "N",
       .help = "Most tokens of an answer; -1: until it ends",
       .target = &f.n_predict,
       .at_least = -1,
       .environment = "N_PREDICT"},
      {.names = "--cache-prompt",
       .help = "Take up what was read before",
       .target = &f.cache_prompt,
       .environment = "CACHE_PROMPT"},
      {.names = "--reasoning-format",
       .value = "HOW",
       .help = "auto (or deepseek): thoughts come in a field of their own; none: chat completions have them "
               "in the content, with their tags",
       .target = &f.thoughts_format,
       .choices = {"auto", "deepseek", "none"},
       .environment = "THINK"},
      {.names = "--reasoning-preserve",
       .help = "Keep the thoughts of earlier answers in the conversation, where the template can",
       .target = &f.keep_thoughts,
       .environment = "REASONING_PRESERVE"},
  };
  options.insert(options.end(), own.begin(), own.end());
}

}  // namespace

void add_request_options(Options& options, RequestFlags& f) {
  constexpr const char* kRequests = "For requests that say nothing about it";
  add_under(kRequests, options, f, add_own);
  add_under(kRequests, options, f.chat, add_template_options);
  add_under("Sampling, for requests that say nothing about it", options, f.sampling, add_sampling_options);
  add_answer_options(options, f.answer);
}

Result<RequestDefaults> request_defaults(const RequestFlags& f, const TemplateOptions& chat,
                                         const GgufFile& file, const Tokenizer& tokenizer) {
  RequestDefaults defaults;
  SamplingParams params = GANNET_TRY(sampling_params(f.sampling, file));
  if (f.sampling.seed >= 0) defaults.seed = params.seed;
  defaults.ignore_eos = f.sampling.ignore_eos;
  if (!f.sampling.dry_breakers.empty()) {
    defaults.dry_breakers = f.sampling.dry_breakers;
    if (f.sampling.dry_breakers == std::vector<std::string>{"none"}) defaults.dry_breakers->clear();
  }
  // What cannot be is to be said now, not to every client.
  SamplingParams tried = params;
  GANNET_TRY(finish_params(tried, f.sampling, tokenizer.vocabulary()));
  GANNET_TRY(Sampler::create(std::move(tried), tokenizer.vocabulary().size()));
  defaults.sampling = std::move(params);
  const AnswerOptions answer = GANNET_TRY(answer_options(f.answer, tokenizer));
  defaults.stop = answer.stop;
  defaults.repetition = answer.repetition;
  defaults.n_predict = f.n_predict;
  defaults.thinking = chat.thinking;
  if (f.keep_thoughts) defaults.preserve_thinking = true;
  defaults.template_variables = chat.arguments;
  defaults.thinking_budget = f.answer.reasoning_budget;
  defaults.thinking_message = f.answer.reasoning_message;
  defaults.thoughts_in_content = f.thoughts_format == "none";
  defaults.cache_prompt = f.cache_prompt;
  return defaults;
}

}  // namespace gannet
