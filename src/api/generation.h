// What a client asks for, and what it gets back as it happens, the same for all dialects. Readers
// (read_request.h) make requests, the server answers them with events, writers (answer_writer.h) make
// those into the bytes of a dialect. Plain values; nothing here knows engines or sockets.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/api_error.h"
#include "api/dialect.h"
#include "chat/chat_template.h"
#include "chat/message.h"
#include "chat/output_parser.h"
#include "sample/params.h"
#include "text/vocabulary.h"

namespace gannet {

// ---- what is asked ------------------------------------------------------------------------------------

// What was said about sampling; the rest stays as the model or the server has it. Every value is in range.
struct SamplingRequest {
  std::optional<float> temperature, dynatemp_range, dynatemp_exponent, top_p, min_p, typical_p, top_n_sigma,
      xtc_probability, xtc_threshold, repeat_penalty, presence_penalty, frequency_penalty, dry_multiplier,
      dry_base, adaptive_target, adaptive_decay, mirostat_tau, mirostat_eta;
  std::optional<int> top_k, min_keep, repeat_last_n, dry_allowed_length, dry_penalty_last_n, mirostat;
  std::optional<std::vector<SamplingStep>> steps;
  std::optional<uint64_t> seed;  // unset: the server draws one

  // For those who know the vocabulary: not part of apply_to().
  std::optional<std::vector<std::string>> dry_breakers;
  struct Bias {
    std::variant<TokenId, std::string> what;  // a text: each of its tokens
    float bias;                               // -infinity bans it
    bool operator==(const Bias&) const = default;
  };
  std::vector<Bias> logit_bias;

  // Puts what was said over `params`.
  void apply_to(SamplingParams* params) const;
  bool operator==(const SamplingRequest&) const = default;
};

// What the text of the answer has to be. The server compiles it before it answers anything: what cannot be
// compiled is an error of the client, never an unconstrained answer.
struct OutputFormat {
  enum class Kind { kText, kJsonObject, kJsonSchema, kGrammar, kRegex };
  Kind kind = Kind::kText;
  std::string name;               // of the schema, as the client calls it
  bool strict = false;            // kJsonSchema: as the client said; it is kept to either way
  nlohmann::ordered_json schema;  // kJsonSchema
  std::string text;               // kGrammar: GBNF; kRegex: the expression
  std::string field;  // where it stood in the request, for errors: "response_format", "grammar", ...
  bool operator==(const OutputFormat&) const = default;
};

struct ToolChoice {
  enum class Mode { kAuto, kNone, kRequired };
  Mode mode = Mode::kAuto;
  std::vector<std::string> names;  // only these may be called; empty: all. They are declared, each once
  bool operator==(const ToolChoice&) const = default;
};

struct ChatInput {
  Conversation conversation;
  RenderOptions render;
};

// Pieces one after the other: text, in which control tokens are read, and token numbers (>= 0; the server
// checks that the vocabulary has them).
struct RawPrompt {
  std::vector<std::variant<std::string, std::vector<TokenId>>> pieces;
  bool operator==(const RawPrompt&) const = default;
};

// Several prompts make as many answers (times `n`).
struct RawInput {
  std::vector<RawPrompt> prompts;
};

// Text between a prefix and a suffix.
struct InfillInput {
  struct Extra {
    std::string filename, text;
    bool operator==(const Extra&) const = default;
  };
  std::string prefix, suffix;
  std::vector<Extra> extra;  // files in front
  std::string prompt;        // the beginning of what goes between
};

enum class ThoughtPlace {
  kSeparate,   // in the field that the dialect has for them
  kInContent,  // with their tags in the content
};

struct GenerationRequest {
  Dialect dialect = Dialect::kChat;
  std::string model;  // as asked for; empty: any
  std::variant<ChatInput, RawInput, InfillInput> input;

  SamplingRequest sampling;
  std::optional<int64_t> max_tokens;  // >= 0; 0: the prompt is read, nothing is said
  std::vector<std::string> stop;      // texts that end the answer and are not shown; none is empty
  bool ignore_eos = false;
  std::optional<int64_t> max_predict_ms;  // ends the answer at a line's end once it took that long
  int n = 1;                              // answers to each prompt

  OutputFormat format;
  ToolChoice tool_choice;
  bool parallel_calls = true;

  // The switch for thoughts itself is ChatInput::render.thinking.
  std::optional<int64_t> thinking_budget;       // tokens; unset: the server's
  std::optional<std::string> thinking_message;  // said when the budget is used up
  std::optional<ThoughtPlace> thoughts;         // unset: the server's

