// Passes as text: every file of tests/data/passes/NAME/ holds a graph before and after the pass NAME. Checked
// without being asked for in every file: the texts are what the printer prints, both graphs verify, the pass
// says truthfully whether it changed something, a second run changes nothing, and both graphs compute the
// same on the reference kernels (to the bit for passes that only move data). GANNET_UPDATE_GOLDENS=1 rewrites
// the part after "=== after"; read the difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "backend/cpu/capabilities.h"
#include "graph_run.h"
#include "ops/catalogue.h"
#include "passes/pipeline.h"

namespace gannet {
namespace {

const std::filesystem::path kFolder = "tests/data/passes";

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct PassFile {
  std::filesystem::path path;
  std::string pass, head, before, after;
};

PassFile read_pass_file(const std::filesystem::path& path) {
  PassFile file{path, path.parent_path().filename(), {}, {}, {}};
  const std::string text = read_text(path), mark = "=== after\n";
  size_t graph = 0;  // behind the lines of comment
  while (text[graph] == '#') graph = text.find('\n', graph) + 1;
  const size_t after = text.find(mark);
  file.head = text.substr(0, graph);
  file.before = text.substr(graph, after == std::string::npos ? after : after - graph);
  if (after != std::string::npos) file.after = text.substr(after + mark.size());
  return file;
}

std::vector<PassFile> all_files() {
  std::vector<PassFile> files;
  if (std::filesystem::exists(kFolder))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kFolder))
      if (entry.path().extension() == ".gir") files.push_back(read_pass_file(entry.path()));
  std::ranges::sort(files, {}, &PassFile::path);
  return files;
}

Graph parsed(const std::string& text) {
  auto graph = parse_graph(text, all_ops());
  EXPECT_TRUE(graph.ok()) << graph.error().message();
  return graph.take();
}

// How GoogleTest shows a file.
void PrintTo(const PassFile& file, std::ostream* out) {
  *out << file.path.string();
}

struct PassFiles : testing::TestWithParam<PassFile> {};

TEST_P(PassFiles, BeforeBecomesAfter) {
  const PassFile& file = GetParam();
  const Pass* pass = find_pass(file.pass);
  ASSERT_NE(pass, nullptr) << "there is no pass " << file.pass;
  const Graph before = parsed(file.before);
  EXPECT_EQ(print_graph(before), file.before) << "the part before is not as the printer prints it";

  Graph graph = before;
  PipelineOptions options;
  options.can = kCpuCapabilities;
  options.verify_each = true;
  const auto reports = run_passes(graph, {file.pass}, options, all_ops());
  ASSERT_TRUE(reports.ok()) << reports.error().message();
  const std::string text = print_graph(graph);
  if (std::getenv("GANNET_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(file.path, std::ios::binary) << file.head << file.before << "=== after\n" << text;
  } else {
    EXPECT_EQ(text, file.after);
  }
  EXPECT_EQ(reports.value()[0].changes != 0, text != file.before) << "the pass does not say what it did";
  const bool refusal = file.path.filename().string().starts_with("refuses");
  EXPECT_EQ(refusal, text == file.before) << "files named refuses_* are those that stay as they are";

  Graph again = graph;
  const auto second = run_passes(again, {file.pass}, options, all_ops());
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second.value()[0].changes, 0) << "a second run changes something:\n" << print_graph(again);

  const GraphRun a = run_on_reference(before), b = run_on_reference(graph);
  expect_same(a, b, pass->moves_data_only ? 0 : 1e-11);
}

std::string test_name(const testing::TestParamInfo<PassFile>& info) {
  return info.param.pass + "__" + info.param.path.stem().string();
}
INSTANTIATE_TEST_SUITE_P(All, PassFiles, testing::ValuesIn(all_files()), test_name);

TEST(PassFilesFolder, EveryPassHasOneThatRewritesAndOneThatRefuses) {
  const auto files = all_files();
  for (const Pass* pass : all_passes())
    for (const bool refuses : {false, true})
      EXPECT_TRUE(std::ranges::any_of(files,
                                      [&](const PassFile& f) {
                                        return f.pass == pass->name &&
                                               f.path.filename().string().starts_with("refuses") == refuses;
                                      }))
          << pass->name << (refuses ? ": no refusal" : ": no rewrite");
}

// The same graphs for a back end that can less: they stay as they were.
TEST(PassesForABackEnd, AskOnlyForWhatItCan) {
  const auto changes = [](const std::string& pass, const std::string& file, const Capabilities& can) {
    Graph graph = parsed(read_pass_file(kFolder / pass / file).before);
    PipelineOptions options;
    options.can = can;
    const auto reports = run_passes(graph, {pass}, options, all_ops());
    EXPECT_TRUE(reports.ok());
    return reports.value()[0].changes;
  };
  const Graph few = parsed(read_pass_file(kFolder / "fuse_delta_mixer/few_tokens.gir").before);
  const int64_t n_tokens = few.type(few.outputs[0].value).shape.dim[0];
  EXPECT_NE(changes("fuse_delta_mixer", "few_tokens.gir", {.delta_mixer_tokens = n_tokens}), 0);
  EXPECT_EQ(changes("fuse_delta_mixer", "few_tokens.gir", {.delta_mixer_tokens = n_tokens - 1}), 0);
  EXPECT_NE(changes("quantize_once", "experts.gir", {.takes_rounded_activations = true}), 0);
  EXPECT_EQ(changes("quantize_once", "experts.gir", {}), 0);
}

TEST(Passes, HaveDistinctNamesAndASentence) {
  std::vector<std::string> names;
  for (const Pass* pass : all_passes()) {
    EXPECT_EQ(std::ranges::count(names, pass->name), 0) << pass->name;
    names.push_back(pass->name);
    EXPECT_EQ(pass->summary[std::string(pass->summary).size() - 1], '.') << pass->name;
  }
}

}  // namespace
}  // namespace gannet
