// What must do no harm: what a command writes over, prints raw, waits for or aborts on.
#include <sys/stat.h>

#include <cstdint>
#include <cstring>
#include <string_view>

#include "cli_fixture.h"

namespace gannet {
namespace {

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
  EXPECT_NE(full.err.find("cannot be written: No space left on device; make room"), std::string::npos)
      << full.err;
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
  const Outcome through = gannet("logits -m " + model + " --tokens " + tokens + " --out - 1<>" + model);
  EXPECT_EQ(through.code, 2);
  EXPECT_NE(through.err.find("stdout is an input"), std::string::npos) << through.err;
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
  EXPECT_NE(longer.err.find("longer than the 4096 that the model was trained for"), std::string::npos)
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
