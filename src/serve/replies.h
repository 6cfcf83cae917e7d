// Whole answers: JSON and errors. Inner part of the server.
#pragma once

#include <string>
#include <string_view>

#include "api/api_error.h"
#include "http/message.h"

namespace gannet {

inline HttpResponse json_answer(std::string body, int status = 200) {
  HttpHeaders headers;
  headers.set("Content-Type", "application/json");
  return {status, std::move(headers), std::move(body)};
}

inline HttpResponse error_answer(Dialect dialect, const ApiError& error) {
  return json_answer(error_body(dialect, error), http_status(error.kind));
}

// Paths tell the dialect in which errors are said.
inline Dialect dialect_of(std::string_view path) {
  if (path.find("/messages") != path.npos) return Dialect::kMessages;
  if (path.find("/responses") != path.npos) return Dialect::kResponses;
  if (path.find("/api/") != path.npos) return Dialect::kOllamaChat;
  return Dialect::kChat;
}

}  // namespace gannet
