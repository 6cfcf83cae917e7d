#include "grammar/tool_grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

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
      arguments = writer.add({{&f.parameters, "#"}});
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
    ExprId rest = g.literal("</function>\n");
    if (names.empty() && !closed(facts))
      rest = g.sequence({g.repeat(GANNET_TRY(any_parameter(&g)), 0), rest});
    for (size_t i = names.size(); i-- > 0;) {
      const std::string& name = names[i];
      if (name.empty() || name.find_first_of("<>\n\r") != std::string::npos)
        return schema_error("#/properties", fmt::format("{} cannot be the name of a parameter in this format",
                                                        gannet::quoted(name)));
      const auto refs = GANNET_TRY(writer.reader().member(facts, name));
      const RuleId rule = g.add_rule(name, RuleUse::kLink);
      const ExprId value = GANNET_TRY(parameter_value(&g, &writer, refs));
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

  static bool closed(const SchemaFacts& facts) {
    return std::ranges::any_of(facts.members,
                               [](auto& m) { return m->others && *m->others->schema == false; });
  }

  Result<ExprId> any_parameter(Grammar* g) {
    const ExprId name = g->repeat(
        g->chars(CodePointSet{{'<', '<'}, {'>', '>'}, {'\n', '\n'}, {'\r', '\r'}}.complement()), 1, 64);
    return g->sequence({g->literal("<parameter="), name, g->literal(">\n"), raw_text()});
  }

  // Any text and the end of the value. One rule, so that its masks are shared.
  ExprId raw_text() {
    if (!raw_) {
      raw_ = g_.add_rule("raw", RuleUse::kCall);
      g_.define(*raw_, until(&g_, kValueEnd, g_.empty(), false, false));
    }
    return g_.rule(*raw_);
  }

  // The value and the end of it.
  Result<ExprId> parameter_value(Grammar* g, SchemaWriter* writer, const std::vector<SchemaRef>& refs) {
    const SchemaFacts facts = GANNET_TRY(writer->reader().facts(refs));
    const ExprId end = g->literal(kValueEnd);
    const bool only_string =
        facts.types == json_type::kString || (!facts.typed && facts.mentioned == json_type::kString);
    if (refs.empty() || (only_string && facts.choices.empty())) {
      if (!facts.values && facts.patterns.empty() && facts.min_length == 0 &&
          facts.max_length == kUnbounded && facts.not_values.empty())
        return raw_text();
      std::vector<ExprId> ways;
      if (facts.values) {
        for (const auto& v : *facts.values)
          if (GANNET_TRY(writer->reader().valid(facts, v))) ways.push_back(g->literal(v.get<std::string>()));
        return g->sequence({g->choice(ways), end});
      }
      const CharWriter plain = [](Grammar* to, const CodePointSet& set) { return to->chars(set); };
      ExprId text = g->repeat(g->chars(CodePointSet::all()), facts.min_length, facts.max_length);
      for (const SchemaFacts::Pattern& p : facts.patterns) {
        auto expr = add_regex(g, p.text, plain, !p.whole);
        if (!expr.ok()) return std::move(expr).take_error().with_context("JSON schema, " + p.pointer);
        text = g->both(text, *expr);
      }
      return g->both(g->sequence({text, end}), until(g, kValueEnd, g->empty(), false, false));
    }
    return g->sequence({writer->add(refs), end});
  }

  std::span<const ToolFunction> functions_;
  const ToolGrammarOptions& options_;
  Grammar g_;
  JsonText json_{&g_, options_.space};
  std::optional<RuleId> raw_;
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
