#include "http/static_file.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace gannet {
namespace {

std::string tag_of(std::string_view bytes) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  GANNET_CHECK(EVP_Digest(bytes.data(), bytes.size(), hash, &size, EVP_sha256(), nullptr) == 1, "libcrypto");
  std::string tag = "\"";
  for (size_t i = 0; i < 12; ++i) tag += fmt::format("{:02x}", hash[i]);
  return tag + "\"";
}

// Calls `use` with each element of a list with commas; stops when it returns true.
template <class F>
bool any_element(std::string_view list, F use) {
  for (size_t at = 0; at < list.size();) {
    const size_t end = std::min(list.find(',', at), list.size());
    if (use(trim_blanks(list.substr(at, end - at)))) return true;
    at = end + 1;
  }
  return false;
}

// "gzip;q=0" and "gzip; q=0.000" say no.
bool is_refused(std::string_view parameters) {
  const size_t q = parameters.find("q=");
  if (q == std::string_view::npos) return false;
  const std::string_view value = parameters.substr(q + 2);
  return value.starts_with('0') && value.find_first_of("123456789") == std::string_view::npos;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool gzip = false, any = false, refused = false;
  any_element(accept_encoding, [&](std::string_view element) {
    const size_t end = std::min(element.find(';'), element.size());
    const std::string_view name = trim_blanks(element.substr(0, end));
    const bool no = is_refused(element.substr(end));
    if (equals_ignoring_case(name, "gzip") || equals_ignoring_case(name, "x-gzip"))
      (no ? refused : gzip) = true;
    if (name == "*" && !no) any = true;
    return false;
  });
  return gzip || (any && !refused);
}

bool names_tag(std::string_view if_none_match, std::string_view tag) {
  return any_element(if_none_match, [&](std::string_view element) {
    if (element.starts_with("W/")) element.remove_prefix(2);
    return element == "*" || element == tag;
  });
}

StaticFile::StaticFile(std::string_view plain, std::string_view gzip, std::string_view content_type,
                       HttpHeaders headers, std::string_view cache_control)
    : plain_(plain),
      gzip_(gzip),
      headers_(std::move(headers)),
      plain_tag_(tag_of(plain)),
      gzip_tag_(tag_of(gzip)) {
  headers_.add("Content-Type", content_type);
  headers_.add("Cache-Control", cache_control);
  if (!gzip_.empty()) headers_.add("Vary", "Accept-Encoding");
}

HttpResponse StaticFile::answer(const HttpRequest& request) const {
  const bool gzip = !gzip_.empty() && accepts_gzip(request.headers.get("Accept-Encoding"));
  const std::string& tag = gzip ? gzip_tag_ : plain_tag_;
  HttpResponse response{200, headers_, {}};
  response.headers.add("ETag", tag);
  const std::string* known = request.headers.find("If-None-Match");
  if (known != nullptr && names_tag(*known, tag)) {
    response.status = 304;
    return response;
  }
  if (gzip) response.headers.add("Content-Encoding", "gzip");
  response.body = gzip ? gzip_ : plain_;
  return response;
}

}  // namespace gannet
