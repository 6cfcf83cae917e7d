// What the answers to a request have said so far, and the part of a writer that all dialects share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer_writer.h"
#include "api/generation.h"

namespace gannet {

// Thoughts, content or a call. A part ends where another kind, or another call, begins.
struct AnswerPart {
  enum class Kind { kReasoning, kContent, kCall };
  Kind kind;
  std::string text = {};  // of a call: its arguments
  std::string id = {}, name = {};
  size_t call = 0;
  bool complete = true;
  std::vector<TokenReport> tokens = {};  // of content, where log_probs asks for them
};

struct AnswerState {
  size_t choice = 0;
  std::vector<AnswerPart> parts = {};
  std::vector<TokenReport> tokens = {};  // all of them, for whole answers
  // Of the content in the piece at hand; tokens whose text is held back come with the next content.
  std::vector<TokenReport> content_tokens = {}, held_tokens = {};
  AnswerStarted started = {};
  std::optional<AnswerFinished> finished = {};

  // Whether a new part begins with it. Ends of calls and empty texts begin none.
  bool add(const OutputDelta& delta);
  void sort_tokens(const AnswerPiece& piece);
  bool has_calls() const;
  std::string content() const;
  Message message() const;
  const Usage& usage() const { return finished ? finished->usage : started.usage; }
  // stop, length or tool_calls.
  std::string_view openai_reason() const;
  // What a reason of the dialect does not say: "context_full", "repetition", ...; empty if it says it all.
  std::string_view detail() const;
};

// Keeps the state and calls what a dialect makes of it. Streams append to `out`; whole answers are asked for
// whole() at the end.
class StateWriter : public AnswerWriter {
 public:
  StateWriter(const GenerationRequest& request, AnswerIdentity identity);
  std::string write(const GenerationEvent& event) final;
  std::string ping() const override { return {}; }

 protected:
  using Json = nlohmann::ordered_json;

  virtual void start(const AnswerState& state, std::string* out) = 0;
  virtual void progress(const PromptProgress& progress, std::string* out) = 0;
  // One delta, after it was added to the state; `fresh`: it began a new part.
  virtual void delta(const AnswerState& state, const OutputDelta& delta, bool fresh, std::string* out) = 0;
  // Around the deltas of one piece.
  virtual void begin_piece(const AnswerState&, const AnswerPiece&, std::string*) {}
  virtual void end_piece(const AnswerState&, const AnswerPiece&, std::string*) {}
  virtual void finish(const AnswerState& state, std::string* out) = 0;
  virtual void finish_all(std::string*) {}
  virtual void fail(const ApiError& error, std::string* out) = 0;
  virtual Json whole() = 0;

  Usage total_usage() const;      // prompts are counted once each
  Timings total_timings() const;  // answers of one request run beside each other
  AnswerState& state(size_t choice);
  const std::vector<AnswerState>& states() const { return states_; }

  // The facts of the request that answers need; the conversation is not kept but for its tools.
  Dialect dialect_;
  bool stream_, include_usage_, log_probs_, post_sampling_, timings_per_token_, return_progress_,
      return_tokens_;
  bool encrypted_reasoning_;
  int n_;
  std::vector<std::string> response_fields_;
  AnswerIdentity identity_;

 private:
  std::vector<AnswerState> states_;
  size_t n_finished_ = 0;
};

// ---- JSON that several dialects share -----------------------------------------------------------------

nlohmann::ordered_json usage_json(const Usage& usage);
nlohmann::ordered_json timings_json(const Timings& timings);
nlohmann::ordered_json progress_json(const PromptProgress& progress);
// OpenAI's list of tokens with what else was likely; llama.cpp's numbers are in it too.
nlohmann::ordered_json tokens_json(const std::vector<TokenReport>& tokens, bool post_sampling = false);
// The arguments of a call as an object.
nlohmann::ordered_json arguments_json(std::string_view text);
// "2026-01-31T12:00:00Z".
std::string utc_text(int64_t seconds);

}  // namespace gannet
