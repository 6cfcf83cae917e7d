#include "http/router.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "http/target.h"

namespace gannet {
namespace {

// "/a/b" to "a", "b"; "/" to "".
std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (size_t at = 0;;) {
    const size_t end = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, end - at));
    if (end == path.size()) return parts;
    at = end + 1;
  }
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& w : words) out += (out.empty() ? "" : ", ") + w;
  return out;
}

void add_once(std::vector<std::string>* words, const std::string& word) {
  if (std::find(words->begin(), words->end(), word) == words->end()) words->push_back(word);
}

}  // namespace

Router::Router(RouterOptions options) : options_(std::move(options)) {
  std::string& prefix = options_.prefix;
  while (prefix.ends_with('/')) prefix.pop_back();
  if (!prefix.empty() && !prefix.starts_with('/')) prefix = "/" + prefix;
}

void Router::add(std::string_view method, std::string_view pattern, HttpFunction function,
                 RouteOptions options) {
  GANNET_CHECK(pattern.starts_with('/'), "a route begins with /");
  Route route{std::string(method), std::string(pattern), {}, std::move(function), options};
  for (const std::string_view part : split_path(pattern)) {
    if (!part.starts_with('{') || !part.ends_with('}')) {
      route.parts.push_back({std::string(part), Part::Kind::kLiteral});
    } else if (part.ends_with("*}")) {
      route.parts.push_back({std::string(part.substr(1, part.size() - 3)), Part::Kind::kRest});
    } else {
      route.parts.push_back({std::string(part.substr(1, part.size() - 2)), Part::Kind::kName});
    }
  }
  for (const Route& other : routes_) {
    GANNET_CHECK(other.method != route.method || other.pattern != route.pattern, route.pattern.c_str());
  }
  routes_.push_back(std::move(route));
}

std::vector<Router::Listed> Router::routes() const {
  std::vector<Listed> all;
  for (const Route& r : routes_) all.push_back({r.method, options_.prefix + r.pattern, r.options.is_public});
  return all;
}

// Where the two first differ in kind, the more definite one wins.
bool Router::better(const Route& a, const Route& b) {
  return std::lexicographical_compare(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(),
                                      [](const Part& x, const Part& y) { return x.kind < y.kind; });
}

const Router::Route* Router::find(const HttpRequest& request, std::vector<std::string>* methods) const {
  std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  if (!path.starts_with(options_.prefix)) return nullptr;
  path.remove_prefix(options_.prefix.size());
  if (path.empty() && !options_.prefix.empty()) path = "/";
  if (!path.starts_with('/')) return nullptr;
  std::vector<std::string> given;
  for (const std::string_view part : split_path(path)) {
    auto decoded = percent_decode(part);
    if (!decoded) return nullptr;
    given.push_back(std::move(*decoded));
  }
  const Route* best = nullptr;
  for (const Route& r : routes_) {
    const bool rest = r.parts.back().kind == Part::Kind::kRest;
    if (rest ? given.size() < r.parts.size() : given.size() != r.parts.size()) continue;
    bool same = true;
    for (size_t i = 0; same && i < r.parts.size(); ++i) {
      same = r.parts[i].kind == Part::Kind::kLiteral ? r.parts[i].text == given[i] : !given[i].empty();
    }
    if (!same) continue;
    add_once(methods, r.method);
    if (r.method == "GET") add_once(methods, "HEAD");
    const bool answers = r.method == request.method || (r.method == "GET" && request.method == "HEAD");
    if (answers && (best == nullptr || better(r, *best))) best = &r;
  }
  return best;
}

HttpAdmission Router::admit(HttpRequest& head) {
  HttpAdmission admission;
  const auto refuse = [&](const HttpError& e) {
    admission.refusal = error(e, head);
    return std::move(admission);
  };
  std::vector<std::string> methods;
  const Route* route = find(head, &methods);
  // Where nothing is, a key is asked for before that is said.
  const bool needs_key = route == nullptr || !route->options.is_public;
  if (auto refused = options_.access.check(head, needs_key, &admission.headers)) return refuse(*refused);
  if (route != nullptr) {
    admission.max_body_bytes = route->options.max_body_bytes;
    return admission;
  }
  if (methods.empty()) {
    if (head.path == "*") {
      admission.refusal = HttpResponse{204, {}, {}};
      return admission;
    }
    return refuse({404, "There is nothing at this path.", {}});
  }
  add_once(&methods, "OPTIONS");
  const std::string allowed = join(methods);
  if (head.method == "OPTIONS") {
    admission.refusal =
        AccessPolicy::is_preflight(head) ? AccessPolicy::preflight(head, allowed) : HttpResponse{204, {}, {}};
    admission.refusal->headers.add("Allow", allowed);
    return admission;
  }
  return refuse({405,
                 "This path does not know the method " + head.method + ". It knows " + allowed + ".",
                 {{"Allow", allowed}}});
}

void Router::handle(HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
  std::vector<std::string> methods;
  const Route* route = find(request, &methods);
  GANNET_CHECK(route != nullptr, "admitted without a route");
  const std::string_view target = request.target;
  // The values of the names: split again, rather than kept for requests that are refused.
  const std::string path(target.substr(options_.prefix.size(), target.find('?') - options_.prefix.size()));
  const std::vector<std::string_view> given = split_path(path);
  for (size_t i = 0; i < route->parts.size(); ++i) {
    const Part& part = route->parts[i];
    if (part.kind == Part::Kind::kLiteral) continue;
    std::string value = *percent_decode(given[i]);
    for (size_t j = i + 1; part.kind == Part::Kind::kRest && j < given.size(); ++j) {
      value += "/" + *percent_decode(given[j]);
    }
    request.path_values[part.text] = std::move(value);
  }
  route->function(std::move(request), std::move(exchange));
}

HttpResponse Router::error(const HttpError& error, const HttpRequest& request) {
  return options_.error ? options_.error(error, request) : HttpHandler::error(error, request);
}

}  // namespace gannet
