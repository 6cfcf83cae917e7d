// The tokenizer: text to token ids and back, by byte-level BPE with the Qwen pre-tokenizers. For well-formed
// UTF-8 the ids are those of the published tokenizer, which puts text into Unicode's form C first (where the
// pre-tokenizer says so): what stands between the special tokens of a text, each piece by itself. Ill-formed
// bytes are not replaced by U+FFFD as there: they split like U+FFFD but are encoded as themselves, so
// decode(encode(x)) is x in form C, for every x. Must not know: model files, chat templates.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/marked_text.h"
#include "text/vocabulary.h"

namespace gannet {

struct EncodeOptions {
  bool add_special = false;    // put bos in front and eos behind where the vocabulary asks for it
  bool parse_special = false;  // read control tokens in the text; false for anything a user wrote.
                               // User-defined tokens are read either way
};

struct DecodeOptions {
  bool show_special = false;           // write control and unknown tokens as their text instead of nothing
  size_t max_bytes = size_t{1} << 30;  // more output than this is an Error, never cut
};

// Immutable: every method may be called from several threads at once.
class Tokenizer {
 public:
  // What build() refuses: see Vocabulary::build, MergeTable::build and PreTokenizer::create. About 0.1 s for
  // 250,000 tokens. Keeps no view of the source.
  static Result<Tokenizer> build(const VocabularySource& source);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  const Vocabulary& vocabulary() const;

  // Errors: a text of 2^31 bytes or more (kRuntime), a byte that the vocabulary has no token for
  // (kModelFile).
  Result<std::vector<TokenId>> encode(std::string_view text, const EncodeOptions& options = {}) const;

  // The same for text of several writers. Control tokens are read where no byte of them is foreign; otherwise
  // the ids are those of the text as a whole: who wrote it is no border between words.
  Result<std::vector<TokenId>> encode(const MarkedText& text, bool add_special = false) const;

  // The bytes that decoding gives for one token, possibly part of a UTF-8 sequence. Control and unknown
  // tokens give nothing unless `show_special`; unused tokens never give anything. `id` must be in the
  // vocabulary.
  std::string_view output_piece(TokenId id, bool show_special) const;

  // All output pieces in order. An id outside the vocabulary is an Error (kRuntime) that names it.
  Result<std::string> decode(std::span<const TokenId> ids, const DecodeOptions& options = {}) const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gannet
