#include "cli/graph_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/parse.h"

namespace gannet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Names that exist, whatever the pipeline is.
std::string name(size_t i) {
  return all_passes()[i]->name;
}

std::string refusal(const GraphFlags& flags) {
  const auto options = graph_options(flags);
  if (options.ok()) return "accepted";
  EXPECT_EQ(options.error().code(), ErrorCode::kUsage);
  return options.error().message();
}

TEST(GraphFlags, DefaultIsTheWholePipeline) {
  const GraphOptions options = graph_options({}).take();
  EXPECT_FALSE(options.naive);
  EXPECT_THAT(options.passes.off, IsEmpty());
  EXPECT_EQ(options.passes.first_n, -1);
  EXPECT_EQ(options.passes.observer, nullptr);
  EXPECT_EQ(pass_names(options.passes).size(), all_passes().size());
}

TEST(GraphFlags, PassesAreSwitchedOffWithAMinus) {
  EXPECT_THAT(switched_off_passes({"-" + name(1) + ",-" + name(0), "-" + name(2)}).take(),
              ElementsAre(name(1), name(0), name(2)));
  EXPECT_THAT(switched_off_passes({}).take(), IsEmpty());
  GraphFlags flags;
  flags.passes = {name(1)};
  EXPECT_THAT(refusal(flags), HasSubstr("--passes=-" + name(1)));
  flags.passes = {"-nothing"};
  EXPECT_THAT(refusal(flags), HasSubstr("there is no pass \"nothing\""));
  flags.passes = {"-"};
  EXPECT_THAT(refusal(flags), HasSubstr("there is no pass"));
}

TEST(GraphFlags, Graph) {
  GraphFlags flags;
  flags.graph = "naive";
  EXPECT_TRUE(graph_options(flags).take().naive);
  flags.graph = "slow";
  EXPECT_THAT(refusal(flags), HasSubstr("--graph slow"));
}

TEST(GraphFlags, BisectCountsPassesThatAreOn) {
  GraphFlags flags;
  flags.passes = {"-" + name(0)};
  flags.bisect = 2;
  const GraphOptions options = graph_options(flags).take();
  EXPECT_THAT(pass_names(options.passes), ElementsAre(name(1), name(2)));
  flags.bisect = 0;
  EXPECT_THAT(pass_names(graph_options(flags).take().passes), IsEmpty());
  flags.bisect = static_cast<int>(all_passes().size());
  EXPECT_THAT(refusal(flags), HasSubstr("there are only"));
}

// As the shell gives them to the program: the value begins with a minus.
TEST(GraphFlags, ThroughTheParser) {
  GraphFlags flags;
  Command command{.name = "run", .action = [] { return Result<void>(); }};
  add_graph_options(command.options, flags);
  add_bisect_options(command.options, flags);
  const Command program{.name = "gannet", .commands = {command}};
  const std::vector<std::string> words = {
      "run",          "--graph",     "naive",    "--passes=-" + name(0) + ",-" + name(1),
      "--passes",     "-" + name(2), "--bisect", "3",
      "--verify-each"};
  ASSERT_TRUE(parse_arguments(program, words).ok());
  EXPECT_EQ(flags.graph, "naive");
  EXPECT_THAT(switched_off_passes(flags.passes).take(), ElementsAre(name(0), name(1), name(2)));
  EXPECT_EQ(flags.bisect, 3);
  EXPECT_TRUE(flags.verify_each);
}

TEST(GraphFlags, ReportLine) {
  const PassReport report{all_passes()[0], 3, 12.34, 20, 17};
  EXPECT_EQ(pass_report_line(report), name(0) + ": changes 3, nodes 20 -> 17, 12.3 us");
}

}  // namespace
}  // namespace gannet
