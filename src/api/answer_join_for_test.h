// Streams put together again as clients do it, strictly: what a client could not read is a failed test.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/dialect.h"

namespace gannet {

struct StreamEvent {
  std::string name;  // of Responses and messages; empty otherwise
  nlohmann::ordered_json data;
};

// The events of a stream without comments and [DONE]; lines of NDJSON are events too.
std::vector<StreamEvent> events_of(Dialect dialect, std::string_view bytes);

// What the stream says, in the form of a whole answer. Without what only one of both has.
nlohmann::ordered_json joined(Dialect dialect, std::string_view bytes);
// The same of a whole answer.
nlohmann::ordered_json comparable(Dialect dialect, nlohmann::ordered_json whole);

}  // namespace gannet
