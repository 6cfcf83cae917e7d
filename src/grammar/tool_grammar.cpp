#include "grammar/tool_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "grammar/declared_types.h"
#include "grammar/schema_writer.h"
#include "text/vocabulary.h"

namespace gannet {
namespace {

constexpr std::string_view kCallBegin = "<tool_call>", kCallEnd = "</tool_call>";
constexpr std::string_view kValueEnd = "\n</parameter>\n";

// Text up to the first `marker` (in ASCII), with it. `before` is what a character that is no part of it may
// be, `may_stop` whether the text may end without it, `after` what follows it. The automaton of Knuth, Morris
// and Pratt (1977).
ExprId until(Grammar* g, std::string_view marker, ExprId after, bool may_stop, bool control_tokens) {
  std::vector<size_t> borders(marker.size() + 1, 0);  // of the first i bytes: the longest proper one
  for (size_t i = 1; i < marker.size(); ++i) {
    size_t k = borders[i];
    while (k > 0 && marker[k] != marker[i]) k = borders[k];
    borders[i + 1] = k + (marker[k] == marker[i] ? 1 : 0);
  }
  std::vector<RuleId> rules;
  for (size_t i = 0; i < marker.size(); ++i) rules.push_back(g->add_rule("until", RuleUse::kLink));
  std::set<char> letters(marker.begin(), marker.end());
  CodePointSet others = CodePointSet::all();
  for (const char c : letters) others = others.minus({{static_cast<char32_t>(c), static_cast<char32_t>(c)}});
  ByteSet mark;
  mark.set(kControlMark);
  for (size_t i = 0; i < marker.size(); ++i) {
    std::vector<ExprId> ways = {g->sequence({g->chars(others), g->rule(rules[0])})};
    if (control_tokens) ways.push_back(g->sequence({g->bytes(mark), g->rule(rules[0])}));
    for (const char c : letters) {
      size_t k = i;
      while (k > 0 && marker[k] != c) k = borders[k];
      if (marker[k] == c) ++k;
      const ExprId one = g->literal(std::string_view(&c, 1));
      ways.push_back(g->sequence({one, k == marker.size() ? after : g->rule(rules[k])}));
    }
    if (may_stop) ways.push_back(g->empty());
    g->define(rules[i], g->choice(ways));
  }
  return g->rule(rules[0]);
}

class ToolGrammar {
 public:
  ToolGrammar(std::span<const ToolFunction> functions, const ToolGrammarOptions& options)
      : functions_(functions), options_(options) {}

  Result<Grammar> make() {
    GANNET_TRY(check_names());
    std::vector<ExprId> calls;
    for (const ToolFunction& f : functions_) {
      if (options_.only && f.name != *options_.only) continue;
      GANNET_TRY(check_depth(f.parameters));
      auto call = options_.format == ToolFormat::kTagged ? tagged(f) : hermes(f);
      if (!call.ok())
        return std::move(call).take_error().with_context("the function " + gannet::quoted(f.name));
      calls.push_back(*call);
    }
    const RuleId root = g_.add_rule("root"), call = g_.add_rule("call", RuleUse::kCall);
    g_.define(call, g_.choice(calls));
    // The marker of the first call may have been read already.
    const ExprId end = g_.token_text(kCallEnd);
    const ExprId first = g_.sequence({g_.rule(call), end});
    const ExprId more =
        g_.sequence({g_.repeat(g_.literal("\n"), 0, 2), g_.token_text(kCallBegin), g_.rule(call), end});
    const ExprId rest = g_.sequence(
        {first, options_.parallel ? g_.repeat(more, 0) : g_.empty(), g_.optional(g_.literal("\n"))});
    if (options_.required || options_.only)
      g_.define(root, g_.sequence({g_.repeat(g_.literal("\n"), 0, 2), g_.token_text(kCallBegin), rest}));
    else
      g_.define(root, until(&g_, kCallBegin, rest, true, true));
    g_.set_root(root);
    return std::move(g_);
  }

