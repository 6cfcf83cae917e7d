#include "text/synthetic_vocabulary.h"

#include <string_view>
#include <unordered_set>

#include "base/check.h"
#include "base/philox.h"
#include "text/byte_alphabet.h"

namespace gannet {
namespace {

constexpr std::string_view kLettersByFrequency = "etaoinshrdlucmfwypvbgkjqxz";
constexpr size_t kLongestWord = 14;        // bytes of a merged token's text
constexpr size_t kTokensPerPadding = 512;  // published vocabularies are padded by about as much
constexpr uint64_t kKey = 0x6A09E667F3BCC908;

// Draws merges. A piece is a word part that may be merged further: bare letters can stand on both sides,
// parts with a leading blank only on the left, because the splitter never leaves a blank inside a word.
class MergeMaker {
 public:
  explicit MergeMaker(SyntheticVocabulary& out) : out_(out) {
    for (const char letter : kLettersByFrequency) bare_.emplace_back(1, letter), any_.emplace_back(1, letter);
  }

  void add_blank_letters(size_t limit) {
    const std::string blank = map_bytes(" ");
    for (const char letter : kLettersByFrequency)
      if (out_.merges.size() < limit) add(blank, std::string(1, letter));
  }

  void add_words(size_t limit) {
    while (out_.merges.size() < limit) {
      const auto words = philox4x32(kKey, 0, draw_++);
      const std::string &left = pick(any_, words[0]), &right = pick(bare_, words[1]);
      if (left.size() + right.size() <= kLongestWord) add(left, right);
    }
  }

 private:
  // Earlier pieces come more often, as in text.
  static const std::string& pick(const std::vector<std::string>& pieces, uint32_t word) {
    const double u = philox_uniform(word);
    return pieces[static_cast<size_t>(u * u * static_cast<double>(pieces.size()))];
  }

  void add(std::string left, std::string right) {  // by value: the lists below grow
    std::string text = left + right;
    if (!made_.insert(text).second) return;
    out_.merges.push_back(left + " " + right);
    if (left.front() >= 'a' && left.front() <= 'z') bare_.push_back(text);
    any_.push_back(text);
    out_.tokens.push_back(std::move(text));
    out_.types.push_back(static_cast<int32_t>(TokenType::kNormal));
  }

  SyntheticVocabulary& out_;
  std::vector<std::string> bare_, any_;
  std::unordered_set<std::string> made_;
  uint64_t draw_ = 0;
};

}  // namespace

SyntheticVocabulary make_synthetic_vocabulary(size_t n_tokens) {
  GANNET_CHECK(n_tokens >= kSmallestSyntheticVocabulary && n_tokens <= kMaxTokens,
               "size of a synthetic vocabulary");
  SyntheticVocabulary v;
  v.tokens.reserve(n_tokens);
  v.types.reserve(n_tokens);
  const auto add = [&](std::string text, TokenType type) {
    v.tokens.push_back(std::move(text));
    v.types.push_back(static_cast<int32_t>(type));
    return static_cast<TokenId>(v.tokens.size() - 1);
  };
  for (int b = 0; b < 256; ++b) {
    const char byte = static_cast<char>(b);
    add(map_bytes(std::string_view(&byte, 1)), TokenType::kNormal);
  }
  const size_t n_free = n_tokens - kSmallestSyntheticVocabulary;
  const size_t n_merges = n_free - n_free / kTokensPerPadding;
  MergeMaker maker(v);
  maker.add_blank_letters(n_merges);
  maker.add_words(n_merges);
  v.end_of_text = add("<|endoftext|>", TokenType::kControl);
  v.im_start = add("<|im_start|>", TokenType::kControl);
  v.im_end = add("<|im_end|>", TokenType::kControl);
  while (v.tokens.size() < n_tokens) add("[PAD" + std::to_string(v.tokens.size()) + "]", TokenType::kUnused);
  return v;
}

}  // namespace gannet
