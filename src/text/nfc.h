// Unicode normalisation form C, which published tokenizers apply to text before they split it into words:
// letters and their combining marks become one code point where Unicode has one. Must not know: tokens,
// vocabularies.
#pragma once

#include <string>
#include <string_view>

namespace gannet {

// `text` in form C: itself when nothing changes, otherwise a view of *storage, which gets the new text.
// `text` must not lie in *storage. Ill-formed bytes stay as they are, and nothing composes across them. At
// most three times as long as `text`. Time is linear in the text but for runs of combining marks, which are
// sorted; text without marks passes at about the speed of UTF-8 decoding, ASCII at that of memory.
std::string_view to_nfc(std::string_view text, std::string* storage);

// Whether form C never changes this code point, whatever stands before it: a starter that is composed already
// and joins nothing before it, so that text may be cut in front of it. May say false of one that is.
bool is_settled(char32_t code_point);

}  // namespace gannet
