#include "passes/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ops/catalogue.h"
#include "ops/scale/scale.h"

namespace gannet {
namespace {

using testing::HasSubstr;

// Something for elide_empty, for eliminate_copies, for fuse_swiglu and for eliminate_dead.
Graph example() {
  auto graph = parse_graph(R"(graph g {
  %0 = input "x" : F32[2, 4]
  %1 = input "unused" : F32[2, 4]
  %2 = reshape(%0) {rank = 2, d0 = 2, d1 = 4, d2 = 1, d3 = 1} : F32[2, 4]
  %3 = copy(%2) : F32[2, 4]
  %4 = unary(%3) {function = silu} : F32[2, 4]
  %5 = mul(%4, %0) {heads = same} : F32[2, 4]
  return "y" = %5
}
)",
                           all_ops());
  EXPECT_TRUE(graph.ok()) << graph.error().message();
  return graph.take();
}

std::vector<std::string> names(const std::vector<PassReport>& reports) {
  std::vector<std::string> all;
  for (const PassReport& report : reports) all.emplace_back(report.pass->name);
  return all;
}

const PassReport& report_of(const std::vector<PassReport>& reports, const std::string& name) {
  for (const PassReport& report : reports)
    if (report.pass->name == name) return report;
  ADD_FAILURE() << name << " did not run";
  return reports.front();
}

TEST(Pipeline, RunsAllPassesAndSaysWhatEachDid) {
  Graph graph = example();
  const auto reports = run_passes(graph, PipelineOptions{}, all_ops());
  ASSERT_TRUE(reports.ok());
  EXPECT_EQ(reports->size(), all_passes().size());
  EXPECT_EQ(graph.nodes.size(), 1u);
  EXPECT_EQ(graph.values.size(), 2u);
  const PassReport& elided = report_of(*reports, "elide_empty");
  EXPECT_GT(elided.changes, 0);
  EXPECT_EQ(elided.nodes_before, 4u);
  EXPECT_EQ(elided.nodes_after, 3u);
  EXPECT_EQ(report_of(*reports, "fuse_moe").changes, 0);
}

TEST(Pipeline, ASecondRunChangesNothing) {
  Graph graph = example();
  ASSERT_TRUE(run_passes(graph, PipelineOptions{}, all_ops()).ok());
  const std::string once = print_graph(graph);
  const auto reports = run_passes(graph, PipelineOptions{}, all_ops());
  for (const PassReport& report : *reports) EXPECT_EQ(report.changes, 0) << report.pass->name;
  EXPECT_EQ(print_graph(graph), once);
}

TEST(Pipeline, PassesThatAreOffDoNotRun) {
  Graph graph = example();
  PipelineOptions options;
  options.off = {"eliminate_copies", "fuse_swiglu"};
  const auto reports = run_passes(graph, options, all_ops());
  ASSERT_TRUE(reports.ok());
  EXPECT_EQ(reports->size(), all_passes().size() - 2);
  EXPECT_THAT(names(*reports), testing::Not(testing::Contains("fuse_swiglu")));
  EXPECT_THAT(print_graph(graph), HasSubstr("copy("));
}

TEST(Pipeline, APatternHasGoneThroughThePassesThatRan) {
  // Without eliminate_copies the copy in front of the op stays, and the op behind it is found all the same.
  Graph graph = example();
  PipelineOptions options;
  options.off = {"eliminate_copies"};
  ASSERT_TRUE(run_passes(graph, options, all_ops()).ok());
  EXPECT_THAT(print_graph(graph), HasSubstr("swiglu("));
}

TEST(Pipeline, OnlyTheFirstPasses) {
  Graph graph = example();
  const std::string before = print_graph(graph);
  PipelineOptions options;
  options.first_n = 0;
  auto reports = run_passes(graph, options, all_ops());
  EXPECT_TRUE(reports->empty());
  EXPECT_EQ(print_graph(graph), before);

  options.first_n = 2;
  reports = run_passes(graph, options, all_ops());
  EXPECT_EQ(names(*reports), (std::vector<std::string>{all_passes()[0]->name, all_passes()[1]->name}));
  EXPECT_EQ(graph.nodes.size(), 3u);

  // Passes that are off do not count.
  options.off = {all_passes()[0]->name};
  reports = run_passes(graph, options, all_ops());
  EXPECT_EQ(names(*reports), (std::vector<std::string>{all_passes()[1]->name, all_passes()[2]->name}));
}

TEST(Pipeline, NamedPassesRunInTheOrderOfThePipeline) {
  Graph graph = example();
  const auto reports =
      run_passes(graph, {"eliminate_dead", "eliminate_copies"}, PipelineOptions{}, all_ops());
  ASSERT_TRUE(reports.ok());
  EXPECT_EQ(names(*reports), (std::vector<std::string>{"eliminate_copies", "eliminate_dead"}));
}

TEST(Pipeline, UnknownNamesAreErrorsThatListTheKnown) {
  Graph graph = example();
  PipelineOptions options;
  options.off = {"fuse_everything"};
  for (const auto& reports : {run_passes(graph, options, all_ops()),
                              run_passes(graph, {"fuse_everything"}, PipelineOptions{}, all_ops())}) {
    ASSERT_FALSE(reports.ok());
    EXPECT_EQ(reports.error().code(), ErrorCode::kUsage);
    EXPECT_THAT(reports.error().message(), HasSubstr("\"fuse_everything\""));
    EXPECT_THAT(reports.error().message(), HasSubstr("eliminate_copies"));
  }
  EXPECT_TRUE(check_pass_names({"fuse_moe", "elide_empty"}).ok());
  EXPECT_EQ(find_pass("fuse_everything"), nullptr);
}

TEST(Pipeline, TheObserverSeesTheGraphAfterEachPass) {
  Graph graph = example();
  std::vector<std::string> seen;
  std::vector<size_t> nodes;
  PipelineOptions options;
  options.observer = [&](const PassReport& report, const Graph& now) {
    seen.emplace_back(report.pass->name);
    nodes.push_back(now.nodes.size());
    EXPECT_EQ(report.nodes_after, now.nodes.size());
  };
  const auto reports = run_passes(graph, {"elide_empty", "eliminate_copies"}, options, all_ops());
  EXPECT_EQ(seen, names(*reports));
  EXPECT_EQ(nodes, (std::vector<size_t>{3, 2}));
}

TEST(Pipeline, VerifyEachCatchesABrokenGraph) {
  Graph graph = example();
  graph.values[5].type.shape = Shape(2, 5);  // not what the shape rule says
  PipelineOptions options;
  Graph unchecked = graph;
  EXPECT_TRUE(run_passes(unchecked, {"eliminate_dead"}, options, all_ops()).ok());
  options.verify_each = true;
  const auto reports = run_passes(graph, {"eliminate_dead"}, options, all_ops());
  ASSERT_FALSE(reports.ok());
  EXPECT_EQ(reports.error().code(), ErrorCode::kRuntime);
  EXPECT_THAT(reports.error().message(), HasSubstr("after pass eliminate_dead"));
}

}  // namespace
}  // namespace gannet
