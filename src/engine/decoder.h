// Decoding: one or many texts go on, round by round. A round drafts tokens where that pays, runs one step of
// the target over the last token and the draft of every text, and keeps what the sampler chooses along the
// draft. Without a draft it is an ordinary decode step, so that there is one way to decode.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "draft/drafter.h"
#include "draft/options.h"
#include "engine/draft_vocabulary.h"
#include "engine/session.h"
#include "sample/log_probs.h"
#include "sample/repetition_stop.h"
#include "sample/sampler.h"
#include "sample/thought_budget.h"
#include "sample/token_constraint.h"
#include "speculation/controller.h"
#include "speculation/statistics.h"
#include "text/vocabulary.h"

namespace gannet {

// kStopped: whoever takes the tokens said so; kRepetition: RepetitionRules did.
enum class FinishReason { kNone, kEnd, kLength, kStopped, kContextFull, kRepetition };

// Called for every token of an answer, in order; false ends the answer behind it.
using OnToken = std::function<bool(TokenId token)>;
// Called after every piece of a prompt with the tokens read so far; false stops. May be null.
using OnPrompt = std::function<bool(size_t done, size_t total)>;
// Called right before OnToken for the same token.
using OnLogProbs = std::function<void(TokenId token, const LogProbs& log_probs)>;

// What a text is asked to go on with.
struct AnswerRequest {
  Sampler* sampler = nullptr;
  int64_t n_predict = -1;  // most tokens; < 0: any number
  OnToken on_token;
  // What the tokens of the answer may be. Told of every one of them, in order; none is taken back. When it
  // allows nothing, the answer ends with an error. It must be at its beginning, and outlive the answer.
  TokenConstraint* constraint = nullptr;
  ThoughtRules thought = {};        // the closing message counts as tokens of the answer
  RepetitionRules repetition = {};  // ends the answer behind the token that fulfils them
  // Log-probabilities are made when somebody takes them: of the chosen token and of so many others, as the
  // model says them, or with `post_sampling` as they were drawn from.
  OnLogProbs on_log_probs = {};
  int n_log_probs = 0;
  bool post_sampling = false;
  // For measuring: the text goes on with these tokens, whatever the sampler says (it is asked all the same).
  std::span<const TokenId> script = {};
};

// One text: its tokens and what the model remembers of them. Belongs to a Decoder.
class Stream {
 public:
  // Prompts and answers so far. The last one or more tokens are not in the state yet.
  std::span<const TokenId> history() const { return history_; }
  const SequenceState& state() const { return sequence_; }
  // Of the answer: what ended it (kNone: it goes on), and how many tokens it has.
  FinishReason finished() const { return finished_; }
  // Set when the answer ended because its logits could not be used; the others of the round went on.
  const std::optional<Error>& failure() const { return failure_; }
  size_t n_generated() const { return static_cast<size_t>(position_); }
  // Tokens of the prompt that are not read yet; 0: the answer has begun, or there is none.
  size_t n_unread() const { return reading_ ? history_.size() - static_cast<size_t>(sequence_.length()) : 0; }
  // Of the tokens that are read: of so many a mark holds no more than K, V and one recurrent state, and of
  // fewer there is none if the model has one.
  size_t n_settled() const;
  bool recurrent() const { return !sequence_.pool().layout().recurrent.empty(); }

 private:
  friend class Decoder;
  explicit Stream(SequenceState sequence) : sequence_(std::move(sequence)) {}

  // What a source that looks up foretold, to be compared with the text that comes.
  struct Foretold {
    std::vector<DraftToken> tokens;
    size_t at = 0;
  };

  int slot_ = 0;
  SequenceState sequence_;
  std::vector<TokenId> history_;
  AnswerRequest request_;
  uint64_t position_ = 0;  // of the next token in the answer
  // What is remembered of the answer: of chosen tokens only, which are never taken back.
  SamplerState sampler_state_;
  ThoughtBudget thought_;
  RepetitionStop repetition_;
  LogProbs log_probs_;  // of the last chosen token, if somebody wants them
  FinishReason finished_ = FinishReason::kStopped;
  std::optional<Error> failure_;
  bool reading_ = false;            // the prompt
  bool short_prompt_ = false;       // what begin() was given is read by one step, whose rows are exact
  int64_t hidden_rows_ = 0;         // at the end of the prompt, for drafters
  size_t n_known_ = 0;              // tokens of the history that the drafters have seen as they are
  std::vector<Foretold> foretold_;  // by drafter
};

// So many tokens of the prompt of a stream, at most, in a round.
struct PromptPiece {
  Stream* stream = nullptr;
  int64_t n_tokens = 0;
  // A mark is wanted behind so many of them, which must be possible (Decoder::can_mark()); -1: behind all.
  int64_t mark_after = -1;
};

// A remembered point of a stream.
struct StreamMark {
  StateSnapshot state;
  size_t n_history = 0;
};

struct DecoderOptions {
  SpeculationOptions speculation;
  CostTable costs;  // what is known of this machine and model
  AcceptanceTable acceptance;
};

// One thread at a time. Uses the session for itself alone while a method runs.
class Decoder {
 public:
  // Drafters in order of priority; they may use the session. `session` and `vocabulary` must outlive it.
  Decoder(Session& session, const Vocabulary& vocabulary, DecoderOptions options,
          std::vector<std::unique_ptr<Drafter>> drafters);
  ~Decoder();

