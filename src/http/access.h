// Who may ask: API keys, origins of web pages, names of this server. Values, set up once and then only read:
// safe from any thread. All is refused that was not allowed.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace gannet {

// Keys are kept as SHA-256, and all are compared, in constant time: neither memory nor timing gives one away.
class ApiKeys {
 public:
  // `id` names the key in logs and quotas; empty: the first 8 hexadecimal digits of its hash. Errors: kUsage
  // for an empty key or one with spaces or control characters, which no client could send.
  Result<void> add(std::string_view key, std::string id = {});
  // The same by its SHA-256 as 64 hexadecimal digits.
  Result<void> add_hash(std::string_view hex, std::string id = {});
  bool empty() const { return keys_.empty(); }

  // The id of the key in `Authorization: Bearer KEY` or `x-api-key: KEY`; nothing when it is none of ours.
  std::optional<std::string> match(const HttpHeaders& headers) const;

 private:
  using Hash = std::array<unsigned char, 32>;
  static Hash hash(std::string_view key);
  Result<void> add(const Hash& hash, std::string id);
  const std::string* find(std::string_view key) const;

  struct Key {
    Hash hash;
    std::string id;
  };
  std::vector<Key> keys_;
};

struct AccessOptions {
  ApiKeys keys;  // none: nobody needs one
  // Origins that may use this server from a web page: "https://chat.example.org", exactly, or "*" for all. A
  // page of this server itself always may. Others get 403. Credentials of the browser are never asked for.
  std::vector<std::string> origins;
  std::string exposed = "X-Request-Id, Retry-After";  // fields of answers that such pages may read
  bool localhost_origins = false;                     // pages at any port of this machine, too
  // Names by which requests may ask for a server that listens at a loopback address, besides localhost and
  // loopback addresses: without this check a web page whose name is made to point here could read answers
  // (DNS rebinding).
  // "*" for all. With names and a listener that is no loopback, those names and addresses are the only ones.
  std::vector<std::string> hosts;
};

class AccessPolicy {
 public:
  AccessPolicy() = default;
  explicit AccessPolicy(AccessOptions options);

  // Looks at the head of a request. `needs_key`: the route is not public; with a key that matches,
  // head.key_id is set. Adds the CORS fields to `headers`. Returns why it is refused: 401, 403, 421.
  std::optional<HttpError> check(HttpRequest& head, bool needs_key, HttpHeaders* headers) const;
  // Whether `head` is the question of a browser before a request from another origin.
  static bool is_preflight(const HttpRequest& head);
  // The answer to it, after check().
  static HttpResponse preflight(const HttpRequest& head, std::string_view methods);

 private:
  bool host_allowed(const HttpRequest& head) const;
  bool origin_allowed(std::string_view origin, const HttpRequest& head) const;

  AccessOptions options_;
  bool all_origins_ = false, all_hosts_ = false;
};

// For pages: the given Content-Security-Policy, no framing, no guessing of types, no referrer.
HttpHeaders page_headers(std::string_view content_security_policy);

}  // namespace gannet
