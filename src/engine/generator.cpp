#include "engine/generator.h"

#include <chrono>

#include <fmt/core.h>

#include "text/detokenizer.h"

namespace gannet {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Generator::Generator(Session& session, const Tokenizer& tokenizer, Sampler& sampler)
    : session_(session), tokenizer_(tokenizer), sampler_(sampler), sequence_(session.new_sequence()) {}

void Generator::undo() {
  sequence_.rollback(before_);
  history_.resize(history_before_);
}

void Generator::clear() {
  sequence_.clear();
  history_.clear();
  before_ = {};
  history_before_ = 0;
}

size_t Generator::room() const {
  const auto n_ctx = static_cast<size_t>(session_.options().n_ctx);
  return n_ctx - std::min(n_ctx, history_.size() + 1);
}

Result<Answer> Generator::generate(std::span<const TokenId> prompt, int64_t n_predict, const OnText& on_text,
                                   const OnPrompt& on_prompt) {
  const StateSnapshot before = sequence_.snapshot();
  const size_t history_before = history_.size();
  history_.insert(history_.end(), prompt.begin(), prompt.end());
  const auto back = [&] {
    sequence_.rollback(before);
    history_.resize(history_before);
  };
  const auto fail = [&](Error error) {
    back();
    return error;
  };

  const std::span<const TokenId> unread =
      std::span(history_).subspan(static_cast<size_t>(sequence_.length()));
  const auto n_ctx = static_cast<size_t>(session_.options().n_ctx);
  if (unread.empty()) return fail(Error(ErrorCode::kUsage, "the prompt is empty"));
  if (history_.size() >= n_ctx)
    return fail(
        Error(ErrorCode::kRuntime,
              fmt::format("the prompt has {} tokens, the context holds {}; shorten it or raise --ctx-size",
                          history_.size(), n_ctx)));

  Answer answer;
  answer.n_prompt = unread.size();
  auto start = Clock::now();
  auto rows = session_.prefill(sequence_, unread,
                               [&](size_t done) { return !on_prompt || on_prompt(done, unread.size()); });
  if (!rows.ok()) {
    if (rows.error().code() != ErrorCode::kInterrupted) return fail(rows.take_error());
    back();
    before_ = before;
    history_before_ = history_before;
    answer.reason = FinishReason::kStopped;
    return answer;
  }
  answer.prompt_seconds = seconds_since(start);

  start = Clock::now();
  Detokenizer text(tokenizer_, /*show_special=*/false, IllFormed::kReplace);
  const auto n_vocab = static_cast<size_t>(tokenizer_.vocabulary().size());
  // Rows of the head beyond the vocabulary are padding and never chosen.
  GANNET_CHECK(rows->logits.shape.last() >= static_cast<int64_t>(n_vocab));
  answer.reason = FinishReason::kLength;
  for (int64_t n = 0; n_predict < 0 || n < n_predict; ++n) {
    auto token = sampler_.sample({rows->logits.f32(0), n_vocab}, static_cast<uint64_t>(n), history_);
    if (!token.ok()) return fail(token.take_error());
    history_.push_back(*token);
    ++answer.n_generated;
    if (tokenizer_.vocabulary().is_end(*token)) {
      answer.reason = FinishReason::kEnd;
      break;
    }
    if (!on_text(text.push(*token))) {
      answer.reason = FinishReason::kStopped;
      break;
    }
    if (history_.size() >= n_ctx) {
      answer.reason = FinishReason::kContextFull;
      break;
    }
    if (n + 1 == n_predict) break;
    rows = session_.forward(sequence_, std::span(&history_.back(), 1), LogitRows::kLast);
    if (!rows.ok()) return fail(rows.take_error());
  }
  on_text(text.flush());
  before_ = before;
  history_before_ = history_before;
  answer.generate_seconds = seconds_since(start);
  return answer;
}

}  // namespace gannet
