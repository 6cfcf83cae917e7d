#include "http/request_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "base/check.h"
#include "http/chunk_decoder.h"
#include "http/target.h"

namespace gannet {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

// Whether the first line ends as those of all versions of HTTP do.
bool names_version(std::string_view head) {
  const std::string_view line = head.substr(0, head.find('\r'));
  if (line.size() < 10) return false;
  const std::string_view end = line.substr(line.size() - 9);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return end.starts_with(" HTTP/") && digit(end[6]) && end[7] == '.' && digit(end[8]);
}

class Parser : public http::basic_parser<true> {
 public:
  HttpRequest request;
  bool head_done = false;

 private:
  void on_request_impl(http::verb, beast::string_view method, beast::string_view target, int version,
                       beast::error_code& ec) override {
    request.method.assign(method.data(), method.size());
    request.target.assign(target.data(), target.size());
    request.minor_version = version - 10;
    ec = {};
  }
  void on_response_impl(int, beast::string_view, int, beast::error_code& ec) override { ec = {}; }
  void on_field_impl(http::field, beast::string_view name, beast::string_view value,
                     beast::error_code& ec) override {
    ec = {};
    request.headers.add({name.data(), name.size()}, {value.data(), value.size()});
  }
  void on_header_impl(beast::error_code& ec) override {
    ec = {};
    head_done = true;
  }
  // It is given heads only.
  void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code& ec) override { ec = {}; }
  std::size_t on_body_impl(beast::string_view bytes, beast::error_code& ec) override {
    ec = {};
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code& ec) override { ec = {}; }
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view bytes, beast::error_code& ec) override {
    ec = {};
    return bytes.size();
  }
  void on_finish_impl(beast::error_code& ec) override { ec = {}; }
};

}  // namespace

struct RequestReader::Impl {
  LineCheck lines;
  Parser parser;
  ChunkDecoder chunks;
  uint64_t length = 0;  // of the body, when it is not chunked
  uint64_t limit = 0;
};

