#include "http/access.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "http/target.h"

namespace gannet {
namespace {

bool is_loopback_name(std::string_view name) {
  if (name == "localhost" || name == "localhost.") return true;
  const std::string text(name);
  in_addr four;
  if (inet_pton(AF_INET, text.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six;
  return inet_pton(AF_INET6, text.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool is_address(std::string_view name) {
  const std::string text(name);
  in6_addr any;
  return inet_pton(AF_INET, text.c_str(), &any) == 1 || inet_pton(AF_INET6, text.c_str(), &any) == 1;
}

// "http://host:port" in two; the default port is left out.
std::pair<std::string, std::string> split_origin(std::string_view origin) {
  const size_t end = origin.find("://");
  if (end == std::string_view::npos) return {};
  return {to_lower_ascii(origin.substr(0, end)), to_lower_ascii(origin.substr(end + 3))};
}

std::string without_default_port(std::string_view host, bool tls) {
  const std::string_view port = tls ? ":443" : ":80";
  if (host.ends_with(port)) host.remove_suffix(port.size());
  return std::string(host);
}

}  // namespace

ApiKeys::Hash ApiKeys::hash(std::string_view key) {
  Hash out;
  unsigned size = 0;
  GANNET_CHECK(EVP_Digest(key.data(), key.size(), out.data(), &size, EVP_sha256(), nullptr) == 1,
               "libcrypto");
  return out;
}

Result<void> ApiKeys::add(const Hash& hash, std::string id) {
  if (id.empty()) {
    for (size_t i = 0; i < 4; ++i) id += fmt::format("{:02x}", hash[i]);
  }
  keys_.push_back({hash, std::move(id)});
  return {};
}

Result<void> ApiKeys::add(std::string_view key, std::string id) {
  const bool good = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  });
  if (!good) {
    return Error(ErrorCode::kUsage,
                 "an API key is empty or has a space or control character in it: no client could "
                 "send it");
  }
  return add(hash(key), std::move(id));
}

Result<void> ApiKeys::add_hash(std::string_view hex, std::string id) {
  Hash bytes{};
  bool good = hex.size() == 2 * bytes.size();
  for (size_t i = 0; good && i < hex.size(); ++i) {
    const char c = to_lower_ascii(hex.substr(i, 1))[0];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    good = digit >= 0;
    bytes[i / 2] = static_cast<unsigned char>(bytes[i / 2] * 16 + digit);
  }
  if (!good)
    return Error(ErrorCode::kUsage, "the hash of an API key is not SHA-256 as 64 hexadecimal digits");
  return add(bytes, std::move(id));
}

const std::string* ApiKeys::find(std::string_view key) const {
  const Hash shown = hash(key);
  const std::string* id = nullptr;
  for (const Key& k : keys_) {
    if (CRYPTO_memcmp(shown.data(), k.hash.data(), shown.size()) == 0) id = &k.id;
  }
  return id;
}

std::optional<std::string> ApiKeys::match(const HttpHeaders& headers) const {
  if (const std::string* value = headers.find("Authorization")) {
    constexpr size_t kScheme = 6;
    const std::string_view text = *value;
    if (text.size() > kScheme && equals_ignoring_case(text.substr(0, kScheme), "Bearer") &&
        text[kScheme] == ' ') {
      if (const std::string* id = find(trim_blanks(text.substr(kScheme)))) return *id;
    }
  }
  if (const std::string* value = headers.find("x-api-key")) {
    if (const std::string* id = find(*value)) return *id;
  }
  return std::nullopt;
}

AccessPolicy::AccessPolicy(AccessOptions options) : options_(std::move(options)) {
  const auto all = [](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), "*") != list.end();
  };
  all_origins_ = all(options_.origins);
  all_hosts_ = all(options_.hosts);
  for (std::string& name : options_.hosts) name = to_lower_ascii(name);
  for (std::string& origin : options_.origins) {
    origin = to_lower_ascii(origin);
    if (origin.ends_with('/')) origin.pop_back();
  }
}

bool AccessPolicy::host_allowed(const HttpRequest& head) const {
  if (all_hosts_ || head.peer == "unix") return true;
  if (!head.loopback && options_.hosts.empty()) return true;
  // Browsers always say it; old programs may not.
  if (head.host.empty()) return true;
  const std::string_view name = host_name(head.host);
  if (head.loopback ? is_loopback_name(name) : is_address(name) || name == "localhost") return true;
  return std::any_of(options_.hosts.begin(), options_.hosts.end(),
                     [&](const std::string& allowed) { return allowed == name || allowed == head.host; });
}

bool AccessPolicy::origin_allowed(std::string_view origin, const HttpRequest& head) const {
  if (all_origins_) return true;
  const auto [scheme, host] = split_origin(origin);
  if (host.empty()) return false;  // "null" among them
  const bool tls = scheme == "https";
  // A proxy may have taken the TLS off, so that the scheme says nothing about this connection.
  if ((tls || scheme == "http") && !head.host.empty() &&
      without_default_port(host, tls) == without_default_port(head.host, tls)) {
    return true;
  }
  if (options_.localhost_origins && (tls || scheme == "http") && valid_host(host) &&
      is_loopback_name(host_name(host))) {
    return true;
  }
  const std::string text = to_lower_ascii(origin);
  return std::find(options_.origins.begin(), options_.origins.end(), text) != options_.origins.end();
}

bool AccessPolicy::is_preflight(const HttpRequest& head) {
  return head.method == "OPTIONS" && head.headers.find("Origin") != nullptr &&
         head.headers.find("Access-Control-Request-Method") != nullptr;
}

std::optional<HttpError> AccessPolicy::check(HttpRequest& head, bool needs_key, HttpHeaders* headers) const {
  if (!host_allowed(head)) {
    return HttpError{
        421,
        "This server does not answer to the name in the Host field. If it should, start it with that "
        "name among its allowed hosts.",
        {}};
  }
  if (const std::string* origin = head.headers.find("Origin")) {
    if (!origin_allowed(*origin, head)) {
      headers->add("Vary", "Origin");
      return HttpError{
          403,
          "Pages of this origin may not use the server. If they should, start it with the origin "
          "among its allowed ones.",
          {}};
    }
    if (all_origins_) {
      headers->add("Access-Control-Allow-Origin", "*");
    } else {
      headers->add("Access-Control-Allow-Origin", *origin);
      headers->add("Vary", "Origin");
    }
    headers->add("Access-Control-Expose-Headers", options_.exposed);
  } else if (!all_origins_ && !options_.origins.empty()) {
    headers->add("Vary", "Origin");
  }
  if (options_.keys.empty()) return std::nullopt;
  if (auto id = options_.keys.match(head.headers)) {
    head.key_id = std::move(*id);
  } else if (needs_key && !is_preflight(head)) {
    const bool shown = head.headers.find("Authorization") || head.headers.find("x-api-key");
    return HttpError{
        401,
        shown ? "The API key is not valid here."
              : "This server needs an API key: send `Authorization: Bearer KEY` or `x-api-key: KEY`.",
        {{"WWW-Authenticate", "Bearer"}}};
  }
  return std::nullopt;
}

HttpResponse AccessPolicy::preflight(const HttpRequest& head, std::string_view methods) {
  HttpResponse response{204, {}, {}};
  response.headers.add("Access-Control-Allow-Methods", methods);
  if (const std::string* wanted = head.headers.find("Access-Control-Request-Headers")) {
    response.headers.add("Access-Control-Allow-Headers", *wanted);
  }
  response.headers.add("Access-Control-Max-Age", "600");
  return response;
}

HttpHeaders page_headers(std::string_view content_security_policy) {
  HttpHeaders h{{"X-Content-Type-Options", "nosniff"},
                {"X-Frame-Options", "DENY"},
                {"Referrer-Policy", "no-referrer"},
                {"Cross-Origin-Opener-Policy", "same-origin"},
                {"Cross-Origin-Resource-Policy", "same-origin"}};
  h.add("Content-Security-Policy", content_security_policy);
  return h;
}

}  // namespace gannet
