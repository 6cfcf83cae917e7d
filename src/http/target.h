// Request targets: percent-decoding, paths and queries. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace gannet {

// `%41` to `A`, and with `plus` also `+` to a space. Nothing for a broken or a zero byte.
std::optional<std::string> percent_decode(std::string_view text, bool plus = false);

// "a=1&b" to pairs. Nothing when a part does not decode.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

// A target as it stands in the request line: "/path?query", "http://host/path" or "*". Fills target, path,
// query and, for the absolute form, host. False when it is none of these.
bool read_target(std::string_view raw, HttpRequest* request);

// "example.org:8080", "[::1]", "127.0.0.1": what may stand in a Host field.
bool valid_host(std::string_view host);
// Without the port and the brackets of IPv6.
std::string_view host_name(std::string_view host);

}  // namespace gannet
