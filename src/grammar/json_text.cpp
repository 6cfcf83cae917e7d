#include "grammar/json_text.h"

#include <algorithm>
#include <map>

namespace gannet {
namespace {

CodePointSet needs_escape() {
  return {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
}

ByteSet byte_set(std::string_view members) {
  ByteSet set;
  for (const char c : members) set.set(static_cast<uint8_t>(c));
  return set;
}
constexpr std::string_view kDigits = "0123456789", kHex = "0123456789abcdefABCDEF";

}  // namespace

ExprId JsonText::rule(std::optional<RuleId>* rule, const char* name, ExprId (JsonText::*body)()) {
  if (!*rule) {
    *rule = g_->add_rule(name, RuleUse::kCall);
    g_->define(**rule, (this->*body)());
  }
  return g_->rule(**rule);
}

ExprId JsonText::space() {
  return some_space_ ? rule(&space_, "space", &JsonText::space_body) : g_->empty();
}
ExprId JsonText::value() {
  return rule(&value_, "value", &JsonText::value_body);
}
ExprId JsonText::object() {
  return rule(&object_, "object", &JsonText::object_body);
}
ExprId JsonText::array() {
  return rule(&array_, "array", &JsonText::array_body);
}
ExprId JsonText::string() {
  return rule(&string_, "string", &JsonText::string_body);
}
ExprId JsonText::number() {
  return rule(&number_, "number", &JsonText::number_body);
}

ExprId JsonText::space_body() {
  const ExprId indent =
      g_->choice({g_->repeat(g_->literal(" "), 0, 20), g_->repeat(g_->literal("\t"), 1, 10)});
  return g_->optional(g_->choice({g_->literal(" "), g_->sequence({g_->literal("\n"), indent})}));
}

ExprId JsonText::any_char() {
  const ExprId hex = g_->bytes(byte_set(kHex));
  // \u with a character of its own, or with the two halves of a pair: readers refuse a half alone.
  const ExprId not_d = g_->sequence({g_->bytes(byte_set("0123456789abcefABCEF")), hex, hex, hex});
  const ExprId d = g_->bytes(byte_set("dD"));
  const ExprId low_d = g_->sequence({d, g_->bytes(byte_set("01234567")), hex, hex});
  const ExprId pair = g_->sequence({d, g_->bytes(byte_set("89abAB")), hex, hex, g_->literal("\\u"), d,
                                    g_->bytes(byte_set("cdefCDEF")), hex, hex});
  const ExprId escape = g_->choice({g_->bytes(byte_set("\"\\/bfnrt")),
                                    g_->sequence({g_->literal("u"), g_->choice({not_d, low_d, pair})})});
  return g_->choice({g_->chars(needs_escape().complement()), g_->sequence({g_->literal("\\"), escape})});
}

ExprId JsonText::string_body() {
  return quoted(g_->repeat(any_char(), 0));
}

ExprId JsonText::integer() {
  const ExprId digit = g_->bytes(byte_set(kDigits)), first = g_->bytes(byte_set("123456789"));
  const ExprId some = g_->sequence({first, g_->repeat(digit, 0, kMostIntegerDigits - 1)});
  return g_->choice({g_->literal("0"), g_->sequence({g_->optional(g_->literal("-")), some})});
}

ExprId JsonText::number_body() {
  const ExprId digit = g_->bytes(byte_set(kDigits)), first = g_->bytes(byte_set("123456789"));
  const ExprId whole =
      g_->choice({g_->literal("0"), g_->sequence({first, g_->repeat(digit, 0, kMostNumberDigits - 1)})});
  const ExprId fraction = g_->sequence({g_->literal("."), g_->repeat(digit, 1, kMostNumberDigits)});
  const ExprId exponent = g_->sequence(
      {g_->bytes(byte_set("eE")), g_->optional(g_->bytes(byte_set("+-"))), g_->repeat(digit, 1, 2)});
  return g_->sequence(
      {g_->optional(g_->literal("-")), whole, g_->optional(fraction), g_->optional(exponent)});
}

ExprId JsonText::value_body() {
  return g_->choice({object(), array(), string(), number(), boolean(), null()});
}
ExprId JsonText::object_body() {
  return object({}, member(string(), value()), 0, kUnbounded);
}
ExprId JsonText::array_body() {
  return array({}, value(), 0, kUnbounded);
}

ExprId JsonText::write_chars(Grammar* grammar, const CodePointSet& set) {
  std::vector<ExprId> choices = {grammar->chars(set.minus(needs_escape()))};
  for (char32_t c = 0; c <= '\\'; ++c)
    if (set.contains(c) && needs_escape().contains(c))
      choices.push_back(grammar->literal(spell(std::string(1, static_cast<char>(c)))));
  return grammar->choice(choices);
}

std::string JsonText::spell(std::string_view text) {
  const std::string dumped =
      nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return dumped.substr(1, dumped.size() - 2);
}

ExprId JsonText::constant(const nlohmann::ordered_json& value) {
  if (value.is_object()) {
    std::vector<Member> members;
    for (const auto& [key, v] : value.items())
      members.push_back({member(quoted(g_->literal(spell(key))), constant(v)), true});
    return object(members, std::nullopt, 0, kUnbounded);
  }
  if (value.is_array()) {
    std::vector<ExprId> items;
    for (const auto& v : value) items.push_back(constant(v));
    return array(items, std::nullopt, static_cast<uint32_t>(items.size()),
                 static_cast<uint32_t>(items.size()));
  }
  return g_->literal(value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

ExprId JsonText::object(std::span<const Member> members, std::optional<ExprId> others, uint32_t min,
                        uint32_t max) {
  // A rule for each place in the list and number of members so far, as far as it matters.
  const uint32_t most_counted = std::max({1u, min, max == kUnbounded ? 0u : max});
  const ExprId close = g_->sequence({space(), g_->literal("}")});
  const ExprId comma = g_->sequence({g_->literal(","), space()});
  std::map<std::pair<size_t, uint32_t>, RuleId> rules;
  std::vector<std::pair<size_t, uint32_t>> todo;
  const auto at = [&](size_t place, uint32_t count) {
    count = std::min(count, most_counted);
    const auto [it, is_new] = rules.try_emplace({place, count});
    if (is_new) {
      it->second = g_->add_rule("members", RuleUse::kLink);
      todo.emplace_back(place, count);
    }
    return g_->rule(it->second);
  };
  const ExprId whole = g_->sequence({g_->literal("{"), at(0, 0)});
  while (!todo.empty()) {
    const auto [place, count] = todo.back();
    todo.pop_back();
    std::vector<ExprId> ways;
    const bool full = max != kUnbounded && count >= max;
    const ExprId before = count == 0 ? space() : comma;
    if (place < members.size()) {
      if (!full) ways.push_back(g_->sequence({before, members[place].text, at(place + 1, count + 1)}));
      if (!members[place].required) ways.push_back(at(place + 1, count));
    } else {
      // Keys of others may be equal, so all of them together count as one towards the minimum.
      if (count >= min) ways.push_back(close);
      if (others && !full && count + 1 >= min) {
        const uint32_t more = max == kUnbounded ? kUnbounded : max - count - 1;
        ways.push_back(
            g_->sequence({before, *others, g_->repeat(g_->sequence({comma, *others}), 0, more), close}));
      }
    }
    g_->define(rules[{place, count}], g_->choice(ways));
  }
  return whole;
}

ExprId JsonText::array(std::span<const ExprId> prefix, std::optional<ExprId> others, uint32_t min,
                       uint32_t max) {
  const ExprId comma = g_->sequence({g_->literal(","), space()});
  const ExprId close = g_->sequence({space(), g_->literal("]")});
  const auto n = static_cast<uint32_t>(std::min<size_t>(prefix.size(), max));
  const auto with_comma = [&](uint32_t count, ExprId item) {
    return g_->sequence({count == 0 ? space() : comma, item});
  };
  // From the last place to the first: what may follow when so many items are there.
  ExprId rest = min <= n ? g_->empty() : g_->nothing();
  if (others && max > n) {
    const uint32_t least = min > n ? min - n : 0;
    const uint32_t most = max == kUnbounded ? kUnbounded : max - n;
    if (n > 0)
      rest = g_->repeat(with_comma(n, *others), least, most);
    else {
      rest =
          g_->sequence({with_comma(0, *others), g_->repeat(with_comma(1, *others), least > 0 ? least - 1 : 0,
                                                           most == kUnbounded ? kUnbounded : most - 1)});
      if (least == 0) rest = g_->optional(rest);
    }
  }
  for (uint32_t i = n; i-- > 0;) {
    rest = g_->sequence({with_comma(i, prefix[i]), rest});
    if (i >= min) rest = g_->optional(rest);
  }
  return g_->sequence({g_->literal("["), rest, close});
}

Grammar json_object_grammar(const JsonSchemaOptions& options) {
  Grammar grammar;
  const RuleId root = grammar.add_rule("root");
  grammar.define(root, JsonText(&grammar, options.space).object());
  return grammar;
}

}  // namespace gannet
