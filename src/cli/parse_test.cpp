#include "cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "cli/help.h"

namespace gannet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// A command with every kind of option, and what was stored.
struct Probe {
  std::vector<std::string> words, list = {"a"};
  std::string text, mode = "auto", model;
  int64_t n = 7;
  std::optional<float> temperature;
  uint64_t seed = 0;
  bool loud = false, no_map = false;

  Command program() {
    Command probe{.name = "probe", .summary = "Take options"};
    probe.options = {
        {.names = "PROMPT", .help = "words", .target = &words},
        {.names = "-n,--predict,--n-predict",
         .value = "N",
         .help = "count",
         .target = &n,
         .at_least = -1,
         .environment = "N_PREDICT"},
        {.names = "-ub,--ubatch-size", .value = "N", .help = "text", .target = &text},
        {.names = "-fa,--flash-attn",
         .value = "on|off|auto",
         .help = "mode",
         .target = &mode,
         .choices = {"on", "off", "auto"},
         .bare = "on"},
        {.names = "--list", .value = "X", .help = "values", .target = &list},
        {.names = "--temp", .value = "T", .help = "temperature", .target = &temperature, .at_least = 0},
        {.names = "--seed", .value = "N", .help = "seed", .target = &seed, .at_least = 0},
        {.names = "-m,--model", .value = "FILE", .help = "file", .target = &model, .environment = "MODEL"},
        {.names = "-v,--loud", .help = "flag", .target = &loud},
        {.names = "--no-mmap",
         .help = "flag",
         .target = &no_map,
         .environment = "NO_MMAP",
         .excludes = "--list"},
    };
    probe.action = [] { return Result<void>(); };
    Command group{.name = "group", .summary = "Hold a command", .commands = {probe}};
    return {.name = "gannet", .summary = "Test", .commands = {std::move(probe), std::move(group)}};
  }

  std::string parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "probe");
    auto parsed = parse_arguments(program(), arguments);
    if (parsed.ok()) return "";
    EXPECT_EQ(parsed.error().code(), ErrorCode::kUsage);
    EXPECT_THAT(parsed.error().message(), Not(HasSubstr("\n")));
    return parsed.error().message();
  }
};

struct ParseTest : testing::Test {
  Probe probe;
  void SetUp() override { TearDown(); }
  void TearDown() override {
    for (const char* name : {"N_PREDICT", "MODEL", "NO_MMAP"})
      for (const char* prefix : {"GANNET_ARG_", "LLAMA_ARG_"}) unsetenv((std::string(prefix) + name).c_str());
  }
};

TEST_F(ParseTest, ValuesOfAllSpellings) {
  EXPECT_EQ(
      probe.parse({"-n", "5", "-ub", "x", "--temp=0.5", "--seed", "18446744073709551615", "-v", "hi", "you"}),
      "");
  EXPECT_EQ(probe.n, 5);
  EXPECT_EQ(probe.text, "x");
  EXPECT_EQ(probe.temperature, 0.5F);
  EXPECT_EQ(probe.seed, UINT64_MAX);
  EXPECT_TRUE(probe.loud);
  EXPECT_THAT(probe.words, ElementsAre("hi", "you"));
  EXPECT_EQ(Probe().parse({"-ub=x"}), "");
  EXPECT_EQ(probe.parse({"-n9"}), "");
  EXPECT_EQ(probe.n, 9);
  EXPECT_EQ(probe.parse({"-n", "-1"}), "");
  EXPECT_EQ(probe.n, -1);
  EXPECT_EQ(probe.parse({"-ub", "PROMPT"}), "");
  EXPECT_EQ(probe.text, "PROMPT");
  EXPECT_EQ(probe.parse({"-ub=-n"}), "");  // a value that looks like an option
  EXPECT_EQ(probe.text, "-n");
}

TEST_F(ParseTest, TheLastOneWinsAndListsCollect) {
  EXPECT_EQ(probe.parse({"-n", "3", "--predict", "4", "--list", "x", "--list=y", "-v", "-v"}), "");
  EXPECT_EQ(probe.n, 4);
  EXPECT_THAT(probe.list, ElementsAre("x", "y"));
  EXPECT_EQ(probe.parse({"-v", "--no-loud"}), "");
  EXPECT_FALSE(probe.loud);
  EXPECT_EQ(probe.parse({"--no-mmap", "--mmap"}), "");
  EXPECT_FALSE(probe.no_map);
  EXPECT_EQ(probe.parse({"--loud=on"}), "");
  EXPECT_TRUE(probe.loud);
  EXPECT_EQ(probe.parse({"--loud=off"}), "");
  EXPECT_FALSE(probe.loud);
}

