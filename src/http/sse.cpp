#include "http/sse.h"

#include <algorithm>

namespace gannet {

std::string sse_event(std::string_view name, std::string_view data) {
  std::string out;
  out.reserve(name.size() + data.size() + 32);
  name = name.substr(0, name.find_first_of("\r\n"));
  if (!name.empty()) {
    out += "event: ";
    out += name;
    out += '\n';
  }
  for (size_t at = 0;;) {
    const size_t end = std::min(data.find_first_of("\r\n", at), data.size());
    out += "data: ";
    out += data.substr(at, end - at);
    out += '\n';
    if (end == data.size()) break;
    at = end + (data.substr(end, 2) == "\r\n" ? 2 : 1);
  }
  out += '\n';
  return out;
}

HttpHeaders sse_headers() {
  return {{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-cache"}, {"X-Accel-Buffering", "no"}};
}

}  // namespace gannet
