// Files of prompts whose answers are measured. A prompt begins after a line "=== KIND NAME" and ends before
// the next one (or with the file); the line break before that is not part of it. What stands in front of the
// first such line is about the file. A file without such lines is one prompt.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gannet {

struct BenchPrompt {
  std::string kind, name, text;
};

// `name`: of the file, for messages and as the name of the only prompt. At least one prompt. Errors: kUsage
// for a line that begins with "=== " and goes on otherwise, and for a prompt without text.
Result<std::vector<BenchPrompt>> parse_bench_prompts(std::string_view text, const std::string& name);

}  // namespace gannet
