// Times of structured output on a vocabulary of 248,320 tokens: the tree of tokens, compiling, masks.
#include <benchmark/benchmark.h>

#include <nlohmann/json.hpp>

#include "grammar/automaton.h"
#include "grammar/grammar_constraint.h"
#include "grammar/json_schema.h"
#include "text/synthetic_vocabulary.h"

namespace gannet {
namespace {

const Vocabulary& vocabulary() {
  static const Vocabulary built = [] {
    const SyntheticVocabulary v = make_synthetic_vocabulary(248'320);
    const std::vector<std::string_view> tokens(v.tokens.begin(), v.tokens.end());
    VocabularySource source;
    source.pre = "qwen35";
    source.tokens = tokens;
    source.types = v.types;
    source.special_id(SpecialToken::kEos) = static_cast<uint64_t>(v.im_end);
    TextIndex index;
    return Vocabulary::build(source, &index).take();
  }();
  return built;
}

const std::shared_ptr<const TokenTrie>& trie() {
  static const auto built = TokenTrie::build(vocabulary());
  return built;
}

// About 10 KB: objects in objects, as tools declare them.
std::string large_schema() {
  nlohmann::ordered_json root = {{"type", "object"}, {"properties", nlohmann::ordered_json::object()}};
  for (int i = 0; i < 20; ++i) {
    nlohmann::ordered_json inner = {{"type", "object"},
                                    {"additionalProperties", false},
                                    {"properties", nlohmann::ordered_json::object()}};
    for (int j = 0; j < 6; ++j) {
      nlohmann::ordered_json s = {{"description", "the value of this field"}};
      if (j == 0) s["type"] = "string", s["maxLength"] = 40;
      if (j == 1) s["type"] = "integer", s["minimum"] = 0, s["maximum"] = 1000 + i;
      if (j == 2) s["enum"] = {"one", "two", "three", "field" + std::to_string(i)};
      if (j == 3) s["type"] = "array", s["items"] = {{"type", "number"}}, s["maxItems"] = 8;
      if (j == 4) s["type"] = "string", s["format"] = "date-time";
      if (j == 5) s["anyOf"] = {{{"type", "string"}}, {{"type", "null"}}};
      inner["properties"]["field_" + std::to_string(i) + "_" + std::to_string(j)] = s;
    }
    inner["required"] = {"field_" + std::to_string(i) + "_0", "field_" + std::to_string(i) + "_2"};
    root["properties"]["group_" + std::to_string(i)] = inner;
  }
  root["required"] = {"group_0", "group_7"};
  return root.dump();
}

void build_trie(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(TokenTrie::build(vocabulary()));
  state.counters["MB"] = static_cast<double>(trie()->bytes_used()) / 1e6;
  state.counters["nodes"] = trie()->n_nodes();
}
BENCHMARK(build_trie)->Unit(benchmark::kMillisecond);

void compile_schema(benchmark::State& state) {
  const std::string schema = large_schema();
  for (auto _ : state) {
    auto grammar = parse_json_schema(schema).take();
    benchmark::DoNotOptimize(GrammarConstraint::create(grammar, trie()));
  }
  state.counters["KB"] = static_cast<double>(schema.size()) / 1e3;
}
BENCHMARK(compile_schema)->Unit(benchmark::kMillisecond);

// Each byte is one token.
const std::string kText =
    "{\"a\": \"some words here\", \"list\": [1, 2.5, {\"deep\": [true, \"x\"]}], \"b\": \"more\"}";

void read_text(GrammarConstraint constraint) {
  for (const char c : kText) {
    benchmark::DoNotOptimize(constraint.allowed());
    for (TokenId t = 0; t < vocabulary().size(); ++t)
      if (vocabulary().piece(t) == std::string_view(&c, 1)) {
        constraint.accept(t);
        break;
      }
  }
}

// All masks of a text with a grammar that was just compiled: those of strings and numbers are known from
// others.
void compile_and_read(benchmark::State& state) {
  const Grammar grammar = json_object_grammar();
  read_text(GrammarConstraint::create(grammar, trie()).take());
  for (auto _ : state) read_text(GrammarConstraint::create(grammar, trie()).take());
  state.counters["tokens"] = static_cast<double>(kText.size());
}
BENCHMARK(compile_and_read)->Unit(benchmark::kMillisecond);

// The same for a vocabulary that no grammar was used with: walks over all its tokens.
void first_masks(benchmark::State& state) {
  const Grammar grammar = json_object_grammar();
  for (auto _ : state) {
    state.PauseTiming();
    auto fresh = TokenTrie::build(vocabulary());
    state.ResumeTiming();
    read_text(GrammarConstraint::create(grammar, std::move(fresh)).take());
  }
}
BENCHMARK(first_masks)->Unit(benchmark::kMillisecond);

// One mask in a string that was never at this place before: the shared part is there, the part behind it is
// not.
void mask_in_new_context(benchmark::State& state) {
  auto constraint = GrammarConstraint::create(json_object_grammar(), trie()).take();
  read_text(constraint);
  std::string nesting = "{\"a\":";
  int depth = 0;
  const auto accept = [](GrammarConstraint* to, std::string_view text) {
    for (const char c : text)
      for (TokenId t = 0; t < 300; ++t)
        if (vocabulary().piece(t) == std::string_view(&c, 1)) {
          to->accept(t);
          break;
        }
  };
  for (auto _ : state) {
    state.PauseTiming();
    // Another nesting each time: the bits of a number as objects and arrays.
    GrammarConstraint here = constraint;
    ++depth;
    accept(&here, nesting);
    for (int bits = depth; bits > 0; bits /= 2) accept(&here, bits % 2 ? "[" : "{\"a\":");
    accept(&here, "\"x");
    state.ResumeTiming();
    benchmark::DoNotOptimize(here.allowed());
  }
}
BENCHMARK(mask_in_new_context)->Unit(benchmark::kMicrosecond)->Iterations(2000);

}  // namespace
}  // namespace gannet

BENCHMARK_MAIN();