TEST_F(ParseTest, AnOptionalValueTakesOnlyItsChoices) {
  EXPECT_EQ(probe.parse({"-fa", "off", "hi"}), "");
  EXPECT_EQ(probe.mode, "off");
  EXPECT_THAT(probe.words, ElementsAre("hi"));
  EXPECT_EQ(probe.parse({"-fa", "hi"}), "");
  EXPECT_EQ(probe.mode, "on");
  EXPECT_THAT(probe.words, ElementsAre("hi"));
  EXPECT_EQ(probe.parse({"hi", "-fa"}), "");
  EXPECT_EQ(probe.mode, "on");
  for (const char* word : {"true", "ON", "1", "enabled"}) {
    EXPECT_EQ(probe.parse({"-fa", word, "hi"}), "");
    EXPECT_EQ(probe.mode, "on");
    EXPECT_THAT(probe.words, ElementsAre("hi"));
  }
  EXPECT_EQ(probe.parse({"--no-flash-attn", "hi"}), "");
  EXPECT_EQ(probe.mode, "off");
  EXPECT_THAT(probe.words, ElementsAre("hi"));
  EXPECT_EQ(probe.parse({"-fa", "0"}), "");
  EXPECT_EQ(probe.mode, "off");
  EXPECT_THAT(probe.parse({"-fa", "", "hi"}), HasSubstr("is empty"));
  EXPECT_EQ(probe.parse({"-fa=auto"}), "");
  EXPECT_EQ(probe.mode, "auto");
  EXPECT_EQ(probe.parse({"--flash-attn=maybe"}), "--flash-attn maybe: must be one of on, off, auto");
}

TEST_F(ParseTest, NoWordIsReadAsAClusterOfOptions) {
  EXPECT_THAT(probe.parse({"-ngl", "99"}), StartsWith("there is no option -ngl"));  // not -n with "gl"
  EXPECT_THAT(probe.parse({"-nv"}), StartsWith("there is no option -nv"));
  EXPECT_THAT(probe.parse({"-hf", "a/b"}), StartsWith("-hf: models are not downloaded yet"));
  EXPECT_THAT(probe.parse({"--grammar=x"}), StartsWith("--grammar: "));
  EXPECT_EQ(probe.parse({"--lou"}), "there is no option --lou; did you mean --loud?");
  EXPECT_EQ(probe.parse({"-5"}), "");
  EXPECT_THAT(probe.words, ElementsAre("-5"));
  EXPECT_EQ(probe.parse({"--", "-n", "--loud"}), "");
  EXPECT_THAT(probe.words, ElementsAre("-n", "--loud"));
}

TEST_F(ParseTest, ValuesAreTakenAsTheyAre) {
  EXPECT_EQ(probe.parse({"[1,2]", "b", "[]", "-ub", "[3, 4]", "--list", "[x,y]"}), "");
  EXPECT_THAT(probe.words, ElementsAre("[1,2]", "b", "[]"));
  EXPECT_EQ(probe.text, "[3, 4]");
  EXPECT_THAT(probe.list, ElementsAre("[x,y]"));
  EXPECT_EQ(probe.parse({"-ub", "--", "{}"}), "");
  EXPECT_EQ(probe.text, "--");
  EXPECT_THAT(probe.words, ElementsAre("{}"));
}

TEST_F(ParseTest, MessagesSayWhatIsExpected) {
  EXPECT_EQ(probe.parse({"-n", "-2"}), "--predict -2: must be at least -1");
  EXPECT_EQ(probe.parse({"-n", "x"}), "--predict x: a whole number is expected");
  EXPECT_EQ(probe.parse({"-n", "1.5"}), "--predict 1.5: a whole number is expected");
  EXPECT_EQ(probe.parse({"-n", "99999999999999999999"}),
            "--predict 99999999999999999999: is too large a number");
  EXPECT_EQ(probe.parse({"-n", "+-5"}), "--predict +-5: a whole number is expected");
  EXPECT_EQ(probe.parse({"--seed", "-1"}), "--seed -1: must be at least 0");
  EXPECT_EQ(probe.parse({"--temp", "nan"}), "--temp nan: must be a finite number");
  EXPECT_EQ(probe.parse({"--temp", "inf"}), "--temp inf: must be a finite number");
  EXPECT_EQ(probe.parse({"--temp", "-0.1"}), "--temp -0.1: must be at least 0");
  EXPECT_EQ(probe.parse({"-m", ""}), "--model: is empty; leave it out or give it a value");
  EXPECT_EQ(probe.parse({"--model="}), "--model: is empty; leave it out or give it a value");
  EXPECT_EQ(probe.parse({"-n"}), "-n needs a value: -n N");
  EXPECT_EQ(probe.parse({"-n", "-v", "hi"}), "-n needs a value: -n N");
  EXPECT_EQ(probe.parse({"--no-mmap", "--list", "x"}), "--no-mmap and --list cannot be given together");
  EXPECT_EQ(probe.parse({"-n", "\x1b[2J"}), "--predict \\u{1b}[2J: a whole number is expected");
}

