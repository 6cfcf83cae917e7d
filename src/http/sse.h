// Server-sent events: the text of event streams. Pure functions.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "http/message.h"

namespace gannet {

// "event: NAME\ndata: LINE\n...\n\n"; without a name only data. Each line of the data, however it ends, gets
// a field of its own, so that no data can make an event of its own. A name is one line: what follows a line
// end is left out.
std::string sse_event(std::string_view name, std::string_view data);

// What keeps a silent stream alive and means nothing to its reader. For HttpExchange::keep_alive().
inline constexpr std::string_view kSsePing = ":\n\n";

// Head of an event stream: its type, and that nobody on the way keeps or gathers it.
HttpHeaders sse_headers();

}  // namespace gannet
