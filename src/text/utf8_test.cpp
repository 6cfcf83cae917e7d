#include "text/utf8.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <utf8proc.h>

#include <algorithm>

#include "text/detokenizer.h"

namespace gannet {
namespace {

Utf8Step step(std::string_view text) {
  return utf8_step(text);
}

TEST(Utf8, EveryCodePointIsOneValidStep) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(c, &text);
    utf8proc_uint8_t expected[4];
    const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), expected);
    ASSERT_EQ(text, std::string(reinterpret_cast<char*>(expected), static_cast<size_t>(length)));
    const Utf8Step whole = step(text);
    ASSERT_TRUE(whole.kind == Utf8Kind::kValid && whole.length == text.size()) << std::hex << uint32_t{c};
    ASSERT_EQ(decode_utf8(text, whole.length), c);
    for (size_t cut = 1; cut < text.size(); ++cut) {
      const Utf8Step part = step(std::string_view(text).substr(0, cut));
      ASSERT_TRUE(part.kind == Utf8Kind::kIncomplete && part.length == cut) << std::hex << uint32_t{c};
    }
  }
}

TEST(Utf8, IllFormedParts) {
  const struct {
    std::string_view text;
    size_t length;
  } cases[] = {
      {"\x80", 1},
      {"\xBF"
       "a",
       1},
      {"\xC0\xAF", 1},
      {"\xC1\xBF", 1},
      {"\xC3(", 1},
      {"\xE0\x9F\xBF", 1},
      {"\xED\xA0\x80", 1},
      {"\xED\xBF", 1},
      {"\xE2\x82(", 2},
      {"\xF0\x8F\x80\x80", 1},
      {"\xF0\x9F\x98(", 3},
      {"\xF4\x90\x80\x80", 1},
      {"\xF5", 1},
      {"\xFF\xFE", 1},
      {"\xF0\x9F(", 2},
  };
  for (const auto& c : cases) {
    const Utf8Step got = step(c.text);
    EXPECT_EQ(got.kind, Utf8Kind::kInvalid) << c.text;
    EXPECT_EQ(got.length, c.length) << c.text;
  }
}

// utf8proc is the oracle for where well-formed text ends.
RC_GTEST_PROP(Utf8, ValidPrefixIsTheLibrarys, ()) {
  std::string text;
  const int parts = *rc::gen::inRange(0, 12);
  for (int i = 0; i < parts; ++i) {
    if (*rc::gen::inRange(0, 3) == 0) {
      text += *rc::gen::container<std::string>(*rc::gen::inRange(0, 20), rc::gen::inRange<char>('a', 'z'));
    } else if (*rc::gen::inRange(0, 4) == 0) {
      text += static_cast<char>(*rc::gen::inRange(0, 256));
    } else {
      const auto c = *rc::gen::inRange<uint32_t>(0, 0x110000);
      if (c < 0xD800 || c > 0xDFFF) append_utf8(c, &text);
    }
  }
  size_t expected = 0;
  while (expected < text.size()) {
    utf8proc_int32_t c = 0;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + expected,
                                         static_cast<utf8proc_ssize_t>(text.size() - expected), &c);
    if (length < 0) break;
    expected += static_cast<size_t>(length);
  }
  RC_ASSERT(utf8_valid_prefix(text) == expected);
}

std::string through(IllFormed mode, std::string_view text, const std::vector<size_t>& cuts,
                    bool check_whole) {
  Utf8Stream stream(mode);
  std::string out;
  size_t begin = 0;
  const auto take = [&](std::string_view part) {
    if (check_whole) RC_ASSERT(utf8_valid_prefix(part) == part.size());
    out += part;
  };
  for (const size_t cut : cuts) {
    take(stream.push(text.substr(begin, cut - begin)));
    begin = cut;
  }
  take(stream.push(text.substr(begin)));
  take(stream.flush());
  return out;
}

std::vector<size_t> random_cuts(size_t size) {
  auto cuts = *rc::gen::container<std::vector<size_t>>(rc::gen::inRange<size_t>(0, size + 1));
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

RC_GTEST_PROP(Utf8Stream, WellFormedTextComesOutWholeAndUnchanged, ()) {
  std::string text;
  for (const auto c : *rc::gen::container<std::vector<uint32_t>>(rc::gen::inRange<uint32_t>(0, 0x110000))) {
    if (c < 0xD800 || c > 0xDFFF) append_utf8(c, &text);
  }
  const auto cuts = random_cuts(text.size());
  RC_ASSERT(through(IllFormed::kKeep, text, cuts, true) == text);
  RC_ASSERT(through(IllFormed::kReplace, text, cuts, true) == text);
}

RC_GTEST_PROP(Utf8Stream, AnyBytes, ()) {
  // Bytes near the edges of the rules are drawn more often.
  const auto byte =
      rc::gen::oneOf(rc::gen::arbitrary<char>(),
                     rc::gen::element('\xC3', '\xA4', '\xE2', '\x82', '\xED', '\xA0', '\xF0', '\x9F', 'a'));
  const auto text = *rc::gen::container<std::string>(byte);
  const auto cuts = random_cuts(text.size());
  RC_ASSERT(through(IllFormed::kKeep, text, cuts, false) == text);
  const std::string replaced = through(IllFormed::kReplace, text, cuts, true);
  RC_ASSERT(replaced == through(IllFormed::kReplace, text, {}, true));  // the cuts do not matter
}

TEST(Utf8Stream, HoldsBackAndFlushes) {
  Utf8Stream keep;
  EXPECT_EQ(keep.push("a\xF0\x9F"), "a");
  EXPECT_EQ(keep.push("\x98"), "");
  EXPECT_EQ(keep.push("\x80"
                      "b"),
            "\xF0\x9F\x98\x80"
            "b");
  EXPECT_EQ(keep.push("\xE2\x82"), "");
  EXPECT_EQ(keep.flush(), "\xE2\x82");
  EXPECT_EQ(keep.flush(), "");
  EXPECT_EQ(keep.push("c"), "c");
  Utf8Stream replace(IllFormed::kReplace);
  EXPECT_EQ(replace.push("\xE2\x82"), "");
  EXPECT_EQ(replace.push("x\xFF"), "\uFFFDx\uFFFD");
  EXPECT_EQ(replace.push("\xE2\x82"), "");
  EXPECT_EQ(replace.flush(), "\uFFFD");
}

}  // namespace
}  // namespace gannet
