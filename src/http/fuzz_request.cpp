// libFuzzer target: bytes as a connection gets them, whole and in pieces. Whatever they are: no crash, the
// same requests at every split, and nothing in them that was to be refused.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "http/request_reader.h"

namespace gannet {
namespace {

// Bytes from 0xE0 stand for these, so that the fuzzer need not find them.
constexpr std::string_view kParts[] = {"GET / HTTP/1.1\r\nHost: h\r\n",
                                       "POST /a?b=c HTTP/1.1\r\nHost: h\r\n",
                                       "Content-Length: ",
                                       "Transfer-Encoding: chunked\r\n\r\n",
                                       "\r\n\r\n",
                                       "0\r\n\r\n",
                                       "5\r\nhello\r\n",
                                       "\r\n",
                                       "Expect: 100-continue\r\n",
                                       "HTTP/1.0",
                                       "Connection: ",
                                       "%2F",
                                       "http://h/",
                                       ";a=\"b\"",
                                       "Transfer-Encoding: ",
                                       "FFFFFFFFFFFFFFFF"};
constexpr uint64_t kBodyLimit = 300;

struct Outcome {
  std::string text;  // all requests that were read
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

void check(const HttpRequest& r) {
  const auto control = [](std::string_view s) {
    return std::any_of(s.begin(), s.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
  };
  GANNET_CHECK(r.path.starts_with('/') || r.path == "*");
  GANNET_CHECK(r.path.find('\0') == std::string::npos);
  GANNET_CHECK(!control(r.target) && !control(r.method) && !r.method.empty());
  for (const HttpHeader& h : r.headers)
    GANNET_CHECK(!control(h.name) && !control(h.value) && !h.name.empty());
  GANNET_CHECK(r.headers.count("Content-Length") + r.headers.count("Transfer-Encoding") <= 1);
  GANNET_CHECK(r.headers.count("Host") == 1 || r.minor_version == 0);
  GANNET_CHECK(r.headers.size() <= 20);
}

Outcome read(std::string_view bytes, size_t piece) {
  RequestReader reader({512, 20, 128});
  Outcome out;
  std::string in;
  for (size_t at = 0; at < bytes.size() || at == 0; at += piece) {
    in += bytes.substr(at, piece);
    for (bool more = true; more;) {
      size_t used = 0;
      const RequestReader::Step step = reader.advance(in, &used);
      GANNET_CHECK(used <= in.size());
      in.erase(0, used);
      switch (step) {
        case RequestReader::Step::kMore:
          more = false;
          break;
        case RequestReader::Step::kHead:
          check(reader.request());
          reader.set_body_limit(kBodyLimit);
          out.text += reader.keep_alive() ? "keep " : "last ";
          out.text += reader.expects_continue() ? "continue " : "";
          break;
        case RequestReader::Step::kDone: {
          const HttpRequest r = reader.take_request();
          GANNET_CHECK(r.body.size() <= kBodyLimit);
          if (const std::string* length = r.headers.find("Content-Length")) {
            GANNET_CHECK(std::stoull(*length) == r.body.size());
          }
          out.text += r.method + " " + r.path + " " + r.host + "\n";
          for (const HttpHeader& h : r.headers) out.text += h.name + "=" + h.value + "\n";
          out.text += r.body + "\n";
          break;
        }
        case RequestReader::Step::kError:
          GANNET_CHECK(reader.error().status >= 400 && reader.error().status <= 505);
          out.failed = true;
          return out;
      }
    }
    GANNET_CHECK(in.size() <= 16384);
  }
  return out;
}

}  // namespace
}  // namespace gannet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gannet;
  if (size == 0) return 0;
  std::string bytes;
  for (size_t i = 1; i < size; ++i) {
    if (const size_t part = data[i] - size_t{0xE0}; part < std::size(kParts)) {
      bytes += kParts[part];
    } else {
      bytes += static_cast<char>(data[i]);
    }
  }
  if (bytes.size() > 7000) return 0;  // below the limit of what may be without an end
  const Outcome whole = read(bytes, bytes.size() + 1);
  GANNET_CHECK(whole == read(bytes, 1), "split changes the result");
  GANNET_CHECK(whole == read(bytes, 1 + data[0] % 64u), "split changes the result");
  return 0;
}
