// The regular expressions against a scanner written by hand from the description of the reference splitter,
// with Unicode categories from another library (utf8proc).
#include "text/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <utf8proc.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <chrono>

#include "text/utf8.h"

namespace gannet {
namespace {

using Words = std::vector<std::string>;

Words split(std::string_view name, std::string_view text) {
  auto pre = PreTokenizer::create(name);
  EXPECT_TRUE(pre.ok());
  Splitter splitter(*pre);
  splitter.start(text);
  Words words;
  std::string_view word;
  while (true) {
    auto more = splitter.next(&word);
    EXPECT_TRUE(more.ok()) << more.error().message();
    if (!more.ok() || !*more) return words;
    words.emplace_back(word);
  }
}

// One code point of the text, with the bytes it came from.
struct Unit {
  char32_t c;
  std::string bytes;
};

std::vector<Unit> units_of(std::string_view text) {
  std::vector<Unit> units;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const bool valid = step.kind == Utf8Kind::kValid;
    const size_t length = valid ? step.length : 1;
    units.push_back({valid ? decode_utf8(text, length) : U'\uFFFD', std::string(text.substr(0, length))});
    text.remove_prefix(length);
  }
  return units;
}

class Scanner {
 public:
  Scanner(bool marks, std::string_view text) : marks_(marks), units_(units_of(text)) {}

  Words run() {
    Words words;
    for (size_t at = 0; at < units_.size();) {
      const size_t n = length_at(at);
      std::string word;
      for (size_t i = at; i < at + n; ++i) word += units_[i].bytes;
      words.push_back(word);
      at += n;
    }
    return words;
  }

 private:
  static constexpr char32_t kEnd = 0xFFFFFFFF;
  char32_t at(size_t i) const { return i < units_.size() ? units_[i].c : kEnd; }
  static utf8proc_category_t category(char32_t c) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(c));
  }
  bool letter(char32_t c) const {  // or, with marks, a mark
    if (c == kEnd) return false;
    const auto k = category(c);
    return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO) ||
           (marks_ && k >= UTF8PROC_CATEGORY_MN && k <= UTF8PROC_CATEGORY_ME);
  }
  static bool number(char32_t c) {
    return c != kEnd && category(c) >= UTF8PROC_CATEGORY_ND && category(c) <= UTF8PROC_CATEGORY_NO;
  }
  static bool newline(char32_t c) { return c == '\r' || c == '\n'; }
  static bool space(char32_t c) {
    if (c == kEnd) return false;
    return (c >= 9 && c <= 13) || c == 0x85 ||
           (category(c) >= UTF8PROC_CATEGORY_ZS && category(c) <= UTF8PROC_CATEGORY_ZP);
  }
  static char32_t lower(char32_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }
  bool symbol(char32_t c) const { return c != kEnd && !space(c) && !letter(c) && !number(c); }

  size_t length_at(size_t i) const {
    const char32_t c = at(i);
    if (c == '\'') {
      const char32_t a = lower(at(i + 1)), b = lower(at(i + 2));
      if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
      if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
    }
    if (!newline(c) && !number(c) && (letter(c) || letter(at(i + 1)))) {
      size_t n = 1;
      while (letter(at(i + n))) ++n;
      return n;
    }
    if (number(c)) return 1;
    const size_t lead = c == ' ' ? 1 : 0;
    if (symbol(at(i + lead))) {
      size_t n = lead;
      while (symbol(at(i + n))) ++n;
      while (newline(at(i + n))) ++n;
      return n;
    }
    size_t n = 0, behind_newline = 0;
    while (space(at(i + n))) {
      ++n;
      if (newline(at(i + n - 1))) behind_newline = n;
    }
    if (behind_newline > 0) return behind_newline;
    if (n > 1 && at(i + n) != kEnd) return n - 1;
    return n > 0 ? n : 1;
  }

  bool marks_;
  std::vector<Unit> units_;
};

