// Tokenizer throughput on one core. The text is made: 20,000 distinct words taken from the vocabulary in the
// order of their ids (common words first) drawn by Zipf's law, every fifth rank a compound of two, with
// capitals, numbers, contractions, punctuation and paragraphs; so the word cache meets a realistic share of
// new words. Needs ../shared/vocab or, failing that, the pocket model's vocabulary of the project.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "engine/vocabulary_from_gguf.h"

namespace gannet {
namespace {

constexpr size_t kWords = 20000;
constexpr size_t kTextBytes = size_t{8} << 20;

std::string vocabulary_path() {
  for (const char* path : {"../shared/vocab/ggml-vocab-qwen35.gguf", "models/pocket.gguf"}) {
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

std::vector<std::string> english_words(const Vocabulary& vocabulary) {
  std::vector<std::string> tokens;
  for (TokenId id = 0; id < vocabulary.size() && tokens.size() < kWords; ++id) {
    const std::string_view piece = vocabulary.piece(id);
    if (vocabulary.type(id) != TokenType::kNormal || piece.size() < 2 || piece[0] != ' ') continue;
    const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
    if (std::all_of(piece.begin() + 1, piece.end(), lower)) tokens.emplace_back(piece.substr(1));
  }
  std::vector<std::string> words;
  std::mt19937 random(1);
  while (words.size() < kWords) {
    const size_t rank = words.size();
    const std::string& token = tokens[rank % tokens.size()];
    const bool compound = rank % 5 == 4 || rank >= tokens.size();
    words.push_back(compound ? token + tokens[random() % tokens.size()] : token);
  }
  return words;
}

std::string english_text(const Vocabulary& vocabulary) {
  const auto words = english_words(vocabulary);
  std::vector<double> weights;
  for (size_t rank = 0; rank < words.size(); ++rank) weights.push_back(1.0 / static_cast<double>(rank + 2));
  std::discrete_distribution<size_t> draw(weights.begin(), weights.end());
  std::mt19937 random(7);
  std::string text;
  bool sentence_start = true;
  while (text.size() < kTextBytes) {
    std::string word = random() % 80 == 0 ? std::to_string(random() % 3000) : words[draw(random)];
    if (sentence_start || random() % 20 == 0) word[0] = static_cast<char>(std::toupper(word[0]));
    sentence_start = false;
    if (random() % 60 == 0) word += random() % 2 == 0 ? "'s" : "'t";
    text += word;
    const uint32_t mark = random() % 100;
    if (mark < 6) {
      text += ',';
    } else if (mark < 12) {
      text += mark < 11 ? "." : "?";
      sentence_start = true;
      if (mark == 6) text += "\n";
    } else if (mark < 13) {
      text += " (";
      continue;
    }
    text += text.back() == '\n' ? "\n" : " ";
  }
  return text;
}

// One tokenizer and text for all benchmarks; null with a message when there is no vocabulary.
struct Subject {
  Tokenizer tokenizer;
  std::string text;
};
Subject* subject(benchmark::State& state) {
  static std::unique_ptr<Subject> made = []() -> std::unique_ptr<Subject> {
    const std::string path = vocabulary_path();
    if (path.empty()) return nullptr;
    auto file = GgufFile::open(path);
    if (!file.ok()) return nullptr;
    auto tokenizer = tokenizer_from_gguf(*file);
    if (!tokenizer.ok()) return nullptr;
    std::string text = english_text(tokenizer->vocabulary());
    return std::make_unique<Subject>(Subject{tokenizer.take(), std::move(text)});
  }();
  if (!made)
    state.SkipWithError(
        "run in the project's folder: no vocabulary at ../shared/vocab or models/pocket.gguf");
  return made.get();
}

void encode_english(benchmark::State& state) {
  Subject* s = subject(state);
  if (s == nullptr) return;
  size_t n_tokens = 0;
  for (auto _ : state) {
    auto ids = s->tokenizer.encode(s->text);
    n_tokens = ids.value().size();
    benchmark::DoNotOptimize(ids);
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * s->text.size()));
  state.counters["bytes/token"] = static_cast<double>(s->text.size()) / static_cast<double>(n_tokens);
}
BENCHMARK(encode_english)->Unit(benchmark::kMillisecond);

// One chat message of 2,000 bytes, read for control tokens; its words are in the cache after the first round.
void encode_messages(benchmark::State& state) {
  Subject* s = subject(state);
  if (s == nullptr) return;
  const std::string message = "<|im_start|>user\n" + s->text.substr(0, 2000) + "<|im_end|>\n";
  for (auto _ : state) {
    benchmark::DoNotOptimize(s->tokenizer.encode(message, {.add_special = true, .parse_special = true}));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * message.size()));
}
BENCHMARK(encode_messages)->Unit(benchmark::kMicrosecond);

void encode_one_long_word(benchmark::State& state) {
  Subject* s = subject(state);
  if (s == nullptr) return;
  const std::string word(1 << 20, 'a');
  for (auto _ : state) benchmark::DoNotOptimize(s->tokenizer.encode(word));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * word.size()));
}
BENCHMARK(encode_one_long_word)->Unit(benchmark::kMillisecond);

void decode_english(benchmark::State& state) {
  Subject* s = subject(state);
  if (s == nullptr) return;
  const auto ids = s->tokenizer.encode(s->text).take();
  for (auto _ : state) benchmark::DoNotOptimize(s->tokenizer.decode(ids));
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * s->text.size()));
}
BENCHMARK(decode_english)->Unit(benchmark::kMillisecond);

void build_from_file(benchmark::State& state) {
  auto file = GgufFile::open(vocabulary_path());
  if (!file.ok()) {
    state.SkipWithError(
        "run in the project's folder: no vocabulary at ../shared/vocab or models/pocket.gguf");
    return;
  }
  for (auto _ : state) benchmark::DoNotOptimize(tokenizer_from_gguf(*file));
  state.SetLabel(vocabulary_path());
}
BENCHMARK(build_from_file)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace gannet

BENCHMARK_MAIN();
