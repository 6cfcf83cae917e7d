#include "cli/chat_session.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/answer_grammar.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/say.h"
#include "grammar/tool_grammar.h"

namespace gannet {
namespace {

Result<Sampler> make_sampler(const SamplingOptions& o, const GgufFile& file, const Tokenizer& tokenizer) {
  SamplingParams params = GANNET_TRY(sampling_params(o, file));
  GANNET_TRY(finish_params(params, o, tokenizer.vocabulary()));
  return Sampler::create(std::move(params), tokenizer.vocabulary().size());
}

// What the template cannot do of what was asked for.
void say_ignored(const ChatOptions& o, const TemplateFacts& facts) {
  if (o.prompt.thinking && facts.thinking_switch.empty())
    say("--reasoning {}: the chat template has no switch for thoughts{}", *o.prompt.thinking ? "on" : "off",
        !*o.prompt.thinking && facts.thoughts ? "; --reasoning-budget 0 ends them at once" : "");
  if (o.keep_thoughts && !facts.keeps_thoughts && !facts.can_keep_thoughts)
    say("--reasoning-preserve: the chat template leaves the thoughts of earlier answers out");
}

}  // namespace

Result<std::unique_ptr<ChatSession>> ChatSession::create(ChatOptions options, SamplingOptions sampling,
                                                         AnswerFlags ends, Session& session, Decoder& decoder,
                                                         const Tokenizer& tokenizer) {
  const GgufFile& file = session.model().file();
  Sampler sampler = GANNET_TRY(make_sampler(sampling, file, tokenizer));
  std::optional<ChatTemplate> chat_template;
  if (!options.raw) chat_template = GANNET_TRY(model_template(options.prompt, file, tokenizer));
  if (!chat_template && !options.tools.empty())
    return Error(ErrorCode::kUsage, "--tools: the model has no chat format; --chat-template gives one");
  if (!chat_template && !options.raw && !options.system.empty())
    return Error(ErrorCode::kUsage, "-sys: the model has no chat format; --chat-template gives one");
  if (chat_template) say_ignored(options, chat_template->facts());
  std::unique_ptr<ChatSession> made(new ChatSession(std::move(options), std::move(sampling), std::move(ends),
                                                    session, decoder, tokenizer, std::move(sampler),
                                                    std::move(chat_template)));
  // What cannot be done is said before anything is answered.
  GANNET_TRY(made->constraint(false));
  GANNET_TRY(answer_options(made->ends_, tokenizer));
  return made;
}

ChatSession::ChatSession(ChatOptions options, SamplingOptions sampling, AnswerFlags ends, Session& session,
                         Decoder& decoder, const Tokenizer& tokenizer, Sampler sampler,
                         std::optional<ChatTemplate> chat_template)
    : options_(std::move(options)),
      sampling_(std::move(sampling)),
      ends_(std::move(ends)),
      session_(&session),
      decoder_(&decoder),
      tokenizer_(tokenizer),
      sampler_(std::move(sampler)),
      generator_(std::in_place, decoder, tokenizer, sampler_),
      template_(std::move(chat_template)) {
  clear();
}

ChatSession::~ChatSession() = default;

Result<Sampler> ChatSession::remade_sampler(bool new_seed) const {
  SamplingOptions wanted = sampling_;
  if (!new_seed) wanted.seed = static_cast<int64_t>(sampler_.params().seed);
  return make_sampler(wanted, session_->model().file(), tokenizer_);
}

bool ChatSession::can_regenerate() const {
  return raw() ? !last_raw_.empty()
               : !conversation_.messages.empty() && conversation_.messages.back().role == Role::kAssistant;
}

void ChatSession::clear() {
  generator_->clear();
  held_.clear();
  before_answer_.reset();
  last_raw_.clear();
  attached_.clear();
  conversation_.messages.clear();
  conversation_.tools = options_.tool_choice == "none" ? std::vector<Tool>() : options_.tools;
  if (!options_.system.empty())
    conversation_.messages.push_back({.role = Role::kSystem, .content = options_.system});
}

Result<Answer> ChatSession::say(const std::string& text) {
  if (raw()) return continue_text(attached_ + text);
  const size_t n_messages = conversation_.messages.size();
  conversation_.messages.push_back({.role = Role::kUser, .content = attached_ + text});
  auto answered = answer();
  // Without an answer (an error, an interrupt while it was read) nothing was said.
  if (conversation_.messages.back().role == Role::kAssistant)
    attached_.clear();
  else
    conversation_.messages.resize(n_messages);
  return answered;
}

Result<Answer> ChatSession::again() {
  SamplingParams params = sampler_.params();
  ++params.seed;
  sampler_ = GANNET_TRY(Sampler::create(std::move(params), tokenizer_.vocabulary().size()));
  if (raw()) {
    generator_->undo();
    return continue_text(last_raw_);
  }
  Message before = std::move(conversation_.messages.back());
  conversation_.messages.pop_back();
  auto answered = answer();
  if (conversation_.messages.back().role != Role::kAssistant)
    conversation_.messages.push_back(std::move(before));
  return answered;
}

// The sequence is taken back as little as `text` needs. Returns how many of its bytes the sequence then
// holds.
size_t ChatSession::go_back_for(const std::string& text) {
  if (text.starts_with(held_)) return held_.size();
  if (before_answer_ && text.starts_with(before_answer_->text)) {
    generator_->rollback(before_answer_->mark);
    held_ = before_answer_->text;
  } else {
    generator_->clear();
    held_.clear();
    before_answer_.reset();
  }
  return held_.size();
}

Result<ChatPrompt> ChatSession::prompt(bool opens_answer) const {
  RenderOptions render;
  render.add_generation_prompt = opens_answer;
  render.continue_last = false;
  render.thinking = options_.prompt.thinking;
  if (options_.keep_thoughts) render.preserve_thinking = true;
  render.variables = options_.prompt.arguments;
  auto rendered = template_->render(conversation_, render);
  if (!rendered.ok()) return rendered.take_error().with_context("the chat template");
  return rendered;
}

Result<Answer> ChatSession::answer() {
  const ChatPrompt whole = GANNET_TRY(prompt(true));
  const std::string& text = whole.text.text;
  const auto tokens_of = [&](size_t from, size_t to) {
    return tokenizer_.encode(whole.text.part(from, to), /*add_special=*/from == 0);
  };
  size_t at = go_back_for(text);
  Answer opened;
  // Where the answer is opened: its thoughts may be left out of later prompts, which go on from there.
  if (const auto without = prompt(false); without.ok() && text.starts_with(without->text.text)) {
    const size_t opening = without->text.text.size();
    if (opening > at && opening < text.size()) {
      const auto tokens = GANNET_TRY(tokens_of(at, opening));
      GANNET_TRY(check_room(tokens.size()));
      opened = GANNET_TRY(read(tokens));
      if (opened.reason == FinishReason::kStopped) {
        report(opened);
        return opened;
      }
      held_ = text.substr(0, opening);
      at = opening;
    }
    if (opening == at) before_answer_ = Place{generator_->mark(), held_};
  }
  const auto tokens = GANNET_TRY(tokens_of(at, text.size()));
  GANNET_TRY(check_room(tokens.size()));
  OutputOptions output = template_->output_options(conversation_, whole);
  output.thoughts_in_content = options_.thoughts_in_content;
  output.parallel_calls = options_.parallel_calls;
  output.id_prefix = fmt::format("call_{}_", conversation_.messages.size());
  OutputParser parser(output);
  auto answered = generate(tokens, whole.in_thought, parser);
  if (!answered.ok()) return answered;
  answered->n_prompt += opened.n_prompt;
  answered->prompt_seconds += opened.prompt_seconds;
  report(*answered);
  if (answered->n_generated == 0) return answered;
  const auto made = generator_->history().last(answered->n_generated);
  held_ = text + GANNET_TRY(tokenizer_.decode(made, {.show_special = true}));
  conversation_.messages.push_back(parser.message());
  std::erase_if(conversation_.messages.back().calls, [](const ToolCall& call) { return !call.complete; });
  return answered;
}

Result<Answer> ChatSession::continue_text(const std::string& text) {
  const bool continued = !generator_->history().empty();
  const auto tokens = GANNET_TRY(tokenizer_.encode(text, {.add_special = !continued, .parse_special = true}));
  GANNET_TRY(check_room(tokens.size()));
  OutputParser parser({});
  auto answered = generate(tokens, false, parser);
  if (!answered.ok()) return answered;
  last_raw_ = text;
  attached_.clear();
  report(*answered);
  return answered;
}

// An interrupt is no error: the reason is kStopped then, and nothing was read.
Result<Answer> ChatSession::read(std::span<const TokenId> tokens) {
  ProgressBar bar("reading");
  const auto began = std::chrono::steady_clock::now();
  auto done = generator_->read(tokens, [&](size_t read, size_t total) {
    if (read < total) bar.update(read, total, "tokens");
    return !interrupted();
  });
  Answer answer;
  if (!done.ok()) {
    if (done.error().code() != ErrorCode::kInterrupted) return done.take_error();
    answer.reason = FinishReason::kStopped;
    return answer;
  }
  answer.n_prompt = tokens.size();
  answer.prompt_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return answer;
}

Result<Answer> ChatSession::generate(std::span<const TokenId> tokens, bool in_thought, OutputParser& parser) {
  AnswerOptions asked = GANNET_TRY(answer_options(ends_, tokenizer_, {.open_at_start = in_thought}));
  asked.n_predict = options_.n_predict;
  asked.constraint = GANNET_TRY(constraint(in_thought));
  AnswerView view(options_.thoughts);
  std::optional<ProgressBar> reading("reading");
  const auto show = [&](const std::vector<OutputDelta>& deltas) {
    bool wanted = true;
    for (const OutputDelta& delta : deltas) wanted = view.show(delta) && wanted;
    return wanted;
  };
  auto answer = generator_->generate(
      tokens, asked,
      [&](std::string_view piece) {
        reading.reset();  // out of the way of the answer
        const bool wanted = show(parser.feed(piece)) && !parser.done();
        return wanted && !interrupted();
      },
      [&](size_t done, size_t total) {
        if (done < total) reading->update(done, total, "tokens");
        return !interrupted();
      });
  reading.reset();
  if (answer.ok())
    show(parser.finish(answer->reason == FinishReason::kEnd ? OutputEnd::kStop : OutputEnd::kCut));
  const bool cut = answer.ok() && answer->reason != FinishReason::kEnd && !parser.done();
  GANNET_TRY(view.end(cut));
  if (parser.cut_in_call())
    gannet::say("the answer was cut inside a call, which is not shown; -n gives it more tokens");
  const bool form = asked.constraint != nullptr && conversation_.tools.empty();
  if (cut && form && !interrupted() && !rule_->complete())
    gannet::say("the answer was cut before it had the form that {} asks for; -n gives it more tokens",
                options_.form);
  return answer;
}

// Null: the answer may be anything.
Result<TokenConstraint*> ChatSession::constraint(bool in_thought) {
  const bool calls = !conversation_.tools.empty();
  if (!calls && !options_.schema && options_.grammar.empty()) return nullptr;
  const auto named = [&]<class T>(Result<T> result) -> Result<T> {
    if (!result.ok()) return result.take_error().with_context(options_.form);
    return result;
  };
  std::optional<GrammarConstraint>& made = rules_[in_thought ? 1 : 0];
  if (!made) {
    if (!trie_) trie_ = TokenTrie::build(tokenizer_.vocabulary());
    Grammar grammar =
        GANNET_TRY(named(answer_grammar(options_, template_ ? template_->facts().calls : CallFormat::kNone)));
    if (in_thought) grammar = after_marker(grammar, "</think>");
    made = GANNET_TRY(named(GrammarConstraint::create(grammar, trie_)));
  }
  rule_ = *made;
  return &*rule_;
}

// The generator refuses what is too long for the whole context; a later message also stands beside what was
// said before.
Result<void> ChatSession::check_room(size_t n_tokens) const {
  const size_t taken = generator_->history().size(), room = generator_->room();
  if (taken == 0 || n_tokens <= room) return {};
  const int64_t n_ctx = session_->options().n_ctx;
  if (room == 0)
    return Error(ErrorCode::kRuntime,
                 fmt::format("the context is full ({} of {} tokens); /clear starts anew", taken, n_ctx));
  return Error(
      ErrorCode::kRuntime,
      fmt::format("the message has {} tokens, {} of the {} of the context are free for it; shorten it, "
                  "or /clear and send it again",
                  n_tokens, room, n_ctx));
}

void ChatSession::stop_using() {
  if (raw()) said_raw_.assign(generator_->history().begin(), generator_->history().end());
  generator_.reset();
  held_.clear();
  before_answer_.reset();
}

Result<void> ChatSession::use(Session& session, Decoder& decoder) {
  session_ = &session;
  decoder_ = &decoder;
  generator_.emplace(decoder, tokenizer_, sampler_);
  prepared_ = false;
  if (said_raw_.empty()) return {};
  return generator_->read(std::exchange(said_raw_, {}));
}

void ChatSession::prepare() {
  if (prepared_) return;
  prepared_ = true;
  session_->plan_ahead(session_->options().n_ubatch, session_->options().mtp);
}

std::string ChatSession::about() const {
  const Model& model = session_->model();
  const std::string& name = model.hyperparameters().name;
  return fmt::format("{}{}, context of {} tokens{}", name.empty() ? "" : printable(name, 100) + ", ",
                     model.type_text(), session_->options().n_ctx,
                     raw() ? ", continues text (no chat format)" : "");
}

std::string ChatSession::thoughts() const {
  if (conversation_.messages.empty()) return "";
  return conversation_.messages.back().reasoning.value_or("");
}

void ChatSession::report(const Answer& a) {
  prompt_seconds_ += a.prompt_seconds;
  generate_seconds_ += a.generate_seconds;
  if (a.reason == FinishReason::kContextFull)
    gannet::say("the answer was cut: the context of {} tokens is full; a larger --ctx-size helps",
                session_->options().n_ctx);
  if (a.reason == FinishReason::kRepetition) gannet::say("the answer was stopped: it repeated itself");
  if (!options_.timings) return;
  const double prompt_rate = a.prompt_seconds > 0 ? static_cast<double>(a.n_prompt) / a.prompt_seconds : 0;
  // The first token costs no decode step.
  const double steps = a.n_generated > 1 ? static_cast<double>(a.n_generated - 1) : 0;
  put_stderr(fmt::format("[prompt {} tokens, {:.1f} t/s; answer {} tokens, {:.1f} t/s; seed {}]\n",
                         a.n_prompt, prompt_rate, a.n_generated,
                         a.generate_seconds > 0 ? steps / a.generate_seconds : 0, sampler_.params().seed));
  const Controller& controller = decoder_->controller();
  put_stderr(fmt::format("[speculation: {}]\n",
                         decoder_->statistics().line(controller.seconds_saved(), controller.why_off())));
}

}  // namespace gannet
