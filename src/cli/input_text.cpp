#include "cli/input_text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/read_input.h"
#include "cli/interrupt.h"

namespace gannet {
namespace {

struct Mark {
  std::string_view bytes;
  std::string_view encoding;  // as iconv calls it; it reads the mark itself where the name has no byte order
};
// Longest first: one begins with another.
constexpr Mark kMarks[] = {
    {std::string_view("\xFF\xFE\0\0", 4), "UTF-32"},
    {std::string_view("\0\0\xFE\xFF", 4), "UTF-32"},
    {"\xFF\xFE", "UTF-16"},
    {"\xFE\xFF", "UTF-16"},
};

// Text without a mark, by where its zero bytes are: in UTF-16 and UTF-32 all characters of Latin script have
// them in the same places. Three quarters of the characters must, and at least four, in the first 4 KiB.
std::string_view encoding_by_zeros(std::string_view bytes) {
  bytes = bytes.substr(0, 4096);
  std::array<size_t, 4> zeros{};  // by position modulo 4
  for (size_t i = 0; i < bytes.size(); ++i) zeros[i % 4] += bytes[i] == 0 ? 1 : 0;
  const auto most = [](size_t n, size_t all) { return n >= 4 && n * 4 >= all * 3; };
  const size_t quads = bytes.size() / 4, pairs = bytes.size() / 2;
  const auto four = [&](size_t text, size_t a, size_t b, size_t c) {
    return zeros[text] == 0 && most(zeros[a], quads) && most(zeros[b], quads) && most(zeros[c], quads);
  };
  if (bytes.size() % 4 == 0 && four(0, 1, 2, 3)) return "UTF-32LE";
  if (bytes.size() % 4 == 0 && four(3, 0, 1, 2)) return "UTF-32BE";
  const size_t even = zeros[0] + zeros[2], odd = zeros[1] + zeros[3];
  if (bytes.size() % 2 == 0 && even == 0 && most(odd, pairs)) return "UTF-16LE";
  if (bytes.size() % 2 == 0 && odd == 0 && most(even, pairs)) return "UTF-16BE";
  return {};
}

}  // namespace

Result<std::string> text_of(std::string bytes, const std::string& name) {
  const auto* mark = std::find_if(std::begin(kMarks), std::end(kMarks),
                                  [&](const Mark& m) { return bytes.starts_with(m.bytes); });
  const std::string_view encoding = mark != std::end(kMarks) ? mark->encoding : encoding_by_zeros(bytes);
  if (!encoding.empty()) {
    return Error(ErrorCode::kUsage,
                 fmt::format("{}: is text in {}, and UTF-8 is needed; `iconv -f {} -t UTF-8` converts it",
                             name, encoding.substr(0, 6), encoding));
  }
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.erase(0, 3);
  return bytes;
}

std::string without_final_newline(std::string text) {
  if (text.ends_with('\n')) {
    text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
  }
  return text;
}

Result<std::string> read_text(const std::string& path) {
  std::string bytes = GANNET_TRY(read_input(path, {.max_bytes = kMaxInputText, .stop = interrupted}));
  return text_of(std::move(bytes), input_name(path));
}

Result<std::string> read_prompt_file(const std::string& path) {
  std::string text = GANNET_TRY(read_text(path));
  if (text.starts_with(std::string_view("GGUF\3\0\0\0", 8)) ||
      text.starts_with(std::string_view("GGUF\2\0\0\0", 8)))
    return Error(ErrorCode::kUsage,
                 fmt::format("{}: is a model file and no prompt; -m runs it", input_name(path)));
  return without_final_newline(std::move(text));
}

}  // namespace gannet
