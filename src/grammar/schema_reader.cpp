#include "grammar/schema_reader.h"

#include <algorithm>

#include "grammar/nfa_builder.h"
#include "grammar/regex.h"

namespace gannet {
namespace {

using namespace json_type;

size_t count_characters(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

bool equal_to_any(const std::vector<SchemaJson>& values, const SchemaJson& value) {
  return std::ranges::find(values, value) != values.end();
}

bool ranges_apart(const NumberRange& a, const NumberRange& b) {
  const auto above = [](const NumberRange& x, const NumberRange& y) {
    if (!x.lower || !y.upper) return false;
    const int c = compare(x.lower->value, y.upper->value);
    return c > 0 || (c == 0 && (x.lower->exclusive || y.upper->exclusive));
  };
  return above(a, b) || above(b, a);
}

}  // namespace

uint8_t type_of(const SchemaJson& value) {
  if (value.is_null()) return kNull;
  if (value.is_boolean()) return kBoolean;
  if (value.is_string()) return kString;
  if (value.is_array()) return kArray;
  if (value.is_object()) return kObject;
  return Decimal::of(value).is_integer() ? kInteger : kFraction;
}

Result<SchemaFacts> SchemaReader::facts(const std::vector<SchemaRef>& all) {
  SchemaFacts facts;
  for (const SchemaRef& ref : all) GANNET_TRY(document_.add(ref, &facts));
  return facts;
}

Result<bool> SchemaReader::finds(const std::string& pattern, bool whole, const std::string& pointer,
                                 const std::string& text) {
  const auto key = std::pair(whole, pattern);
  if (!patterns_.contains(key)) {
    auto grammar = regex_grammar(pattern, !whole);
    if (!grammar.ok()) return std::move(grammar).take_error().with_context("JSON schema, " + pointer);
    auto dfa = dfa_of(*grammar, grammar->rules()[grammar->root()].body, &budget_);
    if (!dfa.ok()) return std::move(dfa).take_error().with_context("JSON schema, " + pointer);
    patterns_[key] = dfa.take();
  }
  return patterns_[key].matches(text);
}

Result<std::vector<SchemaRef>> SchemaReader::member(const SchemaFacts& facts, const std::string& name) {
  std::vector<SchemaRef> all;
  for (const auto& m : facts.members) {
    const size_t before = all.size();
    for (const auto& [key, ref] : m->named)
      if (key == name) all.push_back(ref);
    for (const auto& [pattern, ref] : m->patterns)
      if (GANNET_TRY(finds(pattern, false, ref.pointer, name))) all.push_back(ref);
    if (all.size() == before && m->others) all.push_back(*m->others);
  }
  return all;
}

std::vector<SchemaRef> SchemaReader::item(const SchemaFacts& facts, size_t index) {
  std::vector<SchemaRef> all;
  for (const auto& i : facts.items)
    if (index < i->prefix.size())
      all.push_back(i->prefix[index]);
    else if (i->others)
      all.push_back(*i->others);
  return all;
}

Result<bool> SchemaReader::valid(const std::vector<SchemaRef>& all, const SchemaJson& value) {
  return valid(GANNET_TRY(facts(all)), value);
}

Result<bool> SchemaReader::valid(const SchemaFacts& f, const SchemaJson& value) {
  if (!budget_.spend(10))
    return Error(ErrorCode::kUsage, "JSON schema: too many values and alternatives to compare");
  const uint8_t type = type_of(value);
  if ((f.types & type) == 0 || (f.values && !equal_to_any(*f.values, value))) return false;
  for (const auto& denied : f.not_values)
    if (equal_to_any(*denied, value)) return false;
  if ((type & kNumber) != 0) {
    if (!f.range.contains(Decimal::of(value))) return false;
    for (const auto& [factor, pointer] : f.factors) {
      if (!factor.is_integer() || factor.whole.size() > 9 || type != kInteger || !value.is_number_integer())
        return schema_error(pointer, "cannot be checked for the values of an enum or const");
      if (value.get<int64_t>() % std::stoll(factor.whole) != 0) return false;
    }
  }
  if (type == kString && !GANNET_TRY(valid_string(f, value))) return false;
  if (type == kArray && !GANNET_TRY(valid_array(f, value))) return false;
  if (type == kObject && !GANNET_TRY(valid_object(f, value))) return false;
  for (const auto& choice : f.choices) {
    size_t n_valid = 0;
    for (const SchemaRef& branch : choice->branches) {
      SchemaFacts inner;
      std::set<std::string> above = choice->above;
      GANNET_TRY(document_.add(branch, &inner, &above));
      if (GANNET_TRY(valid(inner, value))) ++n_valid;
    }
    if (n_valid == 0 || (choice->exactly_one && n_valid > 1)) return false;
  }
  return true;
}

Result<bool> SchemaReader::valid_string(const SchemaFacts& f, const SchemaJson& value) {
  const std::string text = value.get<std::string>();
  const size_t length = count_characters(text);
  if (length < f.min_length || length > f.max_length) return false;
  for (const SchemaFacts::Pattern& p : f.patterns)
    if (!GANNET_TRY(finds(p.text, p.whole, p.pointer, text))) return false;
  return true;
}

Result<bool> SchemaReader::valid_array(const SchemaFacts& f, const SchemaJson& value) {
  if (value.size() < f.min_items || value.size() > f.max_items) return false;
  for (size_t i = 0; i < value.size(); ++i)
    if (!GANNET_TRY(valid(item(f, i), value[i]))) return false;
  return true;
}

Result<bool> SchemaReader::valid_object(const SchemaFacts& f, const SchemaJson& value) {
  if (value.size() < f.min_members || value.size() > f.max_members) return false;
  for (const std::string& name : f.required)
    if (!value.contains(name)) return false;
  for (const auto& [key, v] : value.items()) {
    if (!f.property_names.empty() && !GANNET_TRY(valid(f.property_names, SchemaJson(key)))) return false;
    const std::vector<SchemaRef> refs = GANNET_TRY(member(f, key));
    if (!GANNET_TRY(valid(refs, v))) return false;
  }
  return true;
}

Result<ExprId> SchemaReader::string_content(Grammar* grammar, const SchemaFacts& f) {
  if (f.min_length > f.max_length) return grammar->nothing();
  const CharWriter write = JsonText::write_chars;
  const ExprId any = write(grammar, CodePointSet::all());
  std::optional<ExprId> content;
  for (const SchemaFacts::Pattern& p : f.patterns) {
    auto expr = add_regex(grammar, p.text, write, !p.whole);
    if (!expr.ok()) return std::move(expr).take_error().with_context("JSON schema, " + p.pointer);
    content = content ? grammar->both(*content, *expr) : *expr;
  }
  if (!content)
    content = grammar->repeat(any, f.min_length, f.max_length);
  else if (f.min_length > 0 || f.max_length != kUnbounded)
    content = grammar->both(*content, grammar->repeat(any, f.min_length, f.max_length));
  if (f.values) {
    std::vector<ExprId> texts;
    for (const SchemaJson& v : *f.values)
      if (v.is_string()) texts.push_back(grammar->literal(JsonText::spell(v.get<std::string>())));
    content = grammar->both(*content, grammar->choice(texts));
  }
  for (const auto& denied : f.not_values)
    for (const SchemaJson& v : *denied)
      if (v.is_string())
        content = grammar->except(*content, grammar->literal(JsonText::spell(v.get<std::string>())));
  return *content;
}

Result<bool> SchemaReader::disjoint(const SchemaFacts& a, const SchemaFacts& b, int depth) {
  constexpr int kDeepest = 6;
  if (depth > kDeepest || !budget_.spend(100)) return false;
  if (!a.choices.empty()) return disjoint_choices(a, b, depth);
  if (!b.choices.empty()) return disjoint_choices(b, a, depth);
  if (a.none() || b.none()) return true;
  if (a.values || b.values) {
    const SchemaFacts& listed = a.values ? a : b;
    const SchemaFacts& other = a.values ? b : a;
    for (const SchemaJson& v : *listed.values)
      if (GANNET_TRY(valid(listed, v)) && GANNET_TRY(valid(other, v))) return false;
    return true;
  }
  for (const uint8_t type : {kNull, kBoolean, kNumber, kString, kArray, kObject})
    if ((a.types & b.types & type) != 0 && !GANNET_TRY(disjoint_type(type, a, b, depth))) return false;
  return true;
}

Result<bool> SchemaReader::disjoint_choices(const SchemaFacts& a, const SchemaFacts& b, int depth) {
  const SchemaFacts::Choice& choice = *a.choices.back();
  for (const SchemaRef& branch : choice.branches) {
    SchemaFacts one = a;
    one.choices.pop_back();
    std::set<std::string> above = choice.above;
    GANNET_TRY(document_.add(branch, &one, &above));
    if (!GANNET_TRY(disjoint(one, b, depth + 1))) return false;
  }
  return true;
}

Result<bool> SchemaReader::disjoint_type(uint8_t type, const SchemaFacts& a, const SchemaFacts& b,
                                         int depth) {
  if (type == kNumber) return ranges_apart(a.range, b.range);
  if (type == kString) {
    if (a.min_length > b.max_length || b.min_length > a.max_length) return true;
    if (a.patterns.empty() || b.patterns.empty()) return false;
    Grammar grammar;
    const ExprId x = GANNET_TRY(string_content(&grammar, a)), y = GANNET_TRY(string_content(&grammar, b));
    auto dfa = dfa_of(grammar, grammar.both(x, y), &budget_);
    return dfa.ok() && dfa->empty();
  }
  if (type == kArray) {
    if (a.min_items > b.max_items || b.min_items > a.max_items) return true;
    constexpr uint32_t kMostItems = 8;
    for (uint32_t i = 0; i < std::min(std::max(a.min_items, b.min_items), kMostItems); ++i) {
      const SchemaFacts x = GANNET_TRY(facts(item(a, i))), y = GANNET_TRY(facts(item(b, i)));
      if (GANNET_TRY(disjoint(x, y, depth + 1))) return true;
    }
    return false;
  }
  if (type == kObject) {
    for (const auto* required : {&a.required, &b.required})
      for (const std::string& name : *required) {
        const std::vector<SchemaRef> in_a = GANNET_TRY(member(a, name)), in_b = GANNET_TRY(member(b, name));
        const SchemaFacts x = GANNET_TRY(facts(in_a)), y = GANNET_TRY(facts(in_b));
        if (GANNET_TRY(disjoint(x, y, depth + 1))) return true;
      }
    return false;
  }
  return false;
}

}  // namespace gannet
