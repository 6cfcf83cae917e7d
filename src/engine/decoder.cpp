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

size_t Stream::n_settled() const {
  return static_cast<size_t>(recurrent() ? sequence_.earliest() : sequence_.length());
}

StreamMark Decoder::mark(Stream& stream) {
  return {stream.sequence_.snapshot(), stream.history_.size()};
}

StreamMark Decoder::mark(Stream& stream, size_t n_tokens) const {
  SequenceState cut = stream.sequence_.fork();
  const auto length = static_cast<int64_t>(n_tokens);
  const int64_t n_mtp = std::max(int64_t{0}, cut.length(StatePart::kMtp) - (cut.length() - length));
  const bool done = cut.truncate(StatePart::kTrunk, length) && cut.truncate(StatePart::kMtp, n_mtp);
  GANNET_CHECK(done, "a mark of what is stored nowhere");
  return {cut.snapshot(), n_tokens};
}

bool Decoder::can_mark(const Stream& stream, int64_t before_end) const {
  return before_end <= 0 || !stream.recurrent() ||
         (!session_.one_sequence_at_a_time() && before_end <= session_.options().open_rows);
}

void Decoder::resume(Stream& stream, std::span<const TokenId> tokens, const StateSnapshot& state) {
  GANNET_CHECK(state.length() == std::ssize(tokens), "the state of another text");
  stream.sequence_.rollback(state);
  stream.history_.assign(tokens.begin(), tokens.end());
  stream.n_known_ = 0;
  stream.finished_ = FinishReason::kStopped;
  stream.reading_ = false;
}

void Decoder::rollback(Stream& stream, const StreamMark& mark) {
  stream.sequence_.rollback(mark.state);
  GANNET_CHECK(mark.n_history <= stream.history_.size(), "a mark of another text");
  stream.history_.resize(mark.n_history);
  stream.n_known_ = std::min(stream.n_known_, mark.n_history);
  stream.finished_ = FinishReason::kStopped;
  stream.reading_ = false;
}

Result<void> Decoder::start(Stream& stream, std::span<const TokenId> prompt, AnswerRequest request,
                            const OnPrompt& on_prompt) {
  const StreamMark before = mark(stream);
  GANNET_TRY(begin(stream, prompt, std::move(request)));
  Result<void> done = read(stream, on_prompt);
  if (!done.ok()) rollback(stream, before);
  return done;
}

Result<void> Decoder::begin(Stream& stream, std::span<const TokenId> prompt, AnswerRequest request) {
  const auto n_ctx = static_cast<size_t>(session_.options().n_ctx);
  const auto n_read = static_cast<size_t>(stream.sequence_.length());
  const size_t n_all = stream.history_.size() + prompt.size();
  if (n_all == n_read) return Error(ErrorCode::kUsage, "the prompt is empty");
  if (n_all >= n_ctx)
    return Error(ErrorCode::kRuntime,
                 fmt::format("the prompt has {} tokens, the context holds {}; shorten it or raise --ctx-size",
                             n_all, n_ctx));
  stream.history_.insert(stream.history_.end(), prompt.begin(), prompt.end());
  const std::span<const TokenId> unread = std::span(stream.history_).subspan(n_read);
  stream.hidden_rows_ = 0;
  for (size_t k = 0; k < drafters_.size(); ++k) {
    check(k, drafters_[k]->begin(stream.slot_, stream.history_, stream.n_known_));
    if (drafters_[k]->info().hidden)
      stream.hidden_rows_ = std::max(stream.hidden_rows_, drafters_[k]->prompt_rows(std::ssize(unread)));
  }
  stream.n_known_ = stream.history_.size();
  token_counts_.add(unread);
  controller_.begin(stream.slot_);
  begin_answer(stream, std::move(request));
  stream.reading_ = true;
  stream.short_prompt_ = std::ssize(unread) <= session_.options().open_rows;
  return {};
}

Result<void> Decoder::read(Stream& stream, const OnPrompt& on_prompt) {
  const size_t total = stream.n_unread();
  while (stream.reading_) {
    const PromptPiece piece{&stream, session_.options().n_ubatch};
    GANNET_TRY(round({}, {&piece, 1}));
    if (stream.failure_) return *stream.failure_;
    if (on_prompt && !on_prompt(total - stream.n_unread(), total) && stream.reading_)
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
