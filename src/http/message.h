// What travels over HTTP: requests as handlers get them, answers as they give them, and what a handler is.
// Plain data, not thread-safe. Knows no sockets and no dialect of any API.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gannet {

class HttpExchange;

struct HttpHeader {
  std::string name;
  std::string value;
};

// Header fields in the order they came. Names compare without regard to case.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<HttpHeader> fields) : fields_(fields) {}

  void add(std::string_view name, std::string_view value) {
    fields_.push_back({std::string(name), std::string(value)});
  }
  // In the place of all fields of that name.
  void set(std::string_view name, std::string_view value);
  void append(const HttpHeaders& more) {
    fields_.insert(fields_.end(), more.fields_.begin(), more.fields_.end());
  }
  // The first of that name; null without one. Valid until the fields change.
  const std::string* find(std::string_view name) const;
  // The first of that name; empty without one.
  std::string_view get(std::string_view name) const;
  size_t count(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  size_t size() const { return fields_.size(); }

 private:
  std::vector<HttpHeader> fields_;
};

struct HttpRequest {
  std::string method;  // as sent: "GET"; methods are case-sensitive
  std::string target;  // path and query as sent; scheme and host of an absolute target are taken off
  std::string path;    // decoded, "/" first; "*" for OPTIONS *. `%2F` has become "/": routers split `target`
  // Decoded, in the order they came. A name may come twice.
  std::vector<std::pair<std::string, std::string>> query;
  int minor_version = 1;  // HTTP/1.0 or HTTP/1.1
  HttpHeaders headers;
  std::string host;  // lower-case, with the port when one was sent; of the absolute target, else of Host
  std::string body;

  std::string peer;       // address without port; "unix" for a UNIX socket
  bool tls = false;       // came over TLS
  bool loopback = false;  // came to a listener bound to a loopback address
  std::string id;         // X-Request-Id of the client when it is [A-Za-z0-9._-]{1,128}, else a fresh one
  std::string key_id;     // which API key was shown (see ApiKeys); empty without keys
  std::map<std::string, std::string, std::less<>> path_values;  // parts of the route's pattern, decoded

  // The first of that name, null without one.
  const std::string* query_value(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;  // Content-Length, Connection, Date and X-Request-Id are put in by the server
  std::string body;
};

// What the server or a router answers itself. `status` decides; `message` says what is wrong and what to do.
struct HttpError {
  int status = 500;
  std::string message;
  HttpHeaders headers;  // Allow, Retry-After, WWW-Authenticate, ...
};

struct HttpAdmission {
  std::optional<HttpResponse> refusal;     // answered at once; the body of the request is not read
  HttpHeaders headers;                     // put into whatever is answered to this request
  std::optional<uint64_t> max_body_bytes;  // in the place of the server's limit
};

// Answers requests. All functions are called on the event loop: while one runs nobody else is served, so they
// hand work over to other threads. An exception that leaves one is answered with 500.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  // The head of a request is there, its body is not: refuse early what need not be read. May fill in fields.
  virtual HttpAdmission admit(HttpRequest& head) = 0;
  // A whole request. The exchange may be kept and used by any thread; when its last owner drops it
  // unanswered, the client gets 500.
  virtual void handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) = 0;
  // The answer for an error of the server's own (malformed, too large, too slow, overloaded): the dialect's
  // shape. Of a malformed request only the fields that could be read are set. Default: the message as plain
  // text.
  virtual HttpResponse error(const HttpError& error, const HttpRequest& request);
};

// "Not Found"; "Unknown" for a number without a name.
std::string_view http_reason(int status);

// Letters of ASCII only.
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower_ascii(std::string_view text);
// Without spaces and tabs around it.
std::string_view trim_blanks(std::string_view text);

}  // namespace gannet
