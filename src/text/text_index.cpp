#include <fmt/core.h>

#include <bit>

#include "text/hash.h"
#include "text/vocabulary.h"

namespace gannet {

Result<void> TextIndex::build(std::span<const std::string_view> texts) {
  texts_ = texts;
  seed_ = hash_seed();
  slots_.assign(std::bit_ceil(texts.size() * 2 + 1), Slot{0, -1});
  const size_t mask = slots_.size() - 1;
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) continue;
    const uint64_t hash = hash_bytes(texts[i], seed_);
    const auto tag = static_cast<uint32_t>(hash >> 32);
    size_t at = hash & mask;
    while (slots_[at].id >= 0) {
      const auto other = static_cast<size_t>(slots_[at].id);
      if (slots_[at].tag == tag && texts[other] == texts[i]) {
        return Error(ErrorCode::kModelFile,
                     fmt::format("tokens {} and {} have the same text {}", other, i, quoted(texts[i])));
      }
      at = (at + 1) & mask;
    }
    slots_[at] = Slot{tag, static_cast<int32_t>(i)};
  }
  return {};
}

std::optional<TokenId> TextIndex::find(std::string_view text) const {
  if (text.empty()) return std::nullopt;
  const uint64_t hash = hash_bytes(text, seed_);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  const size_t mask = slots_.size() - 1;
  for (size_t at = hash & mask; slots_[at].id >= 0; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.tag == tag && texts_[static_cast<size_t>(slot.id)] == text) return slot.id;
  }
  return std::nullopt;
}

}  // namespace gannet
