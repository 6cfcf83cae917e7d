// libFuzzer target: any bytes in form C. Whatever they are: no crash, doing it again changes nothing, cutting
// them in front of a settled code point neither, and well-formed text is what utf8proc makes of it.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "text/nfc.h"
#include "text/utf8.h"
#include "text/utf8proc_for_test.h"

namespace gannet {
namespace {

std::string nfc(std::string_view text) {
  std::string storage;
  return std::string(to_nfc(text, &storage));
}

void check(std::string_view text) {
  const std::string once = nfc(text);
  GANNET_CHECK(nfc(once) == once);
  if (utf8_valid_prefix(text) == text.size()) {
    GANNET_CHECK(utf8_valid_prefix(once) == once.size());
    GANNET_CHECK(once == nfc_by_utf8proc(text));
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
