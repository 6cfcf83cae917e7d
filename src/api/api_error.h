// What went wrong with a request, apart from any dialect, and how each dialect says it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/dialect.h"
#include "base/result.h"

namespace gannet {

struct ApiError {
  enum class Kind {
    kInvalid,         // 400: the request is wrong; repeating it does not help
    kContext,         // 400: more tokens than the context has; n_prompt_tokens and n_ctx are set
    kAuthentication,  // 401
    kPermission,      // 403
    kNotFound,        // 404
    kMethod,          // 405
    kTimeout,         // 408: the body came too slowly
    kTooLarge,        // 413
    kRateLimit,       // 429: the queue is full
    kServer,          // 500
    kNotSupported,    // 501: a whole endpoint that is not there
    kUnavailable,     // 503: loading, draining, out of memory
  };
  Kind kind = Kind::kServer;
  std::string message;
  std::string param = {};  // the field that is wrong, as in messages[3].content; may be empty
  std::optional<int64_t> n_prompt_tokens = {}, n_ctx = {};
};

int http_status(ApiError::Kind kind);

// An Error of a reader (kUsage, its message begins with the field) or of the engine: kUsage is kInvalid,
// kOutOfMemory kUnavailable, anything else kServer.
ApiError api_error(const Error& error);

// The prompt does not fit: both numbers are said.
ApiError context_error(int64_t n_prompt_tokens, int64_t n_ctx);

// What Responses calls the code of an error. Clients know them: one they show, another they try again.
const char* responses_code(const ApiError& error);

// The body of an answer that is nothing but this error: JSON text without a line break at its end.
std::string error_body(Dialect dialect, const ApiError& error);

}  // namespace gannet
