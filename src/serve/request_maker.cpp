#include "serve/request_maker.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "engine/model_template.h"
#include "engine/sampling_defaults.h"
#include "engine/thought_rules.h"
#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/regex.h"
#include "grammar/tool_grammar.h"
#include "sample/dry.h"
#include "serve/script_constraint.h"

namespace gannet {
namespace {

Error refused(std::string text) {
  return {ErrorCode::kUsage, std::move(text)};
}

}  // namespace

RequestMaker::RequestMaker(const Model& model, const Tokenizer& tokenizer, int64_t n_ctx)
    : model_(model), tokenizer_(tokenizer), n_ctx_(n_ctx) {}

Result<std::unique_ptr<RequestMaker>> RequestMaker::create(const Model& model, const Tokenizer& tokenizer,
                                                           int64_t n_ctx, const std::string& chat_template,
                                                           RequestDefaults defaults, AnswerScript script) {
  std::unique_ptr<RequestMaker> made(new RequestMaker(model, tokenizer, n_ctx));
  made->script_ = std::move(script);
  auto chat = model_template(model.file(), tokenizer, chat_template);
  if (!chat.ok())
    return Error(chat_template.empty() ? chat.error().code() : ErrorCode::kUsage,
                 "the chat template: " + chat.error().message());
  made->template_ = chat.take();
  made->defaults_ = std::move(defaults);
  if (!made->defaults_.sampling) made->defaults_.sampling = read_sampling_defaults(model.file()).params;
  return made;
}

Result<SamplingParams> RequestMaker::sampling(const GenerationRequest& request) const {
  const Vocabulary& vocabulary = tokenizer_.vocabulary();
  SamplingParams params = *defaults_.sampling;
  request.sampling.apply_to(&params);
  for (const auto& [what, bias] : request.sampling.logit_bias) {
    if (const auto* id = std::get_if<TokenId>(&what)) {
      params.logit_bias.push_back({*id, bias});
      continue;
    }
    const auto ids = GANNET_TRY(tokenizer_.encode(std::get<std::string>(what), {.parse_special = true}));
    for (const TokenId id : ids) params.logit_bias.push_back({id, bias});
  }
  if (request.ignore_eos || defaults_.ignore_eos) forbid_ends(params, vocabulary);
  if (params.dry_multiplier != 0) {
    std::vector<std::string> breakers(std::begin(kDefaultDryBreakers), std::end(kDefaultDryBreakers));
    if (defaults_.dry_breakers) breakers = *defaults_.dry_breakers;
    if (request.sampling.dry_breakers) breakers = *request.sampling.dry_breakers;
    if (!breakers.empty()) params.dry_breakers = GANNET_TRY(DryBreakers::create(vocabulary, breakers));
  }
  return params;
}

Result<ChatPrompt> RequestMaker::prompt_text(const ChatInput& input) const {
  if (!template_) return refused("messages: the model has no chat template; /completion takes raw prompts");
  return template_->render(input.conversation, render_options(input));
}

RenderOptions RequestMaker::render_options(const ChatInput& input) const {
  RenderOptions render = input.render;
  if (!render.thinking) render.thinking = defaults_.thinking;
  if (!render.preserve_thinking) render.preserve_thinking = defaults_.preserve_thinking;
  for (const auto& [name, value] : defaults_.template_variables.items())
    if (!render.variables.contains(name)) render.variables[name] = value;
  return render;
}

Result<RequestMaker::Prompt> RequestMaker::chat_prompt(const ChatInput& input) const {
  const ChatPrompt whole = GANNET_TRY(prompt_text(input));
  Prompt made;
  made.tokens = GANNET_TRY(tokenizer_.encode(whole.text, /*add_special=*/true));
  made.in_thought = whole.in_thought;
  made.output = template_->output_options(input.conversation, whole);
  // The next turn has the same messages: where this one would end without opening an answer, it goes on.
  RenderOptions without = render_options(input);
  without.add_generation_prompt = false;
  without.continue_last = false;
  if (const auto messages = template_->render(input.conversation, without);
      messages.ok() && whole.text.text.starts_with(messages->text.text)) {
    const auto tokens = GANNET_TRY(tokenizer_.encode(messages->text, /*add_special=*/true));
    if (tokens.size() < made.tokens.size() &&
        std::ranges::equal(tokens, std::span(made.tokens).first(tokens.size())))
      made.borders.push_back(tokens.size());
  }
  return made;
}

Result<std::vector<RequestMaker::Prompt>> RequestMaker::prompts(const GenerationRequest& request) const {
  std::vector<Prompt> all;
  if (const ChatInput* chat = request.chat()) {
    all.push_back(GANNET_TRY(chat_prompt(*chat)));
  } else if (const auto* raw = std::get_if<RawInput>(&request.input)) {
    for (const RawPrompt& prompt : raw->prompts) {
      Prompt made;
      bool first = true;
      for (const auto& piece : prompt.pieces) {
        if (const auto* text = std::get_if<std::string>(&piece)) {
          const auto ids =
              GANNET_TRY(tokenizer_.encode(*text, {.add_special = first, .parse_special = true}));
          made.tokens.insert(made.tokens.end(), ids.begin(), ids.end());
        } else {
          const auto& ids = std::get<std::vector<TokenId>>(piece);
          made.tokens.insert(made.tokens.end(), ids.begin(), ids.end());
        }
        first = false;
      }
      all.push_back(std::move(made));
    }
  } else {
    return refused("infill: the model has no tokens for text between others");
  }
  for (const Prompt& made : all) {
    if (made.tokens.empty()) return refused("prompt: is empty");
    for (const TokenId id : made.tokens)
      if (id < 0 || id >= tokenizer_.vocabulary().size())
        return refused(fmt::format("prompt: token {} is outside the vocabulary of {}", id,
                                   tokenizer_.vocabulary().size()));
  }
  return all;
}

Result<std::vector<TokenId>> RequestMaker::prompt_tokens(const GenerationRequest& request) const {
  auto all = GANNET_TRY(prompts(request));
  return std::move(all.front().tokens);
}

Result<std::optional<Grammar>> RequestMaker::grammar_of(const GenerationRequest& request) const {
  const auto named = [](Result<Grammar> grammar, const std::string& field) -> Result<std::optional<Grammar>> {
    if (!grammar.ok()) return field.empty() ? grammar.take_error() : grammar.take_error().with_context(field);
    return std::optional(grammar.take());
  };
  const OutputFormat& format = request.format;
  const ChatInput* chat = request.chat();
  const bool calls = chat != nullptr && !chat->conversation.tools.empty() &&
                     request.tool_choice.mode != ToolChoice::Mode::kNone;
  if (format.kind != OutputFormat::Kind::kText &&
      (!calls || request.tool_choice.mode == ToolChoice::Mode::kAuto)) {
    switch (format.kind) {
      case OutputFormat::Kind::kJsonObject:
        return std::optional(json_object_grammar());
      case OutputFormat::Kind::kJsonSchema:
        return named(json_schema_grammar(format.schema), format.field);
      case OutputFormat::Kind::kGrammar:
        return named(parse_gbnf(format.text), format.field);
      case OutputFormat::Kind::kRegex:
        return named(regex_grammar(format.text), format.field);
      case OutputFormat::Kind::kText:
        break;
    }
  }
  if (!calls) return std::optional<Grammar>();
  const CallFormat written = template_->facts().calls;
  if (written == CallFormat::kNone) {
    if (request.tool_choice.mode == ToolChoice::Mode::kAuto) return std::optional<Grammar>();
    return refused("tool_choice: the chat template of this model does not say how calls are written");
  }
  const std::vector<std::string>& names = request.tool_choice.names;
  std::vector<ToolFunction> functions;
  for (const Tool& tool : chat->conversation.tools)
    if (names.empty() || std::ranges::find(names, tool.name) != names.end())
      functions.push_back(
          {tool.name, tool.parameters() == nullptr ? nlohmann::ordered_json() : *tool.parameters()});
  ToolGrammarOptions options;
  options.format = written == CallFormat::kTagged ? ToolFormat::kTagged : ToolFormat::kHermes;
  options.required = request.tool_choice.mode == ToolChoice::Mode::kRequired;
  options.parallel = request.parallel_calls;
  return named(tool_call_grammar(functions, options), "tools");
}

Result<std::shared_ptr<TokenConstraint>> RequestMaker::constraint(const GenerationRequest& request,
                                                                  bool in_thought) {
  if (const auto text = script_ ? script_(request, in_thought) : std::nullopt)
    return std::shared_ptr<TokenConstraint>(std::make_shared<ScriptConstraint>(
        GANNET_TRY(tokenizer_.encode(*text, {.parse_special = true})), tokenizer_.vocabulary()));
  auto grammar = GANNET_TRY(grammar_of(request));
  if (!grammar) return std::shared_ptr<TokenConstraint>();
  {
    const std::lock_guard lock(mutex_);
    if (!trie_) trie_ = TokenTrie::build(tokenizer_.vocabulary());
  }
  // A thought may be opened by the prompt; what is asked for comes behind it.
  const Grammar whole = in_thought ? after_marker(*grammar, "</think>") : std::move(*grammar);
  auto made = GrammarConstraint::create(whole, trie_);
  if (!made.ok())
    return request.format.field.empty() ? made.take_error()
                                        : made.take_error().with_context(request.format.field);
  return std::shared_ptr<TokenConstraint>(std::make_shared<GrammarConstraint>(made.take()));
}

Result<std::vector<MadeRequest>> RequestMaker::make(const GenerationRequest& request) {
  const auto all = GANNET_TRY(prompts(request));
  SamplingParams params = GANNET_TRY(sampling(request));
  if (!request.sampling.seed) params.seed = defaults_.seed.value_or(std::random_device{}());
  std::vector<MadeRequest> made;
  for (const Prompt& prompt : all)
    for (int i = 0; i < request.n; ++i) {
      MadeRequest one;
      SamplingParams own = params;
      own.seed += static_cast<uint64_t>(i);
      one.request.sampler = std::make_shared<Sampler>(
          GANNET_TRY(Sampler::create(std::move(own), tokenizer_.vocabulary().size())));
      one.request.constraint = GANNET_TRY(constraint(request, prompt.in_thought));
      one.request.prompt = prompt.tokens;
      one.request.borders = prompt.borders;
      one.request.use_cache = request.cache_prompt.value_or(defaults_.cache_prompt);
      AnswerOptions& answer = one.request.answer;
      answer.n_predict = request.max_tokens.value_or(defaults_.n_predict);
      answer.stop = request.stop;
      answer.stop.insert(answer.stop.end(), defaults_.stop.begin(), defaults_.stop.end());
      answer.repetition = defaults_.repetition;
      answer.n_log_probs = request.top_log_probs;
      answer.post_sampling = request.post_sampling;
      ThoughtTexts thought;
      thought.budget = request.thinking_budget.value_or(defaults_.thinking_budget);
      thought.message = request.thinking_message.value_or(defaults_.thinking_message);
      thought.open_at_start = prompt.in_thought;
      answer.thought = GANNET_TRY(thought_rules(tokenizer_, thought));
      one.output = prompt.output;
      if (one.output) {
        one.output->parallel_calls = request.parallel_calls;
        one.output->thoughts_in_content =
            request.thoughts ? *request.thoughts == ThoughtPlace::kInContent
                             : request.dialect == Dialect::kChat && defaults_.thoughts_in_content;
        if (request.tool_choice.mode == ToolChoice::Mode::kNone) one.output->calls = CallFormat::kNone;
      }
      made.push_back(std::move(one));
    }
  return made;
}

}  // namespace gannet
