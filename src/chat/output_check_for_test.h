// Runs the output parser over a text at every split and holds the results to each other, to the deltas and to
// JSON.
#pragma once

#include <string_view>
#include <vector>

#include "chat/output_parser.h"

namespace gannet {

struct ParsedOutput {
  Message message;
  bool cut_in_call = false;
  friend bool operator==(const ParsedOutput&, const ParsedOutput&) = default;
};

// The text in the pieces that `cuts` (ascending positions) make.
ParsedOutput parse_output(std::string_view text, const OutputOptions& options, OutputEnd end,
                          const std::vector<size_t>& cuts = {});

// The same after comparing all splits in two, one byte at a time and some random splits in many.
ParsedOutput parse_at_every_split(std::string_view text, const OutputOptions& options,
                                  OutputEnd end = OutputEnd::kStop);

Tool tool_for_test(const char* name, const char* parameters);

}  // namespace gannet
