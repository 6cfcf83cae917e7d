// What people type: names of options, prompts from several places, help, outputs that are full or closed.
#include <tuple>

#include "cli_fixture.h"

namespace gannet {
namespace {

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
  // The model first, as other programs have it.
  for (const char* arguments :
       {"qwen3:0.6b hi there", "llama3.2 'why is the sky blue'", "Qwen/Qwen3-0.6B hi", "x.GGUF hi", "mistral",
        "/no/such/file", "https://huggingface.co/Qwen/Qwen3-0.6B-GGUF"}) {
    const Outcome o = gannet(std::string("run -n 1 ") + arguments);
    EXPECT_EQ(o.code, 2) << arguments;
    EXPECT_EQ(o.out, "");
  }
  const Outcome hub = gannet("run hi -n 1", "", "LLAMA_ARG_HF_REPO=a/b ");
  EXPECT_EQ(hub.code, 2);
  EXPECT_NE(hub.err.find("LLAMA_ARG_HF_REPO: models are not downloaded yet"), std::string::npos) << hub.err;
  EXPECT_EQ(gannet("run hi -n 1 -m models/pocket.gguf", "", "LLAMA_ARG_HF_REPO=a/b ").code, 0);
  const Outcome binary = gannet("run -f models/pocket.gguf");
  EXPECT_EQ(binary.code, 2);
  EXPECT_NE(binary.err.find("-m runs it"), std::string::npos) << binary.err;
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

TEST_F(CliTest, AMisspelledVariableIsNamed) {
  const Outcome o = gannet("run -n 1 hi", "", "GANNET_ARG_THREDS=1 ");
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_TRUE(o.one_line()) << o.err;
  EXPECT_NE(o.err.find("GANNET_ARG_THREDS"), std::string::npos) << o.err;
  EXPECT_EQ(gannet("run -n 1 hi", "", "GANNET_ARG_THREADS=1 ").err, "");
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
  EXPECT_EQ(gannet("run -n 4 --temp 0 -", "define sea").out, gannet("run -n 4 --temp 0 'define sea'").out);
  EXPECT_EQ(gannet("tokenize hi", "there").code, 2);
  EXPECT_EQ(gannet("tokenize -f " + file, "there").code, 2);
  EXPECT_EQ(gannet("tokenize -f -", "there").code, 0);
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
  for (const char* flags : {"-ngl 0",
                            "-ngl auto",
                            "--n-gpu-layers 0",
                            "-ngl 99",
                            "-ngl all --device cpu",
                            "--device none",
                            "-cmoe -ncmoe 2",
                            "-ot exps=CPU",
                            "-fit on -fitt 512",
                            "-fa",
                            "-fa on",
                            "-fa auto",
                            "-fa=1",
                            "-fa true",
                            "-fa ON",
                            "-b 64",
                            "-b 2048 -ub 512",
                            "-mg 0",
                            "-st",
                            "--keep 4",
                            "--keep -1",
                            "-e",
                            "--no-mmap",
                            "--mmap",
                            "--mlock",
                            "-n 3 -n 12",
                            "-n12",
                            "--spec off",
                            "--spec-type none",
                            "--draft-max 4 -td 2",
                            "--spec-default --spec-ngram-mod-n-match 12"}) {
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
       {"-ngl x", "-mg 1", "-hf a/b", "-hfd a/b", "-devd x", "-ngld x", "-np 4", "-sm layer", "-ts 1,2",
        "--fit maybe", "--numa isolate", "-mli", "-lv 3", "-r x"}) {
    const Outcome o = gannet(run + flags);
    const std::string name = std::string(flags).substr(0, std::string(flags).find(' '));
    EXPECT_EQ(o.code, 2) << flags;
    EXPECT_TRUE(o.one_line()) << o.err;
    EXPECT_NE(o.err.find("error: " + name), std::string::npos) << o.err;
    EXPECT_EQ(o.out, "") << flags;
  }
  EXPECT_EQ(gannet("run hi -cnv").code, 2);  // there is no terminal
  EXPECT_EQ(gannet("logits --spec auto").err,
            "gannet: error: --spec: only gannet run, gannet serve and gannet bench draft\n");
}

TEST_F(CliTest, BenchTakesTheFlagsOfItsKind) {
  for (const char* flags : {"-b 2048", "-mmp 0", "-mmp 1", "--no-mmap", "-fa 1", "-ngl 0", "-C 1"}) {
    const Outcome o =
        gannet(std::string("bench -p 4 -n 0 -r 1 --no-warmup -o jsonl -m models/pocket.gguf ") + flags);
    EXPECT_EQ(o.code, 0) << flags << "\n" << o.err;
    const auto has = [&](const char* part) { return o.out.find(part) != std::string::npos; };
    EXPECT_EQ(has("\"load_mode\":\"none\""),
              std::string_view(flags) == "-mmp 0" || std::string_view(flags) == "--no-mmap");
    EXPECT_EQ(has("\"load_mode\":\"mmap\""), std::string_view(flags) == "-mmp 1");
    if (std::string_view(flags) == "-C 1") {
      EXPECT_TRUE(has("\"n_threads\":1,")) << o.out;
    }
  }
}

TEST_F(CliTest, OutputThatDoesNotArriveIsAnError) {
  const Outcome closed = gannet("help --man | head -c 10");  // who has seen enough needs no message
  EXPECT_EQ(closed.err, "");
#if !defined(__SANITIZE_THREAD__)  // whose own start writes a file
  const Outcome limited = gannet("opt --list", "", "ulimit -f 0; ");
  EXPECT_LT(limited.code, 126) << "a signal";
#endif
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

// Whatever of a model cannot be had, the server says it and ends, though it listens already.
TEST_F(CliTest, AServerWithoutAModelEnds) {
  const std::string junk = write("junk", "junk");
  for (const auto& [arguments, code] : {std::pair<std::string, int>{"-m " + junk, 3},
                                        {"--chat-template '{% if %}'", 2},
                                        {"--spec-type ngram-simple:none=1", 2},
                                        {"--cache-dir " + junk, 7},
                                        {"--slot-save-path " + junk, 2}}) {
    const Outcome o = gannet("serve --port 0 " + arguments);
    EXPECT_EQ(o.code, code) << arguments << "\n" << o.err;
    EXPECT_NE(o.err.find("gannet: error: "), std::string::npos) << o.err;
  }
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

}  // namespace
}  // namespace gannet