  // At most as many at once as the drafters were made for.
  Stream& open();
  void close(Stream& stream);

  // Appends `prompt`, reads what is not read yet, and chooses the first token of the answer. Errors: kUsage
  // for nothing to read, kRuntime for a prompt that does not fit (both numbers) and for unusable logits, no
  // memory, kInterrupted when on_prompt said so; the stream is as before then.
  Result<void> start(Stream& stream, std::span<const TokenId> prompt, AnswerRequest request,
                     const OnPrompt& on_prompt = {});
  // The same in pieces: appends the prompt, and the rounds read it. Errors: those of start() that concern the
  // prompt; the stream is as before then.
  Result<void> begin(Stream& stream, std::span<const TokenId> prompt, AnswerRequest request);
  // One more round for all of these streams whose answer goes on: each gains at least a token. In the same
  // step pieces of prompts are read, at most Session::most_rows() rows with a row for each stream; where the
  // prompt ends the first token is chosen. A round that reads drafts nothing. Errors of the step; all streams
  // are as before then.
  Result<void> round(std::span<Stream* const> streams, std::span<const PromptPiece> prompts = {});

  // The stream's text is `tokens` from now on, which are what `state` is of.
  void resume(Stream& stream, std::span<const TokenId> tokens, const StateSnapshot& state);

  StreamMark mark(Stream& stream);
  // Of its first n_tokens: n_settled(), or anything that is read where there is no recurrent state.
  StreamMark mark(Stream& stream, size_t n_tokens) const;
  // Whether a piece of its prompt can leave a mark so many tokens before the end of the piece.
  bool can_mark(const Stream& stream, int64_t before_end) const;
  void rollback(Stream& stream, const StreamMark& mark);

  const Session& session() const { return session_; }
  const SpeculationStatistics& statistics() const { return statistics_; }
  const Controller& controller() const { return controller_; }
  // Of all texts, prompts and answers.
  const TokenCounts& token_counts() const { return token_counts_; }
  // Whole sentences about drafters that had to be given up.
  std::vector<std::string> warnings() const;
  // What drafters know beyond a process is stored (Drafter::save()); no stream may be open.
  Result<void> save();

 private:
  struct Turn;
  struct Round;
  Result<void> read(Stream& stream, const OnPrompt& on_prompt);
  void add_prompts(Round& round, std::span<const PromptPiece> prompts);
  bool takes_top(const Stream& stream) const;
  void choose_first(Stream& stream, const LogitsRow& logits);
  void begin_answer(Stream& stream, AnswerRequest request);
  // Drafters that fail draft no more, for no stream; the text does not need them.
  void check(size_t drafter, const Result<void>& result);
  void look_up(Round& round);
  void draft(Round& round);
  void trim(std::vector<DraftToken>& draft, int n_most, bool model) const;
  void drop_forbidden(Turn& turn) const;
  int most_drafts(const Stream& stream) const;
  // So many rows a step may have without waiting for a plan; those of larger ones, up to what the offers ask
  // for, are made in the background.
  int ready_rows(const Round& round);
  Result<void> run(Round& round, std::span<const PromptPiece> prompts);
  void choose_tokens(Turn& turn, const StepResult& result, size_t first_row);
  Result<TokenId> choose(Stream& stream, const LogitsRow& logits, const Turn* turn, size_t place);
  Result<TokenId> ask_sampler(Stream& stream, const LogitsRow& logits, const DraftToken* draft);
  void emit(Stream& stream, TokenId token);
  void score(Stream& stream, TokenId token, int verified_source);
  void report(Round& round);

  Session& session_;
  const Vocabulary& vocabulary_;
  SpeculationOptions options_;
  std::vector<std::unique_ptr<Drafter>> drafters_;
  Controller controller_;
  SpeculationStatistics statistics_;
  TokenCounts token_counts_;
  std::vector<std::unique_ptr<Stream>> streams_;  // by slot; null: free
  std::vector<std::string> failures_;             // by drafter: why it drafts no more; empty: it does
  bool wants_hidden_ = false;
  int ready_rows_ = 1;
  std::vector<bool> rows_seen_;   // steps with so many rows ran before
  std::unique_ptr<Round> round_;  // its memory is used again
};

}  // namespace gannet
