// The vocabulary of a byte-level BPE tokenizer: the bytes of every token, token types, the special ids and
// the set of tokens that end a generation. Built from plain spans, so that it knows no file format;
// everything in the source is untrusted. Must not know: merging, splitting, GGUF.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace gannet {

using TokenId = int32_t;

// Values as stored in model files.
enum class TokenType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

enum class SpecialToken : uint8_t {
  kBos,
  kEos,
  kEot,
  kEom,
  kUnknown,
  kPadding,
  kSeparator,
  kMask,
  kFimPre,
  kFimSuf,
  kFimMid,
  kFimPad,
  kFimRep,
  kFimSep,
};
inline constexpr size_t kSpecialTokens = 14;

// What a model file says. The views need to live only during the call that takes the source.
struct VocabularySource {
  std::string_view pre;                      // name of the pre-tokenizer: "qwen2", "qwen35"
  std::span<const std::string_view> tokens;  // text by id: byte alphabet for normal tokens, else literal
  std::span<const int32_t> types;            // one TokenType per token, or empty: all normal
  std::span<const std::string_view> merges;  // "left right", best first
  std::array<std::optional<uint64_t>, kSpecialTokens> special{};  // by SpecialToken; empty: not given
  bool add_bos = false;
  bool add_eos = false;

  std::optional<uint64_t>& special_id(SpecialToken which) { return special[static_cast<size_t>(which)]; }
};

inline constexpr size_t kMaxTokens = size_t{1} << 24;
inline constexpr size_t kMaxTokenText = 65535;   // bytes of one token text
inline constexpr size_t kMaxSpecialText = 1024;  // bytes of a control, unknown or user-defined token

class TextIndex;

// Immutable after build(); safe to share between threads.
class Vocabulary {
 public:
  // Refuses (kModelFile) what has no single meaning: no tokens or more than kMaxTokens, a types length that
  // differs from the tokens, an unknown type, an over-long text, two equal texts, a byte token that is not
  // <0xXX>, a special id that is not a token, add_bos/add_eos without the id. The id 2^32-1, which converters
  // write for "none", counts as not given. Tolerated: one empty text and "[PAD<n>]" of any type, both held as
  // unused; a normal token with a code point outside the byte alphabet, whose bytes are then its literal
  // text. `index` is filled for whoever reads the merges.
  static Result<Vocabulary> build(const VocabularySource& source, TextIndex* index);

  int32_t size() const { return static_cast<int32_t>(types_.size()); }
  bool contains(int64_t id) const { return id >= 0 && id < size(); }

  // For ids that contains() accepts. The bytes a token stands for: unmapped for normal tokens, the byte of a
  // byte token, the literal text otherwise.
  std::string_view piece(TokenId id) const {
    const size_t i = static_cast<size_t>(id);
    return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
  }
  TokenType type(TokenId id) const { return types_[static_cast<size_t>(id)]; }

  // Given by the file or, for eot, eom and the fill-in-the-middle ids, found by its usual text.
  std::optional<TokenId> special(SpecialToken which) const { return special_[static_cast<size_t>(which)]; }
  bool add_bos() const { return add_bos_; }
  bool add_eos() const { return add_eos_; }

  // Tokens after which a generation is over, ascending: eos, eot, eom, fim_pad, fim_rep, fim_sep and every
  // token with one of the usual end texts. Texts that could also be ordinary words of a vocabulary ("</s>")
  // count only when the file types the token as control or user-defined; marker texts ("<|im_end|>") count
  // whatever their type, and become control tokens, so that user text cannot contain them.
  std::span<const TokenId> end_tokens() const { return end_tokens_; }
  bool is_end(TokenId id) const;

  // Whether merging may produce this token: normal tokens, and user-defined ones whose literal text means the
  // same bytes in the byte alphabet. So text that was not parsed for control tokens can never turn into one,
  // whatever the merges say, and a merged token always stands for the bytes it was merged from.
  bool is_mergeable(TokenId id) const;

 private:
  Vocabulary() = default;
  Result<void> read_types(const VocabularySource& source);
  Result<void> read_pieces(const VocabularySource& source);
  Result<void> read_special_ids(const VocabularySource& source);
  void find_special_texts(const TextIndex& index);

  std::string bytes_;             // pieces, one after the other
  std::vector<uint32_t> begins_;  // [size + 1], offsets into bytes_
  std::vector<TokenType> types_;
  std::array<std::optional<TokenId>, kSpecialTokens> special_{};
  std::vector<TokenId> end_tokens_;
  bool add_bos_ = false;
  bool add_eos_ = false;
};

// Token text -> id over the texts of a VocabularySource, whose views it keeps; used while a tokenizer is
// built.
class TextIndex {
 public:
  // An Error names the two ids when texts are equal. Empty texts are left out.
  Result<void> build(std::span<const std::string_view> texts);
  std::optional<TokenId> find(std::string_view text) const;

 private:
  struct Slot {
    uint32_t tag;  // upper bits of the hash
    int32_t id;    // -1: free
  };
  std::span<const std::string_view> texts_;
  std::vector<Slot> slots_;
  uint64_t seed_ = 0;
};

// For messages: in quotes, cut at 40 bytes, everything but printable ASCII as \xNN.
std::string quoted(std::string_view text);

}  // namespace gannet
