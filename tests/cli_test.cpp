// The program as a user meets it: what goes to stdout, what to stderr, exit codes, messages for wrong input.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>
#include <tuple>

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
  // `before` is put in front of the command line: limits, variables. `arguments` may redirect again.
  Outcome gannet(const std::string& arguments, const std::string& input = "",
                 const std::string& before = "") {
    write("in", input);
    const std::string command = before + "timeout 120 " GANNET_PROGRAM " <" + (folder / "in").string() +
                                " >" + (folder / "out").string() + " 2>" + (folder / "err").string() + " " +
                                arguments;
    write("command", command);
    const int status = std::system(("bash " + (folder / "command").string()).c_str());
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
  // Prose, not a question: the model knows definitions by heart, and two seeds would then give one text.
  const Outcome a = gannet("run --raw 'And it came to pass' -s 7 -n 60 -t 1 --temp 1");
  const Outcome b = gannet("run --raw -p 'And it came to pass' -s 7 -n 60 -t 2 --temp 1");
  const Outcome c = gannet("run --raw -s 7 -n 60 --temp 1", "And it came to pass");
  const Outcome d = gannet("run --raw 'And it came to pass' -s 8 -n 60 --temp 1");
  EXPECT_EQ(a.code, 0);
  EXPECT_GT(a.out.size(), 20u);
  EXPECT_EQ(a.out, b.out);
  EXPECT_EQ(a.out, c.out);
  EXPECT_NE(a.out, d.out);
}

TEST_F(CliTest, TheModelFileSetsTheTemperatureThatNoFlagGives) {
  const std::string raw = "run --raw 'In the beginning' -s 3 -n 40";
  const Outcome from_file = gannet(raw);
  EXPECT_EQ(from_file.code, 0) << from_file.err;
  EXPECT_EQ(from_file.out, gannet(raw + " --temp 0.3").out);
  EXPECT_NE(from_file.out, gannet(raw + " --temp 0.8").out);
  EXPECT_NE(gannet("run --help").out.find("(default: the file's, else 0.8)"), std::string::npos);
}

// The pocket model with other bytes for the number that it stores under `key` (type u32 or f32).
std::string with_number(std::string model, const std::string& key, const char (&bytes)[5]) {
  const size_t at = model.find(key);
  EXPECT_NE(at, std::string::npos) << key;
  return model.replace(at + key.size() + 4, 4, bytes, 4);
}

TEST_F(CliTest, OddNumbersOfAModelFile) {
  const std::string pocket = read("models/pocket.gguf");
  const std::string run = "run 'define stone' -n 3 --temp 0 -m ";
  const std::string padding = "tokenizer.ggml.padding_token_id";
  const std::string padded = write("p.gguf", with_number(pocket, padding, "\xFF\xFF\xFF\x7F"));
  const Outcome noted = gannet(run + padded);
  EXPECT_EQ(noted.code, 0);
  EXPECT_EQ(noted.out, gannet("run 'define stone' -n 3 --temp 0").out);
  EXPECT_TRUE(noted.one_line()) << noted.err;
  EXPECT_EQ(noted.err.find("gannet: " + padding + " is 2147483647"), 0u) << noted.err;
  EXPECT_NE(gannet("inspect " + padded).out.find("\nnote: " + padding), std::string::npos);

  const std::string temperature = "general.sampling.temp";
  const std::string odd = write("t.gguf", with_number(pocket, temperature, "\x00\x00\xC0\x7F"));
  const Outcome refused = gannet("run 'define stone' -m " + odd);
  EXPECT_EQ(refused.code, 3);
  EXPECT_TRUE(refused.one_line()) << refused.err;
  EXPECT_NE(refused.err.find(odd + ": " + temperature + " is nan"), std::string::npos) << refused.err;
  EXPECT_EQ(gannet(run + odd).code, 0) << "a flag overrides it";
  const Outcome flag = gannet("run hi --temp nan");
  EXPECT_EQ(flag.code, 2);
  EXPECT_EQ(flag.err, "gannet: error: --temp nan: must be a finite number\n");
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
  for (const char* name :
       {"run", "tokenize", "inspect", "gguf", "synth", "logits", "bench", "explain", "opt", "devices"})
    EXPECT_NE(help.out.find(name), std::string::npos) << name;
}

