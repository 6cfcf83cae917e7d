#include "text/merge_table.h"

#include <fmt/core.h>

#include <bit>

#include "text/byte_alphabet.h"

namespace gannet {
namespace {

constexpr size_t kMaxMerges = size_t{1} << 24;

// Gives every text one symbol: its token, or the next free number.
class SymbolNames {
 public:
  SymbolNames(const TextIndex& index, const Vocabulary& vocabulary)
      : index_(index), vocabulary_(vocabulary), next_(static_cast<Symbol>(vocabulary.size())) {}

  Symbol operator()(std::string_view text) {
    const auto id = index_.find(text);
    if (id && vocabulary_.is_mergeable(*id)) return static_cast<Symbol>(*id);
    const auto [at, is_new] = others_.try_emplace(std::string(text), next_);
    if (is_new) ++next_;
    return at->second;
  }

 private:
  const TextIndex& index_;
  const Vocabulary& vocabulary_;
  std::map<std::string, Symbol> others_;  // a tree: nothing in a file can make it slow
  Symbol next_;
};

}  // namespace

Result<MergeTable> MergeTable::build(std::span<const std::string_view> merges, const TextIndex& index,
                                     const Vocabulary& vocabulary) {
  if (merges.size() > kMaxMerges) {
    return Error(ErrorCode::kModelFile,
                 fmt::format("the vocabulary has {} merges, the limit is {}", merges.size(), kMaxMerges));
  }
  MergeTable table;
  SymbolNames symbol_of(index, vocabulary);
  table.seed_ = hash_seed();
  table.n_tokens_ = static_cast<uint32_t>(vocabulary.size());

  table.byte_tokens_.fill(-1);
  for (TokenId id = vocabulary.size() - 1; id >= 0; --id) {
    if (vocabulary.type(id) == TokenType::kByte)
      table.byte_tokens_[static_cast<uint8_t>(vocabulary.piece(id)[0])] = id;
  }
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    const Symbol symbol = symbol_of(map_bytes(std::string_view(&byte, 1)));
    table.byte_symbols_[b] = symbol;
    if (table.is_token(symbol)) table.byte_tokens_[b] = static_cast<TokenId>(symbol);
  }

  table.slots_.assign(std::bit_ceil(merges.size() * 2 + 1), Entry{kFree, 0, 0});
  table.mask_ = table.slots_.size() - 1;
  std::string joined;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const std::string_view merge = merges[rank];
    const size_t space = merge.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == merge.size()) {
      return Error(ErrorCode::kModelFile,
                   fmt::format("merge {} is {}, not two texts with a space between", rank, quoted(merge)));
    }
    const std::string_view left = merge.substr(0, space), right = merge.substr(space + 1);
    joined.assign(left).append(right);
    const Symbol left_symbol = symbol_of(left), right_symbol = symbol_of(right);
    const uint64_t pair = (uint64_t{left_symbol} << 32) | right_symbol;
    size_t at = hash_pair(pair, table.seed_) & table.mask_;
    while (table.slots_[at].pair != kFree && table.slots_[at].pair != pair) at = (at + 1) & table.mask_;
    if (table.slots_[at].pair == pair) continue;
    table.slots_[at] = Entry{pair, static_cast<uint32_t>(rank), symbol_of(joined)};
  }
  return table;
}

}  // namespace gannet
