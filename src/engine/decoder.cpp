#include "engine/decoder.h"

#include <algorithm>

#include <fmt/core.h>

#include "engine/decoder_round.h"
#include "engine/mtp_drafter.h"

namespace gannet {
namespace {

ControllerOptions controller_options(const SpeculationOptions& o,
                                     const std::vector<std::unique_ptr<Drafter>>& drafters,
                                     const Session& session) {
  ControllerOptions c;
  for (const auto& drafter : drafters) {
    const DrafterInfo& info = drafter->info();
    c.sources.push_back({info.name, info.looks_up, info.whole_block, info.most});
  }
  c.choose = o.mode == SpeculationMode::kAuto;
  c.guard = !o.force;
  c.most_rows = static_cast<int>(std::min(kExactRows, session.most_rows()));
  return c;
}

std::vector<std::string> names_of(const std::vector<std::unique_ptr<Drafter>>& drafters) {
  std::vector<std::string> names;
  for (const auto& drafter : drafters) names.push_back(drafter->info().name);
  return names;
}

}  // namespace

Decoder::Decoder(Session& session, const Vocabulary& vocabulary, DecoderOptions options,
                 std::vector<std::unique_ptr<Drafter>> drafters)
    : session_(session),
      vocabulary_(vocabulary),
      options_(std::move(options.speculation)),
      drafters_(std::move(drafters)),
      controller_(controller_options(options_, drafters_, session), std::move(options.costs),
                  std::move(options.acceptance)),
      statistics_(names_of(drafters_)),
      failures_(drafters_.size()),
      rows_seen_(static_cast<size_t>(session.most_rows()) + 1),
      round_(std::make_unique<Round>()) {
  for (const auto& drafter : drafters_) wants_hidden_ = wants_hidden_ || drafter->info().hidden;
}

Decoder::~Decoder() = default;

Stream& Decoder::open() {
  const auto free = std::ranges::find_if(streams_, [](const auto& s) { return s == nullptr; });
  const auto slot = static_cast<size_t>(free - streams_.begin());
  if (free == streams_.end()) streams_.emplace_back();
  streams_[slot].reset(new Stream(session_.new_sequence()));
  Stream& stream = *streams_[slot];
  stream.slot_ = static_cast<int>(slot);
  stream.foretold_.resize(drafters_.size());
  for (const auto& drafter : drafters_)
    // The one kind that works on the target's own sequence.
    if (auto* mtp = dynamic_cast<MtpDrafter*>(drafter.get())) mtp->attach(stream.slot_, &stream.sequence_);
  return stream;
}

void Decoder::close(Stream& stream) {
  const int slot = stream.slot_;
  for (const auto& drafter : drafters_) drafter->end(slot);
  streams_[static_cast<size_t>(slot)] = nullptr;
}

StreamMark Decoder::mark(Stream& stream) {
  return {stream.sequence_.snapshot(), stream.history_.size()};
}

void Decoder::rollback(Stream& stream, const StreamMark& mark) {
  stream.sequence_.rollback(mark.state);
  GANNET_CHECK(mark.n_history <= stream.history_.size(), "a mark of another text");
  stream.history_.resize(mark.n_history);
  stream.n_known_ = std::min(stream.n_known_, mark.n_history);
  stream.finished_ = FinishReason::kStopped;
}

Result<void> Decoder::start(Stream& stream, std::span<const TokenId> prompt, AnswerRequest request,
                            const OnPrompt& on_prompt) {
  const StreamMark before = mark(stream);
  stream.history_.insert(stream.history_.end(), prompt.begin(), prompt.end());
  Result<void> done = read(stream, std::move(request), on_prompt);
  if (!done.ok()) rollback(stream, before);
  return done;
}

Result<void> Decoder::read(Stream& stream, AnswerRequest request, const OnPrompt& on_prompt) {
  const auto n_ctx = static_cast<size_t>(session_.options().n_ctx);
  const auto n_read = static_cast<size_t>(stream.sequence_.length());
  const std::span<const TokenId> unread = std::span(stream.history_).subspan(n_read);
  if (unread.empty()) return Error(ErrorCode::kUsage, "the prompt is empty");
  if (stream.history_.size() >= n_ctx)
    return Error(ErrorCode::kRuntime,
                 fmt::format("the prompt has {} tokens, the context holds {}; shorten it or raise --ctx-size",
                             stream.history_.size(), n_ctx));
  for (size_t k = 0; k < drafters_.size(); ++k)
    check(k, drafters_[k]->begin(stream.slot_, stream.history_, stream.n_known_));
  stream.n_known_ = stream.history_.size();
  token_counts_.add(unread);
  controller_.begin(stream.slot_);
  begin_answer(stream, std::move(request));

  const auto n_ubatch = static_cast<size_t>(session_.options().n_ubatch);
  size_t hidden_of_prompt = 0;
  for (const auto& drafter : drafters_)
    if (drafter->info().hidden)
      hidden_of_prompt =
          std::max(hidden_of_prompt, static_cast<size_t>(drafter->prompt_rows(std::ssize(unread))));
  for (size_t at = 0; at < unread.size();) {
    const size_t n = std::min(n_ubatch, unread.size() - at);
    const bool last = at + n == unread.size();
    const size_t left = unread.size() - at - n;
    const auto n_hidden =
        static_cast<int64_t>(std::min(n, hidden_of_prompt - std::min(left, hidden_of_prompt)));
    const StepPiece piece{.sequence = &stream.sequence_,
                          .tokens = unread.subspan(at, n),
                          .logits = last ? LogitRows::kLast : LogitRows::kNone,
                          .kept = static_cast<int64_t>(n) > session_.options().open_rows,
                          .hidden = {},
                          .n_hidden = n_hidden};
    const StepResult result = GANNET_TRY(session_.step(StatePart::kTrunk, {&piece, 1}, n_hidden > 0));
    stream.sequence_.commit(StatePart::kTrunk, static_cast<int64_t>(n));
    // Before drafters run steps of their own: the logits are good until then.
    std::optional<TokenId> first;
    if (last && stream.request_.n_predict != 0)
      first = GANNET_TRY(choose(stream, result.logits_row(0), nullptr, 0));
    TargetRows rows{stream.slot_, stream.history_, static_cast<int64_t>(n_read + at),
                    static_cast<int64_t>(n)};
    if (result.hidden >= 0) {
      rows.hidden = result.piece_hidden[0];
      rows.no_hidden = rows.n - n_hidden;
    }
    tell({&rows, 1});
    if (first) emit(stream, *first);
    if (last && !first) stream.finished_ = FinishReason::kLength;
    at += n;
    if (on_prompt && !on_prompt(at, unread.size()) && !last)
      return Error(ErrorCode::kInterrupted, "stopped while reading the prompt");
  }
  return {};
}

void Decoder::check(size_t drafter, const Result<void>& result) {
  if (!result.ok()) failures_[drafter] = result.error().message();
}

Result<void> Decoder::save() {
  GANNET_CHECK(std::ranges::all_of(streams_, [](const auto& s) { return s == nullptr; }), "a stream is open");
  for (const auto& drafter : drafters_) GANNET_TRY(drafter->save());
  return {};
}

std::vector<std::string> Decoder::warnings() const {
  std::vector<std::string> all;
  for (size_t k = 0; k < drafters_.size(); ++k)
    if (!failures_[k].empty())
      all.push_back(fmt::format("{} drafts no more: {}", drafters_[k]->info().name, failures_[k]));
  return all;
}

}  // namespace gannet
