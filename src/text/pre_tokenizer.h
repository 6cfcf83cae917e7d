// Splits text into the words that byte-level BPE works on, by the published regular expressions of the
// `qwen2` and `qwen35` vocabularies, run by PCRE2's JIT. Must not know: tokens, merges.
//
// The expressions are written here without `\s` and without case folding, because both are wider in PCRE2
// than in the reference splitter: `\s` would also take U+180E, and a caseless 's' would also take U+017F.
// Ill-formed UTF-8: every byte that cannot start or continue a code point splits like one U+FFFD (a symbol)
// does in the reference, but the words handed out are always slices of the original text, so no byte is lost.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;

namespace gannet {

// Immutable after create(); safe to use from several threads, each with its own Splitter.
class PreTokenizer {
 public:
  // `name` is the value of tokenizer.ggml.pre; unknown names are an Error that lists the known ones.
  static Result<PreTokenizer> create(std::string_view name);

  // Whether text has to be in Unicode's form C (text/nfc.h) before it is split.
  bool nfc() const { return nfc_; }

 private:
  friend class Splitter;
  struct CodeFree {
    void operator()(pcre2_real_code_8* code) const;
  };
  PreTokenizer() = default;
  std::unique_ptr<pcre2_real_code_8, CodeFree> code_;
  bool nfc_ = false;
  bool jit_ =
      false;  // false where the system forbids executable memory; the interpreter gives the same words
};

// The mutable half: match buffers for one thread at a time. Must not outlive its PreTokenizer.
class Splitter {
 public:
  explicit Splitter(const PreTokenizer& pre);

  // Begins with a new text, which must stay alive until the last next(). O(n).
  void start(std::string_view text);

  // Sets *word to the next word. False when the text is used up. The words are not empty and together are the
  // text. An Error (kRuntime) only if PCRE2 itself gives up, e.g. on its match limit.
  Result<bool> next(std::string_view* word);

 private:
  struct MatchFree {
    void operator()(pcre2_real_match_data_8* data) const;
    void operator()(pcre2_real_match_context_8* context) const;
  };

  void limit_steps();

  const PreTokenizer* pre_;
  std::unique_ptr<pcre2_real_match_data_8, MatchFree> match_;
  std::unique_ptr<pcre2_real_match_context_8, MatchFree> context_;
  std::string_view text_;      // what the caller gave
  std::string_view subject_;   // what PCRE2 sees: text_, or repaired_ when text_ is ill-formed
  size_t position_ = 0;        // in subject_
  size_t text_position_ = 0;   // the same place in text_
  std::string repaired_;       // text_ with U+FFFD for each ill-formed byte
  std::vector<size_t> holes_;  // offsets in repaired_ of those U+FFFD, ascending
  size_t next_hole_ = 0;
};

}  // namespace gannet
