// libFuzzer target: a grammar in one of the notations, and a text. Whatever they are: a sentence or an
// automaton, within the limits, and the masks say what the recogniser says.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "grammar/gbnf.h"
#include "grammar/grammar_constraint.h"
#include "grammar/json_schema.h"
#include "grammar/regex.h"
#include "grammar/tool_grammar.h"
#include "text/vocabulary_for_test.h"

namespace gannet {
namespace {

const std::shared_ptr<const TokenTrie>& trie() {
  static const auto built = [] {
    auto v = VocabularyForTest::with_bytes();
    for (const char* text :
         {"ab", "\":", "\",", "{\"", "}\n", "<tool", "\xC3\xA9x", "\xE6\x97", "true", "12", "  "})
      v.add(map_bytes(text));
    v.add("<tool_call>", TokenType::kControl);
    v.add("<|im_end|>", TokenType::kControl);
    return TokenTrie::build(v.build().take().vocabulary());
  }();
  return built;
}

Result<Grammar> read(uint8_t kind, std::string_view text) {
  switch (kind % 5) {
    case 0:
      return parse_gbnf(text);
    case 1:
      return regex_grammar(text, kind & 16);
    case 2:
      return parse_json_schema(text);
    default:
      break;
  }
  const auto json = nlohmann::ordered_json::parse(text, nullptr, false);
  if (json.is_discarded()) return Error(ErrorCode::kUsage, "not JSON");
  const ToolFunction f[] = {{"f", json}};
  return tool_call_grammar(
      f, {.format = kind % 5 == 3 ? ToolFormat::kTagged : ToolFormat::kHermes, .required = (kind & 16) != 0});
}

void run(std::string_view input) {
  if (input.size() < 2) return;
  const auto kind = static_cast<uint8_t>(input[0]);
  const size_t n_picks = static_cast<uint8_t>(input[1]) % 16;
  input.remove_prefix(2);
  const std::string_view picks = input.substr(0, n_picks);
  input.remove_prefix(picks.size());
  auto grammar = read(kind, input);
  if (!grammar.ok()) {
    GANNET_CHECK(!grammar.error().message().empty());
    return;
  }
  (void)grammar->to_text();
  auto constraint = GrammarConstraint::create(*grammar, trie());
  if (!constraint.ok()) return;
  for (const char pick : picks) {
    const auto mask = constraint->allowed();
    if (!mask.ok()) return;
    std::vector<TokenId> allowed;
    for (size_t t = 0; t < trie()->n_tokens(); ++t) {
      const bool in = ((*mask)[t / 64] >> (t % 64)) & 1;
      GANNET_CHECK(in == constraint->allows(static_cast<TokenId>(t)));
      if (in) allowed.push_back(static_cast<TokenId>(t));
    }
    constraint->accept(allowed[static_cast<uint8_t>(pick) % allowed.size()]);
    if (constraint->ended()) return;
  }
}

}  // namespace
}  // namespace gannet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gannet::run(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
