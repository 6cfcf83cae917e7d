// Stop strings: the same text at every split, and nothing of a stop string is ever shown.
#include "text/stop_strings.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace gannet {
namespace {

using Strings = std::vector<std::string>;

struct Shown {
  std::string text;
  std::optional<std::string> by;
  bool operator==(const Shown&) const = default;
};

Shown run(const Strings& stops, const Strings& pieces) {
  StopStrings stop = StopStrings::create(stops).take();
  Shown shown;
  for (const std::string& piece : pieces) {
    shown.text += stop.push(piece);
    if (stop.stopped()) break;
  }
  shown.by = stop.stopped();
  shown.text += stop.flush();
  return shown;
}

// The first place at which a string is complete; of several there the longest.
Shown plain(const Strings& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    const std::string* longest = nullptr;
    for (const std::string& s : stops)
      if (std::string_view(text).substr(0, end).ends_with(s) &&
          (longest == nullptr || s.size() > longest->size()))
        longest = &s;
    if (longest != nullptr) return {text.substr(0, end - longest->size()), *longest};
  }
  return {text, std::nullopt};
}

TEST(StopStrings, ByHand) {
  EXPECT_EQ(run({"END"}, {"one E", "N", "D two"}), (Shown{"one ", "END"}));
  EXPECT_EQ(run({"END"}, {"one EN", "E"}), (Shown{"one ENE", std::nullopt}));
  EXPECT_EQ(run({"aab"}, {"aa", "ab"}), (Shown{"a", "aab"}));
  EXPECT_EQ(run({"abcd", "b"}, {"ab"}), (Shown{"a", "b"})) << "the first that is complete";
  EXPECT_EQ(run({"b", "ab"}, {"xab"}), (Shown{"x", "ab"})) << "the longer of two";
  EXPECT_EQ(run({}, {"text"}), (Shown{"text", std::nullopt}));
  StopStrings stop = StopStrings::create(Strings{"\n\nUser:"}).take();
  EXPECT_EQ(stop.push("Hello\n"), "Hello");
  EXPECT_EQ(stop.push("\nUs"), "");
  EXPECT_EQ(stop.push("ed"), "\n\nUsed");
  EXPECT_EQ(stop.push("\n\nUser: x"), "");
  EXPECT_EQ(stop.push("more"), "");
  EXPECT_EQ(stop.flush(), "");
  EXPECT_EQ(stop.push("next"), "next") << "a new text";
}

TEST(StopStrings, WhatCannotBeIsRefused) {
  EXPECT_FALSE(StopStrings::create(Strings{""}).ok());
  EXPECT_FALSE(StopStrings::create(Strings{"\xE4"}).ok());
  EXPECT_FALSE(StopStrings::create(Strings(3, std::string(30000, 'x'))).ok());
}

RC_GTEST_PROP(StopStrings, TheSameAtEverySplit, ()) {
  const auto word = rc::gen::container<std::string>(rc::gen::element('a', 'b', 'c'));
  const Strings stops = *rc::gen::container<Strings>(rc::gen::nonEmpty(word));
  const Strings pieces = *rc::gen::container<Strings>(word);
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  const Shown expected = plain(stops, text);
  RC_ASSERT(run(stops, pieces) == expected);
  RC_ASSERT(run(stops, {text}) == expected);
  Strings bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  RC_ASSERT(run(stops, bytes) == expected);
  // What is shown before the end could not become a stop string any more, and no more is held back.
  StopStrings stop = StopStrings::create(stops).take();
  std::string shown, fed;
  for (const std::string& piece : pieces) {
    shown += stop.push(piece);
    if (stop.stopped()) break;
    fed += piece;
    size_t longest = 0;
    for (const std::string& s : stops)
      for (size_t n = 1; n < s.size(); ++n)
        if (fed.ends_with(s.substr(0, n))) longest = std::max(longest, n);
    RC_ASSERT(shown == fed.substr(0, fed.size() - longest));
  }
}

}  // namespace
}  // namespace gannet
