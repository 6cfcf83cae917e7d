// `gannet tune`: what it says, what it keeps, and what runs make of that.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli_fixture.h"

namespace gannet {
namespace {

using testing::HasSubstr;

struct CliTuneTest : CliTest {
  fs::path profiles = folder / "profiles";
  void SetUp() override {
    CliTest::SetUp();
    setenv("GANNET_PROFILES", profiles.c_str(), 1);
  }
  std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    if (fs::exists(profiles))
      for (const auto& entry : fs::directory_iterator(profiles)) files.push_back(entry.path());
    return files;
  }
};

TEST_F(CliTuneTest, MeasuresKeepsShowsAndForgets) {
  EXPECT_THAT(gannet("tune --show").out, HasSubstr("nothing is kept"));
  const Outcome tried = gannet("tune --seconds 0.5 --dry-run");
  EXPECT_EQ(tried.code, 0) << tried.err;
  EXPECT_TRUE(kept().empty());
  for (const char* part : {"A step of T rows", "Drafts of n tokens pay", "draft-mtp", "Measured, not kept,"})
    EXPECT_THAT(tried.out, HasSubstr(part));

  const Outcome tuned = gannet("tune --seconds 1");
  EXPECT_EQ(tuned.code, 0) << tuned.err;
  ASSERT_EQ(kept().size(), 1u);
  const std::string path = kept()[0];
  EXPECT_THAT(tuned.out, HasSubstr("kept for later runs in " + path));
  const auto profile = nlohmann::json::parse(read(path));
  EXPECT_GT(profile["costs"]["steps"][0]["4"][0].get<double>(), 0);
  EXPECT_TRUE(profile["costs"]["drafts"].contains("draft-mtp"));

  // A run learns on from it, and its settings stay.
  EXPECT_EQ(gannet("run 'define stone' -n 20 --temp 0").code, 0);
  ASSERT_EQ(kept().size(), 1u);
  const auto later = nlohmann::json::parse(read(path));
  EXPECT_NE(later, profile);
  EXPECT_EQ(later["settings"], profile["settings"]);

  const Outcome shown = gannet("tune --show");
  EXPECT_EQ(shown.code, 0);
  EXPECT_THAT(shown.out, HasSubstr(path));
  EXPECT_THAT(shown.out, HasSubstr("A step of T rows"));
  EXPECT_EQ(nlohmann::json::parse(gannet("tune --show --json").out)["settings"], profile["settings"]);
  EXPECT_THAT(gannet("tune --forget").out, HasSubstr("deleted " + path));
  EXPECT_TRUE(kept().empty());
  EXPECT_EQ(gannet("tune --forget").code, 0);
}

TEST_F(CliTuneTest, TellsProgramsInJson) {
  const Outcome o = gannet("tune --seconds 0.5 --json -c 1024 -ctk q8_0");
  ASSERT_EQ(o.code, 0) << o.err;
  const auto json = nlohmann::json::parse(o.out);
  EXPECT_GT(json["found"]["threads"].get<int>(), 0);
  EXPECT_EQ(json["default"]["ubatch"], 512);
  EXPECT_EQ(json["steps"][0]["rows"], 1);
  EXPECT_EQ(json["drafts"][0]["source"], "ngram");
  EXPECT_EQ(json["profile"], kept().at(0).string());
}

TEST_F(CliTuneTest, PathsInJsonAreWhatTheyAre) {
  const std::string named =
      profiles / std::string("a\\b\"\xFF" + std::string(150, 'x')) / std::string(150, 'y');
  setenv("GANNET_PROFILES", named.c_str(), 1);
  const Outcome o = gannet("tune --show --json");
  ASSERT_EQ(o.code, 0) << o.err;
  const std::string path = nlohmann::json::parse(o.out)["profile"];
  std::string expected = named;
  expected.replace(expected.find('\xFF'), 1, "\uFFFD");
  EXPECT_THAT(path, testing::StartsWith(expected + "/"));
  EXPECT_THAT(path, testing::EndsWith(".json"));
}

// What steps of several rows cost is not known then.
TEST_F(CliTuneTest, OfPlainStepsAloneNothingIsConcluded) {
  ASSERT_EQ(gannet("run 'define stone' -n 20 --temp 0 --spec off").code, 0);
  const Outcome o = gannet("tune --show");
  EXPECT_THAT(o.out, HasSubstr("A step of T rows"));
  EXPECT_THAT(o.out, testing::Not(HasSubstr("A step of 4 rows")));
  EXPECT_THAT(o.out, testing::Not(HasSubstr("Drafts of n tokens pay")));
  const auto json = nlohmann::json::parse(gannet("tune --show --json").out);
  EXPECT_EQ(json["steps"][0]["rows"], 1);
  EXPECT_TRUE(json["drafts"].empty());
}

TEST_F(CliTuneTest, RefusesWhatHasNoProfile) {
  for (const char* command : {"tune -fa off", "tune -fa off --show", "tune -fa off --forget"}) {
    const Outcome o = gannet(command);
    EXPECT_EQ(o.code, 2) << command;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_THAT(o.err, HasSubstr("-fa off: runs with it use no profile"));
  }
}

// What was learned of drafts stays when the machine is measured again.
TEST_F(CliTuneTest, KeepsExperienceAndReplacesWhatIsDamaged) {
  ASSERT_EQ(gannet("run 'define stone' -n 20 --temp 0").code, 0);
  ASSERT_EQ(kept().size(), 1u);
  const std::string path = kept()[0];
  const auto before = nlohmann::json::parse(read(path));
  ASSERT_EQ(gannet("tune --seconds 0.5").code, 0);
  EXPECT_EQ(nlohmann::json::parse(read(path))["acceptance"], before["acceptance"]);

  write("profiles/" + fs::path(path).filename().string(), "{ this is no profile");
  const Outcome run = gannet("run 'define stone' -n 3 --temp 0");
  EXPECT_EQ(run.code, 0);
  EXPECT_TRUE(run.one_line()) << run.err;
  EXPECT_THAT(run.err, HasSubstr("is not a profile"));
  EXPECT_THAT(run.err, HasSubstr("it can be deleted"));
  EXPECT_GT(run.out.size(), 3u);
  const Outcome sound = gannet("run 'define stone' -n 3 --temp 0");
  EXPECT_EQ(sound.err, "") << "the run has kept a sound one";
  EXPECT_EQ(sound.out, run.out);
}

TEST_F(CliTuneTest, SaysWhenNothingIsKept) {
  setenv("GANNET_PROFILES", "", 1);
  const Outcome o = gannet("tune --seconds 0.5");
  EXPECT_EQ(o.code, 0);
  EXPECT_THAT(o.err, HasSubstr("GANNET_PROFILES is empty"));
  for (const char* command : {"tune --show", "tune --forget"}) {
    const Outcome refused = gannet(command);
    EXPECT_EQ(refused.code, 2);
    EXPECT_THAT(refused.err, HasSubstr("GANNET_PROFILES is empty"));
  }
  // A folder that cannot be is said before anything is measured.
  setenv("GANNET_PROFILES", (folder / "in" / "profiles").c_str(), 1);
  const Outcome nowhere = gannet("tune");
  EXPECT_EQ(nowhere.code, 7);
  EXPECT_TRUE(nowhere.one_line()) << nowhere.err;
  EXPECT_THAT(nowhere.err, HasSubstr("GANNET_PROFILES names another one"));
  const Outcome short_context = gannet("tune -c 100 --dry-run");
  EXPECT_EQ(short_context.code, 2);
  EXPECT_THAT(short_context.err, HasSubstr("-c 256"));
}

TEST_F(CliTuneTest, AnInterruptLeavesNothing) {
  const Outcome stopped =
      started("timeout --preserve-status -s INT 0.7 " GANNET_PROGRAM " tune --seconds 60");
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_EQ(stopped.out, "");
  EXPECT_TRUE(kept().empty());
}

}  // namespace
}  // namespace gannet
