#include "text/nfc.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <chrono>
#include <set>

#include "text/utf8.h"
#include "text/utf8proc_for_test.h"

namespace gannet {
namespace {

std::string nfc(std::string_view text) {
  std::string storage;
  return std::string(to_nfc(text, &storage));
}

bool is_scalar(char32_t c) {
  return c < 0xD800 || (c > 0xDFFF && c < 0x110000);
}

std::string utf8(std::initializer_list<char32_t> codes) {
  std::string out;
  for (char32_t c : codes) append_utf8(c, &out);
  return out;
}

std::vector<char32_t> decomposed(char32_t c) {
  utf8proc_int32_t parts[32];
  int boundary = 0;
  const auto n =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, 32, UTF8PROC_DECOMPOSE, &boundary);
  return {parts, parts + n};
}

TEST(Nfc, Composes) {
  EXPECT_EQ(nfc("cafe\u0301"), "caf\u00E9");
  EXPECT_EQ(nfc("e\u0301\u0301 e\u0323\u0302"), "\u00E9\u0301 \u1EC7");
  EXPECT_EQ(nfc("\u00E9\u0323"), "\u1EB9\u0301")
      << "a composed letter comes apart for a mark that goes first";
  EXPECT_EQ(nfc("\u1112\u1161\u11AB\uD558\u11AB"), "\uD55C\uD55C");
  EXPECT_EQ(nfc("\u1100\u1161\u11A7\uAC00\u11A7\u11A8"), "\uAC00\u11A7\uAC00\u11A7\u11A8")
      << "one before the first final consonant";
  EXPECT_EQ(nfc("\u304B\u3099\u30CF\u309A"), "\u304C\u30D1");
  EXPECT_EQ(nfc("\u212B\u2126\u037E\uF900"), "\u00C5\u03A9;\u8C48");
  EXPECT_EQ(nfc("\u09C7\u09BE\u1025\u102E"), "\u09CB\u1026");
  EXPECT_EQ(nfc("\u0958\u2ADC"), "\u0915\u093C\u2ADD\u0338") << "what Unicode excludes stays apart";
  EXPECT_EQ(nfc("a\u0346\u0347 \u05E9\u05BC\u05B0"), "a\u0347\u0346 \u05E9\u05B0\u05BC")
      << "sorted, though none composes";
  EXPECT_EQ(nfc("\u05E9\u05B0\u05BC"), "\u05E9\u05B0\u05BC");
  EXPECT_EQ(nfc("\u0301"), "\u0301");
  EXPECT_EQ(nfc(std::string("a\0\u0301", 4)), std::string("a\0\u0301", 4));
}

TEST(Nfc, TextThatIsComposedIsNotCopied) {
  for (const std::string text :
       {"", "plain words", "na\u00EFve caf\u00E9", "\u4F60\u597D\u3002", "\uD55C\uAE00",
        "\u0928\u092E\u0938\u094D\u0924\u0947", "\u0E01\u0E33\u0E25\u0E31\u0E07\u0E48"}) {
    std::string storage;
    EXPECT_EQ(to_nfc(text, &storage).data(), text.data()) << text;
    EXPECT_EQ(storage, "");
  }
}

TEST(Nfc, IllFormedBytesStayAndSeparate) {
  EXPECT_EQ(nfc("e\xFF\u0301"), "e\xFF\u0301");
  EXPECT_EQ(nfc("e\u0301\xC3"), "\u00E9\xC3");
  EXPECT_EQ(nfc("\xE2\x82"
                "e\u0301\x80"),
            "\xE2\x82\u00E9\x80");
  EXPECT_EQ(nfc("\xE0\x81\xA5\u0301"), "\xE0\x81\xA5\u0301") << "an overlong e";
  EXPECT_EQ(nfc("\xC1\xA5\u0301"), "\xC1\xA5\u0301") << "another";
  EXPECT_EQ(nfc("e\xED\xA0\x80\u0301"), "e\xED\xA0\x80\u0301") << "a surrogate";
}

TEST(Nfc, EveryCodePointAlone) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (!is_scalar(c)) continue;
    const std::string text = utf8({c});
    ASSERT_EQ(nfc(text), nfc_by_utf8proc(text)) << std::hex << static_cast<uint32_t>(c);
  }
}

