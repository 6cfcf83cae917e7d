#include "api/answer_state.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>

#include "api/sse.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;
using Kind = OutputDelta::Kind;

// OpenAI's way to say "impossible" in JSON.
double finite_log_prob(float log_prob) {
  return std::isfinite(log_prob) ? log_prob : -9999.0;
}

template <class T>
Json token_json(const T& token, bool post_sampling) {
  Json bytes = Json::array();
  for (const char c : token.text) bytes.push_back(static_cast<unsigned char>(c));
  Json json{{"id", token.token}, {"token", token.text}};
  if (post_sampling) {
    json["prob"] = std::exp(static_cast<double>(token.log_prob));
  } else {
    json["logprob"] = finite_log_prob(token.log_prob);
  }
  json["bytes"] = std::move(bytes);
  return json;
}

}  // namespace

bool AnswerState::add(const OutputDelta& delta) {
  if (delta.kind == Kind::kCall) {
    parts.push_back(
        {.kind = AnswerPart::Kind::kCall, .id = delta.id, .name = delta.name, .call = delta.call});
    return true;
  }
  if (delta.kind == Kind::kArguments || delta.kind == Kind::kCallEnd) {
    const auto call = std::find_if(parts.rbegin(), parts.rend(), [&](const AnswerPart& part) {
      return part.kind == AnswerPart::Kind::kCall && part.call == delta.call;
    });
    GANNET_CHECK(call != parts.rend(), "arguments of a call that has not begun");
    call->text += delta.text;
    if (delta.kind == Kind::kCallEnd) call->complete = delta.complete;
    return false;
  }
  if (delta.text.empty()) return false;
  const auto kind =
      delta.kind == Kind::kReasoning ? AnswerPart::Kind::kReasoning : AnswerPart::Kind::kContent;
  const bool fresh = parts.empty() || parts.back().kind != kind;
  if (fresh) parts.push_back({.kind = kind});
  parts.back().text += delta.text;
  return fresh;
}

void AnswerState::sort_tokens(const AnswerPiece& piece) {
  held_tokens.insert(held_tokens.end(), piece.tokens.begin(), piece.tokens.end());
  content_tokens.clear();
  bool content = false, other = false;
  for (const OutputDelta& delta : piece.deltas) (delta.kind == Kind::kContent ? content : other) = true;
  if (content) content_tokens = std::move(held_tokens);
  if (content || other) held_tokens.clear();
}

bool AnswerState::has_calls() const {
  return std::any_of(parts.begin(), parts.end(),
                     [](const AnswerPart& part) { return part.kind == AnswerPart::Kind::kCall; });
}

std::string AnswerState::content() const {
  std::string text;
  for (const AnswerPart& part : parts)
    if (part.kind == AnswerPart::Kind::kContent) text += part.text;
  return text;
}

Message AnswerState::message() const {
  Message message{.role = Role::kAssistant};
  for (const AnswerPart& part : parts) {
    if (part.kind == AnswerPart::Kind::kContent) message.content += part.text;
    if (part.kind == AnswerPart::Kind::kReasoning)
      message.reasoning = message.reasoning.value_or("") + part.text;
    if (part.kind == AnswerPart::Kind::kCall) {
      message.calls.push_back({part.id, part.name, part.text, part.complete});
    }
  }
  return message;
}

std::string_view AnswerState::openai_reason() const {
  const AnswerEnd end = finished ? finished->end : AnswerEnd::kStop;
  if (end != AnswerEnd::kStop && end != AnswerEnd::kStopText && end != AnswerEnd::kLoaded) return "length";
  return has_calls() ? "tool_calls" : "stop";
}

std::string_view AnswerState::detail() const {
  switch (finished ? finished->end : AnswerEnd::kStop) {
    case AnswerEnd::kContextFull:
      return "context_full";
    case AnswerEnd::kRepetition:
      return "repetition";
    case AnswerEnd::kTimeLimit:
      return "time_limit";
    case AnswerEnd::kCancelled:
      return "cancelled";
    default:
      return "";
  }
}

StateWriter::StateWriter(const GenerationRequest& request, AnswerIdentity identity)
    : dialect_(request.dialect),
      stream_(request.stream),
      include_usage_(request.include_usage),
      log_probs_(request.log_probs),
      post_sampling_(request.post_sampling),
      timings_per_token_(request.timings_per_token),
      return_progress_(request.return_progress),
      return_tokens_(request.return_tokens),
      encrypted_reasoning_(request.encrypted_reasoning),
      n_(request.n),
      response_fields_(request.response_fields),
      identity_(std::move(identity)),
      states_(request.n_choices()) {
  for (size_t i = 0; i < states_.size(); ++i) states_[i].choice = i;
}

AnswerState& StateWriter::state(size_t choice) {
  GANNET_CHECK(choice < states_.size(), "an event of a choice that was not asked for");
  return states_[choice];
}

