// Token by token output that never cuts a UTF-8 sequence in two. Must not know: where the text goes.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace gannet {

enum class IllFormed {
  kKeep,     // pass bytes that are not UTF-8 on as they are: all that goes in comes out
  kReplace,  // write U+FFFD for each maximal ill-formed part: what comes out is always well-formed
};

// Holds back the start of a sequence until the rest has come. For one thread at a time.
class Utf8Stream {
 public:
  explicit Utf8Stream(IllFormed ill_formed = IllFormed::kKeep) : ill_formed_(ill_formed) {}

  // Takes bytes and returns all that is complete by now; at most 3 bytes stay held back. The view is good
  // until the next call.
  std::string_view push(std::string_view bytes);

  // Ends the text: returns what is held back (kReplace: one U+FFFD for it), and is ready for a new text.
  std::string_view flush();

 private:
  IllFormed ill_formed_;
  std::string pending_;  // a proper prefix of a well-formed sequence, or empty
  std::string out_;
};

// A Utf8Stream fed with tokens. The tokenizer must outlive it.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer, bool show_special = false,
                       IllFormed ill_formed = IllFormed::kKeep)
      : tokenizer_(&tokenizer), show_special_(show_special), stream_(ill_formed) {}

  // `id` must be in the vocabulary. Views as for Utf8Stream.
  std::string_view push(TokenId id) { return stream_.push(tokenizer_->output_piece(id, show_special_)); }
  std::string_view flush() { return stream_.flush(); }

 private:
  const Tokenizer* tokenizer_;
  bool show_special_;
  Utf8Stream stream_;
};

}  // namespace gannet
