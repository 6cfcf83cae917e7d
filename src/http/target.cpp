#include "http/target.h"

#include <algorithm>

namespace gannet {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (plus && c == '+') {
      c = ' ';
    }
    if (c == '\0') return std::nullopt;
    out += c;
  }
  return out;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (size_t at = 0, end; at < query.size(); at = end + 1) {
    end = std::min(query.find('&', at), query.size());
    const std::string_view part = query.substr(at, end - at);
    if (part.empty()) continue;
    const size_t equals = std::min(part.find('='), part.size());
    auto name = percent_decode(part.substr(0, equals), true);
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), true);
    if (!name || !value) return std::nullopt;
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

bool valid_host(std::string_view host) {
  if (host.empty() || host.size() > 260) return false;
  std::string_view port;
  if (host.front() == '[') {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    for (const char c : host.substr(1, end - 1)) {
      if (hex_digit(c) < 0 && c != ':' && c != '.') return false;
    }
    port = host.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else {
    const size_t colon = std::min(host.find(':'), host.size());
    if (colon == 0) return false;
    for (const char c : host.substr(0, colon)) {
      const bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        c == '.' || c == '-' || c == '_';
      if (!good) return false;
    }
    port = host.substr(colon);
  }
  return port.size() <= 6 && std::all_of(port.begin() + (port.empty() ? 0 : 1), port.end(),
                                         [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view host_name(std::string_view host) {
  if (host.starts_with('[')) return host.substr(1, std::min(host.find(']'), host.size()) - 1);
  return host.substr(0, host.find(':'));
}

bool read_target(std::string_view raw, HttpRequest* request) {
  if (raw == "*") {
    request->target = request->path = "*";
    return request->method == "OPTIONS";
  }
  std::string_view rest = raw;
  if (!rest.starts_with('/')) {
    const size_t scheme = rest.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string_view name = rest.substr(0, scheme);
    if (!equals_ignoring_case(name, "http") && !equals_ignoring_case(name, "https")) return false;
    rest.remove_prefix(scheme + 3);
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    if (!valid_host(rest.substr(0, end))) return false;
    request->host = to_lower_ascii(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  request->target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  const std::string_view target = request->target;
  if (target.find('#') != std::string_view::npos) return false;
  const size_t question = std::min(target.find('?'), target.size());
  auto path = percent_decode(target.substr(0, question));
  auto query = parse_query(target.substr(std::min(question + 1, target.size())));
  if (!path || !query) return false;
  request->path = std::move(*path);
  request->query = std::move(*query);
  return true;
}

}  // namespace gannet
