// Which token comes next, and what an answer remembers of the tokens that came.
#include <algorithm>

#include <fmt/core.h>

#include "base/philox.h"
#include "draft/verify.h"
#include "engine/decoder_round.h"

namespace gannet {
namespace {

constexpr uint64_t kSyntheticKey = 0x73796e7468;

Result<LogProbs> log_probs(const AnswerRequest& request, const LogitsRow& logits, TokenId chosen,
                           bool forced) {
  const auto n_top = static_cast<size_t>(std::max(request.n_log_probs, 0));
  if (!request.post_sampling) return log_probs_of_logits(GANNET_TRY(logits.all()), chosen, n_top);
  const Distribution last = request.sampler->last();
  const Candidate certain{0, chosen};
  return forced ? log_probs_of_distribution({&certain, 1}, 1, chosen, n_top)
                : log_probs_of_distribution(last.candidates, last.temperature, chosen, n_top);
}

}  // namespace

void Decoder::begin_answer(Stream& stream, AnswerRequest request) {
  stream.request_ = std::move(request);
  stream.position_ = 0;
  stream.finished_ = FinishReason::kNone;
  stream.failure_.reset();
  if (stream.request_.sampler != nullptr) stream.sampler_state_ = stream.request_.sampler->fresh_state();
  stream.thought_ = ThoughtBudget(stream.request_.thought, vocabulary_);
  stream.repetition_ = RepetitionStop(stream.request_.repetition);
  for (Stream::Foretold& foretold : stream.foretold_) foretold.tokens.clear();
}

// A draft whose first token cannot come is not worth its rows. What follows a right one is up to the
// verification: the constraint does not look ahead.
void Decoder::drop_forbidden(Turn& turn) const {
  if (turn.draft.empty()) return;
  const Stream& stream = *turn.stream;
  const TokenId first = turn.draft.front().token;
  bool possible = stream.thought_.forced().value_or(first) == first;
  if (possible && stream.request_.constraint != nullptr) {
    const auto allowed = stream.request_.constraint->allowed();
    possible = !allowed.ok() || is_allowed(*allowed, first);  // errors are for whoever chooses
  }
  if (!possible) turn.draft.clear();
}

void Decoder::choose_tokens(Turn& turn, const StepResult& result, size_t first_row) {
  Stream& stream = *turn.stream;
  for (size_t place = 0; place < turn.rows.size(); ++place) {
    const auto token =
        choose(stream, session_.logits(result, first_row + place, vocabulary_.size()), &turn, place);
    if (!token.ok()) {
      stream.failure_ = token.error();
      stream.finished_ = FinishReason::kStopped;
      return;
    }
    const bool right = place < turn.draft.size() && turn.draft[place].token == *token;
    score(stream, *token, turn.source);
    emit(stream, *token);
    ++turn.n_emitted;
    turn.n_right += right ? 1 : 0;
    if (!right || stream.finished_ != FinishReason::kNone) return;
  }
}

// What the thought's budget forces or the sampler says, within the constraint. All that is remembered of the
// answer goes on by this token.
Result<TokenId> Decoder::ask_sampler(Stream& stream, const LogitsRow& logits, const DraftToken* draft) {
  const AnswerRequest& request = stream.request_;
  SampleContext context{.allowed = {}, .state = &stream.sampler_state_};
  if (request.constraint != nullptr) context.allowed = GANNET_TRY(request.constraint->allowed());
  const std::optional<TokenId> forced = stream.thought_.forced();
  TokenId chosen = -1;
  if (forced) {
    chosen = *forced;
    if (!is_allowed(context.allowed, chosen))
      return Error(
          ErrorCode::kRuntime,
          fmt::format("the thought has to end at position {}, but the grammar or schema does not allow "
                      "the closing message there",
                      stream.position_));
  } else {
    Sampler& sampler = *request.sampler;
    chosen =
        GANNET_TRY(draft != nullptr ? choose_token(sampler, logits, stream.position_, stream.history_, *draft,
                                                   options_.verification, context)
                                    : sampler.sample(logits, stream.position_, stream.history_, context));
    sampler.accept(chosen, &stream.sampler_state_);
  }
  if (request.on_log_probs)
    stream.log_probs_ = GANNET_TRY(log_probs(request, logits, chosen, forced.has_value()));
  if (request.constraint != nullptr) request.constraint->accept(chosen);
  stream.thought_.accept(chosen);
  return chosen;
}

// Whether the likeliest of its rows are worth asking for. A mask mostly leaves the very likeliest, and seldom
// enough of them to draw from.
bool Decoder::takes_top(const Stream& stream) const {
  const AnswerRequest& r = stream.request_;
  const auto n = static_cast<size_t>(session_.options().top_logits);
  if (r.sampler == nullptr || !r.sampler->may_do_with(n) || (r.on_log_probs && !r.post_sampling))
    return false;
  return r.constraint == nullptr || r.sampler->params().greedy();
}

Result<TokenId> Decoder::choose(Stream& stream, const LogitsRow& logits, const Turn* turn, size_t place) {
  const bool drafted = turn != nullptr && place < turn->draft.size();
  const TokenId chosen = GANNET_TRY(ask_sampler(stream, logits, drafted ? &turn->draft[place] : nullptr));
  const std::span<const TokenId> script = stream.request_.script;
  if (!script.empty()) return script[stream.position_ % script.size()];
  if (!drafted || options_.synthetic_rates.empty()) return chosen;
  const std::vector<float>& rates = options_.synthetic_rates;
  const auto rate = [&](size_t i) { return i < rates.size() ? double{rates[i]} : 0.0; };
  const double before = place == 0 ? 1 : rate(place - 1);
  const double u = philox_uniform(philox4x32(kSyntheticKey, stream.position_, stream.history_.size())[0]);
  const TokenId draft = turn->draft[place].token;
  if (u * before < rate(place)) return draft;
  return chosen != draft ? chosen : (draft + 1) % vocabulary_.size();
}

void Decoder::score(Stream& stream, TokenId token, int verified_source) {
  if (!options_.synthetic_rates.empty()) return;
  for (size_t k = 0; k < drafters_.size(); ++k) {
    Stream::Foretold& foretold = stream.foretold_[k];
    if (foretold.at >= foretold.tokens.size()) continue;
    if (static_cast<int>(k) == verified_source) {  // it is told by the outcome of the round
      foretold.tokens.clear();
      foretold.at = 0;
      continue;
    }
    const DraftToken& said = foretold.tokens[foretold.at];
    const bool right = said.token == token;
    controller_.shadow(stream.slot_, static_cast<int>(k), static_cast<int>(foretold.at), said.confidence,
                       right);
    if (right) {
      ++foretold.at;
    } else {
      foretold.tokens.clear();
      foretold.at = 0;
    }
  }
}

void Decoder::emit(Stream& stream, TokenId token) {
  stream.history_.push_back(token);
  token_counts_.add({&token, 1});
  stream.n_known_ = stream.history_.size();
  ++stream.position_;
  const auto n_generated = static_cast<int64_t>(stream.position_);
  const AnswerRequest& request = stream.request_;
  const bool repeats = stream.repetition_.accept(std::span(stream.history_).last(stream.n_generated()));
  if (vocabulary_.is_end(token)) {
    stream.finished_ = FinishReason::kEnd;
    return;
  }
  if (request.on_log_probs) request.on_log_probs(token, stream.log_probs_);
  if (!request.on_token(token)) {
    stream.finished_ = FinishReason::kStopped;
  } else if (repeats) {
    stream.finished_ = FinishReason::kRepetition;
  } else if (stream.history_.size() >= static_cast<size_t>(session_.options().n_ctx)) {
    stream.finished_ = FinishReason::kContextFull;
  } else if (n_generated == request.n_predict) {
    stream.finished_ = FinishReason::kLength;
  }
}

}  // namespace gannet
