#include "text/detokenizer.h"

#include "text/utf8.h"

namespace gannet {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

std::string_view Utf8Stream::push(std::string_view bytes) {
  pending_.append(bytes);
  out_.clear();
  std::string_view rest = pending_;
  while (!rest.empty()) {
    const size_t valid = utf8_valid_prefix(rest);
    out_.append(rest.substr(0, valid));
    rest.remove_prefix(valid);
    if (rest.empty()) break;
    const Utf8Step step = utf8_step(rest);
    if (step.kind == Utf8Kind::kIncomplete) break;
    out_.append(ill_formed_ == IllFormed::kKeep ? rest.substr(0, step.length) : kReplacement);
    rest.remove_prefix(step.length);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return out_;
}

std::string_view Utf8Stream::flush() {
  out_.clear();
  if (!pending_.empty())
    out_.append(ill_formed_ == IllFormed::kKeep ? std::string_view(pending_) : kReplacement);
  pending_.clear();
  return out_;
}

}  // namespace gannet
