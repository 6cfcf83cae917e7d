// Routes: method and path to function, with access checked before the body is read. Built once, then only
// read.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/access.h"
#include "http/exchange.h"
#include "http/message.h"

namespace gannet {

using HttpFunction = std::function<void(HttpRequest request, std::shared_ptr<HttpExchange> exchange)>;
// The answer for an error: the shape that the clients of this path expect.
using HttpErrorFormatter = std::function<HttpResponse(const HttpError& error, const HttpRequest& request)>;

struct RouteOptions {
  bool is_public = false;                       // needs no key
  std::optional<uint64_t> max_body_bytes = {};  // in the place of the server's limit
};

struct RouterOptions {
  std::string prefix;  // "/api": stands before all paths; "" and "/" for none
  AccessPolicy access;
  HttpErrorFormatter error;  // default: plain text
};

class Router : public HttpHandler {
 public:
  explicit Router(RouterOptions options);

  // Patterns are paths with names for parts of them: "/slots/{id}"; "/models/{name*}" at the end takes all
  // that is left, slashes included. Parts are decoded one by one: "%2F" does not separate. Literal parts win
  // over names. A route for GET also answers HEAD. Two routes of the same pattern and method are a bug.
  void add(std::string_view method, std::string_view pattern, HttpFunction function,
           RouteOptions options = {});

  struct Listed {
    std::string method, path;
    bool is_public;
  };
  // All routes with the prefix, in the order they were added.
  std::vector<Listed> routes() const;

  HttpAdmission admit(HttpRequest& head) override;
  void handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) override;
  HttpResponse error(const HttpError& error, const HttpRequest& request) override;

 private:
  struct Part {
    std::string text;
    enum class Kind : uint8_t { kLiteral, kName, kRest } kind;
  };
  struct Route {
    std::string method, pattern;
    std::vector<Part> parts;
    HttpFunction function;
    RouteOptions options;
  };
  // The best route for the path and method; else the methods that the path has.
  const Route* find(const HttpRequest& request, std::vector<std::string>* methods) const;
  static bool better(const Route& a, const Route& b);

  RouterOptions options_;
  std::vector<Route> routes_;
};

}  // namespace gannet
