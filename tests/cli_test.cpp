// The program as a user meets it: what goes to stdout, what to stderr, exit codes, messages for wrong input.
#include <algorithm>
#include <cstring>
#include <sstream>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/npy.h"
#include "cli_fixture.h"

namespace gannet {
namespace {

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
  const Outcome ignored = gannet("run 'define stone' -n 3 -s 1 -m " + odd);
  EXPECT_EQ(ignored.code, 0);
  EXPECT_EQ(ignored.out, gannet("run 'define stone' -n 3 -s 1 --temp 0.8").out);
  EXPECT_TRUE(ignored.one_line()) << ignored.err;
  EXPECT_EQ(ignored.err, "gannet: " + temperature + " is nan; it must be a finite number, so 0.8 is used\n");
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

TEST_F(CliTest, BenchAnswersPrompts) {
  const std::string prompts = write("prompts",
                                    "# two\n=== word harbor\n<|im_start|>user\ndefine harbor<|im_end|>\n"
                                    "<|im_start|>assistant\n\n=== prose morning\nIn the morning\n");
  const std::string command = "bench -t 1 -n 12 -r 2 --spec off,ngram-simple:ngram_size_n=2,draft-mtp+force ";
  const Outcome o =
      gannet(command + "--spec-parallel 1,2 --temp 0.7 --seed 3 -o jsonl --spec-prompts " + prompts);
  EXPECT_EQ(o.code, 0) << o.err;
  const auto count = [](const std::string& text, std::string_view part) {
    int n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(std::count(o.out.begin(), o.out.end(), '\n'), 6);
  EXPECT_EQ(count(o.out, "\"n_answers\":2,\"temperature\":"), 6) << o.out;
  EXPECT_EQ(count(o.out, "\"same_text\":2,"), 6) << o.out;
  EXPECT_EQ(count(o.out, "\"n_parallel\":2,"), 3) << o.out;
  EXPECT_EQ(count(o.out, "\"name\":\"morning\""), 6) << o.out;
  const Outcome md = gannet(command + "-r 1 --spec-prompts " + prompts);
  EXPECT_EQ(md.code, 0) << md.err;
  EXPECT_GE(count(md.out, " 2 answers tg12 |"), 3) << md.out;
  EXPECT_EQ(count(md.out, " |       2/2 |"), 3) << md.out;
  EXPECT_EQ(count(md.out, "t/s over t/s of off"), 1) << md.out;

  EXPECT_EQ(gannet(command + "--spec-prompts " + prompts + " --spec-text " + prompts).code, 2);
  const Outcome bad = gannet(command + "--spec-prompts " + write("bad", "=== word\nx\n"));
  EXPECT_EQ(bad.code, 2);
  EXPECT_TRUE(bad.one_line()) << bad.err;
  for (const std::string flag : {"--spec-prompts", "--spec-text"}) {
    const Outcome missing = gannet(command + flag + " /nowhere/text");
    EXPECT_EQ(missing.code, 2);
    EXPECT_NE(missing.err.find("error: " + flag + ": /nowhere/text: "), std::string::npos) << missing.err;
  }
}

TEST_F(CliTest, ADraftModelIsOnlyReadWhereItDrafts) {
  const std::string variable = "LLAMA_ARG_SPEC_DRAFT_MODEL=/nowhere/d.gguf ";
  for (const char* flags : {"--spec off", "--spec-type none", "--graph naive"}) {
    const Outcome o = gannet(std::string("run hi -n 1 ") + flags, "", variable);
    EXPECT_EQ(o.code, 0) << flags << "\n" << o.err;
  }
  const std::string bench = "bench -p 0 -n 2 -r 1 -t 1 -md /nowhere/d.gguf --spec ";
  EXPECT_EQ(gannet(bench + "off,ngram-suffix").code, 0);
  for (const std::string& command : {std::string("run hi -n 1 -md /nowhere/d.gguf"), bench + "off,auto"}) {
    const Outcome o = gannet(command);
    EXPECT_EQ(o.code, 3) << command;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_NE(o.err.find("error: -md: /nowhere/d.gguf"), std::string::npos) << o.err;
  }
}

TEST_F(CliTest, FilesOfNgramCacheAreKnownByTheirFlags) {
  const std::string run = "run 'define sea' -n 20 --temp 0 --spec-type ngram-cache ", file = folder / "d.bin";
  const Outcome written = gannet(run + "-lcd " + file);
  EXPECT_EQ(written.code, 0) << written.err;
  EXPECT_GT(fs::file_size(file), 0u);
  EXPECT_EQ(gannet(run + "-lcs " + file + " -lcd " + file).out, written.out);
  const std::string bad = write("bad.bin", "no counts");
  for (const auto& [flags, code] :
       {std::pair(std::string("-lcd /nowhere/d.bin"), 7), std::pair(std::string("-lcs /nowhere/s.bin"), 2),
        std::pair("-lcs " + bad, 1), std::pair("-lcd " + bad, 1), std::pair("-lcd " + folder.string(), 7)}) {
    const Outcome o = gannet(run + flags);
    EXPECT_EQ(o.code, code) << flags;
    EXPECT_EQ(o.out, "") << "refused before the answer";
    EXPECT_TRUE(o.one_line()) << o.err;
    const size_t space = flags.find(' ');
    EXPECT_NE(o.err.find("error: " + flags.substr(0, space) + ": " + flags.substr(space + 1) + ": "),
              std::string::npos)
        << o.err;
  }
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

TEST_F(CliTest, BenchShowsPassesThatAreOff) {
  for (const char* flags : {"-fa off", "--passes=-fuse_attention"}) {
    const Outcome o = gannet(std::string("bench -p 0 -n 1 -r 1 -t 1 ") + flags);
    EXPECT_EQ(o.code, 0) << o.err;
    EXPECT_NE(o.out.find("-fuse_attention"), std::string::npos) << flags << "\n" << o.out;
  }
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

}  // namespace
}  // namespace gannet
