// Bytes of a connection to requests, without any socket. The parser is Beast's; before and after it stand
// rules that are stricter: what two servers could read differently (request smuggling) is an error, not a
// guess.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/message.h"

namespace gannet {

struct RequestLimits {
  size_t header_bytes = 32 << 10;
  size_t headers = 100;
  size_t target_bytes = 8 << 10;
};

// Reads one request after the other. Not thread-safe. Holds no memory between requests.
class RequestReader {
 public:
  enum class Step : uint8_t {
    kMore,   // needs further bytes
    kHead,   // the head has been read: look at request(), set limits, go on
    kDone,   // take_request()
    kError,  // error(); nothing more can be read from this connection
  };

  explicit RequestReader(const RequestLimits& limits);
  ~RequestReader();

  // Reads on. `bytes` begins where the last call stopped: the caller keeps what was not `used` and appends to
  // it. At kMore it may wait for a longer piece, never for one beyond header_bytes (and a small amount within
  // a body).
  Step advance(std::string_view bytes, size_t* used);

  // After kHead. The limit holds for the body whose length is not known before as well.
  void set_body_limit(uint64_t bytes);
  // Whether the client waits for "100 Continue" before it sends the body.
  bool expects_continue() const;
  bool has_body() const;

  HttpRequest& request();
  HttpRequest take_request();
  const HttpError& error() const { return error_; }
  // After kHead: whether the connection may carry another request.
  bool keep_alive() const;

 private:
  struct Impl;
  Step fail(int status, std::string message);
  Step read_head(std::string_view head, size_t* used);
  Step read_body(std::string_view bytes, size_t* used);
  bool check_head();

  RequestLimits limits_;
  std::unique_ptr<Impl> impl_;  // while a request is being read
  HttpError error_;
};

}  // namespace gannet