std::string StateWriter::write(const GenerationEvent& event) {
  GANNET_CHECK(!done_, "an event after the last one");
  std::string out;
  if (const auto* started = std::get_if<AnswerStarted>(&event)) {
    AnswerState& now = state(started->choice);
    now.started = *started;
    if (stream_) start(now, &out);
  } else if (const auto* progressed = std::get_if<PromptProgress>(&event)) {
    if (stream_ && return_progress_) progress(*progressed, &out);
  } else if (const auto* piece = std::get_if<AnswerPiece>(&event)) {
    AnswerState& now = state(piece->choice);
    const bool sorted = log_probs_ && dialect_ == Dialect::kResponses;
    if (sorted) now.sort_tokens(*piece);
    if (stream_) {
      begin_piece(now, *piece, &out);
    } else if (!sorted) {
      now.tokens.insert(now.tokens.end(), piece->tokens.begin(), piece->tokens.end());
    }
    for (const OutputDelta& one : piece->deltas) {
      const bool fresh = now.add(one);
      if (stream_) delta(now, one, fresh, &out);
      if (one.kind == Kind::kContent && !now.content_tokens.empty() && !now.parts.empty()) {
        auto& tokens = now.parts.back().tokens;
        tokens.insert(tokens.end(), now.content_tokens.begin(), now.content_tokens.end());
        now.content_tokens.clear();
      }
    }
    if (stream_) end_piece(now, *piece, &out);
  } else if (const auto* finished = std::get_if<AnswerFinished>(&event)) {
    AnswerState& now = state(finished->choice);
    GANNET_CHECK(!now.finished, "an answer that finishes twice");
    now.finished = *finished;
    done_ = ++n_finished_ == states_.size();
    if (stream_) finish(now, &out);
    if (done_ && stream_) finish_all(&out);
    if (done_ && !stream_) out = json_line(whole());
  } else if (const auto* failed = std::get_if<AnswerFailed>(&event)) {
    done_ = true;
    status_ = http_status(failed->error.kind);
    if (stream_) {
      fail(failed->error, &out);
    } else {
      out = error_body(dialect_, failed->error);
    }
  }
  return out;
}

Usage StateWriter::total_usage() const {
  Usage total;
  for (const AnswerState& one : states_) {
    const Usage& usage = one.usage();
    total.completion += usage.completion;
    total.reasoning += usage.reasoning;
    if (one.choice % static_cast<size_t>(n_) != 0) continue;  // shares the prompt of the one before
    total.prompt += usage.prompt;
    total.cached += usage.cached;
    if (total.uncached_reason.empty()) total.uncached_reason = usage.uncached_reason;
  }
  return total;
}

Timings StateWriter::total_timings() const {
  Timings total;
  for (const AnswerState& one : states_) {
    if (!one.finished) continue;
    const Timings& timings = one.finished->timings;
    total.cache_n += timings.cache_n;
    total.prompt_n += timings.prompt_n;
    total.predicted_n += timings.predicted_n;
    total.prompt_ms = std::max(total.prompt_ms, timings.prompt_ms);
    total.predicted_ms = std::max(total.predicted_ms, timings.predicted_ms);
    total.draft_n += timings.draft_n;
    total.draft_n_accepted += timings.draft_n_accepted;
  }
  return total;
}

Json usage_json(const Usage& usage) {
  Json json{{"prompt_tokens", usage.prompt},
            {"completion_tokens", usage.completion},
            {"total_tokens", usage.prompt + usage.completion},
            {"prompt_tokens_details", {{"cached_tokens", usage.cached}}},
            {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning}}}};
  // Not among the details: clients take those for numbers, all of them.
  if (!usage.uncached_reason.empty()) json["uncached_reason"] = usage.uncached_reason;
  return json;
}

Json timings_json(const Timings& t) {
  const auto each = [](double ms, int64_t n) { return n > 0 ? ms / static_cast<double>(n) : 0.0; };
  const auto rate = [](double ms, int64_t n) {
    return ms > 0 && n > 0 ? 1e3 * static_cast<double>(n) / ms : 0.0;
  };
  // The first token comes with the prompt: it took no step of its own.
  const int64_t steps = std::max<int64_t>(t.predicted_n - 1, 0);
  Json json{{"cache_n", t.cache_n},
            {"prompt_n", t.prompt_n},
            {"prompt_ms", t.prompt_ms},
            {"prompt_per_token_ms", each(t.prompt_ms, t.prompt_n)},
            {"prompt_per_second", rate(t.prompt_ms, t.prompt_n)},
            {"predicted_n", t.predicted_n},
            {"predicted_ms", t.predicted_ms},
            {"predicted_per_token_ms", each(t.predicted_ms, steps)},
            {"predicted_per_second", rate(t.predicted_ms, steps)}};
  if (t.draft_n > 0) {
    json["draft_n"] = t.draft_n;
    json["draft_n_accepted"] = t.draft_n_accepted;
  }
  return json;
}

Json progress_json(const PromptProgress& progress) {
  return {{"total", progress.total},
          {"cache", progress.cached},
          {"processed", progress.processed},
          {"time_ms", progress.ms}};
}

Json tokens_json(const std::vector<TokenReport>& tokens, bool post_sampling) {
  Json list = Json::array();
  for (const TokenReport& token : tokens) {
    Json one = token_json(token, post_sampling);
    Json top = Json::array();
    for (const auto& other : token.top) top.push_back(token_json(other, post_sampling));
    one[post_sampling ? "top_probs" : "top_logprobs"] = std::move(top);
    list.push_back(std::move(one));
  }
  return list;
}

std::string utc_text(int64_t seconds) {
  constexpr int64_t kYear9999 = 253402300799;  // the last second whose year has four digits
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                     fmt::gmtime(static_cast<time_t>(std::clamp<int64_t>(seconds, 0, kYear9999))));
}

Json arguments_json(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json::object();
}

}  // namespace gannet