TEST(PreTokenizer, KnownSplits) {
  EXPECT_EQ(split("qwen2", "नमस्ते\n"), (Words{"नमस", "्त", "े\n"}));
  EXPECT_EQ(split("qwen35", "नमस्ते\n"), (Words{"नमस्ते", "\n"}));
  for (const char* name : {"qwen2", "qwen35"}) {
    EXPECT_EQ(split(name, "I'LL don't 12345"),
              (Words{"I", "'LL", " don", "'t", " ", "1", "2", "3", "4", "5"}));
    EXPECT_EQ(split(name, " \n  x"), (Words{" \n", " ", " x"}));
    EXPECT_EQ(split(name, "(x)->y;\n\n\n}"), (Words{"(x", ")->", "y", ";\n\n\n", "}"}));
    EXPECT_EQ(split(name, ""), Words{});
    EXPECT_EQ(split(name, "   "), Words{"   "});
    // The two places where a plain reading of the published expression would differ.
    EXPECT_EQ(split(name, "'\u017Fo"), (Words{"'\u017Fo"})) << "long s is not an s after an apostrophe";
    EXPECT_EQ(split(name, "a \u180Eb"), (Words{"a", " \u180E", "b"})) << "U+180E is not white space";
  }
}

TEST(PreTokenizer, IllFormedBytesSplitLikeAReplacementCharacter) {
  EXPECT_EQ(split("qwen2",
                  "a\xFF\xFE"
                  "b"),
            (Words{"a", "\xFF\xFE", "b"}));
  EXPECT_EQ(split("qwen2",
                  "a\uFFFD\uFFFD"
                  "b"),
            (Words{"a", "\uFFFD\uFFFD", "b"}));
  EXPECT_EQ(split("qwen2", "a\xED\xA0\x80 \xC3"), (Words{"a", "\xED\xA0\x80", " \xC3"}));
  EXPECT_EQ(split("qwen2",
                  "\xFF"
                  "b\xE2\x82"),
            (Words{"\xFF"
                   "b",
                   "\xE2\x82"}));
}

TEST(PreTokenizer, UnknownNamesAreRefused) {
  auto pre = PreTokenizer::create("llama3");
  ASSERT_FALSE(pre.ok());
  EXPECT_EQ(pre.error().code(), ErrorCode::kModelFile);
  EXPECT_THAT(pre.error().message(), testing::HasSubstr("\"llama3\""));
  EXPECT_THAT(pre.error().message(), testing::HasSubstr("qwen35"));
  EXPECT_FALSE(PreTokenizer::create("").ok());
  EXPECT_FALSE(PreTokenizer::create("QWEN2").ok());
}

// Whether PCRE2's version of Unicode knows the code point; the other library's may be later and know more.
bool is_assigned(char32_t c) {
  static const std::vector<bool> assigned = [] {
    int code = 0;
    PCRE2_SIZE where = 0;
    auto* pattern = pcre2_compile(reinterpret_cast<PCRE2_SPTR>("\\P{Cn}"), PCRE2_ZERO_TERMINATED, PCRE2_UTF,
                                  &code, &where, nullptr);
    auto* match = pcre2_match_data_create(1, nullptr);
    std::vector<bool> known(0x110000);
    for (char32_t i = 0; i < known.size(); ++i) {
      std::string text;
      append_utf8(i, &text);
      known[i] = (i < 0xD800 || i > 0xDFFF) && pcre2_match(pattern, reinterpret_cast<PCRE2_SPTR>(text.data()),
                                                           text.size(), 0, 0, match, nullptr) > 0;
    }
    pcre2_match_data_free(match);
    pcre2_code_free(pattern);
    return known;
  }();
  return assigned[c];
}

