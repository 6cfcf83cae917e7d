// libFuzzer target: any bytes in form C. Whatever they are: no crash, doing it again changes nothing, cutting
// them in front of a settled code point neither, and well-formed text is what utf8proc makes of it.
#include <utf8proc.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "text/nfc.h"
#include "text/utf8.h"

namespace gannet {
namespace {

std::string nfc(std::string_view text) {
  std::string storage;
  return std::string(to_nfc(text, &storage));
}

void check_whole(std::string_view text) {
  utf8proc_uint8_t* made = nullptr;
  const auto n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                              static_cast<utf8proc_ssize_t>(text.size()), &made,
                              static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  GANNET_CHECK(n >= 0);
  GANNET_CHECK(nfc(text) == std::string_view(reinterpret_cast<const char*>(made), static_cast<size_t>(n)));
  std::free(made);
}

void check(std::string_view text) {
  const std::string once = nfc(text);
  GANNET_CHECK(nfc(once) == once);
  if (utf8_valid_prefix(text) == text.size()) {
    GANNET_CHECK(utf8_valid_prefix(once) == once.size());
    if (!text.empty()) check_whole(text);
  }
  size_t cut = text.size() / 2;
  for (; cut < text.size(); ++cut) {
    const Utf8Step step = utf8_step(text.substr(cut));
    if (step.kind == Utf8Kind::kValid && is_settled(decode_utf8(text.substr(cut), step.length))) break;
  }
  GANNET_CHECK(nfc(text.substr(0, cut)) + nfc(text.substr(cut)) == once);
}

}  // namespace
}  // namespace gannet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gannet::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
