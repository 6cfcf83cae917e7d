#include "cli/terminal_text.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

std::string shown(std::string_view text) {
  TerminalText filter;
  std::string out = filter.push(text);
  return out + filter.flush();
}

TEST(TerminalText, ControlCharactersAreShown) {
  EXPECT_EQ(shown("\x1b[31mred\a"), "\\u{1b}[31mred\\u{7}");
  EXPECT_EQ(shown("\x1b]0;title\x1b\\"), "\\u{1b}]0;title\\u{1b}\\");
  EXPECT_EQ(shown(std::string_view("\0\b\v\f\x7f", 5)), "\\u{0}\\u{8}\\u{b}\\u{c}\\u{7f}");
  // C1 as UTF-8: U+009B is CSI, U+0080 and U+009F are the ends of the range; U+00A0 is a space.
  EXPECT_EQ(shown("\xC2\x9B"
                  "2J\xC2\x80\xC2\x9F\xC2\xA0"),
            "\\u{9b}2J\\u{80}\\u{9f}\xC2\xA0");
  EXPECT_EQ(shown("\x9B"
                  "2J"),
            "\\x9b2J");  // the same as a byte of Latin-1
}

TEST(TerminalText, DirectionsAreShown) {
  for (const char* code : {"202a", "202b", "202c", "202d", "202e", "2066", "2067", "2068", "2069"}) {
    const auto value = static_cast<unsigned>(std::stoul(code, nullptr, 16));
    std::string text = {static_cast<char>(0xE0 | value >> 12), static_cast<char>(0x80 | (value >> 6 & 0x3F)),
                        static_cast<char>(0x80 | (value & 0x3F))};
    EXPECT_EQ(shown("a" + text + "b"), "a\\u{" + std::string(code) + "}b");
  }
}

TEST(TerminalText, TextStaysAsItIs) {
  const std::string text =
      "Zeile\n\tTab, \xC3\xA9, \xE6\xBC\xA2, \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x9A\x80 \\u{1b}\n";
  EXPECT_EQ(shown(text), text);
}

TEST(TerminalText, CarriageReturnOnlyAtLineEnds) {
  EXPECT_EQ(shown("one\r\ntwo"), "one\r\ntwo");
  EXPECT_EQ(shown("harmless\rrm -rf"), "harmless\\u{d}rm -rf");
  EXPECT_EQ(shown("\r\r\n\r"), "\\u{d}\r\n\\u{d}");
}

TEST(TerminalText, PiecesMayCutAnywhere) {
  const std::string text =
      "a\x1b[1m\xC2\x9B\xE2\x80\xAE\xF0\x9F\x98\x80\r\n\r\xFF\xE2\x82"
      "b\xC3";
  const std::string whole = shown(text);
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    TerminalText filter;
    std::string pieces = filter.push(text.substr(0, cut));
    pieces += filter.push(text.substr(cut));
    pieces += filter.flush();
    EXPECT_EQ(pieces, whole) << cut;
  }
  TerminalText filter;
  std::string bytes;
  for (const char byte : text) bytes += filter.push({&byte, 1});
  EXPECT_EQ(bytes + filter.flush(), whole);
}

TEST(TerminalText, NothingWaitsThatIsComplete) {
  TerminalText filter;
  EXPECT_EQ(filter.push("done"), "done");
  EXPECT_EQ(filter.push("\xE6\xBC"), "");
  EXPECT_EQ(filter.push("\xA2"), "\xE6\xBC\xA2");
  EXPECT_EQ(filter.flush(), "");
}

}  // namespace
}  // namespace gannet
