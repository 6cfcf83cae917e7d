// Time of the sources that look up the text, per token: reading a long prompt; then, at its end, a token more
// and a draft. Texts: words of files of this project (run it from the project's folder, or give the folder as
// the last argument), a loop, and random ids.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <unordered_map>

#include "draft/token_source.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;
using Text = std::vector<TokenId>;

constexpr size_t kPrompt = 100'000, kMore = 5'000;
std::string folder = ".";

// Roughly what a tokenizer makes of it: words with the blank before them, numbers by digits, signs.
Text words_of(const std::string& bytes, std::unordered_map<std::string, TokenId>& ids) {
  Text text;
  for (size_t at = 0; at < bytes.size();) {
    size_t end = at + (bytes[at] == ' ');
    const auto letter = [&] {
      return end < bytes.size() && std::isalpha(static_cast<unsigned char>(bytes[end]));
    };
    if (letter())
      while (letter()) ++end;
    else if (end < bytes.size())
      ++end;
    text.push_back(
        ids.try_emplace(bytes.substr(at, end - at), static_cast<TokenId>(ids.size())).first->second);
    at = end;
  }
  return text;
}

Text files() {
  std::vector<fs::path> paths;
  for (const char* part : {"docs", "src"})
    if (fs::is_directory(fs::path(folder) / part))
      for (const auto& entry : fs::recursive_directory_iterator(fs::path(folder) / part))
        if (const auto kind = entry.path().extension(); kind == ".md" || kind == ".h" || kind == ".cpp")
          paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::unordered_map<std::string, TokenId> ids;
  Text text;
  for (const fs::path& path : paths) {
    std::ifstream in(path, std::ios::binary);
    const Text more = words_of({std::istreambuf_iterator<char>(in), {}}, ids);
    text.insert(text.end(), more.begin(), more.end());
    if (text.size() >= kPrompt + kMore) break;
  }
  text.resize(std::min(text.size(), kPrompt + kMore));
  return text;
}
Text loop() {
  Text text(kPrompt + kMore);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<TokenId>(i % 37 * i % 37);
  return text;
}
Text random_ids() {
  std::mt19937 random(1);
  Text text(kPrompt + kMore);
  for (TokenId& token : text) token = static_cast<TokenId>(random() % 248320);
  return text;
}

std::unique_ptr<Drafter> make(SourceKind kind) {
  return make_token_drafter(kind, {}).take();
}

void read_prompt(benchmark::State& state, SourceKind kind, const Text& text) {
  const auto drafter = make(kind);
  const auto prompt = std::span(text).first(text.size() - kMore);
  for (auto _ : state) {
    (void)drafter->begin(0, prompt, 0);
    state.PauseTiming();
    (void)drafter->begin(0, {}, 0);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * prompt.size()));
}

void step(benchmark::State& state, SourceKind kind, const Text& text) {
  const auto drafter = make(kind);
  size_t at = text.size() - kMore, n_drafted = 0;
  (void)drafter->begin(0, std::span(text).first(at), 0);
  DraftRequest request;
  request.n_most = 64;
  for (auto _ : state) {
    request.history = std::span(text).first(++at);
    request.tokens.clear();
    (void)drafter->draft(std::span(&request, 1));
    n_drafted += request.tokens.size();
  }
  state.counters["drafted"] = static_cast<double>(n_drafted) / static_cast<double>(state.iterations());
}

void register_all() {
  struct Named {
    const char* name;
    Text text;
  };
  static const Named texts[] = {{"files", files()}, {"loop", loop()}, {"random", random_ids()}};
  for (const SourceName& source : kSourceNames) {
    if (source.kind == SourceKind::kDraftSimple || source.kind == SourceKind::kMtp) continue;
    for (const Named& t : texts) {
      if (t.text.size() <= kMore) {
        std::fprintf(stderr, "lookup_bench: no files of the project in %s\n", folder.c_str());
        continue;
      }
      const std::string name = std::string(source.name) + "/" + t.name;
      benchmark::RegisterBenchmark((name + "/prompt").c_str(), read_prompt, source.kind, t.text)
          ->Unit(benchmark::kMillisecond);
      benchmark::RegisterBenchmark((name + "/step").c_str(), step, source.kind, t.text)->Iterations(kMore);
    }
  }
}

}  // namespace
}  // namespace gannet

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (argc > 1) gannet::folder = argv[1];
  gannet::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
