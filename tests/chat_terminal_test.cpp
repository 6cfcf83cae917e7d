// The chat at a terminal: keys, pastes, signals, a full context. What was sent as a message is read back from
// the file of the history.
#include <signal.h>

#include <algorithm>

#include "chat_fixture.h"

namespace gannet {
namespace {

TEST_F(ChatTest, LinesKeysAndCommands) {
  TerminalProgram chat(command({"-n", "2"}), variables);
  chat.wait_for("Gannet Pocket");
  chat.wait_for("context of 4096 tokens");
  chat.wait_for(kReady);
  const int first = ask(chat, "define harbor");
  EXPECT_GT(ask(chat, "define harbor"), first);        // continues: the end of the first answer is read too
  ask(chat, "\xC3\xA9\x7f\xE6\xBC\xA2\xC3\xBC\x7fx");  // erases whole characters
  ask(chat, "ac\x1b[Db");
  ask(chat, "\x1b[A\x1b[A\x1b[B!");  // older, older, newer
  ask(chat,
      "ab\x04"
      "c");  // Ctrl-D with something typed sends nothing
  ask(chat, "/etc/hosts what is this");
  chat.send("   \r");
  chat.wait_for(kReady);
  chat.send("/nothing\r");
  chat.wait_for("there is no command /nothing");
  chat.wait_for(kReady);
  chat.send(" /clear \r");
  chat.wait_for("forgotten");
  chat.wait_for(kReady);
  chat.send("/regen\r");
  chat.wait_for("nothing to answer again");
  chat.wait_for(kReady);
  EXPECT_EQ(ask(chat, "define harbor"), first);
  EXPECT_EQ(ask(chat, "/regen"), 3);  // only what opens an answer is read again
  chat.send("/quit\r");
  EXPECT_EQ(chat.wait_for_end(), 0);
  EXPECT_TRUE(chat.in_line_mode());
  const std::vector<std::string> expected = {
      "define harbor", "define harbor", "\xE6\xBC\xA2x",           "abc",
      "abc!",          "abc",           "/etc/hosts what is this", "/nothing",
      " /clear ",      "/regen",        "define harbor",           "/regen",
      "/quit"};
  EXPECT_EQ(history(), expected);
}

TEST_F(ChatTest, PastesOfAnyLengthAreOneMessage) {
  TerminalProgram chat(command({"-n", "1", "-c", "64"}), variables);
  chat.wait_for(kReady);
  ask(chat, kPaste + "one\r\ntwo\nthree\r" + kPasteEnd + " four");
  ask(chat, "\"\"\"\rfive\r\r  six\r\"\"\"");
  ask(chat, "\"\"\" seven \"\"\"");
  chat.send("/clear\r");
  chat.wait_for(kReady);
  const std::string line(6000, 'y');
  std::string lines, words;
  for (int i = 0; i < 20000; ++i)
    lines += "line " + std::to_string(i) + " of a long \xC3\xA9\xE6\xBC\xA2 file, pasted\n";
  while (words.size() < 1000000) words += "one \xC3\xA9\xE6\xBC\xA2 word ";
  ASSERT_GT(lines.size(), 700000u);
  for (const auto& [keys, message] :
       {std::pair(line, line), {kPaste + lines + kPasteEnd + "end", lines + "end"}, {words, words}}) {
    chat.send(keys);
    chat.send("\r");
    chat.wait_for(refusal(message, "-c 64"));
    chat.wait_for(kReady);
  }
  // The long ones were shown in few characters, and can be taken back as a whole.
  EXPECT_NE(chat.seen().find("lines]end"), std::string::npos);
  EXPECT_LT(chat.seen().size(), 30000u);
  ask(chat, kPaste + lines + kPasteEnd +
                "\x7f"
                "x");
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
  const std::vector<std::string> expected = {
      "one\\ntwo\\nthree\\n four", "five\\n\\n  six", " seven ", "/clear", line, "x"};
  EXPECT_EQ(history(), expected);
}

TEST_F(ChatTest, CtrlCClearsStopsAndLeaves) {
  TerminalProgram chat(command({"-n", "3"}), variables);
  chat.wait_for(kReady);
  const int first = ask(chat, "hello");
  for (int i = 0; i < 2; ++i) {
    chat.send("half a line\x03");
    chat.wait_for("^C");
    chat.wait_for(kReady);
  }
  chat.send("half");
  chat.wait_for("half");
  chat.signal(SIGINT);
  chat.wait_for("^C");
  chat.wait_for(kReady);
  EXPECT_EQ(chat.seen().find("once more"), std::string::npos);
  chat.send("\"\"\"\rhalf of a long one\r\x03");
  chat.wait_for("^C");
  chat.wait_for(kReady);
  chat.send("\x03");
  chat.wait_for("Ctrl-C once more leaves");
  chat.wait_for(kReady);
  EXPECT_GT(ask(chat, "hello"), first);  // the conversation is still there
  chat.send("\x03");
  chat.wait_for("Ctrl-C once more leaves");
  chat.wait_for(kReady);
  chat.send("\x03");
  EXPECT_EQ(chat.wait_for_end(), 130);
  EXPECT_TRUE(chat.in_line_mode());
}

TEST_F(ChatTest, CtrlCStopsAnAnswerAndTheReadingOfAMessage) {
  // Never an end token: the answer would take thousands of tokens. One token at a time makes reading slow.
  TerminalProgram chat(command({"-n", "4000", "-l", "4095-1000", "-l", "4093-1000", "--ubatch-size", "1"}),
                       variables);
  chat.wait_for(kReady);
  chat.send("define harbor\r");
  chat.wait_for("harbor");
  chat.wait_for("(noun)");
  chat.send("\x03");
  chat.wait_for("answer ");
  EXPECT_LT(std::atoi(chat.wait_for(" tokens").c_str()), 3000);
  chat.wait_for(kReady);
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "and it came to pass ";
  text.resize(15000);
  chat.send(text + "\r");
  chat.wait_for("reading [");
  chat.wait_for(" tokens");
  chat.send("\x03");
  chat.wait_for("answer 0 tokens");
  chat.wait_for(kReady);
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
}

TEST_F(ChatTest, WhatIsTypedDuringAnAnswerIsTheNextMessage) {
  TerminalProgram chat(command({"-n", "60", "-l", "4095-1000", "-l", "4093-1000", "-c", "128"}), variables);
  chat.wait_for(kReady);
  const std::string line(6000, 'y');
  chat.send("define harbor\r");
  chat.wait_for("harbor");
  chat.wait_for("(noun)");
  EXPECT_FALSE(chat.in_line_mode());  // lines of more than 4095 bytes would be cut
  chat.send(line + "\r" + "/quit\r");
  EXPECT_EQ(chat.wait_for_end(), 0);
  const std::vector<std::string> expected = {"define harbor", line, "/quit"};
  EXPECT_EQ(history(), expected);
}

TEST_F(ChatTest, AFullContextIsSaidAndLeft) {
  TerminalProgram chat(command({"-c", "30", "--raw"}), variables);
  chat.wait_for(kReady);
  const int first = ask(chat, "And it came to pass");
  EXPECT_NE(chat.seen().find("the answer was cut: the context of 30 tokens is full"), std::string::npos);
  for (int i = 0; i < 2; ++i) {
    chat.send("and then\r");
    chat.wait_for("the context is full (30 of 30 tokens); /clear starts anew");
    chat.wait_for(kReady);
  }
  EXPECT_EQ(ask(chat, "/regen"), first);
  chat.send("/clear\r");
  chat.wait_for(kReady);
  EXPECT_EQ(ask(chat, "And it came to pass"), first);
  chat.send("/exit\r");
  EXPECT_EQ(chat.wait_for_end(), 0);
}

TEST_F(ChatTest, AMessageThatDoesNotFitChangesNothing) {
  TerminalProgram chat(command({"-c", "40", "-n", "2"}), variables);
  chat.wait_for(kReady);
  const int first = ask(chat, "hello");
  const int second = ask(chat, "hi");
  chat.send("one two three four five six seven eight nine ten eleven twelve\r");
  chat.wait_for("the message has ");
  const int tokens = std::atoi(chat.wait_for(" tokens, ").c_str());
  const int room = std::atoi(chat.wait_for(" of the 40 of the context are free").c_str());
  EXPECT_EQ(room, 40 - 1 - first - second - 4);  // two answers of 2 tokens
  EXPECT_GT(tokens, room);
  chat.wait_for(kReady);
  EXPECT_EQ(ask(chat, "/regen"), 3);  // answers the last message that was answered
  chat.send("/exit\r");
  EXPECT_EQ(chat.wait_for_end(), 0);
  EXPECT_EQ(history()[2].substr(0, 13), "one two three");  // not lost
}

TEST_F(ChatTest, TheHistoryOutlivesTheChat) {
  {
    TerminalProgram chat(command({"-n", "1"}), variables);
    chat.wait_for(kReady);
    ask(chat, "first\\n");
    ask(chat, kPaste + "second\nline" + kPasteEnd);
    chat.send("\x04");
    EXPECT_EQ(chat.wait_for_end(), 0);
  }
  const std::vector<std::string> expected = {"first\\\\n", "second\\nline"};
  EXPECT_EQ(history(), expected);
  variables["GANNET_HISTORY"] = "";
  TerminalProgram chat(command({"-n", "1"}), variables);
  chat.wait_for(kReady);
  ask(chat, "unknown");
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
  EXPECT_EQ(history(), expected);
  variables.erase("GANNET_HISTORY");
  TerminalProgram again(command({"-n", "1"}), variables);
  again.wait_for(kReady);
  ask(again, "\x1b[A\x1b[A!");
  ask(again, "\x1b[A\x1b[A?");
  again.send("\x04");
  EXPECT_EQ(again.wait_for_end(), 0);
  EXPECT_EQ(history()[2], "first\\\\n!");
  EXPECT_EQ(history()[3], "second\\nline?");
}

TEST_F(ChatTest, GeneratedControlCharactersAreShownAtATerminalOnly) {
  // The pocket model made to say escape characters: its tokens below 256 are bytes.
  const std::string run = GANNET_PROGRAM " run --raw -n 5 --temp 0 -t 1 -l 27+1000 x";
  ASSERT_EQ(std::system((run + " >" + (folder / "out").string()).c_str()), 0);
  EXPECT_EQ(bytes(folder / "out"), "\x1b\x1b\x1b\x1b\x1b\n");
  TerminalProgram program({"sh", "-c", run + "; echo done"}, variables);
  EXPECT_EQ(program.wait_for("done"), "\\u{1b}\\u{1b}\\u{1b}\\u{1b}\\u{1b}\r\n");
  EXPECT_EQ(program.wait_for_end(), 0);
}

TEST_F(ChatTest, SignalsGiveTheTerminalBack) {
  for (const int number : {SIGTERM, SIGHUP}) {
    TerminalProgram chat(command({"-n", "1"}), variables);
    chat.wait_for(kReady);
    EXPECT_FALSE(chat.in_line_mode());
    chat.send("half");
    chat.wait_for("half");
    chat.signal(number);
    EXPECT_EQ(chat.wait_for_end(), 128 + number);
    EXPECT_TRUE(chat.in_line_mode());
    EXPECT_NE(chat.seen().find("\x1b[?2004l"), std::string::npos);
  }
}

TEST_F(ChatTest, AModelThatShrinksGivesTheTerminalBack) {
  const std::string model = folder / "m.gguf";
  fs::copy_file("models/pocket.gguf", model);
  TerminalProgram chat(command({"-n", "1", "-lm", "mmap", "-m", model}), variables);
  chat.wait_for(kReady);
  fs::resize_file(model, 4096);
  chat.send("hello\r");
  chat.wait_for("m.gguf: the file shrank while it was in use");
  EXPECT_EQ(chat.wait_for_end(), 3);
  EXPECT_TRUE(chat.in_line_mode());
}

TEST_F(ChatTest, AStoppedChatGoesOn) {
  std::string words;
  for (const std::string& word : command({"-n", "1"})) words += word + " ";
  TerminalProgram shell({"bash", "-m", "-c", words + "; stty -a | grep -o '.icanon'; echo stopped; fg"},
                        variables);
  shell.wait_for(kReady);
  shell.send("ab\x1a");
  EXPECT_NE(shell.wait_for("stopped").find(" icanon"), std::string::npos);
  shell.wait_for(kReady);
  shell.wait_for("ab");  // shown again
  EXPECT_FALSE(shell.in_line_mode());
  ask(shell, "c");
  shell.send("\x04");
  EXPECT_EQ(shell.wait_for_end(), 0);
  EXPECT_EQ(history(), std::vector<std::string>{"abc"});
}

TEST_F(ChatTest, ANewWindowSizeIsUsed) {
  TerminalProgram chat(command({"-n", "1"}), variables);
  chat.wait_for(kReady);
  chat.send("abc");
  chat.wait_for("abc");
  chat.resize(24, 20);
  chat.wait_for("> abc");  // shown again
  const std::string more(30, 'd');
  chat.send(more);
  chat.wait_for(std::string(15, 'd'));  // up to the edge of the new window
  EXPECT_EQ(chat.wait_for(std::string(15, 'd')).substr(0, 1), " ");
  ask(chat, "");
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
  EXPECT_EQ(history(), std::vector<std::string>{"abc" + more});
}

TEST_F(ChatTest, ATerminalThatCannotMoveItsCursor) {
  variables["TERM"] = "dumb";
  TerminalProgram chat(command({"-n", "1", "-c", "64"}), variables);
  const auto ready = [&] { chat.wait_for("\n> "); };
  ready();
  chat.send(
      "ab\x04"
      "c\xC3\xA9\x7f\r");
  chat.wait_for("[prompt");
  ready();
  chat.send("half\x03");
  chat.wait_for("^C");
  ready();
  chat.send("\x03");
  chat.wait_for("Ctrl-C once more leaves");
  ready();
  chat.send("/clear\r");
  ready();
  const std::string line(6000, 'y');
  chat.send(line + "\r");
  chat.wait_for(refusal(line, "-c 64"));
  ready();
  chat.send("\x04");
  EXPECT_EQ(chat.wait_for_end(), 0);
  EXPECT_EQ(chat.seen().find('\x1b'), std::string::npos);
  EXPECT_TRUE(chat.in_line_mode());
}

TEST_F(ChatTest, AnOutputThatTakesNoMoreEndsTheChat) {
  TerminalProgram chat(command({"-n", "1"}), variables, "/dev/full");
  chat.wait_for(kReady);
  chat.send("hello\r");
  chat.wait_for("gannet: error: stdout cannot be written: No space left on device");
  EXPECT_EQ(chat.wait_for_end(), 7);
}

}  // namespace
}  // namespace gannet