  bool stream = false;
  bool include_usage = false;  // a last chunk with the usage (chat, completions)
  bool log_probs = false;      // report the tokens of the answer
  int top_log_probs = 0;       // with so many of the likeliest for each
  bool post_sampling = false;  // probabilities after the sampling steps instead of the model's
  bool timings_per_token = false;
  bool return_progress = false;              // progress of the prompt in the stream
  bool return_tokens = false;                // native: numbers of the answer's tokens
  bool echo = false;                         // the server says the prompt itself as the first content
  bool encrypted_reasoning = false;          // Responses: the client keeps thoughts only in this form
  std::vector<std::string> response_fields;  // native: only these fields

  std::optional<bool> cache_prompt;
  std::optional<int> slot;  // >= 0
  std::string session;      // requests with the same text are likely to share a prefix
  std::string user;
  std::optional<int64_t> ping_seconds;       // between signs of life; -1: none
  std::optional<double> keep_alive_seconds;  // of the model; < 0: for ever
  bool load_only = false;  // Ollama: no text is wanted, only the model. Answer with a kLoaded end

  std::vector<std::string>
      warnings;  // what was left out, for the log: "tools[2]: type "web_search" is skipped"

  // Whether AnswerPiece::tokens are to be filled.
  bool wants_tokens() const {
    const bool native = dialect == Dialect::kNative || dialect == Dialect::kInfill;
    return log_probs || return_tokens || (native && stream);
  }
  const ChatInput* chat() const { return std::get_if<ChatInput>(&input); }
  size_t n_prompts() const {
    const auto* raw = std::get_if<RawInput>(&input);
    return raw ? raw->prompts.size() : 1;
  }
  // Answers are numbered prompt by prompt: those to prompt p are p * n to p * n + n - 1.
  size_t n_choices() const { return n_prompts() * static_cast<size_t>(n); }
};

// ---- what comes back ----------------------------------------------------------------------------------

struct Usage {
  int64_t prompt = 0;                // tokens of the prompt, cached ones too
  int64_t cached = 0;                // of them, those that were not read again
  int64_t completion = 0;            // tokens generated, thoughts too
  int64_t reasoning = 0;             // of them, in thoughts
  std::string uncached_reason = {};  // why not all of the prompt was cached; empty if nothing was to be said
};

struct Timings {
  int64_t cache_n = 0, prompt_n = 0, predicted_n = 0;  // tokens cached, read, generated
  double prompt_ms = 0, predicted_ms = 0;              // predicted: from the first token to the last
  int64_t draft_n = 0, draft_n_accepted = 0;
};

struct TokenReport {
  TokenId token = -1;
  std::string text = {};  // its bytes; not always whole characters
  float log_prob = 0;     // -infinity: impossible
  struct Top {
    TokenId token = -1;
    std::string text;
    float log_prob = 0;
  };
  std::vector<Top> top = {};  // likeliest first
};

// The prompt is known and its reading begins. The first event of an answer.
struct AnswerStarted {
  size_t choice = 0;
  Usage usage = {};  // of the prompt
  int slot = -1;
};

struct PromptProgress {
  size_t choice = 0;
  int64_t total = 0, cached = 0, processed = 0;  // processed counts the cached ones
  double ms = 0;
};

// What one step brought: deltas of the parser, or content alone for raw prompts. May be empty of text.
struct AnswerPiece {
  size_t choice = 0;
  std::vector<OutputDelta> deltas = {};
  std::vector<TokenReport> tokens = {};  // where wants_tokens() says so; `top` for log_probs only
  std::optional<Timings> timings = {};   // so far
};

enum class AnswerEnd {
  kStop,         // the model said so
  kStopText,     // one of GenerationRequest::stop
  kLength,       // max_tokens
  kContextFull,  //
  kRepetition,   // it went round in a circle
  kTimeLimit,    // max_predict_ms, or the server's deadline
  kCancelled,    // the server is going down
  kLoaded,       // load_only
};

struct AnswerFinished {
  size_t choice = 0;
  AnswerEnd end = AnswerEnd::kStop;
  std::string stop_text = {};  // which one, for kStopText
  Usage usage = {};
  Timings timings = {};
  double total_ms = 0, load_ms = 0;  // since the request came; loading the model
};

// The whole request has failed; the last event.
struct AnswerFailed {
  ApiError error;
};

using GenerationEvent =
    std::variant<AnswerStarted, PromptProgress, AnswerPiece, AnswerFinished, AnswerFailed>;

}  // namespace gannet
