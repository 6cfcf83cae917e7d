// Text that goes into the program: from arguments, files, pipes, FIFOs and process substitution, in whatever
// encoding, and what `tokenize` and `logits` say about it.
#include <gmock/gmock.h>

#include <algorithm>

#include "base/npy.h"
#include "cli_fixture.h"
#include "gguf/writer.h"

namespace gannet {
namespace {

using testing::HasSubstr;

struct CliInputTest : CliTest {
  // One line of bash with $G for the program; stdin is empty unless the line says otherwise.
  Outcome bash(const std::string& line) {
    return started("bash " + write("script", "G=" GANNET_PROGRAM "\n" + line + "\n") + " </dev/null");
  }
  std::string ids(const std::string& rest) {
    const Outcome o = bash("$G tokenize --ids " + rest);
    EXPECT_EQ(o.code, 0) << rest << "\n" << o.err;
    return o.out;
  }
  // Refused with exit code `code` and one line.
  std::string refusal(int code, const std::string& line) {
    const Outcome o = bash(line);
    EXPECT_EQ(o.code, code) << line << "\n" << o.err;
    EXPECT_EQ(o.out, "") << line;
    EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << line << "\n" << o.err;
    return o.err;
  }
};

TEST_F(CliInputTest, TokenizeReadsFromWhereverTheTextComes) {
  const std::string file = write("text", "the harbor\n"), expected = ids("$'the harbor\\n'");
  EXPECT_EQ(ids("-f " + file), expected);
  EXPECT_EQ(ids("< " + file), expected);
  EXPECT_EQ(ids("-f - < " + file), expected);
  EXPECT_EQ(ids("-f /dev/stdin < " + file), expected);
  EXPECT_EQ(ids("-f <(echo 'the harbor')"), expected);
  EXPECT_EQ(ids("-f <(printf 'the har'; sleep 0.1; echo bor)"), expected);
  const std::string fifo = (folder / "fifo").string();
  EXPECT_EQ(
      bash("mkfifo " + fifo + "; (echo 'the harbor' > " + fifo + ") & $G tokenize --ids -f " + fifo).out,
      expected);
  EXPECT_NE(ids("-f <(printf 'the harbor')"), expected) << "the line end of a file is part of its text";
  EXPECT_EQ(ids("''"), "\n") << "an empty text is a text, not a reason to wait for stdin";
}

TEST_F(CliInputTest, TokenizeRefusesTwoTextsAndNamesBoth) {
  const std::string file = write("text", "the harbor\n");
  const std::string both = refusal(2, "$G tokenize 'the sea' -f " + file);
  EXPECT_THAT(both, HasSubstr("TEXT and -f " + file));
  EXPECT_THAT(refusal(2, "$G tokenize '' -f -"), HasSubstr("TEXT and -f -"));
  EXPECT_THAT(refusal(2, "$G tokenize the sea"), HasSubstr("sea"));
  EXPECT_THAT(refusal(2, "$G tokenize -f ''"), HasSubstr("empty"));
  EXPECT_THAT(refusal(2, "$G tokenize -f /nowhere/x"), HasSubstr("/nowhere/x: cannot be opened"));
  EXPECT_THAT(refusal(2, "$G tokenize -f /tmp"), HasSubstr("/tmp: is a directory"));
}

TEST_F(CliInputTest, EndlessTextsAreRefused) {
  EXPECT_THAT(refusal(2, "yes 2>/dev/null | $G tokenize"), HasSubstr("stdin: holds more than 64 MiB"));
  EXPECT_THAT(refusal(2, "$G tokenize -f /dev/zero"), HasSubstr("/dev/zero: holds more than 64 MiB"));
  EXPECT_THAT(refusal(2, "yes 1 2>/dev/null | $G logits --tokens - --out /dev/null"),
              HasSubstr("stdin: holds more than"));
  EXPECT_THAT(refusal(2, "yes 2>/dev/null | $G opt -"), HasSubstr("stdin: holds more than"));
}

TEST_F(CliInputTest, EncodingsAndControlTokens) {
  EXPECT_EQ(ids("-f " + write("bom", "\xEF\xBB\xBFharbor")), ids("harbor"));
  EXPECT_THAT(refusal(2, "printf harbor | iconv -t UTF-16 | $G tokenize"),
              HasSubstr("iconv -f UTF-16 -t UTF-8"));
  EXPECT_THAT(refusal(2, "printf harbor | iconv -t UTF-16LE | $G tokenize"),
              HasSubstr("stdin: is text in UTF-16"));
  EXPECT_EQ(ids("$'cafe\\xcc\\x81'"), ids("$'caf\\xc3\\xa9'"));
  const std::string control = "'<|im_start|>'", parsed = ids(control);
  EXPECT_EQ(std::count(parsed.begin(), parsed.end(), ' '), 0) << parsed;
  EXPECT_EQ(ids("--parse-special " + control), parsed);
  const std::string plain = ids("--no-parse-special " + control);
  EXPECT_GT(std::count(plain.begin(), plain.end(), ' '), 2) << plain;
}

TEST_F(CliInputTest, TokenizeShowsControlCharactersAndFullDisks) {
  const Outcome shown =
      bash("$G tokenize $'a\\e[31m\\x07\\x7f\\xc2\\x9b1m\\xe2\\x80\\xae\\xe2\\x81\\xa6b\\r\\xff'");
  EXPECT_EQ(shown.code, 0) << shown.err;
  for (const char c : shown.out) EXPECT_TRUE(c == '\n' || (c >= 0x20 && c < 0x7F)) << static_cast<int>(c);
  for (const char* part : {"\\u{1b}", "\\u{7}", "\\u{7f}", "\\r", "\\xff"})
    EXPECT_THAT(shown.out, HasSubstr(part));
  // A vocabulary whose tokens are made to move the cursor and turn the line around.
  const std::string evil = "<\x1b]0;title\x07\u202E\u009B\u2066>";
  const std::string vocabulary = folder / "evil.gguf";
  GgufBuilder builder;
  builder.set_string("tokenizer.ggml.model", "gpt2");
  builder.set_string("tokenizer.ggml.pre", "qwen2");
  builder.set_strings("tokenizer.ggml.tokens", std::vector<std::string>{"a", evil});
  builder.set_numbers<int32_t>("tokenizer.ggml.token_type", std::vector<int32_t>{1, 4});
  builder.set_strings("tokenizer.ggml.merges", std::vector<std::string>{});
  auto writer = GgufWriter::create(vocabulary, builder).take();
  ASSERT_TRUE(writer.finish().ok());
  EXPECT_EQ(bash("$G tokenize -m " + vocabulary + " -f " + write("text", "a" + evil)).out,
            "     0  a\n     1  <\\u{1b}]0;title\\u{7}\\u{202e}\\u{9b}\\u{2066}>\n");
  EXPECT_THAT(refusal(7, "$G tokenize hi > /dev/full"), HasSubstr("stdout"));
  EXPECT_THAT(refusal(7, "$G tokenize --ids hi > /dev/full"), HasSubstr("No space left"));
}

TEST_F(CliInputTest, LogitsReadsTokensFromAnywhere) {
  const std::string out = folder / "out.npy";
  for (const std::string& tokens : {std::string("- <<< '1 2 3'"), std::string("<(echo 1 2 3)"),
                                    std::string("/dev/stdin < <(echo 1 2 3)")}) {
    const Outcome o = bash("$G logits --tokens " + tokens + " --out " + out);
    ASSERT_EQ(o.code, 0) << tokens << "\n" << o.err;
    EXPECT_EQ(read_npy(out).take().rows, 3) << tokens;
    fs::remove(out);
  }
  EXPECT_THAT(refusal(2, "$G logits --tokens - --out " + out + " <<< '1 x'"),
              HasSubstr("stdin: token 1 is no integer"));
}

TEST_F(CliInputTest, LogitsChecksTokensBeforeAnythingElse) {
  const std::string out = folder / "out.npy", to = " --out " + out;
  const std::string high = refusal(1, "$G logits --tokens <(echo 1 4096)" + to);
  EXPECT_THAT(high, HasSubstr("token 1 is 4096, outside the model's vocabulary of 4096"));
  EXPECT_THAT(refusal(1, "$G logits --tokens <(echo 1 -1)" + to), HasSubstr("token 1 is -1"));
  const std::string full = refusal(1, "$G logits -c 2 --tokens <(echo 1 2 3)" + to);
  EXPECT_THAT(full, HasSubstr("3 tokens are 1 too many, the context holds 2"));
  EXPECT_THAT(refusal(1, "$G logits --tokens <(yes 1 2>/dev/null | head -n 1000000)" + to),
              HasSubstr("too many"));
  EXPECT_THAT(refusal(2, "$G logits --mtp --tokens <(echo 1)" + to), HasSubstr("two tokens"));
  EXPECT_FALSE(fs::exists(out));
  // The MTP block has a row less than there are tokens.
  const Outcome mtp = bash("$G logits --mtp -c 2 --tokens <(echo 1 2 3)" + to);
  ASSERT_EQ(mtp.code, 0) << mtp.err;
  EXPECT_EQ(read_npy(out).take().rows, 2);
  EXPECT_THAT(refusal(1, "$G logits --mtp -c 2 --tokens <(echo 1 2 3 4)" + to), HasSubstr("1 too many"));
}

TEST_F(CliInputTest, GraphsAreReadFromAnywhere) {
  const std::string graph = "tests/data/graphs/qwen3.trunk.gir",
                    expected = bash("$G opt --bisect 0 " + graph).out;
  EXPECT_GT(expected.size(), 100u);
  EXPECT_EQ(bash("$G opt --bisect 0 <(cat " + graph + ")").out, expected);
  EXPECT_EQ(bash("$G opt --bisect 0 /dev/stdin < <(cat " + graph + ")").out, expected);
  EXPECT_THAT(refusal(2, "$G opt /tmp"), HasSubstr("/tmp: is a directory"));
}

}  // namespace
}  // namespace gannet
