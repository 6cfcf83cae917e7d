// The program as a user meets it: what goes to stdout, what to stderr, exit codes, messages for wrong input.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/npy.h"

namespace gannet {
namespace {

namespace fs = std::filesystem;

struct Outcome {
  int code = -1;  // 128 + signal when killed
  std::string out, err;
  bool one_line() const { return std::count(err.begin(), err.end(), '\n') == 1 && err.back() == '\n'; }
};

struct CliTest : testing::Test {
  fs::path folder = fs::temp_directory_path() / ("gannet_cli_test_" + std::to_string(getpid()));
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }

  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
  Outcome gannet(const std::string& arguments, const std::string& input = "") {
    write("in", input);
    const std::string command = "timeout 120 " GANNET_PROGRAM " " + arguments + " <" +
                                (folder / "in").string() + " >" + (folder / "out").string() + " 2>" +
                                (folder / "err").string();
    const int status = std::system(command.c_str());
    Outcome o;
    o.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    o.out = read(folder / "out");
    o.err = read(folder / "err");
    return o;
  }
};

TEST_F(CliTest, PocketModelAnswersOnStdoutOnly) {
  const Outcome o = gannet("run 'define harbor' --temp 0");
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_GT(o.out.size(), 20u);
  EXPECT_NE(o.out.find("(noun)"), std::string::npos) << o.out;
  EXPECT_EQ(o.err, "");
}

TEST_F(CliTest, SameSeedSameTextForAnyThreadsAndAnyInputPath) {
  const Outcome a = gannet("run 'define river' -s 7 -n 60 -t 1");
  const Outcome b = gannet("run -p 'define river' -s 7 -n 60 -t 2");
  const Outcome c = gannet("run -s 7 -n 60", "define river");
  const Outcome d = gannet("run 'define river' -s 8 -n 60");
  EXPECT_EQ(a.code, 0);
  EXPECT_GT(a.out.size(), 20u);
  EXPECT_EQ(a.out, b.out);
  EXPECT_EQ(a.out, c.out);
  EXPECT_NE(a.out, d.out);
}

TEST_F(CliTest, PredictLimitAndTimings) {
  const Outcome o = gannet("run 'define stone' -n 3 --temp 0 --timings");
  EXPECT_EQ(o.code, 0);
  EXPECT_NE(o.err.find("answer 3 tokens"), std::string::npos) << o.err;
}

TEST_F(CliTest, PromptBeyondTheContextIsRefusedWithBothNumbers) {
  const Outcome o = gannet("run 'one two three four five six seven eight nine ten' -c 8");
  EXPECT_EQ(o.code, 1);
  EXPECT_TRUE(o.one_line()) << o.err;
  EXPECT_NE(o.err.find("the context holds 8"), std::string::npos) << o.err;
  EXPECT_EQ(o.out, "");
}

TEST_F(CliTest, WrongPathsAreNamed) {
  for (const char* command :
       {"run -m /nowhere/x.gguf hi", "logits -m /nowhere/x.gguf --tokens /dev/null --out /tmp/x",
        "inspect /nowhere/x.gguf", "gguf verify /nowhere/x.gguf", "tokenize -m /nowhere/x.gguf hi"}) {
    const Outcome o = gannet(command);
    EXPECT_TRUE(o.code == 3 || o.code == 2) << command;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_EQ(o.out, "") << command;
  }
  EXPECT_NE(gannet("run -m /nowhere/x.gguf hi").err.find("/nowhere/x.gguf"), std::string::npos);
  EXPECT_NE(gannet("run -m / hi").err.find("directory"), std::string::npos);
}

TEST_F(CliTest, DamagedModelsGiveExitCode3AndOneLine) {
  const std::string pocket = read("models/pocket.gguf");
  ASSERT_GT(pocket.size(), 1u << 20);
  std::string flipped = pocket;
  flipped[8] = static_cast<char>(0xFF);
  flipped[15] = static_cast<char>(0xFF);
  const std::pair<const char*, std::string> cases[] = {
      {"empty.gguf", ""},
      {"text.gguf", "this is no model at all, but a sentence"},
      {"head.gguf", pocket.substr(0, 1000)},
      {"cut.gguf", pocket.substr(0, pocket.size() - 100000)},
      {"count.gguf", flipped}};
  for (const auto& [name, bytes] : cases) {
    const std::string path = write(name, bytes);
    for (const std::string& command : {"run -m " + path + " hi", "inspect " + path, "gguf verify " + path}) {
      const Outcome o = gannet(command);
      EXPECT_EQ(o.code, 3) << command << "\n" << o.err;
      EXPECT_TRUE(o.one_line()) << command << "\n" << o.err;
      EXPECT_NE(o.err.find(name), std::string::npos) << o.err;
    }
  }
}

TEST_F(CliTest, UsageErrorsHelp) {
  const Outcome option = gannet("run --thread 2 hi");
  EXPECT_EQ(option.code, 2);
  EXPECT_NE(option.err.find("did you mean --threads?"), std::string::npos) << option.err;
  const Outcome command = gannet("tokenise hi");
  EXPECT_EQ(command.code, 2);
  EXPECT_NE(command.err.find("did you mean tokenize?"), std::string::npos) << command.err;
  EXPECT_EQ(gannet("run hi --cache-type-k q9").code, 2);
  EXPECT_EQ(gannet("run hi --isa mmx").code, 2);
  EXPECT_EQ(gannet("run hi --kernel matmul=nothing").code, 2);
  EXPECT_EQ(gannet("run hi -C 0xzz").code, 2);
  EXPECT_EQ(gannet("run").code, 2);  // stdin is empty and no terminal
  const Outcome help = gannet("--help");
  EXPECT_EQ(help.code, 0);
  for (const char* name : {"run", "tokenize", "inspect", "gguf", "synth", "logits", "bench", "devices"})
    EXPECT_NE(help.out.find(name), std::string::npos) << name;
}

TEST_F(CliTest, SingleDashNamesWork) {
  const Outcome o = gannet("run 'define sea' -ctk f32 -ctv q8_0 -ub 4 -tb 1 -n 5 --temp 0");
  EXPECT_EQ(o.code, 0) << o.err;
}

TEST_F(CliTest, TokenizeAndLogits) {
  const Outcome ids = gannet("tokenize --ids 'the harbor'");
  ASSERT_EQ(ids.code, 0);
  std::istringstream in(ids.out);
  const std::vector<int> tokens{std::istream_iterator<int>(in), {}};
  ASSERT_GE(tokens.size(), 2u);
  const std::string path = write("tokens", ids.out), out = folder / "out.npy";
  EXPECT_EQ(gannet("logits --tokens " + path + " --out " + out).code, 0);
  const NpyMatrix all = read_npy(out).take();
  EXPECT_EQ(all.rows, static_cast<int64_t>(tokens.size()));
  EXPECT_EQ(all.columns, 4096);
  EXPECT_EQ(gannet("logits --mtp --tokens " + path + " --out " + out).code, 0);
  EXPECT_EQ(read_npy(out).take().rows, static_cast<int64_t>(tokens.size()) - 1);
  EXPECT_EQ(gannet("logits --tokens " + write("bad", "1 2 x") + " --out " + out).code, 2);
  EXPECT_EQ(gannet("logits --tokens " + write("high", "99999") + " --out " + out).code, 1);
  EXPECT_EQ(gannet("logits --tokens " + path + " --out /nowhere/x.npy").code, 7);
}

TEST_F(CliTest, InspectAndVerifyThePocketModel) {
  const Outcome o = gannet("inspect");
  EXPECT_EQ(o.code, 0) << o.err;
  for (const char* part : {"qwen35moe", "Gated DeltaNet", "gated attention", "MTP", "total at context 0"})
    EXPECT_NE(o.out.find(part), std::string::npos) << part;
  EXPECT_EQ(gannet("gguf verify models/pocket.gguf").code, 0);
}

}  // namespace
}  // namespace gannet