rc::Gen<char32_t> interesting_code_point() {
  using rc::gen::element;
  using rc::gen::inRange;
  return rc::gen::map(
      rc::gen::weightedOneOf<uint32_t>({
          {6, element<uint32_t>(' ', ' ', '\n', '\r', '\t', '\'', 's', 'T', 'L', 'l', 'e', 'r', 'v', 'M', '1',
                                '.', '-')},
          {2,
           element<uint32_t>(0xA0, 0x85, 0x3000, 0x2028, 0x180E, 0x200B, 0x1C, 0x17F, 0x2019, 0xFFFD, 0x0B)},
          {2, element<uint32_t>(0x93E, 0x94D, 0x928, 0x301, 0x20DD, 0x1F600, 0x663, 0x2167, 0xBD, 0x4E00)},
          {2, inRange<uint32_t>(0x20, 0x7F)},
          {2, inRange<uint32_t>(0x80, 0x3000)},
          {1, inRange<uint32_t>(0x3000, 0x110000)},
      }),
      [](uint32_t c) { return static_cast<char32_t>(c); });
}

rc::Gen<std::string> interesting_text(bool with_ill_formed) {
  return rc::gen::map(rc::gen::container<std::vector<char32_t>>(interesting_code_point()),
                      [with_ill_formed](const std::vector<char32_t>& code_points) {
                        std::string text;
                        for (const char32_t c : code_points) {
                          if (c >= 0xD800 && c <= 0xDFFF) {
                            if (with_ill_formed) text += static_cast<char>(c & 0xFF);
                          } else if (with_ill_formed && c > 0x4000 && c % 3 == 0) {
                            text += static_cast<char>(0x80 | (c & 0x7F));
                          } else if (is_assigned(c)) {
                            append_utf8(c, &text);
                          }
                        }
                        return text;
                      });
}

RC_GTEST_PROP(PreTokenizer, EqualsTheScanner, ()) {
  const auto text = *interesting_text(false);
  RC_ASSERT(split("qwen2", text) == Scanner(false, text).run());
  RC_ASSERT(split("qwen35", text) == Scanner(true, text).run());
}

RC_GTEST_PROP(PreTokenizer, EqualsTheScannerOnIllFormedText, ()) {
  const auto text = *interesting_text(true);
  const Words words = split("qwen35", text);
  RC_ASSERT(words == Scanner(true, text).run());
  std::string joined;
  for (const auto& word : words) joined += word;
  RC_ASSERT(joined == text);
}

TEST(PreTokenizer, EveryCodePointEqualsTheScanner) {
  std::vector<std::string> texts(4);
  for (char32_t c = 1; c < 0x110000; ++c) {
    if (!is_assigned(c)) continue;
    texts[0] += 'a';
    append_utf8(c, &texts[0]);
    texts[1] += " '";
    append_utf8(c, &texts[1]);
    append_utf8(c, &texts[2]);
    texts[3] += "\n1";
    append_utf8(c, &texts[3]);
  }
  for (const std::string& text : texts) {
    for (const bool marks : {false, true}) {
      const Words got = split(marks ? "qwen35" : "qwen2", text);
      const Words expected = Scanner(marks, text).run();
      const auto [a, b] = std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
      EXPECT_TRUE(a == got.end() && b == expected.end())
          << "first difference: " << testing::PrintToString(*a) << " for " << testing::PrintToString(*b);
    }
  }
}

// Runs that a backtracking matcher could be slow or run out of stack on.
TEST(PreTokenizer, LongRunsAreLinear) {
  const size_t n = size_t{4} << 20;
  std::string newlines;
  for (size_t i = 0; i < n / 4; ++i) newlines += "  \n\t";
  std::string marks;
  for (size_t i = 0; i < n / 2; ++i) marks += "\u0301";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(split("qwen2", std::string(n, 'a')).size(), 1u);
  EXPECT_EQ(split("qwen2", std::string(n, ' ') + "a").size(), 2u);
  EXPECT_EQ(split("qwen2", std::string(n, ' ')).size(), 1u);
  EXPECT_EQ(split("qwen2", std::string(n, '!') + std::string(n, '\n')).size(), 1u);
  EXPECT_EQ(split("qwen2", newlines + "a").size(), 2u);
  EXPECT_EQ(split("qwen2", newlines).size(), 2u);
  EXPECT_EQ(split("qwen35", marks).size(), 1u);
  EXPECT_EQ(split("qwen35", std::string(n, '\xFF')).size(), 1u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace gannet