 private:
  Result<void> check_names() {
    if (functions_.empty())
      return Error(ErrorCode::kUsage, "no functions are declared, so none can be called");
    std::set<std::string> names;
    for (const ToolFunction& f : functions_) {
      const bool usable = !f.name.empty() && f.name.size() <= 256 && std::ranges::all_of(f.name, [](char c) {
        return c > ' ' && c < 0x7F && c != '<' && c != '>' && c != '"' && c != '\\';
      });
      if (!usable)
        return Error(ErrorCode::kUsage,
                     fmt::format("{} cannot be the name of a function: letters, digits, _, - and . are "
                                 "safe",
                                 gannet::quoted(f.name)));
      if (!names.insert(f.name).second)
        return Error(ErrorCode::kUsage,
                     fmt::format("the function {} is declared twice", gannet::quoted(f.name)));
    }
    if (options_.only && !names.contains(*options_.only))
      return Error(ErrorCode::kUsage,
                   fmt::format("the function {} is not declared", gannet::quoted(*options_.only)));
    return {};
  }

  Result<ExprId> hermes(const ToolFunction& f) {
    ExprId arguments = json_.object();
    if (!f.parameters.is_null()) {
      SchemaWriter writer(&g_, &json_, f.parameters);
      const SchemaFacts facts = GANNET_TRY(writer.reader().facts({{&f.parameters, "#"}}));
      if ((facts.types & json_type::kObject) == 0)
        return schema_error("#", "the parameters of a function must be an object");
      arguments = writer.add({{&f.parameters, "#"}, only(kJsonObject)});
      GANNET_TRY(writer.finish());
    }
    const ExprId space = json_.space();
    return g_.sequence({g_.literal("\n{\"name\":"), space, g_.literal("\"" + JsonText::spell(f.name) + "\","),
                        space, g_.literal("\"arguments\":"), space, arguments, g_.literal("}\n")});
  }

  Result<ExprId> tagged(const ToolFunction& f) {
    static const nlohmann::ordered_json kAnyObject = {{"type", "object"}};
    const auto& schema = f.parameters.is_null() ? kAnyObject : f.parameters;
    Grammar& g = g_;
    SchemaWriter writer(&g_, &json_, schema);
    const SchemaFacts facts = GANNET_TRY(writer.reader().facts({{&schema, "#"}}));
    if ((facts.types & json_type::kObject) == 0 || facts.values || !facts.choices.empty() ||
        !facts.property_names.empty() || facts.min_members > 0 || facts.max_members != kUnbounded)
      return schema_error(
          "#",
          "the parameters of a function must be an object with properties, without alternatives "
          "or counts of them");
    const RuleId root = g.add_rule(f.name);
    // Each parameter is a rule that ends with the next one.
    std::vector<std::string> names;
    std::set<std::string> known;
    for (const auto& m : facts.members) {
      if (!m->patterns.empty())
        return schema_error(m->patterns[0].second.pointer, "parameters need names of their own");
      for (const auto& [name, ref] : m->named)
        if (known.insert(name).second) names.push_back(name);
    }
    for (const std::string& name : facts.required)
      if (known.insert(name).second) names.push_back(name);
    const DeclaredTypes declared = declared_types(schema);
    ExprId rest = g.literal("</function>\n");
    if (names.empty() && !closed(facts))
      rest = g.sequence({g.repeat(GANNET_TRY(any_parameter(&writer, facts, declared.others)), 0), rest});
    for (size_t i = names.size(); i-- > 0;) {
      const std::string& name = names[i];
      if (!can_be_a_name(name))
        return schema_error("#/properties", fmt::format("{} cannot be the name of a parameter in this format",
                                                        gannet::quoted(name)));
      const auto refs = GANNET_TRY(writer.reader().member(facts, name));
      const RuleId rule = g.add_rule(name, RuleUse::kLink);
      const ExprId value = GANNET_TRY(parameter_value(&writer, refs, declared.of(name)));
      const ExprId this_one = g.sequence({g.literal("<parameter=" + name + ">\n"), value, rest});
      const bool required = std::ranges::find(facts.required, name) != facts.required.end();
      // The rest is written twice, but as a rule it is one.
      g.define(rule, required ? this_one : g.choice({this_one, rest}));
      rest = g.rule(rule);
    }
    g.define(root, g.sequence({g.literal("\n<function=" + f.name + ">\n"), rest}));
    GANNET_TRY(writer.finish());
    return g.rule(root);
  }

