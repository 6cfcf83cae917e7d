#include "engine/decoder_round.h"

#include <algorithm>
#include <bit>

namespace gannet {
namespace {

// Places of a draft that was not verified which are compared with the text that comes.
constexpr size_t kForetold = 8;

// Models hardly ever draft more: plans for longer drafts of theirs are not made for them.
constexpr int kUsualDraft = 7;

// Drafts whose rightness is made up are as sure as this.
constexpr float kSyntheticConfidence = 0.8f;

}  // namespace

void Decoder::Round::begin(std::span<Stream* const> streams, size_t n_drafters) {
  n_turns = 0;
  if (all.size() < streams.size()) all.resize(streams.size());
  for (Stream* stream : streams) {
    if (stream->finished() != FinishReason::kNone || stream->n_unread() > 0) continue;
    Turn& turn = all[n_turns++];
    turn.stream = stream;
    turn.source = -1;
    turn.draft.clear();
    turn.n_right = turn.n_emitted = 0;
    turn.found.resize(n_drafters);
    turn.found_confidence.resize(n_drafters);
    turn.offers.clear();
  }
  if (confidence.size() < n_turns) confidence.resize(n_turns);
  for (std::vector<float>& of_turn : confidence) of_turn.clear();
  draft_seconds.assign(n_drafters, 0);
  draft_tokens.assign(n_drafters, 0);
  began = Clock::now();
}

// So many that plain decoding could have chosen all of them, and one more.
int Decoder::most_drafts(const Stream& stream) const {
  if (session_.one_sequence_at_a_time()) return 0;
  const auto history = static_cast<int64_t>(stream.history_.size());
  int64_t most = std::min({kExactRows, session_.most_rows(), session_.options().open_rows}) - 1;
  most = std::min(most, session_.options().n_ctx - history - 1);
  if (stream.request_.n_predict >= 0)
    most = std::min(most, stream.request_.n_predict - static_cast<int64_t>(stream.position_) - 1);
  return static_cast<int>(std::max(most, int64_t{0}));
}

// Cuts what cannot become text or need not be verified: the row in front of an end token says by itself
// whether the answer ends.
void Decoder::trim(std::vector<DraftToken>& draft, int n_most, bool model) const {
  size_t n = std::min(draft.size(), static_cast<size_t>(n_most));
  for (size_t i = 0; i < n; ++i) {
    const DraftToken& d = draft[i];
    if (d.token < 0 || d.token >= vocabulary_.size() || vocabulary_.is_end(d.token) ||
        (model && d.confidence < options_.p_min))
      n = i;
  }
  if (model && n < static_cast<size_t>(options_.n_min)) n = 0;
  draft.resize(n);
  if (!options_.synthetic_rates.empty())
    for (DraftToken& d : draft) d.confidence = kSyntheticConfidence;
}

int Decoder::ready_rows(const Round& round) {
  if (options_.mode != SpeculationMode::kAuto) return static_cast<int>(kExactRows);
  auto wanted = static_cast<int>(round.n_turns);
  for (size_t i = 0; i < round.n_turns; ++i) {
    int most = 0;
    for (const Offer& offer : round.all[i].offers)
      most = std::max(most, offer.confidence.empty() ? std::min(offer.n, kUsualDraft) : offer.n);
    wanted += most;
  }
  const auto n_ubatch = static_cast<int>(session_.options().n_ubatch);
  while (ready_rows_ < std::min(wanted, static_cast<int>(kExactRows))) {
    // Plans are for powers of two, and the micro-batch.
    int next = 2 * static_cast<int>(std::bit_floor(static_cast<unsigned>(ready_rows_)));
    if (ready_rows_ < n_ubatch && n_ubatch < next) next = n_ubatch;
    if (!session_.ready(StatePart::kTrunk, next, next, wants_hidden_ ? next : 0)) break;
    ready_rows_ = next;
  }
  return ready_rows_;
}

void Decoder::look_up(Round& round) {
  const bool automatic = options_.mode == SpeculationMode::kAuto;
  for (size_t k = 0; k < drafters_.size(); ++k) {
    const DrafterInfo& info = drafters_[k]->info();
    if (!failures_[k].empty() || !controller_.wanted(static_cast<int>(k))) continue;
    if (!info.looks_up) {
      if (automatic && !drafters_[k]->ready()) continue;
      for (Turn& turn : round.turns()) {
        const bool capped = !automatic || options_.n_max_said;
        const int n = std::min(turn.n_most, capped ? std::min(info.most, options_.n_max) : info.most);
        if (n > 0) turn.offers.push_back({static_cast<int>(k), n, {}});
      }
      continue;
    }
    const Stopwatch watch(round.draft_seconds[k]);
    round.requests.clear();
    round.requesting.clear();
    for (size_t i = 0; i < round.n_turns; ++i) {
      Turn& turn = round.all[i];
      turn.found[k].clear();
      // More rows than twice what there are plans for are not verified yet, so they need not be looked up.
      const int useful = automatic ? 2 * ready_rows_ - 1 : info.most;
      const int n_most = std::min({turn.n_most, info.most, useful});
      if (n_most < 1) continue;
      DraftRequest request;
      request.slot = turn.stream->slot_;
      request.history = turn.stream->history_;
      request.n_most = n_most;
      request.tokens = std::move(turn.found[k]);
      round.requests.push_back(std::move(request));
      round.requesting.push_back(i);
    }
    if (round.requests.empty()) continue;
    check(k, drafters_[k]->draft(round.requests));
    for (size_t r = 0; r < round.requests.size(); ++r) {
      Turn& turn = round.all[round.requesting[r]];
      std::vector<DraftToken>& found = turn.found[k] = std::move(round.requests[r].tokens);
      trim(found, turn.n_most, false);
      const auto n = static_cast<int>(found.size());
      round.draft_tokens[k] += n;
      if (n == 0) continue;
      std::vector<float>& confidence = turn.found_confidence[k];
      confidence.clear();
      for (const DraftToken& d : found) confidence.push_back(d.confidence);
      turn.offers.push_back({static_cast<int>(k), n, confidence});
      Stream::Foretold& foretold = turn.stream->foretold_[k];
      if (foretold.at >= foretold.tokens.size()) {
        const auto kept = static_cast<std::ptrdiff_t>(std::min(found.size(), kForetold));
        foretold.tokens.assign(found.begin(), found.begin() + kept);
        foretold.at = 0;
      }
    }
  }
}

void Decoder::draft(Round& round) {
  if (drafters_.empty()) return;
  for (Turn& turn : round.turns()) turn.n_most = most_drafts(*turn.stream);
  look_up(round);
  round.offers.clear();
  for (Turn& turn : round.turns())
    round.offers.push_back({turn.stream->slot_, turn.stream->sequence_.length(), turn.offers});
  const std::vector<DraftPlan> plans = controller_.choose(round.offers, ready_rows(round));

  for (size_t k = 0; k < drafters_.size(); ++k) {
    round.requests.clear();
    round.requesting.clear();
    for (size_t i = 0; i < round.n_turns; ++i) {
      Turn& turn = round.all[i];
      if (plans[i].source != static_cast<int>(k) || plans[i].n < 1) continue;
      turn.source = plans[i].source;
      if (drafters_[k]->info().looks_up) {
        std::swap(turn.draft, turn.found[k]);
        turn.draft.resize(std::min(turn.draft.size(), static_cast<size_t>(plans[i].n)));
        continue;
      }
      DraftRequest request;
      request.slot = turn.stream->slot_;
      request.history = turn.stream->history_;
      request.n_most = std::min(plans[i].n, turn.n_most);
      request.sampling = &turn.stream->request_.sampler->params();
      request.state = &turn.stream->sampler_state_;
      request.position = turn.stream->position_;
      request.choice =
          options_.verification == Verification::kRejection ? DraftChoice::kDrawn : DraftChoice::kSharedNoise;
      request.another = [this, i](float confidence) {
        if (!options_.synthetic_rates.empty()) confidence = kSyntheticConfidence;
        return confidence >= options_.p_min && controller_.another(i, confidence);
      };
      round.requests.push_back(std::move(request));
      round.requesting.push_back(i);
    }
    if (round.requests.empty()) continue;
    const Stopwatch watch(round.draft_seconds[k]);
    check(k, drafters_[k]->draft(round.requests));
    if (!failures_[k].empty()) continue;
    for (size_t r = 0; r < round.requests.size(); ++r) {
      Turn& turn = round.all[round.requesting[r]];
      round.draft_tokens[k] += static_cast<int>(round.requests[r].tokens.size());
      turn.draft = std::move(round.requests[r].tokens);
      trim(turn.draft, turn.n_most, true);
    }
  }

  bool any = false;
  for (size_t i = 0; i < round.n_turns; ++i) {
    drop_forbidden(round.all[i]);
    std::vector<float>& confidence = round.confidence[i];
    for (const DraftToken& d : round.all[i].draft) confidence.push_back(d.confidence);
    any = any || !confidence.empty();
    if (confidence.empty()) round.all[i].source = -1;  // it was asked and said nothing
  }
  if (!any) return;
  const std::vector<int> lengths = controller_.cut(std::span(round.confidence).first(round.n_turns));
  for (size_t i = 0; i < round.n_turns; ++i) {
    Turn& turn = round.all[i];
    turn.draft.resize(std::min(turn.draft.size(), static_cast<size_t>(std::max(lengths[i], 0))));
    round.confidence[i].resize(turn.draft.size());
    if (turn.draft.empty()) turn.source = -1;
  }
}

// Behind the rows of the turns, whose bits do not depend on prompts then.
void Decoder::add_prompts(Round& round, std::span<const PromptPiece> prompts) {
  round.prompts.clear();
  for (const PromptPiece& p : prompts) {
    const auto n_unread = static_cast<int64_t>(p.stream->n_unread());
    const int64_t n = std::min({p.n_tokens, n_unread, session_.most_rows() - round.n_rows});
    if (n <= 0) continue;
    const auto n_read = static_cast<size_t>(p.stream->sequence_.length());
    const int64_t left = n_unread - n;
    round.pieces.push_back({.sequence = &p.stream->sequence_,
                            .tokens = std::span(p.stream->history_).subspan(n_read, static_cast<size_t>(n)),
                            .logits = left == 0 ? LogitRows::kLast : LogitRows::kNone,
                            // Alone it would be exact, so it is in company, too.
                            .kept = !p.stream->short_prompt_,
                            .hidden = {},
                            .n_hidden = std::clamp(p.stream->hidden_rows_ - left, int64_t{0}, n),
                            .base_after = p.mark_after < 0 ? n : std::min(n, p.mark_after),
                            .top = left == 0 && takes_top(*p.stream)});
    round.prompts.push_back({p.stream, n});
    round.n_rows += static_cast<int>(n);
  }
}

void Decoder::choose_first(Stream& stream, const LogitsRow& logits) {
  stream.reading_ = false;
  if (stream.request_.n_predict == 0) {
    stream.finished_ = FinishReason::kLength;
    return;
  }
  const auto token = choose(stream, logits, nullptr, 0);
  if (token.ok()) {
    emit(stream, *token);
    return;
  }
  stream.failure_ = token.error();
  stream.finished_ = FinishReason::kStopped;
}

Result<void> Decoder::run(Round& round, std::span<const PromptPiece> prompts) {
  round.pieces.clear();
  round.n_rows = 0;
  for (Turn& turn : round.turns()) {
    turn.rows.assign(1, turn.stream->history_.back());
    for (const DraftToken& d : turn.draft) turn.rows.push_back(d.token);
    turn.n_before = turn.stream->sequence_.length();
    round.pieces.push_back({.sequence = &turn.stream->sequence_,
                            .tokens = turn.rows,
                            .logits = LogitRows::kAll,
                            .hidden = {},
                            .top = takes_top(*turn.stream)});
    round.n_rows += static_cast<int>(turn.rows.size());
  }
  add_prompts(round, prompts);
  if (round.pieces.empty()) return {};
  const bool hidden = std::ranges::any_of(round.pieces, [](const StepPiece& p) { return p.n_hidden != 0; });
  const StepResult result =
      GANNET_TRY(session_.step(StatePart::kTrunk, round.pieces, wants_hidden_ && hidden));

  // Before drafters run steps of their own: the logits are good until then.
  size_t logits_row = 0, piece = 0;
  round.told.clear();
  const auto told = [&](const Stream& stream, int64_t first, int64_t n) {
    TargetRows rows{stream.slot_, stream.history_, first, n};
    if (result.hidden >= 0 && round.pieces[piece].n_hidden != 0) {
      const int64_t n_hidden = round.pieces[piece].n_hidden;
      rows.hidden = result.piece_hidden[piece];
      rows.no_hidden = n_hidden < 0 ? 0 : n - n_hidden;
    }
    ++piece;
    if (n > 0) round.told.push_back(rows);
  };
  for (Turn& turn : round.turns()) {
    choose_tokens(turn, result, logits_row);
    logits_row += turn.rows.size();
    turn.stream->sequence_.commit(StatePart::kTrunk, turn.n_emitted);
    told(*turn.stream, turn.n_before, turn.n_emitted);
  }
  const size_t n_told_of_turns = round.told.size();
  for (const PromptPiece& p : round.prompts) {
    Stream& stream = *p.stream;
    const int64_t first = stream.sequence_.length();
    stream.sequence_.commit(StatePart::kTrunk, p.n_tokens);
    if (round.pieces[piece].logits == LogitRows::kLast) {
      choose_first(stream, session_.logits(result, logits_row++, vocabulary_.size()));
    }
    told(stream, first, p.n_tokens);
  }
  for (size_t k = 0; k < drafters_.size(); ++k) {
    if (!failures_[k].empty()) continue;
    const bool wanted = controller_.wanted(static_cast<int>(k));
    const Stopwatch watch(round.draft_seconds[k]);
    for (const Turn& turn : round.turns())
      if (turn.source == static_cast<int>(k))
        drafters_[k]->verified(turn.stream->slot_, static_cast<int>(turn.draft.size()), turn.n_right);
    // Of prompts all are told: they may be wanted later in the answer.
    const auto rows = std::span(round.told).subspan(wanted ? 0 : n_told_of_turns);
    if (!rows.empty()) check(k, drafters_[k]->ran(rows));
  }
  return {};
}

void Decoder::report(Round& round) {
  round.outcomes.clear();
  RoundOutcome outcome;
  for (size_t i = 0; i < round.n_turns; ++i) {
    const Turn& turn = round.all[i];
    SequenceOutcome o;
    o.slot = turn.stream->slot_;
    o.source = turn.source;
    o.n_verified = static_cast<int>(turn.draft.size());
    o.n_right = turn.n_right;
    o.ended = turn.n_right == turn.n_emitted && turn.n_right > 0;
    o.confidence = round.confidence[i];
    o.n_emitted = turn.n_emitted;
    round.outcomes.push_back(o);
    outcome.n_past = std::max(outcome.n_past, turn.n_before);
  }
  outcome.sequences = round.outcomes;
  outcome.n_rows = round.n_rows;
  outcome.draft_seconds = round.draft_seconds;
  outcome.draft_tokens = round.draft_tokens;
  outcome.target_seconds = std::chrono::duration<double>(Round::Clock::now() - round.began).count();
  for (const double seconds : round.draft_seconds) outcome.target_seconds -= seconds;
  const auto n_rows = static_cast<size_t>(round.n_rows);
  outcome.first_of_kind = session_.plans_waited_for() != round.plans_waited_for || !rows_seen_[n_rows];
  rows_seen_[n_rows] = true;
  // How long a step with prompts in it takes says nothing about steps of drafts.
  if (round.prompts.empty()) controller_.report(outcome);
  statistics_.add(outcome);
}

Result<void> Decoder::round(std::span<Stream* const> streams, std::span<const PromptPiece> prompts) {
  round_->begin(streams, drafters_.size());
  round_->plans_waited_for = session_.plans_waited_for();
  if (prompts.empty()) draft(*round_);
  GANNET_TRY(run(*round_, prompts));
  if (round_->n_turns > 0) report(*round_);
  return {};
}

}  // namespace gannet