TEST_F(CliTest, SingleDashNamesWork) {
  const Outcome o = gannet("run 'define sea' -ctk f32 -ctv q8_0 -ub 4 -tb 1 -n 5 --temp 0");
  EXPECT_EQ(o.code, 0) << o.err;
}

TEST_F(CliTest, EveryLoadModeSaysTheSame) {
  const std::string run = "run -m models/pocket.gguf 'define sea' --temp 0 -n 20 ";
  const Outcome mapped = gannet(run + "-lm mmap");
  EXPECT_EQ(mapped.code, 0) << mapped.err;
  EXPECT_GT(mapped.out.size(), 20u);
  for (const char* mode : {"", "-lm auto", "-lm none", "--no-mmap", "-lm mmap+mlock", "--mlock"}) {
    const Outcome o = gannet(run + mode);
    EXPECT_EQ(o.code, 0) << mode << "\n" << o.err;
    EXPECT_EQ(o.out, mapped.out) << mode;
  }
  const Outcome huge = gannet(run + "-lm huge");  // the machine may have none
  EXPECT_TRUE(huge.code == 0 ? huge.out == mapped.out : huge.code == 4 && huge.one_line()) << huge.err;
  // The text is the same in all of them, so -v has to say which it was.
  for (const auto& [flags, before, mode] :
       {std::tuple("", "", "auto"), std::tuple("-lm mmap", "", "mmap"), std::tuple("--no-mmap", "", "none"),
        std::tuple("", "LLAMA_ARG_LOAD_MODE=mmap ", "mmap"), std::tuple("", "LLAMA_ARG_NO_MMAP=1 ", "none"),
        std::tuple("-lm mlock", "", "auto"), std::tuple("-lm mmap+mlock", "", "mmap")}) {
    const Outcome o = gannet(run + "-v " + flags, "", before);
    EXPECT_NE(o.err.find(std::string("load mode ") + mode + "; "), std::string::npos)
        << before << flags << "\n"
        << o.err;
  }
  const Outcome wrong = gannet(run + "-lm dio");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("must be one of auto, mmap, huge, none"), std::string::npos) << wrong.err;
  EXPECT_EQ(gannet(run + "--no-mmap -lm mmap").code, 2);
  EXPECT_NE(gannet("explain -m models/pocket.gguf").out.find("\nmemory: "), std::string::npos);
  EXPECT_NE(gannet("devices").out.find("  huge pages: "), std::string::npos);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they take all addresses
TEST_F(CliTest, ShortMemoryGivesTheRightAnswerOrAMessage) {
  const std::string run = "run -m models/pocket.gguf 'define sea' --temp 0 -n 20 -c 512 ";
  const Outcome expected = gannet(run + "-lm mmap");
  for (const char* mode : {"-lm auto", "-lm none", "-lm huge"}) {
    int last = -1;
    // With less the system cannot even start it.
    for (int64_t kilobytes = 64'000; kilobytes < 400'000; kilobytes += kilobytes / 3) {
      const Outcome o = gannet(run + mode, "", "ulimit -v " + std::to_string(kilobytes) + "; ");
      if (o.code == 0) {
        EXPECT_EQ(o.out, expected.out) << mode << " " << kilobytes;
      } else {
        EXPECT_LT(o.code, 126) << mode << " " << kilobytes << "\n" << o.err;
        EXPECT_NE(o.err, "") << mode << " " << kilobytes;
      }
      last = o.code;
    }
    // The largest limit is enough, but for huge pages that the machine may not have.
    EXPECT_TRUE(last == 0 || (last == 4 && std::string_view(mode) == "-lm huge")) << mode << " " << last;
  }
}
#endif