  static bool can_be_a_name(std::string_view name) {
    return !name.empty() && name.size() <= 256 && name.front() != ' ' && name.back() != ' ' &&
           std::ranges::none_of(name, [](char c) {
             return c == '<' || c == '>' || c == '"' || static_cast<uint8_t>(c) < 0x20;
           });
  }

  static bool closed(const SchemaFacts& facts) {
    return std::ranges::any_of(facts.members,
                               [](auto& m) { return m->others && *m->others->schema == false; });
  }

  Result<ExprId> any_parameter(SchemaWriter* writer, const SchemaFacts& facts, JsonTypes types) {
    std::vector<SchemaRef> refs;
    for (const auto& m : facts.members)
      if (m->others) refs.push_back(*m->others);
    const ExprId name = g_.repeat(
        g_.chars(CodePointSet{{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {'_', '_'}, {'-', '-'}, {'.', '.'}}), 1,
        64);
    const ExprId value = GANNET_TRY(parameter_value(writer, refs, types));
    return g_.sequence({g_.literal("<parameter="), name, g_.literal(">\n"), value});
  }

  // A value under all schemas, and the end of it: what declared_types.h says of the types.
  Result<ExprId> parameter_value(SchemaWriter* writer, std::vector<SchemaRef> refs, JsonTypes types) {
    const JsonTypes others = types & ~kJsonString;
    std::vector<ExprId> ways;
    if ((types & kJsonString) != 0) {
      std::vector<SchemaRef> strings = refs;
      strings.push_back(only(kJsonString));
      ways.push_back(GANNET_TRY(raw_string(writer, strings, others)));
    }
    if (others != 0) {
      refs.push_back(only(others));
      ways.push_back(g_.sequence({writer->add(refs), g_.literal(kValueEnd)}));
    }
    return g_.choice(ways);
  }

  // The schema of these types.
  SchemaRef only(JsonTypes types) {
    static constexpr std::pair<JsonTypes, const char*> kNames[] = {
        {kJsonString, "string"}, {kJsonNumber, "number"}, {kJsonBoolean, "boolean"},
        {kJsonNull, "null"},     {kJsonObject, "object"}, {kJsonArray, "array"}};
    SchemaJson& schema = type_schemas_[types];
    if (schema.is_null()) {
      for (const auto& [type, name] : kNames)
        if ((types & type) != 0) schema["type"].push_back(name);
    }
    return {&schema, fmt::format("~{}", types)};  // behind all pointers
  }

  // Strings as raw text, but none that would be read as JSON of one of the other types.
  Result<ExprId> raw_string(SchemaWriter* writer, const std::vector<SchemaRef>& refs, JsonTypes others) {
    SchemaFacts facts = GANNET_TRY(writer->reader().facts(refs));
    const auto alternatives = GANNET_TRY(writer->alternatives(std::move(facts)));
    std::vector<ExprId> ways;
    for (const SchemaFacts& one : alternatives) {
      if ((one.types & json_type::kString) == 0) continue;
      const bool free = !one.values && one.patterns.empty() && one.min_length == 0 &&
                        one.max_length == kUnbounded && one.not_values.empty();
      if (free) return raw_text(others);
      const ExprId text = GANNET_TRY(string_text(writer, one));
      ways.push_back(ended(others == 0 ? text : g_.except(text, json_like(others))));
    }
    return g_.choice(ways);
  }

  // Any such text and the end of the value. One rule for all places, so that its masks are shared.
  ExprId raw_text(JsonTypes others) {
    const auto [it, is_new] = raw_.try_emplace(others);
    if (is_new) {
      it->second = g_.add_rule("raw", RuleUse::kCall);
      g_.define(it->second, ended(others == 0 ? any_text() : g_.except(any_text(), json_like(others))));
    }
    return g_.rule(it->second);
  }

  // The text and the end of the value, which is the first one, also for readers that make up for missing
  // tags.
  ExprId ended(ExprId text) {
    const ExprId tag = g_.choice({g_.sequence({g_.literal("</parameter>"), space(),
                                               g_.choice({g_.literal("<parameter="),
                                                          g_.literal("</function>"), g_.literal(kCallEnd)})}),
                                  g_.sequence({g_.literal("</function>"), space(), g_.literal(kCallEnd)})});
    const ExprId misread = g_.sequence({any_text(), tag, any_text()});
    return g_.both(g_.sequence({g_.except(text, misread), g_.literal(kValueEnd)}),
                   until(&g_, kValueEnd, g_.empty(), false, false));
  }

  ExprId any_text() { return g_.repeat(g_.chars(CodePointSet::all()), 0); }
  ExprId any_of(std::string_view characters) {
    ByteSet set;
    for (const char c : characters) set.set(static_cast<uint8_t>(c));
    return g_.bytes(set);
  }
  ExprId space() { return g_.repeat(any_of(" \t\r\n"), 0); }

  Result<ExprId> string_text(SchemaWriter* writer, const SchemaFacts& facts) {
    std::vector<ExprId> ways;
    if (facts.values) {
      for (const auto& v : *facts.values)
        if (GANNET_TRY(writer->reader().valid(facts, v))) ways.push_back(g_.literal(v.get<std::string>()));
      return g_.choice(ways);
    }
    if (facts.min_length > facts.max_length) return g_.nothing();
    const CharWriter plain = [](Grammar* to, const CodePointSet& set) { return to->chars(set); };
    ExprId text = g_.repeat(g_.chars(CodePointSet::all()), facts.min_length, facts.max_length);
    for (const SchemaFacts::Pattern& p : facts.patterns) {
      auto expr = add_regex(&g_, p.text, plain, !p.whole);
      if (!expr.ok()) return std::move(expr).take_error().with_context("JSON schema, " + p.pointer);
      text = g_.both(text, *expr);
    }
    for (const auto& denied : facts.not_values)
      for (const auto& v : *denied)
        if (v.is_string()) text = g_.except(text, g_.literal(v.get<std::string>()));
    return text;
  }

  // What may be read as JSON of these types, and a little more.
  ExprId json_like(JsonTypes types) {
    std::vector<ExprId> ways;
    if ((types & kJsonNumber) != 0)
      ways.push_back(g_.sequence({any_of("-0123456789"), g_.repeat(any_of("0123456789+-.eE"), 0)}));
    if ((types & kJsonBoolean) != 0)
      for (const char* word : {"true", "false", "True", "False"}) ways.push_back(g_.literal(word));
    if ((types & kJsonNull) != 0)
      for (const char* word : {"null", "None"}) ways.push_back(g_.literal(word));
    if ((types & kJsonObject) != 0) ways.push_back(g_.sequence({g_.literal("{"), any_text()}));
    if ((types & kJsonArray) != 0) ways.push_back(g_.sequence({g_.literal("["), any_text()}));
    return g_.sequence({space(), g_.choice(ways), space()});
  }

  std::span<const ToolFunction> functions_;
  const ToolGrammarOptions& options_;
  Grammar g_;
  JsonText json_{&g_, options_.space};
  std::map<JsonTypes, RuleId> raw_;  // by the types that are not to be mistaken for text
  std::map<JsonTypes, SchemaJson> type_schemas_;
};

}  // namespace

Result<Grammar> tool_call_grammar(std::span<const ToolFunction> functions,
                                  const ToolGrammarOptions& options) {
  return ToolGrammar(functions, options).make();
}

Grammar after_marker(const Grammar& grammar, std::string_view marker) {
  Grammar g;
  const RuleId inner = g.import(grammar);
  const RuleId root = g.add_rule("root");
  ByteSet space;
  for (const char c : {' ', '\n'}) space.set(static_cast<uint8_t>(c));
  const ExprId after = g.sequence({g.repeat(g.bytes(space), 0, 8), g.rule(inner)});
  g.define(root, until(&g, marker, after, false, true));
  g.set_root(root);
  return g;
}

}  // namespace gannet
