// The judge of form C in tests: what utf8proc makes of a whole text.
#pragma once

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/check.h"

namespace gannet {

// `text` must be well-formed. It is cut in front of U+11A7, which nothing composes with but which utf8proc
// 2.8 loses behind a Hangul syllable.
inline std::string nfc_by_utf8proc(std::string_view text) {
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  std::string out;
  while (!text.empty()) {
    const size_t end = std::min(text.find("\u11A7", 1), text.size());
    utf8proc_uint8_t* made = nullptr;
    const auto n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                static_cast<utf8proc_ssize_t>(end), &made, kOptions);
    GANNET_CHECK(n >= 0, "utf8proc refuses the text");
    out.append(reinterpret_cast<const char*>(made), static_cast<size_t>(n));
    std::free(made);
    text.remove_prefix(end);
  }
  return out;
}

}  // namespace gannet
