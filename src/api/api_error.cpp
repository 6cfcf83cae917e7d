#include "api/api_error.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "api/sse.h"

namespace gannet {
namespace {

using Json = nlohmann::ordered_json;

struct Names {
  int status;
  const char* openai;  // llama.cpp's and OpenAI's
  const char* anthropic;
};
constexpr Names kNames[] = {
    {400, "invalid_request_error", "invalid_request_error"},
    {400, "exceed_context_size_error", "invalid_request_error"},
    {401, "authentication_error", "authentication_error"},
    {403, "permission_error", "permission_error"},
    {404, "not_found_error", "not_found_error"},
    {405, "invalid_request_error", "invalid_request_error"},
    {408, "timeout_error", "timeout_error"},
    {413, "invalid_request_error", "request_too_large"},
    {429, "rate_limit_error", "rate_limit_error"},
    {500, "server_error", "api_error"},
    {501, "not_supported_error", "invalid_request_error"},
    {503, "unavailable_error", "overloaded_error"},
};

const Names& names(ApiError::Kind kind) {
  return kNames[static_cast<int>(kind)];
}

// "messages[3].content: ..." has a path in front; "context is full: ..." has a sentence.
std::string path_in_front(std::string_view message) {
  const size_t end = message.find(": ");
  if (end == message.npos || end == 0 || end > 256) return {};
  const std::string_view path = message.substr(0, end);
  const auto fits = [](char c) {
    return std::string_view("_[]./-").find(c) != std::string_view::npos || (c >= '0' && c <= '9') ||
           (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  for (const char c : path)
    if (!fits(c)) return {};
  return path == "request" ? std::string() : std::string(path);
}

}  // namespace

int http_status(ApiError::Kind kind) {
  return names(kind).status;
}

ApiError api_error(const Error& error) {
  using Kind = ApiError::Kind;
  const Kind kind = error.code() == ErrorCode::kUsage         ? Kind::kInvalid
                    : error.code() == ErrorCode::kOutOfMemory ? Kind::kUnavailable
                                                              : Kind::kServer;
  return {.kind = kind,
          .message = error.message(),
          .param = kind == Kind::kInvalid ? path_in_front(error.message()) : std::string()};
}

ApiError context_error(int64_t n_prompt_tokens, int64_t n_ctx) {
  return {.kind = ApiError::Kind::kContext,
          .message =
              fmt::format("the prompt has {} tokens, but the context has room for {}: shorten the prompt or "
                          "start the server with a larger context",
                          n_prompt_tokens, n_ctx),
          .n_prompt_tokens = n_prompt_tokens,
          .n_ctx = n_ctx};
}

const char* responses_code(const ApiError& error) {
  if (error.kind == ApiError::Kind::kContext) return "context_length_exceeded";
  if (error.kind == ApiError::Kind::kRateLimit) return "rate_limit_exceeded";
  return http_status(error.kind) < 500 ? "invalid_prompt" : "server_error";
}

std::string error_body(Dialect dialect, const ApiError& error) {
  if (dialect == Dialect::kOllamaChat || dialect == Dialect::kOllamaGenerate) {
    return json_line(Json{{"error", error.message}});
  }
  if (dialect == Dialect::kMessages) {
    Json body{{"type", names(error.kind).anthropic}, {"message", error.message}};
    // By this Anthropic's clients know that they have to send the whole conversation, and do.
    if (error.param == "thread")
      body["details"] = {{"error_code", "thread_unsupported_request"}, {"unsupported", {"thread"}}};
    return json_line(Json{{"type", "error"}, {"error", std::move(body)}});
  }
  if (dialect == Dialect::kResponses) {  // all of these are texts to its clients
    Json body{{"code", responses_code(error)},
              {"message", error.message},
              {"type", names(error.kind).openai},
              {"param", error.param}};
    if (error.n_prompt_tokens) body["n_prompt_tokens"] = *error.n_prompt_tokens;
    if (error.n_ctx) body["n_ctx"] = *error.n_ctx;
    return json_line(Json{{"error", std::move(body)}});
  }
  Json body{
      {"code", http_status(error.kind)}, {"message", error.message}, {"type", names(error.kind).openai}};
  if (!error.param.empty()) body["param"] = error.param;
  if (error.n_prompt_tokens) body["n_prompt_tokens"] = *error.n_prompt_tokens;
  if (error.n_ctx) body["n_ctx"] = *error.n_ctx;
  return json_line(Json{{"error", std::move(body)}});
}

}  // namespace gannet
