// libFuzzer target: a vocabulary and a text made of the input. Whatever they are: no crash, and the tokens of
// a text are exactly its bytes (or the same text in form C), unparsed text holds no control token, and
// streaming says what decoding says.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "text/detokenizer.h"
#include "text/nfc.h"
#include "text/utf8.h"
#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

class Input {
 public:
  explicit Input(std::string_view bytes) : bytes_(bytes) {}
  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return first;
  }
  std::string text(size_t length) {
    std::string taken(bytes_.substr(0, length));
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::string rest() { return text(bytes_.size()); }

 private:
  std::string_view bytes_;
};

constexpr const char* kPlain = "megrez";  // a pre-tokenizer without a normaliser

std::string nfc(std::string_view text) {
  std::string storage;
  return std::string(to_nfc(text, &storage));
}

VocabularyForTest read_vocabulary(Input* input) {
  const uint8_t flags = input->byte();
  auto v = flags & 1 ? VocabularyForTest::with_bytes() : VocabularyForTest{};
  v.pre = flags & 16 ? kPlain : flags & 2 ? "qwen2" : "qwen35";
  v.extra.add_bos = flags & 4;
  v.extra.add_eos = flags & 8;
  for (int n = input->byte() % 24; n > 0; --n) {
    const uint8_t kind = input->byte();
    const std::string text = input->text(kind >> 4);
    v.tokens.push_back(kind & 8 ? map_bytes(text) : text);
    v.types.push_back(kind & 7);
  }
  for (int n = input->byte() % 24; n > 0; --n) {
    const uint8_t lengths = input->byte();
    const std::string left = input->text(lengths & 7), right = input->text((lengths >> 3) & 7);
    if (lengths & 0x80) {
      v.merges.push_back(left + right);
    } else {
      v.merges.push_back(map_bytes(left) + " " + map_bytes(right));
      if (lengths & 0x40) v.add(map_bytes(left + right));
    }
  }
  for (int n = input->byte() % 4; n > 0; --n) v.extra.special[input->byte() % kSpecialTokens] = input->byte();
  return v;
}

void check_text(const Tokenizer& tokenizer, bool plain, const std::string& text, bool parse_special) {
  const Vocabulary& vocabulary = tokenizer.vocabulary();
  const auto ids = tokenizer.encode(text, {.parse_special = parse_special});
  if (!ids.ok()) return;
  std::string pieces;
  for (const TokenId id : *ids) {
    GANNET_CHECK(vocabulary.contains(id));
    GANNET_CHECK(parse_special || vocabulary.type(id) != TokenType::kControl);
    pieces += vocabulary.piece(id);
  }
  GANNET_CHECK(plain ? pieces == text : nfc(pieces) == nfc(text));
  Detokenizer kept(tokenizer), replaced(tokenizer, false, IllFormed::kReplace);
  std::string streamed;
  for (const TokenId id : *ids) {
    streamed += kept.push(id);
    const std::string_view part = replaced.push(id);
    GANNET_CHECK(utf8_valid_prefix(part) == part.size());
  }
  streamed += kept.flush();
  const auto decoded = tokenizer.decode(*ids);
  GANNET_CHECK(decoded.ok() && *decoded == streamed);
}

}  // namespace
}  // namespace gannet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gannet::Input input(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto vocabulary = gannet::read_vocabulary(&input);
  const auto tokenizer = vocabulary.build();
  if (!tokenizer.ok()) return 0;
  const std::string text = input.rest();
  const bool plain = vocabulary.pre == gannet::kPlain;
  gannet::check_text(*tokenizer, plain, text, false);
  gannet::check_text(*tokenizer, plain, text, true);
  gannet::check_text(*tokenizer, plain, text, false);  // now from the cache
  return 0;
}
