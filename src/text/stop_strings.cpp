#include "text/stop_strings.h"

#include <algorithm>

#include <fmt/core.h>

#include "text/utf8.h"
#include "text/vocabulary.h"

namespace gannet {
namespace {

std::vector<size_t> borders_of(std::string_view text) {
  std::vector<size_t> borders(text.size() + 1, 0);
  for (size_t n = 2; n <= text.size(); ++n) {
    size_t k = borders[n - 1];
    while (k > 0 && text[k] != text[n - 1]) k = borders[k];
    borders[n] = text[k] == text[n - 1] ? k + 1 : 0;
  }
  return borders;
}

}  // namespace

Result<StopStrings> StopStrings::create(std::span<const std::string> strings) {
  StopStrings made;
  size_t n_bytes = 0;
  for (const std::string& text : strings) {
    if (text.empty()) return Error(ErrorCode::kUsage, "a stop string is empty; it would end every answer");
    if (utf8_valid_prefix(text) != text.size())
      return Error(ErrorCode::kUsage, fmt::format("the stop string {} is not UTF-8", quoted(text)));
    n_bytes += text.size();
    if (n_bytes > kMostBytes)
      return Error(ErrorCode::kUsage, fmt::format("the stop strings have more than {} bytes", kMostBytes));
    made.all_.push_back({text, borders_of(text), 0});
  }
  return made;
}

std::string_view StopStrings::push(std::string_view piece) {
  if (stopped_) return {};
  if (all_.empty()) return piece;
  out_.clear();
  for (const char byte : piece) {
    held_ += byte;
    size_t longest = 0;  // of what could become a stop string
    const One* complete = nullptr;
    for (One& one : all_) {
      size_t& m = one.matched;
      while (m > 0 && one.text[m] != byte) m = one.borders[m];
      if (one.text[m] == byte) ++m;
      longest = std::max(longest, m);
      if (m == one.text.size() && (complete == nullptr || complete->text.size() < m)) complete = &one;
    }
    if (complete != nullptr) {
      out_.append(held_, 0, held_.size() - complete->text.size());
      held_.clear();
      stopped_ = complete->text;
      break;
    }
    out_.append(held_, 0, held_.size() - longest);
    held_.erase(0, held_.size() - longest);
  }
  return out_;
}

std::string_view StopStrings::flush() {
  out_ = std::move(held_);
  held_.clear();
  for (One& one : all_) one.matched = 0;
  stopped_.reset();
  return out_;
}

}  // namespace gannet