TEST_F(CliTest, BenchComparesLoadModes) {
  const Outcome o = gannet("bench -m models/pocket.gguf -p 0 -n 2 -r 1 -t 1 -lm mmap,auto -o jsonl");
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(std::count(o.out.begin(), o.out.end(), '\n'), 2);
  for (const char* part : {"\"load_mode\":\"mmap\"", "\"load_mode\":\"auto\"", "\"huge_page_share\":"})
    EXPECT_NE(o.out.find(part), std::string::npos) << part << "\n" << o.out;
  EXPECT_EQ(gannet("bench -p 0 -n 2 -lm fast").code, 2);
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

TEST_F(CliTest, OptListsPassesAndRunsThem) {
  const Outcome list = gannet("opt --list");
  EXPECT_EQ(list.code, 0) << list.err;
  EXPECT_GT(std::count(list.out.begin(), list.out.end(), '\n'), 10);
  EXPECT_NE(list.out.find("eliminate_dead "), std::string::npos) << list.out;
  EXPECT_EQ(list.err, "");

  const std::string gir =
      "graph g {\n"
      "  %0 = input \"x\" : F32[3, 8]\n"
      "  %1 = param \"w\" : F32[8]\n"
      "  %2 = rms_norm(%0, %1) {eps = 1e-06} : F32[3, 8]\n"
      "  %3 = add(%0, %2) : F32[3, 8]  # nobody uses it\n"
      "  return \"y\" = %2\n"
      "}\n";
  const std::string path = write("g.gir", gir);
  const Outcome dead = gannet("opt --pass=eliminate_dead --print-changed --verify-each --stats " + path);
  EXPECT_EQ(dead.code, 0) << dead.err;
  EXPECT_NE(dead.out.find("rms_norm("), std::string::npos) << dead.out;
  EXPECT_EQ(dead.out.find("add("), std::string::npos) << dead.out;
  EXPECT_NE(dead.err.find("# after eliminate_dead: changes 1, nodes 2 -> 1, "), std::string::npos)
      << dead.err;
  EXPECT_NE(dead.err.find("\npass  "), std::string::npos) << dead.err;
  EXPECT_EQ(gannet("opt --pass=eliminate_dead -", gir).out, dead.out);
  EXPECT_NE(gannet("opt --bisect 0 " + path).out.find("add("), std::string::npos);
  EXPECT_EQ(gannet("opt --bisect 1 " + path).err.rfind("gannet: pass 1 of ", 0), 0u);

  // Lowering takes ops apart and the passes find them again.
  const Outcome lowered = gannet("opt --lower --bisect 0 tests/data/graphs/qwen35moe.trunk.gir");
  EXPECT_EQ(lowered.code, 0) << lowered.err;
  EXPECT_EQ(lowered.out.find("rms_norm("), std::string::npos);
  EXPECT_EQ(gannet("opt --pass=eliminate_dead -", lowered.out).code, 0);
  const Outcome all = gannet("opt --lower tests/data/graphs/qwen35moe.trunk.gir");
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_LT(all.out.size(), lowered.out.size());
}

TEST_F(CliTest, OptNamesWhatIsWrong) {
  const Outcome pass = gannet("opt --pass=fuse_everything tests/data/graphs/qwen3.trunk.gir");
  EXPECT_EQ(pass.code, 2);
  EXPECT_TRUE(pass.one_line()) << pass.err;
  EXPECT_NE(pass.err.find("there is no pass \"fuse_everything\""), std::string::npos) << pass.err;
  EXPECT_NE(pass.err.find("eliminate_dead"), std::string::npos) << pass.err;
  const Outcome path = gannet("opt /nowhere/x.gir");
  EXPECT_EQ(path.code, 2);
  EXPECT_TRUE(path.one_line()) << path.err;
  EXPECT_NE(path.err.find("/nowhere/x.gir"), std::string::npos) << path.err;
  const Outcome parse = gannet("opt " + write("bad.gir", "graph g {\n  %0 = nothing(%1) : F32[1]\n}\n"));
  EXPECT_EQ(parse.code, 2);
  EXPECT_TRUE(parse.one_line()) << parse.err;
  EXPECT_NE(parse.err.find("bad.gir: line 2"), std::string::npos) << parse.err;
  EXPECT_EQ(gannet("opt").code, 2);
  EXPECT_EQ(gannet("opt --bisect 1000 tests/data/graphs/qwen3.trunk.gir").code, 2);
  EXPECT_EQ(gannet("run hi --graph slow").code, 2);
  const Outcome minus = gannet("run hi --passes=eliminate_dead");
  EXPECT_EQ(minus.code, 2);
  EXPECT_NE(minus.err.find("--passes=-eliminate_dead"), std::string::npos) << minus.err;
}

TEST_F(CliTest, ExplainShowsThePlanOfEachPhase) {
  for (const auto& [arguments, plan] :
       {std::pair("", "plan qwen35moe.trunk.t1.last:"),
        std::pair("--phase prefill -ub 32", ".trunk.t32.last:"),
        std::pair("--phase verify --n-past 100", ".trunk.t4.all:"),
        std::pair("--phase verify --tokens 3 --graph naive", ".trunk.t3.all:"),
        std::pair("--mtp", "plan qwen35moe.mtp.t1.last:")}) {
    const Outcome o = gannet(std::string("explain ") + arguments);
    EXPECT_EQ(o.code, 0) << arguments << "\n" << o.err;
    EXPECT_NE(o.out.find(plan), std::string::npos) << arguments << "\n" << o.out;
    EXPECT_NE(o.out.find("times: "), std::string::npos) << o.out;
    const bool naive = std::string_view(arguments).find("naive") != std::string_view::npos;
    EXPECT_EQ(o.out.find("eliminate_dead: changes ") == std::string::npos, naive) << o.out;
  }
  const Outcome off = gannet("explain --passes=-eliminate_dead");
  EXPECT_EQ(off.code, 0) << off.err;
  EXPECT_EQ(off.out.find("eliminate_dead: changes "), std::string::npos);
  const Outcome gir = gannet("explain --gir");
  EXPECT_EQ(gir.code, 0) << gir.err;
  EXPECT_EQ(gir.out.rfind("graph qwen35moe.trunk.t1.last {\n", 0), 0u) << gir.out.substr(0, 100);
  EXPECT_EQ(gannet("opt --bisect 0 -", gir.out).out, gir.out);
  EXPECT_EQ(gannet("explain --phase sleep").code, 2);
  EXPECT_EQ(gannet("explain --layer 999").code, 2);
}

TEST_F(CliTest, NaiveGraphSaysTheSame) {
  const Outcome optimized = gannet("run 'define river' --temp 0 -n 20 --verify-each");
  const Outcome naive = gannet("run 'define river' --temp 0 -n 20 --graph naive");
  EXPECT_EQ(optimized.code, 0) << optimized.err;
  EXPECT_EQ(naive.code, 0) << naive.err;
  EXPECT_GT(naive.out.size(), 20u);
  EXPECT_EQ(naive.out, optimized.out);
}

TEST_F(CliTest, BenchMeasuresBothGraphs) {
  const Outcome md = gannet("bench -p 16 -n 2 -r 1 -t 1 --graph naive,optimized");
  EXPECT_EQ(md.code, 0) << md.err;
  for (const char* part : {"| naive ", "| optimized ", " pp16 |", " tg2 |", "   ratio |"})
    EXPECT_NE(md.out.find(part), std::string::npos) << part << "\n" << md.out;
  const Outcome jsonl =
      gannet("bench -p 0 -n 2 -r 3 -t 1 --graph naive,optimized --passes=-eliminate_dead -o jsonl");
  EXPECT_EQ(jsonl.code, 0) << jsonl.err;
  EXPECT_EQ(std::count(jsonl.out.begin(), jsonl.out.end(), '\n'), 2);
  for (const char* part : {"\"graph\":\"naive\",\"passes\":\"\"",
                           "\"median_ts\":", "\"graph\":\"optimized\",\"passes\":\"-eliminate_dead\""})
    EXPECT_NE(jsonl.out.find(part), std::string::npos) << part << "\n" << jsonl.out;
}

TEST_F(CliTest, BenchLadder) {
  const Outcome md = gannet("bench -p 0 -n 2 -r 1 -t 1 --passes-ladder");
  EXPECT_EQ(md.code, 0) << md.err;
  EXPECT_NE(md.out.find("| naive "), std::string::npos) << md.out;
  EXPECT_NE(md.out.find("| fuse_attention "), std::string::npos) << md.out;
  EXPECT_EQ(gannet("bench -p 0 -n 2 --passes-ladder -o csv").code, 2);
  EXPECT_EQ(gannet("bench -p 0 -n 2 --passes-ladder --graph naive").code, 2);
}

TEST_F(CliTest, ProfilesGoToStderrAndToAFile) {
  const std::string trace = folder / "trace.json";
  const Outcome run = gannet("run 'define sea' --temp 0 -n 3 -t 1 --profile --profile-trace " + trace);
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.err.find("qwen35moe.trunk.t1.last, 2 runs"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("us per run"), std::string::npos) << run.err;
  EXPECT_EQ(run.out, gannet("run 'define sea' --temp 0 -n 3 -t 1").out);
  EXPECT_EQ(read(trace).front(), '[');
  const Outcome bench = gannet("bench -p 8 -n 2 -r 1 -t 1 --profile --profile-trace " + trace);
  EXPECT_EQ(bench.code, 0) << bench.err;
  EXPECT_NE(bench.err.find("tg2"), std::string::npos) << bench.err;
  EXPECT_NE(read(trace).find("\"ph\": \"X\""), std::string::npos);
}

TEST_F(CliTest, AWordThatNamesAModelOrAFileIsNoPrompt) {
  const std::string note = write("note.txt", "define sea");
  for (const std::string& arguments :
       {std::string("qwen3:8b"), std::string("Qwen/Qwen3-8B-GGUF"), std::string("nowhere.gguf"),
        std::string("models/pocket.gguf"), note, "-m models/pocket.gguf " + note}) {
    const Outcome o = gannet("run -n 1 " + arguments);
    EXPECT_EQ(o.code, 2) << arguments;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_NE(o.err.find("-p to ask about the name"), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
    const Outcome asked = gannet("run -n 1 -p " + arguments.substr(arguments.rfind(' ') + 1));
    EXPECT_EQ(asked.code, 0) << asked.err;
  }
  EXPECT_EQ(gannet("run -n 1 what is qwen3:8b").code, 0);  // among other words it is a question
}

TEST_F(CliTest, AnEmptyModelIsNotThePocketModel) {
  for (const char* arguments : {"run -m '' hi", "bench -m '' -p 1 -n 1", "logits -m '' --tokens x --out y",
                                "inspect ''", "tokenize -m '' hi", "explain -m ''"}) {
    const Outcome o = gannet(arguments);
    EXPECT_EQ(o.code, 2) << arguments;
    EXPECT_NE(o.err.find("is empty"), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
  }
  for (const char* variable : {"GANNET_ARG_MODEL", "LLAMA_ARG_MODEL"}) {
    const Outcome o = gannet("run hi", "", std::string(variable) + "= ");
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find(variable), std::string::npos) << o.err;
  }
}

TEST_F(CliTest, SeveralPromptsAreRefusedByName) {
  const std::string file = write("prompt", "define sea");
  for (const auto& [arguments, input, first, second] :
       {std::tuple(std::string("hi -p hello"), "", "\"hi\"", "-p"),
        std::tuple("hi -f " + file, "", "\"hi\"", "-f "), std::tuple("-p hi -f " + file, "", "-p", "-f "),
        std::tuple(std::string("hi"), "there", "\"hi\"", "stdin"),
        std::tuple("-f " + file, "there", "-f ", "stdin")}) {
    const Outcome o = gannet("run -n 1 " + arguments, input);
    EXPECT_EQ(o.code, 2) << arguments;
    EXPECT_TRUE(o.one_line()) << o.err;
    for (const char* part : {"several prompts", first, second})
      EXPECT_NE(o.err.find(part), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "");
  }
  // A pipe that somebody writes to counts, one that is only open does not stop the answer.
  EXPECT_EQ(gannet("run -n 1 hi <&3", "", "exec 3< <(echo there); ").code, 2);
  const Outcome silent = gannet("run -n 1 hi <&3", "", "exec 3< <(sleep 3); ");
  EXPECT_EQ(silent.code, 0) << silent.err;
  EXPECT_NE(silent.err.find("stdin is not read"), std::string::npos) << silent.err;
}

TEST_F(CliTest, NamesOfOtherProgramsWorkOrSayWhyNot) {
  const std::string run = "run 'define sea' --temp 0 -n 12 ";
  const Outcome plain = gannet(run);
  ASSERT_EQ(plain.code, 0) << plain.err;
  for (const char* flags : {"-ngl 0", "-ngl auto", "--n-gpu-layers 0", "-fa", "-fa on", "-fa auto", "-fa=1",
                            "-b 64", "-b 2048 -ub 512", "-mg 0", "-st", "--keep 4", "--keep -1", "-e",
                            "--no-mmap", "--mmap", "--mlock", "-n 3 -n 12", "-n12"}) {
    const Outcome o = gannet(run + flags);
    EXPECT_EQ(o.code, 0) << flags << "\n" << o.err;
    EXPECT_EQ(o.out, plain.out) << flags;
  }
  const Outcome off = gannet(run + "-fa off");
  EXPECT_EQ(off.code, 0) << off.err;
  EXPECT_EQ(gannet("explain -fa off").out.find("fuse_attention:"), std::string::npos);
  EXPECT_NE(gannet("explain -fa on").out.find("fuse_attention:"), std::string::npos);
  EXPECT_EQ(gannet("run -n 4 -e 'define\\x20sea' --temp 0").out,
            gannet("run -n 4 'define sea' --temp 0").out);
  EXPECT_EQ(gannet("run -n 4 -no-cnv 'define sea' --temp 0").out,
            gannet("run -n 4 --raw 'define sea' --temp 0").out);
  const Outcome endless = gannet("run 'define sea' --temp 0 -n 400 --ignore-eos --timings");
  EXPECT_NE(endless.err.find("answer 400 tokens"), std::string::npos) << endless.err;
  for (const char* flags :
       {"-ngl 99", "-mg 1", "-hf a/b", "-md x", "-np 4", "-sm layer", "-ts 1,2", "-ot a=CPU", "-cmoe",
        "-fit on", "--numa isolate", "-j {}", "-mli", "--jinja", "--mirostat 1", "-lv 3", "-r x"}) {
    const Outcome o = gannet(run + flags);
    const std::string name = std::string(flags).substr(0, std::string(flags).find(' '));
    EXPECT_EQ(o.code, 2) << flags;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_NE(o.err.find("error: " + name), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "") << flags;
  }
  EXPECT_EQ(gannet("run hi -cnv").code, 2);  // there is no terminal
}

TEST_F(CliTest, OutputThatDoesNotArriveIsAnError) {
  for (const char* arguments :
       {"run hi -n 2", "tokenize hi", "tokenize --ids hi", "inspect", "explain", "explain --gir", "devices",
        "devices --kernels", "opt --list", "opt --bisect 0 tests/data/graphs/qwen3.trunk.gir", "--help",
        "run --help", "help run", "help --man", "version", "--version", "completions bash",
        "gguf verify models/pocket.gguf", "bench -p 1 -n 0 -r 1 --no-warmup"}) {
    for (const char* target : {"/dev/full", "&-"}) {
      const Outcome o = gannet(std::string(arguments) + " >" + target);
      EXPECT_EQ(o.code, 7) << arguments << " >" << target << "\n" << o.err;
      EXPECT_NE(o.err.find("gannet: error: stdout cannot be written"), std::string::npos) << o.err;
    }
    // Notes that do not arrive change nothing.
    const int expected = gannet(arguments).code;
    EXPECT_EQ(gannet(std::string(arguments) + " 2>/dev/full").code, expected) << arguments;
  }
  EXPECT_EQ(gannet("run hi -n 2 --timings 2>/dev/full").code, 0);
  EXPECT_EQ(gannet("opt --stats --bisect 0 tests/data/graphs/qwen3.trunk.gir 2>/dev/full").code, 0);
}

TEST_F(CliTest, HelpOfEveryCommandNamesItsOptions) {
  const Outcome help = gannet("--help");
  for (const char* command : {"run", "tokenize", "inspect", "gguf verify", "synth", "logits", "bench",
                              "explain", "opt", "devices", "completions", "help", "version"}) {
    const Outcome o = gannet(std::string(command) + " --help");
    EXPECT_EQ(o.code, 0) << command;
    EXPECT_EQ(o.out.rfind(std::string("Usage: gannet ") + command, 0), 0u) << o.out;
    EXPECT_EQ(gannet(std::string("help ") + command).out, o.out);
  }
  EXPECT_EQ(gannet("version").out, gannet("--version").out);
  EXPECT_EQ(gannet("help nothing").code, 2);
  const Outcome bash = gannet("completions bash");
  EXPECT_EQ(std::system(("bash -n " + write("c.bash", bash.out)).c_str()), 0);
  const std::string ask =
      "bash -c 'source " + write("c.bash", bash.out) +
      "; COMP_WORDS=(gannet run --load-mode h); COMP_CWORD=3; _gannet; echo ${COMPREPLY[*]}; "
      "COMP_WORDS=(gannet run --load); COMP_CWORD=2; _gannet; echo ${COMPREPLY[*]}' >" +
      (folder / "replies").string();
  EXPECT_EQ(std::system(ask.c_str()), 0);
  EXPECT_EQ(read(folder / "replies"), "huge\n--load-mode\n");
}

// --- Harm: what a command writes over, prints raw, waits for or aborts on

// The pocket model with one token more than its matrices have rows: 28 bytes for the token and 4 for its type
// leave everything behind them aligned as it was.
std::string with_one_token_too_many(std::string model) {
  const auto insert = [&](std::string_view key, const std::string& element) {
    const size_t count = model.find(key) + key.size() + 8;  // behind two type numbers
    uint64_t n = 0;
    std::memcpy(&n, model.data() + count, sizeof(n));
    ++n;
    std::memcpy(model.data() + count, &n, sizeof(n));
    model.insert(count + sizeof(n), element);
  };
  const uint64_t length = 20;
  std::string token(sizeof(length), '\0');
  std::memcpy(token.data(), &length, sizeof(length));
  insert("tokenizer.ggml.tokens", token + std::string(length, 'q'));
  insert("tokenizer.ggml.token_type", std::string("\1\0\0\0", 4));
  return model;
}

TEST_F(CliTest, OutputsGoWhereTheySay) {
  const std::string tokens = write("tokens", "1 2 3");
  const std::string logits = "logits -t 1 --tokens " + tokens + " --out ";
  const std::string file = folder / "file.npy", fifo = folder / "fifo", link = folder / "link";
  ASSERT_EQ(gannet(logits + file).code, 0);
  EXPECT_EQ(gannet(logits + "-").out, read(file));
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const Outcome piped = gannet(logits + fifo, "", "cat " + fifo + " >" + (folder / "got").string() + " & ");
  EXPECT_EQ(piped.code, 0) << piped.err;
  EXPECT_TRUE(fs::is_fifo(fifo));
  fs::create_symlink(folder / "aim", link);
  EXPECT_EQ(gannet(logits + link).code, 0);
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(read(folder / "aim"), read(file));
  for (int i = 0; i < 100 && read(folder / "got") != read(file); ++i) usleep(50'000);
  EXPECT_EQ(read(folder / "got"), read(file));
  const Outcome nowhere = gannet(logits + "''");
  EXPECT_EQ(nowhere.code, 2);
  EXPECT_TRUE(nowhere.one_line()) << nowhere.err;
  EXPECT_EQ(gannet(logits + folder.string()).code, 7);
  fs::create_symlink("/dev/full", folder / "full");
  const Outcome full = gannet(logits + (folder / "full").string());
  EXPECT_EQ(full.code, 7);
  EXPECT_TRUE(full.one_line()) << full.err;
}

TEST_F(CliTest, AnInputIsNeverWrittenOver) {
  const std::string pocket = read("models/pocket.gguf"), model = write("m.gguf", pocket);
  const std::string link = folder / "link";
  fs::create_symlink(model, link);
  for (const std::string& out : {model, link}) {
    const Outcome o = gannet("run -m " + model + " -t 1 -n 2 --temp 0 sea --profile-trace " + out);
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("is an input"), std::string::npos) << o.err;
  }
  EXPECT_TRUE(read(model) == pocket);
  const std::string tokens = write("tokens", "1 2 3");
  for (const std::string& out : {tokens, model}) {
    const Outcome o = gannet("logits -m " + model + " --tokens " + tokens + " --out " + out);
    EXPECT_EQ(o.code, 2);
    EXPECT_NE(o.err.find("is an input"), std::string::npos) << o.err;
  }
  EXPECT_EQ(read(tokens), "1 2 3");
  EXPECT_TRUE(read(model) == pocket);
  const Outcome bench = gannet("bench -m " + model + " -p 1 -n 0 -r 1 --profile-trace " + model);
  EXPECT_EQ(bench.code, 2) << bench.err;
  EXPECT_EQ(bench.out, "");  // refused before anything is measured
  EXPECT_TRUE(read(model) == pocket);
}

TEST_F(CliTest, VerifyTellsWhatBelongsToNothing) {
  const std::string pocket = read("models/pocket.gguf");
  EXPECT_EQ(gannet("gguf verify " + write("m.gguf", pocket)).code, 0);
  const Outcome o = gannet("gguf verify " + write("m.gguf", pocket + "the end of another file"));
  EXPECT_EQ(o.code, 3);
  EXPECT_NE(o.err.find("the last 23 bytes of it belong to nothing"), std::string::npos) << o.err;
  EXPECT_NE(o.out.find("damaged: "), std::string::npos) << o.out;
}

TEST_F(CliTest, MoreTokensThanLogitsAreRefusedEverywhere) {
  const std::string model = write("m.gguf", with_one_token_too_many(read("models/pocket.gguf")));
  for (const std::string& command :
       {"run -n 2 sea -m " + model, "bench -p 1 -n 1 -r 1 -m " + model, "gguf verify " + model,
        "logits --tokens " + write("tokens", "1") + " --out " + (folder / "o").string() + " -m " + model}) {
    const Outcome o = gannet(command);
    EXPECT_EQ(o.code, 3) << command;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_NE(o.err.find("the vocabulary has 4097 tokens"), std::string::npos) << o.err;
  }
  const Outcome o = gannet("inspect " + model);
  EXPECT_EQ(o.code, 0);
  EXPECT_NE(o.out.find("not a model that gannet runs: " + model + ": the vocabulary has"), std::string::npos);
}

TEST_F(CliTest, APipeIsNoModel) {
  const std::string fifo = folder / "fifo.gguf";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  for (const char* command : {"run sea -m ", "inspect ", "gguf verify ", "tokenize sea -m "}) {
    const Outcome o = gannet(command + fifo);
    EXPECT_EQ(o.code, 3) << command;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_NE(o.err.find("it is a pipe"), std::string::npos) << o.err;
  }
}

TEST_F(CliTest, NumbersBeyondTheMachineAreLoweredOrRefused) {
  const std::string run = "run 'define sea' --temp 0 -n 3";
  const Outcome many = gannet(run + " -t 9999");
  EXPECT_EQ(many.code, 0) << many.err;
  EXPECT_EQ(many.out, gannet(run + " -t 1").out);
  EXPECT_NE(many.err.find("9999 threads are more than twice the processors"), std::string::npos) << many.err;
  const Outcome longer = gannet(run + " -c 5000");
  EXPECT_EQ(longer.code, 0) << longer.err;
  EXPECT_NE(longer.err.find("longer than the 512 that the model was trained for"), std::string::npos)
      << longer.err;
  for (const char* command :
       {"bench -n 0 -p 1 -r 1 -d 999999999", "explain -c 1000000000", "run hi -c 1000000000"}) {
    const Outcome o = gannet(command);
    EXPECT_EQ(o.code, 4) << command;
    EXPECT_NE(o.err.find("a full context of 1000000000 tokens takes"), std::string::npos) << o.err;
  }
  const Outcome endless = gannet(run + " -c 1000000000000");
  EXPECT_EQ(endless.code, 2);
  EXPECT_TRUE(endless.one_line()) << endless.err;
}

TEST_F(CliTest, NamesOfAFileAreEscapedInMessages) {
  std::string model = read("models/pocket.gguf");
  const std::string key = "tokenizer.ggml.pre";
  const size_t value = model.find(key) + key.size() + 4 + 8;
  ASSERT_EQ(model.substr(value, 6), "qwen35");
  model.replace(value, 6, "\x1b[31m\x07");
  const Outcome named = gannet("run sea -m " + write("m.gguf", model));
  EXPECT_EQ(named.code, 3);
  EXPECT_NE(named.err.find("\\u{1b}[31m\\u{7}"), std::string::npos) << named.err;
  EXPECT_EQ(named.err.find('\x1b'), std::string::npos);
  const Outcome graph = gannet("opt " + write("g.gir", "graph g\x1b[31m {\n}\n"));
  EXPECT_EQ(graph.code, 2);
  EXPECT_NE(graph.err.find("line 1"), std::string::npos) << graph.err;
  EXPECT_EQ((graph.err + graph.out).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace gannet