RequestReader::RequestReader(const RequestLimits& limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;

RequestReader::Step RequestReader::fail(int status, std::string message) {
  error_ = {status, std::move(message), {}};
  return Step::kError;
}

RequestReader::Step RequestReader::advance(std::string_view bytes, size_t* used) {
  *used = 0;
  if (!error_.message.empty()) return Step::kError;
  if (impl_ == nullptr) {
    // RFC 9112, 2.2: empty lines before the request are let pass; old clients send one after a body.
    size_t skipped = 0;
    while (bytes.substr(skipped, 2) == "\r\n") skipped += 2;
    *used = skipped;
    bytes.remove_prefix(skipped);
    if (bytes.empty() || bytes == "\r") return Step::kMore;
    impl_ = std::make_unique<Impl>();
    impl_->parser.header_limit(static_cast<uint32_t>(limits_.header_bytes + 4));
    impl_->parser.body_limit(boost::none);
  }
  return impl_->parser.head_done ? read_body(bytes, used) : read_head(bytes, used);
}

RequestReader::Step RequestReader::read_head(std::string_view head, size_t* used) {
  const LineCheck::Result result = impl_->lines.feed(head.substr(impl_->lines.bytes()));
  if (result == LineCheck::Result::kBad) {
    return fail(400,
                "Malformed request: the header has a control character, a folded line or a bare CR or LF.");
  }
  if (impl_->lines.first_line_bytes() > limits_.target_bytes + 64) {
    return fail(414, fmt::format("The request target is longer than {} bytes.", limits_.target_bytes));
  }
  if (impl_->lines.lines() > limits_.headers + 2) {
    return fail(431, fmt::format("The request has more than {} header fields.", limits_.headers));
  }
  if (impl_->lines.bytes() > limits_.header_bytes) {
    return fail(431, fmt::format("The header of the request is longer than {} bytes.", limits_.header_bytes));
  }
  if (result == LineCheck::Result::kMore) return Step::kMore;

  beast::error_code ec;
  const size_t length = impl_->lines.bytes();
  const size_t put = impl_->parser.put({head.data(), length}, ec);
  if (ec == http::error::bad_version && names_version(head))
    return fail(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.");
  if (ec) return fail(400, fmt::format("Malformed request: {}.", ec.message()));
  if (!impl_->parser.is_header_done() || put != length) return fail(400, "Malformed request header.");
  *used += length;
  return check_head() ? Step::kHead : Step::kError;
}

// What Beast's parser lets pass.
bool RequestReader::check_head() {
  HttpRequest& request = impl_->parser.request;
  const HttpHeaders& headers = request.headers;
  const auto refuse = [&](int status, const char* message) {
    fail(status, message);
    return false;
  };
  if (request.target.size() > limits_.target_bytes) return refuse(414, "The request target is too long.");
  const std::string raw = std::move(request.target);
  if (!read_target(raw, &request)) return refuse(400, "The request target is not a valid path.");

  const size_t hosts = headers.count("Host");
  if (hosts > 1 || (hosts == 0 && request.minor_version == 1)) {
    return refuse(400, "The request needs exactly one Host field.");
  }
  if (hosts == 1) {
    const std::string_view host = headers.get("Host");
    if (!valid_host(host)) return refuse(400, "The Host field is not a valid host.");
    if (request.host.empty()) request.host = to_lower_ascii(host);
  }

  const size_t lengths = headers.count("Content-Length"), codings = headers.count("Transfer-Encoding");
  if (lengths + codings > 1) {
    return refuse(400, "The request says more than once how long its body is.");
  }
  if (lengths == 1) {
    const std::string_view length = headers.get("Content-Length");
    const bool digits =
        std::all_of(length.begin(), length.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (length.empty() || length.size() > 19 || !digits)
      return refuse(400, "Content-Length is not a number.");
    impl_->length = *impl_->parser.content_length();
  }
  if (codings == 1) {
    if (request.minor_version == 0) return refuse(400, "HTTP/1.0 has no Transfer-Encoding.");
    if (!equals_ignoring_case(headers.get("Transfer-Encoding"), "chunked")) {
      return refuse(501, "The only Transfer-Encoding understood is chunked.");
    }
  }
  if (const std::string* expect = headers.find("Expect")) {
    if (!equals_ignoring_case(*expect, "100-continue")) return refuse(417, "Unknown Expect field.");
  }
  return true;
}

void RequestReader::set_body_limit(uint64_t bytes) {
  impl_->limit = bytes;
}

RequestReader::Step RequestReader::read_body(std::string_view bytes, size_t* used) {
  std::string& body = impl_->parser.request.body;
  if (!impl_->parser.chunked()) {
    if (impl_->length <= impl_->limit) {
      *used = static_cast<size_t>(std::min<uint64_t>(impl_->length - body.size(), bytes.size()));
      body.append(bytes.substr(0, *used));
      return body.size() == impl_->length ? Step::kDone : Step::kMore;
    }
  } else {
    switch (impl_->chunks.feed(bytes, impl_->limit, &body, used)) {
      case ChunkDecoder::Result::kMore:
        return Step::kMore;
      case ChunkDecoder::Result::kEnd:
        return Step::kDone;
      case ChunkDecoder::Result::kBad:
        return fail(400, "Malformed request: its body is not well-formed chunks.");
      case ChunkDecoder::Result::kTooLarge:
        break;
    }
  }
  return fail(413, fmt::format("The body of the request is longer than {} bytes.", impl_->limit));
}

bool RequestReader::expects_continue() const {
  const HttpRequest& request = impl_->parser.request;
  return request.minor_version == 1 && request.headers.find("Expect") != nullptr && has_body();
}

bool RequestReader::has_body() const {
  return !impl_->parser.is_done();
}

bool RequestReader::keep_alive() const {
  return impl_->parser.keep_alive();
}

HttpRequest& RequestReader::request() {
  return impl_->parser.request;
}

HttpRequest RequestReader::take_request() {
  HttpRequest request = std::move(impl_->parser.request);
  impl_.reset();
  return request;
}

}  // namespace gannet