TEST_F(ParseTest, TheEnvironmentCountsBehindTheCommandLine) {
  setenv("LLAMA_ARG_N_PREDICT", "11", 1);
  EXPECT_EQ(probe.parse({}), "");
  EXPECT_EQ(probe.n, 11);
  setenv("GANNET_ARG_N_PREDICT", "12", 1);
  EXPECT_EQ(probe.parse({}), "");
  EXPECT_EQ(probe.n, 12);
  EXPECT_EQ(probe.parse({"-n", "13"}), "");
  EXPECT_EQ(probe.n, 13);
  setenv("GANNET_ARG_N_PREDICT", "abc", 1);
  EXPECT_EQ(probe.parse({}), "GANNET_ARG_N_PREDICT abc: a whole number is expected");
  setenv("GANNET_ARG_N_PREDICT", "", 1);
  EXPECT_EQ(probe.parse({}),
            "the environment variable GANNET_ARG_N_PREDICT is empty; unset it or give it a value");
  EXPECT_EQ(probe.parse({"-n", "13"}), "");
}

TEST_F(ParseTest, TheEnvironmentDoesNotContradictTheCommandLine) {
  setenv("LLAMA_ARG_NO_MMAP", "1", 1);
  EXPECT_EQ(probe.parse({"--list", "x"}), "");
  EXPECT_FALSE(probe.no_map);
  EXPECT_EQ(probe.parse({}), "");
  EXPECT_TRUE(probe.no_map);
}

TEST_F(ParseTest, AVariableThatNothingReadsIsNamed) {
  setenv("GANNET_ARG_N_PREDICT", "1", 1);
  EXPECT_THAT(unknown_variables(probe.program()), IsEmpty());
  setenv("GANNET_ARG_N_PREDCT", "1", 1);
  EXPECT_THAT(unknown_variables(probe.program()), ElementsAre("GANNET_ARG_N_PREDCT"));
  unsetenv("GANNET_ARG_N_PREDCT");
}

TEST_F(ParseTest, CommandsAndHelp) {
  const Command program = probe.program();
  const auto parse = [&](std::vector<std::string> arguments) { return parse_arguments(program, arguments); };
  const auto what = [&](std::vector<std::string> arguments) {
    return parse(std::move(arguments)).take().what;
  };
  EXPECT_EQ(what({}), Parsed::What::kHelp);
  EXPECT_EQ(what({"--version"}), Parsed::What::kVersion);
  EXPECT_EQ(what({"probe", "-h"}), Parsed::What::kHelp);
  EXPECT_EQ(what({"help", "probe"}), Parsed::What::kHelp);
  EXPECT_EQ(what({"group", "--help"}), Parsed::What::kHelp);
  const Parsed nested = parse({"group", "probe", "hi"}).take();
  EXPECT_EQ(nested.what, Parsed::What::kAction);
  EXPECT_THAT(help_text(nested.path), StartsWith("Usage: gannet group probe [PROMPT...] [OPTIONS]\n"));
  EXPECT_EQ(parse({"prob"}).error().message(), "there is no command prob; did you mean probe?");
  EXPECT_THAT(parse({"-n", "5"}).error().message(), HasSubstr("gannet run -n ..."));
  EXPECT_THAT(parse({"group"}).error().message(), HasSubstr("needs one of its commands"));
}

TEST_F(ParseTest, HelpShowsNamesAsTypedValuesDefaultsAndVariables) {
  const Command program = probe.program();
  const std::vector<const Command*> path = {&program, &program.commands[0]};
  const std::string help = help_text(path);
  for (const char* part : {"-ub, --ubatch-size N", "-fa, --flash-attn [on|off|auto]",
                           "count [7] ($GANNET_ARG_N_PREDICT)", "(on, off, auto) [auto]", "-h, --help"})
    EXPECT_THAT(help, HasSubstr(part));
  const std::string page = manual_page(program);
  for (const char* part : {".TH GANNET 1", ".B \\-ub, \\-\\-ubatch\\-size N"})
    EXPECT_THAT(page, HasSubstr(part));
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(program, shell).take();
    for (const char* part : {"gannet", "probe", "ubatch-size", "flash-attn"})
      EXPECT_THAT(script, HasSubstr(part)) << shell;
  }
  EXPECT_THAT(completion_script(program, "zsh").take(), Not(HasSubstr(" path=")));  // commands' search path
  EXPECT_FALSE(completion_script(program, "csh").ok());
}

TEST_F(ParseTest, EveryOptionHasALongNameAndNoNameTwice) {
  std::vector<const Command*> open = {nullptr};
  const Command program = gannet_program();
  open = {&program};
  while (!open.empty()) {
    const Command* command = open.back();
    open.pop_back();
    for (const Command& sub : command->commands) open.push_back(&sub);
    std::vector<std::string> names;
    for (const Option& option : command->options) {
      EXPECT_TRUE(option.is_positional() || main_name(option).starts_with("--")) << option.names;
      EXPECT_FALSE(option.help.empty()) << option.names;
      for (const std::string& name : option_names(option)) names.push_back(name);
    }
    std::ranges::sort(names);
    EXPECT_TRUE(std::ranges::adjacent_find(names) == names.end())
        << command->name << " " << *std::ranges::adjacent_find(names);
  }
}

}  // namespace
}  // namespace gannet
