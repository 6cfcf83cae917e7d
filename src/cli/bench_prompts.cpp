#include "cli/bench_prompts.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/input_text.h"

namespace gannet {
namespace {

constexpr std::string_view kMark = "=== ";

}  // namespace

Result<std::vector<BenchPrompt>> parse_bench_prompts(std::string_view text, const std::string& name) {
  std::vector<BenchPrompt> prompts;
  size_t number = 0, begin = 0;  // of the line, and where the open prompt's text begins
  const auto end_at = [&](size_t end) {
    if (!prompts.empty())
      prompts.back().text = without_final_newline(std::string(text.substr(begin, end - begin)));
  };
  for (size_t at = 0; at < text.size();) {
    const size_t next = std::min(text.find('\n', at), text.size() - 1) + 1;
    ++number;
    if (text.substr(at).starts_with(kMark)) {
      end_at(at);
      std::istringstream words(std::string(text.substr(at + kMark.size(), next - at - kMark.size())));
      BenchPrompt& prompt = prompts.emplace_back();
      std::string more;
      if (!(words >> prompt.kind >> prompt.name) || words >> more)
        return Error(ErrorCode::kUsage,
                     fmt::format("--spec-prompts {}: line {} should be \"=== KIND NAME\"", name, number));
      begin = next;
    }
    at = next;
  }
  if (prompts.empty()) prompts.push_back({"text", printable(name), ""});
  end_at(text.size());
  for (const BenchPrompt& prompt : prompts)
    if (prompt.text.empty())
      return Error(ErrorCode::kUsage, fmt::format("--spec-prompts {}: the prompt \"{} {}\" is empty", name,
                                                  prompt.kind, prompt.name));
  return prompts;
}

}  // namespace gannet