// Every pair that composes does, alone, behind other text, and with a mark between that does not block it.
TEST(Nfc, EveryPairThatComposes) {
  size_t n_pairs = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (!is_scalar(c) || nfc_by_utf8proc(utf8({c})) != utf8({c})) continue;
    // The last of the parts joins what the parts before it make.
    std::vector<char32_t> parts = decomposed(c);
    if (parts.size() < 2) continue;
    const char32_t last = parts.back();
    parts.pop_back();
    std::string first;
    for (const char32_t part : parts) append_utf8(part, &first);
    for (const std::string& text :
         {first + utf8({last}), nfc_by_utf8proc(first) + utf8({last}), "a" + first + utf8({last, U'b'}),
          first + utf8({0x1D167, last}), first + utf8({0x345, last}), first + utf8({last, 0x327})})
      ASSERT_EQ(nfc(text), nfc_by_utf8proc(text)) << std::hex << static_cast<uint32_t>(c);
    ++n_pairs;
  }
  EXPECT_GT(n_pairs, 11172u + 900u);
}

// A settled code point is its own form C, is no mark, and neither it nor the first of its parts is ever the
// second half of a composition.
TEST(Nfc, SettledMeansSettled) {
  std::set<char32_t> joining;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (!is_scalar(c)) continue;
    const auto parts = decomposed(c);
    joining.insert(parts.begin() + 1, parts.end());
  }
  size_t n_settled = 0;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (!is_settled(c)) continue;
    ASSERT_TRUE(is_scalar(c));
    ++n_settled;
    const std::string text = utf8({c});
    ASSERT_EQ(nfc_by_utf8proc(text), text) << std::hex << static_cast<uint32_t>(c);
    ASSERT_EQ(utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class, 0)
        << std::hex << static_cast<uint32_t>(c);
    ASSERT_FALSE(joining.contains(c)) << std::hex << static_cast<uint32_t>(c);
    ASSERT_FALSE(joining.contains(decomposed(c)[0])) << std::hex << static_cast<uint32_t>(c);
  }
  EXPECT_GT(n_settled, 100000u);
}

// Letters, marks and whatever composes, more often than chance would have it.
std::string any_unicode() {
  std::string text;
  for (int n = *rc::gen::inRange(0, 24); n > 0; --n) {
    char32_t c = 0;
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
        c = static_cast<char32_t>(*rc::gen::inRange(0x300, 0x370));
        break;
      case 1:
        c = static_cast<char32_t>(*rc::gen::inRange(0x20, 0x250));
        break;
      case 2:
        c = static_cast<char32_t>(*rc::gen::inRange(0x1100, 0x1200));
        break;
      case 3:
        c = static_cast<char32_t>(*rc::gen::inRange(0xAC00, 0xAC40));
        break;
      case 4:
        c = static_cast<char32_t>(*rc::gen::inRange(0x590, 0x1100));
        break;
      case 5:
        c = static_cast<char32_t>(*rc::gen::inRange(0x5B0, 0x5BE));
        break;
      case 6:
        c = static_cast<char32_t>(*rc::gen::inRange(0x1D100, 0x1D250));
        break;
      default:
        c = static_cast<char32_t>(*rc::gen::inRange(0, 0x110000));
    }
    if (is_scalar(c)) append_utf8(c, &text);
  }
  return text;
}

RC_GTEST_PROP(Nfc, IsWhatUtf8procMakesOfTheWhole, ()) {
  const std::string text = any_unicode();
  RC_ASSERT(nfc(text) == nfc_by_utf8proc(text));
}

RC_GTEST_PROP(Nfc, TwiceIsOnceForAnyBytes, ()) {
  std::string text;
  for (int n = *rc::gen::inRange(1, 5); n > 0; --n)
    text += any_unicode() + *rc::gen::arbitrary<std::string>();
  const std::string once = nfc(text);
  RC_ASSERT(nfc(once) == once);
  RC_ASSERT(once.size() <= 3 * text.size());
}

// Text may be cut in front of a settled code point, and ill-formed bytes are as good as one.
RC_GTEST_PROP(Nfc, PiecesMakeTheWhole, ()) {
  const std::string left = any_unicode(), right = any_unicode();
  for (const std::string& joint : {std::string("a"), utf8({0x4E00}), utf8({0xD7A3}), std::string("\xFF")})
    RC_ASSERT(nfc(left + joint + right) == nfc(left) + nfc(joint + right));
}

// Sorting by exchanging neighbours would take minutes for these.
TEST(Nfc, LongRunsOfMarksTakeLinearTime) {
  std::string marks;
  for (int i = 0; i < 500000; ++i) marks += "\u0301";
  for (int i = 0; i < 500000; ++i) marks += "\u0316";
  const auto begin = std::chrono::steady_clock::now();
  const std::string sorted = nfc("a" + marks);
  EXPECT_EQ(sorted.size(), marks.size()) << "one of them composes with the letter";
  EXPECT_EQ(sorted.substr(0, 4), "\u00E1\u0316");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace gannet
