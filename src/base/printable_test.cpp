// Nothing that moves the cursor or the reader reaches the terminal.
#include "base/printable.h"

#include <gtest/gtest.h>

namespace gannet {
namespace {

TEST(Printable, NothingReachesTheTerminalRaw) {
  EXPECT_EQ(printable("plain \xC3\xA9\xF0\x9F\x98\x80"), "plain \xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_EQ(printable("a\tb\nc\rd"), "a\\tb\\nc\\rd");
  EXPECT_EQ(printable("\x1b[2J\x7f"), "\\u{1b}[2J\\u{7f}");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\u{9b}31m");  // one-character CSI
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "evil"),
            "\\u{202e}evil");                                        // right-to-left override
  EXPECT_EQ(printable("\xC0\xAF"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xED\xA0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xE4\xBD"), "\\xe4\\xbd");                    // cut off
  EXPECT_EQ(printable("\xE0\x80\xA2"), "\\xe0\\x80\\xa2");           // overlong quote
  EXPECT_EQ(printable("\"\\"), "\\\"\\\\");
  EXPECT_EQ(printable("abc\xC3\xA9", 4), "abc (+2 bytes)");
}

TEST(Printable, AWholeMessageKeepsItsLinesAndQuotes) {
  EXPECT_EQ(visible("a \"b\" c:\\d\nn\xC3\xA9xt"), "a \"b\" c:\\d\nn\xC3\xA9xt");
  EXPECT_EQ(visible("\x1b]0;t\x07\r\t\x7f"), "\\u{1b}]0;t\\u{7}\\r\\t\\u{7f}");
  EXPECT_EQ(visible("\xC2\x9B"
                    "1m\xE2\x80\xAE\xff"),
            "\\u{9b}1m\\u{202e}\\xff");
  EXPECT_EQ(visible("\xCAx\xE0\x80\x8A"), "\\xcax\\xe0\\x80\\x8a");  // bits of a line feed, no character
  EXPECT_EQ(visible(std::string_view("a\0b", 3)), "a\\u{0}b");
  EXPECT_EQ(visible(std::string(1000, 'x')), std::string(1000, 'x'));
}

TEST(Printable, WhatFitsALine) {
  for (const char* text : {"", "blk.0.attn_q.weight", "\"\\", "n\xC3\xA9"})
    EXPECT_TRUE(fits_a_line(text)) << text;
  for (const char* text : {"\n", "\x1b", "\xC2\x9B", "\xE2\x80\xAE", "\xff", "\xC3"})
    EXPECT_FALSE(fits_a_line(text)) << printable(text);
}

}  // namespace
}  // namespace gannet
